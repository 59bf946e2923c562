"""Shortest flights around no-fly volumes, exact, in still air and in a uniform wind.

The volumes of one cruise height are polygons in a local plane. A shortest route bends only at
their convex corners and touches the volume at both ends of every leg, so the *tangent graph* of
those legs is enough (de Berg et al., Computational Geometry, chapter 15). With a uniform wind
below the airspeed the time of flight is a convex gauge of the displacement: straight legs stay
best and the same graph is exact with directed lengths (Dolinskaya 2012). One search from a base
over the graph answers every target: its soonest turn from which it is in sight.

Positions are rounded to a grid of 2**-20 to 2**-9 metres, by the size of the map (0.12 mm at
60 km), and every geometric question is answered in whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cmp_to_key
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo import kernels_air
from geo.errors import AirRouteError
from geo.kernels_air import FROM_BASE, BaseWays, Field

_HALF_GRID = 2**29 - 8
_FINEST_EXPONENT = 20
_COARSEST_EXPONENT = 9
_CELLS_PER_EDGE = 1.0
_MOST_CELLS_PER_SIDE = 1024
_ROUNDING_STEPS = 3
_EIGHT_WAYS = ((1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1))


class Reach(StrEnum):
    """Whether a target can be flown to, and if not, why."""

    OPEN = "open"
    BASE_INSIDE = "base_inside"  # the base lies within a volume
    TARGET_INSIDE = "target_inside"  # the target lies within a volume
    ENCLOSED = "enclosed"  # volumes surround the base or the target without a gap


@dataclass(frozen=True)
class PlaneRoute:
    """One route in the plane. Without a way ``length_m`` is inf and the arrays are empty.

    ``air_m``: way through the air, airspeed times flying time; equals ``length_m`` without wind.
    ``back_air_m``: the same for flying it backwards. ``x_m, y_m``: float64[k], base to target.
    """

    reach: Reach
    length_m: float
    air_m: float
    back_air_m: float
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]


@dataclass(frozen=True)
class ObstacleMap:
    """No-fly volumes at one height and the tangent graph around them; ``build`` makes it."""

    field: Field
    arc_first: NDArray[np.int32]
    arc_head: NDArray[np.int32]
    origin_m: tuple[float, float]
    steps_per_m: float

    @classmethod
    def build(cls, volumes: Iterable[Any], *, reach_m: float = 30_000.0) -> ObstacleMap:
        """Union the volumes and find the tangent graph.

        ``volumes``: shapely polygons or multipolygons, or float[n, 2] rings of x and y in metres.
        ``reach_m``: how far beyond the bounding box of the volumes bases and targets may lie.

        Raises:
            AirRouteError: a ring with fewer than three corners, not finite or crossing itself; a
                map that is too large.
        """
        polygons = _polygons(volumes)
        origin_m, exponent = _frame_of(polygons, reach_m)
        steps = float(2**exponent)
        corners, ring_first = _rings(polygons, origin_m, steps)
        field = _field(corners, ring_first)
        one, two = kernels_air.tangent_graph(field)
        arc_first, arc_head = _arcs(one, two, len(field.nodes))
        return cls(field, arc_first, arc_head, origin_m, steps)

    @property
    def node_count(self) -> int:
        """Corners at which a route can bend."""
        return len(self.field.nodes)

    @property
    def edge_count(self) -> int:
        """Legs of the tangent graph."""
        return len(self.arc_head) // 2

    def is_inside(self, x_m: float, y_m: float) -> bool:
        """Whether the place lies within a volume; a border does not count as within."""
        x, y = self._settled(*self._steps(x_m, y_m))
        return bool(kernels_air.place_of(x, y, self.field) > 0)

    def from_base(
        self, x_m: float, y_m: float, *, wind_over_airspeed: tuple[float, float] = (0.0, 0.0)
    ) -> BaseRoutes:
        """Shortest ways from one base to everywhere, for one wind.

        ``wind_over_airspeed``: where the air moves to, east and north, divided by the airspeed.
        The way *back* to a base is the way from it with the wind reversed.

        Raises:
            AirRouteError: the wind is not slower than the aircraft, or the base is off the map.
        """
        wind = np.array(wind_over_airspeed, dtype=np.float64)
        if not float(np.hypot(wind[0], wind[1])) < 1.0:
            raise AirRouteError(
                "wind_over_airspeed: expected less than 1: at this airspeed the aircraft "
                "cannot hold its course against the wind"
            )
        x, y = self._settled(*self._steps(x_m, y_m))
        inside = bool(kernels_air.place_of(x, y, self.field) > 0)
        if inside:
            far, wedge, parent = _NOWHERE
        else:
            far, wedge, parent = kernels_air.base_ways(
                x, y, wind[0], wind[1], self.arc_first, self.arc_head, self.field
            )
        base = np.array([x, y], dtype=np.int64)
        return BaseRoutes(self, BaseWays(base, wind, far, wedge, parent), inside)

    def _steps(self, x_m: float, y_m: float) -> tuple[int, int]:
        x = (x_m - self.origin_m[0]) * self.steps_per_m
        y = (y_m - self.origin_m[1]) * self.steps_per_m
        if not (-_HALF_GRID < x < _HALF_GRID and -_HALF_GRID < y < _HALF_GRID):
            raise AirRouteError(
                f"place {x_m:g}, {y_m:g} m: expected within "
                f"{_HALF_GRID / self.steps_per_m:,.0f} m of {self.origin_m[0]:g}, "
                f"{self.origin_m[1]:g}; build the map with a larger reach_m"
            )
        return round(x), round(y)

    def _settled(self, x: int, y: int) -> tuple[int, int]:
        """The place, moved out of a volume if it lies within it by no more than the rounding.

        Rounding the crossings of two borders can shift a border by a step across a place on it.
        """
        if kernels_air.place_of(x, y, self.field) <= 0:
            return x, y
        for radius in range(1, _ROUNDING_STEPS + 1):
            for dx, dy in _EIGHT_WAYS:
                if kernels_air.place_of(x + radius * dx, y + radius * dy, self.field) <= 0:
                    return x + radius * dx, y + radius * dy
        return x, y

    def _many_steps(self, x_m: ArrayLike, y_m: ArrayLike) -> NDArray[np.int64]:
        xy = np.column_stack(
            (
                (np.atleast_1d(np.asarray(x_m, dtype=np.float64)) - self.origin_m[0]),
                (np.atleast_1d(np.asarray(y_m, dtype=np.float64)) - self.origin_m[1]),
            )
        )
        xy *= self.steps_per_m
        wrong = ~(np.abs(xy) < _HALF_GRID).all(axis=1)
        if wrong.any():
            k = int(np.argmax(wrong))
            self._steps(
                xy[k, 0] / self.steps_per_m + self.origin_m[0],
                xy[k, 1] / self.steps_per_m + self.origin_m[1],
            )
        return np.rint(xy).astype(np.int64)


_NOWHERE = (
    np.empty(0, np.float64),
    np.empty((0, 6), np.int64),
    np.empty(0, np.int32),
)


@dataclass(frozen=True)
class BaseRoutes:
    """All shortest routes from one base in one wind: what ``ObstacleMap.from_base`` returns."""

    chart: ObstacleMap
    ways: BaseWays
    base_inside: bool

    def air_m(self, x_m: float, y_m: float) -> float:
        """Way through the air to one place, in metres; inf where there is none.

        Raises:
            AirRouteError: the place is off the map.
        """
        if self.base_inside:
            return float("inf")
        length, _ = self._reach(*self.chart._steps(x_m, y_m))
        return length / self.chart.steps_per_m

    def air_m_to_many(self, x_m: ArrayLike, y_m: ArrayLike) -> NDArray[np.float64]:
        """``air_m`` for arrays of places: float64[k]."""
        points = self.chart._many_steps(x_m, y_m)
        if self.base_inside:
            return np.full(len(points), np.inf)
        lengths, _ = kernels_air.reach_many(points, self.ways, self.chart.field)
        for k in np.flatnonzero(~np.isfinite(lengths)):
            lengths[k], _ = self._reach(int(points[k, 0]), int(points[k, 1]))
        return np.asarray(lengths / self.chart.steps_per_m)

    def _reach(self, x: int, y: int) -> tuple[float, int]:
        length, turn = kernels_air.reach(x, y, self.ways, self.chart.field)
        if not np.isfinite(length):
            settled = self.chart._settled(x, y)
            if settled != (x, y):
                length, turn = kernels_air.reach(*settled, self.ways, self.chart.field)
        return float(length), int(turn)

    def route(self, x_m: float, y_m: float) -> PlaneRoute:
        """The route to one place, or the reason why there is none."""
        if self.base_inside:
            return _no_route(Reach.BASE_INSIDE)
        x, y = self.chart._settled(*self.chart._steps(x_m, y_m))
        length, turn = kernels_air.reach(x, y, self.ways, self.chart.field)
        if not np.isfinite(length):
            inside = kernels_air.place_of(x, y, self.chart.field) > 0
            return _no_route(Reach.TARGET_INSIDE if inside else Reach.ENCLOSED)
        steps = [(x, y)]
        while turn != FROM_BASE:
            steps.append((int(self.ways.wedge[turn, 0]), int(self.ways.wedge[turn, 1])))
            turn = int(self.ways.parent[turn])
        steps.append((int(self.ways.base[0]), int(self.ways.base[1])))
        kept = [p for k, p in enumerate(steps) if k == 0 or p != steps[k - 1]]
        xy = np.array(kept[::-1], dtype=np.float64) / self.chart.steps_per_m
        legs = np.diff(xy, axis=0)
        return PlaneRoute(
            Reach.OPEN,
            float(np.hypot(legs[:, 0], legs[:, 1]).sum()),
            float(length) / self.chart.steps_per_m,
            _air_m(-legs, self.ways.wind),
            xy[:, 0] + self.chart.origin_m[0],
            xy[:, 1] + self.chart.origin_m[1],
        )


def _no_route(reach: Reach) -> PlaneRoute:
    nothing = np.empty(0, np.float64)
    return PlaneRoute(reach, float("inf"), float("inf"), float("inf"), nothing, nothing)


def _air_m(legs: NDArray[np.float64], wind: NDArray[np.float64]) -> float:
    """Way through the air along legs float64[k, 2], by the wind triangle."""
    length = np.hypot(legs[:, 0], legs[:, 1])
    course = legs / np.where(length > 0, length, 1.0)[:, None]
    along = course @ wind
    across = course[:, 0] * wind[1] - course[:, 1] * wind[0]
    return float((length / (along + np.sqrt(1.0 - across**2))).sum())


def _polygons(volumes: Iterable[Any]) -> list[Any]:
    polygons: list[Any] = []
    faults: list[str] = []
    for k, volume in enumerate(volumes):
        shape = volume
        if not hasattr(volume, "geom_type"):
            ring = np.asarray(volume, dtype=np.float64)
            if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3:
                faults.append(f"volume {k}: expected a ring of three or more corners, x and y")
                continue
            if not np.isfinite(ring).all():
                faults.append(f"volume {k}: a corner is not a finite number")
                continue
            shape = shapely.Polygon(ring)
        if shape.is_empty:
            continue
        if shape.geom_type not in {"Polygon", "MultiPolygon"} or not shape.is_valid:
            why = shapely.is_valid_reason(shape)
            faults.append(f"volume {k}: expected a valid polygon, found {shape.geom_type}: {why}")
            continue
        polygons.append(shape)
    if faults:
        raise AirRouteError("; ".join(faults))
    return polygons


def _frame_of(polygons: Sequence[Any], reach_m: float) -> tuple[tuple[float, float], int]:
    box = shapely.total_bounds(np.array(polygons, dtype=object)) if polygons else np.zeros(4)
    half = max(box[2] - box[0], box[3] - box[1]) / 2 + max(reach_m, 1.0)
    exponent = int(np.floor(np.log2(_HALF_GRID / half)))
    if exponent < _COARSEST_EXPONENT:
        raise AirRouteError(
            f"the volumes span {2 * half / 1000:,.0f} km with the reach around them: expected at "
            f"most {2 * _HALF_GRID / 2**_COARSEST_EXPONENT / 1000:,.0f} km; cut them to the region"
        )
    centre = (float(round((box[0] + box[2]) / 2)), float(round((box[1] + box[3]) / 2)))
    return centre, min(exponent, _FINEST_EXPONENT)


def _rings(
    polygons: Sequence[Any], origin_m: tuple[float, float], steps: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Corners int64[m, 2] of the united volumes, and where each ring starts (one more at the end).

    The union is made with GEOS' snap rounding on the very grid of the map, so that rings meet only
    in common corners and no later rounding can undo that.
    """
    if not polygons:
        return np.empty((0, 2), np.int64), np.zeros(1, np.int64)
    scaled = shapely.transform(
        np.array(polygons, dtype=object), lambda xy: (xy - np.asarray(origin_m)) * steps
    )
    union = shapely.remove_repeated_points(shapely.union_all(scaled, grid_size=1.0))
    parts = [part for part in shapely.get_parts(union) if part.geom_type == "Polygon"]
    parts = list(shapely.orient_polygons(np.array(parts, dtype=object)))
    rings = shapely.get_rings(np.array(parts, dtype=object))
    corners = [np.rint(shapely.get_coordinates(ring)[:-1]).astype(np.int64) for ring in rings]
    first = np.concatenate(([0], np.cumsum([len(ring) for ring in corners])))
    return np.concatenate(corners) if corners else np.empty((0, 2), np.int64), first


def _field(corners: NDArray[np.int64], ring_first: NDArray[np.int64]) -> Field:
    m = len(corners)
    ahead = np.arange(1, m + 1, dtype=np.int32)
    ahead[ring_first[1:] - 1] = ring_first[:-1]
    behind = np.empty(m, np.int32)
    behind[ahead] = np.arange(m, dtype=np.int32)
    shared = [_cones(group, corners, ahead, behind) for group in _shared_points(corners)]
    for corner, before in (pair for cones in shared for pair in cones):
        behind[corner], ahead[before] = before, corner
    span_ahead, span_behind = ahead.copy(), behind.copy()
    bend = np.sign(_turns(corners, behind, ahead)).astype(np.int8)
    is_node = bend > 0
    for cones in shared:
        _widest_gap(cones, corners, ahead, span_ahead, span_behind, bend)
        group = [corner for corner, _ in cones]
        is_node[group] = False
        is_node[group[0]] = bend[group[0]] > 0
    frame = _grid(corners)
    cell_first, cell_edge = kernels_air.edges_by_cell(corners, ahead, frame)
    cell_ends = np.concatenate((corners[cell_edge], corners[ahead[cell_edge]]), axis=1)
    return Field(
        corners, ahead, behind, span_ahead, span_behind, bend,
        np.flatnonzero(is_node).astype(np.int32), cell_first, cell_edge, cell_ends, frame,
    )  # fmt: skip


def _turns(
    corners: NDArray[np.int64], behind: NDArray[np.int32], ahead: NDArray[np.int32]
) -> NDArray[np.int64]:
    arriving, leaving = corners - corners[behind], corners[ahead] - corners
    return np.asarray(arriving[:, 0] * leaving[:, 1] - arriving[:, 1] * leaving[:, 0])


def _shared_points(corners: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Groups of corners at one point, where volumes touch each other or themselves."""
    if len(corners) == 0:
        return []
    order = np.lexsort((corners[:, 1], corners[:, 0]))
    same = (corners[order][1:] == corners[order][:-1]).all(axis=1)
    if not same.any():
        return []
    starts = np.flatnonzero(np.concatenate(([True], ~same)))
    return [group for group in np.split(order, starts[1:]) if len(group) > 1]


def _cones(
    group: NDArray[np.int64],
    corners: NDArray[np.int64],
    ahead: NDArray[np.int32],
    behind: NDArray[np.int32],
) -> list[tuple[int, int]]:
    """The volume's angles at a shared point, anticlockwise: (corner, corner before it).

    An angle runs from an edge that leaves the point to the next edge that arrives there, which may
    belong to another ring: a hole that touches its own border, for one.
    """
    x, y = (int(v) for v in corners[group[0]])
    spokes: list[tuple[int, int, int, int]] = []
    for corner in (int(v) for v in group):
        for end, leaves in ((int(ahead[corner]), 1), (int(behind[corner]), 0)):
            spokes.append(
                (
                    int(corners[end, 0]) - x,
                    int(corners[end, 1]) - y,
                    leaves,
                    corner if leaves else end,
                )
            )
    spokes.sort(key=cmp_to_key(_anticlockwise))
    first = next(k for k, spoke in enumerate(spokes) if spoke[2])
    around = spokes[first:] + spokes[:first]
    return [(around[k][3], around[k + 1][3]) for k in range(0, len(around), 2)]


def _anticlockwise(one: tuple[int, ...], two: tuple[int, ...]) -> int:
    lower = [(v[1] < 0 or (v[1] == 0 and v[0] < 0)) for v in (one, two)]
    if lower[0] != lower[1]:
        return 1 if lower[0] else -1
    cross = one[0] * two[1] - one[1] * two[0]
    return -1 if cross > 0 else 1 if cross < 0 else 0


def _widest_gap(
    cones: list[tuple[int, int]],
    corners: NDArray[np.int64],
    ahead: NDArray[np.int32],
    span_ahead: NDArray[np.int32],
    span_behind: NDArray[np.int32],
    bend: NDArray[np.int8],
) -> None:
    """Set ``span_*`` and ``bend`` of corners that share a point.

    Anticlockwise, a free angle runs from the edge behind one corner to the edge ahead of the next.
    At most one free angle reaches 180 degrees; only within that one can a route pass the point.
    """
    group = [corner for corner, _ in cones]
    here = corners[group[0]]
    bend[group] = -1
    for k, (_, before) in enumerate(cones):
        after = ahead[group[(k + 1) % len(group)]]
        p, q = (corners[before] - here).tolist(), (corners[after] - here).tolist()
        cross = p[0] * q[1] - p[1] * q[0]
        if cross > 0 or (cross == 0 and p[0] * q[0] + p[1] * q[1] > 0):
            continue
        bend[group] = 1 if cross < 0 else 0
        span_behind[group], span_ahead[group] = before, after


def _grid(corners: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(corners) == 0:
        return np.array([0, 0, 0, 1], dtype=np.int64)
    low, high = corners.min(axis=0) - 4, corners.max(axis=0) + 4
    wished = min(max(np.sqrt(_CELLS_PER_EDGE * len(corners)), 1.0), _MOST_CELLS_PER_SIDE)
    width = int((high - low).max())
    shift = max(int(np.ceil(np.log2(width / wished))), 0)
    return np.array([low[0], low[1], shift, (width >> shift) + 1], dtype=np.int64)


def _arcs(
    one: NDArray[np.int32], two: NDArray[np.int32], node_count: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    tail, head = np.concatenate((one, two)), np.concatenate((two, one))
    order = np.lexsort((head, tail))
    first = np.concatenate(([0], np.cumsum(np.bincount(tail, minlength=node_count))))
    return first.astype(np.int32), head[order].astype(np.int32)


def warmup() -> None:
    """Compile every routine, or load it from the cache, before the first real question."""
    square = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])
    routes = ObstacleMap.build([square]).from_base(-5.0, 5.0)
    routes.route(15.0, 5.0)
    routes.air_m_to_many([15.0], [5.0])
