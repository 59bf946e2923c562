"""One step in the making: the incident as it changes and the commands that come of it.

A draft lives inside one call of ``Core.step`` and never leaves it.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from dispatch.commands import CancelTimer, Command, EndAlert, StartTimer, TellControl
from dispatch.config import Policy
from dispatch.model import Alert, AlertStatus, Candidate, Incident, Phase, TimerKind

_OF_AN_ALERT = frozenset({TimerKind.SILENCE, TimerKind.DEADLINE, TimerKind.LEASE})


class Draft:
    """What changes often is held apart; every other fact changes through ``change``."""

    __slots__ = (
        "alerts",
        "candidates",
        "commands",
        "incident",
        "now_s",
        "phase",
        "policy",
        "timers",
    )

    def __init__(self, policy: Policy, incident: Incident, now_s: float) -> None:
        self.policy = policy
        self.incident = incident
        self.now_s = now_s
        self.phase: Phase = incident.phase
        self.alerts: list[Alert] = list(incident.alerts)
        self.timers: list[tuple[TimerKind, int]] = list(incident.timers)
        self.candidates: tuple[Candidate, ...] = incident.candidates
        self.commands: list[Command] = []

    def finish(self) -> tuple[Incident, tuple[Command, ...]]:
        """The incident after the step and the commands in the order of their making."""
        incident = replace(
            self.incident,
            phase=self.phase,
            version=self.incident.version + 1,
            alerts=tuple(self.alerts),
            timers=tuple(self.timers),
            candidates=self.candidates,
        )
        return incident, tuple(self.commands)

    def change(self, **facts: Any) -> None:
        """Set facts of the incident other than phase, alerts, timers and candidates."""
        self.incident = replace(self.incident, **facts)

    def tell_control(self, code: str, detail: str = "") -> None:
        """Something that control should see."""
        self.commands.append(TellControl(code, detail))

    @property
    def is_night(self) -> bool:
        """Whether it is night at the patient."""
        return self.policy.is_night(self.now_s + self.incident.utc_offset_s)

    # --- timers -------------------------------------------------------------------------------

    def is_running(self, kind: TimerKind, ref: int) -> bool:
        """Whether this timer runs."""
        return (kind, ref) in self.timers

    @property
    def is_searching(self) -> bool:
        """Whether an answer to ``FindCandidates`` is awaited."""
        return (TimerKind.CANDIDATES, self.incident.query_id) in self.timers

    @property
    def is_wave_to_come(self) -> bool:
        """Whether the timer of the next wave runs."""
        return (TimerKind.WAVE, self.incident.next_wave) in self.timers

    def start(self, kind: TimerKind, ref: int, due_at_s: float) -> None:
        """Start a timer, or set it anew."""
        if (kind, ref) not in self.timers:
            self.timers.append((kind, ref))
        self.commands.append(StartTimer(kind, ref, due_at_s))

    def cancel(self, kind: TimerKind, ref: int) -> None:
        """Stop a timer if it runs."""
        try:
            self.timers.remove((kind, ref))
        except ValueError:
            return
        self.commands.append(CancelTimer(kind, ref))

    def cancel_all(self, *kinds: TimerKind) -> None:
        """Stop every timer of these kinds."""
        for kind, ref in [timer for timer in self.timers if timer[0] in kinds]:
            self.cancel(kind, ref)

    # --- alerts -------------------------------------------------------------------------------

    def alert(self, alert_id: int) -> Alert:
        """The alert of this number; the caller knows that there is one."""
        return self.alerts[alert_id - 1]

    def set(self, alert: Alert, **changes: Any) -> Alert:
        """The alert with ``changes``, put in its place."""
        changed = replace(alert, **changes)
        self.alerts[alert.alert_id - 1] = changed
        return changed

    def end(self, alert: Alert, outcome: AlertStatus, reason: str, *, tell: bool) -> None:
        """The one end of an alert, with its timers."""
        number = alert.alert_id
        for timer in [t for t in self.timers if t[1] == number and t[0] in _OF_AN_ALERT]:
            self.timers.remove(timer)
            self.commands.append(CancelTimer(*timer))
        self.set(alert, status=outcome, ended_at_s=self.now_s, end_reason=reason)
        self.commands.append(EndAlert(alert.alert_id, alert.responder_id, outcome, tell, reason))
