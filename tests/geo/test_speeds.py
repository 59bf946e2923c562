"""Bicycle and car: access, one-ways, limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geo.network import INF_DS, build_network
from geo.osm import read_extract
from geo.speeds import FOOT
from geo.speeds_bicycle import BICYCLE
from geo.speeds_car import AMBULANCE, CAR, HOUR_FACTORS, limit_kmh

KMH = 1 / 3.6


def kmh(profile, **tags: str) -> tuple[float, float] | None:
    rule = profile.rule({key.replace("__", ":"): value for key, value in tags.items()})
    return None if rule is None else (rule.forward_mps / KMH, rule.backward_mps / KMH)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "residential"}, (25, 25)),
        ({"highway": "residential", "maxspeed": "20"}, (20, 20)),
        ({"highway": "primary", "maxspeed": "60 mph"}, (77.2, 77.2)),  # four fifths of 96.6
        ({"highway": "primary", "maxspeed": "GB:nsl_single"}, (77.2, 77.2)),
        ({"highway": "primary", "maxspeed": "signals"}, (65, 65)),
        ({"highway": "primary", "oneway": "yes"}, (65, 0)),
        ({"highway": "primary", "oneway": "-1"}, (0, 65)),
        ({"highway": "tertiary", "junction": "roundabout"}, (40, 0)),
        ({"highway": "motorway"}, (90, 0)),
        ({"highway": "tertiary", "maxspeed__forward": "30"}, (30, 40)),
        ({"highway": "footway"}, None),
        ({"highway": "service", "access": "private"}, None),
        ({"highway": "service", "access": "private", "motor_vehicle": "yes"}, (15, 15)),
        ({"highway": "residential", "motor_vehicle": "no"}, None),
        ({"highway": "residential", "access": "destination"}, (25, 25)),
        ({"highway": "primary", "oneway": "reversible"}, (0, 0)),
    ],
)
def test_cars(tags: dict[str, str], expected) -> None:
    found = kmh(CAR, **tags)
    assert found == (None if expected is None else pytest.approx(expected, abs=0.1))


def test_ambulances_are_quicker_and_may_use_private_roads() -> None:
    assert kmh(AMBULANCE, highway="service", access="private") == pytest.approx((18.75, 18.75))
    assert kmh(AMBULANCE, highway="primary") == pytest.approx((81.25, 81.25))
    assert kmh(AMBULANCE, highway="primary", oneway="yes") == pytest.approx((81.25, 0))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "residential"}, (15, 15)),
        ({"highway": "residential", "oneway": "yes"}, (15, 4)),  # pushed against it
        ({"highway": "residential", "oneway": "yes", "oneway__bicycle": "no"}, (15, 15)),
        ({"highway": "residential", "oneway": "yes", "cycleway": "opposite_lane"}, (15, 15)),
        ({"highway": "residential", "oneway": "-1"}, (4, 15)),
        ({"highway": "cycleway", "oneway__bicycle": "yes", "foot": "no"}, (15, 0)),
        ({"highway": "footway"}, (4, 4)),
        ({"highway": "footway", "bicycle": "yes"}, (15, 15)),
        ({"highway": "steps"}, (2, 2)),
        ({"highway": "path", "bicycle": "no"}, (4, 4)),
        ({"highway": "path", "bicycle": "no", "foot": "no"}, None),
        ({"highway": "track", "surface": "gravel"}, (6, 6)),
        ({"highway": "motorway"}, None),
        ({"highway": "trunk"}, None),
        ({"highway": "trunk", "bicycle": "yes"}, (15, 15)),
        ({"highway": "residential", "access": "private"}, None),
    ],
)
def test_bicycles(tags: dict[str, str], expected) -> None:
    found = kmh(BICYCLE, **tags)
    assert found == (None if expected is None else pytest.approx(expected, abs=0.1))


def test_limits_are_read_strictly() -> None:
    assert limit_kmh("30 mph") == pytest.approx(48.28032)
    assert limit_kmh("50") == 50
    assert [limit_kmh(text) for text in (None, "", "none", "fast", "0", "-30", "30;50")] == [
        None
    ] * 7


def test_hours_of_the_day_slow_traffic_at_the_peaks() -> None:
    assert len(HOUR_FACTORS) == 24
    assert min(HOUR_FACTORS) == HOUR_FACTORS[17]
    assert all(0.5 < factor < 1.2 for factor in HOUR_FACTORS)


def test_three_modes_of_one_real_city(shared_data: Path) -> None:
    extract = read_extract(shared_data / "osm" / "dk-copenhagen.osm.pbf", (FOOT, BICYCLE, CAR))
    networks = {mode: build_network(mode, part) for mode, part in extract.segments.items()}
    assert set(networks) == {"foot", "bicycle", "car"}
    car, foot = networks["car"], networks["foot"]
    closed = np.count_nonzero(car.edge_backward_ds >= INF_DS) / car.n_edges
    assert 0.1 < closed < 0.7  # one-way streets are kept one-way
    assert car.n_edges < networks["bicycle"].n_edges <= foot.n_edges * 1.2
    assert np.count_nonzero(foot.edge_backward_ds >= INF_DS) / foot.n_edges < 0.001
    sizes = car.component_sizes()
    assert sizes[0] / sizes.sum() > 0.85
