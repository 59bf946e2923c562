"""Which role adds more, read from the policy's benefit table. No survival model lives here.

Everybody asked may or may not say yes; whoever said yes comes. The expected benefit over all who
may come is exact for independent answers: the first person with an AED decides the shock, and
the earliest of everybody decides CPR.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dispatch.config import Benefit, Policy
from dispatch.model import ASKING_STATUSES, ASSIGNED_STATUSES, Role

if TYPE_CHECKING:
    from dispatch.policies import Situation

Coming = tuple[float, float]  # seconds from the call, probability


def look_up(table: Benefit, t_cpr_s: float, t_shock_s: float) -> float:
    """The table's value, linear between its points and constant beyond its ends."""
    i, x = _between(table.t_cpr_s, t_cpr_s)
    j, y = _between(table.t_shock_s, t_shock_s)
    low, high = table.value[i], table.value[i + 1]
    at_low = low[j] + y * (low[j + 1] - low[j])
    at_high = high[j] + y * (high[j + 1] - high[j])
    return at_low + x * (at_high - at_low)


def _between(axis: Sequence[float], t_s: float) -> tuple[int, float]:
    """Index of the interval that holds ``t_s`` and the share of it that has passed (0 to 1)."""
    i = min(max(bisect_right(axis, t_s) - 1, 0), len(axis) - 2)
    return i, min(max((t_s - axis[i]) / (axis[i + 1] - axis[i]), 0.0), 1.0)


class Outlook:
    """Who may come and when. Grows while the people of one wave are given their roles."""

    __slots__ = (
        "by_aed",
        "delay_s",
        "end_s",
        "has_cpr",
        "ready_s",
        "straight",
        "table",
        "yes_share",
    )

    def __init__(self, policy: Policy, facts: Situation) -> None:
        assert policy.benefit is not None  # the policy file was checked
        self.table = policy.benefit
        self.ready_s = policy.aed.ready_s
        self.yes_share = policy.roles.yes_share
        self.delay_s = facts.now_s - facts.call_at_s + policy.roles.setting_off_s
        self.has_cpr = facts.cpr_in_progress
        due_s = facts.ambulance_due_s
        last_s = max(self.table.t_cpr_s[-1], self.table.t_shock_s[-1])
        self.end_s = last_s if due_s is None else due_s - facts.call_at_s
        self.straight: list[Coming] = []
        self.by_aed: list[Coming] = []
        for alert in facts.alerts:
            if alert.status in ASSIGNED_STATUSES:
                share = 1.0
            elif alert.status in ASKING_STATUSES:
                share = self.yes_share
            else:
                continue
            since_s = alert.asked_at_s if alert.accepted_at_s is None else alert.accepted_at_s
            there_s = since_s - facts.call_at_s + policy.roles.setting_off_s + alert.eta_s
            self._add(there_s, share, alert.role)
        if facts.drone_due_s is not None:
            self._add(facts.drone_due_s - facts.call_at_s, 1.0, Role.AED)

    @classmethod
    def of(cls, policy: Policy, facts: Situation) -> Outlook:
        """The outlook before anybody more is asked."""
        return cls(policy, facts)

    def add_asked(self, direct_s: float, via_aed_s: float | None, role: Role) -> None:
        """Somebody is asked to go in ``role``."""
        travel_s = direct_s if role is Role.CPR or via_aed_s is None else via_aed_s
        self._add(self.delay_s + travel_s, self.yes_share, role)

    def better_role(self, direct_s: float, via_aed_s: float) -> Role:
        """The role in which this person, if they come, adds more; straight on a tie."""
        straight = self._expected(self.delay_s + direct_s, None)
        by_aed = self._expected(None, self.delay_s + via_aed_s)
        return Role.AED if by_aed > straight else Role.CPR

    def with_aed_at(self, there_s: float | None) -> float:
        """Expected benefit where one AED more is there for certain at ``there_s`` (None: not)."""
        return self._expected(None, there_s)

    def _add(self, there_s: float, share: float, role: Role) -> None:
        (self.by_aed if role is Role.AED else self.straight).append((there_s, share))

    def _expected(self, straight_s: float | None, by_aed_s: float | None) -> float:
        """Expected benefit when one person more comes for certain."""
        straight, by_aed = list(self.straight), list(self.by_aed)
        if straight_s is not None:
            straight.append((straight_s, 1.0))
        if by_aed_s is not None:
            by_aed.append((by_aed_s, 1.0))
        straight.sort()
        by_aed.sort()
        total, none_yet = 0.0, 1.0
        for there_s, share in by_aed:
            if there_s + self.ready_s >= self.end_s:
                break
            total += none_yet * share * self._given_shock(straight, there_s, there_s + self.ready_s)
            none_yet *= 1.0 - share
            if none_yet <= 0.0:
                return total
        return total + none_yet * self._given_shock(straight, self.end_s, self.end_s)

    def _given_shock(self, straight: Sequence[Coming], latest_s: float, shock_s: float) -> float:
        """Expected benefit with a shock at ``shock_s`` and CPR at ``latest_s`` or sooner."""
        if self.has_cpr:
            return look_up(self.table, 0.0, shock_s)
        total, none_yet = 0.0, 1.0
        for there_s, share in straight:
            if there_s >= latest_s:
                break
            total += none_yet * share * look_up(self.table, there_s, shock_s)
            none_yet *= 1.0 - share
            if none_yet <= 0.0:
                return total
        return total + none_yet * look_up(self.table, latest_s, shock_s)
