"""The facts of a study, gathered from scenario, region and policies."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dispatch.config import load_policy, preset_names
from scenarios.loading import check_scenario
from scenarios.metrics.facts import PolicyFacts, StudyFacts
from scenarios.metrics.gathering import study_facts
from scenarios.metrics.names import SHORT_ENOUGH, short_name, told_apart

ZONES = SimpleNamespace(
    ids=("a", "b"),
    names=("Old Quay", "Marsh"),
    population=np.array([4000.0, 6000.0]),
    deprivation_decile=np.array([1, -1], np.int8),
    urban_rural=("urban", None),
)


class _Aeds:
    public = np.array([True, True, False])
    hours_known = np.array([True, False, True])

    def __len__(self) -> int:
        return 3

    def open_intervals(self, start_s: float, end_s: float) -> tuple[Any, Any]:
        return np.array([0, 2, 2, 4]), np.array([start_s, end_s, start_s, end_s])


def gathered(**changes: Any) -> StudyFacts:
    data: dict[str, Any] = {"title": "T", "question": "Q?", "region": {"source": "town"}}
    scenario = check_scenario({**data, **changes}, file="scenario.toml")
    region: Any = SimpleNamespace(
        zones=ZONES, aeds=_Aeds(), timezone="Europe/London", manifest={"credit": "© the map"}
    )
    policies = [load_policy(name) for name in scenario.policies.compare]
    return study_facts(scenario, region, policies, volunteers=36.0)


def test_options_keep_their_order_citation_and_words() -> None:
    facts = gathered(policies={"compare": ["as_today", "shares"]})
    assert [policy.id for policy in facts.policies] == ["as_today", "shares"]
    assert facts.policies[1].citation
    assert facts.policies[1].words.startswith("Asks the 3 people")
    assert facts.policies[1].gaps


def test_zones_become_plain_values() -> None:
    zones = gathered().zones
    assert (zones[0].name, zones[0].deprivation_decile, zones[0].urban_rural) == (
        "Old Quay", 1, "urban",
    )  # fmt: skip
    assert zones[1].deprivation_decile is None
    assert gathered().population == 10_000.0
    assert gathered(region={"source": "town", "population": 5}).population == 5.0


def test_outcome_models_say_what_a_reader_must_know() -> None:
    facts = gathered(outcome={"models": ["waalewijn"]})
    assert "AEDs and drones cannot matter" in facts.outcomes[0].marks[0]
    assert facts.outcomes[0].source


def test_an_invented_town_carries_no_map_credit() -> None:
    assert gathered().credit == ""
    assert "the whole town" in gathered().invented
    real = gathered(region={"source": "place.osm.pbf"})
    assert real.credit == "© the map"
    assert "the whole town" not in real.invented
    assert real.place == "place"


def test_aeds_are_counted_by_day_and_by_night() -> None:
    aeds = gathered().aeds
    assert aeds is not None
    assert (aeds.public, aeds.by_day, aeds.by_night, aeds.hours_unknown) == (2, 2, 1, 1)
    assert (aeds.day_s - aeds.night_s) == 11 * 3600  # 14:00 and 03:00 of one day


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        ("phased_7", "Phased 7"),
        ("goodsam_nsw", "GoodSAM NSW"),
        ("heartrunner_denmark", "Heartrunner Denmark"),
        ("mine", "Mine"),
    ],
)
def test_names_are_what_the_planner_wrote(policy: str, name: str) -> None:
    assert PolicyFacts(policy, "a long title").name == name


def test_every_shipped_rule_has_a_short_name_of_its_own() -> None:
    names = [short_name(key, "a long title that nobody could put into a sentence")
             for key in preset_names()]  # fmt: skip
    assert all(names), [key for key, name in zip(preset_names(), names, strict=True) if not name]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= SHORT_ENOUGH
    assert not any("_" in name for name in names)


def test_own_policies_are_called_by_a_short_title() -> None:
    assert short_name("mine", "Five, then five") == "Five, then five"
    assert short_name("mine", "A title that goes on and on and on") == ""
    assert told_apart(["A", "B", "A"], ["x", "y", "z"]) == ("A (x)", "B", "A (z)")
    assert told_apart(["", ""], ["x", "y"]) == ("", "")
