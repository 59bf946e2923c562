"""When a comparison has simulated enough: the interval of every difference is narrow enough.

Replications come in rounds. After each round the half width of the 95 % interval of each option's
difference to the comparator is looked at; the next round is as large as the widest one calls for
(half widths shrink with the root of the number), at most doubling what there is. Looking more than
once makes intervals a little too narrow (Law, Simulation Modeling and Analysis, 2015, section
9.4.1), which is why the first round is not small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

FIRST_ROUND = 10
MOST_REPLICATIONS = 1_000


class StoppingRule(Struct, frozen=True):
    """``half_width``: wanted for the differences of ``measure``, in its unit."""

    measure: str
    half_width: float
    first: int = FIRST_ROUND
    most: int = MOST_REPLICATIONS


class Stopping(Struct, frozen=True, kw_only=True):
    """How a comparison ended."""

    reason: Literal["narrow_enough", "most_replications"]
    sentence: str
    measure: str
    wanted_half_width: float
    half_widths: dict[str, float | None]  # by option, against the comparator
    rounds: tuple[int, ...]  # replications after each round


def next_total(
    rule: StoppingRule, rounds: Sequence[int], half_widths: Sequence[float | None]
) -> int | None:
    """How many replications there should be after the next round; None: it is enough."""
    if not rounds:
        return min(rule.first, rule.most)
    done = rounds[-1]
    if done >= rule.most or is_narrow(rule, half_widths):
        return None
    known = [width for width in half_widths if width is not None]
    wide = max(known, default=math.inf)
    needed = math.inf if len(known) < len(half_widths) else done * (wide / rule.half_width) ** 2
    return int(min(rule.most, 2 * done, max(done + 1, math.ceil(min(needed, 2.0 * done)))))


def is_narrow(rule: StoppingRule, half_widths: Sequence[float | None]) -> bool:
    """Whether every half width is known and at most the wanted one."""
    return all(width is not None and width <= rule.half_width for width in half_widths)


def stopped(
    rule: StoppingRule, rounds: Sequence[int], half_widths: dict[str, float | None]
) -> Stopping:
    """What to say about a comparison that has ended."""
    narrow = is_narrow(rule, list(half_widths.values()))
    widest = max((width for width in half_widths.values() if width is not None), default=None)
    done = rounds[-1]
    shown = "not known" if widest is None else f"±{widest:.3g}"
    if narrow:
        end = f"every difference of {rule.measure} is known to ±{rule.half_width:g} ({shown})"
    else:
        end = (
            f"the most that was allowed; the widest difference of {rule.measure} is {shown}, "
            f"±{rule.half_width:g} was wanted"
        )
    return Stopping(
        reason="narrow_enough" if narrow else "most_replications",
        sentence=f"Stopped after {done} replications: {end}.",
        measure=rule.measure,
        wanted_half_width=rule.half_width,
        half_widths=half_widths,
        rounds=tuple(rounds),
    )
