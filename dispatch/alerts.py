"""What the events of one alert do: delivery, answers, the way, and the claims behind it."""

from __future__ import annotations

from dispatch import drones, policies, waves
from dispatch.commands import Assign
from dispatch.config import Split
from dispatch.draft import Draft
from dispatch.events import (
    MAY_HAVE_ARRIVED,
    AedObtained,
    AedUnavailable,
    AlertAccepted,
    AlertDeclined,
    AlertUndelivered,
    ClaimRefused,
    PatientReached,
    ResponderArrived,
    ResponderDropped,
    ResponderMoving,
)
from dispatch.model import (
    ASKING_STATUSES,
    ASSIGNED_STATUSES,
    Alert,
    AlertStatus,
    Resource,
    Role,
    TimerKind,
)

_ROLE_AT_YES = frozenset({Split.ORDER_OF_YES, Split.ORDER_OF_ETA, Split.BENEFIT})


def undelivered(draft: Draft, event: AlertUndelivered) -> None:
    """No channel reached the person: the next person.

    Where a provider took the message and only the phone's word is missing, the alert stays open:
    the phone may be ringing, and a late yes is welcome while places are free.
    """
    alert = draft.alert(event.alert_id)
    if event.reason in MAY_HAVE_ARRIVED:
        draft.set(alert, status=AlertStatus.UNCONFIRMED, replaced=True)
        waves.settle(draft)
        return
    draft.end(alert, AlertStatus.UNDELIVERED, event.reason or "undelivered", tell=False)
    waves.settle(draft)


def declined(draft: Draft, event: AlertDeclined) -> None:
    """A no, or a yes taken back."""
    _give_up(draft, draft.alert(event.alert_id), "said_no")


def dropped(draft: Draft, event: ResponderDropped) -> None:
    """ "I can't continue"."""
    _give_up(draft, draft.alert(event.alert_id), event.reason or "cannot_continue")


def _give_up(draft: Draft, alert: Alert, reason: str) -> None:
    asking = alert.status in ASKING_STATUSES
    outcome = AlertStatus.DECLINED if asking else AlertStatus.DROPPED
    draft.end(alert, outcome, reason, tell=False)
    if not asking:
        waves.forget_if_stale(draft)
    waves.settle(draft)
    drones.settle(draft)


def accepted(draft: Draft, event: AlertAccepted) -> None:
    """A yes: it holds a place if one is left."""
    alert = draft.alert(event.alert_id)
    if policies.count_yes(draft.alerts).total >= draft.policy.places:
        draft.end(alert, AlertStatus.STOOD_DOWN, "places_taken", tell=True)
        return
    draft.cancel(TimerKind.SILENCE, alert.alert_id)
    draft.cancel(TimerKind.DEADLINE, alert.alert_id)
    role = _role_at_yes(draft, alert)
    alert = _give_role(
        draft, alert, role, status=AlertStatus.ACCEPTED, accepted_at_s=draft.now_s, replaced=False
    )
    lease = draft.policy.lease
    held_s = lease.night_s if draft.is_night else lease.day_s
    draft.start(TimerKind.LEASE, alert.alert_id, draft.now_s + held_s)
    _assign(draft, alert, "said_yes")
    if draft.policy.roles.split is Split.ORDER_OF_ETA:
        _give_roles_by_eta(draft)
    waves.settle(draft)


def _role_at_yes(draft: Draft, alert: Alert) -> Role:
    role = alert.role
    if draft.policy.roles.split in _ROLE_AT_YES:
        role = policies.role_at_yes(draft.policy, alert, waves.situation(draft))
    if role is Role.CPR or _is_free(draft, alert):
        return role
    return Role.CPR


def _give_roles_by_eta(draft: Draft) -> None:
    """A yes may move others down the order; whoever has set off keeps the role."""
    going = [alert for alert in draft.alerts if alert.status in ASSIGNED_STATUSES]
    for alert, role in policies.roles_by_eta(draft.policy, going):
        if alert.status is not AlertStatus.ACCEPTED or role is alert.role:
            continue
        if role is Role.CPR or _is_free(draft, alert):
            _assign(draft, _give_role(draft, alert, role), "role_changed")


def _is_free(draft: Draft, alert: Alert) -> bool:
    """Whether the AED on this person's way is not lost and nobody of this incident fetches it."""
    aed_id = alert.way_aed_id
    if aed_id is None or aed_id in draft.incident.lost_aeds:
        return False
    return not any(a.aed_id == aed_id and a.status in ASSIGNED_STATUSES for a in draft.alerts)


def _give_role(draft: Draft, alert: Alert, role: Role, **changes: object) -> Alert:
    by_aed = role is Role.AED
    eta_s = alert.via_aed_s if by_aed else alert.direct_s
    return draft.set(
        alert,
        role=role,
        aed_id=alert.way_aed_id if by_aed else None,
        eta_s=alert.eta_s if eta_s is None else eta_s,
        **changes,
    )


def _assign(draft: Draft, alert: Alert, reason: str) -> None:
    draft.commands.append(
        Assign(alert.alert_id, alert.responder_id, alert.role, alert.aed_id, reason)
    )


def moving(draft: Draft, event: ResponderMoving) -> None:
    """A sign of setting off: the place is kept."""
    draft.cancel(TimerKind.LEASE, event.alert_id)
    draft.set(draft.alert(event.alert_id), status=AlertStatus.MOVING)


def aed_obtained(draft: Draft, event: AedObtained) -> None:
    """The person carries an AED, whether or not they were sent for one."""
    draft.cancel(TimerKind.LEASE, event.alert_id)
    draft.set(
        draft.alert(event.alert_id),
        status=AlertStatus.HAS_AED,
        role=Role.AED,
        aed_id=event.aed_id,
    )
    waves.settle(draft)


def aed_unavailable(draft: Draft, event: AedUnavailable) -> None:
    """No AED there: straight to the patient, and somebody else may bring another one."""
    draft.cancel(TimerKind.LEASE, event.alert_id)
    _lose_aed(draft, draft.alert(event.alert_id), event.aed_id, "aed_unavailable")


def claim_refused(draft: Draft, event: ClaimRefused) -> None:
    """Somebody else was quicker: the next person, or straight to the patient without the AED."""
    alert = draft.alert(event.alert_id)
    if event.resource is Resource.AED:
        _lose_aed(draft, alert, event.resource_id, "aed_claimed")
        return
    draft.end(alert, AlertStatus.REFUSED, event.reason or "claimed", tell=False)
    waves.settle(draft)


def _lose_aed(draft: Draft, alert: Alert, aed_id: int, reason: str) -> None:
    lost = draft.incident.lost_aeds
    if aed_id not in lost:
        draft.change(lost_aeds=(*lost, aed_id))
    if alert.aed_id == aed_id:
        status = AlertStatus.MOVING if alert.status is AlertStatus.HAS_AED else alert.status
        alert = _give_role(draft, alert, Role.CPR, status=status)
        _assign(draft, alert, reason)
    waves.settle(draft)
    drones.settle(draft)


def arrived(draft: Draft, event: ResponderArrived) -> None:
    """At the scene."""
    draft.cancel(TimerKind.LEASE, event.alert_id)
    draft.set(draft.alert(event.alert_id), status=AlertStatus.ARRIVED)
    drones.offer(draft)


def with_patient(draft: Draft, event: PatientReached) -> None:
    """Hands on the patient."""
    draft.cancel(TimerKind.LEASE, event.alert_id)
    draft.set(draft.alert(event.alert_id), status=AlertStatus.WITH_PATIENT)
    drones.offer(draft)
