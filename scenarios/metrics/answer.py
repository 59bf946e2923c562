"""The answer in one sentence, with a range, or that it cannot be told; and three figures.

The sentence has two halves, because a rule for waking people is judged on both: which option has
more survivors expected (first outcome model), and which of those that cannot be told apart asks
less of the volunteers. Whatever touches zero is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from scenarios.metrics import words
from scenarios.metrics.facts import StudyFacts
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
        self.titles = {policy.id: policy.title for policy in policies}
        self.measures = {policy.id: policy.measures for policy in policies}
        self.options = [policy.id for policy in policies[1:]]
        self.against = {item.policy: item.differences for item in comparisons}
        self._between = {(item.policy, item.against): item.differences for item in between}
        self.survivors = f"survivors_per_year_{facts.outcomes[0].name}" if facts.outcomes else ""
        largest = max(
            (abs(end or 0.0) for o in self.options for end in self._ends(self._extra(o))),
            default=0.0,
        )
        self.period = words.period(largest)

    def _extra(self, option: str) -> Difference:
        return self.against[option].get(self.survivors, Difference(None))

    @staticmethod
    def _ends(item: Difference) -> tuple[float | None, float | None, float | None]:
        return item.value, item.low, item.high

    def extra(self, option: str) -> Difference:
        """Extra survivors a year of an option against the comparator."""
        return self._extra(option)

    def extra_words(self, option: str) -> str:
        """``0.8 to 1.6`` in the study's period."""
        return words.ranged(self.extra(option), scale=self.period.years)

    def between(self, a: str, b: str, measure: str) -> Difference:
        """Option a minus option b."""
        if (a, b) in self._between:
            return self._between[a, b][measure]
        found = self._between[b, a][measure]
        flipped = {"higher": "lower", "lower": "higher"}.get(found.verdict, found.verdict)
        return Difference(
            None if found.value is None else -found.value,
            None if found.high is None else -found.high,
            None if found.low is None else -found.low,
            found.p,
            found.p_holm,
            flipped,  # type: ignore[arg-type]
        )

    def title(self, policy: str) -> str:
        return self.titles[policy]

    @property
    def baseline(self) -> str:
        return self.titles[self.facts.baseline.id]


def answer(
    facts: StudyFacts,
    policies: Sequence[PolicySummary],
    comparisons: Sequence[Comparison],
    between: Sequence[Comparison],
) -> Answer:
    """The answer of a study. ``policies[0]`` is the comparator."""
    study = _Study(facts, policies, comparisons, between)
    if not study.options or not study.survivors:
        return _alone(policies[0])
    kind, sentence, leading = _benefit(study)
    return Answer(kind, sentence, _load(study, leading), _figures(study))


def _alone(policy: PolicySummary) -> Answer:
    reached = policy.measures["trained_hands_within_480_s"]
    sentence = (
        f"{policy.title}: {words.of_hundred(reached, noun='arrests')} have trained hands within "
        "8 min. Nothing was compared."
    )
    return Answer("no_comparison", sentence, "", ())


Kind = Literal["best", "tied", "cannot_tell", "worse", "no_comparison"]


def _benefit(study: _Study) -> tuple[Kind, str, list[str]]:
    """Kind, sentence, and the options that lead (not told apart from the best)."""
    gains = [o for o in study.options if study.extra(o).verdict == "higher"]
    when = study.period.words
    if not gains:
        return _no_gain(study, when)
    best = max(gains, key=lambda option: study.extra(option).value or 0.0)
    tied = [
        option
        for option in study.options
        if option == best
        or study.between(best, option, study.survivors).verdict in ("cannot_tell", "same")
    ]
    if len(tied) == 1:
        lead = "does best of those tried" if len(study.options) > 1 else "does better"
        text = (
            f"{study.title(best)} {lead}: {study.extra_words(best)} extra survivors expected "
            f"{when}, compared with {study.baseline}."
        )
        return "best", text, [best]
    names = words.listed([study.title(o) for o in tied])
    ranges = words.listed([study.extra_words(o) for o in tied])
    text = (
        f"{names} add {ranges} extra survivors expected {when}, compared with {study.baseline}. "
        f"Which of them adds more, we cannot tell."
    )
    return "tied", text, tied


def _no_gain(study: _Study, when: str) -> tuple[Kind, str, list[str]]:
    worse = [o for o in study.options if study.extra(o).verdict == "lower"]
    parts = [f"{study.title(o)} {study.extra_words(o)}" for o in study.options]
    if len(worse) == len(study.options):
        text = (
            f"None of the options does better than {study.baseline}: extra survivors expected "
            f"{when}, {'; '.join(parts)}."
        )
        return "worse", text, study.options
    every = "this option does" if len(study.options) == 1 else "any of the options does"
    text = (
        f"We cannot tell whether {every} better than {study.baseline}. Extra survivors expected "
        f"{when}: {'; '.join(parts)}."
    )
    return "cannot_tell", text, study.options


def _load(study: _Study, leading: list[str]) -> str:
    """Which of the leading options asks less of people, or what the single one asks."""
    if len(leading) == 1:
        return _load_of_one(study, leading[0])
    lightest = min(leading, key=lambda o: study.measures[o]["asked_per_call"].value or 0.0)
    others = [o for o in leading if o != lightest]
    parts = []
    for other in others:
        fewer = study.between(lightest, other, "asked_per_call")
        if fewer.verdict != "lower":
            continue
        less = words.change(fewer, "more", "fewer")
        parts.append(f"{less} people asked per call than {study.title(other)}")
    if not parts:
        return "Which of them asks less of the volunteers, we cannot tell either."
    return f"{study.title(lightest)} asks less: {words.listed(parts)}."


def _load_of_one(study: _Study, option: str) -> str:
    asked = study.measures[option]["asked_per_call"]
    return f"It asks {words.ranged(asked)} people per call, false alarms included."


def _figures(study: _Study) -> tuple[AnswerFigure, ...]:
    return (_extra_figure(study), _reach_figure(study), _wakes_figure(study))


def _extra_figure(study: _Study) -> AnswerFigure:
    rows = []
    for option in study.options:
        extra = study.extra(option)
        clear = extra.verdict in ("higher", "lower")
        text = words.ranged(extra, scale=study.period.years)
        if extra.verdict == "same":
            text = "no difference"
        elif not clear:
            text = f"cannot tell ({text})"
        rows.append(AnswerRow(option, text, clear))
    model = study.facts.outcomes[0]
    now = study.measures[study.facts.baseline.id][study.survivors]
    return AnswerFigure(
        study.survivors,
        f"Extra survivors expected {study.period.words}",
        tuple(rows),
        f"{study.baseline}: {words.ranged(now, scale=study.period.years)} survivors expected "
        f"{study.period.words} ({model.title})",
    )


def _reach_figure(study: _Study) -> AnswerFigure:
    return AnswerFigure(
        VOLUNTEER_FIRST,
        "Of 100 arrests, a volunteer is there before the ambulance at",
        tuple(
            AnswerRow(
                option,
                words.ranged(study.measures[option][VOLUNTEER_FIRST], scale=100.0, most=1),
                study.against[option][VOLUNTEER_FIRST].verdict in ("higher", "lower"),
            )
            for option in study.options
        ),
        f"{study.baseline}: {_of_baseline(study, VOLUNTEER_FIRST, 100.0)}",
    )


def _wakes_figure(study: _Study) -> AnswerFigure:
    largest = max(study.measures[o][WAKES].high or 0.0 for o in study.options)
    months, each = (1.0, "month") if largest >= 0.5 else (12.0, "year")
    return AnswerFigure(
        WAKES,
        f"Night wakes of one volunteer in a {each}",
        tuple(
            AnswerRow(
                option,
                words.ranged(study.measures[option][WAKES], scale=months),
                study.against[option][WAKES].verdict in ("higher", "lower"),
            )
            for option in study.options
        ),
        f"{study.baseline}: {_of_baseline(study, WAKES, months)}",
    )


def _of_baseline(study: _Study, measure: str, scale: float) -> str:
    item: Estimate = study.measures[study.facts.baseline.id][measure]
    return "none" if not item.value else words.ranged(item, scale=scale, most=2)
