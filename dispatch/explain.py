"""Reasons in plain words: why these people, why not those, and what became of an incident.

Every code that the core, the eligibility mask or the table of transitions uses has its words in
``WORDS``. A story is told from the events and commands of an incident, in the order in which
they were kept; it names people by id and never gives a position.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from dispatch import commands, events
from dispatch.commands import Command
from dispatch.drones import farthest
from dispatch.events import MAY_HAVE_ARRIVED, CandidatesFound, Event
from dispatch.model import AlertStatus, DroneStatus, PassedOver, Query, Role, TimerKind

WORDS: dict[str, str] = {
    # why a person may not be asked
    "none": "may be asked",
    "not_first_at_night": "at night only if likely the first",
    "opted_out": "asked not to be called to this",
    "position_coarse": "position too uncertain",
    "position_old": "no recent position",
    "night_cap": "asked at night as often as they accept",
    "alert_cap": "asked as often as they accept",
    "quiet_hours": "not to be woken at this hour",
    "off_duty": "not available now",
    "engaged": "with another emergency",
    "no_device": "no phone that would sound",
    "training_lapsed": "training lapsed",
    "not_verified": "training not verified",
    "suspended": "suspended",
    "asked_already": "asked already",
    # why a person was asked
    "wave": "next of those who may be asked",
    "replacement": "next after somebody who cannot or does not answer",
    "other_aed": "could bring another AED in time",
    # why a person was told where to go (again)
    "said_yes": "said yes",
    "location_changed": "the patient is elsewhere",
    "role_changed": "somebody sooner has said yes",
    "aed_unavailable": "the AED is not there, locked or broken",
    "aed_claimed": "the AED is being fetched for another emergency",
    # why an alert ended
    "enough_coming": "enough people are coming",
    "places_taken": "every place was taken",
    "said_no": "not this time",
    "cannot_continue": "cannot continue",
    "undelivered": "could not be reached",
    "claimed": "was asked for another emergency a moment before",
    "no_answer": "no answer",
    "no_sign_of_setting_off": "said yes, but no sign of setting off",
    "crew_on_scene": "the ambulance is there",
    "cancelled": "control took the call back",
    "closed": "the emergency is over",
    "expired": "nobody closed the incident in time",
    "left": "has left",
    "no_receipt": "no phone confirmed it in time",
    "deadline_passed": "it was too late to send",
    "channel_down": "the provider of messages is out of order",
    "provider_failed": "the provider of messages did not take it",
    "device_gone": "the phone is no longer enrolled",
    # what is wrong with an AED
    "not_there": "it is not there",
    "locked": "it is locked",
    "hold:unsafe_scene": "the scene is not safe",
    "hold:do_not_alert": "nobody is to be asked to this patient",
    "hold:alerting_stopped": "alerting was stopped",
    "hold:no_alert_area": "the place lies in a no-alert area",
    # why no drone goes, or brought no AED
    "child": "too young for what a drone brings",
    "trauma": "an injury, so no AED by air",
    "no_delivery_place": "no place to put an AED down",
    "lone_rescuer": "somebody is alone with the patient and must stay",
    "unsafe_scene": "the scene is not safe",
    "too_far": "too far for a drone",
    "busy": "every drone in reach is busy",
    "not_in_service": "the drone is out of service",
    "operator_refused": "the drone's operator refused",
    "no_drone": "no drone",
    "gust": "gusts beyond what a drone stands",
    "rain": "rain",
    "fog": "too little to be seen",
    "cold": "too cold to fly",
    "heat": "too hot to fly",
    "ice": "ice",
    "dark": "no flights by night",
    "wind": "too much wind",
    "no_fly_zone": "the patient lies in a no-fly zone",
    "enclosed": "no-fly zones lie all around the patient",
    "base_in_volume": "the base lies in a no-fly zone",
    "energy": "the battery would not bring it home",
    "permission_unlikely": "permission to fly is unlikely",
    "no_gain": "others are about as soon",
    "permission_refused": "permission to fly was refused",
    "permission_late": "permission to fly did not come in time",
    "start_failed": "it did not take off",
    "delivery_failed": "it could not put the AED down",
    "other_aed_first": "another AED is on the patient",
    # what control is told
    "held": "Nobody is being asked",
    "nobody_coming": "Nobody is coming, and nobody is left to ask",
    "nobody_left": "Nobody more will be asked",
    "no_aed_to_come": "People are coming, and nobody can bring an AED in time",
    "straight_line_times": "Travel times are estimates along straight lines",
    "no_candidates": "Nobody could be looked for",
    "still_open": "This incident is still open",
    "outside_region": "The place lies outside the region's map: check it",
    "code_not_listed": "The code is not in the table, so nobody is asked: a person must decide",
    "ambulance_time_not_plausible": "The ambulance's time cannot be right and was left out",
    "possible_duplicate": "Another open incident is near: is it the same emergency?",
    "internal_fault": "A fault of the service holds this incident up",
    "drone_launched": "A drone is on its way with an AED",
    "drone_delivered": "The drone's AED lies on the ground",
    "drone_lost": "The drone brings no AED",
    "drone_overdue": "A drone is overdue, and nothing was heard of it",
    "no_answer_about_drones": "Nothing could be learned about drones",
    "tell_the_caller_to_fetch_the_aed": "A drone's AED lies there for a bystander: tell the caller",
    "responder_taken_off": "Somebody who was going was taken off the list and told to stop",
    # why an event changed nothing
    "already_reported": "reported already",
    "already_confirmed": "confirmed already",
    "already_held": "held for that reason already",
    "already_delivered": "delivered already",
    "already_seen": "seen already",
    "already_answered": "answered already",
    "already_moving_or_no_yes": "on the way already, or no yes yet",
    "already_reached": "the person was reached already",
    "same_place": "the same place",
    "not_held": "not held for that reason",
    "not_on_the_way": "the person is not on the way",
    "not_fetching": "the person is not fetching that AED",
    "no_such_claim": "nothing of that kind is claimed",
    "stale_query": "another search has taken its place",
    "stale_timer": "the timer was stopped",
    "alert_ended": "the alert has ended",
    "ended": "the incident has ended",
    "unknown_alert": "no alert has that number",
    "unknown_incident": "the incident was never reported",
    "nobody_asked": "nobody has been asked yet",
    "drones_not_used": "the policy uses no drones",
    "no_drone_sent": "no drone has that task",
    "already_ready": "ready already",
    "already_launched": "launched already",
    "drone_not_in_flight": "the drone is not in flight",
    "drone_delivered_already": "delivered already",
    "aed_taken_already": "the AED was taken already",
    "drone_ended": "the drone's task has ended",
}

_TAKEN_OFF = frozenset({"suspended", "left"})  # by a registrar, not by the person
_ROLE = {Role.CPR: "straight to the patient", Role.AED: "by way of AED {}"}
_NO_NAME = "no reason given"
NOT_FOUND = "was not within reach, or further than those listed"
"""Of whom no search came across; a driver may know more from its register."""


class Step(NamedTuple):
    """One step of an incident as a driver keeps it; ``ignored``: why the event changed nothing."""

    now_s: float
    event: Event
    commands: tuple[Command, ...] = ()
    ignored: str = ""


class Line(NamedTuple):
    """One sentence of a story; ``after_s`` counts from the first step."""

    after_s: float
    text: str

    def __str__(self) -> str:
        minutes, seconds = divmod(max(0, round(self.after_s)), 60)
        return f"{minutes}:{seconds:02d} {self.text}"


def words(code: str) -> str:
    """The words of a code; whatever is no code (a reason typed by somebody) stays as it is."""
    return WORDS.get(code, code) or _NO_NAME


def passed_over(people: Iterable[PassedOver]) -> tuple[str, ...]:
    """Counts by reason, the most frequent first: ``3 passed over: training lapsed``."""
    counted = Counter(person.reason for person in people)
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return tuple(f"{count} passed over: {words(reason)}" for reason, count in ranked)


def why_not(responder_id: int, steps: Sequence[Step]) -> str:
    """Why this person was not asked, or what came of it, from the kept steps."""
    asked = [
        command
        for step in steps
        for command in step.commands
        if isinstance(command, commands.SendAlert) and command.responder_id == responder_id
    ]
    if asked:
        return f"{responder_id} was asked: {words(asked[0].reason)}"
    reasons = [
        person.reason
        for step in steps
        if isinstance(step.event, CandidatesFound)
        for person in step.event.passed_over
        if person.responder_id == responder_id
    ]
    if reasons:
        return f"{responder_id} was passed over: {words(reasons[-1])}"
    if any(responder_id in _found(step.event) for step in steps):
        return f"{responder_id} could have gone and others were sooner"
    return f"{responder_id} {NOT_FOUND}"


def _found(event: Event) -> tuple[int, ...]:
    if not isinstance(event, CandidatesFound):
        return ()
    return tuple(person.responder_id for person in event.candidates)


def story(steps: Sequence[Step]) -> tuple[Line, ...]:
    """What happened and what was done about it, a sentence each."""
    if not steps:
        return ()
    start_s = steps[0].now_s
    who: dict[int, int] = {}
    lines: list[Line] = []
    for step in steps:
        for command in step.commands:
            if isinstance(command, commands.SendAlert):
                who[command.alert_id] = command.responder_id
        texts = [_told_of(step, who), *(_command_text(c) for c in step.commands)]
        lines += [Line(step.now_s - start_s, text) for text in texts if text]
    return tuple(lines)


# --- events -----------------------------------------------------------------------------------


def _told_of(step: Step, who: dict[int, int]) -> str:
    text = _event_text(step.event, who)
    if not step.ignored:
        return text
    if not text or isinstance(step.event, events.TimerFired):
        return ""
    return f"{text[:-1]}; it changed nothing: {words(step.ignored)}."


def _event_text(event: Event, who: dict[int, int]) -> str:
    if isinstance(event, events.TimerFired):
        return _timer_text(event, who)
    tell = _EVENTS.get(type(event))
    if tell is None:
        return ""
    person = who.get(getattr(event, "alert_id", 0), 0)
    return tell(event, person)


def _timer_text(event: events.TimerFired, who: dict[int, int]) -> str:
    person = who.get(event.ref, 0)
    texts = {
        TimerKind.SILENCE: f"{person} has not answered yet.",
        TimerKind.WAVE: f"Wave {event.ref + 1}.",
        TimerKind.CANDIDATES: "The search gave no answer in time.",
    }
    return texts.get(event.kind, "")


def _reported(event: events.IncidentReported, _: int) -> str:
    what = "confirmed" if event.confirmed else "suspected, nobody is woken"
    return f"Reported: {what}; scene {event.scene.value}."


def _candidates(event: CandidatesFound, _: int) -> str:
    count = len(event.candidates)
    text = f"{count} may be asked" + (" and more beyond those" if event.cut else "") + "."
    return " ".join((text, *(f"{line}." for line in passed_over(event.passed_over))))


def _drones(event: events.DronesFound, _: int) -> str:
    count = len(event.options)
    if count:
        return f"{count} drone{'s' if count > 1 else ''} could go."
    return f"No drone can go: {words(farthest(event.passed))}."


def _because(reason: str) -> str:
    return f": {words(reason)}" if reason else ""


def _ambulance(event: events.AmbulanceEtaChanged, _: int) -> str:
    known = "no longer known" if event.due_at_s is None else "changed"
    return f"The ambulance's expected arrival is {known}."


_EVENTS: dict[type, Callable[[Any, int], str]] = {
    events.IncidentReported: _reported,
    events.IncidentConfirmed: lambda _, __: "Control recognised an arrest.",
    events.LocationChanged: lambda _, __: "The patient is elsewhere.",
    events.CprStatusChanged: lambda e, _: (
        "Somebody is giving CPR." if e.in_progress else "Nobody is giving CPR."
    ),
    events.HoldPlaced: lambda e, _: f"Held: {words('hold:' + e.kind.value)}.",
    events.HoldLifted: lambda e, _: f"No longer held: {words('hold:' + e.kind.value)}.",
    events.AmbulanceEtaChanged: _ambulance,
    events.AmbulanceArrived: lambda _, __: "The ambulance is there.",
    events.IncidentCancelled: lambda e, _: f"Control took the call back{_because(e.reason)}.",
    events.IncidentClosed: lambda e, _: f"Closed{_because(e.reason)}.",
    CandidatesFound: _candidates,
    events.CandidatesFailed: lambda e, _: f"The search failed: {words(e.reason)}.",
    events.ClaimRefused: lambda e, person: f"{person}: {e.resource.value} claimed elsewhere.",
    events.AlertDelivered: lambda _, person: f"{person}: delivered.",
    events.AlertUndelivered: lambda event, person: (
        f"No word from the phone of {person}: somebody else is asked as well."
        if event.reason in MAY_HAVE_ARRIVED
        else f"{person} could not be reached."
    ),
    events.AlertSeen: lambda _, person: f"{person} has seen it.",
    events.AlertAccepted: lambda _, person: f"{person} said yes.",
    events.AlertDeclined: lambda _, person: f"{person} said not this time.",
    events.ResponderMoving: lambda _, person: f"{person} has set off.",
    events.AedObtained: lambda e, person: f"{person} has AED {e.aed_id}.",
    events.AedUnavailable: lambda e, person: (
        f"{person} cannot get AED {e.aed_id}: {words(e.problem)}."
    ),
    events.ResponderArrived: lambda _, person: f"{person} is at the scene.",
    events.PatientReached: lambda _, person: f"{person} is with the patient.",
    events.ResponderDropped: lambda e, person: (
        f"{person} was taken off: {words(e.reason)}."
        if e.reason in _TAKEN_OFF
        else f"{person} cannot continue."
    ),
    events.AedAttached: lambda _, __: "An AED is on the patient.",
    events.SceneFacts: lambda _, __: "Control knows more about the scene.",
    events.DronesFound: _drones,
    events.DronesFailed: lambda e, _: f"Nothing was learned about drones: {words(e.reason)}.",
    events.DroneRefused: lambda e, _: f"The drone was not to be had: {words(e.reason)}.",
    events.DroneReady: lambda _, __: "The drone is ready.",
    events.DroneLaunched: lambda _, __: "The drone has taken off.",
    events.DroneEtaChanged: lambda _, __: "The drone's expected arrival has changed.",
    events.DroneDelivered: lambda _, __: "The drone's AED lies on the ground.",
    events.DroneAedTaken: lambda _, __: "Somebody has the drone's AED.",
    events.DroneLost: lambda e, _: f"The drone brings no AED: {words(e.reason)}.",
}


# --- commands ---------------------------------------------------------------------------------


def _command_text(command: Command) -> str:
    tell = _COMMANDS.get(type(command))
    return "" if tell is None else tell(command)


def _minutes(seconds: float) -> str:
    return f"about {max(1, round(seconds / 60))} min"


def _looked(command: commands.FindCandidates) -> str:
    query: Query = command.query
    radius = "" if query.radius_m is None else f"{query.radius_m:g} m and "
    how = " along straight lines" if query.straight_line else ""
    return f"Looked for people within {radius}{_minutes(query.bound_s)} of travel{how}."


def _way(role: Role, aed_id: int | None) -> str:
    return _ROLE[role].format(aed_id)


def _asked(command: commands.SendAlert) -> str:
    way = _way(command.role, command.aed_id)
    return (
        f"Asked {command.responder_id}: {words(command.reason)}; {_minutes(command.eta_s)}, {way}."
    )


def _assigned(command: commands.Assign) -> str:
    way = _way(command.role, command.aed_id)
    return f"Sent {command.responder_id} {way}: {words(command.reason)}."


# What the person or the channel ended themselves is told by the event.
_OUTCOME = {
    AlertStatus.WITHDRAWN: "is not needed any more",
    AlertStatus.EXPIRED: "did not answer",
    AlertStatus.STOOD_DOWN: "was stood down",
    AlertStatus.LAPSED: "lost the place",
    AlertStatus.COMPLETED: "has finished",
}


def _ended(command: commands.EndAlert) -> str:
    outcome = _OUTCOME.get(command.outcome)
    return f"{command.responder_id} {outcome}: {words(command.reason)}." if outcome else ""


def _told(command: commands.TellControl) -> str:
    detail = words(f"hold:{command.detail}") if command.code == "held" else command.detail
    return f"Control was told: {words(command.code)}{f' ({detail})' if detail else ''}."


def _taker(command: commands.TakeFromDrone) -> str:
    who = "A bystander" if command.alert_id is None else f"The person of alert {command.alert_id}"
    return f"{who} was asked to go for the drone's AED."


def _drone_ended(command: commands.EndDrone) -> str:
    if command.outcome is DroneStatus.RECALLED:
        return f"Drone {command.drone_id} was recalled: {words(command.reason)}."
    if command.outcome is DroneStatus.COMPLETED:
        return f"Drone {command.drone_id} has finished: {words(command.reason)}."
    return ""  # lost and refused are told by the event


_COMMANDS: dict[type, Callable[[Any], str]] = {
    commands.FindDrones: lambda _: "Looked for drones.",
    commands.ReadyDrone: lambda c: f"Drone {c.drone_id} is being made ready.",
    commands.LaunchDrone: lambda c: f"Drone {c.drone_id} was told to go.",
    commands.TakeFromDrone: _taker,
    commands.EndDrone: _drone_ended,
    commands.FindCandidates: _looked,
    commands.SendAlert: _asked,
    commands.Assign: _assigned,
    commands.EndAlert: _ended,
    commands.TellControl: _told,
}
