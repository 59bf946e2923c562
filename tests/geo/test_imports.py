"""Opening the room loads no compiler and no reader of maps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = ("numba", "osmium", "shapely", "opening_hours", "pyarrow", "networkx")


def test_importing_the_room_is_light() -> None:
    check = (
        "import sys, geo.region, geo.routing, geo.snap, geo.network, geo.straight, geo.zones;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", check], cwd=root, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
