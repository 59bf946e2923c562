"""What control sees happen, in order: rows that are pushed to open pages and to webhooks.

A row names the incident and people by id; it holds no place, no name and no clinical word.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from dispatch.live.store import schema
from dispatch.live.store.engine import Tx

_table = schema.stream


class Item(Struct, frozen=True):
    """One row. ``number`` rises; nothing is left out."""

    number: int
    at_s: float
    incident_id: str | None
    kind: str
    body: dict[str, Any]


class Stream:
    """Writes rows and wakes whoever waits for them."""

    def __init__(self) -> None:
        self._waiting: dict[int, Callable[[], object]] = {}
        self._lock = threading.Lock()
        self._next = 0

    def append(
        self, tx: Tx, at_s: float, kind: str, body: dict[str, Any], incident_id: str | None = None
    ) -> None:
        """Add one row; listeners are woken once it is on disk."""
        text = json.dumps(body, separators=(",", ":"))
        tx.insert(_table, at_s=at_s, incident_id=incident_id, kind=kind, body=text)
        tx.after(self.wake)

    def listen(self, wake: Callable[[], object]) -> Callable[[], None]:
        """Call ``wake`` after each commit with new rows; returns how to stop that."""
        with self._lock:
            number = self._next
            self._next += 1
            self._waiting[number] = wake
        return lambda: self._forget(number)

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._waiting)

    def _forget(self, number: int) -> None:
        with self._lock:
            self._waiting.pop(number, None)

    def wake(self) -> None:
        """Wake whoever waits for rows."""
        with self._lock:
            waiting = list(self._waiting.values())
        for wake in waiting:
            wake()


def after(tx: Tx, number: int, limit: int = 500) -> list[Item]:
    """Return the rows after ``number``, oldest first."""
    query = sa.select(_table).where(_table.c.stream_id > number)
    return [
        Item(
            row["stream_id"],
            row["at_s"],
            row["incident_id"],
            row["kind"],
            json.loads(row["body"]),
        )
        for row in tx.rows(query.order_by(_table.c.stream_id).limit(limit))
    ]


def latest(tx: Tx) -> int:
    """Return the number of the newest row, 0 if there is none."""
    return int(tx.value(sa.select(sa.func.max(_table.c.stream_id))) or 0)
