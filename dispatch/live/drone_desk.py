"""What the operator of drones asks of the service: orders and open tasks out, answers and news in.

Whatever it says is checked, and what comes late, twice or out of order changes nothing and is no
fault. It learns where to fly and nothing else of the call.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from dispatch import explain
from dispatch.events import (
    DroneAedTaken,
    DroneDelivered,
    DroneEtaChanged,
    DroneLaunched,
    DroneLost,
    DroneReady,
    DroneRefused,
    DronesFailed,
    DronesFound,
    Event,
)
from dispatch.live import coding, drone_orders
from dispatch.live.api import models
from dispatch.live.drone_carrying import IN_SERVICE
from dispatch.live.errors import NotFound
from dispatch.live.parts import Parts
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.telling import DRONE_OVERDUE, OUTSIDE_REGION
from dispatch.model import (
    RECALLABLE_DRONES,
    DroneOption,
    DronePassed,
    DroneStatus,
    DroneTask,
    Incident,
    Resource,
)

OVERDUE_S = 60.0  # past what was expected, with no news (assumption)
SILENT_S = 60.0  # an operator that waits for orders asks every half minute (assumption)
_drone, _claim, _incident = schema.drone, schema.claim, schema.incident


class DroneDesk:
    """The use cases of the operator. Every method but ``silence`` runs inside a transaction."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._heard_at_s: float | None = None
        self._told: set[tuple[str, int, float]] = set()  # overdue tasks that control knows of

    # --- out ----------------------------------------------------------------------------------

    def orders(self, tx: Tx, after: int) -> models.DroneOrders:
        """Return what is asked and told after an order's number."""
        self._heard_at_s = now_s = self._parts.clock()
        return drone_orders.after(tx, after, now_s)

    def tasks(self, tx: Tx) -> models.DroneTasks:
        """Return every open task, and from where to ask for orders."""
        self._heard_at_s = self._parts.clock()
        return models.DroneTasks(
            tasks=[_shown(*each) for each in _open_tasks(tx)], next_after=drone_orders.latest(tx)
        )

    # --- in -----------------------------------------------------------------------------------

    def answer(
        self, tx: Tx, incident_id: str, search_id: int, given: models.DronesFoundIn, actor: str
    ) -> models.DroneTaken:
        """Take the answer to a search; drones that may not go now are left out, with the reason.

        Raises:
            NotFound: there is no such incident or it never asked that.
        """
        side = self._parts.runtime.state(tx, incident_id).drones
        if side is None or not 1 <= search_id <= side.query_id:
            raise NotFound("no_such_search", "there is no such search")
        if given.failed is not None:
            return self._tell(tx, incident_id, DronesFailed(search_id, given.failed), actor)
        options, passed = self._checked(tx, given)
        return self._tell(tx, incident_id, DronesFound(search_id, options, passed), actor)

    def news(
        self, tx: Tx, incident_id: str, task_id: int, given: models.DroneNewsIn, actor: str
    ) -> models.DroneTaken:
        """Take what became of a task.

        Raises:
            NotFound: there is no such incident or task.
        """
        side = self._parts.runtime.state(tx, incident_id).drones
        if side is None or not 1 <= task_id <= len(side.tasks):
            raise NotFound("no_such_task", "there is no such task")
        return self._tell(tx, incident_id, _event_of(task_id, given), actor)

    def _tell(self, tx: Tx, incident_id: str, event: Event, actor: str) -> models.DroneTaken:
        self._heard_at_s = self._parts.clock()
        applied = self._parts.runtime.apply(tx, incident_id, event, actor)
        why_not = explain.words(applied.ignored) if applied.ignored else None
        return models.DroneTaken(taken=why_not is None, why_not=why_not)

    def _checked(
        self, tx: Tx, given: models.DronesFoundIn
    ) -> tuple[tuple[DroneOption, ...], tuple[DronePassed, ...]]:
        """Options that the service may take up now, the soonest first, and the others."""
        status = dict(self._statuses(tx))
        held = {
            row["resource_id"]
            for row in tx.rows(
                sa.select(_claim.c.resource_id).where(_claim.c.kind == Resource.DRONE.value)
            )
        }
        options: dict[int, DroneOption] = {}
        passed = [DronePassed(one.drone_id, one.reason) for one in given.passed]
        for one in sorted(given.options, key=lambda o: (o.eta_s, o.drone_id)):
            if status.get(one.drone_id) != IN_SERVICE:
                passed.append(DronePassed(one.drone_id, "not_in_service"))
            elif one.drone_id in held:
                passed.append(DronePassed(one.drone_id, "busy"))
            else:
                option = DroneOption(one.drone_id, one.eta_s, one.granted_share, tuple(one.asks))
                options.setdefault(one.drone_id, option)
        return tuple(options.values()), tuple(passed)

    def _statuses(self, tx: Tx) -> Iterable[tuple[int, str]]:
        rows = tx.rows(sa.select(_drone.c.drone_id, _drone.c.status))
        return ((row["drone_id"], row["status"]) for row in rows)

    # --- what is not heard ------------------------------------------------------------------------

    def look_for_overdue(self, tx: Tx) -> None:
        """Tell control, once, of every drone that should have done more by now."""
        now_s = self._parts.clock()
        for state, task, _ in _open_tasks(tx):
            due_s = _expected_s(task)
            key = (state.incident_id, task.task_id, due_s or 0.0)
            if due_s is None or now_s <= due_s + OVERDUE_S or key in self._told:
                continue
            standing = _incident.c.attention
            free = standing.is_(None) | (standing != OUTSIDE_REGION)
            same = (_incident.c.incident_id == state.incident_id) & free
            tx.run(sa.update(_incident).where(same).values(attention=DRONE_OVERDUE))
            told = {"code": DRONE_OVERDUE, "detail": "", "attention": True}
            self._parts.stream.append(tx, now_s, "control.told", told, state.incident_id)
            tx.after(lambda key=key: self._told.add(key))  # type: ignore[misc]

    def silence(self, tx: Tx) -> str | None:
        """What to say where drones are in service and nobody fetches their orders."""
        counted = sa.select(sa.func.count()).select_from(_drone)
        if not tx.value(counted.where(_drone.c.status == IN_SERVICE)):
            return None
        heard_s, now_s = self._heard_at_s, self._parts.clock()
        if heard_s is not None and now_s - heard_s <= SILENT_S:
            return None
        return "the drones' operator does not fetch its orders: no drone will come"


def _event_of(task_id: int, given: models.DroneNewsIn) -> Event:
    due_at_s = 0.0 if given.due_at is None else given.due_at.timestamp()
    match given.news:
        case "ready":
            return DroneReady(task_id)
        case "refused":
            return DroneRefused(task_id, given.reason or "operator_refused")
        case "launched":
            return DroneLaunched(task_id, due_at_s)
        case "eta_changed":
            return DroneEtaChanged(task_id, due_at_s)
        case "delivered":
            return DroneDelivered(task_id)
        case "aed_taken":
            return DroneAedTaken(task_id)
        case "lost":
            return DroneLost(task_id, given.reason or "")


def _open_tasks(tx: Tx) -> list[tuple[Incident, DroneTask, str]]:
    """Every task that holds a drone: its incident, itself, and the drone's external id."""
    joined = sa.join(_claim, _incident, _claim.c.incident_id == _incident.c.incident_id)
    rows = tx.rows(
        sa.select(
            _claim.c.alert_id,
            _drone.c.external_id,
            _incident.c.snapshot,
            _incident.c.schema_version,
        )
        .select_from(sa.join(joined, _drone, _claim.c.resource_id == _drone.c.drone_id))
        .where(_claim.c.kind == Resource.DRONE.value)
        .order_by(_claim.c.at_s, _claim.c.resource_id)
    )
    found = []
    for row in rows:
        state = coding.decode_incident(row["snapshot"], row["schema_version"])
        assert state.drones is not None
        found.append((state, state.drones.tasks[-row["alert_id"] - 1], row["external_id"]))
    return found


def _expected_s(task: DroneTask) -> float | None:
    """When its AED should be on the ground; None: it is, or nobody has told it to go."""
    if task.status is DroneStatus.IN_FLIGHT:
        return task.due_at_s
    if task.status not in RECALLABLE_DRONES or task.told_to_go_at_s is None:
        return None
    return task.told_to_go_at_s + task.eta_s


def _shown(state: Incident, task: DroneTask, external_id: str) -> models.DroneTaskOut:
    due_at_s = task.due_at_s if task.status is DroneStatus.IN_FLIGHT else None
    return models.DroneTaskOut(
        incident_id=state.incident_id,
        task_id=task.task_id,
        drone_id=task.drone_id,
        external_id=external_id,
        status=task.status.value,
        told_to_go=task.told_to_go_at_s is not None,
        location=models.Place(lat=state.lat, lon=state.lon),
        due_at=models.moment(due_at_s),
    )
