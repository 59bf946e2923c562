"""Single incidents on a plain, followed to the second: who goes where, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from worlds import as_dicts, ask, at, constant, only, people_at, plain, sure_parameters

from dispatch.config import Aed, Enough, Policy, Replacement, Roles, Split
from sim.parameters import (
    AedParameters,
    AmbulanceParameters,
    ControlParameters,
    DayNight,
    PatientParameters,
    PeopleParameters,
    SceneParameters,
    TracedIncident,
)
from sim.records import Records
from sim.replication import run_replication

V = 1.8
ASKED = 30.0  # recognition
YES = ASKED + 60.0
NOON_S = 36_000.0
BY_AED = ask(5, roles=Roles(split=Split.DETOUR, detour_share=10.0))
ARREST = at(0.0, 0.0, NOON_S, home=True, witnessed=True)

Row = dict[str, Any]


def run(
    people: PeopleParameters,
    policy: Policy,
    *trace: TracedIncident,
    aed_at: tuple[tuple[float, float], ...] = (),
    seed: int = 1,
    **sections: Any,
) -> Records:
    """One replication on the plain; ``sections`` replace sections of the parameters."""
    parameters = msgspec.structs.replace(
        sure_parameters(trace or (ARREST,), people=people), **sections
    )
    setting = plain(6000.0, points=50, aeds=aed_at)
    return run_replication(setting, parameters, [policy], seed=seed, replication=0, events="all")


def one(
    people: PeopleParameters, policy: Policy | None = None, **more: Any
) -> tuple[Row, list[Row]]:
    """One arrest at the origin, by day: its row and those of its alerts."""
    records = run(people, policy or ask(5), **more)
    return only(records), as_dicts(records.alerts)


def s(seconds: float) -> Any:
    return pytest.approx(seconds, abs=0.11)


# --- ways --------------------------------------------------------------------------------------


def test_straight_to_the_patient() -> None:
    row, (alert,) = one(people_at((360.0, 0.0)))
    assert row["n_asked"] == row["n_yes"] == row["n_arrived_before_ambulance"] == 1
    assert row["t_first_alert_s"] == ASKED
    assert row["t_first_volunteer_s"] == row["t_trained_hands_s"] == s(YES + 360 / V)
    assert alert["answered_t_s"] == YES
    assert (alert["outcome"], alert["accepted"], alert["role"]) == ("completed", True, "cpr")
    assert row["t_aed_attached_s"] == s(3600 + 60 + 30)  # the crew's
    assert row["first_aed_source"] == "ambulance"


ROUND = (180**2 + 360**2) ** 0.5  # from the AED at (180, 360) to the patient


def usable(share: float) -> AedParameters:
    return AedParameters(usable_share=share)


def with_aed(share: float) -> tuple[Row, list[Row], list[Row]]:
    """One person at (0, 360) and an AED at (180, 360) that is usable with this share."""
    records = run(
        people_at((0.0, 360.0)),
        BY_AED,
        aed_at=((180.0, 360.0),),
        scene=SceneParameters(to_patient_s=20.0),
        aeds=usable(share),
    )
    return only(records), as_dicts(records.alerts), as_dicts(records.events)


def test_by_way_of_an_aed() -> None:
    row, (alert,), _ = with_aed(1.0)
    in_hand = YES + 180 / V + 30
    there = in_hand + ROUND / V
    assert alert["role"] == "aed"
    assert alert["aed_t_s"] == s(in_hand)
    assert alert["arrived_t_s"] == s(there)
    assert row["t_trained_hands_s"] == s(there + 20)
    assert row["t_aed_attached_s"] == s(there + 20 + 45)
    assert row["t_shock_s"] == s(there + 20 + 45 + 30)
    assert row["first_aed_source"] == "responder"
    assert row["n_with_aed"] == 1


def test_a_locked_aed_costs_the_way_and_the_world_walks_on() -> None:
    row, (alert,), events = with_aed(0.0)
    assert alert["aed_t_s"] is None
    assert alert["role"] == "cpr"
    assert alert["arrived_t_s"] == s(YES + 180 / V + 30 + ROUND / V)
    assert row["first_aed_source"] == "ambulance"
    kinds = [event["event"] for event in events]
    assert kinds.count("AedUnavailable") == 1
    assert kinds.count("Assign") == 2


@pytest.mark.parametrize("carry_factor", [1.0, 1.5])
def test_carrying_slows_the_second_leg_alone(carry_factor: float) -> None:
    policy = msgspec.structs.replace(BY_AED, aed=Aed(carry_factor=carry_factor, pickup_s=40.0))
    records = run(people_at((0.0, 360.0)), policy, aed_at=((180.0, 360.0),), aeds=usable(1.0))
    (alert,) = as_dicts(records.alerts)
    assert alert["arrived_t_s"] == s(YES + 180 / V + 40 + carry_factor * ROUND / V)
    assert alert["eta_s"] == s(180 / V + 40 + carry_factor * ROUND / V)
    unlocked = run(people_at((0.0, 360.0)), policy, aed_at=((180.0, 360.0),), aeds=usable(0.0))
    (alert,) = as_dicts(unlocked.alerts)
    assert alert["arrived_t_s"] == s(YES + 180 / V + 40 + ROUND / V)


def test_an_aed_is_promised_to_one_person_at_a_time() -> None:
    """Two incidents beside the one AED: the second person goes straight."""
    records = run(
        people_at((0.0, 360.0), (0.0, 1000.0)),
        msgspec.structs.replace(BY_AED, radius_m=500.0),
        ARREST,
        at(0.0, 700.0, NOON_S + 65.0),
        aed_at=((180.0, 360.0),),
        aeds=usable(1.0),
    )
    first, second = as_dicts(records.alerts)
    assert (first["role"], first["aed_id"]) == ("aed", 0)
    assert (second["role"], second["aed_id"]) == ("cpr", None)


def test_another_aed_is_fetched_by_another_person_when_one_is_lost() -> None:
    """The second person is asked for the other AED after the first one found theirs locked."""
    policy = msgspec.structs.replace(
        ask(1, roles=Roles(split=Split.DETOUR, detour_share=10.0)),
        enough=Enough(yes=2, aed=1, places=3),
        replacement=Replacement(on_aed_lost=True, on_silence=False),
    )
    records = run(
        people_at((0.0, 360.0), (0.0, -500.0)),
        policy,
        aed_at=((180.0, 360.0), (100.0, -400.0)),
        aeds=usable(0.0),
    )
    alerts = as_dicts(records.alerts)
    assert [alert["responder_id"] for alert in alerts] == [0, 1]
    assert [alert["reason"] for alert in alerts] == ["wave", "other_aed"]


def test_people_walk_from_where_they_truly_are() -> None:
    """The system sees a displaced position: the estimate is wrong, the arrival is not."""
    row, (alert,) = one(people_at((360.0, 0.0), position_error_m=150.0))
    assert row["t_first_volunteer_s"] == s(YES + 360 / V)
    assert abs(alert["eta_s"] - 360 / V) > 5.0


def test_beyond_the_search_people_still_walk() -> None:
    """Truly far away, seemingly near: the way is longer than what the system looked at."""
    policy = ask(5, bound_s=310.0)
    far = 1000.0
    for seed in range(40):
        row, alerts = one(people_at((far, 0.0), position_error_m=700.0), policy, seed=seed)
        if alerts:
            assert row["t_first_volunteer_s"] == s(YES + far / V)
            return
    pytest.fail("nobody seemed near")


def test_pace_scales_the_way() -> None:
    row, _ = one(people_at((360.0, 0.0), speed_mps=3.6))
    assert row["t_first_volunteer_s"] == s(YES + 360 / 3.6)


def test_a_speed_measured_from_the_alert_holds_reply_and_turnout() -> None:
    people = people_at((360.0, 0.0), speed_includes_turnout=True, turnout_day=constant(500.0))
    row, _ = one(people)
    assert row["t_first_volunteer_s"] == s(ASKED + 360 / V)


def test_turnout_by_day_and_by_night() -> None:
    people = people_at((360.0, 0.0), turnout_day=constant(100.0), turnout_night=constant(150.0))
    by_night = run(people, ask(5), at(0.0, 0.0, 7200.0))
    assert only(by_night)["t_first_volunteer_s"] == s(YES + 150 + 360 / V)
    assert only(by_night)["night"] is True
    assert one(people)[0]["t_first_volunteer_s"] == s(YES + 100 + 360 / V)


# --- answers -----------------------------------------------------------------------------------


def test_no_receipt_no_sight_no_no_and_cannot_continue() -> None:
    outcomes = {
        "undelivered": {"delivered_share": 0.0},
        "expired": {"seen_share": 0.0},
        "declined": {"accept_given_seen": DayNight(0.0, 0.0)},
        "dropped": {"cannot_continue_share": 1.0},
    }
    for outcome, changes in outcomes.items():
        row, (alert,) = one(people_at((360.0, 0.0), **changes))
        assert alert["outcome"] == outcome
        assert row["n_arrived"] == 0
        assert row["t_first_volunteer_s"] is None
        assert (row["n_yes"] == 1) == (outcome == "dropped")


def test_the_next_person_is_asked_for_whoever_says_no() -> None:
    replace_no = ask(1, replacement=Replacement(on_silence=False), enough=Enough(yes=1))
    people = people_at((180.0, 0.0), (360.0, 0.0), accept_given_seen=DayNight(0.0, 0.0))
    _, alerts = one(people, replace_no)
    assert [alert["responder_id"] for alert in alerts] == [0, 1]
    assert alerts[1]["asked_t_s"] == s(YES)


def test_places_are_not_filled_twice() -> None:
    """Two places, five who say yes at the same moment: three are told at once that it is enough."""
    policy = ask(5, enough=Enough(yes=2, places=2, withdraw_asked=True))
    row, alerts = one(people_at(*((200.0 + 10 * i, 0.0) for i in range(5))), policy)
    outcomes = sorted(alert["outcome"] for alert in alerts)
    assert outcomes.count("completed") == 2
    assert row["n_arrived"] == 2
    assert row["n_redundant"] == 1


def test_the_crew_ends_it_for_those_on_the_way() -> None:
    row, (alert,) = one(
        people_at((900.0, 0.0)), ambulance=AmbulanceParameters(median_s=300.0, p90_s=300.0)
    )
    assert alert["outcome"] == "stood_down"
    assert alert["ended_t_s"] == 300.0
    assert row["n_arrived"] == 0
    assert row["t_trained_hands_s"] == row["t_crew_at_patient_s"] == 360.0


def test_nobody_is_asked_when_the_crew_is_there_before_control_knows() -> None:
    row, alerts = one(
        people_at((90.0, 0.0)), ambulance=AmbulanceParameters(median_s=20.0, p90_s=20.0)
    )
    assert alerts == []
    assert row["end_reason"] == "not_recognised_before_crew"
    assert row["t_recognised_s"] == 30.0


def test_one_person_goes_to_one_incident() -> None:
    records = run(people_at((0.0, 100.0)), ask(3), ARREST, at(0.0, 200.0, NOON_S + 100.0))
    first, second = as_dicts(records.incidents)
    assert (first["n_asked"], second["n_asked"]) == (1, 0)
    detail = [e["detail"] for e in as_dicts(records.events) if e["event"] == "CandidatesFound"]
    assert "passed_over=1" in detail[1]


def test_a_false_alarm_is_called_off() -> None:
    false = at(0.0, 0.0, NOON_S, true_arrest=False)
    scene = SceneParameters(false_alarm_called_off_share=1.0, false_alarm=constant(150.0))
    records = run(people_at((900.0, 0.0)), ask(5), false, scene=scene)
    row, (alert,) = only(records), as_dicts(records.alerts)
    assert (alert["outcome"], alert["ended_t_s"]) == ("stood_down", 150.0)
    for name in ("t_cpr_any_s", "t_trained_hands_s", "t_shock_s", "survival_joint", "shockable"):
        assert row[name] is None
    assert row["first_aed_source"] == row["first_cpr_by"] == "none"
    assert row["t_ambulance_s"] == 3600.0


# --- control -----------------------------------------------------------------------------------


def test_an_unsafe_scene_stops_everybody_until_it_is_safe() -> None:
    control = ControlParameters(
        unsafe_share=1.0, notice=constant(100.0), unsafe=constant(400.0), estimate_part=2.0
    )
    records = run(people_at((900.0, 0.0), (900.0, 50.0)), ask(1), control=control)
    first, second = as_dicts(records.alerts)
    assert (first["outcome"], first["ended_t_s"]) == ("stood_down", ASKED + 100)
    assert first["end_reason"] == "hold:unsafe_scene"
    assert second["asked_t_s"] == ASKED + 500
    assert only(records)["t_first_volunteer_s"] == s(ASKED + 500 + 60 + 900 / V)


def test_nobody_comes_where_nobody_is_wanted() -> None:
    control = ControlParameters(do_not_alert_share=1.0, notice=constant(10.0))
    row, (alert,) = one(people_at((900.0, 0.0)), control=control)
    assert alert["outcome"] == "withdrawn"
    assert row["n_yes"] == 0


def test_control_knows_better_when_the_ambulance_is_under_way() -> None:
    ambulance = AmbulanceParameters(median_s=600.0, p90_s=600.0, eta_error_sigma=0.5)
    records = run(people_at((100.0, 0.0)), ask(1), ambulance=ambulance)
    events = as_dicts(records.events)
    (reported,) = (e for e in events if e["event"] == "IncidentReported")
    (changed,) = (e for e in events if e["event"] == "AmbulanceEtaChanged")
    called_at_s = only(records)["t_s"]
    assert changed["t_s"] == s(30 + 570 / 2)
    assert f"due_at_s={called_at_s + 600.0}" in changed["detail"]
    assert f"ambulance_due_at_s={called_at_s + 600.0}" not in reported["detail"]


# --- as today ----------------------------------------------------------------------------------

PUBLIC = at(0.0, 0.0, NOON_S, home=False, witnessed=True)


def fetching(**changes: Any) -> PatientParameters:
    sure = sure_parameters().patient
    return msgspec.structs.replace(sure, public_aed_share=1.0, **changes)


def test_a_bystander_fetches_an_aed_within_reach() -> None:
    fetched = ASKED + 90 / V + 30 + 90 / V + 75
    for y, expected in ((90.0, fetched), (510.0, None)):
        records = run(
            people_at(), ask(5), PUBLIC, aed_at=((0.0, y),), patient=fetching(), aeds=usable(1.0)
        )
        row = only(records)
        assert row["t_public_aed_s"] == (None if expected is None else s(expected))
        assert row["first_aed_source"] == ("ambulance" if expected is None else "public")


def test_a_volunteer_finds_the_aed_that_a_bystander_took_gone() -> None:
    records = run(
        people_at((0.0, 360.0)), BY_AED, PUBLIC, aed_at=((0.0, 120.0),), patient=fetching(),
        aeds=usable(1.0),
    )  # fmt: skip
    events = [e for e in as_dicts(records.events) if e["event"] == "AedUnavailable"]
    assert "problem=gone" in events[0]["detail"]
    assert only(records)["first_aed_source"] == "public"


def test_a_bystander_finds_the_aed_that_a_volunteer_took_gone() -> None:
    records = run(
        people_at((0.0, 130.0), reply=constant(5.0)), BY_AED, PUBLIC, aed_at=((0.0, 120.0),),
        patient=fetching(recognition=constant(30.0)), aeds=usable(1.0),
    )  # fmt: skip
    row = only(records)
    assert row["t_public_aed_s"] is None
    assert row["first_aed_source"] == "responder"


# --- dead spots --------------------------------------------------------------------------------


def test_an_alert_to_a_dead_spot_does_not_arrive_and_others_do() -> None:
    people = people_at((360.0, 0.0), (0.0, 500.0))
    parameters = sure_parameters((ARREST,), people=people)
    north = people.home_lat[0]  # type: ignore[index]

    def played(**changes: Any) -> tuple[Row, list[Row]]:
        setting = replace(plain(6000.0, points=50), **changes)
        records = run_replication(setting, parameters, [ask(5)], seed=1, replication=0)
        return only(records), as_dicts(records.alerts)

    row, alerts = played()
    assert [alert["outcome"] for alert in alerts].count("undelivered") == 0
    row, alerts = played(no_signal=lambda lat, lon: abs(lat - north) < 1e-9)
    assert {alert["responder_id"]: alert["outcome"] == "undelivered" for alert in alerts} == {
        0: True, 1: False,
    }  # fmt: skip
    assert row["n_yes"] == 1
    row, alerts = played(no_signal=lambda lat, lon: lat > -90.0)
    assert {alert["outcome"] for alert in alerts} == {"undelivered"}
    assert row["n_asked"] == 2
    assert row["n_yes"] == 0
