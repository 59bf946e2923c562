"""Why a person may not be asked: the reasons, in order of weight, and the rules behind them."""

from __future__ import annotations

from enum import IntEnum

from msgspec import Struct

from dispatch.config import Policy


class Reason(IntEnum):
    """Where several hold, the highest is given. ``NONE``: may be asked."""

    NONE = 0
    NOT_FIRST_AT_NIGHT = 1  # at night only if likely the first and near; for the driver to give
    OPTED_OUT = 2  # not to such calls or places; for the driver to give
    POSITION_COARSE = 3  # the position may be off by more than the policy accepts
    POSITION_OLD = 4  # no position, or an old one, and no home address
    NIGHT_CAP = 5  # as many alerts at night as the person (the policy) accepts
    ALERT_CAP = 6  # as many alerts as the person (the policy) accepts
    QUIET_HOURS = 7  # hours in which the person is not to be woken
    OFF_DUTY = 8  # outside the hours that the person gave, or "not until"
    ENGAGED = 9  # asked by or on the way to another incident
    NO_DEVICE = 10  # no phone that would sound
    TRAINING_LAPSED = 11  # the training was verified and is out of date
    NOT_VERIFIED = 12  # nobody verified any training
    SUSPENDED = 13
    ASKED_ALREADY = 14  # asked in this incident


CODES: tuple[str, ...] = tuple(reason.name.lower() for reason in Reason)


class Rules(Struct, frozen=True):
    """What a policy asks of a person before it alerts them; ``dispatch.config.People``."""

    untrained: bool = False
    position_max_age_s: float = 3600.0
    position_max_error_m: float = 2000.0
    alerts_per_day: int = 3
    alerts_per_30_days: int = 30
    night_alerts_per_30_days: int = 4

    @classmethod
    def of(cls, policy: Policy) -> Rules:
        """The rules of a policy."""
        people = policy.people
        return cls(
            untrained=people.untrained,
            position_max_age_s=people.position_max_age_s,
            position_max_error_m=people.position_max_error_m,
            alerts_per_day=people.alerts_per_day,
            alerts_per_30_days=people.alerts_per_30_days,
            night_alerts_per_30_days=people.night_alerts_per_30_days,
        )
