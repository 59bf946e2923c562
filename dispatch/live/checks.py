"""Tests that nobody has to think of: every phone once a week, control's own phone all the time.

The weekly check of a phone is seen and makes no sound; it says whether messages still arrive. The
canary goes the whole way every few minutes: an invented call is decided and its answer thrown
away, then a message goes through database, outbox, provider and phone, which confirms it. What no
watch has a name for shows there.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch.commands import FindCandidates
from dispatch.events import CandidatesFailed, IncidentReported
from dispatch.live.health import Health
from dispatch.live.logs import logger, where
from dispatch.live.parts import Parts
from dispatch.live.phones import Phones
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from notifications.channel import AddressKind

LOOK_EVERY_S = 60.0
AT_ONCE = 100
CANARY_LOOK_S = 1.0
_device = schema.device
_person = schema.responder


class Checks:
    """Sends what is due; ``turn`` outside a transaction."""

    def __init__(self, parts: Parts, phones: Phones, health: Health) -> None:
        self._parts = parts
        self._phones = phones
        self.canary = Canary(parts, phones, health)
        self._next_s = 0.0

    def turn(self) -> int:
        """Send the weekly checks that are due; returns how many."""
        now_s = self._parts.clock()
        done = self.canary.turn(now_s)
        wanted = self._parts.settings.checks
        if wanted.every_s == 0.0 or abs(now_s - self._next_s + LOOK_EVERY_S) < LOOK_EVERY_S:
            return done
        self._next_s = now_s + LOOK_EVERY_S
        local = dt.datetime.fromtimestamp(now_s, ZoneInfo(self._parts.finder.timezone))
        if not wanted.from_hour <= local.hour < wanted.to_hour:
            return done
        return done + self._parts.store.transact(lambda tx: self._weekly(tx, now_s))

    def _weekly(self, tx: Tx, now_s: float) -> int:
        last_s = sa.func.coalesce(_device.c.test_sent_at_s, _device.c.created_at_s)
        due = (
            (_device.c.responder_id == _person.c.responder_id)
            & (_person.c.status == "active")
            & _device.c.dead_at_s.is_(None)
            & (_device.c.kind != AddressKind.SMS.value)  # each one costs, and rings
            & (last_s <= now_s - self._parts.settings.checks.every_s)
        )
        columns = (_device.c.responder_id, _device.c.device_id)
        rows = tx.rows(sa.select(*columns).where(due).order_by(last_s).limit(AT_ONCE))
        for row in rows:
            self._phones.check(tx, row["responder_id"], row["device_id"])
        return len(rows)


class Canary:
    """The message to control's own phone. ``after_s``: how long the last one took, None if lost."""

    def __init__(self, parts: Parts, phones: Phones, health: Health) -> None:
        self._parts = parts
        self._phones = phones
        self._health = health
        self._sent_s: float | None = None
        self._ids: frozenset[str] = frozenset()
        self._next_s = 0.0
        self._look_s = 0.0
        self.misses = 0
        self.after_s: float | None = None

    def turn(self, now_s: float) -> int:
        """Look whether the last one has arrived, and send the next when it is time."""
        wanted = self._parts.settings.canary
        if wanted.responder_id is None or 0.0 <= self._look_s - now_s <= CANARY_LOOK_S:
            return 0
        self._look_s = now_s + CANARY_LOOK_S
        if self._sent_s is not None:
            self._look(now_s, self._sent_s)
        if self._sent_s is not None or 0.0 < self._next_s - now_s <= wanted.every_s:
            return 0
        self._next_s = now_s + wanted.every_s
        self._send(now_s, wanted.responder_id)
        return 1

    def _look(self, now_s: float, sent_s: float) -> None:
        shown = _device.c.test_message_id.in_(self._ids) & _device.c.test_shown_at_s.is_not(None)
        query = sa.select(sa.func.min(_device.c.test_shown_at_s)).where(shown)
        at_s = self._parts.store.transact(lambda tx: tx.value(query))
        if at_s is not None:
            self._sent_s, self.misses, self.after_s = None, 0, max(0.0, at_s - sent_s)
            self._health.clear("canary")
        elif now_s - sent_s >= self._parts.settings.canary.wait_s:
            self._miss("did not arrive")

    def _send(self, now_s: float, responder_id: int) -> None:
        try:
            self._parts.store.transact(lambda tx: self._decide(tx, responder_id, now_s))
        except LookupError:
            self._miss("an invented call could not be decided")
            return
        ids = self._parts.store.transact(lambda tx: self._check(tx, responder_id))
        if ids:
            self._ids, self._sent_s = ids, now_s
        else:
            self._miss("control's own phone is not enrolled")

    def _check(self, tx: Tx, responder_id: int) -> frozenset[str]:
        mine = (_device.c.responder_id == responder_id) & _device.c.dead_at_s.is_(None)
        rows = tx.rows(sa.select(_device.c.device_id).where(mine))
        sent = [self._phones.check(tx, responder_id, row["device_id"]) for row in rows]
        return frozenset(message_id for message_id in sent if message_id is not None)

    def _decide(self, tx: Tx, responder_id: int, now_s: float) -> None:
        """Decide a call at the canary's home as if it were real; nothing comes of it."""
        home = tx.row(sa.select(_person).where(_person.c.responder_id == responder_id))
        policy_id = self._parts.book.in_force(tx, now_s)
        if home is None or home["home_lat"] is None or policy_id is None:
            return  # nothing to decide with; the watch says so where that is a fault
        core = self._parts.book.core(tx, policy_id)
        event = IncidentReported(
            "canary",
            home["home_lat"],
            home["home_lon"],
            utc_offset_s=self._parts.finder.utc_offset_s(now_s),
        )
        try:
            state, commands = core.step(None, event, now_s)
            query = next(c.query for c in commands if isinstance(c, FindCandidates))
            found = self._parts.finder.find(tx, query, now_s, policy_id, ())
            core.step(state, found, now_s)
        except sa.exc.SQLAlchemyError:
            raise  # of the database; the watch has a name for that
        except Exception as error:
            logger().error("canary_failed", kind=type(error).__name__, at=where(error))
            raise LookupError from error
        if isinstance(found, CandidatesFailed):
            raise LookupError

    def _miss(self, why: str) -> None:
        self._sent_s, self.after_s = None, None
        self.misses += 1
        often = f"{self.misses} test messages in a row" if self.misses > 1 else "a test message"
        blocking = self.misses >= self._parts.settings.canary.misses
        self._health.report("canary", f"{often} to control's own phone: {why}", blocking=blocking)
