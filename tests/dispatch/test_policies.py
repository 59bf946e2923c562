"""Order, roles and enough: plain functions, judged by plain arithmetic."""

from __future__ import annotations

import itertools
import random

import pytest
from msgspec.structs import replace

from dispatch import policies, waves
from dispatch.benefit import Outlook, look_up
from dispatch.config import Ambulance, Benefit, Policy, Replacement, Roles, Split, load_policy
from dispatch.model import Alert, AlertStatus, Candidate, Order, Role
from dispatch.policies import Situation

TABLE = Benefit(
    derivation="test",
    t_cpr_s=(0.0, 300.0, 600.0),
    t_shock_s=(0.0, 300.0, 900.0),
    value=((0.6, 0.4, 0.1), (0.5, 0.25, 0.05), (0.4, 0.2, 0.0)),
)


def person(number: int, direct_s: float | None, via_s: float | None = None, **more) -> Candidate:
    aed_id = None if via_s is None else 100 + number
    return Candidate(number, direct_s, via_s, more.pop("aed_id", aed_id), **more)


def with_split(**roles) -> Policy:
    return replace(load_policy("benefit"), roles=Roles(**roles), benefit=TABLE)


def alert(number: int, status: AlertStatus = AlertStatus.ASKED, **facts) -> Alert:
    values = {
        "alert_id": number,
        "responder_id": number,
        "role": Role.CPR,
        "aed_id": None,
        "eta_s": 100.0,
        "direct_s": 100.0,
        "asked_at_s": 0.0,
        "wave": 0,
        "reason": "wave",
    }
    return Alert(**{**values, "status": status, **facts})


def situation(*alerts: Alert, **facts) -> Situation:
    values = {"now_s": 0.0, "ambulance_due_s": None, "cpr_in_progress": False}
    return Situation(**{**values, "alerts": alerts, **facts})


# --- order and use ------------------------------------------------------------------------------


def test_order_of_asking_and_its_ties() -> None:
    crowd = [
        person(3, 90.0, 95.0, distance_m=50.0),
        person(1, 90.0, distance_m=40.0),
        person(2, 80.0, 200.0, distance_m=60.0),
    ]
    orders = {order: [c.responder_id for c in policies.in_order(order, crowd)] for order in Order}
    assert orders == {
        Order.SOONEST: [2, 1, 3],
        Order.VIA_AED: [3, 2, 1],
        Order.DISTANCE: [1, 3, 2],
    }


@pytest.mark.parametrize(
    ("margin_s", "due_at_s", "may"),
    [
        (0, 100, True),
        (0, 99, False),
        (10, 109, False),
        (10, 110, True),
        (-20, 81, True),
        (0, None, True),
    ],
)
def test_only_who_beats_the_ambulance_by_the_margin(margin_s, due_at_s, may) -> None:
    policy = replace(load_policy("lebensretter_3"), ambulance=Ambulance(True, float(margin_s)))
    assert policies.may_ask(policy, person(1, 100.0), 0.0, due_at_s) is may
    assert policies.may_ask(load_policy("nearest_3"), person(1, 100.0), 0.0, 1.0)
    assert not policies.may_ask(policy, person(1, None), 0.0, None)


def test_the_reach_of_a_search_follows_the_ambulance_only_where_the_policy_says_so() -> None:
    follows, does_not = load_policy("lebensretter_2"), load_policy("phased_7")
    assert policies.reach_s(follows, 50.0, 250.0) == 200.0
    assert policies.reach_s(follows, 50.0, None) == follows.bound_s
    assert policies.reach_s(follows, 300.0, 250.0) < 0.0
    assert policies.reach_s(does_not, 50.0, 250.0) == does_not.bound_s


def test_who_is_replaced_and_who_fills_a_place() -> None:
    every = Replacement()
    nothing = Replacement(False, False, False, False, False)
    alerts = [alert(i, status) for i, status in enumerate(AlertStatus, start=1)]
    assert policies.filled(replace(load_policy("phased_7"), replacement=every), alerts, 0.0) == 8
    counted = policies.filled(replace(load_policy("phased_7"), replacement=nothing), alerts, 0.0)
    assert counted == 14  # also unconfirmed, declined, undelivered, expired, dropped and lapsed
    assert policies.filled(load_policy("phased_7"), alerts, since_s=1.0) == 5  # on the way or there


def test_whoever_answered_or_let_it_go_by_is_not_asked_again() -> None:
    alerts = [alert(i, status, end_reason="x") for i, status in enumerate(AlertStatus, start=1)]
    held = alert(30, AlertStatus.STOOD_DOWN, end_reason="hold:unsafe_scene")
    again = set(range(1, 31)) - set(waves.not_again([*alerts, held]))
    taken_back = {a.alert_id for a in alerts if a.status is AlertStatus.WITHDRAWN}
    assert again & {a.alert_id for a in alerts} == taken_back
    assert 30 in again


def test_the_latest_alert_of_a_person_decides_whether_they_are_asked_again() -> None:
    first = alert(1, AlertStatus.WITHDRAWN, responder_id=7)
    second = alert(2, AlertStatus.DECLINED, responder_id=7)
    assert waves.not_again([first]) == ()
    assert waves.not_again([first, second]) == (7,)


# --- roles --------------------------------------------------------------------------------------


def roles(policy: Policy, crowd: list[Candidate], facts: Situation) -> str:
    return " ".join(role.value for role in policies.roles(policy, crowd, facts))


def test_shares_take_the_least_detour_and_count_who_was_asked_before() -> None:
    policy = with_split(split=Split.SHARES, aed_share=2 / 3)
    crowd = [person(1, 60.0, 200.0), person(2, 80.0, 90.0), person(3, 100.0, 130.0)]
    assert roles(policy, crowd, situation()) == "cpr aed aed"
    before = situation(alert(7, role=Role.AED, aed_id=1), alert(8, role=Role.AED, aed_id=2))
    assert roles(policy, crowd[:1], before) == "cpr"
    assert roles(policy, [person(1, 60.0)] * 3, situation()) == "cpr cpr cpr"


def test_shares_do_not_count_who_said_no() -> None:
    policy = with_split(split=Split.SHARES, aed_share=0.5)
    said_no = situation(alert(1, AlertStatus.DECLINED, role=Role.AED, aed_id=1), alert(2))
    assert roles(policy, [person(3, 60.0, 70.0)], said_no) == "aed"


def test_the_detour_does_not_count_taking_the_aed_from_its_box() -> None:
    policy = with_split(split=Split.DETOUR, detour_share=0.05)
    assert policy.aed.pickup_s == 30.0
    crowd = [person(1, 100.0, 135.0), person(2, 100.0, 135.1), person(3, 100.0)]
    assert roles(policy, crowd, situation()) == "aed cpr cpr"


def test_an_aed_that_is_lost_is_no_way() -> None:
    crowd = [person(1, 100.0, 100.0, aed_id=9, trained=False)]
    for split in (Split.SHARES, Split.DETOUR, Split.BENEFIT, Split.TRAINING, Split.ORDER_OF_YES):
        policy = with_split(split=split, aed_share=1.0, sequence=(Role.AED,))
        assert roles(policy, crowd, situation(lost_aeds=(9,))) == "cpr"
        assert (
            roles(policy, crowd, situation(cpr_in_progress=True, ambulance_due_s=5000.0)) == "aed"
        )


def test_training_decides_where_the_policy_says_so() -> None:
    policy = load_policy("staying_alive")
    crowd = [
        person(1, 60.0, 70.0),
        person(2, 60.0, 70.0, trained=False),
        person(3, 6.0, trained=False),
    ]
    assert roles(policy, crowd, situation()) == "cpr aed cpr"


def test_by_arrival_time_a_sooner_yes_moves_the_others_down() -> None:
    policy = load_policy("lebensretter_3")
    going = [alert(i, AlertStatus.ACCEPTED, direct_s=100.0 * i) for i in (4, 2, 3)]
    given = {a.alert_id: role.value for a, role in policies.roles_by_eta(policy, going)}
    assert given == {2: "cpr", 3: "cpr", 4: "aed"}


# --- benefit ------------------------------------------------------------------------------------


def test_the_table_is_linear_between_its_points_and_constant_beyond() -> None:
    assert look_up(TABLE, 0.0, 0.0) == 0.6
    assert look_up(TABLE, 150.0, 150.0) == pytest.approx((0.6 + 0.4 + 0.5 + 0.25) / 4)
    assert look_up(TABLE, 600.0, 900.0) == 0.0
    assert look_up(TABLE, -5.0, -5.0) == 0.6
    assert look_up(TABLE, 9999.0, 9999.0) == 0.0
    assert look_up(TABLE, 300.0, 600.0) == pytest.approx(0.15)


def expected_by_enumeration(
    coming: list[tuple[float, float, Role]], end_s: float, ready_s: float, has_cpr: bool
) -> float:
    """Every combination of yes and no, one by one."""
    total = 0.0
    for answers in itertools.product((True, False), repeat=len(coming)):
        share, cpr_s, shock_s = 1.0, 0.0 if has_cpr else end_s, end_s
        for comes, (there_s, yes_share, role) in zip(answers, coming, strict=True):
            share *= yes_share if comes else 1.0 - yes_share
            if comes:
                cpr_s = min(cpr_s, there_s)
                if role is Role.AED:
                    shock_s = min(shock_s, there_s + ready_s)
        total += share * look_up(TABLE, cpr_s, shock_s)
    return total


@pytest.mark.parametrize("seed", range(40))
def test_the_expected_benefit_equals_enumerating_who_says_yes(seed: int) -> None:
    rng = random.Random(seed)
    policy = with_split(split=Split.BENEFIT, yes_share=rng.choice([0.0, 0.3, 1.0]))
    has_cpr, due_s = rng.random() < 0.3, rng.choice([None, 300.0, 700.0])
    facts = situation(cpr_in_progress=has_cpr, ambulance_due_s=due_s, now_s=45.0)
    outlook = Outlook(policy, facts)
    coming = []
    for _ in range(rng.randint(0, 6)):
        direct_s, via_s = rng.uniform(0, 500), rng.uniform(0, 800)
        role = rng.choice(list(Role))
        outlook.add_asked(direct_s, via_s, role)
        travel_s = via_s if role is Role.AED else direct_s
        there_s = 45.0 + policy.roles.setting_off_s + travel_s
        coming.append((there_s, policy.roles.yes_share, role))
    end_s = due_s if due_s is not None else 900.0
    mine, via = rng.uniform(0, 600), rng.uniform(0, 600)
    delay_s = 45.0 + policy.roles.setting_off_s
    values = {
        Role.CPR: expected_by_enumeration(
            [*coming, (delay_s + mine, 1.0, Role.CPR)], end_s, policy.aed.ready_s, has_cpr
        ),
        Role.AED: expected_by_enumeration(
            [*coming, (delay_s + via, 1.0, Role.AED)], end_s, policy.aed.ready_s, has_cpr
        ),
    }
    assert outlook._expected(delay_s + mine, None) == pytest.approx(values[Role.CPR])
    assert outlook._expected(None, delay_s + via) == pytest.approx(values[Role.AED])
    if abs(values[Role.AED] - values[Role.CPR]) > 1e-9:
        better = max(values, key=lambda role: values[role])
        assert outlook.better_role(mine, via) is better


def test_whoever_said_yes_comes_for_certain_and_from_the_moment_of_the_yes() -> None:
    policy = with_split(split=Split.BENEFIT, yes_share=0.3)
    asked = alert(1, role=Role.AED, aed_id=1, eta_s=50.0)
    said_yes = replace(asked, status=AlertStatus.MOVING, accepted_at_s=40.0)
    out = Outlook(policy, situation(asked, replace(asked, status=AlertStatus.DECLINED)))
    assert out.by_aed == [(105.0 + 50.0, 0.3)]
    assert Outlook(policy, situation(said_yes)).by_aed == [(40.0 + 105.0 + 50.0, 1.0)]


def test_with_cpr_going_on_the_benefit_lies_in_the_aed() -> None:
    policy = with_split(split=Split.BENEFIT, yes_share=0.3)
    crowd = [person(1, 60.0, 120.0)]
    assert roles(policy, crowd, situation(cpr_in_progress=True, ambulance_due_s=900.0)) == "aed"
    # the ambulance is there before the AED could be: CPR is all that helps
    assert roles(policy, crowd, situation(ambulance_due_s=250.0)) == "cpr"
