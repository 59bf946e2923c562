"""The volunteer chain against formulas: a Poisson field, straight lines, fixed delays.

People of one replication are the same for all its arrests, so the interval comes from the means
of replications: theory must lie within four standard errors, and the error must be small.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom
from worlds import as_dicts, ask, at, plain, sure_parameters, sure_people

from sim.parameters import DayNight
from sim.replication import run_replication

SPEED_MPS = 2.3
PER_KM2 = 5.0
YES = 0.3
SIDE_M = 6000.0
DELAY_S = 60.0
REPLICATIONS, ARRESTS = 40, 40
# P(T <= t) of the first arrival, from P = 1 − exp(−λ p π v² (t − D)²).
ARRIVED_BY = {120: 0.085834, 180: 0.301605, 240: 0.554111, 300: 0.762095, 420: 0.960472}


def first_arrivals() -> list[list[float]]:
    """Seconds from asking to the first arrival, per replication; inf where nobody came."""
    setting = plain(
        SIDE_M, speed_mps=SPEED_MPS, population=PER_KM2 * (SIDE_M / 1000.0) ** 2 * 1000.0
    )
    spread = np.random.default_rng(5).uniform(-1000.0, 1000.0, (ARRESTS, 2))
    trace = tuple(at(x, y, 20_000.0 * (i + 1)) for i, (x, y) in enumerate(spread))
    parameters = sure_parameters(
        trace,
        people=sure_people(
            per_100k=100.0, accept_given_seen=DayNight(YES, YES), speed_mps=SPEED_MPS
        ),
    )
    found = []
    for replication in range(REPLICATIONS):
        records = run_replication(
            setting, parameters, [ask(64, bound_s=600.0)], seed=1, replication=replication
        )
        rows = as_dicts(records.incidents)
        assert all(row["t_recognised_s"] == 30.0 for row in rows)
        found.append(
            [
                math.inf if row["t_first_volunteer_s"] is None
                else row["t_first_volunteer_s"] - row["t_recognised_s"]
                for row in rows
            ]
        )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def arrivals() -> np.ndarray:  # type: ignore[type-arg]
    return np.array(first_arrivals())


def assert_mean(per_replication: np.ndarray, expected: float, largest_error: float) -> None:  # type: ignore[type-arg]
    error = per_replication.std(ddof=1) / math.sqrt(len(per_replication))
    assert error < largest_error
    assert abs(per_replication.mean() - expected) < 4 * error


@pytest.mark.parametrize("t_s", list(ARRIVED_BY))
def test_first_arrival_with_a_fixed_delay(arrivals: np.ndarray, t_s: int) -> None:  # type: ignore[type-arg]
    assert_mean((arrivals <= t_s).mean(axis=1), ARRIVED_BY[t_s], 0.02)


def test_distance_of_the_nearest_who_says_yes(arrivals: np.ndarray) -> None:  # type: ignore[type-arg]
    """Rayleigh with density λp; the mean and the 90th percentile, given somebody within reach."""
    reach_m = 600.0 * SPEED_MPS
    density = PER_KM2 * YES / 1e6
    inside = 1.0 - math.exp(-math.pi * density * reach_m**2)
    half_root = 2.0 * math.sqrt(density)
    whole = math.erf(math.sqrt(math.pi * density) * reach_m) / half_root
    mean_m = (whole - reach_m * (1.0 - inside)) / inside
    p90_m = math.sqrt(-math.log(1.0 - 0.9 * inside) / (math.pi * density))

    distance_m = (arrivals - DELAY_S) * SPEED_MPS
    came = np.isfinite(distance_m)
    assert inside > 0.999
    assert came.mean() > 0.995
    means = np.array([row[ok].mean() for row, ok in zip(distance_m, came, strict=True)])
    assert_mean(means, mean_m, 12.0)
    beyond = np.array([(row[ok] > p90_m).mean() for row, ok in zip(distance_m, came, strict=True)])
    assert_mean(beyond, 0.1, 0.015)


@pytest.mark.parametrize("asked", [3, 5])
def test_how_many_say_yes(asked: int) -> None:
    """Binomial with seen × accept: so many are asked, nobody is replaced."""
    setting = plain(3000.0, population=60_000.0)
    trace = tuple(at(0.0, 0.0, 20_000.0 * (i + 1)) for i in range(1200))
    people = sure_people(per_100k=100.0, seen_share=0.8, accept_given_seen=DayNight(0.5, 0.5))
    records = run_replication(
        setting, sure_parameters(trace, people=people), [ask(asked)], seed=2, replication=0
    )
    rows = as_dicts(records.incidents)
    assert {row["n_asked"] for row in rows} == {asked}
    counts = np.bincount([row["n_yes"] for row in rows], minlength=asked + 1)
    for k in range(asked + 1):
        expected = binom.pmf(k, asked, 0.4)
        error = math.sqrt(expected * (1 - expected) / len(rows))
        assert abs(counts[k] / len(rows) - expected) < 4 * error
