"""From a scenario's name and the flags of a command to a results folder and an answer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from msgspec import Struct

from scenarios.errors import Fault, InputFaults
from scenarios.loading import load_scenario
from scenarios.options import load_options
from scenarios.output import check_output, results_folder
from scenarios.schema import Scenario
from scenarios.shipped import scenario_file
from scenarios.terminal import print_json, progress_shown


class Changes(Struct, frozen=True, kw_only=True):
    """What flags set over the file; ``None`` leaves it."""

    extract: Path | None = None
    zones: Path | None = None
    replications: int | None = None
    years: float | None = None
    seed: int | None = None


def changed(scenario: Scenario, changes: Changes) -> Scenario:
    """The scenario with the flags in it.

    Raises:
        InputFaults: a file that a flag names is not there.
    """
    region: dict[str, Any] = {}
    faults = []
    for flag, path in (("--extract", changes.extract), ("--zones", changes.zones)):
        if path is not None and not path.exists():
            faults.append(Fault(flag, "", "a file that is there", str(path)))
    if faults:
        raise InputFaults(faults)
    if changes.extract is not None:
        region["source"] = str(changes.extract.absolute())
        if changes.extract.is_dir():  # a region folder has its own zones and time zone
            region |= {"zones": None, "timezone": None}
    if changes.zones is not None:
        region["zones"] = str(changes.zones.absolute())
    named = {"replications": changes.replications, "years": changes.years, "seed": changes.seed}
    run = {name: value for name, value in named.items() if value is not None}
    return scenario.model_copy(
        update={
            "region": scenario.region.model_copy(update=region),
            "run": scenario.run.model_copy(update=run),
        }
    )


def run_scenario(
    name: str,
    out: Path,
    *,
    changes: Changes,
    workers: int | None,
    events: str,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run one scenario and say where the answer is.

    Raises:
        ScenariosError, GeoError, DispatchError, SimError: the input is wrong; nothing is left in
            ``out`` then.
    """
    check_output(out, force=force)
    scenario = changed(load_scenario(scenario_file(name)), changes)
    load_options(scenario)
    with progress_shown(quiet=quiet) as progress, results_folder(out, force=force) as folder:
        from scenarios.study import run_study  # noqa: PLC0415 - the heavy part

        result = run_study(
            scenario,
            folder,
            replications=scenario.run.replications,
            seed=scenario.run.seed,
            workers=workers or usable_cores(),
            events=events,
            progress=progress,
        )
    answer = result.answer
    if as_json:
        print_json({"answer": answer, "out": str(out)})
        return
    print(answer)
    print(f"\nReport: {out / 'report.html'}")


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
