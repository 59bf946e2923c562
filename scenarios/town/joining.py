"""From lines that cross to ways that share nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from scenarios.town.plan import Floats, Kind
from scenarios.town.streets import Street

STUB_M = 16.0  # shorter loose ends are what patterns leave over
GRID_M = 0.1  # points closer than this are one node
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class JoinedWay:
    """A way over the shared nodes."""

    nodes: Ints
    tags: dict[str, str]
    kind: Kind | None


@dataclass(frozen=True)
class StreetMap:
    """Nodes (n, 2) in metres and the ways over them; all of it hangs together."""

    points: Floats
    ways: tuple[JoinedWay, ...]


def join(streets: list[Street], rng: np.random.Generator) -> StreetMap:
    """A node wherever two lines meet; pieces left out by chance, loose ends and islands dropped."""
    lines = np.array([shapely.linestrings(street.points) for street in streets])
    lines = shapely.simplify(lines, 0.7)
    owner, along, places = _vertices(lines)
    node, points = _shared(places)
    order = np.lexsort((along, owner))
    owner, along, node = owner[order], along[order], node[order]
    chains = np.split(node, np.flatnonzero(np.diff(owner)) + 1)
    uses = np.bincount(node, minlength=len(points))
    pieces = _pieces(chains, streets, uses, points, rng)
    pieces = largest_part(_without_stubs(pieces, points), len(points))
    return _compact(pieces, points)


def _vertices(lines: NDArray[np.object_]) -> tuple[Ints, Floats, Floats]:
    """Line, distance along it and place of all corners and crossings."""
    corners, owner = shapely.get_coordinates(lines, return_index=True)
    step = np.hypot(*np.diff(corners, axis=0, prepend=corners[:1]).T)
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    total = np.cumsum(step)
    along = total - total[first][owner]
    crossing_owner, crossings = _crossings(lines)
    crossing_along = shapely.line_locate_point(lines[crossing_owner], shapely.points(crossings))
    return (
        np.concatenate([owner, crossing_owner]),
        np.concatenate([along, crossing_along]),
        np.concatenate([corners, crossings]),
    )


def _crossings(lines: NDArray[np.object_]) -> tuple[Ints, Floats]:
    """Every place where two lines meet, once for each of the two."""
    first, second = shapely.STRtree(lines).query(lines, predicate="intersects")
    once = first < second
    first, second = first[once], second[once]
    parts, pair = shapely.get_parts(
        shapely.intersection(lines[first], lines[second]), return_index=True
    )
    is_point = shapely.get_type_id(parts) == 0
    places: Floats = shapely.get_coordinates(parts[is_point])
    pair = pair[is_point]
    owner = np.concatenate([first[pair], second[pair]])
    return owner, np.asarray(np.concatenate([places, places]), dtype=np.float64)


def _shared(places: Floats) -> tuple[Ints, Floats]:
    """Node of each place, and the nodes' places, on a fine grid."""
    cells = np.round(places / GRID_M).astype(np.int64)
    unique, node = np.unique(cells, axis=0, return_inverse=True)
    return node.ravel().astype(np.int64), np.asarray(unique * GRID_M, dtype=np.float64)


def _pieces(
    chains: list[Ints], streets: list[Street], uses: Ints, points: Floats, rng: np.random.Generator
) -> list[JoinedWay]:
    """Each line as one way, or as several where pieces between two junctions are left out."""
    ways = []
    for chain, street in zip(chains, streets, strict=True):
        nodes = chain[np.flatnonzero(np.diff(chain, prepend=-1))]
        if len(nodes) < 2:
            continue
        joints = np.flatnonzero(uses[nodes] > 1)
        cuts = np.unique(np.concatenate([[0], joints, [len(nodes) - 1]]))
        kept = rng.random(len(cuts) - 1) >= street.gaps
        run: list[int] = []
        for start, stop, keep in zip(cuts[:-1], cuts[1:], kept, strict=True):
            if keep:
                run = run or [int(start)]
                run.append(int(stop))
            if run and (not keep or stop == cuts[-1]):
                part = nodes[run[0] : run[-1] + 1]
                ways.append(JoinedWay(part, street.tags, street.kind))
                run = []
    return [way for way in ways if _way_length(way.nodes, points) > 0.5]


def _without_stubs(ways: list[JoinedWay], points: Floats) -> list[JoinedWay]:
    """Cut loose ends shorter than ``STUB_M`` back to the last junction."""
    uses = np.bincount(np.concatenate([way.nodes for way in ways]), minlength=len(points))
    kept = []
    for way in ways:
        nodes = _trimmed(_trimmed(way.nodes, uses, points)[::-1], uses, points)[::-1]
        if len(nodes) > 1:
            kept.append(JoinedWay(nodes, way.tags, way.kind))
    return kept


def _trimmed(nodes: Ints, uses: Ints, points: Floats) -> Ints:
    if len(nodes) < 2 or uses[nodes[0]] > 1:
        return nodes
    joints = np.flatnonzero(uses[nodes] > 1)
    if not len(joints):
        return nodes
    loose = nodes[: joints[0] + 1]
    return nodes[joints[0] :] if _way_length(loose, points) < STUB_M else nodes


def _way_length(nodes: Ints, points: Floats) -> float:
    return float(np.hypot(*np.diff(points[nodes], axis=0).T).sum())


def largest_part(ways: list[JoinedWay], n_nodes: int) -> list[JoinedWay]:
    """The ways of the largest connected part, in their order; ``n_nodes``: of the whole map."""
    parent = list(range(n_nodes))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for way in ways:
        first = root(int(way.nodes[0]))
        for node in way.nodes[1:].tolist():
            parent[root(node)] = first
    roots = [root(int(way.nodes[0])) for way in ways]
    sizes: dict[int, int] = {}
    for way, part in zip(ways, roots, strict=True):
        sizes[part] = sizes.get(part, 0) + len(way.nodes)
    largest = max(sizes, key=lambda part: sizes[part])
    return [way for way, part in zip(ways, roots, strict=True) if part == largest]


def _compact(ways: list[JoinedWay], points: Floats) -> StreetMap:
    used, renumbered = np.unique(np.concatenate([way.nodes for way in ways]), return_inverse=True)
    parts = np.split(renumbered, np.cumsum([len(way.nodes) for way in ways])[:-1])
    ways = [JoinedWay(part, way.tags, way.kind) for part, way in zip(parts, ways, strict=True)]
    return StreetMap(points[used], tuple(ways))
