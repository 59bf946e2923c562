"""Joining segments to edges keeps every way, length and name."""

from __future__ import annotations

import math

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_network, random_segments

from geo.errors import NetworkError
from geo.network import INF_DS, RoadNetwork, Segments, build_network, network_from_edges
from geo.points import haversine_m, hilbert_keys


def street(*nodes: tuple[float, float], speed_mps: float = 1.0) -> Segments:
    """One street through these places."""
    n = len(nodes) - 1
    return Segments(
        lat=np.array([lat for lat, _ in nodes]),
        lon=np.array([lon for _, lon in nodes]),
        u=np.arange(n, dtype=np.int32),
        v=np.arange(1, n + 1, dtype=np.int32),
        forward_mps=np.full(n, speed_mps),
        backward_mps=np.full(n, speed_mps),
        road_class=np.zeros(n, np.uint8),
        name=np.zeros(n, np.int32),
        names=("Mill Lane",),
    )


def junction_graph(network: RoadNetwork) -> naive.Graph:
    graph: naive.Graph = {}
    for v in range(network.n_nodes):
        arcs = range(network.first_out[v], network.first_out[v + 1])
        graph[v] = [(int(network.head[a]), int(network.arc_ds[a])) for a in arcs]
    return graph


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_nodes=st.integers(2, 25), density=st.floats(0.5, 2.0))
def test_times_between_junctions_are_those_of_the_map(
    seed: int, n_nodes: int, density: float
) -> None:
    segments = random_segments(np.random.default_rng(seed), n_nodes, max(1, int(n_nodes * density)))
    if (segments.u == segments.v).all():
        return
    network = build_network("foot", segments)
    raw = naive.segment_graph(segments)
    at = {
        (lat, lon): i for i, (lat, lon) in enumerate(zip(segments.lat, segments.lon, strict=True))
    }
    raw_node = [
        at[place]
        for place in zip(network.node_lat.tolist(), network.node_lon.tolist(), strict=True)
    ]
    graph = junction_graph(network)
    for start in range(network.n_nodes):
        found = naive.dijkstra(graph, start)
        expected = naive.dijkstra(raw, raw_node[start])  # type: ignore[arg-type]
        for end in range(network.n_nodes):
            time = expected.get(raw_node[end], math.inf)
            assert (end in found) == (time < math.inf)
            if end in found:
                assert found[end] == pytest.approx(time, abs=0.5 * network.n_edges + 1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_nodes=st.integers(2, 25), density=st.floats(0.5, 2.0))
def test_no_metre_and_no_place_of_the_map_is_lost(seed: int, n_nodes: int, density: float) -> None:
    segments = random_segments(np.random.default_rng(seed), n_nodes, max(1, int(n_nodes * density)))
    real = segments.u != segments.v
    if not real.any():
        return
    network = build_network("foot", segments)
    u, v = segments.u[real], segments.v[real]
    length_m = haversine_m(segments.lat[u], segments.lon[u], segments.lat[v], segments.lon[v])
    assert float(network.edge_length_m.sum()) == pytest.approx(float(length_m.sum()), rel=1e-5)
    drawn = {(segments.lat[w], segments.lon[w]) for w in np.concatenate([u, v]).tolist()}
    assert set(zip(network.geom_lat.tolist(), network.geom_lon.tolist(), strict=True)) == drawn
    for e in range(network.n_edges):
        first, last = network.geom_first[e], network.geom_first[e + 1] - 1
        ends = (network.edge_u[e], network.edge_v[e])
        assert network.geom_lat[[first, last]].tolist() == network.node_lat[list(ends)].tolist()
    assert (np.diff(network.edge_u) >= 0).all()


def test_a_street_without_junctions_is_one_edge() -> None:
    network = build_network("foot", street((50, 8), (50.001, 8), (50.001, 8.002), (50.002, 8.002)))
    assert (network.n_nodes, network.n_edges, network.n_arcs) == (2, 1, 2)
    assert network.edge_forward_ds.tolist() == network.edge_backward_ds.tolist()
    assert network.edge_forward_ds[0] == round(10 * float(network.edge_length_m[0]))
    assert network.street(0) == "Mill Lane"


def test_a_ring_keeps_one_junction() -> None:
    ring = street((50, 8), (50.001, 8), (50.001, 8.001), (50, 8))
    ring = Segments(**{**vars(ring), "v": np.array([1, 2, 0], np.int32)})
    network = build_network("foot", ring)
    assert (network.n_nodes, network.n_edges, network.n_arcs) == (1, 1, 0)
    assert network.edge_u[0] == network.edge_v[0] == 0


def test_the_speed_changes_only_at_junctions() -> None:
    stairs = street((50, 8), (50.001, 8), (50.002, 8))
    stairs = Segments(**{**vars(stairs), "forward_mps": np.array([1.0, 0.5])})
    assert build_network("foot", stairs).n_edges == 2


def test_a_one_way_chain_is_joined_and_stays_one_way() -> None:
    lane = street((50, 8), (50.001, 8), (50.002, 8))
    # The second half is drawn against the flow.
    lane = Segments(
        **{
            **vars(lane),
            "u": np.array([0, 2], np.int32),
            "v": np.array([1, 1], np.int32),
            "forward_mps": np.array([1.0, 0.0]),
            "backward_mps": np.array([0.0, 1.0]),
        }
    )
    network = build_network("car", lane)
    assert (network.n_edges, network.n_arcs) == (1, 1)
    assert sorted([network.edge_forward_ds[0], network.edge_backward_ds[0]])[1] == INF_DS
    assert network.component_sizes().tolist() == [1, 1]


@given(seed=st.integers(0, 2**32 - 1), n_nodes=st.integers(1, 12), n_edges=st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_components_are_the_parts_that_reach_each_other(
    seed: int, n_nodes: int, n_edges: int
) -> None:
    network = random_network(np.random.default_rng(seed), n_nodes, n_edges)
    expected = naive.strong_components(network.first_out, network.head)
    found = [
        frozenset(np.flatnonzero(network.component == c).tolist())
        for c in range(int(network.component.max()) + 1)
    ]
    assert set(found) == set(expected)
    sizes = network.component_sizes().tolist()
    assert sizes == sorted(sizes, reverse=True)


@given(seed=st.integers(0, 2**32 - 1), n_nodes=st.integers(1, 12), n_edges=st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_arcs_are_the_open_directions_of_edges(seed: int, n_nodes: int, n_edges: int) -> None:
    network = random_network(np.random.default_rng(seed), n_nodes, n_edges)
    expected = set()
    for e in range(network.n_edges):
        u, v = int(network.edge_u[e]), int(network.edge_v[e])
        if u != v and network.edge_forward_ds[e] < INF_DS:
            expected.add((u, v, e, int(network.edge_forward_ds[e])))
        if u != v and network.edge_backward_ds[e] < INF_DS:
            expected.add((v, u, e, int(network.edge_backward_ds[e])))
    out = np.repeat(np.arange(network.n_nodes), np.diff(network.first_out))
    into = np.repeat(np.arange(network.n_nodes), np.diff(network.first_in))
    assert (
        set(
            zip(
                *(a.tolist() for a in (out, network.head, network.arc_edge, network.arc_ds)),
                strict=True,
            )
        )
        == expected
    )
    assert (
        set(
            zip(
                *(a.tolist() for a in (network.tail, into, network.in_edge, network.in_ds)),
                strict=True,
            )
        )
        == expected
    )


def test_neighbours_on_the_hilbert_curve_are_neighbours_on_the_map() -> None:
    lat, lon = (grid.ravel() for grid in np.meshgrid(np.arange(32.0), np.arange(32.0)))
    keys = hilbert_keys(lat, lon)
    assert len(set(keys.tolist())) == 1024
    order = np.argsort(keys)
    steps = np.abs(np.diff(lat[order])) + np.abs(np.diff(lon[order]))
    assert steps.max() == 1.0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"edge_u": [0, 5]}, "outside 0..2"),
        ({"edge_v": [-1, 2]}, "outside 0..2"),
        ({"edge_forward_ds": [1, -1]}, "negative"),
        (
            {
                key: []
                for key in (
                    "edge_u",
                    "edge_v",
                    "edge_length_m",
                    "edge_forward_ds",
                    "edge_backward_ds",
                )
            },
            "no edges",
        ),
    ],
)
def test_arrays_that_are_no_network_are_refused(change: dict[str, list[int]], named: str) -> None:
    arrays = {
        "node_lat": [50.0, 50.1, 50.2],
        "node_lon": [8.0, 8.0, 8.0],
        "edge_u": [0, 1],
        "edge_v": [1, 2],
        "edge_length_m": [1, 1],
        "edge_forward_ds": [1, 1],
        "edge_backward_ds": [1, 1],
        **change,
    }
    with pytest.raises(NetworkError, match=named):
        network_from_edges("foot", **{k: np.array(v) for k, v in arrays.items()})  # type: ignore[arg-type]


def test_arrays_are_read_only() -> None:
    network = build_network("foot", street((50, 8), (50.001, 8)))
    with pytest.raises(ValueError, match="read-only"):
        network.edge_forward_ds[0] = 1


def test_a_map_without_an_open_way_is_refused() -> None:
    with pytest.raises(NetworkError, match="no segment"):
        build_network("foot", street((50, 8), (50.001, 8), speed_mps=0.0))
