"""The process is killed at any step of an alert's life; what was acknowledged is there afterwards.

A run forks a warmed parent. The child plays a seeded story in hand-held time and is killed by
SIGKILL before a statement, before or after a commit, or before or after a message leaves. What it
had acknowledged until then it has written to a pipe. The parent opens the database, looks at the
promises, lets the service go on and looks again.

A killed process loses no page that the kernel holds; power loss is another matter.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dispatch.live.api import models
from dispatch.live.errors import Refused
from dispatch.live.service import Service
from dispatch.live.settings import Settings
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx, open_store
from dispatch.live.verify import verify
from dispatch.model import AlertStatus
from notifications.memory import MemoryChannel

PEOPLE = 8
OPEN = ("asked", "delivered", "seen", "accepted", "moving", "has_aed", "arrived", "with_patient")


class Story:
    """What happens in one run, decided by the seed; ``ack`` is told of everything answered."""

    def __init__(self, service: Service, clock: Any, seed: int, ack: Any) -> None:
        self.service = service
        self.clock = clock
        self.random = random.Random(seed)
        self.ack = ack
        self.incidents: list[str] = []

    def play(self) -> None:
        for number in range(2):
            self.report(number)
            for _ in range(6):
                self.clock.advance(self.random.choice([0.2, 1.0, 5.0, 20.0, 50.0, 100.0]))
                self.service.settle()
                self.somebody_does_something()
        for incident_id in self.incidents:
            if self.random.random() < 0.5:
                self.end(incident_id)
        self.service.settle()

    def do(self, work: Any) -> Any:
        return self.service.store.transact(work)

    def report(self, number: int) -> None:
        call = models.ReportIn(
            reference=f"C-{number}",
            location=models.Location(lat=52.0, lon=1.0),
            code="X01A",
            scene="safe",
        )
        _, view = self.do(lambda tx: self.service.control.report(tx, call, "control"))
        self.incidents.append(view.incident_id)
        self.ack("report", view.incident_id)

    def end(self, incident_id: str) -> None:
        self.do(
            lambda tx: self.service.control.end(tx, incident_id, "done", "control", cancel=False)
        )
        self.ack("end", incident_id)

    def somebody_does_something(self) -> None:
        table = schema.alert
        rows = self.do(lambda tx: tx.rows(sa.select(table).where(table.c.ended_at_s.is_(None))))
        if not rows:
            return
        row = self.random.choice(rows)
        phone, key = row["responder_id"], row["alert_key"]
        if row["status"] in ("asked", "delivered", "seen"):
            said = self.random.choice(["yes", "yes", "no"])
            answer = models.AnswerIn(answer=said)
            try:
                self.do(lambda tx: self.service.responding.answer(tx, phone, key, answer))
            except Refused:
                return
            self.ack(said, key)
        else:
            status = self.random.choice(["moving", "arrived", "with_patient", "cannot_continue"])
            if status == "cannot_continue":
                given = models.AnswerIn(answer="cannot_continue")
                self.do(lambda tx: self.service.responding.answer(tx, phone, key, given))
            else:
                doing = models.StatusIn(status=status)
                try:
                    self.do(lambda tx: self.service.responding.status(tx, phone, key, doing))
                except Refused:
                    return
            self.ack(status, key)


class Reaper:
    """Counts failpoints and kills the process at one of them."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.count = 0
        self.names: Counter[str] = Counter()

    def point(self, name: str) -> None:
        self.count += 1
        self.names[name] += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, service: Service) -> None:
        engine = service.store._engine

        @sa.event.listens_for(engine, "before_cursor_execute")
        def _sql(_c: Any, _cu: Any, statement: str, *_: Any) -> None:
            words = statement.split()
            table = {"INSERT": 2, "DELETE": 2, "UPDATE": 1}.get(words[0])
            if table is not None:
                self.point(f"{words[0].lower()} {words[table]}")

        @sa.event.listens_for(engine, "commit")
        def _commit(_: Any) -> None:
            self.point("before commit")

        finish = Tx.finish

        def finished(tx: Tx) -> None:
            self.point("after commit")
            finish(tx)

        Tx.finish = finished  # type: ignore[method-assign]
        send = MemoryChannel.send

        def sent(channel: MemoryChannel, message: Any, device: Any) -> Any:
            self.point("before sending")
            receipt = send(channel, message, device)
            self.point("after sending")
            return receipt

        MemoryChannel.send = sent  # type: ignore[method-assign]


def make_service(database: str, clock: Any, content: str) -> Service:
    from dispatch.config import parse_policy  # noqa: PLC0415

    return Service(
        Settings(database=database, test=True),
        policy=parse_policy(content.encode(), name="kill", file="kill"),
        content=content,
        clock=clock,
        threads=False,
    )


def run_child(
    database: str, clock: Any, content: str, seed: int, at: int | None, pipe: int
) -> None:
    """In the child: play until killed. Acknowledgements leave by the pipe at once."""
    reaper = Reaper(at)

    def ack(kind: str, what: str) -> None:
        os.write(pipe, json.dumps([kind, what, clock()]).encode() + b"\n")

    service = make_service(database, clock, content)
    service.runtime.means.find_at_once = seed % 2 == 0  # otherwise searches are rows of their own
    reaper.watch(service)
    service.start()
    Story(service, clock, seed, ack).play()
    service.store.close()
    os.write(pipe, json.dumps(["points", reaper.names, clock()]).encode() + b"\n")


def fork_and_play(
    database: str, clock: Any, content: str, seed: int, at: int | None
) -> tuple[int, list[list[Any]]]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            run_child(database, clock, content, seed, at, writer)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - told to the parent
            os.write(writer, json.dumps(["fault", repr(error), 0.0]).encode() + b"\n")
            os._exit(1)
    os.close(writer)
    text = b""
    while chunk := os.read(reader, 65536):
        text += chunk
    os.close(reader)
    _, status = os.waitpid(child, 0)
    lines = [json.loads(line) for line in text.splitlines()]
    return status, lines


class Prepared:
    """A database with people and no incident, to be copied for each run."""

    def __init__(self, content: str, clock: Any, copy: Callable[[], str]) -> None:
        self.content = content
        self.clock = clock
        self.copy = copy

    def fresh(self) -> str:
        """The address of a new copy; time begins again with it."""
        self.clock.now_s = 1_800_000_000.0
        return self.copy()

    def play(self, database: str, seed: int, at: int | None) -> tuple[int, list[list[Any]]]:
        return fork_and_play(database, self.clock, self.content, seed, at)

    def service(self, database: str) -> Service:
        return make_service(database, self.clock, self.content)


def people_in(make_bench: Any, database: str) -> tuple[str, Any]:
    """Fill a database with people; returns the policy's text and the clock."""
    bench = make_bench(policy="phased_7", database=database)
    bench.volunteers(PEOPLE)
    content = bench.inside(lambda tx: tx.value(sa.select(schema.policy.c.content)))
    bench.close()
    bench.close = lambda: None
    return content, bench.clock


@pytest.fixture
def memory_folder(tmp_path: Path):
    """In memory where that is offered: a kill of the process asks nothing of a disk."""
    memory = Path("/dev/shm")
    where = memory if os.access(memory, os.W_OK) else tmp_path
    with tempfile.TemporaryDirectory(dir=where) as folder:
        yield Path(folder)


@pytest.fixture
def prepared(make_bench, memory_folder: Path, sqlite_only):
    template, run = memory_folder / "template.sqlite", memory_folder / "run.sqlite"
    content, clock = people_in(make_bench, f"sqlite:///{template}")

    def copy() -> str:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{run}{suffix}").unlink(missing_ok=True)
        shutil.copy(template, run)
        return f"sqlite:///{run}"

    return Prepared(content, clock, copy)


@pytest.fixture
def prepared_postgres(make_bench, postgres, postgres_database):
    content, clock = people_in(make_bench, postgres_database)
    template = postgres.name_of(postgres_database)
    made: list[str] = []

    def copy() -> str:
        while made:
            postgres.drop(made.pop())
        made.append(postgres.new_database(template))
        return made[-1]

    yield Prepared(content, clock, copy)
    while made:
        postgres.drop(made.pop())


def check_promises(service: Service, lines: list[list[Any]]) -> None:
    """What was acknowledged is there."""
    store = service.store
    for kind, what, _ in lines:
        if kind in ("report", "end"):
            row = store.transact(
                lambda tx, what=what: tx.row(
                    sa.select(schema.incident).where(schema.incident.c.incident_id == what)
                )
            )
            assert row is not None, f"acknowledged incident {what} is lost"
            assert kind == "report" or row["phase"] == "ended"
        elif kind != "points":
            row = store.transact(
                lambda tx, what=what: tx.row(
                    sa.select(schema.alert).where(schema.alert.c.alert_key == what)
                )
            )
            assert row is not None
            if kind == "yes":
                assert row["accepted_at_s"] is not None or row["end_reason"] == "places_taken"
            if kind == "no":
                assert row["status"] == "declined"
    assert verify(store).faults == ()


def check_goes_on(service: Service, clock: Any) -> None:
    """Within five seconds nothing waits that should not; in the end everything has ended once."""
    clock.advance(5.0)
    service.settle()
    searches = service.store.transact(lambda tx: tx.rows(sa.select(schema.search)))
    assert searches == []
    phases = service.store.transact(
        lambda tx: tx.rows(sa.select(schema.incident.c.phase).where(schema.incident.c.is_open))
    )
    assert all(row["phase"] not in ("new", "searching") for row in phases)
    check_messages_left(service)
    assert verify(service.store).faults == ()
    for _ in range(2000):
        due_s = service.next_due_s()
        if due_s is None:
            break
        clock.now_s = max(clock.now_s, due_s)
        service.settle()
    assert verify(service.store).faults == ()
    rows = service.store.transact(lambda tx: tx.rows(sa.select(schema.alert)))
    assert all(row["ended_at_s"] is not None for row in rows)
    assert all(row["status"] not in OPEN for row in rows)
    left = service.store.transact(
        lambda tx: tx.rows(sa.select(schema.incident).where(schema.incident.c.is_open))
    )
    assert left == []


def check_messages_left(service: Service) -> None:
    """Whoever is still asked has had a message handed over, before or after the restart."""
    delivery, alert = schema.delivery, schema.alert
    rows = service.store.transact(
        lambda tx: tx.rows(
            sa.select(delivery, alert.c.status)
            .select_from(sa.join(delivery, alert, delivery.c.alert_key == alert.c.alert_key))
            .where((delivery.c.purpose == "alert") & (alert.c.status == AlertStatus.ASKED.value))
        )
    )
    for row in rows:
        assert b"handed_over" in row["body"], "an alert never left"


def one_run(prepared: Prepared, seed: int, points: int) -> str:
    clock = prepared.clock
    chance = random.Random(seed)
    at = chance.randint(1, points)
    database = prepared.fresh()
    status, lines = prepared.play(database, seed, at)
    faults = [what for kind, what, _ in lines if kind == "fault"]
    assert not faults, f"seed {seed}: {faults}"
    killed = os.WIFSIGNALED(status)
    last_s = max([at_s for _, _, at_s in lines] or [clock.now_s])
    clock.now_s = max(clock.now_s, last_s) + chance.choice([1.0, 5.0, 60.0])
    service = prepared.service(database)
    try:
        check_promises(service, lines)
        service.start()
        service.settle()
        check_promises(service, lines)
        check_goes_on(service, clock)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}, killed at point {at}: {error}") from error
    finally:
        service.stop()
    return "killed" if killed else "ended"


def count_points(prepared: Prepared, seeds: range) -> tuple[int, Counter[str]]:
    """Play a few stories to their end; returns the most failpoints and all their names."""
    most, names = 0, Counter[str]()
    for seed in seeds:
        status, lines = prepared.play(prepared.fresh(), seed, None)
        assert os.waitstatus_to_exitcode(status) == 0, lines
        found = Counter(lines[-1][1])
        names += found
        most = max(most, sum(found.values()))
    return most, names


def some_kills(prepared: Prepared, runs: int) -> None:
    points, names = count_points(prepared, range(1))
    assert {"before commit", "after commit", "before sending", "after sending"} <= set(names)
    outcomes = Counter(one_run(prepared, seed, points) for seed in range(runs))
    assert outcomes["killed"] >= runs * 2 // 3


def test_killed_at_some_steps(prepared):
    some_kills(prepared, 6)


@pytest.mark.slow
@pytest.mark.xdist_group("postgresql")
def test_killed_at_some_steps_on_postgresql(prepared_postgres):
    some_kills(prepared_postgres, 60)


@pytest.mark.slow
@pytest.mark.parametrize("quarter", range(4))
def test_killed_at_every_step_a_thousand_times(prepared, quarter):
    """A quarter of the thousand seeds, so that two cores share them."""
    points, _ = count_points(prepared, range(10))
    seeds = range(quarter * 250, (quarter + 1) * 250)
    outcomes = Counter(one_run(prepared, seed, points) for seed in seeds)
    assert outcomes["killed"] >= 175


def test_the_checks_notice_a_lost_acknowledgement(prepared):
    """A database that forgets what it acknowledged must fail the checks above."""
    database = prepared.fresh()
    _, lines = prepared.play(database, 1, None)
    store = open_store(database)
    store.transact(lambda tx: tx.run(sa.delete(schema.incident)))
    store.close()
    service = prepared.service(database)
    with pytest.raises(AssertionError, match="is lost"):
        check_promises(service, lines)
    service.stop()
