"""Many to many, one to all, nearest site and isochrones; judged by plain Dijkstra."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import naive_routing
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_network, random_positions

from geo.errors import NetworkError
from geo.matrix import UINT16_CLOSED_DS, TargetSet
from geo.metric import Metric, Places
from geo.network import INF_DS, build_network, network_from_edges
from geo.osm import Extract
from geo.pairs import pair_times_ds
from geo.router import Router
from geo.snap import positions_on_edges

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=50, deadline=None)
@given(
    seed=SEEDS,
    n_nodes=st.integers(1, 14),
    n_edges=st.integers(1, 40),
    n_sources=st.integers(1, 40),
    n_targets=st.integers(1, 70),
    threads=st.integers(1, 3),
)
def test_tables_equal_plain_dijkstra(
    seed: int, n_nodes: int, n_edges: int, n_sources: int, n_targets: int, threads: int
) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, n_nodes, n_edges)
    router = Router.of(network)
    few, some = random_positions(rng, network, 6), random_positions(rng, network, 9)
    i, j = rng.integers(0, 6, n_sources), rng.integers(0, 9, n_targets)
    sources, targets = few.take(i), some.take(j)
    expected = naive_routing.table_ds(network, few, some)[np.ix_(i, j)]
    found = router.times_ds(sources, targets, threads=threads)
    np.testing.assert_array_equal(found, expected)
    narrow = router.times_ds(sources, targets, dtype=np.uint16, threads=threads)
    np.testing.assert_array_equal(narrow, np.minimum(expected, UINT16_CLOSED_DS))
    for cutoff_s in (0.0, 25.0, 10_000.0):
        sparse = router.times_within(sources, targets, cutoff_s=cutoff_s, threads=threads)
        rows, columns = np.nonzero(expected <= cutoff_s * 10)
        np.testing.assert_array_equal(np.repeat(np.arange(n_sources), np.diff(sparse.first)), rows)
        np.testing.assert_array_equal(sparse.target, columns)
        np.testing.assert_array_equal(sparse.ds, expected[rows, columns])


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, n_nodes=st.integers(1, 14), n_edges=st.integers(1, 40))
def test_one_to_all_and_nearest_site_equal_plain_dijkstra(
    seed: int, n_nodes: int, n_edges: int
) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, n_nodes, n_edges)
    router = Router.of(network)
    sites, places = random_positions(rng, network, 5), random_positions(rng, network, 8)
    by_site = naive_routing.node_table_ds(network, sites)
    np.testing.assert_array_equal(router.node_times_ds(sites), by_site.min(axis=0))
    np.testing.assert_array_equal(router.node_times_ds(sites.take([2])), by_site[2])
    nearest = router.nearest_site(sites)
    np.testing.assert_array_equal(nearest.ds, by_site.min(axis=0))
    np.testing.assert_array_equal(nearest.site, first_least(by_site))
    table = naive_routing.table_ds(network, sites, places)
    at_places = router.nearest_site(sites, places)
    np.testing.assert_array_equal(at_places.ds, table.min(axis=0))
    np.testing.assert_array_equal(at_places.site, first_least(table))


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, n_nodes=st.integers(1, 14), n_edges=st.integers(1, 40))
def test_towards_asks_for_the_way_back(seed: int, n_nodes: int, n_edges: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, n_nodes, n_edges)
    router = Router.of(network)
    sites, places = random_positions(rng, network, 4), random_positions(rng, network, 7)
    table = naive_routing.table_ds(network, places, sites).T
    found = router.nearest_site(sites, places, towards=True)
    np.testing.assert_array_equal(found.ds, table.min(axis=0))
    np.testing.assert_array_equal(found.site, first_least(table))


def first_least(table: np.ndarray) -> np.ndarray:
    return np.where(table.min(axis=0) < INF_DS, table.argmin(axis=0), -1)


def test_a_table_fills_a_file_and_refuses_a_wrong_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    network = random_network(rng, 30, 80)
    router = Router.of(network)
    sources, targets = random_positions(rng, network, 50), random_positions(rng, network, 64)
    file = np.lib.format.open_memmap(
        tmp_path / "times.npy", mode="w+", dtype=np.int32, shape=(50, 64)
    )
    router.times_ds(sources, targets, out=file, threads=2)
    file.flush()
    np.testing.assert_array_equal(
        np.load(tmp_path / "times.npy"), router.times_ds(sources, targets)
    )
    with pytest.raises(NetworkError, match="shape"):
        router.times_ds(sources, targets, out=np.empty((50, 63), np.int32))
    with pytest.raises(NetworkError, match="int32 or uint16"):
        router.times_ds(sources, targets, dtype=np.float64)
    with pytest.raises(NetworkError, match="cut-off"):
        router.times_within(sources, targets, cutoff_s=-1.0)


def test_empty_questions_have_empty_answers() -> None:
    network = random_network(np.random.default_rng(1), 9, 20)
    router = Router.of(network)
    none, one = positions_on_edges(network, [], []), positions_on_edges(network, [0], [0.5])
    assert router.times_ds(none, one).shape == (0, 1)
    assert router.times_ds(one, none).shape == (1, 0)
    assert router.times_within(none, one, cutoff_s=5).first.tolist() == [0]
    assert router.times_within(one, none, cutoff_s=5).first.tolist() == [0, 0]
    assert (router.node_times_ds(none) == INF_DS).all()
    assert (router.nearest_site(none).site == -1).all()


def straight_street() -> Router:
    """Three edges of 100 s in a line; the last is one-way towards the end."""
    network = network_from_edges(
        "foot",
        node_lat=[50.0] * 4,
        node_lon=[8.0, 8.001, 8.002, 8.003],
        edge_u=[0, 1, 2],
        edge_v=[1, 2, 3],
        edge_length_m=[100] * 3,
        edge_forward_ds=[1000] * 3,
        edge_backward_ds=[1000, 1000, INF_DS],
    )
    return Router.of(network)


def test_an_isochrone_covers_what_its_time_allows() -> None:
    router = straight_street()
    middle = positions_on_edges(router.network, [1], [0.5])
    found = router.isochrone(middle, bound_s=80.0)
    assert found.edge.tolist() == [0, 1, 2]
    np.testing.assert_allclose(found.start, [0.7, 0.0, 0.0])
    np.testing.assert_allclose(found.end, [1.0, 1.0, 0.3])
    assert found.node_ds.tolist() == [INF_DS, 500, 500, INF_DS]
    near = router.isochrone(middle, bound_s=20.0)
    assert near.edge.tolist() == [1]
    np.testing.assert_allclose((near.start[0], near.end[0]), (0.3, 0.7))
    back = router.isochrone(middle, bound_s=80.0, towards=True)
    assert back.edge.tolist() == [0, 1]
    ends = positions_on_edges(router.network, [0, 2], [0.1, 0.05])
    apart = router.isochrone(ends, bound_s=15.0)
    assert apart.edge.tolist() == [0, 2]  # nobody turns round in the one-way street
    np.testing.assert_allclose(apart.end, [0.25, 0.2])
    corner = router.isochrone(positions_on_edges(router.network, [2], [0.0]), bound_s=15.0)
    assert corner.edge.tolist() == [1, 2]  # at its corner one is not in it yet
    np.testing.assert_allclose((corner.start, corner.end), ([0.85, 0.0], [1.0, 0.15]))
    with pytest.raises(NetworkError, match="bound"):
        router.isochrone(middle, bound_s=float("nan"))


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, n_nodes=st.integers(2, 14), n_edges=st.integers(1, 40))
def test_a_place_at_the_end_of_a_street_is_at_the_junction(
    seed: int, n_nodes: int, n_edges: int
) -> None:
    """Whichever way the street is open: a corner is reached by every street that leads there."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, n_nodes, n_edges)
    every = np.arange(n_edges)
    corners = positions_on_edges(
        network, np.tile(every, 2), np.repeat([0.0, 1.0], n_edges), access_ds=0
    )
    nodes = Places.of_nodes(np.concatenate([network.edge_u, network.edge_v]))
    own = Router.of(network)
    # Within a street that takes no time at all, its two ends cannot be told apart.
    apart = corners.edge[:, None] != corners.edge
    for router in (own, own.with_times(network.edge_backward_ds, network.edge_forward_ds)):
        expected = TargetSet(router.metric, nodes).times_ds(nodes)
        i, j = np.nonzero(apart)
        for found in (
            router.times_ds(corners, corners)[i, j],
            router.fleet(corners).times_ds(router.places(corners)).T[i, j],
            router.pair_times_ds(corners.take(i), corners.take(j)),
        ):
            np.testing.assert_array_equal(found, expected[i, j])


@pytest.mark.parametrize("name", ["uk-milton-keynes-2026"])
def test_real_streets_table_equals_single_pairs(
    real_extract: Callable[[str], Extract], name: str
) -> None:
    network = build_network("foot", real_extract(name).segments["foot"])
    router = Router.of(network)
    rng = np.random.default_rng(2)
    places = positions_on_edges(
        network, rng.integers(0, network.n_edges, 300), rng.random(300), access_ds=7
    )
    sources, targets = places.take(np.arange(70)), places.take(np.arange(40, 300))
    i, j = np.divmod(np.arange(70 * 260), 260)
    expected = router.pair_times_ds(sources.take(i), targets.take(j)).reshape(70, 260)
    assert (expected < INF_DS).mean() > 0.5
    np.testing.assert_array_equal(router.times_ds(sources, targets, threads=2), expected)
    narrow = router.times_ds(sources, targets, dtype=np.uint16)
    np.testing.assert_array_equal(narrow, np.minimum(expected, UINT16_CLOSED_DS))


@pytest.mark.slow
def test_moscow_table_equals_single_pairs(shared_data: Path) -> None:
    arrays = np.load(shared_data / "graph" / "moscow-roads.npz")
    edges, xy = arrays["edges"].astype(np.int32), arrays["xy"].astype(float)
    length = np.hypot(*(xy[edges[:, 0]] - xy[edges[:, 1]]).T)
    rng = np.random.default_rng(0)
    from geo.hierarchy import Hierarchy  # noqa: PLC0415

    hierarchy = Hierarchy.build(len(xy), edges[:, 0], edges[:, 1], xy[:, 1] / 1e5, xy[:, 0] / 1e5)
    ahead = np.maximum(np.rint(length * 0.8), 0).astype(np.int64)
    back = np.where(rng.random(len(ahead)) < 0.2, INF_DS, ahead + rng.integers(0, 50, len(ahead)))
    metric = Metric.of(hierarchy, ahead, back)
    sources = Places.of_nodes(rng.integers(0, len(xy), 100))
    targets = Places.of_nodes(rng.integers(0, len(xy), 3000))
    table = TargetSet(metric, targets).times_ds(sources, threads=2)
    i, j = np.divmod(np.arange(100 * 3000), 3000)
    pairs = pair_times_ds(metric, sources.take(i), targets.take(j)).reshape(100, 3000)
    np.testing.assert_array_equal(table, pairs)
