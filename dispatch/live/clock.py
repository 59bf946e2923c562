"""Time as the service sees it: UTC epoch seconds from the wall, or held by hand."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


def wall_clock() -> float:
    """Return UTC epoch seconds."""
    return time.time()


class HandClock:
    """A clock that somebody turns: for tests, replays and rehearsals."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        """Return the time it shows."""
        return self.now_s

    def advance(self, by_s: float) -> float:
        """Go on by ``by_s`` seconds and return the time."""
        self.now_s += by_s
        return self.now_s
