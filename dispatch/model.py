"""The nouns of the decision core: an incident, its alerts and the people who could go.

Everything here is immutable plain data. Times are seconds: fields named ``*_at_s`` are moments
(UTC epoch seconds), other ``*_s`` fields are durations. ``None`` means unknown or not reachable.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Phase(StrEnum):
    """Where an incident stands; the rows of the transition table."""

    NEW = "new"  # nothing is known yet
    SUSPECTED = "suspected"  # control suspects an arrest; nobody is woken
    SEARCHING = "searching"  # waiting for the first candidates
    ALERTING = "alerting"  # people are being asked, or a wave is still to come
    COVERED = "covered"  # enough people said yes
    EXHAUSTED = "exhausted"  # nobody is left to ask; control has been told
    HELD = "held"  # unsafe scene, do-not-alert or a stop: nobody is asked
    CREW_ON_SCENE = "crew_on_scene"  # the ambulance is there
    ENDED = "ended"  # closed, cancelled or expired


class Role(StrEnum):
    """What a person is asked to do."""

    CPR = "cpr"  # straight to the patient
    AED = "aed"  # to the patient by way of an AED


class AlertStatus(StrEnum):
    """Where one alert stands. The second group is final: an alert ends in exactly one of them."""

    ASKED = "asked"
    UNCONFIRMED = "unconfirmed"  # sent, but no phone has said so: somebody else is asked as well
    DELIVERED = "delivered"
    SEEN = "seen"
    ACCEPTED = "accepted"  # said yes, place held
    MOVING = "moving"
    HAS_AED = "has_aed"
    ARRIVED = "arrived"
    WITH_PATIENT = "with_patient"

    DECLINED = "declined"
    UNDELIVERED = "undelivered"
    REFUSED = "refused"  # the person was claimed elsewhere before we could ask
    WITHDRAWN = "withdrawn"  # asked, then no longer needed
    EXPIRED = "expired"  # no answer before the deadline
    STOOD_DOWN = "stood_down"  # had said yes, then no longer needed
    DROPPED = "dropped"  # had said yes, then could not continue
    LAPSED = "lapsed"  # had said yes, then no sign of setting off
    COMPLETED = "completed"  # reached the scene; the incident is over


OPEN_STATUSES = frozenset(
    {
        AlertStatus.ASKED,
        AlertStatus.UNCONFIRMED,
        AlertStatus.DELIVERED,
        AlertStatus.SEEN,
        AlertStatus.ACCEPTED,
        AlertStatus.MOVING,
        AlertStatus.HAS_AED,
        AlertStatus.ARRIVED,
        AlertStatus.WITH_PATIENT,
    }
)
NOT_CONFIRMED_STATUSES = frozenset({AlertStatus.ASKED, AlertStatus.UNCONFIRMED})
ASKING_STATUSES = NOT_CONFIRMED_STATUSES | {AlertStatus.DELIVERED, AlertStatus.SEEN}
ASSIGNED_STATUSES = OPEN_STATUSES - ASKING_STATUSES


class DroneStatus(StrEnum):
    """Where the task of one drone stands. The second group is final: a task ends in one of them."""

    CLAIMED = "claimed"  # taken: is being prepared, permission is asked for
    READY = "ready"  # prepared and allowed, waits for the word
    IN_FLIGHT = "in_flight"
    DELIVERED = "delivered"  # the AED lies on the ground
    TAKEN = "taken"  # somebody has the AED

    REFUSED = "refused"  # another incident held the drone
    RECALLED = "recalled"
    LOST = "lost"
    COMPLETED = "completed"  # delivered; the incident is over


RECALLABLE_DRONES = frozenset({DroneStatus.CLAIMED, DroneStatus.READY, DroneStatus.IN_FLIGHT})
OPEN_DRONES = RECALLABLE_DRONES | {DroneStatus.DELIVERED, DroneStatus.TAKEN}


class Scene(StrEnum):
    SAFE = "safe"
    UNSAFE = "unsafe"
    UNKNOWN = "unknown"


class HoldKind(StrEnum):
    """Why nobody may be asked for now."""

    UNSAFE_SCENE = "unsafe_scene"
    DO_NOT_ALERT = "do_not_alert"
    ALERTING_STOPPED = "alerting_stopped"
    NO_ALERT_AREA = "no_alert_area"


class TimerKind(StrEnum):
    """What a timer is for; ``ref`` of a timer is an alert id, a wave number or a query id."""

    CANDIDATES = "candidates"  # ref = query id: no answer yet, fall back to straight lines
    WAVE = "wave"  # ref = wave number
    SILENCE = "silence"  # ref = alert id: no answer yet, ask the next person
    DEADLINE = "deadline"  # ref = alert id: the alert is of no use any more
    LEASE = "lease"  # ref = alert id: said yes and shows no sign of setting off
    REVIEW = "review"  # ref = 0: nothing may stay open for ever
    DRONES = "drones"  # ref = drone query id: no answer in time, so no drone


class Order(StrEnum):
    """In which order people are asked; ties always go to the lower responder id."""

    SOONEST = "soonest"  # travel time straight to the patient
    VIA_AED = (
        "via_aed"  # travel time by way of an AED; people without one come after, soonest first
    )
    DISTANCE = "distance"  # straight line from the reported position


class Resource(StrEnum):
    RESPONDER = "responder"
    AED = "aed"
    DRONE = "drone"


class Candidate(Struct, frozen=True, gc=False):
    """One eligible person and how soon they could be there, as the system sees it.

    ``direct_s``: travel time to the patient. ``via_aed_s``: travel time by way of ``aed_id``
    including picking it up; ``to_aed_s`` is the part up to the AED. None: not within the bound.
    """

    responder_id: int
    direct_s: float | None
    via_aed_s: float | None = None
    aed_id: int | None = None
    to_aed_s: float | None = None
    distance_m: float | None = None  # straight line, patient to reported position
    position_age_s: float = 0.0
    position_accuracy_m: float = 0.0
    recent_alerts: int = 0
    trained: bool = True  # False only where a simulation asks untrained people too


class PassedOver(Struct, frozen=True, gc=False):
    """A nearer person who was not eligible, and why (a code of ``dispatch.eligibility``)."""

    responder_id: int
    reason: str
    direct_s: float | None = None


class Query(Struct, frozen=True, gc=False):
    """What ``FindCandidates`` asks for. The driver answers with at most ``limit`` people."""

    query_id: int
    lat: float
    lon: float
    bound_s: float
    limit: int
    radius_m: float | None = None
    with_aeds: bool = True
    aed_pickup_s: float = 30.0
    exclude: tuple[int, ...] = ()  # responder ids not to be asked (again) in this incident
    night: bool = False
    straight_line: bool = False  # do not route: the fallback was asked for
    order: Order = Order.SOONEST  # which people are the best ``limit``
    exclude_aeds: tuple[int, ...] = ()  # AED ids found missing or locked in this incident
    untrained: bool = False  # simulation only: people without training may be asked as well


class Alert(Struct, frozen=True, gc=False):
    """One person asked once. ``eta_s`` is the travel time for the role at the time of asking."""

    alert_id: int  # 1, 2, 3 ... within the incident
    responder_id: int
    role: Role
    aed_id: int | None
    eta_s: float
    direct_s: float | None
    asked_at_s: float
    wave: int
    reason: str  # why this person: a code of ``dispatch.explain``
    status: AlertStatus = AlertStatus.ASKED
    replaced: bool = False  # silent so long that we no longer count on an answer
    accepted_at_s: float | None = None
    ended_at_s: float | None = None
    end_reason: str = ""  # the reason of its ``EndAlert``
    via_aed_s: float | None = None  # the way by ``way_aed_id``, whatever the role
    way_aed_id: int | None = None


class DroneOption(Struct, frozen=True, gc=False):
    """One drone that could go. ``eta_s``: from the word to the AED on the ground, as expected."""

    drone_id: int
    eta_s: float
    granted_share: float = 1.0  # chance of permission where one is needed
    asks: tuple[str, ...] = ()  # airspace volumes that must be asked for


class DronePassed(Struct, frozen=True, gc=False):
    """A drone that cannot go, and why (a code of ``dispatch.explain``)."""

    drone_id: int
    reason: str


class DroneQuery(Struct, frozen=True, gc=False):
    """What ``FindDrones`` asks for; ``exclude``: drones that failed in this incident."""

    query_id: int
    lat: float
    lon: float
    exclude: tuple[int, ...] = ()


class DroneTask(Struct, frozen=True, gc=False):
    """One drone claimed once. ``due_at_s``: when the AED should be on the ground."""

    task_id: int  # 1, 2, 3 ... within the incident
    drone_id: int
    status: DroneStatus
    eta_s: float  # as expected when it was chosen
    begun_at_s: float
    told_to_go_at_s: float | None = None
    due_at_s: float | None = None
    told_to_take: bool = False  # somebody was told to go for the AED
    taken_by: int | None = None  # alert id; None: somebody at the scene, or nobody yet
    ended_at_s: float | None = None
    end_reason: str = ""


class DroneSide(Struct, frozen=True, gc=False):
    """What an incident holds about drones, where its policy uses them.

    ``hands``: people at the scene who could help, None: not known. ``note``: why no drone goes.
    """

    age_years: float | None = None
    trauma: bool = False
    no_delivery: bool = False  # no place to put an AED down
    hands: int | None = None
    aed_attached: bool = False  # another AED is on the patient
    query_id: int = 0
    found_at_s: float | None = None  # when ``options`` were found; None: look anew
    options: tuple[DroneOption, ...] = ()  # soonest first
    tasks: tuple[DroneTask, ...] = ()
    note: str = ""


class Incident(Struct, frozen=True, gc=False):
    """The whole state of one incident; what a snapshot stores."""

    incident_id: str
    phase: Phase
    version: int
    policy_id: str
    reported_at_s: float
    lat: float
    lon: float
    confirmed_at_s: float | None = None
    scene: Scene = Scene.UNKNOWN
    cpr_in_progress: bool = False
    ambulance_due_at_s: float | None = None
    holds: tuple[HoldKind, ...] = ()
    query_id: int = 0
    region_id: str = ""
    roster_version: int = 0
    straight_line: bool = False
    candidates: tuple[Candidate, ...] = ()  # not asked yet, in the policy's order
    alerts: tuple[Alert, ...] = ()
    next_wave: int = 0
    timers: tuple[tuple[TimerKind, int], ...] = ()  # running timers
    end_reason: str = ""
    utc_offset_s: float = 0.0  # local time minus UTC where the patient is
    waves_from_s: float | None = (
        None  # waves count from here: confirmation, or the last lifted hold
    )
    found_at_s: float | None = None  # when ``candidates`` were found
    more: bool = False  # the list was cut at its limit or is out of date: ask for another
    lost_aeds: tuple[int, ...] = ()  # AEDs missing, locked, broken or claimed elsewhere
    fallback: bool = False  # the running query asks for straight lines
    drones: DroneSide | None = None  # None: the policy uses no drones
