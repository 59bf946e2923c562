"""No-fly zones derived from a street map, where no official file is at hand.

OpenStreetMap shows what is on the ground, not what the law draws around it. The zones follow the
British rules in outline and say so in their ``source``; use the official file where there is one
and add these to it.

=================  ========================================================================
aerodrome          circle round the middle of its longest runway, 2 nautical miles, or 2.5 with a
                   runway over 1,850 m (the aerodrome traffic zone), and a box 5 km long and 1 km
                   wide outward from every runway end (the runway protection zone), both up to
                   2,000 ft; without runways the circle stands on the aerodrome's middle. Asks for
                   permission (SI 2019/261)
heliport, helipad  circle only, as SI 2019/261 has it; 500 m and 100 m are assumptions, as most
                   are not protected aerodromes. Asks for permission
prison             outline and 400 m round it, forbidden (SI 2023/1101)
military           outline, forbidden; no buffer (assumption)
nuclear site       circle of 2 nautical miles, forbidden: about the size of the British restricted
                   areas round such sites
=================  ========================================================================

Aerodromes tagged as disused or abandoned, model airfields and gliding fields without a runway that
is paved are drawn like the others: a zone too many is the safer fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from geo.airspace import (
    METRES_PER_FOOT,
    METRES_PER_NAUTICAL_MILE,
    Airspace,
    Height,
    Reference,
    Rule,
    Volume,
    circle,
)
from geo.points import LocalProjection

SOURCE = "derived from OpenStreetMap"
_NEAR_DEG = 0.02  # an aerodrome may be no more than a point on the map, off its runway


@dataclass(frozen=True)
class AirFeature:
    """A thing on the map that may have a zone. ``shape``: shapely, x longitude, y latitude."""

    osm_id: str
    tags: Mapping[str, str]
    shape: Any


@dataclass(frozen=True)
class Derivation:
    """Sizes of the derived zones; the defaults follow the table above."""

    aerodrome_radius_m: float = 2.0 * METRES_PER_NAUTICAL_MILE
    large_aerodrome_radius_m: float = 2.5 * METRES_PER_NAUTICAL_MILE
    long_runway_m: float = 1_850.0
    runway_box_length_m: float = 5_000.0
    runway_box_width_m: float = 1_000.0
    aerodrome_ceiling_m: float = 2_000.0 * METRES_PER_FOOT
    heliport_radius_m: float = 500.0
    helipad_radius_m: float = 100.0
    prison_buffer_m: float = 400.0
    military_buffer_m: float = 0.0
    nuclear_radius_m: float = 2.0 * METRES_PER_NAUTICAL_MILE


def is_wanted(tags: Mapping[str, str]) -> bool:
    """Whether a thing with these tags may have a zone or shape one."""
    return _kind(tags) is not None


def derive(features: Iterable[AirFeature], sizes: Derivation | None = None) -> Airspace:
    """The zones of the features. Runways shape the zone of the aerodrome that they lie on."""
    sizes = sizes or Derivation()
    by_kind: dict[str, list[AirFeature]] = {}
    for feature in features:
        kind = _kind(feature.tags)
        if kind is not None:
            by_kind.setdefault(kind, []).append(feature)
    volumes: list[Volume] = []
    for aerodrome, runways in _with_runways(
        by_kind.get("aerodrome", []), by_kind.get("runway", [])
    ):
        volumes += _aerodrome(aerodrome, runways, sizes)
    for kind, radius in (
        ("heliport", sizes.heliport_radius_m),
        ("helipad", sizes.helipad_radius_m),
    ):
        volumes += [_round(f, kind, Rule.PERMISSION, radius) for f in by_kind.get(kind, [])]
    volumes += [
        _round(f, "nuclear", Rule.FORBID, sizes.nuclear_radius_m)
        for f in by_kind.get("nuclear", [])
    ]
    for kind, buffer_m in (
        ("prison", sizes.prison_buffer_m),
        ("military", sizes.military_buffer_m),
    ):
        volumes += [_outlined(f, kind, buffer_m) for f in by_kind.get(kind, [])]
    counts = ", ".join(f"{len(found)} {kind}" for kind, found in sorted(by_kind.items()))
    return Airspace(tuple(volumes), (f"{SOURCE}: {counts or 'nothing found'}; {sizes}",))


_MILITARY = {
    "airfield", "base", "barracks", "danger_area", "range", "naval_base", "training_area",
    "nuclear_explosion_site",
}  # fmt: skip


def _kind(tags: Mapping[str, str]) -> str | None:
    aeroway = tags.get("aeroway")
    if aeroway in {"aerodrome", "runway", "heliport", "helipad"}:
        return aeroway
    if tags.get("amenity") == "prison":
        return "prison"
    if tags.get("plant:source") == "nuclear" and tags.get("power") == "plant":
        return "nuclear"
    if tags.get("landuse") == "military" or tags.get("military") in _MILITARY:
        return "military"
    return None


def _with_runways(
    aerodromes: Sequence[AirFeature], runways: Sequence[AirFeature]
) -> list[tuple[AirFeature, list[AirFeature]]]:
    """Each aerodrome with the runways on it; a runway on none stands for an aerodrome itself."""
    placed: list[tuple[AirFeature, list[AirFeature]]] = [(a, []) for a in aerodromes]
    for runway in runways:
        home = next(
            (own for a, own in placed if shapely.dwithin(a.shape, runway.shape, _NEAR_DEG)),
            None,
        )
        if home is None:
            placed.append((runway, [runway]))
        else:
            home.append(runway)
    return placed


def _name(feature: AirFeature) -> str:
    return feature.tags.get("name") or feature.osm_id


def _centre(shape: Any) -> tuple[float, float]:
    middle = shapely.centroid(shape)
    return float(middle.y), float(middle.x)


def _ends(runway: AirFeature, plane: LocalProjection) -> Any:
    """The two ends of a runway in the plane, float[2, 2]; of an area, along its longer axis."""
    flat = shapely.transform(
        runway.shape, lambda p: np.column_stack(plane.to_xy_m(p[:, 1], p[:, 0]))
    )
    if flat.geom_type in {"LineString", "LinearRing"} and not flat.is_closed:
        return shapely.get_coordinates(flat)[[0, -1]]
    box = shapely.get_coordinates(shapely.minimum_rotated_rectangle(flat))
    if len(box) < 4:
        return shapely.get_coordinates(flat)[[0, -1]]
    sides = np.hypot(*(box[1:3] - box[:2]).T)
    k = int(np.argmin(sides))
    return np.array([(box[k] + box[k + 1]) / 2, (box[(k + 2) % 4] + box[(k + 3) % 4]) / 2])


def _aerodrome(
    aerodrome: AirFeature, runways: Sequence[AirFeature], sizes: Derivation
) -> list[Volume]:
    plane = LocalProjection(*_centre(aerodrome.shape))
    lines = [ends for ends in (_ends(r, plane) for r in runways) if np.ptp(ends, axis=0).max() > 1]
    lengths = [float(np.hypot(*(ends[1] - ends[0]))) for ends in lines]
    longest = max(lengths, default=0.0)
    radius = sizes.aerodrome_radius_m
    if longest > sizes.long_runway_m:
        radius = sizes.large_aerodrome_radius_m
    middle = lines[lengths.index(longest)].mean(axis=0) if lines else np.zeros(2)
    lat, lon = (float(v) for v in plane.to_lat_lon(middle[0], middle[1]))
    parts = [("circle", circle(lat, lon, radius))]
    for k, ends in enumerate(lines):
        for side, box in enumerate(_runway_boxes(ends, sizes)):
            outline = shapely.transform(
                box, lambda p: np.column_stack(plane.to_lat_lon(p[:, 0], p[:, 1])[::-1])
            )
            parts.append((f"runway {k + 1} end {side + 1}", outline))
    ceiling = Height(sizes.aerodrome_ceiling_m, Reference.AGL)
    return [
        Volume(
            volume_id=f"{aerodrome.osm_id}/{part}",
            name=f"{_name(aerodrome)}, {part}",
            rule=Rule.PERMISSION,
            kind="aerodrome",
            outline=outline,
            ceiling=ceiling,
            source=SOURCE,
        )
        for part, outline in parts
    ]


def _runway_boxes(ends: Any, sizes: Derivation) -> list[Any]:
    along = (ends[1] - ends[0]) / np.hypot(*(ends[1] - ends[0]))
    half = np.array([-along[1], along[0]]) * sizes.runway_box_width_m / 2
    boxes = []
    for threshold, outward in ((ends[0], -along), (ends[1], along)):
        far = threshold + outward * sizes.runway_box_length_m
        boxes.append(shapely.Polygon([threshold + half, far + half, far - half, threshold - half]))
    return boxes


def _round(feature: AirFeature, kind: str, rule: Rule, radius_m: float) -> Volume:
    lat, lon = _centre(feature.shape)
    return Volume(
        volume_id=feature.osm_id,
        name=_name(feature),
        rule=rule,
        kind=kind,
        outline=circle(lat, lon, radius_m),
        source=SOURCE,
    )


def _outlined(feature: AirFeature, kind: str, buffer_m: float) -> Volume:
    outline, buffer = feature.shape, buffer_m
    if outline.geom_type not in {"Polygon", "MultiPolygon"}:
        outline = circle(*_centre(outline), max(buffer_m, 100.0))  # a mere point: 100 m at least
        buffer = 0.0
    return Volume(
        volume_id=feature.osm_id,
        name=_name(feature),
        rule=Rule.FORBID,
        kind=kind,
        outline=outline,
        buffer_m=buffer,
        source=SOURCE,
    )
