"""Calls that raise an alert: when, where, and whether an arrest is behind them.

A Poisson process whose rate follows the local hour of day and whose places follow the demand
weights of the region; or a trace of observed calls. Unit exponential gaps in rescaled time are
mapped back through the cumulated rate (inversion), so each arrival is a function of its own key
and everything before it, and of nothing else: volunteers, AEDs and policies never move it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.clock import HOUR_S, YEAR_S, Calendar
from sim.errors import SettingError
from sim.parameters import ArrivalParameters, PatientParameters, TracedIncident
from sim.randomness import Draws, Purpose
from sim.setting import Setting

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Arrivals:
    """The calls of one replication in order of time; arrays of one element per call.

    ``t_s``: seconds after the start of the study. ``point``: index of the demand point, -1 for a
    traced place. ``zone``: index into the setting's zones, -1 for none.
    """

    t_s: Floats
    lat: Floats
    lon: Floats
    point: NDArray[np.int64]
    zone: NDArray[np.int64]
    true_arrest: NDArray[np.bool_]
    hour: NDArray[np.int64]
    weekend: NDArray[np.bool_]
    night: NDArray[np.bool_]
    traced: tuple[TracedIncident, ...] = ()  # what was observed, row by row

    def __len__(self) -> int:
        return len(self.t_s)


def yearly_calls(
    parameters: ArrivalParameters, patient: PatientParameters, population: float
) -> tuple[float, float]:
    """True arrests and false alarms a year.

    False alarms are counted against the arrests that control recognises, since only these raise an
    alert: ``true_arrest_share`` is the share among the calls that do.
    """
    true = parameters.per_100k_year * population / 1e5
    alerted = true * patient.recognised_share
    share = parameters.true_arrest_share
    return true, alerted * (1.0 - share) / share


def draw_arrivals(
    setting: Setting,
    calendar: Calendar,
    parameters: ArrivalParameters,
    patient: PatientParameters,
    draws: Draws,
) -> Arrivals:
    """All calls of one replication.

    Raises:
        SettingError: the region has no demand or no population.
    """
    if parameters.trace is not None:
        return _traced(setting, parameters.trace, calendar)
    population = setting.population if parameters.population is None else parameters.population
    if population is None or population <= 0:
        raise SettingError("population: the region has none; state it, or give zones that have it")
    if len(setting.demand_lat) == 0:
        raise SettingError("demand: the region has no buildings and no zones to place arrests in")
    true, false = yearly_calls(parameters, patient, population)
    t_s = _times(calendar, parameters.hour_shares, (true + false) / YEAR_S, draws)
    index = np.arange(len(t_s))

    if parameters.place_risk is None:
        weight = place_weights(setting, parameters.deprivation_ratio)
    else:
        weight = setting.demand_weight * np.asarray(parameters.place_risk)
    cumulated = np.cumsum(weight)
    point = np.searchsorted(
        cumulated, draws.uniforms(Purpose.ARRIVAL_PLACE, index) * cumulated[-1], side="right"
    )
    point = np.minimum(point, len(cumulated) - 1)
    true_arrest = draws.uniforms(Purpose.TRUE_ARREST, index) * (true + false) < true
    lat, lon = setting.demand_lat[point], setting.demand_lon[point]
    zone = setting.demand_zone[point]
    return Arrivals(t_s, lat, lon, point, zone, true_arrest, *_hours(calendar, t_s))


def place_weights(setting: Setting, deprivation_ratio: float) -> Floats:
    """Demand weights, raised in deprived zones and scaled so that the total stays the same.

    The rate per person changes by one factor from decile to decile, ``deprivation_ratio`` between
    decile 1 (most deprived) and decile 10. Points outside the zones keep the mean rate.
    """
    weight = setting.demand_weight
    if deprivation_ratio == 1.0 or len(setting.zone_decile) == 0:
        return weight
    decile = np.where(
        setting.demand_zone >= 0, setting.zone_decile[np.maximum(setting.demand_zone, 0)], -1
    )
    known = decile >= 1
    factor = np.where(known, deprivation_ratio ** ((10.0 - decile) / 9.0), 1.0)
    if weight[known].sum() > 0:
        mean = (weight[known] * factor[known]).sum() / weight[known].sum()
        factor[known] /= mean
    return np.asarray(weight * factor)


def _times(calendar: Calendar, hour_shares: tuple[float, ...], rate: float, draws: Draws) -> Floats:
    """Arrival times over the horizon; ``rate``: mean calls per second."""
    shares = np.asarray(hour_shares)
    per_hour = rate * HOUR_S * 24.0 * shares[calendar.hour] / shares.sum()
    edges = np.arange(len(per_hour) + 1) * float(HOUR_S)
    cumulated = np.concatenate(([0.0], np.cumsum(per_hour)))
    total = float(np.interp(calendar.horizon_s, edges, cumulated))
    enough = math.ceil(total + 10.0 * math.sqrt(total) + 20.0)
    reached = np.cumsum(-np.log(draws.uniforms(Purpose.ARRIVAL_TIME, np.arange(enough))))
    reached = reached[reached < total]
    return np.asarray(np.round(np.interp(reached, cumulated, edges), 3))


def _traced(setting: Setting, trace: tuple[TracedIncident, ...], calendar: Calendar) -> Arrivals:
    rows = sorted(trace, key=lambda row: row.t_s)
    rows = [row for row in rows if 0.0 <= row.t_s < calendar.horizon_s]
    lat = np.array([row.lat for row in rows], dtype=np.float64)
    lon = np.array([row.lon for row in rows], dtype=np.float64)
    nowhere = np.full(len(rows), -1)
    zone = nowhere if setting.zone_of is None else np.asarray(setting.zone_of(lat, lon), np.int64)
    true_arrest = np.array([row.true_arrest for row in rows], dtype=np.bool_)
    t_s = np.array([row.t_s for row in rows], dtype=np.float64)
    hours = _hours(calendar, t_s)
    return Arrivals(t_s, lat, lon, nowhere, zone, true_arrest, *hours, traced=tuple(rows))


def _hours(
    calendar: Calendar, t_s: Floats
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Local hour, weekend and night at each moment."""
    at = np.clip((t_s // HOUR_S).astype(np.int64), 0, len(calendar.hour) - 1)
    return calendar.hour[at], calendar.weekend[at], calendar.night[at]
