"""Playing replications: in this process or in several, handed out in order."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from dispatch.config import Policy
from scenarios.dead_spots import no_signal_of
from scenarios.errors import ScenariosError
from scenarios.means_files import flying
from scenarios.regions import invented_parts, open_region
from scenarios.schema import Scenario
from scenarios.tables import to_arrow
from sim.modes import MODES
from sim.parameters import WorldParameters
from sim.records import Grounded
from sim.replication import Scene, run_scenes, warmup
from sim.setting import Setting, setting_from_region

if TYPE_CHECKING:
    from sim.sky import Sky

AHEAD_PER_WORKER = 3  # replications under way or waiting to be written, per worker


class WorkerLostError(ScenariosError):
    """A worker process died, most likely for want of memory."""


class Play(NamedTuple):
    """What a worker needs to play replications."""

    scenario: Scenario
    region_folder: Path
    scenes: tuple[PlayScene, ...]
    order: tuple[str, ...]  # of the options in the tables
    seed: int
    events: str

    @property
    def parameters(self) -> WorldParameters:
        """Those of the comparator."""
        return self.scenes[0].parameters

    @property
    def has_drones(self) -> bool:
        """Whether any option has a drone."""
        return any(flying(scene.scenario) for scene in self.scenes)


class PlayScene(NamedTuple):
    """Options that share their means: a world and the policies that meet it."""

    scenario: Scenario
    parameters: WorldParameters
    policies: tuple[Policy, ...]


class Played(NamedTuple):
    """One replication as Arrow tables.

    ``people``: volunteers by option; ``grounded``: what the weather kept from flying, by base.
    """

    incidents: Any
    alerts: Any
    events: Any
    volunteers: int
    people: dict[str, int]
    grounded: dict[str, Grounded]


class Players:
    """Who plays: this process with one worker, else a pool that is kept from round to round."""

    def __init__(self, play: Play, workers: int) -> None:
        self._play = play
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._own: tuple[Scene, ...] | None = None

    def play(self, replications: Sequence[int]) -> Iterator[Played]:
        """These replications in order.

        Raises:
            WorkerLostError: a worker process died.
        """
        if self._workers <= 1 or (len(replications) <= 1 and self._pool is None):
            for replication in replications:
                self._own = self._own or scenes_of(self._play)
                yield _played(self._play, self._own, replication)
            return
        yield from self._from_pool(replications)

    def _from_pool(self, replications: Sequence[int]) -> Iterator[Played]:
        """Keep every worker busy, a few replications ahead of what has been written."""
        if self._pool is None:
            warmup()  # compiled once here, so that the workers find it in the cache
            self._pool = ProcessPoolExecutor(
                min(self._workers, len(replications)) or 1,
                multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(self._play,),
            )
        waiting: deque[Future[Played]] = deque()
        coming = iter(replications)
        try:
            while True:
                while len(waiting) < self._workers * AHEAD_PER_WORKER:
                    replication = next(coming, None)
                    if replication is None:
                        break
                    waiting.append(self._pool.submit(_play_here, replication))
                if not waiting:
                    return
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise WorkerLostError(
                "a worker process died, perhaps for want of memory: try fewer with --workers"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


# --- inside a worker -------------------------------------------------------------------------

_here: dict[str, Any] = {}  # what this worker process holds


def _begin(play: Play) -> None:
    """Prepare a worker; only the parent listens to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here["play"], _here["scenes"] = play, scenes_of(play)


def _play_here(replication: int) -> Played:
    return _played(_here["play"], _here["scenes"], replication)


def scenes_of(play: Play) -> tuple[Scene, ...]:
    """The scenes with their settings; what does not differ is opened once and shared."""
    base = play.scenes[0]
    settings = [_setting(play, base)]
    for scene in play.scenes[1:]:
        same_aeds = scene.scenario.aeds == base.scenario.aeds
        same_ways = _modes(scene.parameters) == _modes(base.parameters)
        settings.append(settings[0] if same_aeds and same_ways else _setting(play, scene))
        if same_ways and not same_aeds:
            settings[-1] = replace(settings[0], aeds=settings[-1].aeds)
    return tuple(
        Scene(
            replace(setting, sky=_sky(scene), no_signal=no_signal_of(scene.scenario)),
            scene.parameters,
            scene.policies,
        )
        for setting, scene in zip(settings, play.scenes, strict=True)
    )


def _setting(play: Play, scene: PlayScene) -> Setting:
    return setting_from_region(
        open_region(scene.scenario, play.region_folder),
        population=scene.parameters.arrivals.population,
        invented=bool(invented_parts(scene.scenario)),
        modes=_modes(scene.parameters),
    )


def _sky(scene: PlayScene) -> Sky | None:
    if not scene.scenario.drones.any_fly:
        return None
    from scenarios.drone_files import sky_of  # noqa: PLC0415 - loads the air router

    return sky_of(scene.scenario)


def _modes(parameters: WorldParameters) -> tuple[str, ...]:
    """How anybody comes: only these networks are searched."""
    people = parameters.people
    used = {mode for mode, share in people.modes if share > 0.0} | set(people.mode or ())
    return tuple(sorted(used | {"foot"}, key=MODES.index))


def _played(play: Play, scenes: tuple[Scene, ...], replication: int) -> Played:
    records = run_scenes(scenes, seed=play.seed, replication=replication, events=play.events)
    in_order = {name: i for i, name in enumerate(play.order)}
    for table in (records.incidents, records.alerts, records.events):
        table.rows.sort(key=lambda row: in_order[row[0]])  # stable: the rest stays as it is
    return Played(
        to_arrow(records.incidents),
        to_arrow(records.alerts),
        to_arrow(records.events),
        records.volunteers,
        records.people,
        records.grounded,
    )
