"""``heartreach serve --demo``: simulated emergencies and simulated phones, over the real HTTP API.

Everything goes the way that it goes in earnest: volunteers are registered, trained, invited and
enrolled; calls are reported by control; phones get their messages, answer, walk and arrive. Only
the phones are invented, and they hear through the channel of TEST mode.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from geo.points import LocalProjection, haversine_m
from geo.region import Region
from geo.speeds import WALKING_MPS

TOWN = "town"
VOLUNTEERS = 240
GAP_S = 25.0  # between emergencies
HURRY = 8.0  # people walk so many times as fast, so that a call does not take ten minutes to watch
AMBULANCE_S = 420.0
SAYS_YES, SAYS_NO = 0.5, 0.3  # of those who look; the others do not answer (assumption)
LOOKS = 0.85
AED_MISSING = 0.05
STEP_S = 2.0
CODES = ("X01A", "X01B", "X02A", "X03A")

Say = Callable[[str], None]


@dataclass
class Phone:
    """One volunteer: a token, a place, and what they are doing."""

    responder_id: int
    address: str
    token: str
    lat: float
    lon: float
    going: set[str] = field(default_factory=set)  # alert ids


@dataclass(frozen=True)
class Pace:
    """How much happens how fast. ``emergencies``: stop after so many; None: never."""

    volunteers: int = VOLUNTEERS
    gap_s: float = GAP_S
    hurry: float = HURRY
    emergencies: int | None = None


ALONE = 0.4  # of calls with one person there, where drones are used (assumption)
FETCH_S = 19.0  # to go for a drone's AED (Smith 2024)


def town_folder() -> Path:
    """Build the built-in town if the cache does not hold it, and return its folder."""
    from scenarios.loading import load_scenario  # noqa: PLC0415 - slow to import
    from scenarios.regions import prepare_region  # noqa: PLC0415
    from scenarios.shipped import scenario_file  # noqa: PLC0415

    return prepare_region(load_scenario(scenario_file(TOWN)))


def play(
    base: str,
    keys: dict[str, str],
    folder: Path,
    drones: bool = False,
    *,
    pace: Pace | None = None,
    seed: int = 1,
) -> None:
    """Play emergencies in the region of ``folder`` against the service at ``base``.

    ``keys``: keys of the roles ``control`` and ``registrar``; with ``drones`` also that of
    ``drone_operator``. Returns when the pace says so or the service goes away; it never raises
    because of the latter.
    """
    region = Region.open(folder)
    demo = Demo(base, keys, region, pace or Pace(), seed, _print, drones=drones)
    try:
        asyncio.run(demo.run())
    except httpx.HTTPStatusError as error:
        status, path = error.response.status_code, error.request.url.path
        print(f"demo: {path} answered {status}: {error.response.text}", file=sys.stderr)
    except (httpx.HTTPError, asyncio.CancelledError):
        print("demo: the service is gone", file=sys.stderr)


class Demo:
    """One run of the demonstration."""

    def __init__(
        self,
        base: str,
        keys: dict[str, str],
        region: Region,
        pace: Pace,
        seed: int,
        say: Say,
        *,
        drones: bool = False,
    ) -> None:
        self._drones = drones
        self._seed = seed
        self._base = base
        self._keys = keys
        self._region = region
        self._pace = pace
        self._random = np.random.default_rng(seed)
        self._say = say
        self._phones: dict[str, Phone] = {}
        self._names: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.arrived = 0

    async def run(self) -> None:
        """Enrol the volunteers, then let emergencies happen."""
        limits = httpx.Limits(max_connections=40)
        async with httpx.AsyncClient(base_url=self._base, timeout=30.0, limits=limits) as client:
            self._client = client
            self._say(f"demo: enrolling {self._pace.volunteers} volunteers")
            await self._enrol_all()
            if self._drones:
                self._keep(asyncio.create_task(await self._operator()))
            listening = [
                asyncio.create_task(self._hear()),
                asyncio.create_task(self._narrate()),
                asyncio.create_task(self._stay_fresh()),
            ]
            try:
                await self._emergencies()
            finally:
                for task in (*listening, *self._tasks):
                    task.cancel()

    async def _operator(self) -> Coroutine[Any, Any, None]:
        """Register two drones; their simulated operator, ready to run."""
        from scenarios.drone_operator import (  # noqa: PLC0415 - loads the air router
            Operator,
            OperatorClock,
            registry,
        )
        from scenarios.drone_operator_air import (  # noqa: PLC0415
            demonstration_air,
            first_calm_s,
        )

        air = await asyncio.to_thread(demonstration_air, self._region, self._seed)
        begins_s = await asyncio.to_thread(first_calm_s, air)
        clock = OperatorClock.begin(begins_s, self._pace.hurry)
        key = self._keys["drone_operator"]
        operator = Operator(self._base, key, air, clock, seed=self._seed, say=self._say)
        listed = {"format": "csv", "content": registry(operator.fleet), "source": "demo"}
        await self._post("/v1/drones/import", listed, "registrar")
        return operator.run()

    # --- volunteers ---------------------------------------------------------------------------

    async def _enrol_all(self) -> None:
        lat, lon = self._places(self._pace.volunteers)
        for first in range(0, len(lat), 20):
            some = range(first, min(first + 20, len(lat)))
            await asyncio.gather(*(self._enrol(i, float(lat[i]), float(lon[i])) for i in some))

    def _places(self, count: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Draw places where people live, a few metres off the map's points."""
        demand = self._region.demand
        weight = demand.weight / demand.weight.sum()
        rows = self._random.choice(len(weight), size=count, p=weight)
        projection = LocalProjection(float(demand.lat.mean()), float(demand.lon.mean()))
        x_m, y_m = projection.to_xy_m(demand.lat[rows], demand.lon[rows])
        off_m = self._random.normal(0.0, 25.0, (2, count))
        return projection.to_lat_lon(x_m + off_m[0], y_m + off_m[1])

    async def _enrol(self, number: int, lat: float, lon: float) -> None:
        home = {"lat": lat, "lon": lon}
        person = {"name": f"Demo Volunteer {number}", "organisation": "demo", "home": home}
        added = await self._post("/v1/responders", person, "registrar")
        responder_id = added["responder_id"]
        now = dt.datetime.now(dt.UTC)
        training = {
            "kind": "BLS-AED",
            "evidence": f"demo certificate {number}",
            "valid_from": (now - dt.timedelta(days=100)).isoformat(),
            "valid_until": (now + dt.timedelta(days=600)).isoformat(),
        }
        path = f"/v1/responders/{responder_id}/credentials"
        held = await self._post(path, training, "registrar")
        credential_id = held["credentials"][-1]["credential_id"]
        await self._post(f"{path}/{credential_id}/verify", None, "registrar")
        invitation = {"responder_id": responder_id}
        invited = await self._post("/v1/invitations", invitation, "registrar")
        pair = await self._post("/v1/enrol", {"code": invited["code"]}, None)
        phone = Phone(responder_id, f"demo-{responder_id}", pair["access_token"], lat, lon)
        device = {"kind": "memory", "address": phone.address, "platform": "demo"}
        await self._phone_post(phone, "/v1/me/devices", device)
        await self._report_place(phone)
        self._phones[phone.address] = phone

    async def _stay_fresh(self) -> None:
        """Phones report where they are now and then, as real ones do."""
        phones = list(self._phones.values())
        while phones:
            for phone in phones:
                await self._report_place(phone)
                await asyncio.sleep(600.0 / len(phones))

    async def _report_place(self, phone: Phone) -> None:
        fix = {
            "lat": phone.lat,
            "lon": phone.lon,
            "accuracy_m": 20.0,
            "at": dt.datetime.now(dt.UTC).isoformat(),
        }
        await self._phone_post(phone, "/v1/me/positions", fix)

    # --- emergencies --------------------------------------------------------------------------

    async def _emergencies(self) -> None:
        number = 0
        while self._pace.emergencies is None or number < self._pace.emergencies:
            number += 1
            task = asyncio.create_task(self._emergency(number))
            self._keep(task)
            last = number == self._pace.emergencies
            await (task if last else asyncio.sleep(self._pace.gap_s))

    async def _emergency(self, number: int) -> None:
        """Control's side: report, ambulance on its way, there, closed."""
        lat, lon = self._places(1)
        wait_s = AMBULANCE_S / self._pace.hurry
        due = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=AMBULANCE_S)
        call: dict[str, Any] = {
            "reference": f"DEMO-{dt.datetime.now(dt.UTC):%H%M%S}-{number}",
            "location": {"lat": float(lat[0]), "lon": float(lon[0])},
            "code": str(self._random.choice(CODES)),
            "scene": "safe",
            "address": f"{int(self._random.integers(1, 90))} Invented Street",
            "ambulance_due_at": due.isoformat(),
        }
        if self._drones:
            call["hands"] = 1 if self._random.random() < ALONE else 2
        reported = await self._post("/v1/incidents", call, "control")
        incident_id = reported["incident_id"]
        self._names[incident_id] = f"#{number}"
        await asyncio.sleep(wait_s)
        path = f"/v1/incidents/{incident_id}"
        await self._post(f"{path}/ambulance", {"on_scene": True}, "control")
        await asyncio.sleep(2.0)
        await self._post(f"{path}/close", {"reason": "handed over to the crew"}, "control")

    # --- phones -------------------------------------------------------------------------------

    async def _hear(self) -> None:
        """Give each phone the messages that its channel took."""
        number = 0
        while True:
            path = f"/v1/test/messages?after={number}&wait_s=5"
            answer = await self._client.get(path, headers=self._bearer("control"))
            for message in answer.json()["messages"]:
                number = message["number"]
                phone = self._phones.get(message["address"])
                if phone is None:
                    continue
                if message["kind"] == "alert":
                    self._keep(asyncio.create_task(self._answer(phone, message)))
                elif message["kind"] == "update":
                    self._keep(asyncio.create_task(self._look_again(phone, message)))
                elif message["kind"] in ("stand_down", "keep_away"):
                    phone.going.discard(message["alert_id"])

    async def _answer(self, phone: Phone, message: dict[str, Any]) -> None:
        alert_id = message["alert_id"]
        received = f"/v1/me/messages/{message['message_id']}/receipt"
        await self._phone_post(phone, received, {})
        await asyncio.sleep(self._random.uniform(1.0, 4.0))
        if self._random.random() > LOOKS:
            return
        headers = {"Authorization": f"Bearer {phone.token}"}
        await self._client.get(f"/v1/me/alerts/{alert_id}", headers=headers)
        await asyncio.sleep(self._random.exponential(6.0))
        says = self._random.random()
        if says > SAYS_YES + SAYS_NO:
            return
        answer = "yes" if says <= SAYS_YES else "no"
        path = f"/v1/me/alerts/{alert_id}"
        view = await self._phone_post(phone, f"{path}/answer", {"answer": answer})
        if answer == "yes" and view.get("location"):
            phone.going.add(alert_id)
            await self._go(phone, alert_id, view)
            phone.going.discard(alert_id)

    async def _look_again(self, phone: Phone, message: dict[str, Any]) -> None:
        """Something is different: fetch a drone's AED if that is what it is."""
        path = f"/v1/me/alerts/{message['alert_id']}"
        headers = {"Authorization": f"Bearer {phone.token}"}
        view = (await self._client.get(path, headers=headers)).json()
        if (view.get("drone") or {}).get("fetch"):
            await asyncio.sleep(FETCH_S / self._pace.hurry)
            await self._phone_post(phone, f"{path}/status", {"status": "drone_aed_taken"})

    async def _go(self, phone: Phone, alert_id: str, view: dict[str, Any]) -> None:
        """Set off, fetch the AED if that is the role, arrive."""
        path = f"/v1/me/alerts/{alert_id}/status"
        await asyncio.sleep(self._random.uniform(1.0, 5.0))
        await self._phone_post(phone, path, {"status": "moving"})
        if view["role"] == "aed" and view.get("aed"):
            aed = view["aed"]
            if not await self._walk(phone, alert_id, aed["location"]):
                return
            missing = self._random.random() < AED_MISSING
            status = "aed_not_there" if missing else "aed_obtained"
            await self._phone_post(phone, path, {"status": status, "aed_id": aed["aed_id"]})
        if not await self._walk(phone, alert_id, view["location"]):
            return
        self.arrived += 1
        await self._phone_post(phone, path, {"status": "arrived"})
        await asyncio.sleep(1.0)
        await self._phone_post(phone, path, {"status": "with_patient"})

    async def _walk(self, phone: Phone, alert_id: str, goal: dict[str, float]) -> bool:
        """Walk in a straight line, reporting the way; False if told to stop."""
        stride_m = WALKING_MPS * self._pace.hurry * STEP_S
        while alert_id in phone.going:
            left_m = float(haversine_m(phone.lat, phone.lon, goal["lat"], goal["lon"]))
            share = min(1.0, stride_m / max(left_m, 1e-9))
            phone.lat += (goal["lat"] - phone.lat) * share
            phone.lon += (goal["lon"] - phone.lon) * share
            await self._report_place(phone)
            if share >= 1.0:
                return True
            await asyncio.sleep(STEP_S)
        return False

    # --- telling ------------------------------------------------------------------------------

    async def _narrate(self) -> None:
        """Say what control sees, from the service's own stream."""
        headers = self._bearer("control")
        async with self._client.stream("GET", "/v1/stream", headers=headers, timeout=None) as feed:
            async for kind, data in _server_events(feed):
                line = self._line(kind, data)
                if line:
                    self._say(f"{dt.datetime.now():%H:%M:%S}  {line}")  # noqa: DTZ005 - for the eye

    def _line(self, kind: str, data: dict[str, Any]) -> str:
        if kind == "status":
            return str(data["message"]) if data["causes"] else ""
        body = data["data"]
        call = self._names.get(data["incident_id"] or "", body.get("reference", "call"))
        who = f"volunteer {body.get('responder_id')}"
        minutes = max(1, round(body.get("eta_s", 0) / 60))
        lines = {
            "incident.reported": f"{call} reported, code {body.get('code')}",
            "incident.phase": f"{call} {body.get('phase')} {body.get('reason', '')}".rstrip(),
            "control.told": f"{call} control is told: {body.get('code')} {body.get('detail')}",
            "alert.asked": f"{call} {who} asked ({body.get('role')}, about {minutes} min)",
            "alert.accepted": f"{call} {who} said yes",
            "alert.declined": f"{call} {who}: not this time",
            "alert.moving": f"{call} {who} set off",
            "alert.has_aed": f"{call} {who} has the AED",
            "alert.arrived": f"{call} {who} is at the scene",
            "alert.with_patient": f"{call} {who} is with the patient",
            "alert.stood_down": f"{call} {who} was thanked and stood down",
            "alert.undelivered": f"{call} {who} could not be reached",
            "drone.claimed": f"{call} drone {body.get('drone_id')} is being made ready",
            "drone.in_flight": f"{call} drone {body.get('drone_id')} is in the air with an AED",
            "drone.delivered": f"{call} drone {body.get('drone_id')} has put the AED down",
            "drone.taken": f"{call} somebody has the AED of drone {body.get('drone_id')}",
            "drone.lost": f"{call} drone {body.get('drone_id')} is lost: {body.get('reason')}",
            "drone.recalled": f"{call} drone {body.get('drone_id')} recalled: {body.get('reason')}",
        }
        return lines.get(kind, "")

    # --- HTTP ---------------------------------------------------------------------------------

    def _bearer(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._keys[role]}"}

    async def _post(self, path: str, body: Any, role: str | None) -> dict[str, Any]:
        headers = self._bearer(role) if role is not None else {}
        for _ in range(20):
            answer = await self._client.post(path, json=body, headers=headers)
            if answer.status_code != 429:
                break
            await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def _phone_post(self, phone: Phone, path: str, body: Any) -> dict[str, Any]:
        """Post as a phone; a refusal (too late, no longer needed) is an answer too."""
        headers = {"Authorization": f"Bearer {phone.token}"}
        answer = await self._client.post(path, json=body, headers=headers)
        if answer.status_code >= 500:
            answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not isinstance(fault, httpx.TransportError):
            self._say(f"demo: something went wrong: {type(fault).__name__}: {fault}")


async def _server_events(feed: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Read server-sent events: (kind, data)."""
    kind = ""
    async for line in feed.aiter_lines():
        if line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            yield kind, json.loads(line[6:])


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
