"""Who could be with the patient soonest, straight and by way of an AED: ours beside two peers.

    python -m benchmarks.dispatch_query --region FOLDER --json results.json

The peers know neither AEDs nor places within a street. So they are given, ready made and outside
the clock, the network split at every person, AED and patient, and doubled: one copy with an AED
in hand and one without, joined at the AEDs. One backward Dijkstra on it gives both answers. All
answers are compared to the decisecond before anything is timed.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Row, arguments, medians, report, turns
from geo.errors import GeoError
from geo.network import RoadNetwork
from geo.region import Region
from geo.routing import PatientSearch, PatientTimes
from geo.snap import Positions, snap

N_PEOPLE, N_AEDS, N_PATIENTS = 1300, 150, 60
BOUND_S, PICKUP_S = 900.0, 60.0
OVERSHOOT = 2.0**-20
"""Scipy forgets arcs that take no time: every arc takes this share of a unit longer."""


@dataclass(frozen=True)
class Question:
    """One region with people, AEDs and patients on it, seeded."""

    network: RoadNetwork
    people: Positions
    aeds: Positions
    patients: Positions

    @property
    def usable(self) -> np.ndarray:
        return np.ones(len(self.aeds), np.bool_)


def question(region: Region, seed: int = 1) -> Question:
    """People, AEDs and patients where the region's demand is, some metres aside."""
    network = region.networks["foot"]
    rng = np.random.default_rng(seed)
    share = region.demand.weight / region.demand.weight.sum()

    def pick(n: int) -> Positions:
        chosen = rng.choice(len(share), n, p=share)
        aside = rng.normal(0.0, 3e-4, (2, n))
        return snap(
            network, region.demand.lat[chosen] + aside[0], region.demand.lon[chosen] + aside[1]
        )

    return Question(network, pick(N_PEOPLE), pick(N_AEDS), pick(N_PATIENTS))


class Doubled:
    """The split and doubled network, arcs turned round: what the peers search."""

    def __init__(self, asked: Question) -> None:
        self.asked = asked
        groups = (asked.people, asked.aeds, asked.patients)
        sizes = [len(group) for group in groups]
        first = asked.network.n_nodes + np.cumsum([0, *sizes])
        self.person = first[0] + np.arange(sizes[0])
        self.aed = first[1] + np.arange(sizes[1])
        self.patient = first[2] + np.arange(sizes[2])
        self.n = int(first[3])
        arcs = self._streets(Positions.concat(groups), int(first[0]))
        ready = self.aed[asked.aeds.edge >= 0]
        joins = np.stack([ready, ready + self.n, np.full(len(ready), PICKUP_S * 10)], axis=1)
        self.arcs = np.concatenate([arcs, arcs + np.array([self.n, self.n, 0]), joins])

    def _streets(self, places: Positions, first: int) -> np.ndarray:
        """Arcs ``tail, head, deciseconds`` of one copy.

        Every place gets a foot, which splits its street, and a door, as far from it as the walk
        between road and place takes.
        """
        network = self.asked.network
        arcs: list[tuple[int, int, int]] = []
        on_edge: dict[int, list[int]] = {}
        for i in np.flatnonzero(places.edge >= 0).tolist():
            on_edge.setdefault(int(places.edge[i]), []).append(i)
        feet = self.n + np.arange(len(places))
        for edge in range(network.n_edges):
            u, v = int(network.edge_u[edge]), int(network.edge_v[edge])
            total = int(network.edge_forward_ds[edge])
            if total != network.edge_backward_ds[edge]:
                raise SystemExit("this comparison is for networks without one-ways")
            along = [(0, u), (total, v)]
            for i in on_edge.get(edge, []):
                access = int(places.access_ds[i])
                foot = int(feet[i])
                along.append((int(places.from_u_ds[i]) - access, foot))
                arcs += [(first + i, foot, access), (foot, first + i, access)]
            along[1:] = sorted([*along[2:], along[1]], key=lambda entry: entry[0])
            for (a_ds, a), (b_ds, b) in pairwise(along):
                arcs += [(a, b, b_ds - a_ds), (b, a, b_ds - a_ds)]
        self.n += len(places)
        return np.array(arcs, dtype=np.float64)

    def scipy_matrix(self) -> Any:
        from scipy.sparse import csr_matrix

        tail, head, step = self.arcs.T
        tail, head, step = quickest(tail.astype(int), head.astype(int), step)
        return csr_matrix((step + OVERSHOOT, (head, tail)), shape=(2 * self.n, 2 * self.n))

    def networkx_graph(self) -> Any:
        import networkx as nx

        graph = nx.DiGraph()
        for tail, head, step in self.arcs.tolist():
            known = graph.get_edge_data(int(head), int(tail), {"step": np.inf})["step"]
            graph.add_edge(int(head), int(tail), step=min(step, known))
        return graph


def quickest(
    tail: np.ndarray, head: np.ndarray, step: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arcs without the slower of two that join the same nodes, which scipy would add up."""
    order = np.lexsort((step, head, tail))
    tail, head, step = tail[order], head[order], step[order]
    least = np.append(True, (np.diff(tail) != 0) | (np.diff(head) != 0))
    return tail[least], head[least], step[least]


def within(deciseconds: np.ndarray) -> np.ndarray:
    """Seconds, inf beyond the bound."""
    whole = np.floor(deciseconds)
    return np.where(whole <= BOUND_S * 10, whole / 10, np.inf)


def ask_ours(search: PatientSearch, asked: Question, patient: Positions) -> PatientTimes:
    return search.times(
        patient, asked.people, asked.aeds, asked.usable, bound_s=BOUND_S, pickup_s=PICKUP_S
    )


def ask_scipy(matrix: Any, graph: Doubled, i: int) -> tuple[np.ndarray, np.ndarray]:
    from scipy.sparse.csgraph import dijkstra

    goal = int(graph.patient[i]) + graph.n
    found = dijkstra(matrix, indices=goal, limit=BOUND_S * 10 + 0.5)
    return within(found[graph.person + graph.n]), within(found[graph.person])


def ask_networkx(nx_graph: Any, graph: Doubled, i: int) -> tuple[np.ndarray, np.ndarray]:
    import networkx as nx

    goal = int(graph.patient[i]) + graph.n
    nothing: dict[int, float] = {}
    found = nothing
    if goal in nx_graph:
        found = nx.single_source_dijkstra_path_length(
            nx_graph, goal, cutoff=BOUND_S * 10, weight="step"
        )
    people = graph.person.tolist()
    direct = np.array([found.get(person + graph.n, np.inf) for person in people])
    via = np.array([found.get(person, np.inf) for person in people])
    return within(direct), within(via)


def compare(asked: Question) -> list[Row]:
    """Checks that all agree, then lets them take turns."""
    graph = Doubled(asked)
    matrix, nx_graph = graph.scipy_matrix(), graph.networkx_graph()
    search = PatientSearch(asked.network)
    patients = [asked.patients.take([i]) for i in range(len(asked.patients))]
    per_query: dict[str, list[float]] = {"ours": [], "scipy": [], "networkx": []}
    reached = 0
    for i, patient in enumerate(patients):
        ours = ask_ours(search, asked, patient)
        for theirs in (ask_scipy(matrix, graph, i), ask_networkx(nx_graph, graph, i)):
            np.testing.assert_array_equal(ours.direct_s, theirs[0])
            np.testing.assert_array_equal(ours.via_aed_s, theirs[1])
        reached += int(np.isfinite(ours.direct_s).sum())
        seconds = medians(
            turns(
                {
                    "ours": partial(ask_ours, search, asked, patient),
                    "scipy": partial(ask_scipy, matrix, graph, i),
                    "networkx": partial(ask_networkx, nx_graph, graph, i),
                },
                rounds=3,
                repeat={"ours": 20, "scipy": 3},
            )
        )
        for name, value in seconds.items():
            per_query[name].append(value)
    sys.stderr.write(
        f"{len(patients)} patients, {reached / len(patients):.0f} people within reach on average; "
        "all answers equal\n"
    )
    size = f"{asked.network.n_nodes} junctions, {N_PEOPLE} people, {N_AEDS} AEDs, {BOUND_S:.0f} s"
    peers = {
        "scipy": "scipy dijkstra(limit), doubled graph",
        "networkx": "networkx Dijkstra with cutoff, doubled graph",
    }
    rows = []
    for label, share in (("median", 50), ("99th percentile", 99)):
        at = {name: float(np.percentile(values, share)) for name, values in per_query.items()}
        rows += [
            Row(f"two-layer query, {label} ({size})", words, at["ours"], at[peer])
            for peer, words in peers.items()
        ]
    return rows


def the_region(folder: Path | None, scratch: Path) -> Region:
    """The region asked for, or the built-in town."""
    if folder is not None:
        return Region.open(folder)
    from geo.region import build_region
    from scenarios.town.writing import TIMEZONE, write_town

    extract, zones = write_town(scratch)
    return build_region(extract, scratch / "region", zones=zones, timezone=TIMEZONE)


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--region", type=Path, metavar="DIR", help="else the built-in town")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            region = the_region(given.region, Path(scratch))
        except GeoError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        rows = compare(question(region))
    report(rows, ("numba", "numpy", "scipy", "networkx"), given.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
