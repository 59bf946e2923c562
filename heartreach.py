"""The command line of Heartreach: mounts the planners' and the service's commands.

Nothing heavy is imported here; each command imports what it needs when it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

_ROOMS = ("geo", "dispatch", "notifications", "scenarios", "sim")
_HERE = Path(__file__).resolve().parent
_FOREIGN = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 done, 1 failed, 2 wrong call, 130 stopped."""
    complaint = _foreign_rooms()
    if complaint:
        print(complaint, file=sys.stderr)
        sys.exit(_FOREIGN)
    _command_line()(args=None if arguments is None else list(arguments), prog_name="heartreach")


def _foreign_rooms() -> str:
    """What to say if another distribution owns one of our package names; empty if all is well."""
    for room in _ROOMS:
        spec = find_spec(room)
        if spec is None or spec.origin is None:
            return f"heartreach: the package {room!r} is missing: install Heartreach again"
        if Path(spec.origin).resolve().parent != _HERE / room:
            return (
                f"heartreach: the package {room!r} at {spec.origin} belongs to another "
                "distribution: install Heartreach in an environment of its own (pipx, uv tool)"
            )
    return ""


def _command_line() -> typer.Typer:
    from scenarios.cli import app  # noqa: PLC0415 - after the check

    app.callback(invoke_without_command=True, no_args_is_help=True)(_everywhere)
    if find_spec("dispatch.live.cli") is not None:  # the service is an extra
        service: typer.Typer = import_module("dispatch.live.cli").app
        app.registered_commands += service.registered_commands
        app.registered_groups += service.registered_groups
    return app


def _say_version(asked: bool) -> None:
    if not asked:
        return
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow to load

    try:
        print(f"heartreach {version('heartreach')}")
    except PackageNotFoundError:
        print("heartreach (not installed)")
    raise typer.Exit


def _everywhere(
    shown: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    """Gets trained neighbours and defibrillators to a cardiac arrest sooner, and shows beforehand
    what would.

    Results go to standard output or into --out, progress to standard error. Exit codes: 0 done,
    1 could not be done, 2 the input or the call was wrong, 130 interrupted.
    """


if __name__ == "__main__":
    main()
