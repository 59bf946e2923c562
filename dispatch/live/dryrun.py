"""Last month's calls through the trigger table and the policy, before anybody is alerted.

Counts only: alerts by code and hour, and how often each volunteer would have been woken at night.
Nobody answers in a dry run, so these are the most that the policy asks for.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct

from dispatch import candidates
from dispatch.config import Policy
from dispatch.eligibility import Rules
from dispatch.events import AmbulanceArrived, CandidatesFound, IncidentReported
from dispatch.explain import Step
from dispatch.facts import Alerted
from dispatch.lifecycle import Core
from dispatch.live import places
from dispatch.live.clock import wall_clock
from dispatch.live.errors import Invalid, SettingsError
from dispatch.live.places import from_british_grid
from dispatch.live.shadow import rehearse
from dispatch.live.triggers import FLAGS, Action, TriggerTable
from dispatch.model import Query
from dispatch.roster import Roster
from geo.points import haversine_m
from geo.region import Region
from geo.routing import PatientSearch
from geo.snap import snap
from geo.straight import Places, StraightLine

MAX_FAULTS = 50
AMBULANCE_S = 480.0  # where a call does not say when the ambulance came (assumption)
MONTH_S = 30 * 86400.0
FAR_M = 50_000.0  # a call so far from every volunteer is in the wrong place (assumption)
FIRST_S = dt.datetime(2000, 1, 1, tzinfo=dt.UTC).timestamp()
AHEAD_S = 86400.0
_PLACE_COLUMNS = frozenset({"lat", "lon", "easting", "northing"})
CALL_COLUMNS = _PLACE_COLUMNS | {"time", "code", "flags", "ambulance_s"}
HOME_COLUMNS = _PLACE_COLUMNS | {"responder_id"}


class Call(Struct, frozen=True):
    """One row: when, which code, where. ``at_s`` UTC epoch seconds."""

    at_s: float
    code: str
    flags: tuple[str, ...]
    lat: float
    lon: float
    ambulance_s: float


class Volunteer(Struct, frozen=True):
    """Where somebody lives."""

    responder_id: int
    lat: float
    lon: float


class DryRun(Struct, frozen=True):
    """What last month would have meant.

    ``by_code``: code -> [calls, calls alerted, people asked]. ``by_hour``: people asked by local
    hour. ``night_wakes``: volunteers by how often they would have been woken in 30 days, projected
    from ``days``. ``far_away``: calls that are far from every volunteer.
    """

    calls: int
    alerted: int
    asked: int
    days: float
    by_reason: dict[str, int]
    by_code: dict[str, list[int]]
    by_hour: list[int]
    volunteers: int
    ever_asked: int
    night_asked: int
    night_wakes: dict[int, int]
    most_night_wakes: int
    nobody_near: int
    straight_lines: bool
    far_away: int


def unknown_columns(path: Path, known: frozenset[str]) -> list[str]:
    """Return the columns of a list that are not looked at."""
    names = csv.DictReader(io.StringIO(_text(path))).fieldnames or []
    return [name for name in names if name not in known]


def read_calls(path: Path, timezone: str, region: Region | None = None) -> list[Call]:
    """Read calls from CSV: ``time, code``, ``lat, lon`` or ``easting, northing``, and optionally
    ``flags`` (joined with ``;``) and ``ambulance_s``. Times without an offset are local. With a
    ``region`` a place elsewhere is a fault.

    Raises:
        SettingsError: with every fault, by line.
    """
    rows = _rows(path, ("time", "code"))
    zone = ZoneInfo(timezone)
    calls: list[Call] = []
    faults: list[str] = []
    for line, row in rows:
        try:
            call = _call(row, zone)
            places.check(region, "lat, lon", call.lat, call.lon)
            calls.append(call)
        except (Invalid, ValueError) as error:
            expected = str(error).removeprefix("invalid: ")
            faults.append(f"{path}: line {line}: {expected}")
    _refuse(faults)
    return sorted(calls, key=lambda call: call.at_s)


def read_volunteers(path: Path, region: Region | None = None) -> list[Volunteer]:
    """Read volunteers from CSV: ``lat, lon`` or ``easting, northing``; ``responder_id`` if any.

    Raises:
        SettingsError: with every fault, by line.
    """
    found: list[Volunteer] = []
    faults: list[str] = []
    for number, (line, row) in enumerate(_rows(path, ()), start=1):
        try:
            lat, lon = _place(row)
            places.check(region, "lat, lon", lat, lon)
            found.append(Volunteer(int(row.get("responder_id") or number), lat, lon))
        except (Invalid, ValueError) as error:
            expected = str(error).removeprefix("invalid: ")
            faults.append(f"{path}: line {line}: {expected}")
    if len({person.responder_id for person in found}) != len(found):
        faults.append(f"{path}: responder_id: expected a different id in each line")
    _refuse(faults)
    return found


def run(
    calls: Sequence[Call],
    volunteers: Sequence[Volunteer],
    triggers: TriggerTable,
    policy: Policy,
    *,
    region: Region | None,
    timezone: str,
) -> DryRun:
    """Send the calls through table and policy."""
    rehearsal = _Rehearsal(volunteers, policy, region, ZoneInfo(timezone))
    by_reason: Counter[str] = Counter()
    by_code: dict[str, list[int]] = {}
    by_hour = [0] * 24
    alerted = nobody = 0
    for call in calls:
        decision = triggers.decide(call.code, call.flags)
        by_reason[f"{decision.action.value}: {decision.reason}"] += 1
        counts = by_code.setdefault(call.code, [0, 0, 0])
        counts[0] += 1
        if decision.action is not Action.ALERT:
            continue
        asked = rehearsal.ask(call)
        alerted += 1
        nobody += not asked
        counts[1] += 1
        counts[2] += asked
        by_hour[rehearsal.local_hour(call.at_s)] += asked
    days = (calls[-1].at_s - calls[0].at_s) / 86400.0 if len(calls) > 1 else 0.0
    wakes = rehearsal.night_wakes(max(days, 1.0))
    return DryRun(
        calls=len(calls),
        alerted=alerted,
        asked=sum(by_hour),
        days=round(days, 2),
        by_reason=dict(by_reason.most_common()),
        by_code=dict(sorted(by_code.items())),
        by_hour=by_hour,
        volunteers=len(volunteers),
        ever_asked=len(rehearsal.asked),
        night_asked=sum(rehearsal.at_night.values()),
        night_wakes=dict(sorted(Counter(wakes).items())),
        most_night_wakes=max(wakes, default=0),
        nobody_near=nobody,
        straight_lines=rehearsal.straight_lines,
        far_away=sum(rehearsal.is_far_from_all(call) for call in calls),
    )


class _Rehearsal:
    """The policy over one call after the other; people stay at home and nobody answers."""

    def __init__(
        self,
        volunteers: Sequence[Volunteer],
        policy: Policy,
        region: Region | None,
        zone: ZoneInfo,
    ) -> None:
        self._core = Core(policy)
        self._zone = zone
        self._lat = np.array([person.lat for person in volunteers])
        self._lon = np.array([person.lon for person in volunteers])
        ids = np.array([person.responder_id for person in volunteers], np.int64)
        self._roster = Roster.of(
            Rules.of(policy), responder_ids=ids, home_lat=self._lat, home_lon=self._lon
        )
        network = region.networks.get("foot") if region is not None else None
        self._network = network
        self._search = PatientSearch(network) if network is not None else None
        self._people = snap(network, self._lat, self._lon) if network is not None else None
        self._aeds = snap(network, [], []) if network is not None else None
        self.straight_lines = network is None
        self.asked: Counter[int] = Counter()
        self.at_night: Counter[int] = Counter()

    def ask(self, call: Call) -> int:
        """Return how many people the policy asks for a call."""
        offset = dt.datetime.fromtimestamp(call.at_s, self._zone).utcoffset()
        report = IncidentReported(
            incident_id="dry-run",
            lat=call.lat,
            lon=call.lon,
            ambulance_due_at_s=call.at_s + call.ambulance_s,
            utc_offset_s=offset.total_seconds() if offset else 0.0,
        )
        steps = [
            Step(call.at_s, report, ()),
            Step(call.at_s + call.ambulance_s, AmbulanceArrived(), ()),
        ]
        night = self._core.policy.is_night(call.at_s + report.utc_offset_s)
        near = self._near(call, night)
        outcome = rehearse(self._core, steps, near.candidates, {})
        for responder_id in outcome.asked:
            self.asked[responder_id] += 1
            self.at_night[responder_id] += night
            self._roster.apply(Alerted(responder_id, call.at_s, night))
        return len(outcome.asked)

    def is_far_from_all(self, call: Call) -> bool:
        """Whether nobody lives within any reasonable distance of a call."""
        return bool(np.all(haversine_m(self._lat, self._lon, call.lat, call.lon) > FAR_M))

    def local_hour(self, at_s: float) -> int:
        """Return the local hour of a moment."""
        return dt.datetime.fromtimestamp(at_s, self._zone).hour

    def night_wakes(self, days: float) -> list[int]:
        """Return for each volunteer the wakes at night per 30 days, rounded."""
        ids = self._roster.responder_ids.tolist()
        return [round(self.at_night.get(responder_id, 0) * 30.0 / days) for responder_id in ids]

    def _near(self, call: Call, night: bool) -> CandidatesFound:
        policy = self._core.policy
        query = Query(
            query_id=1,
            lat=call.lat,
            lon=call.lon,
            bound_s=policy.search_bound_s,
            limit=64,
            radius_m=policy.radius_m,
            with_aeds=False,
            night=night,
            order=policy.order,
        )
        eligible, reasons = self._roster.mask(call.at_s, night=night)
        return candidates.select(
            query,
            responder_ids=self._roster.responder_ids,
            eligible=eligible,
            reasons=reasons,
            direct_s=self._direct_s(query),
            distance_m=haversine_m(self._lat, self._lon, call.lat, call.lon),
        )

    def _direct_s(self, query: Query) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        bounds = {"bound_s": query.bound_s, "pickup_s": 0.0}
        none = np.zeros(0, np.bool_)
        if self._search is not None and self._network is not None:
            assert self._people is not None
            assert self._aeds is not None
            patient = snap(self._network, query.lat, query.lon)
            if patient.n_attached:
                found = self._search.times(patient, self._people, self._aeds, none, **bounds)
                return found.direct_s
        at = Places(np.array([query.lat]), np.array([query.lon]))
        people = Places(self._lat, self._lon)
        nowhere = Places(np.zeros(0), np.zeros(0))
        return StraightLine().times(at, people, nowhere, none, **bounds).direct_s


# --- reading ----------------------------------------------------------------------------------


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: expected a readable CSV in UTF-8 ({error})") from error


def _rows(path: Path, needed: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    text = _text(path)
    reader = csv.DictReader(io.StringIO(text))
    names = reader.fieldnames or []
    places = {"lat", "lon"} <= set(names) or {"easting", "northing"} <= set(names)
    missing = [name for name in needed if name not in names]
    if missing or not places:
        wanted = [*needed, "lat, lon or easting, northing"]
        raise SettingsError(f"{path}: line 1: expected the columns {', '.join(wanted)}")
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        for row in reader:
            if None in row:
                line = f"{path}: line {reader.line_num}"
                raise SettingsError(f"{line}: expected {len(names)} cells, found more")
            rows.append((reader.line_num, {k: v or "" for k, v in row.items()}))
        return rows
    except (csv.Error, TypeError) as error:
        raise SettingsError(f"{path}: line {reader.line_num}: expected CSV ({error})") from error


def _call(row: dict[str, str], zone: ZoneInfo) -> Call:
    try:
        moment = dt.datetime.fromisoformat(row["time"].strip())
    except ValueError:
        raise Invalid("time", f"expected e.g. 2026-01-31T23:59:00, found {row['time']!r}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    if not FIRST_S <= moment.timestamp() <= wall_clock() + AHEAD_S:
        raise Invalid("time", "expected a time since 2000 that has passed")
    flags = tuple(flag.strip() for flag in (row.get("flags") or "").split(";") if flag.strip())
    for flag in flags:
        if flag not in FLAGS:
            raise Invalid("flags", f"expected some of {', '.join(FLAGS)}, found {flag!r}")
    lat, lon = _place(row)
    ambulance_s = _number(row, "ambulance_s") if row.get("ambulance_s") else AMBULANCE_S
    if not 0.0 < ambulance_s < 86400.0:
        raise Invalid("ambulance_s", "expected seconds above 0")
    return Call(moment.timestamp(), row["code"].strip(), flags, lat, lon, ambulance_s)


def _place(row: dict[str, str]) -> tuple[float, float]:
    if row.get("easting"):
        return from_british_grid(_number(row, "easting"), _number(row, "northing"))
    lat, lon = _number(row, "lat"), _number(row, "lon")
    if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
        raise Invalid("lat, lon", "expected degrees")
    return lat, lon


def _number(row: dict[str, str], name: str) -> float:
    text = row.get(name) or ""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise Invalid(name, f"expected a number, found {text!r}")
    return value


def _refuse(faults: list[str]) -> None:
    if faults:
        more = len(faults) - MAX_FAULTS
        shown = faults[:MAX_FAULTS] + ([f"... and {more} more"] if more > 0 else [])
        raise SettingsError("\n".join(shown))
