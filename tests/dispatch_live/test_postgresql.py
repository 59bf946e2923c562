"""PostgreSQL as the store: what differs from SQLite, and the whole service on it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from dispatch.live import service
from dispatch.live.api import control
from dispatch.live.errors import StoreUnavailable, StoreUnusable
from dispatch.live.store import migrate, schema
from dispatch.live.store.engine import make_engine, open_store
from dispatch.live.verify import verify

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.xdist_group("postgresql")


@pytest.fixture
def store(postgres_database):
    opened = open_store(postgres_database)
    yield opened
    opened.close()


def claim(tx, number: int) -> bool:
    return tx.insert_new(
        schema.claim, kind="aed", resource_id=number, incident_id="i", alert_id=1, at_s=0.0
    )


def claims(store) -> int:
    query = sa.select(sa.func.count()).select_from(schema.claim)
    return store.transact(lambda tx: tx.value(query))


def test_the_steps_lead_to_the_tables_that_the_code_means(postgres):
    url = postgres.new_database()
    engine = make_engine(sa.make_url(url).render_as_string())
    with engine.connect() as connection:
        migrate.upgrade(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
        connection.rollback()
        migrate.downgrade(connection, "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
        connection.rollback()
        migrate.upgrade(connection)
    engine.dispose()
    postgres.drop(url)


def test_a_second_service_is_kept_out_until_the_first_has_gone(store, postgres_database):
    with pytest.raises(StoreUnusable, match="in use by another process"):
        open_store(postgres_database)
    store.close()
    open_store(postgres_database).close()


def test_the_guarded_write_is_won_once(store):
    won: list[bool] = []
    start = threading.Barrier(16)

    def work() -> None:
        start.wait()
        won.append(store.transact(lambda tx: claim(tx, 7)))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 15 + [True]


def test_a_statement_that_fails_undoes_its_own_unit_and_no_other(store):
    """PostgreSQL refuses everything after an error until the savepoint is left."""

    def fails(tx) -> None:
        claim(tx, 2)
        tx.run(sa.text("SELECT 1 / 0"))

    store.transact(lambda tx: claim(tx, 1))
    with pytest.raises(sa.exc.DataError):
        store.transact(fails)
    store.transact(lambda tx: claim(tx, 3))
    assert claims(store) == 2


def test_a_lost_connection_is_told_and_made_anew(store, postgres):
    told: list[str] = []
    store.on_lost = lambda: told.append("lost")
    name = store._engine.url.database

    def cut_off(tx) -> None:
        claim(tx, 1)
        postgres.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{name}' AND application_name = 'heartreach'"
        )
        claim(tx, 2)

    with pytest.raises(StoreUnavailable):
        store.transact(cut_off)
    assert told == ["lost"]
    assert claims(store) == 0  # of that unit nothing remains, and the next one works
    assert store.transact(lambda tx: claim(tx, 3))


def test_a_commit_whose_connection_has_gone_is_no_success(store, postgres):
    name = store._engine.url.database
    commit = type(store)._commit

    def cut_then_commit(self, group) -> None:
        postgres.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{name}' AND application_name = 'heartreach'"
        )
        commit(self, group)

    store._commit = cut_then_commit.__get__(store)
    with pytest.raises(StoreUnavailable):
        store.transact(lambda tx: claim(tx, 1))
    del store._commit
    assert claims(store) == 0


def test_a_server_that_is_away_shows_and_comes_back(postgres, migrated, make_bench):
    """503 while it is away; every call that was acknowledged is there afterwards."""
    url = postgres.new_database(migrated)
    bench = make_bench(database=url)
    bench.volunteers(3)
    known = bench.call("C-1")["incident_id"]
    body = {"reference": "C-2", "location": {"lat": 52.0, "lon": 1.0}, "code": "X01A"}
    postgres.stop()
    for _ in range(2):
        answer = bench.ask("POST", "/v1/incidents", "control", body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    bench.service.watch()
    ready = bench.ask("GET", "/readyz", None)
    assert (ready.status_code, ready.json()["causes"]) == (503, ["store"])
    assert "the database cannot be written" in bench.service.health.warning()

    postgres.start()
    assert bench.ask("POST", "/v1/incidents", "control", body).status_code == 201
    bench.settle()
    assert bench.incident(known)["phase"] == "alerting"
    assert bench.inside(lambda tx: verify(_Inside(tx))).faults == ()


class _Inside:
    """``verify`` wants a store; this one is inside a transaction already."""

    def __init__(self, tx) -> None:
        self._tx = tx

    def transact(self, work):
        return work(self._tx)


def test_a_server_that_stands_still_shows_at_once(postgres, migrated, make_bench, monkeypatch):
    """The connection is there and nothing answers: silence must not look like health."""
    assert service.STUCK_S + control.HEARTBEAT_S < 10.0  # as shipped; here in a fifth of the time
    monkeypatch.setattr(service, "STUCK_S", 1.2)
    monkeypatch.setattr(service, "WATCH_S", 0.4)
    bench = make_bench(database=postgres.new_database(migrated), clock=time.time, threads=True)
    bench.volunteer()
    assert bench.get("/v1/status", "control")["test_mode"]  # its key is known from now on
    holder = threading.Thread(target=lambda: bench.inside(_long))
    holder.start()
    started = time.monotonic()
    for words in ("the service is stuck", "nothing watches over the service"):
        while words not in (bench.service.health.warning() or ""):
            assert time.monotonic() - started < 6.0
            time.sleep(0.05)
    ready = bench.ask("GET", "/readyz", None)  # answered although every question would hang
    assert ready.status_code == 503
    assert "stuck" in ready.json()["causes"]
    status = bench.ask("GET", "/v1/status", "control")
    assert (status.status_code, status.json()["code"]) == (503, "not_alerting")
    assert "VOLUNTEERS ARE NOT BEING ALERTED since" in status.json()["detail"]
    assert "heartreach_alerting 0.0" in bench.ask("GET", "/metrics", None).text
    assert holder.is_alive()
    holder.join()
    while bench.service.health.warning() is not None:
        assert time.monotonic() - started < 30.0
        time.sleep(0.1)


def _long(tx) -> None:
    tx.run(sa.text("SELECT pg_sleep(8)"))


def test_an_address_that_leads_nowhere_is_one_line_without_its_password():
    with pytest.raises(StoreUnusable) as caught:
        open_store("postgresql://me:secret@127.0.0.1:9/x")
    assert "database x" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.slow
def test_all_proofs_of_the_service_hold_on_it(postgres):
    """The quick tests of this folder once more, with every database on PostgreSQL."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow and not release"]
    folder = str(Path(__file__).parent)
    done = subprocess.run(
        [*command, folder, f"--ignore={__file__}"],
        cwd=ROOT,
        env={**os.environ, "HEARTREACH_TEST_STORE": "postgresql"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
