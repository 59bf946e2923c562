"""The study's calendar: when it begins, and what hour it is there, without ever asking today.

Simulation time is UTC epoch seconds; ``t_s`` counts from the start of the study.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from sim.errors import ParameterError
from sim.parameters import ClockParameters

HOUR_S = 3600
YEAR_S = 365.25 * 86400.0


@dataclass(frozen=True)
class Calendar:
    """Local hour and day of the week for every hour of the study.

    ``hour[i]`` and ``weekend[i]`` hold for the seconds ``3600 i .. 3600 (i + 1)`` after ``start_s``
    (the zone's offset is taken at the beginning of each hour). Arrays have one element per begun
    hour of the horizon.
    """

    start_s: float
    horizon_s: float
    hour: NDArray[np.int64]
    weekend: NDArray[np.bool_]
    night: NDArray[np.bool_]
    offset_s: NDArray[np.int64]  # local time minus UTC

    def index(self, t_s: float) -> int:
        """The hour of the study at ``t_s`` seconds after its start."""
        return min(max(int(t_s // HOUR_S), 0), len(self.hour) - 1)


def calendar(clock: ClockParameters, timezone: str) -> Calendar:
    """The calendar of a study.

    Raises:
        ParameterError: unknown time zone or a date that is none.
    """
    return _calendar(clock, timezone)


@lru_cache(maxsize=8)
def _calendar(clock: ClockParameters, timezone: str) -> Calendar:
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ParameterError(
            "region.timezone", f"a name such as Europe/London, got {timezone!r}"
        ) from None
    try:
        first = datetime.fromisoformat(clock.start_date).replace(tzinfo=zone)
    except ValueError:
        raise ParameterError(
            "clock.start_date", f"a date as 2025-01-01, got {clock.start_date!r}"
        ) from None
    horizon_s = clock.years * YEAR_S
    start = first.astimezone(UTC)
    hours = int(np.ceil(horizon_s / HOUR_S)) + 2
    local = [(start + timedelta(hours=i)).astimezone(zone) for i in range(hours)]
    hour = np.array([moment.hour for moment in local])
    weekend = np.array([moment.weekday() >= 5 for moment in local])
    offset_s = np.array([_offset_s(moment) for moment in local])
    return Calendar(start.timestamp(), horizon_s, hour, weekend, is_night(hour, clock), offset_s)


def _offset_s(moment: datetime) -> int:
    offset = moment.utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def is_night(hour: NDArray[np.int64], clock: ClockParameters) -> NDArray[np.bool_]:
    """Whether local hours count as night; the night may pass midnight."""
    begin, end = clock.night_from_hour, clock.night_to_hour
    if begin == end:
        return np.zeros(len(hour), dtype=np.bool_)
    if begin < end:
        return np.asarray((hour >= begin) & (hour < end))
    return np.asarray((hour >= begin) | (hour < end))
