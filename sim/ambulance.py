"""When the ambulance is there: a lognormal, or observed times drawn again, whatever the policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.arrivals import Arrivals
from sim.parameters import AmbulanceParameters, Lognormal
from sim.randomness import Draws, Purpose, lognormals_s, uniforms

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ambulances:
    """One element per call, seconds from the call: true arrival and control's estimate of it."""

    arrival_s: Floats
    expected_s: Floats


def draw_ambulances(
    arrivals: Arrivals, parameters: AmbulanceParameters, draws: Draws
) -> Ambulances:
    """Arrival times of all calls of a replication; a traced call keeps its observed time."""
    index = np.arange(len(arrivals))
    keys = draws.keys(Purpose.AMBULANCE, index)
    if parameters.model == "trace" and parameters.trace_s:
        observed = np.asarray(parameters.trace_s, dtype=np.float64)
        arrival_s = observed[(uniforms(keys) * len(observed)).astype(np.int64)]
    else:
        law = Lognormal.from_p90(parameters.median_s, parameters.p90_s)
        arrival_s = lognormals_s(keys, law.median_s, law.sigma)
    for i, row in enumerate(arrivals.traced):
        if row.ambulance_s is not None:
            arrival_s[i] = row.ambulance_s
    error = draws.keys(Purpose.AMBULANCE_ETA, index)
    return Ambulances(arrival_s, lognormals_s(error, arrival_s, parameters.eta_error_sigma))
