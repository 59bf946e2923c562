"""What the sentences of an answer look up: names, measures, differences of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from scenarios.metrics import words
from scenarios.metrics.facts import StudyFacts
from scenarios.metrics.intervals import Difference
from scenarios.metrics.shape import Comparison, PolicySummary

WAKES = "night_wakes_per_volunteer_month"
HANDS = "trained_hands_within_480_s"
DECADE = 10.0  # rarer than one in these years, the sentence says how many years one takes
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

    def extra_words(self, option: str) -> str:
        """``0.8 to 1.6`` in the study's period."""
        return words.ranged(self.extra(option), scale=self.period.years)

    def much(self, options: Sequence[str], *, compared: bool = True) -> str:
        """The extra survivors of one or more options together, over which time, in which place."""
        extras = [self.extra(option) for option in options]
        people = self.facts.population
        among = "" if people is None else f" among {words.count(float(f'{people:.3g}'))} people"
        tail = f"{among}, compared with {self.baseline}" if compared else among
        lows, highs = [e.low for e in extras], [e.high for e in extras]
        if None in lows or None in highs:  # a single repetition
            said = words.listed([self.extra_words(option) for option in options])
            return f"{said} extra survivors expected {self.period.words}{tail}"
        low, high = min(x or 0.0 for x in lows), max(x or 0.0 for x in highs)
        if low > 0.0 and self.period.years > DECADE:
            years = words.span(1 / high, 1 / low, most=0)
            return f"one extra survivor expected in {years} years{tail}"
        both = Difference(low, low, high, verdict="cannot_tell")
        change = words.change(both, "more", "fewer", scale=self.period.years)
        if low >= 0.0:
            change = f"{change.removesuffix(' more')} extra"
        return f"{change} survivors expected {self.period.words}{tail}"

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
