"""From suspected arrest to first shock by drone: the picture of one option, the table of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scenarios.air_summary import AirSummary, DroneOption, FunnelLine
from scenarios.metrics import words
from scenarios.report import air_words
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure, join, paragraph, table
from scenarios.report.palette import INK, SOFT, shade
from scenarios.report.study import Study

ALWAYS_TOLD = ("suspected", "launched", "delivered", "attached_first", "shock")
_BAR_IN, _LOSS_IN = 0.23, 0.20


def funnel_panel(study: Study, air: AirSummary) -> Raw:
    """The picture of the option that flies most."""
    option = leading(air)
    return _picture(study, option)


def leading(air: AirSummary) -> DroneOption:
    """The option whose drones bring most first AEDs, then fly most."""
    return max(air.options, key=lambda item: (_at(item, "attached_first"), _at(item, "launched")))


def _at(option: DroneOption, stage: str) -> int:
    return next(line.reached for line in option.funnel if line.stage == stage)


def line_of(option: DroneOption, stage: str) -> FunnelLine:
    """The line of a stage."""
    return next(line for line in option.funnel if line.stage == stage)


def _told(option: DroneOption) -> list[FunnelLine]:
    """Stages at which somebody was lost, and those that every reader looks for."""
    return [line for line in option.funnel if line.losses or line.stage in ALWAYS_TOLD]


# --- the picture ---------------------------------------------------------------------------------


def _picture(study: Study, option: DroneOption) -> Raw:
    name = study.summary.policy(option.policy).name
    shown = _told(option)
    flown, shock = line_of(option, "launched"), line_of(option, "shock")
    title = (
        f"Of 100 suspected arrests with {name}, a drone takes off for "
        f"{words.ranged(flown.share, scale=100, most=1)} and gives the first shock to "
        f"{words.ranged(shock.share, scale=100, most=1)}."
    )
    drawn_name = "drone-funnel"
    total = max(option.suspected, 1)
    height_in = _BAR_IN * len(shown) + _LOSS_IN * sum(bool(line.losses) for line in shown) + 0.1
    with canvas(drawn_name, height_in) as (drawn, axes):
        colour = study.looks[option.policy].colour
        y = 0.0
        for line in shown:
            y += _loss(axes, y, line, total)
            _bar(axes, y + _BAR_IN / 2, line, 100.0 * line.reached / total, colour)
            y += _BAR_IN
        axes.set(xlim=(0, 113), ylim=(y, 0))
        axes.set_axis_off()
        drawing = svg(drawn, drawn_name, f"{title} {_alt(shown)}")
    note = (
        f"{words.count(option.suspected)} suspected arrests, false alarms included. Between the "
        "bars: how many of 100 are lost, and the commonest reason. All options and all reasons are "
        "in the table."
    )
    return figure(title, drawing, note=note, stamp=study.stamp)


def _bar(axes: Any, y: float, line: FunnelLine, part: float, colour: str) -> None:
    tall = 0.88 * _BAR_IN
    axes.barh(y, 100, height=tall, color="#f3f3f1", linewidth=0)
    axes.barh(y, part, height=tall, color=shade(colour, 0.35), edgecolor=colour, linewidth=0.8)
    axes.text(1.5, y, air_words.stage(line.stage), va="center", color=INK)
    axes.text(101.5, y, _hundredth(part), va="center", color=INK, fontweight="bold")


def _loss(axes: Any, y: float, line: FunnelLine, total: int) -> float:
    """The commonest reason between two bars; the height that it takes."""
    if not line.losses:
        return 0.0
    commonest = max(line.losses.items(), key=lambda item: item[1])[0]
    others = " and others" if len(line.losses) > 1 else ""
    lost = 100.0 * sum(line.losses.values()) / total
    said = f"{words.MINUS}{_hundredth(lost)}: {air_words.reason(commonest, brief=True)}{others}"
    axes.text(1.5, y + 0.45 * _LOSS_IN, said, va="center", color=SOFT)
    return _LOSS_IN


def _hundredth(part: float) -> str:
    if part == 0.0:
        return "0"
    return words.number(part, 1) if part < 10 else words.number(part, 0)


def _alt(shown: Sequence[FunnelLine]) -> str:
    parts = []
    for line in shown:
        lost = "; ".join(
            f"lost {count} to: {air_words.reason(reason)}" for reason, count in line.losses.items()
        )
        parts.append(f"{air_words.stage(line.stage)}: {line.reached}{f' ({lost})' if lost else ''}")
    return f"Bars from top to bottom, one per stage. {'. '.join(parts)}."


# --- the table -----------------------------------------------------------------------------------


def funnel_table(study: Study, air: AirSummary) -> Raw:
    """Every stage and every reason of every option that flies."""
    rows: list[list[object]] = []
    kinds: list[str] = []
    for number, stage in enumerate(line.stage for line in air.options[0].funnel):
        at = [option.funnel[number] for option in air.options]
        reasons = _reasons(at)
        for reason in reasons:
            lost = [line.losses.get(reason, 0) for line in at]
            rows.append([air_words.reason(reason), *(_minus(count) for count in lost)])
            kinds.append("loss")
        if reasons or stage in ALWAYS_TOLD:
            rows.append([air_words.stage(stage), *(_reached(line) for line in at)])
            kinds.append("stage")
    caption = "From suspected arrest to first shock by drone: what is left, and what was lost why"
    head = ["", *(study.name(option.policy) for option in air.options)]
    listing = table(head, rows, caption=caption, row_kinds=kinds, kind="funnel prose")
    note = paragraph(
        "Bold: arrests that came so far and, in brackets, of 100 suspected ones. Under it: those "
        "that stop before the next stage, each for one reason; of several drones the one that came "
        "farthest speaks. A stage and the losses before it add up to the stage before. Stages "
        "that stopped nobody are left out.",
        class_="note",
    )
    return join([listing, note])


def _reasons(lines: Sequence[FunnelLine]) -> list[str]:
    """The reasons of all options, the heaviest first."""
    total: dict[str, int] = {}
    for line in lines:
        for reason, count in line.losses.items():
            total[reason] = total.get(reason, 0) + count
    return sorted(total, key=lambda reason: (-total[reason], reason))


def _minus(count: int) -> str:
    return f"{words.MINUS}{words.count(count)}" if count else "0"


def _reached(line: FunnelLine) -> str:
    if line.stage == "suspected":
        return words.count(line.reached)
    return f"{words.count(line.reached)} ({words.dash(line.share, scale=100, most=1)})"
