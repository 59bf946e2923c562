"""Numbers of volunteers from a column of the zones file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from geo.region import Region
from scenarios.errors import Fault, InputFaults
from scenarios.schema import Scenario


def volunteers_per_zone(scenario: Scenario, region: Region) -> tuple[tuple[str, float], ...]:
    """Zone id and number of volunteers, for the zones of the region.

    Raises:
        InputFaults: no zones file, no such column, or a cell that is no number of people.
    """
    wanted = scenario.responders.zone_column or ""
    file = "scenario" if scenario.file is None else str(scenario.file)
    if scenario.region.zones is None or region.zones is None:
        expected = "region.zones beside it, the file that has this column"
        raise InputFaults([Fault(file, "responders.zone_column", expected, "nothing")])
    path = scenario.path(scenario.region.zones)
    columns = _columns(path)
    if wanted not in columns:
        expected = f"a column of {path.name}: {', '.join(sorted(columns))}"
        raise InputFaults([Fault(file, "responders.zone_column", expected, repr(wanted))])
    ids = columns.get(scenario.region.zone_columns.id or "id", list(range(len(columns[wanted]))))
    known = set(region.zones.ids)
    rows, faults = [], []
    for number, (zone, cell) in enumerate(zip(ids, columns[wanted], strict=True), 1):
        count = _count(cell)
        if str(zone) not in known:
            continue
        if count is None:
            field = f"zone {number}: {wanted}"
            faults.append(Fault(str(path), field, "a number of people, 0 or more", repr(cell)))
        else:
            rows.append((str(zone), count))
    if faults:
        raise InputFaults(faults)
    return tuple(rows)


def _count(cell: Any) -> float | None:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _columns(path: Path) -> dict[str, list[Any]]:
    """Every column of a zones file that geo.zones has read already, without the geometries."""
    if path.suffix == ".parquet":
        from pyarrow import parquet  # noqa: PLC0415 - only for this kind of file

        names = [name for name in parquet.read_schema(path).names if name != "geometry"]
        table: dict[str, list[Any]] = parquet.read_table(path, columns=names).to_pydict()
        return table
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    rows = [feature.get("properties") or {} for feature in features]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}
