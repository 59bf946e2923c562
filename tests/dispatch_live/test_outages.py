"""Every kind of outage, as patient as shipped, in hand-held time: real clients, local servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from notifications.stub_fcm import FcmStub
from notifications.stub_push import PushStub
from notifications.stub_server import Behaviour
from notifications.stub_sms import SmsStub
from notifications.webpush import new_key

RECEIPT_WAIT_S = 8.0  # as shipped
TICK_S = 0.25

PERMANENT = {
    "400": Behaviour(status=400),
    "404 unregistered": Behaviour(status=404),
}
OUTAGES = {
    **PERMANENT,
    "401": Behaviour(status=401),
    "403": Behaviour(status=403),
    "429 for a minute": Behaviour(status=429, retry_after_s=60),
    "429 for a moment": Behaviour(status=429, retry_after_s=1),
    "500": Behaviour(status=500),
    "503": Behaviour(status=503, retry_after_s=60),
    "slow": Behaviour(delay_s=0.6),
    "cut off": Behaviour(cut=True),
    "garbage": Behaviour(garbage=True),
}


@pytest.fixture(scope="module")
def stubs():
    made = {"fcm": FcmStub(), "push": PushStub(), "sms": SmsStub()}
    for stub in made.values():
        stub.start()
    yield made
    for stub in made.values():
        stub.stop()


@pytest.fixture
def outage(stubs, make_bench):
    """A service that sends within the call, so that each moment is known."""
    private_key, _ = new_key()
    for stub in stubs.values():
        stub.behave(Behaviour())
        stub.forget()
    bench = make_bench(
        settings={
            "test": False,
            "region": Path("elsewhere"),
            "policy": "nearest_3",
            "fcm": {"endpoint": stubs["fcm"].url, "project_id": "trial", "timeout_s": 0.2},
            "webpush": {
                "private_key": private_key,
                "contact": "mailto:duty@service.example",
                "local_endpoint": stubs["push"].url,
                "timeout_s": 0.2,
            },
            "sms_http": {"url": f"{stubs['sms'].url}/send", "timeout_s": 0.2},
        }
    )
    bench.stubs = stubs
    return bench


def somebody(bench, place: int = 0, channels: str = "fps") -> int:
    person = bench.person(place * 100)
    bench.enrol(person)
    if "s" in channels:
        bench.phone(person, "sms", f"+4477009{person:05d}")
    if "p" in channels:
        bench.phone(person, "webpush", json.dumps(bench.stubs["push"].subscribe()))
    if "f" in channels:
        bench.phone(person, "fcm_fid", f"fid-{person}")
    return person


def call_at(bench, place: int = 0, reference: str = "C-1") -> str:
    lat = bench.here[0] + place * 100 * 0.0005
    where = {"lat": lat, "lon": bench.here[1]}
    incident: str = bench.call(reference, location=where)["incident_id"]
    return incident


def first_at(bench, stub: str, within_s: float) -> float | None:
    """How long until a provider gets its first message, s."""
    start_s = bench.clock()
    while bench.clock() - start_s <= within_s:
        bench.settle()
        if bench.stubs[stub].received:
            return float(bench.clock() - start_s)
        bench.clock.advance(TICK_S)
    return None


@pytest.mark.parametrize("kind", OUTAGES)
def test_the_next_channel_comes_within_eight_seconds(outage, kind):
    bench = outage
    somebody(bench)
    bench.stubs["fcm"].behave(OUTAGES[kind])
    call_at(bench)
    after_s = first_at(bench, "push", 30.0)
    assert after_s is not None
    assert after_s <= RECEIPT_WAIT_S
    if kind in PERMANENT:
        assert after_s == 0.0
    sms_after_s = first_at(bench, "sms", 30.0)  # the browser stays silent
    assert sms_after_s is not None
    assert sms_after_s <= RECEIPT_WAIT_S
    attempts = len(bench.stubs["fcm"].received)
    assert (
        1 <= attempts <= (18 if kind == "401" else 6)
    )  # the client signs in anew, twice each time


@pytest.mark.parametrize(
    "kind",
    [
        kind if kind in ("503", "404 unregistered") else pytest.param(kind, marks=pytest.mark.slow)
        for kind in OUTAGES
    ],
)
def test_on_recovery_nothing_old_is_sent_and_nothing_twice(outage, kind):
    """Twelve calls during an outage of ten minutes; then the provider works again."""
    bench = outage
    fcm = bench.stubs["fcm"]
    people = [somebody(bench, place, "f") for place in range(12)]
    fcm.behave(OUTAGES[kind])
    for number in range(12):
        call_at(bench, number, f"C-{number}")
        bench.wait(50.0)
    fcm.behave(Behaviour())
    fcm.forget()
    before_s = bench.clock()
    last = somebody(bench, 12, "f")
    call_at(bench, 12, "C-12")
    bench.wait(5.0)
    bench.wait(300.0)
    sent = [(got.address, got.message["data"]) for got in fcm.received]
    assert f"fid-{last}" in {address for address, _ in sent}
    for _, data in sent:
        assert float(data["expires_at"]) > before_s
    alerts = [(address, data["id"]) for address, data in sent if data["kind"] == "alert"]
    assert len(alerts) == len(set(alerts))
    assert len(alerts) <= 3  # the new one, and at most those that are still of use
    if kind == "404 unregistered":
        assert {address for address, _ in sent} == {f"fid-{last}"}
    assert len(people) == 12


def test_a_dead_address_is_never_asked_again(outage):
    bench = outage
    person = somebody(bench, channels="fs")
    bench.stubs["fcm"].behave(Behaviour(status=404))
    for number in range(3):
        incident = call_at(bench, reference=f"C-{number}")
        bench.wait(30.0)
        bench.post(f"/v1/incidents/{incident}/close", "control")
        bench.wait(30.0)
    assert len(bench.stubs["fcm"].received) == 1
    numbers = {got.address for got in bench.stubs["sms"].received}
    assert numbers == {f"+4477009{person:05d}"}


def test_what_waits_for_a_thread_past_its_deadline_is_not_sent(outage):
    """A queue that stood still while the alert was of use."""
    bench = outage
    somebody(bench, channels="f")
    waiting: list[object] = []
    sender = bench.service.outbox.sender
    submit, sender.submit = sender.submit, waiting.append
    call_at(bench)
    bench.settle()
    assert waiting
    bench.clock.advance(3600.0)
    sender.submit = submit
    for parcel in waiting:
        submit(parcel)
    bench.settle()
    assert bench.stubs["fcm"].received == []
