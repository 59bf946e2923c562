"""A study: replications of all options, spread over processes, written down in one order.

Each worker process opens the region once and plays whole replications; the parent writes their
tables in order of replication, whatever order they finish in. So the number of workers changes
nothing but the time, and two runs leave the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec
from pyarrow import concat_tables, parquet

from dispatch.config import Policy
from geo.region import Region
from scenarios.back_cast import BackCast, back_cast
from scenarios.dead_spots import dead_spots_file, no_signal_of
from scenarios.errors import Fault, InputFaults
from scenarios.inputs import Inputs, read_inputs
from scenarios.loading import read_text
from scenarios.metrics.facts import StudyFacts
from scenarios.metrics.gathering import study_facts
from scenarios.metrics.measures import measure_keys
from scenarios.metrics.panel import CLOCKS, Panel, Tables
from scenarios.metrics.quantiles import QUANTILES
from scenarios.metrics.shape import Summary
from scenarios.metrics.summary import summarise, summary_json
from scenarios.option_facts import Tally, option_facts, told_changes
from scenarios.options import Option, options_of
from scenarios.parts import Parts, study_mark
from scenarios.playing import Play, Played, Players, PlayScene, WorkerLostError
from scenarios.regions import open_region, prepare_region
from scenarios.report.page import write_report
from scenarios.row_use import RowUse
from scenarios.schema import Scenario
from scenarios.sensitivity import rerun, sensitivity
from scenarios.stopping import Stopping, StoppingRule, next_total, stopped
from scenarios.tables import TableWriter
from sim.parameters import WorldParameters, check
from sim.records import ALERT_COLUMNS, EVENT_COLUMNS, incident_columns
from sim.replication import EVENT_CHOICES

if TYPE_CHECKING:
    from scenarios.air_study import AirStudy

__all__ = ["Progress", "Silent", "StudyResult", "WorkerLostError", "read_tables", "run_study"]


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


def run_study(
    scenario: Scenario,
    out_dir: Path,
    *,
    replications: int | None = None,
    seed: int | None = None,
    workers: int = 1,
    events: str = "sample",
    progress: Progress | None = None,
    parts: Path | None = None,
    resume: bool = False,
    rule: StoppingRule | None = None,
    vary: bool = False,
) -> StudyResult:
    """Play a scenario and leave tables, ``summary.json`` and ``report.html`` in ``out_dir``.

    ``out_dir`` is an existing folder of the caller's (``scenarios.output.results_folder``).
    ``events``: keep the events of ``all`` incidents, of a ``sample``, or of ``none``.
    ``parts``: a folder for finished replications, gone when the study is complete; with ``resume``
    those that an earlier start left there are used. ``rule``: replications come in rounds until it
    is content, instead of a fixed number. ``vary``: play inputs lower and higher, one at a time, to
    say what would change the answer.

    Raises:
        InputFaults: the scenario or a file that it names is wrong.
        GeoError, SimError: the region cannot be used for this study.
        WorkerLostError: a worker process died.
        OutputRefused: the parts to resume from belong to another study.
        KeyboardInterrupt: the user broke off; all workers are gone then.
    """
    say = progress or Silent()
    if events not in EVENT_CHOICES:
        raise InputFaults([Fault("--events", "", f"one of {', '.join(EVENT_CHOICES)}", events)])
    prepared = _prepared(_with_run(scenario, replications, seed), events, say)
    scenario, play, facts_of = prepared.scenario, prepared.play, prepared.facts
    for use in prepared.row_use:
        say.step(use.words)
    held = [f"{item.region.region_id} {item.dead_spots}" for item in prepared.means]
    mark = study_mark(play, held)
    kept = None if parts is None else Parts(parts, mark, resume=resume)
    stopping = None
    if rule is None:
        total = scenario.run.replications
        tally = _write_tables(play, out_dir, total, workers, kept, say)
    else:
        _refuse_rule(rule, scenario, [option.policy for option in prepared.options])
        total, tally, stopping = _write_rounds(play, out_dir, workers, kept, say, rule, facts_of)
    say.step("working out the answer")
    facts = facts_of(total, tally)
    tables = read_tables(out_dir)
    air = _air(prepared.options, tables, facts, tally)
    summary = msgspec.structs.replace(
        summarise(tables, facts),
        own_data=prepared.row_use,
        back_cast=_back_cast(tables, facts),
        demand_fit=prepared.means[0].inputs.demand_fit,
        stopping=stopping,
        air=None if air is None else air.summary,
    )
    again = None
    if vary:
        again = rerun(scenario, tables, facts, partial(_play_again, workers=workers), say.step)
    summary = msgspec.structs.replace(summary, sensitivity=sensitivity(summary, facts, again))
    (out_dir / "summary.json").write_bytes(summary_json(summary))
    _keep_inputs(scenario, out_dir)
    say.step("drawing the report")
    write_report(out_dir / "report.html", facts, summary, tables, prepared.means[0].region, air)
    if kept is not None:
        kept.discard()
    return StudyResult(summary, facts, out_dir)


class _Prepared(NamedTuple):
    """A study before it is played."""

    scenario: Scenario
    options: tuple[Option, ...]
    means: tuple[_Means, ...]
    row_use: tuple[RowUse, ...]
    play: Play

    def facts(self, replications: int, tally: Tally) -> StudyFacts:
        """The facts, once the tables are there."""
        run = self.scenario.run.model_copy(update={"replications": replications})
        first = self.means[0]
        changes = told_changes(self.options)
        return study_facts(
            self.scenario.model_copy(update={"run": run}),
            first.region,
            [option.policy for option in self.options],
            volunteers=tally.volunteers / replications,
            observed=first.inputs.observed,
            fleet=first.inputs.parameters.fleet,
            options=[
                tally.in_option(
                    msgspec.structs.replace(
                        option_facts(option, item.region, item.inputs.parameters), changes=told
                    ),
                    replications,
                )
                for option, item, told in zip(self.options, self.means, changes, strict=True)
            ],
        )


def _prepared(scenario: Scenario, events: str, say: Progress) -> _Prepared:
    """Options, region and inputs of a scenario, its faults told before anything is played."""
    options = options_of(scenario)
    folder = prepare_region(scenario, progress=say.step)
    means = tuple(_means(option, folder) for option in options)
    play = Play(
        scenario,
        folder,
        _scenes(options, means),
        tuple(option.name for option in options),
        scenario.run.seed,
        events,
    )
    row_use = _each_once(use for item in means for use in item.inputs.row_use)
    return _Prepared(scenario, options, means, row_use, play)


def _play_again(
    scenario: Scenario, replications: int, *, workers: int
) -> tuple[Tables, StudyFacts]:
    """The first replications of a scenario with other inputs, in memory."""
    prepared = _prepared(scenario, "none", Silent())
    tally, kept = Tally(), []
    with Players(prepared.play, min(workers, replications)) as players:
        for played in players.play(range(replications)):
            tally.add(played)
            kept.append(played)
    incidents, alerts = (
        concat_tables([getattr(played, name) for played in kept])
        for name in ("incidents", "alerts")
    )
    return Tables(incidents, alerts), prepared.facts(replications, tally)


class _Means(NamedTuple):
    """The means of one option: its region with its own AEDs, and its parameters."""

    region: Region
    inputs: Inputs
    dead_spots: str  # what the file holds


def _means(option: Option, folder: Path) -> _Means:
    """Everything that an option has, its faults told before anything is played."""
    region = open_region(option.scenario, folder)
    inputs = read_inputs(option.scenario, region)
    _refuse_faults(option.scenario, inputs.parameters)
    if option.scenario.drones.any_fly:
        from scenarios.drone_files import sky_of  # noqa: PLC0415 - loads the air router

        sky_of(option.scenario)
    no_signal_of(option.scenario)
    spots = dead_spots_file(option.scenario)
    return _Means(region, inputs, "" if spots is None else read_text(spots))


def _scenes(options: Sequence[Option], means: Sequence[_Means]) -> tuple[PlayScene, ...]:
    """Options with equal means share a scene, in the order of the first of each."""
    scenes: list[PlayScene] = []
    for option, item in zip(options, means, strict=True):
        own, inputs = option.scenario, item.inputs.parameters
        for i, scene in enumerate(scenes):
            other = scene.scenario
            same = (other.aeds, other.drones) == (own.aeds, own.drones)
            same = same and other.responders.dead_spots == own.responders.dead_spots
            if same and scene.parameters == inputs:
                scenes[i] = scene._replace(policies=(*scene.policies, option.policy))
                break
        else:
            scenes.append(PlayScene(own, inputs, (option.policy,)))
    return tuple(scenes)


def _each_once(uses: Iterable[RowUse]) -> tuple[RowUse, ...]:
    return tuple(dict.fromkeys(uses))


def _air(
    options: Sequence[Option], tables: Tables, facts: StudyFacts, tally: Tally
) -> AirStudy | None:
    """What drones came to, where an option flies."""
    if not any(option.scenario.drones.any_fly for option in options):
        return None
    from scenarios.air_study import air_study  # noqa: PLC0415 - loads the air router
    from scenarios.drone_files import sky_of  # noqa: PLC0415

    skies = {option.name: sky_of(option.scenario) for option in options}
    flying = {name: sky for name, sky in skies.items() if sky is not None}
    return air_study(Panel(tables, facts), flying, tally.weather)


def _back_cast(tables: Tables, facts: StudyFacts) -> BackCast | None:
    """The planner's own response times beside those of the comparator's arrests."""
    observed = facts.observed
    if observed is None:
        return None
    panel = Panel(tables, facts)
    simulated = panel.clock(facts.baseline.id, "ambulance")[panel.arrest]
    return back_cast(
        observed.ambulance_s, simulated, source=observed.source, replayed=observed.replayed
    )


def _refuse_rule(rule: StoppingRule, scenario: Scenario, policies: Sequence[Policy]) -> None:
    faults = []
    if len(policies) < 2:
        faults.append(Fault("--precision", "", "at least two options to compare", "one"))
    quantiles = [f"{clock}_{name}_s" for clock in CLOCKS for name, _ in QUANTILES]
    known = [*measure_keys(scenario.outcome.models), *quantiles]
    if rule.measure not in known:
        near = get_close_matches(rule.measure, known, 1)
        hint = f"did you mean {near[0]}?" if near else ""
        faults.append(
            Fault("--measure", "", f"one of {', '.join(known)}", repr(rule.measure), hint=hint)
        )
    if faults:
        raise InputFaults(faults)


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


# --- playing and writing in order ------------------------------------------------------------


class _Book:
    """The tables of a study while it is written."""

    def __init__(self, out_dir: Path, play: Play, stack: ExitStack) -> None:
        models = play.parameters.outcome.models
        columns = {
            "incidents": incident_columns(models, drones=play.has_drones),
            "alerts": ALERT_COLUMNS,
        }
        if play.events != "none":
            columns["events"] = EVENT_COLUMNS
        self._writers = {
            name: stack.enter_context(TableWriter(out_dir, name, kinds))
            for name, kinds in columns.items()
        }
        self.tally = Tally()
        self.done = 0

    def write(self, played: Played) -> None:
        for name, writer in self._writers.items():
            writer.write(getattr(played, name))
        self.tally.add(played)
        self.done += 1


def _write_tables(
    play: Play, out_dir: Path, total: int, workers: int, parts: Parts | None, say: Progress
) -> Tally:
    """Write the tables of all replications; what was counted beside them."""
    say.count(0, total)
    with ExitStack() as stack:
        players = stack.enter_context(Players(play, min(workers, total)))
        book = _Book(out_dir, play, stack)
        for played in _all_played(players, range(total), parts):
            book.write(played)
            say.count(book.done, total)
    return book.tally


def _write_rounds(
    play: Play,
    out_dir: Path,
    workers: int,
    parts: Parts | None,
    say: Progress,
    rule: StoppingRule,
    facts_of: Callable[[int, Tally], StudyFacts],
) -> tuple[int, Tally, Stopping]:
    """Rounds until the rule is content: replications, what was counted, and why."""
    rounds: list[int] = []
    widths: dict[str, float | None] = {}
    kept: list[Played] = []
    with ExitStack() as stack:
        players = stack.enter_context(Players(play, workers))
        book = _Book(out_dir, play, stack)
        while (total := next_total(rule, rounds, list(widths.values()))) is not None:
            for played in _all_played(players, range(book.done, total), parts):
                book.write(played)
                kept.append(played)
                say.count(book.done, total)
            rounds.append(total)
            say.step("looking at the intervals")
            facts = facts_of(total, book.tally)
            widths = _half_widths(rule, facts, kept)
    return rounds[-1], book.tally, stopped(rule, rounds, widths)


def _half_widths(
    rule: StoppingRule, facts: StudyFacts, kept: Sequence[Played]
) -> dict[str, float | None]:
    """Half width of the difference of each option to the comparator."""
    incidents, alerts = (
        concat_tables([getattr(played, name) for played in kept])
        for name in ("incidents", "alerts")
    )
    summary = summarise(Tables(incidents=incidents, alerts=alerts, events=None), facts)
    widths: dict[str, float | None] = {}
    for item in summary.comparisons:
        found = item.differences[rule.measure]
        known = found.low is not None and found.high is not None
        widths[item.policy] = (found.high - found.low) / 2 if known else None  # type: ignore[operator]
    return widths


def _all_played(
    players: Players, replications: Sequence[int], parts: Parts | None
) -> Iterator[Played]:
    """All of them in order: from the parts of an earlier start, or played now."""
    if parts is None:
        yield from players.play(replications)
        return
    fresh = players.play([number for number in replications if not parts.has(number)])
    for replication in replications:
        played = parts.get(replication)
        if played is None:
            played = next(fresh)
            parts.put(replication, played)
        yield played
