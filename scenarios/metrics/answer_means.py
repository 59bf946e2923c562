"""The answer where options differ in what they have: drones or groups, more AEDs or more people.

The option with most survivors expected is held against the best option of another kind, by the
median time to a first shock, by survivors, and by cost; then the leading option of each
kind is held against the comparator. What an interval does not show is said not to be known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from scenarios.metrics import words
from scenarios.metrics.answer_study import CLEAR, AnswerStudy, extra_figure
from scenarios.metrics.intervals import Difference
from scenarios.metrics.means import OptionSummary
from scenarios.metrics.shape import Answer, AnswerFigure, AnswerRow

SHOCK = "shock_median_s"
SOON = "shock_within_600_s"
COST = "yearly_cost"
_COMES_WITH = {"drone base": "drone", "AED of a group": "first-responder group"}
_SIGNS = {"GBP": "£", "EUR": "€", "USD": "$"}


def of_means(study: AnswerStudy, options: Sequence[OptionSummary]) -> Answer:
    """The answer of a study whose options differ in means; ``options[0]`` is the comparator."""
    known = {item.name: item for item in options}
    leading = _leading(study)
    first, *others = leading
    figures = (extra_figure(study), _soon(study), *_costs(study, known))
    if not any(_gains(study, option) for option in study.options):
        return Answer(
            "cannot_tell", _nothing_shown(study, first), _beside(study, known, leading), figures
        )
    if not others:
        return Answer(
            _kind(study, first, None),
            _alone(study, known, first),
            _beside(study, known, leading),
            figures,
        )
    sentence = _against(study, known, first, others[0])
    return Answer(_kind(study, first, others[0]), sentence, _beside(study, known, leading), figures)


def _leading(study: AnswerStudy) -> list[str]:
    """The best option of each kind by survivors expected, the best kind first; one kind: its two
    best.
    """
    ranked = sorted(study.options, key=lambda option: _rank(study, option), reverse=True)
    best: dict[frozenset[str], str] = {}
    for option in ranked:
        best.setdefault(_means(study, option), option)
    return list(best.values()) if len(best) > 1 else ranked[:2]


def _rank(study: AnswerStudy, option: str) -> tuple[float, float]:
    return study.extra(option).value or 0.0, -(study.against[option][SHOCK].value or 0.0)


def _means(study: AnswerStudy, option: str) -> frozenset[str]:
    """What an option has more of, or less, than the comparator; empty: another rule only."""
    facts = {item.id: item for item in study.facts.options}
    there = {item.item: item.number for item in study.facts.options[0].means}
    return frozenset(
        _COMES_WITH.get(item.item, item.item)
        for item in facts[option].means
        if abs(item.number - there.get(item.item, 0.0)) > 1e-9
    )


def _gains(study: AnswerStudy, option: str) -> bool:
    return (
        study.extra(option).verdict == "higher" or study.against[option][SHOCK].verdict == "lower"
    )


def _kind(
    study: AnswerStudy, first: str, other: str | None
) -> Literal["best", "tied", "cannot_tell"]:
    if study.extra(first).verdict != "higher":
        return "cannot_tell"
    if other is None or study.between(first, other, study.survivors).verdict == "higher":
        return "best"
    return "tied"


# --- the sentence --------------------------------------------------------------------------------


def _against(study: AnswerStudy, known: dict[str, OptionSummary], first: str, other: str) -> str:
    """The leading option against the best of another kind."""
    sooner = study.between(first, other, SHOCK)
    more = study.between(first, other, study.survivors)
    name, than = first, f"with {other}"
    cost = _cost_between(known, first, other)
    tail = f", {cost}" if cost else ""
    if sooner.verdict == "lower":
        shorter = f"{_minutes(sooner)} shorter"
        lead = f"With {name} the median time to a first shock is {shorter} than {than}"
        if more.verdict == "higher":
            return f"{lead}, and {_survive(study, more)}{tail}."
        return f"{lead}{tail}; {_unknown(study, more)}."
    if more.verdict == "higher":
        when = "whether the median time to a first shock is shorter, we cannot tell"
        return f"With {name} {_survive(study, more)} than {than}{tail}; {when}."
    shown = f"{_range(study, more)} survivors expected {study.period.words}"
    return (
        f"We cannot tell whether {name} or {other} do more: with {name}, {shown} than "
        f"{than}{tail}{_by_chance(study, more)}."
    )


def _alone(study: AnswerStudy, known: dict[str, OptionSummary], option: str) -> str:
    """A single option against the comparator."""
    baseline = study.facts.baseline.id
    sooner, more = study.against[option][SHOCK], study.extra(option)
    cost = _cost_between(known, option, baseline)
    tail = f", {cost}" if cost else ""
    than = f"than {_plain(baseline)}"
    if sooner.verdict == "lower":
        lead = (
            f"With {option} the median time to a first shock is {_minutes(sooner)} shorter {than}"
        )
        if more.verdict == "higher":
            return f"{lead}, and {_survive(study, more)}{tail}."
        return f"{lead}{tail}; {_unknown(study, more)}."
    return f"With {option} {_survive(study, more)} {than}{tail}."


def _nothing_shown(study: AnswerStudy, first: str) -> str:
    """No option is shown to do anything."""
    several = first if len(study.options) == 1 else "any of the options"
    extra = study.extra(first)
    told = ""
    if extra.value is not None:
        told = (
            f": with {first}, {_range(study, extra)} survivors expected "
            f"{study.period.words}{_by_chance(study, extra)}"
        )
    return (
        f"We cannot tell whether {several} do better than {_plain(study.facts.baseline.id)}{told}."
    )


def _survive(study: AnswerStudy, more: Difference) -> str:
    return f"{_range(study, more)} survivors are expected {study.period.words}"


def _unknown(study: AnswerStudy, more: Difference) -> str:
    return (
        f"whether more survive, we cannot tell ({_range(study, more)} expected "
        f"{study.period.words}{_by_chance(study, more)})"
    )


def _by_chance(study: AnswerStudy, more: Difference) -> str:
    """Why an interval that does not touch zero is not enough: several options were tried."""
    if more.low is None or more.high is None or more.low * more.high <= 0.0:
        return ""
    return f", which may be chance where {words.spelled(len(study.options))} options are tried"


def _range(study: AnswerStudy, more: Difference) -> str:
    return words.change(more, "more", "fewer", scale=study.period.years)


def _minutes(sooner: Difference) -> str:
    """``3.1 to 4.2 min``, of a negative difference in seconds."""
    if sooner.low is None or sooner.high is None:
        return f"{words.number(-(sooner.value or 0.0) / 60.0, 1)} min ({words.NO_INTERVAL})"
    return f"{words.span(-sooner.high, -sooner.low, scale=1 / 60, most=1)} min"


def _plain(name: str) -> str:
    """``as today`` for an id such as as_today."""
    return name.replace("_", " ")


# --- what it costs -------------------------------------------------------------------------------


def money(amount: float, currency: str) -> str:
    """``£12 300``: three figures."""
    rounded = float(f"{amount:.3g}")
    sign = _SIGNS.get(currency)
    shown = words.number(rounded, 0)
    return f"{sign}{shown}" if sign else f"{currency} {shown}"


def _cost_between(known: dict[str, OptionSummary], option: str, other: str) -> str:
    """``for £20 000 a year less``, with the range that the prices leave; empty without prices."""
    cost, than = known[option].yearly_cost, known[other].yearly_cost
    if cost is None or than is None:
        return ""
    usual = cost.total - than.total
    low, high = cost.total - than.total_high, cost.total_high - than.total
    if abs(usual) < 1.0:
        return "at the same cost"
    word = "more" if usual > 0 else "less"
    ends = sorted((abs(low), abs(high))) if low * high > 0 else None
    if ends is None:
        shown = (
            f"about {money(abs(usual), cost.currency)} a year {word}, though prices could turn it"
        )
    elif ends[0] == ends[1]:
        shown = f"{money(abs(usual), cost.currency)} a year {word}"
    else:
        shown = f"{money(ends[0], cost.currency)} to {money(ends[1], cost.currency)} a year {word}"
    return f"for {shown}"


def _beside(study: AnswerStudy, known: dict[str, OptionSummary], leading: Sequence[str]) -> str:
    """The leading option of each kind against the comparator, and the days without drones."""
    parts = []
    for option in leading:
        extra, cost = study.extra(option), known[option].yearly_cost
        if extra.value is None:
            continue
        shown = _range(study, extra) if extra.verdict != "same" else "no"
        text = f"{option[:1].upper()}{option[1:]}: {shown} survivors expected {study.period.words}"
        if extra.verdict not in CLEAR:
            text += " (we cannot tell)"
        if cost is not None and (cost.items or cost.unpriced):
            text += f", {_price_of(known[option])}"
        parts.append(text)
    lead = f"Compared with {_plain(study.facts.baseline.id)}: {'; '.join(parts)}." if parts else ""
    return " ".join(part for part in (lead, _grounded(study, known)) if part)


def _price_of(option: OptionSummary) -> str:
    cost, against = option.yearly_cost, option.against_comparator
    assert cost is not None
    text = f"{_span(cost.total, cost.total_high, cost.currency)} a year"
    ratio = None if against is None else against.per_survivor
    if ratio is not None and ratio.low is not None and ratio.high is not None:
        ends = f"{money(ratio.low, cost.currency)} to {money(ratio.high, cost.currency)}"
        text += f", {ends} for each extra survivor at the lower price"
    elif ratio is not None and ratio.low is not None:
        text += f", {money(ratio.low, cost.currency)} or more for each extra survivor"
    if cost.unpriced:
        text += f", without {words.listed(list(cost.unpriced))} (no price known)"
    return text


def _span(low: float, high: float, currency: str) -> str:
    if low == high:
        return money(low, currency)
    return f"{money(low, currency)} to {money(high, currency)}"


def _grounded(study: AnswerStudy, known: dict[str, OptionSummary]) -> str:
    """Of the option whose bases are worst off: lost hours added up, and days without any other."""
    days = {
        name: item.days_grounded_per_year
        for name, item in known.items()
        if item.days_grounded_per_year is not None
    }
    if not days:
        return ""
    name = max(days, key=lambda option: days[option].mean.value or 0.0)
    by_day = next(item.night_flying for item in study.facts.options if item.id == name)
    cause = "weather keeps" if by_day else "weather and darkness keep"
    return (
        f"With {name}, the hours that {cause} a drone on the ground add up to "
        f"{words.ranged(days[name].mean, most=0)} days a year; days without one hour to fly in: "
        f"{words.ranged(days[name].whole_days, most=0)} a year."
    )


# --- the figures ---------------------------------------------------------------------------------


def _soon(study: AnswerStudy) -> AnswerFigure:
    rows = tuple(
        AnswerRow(
            option,
            study.reached(option, SOON),
            study.against[option][SOON].verdict in CLEAR,
        )
        for option in study.options
    )
    now = words.ranged(study.measures[study.facts.baseline.id][SOON], scale=100.0, most=1)
    return AnswerFigure(
        SOON,
        f"A first shock within 10 min, of 100 arrests, against {study.baseline}",
        rows,
        f"{study.baseline}: {now}.",
    )


def _costs(study: AnswerStudy, known: dict[str, OptionSummary]) -> tuple[AnswerFigure, ...]:
    costs = {option: known[option].yearly_cost for option in study.options}
    if any(cost is None for cost in costs.values()):
        return ()
    rows = tuple(
        AnswerRow(option, _span(cost.total, cost.total_high, cost.currency), clear=True)
        for option, cost in costs.items()
        if cost is not None
    )
    return (
        AnswerFigure(
            COST, "A year costs", rows, f"Beyond what is there {_plain(study.facts.baseline.id)}."
        ),
    )
