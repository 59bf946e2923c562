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
from typing import Any, NamedTuple, Self

from dispatch.config import Policy
from geo.region import Region
from scenarios.errors import ScenariosError
from scenarios.regions import invented_parts, open_region
from scenarios.schema import Scenario
from scenarios.tables import to_arrow
from sim.modes import MODES
from sim.parameters import WorldParameters
from sim.replication import run_replication, warmup
from sim.setting import Setting, setting_from_region

AHEAD_PER_WORKER = 3  # replications under way or waiting to be written, per worker


class WorkerLostError(ScenariosError):
    """A worker process died, most likely for want of memory."""


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


class Players:
    """Who plays: this process with one worker, else a pool that is kept from round to round."""

    def __init__(self, play: Play, workers: int) -> None:
        self._play = play
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._own: Setting | None = None

    def play(self, replications: Sequence[int]) -> Iterator[Played]:
        """These replications in order.

        Raises:
            WorkerLostError: a worker process died.
        """
        if self._workers <= 1 or (len(replications) <= 1 and self._pool is None):
            for replication in replications:
                self._own = self._own or _setting(self._play)
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
    _here["play"], _here["setting"] = play, _setting(play)


def _play_here(replication: int) -> Played:
    return _played(_here["play"], _here["setting"], replication)


def _setting(play: Play) -> Setting:
    region: Region = open_region(play.scenario, play.region_folder)
    setting = setting_from_region(
        region,
        population=play.parameters.arrivals.population,
        invented=bool(invented_parts(play.scenario)),
        modes=_modes(play.parameters),
    )
    if not play.scenario.drones.bases:
        return setting
    from scenarios.drone_files import sky_of  # noqa: PLC0415 - loads the air router

    return replace(setting, sky=sky_of(play.scenario))


def _modes(parameters: WorldParameters) -> tuple[str, ...]:
    """How anybody comes: only these networks are searched."""
    people = parameters.people
    used = {mode for mode, share in people.modes if share > 0.0} | set(people.mode or ())
    return tuple(sorted(used | {"foot"}, key=MODES.index))


def _played(play: Play, setting: Setting, replication: int) -> Played:
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
