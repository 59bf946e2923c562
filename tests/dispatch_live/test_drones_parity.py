"""Simulated incidents with drones through the service: the same decisions as in the simulator.

As in ``test_parity``; answers about drones are the recorded ones, given in the transaction that
asks, as the simulator does. Claims of drones are the service's own.
"""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from dispatch.commands import EndDrone, LaunchDrone, ReadyDrone, RecallDrone
from dispatch.config import load_policy
from dispatch.events import DroneDelivered, DroneLost, DroneRefused, DronesFound
from dispatch.live import drone_carrying
from dispatch.live.api import models
from dispatch.live.verify import verify
from geo.airspace import Airspace
from sim.drone_parameters import DroneBase, DroneParameters
from sim.parameters import AmbulanceParameters, DayNight
from sim.sky import Sky

POLICIES = ("drones_beside_phased_7", "drones_only")
BASES = (DroneBase("A", 51.5, 0.0, drones=3), DroneBase("B", 51.52, 0.03, drones=2))


def module(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module")
def recorder() -> ModuleType:
    tests = Path(__file__).parents[1]
    return module("recorder_of_drones", tests / "test_one_core_two_drivers.py")


@pytest.fixture(scope="module")
def parity() -> ModuleType:
    return module("parity_of_people", Path(__file__).with_name("test_parity.py"))


def record(recorder: ModuleType, name: str, incidents: int) -> tuple[Any, list[Any]]:
    drones = DroneParameters(bases=BASES, start_failed_share=0.2, no_place_share=DayNight(0.1, 0.1))
    parameters = msgspec.structs.replace(
        recorder.crowded_parameters(incidents, ties=False),
        ambulance=AmbulanceParameters(median_s=1200.0, p90_s=1800.0),
    )
    policy, recording = load_policy(name), []
    recorder.run_replication(
        replace(recorder.crowded_setting(), sky=Sky(drones, Airspace(()))),
        parameters,
        [policy],
        seed=11,
        replication=POLICIES.index(name),
        recorder=lambda *step: recording.append(step),
    )
    return policy, recording


def test_incidents_with_drones_get_the_same_decisions(make_bench, recorder, parity, monkeypatch):
    policy, recording = record(recorder, "drones_only", 30)
    compare(make_bench(), parity, policy, recording, monkeypatch)
    kinds = Counter(type(command) for step in recording for command in step[3])
    assert kinds[LaunchDrone] > 5


@pytest.mark.slow
def test_many_incidents_with_drones_get_the_same_decisions(
    make_bench, recorder, parity, monkeypatch
):
    kinds = Counter[type]()
    for name in POLICIES:
        policy, recording = record(recorder, name, 150)
        kinds.update(type(command) for step in recording for command in step[3])
        kinds.update(type(step[2]) for step in recording)
        compare(make_bench(), parity, policy, recording, monkeypatch)
    assert kinds[ReadyDrone] > 20
    assert kinds[LaunchDrone] > 20
    assert kinds[RecallDrone] > 5
    assert kinds[DroneDelivered] > 20
    assert kinds[DroneLost] > 5
    assert kinds[EndDrone] > 50


def compare(
    bench: Any, parity: ModuleType, policy: Any, recording: list[Any], monkeypatch: Any
) -> None:
    answers = {
        (incident_id, event.query_id): event
        for incident_id, _, event, _ in recording
        if isinstance(event, DronesFound)
    }

    def recorded(self: Any, command: Any) -> Any:
        return answers[self._id, command.query.query_id]

    monkeypatch.setattr(drone_carrying.DroneCarrier, "find", recorded)
    parity.OWN = (*parity.OWN, DroneRefused)
    tell = bench.service.runtime.apply

    def telling(tx: Any, incident_id: str, event: Any, actor: str) -> Any:
        """Where a drone has delivered, its operator says at once that it may fly again."""
        applied = tell(tx, incident_id, event, actor)
        if isinstance(event, DroneDelivered) and applied.ignored == "":
            drone_id = applied.state.drones.tasks[event.task_id - 1].drone_id
            fit = models.DroneServiceIn(in_service=True)
            bench.service.drones.set_service(tx, drone_id, fit, "sim")
        return applied

    bench.service.runtime.apply = telling
    bench.service.book.remember(policy)
    bench.service.outbox.sender.submit = lambda parcel: None
    for number in range(sum(base.drones for base in BASES)):
        listed(bench, number)
    parity.enrol(bench, parity.people_of(recording))
    parity.replay(bench, policy, recording)
    replayed = parity.decisions(bench)
    wanted: dict[str, list[Any]] = {}
    for incident_id, now_s, event, commands in recording:
        wanted.setdefault(incident_id, []).append((now_s, event, commands))
    assert replayed.keys() == wanted.keys()
    for incident_id, steps in wanted.items():
        assert replayed[incident_id] == steps, incident_id
    assert not [fault for fault in verify(bench.service.store).faults if "drone" in fault]


def listed(bench: Any, number: int) -> None:
    """A drone of the registry with the simulator's number, in service."""
    from dispatch.live.store import schema  # noqa: PLC0415

    bench.inside(
        lambda tx: tx.insert(
            schema.drone, drone_id=number, source="sim", external_id=str(number), base="A",
            lat=51.5, lon=0.0, aircraft="", status="in_service", status_reason="",
            status_by=None, status_at_s=None, updated_at_s=0.0,
        )
    )  # fmt: skip
