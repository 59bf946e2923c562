"""The plan of the remote district: coast, island, rivers, settlements and the roads between them.

Everything is in metres on a flat plane, x east and y north, origin in the market place of Skerrow;
tables are in kilometres. The sea lies west and south, the hills north, the next town east.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import shapely

from scenarios.town.plan import SQUARE_M, District, Floats, Geometry, Kind, Road, curve, sampled

KM = 1000.0
EAST_EDGE_KM = 33.4
NORTH_EDGE_KM = 26.6
ROAD_BANK_M = 130.0  # main roads have this much land on both sides, whatever the sea did
PEOPLE_PER_KM2 = 1_500.0  # of a village (assumption)


class Settlement(NamedTuple):
    """A town or village: where, and how many people live there."""

    name: str
    x_km: float
    y_km: float
    people: int

    @property
    def place(self) -> Floats:
        """Middle of it, in metres."""
        return np.array([self.x_km, self.y_km]) * KM

    @property
    def radius_m(self) -> float:
        """How far its houses reach."""
        return float(KM * np.sqrt(self.people / PEOPLE_PER_KM2 / np.pi))


TOWN = Settlement("Skerrow", 0.0, 0.0, 9_000)
ISLAND = Settlement("Oskerry", -9.35, -10.35, 410)
VILLAGES = (
    Settlement("Farholt", 31.8, 3.3, 2_400),
    Settlement("Dunmarrow", 18.3, 0.7, 1_500),
    Settlement("Carnbridge", -11.7, 7.3, 1_300),
    Settlement("Garrowhead", -20.4, 8.2, 1_100),
    Settlement("Hallowmere", 24.2, 2.3, 900),
    Settlement("Lunnick", 6.4, 2.7, 800),
    Settlement("Northquay", -20.7, 22.4, 750),
    Settlement("Tollavane", -19.9, 15.2, 650),
    Settlement("Marrick Cove", 8.4, -5.0, 620),
    Settlement("Innerskell", -7.8, 2.1, 600),
    Settlement("Hookness", -6.0, -2.3, 540),
    Settlement("Corvane", 4.0, 8.6, 520),
    Settlement("Brennock", -12.2, 12.3, 480),
    Settlement("Fenwater", 19.4, 6.3, 450),
    Settlement("Quillan", 13.4, -3.5, 420),
    Settlement("Lantern Point", 25.6, -8.4, 380),
    Settlement("Stellarig", 5.0, 21.6, 300),
    Settlement("Marrowhead", 20.4, 20.4, 280),
    Settlement("Upper Brenn", -15.0, 23.2, 260),
)
FARM_PEOPLE = 1_800  # on scattered farms
POPULATION = TOWN.people + ISLAND.people + FARM_PEOPLE + sum(v.people for v in VILLAGES)

_COAST_KM = (
    (-21.2, 26.6), (-22.3, 24.6), (-22.0, 21.4), (-20.2, 18.2), (-22.7, 14.4), (-20.9, 11.0),
    (-22.3, 7.6), (-23.9, 3.9), (-19.7, 2.0), (-16.2, 2.6), (-13.6, 1.2), (-11.2, 0.6),
    (-7.7, -2.4), (-5.1, -4.3), (-2.6, -1.8), (-0.7, -0.95), (0.6, -0.9), (1.2, -2.2),
    (2.9, -2.3), (6.4, -4.8), (8.9, -7.1), (11.9, -4.8), (14.4, -5.2), (16.4, -5.9),
    (18.6, -6.0), (22.5, -7.9), (25.9, -10.6), (28.5, -8.6), (33.4, -10.4),
)  # fmt: skip
_ISLAND_KM = (
    (-11.6, -10.6), (-11.9, -11.8), (-10.6, -12.9), (-8.9, -12.3), (-8.0, -11.2), (-8.5, -10.0),
    (-9.9, -9.6), (-11.6, -10.6),
)  # fmt: skip
_ISLAND_ROAD_KM = ((-8.3, -10.05), (-8.9, -10.2), (-9.35, -10.35), (-9.8, -11.2), (-10.7, -12.6))


class Valley(NamedTuple):
    """A river from its spring to the head of its inlet, and the inlet to the open sea."""

    river: str
    river_km: tuple[tuple[float, float], ...]
    inlet_km: tuple[tuple[float, float], ...]
    mouth_m: float


VALLEYS = (
    Valley("River Brenn", ((-14.2, 26.2), (-14.3, 22.0), (-13.0, 17.0), (-13.6, 13.0),
           (-11.6, 9.5), (-12.2, 6.6)), ((-12.2, 6.6), (-12.6, 4.2), (-12.6, 1.6), (-13.2, -0.8)),
           900.0),
    Valley("River Skell", ((6.6, 25.8), (6.1, 20.5), (4.5, 16.0), (3.3, 13.0), (3.2, 7.0),
           (2.1, 3.3)),
           ((2.1, 3.3), (1.9, 1.4), (1.55, -0.4), (2.1, -3.2)), 760.0),
    Valley("River Marrow", ((21.4, 25.4), (19.4, 17.0), (18.8, 11.0), (20.2, 5.0), (17.6, -0.6)),
           ((17.6, -0.6), (18.1, -2.4), (17.4, -4.4), (17.5, -7.0)), 1_000.0),
)  # fmt: skip

_MAIN = {"highway": "primary", "name": "Farholt Road"}
_COASTAL = {"highway": "secondary", "name": "Coast Road"}


def _lane(name: str) -> dict[str, str]:
    return {"highway": "tertiary", "name": name}


# Ends are settlements or crossroads; between them bends in kilometres.
CROSSROADS = {
    "bridge": (2.5, 4.0),
    "Quillan turn": (11.6, 1.6),
    "Sands turn": (-16.2, 5.9),
}
_ROADS: tuple[tuple[dict[str, str], str, tuple[tuple[float, float], ...], str], ...] = (
    (_MAIN, "Skerrow", ((0.5, 1.1), (0.7, 2.4)), "bridge"),
    (_MAIN, "bridge", ((4.4, 4.0), (5.2, 2.7)), "Lunnick"),
    (_MAIN, "Lunnick", ((8.4, 2.9), (9.7, 1.4)), "Quillan turn"),
    (_MAIN, "Quillan turn", ((13.8, 1.9), (15.6, 0.5)), "Dunmarrow"),
    (_MAIN, "Dunmarrow", ((20.4, 0.9), (22.0, 2.6)), "Hallowmere"),
    (_MAIN, "Hallowmere", ((26.8, 1.9), (29.2, 3.7)), "Farholt"),
    (_COASTAL, "Skerrow", ((-1.4, 0.6), (-3.1, 0.4), (-5.8, 2.3)), "Innerskell"),
    (_COASTAL, "Innerskell", ((-9.6, 2.4), (-9.8, 5.4), (-10.6, 7.0)), "Carnbridge"),
    (_COASTAL, "Carnbridge", ((-13.4, 7.7), (-14.6, 5.6)), "Sands turn"),
    (_COASTAL, "Sands turn", ((-17.9, 6.3), (-19.0, 7.2)), "Garrowhead"),
    (_COASTAL, "Garrowhead", ((-18.6, 9.4), (-18.7, 12.6)), "Tollavane"),
    (_COASTAL, "Tollavane", ((-18.4, 17.0), (-18.4, 20.4)), "Northquay"),
    (_lane("Brenn Valley Road"), "Carnbridge", ((-12.6, 9.6), (-13.2, 10.9)), "Brennock"),
    (
        _lane("Brenn Valley Road"),
        "Brennock",
        ((-14.6, 14.8), (-13.6, 18.6), (-15.6, 20.6)),
        "Upper Brenn",
    ),
    (_lane("Skell Valley Road"), "bridge", ((3.8, 5.6), (2.9, 7.0)), "Corvane"),
    (_lane("Skell Valley Road"), "Corvane", ((4.4, 11.4), (2.3, 14.4), (4.9, 17.6)), "Stellarig"),
    (_lane("Marrow Valley Road"), "Dunmarrow", ((19.8, 2.4), (18.6, 4.4)), "Fenwater"),
    (
        _lane("Marrow Valley Road"),
        "Fenwater",
        ((17.6, 9.6), (18.4, 13.6), (20.9, 16.0)),
        "Marrowhead",
    ),
    (_lane("Cove Road"), "Lunnick", ((7.7, 0.6), (6.9, -2.2)), "Marrick Cove"),
    (_lane("Quillan Lane"), "Quillan turn", ((12.9, -0.2), (12.6, -2.0)), "Quillan"),
    (_lane("Cliff Lane"), "Marrick Cove", ((10.0, -3.4), (11.6, -2.7)), "Quillan"),
    (_lane("Lighthouse Road"), "Hallowmere", ((25.4, -0.8), (24.0, -4.2)), "Lantern Point"),
    (_lane("Hook Lane"), "Innerskell", ((-7.2, 0.4), (-6.4, -0.6)), "Hookness"),
)


@dataclass(frozen=True)
class Plan:
    """All that the streets are drawn from. ``land``: the mainland; ``island``: the other."""

    land: Geometry
    island: Geometry
    coast: Floats  # the mainland's, from north-west to south-east
    roads: tuple[Road, ...]
    island_road: Road
    districts: tuple[District, ...]
    island_district: District
    rivers: tuple[tuple[str, Floats], ...]

    @property
    def shore(self) -> Geometry:
        """All land."""
        return shapely.union(self.land, self.island)


def make_plan(rng: np.random.Generator) -> Plan:
    """The plan of one seed: the tables above, with a coast that the sea has worked on."""
    roads = _main_roads()
    coast = _ragged(np.array(_COAST_KM) * KM, rng, rounds=7)
    frame = np.array([(EAST_EDGE_KM, NORTH_EDGE_KM), _COAST_KM[0]]) * KM
    land = shapely.make_valid(shapely.polygons(np.vstack([coast, frame])))
    inlets = [_inlet(valley, rng) for valley in VALLEYS]
    land = shapely.difference(land, shapely.union_all(inlets))
    banks = [shapely.buffer(shapely.linestrings(road.points), ROAD_BANK_M) for road in roads]
    land = _largest(shapely.union_all([land, *banks]))
    island = shapely.make_valid(shapely.polygons(_ragged(np.array(_ISLAND_KM) * KM, rng, rounds=5)))
    rivers = [
        (valley.river, _ragged(curve(np.array(valley.river_km) * KM), rng, rounds=1))
        for valley in VALLEYS
    ]
    pier_to_beacon = np.array(_ISLAND_ROAD_KM) * KM
    return Plan(
        land=land,
        island=_largest(island),
        coast=_coastline(land),
        roads=tuple(roads),
        island_road=Road(curve(pier_to_beacon), _lane("Beacon Road")),
        districts=(*_town_districts(rng), *(_village(v, rng) for v in VILLAGES)),
        island_district=_village(ISLAND, rng),
        rivers=tuple(rivers),
    )


def _main_roads() -> list[Road]:
    places = {s.name: (s.x_km, s.y_km) for s in (TOWN, *VILLAGES)} | CROSSROADS
    roads = []
    for tags, start, bends, end in _ROADS:
        corners = np.array([places[start], *bends, places[end]]) * KM
        if start == TOWN.name:
            corners[0] = (corners[1] - corners[0]) / np.hypot(*corners[1]) * SQUARE_M
        roads.append(Road(sampled(curve(corners)), tags, bridges=True))
    return roads


def _ragged(line: Floats, rng: np.random.Generator, *, rounds: int) -> Floats:
    """Midpoint displacement: each round halves the pieces and pushes their middles aside."""
    for _ in range(rounds):
        step = np.diff(line, axis=0)
        across = np.column_stack([-step[:, 1], step[:, 0]])
        push = rng.normal(0.0, 0.15, len(step)).clip(-0.3, 0.3)
        middle = (line[:-1] + line[1:]) / 2 + across * push[:, None]
        both = np.empty((2 * len(line) - 1, 2))
        both[0::2], both[1::2] = line, middle
        line = both
    return line


def _inlet(valley: Valley, rng: np.random.Generator) -> Geometry:
    """A drowned valley: wide at the sea, narrow at its head."""
    middle = sampled(curve(np.array(valley.inlet_km) * KM), 150.0)
    share = np.linspace(0.0, 1.0, len(middle)) ** 1.6
    half_m = (30.0 + (valley.mouth_m / 2 - 30.0) * share) * rng.uniform(0.8, 1.2, len(middle))
    circles = shapely.buffer(shapely.points(middle), half_m)
    hulls = [shapely.convex_hull(shapely.union(one, two)) for one, two in pairwise(circles)]
    return shapely.union_all(hulls)


def _largest(shape: Geometry) -> Geometry:
    parts = shapely.get_parts(shape)
    largest = parts[int(np.argmax(shapely.area(parts)))]
    return shapely.polygons(shapely.get_exterior_ring(largest))


def _coastline(land: Geometry) -> Floats:
    """The border of the mainland where it meets the sea, land on its left."""
    inside = shapely.box(-99 * KM, -99 * KM, EAST_EDGE_KM * KM - 5.0, NORTH_EDGE_KM * KM - 5.0)
    ring = shapely.linestrings(shapely.get_coordinates(shapely.orient_polygons(land)))
    line = shapely.line_merge(shapely.intersection(ring, inside), directed=True)
    parts = shapely.get_parts(line)
    return np.asarray(shapely.get_coordinates(parts[int(np.argmax(shapely.length(parts)))]))


def _town_districts(rng: np.random.Generator) -> list[District]:
    """Old town about the market place, younger parts inland, works along the inlet."""
    old = shapely.buffer(shapely.points(0.0, 0.0), 330.0)
    districts = [District(Kind.OLD_TOWN, old, 0.0, TOWN.name)]
    for name, kind, start, stop, reach_m in (
        ("Quayside", Kind.INDUSTRY, -62.0, 8.0, 760.0),
        ("Chapel Hill", Kind.TERRACES, 8.0, 76.0, 820.0),
        ("Northfield", Kind.BETWEEN_WARS, 76.0, 130.0, 1_180.0),
        ("Moorside", Kind.ESTATE, 130.0, 192.0, 1_240.0),
        ("Westcliff", Kind.BETWEEN_WARS, 192.0, 240.0, 1_020.0),
        ("Fishertown", Kind.TERRACES, 240.0, 298.0, 900.0),
    ):
        angle = np.radians(np.linspace(start, stop, 15))
        reach = reach_m * rng.uniform(0.93, 1.05, len(angle))
        rim = np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])
        wedge = shapely.polygons(np.vstack([[(0.0, 0.0)], rim]))
        turn = float(rng.uniform(0, np.pi))
        districts.append(District(kind, shapely.difference(wedge, old), turn, name))
    return districts


def _village(village: Settlement, rng: np.random.Generator) -> District:
    """Houses about the crossing and some way along the road."""
    angle = np.linspace(0, 2 * np.pi, 25)[:-1]
    turn = float(rng.uniform(0, np.pi))
    reach = village.radius_m * rng.uniform(0.75, 1.15, len(angle))
    reach *= 1.0 + 0.3 * np.cos(2 * (angle - turn))
    ring = village.place + np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])
    shape = shapely.polygons(curve(np.vstack([ring, ring[:1]]), 2))
    return District(Kind.VILLAGE, shape, turn, village.name)
