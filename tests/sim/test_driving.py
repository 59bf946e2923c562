"""Driving times over real roads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geo.network import build_network
from geo.osm import read_extract
from geo.router import Router
from geo.speeds_car import CAR
from sim.driving import BY_BOAT_MPS, BY_BOAT_S, RoadDrive, StraightDrive


def test_roads_of_copenhagen(shared_data: Path) -> None:
    extract = read_extract(shared_data / "osm" / "dk-copenhagen.osm.pbf", (CAR,))
    network = build_network("car", extract.segments["car"])
    router = Router.of(network)
    rng = np.random.default_rng(4)
    picks = rng.choice(network.n_nodes, 40, replace=False)
    lat, lon = network.node_lat[picks] + 1e-4, network.node_lon[picks] + 1e-4
    drive = RoadDrive(lambda: router, factor=1.0)
    times_s = drive.matrix_s(lat, lon)
    assert (np.diag(times_s) == 0).all()
    assert np.isfinite(times_s).all()
    fastest_s = StraightDrive(speed_mps=90 / 3.6, detour=1.0).matrix_s(lat, lon)
    assert (times_s + 60.0 >= fastest_s).all()  # nothing faster than the fastest road
    asymmetric = np.abs(times_s - times_s.T) > 1.0
    assert asymmetric.mean() > 0.3  # one-way streets
    quick_s = RoadDrive(lambda: router, factor=2.0).matrix_s(lat, lon)
    by_boat_s = BY_BOAT_S + StraightDrive(BY_BOAT_MPS, detour=1.0).matrix_s(lat, lon)
    roads = times_s != by_boat_s
    assert np.allclose(quick_s[roads] * 2.0, times_s[roads])
    assert (times_s[~roads & (times_s > 0)] >= BY_BOAT_S).all()
    assert drive.n_straight < 40 * 40 * 0.2
