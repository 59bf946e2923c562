"""Slow and obvious answers to the questions that compiled code answers fast.

Nothing here imports a kernel. Times are whole deciseconds.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Hashable
from typing import Any

import numpy as np

from geo.network import INF_DS, RoadNetwork, Segments
from geo.points import haversine_m
from geo.snap import Positions

Graph = dict[Hashable, list[tuple[Hashable, int]]]


def dijkstra(graph: Graph, source: Hashable) -> dict[Hashable, int]:
    """Least time from the source to everything that it reaches."""
    best = {source: 0}
    queue: list[tuple[int, int, Hashable]] = [(0, 0, source)]
    ticket = 0
    while queue:
        time, _, at = heapq.heappop(queue)
        if time > best[at]:
            continue
        for onward, step in graph.get(at, []):
            if time + step < best.get(onward, math.inf):
                best[onward] = time + step
                ticket += 1
                heapq.heappush(queue, (time + step, ticket, onward))
    return best


def split_graph(network: RoadNetwork, groups: dict[str, Positions]) -> Graph:
    """The network with every edge split at every place on it.

    Junctions are ints. One leaves place i of a group from ``(group, i, "out")`` and reaches it at
    ``(group, i, "in")``; in between lies a foot for either direction of the edge, and at the very
    end of an edge the junction, whichever way the edge is open. Nobody turns
    round at somebody else's door: rounding could make that pay.
    """
    graph: Graph = defaultdict(list)
    ahead_feet: dict[int, list[tuple[Hashable, int]]] = defaultdict(list)
    back_feet: dict[int, list[tuple[Hashable, int]]] = defaultdict(list)
    for group, places in groups.items():
        for i in range(len(places)):
            edge = int(places.edge[i])
            if edge < 0:
                continue
            access = int(places.access_ds[i])
            for lane, feet, done in (
                ("ahead", ahead_feet, int(places.from_u_ds[i]) - access),
                ("back", back_feet, int(places.from_v_ds[i]) - access),
            ):
                foot = (group, i, lane)
                graph[(group, i, "out")].append((foot, access))
                graph[foot].append(((group, i, "in"), access))
                feet[edge].append((foot, done))
            for share, junction in ((0.0, network.edge_u), (1.0, network.edge_v)):
                if places.fraction[i] == share:
                    graph[(group, i, "out")].append((int(junction[edge]), access))
                    graph[int(junction[edge])].append(((group, i, "in"), access))
    for edge in range(network.n_edges):
        u, v = int(network.edge_u[edge]), int(network.edge_v[edge])
        ahead, back = int(network.edge_forward_ds[edge]), int(network.edge_backward_ds[edge])
        if ahead < INF_DS:
            _split(graph, u, v, ahead, ahead_feet[edge])
        if back < INF_DS:
            _split(graph, v, u, back, back_feet[edge])
    return graph


def _split(graph: Graph, start: int, end: int, total: int, feet: list[tuple[Any, int]]) -> None:
    """One direction of an edge, with the feet at these times from its start."""
    graph[start].append((end, total))
    for foot, done in feet:
        graph[start].append((foot, done))
        graph[foot].append((end, total - done))
        for other, further in feet:
            if other != foot and further >= done:
                graph[foot].append((other, further - done))


def patient_times(
    network: RoadNetwork,
    patient: Positions,
    people: Positions,
    aeds: Positions,
    aed_usable: np.ndarray,
    *,
    bound_ds: int,
    pickup_ds: int,
    carry_factor: float = 1.0,
) -> dict[str, np.ndarray]:
    """Deciseconds (inf: beyond the bound) under the names of ``geo.routing.PatientTimes``."""
    graph = split_graph(network, {"patient": patient, "person": people, "aed": aeds})
    target = ("patient", 0, "in")
    n_people, n_aeds = len(people), len(aeds)
    direct, via, to_aed = np.full((3, n_people), np.inf)
    chosen = np.full(n_people, -1)
    carried = np.full(n_aeds, np.inf)
    for a in range(n_aeds):
        time = dijkstra(graph, ("aed", a, "out")).get(target, math.inf)
        if time < math.inf and round_half_even(carry_factor * time) <= bound_ds:
            carried[a] = round_half_even(carry_factor * time)
    for i in range(n_people):
        best = dijkstra(graph, ("person", i, "out"))
        if best.get(target, math.inf) <= bound_ds:
            direct[i] = best[target]
        for a in range(n_aeds):
            leg = best.get(("aed", a, "in"), math.inf)
            total = leg + pickup_ds + carried[a]
            if aed_usable[a] and total <= bound_ds and total < via[i]:
                via[i], to_aed[i], chosen[i] = total, leg, a
    return {
        "direct_s": direct,
        "via_aed_s": via,
        "aed": chosen,
        "to_aed_s": to_aed,
        "aed_to_patient_s": carried,
    }


def round_half_even(value: float) -> int:
    """As numpy rounds."""
    return round(value)


def segment_graph(segments: Segments) -> dict[int, list[tuple[int, float]]]:
    """The raw segments as a graph of float deciseconds."""
    graph: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for s in range(len(segments.u)):
        u, v = int(segments.u[s]), int(segments.v[s])
        length_m = float(
            haversine_m(segments.lat[u], segments.lon[u], segments.lat[v], segments.lon[v])
        )
        if segments.forward_mps[s] > 0:
            graph[u].append((v, 10.0 * length_m / float(segments.forward_mps[s])))
        if segments.backward_mps[s] > 0:
            graph[v].append((u, 10.0 * length_m / float(segments.backward_mps[s])))
    return graph


def nearest_road_m(
    network: RoadNetwork, lat: float, lon: float, edges: list[int]
) -> tuple[float, int]:
    """Distance to the nearest of these edges and which it is, in the plane at the place."""
    scale_y = 6_371_008.8 * math.pi / 180.0
    scale_x = scale_y * math.cos(math.radians(lat))
    best = (math.inf, -1)
    for edge in edges:
        for g in range(network.geom_first[edge], network.geom_first[edge + 1] - 1):
            ax, ay = (network.geom_lon[g] - lon) * scale_x, (network.geom_lat[g] - lat) * scale_y
            bx = (network.geom_lon[g + 1] - lon) * scale_x
            by = (network.geom_lat[g + 1] - lat) * scale_y
            square = (bx - ax) ** 2 + (by - ay) ** 2
            share = 0.0
            if square > 0:
                share = min(1.0, max(0.0, -(ax * (bx - ax) + ay * (by - ay)) / square))
            distance = math.hypot(ax + share * (bx - ax), ay + share * (by - ay))
            best = min(best, (distance, edge))
    return best


def strong_components(first: np.ndarray, head: np.ndarray) -> list[frozenset[int]]:
    """Sets of nodes that reach each other, by reachability from every node."""
    n = len(first) - 1
    reach = []
    for start in range(n):
        seen, todo = {start}, [start]
        while todo:
            at = todo.pop()
            for onward in head[first[at] : first[at + 1]].tolist():
                if onward not in seen:
                    seen.add(onward)
                    todo.append(onward)
        reach.append(seen)
    return list({frozenset(w for w in reach[v] if v in reach[w]) for v in range(n)})
