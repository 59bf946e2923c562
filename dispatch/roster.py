"""Everybody and everything that could be sent: people, AEDs, drones, and who has claimed them.

Plain arrays, one row per member in the order of registration. ``apply`` is deterministic: the
same facts in the same order give the same roster. The driver owns it; the core never sees it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch import facts
from dispatch.eligibility import Reason, Rules
from dispatch.errors import RosterError, UnknownEventError, UnknownMemberError
from dispatch.timetable import ALWAYS, NEVER, Timetable

DAY_S = 86400.0
MONTH_S = 30 * DAY_S
Claim = tuple[str, int]  # incident id, alert id
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Roster:
    """The people, AEDs and drones of one service, seen through the rules of one policy.

    Row ``i`` of every array belongs to ``responder_ids[i]`` (``aed_ids[i]``). ``version`` rises
    with every change.
    """

    def __init__(self, rules: Rules = Rules()) -> None:  # noqa: B008 - immutable
        self.rules = rules
        self.version = 0
        self._people = _People(rules)
        self._aeds = _Aeds()
        self._drone_ready: dict[int, bool] = {}
        self._drone_claims: dict[int, Claim] = {}
        self._held: dict[Claim, list[tuple[str, int]]] = {}

    @classmethod
    def of(
        cls,
        rules: Rules,
        *,
        responder_ids: NDArray[np.integer],
        trained_until_s: Floats | float = np.inf,
        home_lat: Floats | None = None,
        home_lon: Floats | None = None,
        aed_ids: NDArray[np.integer] | None = None,
        aed_hours: Timetable | None = None,
        holds_positions: bool = False,
    ) -> Roster:
        """Many members at once, each person with a device and without schedule or position.

        ``responder_ids`` int[n] and ``aed_ids`` int[m], each without repetition. ``aed_hours``:
        one row per AED, without it always open; the roster keeps the timetable. With
        ``holds_positions=False`` positions are the driver's own business, and so is their age.
        """
        roster = cls(rules)
        roster._people.holds_positions = holds_positions
        roster._people.fill(responder_ids, trained_until_s, home_lat, home_lon)
        if aed_ids is not None:
            roster._aeds.fill(aed_ids, aed_hours)
        roster.version = 1
        return roster

    # --- facts --------------------------------------------------------------------------------

    def apply(self, fact: facts.Fact) -> None:
        """Take note of a fact.

        Raises ``UnknownMemberError`` for one about nobody registered and ``RosterError`` for a
        second registration or intervals that overlap; nothing has changed then.
        """
        handler = _APPLY.get(type(fact))
        if handler is None:
            raise UnknownEventError(fact)
        handler(self, fact)
        self.version += 1

    # --- questions ----------------------------------------------------------------------------

    @property
    def responder_ids(self) -> NDArray[np.int64]:
        """int64[n]: the id of each row."""
        return self._people.ids[: self._people.n]

    @property
    def aed_ids(self) -> NDArray[np.int64]:
        """int64[m]: the id of each row."""
        return self._aeds.ids[: self._aeds.n]

    def __contains__(self, responder_id: int) -> bool:
        return responder_id in self._people.rows

    def row_of(self, responder_id: int) -> int:
        """The row of a person; raises ``UnknownMemberError``."""
        return self._people.row(responder_id)

    def mask(
        self,
        now_s: float,
        *,
        night: bool = False,
        exclude: Iterable[int] = (),
        untrained: bool | None = None,
    ) -> tuple[Bools, NDArray[np.uint8]]:
        """Who may be asked at ``now_s``, and why not the others.

        Returns eligible bool[n] and ``eligibility.Reason`` codes uint8[n], both new arrays.
        ``night``: the caps for the night hold as well. ``exclude``: ids asked already.
        ``untrained``: as ``Query.untrained``, by default the rules' own.
        """
        allow = self.rules.untrained if untrained is None else untrained
        return self._people.mask(now_s, night=night, exclude=exclude, untrained=allow)

    def usable_aeds(self, now_s: float, *, exclude: Iterable[int] = ()) -> Bools:
        """bool[m]: AEDs that can be reached, are in service and not claimed at ``now_s``."""
        return self._aeds.usable(now_s, exclude)

    def positions(self, now_s: float) -> tuple[Floats, Floats, Floats, Floats, Bools]:
        """Where people are taken to be: lat, lon, age_s, accuracy_m float64[n], at_home bool[n].

        Where the phone's position is older than the rules allow, it is the home address if that
        is known, with age and accuracy 0 and ``at_home`` set. Unknown is NaN.
        """
        return self._people.positions(now_s)

    def recent_alerts(self, responder_id: int, now_s: float) -> int:
        """How often the person was alerted in the last 30 days."""
        return self.recent_alert_counts((self._people.row(responder_id),), now_s)[0]

    def recent_alert_counts(self, rows: Iterable[int], now_s: float) -> list[int]:
        """``recent_alerts`` for rows instead of ids."""
        alerts = self._people.alerts
        return [
            sum(now_s - MONTH_S < at_s <= now_s for at_s in alerts.get(row, ())) for row in rows
        ]

    def ready_drones(self) -> tuple[int, ...]:
        """Drones that could take off and are not claimed, by id."""
        ready = (i for i, is_ready in self._drone_ready.items() if is_ready)
        return tuple(sorted(i for i in ready if i not in self._drone_claims))

    # --- claims -------------------------------------------------------------------------------

    def claim_responder(self, responder_id: int, incident_id: str, alert_id: int) -> str:
        """Take a person for one alert: "" or the reason why not. Claiming twice is no change."""
        row = self._people.row(responder_id)
        claim = (incident_id, alert_id)
        holder = self._people.claims.get(row)
        if holder is not None:
            return "" if holder == claim else "engaged"
        self._people.claims[row] = claim
        self._people.refresh(row)
        self._note(claim, "responder", row)
        return ""

    def claim_aed(self, aed_id: int, incident_id: str, alert_id: int, now_s: float) -> str:
        """Take an AED for one alert: "" or the reason why not."""
        row = self._aeds.row(aed_id)
        claim = (incident_id, alert_id)
        holder = self._aeds.claims.get(row)
        if holder is not None:
            return "" if holder == claim else "claimed"
        if self._aeds.out_until_s[row] > now_s:
            return "out_of_service"
        self._aeds.claims[row] = claim
        self._aeds.is_claimed[row] = True
        self._note(claim, "aed", row)
        return ""

    def claim_drone(self, drone_id: int, incident_id: str, alert_id: int) -> str:
        """Take a drone for one alert: "" or the reason why not."""
        if drone_id not in self._drone_ready:
            raise UnknownMemberError("drone", drone_id)
        claim = (incident_id, alert_id)
        holder = self._drone_claims.get(drone_id)
        if holder is not None:
            return "" if holder == claim else "claimed"
        if not self._drone_ready[drone_id]:
            return "not_ready"
        self._drone_claims[drone_id] = claim
        self._note(claim, "drone", drone_id)
        return ""

    def release(self, incident_id: str, alert_id: int) -> None:
        """Free everything that this alert holds; nothing held is no fault."""
        for kind, row in self._held.pop((incident_id, alert_id), ()):
            self._free(kind, row)

    def release_aed(self, incident_id: str, alert_id: int) -> None:
        """Free the AED alone: the person goes straight to the patient."""
        claim = (incident_id, alert_id)
        held = self._held.get(claim, [])
        for kind, row in [entry for entry in held if entry[0] == "aed"]:
            held.remove((kind, row))
            self._free(kind, row)
        if not held:
            self._held.pop(claim, None)

    def claims(self) -> dict[Claim, tuple[tuple[str, int], ...]]:
        """Who holds what: (incident, alert) -> (kind, id) pairs."""
        people, aeds = self._people.ids, self._aeds.ids
        of_row: dict[str, Callable[[int], int]] = {
            "responder": lambda row: int(people[row]),
            "aed": lambda row: int(aeds[row]),
            "drone": int,
        }
        return {
            claim: tuple((kind, of_row[kind](row)) for kind, row in held)
            for claim, held in self._held.items()
        }

    def _note(self, claim: Claim, kind: str, row: int) -> None:
        self._held.setdefault(claim, []).append((kind, row))
        self.version += 1

    def _free(self, kind: str, row: int) -> None:
        if kind == "responder":
            del self._people.claims[row]
            self._people.refresh(row)
        elif kind == "aed":
            del self._aeds.claims[row]
            self._aeds.is_claimed[row] = False
        else:
            del self._drone_claims[row]
        self.version += 1


class _Rows:
    """Ids, their rows, and arrays that grow together."""

    kind = ""
    columns: tuple[tuple[str, Any, type], ...] = ()  # name, value of a new row, dtype

    def __init__(self) -> None:
        self.n = 0
        self.ids = np.zeros(0, dtype=np.int64)
        self.rows: dict[int, int] = {}
        self.claims: dict[int, Claim] = {}
        for name, _, dtype in self.columns:
            setattr(self, name, np.zeros(0, dtype=dtype))

    def row(self, member_id: int) -> int:
        """The row of an id; raises ``UnknownMemberError``."""
        try:
            return self.rows[member_id]
        except KeyError:
            raise UnknownMemberError(self.kind, member_id) from None

    def add(self, member_id: int) -> int:
        """A new row; raises ``RosterError`` where the id is taken."""
        if member_id in self.rows:
            raise RosterError(f"{self.kind} {member_id} is in the roster already")
        row, self.n = self.n, self.n + 1
        self._grow()
        self.ids[row] = member_id
        self.rows[member_id] = row
        return row

    def add_many(self, ids: NDArray[np.integer]) -> None:
        """New rows in the order of ``ids``, which must be new and each different."""
        listed = ids.tolist()
        if self.rows or len(set(listed)) != len(listed):
            raise RosterError(f"{self.kind} ids must be different, and the roster empty")
        self.n = len(listed)
        self._grow()
        self.ids[: self.n] = ids
        self.rows = {member_id: row for row, member_id in enumerate(listed)}

    def _grow(self) -> None:
        have = len(self.ids)
        if have >= self.n:
            return
        size = max(16, self.n, 2 * have)
        for name, value, dtype in (("ids", -1, np.int64), *self.columns):
            grown: NDArray[Any] = np.full(size, value, dtype=dtype)
            grown[:have] = getattr(self, name)
            setattr(self, name, grown)


class _People(_Rows):
    kind = "responder"
    columns = (
        ("trained_until_s", -np.inf, np.float64),
        ("verified", False, np.bool_),
        ("suspended", False, np.bool_),
        ("has_device", False, np.bool_),
        ("off_until_s", -np.inf, np.float64),
        ("blocked_until_s", -np.inf, np.float64),  # by the caps of day and 30 days
        ("night_blocked_until_s", -np.inf, np.float64),
        ("lat", np.nan, np.float64),
        ("lon", np.nan, np.float64),
        ("positioned_at_s", -np.inf, np.float64),
        ("accuracy_m", np.inf, np.float64),
        ("home_lat", np.nan, np.float64),
        ("home_lon", np.nan, np.float64),
        ("fixed", Reason.NOT_VERIFIED, np.uint8),  # the heaviest reason that needs no clock
        ("fixed_untrained", Reason.NO_DEVICE, np.uint8),  # the same where training is not asked
        ("no_home", True, np.bool_),
    )
    trained_until_s: Floats
    verified: Bools
    suspended: Bools
    has_device: Bools
    off_until_s: Floats
    blocked_until_s: Floats
    night_blocked_until_s: Floats
    lat: Floats
    lon: Floats
    positioned_at_s: Floats
    accuracy_m: Floats
    home_lat: Floats
    home_lon: Floats
    fixed: NDArray[np.uint8]
    fixed_untrained: NDArray[np.uint8]
    no_home: Bools

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self.rules = rules
        self.duty = Timetable()
        self.quiet = Timetable()
        self.has_duty = self.has_quiet = False  # whether anybody has such hours
        self.holds_positions = True
        self.caps: dict[int, tuple[int | None, int | None]] = {}
        self.alerts: dict[int, list[float]] = {}  # moments of the last 30 days, rising
        self.night_alerts: dict[int, list[float]] = {}

    def register(self, responder_id: int, lat: float | None, lon: float | None) -> None:
        row = self.add(responder_id)
        self.duty.set(row, ALWAYS)
        self.quiet.set(row, NEVER)
        self.set_home(row, lat, lon)
        self.count(row)

    def set_home(self, row: int, lat: float | None, lon: float | None) -> None:
        known = lat is not None and lon is not None
        self.home_lat[row] = lat if known else np.nan
        self.home_lon[row] = lon if known else np.nan
        self.no_home[row] = not known

    def fill(
        self,
        ids: NDArray[np.integer],
        trained_until_s: Floats | float,
        home_lat: Floats | None,
        home_lon: Floats | None,
    ) -> None:
        self.add_many(ids)
        n = self.n
        self.duty = Timetable.of([ALWAYS] * n)
        self.quiet = Timetable.of([NEVER] * n)
        self.trained_until_s[:n] = trained_until_s
        self.verified[:n] = True
        self.has_device[:n] = True
        if home_lat is not None and home_lon is not None:
            self.home_lat[:n], self.home_lon[:n] = home_lat, home_lon
            self.no_home[:n] = False
        self.fixed[:n] = self.fixed_untrained[:n] = Reason.NONE
        for row in range(n if self.rules.night_alerts_per_30_days == 0 else 0):
            self.count(row)

    def refresh(self, row: int) -> None:
        """Work out the reasons of a row that need no clock."""
        reason = Reason.NONE
        if row in self.claims:
            reason = Reason.ENGAGED
        if not self.has_device[row]:
            reason = Reason.NO_DEVICE
        if self.suspended[row]:
            reason = Reason.SUSPENDED
        self.fixed_untrained[row] = reason
        self.fixed[row] = reason if self.verified[row] else max(reason, Reason.NOT_VERIFIED)

    def count(self, row: int) -> None:
        """Work out until when the caps keep a row from being asked."""
        own, own_night = self.caps.get(row, (None, None))
        rules, times = self.rules, self.alerts.get(row, ())
        nights = self.night_alerts.get(row, ())
        month = _lower(rules.alerts_per_30_days, own)
        self.blocked_until_s[row] = max(
            _free_again_s(times, rules.alerts_per_day, DAY_S),
            _free_again_s(times, month, MONTH_S),
        )
        night_cap = _lower(rules.night_alerts_per_30_days, own_night)
        self.night_blocked_until_s[row] = _free_again_s(nights, night_cap, MONTH_S)

    def alerted(self, row: int, at_s: float, night: bool) -> None:
        _remember(self.alerts.setdefault(row, []), at_s)
        if night:
            _remember(self.night_alerts.setdefault(row, []), at_s)
        self.count(row)

    def mask(
        self, now_s: float, *, night: bool, exclude: Iterable[int], untrained: bool
    ) -> tuple[Bools, NDArray[np.uint8]]:
        n, rules = self.n, self.rules
        codes = (self.fixed_untrained if untrained else self.fixed)[:n].copy()
        if self.holds_positions:
            old = self.positioned_at_s[:n] < now_s - rules.position_max_age_s
            _raise(codes, Reason.POSITION_OLD, old & self.no_home[:n])
            coarse = self.accuracy_m[:n] > rules.position_max_error_m
            _raise(codes, Reason.POSITION_COARSE, coarse & ~old)
        _raise(codes, Reason.ALERT_CAP, self.blocked_until_s[:n] > now_s)
        _raise(codes, Reason.OFF_DUTY, self.off_until_s[:n] > now_s)
        if night:
            _raise(codes, Reason.NIGHT_CAP, self.night_blocked_until_s[:n] > now_s)
        if self.has_quiet:
            _raise(codes, Reason.QUIET_HOURS, self.quiet.open_at(now_s))
        if self.has_duty:
            _raise(codes, Reason.OFF_DUTY, ~self.duty.open_at(now_s))
        if not untrained:
            _raise(codes, Reason.TRAINING_LAPSED, self.trained_until_s[:n] <= now_s)
        for responder_id in exclude:
            row = self.rows.get(responder_id)
            if row is not None:
                codes[row] = Reason.ASKED_ALREADY
        return codes == 0, codes

    def positions(self, now_s: float) -> tuple[Floats, Floats, Floats, Floats, Bools]:
        n = self.n
        old = self.positioned_at_s[:n] < now_s - self.rules.position_max_age_s
        at_home = old & ~self.no_home[:n]
        unknown = old & ~at_home
        lat = np.where(at_home, self.home_lat[:n], self.lat[:n])
        lon = np.where(at_home, self.home_lon[:n], self.lon[:n])
        age_s = np.where(at_home, 0.0, now_s - self.positioned_at_s[:n])
        accuracy_m = np.where(at_home, 0.0, self.accuracy_m[:n])
        lat[unknown] = lon[unknown] = np.nan
        return lat, lon, age_s, accuracy_m, at_home


class _Aeds(_Rows):
    kind = "AED"
    columns = (("out_until_s", -np.inf, np.float64), ("is_claimed", False, np.bool_))
    out_until_s: Floats
    is_claimed: Bools

    def __init__(self) -> None:
        super().__init__()
        self.hours = Timetable()

    def fill(self, ids: NDArray[np.integer], hours: Timetable | None) -> None:
        self.add_many(ids)
        self.hours = Timetable.of([ALWAYS] * self.n) if hours is None else hours
        if len(self.hours) != self.n:
            raise RosterError(f"{self.n} AEDs and opening hours of {len(self.hours)}")

    def usable(self, now_s: float, exclude: Iterable[int]) -> Bools:
        n = self.n
        usable = self.hours.open_at(now_s)
        usable &= self.out_until_s[:n] <= now_s
        usable &= ~self.is_claimed[:n]
        for aed_id in exclude:
            row = self.rows.get(aed_id)
            if row is not None:
                usable[row] = False
        return usable


def _raise(codes: NDArray[np.uint8], reason: Reason, holds: Bools) -> None:
    """Give ``reason`` to the rows where it holds and no heavier one does."""
    np.maximum(codes, holds.view(np.uint8) * _U8[reason], out=codes)


_U8 = tuple(np.uint8(reason) for reason in Reason)


def _remember(moments: list[float], at_s: float) -> None:
    """Add a moment to a rising list of the last 30 days."""
    insort(moments, at_s)
    while moments[0] <= moments[-1] - MONTH_S:
        del moments[0]


def _lower(cap: int, own: int | None) -> int:
    return cap if own is None else min(cap, own)


def _free_again_s(times: Sequence[float], cap: int, window_s: float) -> float:
    """When the person may be alerted again under a cap of so many within ``window_s``."""
    if cap <= 0:
        return float("inf")
    return times[-cap] + window_s if len(times) >= cap else float("-inf")


# --- what each fact does ----------------------------------------------------------------------


def _register(roster: Roster, fact: facts.ResponderRegistered) -> None:
    roster._people.register(fact.responder_id, fact.home_lat, fact.home_lon)


def _set_home(roster: Roster, fact: facts.HomeSet) -> None:
    row = roster._people.row(fact.responder_id)
    roster._people.set_home(row, fact.home_lat, fact.home_lon)


def _verify(roster: Roster, fact: facts.TrainingVerified) -> None:
    people = roster._people
    row = people.row(fact.responder_id)
    people.verified[row], people.trained_until_s[row] = True, fact.until_s
    people.refresh(row)


def _withdraw_training(roster: Roster, fact: facts.TrainingWithdrawn) -> None:
    people = roster._people
    row = people.row(fact.responder_id)
    people.verified[row], people.trained_until_s[row] = False, -np.inf
    people.refresh(row)


def _suspend(roster: Roster, fact: facts.SuspensionSet) -> None:
    row = roster._people.row(fact.responder_id)
    roster._people.suspended[row] = fact.suspended
    roster._people.refresh(row)


def _set_device(roster: Roster, fact: facts.DeviceSet) -> None:
    row = roster._people.row(fact.responder_id)
    roster._people.has_device[row] = fact.has_device
    roster._people.refresh(row)


def _set_duty(roster: Roster, fact: facts.DutySet) -> None:
    people = roster._people
    row = people.row(fact.responder_id)
    people.duty.set(row, ALWAYS if fact.intervals is None else fact.intervals)
    people.has_duty = people.has_duty or fact.intervals is not None


def _set_quiet(roster: Roster, fact: facts.QuietSet) -> None:
    people = roster._people
    people.quiet.set(people.row(fact.responder_id), fact.intervals)
    people.has_quiet = people.has_quiet or bool(fact.intervals)


def _off_until(roster: Roster, fact: facts.OffUntil) -> None:
    roster._people.off_until_s[roster._people.row(fact.responder_id)] = fact.until_s


def _set_caps(roster: Roster, fact: facts.CapsSet) -> None:
    people = roster._people
    row = people.row(fact.responder_id)
    people.caps[row] = (fact.alerts_per_30_days, fact.night_alerts_per_30_days)
    people.count(row)


def _position(roster: Roster, fact: facts.Positioned) -> None:
    people = roster._people
    row = people.row(fact.responder_id)
    if fact.at_s < people.positioned_at_s[row]:
        return  # a late one: the newer position stays
    people.lat[row], people.lon[row] = fact.lat, fact.lon
    people.positioned_at_s[row], people.accuracy_m[row] = fact.at_s, fact.accuracy_m


def _note_alert(roster: Roster, fact: facts.Alerted) -> None:
    roster._people.alerted(roster._people.row(fact.responder_id), fact.at_s, fact.night)


def _register_aed(roster: Roster, fact: facts.AedRegistered) -> None:
    row = roster._aeds.add(fact.aed_id)
    roster._aeds.hours.set(row, ALWAYS if fact.intervals is None else fact.intervals)


def _set_aed_hours(roster: Roster, fact: facts.AedHoursSet) -> None:
    row = roster._aeds.row(fact.aed_id)
    roster._aeds.hours.set(row, ALWAYS if fact.intervals is None else fact.intervals)


def _aed_out(roster: Roster, fact: facts.AedOutOfService) -> None:
    roster._aeds.out_until_s[roster._aeds.row(fact.aed_id)] = fact.until_s


def _aed_in(roster: Roster, fact: facts.AedInService) -> None:
    roster._aeds.out_until_s[roster._aeds.row(fact.aed_id)] = -np.inf


def _register_drone(roster: Roster, fact: facts.DroneRegistered) -> None:
    if fact.drone_id in roster._drone_ready:
        raise RosterError(f"drone {fact.drone_id} is in the roster already")
    roster._drone_ready[fact.drone_id] = False


def _set_drone_ready(roster: Roster, fact: facts.DroneReadySet) -> None:
    if fact.drone_id not in roster._drone_ready:
        raise UnknownMemberError("drone", fact.drone_id)
    roster._drone_ready[fact.drone_id] = fact.ready


_APPLY: dict[type, Callable[[Roster, Any], None]] = {
    facts.ResponderRegistered: _register,
    facts.HomeSet: _set_home,
    facts.TrainingVerified: _verify,
    facts.TrainingWithdrawn: _withdraw_training,
    facts.SuspensionSet: _suspend,
    facts.DeviceSet: _set_device,
    facts.DutySet: _set_duty,
    facts.QuietSet: _set_quiet,
    facts.OffUntil: _off_until,
    facts.CapsSet: _set_caps,
    facts.Positioned: _position,
    facts.Alerted: _note_alert,
    facts.AedRegistered: _register_aed,
    facts.AedHoursSet: _set_aed_hours,
    facts.AedOutOfService: _aed_out,
    facts.AedInService: _aed_in,
    facts.DroneRegistered: _register_drone,
    facts.DroneReadySet: _set_drone_ready,
}
