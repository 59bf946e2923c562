"""What an integrator does wrong on the first day, and what must not happen then."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from dispatch.live import retention
from dispatch.live.api import control as control_api
from dispatch.live.settings import RetentionSettings
from dispatch.live.store import schema
from dispatch.live.triggers import load_table
from dispatch.live.webhooks import KINDS, signature

MANUAL = (Path(__file__).parents[2] / "docs" / "control-contract.md").read_text("utf-8")


def again(bench, status: int = 200, **facts):
    """Report C-1 again with other facts; the view, or the problem."""
    here = {"lat": 52.0, "lon": 1.0}
    body = {"reference": "C-1", "location": here, "code": "X01A", **facts}
    answer = bench.ask("POST", "/v1/incidents", "control", body)
    assert answer.status_code == status, answer.text
    return answer.json()


def path(incident: dict, rest: str = "") -> str:
    return f"/v1/incidents/{incident['incident_id']}{rest}"


# --- the same call again ------------------------------------------------------------------------


@pytest.mark.parametrize("version", [{}, {"version": 5}])
def test_danger_in_a_second_report_stops_the_asking(bench, version):
    people = bench.volunteers(1)
    incident = bench.call()["incident_id"]
    bench.settle()
    view = again(bench, scene="unsafe", **version)
    assert (view["scene"], view["holds"], view["incident_id"]) == (
        "unsafe",
        ["unsafe_scene"],
        incident,
    )
    assert bench.statuses(incident) == {people[0]: "withdrawn"}
    assert view["version"] == version.get("version", 0)


def test_a_second_report_takes_over_all_that_it_says_and_nothing_else(bench):
    first = bench.call(address="1 High Street", scene="unsafe", cpr_in_progress=True)
    due = bench.iso(480.0)
    view = again(
        bench, location={"lat": 52.01, "lon": 1.0}, ambulance_due_at=due, scene="safe", hands=2
    )
    assert view["incident_id"] == first["incident_id"]
    assert view["location"] == {"lat": 52.01, "lon": 1.0}
    assert view["ambulance_due_at"] is not None
    assert (view["scene"], view["holds"]) == ("safe", [])
    assert (view["address"], view["cpr_in_progress"]) == ("1 High Street", True)  # left out: stays
    flagged = again(bench, flags=["violence"])
    assert (flagged["flags"], flagged["holds"]) == (["violence"], ["do_not_alert"])
    assert flagged["scene"] == "safe"
    assert flagged["ambulance_due_at"] == view["ambulance_due_at"]


def test_a_scene_that_is_unknown_again_does_not_become_safe(bench):
    bench.call(scene="unsafe")
    assert again(bench, scene="unknown")["holds"] == ["unsafe_scene"]


def test_the_same_words_again_are_a_repetition(bench):
    bench.volunteers(1)
    first = bench.call()
    bench.post(path(first, "/scene"), "control", {"scene": "unsafe"})
    assert bench.call()["holds"] == ["unsafe_scene"]  # a repetition on the way does not undo it
    assert bench.call(version=0)["holds"] == ["unsafe_scene"]


def test_a_version_of_other_contents_or_an_older_one_is_refused(bench):
    bench.call(version=3)
    assert again(bench, 409, version=3, scene="unsafe")["code"] == "version_reused"
    assert again(bench, 409, version=2, scene="unsafe")["code"] == "stale_version"
    assert again(bench, version=4, scene="unsafe")["version"] == 4


def test_an_ended_incident_takes_nothing_and_says_so(bench):
    incident = bench.call()
    bench.post(path(incident, "/close"), "control", {"reason": "handed over"})
    assert again(bench, 409)["code"] == "ended"
    for method, rest, body in (
        ("PATCH", "", {"address": "2 High Street"}),
        ("POST", "/scene", {"scene": "unsafe"}),
        ("POST", "/ambulance", {"on_scene": True}),
        ("POST", "/cancel", {}),
    ):
        answer = bench.ask(method, path(incident, rest), "control", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "ended")
    assert bench.incident(incident["incident_id"])["address"] == ""


def test_a_call_under_another_source_is_pointed_out(bench):
    first = bench.call(source="cad")
    second = bench.call(source="cad-2", location={"lat": 52.5, "lon": 1.0})
    assert second["possible_duplicates"] == [first["incident_id"]]
    assert second["attention"] == "possible_duplicate"
    bench.volunteers(1)
    third = bench.call("C-9")
    bench.settle()
    seen = bench.incident(third["incident_id"])
    assert (seen["phase"], seen["attention"]) == ("alerting", "possible_duplicate")
    bench.post(path(first, "/close"), "control")
    assert bench.incident(third["incident_id"])["attention"] is None


# --- the ambulance ------------------------------------------------------------------------------


def test_that_the_ambulance_is_there_cannot_be_taken_back(bench):
    incident = bench.call()
    way = path(incident, "/ambulance")
    assert bench.ask("POST", way, "control", {}).status_code == 422
    due = {"due_at": bench.iso(600.0)}
    assert bench.post(way, "control", due)["ambulance_due_at"] is not None
    assert bench.post(way, "control", {"on_scene": False})["ambulance_due_at"] is not None
    bench.post(way, "control", {"on_scene": True})
    for body in ({"on_scene": False}, due):
        answer = bench.ask("POST", way, "control", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "crew_on_scene")
    assert bench.post(way, "control", {"on_scene": True})["phase"] == "crew_on_scene"


@pytest.mark.parametrize("offset_s", [-3700.0, 7 * 3600.0, 365 * 86400.0])
def test_a_time_of_the_ambulance_that_cannot_be_right(bench, offset_s):
    bench.volunteers(1)
    incident = bench.call(ambulance_due_at=bench.iso(offset_s))  # taken all the same
    assert incident["ambulance_due_at"] is None
    bench.settle()
    seen = bench.incident(incident["incident_id"])
    assert (seen["phase"], seen["attention"]) == ("alerting", "ambulance_time_not_plausible")
    for scene in ("unsafe", "safe"):  # the incident goes on, the question stays
        bench.post(path(incident, "/scene"), "control", {"scene": scene})
        bench.settle()
    seen = bench.incident(incident["incident_id"])
    assert seen["phase"] != "held"
    assert seen["attention"] == "ambulance_time_not_plausible"
    way = path(incident, "/ambulance")
    refused = bench.ask("POST", way, "control", {"due_at": bench.iso(offset_s)})
    assert (refused.status_code, "6 h ahead" in refused.json()["detail"]) == (422, True)
    assert bench.post(way, "control", {"due_at": bench.iso(480.0)})["attention"] is None


# --- codes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["X01A ", " X01A", "x01a", "X01A\t"])
def test_blanks_around_a_code_do_not_silence_it(bench, code):
    bench.volunteers(1)
    assert bench.call(code=code)["rule"] == "listed"
    assert load_table(None).decide(code, ()).reason == "listed"
    bench.settle()
    assert len(bench.messages()) == 1


def test_a_code_that_is_not_listed_is_put_before_a_person(bench):
    bench.volunteers(1)
    incident = bench.call(code="9Z9")
    assert (incident["phase"], incident["attention"]) == ("suspected", "code_not_listed")
    assert bench.get("/v1/status", "control")["need_attention"] == 1
    bench.ask("PATCH", path(incident), "control", {"code": "X02B"})
    assert bench.incident(incident["incident_id"])["attention"] is None
    bench.ask("PATCH", path(incident), "control", {"code": "9Z9"})
    assert bench.incident(incident["incident_id"])["attention"] == "code_not_listed"
    bench.ask("PATCH", path(incident), "control", {"confirmed": True})
    bench.settle()
    assert bench.incident(incident["incident_id"])["attention"] is None


# --- places -------------------------------------------------------------------------------------


class Bounds(NamedTuple):
    """All of a region that places are checked against."""

    bounds: tuple[float, float, float, float] = (51.9, 0.8, 52.1, 1.2)
    region_id: str = "surroundings"


@pytest.fixture
def mapped(bench, monkeypatch):
    """A service whose region covers the surroundings; travel times are along straight lines."""
    monkeypatch.setattr(bench.service.finder, "region", Bounds())
    return bench


SWAPPED = {"lat": 1.0, "lon": 52.0}
IN_THE_SEA = {"easting": 1, "northing": 1}


@pytest.mark.parametrize("place", [SWAPPED, IN_THE_SEA])
def test_a_call_outside_the_map_is_taken_and_put_before_a_person(mapped, place):
    incident = mapped.call(location=place)
    assert incident["attention"] == "outside_region"
    mapped.settle()
    mapped.wait(60.0)
    seen = mapped.incident(incident["incident_id"])
    assert (seen["phase"], seen["attention"]) == ("exhausted", "outside_region")  # the cause
    right = mapped.ask("PATCH", path(incident), "control", {"location": {"lat": 52.0, "lon": 1.0}})
    assert right.json()["attention"] is None
    wrong = mapped.ask("PATCH", path(incident), "control", {"location": place})
    assert wrong.json()["attention"] == "outside_region"


def test_a_call_at_the_edge_of_the_map_needs_nobody(mapped):
    edge = mapped.call(location={"lat": 51.895, "lon": 1.0})  # half a kilometre beyond
    assert edge["attention"] == "nobody_coming"


SPOTS = [(1.0, 52.0), (49.8, -7.5)]


@pytest.mark.parametrize(("lat", "lon"), SPOTS)
def test_registers_refuse_places_that_are_elsewhere(mapped, lat, lon):
    place = {"lat": lat, "lon": lon}
    person = mapped.person()
    one = f"{lat},{lon}"
    for method, path, body in (
        ("POST", "/v1/responders", {"name": "Ann Bee", "home": place}),
        ("POST", "/v1/responders", {"name": "Ann Bee", "work": place}),
        ("PATCH", f"/v1/responders/{person}", {"home": place}),
        ("POST", "/v1/responders/import", {"content": f"name,lat,lon\nAnn,52,1\nBob,{one}\n"}),
        ("POST", "/v1/aeds", {"external_id": "A-1", "location": place}),
        (
            "POST",
            "/v1/aeds/import",
            {
                "format": "csv",
                "source": "s",
                "content": f"external_id,lat,lon\nA-1,52,1\nA-2,{one}\n",
            },
        ),
        ("POST", "/v1/no-alert-areas", area(mapped, ring(lat, lon))),
    ):
        answer = mapped.ask(method, path, "control" if "no-alert" in path else "registrar", body)
        assert answer.status_code == 422, path
        assert "latitude 51.90 to 52.10 and longitude 0.80 to 1.20" in answer.text, path
        assert str(lat) not in answer.json()["detail"]
    assert mapped.get("/v1/aeds", "registrar")["aeds"] == []
    assert len(mapped.get("/v1/responders", "registrar")["responders"]) == 1


def test_registers_take_places_a_little_beyond_the_map(mapped):
    near = {"lat": 52.2, "lon": 1.3}
    mapped.post("/v1/responders", "registrar", {"name": "Ann Bee", "home": near, "work": near})
    mapped.post("/v1/aeds", "registrar", {"external_id": "A-1", "location": near})


def test_a_phone_that_swaps_its_numbers_is_told(mapped):
    person = mapped.volunteer()

    def fix(lat: float, lon: float) -> dict:
        body = {"lat": lat, "lon": lon, "accuracy_m": 10.0, "at": mapped.iso()}
        return mapped.post("/v1/me/positions", person, body)

    told = fix(1.0, 52.0)
    assert (told["taken"], "wrong way round" in str(told)) == (False, True)
    assert fix(52.0, 1.0)["taken"] is True
    assert fix(40.0, -3.0)["taken"] is True  # on holiday: not to be asked at home
    wishes = {"not_at": [{"lat": 1.0, "lon": 52.0, "radius_m": 100.0}]}
    answer = mapped.ask("PUT", "/v1/me/availability", person, wishes)
    assert (answer.status_code, "not_at" in answer.json()["detail"]) == (422, True)


def ring(lat: float, lon: float) -> list[list[float]]:
    return [
        [lat - 0.01, lon - 0.01],
        [lat + 0.01, lon - 0.01],
        [lat + 0.01, lon + 0.01],
        [lat - 0.01, lon + 0.01],
    ]


def area(bench, corners, **facts):
    reason = {"reason": "gas", "person": "Dana Duty", "expires_at": bench.iso(600.0)}
    return {**reason, "area": corners, **facts}


def test_an_area_that_protects_nothing_is_refused(mapped):
    a, b, c, d = ring(52.0, 1.0)
    for corners, words in (
        ([a, c, b, d], "crosses itself"),
        ([a, b, a], "corners"),
        ([a, a, a, a], "corners"),
    ):
        answer = mapped.ask("POST", "/v1/no-alert-areas", "control", area(mapped, corners))
        assert (answer.status_code, words in answer.json()["detail"]) == (422, True)
    for corners in ([a, b, c, d], [a, b, c, d, a], ring(52.1, 1.2)):  # closed by itself or not
        mapped.post("/v1/no-alert-areas", "control", area(mapped, corners))
    assert mapped.call()["holds"] == ["no_alert_area"]


def test_a_stop_lasts_a_week_at_most_and_is_taken_off_by_its_id_where_there_are_several(bench):
    late = {**area(bench, []), "expires_at": bench.iso(8 * 86400.0)}
    late.pop("area")
    refused = bench.ask("POST", "/v1/alerting/stop", "control", late)
    assert (refused.status_code, "7 days" in refused.json()["detail"]) == (422, True)
    stop = {**late, "expires_at": bench.iso(6 * 86400.0)}
    first, second = (bench.post("/v1/alerting/stop", "control", stop) for _ in range(2))
    resume = {"person": "Dana Duty"}
    answer = bench.ask("POST", "/v1/alerting/resume", "control", resume)
    assert (answer.status_code, answer.json()["code"]) == (409, "which_stop")
    bench.post("/v1/alerting/resume", "control", {**resume, "brake_id": first["brake_id"]})
    assert bench.post("/v1/alerting/resume", "control", resume)["brakes"] == []  # the only one
    assert second["brake_id"] != first["brake_id"]


# --- being told ---------------------------------------------------------------------------------


def test_webhooks_are_listed_and_whatever_never_comes_is_refused(bench):
    url = "http://127.0.0.1:9/hook"
    made = bench.post("/v1/webhooks", "control", {"url": url, "kinds": ["alert.accepted"]})
    assert bench.ask("POST", "/v1/webhooks", "control", {"url": url}).json()["code"] == (
        "webhook_exists"
    )
    (row,) = bench.get("/v1/webhooks", "control")["webhooks"]
    assert (row["webhook_id"], row["url"], row["failing_since"]) == (made["webhook_id"], url, None)
    assert "secret" not in row
    for body, words in (
        ({"url": url + "2", "kinds": ["alert.yes"]}, "alert.accepted"),
        ({"url": "http://169.254.169.254/latest"}, "its own link"),
        ({"url": "http://[fe80::1]/x"}, "its own link"),
        ({"url": "http://0.0.0.0/x"}, "its own link"),
    ):
        answer = bench.ask("POST", "/v1/webhooks", "control", body)
        assert (answer.status_code, words in answer.json()["detail"]) == (422, True), body
    bench.ask("DELETE", f"/v1/webhooks/{made['webhook_id']}", "control")
    assert bench.get("/v1/webhooks", "control")["webhooks"] == []
    bench.post("/v1/webhooks", "control", {"url": url})


def test_every_kind_that_is_told_can_be_chosen(bench):
    """What the other tests make happen is named; here a call from its report to its end."""
    people = bench.volunteers(2)
    incident = bench.call()
    bench.settle()
    bench.answer(people[0], "yes")
    bench.post("/v1/alerting/stop", "control", stop(bench))
    bench.post("/v1/alerting/resume", "control", {"person": "Dana Duty"})
    bench.post(path(incident, "/close"), "control")
    rows = bench.inside(lambda tx: control_api.stream.after(tx, 0))
    told = {row.kind for row in rows}
    assert {"incident.reported", "alert.accepted", "alerting.stopped"} <= told <= KINDS


def stop(bench):
    body = area(bench, [])
    del body["area"]
    return body


def test_what_happened_together_is_written_together(bench):
    """One write: a line that was dropped is not written to once for every event."""
    bench.volunteers(3)
    bench.call()
    bench.settle()

    class Gone:
        async def is_disconnected(self):
            return False  # the next write would tell

    async def pieces():
        return [p async for p in control_api._stream(Gone(), bench.service, 0, until_idle=True)]

    status, events = asyncio.run(pieces())
    assert status.startswith(b"event: status")
    assert events.count(b"\nevent: ") > 5


# --- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"{", b'{"reference": "x",}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_one_kind_of_fault(bench, content):
    headers = {**bench.bearer("control"), "Content-Type": "application/json"}
    answer = bench.client.post("/v1/incidents", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "not_json")


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "expected"),
    [
        ("POST", "/v1/incidents", {"location": {"lat": 52, "lon": 1}}, "body.reference", "missing"),
        ("POST", "/v1/incidents", {"reference": ""}, "body.reference", "at least 1 character"),
        ("POST", "/v1/incidents", {"surprise": 1}, "body.surprise", "no such field"),
        ("POST", "/v1/incidents", {"scene": "odd"}, "body.scene", "safe, unsafe or unknown"),
        ("POST", "/v1/incidents", {"flags": ["odd"]}, "body.flags.0", "expected child, trauma"),
        ("POST", "/v1/incidents", {"hands": 5000}, "body.hands", "expected at most 1000"),
        ("POST", "/v1/incidents", {"ambulance_due_at": "soon"}, "body.ambulance_due_at", "2026-"),
        (
            "POST",
            "/v1/incidents",
            {"ambulance_due_at": "2026-01-01T00:00:00"},
            "body.ambulance_due_at",
            "offset",
        ),
        ("POST", "/v1/incidents", {"code": "a\0"}, "body.code", "without NUL"),
        ("PATCH", "/v1/incidents/x", {"confirmed": False}, "body.confirmed", "expected true"),
        ("POST", "/v1/webhooks", {"url": "ftp://x"}, "body.url", "begins with http"),
        ("GET", "/v1/incidents?limit=0", None, "query.limit", "expected at least 1"),
    ],
)
def test_faults_are_named_in_plain_words(bench, method, path, body, field, expected):
    answer = bench.ask(method, path, "control", body)
    assert answer.status_code == 422
    faults = {fault["field"]: fault["expected"] for fault in answer.json()["errors"]}
    assert expected in faults[field]
    text = answer.text.lower()
    assert not any(word in text for word in ("string should", "input should", "pattern", "^["))


def test_one_fault_is_one_fault(bench):
    body = {"content": "name,lat,lon\nAnn,52,\n"}
    answer = bench.ask("POST", "/v1/responders/import", "registrar", body)
    assert answer.json()["detail"] == "1 fault; nothing was taken over"
    bad = {"content": "name,lat,lon\nAnn,52,\nBob,x,1\n"}
    answer = bench.ask("POST", "/v1/responders/import", "registrar", bad)
    assert answer.json()["detail"].startswith("2 faults")


def test_why_not_says_what_the_register_knows(bench):
    bench.volunteers(1)
    untrained = bench.person(trained=False)
    bench.enrol(untrained)
    invited, phoneless, far = bench.person(), bench.person(), bench.volunteer(steps=2000)
    bench.enrol(phoneless)
    suspended = bench.volunteer()
    reason = {"reason": "asked for it"}
    bench.post(f"/v1/responders/{suspended}/suspend", "registrar", reason)
    incident = bench.call(location={"lat": 51.0, "lon": 1.0})  # nobody is near
    bench.settle()

    def why_not(responder_id: int) -> str:
        return bench.get(path(incident, f"/explanation?why_not={responder_id}"), "control")["about"]

    assert why_not(999) == "there is no volunteer 999"
    assert "no verified training" in why_not(untrained)
    assert "has not enrolled yet" in why_not(invited)
    assert "has no phone" in why_not(phoneless)
    assert "is suspended" in why_not(suspended)
    assert "not within reach" in why_not(far)


# --- the manual ---------------------------------------------------------------------------------


def test_a_webhook_can_be_verified_as_the_manual_says():
    (block,) = re.findall(r"<!-- signature.*?-->\n```python\n(.*?)```", MANUAL, re.DOTALL)
    found: dict = {}
    exec(block, found)
    header = signature("secret", b'{"id":1}', 1000.0)
    assert found["is_ours"]("secret", header, b'{"id":1}', 1100.0)
    assert not found["is_ours"]("other", header, b'{"id":1}', 1100.0)
    assert not found["is_ours"]("secret", header, b'{"id":2}', 1100.0)
    assert not found["is_ours"]("secret", header, b'{"id":1}', 2000.0)


def test_the_manual_names_every_kind_every_attention_and_every_refusal():
    named = set(re.findall(r"[a-z_]+(?:\.[a-z_]+)?", MANUAL))
    assert {
        kind for kind in KINDS if kind not in named and kind.split(".")[1] not in named
    } == set()
    source = Path(control_api.__file__).parents[1]
    names = ("control", "braking", "webhooks", "policybook", "telling")
    text = "".join((source / f"{name}.py").read_text("utf-8") for name in names)
    refusals = set(re.findall(r'Conflict\(\s*"([a-z_]+)"', text))
    reasons = set(re.findall(r'^[A-Z_]+ = "([a-z_]+)"$', text, re.MULTILINE))
    assert len(refusals) > 8
    assert len(reasons) > 6
    assert (refusals | reasons) - named == set()


def test_what_was_said_is_forgotten_with_the_address(bench):
    """A hash of an address and a place could be guessed: it goes when they go."""
    incident = bench.call(address="1 High Street")
    kept = sa.select(schema.incident.c.report_hash)
    assert bench.inside(lambda tx: tx.value(kept)) is not None
    bench.post(path(incident, "/close"), "control")
    later_s = bench.clock() + 31 * 86400.0
    bench.inside(lambda tx: retention.purge(tx, later_s, RetentionSettings()))
    assert bench.inside(lambda tx: tx.value(kept)) is None


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"on_duty": False}, "(off duty as it stands now)"),
        ({"not_before": 3600.0}, "(not before 09:00)"),
        ({"not_at": [{"lat": 52.0, "lon": 1.0, "radius_m": 500.0}]}, "(by their own hours, places"),
    ],
)
def test_why_not_tells_the_ways_of_being_unavailable_apart(bench, wishes, words):
    person = bench.volunteer()
    if "not_before" in wishes:
        wishes = {"not_before": bench.iso(wishes["not_before"])}
    changed = bench.ask("PUT", "/v1/me/availability", person, wishes)
    assert changed.status_code == 200, changed.text
    incident = bench.call()
    bench.settle()
    about = bench.get(path(incident, f"/explanation?why_not={person}"), "control")["about"]
    assert about.startswith(f"{person} was passed over: not available now")
    assert words in about
