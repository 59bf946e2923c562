"""The two-layer search once more, for the k soonest only: it looks at nobody who is out of reach.

``geo.kernels`` answers for every person; here people and AEDs are found through the junctions at
the ends of their edges, so the time taken depends on the neighbourhood and not on the city. Where
nobody asks for AEDs, and in the second layer, the search stops at the k-th best so far.

Everything is read from few flat int32 tables, because a call from Python costs by the array:

``graph``: n, edges, then where these begin: first incoming arc of every junction and arcs
(junction, time) as ``geo.kernels.pack_arcs`` gives them, and of every edge u, v and the times
forward and backward.

``crowd``: count, then where these begin: a bit per junction with anybody on its edges, first entry
of every junction, entries (who, time to the junction), first entry of every edge, who, and
``geo.snap.Positions.packed``.

Keys of the queue and of the lists of the best are ``time << 32 | number``, so ties go to the lower
number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

INF = 2**29
SHIFT = 5
"""Buckets of 3.2 s, as in ``geo.kernels``."""

TOO_SMALL = -1
"""What ``nearby`` returns where its queue must grow."""

_LOW = 0xFFFFFFFF
EDGE, U, V, TO_U, TO_V, FROM_U, FROM_V, ACCESS = range(8)
# Heads of the tables.
N, EDGES, FIRST, ARCS, ROADS = range(5)
COUNT, BITS, AT_FIRST, AT, ON_FIRST, ON, PACKED = range(7)
HEAD = 8
# Counters of one query: for each layer the best found and the people seen; the queue.
_FOUND, _SEEN, _POOL, _TOUCHED, _LOWEST, _LAST, _NEAR, _COUNTERS = 0, 2, 4, 5, 6, 7, 8, 9


@njit(cache=True, nogil=True)
def _along_edge(graph: Any, crowd: Any, i: Any, patient: Any) -> Any:
    """From place i to the patient, both on one edge, without leaving it; or INF."""
    edge, _, _, from_u, from_v, access = patient
    row = crowd[PACKED] + 8 * i
    road = graph[ROADS] + 4 * edge
    forward, backward = graph[road + 2], graph[road + 3]
    best = np.int64(INF)
    here = np.int64(crowd[row + ACCESS])
    if forward < INF and from_u - access >= crowd[row + FROM_U] - here:
        best = min(best, np.int64(crowd[row + TO_V]) + from_u - forward)
    if backward < INF and from_v - access >= crowd[row + FROM_V] - here:
        best = min(best, np.int64(crowd[row + TO_U]) + from_v - backward)
    return best


@njit(cache=True, nogil=True)
def _place(crowd: Any, i: Any) -> Any:
    """Place i as ``_along_edge`` takes a patient."""
    row = crowd[PACKED] + 8 * i
    return (
        np.int64(crowd[row + EDGE]),
        np.int64(crowd[row + U]),
        np.int64(crowd[row + V]),
        np.int64(crowd[row + FROM_U]),
        np.int64(crowd[row + FROM_V]),
        np.int64(crowd[row + ACCESS]),
    )


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
def _note(p: Any, time: Any, own: Any, layer: Any, folk: Any, keys: Any, counts: Any):
    """Notes that somebody can come within this time, by way of AED ``own`` in layer 1."""
    room = np.int64(folk[0])
    spot = 2 + layer * room + p
    old = folk[spot]
    if time > old:
        return
    if time == old:
        if layer == 1:
            folk[2 + 2 * room + p] = min(own, folk[2 + 2 * room + p])
        return
    if old == INF:
        folk[2 + (3 + layer) * room + counts[_SEEN + layer]] = p
        counts[_SEEN + layer] += 1
    counts[_FOUND + layer] = _keep(keys[layer], counts[_FOUND + layer], old, time, p)
    folk[spot] = time
    if layer == 1:
        folk[2 + 2 * room + p] = own


@njit(cache=True, nogil=True)
def _meet_people(
    v: Any,
    time: Any,
    own: Any,
    layer: Any,
    limit: Any,
    people: Any,
    masked: Any,
    eligible: Any,
    folk: Any,
    keys: Any,
    counts: Any,
) -> Any:
    """Notes everybody on the streets at a junction; returns the limit from now on."""
    first = people[AT_FIRST] + v
    for e in range(people[first], people[first + 1]):
        entry = people[AT] + 2 * e
        p = np.int64(people[entry])
        way = time + people[entry + 1]
        if way <= limit and (not masked or eligible[p]):
            _note(p, way, own, layer, folk, keys, counts)
    k = keys.shape[1]
    if counts[_FOUND + layer] == k:
        limit = min(limit, keys[layer, k - 1] >> 32)
    return limit


@njit(cache=True, nogil=True)
def _note_aed(a: Any, time: Any, reach: Any, folk: Any, counts: Any) -> None:
    """Notes the time from an AED to the patient."""
    start = 2 + 5 * np.int64(folk[0])
    if time <= reach and time < folk[start + a]:
        if folk[start + a] == INF:
            folk[start + folk[1] + counts[_NEAR]] = a
            counts[_NEAR] += 1
        folk[start + a] = time


@njit(cache=True, nogil=True)
def _meet_aeds(v: Any, time: Any, reach: Any, aeds: Any, folk: Any, counts: Any) -> None:
    """Notes all AEDs on the streets at a junction."""
    first = aeds[AT_FIRST] + v
    for e in range(aeds[first], aeds[first + 1]):
        entry = aeds[AT] + 2 * e
        _note_aed(np.int64(aeds[entry]), time + aeds[entry + 1], reach, folk, counts)


@njit(cache=True, nogil=True)
def _queue(
    v: Any, new: Any, own: Any, spot: Any, layer: Any, work: Any, pool: Any, link: Any, counts: Any
):
    """Queues a junction at this time, if it is not reached sooner or by a lower AED.

    ``work``: n, where labels, touched junctions and buckets begin, then the times at ``spot``.
    """
    old = work[spot]
    label = work[1] + v
    if new > old or (new == old and (layer == 0 or own >= work[label])):
        return
    if old == INF:
        work[work[2] + counts[_TOUCHED]] = spot
        counts[_TOUCHED] += 1
    work[spot] = new
    if layer == 1:
        work[label] = own
    into = new >> SHIFT
    entry = counts[_POOL]
    pool[entry] = (np.int64(new) << 32) | v
    link[entry] = work[work[3] + into]
    work[work[3] + into] = entry
    counts[_POOL] += 1
    counts[_LOWEST] = min(counts[_LOWEST], into)
    counts[_LAST] = max(counts[_LAST], into)


@njit(cache=True, nogil=True)
def _work_off(
    graph: Any,
    people: Any,
    aeds: Any,
    masked: Any,
    eligible: Any,
    layer: Any,
    reach: Any,
    limit: Any,
    work: Any,
    folk: Any,
    pool: Any,
    link: Any,
    keys: Any,
    counts: Any,
) -> Any:
    """Empties the queue of one layer and meets whom it reaches; False where the pool is too small.

    The search goes as far as ``reach``, or in layer 1 and without AEDs only as far as anybody may
    still be among the best; ``limit`` is that of people.
    """
    first, arcs = np.int64(graph[FIRST]), np.int64(graph[ARCS])
    people_bits, aed_bits = np.int64(people[BITS]), np.int64(aeds[BITS])
    fetch = layer == 0 and aeds[COUNT] > 0
    stride = np.int64(2 if aeds[COUNT] > 0 else 1)
    times = np.int64(HEAD + layer)
    labels, touched, buckets = np.int64(work[1]), np.int64(work[2]), np.int64(work[3])
    n_pool, n_touched = counts[_POOL], counts[_TOUCHED]
    room = len(pool)
    b, last = counts[_LOWEST], counts[_LAST]
    far = reach if fetch else limit
    while b <= last:
        entry = work[buckets + b]
        if entry < 0:
            b += 1
            continue
        work[buckets + b] = link[entry]
        key = pool[entry]
        d = key >> 32
        v = key & _LOW
        if d > work[times + stride * v] or d > far:
            continue
        own = work[labels + v]
        word, bit = v >> 5, v & 31
        if people[people_bits + word] >> bit & 1:
            limit = _meet_people(
                v, d, own, layer, limit, people, masked, eligible, folk, keys, counts
            )
            if not fetch:
                far = limit
        if fetch and aeds[aed_bits + word] >> bit & 1:
            _meet_aeds(v, d, reach, aeds, folk, counts)
        for arc in range(graph[first + v], graph[first + v + 1]):
            new = d + graph[arcs + 2 * arc + 1]
            if new > far:
                continue
            w = np.int64(graph[arcs + 2 * arc])
            if w < 0:
                # Nothing lies behind it: whom it leads to is met at once.
                w = ~w
                word, bit = w >> 5, w & 31
                if people[people_bits + word] >> bit & 1:
                    limit = _meet_people(
                        w, new, own, layer, limit, people, masked, eligible, folk, keys, counts
                    )
                    if not fetch:
                        far = limit
                if fetch and aeds[aed_bits + word] >> bit & 1:
                    _meet_aeds(w, new, reach, aeds, folk, counts)
                continue
            spot = times + stride * w
            old = work[spot]
            if new > old or (new == old and (layer == 0 or own >= work[labels + w])):
                continue
            if old == INF:
                work[touched + n_touched] = spot
                n_touched += 1
            work[spot] = new
            if layer == 1:
                work[labels + w] = own
            if n_pool == room:
                counts[_TOUCHED] = n_touched
                return False
            into = new >> SHIFT
            pool[n_pool] = (new << 32) | w
            link[n_pool] = work[buckets + into]
            work[buckets + into] = n_pool
            n_pool += 1
            last = max(last, into)
    counts[_TOUCHED] = n_touched
    return True


@njit(cache=True, nogil=True)
def _fetch(
    graph: Any,
    people: Any,
    aeds: Any,
    usable: Any,
    masked: Any,
    eligible: Any,
    bound: Any,
    pickup: Any,
    carry_factor: Any,
    work: Any,
    folk: Any,
    pool: Any,
    link: Any,
    keys: Any,
    counts: Any,
) -> Any:
    """The second layer: from the AEDs that were met to the people; False as ``_work_off``."""
    start = 2 + 5 * np.int64(folk[0])
    near = start + folk[1]
    limit = bound
    counts[_POOL], counts[_LOWEST], counts[_LAST] = 0, work[4], -1
    for i in range(counts[_NEAR]):
        a = np.int64(folk[near + i])
        time = np.int64(np.rint(carry_factor * folk[start + a])) + pickup
        if not usable[a] or time > bound:
            folk[start + a] = -1
            continue
        folk[start + a] = time
        place = _place(aeds, a)
        for gate in range(2):
            v = place[1 + gate]
            d = time + place[3 + gate]
            if d <= bound:
                _queue(v, d, a, HEAD + 2 * v + 1, 1, work, pool, link, counts)
        first = people[ON_FIRST] + place[EDGE]
        for e in range(people[first], people[first + 1]):
            p = np.int64(people[people[ON] + e])
            way = time + _along_edge(graph, people, p, place)
            if way <= limit and (not masked or eligible[p]):
                _note(p, way, a, 1, folk, keys, counts)
    k = keys.shape[1]
    if counts[_FOUND + 1] == k:
        limit = min(limit, keys[1, k - 1] >> 32)
    return _work_off(
        graph,
        people,
        aeds,
        masked,
        eligible,
        1,
        bound,
        limit,
        work,
        folk,
        pool,
        link,
        keys,
        counts,
    )


@njit(cache=True, nogil=True)
def _handed_back(done: Any, work: Any, folk: Any, counts: Any) -> None:
    """Leaves the workspace as it was found."""
    room = np.int64(folk[0])
    for layer in range(2):
        for i in range(counts[_SEEN + layer]):
            folk[2 + layer * room + folk[2 + (3 + layer) * room + i]] = INF
    start = 2 + 5 * room
    for i in range(counts[_NEAR]):
        folk[start + folk[start + folk[1] + i]] = INF
    for i in range(counts[_TOUCHED]):
        work[work[work[2] + i]] = INF
    if not done:
        work[work[3] :] = -1


@njit(cache=True, nogil=True)
def nearby(
    graph: Any,
    people: Any,
    aeds: Any,
    masked: Any,
    eligible: Any,
    usable: Any,
    here: Any,
    from_u: Any,
    from_v: Any,
    access: Any,
    bound: Any,
    pickup: Any,
    carry_factor: Any,
    work: Any,
    folk: Any,
    pool: Any,
    link: Any,
    keys: Any,
    chosen: Any,
    seconds: Any,
) -> Any:
    """The k soonest of the eligible people, straight and by way of a usable AED.

    Args: the tables ``graph``, ``people``, ``aeds`` (above); ``eligible`` bool[people], read where
    ``masked``; ``usable`` bool[AEDs]; the patient's edge (-1: nowhere) with the times from its ends
    and the walk that is part of them; ``work`` int32: n, beginnings of labels, touched junctions
    and buckets, number of buckets, then from ``HEAD`` times [2n] of INF, labels [n], touched [2n],
    buckets of -1; ``folk`` int32: room for people P and for AEDs A, times [2, P] of INF, AED [P],
    seen [2, P], times [A] of INF, near [A]; both are handed back as they were; ``pool`` int64 and
    ``link`` int32 of one length and ``keys`` int64[2, k] are scratch. Fills ``chosen`` int32[3, k]
    (straight, by way of an AED, that AED) and ``seconds`` float64[3, k] (straight, by way of an
    AED, up to the AED). Returns how many, straight in the lower and by way of an AED in the upper
    32 bits; or ``TOO_SMALL``, with nothing of use.
    """
    counts = np.zeros(_COUNTERS, np.int64)
    counts[_LOWEST], counts[_LAST] = work[4], -1
    if here < 0:
        return np.int64(0)
    fetch = aeds[COUNT] > 0
    reach = np.int64(bound)
    if fetch and carry_factor < 1.0:
        reach = np.int64(np.ceil((bound + 1) / carry_factor))
    road = graph[ROADS] + 4 * here
    patient = (here, np.int64(graph[road]), np.int64(graph[road + 1]), from_u, from_v, access)
    for gate in range(2):
        v, d = patient[1 + gate], patient[3 + gate]
        if d <= reach:
            spot = HEAD + (2 * v if fetch else v)
            _queue(v, d, 0, spot, 0, work, pool, link, counts)
    first = people[ON_FIRST] + here
    for e in range(people[first], people[first + 1]):
        p = np.int64(people[people[ON] + e])
        way = _along_edge(graph, people, p, patient)
        if way <= bound and (not masked or eligible[p]):
            _note(p, way, 0, 0, folk, keys, counts)
    limit = np.int64(bound)
    k = keys.shape[1]
    if counts[_FOUND] == k:
        limit = min(limit, keys[0, k - 1] >> 32)
    done = _work_off(
        graph,
        people,
        aeds,
        masked,
        eligible,
        0,
        reach,
        limit,
        work,
        folk,
        pool,
        link,
        keys,
        counts,
    )
    if done and fetch:
        first = aeds[ON_FIRST] + here
        for e in range(aeds[first], aeds[first + 1]):
            a = np.int64(aeds[aeds[ON] + e])
            _note_aed(a, _along_edge(graph, aeds, a, patient), reach, folk, counts)
        done = _fetch(
            graph,
            people,
            aeds,
            usable,
            masked,
            eligible,
            np.int64(bound),
            pickup,
            carry_factor,
            work,
            folk,
            pool,
            link,
            keys,
            counts,
        )
    found = np.int64(TOO_SMALL)
    if done:
        for layer in range(2):
            for i in range(counts[_FOUND + layer]):
                chosen[layer, i] = keys[layer, i] & _LOW
                seconds[layer, i] = (keys[layer, i] >> 32) / 10.0
        start = 2 + 5 * np.int64(folk[0])
        for i in range(counts[_FOUND + 1]):
            a = folk[2 + 2 * np.int64(folk[0]) + chosen[1, i]]
            chosen[2, i] = a
            seconds[2, i] = ((keys[1, i] >> 32) - folk[start + a]) / 10.0
        found = counts[_FOUND] | counts[_FOUND + 1] << 32
    _handed_back(done, work, folk, counts)
    return found
