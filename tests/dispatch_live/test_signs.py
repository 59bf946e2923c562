"""What a phone sends counts as what it shows: walking, being there, a clock that is a bit fast."""

from __future__ import annotations

import pytest

from dispatch.events import ResponderArrived
from dispatch.live import pings

HERE = (52.0, 1.0)
METRE_DEG = 1.0 / 111_195.0


def place(bench, person: int, north_m: float, accuracy_m: float = 10.0, after_s: float = 5.0):
    """Let time pass, then send a fix so far north of the patient."""
    bench.wait(after_s)
    fix = {
        "lat": HERE[0] + north_m * METRE_DEG,
        "lon": HERE[1],
        "accuracy_m": accuracy_m,
        "at": bench.iso(),
    }
    answer = bench.post("/v1/me/positions", person, fix)
    bench.wait(1.0)
    return answer


def status(bench, incident: str, person: int) -> str:
    return bench.statuses(incident)[person]


@pytest.fixture
def going(make_bench):
    """Somebody 250 m away who has just said yes; (bench, person, incident)."""
    bench = make_bench(policy="phased_7")
    person = bench.volunteer(5)
    incident = bench.call()["incident_id"]
    bench.settle()
    place(bench, person, 250.0)
    bench.answer(person, "yes")
    return bench, person, incident


def test_walking_in_small_steps_keeps_the_place(going):
    bench, person, incident = going
    seen = []
    for step in range(1, 20):  # 12 m every 6 s, as the contract has it
        place(bench, person, 250.0 - 12.0 * step)
        seen.append(status(bench, incident, person))
    assert seen[1] == "accepted"  # 24 m may be the phone's error
    assert seen[4] == "moving"
    bench.wait(300.0)
    assert status(bench, incident, person) != "lapsed"


def test_who_stays_at_home_has_not_set_off(going):
    bench, person, incident = going
    for step in range(10):
        place(bench, person, 250.0 + 15.0 * (step % 2))
    assert status(bench, incident, person) == "accepted"


def test_a_first_fix_that_says_little_is_no_beginning(make_bench):
    bench = make_bench(policy="phased_7")
    person = bench.volunteer(5)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.answer(person, "yes")
    place(bench, person, 600.0, accuracy_m=500.0)
    place(bench, person, 250.0)
    assert status(bench, incident, person) == "accepted"  # that jump was the first fix's error
    place(bench, person, 200.0)
    assert status(bench, incident, person) == "moving"


def test_an_old_position_is_not_where_the_way_began(make_bench):
    bench = make_bench(policy="phased_7")
    person = bench.volunteer(5)
    place(bench, person, 250.0 + 300.0)  # at a friend's
    bench.wait(1800.0)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.answer(person, "yes")
    place(bench, person, 250.0)  # at home: went there long before
    assert status(bench, incident, person) == "accepted"


def test_near_the_patient_is_a_sign_and_two_fixes_there_are_an_arrival(going):
    bench, person, incident = going
    place(bench, person, 3.0, accuracy_m=300.0)  # too coarse to mean anything
    assert status(bench, incident, person) == "accepted"
    place(bench, person, 12.0)
    assert status(bench, incident, person) == "moving"
    place(bench, person, 60.0)
    place(bench, person, 12.0)
    assert status(bench, incident, person) == "moving"  # one fix is not enough
    place(bench, person, 5.0)
    assert status(bench, incident, person) == "arrived"
    assert bench.incident(incident)["on_scene"] == 1


def test_a_first_fix_near_the_patient_is_a_sign(make_bench):
    bench = make_bench(policy="phased_7")
    person = bench.volunteer(5)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.answer(person, "yes")
    place(bench, person, 30.0)
    assert status(bench, incident, person) == "moving"


@pytest.mark.parametrize(
    ("status", "role", "arrives"),
    [("moving", "cpr", True), ("moving", "aed", False), ("has_aed", "aed", True)],
)
def test_whoever_has_an_aed_to_fetch_may_come_past_the_patient(status, role, arrives):
    row = {"alert_id": 1, "status": status, "role": role}
    row |= {"patient_lat": HERE[0], "patient_lon": HERE[1]}
    way, found = None, None
    for at_s in (100.0, 106.0):
        fix = pings.Ping(1, *HERE, 8.0, at_s, at_s)
        found, way = pings._sign(row, way, fix)
    assert (type(found) is ResponderArrived) is arrives


def test_a_clock_that_is_a_minute_fast_counts_as_now(going):
    bench, person, incident = going
    fix = {"lat": HERE[0] + 180.0 * METRE_DEG, "lon": HERE[1], "accuracy_m": 10.0}
    answer = bench.post("/v1/me/positions", person, {**fix, "at": bench.iso(60.0)})
    assert answer == {"taken": True}
    bench.wait(1.0)
    assert status(bench, incident, person) == "moving"
    late = bench.post("/v1/me/positions", person, {**fix, "at": bench.iso(900.0)})
    assert late["taken"] is False
    assert late["why_not"] == "the phone's clock is fast by more than five minutes: set it right"


# --- late, and taken off ------------------------------------------------------------------------


def test_a_phone_that_asks_for_its_alerts_has_got_them(bench):
    first, second = bench.volunteers(2)
    incident = bench.call()["incident_id"]
    bench.settle()
    assert bench.get("/v1/me/alerts", first)["alerts"][0]["status"] == "delivered"
    bench.wait(10.0)
    assert bench.statuses(incident) == {first: "delivered", second: "unconfirmed"}


def test_a_late_yes_without_a_receipt_is_welcome_and_gets_the_stand_down(bench):
    (person,) = bench.volunteers(1)
    incident = bench.call(address="1 High Street")["incident_id"]
    bench.wait(48.0)
    view = bench.incident(incident)
    assert (view["attention"], view["alerts"][0]["status"]) == ("nobody_coming", "unconfirmed")
    answer = bench.answer(person, "yes")
    assert (answer.status_code, answer.json()["address"]) == (200, "1 High Street")
    view = bench.incident(incident)
    assert (view["attention"], view["phase"]) == (None, "exhausted")
    bench.answer(person, "cannot_continue")
    assert bench.incident(incident)["attention"] == "nobody_coming"  # and it comes back
    bench.post(f"/v1/incidents/{incident}/close", "control")


def test_a_late_receipt_counts_and_the_end_is_told(bench):
    (person,) = bench.volunteers(1)
    incident = bench.call()["incident_id"]
    bench.wait(20.0)
    message = bench.memory.after(0)[0].message.message_id
    bench.ask("POST", f"/v1/me/messages/{message}/receipt", person)  # no body is needed
    assert bench.statuses(incident)[person] == "delivered"
    bench.post(f"/v1/incidents/{incident}/close", "control")
    bench.settle()
    assert bench.messages()[-1] == (f"phone-{person}", "stand_down")


def test_whoever_is_suspended_while_going_is_stopped_replaced_and_control_told(make_bench):
    bench = make_bench(policy="phased_7")
    people = bench.volunteers(5)
    incident = bench.call(address="1 High Street")["incident_id"]
    bench.settle()
    going = people[0]
    key = bench.alert_of(going)
    assert bench.answer(going, "yes").json()["address"] == "1 High Street"
    asked = set(bench.statuses(incident))
    bench.post(f"/v1/responders/{going}/suspend", "registrar", {"reason": "complaint"})
    bench.settle()
    view = bench.get(f"/v1/me/alerts/{key}", going)
    assert (view["open"], view["address"], view["location"]) == (False, None, None)
    assert bench.messages().count((f"phone-{going}", "stand_down")) == 1
    after = bench.incident(incident)
    assert after["attention"] == "responder_taken_off"
    assert bench.statuses(incident)[going] == "dropped"
    assert len(set(bench.statuses(incident)) - asked) >= 1
    late = bench.answer(going, "yes", key)
    assert (late.status_code, late.json()["code"]) == (409, "suspended")
    story = bench.get(f"/v1/incidents/{incident}/explanation", "control")["lines"]
    assert f"{going} was taken off: suspended." in [line["text"] for line in story]


def test_whoever_is_suspended_with_an_open_alert_cannot_say_yes(bench):
    first, second = bench.volunteers(2)
    incident = bench.call(address="1 High Street")["incident_id"]
    bench.settle()
    key = bench.alert_of(first)
    bench.post(f"/v1/responders/{first}/suspend", "registrar", {"reason": "complaint"})
    late = bench.answer(first, "yes", key)
    assert late.status_code == 409
    assert "1 High Street" not in late.text
    assert bench.statuses(incident)[first] == "declined"
    assert bench.incident(incident)["attention"] is None  # nobody was going
    assert bench.statuses(incident)[second] == "asked"


def test_whoever_leaves_while_going_is_stopped(bench):
    (person,) = bench.volunteers(1)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.answer(person, "yes")
    assert bench.ask("DELETE", f"/v1/responders/{person}", "registrar").status_code == 204
    bench.settle()
    assert bench.messages()[-1] == (f"phone-{person}", "stand_down")
    assert bench.statuses(incident)[person] == "dropped"
    assert bench.incident(incident)["said_yes"] == 1


def test_an_answer_that_is_lost_costs_no_new_invitation(bench):
    person = bench.person()
    invited = bench.post("/v1/invitations", "registrar", {"responder_id": person})
    lost = bench.post("/v1/enrol", None, {"code": invited["code"]})
    bench.clock.advance(100.0)
    got = bench.post("/v1/enrol", None, {"code": invited["code"]})
    bench.tokens[person] = lost["access_token"]
    assert bench.ask("GET", "/v1/me", person).status_code == 401
    bench.tokens[person] = got["access_token"]
    assert bench.get("/v1/me", person)["responder_id"] == person
    bench.clock.advance(30.0)
    again = bench.ask("POST", "/v1/enrol", None, {"code": invited["code"]})
    assert (again.status_code, again.json()["code"]) == (404, "no_such_invitation")
