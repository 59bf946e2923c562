"""Whether stations, hospitals, group posts and drone bases stand where the region is.

What is typed into the scenario is checked as rows of files are: a place far from the region moves
no ambulance and no drone in time, and mostly its latitude and longitude are swapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from geo.region import Region
from scenarios.errors import Fault, InputFaults
from scenarios.means_files import bases_of, posts_of
from scenarios.own_data import DRONE_BASES, RESPONDER_POSTS, OwnTable, Schema
from scenarios.own_files import own_table
from scenarios.schema import Scenario

NEAR_M = 30_000.0  # what stands this near outside the region still serves it: assumption
SWAPPED = "latitude and longitude swapped?"


class Place(Struct, frozen=True):
    """A place and where it is written."""

    file: str
    field: str
    name: str
    lat: float
    lon: float
    line: int | None = None


def check_places(scenario: Scenario, region: Region) -> None:
    """Nothing of the scenario stands farther than 30 km from the region.

    Looks at what a scenario types in, and at the files of posts and bases; the files of stations
    and hospitals are cut to the region where they are read.

    Raises:
        InputFaults: a place is too far away; every one of them.
    """
    faults = [_fault(region, place) for place in _places(scenario) if not _near(region, place)]
    if faults:
        raise InputFaults(faults)


def swapped(region: Region, lat: float, lon: float, *, margin_m: float) -> bool:
    """Whether the place would be in the region with latitude and longitude the other way round."""
    return abs(lon) <= 90.0 and region.holds(lon, lat, margin_m=margin_m)


def _near(region: Region, place: Place) -> bool:
    return region.holds(place.lat, place.lon, margin_m=NEAR_M)


def _fault(region: Region, place: Place) -> Fault:
    south, west, north, east = region.bounds
    box = f"({south:.3f}..{north:.3f}, {west:.3f}..{east:.3f})"
    expected = f"a place inside the region {box} or within {NEAR_M / 1000:g} km of it"
    turned = swapped(region, place.lat, place.lon, margin_m=NEAR_M)
    found = f"{place.lat:.4f}, {place.lon:.4f} for {place.name!r}"
    return Fault(place.file, place.field, expected, found, place.line, SWAPPED if turned else "")


def _places(scenario: Scenario) -> Iterator[Place]:
    fleet, groups, drones = scenario.ambulance.fleet, scenario.groups, scenario.drones
    if scenario.ambulance.model == "fleet":
        yield from _typed(
            scenario, "ambulance.fleet.stations", [(s.name, s.lat, s.lon) for s in fleet.stations]
        )
        yield from _typed(
            scenario, "ambulance.fleet.hospitals", [(h.name, h.lat, h.lon) for h in fleet.hospitals]
        )
    posts = [(row.id, row.lat, row.lon) for row in posts_of(scenario)]
    bases = [(row.id, row.lat, row.lon) for row in bases_of(scenario)]
    for field, rows, named, asked, schema in (
        ("groups.posts", posts, groups.posts_csv, groups.on_call, RESPONDER_POSTS),
        ("drones.bases", bases, drones.bases_csv, drones.fly_from, DRONE_BASES),
    ):
        found = _typed(scenario, field, rows) if named is None else _listed(scenario, named, schema)
        yield from (place for place in found if asked is None or place.name in asked)


def _typed(
    scenario: Scenario, field: str, rows: Iterable[tuple[str, float, float]]
) -> Iterator[Place]:
    file = scenario.file
    text = file.read_text("utf-8-sig") if file is not None and file.is_file() else ""
    for number, (name, lat, lon) in enumerate(rows):
        where = f"{field}[{number}].lat, lon"
        yield Place(_shown(file), where, name, lat, lon, _line(text, name))


def _listed(scenario: Scenario, named: str, schema: Schema) -> Iterator[Place]:
    table: OwnTable = own_table(scenario, named, schema)
    names = table.columns["base_id" if schema is DRONE_BASES else "name"]
    rows = zip(names, table.lat[""].tolist(), table.lon[""].tolist(), table.lines, strict=True)
    for name, lat, lon, line in rows:
        yield Place(str(table.path), "lat, lon", str(name), lat, lon, line)


def _line(text: str, name: str) -> int | None:
    """Where a row of this name or id stands, if only one does."""
    row = re.compile(rf"""\b(?:name|id)\s*=\s*["']{re.escape(name)}["']""")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if row.search(line)]
    return lines[0] if len(lines) == 1 else None


def _shown(file: Path | None) -> str:
    return "scenario" if file is None else str(file)
