"""What ambulance control tells the service about incidents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from dispatch import explain
from dispatch.events import (
    AedAttached,
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
    SceneFacts,
)
from dispatch.live import audit, brakes, modes, places, standing, views
from dispatch.live.api import models
from dispatch.live.braking import Braking
from dispatch.live.errors import Conflict, Invalid, NotFound
from dispatch.live.health import Health
from dispatch.live.parts import Parts
from dispatch.live.runtime import NewIncident
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.telling import (
    AMBULANCE_TIME,
    NOT_LISTED,
    OUTSIDE_REGION,
    POSSIBLE_DUPLICATE,
)
from dispatch.live.triggers import Action, Decision
from dispatch.model import (
    HoldKind,
    Phase,
    Scene,
)
from geo.points import haversine_m

NEAR_M = 100.0
NEAR_S = 300.0
LATEST_AHEAD_S = 6 * 3600.0  # an ambulance expected later, or overdue longer: a slip (assumption)
LONGEST_PAST_S = 3600.0
_UPDATED = (
    "location",
    "cpr_in_progress",
    "address",
    "access_notes",
    "age_years",
    "trauma",
    "no_delivery",
    "hands",
)
_IS_THERE = "the ambulance is there, and that cannot be taken back: report anew if it is not so"
_incident = schema.incident


class Control:
    """The use cases of ambulance control. Every method runs inside a transaction."""

    def __init__(self, parts: Parts, health: Health, braking: Braking) -> None:
        self._parts = parts
        self._braking = braking
        self._health = health

    # --- incidents ----------------------------------------------------------------------------

    def report(self, tx: Tx, call: models.ReportIn, actor: str) -> tuple[int, models.IncidentView]:
        """Open an incident, or update the one that this call already has; (HTTP status, view).

        A call is taken whatever is odd about it; what cannot be right is put before a person.
        """
        source = call.source or actor
        same = (_incident.c.source == source) & (_incident.c.reference == call.reference)
        known = tx.row(sa.select(_incident).where(same))
        if known is not None:
            return 200, self._report_again(tx, known, call, actor)
        now_s = self._parts.clock()
        policy_id = self._parts.book.in_force(tx, now_s)
        if policy_id is None:
            raise Conflict("no_policy", "no policy is in force")
        lat, lon = call.location.at()
        if not call.code and self._parts.settings.require_code:
            raise Invalid("code", "expected a triage code: this service requires one")
        decision = self._parts.triggers.decide(call.code, call.flags)
        incident_id = self._parts.new_id()
        due_at_s = _seconds(call.ambulance_due_at)
        event = IncidentReported(
            incident_id=incident_id,
            lat=lat,
            lon=lon,
            confirmed=_confirmed(decision, call.confirmed),
            scene=call.scene,
            cpr_in_progress=call.cpr_in_progress,
            ambulance_due_at_s=due_at_s if _is_plausible(due_at_s, now_s) else None,
            holds=self._holds(tx, decision, call.scene, lat, lon, now_s),
            utc_offset_s=self._parts.finder.utc_offset_s(now_s),
            **_facts(call, call.flags),
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
        near = self._near(tx, lat, lon, since_s=now_s - NEAR_S, reference=call.reference)
        self._parts.runtime.begin(tx, event, about, policy_id, actor)
        self._set(tx, incident_id, report_hash=_hash(call))
        if near:
            self._flag(tx, incident_id, POSSIBLE_DUPLICATE)
        if not _is_plausible(due_at_s, now_s):
            self._flag(tx, incident_id, AMBULANCE_TIME)
        if decision.reason == "not_listed":
            self._flag(tx, incident_id, NOT_LISTED)
        self._check_place(tx, incident_id, lat, lon)
        audit.append(tx, now_s, actor, "incident.report", incident_id, {"code": call.code})
        return 201, self.view(tx, incident_id, possible_duplicates=near)

    def update(
        self, tx: Tx, incident_id: str, change: models.UpdateIn, actor: str
    ) -> models.IncidentView:
        """Apply what has changed; raises ``Conflict`` once the incident has ended."""
        row = self._open_row(tx, incident_id)
        if change.version is not None:
            if change.version < row["reference_version"]:
                raise Conflict("stale_version", "a newer version of this call is known")
            self._set(tx, incident_id, reference_version=change.version)
        self._change_place(tx, row, change)
        if change.location is not None:
            self._move(tx, incident_id, change.location, actor)
        self._note_facts(tx, incident_id, change, change.flags or (), actor)
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
        row = self._open_row(tx, incident_id)
        event: Event = IncidentCancelled(reason) if cancel else IncidentClosed(reason)
        self._tell(tx, incident_id, event, actor)
        near = self._near(tx, row["lat"], row["lon"])
        if len(near) == 1:
            self._settle(tx, near[0], POSSIBLE_DUPLICATE)
        action = "incident.cancel" if cancel else "incident.close"
        audit.append(tx, self._parts.clock(), actor, action, incident_id)
        return self.view(tx, incident_id)

    def scene(
        self, tx: Tx, incident_id: str, scene: models.SceneIn, actor: str
    ) -> models.IncidentView:
        """Mark the scene safe or unsafe, or the patient as not to be alerted to."""
        self._open_row(tx, incident_id)
        if scene.scene is not None:
            hold = scene.scene is Scene.UNSAFE
            self._hold(tx, incident_id, HoldKind.UNSAFE_SCENE, hold, scene.reason, actor)
        if scene.do_not_alert is not None:
            if scene.do_not_alert and not scene.reason:
                raise Invalid("reason", "expected why nobody is to be asked")
            hold = scene.do_not_alert
            self._hold(tx, incident_id, HoldKind.DO_NOT_ALERT, hold, scene.reason, actor)
        self._note_facts(tx, incident_id, scene, (), actor)
        if scene.aed_attached:
            self._tell(tx, incident_id, AedAttached(), actor)
        detail = {"scene": scene.scene, "do_not_alert": scene.do_not_alert}
        audit.append(tx, self._parts.clock(), actor, "incident.scene", incident_id, detail)
        return self.view(tx, incident_id)

    def ambulance(
        self, tx: Tx, incident_id: str, ambulance: models.AmbulanceIn, actor: str
    ) -> models.IncidentView:
        """When the ambulance is expected, or that it is there, which cannot be taken back."""
        row = self._open_row(tx, incident_id)
        if ambulance.on_scene:
            self._tell(tx, incident_id, AmbulanceArrived(), actor)
            return self.view(tx, incident_id)
        if not ambulance.model_fields_set:
            raise Invalid("due_at", "expected due_at (null: not known any more) or on_scene")
        if row["phase"] == Phase.CREW_ON_SCENE.value:
            raise Conflict("crew_on_scene", _IS_THERE)
        if "due_at" in ambulance.model_fields_set:
            due_at_s = _seconds(ambulance.due_at)
            if not _is_plausible(due_at_s, self._parts.clock()):
                raise Invalid("due_at", "expected a time from 1 h ago to 6 h ahead")
            self._expect_ambulance(tx, incident_id, due_at_s, actor)
        return self.view(tx, incident_id)

    def view(
        self, tx: Tx, incident_id: str, possible_duplicates: Collection[str] = ()
    ) -> models.IncidentView:
        """Return an incident as control sees it."""
        row = self._row(tx, incident_id)
        warning, now_s = self._health.warning(), self._parts.clock()
        view = views.incident_view(tx, row, warning, now_s, possible_duplicates)
        if self._parts.settings.test_mode:
            view.alerting = False
            view.why_not_alerting = view.why_not_alerting or modes.TEST_LINE
            view.warning = modes.TEST_LINE if warning is None else f"{modes.TEST_LINE} {warning}"
        return view

    def explanation(
        self, tx: Tx, incident_id: str, about: int | None, actor: str
    ) -> models.Explanation:
        """Why these people, and why not others; ``about``: why not this one."""
        row = self._row(tx, incident_id)
        audit.append(tx, self._parts.clock(), actor, "incident.explanation", incident_id)
        policy = self._parts.book.core(tx, row["policy_id"]).policy
        view = views.explanation(tx, row, policy, about)
        if about is not None and view.about is not None:
            view.about = self._with_register(tx, about, view.about)
        return view

    # --- inside -------------------------------------------------------------------------------

    def _with_register(self, tx: Tx, about: int, text: str) -> str:
        """What the log says of a person, and what the register adds to it."""
        now_s = self._parts.clock()
        if text == f"{about} {explain.NOT_FOUND}":
            return standing.words(tx, about, now_s) or text
        if text.endswith(explain.words("off_duty")):
            offset_s = self._parts.finder.utc_offset_s(now_s)
            why = standing.not_available(tx, about, now_s, offset_s)
            return f"{text} ({why})" if why else text
        return text

    def _report_again(
        self, tx: Tx, known: sa.RowMapping, call: models.ReportIn, actor: str
    ) -> models.IncidentView:
        """The same call again. What it says is taken over, or refused aloud.

        The same words again are a repetition and change nothing. Fields that are left out stay.

        Raises:
            Conflict: the incident has ended, a newer version is known, or the same version with
                other contents.
        """
        incident_id: str = known["incident_id"]
        if not known["is_open"]:
            raise Conflict("ended", "this reference's incident has ended: a new one needs another")
        is_repeated = known["report_hash"] == _hash(call)
        if "version" in call.model_fields_set:
            if call.version < known["reference_version"]:
                raise Conflict("stale_version", "a newer version of this call is known")
            if call.version == known["reference_version"] and not is_repeated:
                raise Conflict(
                    "version_reused",
                    "this version is known with other contents: send a higher one, or none",
                )
        if is_repeated:
            self._set(tx, incident_id, reference_version=_version(call, known))
            return self.view(tx, incident_id)
        self._take_over(tx, known, call, actor)
        return self.view(tx, incident_id)

    def _take_over(self, tx: Tx, known: sa.RowMapping, call: models.ReportIn, actor: str) -> None:
        """Danger first, so that nobody is asked in between; that it is over comes last."""
        incident_id, said = known["incident_id"], call.model_fields_set
        if call.scene is Scene.UNSAFE:
            self._hold(tx, incident_id, HoldKind.UNSAFE_SCENE, True, "", actor)
        self.update(tx, incident_id, _change(call, known), actor)
        due_at_s = _seconds(call.ambulance_due_at)
        if "ambulance_due_at" in said and known["phase"] != Phase.CREW_ON_SCENE.value:
            if _is_plausible(due_at_s, self._parts.clock()):
                self._expect_ambulance(tx, incident_id, due_at_s, actor)
            else:
                self._flag(tx, incident_id, AMBULANCE_TIME)
        if call.scene is Scene.SAFE:
            self._hold(tx, incident_id, HoldKind.UNSAFE_SCENE, False, "", actor)
        values = {"report_hash": _hash(call), "reference_version": _version(call, known)}
        self._set(tx, incident_id, **values)

    def _expect_ambulance(
        self, tx: Tx, incident_id: str, due_at_s: float | None, actor: str
    ) -> None:
        self._tell(tx, incident_id, AmbulanceEtaChanged(due_at_s), actor)
        self._settle(tx, incident_id, AMBULANCE_TIME)

    def _flag(self, tx: Tx, incident_id: str, code: str) -> None:
        """A person at control must look at this incident."""
        if self._row(tx, incident_id)["attention"] in (code, OUTSIDE_REGION):
            return
        self._set(tx, incident_id, attention=code)
        told = {"code": code, "detail": "", "attention": True}
        self._parts.stream.append(tx, self._parts.clock(), "control.told", told, incident_id)

    def _settle(self, tx: Tx, incident_id: str, code: str) -> None:
        """What had to be looked at is settled."""
        if self._row(tx, incident_id)["attention"] == code:
            self._set(tx, incident_id, attention=None)

    def _check_place(self, tx: Tx, incident_id: str, lat: float, lon: float) -> None:
        region = self._parts.finder.region
        if places.outside(region, lat, lon, beyond_m=places.PATIENT_M):
            self._flag(tx, incident_id, OUTSIDE_REGION)
        else:
            self._settle(tx, incident_id, OUTSIDE_REGION)

    def _open_row(self, tx: Tx, incident_id: str) -> sa.RowMapping:
        row = self._row(tx, incident_id)
        if not row["is_open"]:
            raise Conflict("ended", "the incident has ended")
        return row

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

    def _note_facts(
        self,
        tx: Tx,
        incident_id: str,
        said: models.UpdateIn | models.SceneIn,
        flags: Collection[str],
        actor: str,
    ) -> None:
        facts = _facts(said, flags)
        if any(value is not None for value in facts.values()):
            self._tell(tx, incident_id, SceneFacts(**facts), actor)

    def _hold(
        self, tx: Tx, incident_id: str, kind: HoldKind, on: bool, reason: str, actor: str
    ) -> None:
        event = HoldPlaced(kind, reason, actor) if on else HoldLifted(kind, actor)
        self._tell(tx, incident_id, event, actor)

    def _move(self, tx: Tx, incident_id: str, location: models.Location, actor: str) -> None:
        lat, lon = location.at()
        on = brakes.active(tx, self._parts.clock())
        wanted = brakes.holds_at(on, lat, lon)
        state = self._parts.runtime.state(tx, incident_id)
        if HoldKind.NO_ALERT_AREA in wanted:  # the hold first, so that nobody is asked to go there
            self._braking.apply_to(tx, state, wanted, actor)
        self._tell(tx, incident_id, LocationChanged(lat, lon), actor)
        self._braking.apply_to(tx, self._parts.runtime.state(tx, incident_id), wanted, actor)
        self._check_place(tx, incident_id, lat, lon)

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
        if decision.reason == "not_listed":
            self._flag(tx, incident_id, NOT_LISTED)
        else:
            self._settle(tx, incident_id, NOT_LISTED)
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

    def _near(
        self, tx: Tx, lat: float, lon: float, *, since_s: float = 0.0, reference: str | None = None
    ) -> list[str]:
        """Open incidents that may be the same emergency: so near and so recent, or so named."""
        columns = (_incident.c.incident_id, _incident.c.lat, _incident.c.lon)
        d_lat = NEAR_M / places.METRES_PER_DEGREE
        band = _incident.c.lat.between(lat - d_lat, lat + d_lat)
        recent = band & (_incident.c.created_at_s > since_s)
        named = _incident.c.reference == reference
        rows = tx.rows(
            sa.select(*columns, named.label("named")).where(_incident.c.is_open & (recent | named))
        )
        return [
            row["incident_id"]
            for row in rows
            if row["named"] or float(haversine_m(lat, lon, row["lat"], row["lon"])) <= NEAR_M
        ]


def _change(call: models.ReportIn, known: sa.RowMapping) -> models.UpdateIn:
    """Return what a call reported again says anew."""
    values = {name: getattr(call, name) for name in _UPDATED if name in call.model_fields_set}
    if call.code and call.code.upper() != known["code"].upper():
        values["code"] = call.code
    if "flags" in call.model_fields_set and sorted(set(call.flags)) != json.loads(known["flags"]):
        values["flags"] = call.flags
    return models.UpdateIn(confirmed=True if call.confirmed else None, **values)


def _hash(call: models.ReportIn) -> str:
    """Return what tells a repetition from news: the hash of everything that was said."""
    said = call.model_dump(mode="json", exclude_unset=True, exclude={"version", "source"})
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _version(call: models.ReportIn, known: sa.RowMapping) -> int:
    return max(call.version, int(known["reference_version"]))


def _is_plausible(due_at_s: float | None, now_s: float) -> bool:
    return due_at_s is None or -LONGEST_PAST_S <= due_at_s - now_s <= LATEST_AHEAD_S


def _confirmed(decision: Decision, said: bool | None) -> bool:
    if decision.action is Action.READY:
        return decision.reason == "listed" and said is True
    return said is not False


def _facts(
    said: models.ReportIn | models.UpdateIn | models.SceneIn, flags: Collection[str]
) -> dict[str, Any]:
    """What was said that bears on a drone; a flag speaks where no field does."""
    child = 0.0 if "child" in flags else None  # a child of unknown age: too young for any drone
    trauma = True if "trauma" in flags else None
    return {
        "age_years": child if said.age_years is None else said.age_years,
        "trauma": trauma if said.trauma is None else said.trauma,
        "no_delivery": said.no_delivery,
        "hands": said.hands,
    }


def _place(address: str, notes: str) -> str:
    return json.dumps({"address": address, "access_notes": notes})


def _seconds(moment: Any) -> float | None:
    return None if moment is None else float(moment.timestamp())
