"""Places of published schemes, reduced to what decides who is in reach: a plain, straight lines.

``uk`` and ``denmark`` are the parameters of the shipped scenarios of these names, without change.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray
from worlds import DEGREE_M

from dispatch.config import Policy, load_policy
from geo.straight import StraightLine
from scenarios.loading import load_scenario
from scenarios.shipped import LIBRARY, scenario_file
from sim.parameters import WorldParameters
from sim.records import Records
from sim.replication import run_replication
from sim.setting import Setting, no_aeds
from sim.travel import DETOUR, StraightTravel

Floats = NDArray[np.float64]
LONDON, EAST_MIDLANDS = "nearest_3", "nearest_5_800m"
HEARTRUNNER_OLDER = LIBRARY / "denmark" / "heartrunner_1800m.toml"
SIDE_M = 30_000.0


def shipped(name: str) -> WorldParameters:
    """The parameters of a shipped scenario, on foot and with the time of ambulances as stated."""
    return load_scenario(scenario_file(name)).to_parameters()


def evenly_spread(per_km2: float) -> Setting:
    """A square of the plain with so many registered volunteers per square kilometre.

    Its ``population`` only counts the volunteers (``counting_only``).
    """
    n = 60_000
    x, y = np.random.default_rng(3).uniform(-0.5, 0.5, (2, n)) * SIDE_M
    return _setting("plain", x, y, np.ones(n), per_km2 * (SIDE_M / 1000.0) ** 2)


def square_of_denmark() -> Setting:
    """54 x 54 km, 400,000 people: Denmark's 137 per km², and its mix of town and country.

    23 % live at 5,000 per km² (Greater Copenhagen), 45 % in towns of 1,800 per km², 20 % in
    villages of 2,000 people, 12 % scattered: the shares of Greater Copenhagen and of the
    countryside are those of Denmark's statistics from memory, the rest is an assumption.
    """
    rng = np.random.default_rng(7)
    people, half_m = 400_000.0, 27_000.0
    middles = np.array([(-14_000.0, 12_000.0), (13_000.0, 13_000.0), (12_000.0, -12_000.0),
                        (-13_000.0, -14_000.0), (0.0, 0.0)])  # fmt: skip
    parts: list[tuple[Floats, float]] = [
        (middles[0] + _disc(rng, 4000, _radius_m(0.23 * people, 5000.0)), 0.23)
    ]
    town_m, village_m = _radius_m(0.45 / 4 * people, 1800.0), _radius_m(2000.0, 1500.0)
    parts += [(middle + _disc(rng, 2500, town_m), 0.45 / 4) for middle in middles[1:]]
    villages = rng.uniform(-half_m, half_m, (40, 2))
    parts += [(middle + _disc(rng, 200, village_m), 0.20 / 40) for middle in villages]
    parts.append((rng.uniform(-half_m, half_m, (20_000, 2)), 0.12))
    xy = np.concatenate([place for place, _ in parts])
    weight = np.concatenate([np.full(len(place), share / len(place)) for place, share in parts])
    return _setting("square of Denmark", xy[:, 0], xy[:, 1], weight, people)


def _radius_m(people: float, per_km2: float) -> float:
    return float(np.sqrt(people / per_km2 / np.pi) * 1000.0)


def _disc(rng: np.random.Generator, n: int, radius_m: float) -> Floats:
    angle, away_m = rng.uniform(0, 2 * np.pi, n), radius_m * np.sqrt(rng.random(n))
    return np.column_stack([away_m * np.cos(angle), away_m * np.sin(angle)])


def _setting(name: str, x: Floats, y: Floats, weight: Floats, population: float) -> Setting:
    travel = StraightTravel(StraightLine(speed_mps=1.8, detour_factor=DETOUR))
    return Setting(
        region_id=name,
        timezone="Europe/London",
        travel=travel,
        demand=travel.spots(y / DEGREE_M, x / DEGREE_M),
        demand_weight=weight,
        demand_zone=np.full(len(x), -1),
        aeds=no_aeds(travel),
        population=population,
    )


def counting_only(parameters: WorldParameters) -> WorldParameters:
    """All of ``setting.population`` are volunteers."""
    people = msgspec.structs.replace(parameters.people, per_100k=100_000.0)
    return msgspec.structs.replace(parameters, people=people)


def with_arrests(parameters: WorldParameters, per_year: float) -> WorldParameters:
    """So many true arrests a year on average, whoever lives here."""
    population = per_year / parameters.arrivals.per_100k_year * 1e5
    arrivals = msgspec.structs.replace(parameters.arrivals, population=population)
    return msgspec.structs.replace(parameters, arrivals=arrivals)


@dataclass(frozen=True)
class Counted:
    """One replication: true arrests, those with a yes, alerts with anybody in reach, and so on."""

    arrests: int
    accepted: int  # true arrests with at least one yes
    in_reach: int  # true arrests with at least one person asked
    alerted: int  # incidents for which control looked for people, true or not
    with_yes: int
    asked: int
    yes: int


def counted(
    setting: Setting, parameters: WorldParameters, policy: Policy | str, *, replication: int
) -> Counted:
    """Play one replication and count."""
    chosen = load_policy(policy) if isinstance(policy, str) else policy
    records = run_replication(setting, parameters, [chosen], seed=11, replication=replication)
    return count(records)


def count(records: Records) -> Counted:
    """Count the rows of one policy."""
    table = records.incidents
    true, asked, yes = (
        np.array(table.column(name)) for name in ("true_arrest", "n_asked", "n_yes")
    )
    looked = asked > 0
    return Counted(
        arrests=int(true.sum()),
        accepted=int((true & (yes > 0)).sum()),
        in_reach=int((true & looked).sum()),
        alerted=int(looked.sum()),
        with_yes=int((yes > 0).sum()),
        asked=int(asked.sum()),
        yes=int(yes.sum()),
    )
