"""Kernels of the sweeps: times from many places at once, by rows of lanes.

A *row* is one cache line of 64 bytes that holds the times of one core node from as many sources
as fit: 16 lanes of int32 deciseconds, or 32 lanes of uint16 deciseconds with saturation (65,535
means "109 minutes or more, or no way"). A sweep goes once through the core from the top of the
hierarchy down and does the same for every source: PHAST (Delling, Goldberg, Nowatzyk, Werneck,
"PHAST: Hardware-accelerated shortest path trees", JPDC 2013), restricted to what the targets need
(RPHAST, Delling, Goldberg, Werneck, "Faster batched shortest paths in road networks", 2011).

The rows are written as LLVM vectors: the compiler cannot know that two rows of one array never
overlap, and would also widen the int32 sums. LLVM splits the vectors on machines with less than
512 bits.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

INF = np.int32(1 << 29)
NONE = np.int32(-1)
ROW_BYTES = 64
LABEL_BITS = 32


class _Lanes:
    """Code generation for rows of one element type."""

    def __init__(self, array_type):
        bits = array_type.dtype.bitwidth
        self.signed = array_type.dtype.signed
        self.count = ROW_BYTES * 8 // bits
        self.item = ir.IntType(bits)
        self.vector = ir.VectorType(self.item, self.count)

    def pointer(self, builder, base, row):
        """Address of a row, as a vector."""
        start = builder.mul(row, ir.Constant(ir.IntType(64), self.count))
        return builder.bitcast(builder.gep(base, [start]), self.vector.as_pointer())

    def splat(self, builder, item):
        """The same number in all lanes."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        one = builder.insert_element(undefined, item, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.count), [0] * self.count)
        return builder.shuffle_vector(one, undefined, zeros)

    def add(self, builder, a, b):
        """Sum; unsigned lanes saturate."""
        if self.signed:
            return builder.add(a, b)
        kind = ir.FunctionType(self.vector, [self.vector, self.vector])
        name = f"llvm.uadd.sat.v{self.count}i{self.item.width}"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [a, b])

    def least(self, builder, a, b):
        """The smaller number, lane by lane."""
        compare = builder.icmp_signed if self.signed else builder.icmp_unsigned
        return builder.select(compare("<", a, b), a, b)

    def clamped(self, builder, item):
        """An int32 time as one of this element type."""
        if self.signed:
            return item
        most = ir.Constant(item.type, (1 << self.item.width) - 1)
        return builder.trunc(
            builder.select(builder.icmp_unsigned("<", item, most), item, most), self.item
        )


def _data(context, builder, signature, args, index):
    """Pointer to the first element of an array argument."""
    array = cgutils.create_struct_proxy(signature.args[index])(context, builder, value=args[index])
    kind = ir.IntType(signature.args[index].dtype.bitwidth)
    return builder.bitcast(array.data, kind.as_pointer())


def _wide(context, builder, signature, args, index):
    return context.cast(builder, args[index], signature.args[index], types.int64)


@intrinsic
def _pull(_context, rows, row, seeds, seed, head, ds, begin, end):
    """``rows[row] = min(seeds[seed], rows[head[a]] + ds[a] for a in begin..end)``."""
    signature = types.void(rows, row, seeds, seed, head, ds, begin, end)

    def codegen(context, builder, signature, args):
        i64 = ir.IntType(64)
        lanes = _Lanes(signature.args[0])
        base = _data(context, builder, signature, args, 0)
        seed_base = _data(context, builder, signature, args, 2)
        heads = _data(context, builder, signature, args, 4)
        times = _data(context, builder, signature, args, 5)
        row, seed, begin, end = (_wide(context, builder, signature, args, i) for i in (1, 3, 6, 7))
        own = builder.load(lanes.pointer(builder, seed_base, seed), align=4)
        before = builder.block
        loop = builder.append_basic_block("arc")
        after = builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed("<", begin, end), loop, after)
        builder.position_at_end(loop)
        arc = builder.phi(i64)
        best = builder.phi(lanes.vector)
        arc.add_incoming(begin, before)
        best.add_incoming(own, before)
        above = builder.zext(builder.load(builder.gep(heads, [arc])), i64)
        time = builder.load(builder.gep(times, [arc]))
        other = builder.load(lanes.pointer(builder, base, above), align=4)
        way = lanes.add(builder, other, lanes.splat(builder, time))
        lower = lanes.least(builder, way, best)
        following = builder.add(arc, ir.Constant(i64, 1))
        arc.add_incoming(following, loop)
        best.add_incoming(lower, loop)
        builder.cbranch(builder.icmp_signed("<", following, end), loop, after)
        builder.position_at_end(after)
        result = builder.phi(lanes.vector)
        result.add_incoming(own, before)
        result.add_incoming(lower, loop)
        builder.store(result, lanes.pointer(builder, base, row), align=4)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _push(_context, rows, row, head, ds, begin, end):
    """``rows[head[a]] = min(itself, rows[row] + ds[a])`` for a in begin..end; ds is int32."""
    signature = types.void(rows, row, head, ds, begin, end)

    def codegen(context, builder, signature, args):
        i64 = ir.IntType(64)
        lanes = _Lanes(signature.args[0])
        base = _data(context, builder, signature, args, 0)
        heads = _data(context, builder, signature, args, 2)
        times = _data(context, builder, signature, args, 3)
        row, begin, end = (_wide(context, builder, signature, args, i) for i in (1, 4, 5))
        own = builder.load(lanes.pointer(builder, base, row), align=4)
        before = builder.block
        loop = builder.append_basic_block("arc")
        after = builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed("<", begin, end), loop, after)
        builder.position_at_end(loop)
        arc = builder.phi(i64)
        arc.add_incoming(begin, before)
        above = builder.zext(builder.load(builder.gep(heads, [arc])), i64)
        time = lanes.clamped(builder, builder.load(builder.gep(times, [arc])))
        target = lanes.pointer(builder, base, above)
        way = lanes.add(builder, own, lanes.splat(builder, time))
        builder.store(lanes.least(builder, way, builder.load(target, align=4)), target, align=4)
        following = builder.add(arc, ir.Constant(i64, 1))
        arc.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, end), loop, after)
        builder.position_at_end(after)
        return context.get_dummy_value()

    return signature, codegen


def _transposed(builder, lanes, table):
    """A square of vectors turned over its diagonal, by exchanging ever smaller blocks."""
    half = lanes.count // 2
    kind = ir.VectorType(ir.IntType(32), lanes.count)
    while half:
        keep = [
            lane if not lane & half else lane - half + lanes.count for lane in range(lanes.count)
        ]
        give = [
            lane + half if not lane & half else lane + lanes.count for lane in range(lanes.count)
        ]
        keep_mask, give_mask = ir.Constant(kind, keep), ir.Constant(kind, give)
        for i in range(lanes.count):
            if not i & half:
                a, b = table[i], table[i + half]
                table[i] = builder.shuffle_vector(a, b, keep_mask)
                table[i + half] = builder.shuffle_vector(a, b, give_mask)
        half //= 2
    return table


def _square_code(signature, *, streamed):
    """Code of ``_gather_square`` and ``_stream_square``."""

    def codegen(context, builder, signature, args):
        i64 = ir.IntType(64)
        lanes = _Lanes(signature.args[0])
        rows_base = _data(context, builder, signature, args, 0)
        at_base = _data(context, builder, signature, args, 1)
        ds_base = _data(context, builder, signature, args, 2)
        out_item = ir.IntType(signature.args[4].dtype.bitwidth)
        out_base = _data(context, builder, signature, args, 4)
        order_base = _data(context, builder, signature, args, 6)
        target, width, base = (_wide(context, builder, signature, args, i) for i in (3, 5, 7))
        table = []
        for j in range(lanes.count):
            ways = []
            for side in range(2):
                cell = builder.add(
                    builder.mul(target, ir.Constant(i64, 2)), ir.Constant(i64, 2 * j + side)
                )
                row = builder.zext(builder.load(builder.gep(at_base, [cell])), i64)
                time = builder.load(builder.gep(ds_base, [cell]))
                own = builder.load(lanes.pointer(builder, rows_base, row), align=4)
                ways.append(lanes.add(builder, own, lanes.splat(builder, time)))
            least = lanes.least(builder, ways[0], ways[1])
            if lanes.signed:
                closed = lanes.splat(builder, ir.Constant(lanes.item, int(INF)))
                least = lanes.least(builder, least, closed)
            table.append(least)
        full = ir.Constant(lanes.item, int(INF) if lanes.signed else (1 << lanes.item.width) - 1)
        most = table[0]
        for vector in table[1:]:
            most = builder.select(builder.icmp_unsigned(">", vector, most), vector, most)
        kind = ir.FunctionType(lanes.item, [lanes.vector])
        name = f"llvm.vector.reduce.umax.v{lanes.count}i{lanes.item.width}"
        highest = builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [most])
        for lane, vector in enumerate(_transposed(builder, lanes, table)):
            spot = builder.add(base, ir.Constant(i64, lane))
            source = builder.zext(builder.load(builder.gep(order_base, [spot])), i64)
            start = builder.gep(out_base, [builder.add(builder.mul(source, width), target)])
            value = vector
            if out_item.width != lanes.item.width:
                kind = ir.VectorType(out_item, lanes.count)
                value = builder.zext(vector, kind)
                most = ir.Constant(lanes.vector, [(1 << lanes.item.width) - 1] * lanes.count)
                closed = ir.Constant(kind, [int(INF)] * lanes.count)
                value = builder.select(builder.icmp_unsigned("==", vector, most), closed, value)
            where = builder.bitcast(start, value.type.as_pointer())
            if streamed:
                kept = builder.store(value, where, align=ROW_BYTES)
                once = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
                kept.set_metadata("nontemporal", once)
            else:
                builder.store(value, where, align=out_item.width // 8)
        return builder.icmp_unsigned("==", highest, full)

    return signature, codegen


@intrinsic
def _gather_square(_context, rows, at, at_ds, target, out, width, order, base):
    """Times to as many targets as a row has lanes, from as many sources.

    ``out[width * order[base + l] + target + j]`` becomes the least over both ends s of
    ``rows[at[target + j, s], l] + at_ds[target + j, s]``. Returns whether any of them is closed.
    """
    signature = types.boolean(rows, at, at_ds, target, out, width, order, base)
    return _square_code(signature, streamed=False)


@intrinsic
def _stream_square(_context, rows, at, at_ds, target, out, width, order, base):
    """As ``_gather_square`` where every row of ``out`` begins on a cache line.

    Writes past the caches: a large table is not read again soon, and reading each of its lines
    before overwriting it costs as much as the sweep.
    """
    signature = types.boolean(rows, at, at_ds, target, out, width, order, base)
    return _square_code(signature, streamed=True)


@njit(cache=True, nogil=True)
def select(core_first, core_head, slot_ds, wanted, most):
    """What a sweep must visit to serve some core nodes: they and all that lies above them.

    Args: ``wanted`` i32 core nodes, -1 ignored; slots of ``most`` deciseconds or more are left
    out. Returns ``(local i32[c], node i32[k], first i32[k+1], head i32, ds i32)``: local numbers
    fall with the rank, so that a sweep goes through 0..k-1; ``head`` is local.
    """
    c = len(core_first) - 1
    marked = np.zeros(c, np.bool_)
    for i in range(len(wanted)):
        if wanted[i] >= 0:
            marked[wanted[i]] = True
    count = 0
    slots = 0
    for v in range(c):
        if marked[v]:
            count += 1
            for slot in range(core_first[v], core_first[v + 1]):
                if slot_ds[slot] < most:
                    marked[core_head[slot]] = True
                    slots += 1
    local = np.full(c, NONE, np.int32)
    node = np.empty(count, np.int32)
    first = np.zeros(count + 1, np.int32)
    head = np.empty(slots, np.int32)
    ds = np.empty(slots, np.int32)
    k = 0
    at = 0
    for v in range(c - 1, -1, -1):
        if marked[v]:
            local[v] = k
            node[k] = v
            for slot in range(core_first[v], core_first[v + 1]):
                if slot_ds[slot] < most:
                    head[at] = local[core_head[slot]]
                    ds[at] = slot_ds[slot]
                    at += 1
            k += 1
            first[k] = at
    return local, node, first, head, ds


@njit(cache=True, nogil=True)
def _mark_above(core_first, core_head, v, marked, seeds, closed):
    """Mark a node and its ancestors in the elimination tree; fresh ones get empty rows."""
    while v >= 0:
        word, bit = v >> 6, np.uint64(1) << np.uint64(v & 63)
        if marked[word] & bit:
            return
        marked[word] |= bit
        for lane in range(seeds.shape[1]):
            seeds[v, lane] = closed
        begin = core_first[v]
        v = core_head[begin] if begin < core_first[v + 1] else NONE


@njit(cache=True, nogil=True)
def _rise(core_first, core_head, core_up_ds, s_at, s_ds, order, base, count, closed, marked, seeds):
    """Upward searches of one batch of sources, all lanes together.

    ``seeds`` [c + 1, lanes] and the bit set ``marked`` u64[c // 64 + 1] hold the result.
    """
    for lane in range(count):
        i = order[base + lane]
        for side in range(2):
            v = s_at[i, side]
            if v >= 0 and s_ds[i, side] < closed:
                _mark_above(core_first, core_head, v, marked, seeds, closed)
                seeds[v, lane] = min(seeds[v, lane], s_ds[i, side])
    for word in range(len(marked)):
        rest = marked[word]
        bit = 0
        while rest:
            while not rest & np.uint64(255):
                rest >>= np.uint64(8)
                bit += 8
            while not rest & np.uint64(1):
                rest >>= np.uint64(1)
                bit += 1
            u = 64 * word + bit
            _push(seeds, u, core_head, core_up_ds, core_first[u], core_first[u + 1])
            rest >>= np.uint64(1)
            bit += 1


@njit(cache=True, nogil=True)
def sweep_many(
    core_first,
    core_head,
    core_up_ds,
    node,
    first,
    head,
    ds,
    s_at,
    s_ds,
    order,
    begin,
    end,
    t_at,
    t_ds,
    closed,
    marked,
    seeds,
    rows,
    out,
    width,
    lead,
    out_base,
):
    """Times from the sources ``order[begin:end]`` to all targets.

    Args: the core's slots; a selection (``ds`` of the type of the rows); sources i32[s, 2] core
    nodes and times; targets i32[t, 2] local numbers (k where there is none) and times of the type
    of the rows; ``closed`` the largest time of that type; workspace ``marked`` (zeros, left so),
    ``seeds`` [c + 1, lanes] with its last row closed, ``rows`` [k + 1, lanes] with its last row
    closed. Source ``order[i]`` fills row ``out_base[i]`` of ``out``, a flat array of rows that lie
    ``width`` apart; in every row a cache line begins after ``lead`` entries, or not (-1).
    Returns whether any answer is closed.
    """
    lanes = rows.shape[1]
    k = len(node)
    targets = len(t_at)
    closed_seen = False
    for base in range(begin, end, lanes):
        count = min(lanes, end - base)
        _rise(
            core_first, core_head, core_up_ds, s_at, s_ds, order, base, count, closed, marked, seeds
        )
        unseeded = len(core_first) - 1
        for i in range(k):
            v = node[i]
            seeded = marked[v >> 6] >> np.uint64(v & 63) & np.uint64(1)
            _pull(rows, i, seeds, v if seeded else unseeded, head, ds, first[i], first[i + 1])
        marked[:] = 0
        begin_j, end_j = 0, 0
        if count == lanes:
            begin_j = max(lead, 0)
            end_j = begin_j + (targets - begin_j) // lanes * lanes if targets > begin_j else begin_j
        if lead >= 0:
            for j in range(begin_j, end_j, lanes):
                closed_seen |= _stream_square(rows, t_at, t_ds, j, out, width, out_base, base)
        else:
            for j in range(begin_j, end_j, lanes):
                closed_seen |= _gather_square(rows, t_at, t_ds, j, out, width, out_base, base)
        for part in range(2):
            for j in range(end_j if part else 0, targets if part else min(begin_j, targets)):
                a, b = t_at[j, 0], t_at[j, 1]
                for lane in range(count):
                    way = min(
                        np.int64(rows[a, lane]) + np.int64(t_ds[j, 0]),
                        np.int64(rows[b, lane]) + np.int64(t_ds[j, 1]),
                    )
                    closed_seen |= way >= closed
                    cell = width * out_base[base + lane] + j
                    out[cell] = way if way < closed else _none(out, closed)
    return closed_seen


@njit(cache=True, nogil=True)
def _none(out, closed):
    return INF if out.itemsize == 4 else closed


@njit(cache=True, nogil=True)
def lower_in_pieces(
    rank,
    up_first,
    up_head,
    up_ds,
    down_ds,
    piece_first,
    s_ends,
    s_ds,
    s_piece,
    order,
    begin,
    end,
    t_ends,
    t_ds,
    t_piece,
    t_order,
    closed,
    ds,
    out,
    width,
    out_base,
):
    """Lower the answers of ``sweep_many`` by ways that stay inside one piece of the fringe.

    Args: sources and targets as ends i32[.., 2] with times; ``t_piece`` sorted, ``t_order`` the
    targets in that order; ``ds`` i32[f] is scratch.
    """
    for i in range(begin, end):
        s = order[i]
        piece = s_piece[s]
        if piece < 0:
            continue
        low = np.searchsorted(t_piece, piece)
        if low == len(t_piece) or t_piece[low] != piece:
            continue
        start, stop = piece_first[piece], piece_first[piece + 1]
        ds[start:stop] = INF
        for side in range(2):
            if s_ends[s, side] >= 0 and rank[s_ends[s, side]] < stop:
                r = rank[s_ends[s, side]]
                ds[r] = min(ds[r], s_ds[s, side])
        for v in range(start, stop):
            if ds[v] < INF:
                for slot in range(up_first[v], up_first[v + 1]):
                    x = up_head[slot]
                    if x < stop:
                        ds[x] = min(ds[x], np.int32(ds[v] + up_ds[slot]))
        for v in range(stop - 1, start - 1, -1):
            for slot in range(up_first[v], up_first[v + 1]):
                x = up_head[slot]
                if x < stop:
                    ds[v] = min(ds[v], np.int32(ds[x] + down_ds[slot]))
        while low < len(t_piece) and t_piece[low] == piece:
            j = t_order[low]
            low += 1
            for side in range(2):
                if t_ends[j, side] >= 0 and rank[t_ends[j, side]] < stop:
                    way = np.int32(ds[rank[t_ends[j, side]]] + t_ds[j, side])
                    if way < closed and way < out[width * out_base[i] + j]:
                        out[width * out_base[i] + j] = way


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
def lower_on_edges(
    forward_ds,
    backward_ds,
    s_edge,
    s_access_ds,
    s_along_ds,
    order,
    begin,
    end,
    t_edge,
    t_order,
    t_access_ds,
    t_along_ds,
    closed,
    out,
    width,
    out_base,
):
    """Lower the answers of ``sweep_many`` where source and target lie on one edge.

    Args: ``t_edge`` sorted, ``t_order`` the targets in that order; the rest by source or target.
    """
    for i in range(begin, end):
        s = order[i]
        edge = s_edge[s]
        if edge < 0:
            continue
        low = np.searchsorted(t_edge, edge)
        while low < len(t_edge) and t_edge[low] == edge:
            j = t_order[low]
            low += 1
            way = _along_edge(
                forward_ds[edge],
                backward_ds[edge],
                s_access_ds[s],
                t_access_ds[j],
                s_along_ds[s],
                t_along_ds[j],
            )
            if way < closed and way < out[width * out_base[i] + j]:
                out[width * out_base[i] + j] = way


@intrinsic
def _within(_context, block, start, most):
    """A bit for each of as many numbers as a row has lanes: at most ``most``; from ``start`` on."""
    signature = types.uint32(block, start, most)

    def codegen(context, builder, signature, args):
        lanes = _Lanes(signature.args[0])
        base = _data(context, builder, signature, args, 0)
        start, most = (_wide(context, builder, signature, args, i) for i in (1, 2))
        first = builder.bitcast(builder.gep(base, [start]), lanes.vector.as_pointer())
        times = builder.load(first, align=lanes.item.width // 8)
        limit = lanes.splat(builder, builder.trunc(most, lanes.item))
        compare = builder.icmp_signed if lanes.signed else builder.icmp_unsigned
        bits = builder.bitcast(compare("<=", times, limit), ir.IntType(lanes.count))
        word = ir.IntType(32)
        return bits if lanes.count == word.width else builder.zext(bits, word)

    return signature, codegen


@intrinsic
def _lowest(_context, bits):
    """Number of the lowest bit that is set; there is one."""
    signature = types.uint32(bits)

    def codegen(_context, builder, _signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return signature, codegen


@njit(cache=True, nogil=True)
def keep_within(block, width, rows, targets, cutoff, first, target, ds, filled):
    """Append the entries of a block of rows that are at most ``cutoff`` to sparse rows.

    Args: ``block`` flat, its rows ``width`` apart. Fills ``first[1:]`` with running counts and
    grows ``target`` i32 and ``ds`` i32 as needed. Returns ``(target, ds, filled)``.
    """
    lanes = ROW_BYTES // block.itemsize
    for i in range(rows):
        if filled + targets > len(target):
            wider = 2 * len(target) + targets
            more_target = np.empty(wider, np.int32)
            more_ds = np.empty(wider, np.int32)
            more_target[:filled] = target[:filled]
            more_ds[:filled] = ds[:filled]
            target, ds = more_target, more_ds
        whole = targets - targets % lanes
        for j in range(0, whole, lanes):
            bits = _within(block, width * i + j, cutoff)
            while bits:
                at = j + np.int64(_lowest(bits))
                target[filled] = at
                ds[filled] = block[width * i + at]
                filled += 1
                bits &= np.uint32(bits - np.uint32(1))
        for j in range(whole, targets):
            time = block[width * i + j]
            if time <= cutoff:
                target[filled] = j
                ds[filled] = time
                filled += 1
        first[i + 1] = filled
    return target, ds, filled


@njit(cache=True, nogil=True)
def put_rows(order, from_first, from_target, from_ds, first, target, ds):
    """Sparse rows brought into another order: row i of the old ones becomes row ``order[i]``."""
    for i in range(len(order)):
        at = first[order[i]]
        for entry in range(from_first[i], from_first[i + 1]):
            target[at] = from_target[entry]
            ds[at] = from_ds[entry]
            at += 1


@njit(cache=True, nogil=True)
def sweep_one(
    rank,
    up_first,
    up_head,
    up_ds,
    down_ds,
    piece_first,
    piece_of,
    gate_of,
    reach_gate_ds,
    ends,
    leave_ds,
    ds,
    out,
):
    """Times from one place (or the soonest of several) to every node.

    Args: ``ends``, ``leave_ds`` i32[s, 2]; ``gate_of`` i32[f, 2] the gates of every fringe rank
    (n where there is none) and ``reach_gate_ds`` the times from there; ``ds`` i32[n + 1] scratch
    by rank; ``out`` i32[n] by node.
    """
    n = len(rank)
    n_fringe = len(piece_of)
    ds[:] = INF
    lowest = n
    for s in range(len(ends)):
        for side in range(2):
            if ends[s, side] >= 0:
                r = rank[ends[s, side]]
                ds[r] = min(ds[r], leave_ds[s, side])
                lowest = min(lowest, r)
    if len(ends) == 1:
        v = np.int32(lowest) if lowest < n else NONE
        while v >= 0:
            for slot in range(up_first[v], up_first[v + 1]):
                x = up_head[slot]
                ds[x] = min(ds[x], np.int32(ds[v] + up_ds[slot]))
            begin = up_first[v]
            v = up_head[begin] if begin < up_first[v + 1] else NONE
    else:
        for v in range(lowest, n):
            if ds[v] < INF:
                for slot in range(up_first[v], up_first[v + 1]):
                    x = up_head[slot]
                    ds[x] = min(ds[x], np.int32(ds[v] + up_ds[slot]))
    for v in range(n - 1, n_fringe - 1, -1):
        best = ds[v]
        for slot in range(up_first[v], up_first[v + 1]):
            best = min(best, np.int32(ds[np.uint32(up_head[slot])] + down_ds[slot]))
        ds[v] = best
    ds[n] = INF
    for v in range(n_fringe):
        one = np.int32(ds[np.uint32(gate_of[v, 0])] + reach_gate_ds[v, 0])
        two = np.int32(ds[np.uint32(gate_of[v, 1])] + reach_gate_ds[v, 1])
        ds[v] = min(ds[v], INF, one, two)
    for s in range(len(ends)):
        for side in range(2):
            if ends[s, side] >= 0 and rank[ends[s, side]] < n_fringe:
                piece = piece_of[rank[ends[s, side]]]
                for v in range(piece_first[piece + 1] - 1, piece_first[piece] - 1, -1):
                    for slot in range(up_first[v], up_first[v + 1]):
                        ds[v] = min(ds[v], np.int32(ds[up_head[slot]] + down_ds[slot]))
    for node in range(n):
        out[node] = ds[np.uint32(rank[node])]


@njit(cache=True, nogil=True)
def sweep_nearest(
    rank,
    up_first,
    up_head,
    up_ds,
    down_ds,
    piece_first,
    piece_of,
    gate_of,
    reach_gate_ds,
    ends,
    leave_ds,
    key,
    out_ds,
    out_site,
):
    """The site from which every node is reached soonest, ties to the lowest site.

    Args: sites as ``ends``, ``leave_ds`` i32[s, 2]; ``key`` i64[n + 1] scratch by rank (time in
    the upper, site in the lower half); ``out_ds`` i32[n] and ``out_site`` i32[n] (-1 none) by node;
    the rest as ``sweep_one``.
    """
    n = len(rank)
    n_fringe = len(piece_of)
    closed = np.int64(INF) << LABEL_BITS
    key[:] = closed
    lowest = n
    for s in range(len(ends)):
        for side in range(2):
            if ends[s, side] >= 0 and leave_ds[s, side] < INF:
                r = rank[ends[s, side]]
                key[r] = min(key[r], (np.int64(leave_ds[s, side]) << LABEL_BITS) | s)
                lowest = min(lowest, r)
    for v in range(lowest, n):
        if key[v] < closed:
            for slot in range(up_first[v], up_first[v + 1]):
                x = np.uint32(up_head[slot])
                key[x] = min(key[x], key[v] + (np.int64(up_ds[slot]) << LABEL_BITS))
    for v in range(n - 1, n_fringe - 1, -1):
        best = key[v]
        # Two slots a turn, the last one perhaps twice: fewer branches to guess.
        end = np.uint32(up_first[v + 1])
        for slot in range(np.uint32(up_first[v]), end, 2):
            other = min(np.uint32(slot + 1), np.uint32(end - 1))
            one = key[np.uint32(up_head[slot])] + (np.int64(down_ds[slot]) << LABEL_BITS)
            two = key[np.uint32(up_head[other])] + (np.int64(down_ds[other]) << LABEL_BITS)
            best = min(best, one, two)
        key[v] = min(best, closed)
    key[n] = closed
    for v in range(n_fringe):
        one = key[np.uint32(gate_of[v, 0])] + (np.int64(reach_gate_ds[v, 0]) << LABEL_BITS)
        two = key[np.uint32(gate_of[v, 1])] + (np.int64(reach_gate_ds[v, 1]) << LABEL_BITS)
        key[v] = min(key[v], closed, one, two)
    for s in range(len(ends)):
        for side in range(2):
            if ends[s, side] >= 0 and rank[ends[s, side]] < n_fringe:
                piece = piece_of[rank[ends[s, side]]]
                for v in range(piece_first[piece + 1] - 1, piece_first[piece] - 1, -1):
                    for slot in range(up_first[v], up_first[v + 1]):
                        above = key[up_head[slot]]
                        key[v] = min(key[v], above + (np.int64(down_ds[slot]) << LABEL_BITS))
    for node in range(n):
        best = key[np.uint32(rank[node])]
        out_ds[node] = np.int32(best >> LABEL_BITS)
        out_site[node] = np.int32(best & 0xFFFFFFFF) if best < closed else NONE


@njit(cache=True, nogil=True)
def nearest_at(
    node_ds,
    node_site,
    ends,
    reach_ds,
    t_edge,
    t_access_ds,
    t_along_ds,
    s_edge,
    s_order,
    s_access_ds,
    s_along_ds,
    forward_ds,
    backward_ds,
    out_ds,
    out_site,
):
    """The soonest site of every place, from that of its end nodes and the sites on its own edge.

    Args: ``s_edge`` sorted, ``s_order`` the sites in that order.
    """
    for j in range(len(ends)):
        best = np.int64(INF) << LABEL_BITS
        for side in range(2):
            node = ends[j, side]
            if node >= 0 and node_site[node] >= 0:
                way = np.int64(node_ds[node]) + reach_ds[j, side]
                best = min(best, (way << LABEL_BITS) | node_site[node])
        edge = t_edge[j]
        low = np.searchsorted(s_edge, edge) if edge >= 0 else len(s_edge)
        while low < len(s_edge) and s_edge[low] == edge:
            s = s_order[low]
            low += 1
            way = _along_edge(
                forward_ds[edge],
                backward_ds[edge],
                s_access_ds[s],
                t_access_ds[j],
                s_along_ds[s],
                t_along_ds[j],
            )
            best = min(best, (np.int64(way) << LABEL_BITS) | s)
        found = (best >> LABEL_BITS) < INF
        out_ds[j] = np.int32(best >> LABEL_BITS) if found else INF
        out_site[j] = np.int32(best & 0xFFFFFFFF) if found else NONE
