"""What drones came to in a study, in numbers: the part ``air`` of ``summary.json``.

Shares are of all suspected arrests, false alarms included; times are seconds from the call.
"""

from __future__ import annotations

from msgspec import Struct

from scenarios.metrics.intervals import Estimate


class FunnelLine(Struct, frozen=True):
    """One stage: how many suspected arrests came so far, and what stopped the others before it.

    ``losses``: by reason, a key of ``sim.drone_funnel.LOST_AT``; the numbers of a stage and its
    losses add up to the number of the stage before.
    """

    stage: str
    reached: int
    share: Estimate
    losses: dict[str, int]


class DroneOption(Struct, frozen=True):
    """One option that flies: its funnel, and mean seconds from the call over those that got there.

    ``times_s``: by launched, overhead, delivered, attached. ``hands_off_s``: compressions stopped
    to fetch the AED, over those that somebody alone fetched.
    """

    policy: str
    suspected: int
    funnel: tuple[FunnelLine, ...]
    times_s: dict[str, Estimate]
    hands_off_s: Estimate


class BaseWeather(Struct, frozen=True):
    """One base and its weather over the replications.

    ``days_grounded`` a year: hours on the ground as days, of which ``by_reason`` the first reason
    that holds; ``whole_days`` a year: days without a single hour to fly in.
    """

    base: str
    lat: float
    lon: float
    aircraft: str
    drones: int  # the most under any option
    flyable_share: Estimate
    days_grounded: Estimate
    whole_days: Estimate
    by_reason: dict[str, Estimate]


class VolumeLine(Struct, frozen=True):
    """One airspace volume that bears on the flights. ``rule``: forbid, permission or free."""

    id: str
    name: str
    kind: str
    rule: str
    floor: str
    ceiling: str
    part_time: bool
    granted_share: float | None = None
    wait_median_s: float | None = None
    source: str = ""


class TrialLine(Struct, frozen=True):
    """A published number beside the model's. ``role``: fitted or predicted."""

    trial: str
    what: str
    role: str
    inputs: str
    published_s: float
    model_s: float
    tolerance_s: float
    holds: bool


class IllustrationLine(Struct, frozen=True):
    """A published count beside the model's, whose chances were taken from that very count."""

    trial: str
    what: str
    published: float
    model: float


class AirSummary(Struct, frozen=True):
    """Everything that the report says about drones in numbers."""

    options: tuple[DroneOption, ...]
    bases: tuple[BaseWeather, ...]
    weather_source: str
    night_flying: bool
    volumes: tuple[VolumeLine, ...]
    trials: tuple[TrialLine, ...]
    illustrations: tuple[IllustrationLine, ...]
