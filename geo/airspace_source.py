"""A file of no-fly volumes under the reader's eye: its values checked, its faults collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.airspace import Height, Period, Reference, Volume, circle, period_faults
from geo.zones import Bounds

UNLIMITED = 99_999.0
"""This or more as a limit means that there is none."""
HIGHEST_M = 30_000.0
LOWEST_M = -500.0
LARGEST_RADIUS_M = 200_000.0
LARGEST_SPAN_DEG = 20.0
_TIDY_SHARE = 1e-3


@dataclass
class Source:
    """The file being read, the region that it is read for and what is wrong with it."""

    name: str
    region: Bounds | None
    faults: list[str] = field(default_factory=list)

    def fault(self, feature: str, at: str, text: str) -> None:
        """Add one line: file, feature and field, then what was expected."""
        where = ": ".join(part for part in (self.name, feature, at) if part)
        self.faults.append(f"{where}: {text}")

    def check_region(self, volumes: Sequence[Volume]) -> None:
        """Volumes that miss the region but meet it when turned over are in the wrong order."""
        if self.region is None or not volumes:
            return
        south, west, north, east = self.region
        box, turned = shapely.box(west, south, east, north), shapely.box(south, west, north, east)
        outlines = np.array([volume.outline for volume in volumes], dtype=object)
        if shapely.intersects(outlines, box).any():
            return
        for volume, swapped in zip(volumes, shapely.intersects(outlines, turned), strict=True):
            if swapped:
                self.fault(
                    f"feature {volume.volume_id}",
                    "geometry",
                    "latitude and longitude are swapped: expected longitude first",
                )


@dataclass(frozen=True)
class Entry:
    """One feature of a file. Its readers return None and note a fault where a value is wrong."""

    source: Source
    name: str

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.source.name

    def fault(self, at: str, text: str) -> None:
        """Note what is wrong with one field."""
        self.source.fault(f"feature {self.name}", at, text)

    def choice(self, at: str, value: Any, known: Mapping[str, Any]) -> Any:
        """What ``known`` has for the word."""
        if isinstance(value, str) and value in known:
            return known[value]
        self.fault(at, f"expected one of {', '.join(known)}, found {_short(value)}")
        return None

    def number(self, at: str, value: Any, low: float, high: float | None) -> float | None:
        """A finite number within the limits."""
        number = number_or_none(value)
        if number is not None and low <= number <= (np.inf if high is None else high):
            return number
        within = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
        self.fault(at, f"expected a number {within}, found {_short(value)}")
        return None

    def moment(self, at: str, value: Any, missing: float) -> float:
        """Epoch seconds of an ISO 8601 moment; without a zone it is UTC."""
        if value is None or value == "":
            return missing
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fault(at, f"expected a moment as 2026-03-01T08:00:00Z, found {_short(value)}")
            return missing
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def limit(self, at: str, metres: float | None, reference: Reference | None) -> Height | None:
        """A limit of height; None also where there is none."""
        if metres is None or reference is None:
            return None
        if metres > HIGHEST_M:
            expected = f"expected at most {HIGHEST_M:,.0f} m, or 99999 for no limit"
            self.fault(at, f"{expected}, found {metres:,.0f} m")
            return None
        return Height(metres, reference)

    def check_limits(self, floor: Height | None, ceiling: Height | None, at: str = "") -> None:
        """Note a floor that is not below its ceiling, where both have one reference."""
        if floor is None or ceiling is None or floor.reference is not ceiling.reference:
            return
        if floor.metres >= ceiling.metres:
            self.fault(at, f"floor {floor.metres:g} m is not below ceiling {ceiling.metres:g} m")

    def checked_periods(self, at: str, periods: Sequence[Period]) -> tuple[Period, ...]:
        """The periods, after noting ends before starts and overlaps."""
        for fault in period_faults(periods):
            self.fault(at, f"{fault}: expected periods apart from each other, in order")
        return tuple(periods)

    def outline(self, at: str, geometry: Any, radius_m: Any, *, tidy: bool = False) -> Any:
        """A polygon, a multipolygon or a circle, as shapely.

        ``tidy``: accept crossings so small that mending them changes the area by less than a
        thousandth, as where an arc of rounded numbers meets its end.
        """
        kind = geometry.get("type") if isinstance(geometry, Mapping) else None
        if kind in {"Circle", "Point"}:
            return self._circle(at, geometry, radius_m)
        if kind not in {"Polygon", "MultiPolygon"}:
            expected = "expected a Polygon, a MultiPolygon or a circle"
            self.fault(at, f"{expected}, found {_short(kind)}")
            return None
        rings = self._rings(f"{at}: coordinates", geometry)
        if rings is None:
            return None
        shape = shapely.MultiPolygon([shapely.Polygon(p[0], p[1:]) for p in rings])
        if not shape.is_valid:
            mended = _mended(shape) if tidy else None
            if mended is None:
                why = shapely.is_valid_reason(shape)
                self.fault(f"{at}: coordinates", f"expected rings that do not cross, found {why}")
            return mended
        return shape if len(rings) > 1 else shape.geoms[0]

    def _rings(self, at: str, geometry: Mapping[str, Any]) -> list[list[NDArray[Any]]] | None:
        coordinates = geometry.get("coordinates") or []
        polygons = [coordinates] if geometry["type"] == "Polygon" else coordinates
        try:
            rings = [
                [np.array([p[:2] for p in ring], dtype=float) for ring in polygon]
                for polygon in polygons
            ]
        except (TypeError, ValueError):
            self.fault(at, "expected rings of pairs of numbers")
            return None
        if not rings or not all(rings):
            self.fault(at, "expected at least one ring")
            return None
        right = [self._ring_is_right(at, ring) for polygon in rings for ring in polygon]
        return rings if all(right) else None

    def _circle(self, at: str, geometry: Mapping[str, Any], radius_m: Any) -> Any:
        centre = geometry.get("center", geometry.get("coordinates"))
        radius = number_or_none(radius_m)
        if radius is None or not 0 < radius <= LARGEST_RADIUS_M:
            expected = f"expected metres, above 0 and at most {LARGEST_RADIUS_M:,.0f}"
            self.fault(f"{at}: radius", f"{expected}, found {_short(radius_m)}")
            return None
        try:
            place = np.array([centre[:2]], dtype=float)
        except (TypeError, ValueError):
            place = np.empty(0)
        if place.shape != (1, 2):
            self.fault(f"{at}: center", f"expected longitude and latitude, found {_short(centre)}")
            return None
        if not self._are_degrees(f"{at}: center", place):
            return None
        return circle(float(place[0, 1]), float(place[0, 0]), radius)

    def _ring_is_right(self, at: str, ring: NDArray[Any]) -> bool:
        if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 4:
            self.fault(at, "expected rings of four or more places, the first one again last")
            return False
        if not (ring[0] == ring[-1]).all():
            self.fault(at, "expected a closed ring: its last place is not its first")
            return False
        if not self._are_degrees(at, ring):
            return False
        span = float((ring.max(axis=0) - ring.min(axis=0)).max())
        if span > LARGEST_SPAN_DEG:
            self.fault(at, f"spans {span:.1f} degrees: expected at most {LARGEST_SPAN_DEG:g}")
        return span <= LARGEST_SPAN_DEG

    def _are_degrees(self, at: str, lon_lat: NDArray[Any]) -> bool:
        if not np.isfinite(lon_lat).all():
            self.fault(at, "expected finite numbers")
            return False
        lon, lat = (float(v) for v in np.abs(lon_lat).max(axis=0))
        if max(lon, lat) > 180.0:
            self.fault(
                at,
                f"coordinates up to {max(lon, lat):,.0f} are no degrees: expected WGS84 "
                "longitude and latitude (EPSG:4326), not a national grid",
            )
            return False
        if lat > 90.0:
            self.fault(at, "latitude and longitude are swapped: expected longitude first")
        return lat <= 90.0


def number_or_none(value: Any) -> float | None:
    """The value as a float if it is a number and nothing else."""
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)


def _short(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _mended(shape: Any) -> Any:
    mended = shapely.make_valid(shape, method="structure")
    if mended.geom_type not in {"Polygon", "MultiPolygon"} or mended.area == 0:
        return None
    changed = abs(mended.area - shape.area) / mended.area
    return mended if changed < _TIDY_SHARE else None
