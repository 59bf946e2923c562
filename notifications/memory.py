"""A channel that ends in this process: for demonstrations, tests and TEST mode.

It keeps the latest messages and tells listeners about each, so that simulated phones can ring.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from msgspec import Struct

from notifications.channel import AddressKind, Clock, Device, Receipt, ReceiptState
from notifications.errors import DeadlinePassed, NotificationError
from notifications.messages import Message


class Kept(Struct, frozen=True):
    """One message as it arrived. ``number`` counts from 1 and never repeats."""

    number: int
    at_s: float
    device: Device
    message: Message


Listener = Callable[[Kept], None]


class MemoryChannel:
    """Takes every message. ``keep``: how many of the latest are held."""

    name = "memory"
    kinds = frozenset({AddressKind.MEMORY})
    safe_to_repeat = True

    def __init__(self, clock: Clock, *, keep: int = 10_000) -> None:
        self._clock = clock
        self._kept: deque[Kept] = deque(maxlen=keep)
        self._count = 0
        self._listeners: list[Listener] = []
        self._failures: dict[str, NotificationError] = {}
        self._changed = threading.Condition()

    def send(self, message: Message, device: Device) -> Receipt:
        """Keep the message. Raises what ``fail_with`` set for this device or for all of them."""
        now_s = self._clock()
        if now_s >= message.expires_at_s:
            raise DeadlinePassed("deadline_passed")
        with self._changed:
            failure = self._failures.get(device.address) or self._failures.get("*")
            if failure is not None:
                raise failure
            self._count += 1
            kept = Kept(self._count, now_s, device, message)
            self._kept.append(kept)
            listeners = tuple(self._listeners)
            self._changed.notify_all()
        for listener in listeners:
            listener(kept)
        return Receipt(self.name, ReceiptState.HANDED_OVER, str(kept.number))

    def fail_with(self, failure: NotificationError | None, address: str = "*") -> None:
        """Fail every later message to ``address`` (``"*"``: all) that way; None: work again."""
        with self._changed:
            if failure is None:
                self._failures.pop(address, None)
            else:
                self._failures[address] = failure

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` for each later message, in the thread that sends it."""
        self._listeners.append(listener)

    def after(self, number: int, *, wait_s: float = 0.0) -> Sequence[Kept]:
        """Return the messages after ``number``; wait up to ``wait_s`` if there is none yet."""
        with self._changed:
            if wait_s > 0.0 and self._count <= number:
                self._changed.wait(wait_s)
            return [kept for kept in self._kept if kept.number > number]

    def close(self) -> None:
        """Nothing to give back."""
