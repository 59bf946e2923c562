"""Demand fitted to observed arrests: hours of the day, places, and how well it fits.

Hours: counts by local hour, smoothed over the neighbouring hours with weights 1/4, 1/2, 1/4.

Places: a relative risk times the region's own demand weights, so that arrests still happen at
buildings. By zones, risk is ``(a + k) / (e + k)`` with observed ``a``, expected ``e`` and ``k``
from the method of moments (Marshall, Applied Statistics 1991;40:283): zones with few arrests keep
close to the mean. By kernel density, risk is the ratio of two Gaussian densities of one bandwidth,
arrests over demand (Kelsall & Diggle, Statistics in Medicine 1995;14:2335), each with ``PRIOR``
arrests added so that it stays finite where nobody was counted.

Fit: every other arrest in order of time is held back; the model is fitted to the rest and both it
and the unfitted one are tested on what was held back (Pearson's chi-square), so that a fit that
only repeats its own data does not look good. The rescaled gaps of all arrests are tested against
the unit exponential (Kolmogorov-Smirnov; Brown et al., Neural Computation 2002;14:325).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from geo.points import EARTH_RADIUS_M

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Space = Literal["zones", "kde", "none"]

HOURS = 24
FEWEST_ROWS = 24  # below this nothing is fitted: one arrest per hour of the day
PRIOR = 1.0  # arrests
EXPECTED_PER_CLASS = 5.0  # classes of a chi-square test are merged up to this expectation
CELLS_PER_BANDWIDTH = 4
DAY_S = 86_400.0


class ChiSquare(Struct, frozen=True):
    """Pearson's test of held-back arrests; ``None`` where fewer than two classes are left."""

    statistic: float | None
    degrees: int
    p: float | None


class FitTest(Struct, frozen=True):
    """The fitted model and the unfitted one against the same held-back arrests."""

    fitted: ChiSquare
    unfitted: ChiSquare


class DemandFit(Struct, frozen=True, kw_only=True):
    """What was fitted, from how much, and how well."""

    source: str
    arrests: int
    held_back: int
    space: Space
    bandwidth_m: float | None
    per_100k_year: float | None  # None: the scenario's own rate was kept
    hours: FitTest
    places: FitTest | None  # None: places were not fitted
    gaps_ks_distance: float | None
    gaps_ks_p: float | None
    sentence: str


@dataclass(frozen=True, eq=False)
class Observed:
    """Arrests that were seen; one element each, in order of time."""

    at_s: Floats  # UTC epoch seconds
    hour: Ints  # local hour 0..23
    lat: Floats
    lon: Floats


@dataclass(frozen=True, eq=False)
class People:
    """Where demand is: points with weight and zone index (-1: none)."""

    lat: Floats
    lon: Floats
    weight: Floats
    zone: Ints
    zones: int  # how many


def smoothed_hours(hour: Ints) -> Floats:
    """Share of the arrests by local hour, f64[24], smoothed over the circle of the day."""
    counts = np.bincount(hour, minlength=HOURS).astype(np.float64)
    smooth = 0.5 * counts + 0.25 * (np.roll(counts, 1) + np.roll(counts, -1))
    return np.asarray(smooth / smooth.sum())


def zone_weights(people: People, zone: Ints) -> Floats:
    """Demand weights raised or lowered zone by zone; ``zone``: zone index of each arrest."""
    base = np.bincount(people.zone + 1, people.weight, people.zones + 1)
    seen = np.bincount(zone + 1, minlength=people.zones + 1).astype(np.float64)
    expected = base / base.sum() * seen.sum()
    k = shrinkage(seen, expected)
    risk = np.divide(seen + k, expected + k, out=np.zeros_like(seen), where=expected > 0)
    return np.asarray(people.weight * risk[people.zone + 1])


def shrinkage(seen: Floats, expected: Floats) -> float:
    """Prior arrests per zone, by the method of moments (Marshall 1991); large: all zones alike."""
    used = expected > 0
    total, zones = expected[used].sum(), int(used.sum())
    if zones < 2 or total <= 0:
        return 1e9
    ratio = seen[used] / expected[used]
    spread = (expected[used] * (ratio - 1.0) ** 2).sum() / total
    between = spread - 1.0 / (total / zones)  # what is left above Poisson noise
    return float(min(1e9, 1.0 / between)) if between > 1e-9 else 1e9


def kernel_weights(people: People, lat: Floats, lon: Floats, bandwidth_m: float) -> Floats:
    """Demand weights times the ratio of the kernel densities of arrests and of demand."""
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415 - heavy

    frame = _Frame.around(people, bandwidth_m)
    at_people = frame.cell(people.lat, people.lon)
    base = frame.grid(at_people, people.weight)
    seen = frame.grid(frame.cell(lat, lon), np.ones(len(lat)))
    total = people.weight.sum()
    smooth_base, smooth_seen = (
        gaussian_filter(grid, CELLS_PER_BANDWIDTH, mode="constant", truncate=4.0)
        for grid in (base, seen)
    )
    # From a density per cell to a number within the kernel: its effective area in cells.
    area = 4.0 * np.pi * CELLS_PER_BANDWIDTH**2
    expected = np.maximum(smooth_base, 0.0) * (len(lat) / total) * area
    risk = (np.maximum(smooth_seen, 0.0) * area + PRIOR) / (expected + PRIOR)
    return np.asarray(people.weight * risk[at_people])


@dataclass(frozen=True)
class _Frame:
    """A grid over the demand, cells of a fraction of the bandwidth."""

    south: float
    west: float
    step_lat: float
    step_lon: float
    rows: int
    columns: int

    @classmethod
    def around(cls, people: People, bandwidth_m: float) -> _Frame:
        step = float(np.degrees(bandwidth_m / CELLS_PER_BANDWIDTH / EARTH_RADIUS_M))
        step_lon = step / float(np.cos(np.radians(people.lat.mean())))
        margin = 2 * CELLS_PER_BANDWIDTH
        south = float(people.lat.min()) - margin * step
        west = float(people.lon.min()) - margin * step_lon
        rows = int((people.lat.max() - south) / step) + margin + 1
        columns = int((people.lon.max() - west) / step_lon) + margin + 1
        return cls(south, west, step, step_lon, rows, columns)

    def cell(self, lat: Floats, lon: Floats) -> tuple[Ints, Ints]:
        row = np.clip(((lat - self.south) / self.step_lat).astype(np.int64), 0, self.rows - 1)
        column = ((lon - self.west) / self.step_lon).astype(np.int64)
        return row, np.clip(column, 0, self.columns - 1)

    def grid(self, cell: tuple[Ints, Ints], weight: Floats) -> Floats:
        made = np.zeros((self.rows, self.columns))
        np.add.at(made, cell, weight)
        return made


def chi_square(seen: Floats, share: Floats) -> ChiSquare:
    """Pearson's test of counts [n] against shares [n]; small classes are merged in order."""
    from scipy.special import chdtrc  # noqa: PLC0415 - heavy

    expected = share / share.sum() * seen.sum()
    merged = _merged(seen, expected)
    degrees = len(merged) - 1
    if degrees < 1:
        return ChiSquare(None, 0, None)
    statistic = sum((a - e) ** 2 / e for a, e in merged)
    return ChiSquare(float(statistic), degrees, float(chdtrc(degrees, statistic)))


def _merged(seen: Floats, expected: Floats) -> list[tuple[float, float]]:
    classes: list[tuple[float, float]] = []
    a = e = 0.0
    for one_seen, one_expected in zip(seen.tolist(), expected.tolist(), strict=True):
        a, e = a + one_seen, e + one_expected
        if e >= EXPECTED_PER_CLASS:
            classes.append((a, e))
            a = e = 0.0
    if classes and (a or e):
        last = classes.pop()
        classes.append((last[0] + a, last[1] + e))
    return classes


def hours_test(hour: Ints, unfitted: Floats) -> FitTest:
    """Hours fitted to every other arrest, tested on the rest; ``unfitted``: shares without it."""
    held = np.bincount(hour[1::2], minlength=HOURS).astype(np.float64)
    return FitTest(chi_square(held, smoothed_hours(hour[::2])), chi_square(held, unfitted))


def places_test(fitted: Floats, unfitted: Floats, group: Ints, held: Ints) -> FitTest:
    """Arrests held back, by group, against two sets of demand weights.

    ``group``: group of each demand point; ``held``: group of each arrest held back.
    """
    groups = int(group.max()) + 1
    seen = np.bincount(held, minlength=groups).astype(np.float64)
    shares = (np.bincount(group, w, groups).astype(np.float64) for w in (fitted, unfitted))
    first, second = (chi_square(seen, share) for share in shares)
    return FitTest(first, second)


def rescaled_gaps(observed: Observed, hour_shares: Floats) -> tuple[float | None, float | None]:
    """KS distance and p of the gaps in rescaled time against the unit exponential.

    Time runs at the rate of the local hour of each arrest's own day; the overall rate is the
    observed one, which makes p a little too large (Lilliefors).
    """
    if len(observed.at_s) < FEWEST_ROWS:
        return None, None
    from scipy.stats import kstest  # noqa: PLC0415 - heavy

    cumulated = np.concatenate(([0.0], np.cumsum(hour_shares / hour_shares.sum())))
    offset_s = observed.hour * 3600.0 + observed.at_s % 3600.0
    day = np.floor((observed.at_s - offset_s) / DAY_S + 0.5)
    of_day = np.interp(offset_s / 3600.0, np.arange(HOURS + 1.0), cumulated)
    gaps = np.maximum(np.diff(day + of_day), 0.0)
    found = kstest(gaps / gaps.mean(), "expon")
    return float(found.statistic), float(found.pvalue)
