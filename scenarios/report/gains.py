"""Section 5: who gains, by deprivation, urban or rural, area, day and night."""

from __future__ import annotations

from typing import Any

from scenarios.metrics import words
from scenarios.metrics.groups import FEWEST_ARRESTS, GroupSet
from scenarios.metrics.intervals import Difference, Estimate
from scenarios.metrics.shape import Comparison
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure, join, paragraph, section, tag
from scenarios.report.palette import marks
from scenarios.report.race import short
from scenarios.report.study import Study

SHOWN = "trained_hands_within_480_s"
SLOWER = "trained_hands_capped_mean_s"
MOST_ROWS = 12
CLOCK_WORDS = {"cpr_any": "CPR", "trained_hands": "trained hands", "shock": "a shock"}


def gains_section(study: Study, number: int) -> Raw:
    """Dot plots, the gap from worst to best, and whether anybody is slower."""
    drawn = {split.kind: _panel(study, split) for split in study.summary.groups if _rows(split)}
    areas = [drawn.pop("area")] if "area" in drawn else []
    return section(
        number,
        "gains",
        "Who gains",
        *_is_anybody_slower(study),
        tag("h3", "Of 100 arrests, how many have trained hands within 8 min"),
        study.legend(),
        tag("div", tag("div", *drawn.values()), *areas, class_="panels"),
    )


# --- is anybody slower? --------------------------------------------------------------------------


def _is_anybody_slower(study: Study) -> list[Raw]:
    nobody: list[Comparison] = []
    some: list[Comparison] = []
    for comparison in study.summary.comparisons:
        slower = any(comparison.pairs[clock].later for clock in CLOCK_WORDS)
        (some if slower else nobody).append(comparison)
    found = [paragraph(_slower_sentence(study, comparison)) for comparison in some]
    if nobody:
        names = words.listed([study.summary.policy(c.policy).name for c in nobody])
        said = (
            f"At none of the {words.count(study.summary.arrests)} arrests did CPR, trained hands "
            f"or a shock come later than with {study.baseline.name}."
        )
        found.insert(0, paragraph(tag("strong", f"{names}: nobody slower. "), said))
    return found


def _slower_sentence(study: Study, comparison: Comparison) -> Raw:
    name = study.summary.policy(comparison.policy).name
    later = {clock: comparison.pairs[clock].later for clock in CLOCK_WORDS}
    total = words.count(study.summary.arrests)
    counted = words.listed(
        [f"{CLOCK_WORDS[clock]} at {words.count(n)}" for clock, n in later.items() if n]
    )
    groups = _slower_groups(study, comparison.policy)
    on_average = (
        f"On average slower: {words.listed(groups)}."
        if groups
        else "No group is slower on average."
    )
    said = f"Of {total} arrests, later than with {study.baseline.name}: {counted}. {on_average}"
    return join([tag("strong", f"{name}: not everybody is sooner. "), said])


def _slower_groups(study: Study, option: str) -> list[str]:
    return [
        group.label
        for split in study.summary.groups
        for group, change in zip(
            split.groups, split.measures[SLOWER].differences[option], strict=True
        )
        if change.verdict == "higher"
    ]


# --- the dot plots -------------------------------------------------------------------------------


def _panel(study: Study, split: GroupSet) -> Raw:
    rows = _rows(split)
    name = f"gains-{split.kind.replace('_', '-')}"
    title = _title(study, split)
    estimates = split.measures[SHOWN].estimates
    with canvas(name, 0.8 + (0.16 + 0.1 * len(study.policies)) * len(rows)) as (drawn, axes):
        for k, policy in enumerate(study.policies):
            offset = (k - (len(study.policies) - 1) / 2) * 0.6 / max(len(study.policies), 2)
            _dots(axes, [estimates[policy.id][i] for i in rows], offset, study, policy.id)
        axes.set_yticks(range(len(rows)), [short(split.groups[i].label) for i in rows])
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
        axes.plot([100 * item.value], [y], markersize=5, **marks(look))


def _rows(split: GroupSet) -> list[int]:
    """Which groups are drawn; of many areas, the ends under the comparator."""
    enough = [i for i, group in enumerate(split.groups) if group.arrests >= FEWEST_ARRESTS]
    if split.kind != "area":
        return enough if len(enough) > 1 else []
    first = next(iter(split.measures[SHOWN].estimates.values()))
    order = sorted(enough, key=lambda i: (first[i].value or 0.0, i))
    if len(order) <= MOST_ROWS:
        return order if len(order) > 1 else []
    half = MOST_ROWS // 2
    return order[:half] + order[-half:]


def _title(study: Study, split: GroupSet) -> str:
    measure = split.measures[SHOWN]
    shown = [study.baseline] if study.lead is study.baseline else [study.lead, study.baseline]
    gaps = {}
    for policy in shown:
        widest = measure.gaps[policy.id]
        gap = widest.difference if widest else Difference(None)
        gaps[policy.name] = measure.ends[policy.id] if split.kind in _SIGNED else gap
    lead = _LEADS.get(split.kind, split.title)
    if all(gap.verdict in ("cannot_tell", "same") for gap in gaps.values()):
        return f"{lead}: no clear gap."
    said = [f"{_gap_words(gap, split.kind)} with {name}" for name, gap in gaps.items()]
    return f"{lead}: {', '.join(said)}."


_SIGNED = ("deprivation_fifth", "time_of_day")
_LEADS = {
    "deprivation_fifth": "Most against least deprived fifth",
    "time_of_day": "Day against night",
    "area": "Worst against best area",
    "urban_rural": "Urban and rural, worst against best",
}


def _gap_words(gap: Difference, kind: str) -> str:
    if gap.verdict in ("cannot_tell", "same"):
        return "no clear gap"
    if kind in _SIGNED:
        return f"{words.change(gap, 'more', 'fewer', scale=100, most=1)} of 100 reached"
    low, high = sorted((abs(gap.low or 0.0), abs(gap.high or 0.0)))
    return f"{words.span(low, high, scale=100, most=0)} of 100 apart"


def _note(study: Study, split: GroupSet, rows: list[int]) -> str:
    parts = []
    for policy in (study.lead, study.baseline):
        gap = split.measures[SHOWN].gaps[policy.id]
        if gap is not None and gap.difference.verdict in ("higher", "lower"):
            parts.append(f"{policy.name}: worst {gap.worst}, best {gap.best}.")
    hidden = len(split.groups) - len(rows)
    if hidden:
        parts.append(
            f"{hidden} of {len(split.groups)} are not drawn (the middle ones, or under "
            f"{FEWEST_ARRESTS} arrests); all are in summary.json."
        )
    return " ".join(parts)


def _alt(study: Study, split: GroupSet, rows: list[int]) -> str:
    estimates = split.measures[SHOWN].estimates
    parts = []
    for i in rows:
        said = ", ".join(
            f"{policy.name} {words.ranged(estimates[policy.id][i], scale=100, most=1)}"
            for policy in study.policies
        )
        parts.append(f"{split.groups[i].label}: {said}")
    return f"Dots with intervals, of 100 arrests. {'; '.join(parts)}."
