"""What the live service refuses or cannot do.

::

    LiveError
    ├── Refused                 the caller asked for something that is not allowed now (HTTP 4xx)
    │   ├── NotFound                there is none, or none that the caller may see
    │   ├── Conflict                it is in the way of something else, with a reason
    │   ├── Forbidden               the caller's role or scope does not reach so far
    │   ├── NotAlerting             asked how it is while the database does not answer (HTTP 503)
    │   ├── Invalid                 a field is wrong: names the field and what was expected
    │   └── Faulty                  a list has faults: all of them are named
    ├── StoreUnavailable        the database cannot be written: nothing was acknowledged
    ├── StoreUnusable           the database cannot be opened as it is; says what to do
    └── SettingsError           the configuration has faults; all of them are listed
"""

from __future__ import annotations


class LiveError(Exception):
    """Base of everything that the service raises on purpose."""


class Refused(LiveError):  # noqa: N818
    """Refused with a reason. ``code`` is stable, ``detail`` is for people."""

    status = 400

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class NotFound(Refused):
    """There is none, or none that the caller may see: the two look the same."""

    status = 404


class Conflict(Refused):
    """It is in the way of something else."""

    status = 409


class Forbidden(Refused):
    """The caller's role or scope does not reach so far."""

    status = 403


class NotAlerting(Refused):
    """The database does not answer; ``detail`` is the line that must be seen."""

    status = 503

    def __init__(self, warning: str) -> None:
        super().__init__("not_alerting", warning or "the database does not answer")


class Invalid(Refused):
    """A field is wrong."""

    status = 422

    def __init__(self, field: str, expected: str) -> None:
        super().__init__("invalid", f"{field}: {expected}")
        self.field = field
        self.expected = expected


class Faulty(Refused):
    """A list or file has faults; all of them are listed and nothing of it was taken over."""

    status = 422

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("faulty", f"{_count(len(faults))}; nothing was taken over")
        self.faults = faults


def _count(faults: int) -> str:
    return "1 fault" if faults == 1 else f"{faults} faults"


class StoreUnavailable(LiveError):  # noqa: N818
    """The database could not be written; nothing was acknowledged."""


class StoreUnusable(LiveError):  # noqa: N818
    """The database cannot be opened as it is; the message says what to do."""


class SettingsError(LiveError):
    """The configuration has faults; ``str`` gives one line for each."""
