"""Figures of a nation: below the scenario's own, each with its source in the sheet."""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.errors import InputFaults
from scenarios.loading import check_scenario
from scenarios.nation_files import nation_names, nation_rows
from scenarios.schema import Scenario
from scenarios.sheet import parameter_sheet


def scenario(**tables: Any) -> Scenario:
    return check_scenario({"title": "x", "region": {"source": "town"}, **tables}, file="x")


def test_every_nation_of_the_uk_has_a_file_that_the_schema_accepts() -> None:
    assert nation_names() == ["england", "northern_ireland", "scotland", "wales"]
    for nation in nation_names():
        made = scenario(defaults={"nation": nation})
        for key, (value, source) in nation_rows(nation).items():
            assert len(source) > 5, key
            found: Any = made
            for name in key.split("."):
                found = getattr(found, name)
            if not isinstance(value, dict):
                assert found == value, key


def test_the_scenarios_own_values_stand_above_the_nations() -> None:
    made = scenario(
        defaults={"nation": "scotland"},
        incidents={"per_100k_year": 60.0},
        ambulance={"fleet": {"handover": {"median_s": 100.0, "sigma": 0.1}}},
    )
    assert made.incidents.per_100k_year == 60.0
    assert made.ambulance.fleet.handover.median_s == 100.0
    assert made.patient.bystander_cpr_share == 0.66
    rows = {row.name: row for row in parameter_sheet(made)}
    assert rows["incidents.per_100k_year"].source == "the scenario"
    assert rows["patient.bystander_cpr_share"].source == "Scotland: RRG Scotland 2019-22: 66.1 %"
    assert rows["patient.home_share"].source == "assumption: as England"


def test_an_unknown_nation_is_told() -> None:
    with pytest.raises(InputFaults, match=r"defaults\.nation.*one of 'england'"):
        scenario(defaults={"nation": "denmark"})
