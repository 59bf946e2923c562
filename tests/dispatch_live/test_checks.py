"""The weekly check of every phone, and the canary that goes the whole way."""

from __future__ import annotations

import pytest

from dispatch.live.api import models
from notifications.errors import TemporaryFailure, TokenExpired

DAY_S = 86400.0
WEEK_S = 7 * DAY_S


def confirm_all(bench, person: int, after: int = 0, **body: object) -> int:
    """The phone confirms what it got since; returns how far that goes."""
    kept = bench.memory.after(after)
    receipt, responding = models.ReceiptIn(**body), bench.service.responding
    for item in kept:
        if item.device.address == f"phone-{person}":
            message_id = item.message.message_id
            bench.inside(lambda tx, i=message_id: responding.receipt(tx, person, i, receipt))
    return kept[-1].number if kept else after


def readiness(bench, person: int) -> str:
    device = bench.inside(lambda tx: bench.service.phones.listed(tx, person))[0]
    return f"{device.ready}: {device.readiness}"


def first_test(bench, person: int) -> None:
    """A first test that the person heard."""
    device = bench.get("/v1/me/devices", person)["devices"][0]["device_id"]
    bench.post(f"/v1/me/devices/{device}/test", person)
    bench.settle()
    bench.clock.advance(3.0)
    confirm_all(bench, person, sounded=True)


def test_each_phone_is_checked_once_a_week_by_day_without_a_sound(bench):
    person = bench.volunteer()
    first_test(bench, person)
    assert readiness(bench, person) == "True: the last test sounded, after 3 s"
    bench.wait(WEEK_S - 3600.0)
    assert bench.messages() == [(f"phone-{person}", "test")]

    for _ in range(30):  # two days by the hour
        bench.wait(3600.0)
    sent = [kept for kept in bench.memory.after(0) if kept.message.purpose.value == "check"]
    assert len(sent) == 1
    message = sent[0].message
    assert not message.urgent
    assert message.prompt
    hour = int(message.created_at_s // 3600) % 24
    assert 10 <= hour < 20
    assert "did not arrive" in readiness(bench, person)  # nobody confirmed it

    bench.wait(6 * DAY_S)
    assert bench.messages()[-1] == (f"phone-{person}", "check")
    assert len(bench.messages()) == 3
    bench.clock.advance(2.0)
    confirm_all(bench, person)
    assert readiness(bench, person).startswith("True: the last test sounded")


def test_no_check_wakes_a_number_or_a_phone_that_is_gone(bench):
    bench.service.outbox._channel_of = dict.fromkeys(("memory", "sms"), "memory")
    caller = bench.person()
    bench.enrol(caller)
    bench.phone(caller, "sms", "+447700900123")
    gone = bench.volunteer(1)
    bench.ask("DELETE", f"/v1/responders/{gone}", "registrar")
    for _ in range(9 * 24):
        bench.wait(3600.0)
    assert bench.messages() == []


def test_checks_can_be_switched_off(make_bench):
    bench = make_bench(settings={"checks": {"every_s": 0.0}})
    bench.volunteer()
    for _ in range(16):
        bench.wait(DAY_S / 2)
    assert bench.messages() == []


def test_a_check_finds_a_dead_address(bench):
    person = bench.volunteer()
    bench.memory.fail_with(TokenExpired("memory_unregistered"))
    for _ in range(8 * 24):
        bench.wait(3600.0)
    (device,) = bench.inside(lambda tx: bench.service.phones.listed(tx, person))
    assert device.dead_reason == "memory_unregistered"
    bench.service.watch()
    assert "no available volunteer has a phone" in bench.service.health.warning()


# --- the canary ---------------------------------------------------------------------------------


@pytest.fixture
def canary(make_bench):
    """A service with a volunteer and control's own phone."""
    bench = make_bench(settings={"canary": {"responder_id": 2, "every_s": 300.0}})
    bench.volunteer()
    own = bench.person(1, trained=False, name="Control room")
    assert own == 2
    bench.enrol(own)
    bench.phone(own)
    return bench


def notes(bench) -> list[str]:
    bench.service.watch()
    return [note for note in bench.get("/v1/status", "control")["notes"] if "own phone" in note]


def test_the_canary_sings_and_nobody_else_hears_it(canary):
    number = 0
    for _ in range(4):
        canary.wait(10.0)
        number = confirm_all(canary, 2, number)
        canary.wait(290.0)
    assert canary.messages() == [("phone-2", "check")] * 5
    assert notes(canary) == []
    metrics = canary.ask("GET", "/metrics", None).text
    assert "heartreach_canary_missed 0.0" in metrics
    assert "heartreach_canary_seconds 10.0" in metrics
    assert canary.get("/v1/status", "control")["open_incidents"] == 0


def test_control_s_phone_is_never_asked_to_go(canary):
    incident = canary.call()["incident_id"]
    canary.settle()
    assert set(canary.statuses(incident)) == {1}


def test_one_lost_is_a_note_and_two_are_a_warning_until_it_sings_again(canary):
    canary.wait(61.0)
    assert notes(canary) == ["a test message to control's own phone: did not arrive"]
    assert canary.service.health.warning() is None
    canary.wait(300.0)
    canary.wait(61.0)
    words = "2 test messages in a row to control's own phone: did not arrive"
    assert words in canary.service.health.warning()
    number = len(canary.memory.after(0))
    canary.wait(300.0)
    confirm_all(canary, 2, number)
    canary.wait(2.0)
    assert canary.service.health.warning() is None
    assert "heartreach_canary_missed 0.0" in canary.ask("GET", "/metrics", None).text


def test_a_provider_that_swallows_messages_shows(canary):
    canary.memory.fail_with(TemporaryFailure("memory_503"))
    canary.wait(61.0)
    assert canary.service.checks.canary.misses == 1


def test_a_search_that_fails_shows_although_no_call_has_come(canary, monkeypatch):
    def broken(*_: object) -> None:
        raise ValueError("no route to 1 Canarystreet")

    monkeypatch.setattr(canary.service.finder, "find", broken)
    canary.wait(301.0)
    assert "an invented call could not be decided" in canary.service.health.warning()
    assert canary.messages() == []


def test_without_its_phone_it_says_so(canary):
    for device in canary.get("/v1/me/devices", 2)["devices"]:
        canary.ask("DELETE", f"/v1/me/devices/{device['device_id']}", 2)
    canary.wait(1.0)
    assert "not enrolled" in notes(canary)[0]
