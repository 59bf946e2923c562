"""Who did and who saw what: append-only rows, each chained to the one before by its hash.

A changed, removed or inserted row breaks the chain. A chain cut off at its end shows only against
a head noted elsewhere, so the head is printed by ``heartreach verify`` and given by ``/v1/audit``.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from dispatch.live.store import schema
from dispatch.live.store.engine import Tx

START = "0" * 64
_table = schema.audit


class ChainReport(Struct, frozen=True):
    """What a check of the chain found. ``broken_at``: the first row that does not fit, or None."""

    rows: int
    head: str
    broken_at: int | None


def append(
    tx: Tx, at_s: float, actor: str, action: str, subject: str, detail: dict[str, Any] | None = None
) -> None:
    """Add one row. ``detail`` holds no names, places or addresses."""
    last = tx.row(sa.select(_table.c.seq, _table.c.hash).order_by(_table.c.seq.desc()).limit(1))
    seq, previous = (last["seq"] + 1, last["hash"]) if last else (1, START)
    text = json.dumps(detail or {}, sort_keys=True, separators=(",", ":"))
    tx.insert(
        _table,
        seq=seq,
        at_s=at_s,
        actor=actor,
        action=action,
        subject=subject,
        detail=text,
        previous_hash=previous,
        hash=link(previous, seq, at_s, (actor, action, subject, text)),
    )


def link(previous: str, seq: int, at_s: float, words: tuple[str, str, str, str]) -> str:
    """Return the hash of a row that follows the row with hash ``previous``."""
    material = json.dumps([previous, seq, at_s, *words], separators=(",", ":"))
    return hashlib.sha256(material.encode()).hexdigest()


def check(tx: Tx) -> ChainReport:
    """Walk the whole chain."""
    previous, expected = START, 1
    for row in tx.rows(sa.select(_table).order_by(_table.c.seq)):
        words = (row["actor"], row["action"], row["subject"], row["detail"])
        right = link(previous, row["seq"], row["at_s"], words)
        if row["seq"] != expected or row["previous_hash"] != previous or row["hash"] != right:
            return ChainReport(expected - 1, previous, row["seq"])
        previous, expected = row["hash"], expected + 1
    return ChainReport(expected - 1, previous, None)


def page(tx: Tx, after: int, limit: int, subject: str | None = None) -> list[dict[str, Any]]:
    """Return up to ``limit`` rows after ``seq`` ``after``, of one subject if given."""
    query = sa.select(_table).where(_table.c.seq > after).order_by(_table.c.seq).limit(limit)
    if subject is not None:
        query = query.where(_table.c.subject == subject)
    return [dict(row) | {"detail": json.loads(row["detail"])} for row in tx.rows(query)]
