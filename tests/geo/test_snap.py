"""Places go to the nearest road, with offsets that add up."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_segments

from geo.errors import PlaceError
from geo.network import INF_DS, RoadNetwork, Segments, build_network, network_from_edges
from geo.snap import Positions, positions_on_edges, snap


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_nodes=st.integers(2, 30),
    max_snap_m=st.sampled_from([20.0, 150.0, 1000.0]),
    fragment_nodes=st.sampled_from([0, 2, 4, 50]),
)
def test_finds_the_road_that_a_look_at_all_of_them_finds(
    seed: int, n_nodes: int, max_snap_m: float, fragment_nodes: int
) -> None:
    rng = np.random.default_rng(seed)
    segments = random_segments(rng, n_nodes, n_nodes)
    if (segments.u == segments.v).all():
        return
    network = build_network("foot", segments)
    lat, lon = 50 + rng.uniform(-0.005, 0.025, 12), 8 + rng.uniform(-0.005, 0.025, 12)
    places = snap(network, lat, lon, max_snap_m=max_snap_m, fragment_nodes=fragment_nodes)
    sizes = network.component_sizes()
    large_nodes = [(c == 0) or (sizes[c] >= fragment_nodes) for c in network.component]
    everywhere = list(range(network.n_edges))
    large = [
        e for e in everywhere if large_nodes[network.edge_u[e]] and large_nodes[network.edge_v[e]]
    ]
    for i in range(len(places)):
        any_m, _ = naive.nearest_road_m(network, lat[i], lon[i], everywhere)
        large_m, _ = naive.nearest_road_m(network, lat[i], lon[i], large)
        expected = large_m if large_m <= max_snap_m else any_m
        if expected > max_snap_m:
            assert places.edge[i] == -1
            assert places.snap_m[i] == np.inf
            continue
        assert places.snap_m[i] == pytest.approx(expected, rel=1e-6, abs=1e-3)
        on_m, _ = naive.nearest_road_m(network, lat[i], lon[i], [int(places.edge[i])])
        assert on_m == pytest.approx(expected, rel=1e-9, abs=1e-6)
        assert bool(places.moved[i]) == (any_m < expected)


def straight_street(length_m: float = 1000.0) -> RoadNetwork:
    """North along a meridian, at 1 m/s, open both ways."""
    return build_network(
        "foot",
        Segments(
            lat=np.array([50.0, 50.0 + np.degrees(length_m / 6_371_008.8)]),
            lon=np.array([8.0, 8.0]),
            u=np.array([0], np.int32),
            v=np.array([1], np.int32),
            forward_mps=np.ones(1),
            backward_mps=np.ones(1),
            road_class=np.zeros(1, np.uint8),
            name=np.full(1, -1, np.int32),
            names=(),
        ),
    )


def test_offsets_include_the_walk_to_the_road() -> None:
    network = straight_street()
    lat = 50.0 + np.degrees(250.0 / 6_371_008.8)
    lon = 8.0 + np.degrees(90.0 / 6_371_008.8) / np.cos(np.radians(lat))
    place = snap(network, lat, lon, walking_mps=2.0)
    assert place.snap_m[0] == pytest.approx(90.0, abs=0.01)
    assert place.access_ds[0] == 450
    south = int(network.node_lat[network.edge_u[0]] > 50.0005)
    along = (250, 750) if south == 0 else (750, 250)
    for name, metres in zip(("to_u_ds", "to_v_ds"), along, strict=True):
        assert getattr(place, name)[0] == pytest.approx(450 + 10 * metres, abs=1)
    assert place.from_u_ds[0] == pytest.approx(450 + 10 * along[0], abs=1)
    assert place.from_v_ds[0] == pytest.approx(450 + 10 * along[1], abs=1)


def test_the_two_offsets_of_a_direction_make_up_the_edge() -> None:
    rng = np.random.default_rng(5)
    network = build_network("foot", random_segments(rng, 40, 60))
    places = snap(network, 50 + rng.random(200) * 0.02, 8 + rng.random(200) * 0.02)
    on = places.take(places.edge >= 0)
    assert len(on) > 20
    ahead, back = network.edge_forward_ds[on.edge], network.edge_backward_ds[on.edge]
    total = on.from_u_ds + on.to_v_ds - 2 * on.access_ds
    assert (total[ahead < INF_DS] == ahead[ahead < INF_DS]).all()
    total = on.from_v_ds + on.to_u_ds - 2 * on.access_ds
    assert (total[back < INF_DS] == back[back < INF_DS]).all()
    assert (on.to_u_ds[back == INF_DS] == INF_DS).all()


def test_too_far_from_any_road_is_said_and_not_hidden() -> None:
    network = straight_street()
    far = snap(network, [50.005, 50.005], [8.001, 8.1], max_snap_m=100.0)
    assert far.edge.tolist() == [0, -1]
    assert far.n_attached == 1
    assert far.to_u_ds[1] == INF_DS


def test_a_place_beside_a_fragment_goes_to_the_town() -> None:
    """A closed courtyard 10 m away, the town's street 60 m away."""
    lat = [50.0, 50.001, 50.002, 50.001, 50.0011]
    lon = [8.0, 8.0, 8.0, 8.001, 8.001]
    network = network_from_edges(
        "foot",
        node_lat=np.array(lat),
        node_lon=np.array(lon),
        edge_u=np.array([0, 1, 3]),
        edge_v=np.array([1, 2, 4]),
        edge_length_m=np.array([111, 111, 11]),
        edge_forward_ds=np.array([600, 600, 60]),
        edge_backward_ds=np.array([600, 600, 60]),
    )
    beside = snap(network, 50.001, 8.00085, fragment_nodes=3)
    assert beside.edge[0] in (0, 1)
    assert beside.moved[0]
    near_only = snap(network, 50.001, 8.00085, fragment_nodes=3, max_snap_m=20.0)
    assert near_only.edge[0] == 2
    assert not near_only.moved[0]
    assert snap(network, 50.001, 8.00085, fragment_nodes=2).edge[0] == 2


def test_taking_and_joining_keep_every_column() -> None:
    network = straight_street()
    places = snap(network, [50.001, 50.002, 50.003], [8.0, 8.0, 8.0])
    again = Positions.concat([places.take([2]), places.take([0, 1])]).take([1, 2, 0])
    for name in Positions.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again, name), getattr(places, name))
    assert len(Positions.concat([])) == len(places.take([])) == 0
    assert len(places.take(np.array([True, False, True]))) == 2


def test_a_place_on_nothing_has_no_offsets() -> None:
    nowhere = positions_on_edges(straight_street(), [-1], [0.5])
    assert nowhere.from_u_ds.tolist() == [INF_DS]
    assert nowhere.snap_m.tolist() == [np.inf]


@pytest.mark.parametrize(
    ("lat", "lon", "named"),
    [
        ([91.0], [8.0], "latitude 91"),
        ([50.0], [181.0], "longitude 181"),
        ([50.0, float("nan")], [8.0, 8.0], "place 1: latitude nan"),
        ([50.0, 51.0], [8.0], "2 latitudes and 1 longitudes"),
    ],
)
def test_places_that_cannot_be_are_named(lat: list[float], lon: list[float], named: str) -> None:
    with pytest.raises(PlaceError, match=named):
        snap(straight_street(), lat, lon)


def test_a_maximum_of_nothing_is_refused() -> None:
    with pytest.raises(PlaceError, match="max_snap_m"):
        snap(straight_street(), 50.0, 8.0, max_snap_m=0.0)
