"""What a comparison says: the difference of each option to the comparator, judged together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scenarios.errors import Fault, InputFaults
from scenarios.loading import load_scenario
from scenarios.metrics.intervals import Difference
from scenarios.metrics.shape import Summary
from scenarios.shipped import scenario_file
from scenarios.stopping import FIRST_ROUND, StoppingRule

_VERDICTS = {
    "higher": "higher",
    "lower": "lower",
    "same": "the same",
    "cannot_tell": "we cannot tell",
}


def policies_named(first: Sequence[str] | None, more: Sequence[str] | None) -> tuple[str, ...]:
    """The options of ``--policies A B C``, ``--policies A,B,C`` or ``--policies A --policies B``.

    Raises:
        InputFaults: names stand behind the scenario without ``--policies``.
    """
    if more and not first:
        found = " ".join(more)
        raise InputFaults([Fault("compare", "", "--policies before the options", found)])
    named = [*(first or ()), *(more or ())]
    return tuple(part.strip() for name in named for part in name.split(",") if part.strip())


def stopping_rule(
    scenario: str,
    measure: str,
    precision: float | None,
    replications: int | None,
    most: int,
) -> StoppingRule | None:
    """The rule of ``--precision``, or None for a fixed number of replications.

    Raises:
        InputFaults: both a fixed number and a precision are asked for.
    """
    if precision is None:
        return None
    if replications is not None:
        expected = "either a precision or a fixed number of --replications"
        raise InputFaults([Fault("--precision", "", expected, "both")])
    if not measure:
        first = load_scenario(scenario_file(scenario)).outcome.models[0]
        measure = f"survival_{first}"
    return StoppingRule(measure, precision, first=min(FIRST_ROUND, most), most=most)


def comparison_rows(summary: Summary, measure: str) -> list[dict[str, Any]]:
    """One row per option: difference, interval, p allowing for all options, verdict.

    Raises:
        InputFaults: the study has no such measure.
    """
    rows = []
    for item in summary.comparisons:
        found = _difference(summary, item.differences, measure)
        rows.append(
            {
                "policy": item.policy,
                "against": item.against,
                "difference": found.value,
                "low": found.low,
                "high": found.high,
                "p_holm": found.p_holm,
                "verdict": found.verdict,
            }
        )
    return rows


def _difference(summary: Summary, differences: dict[str, Difference], measure: str) -> Difference:
    if measure not in differences:
        expected = f"one of {', '.join(summary.measures)}"
        raise InputFaults([Fault("--measure", "", expected, repr(measure))])
    return differences[measure]


def comparison_lines(summary: Summary, measure: str) -> list[str]:
    """The rows for people, under the name of the measure."""
    rows = comparison_rows(summary, measure)
    if not rows:
        return []
    about = summary.measures[measure]
    head = f"{about.label[:1].upper()}{about.label[1:]} ({measure}), against {rows[0]['against']}:"
    lines = [head]
    width = max(len(row["policy"]) for row in rows)
    lines += [f"  {row['policy']:<{width}}  {_in_words(row)}" for row in rows]
    lines.append(
        f"{summary.replications} replications; 95 % intervals, p after Holm over "
        f"{len(rows)} option{'s' if len(rows) > 1 else ''}."
    )
    if summary.stopping is not None:
        lines.append(summary.stopping.sentence)
    return lines


def _in_words(row: dict[str, Any]) -> str:
    if row["difference"] is None:
        return "not known"
    if row["low"] is None or row["high"] is None:
        return f"{row['difference']:+.4g} (one replication: no interval)"
    text = f"{row['difference']:+.4g} ({row['low']:+.4g} to {row['high']:+.4g})"
    p = row["p_holm"]
    return f"{text}, p {'below 0.001' if p < 0.001 else f'{p:.3f}'}: {_VERDICTS[row['verdict']]}"
