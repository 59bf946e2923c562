"""Cycling: which ways, which way round, how fast.

Speeds are those of OSRM's bicycle profile (Project-OSRM/osrm-backend, profiles/bicycle.lua):
15 km/h riding, less on tracks, paths and rough surfaces, 4 km/h where a bicycle is pushed. A
volunteer in a hurry may be faster: the simulator scales a person's times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from geo.speeds import WayRule, road_class

KMH = 1.0 / 3.6
"""Metres per second in one kilometre per hour."""

_RIDING = frozenset(
    {
        "primary", "primary_link", "secondary", "secondary_link", "tertiary", "tertiary_link",
        "residential", "unclassified", "living_street", "road", "service", "cycleway",
    }
)  # fmt: skip
_SLOWER_KMH = {"track": 12.0, "path": 13.0, "bridleway": 6.0}
_PUSHED_KMH = {"footway": 4.0, "pedestrian": 4.0, "steps": 2.0}
_IF_SIGNED = frozenset({"footway", "pedestrian", "trunk", "trunk_link"})
_SURFACE_KMH = {
    "wood": 10.0, "metal": 10.0, "paving_stones": 10.0, "compacted": 10.0, "fine_gravel": 10.0,
    "ground": 10.0, "sett": 9.0, "dirt": 8.0, "cobblestone": 7.0, "unpaved": 6.0, "gravel": 6.0,
    "pebblestone": 6.0, "grass_paver": 6.0, "earth": 6.0, "grass": 6.0, "mud": 3.0, "sand": 3.0,
}  # fmt: skip
_CLOSED = frozenset({"no", "private", "agricultural", "forestry", "delivery", "use_sidepath"})
_ALLOWED = frozenset({"yes", "permissive", "designated", "official", "destination"})
_YES = frozenset({"yes", "1", "true"})
_NO = frozenset({"no", "0", "false"})
_CONTRAFLOW = frozenset({"opposite", "opposite_lane", "opposite_track"})


@dataclass(frozen=True)
class BicycleProfile:
    """By bicycle; pushed, in both directions, where riding is not allowed and walking is."""

    riding_kmh: float = 15.0
    mode: str = "bicycle"
    version: int = 1  # changes whenever an answer of ``rule`` changes

    def facts(self) -> dict[str, float | int | str]:
        """Speeds and version, for the region's manifest."""
        return asdict(self)

    def rule(self, tags: Mapping[str, str]) -> WayRule | None:
        """Speeds on a way with these tags, or None where one may neither ride nor push."""
        highway = tags.get("highway", "no")
        access = next((tags[key] for key in ("bicycle", "vehicle", "access") if key in tags), "")
        if tags.get("area") == "yes" or tags.get("motorroad") == "yes":
            return None
        push = self._push_kmh(highway, tags)
        ride = 0.0 if access in _CLOSED else self._ride_kmh(highway, access, tags)
        if ride == 0.0 and push == 0.0:
            return None
        forward, backward = _directions(tags)
        along, against = (max(ride if open_ else 0.0, push) for open_ in (forward, backward))
        return WayRule(along * KMH, against * KMH, road_class(highway))

    def _ride_kmh(self, highway: str, access: str, tags: Mapping[str, str]) -> float:
        if highway in _RIDING:
            kmh = self.riding_kmh
        elif highway in _SLOWER_KMH:
            kmh = _SLOWER_KMH[highway]
        elif highway in _IF_SIGNED and access in _ALLOWED:
            kmh = self.riding_kmh
        else:
            return 0.0
        return min(kmh, _SURFACE_KMH.get(tags.get("surface", ""), kmh))

    @staticmethod
    def _push_kmh(highway: str, tags: Mapping[str, str]) -> float:
        """Where one may walk, one may push: also against a one-way street."""
        foot = tags.get("foot") or tags.get("access", "")
        if foot in _CLOSED:
            return 0.0
        if highway in _PUSHED_KMH:
            return _PUSHED_KMH[highway]
        return 4.0 if highway in _RIDING or highway in _SLOWER_KMH else 0.0


def _directions(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether one may ride along the way and against it."""
    own = tags.get("oneway:bicycle", "")
    if own in _YES:
        return True, False
    if own == "-1":
        return False, True
    contraflow = any(
        tags.get(key) in _CONTRAFLOW for key in ("cycleway", "cycleway:left", "cycleway:right")
    )
    if own in _NO or contraflow:
        return True, True
    one_way = tags.get("oneway", "")
    if one_way == "-1":
        return False, True
    around = tags.get("junction") in {"roundabout", "circular"} and one_way not in _NO
    return True, not (one_way in _YES or around)


BICYCLE = BicycleProfile()
