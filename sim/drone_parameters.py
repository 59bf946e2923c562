"""What the simulator is told about AED drones: bases, aircraft, airspace, weather, people's hands.

Off by default: ``WorldParameters`` without drones is the world without them. Durations that were
fitted come from ``sim.drone_trials``, which says what was an input, an output and an assumption.
"""

from __future__ import annotations

from msgspec import Struct

from geo.aircraft import Aircraft, Delivery, aircraft
from geo.airspace import Permission
from geo.errors import AircraftError
from sim.errors import ParameterError
from sim.parameters import DayNight, Lognormal


class DroneBase(Struct, frozen=True):
    """A place from which drones fly.

    ``agreed``: ids of airspace volumes with a standing agreement, open without asking.
    ``slots``: numbers kept for drones of this base, at least ``drones``, so that a drone has the
    same number whatever stands on the other bases; a base without drones keeps its place.
    """

    base_id: str
    lat: float
    lon: float
    drones: int = 1
    aircraft: str = "m300"
    spare_batteries: int = 1  # sets besides those in the drones
    agreed: tuple[str, ...] = ()
    slots: int = 0


class Lowering(Struct, frozen=True):
    """From arriving over the place to the AED on the ground, and how often that fails."""

    time: Lognormal
    failed_share: float


# Winch: 30 m at 0.5 to 1 m/s (no published times: assumption); 11 of 12 delivered (Schierbeck
# 2022). Landing: 64 s by night, 69 s by day, sd 15 and 11 (Greifswald 2023); the same failures:
# assumption. Parachute: 4 of 4 (Rees 2021), too few to say more: assumption.
LOWERING: dict[Delivery, Lowering] = {
    Delivery.WINCH: Lowering(Lognormal(42.0, 0.25), 1 / 12),
    Delivery.LANDING: Lowering(Lognormal(66.5, 0.20), 1 / 12),
    Delivery.PARACHUTE: Lowering(Lognormal(30.0, 0.20), 0.05),
}


class HandOverParameters(Struct, frozen=True):
    """Who takes the AED and what that costs."""

    # A volunteer: 19 s (16 to 22) to fetch (Smith 2024), 35 s (sd 5) to pads on (Cheskes 2020).
    fetch: Lognormal = Lognormal(19.0, 0.15)
    trained_attach: Lognormal = Lognormal(35.0, 0.15)
    # Lay people, AED on the ground to pads on: fitted to 4:35 from arrival to shock (Smith 2025).
    lay_attach: Lognormal = Lognormal(203.0, 0.35)
    # Somebody alone stops compressions for 109 s (87 to 130; Smith 2024).
    alone_hands_off: Lognormal = Lognormal(109.0, 0.28)
    # A second person is at the scene: at home 1 - 0.56 (Paris, 2021); in public: assumption.
    second_person_home_share: float = 0.44
    second_person_public_share: float = 0.85
    # Somebody unwilling or unable to go for it, not counted elsewhere: assumption.
    refuses_share: float = 0.05
    shock_s: float = 30.0  # pads on to first shock, as for any AED


class Suspicion(Struct, frozen=True):
    """A machine that listens to the call suspects an arrest before control recognises it.

    Blomberg 2019: 44 s against 54 s of the call handlers, sensitivity 84.1 % against 72.5 %. Its
    positive predictive value of 20.9 % means three more suspicions for each arrest that control
    never alerts to; they are no calls of a study, and the drones that they would ready for a
    minute are not counted.
    """

    share: float = 0.841  # of the calls that control alerts to
    after: Lognormal = Lognormal(44.0, 0.5)  # from the call; sigma: assumption


class DroneParameters(Struct, frozen=True):
    """Drones of a study."""

    bases: tuple[DroneBase, ...]
    payload_kg: float = 1.6  # AED 0.8 to 2 kg and its holder: assumption
    cruise_height_m: float = 90.0  # assumption, below 120 m
    delivery_height_m: float = 30.0  # Schierbeck 2022
    # Fitted on trials S3 and S5 (sim.drone_trials): word to take-off, and what a flight takes
    # beyond climb, way, acceleration and descent. Spread: assumption.
    preparation: Lognormal = Lognormal(42.0, 0.35)
    settle: Lognormal = Lognormal(19.0, 0.35)
    start_failed_share: float = 0.03  # assumption
    general_permission: Permission = Permission()
    longest_wait_s: float = 240.0  # for permission, then the mission is off: assumption
    reserve_share: float = 0.25
    night_flying: bool = True  # Greifswald: night flying adds no time
    least_visibility_m: float = 1_500.0  # assumption
    # Heights of the ground in the region, to compare ceilings given above sea level.
    ground_low_m: float = 0.0
    ground_high_m: float = 300.0
    navigation_error_m: float = 30.0  # kept from every volume: assumption
    checks_s: float = 300.0  # after coming home, besides the battery: assumption
    busy_s: float | None = None  # instead of flight home, battery and checks (Paris: 6 h)
    queue_s: float = 0.0  # a busy drone may be waited for so long; 0: it is passed over
    hand_over: HandOverParameters = HandOverParameters()
    # Ruled out by what control knows: children and trauma in Sweden's protocol; shares of alerts
    # (assumption until a service's own are known).
    child_share: float = 0.02
    trauma_share: float = 0.05
    # The incident area has no place to deliver to (Schierbeck 2023 lists it): assumption.
    no_place_share: DayNight = DayNight(0.05, 0.05)
    suspicion: Suspicion = Suspicion()

    def aircraft_of(self, base: DroneBase) -> Aircraft:
        """The type that stands on a base; raises ``AircraftError`` for an unknown one."""
        return aircraft(base.aircraft)


def check_drones(parameters: DroneParameters) -> list[ParameterError]:
    """Every fault of the values, named ``drones.field``."""
    faults: list[ParameterError] = []
    if not parameters.bases:
        faults.append(ParameterError("drones.bases", "at least one base"))
    seen: set[str] = set()
    for base in parameters.bases:
        at = f"drones.bases.{base.base_id}"
        if base.base_id in seen:
            faults.append(ParameterError(at, "unique base ids"))
        seen.add(base.base_id)
        if not (abs(base.lat) <= 90.0 and abs(base.lon) <= 180.0):
            faults.append(ParameterError(at, "latitude and longitude in degrees"))
        if not (1 <= base.drones <= 50 or (base.drones == 0 < base.slots)):
            faults.append(ParameterError(f"{at}.drones", "from 1 to 50"))
        if base.spare_batteries < 0:
            faults.append(ParameterError(f"{at}.spare_batteries", "not negative"))
        try:
            kind = aircraft(base.aircraft)
        except AircraftError as error:
            faults.append(ParameterError(f"{at}.aircraft", str(error)))
            continue
        if kind.payload_kg < parameters.payload_kg:
            faults.append(
                ParameterError(
                    f"{at}.aircraft",
                    f"a type that carries {parameters.payload_kg:g} kg, "
                    f"{base.aircraft} carries {kind.payload_kg:g}",
                )
            )
    shares = {
        "start_failed_share": parameters.start_failed_share,
        "reserve_share": parameters.reserve_share,
        "child_share": parameters.child_share,
        "trauma_share": parameters.trauma_share,
        "suspicion.share": parameters.suspicion.share,
        "hand_over.refuses_share": parameters.hand_over.refuses_share,
    }
    faults += [
        ParameterError(f"drones.{name}", f"a share from 0 to 1, got {value:g}")
        for name, value in shares.items()
        if not 0.0 <= value <= 1.0
    ]
    if not 10.0 <= parameters.cruise_height_m <= 500.0:
        faults.append(ParameterError("drones.cruise_height_m", "from 10 to 500"))
    if not 0.0 <= parameters.delivery_height_m <= parameters.cruise_height_m:
        faults.append(ParameterError("drones.delivery_height_m", "at most cruise_height_m"))
    if parameters.ground_low_m > parameters.ground_high_m:
        faults.append(ParameterError("drones.ground_low_m", "at most ground_high_m"))
    return faults
