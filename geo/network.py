"""The road network of one mode of travel: frozen arrays with an exact meaning.

An *edge* is a chain of map segments between two junctions; it may be open both ways or one way.
An *arc* is one direction of an edge that is open. Times are whole deciseconds, so that sums are
exact and every search on the same arrays gives the same answer to the unit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from geo.errors import NetworkError
from geo.points import EARTH_RADIUS_M, frozen, haversine_m, hilbert_keys

INF_DS = 2**29
"""Closed, or not reachable. Three of them still fit into an int32."""

GRID_CELL_M = 100.0
"""Width of a cell of the index that finds the edge nearest to a point."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Segments:
    """Straight pieces of road as the map draws them; what a reader hands over.

    Nodes are numbered 0..n-1 in any order. Segment ``s`` runs from node ``u[s]`` to ``v[s]``;
    its speeds are in metres per second along and against that direction, 0 where closed.
    """

    lat: Floats  # [n] degrees
    lon: Floats  # [n] degrees
    u: Ints  # [S]
    v: Ints  # [S]
    forward_mps: Floats  # [S]
    backward_mps: Floats  # [S]
    road_class: NDArray[np.uint8]  # [S] index into geo.speeds.ROAD_CLASSES
    name: Ints  # [S] index into names, -1 where the street has none
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RoadNetwork:
    """Junctions, edges and arcs of one mode of travel. All arrays are read-only.

    n junctions along a Hilbert curve, E edges sorted by ``edge_u``, A arcs, G shape points.
    Shape points ``geom_first[e] .. geom_first[e + 1]`` of edge e include both ends. Outgoing arcs
    of junction v are ``first_out[v] .. first_out[v + 1]``, incoming ones likewise. An edge from a
    junction back to itself has a shape and times but no arcs.
    """

    mode: str
    names: tuple[str, ...]
    node_lat: Floats  # [n] degrees
    node_lon: Floats  # [n] degrees
    component: Ints  # [n] strongly connected part, 0 the largest
    edge_u: Ints  # [E]
    edge_v: Ints  # [E]
    edge_length_m: NDArray[np.float32]  # [E]
    edge_forward_ds: Ints  # [E] from u to v, INF_DS where closed
    edge_backward_ds: Ints  # [E] from v to u, INF_DS where closed
    edge_name: Ints  # [E] index into names, -1 where it has none
    edge_class: NDArray[np.uint8]  # [E] index into geo.speeds.ROAD_CLASSES
    geom_first: Ints  # [E + 1]
    geom_lat: Floats  # [G]
    geom_lon: Floats  # [G]
    first_out: Ints  # [n + 1]
    head: Ints  # [A] where the arc leads
    arc_edge: Ints  # [A]
    arc_ds: Ints  # [A]
    first_in: Ints  # [n + 1]
    tail: Ints  # [A] where the incoming arc comes from
    in_edge: Ints  # [A]
    in_ds: Ints  # [A]
    grid_frame: Floats  # [5] south, west, cell height and width in degrees, columns
    grid_key: NDArray[np.int64]  # [K] row * columns + column of the cells in use, ascending
    grid_first: Ints  # [K + 1]
    grid_item: Ints  # shape point that starts a piece of road in this cell

    @property
    def n_nodes(self) -> int:
        """Number of junctions."""
        return len(self.node_lat)

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return len(self.edge_u)

    @property
    def n_arcs(self) -> int:
        """Number of open directions of edges."""
        return len(self.head)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """South, west, north, east in degrees."""
        return (
            float(self.geom_lat.min()),
            float(self.geom_lon.min()),
            float(self.geom_lat.max()),
            float(self.geom_lon.max()),
        )

    def component_sizes(self) -> NDArray[np.int64]:
        """Junctions per component, largest first."""
        return np.bincount(self.component)

    def street(self, edge: int) -> str | None:
        """Name of the street that an edge belongs to, or None."""
        name = int(self.edge_name[edge])
        return self.names[name] if name >= 0 else None


ARRAY_FIELDS: tuple[str, ...] = tuple(
    field.name for field in fields(RoadNetwork) if field.name not in {"mode", "names"}
)
"""The arrays of a network, in the order in which they are saved."""


def build_network(mode: str, segments: Segments) -> RoadNetwork:
    """Joins segments to edges between junctions and puts everything in Hilbert order.

    A chain runs through a node when exactly two segments meet there and the speeds straight
    through are the same in both directions; so time is proportional to length along an edge.

    Raises:
        NetworkError: no segment is open, or the arrays do not fit each other.
    """
    raw = _in_hilbert_order(_checked(segments))
    first, chain, start = _chains(raw)
    along = chain >= 0
    segment = np.where(along, chain, ~chain)
    piece_from = np.where(along, raw.u[segment], raw.v[segment])
    piece_to = np.where(along, raw.v[segment], raw.u[segment])
    piece_m = haversine_m(
        raw.lat[piece_from], raw.lon[piece_from], raw.lat[piece_to], raw.lon[piece_to]
    )
    head_piece = first[:-1]
    length_m = np.add.reduceat(piece_m, head_piece)
    leading = segment[head_piece]
    forwards = along[head_piece]
    forward_mps = np.where(forwards, raw.forward_mps[leading], raw.backward_mps[leading])
    backward_mps = np.where(forwards, raw.backward_mps[leading], raw.forward_mps[leading])
    end = piece_to[first[1:] - 1]

    junctions = np.unique(np.concatenate([start, end]))
    number = np.full(len(raw.lat), -1, dtype=np.int32)
    number[junctions] = np.arange(len(junctions), dtype=np.int32)
    order = np.lexsort((np.arange(len(start)), number[end], number[start]))
    shape_first, shape_node = _shape_points(first, piece_from, end, order)
    return network_from_edges(
        mode,
        node_lat=raw.lat[junctions],
        node_lon=raw.lon[junctions],
        edge_u=number[start][order],
        edge_v=number[end][order],
        edge_length_m=length_m[order],
        edge_forward_ds=travel_ds(length_m, forward_mps)[order],
        edge_backward_ds=travel_ds(length_m, backward_mps)[order],
        edge_name=_of_most_metres(raw.name[segment], piece_m, first)[order],
        edge_class=_of_most_metres(raw.road_class[segment], piece_m, first)[order],
        names=raw.names,
        shape=(shape_first, raw.lat[shape_node], raw.lon[shape_node]),
    )


def travel_ds(length_m: Floats, speed_mps: Floats) -> Ints:
    """Whole deciseconds for the length at the speed, INF_DS where the speed is 0."""
    open_ = speed_mps > 0
    time_ds = np.rint(10.0 * length_m / np.where(open_, speed_mps, 1.0))
    return np.where(open_, np.minimum(time_ds, INF_DS - 1), INF_DS).astype(np.int32)


def network_from_edges(
    mode: str,
    *,
    node_lat: NDArray[Any],
    node_lon: NDArray[Any],
    edge_u: NDArray[Any],
    edge_v: NDArray[Any],
    edge_length_m: NDArray[Any],
    edge_forward_ds: NDArray[Any],
    edge_backward_ds: NDArray[Any],
    edge_name: NDArray[Any] | None = None,
    edge_class: NDArray[Any] | None = None,
    names: tuple[str, ...] = (),
    shape: tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None = None,
) -> RoadNetwork:
    """A network from its junctions and edges exactly as given: nothing is joined or renumbered.

    ``shape`` holds ``geom_first, geom_lat, geom_lon``; straight lines where it is left out.

    Raises:
        NetworkError: an edge names a junction that does not exist, or a time is negative.
    """
    n, n_edges = len(node_lat), len(edge_u)
    edge_u, edge_v = np.asarray(edge_u, np.int32), np.asarray(edge_v, np.int32)
    if n_edges == 0:
        raise NetworkError(f"{mode} network: no edges")
    for ends in (edge_u, edge_v):
        if ends.min() < 0 or ends.max() >= n:
            raise NetworkError(f"{mode} network: an edge ends at a junction outside 0..{n - 1}")
    if min(np.min(edge_forward_ds), np.min(edge_backward_ds)) < 0:
        raise NetworkError(f"{mode} network: negative travel time")
    forward_ds = np.minimum(edge_forward_ds, INF_DS).astype(np.int32)
    backward_ds = np.minimum(edge_backward_ds, INF_DS).astype(np.int32)
    if shape is None:
        ends_of_edge = np.stack([edge_u, edge_v], axis=1).ravel()
        shape = (
            np.arange(0, 2 * n_edges + 1, 2),
            np.asarray(node_lat, np.float64)[ends_of_edge],
            np.asarray(node_lon, np.float64)[ends_of_edge],
        )
    arcs = _arcs(n, edge_u, edge_v, forward_ds, backward_ds)
    arrays: dict[str, NDArray[Any]] = {
        "node_lat": frozen(node_lat, np.float64),
        "node_lon": frozen(node_lon, np.float64),
        "component": _components(arcs["first_out"], arcs["head"]),
        "edge_u": frozen(edge_u),
        "edge_v": frozen(edge_v),
        "edge_length_m": frozen(edge_length_m, np.float32),
        "edge_forward_ds": frozen(forward_ds),
        "edge_backward_ds": frozen(backward_ds),
        "edge_name": frozen(np.full(n_edges, -1) if edge_name is None else edge_name, np.int32),
        "edge_class": frozen(np.zeros(n_edges) if edge_class is None else edge_class, np.uint8),
        "geom_first": frozen(shape[0], np.int32),
        "geom_lat": frozen(shape[1], np.float64),
        "geom_lon": frozen(shape[2], np.float64),
        **arcs,
        **_grid(*shape),
    }
    return RoadNetwork(mode=mode, names=tuple(names), **{k: arrays[k] for k in ARRAY_FIELDS})


def _checked(segments: Segments) -> Segments:
    """Only open segments between two places."""
    n = len(segments.lat)
    if len(segments.u) and (
        min(segments.u.min(), segments.v.min()) < 0 or max(segments.u.max(), segments.v.max()) >= n
    ):
        raise NetworkError(f"segments end at nodes outside 0..{n - 1}")
    useful = (segments.forward_mps > 0) | (segments.backward_mps > 0)
    useful &= segments.u != segments.v
    if not useful.any():
        raise NetworkError("no segment is open to this mode of travel")
    return Segments(
        lat=segments.lat,
        lon=segments.lon,
        u=segments.u[useful],
        v=segments.v[useful],
        forward_mps=segments.forward_mps[useful],
        backward_mps=segments.backward_mps[useful],
        road_class=segments.road_class[useful],
        name=segments.name[useful],
        names=segments.names,
    )


def _in_hilbert_order(segments: Segments) -> Segments:
    used = np.unique(np.concatenate([segments.u, segments.v]))
    keys = hilbert_keys(segments.lat[used], segments.lon[used])
    used = used[np.argsort(keys, kind="stable")]
    number = np.full(len(segments.lat), -1, dtype=np.int32)
    number[used] = np.arange(len(used), dtype=np.int32)
    return Segments(
        lat=segments.lat[used],
        lon=segments.lon[used],
        u=number[segments.u],
        v=number[segments.v],
        forward_mps=segments.forward_mps,
        backward_mps=segments.backward_mps,
        road_class=segments.road_class,
        name=segments.name,
        names=segments.names,
    )


def _chains(raw: Segments) -> tuple[NDArray[np.int64], Ints, Ints]:
    from geo.kernels_network import join_chains  # noqa: PLC0415 - numba loads only when needed

    keep = np.zeros(len(raw.lat), dtype=np.bool_)
    first, chain, start = join_chains(
        len(raw.lat),
        np.ascontiguousarray(raw.u, np.int32),
        np.ascontiguousarray(raw.v, np.int32),
        np.ascontiguousarray(raw.forward_mps, np.float64),
        np.ascontiguousarray(raw.backward_mps, np.float64),
        keep,
    )
    return first, chain, start


def _of_most_metres(value: NDArray[Any], piece_m: Floats, first: NDArray[np.int64]) -> NDArray[Any]:
    """Per chain the value that most of its length has; -1 only where no piece has another."""
    chain_of = np.repeat(np.arange(len(first) - 1), np.diff(first))
    order = np.lexsort((value, chain_of))
    chain, ordered = chain_of[order], value[order].astype(np.int64)
    group = np.flatnonzero(np.append(True, (np.diff(chain) != 0) | (np.diff(ordered) != 0)))
    metres = np.add.reduceat(piece_m[order], group)
    metres = np.where(ordered[group] < 0, -1.0, metres)
    best = np.lexsort((ordered[group], -metres, chain[group]))
    leads = np.append(True, np.diff(chain[group][best]) != 0)
    return np.asarray(ordered[group][best][leads])


def _shape_points(
    first: NDArray[np.int64], piece_from: Ints, end: Ints, order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Ints]:
    """Raw nodes along each edge, both ends included, in the new order of the edges."""
    counts = np.diff(first) + 1
    shape_first = np.zeros(len(order) + 1, dtype=np.int64)
    np.cumsum(counts[order], out=shape_first[1:])
    shape_node = np.empty(shape_first[-1], dtype=np.int32)
    shape_node[shape_first[1:] - 1] = end[order]
    inner = np.ones(len(shape_node), dtype=np.bool_)
    inner[shape_first[1:] - 1] = False
    piece_counts = np.diff(first)[order]
    offsets = np.repeat(first[:-1][order] - _starts(piece_counts), piece_counts)
    shape_node[inner] = piece_from[offsets + np.arange(len(offsets))]
    return shape_first, shape_node


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.cumsum(counts) - counts


def _arcs(
    n: int, edge_u: Ints, edge_v: Ints, forward_ds: Ints, backward_ds: Ints
) -> dict[str, Any]:
    edge = np.arange(len(edge_u), dtype=np.int32)
    real = edge_u != edge_v
    ahead = real & (forward_ds < INF_DS)
    back = real & (backward_ds < INF_DS)
    tail = np.concatenate([edge_u[ahead], edge_v[back]])
    head = np.concatenate([edge_v[ahead], edge_u[back]])
    of_edge = np.concatenate([edge[ahead], edge[back]])
    time_ds = np.concatenate([forward_ds[ahead], backward_ds[back]])
    out = np.lexsort((of_edge, tail))
    into = np.lexsort((of_edge, head))
    return {
        "first_out": frozen(_first(tail, n), np.int32),
        "head": frozen(head[out], np.int32),
        "arc_edge": frozen(of_edge[out], np.int32),
        "arc_ds": frozen(time_ds[out], np.int32),
        "first_in": frozen(_first(head, n), np.int32),
        "tail": frozen(tail[into], np.int32),
        "in_edge": frozen(of_edge[into], np.int32),
        "in_ds": frozen(time_ds[into], np.int32),
    }


def _first(node: Ints, n: int) -> NDArray[np.int64]:
    first = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(node, minlength=n), out=first[1:])
    return first


def _components(first_out: Ints, head: Ints) -> Ints:
    """Strongly connected parts, renumbered by falling size, then by lowest junction."""
    from geo.kernels_network import strong_components  # noqa: PLC0415 - as above

    label = strong_components(first_out, head)
    _, lowest, inverse, size = np.unique(
        label, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(len(size), dtype=np.int32)
    rank[np.lexsort((lowest, -size))] = np.arange(len(size), dtype=np.int32)
    return cast("Ints", frozen(rank[inverse], np.int32))


def _grid(geom_first: NDArray[Any], geom_lat: Floats, geom_lon: Floats) -> dict[str, Any]:
    """Every piece of road in every cell that its bounding box touches."""
    starts = np.ones(len(geom_lat), dtype=np.bool_)
    starts[np.asarray(geom_first)[1:] - 1] = False
    item = np.flatnonzero(starts)
    south, west = float(geom_lat.min()), float(geom_lon.min())
    middle = np.radians((south + float(geom_lat.max())) / 2)
    height = float(np.degrees(GRID_CELL_M / EARTH_RADIUS_M))
    width = height / max(float(np.cos(middle)), 1e-3)
    rows = np.floor((geom_lat - south) / height).astype(np.int64)
    columns = np.floor((geom_lon - west) / width).astype(np.int64)
    n_columns = int(columns.max()) + 1
    row_low = np.minimum(rows[item], rows[item + 1])
    column_low = np.minimum(columns[item], columns[item + 1])
    n_rows = np.abs(rows[item] - rows[item + 1]) + 1
    n_cols = np.abs(columns[item] - columns[item + 1]) + 1
    counts = n_rows * n_cols
    nth = np.arange(counts.sum()) - np.repeat(_starts(counts), counts)
    wide = np.repeat(n_cols, counts)
    key = (np.repeat(row_low, counts) + nth // wide) * n_columns
    key += np.repeat(column_low, counts) + nth % wide
    repeated = np.repeat(item, counts)
    order = np.lexsort((repeated, key))
    keys, first = np.unique(key[order], return_index=True)
    return {
        "grid_frame": frozen([south, west, height, width, float(n_columns)], np.float64),
        "grid_key": frozen(keys, np.int64),
        "grid_first": frozen(np.append(first, len(order)), np.int32),
        "grid_item": frozen(repeated[order], np.int32),
    }
