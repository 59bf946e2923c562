"""Which AEDs can be counted on, by day and by night.

One moment stands for each: a Wednesday at 14:00 and at 03:00 local time. An AED whose hours are
unknown is counted on by day and not at night, as the system does.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from scenarios.metrics.facts import AedFacts

DAY_HOUR, NIGHT_HOUR = 14, 3
WEDNESDAY = 2


class AedHours(NamedTuple):
    """State of each AED at one moment, bool[n]; private ones are neither."""

    open_: NDArray[np.bool_]
    unknown: NDArray[np.bool_]

    def usable(self, *, night: bool) -> int:
        """How many the system counts on."""
        return int(self.open_.sum()) + (0 if night else int(self.unknown.sum()))


def aed_hours(aeds: Any, at_s: float) -> AedHours:
    """State of the AEDs of a ``geo.aeds.AedTable`` at a moment (UTC epoch seconds)."""
    public = np.asarray(aeds.public)
    first, _ = aeds.open_intervals(at_s, at_s + 60.0)
    open_ = np.diff(first) > 0
    return AedHours(open_ & public, ~np.asarray(aeds.hours_known) & public)


def moments(start_s: float, timezone: str) -> tuple[float, float]:
    """Day and night moment (UTC epoch seconds) of the second week of a study."""
    zone = ZoneInfo(timezone)
    day = datetime.fromtimestamp(start_s, UTC).astimezone(zone)
    day = day.replace(hour=0, minute=0, second=0, microsecond=0)
    day += timedelta(days=7 + (WEDNESDAY - day.weekday()) % 7)
    return day.replace(hour=DAY_HOUR).timestamp(), day.replace(hour=NIGHT_HOUR).timestamp()


def aed_facts(aeds: Any, start_s: float, timezone: str) -> AedFacts | None:
    """Counts of a ``geo.aeds.AedTable``; None where there are no public AEDs."""
    if not len(aeds) or not np.asarray(aeds.public).any():
        return None
    day_s, night_s = moments(start_s, timezone)
    day, night = aed_hours(aeds, day_s), aed_hours(aeds, night_s)
    return AedFacts(
        public=int(np.asarray(aeds.public).sum()),
        by_day=day.usable(night=False),
        by_night=night.usable(night=True),
        hours_unknown=int(day.unknown.sum()),
        day_s=day_s,
        night_s=night_s,
    )
