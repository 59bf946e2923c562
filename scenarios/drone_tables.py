"""``[drones]`` and ``[weather]`` of a scenario file: what flies, from where, and in what air."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

ASSUMPTION = "assumption"
OSM, REMOTE = "osm", "remote"
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Latitude = Annotated[float, Field(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Field(ge=-180.0, le=180.0)]


class _Table(BaseModel):
    """Frozen, exact about its keys, finite numbers only; as every table of a scenario."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True
    )


def _field(default: Any, says: str, *, unit: str = "", source: str = "", **limits: Any) -> Any:
    extra: dict[str, JsonValue] = {"unit": unit, "source": source}
    return Field(default, description=says, json_schema_extra=extra, **limits)


class DroneBaseRow(_Table):
    """``[[drones.bases]]``: a place from which drones fly."""

    id: str = Field(min_length=1)
    lat: Latitude
    lon: Longitude
    drones: int = Field(default=1, ge=1, le=50)
    aircraft: str = "m300"
    spare_batteries: int = Field(default=1, ge=0, le=50)
    agreed: tuple[str, ...] = ()


class PermissionRow(_Table):
    """What air traffic control answers where a volume of the airspace does not say."""

    granted_share: Share = 0.85
    wait_median_s: float = Field(default=60.0, gt=0.0, le=3600.0)
    wait_sigma: float = Field(default=0.6, ge=0.0, le=3.0)


class DronesTable(_Table):
    """``[drones]``: AED drones beside the volunteers; none without a base."""

    bases: tuple[DroneBaseRow, ...] = _field(
        (), "id, lat, lon, drones, aircraft, spare_batteries, agreed of each", source="choice"
    )
    airspace: tuple[str, ...] = _field(
        (),
        "files of no-fly volumes; osm: derived from the extract that the region is made from; "
        "remote: that of the invented district",
        source="choice",
    )
    night_flying: bool = _field(
        True, "flights by night", source="Greifswald 2023: night adds no time"
    )
    cruise_height_m: float = _field(
        90.0, "above ground", unit="m", source=ASSUMPTION, ge=10.0, le=500.0
    )
    ground_elevation_m: tuple[float, float] = _field(
        (0.0, 300.0),
        "lowest and highest ground, to compare limits above sea level",
        unit="m",
        source=ASSUMPTION,
    )
    permission: PermissionRow = _field(
        PermissionRow(), "where a volume says nothing else", source=ASSUMPTION
    )
    start_failed_share: float = _field(
        0.03, "does not take off", unit="share", source=ASSUMPTION, ge=0.0, le=1.0
    )
    queue_s: float = _field(
        0.0, "a busy drone is waited for so long", unit="s", source="choice", ge=0.0, le=3600.0
    )
    suspected_share: float = _field(
        0.841,
        "calls in which a machine suspects an arrest before control recognises it",
        unit="share",
        source="Blomberg 2019",
        ge=0.0,
        le=1.0,
    )

    @model_validator(mode="after")
    def _heights_rise(self) -> Self:
        low, high = self.ground_elevation_m
        if low > high:
            raise ValueError(f"ground_elevation_m|lowest before highest|{low:g}, {high:g}")
        return self


class WeatherTable(_Table):
    """``[weather]``: hours of weather for drones."""

    model: Literal["seeded", "csv"] = _field(
        "seeded",
        "drawn anew for each replication, or observed hours",
        source="Amsterdam IWEC typical year, as a proxy",
    )
    csv: str | None = _field(None, "hours of one place, with model = 'csv'; see docs/drones.md")

    @model_validator(mode="after")
    def _file_for_csv(self) -> Self:
        if (self.model == "csv") != (self.csv is not None):
            raise ValueError("csv|a file with model = 'csv', and only then|otherwise")
        return self
