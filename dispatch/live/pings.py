"""Positions of phones: the latest only, taken at once, written together twice a second.

A position is no promise like an incident: it is held in memory until the next group commit.
"""

from __future__ import annotations

import threading

import sqlalchemy as sa
from msgspec import Struct

from dispatch.events import ResponderMoving
from dispatch.facts import Positioned
from dispatch.live.clock import Clock
from dispatch.live.rosters import RosterFinder
from dispatch.live.runtime import Runtime
from dispatch.live.store import schema
from dispatch.live.store.engine import Store, Tx
from dispatch.model import AlertStatus
from geo.points import haversine_m

FUTURE_S = 30.0  # a phone's clock may be wrong by so much
SIGN_M = 40.0  # moved so far since saying yes: has set off (assumption)
_alert = schema.alert
_position = schema.position


class Ping(Struct, frozen=True):
    """One fix. ``at_s`` by the phone's clock, ``received_at_s`` by ours; accuracy 68 %."""

    responder_id: int
    lat: float
    lon: float
    accuracy_m: float
    at_s: float
    received_at_s: float


class Pings:
    """Takes fixes from any thread; ``flush`` writes them."""

    def __init__(self, store: Store, clock: Clock, finder: RosterFinder, runtime: Runtime) -> None:
        self._store = store
        self._clock = clock
        self._finder = finder
        self._runtime = runtime
        self._lock = threading.Lock()
        self._waiting: dict[int, Ping] = {}
        self.taken = 0

    def take(
        self, responder_id: int, lat: float, lon: float, accuracy_m: float, at_s: float
    ) -> bool:
        """Take a fix; False if its time lies in the future or a newer one waits already."""
        now_s = self._clock()
        if at_s > now_s + FUTURE_S:
            return False
        ping = Ping(responder_id, lat, lon, accuracy_m, min(at_s, now_s), now_s)
        with self._lock:
            waiting = self._waiting.get(responder_id)
            if waiting is not None and waiting.at_s > ping.at_s:
                return False
            self._waiting[responder_id] = ping
            self.taken += 1
        return True

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
        """Whoever said yes and has plainly moved has set off: the place is kept."""
        said_yes = tx.rows(
            sa.select(_alert.c.incident_id, _alert.c.alert_id, _alert.c.responder_id, _position)
            .select_from(
                sa.join(_alert, _position, _alert.c.responder_id == _position.c.responder_id)
            )
            .where(
                _alert.c.assigned
                & (_alert.c.status == AlertStatus.ACCEPTED.value)
                & (_alert.c.accepted_at_s <= self._clock())
            )
        )
        for row in said_yes:
            ping = pings.get(row["responder_id"])
            if ping is None or ping.at_s <= row["at_s"]:
                continue
            moved_m = float(haversine_m(row["lat"], row["lon"], ping.lat, ping.lon))
            if moved_m >= max(SIGN_M, ping.accuracy_m, row["accuracy_m"]):
                event = ResponderMoving(row["alert_id"])
                actor = f"responder:{row['responder_id']}"
                self._runtime.apply(tx, row["incident_id"], event, actor)
