"""Finished replications beside the results folder, so that a killed study can go on.

One file per replication, written under another name first and then renamed; a file that cannot be
read counts as not there. ``mark`` names everything that decides what a replication holds: parts of
another study are never used.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from scenarios.cache import code_mark, fingerprint
from scenarios.errors import OutputRefused
from scenarios.playing import Play, Played
from sim.records import Grounded

MARK_FILE = "study"


class _Part(msgspec.Struct):
    incidents: bytes
    alerts: bytes
    events: bytes
    volunteers: int
    people: dict[str, int]
    grounded: dict[str, Grounded]


def study_mark(play: Play, regions: Sequence[str]) -> str:
    """A name for all that decides what a replication holds; ``regions``: ids of the scenes'."""
    facts = (
        play.scenario.model_dump_json(exclude={"run": {"replications"}}),
        msgspec.json.encode([scene.parameters for scene in play.scenes]),
        repr([scene.policies for scene in play.scenes]),
        *regions,
        play.seed,
        play.events,
        code_mark("geo", "dispatch", "sim", "scenarios"),
    )
    return fingerprint([], *facts)


class Parts:
    """The parts of one study."""

    def __init__(self, folder: Path, mark: str, *, resume: bool) -> None:
        """Take up a folder of parts, or begin a new one.

        Raises:
            OutputRefused: ``resume`` is wanted and the parts there belong to another study.
        """
        self._folder = folder
        if folder.exists() and not (resume and self._fits(mark)):
            if resume:
                raise OutputRefused(
                    f"--resume: what {folder.name} holds was made by another scenario, other "
                    "files or another version: run without --resume to begin again"
                )
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._write(MARK_FILE, mark.encode())

    def _fits(self, mark: str) -> bool:
        try:
            return (self._folder / MARK_FILE).read_text() == mark
        except OSError:
            return False

    def has(self, replication: int) -> bool:
        """Whether this replication was finished earlier."""
        return self._path(replication).is_file() and self.get(replication) is not None

    def get(self, replication: int) -> Played | None:
        """A replication that was finished earlier."""
        try:
            part = msgspec.msgpack.decode(self._path(replication).read_bytes(), type=_Part)
            return Played(
                incidents=_from_bytes(part.incidents),
                alerts=_from_bytes(part.alerts),
                events=_from_bytes(part.events),
                volunteers=part.volunteers,
                people=part.people,
                grounded=part.grounded,
            )
        except (OSError, msgspec.DecodeError, pa.ArrowException):
            return None

    def put(self, replication: int, played: Played) -> None:
        """Keep a replication."""
        part = _Part(
            incidents=_to_bytes(played.incidents),
            alerts=_to_bytes(played.alerts),
            events=_to_bytes(played.events),
            volunteers=played.volunteers,
            people=played.people,
            grounded=played.grounded,
        )
        self._write(self._path(replication).name, msgspec.msgpack.encode(part))

    def discard(self) -> None:
        """The study is complete: nothing is kept."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, replication: int) -> Path:
        return self._folder / f"{replication:06d}.part"

    def _write(self, name: str, content: bytes) -> None:
        temporary = self._folder / f"{name}.writing"
        temporary.write_bytes(content)
        os.replace(temporary, self._folder / name)  # noqa: PTH105 - atomic on every system


def _to_bytes(table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def _from_bytes(content: bytes) -> Any:
    return pa.ipc.open_stream(content).read_all()
