"""Estimates, differences and the answer, against hand-made cases and a naive reading."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy import stats

from scenarios.metrics import words
from scenarios.metrics.answer_study import AnswerStudy
from scenarios.metrics.curves import curve
from scenarios.metrics.errors import MetricsError
from scenarios.metrics.facts import PolicyFacts, StudyFacts, ZoneFacts
from scenarios.metrics.groups import FEWEST_ARRESTS, widest_gap
from scenarios.metrics.intervals import (
    Difference,
    Estimate,
    difference,
    holm,
    mean_estimate,
    ratio,
    with_holm,
)
from scenarios.metrics.panel import Panel, Tables, is_night, local_hours
from scenarios.metrics.quantiles import Times, pair_counts, quantile_differences
from scenarios.metrics.shape import Comparison, Summary
from scenarios.metrics.summary import summarise, summary_json

Made = tuple[StudyFacts, Tables]
Make = Callable[..., Made]


@pytest.fixture(scope="module")
def summary(study: Made) -> Summary:
    facts, tables = study
    return summarise(tables, facts)


# --- intervals -----------------------------------------------------------------------------------


def test_equal_counts_give_the_textbook_t_interval() -> None:
    means = np.array([3.0, 5.0, 4.0, 8.0, 6.0])
    found = mean_estimate(means * 10, np.full(5, 10.0))
    low, high = stats.t.interval(0.95, 4, means.mean(), stats.sem(means))
    assert (found.value, found.low, found.high) == pytest.approx((means.mean(), low, high))


def test_equal_counts_give_the_textbook_paired_t_test() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(5, 1, 12), rng.normal(4.7, 1, 12)
    found = difference(a * 7, b * 7, np.full(12, 7.0))
    expected = stats.ttest_rel(a, b)
    interval = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_unequal_counts_pool_the_cases() -> None:
    """Two replications of 1 and 3 cases, totals 1 and 0: a quarter, not a half."""
    value, error, df = ratio(np.array([1.0, 0.0]), np.array([1.0, 3.0]))
    assert float(value) == 0.25
    # residuals .75 and -.75; R/(R-1) * 2 * .5625 / 16
    assert float(error) == pytest.approx(math.sqrt(2 * 1.125 / 16))
    assert float(df) == 1


def test_replications_without_a_case_say_nothing() -> None:
    with_empty = ratio(np.array([2.0, 0.0, 4.0]), np.array([4.0, 0.0, 5.0]))
    without = ratio(np.array([2.0, 4.0]), np.array([4.0, 5.0]))
    assert [float(x) for x in with_empty] == [float(x) for x in without]


def test_one_replication_gives_no_interval_and_no_verdict() -> None:
    assert mean_estimate(np.array([6.0]), np.array([3.0])) == Estimate(2.0)
    assert difference(np.array([6.0]), np.array([3.0]), np.array([3.0])).verdict == "cannot_tell"


def test_no_case_gives_no_value() -> None:
    assert mean_estimate(np.zeros(4), np.zeros(4)) == Estimate(None)


def test_a_share_that_never_happened_is_not_certainly_zero() -> None:
    found = mean_estimate(np.zeros(5), np.full(5, 20.0), share=True)
    assert (found.value, found.low) == (0.0, 0.0)
    # Clopper-Pearson upper end for 0 of 100
    assert found.high == pytest.approx(stats.beta.ppf(0.975, 1, 100))


def test_a_share_stays_between_zero_and_one() -> None:
    found = mean_estimate(np.array([0.0, 1.0, 0.0]), np.full(3, 2.0), share=True)
    assert found.low == 0.0
    assert found.high is not None
    assert found.high <= 1.0


def test_intervals_cover_the_truth_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(1000):
        counts = rng.poisson(40, 12).astype(float)
        found = mean_estimate(rng.gamma(counts, 2.0), counts)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 2.0 <= found.high
    assert 925 <= hits <= 970


def test_holm_steps_down() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.01, 0.02, 0.9]) == pytest.approx([0.03, 0.04, 0.9])
    assert holm([]) == []


def test_two_judged_together_can_take_back_a_verdict() -> None:
    clear = Difference(2.0, 0.05, 3.95, 0.045, 0.045, "higher")
    weak = Difference(1.0, -1.0, 3.0, 0.30, 0.30, "cannot_tell")
    first, second = with_holm([clear, weak])
    assert first.p_holm == pytest.approx(0.09)
    assert first.verdict == "cannot_tell"
    assert second.verdict == "cannot_tell"


def test_what_is_the_same_everywhere_does_not_cost_the_others() -> None:
    clear = Difference(2.0, 0.05, 3.95, 0.045, 0.045, "higher")
    same = Difference(0.0, 0.0, 0.0, 1.0, 1.0, "same")
    assert with_holm([clear, same]) == [clear, same]


# --- curves and quantiles ------------------------------------------------------------------------


def test_an_arrest_that_nobody_reached_stays_in_the_curve() -> None:
    times = np.array([60.0, 120.0, np.inf, np.inf])
    found = curve(times, np.array([0, 1, 0, 1]), 2)
    assert found.value[-1] == 0.5
    assert found.value[60 // 15] == 0.25
    assert found.value[60 // 15 - 1] == 0.0


def test_the_median_of_mostly_never_is_never() -> None:
    times = np.array([60.0, np.inf, np.inf, 90.0, np.inf])
    found = Times(times, np.array([0, 0, 1, 1, 2]), 3).estimate(0.5)
    assert found.value is None
    assert found.high is None


def test_a_quantile_is_the_first_time_that_enough_had() -> None:
    times = np.arange(1.0, 11.0)
    replications = np.arange(10) % 5
    assert Times(times, replications, 5).estimate(0.5).value == 5.0
    assert Times(times, replications, 5).estimate(0.9).value == 9.0


def test_median_interval_covers_and_its_difference_is_paired() -> None:
    rng = np.random.default_rng(5)
    replications = np.repeat(np.arange(20), 60)
    hits = 0
    for _ in range(100):
        times = rng.exponential(300.0, 1200)
        found = Times(times, replications, 20).estimate(0.5)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 300 * math.log(2) <= found.high
    assert hits >= 88
    # The same arrests 30 s sooner: paired, the difference is far sharper than the medians.
    sooner = Times(times - 30.0, replications, 20)
    change = quantile_differences(sooner, Times(times, replications, 20))["median"]
    assert (change.value, change.low, change.high) == pytest.approx((-30.0, -30.0, -30.0))
    assert change.verdict == "lower"


def test_a_median_that_is_never_reached_has_no_difference() -> None:
    of = np.array([0, 1, 2])
    never = Times(np.array([np.inf, np.inf, 5.0]), of, 3)
    found = quantile_differences(never, Times(np.array([1.0, 2.0, 3.0]), of, 3))
    assert found["median"] == Difference(None)


def test_pairs_count_never_against_never_as_the_same() -> None:
    a = np.array([1.0, np.inf, np.inf, 4.0])
    b = np.array([2.0, np.inf, 9.0, 4.0])
    assert pair_counts(a, b) == (1, 2, 1)


# --- the tables ----------------------------------------------------------------------------------


def naive_mean(tables: Tables, policy: str, of: Callable[[dict[str, Any]], float]) -> float:
    rows = [r for r in tables.incidents.to_pylist() if r["policy"] == policy and r["true_arrest"]]
    return sum(of(row) for row in rows) / len(rows)


def reached(column: str, limit_s: float) -> Callable[[dict[str, Any]], float]:
    return lambda row: float(row[column] is not None and row[column] <= limit_s)


@pytest.mark.parametrize("policy", ["as_today", "nearest_3", "phased_7"])
def test_estimates_are_what_a_reader_of_the_parquet_gets(
    study: Made, summary: Summary, policy: str
) -> None:
    _, tables = study
    found = summary.policy(policy).measures
    expected = {
        "cpr_any_within_300_s": reached("t_cpr_any_s", 300),
        "trained_hands_within_480_s": reached("t_trained_hands_s", 480),
        "shock_within_600_s": reached("t_shock_s", 600),
        "volunteer_before_ambulance": lambda r: float(r["n_arrived_before_ambulance"] > 0),
        "asked_per_arrest": lambda r: float(r["n_asked"]),
        "any_yes": lambda r: float(r["n_yes"] > 0),
        "survival_joint": lambda r: float(r["survival_joint"]),
        "cpr_any_capped_mean_s": lambda r: min(
            1200.0, math.inf if r["t_cpr_any_s"] is None else r["t_cpr_any_s"]
        ),
        "aed_source_ambulance": lambda r: float(r["first_aed_source"] == "ambulance"),
    }
    for key, of in expected.items():
        assert found[key].value == pytest.approx(naive_mean(tables, policy, of)), key


def test_survivors_a_year_are_the_sum_of_probabilities(study: Made, summary: Summary) -> None:
    facts, tables = study
    rows = [
        r for r in tables.incidents.to_pylist() if r["policy"] == "phased_7" and r["true_arrest"]
    ]
    per_replication = np.zeros(facts.replications)
    for row in rows:
        per_replication[row["replication"]] += row["survival_joint"]
    found = summary.policy("phased_7").measures["survivors_per_year_joint"]
    low, high = stats.t.interval(0.95, 19, per_replication.mean(), stats.sem(per_replication))
    assert (found.value, found.low, found.high) == pytest.approx(
        (per_replication.mean(), low, high)
    )


def test_the_load_is_counted_from_the_alerts(study: Made, summary: Summary) -> None:
    facts, tables = study
    rows = [r for r in tables.alerts.to_pylist() if r["policy"] == "phased_7"]
    arrests = {
        (r["replication"], r["incident_id"]): r
        for r in tables.incidents.to_pylist()
        if r["policy"] == "phased_7"
    }
    years = facts.replications * facts.years
    night = sum(r["local_hour"] >= 23 or r["local_hour"] < 7 for r in rows)
    false = sum(not arrests[r["replication"], r["incident_id"]]["true_arrest"] for r in rows)
    found = summary.policy("phased_7").measures
    per_person = facts.volunteers * years
    assert found["night_wakes_per_volunteer_month"].value == pytest.approx(night / per_person / 12)
    assert found["false_alarms_per_volunteer_year"].value == pytest.approx(false / per_person)
    arrived: dict[tuple[int, str], list[float]] = {}
    for row in rows:
        if row["arrived_t_s"] is not None:
            arrived.setdefault((row["replication"], row["incident_id"]), []).append(
                row["arrived_t_s"]
            )
    redundant = late = 0
    for key, times in arrived.items():
        if not arrests[key]["true_arrest"]:
            continue
        after = sum(t > arrests[key]["t_ambulance_s"] for t in times)
        late += after
        redundant += after + max(len(times) - after - 1, 0)
    assert found["after_ambulance_per_arrest"].value == pytest.approx(late / summary.arrests)
    assert found["redundant_per_arrest"].value == pytest.approx(redundant / summary.arrests)


def test_alerts_that_never_reached_a_phone_wake_nobody(study: Made) -> None:
    facts, tables = study
    silent = pa.array(["undelivered"] * len(tables.alerts))
    index = tables.alerts.column_names.index("outcome")
    changed = Tables(tables.incidents, tables.alerts.set_column(index, "outcome", silent))
    found = summarise(changed, facts).policy("phased_7").measures
    assert found["night_wakes_per_volunteer_month"].value == 0.0
    assert (found["asked_per_arrest"].value or 0) > 0


def test_an_alert_withdrawn_before_the_phone_had_it_wakes_nobody(study: Made) -> None:
    facts, tables = study
    rows = tables.alerts.to_pylist()
    for number, row in enumerate(rows):
        early = number % 4 == 0
        row["outcome"] = "withdrawn"
        row["delivered_t_s"] = None if early else row["asked_t_s"] + 2.0
    changed = Tables(tables.incidents, pa.Table.from_pylist(rows))
    got = [r for r in rows if r["policy"] == "phased_7" and r["delivered_t_s"] is not None]
    found = summarise(changed, facts).policy("phased_7").measures
    years = facts.volunteers * facts.replications * facts.years
    assert found["alerts_per_volunteer_year"].value == pytest.approx(len(got) / years)
    usual = summarise(tables, facts).policy("phased_7").measures
    assert found["asked_per_call"] == usual["asked_per_call"]


def test_one_repetition_gives_no_answer(make_study: Make) -> None:
    facts, tables = make_study(replications=1)
    said = summarise(tables, facts).answer
    assert said.kind == "cannot_tell"
    assert "one repetition gives no interval, and so no answer" in said.sentence
    assert said.figures == ()
    facts, tables = make_study(replications=1, effect=0.0)
    assert "change nothing" in summarise(tables, facts).answer.sentence


def test_order_of_rows_and_numbering_of_replications_change_nothing(study: Made) -> None:
    facts, tables = study
    order = np.random.default_rng(1).permutation(len(tables.incidents))
    numbers = pc.add(tables.incidents["replication"], 5)
    index = tables.incidents.column_names.index("replication")
    shifted = tables.incidents.set_column(index, "replication", numbers).take(pa.array(order))
    at = tables.alerts.column_names.index("replication")
    alerts = tables.alerts.set_column(at, "replication", pc.add(tables.alerts["replication"], 5))
    assert summary_json(summarise(Tables(shifted, alerts), facts)) == summary_json(
        summarise(tables, facts)
    )


def test_options_that_change_nothing_are_the_same_in_every_number(make_study: Make) -> None:
    facts, tables = make_study(effect=0.0, replications=4, per_replication=40.0)
    found = summarise(tables, facts)
    for comparison in found.comparisons:
        judged = {d.verdict for d in comparison.differences.values() if d.value is not None}
        assert judged == {"same"}
        assert all(pair.later == pair.sooner == 0 for pair in comparison.pairs.values())
    assert "change nothing" in found.answer.sentence


def test_differences_are_paired_by_arrest(summary: Summary) -> None:
    """The two intervals are wide, the paired difference is narrow (common random numbers)."""
    change = summary.comparisons[1].differences["survival_joint"]
    own = summary.policy("phased_7").measures["survival_joint"]
    today = summary.policy("as_today").measures["survival_joint"]
    unpaired = math.hypot(_width(own), _width(today))
    assert _width(change) < 0.6 * unpaired
    assert change.verdict == "higher"


def _width(item: Estimate | Difference) -> float:
    assert item.low is not None
    assert item.high is not None
    return item.high - item.low


def test_policies_that_met_other_incidents_are_refused(study: Made) -> None:
    facts, tables = study
    keep = pc.invert(
        pc.and_(
            pc.equal(tables.incidents["policy"], "phased_7"),
            pc.equal(tables.incidents["incident_id"], "i00003"),
        )
    )
    with pytest.raises(MetricsError, match="did not meet the same incidents"):
        summarise(Tables(tables.incidents.filter(keep), tables.alerts), facts)


def test_a_missing_column_is_named(study: Made) -> None:
    facts, tables = study
    with pytest.raises(MetricsError, match="t_shock_s"):
        summarise(Tables(tables.incidents.drop_columns(["t_shock_s"]), tables.alerts), facts)


def test_an_arrest_without_a_survival_is_refused(study: Made) -> None:
    facts, tables = study
    index = tables.incidents.column_names.index("survival_joint")
    empty = pa.nulls(len(tables.incidents), pa.float64())
    broken = tables.incidents.set_column(index, "survival_joint", empty)
    with pytest.raises(MetricsError, match="survival_joint is null"):
        summarise(Tables(broken, tables.alerts), facts)


def test_alerts_of_unknown_incidents_are_refused(study: Made) -> None:
    facts, tables = study
    few = tables.incidents.filter(pc.not_equal(tables.incidents["incident_id"], "i00003"))
    with pytest.raises(MetricsError, match="have no incident"):
        summarise(Tables(few, tables.alerts), facts)


def test_a_study_without_a_single_incident_says_so(study: Made) -> None:
    facts, tables = study
    found = summarise(Tables(tables.incidents.slice(0, 0), tables.alerts.slice(0, 0)), facts)
    assert found.arrests == 0
    assert found.policy("phased_7").measures["cpr_any_median_s"] == Estimate(None)
    assert json.loads(summary_json(found))["arrests"] == 0


def test_nights_go_over_midnight_and_clocks_change() -> None:
    assert is_night(np.array([22, 23, 0, 6, 7]), (23, 7)).tolist() == [
        False, True, True, True, False,
    ]  # fmt: skip
    assert is_night(np.array([0, 1, 5]), (1, 5)).tolist() == [False, True, False]
    winter, summer = 1_736_942_400.0, 1_752_580_800.0  # 2025-01-15 and 2025-07-15, 12:00 UTC
    assert local_hours(np.array([winter, summer]), "Europe/London").tolist() == [12, 13]


def test_local_hours_are_used_where_the_tables_have_none(study: Made) -> None:
    facts, tables = study
    panel = Panel(tables, facts)
    assert np.array_equal(panel.hour, local_hours(panel.floats("as_today", "t_s"), "Europe/London"))


# --- groups --------------------------------------------------------------------------------------


def test_groups_hold_every_arrest_once(summary: Summary) -> None:
    kinds = {split.kind: split for split in summary.groups}
    assert set(kinds) == {"deprivation_fifth", "urban_rural", "area", "time_of_day"}
    for split in kinds.values():
        assert sum(group.arrests for group in split.groups) == summary.arrests


def test_a_group_is_what_a_filter_of_the_parquet_gives(study: Made, summary: Summary) -> None:
    facts, tables = study
    deprived = {z.id for z in facts.zones if z.deprivation_decile in (1, 2)}
    rows = [
        row
        for row in tables.incidents.to_pylist()
        if row["policy"] == "phased_7" and row["true_arrest"] and row["zone"] in deprived
    ]
    split = next(s for s in summary.groups if s.kind == "deprivation_fifth")
    found = split.measures["volunteer_before_ambulance"].estimates["phased_7"][0]
    assert split.groups[0].arrests == len(rows)
    expected = sum(r["n_arrived_before_ambulance"] > 0 for r in rows) / len(rows)
    assert found.value == pytest.approx(expected)


def test_the_widest_gap_allows_for_having_looked_at_all_pairs(summary: Summary) -> None:
    """In the comparator no area differs but by chance: no gap is called clear."""
    area = next(s for s in summary.groups if s.kind == "area")
    gap = area.measures["trained_hands_within_480_s"].gaps["as_today"]
    assert gap is not None
    assert gap.difference.verdict == "cannot_tell"
    # Volunteers of the generator come later in higher-numbered areas: that is found.
    real = area.measures["volunteer_before_ambulance"].gaps["phased_7"]
    assert real is not None
    assert real.difference.verdict in ("higher", "lower")


def test_twelve_alike_groups_seldom_show_a_clear_gap() -> None:
    rng = np.random.default_rng(2)
    labels = tuple("abcdefghijkl")
    clear = 0
    for _ in range(200):
        cases = rng.poisson(12, (20, 12)).astype(float)
        gap = widest_gap(rng.binomial(cases.astype(int), 0.5), cases, labels, lower=False)
        assert gap is not None
        clear += gap.difference.verdict != "cannot_tell"
    assert clear <= 20  # one in twenty is meant; picked pairs unadjusted are clear nearly always


def test_groups_with_few_arrests_are_listed_and_not_judged(make_study: Make) -> None:
    facts, tables = make_study(replications=3, per_replication=30.0)
    found = summarise(tables, facts)
    area = next(s for s in found.groups if s.kind == "area")
    small = [i for i, group in enumerate(area.groups) if group.arrests < FEWEST_ARRESTS]
    assert small
    judged = area.measures["volunteer_before_ambulance"].differences["phased_7"]
    assert all(judged[i] == Difference(None) for i in small)


def test_without_zones_only_day_and_night_are_split(make_study: Make) -> None:
    facts, tables = make_study(replications=2, zones=0)
    assert [split.kind for split in summarise(tables, facts).groups] == ["time_of_day"]


def test_zones_without_deprivation_make_no_fifths(make_study: Make) -> None:
    facts, tables = make_study(replications=2)
    bare = tuple(ZoneFacts(zone.id, zone.name) for zone in facts.zones)
    plain = StudyFacts(**{**_fields(facts), "zones": bare})
    assert [s.kind for s in summarise(tables, plain).groups] == ["area", "time_of_day"]


def _fields(facts: StudyFacts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in facts.__struct_fields__}


# --- the answer ----------------------------------------------------------------------------------


def test_a_clear_best_is_named_with_a_range_and_what_it_asks(summary: Summary) -> None:
    said = summary.answer
    assert said.kind == "best"
    assert said.sentence.startswith("Phased 7 is best of those tried: ")
    assert " to " in said.sentence
    assert "As today" in said.sentence
    assert "Nearest 3 asks" in said.load
    assert len(said.figures) == 3
    assert all(figure.rows and figure.comparator for figure in said.figures)


def test_two_alike_options_are_weighed_and_not_ranked(make_study: Make) -> None:
    policies = tuple(PolicyFacts(key, key) for key in ("as_today", "phased_7", "phased_7b"))
    facts, tables = make_study(replications=8)
    rows = tables.incidents.to_pylist()
    extra = [{**r, "policy": "phased_7b"} for r in rows if r["policy"] == "phased_7"]
    alerts = tables.alerts.to_pylist()
    more = [{**r, "policy": "phased_7b"} for r in alerts if r["policy"] == "phased_7"]
    both = Tables(
        pa.Table.from_pylist(rows + extra, tables.incidents.schema),
        pa.Table.from_pylist(alerts + more, tables.alerts.schema),
    )
    found = summarise(both, StudyFacts(**{**_fields(facts), "policies": policies}))
    assert found.answer.kind == "tied"
    assert "cannot tell" in found.answer.sentence
    assert "cannot tell" in found.answer.load


def test_too_few_replications_cannot_tell(make_study: Make) -> None:
    facts, tables = make_study(replications=1)
    found = summarise(tables, facts)
    assert found.answer.kind == "cannot_tell"
    assert found.answer.sentence.startswith("We cannot tell")


def test_a_rare_survivor_is_told_in_years(make_study: Make) -> None:
    facts, tables = make_study(replications=12)
    rows = tables.incidents.to_pylist()
    for row in rows:
        for model in facts.outcomes:
            if row[f"survival_{model.name}"] is not None:
                row[f"survival_{model.name}"] /= 50
    thin = Tables(pa.Table.from_pylist(rows, tables.incidents.schema), tables.alerts)
    sentence = summarise(thin, facts).answer.sentence
    tiles = {row.policy: row.text for row in summarise(thin, facts).answer.figures[0].rows}
    told = re.findall(r"(\d\S* to \d\S*)(?: extra survivors expected (in a \w+ years))?", sentence)
    assert told[0][1] == "in a hundred years", sentence
    assert {text for text, _ in told} <= set(tiles.values())


def test_two_options_are_told_apart_and_more_say_that_ranges_are_put_together(
    make_study: Make,
) -> None:
    facts, _ = make_study(replications=2)
    extra = {"b": (0.011, 0.069), "c": (0.02, 0.08), "d": (-0.004, 0.09)}
    policies: Any = [SimpleNamespace(id=key, name=key.upper(), measures={}) for key in "abcd"]
    found = [
        Comparison(
            key, "a", {"survivors_per_year_joint": Difference((low + high) / 2, low, high)}, {}
        )
        for key, (low, high) in extra.items()
    ]
    base = msgspec.structs.replace(facts.baseline, id="a")
    facts = msgspec.structs.replace(facts, policies=(base,), population=None)
    study = AnswerStudy(facts, policies, found, [])
    told = "1 to 7 extra survivors expected in a hundred years"
    assert study.much(["b"], compared=False) == told
    assert study.much(["b", "c"], compared=False) == f"{told} with B and 2 to 8 with C"
    together = study.much(["b", "c", "d"], compared=False)
    assert together.startswith("1 fewer to 9 more survivors expected in a hundred years")
    assert "ranges put together" in together


def test_time_to_hands_is_told_when_survivors_cannot_be(make_study: Make) -> None:
    facts, tables = make_study(replications=12)
    rows = tables.incidents.to_pylist()
    for row in rows:
        for model in facts.outcomes:
            if row[f"survival_{model.name}"] is not None:
                odd = int(row["incident_id"][1:]) % 2
                sign = {"as_today": 0.0}.get(row["policy"], 1.0 if odd else -1.0)
                row[f"survival_{model.name}"] = 0.2 + 0.1 * sign
    unsure = Tables(pa.Table.from_pylist(rows, tables.incidents.schema), tables.alerts)
    said = summarise(unsure, facts).answer
    assert said.kind == "cannot_tell"
    assert re.search(r"With .*, .* more of 100 arrests have trained hands within 8", said.sentence)
    assert said.sentence.endswith("survivors, we cannot tell.")


def test_a_single_policy_is_described_and_not_compared(make_study: Make) -> None:
    facts, tables = make_study(replications=3)
    alone = StudyFacts(**{**_fields(facts), "policies": facts.policies[2:]})
    found = summarise(tables, alone)
    assert found.answer.kind == "no_comparison"
    assert found.comparisons == ()


# --- words and bytes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (3.07, 4.21, "3.0 to 4.3"),
        (18.2, 21.4, "18.2 to 21.4"),
        (6.7, 20.6, "6 to 21"),
        (106.4, 150.1, "106 to 151"),
        (0.3, 6.6, "0.3 to 7"),
        (-6.6, -0.3, "−7 to −0.3"),
        (-0.4, 1.3, "−0.4 to 1.3"),
        (0.0, 0.0, "0"),
        (0.4, 9.2, "0.4 to 10"),
        (1234.0, 1890.0, "1\u202f200 to 1\u202f900"),
        (125.0, 136.0, "125 to 136"),
        (5.0, 5.0, "about 5"),
    ],
)
def test_ranges_read_naturally(low: float, high: float, said: str) -> None:
    assert words.span(low, high) == said


def test_a_rule_that_asks_nobody_has_no_volunteers_first(make_study: Make) -> None:
    facts, tables = make_study(replications=3)
    nobody = msgspec.structs.replace(facts.baseline, asks=False)
    sure = StudyFacts(**{**_fields(facts), "policies": (nobody, *facts.policies[1:])})
    found = {p.id: p.measures for p in summarise(tables, sure).policies}
    none = Estimate(0.0, 0.0, 0.0)
    assert found["as_today"]["volunteer_before_ambulance"] == none
    assert found["as_today"]["first_help_volunteer"] == none
    assert words.dash(found["as_today"]["first_help_ambulance"], scale=100) == "100"
    # With another rule the same zero may be chance: its upper end stays open.
    chance = {p.id: p.measures for p in summarise(tables, facts).policies}
    assert (chance["as_today"]["volunteer_before_ambulance"].high or 0.0) > 0.0


def test_tiles_tell_the_paired_difference(make_study: Make) -> None:
    facts, tables = make_study(replications=12)
    found = summarise(tables, facts)
    tile = next(item for item in found.answer.figures if "trained hands" in item.title.lower())
    for row, comparison in zip(tile.rows, found.comparisons, strict=True):
        change = comparison.differences["trained_hands_within_480_s"]
        assert words.change(change, "more", "fewer", scale=100, most=1) in row.text
        level = found.policy(row.policy).measures["trained_hands_within_480_s"]
        assert f"({words.ranged(level, scale=100, most=1)})" in row.text


def test_limits_are_rounded_outwards_and_alike_in_tables_and_sentences() -> None:
    rng = np.random.default_rng(4)
    for low, width in zip(rng.uniform(-50, 90, 300), rng.uniform(0.001, 80, 300), strict=True):
        item = Estimate(low + width / 2, low, low + width)
        for most in (0, 1, 2):
            said = words.ranged(item, most=most)
            first, last = (
                float(text.replace(words.MINUS, "-").replace(words.NARROW_SPACE, ""))
                for text in said.split(" to ")
            )
            assert first <= low + 1e-9
            assert last >= low + width - 1e-9
            assert last - first <= max(1.51 * width, width + 2 * 10.0**-most)
            if low > 0:
                assert words.dash(item, most=most).replace("–", " to ") == said


def test_times_are_told_in_minutes_and_never_alone() -> None:
    assert words.minutes(Estimate(300.0, 282.0, 318.0)) == "4.7 to 5.3 min"
    assert words.minutes(Estimate(None, 900.0, None)) == "over 15.0 min"
    assert words.minutes(Estimate(None)) == "not reached"
    assert words.ranged(Estimate(0.4)) == "0.4 (no interval)"


def test_changes_have_a_direction() -> None:
    assert words.change(Difference(2.0, 1.5, 2.5, 0.01, 0.01, "higher"), "more", "fewer") == (
        "1.5 to 2.5 more"
    )
    assert words.change(Difference(-2.0, -2.5, -1.5, 0.01, 0.01, "lower"), "more", "fewer") == (
        "1.5 to 2.5 fewer"
    )
    assert words.change(Difference(0.2, -0.5, 0.9), "more", "fewer") == "0.5 fewer to 0.9 more"


@pytest.mark.parametrize(
    ("largest", "said"), [(3.0, "a year"), (0.4, "in ten years"), (0.03, "in a hundred years")]
)
def test_small_numbers_are_told_over_longer_times(largest: float, said: str) -> None:
    assert words.period(largest).words == said


def test_summary_json_is_stable_and_complete(study: Made, summary: Summary) -> None:
    facts, tables = study
    text = summary_json(summary)
    assert text == summary_json(summarise(tables, facts))
    plain = json.loads(text)
    assert plain["format"] == "heartreach-summary"
    assert plain["baseline"] == "as_today"
    assert {p["id"] for p in plain["policies"]} == {"as_today", "nearest_3", "phased_7"}
    for policy in plain["policies"]:
        assert set(policy["measures"]) == set(plain["measures"])
        assert all(len(c["value"]) == len(plain["curve_t_s"]) for c in policy["curves"].values())
    assert "NaN" not in text.decode()
    assert "Infinity" not in text.decode()
