"""Structured logs in JSON, one line each, without personal data.

The service logs codes, counts and opaque ids. What other libraries log is cut down to the name of
the logger and the level: their texts hold addresses and parameters.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from typing import Any, TextIO

import structlog

LIBRARIES = ("urllib3", "httpx", "httpcore", "sqlalchemy", "alembic", "google", "firebase_admin")


class _LibraryHandler(logging.Handler):
    """Passes on that a library had something to say, and not what."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, "library", logger=record.name)


def set_up(level: str = "info", to: TextIO | None = None) -> None:
    """Write logs to ``to`` (standard error) from ``level`` up."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(to or sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_LibraryHandler()]
    root.setLevel(logging.WARNING)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.ERROR)
    threading.excepthook = _thread_failed


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    """A thread ended by a fault: its kind and place, where Python would print its text."""
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        kind, at = type(failed.exc_value).__name__, where(failed.exc_value)
        logger().error("thread_failed", kind=kind, at=at)


def logger() -> Any:
    """Return the logger of the service."""
    return structlog.get_logger()


def where(error: BaseException) -> list[str]:
    """Return where an error came from, without its text, which may hold somebody's data."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames[-6:]]
