"""A hierarchy over one network that knows nothing of travel times; built once per region.

Nodes of degree two or less are removed first (the *fringe*: dead ends, shape points, rings), the
rest (the *core*) is ordered by nested dissection. Any travel times can then be filled in within
milliseconds (``geo.metric``), and every question about many places is a sweep over the core.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.aligned import Spares
from geo.errors import NetworkError, RegionError
from geo.network import RoadNetwork
from geo.points import LocalProjection

CUT_SHARE = 0.25
"""Share of a cell at each end of a line between which the least cut is sought. Measured on a city
of 404,060 nodes: 0.2 gives 0.3 per cent more slots, 0.35 one per cent more in less time."""

_DIRECTIONS = np.array([(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0)])

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Ranks, slots and pieces of one network of n nodes and E edges.

    Ranks 0..f-1 are the fringe, piece by piece; ranks f..n-1 the core, in post-order of its
    elimination tree. A *slot* is a link from a rank to a higher one; there are m.
    """

    rank: Ints  # [n] place of each node in the elimination order
    up_first: Ints  # [n + 1] slots up_first[r]..up_first[r + 1] leave rank r upwards
    up_head: Ints  # [m] upper rank of each slot, ascending within a rank
    place: Ints  # [E] 2 * slot of each edge, plus 1 where forward leads downwards, -1 for loops
    piece_first: Ints  # [p + 1] fringe ranks of each connected piece of the fringe
    gates: Ints  # [p, 2] ranks of the core nodes that a piece touches, -1 where fewer
    edge_u: Ints  # [E]
    edge_v: Ints  # [E]

    @property
    def n_nodes(self) -> int:
        """Number of nodes of the network."""
        return len(self.rank)

    @property
    def n_edges(self) -> int:
        """Number of edges of the network."""
        return len(self.place)

    @property
    def n_fringe(self) -> int:
        """Number of nodes outside the core."""
        return int(self.piece_first[-1])

    @property
    def n_core(self) -> int:
        """Number of nodes of the core."""
        return self.n_nodes - self.n_fringe

    @property
    def n_slots(self) -> int:
        """Number of slots, shortcuts included."""
        return len(self.up_head)

    @property
    def first_core_slot(self) -> int:
        """Slots from here on lie within the core."""
        return int(self.up_first[self.n_fringe])

    @classmethod
    def build(
        cls, n_nodes: int, edge_u: ArrayLike, edge_v: ArrayLike, lat: ArrayLike, lon: ArrayLike
    ) -> Hierarchy:
        """Orders and contracts the network of these edges; directions do not matter here.

        Raises:
            NetworkError: an edge ends at a node that does not exist.
        """
        tails = np.array(edge_u, dtype=np.int32)
        heads = np.array(edge_v, dtype=np.int32)
        for ends in (tails, heads):
            if len(ends) and (ends.min() < 0 or ends.max() >= n_nodes):
                raise NetworkError(f"hierarchy: an edge ends at a node outside 0..{n_nodes - 1}")
        if len(tails) != len(heads) or np.size(lat) != n_nodes or np.size(lon) != n_nodes:
            raise NetworkError("hierarchy: edges or places of different lengths")
        return _built(n_nodes, tails, heads, _lines(np.asarray(lat), np.asarray(lon)))

    @classmethod
    def of(cls, network: RoadNetwork) -> Hierarchy:
        """The hierarchy of a road network."""
        return cls.build(
            network.n_nodes,
            network.edge_u,
            network.edge_v,
            network.node_lat,
            network.node_lon,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything needed to save the hierarchy, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Hierarchy:
        """The inverse of ``arrays``; memory-mapped arrays are used in place.

        Raises:
            RegionError: an array is missing or the lengths do not agree.
        """
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if name not in arrays]
        if missing:
            raise RegionError(f"hierarchy: {', '.join(missing)} missing")
        found = cls(**{name: _in_place(arrays[name]) for name in names})
        n, m = len(found.rank), len(found.up_head)
        agrees = (
            len(found.up_first) == n + 1
            and int(found.up_first[-1]) == m
            and found.gates.shape == (len(found.piece_first) - 1, 2)
            and len(found.edge_u) == len(found.edge_v) == len(found.place)
            and 0 <= int(found.piece_first[-1]) <= n
        )
        if not agrees:
            raise RegionError("hierarchy: the lengths of its arrays do not agree")
        return found

    def fits(self, network: RoadNetwork) -> bool:
        """Whether this is the hierarchy of that network."""
        return (
            self.n_nodes == network.n_nodes
            and np.array_equal(self.edge_u, network.edge_u)
            and np.array_equal(self.edge_v, network.edge_v)
        )

    @cached_property
    def spares(self) -> Spares:
        """Workspace of the questions that were asked before."""
        return Spares()

    @cached_property
    def piece_of(self) -> Ints:
        """Piece of every fringe rank; i32[f]."""
        sizes = np.diff(self.piece_first)
        return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)

    @cached_property
    def gate_of(self) -> Ints:
        """Gates of the piece of every fringe rank, n where there is none; i32[f, 2]."""
        return np.where(self.gates >= 0, self.gates, self.n_nodes).astype(np.int32)[self.piece_of]

    @cached_property
    def node(self) -> Ints:
        """Node of every rank; the inverse of ``rank``."""
        inverse = np.empty(self.n_nodes, np.int32)
        inverse[self.rank] = np.arange(self.n_nodes, dtype=np.int32)
        return inverse

    @cached_property
    def upper(self) -> NDArray[np.uint32]:
        """Upper slot of every triangle, in the order of customisation."""
        from geo.kernels_hierarchy import triangles  # noqa: PLC0415 - numba loads when needed

        return triangles(self.up_first, self.up_head)  # type: ignore[no-any-return]

    @cached_property
    def core_first(self) -> Ints:
        """Slots of every core node, counted from ``first_core_slot``; i32[c + 1]."""
        return np.ascontiguousarray(self.up_first[self.n_fringe :] - self.first_core_slot)

    @cached_property
    def core_head(self) -> Ints:
        """Upper core node of every core slot, counted within the core."""
        return np.ascontiguousarray(self.up_head[self.first_core_slot :] - self.n_fringe)

    @cached_property
    def core_parent(self) -> Ints:
        """Parent of every core node in the elimination tree, -1 at roots; i32[c]."""
        begin = self.core_first[:-1]
        has_one = np.diff(self.core_first) > 0
        above = np.full(self.n_core, -1, np.int32)
        above[has_one] = self.core_head[begin[has_one]]
        return above

    @cached_property
    def depth(self) -> Ints:
        """Depth of every core node in the elimination tree, roots 0."""
        from geo.kernels_hierarchy import tree_depths  # noqa: PLC0415 - as above

        return tree_depths(self.up_first, self.up_head, self.n_fringe)  # type: ignore[no-any-return]

    @cached_property
    def label_first(self) -> NDArray[np.int64]:
        """Where the label of every core node begins: its ancestors from the root to itself."""
        first = np.zeros(self.n_core + 1, np.int64)
        np.cumsum(self.depth.astype(np.int64) + 1, out=first[1:])
        return first

    @cached_property
    def depth_minima(self) -> Ints:
        """Sparse table over ``depth`` for lowest common ancestors."""
        from geo.kernels_hierarchy import range_minima  # noqa: PLC0415 - as above

        return range_minima(self.depth)  # type: ignore[no-any-return]

    @cached_property
    def lower_slots(self) -> tuple[Ints, Ints, Ints]:
        """Slots by their upper end: first, slot, lower rank."""
        from geo.kernels_hierarchy import lower_slots  # noqa: PLC0415 - as above

        return lower_slots(self.up_first, self.up_head)  # type: ignore[no-any-return]

    @cached_property
    def slot_edges(self) -> tuple[Ints, Ints]:
        """Edges that lie on each slot, lowest number first: first i32[m + 1], edge."""
        slot = self.place >> 1
        order = np.argsort(slot, kind="stable").astype(np.int32)
        order = order[np.count_nonzero(slot < 0) :]
        first = np.zeros(self.n_slots + 1, np.int32)
        np.cumsum(np.bincount(slot[slot >= 0], minlength=self.n_slots), out=first[1:])
        return first, order


def _lines(lat: NDArray[Any], lon: NDArray[Any]) -> NDArray[np.float64]:
    """How far each node lies along four compass lines; f64[4, n]."""
    if len(lat) == 0:
        return np.zeros((len(_DIRECTIONS), 0))
    plane = LocalProjection(float(np.mean(lat)), float(np.mean(lon)))
    return _DIRECTIONS @ np.stack(plane.to_xy_m(lat, lon))


def _built(n: int, edge_u: Ints, edge_v: Ints, lines: NDArray[np.float64]) -> Hierarchy:
    from geo import kernels_hierarchy as kernels  # noqa: PLC0415 - numba loads when needed

    first, near = kernels.undirected(n, edge_u, edge_v)
    order, above, degree, left = kernels.strip_fringe(first, near)
    core = np.flatnonzero(degree).astype(np.int32)
    core_first, core_near = kernels.core_graph(first, left, degree, core)
    core_rank, core_order = _core_ranks(core_first, core_near, lines[:, core])
    rank, piece_first, gate_nodes = kernels.fringe_ranks(first, near, order, degree > 0)
    n_fringe = len(order)
    rank[core] = n_fringe + core_rank
    above_fringe = np.full((n_fringe, 2), -1, np.int32)
    above_fringe[rank[order]] = np.where(above[order] >= 0, rank[above[order]], -1)
    up_first, up_head = kernels.contract(
        core_first, core_near, core_rank, core_order, n_fringe, above_fringe
    )
    return Hierarchy(
        rank=rank,
        up_first=up_first,
        up_head=up_head,
        place=kernels.map_edges(edge_u, edge_v, rank, up_first, up_head),
        piece_first=piece_first,
        gates=np.where(gate_nodes >= 0, rank[gate_nodes], -1).astype(np.int32),
        edge_u=edge_u,
        edge_v=edge_v,
    )


def _core_ranks(first: Ints, near: Ints, lines: NDArray[np.float64]) -> tuple[Ints, Ints]:
    """Rank of each core node and its inverse: nested dissection, then post-order of the tree."""
    from geo import kernels_hierarchy as kernels  # noqa: PLC0415 - numba loads when needed

    c = len(first) - 1
    along = np.argsort(lines, axis=1, kind="stable").astype(np.int32)
    order = kernels.dissect(first, near, along, CUT_SHARE)
    rank = np.empty(c, np.int32)
    rank[order] = np.arange(c, dtype=np.int32)
    rank = kernels.post_order(kernels.elimination_tree(first, near, rank, order))[rank]
    order = np.empty(c, np.int32)
    order[rank] = np.arange(c, dtype=np.int32)
    return rank, order


def _in_place(array: NDArray[Any]) -> NDArray[Any]:
    """The same memory as a plain writable-typed array, so that kernels compile once.

    numba compiles anew for read-only arrays; a copy-on-write map (``mmap_mode="c"``) is typed as
    writable and never written. A read-only array in memory is copied.
    """
    plain = np.asarray(array)
    return plain if plain.flags.writeable and plain.flags.c_contiguous else plain.copy()
