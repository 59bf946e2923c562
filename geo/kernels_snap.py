"""The compiled search for the piece of road nearest to a point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

METRES_PER_DEGREE = 6_371_008.8 * np.pi / 180.0
_FIRST_REACH_M = 60.0


@njit(cache=True, nogil=True)
def _cell_at_or_after(grid_key: Any, key: Any) -> int:
    low, high = 0, len(grid_key)
    while low < high:
        middle = (low + high) >> 1
        if grid_key[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _edge_of_shape_point(geom_first: Any, point: int) -> int:
    low, high = 0, len(geom_first) - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if geom_first[middle] <= point:
            low = middle
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def nearest_pieces(
    lat: Any,
    lon: Any,
    max_m: float,
    in_large: Any,
    geom_first: Any,
    geom_lat: Any,
    geom_lon: Any,
    grid_frame: Any,
    grid_key: Any,
    grid_first: Any,
    grid_item: Any,
    edge: Any,
    fraction: Any,
    distance_m: Any,
    moved: Any,
) -> None:
    """For each point the nearest piece of road of a large part, else of any part.

    ``lat, lon`` float64[N]; ``in_large`` bool[E] says which edges belong to a part that is large
    enough. Writes ``edge`` int32[N] (-1: none within ``max_m``), ``fraction`` float64[N] of the
    edge's length from its u, ``distance_m`` float64[N], and ``moved`` bool[N] (an edge of a small
    fragment was nearer). Distances are in the plane that touches the earth at the point.
    """
    south, west, height, width = grid_frame[0], grid_frame[1], grid_frame[2], grid_frame[3]
    n_columns = np.int64(grid_frame[4])
    for i in range(len(lat)):
        scale_y = METRES_PER_DEGREE
        scale_x = METRES_PER_DEGREE * np.cos(np.radians(lat[i]))
        reach_m = min(_FIRST_REACH_M, max_m)
        best = np.inf
        best_large = np.inf
        item = -1
        item_large = -1
        along = 0.0
        along_large = 0.0
        while True:
            best, best_large = np.inf, np.inf
            item, item_large = -1, -1
            row_low = np.int64(np.floor((lat[i] - reach_m / scale_y - south) / height))
            row_high = np.int64(np.floor((lat[i] + reach_m / scale_y - south) / height))
            column_low = np.int64(np.floor((lon[i] - reach_m / scale_x - west) / width))
            column_high = np.int64(np.floor((lon[i] + reach_m / scale_x - west) / width))
            column_low = max(column_low, np.int64(0))
            column_high = min(column_high, n_columns - 1)
            for row in range(max(row_low, np.int64(0)), row_high + 1):
                if column_low > column_high:
                    break
                last_key = row * n_columns + column_high
                cell = _cell_at_or_after(grid_key, row * n_columns + column_low)
                if cell == len(grid_key):
                    break
                while cell < len(grid_key) and grid_key[cell] <= last_key:
                    for j in range(grid_first[cell], grid_first[cell + 1]):
                        g = grid_item[j]
                        ax = (geom_lon[g] - lon[i]) * scale_x
                        ay = (geom_lat[g] - lat[i]) * scale_y
                        bx = (geom_lon[g + 1] - lon[i]) * scale_x
                        by = (geom_lat[g + 1] - lat[i]) * scale_y
                        dx, dy = bx - ax, by - ay
                        square = dx * dx + dy * dy
                        t = 0.0
                        if square > 0.0:
                            t = min(1.0, max(0.0, -(ax * dx + ay * dy) / square))
                        px, py = ax + t * dx, ay + t * dy
                        d = np.sqrt(px * px + py * py)
                        if d > max_m:
                            continue
                        if d < best or (d == best and g < item):
                            best, item, along = d, g, t
                        if (d < best_large or (d == best_large and g < item_large)) and in_large[
                            _edge_of_shape_point(geom_first, g)
                        ]:
                            best_large, item_large, along_large = d, g, t
                    cell += 1
            if best_large <= reach_m or reach_m >= max_m:
                break
            reach_m = min(2.0 * reach_m, max_m)
        moved[i] = item_large >= 0 and best < best_large
        if item_large >= 0:
            best, item, along = best_large, item_large, along_large
        if item < 0:
            edge[i], fraction[i], distance_m[i] = -1, 0.0, np.inf
            continue
        e = _edge_of_shape_point(geom_first, item)
        before = 0.0
        total = 0.0
        for g in range(geom_first[e], geom_first[e + 1] - 1):
            x = (geom_lon[g + 1] - geom_lon[g]) * scale_x
            y = (geom_lat[g + 1] - geom_lat[g]) * scale_y
            piece = np.sqrt(x * x + y * y)
            if g < item:
                before += piece
            elif g == item:
                before += along * piece
            total += piece
        edge[i] = e
        fraction[i] = min(1.0, before / total) if total > 0.0 else 0.0
        distance_m[i] = best


def warmup() -> None:
    """Compiles, or loads from the cache, everything in this file."""
    # Read-only arrays have a type of their own: compile for what the networks hold.
    from geo.points import frozen  # noqa: PLC0415

    line = frozen([0.0, 0.001], np.float64)
    nearest_pieces(
        frozen([0.0], np.float64),
        frozen([0.0], np.float64),
        10.0,
        frozen([True], np.bool_),
        frozen([0, 2], np.int32),
        line,
        line,
        frozen([0.0, 0.0, 0.001, 0.001, 2.0], np.float64),
        frozen([0], np.int64),
        frozen([0, 1], np.int32),
        frozen([0], np.int32),
        np.zeros(1, np.int32),
        np.zeros(1),
        np.zeros(1),
        np.zeros(1, np.bool_),
    )
