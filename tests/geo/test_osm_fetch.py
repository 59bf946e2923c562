"""A map by the name of a place: what OSMnx answers becomes an extract like any other."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from shapely import Point, Polygon

from geo.errors import PlaceError
from geo.network import INF_DS
from geo.osm_fetch import fetch_place
from geo.region import Region, build_region
from geo.speeds import FOOT
from geo.speeds_car import CAR

osmnx = pytest.importorskip("osmnx")
geopandas = pytest.importorskip("geopandas")


def answer() -> tuple[nx.MultiDiGraph, object]:
    """A square of streets as OSMnx gives it unsimplified; one side is one-way."""
    graph = nx.MultiDiGraph(crs="epsg:4326")
    for node, (lat, lon) in enumerate([(50.0, 8.0), (50.0, 8.01), (50.01, 8.01), (50.01, 8.0)]):
        graph.add_node(100 + node, y=lat, x=lon)
    for u, v, name in ((100, 101, "South"), (101, 102, "East"), (102, 103, "North")):
        facts = {"osmid": u, "highway": "residential", "name": name, "oneway": False}
        graph.add_edge(u, v, reversed=False, **facts)
        graph.add_edge(v, u, reversed=True, **facts)
    graph.add_edge(103, 100, osmid=9, highway="primary", oneway=True, reversed=True)
    square = Polygon([(8.002, 50.002), (8.003, 50.002), (8.003, 50.003), (8.002, 50.003)])
    rows = {
        "building": ["house", np.nan],
        "emergency": [np.nan, "defibrillator"],
        "opening_hours": [np.nan, "24/7"],
        "geometry": [square, Point(8.005, 50.0001)],
    }
    return graph, geopandas.GeoDataFrame(rows, crs="epsg:4326")


@pytest.fixture
def region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Region:
    graph, features = answer()
    monkeypatch.setattr(osmnx, "graph_from_place", lambda *_, **__: graph)
    monkeypatch.setattr(osmnx, "features_from_place", lambda *_, **__: features)
    fetch_place("Squareton", tmp_path / "place.osm.pbf")
    return build_region(tmp_path / "place.osm.pbf", tmp_path / "region", profiles=(FOOT, CAR))


def test_roads_buildings_and_aeds_of_a_place_become_a_region(region: Region) -> None:
    car = region.networks["car"]
    closed = (car.edge_forward_ds == INF_DS) | (car.edge_backward_ds == INF_DS)
    assert closed.sum() == 1
    assert not (region.networks["foot"].edge_forward_ds == INF_DS).any()
    assert set(filter(None, map(car.street, range(car.n_edges)))) <= {"South", "East", "North"}
    assert len(region.aeds) == 1
    assert region.aeds.opening_hours == ("24/7",)
    assert len(region.demand) == 1


def test_no_connection_is_told_and_settings_are_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError("name resolution failed")

    monkeypatch.setattr(osmnx, "graph_from_place", fails)
    before = osmnx.settings.use_cache
    with pytest.raises(PlaceError, match="Squareton: not found or no connection"):
        fetch_place("Squareton", tmp_path / "place.osm.pbf")
    assert osmnx.settings.use_cache == before
    assert list(tmp_path.iterdir()) == []
