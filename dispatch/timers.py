"""What becomes of an incident when a timer fires."""

from __future__ import annotations

from collections.abc import Callable

from dispatch import drones, incidents, waves
from dispatch.draft import Draft
from dispatch.events import TimerFired
from dispatch.model import AlertStatus, TimerKind


def fired(draft: Draft, event: TimerFired) -> None:
    """Exactly one running timer has come to its end."""
    draft.timers.remove((event.kind, event.ref))
    _BY_KIND[event.kind](draft, event.ref)


def _no_candidates_yet(draft: Draft, _: int) -> None:
    incidents.fall_back(draft, "no answer in time")


def _next_wave(draft: Draft, _: int) -> None:
    waves.start_next_wave(draft)
    waves.settle(draft)


def _silence(draft: Draft, alert_id: int) -> None:
    draft.set(draft.alert(alert_id), replaced=True)
    waves.settle(draft)


def _deadline(draft: Draft, alert_id: int) -> None:
    draft.end(draft.alert(alert_id), AlertStatus.EXPIRED, "no_answer", tell=False)
    waves.settle(draft)


def _lease(draft: Draft, alert_id: int) -> None:
    draft.end(draft.alert(alert_id), AlertStatus.LAPSED, "no_sign_of_setting_off", tell=True)
    waves.forget_if_stale(draft)
    waves.settle(draft)
    drones.settle(draft)


def _no_drones_yet(draft: Draft, _: int) -> None:
    drones.none_to_be_had(draft, "no answer in time")


def _review(draft: Draft, _: int) -> None:
    """Nothing stays open for ever: control is reminded, and in the end the incident expires."""
    policy = draft.policy
    ends_at_s = draft.incident.reported_at_s + policy.expire_s
    if draft.now_s >= ends_at_s:
        draft.tell_control("expired")
        incidents.end(draft, "expired")
        return
    draft.tell_control("still_open")
    draft.start(TimerKind.REVIEW, 0, min(draft.now_s + policy.review_s, ends_at_s))


_BY_KIND: dict[TimerKind, Callable[[Draft, int], None]] = {
    TimerKind.CANDIDATES: _no_candidates_yet,
    TimerKind.WAVE: _next_wave,
    TimerKind.SILENCE: _silence,
    TimerKind.DEADLINE: _deadline,
    TimerKind.LEASE: _lease,
    TimerKind.REVIEW: _review,
    TimerKind.DRONES: _no_drones_yet,
}
