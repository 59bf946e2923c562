"""The page: self-contained, says what is to be seen, speaks plainly, and is the same every time."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from scenarios.demand_fit import ChiSquare, DemandFit, FitTest
from scenarios.metrics import words
from scenarios.metrics.aeds import aed_hours
from scenarios.metrics.facts import (
    AedFacts,
    Means,
    Observed,
    OptionFacts,
    PolicyFacts,
    Price,
    Site,
    StudyFacts,
)
from scenarios.metrics.intervals import Estimate
from scenarios.metrics.panel import Tables
from scenarios.metrics.summary import summarise
from scenarios.report.backcast import backcast_section
from scenarios.report.belief import belief_section
from scenarios.report.gains import gains_section
from scenarios.report.html import Raw, tag, text
from scenarios.report.load import load_section
from scenarios.report.mapping import map_section
from scenarios.report.page import render, write_report
from scenarios.report.palette import looks, shade
from scenarios.report.study import Study

Made = tuple[StudyFacts, Tables]
Make = Callable[..., Made]

FORBIDDEN = (
    "lives saved", "optimal", "victim", "hero", "dispatched", "deployed", "resource",
    "confirmed cardiac arrest", "NHS approved", "DCB0129", "AI decides", "en route", "escalat",
    "degraded", "nearest",
)  # fmt: skip


# --- a small region ------------------------------------------------------------------------------


@dataclass
class Network:
    geom_first: Any
    geom_lat: Any
    geom_lon: Any
    edge_u: Any


@dataclass
class Aeds:
    """Four AEDs: always open, office hours, unknown hours, and a private one."""

    lat: Any = field(default_factory=lambda: np.array([51.01, 51.02, 51.03, 51.05]))
    lon: Any = field(default_factory=lambda: np.array([-0.99, -0.95, -0.93, -0.9]))
    public: Any = field(default_factory=lambda: np.array([True, True, True, False]))
    hours_known: Any = field(default_factory=lambda: np.array([True, True, False, True]))

    def __len__(self) -> int:
        return 4

    def open_intervals(self, start_s: float, end_s: float) -> tuple[Any, Any]:
        day = 8 <= (start_s / 3600) % 24 < 18
        edges = [[start_s, end_s], [start_s, end_s] if day else [], [], [start_s, end_s]]
        first = np.concatenate([[0], np.cumsum([len(part) for part in edges])])
        return first, np.array([edge for part in edges for edge in part])


@dataclass
class Region:
    bounds: tuple[float, float, float, float] = (51.0, -1.0, 51.1, -0.85)
    aeds: Aeds = field(default_factory=Aeds)
    networks: dict[str, Network] = field(
        default_factory=lambda: {
            "foot": Network(
                np.array([0, 2, 5]),
                np.array([51.0, 51.1, 51.02, 51.05, 51.06]),
                np.array([-1.0, -0.85, -0.99, -0.95, -0.9]),
                np.array([0, 1]),
            )
        }
    )


# --- reading the page ----------------------------------------------------------------------------


class Page(HTMLParser):
    """What the tests look at: elements with attributes, the visible words, open tags."""

    VOID = frozenset({"meta", "br", "img", "link", "input", "hr"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(source)

    def handle_starttag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, {key: value or "" for key, value in attrs}))
        if name not in self.VOID:
            self.open.append(name)

    def handle_startendtag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, name: str) -> None:
        if not self.open or self.open.pop() != name:
            self.faults.append(name)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    def all(self, name: str) -> list[dict[str, str]]:
        return [attributes for found, attributes in self.elements if found == name]

    @property
    def said(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def source(study: Made) -> str:
    facts, tables = study
    return render(facts, summarise(tables, facts), tables, Region(), ["incidents.csv"])


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


# --- self-contained ------------------------------------------------------------------------------


def test_nothing_is_fetched(source: str, page: Page) -> None:
    asking = {"src", "srcset", "href", "xlink:href", "data", "action", "poster"}
    for name, attributes in page.elements:
        for key in asking & set(attributes):
            if name == "a":
                continue
            assert attributes[key].startswith(("data:", "#")), (name, key, attributes[key][:80])
    assert not page.all("script")
    assert not page.all("link")
    assert not page.all("iframe")
    assert "@import" not in source
    assert not re.search(r"url\((?!#|data:)", source)


def test_links_lead_to_the_results_beside_the_page(page: Page) -> None:
    assert [a["href"] for a in page.all("a") if not a["href"].startswith("#")] == ["incidents.csv"]


def test_every_reference_inside_has_one_target(source: str, page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for reference in re.findall(r'(?:href="#|url\(#)([^")]+)', source):
        assert reference in ids, reference
    for _, attributes in page.elements:
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in ids


def test_the_markup_is_well_formed(page: Page) -> None:
    assert page.faults == []
    assert page.open == []


def test_the_same_study_gives_the_same_bytes(study: Made, source: str) -> None:
    facts, tables = study
    again = render(facts, summarise(tables, facts), tables, Region(), ["incidents.csv"])
    assert again == source
    assert not re.search(r"\b20(2[6-9]|[3-9]\d)-\d\d-\d\d", source)  # no date of today


# --- for people ----------------------------------------------------------------------------------


def test_the_answer_comes_first(page: Page, study: Made) -> None:
    facts, tables = study
    said = page.said
    sentence = summarise(tables, facts).answer.sentence
    sentence = re.sub(r"\s+", " ", sentence)
    assert said.index(sentence) < said.index("Can you believe it?") < said.index("The map")
    order = ["The map", "The race", "Who gains", "What it asks of people", "How it was done"]
    places = [said.index(title) for title in order]
    assert places == sorted(places)


def test_every_figure_has_a_sentence_and_an_alt_text(page: Page, source: str) -> None:
    figures = source.split("<figure")[1:]
    assert len(figures) >= 9
    for part in figures:
        caption = re.search(r'class="says">(.*?)</span>', part)
        assert caption
        assert caption.group(1).endswith(".")
        assert len(caption.group(1).split()) >= 4
        label = re.search(r'role="img" aria-label="([^"]{30,})"', part)
        assert label


def test_decoration_is_hidden_from_screen_readers(page: Page) -> None:
    for attributes in page.all("svg"):
        assert attributes.get("role") == "img" or attributes.get("aria-hidden") == "true"


def test_tables_have_captions_and_headed_rows(source: str) -> None:
    tables = source.split("<table")[1:]
    assert len(tables) >= 8
    for part in tables:
        body = part.split("</table>")[0]
        assert "<caption>" in body
        rows = body.split("<tbody>")[1].count("<tr")
        assert body.split("<tbody>")[1].count('scope="row"') == rows


def test_plain_words_only(page: Page, source: str) -> None:
    labels = " ".join(a.get("aria-label", "") for _, a in page.elements)
    said = f"{page.said} {labels}"
    for name in ("Nearest 3",):  # the name of a published rule may say what its authors said
        said = said.replace(name, "")
    for word in FORBIDDEN:
        assert word.lower() not in said.lower(), word
    assert "not a substitute for 999" in page.said


def test_invented_is_stamped_on_every_figure(source: str, page: Page) -> None:
    stamps = source.count('class="stamp"')
    assert stamps >= source.count("<figure")
    assert "Invented: the whole town, AEDs, people" in page.said


def test_text_is_ten_points_or_more(source: str) -> None:
    style = source.split("<style>")[1].split("</style>", maxsplit=1)[0]
    sizes = [float(size) for size in re.findall(r"font(?:-size)?:\s*([0-9.]+)pt", style)]
    assert min(sizes) >= 10.0
    drawn = [float(size) for size in re.findall(r"font-size: ([0-9.]+)px", source)]
    assert drawn
    assert min(drawn) >= 10.0  # user units of a drawing are points at its own size
    boxes = re.findall(r'viewBox="0 0 ([0-9.]+) [0-9.]+" role="img"', source)
    assert {float(width) for width in boxes} == {252.0}  # 3.5 inches: fits a phone unshrunk


def test_outcome_models_carry_their_marks(page: Page) -> None:
    assert "AEDs cannot matter in this model" in page.said
    assert "witnessed arrests" in page.said


def test_hostile_titles_are_text(make_study: Make) -> None:
    nasty = '<script>alert("1")</script> & "Smith\'s"'
    policies = (PolicyFacts("as_today", "As <b>today</b>"), PolicyFacts("phased_7", nasty))
    facts, tables = make_study(replications=2, title=nasty, question=nasty, policies=policies)
    source = render(facts, summarise(tables, facts), tables)
    found = Page(source)
    assert not found.all("script")
    assert not found.all("b")
    assert found.faults == []
    assert nasty in found.said


# --- the sections --------------------------------------------------------------------------------


def test_aeds_are_of_use_by_day_and_fewer_by_night(page: Page) -> None:
    assert "Of 3 public AEDs on the map, 3 can be counted on by day and 1 at night." in page.said
    assert "Wednesday 14:00: 2 AEDs are open by their hours, 1 do not say." in page.said
    assert "Wednesday 03:00: 1 AEDs are open by their hours." in page.said


def test_private_and_unknown_aeds_are_not_counted_at_night() -> None:
    night = aed_hours(Aeds(), 3 * 3600.0)
    assert night.open_.tolist() == [True, False, False, False]
    assert night.usable(night=True) == 1
    assert aed_hours(Aeds(), 14 * 3600.0).usable(night=False) == 3


def test_a_study_of_aeds_answers_with_aeds(make_study: Make) -> None:
    aeds = AedFacts(98, 98, 27, 14, 1_736_300_000.0, 1_736_260_000.0)
    facts, tables = make_study(replications=4, aeds=aeds, answer="aeds")
    said = summarise(tables, facts).answer
    assert said.kind == "aeds"
    assert said.sentence.startswith("98 of 98 AEDs can be counted on by day and 27 at night; ")
    assert "by day and" in said.sentence.split(";")[1]
    assert [figure.title.split(",")[0] for figure in said.figures[:2]] == [
        "Of 100 arrests by day",
        "Of 100 arrests at night",
    ]


def test_a_map_carries_its_credit(study: Made, page: Page) -> None:
    facts, tables = study
    assert "Map data © OpenStreetMap contributors" in page.said
    plain = StudyFacts(**{**_fields(facts), "credit": "", "invented": ()})
    drawn = map_section(Study(plain, summarise(tables, plain), tables, Region()), 3)
    assert "OpenStreetMap" not in drawn
    assert 'class="stamp"' not in drawn  # nothing is invented here


def test_without_a_region_there_is_no_map_and_numbers_stay_in_order(study: Made) -> None:
    facts, tables = study
    source = render(facts, summarise(tables, facts), tables)
    assert 'id="map"' not in source
    numbers = re.findall(r'class="number">(\d)<', source)
    assert numbers == [str(k) for k in range(2, 2 + len(numbers))]


def test_a_backcast_that_fails_shows_a_yellow_band(make_study: Make) -> None:
    slow = Observed(tuple(np.linspace(600, 1800, 200)), "own service, 2025")
    facts, tables = make_study(replications=2, observed=slow)
    source = backcast_section(Study(facts, summarise(tables, facts), tables, None))
    assert 'class="band"' in source
    assert "does not fit your service" in source


def test_own_times_come_before_any_option(make_study: Make) -> None:
    slow = Observed(tuple(np.linspace(600, 1800, 200)), "own service, 2025")
    facts, tables = make_study(replications=2, observed=slow)
    said = Page(render(facts, summarise(tables, facts), tables)).said
    fit = said.index("does the model fit your own data?")
    assert fit < said.index("Nearest 3")
    assert fit < said.index("Can you believe it?")


def test_times_of_day_are_held_against_each_other_where_there_are_enough(
    make_study: Make,
) -> None:
    hours = (2,) * 150 + (9,) * 5
    own = Observed((600.0,) * 150 + (300.0,) * 5, "own service", local_hour=hours)
    facts, tables = make_study(replications=6, observed=own)
    source = backcast_section(Study(facts, summarise(tables, facts), tables, None))
    assert "night, 23 to 07" in source
    assert "morning" not in source  # five observed times judge nothing


def test_a_demand_that_does_not_fit_is_said(make_study: Make) -> None:
    facts, tables = make_study(replications=2)
    bad, good = ChiSquare(90.0, 20, 1e-6), ChiSquare(20.0, 20, 0.46)
    fit = DemandFit(
        source="arrests.csv", arrests=400, held_back=200, space="zones", bandwidth_m=None,
        per_100k_year=55.0, hours=FitTest(good, bad), places=FitTest(bad, bad),
        gaps_ks_distance=0.04, gaps_ks_p=0.5, sentence="Places do not fit.",
    )  # fmt: skip
    summary = msgspec.structs.replace(summarise(tables, facts), demand_fit=fit)
    said = Page(render(facts, summary, tables)).said
    assert "Where or when arrests happen does not fit yours." in said
    assert "does not fit, p below 0.001" in said
    assert "no misfit seen, p 0.460" in said
    assert "ambulance of the model has not been checked against yours" in said


def test_stations_and_hospitals_stand_on_the_map(make_study: Make) -> None:
    sites = (
        Site("station", "North", 51.02, -0.95), Site("co_responder", "Fire", 51.03, -0.93),
        Site("hospital", "General", 51.05, -0.9),
    )  # fmt: skip
    facts, tables = make_study(replications=2, sites=sites)
    source = map_section(Study(facts, summarise(tables, facts), tables, Region()), 3)
    for label in ("ambulance station", "co-responders' station", "hospital"):
        assert text(label) in source
    without, tables = make_study(replications=2)
    bare = map_section(Study(without, summarise(tables, without), tables, Region()), 3)
    assert "hospital" not in bare
    assert bare.count("<path") < source.count("<path")


def test_bars_of_who_came_first_add_up_with_co_responders(make_study: Make) -> None:
    facts, tables = make_study(replications=2)
    incidents = tables.incidents.to_pylist()
    for i, row in enumerate(incidents):
        row["t_co_responder_s"] = row["t_ambulance_s"] - 60 if i // 3 % 3 == 0 else None
        row["first_aed_source"] = ("co_responder", "a later kind", "ambulance", None)[i // 3 % 4]
    more = Tables(pa.Table.from_pylist(incidents), tables.alerts)
    summary = summarise(more, facts)
    for policy in summary.policies:
        for kind in ("first_help_", "aed_source_"):
            shares = [v.value for key, v in policy.measures.items() if key.startswith(kind)]
            assert sum(share or 0.0 for share in shares) == pytest.approx(1.0)
        assert (policy.measures["first_help_co_responder"].value or 0.0) > 0.1
    source = render(facts, summary, more)
    assert "co-responder" in source
    assert "somebody else" in source


def test_call_outs_of_groups_are_told_by_day_and_night(make_study: Make) -> None:
    """Nobody of the first option goes out; two groups of the third do, at night too."""
    facts, tables = make_study(replications=4, night_hours=(23, 7))
    groups = Means("first-responder group", 2.0, Price("first-responder group", None, None, ""))
    options = tuple(
        OptionFacts(id=p.id, rule=p.id, means=(groups,) * (p.id == "phased_7"))
        for p in facts.policies
    )
    facts = msgspec.structs.replace(facts, options=options)
    rows = tables.incidents.to_pylist()
    for row in rows:
        out = row["policy"] == "phased_7" and int(row["incident_id"][1:]) % 3 == 0
        row["t_co_responder_s"] = 400.0 if out else None
    called = Tables(pa.Table.from_pylist(rows), tables.alerts)
    out = [row for row in rows if row["t_co_responder_s"]]
    night = [row for row in out if (hour := int(row["t_s"] // 3600 % 24)) >= 23 or hour < 7]
    summary = summarise(called, msgspec.structs.replace(facts, timezone="UTC"))
    found = summary.policy("phased_7").measures
    assert found["group_call_outs_per_year"].value == pytest.approx(len(out) / 4)
    assert found["group_night_call_outs_per_year"].value == pytest.approx(len(night) / 4)
    false = [row for row in out if not row["true_arrest"]]
    assert found["group_false_alarms_per_year"].value == pytest.approx(len(false) / 4)
    assert summary.policy("nearest_3").measures["group_call_outs_per_year"].value == 0.0
    said = load_section(Study(facts, summary, called, None), 6)
    total = words.ranged(found["group_call_outs_per_year"], most=1)
    assert f">{total}</td>" in said
    each = words.ranged(found["group_call_outs_per_year"], scale=0.5, most=1)
    assert re.search(rf"Call-outs of one group in a year, on average</th><td[^>]*>{each}<", said)
    whole = render(facts, summary, called, None)
    assert "a co-responder's (first-responder groups are co-responders)" in html.unescape(whole)


def test_groups_alone_are_not_nobody(make_study: Make) -> None:
    facts, tables = make_study(replications=2, effect=0.0)
    still = load_section(Study(facts, summarise(tables, facts), tables, None), 6)
    assert "Nobody is asked." in still
    rows = [{**row, "t_co_responder_s": 400.0} for row in tables.incidents.to_pylist()]
    called = Tables(pa.Table.from_pylist(rows), tables.alerts)
    said = load_section(Study(facts, summarise(called, facts), called, None), 6)
    assert "No option asks a volunteer." in said
    assert "Nobody is asked." not in said
    assert "Call-outs a year" in said


def test_a_backcast_that_fits_shows_none(make_study: Make) -> None:
    facts, tables = make_study(replications=2)
    times = [row["t_ambulance_s"] for row in tables.incidents.to_pylist() if row["true_arrest"]]
    fitting = StudyFacts(**{**_fields(facts), "observed": Observed(tuple(times), "own service")})
    source = backcast_section(Study(fitting, summarise(tables, fitting), tables, None))
    assert 'class="band"' not in source
    assert "Your own times (own service) beside the simulated" in source


def test_nobody_slower_is_stated_and_denied(study: Made, page: Page) -> None:
    facts, tables = study
    assert "Nearest 3 and Phased 7: nobody slower." in page.said
    column = tables.incidents["t_trained_hands_s"].to_pylist()
    policies = tables.incidents["policy"].to_pylist()
    later = [t + 100 if p == "phased_7" else t for t, p in zip(column, policies, strict=True)]
    index = tables.incidents.column_names.index("t_trained_hands_s")
    slower = Tables(
        tables.incidents.set_column(index, "t_trained_hands_s", pa.array(later)), tables.alerts
    )
    source = gains_section(Study(facts, summarise(slower, facts), slower, None), 5)
    assert "Phased 7: not everybody is sooner." in source
    assert "On average slower:" in source


def test_one_estimate_has_one_interval_on_the_page(study: Made, page: Page) -> None:
    """The title of a drawing and the table beside it."""
    facts, tables = study
    found = summarise(tables, facts)
    said = " ".join(page.words)
    for policy in found.policies[1:]:
        share = policy.measures["volunteer_before_ambulance"]
        told = words.ranged(share, scale=100, most=1)
        assert f"at {told}" in said or f"{told} with {policy.name}" in said
        assert told.replace(" to ", "–") in said


def test_the_table_of_minutes_says_how_much_sooner(study: Made, page: Page) -> None:
    facts, tables = study
    found = summarise(tables, facts)
    for comparison in found.comparisons:
        change = comparison.differences["trained_hands_median_s"]
        told = words.change(change, "later", "sooner", scale=1 / 60, most=1)
        assert "sooner" in told
        assert any(told in word for word in page.words)


def test_a_shock_that_no_option_changes_has_its_reason(make_study: Make) -> None:
    facts, tables = make_study(replications=3, effect=0.0)
    straight = tuple(
        msgspec.structs.replace(p, asks=i > 0, sends_for_aed=False)
        for i, p in enumerate(facts.policies)
    )
    known = msgspec.structs.replace(facts, policies=straight)
    said = render(known, summarise(tables, known), tables, None)
    assert "no option changes it, because neither rule sends anybody for an AED." in said
    assert "because" not in render(facts, summarise(tables, facts), tables, None)


def test_maps_of_options_stand_in_the_order_of_the_options(study: Made, source: str) -> None:
    facts, _ = study
    titles = re.findall(r'class="says">([^<]*): a volunteer is first at', source)
    assert titles == [policy.name for policy in facts.policies[1:]]


def test_only_what_occurs_is_explained_beside_the_bars(make_study: Make) -> None:
    """No volunteer brings an AED and there is no co-responder: neither shade nor lines for them."""
    facts, tables = make_study(replications=3)
    rows = [{**row, "first_aed_source": "ambulance"} for row in tables.incidents.to_pylist()]
    none = Tables(pa.Table.from_pylist(rows, tables.incidents.schema), tables.alerts)
    said = " ".join(Page(render(facts, summarise(none, facts), none, None)).words)
    assert "Half-dark: a volunteer" in said
    assert "Dark: a volunteer" not in said
    assert "Lines that fall" not in said
    assert "volunteer without" not in said


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.50, 0.55, "fits"),
        (0.40, 0.70, "too few to tell"),
        (0.45, 0.50, "too few to tell"),
        (0.40, 0.47, "does not fit"),
        (0.59, 0.70, "does not fit"),
        (None, None, "too few to tell"),
    ],
)
def test_the_interval_is_held_against_the_band(
    study: Made, low: float | None, high: float | None, says: str
) -> None:
    """The value alone, outside the band, is no misfit."""
    facts, tables = study
    found = summarise(tables, facts)
    checks = {**found.checks, "witnessed": Estimate(0.47, low, high)}
    held = msgspec.structs.replace(found, checks=checks)
    said = belief_section(Study(facts, held, tables, None), 2)
    row = said.split("Somebody saw or heard it")[1].split("</tr>")[0]
    assert f"{says} (input)" in row
    assert "48 to 58 of 100" in row


def test_levels_that_were_set_are_marked(make_study: Make) -> None:
    facts, tables = make_study(replications=3)
    outcome = msgspec.structs.replace(facts.outcomes[0], domain="its intercept is calibrated")
    facts = msgspec.structs.replace(facts, outcomes=(outcome, *facts.outcomes[1:]))
    said = render(facts, summarise(tables, facts), tables, None)
    assert "(calibrated)" in said
    assert re.search(r"CPR before trained hands came.*?\(from an input\)", said)


def test_eight_options_still_make_a_page(make_study: Make) -> None:
    names = ("as_today", "nearest_3", "phased_7", "a_1", "b_2", "c_3", "d_4", "e_5", "f_6")
    policies = tuple(PolicyFacts(name, name) for name in names)
    facts, tables = make_study(replications=2, policies=policies)
    found = Page(render(facts, summarise(tables, facts), tables, Region()))
    assert found.faults == []


@pytest.mark.parametrize("changes", [{"replications": 1}, {"zones": 0}, {"years": 0.01}])
def test_small_studies_make_a_page(make_study: Make, changes: dict[str, Any]) -> None:
    facts, tables = make_study(per_replication=3.0, **{"replications": 2, **changes})
    found = Page(render(facts, summarise(tables, facts), tables, Region()))
    assert found.faults == []


def test_a_study_without_an_arrest_makes_a_page(study: Made) -> None:
    facts, tables = study
    none = Tables(tables.incidents.slice(0, 0), tables.alerts.slice(0, 0))
    found = Page(render(facts, summarise(none, facts), none, Region()))
    assert found.faults == []


def test_one_policy_alone_makes_a_page(make_study: Make) -> None:
    facts, tables = make_study(replications=2)
    alone = StudyFacts(**{**_fields(facts), "policies": facts.policies[2:]})
    found = Page(render(alone, summarise(tables, alone), tables, Region()))
    assert "Nothing was compared." in found.said


# --- pieces --------------------------------------------------------------------------------------


def test_the_file_is_written_whole_and_links_what_is_there(study: Made, tmp_path: Path) -> None:
    facts, tables = study
    (tmp_path / "summary.json").write_text("{}")
    write_report(tmp_path / "report.html", facts, summarise(tables, facts), tables)
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'href="summary.json"' in source
    assert "incidents.csv" not in source
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["report.html", "summary.json"]


def test_each_option_has_its_own_hue_and_mark() -> None:
    found = looks([f"p{k}" for k in range(9)])
    assert len({look.colour for look in found.values()}) == 9
    assert len({look.mark for look in found.values()}) == 9


def test_neighbouring_hues_differ_in_grey() -> None:
    def grey(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2

    found = [grey(look.colour) for look in looks(["a", "b", "c", "d"]).values()]
    gaps = [abs(a - b) for i, a in enumerate(found) for b in found[i + 1 :]]
    assert min(gaps) > 0.03


def test_markup_is_escaped_once() -> None:
    assert tag("p", "<&>", class_="a b", aria_label='"') == (
        '<p class="a b" aria-label="&quot;">&lt;&amp;&gt;</p>'
    )
    assert text(Raw("<br>")) == "<br>"
    assert shade("#000000", 0.0) == "#ffffff"


def _fields(facts: StudyFacts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in facts.__struct_fields__}
