"""Drives incidents: one transaction holds the snapshot, the event, its commands, the timers and
the messages that go out because of it.

Synchronous, without a thread or a clock of its own. Guarded commands are carried out as guarded
writes; the loser comes back as ``ClaimRefused`` in the same transaction. Events are worked off
from a queue, never by recursion.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from dispatch.commands import (
    Assign,
    CancelTimer,
    Command,
    EndAlert,
    FindCandidates,
    FindDrones,
    LaunchDrone,
    ReadyDrone,
    SendAlert,
    StartTimer,
    TellControl,
)
from dispatch.events import (
    AlertUndelivered,
    CandidatesFailed,
    CandidatesFound,
    ClaimRefused,
    DroneRefused,
    DronesFound,
    Event,
    IncidentReported,
    TimerFired,
)
from dispatch.lifecycle import CORE_VERSION, Core, Ignore, Move, disposition
from dispatch.live import coding
from dispatch.live.clock import Clock
from dispatch.live.errors import NotFound
from dispatch.live.finder import Finder
from dispatch.live.ids import NewId
from dispatch.live.logs import logger, where
from dispatch.live.outbox import Outbox
from dispatch.live.store import schema
from dispatch.live.store.engine import Store, Tx
from dispatch.live.stream import Stream
from dispatch.model import (
    ASSIGNED_STATUSES,
    OPEN_STATUSES,
    Alert,
    AlertStatus,
    Candidate,
    Incident,
    Phase,
    Query,
    Resource,
    TimerKind,
)
from notifications.messages import Purpose

SYSTEM = "system"
INFORMATION = frozenset({"held", "straight_line_times", "drone_launched", "drone_delivered"})
"""What control is told for information; everything else needs a person's attention."""

TIMERS_AT_ONCE = 200


class Applied(Struct, frozen=True):
    """What became of one event. ``ignored``: the reason, or "" if it moved the incident."""

    before: Incident | None
    state: Incident
    ignored: str
    refused: bool
    now_s: float


class NewIncident(Struct, frozen=True):
    """What stands beside an incident's snapshot."""

    source: str
    reference: str
    reference_version: int
    code: str
    rule: str
    place: str  # JSON
    flags: tuple[str, ...] = ()


GetCore = Callable[[Tx, str], Core]
OnSearch = Callable[[str, str, Query], None]


class Runtime:
    """The driver of the core in the service.

    Args:
        get_core: the core of a policy id.
        finder: who knows where people are.
        outbox: what carries messages to people.
        on_search: called after the commit with (incident id, policy id, query).

    ``find_at_once``: answer searches within the transaction that asks, which saves a commit and
    the way through another thread; a search that fails there goes to ``on_search``. False: always
    to ``on_search``.
    """

    find_at_once = True

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        get_core: GetCore,
        finder: Finder,
        outbox: Outbox,
        stream: Stream,
        new_id: NewId,
        on_search: OnSearch,
    ) -> None:
        self.store = store
        self._clock = clock
        self._get_core = get_core
        self._finder = finder
        self._outbox = outbox
        self._stream = stream
        self._new_id = new_id
        self._on_search = on_search
        outbox.on_undelivered = self._undelivered
        self.decided: Callable[[Tx, Applied, Event, tuple[Command, ...]], None] = _nothing

    # --- events -------------------------------------------------------------------------------

    def begin(
        self, tx: Tx, event: IncidentReported, about: NewIncident, policy_id: str, actor: str
    ) -> Applied:
        """Open an incident under ``policy_id`` with its first event."""
        now_s = self._clock()
        tx.insert(
            schema.incident,
            incident_id=event.incident_id,
            source=about.source,
            reference=about.reference,
            reference_version=about.reference_version,
            code=about.code,
            rule=about.rule,
            reported_by=actor,
            created_at_s=now_s,
            updated_at_s=now_s,
            is_open=True,
            phase=Phase.NEW.value,
            row_version=0,
            next_seq=1,
            schema_version=schema.SNAPSHOT_SCHEMA,
            policy_id=policy_id,
            core_version=CORE_VERSION,
            snapshot=b"",
            place=about.place,
            flags=json.dumps(about.flags),
            attention=None,
        )
        reported = {"code": about.code, "reference": about.reference}
        self._stream.append(tx, now_s, "incident.reported", reported, event.incident_id)
        return self.apply(tx, event.incident_id, event, actor)

    def apply(self, tx: Tx, incident_id: str, event: Event, actor: str) -> Applied:
        """Tell an incident what happened, and carry out what comes of it.

        Raises:
            NotFound: there is no such incident.
        """
        row = tx.row(sa.select(schema.incident).where(_is(incident_id)))
        if row is None:
            raise NotFound("no_such_incident", "there is no such incident")
        now_s = max(self._clock(), row["updated_at_s"])  # a clock set back must not reorder
        step = _Step(self, tx, row, now_s)
        applied = step.take(event, actor)
        step.save()
        return applied

    def state(self, tx: Tx, incident_id: str) -> Incident:
        """Return the snapshot of an incident; raises ``NotFound``."""
        row = tx.row(sa.select(schema.incident).where(_is(incident_id)))
        if row is None:
            raise NotFound("no_such_incident", "there is no such incident")
        return coding.decode_incident(row["snapshot"], row["schema_version"])

    # --- searches -----------------------------------------------------------------------------

    def answer_search(self, incident_id: str, policy_id: str, query: Query) -> None:
        """Find the candidates of a query and tell the incident."""

        def work(tx: Tx) -> None:
            asked = schema.search
            same = (asked.c.incident_id == incident_id) & (asked.c.query_id == query.query_id)
            if tx.run(sa.delete(asked).where(same)).rowcount == 0:
                return  # answered before, or no longer wanted
            event = self.find(tx, incident_id, policy_id, query)
            self.apply(tx, incident_id, event, SYSTEM)

        self.store.transact(work)

    def find(
        self, tx: Tx, incident_id: str, policy_id: str, query: Query
    ) -> CandidatesFound | CandidatesFailed:
        """Ask the finder, under what is known of the call."""
        text = tx.value(sa.select(schema.incident.c.flags).where(_is(incident_id)))
        flags = frozenset(json.loads(text or "[]"))
        return self._finder.find(tx, query, self._clock(), policy_id, flags)

    def open_searches(self) -> list[tuple[str, str, Query]]:
        """Return the searches that nobody has answered: what a restart begins with."""
        search, incident = schema.search, schema.incident
        joined = sa.join(search, incident, search.c.incident_id == incident.c.incident_id)
        query = sa.select(search.c.incident_id, incident.c.policy_id, search.c.body)
        rows = self.store.transact(lambda tx: tx.rows(query.select_from(joined)))
        return [
            (row["incident_id"], row["policy_id"], coding.decode_query(row["body"])) for row in rows
        ]

    # --- time ---------------------------------------------------------------------------------

    def fire_timers(self) -> int:
        """Fire the timers that are due, oldest first; returns how many there were."""
        timer = schema.timer
        now_s = self._clock()
        order = (timer.c.due_at_s, timer.c.incident_id, timer.c.planned)
        due = sa.select(timer).where(timer.c.due_at_s <= now_s).order_by(*order)
        rows = self.store.transact(lambda tx: tx.rows(due.limit(TIMERS_AT_ONCE)))
        for row in rows:
            self.store.transact(lambda tx, row=row: self._fire(tx, row))  # type: ignore[misc]
        return len(rows)

    def next_timer_s(self) -> float | None:
        """Return when the next timer is due."""
        query = sa.select(sa.func.min(schema.timer.c.due_at_s))
        value = self.store.transact(lambda tx: tx.value(query))
        return None if value is None else float(value)

    def _fire(self, tx: Tx, row: sa.RowMapping) -> None:
        timer = schema.timer
        same = (
            (timer.c.incident_id == row["incident_id"])
            & (timer.c.kind == row["kind"])
            & (timer.c.ref == row["ref"])
            & (timer.c.due_at_s == row["due_at_s"])
        )
        if tx.run(sa.delete(timer).where(same)).rowcount:
            event = TimerFired(TimerKind(row["kind"]), row["ref"])
            self.apply(tx, row["incident_id"], event, SYSTEM)

    def _undelivered(self, tx: Tx, incident_id: str, alert_id: int, reason: str) -> None:
        self.apply(tx, incident_id, AlertUndelivered(alert_id, reason), SYSTEM)


class _Step:
    """One call of ``apply``: an event, and the events that carrying it out leads to."""

    def __init__(self, runtime: Runtime, tx: Tx, row: sa.RowMapping, now_s: float) -> None:
        self.runtime = runtime
        self.tx = tx
        self.row = row
        self.now_s = now_s
        self.incident_id: str = row["incident_id"]
        self.core = runtime._get_core(tx, row["policy_id"])
        self.seq: int = row["next_seq"]
        self.state: Incident | None = (
            coding.decode_incident(row["snapshot"], row["schema_version"])
            if row["row_version"]
            else None
        )
        self.attention: str | None = row["attention"]
        self.queue: deque[tuple[Event, str]] = deque()
        self.near: dict[int, Candidate] = {}
        self.timers: dict[tuple[str, int], tuple[float, int] | None] = {}  # None: cancelled
        self.planned = 0

    def take(self, event: Event, actor: str) -> Applied:
        """Work off the event and what follows; returns what became of the event itself."""
        first = self._one(event, actor)
        while self.queue:
            self._one(*self.queue.popleft())
        assert self.state is not None
        return Applied(first.before, self.state, first.ignored, first.refused, self.now_s)

    def save(self) -> None:
        """Write the snapshot, guarded by the row version that was read."""
        state, row = self.state, self.row
        assert state is not None
        self._write_timers()
        changed = self.tx.run(
            sa.update(schema.incident)
            .where(_is(self.incident_id) & (schema.incident.c.row_version == row["row_version"]))
            .values(
                snapshot=coding.encode(state),
                phase=state.phase.value,
                is_open=state.phase is not Phase.ENDED,
                row_version=row["row_version"] + 1,
                next_seq=self.seq,
                schema_version=schema.SNAPSHOT_SCHEMA,
                core_version=CORE_VERSION,
                updated_at_s=self.now_s,
                attention=None if state.phase is Phase.ENDED else self.attention,
            )
        )
        if changed.rowcount != 1:
            raise RuntimeError(f"incident {self.incident_id} was changed elsewhere at once")

    def _one(self, event: Event, actor: str) -> Applied:
        before = self.state
        row = disposition(before, event)
        ignored = "" if isinstance(row, Move) else row.reason
        refused = not isinstance(row, Move | Ignore)
        if type(event) is CandidatesFound:
            self.near.update({person.responder_id: person for person in event.candidates})
        state, commands = self.core.step(before, event, self.now_s)
        if before is None:
            ignored = ""
        self.state = state
        self._log(event, actor, ignored, commands)
        self._sync_alerts(before, state)
        for command in commands:
            self._carry_out(command)
        self._note_phase(before, state)
        applied = Applied(before, state, ignored, refused, self.now_s)
        self.runtime.decided(self.tx, applied, event, commands)
        return applied

    def _log(self, event: Event, actor: str, ignored: str, commands: tuple[Command, ...]) -> None:
        self.tx.insert(
            schema.event,
            incident_id=self.incident_id,
            seq=self.seq,
            now_s=self.now_s,
            kind=type(event).__name__,
            actor=actor,
            outcome=ignored or "moved",
            schema_version=schema.SNAPSHOT_SCHEMA,
            policy_id=self.row["policy_id"],
            core_version=CORE_VERSION,
            body=coding.encode(event),
            commands=coding.encode(commands),
        )
        self.seq += 1

    # --- commands -----------------------------------------------------------------------------

    def _carry_out(self, command: Command) -> None:
        match command:
            case SendAlert():
                self._send_alert(command)
            case Assign():
                self._assign(command)
            case EndAlert():
                self._end_alert(command)
            case StartTimer():
                self.planned += 1
                planned = self.row["next_seq"] * 1000 + self.planned
                self.timers[command.kind.value, command.ref] = (command.due_at_s, planned)
            case CancelTimer():
                self.timers[command.kind.value, command.ref] = None
            case FindCandidates():
                self._search(command.query)
            case TellControl():
                self._tell_control(command)
            case FindDrones():  # the service flies none: whoever asks is told so
                self.queue.append((DronesFound(command.query.query_id), SYSTEM))
            case ReadyDrone() | LaunchDrone():
                self.queue.append((DroneRefused(command.task_id, "no_operator"), SYSTEM))

    def _send_alert(self, command: SendAlert) -> None:
        tx, runtime = self.tx, self.runtime
        alert = self._alert(command.alert_id)
        key = runtime._new_id()
        night = self.core.policy.is_night(self.now_s + self._state.utc_offset_s)
        candidate = self.near.get(command.responder_id) or self._candidate(command.responder_id)
        tx.insert(
            schema.alert,
            alert_key=key,
            incident_id=self.incident_id,
            alert_id=command.alert_id,
            responder_id=command.responder_id,
            role=command.role.value,
            aed_id=command.aed_id,
            eta_s=command.eta_s,
            distance_m=candidate.distance_m if candidate else None,
            asked_at_s=self.now_s,
            expires_at_s=command.expires_at_s,
            night=night,
            status=alert.status.value,
            status_at_s=self.now_s,
            accepted_at_s=None,
            assigned=False,
            ended_at_s=None,
            end_reason="",
        )
        refusal = self._claim_person(command)
        if refusal:
            refused = ClaimRefused(
                command.alert_id, Resource.RESPONDER, command.responder_id, refusal
            )
            self.queue.append((refused, SYSTEM))
            return
        runtime._finder.asked(
            command.responder_id, self.incident_id, command.alert_id, self.now_s, night=night
        )
        self._tell("alert.asked", alert)
        undelivered = runtime._outbox.send(
            tx,
            command.responder_id,
            Purpose.ALERT,
            now_s=self.now_s,
            expires_at_s=command.expires_at_s,
            alert=(self.incident_id, command.alert_id, key),
        )
        if undelivered:
            self.queue.append((AlertUndelivered(command.alert_id, undelivered), SYSTEM))

    def _claim_person(self, command: SendAlert) -> str:
        """Claim the person with one guarded write; returns why not, or ""."""
        person = self.tx.row(
            sa.select(schema.responder.c.status, schema.responder.c.on_duty).where(
                schema.responder.c.responder_id == command.responder_id
            )
        )
        if person is None or person["status"] != "active":
            return "suspended"
        if not person["on_duty"]:
            return "off_duty"
        won = self._claim(Resource.RESPONDER, command.responder_id, command.alert_id)
        return "" if won else "engaged"

    def _claim(self, kind: Resource, resource_id: int, alert_id: int) -> bool:
        return self.tx.insert_new(
            schema.claim,
            kind=kind.value,
            resource_id=resource_id,
            incident_id=self.incident_id,
            alert_id=alert_id,
            at_s=self.now_s,
        )

    def _assign(self, command: Assign) -> None:
        self._release_aed(command.alert_id, command.aed_id)
        if command.aed_id is not None:
            claim = schema.claim
            mine = (
                (claim.c.kind == Resource.AED.value)
                & (claim.c.resource_id == command.aed_id)
                & (claim.c.incident_id == self.incident_id)
                & (claim.c.alert_id == command.alert_id)
            )
            held = self.tx.value(sa.select(claim.c.at_s).where(mine)) is not None
            if not held and not self._claim(Resource.AED, command.aed_id, command.alert_id):
                refused = ClaimRefused(command.alert_id, Resource.AED, command.aed_id, "claimed")
                self.queue.append((refused, SYSTEM))
                return
            self.runtime._finder.aed_claimed(
                command.aed_id, self.incident_id, command.alert_id, self.now_s
            )
        if command.reason != "said_yes":
            self._message(command.alert_id, Purpose.UPDATE)

    def _end_alert(self, command: EndAlert) -> None:
        tx = self.tx
        claim = schema.claim
        tx.run(
            sa.delete(claim).where(
                (claim.c.incident_id == self.incident_id) & (claim.c.alert_id == command.alert_id)
            )
        )
        self.runtime._finder.released(self.incident_id, command.alert_id)
        alert = schema.alert
        tx.run(
            sa.update(alert)
            .where(
                (alert.c.incident_id == self.incident_id) & (alert.c.alert_id == command.alert_id)
            )
            .values(
                status=command.outcome.value,
                status_at_s=self.now_s,
                ended_at_s=self.now_s,
                end_reason=command.reason,
                assigned=False,
            )
        )
        self.runtime._outbox.end(tx, self.incident_id, command.alert_id)
        if command.tell:
            self._message(command.alert_id, Purpose.STAND_DOWN)

    def _release_aed(self, alert_id: int, keep: int | None) -> None:
        """Give back the AED of an alert unless it is ``keep``."""
        claim = schema.claim
        other = (
            (claim.c.kind == Resource.AED.value)
            & (claim.c.incident_id == self.incident_id)
            & (claim.c.alert_id == alert_id)
        )
        if keep is not None:
            other &= claim.c.resource_id != keep
        if self.tx.run(sa.delete(claim).where(other)).rowcount:
            self.runtime._finder.aed_released(self.incident_id, alert_id)

    def _message(self, alert_id: int, purpose: Purpose) -> None:
        alert = schema.alert
        row = self.tx.row(
            sa.select(alert.c.alert_key, alert.c.responder_id, alert.c.accepted_at_s).where(
                (alert.c.incident_id == self.incident_id) & (alert.c.alert_id == alert_id)
            )
        )
        if row is None:
            return
        self.runtime._outbox.follow_up(
            self.tx,
            row["responder_id"],
            purpose,
            now_s=self.now_s,
            alert=(self.incident_id, alert_id, row["alert_key"]),
            every_channel=row["accepted_at_s"] is not None,
        )

    def _write_timers(self) -> None:
        """Write the timers of all events of this call together."""
        timer = schema.timer
        stopped = [key for key, due in self.timers.items() if due is None]
        for kind in {kind for kind, _ in stopped}:
            refs = [ref for its_kind, ref in stopped if its_kind == kind]
            self.tx.run(
                sa.delete(timer).where(
                    (timer.c.incident_id == self.incident_id)
                    & (timer.c.kind == kind)
                    & timer.c.ref.in_(refs)
                )
            )
        started = [
            {
                "incident_id": self.incident_id,
                "kind": kind,
                "ref": ref,
                "due_at_s": due[0],
                "planned": due[1],
            }
            for (kind, ref), due in self.timers.items()
            if due is not None
        ]
        self.tx.put(timer, *started)

    def _search(self, query: Query) -> None:
        """Answer at once if that works; otherwise leave it to a worker, and at last to a timer."""
        if self.runtime.find_at_once:
            try:
                event = self.runtime.find(self.tx, self.incident_id, self.row["policy_id"], query)
            except sa.exc.SQLAlchemyError:
                raise
            except Exception as error:  # noqa: BLE001 - a fault of the map must not lose the call
                logger().error("search_failed", kind=type(error).__name__, at=where(error))
            else:
                self.queue.append((event, SYSTEM))
                return
        search = schema.search
        self.tx.run(sa.delete(search).where(search.c.incident_id == self.incident_id))
        self.tx.insert(
            search,
            incident_id=self.incident_id,
            query_id=query.query_id,
            body=coding.encode(query),
            asked_at_s=self.now_s,
        )
        incident_id, policy_id = self.incident_id, self.row["policy_id"]
        self.tx.after(lambda: self.runtime._on_search(incident_id, policy_id, query))

    def _tell_control(self, command: TellControl) -> None:
        if command.code not in INFORMATION:
            self.attention = command.code
        told = {"code": command.code, "detail": command.detail}
        self._append("control.told", told)

    # --- what others read ---------------------------------------------------------------------

    @property
    def _state(self) -> Incident:
        assert self.state is not None
        return self.state

    def _alert(self, alert_id: int) -> Alert:
        return self._state.alerts[alert_id - 1]

    def _candidate(self, responder_id: int) -> Candidate | None:
        known = self._state.candidates
        return next((c for c in known if c.responder_id == responder_id), None)

    def _sync_alerts(self, before: Incident | None, state: Incident) -> None:
        """Bring the alert rows that already exist to the state of their alerts."""
        old = before.alerts if before is not None else ()
        for was, alert in zip(old, state.alerts, strict=False):
            if was is alert or was == alert:
                continue
            table = schema.alert
            values: dict[str, Any] = {
                "status": alert.status.value,
                "role": alert.role.value,
                "aed_id": alert.aed_id,
                "eta_s": alert.eta_s,
                "accepted_at_s": alert.accepted_at_s,
                "assigned": alert.status in ASSIGNED_STATUSES,
            }
            if was.status is not alert.status:
                values["status_at_s"] = self.now_s
                self._tell(f"alert.{alert.status.value}", alert)
            self.tx.run(
                sa.update(table)
                .where(
                    (table.c.incident_id == self.incident_id) & (table.c.alert_id == alert.alert_id)
                )
                .values(values)
            )

    def _note_phase(self, before: Incident | None, state: Incident) -> None:
        if before is not None and before.phase is state.phase:
            return
        if state.phase not in (Phase.EXHAUSTED, Phase.HELD):
            self.attention = None
        told = {"phase": state.phase.value, "reason": state.end_reason}
        self._append("incident.phase", told)

    def _tell(self, kind: str, alert: Alert) -> None:
        told: dict[str, Any] = {
            "alert_id": alert.alert_id,
            "responder_id": alert.responder_id,
            "role": alert.role.value,
            "status": alert.status.value,
        }
        if alert.status in OPEN_STATUSES:
            told["eta_s"] = round(alert.eta_s)
        self._append(kind, told)

    def _append(self, kind: str, body: dict[str, Any]) -> None:
        self.runtime._stream.append(self.tx, self.now_s, kind, body, self.incident_id)


def _is(incident_id: str) -> sa.ColumnElement[bool]:
    return schema.incident.c.incident_id == incident_id


def _nothing(*_: object) -> None:
    """No shadow policy watches."""


__all__ = ["SYSTEM", "AlertStatus", "Applied", "NewIncident", "Runtime"]
