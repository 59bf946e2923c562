"""The two-layer search against plain Dijkstra on split edges, and against scipy on real maps."""

from __future__ import annotations

from collections.abc import Callable

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_network, random_positions

from geo.errors import PlaceError
from geo.network import INF_DS, RoadNetwork, build_network, network_from_edges
from geo.osm import Extract
from geo.routing import PatientSearch, PatientTimes, soonest
from geo.snap import Positions, positions_on_edges, snap

COLUMNS = ("direct_s", "via_aed_s", "aed", "to_aed_s", "aed_to_patient_s")


def assert_same(times: PatientTimes, expected: dict[str, np.ndarray]) -> None:
    for name in COLUMNS:
        found = getattr(times, name)
        found = found if name == "aed" else np.rint(found * 10)
        np.testing.assert_array_equal(found, expected[name], err_msg=name)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_nodes=st.integers(1, 12),
    n_edges=st.integers(1, 24),
    bound_s=st.sampled_from([0.0, 4.0, 90.0, 900.0, 86_400.0]),
    pickup_s=st.sampled_from([0.0, 3.0, 60.0]),
    carry_factor=st.sampled_from([1.0, 1.0, 1.25, 0.7]),
)
def test_equals_plain_dijkstra_on_nasty_networks(
    seed: int, n_nodes: int, n_edges: int, bound_s: float, pickup_s: float, carry_factor: float
) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, n_nodes, n_edges)
    search = PatientSearch(network)
    people, aeds = random_positions(rng, network, 9), random_positions(rng, network, 5)
    usable = rng.random(5) < 0.7
    for patient in (random_positions(rng, network, 1) for _ in range(2)):
        times = search.times(
            patient,
            people,
            aeds,
            usable,
            bound_s=bound_s,
            pickup_s=pickup_s,
            carry_factor=carry_factor,
        )
        expected = naive.patient_times(
            network,
            patient,
            people,
            aeds,
            usable,
            bound_ds=round(bound_s * 10),
            pickup_ds=round(pickup_s * 10),
            carry_factor=carry_factor,
        )
        assert_same(times, expected)


def test_a_large_town_needs_a_longer_queue_and_leaves_no_trace() -> None:
    """More junctions than the queue holds at first; then small questions are right again."""
    side = 80
    node = np.arange(side * side).reshape(side, side)
    u = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    v = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    length_ds = np.random.default_rng(2).integers(0, 300, len(u))
    network = network_from_edges(
        "foot",
        node_lat=50 + (node // side).ravel() * 1e-3,
        node_lon=8 + (node % side).ravel() * 1e-3,
        edge_u=u,
        edge_v=v,
        edge_length_m=length_ds,
        edge_forward_ds=length_ds,
        edge_backward_ds=length_ds,
    )
    search = PatientSearch(network)
    rng = np.random.default_rng(3)
    places = positions_on_edges(network, rng.integers(0, network.n_edges, 16), rng.random(16))
    patient, aeds, people = places.take([0]), places.take(range(1, 4)), places.take(range(4, 16))
    usable = np.ones(3, np.bool_)
    for bound_s in (60.0, 86_400.0, 60.0):
        times = search.times(patient, people, aeds, usable, bound_s=bound_s, pickup_s=5)
        expected = naive.patient_times(
            network, patient, people, aeds, usable, bound_ds=round(bound_s * 10), pickup_ds=50
        )
        assert_same(times, expected)
    assert np.isfinite(times.direct_s).sum() < len(people)


def one_street(forward_ds: int = 1000, backward_ds: int = 1000) -> PatientSearch:
    return PatientSearch(
        network_from_edges(
            "foot",
            node_lat=np.array([50.0, 50.001]),
            node_lon=np.array([8.0, 8.0]),
            edge_u=np.array([0]),
            edge_v=np.array([1]),
            edge_length_m=np.array([180.0]),
            edge_forward_ds=np.array([forward_ds]),
            edge_backward_ds=np.array([backward_ds]),
        )
    )


def on_street(search: PatientSearch, *shares: float) -> Positions:
    return positions_on_edges(search.network, [0] * len(shares), list(shares))


def test_a_volunteer_in_the_patients_street_does_not_walk_to_its_end() -> None:
    search = one_street()
    times = search.times(
        on_street(search, 0.5),
        on_street(search, 0.4, 0.9, 0.5),
        on_street(search, 0.3, 0.8),
        np.array([True, True]),
        bound_s=900,
        pickup_s=20,
    )
    np.testing.assert_array_equal(times.direct_s, [10.0, 40.0, 0.0])
    np.testing.assert_array_equal(times.aed, [0, 1, 0])
    np.testing.assert_array_equal(times.via_aed_s, [10 + 20 + 20, 10 + 20 + 30, 20 + 20 + 20])
    np.testing.assert_array_equal(times.to_aed_s, [10.0, 10.0, 20.0])
    np.testing.assert_array_equal(times.aed_to_patient_s, [20.0, 30.0])


def test_a_one_way_street_is_not_walked_against() -> None:
    search = one_street(backward_ds=INF_DS)
    times = search.times(
        on_street(search, 0.5),
        on_street(search, 0.4, 0.6),
        Positions.none(),
        np.zeros(0, np.bool_),
        bound_s=900,
        pickup_s=0,
    )
    np.testing.assert_array_equal(times.direct_s, [10.0, np.inf])


def test_an_unusable_aed_is_passed_by_but_its_way_is_told() -> None:
    search = one_street()
    times = search.times(
        on_street(search, 0.5),
        on_street(search, 0.0),
        on_street(search, 0.4, 0.9),
        np.array([False, True]),
        bound_s=900,
        pickup_s=0,
    )
    assert times.aed.tolist() == [1]
    assert times.via_aed_s.tolist() == [90.0 + 40.0]
    assert times.aed_to_patient_s.tolist() == [10.0, 40.0]


def test_the_bound_itself_is_within_the_bound() -> None:
    search = one_street()
    people = on_street(search, 0.4)
    for bound_s, expected in ((10.0, 10.0), (9.9, np.inf)):
        times = search.times(
            on_street(search, 0.5),
            people,
            Positions.none(),
            np.zeros(0, np.bool_),
            bound_s=bound_s,
            pickup_s=0,
        )
        assert times.direct_s.tolist() == [expected]


def test_ties_go_to_the_lower_aed() -> None:
    search = one_street()
    times = search.times(
        on_street(search, 0.5),
        on_street(search, 0.0, 0.5, 1.0),
        on_street(search, 0.6, 0.4, 0.4),
        np.array([True, True, True]),
        bound_s=900,
        pickup_s=0,
    )
    assert times.aed.tolist() == [1, 0, 0]


def test_a_patient_off_the_network_is_reached_by_nobody() -> None:
    search = one_street()
    nowhere = positions_on_edges(search.network, [-1], [0.0])
    aeds = on_street(search, 0.3)
    times = search.times(nowhere, on_street(search, 0.2), aeds, [True], bound_s=900, pickup_s=0)  # type: ignore[arg-type]
    assert not np.isfinite(times.direct_s).any()
    assert times.aed.tolist() == [-1]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"bound_s": -1.0}, "bound_s"),
        ({"bound_s": float("nan")}, "bound_s"),
        ({"pickup_s": -1.0}, "pickup_s"),
        ({"carry_factor": 0.0}, "carry_factor"),
        ({"aed_usable": np.ones(3, np.bool_)}, "aed_usable"),
    ],
)
def test_questions_out_of_range_are_refused(change: dict[str, object], named: str) -> None:
    search = one_street()
    place = on_street(search, 0.5)
    question: dict[str, object] = {
        "aed_usable": np.ones(1, np.bool_),
        "bound_s": 10.0,
        "pickup_s": 0.0,
        **change,
    }
    usable = question.pop("aed_usable")
    with pytest.raises(PlaceError, match=named):
        search.times(place, place, place, usable, **question)  # type: ignore[arg-type]


@given(
    times=st.lists(st.sampled_from([0.0, 1.0, 2.0, 2.5, np.inf]), max_size=12),
    k=st.integers(0, 14),
    seed=st.integers(0, 99),
)
def test_the_soonest_are_chosen_in_order_and_ties_by_index(
    times: list[float], k: int, seed: int
) -> None:
    eligible = np.random.default_rng(seed).random(len(times)) < 0.8
    expected = sorted((t, i) for i, t in enumerate(times) if eligible[i] and t < np.inf)[:k]
    assert soonest(np.array(times), k, eligible).tolist() == [i for _, i in expected]


def test_eligibility_is_a_mask_before_the_best_are_chosen() -> None:
    search = one_street()
    people = on_street(search, 0.5, 0.6, 0.7, 0.8)
    found = search.soonest(
        on_street(search, 0.5),
        people,
        on_street(search, 0.9),
        np.array([True]),
        k=2,
        eligible=np.array([False, True, False, True]),
        bound_s=900,
        pickup_s=10,
    )
    assert found.direct.tolist() == [1, 3]
    assert found.via_aed.tolist() == [3, 1]


@pytest.mark.parametrize(
    "name", ["li-liechtenstein-2021", pytest.param("pt-porto-region", marks=pytest.mark.slow)]
)
def test_equals_scipy_on_a_doubled_graph_of_a_real_place(
    real_extract: Callable[[str], Extract], name: str
) -> None:
    """Layer "with an AED" above layer "without": one Dijkstra of scipy answers both questions."""
    csgraph = pytest.importorskip("scipy.sparse.csgraph")
    network = build_network("foot", real_extract(name).segments["foot"])
    rng = np.random.default_rng(7)
    by_place = np.argsort(np.abs(network.geom_lat - np.median(network.geom_lat)), kind="stable")
    shape_points = rng.choice(by_place[: len(by_place) // 4], 700, replace=False)
    places = snap(
        network,
        network.geom_lat[shape_points] + rng.normal(0, 2e-4, 700),
        network.geom_lon[shape_points] + rng.normal(0, 2e-4, 700),
    )
    patients, aeds = places.take(range(8)), places.take(range(8, 158))
    people = places.take(range(158, 700))
    usable = rng.random(len(aeds)) < 0.8
    bound_ds, pickup_ds = 12_000, 600
    groups = {"patient": patients, "person": people, "aed": aeds}
    backward, number = doubled_graph(network, groups, usable, pickup_ds)
    n_found = 0
    for i in range(len(patients)):
        times = PatientSearch(network).times(
            patients.take([i]),
            people,
            aeds,
            usable,
            bound_s=bound_ds / 10,
            pickup_s=pickup_ds / 10,
        )
        goal = number["patient", i, "in"]
        for found_s, goal_ in ((times.direct_s, goal), (times.via_aed_s, goal + len(number))):
            all_ds = np.append(np.floor(csgraph.dijkstra(backward, indices=goal_)), np.inf)
            at = [number.get(("person", j, "out"), -1) for j in range(len(people))]
            expected = np.where(all_ds[at] <= bound_ds, all_ds[at], np.inf)
            np.testing.assert_array_equal(np.rint(found_s * 10), expected)
            n_found += np.count_nonzero(np.isfinite(found_s))
    assert n_found > 100


def doubled_graph(
    network: RoadNetwork, groups: dict[str, Positions], usable: np.ndarray, pickup_ds: int
) -> tuple[object, dict[object, int]]:
    """Arcs turned round, as a scipy matrix: nodes without an AED first, then with one."""
    sparse = pytest.importorskip("scipy.sparse")
    split = naive.split_graph(network, groups)
    number: dict[object, int] = {}
    for node in [*split, *(onward for ends in split.values() for onward, _ in ends)]:
        number.setdefault(node, len(number))
    n = len(number)
    arcs = [
        (number[node], number[onward], step)
        for node, ends in split.items()
        for onward, step in ends
    ]
    once = np.array(arcs, dtype=np.int64)
    with_aed = [
        (number["aed", a, "in"], number["aed", a, "out"] + n, pickup_ds)
        for a in np.flatnonzero(usable & (groups["aed"].edge >= 0)).tolist()
    ]
    tail, head, step_ds = np.concatenate([once, once + np.array([n, n, 0]), with_aed]).T
    # Of parallel arcs the least counts (scipy would add them up); and as it drops arcs that take
    # no time, each takes 2**-20 of a unit longer, which rounding down takes off again.
    order = np.lexsort((step_ds, head, tail))
    tail, head, step_ds = tail[order], head[order], step_ds[order]
    least = np.append(True, (np.diff(tail) != 0) | (np.diff(head) != 0))
    weight = step_ds[least] + 2.0**-20
    matrix = sparse.csr_matrix((weight, (head[least], tail[least])), shape=(2 * n, 2 * n))
    return matrix, number
