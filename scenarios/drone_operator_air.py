"""The air that a simulated operator flies in: a scenario's, or one invented for the demonstration.

Importing this loads the air router: only inside commands.
"""

from __future__ import annotations

import time

from geo.airspace import Airspace
from geo.region import Region
from geo.weather import HOUR_S, WeatherSeries
from scenarios.drone_files import sky_of
from scenarios.errors import Fault, InputFaults
from scenarios.schema import Scenario
from sim.drone_air import AirWorld
from sim.drone_parameters import DroneBase, DroneParameters
from sim.randomness import Draws
from sim.weather import WeatherParameters, draw_weather

HOURS = 60 * 24  # of drawn weather: an operator that runs longer is started again
CALM_H = 6  # the demonstration begins where drones may fly for so long
LOOKED_H = 30 * 24


def air_of(scenario: Scenario, start_s: float | None, seed: int) -> tuple[AirWorld, float]:
    """The air of a scenario, and when the operator's clock begins (``start_s``, UTC epoch s).

    Left out: now, or the first hour of the observed weather.

    Raises:
        InputFaults: the scenario has no base, or a value or file of it is wrong.
    """
    sky = sky_of(scenario)
    if sky is None:
        file = "scenario" if scenario.file is None else str(scenario.file)
        raise InputFaults([Fault(file, "drones.bases", "at least one base")])
    if sky.hours:
        first_s = max(series.start_s for series in sky.hours)
        begins_s = first_s if start_s is None else start_s
        return AirWorld(sky.drones, sky.airspace, sky.hours), begins_s
    begins_s = time.time() if start_s is None else start_s
    series = _drawn(sky.weather, sky.drones, begins_s, seed)
    return AirWorld(sky.drones, sky.airspace, series), begins_s


def demonstration_air(region: Region, seed: int, night_flying: bool = True) -> AirWorld:
    """Two drones on an invented base amid the people of a region, in airspace that is free."""
    demand = region.demand
    share = demand.weight / demand.weight.sum()
    lat, lon = float((demand.lat * share).sum()), float((demand.lon * share).sum())
    base = DroneBase("Demo", lat, lon, drones=2)
    drones = DroneParameters(bases=(base,), night_flying=night_flying)
    series = _drawn(WeatherParameters(), drones, time.time(), seed)
    return AirWorld(drones, Airspace(()), series)


def first_calm_s(air: AirWorld) -> float:
    """The first moment from which drones may fly for some hours; else the first of all."""
    base, series = air.parameters.bases[0], air.weather[0]

    def grounded(at_s: float) -> bool:
        return bool(air.outlook(0, base.lat + 0.01, base.lon, at_s).reason)

    calm = 0
    for hour in range(min(LOOKED_H, len(series))):
        calm = 0 if grounded(series.start_s + HOUR_S * hour) else calm + 1
        if calm == CALM_H:
            return series.start_s + HOUR_S * (hour + 1 - CALM_H)
    return series.start_s


def _drawn(
    weather: WeatherParameters, drones: DroneParameters, start_s: float, seed: int
) -> list[WeatherSeries]:
    places = [(base.lat, base.lon) for base in drones.bases]
    return draw_weather(weather, places, start_s, HOURS, Draws(seed, 0))
