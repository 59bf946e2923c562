"""Who could go: the roster of the core, fed from the database's rows, and the search over it.

One roster for each set of a policy's rules about people. All are told the same facts.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from dispatch import candidates, facts
from dispatch.config import Policy
from dispatch.eligibility import Reason, Rules
from dispatch.events import CandidatesFailed, CandidatesFound
from dispatch.live import hours, wishes
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.wishes import Wishes
from dispatch.model import Order, Query
from dispatch.roster import MONTH_S, Roster
from geo.errors import GeoError
from geo.hours import HoursKind, hours_kind, open_edges
from geo.points import haversine_m
from geo.region import Region
from geo.routing import PatientSearch, PatientTimes
from geo.snap import Positions, snap
from geo.speeds import WALKING_MPS
from geo.straight import Places, StraightLine

DAYTIME = hours.Hours("07:00", "22:00")  # when an AED of unknown hours is believed to be open
BOX_MARGIN_M = 300.0
FIRST_LOOK = 300  # people looked at before looking further; decides nothing but the cost
METRES_PER_DEGREE = 111_195.0
NOT_PUBLIC = frozenset({"no", "private"})
NO_WISHES = Wishes()

Floats = NDArray[np.float64]


class _Person(Struct):
    """What the search needs beside the roster."""

    wishes: Wishes
    work: tuple[float, float] | None
    work_hours: tuple[hours.Interval, ...]


class RosterFinder:
    """The finder of the service.

    Args:
        region: networks to route on; None: straight lines, and said so with every answer.
        timezone: IANA name; the region's own if there is one.
        policy_of: the policy of an id.
    """

    def __init__(
        self, region: Region | None, timezone: str, policy_of: Callable[[str], Policy]
    ) -> None:
        self.region = region
        self.timezone = region.timezone if region is not None else timezone
        self._zone = ZoneInfo(self.timezone)
        self._policy_of = policy_of
        self._network = region.networks.get("foot") if region is not None else None
        self._search = PatientSearch(self._network) if self._network is not None else None
        self._straight = StraightLine()
        self._rosters: dict[Rules, Roster] = {}
        self._special: dict[int, _Person] = {}
        self._with_hours: set[int] = set()
        self._to_roll: list[tuple[str, int]] = []
        self._aed_places: dict[int, tuple[float, float]] = {}
        self._aeds_on_network: Positions | None = None
        self.outdated = False  # a commit was lost: read everything again before the next answer

    # --- the port -----------------------------------------------------------------------------

    def find(
        self, tx: Tx, query: Query, now_s: float, policy_id: str, flags: Collection[str]
    ) -> CandidatesFound | CandidatesFailed:
        """Answer a query: routed, or by straight lines where that is asked for or all there is."""
        roster = self.roster(tx, Rules.of(self._policy_of(policy_id)), now_s)
        eligible, reasons = roster.mask(
            now_s, night=query.night, exclude=query.exclude, untrained=False
        )
        lat, lon, age_s, accuracy_m, at_home = roster.positions(now_s)
        usable = roster.usable_aeds(now_s, exclude=query.exclude_aeds) & query.with_aeds
        rows, far_m = self._near(query, lat, lon, at_home, roster, now_s)
        many = max(FIRST_LOOK, 8 * query.limit)
        while True:
            some = rows[:many]
            ids = roster.responder_ids[some]
            people = Places(lat[some], lon[some])
            times, straight = self._times(query, people, usable, roster.aed_ids)
            may, why_not = eligible[some], reasons[some]
            self._obey_wishes(query, ids, times.direct_s, may, why_not, flags)
            found = candidates.select(
                query,
                responder_ids=ids,
                eligible=may,
                reasons=why_not,
                direct_s=times.direct_s,
                via_aed_s=times.via_aed_s,
                aed=times.aed,
                to_aed_s=times.to_aed_s,
                aed_ids=roster.aed_ids if len(roster.aed_ids) else None,
                distance_m=far_m[:many],
                position_age_s=age_s[some],
                accuracy_m=accuracy_m[some],
                roster_version=roster.version,
                region_id=self.region.region_id if self.region is not None else "",
                straight_line=straight,
            )
            if many >= len(rows) or _nobody_beyond(query, found, float(far_m[many])):
                return self._with_load(roster, found, now_s)
            many *= 4

    def utc_offset_s(self, now_s: float) -> float:
        """Local time minus UTC in the region, s."""
        offset = dt.datetime.fromtimestamp(now_s, self._zone).utcoffset()
        return offset.total_seconds() if offset is not None else 0.0

    def person_changed(self, tx: Tx, responder_id: int, now_s: float) -> None:
        """Read one person's rows again."""
        if not self._rosters:
            return
        for person in _read_people(tx, now_s, responder_id):
            self._tell(person, now_s)

    def aed_changed(self, tx: Tx, aed_id: int, now_s: float) -> None:
        """Read one AED's row again."""
        rows = tx.rows(sa.select(schema.aed).where(schema.aed.c.aed_id == aed_id))
        for roster in self._rosters.values():
            self._tell_aeds(roster, rows, now_s)
        self._aeds_on_network = None

    def aed_points(self, roster: Roster, now_s: float) -> Floats:
        """float64[n, 2]: latitude and longitude of the AEDs that can be had at ``now_s``."""
        usable = roster.aed_ids[roster.usable_aeds(now_s)].tolist()
        places = [self._aed_places[aed_id] for aed_id in usable]
        return np.array(places, np.float64).reshape(-1, 2)

    def positioned(self, responder_id: int, fact: facts.Positioned) -> None:
        """A phone reported where it is."""
        for roster in self._rosters.values():
            if _knows(roster, responder_id):
                roster.apply(fact)

    def asked(
        self, responder_id: int, incident_id: str, alert_id: int, at_s: float, *, night: bool
    ) -> None:
        """A person was claimed and is being asked."""
        for roster in self._rosters.values():
            if _knows(roster, responder_id):
                roster.claim_responder(responder_id, incident_id, alert_id)
                roster.apply(facts.Alerted(responder_id, at_s, night))

    def aed_claimed(self, aed_id: int, incident_id: str, alert_id: int, now_s: float) -> None:
        """An AED was claimed."""
        for roster in self._rosters.values():
            if aed_id in self._aed_places:
                roster.claim_aed(aed_id, incident_id, alert_id, now_s)

    def aed_released(self, incident_id: str, alert_id: int) -> None:
        """The AED of this alert was given back."""
        for roster in self._rosters.values():
            roster.release_aed(incident_id, alert_id)

    def released(self, incident_id: str, alert_id: int) -> None:
        """Whatever this alert held was given back."""
        for roster in self._rosters.values():
            roster.release(incident_id, alert_id)

    def reload(self, tx: Tx, now_s: float) -> None:
        """Read everything again."""
        wanted = list(self._rosters)
        self._rosters.clear()
        self._special.clear()
        for rules in wanted:
            self.roster(tx, rules, now_s)

    def begin_roll(self) -> None:
        """Time has gone on: weekly hours are to be compiled for the days to come."""
        people = [("responder", responder_id) for responder_id in sorted(self._with_hours)]
        self._to_roll = people + [("aed", aed_id) for aed_id in sorted(self._aed_places)]

    def roll_some(self, tx: Tx, now_s: float, most: int = 50) -> int:
        """Compile the hours of a few, so that nobody waits long; returns how many."""
        some, self._to_roll = self._to_roll[:most], self._to_roll[most:]
        for kind, number in some:
            if kind == "aed":
                self.aed_changed(tx, number, now_s)
            else:
                self.person_changed(tx, number, now_s)
        return len(some)

    @property
    def rolling(self) -> bool:
        """Whether hours are still to be compiled."""
        return bool(self._to_roll)

    # --- rosters ------------------------------------------------------------------------------

    def roster(self, tx: Tx, rules: Rules, now_s: float) -> Roster:
        """Return the roster under ``rules``, filled from the database the first time."""
        if self.outdated:
            self.outdated = False
            self._rosters.clear()
            self._special.clear()
        roster = self._rosters.get(rules)
        if roster is None:
            roster = Roster(rules)
            for person in _read_people(tx, now_s, None):
                self._apply_person(roster, person, now_s)
            self._tell_aeds(roster, tx.rows(sa.select(schema.aed)), now_s)
            self._load_claims(tx, roster, now_s)
            self._rosters[rules] = roster
        return roster

    def _tell(self, person: dict[str, Any], now_s: float) -> None:
        for roster in self._rosters.values():
            self._apply_person(roster, person, now_s)

    def _apply_person(self, roster: Roster, person: dict[str, Any], now_s: float) -> None:
        responder_id: int = person["responder_id"]
        is_new = not _knows(roster, responder_id)
        if is_new:
            roster.apply(facts.ResponderRegistered(responder_id))
        wanted = wishes.decode(person["wishes"])
        for fact in self._facts(person):
            roster.apply(fact)
        if not is_new or wanted != NO_WISHES or not person["on_duty"] or person["not_before_s"]:
            for fact in self._wished(person, wanted, now_s):
                roster.apply(fact)
        if is_new:
            for at_s, night in person["alerts"]:
                roster.apply(facts.Alerted(responder_id, at_s, night))
        self._note_special(person, wanted, now_s)

    def _facts(self, person: dict[str, Any]) -> Iterable[facts.Fact]:
        """What the registry and the phone say."""
        responder_id: int = person["responder_id"]
        yield facts.HomeSet(responder_id, person["home_lat"], person["home_lon"])
        if person["trained_until_s"] is None:
            yield facts.TrainingWithdrawn(responder_id)
        else:
            yield facts.TrainingVerified(responder_id, person["trained_until_s"])
        yield facts.SuspensionSet(responder_id, person["status"] != "active")
        yield facts.DeviceSet(responder_id, person["devices"] > 0)
        if person["position"] is not None:
            yield facts.Positioned(responder_id, *person["position"])

    def _wished(self, person: dict[str, Any], wanted: Wishes, now_s: float) -> Iterable[facts.Fact]:
        """What the person wishes; somebody new has no wishes."""
        responder_id: int = person["responder_id"]
        available = hours.intervals(wanted.available, self.timezone, now_s)
        yield facts.DutySet(responder_id, available if wanted.available else None)
        yield facts.QuietSet(responder_id, hours.intervals(wanted.quiet, self.timezone, now_s))
        off_until_s = person["not_before_s"] or 0.0
        yield facts.OffUntil(responder_id, off_until_s if person["on_duty"] else np.inf)
        yield facts.CapsSet(responder_id, wanted.alerts_per_30_days, wanted.wakes_per_30_days)

    def _note_special(self, person: dict[str, Any], wanted: Wishes, now_s: float) -> None:
        """Remember the few who need a look of their own in ``find``."""
        responder_id: int = person["responder_id"]
        if wanted.available or wanted.quiet or wanted.work_hours:
            self._with_hours.add(responder_id)
        else:
            self._with_hours.discard(responder_id)
        work = None
        if person["work_lat"] is not None and person["work_lon"] is not None:
            work = (person["work_lat"], person["work_lon"])
        if work is None and wanted.night_within_s is None and not wanted.not_for + wanted.not_at:
            self._special.pop(responder_id, None)
            return
        at_work = hours.intervals(wanted.work_hours, self.timezone, now_s)
        self._special[responder_id] = _Person(wanted, work, at_work)

    def _tell_aeds(self, roster: Roster, rows: Iterable[sa.RowMapping], now_s: float) -> None:
        for row in rows:
            aed_id = row["aed_id"]
            open_s = self._aed_hours(row, now_s)
            if aed_id in roster._aeds.rows:
                roster.apply(facts.AedHoursSet(aed_id, open_s))
            else:
                roster.apply(facts.AedRegistered(aed_id, open_s))
            self._aed_places[aed_id] = (row["lat"], row["lon"])
            if row["status"] == "in_service" and row["access"] not in NOT_PUBLIC:
                roster.apply(facts.AedInService(aed_id))
            else:
                roster.apply(facts.AedOutOfService(aed_id, np.inf))
        self._aeds_on_network = None

    def _aed_hours(self, row: sa.RowMapping, now_s: float) -> tuple[hours.Interval, ...]:
        text = row["opening_hours"]
        if hours_kind(text or None) is not HoursKind.KNOWN:
            return hours.intervals((DAYTIME,), self.timezone, now_s)
        start_s = (now_s // 86400.0 - 1.0) * 86400.0
        edges = open_edges(
            text,
            timezone=self.timezone,
            lat=row["lat"],
            lon=row["lon"],
            start_s=start_s,
            end_s=start_s + 86400.0 + hours.AHEAD_S,
        ).tolist()
        return tuple(zip(edges[::2], edges[1::2], strict=True))

    def _load_claims(self, tx: Tx, roster: Roster, now_s: float) -> None:
        for row in tx.rows(sa.select(schema.claim)):
            holder = (row["incident_id"], row["alert_id"])
            if row["kind"] == "responder" and _knows(roster, row["resource_id"]):
                roster.claim_responder(row["resource_id"], *holder)
            elif row["kind"] == "aed" and row["resource_id"] in self._aed_places:
                roster.claim_aed(row["resource_id"], *holder, now_s)

    # --- the search ---------------------------------------------------------------------------

    def _near(
        self,
        query: Query,
        lat: Floats,
        lon: Floats,
        at_home: NDArray[np.bool_],
        roster: Roster,
        now_s: float,
    ) -> tuple[NDArray[np.intp], Floats]:
        """Rows within reach as the crow flies and how far they are, m, the nearest first.

        Nobody outside could be found by any route. People without a fresh position are put to
        their workplace within their working hours.
        """
        reach_m = query.bound_s * WALKING_MPS + BOX_MARGIN_M
        if query.radius_m is not None:
            reach_m = min(reach_m, query.radius_m + BOX_MARGIN_M)
        for responder_id, person in self._special.items():
            if person.work is not None and hours.is_within(person.work_hours, now_s):
                row = roster.row_of(responder_id)
                if at_home[row]:
                    lat[row], lon[row] = person.work
        d_lat = reach_m / METRES_PER_DEGREE
        d_lon = d_lat / max(0.01, np.cos(np.radians(query.lat)))
        with np.errstate(invalid="ignore"):
            inside = (np.abs(lat - query.lat) <= d_lat) & (np.abs(lon - query.lon) <= d_lon)
        rows = np.flatnonzero(inside)
        far_m = haversine_m(lat[rows], lon[rows], query.lat, query.lon)
        order = np.argsort(far_m, kind="stable")
        return rows[order], far_m[order]

    def _with_load(self, roster: Roster, found: CandidatesFound, now_s: float) -> CandidatesFound:
        """Add how often each candidate was alerted of late."""
        rows = [roster.row_of(person.responder_id) for person in found.candidates]
        counts = roster.recent_alert_counts(rows, now_s)
        people = tuple(
            replace(person, recent_alerts=count) if count else person
            for person, count in zip(found.candidates, counts, strict=True)
        )
        return replace(found, candidates=people)

    def _times(
        self,
        query: Query,
        people: Places,
        usable: NDArray[np.bool_],
        aed_ids: NDArray[np.int64],
    ) -> tuple[PatientTimes, bool]:
        bounds = {"bound_s": query.bound_s, "pickup_s": query.aed_pickup_s}
        if self._search is not None and self._network is not None and not query.straight_line:
            try:
                patient = snap(self._network, query.lat, query.lon)
                if patient.n_attached:
                    on_network = snap(self._network, people.lat, people.lon)
                    aeds = self._aed_positions(aed_ids)
                    times = self._search.times(patient, on_network, aeds, usable, **bounds)
                    return times, False
            except GeoError:
                pass  # straight lines alert people now; control is told that they are estimates
        places = [self._aed_places[aed_id] for aed_id in aed_ids.tolist()]
        aeds_at = np.array(places, np.float64).reshape(-1, 2)
        patient_at = Places(np.array([query.lat]), np.array([query.lon]))
        aed_points = Places(aeds_at[:, 0], aeds_at[:, 1])
        return self._straight.times(patient_at, people, aed_points, usable, **bounds), True

    def _aed_positions(self, aed_ids: NDArray[np.int64]) -> Positions:
        if self._aeds_on_network is None or len(self._aeds_on_network) != len(aed_ids):
            assert self._network is not None
            places = [self._aed_places[aed_id] for aed_id in aed_ids.tolist()]
            at = np.array(places, np.float64).reshape(-1, 2)
            self._aeds_on_network = snap(self._network, at[:, 0], at[:, 1])
        return self._aeds_on_network

    def _obey_wishes(
        self,
        query: Query,
        ids: NDArray[np.int64],
        direct_s: Floats,
        eligible: NDArray[np.bool_],
        reasons: NDArray[np.uint8],
        flags: Collection[str],
    ) -> None:
        """Take out those whose own wishes rule this call out."""
        if not self._special:
            return
        at_night: list[tuple[float, int]] = []
        for i, responder_id in enumerate(ids.tolist()):
            person = self._special.get(responder_id)
            if person is None or not eligible[i]:
                continue
            wanted = person.wishes
            away = any(
                haversine_m(spot.lat, spot.lon, query.lat, query.lon) <= spot.radius_m
                for spot in wanted.not_at
            )
            if away or any(kind in flags for kind in wanted.not_for):
                eligible[i], reasons[i] = False, Reason.OFF_DUTY
            elif query.night and wanted.night_within_s is not None:
                eligible[i], reasons[i] = False, Reason.QUIET_HOURS
                if direct_s[i] <= wanted.night_within_s:
                    at_night.append((float(direct_s[i]), i))
        if at_night:
            soonest_s, i = min(at_night)
            others = direct_s[eligible]
            if not len(others) or soonest_s < others.min():
                eligible[i], reasons[i] = True, Reason.NONE


def _nobody_beyond(query: Query, found: CandidatesFound, beyond_m: float) -> bool:
    """Whether the list is right although people ``beyond_m`` and farther were not looked at.

    No route is shorter than the straight line, so whoever was not looked at cannot be sooner than
    the last one listed if that straight line alone takes longer.
    """
    if not found.cut:
        return False
    last = found.candidates[-1]
    if query.order is Order.DISTANCE:
        return last.distance_m is not None and last.distance_m <= beyond_m
    time_s = last.via_aed_s if query.order is Order.VIA_AED else last.direct_s
    return time_s is not None and time_s * WALKING_MPS <= beyond_m


def _knows(roster: Roster, responder_id: int) -> bool:
    return responder_id in roster._people.rows


# --- rows -------------------------------------------------------------------------------------


def _read_people(tx: Tx, now_s: float, responder_id: int | None) -> list[dict[str, Any]]:
    """One person (or all) with what eligibility rests on, gathered from the tables."""
    only = responder_id

    def mine(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
        return sa.true() if only is None else column == only

    people = tx.rows(sa.select(schema.responder).where(mine(schema.responder.c.responder_id)))
    credential, device, alert = schema.credential, schema.device, schema.alert
    trained = {
        row[0]: row[1]
        for row in tx.connection.execute(
            sa.select(credential.c.responder_id, sa.func.max(credential.c.valid_until_s))
            .where(
                mine(credential.c.responder_id)
                & credential.c.verified_at_s.is_not(None)
                & credential.c.revoked_at_s.is_(None)
                & (credential.c.valid_from_s <= now_s)
            )
            .group_by(credential.c.responder_id)
        )
    }
    devices = {
        row[0]: row[1]
        for row in tx.connection.execute(
            sa.select(device.c.responder_id, sa.func.count())
            .where(mine(device.c.responder_id) & device.c.dead_at_s.is_(None))
            .group_by(device.c.responder_id)
        )
    }
    positions = {
        row["responder_id"]: (row["lat"], row["lon"], row["at_s"], row["accuracy_m"])
        for row in tx.rows(sa.select(schema.position).where(mine(schema.position.c.responder_id)))
    }
    alerts: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    asked = sa.select(alert.c.responder_id, alert.c.asked_at_s, alert.c.night).where(
        mine(alert.c.responder_id)
        & (alert.c.asked_at_s > now_s - MONTH_S)
        & (alert.c.status != "refused")
    )
    for row in tx.rows(asked.order_by(alert.c.asked_at_s)):
        alerts[row["responder_id"]].append((row["asked_at_s"], bool(row["night"])))
    return [
        dict(person)
        | {
            "trained_until_s": trained.get(person["responder_id"]),
            "devices": devices.get(person["responder_id"], 0),
            "position": positions.get(person["responder_id"]),
            "alerts": alerts.get(person["responder_id"], []),
        }
        for person in people
    ]


__all__ = ["Order", "RosterFinder"]
