"""Hours of weather drawn from a seed: one system over the whole region, and each place's own part.

Independent weather at every call would be wrong: no-fly spells last four to seven hours and ground
neighbouring bases together. Every quantity follows a Gaussian process that remembers, part of it
shared by all places, and is then given its own distribution:

* wind: two memories, hours and days, fitted to the correlation after 1 h (0.925) and 24 h (0.40);
  a Weibull law whose scale follows the month; its direction wanders about the prevailing one
* rain: a two-state chain driven by such a process; the amount in a wet hour is exponential
* visibility: low more often at dawn and in winter; fog is a low value, not a state of its own
* temperature: the year's and the day's course and a slow deviation

The defaults are those of Amsterdam's typical meteorological year (IWEC, coast of north-west Europe,
reference in ``docs/drones.md``): a proxy, and no default for a place like Shetland.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtr

from geo.weather import HOUR_S, WeatherSeries
from sim.errors import ParameterError
from sim.randomness import Draws, Purpose, folds, normals

Floats = NDArray[Any]

BURN_IN_H = 240
_YEAR_H = 8766.0
_REGION = 1 << 20  # word of the part that all places share


class WeatherParameters(Struct, frozen=True):
    """The climate of a region; Amsterdam's typical year unless marked as an assumption."""

    source: str = "Amsterdam IWEC typical year, as a proxy"
    # Weibull law 10 m above ground within a month. Over the months it comes to the year's 6.07 and
    # 1.78; the factors by month give the flyable shares by season (0.43 winter, 0.77 summer).
    wind_scale_mps: float = 5.80
    wind_shape: float = 1.85
    wind_by_month: tuple[float, ...] = (
        1.26, 1.22, 1.10, 0.98, 0.92, 0.86, 0.82, 0.84, 0.92, 1.02, 1.12, 1.24,
    )  # fmt: skip
    wind_slow_share: float = 0.63  # these three give the correlations named above
    wind_slow: float = 0.98
    wind_fast: float = 0.832
    prevailing_deg: float = 230.0  # assumption
    direction_spread_deg: float = 70.0  # assumption
    gust_factor: float = 1.5  # gust over mean wind
    wet_to_wet: float = 0.57
    dry_to_wet: float = 0.06
    wet_mm_h: float = 1.0  # mean of a wet hour: assumption
    # Visibility: shares of hours below 1.5 km and below 5 km.
    below_1500m_share: float = 0.034
    below_5000m_share: float = 0.16
    visibility_memory: float = 0.85  # from hour to hour: assumption
    fog_when_still: float = 0.35  # correlation of low visibility with low wind: assumption
    dawn_shift: float = 0.45  # of the hidden normal at 06 local sun time, less at 18: assumption
    winter_shift: float = 0.25  # in January, more in July: assumption
    mean_c: float = 10.0
    yearly_swing_c: float = 7.0  # half of July minus January: assumption
    daily_swing_c: float = 3.0  # half of afternoon minus dawn: assumption
    temperature_memory: float = 0.985  # assumption
    deviation_c: float = 3.0  # standard deviation about the courses: assumption
    # Share of the variance that all places of a region have in common: assumption.
    shared: float = 0.85


def check_weather(parameters: WeatherParameters) -> list[ParameterError]:
    """Every fault of the values, named ``weather.field``."""
    faults: list[ParameterError] = []
    shares = (
        "wind_slow_share", "wet_to_wet", "dry_to_wet", "below_1500m_share", "below_5000m_share",
        "shared",
    )  # fmt: skip
    memories = ("wind_slow", "wind_fast", "visibility_memory", "temperature_memory")
    positive = ("wind_scale_mps", "wind_shape", "gust_factor", "wet_mm_h")
    found = {name: float(getattr(parameters, name)) for name in (*shares, *memories, *positive)}
    for names, expected, low, high in (
        (shares, "a share from 0 to 1", 0.0, 1.0),
        (memories, "from 0 to 0.999", 0.0, 0.999),
        (positive, "from 0.01 to 100", 0.01, 100.0),
    ):
        faults += [
            ParameterError(f"weather.{name}", f"{expected}, got {found[name]:g}")
            for name in names
            if not low <= found[name] <= high
        ]
    if len(parameters.wind_by_month) != 12:
        faults.append(ParameterError("weather.wind_by_month", "twelve numbers"))
    if not parameters.below_1500m_share < parameters.below_5000m_share:
        faults.append(ParameterError("weather.below_1500m_share", "less than below_5000m_share"))
    return faults


def draw_weather(
    parameters: WeatherParameters,
    places: Sequence[tuple[float, float]],
    start_s: float,
    hours: int,
    draws: Draws,
) -> list[WeatherSeries]:
    """One series for each place (latitude, longitude), all under one weather.

    ``start_s``: epoch seconds, cut down to the hour. A place's series does not depend on which
    other places are drawn with it.
    """
    start_h = int(start_s // HOUR_S)
    clock = np.arange(start_h - BURN_IN_H, start_h + hours)
    shared = [_noise(draws, _REGION, stream, clock) for stream in range(_STREAMS)]
    return [
        _series(parameters, lat, lon, clock, draws, shared, word)
        for word, (lat, lon) in enumerate(places)
    ]


_SLOW, _FAST, _DIRECTION, _RAIN, _VISIBILITY, _TEMPERATURE, _AMOUNT = range(7)
_STREAMS = 7


def _noise(draws: Draws, place: int, stream: int, clock: NDArray[np.int64]) -> Floats:
    """White noise of one place (or the region) and one stream, keyed by the hour itself."""
    return normals(folds(draws.key(Purpose.WEATHER, place, stream), clock))


def _series(
    parameters: WeatherParameters,
    lat: float,
    lon: float,
    clock: NDArray[np.int64],
    draws: Draws,
    shared: list[Floats],
    word: int,
) -> WeatherSeries:
    common, own = np.sqrt(parameters.shared), np.sqrt(1.0 - parameters.shared)
    noise = [
        common * shared[stream] + own * _noise(draws, word, stream, clock)
        for stream in range(_STREAMS)
    ]
    kept = slice(BURN_IN_H, None)
    hour = (clock + lon / 15.0) % 24.0
    year = clock % _YEAR_H / _YEAR_H
    hidden = _hidden_wind(parameters, noise)
    wind = _wind(parameters, hidden, year)
    direction = _remembers(noise[_DIRECTION], 0.95) * parameters.direction_spread_deg
    rain = _rain(parameters, noise[_RAIN], noise[_AMOUNT])
    return WeatherSeries(
        start_s=float(clock[BURN_IN_H]) * HOUR_S,
        lat=lat,
        lon=lon,
        wind_mps=wind[kept],
        wind_from_deg=((parameters.prevailing_deg + direction) % 360.0)[kept],
        gust_mps=wind[kept] * parameters.gust_factor,
        rain_mm_h=rain[kept],
        temperature_c=_temperature(parameters, noise[_TEMPERATURE], year, hour)[kept],
        visibility_m=_visibility(parameters, noise[_VISIBILITY], hidden, year, hour)[kept],
        source=parameters.source,
    )


def _remembers(noise: Floats, memory: float) -> Floats:
    """A standard Gaussian process whose correlation is ``memory`` to the power of the hours."""
    scaled = np.sqrt(1.0 - memory**2) * noise
    scaled[0] = noise[0]
    return np.asarray(lfilter([1.0], [1.0, -memory], scaled))


def _hidden_wind(parameters: WeatherParameters, noise: list[Floats]) -> Floats:
    slow, fast = np.sqrt(parameters.wind_slow_share), np.sqrt(1.0 - parameters.wind_slow_share)
    return np.asarray(
        slow * _remembers(noise[_SLOW], parameters.wind_slow)
        + fast * _remembers(noise[_FAST], parameters.wind_fast)
    )


def _wind(parameters: WeatherParameters, hidden: Floats, year: Floats) -> Floats:
    factors = np.asarray(parameters.wind_by_month)
    month = year * 12.0 - 0.5
    factor = np.interp(month, np.arange(-1, 13), np.r_[factors[-1], factors, factors[0]])
    calm = np.maximum(-np.log(np.maximum(1.0 - ndtr(hidden), 1e-12)), 0.0)
    scale = parameters.wind_scale_mps * factor
    return np.asarray(np.round(scale * calm ** (1.0 / parameters.wind_shape), 3))


def _rain(parameters: WeatherParameters, hidden: Floats, amount: Floats) -> Floats:
    u = ndtr(_remembers(hidden, 0.0))
    is_wet = np.zeros(len(u), dtype=np.bool_)
    before = False
    for k, value in enumerate(u.tolist()):
        before = value < (parameters.wet_to_wet if before else parameters.dry_to_wet)
        is_wet[k] = before
    falls = -parameters.wet_mm_h * np.log(np.maximum(1.0 - ndtr(amount), 1e-12))
    return np.where(is_wet, np.round(np.maximum(falls, 0.1), 1), 0.0)


def _visibility(
    parameters: WeatherParameters, noise: Floats, wind: Floats, year: Floats, hour: Floats
) -> Floats:
    still = parameters.fog_when_still
    hidden = still * wind + np.sqrt(1.0 - still**2) * _remembers(
        noise, parameters.visibility_memory
    )
    dawn = parameters.dawn_shift * np.cos((hour - 6.0) / 24.0 * 2 * np.pi)
    winter = parameters.winter_shift * np.cos(year * 2 * np.pi)
    spread = np.sqrt(1.0 + (parameters.dawn_shift**2 + parameters.winter_shift**2) / 2.0)
    u = ndtr((hidden - dawn - winter) / spread)
    marks = [0.0, parameters.below_1500m_share, parameters.below_5000m_share, 1.0]
    metres = np.exp(np.interp(u, marks, np.log([50.0, 1_500.0, 5_000.0, 40_000.0])))
    return np.asarray(np.round(metres, 0))


def _temperature(
    parameters: WeatherParameters, noise: Floats, year: Floats, hour: Floats
) -> Floats:
    late = (year - 20.0 / 365.25) * 2 * np.pi  # coldest in the third week of January
    course = parameters.mean_c - parameters.yearly_swing_c * np.cos(late)
    course = course - parameters.daily_swing_c * np.cos((hour - 3.0) / 24.0 * 2 * np.pi)
    deviation = parameters.deviation_c * _remembers(noise, parameters.temperature_memory)
    return np.asarray(np.round(course + deviation, 2))
