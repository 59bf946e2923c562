"""What a volunteer sees of themselves, and what they wish."""

from __future__ import annotations

import datetime as dt
import json
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch import explain
from dispatch.eligibility import CODES, Rules
from dispatch.live import places, wishes
from dispatch.live.api import models
from dispatch.live.errors import NotFound
from dispatch.live.hours import Hours
from dispatch.live.parts import Parts
from dispatch.live.people import valid_until_s
from dispatch.live.phones import Phones
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.wishes import Spot, Wishes
from dispatch.model import AlertStatus

MONTH_S = 30 * 86400.0
REMIND_S = 60 * 86400.0
_alert = schema.alert
_person = schema.responder


class Oneself:
    """The use cases of volunteers about themselves. Every method runs inside a transaction."""

    def __init__(self, parts: Parts, phones: Phones) -> None:
        self._parts = parts
        self._phones = phones

    def me(self, tx: Tx, responder_id: int) -> models.Me:
        """Return what the service knows about the caller."""
        row = self._person(tx, responder_id)
        now_s = self._parts.clock()
        credential = schema.credential
        held = tx.rows(sa.select(credential).where(credential.c.responder_id == responder_id))
        until_s = valid_until_s(held)
        asked = tx.rows(
            sa.select(_alert.c.night).where(
                (_alert.c.responder_id == responder_id)
                & (_alert.c.asked_at_s > now_s - MONTH_S)
                & (_alert.c.status != AlertStatus.REFUSED.value)
            )
        )
        return models.Me(
            responder_id=responder_id,
            initials=row["initials"],
            status=row["status"],
            suspended_reason=row["suspended_reason"],
            training_valid_until=models.moment(until_s),
            training_reminder=_reminder(until_s, now_s),
            alerts_last_30_days=len(asked),
            wakes_last_30_days=sum(bool(alert["night"]) for alert in asked),
            support_telephone=self._parts.settings.after_care.telephone,
            devices=self._phones.listed(tx, responder_id),
        )

    def availability(self, tx: Tx, responder_id: int) -> models.AvailabilityOut:
        """Return the wishes, and whether the person may be asked now."""
        row = self._person(tx, responder_id)
        wanted = json.loads(row["wishes"])
        why_not = self.why_not(tx, responder_id)
        return models.AvailabilityOut.model_validate(
            {
                **wanted,
                "on_duty": bool(row["on_duty"]),
                "not_before": models.moment(row["not_before_s"]),
                "may_be_asked": why_not is None,
                "why_not": why_not,
            }
        )

    def set_availability(
        self, tx: Tx, responder_id: int, wanted: models.AvailabilityIn
    ) -> models.AvailabilityOut:
        """Replace all wishes."""
        self._person(tx, responder_id)
        kept = Wishes(
            available=_hours(wanted.available),
            quiet=_hours(wanted.quiet),
            work_hours=_hours(wanted.work_hours),
            night_within_s=wanted.night_within_s,
            alerts_per_30_days=wanted.alerts_per_30_days,
            wakes_per_30_days=wanted.wakes_per_30_days,
            not_for=tuple(wanted.not_for),
            not_at=tuple(Spot(spot.lat, spot.lon, spot.radius_m) for spot in wanted.not_at),
        )
        wishes.check(kept)
        for spot in kept.not_at:
            places.check(self._parts.finder.region, "not_at", spot.lat, spot.lon)
        now_s = self._parts.clock()
        tx.run(
            sa.update(_person)
            .where(_person.c.responder_id == responder_id)
            .values(
                on_duty=wanted.on_duty,
                not_before_s=None if wanted.not_before is None else wanted.not_before.timestamp(),
                wishes=wishes.encode(kept),
                updated_at_s=now_s,
            )
        )
        self._parts.finder.person_changed(tx, responder_id, now_s)
        return self.availability(tx, responder_id)

    def why_not(self, tx: Tx, responder_id: int) -> str | None:
        """Return why this person would not be asked now, in words; None if they would."""
        now_s = self._parts.clock()
        policy_id = self._parts.book.in_force(tx, now_s)
        if policy_id is None:
            return "no policy is in force"
        policy = self._parts.book.core(tx, policy_id).policy
        roster = self._parts.finder.roster(tx, Rules.of(policy), now_s)
        night = policy.is_night(now_s + self._parts.finder.utc_offset_s(now_s))
        eligible, reasons = roster.mask(now_s, night=night)
        row = roster.row_of(responder_id)
        if eligible[row]:
            return None
        code = CODES[reasons[row]]
        if code == "off_duty":
            return self._off_duty_words(self._person(tx, responder_id), now_s)
        return explain.words(code)

    def _off_duty_words(self, row: sa.RowMapping, now_s: float) -> str:
        """Which of the person's own wishes it is."""
        if not row["on_duty"]:
            return "you are off duty"
        if row["not_before_s"] is not None and row["not_before_s"] > now_s:
            zone = ZoneInfo(self._parts.finder.timezone)
            until = dt.datetime.fromtimestamp(row["not_before_s"], zone)
            return f"not until {until:%d %B, %H:%M}, as you asked"
        return "outside the hours that you chose"

    def _person(self, tx: Tx, responder_id: int) -> sa.RowMapping:
        row = tx.row(sa.select(_person).where(_person.c.responder_id == responder_id))
        if row is None:
            raise NotFound("no_such_responder", "there is no such responder")
        return row


def _reminder(until_s: float | None, now_s: float) -> str | None:
    if until_s is None:
        return "no training has been verified yet"
    if until_s <= now_s:
        return "your training has lapsed: you are not asked until it is renewed"
    days = int((until_s - now_s) // 86400)
    return f"your training lapses in {days} days" if until_s - now_s < REMIND_S else None


def _hours(given: list[models.HoursIn]) -> tuple[Hours, ...]:
    return tuple(Hours(entry.start, entry.end, tuple(entry.days)) for entry in given)
