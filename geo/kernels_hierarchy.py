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
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

INF = np.int32(1 << 29)
NONE = np.int32(-1)
CHUNK = 8
"""Metrics that share one vector: a row of 16 int32 holds 8 times upwards and 8 downwards."""


@njit(cache=True, nogil=True)
def undirected(n, edge_u, edge_v):
    """Neighbours of every node, without loops and repeats.

    Args: ``n`` nodes and the ends of every edge, i32[E]. Returns ``(first i32[n+1], near i32)``.
    """
    start = np.zeros(n + 1, np.int32)
    for e in range(len(edge_u)):
        if edge_u[e] != edge_v[e]:
            start[edge_u[e] + 1] += 1
            start[edge_v[e] + 1] += 1
    for u in range(n):
        start[u + 1] += start[u]
    raw = np.empty(start[n], np.int32)
    at = start[:-1].copy()
    for e in range(len(edge_u)):
        u, v = edge_u[e], edge_v[e]
        if u != v:
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
                first,
                near,
                edge,
                spare[:n_starts],
                size - ends,
                place,
                best,
                seen,
                tick,
                at,
                path,
                flow,
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
def _sort(values, count):
    """Shell sort of the first ``count`` values; they are few and often nearly in order."""
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, count):
            value = values[i]
            j = i
            while j >= gap and values[j - gap] > value:
                values[j] = values[j - gap]
                j -= gap
            values[j] = value
        gap //= 3


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
        _sort(found, count)
        for i in range(count):
            up_head[total + i] = n_fringe + found[i]
        total += count
        up_first[n_fringe + v + 1] = total
        if count > 0:
            sibling[v] = child[found[0]]
            child[found[0]] = v
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
def _tail_of(up_first, slot):
    """The lower rank of a slot."""
    a, b = 0, len(up_first) - 1
    while b - a > 1:
        middle = (a + b) >> 1
        if up_first[middle] <= slot:
            a = middle
        else:
            b = middle
    return np.int32(a)


@njit(cache=True, nogil=True)
def map_edges(edge_u, edge_v, rank, up_first, up_head):
    """Where every edge lands: ``2 * slot``, plus 1 where forward leads downwards; loops get -1."""
    place = np.empty(len(edge_u), np.int32)
    for e in range(len(edge_u)):
        a, b = rank[edge_u[e]], rank[edge_v[e]]
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
def customise(up_first, upper, place, forward_ds, backward_ds, up_ds, down_ds):
    """Fill the slots with one metric: ``up_ds`` and ``down_ds`` i32[m] are overwritten.

    Args: ``upper`` from ``triangles``, ``place`` from ``map_edges``, the times of every edge
    i32[E], INF where closed.
    """
    up_ds[:] = INF
    down_ds[:] = INF
    for e in range(len(place)):
        p = place[e]
        if p >= 0:
            slot = np.uint32(p >> 1)
            rise, fall = forward_ds[e], backward_ds[e]
            if p & 1:
                rise, fall = fall, rise
            up_ds[slot] = min(up_ds[slot], rise)
            down_ds[slot] = min(down_ds[slot], fall)
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


ROW = 2 * CHUNK
"""Lanes of a row of ``customise_many``."""


def _lane_vector():
    return ir.VectorType(ir.IntType(32), ROW)


def _data(context, builder, signature, args, index):
    """Pointer to the first element of an array argument."""
    array = cgutils.create_struct_proxy(signature.args[index])(context, builder, value=args[index])
    return builder.bitcast(array.data, ir.IntType(32).as_pointer())


def _wide(context, builder, signature, args, index):
    return context.cast(builder, args[index], signature.args[index], types.int64)


def _row(builder, base, index):
    """Address of a row, as a vector."""
    start = builder.gep(base, [builder.mul(index, ir.Constant(ir.IntType(64), ROW))])
    return builder.bitcast(start, _lane_vector().as_pointer())


def _lower(builder, target, way):
    """Store the smaller numbers of a vector and of what stands at ``target``."""
    old = builder.load(target, align=4)
    builder.store(builder.select(builder.icmp_signed("<", way, old), way, old), target, align=4)


@intrinsic
def _relax_rows(_context, rows, upper, at, slot, stop):
    """``rows[upper[at + x]] = min(itself, rows[slot + 1 + x] + swapped(rows[slot]))``.

    For every x with ``slot + 1 + x < stop``; *swapped* exchanges the halves of a row. Written as
    LLVM vectors because the compiler cannot know that rows do not overlap.
    """
    signature = types.void(rows, upper, at, slot, stop)

    def codegen(context, builder, signature, args):
        i64 = ir.IntType(64)
        base = _data(context, builder, signature, args, 0)
        uppers = _data(context, builder, signature, args, 1)
        at_, slot_, stop_ = (_wide(context, builder, signature, args, i) for i in (2, 3, 4))
        own = builder.load(_row(builder, base, slot_), align=4)
        turned = ir.Constant(_lane_vector(), [(lane + CHUNK) % ROW for lane in range(ROW)])
        swapped = builder.shuffle_vector(own, own, turned)
        begin = builder.add(slot_, ir.Constant(i64, 1))
        before = builder.block
        loop = builder.append_basic_block("pair")
        after = builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed("<", begin, stop_), loop, after)
        builder.position_at_end(loop)
        k = builder.phi(i64)
        position = builder.phi(i64)
        k.add_incoming(begin, before)
        position.add_incoming(at_, before)
        target = builder.zext(builder.load(builder.gep(uppers, [position])), i64)
        way = builder.add(builder.load(_row(builder, base, k), align=4), swapped)
        _lower(builder, _row(builder, base, target), way)
        next_k = builder.add(k, ir.Constant(i64, 1))
        k.add_incoming(next_k, loop)
        position.add_incoming(builder.add(position, ir.Constant(i64, 1)), loop)
        builder.cbranch(builder.icmp_signed("<", next_k, stop_), loop, after)
        builder.position_at_end(after)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _lower_row(_context, rows, row, ahead, back, stride, edge, turned):
    """Lower a row by the times of one edge: ``ahead[stride * lane + edge]`` and back likewise.

    ``turned`` (0 or 1) exchanges the two.
    """
    signature = types.void(rows, row, ahead, back, stride, edge, turned)

    def codegen(context, builder, signature, args):
        i32, i64 = ir.IntType(32), ir.IntType(64)
        base = _data(context, builder, signature, args, 0)
        forward = _data(context, builder, signature, args, 2)
        backward = _data(context, builder, signature, args, 3)
        row_, stride_, edge_, turned_ = (
            _wide(context, builder, signature, args, i) for i in (1, 4, 5, 6)
        )
        flip = builder.icmp_signed("!=", turned_, ir.Constant(i64, 0))
        up = builder.select(flip, backward, forward)
        down = builder.select(flip, forward, backward)
        way = ir.Constant(_lane_vector(), ir.Undefined)
        for lane in range(CHUNK):
            cell = builder.add(edge_, builder.mul(stride_, ir.Constant(i64, lane)))
            for half, times in enumerate((up, down)):
                item = builder.load(builder.gep(times, [cell]))
                way = builder.insert_element(way, item, ir.Constant(i32, lane + half * CHUNK))
        _lower(builder, _row(builder, base, row_), way)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _split_square(_context, rows, slot, up, down, stride):
    """Sixteen rows as columns: ``up[stride * l + slot + x] = rows[slot + x, l]``, and down."""
    signature = types.void(rows, slot, up, down, stride)

    def codegen(context, builder, signature, args):
        i32, i64 = ir.IntType(32), ir.IntType(64)
        base = _data(context, builder, signature, args, 0)
        outs = [_data(context, builder, signature, args, i) for i in (2, 3)]
        slot_, stride_ = (_wide(context, builder, signature, args, i) for i in (1, 4))
        table = [
            builder.load(_row(builder, base, builder.add(slot_, ir.Constant(i64, x))), align=4)
            for x in range(ROW)
        ]
        half = ROW // 2
        while half:
            keep = [lane if not lane & half else lane - half + ROW for lane in range(ROW)]
            give = [lane + half if not lane & half else lane + ROW for lane in range(ROW)]
            masks = [ir.Constant(ir.VectorType(i32, ROW), mask) for mask in (keep, give)]
            for x in range(ROW):
                if not x & half:
                    a, b = table[x], table[x + half]
                    table[x] = builder.shuffle_vector(a, b, masks[0])
                    table[x + half] = builder.shuffle_vector(a, b, masks[1])
            half //= 2
        for x, vector in enumerate(table):
            lane = ir.Constant(i64, x % CHUNK)
            cell = builder.add(slot_, builder.mul(stride_, lane))
            start = builder.gep(outs[x // CHUNK], [cell])
            builder.store(vector, builder.bitcast(start, _lane_vector().as_pointer()), align=4)
        return context.get_dummy_value()

    return signature, codegen


@njit(cache=True, nogil=True)
def customise_many(up_first, upper, place, forward_ds, backward_ds, rows, up_ds, down_ds):
    """Fill the slots with eight metrics at once.

    Args: as ``customise`` with the times of every edge i32[8, E], flat, and ``up_ds`` and
    ``down_ds`` i32[8, m], flat; ``rows`` i32[m, 16] is scratch: times upwards in lanes 0..7,
    downwards in lanes 8..15.
    """
    edges, slots = len(place), len(rows)
    rows.reshape(-1)[:] = INF
    for e in range(edges):
        if place[e] >= 0:
            _lower_row(rows, place[e] >> 1, forward_ds, backward_ds, edges, e, place[e] & 1)
    at = 0
    for u in range(len(up_first) - 1):
        s, t = up_first[u], up_first[u + 1]
        for slot in range(s, t - 1):
            _relax_rows(rows, upper, at, slot, t)
            at += t - slot - 1
    whole = slots - slots % ROW
    for slot in range(0, whole, ROW):
        _split_square(rows, slot, up_ds, down_ds, slots)
    for slot in range(whole, slots):
        for lane in range(CHUNK):
            up_ds[slots * lane + slot] = rows[slot, lane]
            down_ds[slots * lane + slot] = rows[slot, CHUNK + lane]


@njit(cache=True, nogil=True)
def gate_times(up_first, up_head, piece_first, gates, up_ds, down_ds, leave_ds, reach_ds):
    """Times between every fringe rank and the gates of its piece, by ways through the piece.

    Args: ``gates`` i32[p, 2] ranks (-1); ``leave_ds``, ``reach_ds`` i32[f, 2] are overwritten.
    """
    for piece in range(len(piece_first) - 1):
        for v in range(piece_first[piece + 1] - 1, piece_first[piece] - 1, -1):
            for side in range(2):
                gate = gates[piece, side]
                leave = INF
                reach = INF
                if gate >= 0:
                    for slot in range(up_first[v], up_first[v + 1]):
                        x = up_head[slot]
                        if x == gate:
                            leave = min(leave, up_ds[slot])
                            reach = min(reach, down_ds[slot])
                        elif x < piece_first[piece + 1]:
                            leave = min(leave, np.int32(up_ds[slot] + leave_ds[x, side]))
                            reach = min(reach, np.int32(down_ds[slot] + reach_ds[x, side]))
                leave_ds[v, side] = leave
                reach_ds[v, side] = reach


@njit(cache=True, nogil=True)
def price(
    edge_u,
    edge_v,
    forward_ds,
    backward_ds,
    own_times,
    edge,
    fraction,
    to_u_ds,
    to_v_ds,
    from_u_ds,
    from_v_ds,
    access_ds,
    ends,
    leave_ds,
    reach_ds,
    along_ds,
    left_ds,
    walk_ds,
):
    """Positions as places: see ``geo.metric.Places``, whose columns are filled.

    With ``own_times`` the offsets of the positions are kept, otherwise they are worked out from
    the share of the edge and its times, rounded as ``geo.snap`` rounds them.
    """
    for i in range(len(edge)):
        e = edge[i]
        walk_ds[i] = 0
        if e < 0:
            for end in range(2):
                ends[i, end] = -1
                leave_ds[i, end] = INF
                reach_ds[i, end] = INF
                along_ds[i, end] = INF
                left_ds[i, end] = INF
            continue
        walk = np.int64(access_ds[i])
        walk_ds[i] = walk
        ends[i, 0], ends[i, 1] = edge_u[e], edge_v[e]
        ahead, back = np.int64(forward_ds[e]), np.int64(backward_ds[e])
        done = np.int64(np.rint(np.float64(fraction[i]) * ahead))
        left = np.int64(np.rint(np.float64(fraction[i]) * back))
        closed = np.int64(INF)
        at_u, at_v = fraction[i] == 0.0, fraction[i] == 1.0
        to_u = walk + left if back < closed or at_u else closed
        to_v = walk + ahead - done if ahead < closed or at_v else closed
        from_u = walk + done if ahead < closed or at_u else closed
        from_v = walk + back - left if back < closed or at_v else closed
        if own_times:
            to_u, to_v = np.int64(to_u_ds[i]), np.int64(to_v_ds[i])
            from_u, from_v = np.int64(from_u_ds[i]), np.int64(from_v_ds[i])
        leave_ds[i, 0], leave_ds[i, 1] = min(to_u, closed), min(to_v, closed)
        reach_ds[i, 0], reach_ds[i, 1] = min(from_u, closed), min(from_v, closed)
        left_ds[i, 0], left_ds[i, 1] = min(to_u - walk, closed), min(to_v - walk, closed)
        along_ds[i, 0], along_ds[i, 1] = min(from_u - walk, closed), min(from_v - walk, closed)


@njit(cache=True, nogil=True)
def anchor(rank, n_fringe, piece_of, gates, gate_ds, ends, end_ds, at, at_ds, piece):
    """Tie places to the core.

    Args: ``ends`` i32[p, 2] the end nodes of the edge of each place (-1: no such end) with the
    times ``end_ds`` i32[p, 2] to them (or from them); ``gate_ds`` i32[f, 2] the times of that
    direction from ``gate_times``. Fills ``at`` i32[p, 2] (core numbers, -1), ``at_ds`` i32[p, 2]
    and ``piece`` i32[p] (-1: the place touches no fringe).
    """
    for i in range(len(ends)):
        piece[i] = -1
        at[i, 0] = -1
        at[i, 1] = -1
        at_ds[i, 0] = INF
        at_ds[i, 1] = INF
        for end in range(2):
            node = ends[i, end]
            if node >= 0 and rank[node] < n_fringe:
                piece[i] = piece_of[rank[node]]
        for end in range(2):
            node = ends[i, end]
            ds = end_ds[i, end]
            if node < 0:
                continue
            r = rank[node]
            if piece[i] < 0:
                at[i, end] = r - n_fringe
                at_ds[i, end] = min(ds, INF)
            else:
                for side in range(2):
                    gate = gates[piece[i], side]
                    if gate >= 0:
                        at[i, side] = gate - n_fringe
                        if r < n_fringe:
                            at_ds[i, side] = min(at_ds[i, side], np.int32(ds + gate_ds[r, side]))
                        elif r == gate:
                            at_ds[i, side] = min(at_ds[i, side], ds)
        for side in range(2):
            if at_ds[i, side] >= INF:
                at[i, side] = -1
                at_ds[i, side] = INF


@njit(cache=True, nogil=True)
def tree_depths(up_first, up_head, n_fringe):
    """Depth of every core node in the elimination tree, roots 0; i32[c]."""
    c = len(up_first) - 1 - n_fringe
    depth = np.zeros(c, np.int32)
    for v in range(c - 1, -1, -1):
        slot = up_first[n_fringe + v]
        if slot < up_first[n_fringe + v + 1]:
            depth[v] = depth[up_head[slot] - n_fringe] + 1
    return depth


@njit(cache=True, nogil=True)
def range_minima(values):
    """Sparse table: entry [k, i] is the least of ``values[i : i + 2**k]``; i32[levels, c]."""
    c = len(values)
    levels = 1
    while (1 << levels) <= c:
        levels += 1
    table = np.empty((levels, c), np.int32)
    table[0] = values
    for k in range(1, levels):
        half = 1 << (k - 1)
        for i in range(c):
            other = i + half
            table[k, i] = table[k - 1, i]
            if other < c:
                table[k, i] = min(table[k - 1, i], table[k - 1, other])
    return table


@njit(cache=True, nogil=True)
def hub_labels(up_first, up_head, n_fringe, depth, label_first, slot_ds, label_ds):
    """Time from every core node to each of its ancestors (or back, by ``slot_ds``).

    The label of v is ``label_ds[label_first[v] + d]`` for depth d = 0 (root) .. depth[v] (itself).
    """
    for v in range(len(depth) - 1, -1, -1):
        begin = label_first[v]
        row = label_ds[begin : begin + depth[v] + 1]
        row[:] = INF
        row[depth[v]] = 0
        for slot in range(up_first[n_fringe + v], up_first[n_fringe + v + 1]):
            ds = slot_ds[slot]
            if ds < INF:
                x = up_head[slot] - n_fringe
                other = label_ds[label_first[x] : label_first[x] + depth[x] + 1]
                for i in range(len(other)):
                    row[i] = min(row[i], np.int32(other[i] + ds))


@njit(cache=True, nogil=True)
def _shared_depth(minima, a, b):
    """Depth of the lowest common ancestor of two core nodes, -1 if they share none.

    In post-order the nodes from the smaller number up to, not including, the larger one lie below
    the common ancestor, and one of them is its child; so it is one less than their least depth.
    """
    if a == b:
        return minima[0, a]
    if a > b:
        a, b = b, a
    level = 0
    span = b - a
    while (2 << level) <= span:
        level += 1
    return min(minima[level, a], minima[level, b - (1 << level)]) - 1


@njit(cache=True, nogil=True)
def label_times(minima, label_first, leave_label, reach_label, s_at, s_ds, t_at, t_ds, out):
    """Times through the core from source i to target i; ``out`` i32[p] is lowered, not set."""
    for i in range(len(out)):
        best = min(out[i], INF)
        for a in range(2):
            if s_at[i, a] < 0:
                continue
            for b in range(2):
                if t_at[i, b] < 0:
                    continue
                ends = np.int32(s_ds[i, a] + t_ds[i, b])
                if ends >= best:
                    continue
                shared = _shared_depth(minima, s_at[i, a], t_at[i, b])
                x = label_first[s_at[i, a]]
                y = label_first[t_at[i, b]]
                there = leave_label[x : x + shared + 1]
                back = reach_label[y : y + shared + 1]
                least = INF
                for d in range(len(there)):
                    least = min(least, np.int32(there[d] + back[d]))
                best = min(best, np.int32(least + ends))
        out[i] = best


@njit(cache=True, nogil=True)
def _climb(up_first, up_head, slot_ds, start, stop, ds, via):
    """Relax upwards from rank ``start`` along the elimination tree, among ranks below ``stop``.

    ``ds`` holds the times of the seeds and INF elsewhere; ``via`` gets the slot that lowered it.
    """
    v = start
    while v >= 0 and v < stop:
        here = ds[v]
        begin, end = up_first[v], up_first[v + 1]
        if here < INF:
            for slot in range(begin, end):
                x = up_head[slot]
                if x >= stop:
                    break
                way = np.int32(here + slot_ds[slot])
                if way < ds[x]:
                    ds[x] = way
                    via[x] = slot
        v = up_head[begin] if begin < end else NONE


@njit(cache=True, nogil=True)
def _seed(rank, ends, end_ds, ds, via):
    """Put a place on the end nodes of its edge; returns the lower rank, where a climb starts."""
    start = NONE
    for end in range(2):
        node = ends[end]
        if node >= 0:
            r = rank[node]
            if end_ds[end] < ds[r]:
                ds[r] = end_ds[end]
                via[r] = -1
            start = r if start < 0 else min(start, r)
    return start


@njit(cache=True, nogil=True)
def _clear(up_first, up_head, start, stop, ds):
    v = start
    while v >= 0 and v < stop:
        ds[v] = INF
        begin = up_first[v]
        v = up_head[begin] if begin < up_first[v + 1] else NONE


@njit(cache=True, nogil=True)
def piece_times(
    rank,
    up_first,
    up_head,
    up_ds,
    down_ds,
    piece_first,
    s_ends,
    s_ds,
    s_piece,
    t_ends,
    t_ds,
    t_piece,
    fore,
    back,
    via,
    out,
):
    """Lower ``out`` i32[p] by ways that stay inside one piece of the fringe.

    Args: ends i32[p, 2] (nodes) and times i32[p, 2] of both places; ``fore``, ``back`` i32[f]
    hold INF and are left so; ``via`` i32[f] is scratch.
    """
    for i in range(len(out)):
        piece = s_piece[i]
        if piece < 0 or piece != t_piece[i]:
            continue
        stop = piece_first[piece + 1]
        s_start, t_start = NONE, NONE
        for end in range(2):
            for target in range(2):
                node = t_ends[i, end] if target else s_ends[i, end]
                if node < 0 or rank[node] >= stop:
                    continue
                r = rank[node]
                if target:
                    back[r] = min(back[r], t_ds[i, end])
                    t_start = r if t_start < 0 else min(t_start, r)
                else:
                    fore[r] = min(fore[r], s_ds[i, end])
                    s_start = r if s_start < 0 else min(s_start, r)
        _climb(up_first, up_head, up_ds, s_start, stop, fore, via)
        _climb(up_first, up_head, down_ds, t_start, stop, back, via)
        v = s_start
        best = out[i]
        while v >= 0 and v < stop:
            best = min(best, np.int32(fore[v] + back[v]))
            begin = up_first[v]
            v = up_head[begin] if begin < up_first[v + 1] else NONE
        out[i] = best
        _clear(up_first, up_head, s_start, stop, fore)
        _clear(up_first, up_head, t_start, stop, back)


@njit(cache=True, nogil=True)
def _along_edge(forward, backward, from_access_ds, to_access_ds, from_along_ds, to_along_ds):
    """From a place to a place of the same edge without leaving it; INF where that is closed.

    ``*_along_ds`` i32[2] tell how far on each place is, from u and from v, without its access.
    """
    best = INF
    access = np.int32(from_access_ds + to_access_ds)
    if forward < INF and to_along_ds[0] >= from_along_ds[0]:
        best = min(best, np.int32(access + to_along_ds[0] - from_along_ds[0]))
    if backward < INF and to_along_ds[1] >= from_along_ds[1]:
        best = min(best, np.int32(access + to_along_ds[1] - from_along_ds[1]))
    return best


@njit(cache=True, nogil=True)
def edge_times(
    forward_ds, backward_ds, s_edge, t_edge, s_access_ds, t_access_ds, s_along_ds, t_along_ds, out
):
    """Lower ``out`` i32[p] where source i and target i lie on one edge."""
    for i in range(len(out)):
        if s_edge[i] >= 0 and s_edge[i] == t_edge[i]:
            way = _along_edge(
                forward_ds[s_edge[i]],
                backward_ds[s_edge[i]],
                s_access_ds[i],
                t_access_ds[i],
                s_along_ds[i],
                t_along_ds[i],
            )
            out[i] = min(out[i], way)


@njit(cache=True, nogil=True)
def search_path(
    rank,
    up_first,
    up_head,
    up_ds,
    down_ds,
    s_ends,
    s_ds,
    t_ends,
    t_ds,
    fore,
    back,
    via_fore,
    via_back,
):
    """One search in the elimination tree, from a place to a place.

    Args: ends i32[2] (nodes, -1) with times i32[2]; ``fore``, ``back`` i32[n] hold INF and are
    left so. Returns ``(time, slots i32[k], turned bool[k], entry node, exit node)``: the slots in
    travelling order, turned where travelled downwards. Time INF (or more) means no way.
    """
    n = np.int32(len(up_first) - 1)
    s_start = _seed(rank, s_ends, s_ds, fore, via_fore)
    t_start = _seed(rank, t_ends, t_ds, back, via_back)
    _climb(up_first, up_head, up_ds, s_start, n, fore, via_fore)
    _climb(up_first, up_head, down_ds, t_start, n, back, via_back)
    best = INF
    meet = NONE
    v = s_start
    while v >= 0:
        if np.int32(fore[v] + back[v]) < best:
            best = np.int32(fore[v] + back[v])
            meet = v
        begin = up_first[v]
        v = up_head[begin] if begin < up_first[v + 1] else NONE
    count = 0
    low, top = meet, meet
    if meet >= 0:
        while via_fore[low] >= 0:
            count += 1
            low = _tail_of(up_first, via_fore[low])
        while via_back[top] >= 0:
            count += 1
            top = _tail_of(up_first, via_back[top])
    slots = np.empty(count, np.int32)
    turned = np.zeros(count, np.bool_)
    if meet >= 0:
        v = meet
        up = 0
        while via_fore[v] >= 0:
            up += 1
            v = _tail_of(up_first, via_fore[v])
        v = meet
        for i in range(up - 1, -1, -1):
            slots[i] = via_fore[v]
            v = _tail_of(up_first, via_fore[v])
        v = meet
        for i in range(up, count):
            slots[i] = via_back[v]
            turned[i] = True
            v = _tail_of(up_first, via_back[v])
    _clear(up_first, up_head, s_start, n, fore)
    _clear(up_first, up_head, t_start, n, back)
    return best, slots, turned, low, top


@njit(cache=True, nogil=True)
def unpack(
    up_first,
    up_head,
    up_ds,
    down_ds,
    lower_first,
    lower_slot,
    lower_tail,
    slot_edges_first,
    slot_edges,
    place,
    forward_ds,
    backward_ds,
    slots,
    turned,
):
    """Slots as edges of the network, in travelling order.

    A slot is an edge of that time (the lowest edge number), or a way over the lowest common lower
    neighbour with the same sum. Returns ``(edge i32[k], backwards bool[k])``.
    """
    stack = np.empty(2 * len(slots) + 64, np.int32)
    height = 0
    for i in range(len(slots) - 1, -1, -1):
        stack[height] = 2 * slots[i] + (1 if turned[i] else 0)
        height += 1
    edges = np.empty(256, np.int32)
    backwards = np.empty(256, np.bool_)
    count = 0
    while height > 0:
        height -= 1
        slot, down = stack[height] >> 1, stack[height] & 1
        time = down_ds[slot] if down else up_ds[slot]
        found = -1
        for i in range(slot_edges_first[slot], slot_edges_first[slot + 1]):
            e = slot_edges[i]
            against = (place[e] & 1) != down
            if (backward_ds[e] if against else forward_ds[e]) == time:
                found = e
                if count == len(edges):
                    more_edges = np.empty(2 * count, np.int32)
                    more_edges[:count] = edges
                    edges = more_edges
                    more_backwards = np.empty(2 * count, np.bool_)
                    more_backwards[:count] = backwards
                    backwards = more_backwards
                edges[count] = e
                backwards[count] = against
                count += 1
                break
        if found >= 0:
            continue
        u = _tail_of(up_first, slot)
        v = up_head[slot]
        i, j = lower_first[u], lower_first[v]
        while True:
            if lower_tail[i] < lower_tail[j]:
                i += 1
            elif lower_tail[i] > lower_tail[j]:
                j += 1
            else:
                a, b = lower_slot[i], lower_slot[j]
                if down:
                    a, b = b, a
                if np.int32(down_ds[a] + up_ds[b]) == time:
                    if height + 2 > len(stack):
                        more_stack = np.empty(2 * len(stack), np.int32)
                        more_stack[:height] = stack[:height]
                        stack = more_stack
                    stack[height] = 2 * b
                    stack[height + 1] = 2 * a + 1
                    height += 2
                    break
                i += 1
                j += 1
    return edges[:count].copy(), backwards[:count].copy()


@njit(cache=True, nogil=True)
def lower_slots(up_first, up_head):
    """Slots by their upper end: ``(first i32[n+1], slot i32[m], tail i32[m])``, tails ascending."""
    n = len(up_first) - 1
    first = np.zeros(n + 1, np.int32)
    for slot in range(len(up_head)):
        first[up_head[slot] + 1] += 1
    for v in range(n):
        first[v + 1] += first[v]
    at = first[:-1].copy()
    slots = np.empty(len(up_head), np.int32)
    tails = np.empty(len(up_head), np.int32)
    for v in range(n):
        for slot in range(up_first[v], up_first[v + 1]):
            x = up_head[slot]
            slots[at[x]] = slot
            tails[at[x]] = v
            at[x] += 1
    return first, slots, tails
