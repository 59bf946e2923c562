"""A driver for tests: a virtual clock, a pool of people, faults on demand, and a strict watch.

It carries commands out as the real drivers do and checks after every step what must always hold.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

import msgspec

from dispatch.commands import (
    Assign,
    CancelTimer,
    Command,
    EndAlert,
    EndDrone,
    FindCandidates,
    FindDrones,
    LaunchDrone,
    ReadyDrone,
    RecallDrone,
    SendAlert,
    StartTimer,
    TakeFromDrone,
)
from dispatch.config import Policy
from dispatch.events import (
    CandidatesFound,
    ClaimRefused,
    DronesFound,
    Event,
    IncidentReported,
    TimerFired,
)
from dispatch.explain import Step
from dispatch.lifecycle import Core, Ignore, Move, Refuse, disposition
from dispatch.model import (
    ASKING_STATUSES,
    ASSIGNED_STATUSES,
    OPEN_DRONES,
    OPEN_STATUSES,
    AlertStatus,
    Candidate,
    DroneStatus,
    HoldKind,
    Incident,
    Phase,
    Query,
    Resource,
    Role,
    TimerKind,
)

NOBODY_ASKED_IN = {
    Phase.NEW,
    Phase.SUSPECTED,
    Phase.HELD,
    Phase.CREW_ON_SCENE,
    Phase.ENDED,
    Phase.COVERED,
}
STATE = msgspec.json.Decoder(Incident)
EVENT = msgspec.json.Decoder(Event)
COMMANDS = msgspec.json.Decoder(tuple[Command, ...])
ENCODE = msgspec.json.Encoder().encode


def crowd(n: int, *, aeds: int = 3) -> tuple[Candidate, ...]:
    """People 1 .. n, each 20 s further than the one before; every third way passes by no AED."""
    return tuple(
        Candidate(
            responder_id=i,
            direct_s=40.0 + 20.0 * i,
            via_aed_s=None if i % 3 == 0 else 70.0 + 24.0 * i,
            aed_id=None if i % 3 == 0 else 100 + i % aeds,
            to_aed_s=None if i % 3 == 0 else 20.0 * i,
            distance_m=60.0 * i,
        )
        for i in range(1, n + 1)
    )


class Watch:
    """What must hold after every step of one incident."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.core = Core(policy)
        self.state: Incident | None = None
        self.timers: set[tuple[TimerKind, int]] = set()
        self.sent: dict[int, SendAlert] = {}
        self.ended: dict[int, EndAlert] = {}
        self.eligible: dict[int, set[int]] = {}  # query id -> people in its answer
        self.drones: dict[int, int] = {}  # task -> drone
        self.words: dict[int, list[str]] = {}  # task -> what was commanded, in order
        self.steps: list[Step] = []

    def step(self, event: Event, now_s: float) -> tuple[Command, ...]:
        before = self.state
        row = disposition(before, event)
        after, commands = self.core.step(before, event, now_s)
        again = self.core.step(before, event, now_s)
        assert (after, commands) == again, "the same step twice"
        self._round_trip(event, after, commands)
        if isinstance(event, TimerFired):
            self.timers.discard((event.kind, event.ref))
        if not isinstance(row, Move):
            assert isinstance(row, Ignore | Refuse)
            assert row.reason
            assert commands == ()
            assert before is None or after is before
            assert before is not None or after.phase is Phase.NEW
            if before is None:
                return ()
        if isinstance(row, Move):
            assert after.version == (before.version if before else 0) + 1
        if isinstance(event, CandidatesFound) and isinstance(row, Move):
            self.eligible[event.query_id] = {c.responder_id for c in event.candidates}
        for command in commands:
            self._note(command, after, now_s)
        self.state = after
        ignored = "" if isinstance(row, Move) else row.reason
        self.steps.append(Step(now_s, event, commands, ignored))
        self._check(after)
        return commands

    def _round_trip(self, event: Event, state: Incident, commands: tuple[Command, ...]) -> None:
        assert STATE.decode(ENCODE(state)) == state
        assert EVENT.decode(ENCODE(event)) == event
        assert COMMANDS.decode(ENCODE(commands)) == commands

    def _note(self, command: Command, after: Incident, now_s: float) -> None:
        match command:
            case StartTimer(kind, ref, due_at_s):
                assert due_at_s >= now_s
                self.timers.add((kind, ref))
            case CancelTimer(kind, ref):
                assert (kind, ref) in self.timers, "a timer that does not run was cancelled"
                self.timers.discard((kind, ref))
            case SendAlert():
                self._check_asking(command, after, now_s)
                self.sent[command.alert_id] = command
            case EndAlert():
                assert command.alert_id in self.sent
                assert command.alert_id not in self.ended, "an alert ended twice"
                assert command.outcome not in OPEN_STATUSES
                assert command.responder_id == self.sent[command.alert_id].responder_id
                self.ended[command.alert_id] = command
            case Assign():
                assert command.alert_id in self.sent
                assert (command.aed_id is not None) == (command.role is Role.AED)
            case ReadyDrone(task, drone) | LaunchDrone(task, drone):
                self._check_drone(command, after)
                assert self.drones.setdefault(task, drone) == drone
                self.words.setdefault(task, []).append(type(command).__name__)
            case RecallDrone(task, drone) | TakeFromDrone(task, drone) | EndDrone(task, drone):
                assert self.drones[task] == drone
                assert "EndDrone" not in self.words[task], "a word to a drone after its end"
                self.words[task].append(type(command).__name__)
                if isinstance(command, EndDrone):
                    assert command.outcome not in OPEN_DRONES

    def _check_drone(self, command: ReadyDrone | LaunchDrone, after: Incident) -> None:
        policy, side = self.policy.drones, after.drones
        assert policy.use
        assert side is not None
        assert after.phase not in {Phase.NEW, Phase.HELD, Phase.CREW_ON_SCENE, Phase.ENDED}
        assert not after.holds
        assert after.confirmed_at_s is not None or isinstance(command, ReadyDrone)
        assert not side.aed_attached
        if policy.not_for_trauma:
            assert not side.trauma
        said = self.words.get(command.task_id, [])
        assert said == [] or (said == ["ReadyDrone"] and isinstance(command, LaunchDrone))
        if not said:
            assert command.task_id == len(self.drones) + 1
            failed = {DroneStatus.REFUSED, DroneStatus.LOST}
            assert sum(t.status in failed for t in side.tasks) < policy.tries
            assert all(t.drone_id != command.drone_id for t in side.tasks if t.status in failed), (
                "a drone that failed was sent again"
            )

    def _check_asking(self, command: SendAlert, after: Incident, now_s: float) -> None:
        assert after.phase not in NOBODY_ASKED_IN
        assert after.confirmed_at_s is not None
        assert not after.holds
        assert command.alert_id == len(self.sent) + 1
        assert command.expires_at_s > now_s
        assert any(command.responder_id in people for people in self.eligible.values())
        assert (command.aed_id is not None) == (command.role is Role.AED)
        for number, earlier in self.sent.items():
            if earlier.responder_id == command.responder_id:
                end = self.ended.get(number)
                assert end is not None, "asked while still asked"
                assert end.outcome is AlertStatus.WITHDRAWN or end.reason.startswith("hold:")

    def _check(self, state: Incident) -> None:
        assert self.timers == set(state.timers), "timers of state and driver differ"
        assert len(set(state.timers)) == len(state.timers)
        open_alerts = {a.alert_id for a in state.alerts if a.status in OPEN_STATUSES}
        assert open_alerts == self.sent.keys() - self.ended.keys()
        going = [a for a in state.alerts if a.status in ASSIGNED_STATUSES]
        assert len(going) <= self.policy.places, "more assignees than places"
        fetching = [a.aed_id for a in going if a.status is AlertStatus.ACCEPTED and a.aed_id]
        assert len(fetching) == len(set(fetching)), "one AED promised twice"
        assert [a.alert_id for a in state.alerts] == list(range(1, len(state.alerts) + 1))
        side = state.drones
        assert (side is None) == (not self.policy.drones.use or state.phase is Phase.NEW)
        open_tasks = {t.task_id for t in side.tasks if t.status in OPEN_DRONES} if side else set()
        assert open_tasks == {t for t, said in self.words.items() if "EndDrone" not in said}
        assert len(open_tasks) <= 1, "two drones at once"
        assert sum(kind is TimerKind.DRONES for kind, _ in state.timers) <= 1
        if state.phase is Phase.ENDED:
            assert not open_tasks
            assert not state.timers
            assert not open_alerts
            assert state.end_reason
        elif state.phase is not Phase.NEW:
            if {HoldKind.UNSAFE_SCENE, HoldKind.DO_NOT_ALERT} & set(state.holds):
                assert not going, "somebody goes where nobody may go"
            assert state.timers, "an open incident without a timer"
        if state.phase in NOBODY_ASKED_IN:
            asking = [a for a in state.alerts if a.status in ASKING_STATUSES]
            assert not asking or state.phase is Phase.COVERED
            kinds = {kind for kind, _ in state.timers}
            assert not kinds & {TimerKind.WAVE, TimerKind.CANDIDATES}
        assert sum(kind is TimerKind.CANDIDATES for kind, _ in state.timers) <= 1


Answer = Callable[[SendAlert], Iterable[tuple[float, Event]]]


class FakeDriver(Watch):
    """Runs one incident through a virtual clock with a fixed crowd."""

    def __init__(self, policy: Policy, people: Iterable[Candidate], answer: Answer) -> None:
        super().__init__(policy)
        self.people = tuple(people)
        self.answer = answer
        self.claimed_people: set[int] = set()  # by other incidents
        self.claimed_aeds: set[int] = set()
        self.silent_search = False
        self.queue: list[tuple[float, int, int, Event]] = []
        self.planned = 0
        self.now_s = 0.0

    def plan(self, at_s: float, event: Event, *, timer: bool = False) -> None:
        heapq.heappush(self.queue, (at_s, int(timer), self.planned, event))
        self.planned += 1

    def report(self, at_s: float = 0.0, **facts: object) -> None:
        self.plan(at_s, IncidentReported("i", 51.5, -0.1, **facts))  # type: ignore[arg-type]

    def run(self, until_s: float = 1e9) -> Incident:
        """Play everything that is due by ``until_s``; timers that were cancelled stay away."""
        while self.queue and self.queue[0][0] <= until_s:
            at_s, _, __, event = heapq.heappop(self.queue)
            if isinstance(event, TimerFired) and (event.kind, event.ref) not in self.timers:
                continue
            self.now_s = at_s
            for command in self.step(event, at_s):
                self.carry_out(command)
        assert self.state is not None
        return self.state

    def carry_out(self, command: Command) -> None:
        now_s = self.now_s
        match command:
            case StartTimer(kind, ref, due_at_s):
                self.plan(due_at_s, TimerFired(kind, ref), timer=True)
            case FindCandidates(query):
                if not self.silent_search or query.straight_line:
                    self.plan(now_s, self.find(query))
            case FindDrones(query):
                self.plan(now_s, DronesFound(query.query_id))
            case SendAlert(alert_id, responder_id):
                if responder_id in self.claimed_people:
                    refused = ClaimRefused(alert_id, Resource.RESPONDER, responder_id, "engaged")
                    self.plan(now_s, refused)
                else:
                    for after_s, event in self.answer(command):
                        self.plan(now_s + after_s, event)
            case Assign(alert_id, _, __, aed_id) if aed_id in self.claimed_aeds:
                self.plan(now_s, ClaimRefused(alert_id, Resource.AED, aed_id or 0, "claimed"))

    def find(self, query: Query) -> Event:
        radius_m = query.radius_m or 1e9
        able = [
            person
            for person in self.people
            if person.responder_id not in query.exclude
            and (person.direct_s or 0.0) <= query.bound_s
            and (person.distance_m or 0.0) <= radius_m
        ]
        return CandidatesFound(
            query.query_id,
            1,
            "crowd",
            tuple(able[: query.limit]),
            straight_line=query.straight_line,
            cut=len(able) > query.limit,
        )

    def asked(self) -> list[tuple[float, int, str]]:
        """(moment, person, role) of every alert sent."""
        return [
            (step.now_s, command.responder_id, command.role.value)
            for step in self.steps
            for command in step.commands
            if isinstance(command, SendAlert)
        ]

    def told(self) -> list[str]:
        """Codes that control was told."""
        return [
            command.code
            for step in self.steps
            for command in step.commands
            if type(command).__name__ == "TellControl"
        ]
