"""Opening hours in OpenStreetMap's grammar, compiled to sorted open intervals.

Only what is plainly open counts as open: the grammar's "unknown" and anything that hangs on a
comment ("on request") do not.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from geo.errors import RegionError

Edges = NDArray[np.float64]
Pair = tuple[float, float]


class HoursKind(StrEnum):
    """What is known of a place's opening hours."""

    KNOWN = "known"
    UNKNOWN = "unknown"  # none are stated, or they say "unknown"
    INVALID = "invalid"  # stated, but not in the grammar


_JUDGED_S = (
    datetime(2024, 1, 1, tzinfo=UTC).timestamp(),
    datetime(2026, 1, 1, tzinfo=UTC).timestamp(),
)


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
    if _parsed(text, "UTC", (0.0, 0.0)) is None:
        return HoursKind.INVALID
    states = _states(text, "UTC", (0.0, 0.0), _JUDGED_S)
    if any(is_open for _, _, is_open, _ in states):
        return HoursKind.KNOWN
    return HoursKind.UNKNOWN if any(unsure for *_, unsure in states) else HoursKind.KNOWN


def open_edges(
    text: str | None, *, timezone: str, lat: float, lon: float, start_s: float, end_s: float
) -> Edges:
    """Open intervals within ``start_s .. end_s`` as ``open, shut, open, shut, …`` in epoch seconds.

    Ascending, without overlap or empty intervals; empty where nothing is known. Hours are local
    to the time zone, clock changes included. The time zone's country decides public holidays, the
    place decides sunrise.

    Raises:
        RegionError: the time zone does not exist.
    """
    if hours_kind(text) is not HoursKind.KNOWN or text is None or end_s <= start_s:
        return np.zeros(0)
    # A tenth of a degree decides nothing but minutes of sunrise; it lets equal texts share.
    return _open_edges(text, timezone, (round(lat, 1), round(lon, 1)), (start_s, end_s))


@lru_cache(maxsize=4096)
def _open_edges(text: str, timezone: str, place: Pair, span_s: Pair) -> Edges:
    edges: list[float] = []
    for opens_s, shuts_s, is_open, _ in _states(text, timezone, place, span_s):
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
    text: str, timezone: str, place: Pair, span_s: Pair
) -> list[tuple[float, float, bool, bool]]:
    """``(from, to, open, unsure)`` in time order, cut to the span."""
    from opening_hours import State  # noqa: PLC0415

    hours = _parsed(text, timezone, place)
    if hours is None:
        return []
    start_s, end_s = span_s
    zone = checked_timezone(timezone)
    found = []
    for first, last in _questions(text, zone, start_s, end_s):
        for begin, end, state, comment in hours.intervals(first, last):
            from_s = max(begin.timestamp(), start_s)
            to_s = min((end or last).timestamp(), end_s)
            sure = state == State.OPEN and not comment
            unsure = state == State.UNKNOWN or (state == State.OPEN and bool(comment))
            if to_s > from_s:
                found.append((from_s, to_s, sure, unsure))
    return found


def _questions(
    text: str, zone: ZoneInfo, start_s: float, end_s: float
) -> list[tuple[datetime, datetime]]:
    """Spans of whole local days to ask the library about, a day more at either end.

    After a fallback ("a || b") that covers whole days the library (2.1) skips the rules before
    it until the span ends, so such texts are asked day by day.
    """
    first = datetime.fromtimestamp(start_s, tz=zone) - timedelta(days=1)
    last = datetime.fromtimestamp(end_s, tz=zone) + timedelta(days=2)
    first, last = (
        when.replace(hour=0, minute=0, second=0, microsecond=0) for when in (first, last)
    )
    if "||" not in text:
        return [(first, last)]
    days = [first + timedelta(days=n) for n in range((last.date() - first.date()).days + 1)]
    return list(pairwise(days))


@lru_cache(maxsize=4096)
def _parsed(text: str, timezone: str, place: Pair) -> Any:
    from opening_hours import OpeningHours, validate  # noqa: PLC0415

    zone = checked_timezone(timezone)
    if not validate(text):
        return None
    country = _countries().get(timezone)
    return OpeningHours(
        text,
        timezone=zone,
        country=country,
        coords=place,
        auto_country=country is None,
        auto_timezone=False,
    )


@cache
def _countries() -> dict[str, str]:
    """Country code by time zone, from the table that comes with the zones."""
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return {row[2]: row[0] for row in rows}
