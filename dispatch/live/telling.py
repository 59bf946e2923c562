"""What control and phones read of one incident: rows of alerts, and the stream."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from dispatch.commands import TakeFromDrone, TellControl
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.stream import Stream
from dispatch.model import (
    ASSIGNED_STATUSES,
    OPEN_STATUSES,
    Alert,
    DroneStatus,
    DroneTask,
    Incident,
    Phase,
    Role,
)

INFORMATION = frozenset({"held", "straight_line_times", "drone_launched", "drone_delivered"})
"""What control is told for information; everything else needs a person's attention."""

TELL_THE_CALLER = "tell_the_caller_to_fetch_the_aed"
"""Nobody but a bystander can fetch a drone's AED, and only control is on the phone to them."""

DRONE_OVERDUE = "drone_overdue"
"""Nothing was heard of a drone that should have done more by now."""

OUTSIDE_REGION = "outside_region"
NOT_LISTED = "code_not_listed"
AMBULANCE_TIME = "ambulance_time_not_plausible"
POSSIBLE_DUPLICATE = "possible_duplicate"
STAYS = frozenset({OUTSIDE_REGION, AMBULANCE_TIME, POSSIBLE_DUPLICATE})
"""What a person must still look at when the incident goes on. A wrong place outranks the rest:
that nobody is near follows from it."""

TAKEN_OFF = "responder_taken_off"
"""Somebody who was going was suspended or has left: they were told to stop."""

NOBODY_COMING = "nobody_coming"
NO_AED_TO_COME = "no_aed_to_come"

_alert = schema.alert
_incident = schema.incident


def raise_attention(
    tx: Tx, stream: Stream, incident_id: str, code: str, detail: str, now_s: float
) -> None:
    """Ask a person at control to look; a reason that stands already stays."""
    quiet = (_incident.c.incident_id == incident_id) & _incident.c.attention.is_(None)
    tx.run(sa.update(_incident).where(quiet & _incident.c.is_open).values(attention=code))
    told = {"code": code, "detail": detail, "attention": True}
    stream.append(tx, now_s, "control.told", told, incident_id)


class Teller:
    """Keeps rows and stream of one incident in line with its state, within one transaction.

    ``attention``: why a person at control must look, or None.
    """

    def __init__(
        self, stream: Stream, tx: Tx, incident_id: str, now_s: float, attention: str | None
    ) -> None:
        self._stream = stream
        self._tx = tx
        self._id = incident_id
        self.now_s = now_s
        self.attention = attention

    def control(self, command: TellControl) -> None:
        """Something that control should see."""
        self._tell(command.code, command.detail, attention=command.code not in INFORMATION)

    def take_from_drone(self, command: TakeFromDrone) -> None:
        """Somebody is to fetch a drone's AED; a bystander hears so from control only."""
        by_phone = command.alert_id is None
        told = {"task_id": command.task_id, "drone_id": command.drone_id}
        self._append("drone.to_be_taken", {**told, "alert_id": command.alert_id})
        if by_phone:
            self._tell(TELL_THE_CALLER, "", attention=True)

    def _tell(self, code: str, detail: str, *, attention: bool) -> None:
        if attention and self.attention != OUTSIDE_REGION:
            self.attention = code
        self._append("control.told", {"code": code, "detail": detail, "attention": attention})

    def alert(self, kind: str, alert: Alert) -> None:
        """An alert changed; people are named by id, and nobody's place."""
        told: dict[str, Any] = {
            "alert_id": alert.alert_id,
            "responder_id": alert.responder_id,
            "role": alert.role.value,
            "status": alert.status.value,
        }
        if alert.status in OPEN_STATUSES:
            told["eta_s"] = round(alert.eta_s)
        self._append(kind, told)

    def phase(self, before: Incident | None, state: Incident) -> None:
        """The phase may have changed."""
        if before is not None and before.phase is state.phase:
            self._tell_if_alone_again(before, state)
            return
        if state.phase not in (Phase.EXHAUSTED, Phase.HELD) and self.attention not in STAYS:
            self.attention = None
        self._append("incident.phase", {"phase": state.phase.value, "reason": state.end_reason})

    def _tell_if_alone_again(self, before: Incident, state: Incident) -> None:
        """The last who was going gives up, and nobody is left to ask."""
        if state.phase is Phase.EXHAUSTED and _going(before) and not _going(state):
            self._tell(NOBODY_COMING, "0 going", attention=True)

    def drones(self, before: Incident | None, state: Incident) -> None:
        """Tell of every drone's task that has begun or stands elsewhere now."""
        old = _tasks(before)
        for number, task in enumerate(_tasks(state)):
            if number >= len(old) or old[number].status is not task.status:
                self._append(f"drone.{task.status.value}", _of_task(task))
                self._settle_attention(task)
            elif old[number].due_at_s != task.due_at_s:
                self._append("drone.eta_changed", _of_task(task))

    def _settle_attention(self, task: DroneTask) -> None:
        """Something was heard: what a person had to look at for want of it is settled."""
        heard = {DRONE_OVERDUE}
        if task.status is not DroneStatus.DELIVERED:
            heard.add(TELL_THE_CALLER)
        if self.attention in heard:
            self.attention = None

    def alerts(self, before: Incident | None, state: Incident) -> None:
        """Bring the rows of alerts that exist already to the state of their alerts."""
        old = before.alerts if before is not None else ()
        for was, alert in zip(old, state.alerts, strict=False):
            if was is not alert and was != alert:
                self._bring(was, alert)
        self._settle_coming(state)

    def _settle_coming(self, state: Incident) -> None:
        """Somebody is going after all: what a person had to look at for want of them is settled."""
        going = _going(state)
        by_aed = any(alert.role is Role.AED and alert.aed_id is not None for alert in going)
        if (self.attention == NOBODY_COMING and going) or (
            self.attention == NO_AED_TO_COME and by_aed
        ):
            self.attention = None

    def _bring(self, was: Alert, alert: Alert) -> None:
        values: dict[str, Any] = {
            "status": alert.status.value,
            "role": alert.role.value,
            "aed_id": alert.aed_id,
            "eta_s": alert.eta_s,
            "accepted_at_s": alert.accepted_at_s,
            "assigned": alert.status in ASSIGNED_STATUSES,
        }
        if was.status is not alert.status:
            values["status_at_s"] = self.now_s
            self.alert(f"alert.{alert.status.value}", alert)
        mine = (_alert.c.incident_id == self._id) & (_alert.c.alert_id == alert.alert_id)
        self._tx.run(sa.update(_alert).where(mine).values(values))

    def _append(self, kind: str, body: dict[str, Any]) -> None:
        self._stream.append(self._tx, self.now_s, kind, body, self._id)


def _going(state: Incident) -> list[Alert]:
    return [alert for alert in state.alerts if alert.status in ASSIGNED_STATUSES]


def _tasks(state: Incident | None) -> tuple[DroneTask, ...]:
    return () if state is None or state.drones is None else state.drones.tasks


def _of_task(task: DroneTask) -> dict[str, Any]:
    told: dict[str, Any] = {
        "task_id": task.task_id,
        "drone_id": task.drone_id,
        "status": task.status.value,
    }
    if task.due_at_s is not None and task.ended_at_s is None:
        told["due_at_s"] = round(task.due_at_s)
    if task.end_reason:
        told["reason"] = task.end_reason
    return told
