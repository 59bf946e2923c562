"""The scenarios that come with the product: ``scenarios/library/NAME/scenario.toml``."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from scenarios.errors import Fault, InputFaults

LIBRARY = Path(__file__).resolve().parent / "library"
SCENARIO_FILE = "scenario.toml"


def shipped_names() -> list[str]:
    """Names of all shipped scenarios."""
    return sorted(path.parent.name for path in LIBRARY.glob(f"*/{SCENARIO_FILE}"))


def scenario_file(name: str) -> Path:
    """The file that a command line argument means: a TOML file, a folder with one, or a name.

    Raises:
        InputFaults: there is no such file, and no shipped scenario of that name.
    """
    shipped = LIBRARY / name / SCENARIO_FILE
    path = Path(name).expanduser()
    if path.suffix == ".toml":
        return path
    if path.is_dir() and (path / SCENARIO_FILE).is_file():
        return path / SCENARIO_FILE
    if name in shipped_names():
        return shipped
    near = get_close_matches(name, shipped_names(), 1)
    hint = f"did you mean {near[0]}?" if near else ""
    expected = f"a scenario file (*.toml) or one of {', '.join(shipped_names())}"
    raise InputFaults([Fault("SCENARIO", "", expected, repr(name), hint=hint)])
