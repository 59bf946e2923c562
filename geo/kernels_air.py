"""Compiled routines of the air router: exact predicates on a whole-number grid.

All positions are grid steps, whole numbers below 2**29 in size, so that every orientation is exact
in 64 bits: nothing is "nearly" touching and no tolerance exists. The router's meaning of "free" is
the limit of flights that keep clear of the volumes: a route may touch a corner and run along an
edge, but not squeeze through between two volumes that touch.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

UNREACHED = -2
FROM_BASE = -1


class Field(NamedTuple):
    """The volumes of one map, m corners in all, and a square grid over their edges.

    Outer rings run anticlockwise and holes clockwise, so the volume lies on the left of every edge;
    edge i leaves corner i.
    """

    corners: NDArray[np.int64]  # [m, 2] x and y of corner i
    ahead: NDArray[np.int32]  # [m] corner after corner i on its ring
    behind: NDArray[np.int32]  # [m] corner before corner i
    span_ahead: NDArray[np.int32]  # [m] as ahead and behind, but bounding the widest free angle
    span_behind: NDArray[np.int32]  # [m] at the point where several corners share it
    bend: NDArray[np.int8]  # [m] 1 a route can turn here, 0 flat, -1 no route passes this point
    nodes: NDArray[np.int32]  # [n] corners where a route can turn, one for each point
    cell_first: NDArray[np.int32]  # [side * side + 1] first entry of each cell in cell_edge
    cell_edge: NDArray[np.int32]  # edges by cell, row by row
    cell_ends: NDArray[np.int64]  # [.., 4] the two ends of each entry of cell_edge, side by side
    frame: NDArray[np.int64]  # x and y of the grid's corner, log2 of a cell's side, cells per side


class BaseWays(NamedTuple):
    """Shortest ways from one base, k nodes reached, nearest first. ``base_ways`` makes it."""

    base: NDArray[np.int64]  # [2]
    wind: NDArray[np.float64]  # [2] wind over airspeed
    far: NDArray[np.float64]  # [k] way through the air, in grid steps
    wedge: NDArray[np.int64]  # [k, 6] place, and the two directions between which to go on
    parent: NDArray[np.int32]  # [k] row of the turn before, FROM_BASE if none


@njit(cache=True, nogil=True, inline="always")
def _side(ax, ay, bx, by, cx, cy):
    """Twice the signed area of a, b, c: positive where c lies on the left of a -> b."""
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


@njit(cache=True, nogil=True)
def air_length(dx, dy, ex, ey):
    """Way through the air for a straight displacement, in the displacement's unit.

    ``ex, ey``: wind over airspeed, shorter than 1. Wind triangle: ground speed over airspeed is
    e.c + sqrt(1 - |e x c|^2) for the course c. With no wind the result is the length itself.
    """
    length = math.sqrt(dx * dx + dy * dy)
    if length == 0.0:
        return 0.0
    along = (ex * dx + ey * dy) / length
    across = (ex * dy - ey * dx) / length
    return length / (along + math.sqrt(1.0 - across * across))


@njit(cache=True, nogil=True)
def _enters(i, x, y, field):
    """Whether the direction from corner i to (x, y) leads strictly into the volume at i."""
    vx, vy = field.corners[i, 0], field.corners[i, 1]
    ax, ay = field.corners[field.ahead[i], 0], field.corners[field.ahead[i], 1]
    bx, by = field.corners[field.behind[i], 0], field.corners[field.behind[i], 1]
    left_of_out = _side(vx, vy, ax, ay, x, y) > 0
    left_of_in = _side(bx, by, vx, vy, x, y) > 0
    if _side(bx, by, vx, vy, ax, ay) >= 0:
        return left_of_out and left_of_in
    return left_of_out or left_of_in


@njit(cache=True, nogil=True)
def _splits(i, x, y, field):
    """Whether the line through (x, y) and corner i has the volume on both sides of it at i."""
    vx, vy = field.corners[i, 0], field.corners[i, 1]
    p, q = field.span_ahead[i], field.span_behind[i]
    a = _side(x, y, vx, vy, field.corners[p, 0], field.corners[p, 1])
    b = _side(x, y, vx, vy, field.corners[q, 0], field.corners[q, 1])
    return (a > 0 and b < 0) or (a < 0 and b > 0)


@njit(cache=True, nogil=True)
def _stops(i, ax, ay, bx, by, field):
    """Whether edge i, or the corner that it leaves, stops the straight flight a -> b."""
    j = field.ahead[i]
    px, py = field.corners[i, 0], field.corners[i, 1]
    qx, qy = field.corners[j, 0], field.corners[j, 1]
    p = _side(ax, ay, bx, by, px, py)
    q = _side(ax, ay, bx, by, qx, qy)
    if (p > 0 and q > 0) or (p < 0 and q < 0):
        return False
    if p == 0:
        return _corner_stops(i, ax, ay, bx, by, field)
    if q == 0:
        return False  # the edge that leaves that corner answers for it
    a = _side(px, py, qx, qy, ax, ay)
    b = _side(px, py, qx, qy, bx, by)
    if a == 0:
        return b > 0
    if b == 0:
        return a > 0
    return (a > 0) != (b > 0)


@njit(cache=True, nogil=True)
def _corner_stops(i, ax, ay, bx, by, field):
    """``_stops`` for a corner that lies on the line through a and b."""
    px, py = field.corners[i, 0], field.corners[i, 1]
    if px == ax and py == ay:
        return _enters(i, bx, by, field)
    if px == bx and py == by:
        return _enters(i, ax, ay, field)
    after_a = (px - ax) * (bx - ax) + (py - ay) * (by - ay) > 0
    before_b = (px - bx) * (ax - bx) + (py - by) * (ay - by) > 0
    return after_a and before_b and (field.bend[i] < 0 or _splits(i, ax, ay, field))


@njit(cache=True, nogil=True, inline="always")
def _slope(ax, ay, bx, by):
    return (bx - ax) / (by - ay) if by != ay else 0.0


@njit(cache=True, nogil=True, inline="always")
def _columns(row, ax, ay, bx, by, slope, frame):
    """First and last grid column of the segment a-b within a row, not cut to the grid.

    Widened by one step, far more than the rounding of the two ends: no cell is ever missed.
    """
    x0, y0, shift = frame[0], frame[1], frame[2]
    low_x, high_x = min(ax, bx), max(ax, bx)
    low_y, high_y = min(ay, by), max(ay, by)
    bottom = y0 + (row << shift)
    top = bottom + (1 << shift)
    if low_y < bottom or high_y > top:
        one = ax + (max(bottom, low_y) - ay) * slope
        two = ax + (min(top, high_y) - ay) * slope
        low_x = max(low_x, np.int64(math.floor(min(one, two))) - 1)
        high_x = min(high_x, np.int64(math.ceil(max(one, two))) + 1)
    return (low_x - x0) >> shift, (high_x - x0) >> shift


@njit(cache=True, nogil=True)
def first_stop(ax, ay, bx, by, field):
    """The first edge found that stops the straight flight a -> b, or -1: the flight is free."""
    frame = field.frame
    side, last = frame[3], frame[3] - 1
    row, final = (ay - frame[1]) >> frame[2], (by - frame[1]) >> frame[2]
    if max(row, final) < 0 or min(row, final) > last:
        return -1
    step = 1 if final >= row else -1
    row, final = min(max(row, 0), last), min(max(final, 0), last)
    slope = _slope(ax, ay, bx, by)
    dx, dy = bx - ax, by - ay
    ends = field.cell_ends
    while True:
        left, right = _columns(row, ax, ay, bx, by, slope, frame)
        if right >= 0 and left <= last:
            start = field.cell_first[row * side + max(left, 0)]
            for k in range(start, field.cell_first[row * side + min(right, last) + 1]):
                p = dx * (ends[k, 1] - ay) - dy * (ends[k, 0] - ax)
                q = dx * (ends[k, 3] - ay) - dy * (ends[k, 2] - ax)
                if (p > 0 and q > 0) or (p < 0 and q < 0):
                    continue
                if _stops(field.cell_edge[k], ax, ay, bx, by, field):
                    return field.cell_edge[k]
        if row == final:
            return -1
        row += step


@njit(cache=True, nogil=True)
def edges_by_cell(corners, ahead, frame):
    """The arrays ``cell_first`` and ``cell_edge`` of a ``Field``."""
    side = frame[3]
    cell_first = np.zeros(side * side + 1, np.int32)
    for i in range(len(ahead)):
        _register(i, corners, ahead, frame, cell_first[1:], np.empty(0, np.int32))
    cell_first = np.cumsum(cell_first).astype(np.int32)
    cell_edge = np.empty(cell_first[-1], np.int32)
    cursor = cell_first[:-1].copy()
    for i in range(len(ahead)):
        _register(i, corners, ahead, frame, cursor, cell_edge)
    return cell_first, cell_edge


@njit(cache=True, nogil=True)
def _register(i, corners, ahead, frame, cursor, cell_edge):
    ax, ay = corners[i, 0], corners[i, 1]
    bx, by = corners[ahead[i], 0], corners[ahead[i], 1]
    low, high = (min(ay, by) - frame[1]) >> frame[2], (max(ay, by) - frame[1]) >> frame[2]
    slope = _slope(ax, ay, bx, by)
    for row in range(low, high + 1):
        first, last = _columns(row, ax, ay, bx, by, slope, frame)
        for column in range(first, last + 1):
            cell = row * frame[3] + column
            if len(cell_edge) > 0:
                cell_edge[cursor[cell]] = i
            cursor[cell] += 1


@njit(cache=True, nogil=True)
def place_of(x, y, field):
    """1 inside a volume, 0 on a border, -1 outside: crossing number along the grid row, exact."""
    frame = field.frame
    side = frame[3]
    row, final = (y - frame[1]) >> frame[2], (x - frame[0]) >> frame[2]
    if row < 0 or row >= side or final < 0:
        return -1
    inside = False
    for column in range(min(final, side - 1) + 1):
        for k in range(
            field.cell_first[row * side + column], field.cell_first[row * side + column + 1]
        ):
            i = field.cell_edge[k]
            ax, ay = field.corners[i, 0], field.corners[i, 1]
            bx, by = field.corners[field.ahead[i], 0], field.corners[field.ahead[i], 1]
            turn = _side(ax, ay, bx, by, x, y)
            if turn == 0 and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
                return 0
            if (ay > y) == (by > y) or (turn > 0) != (by < ay):
                continue
            slope = _slope(ax, ay, bx, by)
            first, _ = _columns(row, ax, ay, bx, by, slope, frame)
            if first == column:  # an edge in several cells of the row counts once
                inside = not inside
    return 1 if inside else -1


@njit(cache=True, nogil=True)
def tangent_graph(field):
    """Pairs of nodes that a taut route can join, as two int32 arrays of node numbers.

    A pair counts where the line touches the volume at both ends without splitting it and nothing
    stops the flight between. The edge that stopped the last flight is tried first: neighbouring
    corners are mostly hidden by the same edge.
    """
    n = len(field.nodes)
    one = np.empty(max(16, 8 * n), np.int32)
    two = np.empty(max(16, 8 * n), np.int32)
    found = 0
    for u in range(n):
        i = field.nodes[u]
        ix, iy = field.corners[i, 0], field.corners[i, 1]
        recent = -1
        for v in range(u + 1, n):
            j = field.nodes[v]
            jx, jy = field.corners[j, 0], field.corners[j, 1]
            if _splits(i, jx, jy, field) or _splits(j, ix, iy, field):
                continue
            if recent >= 0 and _stops(recent, ix, iy, jx, jy, field):
                continue
            recent = first_stop(ix, iy, jx, jy, field)
            if recent >= 0:
                continue
            if found == len(one):
                one = np.concatenate((one, np.empty_like(one)))
                two = np.concatenate((two, np.empty_like(two)))
            one[found], two[found] = u, v
            found += 1
    return one[:found].copy(), two[:found].copy()


@njit(cache=True, nogil=True)
def _sift_up(keys, items, k):
    key, item = keys[k], items[k]
    while k > 0:
        above = (k - 1) >> 1
        if keys[above] <= key:
            break
        keys[k], items[k] = keys[above], items[above]
        k = above
    keys[k], items[k] = key, item


@njit(cache=True, nogil=True)
def _sift_down(keys, items, size):
    key, item = keys[0], items[0]
    k = 0
    while True:
        below = 2 * k + 1
        if below >= size:
            break
        if below + 1 < size and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= key:
            break
        keys[k], items[k] = keys[below], items[below]
        k = below
    keys[k], items[k] = key, item


@njit(cache=True, nogil=True)
def _seen_from(x, y, ex, ey, field):
    """Way through the air from (x, y) straight to each node, inf where no taut flight leads."""
    far = np.full(len(field.nodes), np.inf)
    recent = -1
    for u in range(len(field.nodes)):
        i = field.nodes[u]
        ix, iy = field.corners[i, 0], field.corners[i, 1]
        if _splits(i, x, y, field):
            continue
        if recent >= 0 and _stops(recent, x, y, ix, iy, field):
            continue
        recent = first_stop(x, y, ix, iy, field)
        if recent < 0:
            far[u] = air_length(float(ix - x), float(iy - y), ex, ey)
    return far


@njit(cache=True, nogil=True)
def _shortest(far, ex, ey, arc_first, arc_head, field):
    """Dijkstra from the nodes with a finite ``far``, which it lowers; returns the parents."""
    parent = np.full(len(far), UNREACHED, np.int32)
    room = len(far) + len(arc_head) + 1
    keys, items = np.empty(room, np.float64), np.empty(room, np.int32)
    size = 0
    for u in range(len(far)):
        if far[u] < np.inf:
            parent[u] = FROM_BASE
            keys[size], items[size] = far[u], u
            _sift_up(keys, items, size)
            size += 1
    while size > 0:
        key, u = keys[0], items[0]
        size -= 1
        keys[0], items[0] = keys[size], items[size]
        _sift_down(keys, items, size)
        if key > far[u]:
            continue
        ux, uy = field.corners[field.nodes[u], 0], field.corners[field.nodes[u], 1]
        for k in range(arc_first[u], arc_first[u + 1]):
            v = arc_head[k]
            vx, vy = field.corners[field.nodes[v], 0], field.corners[field.nodes[v], 1]
            way = key + air_length(float(vx - ux), float(vy - uy), ex, ey)
            if way < far[v]:
                far[v], parent[v] = way, u
                keys[size], items[size] = way, v
                _sift_up(keys, items, size)
                size += 1
    return parent


@njit(cache=True, nogil=True)
def base_ways(x, y, ex, ey, arc_first, arc_head, field):
    """``far``, ``wedge`` and ``parent`` of a ``BaseWays``.

    A shortest route bends around the volume at its last turn, never away from it: so it goes on
    between the direction in which it arrived and the edge that it would run along at most. A
    wedge holds place, p and q, turned so that a direction d lies in it where p x d >= 0 and
    d x q >= 0.
    """
    far = _seen_from(x, y, ex, ey, field)
    parent = _shortest(far, ex, ey, arc_first, arc_head, field)
    order = np.argsort(far)
    count = 0
    row_of = np.full(len(far), UNREACHED, np.int32)
    for u in order:
        if far[u] < np.inf:
            row_of[u] = count
            count += 1
    wedge = np.empty((count, 6), np.int64)
    rows = np.empty(count, np.int32)
    for k in range(count):
        u = order[k]
        i = field.nodes[u]
        vx, vy = field.corners[i, 0], field.corners[i, 1]
        wx, wy = x, y
        rows[k] = FROM_BASE
        if parent[u] != FROM_BASE:
            rows[k] = row_of[parent[u]]
            w = field.nodes[parent[u]]
            wx, wy = field.corners[w, 0], field.corners[w, 1]
        p, q = field.span_ahead[i], field.span_behind[i]
        px, py = field.corners[p, 0], field.corners[p, 1]
        qx, qy = field.corners[q, 0], field.corners[q, 1]
        wedge[k, 0], wedge[k, 1] = vx, vy
        if _side(wx, wy, vx, vy, px, py) > 0 or _side(wx, wy, vx, vy, qx, qy) > 0:
            wedge[k, 2], wedge[k, 3] = vx - wx, vy - wy  # bends left, at most along the edge ahead
            wedge[k, 4], wedge[k, 5] = px - vx, py - vy
        else:
            wedge[k, 2], wedge[k, 3] = qx - vx, qy - vy
            wedge[k, 4], wedge[k, 5] = vx - wx, vy - wy
    return far[order[:count]], wedge, rows


@njit(cache=True, nogil=True)
def _reach(px, py, ways, keys, picks, field):
    x, y = ways.base[0], ways.base[1]
    ex, ey = ways.wind[0], ways.wind[1]
    if first_stop(x, y, px, py, field) < 0:
        return air_length(float(px - x), float(py - y), ex, ey), FROM_BASE
    wedge = ways.wedge
    count = 0
    for k in range(len(wedge)):
        dx, dy = px - wedge[k, 0], py - wedge[k, 1]
        if wedge[k, 2] * dy >= wedge[k, 3] * dx and dx * wedge[k, 5] >= dy * wedge[k, 4]:
            keys[count] = ways.far[k] + air_length(float(dx), float(dy), ex, ey)
            picks[count] = k
            count += 1
    recent = -1
    while count > 0:
        least = 0
        for k in range(1, count):
            if keys[k] < keys[least]:
                least = k
        k = picks[least]
        ux, uy = wedge[k, 0], wedge[k, 1]
        if recent < 0 or not _stops(recent, ux, uy, px, py, field):
            recent = first_stop(ux, uy, px, py, field)
            if recent < 0:
                return keys[least], k
        count -= 1
        keys[least], picks[least] = keys[count], picks[count]
    return np.inf, UNREACHED


@njit(cache=True, nogil=True)
def reach(px, py, ways, field):
    """Shortest way through the air from the base to (px, py), in grid steps, and its last turn.

    The last turn is a row of ``ways``, FROM_BASE for a straight flight; UNREACHED with length inf.
    Turns are tried by the length that they promise, so the first free one is the best.
    """
    keys = np.empty(len(ways.far), np.float64)
    picks = np.empty(len(ways.far), np.int32)
    return _reach(px, py, ways, keys, picks, field)


@njit(cache=True, nogil=True)
def reach_many(points, ways, field):
    """``reach`` for every row of ``points`` int64[k, 2]: float64[k] and int32[k]."""
    keys = np.empty(len(ways.far), np.float64)
    picks = np.empty(len(ways.far), np.int32)
    lengths = np.empty(len(points), np.float64)
    turns = np.empty(len(points), np.int32)
    for k in range(len(points)):
        lengths[k], turns[k] = _reach(points[k, 0], points[k, 1], ways, keys, picks, field)
    return lengths, turns
