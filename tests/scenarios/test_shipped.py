"""Shipped scenarios: each one loads, names known options, and says where its numbers come from."""

from __future__ import annotations

import tomllib

import pytest

from scenarios.errors import InputFaults
from scenarios.loading import load_scenario
from scenarios.options import load_options
from scenarios.shipped import LIBRARY, scenario_file, shipped_names
from sim.parameters import check


def test_the_promised_scenarios_are_there() -> None:
    assert {"town", "liechtenstein", "london_northern_line", "copenhagen"} <= set(shipped_names())


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_scenario_loads_with_its_options(name: str) -> None:
    scenario = load_scenario(scenario_file(name))
    assert scenario.question.endswith("?")
    assert load_options(scenario)[0].name.replace(" ", "_") == "as_today"
    assert check(scenario.to_parameters()) == []


@pytest.mark.parametrize("name", shipped_names())
def test_every_number_of_a_shipped_scenario_has_its_source(name: str) -> None:
    """Each key that sets a number of the world stands in the table of the README."""
    folder = LIBRARY / name
    readme = (folder / "README.md").read_text()
    data = tomllib.loads((folder / "scenario.toml").read_text())
    for table in ("region", "incidents", "patient", "responders", "aeds", "ambulance"):
        for key, value in data.get(table, {}).items():
            if isinstance(value, int | float | dict) and key != "zone_columns":
                assert key in readme or key.replace("_", " ") in readme, f"{table}.{key}"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputFaults, match=r"did you mean liechtenstein\?"):
        scenario_file("lichtenstein")


def test_unknown_and_broken_policies_are_all_told(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "mine.toml").write_text("title = 1\n")
    path = tmp_path / "scenario.toml"
    path.write_text(
        'title = "x"\n[region]\nsource = "town"\n'
        '[policies]\ncompare = ["as_today", "nearest3", "mine.toml"]\n'
    )
    with pytest.raises(InputFaults) as caught:
        load_options(load_scenario(path))
    lines = str(caught.value).splitlines()
    assert "policies.compare[1]" in lines[0]
    assert "did you mean nearest_3?" in lines[0]
    assert any("mine.toml" in line and "title" in line for line in lines[1:])
