"""The whole way to a phone: the real provider clients against local servers that misbehave.

Threads and wall clock, as in earnest; waits are short, so that the test is.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvicorn

from notifications.stub_fcm import FcmStub
from notifications.stub_push import PushStub
from notifications.stub_server import Behaviour
from notifications.stub_sms import SmsStub
from notifications.webpush import new_key

RECEIPT_WAIT_S = 1.2
SMS_WAIT_S = 1.5
REPORT_KEY = "gateway-key"


def until(check: Callable[[], object], within_s: float = 15.0) -> object:
    end_s = time.monotonic() + within_s
    while not (found := check()):
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.02)
    return found


class Providers:
    """An FCM server, a push service with browsers, and an SMS gateway."""

    def __init__(self) -> None:
        self.fcm = FcmStub()
        self.push = PushStub()
        self.sms = SmsStub(report_after_s=0.05, report_key=REPORT_KEY)
        for stub in (self.fcm, self.push, self.sms):
            stub.start()

    def settings(self) -> dict[str, object]:
        private_key, _ = new_key()
        return {
            "test": False,
            "region": Path("elsewhere"),
            "policy": "nearest_3",
            "receipt_wait_s": RECEIPT_WAIT_S,
            "fcm": {"endpoint": self.fcm.url, "project_id": "trial", "timeout_s": 0.6},
            "webpush": {
                "private_key": private_key,
                "contact": "mailto:duty@service.example",
                "local_endpoint": self.push.url,
                "timeout_s": 0.6,
            },
            "sms_http": {
                "url": f"{self.sms.url}/send",
                "report_url": "http://127.0.0.1:1/none",
                "report_key": REPORT_KEY,
                "receipt_wait_s": SMS_WAIT_S,
                "timeout_s": 0.6,
            },
        }

    def stop(self) -> None:
        for stub in (self.fcm, self.push, self.sms):
            stub.stop()


@pytest.fixture
def providers():
    made = Providers()
    yield made
    made.stop()


@pytest.fixture
def live(make_bench, providers, database):
    bench = make_bench(
        clock=time.time,
        threads=True,
        database=database,
        settings=providers.settings(),
    )
    bench.providers = providers
    return bench


def somebody(bench, place: int, *, channels: str = "fps") -> int:
    """A volunteer 5 km from the next, with a phone (f), a browser (p) and a number (s)."""
    responder_id = bench.person(place * 100)
    bench.enrol(responder_id)
    if "s" in channels:
        bench.phone(responder_id, "sms", f"+4477009{responder_id:05d}")
    if "p" in channels:
        bench.phone(responder_id, "webpush", json.dumps(bench.providers.push.subscribe()))
    if "f" in channels:
        bench.phone(responder_id, "fcm_fid", f"fid-{responder_id}")
    return responder_id


def call_at(bench, place: int) -> tuple[str, float]:
    """Report a call where ``somebody(place)`` lives; (incident, how long the answer took)."""
    lat = bench.here[0] + place * 100 * 0.0005
    started = time.monotonic()
    incident = bench.call(f"C-{place}", location={"lat": lat, "lon": bench.here[1]})
    return incident["incident_id"], time.monotonic() - started


def to(stub, address: str) -> list[object]:
    return [got for got in stub.received if got.address == address]


def browser_of(bench, responder_id: int) -> str:
    """The last part of the address of the person's browser."""
    import sqlalchemy as sa  # noqa: PLC0415

    from dispatch.live.store import schema  # noqa: PLC0415

    mine = (schema.device.c.responder_id == responder_id) & (schema.device.c.kind == "webpush")
    text = bench.inside(lambda tx: tx.value(sa.select(schema.device.c.address).where(mine)))
    return json.loads(text)["endpoint"].rpartition("/")[2]


def test_from_report_to_closed_through_the_real_client(live):
    person = somebody(live, 0)
    incident, _ = call_at(live, 0)
    (push,) = until(lambda: to(live.providers.fcm, f"fid-{person}"))
    data = push.message["data"]
    live.post(f"/v1/me/messages/{data['id']}/receipt", person, {})
    seen = live.ask("GET", f"/v1/me/alerts/{data['alert']}", person).json()
    assert seen["open"] is True
    assert live.answer(person, "yes", data["alert"]).status_code == 200
    for status in ("moving", "arrived"):
        live.post(f"/v1/me/alerts/{data['alert']}/status", person, {"status": status})
    time.sleep(RECEIPT_WAIT_S)
    assert len(to(live.providers.fcm, f"fid-{person}")) == 1
    assert live.providers.push.received == []
    assert live.providers.sms.received == []
    assert live.post(f"/v1/incidents/{incident}/close", "control")["phase"] == "ended"


OUTAGES = [
    Behaviour(status=404),
    Behaviour(status=400),
    Behaviour(status=401),
    Behaviour(status=403),
    Behaviour(status=429, retry_after_s=60),
    Behaviour(status=500),
    Behaviour(status=503, retry_after_s=60),
    Behaviour(delay_s=3.0),
    Behaviour(cut=True),
    Behaviour(garbage=True),
]


def test_every_kind_of_outage_leads_to_the_next_channel_and_holds_up_no_call(live):
    people = [somebody(live, place) for place in range(len(OUTAGES))]
    for person, outage in zip(people, OUTAGES, strict=True):
        live.providers.fcm.behave(
            Behaviour(
                **{
                    name: getattr(outage, name)
                    for name in outage.__struct_fields__
                    if name != "address"
                },
                address=f"fid-{person}",
            )
        )
    browsers = {person: browser_of(live, person) for person in people}
    took = [call_at(live, place)[1] for place in range(len(people))]
    assert max(took) < 1.0
    waiting = set(people)

    def confirm_those_that_rang() -> bool:
        for person in list(waiting):
            for push in to(live.providers.push, browsers[person]):
                assert push.message["notification"]["title"] == "Urgent call near you"
                path = f"/v1/me/messages/{push.message['data']['id']}/receipt"
                live.post(path, person, {})
                waiting.discard(person)
        return not waiting

    until(confirm_those_that_rang, within_s=8.0)

    dead = live.get("/v1/me/devices", people[0])["devices"]
    assert [d["dead_reason"] for d in dead if d["kind"] == "fcm_fid"] == ["fcm_unregistered"]
    assert len(to(live.providers.fcm, f"fid-{people[0]}")) == 1
    time.sleep(SMS_WAIT_S)
    assert live.providers.sms.received == []  # the browsers confirmed


def test_an_sms_counts_once_the_gateway_reports_it(live):
    person = somebody(live, 0, channels="s")
    unlucky = somebody(live, 1, channels="s")
    live.providers.sms.behave(Behaviour(error="failed", address=f"+4477009{unlucky:05d}"))
    server = uvicorn.Server(uvicorn.Config(live.app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    channel = next(c for c in live.service.outbox.sender.channels if c.name == "sms_http")
    channel._report_url = f"http://127.0.0.1:{port}/v1/channels/sms/reports"

    first, _ = call_at(live, 0)
    second, _ = call_at(live, 1)
    until(lambda: live.statuses(first).get(person) == "delivered")
    until(lambda: live.statuses(second).get(unlucky) == "undelivered")
    assert live.incident(second)["phase"] == "exhausted"
    (sms,) = to(live.providers.sms, f"+4477009{person:05d}")
    words = r"Heartreach: Urgent call near you\. Open now\. http://127\.0\.0\.1:8080/open#alert/[\w-]{22}"
    assert re.fullmatch(words, sms.message["text"])  # an opaque id, after the # that no server logs

    headers = {"Authorization": "Bearer wrong"}
    path = "/v1/channels/sms/reports"
    refused = live.client.post(path, json={"reference": "x", "status": "y"}, headers=headers)
    assert refused.status_code == 401
    server.should_exit = True
    thread.join(5.0)


def test_when_nothing_works_it_shows_within_ten_seconds_and_nothing_old_is_sent(live, monkeypatch):
    monkeypatch.setattr("dispatch.live.service.FAILING_S", 0.5)
    person = somebody(live, 0)
    for stub in (live.providers.fcm, live.providers.push, live.providers.sms):
        stub.behave(Behaviour(status=503))
    incident, _ = call_at(live, 0)

    def warned() -> str | None:
        live.service.watch()
        return live.service.health.warning()

    warning = until(warned, within_s=10.0)
    assert "VOLUNTEERS ARE NOT BEING ALERTED since" in warning
    assert "no channel works" in warning
    assert live.get("/v1/status", "control")["alerting"] is False
    assert "heartreach_alerting 0.0" in live.ask("GET", "/metrics", None).text
    until(lambda: live.statuses(incident).get(person) == "undelivered", within_s=8.0)

    for stub in (live.providers.fcm, live.providers.push, live.providers.sms):
        stub.behave(Behaviour(status=200))
        stub.forget()
    time.sleep(1.0)
    assert live.providers.fcm.received == []  # recovery brings no burst of what is over
    other = somebody(live, 1)
    call_at(live, 1)
    until(lambda: to(live.providers.fcm, f"fid-{other}"), within_s=8.0)
    until(lambda: not warned(), within_s=8.0)


def test_without_a_channel_the_service_says_so(make_bench):
    bench = make_bench(settings={"test": False, "region": Path("elsewhere"), "policy": "nearest_3"})
    bench.service.watch()
    assert "no channel is configured" in bench.call()["warning"]
