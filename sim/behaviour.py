"""Volunteers: where they live and work, where they seem to be, what they answer, how they move.

A person is an id 0, 1, 2 …; every draw is keyed by that id, so a volunteer who joins changes
nobody else. The system sees *reported* positions, the world moves people from *true* ones. A few
reported positions per place of a person are drawn and attached to the network beforehand; an
incident picks one of them by key, so that nothing is attached during the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.points import EARTH_RADIUS_M, LocalProjection, haversine_m
from sim.errors import SettingError
from sim.parameters import DayNight, PeopleParameters
from sim.randomness import (
    Draws,
    Keys,
    Purpose,
    folds,
    lognormals_s,
    normals,
    stream,
    to_milliseconds,
    uniforms,
)
from sim.setting import Setting
from sim.travel import Spots

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

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
    key: Ints
    spots: Spots
    pace: Floats
    home_zone: Ints
    stray_m: Floats
    mode: Ints  # index into the travel's modes

    def true_spot(self, person: Ints, place: Ints) -> Ints:
        """Index into ``spots`` of where people are."""
        return np.asarray(place * self.n + person)

    def reported_spot(self, person: Ints, place: Ints, report: Ints) -> Ints:
        """Index into ``spots`` of where they seem to be."""
        return np.asarray((2 + place * REPORTS + report) * self.n + person)

    def around(self, lat: float, lon: float, radius_m: float) -> Ints:
        """People who may be, or seem to be, within a radius; nobody who is or does is left out."""
        if radius_m not in self._far_enough:
            # The plane is not quite flat: 3 % and 20 m more than asked for.
            reach_m = self.stray_m.ravel() + (1.03 * radius_m + 20.0)
            self._far_enough[radius_m] = np.square(reach_m).astype(np.float32)
        north_m, east_m = self._plane.to_xy_m(lat, lon)[::-1]
        north = self._north_m - np.float32(north_m)
        east = self._east_m - np.float32(east_m)
        inside = north * north + east * east <= self._far_enough[radius_m]
        return np.flatnonzero(inside[: self.n] | inside[self.n :])

    @cached_property
    def _plane(self) -> LocalProjection:
        both = slice(0, 2 * self.n)
        if self.n == 0:
            return LocalProjection(0.0, 0.0)
        return LocalProjection(
            float(self.spots.lat[both].mean()), float(self.spots.lon[both].mean())
        )

    @cached_property
    def _north_m(self) -> NDArray[np.float32]:
        both = slice(0, 2 * self.n)
        return self._plane.to_xy_m(self.spots.lat[both], self.spots.lon[both])[1].astype(np.float32)

    @cached_property
    def _east_m(self) -> NDArray[np.float32]:
        both = slice(0, 2 * self.n)
        return self._plane.to_xy_m(self.spots.lat[both], self.spots.lon[both])[0].astype(np.float32)

    @cached_property
    def _far_enough(self) -> dict[float, NDArray[np.float32]]:
        return {}


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
    return People(n, key, spots, pace, zone, _stray_m(true, reported, n), mode)


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


class Presence(NamedTuple):
    """Who is within the region and on duty at one call, by rising id; arrays of equal length."""

    person: Ints
    true_spot: Ints
    reported_spot: Ints
    key: Keys  # of the person in this incident


def presence(
    people: People,
    who: Ints,
    parameters: PeopleParameters,
    draws: Draws,
    incident: int,
    *,
    hour: int,
    weekend: bool,
    night: bool,
) -> Presence:
    """Which of these people (rising indices) are where at the time of one call."""
    own = people.key[who]
    keys = folds(draws.key(Purpose.WHERE, incident), own)
    u = uniforms(keys)
    home = (parameters.home_weekend if weekend else parameters.home_weekday)[hour]
    work = (parameters.work_weekend if weekend else parameters.work_weekday)[hour]
    there = u < home + work
    on_duty = _by_night(parameters.on_duty_share, night)
    if on_duty < 1.0:
        there &= uniforms(folds(draws.key(Purpose.ON_DUTY, incident), own)) < on_duty
    person, keys = who[there], keys[there]
    place = np.where(u[there] < home, HOME, WORK)
    report = (keys & np.uint64(REPORTS - 1)).astype(np.int64)
    return Presence(
        person,
        people.true_spot(person, place),
        people.reported_spot(person, place, report),
        keys,
    )


def position_age_s(parameters: PeopleParameters, key: Keys) -> Floats:
    """How old the reported positions are, from ``Presence.key``."""
    law = parameters.position_age
    return lognormals_s(stream(key, 1)[0], law.median_s, law.sigma)


class Answer(NamedTuple):
    """What one person would do if asked in one incident; seconds from the alert, or durations.

    ``stops_at``: share of turnout and travel after which somebody who cannot continue gives up.
    """

    delivered: bool
    delivery_s: float
    seen: bool
    seen_s: float
    reply_s: float
    accepts: bool
    turnout_s: float
    continues: bool
    stops_at: float


def answers(
    parameters: PeopleParameters, draws: Draws, incident: int, key: Ints, *, night: bool
) -> list[Answer]:
    """The answers of the people with these keys in this incident, whoever asks and whenever."""
    keys = stream(folds(draws.key(Purpose.ANSWER, incident), key), 8)
    u = uniforms(keys[:5])
    turnout = parameters.turnout_night if night else parameters.turnout_day
    laws = (parameters.delivery, parameters.reply, turnout)
    delivery_s, reply_s, turnout_s = lognormals_s(
        keys[5:],
        np.array([[law.median_s] for law in laws]),
        np.array([[law.sigma] for law in laws]),
    )
    reply_s += delivery_s
    seen_s = delivery_s + to_milliseconds(parameters.seen_part * (reply_s - delivery_s))
    if parameters.speed_includes_turnout:
        turnout_s = np.zeros(len(turnout_s))
    columns = (
        u[0] < parameters.delivered_share,
        delivery_s,
        u[1] < parameters.seen_share,
        seen_s,
        reply_s,
        u[2] < _by_night(parameters.accept_given_seen, night),
        turnout_s,
        u[3] >= parameters.cannot_continue_share,
        u[4],
    )
    return [Answer(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _by_night(share: DayNight, night: bool) -> float:
    return share.night if night else share.day
