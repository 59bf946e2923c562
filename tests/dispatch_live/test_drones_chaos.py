"""Whatever control and a muddled operator say, in any order: no fault, and every promise holds."""

from __future__ import annotations

import random
from importlib import resources
from typing import Any

import pytest
import sqlalchemy as sa

from dispatch.live.store import schema
from dispatch.live.verify import verify

OPERATOR = "drone_operator"
NEWS = ("ready", "refused", "launched", "eta_changed", "delivered", "aed_taken", "lost")
STEPS = 60


def trial_policy() -> str:
    folder = resources.files("dispatch") / "presets"
    return (folder / "drones_trial.toml").read_text("utf-8")


class Muddle:
    """Random words of control and an operator about a few incidents and two drones."""

    def __init__(self, bench: Any, seed: int) -> None:
        self.bench = bench
        self.random = random.Random(seed)
        self.incidents: list[str] = []
        self.drones: list[int] = []
        self.begun: list[tuple[str, int]] = []
        for number in range(2):
            drone = {"external_id": f"D-{number}", "base": "B", "location": {"lat": 52, "lon": 1}}
            self.drones.append(bench.post("/v1/drones", "registrar", drone)["drone_id"])
            self.ask("POST", f"/v1/drones/{self.drones[-1]}/service", OPERATOR, in_service=True)
        self.taken = self.after = 0

    def ask(self, method: str, path: str, who: str, **body: Any) -> Any:
        answer = self.bench.ask(method, path, who, body or None)
        assert answer.status_code < 500, f"{path}: {answer.text}"
        return answer.json() if answer.status_code < 300 else {}

    def step(self) -> None:
        what = self.random.choice(
            [self.report, self.change, self.end, self.answer, *[self.news] * 5]
            if self.incidents
            else [self.report]
        )
        what()
        self.bench.settle()
        self.listen()
        self.bench.clock.advance(self.random.choice((0.0, 0.5, 5.0, 100.0)))
        self.bench.settle()

    def listen(self) -> None:
        """Most searches are answered in time."""
        path = f"/v1/drone-operator/orders?after={self.after}"
        found = self.ask("GET", path, OPERATOR)
        self.after = found["next_after"]
        for order in found["orders"]:
            if order["kind"] == "find" and self.random.random() < 0.8:
                self.answer(order["incident_id"], order["search_id"])
            elif order["kind"] in ("ready", "launch"):
                self.begun.append((order["incident_id"], order["task_id"]))

    def report(self) -> None:
        due = self.bench.iso(self.random.choice((60.0, 1800.0, 1800.0, 1800.0)))
        place = {"lat": 52.0 + self.random.random() / 50, "lon": 1.0}
        code = self.random.choice(("X01A", "NOT-LISTED"))
        hands = self.random.choice((1, 2, 2, 2, 3))
        reference = f"C-{len(self.incidents)}"
        call = {"reference": reference, "location": place, "code": code, "hands": hands}
        made = self.ask("POST", "/v1/incidents", "control", **call, ambulance_due_at=due)
        self.incidents.append(made["incident_id"])

    def change(self) -> None:
        path = f"/v1/incidents/{self.random.choice(self.incidents)}"
        due = self.bench.iso(self.random.choice((60.0, 1800.0)))
        end, body = self.random.choice(
            [
                ("/scene", {"hands": self.random.randint(0, 3)}),
                ("/scene", {"scene": self.random.choice(("safe", "unsafe"))}),
                ("/scene", {"age_years": self.random.choice((3, 70))}),
                ("/scene", {"aed_attached": True}),
                ("/ambulance", {"due_at": due}),
            ]
        )
        self.ask("POST", path + end, "control", **body)

    def end(self) -> None:
        path = f"/v1/incidents/{self.random.choice(self.incidents)}"
        how = self.random.choice(("confirm", "move", "close", "on_scene", "cancel"))
        if how == "confirm":
            self.ask("PATCH", path, "control", confirmed=True)
        elif how == "move":
            self.ask("PATCH", path, "control", location={"lat": 52.05, "lon": 1.0})
        elif how == "on_scene":
            self.ask("POST", f"{path}/ambulance", "control", on_scene=True)
        elif self.random.random() < 0.3:
            self.ask("POST", f"{path}/{how}", "control", reason="x")

    def answer(self, incident: str = "", search: int = 0) -> None:
        incident = incident or self.random.choice(self.incidents[-3:])
        search = search or self.random.randint(1, 3)
        path = f"/v1/drone-operator/searches/{incident}/{search}"
        options = [
            {"drone_id": drone, "eta_s": self.random.choice((100.0, 300.0))}
            for drone in self.random.sample([*self.drones, 99], self.random.choice((0, 2, 3, 3)))
        ]
        self.ask("POST", path, OPERATOR, options=options)

    def news(self) -> None:
        incident, task = self.random.choice(self.incidents[-3:]), self.random.randint(1, 2)
        if self.begun and self.random.random() < 0.8:
            incident, task = self.random.choice(self.begun[-3:])
        path = f"/v1/drone-operator/tasks/{incident}/{task}"
        due = self.bench.iso(self.random.choice((-50.0, 100.0, 4000.0)))
        found = self.ask("POST", path, OPERATOR, news=self.random.choice(NEWS), due_at=due)
        self.taken += found.get("taken", False)


def test_every_promise_holds_whatever_is_said(make_bench):
    taken = sum(muddled(make_bench(content=trial_policy()), seed) for seed in range(3))
    assert taken > 5


@pytest.mark.slow
def test_every_promise_holds_in_many_muddles(make_bench):
    taken = sum(muddled(make_bench(content=trial_policy()), seed) for seed in range(100, 115))
    assert taken > 50


def muddled(bench: Any, seed: int) -> int:
    """One muddle from beginning to end; returns how many news changed something."""
    bench.volunteers(2)
    muddle = Muddle(bench, seed)
    for number in range(STEPS):
        muddle.step()
        if number % 4 == 0:
            assert verify(bench.service.store).faults == (), seed
    for incident in muddle.incidents:
        muddle.ask("POST", f"/v1/incidents/{incident}/close", "control", reason="over")
    assert bench.inside(lambda tx: tx.rows(sa.select(schema.claim))) == [], seed
    began, ended = orders_by_task(bench)
    assert began <= ended, seed  # whatever was begun was ended
    return muddle.taken


def orders_by_task(bench: Any) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    rows = bench.inside(lambda tx: tx.rows(sa.select(schema.drone_order)))
    began = {(r["incident_id"], r["number"]) for r in rows if r["kind"] in ("ready", "launch")}
    return began, {(r["incident_id"], r["number"]) for r in rows if r["kind"] == "end"}
