"""Steps of the decision core: the shipped structs beside the same code on frozen dataclasses.

    python -m benchmarks.core --json results.json

A few hundred incidents of some forty events with ten people asked are played once under a virtual
clock and recorded; then the recorded events are stepped again in a bare loop. The peer is this very
core, loaded a second time on a stand-in for msgspec whose structs are frozen dataclasses: same
source, same commands (checked), other objects.
"""

from __future__ import annotations

import dataclasses
import heapq
import importlib
import random
import sys
import types
from collections.abc import Sequence
from typing import Any

from msgspec import structs

from benchmarks.harness import Row, arguments, medians, report, turns

POLICY = "phased_7"
AIM = 3000.0  # incidents per CPU-second
MODULES = (
    "benefit", "alerts", "checking", "commands", "config", "draft", "drones", "errors", "events",
    "explain", "incidents", "lifecycle", "model", "policies", "timers", "waves",
)  # fmt: skip
Recorded = list[tuple[float, Any]]


# --- incidents ----------------------------------------------------------------------------------


def record(seed: int) -> tuple[Recorded, int]:
    """The events of one incident, and how many people were asked in it."""
    from dispatch import commands as c
    from dispatch import events as e
    from dispatch.config import load_policy
    from dispatch.lifecycle import Core

    core, rng = Core(load_policy(POLICY)), random.Random(seed)
    queue: list[tuple[float, int, Any]] = [(0.0, 0, e.IncidentReported("i", 51.5, -0.1))]
    state, seen, asked, planned, stopped = None, [], 0, 0, set()

    def plan(at_s: float, event: Any) -> None:
        nonlocal planned
        planned += 1
        heapq.heappush(queue, (at_s, planned, event))

    plan(540.0, e.AmbulanceArrived())
    plan(1500.0, e.IncidentClosed())
    while queue:
        now_s, _, event = heapq.heappop(queue)
        if isinstance(event, e.TimerFired) and (event.kind, event.ref) in stopped:
            continue
        seen.append((now_s, event))
        state, done = core.step(state, event, now_s)
        for command in done:
            if isinstance(command, c.StartTimer):
                stopped.discard((command.kind, command.ref))
                plan(command.due_at_s, e.TimerFired(command.kind, command.ref))
            elif isinstance(command, c.CancelTimer):
                stopped.add((command.kind, command.ref))
            elif isinstance(command, c.FindCandidates):
                plan(now_s, e.CandidatesFound(command.query.query_id, 1, "r", crowd(rng, command)))
            elif isinstance(command, c.SendAlert):
                asked += 1
                for at_s, reply in answers(rng, now_s, command.alert_id):
                    plan(at_s, reply)
    return seen, asked


def crowd(rng: random.Random, command: Any) -> tuple[Any, ...]:
    from dispatch.model import Candidate

    ids = [i for i in range(1, 40) if i not in command.query.exclude][: command.query.limit]
    return tuple(
        Candidate(i, 60.0 + 15.0 * i, 90.0 + 17.0 * i, i % 5, 30.0, 40.0 * i, rng.random() * 600)
        for i in ids
    )


def answers(rng: random.Random, now_s: float, alert_id: int) -> list[tuple[float, Any]]:
    """Receipt, seen, and yes or no or nothing; whoever says yes goes, and half arrive."""
    from dispatch import events as e

    at_s = now_s + rng.uniform(1, 4)
    out: list[tuple[float, Any]] = [(at_s, e.AlertDelivered(alert_id))]
    if rng.random() > 0.75:
        return out
    at_s += rng.uniform(3, 15)
    out.append((at_s, e.AlertSeen(alert_id)))
    at_s += rng.uniform(5, 40)
    if rng.random() > 0.3:
        return [*out, (at_s, e.AlertDeclined(alert_id))]
    out += [(at_s, e.AlertAccepted(alert_id)), (at_s + 90, e.ResponderMoving(alert_id))]
    return [*out, (at_s + 300, e.ResponderArrived(alert_id))]


# --- the same core on frozen dataclasses --------------------------------------------------------


class FrozenDataclass:
    """What stands in for ``msgspec.Struct``: every subclass becomes a frozen dataclass."""

    def __init_subclass__(cls, **_: Any) -> None:
        dataclasses.dataclass(frozen=True)(cls)


def peer_core() -> Any:
    """The modules of the core, loaded once more on the stand-in; ours are put back."""
    stand_in: Any = types.ModuleType("msgspec")
    stand_in.Struct, stand_in.Meta = FrozenDataclass, lambda **_: None
    stand_in.to_builtins = dataclasses.asdict
    stand_in.structs = types.ModuleType("msgspec.structs")
    stand_in.structs.replace = dataclasses.replace
    names = ("msgspec", "msgspec.structs", "dispatch", *(f"dispatch.{n}" for n in MODULES))
    kept = {name: sys.modules.pop(name, None) for name in names}
    sys.modules["msgspec"], sys.modules["msgspec.structs"] = stand_in, stand_in.structs
    try:
        loaded = {name: importlib.import_module(f"dispatch.{name}") for name in MODULES}
    finally:
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update({name: module for name, module in kept.items() if module})
    return types.SimpleNamespace(**loaded)


def translate(value: Any, peer: Any) -> Any:
    """The same value in the peer's classes."""
    kind = type(value)
    if kind is tuple:
        return tuple(translate(item, peer) for item in value)
    module = kind.__module__.removeprefix("dispatch.")
    if module not in MODULES:
        return value
    twin = getattr(getattr(peer, module), kind.__name__)
    if hasattr(kind, "__members__"):
        return twin(value.value)
    return twin(**{f.name: translate(getattr(value, f.name), peer) for f in structs.fields(kind)})


# --- the clock ----------------------------------------------------------------------------------


def replay(core: Any, incidents: Sequence[Recorded]) -> list[Any]:
    out = []
    for recorded in incidents:
        state = None
        for now_s, event in recorded:
            state, commands = core.step(state, event, now_s)
            out.append(commands)
    return out


# --- the way to the candidates --------------------------------------------------------------------


def masking_and_choosing(rounds: int) -> list[Row]:
    """Who may be asked among 1,300 people, and the best twenty of some 280 within reach."""
    import numpy as np

    from dispatch import facts
    from dispatch.candidates import select
    from dispatch.eligibility import Rules
    from dispatch.model import Query
    from dispatch.roster import Roster

    rng, n = np.random.default_rng(1), 1300
    roster = Roster.of(Rules(), responder_ids=np.arange(n), holds_positions=True)
    for i in range(n):
        quiet = tuple((day * 86400.0, day * 86400.0 + 25200.0) for day in range(30))
        roster.apply(facts.QuietSet(i, quiet))
        roster.apply(facts.Positioned(i, 51.0, 0.0, 1e5, 50.0))
    eligible, reasons = roster.mask(1e5, night=True)
    direct_s = rng.random(n) * 3000
    arrays = {
        "responder_ids": roster.responder_ids,
        "eligible": eligible,
        "reasons": reasons,
        "direct_s": direct_s,
        "via_aed_s": direct_s + rng.random(n) * 300,
        "aed": rng.integers(-1, 150, n),
        "to_aed_s": direct_s,
        "distance_m": direct_s * 1.5,
    }
    query = Query(1, 51.0, 0.0, 600.0, 20)
    found = medians(
        turns(
            {
                "mask": lambda: roster.mask(1e5, night=True, exclude=(1, 2, 3)),
                "select": lambda: select(query, **arrays),
            },
            rounds=rounds,
            repeat={"mask": 500, "select": 500},
        )
    )
    return [
        Row("mask of 1,300 people", "aim: 20 us", found["mask"], 20e-6),
        Row("20 candidates of 1,300 people", "aim: 80 us", found["select"], 80e-6),
    ]


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--incidents", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    from dispatch.config import load_policy
    from dispatch.lifecycle import Core

    recorded, asked = zip(*(record(seed) for seed in range(options.incidents)), strict=True)
    ours = Core(load_policy(POLICY))
    peer = peer_core()
    theirs = peer.lifecycle.Core(translate(load_policy(POLICY), peer))
    translated = [[(now_s, translate(e, peer)) for now_s, e in incident] for incident in recorded]
    same = repr(replay(ours, recorded)) == repr(replay(theirs, translated))
    if not same:
        sys.stderr.write("the two cores gave different commands: nothing to compare\n")
        return 1
    found = turns(
        {"ours": lambda: replay(ours, recorded), "peer": lambda: replay(theirs, translated)},
        rounds=options.rounds,
    )
    times = {name: seconds / len(recorded) for name, seconds in medians(found).items()}
    events = sum(map(len, recorded)) / len(recorded)
    bar = f"incident of {events:.0f} events, {sum(asked) / len(asked):.0f} asked"
    report(
        [
            Row(bar, "the same core on frozen dataclasses", times["ours"], times["peer"]),
            Row(bar, f"aim: {AIM:.0f} incidents per CPU-s", times["ours"], 1.0 / AIM),
            *masking_and_choosing(options.rounds),
        ],
        ("msgspec", "numpy"),
        options.json,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
