"""What control and phones read of one incident: rows of alerts, and the stream."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from dispatch.commands import TellControl
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.stream import Stream
from dispatch.model import ASSIGNED_STATUSES, OPEN_STATUSES, Alert, Incident, Phase

INFORMATION = frozenset({"held", "straight_line_times", "drone_launched", "drone_delivered"})
"""What control is told for information; everything else needs a person's attention."""

_alert = schema.alert


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
        if command.code not in INFORMATION:
            self.attention = command.code
        self._append("control.told", {"code": command.code, "detail": command.detail})

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
            return
        if state.phase not in (Phase.EXHAUSTED, Phase.HELD):
            self.attention = None
        self._append("incident.phase", {"phase": state.phase.value, "reason": state.end_reason})

    def alerts(self, before: Incident | None, state: Incident) -> None:
        """Bring the rows of alerts that exist already to the state of their alerts."""
        old = before.alerts if before is not None else ()
        for was, alert in zip(old, state.alerts, strict=False):
            if was is not alert and was != alert:
                self._bring(was, alert)

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
