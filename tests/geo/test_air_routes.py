from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from geo.air_routes import ObstacleMap, Reach
from geo.errors import AirRouteError


def _load_oracle() -> Any:
    path = Path(__file__).resolve().parents[1] / "naive_air.py"
    spec = importlib.util.spec_from_file_location("naive_air", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


naive = _load_oracle()

SQUARE = shapely.box(0, 0, 10, 10)


def agree_with_the_oracle(seeds: range, wind: tuple[float, float] = (0.0, 0.0)) -> int:
    """Compare every case; how many of the routes had to bend."""
    bent = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        volumes = naive.random_volumes(rng)
        base, target = naive.random_place(rng, volumes), naive.random_place(rng, volumes)
        chart = ObstacleMap.build(volumes, reach_m=30.0)
        route = chart.from_base(*base, wind_over_airspeed=wind).route(*target)
        expected = naive.shortest(volumes, base, target, wind)
        assert math.isfinite(route.air_m) == math.isfinite(expected), seed
        if math.isinf(expected):
            continue
        assert route.air_m == pytest.approx(expected, abs=3e-3 / (1 - math.hypot(*wind))), seed
        line = np.column_stack((route.x_m, route.y_m))
        assert len(line) < 2 or not within(shapely.union_all(volumes), line), seed
        bent += len(line) > 2
    return bent


def within(volumes: Any, line: np.ndarray) -> bool:
    return bool(shapely.intersects(volumes.buffer(-1e-4), shapely.LineString(line)))


def test_routes_are_the_shortest_and_pass_no_volume() -> None:
    assert agree_with_the_oracle(range(250)) > 40


def test_routes_in_wind_are_the_soonest() -> None:
    assert agree_with_the_oracle(range(250, 400), (0.5, -0.3)) > 20


@pytest.mark.slow
def test_ten_thousand_routes_pass_no_volume() -> None:
    assert agree_with_the_oracle(range(1_000, 9_000)) > 1_500
    assert agree_with_the_oracle(range(9_000, 10_000), (-0.2, 0.6)) > 150
    assert agree_with_the_oracle(range(10_000, 11_000), (0.9, 0.3)) > 150


def test_a_wall_is_flown_around_on_the_shorter_side() -> None:
    route = ObstacleMap.build([SQUARE]).from_base(-5.0, 8.0).route(15.0, 8.0)
    assert route.x_m.tolist() == [-5.0, 0.0, 10.0, 15.0]
    assert route.y_m.tolist() == [8.0, 10.0, 10.0, 8.0]
    assert route.length_m == pytest.approx(10 + 2 * math.hypot(5, 2), abs=1e-6)


def test_without_volumes_the_flight_is_straight() -> None:
    route = ObstacleMap.build([]).from_base(0.0, 0.0).route(3.0, 4.0)
    assert route.reach is Reach.OPEN
    assert route.length_m == pytest.approx(5.0, abs=1e-4)


def test_a_target_within_a_volume_says_so() -> None:
    route = ObstacleMap.build([SQUARE]).from_base(-5.0, 8.0).route(5.0, 5.0)
    assert route.reach is Reach.TARGET_INSIDE
    assert math.isinf(route.length_m)
    assert len(route.x_m) == 0


def test_a_base_within_a_volume_says_so() -> None:
    routes = ObstacleMap.build([SQUARE]).from_base(5.0, 5.0)
    assert routes.route(20.0, 20.0).reach is Reach.BASE_INSIDE
    assert math.isinf(routes.air_m(20.0, 20.0))
    assert np.isinf(routes.air_m_to_many([20.0, 30.0], [20.0, 0.0])).all()


def test_a_target_that_volumes_surround_says_so() -> None:
    frame = shapely.box(0, 0, 10, 10).difference(shapely.box(2, 2, 8, 8))
    routes = ObstacleMap.build([frame]).from_base(-5.0, 5.0)
    assert routes.route(5.0, 5.0).reach is Reach.ENCLOSED
    assert ObstacleMap.build([frame]).from_base(5.0, 5.0).route(3.0, 3.0).reach is Reach.OPEN


def test_volumes_that_touch_leave_no_gap() -> None:
    """Four squares whose corners meet surround the middle one; without one of them it is open."""
    around = [
        shapely.box(0, 3, 3, 6),
        shapely.box(6, 3, 9, 6),
        shapely.box(3, 0, 6, 3),
        shapely.box(3, 6, 6, 9),
    ]
    closed = ObstacleMap.build(around).from_base(-3.0, -3.0)
    assert closed.route(4.5, 4.5).reach is Reach.ENCLOSED
    opened = ObstacleMap.build(around[:3]).from_base(-3.0, -3.0)
    assert opened.route(4.5, 4.5).reach is Reach.OPEN


def test_a_base_and_a_target_on_a_border_can_be_used() -> None:
    chart = ObstacleMap.build([SQUARE])
    along = chart.from_base(0.0, 2.0).route(0.0, 8.0)
    assert along.length_m == pytest.approx(6.0, abs=1e-6)
    across = chart.from_base(0.0, 5.0).route(10.0, 5.0)
    assert across.length_m == pytest.approx(20.0, abs=1e-6)
    corner = chart.from_base(0.0, 0.0).route(10.0, 10.0)
    assert corner.length_m == pytest.approx(20.0, abs=1e-6)


def test_a_corner_given_twice_is_one_corner() -> None:
    ring = [[6.0, 8.0], [6.0, 8.0], [1.0, 7.0], [5.0, 3.0], [6.0, 4.0]]
    route = ObstacleMap.build([ring]).from_base(5.5, 3.5).route(5.25, 8.5)
    assert route.x_m.tolist() == [5.5, 6.0, 6.0, 5.25]
    assert route.length_m == pytest.approx(math.hypot(0.5, 0.5) + 4 + math.hypot(0.75, 0.5))


def test_no_wind_equals_still_air_exactly() -> None:
    volumes = naive.random_volumes(np.random.default_rng(3))
    routes = ObstacleMap.build(volumes).from_base(-20.0, -20.0)
    rng = np.random.default_rng(4)
    for x, y in rng.uniform(-20, 40, (50, 2)):
        route = routes.route(x, y)
        assert route.reach is not Reach.OPEN or route.air_m == pytest.approx(
            route.length_m, rel=1e-14
        )
        assert routes.air_m(x, y) == route.air_m


def test_the_way_back_is_the_way_out_with_the_wind_reversed() -> None:
    chart = ObstacleMap.build([SQUARE])
    out = chart.from_base(-5.0, 8.0, wind_over_airspeed=(0.4, 0.1)).route(15.0, 3.0)
    back = chart.from_base(15.0, 3.0, wind_over_airspeed=(-0.4, -0.1)).route(-5.0, 8.0)
    assert out.air_m == pytest.approx(back.air_m, abs=1e-6)
    assert out.air_m < out.length_m


def test_wind_can_make_the_longer_way_round_the_sooner_one() -> None:
    wall = shapely.Polygon([(0, -10), (1, -10), (9, 12), (8, 12)])
    chart = ObstacleMap.build([wall])
    still = chart.from_base(-8.0, 4.0).route(8.0, 0.0)
    windy = chart.from_base(-8.0, 4.0, wind_over_airspeed=(0.0, 0.7)).route(8.0, 0.0)
    assert still.y_m.tolist() == [4.0, -10.0, -10.0, 0.0]
    assert windy.y_m.tolist() == [4.0, 12.0, 12.0, 0.0]
    assert windy.length_m > still.length_m


@pytest.mark.parametrize("wind", [(0.0, 0.0), (0.6, 0.0), (-0.3, 0.5)])
def test_routes_agree_with_a_dense_grid(wind: tuple[float, float]) -> None:
    """A lattice with 96 directions is never shorter and at most 1.5 per cent longer."""
    volumes = [
        shapely.box(3, -8, 4, 4),
        shapely.Polygon([(8, 8), (10, -4), (12, 9)]),
        shapely.box(14, -2, 16, 12),
    ]
    lattice = naive.Lattice(volumes, (-2.0, -10.0, 20.0, 14.0), step=0.5, wind=wind)
    routes = ObstacleMap.build(volumes).from_base(0.0, 0.0, wind_over_airspeed=wind)
    far = lattice.from_place(0.0, 0.0)
    ratios = [
        far[lattice.index(x, y)] / routes.air_m(x, y)
        for x, y in [(5.0, 0.0), (6.0, -8.0), (13.0, 0.0), (18.0, 5.0), (18.0, -6.0), (13.0, 12.0)]
    ]
    assert min(ratios) > 1 - 1e-6
    assert max(ratios) < 1.015


@pytest.mark.parametrize("wind", [(1.0, 0.0), (0.8, 0.7), (math.nan, 0.0)])
def test_a_wind_that_is_not_slower_than_the_aircraft_is_refused(wind: tuple[float, float]) -> None:
    with pytest.raises(AirRouteError, match="wind_over_airspeed"):
        ObstacleMap.build([SQUARE]).from_base(-5.0, 0.0, wind_over_airspeed=wind)


def test_a_ring_that_crosses_itself_is_refused_by_its_number() -> None:
    bow = [[0.0, 0.0], [4.0, 4.0], [4.0, 0.0], [0.0, 4.0]]
    with pytest.raises(AirRouteError, match=r"volume 1: .*Self-intersection"):
        ObstacleMap.build([SQUARE, bow])


def test_a_place_off_the_map_is_refused() -> None:
    chart = ObstacleMap.build([SQUARE], reach_m=100.0)
    with pytest.raises(AirRouteError, match="larger reach_m"):
        chart.from_base(0.0, 5_000.0)
    with pytest.raises(AirRouteError, match="larger reach_m"):
        chart.from_base(-5.0, 5.0).air_m_to_many([1.0, 1e9], [20.0, 20.0])


def test_a_map_too_large_for_the_grid_is_refused() -> None:
    far = shapely.box(9_000_000, 0, 9_000_010, 10)
    with pytest.raises(AirRouteError, match="cut them to the region"):
        ObstacleMap.build([SQUARE, far])


def test_many_targets_at_once_equal_one_at_a_time() -> None:
    volumes = naive.random_volumes(np.random.default_rng(11))
    routes = ObstacleMap.build(volumes).from_base(-4.0, -4.0, wind_over_airspeed=(0.3, 0.2))
    places = np.random.default_rng(12).uniform(-4, 16, (60, 2))
    together = routes.air_m_to_many(places[:, 0], places[:, 1])
    assert together.tolist() == [routes.air_m(x, y) for x, y in places]


def test_a_random_district_agrees_with_a_search_over_the_whole_visibility_graph() -> None:
    rng = np.random.default_rng(5)
    stars = []
    for k in range(12):
        n = int(rng.integers(5, 20))
        angle = (np.arange(n) + rng.uniform(0.1, 0.9, n)) / n * 2 * np.pi
        radius = rng.uniform(1.5, 4.0, n)
        centre = np.array([k % 4 * 10.0, k // 4 * 10.0])
        stars.append(
            shapely.Polygon(np.c_[np.cos(angle), np.sin(angle)] * radius[:, None] + centre)
        )
    chart = ObstacleMap.build(stars)
    for base, target in rng.uniform(-5, 35, (12, 2, 2)):
        found = chart.from_base(*base).air_m(*target)
        expected = naive.shortest(stars, tuple(base), tuple(target))
        assert found == pytest.approx(expected, abs=2e-3)
