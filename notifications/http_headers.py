"""Headers of providers' answers, read strictly."""

from __future__ import annotations

import email.utils


def retry_after_s(header: str | None, now_s: float | None = None) -> float | None:
    """Return how long a ``Retry-After`` header asks to wait, s; None if it says nothing usable.

    The form with a date needs ``now_s`` (UTC epoch seconds).
    """
    if not header:
        return None
    try:
        wait_s = float(header)
    except ValueError:
        if now_s is None:
            return None
        try:
            wait_s = email.utils.parsedate_to_datetime(header).timestamp() - now_s
        except (TypeError, ValueError):
            return None
    return wait_s if 0.0 <= wait_s < float("inf") else None
