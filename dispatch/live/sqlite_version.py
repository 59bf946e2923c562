"""Which SQLite this is, and whether it has the WAL-reset fault.

Versions 3.7.0 to 3.51.2 (but for the backports 3.44.6 and 3.50.7) can lose commits or damage the
file when a write-ahead log is reset while several connections are open.
"""

from __future__ import annotations

import sqlite3

FIXED_IN = (3, 51, 3)
BACKPORTS = {(3, 44): 6, (3, 50): 7}


def wal_reset_fault(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite has the fault."""
    if version < (3, 7, 0) or version >= FIXED_IN:
        return False
    backport = BACKPORTS.get((version[0], version[1]))
    return backport is None or version[2] < backport


def sqlite_note(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str:
    """One line for ``doctor`` and the log about the SQLite in use."""
    text = ".".join(str(part) for part in version)
    if wal_reset_fault(version):
        return (
            f"SQLite {text} has the WAL-reset fault (fixed in 3.51.3): the service keeps one"
            " connection and locks the file for itself; do not open it with another program"
        )
    return f"SQLite {text} is free of the WAL-reset fault"
