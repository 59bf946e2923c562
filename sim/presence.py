"""Who is where at the time of one call: truly, and as it seems to the system."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.behaviour import REPORTS, People
from sim.parameters import DayNight, PeopleParameters
from sim.randomness import Draws, Keys, Purpose

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Presence(NamedTuple):
    """People who are or seem to be near, by rising id; arrays of equal length.

    ``true_spot`` and ``reported_spot`` are indices into ``People.spots``; ``key`` is what is drawn
    of the person in this incident.
    """

    person: Ints
    true_spot: Ints
    reported_spot: Ints
    key: Keys


class Around(NamedTuple):
    """Where a call is and how far it is looked around."""

    lat: float
    lon: float
    radius_m: float


class When(NamedTuple):
    """The local time of a call."""

    hour: int
    weekend: bool
    night: bool


def presence(
    people: People, parameters: PeopleParameters, draws: Draws, incident: int, where: Around,
    when: When,
) -> Presence:  # fmt: skip
    """Who is in the region, on duty, and within the radius or seeming to be.

    Some who are a little farther are among them; nobody who is within is left out.
    """
    from sim.kernels_people import present_people  # noqa: PLC0415 - loads numba

    room = _room(people.n)
    east_m, north_m = people.plane.to_xy_m(where.lat, where.lon)
    # The plane is not quite flat: 3 % and 20 m more than asked for.
    here = (float(north_m), float(east_m), 1.03 * where.radius_m + 20.0)
    home, work = (
        (parameters.home_weekend, parameters.work_weekend)
        if when.weekend
        else (parameters.home_weekday, parameters.work_weekday)
    )
    count = present_people(
        people.place_m,
        here,
        people.stray_m,
        people.key,
        (
            np.uint64(draws.key(Purpose.WHERE, incident)),
            np.uint64(draws.key(Purpose.ON_DUTY, incident)),
        ),
        (home[when.hour], work[when.hour], by_night(parameters.on_duty_share, when.night)),
        REPORTS,
        *room,
    )
    return Presence(
        room.person[:count].copy(),
        room.true_spot[:count].copy(),
        room.reported_spot[:count].copy(),
        room.key[:count].copy(),
    )


def _room(n: int) -> Presence:
    """Empty columns for n people."""
    person, true_spot, reported_spot = np.empty((3, n), dtype=np.int64)
    return Presence(person, true_spot, reported_spot, np.empty(n, dtype=np.uint64))


def position_age_s(parameters: PeopleParameters, key: Keys) -> Floats:
    """How old the reported positions are, from ``Presence.key``."""
    from sim.kernels_people import lognormals_of  # noqa: PLC0415 - loads numba

    found = np.empty(len(key))
    lognormals_of(key, parameters.position_age.median_s, parameters.position_age.sigma, found)
    return found


def by_night(share: DayNight, night: bool) -> float:
    """The share that holds by night, or by day."""
    return share.night if night else share.day
