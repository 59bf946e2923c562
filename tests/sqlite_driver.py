"""A second driver of the core: everything it knows is in one SQLite file.

One transaction takes one event: it reads the snapshot, steps the core, and writes the snapshot, the
event with its moment, the commands, the timers and whatever the commands ask of the driver. The
clock is the due time of the next row. A crash throws away the connection, the core and an open
transaction; what follows starts from the file.

Outside events come from a recording; timers come from the core's own rows. Answers to
``FindCandidates`` and lost claims are the driver's: it gives the recorded ones when it is asked.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from pathlib import Path

import msgspec

from dispatch.commands import (
    Assign,
    CancelTimer,
    Command,
    FindCandidates,
    FindDrones,
    LaunchDrone,
    ReadyDrone,
    SendAlert,
    StartTimer,
)
from dispatch.config import Policy
from dispatch.events import (
    CandidatesFailed,
    CandidatesFound,
    ClaimRefused,
    DroneRefused,
    DronesFailed,
    DronesFound,
    Event,
    TimerFired,
)
from dispatch.lifecycle import Core
from dispatch.model import Incident, Resource, Role, TimerKind

Step = tuple[str, float, Event, tuple[Command, ...]]  # incident id, now_s, event, commands

ANSWER, OUTSIDE, TIMER = 0, 1, 2  # at one moment in this order

SCHEMA = """
create table incidents (id text primary key, snapshot blob not null);
create table inbox (
  seq integer primary key, due_s real not null, rank integer not null, incident text not null,
  body blob not null
);
create index inbox_due on inbox (due_s, rank, seq);
create table timers (
  seq integer primary key, due_s real not null, incident text not null, kind text not null,
  ref integer not null, unique (incident, kind, ref)
);
create index timers_due on timers (due_s, seq);
create table answers (incident text, key text, body blob not null, primary key (incident, key));
create table attempts (incident text, key text, number integer, primary key (incident, key));
create table log (
  seq integer primary key, incident text not null, now_s real not null, event blob not null,
  commands blob not null
);
"""

_event = msgspec.json.Decoder(Event)
_snapshot = msgspec.json.Decoder(Incident)
_commands = msgspec.json.Decoder(tuple[Command, ...])


class SqliteDriver:
    """Replays a recording of one policy, crashing now and then."""

    def __init__(self, file: Path, policy: Policy, *, crash_share: float, seed: int) -> None:
        self.file = file
        self.policy = policy
        self.crash_share = crash_share
        self.chance = random.Random(seed)
        self.crashes = 0
        self._open()
        self.db.executescript(SCHEMA)

    def load(self, recording: list[Step]) -> None:
        """Put what came from outside into the inbox and the driver's answers beside it."""
        self.db.execute("begin")
        attempts: Counter[tuple[str, str]] = Counter()
        for incident, now_s, event, commands in recording:
            body = msgspec.json.encode(event)
            if isinstance(event, CandidatesFound | CandidatesFailed):
                self._answer(incident, f"query {event.query_id}", body)
            elif isinstance(event, DronesFound | DronesFailed):
                self._answer(incident, f"drones {event.query_id}", body)
            elif isinstance(event, DroneRefused):
                self._answer(incident, f"drone {event.task_id}", body)
            elif isinstance(event, ClaimRefused):
                claim = _claim(event.alert_id, event.resource, event.resource_id)
                self._answer(incident, f"{claim} {attempts[incident, claim]}", body)
            elif not isinstance(event, TimerFired):
                self.db.execute(
                    "insert into inbox (due_s, rank, incident, body) values (?, ?, ?, ?)",
                    (now_s, OUTSIDE, incident, body),
                )
            for claim in filter(None, map(_claim_of, commands)):
                attempts[incident, claim] += 1
        self.db.execute("commit")

    def run(self) -> None:
        """Until no row is due any more."""
        while self._take_one():
            pass

    def steps(self) -> list[Step]:
        """What was stepped, read back from the file."""
        rows = self.db.execute("select incident, now_s, event, commands from log order by seq")
        return [(i, now_s, _event.decode(e), _commands.decode(c)) for i, now_s, e, c in rows]

    # --- one transaction ----------------------------------------------------------------------

    def _take_one(self) -> bool:
        db = self.db
        db.execute("begin immediate")
        due = self._next()
        if due is None:
            db.execute("rollback")
            return False
        now_s, incident, event = due
        row = db.execute("select snapshot from incidents where id = ?", (incident,)).fetchone()
        state = None if row is None else _snapshot.decode(row[0])
        state, commands = self.core.step(state, event, now_s)
        db.execute(
            "insert or replace into incidents values (?, ?)", (incident, msgspec.json.encode(state))
        )
        db.execute(
            "insert into log (incident, now_s, event, commands) values (?, ?, ?, ?)",
            (incident, now_s, msgspec.json.encode(event), msgspec.json.encode(commands)),
        )
        for command in commands:
            self._carry_out(incident, command, now_s)
        return self._commit_or_crash()

    def _commit_or_crash(self) -> bool:
        if self.chance.random() >= self.crash_share:
            self.db.execute("commit")
            return True
        if self.chance.random() < 0.5:  # the power fails just after the commit
            self.db.execute("commit")
        self.db.close()  # an open transaction is lost with the connection
        self.crashes += 1
        self._open()
        return True

    def _next(self) -> tuple[float, str, Event] | None:
        """The next event by (moment, answers, outside, timers, sequence), and its row deleted."""
        db = self.db
        inbox = db.execute(
            "select due_s, rank, seq, incident, body from inbox order by due_s, rank, seq limit 1"
        ).fetchone()
        timer = db.execute(
            "select due_s, seq, incident, kind, ref from timers order by due_s, seq limit 1"
        ).fetchone()
        if inbox is None and timer is None:
            return None
        if timer is None or (inbox is not None and inbox[:2] < (timer[0], TIMER)):
            db.execute("delete from inbox where seq = ?", (inbox[2],))
            return inbox[0], inbox[3], _event.decode(inbox[4])
        db.execute("delete from timers where seq = ?", (timer[1],))
        return timer[0], timer[2], TimerFired(TimerKind(timer[3]), timer[4])

    def _carry_out(self, incident: str, command: Command, now_s: float) -> None:
        db = self.db
        if isinstance(command, StartTimer):
            # Replacing a row gives it a new, later sequence number.
            db.execute(
                "insert or replace into timers (seq, due_s, incident, kind, ref) values "
                "((select coalesce(max(seq), 0) + 1 from timers), ?, ?, ?, ?)",
                (command.due_at_s, incident, command.kind.value, command.ref),
            )
        elif isinstance(command, CancelTimer):
            db.execute(
                "delete from timers where incident = ? and kind = ? and ref = ?",
                (incident, command.kind.value, command.ref),
            )
        elif isinstance(command, FindCandidates):
            self._give_answer(incident, f"query {command.query.query_id}", now_s)
        elif isinstance(command, FindDrones):
            self._give_answer(incident, f"drones {command.query.query_id}", now_s)
        elif isinstance(command, ReadyDrone | LaunchDrone):
            self._give_answer(incident, f"drone {command.task_id}", now_s)
        else:
            claim = _claim_of(command)
            if claim is not None:
                number = self._count_attempt(incident, claim)
                self._give_answer(incident, f"{claim} {number}", now_s)

    def _give_answer(self, incident: str, key: str, now_s: float) -> None:
        row = self.db.execute(
            "select body from answers where incident = ? and key = ?", (incident, key)
        ).fetchone()
        if row is not None:
            self.db.execute(
                "insert into inbox (due_s, rank, incident, body) values (?, ?, ?, ?)",
                (now_s, ANSWER, incident, row[0]),
            )

    def _count_attempt(self, incident: str, claim: str) -> int:
        self.db.execute(
            "insert into attempts values (?, ?, 1) "
            "on conflict (incident, key) do update set number = number + 1",
            (incident, claim),
        )
        row = self.db.execute(
            "select number from attempts where incident = ? and key = ?", (incident, claim)
        ).fetchone()
        return int(row[0])

    def _answer(self, incident: str, key: str, body: bytes) -> None:
        self.db.execute("insert into answers values (?, ?, ?)", (incident, key, body))

    def _open(self) -> None:
        self.core = Core(self.policy)
        self.db = sqlite3.connect(self.file, isolation_level=None)
        self.db.execute("pragma journal_mode = wal")
        self.db.execute("pragma synchronous = off")


def _claim_of(command: Command) -> str | None:
    """The claim behind a guarded command."""
    if isinstance(command, SendAlert):
        return _claim(command.alert_id, Resource.RESPONDER, command.responder_id)
    if isinstance(command, Assign) and command.role is Role.AED and command.aed_id is not None:
        return _claim(command.alert_id, Resource.AED, command.aed_id)
    return None


def _claim(alert_id: int, resource: Resource, resource_id: int) -> str:
    return f"claim {alert_id} {resource.value} {resource_id}"
