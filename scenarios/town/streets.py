"""Street patterns: how each kind of district is laid out, and the paths between them.

Patterns draw whole lines that run a little beyond their district, so that they meet the road
around it; ``scenarios.town.joining`` makes the shared nodes and trims what sticks out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import shapely

from scenarios.town.plan import (
    RAIL_HALF_WIDTH_M,
    RIVER_HALF_WIDTH_M,
    District,
    Floats,
    Geometry,
    Kind,
    Plan,
    Road,
    curve,
    sampled,
)

OVERSHOOT_M = 9.0  # lines end this far behind the road that they meet
BANK_M = 14.0
SIDEWALK_OFFSET_M = 8.0


@dataclass(frozen=True)
class Street:
    """One line to become an OSM way. ``gaps``: share of its pieces that is left out.

    ``kind``: of its district where houses stand along it. ``free``: crosses river and railway.
    """

    points: Floats
    tags: dict[str, str]
    kind: Kind | None = None
    gaps: float = 0.0
    free: bool = False


def draw_streets(plan: Plan, rng: np.random.Generator) -> list[Street]:
    """Every street and path of the plan, cut at the river, the railway and the airfield."""
    streets = [Street(road.points, road.tags, free=road.bridges) for road in plan.roads]
    streets += [path for road in plan.roads for path in sidewalks(road)]
    streets += district_streets(plan.districts, rng)
    streets += _town_paths(plan)
    streets += country_paths(plan.roads, plan.districts, rng)
    river = shapely.buffer(shapely.linestrings(plan.river), RIVER_HALF_WIDTH_M + BANK_M)
    rail = shapely.buffer(shapely.linestrings(plan.railway), RAIL_HALF_WIDTH_M)
    wet = shapely.union_all([river, airfield(plan)])
    return cut(streets, wet, shapely.union_all([river, rail, airfield(plan)]))


def district_streets(districts: Iterable[District], rng: np.random.Generator) -> list[Street]:
    """The streets of each district in the pattern of its kind."""
    names = _street_names(rng)
    streets: list[Street] = []
    for district in districts:
        streets += _clipped(_PATTERNS[district.kind](district, rng, names), district.shape)
    return streets


# --- patterns --------------------------------------------------------------------------------

Names = Iterator[str]
Pattern = Callable[[District, np.random.Generator, Names], list[Street]]


def _old_town(district: District, rng: np.random.Generator, names: Names) -> list[Street]:
    streets = []
    for turn in (0.3, 0.3 + np.pi / 2):
        for line in _parallels(district.shape, turn, rng.uniform(42, 84, 40)):
            bent = _wiggle(line, rng, 13.0, 330.0)
            tags = {"highway": "living_street" if rng.random() < 0.2 else "residential"}
            streets.append(Street(bent, _named(tags, names), district.kind, gaps=0.2))
    square = _polygon_ring(np.zeros(2), 58.0, 4, 0.3 + np.pi / 4)
    tags = {"highway": "pedestrian", "name": "Market Place"}
    streets.append(Street(square, tags))
    for side in (-1, 1):
        corner = 58.0 * np.array([np.cos(0.3 + np.pi / 4), side * np.sin(0.3 + np.pi / 4)])
        streets.append(Street(np.array([-corner, corner]), {"highway": "footway"}))
    return streets


def _terraces(district: District, rng: np.random.Generator, names: Names) -> list[Street]:
    streets = []
    across = district.angle + np.pi / 2
    for number, line in enumerate(_parallels(district.shape, district.angle, np.full(80, 33.0))):
        if number % 2 == 0:
            tags = _named({"highway": "residential"}, names)
            streets.append(Street(line, tags, district.kind, gaps=0.04))
        elif rng.random() < 0.8:
            tags = {"highway": "footway", "service": "alley"}
            streets.append(Street(line, tags, gaps=0.25))
    for line in _parallels(district.shape, across, rng.uniform(130, 200, 30)):
        tags = _named({"highway": "residential"}, names)
        streets.append(Street(line, tags, district.kind, gaps=0.05))
    return streets


def _between_wars(district: District, rng: np.random.Generator, names: Names) -> list[Street]:
    """Long crescents about a far point, crossed by short avenues."""
    centre = shapely.get_coordinates(shapely.centroid(district.shape))[0]
    away = rng.uniform(520, 900)
    focus = centre + away * np.array([np.cos(district.angle), np.sin(district.angle)])
    streets = []
    for radius in np.cumsum(rng.uniform(66, 88, 30)) + 60.0:
        ring = _polygon_ring(focus, radius, max(12, int(radius / 9)), 0.0)
        tags = _named({"highway": "residential"}, names)
        streets.append(Street(_wiggle(ring, rng, 8.0, 450.0), tags, district.kind, gaps=0.1))
    avenues = 2 * np.pi * away / rng.uniform(190, 250)
    for turn in np.arange(0.0, 2 * np.pi, 2 * np.pi / round(avenues)):
        far = np.array([np.cos(turn), np.sin(turn)])
        line = _wiggle(sampled(focus + np.array([60.0 * far, 2300 * far])), rng, 14.0, 600.0)
        tags = _named({"highway": "residential"}, names)
        streets.append(Street(line, tags, district.kind, gaps=0.28))
    cuts = _parallels(district.shape, district.angle + 0.4, np.full(20, 190.0))
    return streets + [Street(line, {"highway": "footway"}, gaps=0.55) for line in cuts]


def _estate(district: District, rng: np.random.Generator, names: Names) -> list[Street]:
    """Combs: collectors with cul-de-sacs on both sides, some joined by a footpath."""
    streets = []
    spacing = 235.0
    for line in _parallels(district.shape, district.angle, np.full(30, spacing)):
        collector = _wiggle(line, rng, 24.0, 620.0)
        tags = _named({"highway": "unclassified"}, names)
        streets.append(Street(collector, tags, district.kind))
        streets += _teeth(collector, spacing, district.kind, rng, names)
    for line in _parallels(district.shape, district.angle + np.pi / 2, np.full(30, 520.0)):
        tags = _named({"highway": "residential"}, names)
        streets.append(Street(_wiggle(line, rng, 20.0, 500.0), tags, district.kind, gaps=0.08))
    return streets


def _teeth(
    collector: Floats, spacing: float, kind: Kind, rng: np.random.Generator, names: Names
) -> list[Street]:
    line = shapely.linestrings(collector)
    streets = []
    for number, along in enumerate(np.arange(35.0, shapely.length(line) - 20.0, 66.0)):
        at = point_on(line, along + rng.uniform(-9, 9))
        heading = heading_on(line, along)
        side = 1 if number % 2 else -1
        out = side * np.array([-heading[1], heading[0]])
        length = rng.uniform(0.42, 0.86) * spacing
        bend = heading * rng.uniform(-34, 34)
        end = at + out * length + bend
        points = curve(np.array([at - out * OVERSHOOT_M, at + out * length * 0.5, end]), 3)
        tags = _named({"highway": "residential"}, names)
        streets.append(Street(points, tags, kind))
        if rng.random() < 0.45:
            through = np.array([end, end + out * (spacing - length + 30.0)])
            streets.append(Street(through, {"highway": "footway"}))
        if rng.random() < 0.3:
            sideways = end + heading * rng.choice([-1.0, 1.0]) * 58.0
            tags = _named({"highway": "residential"}, names)
            streets.append(Street(np.array([end, sideways]), tags, kind))
    return streets


def _towers(district: District, _: np.random.Generator, names: Names) -> list[Street]:
    streets = []
    for turn, spacing in ((district.angle, 150.0), (district.angle + np.pi / 2, 210.0)):
        for line in _parallels(district.shape, turn, np.full(20, spacing)):
            tags = _named({"highway": "residential"}, names)
            streets.append(Street(line, tags, district.kind, gaps=0.15))
        cuts = _parallels(district.shape, turn + np.pi / 4, np.full(30, spacing * 0.8))
        streets += [Street(line, {"highway": "footway"}, gaps=0.35) for line in cuts]
    return streets


def _industry(district: District, _: np.random.Generator, names: Names) -> list[Street]:
    streets = []
    for turn, spacing in ((district.angle, 230.0), (district.angle + np.pi / 2, 310.0)):
        for line in _parallels(district.shape, turn, np.full(20, spacing)):
            tags = _named({"highway": "service"}, names)
            streets.append(Street(line, tags, district.kind, gaps=0.1))
    return streets


def _park(district: District, rng: np.random.Generator, _: Names) -> list[Street]:
    edge = shapely.get_coordinates(shapely.buffer(district.shape, -22.0).exterior)
    name = f"{district.name} Park"
    streets = [Street(edge, {"highway": "footway", "name": name})]
    for turn in district.angle + np.arange(3) * np.pi / 3:
        lines = _parallels(district.shape, turn, np.full(12, 330.0))
        paths = [_wiggle(line, rng, 30.0, 420.0) for line in lines]
        streets += [Street(path, {"highway": "footway"}) for path in paths]
    return streets


def _village(district: District, rng: np.random.Generator, names: Names) -> list[Street]:
    streets = []
    for turn, spacing in ((district.angle, 150.0), (district.angle + np.pi / 2, 190.0)):
        for line in _parallels(district.shape, turn, rng.uniform(0.7, 1.3, 20) * spacing):
            tags = _named({"highway": "residential"}, names)
            bent = _wiggle(line, rng, 22.0, 380.0)
            streets.append(Street(bent, tags, district.kind, gaps=0.1))
    return streets


_PATTERNS: dict[Kind, Pattern] = {
    Kind.OLD_TOWN: _old_town,
    Kind.TERRACES: _terraces,
    Kind.BETWEEN_WARS: _between_wars,
    Kind.ESTATE: _estate,
    Kind.TOWERS: _towers,
    Kind.INDUSTRY: _industry,
    Kind.PARK: _park,
    Kind.VILLAGE: _village,
}


# --- paths outside the patterns --------------------------------------------------------------


def sidewalks(road: Road) -> list[Street]:
    """Separate sidewalks of a main road in town, and a crossing every 85 m or so."""
    if road.tags["highway"] not in ("primary", "secondary"):
        return []
    line = shapely.linestrings(road.points)
    foot = {"highway": "footway", "footway": "sidewalk"}
    streets = [
        Street(shapely.get_coordinates(shapely.offset_curve(line, side)), foot, free=road.bridges)
        for side in (-SIDEWALK_OFFSET_M, SIDEWALK_OFFSET_M)
    ]
    crossing = {"highway": "footway", "footway": "crossing", "crossing": "marked"}
    for along in np.arange(40.0, shapely.length(line) - 20.0, 85.0):
        at, heading = point_on(line, along), heading_on(line, along)
        out = (SIDEWALK_OFFSET_M + 2.0) * np.array([-heading[1], heading[0]])
        streets.append(Street(np.array([at - out, at + out]), crossing))
    return streets


def _town_paths(plan: Plan) -> list[Street]:
    """Towpaths on both banks."""
    within = plan.river[np.abs(plan.river[:, 1]) < 4700.0]
    line = shapely.linestrings(within)
    paths = []
    for side in (-1, 1):
        offset = shapely.offset_curve(line, side * (RIVER_HALF_WIDTH_M + BANK_M + 10.0))
        tags = {"highway": "path", "name": "Riverside Path"}
        paths.append(Street(shapely.get_coordinates(shapely.simplify(offset, 2.0)), tags))
    return paths


def country_paths(
    roads: Iterable[Road],
    districts: Iterable[District],
    rng: np.random.Generator,
    *,
    pitch_m: float = 260.0,
    farm: Kind = Kind.VILLAGE,
) -> list[Street]:
    """Farm tracks and footpaths off the country roads, outside town and villages.

    ``pitch_m``: from one to the next along a road. ``farm``: how houses stand along the tracks.
    """
    built = shapely.union_all([shapely.buffer(d.shape, 60.0) for d in districts])
    paths = []
    for road in roads:
        line = shapely.linestrings(road.points)
        if shapely.intersects(built, line) and shapely.length(line - built) < 400.0:
            continue
        for along in np.arange(150.0, shapely.length(line) - 100.0, pitch_m):
            at, heading = point_on(line, along + rng.uniform(-80, 80)), heading_on(line, along)
            side = rng.choice([-1.0, 1.0])
            out = side * np.array([-heading[1], heading[0]])
            length = rng.uniform(160, 900)
            end = at + out * length + heading * rng.uniform(-0.5, 0.5) * length
            bend = at + out * length * 0.5 + heading * rng.uniform(-0.2, 0.2) * length
            points = curve(np.array([at - out * OVERSHOOT_M, bend, end]), 3)
            is_farm = rng.random() < 0.5
            tags = {"highway": "track"} if is_farm else {"highway": "path"}
            track = Street(points, tags, farm if is_farm else None)
            paths += [replace(track, points=part) for part in outside(points, built)]
    return paths


# --- cutting ---------------------------------------------------------------------------------


def _clipped(streets: list[Street], shape: Geometry) -> list[Street]:
    """What lies inside a district, with a little overshoot."""
    grown = shapely.buffer(shape, OVERSHOOT_M)
    shapely.prepare(grown)
    return [
        replace(street, points=part)
        for street in streets
        for part in _parts(shapely.intersection(shapely.linestrings(street.points), grown))
    ]


def cut(streets: list[Street], wet: Geometry, closed: Geometry) -> list[Street]:
    """Streets that are not free end at barriers.

    ``wet`` stops main roads, paths and sidewalks; ``closed`` (which holds it) all the others.
    """
    shapely.prepare(closed)
    kept = []
    for street in streets:
        if street.free or not shapely.intersects(closed, shapely.linestrings(street.points)):
            kept.append(street)
            continue
        is_main = street.tags["highway"] in ("primary", "secondary", "tertiary", "path", "track")
        barrier = wet if is_main or "footway" in street.tags else closed
        kept += [replace(street, points=part) for part in outside(street.points, barrier)]
    return [street for street in kept if _length(street.points) > 2.0]


def airfield(plan: Plan) -> Geometry:
    """The ground of the aerodrome: nothing public runs across it."""
    return shapely.buffer(shapely.linestrings(plan.runway), 190.0, quad_segs=2)


def river_water(plan: Plan) -> Geometry:
    """The water itself."""
    return shapely.buffer(shapely.linestrings(plan.river), RIVER_HALF_WIDTH_M)


def outside(points: Floats, shape: Geometry) -> list[Floats]:
    """The parts of a line outside a shape."""
    return _parts(shapely.difference(shapely.linestrings(points), shape))


def _parts(geometry: Geometry) -> list[Floats]:
    parts = shapely.get_parts(geometry)
    return [
        shapely.get_coordinates(part)
        for part in parts
        if shapely.get_type_id(part) == 1 and shapely.length(part) > 1.0
    ]


# --- lines -----------------------------------------------------------------------------------


def _parallels(shape: Geometry, turn: float, gaps: Floats) -> list[Floats]:
    """Parallel lines over a shape's surroundings, direction ``turn``, with these gaps."""
    centre = shapely.get_coordinates(shapely.centroid(shape))[0]
    reach = 30.0 + float(np.max(np.hypot(*(shapely.get_coordinates(shape) - centre).T)))
    along = np.array([np.cos(turn), np.sin(turn)])
    across = np.array([-along[1], along[0]])
    offsets = np.cumsum(gaps) - gaps[0] / 2 - reach
    lines = []
    for offset in offsets[offsets < reach]:
        middle = centre + across * offset
        lines.append(sampled(np.array([middle - along * reach, middle + along * reach])))
    return lines


def _wiggle(points: Floats, rng: np.random.Generator, size_m: float, length_m: float) -> Floats:
    """Waves of about ``length_m`` across a line."""
    phase = rng.uniform(0, 2 * np.pi, 2)
    turned = points[:, ::-1] * 2 * np.pi / length_m
    return points + size_m * np.sin(turned + phase)


def _polygon_ring(centre: Floats, radius: float, corners: int, turn: float) -> Floats:
    angles = turn + np.linspace(0, 2 * np.pi, corners + 1)
    return centre + radius * np.column_stack([np.cos(angles), np.sin(angles)])


def point_on(line: Geometry, along: float) -> Floats:
    """The place ``along`` metres from the start of a line."""
    return np.asarray(shapely.get_coordinates(shapely.line_interpolate_point(line, along))[0])


def heading_on(line: Geometry, along: float) -> Floats:
    """The unit vector in which a line runs there."""
    step = point_on(line, along + 4.0) - point_on(line, max(0.0, along - 4.0))
    return np.asarray(step / max(1e-9, float(np.hypot(*step))))


def _length(points: Floats) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


# --- names -----------------------------------------------------------------------------------

_FIRST = (
    "Mill", "Church", "Priory", "Orchard", "Chapel", "Castle", "Meadow", "Quarry", "Foundry",
    "Tanner", "Weaver", "Cooper", "Baker", "Hazel", "Alder", "Rowan", "Beech", "Cherry", "Laurel",
    "Holly", "Juniper", "Linden", "Maple", "Poplar", "Willow", "Heron", "Kestrel", "Lapwing",
    "Plover", "Swift", "Curlew", "Wren", "Larch", "Sorrel", "Bramble", "Clover", "Harvest",
    "Barley", "Furrow", "Shepherd", "Fletcher", "Mason", "Sexton", "Abbot", "Canon", "Friar",
    "Nelson", "Albert", "Victoria", "Alma", "Inkerman", "Trafalgar", "Waterloo", "Jubilee",
    "Coronation", "Silver", "Copper", "Slate", "Granite", "Chalk", "Cressing", "Hollow", "Spring",
    "Well", "Fountain", "Brewer", "Salter", "Glover", "Saddler", "Drover", "Carter", "Ferry",
)  # fmt: skip
_LAST = ("Street", "Road", "Lane", "Avenue", "Close", "Drive", "Way", "Row", "Grove", "Gardens",
         "Terrace", "Crescent", "Walk", "Rise", "View", "Place", "Court", "Mead")  # fmt: skip


def _street_names(rng: np.random.Generator) -> Names:
    """Names without end: shuffled pairs, then the same with a compass point."""
    pairs = [f"{first} {last}" for last in _LAST for first in _FIRST]
    for prefix in ("", "North ", "South ", "East ", "West ", "Upper ", "Lower ", "Old ", "New "):
        for index in rng.permutation(len(pairs)):
            yield prefix + pairs[int(index)]
    number = 0
    while True:
        number += 1
        yield f"{number}th Street"


def _named(tags: dict[str, str], names: Names) -> dict[str, str]:
    return {**tags, "name": next(names)}
