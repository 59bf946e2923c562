"""What the core wants done. A driver carries commands out in order and feeds back what came of it.

``SendAlert`` and ``Assign`` are *guarded*: the driver first claims the person (``SendAlert``) or
the AED (``Assign``) for this alert with one guarded write. If another alert holds it, nothing is
done and ``ClaimRefused`` comes back. What the alert itself holds it may claim again.

``ReadyDrone`` and ``LaunchDrone`` are guarded for the drone in the same way, and ``DroneRefused``
comes back. Every task that one of them begins ends in exactly one ``EndDrone``.
"""

from __future__ import annotations

from msgspec import Struct

from dispatch.model import AlertStatus, DroneQuery, DroneStatus, Query, Role, TimerKind


class _Command(Struct, frozen=True, gc=False, tag=True, tag_field="command"):
    pass


class FindCandidates(_Command, frozen=True):
    """Answered by ``CandidatesFound`` or ``CandidatesFailed`` with the same query id."""

    query: Query


class SendAlert(_Command, frozen=True):
    """Guarded for the person. Ask them; useless after ``expires_at_s``. No AED is held yet."""

    alert_id: int
    responder_id: int
    role: Role
    aed_id: int | None
    eta_s: float
    expires_at_s: float
    reason: str


class Assign(_Command, frozen=True):
    """Guarded for the AED. Tell who said yes where to go; sent again on a change of role or place.

    An AED that the alert held and that is no longer named is free again.
    """

    alert_id: int
    responder_id: int
    role: Role
    aed_id: int | None
    reason: str


class EndAlert(_Command, frozen=True):
    """The one end of one alert: frees the person and the AED. ``tell``: the person must be told."""

    alert_id: int
    responder_id: int
    outcome: AlertStatus
    tell: bool
    reason: str


class StartTimer(_Command, frozen=True):
    """Comes back as ``TimerFired(kind, ref)`` at ``due_at_s``. Same kind and ref: replaces."""

    kind: TimerKind
    ref: int
    due_at_s: float


class CancelTimer(_Command, frozen=True):
    kind: TimerKind
    ref: int


class TellControl(_Command, frozen=True):
    """Something that control should see: a code of ``dispatch.explain``, with detail."""

    code: str
    detail: str = ""


class FindDrones(_Command, frozen=True):
    """Answered by ``DronesFound`` or ``DronesFailed`` with the same query id."""

    query: DroneQuery


class ReadyDrone(_Command, frozen=True):
    """Guarded. Prepare the drone and ask for permission; it stays on the ground."""

    task_id: int
    drone_id: int


class LaunchDrone(_Command, frozen=True):
    """Take off as soon as it is ready. Guarded where no ``ReadyDrone`` began the task."""

    task_id: int
    drone_id: int


class RecallDrone(_Command, frozen=True):
    """Stand down or come home; without effect over the place and later, and that is no fault."""

    task_id: int
    drone_id: int
    reason: str


class TakeFromDrone(_Command, frozen=True):
    """Somebody is to go for the AED: the person of an alert, or (None) a bystander on the phone."""

    task_id: int
    drone_id: int
    alert_id: int | None


class EndDrone(_Command, frozen=True):
    """The one end of one task: frees the drone's claim. Its way home is the operator's."""

    task_id: int
    drone_id: int
    outcome: DroneStatus
    reason: str


Command = (
    FindCandidates
    | SendAlert
    | Assign
    | EndAlert
    | StartTimer
    | CancelTimer
    | TellControl
    | FindDrones
    | ReadyDrone
    | LaunchDrone
    | RecallDrone
    | TakeFromDrone
    | EndDrone
)

COMMAND_TYPES: tuple[type[_Command], ...] = Command.__args__
