"""From a scenario's name and the flags of a command to a results folder and an answer."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, to_builtins

from scenarios.errors import Fault, InputFaults, OutputRefused
from scenarios.loading import load_scenario
from scenarios.options import options_of
from scenarios.output import check_output, drop_unfinished, parts_folder, results_folder
from scenarios.own_files import check_files
from scenarios.schema import PoliciesTable, Scenario
from scenarios.shipped import scenario_file
from scenarios.stopping import StoppingRule
from scenarios.terminal import print_json, progress_shown

if TYPE_CHECKING:
    from scenarios.metrics.shape import Summary
    from scenarios.study import StudyResult


class Changes(Struct, frozen=True, kw_only=True):
    """What flags set over the file; ``None`` leaves it."""

    extract: Path | None = None
    zones: Path | None = None
    replications: int | None = None
    years: float | None = None
    seed: int | None = None
    policies: tuple[str, ...] = ()  # instead of those of the scenario, the comparator first


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
    update: dict[str, Any] = {
        "region": scenario.region.model_copy(update=region),
        "run": scenario.run.model_copy(update=run),
    }
    if changes.policies:
        update["policies"] = _named_policies(changes.policies)
        update["options"] = ()  # rules are compared then, under the scenario's own means
    return scenario.model_copy(update=update)


def _named_policies(named: tuple[str, ...]) -> PoliciesTable:
    """Options named on the command line; files are those of the folder where one stands."""
    names = tuple(
        str(Path(name).expanduser().absolute()) if name.endswith(".toml") else name
        for name in named
    )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        found = f"{', '.join(repeated)} more than once"
        raise InputFaults([Fault("--policies", "", "each option once", found)])
    return PoliciesTable(compare=names)


class Order(Struct, frozen=True, kw_only=True):
    """How a study is run and told."""

    workers: int | None = None
    events: str = "sample"
    force: bool = False
    quiet: bool = False
    as_json: bool = False
    resume: bool = False
    vary: bool = False  # inputs lower and higher, one at a time
    rule: StoppingRule | None = None


def run_scenario(name: str, out: Path, *, changes: Changes, order: Order) -> None:
    """Run one scenario and say where the answer is.

    Raises:
        ScenariosError, GeoError, DispatchError, SimError: the input is wrong; nothing is left in
            ``out`` then.
    """
    result = _study(name, out, changes, order)
    if order.as_json:
        print_json({"answer": result.answer, "out": str(out), **_own_json(result)})
        return
    print(result.answer)
    print_lines(caution_lines(result.summary))
    print_lines(own_lines(result.summary))
    print(f"\nReport: {out / 'report.html'}")


def compare_options(name: str, out: Path, measure: str, *, changes: Changes, order: Order) -> None:
    """Compare options and say the difference of each to the comparator.

    Raises:
        ScenariosError, GeoError, DispatchError, SimError: as ``run_scenario``.
    """
    from scenarios.comparing import comparison_lines, comparison_rows  # noqa: PLC0415 - heavy

    result = _study(name, out, changes, order, at_least=2)
    measure = measure or f"survival_{result.facts.outcomes[0].name}"
    summary = result.summary
    if order.as_json:
        print_json(
            {
                "answer": result.answer,
                "out": str(out),
                "measure": measure,
                "replications": summary.replications,
                "differences": comparison_rows(summary, measure),
                "stopping": None if summary.stopping is None else to_builtins(summary.stopping),
                **_own_json(result),
            }
        )
        return
    print(result.answer)
    print_lines(caution_lines(summary))
    print_lines(["", *comparison_lines(summary, measure)])
    print_lines(own_lines(summary))
    print(f"\nReport: {out / 'report.html'}")


def _study(
    name: str, out: Path, changes: Changes, order: Order, *, at_least: int = 1
) -> StudyResult:
    check_output(out, force=order.force)
    scenario = changed(load_scenario(scenario_file(name)), changes)
    options = options_of(scenario)
    if len(options) < at_least:
        place = Fault("--policies", "", f"at least {at_least} options to compare", options[0].name)
        raise InputFaults([place])
    check_files(option.scenario for option in options)
    parts = parts_folder(out)
    if order.resume:
        drop_unfinished(out)
    try:
        with (
            progress_shown(quiet=order.quiet) as progress,
            results_folder(out, force=order.force) as folder,
        ):
            from scenarios.study import run_study  # noqa: PLC0415 - the heavy part

            return run_study(
                scenario,
                folder,
                replications=scenario.run.replications,
                seed=scenario.run.seed,
                workers=order.workers or usable_cores(),
                events=order.events,
                progress=progress,
                parts=parts,
                resume=order.resume,
                vary=order.vary,
                rule=order.rule,
            )
    except OutputRefused:
        if not order.resume:  # whose parts are another study's is told to begin again
            _say_what_is_kept(parts)
        raise
    except BaseException:
        _say_what_is_kept(parts)
        raise


def _say_what_is_kept(parts: Path) -> None:
    """Finished replications stay; a folder without any goes."""
    kept = len(list(parts.glob("*.part")))
    if kept:
        print(f"{kept} finished replications are kept: add --resume to go on", file=sys.stderr)
    elif parts.is_dir():
        shutil.rmtree(parts, ignore_errors=True)


def caution_lines(summary: Summary) -> list[str]:
    """What a reader must know before they believe the answer; empty without any."""
    return ["", *summary.cautions] if summary.cautions else []


def own_lines(summary: Summary) -> list[str]:
    """What became of the planner's own files, one line each; empty without any."""
    lines = [use.words for use in summary.own_data]
    if summary.demand_fit is not None:
        lines.append(summary.demand_fit.sentence)
    if summary.back_cast is not None:
        lines.append(summary.back_cast.sentence)
    return ["", *lines] if lines else []


def print_lines(lines: list[str]) -> None:
    """Lines on standard output; nothing at all without any."""
    if lines:
        print("\n".join(lines))


def _own_json(result: StudyResult) -> dict[str, Any]:
    """What the planner's own files add to an answer in JSON."""
    found = {
        "own_data": result.summary.own_data,
        "demand_fit": result.summary.demand_fit,
        "back_cast": result.summary.back_cast,
        "cautions": result.summary.cautions,
    }
    return {name: to_builtins(value) for name, value in found.items() if value}


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
