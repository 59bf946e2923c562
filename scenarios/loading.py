"""Reading a scenario file: TOML -> checked `Scenario`, every fault listed at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from scenarios.errors import Fault, InputFaults
from scenarios.nation_files import nation_names, with_nation
from scenarios.schema import Scenario
from scenarios.variants import option_errors

_LARGEST_SCENARIO_BYTES = 1_000_000
_UNIT_SUFFIXES = {
    "km": ("m", "metres: multiply by 1,000"),
    "miles": ("m", "metres: multiply by 1,609"),
    "min": ("s", "seconds: multiply by 60"),
    "minutes": ("s", "seconds: multiply by 60"),
    "h": ("s", "seconds: multiply by 3,600"),
    "kmh": ("mps", "metres per second: divide by 3.6"),
    "mph": ("mps", "metres per second: divide by 2.237"),
    "percent": ("share", "a share from 0 to 1: divide by 100"),
    "pct": ("share", "a share from 0 to 1: divide by 100"),
}


def load_scenario(path: Path) -> Scenario:
    """Read and check one scenario file.

    Raises:
        InputFaults: the file is missing, no TOML, or says something that the schema refuses.
    """
    text = read_text(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputFaults([_toml_fault(path, str(error), text)]) from error
    return check_scenario(data, file=str(path), text=text)


def check_scenario(data: Mapping[str, Any], *, file: str, text: str = "") -> Scenario:
    """Check what a scenario file holds; `file` and `text` only serve the messages.

    Raises:
        InputFaults: with one fault per wrong key, in the order of the file.
    """
    data, sources = _over_nation(data)
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        lines = _key_lines(text)
        details = _without_echoes(error.errors(include_url=False))
        faults = [_to_fault(detail, file, lines) for detail in details]
        raise InputFaults(sorted(faults, key=lambda fault: fault.line or 0)) from error
    faults = list(_option_faults(scenario, file, text))
    if faults:
        raise InputFaults(faults)
    scenario.found_in(Path(file))
    scenario.from_nation(sources)
    return scenario


def _option_faults(scenario: Scenario, file: str, text: str) -> Iterator[Fault]:
    """What the tables of the options say wrong, each with the option's name."""
    places = _option_lines(text)
    for number, table, error in option_errors(scenario):
        lines = places[number] if number < len(places) else {}
        option = f"options[{number}] {scenario.options[number].name!r}"
        details = _without_echoes(error.errors(include_url=False))
        for detail in details:
            inner = {**detail, "loc": (table, *detail["loc"])}
            fault = _to_fault(inner, file, lines)  # type: ignore[arg-type]
            field = f"{option}: {fault.field}"
            yield Fault(file, field, fault.expected, fault.found, fault.line, fault.hint)


def _option_lines(text: str) -> list[dict[str, int]]:
    """For each ``[[options]]`` of a text the lines of its keys, named without ``options.``"""
    rows = text.splitlines()
    heads = [i for i, row in enumerate(rows) if re.match(r"\s*\[\[\s*options\s*\]\]", row)]
    found = []
    for head, end in pairwise([*heads, len(rows)]):
        lines = _key_lines("\n".join(rows[head:end]))
        found.append({name.removeprefix("options."): head + line for name, line in lines.items()})
    return found


def _over_nation(data: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, str]]:
    """The scenario over the figures of its nation; a wrong ``[defaults]`` is told by the schema."""
    stated = data.get("defaults")
    nation = stated.get("nation") if isinstance(stated, Mapping) else None
    if nation not in nation_names():
        return data, {}
    return with_nation(data, nation)


def read_text(path: Path) -> str:
    """The text of a small UTF-8 file.

    Raises:
        InputFaults: the file is missing, a folder, unreadable, too large or not UTF-8.
    """
    expected = "a readable text file"
    try:
        if path.is_file() and path.stat().st_size > _LARGEST_SCENARIO_BYTES:
            size_mb = path.stat().st_size / 1e6
            raise InputFaults([Fault(str(path), "", "a scenario file", f"{size_mb:.0f} MB")])
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputFaults([Fault(str(path), "", expected, "no such file")]) from error
    except IsADirectoryError as error:
        raise InputFaults([Fault(str(path), "", expected, "a folder")]) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        found, hint = "a letter that is not UTF-8", "save it as UTF-8"
        raise InputFaults([Fault(str(path), "", expected, found, line, hint)]) from error
    except OSError as error:
        raise InputFaults([Fault(str(path), "", expected, error.strerror or "an error")]) from error


def _toml_fault(path: Path, message: str, text: str) -> Fault:
    found = re.search(r"at line (\d+)", message)
    line = int(found.group(1)) if found else None
    row = "" if line is None else [*text.splitlines(), ""][min(line - 1, text.count("\n"))]
    told = re.sub(r"\s*\(at .*\)$", "", message)
    return Fault(str(path), "", "TOML", told, line, _toml_hint(row))


def _toml_hint(row: str) -> str:
    """What people write who do not know TOML, and what to write instead."""
    if number := re.search(r"=\s*([+-]?\d+),(\d+)\s*(?:#.*)?$", row):
        return f"numbers have a decimal point: {number.group(1)}.{number.group(2)}"
    if re.search(r'"[^"]*\\[^"]*"', row):
        return "write folders of a path with / or put the path in single quotes"
    return ""


# --- pydantic's errors in the planner's words -----------------------------------------------


def _without_echoes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """A list with a wrong item is not told again as too short."""
    places = [detail["loc"] for detail in details]

    def is_echo(detail: ErrorDetails) -> bool:
        place = detail["loc"]
        inner = (other for other in places if len(other) > len(place))
        return detail["type"] == "too_short" and any(o[: len(place)] == place for o in inner)

    return [detail for detail in details if not is_echo(detail)]


def _to_fault(detail: ErrorDetails, file: str, lines: Mapping[str, int]) -> Fault:
    place = _without_union_tags(detail["loc"])
    kind = detail["type"]
    if kind == "value_error":
        field, expected, found = _own_check(detail, place)
        return Fault(file, field, expected, found, _line_of(field, lines))
    field = _dotted(place)
    line = _line_of(field, lines)
    if kind == "extra_forbidden":
        hint = _key_hint(place, detail["input"])
        return Fault(file, field, "a known key", "this one", line, hint)
    if kind == "missing":
        return Fault(file, field, _expected_of(place), "nothing", line)
    expected = _expectation(detail, place)
    return Fault(file, field, expected, _shown(detail["input"]), line, _value_hint(detail, place))


def _own_check(detail: ErrorDetails, place: tuple[str | int, ...]) -> tuple[str, str, str]:
    """Our own validators raise ``field|expected|found``."""
    message = str(detail["ctx"]["error"]) if "ctx" in detail else detail["msg"]
    field, expected, found = message.split("|", 2)
    return _dotted((*place, field) if field else place), expected, found


def _without_union_tags(place: tuple[str | int, ...]) -> tuple[str | int, ...]:
    known = {"function-after", "function-before", "tuple", "nullable"}
    return tuple(part for part in place if not (isinstance(part, str) and part in known))


def _dotted(place: tuple[str | int, ...]) -> str:
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _expectation(detail: ErrorDetails, place: tuple[str | int, ...]) -> str:
    kind, limits = detail["type"], detail.get("ctx", {})
    simple = {
        "greater_than": "more than {gt:g}",
        "greater_than_equal": "at least {ge:g}",
        "less_than": "less than {lt:g}",
        "less_than_equal": "at most {le:g}",
        "finite_number": "a finite number",
        "literal_error": "one of {expected}",
        "string_too_short": "some text",
        "too_short": "a list of at least {min_length}",
        "too_long": "a list of at most {max_length}",
    }
    if kind in simple:
        return simple[kind].format(**limits)
    return _expected_of(place) or detail["msg"].removeprefix("Input should be ")


def _expected_of(place: tuple[str | int, ...]) -> str:
    annotation = _annotation_at(place)
    if annotation is None:
        return ""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        keys = ", ".join(annotation.model_fields)
        name = _dotted(place)
        is_table = len(place) == 1
        return f"a table [{name}] with {keys}" if is_table else f"a table with {keys}"
    return _type_in_words(annotation)


def _type_in_words(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        kept = [arm for arm in get_args(annotation) if arm is not type(None)]
        return _type_in_words(kept[0])
    if origin is tuple:
        return "a list"
    if origin is not None and hasattr(annotation, "__metadata__"):
        return _type_in_words(get_args(annotation)[0])
    words = {
        "str": "text in quotes",
        "float": "a number",
        "int": "a whole number",
        "bool": "true or false",
        "date": "a date such as 2025-01-01",
    }
    return words.get(getattr(annotation, "__name__", ""), "another kind of value")


def _value_hint(detail: ErrorDetails, place: tuple[str | int, ...]) -> str:
    value = detail["input"]
    last = next((part for part in reversed(place) if isinstance(part, str)), "")
    if detail["type"] == "less_than_equal" and isinstance(value, int | float):
        if "share" in last and 1 < value <= 100:
            return f"a share, not per cent: {value / 100:g}?"
        if last.endswith("_mps"):
            return f"in metres per second: {value:g} km/h is {value / 3.6:.3g}"
        if last.endswith("_s"):
            return "in seconds"
    if detail["type"] == "greater_than_equal" and last.endswith("_s") and value > 0:
        return f"in seconds: {value:g} minutes is {60 * value:g}"
    if detail["type"] == "literal_error" and isinstance(value, str):
        near = get_close_matches(value, re.findall(r"'([^']*)'", detail["ctx"]["expected"]), 1)
        return f"did you mean {near[0]!r}?" if near else ""
    return ""


def _key_hint(place: tuple[str | int, ...], value: Any) -> str:
    """The nearest known key; another unit of a known key is named with its conversion."""
    table = _model_at(place[:-1])
    key = str(place[-1])
    if table is None:
        return ""
    known = list(table.model_fields)
    stem, _, unit = key.rpartition("_")
    if unit in _UNIT_SUFFIXES:
        ours, how = _UNIT_SUFFIXES[unit]
        if f"{stem}_{ours}" in known:
            return f"write {stem}_{ours}, in {how}"
    home = _home_of(key)
    if home:
        return f"it belongs into [{home}]"
    near = get_close_matches(key, known, 1, 0.6)
    if near:
        return f"did you mean {near[0]}?"
    if isinstance(value, Mapping):
        return f"tables are {', '.join(known)}"
    return f"known here: {', '.join(known)}"


def _home_of(key: str) -> str:
    for name, field in Scenario.model_fields.items():
        table = field.annotation
        if isinstance(table, type) and issubclass(table, BaseModel) and key in table.model_fields:
            return name
    return ""


def _annotation_at(place: tuple[str | int, ...]) -> Any:
    annotation: Any = Scenario
    for part in place:
        if isinstance(part, int):
            annotation = next((arm for arm in get_args(annotation) if arm is not Ellipsis), None)
            continue
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return None
        field = annotation.model_fields.get(part)
        if field is None:
            return None
        annotation = field.annotation
    return annotation


def _model_at(place: tuple[str | int, ...]) -> type[BaseModel] | None:
    annotation = _annotation_at(place)
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_model else None


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# --- where a key stands in the file ----------------------------------------------------------


def line_in(file: Path, field: str, value: str) -> int | None:
    """Line (1-based) of a field of a scenario file; None where its table does not hold the value.

    A flag may have set another value over the file: that one has no line.
    """
    if not file.is_file():
        return None
    text = read_text(file)
    if not re.search(rf"""["']{re.escape(value)}["']""", text):
        return None
    return _line_of(field, _key_lines(text))


def _key_lines(text: str) -> dict[str, int]:
    """Line (1-based) of each table header and plain key, by dotted name.

    Rows of arrays of tables also by number: ``options[1].name``.
    """
    lines: dict[str, int] = {}
    table, item = "", ""  # item: the row of an array of tables, "options[1]"
    rows: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[+)\s*([\w.\-]+)\s*\]+", line):
            table, item = header.group(2), ""
            lines.setdefault(table, number)
            if len(header.group(1)) > 1:
                item = f"{table}[{rows.get(table, 0)}]"
                rows[table] = rows.get(table, 0) + 1
                lines[item] = number
        elif key := re.match(r"\s*([\w.\-]+)\s*=", line):
            lines.setdefault(f"{table}.{key.group(1)}" if table else key.group(1), number)
            if item:
                lines.setdefault(f"{item}.{key.group(1)}", number)
    return lines


def _line_of(field: str, lines: Mapping[str, int]) -> int | None:
    name = field
    while name:
        if name in lines:
            return lines[name]
        name = re.sub(r"(\[\d+\]|\.?[^.\[]+)$", "", name)
    return None
