"""Networks as graphs of OSMnx and back: the ecosystem's own functions agree with our router."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from geo.errors import NetworkError
from geo.network import INF_DS, RoadNetwork, network_from_edges
from geo.osm import read_extract
from geo.osm_graph import from_osmnx, to_osmnx
from geo.region import build_network
from geo.router import Router
from geo.snap import Positions, positions_on_edges
from geo.speeds_car import CAR


@pytest.fixture(scope="module")
def network() -> RoadNetwork:
    """A ring with a bent one-way, two parallel streets and a loop."""
    return network_from_edges(
        "car",
        node_lat=np.array([50.0, 50.001, 50.002, 50.003]),
        node_lon=np.array([8.0, 8.001, 8.001, 8.0]),
        edge_u=np.array([0, 1, 1, 2, 3, 3]),
        edge_v=np.array([1, 2, 2, 3, 0, 3]),
        edge_length_m=np.array([130.0, 110.0, 180.0, 140.0, 400.0, 90.0]),
        edge_forward_ds=np.array([130, 110, 90, 140, 200, 70]),
        edge_backward_ds=np.array([130, 150, INF_DS, 160, INF_DS, 70]),
        edge_name=np.array([0, 1, -1, 0, 1, -1]),
        edge_class=np.array([12, 12, 14, 12, 5, 14]),
        names=("High Street", "Ring"),
        shape=(
            np.array([0, 2, 4, 7, 9, 12, 16]),
            np.array([50.0, 50.001, 50.001, 50.002, 50.001, 50.0015, 50.002, 50.002, 50.003,
                      50.003, 50.0015, 50.0, 50.003, 50.0032, 50.0031, 50.003]),
            np.array([8.0, 8.001, 8.001, 8.001, 8.001, 8.0016, 8.001, 8.001, 8.0,
                      8.0, 7.999, 8.0, 8.0, 8.0, 8.0003, 8.0]),
        ),
    )  # fmt: skip


def at_nodes(network: RoadNetwork) -> Positions:
    """A position exactly on each junction."""
    both = (network.edge_forward_ds < INF_DS) & (network.edge_backward_ds < INF_DS)
    both &= network.edge_u != network.edge_v
    edges, shares = [], []
    for node in range(network.n_nodes):
        starts = np.flatnonzero(both & (network.edge_u == node))
        ends = np.flatnonzero(both & (network.edge_v == node))
        edges.append(starts[0] if len(starts) else ends[0])
        shares.append(0.0 if len(starts) else 1.0)
    return positions_on_edges(network, edges, shares)


def node_times_s(graph: nx.MultiDiGraph, n: int) -> np.ndarray:
    found = np.full((n, n), np.inf)
    for source, times in nx.all_pairs_dijkstra_path_length(graph, weight="travel_time"):
        for target, seconds in times.items():
            found[source, target] = seconds
    return found


def test_shortest_times_of_networkx_are_those_of_the_router(network: RoadNetwork) -> None:
    graph = to_osmnx(network)
    places = at_nodes(network)
    ours = Router.of(network).times_ds(places, places) / 10.0
    assert np.allclose(node_times_s(graph, network.n_nodes), ours)


def test_a_graph_has_what_osmnx_reads(network: RoadNetwork) -> None:
    osmnx = pytest.importorskip("osmnx")
    graph = to_osmnx(network)
    nodes, edges = osmnx.convert.graph_to_gdfs(graph)
    assert len(nodes) == 4
    assert len(edges) == 10  # eight two-way directions, two one-ways
    assert nodes.crs == "epsg:4326"
    assert osmnx.routing.shortest_path(graph, 3, 0, weight="travel_time") == [3, 0]
    assert osmnx.routing.shortest_path(graph, 0, 3, weight="travel_time") == [0, 1, 2, 3]
    assert osmnx.stats.basic_stats(graph)["edge_length_total"] == pytest.approx(2 * 470.0 + 580.0)
    lines = osmnx.routing.route_to_gdf(graph, [0, 1, 2], weight="travel_time")
    assert lines["travel_time"].tolist() == [13.0, 9.0]
    assert osmnx.project_graph(graph).graph["crs"] != "epsg:4326"


def test_shapes_turn_with_the_direction(network: RoadNetwork) -> None:
    graph = to_osmnx(network)
    bent = next(d for d in graph[1][2].values() if "geometry" in d)
    assert list(bent["geometry"].coords) == [(8.001, 50.001), (8.0016, 50.0015), (8.001, 50.002)]
    assert bent["oneway"] is True
    there, back = graph[3][3].values()
    assert list(there["geometry"].coords) == list(back["geometry"].coords)[::-1]
    assert (there["reversed"], back["reversed"]) == (False, True)


def test_there_and_back_keeps_times_names_and_shapes(network: RoadNetwork) -> None:
    again = from_osmnx(to_osmnx(network), "car")
    assert again.n_edges == network.n_edges
    order = [
        int(np.flatnonzero((network.node_lat == lat) & (network.node_lon == lon))[0])
        for lat, lon in zip(again.node_lat, again.node_lon, strict=True)
    ]
    times = [Router.of(n).times_ds(p, p) for n, p in ((n, at_nodes(n)) for n in (network, again))]
    assert np.array_equal(times[0][np.ix_(order, order)], times[1])
    assert sorted(again.edge_length_m) == sorted(network.edge_length_m)
    assert sorted(filter(None, map(again.street, range(6)))) == ["High Street"] * 2 + ["Ring"] * 2
    assert len(again.geom_lat) == len(network.geom_lat)
    assert again.edge_class.sum() == network.edge_class.sum()


def test_a_real_extract_by_car_agrees(tiny_extract: Path) -> None:
    extract = read_extract(tiny_extract, (CAR,))
    network = build_network("car", extract.segments["car"])
    places = at_nodes(network)
    ours = Router.of(network).times_ds(places, places) / 10.0
    assert np.allclose(node_times_s(to_osmnx(network), network.n_nodes), ours)


def graph_of(**edge: object) -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph(crs="epsg:4326")
    graph.add_node("a", x=8.0, y=50.0)
    graph.add_node("b", x=8.001, y=50.0)
    graph.add_edge("a", "b", **edge)
    return graph


def test_speeds_of_osmnx_serve_where_there_are_no_times() -> None:
    made = from_osmnx(graph_of(length=100.0, speed_kph=36.0, highway=["path", "track"]), "foot")
    assert made.edge_forward_ds.tolist() == [100]
    assert made.edge_backward_ds.tolist() == [INF_DS]
    assert made.component.max() == 1


@pytest.mark.parametrize(
    ("edge", "crs", "words"),
    [
        ({"length": 10.0}, "epsg:4326", "travel_time or speed_kph expected"),
        ({"length": "far", "speed_kph": 5}, "epsg:4326", "a number 'length' expected"),
        ({"travel_time": 1.0}, "epsg:27700", "crs epsg:4326 expected"),
        ({"travel_time": float("nan")}, "epsg:4326", "a finite 'travel_time'"),
    ],
)
def test_a_graph_that_does_not_fit_is_told(edge: dict, crs: str, words: str) -> None:
    graph = graph_of(**edge)
    graph.graph["crs"] = crs
    with pytest.raises(NetworkError, match=words):
        from_osmnx(graph, "foot")
