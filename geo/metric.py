"""Travel times poured into a hierarchy: one metric, or many at once.

A new hour of the day, congestion or blue lights is a new ``Metric`` on the same ``Hierarchy``;
nothing is rebuilt. Turn costs are not modelled: a junction is crossed at no cost in any direction.
(An edge-expanded network can be fed to the same hierarchy.)
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.aligned import aligned_empty
from geo.errors import NetworkError
from geo.hierarchy import Hierarchy
from geo.network import INF_DS, RoadNetwork
from geo.snap import Positions

METRICS_PER_PASS = 8
"""Times of eight metrics upwards and downwards fill one vector of 16 int32."""

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Metric:
    """Travel times of one kind on one hierarchy; E edges, m slots. Deciseconds, INF_DS closed."""

    hierarchy: Hierarchy
    forward_ds: Ints  # [E] from the edge's u to its v
    backward_ds: Ints  # [E]
    up_ds: Ints  # [m] least time from the lower to the upper end of a slot, by lower ranks
    down_ds: Ints  # [m] and back

    @classmethod
    def of(cls, hierarchy: Hierarchy, forward_ds: ArrayLike, backward_ds: ArrayLike) -> Metric:
        """The metric with these times of the edges; times of INF_DS or more are closed.

        Raises:
            NetworkError: not one time per edge, or a negative one.
        """
        from geo.kernels_hierarchy import customise  # noqa: PLC0415 - numba loads when needed

        forward, backward = (
            _checked(times, (hierarchy.n_edges,)) for times in (forward_ds, backward_ds)
        )
        up = np.empty(hierarchy.n_slots, np.int32)
        down = np.empty(hierarchy.n_slots, np.int32)
        customise(hierarchy.up_first, hierarchy.upper, hierarchy.place, forward, backward, up, down)
        return cls(hierarchy, forward, backward, up, down)

    @classmethod
    def of_network(cls, hierarchy: Hierarchy, network: RoadNetwork) -> Metric:
        """The metric with the network's own times.

        Raises:
            NetworkError: the hierarchy belongs to another network.
        """
        if not hierarchy.fits(network):
            raise NetworkError(f"hierarchy: belongs to another network than this {network.mode}")
        return cls.of(hierarchy, network.edge_forward_ds, network.edge_backward_ds)

    @cached_property
    def gate_ds(self) -> tuple[Ints, Ints]:
        """Times from every fringe rank to the gates of its piece, and back: i32[f, 2] each."""
        from geo.kernels_hierarchy import gate_times  # noqa: PLC0415 - as above

        own = self.hierarchy
        leave = np.empty((own.n_fringe, 2), np.int32)
        reach = np.empty((own.n_fringe, 2), np.int32)
        gate_times(
            own.up_first,
            own.up_head,
            own.piece_first,
            own.gates,
            self.up_ds,
            self.down_ds,
            leave,
            reach,
        )
        return leave, reach

    @cached_property
    def turned(self) -> Metric:
        """The same streets with every direction reversed: for times *to* a place."""
        return Metric(self.hierarchy, self.backward_ds, self.forward_ds, self.down_ds, self.up_ds)

    @property
    def core_up_ds(self) -> Ints:
        """``up_ds`` of the core's slots."""
        return self.up_ds[self.hierarchy.first_core_slot :]

    @property
    def core_down_ds(self) -> Ints:
        """``down_ds`` of the core's slots."""
        return self.down_ds[self.hierarchy.first_core_slot :]

    @cached_property
    def labels(self) -> tuple[Ints, Ints]:
        """Times from every core node to its ancestors, and back: the fast way to single pairs.

        Costs 8 bytes per core node and ancestor (50 MB for a city of 400,000 map nodes), so it is
        made at first use only.
        """
        from geo.kernels_hierarchy import hub_labels  # noqa: PLC0415 - as above

        own = self.hierarchy
        tables = []
        for slot_ds in (self.up_ds, self.down_ds):
            table = np.empty(int(own.label_first[-1]), np.int32)
            hub_labels(
                own.up_first,
                own.up_head,
                own.n_fringe,
                own.depth,
                own.label_first,
                slot_ds,
                table,
            )
            tables.append(table)
        return tables[0], tables[1]

    def leaving(self, places: Places) -> Anchors:
        """How the places are tied to the core when travelling away from them."""
        return _anchored(self, places, places.leave_ds, self.gate_ds[0])

    def reaching(self, places: Places) -> Anchors:
        """How the places are tied to the core when travelling to them."""
        return _anchored(self, places, places.reach_ds, self.gate_ds[1])


@dataclass(frozen=True, eq=False)
class Metrics:
    """Many metrics on one hierarchy, filled in one pass over the triangles."""

    hierarchy: Hierarchy
    forward_ds: Ints  # [L, E]
    backward_ds: Ints  # [L, E]
    up_ds: Ints  # [L rounded up to a whole pass, m]
    down_ds: Ints

    @classmethod
    def of(
        cls,
        hierarchy: Hierarchy,
        forward_ds: ArrayLike,
        backward_ds: ArrayLike,
        *,
        threads: int = 1,
        into: Metrics | None = None,
    ) -> Metrics:
        """As ``Metric.of`` with times of shape [L, E]; eight metrics share a pass.

        ``into`` gives its memory away: fresh memory costs as much as half of the work. Nothing
        that was made from it may be used any longer.

        Raises:
            NetworkError: not one time per metric and edge, or a negative one.
        """
        count = len(np.atleast_1d(np.asarray(forward_ds)))
        shape = (count, hierarchy.n_edges)
        forward, backward = (
            _checked(times, shape, padded_to=METRICS_PER_PASS)
            for times in (forward_ds, backward_ds)
        )
        slots = (len(forward), hierarchy.n_slots)
        if into is not None and into.up_ds.shape == slots:
            up, down = into.up_ds, into.down_ds
        else:
            up, down = np.empty(slots, np.int32), np.empty(slots, np.int32)
        firsts = range(0, len(forward), METRICS_PER_PASS)
        shares = [firsts[i::threads] for i in range(min(threads, len(firsts)))]
        with ThreadPoolExecutor(max(1, len(shares))) as pool:
            list(
                pool.map(lambda share: _fill(hierarchy, share, forward, backward, up, down), shares)
            )
        return cls(hierarchy, forward[:count], backward[:count], up, down)

    def __len__(self) -> int:
        return len(self.forward_ds)

    def __getitem__(self, index: int) -> Metric:
        """One of the metrics, without a copy."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        return Metric(
            self.hierarchy,
            self.forward_ds[index],
            self.backward_ds[index],
            self.up_ds[index],
            self.down_ds[index],
        )


@dataclass(frozen=True, eq=False)
class Places:
    """P places between the two ends of an edge, with the times of one metric."""

    ends: Ints  # [P, 2] nodes, -1 where there is none
    leave_ds: Ints  # [P, 2] from the place to each end
    reach_ds: Ints  # [P, 2] from each end to the place
    edge: Ints  # [P], -1 where the place is a node or nowhere
    access_ds: Ints  # [P] walk between the place and the road, part of the times above
    along_ds: Ints  # [P, 2] on the road alone, from each end to the place
    left_ds: Ints  # [P, 2] on the road alone, from the place to each end

    def __len__(self) -> int:
        return len(self.edge)

    @classmethod
    def of_nodes(cls, nodes: ArrayLike) -> Places:
        """Places at nodes of the network (-1: nowhere)."""
        node = np.array(nodes, dtype=np.int32).reshape(-1)
        ends = np.stack([node, np.full_like(node, -1)], axis=1)
        zero = np.where(ends >= 0, 0, INF_DS).astype(np.int32)
        none = np.full_like(node, -1)
        return cls(ends, zero, zero.copy(), none, np.zeros_like(node), zero.copy(), zero.copy())

    @classmethod
    def of_positions(cls, metric: Metric, positions: Positions, *, own_times: bool) -> Places:
        """Positions of a network, priced by the metric.

        ``own_times`` keeps the times that the positions carry (those of the network); otherwise
        they are worked out again from the share of the edge and the metric's times.
        """
        from geo.kernels_hierarchy import price  # noqa: PLC0415 - numba loads when needed

        count = len(positions)
        ends, leave, reach, along, left = np.empty((5, count, 2), np.int32)
        access = np.empty(count, np.int32)
        hierarchy = metric.hierarchy
        price(
            hierarchy.edge_u,
            hierarchy.edge_v,
            metric.forward_ds,
            metric.backward_ds,
            own_times,
            positions.edge,
            positions.fraction,
            positions.to_u_ds,
            positions.to_v_ds,
            positions.from_u_ds,
            positions.from_v_ds,
            positions.access_ds,
            ends,
            leave,
            reach,
            along,
            left,
            access,
        )
        return cls(ends, leave, reach, positions.edge, access, along, left)

    @property
    def turned(self) -> Places:
        """The same places for the ``turned`` metric."""
        return Places(
            self.ends,
            self.reach_ds,
            self.leave_ds,
            self.edge,
            self.access_ds,
            self.left_ds,
            self.along_ds,
        )

    def take(self, index: Any) -> Places:
        """The places at these indices (integers, a slice or a mask), in this order."""
        return Places(
            *(
                np.ascontiguousarray(column[index])
                for column in (getattr(self, field.name) for field in fields(self))
            )
        )


@dataclass(frozen=True, eq=False)
class Anchors:
    """P places tied to at most two core nodes each, in one direction of travel."""

    at: Ints  # [P, 2] core nodes, -1
    at_ds: Ints  # [P, 2] time between the place and that core node
    piece: Ints  # [P] piece of the fringe that the place touches, -1


def _anchored(metric: Metric, places: Places, end_ds: Ints, gate_ds: Ints) -> Anchors:
    from geo.kernels_hierarchy import anchor  # noqa: PLC0415 - numba loads when needed

    own = metric.hierarchy
    count = len(places)
    at = np.empty((count, 2), np.int32)
    at_ds = np.empty((count, 2), np.int32)
    piece = np.empty(count, np.int32)
    anchor(
        own.rank,
        own.n_fringe,
        own.piece_of,
        own.gates,
        gate_ds,
        places.ends,
        end_ds,
        at,
        at_ds,
        piece,
    )
    return Anchors(at, at_ds, piece)


def _fill(
    hierarchy: Hierarchy, firsts: range, forward: Ints, backward: Ints, up: Ints, down: Ints
) -> None:
    """The passes that begin at these metrics, one after the other."""
    from geo.kernels_hierarchy import customise_many  # noqa: PLC0415 - numba loads when needed

    rows = aligned_empty(hierarchy.n_slots, 2 * METRICS_PER_PASS, np.int32)
    for first in firsts:
        columns = (
            column[first : first + METRICS_PER_PASS].reshape(-1)
            for column in (forward, backward, up, down)
        )
        ahead, back, rise, fall = columns
        customise_many(
            hierarchy.up_first, hierarchy.upper, hierarchy.place, ahead, back, rows, rise, fall
        )


def _checked(times: ArrayLike, shape: tuple[int, ...], *, padded_to: int = 1) -> Ints:
    """A contiguous copy of the times, INF_DS where closed; rows of INF_DS up to a whole number."""
    given = np.asarray(times)
    if given.shape != shape:
        raise NetworkError(f"travel times: expected an array of shape {shape}, not {given.shape}")
    if given.size and not given.min() >= 0:
        raise NetworkError("travel times: expected deciseconds, 0 or more")
    rows = -(-shape[0] // padded_to) * padded_to
    kept = np.empty((rows, *shape[1:]), np.int32)
    np.minimum(given, INF_DS, out=kept[: shape[0]], casting="unsafe")
    kept[shape[0] :] = INF_DS
    return kept
