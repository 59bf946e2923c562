"""What would change the answer: thresholds from the study itself, inputs varied one at a time.

The thresholds cost nothing. Varying inputs plays the scenario again for each end of each input,
over the first replications of the study and with the same draws, so that few of them tell much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec
import numpy as np
from pydantic import ValidationError

from scenarios.metrics import words
from scenarios.metrics.facts import StudyFacts
from scenarios.metrics.intervals import Difference, difference
from scenarios.metrics.panel import Floats, Panel, Tables
from scenarios.metrics.shape import Comparison, Summary
from scenarios.schema import Scenario
from scenarios.sensitivity_shape import (
    ModelLead,
    Rerun,
    Sensitivity,
    SensitivityEnd,
    SensitivityRow,
    Worth,
)
from scenarios.sheet import parameter_sheet
from scenarios.variants import with_tables
from scenarios.varied_inputs import INPUTS, Input, patch_of

QALY_PRICES = (20_000.0, 30_000.0)
"""Pounds for a quality-adjusted year: the range that NICE names for England."""
PART_OF_REPLICATIONS, FEWEST_REPLICATIONS = 4, 5

PlayAgain = Callable[[Scenario, int], tuple[Tables, StudyFacts]]
Progress = Callable[[str], None]


# --- playing again -------------------------------------------------------------------------------


def rerun(
    scenario: Scenario,
    tables: Tables,
    facts: StudyFacts,
    play_again: PlayAgain,
    say: Progress = lambda _: None,
) -> Rerun | None:
    """Every input that bears on the scenario, one at a time; None where nothing is compared.

    ``tables, facts``: of the study itself, whose first replications stand for "as it was".
    """
    if len(facts.policies) < 2 or not facts.outcomes:
        return None
    count = min(
        max(facts.replications // PART_OF_REPLICATIONS, FEWEST_REPLICATIONS), facts.replications
    )
    leader = _leader(_survivors(tables, facts, facts.replications), facts)
    usual = _survivors(_first(tables, count), facts, count)
    sources = {row.name: row.source for row in parameter_sheet(scenario)}
    rows = []
    for item in INPUTS:
        if not item.applies(scenario):
            continue
        ends = []
        for changed in _ends(scenario, item):
            say(f"what if: {item.label} {item.said(changed)}")
            again, again_facts = play_again(changed, count)
            found = _survivors(again, again_facts, count)
            ends.append(_end(item.said(changed), found, facts, leader))
        rows.append(
            SensitivityRow(
                item.key, item.label, item.said(scenario), _source(sources, item.key),
                tuple(ends), _leads(ends, leader),
            )
        )  # fmt: skip
    rows.sort(key=lambda row: -_span(row, leader))
    return Rerun(count, facts.years, leader, _extras(usual, facts), tuple(rows))


def _ends(scenario: Scenario, item: Input) -> Iterator[Scenario]:
    """The scenario at both ends, as far as the schema takes them and they change anything."""
    for end in item.ends:
        try:
            changed = with_tables(scenario, patch_of(end, scenario))
        except ValidationError:
            continue
        if item.said(changed) != item.said(scenario):
            yield changed


def _source(sources: Mapping[str, str], key: str) -> str:
    """Of the key, or of the table that it stands in."""
    while key and key not in sources:
        key = key.rpartition(".")[0]
    return sources.get(key, "") or "assumption"


def _first(tables: Tables, count: int) -> Tables:
    """The first replications."""
    import pyarrow.compute as pc  # noqa: PLC0415 - only where something is played again

    def cut(table: Any) -> Any:
        return table.filter(pc.less(table["replication"], count))

    return Tables(cut(tables.incidents), cut(tables.alerts))


def _survivors(tables: Tables, facts: StudyFacts, count: int) -> dict[str, Floats]:
    """Survivors a year of each option, f64[replications], by the leading outcome model."""
    panel = Panel(tables, msgspec.structs.replace(facts, replications=count))
    column = f"survival_{facts.outcomes[0].name}"
    return {
        policy.id: panel.sums(np.where(panel.arrest, panel.floats(policy.id, column), 0.0))
        / facts.years
        for policy in facts.policies
    }


def _extra(a: Floats, b: Floats) -> Difference:
    return difference(a, b, np.ones(len(a)))


def _extras(found: Mapping[str, Floats], facts: StudyFacts) -> dict[str, Difference]:
    than = found[facts.baseline.id]
    return {p.id: _extra(found[p.id], than) for p in facts.policies[1:]}


def _leader(found: Mapping[str, Floats], facts: StudyFacts) -> str:
    """The option with most survivors expected; of equals the first."""
    return max((p.id for p in facts.policies[1:]), key=lambda name: float(found[name].mean()))


def _end(value: str, found: Mapping[str, Floats], facts: StudyFacts, usual: str) -> SensitivityEnd:
    leader = _leader(found, facts)
    return SensitivityEnd(value, _extras(found, facts), leader, _extra(found[leader], found[usual]))


def _leads(
    ends: list[SensitivityEnd], leader: str
) -> Literal["same", "other", "cannot_tell"]:  # fmt: skip
    others = [end for end in ends if end.leader != leader]
    if not others:
        return "same"
    clear = any(end.lead.verdict == "higher" for end in others)
    return "other" if clear else "cannot_tell"


def _span(row: SensitivityRow, leader: str) -> float:
    values = [end.survivors[leader].value or 0.0 for end in row.ends]
    return max(values) - min(values) if len(values) > 1 else 0.0


# --- thresholds that the study itself gives ------------------------------------------------------


def sensitivity(summary: Summary, facts: StudyFacts, found: Rerun | None) -> Sensitivity | None:
    """What would change the answer; None where nothing is compared."""
    if not summary.comparisons or not facts.outcomes:
        return None
    models, worth = _models(summary, facts), _worth(summary, facts)
    return Sensitivity(
        sentence=_sentence(summary, models, found),
        models=models,
        qaly_prices=QALY_PRICES if worth else None,
        worth=worth,
        rerun=found,
    )


def _models(summary: Summary, facts: StudyFacts) -> tuple[ModelLead, ...]:
    leads: list[ModelLead] = []
    first = ""
    for model in facts.outcomes:
        key = f"survivors_per_year_{model.name}"
        best = max(summary.comparisons, key=lambda item: item.differences[key].value or 0.0)
        first = first or best.policy
        lead = Difference(0.0, 0.0, 0.0, 1.0, 1.0, "same")
        if best.policy != first:
            lead = _between(summary.between_options, best.policy, first, key)
        leads.append(ModelLead(model.title, best.policy, best.differences[key], lead))
    return tuple(leads)


_FLIPPED: dict[str, Literal["higher", "lower"]] = {"higher": "lower", "lower": "higher"}


def _between(found: tuple[Comparison, ...], a: str, b: str, measure: str) -> Difference:
    """Option a minus option b."""
    for item in found:
        change = item.differences[measure]
        if (item.policy, item.against) == (a, b):
            return change
        if (item.policy, item.against) == (b, a):
            value, low, high = (
                None if end is None else -end for end in (change.value, change.high, change.low)
            )
            verdict = _FLIPPED.get(change.verdict, change.verdict)
            return Difference(value, low, high, change.p, change.p_holm, verdict)
    return Difference(None)


def _worth(summary: Summary, facts: StudyFacts) -> tuple[Worth, ...]:
    key = f"survivors_per_year_{facts.outcomes[0].name}"
    qalys = {item.id: item.qalys for item in facts.options}
    rows = []
    for option in summary.options:
        cost = option.against_comparator
        own = option.yearly_cost
        if cost is None or own is None or own.currency != "GBP":
            continue
        extra = next(c for c in summary.comparisons if c.policy == option.name).differences[key]
        if extra.value is None or extra.low is None or extra.high is None:
            continue
        per = [price * qalys[option.name] for price in QALY_PRICES]
        low, high = max(extra.low, 0.0) * per[0], max(extra.high, 0.0) * per[1]
        verdict: Literal["worth_it", "not_worth_it", "cannot_tell"] = "cannot_tell"
        if cost.difference_high <= low:
            verdict = "worth_it"
        elif cost.difference > high:
            verdict = "not_worth_it"
        expected = extra.value * per[1]
        times = cost.difference / expected if expected > 0 else None
        rows.append(
            Worth(option.name, low, high, cost.difference, cost.difference_high, verdict, times)
        )
    return tuple(rows)


# --- the sentence --------------------------------------------------------------------------------


def _sentence(
    summary: Summary, models: tuple[ModelLead, ...], found: Rerun | None
) -> str:  # fmt: skip
    def name(policy: str) -> str:
        return summary.policy(policy).name

    parts = [
        f"under {item.model} ({name(item.leader)} leads)"
        for item in models
        if item.lead.verdict == "higher"
    ]
    maybe: list[str] = []
    for row in found.rows if found else ():
        for end in row.ends:
            if found is None or end.leader == found.leader:
                continue
            said = f"with {row.label} at {end.value} ({name(end.leader)} leads)"
            (parts if end.lead.verdict == "higher" else maybe).append(said)
    leader = found.leader if found else models[0].leader
    level = _level(summary, leader)
    count = words.spelled(len(found.rows)) if found else ""
    if level:
        others = words.listed([name(policy) for policy in level])
        lead = f"As it is, we cannot tell that {name(leader)} brings more survivors than {others}"
        if parts:
            return f"{lead}. Another option clearly leads {'; '.join(parts)}."
        if found is None:
            return f"{lead}."
        return (
            f"{lead}, and none of the {count} inputs varied one at a time puts another one first."
        )
    tail = f" It might change {'; '.join(maybe)}: that we cannot tell." if maybe else ""
    if parts:
        return f"The answer changes {'; '.join(parts)}. Otherwise {name(leader)} leads.{tail}"
    if found is None:
        return f"{name(leader)} has most survivors expected; no input was varied."
    lead = f"None of the {count} inputs varied one at a time clearly changes who leads"
    return f"{lead}: {name(leader)} has most survivors expected.{tail}"


def _level(summary: Summary, leader: str) -> list[str]:
    """The options, or the comparator, that the leader is not shown to be better than."""
    key = next(name for name in summary.measures if name.startswith("survivors_per_year_"))
    against = next(c for c in summary.comparisons if c.policy == leader).differences[key]
    found = [] if against.verdict == "higher" else [summary.baseline]
    others = [c.policy for c in summary.comparisons if c.policy != leader]
    return found + [
        policy
        for policy in others
        if _between(summary.between_options, leader, policy, key).verdict != "higher"
    ]
