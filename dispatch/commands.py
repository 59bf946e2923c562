"""What the core wants done. A driver carries commands out in order and feeds back what came of it.

``SendAlert`` and ``Assign`` are *guarded*: the driver first claims the person (``SendAlert``) or
the AED (``Assign``) for this alert with one guarded write. If another alert holds it, nothing is
done and ``ClaimRefused`` comes back. What the alert itself holds it may claim again.
"""

from __future__ import annotations

from msgspec import Struct

from dispatch.model import AlertStatus, Query, Role, TimerKind


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


Command = FindCandidates | SendAlert | Assign | EndAlert | StartTimer | CancelTimer | TellControl

COMMAND_TYPES: tuple[type[_Command], ...] = Command.__args__
