"""What became of the rows of a planner's file: used, outside the region, before or after the study.

Rows that no study of this region can use are left out and counted, so that a list of a whole
service fits a part of it. A file of which nothing fits is refused.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from geo.region import Region
from scenarios.errors import Fault, InputFaults
from scenarios.own_data import OwnTable


class RowUse(Struct, frozen=True, kw_only=True):
    """One file and where its rows went: ``rows = used + outside_region + before + after``."""

    kind: str  # aeds | responders | responders_per_zone | arrests | response_times | …
    file: str  # its name, without folders
    rows: int
    used: int
    outside_region: int = 0
    before_study: int = 0
    after_study: int = 0
    unknown_columns: tuple[str, ...] = ()  # not in the schema
    unused_columns: tuple[str, ...] = ()  # read and checked; nothing in this study asks for them
    notes: tuple[str, ...] = ()  # what else happened to some of the rows that are used

    @property
    def words(self) -> str:
        """One line for people."""
        left_out = [
            f"{number} {where}"
            for number, where in (
                (self.outside_region, "outside the region"),
                (self.before_study, "before the study"),
                (self.after_study, "after the study"),
            )
            if number
        ]
        text = f"{self.file}: {self.used} of {self.rows} rows used"
        if left_out:
            text += f"; left out: {', '.join(left_out)}"
        for columns, what in ((self.unknown_columns, "unknown"), (self.unused_columns, "unused")):
            if columns:
                text += f"; {what} columns: {', '.join(columns)}"
        return "; ".join([text, *self.notes])


def rows_inside(region: Region, table: OwnTable) -> NDArray[np.bool_]:
    """For each row whether its place lies in the region, [n].

    Raises:
        InputFaults: no row does, or rows do as soon as latitude and longitude are swapped.
    """
    lat, lon = table.lat[""].tolist(), table.lon[""].tolist()
    inside = np.array([region.holds(a, o) for a, o in zip(lat, lon, strict=True)], np.bool_)
    swapped = [
        abs(o) <= 90.0 and not within and region.holds(o, a)
        for a, o, within in zip(lat, lon, inside.tolist(), strict=True)
    ]
    if len(table) and (not inside.any() or any(swapped)):
        raise InputFaults(_outside(region, table, inside, swapped))
    return inside


def _outside(
    region: Region, table: OwnTable, inside: NDArray[np.bool_], swapped: list[bool]
) -> list[Fault]:
    south, west, north, east = region.bounds
    expected = f"a place inside the region ({south:.3f}..{north:.3f}, {west:.3f}..{east:.3f})"
    return [
        Fault(
            str(table.path),
            "lat, lon",
            expected,
            f"{table.lat[''][row]:.4f}, {table.lon[''][row]:.4f}",
            line=table.lines[row],
            hint="latitude and longitude swapped?" if swapped[row] else "",
        )
        for row in np.flatnonzero(~inside).tolist()
        if swapped[row] or not any(swapped)
    ]
