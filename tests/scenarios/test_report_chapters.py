"""Drones, costs and what would change the answer: the page says what the summary holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import shapely

from geo.airspace import Airspace, Height, Permission, Reference, Rule, Volume
from scenarios.air_study import AirStudy, air_study
from scenarios.air_summary import DroneOption
from scenarios.metrics import words
from scenarios.metrics.facts import Means, OptionFacts, PolicyFacts, Price, StudyFacts
from scenarios.metrics.intervals import Difference
from scenarios.metrics.panel import Panel, Tables
from scenarios.metrics.shape import Summary
from scenarios.metrics.summary import summarise, summary_json
from scenarios.report import air_words
from scenarios.report.air import air_section
from scenarios.report.change import change_section
from scenarios.report.costs import costs_section, has_costs, ratio_words
from scenarios.report.front import answer_section
from scenarios.report.method import method_section
from scenarios.report.money import money, money_range
from scenarios.report.page import render
from scenarios.report.study import Study
from scenarios.sensitivity import sensitivity
from scenarios.sensitivity_shape import ModelLead, Rerun, SensitivityEnd, SensitivityRow
from sim.drone_funnel import LOST_AT, Stage
from sim.drone_parameters import DroneBase, DroneParameters
from sim.records import DRONE_COLUMNS, Grounded
from sim.sky import Sky

Made = tuple[StudyFacts, Tables]
Make = Callable[..., Made]

POLICIES = (
    PolicyFacts("as today", "as today"),
    PolicyFacts("one drone", "one drone"),
    PolicyFacts("two drones & <more>", "two drones & <more>"),
    PolicyFacts("six groups", "six groups"),
    PolicyFacts("phased_7", "Phased seven"),
)
FLYING = ("one drone", "two drones & <more>")
BASES = (
    DroneBase("a", 51.05, -0.92, drones=2),
    DroneBase("b", 51.08, -0.88),
)
ROADS = SimpleNamespace(
    geom_first=np.array([0, 2, 5]), geom_lat=np.array([51.0, 51.1, 51.02, 51.05, 51.06]),
    geom_lon=np.array([-1.0, -0.85, -0.99, -0.95, -0.9]), edge_u=np.array([0, 1]),
)  # fmt: skip


class Aeds:
    def __len__(self) -> int:
        return 0


REGION = SimpleNamespace(
    bounds=(51.0, -1.0, 51.1, -0.85), aeds=Aeds(), networks={"foot": ROADS}, zones=None
)


class Page(HTMLParser):
    """Tags left open or closed wrongly, ids, and the visible words."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(name, attrs)
        if name not in ("meta", "br", "img", "link", "hr", "input"):
            self.open.append(name)

    def handle_startendtag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for key, value in attrs if key == "id"]

    def handle_endtag(self, name: str) -> None:
        if not self.open or self.open.pop() != name:
            self.faults.append(name)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def said(self) -> str:
        return re.sub(r"[ \n\t]+", " ", " ".join(self.words))


# --- a study with drones and prices --------------------------------------------------------------


def _sky(*bases: DroneBase) -> Sky:
    def volume(key: str, rule: Rule, box: tuple[float, float, float, float], **more: Any) -> Volume:
        return Volume(key, f"The {key}", rule, "zone", shapely.box(*box), **more)

    airspace = Airspace(
        (
            volume("prison", Rule.FORBID, (-0.93, 51.06, -0.92, 51.07)),
            volume("field", Rule.PERMISSION, (-0.90, 51.02, -0.87, 51.05),
                   ceiling=Height(600.0, Reference.AMSL),
                   permission=Permission(0.7, 120.0, 0.5, "assumption")),
            volume("far away", Rule.FORBID, (1.0, 52.0, 1.1, 52.1)),
            volume("high up", Rule.FORBID, (-0.95, 51.0, -0.85, 51.1), floor=Height(2000.0)),
        )
    )  # fmt: skip
    return Sky(DroneParameters(bases), airspace)


def _with_drones(tables: Tables, seed: int = 3) -> Tables:
    """The incidents with the drones' columns: every stage and many reasons occur."""
    rng = np.random.default_rng(seed)
    reasons = sorted(LOST_AT)
    rows = []
    for row in tables.incidents.to_pylist():
        found: dict[str, Any] = {name: None for name, _ in DRONE_COLUMNS}
        if row["policy"] in FLYING:
            reason = str(rng.choice([*reasons, ""]))
            stage = Stage(LOST_AT[reason] - 1) if reason else Stage.SHOCK
            far = np.cumsum(rng.uniform(30, 120, 4)).tolist()
            marks = (("launched", Stage.LAUNCHED), ("overhead", Stage.OVERHEAD),
                     ("delivered", Stage.DELIVERED),
                     ("attached", Stage.ATTACHED_FIRST))  # fmt: skip
            found |= {"drone_stage": stage.name.lower(), "drone_reason": reason,
                      "drone_base": str(rng.choice(["a", "b"])), "drone_asked": False,
                      "drone_granted": False}  # fmt: skip
            for at_s, (name, least) in zip(far, marks, strict=True):
                found[f"t_drone_{name}_s"] = at_s if stage >= least else None
        rows.append(row | found)
    kinds = {"text": pa.string(), "int": pa.int32(), "float": pa.float64(), "bool": pa.bool_()}
    schema = tables.incidents.schema
    for name, kind in DRONE_COLUMNS:
        schema = schema.append(pa.field(name, kinds[kind]))
    return Tables(pa.Table.from_pylist(rows, schema), tables.alerts)


DRONE = Price("drone", 20_000.0, 30_000.0, "a paper")
GROUP = Price("first-responder group", 3_000.0, 6_000.0, "assumption")


def _facts(key: str, drones: int = 0, groups: int = 0) -> OptionFacts:
    means = (Means("drone", drones, DRONE), Means("first-responder group", groups, GROUP))
    bases = tuple((base.base_id, f"Base {base.base_id}") for base in BASES[:drones])
    return OptionFacts(id=key, rule="x", stated=True, means=means, priced=True, bases=bases,
                       changes=(f"{drones} more",) if drones else ())  # fmt: skip


@pytest.fixture(scope="module")
def made(make_study: Make) -> tuple[StudyFacts, Tables, Summary, AirStudy]:
    options = (
        _facts("as today"), _facts("one drone", drones=1), _facts(FLYING[1], drones=2),
        _facts("six groups", groups=6), _facts("phased_7"),
    )  # fmt: skip
    facts, bare = make_study(
        replications=4, policies=POLICIES, per_replication=60.0, options=options
    )
    tables = _with_drones(bare)
    grounded = [
        {
            "a": Grounded(80.0 + k, 5.0, {"gust": (60 + k) / 365.25, "rain": 20 / 365.25}),
            "b": Grounded(100.0, 7.0, {"gust": 80 / 365.25, "dark": 20 / 365.25}),
        }
        for k in range(4)
    ]
    skies = {"one drone": _sky(BASES[0]), FLYING[1]: _sky(*BASES)}
    air = air_study(Panel(tables, facts), skies, grounded)
    assert air is not None
    summary = msgspec.structs.replace(summarise(tables, facts), air=air.summary)
    return facts, tables, summary, air


@pytest.fixture(scope="module")
def page(made: tuple[StudyFacts, Tables, Summary, AirStudy]) -> str:
    facts, tables, summary, air = made
    full = msgspec.structs.replace(summary, sensitivity=sensitivity(summary, facts, _rerun(facts)))
    return render(facts, full, tables, REGION, ["summary.json"], air)


def _rerun(facts: StudyFacts) -> Rerun:
    def gain(value: float) -> Difference:
        return Difference(value, value - 0.2, value + 0.2, 0.01, 0.01, "higher")

    names = [policy.id for policy in facts.policies[1:]]
    usual = {name: gain(0.5 + 0.1 * k) for k, name in enumerate(names)}
    less = {**usual, names[-1]: gain(0.1)}
    higher = Difference(0.4, 0.1, 0.7, 0.01, 0.01, "higher")
    same = Difference(0.0, 0.0, 0.0, 1.0, 1.0, "same")
    rows = (
        SensitivityRow("a.b", "people who say yes", "40 of 100", "assumption",
                       (SensitivityEnd("20 of 100", less, names[2], higher),
                        SensitivityEnd("60 of 100", usual, names[-1], same)), "other"),
        SensitivityRow("c.d", "an input that does nothing", "1", "choice",
                       (SensitivityEnd("0", usual, names[-1], same),), "same"),
    )  # fmt: skip
    return Rerun(5, 1.0, names[-1], usual, rows)


# --- the page ------------------------------------------------------------------------------------


def test_the_page_is_whole_and_asks_for_nothing(page: str) -> None:
    found = Page(page)
    assert found.faults == []
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert not [name for name in found.ids if re.search(r"\s|[<>&]", name)]
    assert not re.search(r'(?:src|href)="(?!#|data:|summary\.json)', page)
    assert not re.search(r"url\((?!#|data:)", page)
    for reference in re.findall(r'(?:href="#|url\(#)([^")]+)', page):
        assert reference in found.ids
    drawn = [float(size) for size in re.findall(r"font-size: ([0-9.]+)px", page)]
    assert min(drawn) >= 10.0


def test_chapters_come_in_the_order_of_a_readers_doubts(page: str) -> None:
    said = Page(page).said
    order = ("What it asks of people", "Drones: from suspicion to shock", "What it costs",
             "What would change the answer", "How it was done")  # fmt: skip
    places = [said.index(title) for title in order]
    assert places == sorted(places)
    numbers = [int(n) for n in re.findall(r'class="number">(\d+)<', page)]
    assert numbers == list(range(2, 2 + len(numbers)))


def test_every_stamp_and_sentence_is_there(page: str) -> None:
    figures = page.split("<figure")[1:]
    for part in figures:
        caption = re.search(r'class="says">(.*?)</span>', part)
        assert caption
        assert caption.group(1).endswith(".")
        assert re.search(r'role="img" aria-label="[^"]{30,}"', part)
    assert page.count('class="stamp"') >= len(figures)


def test_a_page_without_drones_prices_or_comparison_has_none_of_these(make_study: Make) -> None:
    facts, tables = make_study(replications=2)
    source = render(facts, summarise(tables, facts), tables)
    for name in ("air", "costs", "change"):
        assert f'id="{name}"' not in source


def test_the_first_screen_has_cost_caution_and_what_an_option_has(page: str) -> None:
    said = Page(page.split('id="belief"', maxsplit=1)[0]).said
    assert "intervals of gains are too narrow" in said
    assert "£20\u202f000 to £30\u202f000" in said
    assert ": 1 more" in said


# --- drones --------------------------------------------------------------------------------------


def test_stages_and_losses_add_up_and_agree_with_the_options(
    made: tuple[StudyFacts, Tables, Summary, AirStudy],
) -> None:
    _, _, summary, air = made
    assert [option.policy for option in air.summary.options] == list(FLYING)
    known = {option.name: option for option in summary.options}
    for option in air.summary.options:
        before = option.suspected
        for line in option.funnel:
            assert line.reached + sum(line.losses.values()) == before
            before = line.reached
        counts = {line.stage: line.reached for line in option.funnel}
        assert counts == known[option.policy].drone_funnel
        losses = {line.stage: line.losses for line in option.funnel if line.losses}
        assert losses == known[option.policy].drone_losses


def test_the_funnel_table_says_the_numbers_of_the_summary(
    made: tuple[StudyFacts, Tables, Summary, AirStudy],
) -> None:
    facts, tables, summary, air = made
    source = air_section(Study(facts, summary, tables, REGION, air), 7)
    body = source.split("what was lost why</caption>")[1].split("</table>")[0]
    lines = body.split("<tbody>")[1].split("<tr")[1:]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in lines]
    for number, option in enumerate(air.summary.options, start=1):
        said = Counter((row[0], row[number].split(" ")[0]) for row in rows)
        for line in option.funnel:
            for reason, count in line.losses.items():
                assert said[air_words.reason(reason), f"{words.MINUS}{words.count(count)}"]
            if line.losses:
                assert said[air_words.stage(line.stage), words.count(line.reached)]


def test_every_stage_and_reason_has_plain_words() -> None:
    for reason in LOST_AT:
        assert reason in air_words.REASONS
    for stage in Stage:
        assert stage.name.lower() in air_words.STAGES


def test_days_on_the_ground_carry_their_reasons(
    made: tuple[StudyFacts, Tables, Summary, AirStudy],
) -> None:
    facts, tables, summary, air = made
    first, second = air.summary.bases
    assert (first.base, first.drones, second.base) == ("Base a", 2, "Base b")
    assert first.days_grounded.value == pytest.approx(81.5)
    assert second.by_reason["dark"].value == pytest.approx(20.0)
    said = Page(air_section(Study(facts, summary, tables, None, air), 7)).said
    assert "Base a" in said
    assert "gusts" in said
    assert words.dash(first.days_grounded, most=0) in said
    assert "The hours that weather keeps drones on the ground add up to" in said
    assert "Days without one hour to fly in" in said
    by_day = msgspec.structs.replace(air.summary, night_flying=False)
    dark = msgspec.structs.replace(summary, air=by_day)
    said = Page(air_section(Study(facts, dark, tables, None, air), 7)).said
    assert "The hours that weather and darkness keep drones on the ground" in said


def test_only_volumes_that_bear_on_the_flights_are_shown(
    made: tuple[StudyFacts, Tables, Summary, AirStudy], page: str
) -> None:
    _, _, summary, _ = made
    assert summary.air is not None
    assert [item.id for item in summary.air.volumes] == ["prison", "field"]
    said = Page(page).said
    assert "one is forbidden and one needs permission" in said
    assert "given 70 times of 100, after about 2.0 min" in said
    assert "far away" not in said


def test_flights_on_the_map_keep_out_of_what_is_forbidden(
    made: tuple[StudyFacts, Tables, Summary, AirStudy],
) -> None:
    air = made[3]
    prison = shapely.buffer(shapely.box(-0.93, 51.06, -0.92, 51.07), -1e-5)
    assert air.flights
    for flight in air.flights:
        way = shapely.LineString(np.column_stack((flight.lon, flight.lat)))
        assert not shapely.intersects(prison, way)


def test_trials_are_told_with_their_weakness_and_illustrations_as_such(page: str) -> None:
    said = Page(page).said
    assert "S4 is no firm proof." in said
    assert "Illustrations, no tests" in said
    assert said.count("predicted") >= 2


def test_drones_that_never_fly_make_a_chapter(
    made: tuple[StudyFacts, Tables, Summary, AirStudy],
) -> None:
    facts, tables, summary, air = made
    assert summary.air is not None
    quiet = tuple(_grounded_only(option) for option in summary.air.options)
    none = msgspec.structs.replace(summary.air, options=quiet, bases=(), volumes=())
    bare = air._replace(summary=none, bases=(), volumes=(), flights=())
    study = Study(facts, msgspec.structs.replace(summary, air=none), tables, REGION, bare)
    found = Page(air_section(study, 7))
    assert found.faults == []
    assert "Most see no drone" in found.said


def _grounded_only(option: DroneOption) -> DroneOption:
    first, *rest = option.funnel
    lost = msgspec.structs.replace(rest[0], reached=0, losses={"not_recognised": option.suspected})
    after = [msgspec.structs.replace(line, reached=0, losses={}) for line in rest[1:]]
    return msgspec.structs.replace(option, funnel=(first, lost, *after))


def test_the_summary_can_be_read_back(made: tuple[StudyFacts, Tables, Summary, AirStudy]) -> None:
    summary = made[2]
    again = msgspec.json.decode(summary_json(summary))
    assert again["air"]["options"][0]["suspected"] == summary.air.options[0].suspected  # type: ignore[union-attr]
    assert [base["base"] for base in again["air"]["bases"]] == ["Base a", "Base b"]


# --- costs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", ["lower", "cannot_tell"])
def test_minutes_on_the_first_screen_say_what_cannot_be_told(
    made: tuple[StudyFacts, Tables, Summary, AirStudy], verdict: Any
) -> None:
    facts, tables, summary, _ = made
    sooner = Difference(-300.0, -600.0, -60.0, 0.04, 0.16, verdict)
    comparisons = tuple(
        msgspec.structs.replace(item, differences={**item.differences, "shock_median_s": sooner})
        for item in summary.comparisons
    )
    told = msgspec.structs.replace(summary, comparisons=comparisons)
    said = answer_section(Study(facts, told, tables, None))
    kind, text = ("clear", "") if verdict == "lower" else ("unclear", "cannot tell: ")
    assert f'<span class="{kind}">{text}1 to 10 min sooner</span>' in said


def test_costs_on_the_page_are_those_of_the_summary(
    made: tuple[StudyFacts, Tables, Summary, AirStudy],
) -> None:
    facts, tables, summary, _ = made
    study = Study(facts, summary, tables, None)
    assert has_costs(study)
    said = Page(costs_section(study, 8)).said
    for option in summary.options[1:]:
        cost = option.against_comparator
        assert cost is not None
        if cost.difference:
            assert money_range(cost.difference, cost.difference_high, "GBP") in said
        assert ratio_words(cost.per_survivor, "GBP") in said
    assert "assumption" in said
    sums = set(re.findall("£[0-9\u202f]+", said))
    told = re.findall("£[0-9\u202f]+", " ".join(_every_sum(summary)))
    assert sums <= set(told)


def _every_sum(summary: Summary) -> list[str]:
    """All sums of money that the summary holds, in words."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, float | int) and not isinstance(value, bool):
            found.append(money(float(value), "GBP"))
        elif isinstance(value, dict):
            for item in value.values():
                walk(item)
        elif isinstance(value, list | tuple):
            for item in value:
                walk(item)

    options = msgspec.to_builtins(summary.options)
    walk(options)
    for option in options:
        for item in (option["yearly_cost"] or {"items": ()})["items"]:
            if item["number"] and item["total_high"] is not None:
                walk(item["total_high"] / item["number"])
    return found


def test_money_has_three_figures_and_a_true_minus() -> None:
    assert money(19_350.0, "GBP") == "£19\u202f400"
    assert money(-1_234_567.0, "EUR") == "\u2212€1\u202f230\u202f000"
    assert money(0.0, "SEK") == "SEK 0"
    assert money_range(10.0, 10.2, "GBP") == "£10"


# --- what would change the answer ----------------------------------------------------------------


def test_an_input_that_turns_the_answer_is_named_first(page: str) -> None:
    said = Page(page.split('id="change"', maxsplit=1)[1]).said
    assert "we cannot tell that Phased 7 brings more survivors than" in said
    assert "Another option clearly leads" in said
    assert "with people who say yes at 20 of 100" in said
    assert "No change to be seen by: an input that does nothing." in said


@pytest.mark.parametrize("verdict", ["higher", "cannot_tell"])
def test_who_leads_under_a_model_is_said_only_where_it_is_clear(
    made: tuple[StudyFacts, Tables, Summary, AirStudy], verdict: Any
) -> None:
    facts, tables, summary, _ = made
    same = Difference(0.0, 0.0, 0.0, 1.0, 1.0, "same")
    leads = tuple(
        ModelLead(title, "six groups", Difference(0.2, 0.1, 0.3, 0.01, 0.01, kind), same)
        for title, kind in (("First model", "higher"), ("Second model", verdict))
    )
    found = msgspec.structs.replace(sensitivity(summary, facts, None), models=leads)
    shown = msgspec.structs.replace(summary, sensitivity=found)
    said = Page(change_section(Study(facts, shown, tables, None), 9)).said
    row = said.split("Second model")[1][:120]
    assert ("cannot tell (most expected with" in row) == (verdict == "cannot_tell")
    assert "Does another option lead than under the first model?" in said


def test_an_option_is_named_once_in_words(
    made: tuple[StudyFacts, Tables, Summary, AirStudy],
) -> None:
    facts, tables, summary, _ = made
    policies = tuple(
        msgspec.structs.replace(
            item, name=item.title[:1].upper() + item.title[1:],
            words=f"{item.title[:1].upper() + item.title[1:]} at Ay. Nobody is asked by an app.",
        )
        for item in summary.policies
    )  # fmt: skip
    named = msgspec.structs.replace(summary, policies=policies)
    said = Page(method_section(Study(facts, named, tables, None), 10, [])).said
    assert re.search(r"One drone +at Ay\. Nobody is asked by an app\.", said)
    assert len(re.findall("one drone", said, re.IGNORECASE)) == 1


def test_without_a_rerun_the_page_says_how_to_get_one(
    made: tuple[StudyFacts, Tables, Summary, AirStudy],
) -> None:
    facts, tables, summary, _ = made
    found = sensitivity(summary, facts, None)
    assert found is not None
    assert found.rerun is None
    full = msgspec.structs.replace(summary, sensitivity=found)
    said = Page(render(facts, full, tables)).said
    assert "--sensitivity" in said
    assert found.sentence in said
