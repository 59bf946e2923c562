"""How often a drone may fly: hours and days on the ground, by reason and in spells."""

from __future__ import annotations

from collections import Counter

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from geo.aircraft import Aircraft, Grounded
from geo.sun import CIVIL_TWILIGHT_DEG, solar_elevation_deg
from geo.weather import HOUR_S, WeatherSeries


class Flyability(Struct, frozen=True):
    """What a series of weather leaves of the time. Shares are of all hours.

    ``by_reason``: share grounded for each reason, the first that holds. ``days_grounded`` a year:
    grounded hours as days. ``whole_days`` a year: days without a single flyable hour. Spells are
    mean lengths in hours.
    """

    flyable_share: float
    by_reason: dict[str, float]
    days_grounded: float
    whole_days: float
    flyable_spell_h: float
    grounded_spell_h: float


def grounded_hours(
    aircraft: Aircraft,
    series: WeatherSeries,
    *,
    night_flying: bool = True,
    least_visibility_m: float = 1_500.0,
) -> list[Grounded | None]:
    """For each hour, at its middle, why the aircraft may not fly; None: it may.

    ``Aircraft.grounded`` says the same of a single moment.
    """
    wet = (series.rain_mm_h > 0) | (series.visibility_m < 3_000.0)
    dark = np.zeros(len(series), dtype=bool)
    if not night_flying:
        middles = series.start_s + HOUR_S * (np.arange(len(series)) + 0.5)
        dark = solar_elevation_deg(series.lat, series.lon, middles) < CIVIL_TWILIGHT_DEG
    checks = (
        (dark, Grounded.DARK),
        (series.gust_mps > aircraft.gust_limit_mps, Grounded.GUST),
        ((series.temperature_c <= 0) & wet, Grounded.ICE),
        (series.rain_mm_h > aircraft.rain_limit_mm_h, Grounded.RAIN),
        (series.visibility_m < least_visibility_m, Grounded.FOG),
        (series.temperature_c < aircraft.temperature_low_c, Grounded.COLD),
        (series.temperature_c > aircraft.temperature_high_c, Grounded.HEAT),
    )
    reasons = [None, *(reason for _, reason in checks)]
    first = np.select([holds for holds, _ in checks], list(range(1, len(reasons))), 0)
    return [reasons[k] for k in first.tolist()]


def flyability(
    aircraft: Aircraft, series: WeatherSeries, *, night_flying: bool = True
) -> Flyability:
    """Shares, days and spells of one aircraft in one series."""
    reasons = grounded_hours(aircraft, series, night_flying=night_flying)
    hours, years = len(reasons), len(reasons) * HOUR_S / (365.25 * 86_400.0)
    flyable = np.array([reason is None for reason in reasons])
    counts = Counter(reason.value for reason in reasons if reason is not None)
    days = flyable[: hours // 24 * 24].reshape(-1, 24)
    return Flyability(
        flyable_share=float(flyable.mean()),
        by_reason={name: count / hours for name, count in sorted(counts.items())},
        days_grounded=float((~flyable).sum() / 24.0 / years),
        whole_days=float((~days.any(axis=1)).sum() / years),
        flyable_spell_h=_mean_spell(flyable),
        grounded_spell_h=_mean_spell(~flyable),
    )


def _mean_spell(holds: NDArray[np.bool_]) -> float:
    begins = int(holds[:1].sum()) + int((holds[1:] & ~holds[:-1]).sum())
    return float(holds.sum()) / begins if begins else 0.0
