"""Days on the ground: what the weather leaves of the year at each base, by reason."""

from __future__ import annotations

from typing import Any

from scenarios.air_summary import AirSummary, BaseWeather
from scenarios.metrics import words
from scenarios.metrics.intervals import Estimate
from scenarios.report import air_words
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure, join, paragraph, table, tag
from scenarios.report.palette import INK
from scenarios.report.race import two_lines
from scenarios.report.study import Study

YEAR_DAYS = 365.25
NEVER = Estimate(0.0, 0.0, 0.0)
# Dark to pale, so that neighbours differ in grey as well; hatches tell them apart in any print.
_SHADES = {
    "gust": ("#33425b", ""), "rain": ("#6f9bc4", "////"), "fog": ("#c9c9c9", "||||"),
    "ice": ("#a8e0e8", "xxxx"), "dark": ("#1c1c1c", ""), "cold": ("#8fb3ff", "\\\\\\\\"),
    "heat": ("#d98200", "++"), "wind": ("#5a2d6e", "----"),
}  # fmt: skip
_OTHER = ("#8a7a00", "")
WIDE_ENOUGH_DAYS = 28.0


def weather_panel(study: Study, air: AirSummary) -> Raw:
    """Bars of the year at each base."""
    known = [base for base in air.bases if base.days_grounded.value is not None]
    if not known:
        return Raw("")
    return join([_picture(study, air, known), _legend(_reasons(known))])


def weather_table(air: AirSummary) -> Raw:
    """Days with intervals, by base and reason."""
    known = [base for base in air.bases if base.days_grounded.value is not None]
    return _table(air, known) if known else Raw("")


def _reasons(bases: list[BaseWeather]) -> list[str]:
    """The reasons that occur, the heaviest first."""
    total: dict[str, float] = {}
    for base in bases:
        for reason, days in base.by_reason.items():
            total[reason] = total.get(reason, 0.0) + (days.value or 0.0)
    return sorted((r for r in total if total[r] > 0), key=lambda reason: -total[reason])


def _picture(study: Study, air: AirSummary, bases: list[BaseWeather]) -> Raw:
    lows = [base.days_grounded.low or base.days_grounded.value or 0.0 for base in bases]
    highs = [base.days_grounded.high or base.days_grounded.value or 0.0 for base in bases]
    where = bases[0].base if len(bases) == 1 else "each base"
    cause = "weather keeps" if air.night_flying else "weather and darkness keep"
    title = (
        f"The hours that {cause} drones on the ground add up to "
        f"{words.span(min(lows), max(highs), most=0)} days a year at {where}."
    )
    reasons = _reasons(bases)
    with canvas("drone-weather", 0.65 + 0.42 * len(bases)) as (drawn, axes):
        for row, base in enumerate(bases):
            _bar(axes, row, base, reasons)
        axes.set(xlim=(0, YEAR_DAYS), xlabel="days a year, hours added up")
        axes.set_yticks(range(len(bases)), [two_lines(base.base, 12) for base in bases])
        axes.set_xticks([0, 100, 200, 300])
        axes.invert_yaxis()
        axes.grid(visible=False)
        alt = "; ".join(
            f"{base.base}: hours on the ground that add up to "
            f"{words.ranged(base.days_grounded, most=0)} days"
            for base in bases
        )
        drawing = svg(drawn, "drone-weather", f"{title} One bar per base. {alt}.")
    return figure(title, drawing, stamp=study.stamp)


def _bar(axes: Any, row: int, base: BaseWeather, reasons: list[str]) -> None:
    left = 0.0
    for reason in reasons:
        days = base.by_reason.get(reason)
        width = (days.value or 0.0) if days else 0.0
        if width <= 0:
            continue
        colour, hatch = _SHADES.get(reason, _OTHER)
        axes.barh(row, width, left=left, height=0.62, color=colour, edgecolor="white",
                  hatch=hatch, linewidth=0.6)  # fmt: skip
        left += width
    axes.barh(row, YEAR_DAYS - left, left=left, height=0.62, color="white", edgecolor=INK,
              linewidth=0.8)  # fmt: skip
    if YEAR_DAYS - left > 3 * WIDE_ENOUGH_DAYS:
        axes.text((left + YEAR_DAYS) / 2, row, "may fly", ha="center", va="center")


def _legend(reasons: list[str]) -> Raw:
    items = [
        tag(
            "li",
            tag("svg", Raw(_patch(reason)), viewBox="0 0 22 14", width="22", height="14",
                aria_hidden="true", class_="swatch"),
            air_words.reason(reason),
        )
        for reason in reasons
    ]  # fmt: skip
    return tag("ul", *items, class_="legend")


_LINES = {
    "////": "M-2 9l10-10M0 14l14-14M8 14l14-14M16 14l8-8",
    "xxxx": "M0 14l14-14M8 14l14-14M0 0l14 14M8 0l14 14",
    "\\\\\\\\": "M0 0l14 14M8 0l14 14",
    "||||": "M4 0v14M9 0v14M14 0v14M19 0v14",
    "----": "M0 4h22M0 9h22",
    "++": "M0 7h22M7 0v14M15 0v14",
}


def _patch(reason: str) -> str:
    colour, hatch = _SHADES.get(reason, _OTHER)
    box = f'<rect x="0.5" y="0.5" width="21" height="13" fill="{colour}" stroke="#777"/>'
    line = _LINES.get(hatch)
    return box + (f'<path d="{line}" stroke="#fff" stroke-width="1.3"/>' if line else "")


def _table(air: AirSummary, bases: list[BaseWeather]) -> Raw:
    reasons = _reasons(bases)
    rows = [
        (
            base.base,
            words.dash(base.days_grounded, most=0),
            words.dash(base.whole_days, most=0),
            *(words.dash(base.by_reason.get(reason, NEVER), most=0) for reason in reasons),
        )
        for base in bases
    ]
    head = (
        "", "Hours on the ground, as days", "Days without one hour to fly in",
        *map(air_words.reason, reasons),
    )  # fmt: skip
    night = "" if air.night_flying else " Nobody flies in the dark."
    note = paragraph(
        "24 hours on the ground count as a day; reasons are told apart by hours as well: the "
        f"first one that holds counts. Weather: {air.weather_source}.{night}",
        class_="note",
    )
    caption = "Hours on the ground by reason, added up as days a year"
    return join([table(head, rows, caption=caption, kind="prose"), note])
