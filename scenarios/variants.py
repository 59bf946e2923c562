"""A scenario as each of its options sees it: the option's tables laid over the scenario's own.

An option may change what a planner decides on. What happens to people anyway (the region, the
arrests, the patients, the weather, the years) is the scenario's and the same for all options.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from scenarios.means_tables import OptionTable
from scenarios.schema import Scenario


def with_option(scenario: Scenario, option: OptionTable) -> Scenario:
    """The scenario with the option's tables in it, and no options of its own.

    Raises:
        pydantic.ValidationError: a table says something that the schema refuses.
    """
    return with_tables(scenario, option.patches).model_copy(update={"options": ()})


def with_tables(scenario: Scenario, patches: Mapping[str, Mapping[str, Any]]) -> Scenario:
    """The scenario with other values in some of its tables.

    Raises:
        pydantic.ValidationError: a table says something that the schema refuses.
    """
    changed = {name: _merged_table(scenario, name, patch) for name, patch in patches.items()}
    return scenario.model_copy(update=changed)


def option_errors(scenario: Scenario) -> Iterator[tuple[int, str, ValidationError]]:
    """What is wrong with the tables of the options: number of the option, table, error."""
    for number, option in enumerate(scenario.options):
        for name, patch in option.patches.items():
            try:
                _merged_table(scenario, name, patch)
            except ValidationError as error:
                yield number, name, error


def variants(scenario: Scenario) -> tuple[Scenario, ...]:
    """The scenario once for each option; the scenario alone where it has none."""
    if not scenario.options:
        return (scenario,)
    return tuple(with_option(scenario, option) for option in scenario.options)


def _merged_table(scenario: Scenario, name: str, patch: Mapping[str, Any]) -> Any:
    table = getattr(scenario, name)
    return type(table).model_validate(_merged(table.model_dump(), patch))


def _merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Tables in tables are merged, lists and values replaced."""
    merged = dict(base)
    for key, value in patch.items():
        below = merged.get(key)
        nested = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _merged(below, value) if nested else value  # type: ignore[arg-type]
    return merged
