"""The air router beside extremitypathfinder and pyvisgraph on random polygons.

    python -m benchmarks.airspace --json results.json

Random star polygons of 5 to 30 corners on 30 km by 30 km, a hundred random free pairs of places.
The peers run one after the other in an environment of their own, made on first use, and in their
own processes under a time cap; every time is CPU time of the process that does the work. Lengths
are compared pair by pair: an answer that is fast and wrong does not count. pyvisgraph is given
coordinates scaled to 1: in metres it returns ways through the polygons.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
import venv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

PEERS = ("extremitypathfinder==2.7.2", "pyvisgraph==0.2.1", "tqdm")
SIZE_M = 30_000.0
BARS = {50: (60.0, 500.0), 100: (100.0, 500.0), 200: (100.0, 500.0)}
BUILD_CAP_S = 0.5
QUERY_CAP_S = 80e-6
MOST_APART_M = 1e-3


def star_polygons(count: int, seed: int = 0) -> list[np.ndarray]:
    """Disjoint star polygons, not convex, one in each of ``count`` cells of a jittered grid."""
    rng = np.random.default_rng(seed)
    per_side = math.ceil(math.sqrt(count))
    cell = SIZE_M / per_side
    rings = []
    for c in rng.permutation(per_side * per_side)[:count]:
        corners = int(rng.integers(5, 31))
        outer = rng.uniform(0.15, 0.42) * cell
        angles = (np.arange(corners) + rng.uniform(0.1, 0.9, corners)) / corners * 2 * np.pi
        radius = outer * rng.uniform(0.55, 1.0, corners)
        slack = 0.46 * cell - outer
        centre = (np.array([c % per_side, c // per_side]) + 0.5) * cell
        centre += rng.uniform(-slack, slack, 2)
        rings.append(centre + np.c_[np.cos(angles), np.sin(angles)] * radius[:, None])
    return rings


def free_pairs(rings: list[np.ndarray], count: int, seed: int = 1) -> np.ndarray:
    """Pairs of places at least a metre away from every polygon: float64[count, 2, 2]."""
    import shapely

    wall = shapely.union_all([shapely.Polygon(ring) for ring in rings]).buffer(1.0)
    shapely.prepare(wall)
    rng = np.random.default_rng(seed)
    places: list[np.ndarray] = []
    while len(places) < 2 * count:
        place = rng.uniform(0.01 * SIZE_M, 0.99 * SIZE_M, 2)
        if not wall.intersects(shapely.Point(place)):
            places.append(place)
    return np.array(places).reshape(count, 2, 2)


def ours(rings: list[np.ndarray], pairs: np.ndarray) -> dict[str, Any]:
    """Build, one map for each base, and the query with the map, all in CPU seconds."""
    from geo.air_routes import ObstacleMap

    build_s = []
    for _ in range(5):
        started = time.process_time()
        chart = ObstacleMap.build(rings)
        build_s.append(time.process_time() - started)
    map_s, query_s, lengths = [], [], []
    repeats = 200
    for base, target in pairs:
        started = time.process_time()
        routes = chart.from_base(*base)
        map_s.append(time.process_time() - started)
        x, y = float(target[0]), float(target[1])
        started = time.process_time()
        for _ in range(repeats):
            length = routes.air_m(x, y)
        query_s.append((time.process_time() - started) / repeats)
        lengths.append(length)
    return {
        "build_s": float(np.median(build_s)),
        "map_s": float(np.mean(map_s)),
        "query_s": float(np.mean(query_s)),
        "lengths": lengths,
    }


PEER_SCRIPT = """
import json, sys, time
name, path, queries = sys.argv[1], sys.argv[2], int(sys.argv[3])
task = json.load(open(path))
rings, pairs, scale = task["rings"], task["pairs"][:queries], task["scale"]
clock = time.process_time
if name == "extremitypathfinder":
    from extremitypathfinder import PolygonEnvironment
    edge = task["size"] + 2000.0
    border = [(-2000.0, -2000.0), (edge, -2000.0), (edge, edge), (-2000.0, edge)]
    # compiled parts are compiled on a map of one triangle before the clock starts
    warm = PolygonEnvironment()
    warm.store(border, [[(10.0, 10.0), (20.0, 30.0), (30.0, 10.0)]])
    warm.prepare()
    warm.find_shortest_path((0.0, 0.0), (40.0, 40.0))
    started = clock()
    world = PolygonEnvironment()
    world.store(border, [[tuple(p) for p in reversed(ring)] for ring in rings])
    world.prepare()
    build_s = clock() - started
    def length(a, b):
        return world.find_shortest_path(tuple(a), tuple(b))[1]
else:
    import pyvisgraph
    shapes = [[pyvisgraph.Point(x / scale, y / scale) for x, y in ring] for ring in rings]
    started = clock()
    world = pyvisgraph.VisGraph()
    world.build(shapes, workers=1, status=False)
    build_s = clock() - started
    def length(a, b):
        ends = (pyvisgraph.Point(p[0] / scale, p[1] / scale) for p in (a, b))
        path = world.shortest_path(*ends)
        return scale * sum(
            ((p.x - q.x) ** 2 + (p.y - q.y) ** 2) ** 0.5 for p, q in zip(path, path[1:])
        )
started = clock()
lengths = [length(a, b) for a, b in pairs]
query_s = (clock() - started) / len(pairs)
print(json.dumps({"build_s": build_s, "query_s": query_s, "lengths": lengths}))
"""


def peer_python(folder: Path) -> Path:
    """The interpreter of the peers' environment in ``folder``, made if it is missing."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"making an environment for the peers in {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *PEERS], check=True, stdout=sys.stderr
        )
    return python


def peer(
    name: str, python: Path, rings: list[np.ndarray], pairs: np.ndarray, cap_s: float
) -> dict[str, Any] | None:
    """Times and lengths of one peer, or None where the cap came first."""
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder) / "task.json"
        task.write_text(
            json.dumps(
                {
                    "rings": [ring.tolist() for ring in rings],
                    "pairs": pairs.tolist(),
                    "size": SIZE_M,
                    "scale": SIZE_M,
                }
            )
        )
        try:
            done = subprocess.run(
                [python, "-c", PEER_SCRIPT, name, task, str(len(pairs))],
                capture_output=True,
                text=True,
                timeout=cap_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
    if done.returncode:
        raise SystemExit(f"{name} failed in {python}:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def wrong_lengths(ours_m: list[float], theirs_m: list[float]) -> int:
    """How many lengths differ by more than a millimetre."""
    return int(sum(abs(a - b) > MOST_APART_M for a, b in zip(ours_m, theirs_m, strict=False)))


def compare(
    name: str, polygons: int, python: Path, *, queries: int, cap_s: float
) -> list[dict[str, Any]]:
    """Rows for build and query at one size, against one peer."""
    rings = star_polygons(polygons)
    pairs = free_pairs(rings, 100)
    mine = ours(rings, pairs)
    theirs = peer(name, python, rings, pairs[:queries], cap_s)
    build_bar, query_bar = BARS[polygons]
    rows = []
    for what, bar, key in (("build", build_bar, "build_s"), ("query", query_bar, "query_s")):
        peer_s = theirs[key] if theirs else cap_s if what == "build" else None
        row = {
            "bar": f"{what}, {polygons} polygons, at least {bar:g}x",
            "peer": name + ("" if theirs else f" (stopped after {cap_s:g} s)"),
            "ours_s": mine[key],
            "peer_s": peer_s,
            "ratio": peer_s / mine[key] if peer_s is not None else None,
            "at_least": bar,
            "met": peer_s is not None and peer_s / mine[key] >= bar,
            "compared": len(theirs["lengths"]) if theirs else 0,
            "apart_by_over_1_mm": wrong_lengths(mine["lengths"], theirs["lengths"])
            if theirs
            else 0,
        }
        if what == "query":
            row["ours_base_map_s"] = mine["map_s"]
        rows.append(row)
        print(_line(row), file=sys.stderr)
    return rows


def caps(polygons: int = 200) -> list[dict[str, Any]]:
    """The absolute bars of the largest size; no peer."""
    rings = star_polygons(polygons)
    mine = ours(rings, free_pairs(rings, 100))
    rows = []
    for what, bar, key in (("build", BUILD_CAP_S, "build_s"), ("query", QUERY_CAP_S, "query_s")):
        rows.append(
            {
                "bar": f"{what}, {polygons} polygons, at most {bar:g} CPU-s",
                "peer": None,
                "ours_s": mine[key],
                "peer_s": None,
                "ratio": None,
                "at_most_s": bar,
                "met": mine[key] <= bar,
            }
        )
        print(_line(rows[-1]), file=sys.stderr)
    return rows


def _line(row: dict[str, Any]) -> str:
    ratio = f"{row['ratio']:,.0f}x" if row["ratio"] else "-"
    return (
        f"{row['bar']:45} {row['peer'] or '':22} {row['ours_s']:.6f} s  {ratio}  met: {row['met']}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run, print one line for each bar to stderr, write the rows; 1 if a bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.airspace", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the rows are written")
    parser.add_argument(
        "--peers",
        type=Path,
        default=Path(tempfile.gettempdir()) / "heartreach-peers-airspace",
        metavar="FOLDER",
        help="environment of the peers, made if missing (default: %(default)s)",
    )
    parser.add_argument("--no-peers", action="store_true", help="only our own times")
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 200], choices=list(BARS))
    parser.add_argument("--cap-s", type=float, default=900.0, help="time cap of one peer run")
    given = parser.parse_args(arguments)

    from geo.air_routes import warmup

    warmup()
    rows = caps()
    if not given.no_peers:
        python = peer_python(given.peers)
        for size in given.sizes:
            queries = 100 if size < 200 else 20
            rows += compare("extremitypathfinder", size, python, queries=queries, cap_s=given.cap_s)
        if 50 in given.sizes:
            rows += compare("pyvisgraph", 50, python, queries=50, cap_s=given.cap_s)
    rows.append(
        {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "versions": {"python": platform.python_version(), "peers": list(PEERS)},
            "date": datetime.now(UTC).date().isoformat(),
        }
    )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")
    return (
        0 if all(row.get("met", True) and not row.get("apart_by_over_1_mm") for row in rows) else 1
    )


if __name__ == "__main__":
    sys.exit(main())
