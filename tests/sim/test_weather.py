from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from geo.aircraft import aircraft
from geo.weather import WeatherSeries
from sim.flyability import flyability, grounded_hours
from sim.randomness import Draws
from sim.weather import WeatherParameters, check_weather, draw_weather

START_S = 1_735_689_600.0  # 2025-01-01
YEAR_H = 8766
AMSTERDAM = (52.3, 4.8)
NEARBY = (52.6, 5.1)


@pytest.fixture(scope="module")
def decade() -> list[WeatherSeries]:
    return draw_weather(WeatherParameters(), [AMSTERDAM, NEARBY], START_S, 10 * YEAR_H, Draws(1, 0))


@pytest.fixture(scope="module")
def years() -> list[WeatherSeries]:
    return draw_weather(WeatherParameters(), [AMSTERDAM, NEARBY], START_S, 2 * YEAR_H, Draws(1, 0))


def lag(values: np.ndarray, hours: int) -> float:
    return float(np.corrcoef(values[hours:], values[:-hours])[0, 1])


def test_wind_has_the_law_and_the_memory_of_the_reference_year(decade: list[WeatherSeries]) -> None:
    wind = decade[0].wind_mps
    assert wind.mean() == pytest.approx(5.35, abs=0.45)
    assert np.percentile(wind, 95) == pytest.approx(11.8, abs=1.0)
    assert lag(wind, 1) == pytest.approx(0.925, abs=0.02)
    assert lag(wind, 24) == pytest.approx(0.40, abs=0.06)
    assert (wind <= 10).mean() == pytest.approx(0.91, abs=0.03)


def test_rain_fog_and_frost_are_as_common_as_in_the_reference_year(
    decade: list[WeatherSeries],
) -> None:
    weather = decade[0]
    wet = weather.rain_mm_h > 0
    assert wet.mean() == pytest.approx(0.121, abs=0.01)
    assert wet[1:][wet[:-1]].mean() == pytest.approx(0.57, abs=0.02)
    assert wet[1:][~wet[:-1]].mean() == pytest.approx(0.06, abs=0.01)
    assert (weather.visibility_m < 1_500).mean() == pytest.approx(0.034, abs=0.01)
    assert (weather.visibility_m < 5_000).mean() == pytest.approx(0.16, abs=0.02)
    assert (weather.temperature_c < 0).mean() == pytest.approx(0.043, abs=0.02)


def test_flyable_hours_come_in_spells_of_the_reference_year(decade: list[WeatherSeries]) -> None:
    """Limit 10 m/s at 120 m, dry, no fog, no frost: 62 % of hours; stays good 0.865, bad 0.763."""
    weather = decade[0]
    ok = (weather.wind_mps * 1.43 <= 10) & (weather.rain_mm_h == 0)
    ok &= (weather.visibility_m >= 1_500) & (weather.temperature_c > 0)
    assert ok.mean() == pytest.approx(0.62, abs=0.06)
    assert ok[1:][ok[:-1]].mean() == pytest.approx(0.865, abs=0.03)
    assert (~ok)[1:][~ok[:-1]].mean() == pytest.approx(0.763, abs=0.05)
    month = ((np.arange(len(ok)) % YEAR_H) / YEAR_H * 12).astype(int)
    winter, summer = (ok[np.isin(month, m)].mean() for m in ((11, 0, 1), (5, 6, 7)))
    assert winter == pytest.approx(0.43, abs=0.06)
    assert summer == pytest.approx(0.77, abs=0.09)


def test_neighbouring_bases_are_grounded_together(years: list[WeatherSeries]) -> None:
    m300 = aircraft("m300")
    here, there = (
        np.array([reason is not None for reason in grounded_hours(m300, series)])
        for series in years
    )
    assert (here & there).mean() > 2.0 * here.mean() * there.mean()
    apart = replace(WeatherParameters(), shared=0.0)
    lone = draw_weather(apart, [AMSTERDAM, NEARBY], START_S, 3 * YEAR_H, Draws(1, 0))
    assert abs(np.corrcoef(lone[0].wind_mps, lone[1].wind_mps)[0, 1]) < 0.3


def test_the_seed_alone_decides_and_other_places_change_nothing() -> None:
    both = draw_weather(WeatherParameters(), [AMSTERDAM, NEARBY], START_S, 500, Draws(7, 3))
    again = draw_weather(WeatherParameters(), [AMSTERDAM], START_S, 500, Draws(7, 3))
    other = draw_weather(WeatherParameters(), [AMSTERDAM], START_S, 500, Draws(8, 3))
    assert (both[0].wind_mps == again[0].wind_mps).all()
    assert (both[0].rain_mm_h == again[0].rain_mm_h).all()
    assert (both[0].wind_mps != other[0].wind_mps).any()


def test_an_hour_inside_keeps_its_weather_whenever_the_study_begins() -> None:
    """Draws are keyed by the hour; what differs at the start dies out with the memory."""
    early = draw_weather(WeatherParameters(), [AMSTERDAM], START_S, 2000, Draws(7, 0))[0]
    late = draw_weather(WeatherParameters(), [AMSTERDAM], START_S + 3.6e6, 1000, Draws(7, 0))[0]
    assert early.wind_mps[1900:] == pytest.approx(late.wind_mps[900:], abs=1e-3)


def test_days_on_the_ground_add_up_by_reason(years: list[WeatherSeries]) -> None:
    found = flyability(aircraft("m600"), years[0])
    assert found.flyable_share + sum(found.by_reason.values()) == pytest.approx(1.0)
    assert found.days_grounded == pytest.approx((1 - found.flyable_share) * 365.25, rel=1e-6)
    assert 0 < found.whole_days < found.days_grounded
    assert found.by_reason["rain"] > 0.05
    assert 4 < found.flyable_spell_h < 15
    dark = flyability(aircraft("m600"), years[0], night_flying=False)
    assert dark.by_reason["dark"] > 0.3
    assert dark.flyable_share < 0.65 * found.flyable_share


def test_a_sturdier_aircraft_flies_more(years: list[WeatherSeries]) -> None:
    shares = [
        flyability(aircraft(name), years[0]).flyable_share for name in ("generic_quad", "m300")
    ]
    assert shares[1] > shares[0] + 0.1


def test_faults_of_a_climate_are_all_named() -> None:
    wrong = replace(WeatherParameters(), shared=1.5, wind_slow=1.0, wind_by_month=(1.0,))
    assert {fault.field for fault in check_weather(wrong)} == {
        "weather.shared",
        "weather.wind_slow",
        "weather.wind_by_month",
    }
    assert check_weather(WeatherParameters()) == []
