"""AED drones: whether one is wanted, which one, and what its news mean for the incident.

``settle`` is the one place that begins or launches a task; ``choose`` is the decision alone. One
drone at a time is sent: the next after one was refused or lost, up to the policy's ``tries``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

from msgspec.structs import replace

from dispatch import benefit, waves
from dispatch.commands import (
    EndDrone,
    FindDrones,
    LaunchDrone,
    ReadyDrone,
    RecallDrone,
    TakeFromDrone,
)
from dispatch.config import LoneRescuer, Policy
from dispatch.draft import Draft
from dispatch.events import (
    AedAttached,
    DroneAedTaken,
    DroneDelivered,
    DroneEtaChanged,
    DroneLaunched,
    DroneLost,
    DroneReady,
    DroneRefused,
    DronesFailed,
    DronesFound,
    IncidentReported,
    SceneFacts,
)
from dispatch.model import (
    ASSIGNED_STATUSES,
    OPEN_DRONES,
    RECALLABLE_DRONES,
    Alert,
    AlertStatus,
    DroneOption,
    DronePassed,
    DroneQuery,
    DroneSide,
    DroneStatus,
    DroneTask,
    HoldKind,
    Phase,
    Role,
    TimerKind,
)
from dispatch.policies import Situation

_AT_THE_SCENE = frozenset({AlertStatus.ARRIVED, AlertStatus.WITH_PATIENT})
_ON_THE_GROUND = frozenset({DroneStatus.CLAIMED, DroneStatus.READY})
_FAILED = frozenset({DroneStatus.REFUSED, DroneStatus.LOST})

# Why drones cannot go, by how far each came: reach, weather and light, airspace, energy.
STOPPED_AT: dict[str, int] = {
    **dict.fromkeys(("too_far", "busy", "no_drone"), 1),
    **dict.fromkeys(("gust", "rain", "fog", "cold", "heat", "ice", "dark", "wind"), 2),
    **dict.fromkeys(("no_fly_zone", "enclosed", "base_in_volume"), 3),
    "energy": 4,
}


# --- the decision ---------------------------------------------------------------------------------


def ruled_out(policy: Policy, side: DroneSide) -> str:
    """Why nobody wants a drone here, whatever the air is like; "": one may go."""
    rules = policy.drones
    if side.age_years is not None and side.age_years < rules.least_age_years:
        return "child"
    if side.trauma and rules.not_for_trauma:
        return "trauma"
    if side.no_delivery:
        return "no_delivery_place"
    if side.hands == 1 and rules.lone_rescuer is LoneRescuer.NEVER:
        return "lone_rescuer"
    return "no_gain" if side.aed_attached else ""


def choose(
    policy: Policy, facts: Situation, options: Sequence[DroneOption]
) -> tuple[DroneOption | None, str]:
    """The soonest drone that is likely allowed, if it brings enough; else None and why not."""
    likely = [o for o in options if o.granted_share >= policy.drones.least_granted_share]
    if not likely:
        return None, "permission_unlikely"
    best = min(likely, key=lambda option: (option.eta_s, option.drone_id))
    if is_worth_it(policy, facts, facts.now_s + best.eta_s, best.granted_share):
        return best, ""
    return None, "no_gain"


def is_worth_it(policy: Policy, facts: Situation, due_s: float, granted_share: float) -> bool:
    """Whether an AED on the ground at ``due_s`` beats what comes anyway by the policy's margin.

    With a benefit table: more expected benefit, were it later by the margin and weighed by the
    chance of permission. Without one: a shock sooner by the margin than the soonest other AED.
    """
    late_s = due_s + policy.drones.least_gain_s
    if policy.benefit is not None:
        outlook = benefit.Outlook.of(policy, facts)
        without = outlook.with_aed_at(None)
        return granted_share * (outlook.with_aed_at(late_s - facts.call_at_s) - without) > 0.0
    return late_s + policy.aed.ready_s <= other_shock_s(policy, facts)


def other_shock_s(policy: Policy, facts: Situation) -> float:
    """When a volunteer's AED or the ambulance's could give a shock; inf: none is known of."""
    coming = [
        _there_s(policy, facts, alert) + policy.aed.ready_s
        for alert in facts.alerts
        if alert.role is Role.AED and alert.status in ASSIGNED_STATUSES
    ]
    ambulance_s = inf if facts.ambulance_due_s is None else facts.ambulance_due_s
    return min((*coming, ambulance_s))


def _there_s(policy: Policy, facts: Situation, alert: Alert) -> float:
    if alert.status in _AT_THE_SCENE:
        return facts.now_s
    said_yes_s = alert.asked_at_s if alert.accepted_at_s is None else alert.accepted_at_s
    return max(said_yes_s + policy.roles.setting_off_s + alert.eta_s, facts.now_s)


def farthest(passed: Iterable[DronePassed]) -> str:
    """Of the reasons against several drones the one that came farthest; "no_drone" for none."""
    reasons = [drone.reason for drone in passed if drone.reason]
    return max(reasons, key=lambda reason: STOPPED_AT.get(reason, 0), default="no_drone")


# --- facts ----------------------------------------------------------------------------------------


def begin(policy: Policy, event: IncidentReported) -> DroneSide | None:
    """What a new incident holds about drones; None where the policy uses none."""
    return with_facts(DroneSide(), event) if policy.drones.use else None


def with_facts(side: DroneSide | None, event: IncidentReported | SceneFacts) -> DroneSide | None:
    """The side with what the event says anew."""
    if side is None:
        return None
    said = {
        name: value
        for name in ("age_years", "trauma", "no_delivery", "hands")
        if (value := getattr(event, name)) is not None
    }
    return replace(side, **said) if said else side


def note_facts(draft: Draft, event: SceneFacts) -> None:
    """Control knows more: a drone may not be wanted any more, or may be now."""
    draft.change(drones=with_facts(draft.incident.drones, event))
    reason = ruled_out(draft.policy, _side(draft))
    if reason:
        _change(draft, note=reason)
        recall(draft, reason)
    settle(draft)
    offer(draft)


def other_aed(draft: Draft, _: AedAttached) -> None:
    """An AED is on the patient that no drone brought."""
    _change(draft, aed_attached=True)
    draft.cancel_all(TimerKind.DRONES)
    if draft.policy.drones.recall_on_aed:
        recall(draft, "other_aed_first")


# --- rest -----------------------------------------------------------------------------------------


def settle(draft: Draft) -> None:
    """Look for a drone, choose it, make it ready or send it: whatever is due now."""
    side = draft.incident.drones
    if side is None or not _may_look(draft) or _is_searching(draft, side):
        return
    task = next((t for t in side.tasks if t.status in OPEN_DRONES), None)
    if task is not None:
        if task.status in _ON_THE_GROUND:
            _go_or_stay(draft, task)
        return
    reason = ruled_out(draft.policy, side)
    if reason:
        _change(draft, note=reason)
    elif sum(t.status in _FAILED for t in side.tasks) >= draft.policy.drones.tries:
        return
    elif side.found_at_s is None or draft.now_s - side.found_at_s > draft.policy.fresh_s:
        _search(draft, side)
    elif side.options:
        _choose(draft, side)


def look_anew(draft: Draft, reason: str) -> None:
    """What was found holds no more: stop what can be stopped, and begin again where that may be."""
    if draft.incident.drones is None:
        return
    recall(draft, reason)
    _forget(draft)
    if draft.incident.holds:
        unsafe = HoldKind.UNSAFE_SCENE in draft.incident.holds
        _change(draft, note="unsafe_scene" if unsafe else "held")
    settle(draft)


def crew_arrives(draft: Draft) -> None:
    """The crew has its own defibrillator."""
    draft.cancel_all(TimerKind.DRONES)
    if draft.policy.drones.recall_on_crew:
        recall(draft, "crew_on_scene")


def end_all(draft: Draft, how: str) -> None:
    """Every task gets its end."""
    recall(draft, how)
    for task in _tasks(draft):
        if task.status in OPEN_DRONES:
            _end(draft, task, DroneStatus.COMPLETED, how)


def recall(draft: Draft, reason: str) -> None:
    """Whatever has not delivered stands down or comes home."""
    for task in _tasks(draft):
        if task.status in RECALLABLE_DRONES:
            draft.commands.append(RecallDrone(task.task_id, task.drone_id, reason))
            _end(draft, task, DroneStatus.RECALLED, reason)


def offer(draft: Draft) -> None:
    """An AED that lies there is somebody's to take: a volunteer's, else a bystander's."""
    task = next((t for t in _tasks(draft) if t.status is DroneStatus.DELIVERED), None)
    if task is None or task.taken_by is not None or draft.phase is Phase.CREW_ON_SCENE:
        return
    alert_id = _volunteer_there(draft.alerts)
    if alert_id is None and (task.told_to_take or not _may_send_bystander(draft)):
        return
    _set(draft, task, told_to_take=True, taken_by=alert_id)
    draft.commands.append(TakeFromDrone(task.task_id, task.drone_id, alert_id))


def _volunteer_there(alerts: Iterable[Alert]) -> int | None:
    """The first of those at the scene who has brought no AED."""
    there = (a.alert_id for a in alerts if a.status in _AT_THE_SCENE and a.role is Role.CPR)
    return next(there, None)


def _may_send_bystander(draft: Draft) -> bool:
    hands = _side(draft).hands
    if hands is None or hands == 1:
        return draft.policy.drones.lone_rescuer is LoneRescuer.ALLOWED
    return hands > 1


# --- the operator's answers and news --------------------------------------------------------------


def found(draft: Draft, event: DronesFound) -> None:
    """Drones that could go, or why none can."""
    draft.cancel(TimerKind.DRONES, event.query_id)
    failed = {task.drone_id for task in _tasks(draft) if task.status in _FAILED}
    options = tuple(option for option in event.options if option.drone_id not in failed)
    _change(draft, options=options, found_at_s=draft.now_s)
    if not options:
        _change(draft, note=farthest(event.passed))
    settle(draft)


def not_found(draft: Draft, event: DronesFailed) -> None:
    """The search failed."""
    draft.cancel(TimerKind.DRONES, event.query_id)
    none_to_be_had(draft, event.reason)


def none_to_be_had(draft: Draft, reason: str) -> None:
    """No answer: people alone, until something makes us look again."""
    _change(draft, options=(), found_at_s=draft.now_s, note="no_drone")
    draft.tell_control("no_answer_about_drones", reason)


def refused(draft: Draft, event: DroneRefused) -> None:
    """Another incident was quicker: another drone."""
    _end(draft, _task(draft, event.task_id), DroneStatus.REFUSED, event.reason or "claimed")
    _change(draft, note="busy")
    _forget(draft)
    settle(draft)


def ready(draft: Draft, event: DroneReady) -> None:
    """Prepared and allowed."""
    _set(draft, _task(draft, event.task_id), status=DroneStatus.READY)
    settle(draft)


def launched(draft: Draft, event: DroneLaunched) -> None:
    """In the air."""
    task = _task(draft, event.task_id)
    _set(draft, task, status=DroneStatus.IN_FLIGHT, due_at_s=event.due_at_s)
    draft.tell_control("drone_launched")


def eta_changed(draft: Draft, event: DroneEtaChanged) -> None:
    """Expected at another time."""
    _set(draft, _task(draft, event.task_id), due_at_s=event.due_at_s)


def delivered(draft: Draft, event: DroneDelivered) -> None:
    """The AED lies there."""
    task = _task(draft, event.task_id)
    _set(draft, task, status=DroneStatus.DELIVERED, due_at_s=draft.now_s)
    draft.tell_control("drone_delivered")
    offer(draft)


def taken(draft: Draft, event: DroneAedTaken) -> None:
    """Somebody has it."""
    task = _task(draft, event.task_id)
    by = task.taken_by if event.alert_id is None else event.alert_id
    _set(draft, task, status=DroneStatus.TAKEN, taken_by=by)


def lost(draft: Draft, event: DroneLost) -> None:
    """It brings nothing: control must know, and another drone may go."""
    reason = event.reason or "drone_lost"
    _end(draft, _task(draft, event.task_id), DroneStatus.LOST, reason)
    _change(draft, note=reason)
    draft.tell_control("drone_lost", reason)
    _forget(draft)
    settle(draft)


# --- one task -------------------------------------------------------------------------------------


def _may_look(draft: Draft) -> bool:
    if draft.phase is Phase.SUSPECTED:
        return draft.policy.drones.ready_on_suspected
    return draft.phase in waves.LIVE_PHASES


def _is_searching(draft: Draft, side: DroneSide) -> bool:
    return draft.is_running(TimerKind.DRONES, side.query_id)


def _search(draft: Draft, side: DroneSide) -> None:
    query_id = side.query_id + 1
    failed = tuple(task.drone_id for task in side.tasks if task.status in _FAILED)
    _change(draft, query_id=query_id, options=())
    incident = draft.incident
    draft.commands.append(FindDrones(DroneQuery(query_id, incident.lat, incident.lon, failed)))
    draft.start(TimerKind.DRONES, query_id, draft.now_s + draft.policy.drones.answer_within_s)


def _choose(draft: Draft, side: DroneSide) -> None:
    option, why_not = choose(draft.policy, waves.situation(draft), side.options)
    _change(draft, note=why_not)
    if option is None:
        return
    sure = draft.incident.confirmed_at_s is not None
    task = DroneTask(
        task_id=len(side.tasks) + 1,
        drone_id=option.drone_id,
        status=DroneStatus.CLAIMED,
        eta_s=option.eta_s,
        begun_at_s=draft.now_s,
        told_to_go_at_s=draft.now_s if sure else None,
    )
    _change(draft, tasks=(*side.tasks, task))
    word = LaunchDrone if sure else ReadyDrone
    draft.commands.append(word(task.task_id, task.drone_id))


def _go_or_stay(draft: Draft, task: DroneTask) -> None:
    """A drone made ready flies once an arrest is confirmed, unless it brings too little by then."""
    if task.told_to_go_at_s is not None or draft.incident.confirmed_at_s is None:
        return
    # One that is ready has its preparation behind it: the later moment errs against flying.
    waited = draft.now_s if task.status is DroneStatus.READY else task.begun_at_s
    due_s = waited + task.eta_s
    worth_it = is_worth_it(draft.policy, waves.situation(draft), due_s, 1.0)
    reason = ruled_out(draft.policy, _side(draft)) or ("" if worth_it else "no_gain")
    if reason:
        _change(draft, note=reason)
        recall(draft, reason)
        return
    _set(draft, task, told_to_go_at_s=draft.now_s)
    draft.commands.append(LaunchDrone(task.task_id, task.drone_id))


def _forget(draft: Draft) -> None:
    draft.cancel_all(TimerKind.DRONES)
    _change(draft, options=(), found_at_s=None)


def _end(draft: Draft, task: DroneTask, outcome: DroneStatus, reason: str) -> None:
    _set(draft, task, status=outcome, ended_at_s=draft.now_s, end_reason=reason)
    draft.commands.append(EndDrone(task.task_id, task.drone_id, outcome, reason))


def _set(draft: Draft, task: DroneTask, **changes: object) -> None:
    tasks = list(_tasks(draft))
    tasks[task.task_id - 1] = replace(task, **changes)
    _change(draft, tasks=tuple(tasks))


def _task(draft: Draft, task_id: int) -> DroneTask:
    return _tasks(draft)[task_id - 1]


def _tasks(draft: Draft) -> tuple[DroneTask, ...]:
    side = draft.incident.drones
    return () if side is None else side.tasks


def _side(draft: Draft) -> DroneSide:
    side = draft.incident.drones
    assert side is not None  # the guards let nothing here where drones are not used
    return side


def _change(draft: Draft, **facts: object) -> None:
    draft.change(drones=replace(_side(draft), **facts))
