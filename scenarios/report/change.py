"""What would change the answer: inputs varied one at a time, outcome models, what it may cost."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

from scenarios.metrics import words
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure, join, paragraph, section, table, tag
from scenarios.report.money import money, money_range
from scenarios.report.palette import INK, shade
from scenarios.report.study import Study
from scenarios.sensitivity_shape import (
    ModelLead,
    Rerun,
    Sensitivity,
    SensitivityEnd,
    SensitivityRow,
)

LABEL_WIDTH = 20
SEEN = 0.005  # of the usual value: less cannot be seen in a picture
_LEADS = {"same": "", "other": "yes", "cannot_tell": "perhaps: we cannot tell"}
_VERDICTS = {
    "worth_it": "yes",
    "not_worth_it": "no, not at these prices",
    "cannot_tell": "cannot be told",
}


def change_section(study: Study, number: int) -> Raw:
    """The chapter; ``study.summary.sensitivity`` must be there."""
    found = study.summary.sensitivity
    assert found is not None
    again = found.rerun
    parts: list[object] = [paragraph(tag("strong", found.sentence))]
    if again is not None and again.rows:
        parts += [
            tag("div", _tornado(study, again), tag("div", _models(study, found)), class_="panels"),
            _ends(study, again),
            _options_table(study, again),
        ]
    else:
        parts.append(
            paragraph(
                "No input was varied in this study: with ",
                tag("code", "--sensitivity"),
                " the inputs that matter are set lower and higher, one at a time.",
                class_="note",
            )
        )
        parts.append(_models(study, found))
    parts.append(_worth(study, found))
    return section(number, "change", "What would change the answer", *parts)


# --- inputs varied one at a time -----------------------------------------------------------------


def _period(again: Rerun) -> words.Period:
    ends = [
        abs(value)
        for found in (again.survivors, *(end.survivors for row in again.rows for end in row.ends))
        for item in found.values()
        for value in (item.low, item.high, item.value)
        if value is not None
    ]
    return words.period(max(ends, default=0.0))


def _tornado(study: Study, again: Rerun) -> Raw:
    name = study.summary.policy(again.leader).name
    when = _period(again)
    usual = again.survivors[again.leader]
    shown = [row for row in again.rows if _moves(row, again)]
    if not shown:
        return paragraph(f"No input that was varied changes what {name} brings.")
    title = f"What {name} brings depends most on this: {shown[0].label}."
    colour = study.looks[again.leader].colour
    with canvas("tornado", 0.75 + 0.55 * len(shown)) as (drawn, axes):
        for row, item in enumerate(shown):
            _bar(axes, row, item, again.leader, usual.value or 0.0, when.years, colour)
        axes.axvline(when.years * (usual.value or 0.0), color=INK, linewidth=0.9)
        labels = ["\n".join(wrap(item.label, LABEL_WIDTH)) for item in shown]
        axes.set_yticks(range(len(shown)), labels)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlabel(f"extra survivors {when.words}")
        alt = "; ".join(f"{row.label}: {_alt(row, again.leader, when)}" for row in shown)
        drawing = svg(drawn, "tornado", f"{title} Bars for each input. {alt}.")
    note = (
        f"{name} against {study.baseline.name}. Upright line: as it was. Pale: the input set "
        f"lower; dark: higher. Thin lines: 95 % intervals.{_without(again, shown)}"
    )
    return figure(title, drawing, note=note, stamp=study.stamp)


def _moves(row: SensitivityRow, again: Rerun) -> bool:
    """Whether an end changes the leader's survivors at all, as far as a picture could show it."""
    usual = again.survivors[again.leader].value or 0.0
    found = [end.survivors[again.leader].value or 0.0 for end in row.ends]
    return any(abs(value - usual) > SEEN * max(abs(usual), 1e-9) for value in found)


def _without(again: Rerun, shown: list[SensitivityRow]) -> str:
    rest = [row.label for row in again.rows if row not in shown]
    return f" No change to be seen by: {'; '.join(rest)}." if rest else ""


def _bar(
    axes: Any, row: int, item: SensitivityRow, leader: str, usual: float, years: float, colour: str
) -> None:
    for k, end in enumerate(item.ends):
        found = end.survivors[leader]
        if found.value is None:
            continue
        y = row + (0.0 if len(item.ends) == 1 else 0.19 * (2 * k - 1))
        left, right = sorted((usual * years, found.value * years))
        axes.barh(y, right - left, left=left, height=0.3, edgecolor=colour, linewidth=0.9,
                  color=shade(colour, 0.25 if k == 0 else 0.85))  # fmt: skip
        if found.low is not None and found.high is not None:
            axes.plot([years * found.low, years * found.high], [y, y], color=INK, linewidth=0.8)
        axes.plot([years * found.value], [y], "|", color=INK, markersize=7)


def _alt(row: SensitivityRow, leader: str, when: words.Period) -> str:
    parts = [
        f"at {end.value} {words.ranged(end.survivors[leader], scale=when.years)}"
        for end in row.ends
    ]
    return ", ".join(parts)


def _ends(study: Study, again: Rerun) -> Raw:
    """What each input was set to, and whether another option leads then."""
    rows = [
        (
            row.label,
            row.usual,
            join([tag("div", end.value) for end in row.ends]),
            _other(study, row, again.leader),
        )
        for row in again.rows
    ]
    head = ("", "As it was", "Set to", "Another leads")
    caption = "The inputs, one at a time, everything else as it was"
    note = paragraph(
        f"Each end was played over {words.count(again.replications)} repetitions of "
        f"{_years(again)} with the same draws. The ends are choices: they ask how far the "
        "answer stands, not how likely each value is.",
        class_="note",
    )
    return join([table(head, rows, caption=caption, kind="prose"), note])


def _years(again: Rerun) -> str:
    return "one year" if again.years == 1 else f"{again.years:g} years"


def _other(study: Study, row: SensitivityRow, leader: str) -> str:
    if row.leads == "same":
        return "no"
    names = [
        f"{study.summary.policy(end.leader).name} at {end.value}"
        for end in row.ends
        if end.leader != leader
    ]
    return f"{_LEADS[row.leads]} ({'; '.join(names)})"


def _options_table(study: Study, again: Rerun) -> Raw:
    when = _period(again)
    policies = list(again.survivors)

    def cells(end: SensitivityEnd) -> list[str]:
        return [words.dash(end.survivors[p], scale=when.years, most=2) for p in policies]

    rows: list[list[object]] = [
        [
            "as it was",
            *(words.dash(again.survivors[p], scale=when.years, most=2) for p in policies),
        ]
    ]
    rows += [[f"{row.label}: {end.value}", *cells(end)] for row in again.rows for end in row.ends]
    head = ["", *(study.name(policy) for policy in policies)]
    caption = (
        f"Extra survivors expected {when.words} against {study.baseline.name}, by input "
        f"(the first {words.count(again.replications)} repetitions)"
    )
    return table(head, rows, caption=caption, kind="prose")


# --- from the study itself -----------------------------------------------------------------------


def _models(study: Study, found: Sensitivity) -> Raw:
    if len(found.models) < 2:
        return Raw("")
    ends = [
        abs(end)
        for item in found.models
        for end in (item.extra.low, item.extra.high)
        if end is not None
    ]
    when = words.period(max(ends, default=0.0))
    first = found.models[0].leader
    rows = []
    for item in found.models:
        clear = item.extra.verdict == "higher"
        leads = study.name(item.leader)
        if not clear:
            leads = tag("span", "cannot tell (most expected with ", leads, ")")
        much = words.ranged(item.extra, scale=when.years)
        rows.append((item.model, leads, much, _turns(item, first, clear=clear)))
    head = (
        "Outcome model", "Most survivors with",
        f"Extra {when.words}, against {study.baseline.name}",
        "Does another option lead than under the first model?",
    )  # fmt: skip
    caption = "Another outcome model: how steeply survival falls with the minutes"
    return table(head, rows, caption=caption, kind="prose")


def _turns(item: ModelLead, first: str, *, clear: bool) -> str:
    """Whether this outcome model has another leader than ``first``, that of the first model."""
    if item.lead.verdict == "higher":
        return "yes"
    return "no" if item.leader == first and clear else "cannot tell"


def _worth(study: Study, found: Sensitivity) -> Raw:
    if not found.worth or found.qaly_prices is None:
        return Raw("")
    low, high = (money(price, "GBP") for price in found.qaly_prices)
    rows = [
        (
            study.name(item.option),
            money_range(item.cost_low, item.cost_high, "GBP"),
            _may_cost(item.low, item.high),
            _VERDICTS[item.verdict],
            _times(item.times),
        )
        for item in found.worth
    ]
    head = (
        "", "Costs a year", f"May cost a year, at {low} to {high} for a quality-adjusted year",
        "Worth its cost", f"Survivors it would need, at {high}",
    )  # fmt: skip
    note = paragraph(
        "From the fewest extra survivors at the lower price to the most at the higher one. The "
        "last column asks how much steeper survival would have to fall with the minutes, or how "
        "much more the option would have to bring, until it pays.",
        class_="note",
    )
    caption = "Costs: where the answer turns"
    return join([table(head, rows, caption=caption, kind="prose"), note])


def _may_cost(low: float, high: float) -> str:
    if high <= 0.0:
        return "nothing: no survivor more"
    if low <= 0.0:
        return f"nothing to {money(high, 'GBP')}"
    return money_range(low, high, "GBP")


def _times(times: float | None) -> str:
    if times is None:
        return "none are expected"
    if times <= 1.0:
        return "pays with those expected"
    return f"{words.number(times, 1)} times those expected"
