"""What goes in and comes out over HTTP. Units are in the names, times are RFC 3339."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from dispatch.live.places import from_british_grid
from dispatch.model import Scene

_PLAIN = r"^[^\x00]*$"
FIRST_MOMENT = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
LAST_MOMENT = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
BIG = 2**31 - 1


def _in_reach(value: dt.datetime) -> dt.datetime:
    if not FIRST_MOMENT <= value <= LAST_MOMENT:
        raise ValueError("expected a moment between 2000 and 2200")
    return value


Lat = Annotated[float, Field(ge=-90.0, le=90.0, allow_inf_nan=False)]
Lon = Annotated[float, Field(ge=-180.0, le=180.0, allow_inf_nan=False)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_reach)]
Id = Annotated[int, Field(ge=0, le=BIG)]
Word = Annotated[str, StringConstraints(max_length=80, pattern=_PLAIN)]
NotEmpty = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=_PLAIN)]
Text = Annotated[str, StringConstraints(max_length=2000, pattern=_PLAIN)]
TriageCode = Annotated[str, StringConstraints(max_length=40, pattern=_PLAIN, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(max_length=40, pattern=r"^[a-z][a-z0-9_]*$")]
Flag = Literal[
    "child",
    "trauma",
    "care_home",
    "expected_death",
    "do_not_resuscitate",
    "violence",
    "hazard",
    "drowning",
    "overdose",
]


def moment(at_s: float | None) -> dt.datetime | None:
    """Return an aware datetime for epoch seconds."""
    return None if at_s is None else dt.datetime.fromtimestamp(at_s, dt.UTC)


def a_moment(at_s: float) -> dt.datetime:
    """Return an aware datetime for epoch seconds that are known."""
    return dt.datetime.fromtimestamp(at_s, dt.UTC)


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(_Out):
    """RFC 9457. ``code`` is stable; ``detail`` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[dict[str, Any]] | None = None


# --- control ----------------------------------------------------------------------------------


class Location(_In):
    """Either ``lat`` and ``lon`` (WGS84) or ``easting`` and ``northing`` (British grid, m)."""

    lat: Lat | None = None
    lon: Lon | None = None
    easting: Annotated[float, Field(ge=0, le=700_000, allow_inf_nan=False)] | None = None
    northing: Annotated[float, Field(ge=0, le=1_300_000, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _one_pair(self) -> Location:
        degrees = (self.lat is not None, self.lon is not None)
        grid = (self.easting is not None, self.northing is not None)
        if sorted((degrees, grid)) != [(False, False), (True, True)]:
            raise ValueError("expected lat and lon, or easting and northing")
        return self

    def at(self) -> tuple[float, float]:
        """Return (lat, lon) in WGS84."""
        if self.easting is not None and self.northing is not None:
            return from_british_grid(self.easting, self.northing)
        assert self.lat is not None
        assert self.lon is not None
        return self.lat, self.lon


class _FactsIn(_In):
    """What bears on a drone, as far as it is known; left out: nothing new is said.

    ``no_delivery``: no place to put an AED down. ``hands``: people there who could help.
    """

    age_years: Annotated[float, Field(ge=0, le=130, allow_inf_nan=False)] | None = None
    trauma: bool | None = None
    no_delivery: bool | None = None
    hands: Annotated[int, Field(ge=0, le=1000)] | None = None


class ReportIn(_FactsIn):
    """A call. ``reference`` with ``source`` is control's own number; ``version`` its revision.

    Send ``source``, the name of your system: without it the key stands for it, and with the next
    key the same call would be another one. Reported again without a version it is the newest.
    """

    reference: NotEmpty
    location: Location
    source: Word = ""
    version: Id = 0
    code: TriageCode = ""
    flags: list[Flag] = Field(default_factory=list, max_length=20)
    confirmed: bool | None = None
    scene: Scene = Scene.UNKNOWN
    cpr_in_progress: bool = False
    ambulance_due_at: Moment | None = None
    address: Text = ""
    access_notes: Text = ""


class UpdateIn(_FactsIn):
    """What has changed; fields that are left out stay as they are."""

    version: Id | None = None
    location: Location | None = None
    code: TriageCode | None = None
    flags: list[Flag] | None = Field(default=None, max_length=20)
    confirmed: Literal[True] | None = None
    cpr_in_progress: bool | None = None
    address: Text | None = None
    access_notes: Text | None = None


class EndIn(_In):
    """Why control takes the call back or closes it."""

    reason: Word = ""


class SceneIn(_FactsIn):
    """Whether people may go there. ``do_not_alert`` with a reason stands people down at once.

    ``aed_attached``: an AED that no drone brought is on the patient.
    """

    scene: Scene | None = None
    do_not_alert: bool | None = None
    aed_attached: Literal[True] | None = None
    reason: Word = ""


class AmbulanceIn(_In):
    """When the ambulance is expected (null: not known any more), or that it is there.

    ``due_at`` lies between 1 h ago and 6 h ahead. That it is there cannot be taken back (409).
    """

    due_at: Moment | None = None
    on_scene: bool = False


class Place(_Out):
    """WGS84."""

    lat: float
    lon: float


class LastSeen(_Out):
    """Where somebody who said yes was last: how far from the patient, and when."""

    at: dt.datetime
    distance_m: int


class AlertRow(_Out):
    """One person asked, as control sees it."""

    alert_id: int
    responder_id: int
    initials: str
    role: str
    aed_id: int | None
    status: str
    eta_s: int
    asked_at: dt.datetime
    said_yes_at: dt.datetime | None
    last_sign_at: dt.datetime | None
    last_seen: LastSeen | None
    ended_at: dt.datetime | None
    end_reason: str
    words: str


class DroneRow(_Out):
    """One drone that was sent or made ready, as control sees it. ``eta_s``: when it was chosen.

    ``taken_by``: the alert of the person who is to fetch the AED or has it; null: somebody there.
    """

    task_id: int
    drone_id: int
    base: str
    status: str
    eta_s: int
    begun_at: dt.datetime
    told_to_go_at: dt.datetime | None
    due_at: dt.datetime | None
    taken_by: int | None
    ended_at: dt.datetime | None
    end_reason: str
    words: str


class DroneSideView(_Out):
    """What is known that bears on drones. ``why_none``: why none goes, in words."""

    age_years: float | None
    trauma: bool
    no_delivery: bool
    hands: int | None
    aed_attached: bool
    searching: bool
    why_none: str | None
    tasks: list[DroneRow]


class IncidentView(_Out):
    """An incident as control sees it. ``alerting``: people are or may still be asked.

    ``drones``: null where the policy uses none.
    """

    incident_id: str
    source: str
    reference: str
    version: int
    code: str
    rule: str
    flags: list[str]
    phase: str
    open: bool
    alerting: bool
    why_not_alerting: str | None
    warning: str | None
    holds: list[str]
    scene: str
    cpr_in_progress: bool
    location: Place
    address: str
    access_notes: str
    reported_at: dt.datetime
    updated_at: dt.datetime
    ambulance_due_at: dt.datetime | None
    policy_id: str
    attention: str | None
    end_reason: str
    asked: int
    said_yes: int
    on_scene: int
    alerts: list[AlertRow]
    drones: DroneSideView | None
    possible_duplicates: list[str]


class IncidentRow(_Out):
    """One line of a list of incidents."""

    incident_id: str
    reference: str
    code: str
    phase: str
    open: bool
    attention: str | None
    reported_at: dt.datetime


class IncidentList(_Out):
    """The latest incidents, newest first."""

    incidents: list[IncidentRow]


class StoryLine(_Out):
    """One sentence; ``after_s`` counts from the report."""

    after_s: float
    text: str


class Explanation(_Out):
    """Why these people, and why not others."""

    incident_id: str
    policy_id: str
    policy_title: str
    lines: list[StoryLine]
    passed_over: list[str]
    about: str | None = None


class WebhookIn(_In):
    """Where to send what happens. ``kinds``: only these; none named: all."""

    url: Annotated[str, StringConstraints(max_length=1000, pattern=r"^https?://[^\s\x00]+$")]
    kinds: list[Word] = Field(default_factory=list, max_length=50)


class WebhookOut(_Out):
    """``secret`` signs every delivery; it is shown once."""

    webhook_id: str
    secret: str


class WebhookRow(_Out):
    """``told_up_to``: id of the last event that was taken. ``failing_since``: null while it works.

    ``kinds``: only these; none named: all.
    """

    webhook_id: str
    url: str
    kinds: list[str]
    created_at: dt.datetime
    told_up_to: int
    failing_since: dt.datetime | None


class WebhookList(_Out):
    """Who is told of what happens."""

    webhooks: list[WebhookRow]


class StopIn(_In):
    """The brake: who decided it, why, until when; a stop within 7 days."""

    reason: NotEmpty
    person: NotEmpty
    expires_at: Moment


class AreaIn(StopIn):
    """A no-alert area: a ring of [lat, lon]."""

    area: list[tuple[Lat, Lon]] = Field(min_length=3, max_length=1000)


class ResumeIn(_In):
    """Take one brake off; without an id the only stop (several: 409)."""

    person: NotEmpty
    brake_id: Word | None = None


# Two numbers, said with lengths: readers of OpenAPI stumble over `prefixItems` in answers.
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]


class BrakeOut(_Out):
    """A stop or an area in force."""

    brake_id: str
    kind: str
    area: list[Pair]
    reason: str
    person: str
    placed_at: dt.datetime
    expires_at: dt.datetime


class BrakeList(_Out):
    """All brakes in force."""

    brakes: list[BrakeOut]


class CoverageCell(_Out):
    """A square of about 1 km: its middle, people who may be asked, AEDs that can be had."""

    lat: float
    lon: float
    responders: int
    aeds: int


class Coverage(_Out):
    """How it stands now. Counts only; cells with one or two people are shown as 3."""

    at: dt.datetime
    responders_registered: int
    responders_available: int
    unavailable_by_reason: dict[str, int]
    aeds_registered: int
    aeds_usable: int
    covered_share: float | None
    covered_within_m: int
    cells: list[CoverageCell]


class ChannelState(_Out):
    """One channel. ``failing_since``: null while it works."""

    channel: str
    failing_since: dt.datetime | None
    reason: str
    waiting: int


class Status(_Out):
    """The one line that must be seen. ``alerting`` false: ``message`` says since when and why."""

    alerting: bool
    message: str
    since: dt.datetime | None
    causes: list[str]
    notes: list[str]
    test_mode: bool
    policy_id: str | None
    channels: list[ChannelState]
    open_incidents: int
    need_attention: int


# --- registrar --------------------------------------------------------------------------------


class ResponderIn(_In):
    """A volunteer as the registrar knows them."""

    name: NotEmpty
    contact: Word = ""
    organisation: Word = ""
    language: Annotated[str, StringConstraints(max_length=12, pattern=r"^[A-Za-z-]*$")] = "en"
    home: Location | None = None
    work: Location | None = None


class ResponderChange(_In):
    """What has changed."""

    name: NotEmpty | None = None
    contact: Word | None = None
    organisation: Word | None = None
    home: Location | None = None
    work: Location | None = None


class PeopleImportIn(_In):
    """Volunteers as CSV with a header: ``name`` and optionally ``contact, organisation, lat, lon``
    (or ``easting, northing``), ``training, evidence, valid_from, valid_until`` (ISO dates).
    """

    content: Annotated[str, StringConstraints(max_length=20_000_000, pattern=_PLAIN)]
    organisation: Word = ""


class PeopleImportOut(_Out):
    """The ids in the order of the list. Training counts once somebody has verified it."""

    responder_ids: list[int]


class CredentialIn(_In):
    """Evidence of training. ``evidence``: what was looked at, e.g. a certificate's number."""

    kind: NotEmpty
    evidence: NotEmpty
    valid_from: Moment
    valid_until: Moment


class ReasonIn(_In):
    """Why."""

    reason: NotEmpty


class CredentialOut(_Out):
    """``verified_by``: who saw the evidence; null: nobody yet."""

    credential_id: str
    kind: str
    evidence: str
    valid_from: dt.datetime
    valid_until: dt.datetime
    verified_by: str | None
    verified_at: dt.datetime | None
    revoked_at: dt.datetime | None


class ResponderOut(_Out):
    """A volunteer as the registrar sees them; ``initials`` are what control sees."""

    responder_id: int
    name: str
    initials: str
    contact: str
    organisation: str
    status: str
    suspended_reason: str
    training_valid_until: dt.datetime | None
    devices: int
    credentials: list[CredentialOut]


class ResponderList(_Out):
    """A page of volunteers. ``next_after``: for the next page; null at the end."""

    responders: list[ResponderOut]
    next_after: int | None


class InvitationIn(_In):
    """Invite a registered person to enrol a phone."""

    responder_id: Id
    expires_at: Moment | None = None


class InvitationOut(_Out):
    """``link`` holds the code behind a #, so that no server logs it."""

    link: str
    code: str
    expires_at: dt.datetime


class AedIn(_In):
    """A defibrillator. It counts only after somebody checked it."""

    external_id: NotEmpty
    location: Location
    source: Word = ""
    place: Word = ""
    access: Word = ""
    indoor: bool | None = None
    level: Annotated[str, StringConstraints(max_length=20, pattern=_PLAIN)] = ""
    opening_hours: Annotated[str, StringConstraints(max_length=500, pattern=_PLAIN)] = ""
    cabinet_code: Word = ""


class AedCheckIn(_In):
    """Somebody looked at it."""

    in_service: bool
    reason: Word = ""


class AedOut(_Out):
    """``status``: unchecked, in_service or out_of_service. ``hours``: known, unknown, invalid."""

    aed_id: int
    source: str
    external_id: str
    location: Place
    place: str
    access: str
    opening_hours: str
    hours: str
    status: str
    status_reason: str
    checked_by: str | None
    checked_at: dt.datetime | None


class AedList(_Out):
    """A page of AEDs."""

    aeds: list[AedOut]
    next_after: int | None


class ImportIn(_In):
    """A list of AEDs as text: CSV with a header, or a GeoJSON FeatureCollection of points."""

    format: Literal["csv", "geojson"]
    content: Annotated[str, StringConstraints(max_length=20_000_000, pattern=_PLAIN)]
    source: NotEmpty


class ImportOut(_Out):
    """What became of a list."""

    added: int
    updated: int
    unchanged: int


# --- drones -----------------------------------------------------------------------------------


class DroneIn(_In):
    """A drone and the base that it flies from. It counts once its operator says that it may fly."""

    external_id: Annotated[
        str, StringConstraints(min_length=1, max_length=80, pattern=_PLAIN, strip_whitespace=True)
    ]
    base: NotEmpty
    location: Location
    aircraft: Annotated[str, StringConstraints(max_length=40, pattern=_PLAIN)] = ""
    source: Annotated[str, StringConstraints(max_length=40, pattern=_PLAIN)] = ""


class DroneServiceIn(_In):
    """Whether a drone may fly now; ``reason``: why not."""

    in_service: bool
    reason: Word = ""


class DroneOut(_Out):
    """``status``: in_service or out_of_service, the operator's word. ``busy``: sent somewhere."""

    drone_id: int
    source: str
    external_id: str
    base: str
    location: Place
    aircraft: str
    status: str
    status_reason: str
    status_by: str | None
    status_at: dt.datetime | None
    busy: bool


class DroneList(_Out):
    """A page of drones."""

    drones: list[DroneOut]
    next_after: int | None


class DroneOrder(_Out):
    """What the operator is asked (``find``) or told.

    ``find``: answer under ``search_id`` until ``answer_by``, without the drones in ``exclude``.
    ``ready``: prepare, ask for permission, stay on the ground. ``launch``: take off once ready.
    ``recall``: come home; over the place it is too late, and that is no fault. ``take``: the AED is
    fetched ``by`` a volunteer or a bystander. ``end``: nothing more is wanted of that task.
    """

    order_id: int
    at: dt.datetime
    kind: str
    incident_id: str
    search_id: int | None
    task_id: int | None
    drone_id: int | None
    external_id: str | None
    location: Place | None
    exclude: list[int]
    answer_by: dt.datetime | None
    by: str | None
    reason: str


class DroneOrders(_Out):
    """Orders in order; ask again with ``next_after``."""

    orders: list[DroneOrder]
    next_after: int


class DroneTaskOut(_Out):
    """One task that is open: what an operator goes on with after a restart."""

    incident_id: str
    task_id: int
    drone_id: int
    external_id: str
    status: str
    told_to_go: bool
    location: Place
    due_at: dt.datetime | None


class DroneTasks(_Out):
    """Every open task; ``next_after``: from where to ask for orders."""

    tasks: list[DroneTaskOut]
    next_after: int


class DroneOptionIn(_In):
    """A drone that could go. ``eta_s``: from the word to the AED on the ground.

    ``asks``: airspace that permission is asked for, granted with ``granted_share``.
    """

    drone_id: Id
    eta_s: Annotated[float, Field(gt=0, le=7200, allow_inf_nan=False)]
    granted_share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    asks: list[Word] = Field(default_factory=list, max_length=50)


class DronePassedIn(_In):
    """A drone that cannot go, and why: a code such as too_far, wind, rain, no_fly_zone, energy."""

    drone_id: Id
    reason: Code


class DronesFoundIn(_In):
    """The answer to a search. ``failed``: nothing could be looked for, and why."""

    options: list[DroneOptionIn] = Field(default_factory=list, max_length=500)
    passed: list[DronePassedIn] = Field(default_factory=list, max_length=500)
    failed: Code | None = None


class DroneNewsIn(_In):
    """What became of a task. ``due_at``: when the AED is on the ground (launched, eta_changed).

    ``reason`` (refused, lost): a code such as permission_refused, start_failed, delivery_failed.
    """

    news: Literal["ready", "refused", "launched", "eta_changed", "delivered", "aed_taken", "lost"]
    due_at: Moment | None = None
    reason: Code | None = None

    @model_validator(mode="after")
    def _has_its_moment(self) -> DroneNewsIn:
        if self.news in ("launched", "eta_changed") and self.due_at is None:
            raise ValueError("expected due_at: when the AED is on the ground")
        return self


class DroneTaken(_Out):
    """``taken`` false: it changed nothing, and ``why_not`` says why; that is no fault."""

    taken: bool
    why_not: str | None


# --- policies ---------------------------------------------------------------------------------


class PolicyIn(_In):
    """A policy file, as text."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[\w.-]+$")]
    content: Annotated[str, StringConstraints(max_length=200_000, pattern=_PLAIN)]


class ShadowIn(_In):
    """Begin or end a shadow run."""

    on: bool = True


class SignOffIn(_In):
    """Who signs for a policy that needs it."""

    person: NotEmpty
    role: NotEmpty
    statement: Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=_PLAIN)]


class ActivateIn(_In):
    """From when the policy is in force; null: now."""

    starts_at: Moment | None = None


class PolicyOut(_Out):
    """Where a policy stands."""

    policy_id: str
    name: str
    title: str
    live_use: str
    proposed_by: str
    approved_by: str | None
    signed_off: bool
    shadow_since: dt.datetime | None
    in_force: bool
    starts_at: dt.datetime | None


class PolicyList(_Out):
    """All policies."""

    policies: list[PolicyOut]


class ShadowRow(_Out):
    """One incident under another policy: who would have been asked, beside what happened."""

    incident_id: str
    at: dt.datetime
    asked: int
    asked_in_force: int
    night: bool
    same_first: int
    would_have_said_yes: int
    soonest_yes_eta_s: int | None
    soonest_yes_eta_in_force_s: int | None


class ShadowReport(_Out):
    """A shadow run so far."""

    policy_id: str
    incidents: int
    asked: int
    asked_in_force: int
    rows: list[ShadowRow]


# --- responder --------------------------------------------------------------------------------


class EnrolIn(_In):
    """The code of an invitation."""

    code: NotEmpty


class RefreshIn(_In):
    """The refresh token; it is good once."""

    refresh_token: NotEmpty


class TokenOut(_Out):
    """Keep both where the phone keeps secrets."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int


class HoursIn(_In):
    """Local ``HH:MM``; an end before the start is on the next day; no days means every day."""

    start: Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    end: Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
    days: list[Literal["mo", "tu", "we", "th", "fr", "sa", "su"]] = Field(
        default_factory=list, max_length=7
    )


class SpotIn(_In):
    """A place that the person does not want to be called to."""

    lat: Lat
    lon: Lon
    radius_m: Annotated[float, Field(ge=10, le=500, allow_inf_nan=False)] = 75.0


class AvailabilityIn(_In):
    """All wishes of the person; what is left out is no wish. See ``docs/app-contract.md``."""

    on_duty: bool = True
    not_before: Moment | None = None
    available: list[HoursIn] = Field(default_factory=list, max_length=50)
    quiet: list[HoursIn] = Field(default_factory=list, max_length=50)
    work_hours: list[HoursIn] = Field(default_factory=list, max_length=50)
    night_within_s: Annotated[float, Field(ge=60, le=3600, allow_inf_nan=False)] | None = None
    alerts_per_30_days: Annotated[int, Field(ge=0, le=1000)] | None = None
    wakes_per_30_days: Annotated[int, Field(ge=0, le=1000)] | None = None
    not_for: list[Literal["child"]] = Field(default_factory=list, max_length=1)
    not_at: list[SpotIn] = Field(default_factory=list, max_length=20)


class AvailabilityOut(AvailabilityIn):
    """The wishes as they are kept, and whether the person may be asked now."""

    may_be_asked: bool
    why_not: str | None


class PositionIn(_In):
    """One fix of the phone. ``accuracy_m``: 68 % radius."""

    lat: Lat
    lon: Lon
    accuracy_m: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
    at: Moment


class PositionTaken(_Out):
    """Only the latest position is kept. ``why_not``: there if this one was not taken."""

    taken: bool
    why_not: str | None = None


class DeviceIn(_In):
    """A phone or browser. ``address``: token, installation id, subscription (JSON) or number."""

    kind: Literal["fcm_fid", "fcm_token", "webpush", "sms", "memory"]
    address: Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=_PLAIN)]
    platform: Annotated[str, StringConstraints(max_length=12, pattern=_PLAIN)] = ""
    language: Annotated[str, StringConstraints(max_length=12, pattern=r"^[A-Za-z-]*$")] = "en"
    may_break_silence: bool | None = None


class DeviceOut(_Out):
    """``readiness`` says what the last test showed, in words."""

    device_id: str
    kind: str
    platform: str
    ready: bool
    readiness: str
    dead_reason: str
    last_seen_at: dt.datetime


class DeviceList(_Out):
    """The person's devices."""

    devices: list[DeviceOut]
    webpush_key: str | None


class TestSent(_Out):
    """A test is on its way; the phone confirms it with its message id."""

    sent: bool
    why_not: str | None


class ReceiptIn(_In):
    """The phone showed a message. ``sounded``: the person heard it (tests)."""

    device_id: Word | None = None
    sounded: bool | None = None


class Me(_Out):
    """What the service knows about the caller."""

    responder_id: int
    initials: str
    status: str
    suspended_reason: str
    training_valid_until: dt.datetime | None
    training_reminder: str | None
    alerts_last_30_days: int
    wakes_last_30_days: int
    support_telephone: str
    devices: list[DeviceOut]


class AedForResponder(_Out):
    """Where the AED is and how to get at it."""

    aed_id: int
    location: Place
    place: str
    access: str
    level: str
    cabinet_code: str


class DroneForResponder(_Out):
    """A drone that brings an AED. ``fetch``: this person is to go for it; see ``words``."""

    status: str
    fetch: bool
    due_min: int | None
    words: str


class AlertForResponder(_Out):
    """An alert. Place and notes are there only while the person is going."""

    alert_id: str
    status: str
    words: str
    role: str
    asked_at: dt.datetime
    expires_at: dt.datetime
    walk_min: int
    distance_m: int | None
    open: bool
    location: Place | None = None
    address: str | None = None
    access_notes: str | None = None
    aed: AedForResponder | None = None
    drone: DroneForResponder | None = None
    others_going: int | None = None
    ambulance_min: int | None = None
    end_words: str | None = None


class AlertsForResponder(_Out):
    """Open alerts, newest first."""

    alerts: list[AlertForResponder]


class AnswerIn(_In):
    """``yes``: I can go. ``no``: not this time. ``cannot_continue``: I can't continue."""

    answer: Literal["yes", "no", "cannot_continue"]
    reason: Word = ""


class StatusIn(_In):
    """What the person is doing."""

    status: Literal[
        "moving",
        "arrived",
        "with_patient",
        "aed_obtained",
        "aed_not_there",
        "aed_locked",
        "drone_aed_taken",
        "aed_attached",
    ]
    aed_id: Id | None = None


class AfterCareIn(_In):
    """How it was, on the scale of the Danish survey; ``wants_call``: somebody shall ring."""

    impact: Literal["none", "low", "moderate", "severe"]
    wants_call: bool = False


class AfterCareOut(_Out):
    """Whom to ring at once."""

    support_telephone: str


# --- auditor and operations -------------------------------------------------------------------


class AuditRow(_Out):
    """One row of the chain."""

    seq: int
    at: dt.datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    previous_hash: str
    hash: str


class AuditPage(_Out):
    """A page of the chain; ``head``: hash of its newest row."""

    rows: list[AuditRow]
    next_after: int | None
    head: str


class AuditCheck(_Out):
    """``whole``: no row was changed, taken out or put in."""

    whole: bool
    rows: int
    head: str
    broken_at: int | None


class KeyIn(_In):
    """A new key. ``scopes``: fewer than the role has; none named: all of them."""

    role: Literal["control", "registrar", "auditor", "operations", "drone_operator"]
    label: NotEmpty
    scopes: list[Word] = Field(default_factory=list, max_length=20)
    expires_at: Moment | None = None


class KeyOut(_Out):
    """The key is shown once."""

    key: str
    key_id: str


class Alive(_Out):
    """The process answers."""

    alive: bool


class Ready(_Out):
    """Whether the service can do its work; ``causes`` if not."""

    ready: bool
    causes: list[str]


class DeliveryReportTaken(_Out):
    """The report was read."""

    known: bool


class TestMessage(_Out):
    """A message that a simulated phone got (TEST mode)."""

    number: int
    at: dt.datetime
    address: str
    message_id: str
    alert_id: str
    kind: str
    title: str
    body: str
    expires_at: dt.datetime


class TestMessages(_Out):
    """Messages of the memory channel after a number."""

    messages: list[TestMessage]
