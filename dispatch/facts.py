"""What the roster can be told about people, AEDs and drones. Facts are data, like events."""

from __future__ import annotations

from msgspec import Struct


class _Fact(Struct, frozen=True, gc=False, tag=True, tag_field="fact"):
    pass


class ResponderRegistered(_Fact, frozen=True):
    """A new person; nobody is alerted before training was verified and a device is known."""

    responder_id: int
    home_lat: float | None = None  # fallback when the phone's position is old
    home_lon: float | None = None


class HomeSet(_Fact, frozen=True):
    """The home address changed; None: it is not to be used any more."""

    responder_id: int
    home_lat: float | None
    home_lon: float | None


class TrainingVerified(_Fact, frozen=True):
    """Somebody saw the evidence; it holds until ``until_s``."""

    responder_id: int
    until_s: float


class TrainingWithdrawn(_Fact, frozen=True):
    """The evidence no longer counts."""

    responder_id: int


class SuspensionSet(_Fact, frozen=True):
    """Whether the registrar keeps the person from being asked."""

    responder_id: int
    suspended: bool


class DeviceSet(_Fact, frozen=True):
    """Whether the person has a device that would sound."""

    responder_id: int
    has_device: bool


class DutySet(_Fact, frozen=True):
    """Intervals in which the person may be asked; ``None``: always."""

    responder_id: int
    intervals: tuple[tuple[float, float], ...] | None


class QuietSet(_Fact, frozen=True):
    """Intervals in which the person is not to be woken."""

    responder_id: int
    intervals: tuple[tuple[float, float], ...]


class OffUntil(_Fact, frozen=True):
    """ "Not until": not to be asked before ``until_s``; a moment that has passed: available."""

    responder_id: int
    until_s: float


class CapsSet(_Fact, frozen=True):
    """The person's own limits; the policy's hold as well. ``None``: only the policy's."""

    responder_id: int
    alerts_per_30_days: int | None = None
    night_alerts_per_30_days: int | None = None


class Positioned(_Fact, frozen=True):
    """A position of the phone, with its error (metres, 68 %)."""

    responder_id: int
    lat: float
    lon: float
    at_s: float
    accuracy_m: float = 0.0


class Alerted(_Fact, frozen=True):
    """An alert went out; it counts toward the caps."""

    responder_id: int
    at_s: float
    night: bool


class AedRegistered(_Fact, frozen=True):
    """A new AED with the intervals in which it can be reached; ``None``: always."""

    aed_id: int
    intervals: tuple[tuple[float, float], ...] | None = None


class AedHoursSet(_Fact, frozen=True):
    """When the AED can be reached; ``None``: always."""

    aed_id: int
    intervals: tuple[tuple[float, float], ...] | None


class AedOutOfService(_Fact, frozen=True):
    """Missing, locked, broken or unchecked until ``until_s``."""

    aed_id: int
    until_s: float


class AedInService(_Fact, frozen=True):
    """Seen in place and working again."""

    aed_id: int


class DroneRegistered(_Fact, frozen=True):
    """A new drone, not ready until it is said to be."""

    drone_id: int


class DroneReadySet(_Fact, frozen=True):
    """Whether the drone could take off now."""

    drone_id: int
    ready: bool


Fact = (
    ResponderRegistered
    | HomeSet
    | TrainingVerified
    | TrainingWithdrawn
    | SuspensionSet
    | DeviceSet
    | DutySet
    | QuietSet
    | OffUntil
    | CapsSet
    | Positioned
    | Alerted
    | AedRegistered
    | AedHoursSet
    | AedOutOfService
    | AedInService
    | DroneRegistered
    | DroneReadySet
)

FACT_TYPES: tuple[type[_Fact], ...] = Fact.__args__
