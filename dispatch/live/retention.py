"""What is kept for how long. Deleted is deleted: SQLite overwrites freed pages here."""

from __future__ import annotations

import json

import sqlalchemy as sa

from dispatch.live import audit
from dispatch.live.settings import RetentionSettings
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx


def purge(tx: Tx, now_s: float, keep: RetentionSettings) -> dict[str, int]:
    """Delete what is past its time; returns counts by table, noted in the audit if any."""
    counts = {
        "position": _delete_positions(tx, now_s, keep),
        "delivery": _delete(
            tx, schema.delivery, schema.delivery.c.created_at_s < now_s - keep.alert_detail_s
        ),
        "drone_order": _delete(
            tx, schema.drone_order, schema.drone_order.c.at_s < now_s - keep.position_s
        ),
        "stream": _delete(tx, schema.stream, schema.stream.c.at_s < now_s - keep.stream_s),
        "idempotency": _delete(
            tx, schema.idempotency, schema.idempotency.c.at_s < now_s - keep.idempotency_s
        ),
        "token": _delete(tx, schema.token, schema.token.c.expires_at_s < now_s - 86400.0),
        "invitation": _delete(
            tx, schema.invitation, schema.invitation.c.expires_at_s < now_s - 30 * 86400.0
        ),
        "place": _forget_places(tx, now_s, keep),
        "incident": _delete_incidents(tx, now_s, keep),
    }
    done = {name: count for name, count in counts.items() if count}
    if done:
        audit.append(tx, now_s, "system", "retention.purge", "", done)
    return done


def _delete(tx: Tx, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    return tx.run(sa.delete(table).where(which)).rowcount


def _delete_positions(tx: Tx, now_s: float, keep: RetentionSettings) -> int:
    """Positions of everybody who is not on the way go within a day."""
    position, alert = schema.position, schema.alert
    going = sa.select(alert.c.responder_id).where(alert.c.assigned)
    old = (position.c.received_at_s < now_s - keep.position_s) & position.c.responder_id.not_in(
        going
    )
    return _delete(tx, position, old)


def _forget_places(tx: Tx, now_s: float, keep: RetentionSettings) -> int:
    """Addresses, notes and the hash over them go with the alert details; the decision stays."""
    incident = schema.incident
    nothing = json.dumps({"address": "", "access_notes": ""})
    old = (
        ~incident.c.is_open
        & (incident.c.updated_at_s < now_s - keep.alert_detail_s)
        & ((incident.c.place != nothing) | incident.c.report_hash.is_not(None))
    )
    forgotten = sa.update(incident).where(old).values(place=nothing, report_hash=None)
    return tx.run(forgotten).rowcount


def _delete_incidents(tx: Tx, now_s: float, keep: RetentionSettings) -> int:
    incident = schema.incident
    old = ~incident.c.is_open & (incident.c.updated_at_s < now_s - keep.incident_s)
    ids = [row["incident_id"] for row in tx.rows(sa.select(incident.c.incident_id).where(old))]
    for table in (schema.event, schema.alert, schema.shadow, schema.timer, incident):
        if ids:
            tx.run(sa.delete(table).where(table.c.incident_id.in_(ids)))
    return len(ids)
