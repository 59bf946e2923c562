"""Rows of the roster: arrays that grow together, and what each row's reasons are.

Row ``i`` of every array belongs to ``ids[i]``. ``dispatch.roster`` owns these tables and is their
only reader.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch.eligibility import Reason, Rules
from dispatch.errors import RosterError, UnknownMemberError
from dispatch.timetable import ALWAYS, NEVER, Timetable

DAY_S = 86400.0
MONTH_S = 30 * DAY_S
Claim = tuple[str, int]  # incident id, alert id
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Rows:
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


class PeopleRows(Rows):
    """People: what is known of each, and the reasons not to ask them."""

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
        # Beyond these nobody is concerned, so that a mask can pass over a whole column.
        self.last_off_s = self.last_block_s = self.last_night_block_s = -np.inf
        self.first_lapse_s = np.inf
        self.worst_accuracy_m = 0.0
        self.caps: dict[int, tuple[int | None, int | None]] = {}
        self.alerts: dict[int, list[float]] = {}  # moments of the last 30 days, rising
        self.night_alerts: dict[int, list[float]] = {}

    def register(self, responder_id: int, lat: float | None, lon: float | None) -> None:
        """A new person, with a home address if one is known."""
        row = self.add(responder_id)
        self.duty.set(row, ALWAYS)
        self.quiet.set(row, NEVER)
        self.set_home(row, lat, lon)
        self.count(row)

    def set_home(self, row: int, lat: float | None, lon: float | None) -> None:
        """The home address, or None where there is none any more."""
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
        """Many people at once, trained and with a device; see ``Roster.of``."""
        self.add_many(ids)
        n = self.n
        self.duty = Timetable.of([ALWAYS] * n)
        self.quiet = Timetable.of([NEVER] * n)
        self.trained_until_s[:n] = trained_until_s
        self.first_lapse_s = float(np.min(trained_until_s)) if n else np.inf
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
        free_s = max(
            _free_again_s(times, rules.alerts_per_day, DAY_S),
            _free_again_s(times, month, MONTH_S),
        )
        night_cap = _lower(rules.night_alerts_per_30_days, own_night)
        free_at_night_s = _free_again_s(nights, night_cap, MONTH_S)
        self.blocked_until_s[row], self.night_blocked_until_s[row] = free_s, free_at_night_s
        self.last_block_s = max(self.last_block_s, free_s)
        self.last_night_block_s = max(self.last_night_block_s, free_at_night_s)

    def train(self, row: int, until_s: float) -> None:
        """Training was verified; it holds until then."""
        self.verified[row], self.trained_until_s[row] = True, until_s
        self.first_lapse_s = min(self.first_lapse_s, until_s)
        self.refresh(row)

    def set_off(self, row: int, until_s: float) -> None:
        """Not to be asked before ``until_s``."""
        self.off_until_s[row] = until_s
        self.last_off_s = max(self.last_off_s, until_s)

    def locate(self, row: int, lat: float, lon: float, at_s: float, accuracy_m: float) -> None:
        """A position of the phone; a late one leaves the newer in its place."""
        if at_s < self.positioned_at_s[row]:
            return
        self.lat[row], self.lon[row] = lat, lon
        self.positioned_at_s[row], self.accuracy_m[row] = at_s, accuracy_m
        self.worst_accuracy_m = max(self.worst_accuracy_m, accuracy_m)

    def alerted(self, row: int, at_s: float, night: bool) -> None:
        """One alert more counts toward the caps."""
        _remember(self.alerts.setdefault(row, []), at_s)
        if night:
            _remember(self.night_alerts.setdefault(row, []), at_s)
        self.count(row)

    def mask(
        self, now_s: float, *, night: bool, exclude: Iterable[int], untrained: bool
    ) -> tuple[Bools, NDArray[np.uint8]]:
        """See ``Roster.mask``."""
        n, rules = self.n, self.rules
        codes = (self.fixed_untrained if untrained else self.fixed)[:n].copy()
        if self.holds_positions:
            old = self.positioned_at_s[:n] < now_s - rules.position_max_age_s
            _raise(codes, Reason.POSITION_OLD, old & self.no_home[:n])
            if self.worst_accuracy_m > rules.position_max_error_m:
                coarse = self.accuracy_m[:n] > rules.position_max_error_m
                _raise(codes, Reason.POSITION_COARSE, coarse & ~old)
        if self.last_block_s > now_s:
            _raise(codes, Reason.ALERT_CAP, self.blocked_until_s[:n] > now_s)
        if self.last_off_s > now_s:
            _raise(codes, Reason.OFF_DUTY, self.off_until_s[:n] > now_s)
        if night and self.last_night_block_s > now_s:
            _raise(codes, Reason.NIGHT_CAP, self.night_blocked_until_s[:n] > now_s)
        if self.has_quiet:
            _raise(codes, Reason.QUIET_HOURS, self.quiet.open_at(now_s))
        if self.has_duty:
            _raise(codes, Reason.OFF_DUTY, ~self.duty.open_at(now_s))
        if not untrained and self.first_lapse_s <= now_s:
            _raise(codes, Reason.TRAINING_LAPSED, self.trained_until_s[:n] <= now_s)
        for responder_id in exclude:
            row = self.rows.get(responder_id)
            if row is not None:
                codes[row] = Reason.ASKED_ALREADY
        return codes == 0, codes

    def positions(self, now_s: float) -> tuple[Floats, Floats, Floats, Floats, Bools]:
        """See ``Roster.positions``."""
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


class AedRows(Rows):
    """AEDs: when each can be had, and whether it is claimed."""

    kind = "AED"
    columns = (("out_until_s", -np.inf, np.float64), ("is_claimed", False, np.bool_))
    out_until_s: Floats
    is_claimed: Bools

    def __init__(self) -> None:
        super().__init__()
        self.hours = Timetable()

    def fill(self, ids: NDArray[np.integer], hours: Timetable | None) -> None:
        """Many AEDs at once; see ``Roster.of``."""
        self.add_many(ids)
        self.hours = Timetable.of([ALWAYS] * self.n) if hours is None else hours
        if len(self.hours) != self.n:
            raise RosterError(f"{self.n} AEDs and opening hours of {len(self.hours)}")

    def usable(self, now_s: float, exclude: Iterable[int]) -> Bools:
        """See ``Roster.usable_aeds``."""
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
