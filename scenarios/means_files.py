"""Posts of first-responder groups and drone bases, from the scenario or from a planner's file."""

from __future__ import annotations

from scenarios.drone_tables import DroneBaseRow
from scenarios.errors import Fault, InputFaults
from scenarios.means_tables import PostRow
from scenarios.own_data import DRONE_BASES, RESPONDER_POSTS, OwnTable
from scenarios.own_files import own_table
from scenarios.row_use import RowUse
from scenarios.schema import Scenario
from sim.parameters import ResponderGroup

ALL_DAY = (0.0, 24.0)


def posts_of(scenario: Scenario) -> tuple[PostRow, ...]:
    """All posts that a group could have, with a group or without.

    Raises:
        InputFaults: a row of the file is wrong, or ``on_call`` names a post that is not there.
    """
    groups = scenario.groups
    if groups.posts_csv is None:
        return groups.posts
    table = own_table(scenario, groups.posts_csv, RESPONDER_POSTS)
    begin, end = table.column("shift_from_hour"), table.column("shift_to_hour")
    rows = tuple(
        PostRow(
            id=str(table.columns["name"][row]),
            lat=float(table.lat[""][row]),
            lon=float(table.lon[""][row]),
            shift_hours=_hours(table, row, begin[row], end[row]),
        )
        for row in range(len(table))
    )
    known = [row.id for row in rows]
    _refuse_unknown(scenario, "groups.on_call", groups.on_call, known)
    return rows


def groups_of(scenario: Scenario) -> tuple[ResponderGroup, ...]:
    """The groups on call; a group's number is the row of its post, whoever else is on call."""
    named = scenario.groups.on_call
    return tuple(
        ResponderGroup(row.id, row.lat, row.lon, number, row.shift_hours)
        for number, row in enumerate(posts_of(scenario))
        if named is None or row.id in named
    )


def bases_of(scenario: Scenario) -> tuple[DroneBaseRow, ...]:
    """All bases that drones could fly from, with drones or without.

    Raises:
        InputFaults: a row of the file is wrong, or ``fly_from`` names a base that is not there.
    """
    drones = scenario.drones
    if drones.bases_csv is None:
        return drones.bases
    table = own_table(scenario, drones.bases_csv, DRONE_BASES)
    named = {key: table.column(key) for key in ("name", "drones", "aircraft", "spare_batteries")}
    rows = tuple(
        DroneBaseRow.model_validate(
            {
                "id": table.columns["base_id"][row],
                "lat": float(table.lat[""][row]),
                "lon": float(table.lon[""][row]),
                **{key: cells[row] for key, cells in named.items() if cells[row] is not None},
            }
        )
        for row in range(len(table))
    )
    known = [row.id for row in rows]
    _refuse_unknown(scenario, "drones.fly_from", drones.fly_from, known)
    return rows


def flying(scenario: Scenario) -> tuple[DroneBaseRow, ...]:
    """The bases that have drones."""
    named = scenario.drones.fly_from
    return tuple(row for row in bases_of(scenario) if named is None or row.id in named)


def means_use(scenario: Scenario) -> list[RowUse]:
    """What became of the rows of the two files, where they are named."""
    files = (
        (scenario.groups.posts_csv, RESPONDER_POSTS),
        (scenario.drones.bases_csv, DRONE_BASES),
    )
    uses = []
    for name, schema in files:
        if name is not None:
            table = own_table(scenario, name, schema)
            uses.append(
                RowUse(
                    kind=schema.kind,
                    file=table.path.name,
                    rows=len(table),
                    used=len(table),
                    outside_region=0,
                    unknown_columns=table.ignored,
                )
            )
    return uses


def _hours(table: OwnTable, row: int, begin: object, end: object) -> tuple[float, float]:
    if (begin is None) != (end is None):
        expected = "both shift_from_hour and shift_to_hour, or neither"
        raise InputFaults(
            [Fault(str(table.path), "shift_to_hour", expected, line=table.lines[row])]
        )
    return ALL_DAY if begin is None else (float(str(begin)), float(str(end)))


def _refuse_unknown(
    scenario: Scenario, field: str, named: tuple[str, ...] | None, known: list[str]
) -> None:
    wrong = [name for name in named or () if name not in known]
    if wrong:
        file = "scenario" if scenario.file is None else str(scenario.file)
        raise InputFaults([Fault(file, field, f"ids among {', '.join(known)}", ", ".join(wrong))])
