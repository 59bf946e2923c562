"""What the sentences of an answer look up: names, measures, differences of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from scenarios.metrics import words
from scenarios.metrics.facts import StudyFacts
from scenarios.metrics.intervals import Difference
from scenarios.metrics.shape import AnswerFigure, AnswerRow, Comparison, PolicySummary

WAKES = "night_wakes_per_volunteer_month"
HANDS = "trained_hands_within_480_s"
CLEAR = ("higher", "lower")  # verdicts that take a side
EACH = 2  # so many options are told one after the other
MONTHLY_WAKES = 0.5  # from here on wakes are told by the month, below by the year
_FLIPPED: dict[str, Literal["higher", "lower"]] = {"higher": "lower", "lower": "higher"}


class AnswerStudy:
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

    def reached(self, option: str, measure: str) -> str:
        """``4 to 10 more (54 to 63)``: the paired difference of a share, and its level."""
        more = self.against[option].get(measure, Difference(None))
        level = words.ranged(self.measures[option][measure], scale=100.0, most=1)
        said = words.change(more, "more", "fewer", scale=100.0, most=1)
        unclear = more.verdict == "cannot_tell" and more.low is not None
        return f"{'cannot tell: ' if unclear else ''}{said} ({level})"

    def extra_words(self, option: str) -> str:
        """``0.8 to 1.6`` in the study's period."""
        return words.ranged(self.extra(option), scale=self.period.years)

    def much(self, options: Sequence[str], *, compared: bool = True) -> str:
        """The extra survivors of one or more options, over the period and unit of the figures.

        Two options are told one after the other; the ranges of more are put together, and the
        sentence says so.
        """
        people = self.facts.population
        among = "" if people is None else f" among {words.count(float(f'{people:.3g}'))} people"
        tail = f"{among}, compared with {self.baseline}" if compared else among
        extras = [self.extra(option) for option in options]
        lows, highs = [e.low for e in extras], [e.high for e in extras]
        if len(options) <= EACH or None in lows or None in highs:
            first, *others = [self._more(extra) for extra in extras]
            told = f"{first} survivors expected {self.period.words}"
            if not others:
                return f"{told}{tail}"
            told = f"{told} with {self.names[options[0]]}"
            rest = [
                f"{more.removesuffix(' extra')} with {self.names[option]}"
                for more, option in zip(others, options[1:], strict=True)
            ]
            comma = "," if among else ""
            return f"{words.listed([told, *rest])}{comma}{tail}"
        low, high = min(x or 0.0 for x in lows), max(x or 0.0 for x in highs)
        both = self._more(Difference(low, low, high))
        return f"{both} survivors expected {self.period.words} (their ranges put together){tail}"

    def _more(self, extra: Difference) -> str:
        """``1 to 7 extra``, ``1 fewer to 4 more``."""
        said = words.change(extra, "more", "fewer", scale=self.period.years)
        if said.endswith(" more") and "fewer" not in said:
            return f"{said.removesuffix(' more')} extra"
        return f"{said} extra" if said == "no difference" else said

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


def extra_figure(study: AnswerStudy, more: str = "") -> AnswerFigure:
    """Extra survivors of every option against the first; ``more`` ends the note."""
    rows = []
    for option in study.options:
        extra = study.extra(option)
        clear = extra.verdict in CLEAR
        text = study.extra_words(option)
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
        f"expected {study.period.words} ({study.facts.outcomes[0].title}).{more}",
    )
