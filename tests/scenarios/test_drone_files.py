"""``[drones]`` and ``[weather]`` become a sky, or a list of faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scenarios.drone_files import sky_of
from scenarios.errors import InputFaults
from scenarios.loading import check_scenario
from scenarios.schema import Scenario
from scenarios.sheet import parameter_sheet
from sim.drone_parameters import DroneParameters
from sim.parameters import DayNight
from sim.weather import WeatherParameters

BASE = {"id": "A", "lat": 57.1, "lon": -5.2}


def scenario(folder: Path, **tables: Any) -> Scenario:
    data = {"title": "x", "region": {"source": "town", "population": 1000}, **tables}
    return check_scenario(data, file=str(folder / "scenario.toml"))


def prison(folder: Path, name: str = "zones.geojson", rule: str = "forbid") -> str:
    ring = [[-5.21, 57.11], [-5.20, 57.11], [-5.20, 57.12], [-5.21, 57.12], [-5.21, 57.11]]
    feature = {
        "type": "Feature",
        "properties": {"id": "p", "rule": rule, "name": "Prison"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    collection = {"type": "FeatureCollection", "features": [feature]}
    (folder / name).write_text(json.dumps(collection))
    return name


def test_no_base_is_no_sky_and_no_line_of_the_sheet(tmp_path: Path) -> None:
    bare = scenario(tmp_path)
    assert sky_of(bare) is None
    assert not [row for row in parameter_sheet(bare) if row.name.startswith(("drones", "weather"))]


def test_bases_airspace_and_permission_reach_the_sky(tmp_path: Path) -> None:
    name = prison(tmp_path)
    asked = {
        "bases": [{**BASE, "drones": 2, "agreed": ["p"]}],
        "airspace": [name],
        "night_flying": False,
        "permission": {"granted_share": 0.5},
        "suspected_share": 0.0,
    }
    drones = scenario(tmp_path, drones=asked)
    sky = sky_of(drones)
    assert sky is not None
    assert [volume.volume_id for volume in sky.airspace.volumes] == ["p"]
    base = sky.drones.bases[0]
    assert (base.base_id, base.drones, base.agreed) == ("A", 2, ("p",))
    assert sky.drones.general_permission.granted_share == 0.5
    assert not sky.drones.night_flying
    assert sky.drones.suspicion.share == 0.0
    assert "drones.night_flying" in {row.name for row in parameter_sheet(drones)}


def test_the_invented_district_has_its_own_airspace(tmp_path: Path) -> None:
    base = {"id": "S", "lat": 56.40, "lon": 1.60}
    sky = sky_of(scenario(tmp_path, drones={"bases": [base], "airspace": ["remote"]}))
    assert sky is not None
    assert len(sky.airspace) > 0


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"drones": {"bases": [{"id": "A", "lat": 157.0, "lon": 0.0}]}}, "drones.bases"),
        ({"drones": {"bases": [{**BASE, "wings": 4}]}}, "wings"),
        ({"drones": {"ground_elevation_m": [300, 0]}}, "drones.ground_elevation_m"),
        ({"weather": {"model": "csv"}}, "weather.csv"),
    ],
)
def test_what_the_schema_refuses_is_named(
    tmp_path: Path, tables: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputFaults, match=says):
        scenario(tmp_path, **tables)


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"drones": {"bases": [BASE, BASE]}}, "each id once"),
        ({"drones": {"bases": [{**BASE, "aircraft": "kite"}]}}, "kite"),
        ({"drones": {"bases": [BASE], "airspace": ["none.geojson"]}}, "none.geojson"),
        ({"drones": {"bases": [BASE], "airspace": ["osm"]}}, "an extract as"),
        (
            {"drones": {"bases": [BASE]}, "weather": {"model": "csv", "csv": "none.csv"}},
            "none.csv",
        ),
    ],
)
def test_what_the_files_hold_is_refused_with_its_name(
    tmp_path: Path, tables: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputFaults, match=says):
        sky_of(scenario(tmp_path, **tables))


def test_every_bad_volume_is_told(tmp_path: Path) -> None:
    name = prison(tmp_path, rule="perhaps")
    with pytest.raises(InputFaults, match="rule"):
        sky_of(scenario(tmp_path, drones={"bases": [BASE], "airspace": [name]}))


def test_a_scenario_that_says_nothing_has_the_simulators_drones_and_weather(
    tmp_path: Path,
) -> None:
    sky = sky_of(scenario(tmp_path, drones={"bases": [BASE]}))
    assert sky is not None
    base = sky.drones.bases
    assert sky.drones == DroneParameters(base)
    assert sky.weather == WeatherParameters()


def test_hands_shares_and_climate_reach_the_simulator(tmp_path: Path) -> None:
    sky = sky_of(
        scenario(
            tmp_path,
            drones={
                "bases": [BASE],
                "child_share": 0.1,
                "no_place_share": {"day": 0.2, "night": 0.3},
                "preparation": {"median_s": 90.0, "sigma": 0.1},
                "busy_s": 21_600.0,
                "hand_over": {"refuses_share": 0.5},
            },
            weather={"mean_c": 4.0, "source": "Lerwick", "wind_scale_mps": 8.5},
        )
    )
    assert sky is not None
    drones, weather = sky.drones, sky.weather
    assert (drones.child_share, drones.busy_s, drones.hand_over.refuses_share) == (0.1, 21_600, 0.5)
    assert (drones.no_place_share, drones.preparation.median_s) == (DayNight(0.2, 0.3), 90.0)
    assert (weather.mean_c, weather.source, weather.wind_scale_mps) == (4.0, "Lerwick", 8.5)
