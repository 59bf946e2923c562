"""Aircraft that carry an AED: figures with sources, and when each must stay on the ground.

The figures live in ``aircraft.toml`` beside this file; a file of one's own has the same form.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from geo.errors import AircraftError
from geo.weather import Conditions

_SHIPPED = Path(__file__).with_name("aircraft.toml")
_LIMITS = {
    "mass_kg": (0.1, 600.0),
    "payload_kg": (0.1, 300.0),
    "rotors": (1, 36),
    "rotor_diameter_m": (0.05, 5.0),
    "cruise_mps": (1.0, 100.0),
    "max_mps": (1.0, 120.0),
    "climb_mps": (0.2, 40.0),
    "descent_mps": (0.2, 40.0),
    "acceleration_mps2": (0.1, 50.0),
    "battery_wh": (1.0, 100_000.0),
    "hover_s": (30.0, 36_000.0),
    "drag_area_m2": (0.0, 10.0),
    "glide_ratio": (1.0, 60.0),
    "gust_limit_mps": (1.0, 40.0),
    "rain_limit_mm_h": (0.0, 200.0),
    "temperature_low_c": (-60.0, 20.0),
    "temperature_high_c": (20.0, 70.0),
    "radius_m": (100.0, 300_000.0),
    "swap_s": (0.0, 86_400.0),
    "charge_s": (0.0, 86_400.0),
}


class Delivery(StrEnum):
    """How the AED comes down."""

    WINCH = "winch"  # from a hover
    LANDING = "landing"  # the aircraft lands beside the people and takes off again
    PARACHUTE = "parachute"  # dropped in flight


class Grounded(StrEnum):
    """Why weather or light keeps an aircraft on the ground."""

    GUST = "gust"
    RAIN = "rain"
    FOG = "fog"
    COLD = "cold"
    HEAT = "heat"
    ICE = "ice"
    DARK = "dark"


@dataclass(frozen=True)
class Aircraft:
    """One type; ``aircraft.toml`` says what each figure means.

    Rotorcraft have ``rotors``, ``rotor_diameter_m``, ``hover_s`` and ``drag_area_m2``; fixed wings
    have ``glide_ratio`` instead.
    """

    type_id: str
    name: str
    mass_kg: float
    payload_kg: float
    cruise_mps: float
    max_mps: float
    climb_mps: float
    descent_mps: float
    acceleration_mps2: float
    battery_wh: float
    gust_limit_mps: float
    rain_limit_mm_h: float
    temperature_low_c: float
    temperature_high_c: float
    radius_m: float
    swap_s: float
    charge_s: float
    delivery: tuple[Delivery, ...]
    source: str
    rotors: int | None = None
    rotor_diameter_m: float | None = None
    hover_s: float | None = None
    drag_area_m2: float | None = None
    glide_ratio: float | None = None
    unverified: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def is_fixed_wing(self) -> bool:
        """Whether it cannot hover."""
        return self.glide_ratio is not None

    def standing(self, figure: str) -> str:
        """Where a figure comes from: ``published``, ``unverified`` or ``assumption``."""
        if figure in self.assumed:
            return "assumption"
        return "unverified" if figure in self.unverified else "published"

    def grounded(
        self,
        conditions: Conditions,
        *,
        night_flying: bool = True,
        darkest_sun_deg: float = -6.0,
        least_visibility_m: float = 1_500.0,
    ) -> Grounded | None:
        """Why it may not take off in these conditions, the first reason that holds; None: it may.

        ``darkest_sun_deg``: without night flying, the lowest sun (-6: end of civil twilight).
        ``least_visibility_m``: less counts as fog. Ice: rain or damp air at or below freezing.
        """
        wet = conditions.rain_mm_h > 0 or conditions.visibility_m < 3_000.0
        checks = (
            (not night_flying and conditions.sun_deg < darkest_sun_deg, Grounded.DARK),
            (conditions.gust_mps > self.gust_limit_mps, Grounded.GUST),
            (conditions.temperature_c <= 0 and wet, Grounded.ICE),
            (conditions.rain_mm_h > self.rain_limit_mm_h, Grounded.RAIN),
            (conditions.visibility_m < least_visibility_m, Grounded.FOG),
            (conditions.temperature_c < self.temperature_low_c, Grounded.COLD),
            (conditions.temperature_c > self.temperature_high_c, Grounded.HEAT),
        )
        return next((reason for holds, reason in checks if holds), None)


@cache
def shipped_aircraft() -> dict[str, Aircraft]:
    """The types that come with the program, by their id."""
    return read_aircraft(_SHIPPED)


def aircraft(type_id: str) -> Aircraft:
    """One shipped type.

    Raises:
        AircraftError: there is no such type.
    """
    known = shipped_aircraft()
    if type_id not in known:
        raise AircraftError([f"aircraft {type_id!r}: expected one of {', '.join(sorted(known))}"])
    return known[type_id]


def read_aircraft(path: Path) -> dict[str, Aircraft]:
    """Types of a TOML file, by their id.

    Raises:
        AircraftError: the file cannot be read, or has faults, which it lists all at once.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AircraftError([f"{path.name}: cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AircraftError([f"{path.name}: expected TOML: {error}"]) from error
    faults: list[str] = []
    for type_id, table in tables.items():
        faults += [f"{path.name}: {type_id}: {fault}" for fault in _faults(table)]
    if faults:
        raise AircraftError(faults)
    return {type_id: _aircraft(type_id, table) for type_id, table in tables.items()}


def _aircraft(type_id: str, table: dict[str, Any]) -> Aircraft:
    listed = {
        "delivery": tuple(Delivery(word) for word in table["delivery"]),
        "unverified": tuple(table.get("unverified", ())),
        "assumed": tuple(table.get("assumed", ())),
    }
    return Aircraft(type_id=type_id, **{**table, **listed})


def _faults(table: Any) -> list[str]:
    if not isinstance(table, dict):
        return ["expected a table of figures"]
    known = {field.name for field in fields(Aircraft)} - {"type_id"}
    faults = [f"{name}: is not a known figure" for name in table if name not in known]
    fixed = "glide_ratio" in table
    rotary = {"rotors", "rotor_diameter_m", "hover_s", "drag_area_m2"}
    needed = set(_LIMITS) - (rotary if fixed else {"glide_ratio"})
    faults += [
        f"{name}: is missing" for name in ("name", "source", "delivery") if name not in table
    ]
    for name, (low, high) in _LIMITS.items():
        value = table.get(name)
        if value is None:
            faults += [f"{name}: is missing"] if name in needed else []
        elif (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            faults.append(f"{name}: expected a number from {low:g} to {high:g}, found {value!r}")
    words = [mode.value for mode in Delivery]
    modes = table.get("delivery", words)
    if not isinstance(modes, list) or not modes or any(mode not in words for mode in modes):
        faults.append(f"delivery: expected some of {', '.join(words)}, found {modes!r}")
    marks = [*table.get("unverified", ()), *table.get("assumed", ())]
    faults += [
        f"{name}: marked, but no figure has that name" for name in marks if name not in _LIMITS
    ]
    if not faults and table["cruise_mps"] > table["max_mps"]:
        faults.append("cruise_mps: expected no more than max_mps")
    return faults
