"""Slow, obvious answers about flights around volumes; the judge of the air router.

``shortest`` grows the volumes by a hair, joins every pair of corners that sees each other and takes
the shortest way. The hair makes "the limit of flights that keep clear" literal: volumes that touch
leave no gap. Good to about a thousandth for coordinates of the size of ten.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

HAIR = 1e-5
_ANGLES = np.arange(720) * math.pi / 360 + 0.001
_AROUND = np.column_stack((np.cos(_ANGLES), np.sin(_ANGLES)))


def air_length(dx: float, dy: float, wind: tuple[float, float]) -> float:
    """Way through the air for a displacement: smallest s with |(dx, dy) - s wind| = s."""
    # s^2 (1 - w.w) + 2 s (d.w) - d.d = 0
    a, b = 1.0 - wind[0] ** 2 - wind[1] ** 2, dx * wind[0] + dy * wind[1]
    return float((-b + np.sqrt(b * b + a * (dx * dx + dy * dy))) / a)


def shortest(
    polygons: list[Any],
    base: tuple[float, float],
    target: tuple[float, float],
    wind: tuple[float, float] = (0.0, 0.0),
) -> float:
    """Length of the shortest way through the air from base to target; inf where there is none."""
    union = shapely.union_all(polygons)
    core = union.buffer(-HAIR / 10)
    if any(shapely.contains_properly(core, shapely.Point(end)) for end in (base, target)):
        return math.inf
    grown = union.buffer(HAIR, join_style="mitre", mitre_limit=50.0)
    wall = union.buffer(HAIR * 0.9, join_style="mitre", mitre_limit=50.0)
    shapely.prepare(wall)
    corners = shapely.get_coordinates(grown)
    # An end on a border lies within the hair: leave from every side of it that is clear.
    starts, ends = (_clear_places(place, wall) for place in (base, target))
    if not starts or not ends:
        return math.inf
    points = np.array([*starts, *ends, *map(tuple, corners)])
    i, j = np.triu_indices(len(points), 1)
    lines = shapely.linestrings(np.stack((points[i], points[j]), axis=1))
    seen = ~shapely.intersects(wall, lines)
    i, j = i[seen], j[seen]
    d = points[j] - points[i]
    forth = [air_length(*step, wind) for step in d]
    back = [air_length(*-step, wind) for step in d]
    n = len(points)
    weights = csr_matrix(
        (np.maximum(forth + back, 1e-12), (np.r_[i, j], np.r_[j, i])), shape=(n, n)
    )
    far = dijkstra(weights, indices=range(len(starts)))
    return float(far[:, len(starts) : len(starts) + len(ends)].min())


def _clear_places(place: tuple[float, float], wall: Any) -> list[tuple[float, float]]:
    """The place itself, or from a border every way off it: the middle of each clear angle too."""
    if not shapely.intersects(wall, shapely.Point(place)):
        return [place]
    near = np.array(place) + 40 * HAIR * _AROUND
    clear = ~shapely.intersects(wall, shapely.points(near))
    if clear.all() or not clear.any():
        return [(float(x), float(y)) for x, y in near[clear][::30]]
    turned = np.flatnonzero(~clear)[0]
    runs = np.split(np.arange(len(near)), np.flatnonzero(np.diff(np.roll(clear, -turned))) + 1)
    chosen = [(run[len(run) // 2] + turned) % len(near) for run in runs]
    chosen += list(range(0, len(near), 30))
    return [(float(near[k, 0]), float(near[k, 1])) for k in chosen if clear[k]]


class Lattice:
    """Flights along the links of a dense lattice: each link joins places up to six steps apart."""

    def __init__(
        self,
        volumes: list[Any],
        box: tuple[float, float, float, float],
        step: float,
        wind: tuple[float, float],
    ) -> None:
        self.left, self.bottom, self.step = box[0], box[1], step
        self.columns = round((box[2] - box[0]) / step) + 1
        self.rows = round((box[3] - box[1]) / step) + 1
        core = shapely.union_all(volumes).buffer(-1e-9)
        shapely.prepare(core)
        column, row = np.meshgrid(np.arange(self.columns), np.arange(self.rows))
        tails, heads, weights = [], [], []
        for dx in range(-6, 7):
            for dy in range(-6, 7):
                if math.gcd(dx, dy) != 1:
                    continue
                end_column, end_row = column + dx, row + dy
                on = (end_column >= 0) & (end_column < self.columns)
                on &= (end_row >= 0) & (end_row < self.rows)
                tail = (row * self.columns + column)[on]
                head = (end_row * self.columns + end_column)[on]
                lines = shapely.linestrings(np.stack((self.place(tail), self.place(head)), axis=1))
                free = ~shapely.intersects(core, lines)
                tails.append(tail[free])
                heads.append(head[free])
                way = air_length(dx * step, dy * step, wind)
                weights.append(np.full(int(free.sum()), way))
        n = self.rows * self.columns
        links = (np.concatenate(tails), np.concatenate(heads))
        self.graph = csr_matrix((np.concatenate(weights), links), shape=(n, n))

    def place(self, index: Any) -> Any:
        """x and y of lattice points."""
        return np.stack(
            (
                self.left + index % self.columns * self.step,
                self.bottom + index // self.columns * self.step,
            ),
            axis=-1,
        )

    def index(self, x: float, y: float) -> int:
        """The lattice point at x, y."""
        column, row = round((x - self.left) / self.step), round((y - self.bottom) / self.step)
        return row * self.columns + column

    def from_place(self, x: float, y: float) -> Any:
        """Way through the air from one place to every lattice point."""
        return dijkstra(self.graph, indices=self.index(x, y))


def random_volumes(rng: np.random.Generator) -> list[Any]:
    """One to six volumes on small whole numbers: touching, nested, overlapping, in line, holed."""
    return [_random_volume(rng) for _ in range(int(rng.integers(1, 7)))]


def _random_volume(rng: np.random.Generator) -> Any:
    kind = int(rng.integers(0, 5))
    x, y = (int(v) for v in rng.integers(0, 10, 2))
    if kind == 0:
        return shapely.box(x, y, x + int(rng.integers(1, 6)), y + int(rng.integers(1, 6)))
    if kind == 1:  # a frame: encloses what lies in its hole
        w, h = (int(v) for v in rng.integers(3, 8, 2))
        inner = shapely.box(x + 1, y + 1, x + w - 1, y + h - 1)
        return shapely.box(x, y, x + w, y + h).difference(inner)
    if kind == 2:  # an L: a pocket
        w = int(rng.integers(2, 6))
        return shapely.box(x, y, x + w, y + w).difference(shapely.box(x + 1, y + 1, x + w, y + w))
    if kind == 3:  # a diamond: touches others at a corner
        r = int(rng.integers(1, 4))
        return shapely.Polygon([(x - r, y), (x, y - r), (x + r, y), (x, y + r)])
    while True:
        n = int(rng.integers(3, 8))
        centre = rng.integers(2, 10, 2)
        angles = np.sort(rng.uniform(0, 2 * np.pi, n))
        radius = rng.uniform(1, 5, n)
        ring = np.rint(np.c_[np.cos(angles), np.sin(angles)] * radius[:, None] + centre)
        shape = shapely.Polygon(ring)
        if shape.is_valid and shape.area > 0:
            return shape


def random_place(rng: np.random.Generator, volumes: list[Any]) -> tuple[float, float]:
    """Anywhere, on the whole numbers, at a corner, on an edge or within a volume."""
    kind = int(rng.integers(0, 5))
    if kind <= 1:
        x, y = rng.integers(-2, 16, 2) if kind == 0 else rng.uniform(-2, 16, 2)
        return float(x), float(y)
    volume = volumes[int(rng.integers(0, len(volumes)))]
    corners = shapely.get_coordinates(volume)
    k = int(rng.integers(0, len(corners) - 1))
    if kind == 2:
        return float(corners[k, 0]), float(corners[k, 1])
    if kind == 3:  # halves are exact on the router's grid
        middle = (corners[k] + corners[k + 1]) / 2
        return float(middle[0]), float(middle[1])
    inside = volume.representative_point()
    return float(inside.x), float(inside.y)
