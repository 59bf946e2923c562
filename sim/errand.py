"""One person who was asked, and where they are on their way.

A place on the way is a weighted mix of *nodes*: the person's start, AEDs (by index) and the
patient. Somebody who is a share ``f`` along the way from a to b is taken to be at
``(1 − f) a + f b``: travel times onward are the weighted times from both ends. That is exact at
every node and an upper bound between (going on from b after turning back is never shorter).
"""

from __future__ import annotations

from collections.abc import Callable

from dispatch.model import Role
from sim.answers import Answer

START = -1
PATIENT = -2

Mix = tuple[tuple[int, float], ...]


class Errand:
    """An alert as the world lives it. Moments are UTC epoch seconds, ``None``: has not happened."""

    __slots__ = (
        "accepted_at_s",
        "aed",
        "aed_at_s",
        "alert_id",
        "answer",
        "answered_at_s",
        "arrived_at_s",
        "asked_at_s",
        "at",
        "carrying",
        "delivered_at_s",
        "due_at_s",
        "end_reason",
        "ended_at_s",
        "eta_s",
        "goal",
        "left_at_s",
        "moving_at_s",
        "open",
        "outcome",
        "person",
        "promised",
        "reason",
        "role",
        "seen_at_s",
        "token",
        "wave",
        "with_patient_at_s",
    )

    def __init__(self, alert_id: int, person: int, answer: Answer, asked_at_s: float) -> None:
        self.alert_id = alert_id
        self.person = person
        self.answer = answer
        self.asked_at_s = asked_at_s
        self.role = Role.CPR
        self.aed: int | None = None  # the AED to fetch
        self.promised: int | None = None  # the AED held for them
        self.carrying: int | None = None  # the AED in hand
        self.open = True
        self.wave = 0
        self.eta_s = 0.0
        self.reason = ""
        self.outcome = ""
        self.end_reason = ""
        self.delivered_at_s: float | None = None
        self.seen_at_s: float | None = None
        self.answered_at_s: float | None = None
        self.accepted_at_s: float | None = None
        self.moving_at_s: float | None = None
        self.aed_at_s: float | None = None
        self.arrived_at_s: float | None = None
        self.with_patient_at_s: float | None = None
        self.ended_at_s: float | None = None
        # The leg under way: from ``at``, left and due, to ``goal``; ``token`` names it.
        self.at: Mix = ((START, 1.0),)
        self.goal = PATIENT
        self.left_at_s = 0.0
        self.due_at_s = 0.0
        self.token = 0

    def head_for(self, goal: int, now_s: float, way_s: float) -> None:
        """Begin a leg; whatever was planned before is void."""
        self.goal = goal
        self.left_at_s = now_s
        self.due_at_s = now_s + way_s
        self.token += 1

    def stop_here(self, now_s: float) -> None:
        """Break the leg off where it stands."""
        length_s = self.due_at_s - self.left_at_s
        done = (now_s - self.left_at_s) / length_s if length_s > 0.0 else 1.0
        self.at = blend(self.at, self.goal, min(max(done, 0.0), 1.0))

    def reach_goal(self) -> None:
        """The leg is done."""
        self.at = ((self.goal, 1.0),)


def blend(at: Mix, goal: int, done: float) -> Mix:
    """The mix of a place that is a share ``done`` of the way from ``at`` to ``goal``."""
    if done <= 0.0:
        return at
    if done >= 1.0:
        return ((goal, 1.0),)
    parts = {node: weight * (1.0 - done) for node, weight in at}
    parts[goal] = parts.get(goal, 0.0) + done
    return tuple(parts.items())


def way_from(at: Mix, goal: int, between_s: Callable[[int, int], float]) -> float:
    """Travel time from a mix to a node, seconds."""
    return sum(weight * between_s(node, goal) for node, weight in at if node != goal)
