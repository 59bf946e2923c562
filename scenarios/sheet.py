"""The list of assumptions: every number of a scenario with its unit and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from scenarios.metrics.facts import Parameter
from scenarios.schema import Scenario

FROM_FILE = "the scenario"


def parameter_sheet(scenario: Scenario) -> tuple[Parameter, ...]:
    """One row per number and choice, in the order of the schema, named as in the file.

    ``source``: of the default, or ``the scenario`` where the planner set another value.
    """
    nation, sources = scenario.defaults.nation, scenario.nation_sources
    return tuple(_from_nation(row, nation, sources) for row in _rows(scenario, ""))


def _from_nation(row: Parameter, nation: str | None, sources: dict[str, str]) -> Parameter:
    if nation is None or row.name not in sources:
        return row
    name = nation.replace("_", " ").title()
    source = sources[row.name]
    stated = source if source.startswith("assumption") else f"{name}: {source}"
    return Parameter(row.name, row.value, row.unit, stated, True)


def _rows(table: BaseModel, prefix: str) -> Iterator[Parameter]:
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        path = f"{prefix}{name}"
        if path in _MEANS and not _in_use(table, path):
            continue
        if isinstance(value, BaseModel) and not _extra(field):
            if path != "ambulance.fleet" or getattr(table, "model", "") == "fleet":
                yield from _rows(value, f"{path}.")
        elif value is not None and prefix:  # title and question are no parameters
            yield _row(path, field, value)


_MEANS = ("drones", "weather", "groups", "costs")


def _in_use(scenario: BaseModel, table: str) -> bool:
    """Whether anything of a study follows from this table of means."""
    assert isinstance(scenario, Scenario)
    if scenario.options:
        return True
    if table == "groups":
        return bool(scenario.groups.posts or scenario.groups.posts_csv)
    if table == "costs":
        return bool(scenario.costs.model_fields_set)
    return scenario.drones.any_fly


def _row(path: str, field: FieldInfo, value: Any) -> Parameter:
    extra = _extra(field)
    is_default = value == field.get_default(call_default_factory=True)
    source = str(extra.get("source", "choice")) if is_default else FROM_FILE
    return Parameter(path, shown(value), str(extra.get("unit", "")), source, is_default)


def _extra(field: FieldInfo) -> dict[str, Any]:
    extra = field.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def shown(value: Any) -> str:
    """A value for people: no quotes, lists joined, tables as ``key value`` pairs."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, BaseModel):
        return ", ".join(f"{key} {shown(part)}" for key, part in value)
    if isinstance(value, list | tuple):
        return ", ".join(shown(part) for part in value)
    return str(value)
