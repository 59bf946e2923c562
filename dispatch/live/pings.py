"""Positions of phones: the latest only, taken at once, written together twice a second.

A position is no promise like an incident: it is held in memory until the next group commit.
"""

from __future__ import annotations

import threading

import sqlalchemy as sa
from msgspec import Struct

from dispatch.events import Event, ResponderArrived, ResponderMoving
from dispatch.facts import Positioned
from dispatch.live import places
from dispatch.live.clock import Clock
from dispatch.live.rosters import RosterFinder
from dispatch.live.runtime import Runtime
from dispatch.live.store import schema
from dispatch.live.store.engine import Store, Tx
from dispatch.model import AlertStatus, Role
from geo.points import haversine_m

FUTURE_S = 300.0  # a phone's clock may be fast by so much: then our own time counts (assumption)
FRESH_S = 120.0  # a position before the yes is where the way began if no older (assumption)
SIGN_M = (
    40.0  # so far from where the yes was said, or so near the patient: has set off (assumption)
)
THERE_M = 20.0  # two fixes so near the patient: has arrived
BETWEEN_S = 3.0  # at least, between those two (assumption)
BLURRED_M = 40.0  # a fix that is less exact says nothing about being near (assumption)
AHEAD = "the phone's clock is fast by more than five minutes: set it right"
OLDER = "a newer position is here already"
SWAPPED = "latitude and longitude are the wrong way round"
_alert = schema.alert
_incident = schema.incident
_position = schema.position
_BEFORE_ARRIVAL = (AlertStatus.ACCEPTED, AlertStatus.MOVING, AlertStatus.HAS_AED)


class Ping(Struct, frozen=True):
    """One fix. ``at_s`` by the phone's clock, ``received_at_s`` by ours; accuracy 68 %."""

    responder_id: int
    lat: float
    lon: float
    accuracy_m: float
    at_s: float
    received_at_s: float


class _Way(Struct):
    """One person's way since the yes: where it began, and when they were first near the patient."""

    lat: float
    lon: float
    accuracy_m: float
    near_at_s: float | None = None


class Pings:
    """Takes fixes from any thread; ``flush`` writes them."""

    def __init__(self, store: Store, clock: Clock, finder: RosterFinder, runtime: Runtime) -> None:
        self._store = store
        self._clock = clock
        self._finder = finder
        self._runtime = runtime
        self._lock = threading.Lock()
        self._waiting: dict[int, Ping] = {}
        # By alert. After a restart a way begins anew at the latest position: at most one sign late.
        self._ways: dict[tuple[str, int], _Way] = {}
        self.taken = 0

    def take(
        self, responder_id: int, lat: float, lon: float, accuracy_m: float, at_s: float
    ) -> str | None:
        """Take a fix; returns why it was not taken, in words, or None if it was."""
        now_s = self._clock()
        if at_s > now_s + FUTURE_S:
            return AHEAD
        if places.is_swapped(self._finder.region, lat, lon):
            return SWAPPED  # elsewhere is no fault: people travel
        ping = Ping(responder_id, lat, lon, accuracy_m, min(at_s, now_s), now_s)
        with self._lock:
            waiting = self._waiting.get(responder_id)
            if waiting is not None and waiting.at_s > ping.at_s:
                return OLDER
            self._waiting[responder_id] = ping
            self.taken += 1
        return None

    def flush(self) -> int:
        """Write what has come in; returns how many people it was about."""
        with self._lock:
            pings, self._waiting = self._waiting, {}
        if pings:
            self._store.transact(lambda tx: self._write(tx, list(pings.values())))
        return len(pings)

    def _write(self, tx: Tx, pings: list[Ping]) -> None:
        self._note_movement(tx, {ping.responder_id: ping for ping in pings})
        tx.put(
            _position,
            *(
                {
                    "responder_id": ping.responder_id,
                    "lat": ping.lat,
                    "lon": ping.lon,
                    "accuracy_m": ping.accuracy_m,
                    "at_s": ping.at_s,
                    "received_at_s": ping.received_at_s,
                }
                for ping in pings
            ),
        )
        for ping in pings:
            fact = Positioned(ping.responder_id, ping.lat, ping.lon, ping.at_s, ping.accuracy_m)
            self._finder.positioned(ping.responder_id, fact)

    def _note_movement(self, tx: Tx, pings: dict[int, Ping]) -> None:
        """Whoever said yes and has plainly moved has set off; who is plainly there has arrived."""
        going = tx.rows(
            sa.select(
                _alert.c.incident_id,
                _alert.c.alert_id,
                _alert.c.responder_id,
                _alert.c.role,
                _alert.c.status,
                _alert.c.accepted_at_s,
                _incident.c.lat.label("patient_lat"),
                _incident.c.lon.label("patient_lon"),
                _position.c.lat,
                _position.c.lon,
                _position.c.accuracy_m,
                _position.c.at_s,
            )
            .select_from(
                sa.join(
                    _alert, _incident, _alert.c.incident_id == _incident.c.incident_id
                ).outerjoin(_position, _alert.c.responder_id == _position.c.responder_id)
            )
            .where(
                _alert.c.assigned
                & _alert.c.status.in_([status.value for status in _BEFORE_ARRIVAL])
            )
        )
        ways = {}
        for row in going:
            key = (row["incident_id"], row["alert_id"])
            way = self._ways.get(key) or _beginning(row)
            ping = pings.get(row["responder_id"])
            if ping is not None and (row["at_s"] is None or ping.at_s > row["at_s"]):
                event, way = _sign(row, way, ping)
                if event is not None:
                    self._runtime.apply(tx, key[0], event, f"responder:{row['responder_id']}")
            if way is not None:
                ways[key] = way
        self._ways = ways


def _beginning(row: sa.RowMapping) -> _Way | None:
    """Where the way began: the latest position, unless it is older than the yes by much."""
    if row["at_s"] is None or row["at_s"] < row["accepted_at_s"] - FRESH_S:
        return None
    return _Way(row["lat"], row["lon"], row["accuracy_m"])


def _sign(row: sa.RowMapping, way: _Way | None, ping: Ping) -> tuple[Event | None, _Way]:
    """What a fix of somebody who is going says, and their way after it."""
    if way is None or way.accuracy_m > max(SIGN_M, ping.accuracy_m):
        near_at_s = None if way is None else way.near_at_s
        way = _Way(ping.lat, ping.lon, ping.accuracy_m, near_at_s)  # the first good one counts
    left_m = float(haversine_m(ping.lat, ping.lon, row["patient_lat"], row["patient_lon"]))
    exact = ping.accuracy_m <= BLURRED_M
    if exact and left_m <= THERE_M and _may_arrive(row):
        if way.near_at_s is not None and ping.at_s - way.near_at_s >= BETWEEN_S:
            return ResponderArrived(row["alert_id"]), way
        way.near_at_s = ping.at_s if way.near_at_s is None else way.near_at_s
    else:
        way.near_at_s = None
    moved_m = float(haversine_m(way.lat, way.lon, ping.lat, ping.lon))
    gone = moved_m >= max(SIGN_M, ping.accuracy_m, way.accuracy_m)
    if row["status"] == AlertStatus.ACCEPTED.value and (gone or (exact and left_m <= SIGN_M)):
        return ResponderMoving(row["alert_id"]), way
    return None, way


def _may_arrive(row: sa.RowMapping) -> bool:
    """Whoever fetches an AED may come past the patient on the way to it."""
    has_it: bool = row["status"] == AlertStatus.HAS_AED.value
    return has_it or row["role"] != Role.AED.value
