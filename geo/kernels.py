"""The compiled two-layer search: from a patient back to people, straight and by way of an AED.

All times are whole deciseconds. Places are positions on edges: the time from place A to place B
is the least of "leave A by an end of its edge, reach B from an end of its edge" and, where both
lie on one edge, "straight along the edge".

The queue is a row of buckets as wide as ``2 ** SHIFT`` deciseconds, each a linked list (Dial 1969,
with wide buckets as in delta-stepping, Meyer and Sanders 2003): a junction that becomes sooner
while its bucket is being emptied is simply worked off again, so the answer is exact. What is known
of a junction is one number, ``time << 32 | AED``: the lower AED wins a tie by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

INF = 2**29
SHIFT = 5
"""Buckets of 3.2 s: little is worked off twice, and there are few enough to walk through."""

BITS = 32
_AED = 0xFFFFFFFF
# Columns of ``geo.snap.Positions.packed``.
EDGE, U, V, TO_U, TO_V, FROM_U, FROM_V, ACCESS = range(8)
# Columns of the arcs: where the arc comes from (complemented where the road ends there), and time.
_TAIL, _DS = 0, 1


@njit(cache=True, nogil=True)
def pack_arcs(first_in: Any, tail: Any, in_ds: Any, dead_end: Any) -> Any:
    """Incoming arcs as ``first`` int32[n + 1] and int32[A', 2], tail and time side by side.

    ``dead_end`` bool[n] marks junctions at the end of a single edge. Arcs from there are left
    out: nobody passes them, and from a place in that street one never leaves by the dead end.
    The tail is complemented where the search would only turn round there: it is then reached,
    but not queued.
    """
    n = len(first_in) - 1
    first = np.zeros(n + 1, dtype=np.int32)
    packed = np.empty((len(tail), 2), dtype=np.int32)
    size = 0
    for v in range(n):
        for arc in range(first_in[v], first_in[v + 1]):
            w = tail[arc]
            if not dead_end[w]:
                packed[size, _TAIL] = w
                packed[size, _DS] = in_ds[arc]
                size += 1
        first[v + 1] = size
    packed = packed[:size].copy()
    for v in range(n):
        for arc in range(first[v], first[v + 1]):
            w = packed[arc, _TAIL]
            onward = False
            for other in range(first[w], first[w + 1]):
                came_from = packed[other, _TAIL]
                if came_from not in (v, ~v):
                    onward = True
            if not onward:
                packed[arc, _TAIL] = ~w
    return first, packed


@njit(cache=True, nogil=True)
def _along_edge(forward: Any, backward: Any, a: Any, i: Any, b: Any, j: Any) -> Any:
    """From place i of a to place j of b, on the same edge, without leaving it; or INF."""
    best = np.int64(INF)
    if forward < INF and b[j, FROM_U] - b[j, ACCESS] >= a[i, FROM_U] - a[i, ACCESS]:
        best = min(best, np.int64(a[i, TO_V]) + b[j, FROM_U] - forward)
    if backward < INF and b[j, FROM_V] - b[j, ACCESS] >= a[i, FROM_V] - a[i, ACCESS]:
        best = min(best, np.int64(a[i, TO_U]) + b[j, FROM_V] - backward)
    return best


@njit(cache=True, nogil=True)
def _empty_buckets(
    first_in: Any,
    arcs: Any,
    reach: Any,
    best: Any,
    buckets: Any,
    pool: Any,
    link: Any,
    counts: Any,
) -> Any:
    """Works off the queue of one layer; False where the pool is too small.

    ``counts`` int64[3]: used entries of the pool, first and last bucket. An entry is a junction;
    if it became sooner since it was queued, it stands in an earlier bucket as well. Everything is
    written whether an arc pays or not, for nobody can guess that: a wrong guess costs more than
    the writing. Unsigned indices spare a test for negative ones.
    """
    size = counts[0]
    room = len(pool)
    b = counts[1]
    last = counts[2]
    beyond = (np.int64(reach) + 1) << BITS
    while b <= last:
        entry = buckets[b]
        if entry < 0:
            b += 1
            continue
        buckets[b] = link[entry]
        v = np.uint32(pool[entry])
        key = best[v]
        if key >> BITS >> SHIFT != b:
            continue
        begin, end = np.uint32(first_in[v]), np.uint32(first_in[v + 1])
        if size + end - begin > room:
            counts[0] = size
            return False
        for arc in range(begin, end):
            new = key + (np.int64(arcs[arc, _DS]) << BITS)
            w = np.uint32(arcs[arc, _TAIL])
            old = best[w]
            sooner = new < min(old, beyond)
            best[w] = new if sooner else old
            into = np.uint32(min(new, beyond) >> BITS >> SHIFT)
            head = buckets[into]
            pool[size] = w
            link[size] = head
            buckets[into] = size if sooner else head
            size += 1 if sooner else 0
            last = max(last, np.int64(into) if sooner else last)
    counts[0] = size
    return True


@njit(cache=True, nogil=True)
def _seed(v: Any, new: Any, best: Any, buckets: Any, pool: Any, link: Any, counts: Any) -> None:
    """Queues a junction with this key, if its own is not lower; the pool has room for seeds."""
    if new >= best[v]:
        return
    best[v] = new
    into = new >> BITS >> SHIFT
    entry = counts[0]
    pool[entry] = v
    link[entry] = buckets[into]
    buckets[into] = entry
    counts[0] += 1
    counts[1] = min(counts[1], into)
    counts[2] = max(counts[2], into)


@njit(cache=True, nogil=True)
def patient_times(
    first_in: Any,
    arcs: Any,
    edge_forward: Any,
    edge_backward: Any,
    patients: Any,
    people: Any,
    aeds: Any,
    aed_usable: Any,
    bound: Any,
    pickup: Any,
    carry_factor: Any,
    straight: Any,
    fetched: Any,
    buckets: Any,
    pool: Any,
    link: Any,
    aed_on_edge: Any,
    seconds: Any,
    person_aed: Any,
    aed_to_patient_s: Any,
) -> Any:
    """Times of every person to the patient, straight and by way of the best usable AED.

    ``patients, people, aeds`` int32[·, 8] are ``geo.snap.Positions.packed``, the patient being
    row 0; ``arcs`` as ``pack_arcs`` without complements; ``aed_usable`` bool of at least the AEDs.
    Workspace: the keys of each layer, ``straight`` and ``fetched`` int64[n] filled with
    ``INF << BITS``, ``buckets`` int32 filled with -1, ``pool`` and ``link`` int32 of one length,
    ``aed_on_edge`` int32[E] filled with -1; all are handed back as they were. Writes direct, by way
    of an AED, and up to the AED into the rows of ``seconds`` float64[3, people], inf beyond the
    bound, and the AED's index (-1: none) into ``person_aed`` int32[people]. Returns False, with
    nothing written of use, where ``pool`` is too small.
    """
    n_people, n_aeds = len(people), len(aeds)
    # Calls that take arrays are kept out of the common path of the loops below: they cost more
    # than all that they do. A factor below 1 makes AEDs beyond the bound useful again.
    reach = bound if carry_factor >= 1.0 else np.int64(np.ceil((bound + 1) / carry_factor))
    counts = np.array([0, len(buckets), -1], dtype=np.int64)
    attached = patients[0, EDGE] >= 0
    done = True
    if attached:
        for gate in range(2):
            d = np.int64(patients[0, FROM_U + gate])
            if d <= reach:
                v = np.int64(patients[0, U + gate])
                _seed(v, d << BITS, straight, buckets, pool, link, counts)
        done = _empty_buckets(first_in, arcs, reach, straight, buckets, pool, link, counts)
    n_straight = counts[0]

    # The AEDs that can be carried to the patient in time are the sources of the second layer.
    next_aed = np.full(n_aeds, -1, dtype=np.int32)
    start = np.full(n_aeds, INF, dtype=np.int64)
    done = done and n_straight + 2 * n_aeds <= len(pool)
    if done:
        counts[1], counts[2] = len(buckets), -1
        for back in range(n_aeds):
            a = n_aeds - 1 - back
            e = aeds[a, EDGE]
            aed_to_patient_s[a] = np.inf
            if e < 0 or not attached:
                continue
            t = min(
                np.int64(aeds[a, TO_U]) + (straight[np.uint32(aeds[a, U])] >> BITS),
                np.int64(aeds[a, TO_V]) + (straight[np.uint32(aeds[a, V])] >> BITS),
            )
            if e == patients[0, EDGE]:
                t = min(t, _along_edge(edge_forward[e], edge_backward[e], aeds, a, patients, 0))
            if t > reach:
                continue
            t = np.int64(np.rint(carry_factor * t))
            if t > bound:
                continue
            aed_to_patient_s[a] = t / 10.0
            if not aed_usable[a] or t + pickup > bound:
                continue
            start[a] = t + pickup
            next_aed[a] = aed_on_edge[e]
            aed_on_edge[e] = a
            for gate in range(2):
                d = start[a] + aeds[a, FROM_U + gate]
                if d <= bound:
                    v = np.int64(aeds[a, U + gate])
                    _seed(v, (d << BITS) | a, fetched, buckets, pool, link, counts)
        done = _empty_buckets(first_in, arcs, bound, fetched, buckets, pool, link, counts)

    if done:
        beyond = (np.int64(bound) + 1) << BITS
        for i in range(n_people):
            e = people[i, EDGE]
            seconds[0, i] = np.inf
            seconds[1, i] = np.inf
            seconds[2, i] = np.inf
            person_aed[i] = -1
            if e < 0 or not attached:
                continue
            at_u, at_v = np.uint32(people[i, U]), np.uint32(people[i, V])
            to_u = np.int64(people[i, TO_U]) << BITS
            to_v = np.int64(people[i, TO_V]) << BITS
            t = min(to_u + straight[at_u], to_v + straight[at_v]) >> BITS
            if e == patients[0, EDGE]:
                t = min(t, _along_edge(edge_forward[e], edge_backward[e], people, i, patients, 0))
            if t <= bound:
                seconds[0, i] = t / 10.0
            key = min(to_u + fetched[at_u], to_v + fetched[at_v])
            a = aed_on_edge[np.uint32(e)]
            while a >= 0:
                along = _along_edge(edge_forward[e], edge_backward[e], people, i, aeds, a)
                key = min(key, ((start[a] + along) << BITS) | a)
                a = next_aed[a]
            if key < beyond:
                best = key & _AED
                seconds[1, i] = (key >> BITS) / 10.0
                seconds[2, i] = ((key >> BITS) - start[best]) / 10.0
                person_aed[i] = best

    for i in range(n_straight):
        straight[np.uint32(pool[i])] = np.int64(INF) << BITS
    for i in range(n_straight, counts[0]):
        fetched[np.uint32(pool[i])] = np.int64(INF) << BITS
    for a in range(n_aeds):
        if start[a] < INF:
            aed_on_edge[aeds[a, EDGE]] = -1
    if not done:
        buckets[:] = -1
    return done


@njit(cache=True, nogil=True)
def k_soonest(time_s: Any, eligible: Any, chosen: Any) -> Any:
    """Indices of the least finite times among the eligible, ties to the lower index.

    ``chosen`` int64[k] receives them in order; returns how many there are.
    """
    k = len(chosen)
    m = 0
    if k == 0:
        return 0
    for i in range(len(time_s)):
        t = time_s[i]
        if not eligible[i] or not t < np.inf or (m == k and t >= time_s[chosen[m - 1]]):
            continue
        at = m if m < k else k - 1
        while at > 0 and time_s[chosen[at - 1]] > t:
            chosen[at] = chosen[at - 1]
            at -= 1
        chosen[at] = i
        if m < k:
            m += 1
    return m
