"""The environment in which product and peers run side by side, in one process.

The peers are installed once, pinned, in a virtual environment under the user's cache folder,
together with the libraries that the product's routing needs. The benchmark then starts itself
again with that interpreter, so that every call of a peer can be followed at once by the same
question to the product.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

PINS = (
    "routingkit-cch==0.1.4",
    "pyroutingkit==0.2.1",
    "pandana==0.8",
    "scipy==1.17.1",
    "networkx==3.6.1",
    "numpy==2.4.6",
    "numba==0.68.1",
    "osmium==4.3.2",
    "opening-hours-py",
    "shapely",
    "msgspec",
    "tzdata",
    "pyarrow",
)

INSIDE = "HEARTREACH_BENCHMARK_INSIDE"
ROOT = Path(__file__).resolve().parents[1]


def cache_folder() -> Path:
    """Where environments and compiled kernels of the benchmarks are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "heartreach"


def interpreter() -> Path:
    """The interpreter with all peers; makes the environment on first use."""
    key = hashlib.sha256("\n".join((sys.version, *PINS)).encode()).hexdigest()[:12]
    folder = cache_folder() / f"peers-{key}"
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        print("installing the peers (once)", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", *PINS],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        done.write_text("\n".join(PINS) + "\n")
    return python


def run_inside(module: str, arguments: list[str]) -> None:
    """Returns inside the environment of the peers; outside, runs the module there and exits."""
    if os.environ.get(INSIDE):
        return
    environment = {
        **os.environ,
        INSIDE: "1",
        "PYTHONPATH": str(ROOT),
        "NUMBA_CACHE_DIR": str(cache_folder() / "kernels"),
        "OMP_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "2",
    }
    command = [str(interpreter()), "-W", "ignore", "-m", module, *arguments]
    raise SystemExit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)
