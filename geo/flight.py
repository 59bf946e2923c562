"""How long a mission takes and what it draws from the battery.

Wind moves the air that the aircraft flies in, so times follow from the way through the air (see
``air_routes``). The energy of a rotorcraft is that of Zeng and others 2019: blade drag, induced
power and parasite drag, with the rotors' efficiency fitted to the type's hovering time. A fixed
wing draws its drag times its speed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from geo.aircraft import Aircraft, Delivery
from geo.errors import AircraftError

GRAVITY_MPS2 = 9.81
AIR_KG_M3 = 1.225
SHEAR_EXPONENT = 1.0 / 7.0
"""Wind grows with height to this power over open land (power law)."""
BLADE_SHARE = 0.2
"""Share of hovering power that goes into the blades' drag; assumption within 0.1 to 0.3."""
TIP_SPEED_MPS = 120.0
"""Speed of the blade tips (Zeng 2019)."""
WING_EFFICIENCY = 0.5
"""From battery to thrust of a fixed wing (D'Andrea 2014)."""
CLIMB_EFFICIENCY = 0.7
"""Share of the extra power in a climb that becomes height (Stolaroff 2018)."""
COLD_CAPACITY = ((-20.0, 0.6), (-10.0, 0.75), (0.0, 0.85), (10.0, 0.95), (20.0, 1.0))
"""Share of the battery's energy that is there at an air temperature in degrees C; assumption."""


def wind_at_height_mps(wind_10m_mps: float, height_m: float) -> float:
    """Mean wind at a height from that at 10 m: power law, 1.43 times at 120 m."""
    return wind_10m_mps * math.pow(max(height_m, 10.0) / 10.0, SHEAR_EXPONENT)


def wind_vector_mps(speed_mps: float, from_deg: float) -> tuple[float, float]:
    """Where the air moves to, east and north; ``from_deg`` is where the wind comes *from*."""
    angle = math.radians(from_deg)
    return -speed_mps * math.sin(angle), -speed_mps * math.cos(angle)


def ground_speed_mps(
    airspeed_mps: float, course_deg: float, wind_mps: tuple[float, float]
) -> float | None:
    """Speed over the ground on a course (degrees from north); None: it cannot be held.

    Wind triangle: the component of the wind along the course, plus what is left of the airspeed
    after leaning into the component across it.
    """
    east, north = math.sin(math.radians(course_deg)), math.cos(math.radians(course_deg))
    along = wind_mps[0] * east + wind_mps[1] * north
    across = wind_mps[0] * north - wind_mps[1] * east
    if abs(across) >= airspeed_mps:
        return None
    speed = along + math.sqrt(airspeed_mps**2 - across**2)
    return speed if speed > 0 else None


class Kinematics(StrEnum):
    """How speeding up and braking are counted."""

    TRAPEZOID = "trapezoid"  # d/v + v/a, or 2 sqrt(d/a) on a short hop
    PAPER = "paper"  # d/v + 2 v/a, the slip in the Paris study's program, kept for replication


def cruise_s(
    air_m: float,
    airspeed_mps: float,
    acceleration_mps2: float,
    kinematics: Kinematics = Kinematics.TRAPEZOID,
) -> float:
    """Time for a way through the air, from standstill to standstill."""
    run_up_m = airspeed_mps**2 / acceleration_mps2
    if air_m < run_up_m:
        return 2.0 * math.sqrt(air_m / acceleration_mps2)
    turns = 1.0 if kinematics is Kinematics.TRAPEZOID else 2.0
    return air_m / airspeed_mps + turns * airspeed_mps / acceleration_mps2


@dataclass(frozen=True)
class FlightTimes:
    """A flight out, piece by piece, in seconds."""

    climb_s: float
    cruise_s: float
    descent_s: float

    @property
    def total_s(self) -> float:
        """From take-off to the height from which the AED goes down."""
        return self.climb_s + self.cruise_s + self.descent_s


def flight_times(
    aircraft: Aircraft,
    air_m: float,
    *,
    cruise_height_m: float,
    delivery_height_m: float = 0.0,
    kinematics: Kinematics = Kinematics.TRAPEZOID,
) -> FlightTimes:
    """Times of one flight; what comes after reaching ``delivery_height_m`` is not in it.

    A fixed wing climbs and sinks on its way: only the climb's and the descent's excess counts,
    which is taken as nothing.
    """
    if aircraft.is_fixed_wing:
        return FlightTimes(0.0, air_m / aircraft.cruise_mps, 0.0)
    return FlightTimes(
        cruise_height_m / aircraft.climb_mps,
        cruise_s(air_m, aircraft.cruise_mps, aircraft.acceleration_mps2, kinematics),
        max(cruise_height_m - delivery_height_m, 0.0) / aircraft.descent_mps,
    )


def hover_w(aircraft: Aircraft, payload_kg: float = 0.0) -> float:
    """Power in a hover: the empty type's own, by mass to the power of 3/2 (actuator disc)."""
    if aircraft.hover_s is None:
        raise AircraftError([f"aircraft {aircraft.type_id!r}: a fixed wing cannot hover"])
    empty = aircraft.battery_wh * 3600.0 / aircraft.hover_s
    return float(empty * ((aircraft.mass_kg + payload_kg) / aircraft.mass_kg) ** 1.5)


def rotor_efficiency(aircraft: Aircraft) -> float:
    """Ideal power of the actuator disc over the power that the hovering time tells; 0.4 to 0.8."""
    return _ideal_hover_w(aircraft, 0.0) / hover_w(aircraft)


def _disc_area_m2(aircraft: Aircraft) -> float:
    assert aircraft.rotors is not None
    assert aircraft.rotor_diameter_m is not None
    return aircraft.rotors * math.pi * aircraft.rotor_diameter_m**2 / 4.0


def _ideal_hover_w(aircraft: Aircraft, payload_kg: float) -> float:
    weight = (aircraft.mass_kg + payload_kg) * GRAVITY_MPS2
    return float(weight**1.5 / math.sqrt(2.0 * AIR_KG_M3 * _disc_area_m2(aircraft)))


def level_flight_w(aircraft: Aircraft, airspeed_mps: float, payload_kg: float = 0.0) -> float:
    """Power in level flight at an airspeed, in watts.

    Rotorcraft (Zeng 2019, equation 12): blades (1 + 3 v2/U2), induced power times
    sqrt(sqrt(1 + v4/4v0^4) - v2/2v0^2), parasite drag 1/2 rho f v3. Fixed wing: weight over glide
    ratio times speed over the drive's efficiency (D'Andrea 2014).
    """
    if aircraft.glide_ratio is not None:
        weight = (aircraft.mass_kg + payload_kg) * GRAVITY_MPS2
        return weight / aircraft.glide_ratio * airspeed_mps / WING_EFFICIENCY
    assert aircraft.drag_area_m2 is not None
    hover = hover_w(aircraft, payload_kg)
    weight = (aircraft.mass_kg + payload_kg) * GRAVITY_MPS2
    induced_mps = math.sqrt(weight / (2.0 * AIR_KG_M3 * _disc_area_m2(aircraft)))
    ratio = (airspeed_mps / induced_mps) ** 2 / 2.0
    induced = (1.0 - BLADE_SHARE) * hover * math.sqrt(math.sqrt(1.0 + ratio**2) - ratio)
    blades = BLADE_SHARE * hover * (1.0 + 3.0 * (airspeed_mps / TIP_SPEED_MPS) ** 2)
    drag = 0.5 * AIR_KG_M3 * aircraft.drag_area_m2 * airspeed_mps**3
    return induced + blades + drag / rotor_efficiency(aircraft)


def climb_w(aircraft: Aircraft, payload_kg: float = 0.0) -> float:
    """Power in a climb at the type's rate: that of level flight (hover) and the weight's rise."""
    rise = (aircraft.mass_kg + payload_kg) * GRAVITY_MPS2 * aircraft.climb_mps / CLIMB_EFFICIENCY
    if aircraft.is_fixed_wing:
        return level_flight_w(aircraft, aircraft.cruise_mps, payload_kg) + rise
    return hover_w(aircraft, payload_kg) + rise


def usable_j(aircraft: Aircraft, temperature_c: float = 20.0) -> float:
    """Energy in a full battery at an air temperature."""
    (low, share), *rest = COLD_CAPACITY
    if temperature_c > low:
        for high, next_share in rest:
            if temperature_c <= high:
                share += (next_share - share) * (temperature_c - low) / (high - low)
                break
            low, share = high, next_share
    return aircraft.battery_wh * 3600.0 * share


@dataclass(frozen=True)
class Mission:
    """A flight out and home. ``refusal`` empty: it may be flown."""

    energy_j: float
    usable_j: float
    climb_share: float
    refusal: str = ""

    @property
    def left_share(self) -> float:
        """Share of the battery that is left after coming home."""
        return 1.0 - self.energy_j / self.usable_j


def mission(
    aircraft: Aircraft,
    *,
    out_air_m: float,
    back_air_m: float,
    payload_kg: float,
    cruise_height_m: float,
    delivery: Delivery,
    delivery_height_m: float = 30.0,
    hover_s: float = 60.0,
    reserve_share: float = 0.25,
    temperature_c: float = 20.0,
) -> Mission:
    """The energy of flying out loaded, delivering, and coming home empty.

    ``out_air_m, back_air_m``: ways through the air, so wind is in them. ``hover_s``: at the place,
    loaded. A landing costs a second climb from the ground. Descents are counted as hovering.

    ``refusal`` says why not: too heavy, too far, or less than ``reserve_share`` of the battery left
    on return.
    """
    climbs = _climb_j(aircraft, cruise_height_m, payload_kg)
    level = _level_j(aircraft, out_air_m, payload_kg) + _level_j(aircraft, back_air_m, 0.0)
    vertical = 0.0
    if not aircraft.is_fixed_wing:
        bottom = 0.0 if delivery is Delivery.LANDING else delivery_height_m
        down_s = (cruise_height_m - bottom) / aircraft.descent_mps
        vertical += hover_w(aircraft, payload_kg) * (down_s + hover_s)
        climbs += _climb_j(aircraft, cruise_height_m - bottom, 0.0)
        vertical += hover_w(aircraft) * cruise_height_m / aircraft.descent_mps
    energy, capacity = climbs + level + vertical, usable_j(aircraft, temperature_c)
    return Mission(
        energy,
        capacity,
        climbs / energy,
        _refusal(aircraft, payload_kg, delivery, energy, capacity * (1.0 - reserve_share)),
    )


def _climb_j(aircraft: Aircraft, height_m: float, payload_kg: float) -> float:
    extra = climb_w(aircraft, payload_kg)
    if aircraft.is_fixed_wing:
        extra -= level_flight_w(aircraft, aircraft.cruise_mps, payload_kg)
    return extra * height_m / aircraft.climb_mps


def _level_j(aircraft: Aircraft, air_m: float, payload_kg: float) -> float:
    power = level_flight_w(aircraft, aircraft.cruise_mps, payload_kg)
    return power * air_m / aircraft.cruise_mps


def _refusal(
    aircraft: Aircraft, payload_kg: float, delivery: Delivery, energy_j: float, allowed_j: float
) -> str:
    if payload_kg > aircraft.payload_kg:
        return f"payload {payload_kg:g} kg is over the type's {aircraft.payload_kg:g} kg"
    if delivery not in aircraft.delivery:
        return f"the type does not deliver by {delivery.value}"
    if not math.isfinite(energy_j):
        return "there is no way there and back"
    if energy_j > allowed_j:
        return (
            f"needs {energy_j / 1000:,.0f} kJ, has {allowed_j / 1000:,.0f} kJ above the reserve "
            "for coming home"
        )
    return ""
