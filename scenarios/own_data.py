"""A planner's own CSV files: AEDs, volunteers, volunteers per zone, and observed arrests.

Each kind of file has a schema of columns (``SCHEMAS``; printed in ``docs/own-data.md``). Every
wrong cell is listed with file, line and field; a file with one wrong row is refused, so nothing is
silently dropped. Columns that the schema does not know are reported as ignored.
"""

from __future__ import annotations

import csv
import io
import math
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


def number(low: float, high: float, unit: str) -> Parse:
    """A parser of finite numbers from ``low`` to ``high``."""

    def parse(cell: str) -> Value:
        expected = f"a number of {unit} from {low:g} to {high:g} expected"
        try:
            value = float(cell)
        except ValueError:
            raise ValueError(expected) from None
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(expected)
        return value

    return parse


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


def moment(cell: str) -> Value:
    """ISO 8601 date and time, kept as text; the time zone is applied when the file is read."""
    try:
        parsed = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError("a date and time like 2024-03-31 18:05 expected") from None
    if len(cell) <= len("2024-03-31"):
        raise ValueError("a time of day as well as a date expected, like 2024-03-31 18:05")
    return parsed.isoformat()


def day(cell: str) -> Value:
    """ISO 8601 date. Raises ``ValueError`` otherwise."""
    try:
        return date.fromisoformat(cell).isoformat()
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
        Column(f"{prefix}lat", number(-90, 90, "degrees"), f"{meaning}: latitude (with lon)"),
        Column(f"{prefix}lon", number(-180, 180, "degrees"), f"{meaning}: longitude"),
        Column(f"{prefix}easting", number(0, 700_000, "m"), f"{meaning}: British grid, instead"),
        Column(f"{prefix}northing", number(0, 1_300_000, "m"), f"{meaning}: British grid, instead"),
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
        Column("response_s", number(0, 14_400, "s"), "observed: call to ambulance at the scene"),
    ),
    places=("",),
)
RESPONSE_TIMES = Schema(
    "response_times",
    (
        Column(
            "ambulance_s",
            number(1, 86_400, "s"),
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
        Column("shift_from_hour", number(0, 24, "hours"), "local; empty: on duty all day"),
        Column("shift_to_hour", number(0, 24, "hours"), "local; may pass midnight"),
    ),
    places=("",),
)
HOSPITALS = Schema(
    "hospitals",
    (
        Column("name", text, "name of the hospital", required=True),
        *_places(),
        Column("handover_median_s", number(0, 43_200, "s"), "hand-over, median"),
        Column("handover_sigma", number(0, 3, "the log"), "its spread, sigma of the log"),
    ),
    places=("",),
)
RESPONDER_POSTS = Schema(
    "responder_posts",
    (
        Column("name", text, "name of the post, by which an option names it", required=True),
        *_places(),
        Column("shift_from_hour", number(0, 24, "hours"), "local; empty: on call all day"),
        Column("shift_to_hour", number(0, 24, "hours"), "local; may pass midnight"),
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
    header, rows = _read_rows(path)
    faults = list(_header_faults(path, schema, header))
    if faults:
        raise InputFaults(faults)
    columns: dict[str, list[Value]] = {c.name: [] for c in schema.columns if c.name in header}
    for line, row in rows:
        faults.extend(_read_row(path, schema, line, row, columns))
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


def _read_rows(path: Path) -> tuple[list[str], list[Row]]:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputFaults([Fault(str(path), "", "a CSV file expected", "no such file")]) from None
    except (UnicodeDecodeError, OSError) as error:
        raise InputFaults(
            [Fault(str(path), "", "a CSV file in UTF-8 expected", str(error))]
        ) from None
    first = content.split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(content, newline=""),
        delimiter=";" if first.count(";") > first.count(",") else ",",
    )
    lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    if not lines or not any(lines[0][1]):
        raise InputFaults(
            [Fault(str(path), "", "a header line with column names expected", "nothing")]
        )
    header = [name.lower() for name in lines[0][1]]
    body = [(line, cells) for line, cells in lines[1:] if any(cells)]
    wrong = [
        Fault(str(path), "", f"{len(header)} cells expected", str(len(cells)), line=line)
        for line, cells in body
        if len(cells) != len(header)
    ]
    if wrong:
        raise InputFaults(wrong)
    return header, [(line, dict(zip(header, cells, strict=True))) for line, cells in body]


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
    path: Path, schema: Schema, line: int, row: dict[str, str], columns: dict[str, list[Value]]
) -> Iterator[Fault]:
    for name, values in columns.items():
        column, cell = schema.column(name), row[name]
        assert column is not None
        value: Value = None
        if cell:
            try:
                value = column.parse(cell)
            except ValueError as error:
                yield Fault(str(path), name, str(error), repr(cell), line=line)
        elif column.required:
            yield Fault(
                str(path), name, f"a value expected ({column.meaning})", "nothing", line=line
            )
        values.append(value)


def _doubled(path: Path, schema: Schema, rows: list[Row]) -> Iterator[Fault]:
    keys = (c.name for c in schema.columns if c.required)
    key = next((name for name in keys if name == "name" or name.endswith("_id")), None)
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
