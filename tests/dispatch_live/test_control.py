"""Ambulance control's side: calls, codes, the brake, the stream."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


def codes(answer) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


# --- calls --------------------------------------------------------------------------------------


def test_the_same_key_gets_the_same_answer_and_alerts_once(bench):
    bench.volunteers(2)
    body = {"reference": "C-1", "location": {"lat": 52.0, "lon": 1.0}, "code": "X01A"}
    first = bench.ask("POST", "/v1/incidents", "control", body, Idempotency_Key="k-1")
    bench.settle()
    again = bench.ask("POST", "/v1/incidents", "control", body, Idempotency_Key="k-1")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    bench.settle()
    assert len(bench.messages()) == 2

    other = bench.ask(
        "POST", "/v1/incidents", "control", {**body, "reference": "C-2"}, Idempotency_Key="k-1"
    )
    assert codes(other) == (409, "idempotency_key_reused")


def test_the_same_call_again_is_the_same_incident(bench):
    bench.volunteers(2)
    first = bench.call(version=3)
    body = {"reference": "C-1", "location": {"lat": 52.5, "lon": 1.5}, "version": 3}
    again = bench.ask("POST", "/v1/incidents", "control", body)
    assert codes(again) == (409, "version_reused")  # other contents under the same version
    assert bench.call(version=3)["incident_id"] == first["incident_id"]

    newer = bench.ask("POST", "/v1/incidents", "control", {**body, "version": 4, "code": "X01A"})
    assert newer.status_code == 200
    assert newer.json()["location"] == {"lat": 52.5, "lon": 1.5}
    stale = bench.ask(
        "PATCH", f"/v1/incidents/{first['incident_id']}", "control", {"version": 2, "code": "X06A"}
    )
    assert codes(stale) == (409, "stale_version")
    other_source = bench.ask("POST", "/v1/incidents", "control", {**body, "source": "fire"})
    assert other_source.status_code == 201


def test_a_second_call_nearby_is_pointed_out_and_never_dropped(bench):
    first = bench.call("C-1")["incident_id"]
    second = bench.call("C-2", location={"lat": 52.0005, "lon": 1.0})
    assert second["possible_duplicates"] == [first]
    assert second["incident_id"] != first
    assert bench.call("C-3", location={"lat": 52.01, "lon": 1.0})["possible_duplicates"] == []


@pytest.mark.parametrize("at", [(530000, 180000), (651410, 313177), (150000, 30000)])
def test_eastings_and_northings_are_understood(bench, at):
    pyproj = pytest.importorskip("pyproj")
    to_wgs84 = pyproj.Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)
    lon, lat = to_wgs84.transform(*at)
    view = bench.call(location={"easting": at[0], "northing": at[1]})
    assert view["location"]["lat"] == pytest.approx(lat, abs=1e-5)  # about a metre
    assert view["location"]["lon"] == pytest.approx(lon, abs=1e-5)


def test_a_listed_code_alerts_and_a_code_for_others_does_not(bench):
    bench.volunteers(1)
    none = bench.call("C-1", code="X06A")
    assert (none["alerting"], none["rule"]) == (False, "listed")
    assert none["why_not_alerting"] == "nobody is to be asked to this patient"
    bench.settle()
    assert bench.messages() == []
    bench.ask("PATCH", f"/v1/incidents/{none['incident_id']}", "control", {"code": "X01A"})
    bench.settle()
    assert len(bench.messages()) == 1


@pytest.mark.parametrize("code", ["NOT-LISTED", "X02B"])
def test_a_code_that_is_not_listed_or_only_suspected_wakes_nobody(bench, code):
    bench.volunteers(1)
    view = bench.call(code=code)
    assert (view["phase"], view["alerting"]) == ("suspected", False)
    bench.settle()
    assert bench.messages() == []
    path = f"/v1/incidents/{view['incident_id']}"
    assert bench.ask("PATCH", path, "control", {"confirmed": True}).status_code == 200
    bench.settle()
    assert len(bench.messages()) == 1


def test_the_caller_cannot_talk_an_unlisted_code_into_an_alert(bench):
    assert bench.call(code="NOT-LISTED", confirmed=True)["phase"] == "suspected"
    assert bench.call("C-2", code="X02B", confirmed=True)["phase"] == "exhausted"  # nobody there
    assert bench.call("C-3", code="X01A", confirmed=False)["phase"] == "suspected"


@pytest.mark.parametrize("flag", ["child", "care_home", "violence"])
def test_a_flag_rules_a_call_out_also_later(bench, flag):
    people = bench.volunteers(1)
    assert bench.call("C-1", flags=[flag])["rule"] == f"excluded:{flag}"
    incident = bench.call("C-2")["incident_id"]
    bench.settle()
    assert bench.statuses(incident) == {people[0]: "asked"}
    bench.ask("PATCH", f"/v1/incidents/{incident}", "control", {"flags": [flag]})
    assert bench.statuses(incident) == {people[0]: "withdrawn"}


def test_an_ended_incident_takes_no_more(bench):
    incident = bench.call()["incident_id"]
    bench.post(f"/v1/incidents/{incident}/close", "control")
    again = bench.ask("POST", f"/v1/incidents/{incident}/close", "control", {})
    assert codes(again) == (409, "ended")
    moved = bench.ask(
        "PATCH", f"/v1/incidents/{incident}", "control", {"location": {"lat": 1, "lon": 1}}
    )
    assert codes(moved) == (409, "ended")


def test_nobody_left_flags_the_incident_for_control(bench):
    bench.volunteers(1)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.answer(1, "no")
    bench.settle()
    view = bench.incident(incident)
    assert (view["phase"], view["attention"]) == ("exhausted", "nobody_coming")
    assert view["why_not_alerting"] == "nobody is left to ask"
    assert bench.get("/v1/status", "control")["need_attention"] == 1


def test_the_explanation_can_be_read_aloud(bench):
    people = bench.volunteers(4)
    untrained = bench.person(trained=False)
    bench.enrol(untrained)
    bench.phone(untrained)
    incident = bench.call()["incident_id"]
    bench.settle()
    path = f"/v1/incidents/{incident}/explanation?why_not={people[3]}"
    told = bench.get(path, "control")
    texts = [line["text"] for line in told["lines"]]
    assert texts[0] == "Reported: confirmed; scene safe."
    assert any(text.startswith(f"Asked {people[0]}:") for text in texts)
    assert told["passed_over"] == ["1 passed over: training not verified"]
    assert told["about"] == f"{people[3]} could have gone and others were sooner"
    text = json.dumps(told)
    assert "52.0" not in text
    assert "Ann" not in text


# --- the brake ----------------------------------------------------------------------------------


def stop(bench, expires_s: float = 3600.0) -> dict[str, object]:
    body = {
        "reason": "major incident",
        "person": "Dana Duty",
        "expires_at": bench.iso(expires_s),
    }
    return bench.post("/v1/alerting/stop", "control", body)


def test_stopping_stands_people_down_and_shows_at_once(live):
    bench = live
    people = bench.volunteers(2)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.answer(people[0], "yes")
    placed = stop(bench)
    # Whoever is going goes on: the patient needs them. Nobody else is asked.
    assert bench.statuses(incident) == {people[0]: "accepted", people[1]: "withdrawn"}
    status = bench.get("/v1/status", "control")
    assert status["alerting"] is False
    assert (
        "VOLUNTEERS ARE NOT BEING ALERTED since 08:00. 999 response unaffected."
        in (status["message"])
    )
    assert "stopped by Dana Duty: major incident" in status["message"]
    later = bench.call("C-2")
    assert later["holds"] == ["alerting_stopped"]
    assert later["warning"].startswith("VOLUNTEERS ARE NOT BEING ALERTED")
    bench.settle()
    assert bench.statuses(later["incident_id"]) == {}

    bench.post("/v1/alerting/resume", "control", {"person": "Dana Duty"})
    bench.settle()
    assert bench.get("/v1/status", "control")["alerting"] is True
    assert bench.get("/v1/alerting", "control")["brakes"] == []
    asked = bench.statuses(incident) | bench.statuses(later["incident_id"])
    assert asked[people[1]] == "asked"
    assert codes(bench.ask("POST", "/v1/alerting/resume", "control", {"person": "x"})) == (
        404,
        "no_such_brake",
    )
    assert placed["person"] == "Dana Duty"


def test_a_stop_ends_by_itself(live):
    bench = live
    people = bench.volunteers(1)
    stop(bench, 600.0)
    incident = bench.call()["incident_id"]
    bench.settle()
    assert bench.statuses(incident) == {}
    bench.wait(601.0)
    assert bench.statuses(incident) == {people[0]: "asked"}
    bench.service.watch()
    assert bench.get("/v1/status", "control")["alerting"] is True


def test_an_area_holds_only_what_lies_within(live):
    bench = live
    bench.volunteers(2)
    ring = [[51.99, 0.99], [52.01, 0.99], [52.01, 1.01], [51.99, 1.01]]
    body = {
        "reason": "chemical",
        "person": "Dana Duty",
        "expires_at": bench.iso(3600.0),
        "area": ring,
    }
    bench.post("/v1/no-alert-areas", "control", body)
    inside = bench.call("C-1")
    outside = bench.call("C-2", location={"lat": 52.0, "lon": 1.05})
    assert inside["holds"] == ["no_alert_area"]
    assert outside["holds"] == []
    bench.settle()
    moved = {"location": {"lat": 52.0, "lon": 1.02}}
    view = bench.ask("PATCH", f"/v1/incidents/{inside['incident_id']}", "control", moved).json()
    assert view["holds"] == []
    back = {"location": {"lat": 52.0, "lon": 1.0}}
    view = bench.ask("PATCH", f"/v1/incidents/{inside['incident_id']}", "control", back).json()
    assert view["holds"] == ["no_alert_area"]
    assert bench.get("/v1/status", "control")["alerting"] is True


@pytest.mark.parametrize(
    "change", [{"reason": ""}, {"person": ""}, {"expires_at": "2020-01-01T00:00:00Z"}]
)
def test_a_brake_needs_a_person_a_reason_and_an_end_to_come(bench, change):
    body = {"reason": "x", "person": "y", "expires_at": bench.iso(60.0), **change}
    assert bench.ask("POST", "/v1/alerting/stop", "control", body).status_code == 422


# --- telling ------------------------------------------------------------------------------------


def events(bench, query: str, **headers: str) -> list[dict[str, object]]:
    text = bench.ask("GET", f"/v1/stream?until_idle=true{query}", "control", **headers).text
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    return [json.loads(block[-1][6:]) for block in blocks if block[0].startswith("id: ")]


def test_the_stream_resumes_where_it_was(bench):
    bench.volunteers(1)
    bench.call()
    bench.settle()
    everything = events(bench, "&after=0")
    kinds = [event["kind"] for event in everything]
    assert kinds[0] == "incident.reported"
    assert "alert.asked" in kinds
    third = everything[2]["id"]
    assert events(bench, f"&after={third}") == everything[3:]
    assert events(bench, "", Last_Event_ID=str(third)) == everything[3:]
    assert events(bench, "") == []  # without a number: from now on


def test_the_stream_tells_when_alerting_stops_and_when_it_goes_on(live):
    bench = live
    bench.volunteers(1)
    stop(bench)
    bench.post("/v1/alerting/resume", "control", {"person": "Dana Duty"})
    told = [e["data"] for e in events(bench, "&after=0") if e["kind"] == "alerting.status"]
    assert [line["alerting"] for line in told] == [False, True]
    assert told[0]["message"].startswith("VOLUNTEERS ARE NOT BEING ALERTED since 08:00.")


def test_the_stream_names_no_place_and_nobody(bench):
    bench.volunteer(name="Zebedee Quux")
    bench.call(address="77 Canary Street")
    bench.settle()
    text = json.dumps(events(bench, "&after=0"))
    for word in ("52.0", "Canary", "Zebedee"):
        assert word not in text


def test_webhooks_are_signed_and_repeated_until_taken(bench):
    got: list[tuple[bytes, str]] = []
    refuse = [2]

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if refuse[0] > 0:
                refuse[0] -= 1
                self.send_response(503)
            else:
                got.append((body, self.headers["Heartreach-Signature"]))
                self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    made = bench.post("/v1/webhooks", "control", {"url": url, "kinds": ["incident.phase"]})
    bench.volunteers(1)
    bench.call()
    bench.settle()
    for _ in range(10):
        bench.service.webhooks.turn()
        bench.clock.advance(10.0)
    server.shutdown()
    server.server_close()

    kinds = [json.loads(body)["kind"] for body, _ in got]
    assert set(kinds) == {"incident.phase"}
    numbers = [json.loads(body)["id"] for body, _ in got]
    assert numbers == sorted(set(numbers))
    for body, signature in got:
        stamp, digest = (part.split("=")[1] for part in signature.split(","))
        right = hmac.new(made["secret"].encode(), f"{stamp}.".encode() + body, hashlib.sha256)
        assert digest == right.hexdigest()
    path = f"/v1/webhooks/{made['webhook_id']}"
    assert bench.ask("DELETE", path, "control").status_code == 204
    assert bench.ask("DELETE", path, "control").status_code == 404


def test_the_audit_says_who_saw_and_did_what_and_notices_a_changed_row(bench):
    incident = bench.call()["incident_id"]
    bench.incident(incident)
    page = bench.get(f"/v1/audit?subject={incident}", "auditor")
    assert [row["action"] for row in page["rows"]] == ["incident.report", "incident.view"]
    assert all(row["actor"].startswith("key:") for row in page["rows"])
    check = bench.get("/v1/audit/check", "auditor")
    assert check["whole"] is True
    assert check["head"] == bench.get("/v1/audit?limit=1000", "auditor")["head"]

    import sqlalchemy as sa  # noqa: PLC0415

    from dispatch.live.store import schema  # noqa: PLC0415

    row = page["rows"][0]["seq"]
    bench.inside(
        lambda tx: tx.run(
            sa.update(schema.audit).where(schema.audit.c.seq == row).values(actor="key:somebody")
        )
    )
    check = bench.get("/v1/audit/check", "auditor")
    assert (check["whole"], check["broken_at"]) == (False, row)
    bench.inside(lambda tx: tx.run(sa.delete(schema.audit).where(schema.audit.c.seq == row)))
    assert bench.get("/v1/audit/check", "auditor")["broken_at"] == row + 1


def test_coverage_counts_and_shows_nobody(bench):
    bench.volunteers(4)
    away = bench.person(40)
    bench.enrol(away)  # no phone
    aed = {"external_id": "a1", "location": {"lat": 52.0, "lon": 1.0}, "opening_hours": "24/7"}
    added = bench.post("/v1/aeds", "registrar", aed)
    assert bench.get("/v1/coverage", "control")["aeds_usable"] == 0
    bench.post(f"/v1/aeds/{added['aed_id']}/check", "registrar", {"in_service": True})
    now = bench.get("/v1/coverage", "control")
    assert (now["responders_registered"], now["responders_available"]) == (5, 4)
    assert now["unavailable_by_reason"] == {"no phone that would sound": 1}
    assert (now["aeds_registered"], now["aeds_usable"]) == (1, 1)
    assert sum(cell["responders"] for cell in now["cells"]) == 4
    assert all(cell["responders"] == 0 or cell["responders"] >= 3 for cell in now["cells"])
