"""Hours on the ground: of a whole series at once as of each moment by itself."""

from __future__ import annotations

import numpy as np
import pytest

from geo.aircraft import aircraft
from geo.weather import HOUR_S, WeatherSeries
from sim.flyability import flyability, grounded_hours

HOURS = 4000


@pytest.fixture(scope="module")
def series() -> WeatherSeries:
    """Hours in which every reason occurs, alone and with others."""
    rng = np.random.default_rng(3)
    return WeatherSeries(
        start_s=1_735_689_600.0, lat=56.4, lon=1.6,
        wind_mps=rng.uniform(0, 14, HOURS), wind_from_deg=rng.uniform(0, 360, HOURS),
        gust_mps=rng.uniform(0, 20, HOURS), rain_mm_h=rng.choice([0.0, 0.0, 0.5, 60.0], HOURS),
        temperature_c=rng.uniform(-30, 60, HOURS), visibility_m=rng.uniform(100, 9000, HOURS),
        source="test",
    )  # fmt: skip


@pytest.mark.parametrize("night_flying", [True, False])
@pytest.mark.parametrize("kind", ["m300", "m600", "penguin_b"])
def test_a_series_is_judged_as_its_moments_are(
    series: WeatherSeries, kind: str, night_flying: bool
) -> None:
    flown = aircraft(kind)
    middles = series.start_s + HOUR_S * (np.arange(HOURS) + 0.5)
    one_by_one = [
        flown.grounded(series.at(moment), night_flying=night_flying) for moment in middles.tolist()
    ]
    found = grounded_hours(flown, series, night_flying=night_flying)
    assert found == one_by_one
    assert len({reason for reason in found if reason is not None}) >= 5


def test_reasons_add_up_to_the_days(series: WeatherSeries) -> None:
    found = flyability(aircraft("m300"), series)
    assert sum(found.by_reason.values()) == pytest.approx(1 - found.flyable_share)
    assert found.days_grounded == pytest.approx(365.25 * (1 - found.flyable_share), rel=1e-6)
