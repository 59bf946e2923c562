"""All that one study needs of its scenario: parameters together with the rows of CSV files."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from geo.region import Region
from scenarios.aed_tables import aed_notes
from scenarios.area_lookup import area_names
from scenarios.demand_fit import DemandFit
from scenarios.demand_fitting import fitted_demand
from scenarios.errors import Fault, InputFaults
from scenarios.fleet_files import fleet_with_rows
from scenarios.means_files import groups_of, means_use
from scenarios.metrics.facts import Observed
from scenarios.metrics.panel import local_hours
from scenarios.own_data import (
    AEDS,
    ARRESTS,
    RESPONDERS,
    RESPONDERS_PER_ZONE,
    RESPONSE_TIMES,
    OwnTable,
    epoch_seconds,
)
from scenarios.own_files import has_zones, own_table
from scenarios.places import check_places
from scenarios.row_use import RowUse, rows_inside
from scenarios.schema import Scenario
from scenarios.zone_columns import volunteers_per_zone
from sim.parameters import (
    ArrivalParameters,
    PeopleParameters,
    TracedIncident,
    WorldParameters,
)

YEAR_S = 365.25 * 86_400.0
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Inputs(Struct, frozen=True):
    """What the planner's own files make of a scenario."""

    parameters: WorldParameters
    row_use: tuple[RowUse, ...] = ()
    observed: Observed | None = None
    demand_fit: DemandFit | None = None


def read_inputs(scenario: Scenario, region: Region) -> Inputs:
    """The simulator's parameters with the planner's own rows in them, and what became of each row.

    Raises:
        InputFaults: a file is missing, a row is wrong, none of its places lies in the region, or a
            place of the scenario lies far from it.
    """
    check_places(scenario, region)
    plain = scenario.to_parameters()
    people, used = _people(scenario, region, plain.people)
    uses = [*_aed_rows(scenario, region), *used]
    arrivals, fit, arrests = plain.arrivals, None, None
    if scenario.incidents.csv is not None:
        arrests = _arrests(scenario)
        arrivals, fit, use = _arrivals(scenario, region, plain.arrivals, arrests)
        uses.append(use)
    ambulance, fleet = plain.ambulance, plain.fleet
    if scenario.ambulance.model == "trace" and scenario.ambulance.csv is not None:
        times, use = _times(scenario, scenario.ambulance.csv)
        ambulance = msgspec.structs.replace(ambulance, trace_s=times)
        uses.append(use)
    if fleet is not None:
        fleet, used = fleet_with_rows(scenario, region, fleet)
        fleet = msgspec.structs.replace(fleet, groups=groups_of(scenario))
        uses += used
    uses += means_use(scenario)
    _, names = area_names(scenario, region)
    uses += [] if names is None else [names]
    observed, used = _observed(scenario, region, arrests)
    uses += [use for use in used if use.file not in {known.file for known in uses}]
    parameters = msgspec.structs.replace(
        plain, arrivals=arrivals, people=people, ambulance=ambulance, fleet=fleet
    )
    return Inputs(parameters, tuple(uses), observed, fit)


def world_parameters(scenario: Scenario, region: Region) -> WorldParameters:
    """The parameters alone. Raises ``InputFaults`` as ``read_inputs`` does."""
    return read_inputs(scenario, region).parameters


def study_start_s(scenario: Scenario, region: Region) -> float:
    """First moment of the study, UTC epoch seconds."""
    midnight = datetime.combine(scenario.run.start_date, time(), ZoneInfo(region.timezone))
    return midnight.timestamp()


# --- arrests -----------------------------------------------------------------------------------


def _arrests(scenario: Scenario) -> OwnTable:
    incidents = scenario.incidents
    return own_table(scenario, incidents.csv or "", ARRESTS, incidents.crs)


def _arrivals(
    scenario: Scenario, region: Region, plain: ArrivalParameters, table: OwnTable
) -> tuple[ArrivalParameters, DemandFit | None, RowUse]:
    inside = rows_inside(region, table)
    kept = table.where(inside)
    at_s = epoch_seconds(kept.columns["called_at"], region.timezone)
    outside = int((~inside).sum())
    if scenario.incidents.model == "rates":
        arrivals, fit = fitted_demand(scenario, region, plain, kept, at_s)
        unused = ("place", "witnessed", "bystander_cpr")
        return arrivals, fit, _use("arrests", table, len(kept), outside, unused=unused)
    after_start_s = at_s - study_start_s(scenario, region)
    before, after = after_start_s < 0.0, after_start_s >= scenario.run.years * YEAR_S
    if (before | after).all():
        raise InputFaults(_out_of_time(scenario, kept))
    trace = _trace(scenario, kept.where(~(before | after)), after_start_s[~(before | after)])
    use = _use("arrests", table, len(trace), outside, unused=("bystander_cpr",))
    use = msgspec.structs.replace(use, before_study=int(before.sum()), after_study=int(after.sum()))
    return msgspec.structs.replace(plain, trace=trace), None, use


def _trace(
    scenario: Scenario, table: OwnTable, after_start_s: Floats
) -> tuple[TracedIncident, ...]:
    homes = [None if place is None else place == "home" for place in table.column("place")]
    waits = table.column("response_s") if _replays_times(scenario) else [None] * len(table)
    rows = zip(
        after_start_s.tolist(),
        table.lat[""].tolist(),
        table.lon[""].tolist(),
        homes,
        table.column("witnessed"),
        waits,
        strict=True,
    )
    traced = [
        TracedIncident(
            t_s,
            lat,
            lon,
            home=home,
            witnessed=None if seen is None else bool(seen),
            ambulance_s=None if waited is None else float(waited),
        )
        for t_s, lat, lon, home, seen, waited in rows
    ]
    return tuple(sorted(traced, key=lambda incident: incident.t_s))


def _replays_times(scenario: Scenario) -> bool:
    stated = scenario.incidents.replay_times
    return scenario.ambulance.model != "fleet" if stated is None else stated


def _out_of_time(scenario: Scenario, table: OwnTable) -> list[Fault]:
    """Not one arrest falls into the simulated time: say so row by row."""
    run = scenario.run
    expected = f"a call within {run.years:g} years of run.start_date {run.start_date}"
    return [
        Fault(str(table.path), "called_at", expected, str(text), line)
        for line, text in zip(table.lines, table.columns["called_at"], strict=True)
    ]


# --- people and AEDs -----------------------------------------------------------------------------


def _people(
    scenario: Scenario, region: Region, plain: PeopleParameters
) -> tuple[PeopleParameters, list[RowUse]]:
    stated = scenario.responders
    if stated.zone_column is not None:
        per_zone = volunteers_per_zone(scenario, region)
        return msgspec.structs.replace(plain, per_zone=per_zone), []
    if stated.per_zone_csv is not None:
        return _people_per_zone(scenario, region, plain, stated.per_zone_csv)
    if stated.csv is not None and has_zones(scenario, stated.csv):
        return _people_per_zone(scenario, region, plain, stated.csv)
    if stated.csv is not None:
        return _listed_people(scenario, region, plain, stated.csv)
    return plain, []


def _people_per_zone(
    scenario: Scenario, region: Region, plain: PeopleParameters, name: str
) -> tuple[PeopleParameters, list[RowUse]]:
    table = own_table(scenario, name, RESPONDERS_PER_ZONE)
    if region.zones is None:
        raise InputFaults(
            [Fault(str(table.path), "zone_id", "a region with zones", "none",
                   hint="set region.zones")]
        )  # fmt: skip
    known = set(region.zones.ids)
    zones = [str(zone) for zone in table.columns["zone_id"]]
    inside = np.array([zone in known for zone in zones], np.bool_)
    if len(table) and not inside.any():
        raise InputFaults(
            Fault(str(table.path), "zone_id", "a zone of the region", repr(zone), line)
            for zone, line in zip(zones, table.lines, strict=True)
        )
    counts = [float(str(cell)) for cell in table.columns["responders"]]
    per_zone = tuple(
        (zone, number)
        for zone, number, within in zip(zones, counts, inside.tolist(), strict=True)
        if within
    )
    use = _use("responders_per_zone", table, len(per_zone), int((~inside).sum()))
    return msgspec.structs.replace(plain, per_zone=per_zone), [use]


def _listed_people(
    scenario: Scenario, region: Region, plain: PeopleParameters, name: str
) -> tuple[PeopleParameters, list[RowUse]]:
    table = own_table(scenario, name, RESPONDERS, scenario.responders.crs)
    inside = rows_inside(region, table)
    kept = table.where(inside)
    values: dict[str, Any] = {
        "home_lat": tuple(kept.lat[""].tolist()),
        "home_lon": tuple(kept.lon[""].tolist()),
        "work_lat": _optional(kept.lat.get("work_")),
        "work_lon": _optional(kept.lon.get("work_")),
    }
    if "mode" in kept.columns:
        values["mode"] = tuple(str(mode or "foot") for mode in kept.column("mode"))
    values["on_duty_hours"] = tuple(kept.column("on_duty_hours"))
    values["alerts_per_30_days"] = tuple(kept.column("max_alerts_per_month"))
    values["verified_until_s"] = tuple(
        None if day is None else float(epoch_seconds([f"{day} 23:59:59"], region.timezone)[0])
        for day in kept.column("verified_until")
    )
    use = _use("responders", table, len(kept), int((~inside).sum()))
    return msgspec.structs.replace(plain, **values), [use]


def _optional(values: Floats | None) -> tuple[float | None, ...] | None:
    if values is None:
        return None
    return tuple(None if np.isnan(value) else float(value) for value in values)


def _aed_rows(scenario: Scenario, region: Region) -> list[RowUse]:
    uses = []
    for name in (scenario.aeds.csv, scenario.aeds.more_csv):
        if name is not None:
            table = own_table(scenario, name, AEDS, scenario.aeds.crs)
            inside = rows_inside(region, table)
            use = _use("aeds", table, int(inside.sum()), int((~inside).sum()))
            uses.append(msgspec.structs.replace(use, notes=aed_notes(table.where(inside))))
    return uses


# --- response times ------------------------------------------------------------------------------


def _observed(
    scenario: Scenario, region: Region, arrests: OwnTable | None
) -> tuple[Observed | None, list[RowUse]]:
    ambulance = scenario.ambulance
    if ambulance.observed_csv is not None:
        times, use = _times(scenario, ambulance.observed_csv)
        replayed = ambulance.model == "trace" and ambulance.csv == ambulance.observed_csv
        return Observed(times, use.file, replayed), [use]
    if arrests is None or "response_s" not in arrests.columns:
        return None, []
    kept = arrests.where(rows_inside(region, arrests))
    waits = kept.column("response_s")
    found = tuple(float(value) for value in waits if value is not None)
    if not found:
        return None, []
    at_s = epoch_seconds(kept.columns["called_at"], region.timezone)
    known = np.array([value is not None for value in waits], dtype=np.bool_)
    hours = tuple(int(hour) for hour in local_hours(at_s[known], region.timezone))
    replayed = scenario.incidents.model == "trace" and _replays_times(scenario)
    return Observed(found, f"{arrests.path.name}, column response_s", replayed, hours), []


def _times(scenario: Scenario, name: str) -> tuple[tuple[float, ...], RowUse]:
    """Column ``ambulance_s`` of a CSV file: call to ambulance at the scene."""
    table = own_table(scenario, name, RESPONSE_TIMES)
    times = tuple(float(str(cell)) for cell in table.columns["ambulance_s"])
    return times, _use("response_times", table, len(times), 0)


def _use(
    kind: str, table: OwnTable, used: int, outside: int, unused: tuple[str, ...] = ()
) -> RowUse:
    return RowUse(
        kind=kind,
        file=table.path.name,
        rows=len(table),
        used=used,
        outside_region=outside,
        unknown_columns=table.ignored,
        unused_columns=tuple(name for name in unused if name in table.columns),
    )
