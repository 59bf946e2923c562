"""Drones as control and volunteers see them."""

from __future__ import annotations

import sqlalchemy as sa

from dispatch import explain
from dispatch.live.api import models
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.model import OPEN_DRONES, DroneStatus, DroneTask, Incident, TimerKind

_FETCH = (
    "A drone has put a defibrillator (AED) down close by. Fetch it if somebody else goes on with"
    " CPR, or if you are not the one who is giving it."
)


def of_incident(tx: Tx, state: Incident, now_s: float) -> models.DroneSideView | None:
    """What control sees about drones; None where the policy uses none."""
    side = state.drones
    if side is None:
        return None
    bases = _bases(tx, {task.drone_id for task in side.tasks})
    flying = any(task.status in OPEN_DRONES for task in side.tasks)
    return models.DroneSideView(
        age_years=side.age_years,
        trauma=side.trauma,
        no_delivery=side.no_delivery,
        hands=side.hands,
        aed_attached=side.aed_attached,
        searching=(TimerKind.DRONES, side.query_id) in state.timers,
        why_none=explain.words(side.note) if side.note and not flying else None,
        tasks=[_row(task, state, bases.get(task.drone_id, ""), now_s) for task in side.tasks],
    )


def for_responder(state: Incident, alert_id: int, now_s: float) -> models.DroneForResponder | None:
    """What somebody who is going is told of a drone; None: none is on its way or there."""
    tasks = () if state.drones is None else state.drones.tasks
    task = next((t for t in tasks if t.status in _SHOWN), None)
    if task is None:
        return None
    fetch = task.status is DroneStatus.DELIVERED and task.taken_by == alert_id
    due_min = None
    if task.status is DroneStatus.IN_FLIGHT and task.due_at_s is not None:
        due_min = max(1, round((task.due_at_s - now_s) / 60.0))
    words = _FETCH if fetch else _SHOWN[task.status]
    return models.DroneForResponder(
        status=task.status.value,
        fetch=fetch,
        due_min=due_min,
        words=words.format(due_min=due_min or 1),
    )


_SHOWN = {
    DroneStatus.IN_FLIGHT: "A drone brings a defibrillator (AED), about {due_min} min.",
    DroneStatus.DELIVERED: "A drone has put a defibrillator (AED) down close by.",
    DroneStatus.TAKEN: "Somebody has the defibrillator (AED) that a drone brought.",
}


def _bases(tx: Tx, drone_ids: set[int]) -> dict[int, str]:
    if not drone_ids:
        return {}
    drone = schema.drone
    rows = tx.rows(sa.select(drone.c.drone_id, drone.c.base).where(drone.c.drone_id.in_(drone_ids)))
    return {row["drone_id"]: row["base"] for row in rows}


def _row(task: DroneTask, state: Incident, base: str, now_s: float) -> models.DroneRow:
    return models.DroneRow(
        task_id=task.task_id,
        drone_id=task.drone_id,
        base=base,
        status=task.status.value,
        eta_s=round(task.eta_s),
        begun_at=models.a_moment(task.begun_at_s),
        told_to_go_at=models.moment(task.told_to_go_at_s),
        due_at=models.moment(task.due_at_s),
        taken_by=task.taken_by,
        ended_at=models.moment(task.ended_at_s),
        end_reason=task.end_reason,
        words=_words(task, state, now_s),
    )


def _words(task: DroneTask, state: Incident, now_s: float) -> str:
    """Return e.g. "in the air, AED expected 03:14", in the patient's local time."""

    def clock(at_s: float | None) -> str:
        minutes = int(((at_s or 0.0) + state.utc_offset_s) // 60) % 1440
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    if task.ended_at_s is not None:
        return f"{clock(task.ended_at_s)} {explain.words(task.end_reason)}"
    if task.status is DroneStatus.TAKEN:
        return "somebody has the AED" if task.taken_by is None else f"alert {task.taken_by} has it"
    if task.status is DroneStatus.DELIVERED:
        return f"AED on the ground {clock(task.due_at_s)}, {_fetched_by(task)}"
    if task.status is DroneStatus.IN_FLIGHT:
        late = task.due_at_s is not None and now_s > task.due_at_s
        news = "no news since it was due" if late else "in the air"
        return f"{news}, AED expected {clock(task.due_at_s)}"
    what = "ready" if task.status is DroneStatus.READY else "being made ready"
    if task.told_to_go_at_s is None:
        return f"{what} since {clock(task.begun_at_s)}, waits for the word"
    return f"told to go {clock(task.told_to_go_at_s)}, {what}"


def _fetched_by(task: DroneTask) -> str:
    if task.taken_by is not None:
        return f"alert {task.taken_by} is to fetch it"
    return "somebody there is to fetch it" if task.told_to_take else "nobody is there to fetch it"
