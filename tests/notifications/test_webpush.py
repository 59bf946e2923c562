"""Web Push: encrypted for one browser, and never to an address inside somebody's network."""

from __future__ import annotations

import json
import time

import pytest
import requests

from notifications.channel import AddressKind, Device, ReceiptState
from notifications.errors import (
    ChannelMisconfigured,
    NotificationError,
    PermanentFailure,
    TemporaryFailure,
    TokenExpired,
)
from notifications.messages import Message, Purpose, Words
from notifications.stub_push import PushStub
from notifications.stub_server import Behaviour
from notifications.webpush import MAX_PAYLOAD_BYTES, WebPushChannel, new_key

PRIVATE_KEY, PUBLIC_KEY = new_key()
APP = "https://app.example/open"


@pytest.fixture
def channel(push_stub: PushStub):
    channel = WebPushChannel(
        time.time,
        private_key=PRIVATE_KEY,
        contact="mailto:duty@service.example",
        app_url=APP,
        local_endpoint=push_stub.url,
        timeout_s=0.5,
    )
    yield channel
    channel.close()


@pytest.fixture
def browser(push_stub: PushStub) -> Device:
    return Device("d-2", AddressKind.WEBPUSH, json.dumps(push_stub.subscribe()))


def test_the_browser_decrypts_the_message(channel, push_stub, browser, make_message):
    receipt = channel.send(make_message(), browser)

    assert receipt.state is ReceiptState.HANDED_OVER
    (sent,) = push_stub.received
    assert sent.message["web_push"] == 8030
    assert sent.message["notification"]["title"] == "Urgent call near you"
    assert sent.message["notification"]["body"] == "Open now."
    assert sent.message["data"]["id"] == "m-1"
    headers = {name.lower(): value for name, value in sent.headers.items()}
    assert headers["urgency"] == "high"
    assert headers["topic"] == "c-1"
    assert 85 <= int(headers["ttl"]) <= 90
    assert headers["content-encoding"] == "aes128gcm"
    assert headers["authorization"].startswith("vapid t=")


def test_the_server_key_is_the_one_that_browsers_subscribe_with(channel):
    assert channel.public_key == PUBLIC_KEY


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (404, TokenExpired),
        (410, TokenExpired),
        (403, ChannelMisconfigured),
        (429, TemporaryFailure),
        (503, TemporaryFailure),
        (413, PermanentFailure),
        (307, PermanentFailure),
    ],
)
def test_each_refusal_has_its_meaning(channel, push_stub, browser, make_message, status, failure):
    push_stub.behave(Behaviour(status=status, retry_after_s=3))
    with pytest.raises(NotificationError) as caught:
        channel.send(make_message(), browser)
    assert type(caught.value) is failure
    if failure is TemporaryFailure:
        assert caught.value.retry_after_s == 3.0
    assert "push/" not in str(caught.value)


@pytest.mark.parametrize("behaviour", [Behaviour(cut=True), Behaviour(delay_s=1.0)])
def test_when_the_answer_is_lost_the_outcome_is_unknown(
    channel, push_stub, browser, make_message, behaviour
):
    push_stub.behave(behaviour)
    assert channel.send(make_message(), browser).state is ReceiptState.UNKNOWN


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://fcm.googleapis.com/x", "webpush_not_https"),
        ("https://user:pw@fcm.googleapis.com/x", "webpush_not_https"),
        ("https://10.0.0.7/x", "webpush_private_address"),
        ("https://127.0.0.1/x", "webpush_private_address"),
        ("https://[::1]/x", "webpush_private_address"),
        ("https://169.254.169.254/latest", "webpush_private_address"),
        ("https://localhost/x", "webpush_private_address"),
        ("https://evil.example/x", "webpush_unknown_host"),
        ("https://fcm.googleapis.com.evil.example/x", "webpush_unknown_host"),
        ("ftp://fcm.googleapis.com/x", "webpush_not_https"),
        ("nonsense", "webpush_not_https"),
    ],
)
def test_an_endpoint_from_outside_must_be_a_known_public_push_service(
    channel, browser, endpoint, reason
):
    subscription = json.loads(browser.address) | {"endpoint": endpoint}
    with pytest.raises(PermanentFailure) as caught:
        channel.check(json.dumps(subscription))
    assert caught.value.reason == reason


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"endpoint": 3, "keys": {}}', "null"])
def test_a_broken_subscription_is_refused(channel, text):
    with pytest.raises(PermanentFailure, match="webpush_bad_subscription"):
        channel.check(text)


def test_a_name_that_leads_to_a_private_address_is_refused_on_the_socket(
    push_stub, browser, make_message, monkeypatch
):
    """The name looks public; it resolves to this machine."""
    port = push_stub.url.rpartition(":")[2]
    open_channel = WebPushChannel(
        time.time,
        private_key=PRIVATE_KEY,
        contact="mailto:a@b.example",
        app_url=APP,
        allowed_hosts=(),
    )
    monkeypatch.setattr("urllib3.util.connection.allowed_gai_family", lambda: 2, raising=True)
    import socket  # noqa: PLC0415

    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **kw: real("127.0.0.1", *rest, **kw)
    )
    subscription = json.loads(browser.address) | {
        "endpoint": f"https://push.public.example:{port}/push/x"
    }
    with pytest.raises(PermanentFailure, match="webpush_private_address"):
        open_channel.send(
            make_message(), Device("d", AddressKind.WEBPUSH, json.dumps(subscription))
        )
    assert push_stub.received == []
    open_channel.close()


def test_a_payload_that_services_would_refuse_is_not_sent(channel, browser, push_stub):
    now_s = time.time()
    long = Message(
        "m", Purpose.ALERT, "c", now_s, now_s + 60.0, Words("x" * MAX_PAYLOAD_BYTES, "y")
    )
    with pytest.raises(PermanentFailure, match="too_large"):
        channel.send(long, browser)
    assert push_stub.received == []


def test_a_key_that_is_none_is_refused():
    with pytest.raises(ChannelMisconfigured, match=r"webpush\.private_key"):
        WebPushChannel(time.time, private_key="nonsense", contact="mailto:a@b.example", app_url=APP)


def test_the_stub_says_so_when_there_is_no_such_browser(push_stub):
    assert requests.post(f"{push_stub.url}/push/nobody", b"", timeout=2.0).status_code == 404
