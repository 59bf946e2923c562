"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every machine, and no clock: a loaded machine must not fail a property.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

SHARED_DATA_VARIABLE = "HEARTREACH_TEST_DATA"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real extracts beside the checkout, or a skip with the reason."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get(SHARED_DATA_VARIABLE, root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data: {folder} is missing (set {SHARED_DATA_VARIABLE} to its folder)")
    return folder


@pytest.fixture(scope="session")
def tiny_extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real extract of 6 x 6 streets, 150 m apart, with houses and three AEDs."""
    from geo.osm_write import Extract, Way, write_extract  # noqa: PLC0415

    step_lat, step_lon, size = 0.00135, 0.0021, 6
    lat = [50.0 + step_lat * row for row in range(size) for _ in range(size)]
    lon = [-5.0 + step_lon * column for _ in range(size) for column in range(size)]
    rows = [[size * row + column for column in range(size)] for row in range(size)]
    street = {"highway": "residential"}
    ways = [Way(nodes, street) for nodes in (*rows, *map(list, zip(*rows, strict=True)))]
    for row in range(size - 1):
        for column in range(size - 1):
            first = len(lat)
            south, west = 50.0 + step_lat * (row + 0.4), -5.0 + step_lon * (column + 0.4)
            lat += [south, south, south + 0.0001, south + 0.0001]
            lon += [west, west + 0.0002, west + 0.0002, west]
            ways.append(Way([*range(first, first + 4), first], {"building": "house"}))
    tags = {}
    for place, hours in enumerate(("24/7", "Mo-Fr 09:00-17:00", "weekdays till late")):
        tags[len(lat)] = {"emergency": "defibrillator", "opening_hours": hours}
        lat.append(50.0 + step_lat * (place + 1.5))
        lon.append(-5.0 + step_lon * (place + 1.2))
    path = tmp_path_factory.mktemp("tiny") / "tiny.osm.pbf"
    write_extract(Extract(lat, lon, ways, tags), path)
    return path
