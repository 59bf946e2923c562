"""Extra survivors against yearly cost: one cross per option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scenarios.metrics import words
from scenarios.metrics.intervals import Difference
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure
from scenarios.report.money import in_money, money_range, unit_for
from scenarios.report.palette import INK, marks
from scenarios.report.study import Study

if TYPE_CHECKING:
    from scenarios.metrics.means import OptionSummary

TITLE = "Further right is more survivors, higher up is dearer: lower right is best."


def plane(study: Study, options: list[OptionSummary], currency: str) -> Raw:
    """The picture, or nothing where survivors are not told."""
    if not study.facts.outcomes:
        return Raw("")
    found = {option.name: _extra(study, option.name) for option in options}
    ends = [abs(end) for d in found.values() for end in (d.low, d.high) if end is not None]
    when = words.period(max(ends, default=0.0))
    dear = max(
        (abs(c.difference_high) for o in options if (c := o.against_comparator)), default=0.0
    )
    factor, unit = unit_for(dear)
    with canvas("cost-plane", 2.4) as (drawn, axes):
        for option in options:
            _cross(axes, study, option, found[option.name], when.years, factor)
        axes.axvline(0, color=INK, linewidth=0.9)
        axes.axhline(0, color=INK, linewidth=0.9)
        axes.margins(0.1)
        axes.set_xlabel(f"extra survivors {when.words}")
        axes.set_ylabel(f"{in_money(currency, unit)} a year")
        alt = "; ".join(_alt(study, o, found[o.name], when, currency) for o in options)
        drawing = svg(drawn, "cost-plane", f"{TITLE} {alt}.")
    note = (
        f"Lines: 95 % interval of survivors, usual to dear prices. Against {study.baseline.name}."
    )
    return figure(TITLE, drawing, note=note, stamp=study.stamp)


def _extra(study: Study, option: str) -> Difference:
    return study.difference(option, f"survivors_per_year_{study.facts.outcomes[0].name}")


def _cross(
    axes: Any, study: Study, option: OptionSummary, extra: Difference, years: float, factor: float
) -> None:
    cost = option.against_comparator
    if cost is None or extra.value is None:
        return
    look = study.looks[option.name]
    x, y = years * extra.value, cost.difference / factor
    if extra.low is not None and extra.high is not None:
        axes.plot([years * extra.low, years * extra.high], [y, y], color=look.colour, linewidth=1.6)
    axes.plot([x, x], [y, cost.difference_high / factor], color=look.colour, linewidth=1.6)
    axes.plot([x], [y], markersize=6.5, **marks(look))


def _alt(
    study: Study, option: OptionSummary, extra: Difference, when: words.Period, currency: str
) -> str:
    cost = option.against_comparator
    much = words.ranged(extra, scale=when.years)
    name = study.summary.policy(option.name).name
    if cost is None:
        return f"{name}: {much} extra survivors {when.words}"
    low, high = sorted((cost.difference, cost.difference_high))
    price = money_range(low, high, currency)
    return f"{name}: {much} extra survivors {when.words} for {price} a year"
