"""Weekly hours as people give them: days, from, to; compiled to intervals of epoch seconds.

The compiler is the one for AED opening hours, so clock changes are right for both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from dispatch.live.errors import Invalid
from geo.hours import open_edges

DAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")
AHEAD_S = 15 * 86400.0  # compiled so far ahead, anew every day
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")

Interval = tuple[float, float]


class Hours(Struct, frozen=True, forbid_unknown_fields=True):
    """``days`` from ``start`` to ``end`` (local, ``HH:MM``); an end before the start is next day.

    ``days`` are mo, tu, we, th, fr, sa, su; none named means every day.
    """

    start: Annotated[str, Meta(max_length=5)]
    end: Annotated[str, Meta(max_length=5)]
    days: tuple[str, ...] = ()


def check(hours: Sequence[Hours], field: str) -> None:
    """Raise ``Invalid`` for the first part that cannot be read."""
    if len(hours) > 50:
        raise Invalid(field, "expected at most 50 entries")
    for i, entry in enumerate(hours):
        for name, text in (("start", entry.start), ("end", entry.end)):
            if not _TIME.fullmatch(text):
                raise Invalid(f"{field}[{i}].{name}", "expected a time such as 22:00")
        if entry.start in (entry.end, "24:00"):
            raise Invalid(f"{field}[{i}].end", "expected another time than the start")
        for day in entry.days:
            if day not in DAYS:
                raise Invalid(f"{field}[{i}].days", f"expected some of {', '.join(DAYS)}")


def intervals(hours: Sequence[Hours], timezone: str, now_s: float) -> tuple[Interval, ...]:
    """Return the intervals from a day before ``now_s`` to ``AHEAD_S`` after, sorted and apart."""
    if not hours:
        return ()
    day_s = 86400.0
    start_s = (now_s // day_s - 1.0) * day_s  # whole days, so that equal hours share the work
    end_s = (now_s // day_s) * day_s + AHEAD_S
    parts: list[Interval] = []
    for entry in hours:  # one by one: in one text, a later rule would replace an earlier one
        edges = open_edges(
            _grammar(entry), timezone=timezone, lat=0.0, lon=0.0, start_s=start_s, end_s=end_s
        ).tolist()
        parts += zip(edges[::2], edges[1::2], strict=True)
    merged: list[Interval] = []
    for begin_s, until_s in sorted(parts):
        if merged and begin_s <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until_s))
        else:
            merged.append((begin_s, until_s))
    return tuple(merged)


def is_within(parts: Sequence[Interval], now_s: float) -> bool:
    """Whether ``now_s`` lies in one of the intervals."""
    return any(begin_s <= now_s < end_s for begin_s, end_s in parts)


def _grammar(entry: Hours) -> str:
    days = ",".join(day.capitalize() for day in DAYS if day in entry.days)
    return f"{days} {entry.start}-{entry.end}".strip()
