"""What the simulated world is told: plain frozen values in SI units, with their sources.

``scenarios.schema`` builds these from a scenario file; everything has a default, so that
``WorldParameters()`` is a thin scheme in an English town. A default without a named source is an
assumption and says so. Times are seconds; shares lie in [0, 1].
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec
from msgspec import Struct

from sim.errors import ParameterError

Z90 = 1.2815515655446004  # 90 % quantile of the standard normal


class DayNight(Struct, frozen=True):
    """A share by day and by night (see ``ClockParameters``)."""

    day: float
    night: float


class Lognormal(Struct, frozen=True):
    """A duration in seconds: ``median_s · exp(sigma · N(0, 1))``; ``sigma = 0`` is a constant."""

    median_s: float
    sigma: float

    @classmethod
    def from_p90(cls, median_s: float, p90_s: float) -> Lognormal:
        """The lognormal with this median and 90 % quantile."""
        if not 0.0 < median_s <= p90_s:
            raise ParameterError("p90_s", f"at least median_s ({median_s:g} s), got {p90_s:g} s")
        return cls(median_s, math.log(p90_s / median_s) / Z90)


class ClockParameters(Struct, frozen=True):
    """When the study begins and what counts as night. Fixed here, so today's date never matters."""

    start_date: str = "2025-01-01"  # local date, 00:00 in the region's time zone
    years: float = 1.0  # of 365.25 days
    night_from_hour: int = 23  # local; the SAMBA trial alerted 07:00–22:59 only
    night_to_hour: int = 7


# OSCAR-POL (5,058 arrests): least at 01h, most at 08h, 12.3 % in 00–06 and 33.5 % in 06–12; the
# rest of the day as in ROC (9,667). Single hours between the marks, and the UK: assumption.
HOUR_SHARES: tuple[float, ...] = (
    0.023, 0.016, 0.017, 0.018, 0.021, 0.028, 0.040, 0.054, 0.071, 0.065, 0.056, 0.049,
    0.050, 0.049, 0.048, 0.048, 0.048, 0.048, 0.049, 0.047, 0.045, 0.041, 0.037, 0.032,
)  # fmt: skip


class TracedIncident(Struct, frozen=True):
    """One observed arrest or false alarm, replayed as it was; ``None``: draw it."""

    t_s: float  # seconds after the start of the study
    lat: float
    lon: float
    true_arrest: bool = True
    home: bool | None = None
    witnessed: bool | None = None
    ambulance_s: float | None = None  # observed, call to arrival


class ArrivalParameters(Struct, frozen=True):
    """Arrests in time and place: Poisson by hour of day and by demand weight, or a trace."""

    per_100k_year: float = 55.0  # treated arrests (England 53–57 per 100,000 a year)
    population: float | None = None  # None: the sum over the region's zones
    true_arrest_share: float = 0.54  # of alerted calls; Copenhagen 53.5 % (Andelius 2020)
    hour_shares: tuple[float, ...] = HOUR_SHARES  # scaled to add up to 1
    # Rate per person in the most deprived tenth of zones over the least deprived: more than twice
    # (RRG Scotland); in between the rate changes by the same factor from decile to decile.
    deprivation_ratio: float = 2.0
    # Instead of the ratio, from a region's own arrests: relative rate at each demand point.
    place_risk: tuple[float, ...] | None = None
    trace: tuple[TracedIncident, ...] | None = None


class PatientParameters(Struct, frozen=True):
    """The patient and whoever is beside them: what happens today, without any volunteer."""

    home_share: float = 0.80  # England: 83 % (2014), about 80 % newer
    witnessed_share: float = 0.53  # England 2014: 52.7 %
    # CPR by somebody there before a responder or the crew, in all; England above 70 % now.
    bystander_cpr_share: float = 0.70
    # Of that CPR, the part that began on the call handler's word: assumption.
    telephone_cpr_share: float = 0.30
    collapse_to_call_witnessed: Lognormal = Lognormal(60.0, 0.6)  # assumption
    collapse_to_call_unwitnessed: Lognormal = Lognormal(480.0, 0.9)  # no-flow prior: assumption
    recognised_share: float = 0.80  # Lewis 2013
    recognition: Lognormal = Lognormal(75.0, 0.5)  # median: Lewis 2013; sigma: assumption
    telephone_cpr: Lognormal = Lognormal(
        176.0, 0.4
    )  # first compression: Lewis 2013; sigma: assumption
    # From the collapse, or from being found where nobody saw it: assumption.
    spontaneous_cpr: Lognormal = Lognormal(90.0, 0.6)
    # Somebody at the scene fetches a usable AED within reach, as today: of witnessed arrests in
    # public, and at home. Chosen so that a public AED is first in about 2 % of all arrests where
    # one in three lies within 500 m of an AED (England 2.3 % → < 10 %, Scotland 8 %): assumption.
    public_aed_share: float = 0.35
    home_aed_share: float = 0.02
    public_aed_m: float = 500.0  # on foot, one way: assumption


class PeopleParameters(Struct, frozen=True):
    """The volunteers: where they are, what they answer, how they move."""

    per_100k: float = 36.0  # SWASFT GoodSAM, derived
    per_zone: tuple[tuple[str, float], ...] | None = None  # zone id, number of volunteers
    # An explicit list instead (a responders file): home and, where known, work places.
    home_lat: tuple[float, ...] | None = None
    home_lon: tuple[float, ...] | None = None
    work_lat: tuple[float | None, ...] | None = None
    work_lon: tuple[float | None, ...] | None = None

    # How they would come: mode and share, or each person's own mode (a responders file). UK schemes
    # count on people on foot; who has a car differs from place to place: assumption.
    modes: tuple[tuple[str, float], ...] = (("foot", 1.0),)
    mode: tuple[str, ...] | None = None
    # Of each person, where a responders file says so; None: always, for ever, the policy's cap.
    on_duty_hours: tuple[str | None, ...] | None = None  # OSM syntax, local time
    verified_until_s: tuple[float | None, ...] | None = None  # epoch seconds
    alerts_per_30_days: tuple[int | None, ...] | None = None

    delivered_share: float = 0.97  # assumption
    delivery: Lognormal = Lognormal(2.0, 0.5)  # assumption
    undelivered_after_s: float = 10.0  # the channel gives up: assumption
    seen_share: float = 0.75  # Haskins: 75.6 %
    accept_given_seen: DayNight = DayNight(0.30, 0.15)  # assumption until a service's log is fitted
    reply: Lognormal = Lognormal(40.0, 0.6)  # median answer about 40 s; sigma: assumption
    seen_part: float = 0.6  # of the reply delay has passed when the alert is seen: assumption
    turnout_day: Lognormal = Lognormal(
        102.0, 0.4
    )  # Region der Lebensretter 2025; sigma: assumption
    turnout_night: Lognormal = Lognormal(142.0, 0.4)
    speed_mps: float = 1.8  # on foot, door to patient in a city (Jonsson 2020)
    speed_sigma: float = 0.2  # between people: assumption
    # True: the speed was measured from the alert on, so reply and turnout are inside it already.
    speed_includes_turnout: bool = False
    # Of those who said yes; Germany reports more than 20 % aborted (lead): assumption.
    cannot_continue_share: float = 0.10
    # Share with the app switched on, by day and night.
    on_duty_share: DayNight = DayNight(1.0, 1.0)  # assumption

    position_error_m: float = 300.0  # root mean square, reported minus true; coarse by design
    position_age: Lognormal = Lognormal(600.0, 1.0)  # assumption
    commute_m: float = 6000.0  # scale of home-to-work distances: assumption
    # Where people are by local hour on working days and at weekends: shares at home and at work;
    # the rest is away, out of reach of this region. Assumption.
    home_weekday: tuple[float, ...] = (
        0.96, 0.96, 0.96, 0.96, 0.96, 0.93, 0.85, 0.68, 0.48, 0.40, 0.38, 0.38,
        0.40, 0.40, 0.40, 0.42, 0.48, 0.58, 0.68, 0.76, 0.82, 0.88, 0.92, 0.95,
    )  # fmt: skip
    work_weekday: tuple[float, ...] = (
        0.02, 0.02, 0.02, 0.02, 0.02, 0.04, 0.08, 0.18, 0.34, 0.42, 0.44, 0.44,
        0.42, 0.42, 0.42, 0.40, 0.32, 0.20, 0.10, 0.06, 0.05, 0.04, 0.03, 0.02,
    )  # fmt: skip
    home_weekend: tuple[float, ...] = (
        0.94, 0.94, 0.95, 0.95, 0.95, 0.94, 0.92, 0.88, 0.80, 0.70, 0.62, 0.60,
        0.60, 0.60, 0.60, 0.62, 0.65, 0.70, 0.74, 0.78, 0.82, 0.86, 0.90, 0.92,
    )  # fmt: skip
    work_weekend: tuple[float, ...] = (
        0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.03, 0.05, 0.07, 0.09, 0.10, 0.10,
        0.10, 0.10, 0.10, 0.09, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.02, 0.02,
    )  # fmt: skip


class AedParameters(Struct, frozen=True):
    """Public AEDs beyond their hours: there, unlocked, working?"""

    usable_share: float = 0.95  # open by its hours and yet usable: assumption
    pickup_s: float = 30.0  # assumption
    # Hours unknown: counted on by the system by day only; truly open with these shares.
    unknown_open_share: DayNight = DayNight(0.90, 0.34)  # night: Deakin 2018; day: assumption


class AmbulanceParameters(Struct, frozen=True):
    """Call to ambulance at the scene: a lognormal, or observed times drawn again."""

    model: Literal["distribution", "trace", "fleet"] = "distribution"
    median_s: float = 420.0
    p90_s: float = 840.0
    trace_s: tuple[float, ...] | None = None
    eta_error_sigma: float = 0.2  # control's estimate beside the truth, lognormal: assumption
    to_patient_s: float = 60.0  # vehicle to patient: assumption
    shock_s: float = 60.0  # crew at the patient to first shock: assumption


class Station(Struct, frozen=True):
    """Where crews wait. ``shift_hours``: local (from, to) of all its crews; may pass midnight."""

    name: str
    lat: float
    lon: float
    ambulances: int = 1
    co_responders: int = 0  # community first responders, fire crews: with an AED, arrests only
    shift_hours: tuple[float, float] = (0.0, 24.0)


class Hospital(Struct, frozen=True):
    """Where patients are taken; its hand-over holds the crew."""

    name: str
    lat: float
    lon: float
    # Mean 27 min in England, many trusts above 45 (lead of users.md); median by sigma: assumption.
    handover: Lognormal = Lognormal(1350.0, 0.6)


class ResponderGroup(Struct, frozen=True):
    """A post of community first responders who share one AED; one of them goes at a time.

    ``number``: what its draws are keyed by, so that other groups may join or leave.
    """

    name: str
    lat: float
    lon: float
    number: int
    shift_hours: tuple[float, float] = (0.0, 24.0)  # local, from and to; may pass midnight


class GroupParameters(Struct, frozen=True):
    """How the groups of a district answer."""

    # Of the calls, those for which somebody of the group is on call and can go: assumption.
    on_duty_share: DayNight = DayNight(0.6, 0.7)
    # Asked to moving, as volunteers: Region of Lifesavers, 4,138 missions, 1:42 and 2:22.
    turnout: Lognormal = Lognormal(102.0, 0.4)
    turnout_night: Lognormal = Lognormal(142.0, 0.4)
    speed_factor: float = 1.0  # of other traffic: no blue lights
    within_s: float = 1200.0  # nobody is asked to drive for longer: assumption


class FleetParameters(Struct, frozen=True):
    """Ambulances that are also busy with everything else."""

    stations: tuple[Station, ...]
    hospitals: tuple[Hospital, ...] = ()
    groups: tuple[ResponderGroup, ...] = ()
    group: GroupParameters = GroupParameters()
    # England: 759,000 incidents in October 2024 among 57.7 million people.
    calls_per_1000_year: float = 158.0
    hour_shares: tuple[float, ...] = HOUR_SHARES  # of background calls: assumption, as arrests
    conveyed_share: float = 0.5  # half of calls conveyed
    # Copenhagen: call to first dispatch, median 50 s, sigma 0.56.
    call_to_dispatch: Lognormal = Lognormal(50.0, 0.56)
    turnout: Lognormal = Lognormal(60.0, 0.4)  # assumption
    turnout_night: Lognormal = Lognormal(90.0, 0.4)  # assumption
    # Close to ELASPY's Utrecht data: lognormal(s=.38, loc -10, scale 37 min), at most 88 min.
    scene: Lognormal = Lognormal(1620.0, 0.45)
    demand_pressure: float = 1.0  # scales background calls
    handover_pressure: float = 1.0  # scales hand-over times
    divert: bool = True
    cell_m: float = 1_000.0  # background calls are placed at the middle of such cells


class SceneParameters(Struct, frozen=True):
    """What happens once somebody is there, and how an incident ends."""

    to_patient_s: float = 30.0  # door, stairs: assumption
    aed_attach_s: float = 45.0  # at the patient to pads on: assumption
    aed_shock_s: float = 30.0  # pads on to first shock (analysis, charging): assumption
    bystander_aed_attach_s: float = 75.0  # untrained: assumption
    close_after_crew_s: float = 1200.0  # volunteers leave: assumption
    false_alarm_called_off_share: float = 0.5  # before the crew arrives: assumption
    false_alarm: Lognormal = Lognormal(240.0, 0.6)  # call to calling off: assumption


class ControlParameters(Struct, frozen=True):
    """What control learns after the alert went out, and when."""

    # Share of the wait after which control's estimate of the ambulance is right (it follows the
    # vehicle by then): assumption.
    estimate_part: float = 0.5
    unsafe_share: float = 0.0  # scenes found unsafe; off unless a planner says so
    unsafe: Lognormal = Lognormal(600.0, 0.5)  # until the scene is safe: assumption
    do_not_alert_share: float = 0.0  # a DNACPR form, a care home …; off unless a planner says so
    notice: Lognormal = Lognormal(90.0, 0.6)  # recognition to either notice: assumption


class OutcomeParameters(Struct, frozen=True):
    """Which outcome models score the incidents, and the inputs of the joint rhythm model."""

    models: tuple[str, ...] = ("joint", "waalewijn")
    # Calibrated, not measured: with the defaults of this file a quarter is shockable when the crew
    # arrives (Scotland 26–30 %, England 20.6 %) and 7.6 % survive without any volunteer (England
    # 7.8 %, Scotland 9.7 %). Fit both to a region's own figures.
    shockable_at_collapse: float = 0.45
    intercept: float = 0.8  # added to both logits of the joint model
    # Survival without any delay if the rhythm is not shockable, before the intercept: about 2 %, a
    # planner's input.
    non_shockable_level: float = 0.02


class WorldParameters(Struct, frozen=True):
    """Everything that one replication needs besides the region and the policies."""

    clock: ClockParameters = ClockParameters()
    arrivals: ArrivalParameters = ArrivalParameters()
    patient: PatientParameters = PatientParameters()
    people: PeopleParameters = PeopleParameters()
    aeds: AedParameters = AedParameters()
    ambulance: AmbulanceParameters = AmbulanceParameters()
    fleet: FleetParameters | None = None  # with ``ambulance.model`` "fleet"
    scene: SceneParameters = SceneParameters()
    control: ControlParameters = ControlParameters()
    outcome: OutcomeParameters = OutcomeParameters()


def check(parameters: WorldParameters) -> list[ParameterError]:
    """Every fault of the values, named ``section.field``; an empty list if there is none."""
    faults: list[ParameterError] = []
    for section in (
        "clock",
        "arrivals",
        "patient",
        "people",
        "aeds",
        "ambulance",
        "fleet",
        "scene",
        "outcome",
    ):
        _check_values(section, getattr(parameters, section), faults)
    _check_together(parameters, faults)
    return faults


def _check_values(path: str, value: object, faults: list[ParameterError]) -> None:
    """Shares in [0, 1]; other numbers finite and not negative."""
    if isinstance(value, Struct):
        share = path.endswith(("_share", "accept_given_seen"))
        for field in msgspec.structs.fields(value):
            inner = getattr(value, field.name)
            name = f"{path}.{field.name}"
            if share and isinstance(inner, float) and not 0.0 <= inner <= 1.0:
                faults.append(ParameterError(name, f"a share from 0 to 1, got {inner:g}"))
            else:
                _check_values(name, inner, faults)
    elif isinstance(value, float | int) and not isinstance(value, bool):
        signed = path.endswith(("intercept", "_lat", "_lon"))
        if not math.isfinite(value):
            faults.append(ParameterError(path, "a finite number"))
        elif path.endswith(("_share", "_part")) and not 0.0 <= value <= 1.0:
            faults.append(ParameterError(path, f"a share from 0 to 1, got {value:g}"))
        elif value < 0 and not signed:
            faults.append(ParameterError(path, f"not negative, got {value:g}"))


def _check_together(parameters: WorldParameters, faults: list[ParameterError]) -> None:
    clock, arrivals = parameters.clock, parameters.arrivals
    patient, people, ambulance = parameters.patient, parameters.people, parameters.ambulance
    if clock.years <= 0:
        faults.append(ParameterError("clock.years", f"above 0, got {clock.years:g}"))
    if len(arrivals.hour_shares) != 24 or abs(sum(arrivals.hour_shares) - 1.0) > 0.005:
        faults.append(ParameterError("arrivals.hour_shares", "24 shares that add up to 1"))
    if arrivals.true_arrest_share <= 0:
        faults.append(ParameterError("arrivals.true_arrest_share", "above 0"))
    if patient.telephone_cpr_share * patient.bystander_cpr_share > patient.recognised_share:
        faults.append(
            ParameterError(
                "patient.telephone_cpr_share",
                "times bystander_cpr_share at most recognised_share: control must know first",
            )
        )
    shares = dict(people.modes)
    if not shares or set(shares) - {"foot", "bicycle", "car"} or len(shares) < len(people.modes):
        faults.append(ParameterError("people.modes", "shares of foot, bicycle and car, each once"))
    elif min(shares.values()) < 0 or abs(sum(shares.values()) - 1.0) > 0.005:
        faults.append(ParameterError("people.modes", "shares that add up to 1"))
    if people.speed_mps <= 0:
        faults.append(ParameterError("people.speed_mps", "above 0"))
    for days in ("weekday", "weekend"):
        home, work = getattr(people, f"home_{days}"), getattr(people, f"work_{days}")
        if len(home) != 24 or len(work) != 24:
            faults.append(ParameterError(f"people.home_{days}", "24 shares"))
        elif any(h < 0 or w < 0 or h + w > 1 + 1e-9 for h, w in zip(home, work, strict=True)):
            faults.append(ParameterError(f"people.home_{days}", "home + work at most 1 each hour"))
    if ambulance.model == "trace" and not ambulance.trace_s:
        faults.append(ParameterError("ambulance.trace_s", "observed times, model is 'trace'"))
    fleet = parameters.fleet
    if ambulance.model == "fleet" and (
        fleet is None or not any(s.ambulances for s in fleet.stations)
    ):
        faults.append(ParameterError("fleet.stations", "at least one ambulance, model is 'fleet'"))
    if ambulance.model == "distribution" and not 0 < ambulance.median_s <= ambulance.p90_s:
        faults.append(ParameterError("ambulance.p90_s", "at least median_s, which is above 0"))
