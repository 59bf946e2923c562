"""Volunteers: wishes, devices, receipts and the next channel; and the registry behind them."""

from __future__ import annotations

import itertools

import pytest

from dispatch.live.errors import Invalid
from dispatch.live.hours import Hours, check, intervals, is_within
from notifications.errors import TemporaryFailure, TokenExpired

NIGHT_S = 15.5 * 3600.0  # from 08:00 to 23:30, when it is night by every policy


def wish(bench, responder_id: int, **wishes) -> dict[str, object]:
    answer = bench.ask("PUT", "/v1/me/availability", responder_id, wishes)
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(bench, **facts) -> list[int]:
    """Who is asked to a new call."""
    incident = bench.call(bench.service.parts.new_id(), **facts)["incident_id"]
    bench.settle()
    people = list(bench.statuses(incident))
    bench.post(f"/v1/incidents/{incident}/cancel", "control")
    bench.settle()
    return people


# --- wishes -------------------------------------------------------------------------------------


def test_off_duty_and_not_until(bench):
    (person,) = bench.volunteers(1)
    assert wish(bench, person, on_duty=False)["why_not"] == "you are off duty"
    assert asked(bench) == []
    assert wish(bench, person, not_before=bench.iso(3600.0))["may_be_asked"] is False
    assert asked(bench) == []
    bench.wait(3601.0)
    assert asked(bench) == [person]


def test_quiet_hours_and_hours_of_availability(bench):
    (person,) = bench.volunteers(1)
    quiet = [{"start": "07:00", "end": "09:00", "days": ["fr"]}]
    assert wish(bench, person, quiet=quiet)["why_not"] == "not to be woken at this hour"
    assert asked(bench) == []
    bench.clock.advance(3700.0)
    assert asked(bench) == [person]
    available = [{"start": "18:00", "end": "06:00"}]
    assert wish(bench, person, available=available)["may_be_asked"] is False
    assert asked(bench) == []
    bench.clock.advance(10 * 3600.0)
    assert asked(bench) == [person]


def test_hours_stay_right_for_weeks_without_a_restart(bench):
    (person,) = bench.volunteers(1)
    wish(bench, person, available=[{"start": "07:00", "end": "09:00"}])
    for _ in range(3):
        bench.wait(10 * 86400.0)
        bench.enrol(person)
        assert asked(bench) == [person]
        bench.clock.advance(3 * 3600.0)
        bench.settle()
        assert asked(bench) == []
        bench.clock.advance(-3 * 3600.0)


def test_at_night_only_if_likely_first_and_near(bench):
    near, far = bench.volunteer(1), bench.volunteer(6)
    wish(bench, near, night_within_s=120.0)
    wish(bench, far, night_within_s=120.0)
    bench.wait(NIGHT_S)
    assert asked(bench) == [near]
    nearer = bench.volunteer(0)
    assert asked(bench) == [nearer]  # somebody else is sooner: let them sleep


def test_a_cap_on_wakes_that_the_person_chose(bench):
    (person,) = bench.volunteers(1)
    wish(bench, person, wakes_per_30_days=1)
    bench.wait(NIGHT_S)
    assert asked(bench) == [person]
    assert asked(bench) == []
    bench.enrol(person)
    assert bench.get("/v1/me", person)["wakes_last_30_days"] == 1


def test_quiet_opt_outs(make_bench):
    bench = make_bench(settings={"excluded_flags": ()})
    (person,) = bench.volunteers(1)
    wish(bench, person, not_for=["child"])
    assert asked(bench, flags=["child"]) == []
    assert asked(bench) == [person]
    wish(bench, person, not_at=[{"lat": 52.0, "lon": 1.0, "radius_m": 50.0}])
    assert asked(bench) == []
    assert asked(bench, location={"lat": 52.002, "lon": 1.0}) == [person]


def test_home_is_the_fallback_and_work_in_working_hours(bench):
    (person,) = bench.volunteers(1)
    work = {"work": {"lat": 52.05, "lon": 1.0}}
    bench.ask("PATCH", f"/v1/responders/{person}", "registrar", work)
    wish(bench, person, work_hours=[{"start": "07:00", "end": "17:00"}])
    assert asked(bench) == []
    assert asked(bench, location={"lat": 52.05, "lon": 1.0}) == [person]
    bench.wait(10 * 3600.0)
    assert asked(bench) == [person]


def test_a_position_counts_while_it_is_fresh_and_exact_enough(bench):
    (person,) = bench.volunteers(1)
    fix = {"lat": 52.1, "lon": 1.0, "accuracy_m": 30.0, "at": bench.iso()}
    assert bench.post("/v1/me/positions", person, fix) == {"taken": True}
    bench.clock.advance(1.0)
    bench.settle()
    assert asked(bench) == []
    assert asked(bench, location={"lat": 52.1, "lon": 1.0}) == [person]
    old = {**fix, "lat": 52.0, "at": bench.iso(-60.0)}
    bench.post("/v1/me/positions", person, old)
    bench.wait(1.0)
    assert asked(bench, location={"lat": 52.1, "lon": 1.0}) == [person]
    bench.wait(3700.0)
    assert asked(bench) == [person]  # older than an hour: at home
    future = {**fix, "at": bench.iso(3600.0)}
    refused = bench.post("/v1/me/positions", person, future)
    assert refused["taken"] is False
    assert "clock is fast" in refused["why_not"]


POSITIONS = [
    {"lat": 1, "lon": 2, "accuracy_m": 3, "at": "2027-01-15T08:00:00Z"},
    {"lat": 1.5, "lon": 2.5, "accuracy_m": 0, "at": "2027-01-15T09:00:00+01:00"},
    {"lat": 91, "lon": 2, "accuracy_m": 3, "at": "2027-01-15T08:00:00Z"},
    {"lat": 1, "lon": 2, "accuracy_m": -3, "at": "2027-01-15T08:00:00Z"},
    {"lat": 1, "lon": 2, "accuracy_m": 3, "at": "2027-01-15T08:00:00"},
    {"lat": 1, "lon": 2, "accuracy_m": 3, "at": "1900-01-15T08:00:00Z"},
    {"lat": 1, "lon": 2, "accuracy_m": 3, "at": "2027-01-15T08:00:00Z", "more": 1},
    {"lat": "1", "lon": 2, "accuracy_m": 3, "at": "2027-01-15T08:00:00Z"},
    {"lat": 1, "lon": 2, "accuracy_m": 3},
    {},
    [],
    {"lat": 1, "lon": 2, "accuracy_m": 3, "at": "2027-01-16T08:00:00Z"},
]


@pytest.mark.parametrize("fix", POSITIONS)
def test_the_fast_lane_answers_as_the_endpoint_does(bench, monkeypatch, fix):
    """Once through the fast lane, once with the lane closed: the same status and body."""
    (person,) = bench.volunteers(1)
    bench.ask("GET", "/v1/me", person)  # the token is known now
    fast = bench.ask("POST", "/v1/me/positions", person, fix)
    bench.service.pings._waiting.clear()
    monkeypatch.setattr("dispatch.live.fastlane.PATH", "/closed")
    slow = bench.ask("POST", "/v1/me/positions", person, fix)
    if slow.status_code == 202 or fast.status_code == 202:
        assert (fast.status_code, fast.json()) == (slow.status_code, slow.json())
    assert fast.status_code == slow.status_code
    assert fast.headers["content-type"] == slow.headers["content-type"]
    assert fast.headers["cache-control"] == slow.headers["cache-control"]


# --- hours --------------------------------------------------------------------------------------


def test_hours_over_midnight_and_over_a_clock_change():
    """In Berlin clocks go back on 31 October 2027, so that night lasts an hour longer."""
    now_s = 1_824_940_800.0  # 31 October 2027, 00:00 UTC
    (night,) = [
        (start, end)
        for start, end in intervals([Hours("22:00", "06:00")], "Europe/Berlin", now_s)
        if start <= now_s < end
    ]
    assert night[1] - night[0] == 9 * 3600.0
    assert is_within([night], now_s)


def test_hours_that_overlap_are_joined():
    parts = intervals(
        [Hours("08:00", "12:00"), Hours("10:00", "14:00", ("mo", "fr"))], "UTC", 1_800_000_000.0
    )
    assert all(a[1] < b[0] for a, b in itertools.pairwise(parts))
    assert max(end - start for start, end in parts) == 6 * 3600.0


@pytest.mark.parametrize(
    "hours", [Hours("25:00", "08:00"), Hours("08:00", "08:00"), Hours("08:00", "9:00")]
)
def test_hours_that_are_none_are_refused(hours):
    with pytest.raises(Invalid, match=r"available\[0\]"):
        check([hours], "available")


# --- devices and messages -----------------------------------------------------------------------


def test_readiness_is_what_the_last_test_showed(bench):
    (person,) = bench.volunteers(1)

    def readiness() -> str:
        return bench.get("/v1/me/devices", person)["devices"][0]["readiness"]

    device = bench.get("/v1/me/devices", person)["devices"][0]["device_id"]
    assert readiness() == "not tested yet: this may not wake you"
    assert bench.post(f"/v1/me/devices/{device}/test", person) == {"sent": True, "why_not": None}
    bench.clock.advance(4.0)
    assert readiness() == "a test was sent 4 s ago, no answer yet"
    message = bench.memory.after(0)[-1].message
    assert message.purpose == "test"
    path = f"/v1/me/messages/{message.message_id}/receipt"
    bench.post(path, person, {"device_id": device})
    assert readiness() == "the last test arrived after 4 s; say whether it sounded"
    bench.post(path, person, {"sounded": False})
    assert "this would not have woken you" in readiness()
    bench.post(path, person, {"sounded": True})
    assert readiness() == "the last test sounded, after 4 s"
    assert bench.get("/v1/me/devices", person)["devices"][0]["ready"] is True


def test_a_device_that_comes_again_is_renewed_and_changes_hands(bench):
    one, two = bench.volunteers(2)
    first = bench.phone(one, address="same")
    assert bench.phone(one, address="same") == first
    second = bench.phone(two, address="same")
    assert second != first
    assert first not in [d["device_id"] for d in bench.get("/v1/me/devices", one)["devices"]]


@pytest.mark.parametrize(
    ("kind", "address"),
    [("sms", "07700900123"), ("sms", "+44x"), ("webpush", "{}")],
)
def test_an_address_that_cannot_be_is_refused(bench, kind, address):
    (person,) = bench.volunteers(1)
    body = {"kind": kind, "address": address}
    assert bench.ask("POST", "/v1/me/devices", person, body).status_code == 422


def test_a_dead_address_is_forgotten_and_the_next_person_asked_at_once(bench):
    people = bench.volunteers(4)
    bench.memory.fail_with(TokenExpired("memory_gone"), "phone-1")
    incident = bench.call()["incident_id"]
    bench.settle()
    assert bench.statuses(incident) == {
        people[0]: "undelivered",
        people[1]: "asked",
        people[2]: "asked",
        people[3]: "asked",
    }
    device = bench.get("/v1/me/devices", people[0])["devices"][0]
    assert (device["ready"], device["dead_reason"]) == (False, "memory_gone")
    bench.memory.fail_with(None, "phone-1")
    later = bench.call("C-2", location={"lat": 52.0, "lon": 1.0})["incident_id"]
    bench.settle()
    assert people[0] not in bench.statuses(later)  # no phone that would sound


def test_no_receipt_means_the_next_person(bench):
    people = bench.volunteers(4)
    incident = bench.call()["incident_id"]
    bench.settle()
    message = bench.memory.after(0)[0].message.message_id
    bench.post(f"/v1/me/messages/{message}/receipt", people[0], {})
    assert bench.statuses(incident)[people[0]] == "delivered"
    bench.wait(8.5)
    statuses = bench.statuses(incident)
    assert statuses[people[0]] == "delivered"
    assert statuses[people[1]] == "unconfirmed"
    assert statuses[people[3]] == "asked"


def test_a_provider_that_is_down_is_tried_again_and_nothing_old_is_sent(bench):
    (person,) = bench.volunteers(1)
    bench.memory.fail_with(TemporaryFailure("memory_503"))
    incident = bench.call()["incident_id"]
    bench.wait(3.0)
    assert bench.statuses(incident)[person] == "asked"
    bench.memory.fail_with(None)
    bench.wait(3.0)
    assert bench.messages() == [("phone-1", "alert")]

    bench.post(f"/v1/incidents/{incident}/cancel", "control")
    bench.settle()
    count = len(bench.messages())
    bench.memory.fail_with(TemporaryFailure("memory_503"))
    bench.call("C-2")
    bench.wait(900.0)
    bench.memory.fail_with(None)
    bench.wait(900.0)
    assert len(bench.messages()) == count  # what failed then is of no use now


def test_looking_at_the_alert_is_a_receipt(bench):
    people = bench.volunteers(3)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.ask("GET", f"/v1/me/alerts/{bench.alert_of(people[0])}", people[0])
    bench.wait(9.0)
    statuses = bench.statuses(incident)
    assert statuses[people[0]] == "seen"
    assert statuses[people[1]] == "unconfirmed"


# --- the registry -------------------------------------------------------------------------------


def test_evidence_counts_once_somebody_has_seen_it_and_no_longer_when_revoked(bench):
    person = bench.person(trained=False)
    bench.enrol(person)
    bench.phone(person)
    path = f"/v1/responders/{person}/credentials"
    body = {
        "kind": "BLS",
        "evidence": "certificate 7",
        "valid_from": bench.iso(-60.0),
        "valid_until": bench.iso(86400.0),
    }
    held = bench.post(path, "registrar", body)["credentials"][0]
    assert held["verified_by"] is None
    assert asked(bench) == []
    seen = bench.post(f"{path}/{held['credential_id']}/verify", "registrar")["credentials"][0]
    assert seen["verified_by"].startswith("key:")
    assert asked(bench) == [person]
    assert "lapses in 1 days" in bench.get("/v1/me", person)["training_reminder"]
    revoke = f"{path}/{held['credential_id']}/revoke"
    bench.post(revoke, "registrar", {"reason": "forged"})
    assert asked(bench) == []
    wrong = {**body, "valid_until": bench.iso(-120.0)}
    assert bench.ask("POST", path, "registrar", wrong).status_code == 422


def test_suspension_and_restoration(bench):
    (person,) = bench.volunteers(1)
    path = f"/v1/responders/{person}"
    assert bench.post(f"{path}/suspend", "registrar", {"reason": "x"})["status"] == "suspended"
    assert asked(bench) == []
    assert bench.post(f"{path}/restore", "registrar")["status"] == "active"
    assert asked(bench) == [person]
    assert bench.ask("POST", f"{path}/restore", "registrar", {}).status_code == 409


def test_an_invitation_ends_by_itself(bench):
    person = bench.person()
    body = {"responder_id": person, "expires_at": bench.iso(60.0)}
    code = bench.post("/v1/invitations", "registrar", body)["code"]
    bench.clock.advance(61.0)
    assert bench.ask("POST", "/v1/enrol", None, {"code": code}).status_code == 404


def test_a_reminder_goes_out_once_before_training_lapses(bench):
    bench.volunteers(1)
    bench.wait(345 * 86400.0)
    assert bench.messages() == []  # at eight in the morning it is still the night
    bench.wait(3 * 3600.0)
    bench.wait(3 * 3600.0)
    kinds = [kind for _, kind in bench.messages()]
    assert kinds.count("reminder") == 1


PEOPLE = """name,lat,lon,training,evidence,valid_from,valid_until
Ann Bee,52.0,1.0,BLS,c-1,2026-01-31,2028-01-31
Cay Dee,,,,,,
"""


def take_people(bench, content: str):
    body = {"content": content, "organisation": "first responders"}
    return bench.ask("POST", "/v1/responders/import", "registrar", body)


def test_a_list_of_volunteers_is_registered_and_waits_for_verification(bench):
    first, second = take_people(bench, PEOPLE).json()["responder_ids"]
    ann = bench.get(f"/v1/responders/{first}", "registrar")
    assert (ann["status"], ann["organisation"]) == ("invited", "first responders")
    assert ann["credentials"][0]["verified_at"] is None
    assert ann["training_valid_until"] is None
    assert bench.get(f"/v1/responders/{second}", "registrar")["credentials"] == []


def test_a_list_of_volunteers_with_faults_is_refused_whole(bench):
    content = PEOPLE + ",52,1,,,,\nEve Eff,99,1,,,,\nGus Aitch,52,1,BLS,c,soon,2028-01-31\n"
    answer = take_people(bench, content)
    assert answer.status_code == 422
    lines = [fault["fault"].split(":")[0] for fault in answer.json()["errors"]]
    assert lines == ["line 4", "line 5", "line 6"]
    assert "Eve" not in answer.text
    assert bench.get("/v1/responders", "registrar")["responders"] == []
    assert take_people(bench, "x,y\n1,2\n").status_code == 422


# --- AEDs ---------------------------------------------------------------------------------------

CSV = "external_id,lat,lon,place,opening_hours\na1,52.0,1.0,Library,24/7\na2,52.01,1.0,Hall,\n"


def take(bench, content: str, form: str = "csv"):
    body = {"format": form, "content": content, "source": "list"}
    return bench.ask("POST", "/v1/aeds/import", "registrar", body)


def test_a_list_of_aeds_is_taken_over_and_waits_for_somebody_to_look(bench):
    assert take(bench, CSV).json() == {"added": 2, "updated": 0, "unchanged": 0}
    assert take(bench, CSV).json() == {"added": 0, "updated": 0, "unchanged": 2}
    aeds = bench.get("/v1/aeds", "registrar")["aeds"]
    assert [(aed["status"], aed["hours"]) for aed in aeds] == [
        ("unchecked", "known"),
        ("unchecked", "unknown"),
    ]
    path = f"/v1/aeds/{aeds[0]['aed_id']}/check"
    bench.post(path, "registrar", {"in_service": True})
    moved = CSV.replace("52.0,1.0,Library", "52.02,1.0,Library")
    assert take(bench, moved).json() == {"added": 0, "updated": 1, "unchanged": 1}
    aed = bench.get(f"/v1/aeds/{aeds[0]['aed_id']}", "registrar")
    assert (aed["status"], aed["status_reason"]) == ("unchecked", "moved")


def test_geojson_is_taken_too(bench):
    feature = '{"type":"Feature","id":"g1","geometry":{"type":"Point","coordinates":[1.0,52.0]}}'
    content = f'{{"type":"FeatureCollection","features":[{feature}]}}'
    assert take(bench, content, "geojson").json()["added"] == 1
    assert bench.get("/v1/aeds", "registrar")["aeds"][0]["location"] == {"lat": 52.0, "lon": 1.0}


@pytest.mark.parametrize(
    ("content", "form", "fault"),
    [
        ("", "csv", "line 1: expected the columns"),
        (CSV + "a3,95,1.0,x,\n", "csv", "line 4: lat: expected degrees from -90 to 90"),
        (CSV + ",52,1.0,x,\n", "csv", "line 4: external_id: expected an id"),
        (CSV + "a3,nan,1.0,x,\n", "csv", "line 4: lat"),
        (CSV + "a1,52,1.0,x,\n", "csv", "a1 stands in the list twice"),
        ("{", "geojson", "expected JSON"),
        ('{"features": [{"geometry": null}]}', "geojson", "features[0]: expected a Point"),
        ("[" * 50_000, "geojson", "expected JSON"),
    ],
)
def test_a_list_with_a_fault_is_refused_whole(bench, content, form, fault):
    answer = take(bench, content, form)
    assert answer.status_code == 422
    assert fault in answer.json()["errors"][0]["fault"]
    assert bench.get("/v1/aeds", "registrar")["aeds"] == []


def test_an_aed_of_unknown_hours_does_not_count_at_night(bench):
    aed = {"external_id": "a", "location": {"lat": 52.0, "lon": 1.0}}
    aed_id = bench.post("/v1/aeds", "registrar", aed)["aed_id"]
    bench.post(f"/v1/aeds/{aed_id}/check", "registrar", {"in_service": True})
    assert bench.get("/v1/coverage", "control")["aeds_usable"] == 1
    bench.wait(NIGHT_S)
    assert bench.get("/v1/coverage", "control")["aeds_usable"] == 0
