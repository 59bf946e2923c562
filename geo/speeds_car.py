"""Driving: which ways, which way round, how fast, and how that changes over the day.

Road-class speeds are those of OSRM's car profile (Project-OSRM/osrm-backend, profiles/car.lua); a
signed limit caps them, and counts four fifths where it is higher than the class (its
``speed_reduction``). These are free-flow figures; ``HOUR_FACTORS`` slow them by the hour. Turns,
lights and queues at junctions are not modelled on their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from geo.speeds import WayRule, road_class
from geo.speeds_bicycle import KMH

CLASS_KMH = {
    "motorway": 90.0, "motorway_link": 45.0, "trunk": 85.0, "trunk_link": 40.0,
    "primary": 65.0, "primary_link": 30.0, "secondary": 55.0, "secondary_link": 25.0,
    "tertiary": 40.0, "tertiary_link": 20.0, "unclassified": 25.0, "residential": 25.0,
    "living_street": 10.0, "service": 15.0, "road": 25.0,
}  # fmt: skip
LIMIT_SHARE = 0.8
MPH = 1.609344

HOUR_FACTORS = (
    1.05, 1.06, 1.07, 1.07, 1.05, 1.00, 0.95, 0.86, 0.78, 0.86, 0.92, 0.92,
    0.91, 0.91, 0.90, 0.86, 0.80, 0.77, 0.86, 0.94, 0.98, 1.00, 1.02, 1.04,
)  # fmt: skip
"""Speed by local hour as a multiple of the profile's, with the two daily peaks of an English town.
Assumption: the shape is common knowledge, the figures are no measurement."""

BLUE_LIGHT_FACTOR = 1.25
"""Speed of an ambulance under blue lights as a multiple of other traffic (assumption)."""

PARKING_S = 60.0
"""A volunteer who comes by car parks and walks the last metres (assumption)."""

_CLOSED = frozenset({"no", "private", "agricultural", "forestry", "emergency", "delivery"})
_YES = frozenset({"yes", "1", "true"})
_NO = frozenset({"no", "0", "false"})
_LIMIT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph)?\s*$")
_ZONE_KMH = {  # legal defaults in the words of the map
    "gb:nsl_single": 60 * MPH, "gb:nsl_dual": 70 * MPH, "gb:motorway": 70 * MPH,
    "walk": 7.0, "de:urban": 50.0, "de:rural": 100.0, "at:urban": 50.0, "ch:urban": 50.0,
    "dk:urban": 50.0, "dk:rural": 80.0,
}  # fmt: skip


@dataclass(frozen=True)
class CarProfile:
    """By car within the limits: volunteers, and ambulances with ``factor`` above 1."""

    factor: float = 1.0
    private_roads: bool = False  # crews may use them, volunteers may not
    mode: str = "car"
    version: int = 1  # changes whenever an answer of ``rule`` changes

    def facts(self) -> dict[str, float | int | str]:
        """Speeds and version, for the region's manifest."""
        return asdict(self)

    def rule(self, tags: Mapping[str, str]) -> WayRule | None:
        """Speeds on a way with these tags, or None where one may not drive."""
        highway = tags.get("highway", "no")
        kmh = CLASS_KMH.get(highway)
        if kmh is None or tags.get("area") == "yes" or not self._may_enter(tags):
            return None
        forward, backward = _directions(highway, tags)
        general = limit_kmh(tags.get("maxspeed"))
        sides = (("forward", forward), ("backward", backward))
        along, against = (
            self._speed_kmh(kmh, limit_kmh(tags.get(f"maxspeed:{side}")) or general)
            if open_
            else 0.0
            for side, open_ in sides
        )
        return WayRule(along * KMH, against * KMH, road_class(highway))

    def _may_enter(self, tags: Mapping[str, str]) -> bool:
        keys = ("motorcar", "motor_vehicle", "vehicle", "access")
        access = next((tags[key] for key in keys if key in tags), "")
        return access not in _CLOSED or (self.private_roads and access == "private")

    def _speed_kmh(self, kmh: float, limit: float | None) -> float:
        if limit is not None:
            kmh = min(kmh, limit) if limit <= kmh else max(kmh, LIMIT_SHARE * limit)
        return kmh * self.factor


def limit_kmh(text: str | None) -> float | None:
    """A signed speed limit in km/h; None where there is none or it is not understood.

    >>> limit_kmh("30 mph")
    48.28032
    """
    if text is None:
        return None
    known = _ZONE_KMH.get(text.strip().lower())
    if known is not None:
        return known
    match = _LIMIT.match(text)
    if match is None:
        return None
    value = float(match[1]) * (MPH if match[2] == "mph" else 1.0)
    return value if value >= 1.0 else None


def _directions(highway: str, tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether one may drive along the way and against it."""
    one_way = tags.get("oneway", "")
    if one_way == "-1":
        return False, True
    if one_way == "reversible":
        return False, False
    implied = highway == "motorway" or tags.get("junction") in {"roundabout", "circular"}
    return True, not (one_way in _YES or (implied and one_way not in _NO))


CAR = CarProfile()
AMBULANCE = CarProfile(factor=BLUE_LIGHT_FACTOR, private_roads=True, mode="ambulance")
