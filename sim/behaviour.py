"""Volunteers: where they live and work, where they seem to be, how fast they are.

A person is an id 0, 1, 2 …; every draw is keyed by that id, so a volunteer who joins changes
nobody else. The system sees *reported* positions, the world moves people from *true* ones. A few
reported positions per place of a person are drawn and attached to the network beforehand; an
incident picks one of them by key, so that nothing is attached during the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geo.points import EARTH_RADIUS_M, LocalProjection, haversine_m
from sim.errors import SettingError
from sim.parameters import PeopleParameters
from sim.randomness import (
    Draws,
    Keys,
    Purpose,
    folds,
    normals,
    uniforms,
)
from sim.setting import Setting
from sim.travel import Spots

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REPORTS = 4  # reported positions drawn per place of a person
PROPOSALS = 24  # work places looked at per person
HOME, WORK = 0, 1
ZONE_KEYS = 1 << 20  # keys of people placed by zone: so many per zone
LEAST_MPS = 0.3  # nobody who set off is slower


@dataclass(frozen=True, eq=False)
class People:
    """The volunteers of one replication; arrays of one element per person.

    ``key`` is what a person's draws are keyed by. ``spots`` holds true homes, true work places,
    then ``REPORTS`` reported positions of each home and of each work place, in blocks of ``n``.
    ``pace`` multiplies travel times at base speed. ``stray_m[place, person]``: how far the
    reported positions of a place lie from it at most.
    """

    n: int
    key: Keys
    spots: Spots
    pace: Floats
    home_zone: Ints
    stray_m: Floats
    mode: Ints  # index into the travel's modes

    @cached_property
    def plane(self) -> LocalProjection:
        """A plane that touches the ground in the middle of all homes."""
        if self.n == 0:
            return LocalProjection(0.0, 0.0)
        lat, lon = self.spots.lat[: self.n], self.spots.lon[: self.n]
        return LocalProjection(float(lat.mean()), float(lon.mean()))

    @cached_property
    def place_m(self) -> Floats:
        """Metres in the plane, float64[2, 2, n]: north and east of homes and of work places."""
        both = slice(0, 2 * self.n)
        east_m, north_m = self.plane.to_xy_m(self.spots.lat[both], self.spots.lon[both])
        stacked = np.stack([north_m.reshape(2, self.n), east_m.reshape(2, self.n)], axis=1)
        return np.ascontiguousarray(stacked)


def draw_people(setting: Setting, parameters: PeopleParameters, draws: Draws) -> People:
    """All volunteers of a replication.

    Raises:
        SettingError: there is no population to count volunteers from, or no demand to place them.
    """
    key, home_lat, home_lon, zone = _homes(setting, parameters, draws)
    n = len(key)
    work_lat, work_lon = _works(
        setting, parameters, home_lat, home_lon, draws.keys(Purpose.WORK, key)
    )
    true = setting.travel.spots(
        np.concatenate([home_lat, work_lat]), np.concatenate([home_lon, work_lon])
    )
    reported = _reported(setting, parameters, true, key, draws)
    factor = np.exp(parameters.speed_sigma * normals(draws.keys(Purpose.SPEED, key)))
    base_mps = setting.travel.base_mps
    on_foot = base_mps / np.maximum(parameters.speed_mps * factor, LEAST_MPS)
    mode = _modes(setting.travel.modes, parameters, key, draws)
    pace = np.asarray(np.round(np.where(mode == 0, on_foot, 1.0 / factor), 6), np.float64)
    spots = setting.travel.with_mode(Spots.join(true, reported), np.tile(mode, 2 + 2 * REPORTS))
    return People(n, key.astype(np.uint64), spots, pace, zone, _stray_m(true, reported, n), mode)


def _modes(modes: tuple[str, ...], parameters: PeopleParameters, key: Ints, draws: Draws) -> Ints:
    """How each person would come: as stated, or drawn by the shares."""
    if parameters.mode is not None:
        return np.array([modes.index(mode) for mode in parameters.mode], dtype=np.int64)
    if len(modes) == 1:
        return np.zeros(len(key), dtype=np.int64)
    shares = dict(parameters.modes)
    cumulated = np.cumsum([shares.get(mode, 0.0) for mode in modes])
    found = np.searchsorted(cumulated, draws.uniforms(Purpose.MODE, key) * cumulated[-1], "right")
    return np.asarray(np.minimum(found, len(modes) - 1), dtype=np.int64)


def _stray_m(true: Spots, reported: Spots, n: int) -> Floats:
    """Largest distance between a place of a person and its reported positions: [place, person]."""
    if n == 0:
        return np.zeros((2, 0))
    place, person = np.repeat([HOME, WORK], REPORTS * n), np.tile(np.arange(n), 2 * REPORTS)
    at = place * n + person
    away_m = haversine_m(true.lat[at], true.lon[at], reported.lat, reported.lon)
    return np.asarray(away_m.reshape(2, REPORTS, n).max(axis=1))


def _homes(
    setting: Setting, parameters: PeopleParameters, draws: Draws
) -> tuple[Ints, Floats, Floats, Ints]:
    """Key, latitude, longitude and zone of every person."""
    if parameters.home_lat is not None and parameters.home_lon is not None:
        lat, lon = np.asarray(parameters.home_lat), np.asarray(parameters.home_lon)
        nowhere = np.full(len(lat), -1)
        zone = (
            nowhere if setting.zone_of is None else np.asarray(setting.zone_of(lat, lon), np.int64)
        )
        return np.arange(len(lat)), lat, lon, zone
    if parameters.per_zone is not None:
        key, point = _points_by_zone(setting, parameters.per_zone, draws)
    else:
        if setting.population is None:
            raise SettingError("population: the region has none to count volunteers from")
        n = round(setting.population * parameters.per_100k / 1e5)
        key = np.arange(n)
        point = _pick(setting.demand_weight, draws.uniforms(Purpose.HOME, key))
    return key, setting.demand_lat[point], setting.demand_lon[point], setting.demand_zone[point]


def _pick(weight: Floats, u: Floats) -> Ints:
    """Indices drawn in proportion to the weights."""
    if len(u) == 0:
        return np.zeros(0, dtype=np.int64)
    if len(weight) == 0 or weight.sum() <= 0:
        raise SettingError("demand: the region has no buildings and no zones to place people in")
    cumulated = np.cumsum(weight)
    found = np.searchsorted(cumulated, u * cumulated[-1], side="right")
    return np.asarray(np.minimum(found, len(weight) - 1), dtype=np.int64)


def _points_by_zone(
    setting: Setting, per_zone: tuple[tuple[str, float], ...], draws: Draws
) -> tuple[Ints, Ints]:
    """Keys and homes zone by zone; a fraction of a person is there with that probability."""
    keys, points = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    names = {zone: i for i, zone in enumerate(setting.zone_ids)}
    for name, number in per_zone:
        if name not in names:
            raise SettingError(f"people.per_zone: no zone {name!r} in the region")
        zone = names[name]
        whole = int(number)
        more = draws.uniforms(Purpose.HOME_IN_ZONE, np.array([zone]))[0] < number - whole
        key = zone * ZONE_KEYS + np.arange(whole + int(more))
        inside = np.flatnonzero(setting.demand_zone == zone)
        if len(inside) == 0 and len(key):
            raise SettingError(f"people.per_zone: no demand point in zone {name!r}")
        keys.append(key)
        points.append(
            inside[_pick(setting.demand_weight[inside], draws.uniforms(Purpose.HOME, key))]
        )
    return np.concatenate(keys), np.concatenate(points)


def _works(
    setting: Setting,
    parameters: PeopleParameters,
    home_lat: Floats,
    home_lon: Floats,
    keys: Keys,
) -> tuple[Floats, Floats]:
    """Work places: demand points, less likely the farther from home; as given where given."""
    n = len(home_lat)
    lat, lon = home_lat.copy(), home_lon.copy()
    if n and len(setting.demand_weight):
        proposed = _pick(
            setting.demand_weight, uniforms(folds(keys[:, None], np.arange(PROPOSALS)[None, :]))
        )
        away_m = haversine_m(
            home_lat[:, None],
            home_lon[:, None],
            setting.demand_lat[proposed],
            setting.demand_lon[proposed],
        )
        weight = np.cumsum(
            np.exp(-(away_m - away_m.min(axis=1, keepdims=True)) / max(parameters.commute_m, 1.0)),
            axis=1,
        )
        u = uniforms(folds(keys, PROPOSALS)) * weight[:, -1]
        chosen = proposed[np.arange(n), np.minimum((weight < u[:, None]).sum(1), PROPOSALS - 1)]
        lat, lon = setting.demand_lat[chosen], setting.demand_lon[chosen]
    if parameters.work_lat is not None and parameters.work_lon is not None:
        given = [
            (i, a, b)
            for i, (a, b) in enumerate(zip(parameters.work_lat, parameters.work_lon, strict=True))
            if a is not None and b is not None
        ]
        for i, a, b in given:
            lat[i], lon[i] = a, b
    return lat, lon


def _reported(
    setting: Setting, parameters: PeopleParameters, true: Spots, key: Ints, draws: Draws
) -> Spots:
    """Displaced positions, Rayleigh distances; one that no road is near to stays at the truth."""
    n = len(key)
    place = np.repeat([HOME, WORK], REPORTS * n)
    person = np.tile(np.arange(n), 2 * REPORTS)
    word = np.repeat(np.arange(2 * REPORTS), n)
    u = uniforms(folds(draws.keys(Purpose.REPORTED_DISTANCE, key[person]), word))
    angle = 2.0 * np.pi * uniforms(folds(draws.keys(Purpose.REPORTED_ANGLE, key[person]), word))
    distance_m = parameters.position_error_m * np.sqrt(-np.log(u))
    at = place * n + person
    per_degree = EARTH_RADIUS_M * np.pi / 180.0
    lat = true.lat[at] + distance_m * np.cos(angle) / per_degree
    scale = per_degree * np.cos(np.radians(true.lat[at]))
    lon = true.lon[at] + distance_m * np.sin(angle) / scale
    spots = setting.travel.spots(np.round(lat, 7), np.round(lon, 7))
    lost = np.flatnonzero(~spots.attached)
    if len(lost) == 0:
        return spots
    both = Spots.join(spots, true)
    index = np.arange(len(spots))
    index[lost] = len(spots) + at[lost]
    return both.take(index)
