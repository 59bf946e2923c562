"""What would change the answer: variants of a scenario, who leads in them, what a gain may cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from scenarios.loading import check_scenario, load_scenario
from scenarios.metrics.facts import StudyFacts
from scenarios.metrics.panel import Tables
from scenarios.metrics.summary import summarise
from scenarios.schema import Scenario
from scenarios.sensitivity import FEWEST_REPLICATIONS, rerun, sensitivity
from scenarios.shipped import scenario_file
from scenarios.variants import with_tables
from scenarios.varied_inputs import INPUTS, patch_of

Made = tuple[StudyFacts, Tables]
Make = Callable[..., Made]


def scenario(**tables: Any) -> Scenario:
    data = {"title": "x", "region": {"source": "town", "population": 1000}, **tables}
    compared = {"compare": ["as_today", "nearest_3", "phased_7"]}
    return check_scenario({"policies": compared, **data}, file="scenario.toml")


# --- variants ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["town", "remote_coast", "denmark", "copenhagen"])
def test_each_end_is_a_scenario_that_differs_in_this_input_alone(name: str) -> None:
    usual = load_scenario(scenario_file(name))
    before = usual.model_dump()
    told = 0
    for item in INPUTS:
        if not item.applies(usual):
            continue
        ends = [with_tables(usual, patch_of(end, usual)) for end in item.ends]
        assert len({item.said(end) for end in (*ends, usual)}) == len(ends) + 1
        for end in ends:
            changed = {key for key, value in end.model_dump().items() if value != before[key]}
            assert changed == {item.key.split(".")[0]}
            told += 1
    assert told >= 6
    assert usual.model_dump() == before


def test_inputs_that_nothing_rests_on_are_left_out() -> None:
    named = {
        item.key for item in INPUTS if item.applies(scenario(policies={"compare": ["as_today"]}))
    }
    assert not {key for key in named if key.startswith(("responders", "drones", "groups"))}
    assert "responders.per_100k" in {item.key for item in INPUTS if item.applies(scenario())}


def test_more_bystanders_ask_no_more_of_control_than_it_knows() -> None:
    usual = scenario(patient={"recognised_share": 0.72, "telephone_cpr_share": 1.0})
    (item,) = [item for item in INPUTS if item.key == "patient.bystander_cpr_share"]
    found = with_tables(usual, patch_of(item.ends[1], usual)).patient
    assert found.bystander_cpr_share == pytest.approx(0.85)
    assert found.telephone_cpr_share * 0.85 <= 0.72 + 1e-9


# --- playing again -------------------------------------------------------------------------------


def _shifted(made: Made, option: str, by: float) -> Made:
    """The same study in which an option's survival is higher by so much."""
    facts, tables = made
    rows = tables.incidents.to_pylist()
    for row in rows:
        if row["policy"] == option and row["survival_joint"] is not None:
            row["survival_joint"] += by
    return facts, Tables(type(tables.incidents).from_pylist(rows, tables.incidents.schema),
                         tables.alerts)  # fmt: skip


def test_nothing_changed_is_the_same_answer_at_every_end(make_study: Make) -> None:
    facts, tables = make_study(replications=12, per_replication=40.0)
    asked: list[int] = []

    def play_again(_: Scenario, count: int) -> Made:
        asked.append(count)
        kept = tables.incidents.filter(np.asarray(tables.incidents["replication"]) < count)
        alerts = tables.alerts.filter(np.asarray(tables.alerts["replication"]) < count)
        return msgspec.structs.replace(facts, replications=count), Tables(kept, alerts)

    found = rerun(scenario(), tables, facts, lambda s, n: play_again(s, n)[::-1])
    assert found is not None
    assert set(asked) == {FEWEST_REPLICATIONS}
    assert {row.leads for row in found.rows} == {"same"}
    for row in found.rows:
        for end in row.ends:
            assert end.survivors == found.survivors
            assert end.lead.verdict == "same"
    said = sensitivity(summarise(tables, facts), facts, found)
    assert said is not None
    assert said.sentence.startswith("None of the")


def test_an_input_under_which_another_option_leads_is_told(make_study: Make) -> None:
    facts, tables = make_study(replications=5, per_replication=60.0)
    summary = summarise(tables, facts)
    key = "survivors_per_year_joint"
    ranked = sorted(summary.comparisons, key=lambda c: c.differences[key].value or 0.0)
    other, leader = ranked[0].policy, ranked[-1].policy
    assert other != leader

    def play_again(changed: Scenario, _: int) -> tuple[Tables, StudyFacts]:
        few = changed.responders.per_100k < scenario().responders.per_100k
        return _shifted((facts, tables), other, 0.3 if few else 0.0)[::-1]

    found = rerun(scenario(), tables, facts, play_again)
    assert found is not None
    assert found.leader == leader
    assert [row.key for row in found.rows if row.leads == "other"] == ["responders.per_100k"]
    assert found.rows[0].ends[0].leader in (other, leader)
    said = sensitivity(summary, facts, found)
    assert said is not None
    assert said.sentence.startswith("The answer changes with volunteers per 100,000 people at ")
    assert f"({summary.policy(other).name} leads)" in said.sentence


def test_a_study_of_one_option_has_nothing_to_change(make_study: Make) -> None:
    facts, tables = make_study(replications=2)
    alone = msgspec.structs.replace(facts, policies=facts.policies[:1])
    summary = summarise(tables, alone)
    assert rerun(scenario(), tables, alone, lambda *_: pytest.fail("played")) is None
    assert sensitivity(summary, alone, None) is None


def test_options_that_cannot_be_told_apart_are_not_ranked(make_study: Make) -> None:
    facts, tables = make_study(replications=5, per_replication=30.0, effect=0.0)
    said = sensitivity(summarise(tables, facts), facts, None)
    assert said is not None
    assert said.sentence.startswith("As it is, we cannot tell that ")
    assert "As today" in said.sentence
