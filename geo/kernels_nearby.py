"""The two-layer search once more, for the k soonest only: it looks at nobody who is out of reach.

``geo.kernels`` answers for every person; here people and AEDs are found through the junctions at
the ends of their edges, so the time taken depends on the neighbourhood and not on the city.

Tables: ``places`` int32[., 8] are ``geo.snap.Positions.packed``. Entries ``first[v]`` to
``first[v + 1]`` of ``who`` and ``ds`` are the places on the edges at junction v, each with its
time to the junction. Keys of the queue and of the lists of the best are ``time << 32 | number``,
so ties go to the lower number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

INF = 2**29
SHIFT = 5
"""Buckets of 3.2 s, as in ``geo.kernels``."""

_LOW = 0xFFFFFFFF
EDGE, U, V, TO_U, TO_V, FROM_U, FROM_V, ACCESS = range(8)


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
def _queue(v: Any, new: Any, own: Any, layer: Any, work: Any, counts: Any) -> None:
    """Queues a junction at this time, if it is not reached sooner or by a lower AED."""
    dist, label, buckets, pool, link, touched = work
    spot = 2 * v + layer
    old = dist[spot]
    if new > old or (new == old and (layer == 0 or own >= label[v])):
        return
    if old == INF:
        touched[counts[1]] = spot
        counts[1] += 1
    dist[spot] = new
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
def _work_off(first_in: Any, arcs: Any, reach: Any, layer: Any, work: Any, counts: Any) -> Any:
    """Empties the queue of one layer; False where its pool is too small."""
    dist, label, buckets, pool, link, touched = work
    n_pool, n_touched = counts[0], counts[1]
    room = len(pool)
    b, last = counts[2], counts[3]
    while b <= last:
        entry = buckets[b]
        if entry < 0:
            b += 1
            continue
        buckets[b] = link[entry]
        key = pool[entry]
        d = key >> 32
        v = key & _LOW
        if d > dist[2 * v + layer]:
            continue
        own = label[v]
        for arc in range(first_in[v], first_in[v + 1]):
            new = d + arcs[arc, 1]
            if new > reach:
                continue
            w = np.int64(arcs[arc, 0])
            leaf = w < 0
            if leaf:
                w = ~w
            spot = 2 * w + layer
            old = dist[spot]
            if new > old or (new == old and (layer == 0 or own >= label[w])):
                continue
            if old == INF:
                touched[n_touched] = spot
                n_touched += 1
            dist[spot] = new
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
def _keep(keys: Any, found: Any, before: Any, time: Any, who: Any) -> Any:
    """Puts a better time of somebody into the sorted list of the best; returns its length."""
    key = (np.int64(time) << 32) | who
    last = found
    if before < INF:
        old = (np.int64(before) << 32) | who
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
def nearby(
    first_in: Any,
    arcs: Any,
    edge_forward: Any,
    edge_backward: Any,
    patient: Any,
    people: Any,
    people_at: Any,
    people_on: Any,
    eligible: Any,
    aeds: Any,
    aeds_at: Any,
    aeds_on: Any,
    usable: Any,
    bound: Any,
    pickup: Any,
    carry_factor: Any,
    work: Any,
    best: Any,
    best_aed: Any,
    seen: Any,
    start: Any,
    near_aeds: Any,
    keys: Any,
    found: Any,
    chosen: Any,
    seconds: Any,
) -> Any:
    """The k soonest of the eligible people, straight and by way of a usable AED.

    Args: arcs as ``geo.kernels.pack_arcs``; ``people_at`` and ``aeds_at`` (first, who, ds) by
    junction, ``people_on`` and ``aeds_on`` (first, who) by edge; ``work`` (dist int32[2n] of INF,
    label int32[n], buckets int32 of -1, pool int64, link int32, touched int32[2n]); ``best``
    int32[2, people] of INF, ``best_aed`` int32[people], ``seen`` int32[2, people]; ``start``
    int32[AEDs] of INF, ``near_aeds`` int32[AEDs]: all handed back as they were; ``keys``
    int64[2, k] is scratch. Fills ``chosen`` int32[3, k] (straight, by way of an AED, that AED),
    ``seconds`` float64[3, k] (straight, by way of an AED, up to the AED) and how many there are,
    ``found`` int64[2]. Returns False, with nothing of use, where the pool is too small.
    """
    dist, label, buckets, _, _, touched = work
    reach = bound if carry_factor >= 1.0 else np.int64(np.ceil((bound + 1) / carry_factor))
    counts = np.array([0, 0, len(buckets), -1], dtype=np.int64)
    found[0] = found[1] = 0
    n_aeds = 0
    n_seen0, n_seen1 = 0, 0
    here = patient[0, EDGE]
    done = True
    if here >= 0:
        for gate in range(2):
            if patient[0, FROM_U + gate] <= reach:
                _queue(patient[0, U + gate], patient[0, FROM_U + gate], 0, 0, work, counts)
        done = _work_off(first_in, arcs, reach, 0, work, counts)
    n_straight = counts[1]
    if done and here >= 0:
        # AEDs near a junction that was reached, or in the patient's own street.
        at_first, at_who, at_ds = aeds_at
        for i in range(n_straight):
            v = touched[i] >> 1
            for e in range(at_first[v], at_first[v + 1]):
                a = at_who[e]
                t = dist[2 * v] + at_ds[e]
                if t <= reach and t < start[a]:
                    if start[a] == INF:
                        near_aeds[n_aeds] = a
                        n_aeds += 1
                    start[a] = t
        on_first, on_who = aeds_on
        for e in range(on_first[here], on_first[here + 1]):
            a = on_who[e]
            t = _along_edge(edge_forward[here], edge_backward[here], aeds, a, patient, 0)
            if t <= reach and t < start[a]:
                if start[a] == INF:
                    near_aeds[n_aeds] = a
                    n_aeds += 1
                start[a] = t
        counts[0], counts[2], counts[3] = 0, len(buckets), -1
        for i in range(n_aeds):
            a = near_aeds[i]
            t = np.int64(np.rint(carry_factor * start[a])) + pickup
            if not usable[a] or t > bound:
                start[a] = -1
                continue
            start[a] = t
            for gate in range(2):
                d = t + aeds[a, FROM_U + gate]
                if d <= bound:
                    _queue(aeds[a, U + gate], d, a, 1, work, counts)
        done = _work_off(first_in, arcs, bound, 1, work, counts)
    if done and here >= 0:
        at_first, at_who, at_ds = people_at
        on_first, on_who = people_on
        for i in range(counts[1]):
            v = touched[i] >> 1
            layer = touched[i] & 1
            d = dist[touched[i]]
            for e in range(at_first[v], at_first[v + 1]):
                p = at_who[e]
                t = d + at_ds[e]
                if t > bound or not eligible[p]:
                    continue
                old = best[layer, p]
                if t < old:
                    found[layer] = _keep(keys[layer], found[layer], old, t, p)
                if old == INF:
                    if layer == 0:
                        seen[0, n_seen0] = p
                        n_seen0 += 1
                    else:
                        seen[1, n_seen1] = p
                        n_seen1 += 1
                if layer == 1 and (t < old or (t == old and label[v] < best_aed[p])):
                    best_aed[p] = label[v]
                best[layer, p] = min(best[layer, p], t)
        for e in range(on_first[here], on_first[here + 1]):
            p = on_who[e]
            t = _along_edge(edge_forward[here], edge_backward[here], people, p, patient, 0)
            if t <= bound and eligible[p] and t < best[0, p]:
                if best[0, p] == INF:
                    seen[0, n_seen0] = p
                    n_seen0 += 1
                found[0] = _keep(keys[0], found[0], best[0, p], t, p)
                best[0, p] = t
        for i in range(n_aeds):
            a = near_aeds[i]
            if start[a] < 0:
                continue
            street = aeds[a, EDGE]
            for e in range(on_first[street], on_first[street + 1]):
                p = on_who[e]
                t = start[a] + _along_edge(
                    edge_forward[street], edge_backward[street], people, p, aeds, a
                )
                old = best[1, p]
                if t > bound or not eligible[p] or t > old:
                    continue
                if t == old and a >= best_aed[p]:
                    continue
                if old == INF:
                    seen[1, n_seen1] = p
                    n_seen1 += 1
                if t < old:
                    found[1] = _keep(keys[1], found[1], old, t, p)
                best[1, p] = t
                best_aed[p] = a
        for layer in range(2):
            for i in range(found[layer]):
                chosen[layer, i] = keys[layer, i] & _LOW
                seconds[layer, i] = (keys[layer, i] >> 32) / 10.0
        for i in range(found[1]):
            a = best_aed[keys[1, i] & _LOW]
            chosen[2, i] = a
            seconds[2, i] = ((keys[1, i] >> 32) - start[a]) / 10.0
    for i in range(n_seen0):
        best[0, seen[0, i]] = INF
    for i in range(n_seen1):
        best[1, seen[1, i]] = INF
    for i in range(n_aeds):
        start[near_aeds[i]] = INF
    for i in range(counts[1]):
        dist[touched[i]] = INF
    if not done:
        buckets[:] = -1
    return done
