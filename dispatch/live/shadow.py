"""What another policy would have done on the same call, without asking anybody.

When an incident ends, the shadow policy is run through it again in its own time: the same calls
from control at the same moments, the candidates that were near when the call came in, and the
same people giving the same answers after the same delay. People whom the policy in force did not
ask stay silent, so the count of those who would have said yes is a lower bound.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa
from msgspec import Struct

from dispatch.commands import CancelTimer, Command, FindCandidates, SendAlert, StartTimer
from dispatch.events import (
    AlertAccepted,
    AlertDeclined,
    AlertDelivered,
    CandidatesFound,
    Event,
    IncidentReported,
    PatientReached,
    ResponderArrived,
    ResponderDropped,
    ResponderMoving,
    TimerFired,
)
from dispatch.explain import Step
from dispatch.lifecycle import Core
from dispatch.live.api import models
from dispatch.live.policybook import PolicyBook
from dispatch.live.rosters import RosterFinder
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.model import Candidate, Incident, Phase, Query, TimerKind

MAX_STEPS = 5000
_shadow = schema.shadow
_OF_CONTROL = frozenset(
    {
        "IncidentConfirmed",
        "LocationChanged",
        "CprStatusChanged",
        "HoldPlaced",
        "HoldLifted",
        "AmbulanceEtaChanged",
        "AmbulanceArrived",
        "IncidentCancelled",
        "IncidentClosed",
    }
)


class Answer(Struct, frozen=True):
    """How somebody answered in fact, ``delay_s`` after being asked, and what they did then."""

    said: Callable[[int], Event]
    delay_s: float


_OF_PEOPLE = (
    AlertAccepted,
    AlertDeclined,
    ResponderMoving,
    ResponderArrived,
    PatientReached,
    ResponderDropped,
)


Answers = Mapping[int, Sequence[Answer]]


class Outcome(Struct, frozen=True):
    """What a run of a policy over one incident came to."""

    asked: tuple[int, ...]
    first_asked: tuple[int, ...]
    said_yes: tuple[int, ...]
    soonest_yes_eta_s: float | None


class Shadows:
    """Runs the shadow policies beside the one in force."""

    def __init__(self, book: PolicyBook, finder: RosterFinder) -> None:
        self._book = book
        self._finder = finder

    def at_report(self, tx: Tx, incident_id: str, event: IncidentReported, now_s: float) -> None:
        """Keep the candidates that each shadow policy would have found."""
        for policy_id in self._book.shadows(tx):
            core = self._book.core(tx, policy_id)
            found = self._candidates(tx, core, event, now_s)
            tx.insert_new(
                _shadow,
                incident_id=incident_id,
                policy_id=policy_id,
                at_s=now_s,
                body=json.dumps({"found": [_to_plain(person) for person in found]}),
            )

    def at_end(self, tx: Tx, incident_id: str, steps: Sequence[Step], night: bool) -> None:
        """Run every shadow policy over the incident and keep what came of it."""
        rows = tx.rows(sa.select(_shadow).where(_shadow.c.incident_id == incident_id))
        if not rows:
            return
        answers = answers_in(steps)
        in_force = outcome_of([(step.event, step.commands) for step in steps])
        for row in rows:
            kept = json.loads(row["body"])
            people = [Candidate(**person) for person in kept.get("found", [])]
            core = self._book.core(tx, row["policy_id"])
            shadow = rehearse(core, steps, people, answers)
            same = set(shadow.first_asked) & set(in_force.first_asked)
            body = {
                "asked": len(shadow.asked),
                "asked_in_force": len(in_force.asked),
                "night": night,
                "same_first": len(same),
                "would_have_said_yes": len(shadow.said_yes),
                "soonest_yes_eta_s": shadow.soonest_yes_eta_s,
                "soonest_yes_eta_in_force_s": in_force.soonest_yes_eta_s,
            }
            tx.run(
                sa.update(_shadow)
                .where(
                    (_shadow.c.incident_id == incident_id)
                    & (_shadow.c.policy_id == row["policy_id"])
                )
                .values(body=json.dumps(body))
            )

    def report(self, tx: Tx, policy_id: str, limit: int = 500) -> models.ShadowReport:
        """Return what a shadow run has shown so far."""
        self._book.core(tx, policy_id)
        rows = tx.rows(
            sa.select(_shadow)
            .where(_shadow.c.policy_id == policy_id)
            .order_by(_shadow.c.at_s.desc())
            .limit(limit)
        )
        shown = [
            models.ShadowRow(
                incident_id=row["incident_id"],
                at=models.a_moment(row["at_s"]),
                **{
                    name: round(value) if name.endswith("_s") and value is not None else value
                    for name, value in json.loads(row["body"]).items()
                },
            )
            for row in rows
            if "asked" in json.loads(row["body"])
        ]
        return models.ShadowReport(
            policy_id=policy_id,
            incidents=len(shown),
            asked=sum(row.asked for row in shown),
            asked_in_force=sum(row.asked_in_force for row in shown),
            rows=shown,
        )

    def _candidates(
        self, tx: Tx, core: Core, event: IncidentReported, now_s: float
    ) -> tuple[Candidate, ...]:
        """Ask the finder as the policy would have, for as many people as one answer holds."""
        _, commands = core.step(None, _confirmed(event), now_s)
        for command in commands:
            if isinstance(command, FindCandidates):
                answer = self._finder.find(tx, command.query, now_s, core.policy.policy_id, ())
                return answer.candidates if isinstance(answer, CandidatesFound) else ()
        return ()


def rehearse(
    core: Core, steps: Sequence[Step], people: Sequence[Candidate], answers: Answers
) -> Outcome:
    """Run a policy through what control said, in the incident's own time."""
    run = _Run(core, people, answers)
    for step in steps:
        if isinstance(step.event, IncidentReported) and run.state is None:
            run.take(step.event, step.now_s)
        elif type(step.event).__name__ in _OF_CONTROL:
            run.until(step.now_s)
            run.take(step.event, step.now_s)
    return outcome_of(run.taken)


class _Run:
    """One policy in virtual time; events of a moment before timers, then in order."""

    def __init__(self, core: Core, people: Sequence[Candidate], answers: Answers) -> None:
        self._core = core
        self._people = people
        self._answers = answers
        self._due: list[tuple[float, int, int, Event]] = []
        self._timers: dict[tuple[TimerKind, int], float] = {}
        self._count = 0
        self.state: Incident | None = None
        self.taken: list[tuple[Event, tuple[Command, ...]]] = []

    def take(self, event: Event, now_s: float) -> None:
        """Take one event and plan what follows from it."""
        if len(self.taken) >= MAX_STEPS:
            return
        self.state, commands = self._core.step(self.state, event, now_s)
        self.taken.append((event, commands))
        for command in commands:
            self._plan(command, now_s)

    def until(self, until_s: float) -> None:
        """Let happen what happens by itself before ``until_s``."""
        while self._due and self._due[0][0] < until_s and len(self.taken) < MAX_STEPS:
            at_s, _, _, event = heapq.heappop(self._due)
            if isinstance(event, TimerFired):
                if self._timers.get((event.kind, event.ref)) != at_s:
                    continue
                del self._timers[event.kind, event.ref]
            if self.state is not None and self.state.phase is not Phase.ENDED:
                self.take(event, at_s)

    def _plan(self, command: Command, now_s: float) -> None:
        if isinstance(command, FindCandidates):
            self._later(now_s, 0, self._found(command.query))
        elif isinstance(command, SendAlert):
            self._later(now_s, 0, AlertDelivered(command.alert_id))
            for answer in self._answers.get(command.responder_id, ()):
                self._later(now_s + answer.delay_s, 0, answer.said(command.alert_id))
        elif isinstance(command, StartTimer):
            self._timers[command.kind, command.ref] = command.due_at_s
            self._later(command.due_at_s, 1, TimerFired(command.kind, command.ref))
        elif isinstance(command, CancelTimer):
            self._timers.pop((command.kind, command.ref), None)

    def _later(self, at_s: float, rank: int, event: Event) -> None:
        self._count += 1
        heapq.heappush(self._due, (at_s, rank, self._count, event))

    def _found(self, query: Query) -> CandidatesFound:
        left = [person for person in self._people if person.responder_id not in query.exclude]
        return CandidatesFound(
            query_id=query.query_id,
            roster_version=0,
            region_id="",
            candidates=tuple(left[: query.limit]),
            cut=len(left) > query.limit,
        )


def answers_in(steps: Sequence[Step]) -> Answers:
    """Return what each person who was asked said and did."""
    asked: dict[int, tuple[int, float]] = {}
    answers: dict[int, list[Answer]] = {}
    for step in steps:
        if isinstance(step.event, _OF_PEOPLE):
            person, at_s = asked.get(step.event.alert_id, (None, 0.0))
            if person is not None:
                answer = Answer(type(step.event), step.now_s - at_s)
                answers.setdefault(person, []).append(answer)
        for command in step.commands:
            if isinstance(command, SendAlert):
                asked[command.alert_id] = (command.responder_id, step.now_s)
    return answers


def outcome_of(taken: Sequence[tuple[Event, tuple[Command, ...]]]) -> Outcome:
    """Return who was asked and who said yes."""
    sent: dict[int, SendAlert] = {}
    first: tuple[int, ...] = ()
    said_yes: list[int] = []
    for event, commands in taken:
        if isinstance(event, AlertAccepted) and event.alert_id in sent:
            said_yes.append(event.alert_id)
        asked_now = [command for command in commands if isinstance(command, SendAlert)]
        if asked_now and not sent:
            first = tuple(command.responder_id for command in asked_now)
        sent.update({command.alert_id: command for command in asked_now})
    etas = [sent[alert_id].eta_s for alert_id in said_yes]
    return Outcome(
        asked=tuple(command.responder_id for command in sent.values()),
        first_asked=first,
        said_yes=tuple(sent[alert_id].responder_id for alert_id in said_yes),
        soonest_yes_eta_s=min(etas) if etas else None,
    )


def _confirmed(event: IncidentReported) -> IncidentReported:
    return IncidentReported(
        incident_id=event.incident_id,
        lat=event.lat,
        lon=event.lon,
        utc_offset_s=event.utc_offset_s,
        ambulance_due_at_s=event.ambulance_due_at_s,
        scene=event.scene,
    )


def _to_plain(person: Candidate) -> dict[str, object]:
    return {name: getattr(person, name) for name in person.__struct_fields__}
