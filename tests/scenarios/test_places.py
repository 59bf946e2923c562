"""Places far from the region are refused wherever a planner writes them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from geo.region import Region
from scenarios.errors import InputFaults
from scenarios.fleet_files import fleet_with_rows
from scenarios.loading import load_scenario
from scenarios.places import check_places

HEAD = """\
title = "t"
question = "q?"
[region]
source = "town"
[policies]
compare = ["as_today", "nearest_3"]
"""
NEAR, SWAPPED = "lat = 50.02\nlon = -5.0", "lat = -5.0\nlon = 50.02"


@pytest.fixture
def region() -> Region:
    bounds = (50.0, -5.001, 50.007, -4.989)
    holds = Region.holds.__get__(SimpleNamespace(bounds=bounds))
    return cast("Region", SimpleNamespace(bounds=bounds, holds=holds))


def told(folder: Path, region: Region, text: str) -> list[str]:
    file = folder / "scenario.toml"
    file.write_text(HEAD + text)
    with pytest.raises(InputFaults) as caught:
        check_places(load_scenario(file), region)
    return [str(fault).replace(str(folder), "") for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("ambulance.fleet.stations", "name"),
        ("ambulance.fleet.hospitals", "name"),
        ("groups.posts", "id"),
        ("drones.bases", "id"),
    ],
)
def test_swapped_places_of_the_scenario_are_refused(
    tmp_path: Path, region: Region, table: str, key: str
) -> None:
    fleet = '[ambulance]\nmodel = "fleet"\n[[ambulance.fleet.stations]]\nname = "home"\n'
    text = f'{fleet}{NEAR}\n[[{table}]]\n{key} = "East"\n'
    file = tmp_path / "scenario.toml"
    file.write_text(f"{HEAD}{text}{NEAR}\n")
    check_places(load_scenario(file), region)
    (line,) = told(tmp_path, region, f"{text}{SWAPPED}\n")
    assert line.startswith(f"/scenario.toml:14: {table}[")
    assert "a place inside the region (50.000..50.007, -5.001..-4.989) or within 30 km" in line
    assert line.endswith("found -5.0000, 50.0200 for 'East' (latitude and longitude swapped?)")


def test_a_place_far_away_is_refused_without_a_guess(tmp_path: Path, region: Region) -> None:
    (line,) = told(tmp_path, region, '[[drones.bases]]\nid = "a"\nlat = 52.0\nlon = -5.0\n')
    assert line.endswith("found 52.0000, -5.0000 for 'a'")


def test_bases_of_a_file_are_named_with_their_line(tmp_path: Path, region: Region) -> None:
    (tmp_path / "bases.csv").write_text("base_id,lat,lon\na,50.01,-5.0\nb,-5.0,50.01\n")
    (line,) = told(tmp_path, region, '[drones]\nbases_csv = "bases.csv"\n')
    assert line.startswith("/bases.csv:3: lat, lon: a place inside the region")
    assert line.endswith("for 'b' (latitude and longitude swapped?)")


def test_a_base_without_drones_may_stand_anywhere(tmp_path: Path, region: Region) -> None:
    (tmp_path / "bases.csv").write_text("base_id,lat,lon\na,50.01,-5.0\nb,57.0,1.0\n")
    file = tmp_path / "scenario.toml"
    file.write_text(HEAD + '[drones]\nbases_csv = "bases.csv"\nfly_from = ["a"]\n')
    check_places(load_scenario(file), region)


def test_a_swapped_station_of_a_file_is_not_left_out(tmp_path: Path, region: Region) -> None:
    (tmp_path / "stations.csv").write_text("name,lat,lon\na,50.01,-5.0\nb,-5.0,50.01\nc,57,1\n")
    file = tmp_path / "scenario.toml"
    file.write_text(
        HEAD + '[ambulance]\nmodel = "fleet"\n[ambulance.fleet]\nstations_csv = "stations.csv"\n'
    )
    plain: Any = None
    with pytest.raises(InputFaults, match=r"stations\.csv:3: .*swapped\?") as caught:
        fleet_with_rows(load_scenario(file), region, plain)
    assert len(caught.value.faults) == 1
