"""How often a drone may fly: hours and days on the ground, by reason and in spells."""

from __future__ import annotations

from collections import Counter

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from geo.aircraft import Aircraft, Grounded
from geo.sun import solar_elevation_deg
from geo.weather import HOUR_S, Conditions, WeatherSeries


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
    aircraft: Aircraft, series: WeatherSeries, *, night_flying: bool = True
) -> list[Grounded | None]:
    """For each hour, at its middle, why the aircraft may not fly; None: it may."""
    middles = series.start_s + HOUR_S * (np.arange(len(series)) + 0.5)
    sun = solar_elevation_deg(series.lat, series.lon, middles)
    columns = (
        series.wind_mps,
        series.wind_from_deg,
        series.gust_mps,
        series.rain_mm_h,
        series.temperature_c,
        series.visibility_m,
        sun,
    )
    rows = np.column_stack(columns).tolist()
    return [aircraft.grounded(Conditions(*row), night_flying=night_flying) for row in rows]


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
