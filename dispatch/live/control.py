"""What ambulance control asks of the service: incidents, the brake, coverage."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa

from dispatch import explain
from dispatch.events import (
    AmbulanceArrived,
    AmbulanceEtaChanged,
    CprStatusChanged,
    Event,
    HoldLifted,
    HoldPlaced,
    IncidentCancelled,
    IncidentClosed,
    IncidentConfirmed,
    IncidentReported,
    LocationChanged,
)
from dispatch.live import audit, brakes, coding, places
from dispatch.live.api import models
from dispatch.live.errors import Conflict, Invalid, NotFound
from dispatch.live.health import Health
from dispatch.live.parts import Parts
from dispatch.live.runtime import NewIncident
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.triggers import Action, Decision
from dispatch.model import (
    ASSIGNED_STATUSES,
    AlertStatus,
    HoldKind,
    Incident,
    Phase,
    Scene,
)
from geo.points import haversine_m

NEAR_M = 100.0
NEAR_S = 300.0
_incident = schema.incident
_ASKS = frozenset({Phase.SEARCHING, Phase.ALERTING, Phase.COVERED})
_PHASE_WORDS = {
    Phase.SUSPECTED: "suspected only: nobody is asked before control confirms",
    Phase.EXHAUSTED: "nobody is left to ask",
    Phase.CREW_ON_SCENE: "the ambulance is there",
    Phase.ENDED: "the incident has ended",
}


class Control:
    """The use cases of ambulance control. Every method runs inside a transaction."""

    def __init__(self, parts: Parts, health: Health) -> None:
        self._parts = parts
        self._health = health

    # --- incidents ----------------------------------------------------------------------------

    def report(self, tx: Tx, call: models.ReportIn, actor: str) -> tuple[int, models.IncidentView]:
        """Open an incident, or update the one that this call already has; (HTTP status, view)."""
        source = call.source or actor
        known = tx.row(
            sa.select(_incident.c.incident_id, _incident.c.reference_version).where(
                (_incident.c.source == source) & (_incident.c.reference == call.reference)
            )
        )
        if known is not None:
            return 200, self._report_again(tx, known, call, actor)
        now_s = self._parts.clock()
        policy_id = self._parts.book.in_force(tx, now_s)
        if policy_id is None:
            raise Conflict("no_policy", "no policy is in force")
        lat, lon = located(call.location)
        if not call.code and self._parts.settings.require_code:
            raise Invalid("code", "expected a triage code: this service requires one")
        decision = self._parts.triggers.decide(call.code, call.flags)
        incident_id = self._parts.new_id()
        event = IncidentReported(
            incident_id=incident_id,
            lat=lat,
            lon=lon,
            confirmed=_confirmed(decision, call.confirmed),
            scene=call.scene,
            cpr_in_progress=call.cpr_in_progress,
            ambulance_due_at_s=_seconds(call.ambulance_due_at),
            holds=self._holds(tx, decision, call.scene, lat, lon, now_s),
            utc_offset_s=self._parts.finder.utc_offset_s(now_s),
        )
        about = NewIncident(
            source=source,
            reference=call.reference,
            reference_version=call.version,
            code=call.code,
            rule=decision.reason,
            place=_place(call.address, call.access_notes),
            flags=tuple(sorted(set(call.flags))),
        )
        near = self._near(tx, lat, lon, now_s)
        self._parts.runtime.begin(tx, event, about, policy_id, actor)
        audit.append(tx, now_s, actor, "incident.report", incident_id, {"code": call.code})
        return 201, self.view(tx, incident_id, possible_duplicates=near)

    def update(
        self, tx: Tx, incident_id: str, change: models.UpdateIn, actor: str
    ) -> models.IncidentView:
        """Apply what has changed."""
        row = self._row(tx, incident_id)
        if change.version is not None:
            if change.version < row["reference_version"]:
                raise Conflict("stale_version", "a newer version of this call is known")
            self._set(tx, incident_id, reference_version=change.version)
        self._change_place(tx, row, change)
        if change.location is not None:
            self._move(tx, incident_id, change.location, actor)
        if change.cpr_in_progress is not None:
            self._tell(tx, incident_id, CprStatusChanged(change.cpr_in_progress), actor)
        if change.code is not None or change.flags is not None:
            self._decide_again(tx, row, change, actor)
        if change.confirmed:
            self._tell(tx, incident_id, IncidentConfirmed(), actor)
        audit.append(tx, self._parts.clock(), actor, "incident.update", incident_id)
        return self.view(tx, incident_id)

    def end(
        self, tx: Tx, incident_id: str, reason: str, actor: str, *, cancel: bool
    ) -> models.IncidentView:
        """Cancel or close."""
        self._row(tx, incident_id)
        event: Event = IncidentCancelled(reason) if cancel else IncidentClosed(reason)
        self._tell(tx, incident_id, event, actor)
        action = "incident.cancel" if cancel else "incident.close"
        audit.append(tx, self._parts.clock(), actor, action, incident_id)
        return self.view(tx, incident_id)

    def scene(
        self, tx: Tx, incident_id: str, scene: models.SceneIn, actor: str
    ) -> models.IncidentView:
        """Mark the scene safe or unsafe, or the patient as not to be alerted to."""
        self._row(tx, incident_id)
        if scene.scene is not None:
            hold = scene.scene is Scene.UNSAFE
            self._hold(tx, incident_id, HoldKind.UNSAFE_SCENE, hold, scene.reason, actor)
        if scene.do_not_alert is not None:
            if scene.do_not_alert and not scene.reason:
                raise Invalid("reason", "expected why nobody is to be asked")
            hold = scene.do_not_alert
            self._hold(tx, incident_id, HoldKind.DO_NOT_ALERT, hold, scene.reason, actor)
        detail = {"scene": scene.scene, "do_not_alert": scene.do_not_alert}
        audit.append(tx, self._parts.clock(), actor, "incident.scene", incident_id, detail)
        return self.view(tx, incident_id)

    def ambulance(
        self, tx: Tx, incident_id: str, ambulance: models.AmbulanceIn, actor: str
    ) -> models.IncidentView:
        """When the ambulance is expected, or that it is there."""
        self._row(tx, incident_id)
        if ambulance.on_scene:
            self._tell(tx, incident_id, AmbulanceArrived(), actor)
        else:
            self._tell(tx, incident_id, AmbulanceEtaChanged(_seconds(ambulance.due_at)), actor)
        return self.view(tx, incident_id)

    def view(
        self, tx: Tx, incident_id: str, possible_duplicates: Collection[str] = ()
    ) -> models.IncidentView:
        """Return an incident as control sees it."""
        row = self._row(tx, incident_id)
        state = coding.decode_incident(row["snapshot"], row["schema_version"])
        place = json.loads(row["place"])
        alerts = self._alerts(tx, state)
        why_not = _why_not(state)
        return models.IncidentView(
            incident_id=incident_id,
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
            warning=self._health.warning(),
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
            possible_duplicates=list(possible_duplicates),
        )

    def listed(self, tx: Tx, *, only_open: bool, limit: int) -> models.IncidentList:
        """Return the latest incidents."""
        query = sa.select(_incident).order_by(_incident.c.created_at_s.desc()).limit(limit)
        if only_open:
            query = query.where(_incident.c.is_open)
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
        self, tx: Tx, incident_id: str, about: int | None, actor: str
    ) -> models.Explanation:
        """Why these people, and why not others; ``about``: why not this one."""
        row = self._row(tx, incident_id)
        steps = steps_of(tx, incident_id)
        passed = [
            line
            for step in steps
            for line in explain.passed_over(getattr(step.event, "passed_over", ()))
        ]
        audit.append(tx, self._parts.clock(), actor, "incident.explanation", incident_id)
        policy = self._parts.book.core(tx, row["policy_id"]).policy
        return models.Explanation(
            incident_id=incident_id,
            policy_id=row["policy_id"],
            policy_title=policy.title,
            lines=[
                models.StoryLine(after_s=round(line.after_s, 1), text=line.text)
                for line in explain.story(steps)
            ],
            passed_over=list(dict.fromkeys(passed)),
            about=None if about is None else explain.why_not(about, steps),
        )

    # --- the brake ----------------------------------------------------------------------------

    def stop(self, tx: Tx, stop: models.StopIn, actor: str) -> models.BrakeOut:
        """Stop all alerting (``StopIn``) or within an area (``AreaIn``)."""
        now_s = self._parts.clock()
        area = list(stop.area) if isinstance(stop, models.AreaIn) else None
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
        self.apply_brakes(tx, actor)
        placed = next(b for b in brakes.active(tx, now_s) if b["brake_id"] == brake_id)
        return brake_out(placed)

    def resume(self, tx: Tx, resume: models.ResumeIn, actor: str) -> models.BrakeList:
        """Take off one brake, or every stop; returns what is still on."""
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
        for brake_id in wanted:
            brakes.lift(tx, brake_id, person=resume.person, by=actor, now_s=now_s)
            told = {"brake_id": brake_id, "person": resume.person}
            self._parts.stream.append(tx, now_s, "alerting.resumed", told)
        self.apply_brakes(tx, actor)
        return self.brakes(tx)

    def brakes(self, tx: Tx) -> models.BrakeList:
        """Return the brakes in force."""
        on = brakes.active(tx, self._parts.clock())
        return models.BrakeList(brakes=[brake_out(brake) for brake in on])

    def apply_brakes(self, tx: Tx, actor: str) -> None:
        """Bring every open incident into line with the brakes in force."""
        now_s = self._parts.clock()
        on = brakes.active(tx, now_s)
        query = sa.select(_incident.c.incident_id, _incident.c.snapshot, _incident.c.schema_version)
        for row in tx.rows(query.where(_incident.c.is_open)):
            state = coding.decode_incident(row["snapshot"], row["schema_version"])
            self._apply_brakes_to(tx, state, brakes.holds_at(on, state.lat, state.lon), actor)

    def _apply_brakes_to(
        self, tx: Tx, state: Incident, wanted: Collection[HoldKind], actor: str
    ) -> None:
        for kind in (HoldKind.ALERTING_STOPPED, HoldKind.NO_ALERT_AREA):
            if kind in wanted and kind not in state.holds:
                self._tell(tx, state.incident_id, HoldPlaced(kind, placed_by=actor), actor)
            elif kind not in wanted and kind in state.holds:
                self._tell(tx, state.incident_id, HoldLifted(kind, lifted_by=actor), actor)

    # --- inside -------------------------------------------------------------------------------

    def _report_again(
        self, tx: Tx, known: sa.RowMapping, call: models.ReportIn, actor: str
    ) -> models.IncidentView:
        """The same call again: a newer version is an update, anything else changes nothing."""
        incident_id: str = known["incident_id"]
        if call.version <= known["reference_version"]:
            return self.view(tx, incident_id)
        change = models.UpdateIn(
            version=call.version,
            location=call.location,
            code=call.code,
            flags=call.flags,
            confirmed=True if call.confirmed else None,
            cpr_in_progress=call.cpr_in_progress,
            address=call.address,
            access_notes=call.access_notes,
        )
        return self.update(tx, incident_id, change, actor)

    def _row(self, tx: Tx, incident_id: str) -> sa.RowMapping:
        row = tx.row(sa.select(_incident).where(_incident.c.incident_id == incident_id))
        if row is None:
            raise NotFound("no_such_incident", "there is no such incident")
        return row

    def _set(self, tx: Tx, incident_id: str, **values: Any) -> None:
        tx.run(sa.update(_incident).where(_incident.c.incident_id == incident_id).values(**values))

    def _tell(self, tx: Tx, incident_id: str, event: Event, actor: str) -> None:
        applied = self._parts.runtime.apply(tx, incident_id, event, actor)
        if applied.ignored == "ended" and not isinstance(event, HoldPlaced | HoldLifted):
            raise Conflict("ended", "the incident has ended")

    def _hold(
        self, tx: Tx, incident_id: str, kind: HoldKind, on: bool, reason: str, actor: str
    ) -> None:
        event = HoldPlaced(kind, reason, actor) if on else HoldLifted(kind, actor)
        self._tell(tx, incident_id, event, actor)

    def _move(self, tx: Tx, incident_id: str, location: models.Location, actor: str) -> None:
        lat, lon = located(location)
        on = brakes.active(tx, self._parts.clock())
        wanted = brakes.holds_at(on, lat, lon)
        state = self._parts.runtime.state(tx, incident_id)
        if HoldKind.NO_ALERT_AREA in wanted:  # the hold first, so that nobody is asked to go there
            self._apply_brakes_to(tx, state, wanted, actor)
        self._tell(tx, incident_id, LocationChanged(lat, lon), actor)
        self._apply_brakes_to(tx, self._parts.runtime.state(tx, incident_id), wanted, actor)

    def _change_place(self, tx: Tx, row: sa.RowMapping, change: models.UpdateIn) -> None:
        if change.address is None and change.access_notes is None:
            return
        place = json.loads(row["place"])
        address = place["address"] if change.address is None else change.address
        notes = place["access_notes"] if change.access_notes is None else change.access_notes
        self._set(tx, row["incident_id"], place=_place(address, notes))

    def _decide_again(
        self, tx: Tx, row: sa.RowMapping, change: models.UpdateIn, actor: str
    ) -> None:
        code = row["code"] if change.code is None else change.code
        flags = json.loads(row["flags"]) if change.flags is None else change.flags
        before = self._parts.triggers.decide(row["code"], json.loads(row["flags"]))
        decision = self._parts.triggers.decide(code, flags)
        incident_id = row["incident_id"]
        self._set(
            tx,
            incident_id,
            code=code,
            flags=json.dumps(sorted(set(flags))),
            rule=decision.reason,
        )
        if decision.action is Action.NONE:
            placed = HoldPlaced(HoldKind.DO_NOT_ALERT, decision.reason, actor)
            self._tell(tx, incident_id, placed, actor)
            return
        if before.action is Action.NONE:
            self._tell(tx, incident_id, HoldLifted(HoldKind.DO_NOT_ALERT, actor), actor)
        if decision.action is Action.ALERT:
            self._tell(tx, incident_id, IncidentConfirmed(), actor)

    def _holds(
        self, tx: Tx, decision: Decision, scene: Scene, lat: float, lon: float, now_s: float
    ) -> tuple[HoldKind, ...]:
        holds = list(brakes.holds_at(brakes.active(tx, now_s), lat, lon))
        if decision.action is Action.NONE:
            holds.append(HoldKind.DO_NOT_ALERT)
        if scene is Scene.UNSAFE:
            holds.append(HoldKind.UNSAFE_SCENE)
        return tuple(holds)

    def _near(self, tx: Tx, lat: float, lon: float, now_s: float) -> list[str]:
        """Open incidents so near and so recent that they may be the same emergency."""
        query = sa.select(_incident.c.incident_id, _incident.c.snapshot, _incident.c.schema_version)
        recent = _incident.c.is_open & (_incident.c.created_at_s > now_s - NEAR_S)
        near = []
        for row in tx.rows(query.where(recent)):
            state = coding.decode_incident(row["snapshot"], row["schema_version"])
            if float(haversine_m(lat, lon, state.lat, state.lon)) <= NEAR_M:
                near.append(row["incident_id"])
        return near

    def _alerts(self, tx: Tx, state: Incident) -> list[models.AlertRow]:
        alert, person = schema.alert, schema.responder
        joined = sa.join(alert, person, alert.c.responder_id == person.c.responder_id)
        rows = tx.rows(
            sa.select(alert, person.c.initials)
            .select_from(joined)
            .where(alert.c.incident_id == state.incident_id)
            .order_by(alert.c.alert_id)
        )
        seen = self._last_seen(tx, rows, state)
        return [
            self._alert_row(row, state, seen.get(row["responder_id"]))
            for row in rows
            if row["alert_id"] <= len(state.alerts)
        ]

    def _last_seen(
        self, tx: Tx, rows: Iterable[sa.RowMapping], state: Incident
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
        self, row: sa.RowMapping, state: Incident, seen: models.LastSeen | None
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


_THERE = frozenset({AlertStatus.ARRIVED, AlertStatus.WITH_PATIENT})


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


def located(location: models.Location) -> tuple[float, float]:
    """Return (lat, lon) in WGS84."""
    if location.easting is not None and location.northing is not None:
        return places.from_british_grid(location.easting, location.northing)
    assert location.lat is not None
    assert location.lon is not None
    return location.lat, location.lon


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


def _confirmed(decision: Decision, said: bool | None) -> bool:
    if decision.action is Action.READY:
        return decision.reason == "listed" and said is True
    return said is not False


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
        return f"asked {clock(row['asked_at_s'])}, no answer yet"
    words = [f"said yes {clock(row['accepted_at_s'])}"]
    status = AlertStatus(row["status"])
    if status in ASSIGNED_STATUSES - {AlertStatus.ACCEPTED}:
        sign = {
            AlertStatus.MOVING: "set off",
            AlertStatus.HAS_AED: "has the AED",
            AlertStatus.ARRIVED: "at the scene",
            AlertStatus.WITH_PATIENT: "with the patient",
        }[status]
        words.append(f"{sign} {clock(row['status_at_s'])}")
    if seen is not None:
        words.append(f"last seen {clock(seen.at.timestamp())}, about {seen.distance_m} m")
    return ", ".join(words)


def _round_to(value: float, step: int) -> int:
    return round(value / step) * step


def _place(address: str, notes: str) -> str:
    return json.dumps({"address": address, "access_notes": notes})


def _seconds(moment: Any) -> float | None:
    return None if moment is None else float(moment.timestamp())
