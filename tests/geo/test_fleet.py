"""A moving fleet, judged by full tables of plain Dijkstra."""

from __future__ import annotations

import naive_routing
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_network, random_positions

from geo.errors import NetworkError
from geo.network import INF_DS
from geo.router import Router


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_nodes=st.integers(1, 14),
    n_edges=st.integers(1, 40),
    n_units=st.integers(1, 12),
    k=st.integers(1, 15),
)
def test_the_nearest_after_every_move(
    seed: int, n_nodes: int, n_edges: int, n_units: int, k: int
) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, n_nodes, n_edges)
    router = Router.of(network)
    units, patients = random_positions(rng, network, n_units), random_positions(rng, network, 4)
    fleet = router.fleet(units)
    for _ in range(4):
        expected = naive_routing.table_ds(network, units, patients).T
        np.testing.assert_array_equal(fleet.times_ds(router.places(patients)), expected)
        usable = rng.random(n_units) < 0.8
        found = fleet.nearest(router.places(patients), k, usable=usable)
        for row, ds, unit in zip(expected, found.ds, found.unit, strict=True):
            best = sorted((int(t), u) for u, t in enumerate(row) if usable[u] and t < INF_DS)
            best = [*best[:k], *[(INF_DS, -1)] * k][:k]
            assert list(zip(ds.tolist(), unit.tolist(), strict=True)) == best
        moving = rng.permutation(n_units)[: rng.integers(1, 4)]
        there = random_positions(rng, network, len(moving))
        fleet.move(moving, router.places(there))
        index = np.arange(n_units)
        index[moving] = n_units + np.arange(len(moving))
        units = type(units).concat([units, there]).take(index)


def test_many_moves_do_not_grow_the_buckets_for_ever() -> None:
    rng = np.random.default_rng(1)
    network = random_network(rng, 60, 200)
    router = Router.of(network)
    places = router.places(random_positions(rng, network, 40))
    fleet = router.fleet(random_positions(rng, network, 40))
    sizes = []
    for _ in range(300):
        fleet.move(np.arange(40), places.take(rng.permutation(40)))
        sizes.append(len(fleet._pool))
    assert sizes[-1] == sizes[150]
    assert fleet.n_entries <= sizes[-1]


def test_wrong_calls_are_named() -> None:
    rng = np.random.default_rng(2)
    network = random_network(rng, 9, 20)
    router = Router.of(network)
    places = router.places(random_positions(rng, network, 3))
    fleet = router.fleet(random_positions(rng, network, 3))
    with pytest.raises(NetworkError, match="units and"):
        fleet.move([0], places)
    with pytest.raises(NetworkError, match=r"0\.\.2"):
        fleet.move([3], places.take([0]))
    with pytest.raises(NetworkError, match="k of 1"):
        fleet.nearest(places, 0)
    with pytest.raises(NetworkError, match="3 flags"):
        fleet.nearest(places, 1, usable=np.ones(2, np.bool_))
    assert len(router.fleet(random_positions(rng, network, 0)).nearest(places, 2).unit) == 3
