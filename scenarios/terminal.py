"""How commands speak: progress on standard error, faults one line each, exit codes."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, ParamSpec, TypeVar

import typer

from scenarios.cache import keep_kernels

P = ParamSpec("P")
R = TypeVar("R")

FAILED = 1
WRONG_INPUT = 2
INTERRUPTED = 130
TRACEBACK_VARIABLE = "HEARTREACH_TRACEBACK"


def told(command: Callable[P, R]) -> Callable[P, R]:
    """Turns what a command raises into one line per fault on standard error and an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        keep_kernels()
        try:
            return command(*args, **kwargs)
        except typer.Exit:
            raise
        except KeyboardInterrupt:
            _leave(["interrupted"], INTERRUPTED)
        except BrokenPipeError:
            # The reader of our output has gone; what is still buffered has no place to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILED) from None
        except Exception as error:
            if os.environ.get(TRACEBACK_VARIABLE):
                raise
            _leave(*_told_as(error))

    return run


def _leave(lines: list[str], code: int) -> NoReturn:
    for line in lines:
        print(line, file=sys.stderr)
    raise typer.Exit(code)


def _told_as(error: Exception) -> tuple[list[str], int]:
    from dispatch.errors import DispatchError  # noqa: PLC0415 - not needed for --help
    from geo.errors import GeoError  # noqa: PLC0415
    from scenarios.errors import (  # noqa: PLC0415
        InputFaults,
        OutputRefused,
        ScenariosError,
    )
    from sim.errors import SimError  # noqa: PLC0415

    if isinstance(error, InputFaults):
        return str(error).split("\n"), WRONG_INPUT
    if isinstance(error, OutputRefused | GeoError | DispatchError | SimError):
        return str(error).splitlines(), WRONG_INPUT
    if isinstance(error, ScenariosError):
        return [_one_line(error)], FAILED
    if isinstance(error, ModuleNotFoundError):
        missing = f"the package {error.name!r} is missing: install heartreach[planner]"
        return [missing], FAILED
    if isinstance(error, OSError | MemoryError):
        return [_one_line(error)], FAILED
    hint = f"set {TRACEBACK_VARIABLE}=1 to see where; please report it"
    return [f"internal error: {type(error).__name__}: {_one_line(error)} ({hint})"], FAILED


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


class Progress:
    """Steps and counts of a long command on standard error; silent when nobody is watching."""

    def __init__(self, bar: Any = None) -> None:
        self._bar = bar
        self._task: Any = None

    def step(self, words: str) -> None:
        """Say what is being done now."""
        if self._bar is not None:
            self._show(words, None, None)

    def count(self, done: int, total: int, words: str = "replications") -> None:
        """Say how much of it is done."""
        if self._bar is not None:
            self._show(f"{done} of {total} {words}", done, total)

    def _show(self, words: str, done: int | None, total: int | None) -> None:
        if self._task is None:
            self._task = self._bar.add_task(words, total=total)
        self._bar.update(self._task, description=words, completed=done or 0, total=total)


@contextmanager
def progress_shown(*, quiet: bool) -> Iterator[Progress]:
    """A ``Progress`` for the time of one command: drawn on a terminal, else silent."""
    if quiet or not sys.stderr.isatty():
        yield Progress()
        return
    from rich.console import Console  # noqa: PLC0415 - not needed for --help
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield Progress(bar)
