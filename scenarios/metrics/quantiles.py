"""Quantiles of times that may never come, their intervals and paired differences.

A quantile is the first time by which that share of *all* arrests was reached; ``inf`` when it never
was. Its interval inverts the band of the curve (Woodruff 1952) and is open at the top when the
curve never rises so far. The error of a difference comes from resampling whole replications (a
seeded bootstrap, the same draws for every option, so that differences stay paired).
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np

from scenarios.metrics.intervals import Difference, Estimate, judged, ratio, t_quantile
from scenarios.metrics.panel import Floats, Ints

QUANTILES = (("median", 0.5), ("p90", 0.9))
RESAMPLES = 400
_SEED = 20_260_101


class Times:
    """Times of one clock over all arrests of an option: f64[n], ``inf`` is never."""

    def __init__(self, times_s: Floats, replication: Ints, replications: int) -> None:
        self.times_s = times_s
        self.replication = replication
        self.replications = replications

    @cached_property
    def _order(self) -> Ints:
        return np.argsort(self.times_s, kind="stable")

    @cached_property
    def _ordered(self) -> Floats:
        return self.times_s[self._order]

    def at(self, q: float) -> float:
        """Smallest time with at least a share ``q`` at or below it; ``inf`` past the end."""
        rank = int(np.ceil(q * len(self._ordered) - 1e-9)) - 1
        return float(self._ordered[max(rank, 0)]) if rank < len(self._ordered) else float("inf")

    def estimate(self, q: float) -> Estimate:
        """The quantile in seconds with its interval; None where it is never reached."""
        if not len(self.times_s):
            return Estimate(None)
        value = self.at(q)
        below = np.bincount(
            self.replication[self.times_s <= value], minlength=self.replications
        ).astype(np.float64)
        cases = np.bincount(self.replication, minlength=self.replications)
        _, error, df = ratio(below, cases)
        half = float(t_quantile(df) * error)
        if np.isnan(half):
            return Estimate(_finite(value))
        low = _finite(self.at(max(q - half, 0.0)))
        high = _finite(self.at(q + half)) if np.isfinite(value) else None
        return Estimate(_finite(value), low, high)

    @cached_property
    def resampled(self) -> Floats:
        """The quantiles of ``QUANTILES`` in each resample, f64[RESAMPLES, quantiles]."""
        of = self.replication[self._order]
        shares = np.array([q for _, q in QUANTILES])
        found = np.full((RESAMPLES, len(shares)), np.inf)
        for i, weight in enumerate(_weights(self.replications)):
            cumulated = np.cumsum(weight[of])
            if len(cumulated) and cumulated[-1]:
                found[i] = self._ordered[np.searchsorted(cumulated, shares * cumulated[-1])]
        return found


@lru_cache(maxsize=4)
def _weights(replications: int) -> Ints:
    """How often each replication is drawn, i64[RESAMPLES, R]."""
    rng = np.random.default_rng(_SEED)
    picks = rng.integers(0, replications, (RESAMPLES, replications))
    return np.stack([np.bincount(row, minlength=replications) for row in picks])


def quantile_differences(a: Times, b: Times) -> dict[str, Difference]:
    """Option a minus option b for each of ``QUANTILES``; None where one is never reached."""
    if not len(a.times_s):
        return {name: Difference(None) for name, _ in QUANTILES}
    if np.array_equal(a.times_s, b.times_s):
        return {name: Difference(0.0, 0.0, 0.0, 1.0, 1.0, "same") for name, _ in QUANTILES}
    return {name: _difference(a, b, k) for k, (name, _) in enumerate(QUANTILES)}


def _difference(a: Times, b: Times, k: int) -> Difference:
    q = QUANTILES[k][1]
    at_a, at_b, count = a.at(q), b.at(q), a.replications
    if not (np.isfinite(at_a) and np.isfinite(at_b)):
        return Difference(None)
    drawn_a, drawn_b = a.resampled[:, k], b.resampled[:, k]
    if count < 2 or not (np.isfinite(drawn_a).all() and np.isfinite(drawn_b).all()):
        return Difference(at_a - at_b)
    # The bootstrap divides by R, the t interval by R - 1.
    error = float((drawn_a - drawn_b).std(ddof=1)) * np.sqrt(count / (count - 1))
    return judged(at_a - at_b, error, count - 1)


def pair_counts(a: Floats, b: Floats) -> tuple[int, int, int]:
    """Arrests at which a came sooner, at the same moment (or both never), and later than b."""
    sooner, later = int((a < b).sum()), int((a > b).sum())
    return sooner, len(a) - sooner - later, later


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
