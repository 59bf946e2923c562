"""Options by their means: what changes, what it costs, days on the ground, the drones' funnel."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from msgspec import Struct

from scenarios.metrics.costs import CostAgainst, YearlyCost, cost_against, yearly_cost
from scenarios.metrics.effort import Effort
from scenarios.metrics.facts import OptionFacts
from scenarios.metrics.intervals import Difference, Estimate, mean_estimate
from scenarios.metrics.panel import Floats, Panel

SHOCK_MEDIAN = "shock_median_s"
STAGES = (
    "suspected", "eligible", "in_reach", "flyable", "open_air", "energy", "wanted", "allowed",
    "launched", "overhead", "delivered", "taken", "attached_first", "shock",
)  # fmt: skip
"""Stages of ``sim.drone_funnel.Stage`` in order; each includes those before it."""


class DaysGrounded(Struct, frozen=True):
    """Days a year that weather, and darkness without night flights, keep drones on the ground.

    ``mean``: over the option's bases, grounded hours as days; ``by_base`` by name; ``whole_days``:
    days without a single flyable hour, mean over the bases.
    """

    mean: Estimate
    by_base: dict[str, Estimate]
    whole_days: Estimate


class OptionSummary(Struct, frozen=True, kw_only=True):
    """One option. ``drone_funnel``: incidents (false alarms too) that reached each stage, over all
    replications; ``drone_losses``: by the stage that was not reached, why.
    """

    name: str
    policy: str  # the rule
    changes: tuple[str, ...]  # against the comparator
    volunteers: float | None
    yearly_cost: YearlyCost | None = None
    against_comparator: CostAgainst | None = None
    days_grounded_per_year: DaysGrounded | None = None
    drone_funnel: dict[str, int] | None = None
    drone_losses: dict[str, dict[str, int]] | None = None


def option_summaries(
    panel: Panel,
    efforts: dict[str, Effort],
    survivors: dict[str, Floats],
    against: dict[str, dict[str, Difference]],
) -> tuple[OptionSummary, ...]:
    """All options. ``survivors``: a year, f64[R] by option; ``against``: the judged
    differences from the comparator, by option and measure.
    """
    facts = panel.facts
    if not facts.options:
        return ()
    baseline = facts.options[0]
    costs = {
        option.id: yearly_cost(
            option, baseline, float(np.mean(efforts[option.id].asked)) / facts.years
        )
        for option in facts.options
    }
    return tuple(
        OptionSummary(
            name=option.id,
            policy=option.rule,
            changes=option.changes,
            volunteers=option.volunteers,
            yearly_cost=costs[option.id],
            against_comparator=None
            if option is baseline
            else between(
                panel, efforts, survivors, costs, option.id, baseline.id, against[option.id]
            ),
            days_grounded_per_year=_days(option),
            **_funnel(panel, option.id),
        )
        for option in facts.options
    )


def between(
    panel: Panel,
    efforts: dict[str, Effort],
    survivors: dict[str, Floats],
    costs: dict[str, YearlyCost | None],
    option: str,
    other: str,
    differences: dict[str, Difference],
) -> CostAgainst | None:
    """The cost of one option against another one's; None without prices."""
    cost, than = costs[option], costs[other]
    if cost is None or than is None or option not in survivors:
        return None
    facts = {item.id: item for item in panel.facts.options}
    price = facts[option].alert_price
    each = 0.0 if price is None or price.usual is None else price.usual
    gain = f"survivors_per_year_{panel.facts.outcomes[0].name}"
    asked = each * (efforts[option].asked - efforts[other].asked) / panel.facts.years
    return cost_against(
        cost,
        than,
        other,
        survivors=survivors[option] - survivors[other],
        asked=asked - asked.mean(),
        told=differences[gain].verdict == "higher",
        minutes=differences[SHOCK_MEDIAN],
        qalys=facts[option].qalys,
    )


def _days(option: OptionFacts) -> DaysGrounded | None:
    if not option.grounded:
        return None
    names = dict(option.bases)
    found = {base: np.array(rows) for base, rows in option.grounded.items()}
    together = np.mean(list(found.values()), axis=0)
    return DaysGrounded(
        mean=_mean(together[:, 0]),
        by_base={names[base]: _mean(rows[:, 0]) for base, rows in found.items()},
        whole_days=_mean(together[:, 1]),
    )


def _mean(values: Floats) -> Estimate:
    return mean_estimate(values, np.ones(len(values)))


def _funnel(panel: Panel, option: str) -> dict[str, Any]:
    """How far every incident came, and why not farther."""
    if not panel.has("drone_stage"):
        return {}
    stages = panel.texts(option, "drone_stage")
    reasons = panel.texts(option, "drone_reason")
    known = np.isin(stages, STAGES)
    if not known.any():
        return {}
    order = {name: i for i, name in enumerate(STAGES)}
    at = np.array([order[name] for name in stages[known].tolist()])
    lost = Counter(zip(at.tolist(), reasons[known].tolist(), strict=True))
    losses: dict[str, dict[str, int]] = {}
    for (stage, reason), number in sorted(lost.items()):
        if stage + 1 < len(STAGES) and reason:
            losses.setdefault(STAGES[stage + 1], {})[reason] = number
    return {
        "drone_funnel": {name: int((at >= i).sum()) for i, name in enumerate(STAGES)},
        "drone_losses": losses,
    }
