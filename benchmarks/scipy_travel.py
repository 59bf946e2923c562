"""The simulator's ways over scipy's Dijkstra: what routing would cost without our own core."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from benchmarks.dispatch_query import OVERSHOOT, quickest
from geo.network import INF_DS, RoadNetwork
from geo.routing import PatientTimes
from sim.travel import NetworkTravel, Spots

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EDGE, U, V, TO_U, TO_V, FROM_U, FROM_V = range(7)  # columns of a place's row


class ScipyTravel(NetworkTravel):
    """``times`` by one bounded ``dijkstra`` on the doubled graph, for places on junctions.

    AEDs stand anywhere; people and patients must be on junctions, as the benchmark puts them.
    """

    def __init__(self, network: RoadNetwork) -> None:
        super().__init__(network)
        self._network = network
        self._made: dict[tuple[int, float], Doubled] = {}

    def times(
        self,
        patient: Spots,
        people: Spots,
        aeds: Spots,
        aed_usable: NDArray[np.bool_],
        *,
        bound_s: float,
        pickup_s: float,
        carry_factor: float = 1.0,
    ) -> PatientTimes:
        """As ``geo.routing.PatientSearch.times`` for a carry factor of 1."""
        assert carry_factor == 1.0
        assert patient.table is not None
        assert people.table is not None
        graph = self._graph(aeds, pickup_s)
        found, before = graph.search(int(_junction(patient.table)[0]), aed_usable, bound_s)
        n, n_aeds, at = graph.n, graph.n_aeds, _junction(people.table)
        to_patient = _seconds(found[n : n + n_aeds] - pickup_s * 10.0, bound_s)
        direct_s = _seconds(found[at], bound_s)
        if not n_aeds:
            nothing = np.full(len(people), np.inf)
            none = np.full(len(people), -1, np.int32)
            return PatientTimes(direct_s, nothing, none, nothing, to_patient)
        via_s = _seconds(found[at + n + n_aeds], bound_s)
        aed = graph.aeds_of(before, at + n + n_aeds)
        aed[np.isinf(via_s)] = -1
        to_aed_s = np.full(len(people), np.inf)
        got = aed >= 0
        to_aed_s[got] = via_s[got] - pickup_s - to_patient[aed[got]]
        return PatientTimes(direct_s, via_s, aed, to_aed_s, to_patient)

    def _graph(self, aeds: Spots, pickup_s: float) -> Doubled:
        """The graph of these AEDs, made once."""
        key = id(aeds), pickup_s
        if key not in self._made or self._made[key].of is not aeds:
            self._made[key] = Doubled(self._network, aeds, pickup_s)
        return self._made[key]


class Doubled:
    """Arcs turned round: the streets walked with the AED, the AEDs, the streets walked before.

    Without AEDs the streets are there once.
    """

    def __init__(self, network: RoadNetwork, aeds: Spots, pickup_s: float) -> None:
        assert aeds.table is not None
        self.of = aeds
        self.n, self.n_aeds = network.n_nodes, len(aeds)
        n, beyond = self.n, self.n + self.n_aeds
        head = np.repeat(np.arange(n), np.diff(network.first_in))
        tails, heads, steps = [head], [network.tail], [np.asarray(network.in_ds, np.float64)]
        if self.n_aeds:
            tails.append(head + beyond)
            heads.append(network.tail + beyond)
            steps.append(steps[0])
        here = np.flatnonzero(aeds.table[:, EDGE] >= 0)
        for end, to_end, from_end in ((U, TO_U, FROM_U), (V, TO_V, FROM_V)):
            node = aeds.table[here, end].astype(np.int64)
            tails += [node, n + here]
            heads += [n + here, node + beyond]
            steps += [aeds.table[here, to_end] + pickup_s * 10.0, 1.0 * aeds.table[here, from_end]]
        self._matrix = _least(*(np.concatenate(part) for part in (tails, heads, steps)))
        exits = slice(self._matrix.indptr[n], self._matrix.indptr[beyond])
        self._exits = np.arange(exits.start, exits.stop)
        self._aed_of_exit = np.repeat(
            np.arange(self.n_aeds), np.diff(self._matrix.indptr[n : beyond + 1])
        )
        self._exit_ds: Floats = self._matrix.data[self._exits].copy()

    def search(
        self, patient: int, usable: NDArray[np.bool_], bound_s: float
    ) -> tuple[Floats, NDArray[np.int32]]:
        """Deciseconds from each node to the patient, inf beyond the bound, and the node before."""
        self._matrix.data[self._exits] = np.where(usable[self._aed_of_exit], self._exit_ds, np.inf)
        found: tuple[Floats, NDArray[np.int32]] = dijkstra(
            self._matrix, indices=patient, limit=bound_s * 10.0 + 0.5, return_predecessors=True
        )
        return found

    def aeds_of(self, before: NDArray[np.int32], nodes: Ints) -> NDArray[np.int32]:
        """Index of the AED that the shortest way from each node passes, -1 for none."""
        at = nodes.copy()
        while (walking := at >= self.n + self.n_aeds).any():
            at[walking] = before[at[walking]]  # below 0: not reached
        return np.where(at >= 0, at - self.n, -1).astype(np.int32)


def _least(tail: Ints, head: Ints, step: Floats) -> Any:
    """A matrix of the quickest arc of each pair."""
    open_ = step < INF_DS
    tail, head, step = tail[open_], head[open_], step[open_]
    size = int(max(tail.max(), head.max())) + 1
    tail, head, step = quickest(tail, head, step)
    return csr_matrix((step + OVERSHOOT, (tail, head)), shape=(size, size))


def _junction(table: NDArray[np.int32]) -> Ints:
    """The junction on which each place is."""
    at_u = (table[:, TO_U] == 0) & (table[:, FROM_U] == 0)
    at_v = (table[:, TO_V] == 0) & (table[:, FROM_V] == 0)
    if not (at_u | at_v).all():
        raise SystemExit("this comparison is for people and patients on junctions")
    return np.where(at_u, table[:, U], table[:, V]).astype(np.int64)


def _seconds(deciseconds: Floats, bound_s: float) -> Floats:
    """Whole deciseconds as seconds, inf beyond the bound."""
    whole = np.floor(deciseconds)
    return np.where(whole <= bound_s * 10.0, whole / 10.0, np.inf)
