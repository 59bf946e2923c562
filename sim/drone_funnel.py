"""From suspected arrest to first shock by drone: how far every incident came, and what stopped it.

A stage is reached or lost for one reason. Of several drones the one that came farthest speaks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import IntEnum

from msgspec import Struct


class Stage(IntEnum):
    """How far an incident came; each stage includes those before it."""

    SUSPECTED = 0  # control suspects or recognised an arrest
    ELIGIBLE = 1
    IN_REACH = 2  # a free drone within its radius
    FLYABLE = 3  # weather and light
    OPEN_AIR = 4  # a way through the airspace, asked for or not
    ENERGY = 5  # there and back with reserve
    WANTED = 6  # the policy's word to go
    ALLOWED = 7
    LAUNCHED = 8
    OVERHEAD = 9
    DELIVERED = 10
    TAKEN = 11
    ATTACHED_FIRST = 12  # before any other defibrillator
    SHOCK = 13


LOST_AT: dict[str, Stage] = {
    # eligible
    "not_recognised": Stage.ELIGIBLE,
    "child": Stage.ELIGIBLE,
    "trauma": Stage.ELIGIBLE,
    "no_delivery_place": Stage.ELIGIBLE,
    "lone_rescuer": Stage.ELIGIBLE,
    "nobody_at_scene": Stage.ELIGIBLE,
    "unsafe_scene": Stage.ELIGIBLE,
    "held": Stage.ELIGIBLE,
    # in reach
    "too_far": Stage.IN_REACH,
    "busy": Stage.IN_REACH,
    "no_drone": Stage.IN_REACH,
    # flyable
    "gust": Stage.FLYABLE,
    "rain": Stage.FLYABLE,
    "fog": Stage.FLYABLE,
    "cold": Stage.FLYABLE,
    "heat": Stage.FLYABLE,
    "ice": Stage.FLYABLE,
    "dark": Stage.FLYABLE,
    "wind": Stage.FLYABLE,
    # airspace, energy, decision, permission
    "no_fly_zone": Stage.OPEN_AIR,
    "enclosed": Stage.OPEN_AIR,
    "base_in_volume": Stage.OPEN_AIR,
    "energy": Stage.ENERGY,
    "no_gain": Stage.WANTED,
    "permission_unlikely": Stage.WANTED,
    "not_used": Stage.WANTED,
    "permission_refused": Stage.ALLOWED,
    "permission_late": Stage.ALLOWED,
    # on the ground, in the air, at the place
    "start_failed": Stage.LAUNCHED,
    "recalled_on_ground": Stage.LAUNCHED,
    "recalled_in_flight": Stage.OVERHEAD,
    "delivery_failed": Stage.DELIVERED,
    "nobody_to_take": Stage.TAKEN,
    "crew_first": Stage.ATTACHED_FIRST,
    "other_aed_first": Stage.ATTACHED_FIRST,
    "no_arrest": Stage.SHOCK,
    "not_shockable": Stage.SHOCK,
}
"""The stage that each reason keeps an incident from."""


class DroneRow(Struct, frozen=True):
    """What drones came to in one incident; seconds from the call, None where never.

    ``stage``: the last one reached; ``reason``: a key of ``LOST_AT``, "" where nothing was lost.
    """

    stage: Stage
    reason: str = ""
    base_id: str | None = None
    drone: int | None = None
    distance_m: float | None = None  # along the route
    asked: bool = False
    granted: bool = False
    readied_s: float | None = None  # the word to prepare
    launched_s: float | None = None
    overhead_s: float | None = None
    delivered_s: float | None = None
    taken_s: float | None = None
    taken_by: str | None = None  # volunteer | bystander | nobody
    attached_s: float | None = None
    hands_off_s: float | None = None
    recalled_for: str | None = None


def farthest(reasons: Iterable[str]) -> str:
    """Of the reasons against several drones the one that came farthest; "no_drone" for none."""
    known = [reason for reason in reasons if reason]
    return max(known, key=lambda reason: LOST_AT[reason], default="no_drone")


def lost(reason: str) -> Stage:
    """The last stage reached by an incident that a reason stopped."""
    return Stage(LOST_AT[reason] - 1)


class FunnelStep(Struct, frozen=True):
    """One line of the funnel: who reached the stage and what stopped the others before it."""

    stage: Stage
    reached: int
    losses: dict[str, int]


def funnel(rows: Iterable[tuple[Stage, str]]) -> list[FunnelStep]:
    """The funnel of incidents, each by the last stage reached and the reason of its loss.

    The number reaching a stage and the losses before it add up to the number at the stage before.
    """
    counted = list(rows)
    steps = []
    for stage in Stage:
        losses = Counter(
            reason for reached, reason in counted if stage > 0 and reached == stage - 1
        )
        steps.append(
            FunnelStep(
                stage,
                sum(reached >= stage for reached, _ in counted),
                dict(sorted(losses.items())),
            )
        )
    return steps
