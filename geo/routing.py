"""The public questions about travel.

``PatientSearch``: how soon could people be with a patient, straight there and by way of an AED;
everybody's times. ``NearbySearch`` with a ``Crowd``: the k soonest alone, in less time.
``Router``: tables, fleets, isochrones, nearest sites, new travel times and the way itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geo.errors import PlaceError
from geo.nearby import MAX_BOUND_S, Crowd, Helpers, NearbySearch
from geo.network import INF_DS, RoadNetwork
from geo.points import frozen
from geo.router import Router

__all__ = [
    "Crowd",
    "Helpers",
    "NearbySearch",
    "OnNetwork",
    "PatientSearch",
    "PatientTimes",
    "Router",
    "Soonest",
    "soonest",
    "warmup",
]

Seconds = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class PatientTimes:
    """Travel times to one patient; seconds, inf beyond the bound.

    ``via_aed_s`` includes picking the AED up; ``aed`` is the index of the AED that makes it the
    soonest (ties: lowest index), ``to_aed_s`` the part up to it. ``aed_to_patient_s`` is the way
    of each AED to the patient, carried, without the pick-up; unusable AEDs have one too.
    """

    direct_s: Seconds  # [people]
    via_aed_s: Seconds  # [people]
    aed: NDArray[np.int32]  # [people], -1 none
    to_aed_s: Seconds  # [people]
    aed_to_patient_s: Seconds  # [AEDs]


@dataclass(frozen=True, eq=False, slots=True)
class Soonest:
    """The k best people straight and by way of an AED: indices, soonest first, ties by index."""

    direct: NDArray[np.int64]
    via_aed: NDArray[np.int64]
    times: PatientTimes


class OnNetwork(Protocol):
    """Places on a network, as a search reads them; ``geo.snap.Positions`` are."""

    def __len__(self) -> int: ...

    def packed(self, network: RoadNetwork, /) -> NDArray[np.int32]:
        """C-contiguous int32[N, 8], as ``geo.snap.Positions.packed``."""


class PatientSearch:
    """A reusable search on one network; keep one per thread.

    One bounded search runs backward from the patient; a second one starts from every usable AED
    that it reached, weighted with the carry and the pick-up, and carries the AED's index. Both
    honour one-way streets and are exact to the decisecond.
    """

    def __init__(self, network: RoadNetwork) -> None:
        from geo.kernels import BITS, SHIFT, pack_arcs, patient_times  # noqa: PLC0415 - loads numba

        self.network = network
        n = network.n_nodes
        ends = np.bincount(network.edge_u, minlength=n) + np.bincount(network.edge_v, minlength=n)
        first, arcs = pack_arcs(network.first_in, network.tail, network.in_ds, ends == 1)
        arcs[:, 0] = np.where(arcs[:, 0] < 0, ~arcs[:, 0], arcs[:, 0])
        self._graph = (first, arcs, network.edge_forward_ds, network.edge_backward_ds)
        self._search: Any = patient_times
        self._bucket_ds = 1 << SHIFT
        self._keys = np.full((2, n), INF_DS << BITS, dtype=np.int64)
        self._aed_on_edge = np.full(network.n_edges, -1, dtype=np.int32)
        self._buckets = np.full(256, -1, dtype=np.int32)
        self._usable = np.empty(0, dtype=np.bool_)
        self._queue = np.empty((2, 0), dtype=np.int32)

    def times(
        self,
        patient: OnNetwork,
        people: OnNetwork,
        aeds: OnNetwork,
        aed_usable: NDArray[np.bool_],
        *,
        bound_s: float,
        pickup_s: float,
        carry_factor: float = 1.0,
    ) -> PatientTimes:
        """Times of all people to the one patient, straight and by way of the best usable AED.

        ``pickup_s``: from standing before the AED to leaving with it. ``carry_factor`` multiplies
        the way from the AED to the patient (1: carrying it does not slow one down).

        Raises:
            PlaceError: not exactly one patient, a mask of another length than the AEDs, or a
                bound, pick-up or factor out of range.
        """
        _check_query(patient, aeds, aed_usable, bound_s, pickup_s, carry_factor)
        network = self.network
        n_people, n_aeds = len(people), len(aeds)
        bound_ds = int(bound_s * 10.0 + 1e-6)
        self._make_room(n_aeds, bound_ds / min(1.0, carry_factor))
        self._usable[:n_aeds] = aed_usable
        seconds = np.empty((3, n_people))
        aed = np.empty(n_people, dtype=np.int32)
        aed_to_patient_s = np.empty(n_aeds)
        while not self._search(
            *self._graph,
            patient.packed(network),
            people.packed(network),
            aeds.packed(network),
            self._usable,
            bound_ds,
            int(pickup_s * 10.0 + 0.5),
            float(carry_factor),
            *self._keys,
            self._buckets,
            *self._queue,
            self._aed_on_edge,
            seconds,
            aed,
            aed_to_patient_s,
        ):
            self._grow_queue(2 * len(self._queue[0]))
        return PatientTimes(seconds[0], seconds[1], aed, seconds[2], aed_to_patient_s)

    def _make_room(self, n_aeds: int, reach_ds: float) -> None:
        """Workspace for this many AEDs and this horizon."""
        if len(self._usable) < n_aeds:
            self._usable = np.empty(n_aeds, dtype=np.bool_)
        if len(self._queue[0]) < 2 * n_aeds + 2:
            self._grow_queue(max(4096, 4 * n_aeds))
        n_buckets = int(reach_ds / self._bucket_ds) + 3
        if len(self._buckets) < n_buckets:
            self._buckets = np.full(2 * n_buckets, -1, dtype=np.int32)

    def _grow_queue(self, size: int) -> None:
        self._queue = np.empty((2, size), dtype=np.int32)

    def soonest(
        self,
        patient: OnNetwork,
        people: OnNetwork,
        aeds: OnNetwork,
        aed_usable: NDArray[np.bool_],
        *,
        k: int,
        eligible: NDArray[np.bool_] | None = None,
        bound_s: float,
        pickup_s: float,
        carry_factor: float = 1.0,
    ) -> Soonest:
        """The k soonest of the eligible people, straight and by way of an AED.

        Raises:
            PlaceError: as ``times``, or a mask of another length than the people.
        """
        times = self.times(
            patient,
            people,
            aeds,
            aed_usable,
            bound_s=bound_s,
            pickup_s=pickup_s,
            carry_factor=carry_factor,
        )
        return Soonest(
            direct=soonest(times.direct_s, k, eligible),
            via_aed=soonest(times.via_aed_s, k, eligible),
            times=times,
        )


def soonest(
    time_s: Seconds, k: int, eligible: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Indices of the k least finite times among the eligible, ties to the lower index.

    Raises:
        PlaceError: the mask has another length than the times, or k is negative.
    """
    from geo.kernels import k_soonest  # noqa: PLC0415 - numba loads only when needed

    mask = np.ones(len(time_s), dtype=np.bool_) if eligible is None else eligible
    if len(mask) != len(time_s) or k < 0:
        raise PlaceError(f"eligible: {len(mask)} entries for {len(time_s)} people, k = {k}")
    chosen = np.empty(min(k, len(time_s)), dtype=np.int64)
    return chosen[: k_soonest(time_s, frozen(mask, np.bool_), chosen)]


def warmup() -> None:
    """Compiles, or loads from the cache, what a first query would otherwise wait for."""
    from geo.network import network_from_edges  # noqa: PLC0415
    from geo.snap import snap  # noqa: PLC0415

    ends: Any = np.array([0.0, 0.001])
    network = network_from_edges(
        "foot",
        node_lat=ends,
        node_lon=ends,
        edge_u=np.array([0]),
        edge_v=np.array([1]),
        edge_length_m=np.array([150.0]),
        edge_forward_ds=np.array([800]),
        edge_backward_ds=np.array([800]),
    )
    place = snap(network, 0.0005, 0.0005)
    search = PatientSearch(network)
    search.soonest(place, place, place, np.ones(1, np.bool_), k=1, bound_s=60.0, pickup_s=0.0)


def _check_query(
    patient: OnNetwork,
    aeds: OnNetwork,
    aed_usable: NDArray[np.bool_],
    bound_s: float,
    pickup_s: float,
    carry_factor: float,
) -> None:
    if len(patient) != 1:
        raise PlaceError(f"patient: expected one place, got {len(patient)}")
    if len(aed_usable) != len(aeds):
        raise PlaceError(f"aed_usable: expected {len(aeds)} entries, one per AED")
    if not 0.0 <= bound_s <= MAX_BOUND_S:
        raise PlaceError(f"bound_s: expected seconds within 0..{MAX_BOUND_S:g}, got {bound_s:g}")
    if not 0.0 <= pickup_s <= MAX_BOUND_S:
        raise PlaceError(f"pickup_s: expected seconds within 0..{MAX_BOUND_S:g}, got {pickup_s:g}")
    if not 0.1 <= carry_factor <= 10.0:
        raise PlaceError(f"carry_factor: expected a factor within 0.1..10, got {carry_factor:g}")
