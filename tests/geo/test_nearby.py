"""The k soonest helpers, judged by the search that gives everybody's times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_network, random_positions

from geo.errors import PlaceError
from geo.nearby import Crowd, Helpers, NearbySearch
from geo.network import RoadNetwork, build_network
from geo.osm import Extract
from geo.routing import PatientSearch
from geo.snap import Positions, positions_on_edges, snap


def assert_same(
    network: RoadNetwork,
    search: NearbySearch,
    patient: Positions,
    people: Positions,
    aeds: Positions,
    usable: np.ndarray,
    eligible: np.ndarray | None,
    *,
    k: int,
    **limits: float,
) -> Helpers:
    """Equal to ``PatientSearch``, which has its own oracle."""
    found = search.soonest(
        patient,
        Crowd(network, people),
        Crowd(network, aeds),
        usable,
        k=k,
        eligible=eligible,
        **limits,
    )
    all_ = PatientSearch(network).soonest(
        patient, people, aeds, usable, k=k, eligible=eligible, **limits
    )
    np.testing.assert_array_equal(found.direct, all_.direct)
    np.testing.assert_array_equal(found.direct_s, all_.times.direct_s[all_.direct])
    np.testing.assert_array_equal(found.via_aed, all_.via_aed)
    np.testing.assert_array_equal(found.via_aed_s, all_.times.via_aed_s[all_.via_aed])
    np.testing.assert_array_equal(found.aed, all_.times.aed[all_.via_aed])
    np.testing.assert_array_equal(found.to_aed_s, all_.times.to_aed_s[all_.via_aed])
    return found


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_nodes=st.integers(1, 12),
    n_edges=st.integers(1, 24),
    k=st.integers(1, 12),
    n_aeds=st.sampled_from([0, 5]),
    bound_s=st.sampled_from([0.0, 4.0, 90.0, 900.0, 86_400.0]),
    pickup_s=st.sampled_from([0.0, 3.0, 60.0]),
    carry_factor=st.sampled_from([1.0, 1.0, 1.25, 0.7]),
)
def test_equals_the_search_for_everybody(
    seed: int,
    n_nodes: int,
    n_edges: int,
    k: int,
    n_aeds: int,
    bound_s: float,
    pickup_s: float,
    carry_factor: float,
) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, n_nodes, n_edges)
    search = NearbySearch(network)
    people, aeds = random_positions(rng, network, 9), random_positions(rng, network, n_aeds)
    for patient in (random_positions(rng, network, 1) for _ in range(2)):
        assert_same(
            network,
            search,
            patient,
            people,
            aeds,
            rng.random(n_aeds) < 0.7,
            rng.random(9) < 0.8,
            k=k,
            bound_s=bound_s,
            pickup_s=pickup_s,
            carry_factor=carry_factor,
        )


def test_real_streets_and_a_queue_that_must_grow(
    real_extract: Callable[[str], Extract],
) -> None:
    network = build_network("foot", real_extract("uk-milton-keynes-2026").segments["foot"])
    rng = np.random.default_rng(7)
    south, west, north, east = network.bounds
    spread = lambda n: snap(  # noqa: E731
        network, rng.uniform(south, north, n), rng.uniform(west, east, n)
    )
    people, aeds, patients = spread(400), spread(60), spread(12)
    search = NearbySearch(network)
    search._pool, search._link = search._pool[:140].copy(), search._link[:140].copy()
    seen = 0
    for i in range(len(patients)):
        for k in (1, 3, 400):
            assert_same(
                network,
                search,
                patients.take([i]),
                people,
                Positions.none(),
                np.ones(0, np.bool_),
                None,
                k=k,
                bound_s=1_800.0,
                pickup_s=0.0,
            )
        found = assert_same(
            network,
            search,
            patients.take([i]),
            people,
            aeds,
            rng.random(60) < 0.8,
            None,
            k=20,
            bound_s=900.0,
            pickup_s=60.0,
        )
        seen += len(found.via_aed)
    assert seen > 50
    assert len(search._pool) > 140


def test_wrong_calls_are_named() -> None:
    network = random_network(np.random.default_rng(3), 6, 12)
    search = NearbySearch(network)
    crowd = Crowd(network, positions_on_edges(network, [0, 1], [0.5, 0.5]))
    one, flags = positions_on_edges(network, [0], [0.5]), np.ones(2, np.bool_)
    with pytest.raises(PlaceError, match="one patient"):
        search.soonest(one, crowd, crowd, flags, k=0, bound_s=1.0, pickup_s=0.0)
    with pytest.raises(PlaceError, match="bound_s"):
        search.soonest(one, crowd, crowd, flags, k=1, bound_s=-1.0, pickup_s=0.0)
    with pytest.raises(PlaceError, match="carry_factor"):
        search.soonest(one, crowd, crowd, flags, k=1, bound_s=1.0, pickup_s=0.0, carry_factor=0.0)
    elsewhere = random_network(np.random.default_rng(4), 6, 12)
    stranger = Crowd(elsewhere, positions_on_edges(elsewhere, [0], [0.5]))
    with pytest.raises(PlaceError, match="network of the search"):
        search.soonest(one, stranger, crowd, flags, k=1, bound_s=1.0, pickup_s=0.0)
    with pytest.raises(PlaceError, match="eligible"):
        search.soonest(one, crowd, crowd, flags, k=1, bound_s=1.0, pickup_s=0.0, eligible=flags[:1])
