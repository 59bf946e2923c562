"""Which networks a region is built with: one profile of ``geo`` per mode of travel."""

from __future__ import annotations

from collections.abc import Sequence

from geo.speeds import FOOT, Profile
from geo.speeds_bicycle import BICYCLE
from geo.speeds_car import CAR
from scenarios.errors import Fault, InputFaults

MODES = ("foot", "bicycle", "car")
_PROFILES: dict[str, Profile] = {"foot": FOOT, "bicycle": BICYCLE, "car": CAR}


def profiles_of(modes: Sequence[str]) -> tuple[Profile, ...]:
    """The profiles of these modes, on foot first.

    Raises:
        InputFaults: a mode is not known.
    """
    unknown = [mode for mode in modes if mode not in _PROFILES]
    if unknown:
        expected = f"some of {', '.join(MODES)}, with commas between them"
        raise InputFaults([Fault("--modes", "", expected, ", ".join(map(repr, unknown)))])
    return tuple(_PROFILES[mode] for mode in MODES if mode == "foot" or mode in modes)
