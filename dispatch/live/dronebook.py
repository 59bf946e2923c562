"""The registry of drones and their bases. One counts only while its operator says it may fly."""

from __future__ import annotations

import sqlalchemy as sa

from dispatch.live import audit
from dispatch.live.api import models
from dispatch.live.drone_carrying import IN_SERVICE
from dispatch.live.drone_lists import read_drones
from dispatch.live.errors import Conflict, Faulty, NotFound
from dispatch.live.parts import Parts
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.model import RECALLABLE_DRONES, Resource

_drone, _claim = schema.drone, schema.claim
_FACTS = ("base", "lat", "lon", "aircraft")


class DroneBook:
    """The use cases about the registry. Every method runs inside a transaction."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def put(self, tx: Tx, drone: models.DroneIn, actor: str) -> tuple[int, models.DroneOut]:
        """Add a drone, or change the one with that source and id; (HTTP status, view)."""
        drone_id, what = self._keep(tx, drone)
        audit.append(tx, self._parts.clock(), actor, f"drone.{what}", f"drone:{drone_id}")
        return (201 if what == "added" else 200), self.view(tx, drone_id)

    def take_list(self, tx: Tx, given: models.ImportIn, actor: str) -> models.ImportOut:
        """Take over a list, whole or not at all; raises ``Faulty`` with every fault."""
        listed, faults = read_drones(given.content, given.format, given.source[:40])
        if faults:
            raise Faulty(tuple(faults))
        counts = {"added": 0, "updated": 0, "unchanged": 0}
        for drone in listed:
            counts[self._keep(tx, drone)[1]] += 1
        audit.append(tx, self._parts.clock(), actor, "drone.import", given.source[:80], counts)
        return models.ImportOut(**counts)

    def set_service(
        self, tx: Tx, drone_id: int, given: models.DroneServiceIn, actor: str
    ) -> models.DroneOut:
        """The operator says that a drone may fly, or may not; a task under way goes on.

        A drone that has delivered and may fly again is free, although its incident goes on.
        """
        row = self._row(tx, drone_id)
        now_s = self._parts.clock()
        status = IN_SERVICE if given.in_service else "out_of_service"
        same = (row["status"], row["status_reason"]) == (status, given.reason)
        tx.run(
            sa.update(_drone)
            .where(_drone.c.drone_id == drone_id)
            .values(
                status=status,
                status_reason=given.reason,
                status_by=actor,
                status_at_s=now_s,
                updated_at_s=now_s,
            )
        )
        if given.in_service:
            self._free_if_back(tx, drone_id)
        if not same:
            audit.append(tx, now_s, actor, f"drone.{status}", f"drone:{drone_id}")
        return self.view(tx, drone_id)

    def remove(self, tx: Tx, drone_id: int, actor: str) -> None:
        """Take a drone out of the registry; raises ``Conflict`` while it is sent somewhere."""
        self._row(tx, drone_id)
        if self._is_busy(tx, drone_id):
            raise Conflict("drone_busy", "the drone is sent somewhere: wait for its task to end")
        tx.run(sa.delete(_drone).where(_drone.c.drone_id == drone_id))
        audit.append(tx, self._parts.clock(), actor, "drone.remove", f"drone:{drone_id}")

    def view(self, tx: Tx, drone_id: int) -> models.DroneOut:
        """Return a drone as it stands; raises ``NotFound``."""
        return _out(self._row(tx, drone_id), busy=self._is_busy(tx, drone_id))

    def listed(self, tx: Tx, after: int, limit: int) -> models.DroneList:
        """Return a page of drones by id."""
        query = sa.select(_drone).where(_drone.c.drone_id > after).order_by(_drone.c.drone_id)
        rows = tx.rows(query.limit(limit))
        busy = {
            row["resource_id"]
            for row in tx.rows(
                sa.select(_claim.c.resource_id).where(_claim.c.kind == Resource.DRONE.value)
            )
        }
        following = rows[-1]["drone_id"] if len(rows) == limit else None
        shown = [_out(row, busy=row["drone_id"] in busy) for row in rows]
        return models.DroneList(drones=shown, next_after=following)

    def _row(self, tx: Tx, drone_id: int) -> sa.RowMapping:
        row = tx.row(sa.select(_drone).where(_drone.c.drone_id == drone_id))
        if row is None:
            raise NotFound("no_such_drone", "there is no such drone")
        return row

    def _is_busy(self, tx: Tx, drone_id: int) -> bool:
        held = (_claim.c.kind == Resource.DRONE.value) & (_claim.c.resource_id == drone_id)
        return tx.value(sa.select(_claim.c.at_s).where(held)) is not None

    def _free_if_back(self, tx: Tx, drone_id: int) -> None:
        held = (_claim.c.kind == Resource.DRONE.value) & (_claim.c.resource_id == drone_id)
        row = tx.row(sa.select(_claim).where(held))
        if row is None:
            return
        side = self._parts.runtime.state(tx, row["incident_id"]).drones
        assert side is not None
        if side.tasks[-row["alert_id"] - 1].status not in RECALLABLE_DRONES:
            tx.run(sa.delete(_claim).where(held))

    def _keep(self, tx: Tx, drone: models.DroneIn) -> tuple[int, str]:
        """Add or update one row; a drone that stands elsewhere waits for its operator again."""
        now_s = self._parts.clock()
        lat, lon = drone.location.at()
        facts = {"base": drone.base, "lat": lat, "lon": lon, "aircraft": drone.aircraft}
        same = (_drone.c.source == drone.source) & (_drone.c.external_id == drone.external_id)
        row = tx.row(sa.select(_drone).where(same))
        waits = {"status": "out_of_service", "status_reason": "", "status_by": None}
        if row is None:
            drone_id = int(tx.value(sa.select(sa.func.max(_drone.c.drone_id))) or 0) + 1
            tx.insert(
                _drone,
                drone_id=drone_id,
                source=drone.source,
                external_id=drone.external_id,
                status_at_s=None,
                updated_at_s=now_s,
                **waits,
                **facts,
            )
            return drone_id, "added"
        if all(row[name] == facts[name] for name in _FACTS):
            return row["drone_id"], "unchanged"
        tx.run(sa.update(_drone).where(same).values(**facts, **waits, updated_at_s=now_s))
        return row["drone_id"], "updated"


def _out(row: sa.RowMapping, *, busy: bool) -> models.DroneOut:
    return models.DroneOut(
        drone_id=row["drone_id"],
        source=row["source"],
        external_id=row["external_id"],
        base=row["base"],
        location=models.Place(lat=row["lat"], lon=row["lon"]),
        aircraft=row["aircraft"],
        status=row["status"],
        status_reason=row["status_reason"],
        status_by=row["status_by"],
        status_at=models.moment(row["status_at_s"]),
        busy=busy,
    )
