"""Slow and obvious answers for the hierarchy: times between places by plain Dijkstra."""

from __future__ import annotations

import math

import naive
import numpy as np

from geo.network import INF_DS, RoadNetwork
from geo.snap import Positions


def table_ds(network: RoadNetwork, sources: Positions, targets: Positions) -> np.ndarray:
    """Times from every source to every target; INF_DS where they are that long or there is none."""
    graph = naive.split_graph(network, {"from": sources, "to": targets})
    table = np.full((len(sources), len(targets)), INF_DS, np.int64)
    for i in range(len(sources)):
        best = naive.dijkstra(graph, ("from", i, "out"))
        for j in range(len(targets)):
            table[i, j] = min(best.get(("to", j, "in"), math.inf), INF_DS)
    return table


def node_table_ds(network: RoadNetwork, places: Positions) -> np.ndarray:
    """Times from every place to every junction."""
    graph = naive.split_graph(network, {"from": places})
    table = np.full((len(places), network.n_nodes), INF_DS, np.int64)
    for i in range(len(places)):
        for node, time in naive.dijkstra(graph, ("from", i, "out")).items():
            if isinstance(node, int):
                table[i, node] = min(time, INF_DS)
    return table


def reversed_network(network: RoadNetwork) -> dict[str, np.ndarray]:
    """Times of the network with every direction turned round, by name for ``dataclasses``."""
    return {
        "edge_forward_ds": network.edge_backward_ds,
        "edge_backward_ds": network.edge_forward_ds,
    }
