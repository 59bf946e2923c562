"""Where the sun stands: daylight for flights and rosters, by formula, without a data file."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

SUNRISE_DEG = -0.833
"""Elevation of the sun's centre at sunrise and sunset: refraction and half the sun's disc."""
CIVIL_TWILIGHT_DEG = -6.0

_J2000_S = 946_728_000.0
_DAY_S = 86_400.0


def solar_elevation_deg(lat: ArrayLike, lon: ArrayLike, at_s: ArrayLike) -> NDArray[np.float64]:
    """Elevation of the sun above the horizon in degrees, without refraction; arguments broadcast.

    ``at_s``: UTC epoch seconds. Low-precision formula of the Astronomical Almanac (page C5): good
    to 0.01 degrees between 1950 and 2050.
    """
    days = (np.asarray(at_s, dtype=np.float64) - _J2000_S) / _DAY_S
    mean_longitude = np.radians(280.460 + 0.9856474 * days)
    anomaly = np.radians(357.528 + 0.9856003 * days)
    longitude = (
        mean_longitude
        + np.radians(1.915) * np.sin(anomaly)
        + np.radians(0.020) * np.sin(2 * anomaly)
    )
    obliquity = np.radians(23.439 - 4e-7 * days)
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    right_ascension = np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude))
    sidereal = np.radians(280.46062 + 360.98564737 * days)
    hour_angle = sidereal + np.radians(lon) - right_ascension
    phi = np.radians(lat)
    sine = np.sin(phi) * np.sin(declination)
    sine = sine + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    return np.asarray(np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0))))
