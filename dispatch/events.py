"""What can happen to one incident. Events are facts; the core never fails on a late or doubled one.

Each event is told to the incident that it belongs to, so it carries no incident id (except the
first). The union ``Event`` is tagged with the class name: ``msgspec.json`` round-trips it.
"""

from __future__ import annotations

from msgspec import Struct

from dispatch.model import (
    Candidate,
    DroneOption,
    DronePassed,
    HoldKind,
    PassedOver,
    Resource,
    Scene,
    TimerKind,
)


class _Event(Struct, frozen=True, gc=False, tag=True, tag_field="event"):
    pass


# --- ambulance control -----------------------------------------------------------------------


class IncidentReported(_Event, frozen=True):
    """A call that the trigger table counts. ``confirmed=False``: suspected, nobody is woken."""

    incident_id: str
    lat: float
    lon: float
    confirmed: bool = True
    scene: Scene = Scene.UNKNOWN
    cpr_in_progress: bool = False
    ambulance_due_at_s: float | None = None
    holds: tuple[HoldKind, ...] = ()
    utc_offset_s: float = 0.0  # local time minus UTC at the patient, for the rules of day and night
    age_years: float | None = None  # this and the next three: see ``SceneFacts``
    trauma: bool | None = None
    no_delivery: bool | None = None
    hands: int | None = None


class IncidentConfirmed(_Event, frozen=True):
    """Control recognised an arrest."""


class LocationChanged(_Event, frozen=True):
    lat: float
    lon: float


class CprStatusChanged(_Event, frozen=True):
    """Somebody at the scene started or stopped compressions."""

    in_progress: bool


class HoldPlaced(_Event, frozen=True):
    kind: HoldKind
    reason: str = ""
    placed_by: str = ""


class HoldLifted(_Event, frozen=True):
    kind: HoldKind
    lifted_by: str = ""


class SceneFacts(_Event, frozen=True):
    """What bears on a drone; None: nothing new was said.

    ``no_delivery``: no place to put an AED down. ``hands``: people there who could help.
    """

    age_years: float | None = None
    trauma: bool | None = None
    no_delivery: bool | None = None
    hands: int | None = None


class AedAttached(_Event, frozen=True):
    """An AED that no drone brought is on the patient."""


class AmbulanceEtaChanged(_Event, frozen=True):
    due_at_s: float | None


class AmbulanceArrived(_Event, frozen=True):
    pass


class IncidentCancelled(_Event, frozen=True):
    reason: str = ""


class IncidentClosed(_Event, frozen=True):
    reason: str = ""


# --- the driver's answers --------------------------------------------------------------------


class CandidatesFound(_Event, frozen=True):
    """Answer to ``FindCandidates``: at most ``Query.limit`` eligible people, the best first.

    ``cut``: there were more eligible people than the limit let through.
    """

    query_id: int
    roster_version: int
    region_id: str
    candidates: tuple[Candidate, ...]
    passed_over: tuple[PassedOver, ...] = ()
    straight_line: bool = False
    cut: bool = False


class CandidatesFailed(_Event, frozen=True):
    query_id: int
    reason: str


class ClaimRefused(_Event, frozen=True):
    """A guarded command (``SendAlert``, ``Assign``) lost: somebody else holds the resource."""

    alert_id: int
    resource: Resource
    resource_id: int
    reason: str


class AlertDelivered(_Event, frozen=True):
    alert_id: int


MAY_HAVE_ARRIVED = frozenset({"no_receipt"})
"""Reasons of ``AlertUndelivered`` under which the message may be on the phone all the same."""


class AlertUndelivered(_Event, frozen=True):
    """Every channel of that person failed, or none gave a receipt in time."""

    alert_id: int
    reason: str


# --- people ----------------------------------------------------------------------------------


class AlertSeen(_Event, frozen=True):
    alert_id: int


class AlertAccepted(_Event, frozen=True):
    alert_id: int


class AlertDeclined(_Event, frozen=True):
    alert_id: int


class ResponderMoving(_Event, frozen=True):
    alert_id: int


class AedObtained(_Event, frozen=True):
    alert_id: int
    aed_id: int


class AedUnavailable(_Event, frozen=True):
    """The AED is not there, locked or broken (``problem``): the core replans."""

    alert_id: int
    aed_id: int
    problem: str


class ResponderArrived(_Event, frozen=True):
    alert_id: int


class PatientReached(_Event, frozen=True):
    """The responder has hands on the patient."""

    alert_id: int


class ResponderDropped(_Event, frozen=True):
    """ "I can't continue"."""

    alert_id: int
    reason: str = ""


# --- drones ----------------------------------------------------------------------------------


class DronesFound(_Event, frozen=True):
    """Answer to ``FindDrones``: the drones that could go, the soonest first."""

    query_id: int
    options: tuple[DroneOption, ...] = ()
    passed: tuple[DronePassed, ...] = ()


class DronesFailed(_Event, frozen=True):
    query_id: int
    reason: str


class DroneRefused(_Event, frozen=True):
    """``ReadyDrone`` or ``LaunchDrone`` lost the claim: another incident holds the drone."""

    task_id: int
    reason: str


class DroneReady(_Event, frozen=True):
    """Prepared and allowed; it waits for the word, unless that was given."""

    task_id: int


class DroneLaunched(_Event, frozen=True):
    task_id: int
    due_at_s: float  # the AED on the ground


class DroneEtaChanged(_Event, frozen=True):
    task_id: int
    due_at_s: float


class DroneDelivered(_Event, frozen=True):
    """The AED lies on the ground."""

    task_id: int


class DroneAedTaken(_Event, frozen=True):
    """Somebody has the AED; ``alert_id`` None: not one of those who were asked."""

    task_id: int
    alert_id: int | None = None


class DroneLost(_Event, frozen=True):
    """It will bring no AED: permission refused, failed to start, to fly or to deliver."""

    task_id: int
    reason: str


# --- time ------------------------------------------------------------------------------------


class TimerFired(_Event, frozen=True):
    kind: TimerKind
    ref: int


Event = (
    IncidentReported
    | IncidentConfirmed
    | LocationChanged
    | CprStatusChanged
    | HoldPlaced
    | HoldLifted
    | AmbulanceEtaChanged
    | AmbulanceArrived
    | IncidentCancelled
    | IncidentClosed
    | CandidatesFound
    | CandidatesFailed
    | ClaimRefused
    | AlertDelivered
    | AlertUndelivered
    | AlertSeen
    | AlertAccepted
    | AlertDeclined
    | ResponderMoving
    | AedObtained
    | AedUnavailable
    | ResponderArrived
    | PatientReached
    | ResponderDropped
    | TimerFired
    | SceneFacts
    | AedAttached
    | DronesFound
    | DronesFailed
    | DroneRefused
    | DroneReady
    | DroneLaunched
    | DroneEtaChanged
    | DroneDelivered
    | DroneAedTaken
    | DroneLost
)

EVENT_TYPES: tuple[type[_Event], ...] = Event.__args__
