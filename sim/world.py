"""The SimPy world: one replication of one policy, driving the decision core.

The world does what the core commands and tells it what came of it. Events of one incident queue up
and are stepped one after the other (never from inside a step); happenings are callbacks of SimPy
timeouts. Ties in time: outside events before timers, then in the order in which they were planned.

A moment is planned as an absolute time. Epoch seconds between 2004 and 2038 lie in one binade of a
double, so ``now + (at − now)`` is ``at`` to the bit, and a recorded run can be replayed exactly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import simpy
from msgspec import Struct
from simpy.events import EventPriority

from dispatch.commands import (
    Assign,
    CancelTimer,
    Command,
    EndAlert,
    FindCandidates,
    FindDrones,
    SendAlert,
    StartTimer,
    TellControl,
)
from dispatch.config import Policy
from dispatch.events import (
    AedObtained,
    AedUnavailable,
    AlertAccepted,
    AlertDeclined,
    AlertDelivered,
    AlertSeen,
    AlertUndelivered,
    AmbulanceArrived,
    CandidatesFailed,
    CandidatesFound,
    ClaimRefused,
    CprStatusChanged,
    DroneRefused,
    DronesFound,
    Event,
    IncidentCancelled,
    IncidentClosed,
    IncidentReported,
    PatientReached,
    ResponderArrived,
    ResponderDropped,
    ResponderMoving,
    TimerFired,
)
from dispatch.lifecycle import Core
from dispatch.model import AlertStatus, Incident, Phase, Resource, Role, TimerKind
from sim.backdrop import Backdrop, Fetched
from sim.control import events_of
from sim.errand import PATIENT, START, Errand, way_from
from sim.finding import Finder
from sim.records import Records
from sim.scoring import Summary, incident_id, rows

if TYPE_CHECKING:
    from sim.drone_wing import DroneWing

Recorder = Callable[[str, float, Event, tuple[Command, ...]], None]
"""Called with (incident id, now_s, event, commands) after every step, in order."""

OUTSIDE, TIMER = EventPriority(1), EventPriority(2)  # which of them come first at one moment


class Moment(simpy.Event):
    """A timeout that calls a function: what SimPy's own does, with less around it."""

    def __init__(
        self,
        env: simpy.Environment,
        delay_s: float,
        order: EventPriority,
        what: Callable[..., None],
    ) -> None:
        self.env = env
        self.callbacks = _HAPPEN
        self.what = what
        self.arguments: tuple[Any, ...] = ()
        self._value = None
        self._ok = True
        env.schedule(self, order, delay_s if delay_s > 0.0 else 0.0)


def _happen(moment: Any) -> None:
    moment.what(*moment.arguments)


_HAPPEN: list[Callable[[Any], None]] = [_happen]  # the one list of callbacks of all moments


class Case:
    """One incident while it lasts: the core's state beside what only the world knows."""

    __slots__ = (
        "call_at_s", "done", "draining", "errands", "fetched", "id", "index", "log", "queue",
        "state", "timers",
    )  # fmt: skip

    def __init__(self, index: int, name: str, call_at_s: float, *, log: bool) -> None:
        self.index = index
        self.id = name
        self.call_at_s = call_at_s
        self.state: Incident | None = None
        self.queue: deque[Event] = deque()
        self.draining = False
        self.done = False
        self.errands: list[Errand] = []  # alert id − 1
        self.timers: dict[tuple[TimerKind, int], Moment] = {}
        self.fetched: Fetched | None = None
        self.log: list[tuple[float, str, str, str]] | None = [] if log else None


class World:
    """Runs all incidents of one backdrop under one policy."""

    def __init__(
        self,
        backdrop: Backdrop,
        policy: Policy,
        *,
        recorder: Recorder | None = None,
        logged: Callable[[int], bool] | None = None,
        last: bool = False,
    ) -> None:
        """``last``: no other policy comes after, so that what is known of an incident may go."""
        self.backdrop = backdrop
        self.policy = policy
        self.env = simpy.Environment(initial_time=backdrop.calendar.start_s)
        self.core = Core(policy)
        self.finder = Finder(backdrop, policy)
        self.summaries: list[Summary] = [Summary()] * len(backdrop)
        has_sky = backdrop.setting.sky is not None
        self.records = Records.empty(backdrop.parameters.outcome.models, drones=has_sky)
        self._recorder = recorder
        self._logged = logged
        self._last = last
        self._replication = backdrop.draws.replication
        self._carry_out: dict[type, Callable[[Case, Any], None]] = {
            FindCandidates: self._find,
            SendAlert: self._send_alert,
            Assign: self._assign,
            EndAlert: self._end_alert,
            StartTimer: self._start_timer,
            CancelTimer: self._cancel_timer,
            TellControl: _nothing,
            FindDrones: _no_drones,
        }
        self.wing = self._drone_wing() if has_sky and policy.drones.use else None

    def _drone_wing(self) -> DroneWing:
        from sim.drone_wing import DroneWing  # noqa: PLC0415 - loads the air router

        wing = DroneWing(
            self.backdrop, now=lambda: float(self.env.now), plan=self._plan, feed=self.feed
        )
        self._carry_out.update(wing.carry_out)
        return wing

    def run(self) -> Records:
        """Play the replication to its end and hand over its records."""
        if len(self.backdrop):
            self._plan(float(self.backdrop.at_s[0]), self._call, 0)
        self.env.run()
        name = self.policy.name
        self.records.incidents.rows += rows(self.backdrop, name, self._replication, self.summaries)
        self.records.volunteers = self.backdrop.people.n
        self.records.sort()
        return self.records

    # --- time ---------------------------------------------------------------------------------

    def _plan(self, at_s: float, what: Callable[..., None], *arguments: Any) -> None:
        """Let something happen at a moment; at once if that is past."""
        env = self.env
        Moment(env, at_s - env.now, OUTSIDE, what).arguments = arguments

    # --- calls --------------------------------------------------------------------------------

    def _call(self, index: int) -> None:
        """The emergency call of one incident; plans the next call and everything sure to come."""
        backdrop = self.backdrop
        if index + 1 < len(backdrop):
            self._plan(float(backdrop.at_s[index + 1]), self._call, index + 1)
        at_s = self.env.now
        ambulance_s = float(backdrop.ambulances.arrival_s[index])
        recognised_s = float(backdrop.patients.recognised_s[index])
        log = self._logged is not None and self._logged(index)
        case = Case(index, incident_id(self._replication, index), at_s, log=log)
        case.fetched = backdrop.fetched(index)
        if not recognised_s < ambulance_s:  # the crew is there before control knows (or NaN)
            self._finish(case, "not_recognised_before_crew")
            return
        self._plan(at_s + recognised_s, self._report, case)
        if self.wing is not None:
            self.wing.opens(case)
            suspected_s = float(backdrop.suspected_s[index])
            if self.policy.drones.ready_on_suspected and suspected_s < recognised_s:
                self._plan(at_s + suspected_s, self._report, case, suspected_s)
        cpr_s = float(backdrop.patients.cpr_s[index])
        if recognised_s < cpr_s < ambulance_s:
            self._plan(at_s + cpr_s, self.feed, case, CprStatusChanged(True))
        for notice_at_s, event in events_of(backdrop.notices, index, at_s, ambulance_s):
            self._plan(notice_at_s, self.feed, case, event)
        called_off_s = float(backdrop.patients.called_off_s[index])
        if called_off_s < ambulance_s:
            self._plan(at_s + called_off_s, self.feed, case, IncidentCancelled("no arrest"))
            return
        scene = backdrop.parameters.scene
        self._plan(at_s + ambulance_s, self.feed, case, AmbulanceArrived())
        stays_s = scene.close_after_crew_s if backdrop.arrivals.true_arrest[index] else 0.0
        self._plan(at_s + ambulance_s + stays_s, self.feed, case, IncidentClosed("crew done"))

    def _report(self, case: Case, suspected_s: float | None = None) -> None:
        """Control recognised an arrest, or (``suspected_s``) a machine suspects one."""
        backdrop, index, calendar = self.backdrop, case.index, self.backdrop.calendar
        cpr_s = float(backdrop.patients.cpr_s[index])
        recognised_s = float(backdrop.patients.recognised_s[index])
        now_s = recognised_s if suspected_s is None else suspected_s
        due_s = max(float(backdrop.ambulances.expected_s[index]), recognised_s)
        self.feed(
            case,
            IncidentReported(
                incident_id=case.id,
                lat=float(backdrop.arrivals.lat[index]),
                lon=float(backdrop.arrivals.lon[index]),
                confirmed=suspected_s is None,
                cpr_in_progress=cpr_s <= now_s,
                ambulance_due_at_s=case.call_at_s + due_s,
                utc_offset_s=float(
                    calendar.offset_s[calendar.index(case.call_at_s - calendar.start_s)]
                ),
                **({} if self.wing is None else self.wing.facts(case)),
            ),
        )

    # --- the core -----------------------------------------------------------------------------

    def feed(self, case: Case, event: Event) -> None:
        """Tell the core; carry out what it commands; go on until nothing more has come of it."""
        if case.done:
            return
        case.queue.append(event)
        if case.draining:
            return
        case.draining = True
        now_s = self.env.now
        queue, core, recorder = case.queue, self.core, self._recorder
        while queue:
            event = queue.popleft()
            case.state, commands = core.step(case.state, event, now_s)
            if recorder is not None:
                recorder(case.id, now_s, event, commands)
            if case.log is not None:
                _log(case.log, now_s - case.call_at_s, event, commands)
            for command in commands:
                self._carry_out[type(command)](case, command)
        case.draining = False
        if case.state is not None and case.state.phase is Phase.ENDED:
            self._finish(case, case.state.end_reason)

    def _find(self, case: Case, command: FindCandidates) -> None:
        case.queue.append(self.finder.find(case.index, command.query, self.env.now))

    def _start_timer(self, case: Case, command: StartTimer) -> None:
        env = self.env
        key = (command.kind, command.ref)
        moment = Moment(env, command.due_at_s - env.now, TIMER, self._ring)
        moment.arguments = (case, key, moment)
        case.timers[key] = moment

    def _cancel_timer(self, case: Case, command: CancelTimer) -> None:
        case.timers.pop((command.kind, command.ref), None)

    def _ring(self, case: Case, key: tuple[TimerKind, int], moment: Moment) -> None:
        if case.timers.get(key) is moment:
            del case.timers[key]
            self.feed(case, TimerFired(*key))

    # --- alerts -------------------------------------------------------------------------------

    def _send_alert(self, case: Case, command: SendAlert) -> None:
        now_s, person = self.env.now, command.responder_id
        night = bool(self.backdrop.arrivals.night[case.index])
        refused = self.finder.claim_person(person, case.id, command.alert_id, now_s, night=night)
        errand = Errand(command.alert_id, person, self.finder.answer(case.index, person), now_s)
        errand.role, errand.aed = command.role, command.aed_id
        errand.eta_s, errand.reason = command.eta_s, command.reason
        if case.state is not None:
            errand.wave = case.state.alerts[command.alert_id - 1].wave
        case.errands.append(errand)
        if refused:
            case.queue.append(ClaimRefused(command.alert_id, Resource.RESPONDER, person, refused))
            return
        answer = errand.answer
        if not answer.delivered:
            give_up_s = self.backdrop.parameters.people.undelivered_after_s
            self._plan(now_s + give_up_s, self._not_delivered, case, errand)
            return
        self._plan(now_s + answer.delivery_s, self._delivered, case, errand)
        if answer.seen:
            self._plan(now_s + answer.seen_s, self._seen, case, errand)
            self._plan(now_s + answer.reply_s, self._replied, case, errand)

    def _not_delivered(self, case: Case, errand: Errand) -> None:
        if errand.open:
            self.feed(case, AlertUndelivered(errand.alert_id, "no channel reached the phone"))

    def _delivered(self, case: Case, errand: Errand) -> None:
        if errand.open:
            errand.delivered_at_s = self.env.now
            self.feed(case, AlertDelivered(errand.alert_id))

    def _seen(self, case: Case, errand: Errand) -> None:
        if errand.open:
            errand.seen_at_s = self.env.now
            self.feed(case, AlertSeen(errand.alert_id))

    def _replied(self, case: Case, errand: Errand) -> None:
        if not errand.open:
            return
        errand.answered_at_s = now_s = self.env.now
        if not errand.answer.accepts:
            self.feed(case, AlertDeclined(errand.alert_id))
            return
        errand.accepted_at_s = now_s
        self.feed(case, AlertAccepted(errand.alert_id))
        if errand.ended_at_s is not None:  # the places are taken
            return
        ready_at_s = now_s + errand.answer.turnout_s
        self._plan(ready_at_s, self._sets_off, case, errand)
        if not errand.answer.continues:
            in_all_s = errand.answer.turnout_s + self._first_leg_s(case, errand)
            self._plan(now_s + errand.answer.stops_at * in_all_s, self._stops, case, errand)

    def _end_alert(self, case: Case, command: EndAlert) -> None:
        errand = case.errands[command.alert_id - 1]
        errand.open = False
        errand.token += 1
        errand.ended_at_s = self.env.now
        errand.outcome, errand.end_reason = command.outcome.value, command.reason
        self.finder.release(case.id, command.alert_id, errand.promised)

    # --- on the way ---------------------------------------------------------------------------

    def _assign(self, case: Case, command: Assign) -> None:
        errand = case.errands[command.alert_id - 1]
        aed = command.aed_id if command.role is Role.AED else None
        if aed != errand.promised:
            self.finder.release_aed(case.id, command.alert_id, errand.promised)
            errand.promised = None
        if aed is not None and errand.promised is None:
            refused = self.finder.claim_aed(aed, case.id, command.alert_id, self.env.now)
            if refused:
                case.queue.append(ClaimRefused(command.alert_id, Resource.AED, aed, refused))
                return
            errand.promised = aed
        errand.role, errand.aed = command.role, aed
        if errand.moving_at_s is not None and errand.arrived_at_s is None:
            errand.stop_here(self.env.now)
            self._go_on(case, errand)

    def _sets_off(self, case: Case, errand: Errand) -> None:
        if not errand.open or errand.moving_at_s is not None:
            return
        errand.moving_at_s = self.env.now
        self._go_on(case, errand)
        self.feed(case, ResponderMoving(errand.alert_id))

    def _go_on(self, case: Case, errand: Errand) -> None:
        """Head for the AED that is still to be fetched, else for the patient."""
        now_s = self.env.now
        goal = PATIENT if errand.aed is None or errand.carrying is not None else errand.aed
        way_s = self._way_s(case, errand, goal)
        if self.backdrop.parameters.people.speed_includes_turnout and errand.at[0][0] == START:
            # That speed's clock started with the alert.
            way_s = max(way_s - (now_s - errand.asked_at_s), 0.0)
        errand.head_for(goal, now_s, way_s)
        if goal == PATIENT:
            self._plan(errand.due_at_s, self._arrives, case, errand, errand.token)
        else:
            at_s = errand.due_at_s + self.policy.aed.pickup_s
            self._plan(at_s, self._at_aed, case, errand, errand.token)

    def _at_aed(self, case: Case, errand: Errand, token: int) -> None:
        if token != errand.token or errand.aed is None:
            return
        aed, now_s = errand.aed, self.env.now
        errand.reach_goal()
        problem = self.backdrop.aed_problem(case.index, aed)
        if problem is None and _taken(case.fetched, aed, now_s - case.call_at_s):
            problem = "gone"
        if problem is None:
            errand.carrying = aed
            errand.aed_at_s = now_s
            self._go_on(case, errand)
            self.feed(case, AedObtained(errand.alert_id, aed))
            return
        errand.aed = None
        self._go_on(case, errand)  # to the patient, unless the core knows another AED
        self.feed(case, AedUnavailable(errand.alert_id, aed, problem))

    def _arrives(self, case: Case, errand: Errand, token: int) -> None:
        if token != errand.token:
            return
        errand.reach_goal()
        errand.arrived_at_s = self.env.now
        at_s = self.env.now + self.backdrop.parameters.scene.to_patient_s
        self._plan(at_s, self._reaches_patient, case, errand)
        self.feed(case, ResponderArrived(errand.alert_id))

    def _reaches_patient(self, case: Case, errand: Errand) -> None:
        if errand.open:
            errand.with_patient_at_s = self.env.now
            self.feed(case, PatientReached(errand.alert_id))
            if self.wing is not None and errand.carrying is not None:
                attach_s = self.backdrop.parameters.scene.aed_attach_s
                self.wing.brings_aed(case, errand.with_patient_at_s + attach_s)

    def _stops(self, case: Case, errand: Errand) -> None:
        if errand.open and errand.arrived_at_s is None:
            self.feed(case, ResponderDropped(errand.alert_id, "cannot continue"))

    def _first_leg_s(self, case: Case, errand: Errand) -> float:
        return self._way_s(case, errand, PATIENT if errand.aed is None else errand.aed)

    def _way_s(self, case: Case, errand: Errand, goal: int) -> float:
        """Travel time of this person from where they are to a node, at their own pace."""
        backdrop, index, person = self.backdrop, case.index, errand.person

        def between_s(node: int, to: int) -> float:
            if to == PATIENT:
                if node == START:
                    return backdrop.true_direct_s(index, person)
                return backdrop.aed_to_patient_s(index, node, person)
            if node == START:
                return backdrop.to_aed_s(index, person, to)
            if node == PATIENT:
                return backdrop.aed_to_patient_s(index, to, person)
            return backdrop.between_aeds_s(node, to)

        base_s = way_from(errand.at, goal, between_s)
        if errand.carrying is not None:
            base_s *= self.policy.aed.carry_factor
        return round(base_s * float(backdrop.people.pace[person]), 3)

    # --- the end ------------------------------------------------------------------------------

    def _finish(self, case: Case, end_reason: str) -> None:
        """Nothing more comes of this incident: write down what it was."""
        case.done = True
        case.timers.clear()
        summary = _summary(case, self.backdrop, end_reason)
        if self.wing is not None:
            summary = self.wing.closes(case, summary)
        self.summaries[case.index] = summary
        if case.errands:
            self._write_alerts(case)
        if case.log is not None:
            head = (self.policy.name, self._replication, case.id)
            self.records.events.rows += [(*head, seq, *row) for seq, row in enumerate(case.log)]
            case.log = None
        case.errands = []
        self.finder.forget(case.index)
        if self._last:
            self.backdrop.forget(case.index)

    def _write_alerts(self, case: Case) -> None:
        call_at_s, calendar = case.call_at_s, self.backdrop.calendar
        if not case.errands:
            return
        head = (self.policy.name, self._replication, case.id)
        asked = [errand.person for errand in case.errands]
        distances_m = self.backdrop.asked_distance_m(case.index, asked)
        for errand, distance_m in zip(case.errands, distances_m, strict=True):
            hour = calendar.index(errand.asked_at_s - calendar.start_s)
            aed = errand.aed if errand.carrying is None else errand.carrying
            self.records.alerts.rows.append(
                (
                    *head,
                    errand.alert_id,
                    errand.person,
                    errand.role.value,
                    errand.wave,
                    _since(call_at_s, errand.asked_at_s),
                    int(calendar.hour[hour]),
                    bool(calendar.night[hour]),
                    errand.outcome,
                    errand.accepted_at_s is not None,
                    _since(call_at_s, errand.delivered_at_s),
                    _since(call_at_s, errand.seen_at_s),
                    _since(call_at_s, errand.answered_at_s),
                    _since(call_at_s, errand.moving_at_s),
                    _since(call_at_s, errand.aed_at_s),
                    _since(call_at_s, errand.arrived_at_s),
                    _since(call_at_s, errand.with_patient_at_s),
                    _since(call_at_s, errand.ended_at_s),
                    round(errand.eta_s, 3),
                    None if aed is None else int(self.backdrop.setting.aeds.ids[aed]),
                    errand.reason,
                    errand.end_reason,
                    distance_m,
                )
            )


def _since(call_at_s: float, moment_s: float | None) -> float | None:
    return None if moment_s is None else round(moment_s - call_at_s, 3)


def _no_drones(case: Case, command: FindDrones) -> None:
    """Here are none."""
    case.queue.append(DronesFound(command.query.query_id))


def _nothing(_: Case, __: Any) -> None:
    """A command that asks nothing of the world."""


def _taken(fetched: Fetched | None, aed: int, at_s: float) -> bool:
    """Whether a bystander has taken this AED by then."""
    return fetched is not None and fetched.aed == aed and fetched.taken_s <= at_s


def _summary(case: Case, backdrop: Backdrop, end_reason: str) -> Summary:
    scene = backdrop.parameters.scene
    ambulance_at_s = case.call_at_s + float(backdrop.ambulances.arrival_s[case.index])
    asked = [errand for errand in case.errands if errand.outcome != AlertStatus.REFUSED]
    there = sorted(
        (errand.arrived_at_s, errand.alert_id, errand)
        for errand in asked
        if errand.arrived_at_s is not None
    )

    def since(moments: list[float]) -> float | None:
        return round(min(moments) - case.call_at_s, 3) if moments else None

    with_aed = [errand for _, _, errand in there if errand.carrying is not None]
    attach_s = scene.aed_attach_s
    fetched = _unless_taken(case)
    return Summary(
        n_asked=len(asked),
        n_yes=sum(errand.accepted_at_s is not None for errand in asked),
        n_arrived=len(there),
        n_arrived_before_ambulance=sum(at_s < ambulance_at_s for at_s, _, _ in there),
        n_with_aed=len(with_aed),
        n_redundant=sum(
            at_s >= ambulance_at_s or (i > 0 and errand not in with_aed[:1])
            for i, (at_s, _, errand) in enumerate(there)
        ),
        first_alert_s=since([errand.asked_at_s for errand in asked]),
        first_volunteer_s=since([at_s for at_s, _, _ in there]),
        hands_s=since([e.with_patient_at_s for e in asked if e.with_patient_at_s is not None]),
        responder_aed_s=since(
            [e.with_patient_at_s + attach_s for e in with_aed if e.with_patient_at_s is not None]
        ),
        public_aed_s=None if fetched is None else fetched.attached_s,
        end_reason=end_reason,
    )


def _unless_taken(case: Case) -> Fetched | None:
    """The bystander's AED, unless a volunteer took that very one before."""
    fetched = case.fetched
    if fetched is None:
        return None
    taken_at_s = case.call_at_s + fetched.taken_s
    for errand in case.errands:
        if errand.carrying == fetched.aed and (errand.aed_at_s or 0.0) < taken_at_s:
            return None
    return fetched


def _log(
    log: list[tuple[float, str, str, str]], t_s: float, event: Event, commands: tuple[Command, ...]
) -> None:
    """What happened and what the core wanted, one line each."""
    for item, actor in ((event, _actor(event)), *((command, "core") for command in commands)):
        log.append((round(t_s, 3), actor, type(item).__name__, _detail(item)))


_OF_THE_DRIVER = (CandidatesFound, CandidatesFailed, ClaimRefused, DronesFound, DroneRefused)


def _actor(event: Event) -> str:
    if isinstance(event, TimerFired):
        return "clock"
    if isinstance(event, _OF_THE_DRIVER):
        return "driver"
    task_id = getattr(event, "task_id", None)
    if task_id is not None:
        return f"drone task {task_id}"
    alert_id = getattr(event, "alert_id", None)
    return "control" if alert_id is None else f"alert {alert_id}"


def _detail(item: Event | Command) -> str:
    """The facts of an event or command in one line; long lists as their length."""
    parts = []
    for name in item.__struct_fields__:
        value = getattr(item, name)
        if isinstance(value, tuple | Struct):
            value = f"{len(value)}" if isinstance(value, tuple) else value.query_id  # type: ignore[attr-defined]
        if value not in (None, "", False):
            parts.append(f"{name}={value}")
    return " ".join(parts)
