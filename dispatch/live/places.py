"""Where a patient is, as control rooms say it: latitude and longitude, or the British grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dispatch.live.errors import Invalid

if TYPE_CHECKING:
    from geo.region import Region

PATIENT_M = 1_000.0
"""So far beyond the map a patient is still believed (assumption)."""

REGISTER_M = 30_000.0
"""So far beyond it volunteers and AEDs may be: people move, lists end elsewhere (assumption)."""

METRES_PER_DEGREE = 111_195.0

# Airy 1830, the ellipsoid of the British National Grid, and its transverse Mercator projection
# (Ordnance Survey, A guide to coordinate systems in Great Britain).
_A, _B = 6377563.396, 6356256.909
_F0, _LAT0, _LON0 = 0.9996012717, math.radians(49.0), math.radians(-2.0)
_N0, _E0 = -100000.0, 400000.0
_E2 = 1.0 - (_B * _B) / (_A * _A)
_WGS_A, _WGS_E2 = 6378137.0, 0.00669438003551279
# Helmert transformation OSGB36 -> WGS84, about 5 m: metres, seconds of arc, parts per million.
_SHIFT_M = (446.448, -125.157, 542.060)
_TURN_ARCSEC = (0.1502, 0.2470, 0.8421)
_SCALE_PPM = -20.4894


def from_british_grid(easting_m: float, northing_m: float) -> tuple[float, float]:
    """Return (lat, lon) in WGS84, within about 5 m.

    Raises:
        Invalid: outside the grid.
    """
    if not (0.0 <= easting_m <= 700_000.0 and 0.0 <= northing_m <= 1_300_000.0):
        raise Invalid("location", "expected easting 0-700000 and northing 0-1300000, metres")
    return _to_wgs84(*_unproject(easting_m, northing_m))


def _unproject(easting_m: float, northing_m: float) -> tuple[float, float]:
    """Return latitude and longitude on Airy 1830, radians."""
    n = (_A - _B) / (_A + _B)
    lat = _LAT0 + (northing_m - _N0) / (_A * _F0)
    for _ in range(20):
        rest_m = northing_m - _N0 - _meridian_m(lat, n)
        if abs(rest_m) < 1e-5:
            break
        lat += rest_m / (_A * _F0)
    sin, cos, tan = math.sin(lat), math.cos(lat), math.tan(lat)
    nu = _A * _F0 / math.sqrt(1 - _E2 * sin**2)
    rho = _A * _F0 * (1 - _E2) / (1 - _E2 * sin**2) ** 1.5
    eta2 = nu / rho - 1
    vii = tan / (2 * rho * nu)
    viii = tan / (24 * rho * nu**3) * (5 + 3 * tan**2 + eta2 - 9 * tan**2 * eta2)
    ix = tan / (720 * rho * nu**5) * (61 + 90 * tan**2 + 45 * tan**4)
    x = 1 / (cos * nu)
    xi = 1 / (6 * cos * nu**3) * (nu / rho + 2 * tan**2)
    xii = 1 / (120 * cos * nu**5) * (5 + 28 * tan**2 + 24 * tan**4)
    xiia = 1 / (5040 * cos * nu**7) * (61 + 662 * tan**2 + 1320 * tan**4 + 720 * tan**6)
    d = easting_m - _E0
    return (
        lat - vii * d**2 + viii * d**4 - ix * d**6,
        _LON0 + x * d - xi * d**3 + xii * d**5 - xiia * d**7,
    )


def _meridian_m(lat: float, n: float) -> float:
    down, up = lat - _LAT0, lat + _LAT0
    return (
        _B
        * _F0
        * (
            (1 + n + 1.25 * n**2 + 1.25 * n**3) * down
            - (3 * n + 3 * n**2 + 2.625 * n**3) * math.sin(down) * math.cos(up)
            + (1.875 * n**2 + 1.875 * n**3) * math.sin(2 * down) * math.cos(2 * up)
            - 35 / 24 * n**3 * math.sin(3 * down) * math.cos(3 * up)
        )
    )


def _to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    sin = math.sin(lat)
    nu = _A / math.sqrt(1 - _E2 * sin**2)
    x, y = nu * math.cos(lat) * math.cos(lon), nu * math.cos(lat) * math.sin(lon)
    z = (1 - _E2) * nu * sin
    scale = 1 + _SCALE_PPM * 1e-6
    rx, ry, rz = (math.radians(turn / 3600.0) for turn in _TURN_ARCSEC)
    x2 = _SHIFT_M[0] + x * scale - y * rz + z * ry
    y2 = _SHIFT_M[1] + x * rz + y * scale - z * rx
    z2 = _SHIFT_M[2] - x * ry + y * rx + z * scale
    p = math.hypot(x2, y2)
    turned = math.atan2(z2, p * (1 - _WGS_E2))
    for _ in range(10):
        nu2 = _WGS_A / math.sqrt(1 - _WGS_E2 * math.sin(turned) ** 2)
        turned = math.atan2(z2 + _WGS_E2 * nu2 * math.sin(turned), p)
    return math.degrees(turned), math.degrees(math.atan2(y2, x2))


def outside(region: Region | None, lat: float, lon: float, *, beyond_m: float = 0.0) -> bool:
    """Whether a place lies more than ``beyond_m`` outside the bounds of a region's roads.

    Without a region nothing does.
    """
    if region is None:
        return False
    south, west, north, east = region.bounds
    lat_deg = beyond_m / METRES_PER_DEGREE
    lon_deg = lat_deg / max(0.01, math.cos(math.radians((south + north) / 2)))
    within_lat = south - lat_deg <= lat <= north + lat_deg
    return not (within_lat and west - lon_deg <= lon <= east + lon_deg)


def is_swapped(region: Region | None, lat: float, lon: float) -> bool:
    """Whether a place lies on the map only if latitude and longitude change places."""
    return outside(region, lat, lon, beyond_m=REGISTER_M) and not outside(region, lon, lat)


def bounds_words(region: Region) -> str:
    """Return what is expected of a place, with the region's bounds."""
    south, west, north, east = region.bounds
    return (
        f"expected a place in or near the region, latitude {south:.2f} to {north:.2f} and"
        f" longitude {west:.2f} to {east:.2f} (are the two swapped?)"
    )


def check(region: Region | None, field: str, lat: float, lon: float) -> None:
    """Check a place for a register; raises ``Invalid`` with the region's bounds."""
    if region is not None and outside(region, lat, lon, beyond_m=REGISTER_M):
        raise Invalid(field, bounds_words(region))
