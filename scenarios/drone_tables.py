"""``[drones]`` and ``[weather]`` of a scenario file: what flies, from where, and in what air."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from scenarios.table import (
    ASSUMPTION,
    Latitude,
    Longitude,
    Share,
    Table,
    failed,
    refuse_unknown,
    stated,
)

OSM, REMOTE = "osm", "remote"


class DroneBaseRow(Table):
    """``[[drones.bases]]``: a place from which drones fly."""

    id: str = Field(min_length=1)
    lat: Latitude
    lon: Longitude
    name: str = ""
    drones: int = Field(default=1, ge=1, le=50)
    aircraft: str = "m300"
    spare_batteries: int = Field(default=1, ge=0, le=50)
    agreed: tuple[str, ...] = ()


class PermissionRow(Table):
    """What air traffic control answers where a volume of the airspace does not say."""

    granted_share: Share = 0.85
    wait_median_s: float = Field(default=60.0, gt=0.0, le=3600.0)
    wait_sigma: float = Field(default=0.6, ge=0.0, le=3.0)


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

    @model_validator(mode="after")
    def _file_for_csv(self) -> Self:
        if (self.model == "csv") != (self.csv is not None):
            raise ValueError("csv|a file with model = 'csv', and only then|otherwise")
        return self
