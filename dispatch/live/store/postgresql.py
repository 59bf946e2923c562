"""PostgreSQL as the store: one connection, held for this process alone by an advisory lock.

The rules are those of SQLite: one writer, shared commits, and an answer leaves after its commit.
What is different is stated here: the server may go away and come back, and a commit whose answer
is lost may have been kept; callers are told to try again, and references and idempotency keys make
that safe.
"""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import NullPool

from dispatch.live.errors import StoreUnusable

DRIVER = "postgresql+psycopg"
LOCK_KEY = 0x4865617274  # "Heart": one service per database
LOCK_WAIT_S = 3.0  # a killed service's session ends once the server has noticed
OLDEST = 130000  # server_version_num; tested on 15
_PATIENCE = {  # libpq; how long a server that does not answer is waited for (assumptions)
    "connect_timeout": "3",
    "tcp_user_timeout": "5000",  # ms
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "application_name": "heartreach",
}


def make_engine(url: URL) -> Engine:
    """Return the engine for ``url``; what the URL itself sets wins over the defaults here."""
    parsed = url.set(drivername=DRIVER)
    defaults = {key: value for key, value in _PATIENCE.items() if key not in parsed.query}
    engine = sa.create_engine(parsed, poolclass=NullPool, connect_args=defaults)
    sa.event.listen(engine, "connect", _prepare)
    return engine


def is_open(raw: Any) -> bool:
    """Whether a psycopg connection is inside a transaction that can still be committed."""
    from psycopg.pq import TransactionStatus  # noqa: PLC0415 - only where it is the driver

    if raw.closed:
        return False
    going = (TransactionStatus.INTRANS, TransactionStatus.ACTIVE)
    return raw.info.transaction_status in going


def note(connection: Connection) -> str:
    """One line for the log about the server in use."""
    version = connection.scalar(sa.text("SHOW server_version"))
    words = [f"PostgreSQL {version}"]
    if connection.scalar(sa.text("SHOW fsync")) != "on":
        words.append("fsync is off: a power failure loses acknowledged calls")
    connection.rollback()
    return "; ".join(words)


def _prepare(raw: Any, _record: Any) -> None:
    """Make a fresh connection the only writer, or refuse it."""
    raw.autocommit = True
    try:
        if raw.info.server_version < OLDEST:
            raise StoreUnusable("the database server is too old: expected PostgreSQL 13 or newer")
        if _value(raw, "SELECT pg_is_in_recovery()"):
            raise StoreUnusable("the database is a read-only standby: expected the primary")
        if _value(raw, "SHOW synchronous_commit") == "off":
            raw.execute("SET synchronous_commit TO on")
        _claim(raw)
    except BaseException:
        raw.close()
        raise
    raw.autocommit = False


def _claim(raw: Any) -> None:
    end_s = time.monotonic() + LOCK_WAIT_S
    while not _value(raw, "SELECT pg_try_advisory_lock(%s)", LOCK_KEY):
        if time.monotonic() >= end_s:
            raise StoreUnusable("the database is in use by another process; stop that one first")
        time.sleep(0.1)


def _value(raw: Any, statement: str, *parameters: object) -> Any:
    return raw.execute(statement, parameters or None).fetchone()[0]
