"""Driving times of the fleet: over real roads, or in straight lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geo.network import INF_DS
from geo.points import haversine_m
from geo.router import Router
from geo.snap import snap
from geo.speeds_car import BLUE_LIGHT_FACTOR

Floats = NDArray[np.float64]

BY_BOAT_S = 1_800.0  # no road leads there: until a boat or helicopter leaves (assumption)
BY_BOAT_MPS = 5.0  # and how fast it then comes nearer, door to door (assumption)
MAX_SNAP_M = 2_000.0  # a crew walks or drives the last piece from the nearest public road


class DriveTimes(Protocol):
    """Driving times in seconds between places, ``[from, to]``; ``inf`` where there is no road."""

    def matrix_s(self, lat: Floats, lon: Floats) -> Floats:
        """All pairs of places."""


@dataclass(frozen=True, slots=True)
class StraightDrive:
    """Straight lines times a detour factor at one speed: for theory and where there is no road map.

    16 m/s and 1.3 are assumptions (blue lights; about 36 mph door to door).
    """

    speed_mps: float = 16.0
    detour: float = 1.3

    def matrix_s(self, lat: Floats, lon: Floats) -> Floats:
        """All pairs of places."""
        metres = haversine_m(lat[:, None], lon[:, None], lat[None, :], lon[None, :])
        return np.asarray(metres * (self.detour / self.speed_mps))


class RoadDrive:
    """Shortest driving times of a car router, at ``factor`` times the speed of other traffic.

    Where no road joins two places (an island), a boat or helicopter has to be found: late and slow,
    but no call is left without an answer. ``n_straight`` counts such pairs.
    """

    def __init__(self, router: Callable[[], Router], *, factor: float = BLUE_LIGHT_FACTOR) -> None:
        self._router = router
        self.factor = factor
        self.n_straight = 0

    @cached_property
    def router(self) -> Router:
        """Made when it is first asked: most studies have no fleet."""
        return self._router()

    def matrix_s(self, lat: Floats, lon: Floats) -> Floats:
        """All pairs of places ``[from, to]`` in seconds."""
        places = snap(self.router.network, lat, lon, max_snap_m=MAX_SNAP_M)
        found = self.router.times_ds(places, places)
        times_s = found / (10.0 * self.factor)
        missing = found >= INF_DS
        np.fill_diagonal(missing, val=False)
        np.fill_diagonal(times_s, 0.0)
        if missing.any():
            self.n_straight += int(np.count_nonzero(missing))
            over_water = StraightDrive(BY_BOAT_MPS, detour=1.0)
            times_s[missing] = BY_BOAT_S + over_water.matrix_s(lat, lon)[missing]
        return np.asarray(times_s)
