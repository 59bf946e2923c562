"""SMS through a generic gateway, with delivery reports."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from notifications.channel import AddressKind, Device, ReceiptState
from notifications.errors import (
    ChannelMisconfigured,
    NotificationError,
    PermanentFailure,
    TemporaryFailure,
    TokenExpired,
)
from notifications.sms_http import ReportState, SmsHttpChannel, read_report
from notifications.stub_server import Behaviour

PHONE = Device("d-3", AddressKind.SMS, "+447700900123")


@pytest.fixture
def channel(sms_stub):
    channel = SmsHttpChannel(time.time, url=f"{sms_stub.url}/send", key="k", timeout_s=0.5)
    yield channel
    channel.close()


def test_the_gateway_gets_the_generic_words_and_a_reference(channel, sms_stub, make_message):
    receipt = channel.send(make_message(), PHONE)

    assert receipt.state is ReceiptState.HANDED_OVER
    assert receipt.provider_id == "sms-1"
    (sent,) = sms_stub.received
    assert sent.headers["Authorization"] == "Bearer k"
    assert sent.message["to"] == PHONE.address
    assert sent.message["text"] == "Heartreach: Urgent call near you. Open now."
    assert sent.message["reference"] == "m-1"
    assert 85 <= sent.message["valid_for_s"] <= 90
    assert "sender" not in sent.message


def test_a_gateway_with_other_names_for_its_fields(sms_stub, make_message):
    channel = SmsHttpChannel(
        time.time,
        url=f"{sms_stub.url}/send",
        sender="Alert",
        fields={"to": "to", "text": "message", "sender": "from"},
        id_field="nothing",
    )
    receipt = channel.send(make_message(), PHONE)
    assert set(sms_stub.received[0].message) == {"to", "message", "from"}
    assert receipt.provider_id is None
    channel.close()


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (400, PermanentFailure),
        (401, ChannelMisconfigured),
        (404, TokenExpired),
        (429, TemporaryFailure),
        (500, TemporaryFailure),
    ],
)
def test_each_refusal_has_its_meaning(channel, sms_stub, make_message, status, failure):
    sms_stub.behave(Behaviour(status=status))
    with pytest.raises(NotificationError) as caught:
        channel.send(make_message(), PHONE)
    assert type(caught.value) is failure
    assert PHONE.address not in str(caught.value)


@pytest.mark.parametrize("behaviour", [Behaviour(cut=True), Behaviour(delay_s=1.0)])
def test_when_the_answer_is_lost_the_outcome_is_unknown(channel, sms_stub, make_message, behaviour):
    sms_stub.behave(behaviour)
    assert channel.send(make_message(), PHONE).state is ReceiptState.UNKNOWN


def test_a_gateway_that_is_not_there(make_message):
    channel = SmsHttpChannel(time.time, url="http://127.0.0.1:9/", timeout_s=0.5)
    with pytest.raises(TemporaryFailure, match="sms_unreachable"):
        channel.send(make_message(), PHONE)
    channel.close()


def test_the_gateway_reports_the_delivery(sms_stub, make_message):
    reports: list[tuple[str | None, object]] = []
    arrived = threading.Event()

    class Reports(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            reports.append((self.headers["Authorization"], json.loads(body)))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Reports)
    threading.Thread(target=server.handle_request, daemon=True).start()
    channel = SmsHttpChannel(
        time.time,
        url=f"{sms_stub.url}/send",
        report_url=f"http://127.0.0.1:{server.server_port}/reports",
    )
    channel.send(make_message(), PHONE)

    assert arrived.wait(5.0)
    server.server_close()
    channel.close()
    ((key, document),) = reports
    assert key == "Bearer report-key"
    report = read_report(document)
    assert (report.reference, report.state) == ("m-1", ReportState.DELIVERED)


@pytest.mark.parametrize(
    ("status", "state"),
    [("DELIVRD", "delivered"), ("failed", "failed"), ("buffered", "unknown")],
)
def test_reports_are_read_in_the_usual_spellings(status, state):
    assert read_report({"reference": "m", "status": status}).state == state


@pytest.mark.parametrize("document", [None, [], {}, {"reference": "m"}, {"status": "delivered"}])
def test_a_report_without_its_fields_is_refused(document):
    with pytest.raises(ValueError, match="delivery report"):
        read_report(document)
