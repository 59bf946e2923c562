"""Calls: a Poisson process with the stated rates in time and place, whoever the volunteers are."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from scipy.stats import chi2, kstest
from worlds import at, plain

from sim.arrivals import draw_arrivals, place_weights, yearly_calls
from sim.clock import HOUR_S, calendar
from sim.errors import SettingError
from sim.parameters import ArrivalParameters, ClockParameters, PatientParameters
from sim.randomness import Draws
from sim.setting import Setting

PATIENT = PatientParameters()
SETTING = plain(10_000.0, points=500, population=500_000.0)


def test_rates_of_arrests_and_false_alarms() -> None:
    true, false = yearly_calls(ArrivalParameters(), PATIENT, 200_000.0)
    assert true == pytest.approx(110.0)
    alerted = true * PATIENT.recognised_share
    assert alerted / (alerted + false) == pytest.approx(0.54)


def test_counts_follow_the_hours_of_the_day() -> None:
    clock = ClockParameters(years=8.0)
    inputs = ArrivalParameters()
    found = draw_arrivals(SETTING, calendar(clock, "UTC"), inputs, PATIENT, Draws(3, 0))
    expected = sum(yearly_calls(inputs, PATIENT, 500_000.0)) * 8.0
    assert len(found) == pytest.approx(expected, abs=4 * np.sqrt(expected))
    shares = np.array(inputs.hour_shares) / sum(inputs.hour_shares)
    counts = np.bincount(found.hour, minlength=24)
    statistic = ((counts - len(found) * shares) ** 2 / (len(found) * shares)).sum()
    assert chi2.sf(statistic, 23) > 0.001
    assert found.true_arrest.mean() == pytest.approx(
        yearly_calls(inputs, PATIENT, 1.0)[0] / sum(yearly_calls(inputs, PATIENT, 1.0)), abs=0.02
    )


@pytest.mark.parametrize("replication", range(5))
def test_rescaled_gaps_are_exponential(replication: int) -> None:
    """Time-rescaling theorem: integrated rate between arrivals is Exp(1)."""
    days = calendar(ClockParameters(years=2.0), "Europe/London")
    inputs = ArrivalParameters()
    found = draw_arrivals(SETTING, days, inputs, PATIENT, Draws(11, replication))
    rate = sum(yearly_calls(inputs, PATIENT, 500_000.0)) / 365.25 / HOUR_S
    shares = np.array(inputs.hour_shares) / sum(inputs.hour_shares)
    cumulated = np.concatenate(([0.0], np.cumsum(rate * HOUR_S * shares[days.hour])))
    at_hours = np.interp(found.t_s / HOUR_S, np.arange(len(cumulated)), cumulated)
    gaps = np.diff(np.concatenate(([0.0], at_hours)))
    assert kstest(gaps, "expon").pvalue > 0.001


def test_local_hours_follow_the_clock_changes() -> None:
    days = calendar(ClockParameters(start_date="2025-03-30", years=0.01), "Europe/London")
    assert days.hour[:4].tolist() == [0, 2, 3, 4]
    assert days.offset_s[:2].tolist() == [0, 3600]
    assert days.night[:8].tolist() == [True, True, True, True, True, True, False, False]


def test_places_follow_the_weights() -> None:
    weight = np.where(np.arange(500) < 100, 3.0, 1.0)
    setting = replace(SETTING, demand_weight=weight)
    found = draw_arrivals(
        setting, calendar(ClockParameters(years=10.0), "UTC"), ArrivalParameters(), PATIENT,
        Draws(1, 0),
    )  # fmt: skip
    share = 300.0 / 700.0
    assert (found.point < 100).mean() == pytest.approx(share, abs=4 * np.sqrt(share / len(found)))
    assert (found.lat == setting.demand_lat[found.point]).all()


def zoned() -> Setting:
    zone = np.repeat(np.arange(5), 100)
    return replace(
        SETTING,
        demand_zone=zone,
        zone_ids=("a", "b", "c", "d", "e"),
        zone_decile=np.array([1, 10, 5, -1, 10]),
    )


def test_deprived_zones_have_more_and_the_total_stays() -> None:
    setting = zoned()
    raised = place_weights(setting, 2.0)
    per_zone = np.bincount(setting.demand_zone, raised)
    assert per_zone[0] / per_zone[1] == pytest.approx(2.0)
    assert per_zone[2] / per_zone[1] == pytest.approx(2.0 ** (5 / 9))
    assert per_zone[3] == pytest.approx(100.0)  # unknown: the mean rate
    assert raised.sum() == pytest.approx(setting.demand_weight.sum())
    assert (place_weights(setting, 1.0) == setting.demand_weight).all()


def test_a_trace_is_replayed_as_it_was() -> None:
    trace = (at(100, 0, 900.0), at(0, 200, 60.0, true_arrest=False), at(0, 0, 4e7))
    found = draw_arrivals(
        SETTING, calendar(ClockParameters(), "UTC"), ArrivalParameters(trace=trace), PATIENT,
        Draws(1, 0),
    )  # fmt: skip
    assert found.t_s.tolist() == [60.0, 900.0]  # the third lies beyond the year
    assert found.true_arrest.tolist() == [False, True]


def test_the_draws_of_one_replication_do_not_depend_on_others() -> None:
    days = calendar(ClockParameters(), "UTC")
    one, again, other = (
        draw_arrivals(SETTING, days, ArrivalParameters(), PATIENT, Draws(1, r)) for r in (4, 4, 5)
    )
    assert (one.t_s == again.t_s).all()
    assert len(one) != len(other) or (one.t_s != other.t_s).all()


def test_nobody_lives_here() -> None:
    inputs = ArrivalParameters()
    days = calendar(ClockParameters(), "UTC")
    with pytest.raises(SettingError, match="population"):
        draw_arrivals(replace(SETTING, population=None), days, inputs, PATIENT, Draws(1, 0))
    stated = msgspec.structs.replace(inputs, population=1000.0)
    assert len(draw_arrivals(SETTING, days, stated, PATIENT, Draws(1, 0))) < 10
