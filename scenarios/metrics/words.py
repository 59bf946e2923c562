"""Numbers as a clinical lead reads them: ranges, minutes, people out of a hundred."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from scenarios.metrics.intervals import Difference, Estimate

MINUS = "−"
NARROW_SPACE = "\u202f"
NO_INTERVAL = "no interval"
STEP, COARSE_STEP = 0.25, 0.2  # the coarsest rounding, as a part of an interval's width
FINER = 4  # decimals more, for a limit close to zero
ON_GRID = 1e-9


def number(value: float, decimals: int) -> str:
    """A number with a true minus sign, narrow spaces at thousands, and no negative zero.

    Negative ``decimals`` round to tens, hundreds and so on.
    """
    text = f"{round(abs(value), decimals):,.{max(decimals, 0)}f}".replace(",", NARROW_SPACE)
    negative = value < 0 and any(digit in "123456789" for digit in text)
    return (MINUS if negative else "") + text


def decimals_for(low: float, high: float, *, most: int = 3) -> int:
    """Decimals that resolve a range to a quarter of its width; -2 (hundreds) to ``most``.

    Tens and hundreds only where they are a fifth of the width or less: they look rounder than the
    range is.
    """
    width = abs(high - low) or abs(high) or 1.0
    fine, coarse = (math.ceil(-math.log10(part * width) - 1e-9) for part in (STEP, COARSE_STEP))
    return min(fine if fine >= 0 else max(min(coarse, 0), -2), most)


def ends(low: float, high: float, *, most: int = 3) -> tuple[str, str]:
    """Both limits, rounded outwards, never inwards; what is not zero never reads as zero.

    Every interval of the page goes through here, so that one estimate reads the same everywhere.
    """
    decimals = decimals_for(low, high, most=most)
    return _outwards(low, decimals, math.floor), _outwards(high, decimals, math.ceil)


def _outwards(value: float, decimals: int, to_whole: Callable[[float], int]) -> str:
    """A limit on the grid of ``decimals``, or finer where the grid would make it zero."""
    for finer in range(decimals, decimals + FINER + 1):
        # A limit that lies on the grid but for the last bits of a float stays where it is.
        steps = value * 10.0**finer
        whole = round(steps) if abs(steps - round(steps)) < ON_GRID else to_whole(steps)
        if whole:
            return number(whole / 10.0**finer, finer)
    return "0"


def span(low: float, high: float, *, scale: float = 1.0, most: int = 3) -> str:
    """``3.1 to 4.2``, limits rounded outwards; *about* for a range without width; 0 is just 0."""
    low, high = low * scale, high * scale
    if low == high and low in (0.0, 100.0):  # none or all of a hundred
        return number(low, 0)
    if high - low <= ON_GRID * abs(high):
        return f"about {number(high, decimals_for(low, high, most=most))}"
    first, last = ends(low, high, most=most)
    return f"{first} to {last}"


def ranged(item: Estimate | Difference, *, scale: float = 1.0, most: int = 3) -> str:
    """The interval in words; never a bare point estimate."""
    if item.value is None:
        return "not known"
    if item.low is None and item.high is None:
        decimals = decimals_for(0.0, 2 * item.value * scale, most=most)
        return f"{number(item.value * scale, decimals)} ({NO_INTERVAL})"
    if item.high is None or item.low is None:
        end = item.low if item.low is not None else item.value
        return f"{_outwards(end * scale, 1, math.floor)} or more"
    return span(item.low, item.high, scale=scale, most=most)


def dash(item: Estimate | Difference, *, scale: float = 1.0, most: int = 3) -> str:
    """The same interval for a narrow table: ``37–41``."""
    text = ranged(item, scale=scale, most=most)
    return text if MINUS in text else text.replace(" to ", "–").replace("about ", "≈ ")


def minutes(item: Estimate | Difference) -> str:
    """A time of the summary (seconds) as a range of minutes."""
    if item.value is None:
        return "not reached" if item.low is None else f"over {number(item.low / 60, 1)} min"
    return f"{ranged(item, scale=1 / 60, most=1)} min"


def of_hundred(item: Estimate | Difference, *, noun: str = "") -> str:
    """A share as people out of a hundred."""
    text = ranged(item, scale=100.0, most=1)
    return f"{text} of 100{' ' + noun if noun else ''}"


def change(item: Difference, more: str, fewer: str, *, scale: float = 1.0, most: int = 3) -> str:
    """A difference with its direction in words: ``2 to 4 more``, ``1 fewer to 3 more``."""
    if item.value is None:
        return "not known"
    if item.verdict == "same" or item.low == item.high == 0.0:
        return "no difference"
    if item.low is None or item.high is None:
        word = more if item.value >= 0 else fewer
        decimals = decimals_for(0.0, 2 * item.value * scale, most=most)
        return f"{number(abs(item.value) * scale, decimals)} {word} ({NO_INTERVAL})"
    low, high = item.low * scale, item.high * scale
    if low >= 0:
        return f"{span(low, high, most=most)} {more}"
    if high <= 0:
        return f"{span(-high, -low, most=most)} {fewer}"
    first, last = ends(low, high, most=most)
    return f"{first.removeprefix(MINUS)} {fewer} to {last} {more}"


def listed(names: list[str]) -> str:
    """``A``, ``A and B``, ``A, B and C``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def count(value: float) -> str:
    """A whole number with thin thousands."""
    return number(round(value), 0)


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def spelled(value: int) -> str:
    """A small whole number as a word."""
    return _NUMBERS[value] if value < len(_NUMBERS) else str(value)


class Period(NamedTuple):
    """The stretch of time that a small yearly number is shown for."""

    years: float
    words: str  # "a year", "in ten years"


PERIODS = (
    Period(1.0, "a year"),
    Period(10.0, "in ten years"),
    Period(100.0, "in a hundred years"),
    Period(1000.0, "in a thousand years"),
)


def period(largest_per_year: float) -> Period:
    """The shortest period in which this is about one or more."""
    for item in PERIODS:
        if abs(largest_per_year) * item.years >= 1.0:
            return item
    return PERIODS[-1]
