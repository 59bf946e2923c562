"""One database: shared commits, guarded writes, steps between versions, and faults of the disk."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from dispatch.live.errors import StoreUnavailable, StoreUnusable
from dispatch.live.sqlite_version import sqlite_note, wal_reset_fault
from dispatch.live.store import migrate, schema
from dispatch.live.store.engine import make_engine, open_store


@pytest.fixture
def store(database):
    opened = open_store(database)
    yield opened
    opened.close()


def claim(tx, number: int) -> bool:
    return tx.insert_new(
        schema.claim, kind="aed", resource_id=number, incident_id="i", alert_id=1, at_s=0.0
    )


def count(store) -> int:
    query = sa.select(sa.func.count()).select_from(schema.claim)
    return store.transact(lambda tx: tx.value(query))


def test_the_steps_lead_to_the_tables_that_the_code_means(database):
    engine = make_engine(database)
    with engine.connect() as connection:
        migrate.upgrade(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
        connection.rollback()
        migrate.downgrade(connection, "base")
        tables = sa.inspect(connection).get_table_names()
        assert tables == ["alembic_version"]
    engine.dispose()


def test_a_database_of_a_newer_version_is_left_alone(database):
    store = open_store(database)
    store.transact(lambda tx: tx.run(sa.text("UPDATE alembic_version SET version_num = 'x9'")))
    store.close()
    with pytest.raises(StoreUnusable, match="x9"):
        open_store(database)


def test_a_second_process_is_kept_out(store, database):
    with pytest.raises(StoreUnusable, match="in use by another process"):
        open_store(database)


def test_a_file_that_is_no_database_is_named(tmp_path, sqlite_only):
    file = tmp_path / "notes.txt"
    file.write_text("not a database, and long enough to be looked at\n" * 50)
    with pytest.raises(StoreUnusable, match=r"notes\.txt"):
        open_store(f"sqlite:///{file}")


def test_the_promises_rest_on_these_settings(store, sqlite_only):
    def pragma(name: str) -> object:
        return store.transact(lambda tx: tx.value(sa.text(f"PRAGMA {name}")))

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2  # FULL
    assert pragma("locking_mode") == "exclusive"
    assert pragma("secure_delete") == 1


def test_only_one_of_many_gets_the_claim(store):
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


def test_many_writers_share_commits_and_lose_nothing(store):
    before = store.commits

    def work(first: int) -> None:
        for number in range(first, first + 20):
            store.transact(lambda tx, number=number: claim(tx, number))

    threads = [threading.Thread(target=work, args=(i * 100,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(store) == 160
    assert store.commits - before < 160


def test_a_failure_undoes_its_own_changes_and_no_others(store):
    def fails(tx) -> None:
        claim(tx, 2)
        raise KeyError("no")

    store.transact(lambda tx: claim(tx, 1))
    with pytest.raises(KeyError):
        store.transact(fails)
    store.transact(lambda tx: claim(tx, 3))
    assert count(store) == 2


def test_what_waits_for_the_commit_is_not_done_without_it(store):
    done: list[str] = []

    def fails(tx) -> None:
        tx.after(lambda: done.append("failed"))
        raise KeyError("no")

    with pytest.raises(KeyError):
        store.transact(fails)
    store.transact(lambda tx: tx.after(lambda: done.append("kept")))
    assert done == ["kept"]


def test_a_transaction_inside_a_transaction_is_a_mistake(store):
    with pytest.raises(RuntimeError, match="inside a transaction"):
        store.transact(lambda tx: store.transact(lambda inner: None))
    assert store.transact(lambda tx: claim(tx, 1))


def test_nothing_is_acknowledged_when_the_disk_is_full(store, sqlite_only):
    """SQLite ends the transaction by itself then; a commit afterwards would keep nothing."""
    pages = store.transact(lambda tx: tx.value(sa.text("PRAGMA page_count")))
    store.transact(lambda tx: tx.run(sa.text(f"PRAGMA max_page_count = {pages + 2}")))
    lost: list[str] = []
    store.on_lost = lambda: lost.append("lost")

    def much(tx) -> None:
        for number in range(2000):
            tx.insert(schema.stream, at_s=0.0, incident_id=None, kind="x", body=str(number) * 200)

    with pytest.raises(StoreUnavailable):
        store.transact(much)
    store.transact(lambda tx: tx.run(sa.text("PRAGMA max_page_count = 100000")))
    assert lost == ["lost"]
    assert store.transact(lambda tx: claim(tx, 1))  # it heals when there is room again
    rows = store.transact(lambda tx: tx.value(sa.select(sa.func.count(schema.stream.c.stream_id))))
    assert rows == 0


def test_a_commit_that_fails_is_told_to_everybody_in_it(store, monkeypatch):
    def broken(store, connection) -> None:
        raise StoreUnavailable("disk I/O error")

    told: list[str] = []
    store.on_lost = lambda: told.append("lost")
    monkeypatch.setattr(type(store), "_check_still_open", broken)
    with pytest.raises(StoreUnavailable):
        store.transact(lambda tx: claim(tx, 1))
    monkeypatch.undo()
    assert told == ["lost"]
    assert count(store) == 0


def test_a_service_whose_disk_is_full_says_503_and_turns_red(bench, monkeypatch):
    def broken(store, connection) -> None:
        raise StoreUnavailable("disk I/O error")

    monkeypatch.setattr(type(bench.service.store), "_check_still_open", broken)
    body = {"reference": "C-1", "location": {"lat": 52.0, "lon": 1.0}, "code": "X01A"}
    answer = bench.ask("POST", "/v1/incidents", "control", body)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    ready = bench.ask("GET", "/readyz", None)
    assert (ready.status_code, ready.json()["causes"]) == (503, ["store"])
    monkeypatch.undo()
    assert bench.ask("POST", "/v1/incidents", "control", body).status_code == 201


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 6, 23), False),
    ],
)
def test_versions_with_the_wal_reset_fault_are_known(version, affected):
    assert wal_reset_fault(version) is affected
    assert ("has the WAL-reset fault" in sqlite_note(version)) is affected
