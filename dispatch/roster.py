"""Everybody and everything that could be sent: people, AEDs, drones, and who has claimed them.

Plain arrays, one row per member in the order of registration. ``apply`` is deterministic: the
same facts in the same order give the same roster. The driver owns it; the core never sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch import facts
from dispatch.eligibility import Rules
from dispatch.errors import RosterError, UnknownEventError, UnknownMemberError
from dispatch.members import MONTH_S, AedRows, Bools, Claim, Floats, PeopleRows
from dispatch.timetable import ALWAYS, Timetable

__all__ = ["MONTH_S", "Roster"]


class Roster:
    """The people, AEDs and drones of one service, seen through the rules of one policy.

    Row ``i`` of every array belongs to ``responder_ids[i]`` (``aed_ids[i]``). ``version`` rises
    with every change.
    """

    def __init__(self, rules: Rules = Rules()) -> None:  # noqa: B008 - immutable
        self.rules = rules
        self.version = 0
        self._people = PeopleRows(rules)
        self._aeds = AedRows()
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


# --- what each fact does ----------------------------------------------------------------------


def _register(roster: Roster, fact: facts.ResponderRegistered) -> None:
    roster._people.register(fact.responder_id, fact.home_lat, fact.home_lon)


def _set_home(roster: Roster, fact: facts.HomeSet) -> None:
    row = roster._people.row(fact.responder_id)
    roster._people.set_home(row, fact.home_lat, fact.home_lon)


def _verify(roster: Roster, fact: facts.TrainingVerified) -> None:
    roster._people.train(roster._people.row(fact.responder_id), fact.until_s)


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
    roster._people.set_off(roster._people.row(fact.responder_id), fact.until_s)


def _set_caps(roster: Roster, fact: facts.CapsSet) -> None:
    people = roster._people
    row = people.row(fact.responder_id)
    people.caps[row] = (fact.alerts_per_30_days, fact.night_alerts_per_30_days)
    people.count(row)


def _position(roster: Roster, fact: facts.Positioned) -> None:
    row = roster._people.row(fact.responder_id)
    roster._people.locate(row, fact.lat, fact.lon, fact.at_s, fact.accuracy_m)


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
