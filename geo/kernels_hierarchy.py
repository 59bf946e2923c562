"""Kernels of the hierarchy: node order, contraction, customisation, labels and path search.

Vocabulary, used in every kernel of this file:

- *fringe*: the nodes that vanish when nodes of degree two or less are removed again and again
  (dead ends, shape points, rings); *core*: the others. Every connected piece of the fringe
  touches at most two core nodes, its *gates*.
- *rank*: the place of a node in the elimination order; fringe ranks come first, piece by piece,
  then the core in post-order of its elimination tree.
- *slot*: an arc of the hierarchy from a rank to a higher one; ``up_ds[slot]`` is the time upwards,
  ``down_ds[slot]`` the time back down.

All times are int32 deciseconds; ``INF`` (2**29) means no way. The sum of two times fits an int32,
the sum of three fits as well; no kernel adds four without a minimum in between.

Literature: Dibbelt, Strasser, Wagner, "Customizable Contraction Hierarchies" (JEA 2016) for order,
contraction, customisation and the search in the elimination tree; Schild, Sommer, "On balanced
separators in road networks" (SEA 2015) for inertial flow; Ouyang et al., "When hierarchy meets
2-hop-labeling" (SIGMOD 2018) for labels indexed by depth.
"""

from __future__ import annotations

import numpy as np
from numba import njit

INF = np.int32(1 << 29)
NONE = np.int32(-1)


@njit(cache=True, nogil=True)
def undirected(first_out, head):
    """Neighbours of every node, both directions, without loops and repeats.

    Args: ``first_out`` i32[n+1], ``head`` i32[A]. Returns ``(first i32[n+1], near i32[..])``.
    """
    n = len(first_out) - 1
    start = np.zeros(n + 1, np.int32)
    for u in range(n):
        for e in range(first_out[u], first_out[u + 1]):
            v = head[e]
            if v != u:
                start[u + 1] += 1
                start[v + 1] += 1
    for u in range(n):
        start[u + 1] += start[u]
    raw = np.empty(start[n], np.int32)
    at = start[:-1].copy()
    for u in range(n):
        for e in range(first_out[u], first_out[u + 1]):
            v = head[e]
            if v != u:
                raw[at[u]] = v
                at[u] += 1
                raw[at[v]] = u
                at[v] += 1
    first = np.zeros(n + 1, np.int32)
    seen = np.full(n, NONE, np.int32)
    count = 0
    for u in range(n):
        for i in range(start[u], start[u + 1]):
            v = raw[i]
            if seen[v] != u:
                seen[v] = u
                raw[count] = v
                count += 1
        first[u + 1] = count
    return first, raw[:count].copy()


@njit(cache=True, nogil=True)
def strip_fringe(first, near):
    """Eliminate nodes of degree two or less until none is left.

    Args: an undirected simple graph. Returns ``(order, above, degree, near)``: the eliminated
    nodes in order, i32[n, 2] their remaining neighbours at that moment (-1 where fewer), and what
    is left of the graph: the first ``degree[v]`` entries of every list (0 for eliminated nodes).
    """
    n = len(first) - 1
    near = near.copy()
    degree = np.empty(n, np.int32)
    above = np.full((n, 2), NONE, np.int32)
    gone = np.zeros(n, np.bool_)
    order = np.empty(n, np.int32)
    stack = np.empty(n + len(near) + 1, np.int32)
    height = 0
    count = 0
    for v in range(n - 1, -1, -1):
        degree[v] = first[v + 1] - first[v]
        if degree[v] <= 2:
            stack[height] = v
            height += 1
    while height > 0:
        height -= 1
        v = stack[height]
        if gone[v] or degree[v] > 2:
            continue
        gone[v] = True
        order[count] = v
        count += 1
        ends = degree[v]
        degree[v] = 0
        for i in range(ends):
            above[v, i] = near[first[v] + i]
        joined = False
        if ends == 2:
            a, b = above[v, 0], above[v, 1]
            for i in range(first[a], first[a] + degree[a]):
                if near[i] == b:
                    joined = True
        for side in range(ends):
            a = above[v, side]
            begin = first[a]
            for i in range(begin, begin + degree[a]):
                if near[i] == v:
                    if ends == 2 and not joined:
                        near[i] = above[v, 1 - side]
                    else:
                        degree[a] -= 1
                        near[i] = near[begin + degree[a]]
                    break
            if degree[a] <= 2:
                stack[height] = a
                height += 1
    return order[:count].copy(), above, degree, near


@njit(cache=True, nogil=True)
def core_graph(first, near, degree, core):
    """The graph left by ``strip_fringe``, renumbered: ``core`` i32[c] lists its nodes."""
    number = np.full(len(first) - 1, NONE, np.int32)
    core_first = np.zeros(len(core) + 1, np.int32)
    for i in range(len(core)):
        number[core[i]] = i
        core_first[i + 1] = core_first[i] + degree[core[i]]
    core_near = np.empty(core_first[len(core)], np.int32)
    for i in range(len(core)):
        v = core[i]
        for k in range(degree[v]):
            core_near[core_first[i] + k] = number[near[first[v] + k]]
    return core_first, core_near


@njit(cache=True, nogil=True)
def _reverse_arcs(first, near):
    reverse = np.empty(len(near), np.int32)
    for u in range(len(first) - 1):
        for e in range(first[u], first[u + 1]):
            v = near[e]
            if u < v:
                for f in range(first[v], first[v + 1]):
                    if near[f] == u:
                        reverse[e] = f
                        reverse[f] = e
                        break
    return reverse


@njit(cache=True, nogil=True)
def _cut(first, near, reverse, cell_of, cell, side, starts, best, seen, tick, level, at, queue,
         path, flow, touched):
    """Least number of edges between side 1 and side 2 of a cell; stops when ``best`` is reached.

    Dinic's algorithm on unit capacities. Returns ``(value, tick)``; ``value == best`` means that
    nothing smaller exists, otherwise the nodes with ``seen == tick`` (and side 1) lie before the
    cut. The flow is taken back before return.
    """
    value = 0
    n_touched = 0
    while True:
        tick += 1
        filled = 0
        for i in range(len(starts)):
            u = starts[i]
            seen[u] = tick
            level[u] = 0
            at[u] = first[u]
            queue[filled] = u
            filled += 1
        done = 0
        last = np.int32(1 << 30)
        while done < filled:
            u = queue[done]
            done += 1
            depth = level[u] + 1
            if depth > last:
                break
            for e in range(first[u], first[u + 1]):
                v = near[e]
                if cell_of[v] == cell and seen[v] != tick and flow[e] < 1 and side[v] != 1:
                    if side[v] == 2:
                        last = depth
                    else:
                        queue[filled] = v
                        filled += 1
                        at[v] = first[v]
                    seen[v] = tick
                    level[v] = depth
        if last == np.int32(1 << 30):
            break
        for i in range(len(starts)):
            root = starts[i]
            while value < best:
                length = 0
                u = root
                while side[u] != 2:
                    moved = False
                    while at[u] < first[u + 1]:
                        e = at[u]
                        v = near[e]
                        if (seen[v] == tick and level[v] == level[u] + 1 and flow[e] < 1
                                and cell_of[v] == cell and side[v] != 1):
                            path[length] = e
                            length += 1
                            u = v
                            moved = True
                            break
                        at[u] += 1
                    if not moved:
                        if length == 0:
                            break
                        length -= 1
                        u = near[reverse[path[length]]]
                        at[u] += 1
                if side[u] != 2:
                    break
                for j in range(length):
                    e = path[j]
                    touched[n_touched] = e
                    n_touched += 1
                    flow[e] += 1
                    flow[reverse[e]] -= 1
                    at[near[reverse[e]]] += 1
                value += 1
                if n_touched + len(level) > len(touched):
                    grown = np.empty(2 * len(touched), np.int32)
                    grown[:n_touched] = touched[:n_touched]
                    touched = grown
            if value >= best:
                break
        if value >= best:
            break
    for j in range(n_touched):
        e = touched[j]
        flow[e] = 0
        flow[reverse[e]] = 0
    return value, tick, touched
