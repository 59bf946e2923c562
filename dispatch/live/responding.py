"""What a volunteer's phone asks of the service about alerts: see, answer, go, arrive."""

from __future__ import annotations

import json

import sqlalchemy as sa

from dispatch.events import (
    AedAttached,
    AedObtained,
    AedUnavailable,
    AlertAccepted,
    AlertDeclined,
    AlertDelivered,
    AlertSeen,
    DroneAedTaken,
    Event,
    PatientReached,
    ResponderArrived,
    ResponderDropped,
    ResponderMoving,
)
from dispatch.live import audit, coding, drone_views, wording
from dispatch.live.aedbook import AedBook
from dispatch.live.api import models
from dispatch.live.errors import Conflict, Invalid, NotFound
from dispatch.live.parts import Parts
from dispatch.live.phones import TESTS, Phones
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.model import (
    ASSIGNED_STATUSES,
    NOT_CONFIRMED_STATUSES,
    OPEN_STATUSES,
    AlertStatus,
    DroneStatus,
    DroneTask,
    Incident,
    Role,
)
from notifications.messages import Purpose
from notifications.sms_http import ReportState

DISTANCE_STEP_M = 50
REASON_LETTERS = 60  # as many as alert.end_reason holds
_alert = schema.alert


class Responding:
    """The use cases of volunteers about alerts. Every method runs inside a transaction."""

    def __init__(self, parts: Parts, phones: Phones) -> None:
        self._parts = parts
        self._phones = phones
        self._aeds = AedBook(parts)

    # --- alerts -------------------------------------------------------------------------------

    def alerts(self, tx: Tx, responder_id: int) -> models.AlertsForResponder:
        """Return the open alerts, newest first; a phone that asks for them has got them."""
        open_ones = (
            sa.select(_alert)
            .where((_alert.c.responder_id == responder_id) & _alert.c.ended_at_s.is_(None))
            .order_by(_alert.c.asked_at_s.desc())
            .limit(20)
        )
        rows = tx.rows(open_ones)
        fresh = [row for row in rows if AlertStatus(row["status"]) in NOT_CONFIRMED_STATUSES]
        for row in fresh:
            self._parts.outbox.confirm_alert(tx, row["alert_key"], None)
            self._tell(tx, row, AlertDelivered(row["alert_id"]), responder_id)
        if fresh:
            rows = tx.rows(open_ones)
        return models.AlertsForResponder(alerts=[self._view(tx, row) for row in rows])

    def open_alert(self, tx: Tx, responder_id: int, key: str) -> models.AlertForResponder:
        """Return one alert; looking at it is a receipt and a sign of having seen it."""
        row = self._mine(tx, responder_id, key)
        if AlertStatus(row["status"]) in NOT_CONFIRMED_STATUSES | {AlertStatus.DELIVERED}:
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
            reason = answer.reason[:REASON_LETTERS] or "cannot_continue"
            dropped = ResponderDropped(alert_id, reason)
            self._tell(tx, row, dropped, responder_id)
        return self._view(tx, self._mine(tx, responder_id, key))

    def late(self, tx: Tx, responder_id: int, key: str) -> Conflict | None:
        """Return why a yes that was just taken note of holds no place; None if it holds one."""
        row = self._mine(tx, responder_id, key)
        if AlertStatus(row["status"]) in ASSIGNED_STATUSES:
            return None
        code = row["end_reason"] or "alert_ended"
        return Conflict(code, wording.of_end(code))

    def status(
        self, tx: Tx, responder_id: int, key: str, status: models.StatusIn
    ) -> models.AlertForResponder:
        """Note what the person is doing.

        Raises:
            Conflict: they are not going (any more).
        """
        row = self._mine(tx, responder_id, key)
        self._parts.outbox.confirm_alert(tx, key, None)
        if status.status in ("drone_aed_taken", "aed_attached"):
            self._about_an_aed(tx, row, status.status, responder_id)
            return self._view(tx, self._mine(tx, responder_id, key))
        event = self._status_event(row, status)
        if isinstance(event, AedObtained | AedUnavailable):
            self._check_aed(tx, event.aed_id)
        applied = self._tell(tx, row, event, responder_id)
        if applied in ("alert_ended", "ended", "unknown_alert", "nobody_asked"):
            raise Conflict("alert_ended", wording.of_end("alert_ended"))
        if applied == "not_on_the_way":
            raise Conflict("not_going", "say yes first, or this step is behind you already")
        if isinstance(event, AedUnavailable):
            self._aeds.note_problem(tx, event.aed_id, event.problem, _name(responder_id))
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
        if row["purpose"] in TESTS:
            self._phones.note_test(tx, message_id, receipt.sounded)
        return True

    def reported(self, tx: Tx, message_id: str, state: ReportState) -> bool:
        """A gateway reported about a message; False if it is not known."""
        row = self._delivery(tx, message_id)
        if row is None:
            return False
        if state is ReportState.FAILED:
            self._parts.outbox.refuse(tx, message_id)
        elif state is ReportState.DELIVERED:
            self._parts.outbox.confirm(tx, message_id, None)
            if row["purpose"] == Purpose.ALERT.value and row["incident_id"] is not None:
                event = AlertDelivered(row["alert_id"])
                self._parts.runtime.apply(tx, row["incident_id"], event, "gateway")
            if row["purpose"] in TESTS:
                self._phones.note_test(tx, message_id, None)
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

    # --- inside -------------------------------------------------------------------------------

    def _say_yes(self, tx: Tx, row: sa.RowMapping, responder_id: int) -> None:
        status = AlertStatus(row["status"])
        if status in ASSIGNED_STATUSES:
            return  # the same yes again
        if status not in OPEN_STATUSES:
            code = row["end_reason"] or "alert_ended"
            raise Conflict(code, wording.of_end(code))
        if not self._is_active(tx, responder_id):
            raise Conflict("suspended", wording.of_end("suspended"))
        self._tell(tx, row, AlertAccepted(row["alert_id"]), responder_id)

    def _is_active(self, tx: Tx, responder_id: int) -> bool:
        person = schema.responder
        status = sa.select(person.c.status).where(person.c.responder_id == responder_id)
        return bool(tx.value(status) == "active")

    def _tell(self, tx: Tx, row: sa.RowMapping, event: Event, responder_id: int) -> str:
        """Tell the incident; returns why it was ignored, or ""."""
        applied = self._parts.runtime.apply(tx, row["incident_id"], event, _name(responder_id))
        return applied.ignored

    def _about_an_aed(self, tx: Tx, row: sa.RowMapping, status: str, responder_id: int) -> None:
        """Somebody has the AED that a drone put down, or an AED is on the patient."""
        if not row["assigned"]:
            raise Conflict("not_going", "say yes first, or this step is behind you already")
        alert_id = row["alert_id"]
        state = self._parts.runtime.state(tx, row["incident_id"])
        task = _drone_down(state, alert_id if status == "aed_attached" else None)
        if status == "aed_attached" and task is None:
            self._tell(tx, row, AedAttached(), responder_id)
        elif task is None:
            raise Conflict("no_drone_there", "no drone has put an AED down")
        else:
            self._tell(tx, row, DroneAedTaken(task.task_id, alert_id), responder_id)

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

    def _check_aed(self, tx: Tx, aed_id: int) -> None:
        known = sa.select(schema.aed.c.aed_id).where(schema.aed.c.aed_id == aed_id)
        if tx.value(known) is None:
            raise Invalid("aed_id", "expected the number of an AED in the register")

    def _mine(self, tx: Tx, responder_id: int, key: str) -> sa.RowMapping:
        row = tx.row(
            sa.select(_alert).where(
                (_alert.c.alert_key == key) & (_alert.c.responder_id == responder_id)
            )
        )
        if row is None:
            raise NotFound("no_such_alert", "there is no such alert")
        return row

    def _delivery(self, tx: Tx, message_id: str) -> sa.RowMapping | None:
        delivery = schema.delivery
        return tx.row(sa.select(delivery).where(delivery.c.message_id == message_id))

    def _view(self, tx: Tx, row: sa.RowMapping) -> models.AlertForResponder:
        status = AlertStatus(row["status"])
        is_open = status in OPEN_STATUSES
        walk_min = max(1, round(row["eta_s"] / 60.0))
        view = models.AlertForResponder(
            alert_id=row["alert_key"],
            status=row["status"],
            words=wording.of_alert(
                status,
                Role(row["role"]),
                walk_min,
                said_yes=row["accepted_at_s"] is not None,
                end_reason=row["end_reason"],
            ),
            role=row["role"],
            asked_at=models.a_moment(row["asked_at_s"]),
            expires_at=models.a_moment(row["expires_at_s"]),
            walk_min=walk_min,
            distance_m=_coarse_m(row["distance_m"]),
            open=is_open,
        )
        if not is_open:
            view.end_words = wording.of_end(row["end_reason"])
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
        view.drone = drone_views.for_responder(state, row["alert_id"], self._parts.clock())
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


def _others(state: Incident, alert_id: int) -> int:
    return sum(
        alert.status in ASSIGNED_STATUSES and alert.alert_id != alert_id for alert in state.alerts
    )


def _drone_down(state: Incident, by: int | None) -> DroneTask | None:
    """A drone's AED that is on the ground or taken; ``by``: only that of this alert."""
    there = (DroneStatus.DELIVERED, DroneStatus.TAKEN)
    tasks = () if state.drones is None else state.drones.tasks
    found = (task for task in tasks if task.status in there)
    return next((task for task in found if by is None or task.taken_by == by), None)


def _coarse_m(distance_m: float | None) -> int | None:
    if distance_m is None:
        return None
    return max(1, round(distance_m / DISTANCE_STEP_M)) * DISTANCE_STEP_M


def _name(responder_id: int) -> str:
    return f"responder:{responder_id}"
