"""The roster again, as slow and plain as can be: dictionaries, loops, one person at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

from dispatch import facts
from dispatch.eligibility import Reason, Rules

DAY_S = 86400.0


@dataclass
class Person:
    home: bool = False
    trained_until_s: float | None = None
    suspended: bool = False
    has_device: bool = False
    off_until_s: float = float("-inf")
    duty: tuple[tuple[float, float], ...] | None = None
    quiet: tuple[tuple[float, float], ...] = ()
    position: tuple[float, float] | None = None  # moment, accuracy
    own_caps: tuple[int | None, int | None] = (None, None)
    alerts: list[tuple[float, bool]] = field(default_factory=list)
    claim: tuple[str, int] | None = None


class NaiveRoster:
    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.people: dict[int, Person] = {}

    def apply(self, fact: facts.Fact) -> None:
        match fact:
            case facts.ResponderRegistered(number, lat, lon):
                self.people[number] = Person(home=lat is not None and lon is not None)
            case facts.HomeSet(number, lat, lon):
                self.people[number].home = lat is not None and lon is not None
            case facts.TrainingVerified(number, until_s):
                self.people[number].trained_until_s = until_s
            case facts.TrainingWithdrawn(number):
                self.people[number].trained_until_s = None
            case facts.SuspensionSet(number, suspended):
                self.people[number].suspended = suspended
            case facts.DeviceSet(number, has_device):
                self.people[number].has_device = has_device
            case facts.DutySet(number, intervals):
                self.people[number].duty = intervals
            case facts.QuietSet(number, intervals):
                self.people[number].quiet = intervals
            case facts.OffUntil(number, until_s):
                self.people[number].off_until_s = until_s
            case facts.CapsSet(number, month, night):
                self.people[number].own_caps = (month, night)
            case facts.Positioned(number, _, __, at_s, accuracy_m):
                person = self.people[number]
                if person.position is None or at_s >= person.position[0]:
                    person.position = (at_s, accuracy_m)
            case facts.Alerted(number, at_s, night):
                self.people[number].alerts.append((at_s, night))

    def claim(self, number: int, incident_id: str, alert_id: int) -> str:
        person = self.people[number]
        if person.claim is None:
            person.claim = (incident_id, alert_id)
        return "" if person.claim == (incident_id, alert_id) else "engaged"

    def release(self, incident_id: str, alert_id: int) -> None:
        for person in self.people.values():
            if person.claim == (incident_id, alert_id):
                person.claim = None

    def reason(self, number: int, now_s: float, *, night: bool, exclude: set[int]) -> Reason:
        person, rules = self.people[number], self.rules
        if number in exclude:
            return Reason.ASKED_ALREADY
        if person.suspended:
            return Reason.SUSPENDED
        if not rules.untrained:
            if person.trained_until_s is None:
                return Reason.NOT_VERIFIED
            if person.trained_until_s <= now_s:
                return Reason.TRAINING_LAPSED
        if not person.has_device:
            return Reason.NO_DEVICE
        if person.claim is not None:
            return Reason.ENGAGED
        on_duty = person.duty is None or _inside(person.duty, now_s)
        if not on_duty or person.off_until_s > now_s:
            return Reason.OFF_DUTY
        if _inside(person.quiet, now_s):
            return Reason.QUIET_HOURS
        month, night_cap = person.own_caps
        day = self._recent(person, now_s, DAY_S)
        in_month = self._recent(person, now_s, 30 * DAY_S)
        nights = self._recent(person, now_s, 30 * DAY_S, only_night=True)
        if day >= rules.alerts_per_day or in_month >= min(
            rules.alerts_per_30_days, 10**9 if month is None else month
        ):
            return Reason.ALERT_CAP
        most = min(rules.night_alerts_per_30_days, 10**9 if night_cap is None else night_cap)
        if night and nights >= most:
            return Reason.NIGHT_CAP
        if person.position is None or person.position[0] < now_s - rules.position_max_age_s:
            return Reason.NONE if person.home else Reason.POSITION_OLD
        if person.position[1] > rules.position_max_error_m:
            return Reason.POSITION_COARSE
        return Reason.NONE

    def _recent(
        self, person: Person, now_s: float, window_s: float, *, only_night: bool = False
    ) -> int:
        return sum(
            now_s - window_s < at_s and (night or not only_night) for at_s, night in person.alerts
        )


def _inside(intervals: tuple[tuple[float, float], ...], now_s: float) -> bool:
    return any(start_s <= now_s < end_s for start_s, end_s in intervals)
