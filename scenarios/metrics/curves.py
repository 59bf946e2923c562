"""Cumulative curves of times that may never come.

A curve is the share of *all* arrests with ``T <= t``: an arrest that nobody reached stays in the
denominator for ever. Its band is the pointwise 95 % interval over replications.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from scenarios.metrics.intervals import ratio, t_quantile
from scenarios.metrics.panel import Floats, Ints

STEP_S = 15.0
END_S = 1800.0
GRID_S = np.arange(0.0, END_S + STEP_S, STEP_S)


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


def _plain(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(v), 5) for v in values)


def _open(values: Floats) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(v) else round(float(v), 5) for v in values)
