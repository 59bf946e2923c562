"""Places on the earth: distances, a flat local plane, and an order along a Hilbert curve.

Latitudes and longitudes are WGS84 degrees and always come in this order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import PlaceError

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the earth (IUGG, 2a+b over 3 of WGS84)."""

_HILBERT_BITS = 20
Floats = NDArray[np.float64]


def haversine_m(lat_a: ArrayLike, lon_a: ArrayLike, lat_b: ArrayLike, lon_b: ArrayLike) -> Floats:
    """Great-circle distance in metres by the haversine formula; arguments broadcast."""
    phi_a, phi_b = np.radians(lat_a), np.radians(lat_b)
    half_phi = (phi_b - phi_a) / 2
    half_lambda = (np.radians(lon_b) - np.radians(lon_a)) / 2
    square = np.sin(half_phi) ** 2 + np.cos(phi_a) * np.cos(phi_b) * np.sin(half_lambda) ** 2
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(square, 1.0))))


@dataclass(frozen=True)
class LocalProjection:
    """A flat plane that touches the earth at one place: x east and y north, in metres.

    Equirectangular about the origin. At 10 km from the origin and 60 degrees of latitude lengths
    are right within 0.3 per cent; meant for towns and districts, not for countries.
    """

    lat: float
    lon: float

    @property
    def metres_per_degree_lat(self) -> float:
        """Metres to one degree of latitude."""
        return EARTH_RADIUS_M * np.pi / 180.0

    @property
    def metres_per_degree_lon(self) -> float:
        """Metres to one degree of longitude at the latitude of the origin."""
        return self.metres_per_degree_lat * float(np.cos(np.radians(self.lat)))

    def to_xy_m(self, lat: ArrayLike, lon: ArrayLike) -> tuple[Floats, Floats]:
        """The place in the plane, as x and y in metres from the origin."""
        x_m = (np.asarray(lon, dtype=np.float64) - self.lon) * self.metres_per_degree_lon
        y_m = (np.asarray(lat, dtype=np.float64) - self.lat) * self.metres_per_degree_lat
        return np.asarray(x_m), np.asarray(y_m)

    def to_lat_lon(self, x_m: ArrayLike, y_m: ArrayLike) -> tuple[Floats, Floats]:
        """The inverse of ``to_xy_m``: latitude and longitude in degrees."""
        lat = self.lat + np.asarray(y_m, dtype=np.float64) / self.metres_per_degree_lat
        lon = self.lon + np.asarray(x_m, dtype=np.float64) / self.metres_per_degree_lon
        return np.asarray(lat), np.asarray(lon)


def hilbert_keys(lat: ArrayLike, lon: ArrayLike) -> NDArray[np.int64]:
    """Position of each place along a Hilbert curve over the bounding box of all of them.

    Places with near keys are near each other, so arrays sorted by the key keep a search inside
    few cache lines. Rotation step by Warren, Hacker's Delight, section 16-1.
    """
    x, y = _grid_steps(lon), _grid_steps(lat)
    key = np.zeros(len(x), dtype=np.int64)
    for bit in range(_HILBERT_BITS - 1, -1, -1):
        side = np.int64(1) << bit
        right, upper = (x & side) > 0, (y & side) > 0
        key += side * side * ((3 * right.astype(np.int64)) ^ upper.astype(np.int64))
        x, y = x & (side - 1), y & (side - 1)
        mirrored = right & ~upper
        x[mirrored], y[mirrored] = side - 1 - x[mirrored], side - 1 - y[mirrored]
        turned = ~upper
        x[turned], y[turned] = y[turned], x[turned]
    return key


def _grid_steps(degrees: ArrayLike) -> NDArray[np.int64]:
    values = np.atleast_1d(np.asarray(degrees, dtype=np.float64))
    if len(values) == 0:
        return np.zeros(0, dtype=np.int64)
    low, high = values.min(), values.max()
    span = high - low if high > low else 1.0
    steps = (values - low) / span * ((1 << _HILBERT_BITS) - 1)
    return np.asarray(steps, dtype=np.int64)


def checked_places(lat: ArrayLike, lon: ArrayLike, *, what: str = "place") -> tuple[Floats, Floats]:
    """Both as flat float64 arrays of one length.

    Raises:
        PlaceError: not a number, beyond 90 or 180 degrees, or of different lengths.
    """
    lats = np.atleast_1d(np.asarray(lat, dtype=np.float64)).ravel()
    lons = np.atleast_1d(np.asarray(lon, dtype=np.float64)).ravel()
    if len(lats) != len(lons):
        raise PlaceError(f"{what}: {len(lats)} latitudes and {len(lons)} longitudes")
    wrong = ~((np.abs(lats) <= 90.0) & (np.abs(lons) <= 180.0))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise PlaceError(
            f"{what} {first}: latitude {lats[first]:g}, longitude {lons[first]:g}: expected "
            "degrees, latitude within -90..90 and longitude within -180..180"
        )
    return lats, lons


def frozen(array: ArrayLike, dtype: Any = None) -> NDArray[Any]:
    """A read-only, C-contiguous plain array: what every public array of this package is."""
    view = np.ascontiguousarray(array, dtype=dtype).view(np.ndarray).view()
    view.flags.writeable = False
    return view
