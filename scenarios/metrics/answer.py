"""The answer in one sentence, with a range, or that it cannot be told; and three figures.

The answer has two halves, because a rule for waking people is judged on both: which option has
more survivors expected (first outcome model), and what it asks of the volunteers. Whatever touches
zero is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from scenarios.metrics import words
from scenarios.metrics.facts import StudyFacts
from scenarios.metrics.groups import GroupMeasure, GroupSet
from scenarios.metrics.intervals import Difference, Estimate
from scenarios.metrics.shape import (
    Answer,
    AnswerFigure,
    AnswerRow,
    Comparison,
    PolicySummary,
)

WAKES = "night_wakes_per_volunteer_month"
VOLUNTEER_FIRST = "volunteer_before_ambulance"
AED_FIRST = "aed_before_ambulance"
ASKED = "asked_per_call"
MONTHLY_WAKES = 0.5  # from here on wakes are told by the month, below by the year
TWO = 2

Kind = Literal["best", "tied", "cannot_tell", "worse", "no_comparison", "aeds"]
_FLIPPED: dict[str, Literal["higher", "lower"]] = {"higher": "lower", "lower": "higher"}


class _Study:
    """Look-ups that the sentences need."""

    def __init__(
        self,
        facts: StudyFacts,
        policies: Sequence[PolicySummary],
        comparisons: Sequence[Comparison],
        between: Sequence[Comparison],
    ) -> None:
        self.facts = facts
        self.names = {policy.id: policy.name for policy in policies}
        self.measures = {policy.id: policy.measures for policy in policies}
        self.options = [policy.id for policy in policies[1:]]
        self.against = {item.policy: item.differences for item in comparisons}
        self._between = {(item.policy, item.against): item.differences for item in between}
        self.survivors = f"survivors_per_year_{facts.outcomes[0].name}" if facts.outcomes else ""
        ends = [abs(end) for o in self.options for end in _ends(self.extra(o)) if end is not None]
        self.period = words.period(max(ends, default=0.0))

    def extra(self, option: str) -> Difference:
        """Extra survivors a year of an option against the comparator."""
        return self.against[option].get(self.survivors, Difference(None))

    def extra_words(self, option: str) -> str:
        """``0.8 to 1.6`` in the study's period."""
        return words.ranged(self.extra(option), scale=self.period.years)

    def between(self, a: str, b: str, measure: str) -> Difference:
        """Option a minus option b."""
        if (a, b) in self._between:
            return self._between[a, b][measure]
        found = self._between[b, a][measure]
        return Difference(
            None if found.value is None else -found.value,
            None if found.high is None else -found.high,
            None if found.low is None else -found.low,
            found.p,
            found.p_holm,
            _FLIPPED.get(found.verdict, found.verdict),
        )

    @property
    def baseline(self) -> str:
        """Name of the comparator."""
        return self.names[self.facts.baseline.id]

    @property
    def wakes(self) -> tuple[float, str]:
        """Months that night wakes are told for, and the word for them."""
        largest = max((self.measures[o][WAKES].value or 0.0 for o in self.options), default=0.0)
        return (1.0, "month") if largest >= MONTHLY_WAKES else (12.0, "year")


def _ends(item: Difference) -> tuple[float | None, float | None, float | None]:
    return item.value, item.low, item.high


def answer(
    facts: StudyFacts,
    policies: Sequence[PolicySummary],
    comparisons: Sequence[Comparison],
    between: Sequence[Comparison],
    groups: Sequence[GroupSet] = (),
) -> Answer:
    """The answer of a study. ``policies[0]`` is the comparator."""
    study = _Study(facts, policies, comparisons, between)
    if facts.answer == "aeds" and study.options and study.survivors:
        return _of_aeds(study, groups)
    if not study.options or not study.survivors:
        return _alone(policies[0])
    kind, sentence, leading = _benefit(study)
    figures = (_extra_figure(study), _reach_figure(study), _wakes_figure(study))
    return Answer(kind, sentence, _load(study, leading), figures)


def _alone(policy: PolicySummary) -> Answer:
    reached = policy.measures["trained_hands_within_480_s"]
    sentence = (
        f"{policy.name}: {words.ranged(reached, scale=100, most=1)} of 100 arrests have trained "
        "hands within 8 min. Nothing was compared."
    )
    return Answer("no_comparison", sentence, "", ())


# --- which option has more survivors expected ----------------------------------------------------


def _benefit(study: _Study) -> tuple[Kind, str, list[str]]:
    """Kind, sentence, and the options that lead (not told apart from the best)."""
    gains = [o for o in study.options if study.extra(o).verdict == "higher"]
    if not gains:
        return _no_gain(study)
    best = max(gains, key=lambda option: study.extra(option).value or 0.0)
    tied = [o for o in study.options if o == best or not _clear(study, best, o)]
    if len(tied) > 1:
        return "tied", _tied(study, tied), tied
    lead = "does best of those tried" if len(study.options) > 1 else "does better"
    sentence = (
        f"{study.names[best]} {lead}: {study.extra_words(best)} extra survivors expected "
        f"{study.period.words}, compared with {study.baseline}."
    )
    return "best", sentence, [best]


def _clear(study: _Study, a: str, b: str) -> bool:
    return study.between(a, b, study.survivors).verdict in ("higher", "lower")


def _tied(study: _Study, tied: list[str]) -> str:
    when = study.period.words
    names = words.listed([study.names[o] for o in tied])
    if len(tied) > TWO:
        low = min(study.extra(o).low or 0.0 for o in tied)
        high = max(study.extra(o).high or 0.0 for o in tied)
        return (
            f"{names} add survivors, and which adds most we cannot tell: "
            f"{words.span(low, high, scale=study.period.years)} extra expected {when}, compared "
            f"with {study.baseline}."
        )
    both = "Both options add" if len(study.options) == TWO else f"{names} add most"
    first, second = tied
    if study.extra_words(first) == study.extra_words(second):
        return (
            f"{both} survivors, and which of them adds more we cannot tell: with either "
            f"{study.extra_words(first)} extra expected {when}, compared with {study.baseline}."
        )
    return (
        f"{both} survivors, and which of them adds more we cannot tell: "
        f"{study.extra_words(first)} extra expected {when} with {study.names[first]}, "
        f"{study.extra_words(second)} with {study.names[second]}, compared with {study.baseline}."
    )


def _no_gain(study: _Study) -> tuple[Kind, str, list[str]]:
    parts = "; ".join(f"{study.names[o]} {study.extra_words(o)}" for o in study.options)
    told = f"extra survivors expected {study.period.words}: {parts}."
    if all(study.extra(o).verdict == "same" for o in study.options):
        one = "The option changes" if len(study.options) == 1 else "The options change"
        sentence = f"{one} nothing: every arrest went as with {study.baseline}."
        return "cannot_tell", sentence, study.options
    if all(study.extra(o).verdict == "lower" for o in study.options):
        sentence = f"None of the options does better than {study.baseline}; {told}"
        return "worse", sentence, study.options
    every = "this option does" if len(study.options) == 1 else "any of the options does"
    sentence = f"We cannot tell whether {every} better than {study.baseline}; {told}"
    return "cannot_tell", sentence, study.options


# --- what it asks of people ----------------------------------------------------------------------


def _load(study: _Study, leading: list[str]) -> str:
    if len(leading) == 1:
        return _load_of_best(study, leading[0])
    lightest = min(leading, key=lambda o: study.measures[o][ASKED].value or 0.0)
    heavier = [
        o for o in leading if o != lightest and study.between(lightest, o, ASKED).verdict == "lower"
    ]
    if not heavier:
        return "Which of them asks less of the volunteers, we cannot tell either."
    best = max(heavier, key=lambda o: study.measures[o][VOLUNTEER_FIRST].value or 0.0)
    more = study.between(best, lightest, ASKED)
    asks = f"asks {words.change(more, 'more', 'fewer', most=1)} people per call"
    sooner = study.between(best, lightest, VOLUNTEER_FIRST)
    if sooner.verdict != "higher":
        return (
            f"{study.names[best]} {asks} than {study.names[lightest]}, and we cannot tell that a "
            "volunteer is there first more often."
        )
    gain = words.change(sooner, "more", "fewer", scale=100, most=1)
    return (
        f"With {study.names[best]} a volunteer is there before the ambulance at {gain} of 100 "
        f"arrests than with {study.names[lightest]}; for that it {asks}."
    )


def _load_of_best(study: _Study, option: str) -> str:
    asked = words.ranged(study.measures[option][ASKED], most=1)
    _, each = study.wakes
    wakes = _wakes(study, option)
    text = f"It asks {asked} people per call and wakes each volunteer {wakes} times a {each}"
    lighter = [
        other
        for other in study.options
        if other != option and study.between(other, option, ASKED).verdict == "lower"
    ]
    if not lighter:
        return f"{text} at night."
    other = min(lighter, key=lambda o: study.measures[o][ASKED].value or 0.0)
    fewer = words.ranged(study.measures[other][ASKED], most=1)
    return f"{text} at night; {study.names[other]} asks {fewer} and wakes {_wakes(study, other)}."


def _wakes(study: _Study, option: str) -> str:
    months, _ = study.wakes
    wakes = study.measures[option][WAKES]
    return words.ranged(wakes, scale=months, most=1 if (wakes.value or 0.0) * months >= 1 else 2)


# --- AEDs by day and by night --------------------------------------------------------------------


def _of_aeds(study: _Study, groups: Sequence[GroupSet]) -> Answer:
    split = next(item for item in groups if item.kind == "time_of_day")
    measure = split.measures[AED_FIRST]
    best = max(study.options, key=lambda o: study.measures[o][AED_FIRST].value or 0.0)
    day, night = (words.ranged(item, scale=100.0, most=1) for item in measure.estimates[best])
    used = (
        f"with the rule {study.names[best]} one is attached before the ambulance comes at {day} "
        f"of 100 arrests by day and {night} at night"
    )
    if study.against[best][AED_FIRST].verdict not in ("higher", "lower"):
        used = f"that volunteers fetch them, we cannot tell from any option: {used}"
    aeds = study.facts.aeds
    lead = (
        f"{aeds.by_day} of {aeds.public} AEDs can be counted on by day and {aeds.by_night} at night"
        if aeds
        else "No public AED is known here"
    )
    figures = (
        _by_time(study, measure, 0, "by day"),
        _by_time(study, measure, 1, "at night"),
        _extra_figure(study),
    )
    return Answer("aeds", f"{lead}; {used}.", _load(study, [best]), figures)


def _by_time(study: _Study, measure: GroupMeasure, index: int, when: str) -> AnswerFigure:
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


def _extra_figure(study: _Study) -> AnswerFigure:
    rows = []
    for option in study.options:
        extra = study.extra(option)
        text = study.extra_words(option)
        clear = extra.verdict in ("higher", "lower")
        if extra.verdict == "same":
            text = "no difference"
        elif not clear:
            text = f"cannot tell ({text})"
        rows.append(AnswerRow(option, text, clear))
    now = study.measures[study.facts.baseline.id][study.survivors]
    return AnswerFigure(
        study.survivors,
        f"Extra survivors expected {study.period.words}",
        tuple(rows),
        f"Compared with {study.baseline}: {words.ranged(now, scale=study.period.years)} survivors "
        f"expected {study.period.words} ({study.facts.outcomes[0].title}).{_other_models(study)}",
    )


def _other_models(study: _Study) -> str:
    """What the leading option adds under the other models: the choice of model is part of it."""
    best = max(study.options, key=lambda option: study.extra(option).value or 0.0)
    parts = [
        f" Under {model.title}, {study.names[best]}: "
        f"{words.ranged(study.against[best][key], scale=study.period.years)}."
        for model in study.facts.outcomes[1:]
        if (key := f"survivors_per_year_{model.name}") in study.against[best]
    ]
    return "".join(parts)


def _reach_figure(study: _Study) -> AnswerFigure:
    return AnswerFigure(
        VOLUNTEER_FIRST,
        "Of 100 arrests, a volunteer is there before the ambulance at",
        _rows(study, VOLUNTEER_FIRST, 100.0),
        f"{study.baseline}: {_of_baseline(study, VOLUNTEER_FIRST, 100.0)}.",
    )


def _wakes_figure(study: _Study) -> AnswerFigure:
    months, each = study.wakes
    return AnswerFigure(
        WAKES,
        f"Night wakes of one volunteer in a {each}",
        _rows(study, WAKES, months),
        f"{study.baseline}: {_of_baseline(study, WAKES, months)}.",
    )


def _rows(study: _Study, measure: str, scale: float) -> tuple[AnswerRow, ...]:
    return tuple(
        AnswerRow(
            option,
            words.ranged(study.measures[option][measure], scale=scale, most=2, part=0.6),
            study.against[option][measure].verdict in ("higher", "lower"),
        )
        for option in study.options
    )


def _of_baseline(study: _Study, measure: str, scale: float) -> str:
    item: Estimate = study.measures[study.facts.baseline.id][measure]
    return "none" if not item.value else words.ranged(item, scale=scale, most=2)
