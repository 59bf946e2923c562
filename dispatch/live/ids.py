"""Names that nobody can guess, and a counting kind for replays."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import Callable

NewId = Callable[[], str]


def random_id() -> str:
    """Return 128 random bits as 22 letters that fit into a URL."""
    return secrets.token_urlsafe(16)


def random_secret() -> str:
    """Return 256 random bits as 43 letters that fit into a URL."""
    return secrets.token_urlsafe(32)


def counting_ids(prefix: str = "id") -> NewId:
    """Return a function that gives ``prefix-1``, ``prefix-2`` ..."""
    numbers = itertools.count(1)
    return lambda: f"{prefix}-{next(numbers)}"


def hashed(secret: str) -> str:
    """Return the SHA-256 of a random secret; enough for 128 bits of chance, not for passwords."""
    return hashlib.sha256(secret.encode()).hexdigest()
