"""The scenario: what a planner writes down in TOML, with the default and the source of each number.

Every field carries its unit in the name and, in ``json_schema_extra``, the unit in words and the
source of the default (or the word *assumption*); ``scenarios.sheet`` turns these into the list of
assumptions of the report. Shares are 0..1. Models are frozen and refuse unknown keys.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ASSUMPTION = "assumption"
TOWN = "town"
REMOTE = "remote"

HOURS = 24
SUM_TOLERANCE = 0.005

# OSCAR-POL (5,058 arrests): 1.6 % at 01h, 7.1 % at 08h, 12.3 % in 00-06, 33.5 % in 06-12; the
# afternoon and the evening share the rest as in the ROC cohort (9,667). Single hours between
# these marks are interpolated (assumption).
# fmt: off
HOUR_SHARES = (
    0.023, 0.016, 0.017, 0.018, 0.021, 0.028, 0.040, 0.054, 0.071, 0.065, 0.056, 0.049,
    0.050, 0.049, 0.048, 0.048, 0.048, 0.048, 0.049, 0.047, 0.045, 0.041, 0.037, 0.032,
)
# fmt: on


def _field(default: Any, says: str, *, unit: str, source: str, **limits: Any) -> Any:
    """A field with its meaning, unit and the source of its default."""
    extra = {"unit": unit, "source": source}
    return Field(default, description=says, json_schema_extra=extra, **limits)


def _share(default: float, says: str, source: str) -> Any:
    return _field(default, says, unit="share", source=source, ge=0.0, le=1.0)


def _seconds(default: float, says: str, source: str, *, most: float = 7200.0) -> Any:
    return _field(default, says, unit="s", source=source, ge=0.0, le=most)


class Table(BaseModel):
    """One table of the scenario file: frozen, exact about its keys, finite numbers only."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True
    )


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0, le=7200.0)]


class DayNightShare(Table):
    """A share by day and by night (``[responders] night_hours``)."""

    day: Share
    night: Share


class DayNightSeconds(Table):
    """A duration in seconds by day and by night."""

    day: Seconds
    night: Seconds


class ZoneColumns(Table):
    """Which columns of the zones file hold what; needed where they have other names."""

    id: str | None = None
    name: str | None = None
    population: str | None = None
    deprivation_decile: str | None = None
    urban_rural: str | None = None


class RegionTable(Table):
    """``[region]``: where it happens."""

    source: str = Field(
        description="town | FILE.osm.pbf or FILE.osm | a region folder made by `region build`",
        min_length=1,
    )
    zones: str | None = Field(
        None, description="GeoJSON or GeoParquet of areas with population and deprivation decile"
    )
    zone_columns: ZoneColumns = ZoneColumns()
    timezone: str | None = Field(
        None, description="IANA name, for example Europe/London; decides what is day and night"
    )
    population: int | None = _field(
        None,
        "people who live in the region; the sum of the zones when left out",
        unit="people",
        source="zones file, unless stated",
        ge=1,
        le=100_000_000,
    )


class IncidentsTable(Table):
    """``[incidents]``: how many arrests, when and where."""

    model: Literal["rates", "trace"] = "rates"
    csv: str | None = Field(None, description="arrests to replay, with model = 'trace'")
    per_100k_year: float = _field(
        55.0,
        "treated cardiac arrests outside hospital per 100,000 people a year",
        unit="per 100,000 people a year",
        source="England 53 (Resuscitation 2017;110:133), Scotland 57.3 (RRG Scotland 2021-22)",
        gt=0.0,
        le=1000.0,
    )
    true_arrest_share: float = _field(
        0.54,
        "share of the calls that trigger an alert which are true arrests",
        unit="share",
        source="Andelius 2020: 53.5 % of Danish alerts; no UK figure known",
        gt=0.0,
        le=1.0,
    )
    hour_shares: tuple[float, ...] = _field(
        HOUR_SHARES,
        "share of the arrests by local hour of the day, 00h first",
        unit="share",
        source="OSCAR-POL and ROC marks, single hours interpolated (assumption for the UK)",
        min_length=HOURS,
        max_length=HOURS,
    )
    deprivation_ratio: float = _field(
        2.0,
        "rate per person in the most deprived tenth of areas over that in the least deprived",
        unit="ratio",
        source="RRG Scotland and Scottish Government: more than twice as many arrests",
        ge=1.0,
        le=10.0,
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.model == "trace" and self.csv is None:
            raise ValueError("csv|a file of arrests, because model = 'trace'|nothing")
        if any(share < 0 for share in self.hour_shares):
            raise ValueError("hour_shares|24 shares of at least 0|a negative one")
        total = sum(self.hour_shares)
        if abs(total - 1.0) > SUM_TOLERANCE:
            raise ValueError(f"hour_shares|24 shares that add up to 1|a sum of {total:.4g}")
        return self


class PatientTable(Table):
    """``[patient]``: the arrest itself and what happens without any app (the baseline)."""

    home_share: float = _share(
        0.80, "arrests at home", "OHCAO about 80 % (83 % in 2014, Resuscitation 2017;110:133)"
    )
    witnessed_share: float = _share(
        0.53, "arrests seen or heard by somebody", "52.7 % (Resuscitation 2017;110:133)"
    )
    bystander_cpr_share: float = _share(
        0.70, "arrests with CPR by a bystander before any help comes", "OHCAO news: above 70 %"
    )
    telephone_cpr_share: float = _share(
        0.30,
        "of the bystander CPR, the share that starts on the call handler's word",
        ASSUMPTION,
    )
    recognised_share: float = _share(
        0.80, "calls in which control recognises the arrest", "Lewis 2013; Watkins 2021: 72.8 %"
    )
    shockable_at_collapse_share: float = _share(
        0.60,
        "share in a shockable rhythm at the moment of collapse",
        "Waalewijn 2002 (VF decay from collapse), level an assumption",
    )
    collapse_to_call_witnessed_median_s: float = _seconds(
        60.0, "collapse to emergency call when witnessed, median", ASSUMPTION
    )
    collapse_to_call_unwitnessed_median_s: float = _seconds(
        480.0, "collapse to emergency call when nobody saw it, median", ASSUMPTION
    )
    collapse_to_call_sigma: float = _field(
        0.6,
        "spread of both (sigma of the log)",
        unit="log",
        source=ASSUMPTION,
        ge=0.0,
        le=3.0,
    )
    call_to_recognition_median_s: float = _seconds(
        75.0, "call to recognition by control, median", "Lewis 2013 (Blomberg 2019: 54 s)"
    )
    call_to_recognition_sigma: float = _field(
        0.5,
        "spread of that time (sigma of the log)",
        unit="log",
        source=ASSUMPTION,
        ge=0.0,
        le=3.0,
    )
    call_to_telephone_cpr_median_s: float = _seconds(
        176.0, "call to the first compression guided by telephone, median", "Lewis 2013"
    )
    collapse_to_bystander_cpr_median_s: float = _seconds(
        90.0, "collapse to the first compression of an unguided bystander, median", ASSUMPTION
    )
    public_aed_share: float = _share(
        0.10,
        "public, witnessed arrests at which somebody fetches a usable AED within public_aed_m",
        "OHCAO: public AED used in under 10 %; share given one near is an assumption",
    )
    public_aed_m: float = _field(
        200.0,
        "how far on foot a bystander is sent for an AED",
        unit="m",
        source=ASSUMPTION,
        ge=0.0,
        le=5000.0,
    )


class RespondersTable(Table):
    """``[responders]``: the volunteers, and how they answer."""

    per_100k: float = _field(
        36.0,
        "volunteers per 100,000 people",
        unit="per 100,000 people",
        source="SWASFT GoodSAM, over 2,000 volunteers (derived)",
        ge=0.0,
        le=20_000.0,
    )
    csv: str | None = Field(None, description="volunteers with lat and lon, instead of per_100k")
    seen_share: float = _share(0.75, "alerts that are seen in time", "Haskins survey: 75.6 %")
    accept_given_seen: DayNightShare = _field(
        DayNightShare(day=0.30, night=0.15),
        "of the alerts seen, the share that is accepted",
        unit="share",
        source=f"{ASSUMPTION} until a service's own log is fitted",
    )
    answer_median_s: float = _seconds(
        40.0, "alert to answer, median", f"about 40 s (lead, unconfirmed): {ASSUMPTION}"
    )
    answer_sigma: float = _field(
        0.6, "spread of that time (sigma of the log)", unit="log", source=ASSUMPTION, ge=0.0, le=3.0
    )
    turnout_median_s: DayNightSeconds = _field(
        DayNightSeconds(day=102.0, night=142.0),
        "yes to setting off, median",
        unit="s",
        source="Region of Lifesavers, 4,138 missions: day 1:42, night 2:22 from the alert",
    )
    turnout_sigma: float = _field(
        0.5, "spread of that time (sigma of the log)", unit="log", source=ASSUMPTION, ge=0.0, le=3.0
    )
    speed_mps: float = _field(
        1.8,
        "speed on foot, median over people",
        unit="m/s",
        source="Jonsson 2020: 1.8 m/s above 8,000 people/km2 (2.3 overall holds cars and turnout)",
        gt=0.0,
        le=8.0,
    )
    speed_sigma: float = _field(
        0.2, "spread of the speed (sigma of the log)", unit="log", source=ASSUMPTION, ge=0.0, le=2.0
    )
    speed_includes_turnout: bool = _field(
        False,
        "true where speed_mps was measured from the alert on: reply and turnout are then 0",
        unit="",
        source="Jonsson 2020: its clock starts at the alert",
    )
    cannot_continue_share: float = _share(
        0.05, "of those who said yes, the share that cannot continue", ASSUMPTION
    )
    position_error_m: float = _field(
        300.0,
        "typical error of the reported position (sigma per axis is this over the root of 2)",
        unit="m",
        source="cell-tower default of the GoodSAM app; size an assumption",
        ge=0.0,
        le=20_000.0,
    )
    at_work_share: float = _share(
        0.5, "volunteers who spend working hours at another place in the region", ASSUMPTION
    )
    work_hours: tuple[int, int] = _field(
        (9, 17), "local hours spent at work, Monday to Friday", unit="h", source=ASSUMPTION
    )
    night_hours: tuple[int, int] = _field(
        (23, 7), "local hours that count as night", unit="h", source=ASSUMPTION
    )

    @model_validator(mode="after")
    def _hours_of_day(self) -> Self:
        for name in ("work_hours", "night_hours"):
            hours = getattr(self, name)
            if any(not 0 <= hour <= HOURS for hour in hours):
                raise ValueError(f"{name}|two hours of the day, 0 to 24|{list(hours)}")
        return self


class AedsTable(Table):
    """``[aeds]``: the defibrillators that volunteers and bystanders can fetch."""

    source: Literal["osm", "csv", "synthetic"] = Field(
        "osm", description="osm: from the extract; csv: your list; synthetic: invented, seeded"
    )
    csv: str | None = Field(None, description="AEDs with lat, lon and opening_hours")
    usable_share: float = _share(
        0.95, "AEDs open by their hours that are there, unlocked and working", ASSUMPTION
    )
    unknown_hours_open_at_night: bool = _field(
        False, "count an AED with unknown hours at night", unit="", source="cautious choice"
    )
    pickup_s: float = _seconds(30.0, "taking the AED out of its cabinet", ASSUMPTION)
    per_10k: float = _field(
        7.5,
        "invented AEDs per 10,000 people, with source = 'synthetic'",
        unit="per 10,000 people",
        source="London 7.52 (registered AEDs 2025)",
        ge=0.0,
        le=500.0,
    )
    always_open_share: float = _share(
        0.34,
        "invented AEDs that are open day and night, with source = 'synthetic'",
        "Deakin 2018: 34.3 % open at night",
    )

    @model_validator(mode="after")
    def _csv_named(self) -> Self:
        if self.source == "csv" and self.csv is None:
            raise ValueError("csv|a file of AEDs, because source = 'csv'|nothing")
        return self


class AmbulanceTable(Table):
    """``[ambulance]``: when the ambulance is there."""

    model: Literal["distribution", "trace"] = "distribution"
    median_s: float = _field(
        420.0,
        "call to arrival at the scene, median",
        unit="s",
        source="England Category 1 mean 7:56 (mid-2025); median derived",
        gt=0.0,
        le=14_400.0,
    )
    p90_s: float = _field(
        840.0,
        "call to arrival at the scene, 90th percentile",
        unit="s",
        source="England Category 1 90th percentile 13:15 (2018) to 15:00 (standard)",
        gt=0.0,
        le=28_800.0,
    )
    csv: str | None = Field(None, description="observed times, column ambulance_s")
    arrival_to_shock_s: float = _seconds(
        90.0, "ambulance at the scene to its first rhythm check and shock", ASSUMPTION
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.model == "trace" and self.csv is None:
            raise ValueError("csv|a file of observed times, because model = 'trace'|nothing")
        if self.p90_s < self.median_s:
            raise ValueError(f"p90_s|at least median_s ({self.median_s:g})|{self.p90_s:g}")
        return self


OUTCOME_MODELS = ("joint", "waalewijn", "valenzuela", "de_maio", "larsen")


class OutcomeTable(Table):
    """``[outcome]``: how times become a probability of survival."""

    models: tuple[Literal["joint", "waalewijn", "valenzuela", "de_maio", "larsen"], ...] = Field(
        ("joint", "waalewijn"), description="the first one leads the report", min_length=1
    )
    nonshockable_survival: float = _share(
        0.02,
        "survival of a non-shockable arrest with CPR at once (joint model)",
        f"about 2 %, a planner's input: {ASSUMPTION}",
    )


class PoliciesTable(Table):
    """``[policies]``: the options that are compared; the first one is the comparator."""

    compare: tuple[str, ...] = Field(
        ("as_today", "nearest_3", "phased_7"),
        description="names of shipped policies or policy files (*.toml)",
        min_length=1,
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        repeated = sorted({name for name in self.compare if self.compare.count(name) > 1})
        if repeated:
            raise ValueError(f"compare|each policy once|{', '.join(repeated)} twice")
        return self


class RunTable(Table):
    """``[run]``: how much is simulated."""

    years: float = _field(
        1.0, "length of one replication", unit="years", source="choice", gt=0.0, le=100.0
    )
    replications: int = _field(
        20, "independent repetitions", unit="", source="choice", ge=1, le=100_000
    )
    seed: int = _field(1, "same seed, same result", unit="", source="choice", ge=0, lt=2**63)
    start: date = _field(
        date(2025, 1, 1), "first simulated day, local time", unit="", source="choice"
    )


class Scenario(Table):
    """A whole scenario file, checked."""

    title: str = Field(min_length=1)
    question: str = Field("", description="what the report's first sentence answers")
    region: RegionTable
    incidents: IncidentsTable = IncidentsTable()
    patient: PatientTable = PatientTable()
    responders: RespondersTable = RespondersTable()
    aeds: AedsTable = AedsTable()
    ambulance: AmbulanceTable = AmbulanceTable()
    outcome: OutcomeTable = OutcomeTable()
    policies: PoliciesTable = PoliciesTable()
    run: RunTable = RunTable()
