"""Straight lines: the same questions as the network's, by arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import PlaceError
from geo.points import LocalProjection, haversine_m
from geo.straight import Places, StraightLine


def places(*metres: tuple[float, float]) -> Places:
    """Places this far east and north of one point."""
    lat, lon = LocalProjection(50.0, 8.0).to_lat_lon(*np.array(metres, dtype=float).T)
    return Places(lat, lon)


def test_distance_over_speed_and_the_best_aed() -> None:
    model = StraightLine(speed_mps=2.0, detour_factor=1.0)
    times = model.times(
        places((0, 0)),
        places((200, 0), (0, 400)),
        places((100, 0), (0, 300), (50, 0)),
        np.array([True, True, False]),
        bound_s=600,
        pickup_s=30,
        carry_factor=1.5,
    )
    assert times.direct_s.tolist() == pytest.approx([100, 200], rel=1e-4)
    assert times.aed.tolist() == [0, 0] or times.aed.tolist() == [0, 1]
    assert times.via_aed_s[0] == pytest.approx(50 + 30 + 75, rel=1e-4)
    assert times.to_aed_s[0] == pytest.approx(50, rel=1e-4)
    assert times.via_aed_s[1] == pytest.approx(
        min(np.hypot(100, 400) / 2 + 30 + 75, 50 + 30 + 225), rel=1e-4
    )
    assert times.aed_to_patient_s.tolist() == pytest.approx([75, 225, 37.5], rel=1e-4)


def test_a_detour_takes_longer_and_the_bound_holds() -> None:
    model = StraightLine(speed_mps=1.0, detour_factor=1.3)
    times = model.times(
        places((0, 0)),
        places((100, 0), (200, 0)),
        places((10, 0)),
        np.array([True]),
        bound_s=150,
        pickup_s=10,
    )
    assert times.direct_s[0] == pytest.approx(130, rel=1e-4)
    assert times.direct_s[1] == np.inf
    assert times.aed.tolist() == [0, -1]


def test_the_soonest_by_straight_line() -> None:
    found = StraightLine().soonest(
        places((0, 0)),
        places((300, 0), (100, 0), (200, 0)),
        places((0, 50)),
        np.array([True]),
        k=2,
        eligible=np.array([True, False, True]),
        bound_s=900,
        pickup_s=10,
    )
    assert found.direct.tolist() == [2, 0]


def test_wrong_questions_are_refused() -> None:
    with pytest.raises(PlaceError, match="speed_mps"):
        StraightLine(speed_mps=0.0)
    here = places((0, 0))
    with pytest.raises(PlaceError, match="one place"):
        StraightLine().times(
            places((0, 0), (1, 1)), here, here, np.array([True]), bound_s=1, pickup_s=1
        )
    with pytest.raises(PlaceError, match="aed_usable"):
        StraightLine().times(here, here, here, np.array([]), bound_s=1, pickup_s=1)


@given(
    lat=st.floats(-60, 60), lon=st.floats(-179, 179), x=st.floats(-2e4, 2e4), y=st.floats(-2e4, 2e4)
)
def test_the_flat_plane_is_nearly_the_earth(lat: float, lon: float, x: float, y: float) -> None:
    plane = LocalProjection(lat, lon)
    there = plane.to_lat_lon(x, y)
    back = plane.to_xy_m(*there)
    assert (float(back[0]), float(back[1])) == pytest.approx((x, y), abs=1e-6)
    assert float(haversine_m(lat, lon, *there)) == pytest.approx(np.hypot(x, y), rel=6e-3, abs=0.01)
