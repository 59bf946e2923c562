"""Zones: read with a column map, wrong files named, population spread where people are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import TINY_TOWN, write_tiny_town

from geo.demand import COVERED_SHARE, Places, spread
from geo.errors import ZonesError
from geo.network import build_network
from geo.osm import Extract
from geo.region import build_region
from geo.zones import read_zones

BOUNDS = (49.99, 7.99, 50.01, 8.01)
LONDON_COLUMNS = {
    "id": "LSOA21CD",
    "name": "LSOA21NM",
    "population": "Persons_All-Ages",
    "deprivation_decile": "IMD_decile",
}


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def feature(geometry: dict[str, Any] | None, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


WEST = feature(box(7.9999, 49.9999, 8.0003, 50.0021), id="W", population=100, deprivation_decile=2)
EAST = feature(box(8.0003, 49.9999, 8.0021, 50.0021), id="E", population=40, name="East side")


def write(folder: Path, *features: dict[str, Any], **extra: Any) -> Path:
    path = folder / "zones.geojson"
    collection = {"type": "FeatureCollection", "features": list(features), **extra}
    path.write_text(json.dumps(collection))
    return path


def test_reads_names_numbers_and_outlines(tmp_path: Path) -> None:
    zones = read_zones(write(tmp_path, WEST, EAST), region_bounds=BOUNDS).zones
    assert zones.ids == ("W", "E")
    assert zones.names == ("W", "East side")
    assert zones.population.tolist() == [100, 40]
    assert zones.deprivation_decile.tolist() == [2, -1]
    assert zones.zone_of([50.001, 50.001, 51.0], [8.0, 8.001, 8.0]).tolist() == [0, 1, -1]
    # On the common border the lower index has it.
    assert zones.zone_of(50.001, 8.0003).tolist() == [0]


def test_columns_are_found_by_the_map(tmp_path: Path) -> None:
    path = write(tmp_path, feature(box(8, 50, 8.001, 50.001), code="A", heads=7, rank=3))
    columns = {"id": "code", "population": "heads", "deprivation_decile": "rank"}
    zones = read_zones(path, columns=columns, region_bounds=BOUNDS).zones
    assert (zones.ids, zones.population.tolist(), zones.deprivation_decile.tolist()) == (
        ("A",),
        [7],
        [3],
    )


def test_a_missing_population_is_filled_and_said(tmp_path: Path) -> None:
    third = feature(box(8.001, 50, 8.002, 50.001), id="N", population=None)
    found = read_zones(write(tmp_path, WEST, EAST, third), region_bounds=BOUNDS)
    assert found.zones.population.tolist() == [100, 40, 70]
    assert "1 of 3 zones have no population" in found.warnings[0]


GRID = feature(box(530_000, 180_000, 531_000, 181_000), id="G", population=5)
SWAPPED = feature(box(49.999, 7.999, 50.003, 8.003), id="S", population=5)
SWAPPED_FAR = feature(box(10.0, 100.0, 11.0, 101.0), id="S", population=5)
ELSEWHERE = feature(box(2.0, 48.0, 2.1, 48.1), id="P", population=5)


@pytest.mark.parametrize(
    ("features", "named"),
    [
        ([GRID], "national grid"),
        ([SWAPPED], "swapped"),
        ([SWAPPED_FAR], "swapped"),
        ([ELSEWHERE], "no zone lies in the region"),
        ([], "no zones"),
        ([feature(None, population=5)], "row 0: expected a polygon"),
        ([WEST, feature({"type": "Point", "coordinates": [8, 50]}, population=5)], "row 1"),
        ([feature(box(8, 50, 8.1, 50.1), inhabitants=5)], "no column 'population'.*inhabitants"),
        ([feature(box(8, 50, 8.1, 50.1), population=-5)], "row 0: population = -5"),
        ([feature(box(8, 50, 8.1, 50.1), population="many")], "population = 'many'"),
        ([feature(box(8, 50, 8.1, 50.1), population=5, deprivation_decile=11)], "decile = 11"),
        ([WEST, WEST], "id 'W' comes more than once"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    tmp_path: Path, features: list[dict[str, Any]], named: str
) -> None:
    with pytest.raises(ZonesError, match=named) as caught:
        read_zones(write(tmp_path, *features), region_bounds=BOUNDS)
    assert "zones.geojson" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_reference_system_is_named(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::27700"}}
    with pytest.raises(ZonesError, match=r"27700.*EPSG:4326"):
        read_zones(write(tmp_path, WEST, crs=crs), region_bounds=BOUNDS)
    good = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    read_zones(write(tmp_path, WEST, crs=good), region_bounds=BOUNDS)


@pytest.mark.parametrize(
    ("crs", "accepted"),
    [
        (None, True),
        ({"type": "GeographicCRS", "name": "WGS 84"}, True),
        ({"name": "anything", "id": {"authority": "EPSG", "code": 4326}}, True),
        ({"type": "ProjectedCRS", "name": "WGS 84 / UTM zone 32N"}, False),
        ({"name": "OSGB36", "id": {"authority": "EPSG", "code": 4277}}, False),
    ],
)
def test_parquet_in_another_system_is_refused(
    tmp_path: Path, crs: dict[str, Any] | None, accepted: bool
) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    shapely = pytest.importorskip("shapely")
    geo = {"primary_column": "outline", "columns": {"outline": {"encoding": "WKB", "crs": crs}}}
    outline = shapely.to_wkb(shapely.box(8.0, 50.0, 8.001, 50.001))
    table = pa.table({"id": ["A"], "population": [3], "outline": [outline]})
    path = tmp_path / "zones.parquet"
    parquet.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    if accepted:
        assert read_zones(path, region_bounds=BOUNDS).zones.population.tolist() == [3]
    else:
        with pytest.raises(ZonesError, match="expected WGS84"):
            read_zones(path, region_bounds=BOUNDS)


def test_foreign_and_broken_files_are_named(tmp_path: Path) -> None:
    for name, content, named in (
        ("zones.csv", "id,population", "expected a name that ends in"),
        ("zones.json", "{", "not readable as GeoJSON"),
        ("list.json", "[]", "FeatureCollection"),
        ("zones.parquet", "PAR1", "not readable as Parquet"),
    ):
        path = tmp_path / name
        path.write_text(content)
        with pytest.raises(ZonesError, match=named):
            read_zones(path)
    with pytest.raises(ZonesError, match="no such file"):
        read_zones(tmp_path / "absent.geojson")
    with pytest.raises(ZonesError, match="unknown 'people'"):
        read_zones(write(tmp_path, WEST), columns={"people": "n"})
    with pytest.raises(ZonesError, match=r"no column 'n'.*declared for population"):
        read_zones(write(tmp_path, WEST), columns={"population": "n"})


def test_population_is_spread_over_buildings_and_else_along_streets(tmp_path: Path) -> None:
    """The west has no building: its people live along its streets. The east has one."""
    region = build_region(
        write_tiny_town(tmp_path), tmp_path / "r", zones=write(tmp_path, WEST, EAST)
    )
    assert region.zones is not None
    assert region.zones.ids == ("W", "E")
    total = np.bincount(region.demand.zone, region.demand.weight)
    assert total.tolist() == [100, 40]
    east = region.demand.zone == 1
    assert region.demand.lat[east].tolist() == pytest.approx([50.0011])
    assert region.demand.source == "buildings"


def test_without_buildings_people_live_along_the_streets(tmp_path: Path) -> None:
    bare = write_tiny_town(tmp_path, TINY_TOWN.replace('k="building"', 'k="wall"'))
    region = build_region(bare, tmp_path / "r")
    assert region.demand.source == "streets"
    length_m = float(region.networks["foot"].edge_length_m.sum())
    assert region.demand.weight.sum() == pytest.approx(length_m)
    assert any("0 buildings" in warning for warning in region.manifest["warnings"])


def test_zones_without_anybody_in_the_region_are_refused(tmp_path: Path) -> None:
    near = feature(box(8.0008, 50.0012, 8.0010, 50.0014), id="park", population=5)
    with pytest.raises(ZonesError, match="no zone holds roads"):
        build_region(write_tiny_town(tmp_path), tmp_path / "r", zones=write(tmp_path, near))
    assert not (tmp_path / "r").exists()


def test_london_lives_where_its_small_areas_say(
    shared_data: Path, real_extract: Callable[[str], Extract]
) -> None:
    pytest.importorskip("pyarrow")
    extract = real_extract("uk-london-northern-line-2026")
    network = build_network("foot", extract.segments["foot"])
    path = shared_data / "uk" / "london_lsoa21_imd2025_pop2020.parquet"
    found = read_zones(path, columns=LONDON_COLUMNS, region_bounds=network.bounds)
    assert len(found.zones) == 4994
    assert "335 of 4994" in found.warnings[0]
    buildings = Places(
        *(getattr(extract.buildings, name) for name in ("lat", "lon", "weight", "home"))
    )
    demand, zones, warnings = spread(buildings, network, found.zones)
    assert zones is not None
    assert demand.source == "streets"
    assert 100 < len(zones) < 200
    np.testing.assert_allclose(np.bincount(demand.zone, demand.weight), zones.population, rtol=1e-9)
    assert (zones.zone_of(demand.lat, demand.lon) == demand.zone).all()
    assert set(zones.deprivation_decile.tolist()) <= set(range(1, 11))
    assert any("zones lie mostly outside" in warning for warning in warnings)
    assert 0 < COVERED_SHARE < 1
