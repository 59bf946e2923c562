"""Phones and browsers of volunteers: enrolled, tested, forgotten."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from dispatch.live.api import models
from dispatch.live.errors import Invalid, NotFound
from dispatch.live.parts import Parts
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from notifications import reasons
from notifications.channel import AddressKind
from notifications.errors import PermanentFailure
from notifications.messages import Purpose

TEST_LASTS_S = 120.0
TESTS = (Purpose.TEST.value, Purpose.CHECK.value)
MAX_DEVICES = 10
_device = schema.device


class Phones:
    """The use cases of volunteers about their devices. Every method runs inside a transaction."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def overview(self, tx: Tx, responder_id: int) -> models.DeviceList:
        """Return the person's devices with their readiness."""
        webpush = self._parts.webpush
        return models.DeviceList(
            devices=self.listed(tx, responder_id),
            webpush_key=webpush.public_key if webpush is not None else None,
        )

    def add(self, tx: Tx, responder_id: int, device: models.DeviceIn) -> models.DeviceOut:
        """Enrol a device; an address that is known is renewed, and taken over from others."""
        self._check_device(device)
        now_s = self._parts.clock()
        same = (_device.c.kind == device.kind) & (_device.c.address == device.address)
        known = tx.row(sa.select(_device).where(same & _device.c.dead_at_s.is_(None)))
        if known is not None and known["responder_id"] != responder_id:
            tx.run(sa.delete(_device).where(_device.c.device_id == known["device_id"]))
            self._parts.finder.person_changed(tx, known["responder_id"], now_s)
            known = None
        values: dict[str, Any] = {
            "platform": device.platform,
            "language": device.language,
            "may_break_silence": device.may_break_silence,
            "last_seen_s": now_s,
        }
        if known is not None:
            device_id: str = known["device_id"]
            tx.run(sa.update(_device).where(_device.c.device_id == device_id).values(values))
        else:
            device_id = self._parts.new_id()
            self._make_room(tx, responder_id)
            tx.insert(
                _device,
                device_id=device_id,
                responder_id=responder_id,
                kind=device.kind,
                address=device.address,
                created_at_s=now_s,
                dead_at_s=None,
                dead_reason="",
                test_message_id=None,
                test_sent_at_s=None,
                test_shown_at_s=None,
                test_sounded=None,
                **values,
            )
        self._parts.finder.person_changed(tx, responder_id, now_s)
        return self._device_out(tx, responder_id, device_id)

    def remove(self, tx: Tx, responder_id: int, device_id: str) -> None:
        """Forget a device."""
        self._device_row(tx, responder_id, device_id)
        tx.run(sa.delete(_device).where(_device.c.device_id == device_id))
        self._parts.finder.person_changed(tx, responder_id, self._parts.clock())

    def check(self, tx: Tx, responder_id: int, device_id: str) -> str | None:
        """Send a check that makes no sound; returns its id, or None if no channel reaches it.

        What the person said about the last test's sound stays; whether this one arrives is new.
        """
        return self._send(tx, responder_id, device_id, Purpose.CHECK)

    def test(self, tx: Tx, responder_id: int, device_id: str) -> models.TestSent:
        """Send a test that sounds like an alert."""
        row = self._device_row(tx, responder_id, device_id)
        if row["dead_at_s"] is not None:
            why_not = readiness(row, self._parts.clock())[1]
            return models.TestSent(sent=False, why_not=why_not)
        if self._send(tx, responder_id, device_id, Purpose.TEST) is None:
            return models.TestSent(sent=False, why_not="no channel reaches this device")
        forget = sa.update(_device).where(_device.c.device_id == device_id)
        tx.run(forget.values(test_sounded=None))
        return models.TestSent(sent=True, why_not=None)

    def note_test(self, tx: Tx, message_id: str, sounded: bool | None) -> None:
        """A test was shown; ``sounded``: what the person says about it."""
        now_s = self._parts.clock()
        mine = _device.c.test_message_id == message_id
        shown = mine & _device.c.test_shown_at_s.is_(None)
        tx.run(sa.update(_device).where(shown).values(test_shown_at_s=now_s, last_seen_s=now_s))
        if sounded is not None:
            tx.run(sa.update(_device).where(mine).values(test_sounded=sounded))

    def _send(self, tx: Tx, responder_id: int, device_id: str, purpose: Purpose) -> str | None:
        now_s = self._parts.clock()
        message_id, why_not = self._parts.outbox.send_known(
            tx,
            responder_id,
            purpose,
            now_s=now_s,
            expires_at_s=now_s + TEST_LASTS_S,
            only=device_id,
        )
        if why_not:
            return None
        sent = {"test_message_id": message_id, "test_sent_at_s": now_s, "test_shown_at_s": None}
        tx.run(sa.update(_device).where(_device.c.device_id == device_id).values(sent))
        return message_id

    # --- inside -------------------------------------------------------------------------------

    def listed(self, tx: Tx, responder_id: int) -> list[models.DeviceOut]:
        """Return the devices of a person, the newest first."""
        rows = tx.rows(
            sa.select(_device)
            .where(_device.c.responder_id == responder_id)
            .order_by(_device.c.created_at_s.desc())
        )
        return [_device_out(row, self._parts.clock()) for row in rows]

    def _device_row(self, tx: Tx, responder_id: int, device_id: str) -> sa.RowMapping:
        mine = (_device.c.device_id == device_id) & (_device.c.responder_id == responder_id)
        row = tx.row(sa.select(_device).where(mine))
        if row is None:
            raise NotFound("no_such_device", "there is no such device")
        return row

    def _device_out(self, tx: Tx, responder_id: int, device_id: str) -> models.DeviceOut:
        row = self._device_row(tx, responder_id, device_id)
        return _device_out(row, self._parts.clock())

    def _check_device(self, device: models.DeviceIn) -> None:
        if AddressKind(device.kind) is AddressKind.MEMORY and self._parts.memory is None:
            raise Invalid("kind", "expected another kind: memory is for TEST mode")
        if AddressKind(device.kind) is AddressKind.SMS and not _is_number(device.address):
            raise Invalid("address", "expected a number such as +447700900123")
        if AddressKind(device.kind) is AddressKind.WEBPUSH:
            if self._parts.webpush is None:
                raise Invalid("kind", "expected another kind: Web Push is not set up here")
            try:
                self._parts.webpush.check(device.address)
            except PermanentFailure as failure:
                raise Invalid("address", reasons.of_address(failure.reason)) from failure

    def _make_room(self, tx: Tx, responder_id: int) -> None:
        """Keep the newest devices only."""
        rows = tx.rows(
            sa.select(_device.c.device_id)
            .where(_device.c.responder_id == responder_id)
            .order_by(_device.c.last_seen_s.desc())
            .offset(MAX_DEVICES - 1)
        )
        for row in rows:
            tx.run(sa.delete(_device).where(_device.c.device_id == row["device_id"]))


def readiness(row: sa.RowMapping, now_s: float) -> tuple[bool, str]:
    """Return whether a device would wake somebody as far as is known, and the words for it."""
    if row["dead_at_s"] is not None:
        return False, "this phone can no longer be reached: enrol it again"
    if row["test_sent_at_s"] is None:
        return False, "not tested yet: this may not wake you"
    waited_s = max(0, round(now_s - row["test_sent_at_s"]))
    if row["test_shown_at_s"] is None and waited_s < TEST_LASTS_S:
        return False, f"a test was sent {waited_s} s ago, no answer yet"
    if row["test_shown_at_s"] is None:
        return False, "the last test did not arrive: this would not have woken you"
    after_s = max(0, round(row["test_shown_at_s"] - row["test_sent_at_s"]))
    if row["test_sounded"] is False:
        return False, f"the last test was silent, after {after_s} s: this would not have woken you"
    if row["test_sounded"] is None:
        return False, f"the last test arrived after {after_s} s; say whether it sounded"
    if row["kind"] == AddressKind.WEBPUSH:
        return False, f"the last test sounded, after {after_s} s; a muted phone stays silent"
    return True, f"the last test sounded, after {after_s} s"


def _device_out(row: sa.RowMapping, now_s: float) -> models.DeviceOut:
    ready, words = readiness(row, now_s)
    return models.DeviceOut(
        device_id=row["device_id"],
        kind=row["kind"],
        platform=row["platform"],
        ready=ready,
        readiness=words,
        dead_reason=row["dead_reason"],
        last_seen_at=models.a_moment(row["last_seen_s"]),
    )


def _is_number(text: str) -> bool:
    return (
        text.startswith("+") and text[1:].isascii() and text[1:].isdigit() and 8 <= len(text) <= 16
    )
