"""Thread pools, breakers and the last look at the clock."""

from __future__ import annotations

import queue
import threading
import time

from notifications.channel import AddressKind, Device, Receipt
from notifications.errors import DeadlinePassed, PermanentFailure, TemporaryFailure
from notifications.memory import MemoryChannel
from notifications.messages import Purpose, compose, languages, words_for
from notifications.sender import Parcel, Sender

PHONE = Device("d", AddressKind.MEMORY, "secret-address")


def message(now_s: float, lasts_s: float = 60.0):
    return compose(
        Purpose.ALERT,
        message_id="m",
        collapse_key="c",
        created_at_s=now_s,
        expires_at_s=now_s + lasts_s,
    )


def make(now_s: float = 0.0, threads: int = 0):
    clock = [now_s]
    outcomes: list[object] = []
    channel = MemoryChannel(lambda: clock[0])
    sender = Sender(
        [channel],
        lambda: clock[0],
        lambda _parcel, outcome: outcomes.append(outcome),
        threads=threads,
    )
    return clock, channel, sender, outcomes


def test_a_parcel_arrives_and_is_reported_once():
    _, channel, sender, outcomes = make()
    sender.submit(Parcel(message(0.0), PHONE, "memory"))
    assert [type(outcome) for outcome in outcomes] == [Receipt]
    assert [kept.message.message_id for kept in channel.after(0)] == ["m"]
    assert channel.after(1) == []


def test_what_waited_too_long_in_the_queue_is_not_sent():
    clock, channel, sender, outcomes = make()
    parcel = Parcel(message(0.0, 10.0), PHONE, "memory")
    clock[0] = 10.0
    sender.submit(parcel)
    assert isinstance(outcomes[0], DeadlinePassed)
    assert channel.after(0) == []


def test_what_is_no_longer_wanted_is_not_sent():
    _, channel, sender, _ = make()
    sender.submit(Parcel(message(0.0), PHONE, "memory", wanted=lambda: False))
    assert channel.after(0) == []


def test_a_provider_that_fails_is_left_alone_and_then_tried_again():
    clock, channel, sender, outcomes = make()
    channel.fail_with(TemporaryFailure("memory_503"))
    for _ in range(8):
        sender.submit(Parcel(message(0.0), PHONE, "memory"))
    reasons = [outcome.reason for outcome in outcomes]
    assert reasons == ["memory_503"] * 5 + ["channel_down"] * 3
    assert sender.down() == {"memory"}
    (health,) = sender.health()
    assert (health.failing_since_s, health.reason, health.waiting) == (0.0, "memory_503", 0)

    channel.fail_with(None)
    clock[0] = 3.0
    sender.submit(Parcel(message(3.0), PHONE, "memory"))
    assert isinstance(outcomes[-1], Receipt)
    assert sender.down() == frozenset()
    assert sender.health()[0].failing_since_s is None


def test_refusals_of_single_devices_do_not_open_the_breaker():
    _, channel, sender, _ = make()
    channel.fail_with(PermanentFailure("memory_400"))
    for _ in range(8):
        sender.submit(Parcel(message(0.0), PHONE, "memory"))
    assert sender.down() == frozenset()


def test_a_channel_that_breaks_does_not_end_the_thread():
    class Broken(MemoryChannel):
        def send(self, message, device):
            raise ZeroDivisionError

    outcomes: queue.Queue[TemporaryFailure] = queue.Queue()
    sender = Sender([Broken(time.time)], time.time, lambda _p, o: outcomes.put(o), threads=1)
    for _ in range(2):
        sender.submit(Parcel(message(time.time()), PHONE, "memory"))
        assert outcomes.get(timeout=5.0).reason == "channel_error_ZeroDivisionError"
    sender.close()


def test_a_slow_channel_does_not_hold_up_another():
    release = threading.Event()
    fast_done = threading.Event()

    class Slow(MemoryChannel):
        name = "slow"

        def send(self, message, device):
            release.wait(5.0)
            return super().send(message, device)

    sender = Sender(
        [Slow(time.time), MemoryChannel(time.time)],
        time.time,
        lambda parcel, _o: fast_done.set() if parcel.channel == "memory" else None,
        threads=1,
    )
    sender.submit(Parcel(message(time.time()), PHONE, "slow"))
    sender.submit(Parcel(message(time.time()), PHONE, "memory"))
    assert fast_done.wait(2.0)
    release.set()
    sender.close()


def test_an_address_shows_in_no_text():
    assert "secret-address" not in repr(PHONE)
    assert "secret-address" not in repr(Parcel(message(0.0), PHONE, "memory"))


def test_every_language_has_words_for_every_purpose():
    for language in languages():
        for purpose in Purpose:
            words = words_for(purpose, language)
            assert words.title
            assert words.body
    assert words_for(Purpose.ALERT, "xx") == words_for(Purpose.ALERT, "en-GB")


def test_no_word_on_a_lock_screen_tells_a_stranger_anything():
    forbidden = ("cardiac", "arrest", "cpr", "patient", "victim", "hero", "defib", "dead")
    for language in languages():
        for purpose in Purpose:
            words = words_for(purpose, language)
            text = f"{words.title} {words.body}".lower()
            assert not any(word in text for word in forbidden)
