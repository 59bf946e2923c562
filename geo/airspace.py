"""No-fly volumes: what they forbid, between which heights and when, and what a flight must ask for.

A ``Volume`` keeps an outline on the map with its own limits; an ``Airspace`` is many of them. For a
flight only some matter: those that reach into its band of heights and apply at its time.
Readers of published files are in ``geo.airspace_files``, zones derived from a street map in
``geo.airspace_osm``; flights around the volumes in ``geo.air_chart``.

Where a limit is uncertain the volume is taken as the larger: a ceiling that cannot be compared with
the flight's height does not end the volume.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np
import shapely

from geo.errors import AirspaceError
from geo.points import LocalProjection

METRES_PER_FOOT = 0.3048
METRES_PER_NAUTICAL_MILE = 1852.0
CIRCLE_CORNERS = 72
GEOID_MARGIN_M = 110.0
"""The geoid lies within this of the WGS84 ellipsoid everywhere (EGM96: -107 to +85 m)."""
PRESSURE_MARGIN_M = 550.0
"""A flight level is at most this far from its height: 950-1050 hPa at 8.3 m each, rounded up."""
WEEK_S = 7 * 86_400
_THURSDAY = 3  # the epoch began on a Thursday


class Rule(StrEnum):
    """What a volume does to a flight."""

    FORBID = "forbid"
    PERMISSION = "permission"  # open to a flight that asked and was allowed
    FREE = "free"  # information only


class Reference(StrEnum):
    """What a height is measured from."""

    AGL = "agl"  # ground below the aircraft
    AMSL = "amsl"  # mean sea level
    WGS84 = "wgs84"  # the ellipsoid
    LEVEL = "level"  # pressure: a flight level


@dataclass(frozen=True)
class Height:
    """A limit in metres above its reference."""

    metres: float
    reference: Reference = Reference.AGL


GROUND = Height(0.0, Reference.AGL)


@dataclass(frozen=True)
class Period:
    """When a volume applies: between two moments, and within the week if ``weekly`` says so.

    ``start_s, end_s``: UTC epoch seconds, half open, infinite where not limited. ``weekly``: sorted
    half-open stretches in seconds from Monday 00:00 UTC; empty: the whole week.
    """

    start_s: float = -np.inf
    end_s: float = np.inf
    weekly: tuple[tuple[float, float], ...] = ()

    def holds(self, at_s: float) -> bool:
        """Whether the moment lies within the period."""
        if not self.start_s <= at_s < self.end_s:
            return False
        if not self.weekly:
            return True
        in_week = (at_s + _THURSDAY * 86_400.0) % WEEK_S
        return any(start <= in_week < end for start, end in self.weekly)

    def overlaps(self, other: Period) -> bool:
        """Whether some moment may lie within both."""
        if self.start_s >= other.end_s or other.start_s >= self.end_s:
            return False
        whole = ((0.0, float(WEEK_S)),)
        mine, theirs = self.weekly or whole, other.weekly or whole
        return any(a < d and c < b for a, b in mine for c, d in theirs)


@dataclass(frozen=True)
class Permission:
    """What asking for a volume comes to: a chance, and a wait that is lognormal."""

    granted_share: float = 0.85
    wait_median_s: float = 60.0
    wait_sigma: float = 0.6
    source: str = "assumption: no distribution of air traffic control's answers is published"


@dataclass(frozen=True)
class Volume:
    """One no-fly volume. ``outline``: shapely polygon or multipolygon, x longitude, y latitude.

    ``ceiling`` None: no upper end. ``periods`` empty: always. ``by_notice``: applies only when a
    notice (NOTAM) says so. ``buffer_m``: distance to keep from the outline. ``kind``: what it is,
    in the source's own word. ``permission`` None: the general one.
    """

    volume_id: str
    name: str
    rule: Rule
    kind: str
    outline: Any
    floor: Height = GROUND
    ceiling: Height | None = None
    periods: tuple[Period, ...] = ()
    by_notice: bool = False
    buffer_m: float = 0.0
    permission: Permission | None = None
    source: str = ""

    def applies(self, at_s: float) -> bool:
        """Whether the volume applies at the moment, notices apart."""
        return not self.periods or any(period.holds(at_s) for period in self.periods)

    def meets(self, band: Band) -> bool:
        """Whether it may reach into the band: an uncertain limit counts as the wider one."""
        low = _lowest_above_ground(self.floor, band)
        if low >= band.high_m:
            return False
        return self.ceiling is None or _highest_above_ground(self.ceiling, band) > band.low_m


@dataclass(frozen=True)
class Band:
    """Heights of a flight above the ground, and the ground's own range above the sea, in metres."""

    low_m: float
    high_m: float
    ground_low_m: float
    ground_high_m: float


_MARGIN_M = {
    Reference.AMSL: 0.0,
    Reference.WGS84: GEOID_MARGIN_M,
    Reference.LEVEL: PRESSURE_MARGIN_M,
}


def _lowest_above_ground(height: Height, band: Band) -> float:
    if height.reference is Reference.AGL:
        return height.metres
    return height.metres - _MARGIN_M[height.reference] - band.ground_high_m


def _highest_above_ground(height: Height, band: Band) -> float:
    if height.reference is Reference.AGL:
        return height.metres
    return height.metres + _MARGIN_M[height.reference] - band.ground_low_m


@dataclass(frozen=True)
class Airspace:
    """Many volumes. ``notes``: how they came to be, for the manifest of a study."""

    volumes: tuple[Volume, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def __add__(self, other: Airspace) -> Airspace:
        return Airspace(self.volumes + other.volumes, self.notes + other.notes)

    def __len__(self) -> int:
        return len(self.volumes)

    def within(self, south: float, west: float, north: float, east: float) -> Airspace:
        """Only the volumes that touch the box (buffers included, roughly)."""
        kept = []
        for volume in self.volumes:
            reach = volume.buffer_m / 40_000.0  # degrees, generous up to 68 degrees of latitude
            box = shapely.box(west - reach, south - reach, east + reach, north + reach)
            if shapely.intersects(volume.outline, box):
                kept.append(volume)
        return Airspace(tuple(kept), self.notes)

    def constraining(
        self, at_s: float, band: Band, *, by_notice: bool = True
    ) -> tuple[Volume, ...]:
        """Volumes that forbid or ask for permission at that time and those heights.

        ``by_notice``: count the volumes that apply only when announced; without a source of notices
        this is the careful choice.
        """
        return tuple(
            volume
            for volume in self.volumes
            if volume.rule is not Rule.FREE
            and (by_notice or not volume.by_notice)
            and volume.applies(at_s)
            and volume.meets(band)
        )

    def with_buffer(self, buffer_m: float) -> Airspace:
        """Every volume kept at least ``buffer_m`` away: the error of navigation, for one."""
        volumes = (replace(v, buffer_m=max(v.buffer_m, buffer_m)) for v in self.volumes)
        return replace(self, volumes=tuple(volumes))


def in_plane(volume: Volume, projection: LocalProjection) -> Any:
    """The outline with its buffer in the plane, x and y in metres; never smaller than it is."""
    flat = shapely.transform(
        volume.outline,
        lambda lon_lat: np.column_stack(projection.to_xy_m(lon_lat[:, 1], lon_lat[:, 0])),
    )
    if volume.buffer_m <= 0:
        return flat
    segments = 8
    outward = volume.buffer_m / np.cos(np.pi / (4 * segments))
    return shapely.buffer(flat, outward, quad_segs=segments)


def circle(lat: float, lon: float, radius_m: float) -> Any:
    """A circle on the map as a polygon that encloses it: shapely, x longitude, y latitude.

    Raises:
        AirspaceError: the radius is not a positive number.
    """
    if not 0 < radius_m < np.inf:
        raise AirspaceError([f"radius: expected a positive number of metres, found {radius_m:g}"])
    plane = LocalProjection(lat, lon)
    angles = np.arange(CIRCLE_CORNERS) * (2 * np.pi / CIRCLE_CORNERS)
    outer = radius_m / np.cos(np.pi / CIRCLE_CORNERS)
    lats, lons = plane.to_lat_lon(outer * np.cos(angles), outer * np.sin(angles))
    return shapely.Polygon(np.column_stack((lons, lats)))


def to_geojson(volumes: Iterable[Volume]) -> dict[str, Any]:
    """A FeatureCollection in this program's own properties, which ``read_airspace`` reads."""
    return {"type": "FeatureCollection", "features": [_feature(volume) for volume in volumes]}


def _feature(volume: Volume) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "id": volume.volume_id,
        "name": volume.name,
        "rule": volume.rule.value,
        "kind": volume.kind,
        "floor_m": volume.floor.metres,
        "floor_reference": volume.floor.reference.value,
        "ceiling_m": None if volume.ceiling is None else volume.ceiling.metres,
        "ceiling_reference": None if volume.ceiling is None else volume.ceiling.reference.value,
        "buffer_m": volume.buffer_m,
        "by_notice": volume.by_notice,
        "periods": [_period(period) for period in volume.periods],
        "source": volume.source,
    }
    if volume.permission is not None:
        properties["granted_share"] = volume.permission.granted_share
        properties["wait_median_s"] = volume.permission.wait_median_s
        properties["wait_sigma"] = volume.permission.wait_sigma
        properties["permission_source"] = volume.permission.source
    geometry = shapely.geometry.mapping(volume.outline)
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _period(period: Period) -> dict[str, Any]:
    return {
        "start": None if np.isinf(period.start_s) else _moment(period.start_s),
        "end": None if np.isinf(period.end_s) else _moment(period.end_s),
        "weekly_s": [list(stretch) for stretch in period.weekly],
    }


def _moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def period_faults(periods: Sequence[Period]) -> list[str]:
    """What is wrong with the periods of one volume: ends before starts, and overlaps."""
    faults = []
    for k, period in enumerate(periods):
        if not period.start_s < period.end_s:
            faults.append(f"period {k + 1} ends before it starts")
        for start, end in period.weekly:
            if not 0 <= start < end <= WEEK_S:
                faults.append(f"period {k + 1} has a weekly stretch that ends before it starts")
        for (_, end), (start, _) in zip(period.weekly, period.weekly[1:], strict=False):
            if start < end:
                faults.append(f"period {k + 1} has weekly stretches that overlap")
        faults += [
            f"periods {k + 1} and {k + 2 + j} overlap"
            for j, other in enumerate(periods[k + 1 :])
            if period.overlaps(other)
        ]
    return faults
