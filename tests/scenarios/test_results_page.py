"""The page about results names every column, in the order of the tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.records import ALERT_COLUMNS, EVENT_COLUMNS, incident_columns

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results.md"


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("incidents", incident_columns(("…",), drones=True)),
        ("alerts", ALERT_COLUMNS),
        ("events", EVENT_COLUMNS),
    ],
)
def test_every_column_has_a_line(table: str, columns: tuple[tuple[str, str], ...]) -> None:
    section = re.split(r"\n##", PAGE.read_text(encoding="utf-8").split(f"### {table}\n")[1])[0]
    assert re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE) == [name for name, _ in columns]
