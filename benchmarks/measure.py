"""Clocks, medians and the machine's own limits."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Contender:
    """One call, and how many questions it answers."""

    name: str
    call: Callable[[], Any]
    per: float = 1.0
    most_rounds: int = 1_000


@dataclass(frozen=True)
class Timing:
    """Seconds per question over the rounds."""

    name: str
    cpu_s: np.ndarray
    wall_s: np.ndarray

    @property
    def median_s(self) -> float:
        return float(np.median(self.cpu_s))

    @property
    def wall_median_s(self) -> float:
        return float(np.median(self.wall_s))

    @property
    def spread(self) -> str:
        low, high = np.percentile(self.cpu_s, [25, 75])
        return f"{low / self.median_s:.2f}..{high / self.median_s:.2f}"


def interleaved(contenders: Sequence[Contender], rounds: int) -> dict[str, Timing]:
    """Every round calls each contender once, after one unmeasured call of each."""
    for contender in contenders:
        contender.call()
    cpu: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    wall: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for turn in range(rounds):
        for contender in contenders:
            if turn >= contender.most_rounds:
                continue
            w, c = time.perf_counter(), time.process_time()
            contender.call()
            cpu[contender.name].append((time.process_time() - c) / contender.per)
            wall[contender.name].append((time.perf_counter() - w) / contender.per)
    return {
        name: Timing(name, np.array(values), np.array(wall[name])) for name, values in cpu.items()
    }


def one_by_one(call: Callable[[int], Any], count: int) -> np.ndarray:
    """CPU seconds of each of ``count`` single questions, after a warm-up of ten."""
    for i in range(min(10, count)):
        call(i)
    taken = np.empty(count)
    for i in range(count):
        begin = time.process_time_ns()
        call(i)
        taken[i] = (time.process_time_ns() - begin) / 1e9
    return taken


def row(bar: str, peer: str, ours_s: float, peer_s: float, **more: Any) -> dict[str, Any]:
    """A row of the results."""
    return {
        "bar": bar,
        "peer": peer,
        "ours_s": ours_s,
        "peer_s": peer_s,
        "ratio": peer_s / ours_s if ours_s else float("nan"),
        **more,
    }


def peak_mb() -> float:
    """Most memory that the process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def resident_mb() -> float:
    """Memory that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def stream_gbps(megabytes: float = 64.0) -> float:
    """Bytes read and written per CPU second when so much is copied; a few MB stay in the caches."""
    source = np.ones(int(megabytes * 1e6) // 8)
    target = np.zeros_like(source)
    times = max(1, round(64.0 / megabytes))
    taken = []
    for _ in range(9):
        begin = time.process_time()
        for _ in range(times):
            np.copyto(target, source)
        taken.append((time.process_time() - begin) / times)
    return 2 * source.nbytes / float(np.median(taken)) / 1e9


def machine(packages: Sequence[str]) -> dict[str, Any]:
    """The row about machine, versions and date."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return {
        "machine": f"{model}, {os.cpu_count()} CPUs, {platform.system()} {platform.machine()}",
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "versions": {"python": platform.python_version(), **found},
        "date": datetime.now(UTC).date().isoformat(),
        "stream_gbps": stream_gbps(),
        "stream_in_cache_gbps": stream_gbps(0.5),
    }
