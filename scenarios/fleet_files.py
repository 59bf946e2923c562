"""Stations and hospitals from a planner's files."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from geo.region import Region
from scenarios.conversion import lognormal
from scenarios.errors import Fault, InputFaults
from scenarios.own_data import HOSPITALS, STATIONS, OwnTable, Schema
from scenarios.own_files import own_table
from scenarios.places import NEAR_M, SWAPPED, swapped
from scenarios.row_use import RowUse
from scenarios.schema import Scenario
from sim.parameters import FleetParameters, Hospital, Lognormal, Station

ALL_DAY = (0.0, 24.0)


def fleet_with_rows(
    scenario: Scenario, region: Region, plain: FleetParameters
) -> tuple[FleetParameters, list[RowUse]]:
    """The fleet with the rows of ``stations_csv`` and ``hospitals_csv``, where they are named.

    Stations and hospitals farther than 30 km outside the region are left out and counted.

    Raises:
        InputFaults: a row is wrong, or no station is near the region.
    """
    table = scenario.ambulance.fleet
    changes: dict[str, Any] = {}
    uses = []
    if table.stations_csv is not None:
        rows, use = _near(scenario, region, table.stations_csv, STATIONS)
        changes["stations"] = tuple(_station(rows, row) for row in range(len(rows)))
        uses.append(use)
    if table.hospitals_csv is not None:
        rows, use = _near(scenario, region, table.hospitals_csv, HOSPITALS)
        usual = lognormal(table.handover)
        changes["hospitals"] = tuple(_hospital(rows, row, usual) for row in range(len(rows)))
        uses.append(use)
    return msgspec.structs.replace(plain, **changes), uses


def _near(scenario: Scenario, region: Region, name: str, schema: Schema) -> tuple[OwnTable, RowUse]:
    table = own_table(scenario, name, schema, scenario.ambulance.fleet.crs)
    lat, lon = table.lat[""].tolist(), table.lon[""].tolist()
    near = [region.holds(a, o, margin_m=NEAR_M) for a, o in zip(lat, lon, strict=True)]
    turned = [
        not within and swapped(region, a, o, margin_m=NEAR_M)
        for a, o, within in zip(lat, lon, near, strict=True)
    ]
    if not any(near) or any(turned):
        expected = f"a place within {NEAR_M / 1000:g} km of the region"
        found = zip(lat, lon, table.lines, turned, strict=True)
        raise InputFaults(
            Fault(str(table.path), "lat, lon", expected, f"{a:.4f}, {o:.4f}", line,
                  SWAPPED if wrong else "")
            for a, o, line, wrong in found if wrong or not any(turned)
        )  # fmt: skip
    kept = table.where(np.array(near, np.bool_))
    return kept, RowUse(
        kind=schema.kind,
        file=table.path.name,
        rows=len(table),
        used=len(kept),
        outside_region=len(table) - len(kept),
        unknown_columns=table.ignored,
    )


def _station(rows: OwnTable, row: int) -> Station:
    begin, end = rows.column("shift_from_hour")[row], rows.column("shift_to_hour")[row]
    if (begin is None) != (end is None):
        expected = "both shift_from_hour and shift_to_hour, or neither"
        raise InputFaults([Fault(str(rows.path), "shift_to_hour", expected, line=rows.lines[row])])
    hours = ALL_DAY if begin is None or end is None else (float(begin), float(end))
    ambulances, others = rows.column("ambulances")[row], rows.column("co_responders")[row]
    return Station(
        str(rows.columns["name"][row]),
        float(rows.lat[""][row]),
        float(rows.lon[""][row]),
        ambulances=1 if ambulances is None else int(ambulances),
        co_responders=0 if others is None else int(others),
        shift_hours=hours,
    )


def _hospital(rows: OwnTable, row: int, usual: Lognormal) -> Hospital:
    median_s, sigma = (rows.column(name)[row] for name in ("handover_median_s", "handover_sigma"))
    law = Lognormal(
        usual.median_s if median_s is None else float(median_s),
        usual.sigma if sigma is None else float(sigma),
    )
    place = float(rows.lat[""][row]), float(rows.lon[""][row])
    return Hospital(str(rows.columns["name"][row]), *place, law)
