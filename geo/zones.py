"""Areas with a population: from GeoJSON or GeoParquet, in WGS84 longitude and latitude."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import ZonesError
from geo.points import checked_places

COLUMNS = ("id", "name", "population", "deprivation_decile", "urban_rural")
"""What a zone may have. Only the population is required."""

Bounds = tuple[float, float, float, float]
_WGS84_NAMES = ("CRS84", "4326", "WGS 84")


@dataclass(frozen=True, eq=False)
class ZoneTable:
    """Z areas. ``deprivation_decile`` is 1 for the most deprived tenth … 10, -1 where unknown."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    population: NDArray[np.float64]
    deprivation_decile: NDArray[np.int8]
    urban_rural: tuple[str | None, ...]
    wkb: tuple[bytes, ...]  # longitude, latitude

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def polygons(self) -> NDArray[Any]:
        """Shapely geometries, x = longitude and y = latitude."""
        import shapely  # noqa: PLC0415

        return np.asarray(shapely.from_wkb(np.array(self.wkb, dtype=object)))

    @cached_property
    def _tree(self) -> Any:
        import shapely  # noqa: PLC0415

        return shapely.STRtree(self.polygons)

    def zone_of(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.int32]:
        """Index of the zone that holds each place, -1 for none; on a border the lower index.

        Raises:
            PlaceError: a latitude or longitude is not one.
        """
        import shapely  # noqa: PLC0415

        lats, lons = checked_places(lat, lon)
        place, zone = self._tree.query(shapely.points(lons, lats), predicate="intersects")
        found = np.full(len(lats), len(self), dtype=np.int32)
        np.minimum.at(found, place, zone.astype(np.int32))
        return np.where(found == len(self), -1, found).astype(np.int32)

    def take(self, index: NDArray[Any]) -> ZoneTable:
        """The zones at these indices, in this order."""
        rows = [int(i) for i in index]
        return ZoneTable(
            ids=tuple(self.ids[i] for i in rows),
            names=tuple(self.names[i] for i in rows),
            population=self.population[rows],
            deprivation_decile=self.deprivation_decile[rows],
            urban_rural=tuple(self.urban_rural[i] for i in rows),
            wkb=tuple(self.wkb[i] for i in rows),
        )


@dataclass(frozen=True, eq=False)
class ZonesFile:
    """What a file held, and what was assumed about it."""

    zones: ZoneTable
    warnings: tuple[str, ...]


def read_zones(
    path: Path, *, columns: Mapping[str, str] | None = None, region_bounds: Bounds | None = None
) -> ZonesFile:
    """Reads zones; ``columns`` maps our names (``COLUMNS``) to those of the file.

    ``region_bounds`` (south, west, north, east) lets a swapped or foreign file be recognised.

    Raises:
        ZonesError: the file is missing, of another kind, in another reference system, has
            latitude and longitude swapped, lies elsewhere, lacks a column, or a value is wrong.
    """
    unknown = sorted(set(columns or {}) - set(COLUMNS))
    if unknown:
        raise ZonesError(f"zone columns: unknown {unknown[0]!r}: expected {', '.join(COLUMNS)}")
    if not path.is_file():
        raise ZonesError(f"{path}: no such file: expected zones as GeoJSON or GeoParquet")
    if path.suffix == ".parquet":
        table, geometry = _read_parquet(path)
    elif path.suffix in {".geojson", ".json"}:
        table, geometry = _read_geojson(path)
    else:
        raise ZonesError(f"{path.name}: expected a name that ends in .geojson, .json or .parquet")
    if not len(geometry):
        raise ZonesError(f"{path.name}: no zones")
    _check_place(path, geometry, region_bounds)
    return _zone_table(path, table, geometry, dict(columns or {}))


def _read_geojson(path: Path) -> tuple[dict[str, list[Any]], NDArray[Any]]:
    import shapely  # noqa: PLC0415

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ZonesError(f"{path.name}: not readable as GeoJSON ({error})") from error
    if not isinstance(content, dict) or content.get("type") != "FeatureCollection":
        raise ZonesError(f"{path.name}: expected a GeoJSON FeatureCollection")
    crs = content.get("crs")
    if crs is not None and not any(name in json.dumps(crs) for name in _WGS84_NAMES):
        raise _wrong_crs(path, json.dumps(crs))
    features = content.get("features") or []
    names = {key: None for feature in features for key in (feature.get("properties") or {})}
    table: dict[str, list[Any]] = {
        name: [(feature.get("properties") or {}).get(name) for feature in features]
        for name in names
    }
    if "id" not in table and features and all("id" in feature for feature in features):
        table["id"] = [feature["id"] for feature in features]
    for row, feature in enumerate(features):
        if not feature.get("geometry"):
            raise ZonesError(f"{path.name}: row {row}: expected a polygon or multipolygon")
    try:
        texts = [json.dumps(feature["geometry"]) for feature in features]
        return table, np.asarray(shapely.from_geojson(np.array(texts, dtype=object)))
    except shapely.errors.GEOSException as error:
        raise ZonesError(f"{path.name}: a geometry cannot be read ({error})") from error


def _read_parquet(path: Path) -> tuple[dict[str, list[Any]], NDArray[Any]]:
    import shapely  # noqa: PLC0415

    try:
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise ZonesError(f"{path.name}: GeoParquet needs the planner's extra (pyarrow)") from error
    try:
        content = parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise ZonesError(f"{path.name}: not readable as Parquet ({error})") from error
    geometry = "geometry"
    geo = (content.schema.metadata or {}).get(b"geo")
    if geo is not None:
        facts = json.loads(geo)
        geometry = facts.get("primary_column", geometry)
        crs = facts.get("columns", {}).get(geometry, {}).get("crs")
        if crs is not None and not _is_wgs84(crs):
            raise _wrong_crs(path, str(crs.get("name", crs)) if isinstance(crs, dict) else str(crs))
    if geometry not in content.column_names:
        raise ZonesError(f"{path.name}: no column {geometry!r} with geometries (WKB)")
    table = {
        name: content.column(name).to_pylist() for name in content.column_names if name != geometry
    }
    try:
        wkb = np.array(content.column(geometry).to_pylist(), dtype=object)
        return table, np.asarray(shapely.from_wkb(wkb))
    except (shapely.errors.GEOSException, TypeError) as error:
        raise ZonesError(f"{path.name}: a geometry cannot be read ({error})") from error


def _is_wgs84(crs: Any) -> bool:
    if not isinstance(crs, dict):
        return any(name in str(crs) for name in _WGS84_NAMES)
    code = str(crs.get("id", {}).get("code", ""))
    return code in {"4326", "CRS84"} or crs.get("name") in {"WGS 84", "WGS 84 (CRS84)"}


def _wrong_crs(path: Path, found: str) -> ZonesError:
    return ZonesError(
        f"{path.name}: reference system {found[:80]}: expected WGS84 longitude and latitude "
        "(EPSG:4326): export the zones again in that system"
    )


def _check_place(path: Path, geometry: NDArray[Any], region: Bounds | None) -> None:
    import shapely  # noqa: PLC0415

    missing = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    areal = np.isin(shapely.get_type_id(geometry), (3, 6))
    if missing.any() or not areal.all():
        row = int(np.argmax(missing | ~areal))
        raise ZonesError(f"{path.name}: row {row}: expected a polygon or multipolygon")
    west, south, east, north = shapely.total_bounds(geometry)
    if max(abs(west), abs(east)) > 180.0 or max(abs(south), abs(north)) > 180.0:
        raise ZonesError(
            f"{path.name}: coordinates up to {max(abs(east), abs(north)):.0f} are no degrees, "
            "perhaps a national grid: expected WGS84 longitude and latitude (EPSG:4326)"
        )
    swapped = max(abs(south), abs(north)) > 90.0
    if region is not None and not _overlap(region, (south, west, north, east)):
        swapped = swapped or _overlap(region, (west, south, east, north))
        if not swapped:
            raise ZonesError(
                f"{path.name}: no zone lies in the region: zones span latitude {south:.3f}.."
                f"{north:.3f}, longitude {west:.3f}..{east:.3f}, the region latitude "
                f"{region[0]:.3f}..{region[2]:.3f}, longitude {region[1]:.3f}..{region[3]:.3f}"
            )
    if swapped:
        raise ZonesError(
            f"{path.name}: latitude and longitude are swapped: expected longitude first, as "
            "GeoJSON has it"
        )


def _overlap(a: Bounds, b: Bounds) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _zone_table(
    path: Path, table: Mapping[str, list[Any]], geometry: NDArray[Any], columns: dict[str, str]
) -> ZonesFile:
    import shapely  # noqa: PLC0415

    n = len(geometry)
    found = {name: _column(path, table, name, columns) for name in COLUMNS}
    if found["population"] is None:
        listed = ", ".join(sorted(table)) or "none"
        raise ZonesError(
            f"{path.name}: no column 'population': say which one holds it (zone_columns); "
            f"the file has {listed}"
        )
    population = _numbers(path, "population", found["population"], 0.0, 1e9)
    warnings = []
    unknown = np.isnan(population)
    if unknown.all():
        raise ZonesError(f"{path.name}: population: no zone has one")
    if unknown.any():
        median = float(np.median(population[~unknown]))
        population = np.where(unknown, median, population)
        warnings.append(
            f"{int(unknown.sum())} of {n} zones have no population: the median {median:.0f} stands "
            "in (assumption)"
        )
    decile = _numbers(path, "deprivation_decile", found["deprivation_decile"] or [None] * n, 1, 10)
    ids = [str(value) for value in (found["id"] or range(n))]
    if len(set(ids)) < n:
        twice = next(value for value in ids if ids.count(value) > 1)
        raise ZonesError(f"{path.name}: id {twice!r} comes more than once")
    names = found["name"] or ids
    kinds = found["urban_rural"] or [None] * n
    zones = ZoneTable(
        ids=tuple(ids),
        names=tuple(ids[i] if name is None else str(name) for i, name in enumerate(names)),
        population=population,
        deprivation_decile=np.where(np.isnan(decile), -1, np.nan_to_num(decile)).astype(np.int8),
        urban_rural=tuple(None if kind is None else str(kind) for kind in kinds),
        wkb=tuple(shapely.to_wkb(shapely.make_valid(geometry))),
    )
    return ZonesFile(zones, tuple(warnings))


def _column(
    path: Path, table: Mapping[str, list[Any]], name: str, columns: Mapping[str, str]
) -> list[Any] | None:
    declared = columns.get(name)
    if declared is not None and declared not in table:
        raise ZonesError(
            f"{path.name}: no column {declared!r} (declared for {name}): the file has "
            f"{', '.join(sorted(table))}"
        )
    return table.get(declared or name)


def _numbers(
    path: Path, name: str, values: list[Any], low: float, high: float
) -> NDArray[np.float64]:
    """Floats, NaN where missing."""
    numbers = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if value is None or value != value:  # noqa: PLR0124 - NaN
            continue
        try:
            numbers[row] = float(value)
        except (TypeError, ValueError):
            numbers[row] = np.inf
        if not low <= numbers[row] <= high:
            raise ZonesError(
                f"{path.name}: row {row}: {name} = {value!r}: expected a number {low:g}..{high:g}"
            )
    return numbers
