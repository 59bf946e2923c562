"""The files that a scenario names, read with its reference system and its postcodes."""

from __future__ import annotations

from pathlib import Path

from scenarios.own_data import OwnTable, Schema, read_own_table
from scenarios.schema import Scenario


def own_table(scenario: Scenario, name: str, schema: Schema, crs: str | None = None) -> OwnTable:
    """One file beside the scenario. ``crs``: what its own section says, before ``[data]``.

    Raises:
        InputFaults: with every wrong cell of the file.
    """
    return read_own_table(
        scenario.path(name),
        schema,
        crs=crs or scenario.data.crs,
        postcode_file=postcode_file(scenario),
    )


def postcode_file(scenario: Scenario) -> Path | None:
    """The file of ``[data] postcodes``, if it is named."""
    named = scenario.data.postcodes
    return None if named is None else scenario.path(named)
