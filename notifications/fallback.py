"""The way of one message to one person: which devices now, when again, when the next channel.

A *rung* is the person's devices of one channel, tried together. The next rung begins when every
device of this one failed for good, or when no phone has confirmed within the channel's receipt
wait. After the last rung the delivery ends as undelivered, and the core asks the next person.

Pure functions over immutable state, so that a delivery can be stored and go on after a restart.
Every moment is in UTC epoch seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from notifications.channel import Receipt, ReceiptState
from notifications.errors import NotificationError, PermanentFailure, TemporaryFailure


class LegState(StrEnum):
    """Where one device stands."""

    WAITING = "waiting"  # its rung has not begun
    SENDING = "sending"  # an attempt is under way
    RETRYING = "retrying"  # the last attempt failed; another at ``next_at_s``
    HANDED_OVER = "handed_over"  # the provider has it
    FAILED = "failed"  # nothing more will be tried


class Leg(Struct, frozen=True):
    """One device of a delivery."""

    device_id: str
    channel: str
    state: LegState = LegState.WAITING
    attempts: int = 0
    next_at_s: float | None = None
    reason: str = ""


class Delivery(Struct, frozen=True):
    """One message on its way to one person."""

    message_id: str
    expires_at_s: float
    rungs: tuple[tuple[Leg, ...], ...]
    rung: int = -1
    rung_until_s: float | None = None
    confirmed_by: str | None = None  # device that showed it
    undelivered: str | None = None  # reason, once nothing is left to try

    @property
    def over(self) -> bool:
        """Whether nothing more will be done."""
        return self.confirmed_by is not None or self.undelivered is not None


class Rules(Struct, frozen=True):
    """How patient a delivery is.

    ``receipt_wait_s``: from the first attempt of a rung until the next rung begins, for channels
    not named in ``receipt_waits_s`` (8 s for push; 20 s for SMS is an assumption). ``trusting``:
    channels without receipts, whose hand-over must count as one. ``repeatable``: channels where an
    attempt of unknown outcome may be repeated.
    """

    receipt_wait_s: float = 8.0
    receipt_waits_s: Mapping[str, float] = field(default_factory=lambda: {"sms_http": 20.0})
    trusting: frozenset[str] = frozenset()
    repeatable: frozenset[str] = frozenset({"fcm", "webpush", "memory"})
    first_retry_s: float = 0.5
    last_retry_s: float = 4.0

    def wait_s(self, channel: str) -> float:
        """How long a rung of this channel may take."""
        return self.receipt_waits_s.get(channel, self.receipt_wait_s)


NO_DEVICE = "no_device"
DEADLINE = "deadline_passed"
NO_RECEIPT = "no_receipt"


def plan(message_id: str, expires_at_s: float, devices: Sequence[tuple[str, str]]) -> Delivery:
    """Return a delivery that has not begun; ``devices``: (device id, channel), best channel first.

    Devices of one channel that stand next to each other share a rung.
    """
    rungs: list[list[Leg]] = []
    for device_id, channel in devices:
        if not rungs or rungs[-1][0].channel != channel:
            rungs.append([])
        rungs[-1].append(Leg(device_id, channel))
    undelivered = None if rungs else NO_DEVICE
    return Delivery(
        message_id, expires_at_s, tuple(tuple(rung) for rung in rungs), undelivered=undelivered
    )


def advance(
    delivery: Delivery, now_s: float, rules: Rules, down: Collection[str] = ()
) -> tuple[Delivery, tuple[Leg, ...]]:
    """Return the delivery as of ``now_s`` and the legs to attempt now.

    ``down``: channels known to be out of order. They are passed over if a later channel works.
    """
    while not delivery.over:
        if now_s >= delivery.expires_at_s:
            return replace(delivery, undelivered=DEADLINE), ()
        if delivery.rung < 0 or _rung_is_over(delivery, now_s):
            delivery = _begin_next(delivery, now_s, rules, down)
            continue
        return _attempts(delivery, now_s)
    return delivery, ()


def record(
    delivery: Delivery,
    device_id: str,
    outcome: Receipt | NotificationError,
    now_s: float,
    rules: Rules,
) -> Delivery:
    """Return the delivery after one attempt at ``device_id`` came to ``outcome``."""
    leg = find(delivery, device_id)
    if leg is None or delivery.over:
        return delivery
    if isinstance(outcome, PermanentFailure):
        return _with(delivery, replace(leg, state=LegState.FAILED, reason=outcome.reason))
    if isinstance(outcome, Receipt):
        if outcome.state is ReceiptState.HANDED_OVER or leg.channel not in rules.repeatable:
            handed = _with(delivery, replace(leg, state=LegState.HANDED_OVER, next_at_s=None))
            trusted = leg.channel in rules.trusting
            return confirm(handed, device_id) if trusted else handed
        reason, wish_s = "unknown_outcome", None
    else:
        reason = outcome.reason
        wish_s = outcome.retry_after_s if isinstance(outcome, TemporaryFailure) else None
    wait_s = min(rules.last_retry_s, rules.first_retry_s * 2.0 ** (leg.attempts - 1))
    wait_s = max(wait_s * _jitter(device_id, leg.attempts), wish_s or 0.0)
    retrying = replace(leg, state=LegState.RETRYING, next_at_s=now_s + wait_s, reason=reason)
    return _with(delivery, retrying)


def confirm(delivery: Delivery, device_id: str) -> Delivery:
    """Return the delivery after a phone (or a delivery report) confirmed it."""
    return delivery if delivery.over else replace(delivery, confirmed_by=device_id)


def resume(delivery: Delivery, now_s: float, rules: Rules) -> Delivery:
    """Return the delivery after a restart: what was under way is attempted again, under its id.

    The wait for receipts begins anew: no phone could confirm anything while nobody listened.
    """
    rungs = tuple(
        tuple(
            replace(leg, state=LegState.RETRYING, next_at_s=None)
            if leg.state is LegState.SENDING
            else leg
            for leg in rung
        )
        for rung in delivery.rungs
    )
    until_s = delivery.rung_until_s
    if until_s is not None:
        until_s = max(until_s, now_s + rules.wait_s(rungs[delivery.rung][0].channel))
    return replace(delivery, rungs=rungs, rung_until_s=until_s)


def wake_at_s(delivery: Delivery) -> float | None:
    """Return when ``advance`` has something to do, if nothing else happens; None if it is over."""
    if delivery.over:
        return None
    if delivery.rung < 0:
        return 0.0
    moments = [delivery.expires_at_s]
    if delivery.rung_until_s is not None:
        moments.append(delivery.rung_until_s)
    legs = delivery.rungs[delivery.rung]
    moments.extend(leg.next_at_s or 0.0 for leg in legs if leg.state is LegState.RETRYING)
    if _all_failed(delivery):
        return 0.0
    return min(moments)


def tried(delivery: Delivery) -> tuple[Leg, ...]:
    """Return the legs that were attempted at least once."""
    return tuple(leg for rung in delivery.rungs for leg in rung if leg.attempts)


def handed_over(delivery: Delivery) -> tuple[Leg, ...]:
    """Return the legs that a provider took."""
    return tuple(
        leg for rung in delivery.rungs for leg in rung if leg.state is LegState.HANDED_OVER
    )


def find(delivery: Delivery, device_id: str) -> Leg | None:
    """Return the leg of a device."""
    for rung in delivery.rungs:
        for leg in rung:
            if leg.device_id == device_id:
                return leg
    return None


def _rung_is_over(delivery: Delivery, now_s: float) -> bool:
    until_s = delivery.rung_until_s
    return _all_failed(delivery) or (until_s is not None and now_s >= until_s)


def _all_failed(delivery: Delivery) -> bool:
    return all(leg.state is LegState.FAILED for leg in delivery.rungs[delivery.rung])


def _begin_next(delivery: Delivery, now_s: float, rules: Rules, down: Collection[str]) -> Delivery:
    following = range(delivery.rung + 1, len(delivery.rungs))
    if not following:
        return replace(delivery, undelivered=_why(delivery))
    working = [i for i in following if delivery.rungs[i][0].channel not in down]
    index = working[0] if working else following[0]
    channel = delivery.rungs[index][0].channel
    return replace(delivery, rung=index, rung_until_s=now_s + rules.wait_s(channel))


def _why(delivery: Delivery) -> str:
    if handed_over(delivery):
        return NO_RECEIPT
    legs = delivery.rungs[delivery.rung]
    return next((leg.reason for leg in legs if leg.reason), NO_RECEIPT)


def _attempts(delivery: Delivery, now_s: float) -> tuple[Delivery, tuple[Leg, ...]]:
    due = []
    for leg in delivery.rungs[delivery.rung]:
        waiting = leg.state is LegState.WAITING
        retry = leg.state is LegState.RETRYING and now_s >= (leg.next_at_s or 0.0)
        if waiting or retry:
            attempted = replace(
                leg, state=LegState.SENDING, attempts=leg.attempts + 1, next_at_s=None
            )
            delivery = _with(delivery, attempted)
            due.append(attempted)
    return delivery, tuple(due)


def _with(delivery: Delivery, changed: Leg) -> Delivery:
    rungs = tuple(
        tuple(changed if leg.device_id == changed.device_id else leg for leg in rung)
        for rung in delivery.rungs
    )
    return replace(delivery, rungs=rungs)


def _jitter(device_id: str, attempt: int) -> float:
    """Return a factor from 0.75 to 1.25 that is the same on every run, so phones spread out."""
    mixed = sum(device_id.encode()) * 31 + attempt * 17
    return 0.75 + (mixed % 101) / 202.0
