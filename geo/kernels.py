"""The compiled two-layer search: from a patient back to people, straight and by way of an AED.

All times are whole deciseconds. Places are positions on edges: the time from place A to place B
is the least of "leave A by an end of its edge, reach B from an end of its edge" and, where both
lie on one edge, "straight along the edge".

The queue is a row of buckets as wide as ``2 ** SHIFT`` deciseconds, each a linked list (Dial 1969,
with wide buckets as in delta-stepping, Meyer and Sanders 2003): a junction that becomes sooner
while its bucket is being emptied is simply worked off again, so the answer is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

INF = 2**29
SHIFT = 5
"""Buckets of 3.2 s: little is worked off twice, and there are few enough to walk through."""

_NODE = 0xFFFFFFFF
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
    layer: Any,
    dist: Any,
    label: Any,
    buckets: Any,
    pool: Any,
    link: Any,
    touched: Any,
    counts: Any,
) -> Any:
    """Works off the queue of one layer; False where the pool is too small.

    ``counts`` int64[4]: used entries of the pool, touched junctions, first and last bucket.
    """
    n_pool, n_touched = counts[0], counts[1]
    room = len(pool)
    b = counts[2]
    last = counts[3]
    while b <= last:
        entry = buckets[b]
        if entry < 0:
            b += 1
            continue
        buckets[b] = link[entry]
        key = pool[entry]
        d = key >> 32
        v = key & _NODE
        if d > dist[2 * v + layer]:
            continue
        own = label[v]
        for arc in range(first_in[v], first_in[v + 1]):
            new = d + arcs[arc, _DS]
            if new > reach:
                continue
            w = np.int64(arcs[arc, _TAIL])
            leaf = w < 0
            if leaf:
                w = ~w
            old = dist[2 * w + layer]
            if new > old or (new == old and (layer == 0 or own >= label[w])):
                continue
            if old == INF:
                touched[n_touched] = 2 * w + layer
                n_touched += 1
            dist[2 * w + layer] = new
            if layer == 1:
                label[w] = own
            if leaf:
                continue
            if n_pool == room:
                counts[1] = n_touched
                return False
            into = new >> SHIFT
            pool[n_pool] = (new << 32) | w
            link[n_pool] = buckets[into]
            buckets[into] = n_pool
            n_pool += 1
            last = max(last, into)
    counts[0] = n_pool
    counts[1] = n_touched
    return True


@njit(cache=True, nogil=True)
def _seed(
    v: Any,
    new: Any,
    own: Any,
    layer: Any,
    dist: Any,
    label: Any,
    buckets: Any,
    pool: Any,
    link: Any,
    touched: Any,
    counts: Any,
) -> None:
    """Queues a junction at this time, if it is not reached sooner; the pool has room for seeds."""
    old = dist[2 * v + layer]
    if new > old or (new == old and (layer == 0 or own >= label[v])):
        return
    if old == INF:
        touched[counts[1]] = 2 * v + layer
        counts[1] += 1
    dist[2 * v + layer] = new
    if layer == 1:
        label[v] = own
    into = new >> SHIFT
    entry = counts[0]
    pool[entry] = (np.int64(new) << 32) | np.int64(v)
    link[entry] = buckets[into]
    buckets[into] = entry
    counts[0] += 1
    counts[2] = min(counts[2], into)
    counts[3] = max(counts[3], into)


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
    dist: Any,
    label: Any,
    buckets: Any,
    pool: Any,
    link: Any,
    touched: Any,
    aed_on_edge: Any,
    seconds: Any,
    person_aed: Any,
    aed_to_patient_s: Any,
) -> Any:
    """Times of every person to the patient, straight and by way of the best usable AED.

    ``patients, people, aeds`` int32[·, 8] are ``geo.snap.Positions.packed``, the patient being
    row 0; ``aed_usable`` bool of at least the AEDs. Workspace: ``dist`` int32[2n] filled with INF
    (element 2v: straight; 2v+1: by way of an AED), ``label`` int32[n], ``buckets`` int32 filled
    with -1, ``pool`` int64 and ``link`` int32 of one length, ``touched`` int32[2n],
    ``aed_on_edge`` int32[E] filled with -1; all are handed back as they were. Writes
    direct, by way of an AED, and up to the AED into the rows of ``seconds`` float64[3, people],
    inf beyond the bound, and the AED's index (-1: none) into ``person_aed`` int32[people].
    Returns False, with nothing written of use, where ``pool`` is too small.
    """
    n_people, n_aeds = len(people), len(aeds)
    # Calls that take arrays are kept out of the common path of the loops below: they cost more
    # than all that they do. A factor below 1 makes AEDs beyond the bound useful again.
    reach = bound if carry_factor >= 1.0 else np.int64(np.ceil((bound + 1) / carry_factor))
    counts = np.array([0, 0, len(buckets), -1], dtype=np.int64)
    attached = patients[0, EDGE] >= 0
    done = True
    if attached:
        for gate in range(2):
            d = patients[0, FROM_U + gate]
            if d <= reach:
                _seed(
                    patients[0, U + gate],
                    d,
                    0,
                    0,
                    dist,
                    label,
                    buckets,
                    pool,
                    link,
                    touched,
                    counts,
                )
        done = _empty_buckets(
            first_in, arcs, reach, 0, dist, label, buckets, pool, link, touched, counts
        )

    # The AEDs that can be carried to the patient in time are the sources of the second layer.
    next_aed = np.full(n_aeds, -1, dtype=np.int32)
    start = np.full(n_aeds, INF, dtype=np.int64)
    if done:
        counts[0], counts[2], counts[3] = 0, len(buckets), -1
        for back in range(n_aeds):
            a = n_aeds - 1 - back
            e = aeds[a, EDGE]
            aed_to_patient_s[a] = np.inf
            if e < 0 or not attached:
                continue
            t = min(
                np.int64(aeds[a, TO_U]) + dist[2 * np.int64(aeds[a, U])],
                np.int64(aeds[a, TO_V]) + dist[2 * np.int64(aeds[a, V])],
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
                    _seed(
                        aeds[a, U + gate],
                        d,
                        a,
                        1,
                        dist,
                        label,
                        buckets,
                        pool,
                        link,
                        touched,
                        counts,
                    )
        done = _empty_buckets(
            first_in, arcs, bound, 1, dist, label, buckets, pool, link, touched, counts
        )

    if done:
        for i in range(n_people):
            e = people[i, EDGE]
            seconds[0, i] = np.inf
            seconds[1, i] = np.inf
            seconds[2, i] = np.inf
            person_aed[i] = -1
            if e < 0 or not attached:
                continue
            u = np.int64(people[i, U])
            v = np.int64(people[i, V])
            t = min(
                np.int64(people[i, TO_U]) + dist[2 * u], np.int64(people[i, TO_V]) + dist[2 * v]
            )
            if e == patients[0, EDGE]:
                t = min(t, _along_edge(edge_forward[e], edge_backward[e], people, i, patients, 0))
            if t <= bound:
                seconds[0, i] = t / 10.0
            t = np.int64(people[i, TO_U]) + dist[2 * u + 1]
            best = label[u]
            other = np.int64(people[i, TO_V]) + dist[2 * v + 1]
            if other < t or (other == t and label[v] < best):
                t = other
                best = label[v]
            a = aed_on_edge[e]
            while a >= 0:
                along = _along_edge(edge_forward[e], edge_backward[e], people, i, aeds, a)
                other = start[a] + along
                if other < t or (other == t and a < best):
                    t = other
                    best = a
                a = next_aed[a]
            if t <= bound:
                seconds[1, i] = t / 10.0
                seconds[2, i] = (t - start[best]) / 10.0
                person_aed[i] = best

    for i in range(counts[1]):
        dist[touched[i]] = INF
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
