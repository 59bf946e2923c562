"""Streets, lanes, tracks and paths of the remote district: one net ashore, one on the island."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely

from geo.speeds_car import CAR
from scenarios.remote.plan import KM, VILLAGES, Plan
from scenarios.town.files import outer_ring
from scenarios.town.joining import JoinedWay, StreetMap, join, largest_part
from scenarios.town.people import drives
from scenarios.town.plan import District, Floats, Geometry, Kind, Road, curve
from scenarios.town.streets import (
    Street,
    country_paths,
    cut,
    district_streets,
    heading_on,
    outside,
    point_on,
    sidewalks,
)

LANE_PITCH_M = 1_150.0
SPUR_PITCH_M = 235.0
SHORE_M = 12.0  # streets end this far from the water
RIVER_HALF_WIDTH_M = 9.0
COAST_PATH_M = 55.0


def draw_nets(
    plan: Plan, rng: np.random.Generator, drop_rng: np.random.Generator
) -> tuple[StreetMap, StreetMap]:
    """The net of the mainland and that of the island; each hangs together."""
    water = _water(plan)
    lanes = [*_lanes(plan, rng), *_crossings(plan, rng)]
    streets = [Street(road.points, road.tags, free=True) for road in plan.roads]
    streets += _town_sidewalks(plan)
    streets += [Street(lane.points, lane.tags) for lane in lanes]
    streets += district_streets(plan.districts, rng)
    spurs = country_paths(
        [*plan.roads, *lanes], plan.districts, rng, pitch_m=SPUR_PITCH_M, farm=Kind.FARM
    )
    ashore = cut([*streets, *spurs, *_coast_path(plan.land, plan.coast)], water, water)
    isle = _island_streets(plan, rng, water)
    return (
        _drivable(join([*ashore, *drives(ashore, rng)], drop_rng)),
        _drivable(join([*isle, *drives(isle, rng)], drop_rng)),
    )


def _drivable(net: StreetMap) -> StreetMap:
    """Streets that no car can reach from the others become paths: no car stands on them."""
    for_cars = [way for way in net.ways if CAR.rule(way.tags) is not None]
    reached = {id(way) for way in largest_part(for_cars, len(net.points))}
    cut_off = {id(way) for way in for_cars} - reached
    ways = tuple(
        replace(way, tags={**way.tags, "highway": "path"}) if id(way) in cut_off else way
        for way in net.ways
    )
    return replace(net, ways=ways)


def together(nets: Sequence[StreetMap]) -> StreetMap:
    """Several nets in one list of nodes and ways; nothing is connected that was not."""
    ways: list[JoinedWay] = []
    first = 0
    for net in nets:
        ways += [JoinedWay(way.nodes + first, way.tags, way.kind) for way in net.ways]
        first += len(net.points)
    return StreetMap(np.concatenate([net.points for net in nets]), tuple(ways))


def _water(plan: Plan) -> Geometry:
    """Where only main roads may go: the sea with its shore, and the rivers."""
    dry = shapely.buffer(plan.shore, -SHORE_M)
    sea = shapely.difference(shapely.buffer(shapely.envelope(plan.shore), 9 * KM), dry)
    rivers = shapely.buffer([shapely.linestrings(line) for _, line in plan.rivers], 25.0)
    return shapely.union_all([sea, *rivers])


def _lanes(plan: Plan, rng: np.random.Generator) -> list[Road]:
    """Dead-end lanes into the side valleys, left and right in turn."""
    lanes: list[Road] = []
    for road in plan.roads:
        line = shapely.linestrings(road.points)
        for number, along in enumerate(
            np.arange(700.0, shapely.length(line) - 500.0, LANE_PITCH_M)
        ):
            at = point_on(line, along + rng.uniform(-250, 250))
            heading = heading_on(line, along)
            out = np.array([-heading[1], heading[0]]) * (1 if number % 2 else -1)
            length = rng.uniform(900.0, 3_800.0)
            name = _NAMES[len(lanes) % len(_NAMES)]
            lanes.append(_winding(at - out * 9.0, out * length, rng, name))
    return lanes


def _crossings(plan: Plan, rng: np.random.Generator) -> list[Road]:
    """A back lane about each village, so that not all ends on one road."""
    lanes: list[Road] = []
    for village in VILLAGES:
        angle = rng.uniform(0, 2 * np.pi) + np.linspace(0.0, 1.1 * np.pi, 6)
        reach = village.radius_m * rng.uniform(1.1, 3.6, len(angle))
        corners = village.place + np.column_stack([np.cos(angle), np.sin(angle)]) * reach[:, None]
        tags = {"highway": "unclassified", "name": f"{village.name} Back Lane"}
        lanes += [
            Road(part, tags)
            for part in outside(curve(corners), shapely.buffer(_built(plan.districts), 10.0))
        ]
    return lanes


def _winding(start: Floats, way: Floats, rng: np.random.Generator, name: str) -> Road:
    across = np.array([-way[1], way[0]])
    bends = [
        start + way * share + across * rng.uniform(-0.22, 0.22)
        for share in (0.2, 0.4, 0.6, 0.8, 1.0)
    ]
    points = curve(np.array([start, start + way * 0.04, *bends]), 3)
    return Road(points, {"highway": "unclassified", "name": f"{name} Lane"})


def _built(districts: Sequence[District]) -> Geometry:
    return shapely.union_all([district.shape for district in districts])


def _town_sidewalks(plan: Plan) -> list[Street]:
    """Sidewalks of the two main roads where they run between houses."""
    town = _built([d for d in plan.districts if d.kind != Kind.VILLAGE])
    found = []
    for road in plan.roads[:1] + plan.roads[6:7]:
        inside = shapely.intersection(shapely.linestrings(road.points), town)
        for part in shapely.get_parts(inside):
            if shapely.length(part) > 100.0:
                found += sidewalks(Road(shapely.get_coordinates(part), road.tags))
    return found


def _coast_path(land: Geometry, coast: Floats) -> list[Street]:
    """A path along the cliffs and around the inlets."""
    inland = shapely.simplify(shapely.buffer(land, -COAST_PATH_M), 8.0)
    near = shapely.buffer(shapely.linestrings(coast), 3 * COAST_PATH_M)
    tags = {"highway": "path", "name": "Coast Path"}
    return [
        Street(shapely.get_coordinates(part), tags)
        for part in shapely.get_parts(shapely.intersection(shapely.boundary(inland), near))
        if shapely.length(part) > COAST_PATH_M
    ]


def _island_streets(plan: Plan, rng: np.random.Generator, water: Geometry) -> list[Street]:
    road, district = plan.island_road, plan.island_district
    streets = [Street(road.points, road.tags), *district_streets([district], rng)]
    streets += country_paths([road], [district], rng, pitch_m=SPUR_PITCH_M, farm=Kind.FARM)
    return cut([*streets, *_coast_path(plan.island, outer_ring(plan.island))], water, water)


_NAMES = (
    "Gull", "Heather", "Cairn", "Peat", "Kiln", "Sloe", "Gorse", "Raven", "Shingle", "Ling",
    "Fold", "Drift", "Larkspur", "Whin", "Otter", "Saltmarsh", "Bracken", "Skerry", "Tarn",
    "Byre", "Fleece", "Beacon", "Wrack", "Pound",
)  # fmt: skip
