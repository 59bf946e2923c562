"""Checks a database that is not in use: integrity, audit chain, promises, and the log replayed.

Replay is a check and no cure: the events of every incident go through the core again, and where
the commands or the last snapshot differ, that is reported.
"""

from __future__ import annotations

import sqlalchemy as sa
from msgspec import Struct

from dispatch.config import parse_policy
from dispatch.errors import DispatchError
from dispatch.lifecycle import CORE_VERSION, Core
from dispatch.live import audit, coding
from dispatch.live.store import schema
from dispatch.live.store.engine import Store, Tx
from dispatch.model import (
    ASSIGNED_STATUSES,
    OPEN_DRONES,
    OPEN_STATUSES,
    RECALLABLE_DRONES,
    Incident,
    Resource,
)

MOST = 100


class Findings(Struct, frozen=True):
    """What a check found; ``faults`` empty means that all is well."""

    incidents: int
    events: int
    older_core: int  # events decided by another version of the core: reported, no fault
    audit_rows: int
    audit_head: str
    faults: tuple[str, ...]


def verify(store: Store, head: str | None = None) -> Findings:
    """Check everything. ``head``: an audit hash noted elsewhere that must be in the chain."""
    return store.transact(lambda tx: _verify(tx, head))


def _verify(tx: Tx, head: str | None) -> Findings:
    faults = _integrity(tx)
    chain = audit.check(tx)
    if chain.broken_at is not None:
        faults.append(f"audit: row {chain.broken_at} does not fit the chain")
    if head is not None and not _has_hash(tx, head):
        faults.append("audit: the head that you gave is not in the chain: rows are missing")
    cores = _cores(tx, faults)
    events = older = incidents = 0
    for row in tx.rows(sa.select(schema.incident).order_by(schema.incident.c.created_at_s)):
        incidents += 1
        seen, old = _replay(tx, row, cores, faults)
        events, older = events + seen, older + old
    faults += _promises(tx)
    return Findings(incidents, events, older, chain.rows, chain.head, tuple(faults[:MOST]))


def _integrity(tx: Tx) -> list[str]:
    if tx.connection.dialect.name != "sqlite":
        return []
    answer = tx.value(sa.text("PRAGMA integrity_check"))
    return [] if answer == "ok" else [f"database: {answer}"]


def _has_hash(tx: Tx, head: str) -> bool:
    found = sa.select(schema.audit.c.seq).where(schema.audit.c.hash == head)
    return head == audit.START or tx.value(found) is not None


def _cores(tx: Tx, faults: list[str]) -> dict[str, Core]:
    cores = {}
    for row in tx.rows(sa.select(schema.policy)):
        try:
            policy = parse_policy(
                row["content"].encode(), name=row["name"], file=f"{row['name']}.toml"
            )
        except DispatchError as error:
            faults.append(f"policy {row['policy_id']}: {error}")
            continue
        cores[row["policy_id"]] = Core(policy)
    return cores


def _replay(
    tx: Tx, row: sa.RowMapping, cores: dict[str, Core], faults: list[str]
) -> tuple[int, int]:
    """Replay one incident; returns how many events it has, and how many an older core decided."""
    incident_id = row["incident_id"]
    core = cores.get(row["policy_id"])
    if core is None:
        faults.append(f"incident {incident_id}: its policy is not known")
        return 0, 0
    event = schema.event
    rows = tx.rows(sa.select(event).where(event.c.incident_id == incident_id).order_by(event.c.seq))
    state: Incident | None = None
    older = 0
    for number, logged in enumerate(rows, start=1):
        if logged["seq"] != number:
            faults.append(f"incident {incident_id}: event {number} is missing")
            return len(rows), older
        happened = coding.decode_event(logged["body"], logged["schema_version"])
        state, commands = core.step(state, happened, logged["now_s"])
        if logged["core_version"] != CORE_VERSION:
            older += 1
        elif coding.encode(commands) != logged["commands"]:
            faults.append(f"incident {incident_id}: event {number}: other commands on replay")
            return len(rows), older
    kept = coding.decode_incident(row["snapshot"], row["schema_version"])
    if state != kept and not older:
        faults.append(f"incident {incident_id}: another state on replay")
    return len(rows), older


def _promises(tx: Tx) -> list[str]:
    """What must hold at any moment between two transactions."""
    faults = []
    timer, alert, claim = schema.timer, schema.alert, schema.claim
    for row in tx.rows(sa.select(schema.incident).where(schema.incident.c.is_open)):
        incident_id = row["incident_id"]
        timers = tx.value(
            sa.select(sa.func.count()).select_from(timer).where(timer.c.incident_id == incident_id)
        )
        if not timers and row["attention"] is None:
            faults.append(f"incident {incident_id}: open, without a timer or a flag for control")
        state = coding.decode_incident(row["snapshot"], row["schema_version"])
        policy_places = _places(tx, row["policy_id"])
        going = sum(a.status in ASSIGNED_STATUSES for a in state.alerts)
        if policy_places is not None and going > policy_places:
            faults.append(f"incident {incident_id}: {going} on the way for {policy_places} places")
    open_ = [status.value for status in OPEN_STATUSES]
    doubly = tx.rows(
        sa.select(alert.c.responder_id, sa.func.count().label("n"))
        .where(alert.c.status.in_(open_) & alert.c.ended_at_s.is_(None))
        .group_by(alert.c.responder_id)
        .having(sa.func.count() > 1)
    )
    faults += [f"responder {row['responder_id']}: {row['n']} alerts at once" for row in doubly]
    orphans = tx.rows(
        sa.select(claim).where(
            (claim.c.kind != Resource.DRONE.value)
            & ~sa.exists().where(
                (alert.c.incident_id == claim.c.incident_id)
                & (alert.c.alert_id == claim.c.alert_id)
                & alert.c.ended_at_s.is_(None)
            )
        )
    )
    faults += [f"{row['kind']} {row['resource_id']}: claimed for nothing" for row in orphans]
    return faults + _drone_claims(tx)


def _drone_claims(tx: Tx) -> list[str]:
    """Every task of a drone that has not delivered holds it; only an open task does."""
    claim, incident = schema.claim, schema.incident
    held = {
        (row["incident_id"], -row["alert_id"], row["resource_id"])
        for row in tx.rows(sa.select(claim).where(claim.c.kind == Resource.DRONE.value))
    }
    tasks, must = set(), set()
    for row in tx.rows(sa.select(incident).where(incident.c.is_open)):
        state = coding.decode_incident(row["snapshot"], row["schema_version"])
        for task in () if state.drones is None else state.drones.tasks:
            key = (state.incident_id, task.task_id, task.drone_id)
            if task.status in OPEN_DRONES:
                tasks.add(key)
            if task.status in RECALLABLE_DRONES:
                must.add(key)
    faults = [f"drone {drone}: claimed for nothing" for _, __, drone in sorted(held - tasks)]
    return faults + [f"drone {drone}: sent unclaimed" for _, __, drone in sorted(must - held)]


def _places(tx: Tx, policy_id: str) -> int | None:
    row = tx.row(sa.select(schema.policy).where(schema.policy.c.policy_id == policy_id))
    if row is None:
        return None
    return parse_policy(row["content"].encode(), name=row["name"], file="policy").places
