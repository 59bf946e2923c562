"""The k helpers who reach a patient soonest, when only they are asked for.

``geo.routing.PatientSearch`` gives the times of everybody. This search answers the narrower
question in a time that depends on the patient's neighbourhood alone: people and AEDs stand in an
index by junction and by street (``Crowd``), and those out of reach are never looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import PlaceError
from geo.network import INF_DS, RoadNetwork
from geo.snap import Positions

Ints = NDArray[np.int32]

MAX_BOUND_S = 86_400.0
"""A search farther than a day is a mistake in units."""


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
        self.at = (
            _first(junction[order], network.n_nodes),
            np.concatenate([on, on])[order],
            np.ascontiguousarray(leave[order]),
        )
        by_edge = np.argsort(edge, kind="stable")
        self.on = _first(edge[by_edge], network.n_edges), on[by_edge]
        self.packed = places.packed(network)

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True, eq=False, slots=True)
class Helpers:
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
        from geo.kernels_nearby import SHIFT, nearby  # noqa: PLC0415

        self.network = network
        self._search = nearby
        self._bucket_ds = 1 << SHIFT
        first, arcs = pack_arcs(network.first_in, network.tail, network.in_ds, _dead_ends(network))
        self._graph = (first, arcs, network.edge_forward_ds, network.edge_backward_ds)
        n = network.n_nodes
        self._dist = np.full(2 * n, INF_DS, np.int32)
        self._label = np.zeros(n, np.int32)
        self._touched = np.empty(2 * n, np.int32)
        self._buckets = np.full(256, -1, np.int32)
        self._pool = np.empty(4096, np.int64)
        self._link = np.empty(4096, np.int32)
        self._keys = np.empty((2, 0), np.int64)
        self._found = np.zeros(2, np.int64)
        self._row = np.empty((1, 8), np.int32)
        self._people_room(0)
        self._aed_room(0)

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
        n_people, n_aeds = len(people), len(aeds)
        if len(patient) != 1 or k < 1 or len(aed_usable) != n_aeds:
            raise PlaceError("expected one patient, k of 1 or more, and one flag per AED")
        if not (0.0 <= bound_s <= MAX_BOUND_S and 0.0 <= pickup_s <= MAX_BOUND_S):
            raise PlaceError(f"bound_s, pickup_s: expected seconds within 0..{MAX_BOUND_S:g}")
        if not 0.1 <= carry_factor <= 10.0:
            raise PlaceError(f"carry_factor: expected 0.1..10, got {carry_factor:g}")
        if eligible is not None and len(eligible) != n_people:
            raise PlaceError(f"eligible: {len(eligible)} flags for {n_people} people")
        bound_ds = int(bound_s * 10.0 + 1e-6)
        self._make_room(n_people, n_aeds, bound_ds / min(1.0, carry_factor))
        flags, usable = self._everybody, self._usable
        if eligible is not None:
            flags = self._eligible
            flags[:n_people] = eligible
        if n_aeds:
            usable[:n_aeds] = aed_usable
        if self._keys.shape[1] != k:
            self._keys = np.empty((2, k), np.int64)
        chosen, seconds = np.empty((3, k), np.int32), np.empty((3, k))
        found = self._found
        row = self._patient_row(patient)
        while not self._search(
            *self._graph,
            row,
            people.packed,
            people.at,
            people.on,
            flags,
            aeds.packed,
            aeds.at,
            aeds.on,
            usable,
            bound_ds,
            int(pickup_s * 10.0 + 0.5),
            float(carry_factor),
            (self._dist, self._label, self._buckets, self._pool, self._link, self._touched),
            self._best,
            self._best_aed,
            self._seen,
            self._start,
            self._near_aeds,
            self._keys,
            found,
            chosen,
            seconds,
        ):
            self._pool = np.empty(2 * len(self._pool), np.int64)
            self._link = np.empty(len(self._pool), np.int32)
        n_direct, n_via = int(found[0]), int(found[1])
        return Helpers(
            direct=chosen[0, :n_direct],
            direct_s=seconds[0, :n_direct],
            via_aed=chosen[1, :n_via],
            via_aed_s=seconds[1, :n_via],
            aed=chosen[2, :n_via],
            to_aed_s=seconds[2, :n_via],
        )

    def _patient_row(self, patient: Positions) -> Ints:
        """The patient as ``Positions.packed`` would give it, without its table of one row."""
        edge = int(patient.edge[0])
        row = self._row
        row[0] = (
            edge,
            self.network.edge_u[edge],
            self.network.edge_v[edge],
            patient.to_u_ds[0],
            patient.to_v_ds[0],
            patient.from_u_ds[0],
            patient.from_v_ds[0],
            patient.access_ds[0],
        )
        return row

    def _make_room(self, n_people: int, n_aeds: int, reach_ds: float) -> None:
        if n_people > len(self._best_aed):
            self._people_room(2 * n_people)
        if n_aeds > len(self._start):
            self._aed_room(2 * n_aeds)
        if len(self._pool) < 2 * n_aeds + 2:
            self._pool = np.empty(4 * n_aeds, np.int64)
            self._link = np.empty(4 * n_aeds, np.int32)
        n_buckets = int(reach_ds / self._bucket_ds) + 3
        if len(self._buckets) < n_buckets:
            self._buckets = np.full(2 * n_buckets, -1, np.int32)

    def _people_room(self, count: int) -> None:
        self._best = np.full((2, count), INF_DS, np.int32)
        self._best_aed = np.empty(count, np.int32)
        self._seen = np.empty((2, count), np.int32)
        self._everybody = np.ones(count, np.bool_)
        self._eligible = np.empty(count, np.bool_)

    def _aed_room(self, count: int) -> None:
        self._start = np.full(count, INF_DS, np.int32)
        self._near_aeds = np.empty(count, np.int32)
        self._usable = np.empty(count, np.bool_)


def _first(sorted_keys: Ints, n: int) -> Ints:
    first = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(sorted_keys, minlength=n), out=first[1:])
    return first


def _dead_ends(network: RoadNetwork) -> NDArray[Any]:
    """Junctions at the end of a single edge."""
    ends = np.bincount(network.edge_u, minlength=network.n_nodes)
    ends += np.bincount(network.edge_v, minlength=network.n_nodes)
    return np.asarray(ends == 1)
