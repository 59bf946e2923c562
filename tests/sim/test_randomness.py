"""Keyed draws: pure functions of their keys, the same for scalars and arrays, well mixed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, kstest, pearsonr

from sim.randomness import (
    Draws,
    Purpose,
    exponential_s,
    exponentials_s,
    fold,
    folds,
    key_of,
    lognormal_quantiles,
    lognormal_s,
    lognormals_s,
    normal,
    normals,
    uniform,
    uniforms,
)


def test_scalars_and_arrays_give_the_same_numbers() -> None:
    keys = folds(key_of(5, 1, 2), np.arange(500))
    for i in (0, 1, 17, 499):
        key = int(keys[i])
        assert key == fold(key_of(5, 1, 2), i)
        assert uniform(key) == uniforms(keys)[i]
        assert normal(key) == normals(keys)[i]
        assert lognormal_s(key, 60.0, 0.5) == lognormals_s(keys, 60.0, 0.5)[i]
        assert exponential_s(key, 60.0) == exponentials_s(keys, 60.0)[i]


def test_known_bits_never_change() -> None:
    """Results of old studies depend on these."""
    assert key_of(1) == 0x910A2DEC89025CC1  # first output of the published splitmix64, seed 1
    assert Draws(1, 2).key(Purpose.AMBULANCE, 3) == key_of(1, 15, 2, 3)
    first = uniforms(folds(key_of(42, 7), np.arange(3)))
    assert [round(u, 12) for u in first] == [0.426298146703, 0.830440718348, 0.545332479883]


@pytest.mark.parametrize("seed", [0, 1, 2**63])
def test_uniform_normal_exponential(seed: int) -> None:
    draws = Draws(seed, 0)
    keys = draws.keys(Purpose.ARRIVAL_TIME, np.arange(50_000))
    assert kstest(uniforms(keys), "uniform").pvalue > 0.001
    assert kstest(normals(keys), "norm").pvalue > 0.001
    assert kstest(exponentials_s(keys, 1000.0) / 1000.0, "expon").pvalue > 0.001


def test_neighbouring_keys_are_independent() -> None:
    keys = folds(key_of(9), np.arange(20_000))
    pairs = {
        "next word": uniforms(folds(key_of(9), np.arange(1, 20_001))),
        "next seed": uniforms(folds(key_of(10), np.arange(20_000))),
        "next purpose": uniforms(folds(key_of(9, 1), np.arange(20_000))),
    }
    for other in pairs.values():
        assert abs(pearsonr(uniforms(keys), other).statistic) < 4 / np.sqrt(20_000)


def test_low_bits_are_even() -> None:
    """Two low bits choose among reported positions; uniforms do not use them."""
    keys = folds(key_of(3), np.arange(40_000))
    counts = np.bincount((keys & np.uint64(3)).astype(int), minlength=4)
    statistic = ((counts - 10_000) ** 2 / 10_000).sum()
    assert chi2.sf(statistic, 3) > 0.001


def test_bounds_of_uniforms() -> None:
    assert 0.0 < uniform(0) < uniform(2**64 - 1) < 1.0


def test_a_lognormal_keeps_its_median_and_a_constant_is_one() -> None:
    keys = folds(key_of(4), np.arange(20_001))
    assert np.median(lognormals_s(keys, 60.0, 0.5)) == pytest.approx(60.0, rel=0.02)
    assert set(lognormals_s(keys[:10], 60.0, 0.0)) == {60.0}
    middles = lognormal_quantiles(60.0, 0.5, 101)
    assert middles[50] == pytest.approx(60.0)
    assert middles == sorted(middles)
