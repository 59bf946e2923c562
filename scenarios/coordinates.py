"""Places as planners hold them: latitude and longitude, national grid, postcodes. WGS84 comes out.

A file with columns called ``lat`` and ``lon`` may still be OSGB36 (about 120 m off), so the
reference system is stated by the planner and only defaulted where the columns leave no doubt.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import Fault, InputFaults

Floats = NDArray[np.float64]

WGS84 = "EPSG:4326"
BRITISH_GRID = "EPSG:27700"
OSGB36 = "EPSG:4277"
SYSTEMS = {"wgs84": WGS84, "bng": BRITISH_GRID, "osgb36": OSGB36}


def system(name: str) -> str:
    """EPSG code of a named system. Raises ``ValueError`` for one that is not known."""
    code = SYSTEMS.get(name.lower(), name.upper())
    if code not in SYSTEMS.values():
        raise ValueError(f"one of {', '.join(SYSTEMS)} expected, found {name!r}")
    return code


def to_wgs84(first: Floats, second: Floats, crs: str) -> tuple[Floats, Floats]:
    """``(lat, lon)`` in WGS84 from easting and northing (grid) or from lat and lon (geographic).

    Shapes [n]; degrees or metres by the system; NaN stays NaN.
    """
    if crs == WGS84:
        return first, second
    from pyproj import Transformer  # noqa: PLC0415 - heavy, and only some files need it

    transformer = Transformer.from_crs(crs, WGS84, always_xy=True)
    x, y = (first, second) if crs == BRITISH_GRID else (second, first)
    lon, lat = transformer.transform(x, y)
    return np.asarray(lat, float), np.asarray(lon, float)


def postcode_key(text: str) -> str:
    """A postcode without blanks, in capitals: how postcodes are compared."""
    return "".join(text.split()).upper()


@lru_cache(maxsize=4)
def postcodes(path: Path) -> dict[str, tuple[float, float]]:
    """Postcode -> (lat, lon) from a CSV or Parquet file of Code-Point Open's kind.

    Columns: a postcode, and ``lat, lon`` or ``easting, northing``. Raises ``InputFaults`` where the
    file or one of these columns is missing.
    """
    columns = _read_columns(path)
    names = {name.lower(): name for name in columns}
    key = _first(names, ("postcode", "pcd", "pcds"))
    geographic = _first(names, ("lat", "latitude")), _first(names, ("lon", "long", "longitude"))
    grid = _first(names, ("easting", "eastings")), _first(names, ("northing", "northings"))
    if key is None or (None in geographic and None in grid):
        expected = "columns postcode and lat, lon (or easting, northing) expected"
        raise InputFaults([Fault(str(path), "", expected, ", ".join(columns))])
    pair, crs = (geographic, WGS84) if None not in geographic else (grid, BRITISH_GRID)
    first, second = (np.asarray(columns[str(name)], float) for name in pair)
    lat, lon = to_wgs84(first, second, crs)
    keys = map(postcode_key, columns[key])
    return dict(zip(keys, zip(lat.tolist(), lon.tolist(), strict=True), strict=True))


def _first(names: dict[str, str], wanted: Iterable[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)


def _read_columns(path: Path) -> dict[str, list[str]]:
    if not path.is_file():
        raise InputFaults([Fault(str(path), "", "a file of postcodes expected", "no such file")])
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415 - heavy, and only some files need it

        table = pq.read_table(path)
        return {name: table.column(name).to_pylist() for name in table.column_names}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else {})}
