"""What can be wrong with a planner's input, and how it is told.

ScenariosError
├── InputFaults(ValueError)      every fault of the input at once, one line each
├── RegionUnavailable            the region that a scenario names cannot be had
└── OutputRefused                the results folder cannot be used
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Fault(Struct, frozen=True):
    """One thing that is wrong: where it stands and what was expected instead."""

    file: str
    field: str  # dotted, for example "patient.home_share"; empty where the whole file is meant
    expected: str
    found: str = ""
    line: int | None = None  # 1-based line of a text file
    hint: str = ""

    def __str__(self) -> str:
        """One line: file, line, field, what was expected, what was found, and a hint."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        parts = [f"{place}: {self.field}: " if self.field else f"{place}: ", self.expected]
        if self.found:
            parts.append(f", found {self.found}")
        if self.hint:
            parts.append(f" ({self.hint})")
        return "".join(parts).replace("\n", " ")


class ScenariosError(Exception):
    """Base of everything that this package raises on purpose."""


class InputFaults(ScenariosError, ValueError):  # noqa: N818 - more than one error
    """The input is wrong; ``faults`` lists everything that was found, in the order of the file."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[InputFaults], tuple[tuple[Fault, ...]]]:
        """Comes whole out of a worker process."""
        return type(self), (self.faults,)


class RegionUnavailable(ScenariosError):  # noqa: N818 - says what it is
    """The region that a scenario names cannot be had here and now; the message says what to do."""


class OutputRefused(ScenariosError):  # noqa: N818 - says what it is
    """The results folder cannot be used: it holds something else or cannot be written."""
