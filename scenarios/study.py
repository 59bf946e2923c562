"""A study: replications of all options, spread over processes, written down in one order.

Each worker process opens the region once and plays whole replications; the parent writes their
tables in order of replication, whatever order they finish in. So the number of workers changes
nothing but the time, and two runs leave the same bytes.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pyarrow import parquet

from dispatch.config import Policy
from geo.region import Region
from geo.routing import warmup
from scenarios.errors import Fault, InputFaults, ScenariosError
from scenarios.inputs import world_parameters
from scenarios.metrics.facts import StudyFacts
from scenarios.metrics.gathering import study_facts
from scenarios.metrics.panel import Tables
from scenarios.metrics.shape import Summary
from scenarios.metrics.summary import summarise, summary_json
from scenarios.options import load_options
from scenarios.regions import invented_parts, open_region, prepare_region
from scenarios.report.page import write_report
from scenarios.schema import Scenario
from scenarios.tables import TableWriter, to_arrow
from sim.parameters import WorldParameters, check
from sim.records import ALERT_COLUMNS, EVENT_COLUMNS, incident_columns
from sim.replication import EVENT_CHOICES, run_replication
from sim.modes import MODES
from sim.setting import Setting, setting_from_region

AHEAD_PER_WORKER = 3  # replications under way or waiting to be written, per worker


class Progress(Protocol):
    """Who wants to know how far a study is."""

    def step(self, words: str) -> None:
        """What is being done now."""

    def count(self, done: int, total: int) -> None:
        """Replications finished, and how many there are."""


class Silent:
    """Nobody wants to know."""

    def step(self, words: str) -> None:
        """Say nothing."""

    def count(self, done: int, total: int) -> None:
        """Say nothing."""


class WorkerLostError(ScenariosError):
    """A worker process died, most likely for want of memory."""


@dataclass(frozen=True)
class StudyResult:
    """A finished study."""

    summary: Summary
    facts: StudyFacts
    out: Path

    @property
    def answer(self) -> str:
        """The answer to the scenario's question in a sentence."""
        return self.summary.answer.sentence


class Play(NamedTuple):
    """What a worker needs to play replications."""

    scenario: Scenario
    region_folder: Path
    parameters: WorldParameters
    policies: tuple[Policy, ...]
    seed: int
    events: str


class Played(NamedTuple):
    """One replication as Arrow tables."""

    incidents: Any
    alerts: Any
    events: Any
    volunteers: int


def run_study(
    scenario: Scenario,
    out_dir: Path,
    *,
    replications: int | None = None,
    seed: int | None = None,
    workers: int = 1,
    events: str = "sample",
    progress: Progress | None = None,
) -> StudyResult:
    """Play a scenario and leave tables, ``summary.json`` and ``report.html`` in ``out_dir``.

    ``out_dir`` is an existing folder of the caller's (``scenarios.output.results_folder``).
    ``events``: keep the events of ``all`` incidents, of a ``sample``, or of ``none``.

    Raises:
        InputFaults: the scenario or a file that it names is wrong.
        GeoError, SimError: the region cannot be used for this study.
        WorkerLostError: a worker process died.
        KeyboardInterrupt: the user broke off; all workers are gone then.
    """
    say = progress or Silent()
    if events not in EVENT_CHOICES:
        raise InputFaults([Fault("--events", "", f"one of {', '.join(EVENT_CHOICES)}", events)])
    scenario = _with_run(scenario, replications, seed)
    policies = load_options(scenario)
    folder = prepare_region(scenario, progress=say.step)
    region = open_region(scenario, folder)
    parameters = world_parameters(scenario, region)
    _refuse_faults(scenario, parameters)
    play = Play(scenario, folder, parameters, policies, scenario.run.seed, events)
    total = scenario.run.replications
    volunteers = _write_tables(play, out_dir, total, workers, say)
    say.step("working out the answer")
    facts = study_facts(scenario, region, policies, volunteers=volunteers / total)
    tables = read_tables(out_dir)
    summary = summarise(tables, facts)
    (out_dir / "summary.json").write_bytes(summary_json(summary))
    _keep_inputs(scenario, out_dir)
    say.step("drawing the report")
    write_report(out_dir / "report.html", facts, summary, tables, region)
    return StudyResult(summary, facts, out_dir)


def read_tables(folder: Path) -> Tables:
    """The tables of a results folder."""
    events = folder / "events.parquet"
    return Tables(
        incidents=parquet.read_table(folder / "incidents.parquet"),
        alerts=parquet.read_table(folder / "alerts.parquet"),
        events=parquet.read_table(events) if events.exists() else None,
    )


def _with_run(scenario: Scenario, replications: int | None, seed: int | None) -> Scenario:
    named = {"replications": replications, "seed": seed}
    run = {name: value for name, value in named.items() if value is not None}
    return scenario.model_copy(update={"run": scenario.run.model_copy(update=run)})


def _refuse_faults(scenario: Scenario, parameters: WorldParameters) -> None:
    faults = check(parameters)
    if faults:
        file = "scenario" if scenario.file is None else str(scenario.file)
        raise InputFaults([Fault(file, fault.field, fault.expected) for fault in faults])


def _keep_inputs(scenario: Scenario, out_dir: Path) -> None:
    if scenario.file is not None and scenario.file.is_file():
        (out_dir / "scenario.toml").write_bytes(scenario.file.read_bytes())


# --- writing in order ------------------------------------------------------------------------


def _write_tables(play: Play, out_dir: Path, total: int, workers: int, say: Progress) -> int:
    """Write the tables of all replications; the number of volunteers over all of them."""
    volunteers = 0
    say.count(0, total)
    with ExitStack() as stack:
        models = play.parameters.outcome.models
        incidents = stack.enter_context(TableWriter(out_dir, "incidents", incident_columns(models)))
        alerts = stack.enter_context(TableWriter(out_dir, "alerts", ALERT_COLUMNS))
        events = (
            stack.enter_context(TableWriter(out_dir, "events", EVENT_COLUMNS))
            if play.events != "none"
            else None
        )
        for done, played in enumerate(_played(play, total, workers), start=1):
            incidents.write(played.incidents)
            alerts.write(played.alerts)
            if events is not None:
                events.write(played.events)
            volunteers += played.volunteers
            say.count(done, total)
    return volunteers


def _played(play: Play, total: int, workers: int) -> Iterator[Played]:
    """All replications in order, from this process or from several."""
    if min(workers, total) <= 1:
        setting = _setting(play)
        for replication in range(total):
            yield _play(play, setting, replication)
        return
    yield from _from_workers(play, total, min(workers, total))


def _from_workers(play: Play, total: int, workers: int) -> Iterator[Played]:
    """Keep every worker busy, a few replications ahead of what has been written."""
    warmup()  # compiled once here, so that the workers find it in the cache
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(play,)
    )
    waiting: deque[Future[Played]] = deque()
    handed_out = 0
    try:
        while handed_out < total or waiting:
            while handed_out < total and len(waiting) < workers * AHEAD_PER_WORKER:
                waiting.append(pool.submit(_play_here, handed_out))
                handed_out += 1
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise WorkerLostError(
            "a worker process died, perhaps for want of memory: try fewer with --workers"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


# --- inside a worker -------------------------------------------------------------------------

_here: dict[str, Any] = {}  # what this worker process holds


def _begin(play: Play) -> None:
    """Prepare a worker; only the parent listens to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here["play"], _here["setting"] = play, _setting(play)


def _play_here(replication: int) -> Played:
    return _play(_here["play"], _here["setting"], replication)


def _setting(play: Play) -> Setting:
    region: Region = open_region(play.scenario, play.region_folder)
    return setting_from_region(
        region,
        population=play.parameters.arrivals.population,
        invented=bool(invented_parts(play.scenario)),
        modes=_modes(play.parameters),
    )


def _modes(parameters: WorldParameters) -> tuple[str, ...]:
    """How anybody comes: only these networks are searched."""
    people = parameters.people
    used = {mode for mode, share in people.modes if share > 0.0} | set(people.mode or ())
    return tuple(sorted(used | {"foot"}, key=MODES.index))


def _play(play: Play, setting: Setting, replication: int) -> Played:
    records = run_replication(
        setting,
        play.parameters,
        play.policies,
        seed=play.seed,
        replication=replication,
        events=play.events,
    )
    return Played(
        to_arrow(records.incidents),
        to_arrow(records.alerts),
        to_arrow(records.events),
        records.volunteers,
    )
