"""Reading scenario files: every fault at once, one line each, with file, field and remedy."""

from __future__ import annotations

import pickle
from pathlib import Path

import msgspec
import pytest

from scenarios.errors import Fault, InputFaults
from scenarios.loading import check_scenario, load_scenario
from scenarios.schema import Scenario
from scenarios.sheet import parameter_sheet
from sim.parameters import FleetParameters, GroupParameters, WorldParameters, check

HEAD = 'title = "x"\n[region]\nsource = "town"\n'


def faults_of(text: str, folder: Path) -> list[str]:
    path = folder / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFaults) as caught:
        load_scenario(path)
    return str(caught.value).splitlines()


def only_fault(text: str, folder: Path) -> str:
    (line,) = faults_of(text, folder)
    return line


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ("[patient]\nwitnesed_share = 0.5", "patient.witnesed_share", "witnessed_share"),
        ("[responders]\nposition_error_km = 0.3", "responders.position_error_km", "by 1,000"),
        ("[ambulance]\nmedian_min = 7", "ambulance.median_min", "seconds: multiply by 60"),
        ("[responders]\nposition_error_m = 0.3", "responders.position_error_m", "kilometres by"),
        ("[responders]\nspeed_mps = 18", "responders.speed_mps", "18 km/h is 5"),
        ("[ambulance]\nmedian_s = 7.5", "ambulance.median_s", "7.5 minutes is 450"),
        ("[patient]\nhome_percent = 80", "patient.home_percent", "divide by 100"),
        ("[patient]\nhome_share = 80", "patient.home_share", "not per cent: 0.8"),
        ("[patient]\nhome_share = -0.1", "patient.home_share", "at least 0, found -0.1"),
        ("[incidents]\nper_100k_year = nan", "incidents.per_100k_year", "finite number, found nan"),
        ("[run]\nyears = inf", "run.years", "finite number, found inf"),
        ("[run]\nseed = -1", "run.seed", "at least 0"),
        ("[run]\nreplications = 2.5", "run.replications", "whole number, found 2.5"),
        ("[run]\nstart_date = 3", "run.start_date", "a date such as"),
        ("[incidents]\nmodel = 'rate'", "incidents.model", "did you mean 'rates'"),
        ("[incidents]\nmodel = 'trace'", "incidents.csv", "because model = 'trace'"),
        ("[incidents]\nhour_shares = [0.5]", "incidents.hour_shares", "at least 24"),
        ("[aeds]\nsource = 'csv'", "aeds.csv", "because source = 'csv'"),
        ("[aeds]\ncsv = 'aeds.csv'", "aeds.source", "because csv names a file"),
        ("[ambulance]\np90_s = 100", "ambulance.p90_s", "at least median_s (420), found 100"),
        ("[responders]\nnight_hours = [22, 31]", "responders.night_hours", "0 to 23"),
        ("[responders]\nusable_share = 0.9", "responders.usable_share", "belongs into [aeds]"),
        ("[responders]\naccept_given_seen = {day = 0.3}", "accept_given_seen.night", "a number"),
        ("[responders]\nreply = 40", "responders.reply", "a table with median_s, sigma"),
        ("[outcome]\nmodels = ['walewijn']", "outcome.models[0]", "did you mean 'waalewijn'"),
        ("[policies]\ncompare = []", "policies.compare", "at least 1"),
        ("[policies]\ncompare = ['a', 'a']", "policies.compare", "each policy once"),
        ("[policy]\ncompare = ['a']", "policy", "did you mean policies"),
        ("[satellites]\nbase = 1", "satellites", "tables are"),
    ],
)
def test_a_fault_names_file_line_field_and_remedy(
    tmp_path: Path, body: str, field: str, words: str
) -> None:
    line = only_fault(HEAD + body, tmp_path)
    assert line.startswith(str(tmp_path / "scenario.toml"))
    assert field in line
    assert words in line
    number = int(line.removeprefix(str(tmp_path / "scenario.toml")).split(":")[1])
    assert number in (4, 5)


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    body = "[patient]\nhome_share = 2\nwitnessed_shar = 1\n[run]\nyears = -1\nseed = 'a'\n"
    lines = faults_of(HEAD + body, tmp_path)
    assert len(lines) == 4
    assert [int(line.split("scenario.toml:")[1].split(":")[0]) for line in lines] == [5, 6, 8, 9]


def test_presence_of_one_hour_cannot_exceed_everybody(tmp_path: Path) -> None:
    hours = [0.9] * 24
    body = f"[responders.presence]\nhome_weekday = {hours}\nwork_weekday = {hours}\n"
    assert "home and work of one hour at most 1" in only_fault(HEAD + body, tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"title = \n", "TOML"),
        (b"title = 'x'\nregion = 1\n", "a table [region]"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"", "title"),
    ],
)
def test_what_is_no_scenario_is_told_in_a_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_bytes(content)
    with pytest.raises(InputFaults, match=r"scenario\.toml") as caught:
        load_scenario(path)
    assert words in str(caught.value)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputFaults, match="no such file"):
        load_scenario(tmp_path / "none.toml")
    with pytest.raises(InputFaults, match="a folder"):
        load_scenario(tmp_path)


def test_faults_and_scenarios_travel_to_worker_processes(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(HEAD)
    scenario = pickle.loads(pickle.dumps(load_scenario(path)))
    assert scenario.path("own.csv") == tmp_path / "own.csv"
    fault = InputFaults([Fault("a", "b", "c"), Fault("d", "e", "f")])
    assert pickle.loads(pickle.dumps(fault)).faults == fault.faults


def test_the_defaults_are_those_of_the_simulator() -> None:
    scenario = check_scenario({"title": "x", "region": {"source": "town"}}, file="x")
    assert scenario.to_parameters() == WorldParameters()
    assert check(scenario.to_parameters()) == []


def test_every_number_of_the_simulator_can_be_written_in_a_scenario() -> None:
    """Whatever is not a row of a file or drawn from the region has a key of the same name."""
    from_files = {
        "alerts_per_30_days", "group", "groups", "home_lat", "home_lon", "hospitals", "mode",
        "on_duty_hours", "per_zone", "place_risk", "stations", "trace", "trace_s",
        "verified_until_s", "work_lat", "work_lon",
    }  # fmt: skip
    renamed = {"start_date", "years", "night_from_hour", "night_to_hour", "population"}
    written = {row.name.split(".")[-1] for row in parameter_sheet(_complete())}
    for section in msgspec.structs.fields(WorldParameters):
        kind = FleetParameters if section.name == "fleet" else section.type
        for field in msgspec.structs.fields(kind):
            assert field.name in written | from_files | renamed, f"{section.name}.{field.name}"
    assert {"on_duty_share", "turnout", "turnout_night", "speed_factor", "within_s"} == {
        field.name for field in msgspec.structs.fields(GroupParameters)
    }


def _complete() -> Scenario:
    region = {"source": "town", "population": 1000}
    station = {"name": "A", "lat": 50.0, "lon": -5.0}
    fleet = {"model": "fleet", "fleet": {"stations": [station]}}
    return check_scenario({"title": "x", "region": region, "ambulance": fleet}, file="x")


def test_what_is_written_reaches_the_simulator() -> None:
    data = {
        "title": "x",
        "region": {"source": "town", "population": 5000},
        "incidents": {"per_100k_year": 70.0},
        "patient": {"recognition": {"median_s": 60.0, "sigma": 0.1}},
        "responders": {
            "accept_given_seen": {"day": 0.5, "night": 0.4},
            "night_hours": [22, 6],
            "presence": {"home_weekday": [0.5] * 24, "work_weekday": [0.1] * 24},
        },
        "scene": {"aed_shock_s": 20.0},
        "outcome": {"models": ["de_maio"]},
        "run": {"years": 3.0, "start_date": "2024-02-29"},
    }
    parameters = check_scenario(data, file="x").to_parameters()
    assert parameters.arrivals.per_100k_year == 70.0
    assert parameters.arrivals.population == 5000
    assert parameters.patient.recognition.median_s == 60.0
    assert parameters.people.accept_given_seen.night == 0.4
    assert parameters.people.home_weekday == (0.5,) * 24
    assert (parameters.clock.night_from_hour, parameters.clock.night_to_hour) == (22, 6)
    assert parameters.clock.start_date == "2024-02-29"
    assert parameters.scene.aed_shock_s == 20.0
    assert parameters.outcome.models == ("de_maio",)


def test_the_sheet_tells_defaults_from_choices_and_names_every_source() -> None:
    data = {
        "title": "x",
        "region": {"source": "town"},
        "responders": {"per_100k": 100.0, "accept_given_seen": {"day": 0.4, "night": 0.2}},
    }
    rows = {row.name: row for row in parameter_sheet(check_scenario(data, file="x"))}
    assert rows["responders.per_100k"].value == "100"
    assert not rows["responders.per_100k"].is_default
    assert rows["responders.per_100k"].source == "the scenario"
    assert rows["responders.accept_given_seen"].value == "day 0.4, night 0.2"
    assert rows["ambulance.median_s"].is_default
    assert rows["ambulance.median_s"].unit == "s"
    assert all(row.source for row in rows.values())


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("[run]\nyears = 3,5\n", "numbers have a decimal point: 3.5"),
        ('[incidents]\ncsv = "C:\\Users\\me\\arrests.csv"\n', "write folders of a path with /"),
    ],
)
def test_what_people_write_who_do_not_know_toml_gets_a_hint(
    tmp_path: Path, body: str, hint: str
) -> None:
    line = only_fault(HEAD + body, tmp_path)
    assert "scenario.toml:5: TOML, found" in line
    assert hint in line


def test_rows_of_tables_are_told_with_their_own_line(tmp_path: Path) -> None:
    body = '[[options]]\nname = "a"\n[[options]]\nname = "b"\n[[options]]\nname = "a"\n'
    assert "scenario.toml:9: options[2].name" in only_fault(HEAD + body, tmp_path)
    empty = body.replace('"b"', '""')
    assert "scenario.toml:7: options[1].name" in faults_of(HEAD + empty, tmp_path)[0]


def test_a_scenario_in_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_bytes('title = "x"\n# Z\u00fcrich\n'.encode("latin-1"))
    with pytest.raises(InputFaults, match=r"scenario\.toml:2: .*save it as UTF-8"):
        load_scenario(path)
