"""What a gain costs: Fieller's limits, open ends, prices that nobody knows, and the sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from scenarios.metrics.answer_means import money
from scenarios.metrics.costs import cost_against, fieller, yearly_cost
from scenarios.metrics.facts import Means, OptionFacts, PolicyFacts, Price, StudyFacts
from scenarios.metrics.intervals import Difference
from scenarios.metrics.panel import Tables
from scenarios.metrics.shape import Summary
from scenarios.metrics.summary import summarise, summary_json

DRONE = Price("drone", 20_000.0, 30_000.0, "a paper")
GROUP = Price("first-responder group", 3_000.0, 6_000.0, "assumption")
PERSON = Price("volunteer", None, None, "not known")
AED = Price("AED", 400.0, 400.0, "assumption")


def option(key: str, drones: int = 0, groups: int = 0, aeds: int = 10, **more: Any) -> OptionFacts:
    means = (
        Means("drone", drones, DRONE), Means("first-responder group", groups, GROUP),
        Means("AED", aeds, AED), Means("volunteer", 50, PERSON),
    )  # fmt: skip
    return OptionFacts(id=key, rule="as_today", stated=True, means=means, priced=True, **more)


# --- ratios --------------------------------------------------------------------------------------


def test_a_certain_cost_over_a_gain_has_the_limits_of_the_gain() -> None:
    gain = np.array([1.0, 2.0, 3.0, 2.0])
    found = fieller(np.full(4, 100.0), gain, "survivor")
    half = 3.182446 * gain.std(ddof=1) / 2.0
    assert found.value == pytest.approx(50.0)
    assert found.low == pytest.approx(100.0 / (2.0 + half), rel=1e-6)
    assert found.high == pytest.approx(100.0 / (2.0 - half), rel=1e-6)


def test_limits_cover_the_true_ratio() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(2000):
        shared = rng.normal(0.0, 1.0, 12)
        gain = 4.0 + shared + rng.normal(0.0, 0.5, 12)
        cost = 60.0 + 4.0 * shared + rng.normal(0.0, 2.0, 12)
        found = fieller(cost, gain, "survivor")
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 15.0 <= found.high
    assert 0.935 < hits / 2000 < 0.965


@pytest.mark.parametrize(
    ("cost", "gain", "low", "high", "says"),
    [
        (100.0, [-2.0, -2.1, -1.9], False, False, "no ratio: it brings no"),
        (100.0, [-1.0, 2.0, 0.5], True, False, "no upper limit"),
        (-5.0, [2.0, 1.0, 3.0, 2.0], False, False, "costs no more"),
        (100.0, [1.0], False, False, "one replication"),
    ],
)
def test_a_ratio_that_does_not_exist_says_why(
    cost: float, gain: list[float], low: bool, high: bool, says: str
) -> None:
    found = fieller(np.full(len(gain), cost), np.array(gain), "survivor")
    assert (found.low is not None, found.high is not None) == (low, high)
    assert says in found.words


def test_only_what_an_option_has_more_of_is_paid_for() -> None:
    baseline, more = option("a"), option("b", drones=2, aeds=15)
    found = yearly_cost(more, baseline, 0.0)
    assert found is not None
    assert {item.item: item.number for item in found.items} == {"drone": 2, "AED": 5}
    assert (found.total, found.total_high) == (42_000.0, 62_000.0)
    assert found.unpriced == ()
    unpriced = msgspec.structs.replace(more, alert_price=Price("person asked", None, None, ""))
    asked = yearly_cost(unpriced, baseline, 30.0)
    assert asked is not None
    assert asked.unpriced == ("person asked",)
    assert yearly_cost(msgspec.structs.replace(more, priced=False), baseline, 0.0) is None


def test_a_minute_sooner_costs_the_more_the_fewer_there_are() -> None:
    baseline, drones = option("a"), option("b", drones=1)
    costs = [yearly_cost(item, baseline, 0.0) for item in (drones, baseline)]
    assert costs[0] is not None
    assert costs[1] is not None
    found = cost_against(
        costs[0], costs[1], "a", survivors=np.array([1.0, 2.0]), asked=np.zeros(2), told=True,
        minutes=Difference(-120.0, -240.0, -60.0, verdict="lower"), qalys=10.0,
    ).per_median_minute  # fmt: skip
    assert (found.value, found.low, found.high) == (10_000.0, 5_000.0, 20_000.0)


@pytest.mark.parametrize("told", [True, False])
def test_a_gain_that_may_be_chance_has_no_upper_limit(told: bool) -> None:
    """The intervals are clear of zero, the verdict (Holm, over all options) need not be."""
    baseline, drones = option("a"), option("b", drones=1)
    costs = [yearly_cost(item, baseline, 0.0) for item in (drones, baseline)]
    assert costs[0] is not None
    assert costs[1] is not None
    found = cost_against(
        costs[0], costs[1], "a", survivors=np.array([2.0, 2.1, 2.2]), asked=np.zeros(3), told=told,
        minutes=Difference(-120.0, -240.0, -60.0, verdict="lower" if told else "cannot_tell"),
        qalys=10.0,
    )  # fmt: skip
    for ratio in (found.per_survivor, found.per_qaly, found.per_median_minute):
        assert ratio.low is not None
        assert (ratio.high is not None) == told
        assert ("may be chance" in ratio.words) != told


# --- the sentence --------------------------------------------------------------------------------

TODAY, GROUPS, DRONES = "as today", "six groups", "three drones"


NAMES = {"as_today": TODAY, "nearest_3": DRONES, "phased_7": GROUPS}
OPTIONS = {
    TODAY: option(TODAY),
    DRONES: option(
        DRONES, drones=3, bases=(("a", "Ay"),), aircraft=("m300",),
        grounded={"a": tuple((80.0 + i, 5.0) for i in range(20))},
    ),
    GROUPS: option(GROUPS, groups=6),
}  # fmt: skip
Make = Callable[..., tuple[StudyFacts, Tables]]


def summary_of(make_study: Make, effect: float = 1.0, *, swapped: bool = False) -> Summary:
    """Made-up tables in which seven people asked are sooner than three, and three than none."""
    facts, tables = make_study(effect=effect)
    names = {**NAMES, "nearest_3": GROUPS, "phased_7": DRONES} if swapped else NAMES
    policies = tuple(PolicyFacts(names[item.id], names[item.id]) for item in facts.policies)
    told = msgspec.structs.replace(
        facts, policies=policies, options=tuple(OPTIONS[item.id] for item in policies)
    )
    return summarise(Tables(*(_renamed(table, names) for table in tables[:2])), told)


def _renamed(table: Any, names: dict[str, str]) -> Any:
    column = pa.array([names[key] for key in table["policy"].to_pylist()])
    return table.set_column(table.column_names.index("policy"), "policy", column)


def test_the_better_kind_is_held_against_the_best_of_the_other(make_study: Make) -> None:
    summary = summary_of(make_study)
    said = summary.answer.sentence
    assert summary.answer.kind == "best"
    assert said.startswith("With six groups ")
    assert "shorter than with three drones" in said
    assert "survivors are expected" in said
    assert said.endswith("for £24 000 to £72 000 a year less.")
    assert "Compared with as today: Six groups: " in summary.answer.load
    assert summary.answer.load.endswith(
        "With three drones, the hours that weather keeps a drone on the ground add up to "
        "86 to 93 days a year; days without one hour to fly in: about 5 a year."
    )
    assert [figure.title for figure in summary.answer.figures][-1] == "A year costs"


def test_darkness_is_named_where_nobody_flies_in_it(
    make_study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_day = msgspec.structs.replace(OPTIONS[DRONES], night_flying=False)
    monkeypatch.setitem(OPTIONS, DRONES, by_day)
    said = summary_of(make_study).answer.load
    assert "the hours that weather and darkness keep a drone on the ground" in said


def test_what_costs_more_is_said_to_cost_more(make_study: Make) -> None:
    said = summary_of(make_study, swapped=True).answer.sentence
    assert said.startswith("With three drones ")
    assert said.endswith("for £24 000 to £72 000 a year more.")


def test_no_difference_shown_is_said_so(make_study: Make) -> None:
    summary = summary_of(make_study, 0.0)
    assert summary.answer.kind == "cannot_tell"
    assert summary.answer.sentence.startswith("We cannot tell whether any of the options do better")


def test_few_arrests_come_with_a_caution(make_study: Make) -> None:
    facts, tables = make_study(replications=3, per_replication=60.0)
    few = summarise(tables, facts)
    assert few.arrests < 500
    assert f"Only {few.arrests} arrests" in few.cautions[0]
    facts, tables = make_study()
    assert summarise(tables, facts).cautions == ()


def test_options_reach_the_file(make_study: Make) -> None:
    plain = msgspec.json.decode(summary_json(summary_of(make_study)))
    drones = plain["options"][1]
    assert drones["yearly_cost"]["items"][0] == {
        "item": "drone", "number": 3, "each": 20_000.0, "total": 60_000.0, "total_high": 90_000.0,
        "source": "a paper",
    }  # fmt: skip
    assert drones["days_grounded_per_year"]["by_base"]["Ay"]["value"] == 89.5
    assert drones["against_comparator"]["difference"] == 60_000.0


def test_money_has_three_figures() -> None:
    assert money(19_350.0, "GBP") == "£19 400"
    assert money(1_234_567.0, "CHF") == "CHF 1 230 000"
