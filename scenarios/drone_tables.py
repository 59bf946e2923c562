"""``[drones]`` and ``[weather]`` of a scenario file: what flies, from where, and in what air."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from scenarios.table import (
    ASSUMPTION,
    DayNightShare,
    Duration,
    Latitude,
    Longitude,
    Share,
    Table,
    failed,
    refuse_unknown,
    stated,
)

OSM, REMOTE = "osm", "remote"


_AMSTERDAM = "Amsterdam IWEC typical year, as a proxy (docs/drones.md)"


def _duration(median_s: float, sigma: float, says: str, source: str) -> Any:
    return stated(Duration(median_s=median_s, sigma=sigma), says, unit="s", source=source)


def _share(default: float, says: str, source: str) -> Any:
    return stated(default, says, unit="share", source=source, ge=0.0, le=1.0)


def _climate(default: float, says: str, unit: str, low: float, high: float) -> Any:
    return stated(default, says, unit=unit, source=_AMSTERDAM, ge=low, le=high)


class DroneBaseRow(Table):
    """``[[drones.bases]]``: a place from which drones fly."""

    id: str = Field(min_length=1, description="by which options name it")
    lat: Latitude
    lon: Longitude
    name: str = Field(default="", description="name for people; the id when left out")
    drones: int = Field(default=1, ge=1, le=50, description="how many stand there")
    aircraft: str = Field(default="m300", description="a type of geo/aircraft.toml")
    spare_batteries: int = Field(
        default=1, ge=0, le=50, description="sets besides those in the drones"
    )
    agreed: tuple[str, ...] = Field(
        default=(), description="ids of airspace volumes with a standing agreement"
    )


class PermissionRow(Table):
    """What air traffic control answers where a volume of the airspace does not say."""

    granted_share: Share = 0.85
    wait_median_s: float = Field(default=60.0, gt=0.0, le=3600.0)
    wait_sigma: float = Field(default=0.6, ge=0.0, le=3.0)


class HandOverTable(Table):
    """``[drones.hand_over]``: who takes the AED, and what that costs."""

    fetch: Duration = _duration(19.0, 0.15, "a volunteer goes for it", "Smith 2024: 19 s, 16 to 22")
    trained_attach: Duration = _duration(
        35.0, 0.15, "a volunteer, AED at the patient to pads on", "Cheskes 2020: 35 s, sd 5"
    )
    lay_attach: Duration = _duration(
        203.0,
        0.35,
        "a bystander, AED on the ground to pads on",
        "fitted: Smith 2025, 4:35 from arrival to shock",
    )
    alone_hands_off: Duration = _duration(
        109.0,
        0.28,
        "compressions stopped by somebody alone who fetches it",
        "Smith 2024: 109 s, 87 to 130",
    )
    second_person_home_share: float = _share(
        0.44, "bystanders at home who are not alone", "Paris 2021: 0.56 alone"
    )
    second_person_public_share: float = _share(0.85, "the same in public", ASSUMPTION)
    refuses_share: float = _share(0.05, "bystanders who will not or cannot go for it", ASSUMPTION)


class DronesTable(Table):
    """``[drones]``: AED drones beside the volunteers; none without a base."""

    bases: tuple[DroneBaseRow, ...] = stated(
        (), "id, lat, lon, drones, aircraft, spare_batteries, agreed of each", source="choice"
    )
    bases_csv: str | None = stated(None, "the same as a file; see own-data.md", source="choice")
    fly_from: tuple[str, ...] | None = stated(
        None, "ids of the bases that have drones; all of them when left out", source="choice"
    )
    airspace: tuple[str, ...] = stated(
        (),
        "files of no-fly volumes; osm: derived from the extract that the region is made from; "
        "remote: that of the invented district",
        source="choice",
    )
    night_flying: bool = stated(
        True, "flights by night", source="Greifswald 2023: night adds no time"
    )
    cruise_height_m: float = stated(
        90.0, "above ground", unit="m", source=ASSUMPTION, ge=10.0, le=500.0
    )
    ground_elevation_m: tuple[float, float] = stated(
        (0.0, 300.0),
        "lowest and highest ground, to compare limits above sea level",
        unit="m",
        source=ASSUMPTION,
    )
    permission: PermissionRow = stated(
        PermissionRow(), "where a volume says nothing else", source=ASSUMPTION
    )
    start_failed_share: float = stated(
        0.03, "does not take off", unit="share", source=ASSUMPTION, ge=0.0, le=1.0
    )
    queue_s: float = stated(
        0.0, "a busy drone is waited for so long", unit="s", source="choice", ge=0.0, le=3600.0
    )
    suspected_share: float = stated(
        0.841,
        "calls in which a machine suspects an arrest before control recognises it",
        unit="share",
        source="Blomberg 2019",
        ge=0.0,
        le=1.0,
    )

    child_share: float = _share(0.02, "calls ruled out because it is a child", ASSUMPTION)
    trauma_share: float = _share(0.05, "calls ruled out as an injury", ASSUMPTION)
    no_place_share: DayNightShare = stated(
        DayNightShare(day=0.05, night=0.05),
        "calls with no place to put an AED down",
        unit="share",
        source=f"{ASSUMPTION} (Schierbeck 2023 lists the reason, no share)",
    )
    preparation: Duration = _duration(
        42.0, 0.35, "the word to go to take-off", "fitted: trials S3 and S5; spread: assumption"
    )
    busy_s: float | None = stated(
        None,
        "after take-off no other mission for so long; flight home, battery and checks when left "
        "out",
        unit="s",
        source="Paris 2021 took 6 h",
        ge=0.0,
        le=172_800.0,
    )
    hand_over: HandOverTable = HandOverTable()

    @model_validator(mode="after")
    def _heights_rise(self) -> Self:
        if self.bases and self.bases_csv:
            raise failed("bases_csv", "either bases or bases_csv, not both", "both")
        ids = [row.id for row in self.bases]
        if len(set(ids)) < len(ids):
            raise failed("bases", "each id once", ", ".join(ids))
        if self.bases and self.fly_from is not None:
            refuse_unknown("fly_from", self.fly_from, ids)
        low, high = self.ground_elevation_m
        if low > high:
            raise ValueError(f"ground_elevation_m|lowest before highest|{low:g}, {high:g}")
        return self

    @property
    def any_fly(self) -> bool:
        """Whether there is a drone at all."""
        return bool((self.bases or self.bases_csv) and self.fly_from != ())


class WeatherTable(Table):
    """``[weather]``: hours of weather for drones."""

    model: Literal["seeded", "csv"] = stated(
        "seeded",
        "drawn anew for each replication, or observed hours",
        source="Amsterdam IWEC typical year, as a proxy",
    )
    csv: str | None = stated(None, "hours of one place, with model = 'csv'; see docs/drones.md")
    source: str = stated(
        "Amsterdam IWEC typical year, as a proxy",
        "where the numbers below come from, with model = 'seeded'",
        source="choice",
    )
    wind_scale_mps: float = _climate(5.8, "scale of the Weibull wind at 10 m", "m/s", 0.5, 20.0)
    wind_shape: float = _climate(1.85, "its shape", "", 1.0, 5.0)
    wind_by_month: Annotated[
        tuple[Annotated[float, Field(ge=0.1, le=5.0)], ...], Field(min_length=12, max_length=12)
    ] = stated(
        (1.26, 1.22, 1.1, 0.98, 0.92, 0.86, 0.82, 0.84, 0.92, 1.02, 1.12, 1.24),
        "factors of the scale, January first",
        unit="factor",
        source=_AMSTERDAM,
    )
    prevailing_deg: float = _climate(230.0, "where the wind comes from", "degrees", 0.0, 360.0)
    gust_factor: float = _climate(1.5, "gust over mean wind", "factor", 1.0, 3.0)
    wet_to_wet: float = _climate(0.57, "a wet hour after a wet one", "share", 0.0, 1.0)
    dry_to_wet: float = _climate(0.06, "a wet hour after a dry one", "share", 0.0, 1.0)
    wet_mm_h: float = _climate(1.0, "mean of a wet hour", "mm/h", 0.1, 20.0)
    below_1500m_share: float = _climate(0.034, "hours of fog, below 1.5 km", "share", 0.001, 0.5)
    below_5000m_share: float = _climate(0.16, "hours below 5 km", "share", 0.002, 0.9)
    mean_c: float = _climate(10.0, "temperature, mean of the year", "degrees C", -20.0, 35.0)
    yearly_swing_c: float = _climate(7.0, "half of July minus January", "degrees C", 0.0, 30.0)
    daily_swing_c: float = _climate(3.0, "half of afternoon minus dawn", "degrees C", 0.0, 15.0)
    shared: float = _climate(0.85, "part of the weather that all bases share", "share", 0.0, 1.0)

    @model_validator(mode="after")
    def _file_for_csv(self) -> Self:
        if (self.model == "csv") != (self.csv is not None):
            raise ValueError("csv|a file with model = 'csv', and only then|otherwise")
        return self
