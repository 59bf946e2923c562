"""Reading roads out of an extract: the product beside a plain pyosmium loop into numpy arrays.

    python -m benchmarks.loader --extract porto.osm.pbf --json results.json

Both read the ways for walking and for driving with the same rules and end in the same arrays:
places of the nodes, and for each mode the two ends and the length of every segment. The plain
loop lets libosmium look up the places of nodes and visits the ways in Python. Further rows have
the product read AEDs and buildings as well, and join the roads to networks. Each run is a
process of its own; CPU time is counted from after the imports and the loading of compiled
kernels from their cache; memory as the peak of the process and as its growth from there.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import machine, row
from benchmarks.peers import cache_folder

DRIVABLE = {
    "motorway": 30.0, "trunk": 25.0, "primary": 18.0, "secondary": 15.0, "tertiary": 13.0,
    "unclassified": 11.0, "residential": 9.0, "living_street": 4.0, "service": 5.0, "road": 9.0,
    "motorway_link": 18.0, "trunk_link": 15.0, "primary_link": 13.0, "secondary_link": 12.0,
    "tertiary_link": 11.0,
}  # fmt: skip
"""Metres per second by class: for this benchmark only, both readers use it (assumption)."""

CLOSED = frozenset({"no", "private"})


class Drive:
    """A small profile of driving, so that two modes are read."""

    mode = "car"

    def rule(self, tags: Any) -> Any:
        from geo.speeds import WayRule, road_class

        highway = tags.get("highway", "")
        speed = DRIVABLE.get(highway)
        if speed is None or tags.get("access") in CLOSED or tags.get("motor_vehicle") in CLOSED:
            return None
        one_way = tags.get("oneway")
        around = tags.get("junction") == "roundabout" or highway == "motorway"
        ahead_only = one_way in {"yes", "1", "true"} or (around and one_way is None)
        return WayRule(
            forward_mps=0.0 if one_way == "-1" else speed,
            backward_mps=0.0 if ahead_only else speed,
            road_class=road_class(highway),
        )

    def facts(self) -> dict[str, float | int | str]:
        return {"mode": self.mode}


def lengths_m(lat: Any, lon: Any, u: Any, v: Any) -> Any:
    """Length of every segment; in blocks, so that neither reader is charged for temporaries."""
    from geo.points import haversine_m

    length = np.empty(len(u))
    for begin in range(0, len(u), 65_536):
        block = slice(begin, begin + 65_536)
        a, b = u[block], v[block]
        length[block] = haversine_m(lat[a], lon[a], lat[b], lon[b])
    return length


def plain(path: str) -> dict[str, tuple[int, float]]:
    """The loop that one would write first."""
    import osmium

    from geo.speeds import FOOT

    _ready()
    profiles = (FOOT, Drive())
    ids: list[int] = []
    lats: list[float] = []
    lons: list[float] = []
    pieces: dict[str, dict[int, list[tuple[int, int]]]] = {profile.mode: {} for profile in profiles}
    ways = (
        osmium.FileProcessor(path).with_locations().with_filter(osmium.filter.KeyFilter("highway"))
    )
    for way in ways:
        if not way.is_way():
            continue
        tags = dict(way.tags)
        modes = [profile.mode for profile in profiles if profile.rule(tags) is not None]
        for spans in pieces.values():
            spans.pop(way.id, None)  # of a way that comes twice the later one counts
        if not modes:
            continue
        runs, start = [], len(ids)
        for node in way.nodes:
            if node.location.valid():
                ids.append(node.ref)
                lats.append(node.location.lat)
                lons.append(node.location.lon)
            else:  # not in the file: no segment across the gap
                runs.append((start, len(ids)))
                start = len(ids)
        runs.append((start, len(ids)))
        for mode in modes:
            pieces[mode][way.id] = runs
    node_ids, first, number = np.unique(np.array(ids), return_index=True, return_inverse=True)
    lat, lon = np.array(lats)[first], np.array(lons)[first]
    answer = {}
    for mode, spans in pieces.items():
        u = np.concatenate([number[a : max(a, b - 1)] for runs in spans.values() for a, b in runs])
        v = np.concatenate([number[a + 1 : b] for runs in spans.values() for a, b in runs])
        real = u != v
        u, v = u[real], v[real]
        length = lengths_m(lat, lon, u, v)
        answer[mode] = (len(u), float(length.sum()))
    del node_ids
    return answer


def ours(path: str, kind: str) -> dict[str, tuple[int, float]]:
    """The product's reader, with kernels from the cache."""
    from geo.network import build_network
    from geo.osm import read_extract
    from geo.osm_pbf import warmup
    from geo.speeds import FOOT

    warmup()
    if kind == "networks":
        from geo.routing import warmup as warm_networks

        warm_networks()
    _ready()
    extract = read_extract(Path(path), [FOOT, Drive()], roads_only=kind != "all")
    answer = {}
    for mode, segments in extract.segments.items():
        lat, lon, u, v = segments.lat, segments.lon, segments.u, segments.v
        length = lengths_m(lat, lon, u, v)
        answer[mode] = (len(u), float(length.sum()))
        if kind == "networks":
            build_network(mode, segments)
    return answer


_STARTED = {"cpu": 0.0, "mb": 0.0}


def _ready() -> None:
    """From here on it counts."""
    _STARTED["mb"] = _peak_mb()
    _STARTED["cpu"] = time.process_time()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def run(kind: str, path: str) -> None:
    """One reader in this process; prints its figures."""
    answer = plain(path) if kind == "plain" else ours(path, kind)
    print(
        json.dumps(
            {
                "cpu_s": time.process_time() - _STARTED["cpu"],
                "peak_mb": _peak_mb(),
                "growth_mb": _peak_mb() - _STARTED["mb"],
                "answer": answer,
            }
        )
    )


def measured(kind: str, path: Path) -> dict[str, Any]:
    """One run in a fresh process."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache_folder() / "kernels-loader")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.loader", "--run", kind, "--extract", str(path)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Turn by turn, medians, rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extract", type=Path, required=True, help="an .osm.pbf file")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--run", choices=("plain", "ours", "all", "networks"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.run:
        run(options.run, str(options.extract))
        return
    kinds = ("ours", "all", "networks", "plain")
    runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for kind in kinds:
        measured(kind, options.extract)
    for _ in range(options.rounds):
        for kind in kinds:
            runs[kind].append(measured(kind, options.extract))
    _agree(runs["ours"][0]["answer"], runs["plain"][0]["answer"])
    mid = {
        kind: {
            key: float(np.median([found[key] for found in runs[kind]]))
            for key in ("cpu_s", "peak_mb", "growth_mb")
        }
        for kind in kinds
    }
    peer, name = "plain pyosmium + numpy loop", options.extract.name
    rows: list[dict[str, Any]] = [
        row(
            "loader, walk and drive, time",
            peer,
            mid["ours"]["cpu_s"],
            mid["plain"]["cpu_s"],
            aim=4,
            extract=name,
        ),
        row(
            "loader with AEDs and buildings, time",
            peer,
            mid["all"]["cpu_s"],
            mid["plain"]["cpu_s"],
            extract=name,
        ),
        row(
            "loader and networks, time",
            peer,
            mid["networks"]["cpu_s"],
            mid["plain"]["cpu_s"],
            extract=name,
        ),
    ]
    for key, what in (("growth_mb", "memory growth"), ("peak_mb", "peak memory")):
        found = {
            "bar": f"loader, walk and drive, {what}",
            "peer": peer,
            "extract": name,
            "ours_mb": mid["ours"][key],
            "peer_mb": mid["plain"][key],
            "ratio": mid["plain"][key] / mid["ours"][key],
        }
        rows.append(found | ({"aim": 2} if key == "growth_mb" else {}))
    rows.append(machine(("osmium", "numpy", "numba")))
    for found in rows:
        print(found)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def _agree(one: dict[str, Any], other: dict[str, Any]) -> None:
    for mode, (segments, length_m) in one.items():
        if segments != other[mode][0] or abs(length_m - other[mode][1]) > 1e-6 * length_m:
            raise SystemExit(f"{mode}: {one[mode]} and {other[mode]} differ")
        print(f"  agreed: {mode}, {segments:,} segments, {length_m / 1e3:,.1f} km", file=sys.stderr)


if __name__ == "__main__":
    main()
