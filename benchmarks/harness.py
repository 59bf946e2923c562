"""What all comparisons share: fair turns, rows, the table and the file.

Contestants take turns in one process, so that a busy machine is busy for all of them; times are
CPU seconds of this process. A ratio above 1 says how many times less ours took.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One comparison; seconds per unit of work that the bar names."""

    bar: str
    peer: str
    ours_s: float
    peer_s: float

    @property
    def ratio(self) -> float:
        return self.peer_s / self.ours_s if self.ours_s > 0 else float("inf")


def cpu_s(work: Callable[[], object], repeat: int = 1) -> float:
    """CPU seconds of one run of the work, as the mean of ``repeat`` runs without a pause."""
    started = time.process_time_ns()
    for _ in range(repeat):
        work()
    return (time.process_time_ns() - started) / repeat / 1e9


def turns(
    contestants: dict[str, Callable[[], object]],
    *,
    rounds: int = 5,
    repeat: dict[str, int] | None = None,
) -> dict[str, list[float]]:
    """CPU seconds of every contestant in every round; one round before the count warms up.

    ``repeat`` lets a quick contestant run several times per turn, so that the clock can see it.
    """
    found: dict[str, list[float]] = {name: [] for name in contestants}
    collecting = gc.isenabled()
    gc.disable()
    try:
        for turn in range(rounds + 1):
            for name, work in contestants.items():
                seconds = cpu_s(work, (repeat or {}).get(name, 1))
                if turn:
                    found[name].append(seconds)
            gc.collect()
    finally:
        if collecting:
            gc.enable()
    return found


def medians(found: dict[str, list[float]]) -> dict[str, float]:
    """The middle turn of every contestant."""
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def machine(packages: Sequence[str] = ()) -> dict[str, object]:
    """The row that says where and with what the others were measured."""
    return {
        "machine": f"{platform.machine()}, {_processor()}, {platform.system()}",
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in packages},
        "date": datetime.now(UTC).date().isoformat(),
    }


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options that every comparison has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to this file")
    return parser


def report(rows: Sequence[Row], packages: Sequence[str], file: Path | None) -> None:
    """Prints the table and writes the file, if one is wanted."""
    where = machine(packages)
    widths = [max(len(row.bar) for row in rows), max(len(row.peer) for row in rows)]
    head = f"{'bar':{widths[0]}}  {'peer':{widths[1]}}  {'ours':>10}  {'peer':>10}  {'ratio':>7}"
    lines = [head, "-" * len(head)]
    lines += [
        f"{row.bar:{widths[0]}}  {row.peer:{widths[1]}}  {readable(row.ours_s):>10}  "
        f"{readable(row.peer_s):>10}  {row.ratio:>6.1f}x"
        for row in rows
    ]
    versions = where["versions"]
    lines.append(f"CPU time; {where['machine']}; {versions}; {where['date']}")
    sys.stdout.write("\n".join(lines) + "\n")
    if file is not None:
        content = [asdict(row) | {"ratio": round(row.ratio, 2)} for row in rows]
        file.write_text(json.dumps([*content, where], indent=1) + "\n", encoding="utf-8")


def readable(seconds: float) -> str:
    """With a unit that suits."""
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
