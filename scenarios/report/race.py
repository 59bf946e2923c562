"""Section 4: cumulative curves, the share reached by a few marks, and who came first."""

from __future__ import annotations

from functools import partial
from textwrap import wrap
from typing import Any

import numpy as np

from scenarios.metrics import words
from scenarios.metrics.measures import FIRST_HELP, WITHIN_S
from scenarios.metrics.shape import PolicySummary
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure, join, paragraph, section, table, tag
from scenarios.report.palette import AMBULANCE, INK, marks, shade
from scenarios.report.study import FEW, Study
from scenarios.report.worth import worth

RACES = (
    ("cpr_any", "CPR by anyone", "cpr_any_within_300_s", "5 min"),
    ("trained_hands", "Trained hands", "trained_hands_within_480_s", "8 min"),
    ("shock", "A first shock", "shock_within_600_s", "10 min"),
)
HELP_WORDS = {
    "volunteer_with_aed": "volunteer with an AED",
    "volunteer": "volunteer without an AED",
    "co_responder": "co-responder",
    "ambulance": "ambulance",
    "nobody": "nobody",
}
SOURCE_WORDS = {
    "responder": "volunteer",
    "co_responder": "co-responder",
    "public": "bystander",
    "drone": "drone",
    "ambulance": "ambulance",
    "other": "somebody else",
    "none": "none came",
}
_HELP_SHADE = {
    "volunteer_with_aed": 1.0, "volunteer": 0.5, "co_responder": 0.25, "ambulance": 0.1,
    "nobody": 0.0,
}  # fmt: skip
_SHADE_WORDS = {
    "volunteer_with_aed": "Dark: a volunteer, and an AED is attached before the ambulance.",
    "volunteer": "Half-dark: a volunteer, and no volunteer's AED before the ambulance.",
    "co_responder": "Lines that fall: a co-responder.",
    "ambulance": "Pale: the ambulance first.",
    "nobody": "Lines that rise: nobody.",
}
_HATCHES = {"co_responder": "\\\\\\\\", "nobody": "////"}
LATEST_MIN = 30
LINE_END_SHARE = 0.95
WIDE_ENOUGH_FOR_A_NUMBER = 9.0
IN_A_TITLE = 2
PAIR = 2


def race_section(study: Study, number: int) -> Raw:
    """Time to CPR, trained hands and shock; who came first; what the minutes are worth."""
    return section(
        number,
        "race",
        "The race against the ambulance",
        study.legend(ambulance=True),
        tag(
            "div", *(_panel(study, *race) for race in RACES), _half_and_most(study), class_="panels"
        ),
        paragraph(
            "Share of all arrests, whether anybody came or not. The pale band is the 95 % "
            "interval. The dashed line is the ambulance at the address; its crew is at the patient "
            f"a little later. {_whose_hands(study)} A first shock counts from the moment at which "
            "one could be given.",
            class_="note",
        ),
        _first_help(study),
        worth(study),
    )


def _whose_hands(study: Study) -> str:
    if any(p.measures["group_call_outs_per_year"].value for p in study.policies):
        return (
            "Trained hands are a volunteer's, a co-responder's (first-responder groups are "
            "co-responders) or the crew's."
        )
    return "Trained hands are a volunteer's or the crew's."


# --- the curves ----------------------------------------------------------------------------------


def _panel(study: Study, clock: str, name: str, measure: str, mark: str) -> Raw:
    title = _race_title(study, name, measure, mark)
    drawn_name = f"race-{clock.replace('_', '-')}"
    end = _end_min(study)
    with canvas(drawn_name, 2.6) as (drawn, axes):
        for policy in study.policies:
            _curve(study, axes, policy, clock)
        _ambulance(study, axes)
        axes.set(xlim=(0, end), ylim=(0, 100), xlabel="minutes from the call")
        axes.set_ylabel("of 100 arrests")
        axes.set_xticks(_ticks(end))
        drawing = svg(drawn, drawn_name, f"{title} {_alt(study, clock)}")
    drawn_figure = figure(title, drawing, stamp=study.stamp)
    return tag("div", drawn_figure, _reached(study, clock, name), class_="panel")


def _curve(study: Study, axes: Any, policy: PolicySummary, clock: str) -> None:
    look = study.looks[policy.id]
    curve = policy.curves[clock]
    minutes = np.asarray(study.summary.curve_t_s) / 60
    low, high = (
        100 * np.asarray([np.nan if v is None else v for v in band], dtype=np.float64)
        for band in (curve.low, curve.high)
    )
    if np.isfinite(low).any():
        axes.fill_between(minutes, low, high, color=look.colour, alpha=0.18, linewidth=0)
    # The marks of different options stand apart, so that they can be told in grey print.
    offset = 6 + 4 * list(study.looks).index(policy.id)
    axes.plot(
        minutes,
        100 * np.asarray(curve.value),
        color=look.colour,
        linewidth=1.8,
        **marks(look),
        markersize=5,
        markevery=(offset, 16),
    )


def _ambulance(study: Study, axes: Any) -> None:
    curve = study.baseline.curves["ambulance"]
    minutes = np.asarray(study.summary.curve_t_s) / 60
    axes.plot(
        minutes,
        100 * np.asarray(curve.value),
        color=AMBULANCE,
        linestyle=(0, (5, 3)),
        linewidth=1.3,
    )


def _end_min(study: Study) -> int:
    values = np.asarray(study.baseline.curves["ambulance"].value)
    minutes = np.asarray(study.summary.curve_t_s) / 60
    reached = np.flatnonzero(values >= LINE_END_SHARE * max(float(values[-1]), 1e-9))
    last = float(minutes[reached[0]]) if len(reached) else LATEST_MIN
    return int(min(max(5 * np.ceil(last / 5), 10), LATEST_MIN))


def _ticks(end: int) -> list[int]:
    marks = (0, 3, 5, 8, 10, 15) if end <= 15 else (0, 5, 10, 15, 20, 25, 30)
    return [mark for mark in marks if mark <= end]


def _race_title(study: Study, name: str, measure: str, mark: str) -> str:
    if not study.options:
        share = study.estimate(study.baseline.id, measure)
        return f"{name} within {mark}: {words.ranged(share, scale=100, most=1)} of 100 arrests."
    if all(study.difference(option.id, measure).verdict == "same" for option in study.options):
        return f"{name} within {mark}: no option changes it{_why_none(study, measure)}."
    told = study.options if len(study.options) <= IN_A_TITLE else (study.lead,)
    verdicts = [study.difference(option.id, measure).verdict for option in told]
    if set(verdicts) == {"cannot_tell"}:
        whom = "with either option" if len(told) == PAIR else f"with {told[0].name}"
        return (
            f"{name} within {mark}, of 100 arrests: we cannot tell whether there are more {whom} "
            f"than with {study.baseline.name}."
        )
    parts = [_change_words(study, option, measure) for option in told]
    return (
        f"{name} within {mark}, of 100 arrests: {words.listed(parts)} than with "
        f"{study.baseline.name}."
    )


def _why_none(study: Study, measure: str) -> str:
    """The reason, where the rules themselves give it."""
    rules = [policy for policy in study.facts.policies[1:] if policy.asks]
    if not measure.startswith("shock") or not rules or any(p.sends_for_aed for p in rules):
        return ""
    if len(rules) == 1:
        return f", because {rules[0].name} sends nobody for an AED"
    which = "neither rule" if len(rules) == PAIR else "none of the rules"
    return f", because {which} sends anybody for an AED"


def _change_words(study: Study, option: PolicySummary, measure: str) -> str:
    change = study.difference(option.id, measure)
    if change.verdict == "same":
        return f"no more with {option.name}"
    if change.verdict == "cannot_tell":
        return f"we cannot tell whether more with {option.name}"
    return f"{words.change(change, 'more', 'fewer', scale=100, most=1)} with {option.name}"


def _alt(study: Study, clock: str) -> str:
    parts = [
        f"{policy.name}: half by {words.minutes(policy.measures[f'{clock}_median_s'])}"
        for policy in study.policies
    ]
    lead = "Cumulative curves of the share of arrests by minutes from the call."
    return f"{lead} {'; '.join(parts)}."


def _reached(study: Study, clock: str, name: str) -> Raw:
    head = ["by minute", *(f"{limit // 60}" for limit in WITHIN_S)]
    rows = [
        [
            study.name(policy.id),
            *(
                words.dash(policy.measures[f"{clock}_within_{limit}_s"], scale=100, most=1)
                for limit in WITHIN_S
            ),
        ]
        for policy in study.policies
    ]
    caption = f"{name}: of 100 arrests, how many by then"
    return table(head, rows, caption=caption, kind="dense")


def _half_and_most(study: Study) -> Raw:
    marks = (("median", "half by"), ("p90", "nine in ten by"))
    ambulance = ", ".join(
        f"{said} {_minutes(study.baseline, f'ambulance_{mark}_s')}" for mark, said in marks
    )
    there = f"The ambulance is there: {ambulance}"
    if len(study.policies) > FEW:
        return _half_of_many(study, there)
    lines = []
    for clock, name, _, _ in RACES:
        for mark, said in marks:
            key = f"{clock}_{mark}_s"
            lines.append((f"{name}: {said}", partial(_minutes, measure=key)))
            if any(_moves(study, option, key) for option in study.options):
                than = f"… against {study.baseline.name}"
                lines.append((than, partial(_sooner, study, key)))
    caption = f"Minutes until half, and nine in ten, of all arrests have it. {there}"
    return study.side_by_side(caption, lines)


def _moves(study: Study, option: PolicySummary, measure: str) -> bool:
    change = study.difference(option.id, measure)
    return change.verdict != "same" and not change.low == change.high == 0.0


def _sooner(study: Study, measure: str, policy: PolicySummary) -> str:
    """The paired difference of a time: ``0.2 to 0.9 sooner``."""
    if policy is study.baseline:
        return "–"
    change = study.difference(policy.id, measure)
    said = words.change(change, "later", "sooner", scale=1 / 60, most=1)
    unclear = change.verdict == "cannot_tell" and change.low != change.high
    return f"cannot tell: {said}" if unclear else said


def _half_of_many(study: Study, there: str) -> Raw:
    """Half by for each clock, nine in ten for trained hands, and how much sooner these are."""
    keys = ("cpr_any_median_s", "trained_hands_median_s", "shock_median_s", "trained_hands_p90_s")
    rows = [
        [
            study.name(policy.id),
            *(_minutes(policy, key) for key in keys),
            _sooner(study, "trained_hands_median_s", policy),
        ]
        for policy in study.policies
    ]
    head = (
        "half by",
        "CPR",
        "hands",
        "shock",
        "hands, 9 in 10",
        f"hands, half: against {study.baseline.name}",
    )
    caption = f"Minutes until half of all arrests have it, and nine in ten have hands. {there}"
    return tag("div", table(head, rows, caption=caption, kind="dense"), class_="panel wide")


def _minutes(policy: PolicySummary, measure: str) -> str:
    item = policy.measures[measure]
    return "not reached" if item.value is None else words.dash(item, scale=1 / 60, most=1)


# --- who came first ------------------------------------------------------------------------------


def _first_help(study: Study) -> Raw:
    told = study.shown if len(study.shown) <= IN_A_TITLE else (study.lead,)
    asked = any(p.measures["asked_per_call"].value for p in study.policies)
    who, measure = (
        ("a volunteer is there before the ambulance", "volunteer_before_ambulance")
        if asked
        else ("a co-responder is there before the ambulance", "first_help_co_responder")
    )
    parts = [
        f"{words.ranged(study.estimate(p.id, measure), scale=100, most=1)} with {p.name}"
        for p in told
    ]
    title = f"Of 100 arrests, {who} at {words.listed(parts)}."
    note = " ".join(_SHADE_WORDS[key] for key in _used(study, "first_help", tuple(_SHADE_WORDS)))
    drawn = figure(title, _first_help_bars(study, title), note=note, stamp=study.stamp)
    tables = tag("div", _first_help_table(study), _aed_sources(study), class_="panel")
    return join(
        [
            tag("h3", "Who came first"),
            tag("div", drawn, tables, class_="panels"),
        ]
    )


def _first_help_bars(study: Study, title: str) -> Raw:
    name = "first-help"
    with canvas(name, 0.7 + 0.42 * len(study.policies)) as (drawn, axes):
        for row, policy in enumerate(study.policies):
            _stack(study, axes, policy, row)
        axes.set(xlim=(0, 100), xlabel="of 100 arrests")
        axes.set_yticks(range(len(study.policies)), [two_lines(p.name) for p in study.policies])
        axes.invert_yaxis()
        axes.grid(visible=False)
        return svg(drawn, name, f"{title} One stacked bar per option; the table holds the numbers.")


def _stack(study: Study, axes: Any, policy: PolicySummary, row: int) -> None:
    left = 0.0
    colour = study.looks[policy.id].colour
    for kind in FIRST_HELP:
        width = 100 * (policy.measures[f"first_help_{kind}"].value or 0.0)
        if width <= 0:
            continue
        axes.barh(
            row,
            width,
            left=left,
            height=0.7,
            color=shade(colour, _HELP_SHADE[kind]),
            edgecolor=colour,
            linewidth=0.8,
            hatch=_HATCHES.get(kind),
        )
        if width >= WIDE_ENOUGH_FOR_A_NUMBER:
            ink = "white" if kind == "volunteer_with_aed" else INK
            axes.text(left + width / 2, row, f"{width:.0f}", ha="center", va="center", color=ink)
        left += width


def two_lines(label: str, most: int = 16) -> str:
    """A label over two lines, so that it stays whole beside a drawing."""
    first, *more = wrap(label, most) or [label]
    return "\n".join([first, short(" ".join(more), most + 2)]) if more else first


def short(label: str, most: int = 18) -> str:
    """A label that leaves room for the drawing."""
    return label if len(label) <= most else f"{label[: most - 1].rstrip()}…"


def _first_help_table(study: Study) -> Raw:
    used = _used(study, "first_help", tuple(HELP_WORDS))
    rows = [_shares(study, policy, "first_help", used) for policy in study.policies]
    caption = "Of 100 arrests, who of the trained came first"
    names = dict(HELP_WORDS)
    if "volunteer_with_aed" not in used:
        names["volunteer"] = "volunteer"
    head = ["", *(names[key] for key in used)]
    return table(head, rows, caption=caption, kind="dense prose")


def _aed_sources(study: Study) -> Raw:
    used = _used(study, "aed_source", tuple(SOURCE_WORDS))
    rows = [_shares(study, policy, "aed_source", used) for policy in study.policies]
    caption = "Of 100 arrests, who brought the first AED"
    return table(
        ["", *(SOURCE_WORDS[key] for key in used)], rows, caption=caption, kind="dense prose"
    )


def _used(study: Study, measure: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The categories that occur under any option."""
    return tuple(
        key
        for key in keys
        if any(policy.measures[f"{measure}_{key}"].value for policy in study.policies)
    )


def _shares(
    study: Study, policy: PolicySummary, measure: str, keys: tuple[str, ...]
) -> list[object]:
    return [
        study.name(policy.id),
        *(words.dash(policy.measures[f"{measure}_{key}"], scale=100, most=1) for key in keys),
    ]
