"""From tables to ``Summary``: one pass over the records of a study."""

from __future__ import annotations

import msgspec
import numpy as np

from scenarios.metrics.answer import answer
from scenarios.metrics.curves import GRID_S, curve
from scenarios.metrics.effort import Effort, effort
from scenarios.metrics.facts import PolicyFacts, StudyFacts
from scenarios.metrics.groups import group_set, splits
from scenarios.metrics.intervals import (
    Difference,
    Estimate,
    difference,
    mean_estimate,
    total_estimate,
    with_holm,
)
from scenarios.metrics.means import option_summaries
from scenarios.metrics.measures import (
    CLOCK_WORDS,
    Measure,
    PerIncident,
    catalogue,
)
from scenarios.metrics.panel import CLOCKS, Floats, Panel, Tables
from scenarios.metrics.quantiles import QUANTILES, Times, pair_counts, quantile_differences
from scenarios.metrics.shape import Comparison, PairCounts, PolicySummary, Summary

SIX_FIGURES = 1e6
FEW_ARRESTS = 500  # below, 95 % intervals of gains cover 85 to 93 % (docs/validation.md)
GROUP_MEASURES = (
    "volunteer_before_ambulance",
    "aed_before_ambulance",
    "cpr_any_within_300_s",
    "trained_hands_within_480_s",
    "cpr_any_capped_mean_s",
    "trained_hands_capped_mean_s",
    "shock_capped_mean_s",
)


def summarise(tables: Tables, facts: StudyFacts) -> Summary:
    """Every number of a study. Raises ``MetricsError`` when the tables do not fit together."""
    panel = Panel(tables, facts)
    efforts = {policy.id: effort(panel, policy.id) for policy in facts.policies}
    per_incident, per_replication = catalogue(panel)
    sums = _Sums(panel, efforts)
    comparisons = _judged_together(
        [_comparison(sums, option, facts.baseline) for option in facts.policies[1:]]
    )
    between = _judged_together(
        [
            _comparison(sums, later, earlier)
            for i, earlier in enumerate(facts.policies[1:])
            for later in facts.policies[i + 2 :]
        ]
    )
    measures = {item.measure.key: item.measure for item in per_incident}
    measures |= {item.measure.key: item.measure for item in per_replication}
    measures |= {item.key: item for item in _quantile_measures()}
    policies = tuple(_policy(sums, policy) for policy in facts.policies)
    options = option_summaries(
        panel,
        efforts,
        {policy.id: sums.survivors(policy.id) for policy in facts.policies},
        {item.policy: item.differences for item in comparisons},
    )
    grouped = [item for item in per_incident if item.measure.key in _group_measures(facts)]
    groups = tuple(group_set(panel, split, grouped, efforts) for split in splits(panel))
    return Summary(
        title=facts.title,
        question=facts.question,
        place=facts.place,
        answer=answer(facts, policies, comparisons, between, groups, options),
        replications=facts.replications,
        years=facts.years,
        seed=facts.seed,
        version=facts.version,
        volunteers=facts.volunteers,
        population=facts.population,
        arrests=int(panel.arrest.sum()),
        calls=panel.rows,
        aeds=facts.aeds,
        arrests_per_year=total_estimate(panel.sums(panel.arrest), facts.years),
        invented=facts.invented,
        baseline=facts.baseline.id,
        measures=measures,
        policies=policies,
        comparisons=comparisons,
        between_options=between,
        groups=groups,
        checks=_checks(panel),
        curve_t_s=tuple(float(t) for t in GRID_S),
        options=options,
        cautions=_cautions(int(panel.arrest.sum())),
    )


def _cautions(arrests: int) -> tuple[str, ...]:
    """What a reader must know of so small a study."""
    if arrests >= FEW_ARRESTS:
        return ()
    sentence = (
        f"Only {arrests} arrests stand behind each option: with fewer than about {FEW_ARRESTS} the "
        "intervals of gains are too narrow. Take them as a hint, and simulate more years."
    )
    return (sentence,)


def summary_json(summary: Summary) -> bytes:
    """The bytes of ``summary.json``: keys in a fixed order, floats to six figures."""
    plain = _rounded(msgspec.to_builtins(summary))
    return msgspec.json.format(msgspec.json.encode(plain), indent=1) + b"\n"


def _rounded(value: object) -> object:
    if isinstance(value, float) and abs(value) < SIX_FIGURES:  # moments stay whole
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value


def _group_measures(facts: StudyFacts) -> set[str]:
    return {*GROUP_MEASURES, *(f"survival_{model.name}" for model in facts.outcomes)}


class _Sums:
    """Sums per replication of every measure and policy, computed once."""

    def __init__(self, panel: Panel, efforts: dict[str, Effort]) -> None:
        self.panel = panel
        self.efforts = efforts
        self.means, totals = catalogue(panel)
        self.arrests = panel.sums(panel.arrest)
        self.calls = panel.sums(np.ones(panel.rows))
        self.of = {
            policy.id: {item.measure.key: self._sum(item, policy.id) for item in self.means}
            for policy in panel.facts.policies
        }
        self.totals = {
            policy.id: {
                item.measure.key: item.of(panel, policy.id, efforts[policy.id]) for item in totals
            }
            for policy in panel.facts.policies
        }
        within = panel.replication[panel.arrest]
        self.times = {
            policy.id: {
                clock: Times(
                    panel.clock(policy.id, clock)[panel.arrest], within, panel.replications
                )
                for clock in CLOCKS
            }
            for policy in panel.facts.policies
        }

    def _sum(self, item: PerIncident, policy: str) -> Floats:
        values = item.of(self.panel, policy, self.efforts[policy])
        return self.panel.sums(values, self.panel.arrest if item.arrests_only else None)

    def survivors(self, policy: str) -> Floats:
        """Survivors a year by the leading outcome model, f64[R]."""
        outcomes = self.panel.facts.outcomes
        if not outcomes:
            return np.zeros(self.panel.replications)
        return self.totals[policy][f"survivors_per_year_{outcomes[0].name}"]

    def cases(self, item: PerIncident) -> Floats:
        return self.arrests if item.arrests_only else self.calls


def _quantile_measures() -> list[Measure]:
    return [
        Measure(f"{clock}_{name}_s", f"{words} to {CLOCK_WORDS[clock]}", "s", "lower")
        for clock in CLOCKS
        for name, words in (("median", "median time"), ("p90", "time not passed in nine of ten"))
    ]


def _policy(sums: _Sums, policy: PolicyFacts) -> PolicySummary:
    panel = sums.panel
    estimates = {
        item.measure.key: mean_estimate(
            sums.of[policy.id][item.measure.key], sums.cases(item), share=item.share
        )
        for item in sums.means
    }
    estimates |= _certain(estimates, policy, fleet=bool(panel.facts.sites))
    ones = np.ones(panel.replications)
    for key, total in sums.totals[policy.id].items():
        estimates[key] = mean_estimate(total, ones)
    curves = {}
    for clock in CLOCKS:
        times = sums.times[policy.id][clock]
        curves[clock] = curve(times.times_s, times.replication, times.replications)
        for name, q in QUANTILES:
            estimates[f"{clock}_{name}_s"] = times.estimate(q)
    load = sums.efforts[policy.id]
    outcomes = {
        kind: mean_estimate(counts, load.asked, share=True)
        for kind, counts in load.outcomes.items()
    }
    return PolicySummary(
        id=policy.id,
        name=policy.name,
        title=policy.title,
        citation=policy.citation,
        live_use=policy.live_use,
        words=policy.words,
        measures=estimates,
        curves=curves,
        alert_outcomes=outcomes,
    )


def _certain(
    estimates: dict[str, Estimate], policy: PolicyFacts, *, fleet: bool
) -> dict[str, Estimate]:
    """What a rule that asks nobody makes impossible is none, and not a small share by chance."""
    if policy.asks:
        return {}
    found = {key: Estimate(0.0, 0.0, 0.0) for key in _BY_VOLUNTEERS if estimates[key].value == 0.0}
    if not fleet and estimates["first_help_ambulance"].value == 1.0:
        found["first_help_ambulance"] = Estimate(1.0, 1.0, 1.0)
    return found


_BY_VOLUNTEERS = (
    "volunteer_before_ambulance",
    "first_help_volunteer",
    "first_help_volunteer_with_aed",
    "aed_source_responder",
    "any_yes",
)


def _comparison(sums: _Sums, option: PolicyFacts, against: PolicyFacts) -> Comparison:
    panel = sums.panel
    a, b = option.id, against.id
    found = {
        item.measure.key: difference(
            sums.of[a][item.measure.key], sums.of[b][item.measure.key], sums.cases(item)
        )
        for item in sums.means
    }
    ones = np.ones(panel.replications)
    for key, total in sums.totals[a].items():
        found[key] = difference(total, sums.totals[b][key], ones)
    pairs = {}
    for clock in CLOCKS:
        times_a, times_b = sums.times[a][clock], sums.times[b][clock]
        pairs[clock] = PairCounts(*pair_counts(times_a.times_s, times_b.times_s))
        for name, change in quantile_differences(times_a, times_b).items():
            found[f"{clock}_{name}_s"] = change
    return Comparison(a, b, found, pairs)


def _judged_together(comparisons: list[Comparison]) -> tuple[Comparison, ...]:
    if not comparisons:
        return ()
    together: dict[str, list[Difference]] = {
        key: with_holm([item.differences[key] for item in comparisons])
        for key in comparisons[0].differences
    }
    return tuple(
        Comparison(
            item.policy, item.against, {key: together[key][i] for key in together}, item.pairs
        )
        for i, item in enumerate(comparisons)
    )


def _checks(panel: Panel) -> dict[str, Estimate]:
    """The simulated world under the comparator, to be held against published figures."""
    baseline = panel.facts.baseline.id
    arrests = panel.sums(panel.arrest)
    ambulance = panel.clock(baseline, "ambulance")
    if panel.has("first_cpr_by"):
        cpr_first = np.isin(panel.texts(baseline, "first_cpr_by"), ("bystander", "telephone"))
    else:
        cpr_first = panel.clock(baseline, "cpr_any") < panel.clock(baseline, "trained_hands")
    public = panel.texts(baseline, "first_aed_source") == "public"
    home = panel.texts(baseline, "place_kind") == "home"
    parts = {
        "home": home,
        "witnessed": panel.bools(baseline, "witnessed"),
        "bystander_cpr": cpr_first,
        "public_aed_used": public,
    }
    found = {
        key: mean_estimate(panel.sums(values, panel.arrest), arrests, share=True)
        for key, values in parts.items()
    }
    known = panel.arrest & np.isfinite(ambulance)
    found["ambulance_mean_s"] = mean_estimate(panel.sums(ambulance, known), panel.sums(known))
    waits = Times(ambulance[panel.arrest], panel.replication[panel.arrest], panel.replications)
    found["ambulance_p90_s"] = waits.estimate(0.9)
    return found
