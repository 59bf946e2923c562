"""Hours and places fitted to arrests: what was put in comes out, and a bad fit is seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from scenarios.demand_fit import (
    Observed,
    People,
    chi_square,
    hours_test,
    kernel_weights,
    places_test,
    rescaled_gaps,
    shrinkage,
    smoothed_hours,
    zone_weights,
)
from sim.parameters import HOUR_SHARES

SHARES = np.array(HOUR_SHARES) / sum(HOUR_SHARES)


def grid_of_people(side: int = 40, zones: int = 4) -> People:
    row, column = (axis.ravel() for axis in np.mgrid[0:side, 0:side])
    zone = (row * zones // side) * zones + column * zones // side
    weight = np.ones(side * side)
    return People(51 + row * 0.001, column * 0.0016, weight, zone.astype(np.int64), zones * zones)


def drawn(people: People, weight: np.ndarray, n: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.choice(len(weight), n, p=weight / weight.sum())


def test_hours_are_smoothed_around_midnight_and_add_up() -> None:
    shares = smoothed_hours(np.array([0, 0, 0, 0]))
    assert shares[0] == 0.5
    assert shares[1] == shares[23] == 0.25
    assert shares.sum() == 1.0


def test_fitted_hours_beat_wrong_ones_on_what_was_held_back() -> None:
    hours = np.random.default_rng(2).choice(24, 4000, p=np.roll(SHARES, 9))
    test = hours_test(hours, SHARES)
    assert test.fitted.p is not None
    assert test.unfitted.p is not None
    assert test.fitted.p > 0.01
    assert test.unfitted.p < 1e-6


def test_chi_square_is_pearsons_and_merges_small_classes() -> None:
    seen, share = np.array([20.0, 30.0, 50.0]), np.array([0.3, 0.3, 0.4])
    ours, peer = chi_square(seen, share), chisquare(seen, 100 * share)
    assert ours.statistic == pytest.approx(peer.statistic)
    assert ours.p == pytest.approx(peer.pvalue)
    merged = chi_square(np.array([1.0, 2.0, 30.0, 1.0]), np.array([0.01, 0.3, 0.68, 0.01]))
    assert merged.degrees == 1
    assert chi_square(np.array([2.0, 1.0]), np.array([0.5, 0.5])).p is None


def test_zones_with_more_arrests_get_more_and_few_are_held_to_the_mean() -> None:
    people = grid_of_people()
    truth = people.weight * np.where(people.zone == 5, 4.0, 1.0)
    seen = people.zone[drawn(people, truth, 3000)]
    fitted = zone_weights(people, seen)
    ratio = fitted[people.zone == 5].sum() / fitted[people.zone == 6].sum()
    assert 3.3 < ratio < 4.7
    few = zone_weights(people, np.array([5, 5, 6]))
    assert few[people.zone == 5].mean() < 0.5 * 16 * 2 / 3  # two of three arrests, 16 zones
    assert few[people.zone == 0].mean() > 0.5
    assert shrinkage(np.array([10.0, 10.0]), np.array([10.0, 10.0])) == 1e9  # nothing but chance


def test_kernel_finds_where_arrests_gather_and_keeps_the_total() -> None:
    people = grid_of_people()
    middle = (people.lat - 51.02) ** 2 + ((people.lon - 0.032) * 0.63) ** 2
    truth = people.weight * (1.0 + 5.0 * np.exp(-middle / (2 * 0.006**2)))
    chosen = drawn(people, truth, 6000)
    fitted = kernel_weights(people, people.lat[chosen], people.lon[chosen], 400.0)
    rescaled = fitted / fitted.sum() * truth.sum()
    # Away from the rim, where the kernel looks over the edge on both sides alike.
    assert np.corrcoef(rescaled, truth)[0, 1] > 0.93
    assert rescaled[middle.argmin()] / rescaled[0] == pytest.approx(
        truth[middle.argmin()] / truth[0], rel=0.35
    )


def test_no_arrest_more_than_elsewhere_leaves_the_people_as_they_are() -> None:
    people = grid_of_people()
    chosen = drawn(people, people.weight, 8000)
    fitted = kernel_weights(people, people.lat[chosen], people.lon[chosen], 800.0)
    assert np.abs(fitted / fitted.mean() - 1.0).max() < 0.35


def test_a_fit_of_places_is_tested_on_other_arrests() -> None:
    people = grid_of_people()
    truth = people.weight * np.where(people.zone < 4, 3.0, 1.0)
    zone = people.zone[drawn(people, truth, 2000)]
    test = places_test(zone_weights(people, zone[::2]), people.weight, people.zone, zone[1::2])
    assert test.fitted.p is not None
    assert test.unfitted.p is not None
    assert test.fitted.p > 0.01
    assert test.unfitted.p < 1e-9


def observed(times_s: np.ndarray) -> Observed:
    hour = (times_s // 3600).astype(np.int64) % 24
    return Observed(times_s, hour, np.zeros(len(times_s)), np.zeros(len(times_s)))


def test_rescaled_gaps_of_a_poisson_process_are_exponential_and_clusters_are_not() -> None:
    rng = np.random.default_rng(5)
    at = np.sort(rng.choice(24, 1500, p=SHARES) * 3600 + rng.random(1500) * 3600
                 + rng.integers(0, 365, 1500) * 86400.0)  # fmt: skip
    distance, p = rescaled_gaps(observed(at), SHARES)
    assert distance is not None
    assert p is not None
    assert p > 0.02
    doubled = np.sort(np.concatenate([at, at + 60.0]))
    assert rescaled_gaps(observed(doubled), SHARES)[1] < 1e-6  # type: ignore[operator]
    assert rescaled_gaps(observed(at[:5]), SHARES) == (None, None)
