"""Knows whether a provider works, and stops asking one that does not.

After ``failures`` failed attempts in a row the breaker opens for ``open_s``; then one attempt may
try again, and its outcome decides.
"""

from __future__ import annotations

import threading


class Breaker:
    """The breaker of one channel; safe to use from several threads. Moments are epoch seconds."""

    def __init__(self, *, failures: int = 5, open_s: float = 3.0) -> None:
        self._limit = failures
        self._open_s = open_s
        self._lock = threading.Lock()
        self._failed = 0
        self._failing_since_s: float | None = None
        self._open_until_s: float | None = None
        self._last_reason = ""

    def allow(self, now_s: float) -> bool:
        """Whether an attempt may be made now; lets one through when it is time to try again."""
        with self._lock:
            if self._open_until_s is None:
                return True
            if now_s < self._open_until_s:
                return False
            self._open_until_s = now_s + self._open_s
            return True

    def is_open(self, now_s: float) -> bool:
        """Whether attempts are being refused."""
        with self._lock:
            return self._open_until_s is not None and now_s < self._open_until_s

    def succeeded(self) -> None:
        """An attempt reached the provider."""
        with self._lock:
            self._failed = 0
            self._failing_since_s = None
            self._open_until_s = None

    def failed(self, now_s: float, reason: str) -> None:
        """An attempt did not reach the provider, or was refused for all."""
        with self._lock:
            self._failed += 1
            self._last_reason = reason
            if self._failing_since_s is None:
                self._failing_since_s = now_s
            if self._failed >= self._limit:
                self._open_until_s = now_s + self._open_s

    @property
    def failing_since_s(self) -> float | None:
        """When the present row of failures began; None while it works."""
        with self._lock:
            return self._failing_since_s

    @property
    def reason(self) -> str:
        """Why the latest failed attempt failed."""
        with self._lock:
            return self._last_reason
