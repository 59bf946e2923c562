"""A fleet that moves: who is nearest, within microseconds, while units come and go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import NetworkError
from geo.metric import Anchors, Metric, Places
from geo.network import INF_DS

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class NearestUnits:
    """The k soonest units of each of P patients; ties go to the lower unit."""

    unit: Ints  # [P, k], -1 where fewer can come
    ds: Ints  # [P, k] deciseconds, INF_DS where fewer can come


class Fleet:
    """Units at places, kept so that the nearest to a patient are found without a search.

    Times are those of the units *to* the patient. One thread at a time may use a fleet.
    """

    def __init__(self, metric: Metric, places: Places) -> None:
        own = metric.hierarchy
        count = len(places)
        depth = int(own.depth.max(initial=-1)) + 1
        self.metric = metric
        self._ends = np.full((count, 2), -1, np.int32)
        self._leave_ds = np.full((count, 2), INF_DS, np.int32)
        self._along_ds = np.full((count, 2), INF_DS, np.int32)
        self._access_ds = np.zeros(count, np.int32)
        self._piece = np.full(count, -1, np.int32)
        self._edge = np.full(count, -1, np.int32)
        self._own_node = np.empty((count, depth), np.int32)
        self._own_ds = np.empty((count, depth), np.int32)
        self._own_count = np.zeros(count, np.int64)
        self._pool = np.empty(64 * count + 64, np.int64)
        self._runs = np.zeros((own.n_core, 4), np.int32)
        self._runs[:, 3] = own.core_parent
        self._used = 0
        self._best = np.full(count, INF_DS, np.int32)
        self._ds = np.full(own.n_core, INF_DS, np.int32)
        self._beside_ds = np.full((2, own.n_fringe), INF_DS, np.int32)
        self._all = np.ones(count, np.bool_)
        self._core_down_ds = metric.core_down_ds
        self._roads = (
            own.rank,
            own.up_first,
            own.up_head,
            metric.up_ds,
            metric.down_ds,
            own.piece_first,
            metric.forward_ds,
            metric.backward_ds,
        )
        self._units = (
            self._ends,
            self._leave_ds,
            self._along_ds,
            self._piece,
            self._edge,
            self._access_ds,
        )
        self.move(np.arange(count), places)

    def __len__(self) -> int:
        return len(self._edge)

    @property
    def n_entries(self) -> int:
        """Entries in the buckets, for a look at memory: 8 bytes each."""
        return int(self._runs[:, 1].sum())

    def move(self, units: ArrayLike, places: Places) -> None:
        """Puts these units at these places; a place off the network takes a unit out of reach.

        Raises:
            NetworkError: a unit that does not exist, or not one place per unit.
        """
        from geo.kernels_fleet import place_units  # noqa: PLC0415 - numba loads when needed

        chosen = np.atleast_1d(np.asarray(units, np.int64))
        if len(chosen) != len(places):
            raise NetworkError(f"fleet: {len(chosen)} units and {len(places)} places")
        if len(chosen) == 0:
            return
        if chosen.min() < 0 or chosen.max() >= len(self):
            raise NetworkError(f"fleet: expected units of 0..{len(self) - 1}")
        anchors = self.metric.leaving(places)
        self._ends[chosen] = places.ends
        self._leave_ds[chosen] = places.leave_ds
        self._along_ds[chosen] = places.along_ds
        self._piece[chosen] = anchors.piece
        self._edge[chosen] = places.edge
        self._access_ds[chosen] = places.access_ds
        own = self.metric.hierarchy
        self._pool, self._used = place_units(
            own.core_first,
            own.core_head,
            self.metric.core_up_ds,
            chosen,
            anchors.at,
            anchors.at_ds,
            self._pool,
            self._runs,
            self._used,
            self._own_node,
            self._own_ds,
            self._own_count,
            self._ds,
        )

    def nearest(
        self, patients: Places, k: int, *, usable: NDArray[np.bool_] | None = None
    ) -> NearestUnits:
        """The k soonest usable units of each patient.

        Raises:
            NetworkError: k below 1, or not one flag per unit.
        """
        from geo.kernels_fleet import nearest_units  # noqa: PLC0415 - as above

        flags = self._all if usable is None else np.array(usable, np.bool_)
        if k < 1 or flags.shape != (len(self),):
            raise NetworkError(f"fleet: expected k of 1 or more and {len(self)} flags")
        unit = np.empty((len(patients), k), np.int32)
        ds = np.empty((len(patients), k), np.int32)
        own, anchors = self.metric.hierarchy, self.metric.reaching(patients)
        nearest_units(
            own.core_first,
            own.core_head,
            self._core_down_ds,
            self._roads,
            (self._pool, self._runs),
            self._units,
            flags,
            _asked(patients, anchors),
            anchors.at,
            anchors.at_ds,
            self._best,
            self._ds,
            self._beside_ds,
            unit,
            ds,
        )
        return NearestUnits(unit, ds)

    def times_ds(self, patients: Places) -> Ints:
        """Times of all units to each patient; i32[P, fleet], INF_DS where there is no way."""
        from geo.kernels_fleet import unit_times  # noqa: PLC0415 - as above

        out = np.empty((len(patients), len(self)), np.int32)
        own, anchors = self.metric.hierarchy, self.metric.reaching(patients)
        unit_times(
            own.core_first,
            own.core_head,
            self._core_down_ds,
            self._roads,
            (self._pool, self._runs),
            self._units,
            _asked(patients, anchors),
            anchors.at,
            anchors.at_ds,
            self._ds,
            self._beside_ds,
            out,
        )
        return out


def _asked(patients: Places, anchors: Anchors) -> tuple[Any, ...]:
    """Patients as the kernels unpack them."""
    return (
        patients.ends,
        patients.reach_ds,
        patients.along_ds,
        patients.edge,
        anchors.piece,
        patients.access_ds,
    )
