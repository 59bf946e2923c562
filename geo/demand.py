"""Where people are: points with weights, from buildings, streets and zones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.network import RoadNetwork
from geo.points import haversine_m
from geo.zones import ZoneTable

BUILDINGS_PER_JUNCTION = 0.2
"""With fewer buildings than this share of the junctions, buildings are not mapped (assumption)."""

COVERED_SHARE = 0.5
"""A zone belongs to the region when at least this share of its area lies in the convex hull of
the roads and it holds a place where people are (assumption); it then counts in full."""


@dataclass(frozen=True, eq=False)
class Demand:
    """D places. Weights are people where there are zones, else comparable only to each other."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    weight: NDArray[np.float64]
    zone: NDArray[np.int32]  # index into the zones, -1 for none
    home: NDArray[np.bool_]  # a home (or not known to be anything else)
    source: str  # "buildings" or "streets"

    def __len__(self) -> int:
        return len(self.lat)


@dataclass(frozen=True, eq=False)
class Places:
    """Where people could be, before zones are known."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    weight: NDArray[np.float64]
    home: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.lat)

    def joined(self, other: Places) -> Places:
        """Both, one after the other."""
        return Places(
            np.concatenate([self.lat, other.lat]),
            np.concatenate([self.lon, other.lon]),
            np.concatenate([self.weight, other.weight]),
            np.concatenate([self.home, other.home]),
        )

    def take(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> Places:
        """The chosen ones."""
        return Places(self.lat[index], self.lon[index], self.weight[index], self.home[index])


def street_places(network: RoadNetwork) -> Places:
    """Junctions and bends, each standing for half of the street length on either side of it."""
    ends = np.zeros(len(network.geom_lat), dtype=np.bool_)
    ends[network.geom_first[1:] - 1] = True
    start = np.flatnonzero(~ends)
    half_m = haversine_m(
        network.geom_lat[start],
        network.geom_lon[start],
        network.geom_lat[start + 1],
        network.geom_lon[start + 1],
    )
    half_m /= 2
    place, point = np.unique(network.geom_lat + 1j * network.geom_lon, return_inverse=True)
    weight = np.bincount(point[start], half_m, len(place)).astype(np.float64)
    weight += np.bincount(point[start + 1], half_m, len(place))
    return Places(place.real, place.imag, weight, np.ones(len(place), dtype=np.bool_))


def spread(
    buildings: Places, network: RoadNetwork, zones: ZoneTable | None
) -> tuple[Demand, ZoneTable | None, list[str]]:
    """Demand of the region, the zones that belong to it, and what a reader should know.

    Each zone's population is spread over its buildings by their weight, or along
    its streets where it has no buildings. Without zones the weights of the buildings stand.
    """
    warnings = []
    mapped = len(buildings) >= BUILDINGS_PER_JUNCTION * network.n_nodes
    source = "buildings" if mapped else "streets"
    if not mapped:
        warnings.append(
            f"only {len(buildings)} buildings for {network.n_nodes} junctions: people are spread "
            "along the streets instead"
        )
    streets = street_places(network)
    places = buildings if mapped else streets
    if zones is None:
        zone = np.full(len(places), -1, dtype=np.int32)
        return _demand(places, places.weight, zone, source), None, warnings

    zone = zones.zone_of(places.lat, places.lon)
    if mapped:
        street_zone = zones.zone_of(streets.lat, streets.lon)
        has_building = np.bincount(zone[zone >= 0], minlength=len(zones)) > 0
        lacking = (street_zone >= 0) & ~has_building[np.maximum(street_zone, 0)]
        places = places.joined(streets.take(lacking))
        zone = np.concatenate([zone, street_zone[lacking]])
    kept = _belonging(zones, network, zone)
    new_index = np.full(len(zones) + 1, -1, dtype=np.int32)
    new_index[kept] = np.arange(len(kept), dtype=np.int32)
    zone = new_index[zone]
    inside = zone >= 0
    region_zones = zones.take(kept)
    total = np.bincount(zone[inside], places.weight[inside], len(kept))
    share = places.weight[inside] / total[zone[inside]]
    weight = share * region_zones.population[zone[inside]]
    warnings += _zone_warnings(len(zones) - len(kept), int(np.count_nonzero(~inside)))
    return _demand(places.take(inside), weight, zone[inside], source), region_zones, warnings


def _zone_warnings(n_left_out: int, n_places_outside: int) -> list[str]:
    warnings = []
    if n_left_out:
        warnings.append(f"{n_left_out} zones lie mostly outside the region and were left out")
    if n_places_outside:
        warnings.append(f"{n_places_outside} places lie in no zone of the region: nobody is there")
    return warnings


def _demand(
    places: Places, weight: NDArray[np.float64], zone: NDArray[np.int32], source: str
) -> Demand:
    return Demand(places.lat, places.lon, weight, zone, places.home, source)


def _belonging(
    zones: ZoneTable, network: RoadNetwork, zone: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Indices of the zones that belong to the region."""
    import shapely  # noqa: PLC0415

    points = shapely.multipoints(np.stack([network.geom_lon, network.geom_lat], axis=1))
    hull = shapely.convex_hull(points)
    area = shapely.area(zones.polygons)
    covered = shapely.area(shapely.intersection(zones.polygons, hull))
    peopled = np.bincount(zone[zone >= 0], minlength=len(zones)) > 0
    return np.flatnonzero(peopled & (covered >= COVERED_SHARE * area) & (area > 0))
