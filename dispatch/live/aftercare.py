"""After an alert: asking how people are, once and not at night; reminders of lapsing training."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch.live.parts import Parts
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from notifications.messages import Purpose

REMIND_BEFORE_S = 60 * 86400.0
AT_ONCE = 100
_care = schema.after_care
_alert = schema.alert
_credential = schema.credential


def plan(tx: Tx, parts: Parts, incident_id: str) -> None:
    """When an incident has ended: plan the question for everybody who said yes."""
    now_s = parts.clock()
    went = tx.rows(
        sa.select(_alert.c.alert_key, _alert.c.responder_id).where(
            (_alert.c.incident_id == incident_id) & _alert.c.accepted_at_s.is_not(None)
        )
    )
    for row in went:
        tx.insert_new(
            _care,
            alert_key=row["alert_key"],
            responder_id=row["responder_id"],
            due_at_s=polite_s(now_s + parts.settings.after_care.delay_s, parts),
            sent_at_s=None,
            answered_at_s=None,
            impact=None,
            wants_call=None,
        )


def polite_s(at_s: float, parts: Parts) -> float:
    """Return ``at_s``, or the end of the night if that falls into it."""
    rules = parts.settings.after_care
    local = dt.datetime.fromtimestamp(at_s, ZoneInfo(parts.finder.timezone))
    late = local.hour >= rules.quiet_from_hour
    early = local.hour < rules.quiet_to_hour
    if rules.quiet_from_hour <= rules.quiet_to_hour:
        late = early = rules.quiet_from_hour <= local.hour < rules.quiet_to_hour
    if not (late or early):
        return at_s
    morning = local.replace(hour=rules.quiet_to_hour, minute=0, second=0, microsecond=0)
    if morning <= local:
        morning += dt.timedelta(days=1)
    return morning.timestamp()


def turn(parts: Parts) -> int:
    """Send the questions that are due; returns how many."""
    now_s = parts.clock()
    due = _care.c.sent_at_s.is_(None) & (_care.c.due_at_s <= now_s)
    rows = parts.store.transact(lambda tx: tx.rows(sa.select(_care).where(due).limit(AT_ONCE)))
    if rows:
        parts.store.transact(lambda tx: _send(tx, parts, rows, now_s))
    return len(rows)


def _send(tx: Tx, parts: Parts, rows: list[sa.RowMapping], now_s: float) -> None:
    for row in rows:
        same = _care.c.alert_key == row["alert_key"]
        tx.run(sa.update(_care).where(same).values(sent_at_s=now_s))
        parts.outbox.send(
            tx,
            row["responder_id"],
            Purpose.AFTER_CARE,
            now_s=now_s,
            expires_at_s=now_s + 86400.0,
            alert=None,
        )


def remind(tx: Tx, parts: Parts) -> int:
    """Remind people whose training lapses soon, once per credential, not at night."""
    now_s = parts.clock()
    if polite_s(now_s, parts) != now_s:
        return 0
    lapsing = (
        _credential.c.verified_at_s.is_not(None)
        & _credential.c.revoked_at_s.is_(None)
        & _credential.c.reminded_at_s.is_(None)
        & (_credential.c.valid_until_s > now_s)
        & (_credential.c.valid_until_s < now_s + REMIND_BEFORE_S)
    )
    rows = tx.rows(sa.select(_credential).where(lapsing).limit(AT_ONCE))
    for row in rows:
        same = _credential.c.credential_id == row["credential_id"]
        tx.run(sa.update(_credential).where(same).values(reminded_at_s=now_s))
        parts.outbox.send(
            tx,
            row["responder_id"],
            Purpose.REMINDER,
            now_s=now_s,
            expires_at_s=now_s + 86400.0,
        )
    return len(rows)
