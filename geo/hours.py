"""Opening hours in OpenStreetMap's grammar, compiled to sorted open intervals.

Only what is plainly open counts as open: the grammar's "unknown" and anything that hangs on a
comment ("on request") do not.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from geo.errors import RegionError

Edges = NDArray[np.float64]


class HoursKind(StrEnum):
    """What is known of a place's opening hours."""

    KNOWN = "known"
    UNKNOWN = "unknown"  # none are stated, or they say "unknown"
    INVALID = "invalid"  # stated, but not in the grammar


_JUDGED_FROM_S = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
_JUDGED_TO_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def checked_timezone(name: str) -> ZoneInfo:
    """The time zone of that IANA name.

    Raises:
        RegionError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise RegionError(
            f"timezone: {name!r} is not a time zone: expected a name such as Europe/London"
        ) from error


@lru_cache(maxsize=4096)
def hours_kind(text: str | None) -> HoursKind:
    """Whether the text can be read as opening hours, and says anything."""
    if text is None or not text.strip():
        return HoursKind.UNKNOWN
    if _parsed(text, "UTC", 0.0, 0.0) is None:
        return HoursKind.INVALID
    states = _states(text, "UTC", 0.0, 0.0, _JUDGED_FROM_S, _JUDGED_TO_S)
    if any(is_open for _, _, is_open, _ in states):
        return HoursKind.KNOWN
    return HoursKind.UNKNOWN if any(unsure for *_, unsure in states) else HoursKind.KNOWN


def open_edges(
    text: str | None, *, timezone: str, lat: float, lon: float, start_s: float, end_s: float
) -> Edges:
    """Open intervals within ``start_s .. end_s`` as ``open, shut, open, shut, …`` in epoch seconds.

    Ascending, without overlap or empty intervals; empty where nothing is known. Hours are local
    to the time zone, clock changes included; the place decides sunrise and public holidays.

    Raises:
        RegionError: the time zone does not exist.
    """
    if hours_kind(text) is not HoursKind.KNOWN or text is None or end_s <= start_s:
        return np.zeros(0)
    # A tenth of a degree decides nothing but minutes of sunrise; it lets equal texts share.
    return _open_edges(text, timezone, round(lat, 1), round(lon, 1), start_s, end_s)


@lru_cache(maxsize=4096)
def _open_edges(
    text: str, timezone: str, lat: float, lon: float, start_s: float, end_s: float
) -> Edges:
    edges: list[float] = []
    for opens_s, shuts_s, is_open, _ in _states(text, timezone, lat, lon, start_s, end_s):
        if not is_open or shuts_s <= opens_s:
            continue
        if edges and opens_s <= edges[-1]:
            edges[-1] = max(edges[-1], shuts_s)
        else:
            edges += [opens_s, shuts_s]
    answer = np.array(edges, dtype=np.float64)
    answer.flags.writeable = False
    return answer


def _states(
    text: str, timezone: str, lat: float, lon: float, start_s: float, end_s: float
) -> list[tuple[float, float, bool, bool]]:
    """``(from, to, open, unsure)`` in time order, cut to the span."""
    from opening_hours import State  # noqa: PLC0415

    hours = _parsed(text, timezone, lat, lon)
    if hours is None:
        return []
    zone = checked_timezone(timezone)
    # Whole days, cut afterwards: an interval that began the night before is then seen whole.
    first = datetime.fromtimestamp(start_s, tz=zone) - timedelta(days=1)
    last = datetime.fromtimestamp(end_s, tz=zone) + timedelta(days=1)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for begin, end, state, comment in hours.intervals(midnight, last):
        from_s = max(begin.timestamp(), start_s)
        to_s = end_s if end is None else min(end.timestamp(), end_s)
        sure = state == State.OPEN and not comment
        unsure = state == State.UNKNOWN or (state == State.OPEN and bool(comment))
        if to_s > from_s:
            found.append((from_s, to_s, sure, unsure))
    return found


@lru_cache(maxsize=4096)
def _parsed(text: str, timezone: str, lat: float, lon: float) -> Any:
    from opening_hours import OpeningHours, validate  # noqa: PLC0415

    zone = checked_timezone(timezone)
    if not validate(text):
        return None
    return OpeningHours(text, timezone=zone, coords=(lat, lon), auto_timezone=False)
