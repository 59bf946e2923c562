"""The scenario: what a planner writes down in TOML, with the default and the source of each number.

Every field carries its unit in the name (or in words in ``json_schema_extra``) and the source of
its default, or the word *assumption*; ``scenarios.sheet`` turns these into the list of assumptions
of the report. The numbers themselves live in ``sim.parameters``, so there is one default each.
Shares are 0..1. Models are frozen and refuse unknown keys.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    model_validator,
)

from scenarios.drone_tables import DronesTable, WeatherTable
from scenarios.means_tables import CostsTable, GroupsTable, OptionTable
from scenarios.table import (
    ASSUMPTION,
    DayNightShare,
    Duration,
    Hour,
    Latitude,
    Longitude,
    Share,
    Table,
    failed,
    stated,
)
from sim.parameters import DayNight, FleetParameters, Hospital, Lognormal, WorldParameters

TOWN = "town"
REMOTE = "remote"

HOURS = 24
SUM_TOLERANCE = 0.005

DEFAULTS = WorldParameters()


def _metres_not_kilometres(value: float) -> float:
    if 0.0 < value < 1.0:
        raise failed(
            "", "0 or at least 1 m", f"{value:g} (in metres: multiply kilometres by 1,000)"
        )
    return value


Metres = Annotated[float, Field(ge=0.0, le=100_000.0), AfterValidator(_metres_not_kilometres)]
HourShares = Annotated[tuple[Share, ...], Field(min_length=HOURS, max_length=HOURS)]


def _share(default: float, says: str, source: str) -> Any:
    return stated(default, says, unit="share", source=source, ge=0.0, le=1.0)


def _day_night(default: DayNight, says: str, source: str) -> Any:
    value = DayNightShare(day=default.day, night=default.night)
    return stated(value, says, unit="share", source=source)


def _seconds(default: float, says: str, source: str) -> Any:
    return stated(default, says, unit="s", source=source, ge=0.0, le=86_400.0)


def _duration(default: Lognormal, says: str, source: str) -> Any:
    value = Duration(median_s=default.median_s, sigma=default.sigma)
    return stated(value, says, unit="s", source=source)


def _metres(default: float, says: str, source: str) -> Any:
    return stated(default, says, unit="m", source=source)


def _sigma(default: float, says: str, source: str = ASSUMPTION) -> Any:
    return stated(default, says, unit="sigma of the log", source=source, ge=0.0, le=3.0)


class ZoneColumns(Table):
    """Which columns of the zones file hold what; needed where they have other names."""

    id: str | None = Field(default=None, description="identifier, each one once")
    name: str | None = Field(default=None, description="name for people")
    population: str | None = Field(default=None, description="people who live there")
    deprivation_decile: str | None = Field(default=None, description="1 most deprived, to 10")
    urban_rural: str | None = Field(default=None, description="class, as text")


class DefaultsTable(Table):
    """``[defaults]``: figures of a nation below the scenario's own; each has its source."""

    nation: Literal["england", "scotland", "wales", "northern_ireland"] | None = Field(
        default=None, description="whose figures stand where the scenario says nothing"
    )


class DataTable(Table):
    """``[data]``: how your own CSV files say where something is."""

    crs: Literal["wgs84", "bng", "osgb36"] | None = Field(
        default=None,
        description="system of all coordinates; by the names of the columns when left out",
    )
    postcodes: str | None = Field(
        default=None, description="CSV or Parquet with postcode and lat, lon or easting, northing"
    )


class RegionTable(Table):
    """``[region]``: where it happens."""

    source: str = Field(
        description="town | FILE.osm.pbf or FILE.osm | a region folder made by `region build` | "
        "the name of a place, where there is a connection",
        min_length=1,
    )
    name: str | None = Field(default=None, description="what the report calls the place")
    zones: str | None = Field(
        default=None,
        description="GeoJSON or GeoParquet of areas with population and deprivation decile",
    )
    zone_columns: ZoneColumns = ZoneColumns()
    lookup: str | None = Field(
        default=None,
        description="CSV from zone_id to name, place, care_system and ambulance_service",
    )
    timezone: str | None = Field(
        default=None,
        description="IANA name, for example Europe/London; decides what is day and night",
    )
    population: int | None = stated(
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
    csv: str | None = Field(
        default=None,
        description="arrests: replayed with model = 'trace', fitted with model = 'rates'",
    )
    crs: Literal["wgs84", "bng", "osgb36"] | None = Field(
        default=None, description="system of the coordinates in csv, instead of data.crs"
    )
    replay_times: bool | None = Field(
        default=None,
        description="whether a replayed arrest keeps its observed response time; "
        "yes unless ambulance.model = 'fleet'",
    )
    fit_space: Literal["zones", "kde", "none"] | None = Field(
        default=None,
        description="how places are fitted to csv; zones where the region has them, else kde",
    )
    bandwidth_m: float = stated(
        500.0,
        "standard deviation of the kernel, with fit_space = 'kde'",
        unit="m",
        source=ASSUMPTION,
        ge=50.0,
        le=20_000.0,
    )
    observed_years: float | None = stated(
        None,
        "how long the arrests of csv were collected; per_100k_year is fitted when it is given",
        unit="years",
        source="yours",
        gt=0.0,
        le=100.0,
    )
    per_100k_year: float = stated(
        DEFAULTS.arrivals.per_100k_year,
        "treated cardiac arrests outside hospital per 100,000 people a year",
        unit="per 100,000 people a year",
        source="England 53 (Resuscitation 2017;110:133), Scotland 57.3 (RRG Scotland 2021-22)",
        gt=0.0,
        le=1000.0,
    )
    true_arrest_share: float = stated(
        DEFAULTS.arrivals.true_arrest_share,
        "share of the calls that trigger an alert which are true arrests",
        unit="share",
        source="Andelius 2020: 53.5 % of Danish alerts; no UK figure known",
        gt=0.0,
        le=1.0,
    )
    hour_shares: HourShares = stated(
        DEFAULTS.arrivals.hour_shares,
        "share of the arrests by local hour of the day, 00h first",
        unit="share",
        source="ROC blocks and OSCAR-POL shape; for the UK an assumption",
    )

    deprivation_ratio: float = stated(
        DEFAULTS.arrivals.deprivation_ratio,
        "rate per person in the most deprived tenth of areas over that in the least deprived",
        unit="ratio",
        source="RRG Scotland and Scottish Government: more than twice as many arrests",
        ge=1.0,
        le=10.0,
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.model == "trace" and self.csv is None:
            raise failed("csv", "a file of arrests, because model = 'trace'", "nothing")
        if self.csv is None and (self.fit_space is not None or self.observed_years is not None):
            field = "fit_space" if self.fit_space is not None else "observed_years"
            raise failed("csv", f"a file of arrests, because {field} is given", "nothing")
        total = sum(self.hour_shares)
        if abs(total - 1.0) > SUM_TOLERANCE:
            raise failed("hour_shares", "24 shares that add up to 1", f"a sum of {total:.4g}")
        return self


_PATIENT = DEFAULTS.patient


class PatientTable(Table):
    """``[patient]``: the arrest itself and what happens without any app (the baseline)."""

    home_share: float = _share(
        _PATIENT.home_share,
        "arrests at home",
        "OHCAO about 80 % (83 % in 2014, Resuscitation 2017;110:133)",
    )
    witnessed_share: float = _share(
        _PATIENT.witnessed_share,
        "arrests seen or heard by somebody",
        "52.7 % (Resuscitation 2017;110:133)",
    )
    bystander_cpr_share: float = _share(
        _PATIENT.bystander_cpr_share,
        "arrests with CPR by somebody there before any help comes, in all",
        "OHCAO news: above 70 %",
    )
    telephone_cpr_share: float = _share(
        _PATIENT.telephone_cpr_share,
        "the part of that CPR which starts on the call handler's word",
        ASSUMPTION,
    )
    recognised_share: float = _share(
        _PATIENT.recognised_share,
        "calls in which control recognises the arrest",
        "Lewis 2013 (Watkins 2021: 72.8 %)",
    )
    collapse_to_call_witnessed: Duration = _duration(
        _PATIENT.collapse_to_call_witnessed, "collapse to emergency call, witnessed", ASSUMPTION
    )
    collapse_to_call_unwitnessed: Duration = _duration(
        _PATIENT.collapse_to_call_unwitnessed,
        "collapse to emergency call when nobody saw it",
        ASSUMPTION,
    )
    recognition: Duration = _duration(
        _PATIENT.recognition,
        "call to recognition by control",
        f"median Lewis 2013 (Blomberg 2019: 54 s); spread: {ASSUMPTION}",
    )
    telephone_cpr: Duration = _duration(
        _PATIENT.telephone_cpr,
        "call to the first compression guided by telephone",
        f"median Lewis 2013; spread: {ASSUMPTION}",
    )
    spontaneous_cpr: Duration = _duration(
        _PATIENT.spontaneous_cpr,
        "collapse (or being found) to the first compression of an unguided bystander",
        ASSUMPTION,
    )
    public_aed_share: float = _share(
        _PATIENT.public_aed_share,
        "witnessed arrests in public at which a usable AED within reach is fetched without any app",
        f"{ASSUMPTION}: a public AED is first in about 2 % of arrests (England 2.3 % in 2014, "
        "below 10 % now)",
    )
    home_aed_share: float = _share(
        _PATIENT.home_aed_share, "the same for arrests at home", ASSUMPTION
    )
    public_aed_m: Metres = _metres(
        _PATIENT.public_aed_m, "how far on foot a bystander is sent for an AED", ASSUMPTION
    )

    @model_validator(mode="after")
    def _telephone_needs_recognition(self) -> Self:
        of_all = self.telephone_cpr_share * self.bystander_cpr_share
        if of_all > self.recognised_share:
            expected = (
                f"times bystander_cpr_share at most recognised_share ({self.recognised_share:g}), "
                "because control must know first"
            )
            raise failed("telephone_cpr_share", expected, f"{of_all:g}")
        return self


_PEOPLE = DEFAULTS.people


class PresenceTable(Table):
    """``[responders.presence]``: by local hour, the share at home and at work; the rest is away."""

    home_weekday: HourShares = stated(
        _PEOPLE.home_weekday, "at home, Monday to Friday", unit="share", source=ASSUMPTION
    )
    work_weekday: HourShares = stated(
        _PEOPLE.work_weekday, "at work, Monday to Friday", unit="share", source=ASSUMPTION
    )
    home_weekend: HourShares = stated(
        _PEOPLE.home_weekend, "at home, Saturday and Sunday", unit="share", source=ASSUMPTION
    )
    work_weekend: HourShares = stated(
        _PEOPLE.work_weekend, "at work, Saturday and Sunday", unit="share", source=ASSUMPTION
    )

    @model_validator(mode="after")
    def _never_above_one(self) -> Self:
        for days in ("weekday", "weekend"):
            pairs = zip(getattr(self, f"home_{days}"), getattr(self, f"work_{days}"), strict=True)
            for hour, (home, work) in enumerate(pairs):
                if home + work > 1.0 + SUM_TOLERANCE:
                    field = f"home_{days}"
                    raise failed(
                        field, "home and work of one hour at most 1", f"{home + work:g} at {hour}h"
                    )
        return self


class ModeShares(Table):
    """How volunteers would come; the shares add up to 1."""

    foot: Share = 0.0
    bicycle: Share = 0.0
    car: Share = 0.0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.foot + self.bicycle + self.car
        if abs(total - 1.0) > SUM_TOLERANCE:
            raise failed("", "shares of foot, bicycle and car that add up to 1", f"{total:g}")
        return self


class RespondersTable(Table):
    """``[responders]``: the volunteers, where they are and how they answer."""

    per_100k: float = stated(
        _PEOPLE.per_100k,
        "volunteers per 100,000 people",
        unit="per 100,000 people",
        source="SWASFT GoodSAM, over 2,000 volunteers (derived)",
        ge=0.0,
        le=20_000.0,
    )
    csv: str | None = Field(
        default=None, description="volunteers with lat and lon, instead of per_100k"
    )
    per_zone_csv: str | None = Field(
        default=None, description="columns zone_id and responders, instead of per_100k"
    )
    crs: Literal["wgs84", "bng", "osgb36"] | None = Field(
        default=None, description="system of the coordinates in csv, instead of data.crs"
    )
    zone_column: str | None = Field(
        default=None, description="column of the zones file with the number of volunteers per zone"
    )
    modes: ModeShares = stated(
        ModeShares(foot=1.0),
        "how they would come; a column mode of csv says it person by person",
        unit="share",
        source=f"{ASSUMPTION}: UK schemes count on people on foot",
    )
    dead_spots: str | None = Field(
        default=None,
        description="GeoJSON of areas without a mobile network, where no alert arrives; "
        "remote: those of the invented district",
    )
    delivered_share: float = _share(
        _PEOPLE.delivered_share, "alerts that reach the phone", ASSUMPTION
    )
    delivery: Duration = _duration(_PEOPLE.delivery, "alert sent to phone", ASSUMPTION)
    undelivered_after_s: float = _seconds(
        _PEOPLE.undelivered_after_s, "until the channel gives up", ASSUMPTION
    )
    seen_share: float = _share(
        _PEOPLE.seen_share, "alerts that are seen in time", "Haskins survey: 75.6 %"
    )
    accept_given_seen: DayNightShare = _day_night(
        _PEOPLE.accept_given_seen,
        "of the alerts seen, the share that is accepted",
        f"{ASSUMPTION} until a service's own log is fitted",
    )
    reply: Duration = _duration(
        _PEOPLE.reply, "alert to answer", f"median about 40 s (unconfirmed): {ASSUMPTION}"
    )
    seen_part: float = _share(
        _PEOPLE.seen_part, "part of the reply time that passes before the alert is seen", ASSUMPTION
    )
    turnout_day: Duration = _duration(
        _PEOPLE.turnout_day,
        "yes to setting off, by day",
        f"Region of Lifesavers, 4,138 missions: 1:42; spread: {ASSUMPTION}",
    )
    turnout_night: Duration = _duration(
        _PEOPLE.turnout_night,
        "yes to setting off, by night",
        f"Region of Lifesavers, 4,138 missions: 2:22; spread: {ASSUMPTION}",
    )
    speed_mps: float = stated(
        _PEOPLE.speed_mps,
        "speed on foot, median over people",
        unit="m/s",
        source="Jonsson 2020: 1.8 m/s above 8,000 people/km2 (2.3 overall holds cars and turnout)",
        gt=0.0,
        le=8.0,
    )
    speed_sigma: float = _sigma(_PEOPLE.speed_sigma, "spread of the speed between people")
    speed_includes_turnout: bool = stated(
        _PEOPLE.speed_includes_turnout,
        "true where speed_mps was measured from the alert on: reply and turnout are then inside it",
        unit="",
        source="Jonsson 2020: its clock starts at the alert",
    )
    cannot_continue_share: float = _share(
        _PEOPLE.cannot_continue_share,
        "of those who said yes, the share that cannot continue",
        ASSUMPTION,
    )
    on_duty_share: DayNightShare = _day_night(
        _PEOPLE.on_duty_share,
        "volunteers who can be found: app on, phone on, in date; with 1 the number of volunteers "
        "means people available, not people registered",
        f"{ASSUMPTION}; of people registered about 0.2 (fitted, docs/validation.md)",
    )
    position_error_m: Metres = _metres(
        _PEOPLE.position_error_m,
        "error of the reported position, root mean square",
        f"cell-tower default of the GoodSAM app; size: {ASSUMPTION}",
    )
    position_age: Duration = _duration(
        _PEOPLE.position_age, "age of the reported position", ASSUMPTION
    )
    commute_m: Metres = _metres(_PEOPLE.commute_m, "scale of home-to-work distances", ASSUMPTION)
    presence: PresenceTable = PresenceTable()
    night_hours: tuple[int, int] = stated(
        (DEFAULTS.clock.night_from_hour, DEFAULTS.clock.night_to_hour),
        "local hours from when and to when it is night",
        unit="h",
        source="SAMBA trial: alerts 07:00-22:59 only",
    )

    @model_validator(mode="after")
    def _hours_of_day(self) -> Self:
        if any(not 0 <= hour < HOURS for hour in self.night_hours):
            raise failed("night_hours", "two hours of the day, 0 to 23", list(self.night_hours))
        named = [key for key in ("csv", "per_zone_csv", "zone_column") if getattr(self, key)]
        if len(named) > 1:
            expected = f"one of csv, per_zone_csv and zone_column, not {' and '.join(named)}"
            raise failed(named[-1], expected, repr(getattr(self, named[-1])))
        return self


_AEDS = DEFAULTS.aeds


class AedsTable(Table):
    """``[aeds]``: the defibrillators that volunteers and bystanders can fetch."""

    source: Literal["osm", "csv", "synthetic"] = Field(
        default="osm",
        description="osm: from the extract; csv: your list; synthetic: invented, seeded",
    )
    csv: str | None = Field(default=None, description="AEDs with lat, lon and opening_hours")
    more_csv: str | None = Field(
        default=None, description="AEDs besides those of the source, the same columns"
    )
    crs: Literal["wgs84", "bng", "osgb36"] | None = Field(
        default=None, description="system of the coordinates in csv, instead of data.crs"
    )
    usable_share: float = _share(
        _AEDS.usable_share,
        "AEDs open by their hours that are there, unlocked and working",
        ASSUMPTION,
    )
    pickup_s: float = _seconds(_AEDS.pickup_s, "taking the AED out of its cabinet", ASSUMPTION)
    unknown_open_share: DayNightShare = _day_night(
        _AEDS.unknown_open_share,
        "AEDs with unknown hours that are in truth open; by night nobody is sent to one",
        f"night: Deakin 2018, 34.3 %; day: {ASSUMPTION}",
    )
    per_10k: float = stated(
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
            raise failed("csv", "a file of AEDs, because source = 'csv'", "nothing")
        if self.source != "csv" and self.csv is not None:
            raise failed("source", "'csv', because csv names a file", repr(self.source))
        return self


_AMBULANCE = DEFAULTS.ambulance
_FLEET = FleetParameters(stations=())
_HOSPITAL = Hospital("", 0.0, 0.0)


class StationRow(Table):
    """``[[ambulance.fleet.stations]]``: where crews wait."""

    name: str = Field(min_length=1)
    lat: Latitude
    lon: Longitude
    ambulances: int = Field(default=1, ge=0, le=1000, description="crews with an ambulance")
    co_responders: int = Field(
        default=0, ge=0, le=1000, description="fire crews and others with an AED, arrests only"
    )
    shift_hours: tuple[Hour, Hour] = Field(
        default=(0.0, 24.0), description="of all its crews, local, from and to; may pass midnight"
    )


class HospitalRow(Table):
    """``[[ambulance.fleet.hospitals]]``: where patients are handed over."""

    name: str = Field(min_length=1)
    lat: Latitude
    lon: Longitude
    handover: Duration | None = Field(
        default=None, description="arrival to free; that of the fleet when left out"
    )


PressureLevel = Literal[1, 2, 3, 4]

# Demand and hand-over by escalation level. Hand-over at level 4 is the 60 min of a hard January
# over the usual 27; the rest is an assumption.
PRESSURE: dict[int, tuple[float, float]] = {
    1: (1.0, 1.0),
    2: (1.05, 1.3),
    3: (1.1, 1.7),
    4: (1.15, 2.2),
}


class FleetTable(Table):
    """``[ambulance.fleet]``: ambulances that are also busy with everything else."""

    stations: tuple[StationRow, ...] = Field(
        default=(), description="name, lat, lon, ambulances, co_responders, shift_hours of each"
    )
    stations_csv: str | None = Field(default=None, description="the same as a file")
    hospitals: tuple[HospitalRow, ...] = Field(
        default=(), description="name, lat, lon and handover of each"
    )
    hospitals_csv: str | None = Field(default=None, description="the same as a file")
    crs: Literal["wgs84", "bng", "osgb36"] | None = Field(
        default=None, description="system of the coordinates in these files, instead of data.crs"
    )
    handover: Duration = _duration(
        _HOSPITAL.handover,
        "arrival at the hospital to free, where a hospital says nothing else",
        f"England, mean 27 min; spread: {ASSUMPTION}",
    )
    calls_per_1000_year: float = stated(
        _FLEET.calls_per_1000_year,
        "other calls that need an ambulance",
        unit="per 1,000 people a year",
        source="England: 759,000 incidents in October 2024, 57.7 million people",
        ge=0.0,
        le=2_000.0,
    )
    hour_shares: HourShares = stated(
        _FLEET.hour_shares,
        "share of the other calls by local hour of the day, 00h first",
        unit="share",
        source=f"{ASSUMPTION}: as arrests",
    )
    conveyed_share: float = _share(
        _FLEET.conveyed_share, "calls that end at a hospital", "England: about half"
    )
    call_to_dispatch: Duration = _duration(
        _FLEET.call_to_dispatch,
        "call to the first crew assigned",
        "Copenhagen: median 0.84 min, quartiles 0.58 and 1.24",
    )
    turnout: Duration = _duration(_FLEET.turnout, "assigned to on the road, by day", ASSUMPTION)
    turnout_night: Duration = _duration(
        _FLEET.turnout_night, "assigned to on the road, by night", ASSUMPTION
    )
    scene: Duration = _duration(_FLEET.scene, "time on scene", "close to ELASPY, Utrecht")
    pressure_level: PressureLevel | None = Field(
        default=None,
        description="escalation level: scales other calls by 1, 1.05, 1.1, 1.15 and hand-over by "
        "1, 1.3, 1.7, 2.2 (assumption)",
    )
    demand_pressure: float = stated(
        _FLEET.demand_pressure,
        "scales the other calls, besides pressure_level",
        unit="factor",
        source="choice",
        ge=0.0,
        le=10.0,
    )
    handover_pressure: float = stated(
        _FLEET.handover_pressure,
        "scales hand-over, besides pressure_level",
        unit="factor",
        source="choice",
        ge=0.0,
        le=10.0,
    )
    divert: bool = stated(
        _FLEET.divert, "an arrest may take a crew on its way to another call", unit="", source="UK"
    )
    cell_m: float = stated(
        _FLEET.cell_m,
        "other calls are placed at the middle of such cells",
        unit="m",
        source="choice",
        ge=100.0,
        le=20_000.0,
    )

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        for key in ("stations", "hospitals"):
            if getattr(self, key) and getattr(self, f"{key}_csv"):
                raise failed(f"{key}_csv", f"either {key} or {key}_csv, not both", "both")
        return self


class AmbulanceTable(Table):
    """``[ambulance]``: when the ambulance is there."""

    model: Literal["distribution", "trace", "fleet"] = "distribution"
    median_s: float = stated(
        _AMBULANCE.median_s,
        "call to arrival at the scene, median",
        unit="s",
        source="England Category 1 mean 7:56 (mid-2025); median derived",
        ge=30.0,
        le=14_400.0,
    )
    p90_s: float = stated(
        _AMBULANCE.p90_s,
        "call to arrival at the scene, 90th percentile",
        unit="s",
        source="England Category 1 90th percentile 13:15 (2018), standard 15:00",
        ge=30.0,
        le=28_800.0,
    )
    csv: str | None = Field(default=None, description="observed times, column ambulance_s")
    observed_csv: str | None = Field(
        default=None,
        description="your service's times, column ambulance_s, held against the simulated ones; "
        "column response_s of incidents.csv when left out",
    )
    eta_error_sigma: float = _sigma(
        _AMBULANCE.eta_error_sigma, "error of the arrival time that control expects"
    )
    to_patient_s: float = _seconds(_AMBULANCE.to_patient_s, "vehicle to patient", ASSUMPTION)
    shock_s: float = _seconds(_AMBULANCE.shock_s, "crew at the patient to first shock", ASSUMPTION)
    fleet: FleetTable = FleetTable()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.model == "trace" and self.csv is None:
            raise failed("csv", "a file of observed times, because model = 'trace'", "nothing")
        if self.model == "fleet" and not (self.fleet.stations or self.fleet.stations_csv):
            raise failed(
                "fleet.stations", "stations or stations_csv, as model = 'fleet'", "neither"
            )
        if self.p90_s < self.median_s:
            raise failed("p90_s", f"at least median_s ({self.median_s:g})", f"{self.p90_s:g}")
        return self


_SCENE = DEFAULTS.scene


class SceneTable(Table):
    """``[scene]``: what happens once somebody is there, and how an incident ends."""

    to_patient_s: float = _seconds(
        _SCENE.to_patient_s, "volunteer at the address to hands on the patient", ASSUMPTION
    )
    aed_attach_s: float = _seconds(
        _SCENE.aed_attach_s, "AED at the patient to pads on, volunteer", ASSUMPTION
    )
    aed_shock_s: float = _seconds(
        _SCENE.aed_shock_s, "pads on to first shock (analysis, charging)", ASSUMPTION
    )
    bystander_aed_attach_s: float = _seconds(
        _SCENE.bystander_aed_attach_s, "AED at the patient to pads on, untrained", ASSUMPTION
    )
    close_after_crew_s: float = _seconds(
        _SCENE.close_after_crew_s, "crew at the scene until volunteers leave", ASSUMPTION
    )
    false_alarm_called_off_share: float = _share(
        _SCENE.false_alarm_called_off_share,
        "false alarms called off before the crew arrives",
        ASSUMPTION,
    )
    false_alarm: Duration = _duration(
        _SCENE.false_alarm, "call to calling off a false alarm", ASSUMPTION
    )


_CONTROL = DEFAULTS.control


class ControlTable(Table):
    """``[control]``: what control learns after the alert went out, and when."""

    estimate_part: float = _share(
        _CONTROL.estimate_part,
        "part of the wait after which control's estimate of the ambulance is right",
        ASSUMPTION,
    )
    unsafe_share: float = _share(
        _CONTROL.unsafe_share, "scenes found unsafe", "choice: off unless a planner says so"
    )
    unsafe: Duration = _duration(_CONTROL.unsafe, "until such a scene is safe", ASSUMPTION)
    do_not_alert_share: float = _share(
        _CONTROL.do_not_alert_share,
        "calls found out to be none to alert people to (a DNACPR form, a care home)",
        "choice: off unless a planner says so",
    )
    notice: Duration = _duration(
        _CONTROL.notice, "recognition to either of the two being known", ASSUMPTION
    )


_OUTCOME = DEFAULTS.outcome

OutcomeModel = Literal["joint", "waalewijn", "valenzuela", "de_maio", "larsen"]


class OutcomeTable(Table):
    """``[outcome]``: how times become a probability of survival."""

    models: tuple[OutcomeModel, ...] = Field(
        default=("joint", "waalewijn"), description="the first one leads the report", min_length=1
    )
    shockable_at_collapse: float = _share(
        _OUTCOME.shockable_at_collapse,
        "share in a shockable rhythm at the moment of collapse (joint model)",
        f"calibrated to the share that crews find (Scotland 26-30 %, England 20.6 %): {ASSUMPTION}",
    )
    non_shockable_level: float = _share(
        _OUTCOME.non_shockable_level,
        "survival without any delay when the rhythm is not shockable (joint model)",
        f"about 2-3 %, a planner's input: {ASSUMPTION}",
    )
    intercept: float = stated(
        _OUTCOME.intercept,
        "added to every logit of the joint model, to meet a region's own survival",
        unit="logit",
        source="calibrated: 7.6 % survive as today with the defaults (England 7.8, Scotland 9.7)",
        ge=-10.0,
        le=10.0,
    )


class PoliciesTable(Table):
    """``[policies]``: the options that are compared; the first one is the comparator."""

    compare: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=("as_today", "nearest_3", "phased_7"),
        description="names of shipped policies or policy files (*.toml)",
        min_length=1,
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        repeated = sorted({name for name in self.compare if self.compare.count(name) > 1})
        if repeated:
            raise failed("compare", "each policy once", f"{', '.join(repeated)} more than once")
        return self


class RunTable(Table):
    """``[run]``: how much is simulated."""

    years: float = stated(
        DEFAULTS.clock.years,
        "length of one replication",
        unit="years",
        source="choice",
        gt=0.0,
        le=100.0,
    )
    replications: int = stated(
        20, "independent repetitions", unit="", source="choice", ge=1, le=100_000
    )
    seed: int = stated(1, "same seed, same result", unit="", source="choice", ge=0, lt=2**63)
    start_date: date = stated(
        date.fromisoformat(DEFAULTS.clock.start_date),
        "first simulated day, local time",
        unit="",
        source="choice",
    )


class Scenario(Table):
    """A whole scenario file, checked. File names in it are relative to ``folder``."""

    title: str = Field(min_length=1)
    question: str = Field(default="", description="what the report's first sentence answers")
    answer: Literal["survivors", "aeds"] = Field(
        default="survivors", description="what that sentence is about: survivors, or AEDs by hour"
    )
    defaults: DefaultsTable = DefaultsTable()
    region: RegionTable
    data: DataTable = DataTable()
    incidents: IncidentsTable = IncidentsTable()
    patient: PatientTable = PatientTable()
    responders: RespondersTable = RespondersTable()
    aeds: AedsTable = AedsTable()
    ambulance: AmbulanceTable = AmbulanceTable()
    scene: SceneTable = SceneTable()
    groups: GroupsTable = GroupsTable()
    control: ControlTable = ControlTable()
    outcome: OutcomeTable = OutcomeTable()
    drones: DronesTable = DronesTable()
    weather: WeatherTable = WeatherTable()
    policies: PoliciesTable = PoliciesTable()
    options: tuple[OptionTable, ...] = Field(
        default=(), description="options that differ in means, instead of policies alone"
    )
    costs: CostsTable = CostsTable()
    run: RunTable = RunTable()

    _file: Path | None = PrivateAttr(default=None)
    _nation_sources: dict[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _options_told_apart(self) -> Self:
        names = [option.name for option in self.options]
        for i, name in enumerate(names):
            if name in names[:i]:
                raise failed(f"options[{i}].name", "each name once", repr(name))
        several = len(self.policies.compare) > 1 and "compare" in self.policies.model_fields_set
        if self.options and several:
            expected = "one policy, for the options that name none"
            found = f"{len(self.policies.compare)}, beside [[options]]"
            raise failed("policies.compare", expected, found)
        return self

    @property
    def file(self) -> Path | None:
        """The file that this scenario was read from, if it was."""
        return self._file

    def found_in(self, file: Path) -> None:
        """Remember the file that this scenario was read from."""
        self._file = file

    @property
    def nation_sources(self) -> dict[str, str]:
        """Source by dotted key of the values that came from ``[defaults] nation``."""
        return dict(self._nation_sources)

    def from_nation(self, sources: dict[str, str]) -> None:
        """Remember which values came from the nation's file, and their sources."""
        self._nation_sources = dict(sources)

    def path(self, name: str) -> Path:
        """A file that the scenario names: absolute, or beside the scenario file."""
        beside = self._file.parent if self._file is not None else Path()
        return beside / Path(name).expanduser()

    def to_parameters(self) -> WorldParameters:
        """The simulator's parameters, without the rows of CSV files (see ``inputs``)."""
        from scenarios.conversion import to_parameters  # noqa: PLC0415 - a cycle otherwise

        return to_parameters(self)
