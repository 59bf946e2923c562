"""The command line of Heartreach: mounts the planners' and the service's commands.

Nothing heavy is imported here; each command imports what it needs when it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer

_ROOMS = ("geo", "dispatch", "notifications", "scenarios", "sim")
_HERE = Path(__file__).resolve().parent
_FAILED, _INTERRUPTED = 1, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 done, 1 failed, 2 wrong call, 130 stopped."""
    complaint = _foreign_rooms()
    if complaint:
        print(complaint, file=sys.stderr)
        sys.exit(_FAILED)
    try:
        commands = _command_line()
        commands(args=None if arguments is None else list(arguments), prog_name="heartreach")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


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
    from scenarios.cli import app  # noqa: PLC0415 - after the check that it is ours

    if find_spec("dispatch.live.cli") is not None:  # the service is an extra
        live: Any = import_module("dispatch.live.cli")
        live.town = lambda: import_module("scenarios.demo").town_folder()
        live.demo = lambda *given: import_module("scenarios.demo").play(*given)
        service: typer.Typer = live.app
        app.registered_commands += service.registered_commands
        app.registered_groups += service.registered_groups
    return app


if __name__ == "__main__":
    main()
