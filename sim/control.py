"""What control learns while an incident runs and passes on: holds, and a better estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch.events import AmbulanceEtaChanged, Event, HoldLifted, HoldPlaced
from dispatch.model import HoldKind
from sim.ambulance import Ambulances
from sim.parameters import ControlParameters
from sim.patient import Patients
from sim.randomness import Draws, Purpose, lognormals_s

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Notices:
    """One element per call, seconds from the call; NaN: never.

    ``unsafe_s`` to ``safe_s``: the scene is known to be unsafe. ``not_wanted_s``: nobody is to
    come any more (do not alert). ``estimate_s``: from then on control knows when the ambulance
    comes.
    """

    unsafe_s: Floats
    safe_s: Floats
    not_wanted_s: Floats
    estimate_s: Floats


def draw_notices(
    patients: Patients, ambulances: Ambulances, parameters: ControlParameters, draws: Draws
) -> Notices:
    """The notices of all calls of a replication."""
    index = np.arange(len(patients.recognised_s))
    known_s = patients.recognised_s

    def later(share: float, happens: Purpose, when: Purpose) -> Floats:
        law = parameters.notice
        at_s = known_s + lognormals_s(draws.keys(when, index), law.median_s, law.sigma)
        return np.where(draws.uniforms(happens, index) < share, at_s, np.nan)

    unsafe_s = later(parameters.unsafe_share, Purpose.UNSAFE, Purpose.UNSAFE_AT)
    law = parameters.unsafe
    lasts_s = lognormals_s(draws.keys(Purpose.SAFE_AFTER, index), law.median_s, law.sigma)
    waiting_s = ambulances.arrival_s - known_s
    return Notices(
        unsafe_s=unsafe_s,
        safe_s=unsafe_s + lasts_s,
        not_wanted_s=later(
            parameters.do_not_alert_share, Purpose.NOT_WANTED, Purpose.NOT_WANTED_AT
        ),
        estimate_s=np.round(known_s + parameters.estimate_part * waiting_s, 3),
    )


def events_of(
    notices: Notices, incident: int, call_at_s: float, ambulance_s: float
) -> list[tuple[float, Event]]:
    """The notices of one call before the ambulance is there, each with its moment (epoch s)."""
    due_at_s = call_at_s + ambulance_s
    planned: tuple[tuple[Floats, Event], ...] = (
        (notices.unsafe_s, HoldPlaced(HoldKind.UNSAFE_SCENE, "found unsafe", "control")),
        (notices.safe_s, HoldLifted(HoldKind.UNSAFE_SCENE, "control")),
        (notices.not_wanted_s, HoldPlaced(HoldKind.DO_NOT_ALERT, "nobody wanted", "control")),
        (notices.estimate_s, AmbulanceEtaChanged(due_at_s)),
    )
    found = [(float(column[incident]), event) for column, event in planned]
    return [(call_at_s + t_s, event) for t_s, event in found if t_s < ambulance_s]
