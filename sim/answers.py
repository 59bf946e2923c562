"""What volunteers would do if they were asked: receipt, sight, reply, turnout, staying power."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.parameters import PeopleParameters
from sim.presence import by_night
from sim.randomness import Draws, Keys, Purpose

Floats = NDArray[np.float64]


class Answer(NamedTuple):
    """What one person would do if asked in one incident; seconds from the alert, or durations.

    ``stops_at``: share of turnout and travel after which somebody who cannot continue gives up.
    Flags are 1.0 or 0.0.
    """

    delivered: float
    delivery_s: float
    seen: float
    seen_s: float
    reply_s: float
    accepts: float
    turnout_s: float
    continues: float
    stops_at: float


class Habits(NamedTuple):
    """How people answer by day or by night, as the compiled draws read it."""

    shares: Floats  # delivered, seen, accepts, cannot continue; part of the reply until seen
    median_s: Floats  # delivery, reply, turnout
    sigma: Floats


def habits(parameters: PeopleParameters, *, night: bool) -> Habits:
    """The habits of all volunteers by day or by night."""
    turnout = parameters.turnout_night if night else parameters.turnout_day
    laws = (parameters.delivery, parameters.reply, turnout)
    medians = [law.median_s for law in laws]
    if parameters.speed_includes_turnout:
        medians[2] = 0.0
    shares = (
        parameters.delivered_share,
        parameters.seen_share,
        by_night(parameters.accept_given_seen, night),
        parameters.cannot_continue_share,
        parameters.seen_part,
    )
    return Habits(np.array(shares), np.array(medians), np.array([law.sigma for law in laws]))


def answers(own: Habits, draws: Draws, incident: int, key: Keys) -> list[Answer]:
    """The answers of the people with these keys in this incident, whoever asks and whenever."""
    from sim.kernels_people import answers_of  # noqa: PLC0415 - loads numba

    found = np.empty((len(key), len(Answer._fields)))
    answers_of(np.uint64(draws.key(Purpose.ANSWER, incident)), key, *own, found)
    return list(map(Answer._make, found.tolist()))
