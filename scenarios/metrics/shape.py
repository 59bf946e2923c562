"""The shape of ``summary.json``.

The shape is a public face: keys are added, never renamed, and ``format_version`` grows when one
changes its meaning. Times are seconds, shares 0..1; a missing number is null. An estimate is
``{value, low, high}`` with a 95 % interval over replications; a difference is always option minus
comparator (the first policy), paired by arrest, and carries a verdict.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from scenarios.air_summary import AirSummary
from scenarios.back_cast import BackCast
from scenarios.demand_fit import DemandFit
from scenarios.metrics.curves import Curve
from scenarios.metrics.facts import AedFacts
from scenarios.metrics.groups import GroupSet
from scenarios.metrics.intervals import CONFIDENCE, Difference, Estimate
from scenarios.metrics.means import OptionSummary
from scenarios.metrics.measures import Measure
from scenarios.row_use import RowUse
from scenarios.sensitivity_shape import Sensitivity
from scenarios.stopping import Stopping

FORMAT = "heartreach-summary"
FORMAT_VERSION = 1


class AnswerRow(Struct, frozen=True):
    """One option's line under a figure."""

    policy: str
    text: str
    clear: bool  # False: the interval touches zero


class AnswerFigure(Struct, frozen=True):
    """One of at most three headline figures."""

    key: str  # of the measure
    title: str
    rows: tuple[AnswerRow, ...]
    comparator: str


class Answer(Struct, frozen=True):
    """What the report says first."""

    kind: Literal["best", "tied", "cannot_tell", "worse", "no_comparison", "aeds"]
    sentence: str
    load: str  # the second half: what it asks of people
    figures: tuple[AnswerFigure, ...]


class PolicySummary(Struct, frozen=True):
    """One option by itself. ``measures``: by key of the summary's catalogue."""

    id: str
    name: str  # short, for sentences
    title: str
    citation: str
    live_use: str
    words: str
    measures: dict[str, Estimate]
    curves: dict[str, Curve]  # by clock
    alert_outcomes: dict[str, Estimate]  # share of the alerts, by how they ended


class PairCounts(Struct, frozen=True):
    """The same arrests under two options: how many were sooner, the same, later."""

    sooner: int
    same: int
    later: int


class Comparison(Struct, frozen=True):
    """One option against another one; ``against`` is the comparator in ``comparisons``."""

    policy: str
    against: str
    differences: dict[str, Difference]  # by measure
    pairs: dict[str, PairCounts]  # by clock


class Summary(Struct, frozen=True, kw_only=True):
    """Everything that the report says in numbers."""

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    title: str
    question: str
    place: str
    answer: Answer
    confidence: float = CONFIDENCE
    replications: int
    years: float
    seed: int
    version: str
    volunteers: float
    population: float | None
    arrests: int  # over all replications
    calls: int  # arrests and false alarms
    arrests_per_year: Estimate
    aeds: AedFacts | None
    invented: tuple[str, ...]
    baseline: str
    measures: dict[str, Measure]
    policies: tuple[PolicySummary, ...]
    comparisons: tuple[Comparison, ...]  # each option against the comparator, Holm over options
    between_options: tuple[Comparison, ...]  # later option against earlier, Holm over all pairs
    groups: tuple[GroupSet, ...]
    checks: dict[str, Estimate]  # the simulated baseline beside published figures
    curve_t_s: tuple[float, ...]
    own_data: tuple[RowUse, ...] = ()  # the planner's files: how many rows were used
    back_cast: BackCast | None = None  # the planner's own response times beside simulated ones
    demand_fit: DemandFit | None = None  # hours and places fitted to the planner's own arrests
    air: AirSummary | None = None  # drones, where an option flies
    stopping: Stopping | None = None  # why a comparison ended after so many replications
    sensitivity: Sensitivity | None = None  # what would change the answer
    options: tuple[OptionSummary, ...] = ()  # means, costs, days grounded, funnel; as ``policies``
    cautions: tuple[str, ...] = ()  # sentences that belong beside the answer

    def policy(self, policy: str) -> PolicySummary:
        """The option with this id."""
        return next(item for item in self.policies if item.id == policy)
