"""The operator's desk: carries out the word to ready, launch and recall, and tells what came of it.

The desk knows no core and no SimPy. ``plan(at_s, what, *arguments)`` lets something happen at a
moment, ``tell(key, task, news, due_s)`` passes news on; the world translates both. News are
``ready``, ``launched`` (with the moment when the AED is due on the ground), ``overhead``,
``delivered``, ``taken``, ``attached`` and ``lost`` (with a reason of ``drone_funnel.LOST_AT``).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from sim.drone_funnel import LOST_AT, DroneRow, Stage, farthest, lost
from sim.drones import Fleet, Option, Passed, Scene, Sortie

Plan = Callable[..., None]


class News(StrEnum):
    """What the operator reports of a task."""

    READY = "ready"
    LAUNCHED = "launched"
    OVERHEAD = "overhead"
    DELIVERED = "delivered"
    TAKEN = "taken"
    ATTACHED = "attached"
    LOST = "lost"


class Tell(Protocol):
    """How news reach the world: incident, task, what, and a moment or a reason where it has one."""

    def __call__(
        self, incident: int, task: int, news: News, *, due_s: float = ..., reason: str = ...
    ) -> None:
        """Pass it on."""
        ...


class Mission:
    """One task while it lasts. Moments are epoch seconds."""

    __slots__ = (
        "attached_at_s", "delivered_at_s", "hands_off_s", "incident", "launch_wanted",
        "launched_at_s", "lost", "open", "overhead_at_s", "prepared", "readied_at_s",
        "recalled_for", "sortie", "taken_at_s", "taken_by", "task", "token",
    )  # fmt: skip

    def __init__(self, incident: int, task: int, sortie: Sortie, now_s: float) -> None:
        self.incident = incident
        self.task = task
        self.sortie = sortie
        self.readied_at_s = now_s
        self.prepared = False
        self.launch_wanted = False
        self.open = True
        self.token = 0
        self.launched_at_s: float | None = None
        self.overhead_at_s: float | None = None
        self.delivered_at_s: float | None = None
        self.taken_at_s: float | None = None
        self.attached_at_s: float | None = None
        self.taken_by: str | None = None
        self.hands_off_s = 0.0
        self.recalled_for: str | None = None
        self.lost = ""


class Desk:
    """One policy's operator in one replication."""

    def __init__(self, fleet: Fleet, now: Callable[[], float], plan: Plan, tell: Tell) -> None:
        self.fleet = fleet
        self._now, self._plan, self._tell = now, plan, tell
        self._options: dict[int, dict[int, Option]] = {}
        self._missions: dict[int, dict[int, Mission]] = {}
        self._passed: dict[int, str] = {}
        self._scenes: dict[int, Scene] = {}

    # --- the core's commands ------------------------------------------------------------------

    def find(
        self, incident: int, lat: float, lon: float, *, exclude: tuple[int, ...] = ()
    ) -> tuple[tuple[Option, ...], tuple[Passed, ...]]:
        """Drones that could go, and the others with a reason."""
        options, passed = self.fleet.search(lat, lon, self._now(), exclude=exclude)
        self._options[incident] = {option.drone: option for option in options}
        if not options:
            self._passed[incident] = farthest(p.reason for p in passed)
        return options, passed

    def note(self, incident: int, reason: str) -> None:
        """Why the core wants no drone: a reason of ``LOST_AT``."""
        if reason not in LOST_AT:
            raise KeyError(f"unknown reason {reason!r}")
        self._passed[incident] = reason

    def ready(self, incident: int, task: int, drone: int) -> str:
        """Prepare a drone found before and ask for permission: "" or why it cannot be had."""
        option = self._options.get(incident, {}).get(drone)
        if option is None:
            return "not_found_before"
        now_s = self._now()
        if not self.fleet.is_free(drone, now_s + option.waits_s):
            return "claimed"
        self.fleet.take(drone)
        mission = Mission(incident, task, self.fleet.sortie(incident, option), now_s)
        self._missions.setdefault(incident, {})[task] = mission
        self._plan(now_s + mission.sortie.ready_s, self._prepared, mission, mission.token)
        return ""

    def launch(self, incident: int, task: int) -> None:
        """The word to go: at once, or as soon as it is ready."""
        mission = self._missions[incident][task]
        if not mission.open or mission.launch_wanted:
            return
        mission.launch_wanted = True
        if mission.prepared:
            self._take_off(mission)

    def recall(self, incident: int, task: int, reason: str) -> bool:
        """Come home, or stay. False: too late, the AED is going down or lies there already."""
        mission = self._missions[incident][task]
        if not mission.open or mission.overhead_at_s is not None:
            return False
        mission.recalled_for = reason
        self._stop(mission, "recalled_on_ground")
        return True

    def end(self, incident: int) -> None:
        """The incident is over: whatever still could come home, does."""
        for mission in self._missions.get(incident, {}).values():
            if mission.open and mission.overhead_at_s is None:
                mission.recalled_for = mission.recalled_for or "incident_over"
                self._stop(mission, "recalled_on_ground")
            mission.open = False

    # --- what happens -------------------------------------------------------------------------

    def _prepared(self, mission: Mission, token: int) -> None:
        if token != mission.token or not mission.open:
            return
        if mission.sortie.stopped:
            self._stop(mission, mission.sortie.stopped)
            self._tell(mission.incident, mission.task, News.LOST, reason=mission.lost)
            return
        mission.prepared = True
        self._tell(mission.incident, mission.task, News.READY)
        if mission.launch_wanted and mission.launched_at_s is None:
            self._take_off(mission)

    def _take_off(self, mission: Mission) -> None:
        if not mission.sortie.starts:
            self._stop(mission, "start_failed")
            self._tell(mission.incident, mission.task, News.LOST, reason=mission.lost)
            return
        now_s = self._now()
        mission.launched_at_s = now_s
        overhead_s = now_s + mission.sortie.flight_s
        self._plan(overhead_s, self._overhead, mission, mission.token)
        due_s = overhead_s + mission.sortie.lowering_s
        self._tell(mission.incident, mission.task, News.LAUNCHED, due_s=due_s)

    def _overhead(self, mission: Mission, token: int) -> None:
        if token != mission.token:
            return
        mission.overhead_at_s = now_s = self._now()
        self._plan(now_s + mission.sortie.lowering_s, self._lowered, mission)
        if mission.open:
            self._tell(mission.incident, mission.task, News.OVERHEAD)

    def _lowered(self, mission: Mission) -> None:
        now_s, sortie = self._now(), mission.sortie
        assert sortie.way is not None
        assert mission.launched_at_s is not None
        self.fleet.comes_back(sortie.option.drone, mission.launched_at_s, now_s, sortie.way)
        if not sortie.delivers:
            mission.lost = "delivery_failed"
            if mission.open:
                mission.open = False
                self._tell(mission.incident, mission.task, News.LOST, reason=mission.lost)
            return
        mission.delivered_at_s = now_s
        if mission.open:
            self._tell(mission.incident, mission.task, News.DELIVERED)

    def _stop(self, mission: Mission, reason: str) -> None:
        """The mission ends before the AED goes down."""
        mission.open = False
        mission.token += 1
        mission.lost = reason
        drone, now_s = mission.sortie.option.drone, self._now()
        if mission.launched_at_s is None:
            self.fleet.stands_down(drone, now_s)
            return
        mission.lost = "recalled_in_flight"
        assert mission.sortie.way is not None
        flown = (now_s - mission.launched_at_s) / max(mission.sortie.flight_s, 1e-9)
        self.fleet.comes_back(
            drone, mission.launched_at_s, now_s, mission.sortie.way, min(flown, 1.0)
        )

    # --- people at the scene ------------------------------------------------------------------

    def note_scene(self, incident: int, scene: Scene) -> None:
        """Who is there and what control knows; used when an AED comes down."""
        self._scenes[incident] = scene

    def somebody_takes(self, incident: int, task: int, *, volunteer: bool) -> None:
        """An AED lies there: let whoever is at the scene go for it, if anybody is.

        Called at the delivery, and again when a volunteer arrives later.
        """
        mission = self._missions[incident][task]
        if mission.delivered_at_s is None or mission.taken_by in {"volunteer", "bystander"}:
            return
        scene = self._scenes.get(incident)
        hands = 0 if scene is None else scene.hands
        taken = self.fleet.hand_over(incident, hands=hands, volunteer=volunteer)
        mission.taken_by = taken.by
        if taken.by == "nobody":
            return
        mission.hands_off_s = taken.hands_off_s
        now_s = self._now()
        self._plan(now_s + taken.taken_s, self._taken, mission)
        self._plan(now_s + taken.attached_s, self._attached, mission)

    def _taken(self, mission: Mission) -> None:
        mission.taken_at_s = self._now()
        if mission.open:
            self._tell(mission.incident, mission.task, News.TAKEN)

    def _attached(self, mission: Mission) -> None:
        mission.attached_at_s = self._now()
        if mission.open:
            self._tell(mission.incident, mission.task, News.ATTACHED)

    # --- what it came to ----------------------------------------------------------------------

    def row(
        self,
        incident: int,
        call_at_s: float,
        *,
        crew_attached_s: float,
        other_attached_s: float,
        true_arrest: bool,
        shockable: bool,
    ) -> DroneRow:
        """The incident's row; the other defibrillators in seconds from the call, inf: never."""
        missions = list(self._missions.get(incident, {}).values())
        if not missions:
            reason = self._passed.get(incident, "not_used")
            return DroneRow(lost(reason), reason)
        mission = max(missions, key=_progress)
        stage, reason = _reached(
            mission, call_at_s, crew_attached_s, other_attached_s, true_arrest, shockable
        )
        sortie, way = mission.sortie, mission.sortie.way
        base = self.fleet.parameters.bases[sortie.option.base]
        flown = sortie.option.way if way is None else way
        return DroneRow(
            stage=stage,
            reason=reason,
            base_id=base.base_id,
            drone=sortie.option.drone,
            distance_m=round(flown.route.length_m, 1),
            asked=sortie.asked,
            granted=sortie.granted,
            readied_s=_since(call_at_s, mission.readied_at_s),
            launched_s=_since(call_at_s, mission.launched_at_s),
            overhead_s=_since(call_at_s, mission.overhead_at_s),
            delivered_s=_since(call_at_s, mission.delivered_at_s),
            taken_s=_since(call_at_s, mission.taken_at_s),
            taken_by=mission.taken_by,
            attached_s=_since(call_at_s, mission.attached_at_s),
            hands_off_s=mission.hands_off_s if mission.taken_at_s is not None else None,
            recalled_for=mission.recalled_for,
        )

    def forget(self, incident: int) -> None:
        """Nothing more is asked about this incident."""
        for kept in (self._options, self._missions, self._passed, self._scenes):
            kept.pop(incident, None)


def _progress(mission: Mission) -> tuple[int, float, int]:
    moments = (
        mission.launched_at_s, mission.overhead_at_s, mission.delivered_at_s,
        mission.taken_at_s, mission.attached_at_s,
    )  # fmt: skip
    done = sum(moment is not None for moment in moments)
    return done, -mission.readied_at_s, -mission.task


def _reached(
    mission: Mission,
    call_at_s: float,
    crew_s: float,
    other_s: float,
    true_arrest: bool,
    shockable: bool,
) -> tuple[Stage, str]:
    if mission.lost:
        return lost(mission.lost), mission.lost
    if mission.delivered_at_s is None:
        return Stage.ENERGY, "no_gain"  # readied, and then never sent
    if mission.attached_at_s is None:
        alone = mission.taken_by in {None, "nobody"}
        waits = alone and mission.delivered_at_s - call_at_s < crew_s
        reason = "nobody_to_take" if waits else "crew_first"
        return lost(reason), reason
    attached_s = mission.attached_at_s - call_at_s
    if min(crew_s, other_s) <= attached_s:
        reason = "crew_first" if crew_s <= other_s else "other_aed_first"
        return lost(reason), reason
    if not true_arrest or not shockable:
        reason = "not_shockable" if true_arrest else "no_arrest"
        return lost(reason), reason
    return Stage.SHOCK, ""


def _since(call_at_s: float, moment_s: float | None) -> float | None:
    return None if moment_s is None else round(moment_s - call_at_s, 3)
