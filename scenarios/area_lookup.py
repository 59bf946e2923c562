"""From small areas to what people call them: name, place, care system, ambulance service."""

from __future__ import annotations

from msgspec import Struct

from geo.region import Region
from scenarios.errors import Fault, InputFaults
from scenarios.own_data import AREA_LOOKUP
from scenarios.own_files import own_table
from scenarios.row_use import RowUse
from scenarios.schema import Scenario


class AreaNames(Struct, frozen=True):
    """One row of the look-up; ``None`` where a cell was empty."""

    name: str | None = None
    place: str | None = None
    care_system: str | None = None
    ambulance_service: str | None = None


def area_names(scenario: Scenario, region: Region) -> tuple[dict[str, AreaNames], RowUse | None]:
    """Names by zone id, for the zones of the region, and what became of the rows.

    Raises:
        InputFaults: a row is wrong, the region has no zones, or no row names one of them.
    """
    if scenario.region.lookup is None:
        return {}, None
    table = own_table(scenario, scenario.region.lookup, AREA_LOOKUP)
    known = set() if region.zones is None else set(region.zones.ids)
    zones = [str(zone) for zone in table.columns["zone_id"]]
    names = AreaNames.__struct_fields__
    columns = [table.column(name) for name in names]
    found = {
        zone: AreaNames(*(None if cell is None else str(cell) for cell in cells))
        for zone, *cells in zip(zones, *columns, strict=True)
        if zone in known
    }
    if not found:
        expected = "a zone of the region" if known else "a region with zones"
        raise InputFaults(
            Fault(str(table.path), "zone_id", expected, repr(zone), line)
            for zone, line in zip(zones or ["nothing"], table.lines or (1,), strict=True)
        )
    return found, RowUse(
        kind=AREA_LOOKUP.kind,
        file=table.path.name,
        rows=len(table),
        used=len(found),
        outside_region=len(table) - len(found),
        unknown_columns=table.ignored,
    )
