"""When a comparison has simulated enough."""

from __future__ import annotations

import pytest

from scenarios.comparing import policies_named, stopping_rule
from scenarios.errors import InputFaults
from scenarios.stopping import StoppingRule, next_total, stopped

RULE = StoppingRule("survival_joint", 0.01, first=10, most=100)


@pytest.mark.parametrize(
    ("rounds", "widths", "total"),
    [
        ([], [], 10),
        ([10], [0.02, 0.005], 20),  # four times as many are needed: at most doubled
        ([10], [0.0105, 0.01], 12),
        ([10], [0.0100001], 11),
        ([10], [None, 0.001], 20),
        ([80], [0.05], 100),
        ([10], [0.01, 0.0], None),
        ([100], [0.05], None),
    ],
)
def test_the_next_round_is_as_large_as_the_widest_interval_calls_for(
    rounds: list[int], widths: list[float | None], total: int | None
) -> None:
    assert next_total(RULE, rounds, widths) == total


def test_it_says_why_it_stopped() -> None:
    narrow = stopped(RULE, [10, 14], {"a": 0.009, "b": 0.002})
    assert narrow.reason == "narrow_enough"
    assert narrow.sentence.startswith("Stopped after 14 replications: every difference")
    most = stopped(RULE, [10, 100], {"a": 0.02, "b": None})
    assert most.reason == "most_replications"
    assert "±0.01 was wanted" in most.sentence


def test_options_may_be_named_in_three_ways() -> None:
    assert policies_named(["a"], ["b", "c"]) == ("a", "b", "c")
    assert policies_named(["a,b", "c"], None) == ("a", "b", "c")
    assert policies_named(None, None) == ()
    with pytest.raises(InputFaults, match="--policies before"):
        policies_named(None, ["b"])


def test_precision_and_a_fixed_number_exclude_each_other() -> None:
    with pytest.raises(InputFaults, match="either a precision"):
        stopping_rule("town", "", 0.01, 20, 1000)
    assert stopping_rule("town", "", None, 20, 1000) is None
    rule = stopping_rule("town", "", 0.01, None, 6)
    assert rule is not None
    assert (rule.measure, rule.first, rule.most) == ("survival_joint", 6, 6)
