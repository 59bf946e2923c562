"""What a policy decides, as plain functions of the candidates, the alerts and the time.

Nothing here keeps state, and nothing here knows phases, timers or commands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from dispatch import benefit
from dispatch.config import Policy, Split
from dispatch.model import (
    ASKING_STATUSES,
    ASSIGNED_STATUSES,
    Alert,
    AlertStatus,
    Candidate,
    Order,
    Role,
)

ENOUGH_COMING = "enough_coming"  # why those are spared who had not answered when it was enough


class Situation(Struct, frozen=True, gc=False):
    """What the choice of a role may look at. Moments are seconds from the call."""

    now_s: float
    ambulance_due_s: float | None
    cpr_in_progress: bool
    alerts: tuple[Alert, ...]
    lost_aeds: tuple[int, ...] = ()
    call_at_s: float = 0.0
    drone_due_s: float | None = None  # a drone on its way: its AED on the ground


# --- order ------------------------------------------------------------------------------------


def in_order(order: Order, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates as the policy wants them asked; ties by responder id."""
    return tuple(sorted(candidates, key=_KEYS[order]))


def _soonest(candidate: Candidate) -> tuple[float, int]:
    return (_or_inf(candidate.direct_s), candidate.responder_id)


def _via_aed(candidate: Candidate) -> tuple[float, float, int]:
    return (
        _or_inf(candidate.via_aed_s),
        _or_inf(candidate.direct_s),
        candidate.responder_id,
    )


def _distance(candidate: Candidate) -> tuple[float, float, int]:
    return (
        _or_inf(candidate.distance_m),
        _or_inf(candidate.direct_s),
        candidate.responder_id,
    )


def _or_inf(value: float | None) -> float:
    return inf if value is None else value


_KEYS: dict[Order, Callable[[Candidate], tuple[float, ...]]] = {
    Order.SOONEST: _soonest,
    Order.VIA_AED: _via_aed,
    Order.DISTANCE: _distance,
}


# --- who may be asked -------------------------------------------------------------------------


def expected_at_s(now_s: float, due_at_s: float | None) -> float | None:
    """When to count on the ambulance, None if nobody knows: one that is overdue may be anywhere."""
    return None if due_at_s is None or due_at_s < now_s else due_at_s


def may_ask(policy: Policy, candidate: Candidate, now_s: float, due_at_s: float | None) -> bool:
    """Whether this person can be of use: within reach, and before the ambulance if that counts."""
    if candidate.direct_s is None:
        return False
    return is_sooner(policy, candidate.direct_s, now_s, due_at_s)


def is_sooner(policy: Policy, travel_s: float, now_s: float, due_at_s: float | None) -> bool:
    """Whether ``travel_s`` from now beats the ambulance by the policy's margin, if it must."""
    if not policy.ambulance.only_if_sooner or due_at_s is None:
        return True
    return now_s + travel_s + policy.ambulance.margin_s <= due_at_s


def can_bring(
    candidate: Candidate, lost_aeds: Sequence[int], now_s: float, due_at_s: float | None
) -> bool:
    """Whether this person could bring an AED that is not known to be lost, before the ambulance."""
    if candidate.via_aed_s is None or candidate.aed_id is None or candidate.aed_id in lost_aeds:
        return False
    return due_at_s is None or now_s + candidate.via_aed_s < due_at_s


def reach_s(policy: Policy, now_s: float, due_at_s: float | None) -> float:
    """Travel time within which people are looked for now; 0 or less: nobody could be sooner."""
    if not policy.ambulance.only_if_sooner or due_at_s is None:
        return policy.search_bound_s
    return min(policy.search_bound_s, due_at_s - now_s - policy.ambulance.margin_s)


# --- how many ---------------------------------------------------------------------------------


def filled(policy: Policy, alerts: Sequence[Alert], since_s: float) -> int:
    """How many places of the waves are taken: by those on the way, and by whom nobody replaces.

    Others count only if asked at ``since_s`` or later: a lifted hold starts the waves afresh.
    """
    replacement = policy.replacement
    spared = {
        AlertStatus.DECLINED: not replacement.on_no,
        AlertStatus.EXPIRED: not replacement.on_silence,
        AlertStatus.UNDELIVERED: not replacement.on_undelivered,
        AlertStatus.DROPPED: not replacement.on_drop,
        AlertStatus.LAPSED: not replacement.on_drop,
    }
    count = 0
    for alert in alerts:
        status = alert.status
        if status in ASSIGNED_STATUSES:
            count += 1
        elif alert.asked_at_s < since_s:
            continue
        elif status is AlertStatus.UNCONFIRMED:
            count += not (replacement.on_undelivered or (alert.replaced and replacement.on_silence))
        elif status in ASKING_STATUSES or alert.end_reason == ENOUGH_COMING:
            count += not (alert.replaced and replacement.on_silence)
        else:
            count += spared.get(status, False)
    return count


def aeds_needed(policy: Policy, lost_aeds: Sequence[int]) -> int:
    """How many people must bring an AED before it is enough: one lost is one to be replaced."""
    replace_lost = policy.replacement.on_aed_lost and bool(lost_aeds) and policy.with_aeds
    return max(policy.enough.aed, int(replace_lost))


class Yes(Struct, frozen=True, gc=False):
    """How many hold a place, in all and by role."""

    total: int
    cpr: int
    aed: int


def count_yes(alerts: Sequence[Alert]) -> Yes:
    """The people who hold a place."""
    total = aed = 0
    for alert in alerts:
        if alert.status in ASSIGNED_STATUSES:
            total += 1
            aed += alert.role is Role.AED
    return Yes(total, total - aed, aed)


def people_enough(policy: Policy, yes: Yes) -> bool:
    """Whether nobody more is needed but, perhaps, an AED."""
    return yes.total >= policy.places or (
        yes.total >= policy.enough.yes and yes.cpr >= policy.enough.cpr
    )


# --- roles ------------------------------------------------------------------------------------


def roles(policy: Policy, picked: Sequence[Candidate], facts: Situation) -> tuple[Role, ...]:
    """The role of each person about to be asked, in the order of ``picked``."""
    split = policy.roles.split
    if split is Split.NONE:
        return (Role.CPR,) * len(picked)
    return _SPLITS[split](policy, picked, facts)


def has_aed_way(candidate: Candidate, lost_aeds: Sequence[int]) -> bool:
    """Whether there is a way by an AED that is not known to be lost."""
    return candidate.via_aed_s is not None and candidate.aed_id not in lost_aeds


def _by_shares(policy: Policy, picked: Sequence[Candidate], facts: Situation) -> tuple[Role, ...]:
    """As many by way of an AED as keeps the share, those with the least detour."""
    open_alerts = [a for a in facts.alerts if a.status in ASKING_STATUSES | ASSIGNED_STATUSES]
    by_aed = sum(alert.role is Role.AED for alert in open_alerts)
    wanted = round(policy.roles.aed_share * (len(open_alerts) + len(picked))) - by_aed
    ways = [i for i, person in enumerate(picked) if has_aed_way(person, facts.lost_aeds)]
    ways.sort(key=lambda i: (_detour_s(picked[i]), i))
    chosen = set(ways[: max(0, wanted)])
    return tuple(Role.AED if i in chosen else Role.CPR for i in range(len(picked)))


def _detour_s(candidate: Candidate) -> float:
    return _or_inf(candidate.via_aed_s) - (candidate.direct_s or 0.0)


def _by_detour(policy: Policy, picked: Sequence[Candidate], facts: Situation) -> tuple[Role, ...]:
    """By way of an AED where the pure way there is at most ``detour_share`` longer."""
    return tuple(
        Role.AED
        if has_aed_way(person, facts.lost_aeds)
        and _or_inf(person.via_aed_s) - policy.aed.pickup_s
        <= (1.0 + policy.roles.detour_share) * (person.direct_s or 0.0)
        else Role.CPR
        for person in picked
    )


def _by_benefit(policy: Policy, picked: Sequence[Candidate], facts: Situation) -> tuple[Role, ...]:
    """One after the other, whichever role adds more given everybody before."""
    outlook = benefit.Outlook.of(policy, facts)
    given: list[Role] = []
    for person in picked:
        role = Role.CPR
        if has_aed_way(person, facts.lost_aeds):
            role = outlook.better_role(person.direct_s or 0.0, person.via_aed_s or 0.0)
        outlook.add_asked(person.direct_s or 0.0, person.via_aed_s, role)
        given.append(role)
    return tuple(given)


def _by_training(_: Policy, picked: Sequence[Candidate], facts: Situation) -> tuple[Role, ...]:
    """Trained people straight to the patient, untrained people to an AED where there is one."""
    return tuple(
        Role.AED if not person.trained and has_aed_way(person, facts.lost_aeds) else Role.CPR
        for person in picked
    )


def _by_order(policy: Policy, picked: Sequence[Candidate], facts: Situation) -> tuple[Role, ...]:
    """The sequence of roles from the first open alert on; without an AED way: straight."""
    taken = sum(a.status in ASKING_STATUSES | ASSIGNED_STATUSES for a in facts.alerts)
    return tuple(
        role if role is Role.CPR or has_aed_way(person, facts.lost_aeds) else Role.CPR
        for person, role in zip(
            picked, (_nth(policy, taken + i) for i in range(len(picked))), strict=True
        )
    )


def role_at_yes(policy: Policy, alert: Alert, facts: Situation) -> Role:
    """The role of a person who says yes, where the policy decides it only then."""
    if alert.way_aed_id is None or alert.way_aed_id in facts.lost_aeds:
        return Role.CPR
    going = [other for other in facts.alerts if other.status in ASSIGNED_STATUSES]
    split = policy.roles.split
    if split is Split.ORDER_OF_YES:
        return _nth(policy, len(going))
    if split is Split.ORDER_OF_ETA:
        everybody = roles_by_eta(policy, [*going, alert])
        return next(role for other, role in everybody if other is alert)
    others = tuple(other for other in facts.alerts if other.alert_id != alert.alert_id)
    outlook = benefit.Outlook.of(policy, replace(facts, alerts=others))
    return outlook.better_role(alert.direct_s or 0.0, alert.via_aed_s or 0.0)


def roles_by_eta(policy: Policy, going: Sequence[Alert]) -> list[tuple[Alert, Role]]:
    """The role of everybody who said yes, by their travel time straight to the patient."""
    ranked = sorted(going, key=lambda alert: (_or_inf(alert.direct_s), alert.responder_id))
    return [(alert, _nth(policy, i)) for i, alert in enumerate(ranked)]


def _nth(policy: Policy, i: int) -> Role:
    sequence = policy.roles.sequence
    return sequence[min(i, len(sequence) - 1)]


_SPLITS: dict[Split, Callable[[Policy, Sequence[Candidate], Situation], tuple[Role, ...]]] = {
    Split.SHARES: _by_shares,
    Split.DETOUR: _by_detour,
    Split.BENEFIT: _by_benefit,
    Split.TRAINING: _by_training,
    Split.ORDER_OF_YES: _by_order,
    Split.ORDER_OF_ETA: _by_order,
}
