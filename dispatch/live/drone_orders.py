"""What the operator of drones is asked and told: numbered rows that it fetches in order.

An order is written in the transaction that decided it, so nothing can be fetched before that is on
disk. It is shown only while it is of use: a search until its answer would be late, a word to
prepare or launch while the drone is claimed for that task.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from dispatch.live.api import models
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.stream import Stream
from dispatch.model import Resource

AT_ONCE = 200
_order, _claim, _drone = schema.drone_order, schema.claim, schema.drone
_WHILE_CLAIMED = ("ready", "launch")


def write(
    tx: Tx,
    stream: Stream,
    at_s: float,
    kind: str,
    incident_id: str,
    number: int,
    *,
    drone_id: int | None = None,
    useful_until_s: float | None = None,
    **body: Any,
) -> None:
    """Add one order; whoever waits for orders is woken once it is on disk."""
    tx.insert(
        _order,
        at_s=at_s,
        kind=kind,
        incident_id=incident_id,
        number=number,
        drone_id=drone_id,
        useful_until_s=useful_until_s,
        body=json.dumps(body),
    )
    tx.after(stream.wake)


def after(tx: Tx, number: int, now_s: float) -> models.DroneOrders:
    """Return the orders after ``number`` that are still of use, oldest first."""
    rows = tx.rows(
        sa.select(_order, _drone.c.external_id)
        .select_from(sa.outerjoin(_order, _drone, _order.c.drone_id == _drone.c.drone_id))
        .where(_order.c.order_id > number)
        .order_by(_order.c.order_id)
        .limit(AT_ONCE)
    )
    useful = [row for row in rows if _is_of_use(tx, row, now_s)]
    last = rows[-1]["order_id"] if rows else number
    return models.DroneOrders(orders=[_shown(row) for row in useful], next_after=last)


def latest(tx: Tx) -> int:
    """Return the number of the newest order, 0 if there is none."""
    return int(tx.value(sa.select(sa.func.max(_order.c.order_id))) or 0)


def claimed_by(incident_id: str, task_id: int) -> sa.ColumnElement[bool]:
    """Return the condition for the claim of a task: its alert id is negative."""
    return (
        (_claim.c.kind == Resource.DRONE.value)
        & (_claim.c.incident_id == incident_id)
        & (_claim.c.alert_id == -task_id)
    )


def _is_of_use(tx: Tx, row: sa.RowMapping, now_s: float) -> bool:
    if row["useful_until_s"] is not None:
        return bool(now_s <= row["useful_until_s"])
    if row["kind"] not in _WHILE_CLAIMED:
        return True
    mine = claimed_by(row["incident_id"], row["number"])
    return tx.value(sa.select(_claim.c.at_s).where(mine)) is not None


def _shown(row: sa.RowMapping) -> models.DroneOrder:
    body = json.loads(row["body"])
    is_search = row["kind"] == "find"
    place = body.get("place")
    return models.DroneOrder(
        order_id=row["order_id"],
        at=models.a_moment(row["at_s"]),
        kind=row["kind"],
        incident_id=row["incident_id"],
        search_id=row["number"] if is_search else None,
        task_id=None if is_search else row["number"],
        drone_id=row["drone_id"],
        external_id=row["external_id"],
        location=None if place is None else models.Place(lat=place[0], lon=place[1]),
        exclude=body.get("exclude", []),
        answer_by=models.moment(row["useful_until_s"]),
        by=body.get("by"),
        reason=body.get("reason", ""),
    )
