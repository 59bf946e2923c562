"""How soon could people be with a patient: straight there, and by way of an AED."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import PlaceError
from geo.network import INF_DS, RoadNetwork
from geo.points import frozen
from geo.snap import Positions

Seconds = NDArray[np.float64]

MAX_BOUND_S = 86_400.0
"""A search farther than a day is a mistake in units."""


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


class PatientSearch:
    """A reusable search on one network; keep one per thread.

    One bounded search runs backward from the patient; a second one starts from every usable AED
    that it reached, weighted with the carry and the pick-up, and carries the AED's index. Both
    honour one-way streets and are exact to the decisecond.
    """

    def __init__(self, network: RoadNetwork) -> None:
        self.network = network
        n = network.n_nodes
        self._dist = np.full(2 * n, INF_DS, dtype=np.int32)
        self._label = np.zeros(n, dtype=np.int32)
        self._heap = np.empty(1024, dtype=np.int64)
        self._touched = np.empty(2 * n, dtype=np.int32)
        self._aed_on_edge = np.full(network.n_edges, -1, dtype=np.int32)
        self._graph = (
            network.first_in,
            network.tail,
            network.in_ds,
            network.edge_u,
            network.edge_v,
            network.edge_forward_ds,
            network.edge_backward_ds,
        )

    def times(
        self,
        patient: Positions,
        people: Positions,
        aeds: Positions,
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
        from geo.kernels import patient_times  # noqa: PLC0415 - numba loads only when needed

        _check_query(patient, aeds, aed_usable, bound_s, pickup_s, carry_factor)
        n_people = len(people)
        direct_s, via_s, to_aed_s = np.empty((3, n_people))
        person_aed = np.empty(n_people, dtype=np.int32)
        aed_to_patient_s = np.empty(len(aeds))
        self._heap = patient_times(
            *self._graph,
            patient.columns,
            people.columns,
            aeds.columns,
            frozen(aed_usable),
            int(bound_s * 10.0 + 1e-6),
            round(pickup_s * 10.0),
            float(carry_factor),
            self._dist,
            self._label,
            self._heap,
            self._touched,
            self._aed_on_edge,
            direct_s,
            via_s,
            person_aed,
            to_aed_s,
            aed_to_patient_s,
        )
        return PatientTimes(direct_s, via_s, person_aed, to_aed_s, aed_to_patient_s)

    def soonest(
        self,
        patient: Positions,
        people: Positions,
        aeds: Positions,
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
    patient: Positions,
    aeds: Positions,
    aed_usable: ArrayLike,
    bound_s: float,
    pickup_s: float,
    carry_factor: float,
) -> None:
    if len(patient) != 1:
        raise PlaceError(f"patient: expected one place, got {len(patient)}")
    if len(np.asarray(aed_usable)) != len(aeds):
        raise PlaceError(f"aed_usable: expected {len(aeds)} entries, one per AED")
    if not 0.0 <= bound_s <= MAX_BOUND_S:
        raise PlaceError(f"bound_s: expected seconds within 0..{MAX_BOUND_S:g}, got {bound_s:g}")
    if not 0.0 <= pickup_s <= MAX_BOUND_S:
        raise PlaceError(f"pickup_s: expected seconds within 0..{MAX_BOUND_S:g}, got {pickup_s:g}")
    if not 0.1 <= carry_factor <= 10.0:
        raise PlaceError(f"carry_factor: expected a factor within 0.1..10, got {carry_factor:g}")
