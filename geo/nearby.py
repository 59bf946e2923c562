"""The k helpers who reach a patient soonest, when only they are asked for.

``geo.routing.PatientSearch`` gives the times of everybody. This search answers the narrower
question in a time that depends on the patient's neighbourhood alone: people and AEDs stand in an
index by junction and by street (``Crowd``), and those out of reach are never looked at.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.errors import PlaceError
from geo.network import INF_DS, RoadNetwork
from geo.points import frozen
from geo.snap import Positions

Ints = NDArray[np.int32]

MAX_BOUND_S = 86_400.0
"""A search farther than a day is a mistake in units."""

_NOBODY, _NEVER = frozen([], np.int32), frozen([], np.float64)


class Crowd:
    """Places of many people (or AEDs) on one network, found by junction and by street.

    Made in about a millisecond for 10,000 places; make a new one when people have moved.
    """

    def __init__(self, network: RoadNetwork, places: Positions) -> None:
        self.network = network
        self.places = places
        on = np.flatnonzero(places.edge >= 0).astype(np.int32)
        edge = places.edge[on]
        leave = np.concatenate([places.to_u_ds[on], places.to_v_ds[on]])
        junction = np.concatenate([network.edge_u[edge], network.edge_v[edge]])
        open_ = np.flatnonzero(leave < INF_DS)
        order = open_[np.argsort(junction[open_], kind="stable")]
        by_edge = np.argsort(edge, kind="stable")
        somebody = np.zeros(network.n_nodes // 32 * 32 + 32, np.bool_)
        somebody[junction[order]] = True
        self.table = _joined(
            (len(places),),
            np.packbits(somebody, bitorder="little").view(np.int32),
            _first(junction[order], network.n_nodes),
            np.stack([np.concatenate([on, on])[order], leave[order]], axis=1),
            _first(edge[by_edge], network.n_edges),
            on[by_edge],
            places.packed(network),
        )
        self.count = len(places)

    def __len__(self) -> int:
        return len(self.places)


class Helpers(NamedTuple):
    """The k soonest, straight and by way of an AED; indices soonest first, ties by index."""

    direct: Ints
    direct_s: NDArray[np.float64]
    via_aed: Ints
    via_aed_s: NDArray[np.float64]  # pick-up included
    aed: Ints  # of each who goes by way of one; ties to the lowest index
    to_aed_s: NDArray[np.float64]  # the part up to the AED


class NearbySearch:
    """A reusable search on one network; keep one per thread."""

    def __init__(self, network: RoadNetwork) -> None:
        from geo.kernels import pack_arcs  # noqa: PLC0415 - numba loads when needed
        from geo.kernels_nearby import nearby  # noqa: PLC0415

        self.network = network
        self._search = nearby
        self._graph = _joined(
            (network.n_nodes, network.n_edges),
            *pack_arcs(network.first_in, network.tail, network.in_ds, _dead_ends(network)),
            np.stack(
                [
                    network.edge_u,
                    network.edge_v,
                    network.edge_forward_ds,
                    network.edge_backward_ds,
                ],
                axis=1,
            ),
        )
        self._pool = np.empty(4096, np.int64)
        self._link = np.empty(4096, np.int32)
        self._keys = np.empty((2, 0), np.int64)
        self._all = np.ones(0, np.bool_)
        self._usable = np.empty(0, np.bool_)
        self._work = np.empty(0, np.int32)
        self._folk = np.empty(0, np.int32)
        self._n_buckets = 0
        self._room = (0, 0, 0, 1.0)

    def soonest(
        self,
        patient: Positions,
        people: Crowd,
        aeds: Crowd,
        aed_usable: NDArray[np.bool_],
        *,
        k: int,
        eligible: NDArray[np.bool_] | None = None,
        bound_s: float,
        pickup_s: float,
        carry_factor: float = 1.0,
    ) -> Helpers:
        """The k soonest of the eligible people within the bound.

        ``pickup_s``: from standing before the AED to leaving with it. ``carry_factor`` multiplies
        the way from the AED to the patient.

        Raises:
            PlaceError: not exactly one patient, a mask of another length than the people or AEDs,
                or k, bound, pick-up or factor out of range.
        """
        n_people, n_aeds = people.count, aeds.count
        if patient.edge.size != 1 or k < 1 or len(aed_usable) != n_aeds:
            raise PlaceError("expected one patient, k of 1 or more, and one flag per AED")
        if not (0.0 <= bound_s <= MAX_BOUND_S and 0.0 <= pickup_s <= MAX_BOUND_S):
            raise PlaceError(f"bound_s, pickup_s: expected seconds within 0..{MAX_BOUND_S:g}")
        if not 0.1 <= carry_factor <= 10.0:
            raise PlaceError(f"carry_factor: expected 0.1..10, got {carry_factor:g}")
        if people.network is not self.network or aeds.network is not self.network:
            raise PlaceError("people and AEDs: expected a crowd on the network of the search")
        masked = eligible is not None
        flags = self._all
        if eligible is not None:
            if len(eligible) != n_people:
                raise PlaceError(f"eligible: {len(eligible)} flags for {n_people} people")
            flags = np.array(eligible, np.bool_)
        bound_ds = int(bound_s * 10.0 + 1e-6)
        room = (n_people, n_aeds, bound_ds, carry_factor)
        if room != self._room or not len(self._folk):
            self._make_room(*room)
            self._room = room
        if n_aeds:
            self._usable[:n_aeds] = aed_usable
        if self._keys.shape[1] != k:
            self._keys = np.empty((2, k), np.int64)
        chosen, seconds = np.empty((3, k), np.int32), np.empty((3, k))
        found = -1
        while found < 0:
            found = self._search(
                self._graph,
                people.table,
                aeds.table,
                masked,
                flags,
                self._usable,
                patient.edge.item(),
                patient.from_u_ds.item(),
                patient.from_v_ds.item(),
                patient.access_ds.item(),
                bound_ds,
                int(pickup_s * 10.0 + 0.5),
                float(carry_factor),
                self._work,
                self._folk,
                self._pool,
                self._link,
                self._keys,
                chosen,
                seconds,
            )
            if found < 0:
                self._pool = np.empty(2 * len(self._pool), np.int64)
                self._link = np.empty(len(self._pool), np.int32)
        n_direct, n_via = found & 0xFFFFFFFF, found >> 32
        if not n_via:
            direct, direct_s = chosen[0, :n_direct], seconds[0, :n_direct]
            return Helpers(direct, direct_s, _NOBODY, _NEVER, _NOBODY, _NEVER)
        return Helpers(
            chosen[0, :n_direct],
            seconds[0, :n_direct],
            chosen[1, :n_via],
            seconds[1, :n_via],
            chosen[2, :n_via],
            seconds[2, :n_via],
        )

    def _make_room(self, n_people: int, n_aeds: int, bound_ds: int, carry_factor: float) -> None:
        """Workspace for a question of this size, see ``geo.kernels_nearby.nearby``."""
        from geo.kernels_nearby import HEAD, SHIFT  # noqa: PLC0415 - numba loads when needed

        n_buckets = (int(bound_ds / min(1.0, carry_factor)) + 2 >> SHIFT) + 2
        if n_buckets > self._n_buckets:
            n, self._n_buckets = self.network.n_nodes, n_buckets
            self._work = np.full(HEAD + 5 * n + n_buckets, -1, np.int32)
            self._work[:5] = n, HEAD + 2 * n, HEAD + 3 * n, HEAD + 5 * n, n_buckets
            self._work[HEAD : HEAD + 2 * n] = INF_DS
        people, aeds = self._folk[:2].tolist() if len(self._folk) else (-1, -1)
        if n_people > people or n_aeds > aeds:
            people, aeds = max(people, 2 * n_people), max(aeds, 2 * n_aeds)
            self._folk = np.full(2 + 5 * people + 2 * aeds, INF_DS, np.int32)
            self._folk[:2] = people, aeds
            self._usable = np.zeros(aeds, np.bool_)
        if len(self._pool) < 2 * n_aeds + 2:
            self._pool, self._link = np.empty(4 * n_aeds, np.int64), np.empty(4 * n_aeds, np.int32)


def _joined(counts: tuple[int, ...], *tables: NDArray[Any]) -> Ints:
    """The tables one after the other, behind a head of counts and of where each table begins."""
    from geo.kernels_nearby import HEAD  # noqa: PLC0415 - numba loads when needed

    flat = [np.ascontiguousarray(table).reshape(-1) for table in tables]
    begins = HEAD + np.cumsum([0, *(len(table) for table in flat)])[:-1]
    head = np.zeros(HEAD, np.int64)
    head[: len(counts) + len(begins)] = *counts, *begins
    return np.concatenate([head, *flat]).astype(np.int32)


def _first(sorted_keys: Ints, n: int) -> Ints:
    first = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(sorted_keys, minlength=n), out=first[1:])
    return first


def _dead_ends(network: RoadNetwork) -> NDArray[Any]:
    """Junctions at the end of a single edge."""
    ends = np.bincount(network.edge_u, minlength=network.n_nodes)
    ends += np.bincount(network.edge_v, minlength=network.n_nodes)
    return np.asarray(ends == 1)
