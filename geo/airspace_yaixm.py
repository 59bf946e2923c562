"""British airspace in YAIXM (YAML): made for gliding, so it lacks prisons and runway boxes.

P, R and D volumes forbid; aerodrome and control zones, military ones, gas venting, laser and
parachuting sites ask for permission; everything else informs: ``RULES_OF_YAIXM``. Heights in feet
are above mean sea level. Volumes marked NOTAM apply by notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from geo.airspace import (
    GROUND,
    METRES_PER_FOOT,
    METRES_PER_NAUTICAL_MILE,
    Height,
    Reference,
    Rule,
    Volume,
    circle,
)
from geo.airspace_source import LARGEST_RADIUS_M, Entry
from geo.points import LocalProjection

RULES_OF_YAIXM = {
    "P": Rule.FORBID,
    "R": Rule.FORBID,
    "D": Rule.FORBID,
    "ATZ": Rule.PERMISSION,
    "CTR": Rule.PERMISSION,
    "OTHER/MATZ": Rule.PERMISSION,
    "D_OTHER/GVS": Rule.PERMISSION,
    "D_OTHER/LASER": Rule.PERMISSION,
    "D_OTHER/DZ": Rule.PERMISSION,
}


def yaixm_volumes(entry: Entry, feature: Any) -> Iterator[Volume]:
    """Volumes of one YAIXM feature; faults are noted and their volumes left out."""
    if not isinstance(feature, Mapping) or not isinstance(feature.get("geometry"), list):
        entry.fault("geometry", "expected a list of volumes")
        return
    kind = "/".join(str(feature[k]) for k in ("type", "localtype") if feature.get(k))
    rules = set(feature.get("rules") or ())
    parts = feature["geometry"]
    for k, part in enumerate(parts):
        at = "geometry" if len(parts) == 1 else f"geometry {k + 1}"
        if not isinstance(part, Mapping):
            entry.fault(at, "expected an object")
            continue
        floor = _yaixm_height(entry, f"{at}: lower", part.get("lower"))
        ceiling = _yaixm_height(entry, f"{at}: upper", part.get("upper"))
        outline = _yaixm_outline(entry, f"{at}: boundary", part.get("boundary"))
        entry.check_limits(floor, ceiling, at)
        if outline is None:
            continue
        name = str(part.get("name") or feature.get("name") or entry.name)
        identifier = entry.name + f"/{feature.get('type')}"
        yield Volume(
            volume_id=str(
                part.get("id") or (identifier if len(parts) == 1 else f"{identifier}/{k + 1}")
            ),
            name=name,
            rule=RULES_OF_YAIXM.get(kind, Rule.FREE),
            kind=kind,
            outline=outline,
            floor=floor or GROUND,
            ceiling=ceiling,
            by_notice="NOTAM" in rules | set(part.get("rules") or ()),
            source=entry.file,
        )


def _yaixm_height(entry: Entry, at: str, value: Any) -> Height | None:
    text = str(value).strip()
    if text == "SFC":
        return GROUND
    level = re.fullmatch(r"FL(\d{1,3})", text)
    if level:
        return entry.limit(at, int(level[1]) * 100 * METRES_PER_FOOT, Reference.LEVEL)
    feet = re.fullmatch(r"(\d{1,6}) ft", text)
    if feet:
        return entry.limit(at, int(feet[1]) * METRES_PER_FOOT, Reference.AMSL)
    entry.fault(at, f"expected SFC, feet as '2000 ft' or a level as 'FL65', found {value!r}")
    return None


def _yaixm_outline(entry: Entry, at: str, boundary: Any) -> Any:
    if not isinstance(boundary, list) or not boundary:
        entry.fault(at, "expected a list of lines, arcs or one circle")
        return None
    places: list[tuple[float, float]] = []
    for step in boundary:
        if not isinstance(step, Mapping):
            entry.fault(at, f"expected line, arc or circle, found {step!r}")
            return None
        if "circle" in step:
            centre = _dms(entry, f"{at}: circle", step["circle"].get("centre"))
            radius = _distance(entry, f"{at}: circle", step["circle"].get("radius"))
            return None if centre is None or radius is None else circle(*centre, radius)
        if "line" in step:
            found = [_dms(entry, f"{at}: line", text) for text in step["line"]]
            places += [place for place in found if place is not None]
        elif "arc" in step:
            places += _arc(entry, f"{at}: arc", step["arc"], places)
    ring = [[lon, lat] for lat, lon in places]
    coordinates = [[*ring, ring[0]]] if ring else []
    return entry.outline(at, {"type": "Polygon", "coordinates": coordinates}, None, tidy=True)


_DMS = re.compile(r"^(\d{2})(\d{2})(\d{2}(?:\.\d+)?)([NS]) (\d{3})(\d{2})(\d{2}(?:\.\d+)?)([EW])$")


def _dms(entry: Entry, at: str, text: Any) -> tuple[float, float] | None:
    match = _DMS.match(str(text).strip())
    if not match:
        entry.fault(at, f"expected a place as '512815N 0002736W', found {text!r}")
        return None
    lat = int(match[1]) + int(match[2]) / 60 + float(match[3]) / 3600
    lon = int(match[5]) + int(match[6]) / 60 + float(match[7]) / 3600
    return (-lat if match[4] == "S" else lat), (-lon if match[8] == "W" else lon)


def _distance(entry: Entry, at: str, text: Any) -> float | None:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) (nm|km|m)", str(text).strip())
    if not match:
        entry.fault(at, f"expected a distance as '2.5 nm' or '5 km', found {text!r}")
        return None
    metres = float(match[1]) * {"nm": METRES_PER_NAUTICAL_MILE, "km": 1000.0, "m": 1.0}[match[2]]
    if not 0 < metres <= LARGEST_RADIUS_M:
        entry.fault(at, f"expected a radius up to {LARGEST_RADIUS_M:,.0f} m, found {text!r}")
        return None
    return metres


def _arc(
    entry: Entry, at: str, arc: Any, places: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Places along an arc from the last place to ``to``, outside the true curve where it bulges."""
    centre = _dms(entry, at, arc.get("centre"))
    end = _dms(entry, at, arc.get("to"))
    radius = _distance(entry, at, arc.get("radius"))
    if centre is None or end is None or radius is None:
        return []
    if not places:
        entry.fault(at, "expected a line before it")
        return [end]
    plane = LocalProjection(*centre)
    x, y = plane.to_xy_m([places[-1][0], end[0]], [places[-1][1], end[1]])
    start_at, end_at = np.arctan2(y, x)
    turn = (end_at - start_at) % (2 * np.pi)
    if arc.get("dir") == "cw":
        turn -= 2 * np.pi
    steps = max(2, int(np.ceil(abs(turn) / np.radians(5))))
    angles = start_at + turn * np.arange(1, steps) / steps
    lats, lons = plane.to_lat_lon(radius * np.cos(angles), radius * np.sin(angles))
    return [*zip(lats.tolist(), lons.tolist(), strict=True), end]
