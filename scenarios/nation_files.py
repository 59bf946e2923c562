"""Figures of a nation, below the scenario's own: one file per UK nation, each row with its source.

``nations/NAME.toml`` has the tables and keys of a scenario; every key is a table
``{ value = …, source = "…" }``. The word *assumption* begins the source of what nobody published.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scenarios.errors import Fault, InputFaults

NATIONS = Path(__file__).resolve().parent / "nations"


def nation_names() -> list[str]:
    """Nations that have a file."""
    return sorted(path.stem for path in NATIONS.glob("*.toml"))


def nation_rows(nation: str) -> dict[str, tuple[Any, str]]:
    """Value and source by dotted key.

    Raises:
        InputFaults: there is no such file, or a row of it lacks its value or source.
    """
    path = NATIONS / f"{nation}.toml"
    if not path.is_file():
        raise InputFaults(
            [Fault("scenario", "defaults.nation", f"one of {', '.join(nation_names())}", nation)]
        )
    return dict(_rows(path, tomllib.loads(path.read_text(encoding="utf-8")), ""))


def _rows(
    path: Path, table: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, tuple[Any, str]]]:
    for name, item in table.items():
        key = f"{prefix}{name}"
        if not isinstance(item, dict):
            raise InputFaults([Fault(str(path), key, "a table with value and source", repr(item))])
        if set(item) == {"value", "source"}:
            yield key, (item["value"], str(item["source"]))
        else:
            yield from _rows(path, item, f"{key}.")


def with_nation(data: Mapping[str, Any], nation: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The scenario's tables over those of the nation, and the source of each nation's value kept.

    What the scenario says stands; a value that is a table itself (a duration) is never mixed.
    """
    merged = _copied(data)
    sources = {}
    for key, (value, source) in nation_rows(nation).items():
        *tables, name = key.split(".")
        place: Any = merged
        for table in tables:
            place = place.setdefault(table, {}) if isinstance(place, dict) else None
        if isinstance(place, dict) and name not in place:
            place[name] = value
            sources[key] = source
    return merged, sources


def _copied(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _copied(item) if isinstance(item, Mapping) else item for key, item in table.items()
    }
