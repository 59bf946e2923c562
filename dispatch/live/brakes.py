"""The brake: stop all alerting, or none within a drawn area; by whom, why, and until when."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from dispatch.live import audit
from dispatch.live.errors import Invalid, NotFound
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.model import HoldKind

_brake = schema.brake
MAX_RING = 1000
Ring = Sequence[tuple[float, float]]  # (lat, lon), closed by itself


def place(
    tx: Tx,
    brake_id: str,
    *,
    area: Ring | None,
    reason: str,
    person: str,
    by: str,
    now_s: float,
    expires_at_s: float,
) -> None:
    """Put the brake on: everywhere (``area`` None) or within a ring.

    Raises:
        Invalid: no reason, no person, an expiry in the past, or no area.
    """
    if not reason.strip():
        raise Invalid("reason", "expected why alerting is stopped")
    if not person.strip():
        raise Invalid("person", "expected the name of who decided it")
    if expires_at_s <= now_s:
        raise Invalid("expires_at", "expected a moment to come")
    if area is not None and not 3 <= len(area) <= MAX_RING:
        raise Invalid("area", f"expected from 3 to {MAX_RING} corners")
    kind = "stop" if area is None else "area"
    tx.insert(
        _brake,
        brake_id=brake_id,
        kind=kind,
        area=json.dumps(area or []),
        reason=reason,
        person=person,
        placed_by=by,
        placed_at_s=now_s,
        expires_at_s=expires_at_s,
        lifted_at_s=None,
        lifted_by=None,
    )
    audit.append(tx, now_s, by, f"alerting.{kind}", brake_id, {"person": person})


def lift(tx: Tx, brake_id: str, *, person: str, by: str, now_s: float) -> sa.RowMapping:
    """Take one brake off; raises ``NotFound`` if it is not on."""
    row = tx.row(sa.select(_brake).where((_brake.c.brake_id == brake_id) & _on(now_s)))
    if row is None:
        raise NotFound("no_such_brake", "no such stop or area is in force")
    tx.run(
        sa.update(_brake)
        .where(_brake.c.brake_id == brake_id)
        .values(lifted_at_s=now_s, lifted_by=person)
    )
    audit.append(tx, now_s, by, "alerting.resume", brake_id, {"person": person})
    return row


def expire(tx: Tx, now_s: float) -> int:
    """Mark the brakes whose time is over as lifted; returns how many there were."""
    over = _brake.c.lifted_at_s.is_(None) & (_brake.c.expires_at_s <= now_s)
    rows = tx.rows(sa.select(_brake.c.brake_id).where(over))
    tx.run(sa.update(_brake).where(over).values(lifted_at_s=now_s, lifted_by="expiry"))
    for row in rows:
        audit.append(tx, now_s, "system", "alerting.expired", row["brake_id"])
    return len(rows)


def active(tx: Tx, now_s: float) -> list[dict[str, Any]]:
    """Return the brakes that are on, oldest first, ``area`` as a list of (lat, lon)."""
    rows = tx.rows(sa.select(_brake).where(_on(now_s)).order_by(_brake.c.placed_at_s))
    return [dict(row) | {"area": json.loads(row["area"])} for row in rows]


def next_expiry_s(tx: Tx) -> float | None:
    """Return when the next brake comes off by itself."""
    query = sa.select(sa.func.min(_brake.c.expires_at_s)).where(_brake.c.lifted_at_s.is_(None))
    value = tx.value(query)
    return None if value is None else float(value)


def holds_at(brakes: Sequence[dict[str, Any]], lat: float, lon: float) -> tuple[HoldKind, ...]:
    """Return the holds that these brakes mean for a patient at this place."""
    holds = []
    if any(brake["kind"] == "stop" for brake in brakes):
        holds.append(HoldKind.ALERTING_STOPPED)
    if any(brake["kind"] == "area" and contains(brake["area"], lat, lon) for brake in brakes):
        holds.append(HoldKind.NO_ALERT_AREA)
    return tuple(holds)


def contains(ring: Ring, lat: float, lon: float) -> bool:
    """Whether a place lies within a ring of (lat, lon); by the even-odd rule."""
    inside = False
    for (lat_a, lon_a), (lat_b, lon_b) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (lat_a > lat) != (lat_b > lat):
            crosses_at = lon_a + (lat - lat_a) / (lat_b - lat_a) * (lon_b - lon_a)
            inside ^= lon < crosses_at
    return inside


def _on(now_s: float) -> sa.ColumnElement[bool]:
    return _brake.c.lifted_at_s.is_(None) & (_brake.c.expires_at_s > now_s)
