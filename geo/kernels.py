"""The compiled two-layer search: from a patient back to people, straight and by way of an AED.

All times are whole deciseconds. Places are positions on edges: the time from place A to place B
is the least of "leave A by an end of its edge, reach B from an end of its edge" and, where both
lie on one edge, "straight along the edge". The heap holds ``time << 32 | junction``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

INF = 2**29
_NODE = 0xFFFFFFFF


@njit(cache=True, nogil=True, inline="always")
def _push(heap: Any, size: Any, key: Any) -> Any:
    """Adds a key to a 4-ary heap; returns the heap, which may have had to grow."""
    if size == len(heap):
        wider = np.empty(2 * size, dtype=np.int64)
        wider[:size] = heap
        heap = wider
    i = size
    while i > 0:
        parent = (i - 1) >> 2
        if heap[parent] <= key:
            break
        heap[i] = heap[parent]
        i = parent
    heap[i] = key
    return heap


@njit(cache=True, nogil=True, inline="always")
def _sink_last(heap: Any, size: Any) -> None:
    """Takes the least key (at 0) out of a heap of ``size + 1`` keys."""
    key = heap[size]
    i = 0
    while True:
        child = 4 * i + 1
        if child >= size:
            break
        least = child
        for other in range(child + 1, min(child + 4, size)):
            if heap[other] < heap[least]:
                least = other
        if heap[least] >= key:
            break
        heap[i] = heap[least]
        i = least
    heap[i] = key


@njit(cache=True, nogil=True, inline="always")
def _along_edge(
    forward: Any,
    backward: Any,
    a_to_u: Any,
    a_to_v: Any,
    a_from_u: Any,
    a_from_v: Any,
    a_access: Any,
    b_from_u: Any,
    b_from_v: Any,
    b_access: Any,
) -> Any:
    """From place A to place B of the same edge without leaving it; INF where that is closed."""
    best = np.int64(INF)
    if forward < INF and b_from_u - b_access >= a_from_u - a_access:
        best = min(best, np.int64(a_to_v) + b_from_u - forward)
    if backward < INF and b_from_v - b_access >= a_from_v - a_access:
        best = min(best, np.int64(a_to_u) + b_from_v - backward)
    return best


@njit(cache=True, nogil=True)
def patient_times(
    first_in: Any,
    tail: Any,
    in_ds: Any,
    edge_u: Any,
    edge_v: Any,
    edge_forward: Any,
    edge_backward: Any,
    patient: Any,
    people: Any,
    aeds: Any,
    aed_usable: Any,
    bound: Any,
    pickup: Any,
    carry_factor: float,
    dist: Any,
    label: Any,
    heap: Any,
    touched: Any,
    aed_on_edge: Any,
    direct_s: Any,
    via_s: Any,
    person_aed: Any,
    to_aed_s: Any,
    aed_to_patient_s: Any,
) -> Any:
    """Times of every person to the patient, straight and by way of the best usable AED.

    ``patient, people, aeds`` are tuples of the int32 columns of ``geo.snap.Positions.columns``;
    ``aed_usable`` bool[a]. Workspace: ``dist`` int32[2n] filled with INF (layer 0 straight, layer
    1 by way of an AED), ``label`` int32[n], ``heap`` int64, ``touched`` int32[2n],
    ``aed_on_edge`` int32[E] filled with -1; all are handed back as they were, except ``label``,
    and the heap, which may have grown, is returned. Writes seconds into float64 arrays, inf
    beyond the bound, and the AED's index (-1: none) into ``person_aed`` int32.
    """
    p_edge, p_from_u, p_from_v, p_access = (
        patient[0][0],
        patient[3][0],
        patient[4][0],
        patient[5][0],
    )
    edges, to_u, to_v, from_u, from_v, access = people
    a_edges, a_to_u, a_to_v, a_from_u, a_from_v, a_access = aeds
    n_people = len(edges)
    n_aeds = len(a_edges)
    n_touched = 0
    size = 0
    # A factor below 1 makes AEDs beyond the bound useful again.
    reach = bound if carry_factor >= 1.0 else np.int64(np.ceil(bound / carry_factor))
    reach = min(reach, np.int64(INF - 1))

    if p_edge >= 0:
        for gate in range(2):
            v = edge_u[p_edge] if gate == 0 else edge_v[p_edge]
            d = p_from_u if gate == 0 else p_from_v
            if d <= reach and d < dist[2 * v]:
                if dist[2 * v] == INF:
                    touched[n_touched] = 2 * v
                    n_touched += 1
                dist[2 * v] = d
                heap = _push(heap, size, (np.int64(d) << 32) | np.int64(v))
                size += 1
    while size > 0:
        top = heap[0]
        size -= 1
        _sink_last(heap, size)
        d = top >> 32
        v = top & _NODE
        if d > dist[2 * v]:
            continue
        for arc in range(first_in[v], first_in[v + 1]):
            new = d + in_ds[arc]
            if new <= reach:
                w = np.int64(tail[arc])
                old = dist[2 * w]
                if new < old:
                    if old == INF:
                        touched[n_touched] = 2 * w
                        n_touched += 1
                    dist[2 * w] = new
                    heap = _push(heap, size, (new << 32) | w)
                    size += 1

    # The AEDs that can be carried to the patient in time are the sources of the second layer.
    next_aed = np.full(n_aeds, -1, dtype=np.int32)
    seed = np.full(n_aeds, INF, dtype=np.int64)
    for back in range(n_aeds):
        a = n_aeds - 1 - back
        e = a_edges[a]
        aed_to_patient_s[a] = np.inf
        if e < 0 or p_edge < 0:
            continue
        t = min(
            np.int64(a_to_u[a]) + dist[2 * edge_u[e]], np.int64(a_to_v[a]) + dist[2 * edge_v[e]]
        )
        if e == p_edge:
            t = min(
                t,
                _along_edge(
                    edge_forward[e],
                    edge_backward[e],
                    a_to_u[a],
                    a_to_v[a],
                    a_from_u[a],
                    a_from_v[a],
                    a_access[a],
                    p_from_u,
                    p_from_v,
                    p_access,
                ),
            )
        if t > reach:
            continue
        t = np.int64(np.rint(carry_factor * t))
        if t > bound:
            continue
        aed_to_patient_s[a] = t / 10.0
        if not aed_usable[a] or t + pickup > bound:
            continue
        seed[a] = t + pickup
        next_aed[a] = aed_on_edge[e]
        aed_on_edge[e] = a
        for gate in range(2):
            v = edge_u[e] if gate == 0 else edge_v[e]
            new = seed[a] + (a_from_u[a] if gate == 0 else a_from_v[a])
            old = dist[2 * v + 1]
            if new <= bound and (new < old or (new == old and a < label[v])):
                if old == INF:
                    touched[n_touched] = 2 * v + 1
                    n_touched += 1
                dist[2 * v + 1] = new
                label[v] = a
                heap = _push(heap, size, (new << 32) | np.int64(v))
                size += 1
    while size > 0:
        top = heap[0]
        size -= 1
        _sink_last(heap, size)
        d = top >> 32
        v = top & _NODE
        if d > dist[2 * v + 1]:
            continue
        a = label[v]
        for arc in range(first_in[v], first_in[v + 1]):
            new = d + in_ds[arc]
            if new <= bound:
                w = np.int64(tail[arc])
                old = dist[2 * w + 1]
                if new < old or (new == old and a < label[w]):
                    if old == INF:
                        touched[n_touched] = 2 * w + 1
                        n_touched += 1
                    dist[2 * w + 1] = new
                    label[w] = a
                    heap = _push(heap, size, (new << 32) | w)
                    size += 1

    for i in range(n_people):
        e = edges[i]
        direct_s[i] = np.inf
        via_s[i] = np.inf
        to_aed_s[i] = np.inf
        person_aed[i] = -1
        if e < 0 or p_edge < 0:
            continue
        u = np.int64(edge_u[e])
        v = np.int64(edge_v[e])
        t = min(np.int64(to_u[i]) + dist[2 * u], np.int64(to_v[i]) + dist[2 * v])
        if e == p_edge:
            t = min(
                t,
                _along_edge(
                    edge_forward[e],
                    edge_backward[e],
                    to_u[i],
                    to_v[i],
                    from_u[i],
                    from_v[i],
                    access[i],
                    p_from_u,
                    p_from_v,
                    p_access,
                ),
            )
        if t <= bound:
            direct_s[i] = t / 10.0
        t = np.int64(to_u[i]) + dist[2 * u + 1]
        best = label[u]
        other = np.int64(to_v[i]) + dist[2 * v + 1]
        if other < t or (other == t and label[v] < best):
            t = other
            best = label[v]
        a = aed_on_edge[e]
        while a >= 0:
            other = seed[a] + _along_edge(
                edge_forward[e],
                edge_backward[e],
                to_u[i],
                to_v[i],
                from_u[i],
                from_v[i],
                access[i],
                a_from_u[a],
                a_from_v[a],
                a_access[a],
            )
            if other < t or (other == t and a < best):
                t = other
                best = a
            a = next_aed[a]
        if t <= bound:
            via_s[i] = t / 10.0
            person_aed[i] = best
            to_aed_s[i] = (t - seed[best]) / 10.0

    for i in range(n_touched):
        dist[touched[i]] = INF
    for a in range(n_aeds):
        if a_edges[a] >= 0:
            aed_on_edge[a_edges[a]] = -1
    return heap


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
