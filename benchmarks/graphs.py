"""The streets of a benchmark twice: as the product's network, and as the raw map graph.

The raw graph has one node per map node, as the peers would load it. Its whole-decisecond times
are those of the product's edges, shared out over the map's segments, so that every way takes the
same time in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geo.network import INF_DS, RoadNetwork, Segments, build_network
from geo.points import haversine_m
from geo.snap import Positions, positions_on_edges

METRES_PER_DEGREE = 111_195.0
WALKING_MPS = 1.33
DRIVING_MPS = tuple(kmh / 3.6 for kmh in (90.0, 60.0, 50.0, 30.0))
SAMPLED_SOURCES = 64


@dataclass(frozen=True)
class RawGraph:
    """n map nodes and A arcs, sorted by tail; ``edge`` and ``share`` place each node."""

    lat: np.ndarray
    lon: np.ndarray
    tail: np.ndarray
    head: np.ndarray
    first_out: np.ndarray
    ds: np.ndarray
    edge: np.ndarray  # product edge on which the node lies
    share: np.ndarray  # of that edge's length from its u

    def __len__(self) -> int:
        return len(self.lat)


@dataclass(frozen=True)
class Streets:
    """One mode of travel, both ways of seeing it."""

    network: RoadNetwork
    raw: RawGraph

    def at(self, nodes: Any) -> Positions:
        """The product's positions of raw nodes."""
        return positions_on_edges(self.network, self.raw.edge[nodes], self.raw.share[nodes])


def raw_graph(network: RoadNetwork) -> RawGraph:
    """Every shape point of every edge as a node; parallel arcs keep the least time, loops go."""
    first = network.geom_first.astype(np.int64)
    n, counts = network.n_nodes, np.diff(first)
    owner = np.repeat(np.arange(network.n_edges), counts)
    ends = np.zeros(len(owner), np.bool_)
    ends[first[:-1]] = ends[first[1:] - 1] = True
    number = np.empty(len(owner), np.int64)
    number[first[:-1]], number[first[1:] - 1] = network.edge_u, network.edge_v
    inner = np.flatnonzero(~ends)
    number[inner] = n + np.arange(len(inner))

    lat, lon = network.geom_lat, network.geom_lon
    step = haversine_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    step[first[1:-1] - 1] = 0.0
    run = np.concatenate([[0.0], np.cumsum(step)])
    along = run - run[first[:-1]][owner]
    length = np.maximum((run[first[1:] - 1] - run[first[:-1]])[owner], 1e-9)
    share = along / length
    share[first[1:] - 1] = 1.0

    piece = np.ones(len(owner) - 1, np.bool_)
    piece[first[1:-1] - 1] = False
    a = np.flatnonzero(piece)
    arcs = []
    for times, tail, head in (
        (network.edge_forward_ds, a, a + 1),
        (network.edge_backward_ds, a + 1, a),
    ):
        whole = times[owner[a]].astype(np.float64)
        open_ = whole < INF_DS
        done = np.rint(share[a] * whole), np.rint(share[a + 1] * whole)
        ds = np.where(open_, done[1] - done[0], 0).astype(np.int64)
        arcs.append((number[tail][open_], number[head][open_], ds[open_]))
    tail, head, ds = (np.concatenate([part[i] for part in arcs]) for i in range(3))
    order = np.lexsort((ds, head, tail))
    tail, head, ds = tail[order], head[order], ds[order]
    keep = tail != head
    keep[1:] &= (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
    tail, head, ds = tail[keep], head[keep], ds[keep]
    n_raw = n + len(inner)
    first_out = np.zeros(n_raw + 1, np.int64)
    np.cumsum(np.bincount(tail, minlength=n_raw), out=first_out[1:])

    edge = np.empty(n_raw, np.int64)
    where = np.empty(n_raw)
    edge[n:], where[n:] = owner[inner], share[inner]
    edge[network.edge_v], where[network.edge_v] = np.arange(network.n_edges), 1.0
    edge[network.edge_u], where[network.edge_u] = np.arange(network.n_edges), 0.0
    return RawGraph(
        lat=np.concatenate([network.node_lat, lat[inner]]),
        lon=np.concatenate([network.node_lon, lon[inner]]),
        tail=tail,
        head=head,
        first_out=first_out,
        ds=ds,
        edge=edge,
        share=where,
    )


def largest_part(streets: Streets) -> np.ndarray:
    """Raw nodes in the largest strongly connected part."""
    network, raw = streets.network, streets.raw
    main = network.component == 0
    inside = main[network.edge_u[raw.edge]] & main[network.edge_v[raw.edge]]
    open_both = (network.edge_forward_ds < INF_DS) & (network.edge_backward_ds < INF_DS)
    return np.flatnonzero(inside & open_both[raw.edge])


def read_edges(file: Path, tile: str = "1x1") -> Segments:
    """Segments of a ``.npz`` with ``edges`` (m, 2) and planar ``xy`` (n, 2) in metres.

    The largest connected part only. A tile of "2x3" lays mirrored copies side by side, two rows of
    three, and stitches them along their borders: larger, with real structure inside each copy. A
    tile of "1/8" keeps the middle, about an eighth of the nodes. Speeds are those of
    ``driving_mps``, and of the second slowest class across the borders.
    """
    with np.load(file) as arrays:
        edges, xy = arrays["edges"].astype(np.int64), arrays["xy"].astype(np.float64)
    if "/" in tile:
        edges, xy = _middle(edges, xy, 1.0 / float(tile.partition("/")[2]))
    edges, xy = _connected(edges, xy)
    speed = driving_mps(edges, xy)
    if "x" in tile and tile != "1x1":
        rows, columns = (int(part) for part in tile.split("x"))
        copies = len(edges) * rows * columns
        edges, xy = _tiled(edges, xy, rows, columns)
        links = np.full(len(edges) - copies, DRIVING_MPS[2])
        speed = np.concatenate([np.tile(speed, rows * columns), links])
    return Segments(
        lat=xy[:, 1] / METRES_PER_DEGREE,
        lon=xy[:, 0] / METRES_PER_DEGREE,
        u=edges[:, 0].astype(np.int32),
        v=edges[:, 1].astype(np.int32),
        forward_mps=speed,
        backward_mps=speed,
        road_class=np.zeros(len(edges), np.uint8),
        name=np.full(len(edges), -1, np.int32),
        names=(),
    )


def _middle(edges: np.ndarray, xy: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The nodes nearest to the middle of all, and the edges between them."""
    away = np.abs(xy - np.median(xy, axis=0)).max(axis=1)
    inside = away <= np.quantile(away, share)
    number = np.cumsum(inside) - 1
    return number[edges[inside[edges].all(axis=1)]], xy[inside]


def _tiled(
    edges: np.ndarray, xy: np.ndarray, rows: int, columns: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mirrored copies, copy by copy, then the links between 400 nodes at each common border."""
    xy = xy - xy.min(axis=0)
    width, height = xy.max(axis=0)
    n, copies, links = len(xy), [], []
    for row in range(rows):
        for column in range(columns):
            x = xy[:, 0] if column % 2 == 0 else width - xy[:, 0]
            y = xy[:, 1] if row % 2 == 0 else height - xy[:, 1]
            copies.append(np.stack([x + column * width, y + row * height], axis=1))
    east = [np.argsort(width - xy[:, 0])[:400], np.argsort(xy[:, 0])[:400]]
    north = [np.argsort(height - xy[:, 1])[:400], np.argsort(xy[:, 1])[:400]]
    for row in range(rows):
        for column in range(columns):
            here = row * columns + column
            if column + 1 < columns:
                rim = east[column % 2]
                links.append(np.stack([rim + here * n, rim + (here + 1) * n], axis=1))
            if row + 1 < rows:
                rim = north[row % 2]
                links.append(np.stack([rim + here * n, rim + (here + columns) * n], axis=1))
    inner = [edges + i * n for i in range(rows * columns)]
    return np.concatenate([*inner, *links]), np.concatenate(copies)


def _connected(edges: np.ndarray, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy import sparse
    from scipy.sparse import csgraph

    n = len(xy)
    matrix = sparse.csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n))
    _, label = csgraph.connected_components(matrix, directed=False)
    inside = label == np.bincount(label).argmax()
    number = np.cumsum(inside) - 1
    return number[edges[inside[edges[:, 0]]]], xy[inside]


def driving_mps(edges: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Synthetic speeds: the more shortest ways from sampled sources use a street, the faster.

    90, 60, 50 and 30 km/h for the top 3, 10, 25 per cent and the rest. The graph has no road
    classes; these give it a hierarchy as real roads have one (assumption).
    """
    from scipy import sparse
    from scipy.sparse import csgraph

    n = len(xy)
    length = np.maximum(np.hypot(*(xy[edges[:, 0]] - xy[edges[:, 1]]).T), 1.0)
    matrix = sparse.csr_matrix((length, (edges[:, 0], edges[:, 1])), shape=(n, n))
    matrix = matrix.maximum(matrix.T)
    use = np.zeros(n)
    for source in np.random.default_rng(0).choice(n, SAMPLED_SOURCES, replace=False):
        distance, before = csgraph.dijkstra(matrix, indices=int(source), return_predecessors=True)
        _add_subtree_sizes(np.argsort(-distance), before, use)
    busy = np.minimum(use[edges[:, 0]], use[edges[:, 1]])
    rank = busy.argsort(kind="stable").argsort(kind="stable") / len(busy)
    return np.select([rank > 0.97, rank > 0.90, rank > 0.75], DRIVING_MPS[:3], DRIVING_MPS[3])


def _add_subtree_sizes(order: np.ndarray, before: np.ndarray, use: np.ndarray) -> None:
    size = np.ones(len(use))
    order, before = order.tolist(), before.tolist()
    for node in order:
        if before[node] >= 0:
            size[before[node]] += size[node]
    use += size


def streets_of(network: RoadNetwork) -> Streets:
    """The network with its raw graph."""
    return Streets(network, raw_graph(network))


def walking(segments: Segments) -> Segments:
    """The same streets on foot, both ways."""
    speed = np.full(len(segments.u), WALKING_MPS)
    return Segments(
        lat=segments.lat,
        lon=segments.lon,
        u=segments.u,
        v=segments.v,
        forward_mps=speed,
        backward_mps=speed,
        road_class=segments.road_class,
        name=segments.name,
        names=segments.names,
    )


def networks_of_file(file: Path, tile: str) -> dict[str, Streets]:
    """Foot and car streets of a graph file."""
    segments = read_edges(file, tile)
    return {
        "car": streets_of(build_network("car", segments)),
        "foot": streets_of(build_network("foot", walking(segments))),
    }
