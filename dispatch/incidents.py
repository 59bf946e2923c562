"""What control's events do to an incident."""

from __future__ import annotations

from dispatch import drones, waves
from dispatch.commands import Assign
from dispatch.draft import Draft
from dispatch.events import (
    AmbulanceArrived,
    AmbulanceEtaChanged,
    CandidatesFailed,
    CandidatesFound,
    CprStatusChanged,
    HoldLifted,
    HoldPlaced,
    IncidentCancelled,
    IncidentClosed,
    IncidentConfirmed,
    IncidentReported,
    LocationChanged,
)
from dispatch.model import (
    ASKING_STATUSES,
    ASSIGNED_STATUSES,
    AlertStatus,
    HoldKind,
    Incident,
    Phase,
    Scene,
    TimerKind,
)
from dispatch.policies import expected_at_s, in_order, may_ask

STANDS_DOWN = frozenset({HoldKind.UNSAFE_SCENE, HoldKind.DO_NOT_ALERT})
ON_THE_WAY = frozenset({AlertStatus.ACCEPTED, AlertStatus.MOVING, AlertStatus.HAS_AED})
_THERE = frozenset({AlertStatus.ARRIVED, AlertStatus.WITH_PATIENT})


def report(draft: Draft, event: IncidentReported) -> None:
    """A call comes in."""
    policy, now_s = draft.policy, draft.now_s
    holds = _holds_at_report(draft, event)
    draft.incident = Incident(
        incident_id=event.incident_id,
        phase=Phase.SUSPECTED,
        version=0,
        policy_id=policy.policy_id,
        reported_at_s=now_s,
        lat=event.lat,
        lon=event.lon,
        confirmed_at_s=now_s if event.confirmed else None,
        scene=event.scene,
        cpr_in_progress=event.cpr_in_progress,
        ambulance_due_at_s=event.ambulance_due_at_s,
        holds=holds,
        utc_offset_s=event.utc_offset_s,
        drones=drones.begin(policy, event),
    )
    draft.start(TimerKind.REVIEW, 0, now_s + policy.review_s)
    for kind in holds:
        draft.tell_control("held", kind.value)
    _go_on(draft)


def report_again(draft: Draft, event: IncidentReported) -> None:
    """Control sends a suspected incident once more, now as confirmed: the newer facts count."""
    before = draft.incident
    due_at_s = event.ambulance_due_at_s
    holds = tuple(dict.fromkeys((*before.holds, *_holds_at_report(draft, event))))
    draft.change(
        lat=event.lat,
        lon=event.lon,
        scene=event.scene,
        cpr_in_progress=event.cpr_in_progress,
        ambulance_due_at_s=before.ambulance_due_at_s if due_at_s is None else due_at_s,
        holds=holds,
        drones=drones.with_facts(before.drones, event),
    )
    for kind in holds:
        draft.tell_control("held", kind.value)
    confirm(draft, IncidentConfirmed())


def _holds_at_report(draft: Draft, event: IncidentReported) -> tuple[HoldKind, ...]:
    """Holds that come with the report, and the one that an unsafe or unclear scene means."""
    unclear = event.scene is Scene.UNKNOWN and not draft.policy.ask_when_scene_unknown
    unsafe = (HoldKind.UNSAFE_SCENE,) if unclear or event.scene is Scene.UNSAFE else ()
    return tuple(dict.fromkeys((*event.holds, *unsafe)))


def confirm(draft: Draft, _: IncidentConfirmed) -> None:
    """Control recognised an arrest: from now on people are asked, unless a hold forbids it."""
    draft.change(confirmed_at_s=draft.now_s)
    if draft.phase is Phase.SUSPECTED:
        _go_on(draft)


def _go_on(draft: Draft) -> None:
    """The phase that follows from holds and confirmation alone."""
    if draft.incident.holds:
        draft.phase = Phase.HELD
    elif draft.incident.confirmed_at_s is None:
        draft.phase = Phase.SUSPECTED
    else:
        waves.begin(draft)
    drones.settle(draft)


def relocate(draft: Draft, event: LocationChanged) -> None:
    """The patient is elsewhere: tell those on the way, look again for others."""
    draft.change(lat=event.lat, lon=event.lon)
    for alert in draft.alerts:
        if alert.status in ON_THE_WAY:
            draft.commands.append(
                Assign(
                    alert.alert_id, alert.responder_id, alert.role, alert.aed_id, "location_changed"
                )
            )
    if draft.phase in waves.LIVE_PHASES:
        draft.cancel_all(TimerKind.CANDIDATES)
        waves.forget_candidates(draft)
        waves.settle(draft)
    drones.look_anew(draft, "location_changed")


def note_cpr(draft: Draft, event: CprStatusChanged) -> None:
    """Somebody at the scene started or stopped compressions."""
    draft.change(cpr_in_progress=event.in_progress)
    drones.settle(draft)


def place_hold(draft: Draft, event: HoldPlaced) -> None:
    """Nobody may be asked; for some reasons nobody may go either."""
    reason = f"hold:{event.kind.value}"
    draft.change(holds=(*draft.incident.holds, event.kind))
    if event.kind is HoldKind.UNSAFE_SCENE:
        draft.change(scene=Scene.UNSAFE)
    waves.withdraw_asked(draft, reason)
    if event.kind in STANDS_DOWN:
        for alert in list(draft.alerts):
            if alert.status in ASSIGNED_STATUSES:
                draft.end(alert, AlertStatus.STOOD_DOWN, reason, tell=True)
    draft.cancel_all(TimerKind.WAVE, TimerKind.CANDIDATES)
    draft.tell_control("held", event.kind.value)
    if draft.phase is not Phase.CREW_ON_SCENE:
        draft.phase = Phase.HELD
    drones.look_anew(draft, reason)


def lift_hold(draft: Draft, event: HoldLifted) -> None:
    """One reason less; with the last one gone the asking starts afresh."""
    draft.change(holds=tuple(kind for kind in draft.incident.holds if kind is not event.kind))
    if event.kind is HoldKind.UNSAFE_SCENE:
        draft.change(scene=Scene.SAFE)
    if draft.phase is Phase.HELD:
        _go_on(draft)


def note_ambulance(draft: Draft, event: AmbulanceEtaChanged) -> None:
    """The ambulance is expected at another time; later may mean that more people could help."""
    before_s, due_at_s = draft.incident.ambulance_due_at_s, event.due_at_s
    draft.change(ambulance_due_at_s=due_at_s)
    later = before_s is not None and (due_at_s is None or due_at_s > before_s)
    if later and draft.policy.ambulance.only_if_sooner and draft.phase is Phase.EXHAUSTED:
        waves.forget_candidates(draft)
    waves.settle(draft)
    drones.settle(draft)


def crew_arrives(draft: Draft, _: AmbulanceArrived) -> None:
    """The ambulance is there: asking ends, and so does the way of those not there yet."""
    waves.withdraw_asked(draft, "crew_on_scene")
    if draft.policy.ambulance.stand_down_on_arrival:
        for alert in list(draft.alerts):
            if alert.status in ON_THE_WAY:
                draft.end(alert, AlertStatus.STOOD_DOWN, "crew_on_scene", tell=True)
    draft.cancel_all(TimerKind.WAVE, TimerKind.CANDIDATES)
    draft.candidates = ()
    draft.phase = Phase.CREW_ON_SCENE
    drones.crew_arrives(draft)


def cancel(draft: Draft, event: IncidentCancelled) -> None:
    """Control takes the call back."""
    end(draft, "cancelled", event.reason)


def close(draft: Draft, event: IncidentClosed) -> None:
    """The emergency is over."""
    end(draft, "closed", event.reason)


def end(draft: Draft, how: str, reason: str = "") -> None:
    """Every alert gets its end, every timer stops."""
    for alert in list(draft.alerts):
        if alert.status in ASKING_STATUSES:
            draft.end(alert, AlertStatus.WITHDRAWN, how, tell=True)
        elif alert.status in ON_THE_WAY:
            draft.end(alert, AlertStatus.STOOD_DOWN, how, tell=True)
        elif alert.status in _THERE:
            draft.end(alert, AlertStatus.COMPLETED, how, tell=False)
    drones.end_all(draft, how)
    for kind, ref in list(draft.timers):
        draft.cancel(kind, ref)
    draft.candidates = ()
    draft.change(end_reason=f"{how}: {reason}" if reason else how)
    draft.phase = Phase.ENDED


# --- the answers to FindCandidates --------------------------------------------------------------


def found(draft: Draft, event: CandidatesFound) -> None:
    """People who could go: ask the best of them."""
    draft.cancel(TimerKind.CANDIDATES, event.query_id)
    asked = waves.not_again(draft.alerts)
    due_at_s = expected_at_s(draft.now_s, draft.incident.ambulance_due_at_s)
    people = [
        person
        for person in event.candidates
        if person.responder_id not in asked and may_ask(draft.policy, person, draft.now_s, due_at_s)
    ]
    draft.candidates = in_order(draft.policy.order, people)
    if event.straight_line and not draft.incident.straight_line:
        draft.tell_control("straight_line_times")
    draft.change(
        roster_version=event.roster_version,
        region_id=event.region_id,
        straight_line=event.straight_line,
        found_at_s=draft.now_s,
        more=event.cut and bool(people),
    )
    waves.settle(draft)


def not_found(draft: Draft, event: CandidatesFailed) -> None:
    """The search failed: straight lines, and if they fail too, control is told."""
    draft.cancel(TimerKind.CANDIDATES, event.query_id)
    fall_back(draft, event.reason)


def fall_back(draft: Draft, reason: str) -> None:
    """No list of candidates came."""
    if draft.incident.fallback:
        draft.tell_control("no_candidates", reason)
        draft.change(more=False, fallback=False)
    else:
        waves.search(draft, straight_line=True)
    waves.settle(draft)
