"""Kernels of a moving fleet: sorted buckets in the core.

Every unit leaves, at each core node that lies above it in the hierarchy, an entry (time to that
node, unit). A patient climbs its own ancestors and reads off the entries there; since a bucket is
sorted by time, the climb stops reading as soon as nothing better than the k-th best can follow
(Knopp, Sanders, Schultes, Schulz, Wagner, "Computing many-to-many shortest paths using highway
hierarchies", 2007; sorted buckets as in Geisberger, Sanders, Schultes, Delling, "Contraction
hierarchies", 2008).

A bucket entry is one int64, ``time << 32 | unit``, so that ties go to the lower unit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

INF = np.int32(1 << 29)
NONE = np.int32(-1)
LABEL_BITS = 32
UNIT = 0xFFFFFFFF
SPARE = 8
"""Entries of a fresh bucket; it doubles when full."""
START, SIZE, ROOM, PARENT = range(4)
"""Columns of ``runs``: where a bucket begins, entries in it, room for entries; and the parent of
the node in the elimination tree (-1), so that one step of a climb reads one cache line."""


@njit(cache=True, nogil=True)
def _climb(core_first, core_head, slot_ds, at, at_ds, ds, node, time):
    """All ancestors of a place with their times.

    Fills ``node`` and ``time`` (ascending nodes); ``ds`` i32[c] holds INF and is left so.
    Returns how many.
    """
    lowest = NONE
    for side in range(2):
        if at[side] >= 0:
            v = at[side]
            ds[v] = min(ds[v], at_ds[side])
            lowest = v if lowest < 0 else min(lowest, v)
    count = 0
    v = lowest
    while v >= 0:
        here = ds[v]
        begin, end = core_first[v], core_first[v + 1]
        if here < INF:
            for slot in range(begin, end):
                x = core_head[slot]
                ds[x] = min(ds[x], np.int32(here + slot_ds[slot]))
            node[count] = v
            time[count] = here
            count += 1
            ds[v] = INF
        v = core_head[begin] if begin < end else NONE
    return count


@njit(cache=True, nogil=True)
def _spot(pool, low, high, key):
    """Where in the sorted ``pool[low:high]`` a key stands or belongs."""
    while low < high:
        middle = (low + high) >> 1
        if pool[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _insert(pool, runs, used, v, key):
    """Put an entry into the bucket of a core node; returns ``(pool, used)``."""
    if runs[v, SIZE] == runs[v, ROOM]:
        wanted = max(SPARE, 2 * runs[v, ROOM])
        if used + wanted > len(pool):
            live = 0
            for w in range(len(runs)):
                if runs[w, SIZE] == 0:
                    runs[w, ROOM] = 0
                live += runs[w, ROOM]
            wider = np.empty(2 * (live + wanted), np.int64)
            used = 0
            for w in range(len(runs)):
                for i in range(runs[w, SIZE]):
                    wider[used + i] = pool[runs[w, START] + i]
                runs[w, START] = used
                used += runs[w, ROOM]
            pool = wider
        for i in range(runs[v, SIZE]):
            pool[used + i] = pool[runs[v, START] + i]
        runs[v, START] = used
        runs[v, ROOM] = wanted
        used += wanted
    spot = _spot(pool, runs[v, START], runs[v, START] + runs[v, SIZE], key)
    for i in range(runs[v, START] + runs[v, SIZE], spot, -1):
        pool[i] = pool[i - 1]
    pool[spot] = key
    runs[v, SIZE] += 1
    return pool, used


@njit(cache=True, nogil=True)
def _remove(pool, runs, v, key):
    spot = _spot(pool, runs[v, START], runs[v, START] + runs[v, SIZE], key)
    runs[v, SIZE] -= 1
    for i in range(spot, runs[v, START] + runs[v, SIZE]):
        pool[i] = pool[i + 1]


@njit(cache=True, nogil=True)
def place_units(
    core_first,
    core_head,
    core_up_ds,
    units,
    at,
    at_ds,
    pool,
    runs,
    used,
    own_node,
    own_ds,
    own_count,
    ds,
):
    """Move units to new places: take their entries out of the buckets and put the new ones in.

    Args: ``units`` i64[u] with their places ``at``, ``at_ds`` i32[u, 2] (-1: off the road). Buckets
    are ``pool`` i64, with a row of ``runs`` i32[c, 4] per core node and ``used`` of the pool taken;
    ``own_node``, ``own_ds`` i32[fleet, depth] and ``own_count`` remember the entries of each unit;
    ``ds`` i32[c] holds INF. Returns ``(pool, used)``.
    """
    for i in range(len(units)):
        unit = units[i]
        for e in range(own_count[unit]):
            key = (np.int64(own_ds[unit, e]) << LABEL_BITS) | unit
            _remove(pool, runs, own_node[unit, e], key)
        own_count[unit] = _climb(
            core_first, core_head, core_up_ds, at[i], at_ds[i], ds, own_node[unit], own_ds[unit]
        )
        for e in range(own_count[unit]):
            key = (np.int64(own_ds[unit, e]) << LABEL_BITS) | unit
            pool, used = _insert(pool, runs, used, own_node[unit, e], key)
    return pool, used


@njit(cache=True, nogil=True)
def _rise_in_piece(rank, up_first, up_head, slot_ds, stop, ends, end_ds, ds):
    """Climb from a place to ranks below ``stop``; returns the lowest rank, -1 if there is none."""
    lowest = NONE
    for side in range(2):
        if ends[side] >= 0 and rank[ends[side]] < stop:
            r = rank[ends[side]]
            ds[r] = min(ds[r], end_ds[side])
            lowest = r if lowest < 0 else min(lowest, r)
    v = lowest
    while v >= 0 and v < stop:
        if ds[v] < INF:
            for slot in range(up_first[v], up_first[v + 1]):
                x = up_head[slot]
                if x < stop:
                    ds[x] = min(ds[x], np.int32(ds[v] + slot_ds[slot]))
        v = up_head[up_first[v]] if up_first[v] < up_first[v + 1] else NONE
    return lowest


@njit(cache=True, nogil=True)
def _clear_piece(up_first, up_head, stop, lowest, ds):
    v = lowest
    while v >= 0 and v < stop:
        ds[v] = INF
        v = up_head[up_first[v]] if up_first[v] < up_first[v + 1] else NONE


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
def _beside(roads, units, patients, i, unit, ds):
    """Time of a unit to a patient without passing the core, if both lie side by side.

    ``ds`` i32[2, f] holds INF and is left so.
    """
    rank, up_first, up_head, up_ds, down_ds, piece_first, forward_ds, backward_ds = roads
    unit_ends, unit_ds, unit_along, unit_piece, unit_edge, unit_access = units
    ends, end_ds, along_ds, edges, pieces, access_ds = patients
    edge, piece = edges[i], pieces[i]
    best = INF
    if edge >= 0 and unit_edge[unit] == edge:
        best = _along_edge(
            forward_ds[edge],
            backward_ds[edge],
            unit_access[unit],
            access_ds[i],
            unit_along[unit],
            along_ds[i],
        )
    if piece >= 0 and unit_piece[unit] == piece:
        stop = piece_first[piece + 1]
        low = _rise_in_piece(
            rank, up_first, up_head, up_ds, stop, unit_ends[unit], unit_ds[unit], ds[0]
        )
        other = _rise_in_piece(rank, up_first, up_head, down_ds, stop, ends[i], end_ds[i], ds[1])
        v = low
        while v >= 0 and v < stop:
            best = min(best, np.int32(ds[0, v] + ds[1, v]))
            v = up_head[up_first[v]] if up_first[v] < up_first[v + 1] else NONE
        _clear_piece(up_first, up_head, stop, low, ds[0])
        _clear_piece(up_first, up_head, stop, other, ds[1])
    return best


@njit(cache=True, nogil=True)
def _keep(keys, found, before, time, unit):
    """Put a unit's better time into the sorted list of the best; returns the list's length."""
    key = (np.int64(time) << LABEL_BITS) | unit
    last = found
    if before < INF:
        old = (np.int64(before) << LABEL_BITS) | unit
        for e in range(found):
            if keys[e] == old:
                last = e
    if last == len(keys):
        if key >= keys[last - 1]:
            return found
        last -= 1
    elif last == found:
        found += 1
    e = last
    while e > 0 and keys[e - 1] > key:
        keys[e] = keys[e - 1]
        e -= 1
    keys[e] = key
    return found


@njit(cache=True, nogil=True)
def nearest_units(
    core_first,
    core_head,
    core_down_ds,
    roads,
    buckets,
    units,
    usable,
    patients,
    at,
    at_ds,
    best,
    ds,
    beside_ds,
    out_unit,
    out_ds,
):
    """The k units that reach each patient soonest.

    Args: ``roads`` of the whole hierarchy, ``buckets`` (pool, runs), ``units``
    and ``patients`` (as ``_beside`` unpacks them); ``usable`` bool[fleet]; patients also as core
    nodes with times; ``best`` i32[fleet], ``ds`` i32[c] and ``beside_ds`` i32[2, f] hold
    INF and are left so; ``out_unit`` i32[p, k] (-1) and ``out_ds`` i32[p, k] (INF) are
    overwritten, soonest first, ties by unit.
    """
    pool, runs = buckets
    unit_piece, unit_edge = units[3], units[4]
    edge, piece = patients[3], patients[4]
    k = out_unit.shape[1]
    touched = np.empty(len(best), np.int32)
    keys = np.empty(k, np.int64)
    for i in range(len(at)):
        found = 0
        n_touched = 0
        bound = (np.int64(INF) << LABEL_BITS) - 1
        if piece[i] >= 0 or edge[i] >= 0:
            for unit in range(len(unit_piece)):
                if (unit_piece[unit] == piece[i] and piece[i] >= 0) or (
                    unit_edge[unit] == edge[i] and edge[i] >= 0
                ):
                    time = INF
                    if usable[unit]:
                        time = _beside(roads, units, patients, i, unit, beside_ds)
                    if time < INF:
                        touched[n_touched] = unit
                        n_touched += 1
                        found = _keep(keys, found, INF, time, unit)
                        best[unit] = time
            if found == k:
                bound = keys[k - 1]
        lowest = NONE
        for side in range(2):
            if at[i, side] >= 0:
                v = at[i, side]
                ds[v] = min(ds[v], at_ds[i, side])
                lowest = v if lowest < 0 else min(lowest, v)
        v = lowest
        while v >= 0:
            here = ds[v]
            ds[v] = INF
            extra = np.int64(here) << LABEL_BITS
            if extra <= bound:
                for e in range(runs[v, START], runs[v, START] + runs[v, SIZE]):
                    key = pool[e] + extra
                    if key > bound:
                        break
                    unit = np.int32(key & UNIT)
                    time = np.int32(key >> LABEL_BITS)
                    if usable[unit] and time < best[unit]:
                        if best[unit] == INF:
                            touched[n_touched] = unit
                            n_touched += 1
                        found = _keep(keys, found, best[unit], time, unit)
                        best[unit] = time
                        if found == k:
                            bound = keys[k - 1]
                for slot in range(core_first[v], core_first[v + 1]):
                    x = core_head[slot]
                    ds[x] = min(ds[x], np.int32(here + core_down_ds[slot]))
            v = runs[v, PARENT]
        for e in range(n_touched):
            best[touched[e]] = INF
        for e in range(k):
            out_unit[i, e] = np.int32(keys[e] & UNIT) if e < found else NONE
            out_ds[i, e] = np.int32(keys[e] >> LABEL_BITS) if e < found else INF


@njit(cache=True, nogil=True)
def unit_times(
    core_first,
    core_head,
    core_down_ds,
    roads,
    buckets,
    units,
    patients,
    at,
    at_ds,
    ds,
    beside_ds,
    out,
):
    """Times of all units to each patient; ``out`` i32[p, fleet], the rest as ``nearest_units``."""
    pool, runs = buckets
    unit_piece, unit_edge = units[3], units[4]
    edge, piece = patients[3], patients[4]
    for i in range(len(at)):
        for unit in range(out.shape[1]):
            out[i, unit] = INF
            if (unit_piece[unit] == piece[i] and piece[i] >= 0) or (
                unit_edge[unit] == edge[i] and edge[i] >= 0
            ):
                out[i, unit] = _beside(roads, units, patients, i, unit, beside_ds)
        lowest = NONE
        for side in range(2):
            if at[i, side] >= 0:
                v = at[i, side]
                ds[v] = min(ds[v], at_ds[i, side])
                lowest = v if lowest < 0 else min(lowest, v)
        v = lowest
        while v >= 0:
            here = ds[v]
            ds[v] = INF
            if here < INF:
                for e in range(runs[v, START], runs[v, START] + runs[v, SIZE]):
                    unit = np.uint32(pool[e] & UNIT)
                    time = np.int32(np.int32(pool[e] >> LABEL_BITS) + here)
                    out[i, unit] = min(out[i, unit], time)
                for slot in range(core_first[v], core_first[v + 1]):
                    x = core_head[slot]
                    ds[x] = min(ds[x], np.int32(here + core_down_ds[slot]))
            v = runs[v, PARENT]
