"""Whether a database is live or for tests. It remembers which, and the other mode keeps off it.

TEST mode makes keys of every role, trusts mapped AEDs and may enrol invented people: none of that
may reach a database of real ones. And a database with invented people must never go live.
"""

from __future__ import annotations

import sqlalchemy as sa

from dispatch.live.errors import SettingsError
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx

LIVE, TEST = "live", "test"
TEST_LABEL = "TEST mode"
"""Whose keys are made in TEST mode."""

TEST_LINE = "TEST mode: simulated phones only, nobody can be alerted."
"""Stands in TEST mode wherever the line that must be seen stands."""

_IS_LIVE = (
    "this database belongs to the live service, and this would be TEST mode (asked for with --test"
    " or --demo, or --region or --policy is missing): give --region and --policy, or another"
    " --database. Nothing was changed"
)
_IS_TEST = (
    "this database was made in TEST mode, with keys and AEDs (perhaps people) that are not real:"
    " the live service needs another --database. Nothing was changed"
)


def keep_to(tx: Tx, *, test_mode: bool) -> None:
    """Note the mode of a new database, or check that of a known one.

    Raises:
        SettingsError: it belongs to the other mode.
    """
    wanted = TEST if test_mode else LIVE
    known = tx.value(sa.select(schema.about.c.value).where(schema.about.c.name == "mode"))
    known = known or _as_it_looks(tx) or wanted
    if known != wanted:
        raise SettingsError(f"database: {_IS_LIVE if known == LIVE else _IS_TEST}")
    tx.insert_new(schema.about, name="mode", value=wanted)


def _as_it_looks(tx: Tx) -> str | None:
    """The mode of a database of a version that did not note it; None: nothing happened in it."""
    if tx.row(sa.select(schema.api_key).where(schema.api_key.c.label == TEST_LABEL)) is not None:
        return TEST
    used = (schema.responder.c.responder_id, schema.incident.c.incident_id)
    return LIVE if any(tx.row(sa.select(column)) is not None for column in used) else None
