"""Routes: their parts add up, they run along open streets, and their words are right."""

from __future__ import annotations

from collections.abc import Callable

import naive_routing
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_network, random_positions

from geo.errors import PlaceError
from geo.network import INF_DS, RoadNetwork, build_network, network_from_edges
from geo.osm import Extract
from geo.points import haversine_m
from geo.route import Route, turn_word
from geo.router import Router
from geo.snap import Positions, positions_on_edges, snap


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_nodes=st.integers(1, 16), n_edges=st.integers(1, 40))
def test_parts_add_up_to_the_time_of_plain_dijkstra(seed: int, n_nodes: int, n_edges: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, n_nodes, n_edges)
    router = Router.of(network)
    starts, ends = random_positions(rng, network, 5), random_positions(rng, network, 5)
    expected = naive_routing.table_ds(network, starts, ends)
    for i in range(5):
        for j in range(5):
            found = router.route(starts.take([i]), ends.take([j]))
            if expected[i, j] == INF_DS:
                assert found is None
            else:
                assert found is not None
                assert round(found.time_s * 10) == expected[i, j] == found.part_ds.sum()
                shares = float(starts.fraction[i]), float(ends.fraction[j])
                assert_runs_along_open_edges(network, found, shares)


def assert_runs_along_open_edges(
    network: RoadNetwork, found: Route, shares: tuple[float, float]
) -> None:
    """Every edge begins where the one before ends, and is open.

    A place at the very end of a street is at the junction: that part of the way has no length.
    """
    u = np.where(found.backward, network.edge_v[found.edge], network.edge_u[found.edge])
    v = np.where(found.backward, network.edge_u[found.edge], network.edge_v[found.edge])
    np.testing.assert_array_equal(u[1:], v[:-1])
    inner = slice(1, -1)
    times = np.where(
        found.backward, network.edge_backward_ds[found.edge], network.edge_forward_ds[found.edge]
    )
    used = np.ones(len(times), np.bool_)
    used[0] = shares[0] != (0.0 if found.backward[0] else 1.0)
    used[-1] &= shares[1] != (1.0 if found.backward[-1] else 0.0)
    assert (times[used] < INF_DS).all()
    np.testing.assert_array_equal(times[inner], found.part_ds[inner])


def crossroads() -> Router:
    """Station Road runs north to a crossing; Mill Lane goes east from there, then turns south."""
    network = network_from_edges(
        "foot",
        node_lat=[50.000, 50.001, 50.002, 50.001, 50.000],
        node_lon=[8.000, 8.000, 8.000, 8.002, 8.002],
        edge_u=[0, 1, 1, 3],
        edge_v=[1, 2, 3, 4],
        edge_length_m=[111, 111, 143, 111],
        edge_forward_ds=[800, 800, 1000, 800],
        edge_backward_ds=[800, 800, 1000, 800],
        edge_name=[0, 0, 1, 1],
        names=("Station Road", "Mill Lane"),
    )
    return Router.of(network)


def test_words_for_a_walk_round_the_corner() -> None:
    router = crossroads()
    ends = positions_on_edges(router.network, [0, 3], [0.5, 0.5])
    found = router.route(ends.take([0]), ends.take([1]))
    assert found is not None
    assert [(s.turn, s.street) for s in found.steps] == [
        ("start", "Station Road"),
        ("right", "Mill Lane"),
        ("right", "Mill Lane"),
        ("arrive", None),
    ]
    assert found.time_s == 180.0
    assert [s.time_s for s in found.steps] == [40.0, 100.0, 40.0, 0.0]
    assert found.length_m == pytest.approx(55.6 + 143.0 + 55.6, abs=0.5)
    assert sum(s.length_m for s in found.steps) == pytest.approx(found.length_m)
    assert (found.lat[0], found.lon[0]) == pytest.approx((50.0005, 8.0))
    assert (found.lat[-1], found.lon[-1]) == pytest.approx((50.0005, 8.002))


def test_straight_through_a_crossing_is_one_step() -> None:
    router = crossroads()
    ends = positions_on_edges(router.network, [0, 1], [0.0, 1.0], access_ds=30)
    found = router.route(ends.take([0]), ends.take([1]))
    assert found is not None
    assert [(s.turn, s.street) for s in found.steps] == [
        ("start", "Station Road"),
        ("arrive", None),
    ]
    assert found.time_s == 166.0
    same = router.route(ends.take([0]), ends.take([0]))
    assert same is not None
    assert (same.time_s, same.length_m) == (6.0, 0.0)


def test_asking_for_other_than_one_place_is_refused() -> None:
    router = crossroads()
    two = positions_on_edges(router.network, [0, 1], [0.5, 0.5])
    with pytest.raises(PlaceError, match="one start and one end"):
        router.route(two, two)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (0, "straight"),
        (20, "slight_right"),
        (-20, "slight_left"),
        (90, "right"),
        (-90, "left"),
        (140, "sharp_right"),
        (-140, "sharp_left"),
        (180, "back"),
        (350, "straight"),
    ],
)
def test_turn_words(change: float, word: str) -> None:
    assert turn_word(200.0, 200.0 + change) == word


def test_real_routes_are_connected_and_as_long_as_they_look(
    real_extract: Callable[[str], Extract],
) -> None:
    network = build_network("foot", real_extract("uk-london-westend-2020").segments["foot"])
    router = Router.of(network)
    rng = np.random.default_rng(5)
    south, west, north, east = network.bounds
    places = snap(network, rng.uniform(south, north, 40), rng.uniform(west, east, 40))
    pairs = rng.integers(0, 40, (60, 2))
    starts, ends = places.take(pairs[:, 0]), places.take(pairs[:, 1])
    times = router.pair_times_ds(starts, ends)
    seen = 0
    for i in range(60):
        found = router.route(starts.take([i]), ends.take([i]))
        assert (found is None) == (times[i] >= INF_DS)
        if found is not None:
            seen += 1
            assert found.part_ds.sum() == times[i] == round(found.time_s * 10)
            steps_m = haversine_m(found.lat[:-1], found.lon[:-1], found.lat[1:], found.lon[1:])
            assert found.length_m == pytest.approx(float(steps_m.sum()), abs=0.01)
            assert steps_m.max(initial=0.0) < 500.0
            assert sum(s.time_s for s in found.steps) == pytest.approx(found.time_s, abs=0.05)
            assert_shape_is_whole(network, found, starts.take([i]), ends.take([i]))
    assert seen > 30


def assert_shape_is_whole(
    network: RoadNetwork, found: Route, start: Positions, end: Positions
) -> None:
    whole_m = float(network.edge_length_m[found.edge[1:-1]].sum())
    assert found.length_m >= whole_m * 0.99
    for position, at in ((start, 0), (end, -1)):
        gap = haversine_m(
            float(position.lat[0]), float(position.lon[0]), found.lat[at], found.lon[at]
        )
        assert float(gap) <= float(position.snap_m[0]) + 2.0
