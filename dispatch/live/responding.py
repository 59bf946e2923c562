"""What a volunteer's phone asks of the service: alerts, answers, devices, wishes."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from dispatch import explain
from dispatch.eligibility import CODES, Rules
from dispatch.events import (
    AedObtained,
    AedUnavailable,
    AlertAccepted,
    AlertDeclined,
    AlertDelivered,
    AlertSeen,
    Event,
    PatientReached,
    ResponderArrived,
    ResponderDropped,
    ResponderMoving,
)
from dispatch.live import audit, coding, wishes
from dispatch.live.api import models
from dispatch.live.errors import Conflict, Invalid, NotFound
from dispatch.live.hours import Hours
from dispatch.live.parts import Parts
from dispatch.live.people import readiness, valid_until_s
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.wishes import Spot, Wishes
from dispatch.model import ASSIGNED_STATUSES, OPEN_STATUSES, AlertStatus, Incident, Role
from notifications.channel import AddressKind
from notifications.errors import PermanentFailure
from notifications.messages import Purpose

TEST_LASTS_S = 120.0
MONTH_S = 30 * 86400.0
REMIND_S = 60 * 86400.0
MAX_DEVICES = 10
DISTANCE_STEP_M = 50
_alert = schema.alert
_device = schema.device
_person = schema.responder

MAY_WORDS = "Someone may need CPR, about {minutes} min walk. "
CARE_WORDS = "Go only if it is safe for you and anyone in your care."
THANKS = "Thank you. You can stop now. You did the right thing by answering."
_REFUSALS = {
    "places_taken": "enough people are going: thank you, you are not needed this time",
    "already_answered": "you have answered this alert already",
    "alert_ended": "this alert is over",
    "ended": "this emergency is over",
}


class Responding:
    """The use cases of volunteers. Every method runs inside a transaction."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # --- alerts -------------------------------------------------------------------------------

    def alerts(self, tx: Tx, responder_id: int) -> models.AlertsForResponder:
        """Return the open alerts, newest first."""
        rows = tx.rows(
            sa.select(_alert)
            .where((_alert.c.responder_id == responder_id) & _alert.c.ended_at_s.is_(None))
            .order_by(_alert.c.asked_at_s.desc())
            .limit(20)
        )
        return models.AlertsForResponder(alerts=[self._view(tx, row) for row in rows])

    def open_alert(self, tx: Tx, responder_id: int, key: str) -> models.AlertForResponder:
        """Return one alert; looking at it is a receipt and a sign of having seen it."""
        row = self._mine(tx, responder_id, key)
        if AlertStatus(row["status"]) in (AlertStatus.ASKED, AlertStatus.DELIVERED):
            self._parts.outbox.confirm_alert(tx, key, None)
            self._tell(tx, row, AlertSeen(row["alert_id"]), responder_id)
            row = self._mine(tx, responder_id, key)
        if row["assigned"]:
            audit.append(
                tx,
                self._parts.clock(),
                f"responder:{responder_id}",
                "incident.view_place",
                row["incident_id"],
            )
        return self._view(tx, row)

    def answer(
        self, tx: Tx, responder_id: int, key: str, answer: models.AnswerIn
    ) -> models.AlertForResponder:
        """Answer an alert.

        Raises:
            Conflict: the yes came too late; the code says why.
        """
        row = self._mine(tx, responder_id, key)
        alert_id = row["alert_id"]
        self._parts.outbox.confirm_alert(tx, key, None)
        if answer.answer == "yes":
            self._say_yes(tx, row, responder_id)
        elif answer.answer == "no":
            self._tell(tx, row, AlertDeclined(alert_id), responder_id)
        else:
            dropped = ResponderDropped(alert_id, answer.reason or "cannot_continue")
            self._tell(tx, row, dropped, responder_id)
        return self._view(tx, self._mine(tx, responder_id, key))

    def late(self, tx: Tx, responder_id: int, key: str) -> Conflict | None:
        """Return why a yes that was just taken note of holds no place; None if it holds one."""
        row = self._mine(tx, responder_id, key)
        if AlertStatus(row["status"]) in ASSIGNED_STATUSES:
            return None
        code = row["end_reason"] or "alert_ended"
        return Conflict(code, _REFUSALS.get(code) or explain.words(code))

    def status(
        self, tx: Tx, responder_id: int, key: str, status: models.StatusIn
    ) -> models.AlertForResponder:
        """Note what the person is doing.

        Raises:
            Conflict: they are not going (any more).
        """
        row = self._mine(tx, responder_id, key)
        self._parts.outbox.confirm_alert(tx, key, None)
        event = self._status_event(row, status)
        applied = self._tell(tx, row, event, responder_id)
        if applied in ("alert_ended", "ended", "unknown_alert", "nobody_asked"):
            raise Conflict("alert_ended", _REFUSALS["alert_ended"])
        if applied == "not_on_the_way":
            raise Conflict("not_going", "say yes first, or this step is behind you already")
        return self._view(tx, self._mine(tx, responder_id, key))

    def receipt(
        self, tx: Tx, responder_id: int, message_id: str, receipt: models.ReceiptIn
    ) -> bool:
        """A phone showed a message: stop looking for another channel."""
        row = self._delivery(tx, message_id)
        if row is None or row["responder_id"] != responder_id:
            raise NotFound("no_such_message", "there is no such message")
        self._parts.outbox.confirm(tx, message_id, receipt.device_id)
        if row["purpose"] == Purpose.ALERT.value and row["incident_id"] is not None:
            self._parts.runtime.apply(
                tx, row["incident_id"], AlertDelivered(row["alert_id"]), _name(responder_id)
            )
        if row["purpose"] == Purpose.TEST.value:
            self._note_test(tx, message_id, receipt.sounded)
        return True

    def reported(self, tx: Tx, message_id: str, *, delivered: bool) -> bool:
        """A gateway reported about a message; False if it is not known."""
        row = self._delivery(tx, message_id)
        if row is None:
            return False
        if delivered:
            self._parts.outbox.confirm(tx, message_id, None)
            if row["purpose"] == Purpose.ALERT.value and row["incident_id"] is not None:
                event = AlertDelivered(row["alert_id"])
                self._parts.runtime.apply(tx, row["incident_id"], event, "gateway")
            if row["purpose"] == Purpose.TEST.value:
                self._note_test(tx, message_id, None)
        return True

    def after_care(
        self, tx: Tx, responder_id: int, key: str, answer: models.AfterCareIn
    ) -> models.AfterCareOut:
        """Take the answer to "how are you?"."""
        self._mine(tx, responder_id, key)
        care = schema.after_care
        now_s = self._parts.clock()
        values = {
            "answered_at_s": now_s,
            "impact": answer.impact,
            "wants_call": answer.wants_call,
        }
        if tx.run(sa.update(care).where(care.c.alert_key == key).values(values)).rowcount == 0:
            tx.insert(
                care,
                alert_key=key,
                responder_id=responder_id,
                due_at_s=now_s,
                sent_at_s=now_s,
                **values,
            )
        if answer.wants_call or answer.impact == "severe":
            told = {"responder_id": responder_id, "impact": answer.impact}
            self._parts.stream.append(tx, now_s, "responder.wants_call", told)
        return models.AfterCareOut(support_telephone=self._parts.settings.after_care.telephone)

    # --- the person ---------------------------------------------------------------------------

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
            devices=self._devices(tx, responder_id),
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
        return None if eligible[row] else explain.words(CODES[reasons[row]])

    # --- devices ------------------------------------------------------------------------------

    def devices(self, tx: Tx, responder_id: int) -> models.DeviceList:
        """Return the person's devices with their readiness."""
        webpush = self._parts.webpush
        return models.DeviceList(
            devices=self._devices(tx, responder_id),
            webpush_key=webpush.public_key if webpush is not None else None,
        )

    def add_device(self, tx: Tx, responder_id: int, device: models.DeviceIn) -> models.DeviceOut:
        """Enrol a device; an address that is known is renewed, and taken over from others."""
        self._check_device(device)
        now_s = self._parts.clock()
        same = (_device.c.kind == device.kind) & (_device.c.address == device.address)
        known = tx.row(sa.select(_device).where(same & _device.c.dead_at_s.is_(None)))
        if known is not None and known["responder_id"] != responder_id:
            tx.run(sa.delete(_device).where(_device.c.device_id == known["device_id"]))
            self._parts.finder.person_changed(tx, known["responder_id"], now_s)
            known = None
        values: dict[str, Any] = {
            "platform": device.platform,
            "language": device.language,
            "may_break_silence": device.may_break_silence,
            "last_seen_s": now_s,
        }
        if known is not None:
            device_id: str = known["device_id"]
            tx.run(sa.update(_device).where(_device.c.device_id == device_id).values(values))
        else:
            device_id = self._parts.new_id()
            self._make_room(tx, responder_id)
            tx.insert(
                _device,
                device_id=device_id,
                responder_id=responder_id,
                kind=device.kind,
                address=device.address,
                created_at_s=now_s,
                dead_at_s=None,
                dead_reason="",
                test_message_id=None,
                test_sent_at_s=None,
                test_shown_at_s=None,
                test_sounded=None,
                **values,
            )
        self._parts.finder.person_changed(tx, responder_id, now_s)
        return self._device_out(tx, responder_id, device_id)

    def remove_device(self, tx: Tx, responder_id: int, device_id: str) -> None:
        """Forget a device."""
        self._device_row(tx, responder_id, device_id)
        tx.run(sa.delete(_device).where(_device.c.device_id == device_id))
        self._parts.finder.person_changed(tx, responder_id, self._parts.clock())

    def test_device(self, tx: Tx, responder_id: int, device_id: str) -> models.TestSent:
        """Send a test that sounds like an alert."""
        row = self._device_row(tx, responder_id, device_id)
        if row["dead_at_s"] is not None:
            return models.TestSent(sent=False, why_not=readiness(row)[1])
        now_s = self._parts.clock()
        message_id, why_not = self._parts.outbox.send_known(
            tx,
            responder_id,
            Purpose.TEST,
            now_s=now_s,
            expires_at_s=now_s + TEST_LASTS_S,
            only=device_id,
        )
        if why_not:
            return models.TestSent(sent=False, why_not="no channel reaches this device")
        tx.run(
            sa.update(_device)
            .where(_device.c.device_id == device_id)
            .values(
                test_message_id=message_id,
                test_sent_at_s=now_s,
                test_shown_at_s=None,
                test_sounded=None,
            )
        )
        return models.TestSent(sent=True, why_not=None)

    # --- inside -------------------------------------------------------------------------------

    def _say_yes(self, tx: Tx, row: sa.RowMapping, responder_id: int) -> None:
        status = AlertStatus(row["status"])
        if status in ASSIGNED_STATUSES:
            return  # the same yes again
        if status not in OPEN_STATUSES:
            code = row["end_reason"] or "alert_ended"
            raise Conflict(code, _REFUSALS.get(code) or explain.words(code))
        self._tell(tx, row, AlertAccepted(row["alert_id"]), responder_id)

    def _tell(self, tx: Tx, row: sa.RowMapping, event: Event, responder_id: int) -> str:
        """Tell the incident; returns why it was ignored, or ""."""
        applied = self._parts.runtime.apply(tx, row["incident_id"], event, _name(responder_id))
        return applied.ignored

    def _status_event(self, row: sa.RowMapping, status: models.StatusIn) -> Event:
        alert_id = row["alert_id"]
        match status.status:
            case "moving":
                return ResponderMoving(alert_id)
            case "arrived":
                return ResponderArrived(alert_id)
            case "with_patient":
                return PatientReached(alert_id)
        aed_id = status.aed_id if status.aed_id is not None else row["aed_id"]
        if aed_id is None:
            raise Invalid("aed_id", "expected which AED: none was assigned")
        if status.status == "aed_obtained":
            return AedObtained(alert_id, aed_id)
        problem = "locked" if status.status == "aed_locked" else "not_there"
        return AedUnavailable(alert_id, aed_id, problem)

    def _mine(self, tx: Tx, responder_id: int, key: str) -> sa.RowMapping:
        row = tx.row(
            sa.select(_alert).where(
                (_alert.c.alert_key == key) & (_alert.c.responder_id == responder_id)
            )
        )
        if row is None:
            raise NotFound("no_such_alert", "there is no such alert")
        return row

    def _person(self, tx: Tx, responder_id: int) -> sa.RowMapping:
        row = tx.row(sa.select(_person).where(_person.c.responder_id == responder_id))
        if row is None:
            raise NotFound("no_such_responder", "there is no such responder")
        return row

    def _delivery(self, tx: Tx, message_id: str) -> sa.RowMapping | None:
        delivery = schema.delivery
        return tx.row(sa.select(delivery).where(delivery.c.message_id == message_id))

    def _note_test(self, tx: Tx, message_id: str, sounded: bool | None) -> None:
        now_s = self._parts.clock()
        mine = _device.c.test_message_id == message_id
        shown = mine & _device.c.test_shown_at_s.is_(None)
        tx.run(sa.update(_device).where(shown).values(test_shown_at_s=now_s, last_seen_s=now_s))
        if sounded is not None:
            tx.run(sa.update(_device).where(mine).values(test_sounded=sounded))

    def _view(self, tx: Tx, row: sa.RowMapping) -> models.AlertForResponder:
        is_open = AlertStatus(row["status"]) in OPEN_STATUSES
        walk_min = max(1, round(row["eta_s"] / 60.0))
        view = models.AlertForResponder(
            alert_id=row["alert_key"],
            status=row["status"],
            words=MAY_WORDS.format(minutes=walk_min) + CARE_WORDS if is_open else THANKS,
            role=row["role"],
            asked_at=models.a_moment(row["asked_at_s"]),
            expires_at=models.a_moment(row["expires_at_s"]),
            walk_min=walk_min,
            distance_m=_coarse_m(row["distance_m"]),
            open=is_open,
        )
        if not is_open:
            view.end_words = explain.words(row["end_reason"])
        if row["assigned"]:
            self._add_details(tx, row, view)
        return view

    def _add_details(self, tx: Tx, row: sa.RowMapping, view: models.AlertForResponder) -> None:
        """What only those may see who are going."""
        incident = schema.incident
        found = tx.row(sa.select(incident).where(incident.c.incident_id == row["incident_id"]))
        assert found is not None
        state = coding.decode_incident(found["snapshot"], found["schema_version"])
        place = json.loads(found["place"])
        view.location = models.Place(lat=state.lat, lon=state.lon)
        view.address, view.access_notes = place["address"], place["access_notes"]
        view.others_going = _others(state, row["alert_id"])
        if state.ambulance_due_at_s is not None:
            wait_s = state.ambulance_due_at_s - self._parts.clock()
            view.ambulance_min = max(0, round(wait_s / 60.0))
        if row["role"] == Role.AED.value and row["aed_id"] is not None:
            view.aed = self._aed(tx, row["aed_id"])

    def _aed(self, tx: Tx, aed_id: int) -> models.AedForResponder | None:
        row = tx.row(sa.select(schema.aed).where(schema.aed.c.aed_id == aed_id))
        if row is None:
            return None
        return models.AedForResponder(
            aed_id=aed_id,
            location=models.Place(lat=row["lat"], lon=row["lon"]),
            place=row["place"],
            access=row["access"],
            level=row["level"],
            cabinet_code=row["cabinet_code"],
        )

    def _devices(self, tx: Tx, responder_id: int) -> list[models.DeviceOut]:
        rows = tx.rows(
            sa.select(_device)
            .where(_device.c.responder_id == responder_id)
            .order_by(_device.c.created_at_s.desc())
        )
        return [_device_out(row) for row in rows]

    def _device_row(self, tx: Tx, responder_id: int, device_id: str) -> sa.RowMapping:
        mine = (_device.c.device_id == device_id) & (_device.c.responder_id == responder_id)
        row = tx.row(sa.select(_device).where(mine))
        if row is None:
            raise NotFound("no_such_device", "there is no such device")
        return row

    def _device_out(self, tx: Tx, responder_id: int, device_id: str) -> models.DeviceOut:
        return _device_out(self._device_row(tx, responder_id, device_id))

    def _check_device(self, device: models.DeviceIn) -> None:
        if AddressKind(device.kind) is AddressKind.MEMORY and self._parts.memory is None:
            raise Invalid("kind", "expected another kind: memory is for TEST mode")
        if AddressKind(device.kind) is AddressKind.SMS and not _is_number(device.address):
            raise Invalid("address", "expected a number such as +447700900123")
        if AddressKind(device.kind) is AddressKind.WEBPUSH:
            if self._parts.webpush is None:
                raise Invalid("kind", "expected another kind: Web Push is not set up here")
            try:
                self._parts.webpush.check(device.address)
            except PermanentFailure as failure:
                raise Invalid("address", failure.reason) from failure

    def _make_room(self, tx: Tx, responder_id: int) -> None:
        """Keep the newest devices only."""
        rows = tx.rows(
            sa.select(_device.c.device_id)
            .where(_device.c.responder_id == responder_id)
            .order_by(_device.c.last_seen_s.desc())
            .offset(MAX_DEVICES - 1)
        )
        for row in rows:
            tx.run(sa.delete(_device).where(_device.c.device_id == row["device_id"]))


def _device_out(row: sa.RowMapping) -> models.DeviceOut:
    ready, words = readiness(row)
    return models.DeviceOut(
        device_id=row["device_id"],
        kind=row["kind"],
        platform=row["platform"],
        ready=ready,
        readiness=words,
        dead_reason=row["dead_reason"],
        last_seen_at=models.a_moment(row["last_seen_s"]),
    )


def _others(state: Incident, alert_id: int) -> int:
    return sum(
        alert.status in ASSIGNED_STATUSES and alert.alert_id != alert_id for alert in state.alerts
    )


def _coarse_m(distance_m: float | None) -> int | None:
    if distance_m is None:
        return None
    return max(1, round(distance_m / DISTANCE_STEP_M)) * DISTANCE_STEP_M


def _reminder(until_s: float | None, now_s: float) -> str | None:
    if until_s is None:
        return "no training has been verified yet"
    if until_s <= now_s:
        return "your training has lapsed: you are not asked until it is renewed"
    days = int((until_s - now_s) // 86400)
    return f"your training lapses in {days} days" if until_s - now_s < REMIND_S else None


def _hours(given: list[models.HoursIn]) -> tuple[Hours, ...]:
    return tuple(Hours(entry.start, entry.end, tuple(entry.days)) for entry in given)


def _is_number(text: str) -> bool:
    return (
        text.startswith("+") and text[1:].isascii() and text[1:].isdigit() and 8 <= len(text) <= 16
    )


def _name(responder_id: int) -> str:
    return f"responder:{responder_id}"
