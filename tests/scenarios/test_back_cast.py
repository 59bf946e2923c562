"""Observed beside simulated response times: the figures, the verdict, and what is no test."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from scenarios.back_cast import BackCast, back_cast

OWN = np.random.default_rng(1).lognormal(np.log(420), 0.5, 400)


def test_the_figures_are_those_of_the_times() -> None:
    found = back_cast([300.0, 420.0, 500.0, 1000.0], [330.0, 462.0, 550.0, 1100.0], source="a.csv")
    assert found.observed.mean_s == 555.0
    assert found.observed.median_s == 460.0
    assert found.observed.within == {"420": 0.5, "480": 0.5, "900": 0.75}
    assert found.misfit["mean_s"] == pytest.approx(0.1)
    assert found.misfit["p90_s"] == pytest.approx(0.1)
    assert found.misfit["within_420"] == pytest.approx(-0.25)
    assert found.verdict == "too_few"


def test_the_same_law_fits_and_another_does_not() -> None:
    fits = back_cast(OWN, OWN * 1.03, source="a.csv")
    assert fits.verdict == "fits"
    assert "+3.0 %" in fits.sentence
    off = back_cast(OWN, OWN * 1.2, source="a.csv")
    assert off.verdict == "does_not_fit"
    assert "do not fit" in off.sentence
    assert off.ks_distance is not None
    assert fits.ks_distance is not None
    assert off.ks_distance > 2 * fits.ks_distance
    assert off.ks_p is not None
    assert off.ks_p < 1e-3


def test_a_right_mean_with_a_wrong_tail_does_not_fit() -> None:
    constant = np.full(400, OWN.mean())
    found = back_cast(OWN, constant, source="a.csv")
    assert found.misfit["mean_s"] == pytest.approx(0.0)
    assert found.verdict == "does_not_fit"


def test_replayed_times_prove_nothing() -> None:
    found = back_cast(OWN, OWN, source="a.csv", replayed=True)
    assert found.verdict == "not_tested"
    assert found.ks_distance == 0.0


def test_times_that_never_came_are_left_out_and_none_is_no_test() -> None:
    found = back_cast(OWN, [np.inf, np.nan], source="a.csv")
    assert found.verdict == "not_tested"
    assert found.simulated.n == 0
    assert found.misfit["mean_s"] is None
    encoded = msgspec.json.encode(found)
    assert msgspec.json.decode(encoded, type=BackCast) == found
