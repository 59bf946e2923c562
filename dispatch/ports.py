"""What a driver brings along: the clock, the store, the channel and the travel times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dispatch.commands import Command
from dispatch.events import CandidatesFound, Event
from dispatch.model import Incident, Query, TimerKind


@runtime_checkable
class Clock(Protocol):
    """Where ``now_s`` comes from."""

    def now_s(self) -> float:
        """UTC epoch seconds; never earlier than the answer before."""
        ...


class Transaction(Protocol):
    """Everything that one step writes; all of it is kept, or nothing."""

    def load(self, incident_id: str) -> Incident | None:
        """The snapshot of an incident, or None where there is none."""
        ...

    def keep(
        self, incident: Incident, event: Event, now_s: float, commands: tuple[Command, ...]
    ) -> None:
        """Snapshot, event with its moment, and the commands that came of it."""
        ...

    def set_timer(self, incident_id: str, kind: TimerKind, ref: int, due_at_s: float) -> None:
        """A timer that survives a restart; the same kind and ref replaces."""
        ...

    def drop_timer(self, incident_id: str, kind: TimerKind, ref: int) -> None:
        """The timer is no longer wanted; none running is no fault."""
        ...

    def claim_responder(self, responder_id: int, incident_id: str, alert_id: int) -> str:
        """Guarded write: "" or the reason why the person is not free."""
        ...

    def claim_aed(self, aed_id: int, incident_id: str, alert_id: int) -> str:
        """Guarded write: "" or the reason why the AED is not free."""
        ...

    def release(self, incident_id: str, alert_id: int) -> None:
        """Free whatever this alert holds, and nothing that another one holds."""
        ...


class Store(Protocol):
    """Snapshots, events, commands, timers and claims."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """One step's writes: kept when the block ends, undone when it raises."""
        ...

    def due_timers(self, until_s: float) -> Iterator[tuple[str, TimerKind, int, float]]:
        """(incident id, kind, ref, due_at_s) of the timers due by ``until_s``, earliest first."""
        ...


class Channel(Protocol):
    """Carries one message to one person; what came of it comes back as an event."""

    def alert(self, incident_id: str, alert_id: int, responder_id: int, until_s: float) -> None:
        """Ask the person; of no use after ``until_s``."""
        ...

    def end(self, incident_id: str, alert_id: int, responder_id: int) -> None:
        """Tell the person that it is over for them."""
        ...


class TravelTimes(Protocol):
    """Answers ``FindCandidates``: routed, or by straight lines where the query asks so."""

    def candidates(
        self,
        query: Query,
        now_s: float,
        eligible: NDArray[np.bool_],
        reasons: NDArray[np.uint8],
    ) -> CandidatesFound:
        """The answer, chosen by ``dispatch.candidates.select`` under the roster's mask."""
        ...
