"""The faults of all files of a scenario are told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.errors import InputFaults
from scenarios.loading import check_scenario
from scenarios.own_files import check_files

WRONG = {
    "arrests.csv": "called_at,lat,lon\nyesterday,50,0\n",
    "people.csv": "zone_id;responders\nZ1;many\n",
    "aeds.csv": "aed_id,lat,lon\n",
    "times.csv": "ambulance_s\nsoon\n",
    "stations.csv": "name,lat,lon\na,north,0\n",
    "posts.csv": "name,lat,lon\na,north,0\n",
}
TABLES: dict[str, Any] = {
    "title": "x",
    "region": {"source": "town", "population": 1000},
    "incidents": {"csv": "arrests.csv", "observed_years": 1.0},
    "responders": {"csv": "people.csv"},
    "aeds": {"source": "csv", "csv": "aeds.csv"},
    "ambulance": {
        "model": "fleet",
        "observed_csv": "times.csv",
        "fleet": {"stations_csv": "stations.csv"},
    },
    "groups": {"posts_csv": "posts.csv"},
    "drones": {"bases_csv": "not_there.csv"},
}


def test_every_file_is_read_before_any_is_refused(tmp_path: Path) -> None:
    for name, text in WRONG.items():
        (tmp_path / name).write_text(text)
    scenario = check_scenario(TABLES, file=str(tmp_path / "scenario.toml"))
    with pytest.raises(InputFaults) as caught:
        check_files([scenario, scenario])
    files = [Path(fault.file).name for fault in caught.value.faults]
    assert sorted(files) == sorted([*WRONG, "not_there.csv"])
    assert "a whole number, 0 or more, expected" in str(caught.value)


def test_good_files_pass(tmp_path: Path) -> None:
    (tmp_path / "aeds.csv").write_text("aed_id,lat,lon\na,50,0\n")
    tables = {name: TABLES[name] for name in ("title", "region", "aeds")}
    check_files([check_scenario(tables, file=str(tmp_path / "scenario.toml"))])


@pytest.mark.parametrize(("model", "refused"), [("rates", True), ("trace", False)])
def test_rates_are_not_learned_from_the_future(tmp_path: Path, model: str, refused: bool) -> None:
    rows = "2024-01-05 10:00,50,0\n2924-01-05 10:00,50,0\n"
    (tmp_path / "arrests.csv").write_text(f"called_at,lat,lon\n{rows}")
    incidents = {**TABLES["incidents"], "model": model}
    if model == "trace":
        incidents.pop("observed_years")
    tables = {"title": "x", "region": TABLES["region"], "incidents": incidents}
    scenario = check_scenario(tables, file=str(tmp_path / "scenario.toml"))
    if not refused:
        check_files([scenario])
        return
    with pytest.raises(InputFaults, match=r"arrests\.csv:3: called_at: a call that has been"):
        check_files([scenario])
