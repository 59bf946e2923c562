"""The life of an alert, from control's call to the crew, in hand-held time."""

from __future__ import annotations

import pytest


def test_from_report_to_closed(bench):
    first, second, third, fourth = bench.volunteers(4)
    incident = bench.call(address="1 High Street", access_notes="key under the pot")
    bench.settle()

    assert bench.messages() == [(f"phone-{i}", "alert") for i in (first, second, third)]
    before = bench.get("/v1/me/alerts", first)["alerts"][0]
    assert before["location"] is None
    assert before["address"] is None
    assert before["words"].startswith("Someone may need CPR, about 1 min walk.")

    answer = bench.answer(first, "yes").json()
    assert answer["status"] == "accepted"
    assert answer["location"] == {"lat": 52.0, "lon": 1.0}
    assert answer["address"] == "1 High Street"
    assert bench.answer(second, "no").json()["open"] is False
    bench.settle()
    assert bench.statuses(incident["incident_id"])[fourth] == "asked"  # the next one on a no

    key = bench.alert_of(first)
    for status in ("moving", "arrived", "with_patient"):
        bench.clock.advance(60.0)
        seen = bench.post(f"/v1/me/alerts/{key}/status", first, {"status": status})
        assert seen["status"] == status
    view = bench.incident(incident["incident_id"])
    assert (view["asked"], view["said_yes"], view["on_scene"]) == (4, 1, 1)

    closed = bench.post(f"/v1/incidents/{incident['incident_id']}/close", "control")
    assert closed["phase"] == "ended"
    bench.settle()
    assert (f"phone-{third}", "stand_down") in bench.messages()
    after = bench.ask("GET", f"/v1/me/alerts/{key}", first).json()
    assert after["location"] is None
    assert after["address"] is None


def test_nobody_who_was_not_asked_is_told_anything(bench):
    people = bench.volunteers(5)
    bench.call()
    bench.settle()
    for responder_id in people[3:]:
        assert bench.get("/v1/me/alerts", responder_id)["alerts"] == []


def test_only_verified_and_in_date_training_is_alerted(bench):
    untrained = bench.person(trained=False)
    bench.enrol(untrained)
    bench.phone(untrained)
    lapsed = bench.person()
    bench.enrol(lapsed)
    bench.phone(lapsed)
    bench.clock.advance(500 * 86400.0)
    bench.settle()
    bench.enrol(lapsed)  # a token lasts a day, an invitation a fortnight
    incident = bench.call()
    bench.settle()
    assert bench.messages() == []
    why = bench.get(f"/v1/incidents/{incident['incident_id']}/explanation", "control")
    assert sorted(why["passed_over"]) == [
        "1 passed over: training lapsed",
        "1 passed over: training not verified",
    ]


def test_silence_is_replaced_and_the_lease_lapses_only_after_turnout(make_bench):
    bench = make_bench(policy="phased_7")
    people = bench.volunteers(6)
    incident = bench.call()["incident_id"]
    bench.settle()
    assert set(bench.statuses(incident)) == set(people[:3])
    bench.answer(people[0], "yes")
    bench.wait(46.0)
    assert people[3] in bench.statuses(incident)  # two were silent for 45 s
    bench.wait(120.0)
    assert bench.statuses(incident)[people[0]] == "accepted"  # dressing, and so on
    bench.wait(60.0)
    assert bench.statuses(incident)[people[0]] == "lapsed"  # 194 s by day without a sign


def test_moving_keeps_the_place(make_bench):
    bench = make_bench(policy="phased_7")
    people = bench.volunteers(3)
    incident = bench.call()["incident_id"]
    bench.settle()
    far = {"lat": 52.01, "lon": 1.0, "accuracy_m": 10.0, "at": bench.iso()}
    bench.post("/v1/me/positions", people[0], far)
    bench.wait(1.0)
    bench.answer(people[0], "yes")
    bench.wait(60.0)
    nearer = {"lat": 52.008, "lon": 1.0, "accuracy_m": 10.0, "at": bench.iso()}
    bench.post("/v1/me/positions", people[0], nearer)
    bench.wait(1.0)
    assert bench.statuses(incident)[people[0]] == "moving"
    row = bench.incident(incident)["alerts"][0]
    assert row["last_seen"]["distance_m"] == 890
    assert row["words"] == "said yes 08:00, set off 08:01, last seen 08:01, about 890 m"


def test_a_yes_after_the_places_are_taken_gets_a_reason(bench):
    people = bench.volunteers(4)
    bench.call()
    bench.settle()
    keys = {i: bench.alert_of(i) for i in people[:3]}
    bench.answer(people[0], "no", keys[people[0]])
    bench.settle()
    keys[people[3]] = bench.alert_of(people[3])
    for responder_id in people[1:]:
        assert bench.answer(responder_id, "yes", keys[responder_id]).status_code == 200
    late = bench.answer(people[0], "yes", keys[people[0]])
    assert late.status_code == 409
    assert late.headers["content-type"] == "application/problem+json"
    assert late.json()["code"] == "said_no"


def test_the_same_yes_again_is_the_same_answer(bench):
    (person,) = bench.volunteers(1)
    bench.call()
    bench.settle()
    key = bench.alert_of(person)
    assert bench.answer(person, "yes", key).status_code == 200
    again = bench.answer(person, "yes", key)
    assert again.status_code == 200
    assert again.json()["status"] == "accepted"


def test_giving_up_asks_the_next_one(make_bench):
    bench = make_bench(policy="phased_7")
    people = bench.volunteers(5)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.answer(people[0], "yes")
    dropped = bench.answer(people[0], "cannot_continue")
    assert dropped.json()["end_words"] == "you said that you cannot continue"
    bench.settle()
    assert bench.statuses(incident)[people[3]] == "asked"


def test_one_person_is_never_asked_twice_at_once(bench):
    (person,) = bench.volunteers(1)
    one = bench.call("C-1")["incident_id"]
    bench.settle()
    two = bench.call("C-2")["incident_id"]
    bench.settle()
    assert bench.statuses(one) == {person: "asked"}
    assert bench.statuses(two) == {}
    bench.post(f"/v1/incidents/{one}/cancel", "control", {"reason": "false alarm"})
    three = bench.call("C-3")["incident_id"]
    bench.settle()
    assert bench.statuses(three) == {person: "asked"}


@pytest.mark.parametrize(
    ("change", "hold"),
    [
        ({"scene": "unsafe", "reason": "smoke"}, "unsafe_scene"),
        ({"do_not_alert": True, "reason": "DNACPR"}, "do_not_alert"),
    ],
)
def test_an_unsafe_scene_or_do_not_alert_stands_people_down_at_once(bench, change, hold):
    people = bench.volunteers(2)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.answer(people[0], "yes")
    view = bench.post(f"/v1/incidents/{incident}/scene", "control", change)
    assert view["holds"] == [hold]
    assert view["alerting"] is False
    bench.settle()
    kinds = dict(bench.messages()[2:])
    going, asked = f"phone-{people[0]}", f"phone-{people[1]}"
    away = "keep_away" if hold == "unsafe_scene" else "stand_down"
    assert kinds == {going: away, asked: "stand_down"}
    bench.wait(600.0)
    assert all(
        status in ("stood_down", "withdrawn") for status in bench.statuses(incident).values()
    )


def test_the_ambulance_on_scene_stands_people_down(bench):
    people = bench.volunteers(2)
    incident = bench.call(ambulance_due_at=bench.iso(400.0))["incident_id"]
    bench.settle()
    view = bench.answer(people[0], "yes").json()
    assert view["ambulance_min"] == 7
    bench.post(f"/v1/incidents/{incident}/ambulance", "control", {"on_scene": True})
    bench.settle()
    assert bench.statuses(incident)[people[0]] == "stood_down"


def test_the_patient_moves_and_those_going_are_told(bench):
    (person,) = bench.volunteers(1)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.answer(person, "yes")
    body = {"location": {"lat": 52.001, "lon": 1.0}, "address": "2 Low Road"}
    changed = bench.ask("PATCH", f"/v1/incidents/{incident}", "control", body)
    assert changed.status_code == 200
    bench.settle()
    assert (f"phone-{person}", "update") in bench.messages()
    view = bench.get("/v1/me/alerts", person)["alerts"][0]
    assert view["location"] == {"lat": 52.001, "lon": 1.0}
    assert view["address"] == "2 Low Road"


def test_a_clock_that_is_set_back_does_not_reorder(bench):
    people = bench.volunteers(3)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.clock.advance(-3600.0)
    assert bench.answer(people[0], "yes").status_code == 200
    view = bench.incident(incident)
    assert view["updated_at"] >= view["reported_at"]


def test_after_care_is_asked_once_and_not_at_night(bench):
    (person,) = bench.volunteers(1)
    bench.clock.now_s += 11.5 * 3600.0  # 19:30
    bench.enrol(person)
    incident = bench.call()["incident_id"]
    bench.settle()
    key = bench.alert_of(person)
    bench.answer(person, "yes", key)
    bench.post(f"/v1/incidents/{incident}/close", "control")
    bench.wait(2 * 3600.0)  # 21:30: 90 minutes later it is already night
    assert "after_care" not in [kind for _, kind in bench.messages()]
    bench.wait(12 * 3600.0)
    kinds = [kind for _, kind in bench.messages()]
    assert kinds.count("after_care") == 1
    bench.enrol(person)
    body = {"impact": "severe", "wants_call": True}
    bench.post(f"/v1/me/alerts/{key}/after-care", person, body)
    stream = bench.ask("GET", "/v1/stream?after=0&until_idle=true", "control").text
    assert "event: responder.wants_call" in stream


def test_a_map_that_fails_delays_nobody_for_long_and_loses_no_call(bench, monkeypatch):
    people = bench.volunteers(3)
    find = bench.service.finder.find

    def failing(tx, query, *rest):
        if not query.straight_line:
            raise ZeroDivisionError("the map is broken")
        return find(tx, query, *rest)

    monkeypatch.setattr(bench.service.finder, "find", failing)
    incident = bench.call()["incident_id"]
    bench.settle()
    assert bench.statuses(incident) == {}
    bench.wait(2.5)
    assert set(bench.statuses(incident)) == set(people)
    path = f"/v1/incidents/{incident}/explanation"
    texts = [line["text"] for line in bench.get(path, "control")["lines"]]
    assert "The search gave no answer in time." in texts
