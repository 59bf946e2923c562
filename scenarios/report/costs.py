"""What it costs: a year of each option, what a survivor more costs, and what cannot be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scenarios.metrics import words
from scenarios.report.cost_plane import plane
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure, join, paragraph, section, table, tag
from scenarios.report.money import in_money, money, money_range, unit_for
from scenarios.report.palette import INK, shade
from scenarios.report.race import two_lines
from scenarios.report.study import Study

if TYPE_CHECKING:
    from scenarios.metrics.costs import CostItem, CostRatio
    from scenarios.metrics.means import OptionSummary

ASSUMED = "assumption"


def has_costs(study: Study) -> bool:
    """Whether every option has a yearly cost, and one of them costs anything."""
    return bool(_priced(study))


def _priced(study: Study) -> list[OptionSummary]:
    """The options beside the comparator, where the study is priced."""
    options = study.summary.options
    if any(option.yearly_cost is None for option in options):
        return []
    if not any(option.yearly_cost and option.yearly_cost.items for option in options):
        return []
    return [option for option in options if option.against_comparator is not None]


def costs_section(study: Study, number: int) -> Raw:
    """Yearly costs, cost of a gain, prices with their sources."""
    options = _priced(study)
    currency = _currency(options)
    bars = tag("div", _picture(study, options, currency), study.legend())
    drawn = [bars, plane(study, options, currency)]
    return section(
        number,
        "costs",
        "What it costs",
        paragraph(tag("strong", _lead(study, options, currency))),
        *_unpriced(options),
        tag("div", *drawn, class_="panels"),
        _gain_table(study, options, currency),
        _prices(study, options, currency),
    )


def _lead(study: Study, options: list[OptionSummary], currency: str) -> str:
    """What an extra survivor costs, for the options where that can be told."""
    known, unknown = [], []
    for option in options:
        cost = option.against_comparator
        name = study.summary.policy(option.name).name
        if cost and cost.per_survivor.low is not None and cost.per_survivor.high is not None:
            known.append(f"{ratio_words(cost.per_survivor, currency)} with {name}")
        else:
            unknown.append(name)
    if not known:
        return "What an extra survivor costs cannot be told: no option is sure to bring any."
    said = f"An extra survivor costs {words.listed(known)}"
    if not unknown:
        return f"{said}."
    return f"{said}; with {words.listed(unknown)} that cannot be told."


def _currency(options: list[OptionSummary]) -> str:
    return next((o.yearly_cost.currency for o in options if o.yearly_cost), "GBP")


def yearly_words(option: OptionSummary) -> str:
    """What the option costs more than the comparator, as a range of the prices."""
    cost = option.against_comparator
    if cost is None or option.yearly_cost is None:
        return "–"
    ends = sorted((cost.difference, cost.difference_high))
    if not any(ends):
        return "nothing priced" if option.yearly_cost.unpriced else "nothing"
    return money_range(ends[0], ends[1], option.yearly_cost.currency)


def ratio_words(ratio: CostRatio, currency: str) -> str:
    """A cost for one unit of gain: its limits, or in words why there are none."""
    if ratio.low is not None and ratio.high is not None:
        return money_range(ratio.low, ratio.high, currency)
    if ratio.low is not None:
        return f"{money(ratio.low, currency)} or more, no upper limit"
    return ratio.words


# --- pieces --------------------------------------------------------------------------------------


def _unpriced(options: list[OptionSummary]) -> list[Raw]:
    found = sorted(
        {item for o in options if o.yearly_cost for item in o.yearly_cost.unpriced}
    )  # fmt: skip
    if not found:
        return []
    lead = tag("strong", "Not in these costs, because nobody stated a price: ")
    return [tag("p", lead, f"{words.listed(found)}.", class_="band", role="note")]


def _picture(study: Study, options: list[OptionSummary], currency: str) -> Raw:
    rows = [o for o in options if o.against_comparator is not None]
    highest = max(
        (max(abs(c.difference), abs(c.difference_high)) for o in rows
         if (c := o.against_comparator)), default=0.0,
    )  # fmt: skip
    factor, unit = unit_for(highest)
    dearest = max(rows, key=lambda o: o.against_comparator.difference)  # type: ignore[union-attr]
    name = study.summary.policy(dearest.name).name
    title = (
        f"Beyond {study.baseline.name}, {name} costs most: {yearly_words(dearest)} a year."
        if len(rows) > 1
        else f"Beyond {study.baseline.name}, {name} costs {yearly_words(dearest)} a year."
    )
    with canvas("costs", 0.65 + 0.36 * len(rows)) as (drawn, axes):
        for row, option in enumerate(rows):
            _bar(axes, row, option, study, factor)
        axes.axvline(0, color=INK, linewidth=0.9)
        labels = [two_lines(study.summary.policy(o.name).name, 14) for o in rows]
        axes.set_yticks(range(len(rows)), labels)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(f"{in_money(currency, unit)} a year")
        axes.margins(x=0.12)
        alt = "; ".join(f"{study.summary.policy(o.name).name}: {yearly_words(o)}" for o in rows)
        drawing = svg(drawn, "costs", f"{title} One bar per option. {alt}.")
    note = "Bar: at usual prices. Line: to the dear ones."
    return figure(title, drawing, note=note, stamp=study.stamp)


def _bar(axes: Any, row: int, option: OptionSummary, study: Study, factor: float) -> None:
    cost = option.against_comparator
    if cost is None:
        return
    colour = study.looks[option.name].colour
    usual, dear = cost.difference / factor, cost.difference_high / factor
    axes.barh(row, usual, height=0.55, color=shade(colour, 0.55), edgecolor=colour)
    if dear != usual:
        axes.plot([usual, dear], [row, row], color=colour, linewidth=1.8)
        axes.plot([dear], [row], "|", color=colour, markersize=9, markeredgewidth=1.8)


def _gain_table(study: Study, options: list[OptionSummary], currency: str) -> Raw:
    rows = []
    for option in options:
        cost = option.against_comparator
        if cost is not None:
            ratios = (cost.per_survivor, cost.per_qaly, cost.per_median_minute)
            rows.append(
                [
                    study.name(option.name),
                    yearly_words(option),
                    *(ratio_words(ratio, currency) for ratio in ratios),
                ]
            )
    head = (
        "", "A year", "An extra survivor", "A quality-adjusted year",
        "A minute sooner to a first shock (median)",
    )  # fmt: skip
    caption = f"Costs beyond {study.baseline.name}, and what a gain costs"
    qalys = {item.qalys for item in study.facts.options}
    each = words.listed([words.number(value, 1) for value in sorted(qalys)])
    note = paragraph(
        f"A survivor counts as {each} quality-adjusted years (assumption unless the scenario sets "
        "it). A year: from usual to dear prices. The others: 95 % limits at usual prices "
        "(Fieller 1954, over repetitions); no upper limit where we cannot tell whether anything is "
        "gained, with all options tried in view.",
        class_="note",
    )
    return join([table(head, rows, caption=caption, kind="prose"), note])


def _prices(study: Study, options: list[OptionSummary], currency: str) -> Raw:
    """Each thing that is paid for: its price, how many each option has, the price's source."""
    items = {
        item.item: item for o in options if o.yearly_cost for item in o.yearly_cost.items
    }  # fmt: skip
    if not items:
        return paragraph("Nothing that an option has beyond the comparator has a price.")
    rows = [
        [
            name,
            _each(item, currency),
            *(_number(option, name) for option in options),
            _source(item),
        ]
        for name, item in items.items()
    ]
    head = ("", "Each a year", *(study.name(o.name) for o in options), "Source of the price")
    year = {o.yearly_cost.price_year for o in options if o.yearly_cost} - {None}
    priced = f", prices of {year.pop()}" if len(year) == 1 else ", prices of different years"
    caption = (
        f"What the costs are made of: how many each option has beyond {study.baseline.name} "
        f"({currency}{priced}; slanted: an assumption)"
    )
    return table(head, rows, caption=caption, kind="prose")


def _number(option: OptionSummary, name: str) -> str:
    items = option.yearly_cost.items if option.yearly_cost else ()
    found = sum(item.number for item in items if item.item == name)
    return words.number(found, 0 if float(found).is_integer() else 1) if found else "–"


def _each(item: CostItem, currency: str) -> str:
    if item.each is None:
        return "no price stated"
    if item.total is None or item.total_high is None or not item.number:
        return money(item.each, currency)
    if not item.each:
        return "nothing"
    low, high = sorted((item.each, item.total_high / item.number))
    return money_range(low, high, currency)


def _source(item: CostItem) -> Raw:
    assumed = ASSUMED in item.source.lower()
    return tag("em" if assumed else "span", item.source or ASSUMED)
