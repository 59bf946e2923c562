"""Survival: the published formulas at the published points, and the shape of the joint model."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from sim.errors import ParameterError
from sim.outcomes import MODELS, OutcomeTimes, benefit, benefit_table, model, shockable
from sim.parameters import OutcomeParameters, PatientParameters

INPUTS = OutcomeParameters()


def minutes(cpr: float, shock: float, crew: float | None = None, response: float = 0.0):  # type: ignore[no-untyped-def]
    times = (cpr, shock, shock if crew is None else crew, response)
    return OutcomeTimes(*(np.array([60.0 * t]) for t in times))


def survival(name: str, times: OutcomeTimes, inputs: OutcomeParameters = INPUTS) -> float:
    return float(model(name).survival(times, inputs)[0])


@pytest.mark.parametrize(
    ("cpr", "shock", "expected"),
    [
        (0, 0, 0.5646), (1, 5, 0.3680), (5, 5, 0.2759),
        (1, 10, 0.2251), (5, 10, 0.1598), (10, 10, 0.1007),
    ],
)  # fmt: skip
def test_valenzuela(cpr: float, shock: float, expected: float) -> None:
    assert survival("valenzuela", minutes(cpr, shock)) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("cpr", "crew", "expected"),
    [(0, 0, 0.4900), (2, 8, 0.1854), (5, 8, 0.1235), (8, 8, 0.0802), (10, 10, 0.0457)],
)
def test_waalewijn(cpr: float, crew: float, expected: float) -> None:
    assert survival("waalewijn", minutes(cpr, crew)) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("response", "expected"),
    [(2, 0.2309), (4, 0.1510), (6, 0.0953), (8, 0.0587), (10, 0.0356), (15, 0.0099)],
)
def test_de_maio(response: float, expected: float) -> None:
    times = minutes(99, 99, response=response)
    assert survival("de_maio", times) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("cpr", "shock", "expected"), [(5, 5, 0.395), (5, 10, 0.235), (10, 10, 0.120)]
)
def test_larsen(cpr: float, shock: float, expected: float) -> None:
    assert survival("larsen", minutes(cpr, shock)) == pytest.approx(expected, abs=5e-5)


def test_larsen_never_falls_below_zero() -> None:
    assert survival("larsen", minutes(40, 40)) == 0.0


@pytest.mark.parametrize(
    ("cpr", "check", "expected"),
    [(10, 10, 0.395), (0, 10, 0.525), (15, 15, 0.300), (0, 15, 0.487)],
)
def test_decay_of_a_shockable_rhythm(cpr: float, check: float, expected: float) -> None:
    inputs = msgspec.structs.replace(INPUTS, shockable_at_collapse=0.60)
    assert shockable(minutes(cpr, check), inputs)[0] == pytest.approx(expected, abs=5e-4)


def test_an_aed_changes_nothing_in_waalewijn_and_the_model_says_so() -> None:
    assert survival("waalewijn", minutes(2, 4, 10)) == survival("waalewijn", minutes(2, 10, 10))
    assert not MODELS["waalewijn"].aed_matters
    assert "AED" in MODELS["waalewijn"].note
    for name in ("joint", "valenzuela", "larsen"):
        assert survival(name, minutes(2, 4, 10)) > survival(name, minutes(2, 10, 10))


def test_unconfirmed_coefficients_are_marked() -> None:
    assert not MODELS["valenzuela"].coefficients_verified
    assert not MODELS["joint"].coefficients_verified
    assert all(m.source and m.domain and m.survival.__doc__ for m in MODELS.values())


@pytest.mark.parametrize("name", list(MODELS))
def test_sooner_is_never_worse(name: str) -> None:
    rng = np.random.default_rng(1)
    late = np.sort(rng.uniform(0.0, 2400.0, (4, 400)), axis=0)[[0, 1, 2, 2]]
    sooner = late * rng.uniform(0.3, 1.0, (1, 400))
    before = MODELS[name].survival(OutcomeTimes(*late), INPUTS)
    after = MODELS[name].survival(OutcomeTimes(*sooner), INPUTS)
    assert (after >= before - 1e-12).all()
    assert ((before >= 0.0) & (after <= 1.0)).all()


def test_joint_is_the_weighted_sum_of_its_parts() -> None:
    times = minutes(3, 9)
    q = float(shockable(times, INPUTS)[0])
    level = INPUTS.non_shockable_level
    other_logit = INPUTS.intercept + np.log(level / (1 - level)) + 3 * np.log(0.87)
    vf_logit = INPUTS.intercept + 0.260 - 0.106 * 3 - 0.139 * 9
    expected = q / (1 + np.exp(-vf_logit)) + (1 - q) / (1 + np.exp(-other_logit))
    assert survival("joint", times) == pytest.approx(expected, abs=1e-12)


def test_the_benefit_table_falls_along_both_axes() -> None:
    axis = (0.0, 120.0, 300.0, 600.0, 900.0)
    table = np.array(benefit_table(axis, axis))
    assert (np.diff(table, axis=0) <= 0).all()
    assert (np.diff(table, axis=1) <= 0).all()
    assert table.shape == (5, 5)
    assert table[1, 2] == round(table[1, 2], 4)


def test_the_benefit_is_the_mean_over_the_time_before_the_call() -> None:
    """Against simulated arrests: witnessed or not, lognormal time from collapse to call."""
    patient = PatientParameters()
    rng = np.random.default_rng(2)
    n = 200_000
    seen = rng.random(n) < patient.witnessed_share
    laws = patient.collapse_to_call_witnessed, patient.collapse_to_call_unwitnessed
    z = rng.standard_normal(n)
    before = np.where(seen, *(law.median_s * np.exp(law.sigma * z) for law in laws))
    times = OutcomeTimes(before + 120, before + 420, before + 420, np.full(n, 420.0))
    expected = MODELS["joint"].survival(times, INPUTS).mean()
    assert benefit(120.0, 420.0, patient, INPUTS) == pytest.approx(expected, rel=0.01)


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(ParameterError, match=r"outcome.models: one of joint, .*, got waalwijn"):
        model("waalwijn")
