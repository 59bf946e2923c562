"""A planner's own CSV files: AEDs, volunteers, volunteers per zone, and observed arrests.

Each kind of file has a schema of columns (``SCHEMAS``; printed in ``docs/own-data.md``). Every
wrong cell is listed with file, line and field; a file with one wrong row is refused, so nothing is
silently dropped. Columns that the schema does not know are reported as ignored.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from geo.hours import HoursKind, hours_kind
from scenarios.coordinates import BRITISH_GRID, WGS84, postcode_key, postcodes, system, to_wgs84
from scenarios.errors import Fault, InputFaults

Floats = NDArray[np.float64]
Value = str | float | int | bool | None
Parse = Callable[[str], Value]

YES = {"yes", "y", "true", "1"}
NO = {"no", "n", "false", "0"}


def text(cell: str) -> Value:
    """The cell as it stands."""
    return cell


def yes_no(cell: str) -> Value:
    """``yes`` or ``no``. Raises ``ValueError`` otherwise."""
    if cell.lower() in YES | NO:
        return cell.lower() in YES
    raise ValueError("yes or no expected")


@dataclass(frozen=True, slots=True)
class Number:
    """A parser of finite numbers from ``low`` to ``high``, in ``unit``."""

    low: float
    high: float
    unit: str

    def __call__(self, cell: str) -> Value:
        """The number. Raises ``ValueError`` where it is none, or out of range."""
        expected = f"a number of {self.unit} from {self.low:g} to {self.high:g} expected"
        try:
            value = float(cell)
        except ValueError:
            raise ValueError(expected) from None
        if not (math.isfinite(value) and self.low <= value <= self.high):
            raise ValueError(expected)
        return value


def count(cell: str) -> Value:
    """A whole number, 0 or more. Raises ``ValueError`` otherwise."""
    if not cell.isdigit():
        raise ValueError("a whole number, 0 or more, expected")
    return int(cell)


def one_of(*choices: str) -> Parse:
    """A parser of one of a few words."""

    def parse(cell: str) -> Value:
        if cell.lower() not in choices:
            raise ValueError(f"one of {', '.join(choices)} expected")
        return cell.lower()

    return parse


def _with_dots(cell: str) -> str:
    """31.03.2024 as 2024-03-31: the day comes first wherever dots are written."""
    return re.sub(r"^(\d{1,2})\.(\d{1,2})\.(\d{4}),?(?=\s|$)", _year_first, cell)


def _year_first(found: re.Match[str]) -> str:
    day_, month, year = found.groups()
    return f"{year}-{int(month):02d}-{int(day_):02d}"


def moment(cell: str) -> Value:
    """Date and time, ISO 8601 or 31.03.2024 18:05; the zone is applied when the file is read.

    Raises ``ValueError`` otherwise.
    """
    cell = re.sub(r"\s+", " ", _with_dots(cell))
    cell = re.sub(r"(?<= )(\d):", r"0\1:", cell)  # 9:05, as spreadsheets write it
    try:
        parsed = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError("a date and time like 2024-03-31 18:05 expected") from None
    if len(cell) <= len("2024-03-31"):
        raise ValueError("a time of day as well as a date expected, like 2024-03-31 18:05")
    return parsed.isoformat()


def day(cell: str) -> Value:
    """ISO 8601 date, or 31.12.2026. Raises ``ValueError`` otherwise."""
    try:
        return date.fromisoformat(_with_dots(cell)).isoformat()
    except ValueError:
        raise ValueError("a date like 2026-12-31 expected") from None


def duty_hours(cell: str) -> Value:
    """OSM opening hours. Raises ``ValueError`` where they cannot be read or are never open."""
    if hours_kind(cell) is not HoursKind.KNOWN:
        raise ValueError("hours like Mo-Fr 18:00-23:00 expected")
    return cell


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a schema: how a cell is read and what it means."""

    name: str
    parse: Parse
    meaning: str
    required: bool = False


def _places(prefix: str = "", meaning: str = "place") -> tuple[Column, ...]:
    return (
        Column(f"{prefix}lat", Number(-90, 90, "degrees"), f"{meaning}: latitude (with lon)"),
        Column(f"{prefix}lon", Number(-180, 180, "degrees"), f"{meaning}: longitude"),
        Column(f"{prefix}easting", Number(0, 700_000, "m"), f"{meaning}: British grid, instead"),
        Column(f"{prefix}northing", Number(0, 1_300_000, "m"), f"{meaning}: British grid, instead"),
        Column(f"{prefix}postcode", text, f"{meaning}: postcode, instead (needs a postcode file)"),
    )


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of one kind of file. ``places``: prefixes of the places that a row carries."""

    kind: str
    columns: tuple[Column, ...]
    places: tuple[str, ...] = ()
    optional_places: tuple[str, ...] = ()

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


AEDS = Schema(
    "aeds",
    (
        Column("aed_id", text, "your own identifier", required=True),
        *_places(),
        Column("opening_hours", text, "OSM syntax, e.g. Mo-Fr 08:00-18:00 or 24/7; empty: unknown"),
        Column(
            "access", one_of("yes", "permissive", "customers", "private", "no"), "who may take it"
        ),
        Column("indoor", yes_no, "inside a building"),
        Column("locked", yes_no, "in a locked cabinet"),
    ),
    places=("",),
)
RESPONDERS = Schema(
    "responders",
    (
        Column("responder_id", text, "your own identifier (no name)", required=True),
        *_places(meaning="home"),
        *_places("work_", "work"),
        Column("mode", one_of("foot", "bicycle", "car"), "how they would come; empty: on foot"),
        Column("verified_until", day, "training verified and in date until this day"),
        Column("on_duty_hours", duty_hours, "OSM syntax, e.g. Mo-Fr 18:00-23:00; empty: always"),
        Column("max_alerts_per_month", count, "cap that they chose"),
    ),
    places=("",),
    optional_places=("work_",),
)
RESPONDERS_PER_ZONE = Schema(
    "responders_per_zone",
    (
        Column("zone_id", text, "identifier of the zone, as in the zones file", required=True),
        Column("responders", count, "volunteers who live there", required=True),
    ),
)
ARRESTS = Schema(
    "arrests",
    (
        Column("called_at", moment, "call time; local unless it carries an offset", required=True),
        *_places(),
        Column("place", one_of("home", "public"), "where it was"),
        Column("witnessed", yes_no, "seen or heard by somebody"),
        Column("bystander_cpr", yes_no, "CPR before any responder"),
        Column("response_s", Number(0, 14_400, "s"), "observed: call to ambulance at the scene"),
    ),
    places=("",),
)
RESPONSE_TIMES = Schema(
    "response_times",
    (
        Column(
            "ambulance_s",
            Number(1, 86_400, "s"),
            "observed: call to ambulance at the scene",
            required=True,
        ),
    ),
)
STATIONS = Schema(
    "stations",
    (
        Column("name", text, "name of the station", required=True),
        *_places(),
        Column("ambulances", count, "crews with an ambulance; empty: 1"),
        Column("co_responders", count, "first responders with an AED, arrests only; empty: 0"),
        Column("shift_from_hour", Number(0, 24, "hours"), "local; empty: on duty all day"),
        Column("shift_to_hour", Number(0, 24, "hours"), "local; may pass midnight"),
    ),
    places=("",),
)
HOSPITALS = Schema(
    "hospitals",
    (
        Column("name", text, "name of the hospital", required=True),
        *_places(),
        Column("handover_median_s", Number(0, 43_200, "s"), "hand-over, median"),
        Column("handover_sigma", Number(0, 3, "the log"), "its spread, sigma of the log"),
    ),
    places=("",),
)
RESPONDER_POSTS = Schema(
    "responder_posts",
    (
        Column("name", text, "name of the post, by which an option names it", required=True),
        *_places(),
        Column("shift_from_hour", Number(0, 24, "hours"), "local; empty: on call all day"),
        Column("shift_to_hour", Number(0, 24, "hours"), "local; may pass midnight"),
    ),
    places=("",),
)
DRONE_BASES = Schema(
    "drone_bases",
    (
        Column("base_id", text, "by which an option names it", required=True),
        *_places(),
        Column("name", text, "name for people"),
        Column("drones", count, "how many stand there; empty: 1"),
        Column("aircraft", text, "a type of geo/aircraft.toml; empty: m300"),
        Column("spare_batteries", count, "sets besides those in the drones; empty: 1"),
    ),
    places=("",),
)
AREA_LOOKUP = Schema(
    "area_lookup",
    (
        Column("zone_id", text, "identifier of the zone, as in the zones file", required=True),
        Column("name", text, "name for people, instead of that of the zones file"),
        Column("place", text, "town, district or council"),
        Column("care_system", text, "integrated care system or health board"),
        Column("ambulance_service", text, "ambulance service"),
    ),
)
SCHEMAS = {
    schema.kind: schema
    for schema in (
        AEDS,
        RESPONDERS,
        RESPONDERS_PER_ZONE,
        ARRESTS,
        RESPONSE_TIMES,
        STATIONS,
        HOSPITALS,
        RESPONDER_POSTS,
        DRONE_BASES,
        AREA_LOOKUP,
    )
}


@dataclass(frozen=True, slots=True)
class OwnTable:
    """A file that was read whole. ``columns[name][i]`` is row i; None where the cell was empty.

    ``lat[prefix]``, ``lon[prefix]``: WGS84 degrees, NaN where a row has no such place.
    ``ignored``: columns of the file that the schema does not know. ``lines[i]``: 1-based line of
    row i in the file.
    """

    path: Path
    columns: dict[str, list[Value]]
    lat: dict[str, Floats] = field(default_factory=dict)
    lon: dict[str, Floats] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def column(self, name: str) -> list[Value]:
        """The cells of one column, row by row; all None where the file does not have it."""
        return list(self.columns.get(name, [None] * len(self)))

    def where(self, kept: NDArray[np.bool_]) -> OwnTable:
        """The rows for which ``kept`` [n] is true."""
        rows = np.flatnonzero(kept)
        return OwnTable(
            self.path,
            {name: [cells[row] for row in rows] for name, cells in self.columns.items()},
            {prefix: values[kept] for prefix, values in self.lat.items()},
            {prefix: values[kept] for prefix, values in self.lon.items()},
            self.ignored,
            tuple(self.lines[row] for row in rows),
        )


def read_own_table(
    path: Path, schema: Schema, *, crs: str | None = None, postcode_file: Path | None = None
) -> OwnTable:
    """Read a planner's CSV file. Raises ``InputFaults`` with every wrong cell.

    ``crs``: ``wgs84``, ``bng`` or ``osgb36`` (for lat, lon columns that are not WGS84).
    """
    header, rows, comma = _read_rows(path)
    faults = list(_header_faults(path, schema, header))
    if faults:
        raise InputFaults(faults)
    columns: dict[str, list[Value]] = {c.name: [] for c in schema.columns if c.name in header}
    if not rows:
        raise InputFaults([Fault(str(path), "", "at least one row expected", "only the header")])
    for line, row in rows:
        faults.extend(_read_row(path, schema, line, row, columns, comma))
    table = OwnTable(
        path,
        columns,
        ignored=tuple(h for h in header if h not in columns),
        lines=tuple(line for line, _ in rows),
    )
    faults.extend(_gaps(path, schema, header, rows))
    if not faults:
        faults.extend(_locate(table, schema, rows, crs, postcode_file))
    faults.extend(_doubled(path, schema, rows))
    if faults:
        raise InputFaults(sorted(faults, key=lambda fault: (fault.line or 0, fault.field)))
    return table


def epoch_seconds(moments: list[Value], timezone: str) -> Floats:
    """UTC epoch seconds of texts from ``moment``; local to ``timezone`` without an offset."""
    zone = ZoneInfo(timezone)
    parsed = (datetime.fromisoformat(str(text)) for text in moments)
    aware = (m if m.tzinfo else m.replace(tzinfo=zone) for m in parsed)
    return np.array([m.astimezone(UTC).timestamp() for m in aware], float)


Row = tuple[int, dict[str, str]]
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+")
_DECIMAL_COMMA = "decimal commas are read where semicolons separate the columns"


def _read_text(path: Path) -> str:
    """The text of a file; a spreadsheet and other encodings are told from it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputFaults([Fault(str(path), "", "a CSV file expected", "no such file")]) from None
    except OSError as error:
        found = "a folder" if isinstance(error, IsADirectoryError) else error.strerror or "an error"
        raise InputFaults([Fault(str(path), "", "a CSV file expected", found)]) from None
    expected, hint = "a CSV file in UTF-8 expected", "save it as CSV UTF-8"
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputFaults([Fault(str(path), "", expected, "a spreadsheet", hint=hint)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = "a letter that is not UTF-8"
        raise InputFaults([Fault(str(path), "", expected, found, line, hint)]) from None


def _read_rows(path: Path) -> tuple[list[str], list[Row], bool]:
    """Names of the columns, the rows, and whether numbers may have a decimal comma."""
    content = _read_text(path)
    first = content.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    if not lines or not any(lines[0][1]):
        raise InputFaults(
            [Fault(str(path), "", "a header line with column names expected", "nothing")]
        )
    header = [name.lower() for name in lines[0][1]]
    body = [(line, cells) for line, cells in lines[1:] if any(cells)]
    wrong = [
        Fault(
            str(path),
            "",
            f"{len(header)} cells expected",
            str(len(cells)),
            line=line,
            hint=_DECIMAL_COMMA if delimiter == "," and len(cells) > len(header) else "",
        )
        for line, cells in body
        if len(cells) != len(header)
    ]
    if wrong:
        raise InputFaults(wrong)
    rows = [(line, dict(zip(header, cells, strict=True))) for line, cells in body]
    return header, rows, delimiter == ";"


def _header_faults(path: Path, schema: Schema, header: list[str]) -> Iterator[Fault]:
    for name in sorted({h for h in header if header.count(h) > 1}):
        yield Fault(str(path), name, "one column of this name expected", "two", line=1)
    for column in schema.columns:
        if column.required and column.name not in header:
            yield Fault(str(path), column.name, f"this column expected ({column.meaning})", line=1)
    for prefix in schema.places:
        if _form(prefix, header) is None:
            p = prefix
            names = f"{p}lat and {p}lon, {p}easting and {p}northing, or {p}postcode"
            yield Fault(str(path), f"{prefix}lat", f"columns {names} expected", line=1)


def _form(prefix: str, header: list[str]) -> tuple[str, ...] | None:
    forms = (("lat", "lon"), ("easting", "northing"), ("postcode",))
    named = (tuple(prefix + name for name in form) for form in forms)
    return next((form for form in named if all(name in header for name in form)), None)


def _read_row(
    path: Path,
    schema: Schema,
    line: int,
    row: dict[str, str],
    columns: dict[str, list[Value]],
    comma: bool,
) -> Iterator[Fault]:
    for name, values in columns.items():
        column, cell = schema.column(name), row[name]
        assert column is not None
        value: Value = None
        if cell:
            decimal = isinstance(column.parse, Number) and _COMMA_NUMBER.fullmatch(cell)
            try:
                value = column.parse(cell.replace(",", ".") if decimal and comma else cell)
            except ValueError as error:
                hint = _DECIMAL_COMMA if decimal and not comma else ""
                yield Fault(str(path), name, str(error), repr(cell), line=line, hint=hint)
        elif column.required:
            yield Fault(
                str(path), name, f"a value expected ({column.meaning})", "nothing", line=line
            )
        values.append(value)


def _doubled(path: Path, schema: Schema, rows: list[Row]) -> Iterator[Fault]:
    keys = (c.name for c in schema.columns if c.required)
    key = next((name for name in keys if name == "name" or name.endswith("_id")), None)
    if schema is ARRESTS:
        yield from _same_rows(path, rows)
    if key is None:
        return
    seen: dict[str, int] = {}
    for line, row in rows:
        first = seen.setdefault(row[key], line)
        if first != line and row[key]:
            yield Fault(
                str(path),
                key,
                "each identifier once expected",
                f"{row[key]!r} as in line {first}",
                line=line,
            )


def _same_rows(path: Path, rows: list[Row]) -> Iterator[Fault]:
    """Rows in which every cell is that of an earlier row: one arrest would count twice."""
    seen: dict[tuple[str, ...], int] = {}
    for line, row in rows:
        first = seen.setdefault(tuple(row.values()), line)
        if first != line:
            yield Fault(
                str(path),
                "",
                "each arrest once expected",
                f"line {line}, the same as line {first}",
                line=line,
                hint="delete it; of two arrests at once change the minute of one",
            )


def _gaps(path: Path, schema: Schema, header: list[str], rows: list[Row]) -> Iterator[Fault]:
    """Places that a row should carry and does not, or carries only half."""
    for prefix in (*schema.places, *schema.optional_places):
        form = _form(prefix, header) or ()
        for line, row in rows:
            if prefix in schema.places or any(row[name] for name in form):
                for name in (name for name in form if not row[name]):
                    yield Fault(str(path), name, "a value expected", "nothing", line=line)


def _locate(
    table: OwnTable, schema: Schema, rows: list[Row], crs: str | None, postcode_file: Path | None
) -> Iterator[Fault]:
    for prefix in (*schema.places, *schema.optional_places):
        form = _form(prefix, list(table.columns))
        if form is None:
            continue
        if len(form) == 1:
            yield from _locate_postcodes(table, prefix, form[0], rows, postcode_file)
        else:
            yield from _locate_coordinates(table, prefix, form, rows, crs)


def _locate_coordinates(
    table: OwnTable, prefix: str, form: tuple[str, ...], rows: list[Row], crs: str | None
) -> Iterator[Fault]:
    first, second = (
        np.array([np.nan if v is None else float(v) for v in table.columns[name]], float)
        for name in form
    )
    code = BRITISH_GRID if form[0].endswith("easting") else WGS84
    if crs is not None:
        try:
            stated = system(crs)
        except ValueError as error:
            yield Fault(str(table.path), "crs", str(error))
            return
        if (stated == BRITISH_GRID) != (code == BRITISH_GRID):
            yield Fault(
                str(table.path),
                form[0],
                f"columns that fit crs {crs!r} expected",
                " and ".join(form),
            )
            return
        code = stated
    table.lat[prefix], table.lon[prefix] = to_wgs84(first, second, code)
    for (line, _), lat in zip(rows, table.lat[prefix].tolist(), strict=True):
        if math.isinf(lat):
            yield Fault(
                str(table.path), form[0], "a place inside the British grid expected", line=line
            )


def _locate_postcodes(
    table: OwnTable, prefix: str, name: str, rows: list[Row], postcode_file: Path | None
) -> Iterator[Fault]:
    if postcode_file is None:
        yield Fault(
            str(table.path),
            name,
            "a postcode file is needed to place postcodes",
            hint="set postcodes",
        )
        return
    known = postcodes(postcode_file)
    found = []
    for (line, row), _ in zip(rows, table.columns[name], strict=True):
        place = known.get(postcode_key(row[name]), (math.nan, math.nan))
        if row[name] and math.isnan(place[0]):
            expected = f"a postcode of {postcode_file.name} expected"
            yield Fault(str(table.path), name, expected, repr(row[name]), line=line)
        found.append(place)
    places = np.array(found, float).reshape(-1, 2)
    table.lat[prefix], table.lon[prefix] = places[:, 0], places[:, 1]
