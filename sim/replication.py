"""One replication: one drawn world, met by each policy in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dispatch.config import Policy
from sim.backdrop import Backdrop
from sim.parameters import WorldParameters
from sim.randomness import Draws
from sim.records import Records
from sim.setting import Setting
from sim.world import Recorder, World

SAMPLE_EVERY = 50  # incidents per incident whose events are kept with events = "sample"

EVENT_CHOICES = ("all", "sample", "none")


def warmup() -> None:
    """Compile, or load from the cache, everything that a replication calls."""
    from geo import routing  # noqa: PLC0415 - loads numba
    from sim import kernels_people  # noqa: PLC0415 - loads numba

    routing.warmup()
    kernels_people.warmup()


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
    draws = Draws(seed, replication)
    bound_s = max((policy.search_bound_s for policy in policies if policy.waves), default=0.0)
    backdrop = Backdrop(setting, parameters, draws, bound_s=bound_s)
    records = Records.empty(parameters.outcome.models, drones=setting.sky is not None)
    for number, policy in enumerate(policies, start=1):
        world = World(
            backdrop,
            policy,
            recorder=recorder,
            logged=_logged(events),
            last=number == len(policies),
        )
        records.add(world.run())
    records.volunteers = backdrop.people.n
    return records


def _logged(events: str) -> Callable[[int], bool] | None:
    if events == "none":
        return None
    if events == "all":
        return lambda _: True
    return lambda incident: incident % SAMPLE_EVERY == 0
