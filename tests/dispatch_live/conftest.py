"""A service in hand-held time, with people, phones and keys, behind its real HTTP application."""

from __future__ import annotations

import datetime as dt
import io
import os
import warnings
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from throwaway_postgres import Postgres, binaries, running

from dispatch.config import load_policy, parse_policy
from dispatch.live.api import models
from dispatch.live.app import create_app
from dispatch.live.auth import Role
from dispatch.live.clock import HandClock
from dispatch.live.ids import random_id
from dispatch.live.logs import set_up
from dispatch.live.service import Service
from dispatch.live.settings import Settings
from dispatch.live.store.engine import open_store
from notifications.memory import MemoryChannel

with warnings.catch_warnings():
    # It wants another HTTP library than the one that firebase-admin pins.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

START_S = 1_800_000_000.0  # Friday 15 January 2027, 08:00 UTC
HERE = (52.0, 1.0)
ON_POSTGRESQL = os.environ.get("HEARTREACH_TEST_STORE") == "postgresql"
STEP_DEG = 0.0005  # about 55 m north


def preset_text(name: str) -> str:
    return (resources.files("dispatch") / "presets" / f"{name}.toml").read_text("utf-8")


@pytest.fixture(autouse=True)
def _quiet_logs() -> None:
    set_up("error", io.StringIO())


class Bench:
    """One service and the means to play with it."""

    start_s = START_S
    here = HERE

    def __init__(
        self,
        *,
        policy: str = "nearest_3",
        content: str | None = None,
        database: str = "sqlite://",
        clock: Any = None,
        threads: bool = False,
        settings: dict[str, Any] | None = None,
        **given: Any,
    ) -> None:
        self.clock = clock or HandClock(START_S)
        self.database = database
        text = content or preset_text(policy)
        chosen = parse_policy(text.encode(), name=policy, file=policy) if content else None
        values = {"database": database, "test": True, **(settings or {})}
        self.service = Service(
            Settings(**values),
            policy=chosen or load_policy(policy),
            content=text,
            clock=self.clock,
            threads=threads,
            **given,
        )
        self.keys = {
            role: self.service.store.transact(
                lambda tx, role=role: self.service.doors.create_key(
                    tx, role, "bench", by="bench", now_s=self.clock()
                )
            )
            for role in Role
            if role is not Role.RESPONDER
        }
        self.app = create_app(self.service, manage=False)
        self.client = TestClient(self.app, raise_server_exceptions=True)
        self.client.__enter__()  # one event loop for all requests
        if threads:
            self.service.start()
        self.tokens: dict[int, str] = {}

    # --- asking -------------------------------------------------------------------------------

    def bearer(self, who: str | int | None) -> dict[str, str]:
        """Headers of a role, or of a volunteer by id."""
        if who is None:
            return {}
        secret = self.tokens[who] if isinstance(who, int) else self.keys[Role(who)]
        return {"Authorization": f"Bearer {secret}"}

    def ask(
        self, method: str, path: str, who: str | int | None, body: Any = None, **headers: str
    ) -> Any:
        """Any request; the raw answer."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(method, path, json=body, headers={**self.bearer(who), **names})

    def get(self, path: str, who: str | int) -> Any:
        answer = self.ask("GET", path, who)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, who: str | int | None, body: Any = None) -> Any:
        answer = self.ask("POST", path, who, {} if body is None else body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    # --- people -------------------------------------------------------------------------------

    def iso(self, offset_s: float = 0.0) -> str:
        return dt.datetime.fromtimestamp(self.clock() + offset_s, dt.UTC).isoformat()

    def inside(self, work: Callable[[Any], Any]) -> Any:
        """Do something in a transaction of the service, without HTTP."""
        return self.service.store.transact(work)

    def person(self, steps: int = 0, *, trained: bool = True, name: str = "Ann Bee") -> int:
        """Register somebody ``steps`` × 55 m north of ``here``; returns the id."""
        home = models.Location(lat=HERE[0] + steps * STEP_DEG, lon=HERE[1])
        people = self.service.people

        def work(tx: Any) -> int:
            person = models.ResponderIn(name=name, home=home)
            responder_id = people.add(tx, person, "registrar").responder_id
            if trained:
                training = models.CredentialIn(
                    kind="BLS",
                    evidence="certificate 1",
                    valid_from=models.a_moment(self.clock() - 86400.0),
                    valid_until=models.a_moment(self.clock() + 400 * 86400.0),
                )
                held = people.add_credential(tx, responder_id, training, "registrar").credentials
                people.verify_credential(tx, responder_id, held[-1].credential_id, "registrar")
            return responder_id

        found: int = self.inside(work)
        return found

    def enrol(self, responder_id: int) -> None:
        people = self.service.people
        invitation = models.InvitationIn(responder_id=responder_id)
        code = self.inside(lambda tx: people.invite(tx, invitation, "registrar")).code
        self.tokens[responder_id] = self.inside(lambda tx: people.enrol(tx, code))["access_token"]

    def phone(self, responder_id: int, kind: str = "memory", address: str | None = None) -> str:
        given = models.DeviceIn(kind=kind, address=address or f"phone-{responder_id}")
        added = self.inside(lambda tx: self.service.phones.add(tx, responder_id, given))
        device: str = added.device_id
        return device

    def volunteer(self, steps: int = 0, **kwargs: Any) -> int:
        """Somebody trained, enrolled, with a phone."""
        responder_id = self.person(steps, **kwargs)
        self.enrol(responder_id)
        self.phone(responder_id)
        return responder_id

    def volunteers(self, count: int) -> list[int]:
        return [self.volunteer(step) for step in range(count)]

    # --- calls --------------------------------------------------------------------------------

    def call(self, reference: str = "C-1", **facts: Any) -> dict[str, Any]:
        """Report a call at ``here``; returns the incident."""
        body = {
            "reference": reference,
            "location": {"lat": HERE[0], "lon": HERE[1]},
            "code": "X01A",
            "scene": "safe",
            **facts,
        }
        view: dict[str, Any] = self.post("/v1/incidents", "control", body)
        return view

    def incident(self, incident_id: str) -> dict[str, Any]:
        view: dict[str, Any] = self.get(f"/v1/incidents/{incident_id}", "control")
        return view

    def statuses(self, incident_id: str) -> dict[int, str]:
        """Responder id -> status of the latest alert."""
        alerts = self.incident(incident_id)["alerts"]
        return {alert["responder_id"]: alert["status"] for alert in alerts}

    def alert_of(self, responder_id: int) -> str:
        """The id of the newest open alert of a volunteer."""
        alerts = self.get("/v1/me/alerts", responder_id)["alerts"]
        assert alerts, f"{responder_id} has no open alert"
        key: str = alerts[0]["alert_id"]
        return key

    def answer(self, responder_id: int, answer: str, key: str | None = None) -> Any:
        path = f"/v1/me/alerts/{key or self.alert_of(responder_id)}/answer"
        return self.ask("POST", path, responder_id, {"answer": answer})

    # --- time ---------------------------------------------------------------------------------

    def settle(self) -> None:
        self.service.settle()

    def wait(self, by_s: float) -> None:
        """Let time pass, stopping at everything that becomes due."""
        end_s = self.clock() + by_s
        while True:
            self.settle()
            due_s = self.service.next_due_s()
            if due_s is None or due_s > end_s:
                break
            self.clock.now_s = max(self.clock.now_s, due_s)
        self.clock.now_s = end_s
        self.settle()

    @property
    def memory(self) -> MemoryChannel:
        channel = self.service.parts.memory
        assert channel is not None
        return channel

    def messages(self) -> list[tuple[str, str]]:
        """(address, kind) of everything that phones got."""
        return [(k.device.address, k.message.purpose.value) for k in self.memory.after(0)]

    def close(self) -> None:
        self.client.__exit__(None, None, None)
        self.service.stop()


MakeBench = Callable[..., Bench]


class Databases:
    """Databases for benches that do not say which."""

    def __init__(self, server: Postgres | None, template: str) -> None:
        self._server = server
        self._template = template

    def new(self) -> str:
        return self._server.new_database(self._template) if self._server else "sqlite://"

    def drop(self, url: str) -> None:
        if self._server is not None and url.startswith("postgresql"):
            self._server.drop(url)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server of its own for this run."""
    programs = binaries()
    if programs is None:
        pytest.skip("needs PostgreSQL's programs (on Debian: apt install postgresql)")
    with running(programs) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> str:
    """The name of a database with tables and no rows, to copy from."""
    url = postgres.new_database()
    open_store(url).close()
    return postgres.name_of(url)


@pytest.fixture
def postgres_database(postgres: Postgres, migrated: str) -> Iterator[str]:
    """The address of a fresh PostgreSQL database."""
    url = postgres.new_database(migrated)
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Databases:
    """Makes the databases of benches: in memory, or on PostgreSQL when the whole run is."""
    if not ON_POSTGRESQL:
        return Databases(None, "")
    return Databases(request.getfixturevalue("postgres"), request.getfixturevalue("migrated"))


@pytest.fixture
def sqlite_only() -> None:
    """For what is about SQLite or its file alone."""
    if ON_POSTGRESQL:
        pytest.skip("about SQLite")


@pytest.fixture
def make_bench(databases: Databases) -> Iterator[MakeBench]:
    made: list[Bench] = []

    def make(**kwargs: Any) -> Bench:
        kwargs.setdefault("database", databases.new())
        bench = Bench(**kwargs)
        made.append(bench)
        return bench

    yield make
    for bench in made:
        bench.close()
        databases.drop(bench.database)


@pytest.fixture(scope="module")
def module_bench(databases: Databases) -> Iterator[Bench]:
    bench = Bench(database=databases.new())
    yield bench
    bench.close()
    databases.drop(bench.database)


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    return make_bench()


@pytest.fixture
def live(make_bench: MakeBench) -> Bench:
    """A service that is not in TEST mode, though its phones are simulated."""
    here = {"test": False, "region": Path("elsewhere"), "policy": "nearest_3"}
    return make_bench(settings={**here, "memory_channel": True})


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that outlives a service."""
    if ON_POSTGRESQL:
        return str(request.getfixturevalue("postgres_database"))
    return f"sqlite:///{tmp_path / 'service.sqlite'}"


@pytest.fixture
def new_id() -> Callable[[], str]:
    return random_id
