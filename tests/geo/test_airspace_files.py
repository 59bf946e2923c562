from __future__ import annotations

import copy
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely

from geo.airspace import Airspace, Band, Reference, Rule, to_geojson
from geo.airspace_files import read_airspace
from geo.errors import AirspaceError

SQUARE = [[[-1.0, 51.0], [-0.9, 51.0], [-0.9, 51.1], [-1.0, 51.1], [-1.0, 51.0]]]
ENGLAND = (50.0, -6.0, 56.0, 2.0)
LOW = Band(0.0, 120.0, 0.0, 300.0)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def own(**changes: Any) -> dict[str, Any]:
    feature = {
        "type": "Feature",
        "properties": {"id": "A1", "rule": "forbid", "ceiling_m": 120},
        "geometry": {"type": "Polygon", "coordinates": copy.deepcopy(SQUARE)},
    }
    geometry = changes.pop("geometry", None)
    feature["properties"] = {**feature["properties"], **changes}  # type: ignore[dict-item]
    if geometry is not None:
        feature["geometry"] = geometry
    return {"type": "FeatureCollection", "features": [feature]}


def ed269(**changes: Any) -> dict[str, Any]:
    volume = {
        "uomDimensions": "M",
        "lowerLimit": 0,
        "lowerVerticalReference": "AGL",
        "upperLimit": 120,
        "upperVerticalReference": "AGL",
        "horizontalProjection": {"type": "Polygon", "coordinates": copy.deepcopy(SQUARE)},
    }
    volume.update(changes.pop("volume", {}))
    feature = {
        "identifier": "Z1",
        "country": "GBR",
        "name": "Zone one",
        "type": "COMMON",
        "restriction": "PROHIBITED",
        "reason": ["SENSITIVE"],
        "applicability": [{"permanent": "YES"}],
        "zoneAuthority": [{"name": "nobody", "purpose": "AUTHORIZATION"}],
        "geometry": [volume],
    }
    return {"title": "test", "features": [{**feature, **changes}]}


def ed318(**changes: Any) -> dict[str, Any]:
    geometry = {
        "type": "Polygon",
        "coordinates": copy.deepcopy(SQUARE),
        "layer": {
            "upper": 400,
            "upperReference": "AGL",
            "lower": 0,
            "lowerReference": "AGL",
            "uom": "ft",
        },
    }
    geometry = changes.pop("geometry", geometry)
    properties = {
        "identifier": "Z9",
        "country": "CHE",
        "name": [{"text": "Zone neun", "lang": "de-CH"}],
        "type": "REQ_AUTHORIZATION",
        "variant": "COMMON",
        "reason": ["AIR_TRAFFIC"],
        "zoneAuthority": [{"purpose": "AUTHORIZATION"}],
    }
    properties.update(changes)
    feature = {"type": "Feature", "properties": properties, "geometry": geometry}
    return {"type": "FeatureCollection", "features": [feature]}


def read(folder: Path, document: Any, **options: Any) -> Airspace:
    path = folder / "zones.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_airspace(path, **options)


def faults(folder: Path, document: Any, **options: Any) -> tuple[str, ...]:
    with pytest.raises(AirspaceError) as caught:
        read(folder, document, **options)
    return caught.value.faults


def test_own_geojson_comes_back_as_it_was_written(tmp_path: Path) -> None:
    document = own(
        rule="permission",
        floor_m=30,
        floor_reference="amsl",
        buffer_m=50,
        by_notice=True,
        granted_share=0.4,
        wait_median_s=120,
        periods=[{"start": "2026-03-01T08:00:00Z", "weekly_s": [[0, 3600]]}],
    )
    first = read(tmp_path, document)
    second = read(tmp_path, to_geojson(first.volumes))
    assert second.volumes[0] == first.volumes[0]
    volume = first.volumes[0]
    assert volume.rule is Rule.PERMISSION
    assert volume.permission is not None
    assert volume.permission.granted_share == 0.4
    assert volume.floor.reference is Reference.AMSL
    assert volume.periods[0].start_s == at("2026-03-01T08:00:00")


def test_ed269_zones_are_read_with_limits_and_periods(tmp_path: Path) -> None:
    periods = [
        {
            "permanent": "NO",
            "startDateTime": "2026-06-01T00:00:00.00Z",
            "endDateTime": "2026-07-01T00:00:00.00Z",
            "schedule": [
                {"day": ["MON", "TUE"], "startTime": "08:00:00.00Z", "endTime": "17:00:00.00Z"},
                {"day": ["SUN"], "startTime": "22:00Z", "endTime": "02:00Z"},
            ],
        }
    ]
    (volume,) = read(tmp_path, ed269(applicability=periods)).volumes
    assert (volume.rule, volume.name, volume.kind) == (Rule.FORBID, "Zone one", "SENSITIVE")
    assert volume.ceiling is not None
    assert volume.ceiling.metres == 120
    assert volume.applies(at("2026-06-01T08:00:00"))  # a Monday
    assert not volume.applies(at("2026-06-01T17:00:00"))
    assert not volume.applies(at("2026-06-03T09:00:00"))
    assert volume.applies(at("2026-06-07T23:00:00"))  # Sunday night
    assert volume.applies(at("2026-06-08T01:59:00"))  # and on into Monday
    assert not volume.applies(at("2026-07-06T09:00:00"))


def test_ed269_circles_and_feet(tmp_path: Path) -> None:
    circle = {
        "uomDimensions": "FT",
        "upperLimit": 99999,
        "horizontalProjection": {"type": "Circle", "center": [-1.0, 51.0], "radius": 3280.84},
    }
    (volume,) = read(tmp_path, ed269(volume=circle)).volumes
    assert volume.ceiling is None
    south, north = volume.outline.bounds[1], volume.outline.bounds[3]
    assert (north - south) * 111_195 / 2 == pytest.approx(1000, rel=2e-3)
    assert shapely.contains_properly(volume.outline, shapely.Point(-1.0, 51.0089))


def test_ed318_zones_are_read_layer_by_layer(tmp_path: Path) -> None:
    collection = {
        "type": "GeometryCollection",
        "geometries": [
            ed318()["features"][0]["geometry"],
            {
                "type": "Point",
                "coordinates": [-1.0, 51.0],
                "extent": {"subType": "Circle", "radius": 500},
                "layer": {
                    "upper": 300,
                    "upperReference": "AMSL",
                    "lower": 100,
                    "lowerReference": "AGL",
                    "uom": "ft",
                },
            },
        ],
    }
    one, two = read(tmp_path, ed318(geometry=collection)).volumes
    assert (one.volume_id, two.volume_id) == ("Z9/1", "Z9/2")
    assert one.name == "Zone neun"
    assert one.rule is Rule.PERMISSION
    assert one.ceiling is not None
    assert one.ceiling.metres == pytest.approx(121.92)
    assert two.ceiling is not None
    assert two.ceiling.reference is Reference.AMSL
    south, north = two.outline.bounds[1], two.outline.bounds[3]
    assert (north - south) * 111_195 / 2 == pytest.approx(500, rel=2e-3)  # metres, whatever the uom


def test_a_time_that_hangs_on_the_sun_counts_as_the_whole_day(tmp_path: Path) -> None:
    schedule = [{"day": ["WED"], "startEvent": "SS", "endEvent": "SR"}]
    (volume,) = read(tmp_path, ed318(limitedApplicability=[{"schedule": schedule}])).volumes
    assert volume.applies(at("2026-06-03T12:00:00"))
    assert not volume.applies(at("2026-06-04T12:00:00"))


YAIXM = """
airspace:
- name: EXETER
  id: exeter-atz
  type: ATZ
  geometry:
  - upper: 2000 ft
    lower: SFC
    boundary:
    - circle: {radius: 2.5 nm, centre: 504405N 0032450W}
- name: EAST
  type: D
  rules: [NOTAM]
  geometry:
  - upper: FL65
    lower: 1500 ft
    boundary:
    - line: [510000N 0010000W, 511000N 0010000W]
    - arc: {dir: cw, radius: 10 nm, centre: 510000N 0010000W, to: 510000N 0004407W}
"""


def test_yaixm_is_read_with_circles_arcs_and_levels(tmp_path: Path) -> None:
    path = tmp_path / "uk.yaml.gz"
    path.write_bytes(gzip.compress(YAIXM.encode()))
    zone, danger = read_airspace(path).volumes
    assert (zone.volume_id, zone.rule) == ("exeter-atz/ATZ", Rule.PERMISSION)
    assert zone.meets(LOW)
    assert zone.ceiling is not None
    assert zone.ceiling.metres == pytest.approx(609.6)
    assert (danger.rule, danger.by_notice) == (Rule.FORBID, True)
    assert danger.ceiling is not None
    assert danger.ceiling.reference is Reference.LEVEL
    assert not danger.meets(LOW)
    assert danger.meets(Band(0.0, 120.0, 0.0, 400.0))
    # the arc bulges towards the north-east, away from the straight line between its ends
    assert shapely.contains_properly(danger.outline, shapely.Point(-0.83, 51.115))


def test_the_british_file_is_read_whole(shared_data: Path) -> None:
    airspace = read_airspace(shared_data / "uk" / "uk-airspace-yaixm-2026.yaml.gz")
    assert len(airspace) == 1053
    assert sum(v.kind == "ATZ" for v in airspace.volumes) == 108
    assert sum(v.by_notice for v in airspace.volumes) >= 63
    around_exeter = airspace.within(50.5, -3.7, 51.0, -3.0)
    assert any(v.name == "EXETER" and v.kind == "ATZ" for v in around_exeter.volumes)
    assert len(around_exeter) < 40


BOW = [[[-1.0, 51.0], [-0.9, 51.1], [-0.9, 51.0], [-1.0, 51.1], [-1.0, 51.0]]]
OPEN = [[[-1.0, 51.0], [-0.9, 51.0], [-0.9, 51.1], [-1.0, 51.1]]]
METRES = [[[400e3, 100e3], [401e3, 100e3], [401e3, 101e3], [400e3, 101e3], [400e3, 100e3]]]
BIG = [[[-30.0, 51.0], [-0.9, 51.0], [-0.9, 51.1], [-30.0, 51.1], [-30.0, 51.0]]]


def shaped(coordinates: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": coordinates}


def day(start: str, end: str) -> dict[str, Any]:
    return {"start": f"2026-03-01T{start}Z", "end": f"2026-03-01T{end}Z"}


@pytest.mark.parametrize(
    ("document", "field", "expected"),
    [
        (own(geometry=shaped(BOW)), "geometry: coordinates", "Self-intersection"),
        (own(geometry=shaped(OPEN)), "geometry: coordinates", "closed ring"),
        (own(geometry=shaped(METRES)), "geometry: coordinates", "not a national grid"),
        (own(geometry=shaped(BIG)), "geometry: coordinates", "29.1 degrees"),
        (own(geometry=shaped([])), "geometry: coordinates", "at least one ring"),
        (own(geometry={"type": "LineString"}), "geometry", "expected a Polygon"),
        (own(geometry=shaped([[["a", 1]]])), "geometry: coordinates", "pairs of numbers"),
        (own(rule="closed"), "rule", "expected one of forbid, permission, free, found 'closed'"),
        (own(ceiling_m=90_000), "ceiling_m", "at most 30,000 m"),
        (own(ceiling_m="high"), "ceiling_m", "expected a number"),
        (own(floor_m=200), "", "floor 200 m is not below ceiling 120 m"),
        (own(ceiling_ft=400), "ceiling_ft", "in metres"),
        (own(buffer_m=-1), "buffer_m", "from 0 to 20000"),
        (own(granted_share=1.4), "granted_share", "from 0 to 1"),
        (own(ceiling_reference="QNH"), "ceiling_reference", "expected one of agl, amsl"),
        (own(periods=[{"start": "noon"}]), "periods 1: start", "2026-03-01T08:00:00Z"),
        (own(periods=[day("09:00", "08:00")]), "periods", "ends before it starts"),
        (own(periods=[day("08:00", "12:00"), day("11:00", "13:00")]), "periods", "overlap"),
        (own(periods=[{"weekly_s": [[0, 100], [50, 200]]}]), "periods", "overlap"),
        (own(periods=[{"weekly_s": ["x"]}]), "periods 1: weekly_s", "pairs of seconds"),
    ],
)
def test_a_fault_in_geojson_names_file_feature_and_field(
    tmp_path: Path, document: Any, field: str, expected: str
) -> None:
    (fault,) = faults(tmp_path, document)
    assert fault.startswith("zones.json: feature A1: " + (f"{field}: " if field else ""))
    assert expected in fault


@pytest.mark.parametrize(
    ("document", "field", "expected"),
    [
        (ed269(restriction="NONE"), "restriction", "expected one of PROHIBITED"),
        (ed269(volume={"uomDimensions": "KM"}), "geometry 1: unit", "expected one of M, m, FT"),
        (ed269(volume={"upperVerticalReference": "FL"}), "geometry 1: upper reference", "AGL"),
        (ed269(geometry=[]), "geometry", "one or more volumes"),
        (
            ed269(volume={"horizontalProjection": {"type": "Circle", "center": [-1, 51]}}),
            "geometry 1: radius",
            "above 0",
        ),
        (
            ed269(
                volume={
                    "horizontalProjection": {"type": "Circle", "center": [-1, 51], "radius": 3e6}
                }
            ),
            "geometry 1: radius",
            "at most 200,000",
        ),
        (
            ed269(applicability=[{"permanent": "NO", "schedule": [{"day": ["FUN"]}]}]),
            "applicability 1: schedule: day",
            "MON to SUN or ANY",
        ),
        (
            ed269(applicability=[{"schedule": [{"day": ["MON"], "startTime": "8 am"}]}]),
            "applicability 1: schedule: startTime",
            "08:00:00Z",
        ),
        (ed269(applicability=[{"permanent": "YES"}, {}]), "applicability", "overlap"),
    ],
)
def test_a_fault_in_ed269_names_file_feature_and_field(
    tmp_path: Path, document: Any, field: str, expected: str
) -> None:
    (fault,) = faults(tmp_path, document)
    assert fault.startswith(f"zones.json: feature Z1: {field}: ")
    assert expected in fault


def test_a_fault_in_ed318_names_file_feature_and_field(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, ed318(type="SHUT"))
    assert fault.startswith("zones.json: feature Z9: type: expected one of PROHIBITED")


def test_all_faults_are_listed_at_once(tmp_path: Path) -> None:
    document = own(rule="closed", geometry=shaped(BOW), ceiling_m=-10_000)
    document["features"].append(own(id="A2", buffer_m="wide")["features"][0])
    lines = faults(tmp_path, document)
    assert len(lines) == 4
    assert "feature A2: buffer_m" in lines[-1]


def test_two_features_of_one_id_are_refused(tmp_path: Path) -> None:
    document = own()
    document["features"] *= 2
    (fault,) = faults(tmp_path, document)
    assert fault == "zones.json: feature A1: id: is used twice: expected unique ids"


def test_latitude_first_is_told_by_the_region(tmp_path: Path) -> None:
    turned = [[[lat, lon] for lon, lat in ring] for ring in SQUARE]
    (fault,) = faults(tmp_path, own(geometry=shaped(turned)), region_bounds=ENGLAND)
    assert fault.startswith("zones.json: feature A1: geometry: latitude and longitude are swapped")
    assert len(read(tmp_path, own(), region_bounds=ENGLAND)) == 1


def test_latitude_beyond_the_pole_is_told_without_a_region(tmp_path: Path) -> None:
    ring = [[[36.8, 151.0], [36.9, 151.0], [36.9, 151.1], [36.8, 151.0]]]
    (fault,) = faults(tmp_path, own(geometry=shaped(ring)))
    assert "swapped" in fault


def test_another_crs_is_refused(tmp_path: Path) -> None:
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::27700"}}
    (fault,) = faults(tmp_path, {**own(), "crs": named})
    assert fault.startswith("zones.json: crs: expected WGS84 (EPSG:4326)")
    named["properties"] = {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}  # type: ignore[assignment]
    assert len(read(tmp_path, {**own(), "crs": named})) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type": ', "line 1: expected JSON"),
        ('{"hello": 1}', "expected GeoJSON, ED-269, ED-318 or YAIXM"),
        ("airspace: [", "expected YAML"),
        ("just words", "expected GeoJSON, ED-269, ED-318 or YAIXM"),
    ],
)
def test_a_file_in_no_known_format_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    (fault,) = faults(tmp_path, text)
    assert fault.startswith("zones.json: ")
    assert expected in fault


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AirspaceError, match=r"nowhere\.json: cannot be read"):
        read_airspace(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("line", "broken", "expected"),
    [
        ("upper: 2000 ft", "upper: 2000 m", "upper: expected SFC"),
        ("504405N 0032450W", "50.73 -3.41", "expected a place as '512815N 0002736W'"),
        ("radius: 2.5 nm", "radius: 2500 nm", "radius up to 200,000 m"),
        ("radius: 10 nm", "radius: wide", "expected a distance"),
    ],
)
def test_a_fault_in_yaixm_names_file_feature_and_field(
    tmp_path: Path, line: str, broken: str, expected: str
) -> None:
    assert line in YAIXM
    lines = faults(tmp_path, YAIXM.replace(line, broken))
    assert lines[0].startswith("zones.json: feature ")
    assert expected in lines[0]
