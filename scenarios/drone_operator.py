"""A simulated operator of AED drones: an outside system that speaks to the live service over HTTP.

It keeps the simulator's air, fleet and desk under a clock of its own, fetches the service's orders,
answers searches and reports what becomes of each task. Whatever it does a real operator can do
with the same key, the same addresses and the same words.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from geo.errors import GeoError
from sim.drone_air import AirWorld
from sim.drone_desk import Desk, News
from sim.drones import Fleet, Scene
from sim.randomness import Draws

WAIT_S = 20.0  # for orders, before asking again
AGAIN_S = 1.0  # after a service that does not answer
LOOK_S = 1.0  # for drones that are back
BUSY = frozenset({429, 502, 503, 504})
KEPT = 500  # incidents that are remembered
TOLD = {
    News.READY: "ready",
    News.LAUNCHED: "launched",
    News.DELIVERED: "delivered",
    News.TAKEN: "aed_taken",
    News.LOST: "lost",
}

Say = Callable[[str], None]


@dataclass(frozen=True)
class OperatorClock:
    """The operator's clock: begins at ``start_s`` and runs ``hurry`` times as fast as the wall's.

    ``began_s``: when, by ``time.monotonic``.
    """

    start_s: float
    hurry: float
    began_s: float

    @classmethod
    def begin(cls, start_s: float, hurry: float = 1.0) -> OperatorClock:
        """A clock that starts now."""
        return cls(start_s, hurry, time.monotonic())

    def now_s(self) -> float:
        """The operator's time, epoch seconds."""
        return self.start_s + (time.monotonic() - self.began_s) * self.hurry

    def wall(self, at_s: float) -> str:
        """The wall's time of a moment of the operator's, RFC 3339."""
        left_s = (at_s - self.now_s()) / self.hurry
        return datetime.fromtimestamp(time.time() + left_s, UTC).isoformat()

    def until_s(self, at_s: float) -> float:
        """How long the wall's clock takes to a moment of the operator's."""
        return max(0.0, (at_s - self.now_s()) / self.hurry)


class Operator:
    """One operator's desk, at work for one service."""

    def __init__(
        self,
        base: str,
        key: str,
        air: AirWorld,
        clock: OperatorClock,
        *,
        seed: int = 1,
        say: Say = print,
    ) -> None:
        self._base = base
        self._headers = {"Authorization": f"Bearer {key}"}
        self._clock = clock
        self._say = say
        self.fleet = Fleet(air, Draws(seed, 0))
        self.desk = Desk(self.fleet, clock.now_s, self._plan, self._tell)
        self._number_of: dict[int, int] = {}  # the service's id of a drone -> the desk's
        self._id_of: dict[int, int] = {}
        self._incidents: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._begun: dict[tuple[int, int], int] = {}  # incident and task -> drone
        self._out: set[int] = set()  # drones that have taken off and are not ready again
        self._outbox: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._after = 0

    async def run(self) -> None:
        """Say which drones may fly, then work until cancelled.

        Raises:
            httpx.HTTPStatusError: the service refuses the key.
        """
        async with httpx.AsyncClient(base_url=self._base, timeout=WAIT_S + 10.0) as client:
            self._client = client
            await self._begin()
            busy = [asyncio.create_task(self._send_all()), asyncio.create_task(self._look_home())]
            try:
                while True:
                    await self._work()
            finally:
                for task in busy:
                    task.cancel()

    # --- beginning ----------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Find our drones in the service's registry, and give up what an earlier run left."""
        ours = {name: number for number, name in enumerate(names_of(self.fleet))}
        after: int | None = 0
        while after is not None:
            page = await self._get(f"/v1/drones?after={after}")
            for row in page["drones"]:
                if row["external_id"] in ours:
                    self._number_of[row["drone_id"]] = ours[row["external_id"]]
            after = page["next_after"]
        self._id_of = {number: drone_id for drone_id, number in self._number_of.items()}
        await asyncio.to_thread(self._look_around)
        for drone_id in self._number_of:
            await self._post(f"/v1/drones/{drone_id}/service", {"in_service": True})
        left = await self._get("/v1/drone-operator/tasks")
        self._after = left["next_after"]
        for task in left["tasks"]:
            lost = {"news": "lost", "reason": "operator_restarted"}
            await self._post(f"/v1/drone-operator/tasks/{_of(task)}", lost)
        self._say(f"drones: {len(self._number_of)} of {len(ours)} are registered and may fly")

    def _look_around(self) -> None:
        """Build what the first answer needs, so that it is not late."""
        base = self.fleet.parameters.bases[0]
        self.fleet.search(base.lat + 0.01, base.lon, self._clock.now_s())

    # --- orders -------------------------------------------------------------------------------

    async def _work(self) -> None:
        path = f"/v1/drone-operator/orders?after={self._after}&wait_s={WAIT_S:g}"
        try:
            found = await self._get(path)
        except httpx.TransportError:
            await asyncio.sleep(AGAIN_S)
            return
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in BUSY:
                raise
            await asyncio.sleep(AGAIN_S)
            return
        self._after = found["next_after"]
        for order in found["orders"]:
            await self._carry_out(order)

    async def _carry_out(self, order: dict[str, Any]) -> None:
        incident = self._incident(order["incident_id"])
        task = order["task_id"]
        match order["kind"]:
            case "find":
                await self._find(incident, order)
            case "ready":
                self._ready(incident, order)
            case "launch":
                self._ready(incident, order)
                if (incident, task) in self._begun:
                    self.desk.launch(incident, task)
            case "recall" | "end":
                if (incident, task) in self._begun:
                    self.desk.recall(incident, task, order["reason"])
            case "take":
                self._take(incident, order)

    async def _find(self, incident: int, order: dict[str, Any]) -> None:
        place = order["location"]
        left_out = tuple(self._number_of.get(drone_id, -1) for drone_id in order["exclude"])
        try:
            options, passed = await asyncio.to_thread(
                self.desk.find, incident, place["lat"], place["lon"], exclude=left_out
            )
        except GeoError:  # the hours of weather are over
            self._send(f"searches/{_of_search(order)}", {"failed": "weather_unknown"})
            return
        answer = {
            "options": [
                {
                    "drone_id": self._id_of[option.drone],
                    "eta_s": option.eta_s,
                    "granted_share": option.granted_share,
                    "asks": [name[:80] for name in option.way.asks[:50]],
                }
                for option in options
                if option.drone in self._id_of
            ],
            "passed": [
                {"drone_id": self._id_of[drone.drone], "reason": drone.reason}
                for drone in passed
                if drone.drone in self._id_of
            ],
        }
        self._send(f"searches/{_of_search(order)}", answer)

    def _ready(self, incident: int, order: dict[str, Any]) -> None:
        task, number = order["task_id"], self._number_of.get(order["drone_id"])
        if (incident, task) in self._begun:
            return
        refused = "not_found_before" if number is None else self.desk.ready(incident, task, number)
        if refused:
            self._send(f"tasks/{_of(order)}", {"news": "refused", "reason": refused})
        else:
            assert number is not None
            self._begun[incident, task] = number

    def _take(self, incident: int, order: dict[str, Any]) -> None:
        if (incident, order["task_id"]) not in self._begun:
            return
        volunteer = order["by"] == "volunteer"
        # A bystander is sent only where a second one goes on with compressions.
        there = Scene(child=False, trauma=False, no_place=False, hands=0 if volunteer else 2)
        self.desk.note_scene(incident, there)
        self.desk.somebody_takes(incident, order["task_id"], volunteer=volunteer)

    # --- news ---------------------------------------------------------------------------------

    def _plan(self, at_s: float, what: Callable[..., None], *arguments: object) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self._clock.until_s(at_s), what, *arguments)

    def _tell(
        self, incident: int, task: int, news: News, *, due_s: float = 0.0, reason: str = ""
    ) -> None:
        name = self._names.get(incident)
        if news not in TOLD or name is None:
            return
        body: dict[str, Any] = {"news": TOLD[news]}
        if news is News.LAUNCHED:
            body["due_at"] = self._clock.wall(due_s)
            self._has_left(incident, task)
        if reason:
            body["reason"] = reason
        self._send(f"tasks/{name}/{task}", body)

    def _has_left(self, incident: int, task: int) -> None:
        number = self._begun[incident, task]
        self._out.add(number)
        flying = {"in_service": False, "reason": "flying"}
        self._outbox.put_nowait((f"/v1/drones/{self._id_of[number]}/service", flying))

    async def _look_home(self) -> None:
        """A drone that is back, charged and checked may fly again."""
        while True:
            await asyncio.sleep(LOOK_S)
            for number in sorted(self._out):
                if self.fleet.is_free(number, self._clock.now_s()):
                    self._out.discard(number)
                    path = f"/v1/drones/{self._id_of[number]}/service"
                    self._outbox.put_nowait((path, {"in_service": True}))

    # --- HTTP ---------------------------------------------------------------------------------

    def _send(self, path: str, body: dict[str, Any]) -> None:
        self._outbox.put_nowait((f"/v1/drone-operator/{path}", body))

    async def _send_all(self) -> None:
        """Report one after the other, each until it is taken or refused for good."""
        while True:
            path, body = await self._outbox.get()
            try:
                await self._post(path, body)
            except httpx.HTTPStatusError as error:
                status = error.response.status_code
                self._say(f"drones: {path} answered {status}: {error.response.text}")

    async def _get(self, path: str) -> dict[str, Any]:
        answer = await self._client.get(path, headers=self._headers)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        headers = {**self._headers, "Idempotency-Key": uuid.uuid4().hex}
        while True:
            try:
                answer = await self._client.post(path, json=body, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(AGAIN_S)
                continue
            if answer.status_code not in BUSY:
                answer.raise_for_status()
                return
            await asyncio.sleep(float(answer.headers.get("Retry-After", AGAIN_S)))

    # --- names --------------------------------------------------------------------------------

    def _incident(self, incident_id: str) -> int:
        """The desk's number of an incident; the oldest ones are forgotten."""
        known = self._incidents.get(incident_id)
        if known is not None:
            return known
        number = max(self._names, default=-1) + 1
        self._incidents[incident_id], self._names[number] = number, incident_id
        if len(self._incidents) > KEPT:
            oldest = next(iter(self._incidents))
            gone = self._incidents.pop(oldest)
            self._names.pop(gone)
            self._begun = {key: n for key, n in self._begun.items() if key[0] != gone}
            self.desk.forget(gone)
        return number


def names_of(fleet: Fleet) -> list[str]:
    """The ``external_id`` of each drone, in the order of the desk's numbers."""
    names, seen = [], Counter[int]()
    for base in fleet.base_of:
        seen[base] += 1
        names.append(f"{fleet.parameters.bases[base].base_id}-{seen[base]}")
    return names


def registry(fleet: Fleet) -> str:
    """The drones as a list for the service's registry (CSV)."""
    rows = ["external_id,base,lat,lon,aircraft"]
    for name, number in zip(names_of(fleet), fleet.base_of, strict=True):
        base = fleet.parameters.bases[number]
        rows.append(f"{name},{base.base_id},{base.lat:.6f},{base.lon:.6f},{base.aircraft}")
    return "\n".join(rows) + "\n"


def _of(task: dict[str, Any]) -> str:
    return f"{task['incident_id']}/{task['task_id']}"


def _of_search(order: dict[str, Any]) -> str:
    return f"{order['incident_id']}/{order['search_id']}"
