"""Compiled steps of building a network: joining chains of segments, and strong components."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Chains = tuple[NDArray[np.int64], Ints, Ints]


@njit(cache=True, nogil=True)
def _goes_on(
    node: int,
    first: Any,
    incident: Any,
    seg_u: Any,
    seg_v: Any,
    forward_mps: Any,
    backward_mps: Any,
    keep: Any,
) -> bool:
    """Whether a chain passes through the node: two segments, same speeds straight through."""
    if keep[node] or first[node + 1] - first[node] != 2:
        return False
    a, b = incident[first[node]], incident[first[node] + 1]
    if a == b:
        return False
    into = forward_mps[a] if seg_v[a] == node else backward_mps[a]
    out_of = backward_mps[a] if seg_v[a] == node else forward_mps[a]
    onward = forward_mps[b] if seg_u[b] == node else backward_mps[b]
    back = backward_mps[b] if seg_u[b] == node else forward_mps[b]
    return bool(into == onward and out_of == back)


@njit(cache=True, nogil=True)
def join_chains(
    n_nodes: int,
    seg_u: Any,
    seg_v: Any,
    forward_mps: Any,
    backward_mps: Any,
    keep: Any,
) -> Chains:
    """Strings segments together through nodes where nothing is decided.

    Arguments: ``seg_u, seg_v`` int32[S], speeds float64[S] along and against, ``keep`` bool[n]
    nodes that must stay junctions. Returns ``first`` int64[C+1], ``segments`` int32[S] (segment
    ids in the order of travel, complemented with ``~`` where travelled against) and ``start``
    int32[C] (first node of each chain). A ring without a junction starts at its lowest node.
    """
    n_segments = len(seg_u)
    first = np.zeros(n_nodes + 1, dtype=np.int64)
    for s in range(n_segments):
        first[seg_u[s] + 1] += 1
        first[seg_v[s] + 1] += 1
    for v in range(n_nodes):
        first[v + 1] += first[v]
    fill = first[:-1].copy()
    incident = np.empty(2 * n_segments, dtype=np.int32)
    for s in range(n_segments):
        incident[fill[seg_u[s]]] = s
        fill[seg_u[s]] += 1
        incident[fill[seg_v[s]]] = s
        fill[seg_v[s]] += 1

    interior = np.zeros(n_nodes, dtype=np.bool_)
    for v in range(n_nodes):
        interior[v] = _goes_on(v, first, incident, seg_u, seg_v, forward_mps, backward_mps, keep)

    used = np.zeros(n_segments, dtype=np.bool_)
    chain_first = np.zeros(n_segments + 1, dtype=np.int64)
    chain_segments = np.empty(n_segments, dtype=np.int32)
    chain_start = np.empty(n_segments, dtype=np.int32)
    n_chains = 0
    n_placed = 0
    for rings in range(2):
        for start in range(n_nodes):
            if interior[start] and rings == 0:
                continue
            for i in range(first[start], first[start + 1]):
                s = incident[i]
                if used[s]:
                    continue
                at = start
                while True:
                    used[s] = True
                    along = seg_u[s] == at
                    chain_segments[n_placed] = s if along else ~s
                    n_placed += 1
                    at = seg_v[s] if along else seg_u[s]
                    if not interior[at] or at == start:
                        break
                    a, b = incident[first[at]], incident[first[at] + 1]
                    s = b if a == s else a
                chain_start[n_chains] = start
                n_chains += 1
                chain_first[n_chains] = n_placed
    return (
        chain_first[: n_chains + 1].copy(),
        chain_segments[:n_placed].copy(),
        chain_start[:n_chains].copy(),
    )


@njit(cache=True, nogil=True)
def strong_components(first_out: Any, head: Any) -> Ints:
    """Label of each node's strongly connected component; any numbering.

    Tarjan, Depth-first search and linear graph algorithms (1972), without recursion.
    """
    n = len(first_out) - 1
    label = np.full(n, -1, dtype=np.int32)
    index = np.full(n, -1, dtype=np.int32)
    low = np.zeros(n, dtype=np.int32)
    next_arc = first_out[:-1].copy()
    stack = np.empty(n, dtype=np.int32)
    path = np.empty(n, dtype=np.int32)
    n_stack = 0
    counter = 0
    n_labels = 0
    for root in range(n):
        if index[root] >= 0:
            continue
        path[0] = root
        depth = 1
        while depth > 0:
            v = path[depth - 1]
            if index[v] < 0:
                index[v] = counter
                low[v] = counter
                counter += 1
                stack[n_stack] = v
                n_stack += 1
            deeper = False
            while next_arc[v] < first_out[v + 1]:
                w = head[next_arc[v]]
                next_arc[v] += 1
                if index[w] < 0:
                    path[depth] = w
                    depth += 1
                    deeper = True
                    break
                if label[w] < 0:
                    low[v] = min(low[v], index[w])
            if deeper:
                continue
            depth -= 1
            if depth > 0:
                parent = path[depth - 1]
                low[parent] = min(low[parent], low[v])
            if low[v] == index[v]:
                while True:
                    n_stack -= 1
                    w = stack[n_stack]
                    label[w] = n_labels
                    if w == v:
                        break
                n_labels += 1
    return label
