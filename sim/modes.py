"""People on foot, by bicycle and by car in one search: one network per mode, the union ranked.

A place's row holds what the search of each mode reads of it, one block after the other, and last
the mode of the person who starts there. Times are those of the mode itself: a car is as fast as
the roads allow, someone on foot walks at base speed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.network import RoadNetwork
from geo.routing import PatientTimes
from geo.speeds_car import PARKING_S
from sim.errors import SettingError
from sim.travel import NetworkTravel, Spots

Ints = NDArray[np.int64]

FOOT = "foot"
MODES = (FOOT, "bicycle", "car")
UNLOCK_S = 20.0  # bicycle out and locked again: assumption
ARRIVE_S = {FOOT: 0.0, "bicycle": UNLOCK_S, "car": PARKING_S}
FASTEST_MPS = {"bicycle": 15.0 / 3.6, "car": 110.0 / 3.6}  # no road of the profile is faster
_BLOCK = 8  # columns that a search reads of one place


class ModalTravel:
    """``sim.travel.Travel`` over several networks; the first mode is on foot."""

    def __init__(self, networks: Mapping[str, RoadNetwork], modes: tuple[str, ...]) -> None:
        missing = [mode for mode in modes if mode not in networks]
        if missing:
            raise SettingError(
                f"region: it has no network for {', '.join(missing)}: build it again with "
                f"`heartreach region build EXTRACT --out FOLDER --modes {','.join(modes)}`"
            )
        self.modes = (FOOT, *(mode for mode in modes if mode != FOOT))
        self._travel = [NetworkTravel(networks[mode]) for mode in self.modes]
        self._arrive_s = [ARRIVE_S[mode] for mode in self.modes]
        self.base_mps = self._travel[0].base_mps
        self.detour = self._travel[0].detour
        self.fastest_mps = max(FASTEST_MPS.get(mode, self.base_mps) for mode in self.modes)

    def spots(self, lat: ArrayLike, lon: ArrayLike) -> Spots:
        """Attach places to the nearest edges of every network; whoever starts there walks."""
        parts = [travel.spots(lat, lon) for travel in self._travel]
        blocks = [part.table for part in parts if part.table is not None]
        table = np.hstack([*blocks, np.zeros((len(parts[0]), 1), np.int32)])
        return Spots(parts[0].lat, parts[0].lon, np.ascontiguousarray(table))

    def with_mode(self, spots: Spots, mode: Ints) -> Spots:
        """The same places for people who come by ``mode`` (index into ``modes``, one per place)."""
        if spots.table is None:
            return spots
        table = spots.table.copy()
        table[:, -1] = mode
        return Spots(spots.lat, spots.lon, table)

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
        """As ``geo.routing.PatientSearch.times``, each person by their own mode.

        Vehicles add the time to park or unlock, at the AED and at the patient.
        """
        mode = np.zeros(0, np.int32) if people.table is None else people.table[:, -1]
        n = len(people)
        direct_s, via_s, to_aed_s = (np.full(n, np.inf) for _ in range(3))
        aed = np.full(n, -1, np.int32)
        for slot, travel in enumerate(self._travel):
            rows = np.flatnonzero(mode == slot)
            if slot and not len(rows):
                continue
            arrive_s = self._arrive_s[slot]
            found = travel.times(
                self._block(patient, slot),
                self._block(people.take(rows), slot),
                self._block(aeds, slot),
                aed_usable,
                bound_s=max(bound_s - arrive_s, 0.1),
                pickup_s=pickup_s + arrive_s,
                carry_factor=carry_factor,
            )
            direct_s[rows] = found.direct_s + arrive_s
            via_s[rows] = found.via_aed_s + arrive_s
            to_aed_s[rows] = found.to_aed_s + arrive_s
            aed[rows] = found.aed
            if slot == 0:
                aed_to_patient_s = found.aed_to_patient_s
        return PatientTimes(direct_s, via_s, aed, to_aed_s, aed_to_patient_s)

    def _block(self, spots: Spots, slot: int) -> Spots:
        """What one mode's search reads of these places."""
        if spots.table is None:
            return spots
        columns = slice(slot * _BLOCK, (slot + 1) * _BLOCK)
        return Spots(spots.lat, spots.lon, np.ascontiguousarray(spots.table[:, columns]))
