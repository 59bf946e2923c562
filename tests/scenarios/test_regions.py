"""From ``[region]`` and own files to a region and parameters, with every fault named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geo import osm_fetch
from geo.errors import GeoError, PlaceError
from geo.region import Region
from scenarios.cache import cache_folder, fingerprint
from scenarios.errors import InputFaults, ScenariosError
from scenarios.inputs import read_inputs, world_parameters
from scenarios.loading import check_scenario
from scenarios.regions import invented_parts, open_region, prepare_region
from scenarios.schema import Scenario

Make = Callable[..., Scenario]


@pytest.fixture
def make(tiny_extract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A scenario on the tiny extract, beside whose file own data may lie (``tmp_path``)."""
    monkeypatch.setenv("HEARTREACH_CACHE", str(tiny_extract.parent / "cache"))

    def build(region: dict[str, Any] | None = None, **tables: Any) -> Scenario:
        own = {"source": str(tiny_extract), "timezone": "Europe/London", "population": 2000}
        data = {"title": "x", "region": {**own, **(region or {})}, **tables}
        kept = {key: value for key, value in data["region"].items() if value is not None}
        return check_scenario({**data, "region": kept}, file=str(tmp_path / "scenario.toml"))

    return build


def opened(scenario: Scenario) -> Region:
    return open_region(scenario, prepare_region(scenario))


def told(scenario: Scenario) -> str:
    """What a planner reads when the region or the own data cannot be used."""
    with pytest.raises((ScenariosError, GeoError)) as caught:
        world_parameters(scenario, opened(scenario))
    return str(caught.value)


def test_a_region_is_built_once_and_found_again(make: Make) -> None:
    steps: list[str] = []
    folder = prepare_region(make(), progress=steps.append)
    steps.clear()
    assert prepare_region(make(), progress=steps.append) == folder
    assert steps == []
    assert folder.is_relative_to(cache_folder())
    assert prepare_region(make({"timezone": "Europe/Paris"})) != folder


def test_a_damaged_cache_is_built_again(make: Make) -> None:
    folder = prepare_region(make())
    (folder / "manifest.json").write_text("{}")
    assert len(opened(make()).aeds) == 3


def test_a_region_folder_is_used_as_it_is(make: Make) -> None:
    folder = prepare_region(make())
    plain = {"source": str(folder), "timezone": None}
    assert opened(make(plain)).folder == folder
    assert "a region folder holds both" in told(make({"source": str(folder)}))
    assert "region.population: the number of people" in told(make({**plain, "population": None}))


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ({"source": "no.osm.pbf"}, "region.source: an extract that is there"),
        ({"source": "nowhere.xyz"}, "or a region folder"),
        ({"zones": "no.geojson"}, "region.zones: a file of zones that is there"),
        ({"timezone": None}, "region.timezone: an IANA name"),
        ({"timezone": "Europe/Nowhere"}, "Nowhere"),
        ({"population": None}, "region.population: the number of people, or zones"),
    ],
)
def test_a_wrong_region_is_told(make: Make, region: dict[str, Any], words: str) -> None:
    assert words in told(make(region))


def test_a_place_name_is_asked_for_once_and_without_a_connection_told(
    make: Make, tiny_extract: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def fails(place: str, out: Path) -> None:
        raise PlaceError(f"{place}: not found or no connection")

    def answers(place: str, out: Path) -> None:
        asked.append(place)
        shutil.copy(tiny_extract, out)

    monkeypatch.setattr(osm_fetch, "fetch_place", fails)
    assert 'heartreach region fetch "Camborne"' in told(make({"source": "Camborne"}))
    monkeypatch.setattr(osm_fetch, "fetch_place", answers)
    assert len(opened(make({"source": "Camborne"})).aeds) == 3
    assert len(opened(make({"source": "camborne "})).aeds) == 3
    assert asked == ["Camborne"]


def test_all_faults_of_a_region_come_at_once(make: Make) -> None:
    both = {"source": "no.osm.pbf", "timezone": None, "zones": "no.geojson"}
    assert len(told(make(both)).splitlines()) == 3


def test_invented_aeds_are_seeded_and_grow_with_their_number(make: Make) -> None:
    def aeds(per_10k: float, seed: int = 1) -> Any:
        table = {"source": "synthetic", "per_10k": per_10k}
        return opened(make(aeds=table, run={"seed": seed})).aeds

    few, again, many, other = aeds(50.0), aeds(50.0), aeds(100.0), aeds(50.0, seed=2)
    assert (len(few), len(many)) == (10, 20)
    assert np.array_equal(few.lat, again.lat)
    assert few.opening_hours == many.opening_hours[:10]
    assert np.array_equal(few.lat, many.lat[:10])
    assert not np.array_equal(few.lat, other.lat)
    assert (few.positions.edge >= 0).all()
    assert set(few.osm_id) == {f"invented/{number}" for number in range(10)}
    assert not any(kind == "invalid" for kind in many.hours_kind)


def test_other_aeds_make_another_region_id(make: Make) -> None:
    ids = [opened(make(aeds=table)).region_id for table in
           ({}, {"source": "synthetic"}, {"source": "synthetic", "per_10k": 80.0})]  # fmt: skip
    assert len(set(ids)) == 3
    assert len({one.split("-")[0] for one in ids}) == 1


def test_what_is_invented_is_said(make: Make) -> None:
    town = check_scenario({"title": "x", "region": {"source": "town"}}, file="x")
    assert invented_parts(town) == ("the whole town", "AEDs", "people")
    assert invented_parts(make()) == ("people",)
    assert invented_parts(make(aeds={"source": "synthetic"})) == ("AEDs", "people")
    assert invented_parts(make(responders={"csv": "own.csv"})) == ()


def test_own_aeds_come_with_their_hours(make: Make, tmp_path: Path) -> None:
    rows = "aed_id,lat,lon,opening_hours,access,indoor,locked\n"
    rows += "a,50.001,-4.999,24/7,yes,no,no\nb,50.003,-4.997,,customers,yes,yes\n"
    (tmp_path / "aeds.csv").write_text(rows)
    aeds = opened(make(aeds={"source": "csv", "csv": "aeds.csv"})).aeds
    assert aeds.osm_id == ("csv/a", "csv/b")
    assert aeds.opening_hours == ("24/7", None)
    assert aeds.public.tolist() == [True, False]
    assert aeds.indoor == ("no", "yes")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,51.5,-0.1", "a place inside the region (50.000..50.007, -5.000..-4.989), found 51.5"),
        ("a,-4.995,50.003", "latitude and longitude swapped?"),
        ("a,95,-5", "a number of degrees from -90 to 90"),
        ("a,nan,-5", "a number of degrees"),
    ],
)
def test_a_place_that_is_not_in_the_region_is_told(
    make: Make, tmp_path: Path, row: str, words: str
) -> None:
    (tmp_path / "aeds.csv").write_text(f"aed_id,lat,lon\n{row}\n")
    assert words in told(make(aeds={"source": "csv", "csv": "aeds.csv"}))


def test_swapped_zones_are_told(make: Make, tmp_path: Path) -> None:
    ring = [[50.0, -5.0], [50.01, -5.0], [50.01, -4.98], [50.0, -5.0]]
    feature = {
        "type": "Feature",
        "properties": {"population": 10},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    zones = {"type": "FeatureCollection", "features": [feature]}
    (tmp_path / "zones.geojson").write_text(json.dumps(zones))
    assert "swapped" in told(make({"zones": "zones.geojson"}))


# --- rows of own data ------------------------------------------------------------------------


def test_arrests_are_replayed_in_time_and_place(make: Make, tmp_path: Path) -> None:
    rows = "called_at,lat,lon,place,witnessed,response_s\n"
    rows += "2025-07-01 12:00,50.002,-4.996,home,yes,400\n2025-01-01 00:30,50.003,-4.997,,,\n"
    (tmp_path / "arrests.csv").write_text(rows)
    scenario = make(incidents={"model": "trace", "csv": "arrests.csv"})
    trace = world_parameters(scenario, opened(scenario)).arrivals.trace
    assert trace is not None
    first, second = trace
    assert first.t_s == 1800.0
    assert (first.home, first.witnessed, first.ambulance_s) == (None, None, None)
    assert second.t_s == 181 * 86400 + 11 * 3600  # 12:00 in summer is 11:00 UTC
    assert (second.home, second.witnessed, second.ambulance_s) == (True, True, 400.0)


def test_arrests_outside_the_simulated_time_are_told(make: Make, tmp_path: Path) -> None:
    rows = "called_at,lat,lon\n2024-12-31 12:00,50.002,-4.996\n2027-01-01 12:00,50.002,-4.996\n"
    (tmp_path / "arrests.csv").write_text(rows)
    lines = told(make(incidents={"model": "trace", "csv": "arrests.csv"})).splitlines()
    assert len(lines) == 2
    assert ":2: called_at: a call within 1 years of run.start_date 2025-01-01" in lines[0]


def test_replayed_arrests_before_and_after_the_study_are_counted(
    make: Make, tmp_path: Path
) -> None:
    rows = "called_at,lat,lon,bystander_cpr,response_s\n"
    rows += "2024-12-31 12:00,50.002,-4.996,yes,300\n2025-06-01 12:00,50.002,-4.996,,400\n"
    rows += "2027-01-01 12:00,50.002,-4.996,,500\n2025-06-01 12:00,51.5,-0.1,,600\n"
    (tmp_path / "arrests.csv").write_text(rows)
    scenario = make(incidents={"model": "trace", "csv": "arrests.csv"})
    inputs = read_inputs(scenario, opened(scenario))
    (use,) = inputs.row_use
    assert (use.rows, use.used, use.outside_region) == (4, 1, 1)
    assert (use.before_study, use.after_study) == (1, 1)
    assert use.unused_columns == ("bystander_cpr",)
    assert inputs.observed is not None
    assert inputs.observed.ambulance_s == (300.0, 400.0, 500.0)
    assert inputs.observed.replayed
    own = make(incidents={"model": "trace", "csv": "arrests.csv", "replay_times": False})
    other = read_inputs(own, opened(own))
    assert other.observed is not None
    assert not other.observed.replayed
    assert other.parameters.arrivals.trace is not None
    assert other.parameters.arrivals.trace[0].ambulance_s is None


def test_arrests_without_zones_are_fitted_by_kernel(make: Make, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = ["called_at,lat,lon"]
    for day in range(60):
        west = -4.999 if rng.random() < 0.85 else -4.992
        at = f"2024-{1 + day // 28:02d}-{1 + day % 28:02d} {rng.integers(8, 12):02d}:30"
        rows.append(f"{at},{50.001 + 0.005 * rng.random():.5f},{west + 0.001 * rng.random():.5f}")
    (tmp_path / "arrests.csv").write_text("\n".join(rows) + "\n")
    scenario = make(incidents={"csv": "arrests.csv", "bandwidth_m": 120.0, "observed_years": 0.5})
    region = opened(scenario)
    inputs = read_inputs(scenario, region)
    arrivals, fit = inputs.parameters.arrivals, inputs.demand_fit
    assert fit is not None
    assert (fit.space, fit.bandwidth_m, fit.arrests, fit.held_back) == ("kde", 120.0, 60, 30)
    assert arrivals.per_100k_year == pytest.approx(60 / 0.5 / 2000 * 1e5)
    assert sum(arrivals.hour_shares[7:13]) == pytest.approx(1.0)
    assert arrivals.place_risk is not None
    risk = np.array(arrivals.place_risk)
    assert len(risk) == len(region.demand)
    western = region.demand.lon < -4.9965
    assert risk[western].mean() > 2.0 * risk[~western].mean()
    assert fit.hours.unfitted.p is not None
    assert fit.hours.unfitted.p < 1e-6
    (tmp_path / "arrests.csv").write_text("\n".join(rows[:20]) + "\n")
    with pytest.raises(InputFaults, match="at least 24 arrests"):
        read_inputs(scenario, region)


def test_own_volunteers_live_where_the_file_says(make: Make, tmp_path: Path) -> None:
    rows = (
        "responder_id,lat,lon,work_lat,work_lon\na,50.001,-4.999,,\nb,50.002,-4.998,50.004,-4.99\n"
    )
    (tmp_path / "people.csv").write_text(rows)
    scenario = make(responders={"csv": "people.csv"})
    people = world_parameters(scenario, opened(scenario)).people
    assert people.home_lat == (50.001, 50.002)
    assert people.work_lat == (None, 50.004)
    assert people.work_lon == (None, -4.99)


def test_volunteers_per_zone_need_known_zones(make: Make, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("zone_id,responders\nZ1,5\nZ9,1\n")
    assert "a region with zones" in told(make(responders={"csv": "people.csv"}))
    ring = [[-5.0, 50.0], [-4.99, 50.0], [-4.99, 50.0065], [-5.0, 50.0065], [-5.0, 50.0]]
    feature = {
        "type": "Feature",
        "properties": {"id": "Z1", "population": 1500},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    zones = {"type": "FeatureCollection", "features": [feature]}
    (tmp_path / "zones.geojson").write_text(json.dumps(zones))
    table = {"responders": {"csv": "people.csv"}}
    scenario = make({"zones": "zones.geojson"}, **table)
    inputs = read_inputs(scenario, opened(scenario))
    assert inputs.parameters.people.per_zone == (("Z1", 5.0),)
    assert inputs.row_use[0].words == "people.csv: 1 of 2 rows used; left out: 1 outside the region"
    (tmp_path / "people.csv").write_text("zone_id,responders\nZ8,5\nZ9,1\n")
    assert ":3: zone_id: a zone of the region, found 'Z9'" in told(scenario)


def test_volunteers_may_stand_in_a_column_of_the_zones(make: Make, tmp_path: Path) -> None:
    ring = [[-5.0, 50.0], [-4.99, 50.0], [-4.99, 50.0065], [-5.0, 50.0065], [-5.0, 50.0]]
    feature = {
        "type": "Feature",
        "properties": {"id": "Z1", "population": 1500, "helpers": 12, "wrong": "many"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    zones = {"type": "FeatureCollection", "features": [feature]}
    (tmp_path / "zones.geojson").write_text(json.dumps(zones))
    own = {"zones": "zones.geojson"}
    scenario = make(own, responders={"zone_column": "helpers"})
    assert world_parameters(scenario, opened(scenario)).people.per_zone == (("Z1", 12.0),)
    assert "found 'helper'" in told(make(own, responders={"zone_column": "helper"}))
    assert "zone 1: wrong: a number of people" in told(
        make(own, responders={"zone_column": "wrong"})
    )
    assert "region.zones beside it" in told(make(responders={"zone_column": "helpers"}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ambulance_s\n300\n-5\nfast\n", "2"),
        ("seconds\n300\n", "ambulance_s: this column expected"),
        ("ambulance_s\n", "at least one row"),
    ],
)
def test_wrong_ambulance_times_are_told(
    make: Make, tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "times.csv").write_text(content)
    lines = told(make(ambulance={"model": "trace", "csv": "times.csv"})).splitlines()
    assert words in lines[0] if len(lines) == 1 else len(lines) == int(words)


def test_observed_ambulance_times_are_read(make: Make, tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text("id,ambulance_s\n1,300\n2,412.5\n")
    scenario = make(ambulance={"model": "trace", "csv": "times.csv"})
    assert world_parameters(scenario, opened(scenario)).ambulance.trace_s == (300.0, 412.5)


FLEET_CSV = (
    "name,lat,lon,ambulances,co_responders,shift_from_hour,shift_to_hour\n"
    "North,50.005,-4.995,2,1,,\nDay,50.1,-4.9,,,19,7\nFar,52.0,1.0,5,0,,\n"
)


def test_a_fleet_comes_from_files_with_its_pressure(make: Make, tmp_path: Path) -> None:
    (tmp_path / "stations.csv").write_text(FLEET_CSV)
    (tmp_path / "hospitals.csv").write_text(
        "name,lat,lon,handover_median_s\nA,50.0,-5.0,2000\nB,50.1,-5.0,\n"
    )
    fleet = {
        "stations_csv": "stations.csv", "hospitals_csv": "hospitals.csv", "pressure_level": 4,
        "demand_pressure": 2.0,
    }  # fmt: skip
    scenario = make(ambulance={"model": "fleet", "fleet": fleet})
    region = opened(scenario)
    assert set(region.networks) == {"foot", "car"}
    inputs = read_inputs(scenario, region)
    made = inputs.parameters.fleet
    assert made is not None
    north, day = made.stations
    assert (north.ambulances, north.co_responders, north.shift_hours) == (2, 1, (0.0, 24.0))
    assert (day.ambulances, day.co_responders, day.shift_hours) == (1, 0, (19.0, 7.0))
    assert [hospital.handover.median_s for hospital in made.hospitals] == [2000.0, 1350.0]
    assert made.demand_pressure == pytest.approx(2.3)
    assert made.handover_pressure == pytest.approx(2.2)
    assert inputs.row_use[0].words == (
        "stations.csv: 2 of 3 rows used; left out: 1 outside the region"
    )


def test_wrong_stations_are_told(make: Make, tmp_path: Path) -> None:
    (tmp_path / "stations.csv").write_text("name,lat,lon,ambulances\nA,50.0,-5.0,two\nA,50,-5,1\n")
    lines = told(make(ambulance={"model": "fleet", "fleet": {"stations_csv": "stations.csv"}}))
    assert ":2: ambulances: a whole number, 0 or more, expected, found 'two'" in lines
    assert ":3: name: each identifier once expected" in lines


def test_modes_of_a_file_of_volunteers_bring_their_networks(make: Make, tmp_path: Path) -> None:
    rows = "responder_id,lat,lon,mode\na,50.001,-4.999,car\nb,50.002,-4.998,\n"
    (tmp_path / "people.csv").write_text(rows)
    scenario = make(responders={"csv": "people.csv"})
    region = opened(scenario)
    assert set(region.networks) == {"foot", "bicycle", "car"}
    assert world_parameters(scenario, region).people.mode == ("car", "foot")


def test_a_fingerprint_depends_on_content_and_facts(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"1")
    first = fingerprint([file], "x")
    assert first == fingerprint([file], "x")
    assert first != fingerprint([file], "y")
    file.write_bytes(b"2")
    assert first != fingerprint([file], "x")


def test_hours_that_cannot_be_read_and_locked_aeds_are_told(make: Make, tmp_path: Path) -> None:
    rows = [
        "aed_id,lat,lon,opening_hours,locked",
        "a,50.002,-4.997,24/7,no",
        "b,50.003,-4.996,Montag bis Freitag 8-18 Uhr,no",
        "c,50.004,-4.996,,yes",
        "d,51.5,-0.1,Montag,yes",
    ]
    (tmp_path / "aeds.csv").write_text("\n".join(rows) + "\n")
    scenario = make(aeds={"source": "csv", "csv": "aeds.csv"})
    (use,) = read_inputs(scenario, opened(scenario)).row_use
    assert use.words == (
        "aeds.csv: 3 of 4 rows used; left out: 1 outside the region; 1 with opening hours that "
        "cannot be read, taken as unknown (line 3: 'Montag bis Freitag 8-18 Uhr'; expected like "
        "Mo-Fr 08:00-18:00 or 24/7); 1 locked or private: nobody is sent to them"
    )


def test_a_base_on_the_wrong_side_of_the_world_stops_a_study(make: Make) -> None:
    base = {"id": "A", "lat": -4.99, "lon": 50.0}
    assert "latitude and longitude swapped?" in told(make(drones={"bases": [base]}))
