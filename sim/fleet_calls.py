"""The fleet's work in one replication: arrests and background calls, where and how long.

Sites of the fleet: stations, hospitals, cells of demand (background calls), then one per arrest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.speeds_car import BLUE_LIGHT_FACTOR
from sim.clock import HOUR_S, YEAR_S, Calendar
from sim.driving import DriveTimes
from sim.fleet import Fleet, FleetCalls, Habits, Unit
from sim.parameters import FleetParameters
from sim.randomness import Draws, Purpose, folds, lognormals_s, uniforms

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Arrests:
    """The calls that the study is about; one element each."""

    at_s: Floats  # epoch seconds of the call
    lat: Floats
    lon: Floats


@dataclass(frozen=True, slots=True)
class FleetWork:
    """A fleet and its calls; ``row[i]`` is the call of arrest i. ``sites``: lat, lon [n, 2]."""

    fleet: Fleet
    calls: FleetCalls
    row: Ints
    sites: Floats


def fleet_work(
    parameters: FleetParameters,
    drive: DriveTimes,
    arrests: Arrests,
    demand: tuple[Floats, Floats, Floats],
    population: float,
    calendar: Calendar,
    draws: Draws,
) -> FleetWork:
    """Everything the fleet does in one replication.

    ``demand``: lat, lon and weight of the demand points, each [n].
    """
    cells, cell_share = demand_cells(*demand, cell_m=parameters.cell_m)
    fixed = np.array(
        [(s.lat, s.lon) for s in parameters.stations]
        + [(h.lat, h.lon) for h in parameters.hospitals]
        + [(g.lat, g.lon) for g in parameters.groups],
        float,
    ).reshape(-1, 2)
    sites = np.concatenate([fixed, cells, np.column_stack([arrests.lat, arrests.lon])])
    first_cell, first_arrest = len(fixed), len(fixed) + len(cells)
    travel_s = drive.matrix_s(sites[:, 0], sites[:, 1])

    rate = parameters.calls_per_1000_year * population / 1_000.0 * parameters.demand_pressure
    background = background_times(calendar, parameters.hour_shares, rate / YEAR_S, draws)
    n, m = len(arrests.at_s), len(background)
    asked_s = arrests.at_s + lognormals_s(
        draws.keys(Purpose.FLEET_DISPATCH, np.arange(n)),
        parameters.call_to_dispatch.median_s,
        parameters.call_to_dispatch.sigma,
    )
    place = np.searchsorted(
        np.cumsum(cell_share), draws.uniforms(Purpose.FLEET_CALL_PLACE, np.arange(m)), side="right"
    )
    at_s = np.concatenate([asked_s, calendar.start_s + background])
    site = np.concatenate(
        [first_arrest + np.arange(n), first_cell + np.minimum(place, len(cells) - 1)]
    )
    order = np.argsort(at_s, kind="stable")
    # Draws belong to the call: arrests count from 0, background calls from a million on.
    name = np.concatenate([np.arange(n), 1_000_000 + np.arange(m)])[order]
    calls = _with_durations(
        parameters, draws, calendar, name, at_s[order], site[order], order < n, travel_s
    )
    row = np.empty(n, np.int64)
    row[order[order < n]] = np.flatnonzero(order < n)
    night = _night(calendar, at_s[order])
    units = (*_units(parameters, calendar), *_groups(parameters, calendar, name, night, draws))
    fleet = Fleet(units, travel_s, divert=parameters.divert)
    return FleetWork(fleet, calls, row, sites)


def demand_cells(
    lat: Floats, lon: Floats, weight: Floats, *, cell_m: float
) -> tuple[Floats, Floats]:
    """Weighted middles ``[k, 2]`` (lat, lon) of square cells of ``cell_m``, and their shares."""
    metres_per_degree = 111_195.0
    scale = np.cos(np.radians(lat.mean())) if len(lat) else 1.0
    north = np.floor(lat * metres_per_degree / cell_m).astype(np.int64)
    east = np.floor(lon * metres_per_degree * scale / cell_m).astype(np.int64)
    _, cell = np.unique(np.column_stack([north, east]), axis=0, return_inverse=True)
    cell = cell.ravel()
    total = np.bincount(cell, weight)
    kept = total > 0
    middle = np.column_stack(
        [np.bincount(cell, weight * lat)[kept], np.bincount(cell, weight * lon)[kept]]
    )
    return middle / total[kept, None], total[kept] / total.sum()


def background_times(
    calendar: Calendar, hour_shares: tuple[float, ...], rate: float, draws: Draws
) -> Floats:
    """Seconds after the start of the study of a Poisson process that follows the local hour.

    ``rate``: mean calls per second. By inversion, as the arrests.
    """
    shares = np.asarray(hour_shares)
    per_hour = rate * HOUR_S * 24.0 * shares[calendar.hour] / shares.sum()
    edges = np.arange(len(per_hour) + 1) * float(HOUR_S)
    cumulated = np.concatenate(([0.0], np.cumsum(per_hour)))
    total = float(np.interp(calendar.horizon_s, edges, cumulated))
    enough = int(total + 10.0 * np.sqrt(total) + 20.0)
    gaps = -np.log(draws.uniforms(Purpose.FLEET_CALL_TIME, np.arange(enough)))
    reached = np.cumsum(gaps)
    return np.asarray(np.interp(reached[reached < total], cumulated, edges))


def _with_durations(
    parameters: FleetParameters,
    draws: Draws,
    calendar: Calendar,
    name: Ints,
    at_s: Floats,
    site: Ints,
    arrest: NDArray[np.bool_],
    travel_s: Floats,
) -> FleetCalls:
    night = _night(calendar, at_s)
    turnout = (parameters.turnout, parameters.turnout_night)
    median_s, sigma = (
        np.where(night, getattr(turnout[1], part), getattr(turnout[0], part))
        for part in ("median_s", "sigma")
    )
    first = len(parameters.stations)  # groups come after the hospitals
    hospitals = np.arange(first, first + len(parameters.hospitals))
    conveyed = draws.uniforms(Purpose.FLEET_CONVEYED, name) < parameters.conveyed_share
    hospital = np.full(len(name), -1)
    handover_s = np.zeros(len(name))
    if len(hospitals):
        nearest = np.argmin(travel_s[np.ix_(site, hospitals)], axis=1)
        hospital = np.where(conveyed, hospitals[nearest], -1)
        laws = [h.handover for h in parameters.hospitals]
        handover_s = parameters.handover_pressure * lognormals_s(
            draws.keys(Purpose.FLEET_HANDOVER, name),
            np.array([law.median_s for law in laws])[nearest],
            np.array([law.sigma for law in laws])[nearest],
        )
    return FleetCalls(
        at_s=at_s,
        site=site.astype(np.int32),
        arrest=arrest,
        turnout_s=lognormals_s(draws.keys(Purpose.FLEET_TURNOUT, name), median_s, sigma),
        scene_s=lognormals_s(
            draws.keys(Purpose.FLEET_SCENE, name), parameters.scene.median_s, parameters.scene.sigma
        ),
        hospital=hospital.astype(np.int32),
        handover_s=handover_s,
    )


def _units(parameters: FleetParameters, calendar: Calendar) -> tuple[Unit, ...]:
    units = []
    for site, station in enumerate(parameters.stations):
        shifts = shift_intervals(station.shift_hours, calendar)
        kinds = [False] * station.ambulances + [True] * station.co_responders
        units += [
            Unit(f"{station.name} {number + 1}", site, co_responder, shifts)
            for number, co_responder in enumerate(kinds)
        ]
    return tuple(units)


def _groups(
    parameters: FleetParameters,
    calendar: Calendar,
    name: Ints,
    night: NDArray[np.bool_],
    draws: Draws,
) -> list[Unit]:
    """The first-responder groups as units; ``name``, ``night``: of each call."""
    rules = parameters.group
    first = len(parameters.stations) + len(parameters.hospitals)
    on_duty_share = np.where(night, rules.on_duty_share.night, rules.on_duty_share.day)
    median_s, sigma = (
        np.where(night, getattr(rules.turnout_night, part), getattr(rules.turnout, part))
        for part in ("median_s", "sigma")
    )
    units = []
    for site, group in enumerate(parameters.groups, first):
        u = uniforms(folds(draws.key(Purpose.GROUP_ON_DUTY, group.number), name))
        turnout = folds(draws.key(Purpose.GROUP_TURNOUT, group.number), name)
        habits = Habits(
            u < on_duty_share,
            lognormals_s(turnout, median_s, sigma),
            rules.speed_factor / BLUE_LIGHT_FACTOR,
            rules.within_s,
        )
        shifts = shift_intervals(group.shift_hours, calendar)
        units.append(Unit(group.name, site, co_responder=True, shifts=shifts, habits=habits))
    return units


def _night(calendar: Calendar, at_s: Floats) -> NDArray[np.bool_]:
    """Whether moments (epoch seconds) lie in the night."""
    hour = ((at_s - calendar.start_s) // HOUR_S).astype(np.int64)
    return np.asarray(calendar.night[np.clip(hour, 0, len(calendar.night) - 1)], dtype=np.bool_)


def shift_intervals(hours: tuple[float, float], calendar: Calendar) -> tuple[float, ...]:
    """Flat ``start, end, start, end`` in epoch seconds of a daily shift in local hours.

    All day: empty. Whole local hours; a shift may pass midnight.
    """
    begin, end = hours
    if begin == 0.0 and end == 24.0:
        return ()
    local = calendar.hour
    on = (local >= begin) & (local < end) if begin < end else (local >= begin) | (local < end)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], on, [False])).astype(np.int8)))
    return tuple((calendar.start_s + edges * float(HOUR_S)).tolist())
