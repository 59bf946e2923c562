"""A planner's folder becomes a compared answer with three commands, and every row is accounted for.

The commands and the files are those of ``docs/own-data.md``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
Call = Callable[..., "subprocess.CompletedProcess[str]"]

SCENARIO = """\
title = "Nearest three or phased seven?"
question = "Whose rule wakes fewer people for the same time to CPR?"

[region]
source = "region"
lookup = "areas.csv"

[defaults]
nation = "england"

[incidents]
csv = "arrests.csv"
observed_years = 3.0

[responders]
per_zone_csv = "volunteers.csv"

[aeds]
source = "csv"
csv = "aeds.csv"
crs = "bng"

[policies]
compare = ["as_today", "nearest_3"]

[run]
years = 1.0
replications = 4
"""


def zones() -> dict[str, Any]:
    features = []
    for number, (west, east) in enumerate(((-5.001, -4.995), (-4.995, -4.988)), 1):
        ring = [[west, 49.999], [east, 49.999], [east, 50.008], [west, 50.008], [west, 49.999]]
        facts = {"id": f"Z{number}", "name": f"Ward {number}", "population": 12_000,
                 "deprivation_decile": 1 + 8 * (number - 1)}  # fmt: skip
        shape = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": facts, "geometry": shape})
    return {"type": "FeatureCollection", "features": features}


def arrests(n: int = 90) -> str:
    rng = np.random.default_rng(4)
    lines = ["called_at,lat,lon,place,witnessed,response_s,remark"]
    for day in sorted(rng.integers(0, 1090, n).tolist()):
        at = np.datetime64("2022-01-01") + day
        hour, minute = rng.integers(6, 24), rng.integers(0, 60)
        east = rng.random() < 0.8  # four in five in ward 2
        lon = -4.9925 + 0.002 * rng.random() if east else -4.999 + 0.002 * rng.random()
        wait = rng.lognormal(np.log(420), 0.5)
        lines.append(f"{at} {hour:02d}:{minute:02d},{50.001 + 0.005 * rng.random():.5f},"
                     f"{lon:.5f},home,yes,{wait:.0f},x")  # fmt: skip
    lines.append("2022-05-05 10:00,51.5,-0.1,home,no,300,x")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tiny_extract: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from scenarios.coordinates import BRITISH_GRID  # noqa: PLC0415
    from pyproj import Transformer  # noqa: PLC0415 isort: skip

    folder = tmp_path_factory.mktemp("planner")
    shutil.copy(tiny_extract, folder / "town.osm.pbf")
    (folder / "zones.geojson").write_text(json.dumps(zones()))
    (folder / "arrests.csv").write_text(arrests())
    (folder / "volunteers.csv").write_text("zone_id,responders\nZ1,30\nZ2,60\nZ77,9\n")
    (folder / "areas.csv").write_text(
        "zone_id,name,place,care_system,ambulance_service\n"
        "Z1,Harbour,Southtown,West,South Western\nZ2,,Northtown,West,South Western\n"
    )
    grid = Transformer.from_crs("EPSG:4326", BRITISH_GRID, always_xy=True)
    rows = ["aed_id,easting,northing,opening_hours"]
    for number, (lat, lon) in enumerate([(50.002, -4.997), (50.004, -4.992)]):
        easting, northing = grid.transform(lon, lat)
        rows.append(f"a{number},{easting:.1f},{northing:.1f},24/7")
    (folder / "aeds.csv").write_text("\n".join(rows) + "\n")
    (folder / "scenario.toml").write_text(SCENARIO)
    return folder


@pytest.fixture(scope="module")
def call(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Call:
    cache = str(tmp_path_factory.mktemp("cache"))
    environment = {**os.environ, "HEARTREACH_CACHE": cache, "PYTHONPATH": str(ROOT)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "heartreach", *arguments]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="module")
def built(call: Call) -> Call:
    done = call(
        "region", "build", "town.osm.pbf", "--out", "region", "--zones", "zones.geojson",
        "--timezone", "Europe/London", "--modes", "foot",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return call


def test_three_commands_lead_to_a_compared_answer(built: Call, folder: Path) -> None:
    run = built("run", "scenario.toml", "--out", "results", "--workers", "1")
    assert run.returncode == 0, run.stderr
    assert "arrests.csv: 90 of 91 rows used; left out: 1 outside the region" in run.stdout
    assert "unknown columns: remark" in run.stdout
    assert "volunteers.csv: 2 of 3 rows used" in run.stdout
    assert "aeds.csv: 2 of 2 rows used" in run.stdout
    compared = built(
        "compare", "scenario.toml", "--policies", "as_today", "nearest_3", "phased_7",
        "--precision", "0.5", "--max-replications", "3", "--out", "comparison", "--workers", "1",
        "--json",
    )  # fmt: skip
    assert compared.returncode == 0, compared.stderr
    answer = json.loads(compared.stdout)
    assert [row["policy"] for row in answer["differences"]] == ["nearest_3", "phased_7"]
    assert all(row["low"] <= row["high"] for row in answer["differences"])
    assert answer["stopping"]["reason"] == "narrow_enough"
    assert answer["replications"] == 3
    for name in ("results", "comparison"):
        assert (folder / name / "report.html").stat().st_size > 10_000

    summary = json.loads((folder / "results" / "summary.json").read_text())
    assert summary["back_cast"]["observed"]["n"] == 90
    assert summary["back_cast"]["verdict"] in ("fits", "does_not_fit")
    assert summary["demand_fit"]["space"] == "zones"
    assert summary["demand_fit"]["per_100k_year"] == pytest.approx(90 / 3 / 24_000 * 1e5)
    assert summary["invented"] == []
    areas = next(group for group in summary["groups"] if group["kind"] == "area")
    assert {group["label"] for group in areas["groups"]} == {"Harbour", "Ward 2"}
    counts = {group["label"]: group["arrests"] for group in areas["groups"]}
    assert counts["Ward 2"] > 1.8 * counts["Harbour"]  # the same population, four in five arrests
    places = {group["kind"] for group in summary["groups"]}
    assert {"place", "ambulance_service"} <= places


def test_each_wrong_row_is_told_with_file_line_and_field(built: Call, folder: Path) -> None:
    wrong = (folder / "arrests.csv").read_text().splitlines()
    wrong[2] = "someday,50.002,-4.993,home,yes,300,x"
    wrong[5] = "2022-05-05 10:00,50.002,-4.993,home,perhaps,3000000,x"
    (folder / "wrong.csv").write_text("\n".join(wrong) + "\n")
    (folder / "wrong.toml").write_text(SCENARIO.replace("arrests.csv", "wrong.csv"))
    done = built("run", "wrong.toml", "--out", "wrong-results")
    assert done.returncode == 2
    told = [line.split("wrong.csv:")[1] for line in done.stderr.splitlines()]
    assert [line.split(" ")[0:2] for line in told] == [
        ["3:", "called_at:"], ["6:", "response_s:"], ["6:", "witnessed:"],
    ]  # fmt: skip
    assert not (folder / "wrong-results").exists()
