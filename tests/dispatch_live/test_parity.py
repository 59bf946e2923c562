"""A thousand simulated incidents through the service: the same decisions as in the simulator.

The recording gives what came from outside: calls, answers, deliveries, and the people who were
near. Timers, claims and everything that follows from them are the service's own, in its database.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from dispatch.commands import SendAlert
from dispatch.config import parse_policy
from dispatch.events import (
    CandidatesFailed,
    CandidatesFound,
    ClaimRefused,
    DronesFound,
    IncidentReported,
    TimerFired,
)
from dispatch.live import coding, wishes
from dispatch.live.runtime import NewIncident
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.wishes import Wishes
from notifications.memory import MemoryChannel

OWN = (TimerFired, ClaimRefused, CandidatesFound, CandidatesFailed, DronesFound)


@pytest.fixture(scope="module")
def recorder() -> ModuleType:
    """How the simulator's own proof records."""
    file = Path(__file__).parents[1] / "test_one_core_two_drivers.py"
    spec = importlib.util.spec_from_file_location("recorder_of_two_drivers", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def record(recorder: ModuleType, incidents: int, number: int) -> tuple[Any, list[Any]]:
    policy = recorder.policies()[number]
    recording: list[Any] = []
    recorder.run_replication(
        recorder.crowded_setting(),
        recorder.crowded_parameters(incidents, ties=number == 1),
        [policy],
        seed=23,
        replication=number,
        recorder=lambda *step: recording.append(step),
    )
    return policy, recording


class RecordedFinder:
    """Answers each query with the recorded answer; the rest of the port has nothing to mirror."""

    def __init__(self, recording: list[Any]) -> None:
        self.answers = {
            (incident_id, event.query_id): event
            for incident_id, _, event, _ in recording
            if isinstance(event, CandidatesFound | CandidatesFailed)
        }
        self.incident_id = ""

    def find(self, tx: Tx, query: Any, now_s: float, policy_id: str, flags: Any) -> Any:
        return self.answers[self.incident_id, query.query_id]

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def people_of(recording: list[Any]) -> set[int]:
    return {
        command.responder_id
        for _, _, _, commands in recording
        for command in commands
        if isinstance(command, SendAlert)
    }


def enrol(bench: Any, people: set[int]) -> None:
    """Rows for the people of the recording, each with a phone."""
    now_s = bench.clock()
    person = {
        "name": "P",
        "initials": "P",
        "contact": "",
        "organisation": "",
        "status": "active",
        "suspended_reason": "",
        "language": "en",
        "mode": "foot",
        "speed_factor": 1.0,
        "home_lat": None,
        "home_lon": None,
        "work_lat": None,
        "work_lon": None,
        "on_duty": True,
        "not_before_s": None,
        "wishes": wishes.encode(Wishes()),
        "created_at_s": now_s,
        "updated_at_s": now_s,
    }
    device = {
        "kind": "memory",
        "platform": "",
        "language": "en",
        "created_at_s": now_s,
        "last_seen_s": now_s,
        "dead_at_s": None,
        "dead_reason": "",
        "may_break_silence": None,
        "test_message_id": None,
        "test_sent_at_s": None,
        "test_shown_at_s": None,
        "test_sounded": None,
    }

    def work(tx: Tx) -> None:
        tx.put(schema.responder, *({"responder_id": i, **person} for i in people))
        tx.put(
            schema.device,
            *(
                {"device_id": f"d{i}", "responder_id": i, "address": f"p{i}", **device}
                for i in people
            ),
        )

    bench.inside(work)


def replay(bench: Any, policy: Any, recording: list[Any]) -> None:
    """Give the service what came from outside, at its moment; timers come of themselves."""
    service = bench.service
    finder = RecordedFinder(recording)
    service.runtime.means.finder = finder
    service.runtime.means.find_at_once = True
    policy_id = policy.policy_id

    apply = service.runtime.apply

    def applying(tx: Tx, incident_id: str, event: Any, actor: str) -> Any:
        finder.incident_id = incident_id
        return apply(tx, incident_id, event, actor)

    service.runtime.apply = applying

    def tell(incident_id: str, event: Any) -> None:
        def work(tx: Tx) -> None:
            if isinstance(event, IncidentReported) and new:
                about = NewIncident("sim", incident_id, 0, "", "recorded", "{}")
                service.runtime.begin(tx, event, about, policy_id, "sim")
            else:
                service.runtime.apply(tx, incident_id, event, "sim")

        service.store.transact(work)

    known: set[str] = set()
    for incident_id, now_s, event, _ in recording:
        if isinstance(event, OWN):
            continue
        ring_until(bench, now_s)
        bench.clock.now_s = now_s
        new = incident_id not in known
        known.add(incident_id)
        tell(incident_id, event)
    last_s = max(now_s for _, now_s, _, _ in recording)
    ring_until(bench, last_s)
    bench.clock.now_s = last_s
    while service.runtime.fire_timers():
        pass


def ring_until(bench: Any, until_s: float) -> None:
    """Let the timers ring that are due before a moment; at the same moment, outside comes first."""
    runtime = bench.service.runtime
    while (due_s := runtime.next_timer_s()) is not None and due_s < until_s:
        bench.clock.now_s = due_s
        runtime.fire_timers()


def decisions(bench: Any) -> dict[str, list[Any]]:
    rows = bench.inside(lambda tx: tx.rows(sa.select(schema.event).order_by(schema.event.c.seq)))
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        event = coding.decode_event(row["body"], row["schema_version"])
        step = (row["now_s"], event, coding.decode_commands(row["commands"]))
        found[row["incident_id"]].append(step)
    return found


def check(make_bench: Any, recorder: ModuleType, number: int, count: int) -> int:
    policy, recording = record(recorder, count, number)
    bench = make_bench()
    content = bench.inside(lambda tx: tx.value(sa.select(schema.policy.c.content)))
    assert parse_policy(content.encode(), name="x", file="x")
    bench.service.book.remember(policy)
    bench.service.outbox.sender.submit = lambda parcel: None  # phones are in the recording
    enrol(bench, people_of(recording))
    replay(bench, policy, recording)
    replayed = decisions(bench)
    recorded: dict[str, list[Any]] = defaultdict(list)
    for incident_id, now_s, event, commands in recording:
        recorded[incident_id].append((now_s, event, commands))
    assert replayed.keys() == recorded.keys()
    for incident_id, steps in recorded.items():
        pairs = itertools.zip_longest(replayed[incident_id], steps)
        for place, (mine, its) in enumerate(pairs):
            assert mine == its, f"incident {incident_id}, step {place}"
    assert isinstance(bench.memory, MemoryChannel)
    return len(recorded)


@pytest.mark.parametrize("number", [0])
def test_the_service_decides_as_the_simulator_does(make_bench, recorder, number):
    assert check(make_bench, recorder, number, 24) > 10


@pytest.mark.slow
def test_a_thousand_incidents_get_the_same_decisions(make_bench, recorder):
    compared = sum(check(make_bench, recorder, number, 500) for number in range(3))
    assert compared >= 1000
