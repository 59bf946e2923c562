"""What a phone sends counts as what it shows: walking, being there, a clock that is a bit fast."""

from __future__ import annotations

import pytest

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
