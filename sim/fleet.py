"""Ambulances and co-responders: stations, turnout, drive, scene, conveyance, hospital hand-over.

The fleet does not depend on volunteers, so it is simulated once per replication and its arrival
times are shared by all policies. Places are *sites*: rows of one matrix of driving times.

What is modelled: the soonest available unit goes; arrests go before other calls, others in order
of arrival; a unit on the way to another call may be diverted to an arrest; a unit that is free
again is available on its way home, at a time-weighted point between where it became free and its
station; crews that come off shift finish their call. Not modelled: relocation to stand-by points.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import simpy
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Habits:
    """A unit that is not a crew on a station: one element per call, drawn beforehand.

    ``speed_factor``: over the speed that the driving times are given for. ``within_s``: it goes
    to no place that is farther by its own speed.
    """

    on_duty: Bools
    turnout_s: Floats
    speed_factor: float = 1.0
    within_s: float = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One vehicle with its crew.

    ``shifts``: sorted, flat ``(start_s, end_s, start_s, end_s, ...)`` in epoch seconds; empty:
    always on. A co-responder goes to arrests only, beside an ambulance, and conveys nobody.
    """

    name: str
    station: int  # site
    co_responder: bool = False
    shifts: tuple[float, ...] = ()
    habits: Habits | None = None

    def on_shift(self, now_s: float) -> bool:
        """Whether the unit takes calls at this moment."""
        return not self.shifts or bisect_right(self.shifts, now_s) % 2 == 1


@dataclass(frozen=True, slots=True)
class FleetCalls:
    """All calls of one replication in order of time; row i is one call.

    Every random quantity is drawn beforehand, so that it belongs to the call and not to the order
    in which units happen to be free.
    """

    at_s: Floats  # [n] epoch seconds, ascending
    site: Ints  # [n] where
    arrest: Bools  # [n] goes before all others and may divert a unit
    turnout_s: Floats  # [n] of the unit that goes, when it stands at its station
    scene_s: Floats  # [n] time on scene
    hospital: Ints  # [n] site of the hospital, -1: not conveyed
    handover_s: Floats  # [n] at the hospital

    def __post_init__(self) -> None:
        if np.any(np.diff(self.at_s) < 0):
            raise ValueError("FleetCalls.at_s: expected ascending times")


@dataclass(frozen=True, slots=True)
class FleetResult:
    """What became of each call; NaN where it has not happened. Times in epoch seconds."""

    assigned_s: Floats  # [n] an ambulance was sent (the last one, if it was diverted)
    arrived_s: Floats  # [n] it arrived
    free_s: Floats  # [n] it was free again
    unit: Ints  # [n] index of the ambulance, -1: none (yet)
    diverted: Ints  # [n] how often a unit was taken away from this call
    co_arrived_s: Floats  # [n] first co-responder at an arrest
    co_unit: Ints  # [n]
    lost: Bools  # [n] turned away because nobody was free (only without a queue)
    busy_s: Floats  # [n_units] time from being sent to being free


@dataclass(slots=True)
class _UnitState:
    """Where a unit is: ``call`` >= 0 while it works; otherwise home, or on its way there."""

    origin: int  # site where it last became free, or its station
    left_s: float = 0.0
    home_s: float = 0.0  # back at its station from this moment on
    call: int = -1
    sent_s: float = 0.0
    due_s: float = 0.0  # at the scene
    job: int = 0  # number of its job: a timer of an earlier job is stale


@dataclass(slots=True)
class _Log:
    assigned_s: Floats
    arrived_s: Floats
    free_s: Floats
    unit: Ints
    diverted: Ints
    co_arrived_s: Floats
    co_unit: Ints
    lost: Bools
    busy_s: Floats


@dataclass(slots=True)
class Fleet:
    """Units, driving times and rules; ``run`` plays one replication.

    ``travel_s[a, b]``: driving time from site a to site b, seconds. ``queue=False`` turns calls
    away that find nobody free (the loss system of Erlang B). ``divert``: an arrest may take a unit
    that is on its way to another call.
    """

    units: tuple[Unit, ...]
    travel_s: Floats
    queue: bool = True
    divert: bool = True
    choose: Callable[[list[tuple[float, int]]], tuple[float, int]] = field(default=min)

    def run(self, calls: FleetCalls, until_s: float) -> FleetResult:
        """Play all calls up to ``until_s``; calls still under way then are left open (NaN)."""
        return _Run(self, calls).play(until_s)


class _Run:
    """One replication under way. Callbacks, not processes: nobody watches the middle of a drive."""

    def __init__(self, fleet: Fleet, calls: FleetCalls) -> None:
        n = len(calls.at_s)
        self.fleet = fleet
        self.units = fleet.units
        self.travel: list[list[float]] = fleet.travel_s.tolist()
        self.at: list[float] = calls.at_s.tolist()
        self.site: list[int] = calls.site.tolist()
        self.arrest: list[bool] = calls.arrest.tolist()
        self.turnout: list[float] = calls.turnout_s.tolist()
        self.scene: list[float] = calls.scene_s.tolist()
        self.hospital: list[int] = calls.hospital.tolist()
        self.handover: list[float] = calls.handover_s.tolist()
        self.state = [_UnitState(origin=unit.station) for unit in fleet.units]
        self.ambulances = [i for i, u in enumerate(fleet.units) if not u.co_responder]
        self.co_responders = [i for i, u in enumerate(fleet.units) if u.co_responder]
        self.waiting: list[tuple[bool, float, int]] = []  # (not an arrest, time of call, call)
        self.log = _Log(
            assigned_s=np.full(n, np.nan),
            arrived_s=np.full(n, np.nan),
            free_s=np.full(n, np.nan),
            unit=np.full(n, -1, np.int32),
            diverted=np.zeros(n, np.int32),
            co_arrived_s=np.full(n, np.nan),
            co_unit=np.full(n, -1, np.int32),
            lost=np.zeros(n, np.bool_),
            busy_s=np.zeros(len(fleet.units)),
        )
        start = self.at[0] if n else 0.0
        self.env = simpy.Environment(initial_time=start)

    def play(self, until_s: float) -> FleetResult:
        if self.at:
            self.env.process(self.arrivals())
            for start in self.shift_starts(until_s):
                self.later(start, self.drain)
            self.env.run(until=until_s)
        self.count_work_under_way(until_s)
        return FleetResult(**{name: getattr(self.log, name) for name in _Log.__slots__})

    def arrivals(self) -> simpy.events.ProcessGenerator:
        env = self.env
        for call, at in enumerate(self.at):
            if at > env.now:
                yield env.timeout(at - env.now)
            self.take(call)

    def shift_starts(self, until_s: float) -> list[float]:
        now = self.env.now
        starts = {start for unit in self.units for start in unit.shifts[::2]}
        return sorted(start for start in starts if now < start < until_s)

    def later(self, at_s: float, act: Callable[[], None]) -> None:
        timeout = self.env.timeout(max(0.0, at_s - self.env.now))
        timeout.callbacks.append(lambda _: act())

    def take(self, call: int) -> None:
        """A call comes in: send somebody, or let it wait."""
        if self.arrest[call] and self.co_responders:
            self.send_co_responder(call)
        chosen = self.soonest(self.ambulances, call, divert=self.arrest[call] and self.fleet.divert)
        if chosen is not None:
            self.send(chosen, call)
        elif self.fleet.queue:
            heapq.heappush(self.waiting, (not self.arrest[call], self.at[call], call))
        else:
            self.log.lost[call] = True

    def soonest(self, among: list[int], call: int, *, divert: bool) -> int | None:
        """The available unit that would be at the call first; ties by index."""
        now = self.env.now
        options = [
            (self.reach_s(unit, call), unit)
            for unit in among
            if self.units[unit].on_shift(now)
            and self.available(unit, divert=divert)
            and self.goes(unit, call)
        ]
        return self.fleet.choose(options)[1] if options else None

    def available(self, unit: int, *, divert: bool) -> bool:
        state = self.state[unit]
        if state.call < 0:
            return True
        return divert and not self.arrest[state.call] and self.env.now < state.due_s

    def goes(self, unit: int, call: int) -> bool:
        """Whether a unit with habits of its own is there for this call at all."""
        own = self.units[unit].habits
        if own is None:
            return True
        drive_s = self.travel[self.units[unit].station][self.site[call]] / own.speed_factor
        return bool(own.on_duty[call]) and drive_s <= own.within_s

    def reach_s(self, unit: int, call: int) -> float:
        """Seconds until the unit would be at the call, turnout included."""
        state, now, goal = self.state[unit], self.env.now, self.site[call]
        home, own = self.units[unit].station, self.units[unit].habits
        if own is not None:
            turnout_s = 0.0 if now < state.home_s else float(own.turnout_s[call])
            left, due = state.left_s, max(state.home_s, state.left_s)
            way_s = self.between(state.origin, home, left, due, goal)
            return turnout_s + way_s / own.speed_factor
        if state.call >= 0:
            return self.between(
                state.origin, self.site[state.call], state.sent_s, state.due_s, goal
            )
        if now >= state.home_s:
            return self.turnout[call] + self.travel[home][goal]
        return self.between(state.origin, home, state.left_s, state.home_s, goal)

    def between(self, a: int, b: int, left_s: float, due_s: float, goal: int) -> float:
        """Drive to ``goal`` from a moving unit: both ends' times, by how far it has come."""
        done = min((self.env.now - left_s) / (due_s - left_s), 1.0) if due_s > left_s else 1.0
        return (1.0 - done) * self.travel[a][goal] + done * self.travel[b][goal]

    def send(self, unit: int, call: int) -> None:
        state, log, now = self.state[unit], self.log, self.env.now
        due = now + self.reach_s(unit, call)
        if state.call >= 0:
            self.take_away(unit)
        elif now >= state.home_s:
            state.origin = self.units[unit].station
        state.call, state.sent_s, state.due_s = call, now, due
        state.job += 1
        log.assigned_s[call], log.arrived_s[call], log.unit[call] = now, due, unit
        free, place = due + self.scene[call], self.site[call]
        hospital = self.hospital[call]
        if hospital >= 0:
            free += self.travel[place][hospital] + self.handover[call]
            place = hospital
        job = state.job
        self.later(free, lambda: self.finish(unit, job, place))

    def take_away(self, unit: int) -> None:
        """The unit leaves its call for an arrest; that call waits again, in its old place."""
        state, log = self.state[unit], self.log
        call = state.call
        log.assigned_s[call] = log.arrived_s[call] = np.nan
        log.unit[call] = -1
        log.diverted[call] += 1
        log.busy_s[unit] += self.env.now - state.sent_s
        heapq.heappush(self.waiting, (not self.arrest[call], self.at[call], call))

    def finish(self, unit: int, job: int, place: int) -> None:
        state, now = self.state[unit], self.env.now
        if state.job != job:
            return  # was diverted meanwhile
        self.log.free_s[state.call] = now
        self.log.busy_s[unit] += now - state.sent_s
        state.call = -1
        state.origin, state.left_s = place, now
        state.home_s = now + self.travel[place][self.units[unit].station]
        self.drain()

    def drain(self) -> None:
        """Waiting calls go to whoever is free, arrests first."""
        while self.waiting:
            call = self.waiting[0][2]
            chosen = self.soonest(self.ambulances, call, divert=False)
            if chosen is None:
                return
            heapq.heappop(self.waiting)
            self.send(chosen, call)

    def send_co_responder(self, call: int) -> None:
        unit = self.soonest(self.co_responders, call, divert=False)
        if unit is None:
            return
        state, now = self.state[unit], self.env.now
        due = now + self.reach_s(unit, call)
        self.log.co_arrived_s[call], self.log.co_unit[call] = due, unit
        if now >= state.home_s:
            state.origin = self.units[unit].station
        state.call, state.sent_s, state.due_s = call, now, due
        state.job += 1
        job, free = state.job, due + self.scene[call]
        self.later(free, lambda: self.finish_co_responder(unit, job))

    def finish_co_responder(self, unit: int, job: int) -> None:
        state, now = self.state[unit], self.env.now
        if state.job != job:
            return
        place = self.site[state.call]
        self.log.busy_s[unit] += now - state.sent_s
        state.call = -1
        state.origin, state.left_s = place, now
        own = self.units[unit].habits
        home_s = self.travel[place][self.units[unit].station]
        state.home_s = now + (home_s if own is None else home_s / own.speed_factor)

    def count_work_under_way(self, until_s: float) -> None:
        for unit, state in enumerate(self.state):
            if state.call >= 0:
                self.log.busy_s[unit] += until_s - state.sent_s
