"""The place of a study as the simulator sees it: demand, AEDs, zones and ways to travel.

A region folder becomes a ``Setting`` by ``setting_from_region``; tests build small ones by hand.
It is read only and shared by all replications of one process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.travel import Spots, Travel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Intervals = tuple[Ints, Floats]
"""Per AED ``first[n + 1]`` and the flat, sorted edges ``start, end, start, end, …`` (epoch s)."""


def _no_floats() -> Floats:
    return np.zeros(0)


def _no_ints() -> Ints:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Aeds:
    """The public AEDs, row i being AED index i; ``ids`` are what the core and the records see.

    ``hours_known[i]``: its opening hours were stated and understood. ``intervals(start_s, end_s)``
    gives the open intervals of all AEDs in that span.
    """

    ids: Ints
    spots: Spots
    hours_known: NDArray[np.bool_]
    intervals: Callable[[float, float], Intervals]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Setting:
    """One region. Demand arrays have one element per point; zone arrays one per zone.

    ``demand_zone``: index into the zones, -1 for none. ``zone_decile``: 1 most deprived … 10, -1
    where unknown. ``invented``: AEDs or people are synthetic, and the report says so.
    """

    region_id: str
    timezone: str
    travel: Travel
    demand: Spots
    demand_weight: Floats
    demand_zone: Ints
    aeds: Aeds
    population: float | None = None
    zone_ids: tuple[str, ...] = ()
    zone_decile: Ints = field(default_factory=_no_ints)
    zone_population: Floats = field(default_factory=_no_floats)
    invented: bool = False
    zone_of: Callable[[Floats, Floats], Ints] | None = None

    @property
    def demand_lat(self) -> Floats:
        """Latitude of each demand point, degrees."""
        return self.demand.lat

    @property
    def demand_lon(self) -> Floats:
        """Longitude of each demand point, degrees."""
        return self.demand.lon


def no_aeds(travel: Travel) -> Aeds:
    """An empty list of AEDs."""
    nothing = np.zeros(0)
    return Aeds(_no_ints(), travel.spots(nothing, nothing), np.zeros(0, np.bool_), _never)


def always_open(travel: Travel, lat: Floats, lon: Floats) -> Aeds:
    """AEDs at these places, numbered 0, 1, 2 …, open day and night."""
    n = len(lat)

    def intervals(start_s: float, end_s: float) -> Intervals:
        return np.arange(n + 1) * 2, np.tile([start_s, end_s], n)

    return Aeds(np.arange(n), travel.spots(lat, lon), np.ones(n, np.bool_), intervals)


def _never(start_s: float, end_s: float) -> Intervals:  # noqa: ARG001 - one face for all
    return np.zeros(1, dtype=np.int64), np.zeros(0)


def open_at(
    intervals: Intervals, hours_known: NDArray[np.bool_], at_s: Floats, unknown: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Open as far as the hours say: ``[moment, AED]``.

    ``unknown[i]``: what an AED with unknown hours counts as at moment i.
    """
    first, edges = intervals
    out = np.empty((len(at_s), len(hours_known)), dtype=np.bool_)
    for aed in range(len(hours_known)):
        if not hours_known[aed]:
            out[:, aed] = unknown
            continue
        own = edges[first[aed] : first[aed + 1]]
        out[:, aed] = np.searchsorted(own, at_s, side="right") % 2 == 1
    return out
