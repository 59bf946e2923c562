"""Stopping and resuming: brakes put on and taken off, and every open incident brought into line."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from dispatch.events import HoldLifted, HoldPlaced
from dispatch.live import brakes, coding, places, rings
from dispatch.live.api import models
from dispatch.live.errors import Conflict, Invalid, NotFound
from dispatch.live.parts import Parts
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.model import HoldKind, Incident

LONGEST_STOP_S = 7 * 86400.0  # whoever needs longer decides again (assumption)
_incident = schema.incident


class Braking:
    """The use cases of the brake. Every method runs inside a transaction."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def stop(self, tx: Tx, stop: models.StopIn, actor: str) -> models.BrakeOut:
        """Stop all alerting (``StopIn``) or within an area (``AreaIn``).

        Raises:
            Invalid: a stop of more than seven days, or an area that would protect nothing.
        """
        now_s = self._parts.clock()
        area = self._area(stop) if isinstance(stop, models.AreaIn) else None
        if area is None and stop.expires_at.timestamp() > now_s + LONGEST_STOP_S:
            raise Invalid("expires_at", "expected a moment within 7 days")
        brake_id = self._parts.new_id()
        brakes.place(
            tx,
            brake_id,
            area=area,
            reason=stop.reason,
            person=stop.person,
            by=actor,
            now_s=now_s,
            expires_at_s=stop.expires_at.timestamp(),
        )
        kind = "alerting.stopped" if area is None else "alerting.area"
        told = {"brake_id": brake_id, "reason": stop.reason, "person": stop.person}
        self._parts.stream.append(tx, now_s, kind, told)
        self.apply(tx, actor)
        placed = next(b for b in brakes.active(tx, now_s) if b["brake_id"] == brake_id)
        return brake_out(placed)

    def resume(self, tx: Tx, resume: models.ResumeIn, actor: str) -> models.BrakeList:
        """Take off one brake, or the only stop; returns what is still on."""
        now_s = self._parts.clock()
        on = brakes.active(tx, now_s)
        wanted = [
            brake["brake_id"]
            for brake in on
            if brake["brake_id"] == resume.brake_id
            or (resume.brake_id is None and brake["kind"] == "stop")
        ]
        if not wanted:
            raise NotFound("no_such_brake", "no such stop or area is in force")
        if len(wanted) > 1:
            raise Conflict("which_stop", "several stops are in force: name one by its brake_id")
        for brake_id in wanted:
            brakes.lift(tx, brake_id, person=resume.person, by=actor, now_s=now_s)
            told = {"brake_id": brake_id, "person": resume.person}
            self._parts.stream.append(tx, now_s, "alerting.resumed", told)
        self.apply(tx, actor)
        return self.in_force(tx)

    def in_force(self, tx: Tx) -> models.BrakeList:
        """Return the brakes in force."""
        on = brakes.active(tx, self._parts.clock())
        return models.BrakeList(brakes=[brake_out(brake) for brake in on])

    def _area(self, stop: models.AreaIn) -> list[tuple[float, float]]:
        """Return the corners of an area, checked."""
        corners = rings.corners(stop.area)
        region = self._parts.finder.region
        if region is not None and rings.is_beyond(corners, region.bounds):
            raise Invalid("area", places.bounds_words(region))
        return corners

    def apply(self, tx: Tx, actor: str) -> None:
        """Bring every open incident into line with the brakes in force."""
        now_s = self._parts.clock()
        on = brakes.active(tx, now_s)
        query = sa.select(_incident.c.incident_id, _incident.c.snapshot, _incident.c.schema_version)
        for row in tx.rows(query.where(_incident.c.is_open)):
            state = coding.decode_incident(row["snapshot"], row["schema_version"])
            self.apply_to(tx, state, brakes.holds_at(on, state.lat, state.lon), actor)

    def apply_to(self, tx: Tx, state: Incident, wanted: Collection[HoldKind], actor: str) -> None:
        """Bring one incident into line with the holds that are wanted for its place."""
        apply = self._parts.runtime.apply
        for kind in (HoldKind.ALERTING_STOPPED, HoldKind.NO_ALERT_AREA):
            if kind in wanted and kind not in state.holds:
                apply(tx, state.incident_id, HoldPlaced(kind, placed_by=actor), actor)
            elif kind not in wanted and kind in state.holds:
                apply(tx, state.incident_id, HoldLifted(kind, lifted_by=actor), actor)


def brake_out(brake: dict[str, Any]) -> models.BrakeOut:
    """Return a brake as it is shown."""
    return models.BrakeOut(
        brake_id=brake["brake_id"],
        kind=brake["kind"],
        area=brake["area"],
        reason=brake["reason"],
        person=brake["person"],
        placed_at=models.a_moment(brake["placed_at_s"]),
        expires_at=models.a_moment(brake["expires_at_s"]),
    )
