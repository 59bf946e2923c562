"""The fleet's work: counts, hours, places, shifts, and that arrests do not depend on it."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray
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
from sim.parameters import (
    HOUR_SHARES,
    ClockParameters,
    DayNight,
    FleetParameters,
    GroupParameters,
    Hospital,
    Lognormal,
    ResponderGroup,
    Station,
)
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


# --- first-responder groups ----------------------------------------------------------------------

Floats = NDArray[np.float64]
NO_TIME = Lognormal(0.0, 0.0)
POSTS = (ResponderGroup("A", 50.02, -5.98, 0), ResponderGroup("B", 50.08, -5.88, 1))
ALWAYS = GroupParameters(on_duty_share=DayNight(1.0, 1.0))


def with_groups(*groups: ResponderGroup, rules: GroupParameters = ALWAYS) -> FleetParameters:
    return replace(PARAMETERS, groups=groups, group=rules)


def co_arrivals(parameters: FleetParameters) -> Floats:
    work, found = played(parameters)
    return found.co_arrived_s[work.row] - work.calls.at_s[work.row]


def test_groups_leave_every_ambulance_where_it_was() -> None:
    plain_work, plain_result = played()
    work, result = played(with_groups(*POSTS))
    assert np.array_equal(work.row, plain_work.row)
    assert np.array_equal(result.arrived_s, plain_result.arrived_s, equal_nan=True)
    assert np.isnan(plain_result.co_arrived_s).all()
    assert np.isfinite(result.co_arrived_s[work.row]).mean() > 0.9


def test_a_group_comes_as_it_would_alone_whoever_else_is_on_call() -> None:
    a, b = (co_arrivals(with_groups(post)) for post in POSTS)
    both = co_arrivals(with_groups(*POSTS))
    assert (
        np.array_equal(both, np.fmin(a, b), equal_nan=True)
        or np.isclose(both, np.fmin(a, b), equal_nan=True).mean() > 0.98
    )  # a group that is out with another patient lets the other one go
    assert (both <= np.fmin(a, b) + 1e-6).mean() > 0.98


def test_a_group_goes_when_it_is_on_duty_and_no_farther_than_agreed() -> None:
    half = replace(ALWAYS, on_duty_share=DayNight(0.5, 0.5))
    went = np.isfinite(co_arrivals(with_groups(POSTS[0], rules=half))).mean()
    assert 0.35 < went < 0.65
    near = replace(ALWAYS, within_s=300.0, turnout=NO_TIME, turnout_night=NO_TIME)
    reached = co_arrivals(with_groups(POSTS[0], rules=near))
    assert 0.0 < np.isfinite(reached).mean() < 0.9
    assert np.nanmax(reached) <= 300.0 + 1e-6


def test_a_group_drives_without_blue_lights() -> None:
    rules = replace(ALWAYS, turnout=NO_TIME, turnout_night=NO_TIME, within_s=7_200.0)
    usual = co_arrivals(with_groups(POSTS[0], rules=rules))
    faster = co_arrivals(with_groups(POSTS[0], rules=replace(rules, speed_factor=1.25)))
    work, _ = played()
    place = work.sites[work.calls.site[work.row]]
    lat, lon = np.append(place[:, 0], POSTS[0].lat), np.append(place[:, 1], POSTS[0].lon)
    blue_s = StraightDrive().matrix_s(lat, lon)[-1, :-1]
    from_home = np.isclose(faster, blue_s, atol=0.01)
    assert from_home.mean() > 0.8  # the others were on their way home from somebody else
    assert np.allclose(usual[from_home], 1.25 * blue_s[from_home], atol=0.02)
