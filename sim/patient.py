"""The patients of one replication: what happened before the call and beside them, without an app.

Everything here is "as today": it is the same for every policy compared. Times are seconds from the
call, negative before it; NaN where something never happens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.arrivals import Arrivals
from sim.parameters import Lognormal, PatientParameters, SceneParameters
from sim.randomness import Draws, Purpose, lognormals_s

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST_TALK_S = 30.0  # recognition to the first guided compression, at least: assumption


@dataclass(frozen=True, eq=False)
class Patients:
    """One element per call. A false alarm has no arrest, no CPR and no collapse.

    ``collapse_to_call_s``: the collapse lies so long before the call. ``recognised_s``: control
    knows (or believes) and an alert is raised; NaN: not before the crew is there. ``cpr_s``: first
    compression by somebody at the scene; ``cpr_by_telephone``: on the call handler's word.
    ``fetches_aed``: somebody would fetch an AED if one is within reach. ``called_off_s``: control
    learns that a false alarm is one; NaN: only the crew finds out.
    """

    at_home: Bools
    witnessed: Bools
    collapse_to_call_s: Floats
    recognised_s: Floats
    cpr_s: Floats
    cpr_by_telephone: Bools
    fetches_aed: Bools
    called_off_s: Floats


def draw_patients(
    arrivals: Arrivals,
    parameters: PatientParameters,
    scene: SceneParameters,
    draws: Draws,
) -> Patients:
    """Draws all patients of a replication, each from its own keys."""
    index = np.arange(len(arrivals))

    def happens(purpose: Purpose, share: float | Floats) -> Bools:
        return np.asarray(draws.uniforms(purpose, index) < share)

    def lasts(purpose: Purpose, law: Lognormal) -> Floats:
        return lognormals_s(draws.keys(purpose, index), law.median_s, law.sigma)

    true = arrivals.true_arrest
    at_home = _observed(arrivals, "home", happens(Purpose.AT_HOME, parameters.home_share))
    witnessed = _observed(
        arrivals, "witnessed", happens(Purpose.WITNESSED, parameters.witnessed_share)
    )
    recognised = ~true | happens(Purpose.RECOGNISED, parameters.recognised_share)
    recognition_s = lasts(Purpose.RECOGNITION, parameters.recognition)
    found_s = lasts(Purpose.COLLAPSE_TO_CALL, parameters.collapse_to_call_witnessed)
    unseen_s = lasts(Purpose.COLLAPSE_TO_CALL, parameters.collapse_to_call_unwitnessed)

    by_telephone, alone = _who_compresses(
        parameters, recognised, draws.uniforms(Purpose.BYSTANDER_CPR, index)
    )
    alone_s = np.maximum(lasts(Purpose.CPR_START, parameters.spontaneous_cpr) - found_s, 0.0)
    guided_s = np.maximum(
        lasts(Purpose.TELEPHONE_CPR, parameters.telephone_cpr), recognition_s + LEAST_TALK_S
    )
    cpr_s = np.where(alone, alone_s, np.where(by_telephone, guided_s, np.nan))
    share = np.where(
        at_home,
        parameters.home_aed_share,
        np.where(witnessed, parameters.public_aed_share, 0.0),
    )
    early = ~true & happens(Purpose.CALLED_OFF, scene.false_alarm_called_off_share)
    called_off_s = np.maximum(lasts(Purpose.CALLED_OFF_AT, scene.false_alarm), recognition_s + 1.0)
    return Patients(
        at_home=at_home,
        witnessed=witnessed,
        collapse_to_call_s=np.where(
            true, np.where(witnessed, found_s, np.maximum(found_s, unseen_s)), np.nan
        ),
        recognised_s=np.where(recognised, recognition_s, np.nan),
        cpr_s=np.where(true, cpr_s, np.nan),
        cpr_by_telephone=true & by_telephone,
        fetches_aed=true & recognised & happens(Purpose.AED_FETCHED, share),
        called_off_s=np.where(early, called_off_s, np.nan),
    )


def _who_compresses(
    parameters: PatientParameters, recognised: Bools, u: Floats
) -> tuple[Bools, Bools]:
    """(on the call handler's word, of their own accord); both shares hold over all arrests.

    Guided CPR needs recognition, so its share among recognised arrests is higher in proportion.
    """
    guided = parameters.bystander_cpr_share * parameters.telephone_cpr_share
    alone = parameters.bystander_cpr_share - guided
    known = parameters.recognised_share
    if known <= 0.0:
        return np.zeros(len(u), np.bool_), np.asarray(u < alone)
    # Whoever is not guided for want of recognition leaves the share of the others as it is.
    rest = 1.0 - guided / known
    alone_known = min(alone, rest)
    alone_unknown = min((alone - known * alone_known) / (1.0 - known), 1.0) if known < 1.0 else 0.0
    by_telephone = recognised & (u >= 1.0 - guided / known)
    of_own_accord = np.where(recognised, u < alone_known, u < alone_unknown)
    return by_telephone, of_own_accord & ~by_telephone


def _observed(arrivals: Arrivals, name: str, drawn: Bools) -> Bools:
    """What a trace says, and the draw where it says nothing."""
    if not arrivals.traced:
        return drawn
    said = [getattr(row, name) for row in arrivals.traced]
    return np.array([d if s is None else s for d, s in zip(drawn, said, strict=True)], np.bool_)
