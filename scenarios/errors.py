"""What can be wrong with a planner's input, and how it is told.

ScenariosError
├── InputFaults(ValueError)      every fault of the input at once, one line each
├── RegionUnavailable            the region that a scenario names cannot be had
└── OutputRefused                the results folder cannot be used
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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


MOST_ALIKE = 5  # lines of one kind that a message shows


class ScenariosError(Exception):
    """Base of everything that this package raises on purpose."""


class InputFaults(ScenariosError, ValueError):  # noqa: N818 - more than one error
    """The input is wrong; ``faults`` lists everything that was found, in the order of the file.

    The message shows the first five of one kind (file, field, what was expected), and how many more
    there are.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(_few_of_each(self.faults)))

    def __reduce__(self) -> tuple[type[InputFaults], tuple[tuple[Fault, ...]]]:
        """Comes whole out of a worker process."""
        return type(self), (self.faults,)


class RegionUnavailable(ScenariosError):  # noqa: N818 - says what it is
    """The region that a scenario names cannot be had here and now; the message says what to do."""


class OutputRefused(ScenariosError):  # noqa: N818 - says what it is
    """The results folder cannot be used: it holds something else or cannot be written."""


def _few_of_each(faults: tuple[Fault, ...]) -> Iterator[str]:
    """One line per fault; of many alike the first ones, and the number of the others."""
    kinds = [(fault.file, fault.field, fault.expected) for fault in faults]
    told: dict[tuple[str, str, str], int] = {}
    for kind, fault in zip(kinds, faults, strict=True):
        told[kind] = told.get(kind, 0) + 1
        if told[kind] <= MOST_ALIKE:
            yield str(fault)
    for (file, field, expected), number in told.items():
        if number > MOST_ALIKE:
            more = f"… and {number - MOST_ALIKE} more like this"
            yield str(Fault(file, field, f"{more}: {expected}"))
