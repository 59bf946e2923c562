"""Drones in the world: between the core's words and the operator's desk.

One wing serves one policy of one replication. It exists only where the policy uses drones and the
setting has a sky, so that a world without drones runs none of this and makes no draw.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dispatch.commands import (
    EndDrone,
    FindDrones,
    LaunchDrone,
    ReadyDrone,
    RecallDrone,
    TakeFromDrone,
)
from dispatch.events import (
    AedAttached,
    DroneAedTaken,
    DroneDelivered,
    DroneLaunched,
    DroneLost,
    DroneReady,
    DroneRefused,
    DronesFound,
    Event,
)
from dispatch.model import DroneOption, DronePassed
from sim.backdrop import Backdrop
from sim.drone_desk import Desk, News
from sim.drone_funnel import DroneRow
from sim.drones import Fleet, Scene
from sim.scoring import NEVER, Summary

if TYPE_CHECKING:
    from sim.world import Case

CHILD_YEARS = 5.0  # what control is told of a child


class DroneWing:
    """What a world does about drones. ``feed(case, event)`` tells the core."""

    def __init__(
        self,
        backdrop: Backdrop,
        *,
        now: Callable[[], float],
        plan: Callable[..., None],
        feed: Callable[[Case, Event], None],
    ) -> None:
        assert backdrop.air is not None
        self.backdrop = backdrop
        self.fleet = Fleet(backdrop.air, backdrop.draws)
        self.desk = Desk(self.fleet, now, plan, self._news)
        self._now, self._plan, self._feed = now, plan, feed
        self._cases: dict[int, Case] = {}
        self._scenes: dict[int, Scene] = {}
        self._begun: dict[int, set[int]] = {}  # tasks by incident
        self.carry_out: dict[type, Callable[[Case, Any], None]] = {
            FindDrones: self._find,
            ReadyDrone: self._ready,
            LaunchDrone: self._launch,
            RecallDrone: self._recall,
            TakeFromDrone: self._take,
            EndDrone: _nothing,
        }

    # --- an incident --------------------------------------------------------------------------

    def opens(self, case: Case) -> None:
        """A call that control will recognise: who is there, and the bystander's own AED."""
        backdrop, index = self.backdrop, case.index
        self._cases[index] = case
        scene = self.fleet.scene(
            index,
            at_home=bool(backdrop.patients.at_home[index]),
            bystander=bool(backdrop.patients.cpr_s[index] < NEVER),
            night=bool(backdrop.arrivals.night[index]),
        )
        self._scenes[index] = scene
        self.desk.note_scene(index, scene)
        if case.fetched is not None:
            self._plan(case.call_at_s + case.fetched.attached_s, self._attached, case)

    def facts(self, case: Case) -> dict[str, Any]:
        """What the report says that bears on a drone."""
        scene = self._scenes[case.index]
        return {
            "age_years": CHILD_YEARS if scene.child else None,
            "trauma": scene.trauma or None,
            "no_delivery": scene.no_place or None,
            "hands": scene.hands,
        }

    def brings_aed(self, case: Case, at_s: float) -> None:
        """A volunteer with an AED is with the patient; it is attached at ``at_s``."""
        self._plan(at_s, self._attached, case)

    def closes(self, case: Case, summary: Summary) -> Summary:
        """Nothing more comes of this incident: its summary with what drones came to."""
        index, desk = case.index, self.desk
        desk.end(index)
        if index not in self._cases:
            desk.note(index, "not_recognised")
        elif case.state is not None and case.state.drones is not None and case.state.drones.note:
            desk.note(index, case.state.drones.note)
        row = self._row(case, summary)
        desk.forget(index)
        for kept in (self._cases, self._scenes, self._begun):
            kept.pop(index, None)
        return summary._replace(drone=row)

    def _row(self, case: Case, summary: Summary) -> DroneRow:
        backdrop, index = self.backdrop, case.index
        scene, ambulance = backdrop.parameters.scene, backdrop.parameters.ambulance
        ambulances = backdrop.ambulances
        crew_s = float(ambulances.arrival_s[index]) + ambulance.to_patient_s
        others = [
            float(ambulances.co_arrival_s[index]) + scene.to_patient_s + scene.aed_attach_s,
            *(s for s in (summary.responder_aed_s, summary.public_aed_s) if s is not None),
        ]
        return self.desk.row(
            index,
            case.call_at_s,
            crew_attached_s=crew_s + max(ambulance.shock_s - scene.aed_shock_s, 0.0),
            other_attached_s=min(others),
            true_arrest=bool(backdrop.arrivals.true_arrest[index]),
            shockable=True,  # drawn when the incident is scored
        )

    # --- the core's words ---------------------------------------------------------------------

    def _find(self, case: Case, command: FindDrones) -> None:
        query = command.query
        options, passed = self.desk.find(case.index, query.lat, query.lon, exclude=query.exclude)
        found = tuple(DroneOption(o.drone, o.eta_s, o.granted_share, o.way.asks) for o in options)
        why_not = tuple(DronePassed(p.drone, p.reason) for p in passed)
        case.queue.append(DronesFound(query.query_id, found, why_not))

    def _ready(self, case: Case, command: ReadyDrone | LaunchDrone) -> None:
        refused = self.desk.ready(case.index, command.task_id, command.drone_id)
        if refused:
            case.queue.append(DroneRefused(command.task_id, refused))
        else:
            self._begun.setdefault(case.index, set()).add(command.task_id)

    def _launch(self, case: Case, command: LaunchDrone) -> None:
        if not self._has(case, command.task_id):
            self._ready(case, command)
        # What comes of it is news from outside, after whatever this moment still has to answer.
        self._plan(self._now(), self._take_off, case, command.task_id)

    def _take_off(self, case: Case, task: int) -> None:
        if self._has(case, task):
            self.desk.launch(case.index, task)

    def _recall(self, case: Case, command: RecallDrone) -> None:
        if self._has(case, command.task_id):
            self.desk.recall(case.index, command.task_id, command.reason)

    def _take(self, case: Case, command: TakeFromDrone) -> None:
        volunteer = command.alert_id is not None
        self.desk.somebody_takes(case.index, command.task_id, volunteer=volunteer)

    def _has(self, case: Case, task: int) -> bool:
        return task in self._begun.get(case.index, ())

    # --- news ---------------------------------------------------------------------------------

    def _news(
        self, incident: int, task: int, news: News, *, due_s: float = 0.0, reason: str = ""
    ) -> None:
        case = self._cases.get(incident)
        if case is None:
            return
        if news is News.READY:
            self._feed(case, DroneReady(task))
        elif news is News.LAUNCHED:
            self._feed(case, DroneLaunched(task, due_s))
        elif news is News.DELIVERED:
            self._feed(case, DroneDelivered(task))
        elif news is News.TAKEN:
            self._feed(case, DroneAedTaken(task))
        elif news is News.LOST:
            self._feed(case, DroneLost(task, reason))

    def _attached(self, case: Case) -> None:
        self._feed(case, AedAttached())


def _nothing(_: Case, __: Any) -> None:
    """The desk keeps the truth: an end asks nothing of it."""
