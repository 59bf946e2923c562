"""What the means of an option cost a year, and what a survivor or a minute more costs.

Costs are those of what an option has beyond the comparator, so AEDs, crews and volunteers that are
there anyway cost nothing here. A ratio of two differences has no interval of its own: its limits
are Fieller's (1954), over replications, and open where the denominator may be nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from scenarios.metrics.facts import Means, OptionFacts, Price
from scenarios.metrics.intervals import Difference, t_quantile
from scenarios.metrics.panel import Floats

CHANCE = "the gain may be chance where several options are tried"
SHARED = ("AED", "ambulance crew", "volunteer")
"""What the comparator has as well: an option pays for what it has more of."""


class CostItem(Struct, frozen=True):
    """One line of a yearly cost. ``each``: of one a year; ``None``: nobody stated a price."""

    item: str
    number: float
    each: float | None
    total: float | None
    total_high: float | None  # at the dear price
    source: str


class YearlyCost(Struct, frozen=True, kw_only=True):
    """What an option costs a year beyond what is there. ``unpriced``: not in the total."""

    currency: str
    price_year: int | None
    total: float
    total_high: float  # with every price dear
    items: tuple[CostItem, ...]
    unpriced: tuple[str, ...] = ()


class CostRatio(Struct, frozen=True):
    """A cost for one unit of gain.

    ``value`` is None without a gain; ``low`` and ``high`` are the 95 % limits at usual prices,
    None where they do not exist; ``words`` says which case it is.
    """

    value: float | None
    low: float | None
    high: float | None
    words: str


class CostAgainst(Struct, frozen=True, kw_only=True):
    """An option's cost against another option's, and what the gain costs.

    ``difference`` a year at usual prices, ``difference_low`` and ``difference_high`` the smallest
    and largest that the range of prices allows.
    """

    against: str
    difference: float
    difference_low: float
    difference_high: float
    per_survivor: CostRatio
    per_qaly: CostRatio
    per_median_minute: CostRatio  # sooner to a first shock


def yearly_cost(
    option: OptionFacts, baseline: OptionFacts, asked_per_year: float
) -> YearlyCost | None:
    """The yearly cost of an option; None where the scenario says nothing of costs."""
    if not option.priced:
        return None
    there = {item.item: item.number for item in baseline.means}
    items = [
        _item(item.price, item.number - (there.get(item.item, 0.0) if _shared(item) else 0.0))
        for item in option.means
    ]
    if option.alert_price is not None:
        items.append(_item(option.alert_price, asked_per_year))
    if option.more_year:
        more = Price("whatever else", option.more_year, option.more_year, "the scenario")
        items.append(_item(more, 1.0))
    used = tuple(item for item in items if abs(item.number) > 1e-9)
    return YearlyCost(
        currency=option.currency,
        price_year=option.price_year,
        total=sum(item.total or 0.0 for item in used),
        total_high=sum(item.total_high or 0.0 for item in used),
        items=used,
        unpriced=tuple(item.item for item in used if item.each is None),
    )


def _shared(item: Means) -> bool:
    return item.item in SHARED


def _item(price: Price, number: float) -> CostItem:
    if price.usual is None:
        return CostItem(price.item, number, None, None, None, price.source)
    high = price.usual if price.high is None else price.high
    return CostItem(
        price.item, number, price.usual, number * price.usual, number * high, price.source
    )


def cost_against(
    cost: YearlyCost,
    other: YearlyCost,
    against: str,
    *,
    survivors: Floats,
    asked: Floats,
    told: bool,
    minutes: Difference,
    qalys: float,
) -> CostAgainst:
    """One option against another one.

    ``survivors``: extra survivors a year, f64[R]; ``asked``: extra cost of alerts a year beyond its
    mean, f64[R]; ``told``: more survivors are shown with all options in view (Holm); ``minutes``:
    difference of the median time to a first shock, in seconds, with its verdict.
    """
    difference = cost.total - other.total
    extra = difference + asked
    return CostAgainst(
        against=against,
        difference=difference,
        difference_low=cost.total - other.total_high,
        difference_high=cost.total_high - other.total,
        per_survivor=_judged(fieller(extra, survivors, "survivor"), told),
        per_qaly=_judged(fieller(extra, survivors * qalys, "quality-adjusted year"), told),
        per_median_minute=_per_minute(difference, minutes),
    )


def _judged(ratio: CostRatio, told: bool) -> CostRatio:
    """Fieller's limits are of one option by itself: none above where the gain may be chance."""
    if told or ratio.high is None:
        return ratio
    return CostRatio(ratio.value, ratio.low, None, f"no upper limit: {CHANCE}")


def fieller(cost: Floats, gain: Floats, unit: str) -> CostRatio:
    """Mean cost over mean gain, paired over replications, with Fieller's limits.

    f64[R] each. The limits solve ``(c - θ g)² = t² Var(c - θ g)``; with a gain that cannot be told
    from nothing one end or both are open.
    """
    n, c, g = len(cost), float(np.mean(cost)), float(np.mean(gain))
    t = float(t_quantile(n - 1))
    if not np.isfinite(t):
        return CostRatio(None, None, None, "one replication: no interval")
    cov = (np.cov(np.stack([cost, gain])) / n).tolist()
    half = t * float(np.sqrt(cov[1][1]))
    low, high = g - half, g + half
    if high <= 0.0:
        return CostRatio(None, None, None, f"no ratio: it brings no {unit} more")
    if low <= 0.0:
        least = max(c, 0.0) / high
        words = f"no upper limit: whether it brings a {unit} more cannot be told"
        return CostRatio(None if g <= 0.0 else c / g, least if c > 0.0 else None, None, words)
    if c <= 0.0:
        return CostRatio(c / g, None, None, f"no ratio: it costs no more and brings {unit}s more")
    a = g * g - t * t * cov[1][1]
    b = c * g - t * t * cov[0][1]
    root = float(np.sqrt(max(b * b - a * (c * c - t * t * cov[0][0]), 0.0)))
    return CostRatio(c / g, (b - root) / a, (b + root) / a, f"for each {unit} more")


def _per_minute(difference: float, seconds: Difference) -> CostRatio:
    """A certain cost over a gain with an interval: the limits are those of the gain."""
    unit = "minute"
    if seconds.value is None or seconds.low is None or seconds.high is None:
        return CostRatio(None, None, None, "no interval of the time gained")
    gained, least, most = (-end / 60.0 for end in (seconds.value, seconds.high, seconds.low))
    if most <= 0.0:
        return CostRatio(None, None, None, "no ratio: the median time is no shorter")
    if least <= 0.0:
        words = "no upper limit: whether the median time is shorter cannot be told"
        return CostRatio(None, max(difference, 0.0) / most, None, words)
    if difference <= 0.0:
        return CostRatio(difference / gained, None, None, "no ratio: it costs no more")
    found = CostRatio(
        difference / gained, difference / most, difference / least, f"for each {unit} sooner"
    )
    return _judged(found, seconds.verdict == "lower")


def priced(options: Sequence[OptionFacts]) -> bool:
    """Whether costs can be told at all."""
    return bool(options) and all(option.priced for option in options)
