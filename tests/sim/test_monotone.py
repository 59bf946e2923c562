"""More help never harms: under the same draws and a policy without a stop, incident by incident.

The stop-free policy asks everybody in reach at once, takes every yes and replaces nobody, and the
calls lie hours apart: no answer of one person changes what happens to another. What couples
otherwise stands in ``docs/validation.md``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from worlds import as_dicts, ask

from dispatch.config import Policy, Roles, Split
from geo.region import Region, build_region
from sim.parameters import (
    AedParameters,
    AmbulanceParameters,
    ArrivalParameters,
    PatientParameters,
    PeopleParameters,
    TracedIncident,
    WorldParameters,
)
from sim.replication import run_replication
from sim.setting import Setting, always_open, setting_from_region
from sim.travel import Spots

MOMENTS = (
    "t_first_alert_s", "t_first_volunteer_s", "t_trained_hands_s", "t_cpr_any_s",
    "t_aed_attached_s", "t_shock_s",
)  # fmt: skip
AED_MOMENTS = MOMENTS[-2:]
APART_S = 6 * 3600.0
EVERYBODY = ask(64, bound_s=1200.0)
ONE_BY_AED = ask(1, bound_s=1200.0, roles=Roles(split=Split.SHARES, aed_share=1.0))


@pytest.fixture(scope="module")
def streets(tiny_extract: Path, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """A real extract of a few streets, as a region."""
    out = tmp_path_factory.mktemp("streets")
    return setting_from_region(build_region(tiny_extract, out / "region"), population=1000.0)


@pytest.fixture(scope="module")
def town() -> Setting:
    """The built-in town; at 36 volunteers per 100,000, 64 are never in reach of one place."""
    from scenarios.demo import town_folder  # noqa: PLC0415

    return setting_from_region(Region.open(town_folder()))


def world(setting: Setting, n: int, *, per_100k: float) -> WorldParameters:
    """Calls six hours apart at random houses; late ambulances, so that volunteers matter."""
    rng = np.random.default_rng(17)
    points = rng.choice(len(setting.demand_lat), n)
    trace = tuple(
        TracedIncident(
            APART_S * (i + 0.5) + float(rng.uniform(0, 3600.0)),
            float(setting.demand_lat[point]),
            float(setting.demand_lon[point]),
            home=bool(rng.random() < 0.5),
        )
        for i, point in enumerate(points.tolist())
    )
    return WorldParameters(
        arrivals=ArrivalParameters(trace=trace, deprivation_ratio=1.0),
        people=PeopleParameters(per_100k=per_100k),
        ambulance=AmbulanceParameters(median_s=1500.0, p90_s=2400.0),
    )


def moments(
    setting: Setting, parameters: WorldParameters, policy: Policy = EVERYBODY
) -> list[dict[str, Any]]:
    records = run_replication(setting, parameters, [policy], seed=5, replication=0)
    rows = as_dicts(records.incidents)
    if policy.places == 64:
        assert max(row["n_asked"] for row in rows) < 64  # else the limit couples
    return rows


def never_later(
    before: list[dict[str, Any]], after: list[dict[str, Any]], names: tuple[str, ...] = MOMENTS
) -> int:
    """Assert it for every incident and moment; how many moments became sooner."""
    assert [row["incident_id"] for row in before] == [row["incident_id"] for row in after]
    sooner = 0
    for old, new in zip(before, after, strict=True):
        for name in names:
            was, now = (np.inf if row[name] is None else row[name] for row in (old, new))
            assert now <= was, (old["incident_id"], name, was, now)
            sooner += now < was
        assert (
            new["survival_joint"] is None
            or names != MOMENTS
            or (new["survival_joint"] >= old["survival_joint"])
        )
    return sooner


def with_people(parameters: WorldParameters, **changes: Any) -> WorldParameters:
    people = msgspec.structs.replace(parameters.people, **changes)
    return msgspec.structs.replace(parameters, people=people)


def more_help(setting: Setting, per_100k: float, n: int) -> Iterator[tuple[str, int]]:
    """Each kind of help and how many moments it brought forward."""
    plain = world(setting, n, per_100k=per_100k)
    base = moments(setting, plain)
    one_more = per_100k + 1e5 / float(setting.population or 1.0)
    for name, changes in (
        ("a volunteer", {"per_100k": one_more}),
        ("half as many again", {"per_100k": 1.5 * per_100k}),
        ("speed", {"speed_mps": 2.4}),
        ("more who see it", {"seen_share": 0.95}),
        ("quicker answers", {"reply": msgspec.structs.replace(plain.people.reply, median_s=25.0)}),
    ):
        yield name, never_later(base, moments(setting, with_people(plain, **changes)))
    near = msgspec.structs.replace(EVERYBODY, radius_m=400.0)
    small = moments(setting, plain, near)
    for radius_m in (800.0, 1600.0):
        wide = moments(setting, plain, msgspec.structs.replace(EVERYBODY, radius_m=radius_m))
        yield f"radius {radius_m:g} m", never_later(small, wide)
        small = wide


def test_help_never_harms_on_a_few_streets(streets: Setting) -> None:
    gained = dict(more_help(streets, per_100k=2000.0, n=150))
    assert gained["half as many again"] > 20
    assert gained["speed"] > 20
    assert gained["a volunteer"] >= 1


@pytest.mark.slow
@pytest.mark.xdist_group("town")
def test_help_never_harms_in_the_town(town: Setting) -> None:
    gained = dict(more_help(town, per_100k=36.0, n=600))
    print(gained)
    assert min(count for name, count in gained.items() if name != "a volunteer") > 20


# --- AEDs ----------------------------------------------------------------------------------------


def with_aeds(setting: Setting, n: int) -> Setting:
    """The first n of a fixed list of AEDs, always open."""
    chosen = np.random.default_rng(23).permutation(len(setting.demand_lat))[:n]
    spots: Spots = setting.demand.take(chosen)
    return replace(setting, aeds=always_open(setting.travel, spots.lat, spots.lon))


def aed_world(setting: Setting, n: int) -> WorldParameters:
    """Every AED works, and people are where they seem to be; a bystander always goes for one."""
    parameters = world(setting, n, per_100k=2000.0 if n < 500 else 150.0)
    return msgspec.structs.replace(
        with_people(parameters, position_error_m=0.0),
        aeds=AedParameters(usable_share=1.0),
        patient=PatientParameters(public_aed_share=1.0, home_aed_share=1.0),
    )


def more_aeds(setting: Setting, n: int, numbers: tuple[int, ...]) -> list[int]:
    parameters = aed_world(setting, n)
    gained = []
    for policy in (msgspec.structs.replace(EVERYBODY, waves=()), ONE_BY_AED):
        runs = [moments(with_aeds(setting, k), parameters, policy) for k in numbers]
        gained += [never_later(few, more, AED_MOMENTS) for few, more in itertools.pairwise(runs)]
    return gained


def test_an_aed_more_never_delays_a_shock_on_a_few_streets(streets: Setting) -> None:
    assert sum(more_aeds(streets, 150, (1, 2, 4, 8))) > 20


@pytest.mark.slow
@pytest.mark.xdist_group("town")
def test_an_aed_more_never_delays_a_shock_in_the_town(town: Setting) -> None:
    assert min(more_aeds(town, 1200, (60, 61, 120))) >= 0


# --- and what couples ---------------------------------------------------------------------------


def test_a_stop_couples(streets: Setting) -> None:
    """With one place the first yes sends the others home: somebody new answers first, comes late.

    So the tests above could fail.
    """
    stop = ask(64, bound_s=1200.0)
    stop = msgspec.structs.replace(
        stop, enough=msgspec.structs.replace(stop.enough, yes=1, places=1)
    )
    parameters = world(streets, 150, per_100k=2000.0)
    before = moments(streets, parameters, stop)
    after = moments(streets, with_people(parameters, per_100k=3000.0), stop)
    later = [
        new["t_first_volunteer_s"] is None
        or new["t_first_volunteer_s"] > old["t_first_volunteer_s"]
        for old, new in zip(before, after, strict=True)
        if old["t_first_volunteer_s"] is not None
    ]
    assert sum(later) > 0
