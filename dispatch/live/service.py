"""A running service: its parts put together, and the few threads that keep it going.

``turn`` does everything that is due; a thread calls it. Under a clock held by hand the same calls
are made by whoever holds the clock, and no thread exists.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import sqlalchemy as sa

from dispatch.commands import Command
from dispatch.config import Policy
from dispatch.eligibility import Rules as PeopleRules
from dispatch.events import Event, IncidentReported
from dispatch.lifecycle import Core
from dispatch.live import aftercare, brakes, channels, modes, retention, views
from dispatch.live.aedbook import AedBook
from dispatch.live.auth import Doorkeeper
from dispatch.live.braking import Braking
from dispatch.live.checks import Checks
from dispatch.live.clock import Clock, wall_clock
from dispatch.live.control import Control
from dispatch.live.drone_desk import DroneDesk
from dispatch.live.dronebook import DroneBook
from dispatch.live.errors import LiveError, StoreUnavailable
from dispatch.live.health import Health
from dispatch.live.ids import NewId, random_id
from dispatch.live.logs import logger, where
from dispatch.live.metrics import Metrics
from dispatch.live.oneself import Oneself
from dispatch.live.outbox import Outbox
from dispatch.live.parts import Parts
from dispatch.live.people import People
from dispatch.live.phones import Phones
from dispatch.live.pings import Pings
from dispatch.live.policybook import PolicyBook
from dispatch.live.responding import Responding
from dispatch.live.rosters import RosterFinder
from dispatch.live.runtime import SYSTEM, Applied, Runtime
from dispatch.live.settings import Settings
from dispatch.live.shadow import Shadows
from dispatch.live.store import schema
from dispatch.live.store.engine import Store, Tx, open_store
from dispatch.live.stream import Stream
from dispatch.live.triggers import TriggerTable, load_table
from dispatch.live.webhooks import Webhooks
from dispatch.model import Phase, Query
from geo.region import Region
from notifications import reasons
from notifications.channel import Channel
from notifications.fallback import Rules
from notifications.memory import MemoryChannel
from notifications.sender import Parcel
from notifications.webpush import WebPushChannel

T = TypeVar("T")

FLOOR_S = 0.25  # the pump looks at least so often
FLUSH_S = 0.5
DAILY_S = 3600.0
WATCH_S = 2.0
STUCK_S = 6.0
FAILING_S = 5.0
JUMP_S = 2.0
ENOUGH_REACHED = 0.5  # share of those available below which alerting counts as stopped (assumption)


class Service:
    """The service. ``threads`` False: nothing runs by itself; call ``turn``.

    Args:
        region: networks, AEDs and demand; None: straight lines.
        policy: put in force if the database has none yet; ``content`` is its file's text.
        channels_given: instead of those that the settings describe.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        region: Region | None = None,
        policy: Policy | None = None,
        content: str = "",
        clock: Clock = wall_clock,
        new_id: NewId = random_id,
        threads: bool = True,
        channels_given: Sequence[Channel] | None = None,
        store: Store | None = None,
        triggers: TriggerTable | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._threads = threads
        self.store = store or open_store(settings.database)
        self._keep_to_mode()
        self.store.on_lost = self._lost
        self.book = PolicyBook(test_mode=settings.test_mode)
        self.finder = RosterFinder(region, settings.timezone, self.book.policy_of)
        self.health = Health(clock, self.finder.timezone)
        self.metrics = Metrics(self)
        self.stream = Stream()
        self.doors = Doorkeeper(self.store)
        chosen = channels.build(settings, clock) if channels_given is None else channels_given
        self.outbox = Outbox(
            self.store,
            clock,
            chosen,
            new_id=new_id,
            rules=_rules(settings),
            threads=settings.send_threads if threads else 0,
        )
        self.outbox.on_news = self.wake
        self.outbox.on_dead_device = self._device_died
        self.outbox.on_handed_over = self._handed_over
        self.runtime = Runtime(
            self.store,
            clock,
            get_core=self._core,
            finder=self.finder,
            outbox=self.outbox,
            stream=self.stream,
            new_id=new_id,
            on_search=self._search,
        )
        self.runtime.decided = self._decided
        self.pings = Pings(self.store, clock, self.finder, self.runtime)
        self.parts = Parts(
            settings=settings,
            clock=clock,
            new_id=new_id,
            store=self.store,
            stream=self.stream,
            finder=self.finder,
            outbox=self.outbox,
            runtime=self.runtime,
            book=self.book,
            doors=self.doors,
            triggers=triggers or load_table(settings.triggers, settings.excluded_flags),
            memory=_first(chosen, MemoryChannel),
            webpush=_first(chosen, WebPushChannel),
        )
        self.braking = Braking(self.parts)
        self.control = Control(self.parts, self.health, self.braking)
        self.people = People(self.parts)
        self.phones = Phones(self.parts)
        self.checks = Checks(self.parts, self.phones, self.health)
        self.oneself = Oneself(self.parts, self.phones)
        self.responding = Responding(self.parts, self.phones)
        self.aeds = AedBook(self.parts)
        self.drones = DroneBook(self.parts)
        self.drone_desk = DroneDesk(self.parts)
        self.shadows = Shadows(self.book, self.finder)
        self.webhooks = Webhooks(self.store, clock, new_id)
        self._searchers = ThreadPoolExecutor(2, thread_name_prefix="search") if threads else None
        self._wake = threading.Event()
        self._stopping = False
        self._told_warning: str | None = None
        self._failing: frozenset[str] = frozenset()  # channels
        self.leaving = False  # told to stop: open streams end
        self._pump: threading.Thread | None = None
        self._watchdog: threading.Thread | None = None
        self._clock_offset_s = clock() - time.monotonic()
        self._flushed_s = 0.0
        self._daily_s = 0.0
        self._prepare(policy, content, region)

    def _keep_to_mode(self) -> None:
        """A live database is for the live service, one of TEST mode for tests alone."""
        test_mode = self.settings.test_mode
        try:
            self.store.transact(lambda tx: modes.keep_to(tx, test_mode=test_mode))
        except BaseException:
            self.store.close()
            raise

    # --- what must be seen --------------------------------------------------------------------

    @property
    def alerting(self) -> bool:
        """Whether volunteers can be alerted right now; never in TEST mode."""
        return not self.settings.test_mode and self.health.since_s is None

    def line(self) -> str | None:
        """Return the line that must be seen, or None while volunteers are being alerted."""
        warning = self.health.warning()
        if not self.settings.test_mode:
            return warning
        return modes.TEST_LINE if warning is None else f"{modes.TEST_LINE} {warning}"

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Go on where the last run stopped, then keep going."""
        self.resume()
        if not self._threads:
            return
        self._pump = threading.Thread(target=self._keep_turning, name="pump", daemon=True)
        self._watchdog = threading.Thread(target=self._keep_watching, name="watch", daemon=True)
        self._pump.start()
        self._watchdog.start()
        self.webhooks.start(self.stream.listen)

    def stop(self) -> None:
        """Stop in order: nothing that was acknowledged is lost."""
        self._stopping = True
        self._wake.set()
        self.health.rest("stuck")
        self.health.rest("watch")
        if self._threads:
            self.webhooks.stop()
            for thread in (self._pump, self._watchdog):
                if thread is not None:
                    thread.join(5.0)
            assert self._searchers is not None
            self._searchers.shutdown(wait=True, cancel_futures=True)
        self.outbox.close()
        try:
            self.pings.flush()
        except StoreUnavailable:
            logger().warning("positions_not_written")
        self.store.close()

    def resume(self) -> None:
        """After a (re)start: know everybody, send again what was under way, answer searches."""
        self.store.transact(self._know_everybody)
        self.outbox.resume()
        for incident_id, policy_id, query in self.runtime.open_searches():
            self._search(incident_id, policy_id, query)

    def _know_everybody(self, tx: Tx) -> None:
        now_s = self.clock()
        self.doors.remember_all(tx, now_s)
        policy_id = self.book.in_force(tx, now_s)
        if policy_id is not None:
            policy = self.book.core(tx, policy_id).policy
            self.finder.roster(tx, PeopleRules.of(policy), now_s)

    def wake(self) -> None:
        """Something has become due."""
        self._wake.set()

    # --- turns --------------------------------------------------------------------------------

    def turn(self) -> int:
        """Do everything that is due now; returns how much there was."""
        now_s = self.clock()
        done = self.runtime.fire_timers()
        done += self.outbox.turn()
        done += self._expire_brakes(now_s)
        if not FLUSH_S > now_s - self._flushed_s >= 0.0:
            done += self.pings.flush()
            self._flushed_s = now_s
        if not DAILY_S > now_s - self._daily_s >= 0.0:
            self._housekeeping(now_s)
            self._daily_s = now_s
        if self.finder.rolling:
            done += self.store.transact(lambda tx: self.finder.roll_some(tx, now_s))
        done += aftercare.turn(self.parts)
        done += self.checks.turn()
        return done

    def settle(self, most: int = 1000) -> None:
        """Turn until nothing is due; for clocks held by hand."""
        for _ in range(most):
            if not self.turn():
                return
        raise LiveError("the service does not come to rest")

    def next_due_s(self) -> float | None:
        """Return when something is due next."""
        due = [self.runtime.next_timer_s(), self.outbox.next_wake_s()]
        due.append(self.store.transact(brakes.next_expiry_s))
        known = [moment for moment in due if moment is not None]
        return min(known) if known else None

    def _keep_turning(self) -> None:
        while not self._stopping:
            self.health.beat("stuck", "the service is stuck", STUCK_S)
            try:
                busy = self.turn()
                self.health.clear("pump")
                self.health.clear("store")
            except StoreUnavailable:
                busy = 0
                self.health.report("store", "the database cannot be written")
            except Exception as error:  # noqa: BLE001 - the pump must go on, and say so
                busy = 0
                logger().error("pump_failed", kind=type(error).__name__, at=where(error))
                self.health.report("pump", "an internal fault")
            if not busy:
                self._wake.wait(FLOOR_S)
                self._wake.clear()

    def _keep_watching(self) -> None:
        while not self._stopping:
            self.health.beat("watch", "nothing watches over the service", STUCK_S)
            try:
                self.watch()
            except Exception as error:  # noqa: BLE001 - the watch must go on, and say so
                logger().error("watch_failed", kind=type(error).__name__, at=where(error))
                self.health.report("watch_failed", "an internal fault")
            else:
                self.health.clear("watch_failed")
            time.sleep(WATCH_S)

    def watch(self) -> None:
        """Look for causes why people are not being alerted."""
        self._watch_channels()
        self._watch_database()
        self._watch_drones()
        self._watch_clock()
        if not self.finder.region:
            words = "no region: travel times are estimates along straight lines"
            self.health.report("region", words, blocking=False)
        self._tell_if_changed()

    def _tell_if_changed(self) -> None:
        """Put the line that must be seen on the stream when it appears and when it goes."""
        warning = self.health.warning()
        if (warning is None) == (self._told_warning is None):
            return
        told = {"alerting": self.alerting, "message": self.line() or "alerting again"}
        try:
            self.store.transact(
                lambda tx: self.stream.append(tx, self.clock(), "alerting.status", told)
            )
        except StoreUnavailable:
            return  # told as soon as it can be written; until then the status and metrics say so
        self._told_warning = warning
        if warning is None:
            logger().info("alerting_again")
        else:
            causes = [cause.code for cause in self.health.causes if cause.blocking]
            logger().error("volunteers_are_not_being_alerted", causes=causes)

    def _watch_clock(self) -> None:
        """A wall clock that jumps makes timers early or late: say so."""
        if not self._threads:
            return
        jumped_s = (self.clock() - time.monotonic()) - self._clock_offset_s
        words = f"the clock has jumped by {jumped_s:+.0f} s since the start"
        self.health.set("clock", words if abs(jumped_s) > JUMP_S else None, blocking=False)

    def _watch_channels(self) -> None:
        """Judge the channels that fail by how many people they leave out of reach."""
        states = self.outbox.sender.health()
        if not states:
            self.health.set("channels", "no channel is configured")
            return
        now_s = self.clock()
        failing = [
            state
            for state in states
            if state.failing_since_s is not None and now_s - state.failing_since_s >= FAILING_S
        ]
        names = frozenset(state.channel for state in failing)
        words = "; ".join(
            f"{reasons.channel(state.channel)}: {reasons.of_failure(state.reason)}"
            for state in failing
        )
        self.health.set("channel", f"failing: {words}" if words else None, blocking=False)
        self.health.set("channels", self._out_of_reach(names, words, len(names) == len(states)))
        for name in sorted(names ^ self._failing):
            fails = name in names
            logger().warning("channel_fails" if fails else "channel_works_again", channel=name)
        self._failing = names

    def _out_of_reach(self, failing: frozenset[str], words: str, all_fail: bool) -> str | None:
        """Return the words if too few people can be reached while these channels fail."""
        if all_fail:
            return f"no channel works ({words})"
        if not failing:
            return None
        try:
            everybody = self.store.transact(self.outbox.reach)
            left = self.store.transact(lambda tx: self.outbox.reach(tx, failing))
        except StoreUnavailable:
            return None  # said by what watches the database
        if left >= ENOUGH_REACHED * everybody:
            return None
        return f"only {left} of {everybody} available volunteers can be reached ({words})"

    def _watch_database(self) -> None:
        try:
            on = self.store.transact(lambda tx: brakes.active(tx, self.clock()))
            policy_id = self.store.transact(lambda tx: self.book.in_force(tx, self.clock()))
            phones = self.store.transact(self.outbox.reach)
        except StoreUnavailable:
            self.health.report("store", "the database cannot be written")
            return
        stops = [brake for brake in on if brake["kind"] == "stop"]
        words = f"stopped by {stops[0]['person']}: {stops[0]['reason']}" if stops else None
        self.health.set("brake", words)
        areas = len(on) - len(stops)
        self.health.set("areas", f"{areas} no-alert areas" if areas else None, blocking=False)
        nobody = "no available volunteer has a phone that can be reached"
        self.health.set("phones", None if phones else nobody)
        self.health.set("policy", None if policy_id else "no policy is in force")

    def _watch_drones(self) -> None:
        """Whether their operator is there; a drone that is overdue needs a person's attention."""
        try:
            words = self.store.transact(self.drone_desk.silence) if self.uses_drones() else None
            self.store.transact(self.drone_desk.look_for_overdue)
        except StoreUnavailable:
            return  # said by what watches the database
        self.health.set("drones", words, blocking=False)

    def uses_drones(self) -> bool:
        """Whether the policy in force does."""
        policy_id = self.store.transact(lambda tx: self.book.in_force(tx, self.clock()))
        return policy_id is not None and self.book.policy_of(policy_id).drones.use

    def _expire_brakes(self, now_s: float) -> int:
        due_s = self.store.transact(brakes.next_expiry_s)
        if due_s is None or due_s > now_s:
            return 0

        def work(tx: Tx) -> int:
            count = brakes.expire(tx, now_s)
            self.braking.apply(tx, SYSTEM)
            return count

        return self.store.transact(work)

    def _housekeeping(self, now_s: float) -> None:
        """Once an hour: hours for the days to come, retention, reminders."""
        self.finder.begin_roll()
        self.doors.forget_expired(now_s)
        self.store.transact(lambda tx: retention.purge(tx, now_s, self.settings.retention))
        self.store.transact(lambda tx: aftercare.remind(tx, self.parts))

    # --- what the parts tell us ---------------------------------------------------------------

    def _core(self, tx: Tx, policy_id: str) -> Core:
        return self.book.core(tx, policy_id)

    def _search(self, incident_id: str, policy_id: str, query: Query) -> None:
        if self._searchers is None:
            self._answer(incident_id, policy_id, query)
        else:
            self._searchers.submit(self._answer, incident_id, policy_id, query)

    def _answer(self, incident_id: str, policy_id: str, query: Query) -> None:
        try:
            self.runtime.answer_search(incident_id, policy_id, query)
        except Exception as error:  # noqa: BLE001 - the timer falls back to straight lines
            logger().error("search_failed", kind=type(error).__name__, at=where(error))

    def _decided(
        self, tx: Tx, applied: Applied, event: Event, commands: tuple[Command, ...]
    ) -> None:
        self.metrics.decided(applied, event, commands)
        state = applied.state
        if applied.before is None and isinstance(event, IncidentReported):
            self.shadows.at_report(tx, state.incident_id, event, applied.now_s)
        ended = state.phase is Phase.ENDED
        if ended and (applied.before is None or applied.before.phase is not Phase.ENDED):
            steps = views.steps_of(tx, state.incident_id)
            policy = self.book.core(tx, state.policy_id).policy
            night = policy.is_night(state.reported_at_s + state.utc_offset_s)
            self.shadows.at_end(tx, state.incident_id, steps, night)
            aftercare.plan(tx, self.parts, state.incident_id)
        tx.after(self.wake)

    def _device_died(self, tx: Tx, responder_id: int) -> None:
        self.finder.person_changed(tx, responder_id, self.clock())

    def _handed_over(self, parcel: Parcel, now_s: float) -> None:
        self.metrics.handed_over(parcel, now_s)

    def _lost(self) -> None:
        """A commit failed: what memory mirrors may be ahead of the database."""
        self.doors.forget()
        self.finder.outdated = True
        self.health.report("store", "the database cannot be written")
        self.wake()

    def _prepare(self, policy: Policy | None, content: str, region: Region | None) -> None:
        now_s = self.clock()

        def work(tx: Tx) -> None:
            if policy is not None:
                took = self.book.install_first(tx, policy, content, now_s)
                in_force = self.book.in_force(tx, now_s)
                if not took and in_force != policy.policy_id:
                    logger().warning("policy_of_the_database_stays", policy_id=in_force)
            for row in tx.rows(sa.select(schema.policy.c.policy_id)):
                self.book.core(tx, row["policy_id"])
            if region is not None:
                self.aeds.take_region(tx, region)

        self.store.transact(work)
        logger().info("ready", database=self.store.note, test_mode=self.settings.test_mode)


def _rules(settings: Settings) -> Rules:
    waits = {}
    trusting = set()
    if settings.sms_http is not None:
        waits["sms_http"] = settings.sms_http.receipt_wait_s
        if not settings.sms_http.reports:
            trusting.add("sms_http")
    return Rules(
        receipt_wait_s=settings.receipt_wait_s,
        receipt_waits_s=waits,
        trusting=frozenset(trusting),
    )


def _first(chosen: Sequence[Channel], kind: type[T]) -> T | None:
    return next((channel for channel in chosen if isinstance(channel, kind)), None)
