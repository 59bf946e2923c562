"""Carries out what the core commands for one incident: claims, alerts, messages, timers, searches.

Guarded commands are guarded writes. Whatever comes back from them (a lost claim, nobody to reach,
an answer that is known at once) is a further event for the same incident, in ``results``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from dispatch.commands import (
    Assign,
    CancelTimer,
    Command,
    EndAlert,
    EndDrone,
    FindCandidates,
    FindDrones,
    LaunchDrone,
    ReadyDrone,
    RecallDrone,
    SendAlert,
    StartTimer,
    TakeFromDrone,
    TellControl,
)
from dispatch.events import (
    AlertUndelivered,
    CandidatesFailed,
    CandidatesFound,
    ClaimRefused,
    Event,
)
from dispatch.lifecycle import Core
from dispatch.live import coding, wording
from dispatch.live.drone_carrying import DroneCarrier
from dispatch.live.finder import Finder
from dispatch.live.ids import NewId
from dispatch.live.logs import logger, where
from dispatch.live.outbox import Outbox
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.stream import Stream
from dispatch.live.telling import Teller
from dispatch.model import AlertStatus, Candidate, Incident, Query, Resource
from notifications.messages import Purpose

Find = Callable[[Tx, str, str, Query], CandidatesFound | CandidatesFailed]
OnSearch = Callable[[str, str, Query], None]

_alert = schema.alert
_claim = schema.claim


@dataclass
class Means:
    """What is needed to carry commands out.

    ``find`` answers a query within the transaction; ``find_at_once`` False leaves every search to
    ``on_search``, which is called after the commit with (incident id, policy id, query).
    """

    finder: Finder
    outbox: Outbox
    stream: Stream
    new_id: NewId
    find: Find
    on_search: OnSearch
    find_at_once: bool = True


class Carrier:
    """Carries out the commands of one transaction for one incident."""

    def __init__(
        self, means: Means, tx: Tx, incident_id: str, core: Core, teller: Teller, first: int
    ) -> None:
        self._means = means
        self._tx = tx
        self._id = incident_id
        self._core = core
        self._teller = teller
        self._now_s = teller.now_s
        self._planned = first * 1000  # rises from event to event: the order of timers
        self._timers: dict[tuple[str, int], tuple[float, int] | None] = {}  # None: cancelled
        self._near: dict[int, Candidate] = {}
        self._drones = DroneCarrier(means.stream, tx, incident_id, core.policy, self._now_s)
        self.results: deque[Event] = deque()

    def note(self, event: Event) -> None:
        """Remember who was near: the alert's row keeps the distance."""
        if isinstance(event, CandidatesFound):
            self._near.update({person.responder_id: person for person in event.candidates})

    def carry_out(self, command: Command, state: Incident) -> None:
        """Carry out one command; ``state``: the incident after the event that led to it."""
        match command:
            case SendAlert():
                self._send_alert(command, state)
            case Assign():
                self._assign(command)
            case EndAlert():
                self._end_alert(command)
            case StartTimer():
                self._planned += 1
                self._timers[command.kind.value, command.ref] = (command.due_at_s, self._planned)
            case CancelTimer():
                self._timers[command.kind.value, command.ref] = None
            case FindCandidates():
                self._search(command.query)
            case TellControl():
                self._teller.control(command)
            case FindDrones():
                self._then(self._drones.find(command))
            case ReadyDrone() | LaunchDrone():
                self._then(self._drones.begin(command, state))
            case RecallDrone():
                self._drones.recall(command)
            case TakeFromDrone():
                self._take_from_drone(command)
            case EndDrone():
                self._drones.end(command)

    def _then(self, event: Event | None) -> None:
        if event is not None:
            self.results.append(event)

    def write_timers(self) -> None:
        """Write the timers of all events of this transaction together."""
        timer = schema.timer
        stopped = [key for key, due in self._timers.items() if due is None]
        for kind in {kind for kind, _ in stopped}:
            refs = [ref for its_kind, ref in stopped if its_kind == kind]
            self._tx.run(
                sa.delete(timer).where(
                    (timer.c.incident_id == self._id)
                    & (timer.c.kind == kind)
                    & timer.c.ref.in_(refs)
                )
            )
        started = [
            {
                "incident_id": self._id,
                "kind": kind,
                "ref": ref,
                "due_at_s": due[0],
                "planned": due[1],
            }
            for (kind, ref), due in self._timers.items()
            if due is not None
        ]
        self._tx.put(timer, *started)

    # --- alerts -------------------------------------------------------------------------------

    def _send_alert(self, command: SendAlert, state: Incident) -> None:
        key = self._means.new_id()
        night = self._core.policy.is_night(self._now_s + state.utc_offset_s)
        self._keep_alert(command, state, key, night=night)
        refusal = self._claim_person(command)
        if refusal:
            self.results.append(
                ClaimRefused(command.alert_id, Resource.RESPONDER, command.responder_id, refusal)
            )
            return
        self._means.finder.asked(
            command.responder_id, self._id, command.alert_id, self._now_s, night=night
        )
        self._teller.alert("alert.asked", state.alerts[command.alert_id - 1])
        undelivered = self._means.outbox.send(
            self._tx,
            command.responder_id,
            Purpose.ALERT,
            now_s=self._now_s,
            expires_at_s=command.expires_at_s,
            alert=(self._id, command.alert_id, key),
        )
        if undelivered:
            self.results.append(AlertUndelivered(command.alert_id, undelivered))

    def _keep_alert(self, command: SendAlert, state: Incident, key: str, *, night: bool) -> None:
        person = self._near.get(command.responder_id) or next(
            (c for c in state.candidates if c.responder_id == command.responder_id), None
        )
        self._tx.insert(
            _alert,
            alert_key=key,
            incident_id=self._id,
            alert_id=command.alert_id,
            responder_id=command.responder_id,
            role=command.role.value,
            aed_id=command.aed_id,
            eta_s=command.eta_s,
            distance_m=person.distance_m if person else None,
            asked_at_s=self._now_s,
            expires_at_s=command.expires_at_s,
            night=night,
            status=state.alerts[command.alert_id - 1].status.value,
            status_at_s=self._now_s,
            accepted_at_s=None,
            assigned=False,
            ended_at_s=None,
            end_reason="",
        )

    def _claim_person(self, command: SendAlert) -> str:
        """Claim the person with one guarded write; returns why not, or ""."""
        person = schema.responder
        row = self._tx.row(
            sa.select(person.c.status, person.c.on_duty).where(
                person.c.responder_id == command.responder_id
            )
        )
        if row is None or row["status"] != "active":
            return "suspended"
        if not row["on_duty"]:
            return "off_duty"
        won = self._claim(Resource.RESPONDER, command.responder_id, command.alert_id)
        return "" if won else "engaged"

    def _claim(self, kind: Resource, resource_id: int, alert_id: int) -> bool:
        return self._tx.insert_new(
            _claim,
            kind=kind.value,
            resource_id=resource_id,
            incident_id=self._id,
            alert_id=alert_id,
            at_s=self._now_s,
        )

    def _assign(self, command: Assign) -> None:
        self._release_aed(command.alert_id, command.aed_id)
        if command.aed_id is not None and not self._take_aed(command.aed_id, command.alert_id):
            refused = ClaimRefused(command.alert_id, Resource.AED, command.aed_id, "claimed")
            self.results.append(refused)
            return
        if command.reason != "said_yes":  # the answer to a yes says it all
            self._message(command.alert_id, Purpose.UPDATE)

    def _take_aed(self, aed_id: int, alert_id: int) -> bool:
        mine = self._held_by(alert_id, Resource.AED) & (_claim.c.resource_id == aed_id)
        held = self._tx.value(sa.select(_claim.c.at_s).where(mine)) is not None
        if not held and not self._claim(Resource.AED, aed_id, alert_id):
            return False
        self._means.finder.aed_claimed(aed_id, self._id, alert_id, self._now_s)
        return True

    def _end_alert(self, command: EndAlert) -> None:
        self._tx.run(sa.delete(_claim).where(self._held_by(command.alert_id)))
        self._means.finder.released(self._id, command.alert_id)
        self._tx.run(
            sa.update(_alert)
            .where((_alert.c.incident_id == self._id) & (_alert.c.alert_id == command.alert_id))
            .values(
                status=command.outcome.value,
                status_at_s=self._now_s,
                ended_at_s=self._now_s,
                end_reason=command.reason,
                assigned=False,
            )
        )
        self._means.outbox.end(self._tx, self._id, command.alert_id)
        if command.tell:
            unsafe = command.reason == wording.UNSAFE and command.outcome is AlertStatus.STOOD_DOWN
            self._message(command.alert_id, Purpose.KEEP_AWAY if unsafe else Purpose.STAND_DOWN)

    def _release_aed(self, alert_id: int, keep: int | None) -> None:
        """Give back the AED of an alert unless it is ``keep``."""
        other = self._held_by(alert_id, Resource.AED)
        if keep is not None:
            other &= _claim.c.resource_id != keep
        if self._tx.run(sa.delete(_claim).where(other)).rowcount:
            self._means.finder.aed_released(self._id, alert_id)

    def _held_by(self, alert_id: int, kind: Resource | None = None) -> sa.ColumnElement[bool]:
        mine = (_claim.c.incident_id == self._id) & (_claim.c.alert_id == alert_id)
        return mine if kind is None else mine & (_claim.c.kind == kind.value)

    def _message(self, alert_id: int, purpose: Purpose) -> None:
        """Tell somebody who was asked; by every channel only if they had said yes."""
        row = self._tx.row(
            sa.select(_alert.c.alert_key, _alert.c.responder_id, _alert.c.accepted_at_s).where(
                (_alert.c.incident_id == self._id) & (_alert.c.alert_id == alert_id)
            )
        )
        if row is None:
            return
        self._means.outbox.follow_up(
            self._tx,
            row["responder_id"],
            purpose,
            now_s=self._now_s,
            alert=(self._id, alert_id, row["alert_key"]),
            every_channel=row["accepted_at_s"] is not None,
        )

    def _take_from_drone(self, command: TakeFromDrone) -> None:
        """Somebody is to go for a drone's AED: their phone says so, or the caller is to be told."""
        by = "bystander" if command.alert_id is None else "volunteer"
        self._drones.take(command.task_id, command.drone_id, by)
        self._teller.take_from_drone(command)
        if command.alert_id is not None:
            self._message(command.alert_id, Purpose.UPDATE)

    # --- searches -----------------------------------------------------------------------------

    def _search(self, query: Query) -> None:
        """Answer at once if that works; otherwise leave it to a worker, and at last to a timer."""
        policy_id = self._core.policy.policy_id
        if self._means.find_at_once:
            try:
                answer = self._means.find(self._tx, self._id, policy_id, query)
            except sa.exc.SQLAlchemyError:
                raise
            except Exception as error:  # noqa: BLE001 - a fault of the map must not lose the call
                logger().error("search_failed", kind=type(error).__name__, at=where(error))
            else:
                self.results.append(answer)
                return
        search = schema.search
        self._tx.run(sa.delete(search).where(search.c.incident_id == self._id))
        self._tx.insert(
            search,
            incident_id=self._id,
            query_id=query.query_id,
            body=coding.encode(query),
            asked_at_s=self._now_s,
        )
        self._tx.after(lambda: self._means.on_search(self._id, policy_id, query))
