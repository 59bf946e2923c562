"""Opens the database and writes to it: transactions that share a commit, and version checks.

SQLite: one connection for the whole process, WAL, ``synchronous=FULL``, locked for this process
alone. Versions 3.7.0 to 3.51.2 (but for the backports) can lose commits or damage the file when a
WAL is reset while several connections are open; one connection in an exclusively locked database
cannot meet that fault, so the service runs on them and says so.

PostgreSQL: the same, with a session lock in place of the file's; see ``postgresql``.

Whoever finds the connection busy joins the open transaction behind a savepoint, and one of them
commits for all (group commit). Nobody is answered before the commit that holds their change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as postgresql_words
from sqlalchemy.dialects import sqlite as sqlite_words
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

from dispatch.live.errors import StoreUnavailable, StoreUnusable
from dispatch.live.sqlite_version import sqlite_note
from dispatch.live.store import postgresql, schema

T = TypeVar("T")


class Tx:
    """One unit of work inside a transaction. ``after`` runs once it is on disk."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._after: list[Callable[[], None]] = []

    def run(self, statement: sa.Executable) -> sa.CursorResult[Any]:
        """Execute a statement that writes."""
        result = self.connection.execute(statement)
        assert isinstance(result, sa.CursorResult)
        return result

    def rows(self, statement: sa.Executable) -> list[sa.RowMapping]:
        """Return all rows as mappings."""
        return list(self.connection.execute(statement).mappings())

    def row(self, statement: sa.Executable) -> sa.RowMapping | None:
        """Return the first row as a mapping, or None."""
        return self.connection.execute(statement).mappings().first()

    def value(self, statement: sa.Executable) -> Any:
        """Return the first column of the first row, or None."""
        return self.connection.execute(statement).scalar()

    def insert(self, table: sa.Table, **values: Any) -> None:
        """Insert one row."""
        self.connection.execute(table.insert(), values)

    def insert_new(self, table: sa.Table, **values: Any) -> bool:
        """Insert one row unless its key exists; True if it was inserted. The guarded write."""
        statement = self._insert(table).values(**values).on_conflict_do_nothing()
        counted = statement.execution_options(preserve_rowcount=True)  # psycopg forgets otherwise
        return bool(self.connection.execute(counted).rowcount == 1)

    def put(self, table: sa.Table, *rows: dict[str, Any]) -> None:
        """Insert rows, or overwrite those with the same primary key."""
        if not rows:
            return
        keys = [column.name for column in table.primary_key]
        statement = self._insert(table)
        others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
        self.connection.execute(statement, list(rows))

    def after(self, action: Callable[[], None]) -> None:
        """Run ``action`` after the commit, in the thread that asked for this unit."""
        self._after.append(action)

    def finish(self) -> None:
        """Run what waited for the commit."""
        for action in self._after:
            action()

    def _insert(self, table: sa.Table) -> Any:
        if self.connection.dialect.name == "postgresql":
            return postgresql_words.insert(table)
        return sqlite_words.insert(table)


class _Group:
    """The units that one commit will hold."""

    def __init__(self) -> None:
        self.done = False
        self.failure: BaseException | None = None


class Store:
    """The database of one service. Use ``open_store``."""

    def __init__(self, engine: Engine, connection: Connection) -> None:
        self._engine = engine
        self._lock = threading.RLock()
        self._commit_lock = threading.Lock()
        self._connection: Connection | None = connection
        self._embedded = engine.dialect.name == "sqlite"
        self.note = sqlite_note() if self._embedded else postgresql.note(connection)
        self._group: _Group | None = None
        self._depth = 0
        self.on_lost: Callable[[], None] = lambda: None
        self.commits = 0

    @property
    def lock(self) -> threading.RLock:
        """Held while anybody reads or writes; also guards what mirrors the database in memory."""
        return self._lock

    def transact(self, work: Callable[[Tx], T]) -> T:
        """Do ``work`` in a transaction and return its result once that is on disk.

        An exception of ``work`` undoes its own changes and no others.

        Raises:
            StoreUnavailable: the database could not be written; nothing of this unit remains.
        """
        with self._lock:
            if self._depth:
                raise RuntimeError("a transaction inside a transaction")
            tx, result, group = self._join(work)
        self._commit(group)
        tx.finish()
        return result

    def close(self) -> None:
        """Close the connection; waits for the unit under way."""
        with self._commit_lock, self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._engine.dispose()

    def _join(self, work: Callable[[Tx], T]) -> tuple[Tx, T, _Group]:
        try:
            group = self._group or self._begin()
            assert self._connection is not None
            tx = Tx(self._connection)
            self._depth += 1
            try:
                with self._connection.begin_nested():
                    result = work(tx)
            finally:
                self._depth -= 1
        except (sa.exc.SQLAlchemyError, StoreUnusable) as error:
            lost = self._drop_if_over(error)
            if lost or isinstance(error, sa.exc.OperationalError | StoreUnusable):
                raise StoreUnavailable(_plain(error)) from error
            raise
        return tx, result, group

    def _begin(self) -> _Group:
        if self._connection is None:
            self._connection = self._engine.connect()
        self._connection.begin()
        self._group = _Group()
        return self._group

    def _drop_if_over(self, error: BaseException) -> bool:
        """After a fault the transaction may have ended for everybody in it; True if it has.

        SQLite ends it when the disk fails, PostgreSQL when the connection does.
        """
        if self._group is None or (self._connection and self._is_open(self._connection)):
            return False
        self._group.done, self._group.failure = True, error
        self._group = None
        self._undo()
        self.on_lost()
        return True

    def _undo(self) -> None:
        """Leave a broken transaction; a connection that has ended is made anew when needed."""
        connection = self._connection
        if connection is None:
            return
        with suppress(sa.exc.SQLAlchemyError):
            connection.rollback()
        if not self._embedded and _has_ended(connection):
            with suppress(sa.exc.SQLAlchemyError):
                connection.close()
            self._connection = None

    def _commit(self, group: _Group) -> None:
        with self._commit_lock, self._lock:
            if not group.done:
                assert self._connection is not None
                self._group = None
                group.done = True
                try:
                    self._check_still_open(self._connection)
                    self._connection.commit()
                    self.commits += 1
                except (sa.exc.SQLAlchemyError, StoreUnavailable) as error:
                    group.failure = error
                    self._undo()
                    self.on_lost()
        if group.failure is not None:
            raise StoreUnavailable(_plain(group.failure)) from group.failure

    def _check_still_open(self, connection: Connection) -> None:
        """A commit of a transaction that has been ended would keep nothing, and say nothing."""
        if not self._is_open(connection):
            raise StoreUnavailable("the database gave the transaction up")

    def _is_open(self, connection: Connection) -> bool:
        if _has_ended(connection):
            return False
        raw = connection.connection.dbapi_connection
        if self._embedded:
            return bool(getattr(raw, "in_transaction", True))
        return postgresql.is_open(raw)


def _has_ended(connection: Connection) -> bool:
    if connection.closed or connection.invalidated:
        return True
    return bool(getattr(connection.connection.dbapi_connection, "closed", False))


def _plain(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error)


def open_store(url: str) -> Store:
    """Open the database at ``url``, migrated.

    ``sqlite:///FILE``, ``sqlite://`` for memory, or ``postgresql://USER@HOST/NAME``.

    Raises:
        StoreUnusable: it cannot be opened or written, is in use by another process, or was
            written by a newer version.
    """
    from dispatch.live.store import migrate  # noqa: PLC0415 - alembic is slow to import

    engine = make_engine(url)
    try:
        connection = engine.connect()
        migrate.upgrade(connection)
        if connection.in_transaction():
            connection.commit()
        return Store(engine, connection)
    except (sa.exc.DBAPIError, StoreUnusable) as error:
        engine.dispose()
        if isinstance(error, StoreUnusable):
            raise
        raise StoreUnusable(_explain(url, _plain(error))) from error


def make_engine(url: str) -> Engine:
    """Return the engine for ``url`` with the settings that the promises rest on."""
    try:
        parsed = sa.make_url(url)
        kind = parsed.get_backend_name()
        if kind == "postgresql":
            return postgresql.make_engine(parsed)
    except sa.exc.ArgumentError as error:
        raise StoreUnusable("database: expected an address such as sqlite:///FILE") from error
    if kind != "sqlite":
        raise StoreUnusable(f"database: expected sqlite or postgresql and got {kind}")
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        parsed, poolclass=StaticPool, connect_args={"check_same_thread": False, "timeout": 2.0}
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        for pragma in (
            "locking_mode=EXCLUSIVE",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
            "wal_autocheckpoint=2000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _explain(url: str, reason: str) -> str:
    where = sa.make_url(url).database or "in memory"
    if "locked" in reason:
        return f"database {where}: in use by another process; stop that one first"
    return f"database {where}: {reason}"


@contextmanager
def opened(url: str) -> Iterator[Store]:
    """Open a store for the time of a ``with`` block."""
    store = open_store(url)
    try:
        yield store
    finally:
        store.close()


__all__ = ["Store", "Tx", "make_engine", "open_store", "opened", "schema"]
