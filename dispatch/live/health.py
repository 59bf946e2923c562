"""Whether volunteers can be alerted right now; if not, since when and why, for all to see.

Silence must be visible: every cause shows within ten seconds. That holds for the watcher itself:
whatever must keep going beats, and a beat that is missing is a cause as soon as somebody asks.
Emergency calls do not depend on the service, and the message says so.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

from msgspec import Struct

UNAFFECTED = "999 response unaffected."


class Cause(Struct, frozen=True):
    """One reason why people are not being alerted. ``blocking`` False: a note, not a stop."""

    code: str
    words: str
    since_s: float
    blocking: bool = True


class _Pulse(Struct, frozen=True):
    """Something that must beat again ``within_s``; ``ticked_s`` is monotonic, ``at_s`` is UTC."""

    words: str
    within_s: float
    ticked_s: float
    at_s: float


class Health:
    """Collects causes. Safe to use from any thread, and never waits for the database.

    Args:
        clock: UTC epoch seconds.
        timezone: in which the warning gives the time of day.
        ticks: seconds that only rise; beats are measured by it.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        timezone: str = "UTC",
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._ticks = ticks
        self._pulses: dict[str, _Pulse] = {}
        self._zone = ZoneInfo(timezone)
        self._lock = threading.Lock()
        self._causes: dict[str, Cause] = {}

    def report(self, code: str, words: str, *, blocking: bool = True) -> None:
        """A cause has arisen (or still holds)."""
        with self._lock:
            old = self._causes.get(code)
            since_s = old.since_s if old is not None else self._clock()
            self._causes[code] = Cause(code, words, since_s, blocking)

    def clear(self, code: str) -> None:
        """A cause is gone."""
        with self._lock:
            self._causes.pop(code, None)

    def set(self, code: str, words: str | None, *, blocking: bool = True) -> None:
        """Report a cause if there are words for it, clear it if there are none."""
        if words is None:
            self.clear(code)
        else:
            self.report(code, words, blocking=blocking)

    def beat(self, code: str, words: str, within_s: float) -> None:
        """Whatever ``code`` stands for is alive; ``words`` hold if it stays silent."""
        with self._lock:
            self._pulses[code] = _Pulse(words, within_s, self._ticks(), self._clock())

    def rest(self, code: str) -> None:
        """No further beat is to be expected."""
        with self._lock:
            self._pulses.pop(code, None)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Everything that holds now, the oldest first."""
        with self._lock:
            now_s = self._ticks()
            missing = [
                Cause(code, pulse.words, pulse.at_s)
                for code, pulse in self._pulses.items()
                if now_s - pulse.ticked_s > pulse.within_s
            ]
            found = [*self._causes.values(), *missing]
        return tuple(sorted(found, key=lambda cause: cause.since_s))

    @property
    def since_s(self) -> float | None:
        """Since when nobody is being alerted; None while people are."""
        blocking = [cause.since_s for cause in self.causes if cause.blocking]
        return min(blocking) if blocking else None

    def warning(self) -> str | None:
        """Return the line that must be seen, or None while people are being alerted."""
        blocking = [cause for cause in self.causes if cause.blocking]
        if not blocking:
            return None
        since = dt.datetime.fromtimestamp(min(c.since_s for c in blocking), self._zone)
        why = "; ".join(cause.words for cause in blocking)
        return f"VOLUNTEERS ARE NOT BEING ALERTED since {since:%H:%M}. {UNAFFECTED} Reason: {why}."
