"""Options with means of their own: what may be written, what is told, and that the calls stay."""

from __future__ import annotations

import hashlib
import json
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from scenarios.errors import InputFaults
from scenarios.loading import check_scenario, load_scenario
from scenarios.option_facts import told_changes
from scenarios.options import load_options, options_of
from scenarios.schema import Scenario
from scenarios.shipped import scenario_file
from scenarios.study import Silent, StudyResult, read_tables, run_study
from scenarios.variants import variants

HEAD = """
title = "x"
[region]
source = "remote"
[ambulance]
model = "fleet"
fleet = { stations = [{ name = "S", lat = 56.4, lon = 1.6 }] }
[drones]
bases = [{ id = "a", lat = 56.4, lon = 1.6 }, { id = "b", lat = 56.5, lon = 1.7, drones = 2 }]
fly_from = []
[groups]
posts = [{ id = "p", lat = 56.4, lon = 1.6 }, { id = "q", lat = 56.5, lon = 1.7 }]
on_call = []
[policies]
compare = ["as_today"]
"""


def faults_of(text: str, folder: Path) -> list[str]:
    path = folder / "scenario.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    with pytest.raises(InputFaults) as caught:
        options_of(load_scenario(path))
    return [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]


# --- writing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[options.drones]\nfly_form = []", "19: options[0] 'o': drones.fly_form: a known key"),
        ("[options.drones]\nfly_from = ['z']", "drones.fly_from: ids among a, b, found z"),
        ("[options.groups]\non_call = ['p', 'p']", "groups.on_call: each id once"),
        ("[options.responders]\nper_100k = -1", "options[0] 'o': responders.per_100k: at least 0"),
        ("[options.groups.turnout_day]\nmedian = 3", "groups.turnout_day.median: a known key"),
        ("[options.patient]\nhome_share = 0.5", "options[0].patient: a known key"),
        ("policy = 'nearest3'", "options[0].policy: a policy file (*.toml) that is there"),
        ("[options.ambulance]\nmodel = 'distribution'\n[options.groups]\non_call = ['p']",
         "options[0].groups.posts: ambulance.model = 'fleet'"),
        ("[[options]]\nname = 'o'", "options[1].name: each name once, found 'o'"),
    ],
)  # fmt: skip
def test_what_an_option_says_wrong_is_told_with_its_name(
    text: str, says: str, tmp_path: Path
) -> None:
    lines = faults_of(f"[[options]]\nname = 'o'\n{text}\n", tmp_path)
    assert any(says in line for line in lines), lines


def test_the_fault_of_a_later_option_stands_on_its_own_line(tmp_path: Path) -> None:
    text = (
        "[[options]]\nname = 'o'\n[options.drones]\nfly_from = ['a']\n"
        "[[options]]\nname = 'u'\n[options.drones]\nfly_from = 3\n"
    )
    (line,) = faults_of(text, tmp_path)
    assert line.startswith("23: options[1] 'u': drones.fly_from: a list")


def test_several_policies_beside_options_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(HEAD.replace('["as_today"]', '["as_today", "nearest_3"]') + OPTIONS)
    with pytest.raises(InputFaults, match=r"policies\.compare: one policy, for the options"):
        load_scenario(path)


OPTIONS = """
[[options]]
name = "as today"
[[options]]
name = "two drones"
policy = "drones_only"
drones = { fly_from = ["b"] }
[[options]]
name = "people"
policy = "nearest_3"
responders = { per_100k = 400.0, on_duty_share = { day = 0.5 } }
"""


def test_an_option_is_the_scenario_with_its_tables_over_it() -> None:
    scenario = check_scenario(tomllib.loads(HEAD + OPTIONS), file="x")
    plain, drones, people = variants(scenario)
    assert plain.model_copy(update={"options": scenario.options}) == scenario
    assert drones.drones.fly_from == ("b",)
    assert drones.drones.bases == scenario.drones.bases
    assert people.responders.per_100k == 400.0
    assert people.responders.on_duty_share.day == 0.5
    assert people.responders.on_duty_share.night == scenario.responders.on_duty_share.night
    assert people.groups == scenario.groups
    assert [policy.name for policy in load_options(scenario)] == [
        "as today",
        "two drones",
        "people",
    ]
    assert [option.rule for option in options_of(scenario)] == [
        "as_today",
        "drones_only",
        "nearest_3",
    ]
    changes = told_changes(options_of(scenario))
    assert changes[0] == ()
    assert changes[1] == ("two drones at b (m300)",)
    assert "responders.per_100k 400 instead of 36 per 100,000 people" in changes[2]


def test_without_options_the_policies_are_the_options() -> None:
    scenario = load_scenario(scenario_file("town"))
    assert [option.name for option in options_of(scenario)] == list(scenario.policies.compare)
    assert all(option.scenario is scenario for option in options_of(scenario))
    assert variants(scenario) == (scenario,)


# --- playing -------------------------------------------------------------------------------------


LAT, LON = 50.003, -4.995  # in the middle of the tiny extract


def study(extract: Path, *options: dict[str, Any]) -> Scenario:
    """Ambulances come from another island, so that whatever is near comes first."""
    station = {"name": "S", "lat": LAT + 0.08, "lon": LON, "ambulances": 2}
    base = {"id": "a", "name": "Ay", "lat": LAT, "lon": LON}
    posts = [{"id": "near", "lat": LAT, "lon": LON}, {"id": "far", "lat": 50.0, "lon": -5.0}]
    data = {
        "title": "Tiny",
        "region": {"source": str(extract), "timezone": "Europe/London", "population": 60_000},
        "ambulance": {
            "model": "fleet", "fleet": {"stations": [station], "calls_per_1000_year": 1.0},
        },
        "groups": {"posts": posts, "on_call": [], "on_duty_share": {"day": 0.5, "night": 0.5}},
        "drones": {"bases": [base, {**base, "id": "b", "lat": LAT + 0.02}], "fly_from": []},
        "policies": {"compare": ["as_today"]},
        "run": {"years": 0.5, "replications": 4, "seed": 3},
        "options": list(options),
    }  # fmt: skip
    return check_scenario(data, file=str(extract.parent / "scenario.toml"))


TODAY = {"name": "as today"}
DRONE = {"name": "a drone", "policy": "drones_only", "drones": {"fly_from": ["b"]}}
DRONES = {"name": "drones", "policy": "drones_only", "drones": {"fly_from": ["a", "b"]}}
GROUP = {"name": "a group", "groups": {"on_call": ["far"]}}
GROUPS = {"name": "groups", "groups": {"on_call": ["near", "far"]}}
PEOPLE = {"name": "people", "policy": "nearest_3", "responders": {"per_100k": 300.0}}
NAMES = ("as today", "a drone", "a group", "groups", "people")
FEWER = {"name": "fewer", "policy": "nearest_3", "responders": {"per_100k": 200.0}}


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def played(extract: Path, folder: Path, *options: dict[str, Any], **how: Any) -> StudyResult:
    folder.mkdir()
    return run_study(study(extract, *options), folder, **how)


@pytest.fixture(scope="module")
def all_five(tiny_extract: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    out = tmp_path_factory.mktemp("options") / "all"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEARTREACH_CACHE", str(tiny_extract.parent / "cache"))
        return played(tiny_extract, out, TODAY, DRONE, GROUP, GROUPS, PEOPLE)


@pytest.fixture
def extract(tiny_extract: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEARTREACH_CACHE", str(tiny_extract.parent / "cache"))
    return tiny_extract


def rows_of(result: StudyResult, option: str) -> list[dict[str, Any]]:
    table = read_tables(result.out).incidents
    return [
        {key: row[key] for key in row if key != "policy"}
        for row in table.to_pylist()
        if row["policy"] == option
    ]


def test_all_options_meet_the_same_calls_patients_and_ambulances(all_five: StudyResult) -> None:
    today, *others = (rows_of(all_five, name) for name in NAMES)
    assert len(today) > 50
    drawn = (
        "replication", "incident_id", "t_s", "lat", "lon", "true_arrest", "witnessed",
        "t_recognised_s", "t_bystander_cpr_s", "t_ambulance_s", "t_collapse_s",
    )  # fmt: skip
    for other in others:
        assert [[row[key] for key in drawn] for row in today] == [
            [row[key] for key in drawn] for row in other
        ]


def test_each_option_has_its_own_means_and_no_other(all_five: StudyResult) -> None:
    def some(option: str, column: str) -> int:
        return sum(row[column] is not None for row in rows_of(all_five, option))

    assert some("as today", "t_co_responder_s") == some("as today", "drone_stage") == 0
    assert some("a drone", "t_drone_delivered_s") > 0
    assert (
        some("a drone", "t_co_responder_s")
        == some("a drone", "n_asked") - len(rows_of(all_five, "a drone"))
        == 0
    )
    assert 0 < some("a group", "t_co_responder_s") < some("groups", "t_co_responder_s")
    assert any(row["n_asked"] for row in rows_of(all_five, "people"))


def test_one_group_more_delays_nobody_and_changes_nothing_of_the_first(
    all_five: StudyResult,
) -> None:
    one, two = rows_of(all_five, "a group"), rows_of(all_five, "groups")
    for alone, together in zip(one, two, strict=True):
        if alone["t_co_responder_s"] is not None:
            assert together["t_co_responder_s"] <= alone["t_co_responder_s"]
    same = sum(
        a["t_co_responder_s"] == b["t_co_responder_s"] is not None
        for a, b in zip(one, two, strict=True)
    )
    assert same > 0  # where the near group is off duty the far one comes as it did alone


def test_rows_of_an_option_do_not_depend_on_its_company(
    all_five: StudyResult, extract: Path, tmp_path: Path
) -> None:
    others = played(extract, tmp_path / "others", FEWER, DRONES, GROUP, DRONE, PEOPLE)
    for name in ("a drone", "a group", "people"):
        assert rows_of(others, name) == rows_of(all_five, name)


def test_a_drone_alone_flies_as_it_does_beside_another(extract: Path, tmp_path: Path) -> None:
    result = played(extract, tmp_path / "out", TODAY, DRONE, DRONES)
    pairs = [
        (alone, beside)
        for alone, beside in zip(rows_of(result, "a drone"), rows_of(result, "drones"), strict=True)
        if beside["drone_base"] == "b" and alone["drone_base"] == "b"
    ]
    assert pairs
    assert any(alone == beside for alone, beside in pairs)
    steps = ("launched", "overhead", "delivered")
    for alone, beside in pairs:  # the other one may have been tried before, and failed
        for last, this in pairwise(f"t_drone_{step}_s" for step in steps):
            if alone[this] is not None and beside[this] is not None:
                lasted = alone[this] - alone[last]
                assert beside[this] - beside[last] == pytest.approx(lasted, abs=0.01)


def test_a_volunteer_who_joins_changes_nobody_elses_answers(extract: Path, tmp_path: Path) -> None:
    result = played(extract, tmp_path / "out", FEWER, PEOPLE)
    alerts = read_tables(result.out).alerts.to_pylist()

    def told(option: str) -> dict[tuple[Any, ...], Any]:
        return {
            (row["incident_id"], row["responder_id"]): (row["accepted"], row["seen_t_s"] is None)
            for row in alerts
            if row["policy"] == option and row["answered_t_s"] is not None
        }

    few, many = told("fewer"), told("people")
    both = few.keys() & many.keys()
    assert both
    assert all(few[key] == many[key] for key in both)
    assert all(key[1] < 120 for key in few)


def test_any_number_of_workers_and_a_resumed_study_leave_the_same_bytes(
    all_five: StudyResult, extract: Path, tmp_path: Path
) -> None:
    whole = digests(all_five.out)
    options = (TODAY, DRONE, GROUP, GROUPS, PEOPLE)
    two = played(extract, tmp_path / "two", *options, workers=2)
    assert digests(two.out) == whole
    parts = tmp_path / "parts"

    class BreaksOff(Silent):
        def count(self, done: int, total: int) -> None:
            if done == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        played(extract, tmp_path / "half", *options, parts=parts, progress=BreaksOff())
    again = played(extract, tmp_path / "again", *options, parts=parts, resume=True)
    assert digests(again.out) == whole


def test_the_summary_tells_means_costs_days_and_funnel(all_five: StudyResult) -> None:
    summary = json.loads((all_five.out / "summary.json").read_text())
    today, drone, group, groups, people = summary["options"]
    assert [item["name"] for item in summary["options"]] == list(NAMES)
    assert today["changes"] == []
    assert today["yearly_cost"]["total"] == 0
    assert drone["changes"] == ["one drone at Ay (m300)"]
    assert drone["yearly_cost"]["total"] == 19_350
    assert groups["yearly_cost"]["total"] == 2 * group["yearly_cost"]["total"] == 6_800
    assert people["volunteers"] == 180
    assert people["yearly_cost"]["unpriced"] == ["volunteer", "person asked"]
    assert 40 < drone["days_grounded_per_year"]["mean"]["value"] < 200
    funnel = drone["drone_funnel"]
    assert list(funnel.values()) == sorted(funnel.values(), reverse=True)
    lost = sum(sum(reasons.values()) for reasons in drone["drone_losses"].values())
    assert funnel["suspected"] == lost + funnel["shock"]
    assert group["drone_funnel"] is None
    assert group["against_comparator"]["per_survivor"]["value"] > 0
    assert summary["answer"]["sentence"].startswith(("With groups", "We cannot tell"))
    (caution,) = summary["cautions"]
    assert caution.startswith("Only ")


def test_more_aeds_keep_those_that_are_there(extract: Path, tmp_path: Path) -> None:
    more = extract.parent / "more.csv"
    more.write_text(f"aed_id,lat,lon,opening_hours\nX,{LAT},{LON},24/7\n")
    aeds = {"name": "an AED more", "aeds": {"more_csv": "more.csv"}}
    result = played(extract, tmp_path / "out", TODAY, aeds)
    option = json.loads((result.out / "summary.json").read_text())["options"][1]
    assert [item["item"] for item in option["yearly_cost"]["items"]] == ["AED"]
    assert option["yearly_cost"]["total"] == 400
    before, after = rows_of(result, "as today"), rows_of(result, "an AED more")
    pairs = list(zip(before, after, strict=True))
    assert any(b["t_public_aed_s"] != a["t_public_aed_s"] for b, a in pairs)
    for b, a in pairs:
        if b["t_public_aed_s"] is not None:
            assert a["t_public_aed_s"] is not None
