"""Where the people of the remote district live, and the zones that count them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from scenarios.remote.plan import FARM_PEOPLE, ISLAND, POPULATION, TOWN, VILLAGES, Plan
from scenarios.town.joining import StreetMap
from scenarios.town.people import Buildings, Zones, houses_along, zone_centres, zones_about
from scenarios.town.plan import Floats, Kind

ZONE_PEOPLE = 800  # as the data zones of Scotland, 500 to 1,000; small villages are one zone
SETTLEMENTS = (TOWN, *VILLAGES, ISLAND)


@dataclass(frozen=True)
class People:
    """Houses ashore and on the island in one list, and the zones; the island is the last one."""

    houses: Buildings
    zones: Zones
    zone_names: tuple[str, ...]


def settle(plan: Plan, ashore: StreetMap, isle: StreetMap, rng: np.random.Generator) -> People:
    """Houses along the streets, as many homes in each place as the plan has people, and zones."""
    sea = shapely.difference(shapely.buffer(shapely.envelope(plan.shore), 500.0), plan.shore)
    rivers = [shapely.buffer(shapely.linestrings(line), 30.0) for _, line in plan.rivers]
    barriers = (sea, *rivers)
    mainland = houses_along(ashore, barriers, rng)
    island = houses_along(isle, barriers, rng)
    houses = _peopled(
        Buildings(
            np.concatenate([mainland.outlines, island.outlines]),
            np.concatenate([mainland.homes, island.homes]),
            mainland.kinds + island.kinds,
        )
    )
    seeds, names = _zone_seeds(houses, rng)
    reached = shapely.convex_hull(shapely.multipoints(ashore.points))
    shore = shapely.simplify(shapely.buffer(plan.land, 25.0), 20.0)
    land = shapely.union(shapely.intersection(shore, reached), shapely.simplify(plan.island, 5.0))
    zones = zones_about(seeds, houses, land, POPULATION, rng)
    return People(houses, zones, names)


def _zone_seeds(houses: Buildings, rng: np.random.Generator) -> tuple[Floats, tuple[str, ...]]:
    """Centres of the zones, (n, 2) in metres, and their names: each settlement has its own."""
    where = _settlement(houses)
    seeds, names = [], []
    for index, settlement in enumerate(SETTLEMENTS):
        mine = np.flatnonzero(where == index)
        kinds = tuple(houses.kinds[i] for i in mine.tolist())
        own = Buildings(houses.outlines[mine], houses.homes[mine], kinds)
        number = max(1, round(settlement.people / ZONE_PEOPLE))
        seeds.append(zone_centres(own, number, rng))
        names += (
            [settlement.name]
            if number == 1
            else [f"{settlement.name} {k + 1}" for k in range(number)]
        )
    return np.vstack(seeds), tuple(names)


def _settlement(houses: Buildings) -> NDArray[np.int64]:
    """Index of the settlement that each house belongs to; farms ashore have the number after."""
    places = np.array([settlement.place for settlement in SETTLEMENTS])
    gap = houses.centres[:, None, :] - places[None, :, :]
    where = np.asarray(np.argmin((gap**2).sum(axis=2), axis=1), dtype=np.int64)
    farm = np.array([kind == Kind.FARM for kind in houses.kinds])
    where[farm & (where != SETTLEMENTS.index(ISLAND))] = len(SETTLEMENTS)
    return where


def _peopled(houses: Buildings) -> Buildings:
    """Homes scaled so that each settlement, and the farms together, have their people."""
    where = _settlement(houses)
    people = np.array([*(settlement.people for settlement in SETTLEMENTS), FARM_PEOPLE])
    homes = np.bincount(where, houses.homes, len(people))
    return replace(houses, homes=houses.homes * (people / np.maximum(homes, 1e-9))[where])
