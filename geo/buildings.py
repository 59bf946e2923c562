"""How many people a building stands for: its floor area, with homes counting in full.

The weight of a building is ground area times levels times a factor for its kind. The factors are
assumptions: arrests happen where people are, four in five at home.
"""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT_LEVELS = 2.0
"""Where ``building:levels`` is missing (assumption)."""

MAX_LEVELS = 100.0
"""More is a slip of the pen."""

SMALLEST_M2 = 15.0
"""Smaller ground areas are sheds (assumption)."""

HOME_FACTOR = 1.0
UNKNOWN_FACTOR = 0.6
OTHER_FACTOR = 0.25

HOMES = frozenset(
    {
        "residential",
        "apartments",
        "house",
        "detached",
        "semidetached_house",
        "semi",
        "terrace",
        "bungalow",
        "dormitory",
        "farm",
        "houseboat",
        "static_caravan",
        "cabin",
        "ger",
        "tree_house",
        "annexe",
    }
)
EMPTY = frozenset(
    {
        "no",
        "garage",
        "garages",
        "carport",
        "shed",
        "hut",
        "roof",
        "greenhouse",
        "barn",
        "stable",
        "sty",
        "cowshed",
        "farm_auxiliary",
        "silo",
        "storage_tank",
        "transformer_tower",
        "service",
        "water_tower",
        "bunker",
        "bridge",
        "construction",
        "ruins",
        "collapsed",
        "container",
        "digester",
        "gasometer",
        "allotment_house",
        "slurry_tank",
        "tent",
        "toilets",
    }
)


def factor(kind: str) -> float:
    """What a square metre of floor counts, by the value of ``building``; 0: nobody is there."""
    if kind in EMPTY:
        return 0.0
    if kind in HOMES:
        return HOME_FACTOR
    return UNKNOWN_FACTOR if kind == "yes" else OTHER_FACTOR


def is_home(kind: str) -> bool:
    """Whether people live there; an unspecified building counts as a home (assumption)."""
    return kind in HOMES or kind == "yes"


def levels(tags: Mapping[str, str]) -> float:
    """Levels above ground, from ``building:levels`` or the default."""
    try:
        value = float(tags.get("building:levels", ""))
    except ValueError:
        return DEFAULT_LEVELS
    return value if 1.0 <= value <= MAX_LEVELS else DEFAULT_LEVELS
