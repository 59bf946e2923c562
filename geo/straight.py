"""Travel times as the crow flies: for tests against theory, and when no network answers.

The same questions and answers as ``geo.routing.PatientSearch``, on latitudes and longitudes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.errors import PlaceError
from geo.points import haversine_m
from geo.routing import PatientTimes, Soonest, soonest
from geo.snap import Positions
from geo.speeds import WALKING_MPS


@dataclass(frozen=True)
class Places:
    """N places without a network; degrees."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.lat)


@dataclass(frozen=True)
class StraightLine:
    """Distance over the earth times a detour factor, at one speed.

    ``detour_factor`` 1.3 is a common allowance for street networks (assumption); use 1.0 where
    theory wants straight lines.
    """

    speed_mps: float = WALKING_MPS
    detour_factor: float = 1.3

    def __post_init__(self) -> None:
        if not (self.speed_mps > 0 and self.detour_factor >= 1.0):
            raise PlaceError("expected speed_mps above 0 and detour_factor of at least 1")

    def times(
        self,
        patient: Positions | Places,
        people: Positions | Places,
        aeds: Positions | Places,
        aed_usable: NDArray[np.bool_],
        *,
        bound_s: float,
        pickup_s: float,
        carry_factor: float = 1.0,
    ) -> PatientTimes:
        """As ``PatientSearch.times``; seconds are not rounded to deciseconds.

        Raises:
            PlaceError: not exactly one patient, or a mask of another length than the AEDs.
        """
        if len(patient) != 1:
            raise PlaceError(f"patient: expected one place, got {len(patient)}")
        if len(aed_usable) != len(aeds):
            raise PlaceError(f"aed_usable: expected {len(aeds)} entries, one per AED")
        lat, lon = patient.lat[0], patient.lon[0]
        direct_s = self._travel_s(people.lat, people.lon, lat, lon)
        aed_s = carry_factor * self._travel_s(aeds.lat, aeds.lon, lat, lon)
        via_s = np.full(len(people), np.inf)
        to_aed_s = np.full(len(people), np.inf)
        aed = np.full(len(people), -1, dtype=np.int32)
        for a in np.flatnonzero(aed_usable & (aed_s + pickup_s <= bound_s)):
            leg_s = self._travel_s(people.lat, people.lon, aeds.lat[a], aeds.lon[a])
            total_s = leg_s + pickup_s + aed_s[a]
            better = (total_s < via_s) & (total_s <= bound_s)
            via_s[better], to_aed_s[better], aed[better] = total_s[better], leg_s[better], a
        return PatientTimes(
            direct_s=np.where(direct_s <= bound_s, direct_s, np.inf),
            via_aed_s=via_s,
            aed=aed,
            to_aed_s=to_aed_s,
            aed_to_patient_s=np.where(aed_s <= bound_s, aed_s, np.inf),
        )

    def soonest(
        self,
        patient: Positions | Places,
        people: Positions | Places,
        aeds: Positions | Places,
        aed_usable: NDArray[np.bool_],
        *,
        k: int,
        eligible: NDArray[np.bool_] | None = None,
        bound_s: float,
        pickup_s: float,
        carry_factor: float = 1.0,
    ) -> Soonest:
        """As ``PatientSearch.soonest``."""
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

    def _travel_s(
        self,
        lat: NDArray[np.float64],
        lon: NDArray[np.float64],
        to_lat: float,
        to_lon: float,
    ) -> NDArray[np.float64]:
        distance_m = haversine_m(lat, lon, to_lat, to_lon)
        return distance_m * (self.detour_factor / self.speed_mps)
