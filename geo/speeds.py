"""How fast one may travel along a way of the map, per mode of travel.

A ``Profile`` reads the tags of one OpenStreetMap way and answers with a ``WayRule``: speeds along
and against the direction in which the way was drawn, or None where the mode may not go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Protocol

WALKING_MPS = 1.8
"""A volunteer in a hurry, on foot (house default for the UK; published 2.3 m/s includes cars)."""

STEPS_MPS = 0.9
"""On stairs, along their horizontal length: half of walking (assumption)."""

ROAD_CLASSES: tuple[str, ...] = (
    "other",
    "motorway",
    "motorway_link",
    "trunk",
    "trunk_link",
    "primary",
    "primary_link",
    "secondary",
    "secondary_link",
    "tertiary",
    "tertiary_link",
    "unclassified",
    "residential",
    "living_street",
    "service",
    "road",
    "pedestrian",
    "track",
    "path",
    "footway",
    "cycleway",
    "bridleway",
    "steps",
)
"""Values of ``highway``; an edge's class is the index into this list."""

_CLASS_CODE = {name: code for code, name in enumerate(ROAD_CLASSES)}


@dataclass(frozen=True, slots=True)
class WayRule:
    """Speeds along and against a way in metres per second, 0 where closed, and its class code."""

    forward_mps: float
    backward_mps: float
    road_class: int


class Profile(Protocol):
    """A mode of travel."""

    @property
    def mode(self) -> str:
        """Short name: the key of the region's networks."""

    def rule(self, tags: Mapping[str, str]) -> WayRule | None:
        """Speeds on a way with these tags, or None where this mode may not use it."""

    def facts(self) -> dict[str, float | int | str]:
        """Speeds and version, for the region's manifest."""


def road_class(highway: str) -> int:
    """Index into ``ROAD_CLASSES`` (0 for a class that is not listed)."""
    return _CLASS_CODE.get(highway, 0)


_NOT_WALKABLE = frozenset(
    {
        "motorway",
        "motorway_link",
        "trunk_link",
        "construction",
        "proposed",
        "planned",
        "abandoned",
        "disused",
        "razed",
        "raceway",
        "bus_guideway",
        "busway",
        "platform",
        "elevator",
        "escape",
        "rest_area",
        "services",
        "bus_stop",
        "emergency_bay",
        "via_ferrata",
        "no",
    }
)
_CLOSED = frozenset({"no", "private"})
_ALLOWED_ON_FOOT = frozenset({"yes", "designated", "permissive", "destination", "official"})


@dataclass(frozen=True)
class FootProfile:
    """On foot: every way that a walker may use, both ways, stairs slower."""

    walking_mps: float = WALKING_MPS
    steps_mps: float = STEPS_MPS
    mode: str = "foot"
    version: int = 1  # changes whenever an answer of ``rule`` changes

    def facts(self) -> dict[str, float | int | str]:
        """Speeds and version, for the region's manifest."""
        return asdict(self)

    def rule(self, tags: Mapping[str, str]) -> WayRule | None:
        """Speeds on a way with these tags, or None where one may not walk."""
        highway = tags.get("highway", "no")
        foot = tags.get("foot")
        if highway in _NOT_WALKABLE or foot in _CLOSED or tags.get("area") == "yes":
            return None
        if tags.get("access") in _CLOSED and foot not in _ALLOWED_ON_FOOT:
            return None
        speed_mps = self.steps_mps if highway == "steps" else self.walking_mps
        one_way = tags.get("oneway:foot")
        return WayRule(
            forward_mps=0.0 if one_way == "-1" else speed_mps,
            backward_mps=0.0 if one_way in {"yes", "1", "true"} else speed_mps,
            road_class=road_class(highway),
        )


FOOT = FootProfile()
