"""Drives incidents: one transaction holds the snapshot, the event, its commands, the timers and
the messages that go out because of it.

Synchronous, without a thread or a clock of its own. Guarded commands are carried out as guarded
writes; the loser comes back as ``ClaimRefused`` in the same transaction. Events are worked off
from a queue, never by recursion.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import sqlalchemy as sa
from msgspec import Struct

from dispatch.commands import (
    Command,
)
from dispatch.events import (
    AlertUndelivered,
    CandidatesFailed,
    CandidatesFound,
    Event,
    IncidentReported,
    TimerFired,
)
from dispatch.lifecycle import CORE_VERSION, Core, Ignore, Move, disposition
from dispatch.live import coding
from dispatch.live.carrying import Carrier, Means, OnSearch
from dispatch.live.clock import Clock
from dispatch.live.errors import NotFound, StoreUnavailable
from dispatch.live.finder import Finder
from dispatch.live.ids import NewId
from dispatch.live.logs import logger, where
from dispatch.live.outbox import Outbox
from dispatch.live.store import schema
from dispatch.live.store.engine import Store, Tx
from dispatch.live.stream import Stream
from dispatch.live.telling import Teller
from dispatch.model import (
    Incident,
    Phase,
    Query,
    TimerKind,
)

SYSTEM = "system"
TIMERS_AT_ONCE = 200
FAULT = "internal_fault"
FAULT_RETRY_S = 5.0


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


class Runtime:
    """The driver of the core in the service.

    Args:
        get_core: the core of a policy id.
        finder: who knows where people are.
        outbox: what carries messages to people.
        on_search: called after the commit with (incident id, policy id, query).

    """

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
        self.get_core = get_core
        self.means = Means(finder, outbox, stream, new_id, self.find, on_search)
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
            lat=event.lat,
            lon=event.lon,
            place=about.place,
            flags=json.dumps(about.flags),
            attention=None,
        )
        reported = {"code": about.code, "reference": about.reference}
        self.means.stream.append(tx, now_s, "incident.reported", reported, event.incident_id)
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
        return self.means.finder.find(tx, query, self._clock(), policy_id, flags)

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
        """Fire the timers that are due, oldest first; returns how many there were.

        One incident that cannot go on must not hold up the others: its timer is put off, and
        control is told.
        """
        timer = schema.timer
        now_s = self._clock()
        order = (timer.c.due_at_s, timer.c.incident_id, timer.c.planned)
        due = sa.select(timer).where(timer.c.due_at_s <= now_s).order_by(*order)
        rows = self.store.transact(lambda tx: tx.rows(due.limit(TIMERS_AT_ONCE)))
        for row in rows:
            try:
                self.store.transact(lambda tx, row=row: self._fire(tx, row))  # type: ignore[misc]
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - the other incidents must go on
                logger().error("timer_failed", kind=type(error).__name__, at=where(error))
                self.store.transact(lambda tx, row=row: self._put_off(tx, row, now_s))  # type: ignore[misc]
        return len(rows)

    def next_timer_s(self) -> float | None:
        """Return when the next timer is due."""
        query = sa.select(sa.func.min(schema.timer.c.due_at_s))
        value = self.store.transact(lambda tx: tx.value(query))
        return None if value is None else float(value)

    def _put_off(self, tx: Tx, row: sa.RowMapping, now_s: float) -> None:
        """Try a timer again later; a person at control must look at its incident."""
        later = sa.update(schema.timer).where(_same_timer(row))
        tx.run(later.values(due_at_s=now_s + FAULT_RETRY_S))
        incident_id = row["incident_id"]
        flagged = (schema.incident.c.attention == FAULT) & _is(incident_id)
        if tx.row(sa.select(schema.incident.c.incident_id).where(flagged)) is None:
            tx.run(sa.update(schema.incident).where(_is(incident_id)).values(attention=FAULT))
            told = {"code": FAULT, "detail": "", "attention": True}
            self.means.stream.append(tx, now_s, "control.told", told, incident_id)

    def _fire(self, tx: Tx, row: sa.RowMapping) -> None:
        if tx.run(sa.delete(schema.timer).where(_same_timer(row))).rowcount:
            event = TimerFired(TimerKind(row["kind"]), row["ref"])
            self.apply(tx, row["incident_id"], event, SYSTEM)

    def _undelivered(self, tx: Tx, incident_id: str, alert_id: int, reason: str) -> None:
        self.apply(tx, incident_id, AlertUndelivered(alert_id, reason), SYSTEM)


def _same_timer(row: sa.RowMapping) -> sa.ColumnElement[bool]:
    timer = schema.timer
    names = ("incident_id", "kind", "ref", "due_at_s")
    return sa.and_(*(timer.c[name] == row[name] for name in names))


class _Step:
    """One call of ``apply``: an event, and the events that carrying it out leads to."""

    def __init__(self, runtime: Runtime, tx: Tx, row: sa.RowMapping, now_s: float) -> None:
        self._tx = tx
        self._row = row
        self._now_s = now_s
        self._id: str = row["incident_id"]
        self._decided = runtime.decided
        self._core = runtime.get_core(tx, row["policy_id"])
        self._teller = Teller(runtime.means.stream, tx, self._id, now_s, row["attention"])
        self._seq: int = row["next_seq"]
        self._carrier = Carrier(runtime.means, tx, self._id, self._core, self._teller, self._seq)
        self._state: Incident | None = (
            coding.decode_incident(row["snapshot"], row["schema_version"])
            if row["row_version"]
            else None
        )

    def take(self, event: Event, actor: str) -> Applied:
        """Work off the event and what follows; returns what became of the event itself."""
        first = self._one(event, actor)
        while self._carrier.results:
            self._one(self._carrier.results.popleft(), SYSTEM)
        assert self._state is not None
        return Applied(first.before, self._state, first.ignored, first.refused, self._now_s)

    def save(self) -> None:
        """Write the snapshot, guarded by the row version that was read."""
        state, row = self._state, self._row
        assert state is not None
        self._carrier.write_timers()
        changed = self._tx.run(
            sa.update(schema.incident)
            .where(_is(self._id) & (schema.incident.c.row_version == row["row_version"]))
            .values(
                snapshot=coding.encode(state),
                lat=state.lat,
                lon=state.lon,
                phase=state.phase.value,
                is_open=state.phase is not Phase.ENDED,
                row_version=row["row_version"] + 1,
                next_seq=self._seq,
                schema_version=schema.SNAPSHOT_SCHEMA,
                core_version=CORE_VERSION,
                updated_at_s=self._now_s,
                attention=None if state.phase is Phase.ENDED else self._teller.attention,
            )
        )
        if changed.rowcount != 1:
            raise RuntimeError(f"incident {self._id} was changed elsewhere at once")

    def _one(self, event: Event, actor: str) -> Applied:
        before = self._state
        row = disposition(before, event)
        ignored = "" if isinstance(row, Move) or before is None else row.reason
        refused = not isinstance(row, Move | Ignore)
        self._carrier.note(event)
        state, commands = self._core.step(before, event, self._now_s)
        self._state = state
        self._log(event, actor, ignored, commands)
        self._teller.alerts(before, state)
        for command in commands:
            self._carrier.carry_out(command, state)
        self._teller.phase(before, state)
        self._teller.drones(before, state)
        applied = Applied(before, state, ignored, refused, self._now_s)
        self._decided(self._tx, applied, event, commands)
        return applied

    def _log(self, event: Event, actor: str, ignored: str, commands: tuple[Command, ...]) -> None:
        self._tx.insert(
            schema.event,
            incident_id=self._id,
            seq=self._seq,
            now_s=self._now_s,
            kind=type(event).__name__,
            actor=actor,
            outcome=ignored or "moved",
            schema_version=schema.SNAPSHOT_SCHEMA,
            policy_id=self._row["policy_id"],
            core_version=CORE_VERSION,
            body=coding.encode(event),
            commands=coding.encode(commands),
        )
        self._seq += 1


def _is(incident_id: str) -> sa.ColumnElement[bool]:
    return schema.incident.c.incident_id == incident_id


def _nothing(*_: object) -> None:
    """No shadow policy watches."""
