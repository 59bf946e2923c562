"""Hourly weather of one place: what flights need of it, and a reader of CSV files.

The file has a header and one row an hour, without gaps, in order:

=================  =================================================================
time               start of the hour, ISO 8601; without a zone it is UTC
wind_mps           mean wind 10 m above ground
wind_from_deg      where the wind comes from, 0 to 360 from north
gust_mps           strongest gust; optional, else 1.5 times the mean wind (assumption)
rain_mm_h          rain or melted snow
temperature_c      air temperature
visibility_m       optional, else 20,000: no fog
=================  =================================================================
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geo.errors import WeatherError
from geo.sun import solar_elevation_deg

HOUR_S = 3600.0
GUST_FACTOR = 1.5
CLEAR_M = 20_000.0
MOST_FAULTS = 20
_LIMITS = {
    "wind_mps": (0.0, 75.0),
    "wind_from_deg": (0.0, 360.0),
    "gust_mps": (0.0, 120.0),
    "rain_mm_h": (0.0, 200.0),
    "temperature_c": (-60.0, 60.0),
    "visibility_m": (0.0, 200_000.0),
}
_OPTIONAL = frozenset({"gust_mps", "visibility_m"})


@dataclass(frozen=True)
class Conditions:
    """The weather of one hour at one place. ``sun_deg``: elevation of the sun at the moment."""

    wind_mps: float
    wind_from_deg: float
    gust_mps: float
    rain_mm_h: float
    temperature_c: float
    visibility_m: float
    sun_deg: float


@dataclass(frozen=True)
class WeatherSeries:
    """Hours of weather at one place; arrays float64[hours], hour k begins at start_s + 3600 k."""

    start_s: float
    lat: float
    lon: float
    wind_mps: NDArray[np.float64]
    wind_from_deg: NDArray[np.float64]
    gust_mps: NDArray[np.float64]
    rain_mm_h: NDArray[np.float64]
    temperature_c: NDArray[np.float64]
    visibility_m: NDArray[np.float64]
    source: str

    def __len__(self) -> int:
        return len(self.wind_mps)

    @property
    def end_s(self) -> float:
        """End of the last hour, epoch seconds."""
        return self.start_s + HOUR_S * len(self)

    def at(self, moment_s: float) -> Conditions:
        """Conditions at a moment.

        Raises:
            WeatherError: the series does not reach that far.
        """
        hour = math.floor((moment_s - self.start_s) / HOUR_S)
        if not 0 <= hour < len(self):
            reach = f"it runs from {_iso(self.start_s)} to {_iso(self.end_s)}"
            raise WeatherError([f"{self.source}: no weather at {_iso(moment_s)}: {reach}"])
        return Conditions(
            float(self.wind_mps[hour]),
            float(self.wind_from_deg[hour]),
            float(self.gust_mps[hour]),
            float(self.rain_mm_h[hour]),
            float(self.temperature_c[hour]),
            float(self.visibility_m[hour]),
            float(solar_elevation_deg(self.lat, self.lon, moment_s)),
        )


def read_weather_csv(path: Path, *, lat: float, lon: float) -> WeatherSeries:
    """Hours of one place from a file.

    Raises:
        WeatherError: the file is missing, or has faults: it names file, line and column of each.
    """
    faults: list[str] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except OSError as error:
        raise WeatherError([f"{path.name}: cannot be read: {error.strerror}"]) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise WeatherError([f"{path.name}: expected a CSV file in UTF-8: {error}"]) from error
    header = [name.strip() for name in rows[0]] if rows else []
    needed = ["time", *(name for name in _LIMITS if name not in _OPTIONAL)]
    faults += [
        f"{path.name}: line 1: column {name} is missing" for name in needed if name not in header
    ]
    faults += [
        f"{path.name}: line 1: column {name} is not known: expected {', '.join(['time', *_LIMITS])}"
        for name in header
        if name != "time" and name not in _LIMITS
    ]
    if faults:
        raise WeatherError(faults)
    if len(rows) < 2:
        raise WeatherError([f"{path.name}: expected at least one hour of weather"])
    times = _times(path.name, header.index("time"), rows[1:], faults)
    columns = {
        name: _column(path.name, name, header.index(name), rows[1:], faults)
        for name in _LIMITS
        if name in header
    }
    _check_hours(path.name, times, faults)
    _check_gusts(path.name, columns, faults)
    if faults:
        more = len(faults) - MOST_FAULTS
        raise WeatherError(faults[:MOST_FAULTS] + ([f"and {more} more"] if more > 0 else []))
    wind = columns["wind_mps"]
    return WeatherSeries(
        start_s=float(times[0]),
        lat=lat,
        lon=lon,
        wind_mps=wind,
        wind_from_deg=columns["wind_from_deg"],
        gust_mps=columns.get("gust_mps", wind * GUST_FACTOR),
        rain_mm_h=columns["rain_mm_h"],
        temperature_c=columns["temperature_c"],
        visibility_m=columns.get("visibility_m", np.full(len(wind), CLEAR_M)),
        source=path.name,
    )


def _times(name: str, column: int, rows: list[list[str]], faults: list[str]) -> NDArray[np.float64]:
    times = np.full(len(rows), np.nan)
    for k, row in enumerate(rows):
        text = row[column].strip() if column < len(row) else ""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            faults.append(
                f"{name}: line {k + 2}: time: expected an hour as 2026-03-01T08:00, found {text!r}"
            )
            continue
        times[k] = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return times


def _column(
    name: str, column: str, index: int, rows: list[list[str]], faults: list[str]
) -> NDArray[np.float64]:
    low, high = _LIMITS[column]
    values = np.full(len(rows), np.nan)
    for k, row in enumerate(rows):
        text = row[index].strip() if index < len(row) else ""
        try:
            values[k] = float(text)
        except ValueError:
            values[k] = np.nan
        if not low <= values[k] <= high:
            faults.append(
                f"{name}: line {k + 2}: {column}: expected a number from {low:g} to {high:g}, "
                f"found {text!r}"
            )
    return values


def _check_hours(name: str, times: NDArray[np.float64], faults: list[str]) -> None:
    for k, step in enumerate(np.diff(times)):
        if not np.isfinite(step) or step == HOUR_S:
            continue
        at, line = _iso(float(times[k])), k + 3
        if step <= 0:
            faults.append(f"{name}: line {line}: time: is not after {at}: expected one row an hour")
        elif step % HOUR_S == 0:
            faults.append(
                f"{name}: line {line}: time: {step / HOUR_S - 1:.0f} hours are missing after {at}"
            )
        else:
            faults.append(f"{name}: line {line}: time: expected an hour after {at}")


def _check_gusts(name: str, columns: dict[str, NDArray[np.float64]], faults: list[str]) -> None:
    if "gust_mps" not in columns:
        return
    weak = columns["gust_mps"] < columns["wind_mps"]
    faults += [
        f"{name}: line {k + 2}: gust_mps: {columns['gust_mps'][k]:g} is below the mean wind of "
        f"{columns['wind_mps'][k]:g}: expected metres per second for both"
        for k in np.flatnonzero(weak)[:MOST_FAULTS]
    ]


def _iso(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%MZ")
