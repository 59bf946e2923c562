"""The way of one message to one person, in hand-held time."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.channel import Receipt, ReceiptState
from notifications.errors import NotificationError, PermanentFailure, TemporaryFailure, TokenExpired
from notifications.fallback import (
    DEADLINE,
    NO_DEVICE,
    NO_RECEIPT,
    Delivery,
    LegState,
    Rules,
    advance,
    confirm,
    find,
    plan,
    record,
    resume,
    tried,
    wake_at_s,
)

RULES = Rules()
THREE = [("phone", "fcm"), ("browser", "webpush"), ("number", "sms_http")]
TAKEN = Receipt("fcm", ReceiptState.HANDED_OVER)
LOST = Receipt("fcm", ReceiptState.UNKNOWN)


def sent_to(legs) -> list[str]:
    return [leg.device_id for leg in legs]


def test_the_first_channel_first_and_the_next_after_eight_seconds_without_a_receipt():
    delivery = plan("m", 1000.0, THREE)
    delivery, legs = advance(delivery, 100.0, RULES)
    assert sent_to(legs) == ["phone"]
    delivery = record(delivery, "phone", TAKEN, 100.2, RULES)

    delivery, legs = advance(delivery, 107.9, RULES)
    assert legs == ()
    assert wake_at_s(delivery) == 108.0
    delivery, legs = advance(delivery, 108.0, RULES)
    assert sent_to(legs) == ["browser"]


def test_a_receipt_ends_it():
    delivery, _ = advance(plan("m", 1000.0, THREE), 100.0, RULES)
    delivery = confirm(delivery, "phone")
    assert advance(delivery, 200.0, RULES) == (delivery, ())
    assert wake_at_s(delivery) is None
    assert delivery.undelivered is None


def test_a_dead_address_moves_on_at_once_and_is_not_tried_again():
    delivery, _ = advance(plan("m", 1000.0, THREE), 100.0, RULES)
    delivery = record(delivery, "phone", TokenExpired("fcm_unregistered"), 100.1, RULES)
    assert wake_at_s(delivery) == 0.0
    delivery, legs = advance(delivery, 100.1, RULES)
    assert sent_to(legs) == ["browser"]
    assert find(delivery, "phone").state is LegState.FAILED


def test_all_devices_of_a_channel_are_tried_together():
    delivery = plan("m", 1000.0, [("a", "fcm"), ("b", "fcm"), ("c", "sms_http")])
    delivery, legs = advance(delivery, 0.0, RULES)
    assert sent_to(legs) == ["a", "b"]
    delivery = record(delivery, "a", PermanentFailure("x"), 0.1, RULES)
    delivery, legs = advance(delivery, 0.2, RULES)
    assert legs == ()


def test_a_temporary_failure_is_retried_while_it_is_of_use():
    delivery, _ = advance(plan("m", 1000.0, [("phone", "fcm")]), 0.0, RULES)
    times = []
    now_s = 0.0
    while not delivery.over:
        delivery = record(delivery, "phone", TemporaryFailure("fcm_503"), now_s, RULES)
        now_s = wake_at_s(delivery)
        delivery, legs = advance(delivery, now_s, RULES)
        if legs:
            times.append(now_s)
    assert 2 <= len(times) <= 5
    assert times == sorted(times)
    assert now_s == 8.0
    assert delivery.undelivered == "fcm_503"


def test_a_wish_to_wait_longer_than_the_rung_lasts_means_the_next_channel():
    delivery, _ = advance(plan("m", 1000.0, THREE), 0.0, RULES)
    delivery = record(delivery, "phone", TemporaryFailure("fcm_429", 60.0), 0.1, RULES)
    delivery, legs = advance(delivery, wake_at_s(delivery), RULES)
    assert sent_to(legs) == ["browser"]


def test_an_unknown_outcome_is_repeated_for_push_but_not_for_sms():
    push, _ = advance(plan("m", 1000.0, [("phone", "fcm")]), 0.0, RULES)
    push = record(push, "phone", LOST, 4.0, RULES)
    assert find(push, "phone").state is LegState.RETRYING

    sms, _ = advance(plan("m", 1000.0, [("number", "sms_http")]), 0.0, RULES)
    sms = record(sms, "number", LOST, 4.0, RULES)
    assert find(sms, "number").state is LegState.HANDED_OVER
    assert wake_at_s(sms) == 20.0


def test_after_the_last_channel_it_is_undelivered():
    delivery, _ = advance(plan("m", 1000.0, [("number", "sms_http")]), 0.0, RULES)
    delivery = record(delivery, "number", TAKEN, 0.5, RULES)
    delivery, legs = advance(delivery, 20.0, RULES)
    assert (delivery.undelivered, legs) == (NO_RECEIPT, ())


def test_nothing_is_attempted_past_the_deadline():
    delivery = plan("m", 100.0, THREE)
    delivery, legs = advance(delivery, 100.0, RULES)
    assert (delivery.undelivered, legs) == (DEADLINE, ())


def test_a_channel_that_is_down_is_passed_over_if_another_works():
    _, legs = advance(plan("m", 1000.0, THREE), 0.0, RULES, down={"fcm", "webpush"})
    assert sent_to(legs) == ["number"]
    only, legs = advance(plan("m", 1000.0, [("phone", "fcm")]), 0.0, RULES, down={"fcm"})
    assert sent_to(legs) == ["phone"]
    assert not only.over


def test_nobody_is_reached_without_a_device():
    delivery = plan("m", 1000.0, [])
    assert delivery.undelivered == NO_DEVICE


def test_a_channel_without_receipts_is_trusted_when_told_so():
    rules = Rules(trusting=frozenset({"sms_http"}))
    delivery, _ = advance(plan("m", 1000.0, [("number", "sms_http")]), 0.0, rules)
    delivery = record(delivery, "number", TAKEN, 0.5, rules)
    assert delivery.confirmed_by == "number"


def test_after_a_restart_what_was_under_way_is_attempted_again():
    delivery, _ = advance(plan("m", 1000.0, THREE), 0.0, RULES)
    stored = msgspec.json.encode(delivery)
    again = resume(msgspec.json.decode(stored, type=Delivery), 2.0, RULES)
    again, legs = advance(again, 2.0, RULES)
    assert sent_to(legs) == ["phone"]
    assert legs[0].attempts == 2
    assert again.rung_until_s == 10.0  # no phone could confirm anything meanwhile
    assert [leg.device_id for leg in tried(again)] == ["phone"]


outcomes = st.sampled_from(
    [
        TAKEN,
        LOST,
        TemporaryFailure("fcm_503"),
        TemporaryFailure("fcm_429", 3.0),
        TemporaryFailure("fcm_429", 600.0),
        PermanentFailure("fcm_400"),
        TokenExpired("fcm_unregistered"),
        NotificationError("odd"),
    ]
)


@given(
    st.lists(st.sampled_from(["fcm", "webpush", "sms_http"]), max_size=5),
    st.lists(outcomes, min_size=1, max_size=40),
    st.floats(1.0, 120.0),
)
def test_every_delivery_ends_and_dead_addresses_rest(channels, answers, lasts_s):
    """Whatever the providers answer: it ends by its deadline, in time order, dead stays dead."""
    delivery = plan("m", lasts_s, [(f"d{i}", channel) for i, channel in enumerate(channels)])
    dead: set[str] = set()
    now_s, turn = 0.0, 0
    for _ in range(500):
        delivery, legs = advance(delivery, now_s, RULES)
        for leg in legs:
            assert now_s < lasts_s
            assert leg.device_id not in dead
            outcome = answers[turn % len(answers)]
            turn += 1
            if isinstance(outcome, PermanentFailure):
                dead.add(leg.device_id)
            delivery = record(delivery, leg.device_id, outcome, now_s, RULES)
        wake_s = wake_at_s(delivery)
        if wake_s is None:
            break
        now_s = max(now_s, wake_s)
    assert delivery.over
    assert now_s <= lasts_s


@pytest.mark.parametrize("attempt", range(1, 6))
def test_the_wait_grows_and_is_the_same_each_time(attempt):
    first, _ = advance(plan("m", 1000.0, [("phone", "fcm")]), 0.0, RULES)
    leg = msgspec.structs.replace(find(first, "phone"), attempts=attempt)
    first = msgspec.structs.replace(first, rungs=((leg,),))
    once = record(first, "phone", TemporaryFailure("x"), 0.0, RULES)
    twice = record(first, "phone", TemporaryFailure("x"), 0.0, RULES)
    assert once == twice
    assert 0.3 < find(once, "phone").next_at_s <= 5.0
