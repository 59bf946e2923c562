"""Driving times of the fleet over real roads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.network import INF_DS, RoadNetwork
from geo.router import Router
from geo.snap import snap
from geo.speeds_car import BLUE_LIGHT_FACTOR
from sim.fleet_calls import StraightDrive

Floats = NDArray[np.float64]

MAX_SNAP_M = 2_000.0  # a crew walks or drives the last piece from the nearest public road


class RoadDrive:
    """Shortest driving times on a car network, at ``factor`` times the speed of other traffic.

    Where no road joins two places, a straight line with detour stands in and ``n_straight`` counts
    it, so that no call is left without an answer.
    """

    def __init__(self, network: RoadNetwork, *, factor: float = BLUE_LIGHT_FACTOR) -> None:
        self.router = Router.of(network)
        self.factor = factor
        self.n_straight = 0

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
            times_s[missing] = StraightDrive().matrix_s(lat, lon)[missing]
        return np.asarray(times_s)
