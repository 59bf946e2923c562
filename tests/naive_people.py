"""The slow oracles of ``sim.kernels_people``: the same draws in numpy, from the same keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.behaviour import HOME, REPORTS, WORK, People
from sim.parameters import DayNight, PeopleParameters
from sim.presence import Presence, When
from sim.randomness import (
    Draws,
    Keys,
    Purpose,
    fold,
    folds,
    lognormals_s,
    to_milliseconds,
    uniforms,
)

GAMMA = 0x9E3779B97F4A7C15
WORD = 2**64


def stream(keys: Keys, length: int) -> Keys:
    """The first draws of the splitmix64 generator that each of n keys seeds: ``[length, n]``."""
    steps = range(1, length + 1)
    rows = [[_mix((int(key) + step * GAMMA) % WORD) for key in keys] for step in steps]
    return np.array(rows, dtype=np.uint64)


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % WORD
    return z ^ (z >> 31)


def everybody(
    people: People, parameters: PeopleParameters, draws: Draws, incident: int, when: When
) -> Presence:
    """Who is in the region and on duty, however far away."""
    key = draws.key(Purpose.WHERE, incident)
    keys = np.array([fold(key, int(own)) for own in people.key], dtype=np.uint64)
    u = uniforms(keys)
    home = (parameters.home_weekend if when.weekend else parameters.home_weekday)[when.hour]
    work = (parameters.work_weekend if when.weekend else parameters.work_weekday)[when.hour]
    duty = uniforms(folds(draws.key(Purpose.ON_DUTY, incident), people.key))
    there = (u < home + work) & (duty < _share(parameters.on_duty_share, night=when.night))
    person = np.flatnonzero(there)
    place = np.where(u[person] < home, HOME, WORK)
    report = (keys[person] % REPORTS).astype(np.int64)
    reported = (2 + place * REPORTS + report) * people.n + person
    return Presence(person, place * people.n + person, reported, keys[person])


def ages_s(parameters: PeopleParameters, keys: Keys) -> NDArray[np.float64]:
    law = parameters.position_age
    return lognormals_s(stream(keys, 1)[0], law.median_s, law.sigma)


def answers(
    parameters: PeopleParameters, draws: Draws, incident: int, key: Keys, *, night: bool
) -> list[tuple[float, ...]]:
    keys = stream(folds(draws.key(Purpose.ANSWER, incident), key), 8)
    u = uniforms(keys[:5])
    turnout = parameters.turnout_night if night else parameters.turnout_day
    delivery_s, reply_s, turnout_s = (
        lognormals_s(row, law.median_s, law.sigma)
        for row, law in zip(keys[5:], (parameters.delivery, parameters.reply, turnout), strict=True)
    )
    if parameters.speed_includes_turnout:
        turnout_s = np.zeros(len(turnout_s))
    columns = (
        u[0] < parameters.delivered_share,
        delivery_s,
        u[1] < parameters.seen_share,
        delivery_s + to_milliseconds(parameters.seen_part * reply_s),
        delivery_s + reply_s,
        u[2] < _share(parameters.accept_given_seen, night=night),
        turnout_s,
        u[3] >= parameters.cannot_continue_share,
        u[4],
    )
    return list(zip(*(column.astype(float).tolist() for column in columns), strict=True))


def _share(share: DayNight, *, night: bool) -> float:
    return share.night if night else share.day
