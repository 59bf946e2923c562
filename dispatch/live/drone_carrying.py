"""Carries out what the core commands about drones: claims, and orders to their operator.

Who operates them is an outside system. Nothing here waits for it: a search that nobody answers is
ended by the core's timer, and people are asked all the while.
"""

from __future__ import annotations

import sqlalchemy as sa

from dispatch.commands import EndDrone, FindDrones, LaunchDrone, ReadyDrone, RecallDrone
from dispatch.config import Policy
from dispatch.events import DroneRefused, DronesFound
from dispatch.live import drone_orders
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.stream import Stream
from dispatch.model import DronePassed, Incident, Resource

IN_SERVICE = "in_service"
_claim, _drone = schema.claim, schema.drone


class DroneCarrier:
    """Carries out the commands about drones of one transaction for one incident."""

    def __init__(
        self, stream: Stream, tx: Tx, incident_id: str, policy: Policy, now_s: float
    ) -> None:
        self._stream = stream
        self._tx = tx
        self._id = incident_id
        self._policy = policy
        self._now_s = now_s

    def find(self, command: FindDrones) -> DronesFound | None:
        """Ask the operator; the answer at once where no drone is in service."""
        drones = self._tx.rows(sa.select(_drone.c.drone_id, _drone.c.status))
        if not any(row["status"] == IN_SERVICE for row in drones):
            passed = tuple(DronePassed(row["drone_id"], "not_in_service") for row in drones)
            return DronesFound(command.query.query_id, (), passed)
        query = command.query
        self._order(
            "find",
            query.query_id,
            useful_until_s=self._now_s + self._policy.drones.answer_within_s,
            place=[query.lat, query.lon],
            exclude=list(query.exclude),
        )
        return None

    def begin(self, command: ReadyDrone | LaunchDrone, state: Incident) -> DroneRefused | None:
        """Claim the drone unless it is this task's already, and pass the word on."""
        refusal = self._claim_drone(command.task_id, command.drone_id)
        if refusal:
            return DroneRefused(command.task_id, refusal)
        kind = "ready" if isinstance(command, ReadyDrone) else "launch"
        place = [state.lat, state.lon]
        self._order(kind, command.task_id, drone_id=command.drone_id, place=place)
        return None

    def recall(self, command: RecallDrone) -> None:
        """Tell the operator that nothing is to be brought any more."""
        self._order("recall", command.task_id, drone_id=command.drone_id, reason=command.reason)

    def take(self, task_id: int, drone_id: int, by: str) -> None:
        """Tell the operator who comes for the AED: a volunteer or a bystander, nothing more."""
        self._order("take", task_id, drone_id=drone_id, by=by)

    def end(self, command: EndDrone) -> None:
        """Free the drone; its operator hears of every task that it was told to begin."""
        mine = drone_orders.claimed_by(self._id, command.task_id)
        if self._tx.run(sa.delete(_claim).where(mine)).rowcount:
            reason = command.reason or command.outcome.value
            self._order("end", command.task_id, drone_id=command.drone_id, reason=reason)

    def _claim_drone(self, task_id: int, drone_id: int) -> str:
        """Claim it with one guarded write; returns why not, or ""."""
        mine = drone_orders.claimed_by(self._id, task_id)
        if self._tx.value(sa.select(_claim.c.resource_id).where(mine)) == drone_id:
            return ""
        status = self._tx.value(sa.select(_drone.c.status).where(_drone.c.drone_id == drone_id))
        if status != IN_SERVICE:
            return "not_in_service"
        won = self._tx.insert_new(
            _claim,
            kind=Resource.DRONE.value,
            resource_id=drone_id,
            incident_id=self._id,
            alert_id=-task_id,
            at_s=self._now_s,
        )
        return "" if won else "claimed"

    def _order(self, kind: str, number: int, **facts: object) -> None:
        drone_orders.write(
            self._tx,
            self._stream,
            self._now_s,
            kind,
            self._id,
            number,
            **facts,  # type: ignore[arg-type]
        )
