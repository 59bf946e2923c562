"""Kept incidents: what the core decided once it decides again, and old snapshots stay readable.

``corpus/core_N.jsonl`` holds one incident a line, as core version N decided it. Where a change of
the core is meant to decide otherwise, raise ``CORE_VERSION`` and write a new file beside the old
ones: ``python tests/dispatch/test_corpus.py`` from the root of the project.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from dispatch.commands import Command
from dispatch.config import Policy
from dispatch.events import Event
from dispatch.lifecycle import CORE_VERSION, Core
from dispatch.model import Incident

FOLDER = Path(__file__).parent / "corpus"
SEEDS = range(9000, 9010)


class Kept(msgspec.Struct):
    """One incident: its policy, its steps (moment, event, commands) and its last snapshot."""

    policy: Policy
    steps: tuple[tuple[float, Event, tuple[Command, ...]], ...]
    state: Incident


def corpus(version: int) -> list[Kept]:
    lines = (FOLDER / f"core_{version}.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Kept) for line in lines]


@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_what_was_decided_once_is_decided_again(number: int) -> None:
    kept = corpus(CORE_VERSION)[number]
    core, state = Core(kept.policy), None
    for i, (now_s, event, commands) in enumerate(kept.steps):
        state, again = core.step(state, event, now_s)
        assert again == commands, (
            f"step {i}: the core decides otherwise; see this file's first lines"
        )
    assert state == kept.state


@pytest.mark.parametrize("version", range(max(1, CORE_VERSION - 2), CORE_VERSION + 1))
def test_the_last_versions_can_be_read(version: int) -> None:
    for kept in corpus(version):
        assert kept.state.incident_id
        assert kept.steps


def write() -> None:
    import sys  # noqa: PLC0415

    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    from test_lifecycle_properties import walk  # noqa: PLC0415

    lines = []
    for seed in SEEDS:
        watch = walk(seed, steps=45).watch
        steps = tuple((s.now_s, s.event, s.commands) for s in watch.steps)
        lines.append(msgspec.json.encode(Kept(watch.policy, steps, watch.state)))
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"core_{CORE_VERSION}.jsonl").write_bytes(b"\n".join(lines) + b"\n")


if __name__ == "__main__":
    write()
