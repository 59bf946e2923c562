"""The routing core beside its peers: same streets, same answers, one process, turn by turn.

    python -m benchmarks.routing --graph moscow.npz --json results.json
    python -m benchmarks.routing --region REGION_FOLDER --json results.json
    python -m benchmarks.routing --graph moscow.npz --tile 1/8,1x1,2x2 --only growth,growth-foot

The peers are pinned and installed once in an environment of their own (``benchmarks.peers``).
They get the raw map graph, one node per map node, and their best calls: pinned targets, arrays
instead of lists where they take them. The product gets the network that it would build itself:
chains of map nodes joined to edges, places as positions on edges. Times are whole deciseconds and
the same on both, so answers are compared number by number before anything is timed. CPU time of
the process counts, medians over the rounds; wall time stands beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import (
    Contender,
    interleaved,
    machine,
    one_by_one,
    peak_mb,
    resident_mb,
    row,
    stream_gbps,
)
from benchmarks.peers import run_inside

PACKAGES = ("routingkit-cch", "pyroutingkit", "pandana", "scipy", "networkx", "numpy", "numba")
BOUND_S, PICKUP_S, BEST = 900.0, 60.0, 20
PEOPLE, AEDS, SITES, UNITS = 5_000, 1_500, 500, 500
SOURCES, TARGETS = 1_000, 20_000
INF_DS = 2**29
PANDANA_CLOSED = 4_294_967.0


class Bench:
    """The streets of one mode, the questions, and every library's own preparation of them."""

    def __init__(self, streets: Any, *, quick: bool) -> None:
        from benchmarks.graphs import largest_part
        from geo.router import Router

        self.streets = streets
        self.raw = streets.raw
        self.rounds = 3 if quick else 9
        self.quick = quick
        self.router = Router.of(streets.network)
        pool = largest_part(streets)
        rng = np.random.default_rng(3)
        pick = lambda count: rng.choice(pool, min(count, len(pool)), replace=False)  # noqa: E731
        self.incidents = pick(400)
        self.people, self.aeds = rng.choice(pool, PEOPLE), pick(AEDS)
        self.sites, self.units = pick(SITES), pick(UNITS)
        self.sources, self.targets = pick(SOURCES), pick(TARGETS)
        self.pairs = rng.choice(pool, (2, 20_000))
        self.tail_list = self.raw.tail.tolist()
        self.head_list = self.raw.head.tolist()

    def at(self, nodes: Any) -> Any:
        return self.streets.at(nodes)

    @cached_property
    def matrix(self) -> Any:
        return self.scipy_matrix(self.raw.first_out, self.raw.head, self.raw.ds)

    def scipy_matrix(self, first: Any, head: Any, ds: Any) -> Any:
        """Forward times; scipy takes a stored 0 for an edge of no length, as it should."""
        from scipy import sparse

        n = len(first) - 1
        return sparse.csr_matrix((ds.astype(float), head, first), shape=(n, n))

    @cached_property
    def rk_order(self) -> list[int]:
        import routingkit_cch as rk

        lat, lon = (a.astype(np.float32).tolist() for a in (self.raw.lat, self.raw.lon))
        return list(
            rk.compute_order_inertial(len(self.raw), self.tail_list, self.head_list, lat, lon)
        )

    @cached_property
    def rk(self) -> Any:
        import routingkit_cch as rk

        self.rk_hierarchy = rk.CCH(self.rk_order, self.tail_list, self.head_list, False)
        return rk.CCHMetric(self.rk_hierarchy, self.raw.ds.tolist())

    @cached_property
    def pyrk(self) -> Any:
        import pyroutingkit

        topology = pyroutingkit.CCHTopology()
        lat, lon = self.raw.lat.astype(np.float32), self.raw.lon.astype(np.float32)
        tail, head = self.raw.tail.astype(np.uint32), self.raw.head.astype(np.uint32)
        topology.build(tail, head, lat, lon, len(self.raw))
        self.pyrk_topology = topology
        metric = pyroutingkit.CCHMetric(topology)
        metric.customize(self.raw.ds.astype(np.uint32))
        return metric

    @cached_property
    def pandana(self) -> Any:
        """Both directions as arcs of their own; kilometres of its interface are deciseconds."""
        import pandana
        import pandas as pd

        index = range(len(self.raw))
        return pandana.Network(
            pd.Series(self.raw.lon, index=index),
            pd.Series(self.raw.lat, index=index),
            pd.Series(self.raw.tail),
            pd.Series(self.raw.head),
            pd.DataFrame({"ds": self.raw.ds.astype(float)}),
            twoway=False,
        )


def agree(what: str, ours: Any, peer: Any, *, within: float = 0.0) -> None:
    """Stops the benchmark where answers differ, after capping both at "no way"."""
    a = np.minimum(np.asarray(ours, np.float64), INF_DS)
    b = np.asarray(peer, np.float64)
    b = np.where(np.isfinite(b), np.minimum(b, INF_DS), INF_DS)
    apart = np.abs(a - b)
    if a.shape != b.shape or (apart > within).any():
        worst = np.unravel_index(int(np.argmax(apart)), apart.shape)
        raise SystemExit(
            f"{what}: answers differ at {int((apart > within).sum())} of {a.size} places, for "
            f"example {a[worst]:g} and {b[worst]:g} at {worst}"
        )
    print(f"  agreed: {what}, {a.size:,} numbers", file=sys.stderr)


def q1(bench: Bench) -> list[dict[str, Any]]:
    """Who reaches the patient soonest, straight and by way of an AED; one question at a time."""
    import networkx as nx
    from scipy.sparse import csgraph

    from geo.nearby import Crowd, NearbySearch
    from geo.routing import PatientSearch
    from geo.snap import Positions

    raw, n = bench.raw, len(bench.raw)
    incidents = bench.incidents[: 60 if bench.quick else 400]
    patients = [bench.at([node]) for node in incidents]
    people, aeds = bench.at(bench.people), bench.at(bench.aeds)
    usable, nothing = np.ones(len(aeds), np.bool_), np.ones(0, np.bool_)
    network = bench.router.network
    search, everybody = NearbySearch(network), PatientSearch(network)
    crowd, boxes = Crowd(network, people), Crowd(network, aeds)
    none = Crowd(network, Positions.none())
    limits = {"bound_s": BOUND_S, "pickup_s": PICKUP_S}

    def both(i: int) -> Any:
        return search.soonest(patients[i], crowd, boxes, usable, k=BEST, **limits)

    def direct(i: int) -> Any:
        return search.soonest(patients[i], crowd, none, nothing, k=BEST, **limits)

    def all_times(i: int) -> Any:
        return everybody.soonest(patients[i], people, aeds, usable, k=BEST, **limits)

    # Two layers: 2v + 1 before the AED is fetched (seen from the patient), 2v afterwards.
    backward = np.lexsort((raw.tail, raw.head))
    tail, head, ds = raw.head[backward], raw.tail[backward], raw.ds[backward]
    two = _two_layers(bench, n, tail, head, ds, bench.aeds)
    bound_ds = BOUND_S * 10
    peer = lambda i: csgraph.dijkstra(two, indices=int(2 * incidents[i] + 1), limit=bound_ds)  # noqa: E731
    for i in range(0, len(incidents), 20):
        times, found, best = all_times(i).times, peer(i), both(i)
        agree(f"Q1 best of incident {i}", best.via_aed_s, np.sort(times.via_aed_s)[: len(best.aed)])
        agree(
            f"Q1 straight best of incident {i}",
            best.direct_s,
            np.sort(times.direct_s)[: len(best.direct)],
        )
        agree(
            f"Q1 incident {i}",
            np.concatenate([times.direct_s, times.via_aed_s]) * 10,
            np.concatenate([found[2 * bench.people + 1], found[2 * bench.people]]),
            within=0.01,
        )
    compressed = _two_layers_of_network(bench)
    junction = bench.router.network.edge_u[bench.raw.edge[incidents]]
    graph = nx.DiGraph()
    graph.add_weighted_edges_from(zip(tail.tolist(), head.tolist(), ds.tolist(), strict=True))
    calls: dict[str, Callable[[int], Any]] = {
        "both": both,
        "everybody": all_times,
        "scipy": peer,
        "scipy, compressed": lambda i: csgraph.dijkstra(
            compressed, indices=int(2 * junction[i] + 1), limit=bound_ds
        ),
        "direct": direct,
        "networkx": lambda i: nx.single_source_dijkstra_path_length(
            graph, int(incidents[i]), cutoff=bound_ds
        ),
    }
    taken = {name: one_by_one(call, len(incidents)) for name, call in calls.items()}
    mid = {name: float(np.median(t)) for name, t in taken.items()}
    late = {name: float(np.percentile(t, 99)) for name, t in taken.items()}
    label = "scipy dijkstra(limit=) on a doubled graph"
    return [
        row("Q1 both answers, median", label, mid["both"], mid["scipy"], floor=10, aim=25),
        row("Q1 both answers, p99", label, late["both"], late["scipy"], floor=3.5, aim=12),
        row(
            "Q1 both answers, median",
            label + ", compressed graph",
            mid["both"],
            mid["scipy, compressed"],
        ),
        row(
            "Q1 both answers, p99",
            label + ", compressed graph",
            late["both"],
            late["scipy, compressed"],
        ),
        row(
            "Q1 direct only, median",
            "networkx with cutoff",
            mid["direct"],
            mid["networkx"],
            floor=25,
            aim=60,
        ),
        row("Q1 direct only, p99", "networkx with cutoff", late["direct"], late["networkx"]),
        row("Q1 times of everybody, median", label, mid["everybody"], mid["scipy"]),
        row("Q1 times of everybody, p99", label, late["everybody"], late["scipy"]),
    ]


def _two_layers(bench: Bench, n: int, tail: Any, head: Any, ds: Any, aeds: Any) -> Any:
    from scipy import sparse

    tails = np.concatenate([2 * tail, 2 * tail + 1, 2 * aeds + 1])
    heads = np.concatenate([2 * head, 2 * head + 1, 2 * aeds])
    times = np.concatenate([ds, ds, np.full(len(aeds), PICKUP_S * 10)]).astype(float)
    order = np.lexsort((heads, tails))
    first = np.zeros(2 * n + 1, np.int64)
    np.cumsum(np.bincount(tails, minlength=2 * n), out=first[1:])
    del bench
    return sparse.csr_matrix((times[order], heads[order], first), shape=(2 * n, 2 * n))


def _two_layers_of_network(bench: Bench) -> Any:
    """The same on the product's junctions: AEDs at the nearer end, so only its time is used."""
    network = bench.router.network
    tail = np.repeat(np.arange(network.n_nodes), np.diff(network.first_in))
    aeds = np.unique(network.edge_u[bench.raw.edge[bench.aeds]])
    return _two_layers(bench, network.n_nodes, tail, network.tail, network.in_ds, aeds)


def q2(bench: Bench) -> list[dict[str, Any]]:
    """The five nearest of a moving fleet."""
    import routingkit_cch as rk

    router = bench.router
    fleet = router.fleet(bench.at(bench.units))
    patients = router.places(bench.at(bench.incidents))
    singles = [bench.at([node]) for node in bench.incidents[:100]]
    asked = [int(node) for node in bench.incidents[:50]]
    pinned = rk.CCHManyToOne(bench.rk, bench.units.tolist())
    peer = np.array(
        [[INF_DS if t is None else t for t in pinned.distances_to(node)] for node in asked]
    )
    agree("Q2 all units", fleet.times_ds(patients)[: len(asked)], peer)
    agree("Q2 nearest 5", fleet.nearest(patients, 5).ds[: len(asked)], np.sort(peer, axis=1)[:, :5])
    moved = router.places(bench.at(bench.targets[: len(bench.units)]))
    every = np.arange(len(bench.units))
    places = [router.places(position) for position in singles]
    timings = interleaved(
        [
            Contender("batched", lambda: fleet.nearest(patients, 5), len(patients)),
            Contender("single", lambda: [fleet.nearest(p, 5) for p in places], len(places)),
            Contender(
                "from a position",
                lambda: [fleet.nearest(router.places(p), 5) for p in singles],
                len(singles),
            ),
            Contender("all", lambda: fleet.times_ds(patients), len(patients)),
            Contender("move", lambda: fleet.move(every, moved), len(every)),
            Contender("peer", lambda: [pinned.distances_to(node) for node in asked], len(asked)),
            Contender("repin", lambda: pinned.repin_sources(bench.units.tolist())),
        ],
        bench.rounds,
    )
    name = "routingkit-cch, pinned targets"
    t = {key: timing.median_s for key, timing in timings.items()}
    late = {
        "single": float(np.percentile(one_by_one(lambda i: fleet.nearest(places[i], 5), 100), 99)),
        "peer": float(np.percentile(one_by_one(lambda i: pinned.distances_to(asked[i]), 50), 99)),
    }
    return [
        row(
            "Q2 k=5 of 500 moving",
            name,
            t["batched"],
            t["peer"],
            floor=50,
            aim=120,
            spread=timings["batched"].spread,
        ),
        row("Q2 k=5 of 500, one call per patient", name, t["single"], t["peer"]),
        row("Q2 k=5 of 500, one call per patient, p99", name, late["single"], late["peer"]),
        row("Q2 k=5 of 500, one call from a position", name, t["from a position"], t["peer"]),
        row("Q2 all 500 times", name, t["all"], t["peer"]),
        row("Q2 one unit moves", name + " anew", t["move"], t["repin"]),
    ]


def q3(bench: Bench) -> list[dict[str, Any]]:
    """A table of 1,000 x 20,000."""
    router, pyrk = bench.router, bench.pyrk
    sources, targets = bench.at(bench.sources), bench.at(bench.targets)
    few = bench.sources[:50].astype(np.uint32)
    wanted = bench.targets.astype(np.uint32)
    table = router.times_ds(sources, targets)
    peer = np.asarray(pyrk.distances_many_to_many(few, wanted)).reshape(len(few), -1)
    agree("Q3 against pyroutingkit", table[: len(few)], peer)
    narrow = router.times_ds(sources, targets, dtype=np.uint16)
    agree("Q3 uint16 against int32", np.minimum(table, 65_535), narrow)
    agree("Q3 two threads against one", table, router.times_ds(sources, targets, threads=2))
    per_pair = 20
    froms = np.repeat(bench.sources[:per_pair], len(bench.targets))
    tos = np.tile(bench.targets, per_pair)
    found = np.asarray(bench.pandana.shortest_path_lengths(froms, tos, imp_name="ds"))
    agree(
        "Q3 against pandana",
        table[:per_pair].ravel(),
        np.where(found > PANDANA_CLOSED, INF_DS, found),
        within=0.5,
    )
    full = np.empty_like(np.ascontiguousarray(table))
    rows_, cells = len(sources), len(sources) / len(few)
    timings = interleaved(
        [
            Contender("int32", lambda: router.times_ds(sources, targets)),
            Contender("uint16", lambda: router.times_ds(sources, targets, dtype=np.uint16)),
            Contender("out", lambda: router.times_ds(sources, targets, out=full)),
            Contender("two", lambda: router.times_ds(sources, targets, threads=2)),
            Contender("two out", lambda: router.times_ds(sources, targets, out=full, threads=2)),
            Contender("within", lambda: router.times_within(sources, targets, cutoff_s=600.0)),
            Contender(
                "pyroutingkit",
                lambda: pyrk.distances_many_to_many(few, wanted),
                1 / cells,
            ),
            Contender(
                "pandana",
                lambda: bench.pandana.shortest_path_lengths(froms, tos, imp_name="ds"),
                per_pair / rows_,
                most_rounds=1,
            ),
        ],
        bench.rounds,
    )
    t = {key: timing.median_s for key, timing in timings.items()}
    name = f"pyroutingkit ({len(few)} rows, scaled)"
    speed_up = timings["int32"].wall_median_s / timings["two"].wall_median_s
    return [
        row(
            "Q3 1,000 x 20,000",
            name,
            t["int32"],
            t["pyroutingkit"],
            floor=35,
            aim=100,
            spread=timings["int32"].spread,
        ),
        row("Q3 1,000 x 20,000 as uint16", name, t["uint16"], t["pyroutingkit"]),
        row("Q3 1,000 x 20,000 into given memory", name, t["out"], t["pyroutingkit"]),
        row("Q3 1,000 x 20,000 cut off at 10 min, sparse", name, t["within"], t["pyroutingkit"]),
        row(
            "Q3 1,000 x 20,000",
            f"pandana ({per_pair} rows, scaled)",
            t["int32"],
            t["pandana"],
            floor=2_000,
            aim=4_000,
        ),
        row(
            "Q3 two threads, wall time",
            "one thread",
            timings["two"].wall_median_s,
            timings["int32"].wall_median_s,
            floor=1.8,
            speed_up=speed_up,
        ),
        row(
            "Q3 two threads into given memory, wall time",
            "one thread",
            timings["two out"].wall_median_s,
            timings["out"].wall_median_s,
            floor=1.8,
        ),
    ]


def q4(bench: Bench) -> list[dict[str, Any]]:
    """From one place to everywhere, and the nearest of 500 sites for everywhere."""
    from scipy.sparse import csgraph

    from geo.aligned import aligned_empty
    from geo.matrix import TargetSet
    from geo.metric import Places
    from geo.reach import nearest_site

    router, raw = bench.router, bench.raw
    network = router.network
    batch = bench.sources[:64]
    sources = router.places(bench.at(batch))
    junctions = TargetSet(router.metric, Places.of_nodes(np.arange(network.n_nodes)))
    everywhere = TargetSet(router.metric, router.places(bench.at(np.arange(len(raw)))))
    all_nodes = np.arange(len(raw), dtype=np.uint32)
    some = batch[:3]
    peer = csgraph.dijkstra(bench.matrix, indices=some)
    agree("Q4 one-to-all against scipy", everywhere.times_ds(sources)[:3], peer)
    agree("Q4 at junctions", junctions.times_ds(sources)[:3], peer[:, : network.n_nodes])
    pyrk_row = np.asarray(
        bench.pyrk.distances_many_to_many(some[:1].astype(np.uint32), all_nodes)
    ).reshape(1, -1)
    agree("Q4 one-to-all against pyroutingkit", peer[:1], pyrk_row)

    sites = router.places(bench.at(bench.sites))
    found = router.nearest_site(bench.at(bench.sites))
    at_all = nearest_site(router.metric, sites, everywhere.targets)
    least = csgraph.dijkstra(bench.matrix, indices=bench.sites, min_only=True)
    agree("Q4 nearest site, every map node", at_all.ds, least)
    agree("Q4 nearest site, junctions", found.ds, least[: network.n_nodes])
    pandana_sites = _pandana_nearest(bench)
    compressed = bench.scipy_matrix(*_least_arcs(network))
    on_junction = network.edge_u[raw.edge[bench.sites]]
    given = aligned_empty(64, network.n_nodes, np.uint16)
    given_map = aligned_empty(64, len(raw), np.uint16)
    timings = interleaved(
        [
            Contender(
                "uint16", lambda: junctions.times_ds(sources, dtype=np.uint16, out=given), 64
            ),
            Contender("fresh", lambda: junctions.times_ds(sources, dtype=np.uint16), 64),
            Contender("int32", lambda: junctions.times_ds(sources), 64),
            Contender(
                "map nodes",
                lambda: everywhere.times_ds(sources, dtype=np.uint16, out=given_map),
                64,
            ),
            Contender("single", lambda: router.node_times_ds(bench.at(batch[:1]))),
            Contender("scipy", lambda: csgraph.dijkstra(bench.matrix, indices=int(batch[0]))),
            Contender(
                "scipy, compressed",
                lambda: csgraph.dijkstra(compressed, indices=int(on_junction[0])),
            ),
            Contender(
                "pyroutingkit",
                lambda: bench.pyrk.distances_many_to_many(batch[:4].astype(np.uint32), all_nodes),
                4,
            ),
            Contender("nearest", lambda: nearest_site(router.metric, sites)),
            Contender(
                "nearest, map nodes",
                lambda: nearest_site(router.metric, sites, everywhere.targets),
            ),
            Contender(
                "min_only",
                lambda: csgraph.dijkstra(bench.matrix, indices=bench.sites, min_only=True),
            ),
            Contender(
                "min_only, compressed",
                lambda: csgraph.dijkstra(compressed, indices=on_junction, min_only=True),
            ),
            Contender("pandana", pandana_sites, most_rounds=1),
        ],
        bench.rounds,
    )
    t = {key: timing.median_s for key, timing in timings.items()}
    spread = {key: timing.spread for key, timing in timings.items()}
    label = "Q4 one-to-all, batched"
    near = "Q4 nearest of 500, labelled, all nodes"
    return [
        row(label, "scipy", t["uint16"], t["scipy"], floor=200, aim=1_000, spread=spread["uint16"]),
        row(label, "pyroutingkit", t["uint16"], t["pyroutingkit"], floor=90, aim=500),
        row(label, "scipy, compressed graph", t["uint16"], t["scipy, compressed"]),
        row(label + ", into fresh memory", "scipy", t["fresh"], t["scipy"]),
        row(label + ", into fresh memory", "pyroutingkit", t["fresh"], t["pyroutingkit"]),
        row(label + ", int32, into fresh memory", "scipy", t["int32"], t["scipy"]),
        row(label + ", int32, into fresh memory", "pyroutingkit", t["int32"], t["pyroutingkit"]),
        row(label + ", every map node", "scipy", t["map nodes"], t["scipy"]),
        row(label + ", every map node", "pyroutingkit", t["map nodes"], t["pyroutingkit"]),
        row("Q4 one-to-all, one source", "scipy", t["single"], t["scipy"]),
        row("Q4 one-to-all, one source", "pyroutingkit", t["single"], t["pyroutingkit"]),
        row(near, "pandana nearest_pois", t["nearest"], t["pandana"], floor=800, aim=4_000),
        row(
            near,
            "scipy min_only",
            t["nearest"],
            t["min_only"],
            floor=13,
            aim=60,
            spread=spread["nearest"],
        ),
        row(near, "scipy min_only, compressed graph", t["nearest"], t["min_only, compressed"]),
        row(near + ", every map node", "scipy min_only", t["nearest, map nodes"], t["min_only"]),
        row(
            near + ", every map node",
            "pandana nearest_pois",
            t["nearest, map nodes"],
            t["pandana"],
        ),
    ]


def _pandana_nearest(bench: Bench) -> Callable[[], Any]:
    import pandas as pd

    raw, far = bench.raw, 1e6
    bench.pandana.set_pois(
        "site", far, 1, pd.Series(raw.lon[bench.sites]), pd.Series(raw.lat[bench.sites])
    )
    return lambda: bench.pandana.nearest_pois(far, "site", num_pois=1, imp_name="ds")


def _least_arcs(network: Any) -> tuple[Any, Any, Any]:
    """Arcs of the network without the slower of two parallel ones, which scipy would add up."""
    tail = np.repeat(np.arange(network.n_nodes), np.diff(network.first_out))
    order = np.lexsort((network.arc_ds, network.head, tail))
    tail, head, ds = tail[order], network.head[order], network.arc_ds[order]
    keep = np.ones(len(tail), np.bool_)
    keep[1:] = (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
    first = np.zeros(network.n_nodes + 1, np.int64)
    np.cumsum(np.bincount(tail[keep], minlength=network.n_nodes), out=first[1:])
    return first, head[keep], ds[keep]


def q5(bench: Bench) -> list[dict[str, Any]]:
    """New travel times: one set, and the 24 hours of a day."""
    from geo.metric import Metrics

    network, hierarchy = bench.router.network, bench.router.hierarchy
    ahead, back = network.edge_forward_ds, network.edge_backward_ds
    factors = np.random.default_rng(0).uniform(1.0, 2.0, (24, 1))
    many = [
        np.minimum(np.rint(np.minimum(times, INF_DS) * factors), INF_DS).astype(np.int32)
        for times in (ahead, back)
    ]
    weights = bench.raw.ds.astype(np.uint32)
    pairs = [bench.at(nodes[:500]) for nodes in bench.pairs]
    hours = bench.router.with_many_times(*many)
    for hour in (0, 23):
        one = bench.router.with_times(many[0][hour], many[1][hour])
        agree(
            f"Q5 hour {hour}: batch against single",
            hours[hour].pair_times_ds(*pairs),
            one.pair_times_ds(*pairs),
        )
    kept = Metrics.of(hierarchy, *many)
    pyrk = bench.pyrk
    timings = interleaved(
        [
            Contender("one", lambda: bench.router.with_times(ahead, back)),
            Contender("24", lambda: Metrics.of(hierarchy, *many, into=kept), 24),
            Contender("24, two", lambda: Metrics.of(hierarchy, *many, into=kept, threads=2), 24),
            Contender("24, fresh", lambda: Metrics.of(hierarchy, *many), 24),
            Contender("peer", lambda: pyrk.customize(weights)),
        ],
        bench.rounds,
    )
    t = {key: timing.median_s for key, timing in timings.items()}
    spread = {key: timing.spread for key, timing in timings.items()}
    wall = timings["24, two"].wall_median_s
    return [
        row(
            "Q5 one new metric",
            "pyroutingkit",
            t["one"],
            t["peer"],
            floor=1.3,
            aim=2.5,
            spread=spread["one"],
        ),
        row("Q5 one of 24", "pyroutingkit", t["24"], t["peer"], aim=14, spread=spread["24"]),
        row("Q5 one of 24, into fresh memory", "pyroutingkit", t["24, fresh"], t["peer"]),
        row("Q5 one of 24, two threads, wall", "pyroutingkit", wall, timings["peer"].wall_median_s),
    ]


def order(bench: Bench) -> list[dict[str, Any]]:
    """Node order and contraction, on the raw graph for both, and on the product's network."""
    import routingkit_cch as rk

    from geo.hierarchy import Hierarchy

    raw, network = bench.raw, bench.router.network
    near = raw.tail < raw.head
    links = np.unique(
        np.stack([np.minimum(raw.tail, raw.head), np.maximum(raw.tail, raw.head)]), axis=1
    )
    del near
    lat, lon = (a.astype(np.float32).tolist() for a in (raw.lat, raw.lon))

    def theirs() -> Any:
        found = rk.compute_order_inertial(len(raw), bench.tail_list, bench.head_list, lat, lon)
        return rk.CCH(found, bench.tail_list, bench.head_list, False)

    own = Hierarchy.build(len(raw), links[0], links[1], raw.lat, raw.lon)
    fill = _slots_in_order(len(raw), links, np.array(bench.rk_order, np.int32))
    timings = interleaved(
        [
            Contender(
                "raw", lambda: Hierarchy.build(len(raw), links[0], links[1], raw.lat, raw.lon)
            ),
            Contender("network", lambda: Hierarchy.of(network)),
            Contender("peer", theirs, most_rounds=2),
        ],
        min(bench.rounds, 5),
    )
    t = {key: timing.median_s for key, timing in timings.items()}
    return [
        row(
            "order + contraction",
            "routingkit-cch",
            t["raw"],
            t["peer"],
            floor=6,
            aim=14,
            slots=own.n_slots,
            peer_slots=fill,
            fill=own.n_slots / fill,
        ),
        row(
            "order + contraction of the product's network",
            "routingkit-cch, raw graph",
            t["network"],
            t["peer"],
        ),
    ]


def _slots_in_order(n: int, links: Any, order_: Any) -> int:
    """How many slots contraction in another library's order needs."""
    from geo import kernels_hierarchy as kernels

    first, near = kernels.undirected(n, links[0].astype(np.int32), links[1].astype(np.int32))
    rank = np.empty(n, np.int32)
    rank[order_] = np.arange(n, dtype=np.int32)
    empty = np.empty((0, 2), np.int32)
    _, head = kernels.contract(first, near, rank, order_, 0, empty)
    return len(head)


def pairs(bench: Bench) -> list[dict[str, Any]]:
    """Single pairs."""
    import routingkit_cch as rk

    query = rk.CCHQuery(bench.rk)
    few = bench.pairs[:, :2_000]
    froms, tos = few.tolist()
    sources, targets = bench.at(bench.pairs[0]), bench.at(bench.pairs[1])
    peer = [query.run(a, b).distance for a, b in zip(froms, tos, strict=True)]
    ours = bench.router.pair_times_ds(sources, targets)
    agree("point to point", ours[:2_000], [INF_DS if d is None else d for d in peer])
    one = [(bench.at([a]), bench.at([b])) for a, b in bench.pairs[:, :100].T]
    routed = bench.router.route(*one[0])
    assert routed is not None
    timings = interleaved(
        [
            Contender("ours", lambda: bench.router.pair_times_ds(sources, targets), len(sources)),
            Contender(
                "peer",
                lambda: [query.run(a, b).distance for a, b in zip(froms, tos, strict=True)],
                len(froms),
            ),
            Contender("route", lambda: [bench.router.route(a, b) for a, b in one], len(one)),
        ],
        bench.rounds,
    )
    t = {key: timing.median_s for key, timing in timings.items()}
    return [
        row(
            "point to point",
            "routingkit-cch",
            t["ours"],
            t["peer"],
            floor=1,
            aim=5,
            spread=timings["ours"].spread,
        ),
        {"bar": "Q6 a route with shape, names and turns", "ours_s": t["route"]},
    ]


def memory(bench: Bench) -> list[dict[str, Any]]:
    """What a region holds in memory, and how near the sweeps come to the memory's speed."""
    router = bench.router
    own, network = router.hierarchy, router.network
    metric = router.metric
    labels = metric.labels
    size = lambda arrays: sum(int(a.nbytes) for a in arrays) / 1e6  # noqa: E731
    limits = {"stream_gbps": stream_gbps(), "stream_in_cache_gbps": stream_gbps(0.5)}
    return [
        {
            "bar": "memory",
            "junctions": network.n_nodes,
            "map_nodes": len(bench.raw),
            "core": own.n_core,
            "slots": own.n_slots,
            "network_mb": size(v for v in vars(network).values() if isinstance(v, np.ndarray)),
            "hierarchy_mb": size(own.arrays().values()),
            "metric_mb": size((metric.up_ds, metric.down_ds, *metric.gate_ds)),
            "labels_mb": size(labels),
            "process_mb": resident_mb(),
            "peak_mb": peak_mb(),
        },
        *(
            {
                "bar": f"memory traffic: {name}",
                "ours_s": seconds,
                "bytes_touched": moved,
                "gbps": moved / seconds / 1e9,
                "of_stream": moved / seconds / 1e9 / limits["stream_gbps"],
                **limits,
            }
            for name, (seconds, moved) in (
                ("core sweep of 32 sources", _core_sweep(bench)),
                ("Q3 1,000 x 20,000", _table(bench)),
                ("Q4 nearest of 500, labelled", _nearest(bench)),
                ("Q5 one new metric", _customised(bench)),
            )
        ),
    ]


def _timed(call: Callable[[], Any], rounds: int) -> float:
    return interleaved([Contender("", call)], rounds)[""].median_s


def _table(bench: Bench) -> tuple[float, int]:
    """A table: for 32 sources a sweep, per target two rows and their times read, 32 times written.

    Writing past the caches counts once.
    """
    from geo.aligned import aligned_empty

    router = bench.router
    targets = router.target_set(bench.at(bench.targets))
    sources = router.places(bench.at(bench.sources))
    chosen = targets.narrow
    table = aligned_empty(len(sources), len(targets), np.int32)
    sweep = len(chosen.head) * (4 + 2 + 64) + len(chosen.node) * (8 + 2 * 64)
    moved = (sweep + len(targets) * (2 * (4 + 2 + 64) + 32 * 4)) * len(sources) // 32
    return _timed(lambda: targets.times_ds(sources, out=table), bench.rounds), moved


def _nearest(bench: Bench) -> tuple[float, int]:
    """Per core slot a head, a time and the key above; per node its keys, gates and the answer."""
    from geo.reach import nearest_site

    own = bench.router.hierarchy
    sites = bench.router.places(bench.at(bench.sites))
    slots = own.n_slots - own.first_core_slot
    moved = slots * (4 + 4 + 8) + own.n_core * 20 + own.n_fringe * (8 + 8 + 16 + 8)
    moved += own.n_nodes * (8 + 4 + 8 + 8)
    return _timed(lambda: nearest_site(bench.router.metric, sites), bench.rounds), moved


def _customised(bench: Bench) -> tuple[float, int]:
    """Per triangle its upper slot, two times read, two read and written; per slot both, twice."""
    own, network = bench.router.hierarchy, bench.router.network
    times = network.edge_forward_ds, network.edge_backward_ds
    moved = len(own.upper) * (4 + 8 + 16) + own.n_slots * 16 + own.n_edges * 12
    return _timed(lambda: bench.router.with_times(*times), bench.rounds), moved


def _core_sweep(bench: Bench) -> tuple[float, int]:
    """Seconds of one sweep through the whole core and the bytes that it touches.

    Bytes: per slot a head, a time and the row above; per node its number, its first slot and its
    own row once for reading the seed and once for writing.
    """
    from dataclasses import replace

    from geo.matrix import TargetSet
    from geo.metric import Places

    own = bench.router.hierarchy
    targets = TargetSet(bench.router.metric, Places.of_nodes(own.node[own.n_fringe :]))
    chosen = targets.narrow
    targets.__dict__["narrow"] = replace(
        chosen,
        at=np.full((32, 2), len(chosen.node), np.int32),
        at_ds=np.zeros((32, 2), np.uint16),
    )
    few = bench.router.metric.reaching(Places.of_nodes(np.zeros(32, np.int32)))
    targets._anchors, targets.targets = few, Places.of_nodes(np.zeros(32, np.int32))
    sources = bench.router.places(bench.at(bench.sources[:512]))
    timing = interleaved(
        [Contender("sweep", lambda: targets.times_ds(sources, dtype=np.uint16), 512 / 32)],
        bench.rounds,
    )["sweep"]
    moved = len(chosen.head) * (4 + 2 + 64) + len(chosen.node) * (8 + 2 * 64)
    return timing.median_s, moved


def growth(bench: Bench) -> list[dict[str, Any]]:
    """The product alone, for one line of the table of growth."""
    from geo.aligned import aligned_empty
    from geo.hierarchy import Hierarchy
    from geo.matrix import TargetSet
    from geo.metric import Places
    from geo.reach import nearest_site

    router = bench.router
    network, hierarchy = router.network, router.hierarchy
    fleet = router.fleet(bench.at(bench.units))
    patients = router.places(bench.at(bench.incidents))
    sources, targets = bench.at(bench.sources), bench.at(bench.targets)
    junctions = TargetSet(router.metric, Places.of_nodes(np.arange(network.n_nodes)))
    batch, sites = router.places(bench.at(bench.sources[:64])), router.places(bench.at(bench.sites))
    table = aligned_empty(len(sources), len(targets), np.int32)
    everywhere = aligned_empty(64, network.n_nodes, np.uint16)
    ends = bench.at(bench.pairs[0]), bench.at(bench.pairs[1])
    times = network.edge_forward_ds, network.edge_backward_ds
    timings = interleaved(
        [
            Contender("order + contraction", lambda: Hierarchy.of(network), 1, 2),
            Contender("Q5 one new metric", lambda: router.with_times(*times)),
            Contender(
                "Q2 k=5 of 500 moving", lambda: fleet.nearest(patients, 5), len(bench.incidents)
            ),
            Contender(
                "Q3 1,000 x 20,000", lambda: router.times_ds(sources, targets, out=table), 1, 5
            ),
            Contender(
                "Q4 one-to-all, batched",
                lambda: junctions.times_ds(batch, dtype=np.uint16, out=everywhere),
                64,
                5,
            ),
            Contender("Q4 nearest of 500, labelled", lambda: nearest_site(router.metric, sites)),
            Contender("point to point", lambda: router.pair_times_ds(*ends), len(ends[0])),
        ],
        bench.rounds,
    )
    return [
        {
            "bar": name,
            "nodes": len(bench.raw),
            "junctions": network.n_nodes,
            "core": hierarchy.n_core,
            "ours_s": timing.median_s,
            "spread": timing.spread,
        }
        for name, timing in timings.items()
    ]


def growth_on_foot(bench: Bench) -> list[dict[str, Any]]:
    """Q1 for the table of growth: people and AEDs as thick on the ground in every size."""
    from geo.nearby import Crowd, NearbySearch

    share = len(bench.raw) / 404_060
    rng = np.random.default_rng(11)
    pick = lambda count: bench.at(rng.integers(0, len(bench.raw), round(count * share)))  # noqa: E731
    network = bench.router.network
    search, crowd, boxes = NearbySearch(network), *(Crowd(network, pick(n)) for n in (PEOPLE, AEDS))
    usable = np.ones(len(boxes), np.bool_)
    patients = [bench.at([node]) for node in bench.incidents]
    taken = one_by_one(
        lambda i: search.soonest(
            patients[i], crowd, boxes, usable, k=BEST, bound_s=BOUND_S, pickup_s=PICKUP_S
        ),
        len(patients),
    )
    kept = {"nodes": len(bench.raw), "junctions": network.n_nodes}
    return [
        {"bar": "Q1 both answers, median", **kept, "ours_s": float(np.median(taken))},
        {"bar": "Q1 both answers, p99", **kept, "ours_s": float(np.percentile(taken, 99))},
    ]


def warm_start(bench: Bench) -> list[dict[str, Any]]:
    """Import, map a prepared region, first answer, in a fresh interpreter with warm caches."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        _save(Path(folder), bench)
        code = (
            "import time; t = time.perf_counter(); c = time.process_time()\n"
            "from benchmarks.routing import _first_answer\n"
            f"_first_answer({folder!r})\n"
            "print(time.perf_counter() - t, time.process_time() - c)"
        )
        taken = []
        for _ in range(4):
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", code],
                capture_output=True,
                text=True,
                check=True,
                env=os.environ,
            )
            taken.append([float(x) for x in done.stdout.split()])
    wall, cpu = np.median(np.array(taken[1:]), axis=0)
    return [{"bar": "warm start", "ours_s": float(cpu), "wall_s": float(wall), "cap_s": 1.0}]


def _save(folder: Path, bench: Bench) -> None:
    from geo.network import ARRAY_FIELDS

    network = bench.router.network
    for name in ARRAY_FIELDS:
        np.save(folder / f"network_{name}.npy", getattr(network, name))
    for name, values in bench.router.hierarchy.arrays().items():
        np.save(folder / f"hierarchy_{name}.npy", values)


def _first_answer(folder: str) -> None:
    """What a service does before it can answer: both kinds of question, once each."""
    from geo.hierarchy import Hierarchy
    from geo.network import ARRAY_FIELDS, RoadNetwork
    from geo.router import Router
    from geo.routing import PatientSearch
    from geo.snap import positions_on_edges

    read = lambda part, name: np.asarray(  # noqa: E731
        np.load(Path(folder) / f"{part}_{name}.npy", mmap_mode="c")
    )
    network = RoadNetwork(
        mode="foot", names=(), **{name: read("network", name) for name in ARRAY_FIELDS}
    )
    fields = [path.stem.removeprefix("hierarchy_") for path in Path(folder).glob("hierarchy_*")]
    hierarchy = Hierarchy.from_arrays({name: read("hierarchy", name) for name in fields})
    places = positions_on_edges(network, np.arange(40), np.full(40, 0.5))
    search = PatientSearch(network)
    search.soonest(
        places.take([0]), places, places, np.ones(40, np.bool_), k=5, bound_s=900.0, pickup_s=60.0
    )
    router = Router.of(network, hierarchy)
    router.fleet(places).nearest(router.places(places.take([3])), 5)


PARTS: dict[str, Callable[[Bench], list[dict[str, Any]]]] = {
    "q1": q1,
    "q2": q2,
    "q3": q3,
    "q4": q4,
    "q5": q5,
    "order": order,
    "pairs": pairs,
    "memory": memory,
    "warm": warm_start,
    "growth": growth,
    "growth-foot": growth_on_foot,
}
ON_FOOT = frozenset({"q1", "growth-foot"})
GROWTH = frozenset({"growth", "growth-foot"})


def main() -> None:
    """Reads the options, goes through the parts, prints and writes the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--region", type=Path, help="a region folder")
    where.add_argument("--graph", type=Path, help="a .npz with edges (m, 2) and xy (n, 2)")
    parser.add_argument(
        "--tile",
        default="1x1",
        help="2x2: copies of the graph side by side; 1/8: its middle; several with commas",
    )
    parser.add_argument(
        "--mode", choices=("foot", "bicycle", "car"), help="all questions by it; else as they come"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", help="parts, with commas: " + ", ".join(PARTS))
    parser.add_argument("--markdown", action="store_true", help="print the rows as a table, too")
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    options = parser.parse_args()
    run_inside("benchmarks.routing", sys.argv[1:])
    chosen = options.only.split(",") if options.only else [p for p in PARTS if p not in GROWTH]
    rows: list[dict[str, Any]] = []
    for tile in options.tile.split(",") if options.graph else ["1x1"]:
        rows += _all_parts(options, tile, chosen)
    rows.append(machine(PACKAGES))
    print(rows[-1])
    if options.markdown:
        _print_table(rows)
        _print_limits(rows)
        _print_growth(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def _all_parts(
    options: argparse.Namespace, tile: str, chosen: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows of the chosen parts on one map."""
    started = time.perf_counter()
    benches = {
        mode: Bench(part, quick=options.quick)
        for mode, part in _streets(options, tile).items()
        if mode in ((options.mode,) if options.mode else ("foot", "car"))
    }
    if not benches:
        raise SystemExit(f"--mode {options.mode}: the region has no such network")
    foot = benches.get("foot") or next(iter(benches.values()))
    car = benches.get("car") or foot
    print(f"streets ready after {time.perf_counter() - started:.0f} s", file=sys.stderr)
    name = (options.region or options.graph).stem
    rows = []
    for part in chosen:
        bench = foot if part in ON_FOOT else car
        for found in PARTS[part](bench):
            found |= {"streets": f"{name}, {bench.router.network.mode}", "tile": tile}
            rows.append(found)
            _print(found)
    return rows


def _print_limits(rows: list[dict[str, Any]]) -> None:
    """Rows of memory traffic as lines of a markdown table."""
    traffic = [found for found in rows if "bytes_touched" in found]
    if traffic:
        print(
            "\n| kernel | time | bytes touched | GB/s | of the stream copy |\n|---|--:|--:|--:|--:|"
        )
    for found in traffic:
        name = found["bar"].removeprefix("memory traffic: ")
        moved = f"{found['bytes_touched'] / 1e6:,.1f} MB"
        rate, share = f"{found['gbps']:.1f}", f"{found['of_stream']:.1f}x"
        print(f"| {name} | {_in_words(found['ours_s'])} | {moved} | {rate} | {share} |")


def _print_growth(rows: list[dict[str, Any]]) -> None:
    """Rows of growth as a markdown table, one column per map."""
    grown = [found for found in rows if "nodes" in found]
    sizes = list(dict.fromkeys(found["nodes"] for found in grown))
    if grown:
        print("\n| map nodes | " + " | ".join(f"{size:,}" for size in sizes) + " |")
        print("|---|" + "--:|" * len(sizes))
    for bar in dict.fromkeys(found["bar"] for found in grown):
        at = {found["nodes"]: _in_words(found["ours_s"]) for found in grown if found["bar"] == bar}
        print(f"| {bar} | " + " | ".join(at.get(size, "–") for size in sizes) + " |")


def _print_table(rows: list[dict[str, Any]]) -> None:
    """Rows with a peer as lines of a markdown table."""
    if any("ratio" in found for found in rows):
        print("| bar | peer | ours | peer | ratio | floor / aim |\n|---|---|--:|--:|--:|--:|")
    for found in rows:
        if "ratio" in found:
            ours, theirs = _in_words(found["ours_s"]), _in_words(found["peer_s"])
            ratio = f"{found['ratio']:,.0f}x" if found["ratio"] >= 20 else f"{found['ratio']:.1f}x"
            bars = " / ".join(f"{found[k]:g}x" if k in found else "–" for k in ("floor", "aim"))
            print(f"| {found['bar']} | {found['peer']} | {ours} | {theirs} | {ratio} | {bars} |")


def _in_words(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _streets(options: argparse.Namespace, tile: str) -> dict[str, Any]:
    from benchmarks.graphs import networks_of_file, streets_of

    if options.graph:
        return networks_of_file(options.graph, tile)
    from geo.region import Region

    region = Region.open(options.region)
    return {mode: streets_of(network) for mode, network in region.networks.items()}


def _print(found: dict[str, Any]) -> None:
    if "ratio" not in found:
        print(
            "  ".join(
                f"{k}={v:.6g}" if isinstance(v, float) else f"{k}={v}" for k, v in found.items()
            )
        )
        return
    bars = " ".join(f"{k} {found[k]:g}" for k in ("floor", "aim") if k in found)
    print(
        f"{found['bar']:48s} {found['peer']:44s} {found['ours_s'] * 1e3:11.4f} ms "
        f"{found['peer_s'] * 1e3:13.4f} ms {found['ratio']:9.1f}x  {bars}",
        flush=True,
    )


if __name__ == "__main__":
    main()
