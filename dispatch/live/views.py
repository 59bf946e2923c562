"""Incidents as control sees them: nobody's place but of those who are going."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

import sqlalchemy as sa

from dispatch import explain
from dispatch.config import Policy
from dispatch.live import coding, drone_views
from dispatch.live.api import models
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.model import ASSIGNED_STATUSES, AlertStatus, Incident, Phase
from geo.points import haversine_m

_ASKS = frozenset({Phase.SEARCHING, Phase.ALERTING, Phase.COVERED})
_THERE = frozenset({AlertStatus.ARRIVED, AlertStatus.WITH_PATIENT})
_PHASE_WORDS = {
    Phase.SUSPECTED: "suspected only: nobody is asked before control confirms",
    Phase.EXHAUSTED: "nobody is left to ask",
    Phase.CREW_ON_SCENE: "the ambulance is there",
    Phase.ENDED: "the incident has ended",
}
_SIGNS = {
    AlertStatus.MOVING: "set off",
    AlertStatus.HAS_AED: "has the AED",
    AlertStatus.ARRIVED: "at the scene",
    AlertStatus.WITH_PATIENT: "with the patient",
}


def incident_view(
    tx: Tx,
    row: sa.RowMapping,
    warning: str | None,
    now_s: float,
    possible_duplicates: Collection[str] = (),
) -> models.IncidentView:
    """Return the view of an incident's row; ``warning``: the line that must be seen."""
    state = coding.decode_incident(row["snapshot"], row["schema_version"])
    place = json.loads(row["place"])
    alerts = _alerts(tx, state)
    why_not = _why_not(state)
    return models.IncidentView(
        incident_id=row["incident_id"],
        source=row["source"],
        reference=row["reference"],
        version=row["reference_version"],
        code=row["code"],
        rule=row["rule"],
        flags=json.loads(row["flags"]),
        phase=state.phase.value,
        open=state.phase is not Phase.ENDED,
        alerting=state.phase in _ASKS,
        why_not_alerting=why_not,
        warning=warning,
        holds=[hold.value for hold in state.holds],
        scene=state.scene.value,
        cpr_in_progress=state.cpr_in_progress,
        location=models.Place(lat=state.lat, lon=state.lon),
        address=place["address"],
        access_notes=place["access_notes"],
        reported_at=models.a_moment(row["created_at_s"]),
        updated_at=models.a_moment(row["updated_at_s"]),
        ambulance_due_at=models.moment(state.ambulance_due_at_s),
        policy_id=row["policy_id"],
        attention=row["attention"],
        end_reason=state.end_reason,
        asked=len(state.alerts),
        said_yes=sum(alert.accepted_at_s is not None for alert in state.alerts),
        on_scene=sum(alert.status in _THERE for alert in state.alerts),
        alerts=alerts,
        drones=drone_views.of_incident(tx, state, now_s),
        possible_duplicates=list(possible_duplicates),
    )


def incident_list(tx: Tx, *, only_open: bool, limit: int) -> models.IncidentList:
    """Return the latest incidents, newest first."""
    incident = schema.incident
    query = sa.select(incident).order_by(incident.c.created_at_s.desc()).limit(limit)
    if only_open:
        query = query.where(incident.c.is_open)
    return models.IncidentList(
        incidents=[
            models.IncidentRow(
                incident_id=row["incident_id"],
                reference=row["reference"],
                code=row["code"],
                phase=row["phase"],
                open=bool(row["is_open"]),
                attention=row["attention"],
                reported_at=models.a_moment(row["created_at_s"]),
            )
            for row in tx.rows(query)
        ]
    )


def explanation(
    tx: Tx, row: sa.RowMapping, policy: Policy, about: int | None
) -> models.Explanation:
    """Return why these people, and why not others; ``about``: why not this one."""
    steps = steps_of(tx, row["incident_id"])
    passed = [
        line
        for step in steps
        for line in explain.passed_over(getattr(step.event, "passed_over", ()))
    ]
    return models.Explanation(
        incident_id=row["incident_id"],
        policy_id=row["policy_id"],
        policy_title=policy.title,
        lines=[
            models.StoryLine(after_s=round(line.after_s, 1), text=line.text)
            for line in explain.story(steps)
        ],
        passed_over=list(dict.fromkeys(passed)),
        about=None if about is None else explain.why_not(about, steps),
    )


def steps_of(tx: Tx, incident_id: str) -> list[explain.Step]:
    """Return what happened to an incident, as the log has it."""
    event = schema.event
    rows = tx.rows(
        sa.select(event)
        .where((event.c.incident_id == incident_id) & (event.c.outcome == "moved"))
        .order_by(event.c.seq)
    )
    return [
        explain.Step(
            row["now_s"],
            coding.decode_event(row["body"], row["schema_version"]),
            coding.decode_commands(row["commands"]),
        )
        for row in rows
    ]


def _alerts(tx: Tx, state: Incident) -> list[models.AlertRow]:
    alert, person = schema.alert, schema.responder
    joined = sa.join(alert, person, alert.c.responder_id == person.c.responder_id)
    rows = tx.rows(
        sa.select(alert, person.c.initials)
        .select_from(joined)
        .where(alert.c.incident_id == state.incident_id)
        .order_by(alert.c.alert_id)
    )
    seen = _last_seen(tx, rows, state)
    return [
        _alert_row(row, state, seen.get(row["responder_id"]))
        for row in rows
        if row["alert_id"] <= len(state.alerts)
    ]


def _last_seen(
    tx: Tx, rows: Iterable[sa.RowMapping], state: Incident
) -> dict[int, models.LastSeen]:
    """Where those who are going were last; nobody else's position is shown."""
    going = [row["responder_id"] for row in rows if row["assigned"]]
    if not going:
        return {}
    position = schema.position
    found = tx.rows(sa.select(position).where(position.c.responder_id.in_(going)))
    return {
        row["responder_id"]: models.LastSeen(
            at=models.a_moment(row["at_s"]),
            distance_m=_round_to(
                float(haversine_m(row["lat"], row["lon"], state.lat, state.lon)), 10
            ),
        )
        for row in found
    }


def _alert_row(
    row: sa.RowMapping, state: Incident, seen: models.LastSeen | None
) -> models.AlertRow:
    return models.AlertRow(
        alert_id=row["alert_id"],
        responder_id=row["responder_id"],
        initials=row["initials"],
        role=row["role"],
        aed_id=row["aed_id"],
        status=row["status"],
        eta_s=round(row["eta_s"]),
        asked_at=models.a_moment(row["asked_at_s"]),
        said_yes_at=models.moment(row["accepted_at_s"]),
        last_sign_at=models.a_moment(row["status_at_s"]),
        last_seen=seen,
        ended_at=models.moment(row["ended_at_s"]),
        end_reason=row["end_reason"],
        words=_alert_words(row, state, seen),
    )


def _why_not(state: Incident) -> str | None:
    if state.holds:
        return "; ".join(explain.words(f"hold:{hold.value}") for hold in state.holds)
    return _PHASE_WORDS.get(state.phase)


def _alert_words(row: sa.RowMapping, state: Incident, seen: models.LastSeen | None) -> str:
    """Return e.g. "said yes 03:10, last moved 03:12, about 250 m", in the patient's local time."""

    def clock(at_s: float) -> str:
        minutes = int((at_s + state.utc_offset_s) // 60) % 1440
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    if row["ended_at_s"] is not None:
        return f"{clock(row['ended_at_s'])} {explain.words(row['end_reason'])}"
    if row["accepted_at_s"] is None:
        known = "no answer yet"
        if row["status"] == AlertStatus.UNCONFIRMED.value:
            known = "no word from the phone yet, somebody else is asked as well"
        return f"asked {clock(row['asked_at_s'])}, {known}"
    words = [f"said yes {clock(row['accepted_at_s'])}"]
    status = AlertStatus(row["status"])
    if status in ASSIGNED_STATUSES - {AlertStatus.ACCEPTED}:
        words.append(f"{_SIGNS[status]} {clock(row['status_at_s'])}")
    if seen is not None:
        words.append(f"last seen {clock(seen.at.timestamp())}, about {seen.distance_m} m")
    return ", ".join(words)


def _round_to(value: float, step: int) -> int:
    return round(value / step) * step
