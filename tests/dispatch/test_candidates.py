"""The choice of candidates: eligible first, best of the order, ties by id, nearer ones named."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch.candidates import PASSED_OVER_LIMIT, select
from dispatch.eligibility import CODES, Reason
from dispatch.events import CandidatesFound
from dispatch.explain import passed_over
from dispatch.model import Candidate, Order, PassedOver, Query


def query(**facts) -> Query:
    values = {"query_id": 3, "lat": 51.0, "lon": 0.0, "bound_s": 600.0, "limit": 5}
    return Query(**{**values, **facts})


def arrays(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    direct = rng.choice([60.0, 120.0, 300.0, 500.0, 601.0, np.inf], n)
    via = direct + rng.choice([10.0, 50.0, np.inf], n)
    aed = np.where(np.isfinite(via), rng.integers(0, 4, n), -1).astype(np.int32)
    reasons = rng.choice([0, 0, 0, int(Reason.OFF_DUTY), int(Reason.ASKED_ALREADY)], n)
    return {
        "responder_ids": rng.permutation(n * 3)[:n],
        "eligible": reasons == 0,
        "reasons": reasons.astype(np.uint8),
        "direct_s": direct,
        "via_aed_s": via,
        "aed": aed,
        "to_aed_s": via / 2,
        "aed_ids": np.array([70, 71, 72, 73]),
        "distance_m": rng.choice([10.0, 400.0, 800.0], n),
        "position_age_s": rng.uniform(0, 100, n),
    }


def naive(asked: Query, data: dict[str, np.ndarray], limit: int) -> CandidatesFound:
    """One person after the other."""
    order = {
        Order.SOONEST: ("direct_s",),
        Order.VIA_AED: ("via_aed_s", "direct_s"),
        Order.DISTANCE: ("distance_m", "direct_s"),
    }[asked.order]
    people = []
    for i in range(len(data["responder_ids"])):
        near = asked.radius_m is None or data["distance_m"][i] <= asked.radius_m
        if data["direct_s"][i] <= asked.bound_s and near:
            people.append((*(data[key][i] for key in order), data["responder_ids"][i], i))
    people.sort()
    chosen = [entry for entry in people if data["eligible"][entry[-1]]]
    cut = len(chosen) > limit
    chosen = chosen[:limit]
    missed = [
        PassedOver(
            int(data["responder_ids"][i]), CODES[data["reasons"][i]], float(data["direct_s"][i])
        )
        for *key, _, i in people
        if data["reasons"][i] not in {Reason.NONE, Reason.ASKED_ALREADY}
        and (not cut or key[0] <= chosen[-1][0])
    ]
    return CandidatesFound(
        asked.query_id,
        0,
        "",
        tuple(_candidate(data, entry[-1]) for entry in chosen),
        tuple(missed[:PASSED_OVER_LIMIT]),
        cut=cut,
    )


def _candidate(data: dict[str, np.ndarray], i: int) -> Candidate:
    has_aed = data["aed"][i] >= 0
    return Candidate(
        int(data["responder_ids"][i]),
        float(data["direct_s"][i]),
        float(data["via_aed_s"][i]) if has_aed else None,
        int(data["aed_ids"][data["aed"][i]]) if has_aed else None,
        float(data["to_aed_s"][i]) if has_aed else None,
        float(data["distance_m"][i]),
        float(data["position_age_s"][i]),
    )


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("seed", range(15))
def test_equals_going_through_everybody(order: Order, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = arrays(rng, int(rng.integers(0, 60)))
    asked = query(order=order, radius_m=[None, 500.0][seed % 2])
    for limit in (1, 5, 64):
        got = select(asked, **data, limit=limit)
        assert got == naive(asked, data, min(limit, asked.limit))


def test_everything_in_the_answer_can_be_written_as_json() -> None:
    import msgspec  # noqa: PLC0415

    found = select(query(), **arrays(np.random.default_rng(1), 40), roster_version=8, region_id="r")
    assert msgspec.json.decode(msgspec.json.encode(found), type=CandidatesFound) == found
    assert (found.query_id, found.roster_version, found.region_id) == (3, 8, "r")


def test_nobody_who_may_not_be_asked_is_ever_a_candidate() -> None:
    data = arrays(np.random.default_rng(2), 200)
    data["eligible"] = np.zeros(200, dtype=bool)
    assert select(query(), **data).candidates == ()


def test_without_aeds_distances_or_positions() -> None:
    found = select(
        query(),
        responder_ids=np.array([4, 2]),
        eligible=np.array([True, True]),
        reasons=np.zeros(2, np.uint8),
        direct_s=np.array([60.0, 60.0]),
    )
    assert found.candidates == (Candidate(2, 60.0), Candidate(4, 60.0))


def test_a_radius_needs_distances() -> None:
    data = arrays(np.random.default_rng(1), 5)
    data.pop("distance_m")
    with pytest.raises(ValueError, match="needs distance_m"):
        select(query(radius_m=500.0), **data)
    with pytest.raises(ValueError, match="needs distance_m"):
        select(query(order=Order.DISTANCE), **data)


def test_passed_over_people_are_counted_by_reason_for_control() -> None:
    people = [
        PassedOver(1, "training_lapsed"),
        PassedOver(2, "off_duty"),
        PassedOver(3, "training_lapsed"),
    ]
    assert passed_over(people) == (
        "2 passed over: training lapsed",
        "1 passed over: not available now",
    )


def test_no_aed_at_all_is_no_fault():
    """A search that knows of no AED has an empty list of them, and nobody by way of one."""
    found = select(
        query(),
        responder_ids=np.array([4, 9]),
        eligible=np.ones(2, bool),
        reasons=np.zeros(2, np.uint8),
        direct_s=np.array([60.0, 30.0]),
        via_aed_s=np.array([np.inf, np.inf]),
        aed=np.array([-1, -1]),
        to_aed_s=np.array([np.inf, np.inf]),
        aed_ids=np.empty(0, np.int64),
    )
    assert [(c.responder_id, c.aed_id) for c in found.candidates] == [(9, None), (4, None)]
