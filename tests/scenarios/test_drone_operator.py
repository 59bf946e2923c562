"""The simulated operator at work for a real service: sockets, threads and the wall's clock."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from dataclasses import replace
from importlib import resources

import httpx
import numpy as np
import pytest
import uvicorn

from dispatch.config import parse_policy
from dispatch.live.app import create_app
from dispatch.live.auth import Role
from dispatch.live.drone_lists import read_drones
from dispatch.live.service import Service
from dispatch.live.settings import Settings
from geo.airspace import Airspace
from geo.weather import HOUR_S, WeatherSeries
from scenarios.drone_operating import KEY_VARIABLE, Work, operate
from scenarios.drone_operator import Operator, OperatorClock, registry
from scenarios.drone_operator_air import first_calm_s
from scenarios.errors import InputFaults, ScenariosError
from sim.drone_air import AirWorld
from sim.drone_parameters import DroneBase, DroneParameters

HERE = (52.0, 1.0)
NOON_S = 1_800_014_400.0  # 15 January 2027, 12:00 UTC
HURRY = 60.0
PATIENCE_S = 30.0


def series(hours: int = 48, *, wet_h: int = 0) -> WeatherSeries:
    """Calm, dry and clear, after ``wet_h`` hours of rain."""
    calm = np.full(hours, 3.0)
    rain = np.where(np.arange(hours) < wet_h, 8.0, 0.0)
    return WeatherSeries(
        NOON_S, *HERE, calm, np.full(hours, 270.0), calm + 1, rain, np.full(hours, 12.0),
        np.full(hours, 30_000.0), "test",
    )  # fmt: skip


def air(hours: int = 48, **parameters: object) -> AirWorld:
    """One base with two drones, 2 km from where calls come from; nothing fails by chance."""
    base = DroneBase("Harbour", HERE[0] + 0.018, HERE[1], drones=2)
    usual = {"start_failed_share": 0.0, "busy_s": 240.0}
    drones = DroneParameters(bases=(base,), **{**usual, **parameters})
    return AirWorld(drones, Airspace(()), [series(hours)])


class Running:
    """A service that listens, and operators that work for it."""

    def __init__(self) -> None:
        text = (resources.files("dispatch") / "presets" / "drones_trial.toml").read_text("utf-8")
        policy = parse_policy(text.encode(), name="drones_trial", file="drones_trial.toml")
        settings = Settings(database="sqlite://", test=True)
        self.service = Service(settings, policy=policy, content=text)
        self.keys = {
            role: self.service.store.transact(
                lambda tx, role=role: self.service.doors.create_key(
                    tx, role, "test", by="test", now_s=time.time()
                )
            )
            for role in Role
            if role is not Role.RESPONDER
        }
        config = uvicorn.Config(create_app(self.service), port=0, log_config=None)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        self.until(lambda: self.server.started)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.base, timeout=10.0)
        self.said: list[str] = []
        self.loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None], threading.Thread]]
        self.loops = []
        self.calls = 0

    @staticmethod
    def until(holds, patience_s: float = PATIENCE_S) -> None:
        end_s = time.monotonic() + patience_s
        while not holds():
            assert time.monotonic() < end_s, "that did not happen in time"
            time.sleep(0.05)

    def ask(self, method: str, path: str, role: Role, body: object = None) -> dict:
        headers = {"Authorization": f"Bearer {self.keys[role]}"}
        answer = self.client.request(method, path, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def operator(self, world: AirWorld, *, seed: int = 1) -> Operator:
        """Register the drones of an air, and let their operator work."""
        clock = OperatorClock.begin(NOON_S, HURRY)
        key = self.keys[Role.DRONE_OPERATOR]
        operator = Operator(self.base, key, world, clock, seed=seed, say=self.said.append)
        body = {"format": "csv", "content": registry(operator.fleet), "source": "test"}
        self.ask("POST", "/v1/drones/import", Role.REGISTRAR, body)
        before = len(self.said)
        loop = asyncio.new_event_loop()
        task = loop.create_task(operator.run())
        thread = threading.Thread(target=_run, args=(loop, task), daemon=True)
        thread.start()
        self.loops.append((loop, task, thread))
        self.until(lambda: len(self.said) > before)
        return operator

    def dismiss(self) -> None:
        """The operators stop, as if killed."""
        for loop, task, thread in self.loops:
            loop.call_soon_threadsafe(task.cancel)
            thread.join(10.0)
        self.loops.clear()

    def call(self, **facts: object) -> str:
        self.calls += 1
        due = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1500)
        body = {
            "reference": f"C-{self.calls}",
            "location": {"lat": HERE[0], "lon": HERE[1]},
            "code": "X01A",
            "scene": "safe",
            "hands": 2,
            "ambulance_due_at": due.isoformat(),
            **facts,
        }
        return self.ask("POST", "/v1/incidents", Role.CONTROL, body)["incident_id"]

    def incident(self, incident_id: str) -> dict:
        return self.ask("GET", f"/v1/incidents/{incident_id}", Role.CONTROL)

    def statuses(self, incident_id: str) -> list[str]:
        return [task["status"] for task in self.incident(incident_id)["drones"]["tasks"]]

    def drones(self) -> list[str]:
        listed = self.ask("GET", "/v1/drones", Role.CONTROL)["drones"]
        return [drone["status"] for drone in listed]

    def close(self) -> None:
        self.dismiss()
        self.client.close()
        self.service.leaving = True
        self.service.stream.wake()
        self.server.should_exit = True
        self.thread.join(10.0)


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        pass
    finally:
        loop.close()


@pytest.fixture
def running():
    started = Running()
    yield started
    started.close()


def test_a_drone_flies_delivers_and_is_fit_again(running):
    running.operator(air())
    assert running.drones() == ["in_service", "in_service"]
    incident = running.call()
    running.until(lambda: running.statuses(incident) == ["in_flight"])
    running.until(lambda: "out_of_service" in running.drones())
    running.until(lambda: running.statuses(incident) == ["taken"])  # by the second bystander
    running.ask("POST", f"/v1/incidents/{incident}/close", Role.CONTROL, {})
    assert running.statuses(incident) == ["completed"]
    running.until(lambda: running.drones() == ["in_service", "in_service"])


def test_a_crew_on_scene_calls_it_back(running):
    running.operator(air())
    incident = running.call()
    running.until(lambda: running.statuses(incident) == ["in_flight"])
    on_scene = {"on_scene": True}
    running.ask("POST", f"/v1/incidents/{incident}/ambulance", Role.CONTROL, on_scene)
    assert running.statuses(incident) == ["recalled"]
    time.sleep(3.0)  # when it would have delivered
    assert running.statuses(incident) == ["recalled"]
    assert running.said[1:] == []
    running.until(lambda: running.drones() == ["in_service", "in_service"])


def test_two_calls_get_a_drone_each_and_the_third_hears_why_not(running):
    running.operator(air())
    first, second, third = (running.call(location=_off(i)) for i in range(3))
    running.until(lambda: running.statuses(first) + running.statuses(second) != [])
    running.until(lambda: not running.incident(third)["drones"]["searching"])
    flown = [task for i in (first, second, third) for task in _tasks(running, i)]
    assert sorted(task["drone_id"] for task in flown if task["ended_at"] is None) == [1, 2]
    without = next(i for i in (third, second, first) if not _open(running, i))
    assert running.incident(without)["drones"]["why_none"] == "every drone in reach is busy"


def _off(steps: int) -> dict[str, float]:
    return {"lat": HERE[0] - 0.003 * steps, "lon": HERE[1]}


def _tasks(running, incident: str) -> list[dict]:
    return running.incident(incident)["drones"]["tasks"]


def _open(running, incident: str) -> bool:
    return any(task["ended_at"] is None for task in _tasks(running, incident))


def test_an_operator_that_dies_gives_its_tasks_up_when_it_is_back(running):
    running.operator(air())
    incident = running.call()
    running.until(lambda: running.statuses(incident) == ["in_flight"])
    running.dismiss()
    time.sleep(0.5)
    assert running.statuses(incident) == ["in_flight"]
    running.operator(air())
    running.until(lambda: running.statuses(incident)[:1] == ["lost"])
    running.until(lambda: len(running.statuses(incident)) == 2)  # and another drone goes
    assert running.incident(incident)["attention"] == "drone_lost"


def test_weather_that_is_over_is_no_answer(running):
    operator = running.operator(air(hours=1))
    operator._clock = OperatorClock.begin(NOON_S + 2 * HOUR_S, HURRY)
    operator.desk._now = operator._clock.now_s
    incident = running.call()
    running.until(lambda: not running.incident(incident)["drones"]["searching"])
    assert running.incident(incident)["attention"] == "no_answer_about_drones"
    assert running.incident(incident)["drones"]["why_none"] == "no drone"


def test_the_list_for_the_registry_is_one_that_the_service_reads():
    from sim.drones import Fleet  # noqa: PLC0415
    from sim.randomness import Draws  # noqa: PLC0415

    listed, faults = read_drones(registry(Fleet(air(), Draws(1, 0))), "csv", "x")
    assert faults == []
    assert [drone.external_id for drone in listed] == ["Harbour-1", "Harbour-2"]
    assert {drone.base for drone in listed} == {"Harbour"}


def test_the_demonstration_begins_where_drones_may_fly():
    world = air()
    wet = AirWorld(world.parameters, Airspace(()), [series(wet_h=5)])
    assert first_calm_s(wet) == NOON_S + 5 * HOUR_S
    assert first_calm_s(world) == NOON_S


def test_the_command_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    file = tmp_path / "coast.toml"
    base = '{ id = "A", lat = 51.0, lon = 1.0, drones = 2 }'
    head = 'title = "T"\nquestion = "Q?"\n[region]\nsource = "town"\n'
    file.write_text(f"{head}[drones]\nbases = [{base}]\n")
    work = Work(str(file), "http://127.0.0.1:9", None, None, 1.0, 1, listed=True, quiet=True)
    operate(work)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "A-1,A,51.000000,1.000000,m300",
        "A-2,A,51.000000,1.000000,m300",
    ]
    asked = replace(work, listed=False)
    with pytest.raises(InputFaults, match=KEY_VARIABLE):
        operate(asked)
    monkeypatch.setenv(KEY_VARIABLE, "hrk_x")
    with pytest.raises(ScenariosError, match="no service answers"):
        operate(asked)
    with pytest.raises(InputFaults, match="at least one base"):
        operate(replace(work, scenario="town"))
