"""One replication: one drawn world, met by each policy in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dispatch.config import Policy
from sim.backdrop import Backdrop
from sim.parameters import WorldParameters
from sim.randomness import Draws
from sim.records import Grounded, Records, other_aircraft
from sim.setting import Setting
from sim.world import Recorder, World

if TYPE_CHECKING:
    from sim.drone_air import AirWorld

SAMPLE_EVERY = 50  # incidents per incident whose events are kept with events = "sample"

EVENT_CHOICES = ("all", "sample", "none")


def warmup() -> None:
    """Compile, or load from the cache, everything that a replication calls."""
    from geo import routing  # noqa: PLC0415 - loads numba
    from sim import kernels_people  # noqa: PLC0415 - loads numba

    routing.warmup()
    kernels_people.warmup()


class Scene(NamedTuple):
    """A world of one replication and the policies that meet it."""

    setting: Setting
    parameters: WorldParameters
    policies: tuple[Policy, ...]


def run_replication(
    setting: Setting,
    parameters: WorldParameters,
    policies: Sequence[Policy],
    *,
    seed: int,
    replication: int,
    events: str = "none",
    recorder: Recorder | None = None,
) -> Records:
    """All policies over the same calls, people, AEDs and ambulances of one replication.

    ``events``: keep the events of ``all`` incidents, of a ``sample`` or of ``none``. The recorder
    sees every step of every incident. The result is a function of the arguments alone.
    """
    scene = Scene(setting, parameters, tuple(policies))
    return run_scenes([scene], seed=seed, replication=replication, events=events, recorder=recorder)


def run_scenes(
    scenes: Sequence[Scene],
    *,
    seed: int,
    replication: int,
    events: str = "none",
    recorder: Recorder | None = None,
) -> Records:
    """As ``run_replication``, where policies meet worlds with other means: drones, groups, people.

    Draws are keyed by call, person, AED and drone, so the calls are the same in every scene, and so
    is whoever stands in several of them. Rows come scene by scene; all have the columns of drones
    where any scene has them. ``Records.volunteers`` are those of the first scene.
    """
    draws = Draws(seed, replication)
    models = scenes[0].parameters.outcome.models
    has_drones = any(scene.setting.sky is not None for scene in scenes)
    records = Records.empty(models, drones=has_drones)
    first: Backdrop | None = None
    types: dict[str, str] = {}
    for scene in scenes:
        asking = [policy.search_bound_s for policy in scene.policies if policy.waves]
        backdrop = Backdrop(
            scene.setting, scene.parameters, draws, bound_s=max(asking, default=0.0), like=first
        )
        first = first or backdrop
        for number, policy in enumerate(scene.policies, start=1):
            world = World(
                backdrop,
                policy,
                recorder=recorder,
                logged=_logged(events),
                last=number == len(scene.policies),
            )
            records.add(world.run())
            records.people[policy.name] = backdrop.people.n
        if backdrop.air is not None:
            _add_grounded(records, backdrop.air, types)
    records.volunteers = first.people.n if first is not None else 0
    return records


def _add_grounded(records: Records, air: AirWorld, types: dict[str, str]) -> None:
    """Days on the ground of every base with a drone; a base has one weather in all scenes.

    ``types``: the aircraft that stood there first, by base.
    """
    from sim.flyability import flyability  # noqa: PLC0415 - loads the air router

    inputs = air.parameters
    for base, series in zip(inputs.bases, air.weather, strict=True):
        key = base.base_id
        if types.setdefault(key, base.aircraft) != base.aircraft:
            key = other_aircraft(key, base.aircraft)
        if base.drones and key not in records.grounded:
            kind = inputs.aircraft_of(base)
            found = flyability(kind, series, night_flying=inputs.night_flying)
            records.grounded[key] = Grounded(found.days_grounded, found.whole_days, found.by_reason)


def _logged(events: str) -> Callable[[int], bool] | None:
    if events == "none":
        return None
    if events == "all":
        return lambda _: True
    return lambda incident: incident % SAMPLE_EVERY == 0
