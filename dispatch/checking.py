"""Checks a TOML table against a struct and names every fault, not only the first."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from dispatch.errors import Fault, PolicyFileError

S = TypeVar("S", bound=Struct)


def read_toml(content: bytes, file: str) -> dict[str, Any]:
    """The table in ``content``; raises ``PolicyFileError`` where it is no TOML in UTF-8."""
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise PolicyFileError((Fault(file, "text", f"expected UTF-8 ({error.reason})"),)) from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyFileError((Fault(file, "text", f"expected TOML ({error})"),)) from None


def build(
    kind: type[S], table: Mapping[str, Any], file: str, path: str = ""
) -> tuple[S | None, list[Fault]]:
    """A ``kind`` from ``table``, or None and the list of its faults."""
    hints = get_type_hints(kind, include_extras=True)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    faults = [
        Fault(file, path + key, _no_such_key(key, tuple(fields)))
        for key in table
        if key not in fields
    ]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in table:
            if field.required:
                faults.append(Fault(file, path + name, "is missing"))
            continue
        value, wrong = _value(hints[name], table[name], file, path + name)
        values[name] = value
        faults += wrong
    return (None, faults) if faults else (kind(**values), [])


def _value(hint: Any, value: Any, file: str, path: str) -> tuple[Any, list[Fault]]:
    section = _struct_in(hint)
    if section is not None and get_origin(hint) is tuple:
        return _sections(section, value, file, path)
    if section is not None:
        if not isinstance(value, Mapping):
            return None, [Fault(file, path, "expected a table")]
        return build(section, value, file, f"{path}.")
    if not _finite(value):
        return None, [Fault(file, path, "expected finite numbers")]
    try:
        return msgspec.convert(value, hint), []
    except msgspec.ValidationError:
        return None, [Fault(file, path, f"expected {_wanted(hint)}, found {_shown(value)}")]


def _sections(
    section: type[Struct], value: Any, file: str, path: str
) -> tuple[tuple[Any, ...], list[Fault]]:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return (), [Fault(file, path, f"expected tables, each written under [[{path}]]")]
    built = [build(section, item, file, f"{path}[{i}].") for i, item in enumerate(value)]
    return tuple(item for item, _ in built), [fault for _, wrong in built for fault in wrong]


def _struct_in(hint: Any) -> type[Struct] | None:
    """The struct that ``hint`` is, holds a tuple of, or allows beside None."""
    for candidate in (hint, *get_args(hint)):
        if isinstance(candidate, type) and issubclass(candidate, Struct):
            return candidate
    return None


def _finite(value: Any) -> bool:
    if isinstance(value, list):
        return all(_finite(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)


def _no_such_key(key: str, known: tuple[str, ...]) -> str:
    stem = key.rsplit("_", 1)[0]
    near = difflib.get_close_matches(key, known, n=1) or [
        name for name in known if name.rsplit("_", 1)[0] == stem
    ]
    return f"no such key, did you mean {near[0]}?" if near else "no such key"


def _wanted(hint: Any) -> str:
    """What a field takes, in plain words: its choices, or its kind and range."""
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        limits = [mark for mark in marks if isinstance(mark, msgspec.Meta)]
        return " ".join([_wanted(inner), *map(_range, limits)]).strip()
    if get_origin(hint) is tuple:
        return f"a list [...], each {_wanted(get_args(hint)[0])}"
    if get_origin(hint) in (Union, UnionType):
        arms = [arm for arm in get_args(hint) if arm is not NoneType]
        return " or ".join(map(_wanted, arms))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"one of {', '.join(str(choice.value) for choice in hint)}"
    return _KINDS.get(hint, "another kind of value")


_KINDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
}


def _range(limits: msgspec.Meta) -> str:
    low = f"from {limits.ge:g}" if limits.ge is not None else ""
    above = f"above {limits.gt:g}" if limits.gt is not None else ""
    high = f"to {limits.le:g}" if limits.le is not None else ""
    below = f"below {limits.lt:g}" if limits.lt is not None else ""
    if low and not (high or below):
        low = f"of at least {limits.ge:g}"
    return " ".join(part for part in (low, above, high, below) if part)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


_LONGEST_SHOWN = 60
