"""The air over a region: drones, airspace and weather, kept apart from everything on the ground.

A ``Setting`` without a sky has no drones. Importing this loads the air router.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from geo.airspace import Airspace
from geo.weather import HOUR_S, WeatherSeries
from sim.clock import Calendar
from sim.drone_air import AirWorld
from sim.drone_parameters import DroneParameters, check_drones
from sim.errors import ParameterError
from sim.randomness import Draws
from sim.weather import WeatherParameters, check_weather, draw_weather

AFTER_H = 48  # hours of weather beyond the last call
WIDER_DEG = 0.5  # airspace beyond the bases


@dataclass(frozen=True, eq=False)
class Sky:
    """What flies and in what air.

    ``hours``: observed weather, one series for each base in their order, covering the study; empty:
    drawn from ``weather`` for each replication.
    """

    drones: DroneParameters
    airspace: Airspace
    weather: WeatherParameters = field(default_factory=WeatherParameters)
    hours: tuple[WeatherSeries, ...] = ()

    def air(self, calendar: Calendar, draws: Draws) -> AirWorld:
        """The air of one replication, shared by the policies compared.

        Raises ``ParameterError`` where the observed hours do not cover the study.
        """
        return AirWorld(self.drones, self._near_bases(), self._weather(calendar, draws))

    def _near_bases(self) -> Airspace:
        lats = [base.lat for base in self.drones.bases]
        lons = [base.lon for base in self.drones.bases]
        return self.airspace.within(
            min(lats) - WIDER_DEG, min(lons) - WIDER_DEG,
            max(lats) + WIDER_DEG, max(lons) + WIDER_DEG,
        )  # fmt: skip

    def _weather(self, calendar: Calendar, draws: Draws) -> list[WeatherSeries]:
        last_h = int(calendar.horizon_s // HOUR_S) + AFTER_H
        if not self.hours:
            places = [(base.lat, base.lon) for base in self.drones.bases]
            return draw_weather(self.weather, places, calendar.start_s, last_h, draws)
        end_s = calendar.start_s + calendar.horizon_s
        for base, series in zip(self.drones.bases, self.hours, strict=True):
            covered_to_s = series.start_s + len(series.wind_mps) * HOUR_S
            if series.start_s > calendar.start_s or covered_to_s < end_s:
                raise ParameterError(
                    "weather.csv",
                    f"hours from the first to the last of the study at {base.base_id}",
                )
        return [_lasting(series) for series in self.hours]


_COLUMNS = (
    "wind_mps", "wind_from_deg", "gust_mps", "rain_mm_h", "temperature_c", "visibility_m",
)  # fmt: skip


def _lasting(series: WeatherSeries) -> WeatherSeries:
    """The series with its last hour repeated: what began before the end may go on after it."""
    longer: dict[str, Any] = {
        name: np.pad(getattr(series, name), (0, AFTER_H), mode="edge") for name in _COLUMNS
    }
    return replace(series, **longer)


def check_sky(sky: Sky) -> list[ParameterError]:
    """Every fault of the values."""
    return [*check_drones(sky.drones), *check_weather(sky.weather)]
