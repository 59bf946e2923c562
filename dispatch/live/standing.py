"""Why somebody may not be asked as the register stands now, for whom no search came across."""

from __future__ import annotations

import sqlalchemy as sa

from dispatch.live.store import schema
from dispatch.live.store.engine import Tx

_STATUS = {
    "invited": "has not enrolled yet",
    "suspended": "is suspended",
    "left": "has left",
}


def words(tx: Tx, responder_id: int, now_s: float) -> str | None:
    """Return a sentence, or None if nothing of the register stands in the way."""
    person = schema.responder
    mine = person.c.responder_id == responder_id
    status = tx.value(sa.select(person.c.status).where(mine))
    if status is None:
        return f"there is no volunteer {responder_id}"
    if status in _STATUS:
        return f"{responder_id} {_STATUS[status]}, as it stands now"
    held = schema.credential
    in_date = (
        (held.c.responder_id == responder_id)
        & held.c.verified_at_s.is_not(None)
        & held.c.revoked_at_s.is_(None)
        & (held.c.valid_from_s <= now_s)
        & (held.c.valid_until_s > now_s)
    )
    if tx.row(sa.select(held.c.credential_id).where(in_date)) is None:
        return f"{responder_id} has no verified training in date, as it stands now"
    device = schema.device
    living = (device.c.responder_id == responder_id) & device.c.dead_at_s.is_(None)
    if tx.row(sa.select(device.c.device_id).where(living)) is None:
        return f"{responder_id} has no phone, as it stands now"
    return None


def not_available(tx: Tx, responder_id: int, now_s: float, utc_offset_s: float) -> str | None:
    """Return what "not available" comes from as the register stands now; None if nobody knows."""
    person = schema.responder
    row = tx.row(sa.select(person).where(person.c.responder_id == responder_id))
    if row is None or row["status"] in _STATUS:
        return None
    if not row["on_duty"]:
        return "off duty as it stands now"
    not_before_s = row["not_before_s"]
    if not_before_s is not None and not_before_s > now_s:
        minutes = int((not_before_s + utc_offset_s) // 60) % 1440
        return f"not before {minutes // 60:02d}:{minutes % 60:02d}"
    return "by their own hours, places or kinds of call"
