"""Who is asked next: searches, waves, replacements, and when it is enough.

``settle`` is the one place that brings a live incident to rest after anything has changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from dispatch import policies
from dispatch.commands import FindCandidates, SendAlert
from dispatch.draft import Draft
from dispatch.model import (
    ASKING_STATUSES,
    ASSIGNED_STATUSES,
    OPEN_DRONES,
    Alert,
    AlertStatus,
    Candidate,
    DroneSide,
    Phase,
    Query,
    Role,
    TimerKind,
)
from dispatch.policies import Situation, Yes

LIVE_PHASES = frozenset({Phase.SEARCHING, Phase.ALERTING, Phase.COVERED, Phase.EXHAUSTED})
_OPEN = ASKING_STATUSES | ASSIGNED_STATUSES


def begin(draft: Draft) -> None:
    """Start asking: the first wave counts from now."""
    first = min(1, len(draft.policy.waves))
    draft.change(waves_from_s=draft.now_s, next_wave=first)
    forget_candidates(draft)
    draft.phase = Phase.SEARCHING
    settle(draft)


def settle(draft: Draft) -> None:
    """Ask whoever is to be asked now, stop when it is enough, and name the phase."""
    if draft.phase not in LIVE_PHASES:
        return
    yes = policies.count_yes(draft.alerts)
    if _is_enough(draft, yes):
        _cover(draft, yes)
        return
    _keep_waves_running(draft)
    _ask(draft, yes)
    _name_phase(draft, yes)


def forget_candidates(draft: Draft) -> None:
    """The list is out of date: whoever is asked next comes from a new one."""
    draft.candidates = ()
    draft.change(more=True)


def forget_if_stale(draft: Draft) -> None:
    """People move and come and go: an old list is not worth asking from."""
    found_at_s = draft.incident.found_at_s
    if found_at_s is not None and draft.now_s - found_at_s > draft.policy.fresh_s:
        forget_candidates(draft)


def start_next_wave(draft: Draft) -> None:
    """One wave more counts; people have moved since the last, so the list is asked for anew."""
    draft.change(next_wave=draft.incident.next_wave + 1)
    forget_candidates(draft)


def search(draft: Draft, *, straight_line: bool = False) -> None:
    """Ask the driver for candidates, within what could still be of use."""
    policy, incident = draft.policy, draft.incident
    due_at_s = policies.expected_at_s(draft.now_s, incident.ambulance_due_at_s)
    bound_s = policies.reach_s(policy, draft.now_s, due_at_s)
    if bound_s <= 0.0:
        draft.change(more=False)
        return
    query_id = incident.query_id + 1
    query = Query(
        query_id=query_id,
        lat=incident.lat,
        lon=incident.lon,
        bound_s=bound_s,
        limit=policy.query_limit,
        radius_m=policy.radius_m,
        with_aeds=policy.with_aeds,
        aed_pickup_s=policy.aed.pickup_s,
        exclude=not_again(draft.alerts),
        night=draft.is_night,
        straight_line=straight_line,
        order=policy.order,
        exclude_aeds=incident.lost_aeds,
        untrained=policy.people.untrained,
    )
    draft.change(query_id=query_id, fallback=straight_line)
    draft.commands.append(FindCandidates(query))
    draft.start(TimerKind.CANDIDATES, query_id, draft.now_s + policy.answer_within_s)


def not_again(alerts: Sequence[Alert]) -> tuple[int, ...]:
    """Ids of the people who are not to be asked (again): everybody but those we took back.

    Whoever was withdrawn before answering may be asked once more, and so may those whom a hold
    stood down; nobody who answered, let an alert go by or gave up is asked twice.
    """
    latest = {alert.responder_id: alert for alert in alerts}
    return tuple(i for i, alert in latest.items() if not _was_taken_back(alert))


def _was_taken_back(alert: Alert) -> bool:
    if alert.status is AlertStatus.STOOD_DOWN:
        return alert.end_reason.startswith("hold:")
    return alert.status is AlertStatus.WITHDRAWN


def withdraw_asked(draft: Draft, reason: str) -> None:
    """Spare everybody who has not answered."""
    for alert in list(draft.alerts):
        if alert.status in ASKING_STATUSES:
            draft.end(alert, AlertStatus.WITHDRAWN, reason, tell=True)


# --- enough -----------------------------------------------------------------------------------


def _is_enough(draft: Draft, yes: Yes) -> bool:
    policy = draft.policy
    if yes.total >= policy.places:
        return True
    needed = policies.aeds_needed(policy, draft.incident.lost_aeds)
    return policies.people_enough(policy, yes) and yes.aed >= needed


def _cover(draft: Draft, yes: Yes) -> None:
    draft.phase = Phase.COVERED
    draft.cancel_all(TimerKind.WAVE, TimerKind.CANDIDATES)
    if draft.policy.enough.withdraw_asked or yes.total >= draft.policy.places:
        withdraw_asked(draft, policies.ENOUGH_COMING)
    forget_candidates(draft)


# --- asking -----------------------------------------------------------------------------------


def _keep_waves_running(draft: Draft) -> None:
    """Start the waves that have become due and the timer of the next one."""
    if draft.is_wave_to_come:
        return
    waves, start_s = draft.policy.waves, draft.incident.waves_from_s or 0.0
    while draft.incident.next_wave < len(waves):
        number = draft.incident.next_wave
        due_at_s = start_s + waves[number].after_s
        if due_at_s > draft.now_s:
            draft.start(TimerKind.WAVE, number, due_at_s)
            return
        start_next_wave(draft)


def _ask(draft: Draft, yes: Yes) -> None:
    if draft.is_searching:
        return  # the answer brings us back here
    short, only_by_aed = _shortage(draft, yes)
    if short <= 0:
        return
    if draft.candidates:
        forget_if_stale(draft)
    picked = _pick(draft, short, only_by_aed=only_by_aed)
    if picked:
        _send(draft, picked, only_by_aed=only_by_aed)
    if len(picked) < short and draft.incident.more and not draft.candidates:
        search(draft)


def _shortage(draft: Draft, yes: Yes) -> tuple[int, bool]:
    """How many people to ask now, and whether only people who can bring an AED."""
    policy, lost = draft.policy, draft.incident.lost_aeds
    enough = policies.people_enough(policy, yes)
    if not enough:
        target = sum([wave.ask for wave in policy.waves[: draft.incident.next_wave]])
        start_s = draft.incident.waves_from_s or 0.0
        short = target - policies.filled(policy, draft.alerts, start_s)
        if short > 0:
            return short, False
    if not (enough or lost):
        return 0, False
    by_aed = sum(
        alert.role is Role.AED
        and alert.status in _OPEN
        and not alert.replaced
        and alert.aed_id not in lost
        for alert in draft.alerts
    )
    return policies.aeds_needed(policy, lost) - by_aed, True


def _pick(draft: Draft, short: int, *, only_by_aed: bool) -> list[Candidate]:
    """The next people of the list who can be of use, taken out of it."""
    policy, now_s = draft.policy, draft.now_s
    due_at_s = policies.expected_at_s(draft.now_s, draft.incident.ambulance_due_at_s)
    lost = draft.incident.lost_aeds
    picked: list[Candidate] = []
    left: list[Candidate] = []
    for i, person in enumerate(draft.candidates):
        if len(picked) == short:
            left += draft.candidates[i:]
            break
        useful = policies.may_ask(policy, person, now_s, due_at_s) and not (
            only_by_aed and not policies.can_bring(person, lost, now_s, due_at_s)
        )
        (picked if useful else left).append(person)
    draft.candidates = tuple(left)
    return picked


def _send(draft: Draft, picked: list[Candidate], *, only_by_aed: bool) -> None:
    if only_by_aed:
        for person in picked:
            _send_one(draft, person, Role.AED, "other_aed")
        return
    roles = policies.roles(draft.policy, picked, situation(draft))
    number = draft.incident.next_wave - 1
    taken = sum([a.wave == number and a.status is not AlertStatus.REFUSED for a in draft.alerts])
    new = draft.policy.waves[number].ask - taken
    for i, (person, role) in enumerate(zip(picked, roles, strict=True)):
        _send_one(draft, person, role, "wave" if i < new else "replacement")


def _send_one(draft: Draft, person: Candidate, role: Role, reason: str) -> None:
    policy, now_s = draft.policy, draft.now_s
    by_aed = role is Role.AED
    alert = Alert(
        alert_id=len(draft.alerts) + 1,
        responder_id=person.responder_id,
        role=role,
        aed_id=person.aed_id if by_aed else None,
        eta_s=(person.via_aed_s if by_aed else person.direct_s) or 0.0,
        direct_s=person.direct_s,
        asked_at_s=now_s,
        wave=draft.incident.next_wave - 1,
        reason=reason,
        via_aed_s=person.via_aed_s,
        way_aed_id=person.aed_id,
    )
    draft.alerts.append(alert)
    expires_at_s = now_s + policy.useful_s
    draft.commands.append(
        SendAlert(
            alert.alert_id,
            alert.responder_id,
            role,
            alert.aed_id,
            alert.eta_s,
            expires_at_s,
            reason,
        )
    )
    wait = policy.replacement
    silence_s = wait.silence_night_s if draft.is_night else wait.silence_day_s
    draft.start(TimerKind.SILENCE, alert.alert_id, now_s + silence_s)
    draft.start(TimerKind.DEADLINE, alert.alert_id, expires_at_s)


def due_at_s(side: DroneSide) -> float | None:
    """When the AED of a drone that flies, or has flown, should lie on the ground."""
    due = [t.due_at_s for t in side.tasks if t.status in OPEN_DRONES and t.due_at_s is not None]
    return min(due, default=None)


def situation(draft: Draft) -> Situation:
    """What the choice of a role may look at now."""
    incident = draft.incident
    return Situation(
        now_s=draft.now_s,
        ambulance_due_s=policies.expected_at_s(draft.now_s, incident.ambulance_due_at_s),
        cpr_in_progress=incident.cpr_in_progress,
        alerts=tuple(draft.alerts),
        lost_aeds=incident.lost_aeds,
        call_at_s=incident.reported_at_s,
        drone_due_s=None if incident.drones is None else due_at_s(incident.drones),
    )


# --- the phase --------------------------------------------------------------------------------


def _name_phase(draft: Draft, yes: Yes) -> None:
    before = draft.phase
    draft.phase = _phase(draft)
    if draft.phase is Phase.EXHAUSTED and before is not Phase.EXHAUSTED and draft.policy.waves:
        draft.tell_control(_why_exhausted(draft, yes), f"{yes.total} going")


def _why_exhausted(draft: Draft, yes: Yes) -> str:
    if policies.people_enough(draft.policy, yes):
        return "no_aed_to_come"
    return "nobody_left" if yes.total else "nobody_coming"


def _phase(draft: Draft) -> Phase:
    if draft.is_searching:
        asked = any(alert.status in _OPEN for alert in draft.alerts)
        return Phase.ALERTING if asked else Phase.SEARCHING
    if draft.is_wave_to_come:
        return Phase.ALERTING
    waiting = any(a.status in ASKING_STATUSES and not a.replaced for a in draft.alerts)
    return Phase.ALERTING if waiting else Phase.EXHAUSTED
