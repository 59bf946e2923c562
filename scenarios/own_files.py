"""The files that a scenario names, read with its reference system and its postcodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from scenarios.errors import Fault, InputFaults
from scenarios.loading import read_text
from scenarios.own_data import (
    AEDS,
    AREA_LOOKUP,
    ARRESTS,
    DRONE_BASES,
    HOSPITALS,
    RESPONDER_POSTS,
    RESPONDERS,
    RESPONDERS_PER_ZONE,
    RESPONSE_TIMES,
    STATIONS,
    OwnTable,
    Schema,
    epoch_seconds,
    read_own_table,
)
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


def has_zones(scenario: Scenario, name: str) -> bool:
    """Whether a file of volunteers counts them by zone instead of listing them."""
    header = read_text(scenario.path(name)).split("\n", 1)[0].lower()
    return "zone_id" in [cell.strip().strip('"') for cell in header.replace(";", ",").split(",")]


def check_files(scenarios: Iterable[Scenario]) -> None:
    """Reads every table that scenarios name, so that the faults of all files come at once.

    Raises:
        InputFaults: with every wrong cell of every file, file by file; arrests from which rates
            are learned lie in the future.
    """
    faults = list[Fault]()
    seen = set[tuple[Path, str, str | None]]()
    for scenario in scenarios:
        for name, schema, crs in _named(scenario):
            key = (scenario.path(name), schema.kind, crs)
            if key in seen:
                continue
            seen.add(key)
            try:
                table = own_table(scenario, name, schema, crs)
            except InputFaults as error:
                faults += error.faults
                continue
            if schema is ARRESTS and scenario.incidents.model == "rates":
                faults += _not_yet(table)
    if faults:
        raise InputFaults(dict.fromkeys(faults))


def _not_yet(table: OwnTable) -> Iterator[Fault]:
    """Observed arrests of the future; a day is left for the time zone of the region."""
    calls = table.columns["called_at"]
    latest_s = datetime.now(UTC).timestamp() + 86_400.0
    late = epoch_seconds(calls, "UTC") > latest_s
    for line, call, wrong in zip(table.lines, calls, late.tolist(), strict=True):
        if wrong:
            yield Fault(str(table.path), "called_at", "a call that has been", repr(call), line)


def _named(scenario: Scenario) -> Iterator[tuple[str, Schema, str | None]]:
    """Each file of a scenario, its schema and the coordinates that its own section states."""
    people, aeds, ambulance = scenario.responders, scenario.aeds, scenario.ambulance
    fleet = ambulance.fleet
    yield from (
        (name, schema, crs)
        for name, schema, crs in (
            (scenario.region.lookup, AREA_LOOKUP, None),
            (scenario.incidents.csv, ARRESTS, scenario.incidents.crs),
            (people.per_zone_csv, RESPONDERS_PER_ZONE, None),
            (aeds.csv, AEDS, aeds.crs),
            (aeds.more_csv, AEDS, aeds.crs),
            (ambulance.csv if ambulance.model == "trace" else None, RESPONSE_TIMES, None),
            (ambulance.observed_csv, RESPONSE_TIMES, None),
            (fleet.stations_csv if ambulance.model == "fleet" else None, STATIONS, fleet.crs),
            (fleet.hospitals_csv if ambulance.model == "fleet" else None, HOSPITALS, fleet.crs),
            (scenario.groups.posts_csv, RESPONDER_POSTS, None),
            (scenario.drones.bases_csv, DRONE_BASES, None),
        )
        if name is not None
    )
    if people.csv is not None:
        counted = _counts(scenario, people.csv)
        yield people.csv, *((RESPONDERS_PER_ZONE, None) if counted else (RESPONDERS, people.crs))


def _counts(scenario: Scenario, name: str) -> bool:
    """As ``has_zones``; a file that cannot be read is told by the reader of tables."""
    try:
        return has_zones(scenario, name)
    except InputFaults:
        return False
