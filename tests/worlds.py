"""Worlds that tests can calculate: a plain at the equator, straight lines, constant durations."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from dispatch.config import Enough, LiveUse, Policy, Replacement, Wave
from dispatch.config import People as PeopleRules
from geo.points import EARTH_RADIUS_M
from geo.straight import StraightLine
from sim.parameters import (
    AmbulanceParameters,
    ArrivalParameters,
    ClockParameters,
    DayNight,
    Lognormal,
    PatientParameters,
    PeopleParameters,
    SceneParameters,
    TracedIncident,
    WorldParameters,
)
from sim.records import Records, Table
from sim.setting import Aeds, Setting, always_open, no_aeds
from sim.travel import StraightTravel

DEGREE_M = EARTH_RADIUS_M * np.pi / 180.0
ALWAYS_HOME = (1.0,) * 24
NEVER = (0.0,) * 24


def plain(
    side_m: float,
    *,
    speed_mps: float = 1.8,
    points: int = 20_000,
    population: float = 100_000.0,
    aeds: tuple[tuple[float, float], ...] = (),
    seed: int = 3,
) -> Setting:
    """A square around (0, 0), demand spread evenly; ``aeds`` at (x_m, y_m), always open."""
    travel = StraightTravel(StraightLine(speed_mps=speed_mps, detour_factor=1.0))
    place = np.random.default_rng(seed).uniform(-0.5, 0.5, (2, points)) * side_m / DEGREE_M
    table: Aeds = no_aeds(travel)
    if aeds:
        xy = np.array(aeds) / DEGREE_M
        table = always_open(travel, xy[:, 1].copy(), xy[:, 0].copy())
    return Setting(
        region_id="plain",
        timezone="UTC",
        travel=travel,
        demand=travel.spots(place[0], place[1]),
        demand_weight=np.ones(points),
        demand_zone=np.full(points, -1),
        aeds=table,
        population=population,
    )


def at(x_m: float, y_m: float, t_s: float = 0.0, **known: Any) -> TracedIncident:
    """An arrest at a place of the plain."""
    return TracedIncident(t_s, y_m / DEGREE_M, x_m / DEGREE_M, **known)


def constant(seconds: float) -> Lognormal:
    return Lognormal(seconds, 0.0)


def sure_people(**changes: Any) -> PeopleParameters:
    """Everybody is at home, sees the alert at once, says yes after a minute and goes."""
    people = PeopleParameters(
        delivered_share=1.0,
        delivery=constant(0.0),
        seen_share=1.0,
        accept_given_seen=DayNight(1.0, 1.0),
        reply=constant(60.0),
        seen_part=0.5,
        turnout_day=constant(0.0),
        turnout_night=constant(0.0),
        speed_sigma=0.0,
        cannot_continue_share=0.0,
        position_error_m=0.0,
        position_age=constant(60.0),
        home_weekday=ALWAYS_HOME,
        home_weekend=ALWAYS_HOME,
        work_weekday=NEVER,
        work_weekend=NEVER,
    )
    return msgspec.structs.replace(people, **changes)


def people_at(*places: tuple[float, float], **changes: Any) -> PeopleParameters:
    """Sure people at (x_m, y_m)."""
    return sure_people(
        home_lat=tuple(y / DEGREE_M for _, y in places),
        home_lon=tuple(x / DEGREE_M for x, _ in places),
        **changes,
    )


def sure_parameters(
    trace: tuple[TracedIncident, ...] | None = None,
    *,
    people: PeopleParameters | None = None,
    ambulance_s: float = 3600.0,
    years: float = 1.0,
    **changes: Any,
) -> WorldParameters:
    """Every arrest is recognised 30 s after the call; the ambulance takes an hour."""
    return WorldParameters(
        clock=ClockParameters(years=years),
        arrivals=ArrivalParameters(trace=trace, deprivation_ratio=1.0),
        patient=PatientParameters(
            recognised_share=1.0, recognition=constant(30.0), public_aed_share=0.0,
            home_aed_share=0.0,
        ),
        people=people or sure_people(),
        ambulance=AmbulanceParameters(
            median_s=ambulance_s, p90_s=ambulance_s, eta_error_sigma=0.0
        ),
        scene=SceneParameters(to_patient_s=0.0),
    )  # fmt: skip


def ask(number: int, **changes: Any) -> Policy:
    """A policy that asks so many at once, replaces nobody and takes every yes."""
    policy = Policy(
        title="Test",
        citation="Made up",
        live_use=LiveUse.SIMULATION_ONLY,
        waves=(Wave(0.0, number),),
        bound_s=900.0,
        enough=Enough(yes=number, places=number),
        replacement=Replacement(
            on_no=False, on_silence=False, on_undelivered=False, on_drop=False, on_aed_lost=False
        ),
        people=PeopleRules(
            alerts_per_day=1000, alerts_per_30_days=1000, night_alerts_per_30_days=1000
        ),
        name=f"ask_{number}",
        policy_id=f"ask_{number}",
    )
    return msgspec.structs.replace(policy, **changes)


def as_dicts(table: Table) -> list[dict[str, Any]]:
    """The rows of a table by column name."""
    names = [name for name, _ in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def only(records: Records) -> dict[str, Any]:
    """The one incident of a replication."""
    (row,) = as_dicts(records.incidents)
    return row
