"""What the sections share: the summary, its facts, the look of each option, short look-ups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scenarios.back_cast import BackCast, back_cast
from scenarios.metrics.facts import StudyFacts
from scenarios.metrics.intervals import Difference, Estimate
from scenarios.metrics.panel import Panel, Tables
from scenarios.metrics.shape import Comparison, PolicySummary, Summary
from scenarios.report.html import Raw, table, tag
from scenarios.report.palette import Look, ambulance_swatch, looks, swatch
from scenarios.report.places import cut_off

if TYPE_CHECKING:
    from scenarios.air_study import AirStudy

FEW = 3  # options that fit beside a panel on paper


class Study:
    """A finished study, as the page sees it."""

    def __init__(
        self,
        facts: StudyFacts,
        summary: Summary,
        tables: Tables,
        region: Any,
        air: AirStudy | None = None,
    ) -> None:
        self.facts = facts
        self.summary = summary
        self.tables = tables
        self.region = region
        self.air = air  # shapes for the map of the air
        self.looks: dict[str, Look] = looks([policy.id for policy in summary.policies])

    @cached_property
    def panel(self) -> Panel:
        """The incidents themselves, for the map."""
        return Panel(self.tables, self.facts)

    @cached_property
    def back_cast(self) -> BackCast | None:
        """The planner's own response times beside the simulated ones."""
        observed = self.facts.observed
        if self.summary.back_cast is not None or observed is None or not observed.ambulance_s:
            return self.summary.back_cast
        times = self.panel.clock(self.baseline.id, "ambulance")[self.panel.arrest]
        return back_cast(
            observed.ambulance_s, times, source=observed.source, replayed=observed.replayed
        )

    @cached_property
    def cut_off(self) -> tuple[int, ...]:
        """Zones that no road reaches, for the map."""
        return cut_off(self.region)

    @property
    def policies(self) -> tuple[PolicySummary, ...]:
        """All options, the comparator first."""
        return self.summary.policies

    @property
    def baseline(self) -> PolicySummary:
        """The comparator."""
        return self.summary.policies[0]

    @property
    def options(self) -> tuple[PolicySummary, ...]:
        """Every option but the comparator."""
        return self.summary.policies[1:]

    @property
    def shown(self) -> tuple[PolicySummary, ...]:
        """What a comparison is about: the options, or the only policy there is."""
        return self.options or self.policies

    @property
    def lead(self) -> PolicySummary:
        """The option with most survivors expected: the one that titles speak of."""
        models = self.facts.outcomes
        key = f"survival_{models[0].name}" if models else "volunteer_before_ambulance"
        return max(self.shown, key=lambda policy: policy.measures[key].value or 0.0)

    def against(self, policy: str) -> Comparison | None:
        """The comparison of an option with the comparator."""
        return next((c for c in self.summary.comparisons if c.policy == policy), None)

    def difference(self, policy: str, measure: str) -> Difference:
        """Option minus comparator."""
        comparison = self.against(policy)
        return comparison.differences[measure] if comparison else Difference(None)

    def estimate(self, policy: str, measure: str) -> Estimate:
        """A measure of one option."""
        return self.summary.policy(policy).measures[measure]

    def name(self, policy: str) -> Raw:
        """The option's swatch and title."""
        words = tag("span", self.summary.policy(policy).name)
        return tag("span", swatch(self.looks[policy]), words, class_="option")

    def legend(self, *, ambulance: bool = False) -> Raw:
        """Swatches with titles, once above a row of panels."""
        items = [tag("li", self.name(policy.id)) for policy in self.policies]
        if ambulance:
            items.append(tag("li", ambulance_swatch(), "Ambulance"))
        return tag("ul", *items, class_="legend")

    def side_by_side(
        self, caption: str, lines: Sequence[tuple[str, Callable[[PolicySummary], str]]]
    ) -> Raw:
        """The same figures of every option: few options as columns, many as rows."""
        if len(self.policies) <= FEW:
            rows = [[label, *(cell(policy) for policy in self.policies)] for label, cell in lines]
            head = ["", *(self.name(policy.id) for policy in self.policies)]
            return tag("div", table(head, rows, caption=caption, kind="dense"), class_="panel span")
        rows = [
            [self.name(policy.id), *(cell(policy) for _, cell in lines)] for policy in self.policies
        ]
        found = table(["", *(label for label, _ in lines)], rows, caption=caption, kind="prose")
        return tag("div", found, class_="panel wide")

    @property
    def stamp(self) -> str:
        """The word that goes on every figure that rests on invented people or AEDs."""
        invented = self.facts.invented
        return f"Invented: {', '.join(invented)}" if invented else ""
