"""From times to a probability of survival. Never a coin flip: each incident is scored as it stands.

A model is one row of ``MODELS``: a vectorised function of ``OutcomeTimes``, with its source, the
population that it was made from and what it cannot say. Times are seconds; "from collapse" is the
clock of every model except De Maio, which counts from the call. A model is applied to all arrests
of a study; where it was made from witnessed VF alone its level is too high for them, and only
differences between options mean something (``OutcomeModel.domain`` goes into the report).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ParameterError
from sim.parameters import OutcomeParameters, PatientParameters
from sim.randomness import lognormal_quantiles

Floats = NDArray[np.float64]

VF_ODDS_PER_MIN = 0.92  # without basic life support; Waalewijn 2002, 95 % interval 0.89–0.95
VF_ODDS_PER_MIN_CPR = 0.97  # with it; 0.94–0.99
NON_SHOCKABLE_ODDS_PER_MIN = 0.87  # delay to CPR; Waalewijn 2001 model II


@dataclass(frozen=True, slots=True)
class OutcomeTimes:
    """What the models look at, one element per incident (or scalars); seconds.

    ``cpr_s``, ``shock_s``, ``crew_s``: collapse to the first CPR by anybody, to the moment at which
    a first shock could be given, to the crew at the patient. ``response_s``: call to the first
    responder of any kind who arrives (volunteer or ambulance). ``inf`` where it never happened.
    """

    cpr_s: Floats
    shock_s: Floats
    crew_s: Floats
    response_s: Floats


@dataclass(frozen=True, slots=True)
class OutcomeModel:
    """A survival model with what must be said beside it."""

    name: str
    title: str
    source: str
    domain: str
    survival: Callable[[OutcomeTimes, OutcomeParameters], Floats]
    aed_matters: bool = True
    coefficients_verified: bool = True
    note: str = ""


def _logistic(logit: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -700.0, 700.0))))


def _minutes(seconds: ArrayLike) -> Floats:
    return np.asarray(seconds, dtype=np.float64) / 60.0


def larsen(times: OutcomeTimes, _: OutcomeParameters) -> Floats:
    """0.67 − 0.023 t_CPR − 0.011 t_shock − 0.021 t_ACLS, at least 0; minutes from collapse.

    Larsen 1993, 1,667 witnessed VF arrests in King County. ACLS begins when the crew is there; a
    crew shocks at once, so ``t_shock`` is at most ``t_ACLS`` here.
    """
    acls = _minutes(times.crew_s)
    shock = np.minimum(_minutes(times.shock_s), acls)
    cpr = np.minimum(_minutes(times.cpr_s), acls)
    return np.maximum(0.67 - 0.023 * cpr - 0.011 * shock - 0.021 * acls, 0.0)


def valenzuela(times: OutcomeTimes, _: OutcomeParameters) -> Floats:
    """1 / (1 + exp(−0.260 + 0.106 t_CPR + 0.139 t_shock)); minutes from collapse.

    Valenzuela 1997 (simplified form), 205 + 1,667 witnessed VF arrests. Coefficients unverified.
    """
    return _logistic(_valenzuela_logit(times))


def _valenzuela_logit(times: OutcomeTimes) -> Floats:
    cpr = np.minimum(_minutes(times.cpr_s), _minutes(times.shock_s))
    return np.asarray(0.260 - 0.106 * cpr - 0.139 * _minutes(times.shock_s))


def waalewijn(times: OutcomeTimes, _: OutcomeParameters) -> Floats:
    """1 / (1 + exp(0.04 + 0.30 t_CPR + 0.14 (t_EMS − t_CPR))); minutes from collapse.

    Waalewijn 2001 model I, 1,030 witnessed arrests of any rhythm, 139 survivors. It has no term for
    a shock by anybody but the crew: in this model AEDs and drones cannot matter.
    """
    crew = _minutes(times.crew_s)
    cpr = np.minimum(_minutes(times.cpr_s), crew)
    return _logistic(-(0.04 + 0.30 * cpr + 0.14 * (crew - cpr)))


def de_maio(times: OutcomeTimes, _: OutcomeParameters) -> Floats:
    """1 / (1 + exp(0.679 + 0.262 t)); t in minutes from the call to the first responder.

    De Maio 2003 (OPALS, Ontario), where the responder is one with a defibrillator; applied here to
    the first responder of any kind.
    """
    return _logistic(-(0.679 + 0.262 * _minutes(times.response_s)))


def joint(times: OutcomeTimes, inputs: OutcomeParameters) -> Floats:
    """q · S_VF + (1 − q) · S_other: a shockable rhythm is still there with probability q.

    q: odds of a shockable rhythm at the first possible shock. They start from
    ``shockable_at_collapse`` and fall by 0.92 a minute without CPR, 0.97 with it (Waalewijn 2002).
    S_VF: Valenzuela's logit. S_other: odds at collapse of ``non_shockable_level``, falling by 0.87
    for each minute without CPR (Waalewijn 2001 model II). ``intercept`` is added to both logits; it
    is calibrated, not measured.
    """
    q = shockable(times, inputs)
    vf = _logistic(inputs.intercept + _valenzuela_logit(times))
    level = inputs.non_shockable_level
    with np.errstate(divide="ignore"):
        start = np.log(level / (1.0 - level))
        slope = np.log(NON_SHOCKABLE_ODDS_PER_MIN)
        other = _logistic(inputs.intercept + start + slope * _minutes(times.cpr_s))
    return np.asarray(q * vf + (1.0 - q) * other)


def shockable(times: OutcomeTimes, inputs: OutcomeParameters) -> Floats:
    """Probability that the rhythm is shockable when the first shock could be given."""
    check = _minutes(times.shock_s)
    without = np.minimum(_minutes(times.cpr_s), check)
    share = inputs.shockable_at_collapse
    with np.errstate(divide="ignore"):
        logit = np.log(share) - np.log1p(-share)
    logit = logit + np.log(VF_ODDS_PER_MIN) * without
    return _logistic(logit + np.log(VF_ODDS_PER_MIN_CPR) * (check - without))


MODELS: dict[str, OutcomeModel] = {
    model.name: model
    for model in (
        OutcomeModel(
            "joint",
            "Joint rhythm model",
            "VF decay: Waalewijn 2002; VF: Valenzuela 1997; other rhythms: Waalewijn 2001 model II",
            "all treated arrests; its intercept is calibrated to the observed level",
            joint,
            coefficients_verified=False,
            note="Coefficients of the VF part unverified; level of other rhythms is an assumption.",
        ),
        OutcomeModel(
            "waalewijn",
            "Waalewijn 2001, model I",
            "Waalewijn 2001, 1,030 arrests, Amsterdam",
            "witnessed arrests of any rhythm",
            waalewijn,
            aed_matters=False,
            note="No term for an AED: AEDs and drones cannot matter in this model.",
        ),
        OutcomeModel(
            "valenzuela",
            "Valenzuela 1997",
            "Valenzuela 1997, 205 + 1,667 arrests, Tucson and King County",
            "witnessed arrests in VF; too high for all arrests",
            valenzuela,
            coefficients_verified=False,
            note="Coefficients unverified.",
        ),
        OutcomeModel(
            "de_maio",
            "De Maio 2003",
            "De Maio 2003 (OPALS), Ontario",
            "arrests of any rhythm, by response time with a defibrillator",
            de_maio,
            note="Here the first responder of any kind stops its clock.",
        ),
        OutcomeModel(
            "larsen",
            "Larsen 1993",
            "Larsen 1993, 1,667 arrests, King County",
            "witnessed arrests in VF; too high for all arrests",
            larsen,
        ),
    )
}


def model(name: str) -> OutcomeModel:
    """The model of this name.

    Raises:
        ParameterError: no such model.
    """
    try:
        return MODELS[name]
    except KeyError:
        raise ParameterError("outcome.models", f"one of {', '.join(MODELS)}, got {name}") from None


QUANTILES = 24  # nodes of the quadrature over the unknown time before the call


def benefit(
    cpr_s: ArrayLike, shock_s: ArrayLike, patient: PatientParameters, inputs: OutcomeParameters
) -> Floats:
    """Expected survival under the joint model, by times from the *call*; arguments broadcast.

    What a dispatcher may know are times from the call. The time before it is averaged over
    witnessed and unwitnessed arrests in equal probability slices.
    """
    cpr, shock = np.broadcast_arrays(np.asarray(cpr_s, float), np.asarray(shock_s, float))
    total = np.zeros(cpr.shape)
    for share, law in (
        (patient.witnessed_share, patient.collapse_to_call_witnessed),
        (1.0 - patient.witnessed_share, patient.collapse_to_call_unwitnessed),
    ):
        for before in lognormal_quantiles(law.median_s, law.sigma, QUANTILES):
            times = OutcomeTimes(before + cpr, before + shock, before + shock, shock)
            total += share / QUANTILES * joint(times, inputs)
    return total


def benefit_table(
    cpr_axis_s: tuple[float, ...],
    shock_axis_s: tuple[float, ...],
    patient: PatientParameters | None = None,
    inputs: OutcomeParameters | None = None,
    *,
    digits: int = 4,
) -> tuple[tuple[float, ...], ...]:
    """The benefit table of a policy file: a row per time to CPR, a column per time to shock.

    Derived offline, so that the service reads numbers and judges nothing. Rounded to ``digits``.
    """
    values = benefit(
        np.asarray(cpr_axis_s)[:, None],
        np.asarray(shock_axis_s)[None, :],
        patient or PatientParameters(),
        inputs or OutcomeParameters(),
    )
    return tuple(tuple(round(float(v), digits) for v in row) for row in values)
