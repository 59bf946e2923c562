"""Cumulative curves and quantiles of times that may never come.

A curve is the share of *all* arrests with ``T <= t``: an arrest that nobody reached stays in the
denominator for ever. Its band is the pointwise 95 % interval over replications. A quantile is read
from the same curve; its interval inverts the band (Woodruff 1952), and is open at the top when the
curve never rises so far.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from scenarios.metrics.intervals import Difference, Estimate, judged, ratio, t_quantile
from scenarios.metrics.panel import Bools, Floats, Ints

STEP_S = 15.0
END_S = 1800.0
GRID_S = np.arange(0.0, END_S + STEP_S, STEP_S)
RESAMPLES = 400
_BOOTSTRAP_SEED = 20_260_101


class Curve(Struct, frozen=True):
    """Share of all arrests reached by each time of the summary's ``curve_t_s``, and its band."""

    value: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


def curve(times_s: Floats, replication: Ints, replications: int) -> Curve:
    """Curve of one clock over its arrests; ``inf`` is never. f64[n], i64[n] in 0..R-1."""
    cells = np.searchsorted(GRID_S, times_s)  # first grid point >= time; len(GRID_S): later
    flat = replication * (len(GRID_S) + 1) + cells
    counts = np.bincount(flat, minlength=replications * (len(GRID_S) + 1))
    reached = counts.reshape(replications, -1)[:, :-1].cumsum(axis=1).astype(np.float64)
    cases = np.bincount(replication, minlength=replications).astype(np.float64)[:, None]
    value, error, df = ratio(reached, cases)
    half = t_quantile(df) * error
    low, high = np.clip(value - half, 0.0, 1.0), np.clip(value + half, 0.0, 1.0)
    return Curve(_plain(np.nan_to_num(value)), _open(low), _open(high))


def quantile(times_s: Floats, replication: Ints, replications: int, q: float) -> Estimate:
    """The time by which a share ``q`` of all arrests was reached, in seconds."""
    if not len(times_s):
        return Estimate(None)
    ordered = np.sort(times_s)
    value = _at(ordered, q)
    below = np.bincount(replication[times_s <= value], minlength=replications)
    below = below.astype(np.float64)
    cases = np.bincount(replication, minlength=replications).astype(np.float64)
    _, error, df = ratio(below, cases)
    half = float(t_quantile(df) * error)
    if np.isnan(half) or not np.isfinite(value):
        low = None if np.isnan(half) else _finite(_at(ordered, max(q - half, 0.0)))
        return Estimate(_finite(value), low, None)
    return Estimate(
        float(value), _finite(_at(ordered, max(q - half, 0.0))), _finite(_at(ordered, q + half))
    )


def quantile_difference(
    times_a: Floats, times_b: Floats, replication: Ints, replications: int, q: float
) -> Difference:
    """Paired difference of a quantile; its error resamples whole replications (seeded bootstrap).

    ``None`` when a quantile is never reached. The replications drawn are the same for both.
    """
    if np.array_equal(times_a, times_b):
        return Difference(0.0, 0.0, 0.0, 1.0, 1.0, "same") if len(times_a) else Difference(None)
    a, b = _at(np.sort(times_a), q), _at(np.sort(times_b), q)
    if not (np.isfinite(a) and np.isfinite(b)):
        return Difference(None)
    weights = _resamples(replications)
    drawn = _weighted(times_a, replication, weights, q) - _weighted(
        times_b, replication, weights, q
    )
    if replications < 2 or not np.isfinite(drawn).all():
        return Difference(float(a - b))
    # The bootstrap divides by R, the t interval by R - 1.
    error = float(drawn.std(ddof=1)) * np.sqrt(replications / (replications - 1))
    return judged(float(a - b), error, replications - 1)


def _resamples(replications: int) -> Ints:
    rng = np.random.default_rng(_BOOTSTRAP_SEED)
    picks = rng.integers(0, replications, (RESAMPLES, replications))
    return np.stack([np.bincount(row, minlength=replications) for row in picks])


def _weighted(times_s: Floats, replication: Ints, weights: Ints, q: float) -> Floats:
    order = np.argsort(times_s, kind="stable")
    ordered, of = times_s[order], replication[order]
    found = np.empty(len(weights))
    for i, weight in enumerate(weights):
        cumulated = np.cumsum(weight[of])
        found[i] = (
            ordered[np.searchsorted(cumulated, q * cumulated[-1])] if cumulated[-1] else np.inf
        )
    return found


def _at(ordered: Floats, q: float) -> float:
    """Smallest time with at least a share ``q`` at or below it; ``inf`` past the end."""
    rank = int(np.ceil(q * len(ordered) - 1e-9)) - 1
    return float(ordered[max(rank, 0)]) if rank < len(ordered) else float("inf")


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _plain(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(v), 5) for v in values)


def _open(values: Floats) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(v) else round(float(v), 5) for v in values)


def pair_counts(times_a: Floats, times_b: Floats, where: Bools) -> tuple[int, int, int]:
    """Arrests at which a came sooner, at the same moment (or both never), and later than b."""
    a, b = times_a[where], times_b[where]
    sooner, later = int((a < b).sum()), int((a > b).sum())
    return sooner, len(a) - sooner - later, later
