"""What a 95 % interval promises, over many studies; and what common random numbers are worth.

The studies are of a small world, so that a thousand of them take minutes. Their intervals come from
the functions that every report uses (``scenarios.metrics.intervals``).
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from worlds import plain

from dispatch.config import Policy, load_policy
from scenarios.metrics.intervals import Difference, Estimate, difference, mean_estimate
from sim.parameters import ClockParameters, PeopleParameters, WorldParameters
from sim.records import Records
from sim.replication import run_replication

Floats = NDArray[np.float64]
TODAY, ASKED = load_policy("as_today"), load_policy("nearest_5_800m")
# 11 arrests a year on 4 x 4 km.
SETTING = plain(4000.0, points=3000, population=20_000.0, aeds=((0.0, 0.0), (900.0, 700.0)))
WORLD = WorldParameters(clock=ClockParameters(years=1.0), people=PeopleParameters(per_100k=300.0))
META_RUNS, PLAYED = 1000, 3_000


def totals(records: Records, policy: Policy) -> tuple[float, float, float]:
    """Sum of survival, true arrests with anybody saying yes, true arrests."""
    names = [name for name, _ in records.incidents.columns]
    at = {name: names.index(name) for name in ("policy", "true_arrest", "survival_joint", "n_yes")}
    rows = [
        row
        for row in records.incidents.rows
        if row[at["policy"]] == policy.name and row[at["true_arrest"]]
    ]
    return (
        math.fsum(row[at["survival_joint"]] for row in rows),
        float(sum(row[at["n_yes"]] > 0 for row in rows)),
        float(len(rows)),
    )


def played(first: int, n: int, *, seed: int = 31) -> tuple[Floats, Floats]:
    """[replication, (survival, with a yes, arrests)] as today and with volunteers."""
    today, asked = [], []
    for replication in range(first, first + n):
        records = run_replication(
            SETTING, WORLD, [TODAY, ASKED], seed=seed, replication=replication
        )
        today.append(totals(records, TODAY))
        asked.append(totals(records, ASKED))
    return np.array(today), np.array(asked)


def estimates(today: Floats, asked: Floats) -> dict[str, Estimate | Difference]:
    """What a study of these replications says."""
    count = asked[:, 2]
    return {
        "survival": mean_estimate(asked[:, 0], count),
        "survival gained": difference(asked[:, 0], today[:, 0], count),
        "share with a yes": mean_estimate(asked[:, 1], count, share=True),
    }


def coverage(today: Floats, asked: Floats, n: int, towns: int) -> dict[str, float]:
    """Share of 1,000 studies of n replications whose interval holds the truth.

    A replication is ``towns`` of the small worlds together, drawn from those played; so the truth
    is known exactly: it is the ratio over all of them.
    """
    truth = {name: found.value for name, found in estimates(today, asked).items()}
    rng, inside = np.random.default_rng(1), dict.fromkeys(truth, 0)
    for _ in range(META_RUNS):
        pick = rng.integers(0, len(today), (n, towns))
        for name, found in estimates(today[pick].sum(axis=1), asked[pick].sum(axis=1)).items():
            low, high, value = found.low, found.high, truth[name]
            assert value is not None
            inside[name] += low is not None and high is not None and low <= value <= high
    return {name: hits / META_RUNS for name, hits in inside.items()}


@pytest.mark.release
def test_intervals_cover_as_they_promise() -> None:
    """1,000 studies of 20 replications of 110 arrests: the size of a study of the built-in town.

    With fewer arrests, the interval of a gain is too narrow, because few arrests gain at all: the
    smallest studies are printed, not asserted.
    """
    today, asked = played(0, PLAYED)
    for n, towns in ((10, 1), (20, 1), (10, 5), (20, 5), (20, 10)):
        found = coverage(today, asked, n, towns)
        print(f"{n} replications of {11 * towns} arrests: {found}")
        if towns == 10:
            for name, share in found.items():
                assert 0.93 <= share <= 0.97, (name, share)


def test_intervals_cover_on_numbers_with_a_known_truth() -> None:
    """The formulas alone: Poisson numbers of arrests, exponential values, 4,000 studies."""
    rng = np.random.default_rng(3)
    count = rng.poisson(12.0, (4_000, 10)).astype(float) + 1.0
    totals_drawn = rng.gamma(count)  # mean 1 per arrest
    inside = 0
    for total, cases in zip(totals_drawn, count, strict=True):
        found = difference(total, np.zeros(10), cases)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 1.0 <= found.high
    assert 0.93 <= inside / 4000 <= 0.97


@pytest.mark.slow
def test_common_random_numbers_cut_the_variance_of_a_difference() -> None:
    """The same difference from paired replications and from worlds of their own."""
    today, asked = played(0, 400)
    apart, _ = played(500_000, 400)
    mean = [part[:, 0] / np.maximum(part[:, 2], 1.0) for part in (today, asked, apart)]
    paired = float(np.var(mean[1] - mean[0], ddof=1))
    independent = float(np.var(mean[1] - mean[2], ddof=1))
    print("variance ratio", independent / paired)
    assert independent > 3.0 * paired


@pytest.mark.slow
@pytest.mark.parametrize(("first", "second"), [("nearest_3", "phased_7")])
def test_also_between_two_rules_that_both_ask(first: str, second: str) -> None:
    rules = [load_policy(first), load_policy(second)]
    dense = msgspec.structs.replace(WORLD, people=PeopleParameters(per_100k=600.0))

    def means(start: int) -> list[Floats]:
        sums: list[list[float]] = [[], []]
        for replication in range(start, start + 300):
            records = run_replication(SETTING, dense, rules, seed=31, replication=replication)
            for rule, kept in zip(rules, sums, strict=True):
                survival, _, arrests = totals(records, rule)
                kept.append(survival / max(arrests, 1.0))
        return [np.array(kept) for kept in sums]

    together, apart = means(0), means(500_000)
    ratio = np.var(together[1] - apart[0], ddof=1) / np.var(together[1] - together[0], ddof=1)
    print("variance ratio", float(ratio))
    assert ratio > 3.0
