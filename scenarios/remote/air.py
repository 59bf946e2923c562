"""Airspace over the remote district, and where its mobile network does not reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from geo.points import LocalProjection
from scenarios.remote.places import RUNWAY_KM
from scenarios.remote.plan import KM, Plan
from scenarios.town.files import feature
from scenarios.town.plan import Geometry

# The form of a small British aerodrome: a control zone from the ground to 3,500 ft, and a flight
# restriction zone of 2.5 nautical miles to 2,000 ft. Places and periods are invented.
CONTROL_ZONE_TOP_M = 1_067.0
RESTRICTION_TOP_M = 610.0
RESTRICTION_RADIUS_M = 4_630.0
RANGE_TOP_M = 1_500.0
_DAY_S, _HOUR_S = 86_400, 3_600
RANGE_HOURS_UTC = (9, 16)  # Monday to Friday
_GAPS_KM = (
    ("Upper Brenn valley", ((-14.4, 15.2), (-13.9, 18.8), (-15.2, 21.2)), 1.3),
    ("Upper Skell valley", ((3.4, 12.6), (3.2, 15.4), (4.6, 18.6)), 1.5),
    ("Upper Marrow valley", ((18.0, 11.2), (18.6, 13.8), (20.4, 16.4)), 1.4),
    ("Lantern cliffs", ((24.3, -4.4), (24.8, -6.6)), 1.2),
    ("Northern cliffs", ((-19.4, 17.6), (-19.6, 20.2)), 1.1),
    ("Oskerry west side", ((-10.9, -10.9), (-10.6, -12.2)), 0.7),
)


def airspace_features(centre: LocalProjection) -> list[dict[str, Any]]:
    """Volumes in this program's own GeoJSON (``geo.airspace_files``), aerodrome to the east."""
    runway = shapely.linestrings(np.array(RUNWAY_KM) * KM)
    field = shapely.centroid(runway)
    zone = shapely.box(20.5 * KM, -4.0 * KM, 36.0 * KM, 21.0 * KM)
    circle = shapely.buffer(field, RESTRICTION_RADIUS_M, quad_segs=16)
    firing = shapely.polygons(np.array([(27.4, -5.2), (32.6, -5.6), (32.8, -14), (28.2, -13)]) * KM)
    start, stop = (hour * _HOUR_S for hour in RANGE_HOURS_UTC)
    weekdays = [[day * _DAY_S + start, day * _DAY_S + stop] for day in range(5)]
    return [
        _volume(zone, centre, "farholt-ctr", "Farholt Control Zone", "permission",
                "control zone", CONTROL_ZONE_TOP_M, granted_share=0.9, wait_median_s=60),
        _volume(circle, centre, "farholt-frz", "Farholt Aerodrome", "permission",
                "flight restriction zone", RESTRICTION_TOP_M, granted_share=0.6,
                wait_median_s=150),
        _volume(firing, centre, "sandrigg-range", "Sandrigg Range", "forbid", "danger area",
                RANGE_TOP_M, periods=[{"weekly_s": weekdays}]),
        _volume(shapely.buffer(shapely.points(-11.2 * KM, -12.0 * KM), 900.0), centre,
                "oskerry-cliffs", "Oskerry Bird Cliffs", "forbid", "nature reserve", 300.0),
    ]  # fmt: skip


def dead_spot_features(plan: Plan, centre: LocalProjection) -> list[dict[str, Any]]:
    """Areas where no call, text or push message arrives."""
    return [
        feature(
            shapely.intersection(
                shapely.buffer(shapely.linestrings(np.array(line) * KM), radius * KM, quad_segs=5),
                shapely.simplify(plan.shore, 20.0),
            ),
            centre,
            {"id": f"gap-{number}", "name": name, "coverage": "none"},
        )
        for number, (name, line, radius) in enumerate(_GAPS_KM, 1)
    ]


def _volume(
    shape: Geometry,
    centre: LocalProjection,
    volume_id: str,
    name: str,
    rule: str,
    kind: str,
    top_m: float,
    **more: Any,
) -> dict[str, Any]:
    properties = {
        "id": volume_id,
        "name": name,
        "rule": rule,
        "kind": kind,
        "floor_m": 0,
        "ceiling_m": top_m,
        "ceiling_reference": "amsl",
        **more,
    }
    if "granted_share" in more:
        properties["permission_source"] = "assumption"
    return feature(shape, centre, properties)
