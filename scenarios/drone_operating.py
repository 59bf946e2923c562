"""``heartreach drone-operator``: from what was asked to an operator at work."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from scenarios.drone_operator import Operator, OperatorClock, registry
from scenarios.drone_operator_air import air_of
from scenarios.errors import Fault, InputFaults, ScenariosError
from scenarios.loading import load_scenario
from scenarios.shipped import scenario_file
from sim.drones import Fleet
from sim.randomness import Draws

KEY_VARIABLE = "HEARTREACH_DRONE_KEY"


@dataclass(frozen=True)
class Work:
    """What the command was given."""

    scenario: str
    service: str
    key_file: Path | None
    begin: datetime | None
    hurry: float
    seed: int
    listed: bool
    quiet: bool


def operate(work: Work) -> None:
    """Print the list of drones, or work until interrupted.

    Raises:
        InputFaults: the scenario, the address or the key is wrong.
        ScenariosError: the service is not there, or refuses the key.
    """
    scenario = load_scenario(scenario_file(work.scenario))
    begin_s = None if work.begin is None else work.begin.replace(tzinfo=UTC).timestamp()
    air, begin_s = air_of(scenario, begin_s, work.seed)
    if work.listed:
        print(registry(Fleet(air, Draws(work.seed, 0))), end="")
        return
    operator = Operator(
        work.service,
        _key(work.key_file),
        air,
        OperatorClock.begin(begin_s, work.hurry),
        seed=work.seed,
        say=_say_nothing if work.quiet else _say,
    )
    try:
        asyncio.run(operator.run())
    except httpx.HTTPStatusError as error:
        status, path = error.response.status_code, error.request.url.path
        raise ScenariosError(f"{work.service}: {path} answered {status}") from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ScenariosError(f"{work.service}: no service answers there ({error})") from error


def _key(file: Path | None) -> str:
    if file is None:
        key = os.environ.get(KEY_VARIABLE, "")
        if not key:
            expected = f"a key in the environment's {KEY_VARIABLE}, or a file that holds it"
            raise InputFaults([Fault("drone-operator", "--key-file", expected)])
        return key.strip()
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        expected = "a readable file with the key of a drone operator"
        raise InputFaults([Fault(str(file), "--key-file", expected)]) from error


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _say_nothing(_: str) -> None:
    """Quiet."""
