"""Estimates over independent replications: ratios, totals, quantiles, paired differences.

A replication is the unit of chance: arrests inside one share volunteers and AEDs. With ``Y_r`` the
sum of a quantity and ``N_r`` the number of arrests in replication r, the estimate is the pooled
``sum Y / sum N`` (what a reader of the Parquet gets) and its variance the one of the ratio
estimator, ``R/(R-1) * sum (Y_r - estimate N_r)^2 / (sum N)^2`` (Cochran, Sampling Techniques, 1977,
section 6.4); with equal ``N_r`` this is exactly the t interval over the replications' means. Two
policies meet the same arrests, so a difference is the same estimate on ``Y_a - Y_b``: paired t.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

CONFIDENCE = 0.95
ALPHA = 1.0 - CONFIDENCE

Floats = NDArray[np.float64]
Verdict = Literal["higher", "lower", "cannot_tell", "same"]


class Estimate(Struct, frozen=True):
    """A value with its 95 % interval; ``None`` where it does not exist (never reached, no data)."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Difference(Struct, frozen=True):
    """Option minus comparator. ``p_holm`` allows for all options judged on this measure.

    ``verdict`` is ``cannot_tell`` when the interval touches zero or ``p_holm`` is not below 0.05,
    ``same`` when the two did not differ in any replication.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    verdict: Verdict = "cannot_tell"


def t_quantile(df: Any, tests: int = 1) -> Any:
    """Two-sided 95 % quantile of Student's t; ``nan`` for fewer than one degree of freedom.

    With several ``tests`` the 5 % is shared between them (Bonferroni).
    """
    df = np.asarray(df, dtype=np.float64)
    return np.where(df >= 1, stdtrit(np.maximum(df, 1), 1 - ALPHA / tests / 2), np.nan)


def ratio(total: NDArray[Any], count: NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Pooled ratio over replications (axis 0): estimate, standard error, degrees of freedom.

    ``total``, ``count``: [R, ...], broadcastable. Replications without a single case say nothing
    and do not count. ``nan`` where there is no case, or (error only) fewer than two replications.
    """
    total, count = np.broadcast_arrays(total.astype(np.float64), count.astype(np.float64))
    cases = count.sum(axis=0)
    seen = (count > 0).sum(axis=0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(cases > 0, total.sum(axis=0) / cases, np.nan)
        residual = np.where(count > 0, total - value * count, 0.0)
        square = (residual**2).sum(axis=0) * np.where(seen > 1, seen / (seen - 1), np.nan)
        error = np.sqrt(square) / cases
    return value, error, seen - 1


def mean_estimate(
    total: Floats, count: Floats, *, share: bool = False, floor: float | None = 0.0
) -> Estimate:
    """Ratio estimate of one quantity, ``total`` and ``count`` f64[R].

    ``share``: every case is 0 or 1; then the interval stays in [0, 1], and where no case (or every
    case) counted, its open end is the exact binomial one instead of a false certainty.
    """
    value, error, df = ratio(total, count)
    if np.isnan(value):
        return Estimate(None)
    half = float(t_quantile(df) * error)
    if np.isnan(half):
        return Estimate(float(value))
    low, high = float(value) - half, float(value) + half
    if share:
        low, high = _share_ends(float(value), low, high, float(np.sum(count)))
    elif floor is not None:
        low = max(low, floor)
    return Estimate(float(value), low, high)


def _share_ends(value: float, low: float, high: float, cases: float) -> tuple[float, float]:
    edge = (ALPHA / 2) ** (1.0 / cases)  # Clopper-Pearson for 0 or all of n
    if value <= 0.0:
        return 0.0, 1.0 - edge
    if value >= 1.0:
        return edge, 1.0
    return max(low, 0.0), min(high, 1.0)


def total_estimate(total: Floats, per: float, *, floor: float | None = 0.0) -> Estimate:
    """Mean over replications of ``total[r] / per`` with its t interval; ``total`` f64[R]."""
    return mean_estimate(total / per, np.ones(len(total)), floor=floor)


def difference(total_a: Floats, total_b: Floats, count: Floats) -> Difference:
    """Paired difference of two ratios over the same cases, f64[R] each; Holm comes later."""
    gap = np.asarray(total_a, dtype=np.float64) - np.asarray(total_b, dtype=np.float64)
    value, error, df = ratio(gap, count)
    if np.isnan(value):
        return Difference(None)
    if not gap.any():
        return Difference(0.0, 0.0, 0.0, 1.0, 1.0, "same")
    return judged(float(value), float(error), float(df))


def judged(value: float, error: float, df: float, tests: int = 1) -> Difference:
    """A difference with interval, two-sided p of Student's t, and the verdict.

    ``tests``: how many could have been picked for this one; interval and verdict allow for it.
    """
    half = float(t_quantile(df, tests) * error)
    if np.isnan(half):
        return Difference(value)
    p = _two_sided(value, error, df)
    low, high = value - half, value + half
    shared = min(1.0, p * tests)
    return Difference(value, low, high, p, shared, _verdict(value, low, high, shared))


def _two_sided(value: float, error: float, df: float) -> float:
    if error == 0.0:
        return 0.0 if value else 1.0
    return float(2.0 * stdtr(df, -abs(value) / error))


def _verdict(value: float, low: float, high: float, p_holm: float) -> Verdict:
    if low <= 0.0 <= high or p_holm >= ALPHA:
        return "cannot_tell"
    return "higher" if value > 0 else "lower"


def holm(p_values: list[float]) -> list[float]:
    """Step-down adjusted p values (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    floor = 0.0
    for rank, i in enumerate(order):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = floor
    return adjusted


def with_holm(family: list[Difference]) -> list[Difference]:
    """The same differences, judged together: those that were tested share the 5 % between them."""
    tested = [i for i, item in enumerate(family) if item.p is not None and item.verdict != "same"]
    adjusted = holm([family[i].p or 0.0 for i in tested])
    result = list(family)
    for i, p_holm in zip(tested, adjusted, strict=True):
        item = family[i]
        if item.value is None or item.low is None or item.high is None:
            continue
        verdict = _verdict(item.value, item.low, item.high, p_holm)
        result[i] = Difference(item.value, item.low, item.high, item.p, p_holm, verdict)
    return result
