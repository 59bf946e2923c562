"""A planner's CSV files: every wrong cell is named, nothing is silently dropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scenarios.errors import InputFaults
from scenarios.own_data import (
    AEDS,
    ARRESTS,
    RESPONDERS,
    RESPONDERS_PER_ZONE,
    SCHEMAS,
    epoch_seconds,
    read_own_table,
)


def write(tmp_path: Path, text: str, name: str = "own.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path, schema, **options) -> list[str]:
    with pytest.raises(InputFaults) as caught:
        read_own_table(path, schema, **options)
    return [str(fault).removeprefix(str(path)) for fault in caught.value.faults]


def test_each_wrong_cell_is_listed_with_line_and_field(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "called_at,lat,lon,witnessed,response_s\n"
        "2024-01-05 10:00,51.5,-0.1,yes,480\n"
        "yesterday,51.5,-0.1,maybe,480\n"
        "2024-01-06 10:00,,-0.1,no,-5\n"
        "2024-01-07,151.5,-0.1,,nan\n",
    )
    with_time = "a time of day as well as a date expected, like 2024-03-31 18:05"
    assert faults(path, ARRESTS) == [
        ":3: called_at: a date and time like 2024-03-31 18:05 expected, found 'yesterday'",
        ":3: witnessed: yes or no expected, found 'maybe'",
        ":4: lat: a value expected, found nothing",
        ":4: response_s: a number of s from 0 to 14400 expected, found '-5'",
        f":5: called_at: {with_time}, found '2024-01-07'",
        ":5: lat: a number of degrees from -90 to 90 expected, found '151.5'",
        ":5: response_s: a number of s from 0 to 14400 expected, found 'nan'",
    ]


def test_a_missing_place_is_a_fault_of_that_line(tmp_path: Path) -> None:
    path = write(tmp_path, "called_at,lat,lon\n2024-01-06 10:00,,-0.1\n")
    assert faults(path, ARRESTS) == [":2: lat: a value expected, found nothing"]


def test_columns_that_are_missing_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "id,hours\n1,24/7\n")
    assert [line.split(":")[2].strip() for line in faults(path, AEDS)] == ["aed_id", "lat"]


def test_unknown_columns_are_reported_not_swallowed(tmp_path: Path) -> None:
    path = write(tmp_path, "aed_id,lat,lon,colour\nA1,51.5,-0.1,green\n")
    assert read_own_table(path, AEDS).ignored == ("colour",)


def test_identifiers_stand_once(tmp_path: Path) -> None:
    path = write(tmp_path, "zone_id,responders\nE01,3\nE02,1\nE01,2\n")
    expected = [":4: zone_id: each identifier once expected, found 'E01' as in line 2"]
    assert faults(path, RESPONDERS_PER_ZONE) == expected


def test_semicolons_quotes_and_line_numbers(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '\ufeffaed_id;lat;lon;opening_hours\nA;51.5;-0.1;"Mo-Fr 08:00-18:00;\nSa 09:00-12:00"\n'
        "B;north;-0.1;\n",
    )
    assert faults(path, AEDS) == [
        ":4: lat: a number of degrees from -90 to 90 expected, found 'north'"
    ]


def test_a_row_of_the_wrong_width_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "aed_id,lat,lon\nA,51.5\n")
    assert faults(path, AEDS) == [":2: 3 cells expected, found 2"]


@pytest.mark.parametrize("content", ["", "\n", "   \n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    assert "header line" in faults(write(tmp_path, content), AEDS)[0]


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in faults(tmp_path / "none.csv", AEDS)[0]
    path = tmp_path / "zip.csv"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    assert "UTF-8" in faults(path, AEDS)[0]


def test_the_national_grid_becomes_wgs84(tmp_path: Path) -> None:
    """Trafalgar Square, TQ 30000 80400, lies at 51.5080 N, 0.1281 W."""
    path = write(tmp_path, "aed_id,easting,northing\nA,530000,180400\n")
    table = read_own_table(path, AEDS)
    assert table.lat[""][0] == pytest.approx(51.5077, abs=6e-4)
    assert table.lon[""][0] == pytest.approx(-0.1281, abs=6e-4)


def test_osgb36_degrees_are_moved_when_the_planner_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, "aed_id,lat,lon\nA,51.5,-0.1\n")
    stated = read_own_table(path, AEDS, crs="osgb36")
    moved_m = np.hypot(
        (stated.lat[""][0] - 51.5) * 111_200, (stated.lon[""][0] + 0.1) * 111_200 * 0.6225
    )
    assert 100 < moved_m < 150
    assert "columns that fit crs 'bng'" in faults(path, AEDS, crs="bng")[0]
    assert "one of wgs84, bng, osgb36" in faults(path, AEDS, crs="utm")[0]


def test_postcodes_need_their_file_and_are_matched_without_blanks(tmp_path: Path) -> None:
    known = write(tmp_path, "Postcode,lat,lon\nSW1A 1AA,51.501,-0.1416\n", "postcodes.csv")
    path = write(tmp_path, "responder_id,postcode\n1,sw1a1aa\n")
    assert read_own_table(path, RESPONDERS, postcode_file=known).lat[""][0] == 51.501
    assert "postcode file is needed" in faults(path, RESPONDERS)[0]
    unknown = write(tmp_path, "responder_id,postcode\n1,ZZ9 9ZZ\n", "unknown.csv")
    assert faults(unknown, RESPONDERS, postcode_file=known) == [
        ":2: postcode: a postcode of postcodes.csv expected, found 'ZZ9 9ZZ'"
    ]


def test_local_times_know_the_clock_changes() -> None:
    summer, winter, stated = epoch_seconds(
        ["2024-07-01 12:00", "2024-01-01 12:00", "2024-01-01T12:00+02:00"], "Europe/London"
    )
    assert summer % 86_400 == 11 * 3_600
    assert winter % 86_400 == 12 * 3_600
    assert stated % 86_400 == 10 * 3_600


def test_the_page_about_own_data_names_every_column_of_every_file() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "own-data.md").read_text()
    for schema in SCHEMAS.values():
        section = page.split(f"### {schema.kind}\n")[1].split("\n###")[0]
        for column in schema.columns:
            assert f"| `{column.name}` | {'yes' if column.required else ''} |" in section


def test_a_european_export_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "called_at;lat;lon;response_s\n31.03.2024 18:05;51,5;-0,125;480,5\n"
        "1.4.2024 9:05:30;51.5;-0.1;\n",
    )
    table = read_own_table(path, ARRESTS)
    assert table.columns["called_at"] == ["2024-03-31T18:05:00", "2024-04-01T09:05:30"]
    assert table.lon[""].tolist() == [-0.125, -0.1]
    assert table.columns["response_s"] == [480.5, None]
    path = write(tmp_path, "responder_id;lat;lon;verified_until\na;51,5;-0,1;31.12.2026\n")
    assert read_own_table(path, RESPONDERS).columns["verified_until"] == ["2026-12-31"]


def test_decimal_commas_between_commas_are_refused_with_a_hint(tmp_path: Path) -> None:
    hint = "(decimal commas are read where semicolons separate the columns)"
    quoted = write(tmp_path, 'aed_id,lat,lon\nA,"51,5",-0.1\n')
    assert faults(quoted, AEDS)[0].endswith(f"found '51,5' {hint}")
    bare = write(tmp_path, "aed_id,lat,lon\nA,51,5,-0,1\n")
    assert faults(bare, AEDS) == [f":2: 3 cells expected, found 5 {hint}"]


def test_a_date_that_is_none_stays_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "called_at,lat,lon\n31.02.2024 18:05,51.5,-0.1\n")
    assert "a date and time like" in faults(path, ARRESTS)[0]


def test_many_faults_alike_are_told_by_a_few_lines(tmp_path: Path) -> None:
    rows = "".join(f"a{i},north,-0.1\n" for i in range(81))
    with pytest.raises(InputFaults) as caught:
        read_own_table(write(tmp_path, f"aed_id,lat,lon\n{rows}"), AEDS)
    lines = str(caught.value).splitlines()
    assert len(caught.value.faults) == 81
    assert len(lines) == 6
    assert "lat: … and 76 more like this" in lines[-1]


def test_a_spreadsheet_and_another_encoding_are_told_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(b"PK\x03\x04\x14\x00")
    expected = "a CSV file in UTF-8 expected, found"
    assert faults(path, AEDS) == [f": {expected} a spreadsheet (save it as CSV UTF-8)"]
    path.write_bytes("aed_id,lat,lon\na,51,0\nCafé,51,0\n".encode("latin-1"))
    assert faults(path, AEDS) == [
        f":3: {expected} a letter that is not UTF-8 (save it as CSV UTF-8)"
    ]


def test_the_same_arrest_twice_is_refused(tmp_path: Path) -> None:
    row = "2024-01-05 10:00,51.5,-0.1\n"
    path = write(tmp_path, f"called_at,lat,lon\n{row}2024-01-05 10:01,51.5,-0.1\n{row}")
    (line,) = faults(path, ARRESTS)
    assert line.startswith(":4: each arrest once expected, found line 4, the same as line 2")


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))
def test_a_header_alone_is_refused(tmp_path: Path, schema) -> None:
    path = write(tmp_path, ",".join(column.name for column in schema.columns) + "\n")
    assert faults(path, schema) == [": at least one row expected, found only the header"]
