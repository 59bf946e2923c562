"""Messages on their way to people: rows in the transaction that made them, sent after its commit.

At least once to the provider, shown once on the phone (the message id is the same on every
repeat). Nothing is sent past its deadline, nothing to an address that is known to be dead.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Collection, Mapping, Sequence

import sqlalchemy as sa

from dispatch.live import coding
from dispatch.live.clock import Clock
from dispatch.live.errors import StoreUnavailable
from dispatch.live.ids import NewId
from dispatch.live.logs import logger, where
from dispatch.live.store import schema
from dispatch.live.store.engine import Store, Tx
from notifications import fallback
from notifications.channel import AddressKind, Channel, Device, Receipt
from notifications.errors import NotificationError, PermanentFailure, TokenExpired
from notifications.fallback import Delivery, Leg, Rules
from notifications.messages import Message, Purpose, compose
from notifications.sender import Parcel, Sender

AlertRef = tuple[str, int, str]  # incident id, alert id, alert key
REPORTING = frozenset({"sms_http"})  # channels that say later what became of a message
Outcome = tuple[Parcel, Receipt | NotificationError]
FOLLOW_UP_S = 300.0  # a stand-down or an update is of no use later (assumption)
POLITE_S = 86400.0
STALE_DEVICE_S = 30 * 86400.0  # a phone that was silent so long comes last (FCM's advice)
AT_ONCE = 200
NEVER = 1e18
FAULT_RETRY_S = 5.0
_PLAIN = frozenset(
    {fallback.NO_DEVICE, fallback.NO_RECEIPT, fallback.DEADLINE, "channel_down", "device_gone"}
)
_DEAD = ("_gone", "_unregistered", "_404", "_410")  # an address that nothing will ever reach

_delivery = schema.delivery
_device = schema.device

OnUndelivered = Callable[[Tx, str, int, str], None]
OnDeadDevice = Callable[[Tx, int], None]


class Outbox:
    """Plans deliveries, hands parcels to the sender, and works off what became of them.

    Args:
        channels: in order of preference.
        rules: how patient a delivery is.
        threads: per channel; 0 sends within the call (virtual time).
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        channels: Sequence[Channel],
        *,
        new_id: NewId,
        rules: Rules | None = None,
        threads: int = 12,
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self.rules = rules or Rules()
        self._channel_of: Mapping[AddressKind, str] = {
            kind: channel.name for channel in reversed(channels) for kind in channel.kinds
        }
        self._rank = {channel.name: number for number, channel in enumerate(channels)}
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.sender = Sender(channels, clock, self._note_outcome, threads=threads)
        self.on_undelivered: OnUndelivered = _nothing
        self.on_dead_device: OnDeadDevice = _nothing
        self.on_news: Callable[[], None] = _nothing
        self.on_handed_over: Callable[[Parcel, float], None] = _nothing

    # --- inside a transaction -----------------------------------------------------------------

    def send(
        self,
        tx: Tx,
        responder_id: int,
        purpose: Purpose,
        *,
        now_s: float,
        expires_at_s: float,
        alert: AlertRef | None = None,
        only: str | None = None,
    ) -> str:
        """Begin a delivery; returns why nobody can be reached, or ""."""
        _, why_not = self.send_known(
            tx,
            responder_id,
            purpose,
            now_s=now_s,
            expires_at_s=expires_at_s,
            alert=alert,
            only=only,
        )
        return why_not

    def send_known(
        self,
        tx: Tx,
        responder_id: int,
        purpose: Purpose,
        *,
        now_s: float,
        expires_at_s: float,
        alert: AlertRef | None = None,
        only: str | None = None,
    ) -> tuple[str, str]:
        """Begin a delivery; returns its message id, and why nobody can be reached or "".

        ``only``: this device alone. Parcels leave after the commit.
        """
        devices = [d for d in self._devices(tx, responder_id, now_s) if only in (None, d.device_id)]
        message_id = self._new_id()
        delivery = fallback.plan(
            message_id, expires_at_s, [(d.device_id, self._channel_of[d.kind]) for d in devices]
        )
        incident_id, alert_id, alert_key = alert or (None, None, None)
        tx.insert(
            _delivery,
            message_id=message_id,
            responder_id=responder_id,
            incident_id=incident_id,
            alert_id=alert_id,
            alert_key=alert_key,
            purpose=purpose.value,
            created_at_s=now_s,
            expires_at_s=expires_at_s,
            is_open=not delivery.over,
            wake_at_s=now_s,
            body=coding.encode(delivery),
        )
        if not delivery.over:
            delivery = self._advance(tx, delivery, now_s, {d.device_id: d for d in devices})
        return message_id, why_undelivered(delivery)

    def follow_up(
        self,
        tx: Tx,
        responder_id: int,
        purpose: Purpose,
        *,
        now_s: float,
        alert: AlertRef,
        every_channel: bool,
    ) -> None:
        """Tell somebody who was asked what became of it.

        ``every_channel`` False: only over the devices that got the alert, so that nobody is
        woken by SMS to be told to sleep on.
        """
        expires_at_s = now_s + FOLLOW_UP_S
        if every_channel:
            self.send(
                tx, responder_id, purpose, now_s=now_s, expires_at_s=expires_at_s, alert=alert
            )
            return
        row = tx.row(
            sa.select(_delivery.c.body).where(
                (_delivery.c.incident_id == alert[0])
                & (_delivery.c.alert_id == alert[1])
                & (_delivery.c.purpose == Purpose.ALERT.value)
            )
        )
        if row is None:
            return
        for leg in fallback.tried(coding.decode_delivery(row["body"])):
            if leg.channel != "sms_http":
                self.send(
                    tx,
                    responder_id,
                    purpose,
                    now_s=now_s,
                    expires_at_s=expires_at_s,
                    alert=alert,
                    only=leg.device_id,
                )

    def end(self, tx: Tx, incident_id: str, alert_id: int) -> None:
        """Stop whatever is still on its way about an alert."""
        tx.run(
            sa.update(_delivery)
            .where(
                (_delivery.c.incident_id == incident_id)
                & (_delivery.c.alert_id == alert_id)
                & _delivery.c.is_open
            )
            .values(is_open=False, wake_at_s=NEVER)
        )

    def confirm(self, tx: Tx, message_id: str, device_id: str | None) -> sa.RowMapping | None:
        """A phone (or a delivery report) confirmed a message; returns the delivery's row."""
        row = tx.row(sa.select(_delivery).where(_delivery.c.message_id == message_id))
        if row is None:
            return None
        delivery = coding.decode_delivery(row["body"])
        shown_on = device_id or next(
            (leg.device_id for leg in fallback.tried(delivery)), delivery.message_id
        )
        if row["is_open"]:
            self._save(tx, fallback.confirm(delivery, shown_on))
        return row

    def refuse(self, tx: Tx, message_id: str) -> None:
        """A gateway gave up a message that it had taken: what it did not deliver goes elsewhere."""
        row = tx.row(sa.select(_delivery).where(_delivery.c.message_id == message_id))
        if row is None or not row["is_open"]:
            return
        delivery = coding.decode_delivery(row["body"])
        lost = PermanentFailure("gateway_gave_up")
        for leg in fallback.handed_over(delivery):
            if leg.channel in REPORTING:
                delivery = fallback.record(delivery, leg.device_id, lost, self._clock(), self.rules)
        self._save(tx, delivery)

    def confirm_alert(self, tx: Tx, alert_key: str, device_id: str | None) -> bool:
        """A phone opened an alert: the alert's message has arrived. True if that is news."""
        row = tx.row(
            sa.select(_delivery.c.message_id, _delivery.c.is_open).where(
                (_delivery.c.alert_key == alert_key) & (_delivery.c.purpose == Purpose.ALERT.value)
            )
        )
        if row is None or not row["is_open"]:
            return False
        self.confirm(tx, row["message_id"], device_id)
        return True

    def reach(self, tx: Tx, without: Collection[str] = ()) -> int:
        """How many volunteers on duty have a device that a channel reaches, ``without`` some."""
        person = schema.responder
        kinds = [kind.value for kind, name in self._channel_of.items() if name not in without]
        reached = (
            (_device.c.responder_id == person.c.responder_id)
            & (person.c.status == "active")
            & person.c.on_duty
            & _device.c.dead_at_s.is_(None)
            & _device.c.kind.in_(kinds)
        )
        count = sa.select(sa.func.count(sa.distinct(person.c.responder_id))).where(reached)
        return int(tx.value(count) or 0)

    # --- between transactions -----------------------------------------------------------------

    def turn(self) -> int:
        """Work off outcomes and whatever has become due; returns how much there was."""
        outcomes: list[Outcome] = []
        while len(outcomes) < AT_ONCE and not self._outcomes.empty():
            outcomes.append(self._outcomes.get_nowait())
        if outcomes:
            self._take_note(outcomes)
        now_s = self._clock()
        due = (
            sa.select(_delivery.c.message_id)
            .where(_delivery.c.is_open & (_delivery.c.wake_at_s <= now_s))
            .order_by(_delivery.c.created_at_s.desc())  # after an outage: the newest first
            .limit(AT_ONCE)
        )
        rows = self._store.transact(lambda tx: tx.rows(due))
        for row in rows:
            self._continue_one(row["message_id"], now_s)
        return len(outcomes) + len(rows)

    def next_wake_s(self) -> float | None:
        """Return when ``turn`` has something to do again."""
        if not self._outcomes.empty():
            return self._clock()
        query = sa.select(sa.func.min(_delivery.c.wake_at_s)).where(_delivery.c.is_open)
        value = self._store.transact(lambda tx: tx.value(query))
        return None if value is None else float(value)

    def resume(self) -> None:
        """After a restart: attempt again what was under way, drop what is past its deadline."""

        now_s = self._clock()

        def work(tx: Tx) -> None:
            for row in tx.rows(sa.select(_delivery.c.body).where(_delivery.c.is_open)):
                delivery = coding.decode_delivery(row["body"])
                self._save(tx, fallback.resume(delivery, now_s, self.rules))

        self._store.transact(work)

    def close(self) -> None:
        """Stop sending."""
        self.sender.close()

    # --- inside -------------------------------------------------------------------------------

    def _take_note(self, outcomes: Sequence[Outcome]) -> None:
        """Write outcomes down, together if possible; one that fails holds up no other."""
        try:
            self._store.transact(lambda tx: self._record(tx, outcomes))
        except StoreUnavailable:
            for outcome in outcomes:  # what a provider said is not said twice
                self._outcomes.put(outcome)
            raise
        except Exception as error:  # noqa: BLE001 - the other deliveries must go on
            if len(outcomes) == 1:
                logger().error("outcome_failed", kind=type(error).__name__, at=where(error))
                return
            for outcome in outcomes:
                self._take_note([outcome])

    def _continue_one(self, message_id: str, now_s: float) -> None:
        """Go on with one delivery; one that cannot go on is put off and holds up no other."""
        try:
            self._store.transact(lambda tx: self._continue(tx, message_id))
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the other deliveries must go on
            logger().error("delivery_failed", kind=type(error).__name__, at=where(error))
            later = sa.update(_delivery).where(_delivery.c.message_id == message_id)
            later = later.values(wake_at_s=now_s + FAULT_RETRY_S)
            self._store.transact(lambda tx: tx.run(later))

    def _continue(self, tx: Tx, message_id: str) -> None:
        row = tx.row(sa.select(_delivery).where(_delivery.c.message_id == message_id))
        if row is None or not row["is_open"]:
            return
        now_s = self._clock()
        devices = {d.device_id: d for d in self._devices(tx, row["responder_id"], now_s)}
        self._advance(tx, coding.decode_delivery(row["body"]), now_s, devices, row)

    def _advance(
        self,
        tx: Tx,
        delivery: Delivery,
        now_s: float,
        devices: Mapping[str, Device],
        row: sa.RowMapping | None = None,
    ) -> Delivery:
        delivery, legs = fallback.advance(delivery, now_s, self.rules, self.sender.down())
        while missing := [leg for leg in legs if leg.device_id not in devices]:
            for leg in missing:  # taken away or found dead since it was planned
                gone = TokenExpired("device_gone")
                delivery = fallback.record(delivery, leg.device_id, gone, now_s, self.rules)
            kept = tuple(leg for leg in legs if leg.device_id in devices)
            delivery, more = fallback.advance(delivery, now_s, self.rules, self.sender.down())
            legs = kept + more
        self._save(tx, delivery)
        if legs:
            self._post(tx, delivery, legs, devices, row)
        if delivery.undelivered and row is not None:
            self._tell_undelivered(tx, row, why_undelivered(delivery))
        return delivery

    def _post(
        self,
        tx: Tx,
        delivery: Delivery,
        legs: Sequence[Leg],
        devices: Mapping[str, Device],
        row: sa.RowMapping | None,
    ) -> None:
        found = row or tx.row(
            sa.select(_delivery).where(_delivery.c.message_id == delivery.message_id)
        )
        assert found is not None
        for leg in legs:
            device = devices[leg.device_id]
            message = _message(found, device.language, said_yes=self._said_yes(tx, found))
            parcel = Parcel(message, device, leg.channel)
            tx.after(lambda parcel=parcel: self.sender.submit(parcel))  # type: ignore[misc]

    def _said_yes(self, tx: Tx, row: sa.RowMapping) -> bool:
        """Whether the person had said that they go; looked up for a stand-down alone."""
        if row["purpose"] != Purpose.STAND_DOWN.value:
            return True
        alert = schema.alert
        accepted = sa.select(alert.c.accepted_at_s).where(alert.c.alert_key == row["alert_key"])
        return tx.value(accepted) is not None

    def _record(self, tx: Tx, outcomes: Sequence[Outcome]) -> None:
        now_s = self._clock()
        for parcel, outcome in outcomes:
            if isinstance(outcome, TokenExpired):
                self._bury(tx, parcel.device.device_id, outcome.reason, now_s)
            row = tx.row(
                sa.select(_delivery).where(_delivery.c.message_id == parcel.message.message_id)
            )
            if row is None or not row["is_open"]:
                continue
            delivery = coding.decode_delivery(row["body"])
            delivery = fallback.record(
                delivery, parcel.device.device_id, outcome, now_s, self.rules
            )
            self._save(tx, delivery)

    def _bury(self, tx: Tx, device_id: str, reason: str, now_s: float) -> None:
        """Forget an address that will never be reached again."""
        if reason == "device_gone":
            return
        owner = tx.value(sa.select(_device.c.responder_id).where(_device.c.device_id == device_id))
        tx.run(
            sa.update(_device)
            .where((_device.c.device_id == device_id) & _device.c.dead_at_s.is_(None))
            .values(dead_at_s=now_s, dead_reason=reason, address="")
        )
        if owner is not None:
            self.on_dead_device(tx, owner)

    def _tell_undelivered(self, tx: Tx, row: sa.RowMapping, reason: str) -> None:
        if row["purpose"] == Purpose.ALERT.value and row["incident_id"] is not None:
            self.on_undelivered(tx, row["incident_id"], row["alert_id"], reason)

    def _save(self, tx: Tx, delivery: Delivery) -> None:
        wake_at_s = fallback.wake_at_s(delivery)
        tx.run(
            sa.update(_delivery)
            .where(_delivery.c.message_id == delivery.message_id)
            .values(
                body=coding.encode(delivery),
                is_open=not delivery.over,
                wake_at_s=NEVER if wake_at_s is None else wake_at_s,
            )
        )

    def _devices(self, tx: Tx, responder_id: int, now_s: float) -> list[Device]:
        """The living devices of a person that a channel can reach, best channel first."""
        rows = tx.rows(
            sa.select(_device)
            .where((_device.c.responder_id == responder_id) & _device.c.dead_at_s.is_(None))
            .order_by(_device.c.created_at_s.desc(), _device.c.device_id)
        )
        reachable = [row for row in rows if row["kind"] in self._channel_of]
        reachable.sort(
            key=lambda row: (
                row["kind"] != AddressKind.SMS and row["last_seen_s"] < now_s - STALE_DEVICE_S,
                self._rank[self._channel_of[row["kind"]]],
            )
        )
        return [
            Device(row["device_id"], AddressKind(row["kind"]), row["address"], row["language"])
            for row in reachable
        ]

    def _note_outcome(self, parcel: Parcel, outcome: Receipt | NotificationError) -> None:
        if isinstance(outcome, Receipt):
            self.on_handed_over(parcel, self._clock())
        self._outcomes.put((parcel, outcome))
        self.on_news()


def _nothing(*_: object) -> None:
    """Nobody listens."""


def why_undelivered(delivery: Delivery) -> str:
    """Why nobody was reached, as a code that has words; "" while that is not so.

    What a provider said in its own terms stays in the row of the delivery.
    """
    reason = delivery.undelivered or ""
    if not reason or reason in _PLAIN:
        return reason
    if reason == "unknown_outcome":  # it left: the phone may ring
        return fallback.NO_RECEIPT
    return "device_gone" if reason.endswith(_DEAD) else "provider_failed"


def _message(row: sa.RowMapping, language: str, *, said_yes: bool) -> Message:
    return compose(
        Purpose(row["purpose"]),
        message_id=row["message_id"],
        collapse_key=row["alert_key"] or row["message_id"],
        created_at_s=row["created_at_s"],
        expires_at_s=row["expires_at_s"],
        language=language,
        said_yes=said_yes,
    )
