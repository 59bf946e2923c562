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
def _number_edges(first, near):
    """One number for both arcs of an edge; i32 per arc."""
    edge = np.empty(len(near), np.int32)
    count = 0
    for u in range(len(first) - 1):
        for e in range(first[u], first[u + 1]):
            v = near[e]
            if u < v:
                edge[e] = count
                for f in range(first[v], first[v + 1]):
                    if near[f] == u:
                        edge[f] = count
                        break
                count += 1
    return edge


@njit(cache=True, nogil=True)
def _cut(first, near, edge, starts, ends_at, place, best, seen, tick, at, path, flow):
    """Least number of edges between the two ends of a cell laid out on a line, at most ``best``.

    Depth-first augmentation, nodes nearer the far end first; a node is entered once per round.
    Args: ``place`` of a node on the line, the far end begins at ``ends_at``; a node with
    ``seen >= tick`` is out of bounds. Returns ``(value, tick)``: with a value below ``best``, the
    nodes with ``seen == tick`` are those reached from the near end when no path is left.
    """
    value = 0
    while True:
        tick += 1
        before = value
        for i in range(len(starts)):
            root = starts[i]
            at[root] = 0
            length = 0
            u = root
            while True:
                moved = False
                begin = first[u]
                degree = first[u + 1] - begin
                here = place[u]
                while at[u] < 2 * degree:
                    forward = at[u] < degree
                    e = begin + at[u] if forward else begin + at[u] - degree
                    at[u] += 1
                    v = near[e]
                    there = place[v]
                    if (there > here) == forward and seen[v] < tick:
                        used = flow[edge[e]]
                        if (used if there > here else -used) < 1:
                            path[length] = u
                            path[length + 1] = e
                            length += 2
                            u = v
                            moved = True
                            break
                if moved:
                    if place[u] >= ends_at:
                        value += 1
                        to = place[u]
                        while length > 0:
                            length -= 2
                            start = place[path[length]]
                            flow[edge[path[length + 1]]] += 1 if to > start else -1
                            to = start
                        u = root
                        if value >= best:
                            return best, tick
                    else:
                        seen[u] = tick
                        at[u] = 0
                elif length == 0:
                    break
                else:
                    length -= 2
                    u = path[length]
        if value == before:
            return value, tick


@njit(cache=True, nogil=True)
def dissect(first, near, sorted_by, share):
    """Nested dissection by inertial flow.

    Args: an undirected graph of c nodes; ``sorted_by`` i32[d, c] the nodes sorted along each of d
    directions (changed in place); ``share`` of a cell that is source, and that is sink.
    Returns i32[c]: the nodes, those to eliminate first in front.
    """
    c = len(first) - 1
    directions = len(sorted_by)
    order = np.empty(c, np.int32)
    edge = _number_edges(first, near)
    outside = np.int32(2147483647)
    seen = np.full(c, outside, np.int32)
    place = np.zeros(c, np.int32)
    shore_of = np.zeros(c, np.uint8)
    at = np.zeros(c, np.int32)
    path = np.empty(2 * c + 2, np.int32)
    flow = np.zeros(len(near) // 2 + 1, np.int8)
    spare = np.empty(c, np.int32)
    stack = np.empty((c + 2, 3), np.int32)
    height = 0
    if c > 0:
        stack[0, 0], stack[0, 1], stack[0, 2] = 0, c, c
        height = 1
    tick = 0
    while height > 0:
        height -= 1
        low, high, end = stack[height, 0], stack[height, 1], stack[height, 2]
        size = high - low
        if size <= 3:
            for i in range(size):
                order[end - size + i] = sorted_by[0, low + i]
            continue
        best = 1 << 30
        ends = max(1, int(size * share))
        for d in range(directions):
            line = sorted_by[d, low:high]
            for i in range(size):
                u = line[i]
                place[u] = i
                seen[u] = 0
            n_starts = 0
            for i in range(ends):
                u = line[i]
                seen[u] = outside
                joined = False
                for e in range(first[u], first[u + 1]):
                    v = near[e]
                    flow[edge[e]] = 0
                    if seen[v] != outside and place[v] >= ends:
                        joined = True
                if joined:
                    spare[n_starts] = u
                    n_starts += 1
            for i in range(ends, size):
                for e in range(first[line[i]], first[line[i] + 1]):
                    flow[edge[e]] = 0
            value, tick = _cut(
                first, near, edge, spare[:n_starts], size - ends, place, best, seen, tick, at,
                path, flow,
            )
            if value < best:
                best = value
                for i in range(size):
                    shore_of[line[i]] = 1 if i < ends or seen[line[i]] == tick else 0
            if best == 0:
                break
        # The separator is the smaller of the two shores of the cut.
        line = sorted_by[0, low:high]
        for i in range(size):
            seen[line[i]] = 0
        shores = np.zeros(2, np.int32)
        for i in range(size):
            u = line[i]
            for e in range(first[u], first[u + 1]):
                v = near[e]
                if seen[v] != outside and (shore_of[v] & 1) != (shore_of[u] & 1):
                    shores[shore_of[u] & 1] += 1
                    shore_of[u] |= 2
                    break
        cut = 3 if shores[1] <= shores[0] else 2
        for i in range(size):
            u = line[i]
            shore_of[u] = 2 if shore_of[u] == cut else shore_of[u] & 1
        middle = low
        cut_from = low
        for d in range(directions):
            line = sorted_by[d, low:high]
            for i in range(size):
                spare[i] = line[i]
            fill = 0
            for group in range(3):
                if group == 1:
                    middle = low + fill
                elif group == 2:
                    cut_from = low + fill
                for i in range(size):
                    if shore_of[spare[i]] == group:
                        line[fill] = spare[i]
                        fill += 1
        for i in range(low, high):
            seen[sorted_by[0, i]] = outside
        for i in range(cut_from, high):
            order[end - high + i] = sorted_by[0, i]
        end -= high - cut_from
        if cut_from > middle:
            stack[height, 0], stack[height, 1], stack[height, 2] = middle, cut_from, end
            height += 1
        if middle > low:
            end -= cut_from - middle
            stack[height, 0], stack[height, 1], stack[height, 2] = low, middle, end
            height += 1
    return order


@njit(cache=True, nogil=True)
def elimination_tree(first, near, rank, order):
    """Parent of every place of an elimination order, -1 at roots (Liu 1990, path halving)."""
    c = len(order)
    parent = np.full(c, NONE, np.int32)
    above = np.full(c, NONE, np.int32)
    for place in range(c):
        u = order[place]
        for e in range(first[u], first[u + 1]):
            below = rank[near[e]]
            if below < place:
                while above[below] >= 0 and above[below] != place:
                    following = above[below]
                    above[below] = place
                    below = following
                if above[below] < 0:
                    above[below] = place
                    parent[below] = place
    return parent


@njit(cache=True, nogil=True)
def post_order(parent):
    """New place of every place, so that every subtree is contiguous and ends in its root."""
    c = len(parent)
    child = np.full(c, NONE, np.int32)
    sibling = np.full(c, NONE, np.int32)
    place_of = np.empty(c, np.int32)
    stack = np.empty(c + 1, np.int32)
    height = 0
    for v in range(c):
        p = parent[v]
        if p >= 0:
            sibling[v] = child[p]
            child[p] = v
        else:
            stack[height] = v
            height += 1
    free = c - 1
    while height > 0:
        height -= 1
        v = stack[height]
        place_of[v] = free
        free -= 1
        w = child[v]
        while w >= 0:
            stack[height] = w
            height += 1
            w = sibling[w]
    return place_of


@njit(cache=True, nogil=True)
def fringe_ranks(first, near, order, in_core):
    """Number the fringe piece by piece.

    Args: the undirected graph, ``order`` of elimination, ``in_core`` bool[n]. Returns
    ``(rank i32[n] (-1 in the core), piece_first i32[p+1], gates i32[p, 2] (node ids, -1))``.
    """
    n = len(first) - 1
    piece_of = np.full(n, NONE, np.int32)
    stack = np.empty(n + 1, np.int32)
    sizes = np.zeros(len(order) + 1, np.int32)
    gates = np.full((len(order), 2), NONE, np.int32)
    pieces = 0
    for i in range(len(order)):
        if piece_of[order[i]] >= 0:
            continue
        piece = pieces
        pieces += 1
        piece_of[order[i]] = piece
        stack[0] = order[i]
        height = 1
        while height > 0:
            height -= 1
            u = stack[height]
            sizes[piece] += 1
            for e in range(first[u], first[u + 1]):
                v = near[e]
                if in_core[v]:
                    if gates[piece, 0] < 0:
                        gates[piece, 0] = v
                    elif gates[piece, 0] != v:
                        gates[piece, 1] = v
                elif piece_of[v] < 0:
                    piece_of[v] = piece
                    stack[height] = v
                    height += 1
    piece_first = np.zeros(pieces + 1, np.int32)
    for piece in range(pieces):
        piece_first[piece + 1] = piece_first[piece] + sizes[piece]
    at = piece_first[:-1].copy()
    rank = np.full(n, NONE, np.int32)
    for i in range(len(order)):
        v = order[i]
        rank[v] = at[piece_of[v]]
        at[piece_of[v]] += 1
    return rank, piece_first, gates[:pieces].copy()


@njit(cache=True, nogil=True)
def contract(core_first, core_near, core_rank, core_order, n_fringe, fringe_up):
    """Slots of the hierarchy: the upper neighbours of every rank, sorted, fill included.

    Args: the core graph with its ranks (0-based within the core), and ``fringe_up`` i32[f, 2] the
    upper ranks of every fringe rank (-1 where fewer). Returns ``(up_first i32[n+1], up_head)``.
    """
    c = len(core_order)
    n = n_fringe + c
    up_first = np.zeros(n + 1, np.int32)
    up_head = np.empty(2 * n_fringe + 4 * len(core_near) + 16, np.int32)
    total = 0
    for v in range(n_fringe):
        a, b = fringe_up[v, 0], fringe_up[v, 1]
        if b >= 0 and b < a:
            a, b = b, a
        if a >= 0:
            up_head[total] = a
            total += 1
        if b >= 0:
            up_head[total] = b
            total += 1
        up_first[v + 1] = total
    child = np.full(c, NONE, np.int32)
    sibling = np.full(c, NONE, np.int32)
    mark = np.full(c, NONE, np.int32)
    found = np.empty(c, np.int32)
    for v in range(c):
        count = 0
        u = core_order[v]
        for e in range(core_first[u], core_first[u + 1]):
            x = core_rank[core_near[e]]
            if x > v and mark[x] != v:
                mark[x] = v
                found[count] = x
                count += 1
        w = child[v]
        while w >= 0:
            for e in range(up_first[n_fringe + w] + 1, up_first[n_fringe + w + 1]):
                x = up_head[e] - n_fringe
                if mark[x] != v:
                    mark[x] = v
                    found[count] = x
                    count += 1
            w = sibling[w]
        if total + count > len(up_head):
            grown = np.empty(2 * len(up_head) + count, np.int32)
            grown[:total] = up_head[:total]
            up_head = grown
        above = np.sort(found[:count])
        for i in range(count):
            up_head[total + i] = n_fringe + above[i]
        total += count
        up_first[n_fringe + v + 1] = total
        if count > 0:
            sibling[v] = child[above[0]]
            child[above[0]] = v
    return up_first, up_head[:total].copy()


@njit(cache=True, nogil=True)
def _slot_of(up_first, up_head, low, high):
    """The slot from rank ``low`` to rank ``high``, -1 if there is none."""
    a, b = up_first[low], up_first[low + 1]
    while a < b:
        middle = (a + b) >> 1
        if up_head[middle] < high:
            a = middle + 1
        else:
            b = middle
    if a < up_first[low + 1] and up_head[a] == high:
        return a
    return -1


@njit(cache=True, nogil=True)
def map_arcs(first_out, head, rank, up_first, up_head):
    """Where every arc of the network lands: ``2 * slot`` upwards, ``2 * slot + 1`` downwards.

    Loops get -1: they shorten no way. Returns i32[A].
    """
    place = np.empty(len(head), np.int32)
    for u in range(len(first_out) - 1):
        for e in range(first_out[u], first_out[u + 1]):
            a, b = rank[u], rank[head[e]]
            if a < b:
                place[e] = 2 * _slot_of(up_first, up_head, a, b)
            elif a > b:
                place[e] = 2 * _slot_of(up_first, up_head, b, a) + 1
            else:
                place[e] = -1
    return place


@njit(cache=True, nogil=True)
def triangles(up_first, up_head):
    """The upper slot of every lower triangle, in the order in which ``customise`` meets them.

    For every rank u and pair i < k of its slots: the slot between their heads. Returns u32[t].
    """
    n = len(up_first) - 1
    count = 0
    for u in range(n):
        d = np.int64(up_first[u + 1] - up_first[u])
        count += d * (d - 1) // 2
    upper = np.empty(count, np.uint32)
    at = 0
    for u in range(n):
        s, t = up_first[u], up_first[u + 1]
        for i in range(s, t - 1):
            j = up_first[up_head[i]]
            for k in range(i + 1, t):
                x = up_head[k]
                while up_head[j] < x:
                    j += 1
                upper[at] = j
                at += 1
    return upper


@njit(cache=True, nogil=True)
def customise(up_first, upper, place, arc_ds, up_ds, down_ds):
    """Fill the slots with one metric: ``up_ds`` and ``down_ds`` i32[m] (overwritten).

    Args: ``upper`` from ``triangles``, ``place`` from ``map_arcs``, ``arc_ds`` i32[A] (INF closed).
    """
    up_ds[:] = INF
    down_ds[:] = INF
    for e in range(len(arc_ds)):
        p = place[e]
        if p >= 0:
            slot = np.uint32(p >> 1)
            if p & 1:
                down_ds[slot] = min(down_ds[slot], arc_ds[e])
            else:
                up_ds[slot] = min(up_ds[slot], arc_ds[e])
    at = np.uint64(0)
    for u in range(len(up_first) - 1):
        s, t = np.uint32(up_first[u]), np.uint32(up_first[u + 1])
        for i in range(s, t):
            to_u, from_u = down_ds[i], up_ds[i]
            for k in range(np.uint32(i + 1), t):
                j = upper[at]
                at += np.uint64(1)
                up_ds[j] = min(up_ds[j], np.int32(to_u + up_ds[k]))
                down_ds[j] = min(down_ds[j], np.int32(down_ds[k] + from_u))
