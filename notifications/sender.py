"""Carries parcels to their channels: a thread pool per channel, so that none waits for another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from notifications.breaker import Breaker
from notifications.channel import Channel, Clock, Device, Receipt
from notifications.errors import (
    DeadlinePassed,
    NotificationError,
    PermanentFailure,
    TemporaryFailure,
)
from notifications.messages import Message


class Parcel(Struct, frozen=True):
    """One attempt to make: a message for one device over one channel."""

    message: Message
    device: Device
    channel: str
    wanted: Callable[[], bool] = lambda: True  # asked just before it leaves


class ChannelHealth(Struct, frozen=True):
    """How a channel is doing. ``failing_since_s``: None while it works."""

    channel: str
    failing_since_s: float | None
    reason: str
    waiting: int


OnOutcome = Callable[[Parcel, Receipt | NotificationError], None]


class Sender:
    """Sends parcels and reports what became of each.

    Args:
        channels: at most one of each name.
        clock: UTC epoch seconds.
        on_outcome: called once per parcel, in the thread that sent it.
        threads: per channel; 0 sends at once in the caller's thread (virtual time, tests).
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        clock: Clock,
        on_outcome: OnOutcome,
        *,
        threads: int = 12,
    ) -> None:
        self._channels = {channel.name: channel for channel in channels}
        self._clock = clock
        self._on_outcome = on_outcome
        self._breakers = {channel.name: Breaker() for channel in channels}
        self._waiting = dict.fromkeys(self._channels, 0)
        self._lock = threading.Lock()
        self._pools = {
            name: ThreadPoolExecutor(threads, thread_name_prefix=f"send-{name}")
            for name in self._channels
            if threads
        }

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels, in the order of preference that they were given in."""
        return tuple(self._channels.values())

    def submit(self, parcel: Parcel) -> None:
        """Send a parcel; returns at once if there are threads."""
        pool = self._pools.get(parcel.channel)
        with self._lock:
            if parcel.channel in self._waiting:
                self._waiting[parcel.channel] += 1
        if pool is None:
            self._carry(parcel)
        else:
            pool.submit(self._carry, parcel)

    def down(self) -> frozenset[str]:
        """Return the names of the channels that are out of order now."""
        now_s = self._clock()
        return frozenset(n for n, breaker in self._breakers.items() if breaker.is_open(now_s))

    def health(self) -> tuple[ChannelHealth, ...]:
        """Return how each channel is doing."""
        with self._lock:
            waiting = dict(self._waiting)
        return tuple(
            ChannelHealth(name, breaker.failing_since_s, breaker.reason, waiting[name])
            for name, breaker in self._breakers.items()
        )

    def close(self) -> None:
        """Wait for the attempts under way, then close the channels."""
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)
        for channel in self._channels.values():
            channel.close()

    def _carry(self, parcel: Parcel) -> None:
        try:
            outcome = self._attempt(parcel)
        finally:
            with self._lock:
                if parcel.channel in self._waiting:
                    self._waiting[parcel.channel] -= 1
        self._on_outcome(parcel, outcome)

    def _attempt(self, parcel: Parcel) -> Receipt | NotificationError:
        channel = self._channels.get(parcel.channel)
        if channel is None:
            return PermanentFailure("no_such_channel")
        now_s = self._clock()
        if now_s >= parcel.message.expires_at_s or not parcel.wanted():
            return DeadlinePassed("deadline_passed")
        breaker = self._breakers[parcel.channel]
        if not breaker.allow(now_s):
            return TemporaryFailure("channel_down")
        try:
            receipt = channel.send(parcel.message, parcel.device)
        except DeadlinePassed as failure:
            return failure
        except PermanentFailure as failure:
            breaker.succeeded()
            return failure
        except NotificationError as failure:
            breaker.failed(self._clock(), failure.reason)
            return failure
        except Exception as error:  # noqa: BLE001 - a channel's fault must not end the thread
            breaker.failed(self._clock(), type(error).__name__)
            return TemporaryFailure(f"channel_error_{type(error).__name__}")
        if receipt.state == "unknown":
            breaker.failed(self._clock(), "unknown_outcome")
        else:
            breaker.succeeded()
        return receipt
