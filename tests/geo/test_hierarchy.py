"""The hierarchy: structure, metrics, single pairs; judged by plain Dijkstra on nasty networks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import naive_routing
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_network, random_positions

from geo.errors import NetworkError, RegionError
from geo.hierarchy import Hierarchy
from geo.metric import Metric, Metrics, Places
from geo.network import INF_DS, RoadNetwork, build_network
from geo.osm import Extract
from geo.pairs import pair_times_ds
from geo.router import Router

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, n_nodes=st.integers(1, 14), n_edges=st.integers(1, 40))
def test_single_pairs_equal_plain_dijkstra(seed: int, n_nodes: int, n_edges: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, n_nodes, n_edges)
    router = Router.of(network)
    sources, targets = random_positions(rng, network, 9), random_positions(rng, network, 7)
    i, j = np.divmod(np.arange(9 * 7), 7)
    found = router.pair_times_ds(sources.take(i), targets.take(j)).reshape(9, 7)
    np.testing.assert_array_equal(found, naive_routing.table_ds(network, sources, targets))


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, n_nodes=st.integers(1, 40), n_edges=st.integers(1, 120))
def test_ranks_are_an_order_and_every_slot_leads_up(seed: int, n_nodes: int, n_edges: int) -> None:
    network = random_network(np.random.default_rng(seed), n_nodes, n_edges)
    found = Hierarchy.of(network)
    assert sorted(found.rank) == list(range(n_nodes))
    tails = np.repeat(np.arange(n_nodes), np.diff(found.up_first))
    assert (found.up_head > tails).all()
    slots = list(zip(tails.tolist(), found.up_head.tolist(), strict=True))
    assert slots == sorted(set(slots))
    links = set(slots)
    for u in range(n_nodes):  # all upper neighbours of a node are joined to each other
        above = found.up_head[found.up_first[u] : found.up_first[u + 1]].tolist()
        assert all((a, b) in links for a in above for b in above if a < b)
    sizes = np.diff(found.up_first)[: found.n_fringe]
    assert (sizes <= 2).all()
    assert (np.diff(found.up_first)[found.n_fringe :] <= found.n_core).all()


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, n_edges=st.integers(1, 60), count=st.integers(1, 25))
def test_many_metrics_at_once_equal_one_at_a_time(seed: int, n_edges: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, 20, n_edges)
    hierarchy = Hierarchy.of(network)
    forward = rng.choice([0, 1, 5, 700, INF_DS - 1, INF_DS, 2 * INF_DS], (count, n_edges))
    backward = rng.choice([0, 2, 60, INF_DS], (count, n_edges))
    together = Metrics.of(hierarchy, forward, backward)
    assert len(together) == count
    for i in range(count):
        alone = Metric.of(hierarchy, forward[i], backward[i])
        np.testing.assert_array_equal(together[i].up_ds, alone.up_ds)
        np.testing.assert_array_equal(together[i].down_ds, alone.down_ds)


def test_times_of_another_hour_price_positions_anew() -> None:
    rng = np.random.default_rng(4)
    network = random_network(rng, 12, 30)
    sources, targets = random_positions(rng, network, 6), random_positions(rng, network, 6)
    ahead = np.where(network.edge_forward_ds < INF_DS, network.edge_forward_ds // 2, INF_DS)
    back = np.where(network.edge_backward_ds < INF_DS, network.edge_backward_ds * 3, INF_DS)
    back = np.minimum(back, INF_DS)
    base = Router.of(network)
    (other,) = base.with_many_times(ahead[None], back[None])
    same = base.with_times(ahead, back)
    np.testing.assert_array_equal(other.times_ds(sources, targets), same.times_ds(sources, targets))
    assert not np.array_equal(same.times_ds(sources, targets), base.times_ds(sources, targets))


def test_a_network_of_one_ring_and_one_without_any_junction_pair() -> None:
    ring = Hierarchy.build(4, [0, 1, 2, 3], [1, 2, 3, 0], [0, 0, 1, 1], [0, 1, 1, 0])
    assert ring.n_core == 0
    metric = Metric.of(ring, [1, 1, 1, 1], [INF_DS] * 4)
    times = pair_times_ds(metric, Places.of_nodes([0, 3, 2]), Places.of_nodes([3, 0, 2]))
    assert times.tolist() == [3, 1, 0]
    lone = Hierarchy.build(1, [0], [0], [0.0], [0.0])
    alone = Metric.of(lone, [7], [7])
    assert pair_times_ds(alone, Places.of_nodes([0, -1]), Places.of_nodes([0, 0])).tolist() == [
        0,
        INF_DS,
    ]


def test_bad_input_is_named() -> None:
    with pytest.raises(NetworkError, match=r"outside 0\.\.1"):
        Hierarchy.build(2, [0], [2], [0, 0], [0, 0])
    hierarchy = Hierarchy.build(2, [0], [1], [0, 0], [0, 0])
    with pytest.raises(NetworkError, match="shape"):
        Metric.of(hierarchy, [1, 2], [1, 2])
    with pytest.raises(NetworkError, match="0 or more"):
        Metric.of(hierarchy, [-1], [1])
    network = random_network(np.random.default_rng(0), 5, 9)
    with pytest.raises(NetworkError, match="another network"):
        Router.of(network, hierarchy)


def test_saved_arrays_give_the_same_hierarchy_back() -> None:
    network = random_network(np.random.default_rng(8), 30, 70)
    hierarchy = Hierarchy.of(network)
    arrays = hierarchy.arrays()
    back = Hierarchy.from_arrays(arrays)
    assert back.fits(network)
    for name, values in arrays.items():
        np.testing.assert_array_equal(getattr(back, name), values)
    with pytest.raises(RegionError, match="up_head missing"):
        Hierarchy.from_arrays({k: v for k, v in arrays.items() if k != "up_head"})
    with pytest.raises(RegionError, match="agree"):
        Hierarchy.from_arrays({**arrays, "up_head": arrays["up_head"][:-1]})


def test_importing_compiles_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, geo.router, geo.matrix, geo.fleet, geo.route; "
        "print([m for m in ('numba', 'scipy', 'llvmlite') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["uk-milton-keynes-2026", "uk-london-westend-2020"])
def test_real_streets_equal_scipy(real_extract: Callable[[str], Extract], name: str) -> None:
    network = build_network("foot", real_extract(name).segments["foot"])
    assert_equals_scipy(network, 5)


def assert_equals_scipy(network: RoadNetwork, n_sources: int) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    graph = pytest.importorskip("scipy.sparse.csgraph")
    n = network.n_nodes
    tails = np.repeat(np.arange(n), np.diff(network.first_out))
    order = np.lexsort((-network.arc_ds, network.head, tails))
    # The last of equal entries is the least; scipy would add parallel arcs up. No time may be 0.
    last = np.ones(len(order), np.bool_)
    last[:-1] = np.diff(tails[order] * np.int64(n) + network.head[order]) > 0
    kept = order[last]
    times = network.arc_ds[kept].astype(float) + 1e-6
    matrix = sparse.csr_matrix((times, (tails[kept], network.head[kept])), shape=(n, n))
    sources = np.random.default_rng(1).choice(n, n_sources, replace=False)
    expected = graph.dijkstra(matrix, indices=sources)
    expected = np.where(np.isfinite(expected), np.rint(expected), INF_DS).astype(np.int64)
    metric = Router.of(network).metric
    for row, source in zip(expected, sources.tolist(), strict=True):
        targets = Places.of_nodes(np.arange(n))
        found = pair_times_ds(metric, Places.of_nodes(np.full(n, source)), targets)
        np.testing.assert_array_equal(found, row)
