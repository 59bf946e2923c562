"""Lets the tests of this folder import the oracles and small networks beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from geo.osm import Extract, read_extract
from geo.speeds import FOOT

TESTS = str(Path(__file__).resolve().parents[1])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)


@pytest.fixture(scope="session")
def real_extract(shared_data: Path) -> Callable[[str], Extract]:
    """A real extract by name, on foot, read once for all tests."""

    @cache
    def read(name: str) -> Extract:
        return read_extract(shared_data / "osm" / f"{name}.osm.pbf", [FOOT])

    return read
