"""How people get about in the simulated world: one face over a road network or straight lines.

``Spots`` are places prepared for searching, cheap to pick from again and again. Times are those of
somebody at ``base_mps``; a faster or slower person's are scaled by the world.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.network import RoadNetwork
from geo.points import haversine_m
from geo.routing import PatientSearch, PatientTimes
from geo.snap import Positions, snap
from geo.speeds import WALKING_MPS
from geo.straight import Places, StraightLine

Floats = NDArray[np.float64]
DETOUR = 1.3  # road over straight line, where a search found nothing within its bound: assumption


class Spots:
    """N places; row i of ``table`` is all that a search reads of place i (None: straight lines)."""

    __slots__ = ("lat", "lon", "table")

    def __init__(self, lat: Floats, lon: Floats, table: NDArray[np.int32] | None) -> None:
        self.lat = lat
        self.lon = lon
        self.table = table
        if table is not None:
            table.flags.writeable = False

    def __len__(self) -> int:
        return len(self.lat)

    def packed(self, _: RoadNetwork, /) -> NDArray[np.int32]:
        """As ``geo.snap.Positions.packed``: what the search reads."""
        if self.table is None:
            raise TypeError("places without a network cannot be searched from")
        return self.table

    def take(self, index: ArrayLike) -> Spots:
        """The places at these indices, in this order."""
        chosen = np.asarray(index)
        table = None if self.table is None else self.table[chosen]
        return Spots(self.lat[chosen], self.lon[chosen], table)

    def one(self, index: int) -> Spots:
        """The place at one index, as a set of one."""
        part = slice(index, index + 1)
        table = None if self.table is None else self.table[part]
        return Spots(self.lat[part], self.lon[part], table)

    @property
    def attached(self) -> NDArray[np.bool_]:
        """Which of them a search can reach at all."""
        if self.table is None:
            return np.ones(len(self), dtype=np.bool_)
        return np.asarray(self.table[:, 0] >= 0)

    @classmethod
    def join(cls, *parts: Spots) -> Spots:
        """All places of all parts, one after the other."""
        lat = np.concatenate([part.lat for part in parts])
        lon = np.concatenate([part.lon for part in parts])
        tables = [part.table for part in parts if part.table is not None]
        return cls(lat, lon, np.concatenate(tables) if tables else None)


class Travel(Protocol):
    """Where places lie on the ground, and how long it takes between them."""

    @property
    def base_mps(self) -> float:
        """The speed at which ``times`` are given."""

    @property
    def detour(self) -> float:
        """Way over straight line, where a search found nothing within its bound."""

    @property
    def fastest_mps(self) -> float:
        """Nobody is faster: who may be reached within a time is within this distance."""

    @property
    def modes(self) -> tuple[str, ...]:
        """How people may come; the first one is on foot."""

    def spots(self, lat: ArrayLike, lon: ArrayLike) -> Spots:
        """Prepare places, degrees; whoever starts there is on foot."""

    def with_mode(self, spots: Spots, mode: NDArray[np.int64]) -> Spots:
        """The same places for people who come by ``mode`` (index into ``modes``, one each)."""

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
        """As ``geo.routing.PatientSearch.times``."""


class NetworkTravel:
    """Along a road network."""

    def __init__(self, network: RoadNetwork) -> None:
        self._network = network
        self._search = PatientSearch(network)
        self.base_mps = self.fastest_mps = WALKING_MPS
        self.detour = DETOUR
        self.modes = ("foot",)

    def spots(self, lat: ArrayLike, lon: ArrayLike) -> Spots:
        """Attach places to the nearest edges."""
        return spots_of(snap(self._network, lat, lon), self._network)

    def with_mode(self, spots: Spots, _: NDArray[np.int64]) -> Spots:
        """The same places: there is one mode."""
        return spots

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
        """As ``geo.routing.PatientSearch.times``."""
        return self._search.times(
            cast("Positions", patient),
            cast("Positions", people),
            cast("Positions", aeds),
            aed_usable,
            bound_s=bound_s,
            pickup_s=pickup_s,
            carry_factor=carry_factor,
        )


@dataclass(frozen=True)
class StraightTravel:
    """As the crow flies, for tests against theory."""

    line: StraightLine

    @property
    def base_mps(self) -> float:
        """The speed of the straight line."""
        return self.line.speed_mps

    @property
    def detour(self) -> float:
        """The detour factor of the straight line."""
        return self.line.detour_factor

    @property
    def fastest_mps(self) -> float:
        """The speed of the straight line."""
        return self.line.speed_mps

    @property
    def modes(self) -> tuple[str, ...]:
        """There is one mode."""
        return ("foot",)

    def with_mode(self, spots: Spots, _: NDArray[np.int64]) -> Spots:
        """The same places: there is one mode."""
        return spots

    def spots(self, lat: ArrayLike, lon: ArrayLike) -> Spots:
        """Places as they are."""
        lats = np.atleast_1d(np.asarray(lat, np.float64))
        return Spots(lats, np.atleast_1d(np.asarray(lon, np.float64)), None)

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
        """As ``geo.straight.StraightLine.times``."""
        return self.line.times(
            Places(patient.lat, patient.lon),
            Places(people.lat, people.lon),
            Places(aeds.lat, aeds.lon),
            aed_usable,
            bound_s=bound_s,
            pickup_s=pickup_s,
            carry_factor=carry_factor,
        )


def spots_of(positions: Positions, network: RoadNetwork) -> Spots:
    """Positions on a network, ready for quick picking."""
    return Spots(positions.lat, positions.lon, positions.packed(network).copy())


def rough_s(travel: Travel, lat: float, lon: float, to_lat: float, to_lon: float) -> float:
    """Straight line times the detour, for what lies beyond the bound of a search."""
    return float(haversine_m(lat, lon, to_lat, to_lon)) * travel.detour / travel.base_mps
