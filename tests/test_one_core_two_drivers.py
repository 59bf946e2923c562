"""One core, two drivers: a thousand simulated incidents, replayed from a database with crashes."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
import pytest

from dispatch.commands import EndAlert, LaunchDrone, ReadyDrone, RecallDrone, SendAlert
from dispatch.config import Policy, load_policy, parse_policy
from dispatch.events import (
    CandidatesFound,
    ClaimRefused,
    DroneDelivered,
    DroneLost,
    DronesFound,
    HoldLifted,
    HoldPlaced,
    TimerFired,
)
from geo.airspace import Airspace
from geo.straight import StraightLine
from sim.drone_parameters import DroneBase, DroneParameters
from sim.parameters import (
    AmbulanceParameters,
    ArrivalParameters,
    ClockParameters,
    ControlParameters,
    DayNight,
    Lognormal,
    PeopleParameters,
    WorldParameters,
)
from sim.replication import run_replication
from sim.setting import Setting, always_open
from sim.sky import Sky
from sim.travel import StraightTravel

INCIDENTS = 1000

SPLITS = b"""
title = "By way of an AED where it is hardly longer, replaced and withdrawn"
citation = "Made up for a test"
live_use = "simulation_only"
bound_s = 900.0
radius_m = 1200.0

[[waves]]
after_s = 0.0
ask = 4
[[waves]]
after_s = 45.0
ask = 4
[[waves]]
after_s = 90.0
ask = 4

[enough]
yes = 3
cpr = 1
aed = 1
places = 4
withdraw_asked = true

[roles]
split = "detour"
detour_share = 0.6
"""


@pytest.fixture(scope="module")
def driver_module() -> ModuleType:
    file = Path(__file__).with_name("sqlite_driver.py")
    spec = importlib.util.spec_from_file_location("sqlite_driver", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def crowded_setting() -> Setting:
    """Eight kilometres square, so busy that incidents overlap and people are asked for twice."""
    places = np.random.default_rng(7)
    travel = StraightTravel(StraightLine())
    lat, lon = 51.5 + places.uniform(-0.036, 0.036, 400), places.uniform(-0.058, 0.058, 400)
    aeds = always_open(travel, lat[::8], lon[::8])
    nowhere = np.full(len(lat), -1)
    spots = travel.spots(lat, lon)
    return Setting(
        "crowded", "Europe/London", travel, spots, np.ones(len(lat)), nowhere, aeds,
        population=60_000.0,
    )  # fmt: skip


def crowded_parameters(incidents: int, *, ties: bool) -> WorldParameters:
    """``ties``: people answer to the second when the core's timers for silence are due."""
    years = 0.5 / 365.25  # half a day
    people = PeopleParameters(per_100k=500.0, accept_given_seen=DayNight(0.5, 0.4))
    if ties:
        people = msgspec.structs.replace(
            people,
            delivery=Lognormal(2.0, 0.0),
            reply=Lognormal(43.0, 0.0),
            turnout_day=Lognormal(45.0, 0.0),
        )
    return WorldParameters(
        clock=ClockParameters(years=years),
        arrivals=ArrivalParameters(per_100k_year=incidents / years / 0.6 / 1.42),
        people=people,
        control=ControlParameters(
            unsafe_share=0.1, unsafe=Lognormal(120.0, 0.5), do_not_alert_share=0.05
        ),
    )


def policies() -> tuple[Policy, ...]:
    split = parse_policy(SPLITS, name="split", file="split.toml")
    everybody = msgspec.structs.replace(split.people, alerts_per_day=999, alerts_per_30_days=999)
    return tuple(
        msgspec.structs.replace(policy, people=everybody)
        for policy in (split, load_policy("phased_7"), load_policy("nearest_3"))
    )


def test_a_thousand_incidents_get_the_same_commands_from_both_drivers(
    driver_module: ModuleType, tmp_path: Path
) -> None:
    compared, tied, crashes, kinds = 0, 0, 0, Counter[type]()
    for number, policy in enumerate(policies()):
        recording: list[driver_module.Step] = []  # type: ignore[name-defined]
        run_replication(
            crowded_setting(),
            crowded_parameters(INCIDENTS // 2, ties=policy.name == "phased_7"),
            [policy],
            seed=11,
            replication=number,
            recorder=lambda *step: recording.append(step),  # noqa: B023 - used at once
        )
        driver = driver_module.SqliteDriver(
            tmp_path / f"{policy.name}.db", policy, crash_share=0.02, seed=number
        )
        driver.load(recording)
        driver.run()
        replayed = by_incident(driver.steps())
        recorded = by_incident(recording)
        assert replayed.keys() == recorded.keys()
        different = [name for name, steps in recorded.items() if replayed[name] != steps]
        assert different == []
        compared += len(recorded)
        tied += sum(map(ties_of, recorded.values()))
        crashes += driver.crashes
        kinds.update(type(step[2]) for step in recording)
        kinds.update(type(command) for step in recording for command in step[3])
    assert compared >= INCIDENTS
    assert crashes > 200
    # The recording is worth replaying: timers fired, claims were lost, people were asked.
    assert kinds[TimerFired] > 1000
    assert kinds[ClaimRefused] > 5
    assert kinds[HoldPlaced] > 50
    assert kinds[HoldLifted] > 20
    assert tied > 20
    assert kinds[SendAlert] == kinds[EndAlert] > 5000


def test_incidents_with_drones_get_the_same_commands_from_both_drivers(
    driver_module: ModuleType, tmp_path: Path
) -> None:
    bases = (DroneBase("A", 51.5, 0.0, drones=3), DroneBase("B", 51.52, 0.03, drones=2))
    sky = Sky(
        DroneParameters(bases=bases, start_failed_share=0.2, no_place_share=DayNight(0.1, 0.1)),
        Airspace(()),
    )
    parameters = msgspec.structs.replace(
        crowded_parameters(150, ties=False),
        ambulance=AmbulanceParameters(median_s=1200.0, p90_s=1800.0),
    )
    kinds, crashes = Counter[type](), 0
    for number, name in enumerate(("drones_beside_phased_7", "drones_only")):
        policy, recording = load_policy(name), []
        run_replication(
            replace(crowded_setting(), sky=sky), parameters, [policy], seed=11, replication=number,
            recorder=lambda *step: recording.append(step),  # noqa: B023 - used at once
        )  # fmt: skip
        driver = driver_module.SqliteDriver(
            tmp_path / f"{name}.db", policy, crash_share=0.05, seed=number
        )
        driver.load(recording)
        driver.run()
        assert by_incident(driver.steps()) == by_incident(recording)
        crashes += driver.crashes
        kinds.update(type(command) for step in recording for command in step[3])
        kinds.update(type(step[2]) for step in recording)
    assert crashes > 20
    assert kinds[LaunchDrone] > 20
    assert kinds[ReadyDrone] > 20
    assert kinds[RecallDrone] > 5
    assert kinds[DroneLost] > 5
    assert kinds[DroneDelivered] > 10


def by_incident(steps: list) -> dict[str, list]:  # type: ignore[type-arg]
    """Everything stepped per incident: moment, event and commands, in order."""
    grouped: dict[str, list] = {}  # type: ignore[type-arg]
    for incident, now_s, event, commands in steps:
        grouped.setdefault(incident, []).append((now_s, event, commands))
    return grouped


def ties_of(steps: list) -> int:  # type: ignore[type-arg]
    """How often a timer and something from outside came at the same moment."""
    moments: dict[float, set[bool]] = {}
    for now_s, event, _ in steps:
        if not isinstance(event, CandidatesFound | ClaimRefused | DronesFound):
            moments.setdefault(now_s, set()).add(isinstance(event, TimerFired))
    return sum(len(kinds) == 2 for kinds in moments.values())
