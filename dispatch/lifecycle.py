"""The life of an incident: one table with a row for every phase and every type of event.

A row is ``Move`` (taken, behind a guard), ``Ignore`` (late, doubled or stale: data) or ``Refuse``
(cannot be meant). Nothing but a value that is no event raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from dispatch import alerts, drones, events, incidents, timers
from dispatch.commands import Command
from dispatch.config import Policy
from dispatch.draft import Draft
from dispatch.errors import UnknownEventError
from dispatch.events import EVENT_TYPES
from dispatch.model import (
    ASKING_STATUSES,
    ASSIGNED_STATUSES,
    NOT_CONFIRMED_STATUSES,
    OPEN_DRONES,
    OPEN_STATUSES,
    RECALLABLE_DRONES,
    AlertStatus,
    DroneStatus,
    Incident,
    Phase,
    Resource,
    Role,
    TimerKind,
)

CORE_VERSION = 1  # rises when the same events could lead to other commands

Guard = Callable[[Incident, Any], str]
Handler = Callable[[Draft, Any], None]


class Move(NamedTuple):
    """The event is taken, unless ``guard`` gives a reason to ignore it.

    ``handler`` works it out; where the event only says how its alert stands, it is that status.
    """

    handler: Handler | AlertStatus
    guard: Guard


class Ignore(NamedTuple):
    """The event is late, doubled or without meaning here."""

    reason: str


class Refuse(NamedTuple):
    """The event cannot be right: the driver should log it as a fault of its sender."""

    reason: str


Row = Move | Ignore | Refuse

BLANK = Incident(
    incident_id="", phase=Phase.NEW, version=0, policy_id="", reported_at_s=0.0, lat=0.0, lon=0.0
)


class Core:
    """Steps incidents under one policy. It holds nothing but the policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def step(
        self, state: Incident | None, event: events.Event, now_s: float
    ) -> tuple[Incident, tuple[Command, ...]]:
        """The incident after ``event`` at ``now_s`` (UTC epoch seconds) and what is to be done.

        Where the event is ignored or refused, the same incident comes back without commands;
        ``disposition`` says why. Raises ``UnknownEventError`` for a value that is no event.
        """
        incident = BLANK if state is None else state
        rows = _ROWS.get(type(event))
        if rows is None:
            raise UnknownEventError(event)
        row = rows[incident.phase]
        if not isinstance(row, Move) or row.guard(incident, event):
            return incident, ()
        if isinstance(row.handler, AlertStatus):
            return _marked(incident, event, row.handler), ()
        draft = Draft(self.policy, incident, now_s)
        row.handler(draft, event)
        return draft.finish()


def disposition(state: Incident | None, event: events.Event) -> Row:
    """What ``Core.step`` does with this event, for a driver's log."""
    incident = BLANK if state is None else state
    rows = _ROWS.get(type(event))
    if rows is None:
        raise UnknownEventError(event)
    row = rows[incident.phase]
    if isinstance(row, Move):
        reason = row.guard(incident, event)
        return Ignore(reason) if reason else row
    return row


def _marked(incident: Incident, event: Any, status: AlertStatus) -> Incident:
    alerts = list(incident.alerts)
    number = event.alert_id - 1
    alerts[number] = replace(alerts[number], status=status)
    return replace(incident, version=incident.version + 1, alerts=tuple(alerts))


# --- guards: a reason to ignore the event, or "" --------------------------------------------------


def _always(_: Incident, __: object) -> str:
    return ""


def _is_confirmed(_: Incident, event: events.IncidentReported) -> str:
    return "" if event.confirmed else "already_reported"


def _unconfirmed(incident: Incident, _: object) -> str:
    return "" if incident.confirmed_at_s is None else "already_confirmed"


def _elsewhere(incident: Incident, event: events.LocationChanged) -> str:
    same = event.lat == incident.lat and event.lon == incident.lon
    return "same_place" if same else ""


def _not_held(incident: Incident, event: events.HoldPlaced) -> str:
    return "already_held" if event.kind in incident.holds else ""


def _held(incident: Incident, event: events.HoldLifted) -> str:
    return "" if event.kind in incident.holds else "not_held"


def _this_query(incident: Incident, event: Any) -> str:
    running = (TimerKind.CANDIDATES, event.query_id) in incident.timers
    return "" if running else "stale_query"


def _this_timer(incident: Incident, event: events.TimerFired) -> str:
    return "" if (event.kind, event.ref) in incident.timers else "stale_timer"


def _alert_in(allowed: frozenset[AlertStatus], otherwise: str) -> Guard:
    """A guard: the alert exists and stands in one of ``allowed``."""

    def guard(incident: Incident, event: Any) -> str:
        number = event.alert_id
        if not 1 <= number <= len(incident.alerts):
            return "unknown_alert"
        status = incident.alerts[number - 1].status
        if status in allowed:
            return ""
        return otherwise if status in OPEN_STATUSES else "alert_ended"

    return guard


_OPEN_ALERT = _alert_in(OPEN_STATUSES, "")


def _claim(incident: Incident, event: events.ClaimRefused) -> str:
    reason = _OPEN_ALERT(incident, event)
    if reason:
        return reason
    alert = incident.alerts[event.alert_id - 1]
    if event.resource is Resource.RESPONDER:
        return "" if alert.status is AlertStatus.ASKED else "already_reached"
    if event.resource is Resource.AED:
        fetching = alert.role is Role.AED and alert.aed_id == event.resource_id
        return "" if fetching and alert.status in ASSIGNED_STATUSES else "not_fetching"
    return "no_such_claim"


def _drones_used(incident: Incident, _: object) -> str:
    return "drones_not_used" if incident.drones is None else ""


def _this_drone_query(incident: Incident, event: Any) -> str:
    running = (TimerKind.DRONES, event.query_id) in incident.timers
    return "" if running else "stale_query"


def _drone_in(allowed: frozenset[DroneStatus], otherwise: str) -> Guard:
    """A guard: the drone's task exists and stands in one of ``allowed``."""

    def guard(incident: Incident, event: Any) -> str:
        tasks = () if incident.drones is None else incident.drones.tasks
        if not 1 <= event.task_id <= len(tasks):
            return "no_drone_sent"
        status = tasks[event.task_id - 1].status
        if status in allowed:
            return ""
        return otherwise if status in OPEN_DRONES else "drone_ended"

    return guard


# --- the table ------------------------------------------------------------------------------------

_WAY = incidents.ON_THE_WAY
_LIVE = (Phase.SEARCHING, Phase.ALERTING, Phase.COVERED, Phase.EXHAUSTED)
_BEFORE_CREW = (Phase.SUSPECTED, *_LIVE, Phase.HELD)
_OPEN = (*_BEFORE_CREW, Phase.CREW_ON_SCENE)
_ASKED = (*_LIVE, Phase.HELD, Phase.CREW_ON_SCENE)  # phases in which an alert may be open

_MOVES: tuple[tuple[type, tuple[Phase, ...], Handler | AlertStatus, Guard], ...] = (
    (events.IncidentReported, (Phase.NEW,), incidents.report, _always),
    (events.IncidentReported, (Phase.SUSPECTED,), incidents.report_again, _is_confirmed),
    (events.IncidentConfirmed, (Phase.SUSPECTED, Phase.HELD), incidents.confirm, _unconfirmed),
    (events.LocationChanged, _OPEN, incidents.relocate, _elsewhere),
    (events.CprStatusChanged, _OPEN, incidents.note_cpr, _always),
    (events.HoldPlaced, _OPEN, incidents.place_hold, _not_held),
    (events.HoldLifted, (Phase.HELD, Phase.CREW_ON_SCENE), incidents.lift_hold, _held),
    (events.AmbulanceEtaChanged, _BEFORE_CREW, incidents.note_ambulance, _always),
    (events.AmbulanceArrived, _BEFORE_CREW, incidents.crew_arrives, _always),
    (events.IncidentCancelled, _OPEN, incidents.cancel, _always),
    (events.IncidentClosed, _OPEN, incidents.close, _always),
    (events.CandidatesFound, (Phase.SEARCHING, Phase.ALERTING), incidents.found, _this_query),
    (events.CandidatesFailed, (Phase.SEARCHING, Phase.ALERTING), incidents.not_found, _this_query),
    (events.ClaimRefused, _ASKED, alerts.claim_refused, _claim),
    (
        events.AlertDelivered,
        _ASKED,
        AlertStatus.DELIVERED,
        _alert_in(NOT_CONFIRMED_STATUSES, "already_delivered"),
    ),
    (
        events.AlertUndelivered,
        _ASKED,
        alerts.undelivered,
        _alert_in(frozenset({AlertStatus.ASKED}), "already_delivered"),
    ),
    (
        events.AlertSeen,
        _ASKED,
        AlertStatus.SEEN,
        _alert_in(NOT_CONFIRMED_STATUSES | {AlertStatus.DELIVERED}, "already_seen"),
    ),
    (
        events.AlertAccepted,
        _ASKED,
        alerts.accepted,
        _alert_in(ASKING_STATUSES, "already_answered"),
    ),
    (events.AlertDeclined, _ASKED, alerts.declined, _OPEN_ALERT),
    (
        events.ResponderMoving,
        _ASKED,
        alerts.moving,
        _alert_in(frozenset({AlertStatus.ACCEPTED}), "already_moving_or_no_yes"),
    ),
    (
        events.AedObtained,
        _ASKED,
        alerts.aed_obtained,
        _alert_in(frozenset({AlertStatus.ACCEPTED, AlertStatus.MOVING}), "not_on_the_way"),
    ),
    (events.AedUnavailable, _ASKED, alerts.aed_unavailable, _alert_in(_WAY, "not_on_the_way")),
    (events.ResponderArrived, _ASKED, alerts.arrived, _alert_in(_WAY, "not_on_the_way")),
    (
        events.PatientReached,
        _ASKED,
        alerts.with_patient,
        _alert_in(_WAY | {AlertStatus.ARRIVED}, "not_on_the_way"),
    ),
    (events.ResponderDropped, _ASKED, alerts.dropped, _OPEN_ALERT),
    (events.TimerFired, _OPEN, timers.fired, _this_timer),
    (events.SceneFacts, _OPEN, drones.note_facts, _drones_used),
    (events.AedAttached, _OPEN, drones.other_aed, _drones_used),
    (events.DronesFound, _BEFORE_CREW, drones.found, _this_drone_query),
    (events.DronesFailed, _BEFORE_CREW, drones.not_found, _this_drone_query),
    (
        events.DroneRefused,
        _OPEN,
        drones.refused,
        _drone_in(frozenset({DroneStatus.CLAIMED}), "already_ready"),
    ),
    (
        events.DroneReady,
        _OPEN,
        drones.ready,
        _drone_in(frozenset({DroneStatus.CLAIMED}), "already_ready"),
    ),
    (
        events.DroneLaunched,
        _OPEN,
        drones.launched,
        _drone_in(RECALLABLE_DRONES - {DroneStatus.IN_FLIGHT}, "already_launched"),
    ),
    (
        events.DroneEtaChanged,
        _OPEN,
        drones.eta_changed,
        _drone_in(frozenset({DroneStatus.IN_FLIGHT}), "drone_not_in_flight"),
    ),
    (
        events.DroneDelivered,
        _OPEN,
        drones.delivered,
        _drone_in(RECALLABLE_DRONES, "drone_delivered_already"),
    ),
    (
        events.DroneAedTaken,
        _OPEN,
        drones.taken,
        _drone_in(OPEN_DRONES - {DroneStatus.TAKEN}, "aed_taken_already"),
    ),
    (
        events.DroneLost,
        _OPEN,
        drones.lost,
        _drone_in(OPEN_DRONES - {DroneStatus.TAKEN}, "aed_taken_already"),
    ),
)


def _without_move(phase: Phase, kind: type) -> Row:
    """The row of a phase and a type of event for which nothing moves."""
    if phase is Phase.NEW:
        return Refuse("unknown_incident")
    if phase is Phase.ENDED:
        return Ignore("ended")
    if phase is Phase.SUSPECTED and kind in _OF_ALERTS:
        return Refuse("nobody_asked")
    return Ignore(_WHY[kind])


_OF_ALERTS = frozenset(kind for kind, phases, _, __ in _MOVES if phases is _ASKED)
_WHY: Mapping[type, str] = {
    events.IncidentReported: "already_reported",
    events.IncidentConfirmed: "already_confirmed",
    events.HoldLifted: "not_held",
    events.AmbulanceEtaChanged: "crew_on_scene",
    events.AmbulanceArrived: "crew_on_scene",
    events.CandidatesFound: "stale_query",
    events.CandidatesFailed: "stale_query",
    events.DronesFound: "crew_on_scene",
    events.DronesFailed: "crew_on_scene",
}


def _table() -> dict[tuple[Phase, type], Row]:
    moves: dict[tuple[Phase, type], Row] = {
        (phase, kind): Move(handler, guard)
        for kind, phases, handler, guard in _MOVES
        for phase in phases
    }
    return {
        (phase, kind): moves.get((phase, kind)) or _without_move(phase, kind)
        for phase in Phase
        for kind in EVENT_TYPES
    }


TABLE: Mapping[tuple[Phase, type], Row] = _table()

_ROWS: dict[type, dict[Phase, Row]] = {
    kind: {phase: TABLE[phase, kind] for phase in Phase} for kind in EVENT_TYPES
}
