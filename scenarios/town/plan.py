"""The plan of the town before any street is drawn: shape of the land, river, railway, districts.

Everything is in metres on a flat plane, x east and y north, origin in the market square. Straight
and circular things are drawn in an *ideal* plane and then pushed about by one smooth warp, so that
streets, districts and parks bend together and still meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Geometry = Any  # shapely has no types

HALF_SIDE_M = 6000.0
RING_RADII_M = (0.0, 520.0, 1300.0, 2150.0, 3000.0, 3900.0)
RING_CLASSES = ("", "tertiary", "tertiary", "secondary", "primary")
RIVER_HALF_WIDTH_M = 34.0
RAIL_HALF_WIDTH_M = 9.0
SQUARE_M = 62.0
STEP_M = 40.0  # how densely lines are sampled before the warp


class Kind(StrEnum):
    """What a district is; decides its streets, its buildings and how many people live there."""

    OLD_TOWN = "old_town"
    TERRACES = "terraces"
    BETWEEN_WARS = "between_wars"
    ESTATE = "estate"  # cul-de-sacs
    TOWERS = "towers"
    INDUSTRY = "industry"
    PARK = "park"
    VILLAGE = "village"
    FARM = "farm"


@dataclass(frozen=True)
class District:
    """A patch of land of one kind; ``angle`` (radians) turns its street pattern."""

    kind: Kind
    shape: Geometry
    angle: float
    name: str


@dataclass(frozen=True)
class Road:
    """One main road or path: points (n, 2) in metres, OSM tags, and whether it may cross water."""

    points: Floats
    tags: dict[str, str]
    bridges: bool = False


@dataclass(frozen=True)
class Village:
    """A village: where, how wide and how it is called."""

    name: str
    centre: tuple[float, float]
    radius_m: float


@dataclass(frozen=True)
class Plan:
    """All that the streets are drawn from."""

    districts: tuple[District, ...]
    roads: tuple[Road, ...]
    villages: tuple[Village, ...]
    river: Floats  # centre line, north to south
    railway: Floats
    runway: Floats


VILLAGES = (
    ("Thornwick", -4700.0, 4550.0, 520.0),
    ("Little Marden", -200.0, 5150.0, 330.0),
    ("Ashcombe", 4350.0, 4250.0, 560.0),
    ("Wenbury", 5150.0, 350.0, 400.0),
    ("Saltby", 3500.0, -5000.0, 430.0),
    ("Oxley Green", -1200.0, -5150.0, 480.0),
    ("Kingsholt", -4900.0, -3700.0, 620.0),
    ("Millbeck", -5350.0, 500.0, 300.0),
)
# Angle of each main road out of town (degrees, anticlockwise from east), its name and the village
# that it leads to (index into VILLAGES).
RADIALS = (
    (6.0, "Wenbury Road", 3),
    (46.0, "Ashcombe Road", 2),
    (92.0, "Marden Road", 1),
    (134.0, "Thornwick Road", 0),
    (176.0, "Millbeck Road", 7),
    (217.0, "Kingsholt Road", 6),
    (257.0, "Oxley Road", 5),
    (305.0, "Saltby Road", 4),
)
# Links between neighbouring villages, by index; none crosses the river, so bridges stay few.
LANES = ((0, 1), (2, 3), (5, 6), (6, 7), (7, 0), (3, 4))
RUNWAY = ((-3350.0, -4200.0), (-2250.0, -3720.0))


class Warp:
    """A smooth push of the plane: long waves bend the whole town, short ones single streets."""

    def __init__(self, rng: np.random.Generator) -> None:
        lengths = np.array([5200.0, 3900.0, 2700.0, 1500.0, 900.0])
        self._amplitude = np.array([130.0, 110.0, 70.0, 26.0, 13.0])
        turn = rng.uniform(0, 2 * np.pi, (2, len(lengths)))
        # One set of waves per direction of push: [axis of the push, axis of the place, wave].
        self._wave = 2 * np.pi / lengths * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        self._phase = rng.uniform(0, 2 * np.pi, (2, len(lengths)))

    def __call__(self, points: Floats) -> Floats:
        """Points (n, 2) pushed by up to about 300 m."""
        push = np.empty_like(points)
        for axis in range(2):
            push[:, axis] = np.sin(points @ self._wave[axis] + self._phase[axis]) @ self._amplitude
        # Nothing moves in the square itself, so that the centre stays where it is said to be.
        fade = 1.0 - np.exp(-((np.hypot(points[:, 0], points[:, 1]) / 700.0) ** 2))
        return points + push * fade[:, None]


def make_plan(rng: np.random.Generator) -> tuple[Plan, Warp]:
    """The plan of one seed, and the warp that its streets must go through as well."""
    warp = Warp(rng)
    river = _river(rng)
    villages = tuple(Village(name, (x, y), radius) for name, x, y, radius in VILLAGES)
    spokes = _spokes(rng)
    reach = _reach(rng)
    roads = [*_rings(spokes, reach, warp), *_radials(spokes, reach, villages, warp)]
    roads += _lanes(villages, rng)
    districts = [*_town_districts(spokes, reach, warp, rng), *_village_districts(villages, rng)]
    plan = Plan(
        districts=tuple(districts),
        roads=tuple(roads),
        villages=villages,
        river=river,
        railway=_railway(),
        runway=np.array(RUNWAY),
    )
    return plan, warp


def sampled(points: Floats, step_m: float = STEP_M) -> Floats:
    """The same polyline with a point at least every ``step_m``."""
    line = shapely.segmentize(shapely.linestrings(points), step_m)
    return np.asarray(shapely.get_coordinates(line))


def curve(corners: Floats, rounds: int = 4) -> Floats:
    """A smooth line through the corners' neighbourhood (Chaikin's corner cutting); ends stay."""
    points = corners
    for _ in range(rounds):
        near = points[:-1] * 0.75 + points[1:] * 0.25
        far = points[:-1] * 0.25 + points[1:] * 0.75
        inner = np.empty((2 * len(near), 2))
        inner[0::2], inner[1::2] = near, far
        points = np.vstack([points[:1], inner, points[-1:]])
    return points


def _river(rng: np.random.Generator) -> Floats:
    y = np.arange(HALF_SIDE_M + 300, -HALF_SIDE_M - 301, -60.0)
    phase = rng.uniform(-0.3, 0.3, 2)
    x = 900 + 620 * np.sin(y / 2300 + 0.9 + phase[0]) + 210 * np.sin(y / 830 + phase[1])
    x -= 480 * np.exp(-((y / 900) ** 2))  # it bends towards the old town
    return np.column_stack([x, y])


def _railway() -> Floats:
    corners = np.array(
        [(-6300, -1500), (-3600, -1250), (-1500, -760), (-200, -720), (1400, -1150),
         (3300, -2900), (5000, -4700), (6300, -5600)],
        dtype=float,
    )  # fmt: skip
    return curve(corners)


@dataclass(frozen=True)
class _Spoke:
    """A road out of the centre: angle (radians), the ring it starts at, main or side road."""

    angle: float
    first_ring: int
    name: str
    village: int | None


def _spokes(rng: np.random.Generator) -> list[_Spoke]:
    """Main roads from the first ring, a side road between each two from the second."""
    spokes = []
    for index, (degrees, name, village) in enumerate(RADIALS):
        angle = np.radians(degrees + rng.uniform(-3, 3))
        spokes.append(_Spoke(float(angle), 1, name, village))
        following = RADIALS[(index + 1) % len(RADIALS)][0] + (
            360 if index == len(RADIALS) - 1 else 0
        )
        between = np.radians((degrees + following) / 2 + rng.uniform(-4, 4))
        spokes.append(_Spoke(float(between), 2, SIDE_ROADS[index], None))
    return spokes


SIDE_ROADS = (
    "Lark Hill", "Abbey Road", "Cemetery Road", "Windmill Road",
    "Western Avenue", "Station Approach Road", "Common Lane", "Tanner's Way",
)  # fmt: skip


def _reach(rng: np.random.Generator) -> list[float]:
    """How far the town reaches in each sector between two spokes, in metres: it is no circle."""
    fifth, fourth = RING_RADII_M[5], RING_RADII_M[4]
    wide = [5, 4, 5, 5, 5, 5, 4, 5, 5, 4, 5, 5, 5, 4, 5, 4]
    return [fifth + rng.uniform(-420, 260) if ring == 5 else fourth for ring in wide]


def _polar(radius: float | Floats, angle: float | Floats) -> Floats:
    x, y = np.broadcast_arrays(radius * np.cos(angle), radius * np.sin(angle))
    return np.column_stack([x, y]).astype(np.float64)


def _arc(radius: float, start: float, stop: float) -> Floats:
    steps = max(3, int(abs(stop - start) * radius / STEP_M))
    return _polar(radius, np.linspace(start, stop, steps))


def _next_angle(spokes: list[_Spoke], index: int) -> float:
    following = spokes[(index + 1) % len(spokes)].angle
    return following if following > spokes[index].angle else following + 2 * np.pi


def _rings(spokes: list[_Spoke], reach: list[float], warp: Warp) -> list[Road]:
    names = ("", "The Walls", "Park Ring", "Priory Avenue", "Ring Road")
    roads = []
    for ring in range(1, 5):
        tags = {"highway": RING_CLASSES[ring], "name": names[ring]}
        circle = warp(_arc(RING_RADII_M[ring], 0.0, 2 * np.pi))
        roads.append(Road(circle, tags, bridges=ring == 4))
    for index, outer in enumerate(reach):
        if outer > RING_RADII_M[4]:
            edge = warp(_arc(outer, spokes[index].angle, _next_angle(spokes, index)))
            tags = {"highway": "tertiary", "name": f"{DISTRICT_NAMES[index]} Drive"}
            roads.append(Road(edge, tags))
    return roads


def _radials(
    spokes: list[_Spoke], reach: list[float], villages: tuple[Village, ...], warp: Warp
) -> list[Road]:
    roads = []
    for index, spoke in enumerate(spokes):
        inner = RING_RADII_M[spoke.first_ring] if spoke.village is None else SQUARE_M
        outer = max(reach[index], reach[index - 1])
        ideal = sampled(_polar(np.array([inner, outer]), spoke.angle))
        points = warp(ideal)
        if spoke.village is None:
            roads.append(Road(points, {"highway": "tertiary", "name": spoke.name}))
            continue
        tags = {"highway": "secondary", "name": spoke.name}
        roads.append(Road(points, tags, bridges=True))
        village = villages[spoke.village]
        away = _country(points[-1], np.array(village.centre), points[-1] - points[-4])
        roads.append(Road(away, tags))
    return roads


def _country(start: Floats, end: Floats, heading: Floats) -> Floats:
    """A country road that leaves in the direction of the street it continues."""
    gap = float(np.hypot(*(end - start)))
    first = start + heading / np.hypot(*heading) * gap * 0.35
    across = np.array([-(end - start)[1], (end - start)[0]]) / gap
    second = start + (end - start) * 0.7 + across * gap * 0.10
    return curve(np.array([start, first, second, end]))


def _lanes(villages: tuple[Village, ...], rng: np.random.Generator) -> list[Road]:
    roads = []
    for first, second in LANES:
        start, end = np.array(villages[first].centre), np.array(villages[second].centre)
        along = end - start
        across = np.array([-along[1], along[0]])
        if np.dot(across, start + end) < 0:
            across = -across  # lanes keep clear of the town
        bends = [
            start + along * t + across * b
            for t, b in ((0.3, rng.uniform(-0.02, 0.10)), (0.65, rng.uniform(-0.02, 0.10)))
        ]
        points = curve(np.array([start, *bends, end]))
        name = f"{villages[second].name} Lane"
        roads.append(Road(points, {"highway": "tertiary", "name": name}))
    return roads


def _town_districts(
    spokes: list[_Spoke], reach: list[float], warp: Warp, rng: np.random.Generator
) -> list[District]:
    districts = [
        District(
            Kind.OLD_TOWN, _patch_shape(0, RING_RADII_M[1], 0, 2 * np.pi, warp), 0.0, "Old Town"
        )
    ]
    mains = [index for index, spoke in enumerate(spokes) if spoke.first_ring == 1]
    for index in mains:  # between the first two rings only the main roads divide
        stop = spokes[(index + 2) % len(spokes)].angle
        stop = stop if stop > spokes[index].angle else stop + 2 * np.pi
        shape = _patch_shape(RING_RADII_M[1], RING_RADII_M[2], spokes[index].angle, stop, warp)
        districts.append(_district(Kind.TERRACES, shape, rng, len(districts)))
    for index in range(len(spokes)):
        radii = (*RING_RADII_M[2:5], reach[index])
        for ring in range(2, 5 if reach[index] > RING_RADII_M[4] else 4):
            stop = _next_angle(spokes, index)
            inner, outer = radii[ring - 2 : ring]
            shape = _patch_shape(inner, outer, spokes[index].angle, stop, warp)
            districts.append(_district(_kind_of(ring, index), shape, rng, len(districts)))
    return districts


def _kind_of(ring: int, sector: int) -> Kind:
    """What stands where: terraces inside, cul-de-sacs outside, parks and works between."""
    special = {
        (2, 4): Kind.PARK,
        (2, 11): Kind.PARK,
        (3, 15): Kind.PARK,
        (2, 10): Kind.INDUSTRY,
        (3, 10): Kind.INDUSTRY,
        (3, 14): Kind.INDUSTRY,
        (2, 14): Kind.TOWERS,
        (3, 6): Kind.TOWERS,
        (4, 10): Kind.TOWERS,
    }
    if (ring, sector) in special:
        return special[ring, sector]
    if ring == 2:
        return Kind.TERRACES if sector % 3 == 0 else Kind.BETWEEN_WARS
    if ring == 3:
        return Kind.BETWEEN_WARS if sector % 4 == 0 else Kind.ESTATE
    return Kind.ESTATE


def _district(kind: Kind, shape: Geometry, rng: np.random.Generator, number: int) -> District:
    return District(kind, shape, float(rng.uniform(0, np.pi)), DISTRICT_NAMES[number])


DISTRICT_NAMES = tuple(
    f"{first}{second}"
    for second in ("field", "ham", "wood", "gate", "hill")
    for first in (
        "North", "Ash", "Elm", "Brook", "Stan", "Wick", "Hare", "Lang", "Oak", "Holm",
        "Fern", "Birch", "Mars", "Cole", "Den", "Red", "Wood",
    )
)  # fmt: skip


def _patch_shape(inner: float, outer: float, start: float, stop: float, warp: Warp) -> Geometry:
    """The patch between two radii and two angles, warped."""
    far = _arc(outer, start, stop)
    if inner <= 0:
        return shapely.polygons(warp(far))
    sides = [
        sampled(_polar(np.array([inner, outer]), start)),
        far,
        sampled(_polar(np.array([outer, inner]), stop)),
        _arc(inner, stop, start),
    ]
    return shapely.polygons(warp(np.vstack(sides)))


def _village_districts(villages: tuple[Village, ...], rng: np.random.Generator) -> list[District]:
    districts = []
    for village in villages:
        angles = np.linspace(0, 2 * np.pi, 25)[:-1]
        radii = village.radius_m * rng.uniform(0.72, 1.12, len(angles))
        ring = np.array(village.centre) + _polar(radii, angles)
        shape = shapely.polygons(curve(np.vstack([ring, ring[:1]]), 2))
        turn = float(rng.uniform(0, np.pi))
        districts.append(District(Kind.VILLAGE, shape, turn, village.name))
    return districts
