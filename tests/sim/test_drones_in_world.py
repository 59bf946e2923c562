"""Drones in the simulated world, on a plain with calm weather and an empty sky unless said."""

from __future__ import annotations

from dataclasses import replace as with_field
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from worlds import DEGREE_M, as_dicts, ask, at, constant, only, people_at, plain, sure_parameters

from dispatch.config import LoneRescuer, Policy, Roles, Split, load_policy
from geo.airspace import Airspace, Permission, Rule, Volume, circle
from geo.weather import WeatherSeries
from sim.clock import calendar
from sim.drone_funnel import LOST_AT, Stage, farthest, funnel
from sim.drone_parameters import DroneBase, DroneParameters, HandOverParameters, Suspicion
from sim.errors import ParameterError
from sim.parameters import (
    AmbulanceParameters,
    ArrivalParameters,
    ClockParameters,
    DayNight,
    Lognormal,
    PatientParameters,
    PeopleParameters,
    WorldParameters,
)
from sim.randomness import Draws
from sim.records import DRONE_COLUMNS, DRONE_FIELDS, Records
from sim.replication import run_replication
from sim.setting import Setting
from sim.sky import Sky, check_sky

NOON_S = 36_000.0
ARREST = at(2000.0, 0.0, NOON_S, home=False, witnessed=True)
NOBODY = PeopleParameters(per_100k=0.0)
STEADY = DroneParameters(
    bases=(DroneBase("A", 0.0, 0.0),),
    preparation=Lognormal(42.0, 0.0),
    settle=Lognormal(19.0, 0.0),
    start_failed_share=0.0,
    child_share=0.0,
    trauma_share=0.0,
    no_place_share=DayNight(0.0, 0.0),
    hand_over=HandOverParameters(second_person_public_share=1.0, refuses_share=0.0),
    suspicion=Suspicion(1.0, Lognormal(10.0, 0.0)),
)
DRONES = load_policy("drones_only")


def calm(parameters: WorldParameters, **changes: float) -> WeatherSeries:
    start_s = calendar(parameters.clock, "UTC").start_s
    hours = int(parameters.clock.years * 8766) + 48
    values = {
        "wind_mps": 0.0, "wind_from_deg": 270.0, "gust_mps": 0.0, "rain_mm_h": 0.0,
        "temperature_c": 15.0, "visibility_m": 20_000.0, **changes,
    }  # fmt: skip
    columns = {name: np.full(hours, value) for name, value in values.items()}
    return WeatherSeries(start_s=start_s, lat=0.0, lon=0.0, source="test", **columns)


def under(
    setting: Setting,
    parameters: WorldParameters,
    drones: DroneParameters = STEADY,
    *volumes: Volume,
    **sky: float,
) -> Setting:
    hours = tuple(calm(parameters, **sky) for _ in drones.bases)
    return with_field(setting, sky=Sky(drones, Airspace(volumes), hours=hours))


def one(
    policy: Policy = DRONES,
    drones: DroneParameters = STEADY,
    *volumes: Volume,
    people: PeopleParameters = NOBODY,
    arrest: Any = ARREST,
    aeds: tuple[tuple[float, float], ...] = (),
    ambulance_s: float = 3600.0,
    sky: dict[str, float] | None = None,
    seed: int = 4,
    **sections: Any,
) -> dict[str, Any]:
    """One arrest at 2 km from the base, CPR by a bystander from the start: its row."""
    parameters = sure_parameters((arrest,), people=people, ambulance_s=ambulance_s, years=0.01)
    patient = replace(
        parameters.patient,
        bystander_cpr_share=1.0,
        telephone_cpr_share=0.0,
        spontaneous_cpr=constant(0.0),
    )
    parameters = msgspec.structs.replace(parameters, patient=patient, **sections)
    setting = under(
        plain(9000.0, points=50, aeds=aeds), parameters, drones, *volumes, **(sky or {})
    )
    return only(
        run_replication(setting, parameters, [policy], seed=seed, replication=0, events="all")
    )


def s(seconds: float) -> Any:
    return pytest.approx(seconds, abs=0.2)


# --- one mission to the second -------------------------------------------------------------------

FLIGHT_S = 15 + 2000 / 15 + 6 + 12 + 19  # up, along, accelerating, down, settling


def test_readied_on_suspicion_launched_on_recognition_and_first_on_the_patient() -> None:
    row = one()
    assert row["t_drone_readied_s"] == 10.0
    assert row["t_drone_launched_s"] == s(10 + 42)  # recognised at 30 s, prepared at 52 s
    assert row["t_drone_overhead_s"] == s(52 + FLIGHT_S)
    assert row["t_drone_delivered_s"] > row["t_drone_overhead_s"]
    assert row["t_drone_attached_s"] > row["t_drone_taken_s"] > row["t_drone_delivered_s"]
    assert row["first_aed_source"] == "drone"
    assert row["t_aed_attached_s"] == row["t_drone_attached_s"]
    assert row["t_shock_s"] == s(row["t_drone_attached_s"] + 30)
    assert row["drone_taken_by"] == "bystander"
    assert row["drone_stage"] == ("shock" if row["shockable"] else "attached_first")
    assert row["drone_base"] == "A"
    assert row["drone_distance_m"] == pytest.approx(2000.0, abs=5.0)


def test_without_suspicion_it_is_readied_on_recognition() -> None:
    policy = replace(DRONES, drones=replace(DRONES.drones, ready_on_suspected=False))
    row = one(policy)
    assert row["t_drone_readied_s"] == 30.0
    assert row["t_drone_launched_s"] == s(72)
    unsuspected = replace(STEADY, suspicion=Suspicion(0.0))
    assert one(DRONES, unsuspected)["t_drone_launched_s"] == s(72)


def test_somebody_alone_is_ruled_out_or_stays_or_stops_compressions() -> None:
    alone = replace(STEADY, hand_over=HandOverParameters(second_person_public_share=0.0))
    rows = {
        rule: one(replace(DRONES, drones=replace(DRONES.drones, lone_rescuer=rule)), alone)
        for rule in LoneRescuer
    }
    assert rows[LoneRescuer.NEVER]["drone_reason"] == "lone_rescuer"
    assert rows[LoneRescuer.NEVER]["drone_stage"] == "suspected"
    assert rows[LoneRescuer.CPR_FIRST]["drone_reason"] == "nobody_to_take"
    stopped = rows[LoneRescuer.ALLOWED]
    assert stopped["first_aed_source"] == "drone"
    assert 60.0 < stopped["drone_hands_off_s"] < 200.0


def test_stopped_compressions_cost_survival() -> None:
    policy = replace(DRONES, drones=replace(DRONES.drones, lone_rescuer=LoneRescuer.ALLOWED))
    hands = HandOverParameters(
        second_person_public_share=0.0, refuses_share=0.0, alone_hands_off=Lognormal(0.001, 0.0)
    )
    kept = one(policy, replace(STEADY, hand_over=hands))
    stopped = one(
        policy,
        replace(STEADY, hand_over=replace(hands, alone_hands_off=Lognormal(109.0, 0.0))),
    )
    assert kept["t_shock_s"] == stopped["t_shock_s"]
    assert stopped["t_cpr_any_s"] == kept["t_cpr_any_s"]
    assert stopped["survival_joint"] < kept["survival_joint"]


@pytest.mark.parametrize(
    ("sky", "reason"), [({"gust_mps": 20.0}, "gust"), ({"visibility_m": 300.0}, "fog")]
)
def test_weather_is_a_reason_of_the_row(sky: dict[str, float], reason: str) -> None:
    row = one(sky=sky)
    assert (row["drone_stage"], row["drone_reason"]) == ("in_reach", reason)
    assert row["first_aed_source"] == "ambulance"


def test_permission_asked_and_refused_is_a_reason_of_the_row() -> None:
    here = circle(0.0, 2000.0 / DEGREE_M, 1500.0)

    def tower(share: float) -> Volume:
        answer = Permission(share, 120.0, 0.0)
        return Volume("tower", "tower", Rule.PERMISSION, "test", here, permission=answer)

    granted = one(DRONES, STEADY, tower(0.999999))
    assert granted["drone_granted"]
    assert granted["t_drone_launched_s"] == s(10 + 120)
    # Likely as the core sees it, and refused all the same: a draw above 0.35 is one of many.
    reasons = {one(DRONES, STEADY, tower(0.35), seed=seed)["drone_reason"] for seed in range(6)}
    assert "permission_refused" in reasons
    unlikely = one(DRONES, STEADY, tower(0.2))
    assert (unlikely["drone_stage"], unlikely["drone_reason"]) == ("energy", "permission_unlikely")


def test_the_ambulance_may_come_too_soon_for_any_gain() -> None:
    row = one(ambulance_s=240.0)
    assert row["drone_reason"] == "no_gain"
    assert row["first_aed_source"] == "ambulance"


def test_a_volunteer_at_the_scene_takes_it() -> None:
    row = one(replace(ask(1), drones=DRONES.drones), people=people_at((1950.0, 0.0)))
    assert row["drone_taken_by"] == "volunteer"
    assert row["t_drone_taken_s"] == s(row["t_drone_delivered_s"] + 19) or (
        row["t_drone_taken_s"] - row["t_drone_delivered_s"] < 30
    )


def test_an_aed_that_a_volunteer_brings_calls_it_back() -> None:
    by_aed = ask(1, roles=Roles(split=Split.DETOUR, detour_share=10.0))
    slow = replace(STEADY, preparation=Lognormal(400.0, 0.0))
    rules = replace(DRONES.drones, least_gain_s=0.0)
    row = one(
        replace(by_aed, drones=rules), slow, people=people_at((1950.0, 0.0)), aeds=((1950.0, 0.0),)
    )
    assert row["first_aed_source"] == "responder"
    assert row["drone_recalled_for"] == "other_aed_first"
    assert row["drone_reason"] == "recalled_on_ground"


def test_a_busy_drone_is_passed_over_and_free_again_later() -> None:
    first = at(2000.0, 0.0, NOON_S, home=False, witnessed=True)
    trace = tuple(replace(first, t_s=NOON_S + later_s) for later_s in (0.0, 60.0, 90_000.0))
    parameters = sure_parameters(trace, people=NOBODY, ambulance_s=1200.0, years=0.01)
    sure = replace(parameters.patient, bystander_cpr_share=1.0, telephone_cpr_share=0.0)
    parameters = msgspec.structs.replace(parameters, patient=sure)
    setting = under(plain(9000.0, points=50), parameters)
    records = run_replication(setting, parameters, [DRONES], seed=4, replication=0)
    rows = as_dicts(records.incidents)
    assert [row["drone_reason"] == "busy" for row in rows] == [False, True, False]


# --- many ----------------------------------------------------------------------------------------


def crowd(years: float = 0.25) -> WorldParameters:
    return WorldParameters(
        clock=ClockParameters(years=years),
        people=PeopleParameters(per_100k=150.0, accept_given_seen=DayNight(0.5, 0.4)),
        arrivals=ArrivalParameters(per_100k_year=900.0),
        patient=PatientParameters(public_aed_share=0.5),
        ambulance=AmbulanceParameters(median_s=900.0, p90_s=1500.0),
    )


TOWN = plain(
    9000.0,
    points=400,
    population=60_000.0,
    aeds=tuple((x * 1500.0 - 3000, y * 1500.0 - 3000) for x in range(5) for y in range(5)),
)


def by_id(records: Records, policy: str) -> dict[str, dict[str, Any]]:
    return {
        row["incident_id"]: row for row in as_dicts(records.incidents) if row["policy"] == policy
    }


def test_a_sky_changes_no_row_of_a_policy_without_drones() -> None:
    parameters = crowd(0.1)
    policies = [load_policy("as_today"), load_policy("phased_7"), load_policy("benefit")]
    bare = run_replication(TOWN, parameters, policies, seed=5, replication=0, events="all")
    flown = run_replication(
        under(TOWN, parameters), parameters, [*policies, DRONES], seed=5, replication=0,
        events="all",
    )  # fmt: skip
    extra = len(DRONE_COLUMNS)
    kept = [row for row in flown.incidents.rows if row[0] != DRONES.name]
    assert [row[:-extra] for row in kept] == bare.incidents.rows
    assert all(row[-extra:] == (None,) * extra for row in kept)
    assert [row for row in flown.alerts.rows if row[0] != DRONES.name] == bare.alerts.rows
    assert [row for row in flown.events.rows if row[0] != DRONES.name] == bare.events.rows
    assert len(bare.incidents) > 20


def test_without_a_sky_a_policy_with_drones_is_the_one_without() -> None:
    parameters = crowd(0.1)
    base, beside = load_policy("phased_7"), load_policy("drones_beside_phased_7")
    plain_rows, drone_rows = (
        [row[1:] for row in run_replication(
            TOWN, parameters, [policy], seed=5, replication=0
        ).incidents.rows]
        for policy in (base, beside)
    )  # fmt: skip
    assert plain_rows == drone_rows


def test_a_drone_that_is_never_busy_delays_nobody() -> None:
    """No stop (nobody is spared when enough come) and no alert cap: keyed draws do the rest."""
    fifty = replace(
        STEADY,
        bases=(DroneBase("A", 0.0, 0.0, drones=50),),
        preparation=Lognormal(42.0, 0.35),
        settle=Lognormal(19.0, 0.35),
        start_failed_share=0.03,
        no_place_share=DayNight(0.05, 0.05),
        suspicion=Suspicion(),
    )
    parameters = crowd()
    base = ask(6, roles=Roles(split=Split.SHARES))
    beside = replace(base, name="beside", drones=DRONES.drones)
    records = run_replication(
        under(TOWN, parameters, fifty), parameters, [base, beside], seed=9, replication=0
    )
    without, with_drones = by_id(records, base.name), by_id(records, "beside")
    assert without.keys() == with_drones.keys()
    sooner = 0
    for name, row in with_drones.items():
        before = without[name]
        for column in ("t_cpr_any_s", "t_trained_hands_s", "t_aed_attached_s", "t_shock_s"):
            assert (row[column] is None) == (before[column] is None)
            assert row[column] is None or row[column] <= before[column]
        for column in ("n_asked", "n_yes", "n_arrived", "t_first_alert_s"):
            assert row[column] == before[column]
        sooner += row["first_aed_source"] == "drone"
    assert sooner > 20
    reasons = {row["drone_reason"] for row in with_drones.values()}
    assert "busy" not in reasons


def test_more_drones_are_no_worse_on_average() -> None:
    parameters = crowd(1.0)
    shock_s = []
    for drones in (1, 5):
        fleet = replace(STEADY, bases=(DroneBase("A", 0.0, 0.0, drones=drones),), busy_s=7200.0)
        records = run_replication(
            under(TOWN, parameters, fleet), parameters, [DRONES], seed=3, replication=0
        )
        shock_s.append(
            np.mean([r["t_shock_s"] for r in as_dicts(records.incidents) if r["true_arrest"]])
        )
    assert shock_s[1] < shock_s[0]


def test_every_incident_has_its_stage_and_the_funnel_adds_up() -> None:
    parameters = crowd()
    drones = replace(
        STEADY,
        child_share=0.1,
        trauma_share=0.1,
        start_failed_share=0.2,
        hand_over=HandOverParameters(),
        bases=(DroneBase("A", 0.0, 0.0, drones=2),),
    )
    records = run_replication(
        under(TOWN, parameters, drones), parameters, [DRONES], seed=2, replication=0
    )
    rows = as_dicts(records.incidents)
    reached = [(Stage[row["drone_stage"].upper()], row["drone_reason"]) for row in rows]
    for (stage, reason), row in zip(reached, rows, strict=True):
        assert (reason == "") == (stage is Stage.SHOCK)
        assert reason == "" or LOST_AT[reason] == stage + 1
        assert (stage >= Stage.LAUNCHED) == (row["t_drone_launched_s"] is not None) or reason in {
            "not_shockable", "no_arrest",
        }  # fmt: skip
        assert (stage >= Stage.ATTACHED_FIRST) == (row["first_aed_source"] == "drone") or (
            reason == "no_arrest"
        )
        assert stage is not Stage.SHOCK or row["shockable"]
    steps = funnel(reached)
    assert steps[0].reached == len(rows)
    assert all(
        before.reached == step.reached + sum(step.losses.values())
        for before, step in pairwise(steps)
    )
    seen = {reason for _, reason in reached}
    assert {"", "child", "trauma", "start_failed", "not_recognised", "not_shockable"} <= seen


def test_the_same_seed_gives_the_same_rows_in_any_company() -> None:
    parameters = crowd(0.1)
    drones = DroneParameters(bases=(DroneBase("A", 0.0, 0.0), DroneBase("B", 0.02, 0.02)))
    setting = with_field(TOWN, sky=Sky(drones, Airspace(())))  # weather from the seed
    beside = load_policy("drones_beside_phased_7")
    alone = run_replication(setting, parameters, [beside], seed=5, replication=1)
    company = run_replication(setting, parameters, [DRONES, beside], seed=5, replication=1)
    assert alone.incidents.rows == [r for r in company.incidents.rows if r[0] == beside.name]


# --- faces ---------------------------------------------------------------------------------------


def test_columns_and_fields_go_together() -> None:
    from sim.drone_funnel import DroneRow  # noqa: PLC0415

    assert len(DRONE_COLUMNS) == len(DRONE_FIELDS)
    assert [kind for _, kind in DRONE_COLUMNS] == [kind for _, kind in DRONE_FIELDS]
    assert {name for name, _ in DRONE_FIELDS} == set(DroneRow.__struct_fields__)


def test_the_core_ranks_reasons_as_the_funnel_does() -> None:
    from dispatch.drones import STOPPED_AT  # noqa: PLC0415
    from dispatch.drones import farthest as of_the_core  # noqa: PLC0415
    from dispatch.model import DronePassed  # noqa: PLC0415

    rng = np.random.default_rng(1)
    for _ in range(300):
        drawn = rng.choice(list(STOPPED_AT), size=rng.integers(0, 4)).tolist()
        told = of_the_core(DronePassed(i, reason) for i, reason in enumerate(drawn))
        assert told == farthest(drawn)


def test_hours_that_do_not_cover_the_study_are_refused() -> None:
    parameters = crowd(0.1)
    short = calm(crowd(0.01))
    setting = with_field(TOWN, sky=Sky(STEADY, Airspace(()), hours=(short,)))
    with pytest.raises(ParameterError, match="the first to the last of the study at A"):
        run_replication(setting, parameters, [DRONES], seed=1, replication=0)
    assert check_sky(setting.sky) == []  # type: ignore[arg-type]


def test_a_sky_is_drawn_from_its_seed() -> None:
    days = calendar(ClockParameters(years=0.01), "UTC")
    sky = Sky(STEADY, Airspace(()))
    first, again, other = (
        sky.air(days, Draws(seed, 0)).weather[0].wind_mps.tolist() for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
