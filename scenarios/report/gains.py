"""Section 5: who gains, by deprivation, urban or rural, area, day and night."""

from __future__ import annotations

from typing import Any

from scenarios.metrics import words
from scenarios.metrics.groups import FEWEST_ARRESTS, GroupSet
from scenarios.metrics.intervals import Estimate
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure, join, paragraph, section, tag
from scenarios.report.study import Study

SHOWN = "trained_hands_within_480_s"
SLOWER = "trained_hands_capped_mean_s"
MOST_ROWS = 12


def gains_section(study: Study, number: int) -> Raw:
    """Dot plots, the gap from worst to best, and whether anybody is slower."""
    panels = [_panel(study, split) for split in study.summary.groups if len(split.groups) > 1]
    return section(
        number,
        "gains",
        "Who gains",
        _nobody_slower(study),
        study.legend(),
        tag("div", *panels, class_="panels"),
    )


def _nobody_slower(study: Study) -> Raw:
    parts = [_slower_sentence(study, option.id) for option in study.options]
    return join([paragraph(part) for part in parts])


def _slower_sentence(study: Study, option: str) -> Raw:
    comparison = study.against(option)
    if comparison is None:
        return Raw("")
    title = study.summary.policy(option).title
    later = {
        clock: comparison.pairs[clock].later for clock in ("cpr_any", "trained_hands", "shock")
    }
    total = study.summary.arrests
    slower_groups = _slower_groups(study, option)
    if not any(later.values()):
        said = (
            f"At none of the {words.count(total)} arrests did CPR, trained hands or a shock come "
            f"later than with {study.baseline.title}."
        )
        return join([tag("strong", f"{title}: nobody slower. "), said])
    names = {"cpr_any": "CPR", "trained_hands": "trained hands", "shock": "a shock"}
    counted = words.listed([f"{names[c]} at {words.count(n)}" for c, n in later.items() if n])
    groups = (
        f" On average slower: {words.listed(slower_groups)}."
        if slower_groups
        else " No group is slower on average."
    )
    return join(
        [
            tag("strong", f"{title}: some are slower. "),
            f"Of {words.count(total)} arrests, later than with {study.baseline.title}: {counted}.",
            groups,
        ]
    )


def _slower_groups(study: Study, option: str) -> list[str]:
    return [
        group.label
        for split in study.summary.groups
        for group, change in zip(
            split.groups, split.measures[SLOWER].differences[option], strict=True
        )
        if change.verdict == "higher"
    ]


def _panel(study: Study, split: GroupSet) -> Raw:
    rows = _rows(split)
    name = f"gains-{split.kind.replace('_', '-')}"
    title = _title(study, split)
    estimates = split.measures[SHOWN].estimates
    labels = [f"{split.groups[i].label}" for i in rows]
    with canvas(name, 0.8 + 0.34 * max(len(rows), 2)) as (drawn, axes):
        for k, policy in enumerate(study.policies):
            offset = (k - (len(study.policies) - 1) / 2) * 0.6 / max(len(study.policies), 2)
            values = [estimates[policy.id][i] for i in rows]
            _dots(axes, values, offset, study, policy.id)
        axes.set_yticks(range(len(rows)), [_cut(label) for label in labels])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel("of 100 arrests, within 8 min")
        drawing = svg(drawn, name, f"{title} {_alt(study, split, rows)}")
    return figure(title, drawing, note=_note(study, split, rows), stamp=study.stamp)


def _dots(axes: Any, values: list[Estimate], offset: float, study: Study, policy: str) -> None:
    look = study.looks[policy]
    for row, item in enumerate(values):
        if item.value is None:
            continue
        y = row + offset
        if item.low is not None and item.high is not None:
            axes.plot([100 * item.low, 100 * item.high], [y, y], color=look.colour, linewidth=1.4)
        axes.plot([100 * item.value], [y], color=look.colour, marker=look.mark, markersize=5)


def _cut(label: str, most: int = 18) -> str:
    return label if len(label) <= most else label[: most - 1].rstrip() + "…"


def _rows(split: GroupSet) -> list[int]:
    enough = [i for i, group in enumerate(split.groups) if group.arrests >= FEWEST_ARRESTS]
    if len(enough) <= MOST_ROWS:
        return enough
    first = next(iter(split.measures[SHOWN].estimates.values()))
    order = sorted(enough, key=lambda i: (first[i].value or 0.0, i))
    half = MOST_ROWS // 2
    return order[:half] + order[-half:]


def _title(study: Study, split: GroupSet) -> str:
    shown = study.shown[-1]
    parts = []
    for policy in ([study.baseline, *study.options][:3]) or [shown]:
        gap = split.measures[SHOWN].gaps[policy.id]
        if gap is None or gap.difference.value is None:
            continue
        change = gap.difference
        if change.low is not None and change.high is not None and change.verdict != "cannot_tell":
            width = words.span(*sorted((abs(100 * change.low), abs(100 * change.high))), most=0)
            parts.append(f"{width} with {policy.title}")
        else:
            parts.append(f"cannot tell with {policy.title}")
    if not parts:
        return f"{split.title}: too few arrests to compare."
    return f"{split.title}: gap from worst to best, of 100 arrests: {'; '.join(parts)}."


def _note(study: Study, split: GroupSet, rows: list[int]) -> str:
    gap = split.measures[SHOWN].gaps[study.baseline.id]
    parts = ["Trained hands (volunteer or ambulance) within 8 min."]
    if gap is not None:
        parts.append(f"{study.baseline.title}: worst {gap.worst}, best {gap.best}.")
    hidden = len(split.groups) - len(rows)
    if hidden:
        parts.append(
            f"{hidden} of {len(split.groups)} groups are not drawn (the middle ones, or fewer than "
            f"{FEWEST_ARRESTS} arrests); all are in summary.json."
        )
    return " ".join(parts)


def _alt(study: Study, split: GroupSet, rows: list[int]) -> str:
    estimates = split.measures[SHOWN].estimates
    parts = []
    for i in rows:
        said = ", ".join(
            f"{policy.title} {words.of_hundred(estimates[policy.id][i])}"
            for policy in study.policies
        )
        parts.append(f"{split.groups[i].label}: {said}")
    return "; ".join(parts) + "."
