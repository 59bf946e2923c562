"""The answer in one sentence, with a range, or that it cannot be told; and three figures.

The answer has two halves, because a rule for waking people is judged on both: which option has
more survivors expected (first outcome model), and what it asks of the volunteers. Whatever touches
zero is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from scenarios.metrics import words
from scenarios.metrics.answer_means import of_means
from scenarios.metrics.answer_study import HANDS, WAKES, AnswerStudy, extra_figure
from scenarios.metrics.facts import StudyFacts
from scenarios.metrics.groups import GroupMeasure, GroupSet
from scenarios.metrics.intervals import Estimate
from scenarios.metrics.means import OptionSummary
from scenarios.metrics.shape import (
    Answer,
    AnswerFigure,
    AnswerRow,
    Comparison,
    PolicySummary,
)

AED_FIRST = "aed_before_ambulance"
ASKED = "asked_per_call"
TWO = 2
ONE_REPETITION = (
    "We cannot tell which option does better: one repetition gives no interval, and so no answer. "
    "Play it again with more repetitions (--replications)."
)

Kind = Literal["best", "tied", "cannot_tell", "worse", "no_comparison", "aeds"]


def answer(
    facts: StudyFacts,
    policies: Sequence[PolicySummary],
    comparisons: Sequence[Comparison],
    between: Sequence[Comparison],
    groups: Sequence[GroupSet] = (),
    options: Sequence[OptionSummary] = (),
) -> Answer:
    """The answer of a study. ``policies[0]`` is the comparator."""
    study = AnswerStudy(facts, policies, comparisons, between)
    if facts.replications == 1 and _differ(study):
        return Answer("cannot_tell", ONE_REPETITION, "", ())
    if facts.differ_in_means and options and study.options and study.survivors:
        return of_means(study, options)
    if facts.answer == "aeds" and study.options and study.survivors:
        return _of_aeds(study, groups)
    if not study.options or not study.survivors:
        return _alone(policies[0])
    kind, sentence, leading = _benefit(study)
    figures = (
        extra_figure(study, _other_models(study)),
        _reach_figure(study),
        _wakes_figure(study),
    )
    return Answer(kind, sentence, _load(study, leading), figures)


def _differ(study: AnswerStudy) -> bool:
    """Whether any option has other survivors than the comparator."""
    return bool(study.survivors) and any(study.extra(o).verdict != "same" for o in study.options)


def _alone(policy: PolicySummary) -> Answer:
    reached = policy.measures["trained_hands_within_480_s"]
    sentence = (
        f"{policy.name}: {words.ranged(reached, scale=100, most=1)} of 100 arrests have trained "
        "hands within 8 min. Nothing was compared."
    )
    return Answer("no_comparison", sentence, "", ())


# --- which option has more survivors expected ----------------------------------------------------


def _benefit(study: AnswerStudy) -> tuple[Kind, str, list[str]]:
    """Kind, sentence, and the options that lead (not told apart from the best)."""
    gains = [o for o in study.options if study.extra(o).verdict == "higher"]
    if not gains:
        return _no_gain(study)
    best = max(gains, key=lambda option: study.extra(option).value or 0.0)
    level = [o for o in study.options if o == best or not _clear(study, best, o)]
    adding = [o for o in level if o in gains]
    if len(adding) > 1:
        return "tied", _tied(study, adding), adding
    name, much = study.names[best], study.much([best], compared=False)
    if len(level) > 1:
        others = words.listed([study.names[o] for o in level if o != best])
        sentence = (
            f"{name} does better than {study.baseline}: {much}. Whether {others} "
            f"{'does' if len(level) == TWO else 'do'} as well, we cannot tell."
        )
        return "tied", sentence, level
    if len(study.options) > 1:
        return "best", f"{name} is best of those tried: {study.much([best])}.", [best]
    return "best", f"{name} does better than {study.baseline}: {much}.", [best]


def _clear(study: AnswerStudy, a: str, b: str) -> bool:
    return study.between(a, b, study.survivors).verdict in ("higher", "lower")


def _tied(study: AnswerStudy, adding: list[str]) -> str:
    which = "more" if len(adding) == TWO else "most"
    return (
        f"{_named(study, adding)} do better than {study.baseline}: "
        f"{study.much(adding, compared=False)}. Which of them adds {which}, we cannot tell."
    )


def _named(study: AnswerStudy, some: list[str], *, starts: bool = True) -> str:
    """``Both options``, ``All five options``, two by name, ``Four of the five options``."""
    total = len(study.options)
    if len(some) == total:
        all_ = "both options" if total == TWO else f"all {words.spelled(total)} options"
        return f"{all_[:1].upper()}{all_[1:]}" if starts else all_
    if len(some) == TWO:
        return words.listed([study.names[o] for o in some])
    number = words.spelled(len(some))
    number = f"{number[:1].upper()}{number[1:]}" if starts else number
    return f"{number} of the {words.spelled(total)} options"


def _no_gain(study: AnswerStudy) -> tuple[Kind, str, list[str]]:
    options = study.options
    one = len(options) == 1
    if all(study.extra(o).verdict == "same" for o in options):
        subject = "The option changes" if one else "The options change"
        sentence = f"{subject} nothing: every arrest went as with {study.baseline}."
        return "cannot_tell", sentence, options
    name = study.names[options[0]]
    if all(study.extra(o).verdict == "lower" for o in options):
        subject = f"{name} does worse" if one else "Every option does worse"
        return (
            "worse",
            f"{subject} than {study.baseline}: {study.much(options, compared=False)}.",
            options,
        )
    sooner = [o for o in options if study.against[o][HANDS].verdict == "higher"]
    if sooner:
        sentence, told = _sooner_only(study, sooner)
        return "cannot_tell", sentence, told
    several = "either option" if len(options) == TWO else "any of the options"
    asked = name if one else several
    much = study.much(options, compared=False)
    sentence = f"We cannot tell whether {asked} does better than {study.baseline}: {much}."
    return "cannot_tell", sentence, options


def _sooner_only(study: AnswerStudy, sooner: list[str]) -> tuple[str, list[str]]:
    """Survivors cannot be told apart, but the time to trained hands can: sentence and options."""
    first = max(sooner, key=lambda o: study.measures[o][HANDS].value or 0.0)
    told = [o for o in sooner if o == first or study.between(first, o, HANDS).verdict != "higher"]
    sentence = (
        f"With {_reached_with(study, told)} more of 100 arrests have trained hands within 8 min "
        f"than with {study.baseline}. Whether {'it adds' if len(told) == 1 else 'they add'} "
        "survivors, we cannot tell."
    )
    return sentence, told


def _reached_with(study: AnswerStudy, told: list[str]) -> str:
    """``A, 4 to 10``; two after each other; the ranges of more are put together, and it is said."""
    found = {option: study.against[option][HANDS] for option in told}
    if len(told) > TWO:
        low, high = (
            min(d.low or 0.0 for d in found.values()),
            max(d.high or 0.0 for d in found.values()),
        )
        both = words.span(low, high, scale=100, most=1)
        return f"{_named(study, told, starts=False)}, {both} (their ranges put together)"
    parts = [
        f"{study.names[option]}, {words.ranged(change, scale=100, most=1)}"
        for option, change in found.items()
    ]
    return ", and with ".join(parts)


# --- what it asks of people ----------------------------------------------------------------------


def _load(study: AnswerStudy, leading: list[str]) -> str:
    """What the benefit asks of people; among equals, who is sooner and who asks fewer."""
    if len(leading) == 1:
        return _load_of_best(study, leading[0])
    lightest = min(leading, key=lambda o: study.measures[o][ASKED].value or 0.0)
    first = max(leading, key=lambda o: study.measures[o][HANDS].value or 0.0)
    if first != lightest and study.between(first, lightest, HANDS).verdict == "higher":
        more = study.between(first, lightest, HANDS)
        gain = words.change(more, "more", "fewer", scale=100, most=1)
        return (
            f"With {study.names[first]}, {gain} of 100 arrests have trained hands within 8 min "
            f"than with {study.names[lightest]}. {_price(study, first, lightest)}"
        )
    heavier = [
        o for o in leading if o != lightest and study.between(lightest, o, ASKED).verdict == "lower"
    ]
    if not heavier:
        return "Which of them asks less of the volunteers, we cannot tell either."
    most = max(heavier, key=lambda o: study.measures[o][ASKED].value or 0.0)
    others = "the other" if len(leading) == TWO else "any other"
    if len(heavier) == len(leading) - 1:
        lead = f"{study.names[lightest]} asks {'fewer' if len(leading) == TWO else 'fewest'} people"
    else:
        lead = f"{study.names[lightest]} asks fewer people than {study.names[most]}"
    tail = f", and we cannot tell that {others} brings trained hands sooner."
    return f"{lead}{tail} {_per_call(study, lightest, most, named=True)}"


def _price(study: AnswerStudy, option: str, other: str) -> str:
    """What the sooner one asks, beside what the other one asks."""
    _, each = study.wakes
    return (
        f"For that it asks {_asked(study, option)} people per call instead of "
        f"{_asked(study, other)}, and wakes each volunteer {_wakes(study, option)} times a {each} "
        f"at night instead of {_wakes(study, other)}."
    )


def _per_call(study: AnswerStudy, option: str, other: str, *, named: bool = False) -> str:
    """What two options ask; ``named``: the sentence before speaks of more than one."""
    _, each = study.wakes
    who = study.names[option] if named else "It"
    return (
        f"{who} asks {_asked(study, option)} people per call and wakes each volunteer "
        f"{_wakes(study, option)} times a {each} at night; {study.names[other]} asks "
        f"{_asked(study, other)} and wakes {_wakes(study, other)}."
    )


def _load_of_best(study: AnswerStudy, option: str) -> str:
    lighter = [
        other
        for other in study.options
        if other != option and study.between(other, option, ASKED).verdict == "lower"
    ]
    if lighter:
        other = min(lighter, key=lambda o: study.measures[o][ASKED].value or 0.0)
        return _per_call(study, option, other)
    _, each = study.wakes
    return (
        f"It asks {_asked(study, option)} people per call and wakes each volunteer "
        f"{_wakes(study, option)} times a {each} at night."
    )


def _asked(study: AnswerStudy, option: str) -> str:
    return words.ranged(study.measures[option][ASKED], most=1)


def _wakes(study: AnswerStudy, option: str) -> str:
    months, _ = study.wakes
    wakes = study.measures[option][WAKES]
    return words.ranged(wakes, scale=months, most=2)


# --- AEDs by day and by night --------------------------------------------------------------------


def _of_aeds(study: AnswerStudy, groups: Sequence[GroupSet]) -> Answer:
    split = next(item for item in groups if item.kind == "time_of_day")
    measure = split.measures[AED_FIRST]
    best = max(study.options, key=lambda o: study.measures[o][AED_FIRST].value or 0.0)
    day, night = (words.ranged(item, scale=100.0, most=1) for item in measure.estimates[best])
    used = (
        f"with {study.names[best]} one is attached before the ambulance comes at {day} "
        f"of 100 arrests by day and {night} at night"
    )
    if study.against[best][AED_FIRST].verdict not in ("higher", "lower"):
        used = f"whether any option brings one sooner, we cannot tell: {used}"
    aeds = study.facts.aeds
    lead = (
        f"{aeds.by_day} of {aeds.public} AEDs can be counted on by day and {aeds.by_night} at night"
        if aeds
        else "No public AED is known here"
    )
    figures = (
        _by_time(study, measure, 0, "by day"),
        _by_time(study, measure, 1, "at night"),
        extra_figure(study, _other_models(study)),
    )
    return Answer("aeds", f"{lead}; {used}.", _load(study, [best]), figures)


def _by_time(study: AnswerStudy, measure: GroupMeasure, index: int, when: str) -> AnswerFigure:
    def told(policy: str) -> str:
        return words.ranged(measure.estimates[policy][index], scale=100.0, most=1)

    rows = tuple(
        AnswerRow(
            option,
            told(option),
            measure.differences[option][index].verdict in ("higher", "lower"),
        )
        for option in study.options
    )
    baseline = study.facts.baseline.id
    return AnswerFigure(
        AED_FIRST,
        f"Of 100 arrests {when}, an AED is attached before the ambulance at",
        rows,
        f"{study.baseline}: {told(baseline)}.",
    )


# --- the three figures ---------------------------------------------------------------------------


def _other_models(study: AnswerStudy) -> str:
    """What the leading option adds under the other models: the choice of model is part of it."""
    best = max(study.options, key=lambda option: study.extra(option).value or 0.0)
    parts = [
        f" Under {model.title}, {study.names[best]}: "
        f"{words.ranged(study.against[best][key], scale=study.period.years)}."
        for model in study.facts.outcomes[1:]
        if (key := f"survivors_per_year_{model.name}") in study.against[best]
    ]
    return "".join(parts)


def _reach_figure(study: AnswerStudy) -> AnswerFigure:
    rows = tuple(
        AnswerRow(
            option,
            study.reached(option, HANDS),
            study.against[option][HANDS].verdict in ("higher", "lower"),
        )
        for option in study.options
    )
    return AnswerFigure(
        HANDS,
        f"Trained hands within 8 min, of 100 arrests, against {study.baseline}",
        rows,
        f"{study.baseline}: {_of_baseline(study, HANDS, 100.0)}.",
    )


def _wakes_figure(study: AnswerStudy) -> AnswerFigure:
    months, each = study.wakes
    return AnswerFigure(
        WAKES,
        f"Night wakes of one volunteer in a {each}",
        _rows(study, WAKES, months),
        f"{study.baseline}: {_of_baseline(study, WAKES, months)}.",
    )


def _rows(study: AnswerStudy, measure: str, scale: float) -> tuple[AnswerRow, ...]:
    return tuple(
        AnswerRow(
            option,
            words.ranged(study.measures[option][measure], scale=scale, most=2),
            study.against[option][measure].verdict in ("higher", "lower"),
        )
        for option in study.options
    )


def _of_baseline(study: AnswerStudy, measure: str, scale: float) -> str:
    item: Estimate = study.measures[study.facts.baseline.id][measure]
    most = 1 if scale == 100.0 else 2
    return "none" if not item.value else words.ranged(item, scale=scale, most=most)
