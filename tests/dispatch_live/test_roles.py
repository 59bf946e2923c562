"""Every endpoint × every role × own and other, from the service's own OpenAPI document."""

from __future__ import annotations

import re

import pytest

from dispatch.live.auth import SCOPES, Role

OPEN = {
    ("get", "/livez"),
    ("get", "/readyz"),
    ("get", "/metrics"),
    ("post", "/v1/enrol"),
    ("post", "/v1/token"),
    ("post", "/v1/channels/sms/reports"),  # has a key of its own
}
CALLERS = [*Role, None]


@pytest.fixture
def busy(make_bench):
    """A service with two volunteers, the first of whom is on the way."""
    bench = make_bench()
    bench.mine, bench.other = bench.volunteers(2)
    bench.incident_id = bench.call(address="1 High Street")["incident_id"]
    bench.settle()
    bench.key = bench.alert_of(bench.mine)
    bench.answer(bench.mine, "yes")
    drone = {"external_id": "D-1", "base": "Harbour", "location": {"lat": 52.0, "lon": 1.0}}
    bench.drone_id = bench.post("/v1/drones", "registrar", drone)["drone_id"]
    return bench


def operations(bench) -> list[tuple[str, str, str | None]]:
    document = bench.ask("GET", "/openapi.json", None).json()
    return [
        (method, path, operation.get("x-scope"))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def filled(bench, path: str) -> str:
    names = {
        "incident_id": bench.incident_id,
        "responder_id": str(bench.mine),
        "alert_id": bench.key,
        "drone_id": str(bench.drone_id),
    }
    return re.sub(r"{(\w+)}", lambda found: names.get(found[1], "1"), path)


def caller(bench, role: Role | None):
    return bench.mine if role is Role.RESPONDER else role


def test_what_needs_no_key_is_known(busy):
    assert {(m, p) for m, p, scope in operations(busy) if scope is None} == OPEN


def test_every_endpoint_refuses_every_role_that_lacks_its_scope(busy):
    checked = 0
    for method, path, scope in operations(busy):
        if scope is None:
            continue
        for role in CALLERS:
            may = role is not None and scope in SCOPES[role]
            if may:
                continue
            url = filled(busy, path)
            answer = busy.ask(method.upper(), url, caller(busy, role), {})
            expected = 401 if role is None else 403
            assert answer.status_code == expected, f"{role} {method} {path}: {answer.text}"
            assert answer.headers["content-type"] == "application/problem+json"
            checked += 1
    assert checked > 200


def test_every_endpoint_answers_the_role_that_has_its_scope(busy):
    for method, path, scope in operations(busy):
        if scope is None or path == "/v1/stream" or method == "delete" or "sign-out" in path:
            continue
        roles = [role for role in Role if scope in SCOPES[role]]
        assert roles, f"nobody has {scope}"
        for role in roles:
            answer = busy.ask(method.upper(), filled(busy, path), caller(busy, role), {})
            assert answer.status_code not in (401, 403, 405, 500), f"{role} {method} {path}"


def test_nobody_sees_what_belongs_to_another_volunteer(busy):
    theirs = busy.alert_of(busy.other)
    their_device = busy.get("/v1/me/devices", busy.other)["devices"][0]["device_id"]
    their_message = busy.memory.after(0)[1].message.message_id
    for method, path, body in [
        ("GET", f"/v1/me/alerts/{theirs}", None),
        ("POST", f"/v1/me/alerts/{theirs}/answer", {"answer": "yes"}),
        ("POST", f"/v1/me/alerts/{theirs}/status", {"status": "arrived"}),
        ("POST", f"/v1/me/alerts/{theirs}/after-care", {"impact": "none"}),
        ("DELETE", f"/v1/me/devices/{their_device}", None),
        ("POST", f"/v1/me/devices/{their_device}/test", {}),
        ("POST", f"/v1/me/messages/{their_message}/receipt", {}),
    ]:
        answer = busy.ask(method, path, busy.mine, body)
        assert answer.status_code == 404, path
    assert busy.statuses(busy.incident_id)[busy.other] == "delivered"  # fetched, not answered


def test_not_there_and_not_yours_look_the_same(busy):
    theirs = busy.ask("GET", f"/v1/me/alerts/{busy.alert_of(busy.other)}", busy.mine)
    nobodys = busy.ask("GET", "/v1/me/alerts/nothing", busy.mine)
    assert theirs.json() == nobodys.json()


def test_details_are_seen_only_by_those_who_are_going_and_only_while_they_are(busy):
    def place(responder_id: int) -> object:
        views = busy.get("/v1/me/alerts", responder_id)["alerts"]
        return [(view["location"], view["address"], view["access_notes"]) for view in views]

    assert place(busy.mine) == [({"lat": 52.0, "lon": 1.0}, "1 High Street", "")]
    assert place(busy.other) == [(None, None, None)]
    busy.answer(busy.mine, "cannot_continue", busy.key)
    view = busy.ask("GET", f"/v1/me/alerts/{busy.key}", busy.mine).json()
    assert (view["location"], view["address"]) == (None, None)


def test_positions_are_seen_by_control_only_of_those_who_said_yes(busy):
    for responder_id in (busy.mine, busy.other):
        fix = {"lat": 52.0005, "lon": 1.0, "accuracy_m": 5.0, "at": busy.iso()}
        busy.post("/v1/me/positions", responder_id, fix)
    busy.clock.advance(1.0)
    busy.settle()
    rows = {row["responder_id"]: row for row in busy.incident(busy.incident_id)["alerts"]}
    assert rows[busy.mine]["last_seen"] is not None
    assert rows[busy.other]["last_seen"] is None


def test_a_key_with_fewer_scopes_reaches_less_far(busy):
    body = {"role": "control", "label": "screen", "scopes": ["incidents:read"]}
    key = busy.post("/v1/keys", "operations", body)["key"]
    headers = {"Authorization": f"Bearer {key}"}
    read = busy.client.get("/v1/incidents", headers=headers)
    assert read.status_code == 200
    write = busy.client.post("/v1/incidents", headers=headers, json={})
    assert (write.status_code, write.json()["code"]) == (403, "missing_scope")
    unknown = busy.ask("POST", "/v1/keys", "operations", body | {"scopes": ["everything"]})
    assert unknown.status_code == 422


def test_a_revoked_key_and_a_suspended_volunteer_stop_at_once(busy):
    made = busy.post("/v1/keys", "operations", {"role": "auditor", "label": "x"})
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert busy.client.get("/v1/audit", headers=headers).status_code == 200
    gone = busy.ask("DELETE", f"/v1/keys/{made['key_id']}", "operations")
    assert gone.status_code == 204
    assert busy.client.get("/v1/audit", headers=headers).status_code == 401

    busy.post(f"/v1/responders/{busy.other}/suspend", "registrar", {"reason": "complaint"})
    assert busy.get("/v1/me", busy.other)["suspended_reason"] == "complaint"
    incident = busy.call("C-2")["incident_id"]
    busy.settle()
    assert busy.statuses(incident) == {}


def test_a_key_expires(busy):
    body = {"role": "auditor", "label": "x", "expires_at": busy.iso(60.0)}
    headers = {"Authorization": f"Bearer {busy.post('/v1/keys', 'operations', body)['key']}"}
    assert busy.client.get("/v1/audit", headers=headers).status_code == 200
    busy.clock.advance(61.0)
    assert busy.client.get("/v1/audit", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer hrk_x", "Bearer hrk_a_b_c", "Bearer é"]
)
def test_nonsense_is_not_signed_in(busy, header):
    answer = busy.client.get("/v1/incidents", headers={"Authorization": header.encode()})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_signed_in"


# --- tokens of phones ---------------------------------------------------------------------------


@pytest.fixture
def pair(bench):
    person = bench.person()
    invited = bench.post("/v1/invitations", "registrar", {"responder_id": person})
    assert invited["link"].endswith(f"/enrol#{invited['code']}")
    used = bench.post("/v1/enrol", None, {"code": invited["code"]})
    bench.tokens[person] = used["access_token"]
    return bench, person, used


def test_a_refresh_token_is_good_once(pair):
    bench, person, first = pair
    second = bench.post("/v1/token", None, {"refresh_token": first["refresh_token"]})
    bench.clock.advance(300.0)
    stolen = bench.ask("POST", "/v1/token", None, {"refresh_token": first["refresh_token"]})
    assert stolen.status_code == 401
    ended = bench.ask("POST", "/v1/token", None, {"refresh_token": second["refresh_token"]})
    assert ended.status_code == 401  # the whole family, because somebody else has a token
    bench.tokens[person] = second["access_token"]
    assert bench.ask("GET", "/v1/me", person).status_code == 401


def test_an_answer_lost_on_the_way_does_not_sign_out(pair):
    bench, _, first = pair
    bench.post("/v1/token", None, {"refresh_token": first["refresh_token"]})
    bench.clock.advance(10.0)
    again = bench.post("/v1/token", None, {"refresh_token": first["refresh_token"]})
    assert bench.post("/v1/token", None, {"refresh_token": again["refresh_token"]})


def test_an_access_token_lasts_a_day_and_ends_with_signing_out(pair):
    bench, person, _ = pair
    assert bench.ask("GET", "/v1/me", person).status_code == 200
    bench.clock.advance(24 * 3600.0 + 1.0)
    assert bench.ask("GET", "/v1/me", person).status_code == 401
    bench.enrol(person)
    assert bench.ask("POST", "/v1/me/sign-out", person).status_code == 204
    assert bench.ask("GET", "/v1/me", person).status_code == 401


def test_whoever_leaves_is_forgotten(bench):
    (person,) = bench.volunteers(1)
    assert bench.ask("DELETE", f"/v1/responders/{person}", "registrar").status_code == 204
    assert bench.ask("GET", "/v1/me", person).status_code == 401
    view = bench.get(f"/v1/responders/{person}", "registrar")
    assert (view["name"], view["initials"], view["status"]) == ("", "", "left")
    bench.call()
    bench.settle()
    assert bench.messages() == []


def test_too_many_requests(make_bench):
    bench = make_bench(settings={"rate_per_s": 1.0, "rate_burst": 3})
    bench.app.state.limits._scale = 1
    codes = [bench.ask("GET", "/v1/incidents", "control").status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    refused = bench.ask("GET", "/v1/incidents", "control")
    assert int(refused.headers["retry-after"]) >= 1
    bench.clock.advance(2.0)
    assert bench.ask("GET", "/v1/incidents", "control").status_code == 200


def test_answers_are_not_to_be_stored_or_framed(bench):
    answer = bench.ask("GET", "/livez", None)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
