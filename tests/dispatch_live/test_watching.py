"""Silence is visible: each cause why nobody is alerted shows; one fault holds up no other."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from dispatch.live import service as service_module
from dispatch.live.api import control
from dispatch.live.errors import StoreUnavailable
from dispatch.live.health import Health
from dispatch.live.store import schema
from notifications.errors import TemporaryFailure

UNAFFECTED = "999 response unaffected."


def shown(bench) -> str | None:
    """The line as control sees it; the same in all the places where it must be seen."""
    bench.service.watch()
    status = bench.get("/v1/status", "control")
    metric = bench.ask("GET", "/metrics", None).text
    alerting = status["alerting"]
    assert f"heartreach_alerting {float(alerting)}" in metric
    stream = bench.ask("GET", "/v1/stream?after=0&until_idle=true", "control").text
    told = [line for line in stream.splitlines() if '"alerting":' in line]
    assert f'"alerting":{str(alerting).lower()}' in told[-1].replace(" ", "")
    if alerting:
        return None
    assert status["message"].count("VOLUNTEERS ARE NOT BEING ALERTED since") == 1
    assert UNAFFECTED in status["message"]
    assert status["since"] is not None
    return str(status["message"])


def test_whatever_is_watched_every_few_seconds_is_seen_within_ten():
    longest_s = service_module.WATCH_S + service_module.FAILING_S + control.HEARTBEAT_S
    assert longest_s <= 10.0
    assert service_module.STUCK_S + control.HEARTBEAT_S <= 10.0


def test_without_a_phone_that_can_be_reached(live):
    bench = live
    assert "no available volunteer has a phone" in shown(bench)
    person = bench.volunteer()
    assert shown(bench) is None
    bench.ask("PUT", "/v1/me/availability", person, {"on_duty": False})
    assert "no available volunteer has a phone" in shown(bench)
    bench.ask("PUT", "/v1/me/availability", person, {"on_duty": True})
    assert shown(bench) is None
    for device in bench.get("/v1/me/devices", person)["devices"]:
        bench.ask("DELETE", f"/v1/me/devices/{device['device_id']}", person)
    assert "no available volunteer has a phone" in shown(bench)


def test_a_phone_that_no_channel_reaches_is_none(make_bench):
    settings = {"test": False, "region": Path("elsewhere"), "policy": "nearest_3"}
    sms = {"url": "http://127.0.0.1:9/send", "reports": False}
    bench = make_bench(settings={**settings, "sms_http": sms})
    person = bench.person()
    bench.enrol(person)
    bench.phone(person, "fcm_fid", "fid")
    assert "no available volunteer has a phone" in shown(bench)
    bench.phone(person, "sms", "+447700900123")
    assert shown(bench) is None


def test_when_a_person_stops_it_and_when_that_is_over(live):
    bench = live
    bench.volunteer()
    stop = {"reason": "exercise", "person": "Duty officer", "expires_at": bench.iso(600.0)}
    bench.post("/v1/alerting/stop", "control", stop)
    assert "stopped by Duty officer: exercise" in shown(bench)
    bench.wait(601.0)
    assert shown(bench) is None


def test_when_no_policy_is_in_force(bench):
    bench.volunteer()
    bench.inside(lambda tx: tx.run(sa.delete(schema.policy_period)))
    assert "no policy is in force" in shown(bench)


def test_when_the_only_provider_fails_and_when_it_is_back(live):
    bench = live
    bench.volunteer()
    assert shown(bench) is None
    bench.memory.fail_with(TemporaryFailure("memory_503"))
    bench.call()
    bench.settle()
    bench.wait(6.0)
    words = "no channel works (the simulated phones: the provider is out of order (503))"
    assert words in shown(bench)
    bench.wait(10.0)  # the first message is given up: its person may be asked again
    bench.memory.fail_with(None)
    bench.call("C-2", location={"lat": 52.001, "lon": 1.0})
    bench.wait(10.0)
    assert shown(bench) is None


def test_when_the_database_refuses_to_write(bench, monkeypatch):
    bench.volunteer()

    def broken(store, connection) -> None:
        raise StoreUnavailable("disk I/O error")

    monkeypatch.setattr(type(bench.service.store), "_check_still_open", broken)
    bench.ask("POST", "/v1/incidents", "control", {"reference": "C", "location": {}})
    bench.service.watch()
    assert bench.ask("GET", "/v1/status", "control").status_code == 503
    assert "the database cannot be written" in bench.service.health.warning()
    assert bench.ask("GET", "/readyz", None).json()["causes"] == ["store"]
    assert "heartreach_alerting 0.0" in bench.ask("GET", "/metrics", None).text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("worker", "words"),
    [("turn", "the service is stuck"), ("watch", "nothing watches over the service")],
)
def test_when_a_worker_has_died(make_bench, monkeypatch, worker, words):
    """A thread that ends without a word: whoever asks sees it, although nobody reported it."""
    monkeypatch.setattr(service_module, "STUCK_S", 0.6)
    monkeypatch.setattr(service_module, "WATCH_S", 0.1)
    bench = make_bench(clock=time.time, threads=True)
    bench.volunteer()
    until_s = time.monotonic() + 5.0
    while bench.service.health.warning() is not None:
        assert time.monotonic() < until_s
        time.sleep(0.02)

    def ends() -> int:
        raise SystemExit

    monkeypatch.setattr(bench.service, worker, ends)
    while words not in (bench.service.health.warning() or ""):
        assert time.monotonic() < until_s
        time.sleep(0.02)
    ready = bench.ask("GET", "/readyz", None)
    assert ready.status_code == 503


def test_a_worker_that_fails_goes_on_and_says_so(make_bench, monkeypatch):
    monkeypatch.setattr(service_module, "WATCH_S", 0.1)
    bench = make_bench(clock=time.time, threads=True)
    bench.volunteer()
    turn = bench.service.turn

    def fails() -> int:
        raise KeyError("x")

    monkeypatch.setattr(bench.service, "turn", fails)
    until_s = time.monotonic() + 5.0
    while "an internal fault" not in (bench.service.health.warning() or ""):
        assert time.monotonic() < until_s
        time.sleep(0.02)
    monkeypatch.setattr(bench.service, "turn", turn)
    while bench.service.health.warning() is not None:
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_a_beat_that_is_missing_is_a_cause_since_the_last_one():
    ticks, now_s = [0.0], [1_800_000_000.0]
    health = Health(lambda: now_s[0], ticks=lambda: ticks[0])
    health.beat("pump", "it stands still", 6.0)
    ticks[0], now_s[0] = 6.0, now_s[0] + 6.0
    assert health.warning() is None
    ticks[0], now_s[0] = 6.1, now_s[0] + 0.1
    assert health.since_s == 1_800_000_000.0
    assert "it stands still" in health.warning()
    health.beat("pump", "it stands still", 6.0)
    assert health.warning() is None
    ticks[0] = 100.0
    health.rest("pump")
    assert health.warning() is None


# --- one fault holds up no other ---------------------------------------------------------------


def test_an_incident_that_cannot_go_on_holds_up_no_other_and_shows(bench, monkeypatch):
    bench.volunteers(6)
    sick = bench.call("C-1")["incident_id"]
    well = bench.call("C-2", location={"lat": 52.0012, "lon": 1.0})["incident_id"]
    bench.settle()
    apply = bench.service.runtime.apply

    def fails_for_one(tx, incident_id, event, actor):
        if incident_id == sick:
            raise KeyError("a fault in the core")
        return apply(tx, incident_id, event, actor)

    monkeypatch.setattr(bench.service.runtime, "apply", fails_for_one)
    asked = bench.incident(well)["asked"]
    bench.wait(400.0)
    assert bench.incident(well)["asked"] > asked or bench.incident(well)["phase"] == "exhausted"
    assert bench.incident(sick)["attention"] == "internal_fault"
    assert bench.get("/v1/status", "control")["need_attention"] >= 1
    stream = bench.ask("GET", "/v1/stream?after=0&until_idle=true", "control").text
    assert stream.count('"code":"internal_fault"') == 1

    monkeypatch.undo()
    bench.wait(400.0)  # the timer was put off and not lost
    assert bench.incident(sick)["phase"] == "exhausted"


def test_a_message_that_cannot_go_on_holds_up_no_other(bench):
    first, second = bench.volunteers(2)
    incident = bench.call()["incident_id"]
    table = schema.delivery
    mine = table.c.responder_id == first
    spoilt = sa.update(table).where(mine).values(body=b"{", is_open=True, wake_at_s=0.0)
    bench.inside(lambda tx: tx.run(spoilt))
    bench.service.turn()
    bench.service.turn()
    assert ("phone-2", "alert") in bench.messages()
    rows = bench.inside(lambda tx: tx.rows(sa.select(table.c.wake_at_s).where(mine)))
    assert rows[0]["wake_at_s"] > bench.clock()
    assert bench.statuses(incident)[second] == "asked"


def test_what_a_provider_said_survives_a_database_that_is_away_for_a_moment(bench, monkeypatch):
    person = bench.volunteer()
    bench.memory.fail_with(TemporaryFailure("memory_503"))
    bench.call()
    outbox = bench.service.outbox
    assert not outbox._outcomes.empty()
    transact = bench.service.store.transact

    def away(work):
        raise StoreUnavailable("away")

    monkeypatch.setattr(bench.service.store, "transact", away)
    with pytest.raises(StoreUnavailable):
        outbox.turn()
    monkeypatch.setattr(bench.service.store, "transact", transact)
    bench.memory.fail_with(None)
    bench.wait(3.0)  # the outcome was kept, so it is tried again before the rung is over
    assert (f"phone-{person}", "alert") in bench.messages()
