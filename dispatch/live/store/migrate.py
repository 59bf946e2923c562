"""Brings a database to the tables of this version, step by step (alembic)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from dispatch.live.errors import StoreUnusable

FOLDER = Path(__file__).parent / "migrations"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the database to ``revision``.

    Raises:
        StoreUnusable: it was written by a newer version of the service.
    """
    config = _config(connection)
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise StoreUnusable(
            f"the database is at revision {current}, which this version does not know: "
            "start the version that wrote it, or restore the backup made before"
        )
    if connection.in_transaction():
        connection.rollback()
    command.upgrade(config, revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Take the database back to ``revision``."""
    command.downgrade(_config(connection), revision)
