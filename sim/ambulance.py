"""When the ambulance is there, whatever the policy: a lognormal, observed times, or a fleet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.arrivals import Arrivals
from sim.clock import Calendar
from sim.errors import SettingError
from sim.fleet_calls import Arrests, fleet_work
from sim.parameters import AmbulanceParameters, FleetParameters, Lognormal, WorldParameters
from sim.randomness import Draws, Purpose, lognormals_s, uniforms
from sim.setting import Setting

Floats = NDArray[np.float64]

AFTERWARDS_S = 86_400.0  # the fleet goes on for a day after the study, to reach its last calls


@dataclass(frozen=True, eq=False)
class Ambulances:
    """One element per call, seconds from the call: true arrival and control's estimate of it."""

    arrival_s: Floats
    expected_s: Floats
    co_arrival_s: Floats  # first co-responder with an AED, inf: none


def draw_ambulances(
    setting: Setting,
    calendar: Calendar,
    arrivals: Arrivals,
    inputs: WorldParameters,
    draws: Draws,
) -> Ambulances:
    """Arrival times of all calls of a replication; a traced call keeps its observed time."""
    if inputs.ambulance.model == "fleet" and inputs.fleet is not None:
        arrival_s, co_arrival_s = _by_fleet(setting, calendar, arrivals, inputs.fleet, draws)
    else:
        arrival_s = _by_chance(arrivals, inputs.ambulance, draws)
        co_arrival_s = np.full(len(arrivals), np.inf)
    for i, row in enumerate(arrivals.traced):
        if row.ambulance_s is not None:
            arrival_s[i] = row.ambulance_s
    error = draws.keys(Purpose.AMBULANCE_ETA, np.arange(len(arrivals)))
    expected_s = lognormals_s(error, arrival_s, inputs.ambulance.eta_error_sigma)
    return Ambulances(arrival_s, expected_s, co_arrival_s)


def _by_chance(arrivals: Arrivals, parameters: AmbulanceParameters, draws: Draws) -> Floats:
    index = np.arange(len(arrivals))
    keys = draws.keys(Purpose.AMBULANCE, index)
    if parameters.model == "trace" and parameters.trace_s:
        observed = np.asarray(parameters.trace_s, dtype=np.float64)
        return observed[(uniforms(keys) * len(observed)).astype(np.int64)]
    law = Lognormal.from_p90(parameters.median_s, parameters.p90_s)
    return lognormals_s(keys, law.median_s, law.sigma)


def _by_fleet(
    setting: Setting,
    calendar: Calendar,
    arrivals: Arrivals,
    fleet: FleetParameters,
    draws: Draws,
) -> tuple[Floats, Floats]:
    """Ambulance and first co-responder, seconds from the call, out of one run of the whole fleet.

    Raises:
        SettingError: there is no population to count background calls from.
    """
    if setting.population is None:
        raise SettingError("population: the region has none to count the fleet's calls from")
    at_s = calendar.start_s + arrivals.t_s
    work = fleet_work(
        fleet,
        setting.drive,
        Arrests(at_s, arrivals.lat, arrivals.lon),
        (setting.demand_lat, setting.demand_lon, setting.demand_weight),
        setting.population,
        calendar,
        draws,
    )
    found = work.fleet.run(work.calls, calendar.start_s + calendar.horizon_s + AFTERWARDS_S)
    arrival_s = np.round(found.arrived_s[work.row] - at_s, 3)
    co_arrival_s = np.round(found.co_arrived_s[work.row] - at_s, 3)
    return (
        np.where(np.isnan(arrival_s), AFTERWARDS_S, arrival_s),
        np.where(np.isnan(co_arrival_s), np.inf, co_arrival_s),
    )
