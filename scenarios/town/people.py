"""Houses along the streets, drives to them, and the zones of the people who live there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from scenarios.town.joining import StreetMap
from scenarios.town.plan import HALF_SIDE_M, Floats, Geometry, Kind, Plan
from scenarios.town.streets import Street, airfield, river_water

POPULATION = 236_000
N_ZONES = 156  # about 1,500 people each, as the lower-layer areas of England and Wales
DECILES = 10


class Block(NamedTuple):
    """How houses of one kind stand: sizes in metres, homes in one outline, storeys."""

    front_m: float
    depth_m: float
    pitch_m: float  # from one outline to the next along the street
    setback_m: float  # street line to front
    homes: float
    levels: int
    tag: str


BLOCKS = {
    Kind.OLD_TOWN: Block(24, 12, 31, 8, 9, 3, "apartments"),
    Kind.TERRACES: Block(46, 9, 58, 7, 9, 2, "terrace"),
    Kind.BETWEEN_WARS: Block(30, 10, 48, 11, 4, 2, "semidetached_house"),
    Kind.ESTATE: Block(34, 11, 52, 10, 4, 2, "residential"),
    Kind.TOWERS: Block(42, 16, 84, 14, 42, 9, "apartments"),
    Kind.INDUSTRY: Block(60, 34, 96, 14, 0, 1, "industrial"),
    Kind.VILLAGE: Block(22, 10, 50, 12, 2.4, 2, "house"),
    Kind.FARM: Block(18, 11, 290, 15, 1.2, 2, "farm"),
}
DRIVE_PITCH_M = {Kind.ESTATE: 62.0, Kind.BETWEEN_WARS: 74.0, Kind.VILLAGE: 95.0, Kind.TOWERS: 110.0}

# How well off a kind of district is, in arbitrary units; only the order of zones is used.
_WEALTH = {
    Kind.TOWERS: -2.0,
    Kind.TERRACES: -0.7,
    Kind.INDUSTRY: -1.2,
    Kind.OLD_TOWN: -0.1,
    Kind.BETWEEN_WARS: 0.3,
    Kind.ESTATE: 0.7,
    Kind.VILLAGE: 1.1,
    Kind.FARM: 0.4,
}
_RURAL = (Kind.VILLAGE, Kind.FARM)


@dataclass(frozen=True)
class Buildings:
    """Outlines (closed rings of 5 points), homes and the kind of the district, by building."""

    outlines: Floats  # (n, 5, 2) in metres
    homes: Floats
    kinds: tuple[Kind, ...]

    @property
    def centres(self) -> Floats:
        """Middle of each outline, (n, 2) in metres."""
        return np.asarray(self.outlines[:, :4].mean(axis=1))


@dataclass(frozen=True)
class Zones:
    """Small areas: polygons in metres, people, deprivation (1 = most deprived tenth), class."""

    shapes: NDArray[np.object_]
    population: NDArray[np.int64]
    deprivation_decile: NDArray[np.int64]
    urban: NDArray[np.bool_]


def drives(streets: list[Street], rng: np.random.Generator) -> list[Street]:
    """Short ways to the houses, alternately left and right."""
    tags = {"highway": "service", "service": "driveway"}
    found = []
    for street in streets:
        pitch = DRIVE_PITCH_M.get(street.kind) if street.kind else None
        if pitch is None or street.tags["highway"] == "track":
            continue
        places, headings = _stations(np.array([shapely.linestrings(street.points)]), pitch)[1:]
        for number, (place, heading) in enumerate(zip(places, headings, strict=True)):
            out = np.array([-heading[1], heading[0]]) * (1 if number % 2 else -1)
            length = rng.uniform(19.0, 31.0)
            found.append(Street(np.array([place - out * 1.5, place + out * length]), tags))
    return found


def build_houses(streets: StreetMap, plan: Plan, rng: np.random.Generator) -> Buildings:
    """The town's houses, clear of streets, water, tracks and each other."""
    rail = shapely.buffer(shapely.linestrings(plan.railway), 18.0)
    return houses_along(streets, (river_water(plan), rail, airfield(plan)), rng)


def houses_along(
    streets: StreetMap, barriers: Iterable[Geometry], rng: np.random.Generator
) -> Buildings:
    """Houses on both sides of the streets, clear of streets, barriers and each other."""
    lines = shapely.linestrings(
        streets.points[np.concatenate([way.nodes for way in streets.ways])],
        indices=np.repeat(np.arange(len(streets.ways)), [len(way.nodes) for way in streets.ways]),
    )
    outlines, homes, kinds = [], [], []
    for kind, block in BLOCKS.items():
        along = [i for i, way in enumerate(streets.ways) if way.kind == kind]
        rings = _rectangles(lines[along], block)
        outlines.append(rings)
        homes.append(block.homes * rng.uniform(0.75, 1.25, len(rings)))
        kinds += [kind] * len(rings)
    rings, home = np.concatenate(outlines), np.concatenate(homes)
    kept = _clear(rings, lines, barriers)
    return Buildings(rings[kept], home[kept], tuple(kinds[i] for i in kept.tolist()))


def make_zones(buildings: Buildings, streets: StreetMap, rng: np.random.Generator) -> Zones:
    """Zones of about equal population that tile the land within the streets' convex hull."""
    seeds = zone_centres(buildings, N_ZONES, rng)
    square: Geometry = shapely.box(-HALF_SIDE_M, -HALF_SIDE_M, HALF_SIDE_M, HALF_SIDE_M)
    land = shapely.intersection(square, shapely.convex_hull(shapely.multipoints(streets.points)))
    return zones_about(seeds, buildings, land, POPULATION, rng)


def zones_about(
    seeds: Floats, buildings: Buildings, land: Geometry, population: int, rng: np.random.Generator
) -> Zones:
    """The land divided between the seeds, (n, 2) in metres, each with the people nearest to it.

    Deprivation follows what stands in a zone, with some noise.
    """
    n_zones = len(seeds)
    zone, homes = _nearest(buildings.centres, seeds), buildings.homes
    weight = np.bincount(zone, homes, n_zones)
    safe = np.maximum(weight, 1e-9)
    wealth = np.bincount(zone, homes * [_WEALTH[kind] for kind in buildings.kinds], n_zones) / safe
    rank = np.argsort(np.argsort(wealth + rng.normal(0, 0.45, n_zones), kind="stable"))
    rural_home = np.array([kind in _RURAL for kind in buildings.kinds])
    rural = np.bincount(zone, homes * rural_home, n_zones) > 0.5 * weight
    return Zones(
        shapes=_cells(seeds, land),
        population=np.round(weight / weight.sum() * population).astype(np.int64),
        deprivation_decile=(rank * DECILES // n_zones + 1).astype(np.int64),
        urban=~rural,
    )


def zone_centres(buildings: Buildings, n_zones: int, rng: np.random.Generator) -> Floats:
    """Centres of clusters of homes (Lloyd's algorithm), from north to south in rows."""
    centres, homes = buildings.centres, buildings.homes
    seeds = centres[rng.choice(len(centres), n_zones, replace=False, p=homes / homes.sum())]
    for _ in range(6):
        zone = _nearest(centres, seeds)
        weight = np.bincount(zone, homes, n_zones)
        for axis in range(2):
            total = np.bincount(zone, homes * centres[:, axis], n_zones)
            seeds[:, axis] = np.where(weight > 0, total / np.maximum(weight, 1e-9), seeds[:, axis])
    return np.asarray(seeds[np.lexsort((seeds[:, 0], -np.round(seeds[:, 1] / 800.0)))])


def _stations(lines: NDArray[np.object_], pitch: float) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Line index, place and heading of points every ``pitch`` metres, ends left free."""
    lengths = shapely.length(lines)
    counts = np.maximum(0, ((lengths - 0.3 * pitch) / pitch).astype(np.int64))
    line = np.repeat(np.arange(len(lines)), counts)
    number = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
    along = (number + 0.65) * pitch
    places = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], along))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], along + 3.0))
    heading = ahead - places
    size = np.hypot(*heading.T)
    good = size > 0.5
    return line[good], places[good], heading[good] / size[good, None]


def _rectangles(lines: NDArray[np.object_], block: Block) -> Floats:
    """Outlines on both sides of the lines, (n, 5, 2)."""
    if not len(lines):
        return np.zeros((0, 5, 2))
    _, places, heading = _stations(lines, block.pitch_m)
    out = np.column_stack([-heading[:, 1], heading[:, 0]])
    rings = []
    for side in (1.0, -1.0):
        front = places + side * out * block.setback_m
        back = front + side * out * block.depth_m
        half = heading * block.front_m / 2
        corners = [front - half, front + half, back + half, back - half, front - half]
        rings.append(np.stack(corners, axis=1))
    return np.concatenate(rings)


def _clear(
    rings: Floats, lines: NDArray[np.object_], barriers: Iterable[Geometry]
) -> NDArray[np.int64]:
    """Indices of the outlines that stand free."""
    shapes = shapely.polygons(rings)
    blocked = np.zeros(len(shapes), dtype=bool)
    blocked[shapely.STRtree(shapes).query(lines, predicate="intersects")[1]] = True
    for shape in barriers:
        shapely.prepare(shape)
        blocked |= shapely.intersects(shape, shapes)
    free = np.flatnonzero(~blocked)
    first, second = shapely.STRtree(shapes[free]).query(shapes[free], predicate="intersects")
    taken = np.zeros(len(free), dtype=bool)
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        if one < other and not taken[one]:
            taken[other] = True
    return free[~taken]


def _nearest(points: Floats, seeds: Floats) -> NDArray[np.int64]:
    tree = shapely.STRtree(shapely.points(seeds))
    return np.asarray(tree.nearest(shapely.points(points)), dtype=np.int64)


def _cells(seeds: Floats, land: Geometry) -> NDArray[np.object_]:
    """The Voronoi cell of each seed inside the land."""
    points = shapely.multipoints(seeds)
    frame = shapely.envelope(land)
    cells = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=frame))
    tree = shapely.STRtree(cells)
    of_seed, cell = tree.query(shapely.points(seeds), predicate="intersects")
    ordered = cells[cell[np.unique(of_seed, return_index=True)[1]]]
    return np.asarray(shapely.intersection(ordered, land))
