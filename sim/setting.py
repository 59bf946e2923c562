"""The place of a study as the simulator sees it: demand, AEDs, zones and ways to travel.

A region folder becomes a ``Setting`` by ``setting_from_region``; tests build small ones by hand.
It is read only and shared by all replications of one process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geo.aeds import AedTable
from geo.region import Region
from sim.driving import DriveTimes, RoadDrive, StraightDrive
from sim.errors import SettingError
from sim.modes import FOOT, ModalTravel
from sim.travel import NetworkTravel, Spots, Travel

if TYPE_CHECKING:
    from sim.sky import Sky

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Intervals = tuple[Ints, Floats]
"""Per AED ``first[n + 1]`` and the flat, sorted edges ``start, end, start, end, …`` (epoch s)."""


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
    invented: bool = False
    zone_of: Callable[[Floats, Floats], NDArray[np.integer]] | None = None
    drive: DriveTimes = field(default_factory=StraightDrive)  # of the fleet
    sky: Sky | None = None  # None: no drones
    # Which places (lat, lon) no alert reaches; None: the network is everywhere.
    no_signal: Callable[[Floats, Floats], NDArray[np.bool_]] | None = None

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


def setting_from_region(
    region: Region,
    *,
    population: float | None = None,
    invented: bool = False,
    modes: tuple[str, ...] = (FOOT,),
) -> Setting:
    """A region of ``geo.region``, with its public AEDs that a path leads to.

    ``population`` overrides the sum over the zones. ``modes``: how volunteers may come.

    Raises:
        SettingError: the region has no network on foot, or none for another mode.
    """
    network = region.networks.get("foot")
    if network is None:
        raise SettingError("region: it has no network on foot")
    travel: Travel = NetworkTravel(network)
    if modes != (FOOT,):
        travel = ModalTravel(region.networks, modes)
    zones = region.zones
    if population is None and zones is not None:
        population = float(zones.population.sum())
    return Setting(
        region_id=region.region_id,
        timezone=region.timezone,
        travel=travel,
        demand=travel.spots(region.demand.lat, region.demand.lon),
        demand_weight=np.asarray(region.demand.weight, dtype=np.float64),
        demand_zone=np.asarray(region.demand.zone, dtype=np.int64),
        aeds=_public_aeds(region.aeds, travel),
        population=population,
        zone_ids=() if zones is None else zones.ids,
        zone_decile=_no_ints() if zones is None else zones.deprivation_decile.astype(np.int64),
        invented=invented,
        zone_of=None if zones is None else zones.zone_of,
        drive=_drive(region),
    )


def _drive(region: Region) -> DriveTimes:
    """Over the region's roads where it has them for cars."""
    return RoadDrive(lambda: region.router("car")) if "car" in region.networks else StraightDrive()


def _public_aeds(table: AedTable, travel: Travel) -> Aeds:
    rows = np.flatnonzero(table.public & (table.positions.edge >= 0))

    def intervals(start_s: float, end_s: float) -> Intervals:
        first, edges = table.open_intervals(start_s, end_s)
        parts = [edges[first[row] : first[row + 1]] for row in rows]
        own = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in parts], out=own[1:])
        return own, np.concatenate([np.zeros(0), *parts])

    return Aeds(
        ids=table.ids[rows],
        spots=travel.spots(table.lat[rows], table.lon[rows]),
        hours_known=table.hours_known[rows],
        intervals=cache(intervals),
    )
