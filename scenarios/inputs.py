"""All that one study needs of its scenario: parameters together with the rows of CSV files."""

from __future__ import annotations

import csv
import io
import math
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from geo.region import Region
from scenarios.aed_tables import check_inside
from scenarios.errors import Fault, InputFaults
from scenarios.loading import read_text
from scenarios.own_data import (
    ARRESTS,
    RESPONDERS,
    RESPONDERS_PER_ZONE,
    OwnTable,
    epoch_seconds,
    read_own_table,
)
from scenarios.schema import Scenario
from scenarios.zone_columns import volunteers_per_zone
from sim.parameters import (
    AmbulanceParameters,
    ArrivalParameters,
    PeopleParameters,
    TracedIncident,
    WorldParameters,
)

SLOWEST_AMBULANCE_S = 86_400.0


def world_parameters(scenario: Scenario, region: Region) -> WorldParameters:
    """The simulator's parameters with the planner's own rows in them.

    Raises:
        InputFaults: a file is missing, a row is wrong, or a place lies outside the region.
    """
    plain = scenario.to_parameters()
    return msgspec.structs.replace(
        plain,
        arrivals=_arrivals(scenario, region, plain.arrivals),
        people=_people(scenario, region, plain.people),
        ambulance=_ambulance(scenario, plain.ambulance),
    )


def _arrivals(scenario: Scenario, region: Region, plain: ArrivalParameters) -> ArrivalParameters:
    if scenario.incidents.model != "trace" or scenario.incidents.csv is None:
        return plain
    table = read_own_table(scenario.path(scenario.incidents.csv), ARRESTS)
    lat, lon = table.lat[""], table.lon[""]
    check_inside(region, str(table.path), lat, lon)
    start = datetime.combine(scenario.run.start_date, time(), ZoneInfo(region.timezone))
    moments = epoch_seconds(table.columns["called_at"], region.timezone) - start.timestamp()
    _check_span(table, moments, scenario)
    homes = [None if place is None else place == "home" for place in _column(table, "place")]
    rows = zip(
        moments.tolist(),
        lat.tolist(),
        lon.tolist(),
        homes,
        _column(table, "witnessed"),
        _column(table, "response_s"),
        strict=True,
    )
    traced = [
        TracedIncident(
            t_s, one_lat, one_lon, home=home, witnessed=_flag(seen), ambulance_s=_number(waited)
        )
        for t_s, one_lat, one_lon, home, seen, waited in rows
    ]
    trace = tuple(sorted(traced, key=lambda incident: incident.t_s))
    return msgspec.structs.replace(plain, trace=trace)


def _check_span(table: OwnTable, moments: NDArray[np.float64], scenario: Scenario) -> None:
    """Arrests before the first simulated day would silently be lost."""
    end_s = scenario.run.years * 365.25 * 86_400.0
    expected = (
        f"a call within {scenario.run.years:g} years of run.start_date {scenario.run.start_date}"
    )
    faults = [
        Fault(str(table.path), f"row {row}: called_at", expected, str(text))
        for row, (moment, text) in enumerate(
            zip(moments.tolist(), table.columns["called_at"], strict=True), 1
        )
        if not 0.0 <= moment < end_s
    ]
    if faults:
        raise InputFaults(faults)


def _people(scenario: Scenario, region: Region, plain: PeopleParameters) -> PeopleParameters:
    if scenario.responders.zone_column is not None:
        return msgspec.structs.replace(plain, per_zone=volunteers_per_zone(scenario, region))
    if scenario.responders.csv is None:
        return plain
    path = scenario.path(scenario.responders.csv)
    if _has_column(path, "zone_id"):
        table = read_own_table(path, RESPONDERS_PER_ZONE)
        zones = [str(zone) for zone in table.columns["zone_id"]]
        _check_zones(region, path, zones)
        counts = [float(str(count)) for count in table.columns["responders"]]
        return msgspec.structs.replace(plain, per_zone=tuple(zip(zones, counts, strict=True)))
    table = read_own_table(path, RESPONDERS)
    check_inside(region, str(path), table.lat[""], table.lon[""])
    work_lat, work_lon = (
        _optional(places.get("work_"), len(table)) for places in (table.lat, table.lon)
    )
    return msgspec.structs.replace(
        plain,
        home_lat=tuple(table.lat[""].tolist()),
        home_lon=tuple(table.lon[""].tolist()),
        work_lat=work_lat,
        work_lon=work_lon,
    )


def _check_zones(region: Region, path: Path, zones: list[str]) -> None:
    if region.zones is None:
        fault = Fault(str(path), "zone_id", "a region with zones", "none", hint="set region.zones")
        raise InputFaults([fault])
    known = set(region.zones.ids)
    faults = [
        Fault(str(path), f"row {row}: zone_id", "a zone of the region", repr(zone))
        for row, zone in enumerate(zones, 1)
        if zone not in known
    ]
    if faults:
        raise InputFaults(faults)


def _ambulance(scenario: Scenario, plain: AmbulanceParameters) -> AmbulanceParameters:
    if scenario.ambulance.model != "trace" or scenario.ambulance.csv is None:
        return plain
    times = _observed_times(scenario.path(scenario.ambulance.csv))
    return msgspec.structs.replace(plain, trace_s=times)


def _observed_times(path: Path) -> tuple[float, ...]:
    """Column ``ambulance_s`` of a CSV file: call to ambulance at the scene."""
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    if "ambulance_s" not in (reader.fieldnames or ()):
        expected = "a column ambulance_s with seconds from call to arrival"
        found = ", ".join(reader.fieldnames or ()) or "nothing"
        raise InputFaults([Fault(str(path), "ambulance_s", expected, found, 1)])
    times, faults = [], []
    for row in reader:
        cell = (row["ambulance_s"] or "").strip()
        value = _parsed(cell)
        if value is None or not 0.0 < value < SLOWEST_AMBULANCE_S:
            expected = "seconds above 0, less than a day"
            faults.append(Fault(str(path), "ambulance_s", expected, repr(cell), reader.line_num))
        else:
            times.append(value)
    if not times and not faults:
        faults.append(Fault(str(path), "ambulance_s", "at least one time", "none"))
    if faults:
        raise InputFaults(faults)
    return tuple(times)


def _parsed(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _has_column(path: Path, name: str) -> bool:
    header = read_text(path).split("\n", 1)[0].lower()
    return name in [cell.strip().strip('"') for cell in header.replace(";", ",").split(",")]


def _column(table: OwnTable, name: str) -> list[object]:
    return list(table.columns.get(name, [None] * len(table)))


def _flag(value: object) -> bool | None:
    return None if value is None else bool(value)


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _optional(values: object, size: int) -> tuple[float | None, ...] | None:
    if values is None:
        return None
    floats = [float(value) for value in np.asarray(values).tolist()]
    return tuple(None if math.isnan(value) else value for value in floats[:size])
