"""Whether volunteers can be alerted right now; if not, since when and why, for all to see.

Silence must be visible: every cause shows within ten seconds. Emergency calls do not depend on
the service, and the message says so.
"""

from __future__ import annotations

import datetime as dt
import threading
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


class Health:
    """Collects causes. Safe to use from any thread."""

    def __init__(self, clock: Callable[[], float], timezone: str = "UTC") -> None:
        self._clock = clock
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

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Everything that holds now, the oldest first."""
        with self._lock:
            return tuple(sorted(self._causes.values(), key=lambda cause: cause.since_s))

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
