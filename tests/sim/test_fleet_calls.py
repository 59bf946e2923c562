"""The fleet's work: counts, hours, places, shifts, and that arrests do not depend on it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sim.clock import calendar
from sim.driving import StraightDrive
from sim.fleet_calls import (
    Arrests,
    background_times,
    demand_cells,
    fleet_work,
    shift_intervals,
)
from sim.parameters import HOUR_SHARES, ClockParameters, FleetParameters, Hospital, Station
from sim.randomness import Draws

CLOCK = calendar(ClockParameters(years=1.0), "Europe/London")
RNG = np.random.default_rng(3)
DEMAND = (
    50.0 + RNG.uniform(0, 0.1, 500),
    -6.0 + RNG.uniform(0, 0.15, 500),
    RNG.uniform(0.5, 2, 500),
)
PARAMETERS = FleetParameters(
    stations=(Station("North", 50.09, -5.93, 2), Station("South", 50.01, -5.92, 2)),
    hospitals=(Hospital("General", 50.05, -5.9),),
)


def arrests(n: int = 120) -> Arrests:
    rng = np.random.default_rng(1)
    at_s = np.sort(CLOCK.start_s + rng.uniform(0, CLOCK.horizon_s, n))
    return Arrests(at_s, 50.0 + rng.uniform(0, 0.1, n), -6.0 + rng.uniform(0, 0.15, n))


def played(parameters: FleetParameters = PARAMETERS, population: float = 60_000.0, seed: int = 5):
    work = fleet_work(
        parameters, StraightDrive(), arrests(), DEMAND, population, CLOCK, Draws(seed, 0)
    )
    return work, work.fleet.run(work.calls, CLOCK.start_s + CLOCK.horizon_s)


def test_background_calls_are_poisson_and_follow_the_hour() -> None:
    t_s = background_times(CLOCK, HOUR_SHARES, 20_000 / CLOCK.horizon_s, Draws(1, 0))
    assert abs(len(t_s) - 20_000) < 4 * np.sqrt(20_000)
    hour = CLOCK.hour[(t_s // 3600).astype(int)]
    weights = np.bincount(CLOCK.hour, minlength=24) * np.asarray(HOUR_SHARES)
    expected = weights / weights.sum() * len(t_s)
    assert stats.chisquare(np.bincount(hour, minlength=24), expected).pvalue > 0.001


def test_rescaled_gaps_are_exponential() -> None:
    t_s = background_times(CLOCK, HOUR_SHARES, 20_000 / CLOCK.horizon_s, Draws(2, 0))
    shares = np.asarray(HOUR_SHARES)
    rate = 20_000 / CLOCK.horizon_s * 24 * shares[CLOCK.hour] / shares.sum()
    cumulated = np.concatenate(([0.0], np.cumsum(rate * 3600.0)))
    rescaled = np.interp(t_s, np.arange(len(cumulated)) * 3600.0, cumulated)
    assert stats.kstest(np.diff(rescaled), "expon").pvalue > 0.001


def test_cells_keep_the_weight_and_stay_inside() -> None:
    middles, share = demand_cells(*DEMAND, cell_m=1_000.0)
    assert share.sum() == pytest.approx(1.0)
    assert 60 <= len(middles) <= 180
    assert middles[:, 0].min() >= 50.0
    assert middles[:, 0].max() <= 50.1
    mean = share @ middles
    assert mean[0] == pytest.approx(np.average(DEMAND[0], weights=DEMAND[2]))


def test_arrests_keep_their_draws_whatever_else_the_fleet_does() -> None:
    quiet, _ = played(population=1_000.0)
    busy, _ = played(population=60_000.0)
    for name in ("at_s", "turnout_s", "scene_s", "handover_s"):
        first = getattr(quiet.calls, name)[quiet.row]
        second = getattr(busy.calls, name)[busy.row]
        assert np.array_equal(first, second), name


def test_pressure_makes_ambulances_later() -> None:
    """More calls and longer hand-overs leave fewer crews free; the arrests are the same ones."""

    def mean_s(parameters: FleetParameters, population: float) -> float:
        work, result = played(parameters, population)
        return float(np.nanmean(result.arrived_s[work.row] - work.calls.at_s[work.row]))

    calm = mean_s(PARAMETERS, 60_000.0)
    pressed = FleetParameters(PARAMETERS.stations, PARAMETERS.hospitals, handover_pressure=3.0)
    assert mean_s(pressed, 60_000.0) > calm + 10.0
    assert mean_s(PARAMETERS, 120_000.0) > calm + 10.0


def test_response_is_plausible_and_nobody_is_forgotten() -> None:
    work, result = played()
    response_s = (result.arrived_s - work.calls.at_s)[work.row]
    assert np.isnan(response_s).sum() == 0
    assert 200 < np.median(response_s) < 900
    share_busy = result.busy_s / CLOCK.horizon_s
    assert (share_busy > 0.02).all()
    assert (share_busy < 1.0).all()


def test_shifts_follow_local_time_over_the_clock_change() -> None:
    edges = np.array(shift_intervals((7.0, 19.0), CLOCK))
    hours = (edges[1::2] - edges[::2])[:-1] / 3600  # the study ends within the last one
    assert set(hours) == {12.0}
    local = CLOCK.hour[((edges[:-1:2] - CLOCK.start_s) // 3600).astype(int)]
    assert set(local) == {7}
    night = np.array(shift_intervals((19.0, 7.0), CLOCK))
    assert {11.0, 13.0} <= set((night[3::2] - night[2::2]) / 3600)  # the two clock changes
    assert shift_intervals((0.0, 24.0), CLOCK) == ()
