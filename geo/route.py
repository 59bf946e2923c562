"""The way itself: edges, shape, street names and turns that a person on foot can follow.

A route is found by one search in the hierarchy and unpacked to the edges of the network, so its
parts add up to its time to the decisecond. Turn costs are not modelled: the fastest way may ask
for any turn that the streets allow, U-turns at junctions included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import PlaceError
from geo.metric import Metric, Places
from geo.network import INF_DS, RoadNetwork
from geo.points import EARTH_RADIUS_M, haversine_m
from geo.snap import Positions

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

STRAIGHT_DEG = 30.0
SHARP_DEG = 120.0
BACK_DEG = 165.0
"""Where "straight on" ends, where a turn becomes sharp, where it is a way back (assumption)."""

METRES_PER_DEGREE = math.radians(EARTH_RADIUS_M)

_MIN_BEARING_M = 10.0
"""Headings are taken over at least this length: a kink at a kerb is no turn (assumption)."""


@dataclass(frozen=True)
class Step:
    """One instruction: turn, then follow a street for a distance."""

    turn: str  # start, straight, slight_left|right, left|right, sharp_left|right, back, arrive
    street: str | None  # None: a way without a name
    length_m: float
    time_s: float
    lat: float  # where the turn is made
    lon: float


@dataclass(frozen=True, eq=False)
class Route:
    """A way from place to place.

    ``part_ds`` adds up to ``time_s * 10``: the walk to the road is part of the first entry, that
    from the road of the last one. The first and the last entry have no length where the place is
    at that end of its street.
    """

    time_s: float
    length_m: float  # on the road
    edge: Ints  # [k] edges in order of travel
    backward: NDArray[np.bool_]  # [k] travelled from v to u
    part_ds: Ints  # [k] time on each edge
    lat: Floats  # shape, from the road at the start to the road at the end
    lon: Floats
    steps: tuple[Step, ...]


def route(
    network: RoadNetwork,
    metric: Metric,
    start: Positions,
    end: Positions,
    *,
    own_times: bool = True,
) -> Route | None:
    """The fastest way between two positions, or None where there is none.

    Args:
        network: the network of the metric's hierarchy.
        metric: travel times.
        start: one position.
        end: one position.
        own_times: the metric holds the network's own times; see ``Places.of_positions``.

    Raises:
        PlaceError: not exactly one position each.
    """
    if len(start) != 1 or len(end) != 1:
        raise PlaceError(f"route: expected one start and one end, not {len(start)} and {len(end)}")
    source = Places.of_positions(metric, start, own_times=own_times)
    target = Places.of_positions(metric, end, own_times=own_times)
    along_ds = _along_one_edge(metric, source, target)
    over_ds, slots, turned, entry, exit_ = _searched(metric, source, target)
    if min(along_ds, over_ds) >= INF_DS:
        return None
    if along_ds <= over_ds:
        return _one_edge(network, metric, start, end, source, target, along_ds)
    edges, against = _unpacked(metric, slots, turned)
    return _assembled(
        network, metric, (start, end), (source, target), (entry, exit_), (edges, against), over_ds
    )


def _along_one_edge(metric: Metric, source: Places, target: Places) -> int:
    from geo.kernels_hierarchy import edge_times  # noqa: PLC0415 - numba loads when needed

    out = np.full(1, INF_DS, np.int32)
    edge_times(
        metric.forward_ds,
        metric.backward_ds,
        source.edge,
        target.edge,
        source.access_ds,
        target.access_ds,
        source.along_ds,
        target.along_ds,
        out,
    )
    return int(out[0])


def _searched(metric: Metric, source: Places, target: Places) -> tuple[int, Any, Any, int, int]:
    """Time, slots and the nodes where the way enters and leaves the junctions."""
    from geo.kernels_hierarchy import search_path  # noqa: PLC0415 - as above

    own = metric.hierarchy
    if source.edge[0] < 0 or target.edge[0] < 0:
        return INF_DS, None, None, -1, -1
    scratch = np.full((2, own.n_nodes), INF_DS, np.int32)
    via = np.empty((2, own.n_nodes), np.int32)
    time_ds, slots, turned, low, top = search_path(
        own.rank,
        own.up_first,
        own.up_head,
        metric.up_ds,
        metric.down_ds,
        source.ends[0],
        source.leave_ds[0],
        target.ends[0],
        target.reach_ds[0],
        scratch[0],
        scratch[1],
        via[0],
        via[1],
    )
    if time_ds >= INF_DS:
        return INF_DS, None, None, -1, -1
    return int(time_ds), slots, turned, int(own.node[low]), int(own.node[top])


def _unpacked(metric: Metric, slots: Any, turned: Any) -> tuple[Ints, NDArray[np.bool_]]:
    from geo.kernels_hierarchy import unpack  # noqa: PLC0415 - as above

    own = metric.hierarchy
    edges, against = unpack(
        own.up_first,
        own.up_head,
        metric.up_ds,
        metric.down_ds,
        *own.lower_slots,
        *own.slot_edges,
        own.place,
        metric.forward_ds,
        metric.backward_ds,
        slots,
        turned,
    )
    return edges, against


def _one_edge(
    network: RoadNetwork,
    metric: Metric,
    start: Positions,
    end: Positions,
    source: Places,
    target: Places,
    time_ds: int,
) -> Route:
    """A way that stays on the edge on which it begins."""
    edge = int(source.edge[0])
    a, b = float(start.fraction[0]), float(end.fraction[0])
    ahead_ds, back_ds = (
        int(source.access_ds[0] + target.access_ds[0])
        + int(target.along_ds[0, side])
        - int(source.along_ds[0, side])
        if times[edge] < INF_DS
        else INF_DS
        for side, times in enumerate((metric.forward_ds, metric.backward_ds))
    )
    ahead = ahead_ds == time_ds and (b >= a or back_ds != time_ds)
    lat, lon = _stretch(network, edge, a, b)
    return _finished(
        network,
        time_ds,
        np.array([edge], np.int32),
        np.array([not ahead]),
        np.array([time_ds], np.int32),
        [(lat, lon)],
    )


def _assembled(
    network: RoadNetwork,
    metric: Metric,
    positions: tuple[Positions, Positions],
    places: tuple[Places, Places],
    nodes: tuple[int, int],
    middle: tuple[Ints, NDArray[np.bool_]],
    time_ds: int,
) -> Route:
    """Part of the first edge, whole edges, part of the last edge."""
    (start, end), (source, target), (entry, exit_) = positions, places, nodes
    first, last = int(source.edge[0]), int(target.edge[0])
    out = _end_used(source.ends[0], source.leave_ds[0], entry)
    into = _end_used(target.ends[0], target.reach_ds[0], exit_)
    edges, against = middle
    shapes = [_stretch(network, first, float(start.fraction[0]), float(out))]
    shapes += [
        _stretch(network, int(e), 1.0 * b, 1.0 - b) for e, b in zip(edges, against, strict=True)
    ]
    shapes.append(_stretch(network, last, float(into), float(end.fraction[0])))
    parts = np.where(against, metric.backward_ds[edges], metric.forward_ds[edges])
    all_parts = np.concatenate([[source.leave_ds[0, out]], parts, [target.reach_ds[0, into]]])
    return _finished(
        network,
        time_ds,
        np.concatenate([[first], edges, [last]]).astype(np.int32),
        np.concatenate([[out == 0], against, [into == 1]]).astype(np.bool_),
        all_parts.astype(np.int32),
        shapes,
    )


def _end_used(ends: Ints, end_ds: Ints, node: int) -> int:
    """0 for the edge's u, 1 for its v: the end at that node, the nearer one on a loop."""
    at = [side for side in range(2) if ends[side] == node]
    return min(at, key=lambda side: (int(end_ds[side]), side))


def _stretch(network: RoadNetwork, edge: int, a: float, b: float) -> tuple[Floats, Floats]:
    """Shape of an edge from share a to share b of its length; backwards where b < a."""
    span = slice(int(network.geom_first[edge]), int(network.geom_first[edge + 1]))
    lat = np.asarray(network.geom_lat[span], np.float64)
    lon = np.asarray(network.geom_lon[span], np.float64)
    if (a, b) == (0.0, 1.0):
        return lat, lon
    if (a, b) == (1.0, 0.0):
        return lat[::-1], lon[::-1]
    step = haversine_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    along = np.concatenate([[0.0], np.cumsum(step)])
    along = along / along[-1] if along[-1] > 0 else np.linspace(0.0, 1.0, len(along))
    low, high = min(a, b), max(a, b)
    inner = (along > low) & (along < high)
    share = np.concatenate([[low], along[inner], [high]])
    out_lat, out_lon = np.interp(share, along, lat), np.interp(share, along, lon)
    return (out_lat, out_lon) if a <= b else (out_lat[::-1], out_lon[::-1])


def _finished(
    network: RoadNetwork,
    time_ds: int,
    edge: Ints,
    backward: NDArray[np.bool_],
    part_ds: Ints,
    shapes: list[tuple[Floats, Floats]],
) -> Route:
    lengths = _lengths_m(shapes)
    lat = np.concatenate([shape[0][i > 0 :] for i, shape in enumerate(shapes)])
    lon = np.concatenate([shape[1][i > 0 :] for i, shape in enumerate(shapes)])
    return Route(
        time_s=time_ds / 10.0,
        length_m=float(lengths.sum()),
        edge=edge,
        backward=backward,
        part_ds=part_ds,
        lat=lat,
        lon=lon,
        steps=_steps(network, edge, part_ds, lengths, shapes),
    )


def _lengths_m(shapes: list[tuple[Floats, Floats]]) -> Floats:
    """Length of each shape along its points; all have at least two."""
    lat, lon = (np.concatenate([shape[i] for shape in shapes]) for i in range(2))
    ends = np.cumsum([len(shape[0]) for shape in shapes])
    step = np.zeros(len(lat))
    step[1:] = haversine_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    starts = np.concatenate([[0], ends[:-1]])
    step[starts] = 0.0
    return np.asarray(np.add.reduceat(step, starts))


def _steps(
    network: RoadNetwork,
    edge: Ints,
    part_ds: Ints,
    lengths: Floats,
    shapes: list[tuple[Floats, Floats]],
) -> tuple[Step, ...]:
    """One step per street; a bend within a street is none, a real turn within it is one."""
    steps: list[Step] = []
    used = [i for i in range(len(edge)) if lengths[i] > 0.0]
    before: tuple[Floats, Floats] | None = None
    waiting_ds = 0
    for i in used:
        street = network.street(int(edge[i]))
        turn = (
            "start"
            if before is None
            else turn_word(_heading(before, last=True), _heading(shapes[i], last=False))
        )
        if (
            steps
            and steps[-1].street == street
            and turn in ("straight", "slight_left", "slight_right")
        ):
            last = steps[-1]
            steps[-1] = Step(
                last.turn,
                street,
                last.length_m + float(lengths[i]),
                last.time_s + part_ds[i] / 10.0,
                last.lat,
                last.lon,
            )
        else:
            steps.append(
                Step(
                    turn,
                    street,
                    float(lengths[i]),
                    part_ds[i] / 10.0,
                    float(shapes[i][0][0]),
                    float(shapes[i][1][0]),
                )
            )
        before = shapes[i]
    waiting_ds += int(part_ds.sum()) - sum(int(part_ds[i]) for i in used)
    end_lat, end_lon = shapes[-1][0][-1], shapes[-1][1][-1]
    steps.append(Step("arrive", None, 0.0, waiting_ds / 10.0, float(end_lat), float(end_lon)))
    return tuple(steps)


def _heading(shape: tuple[Floats, Floats], *, last: bool) -> float:
    """Compass heading in degrees at the beginning or end of a shape."""
    lat, lon = shape
    step = -1 if last else 1
    at = len(lat) - 1 if last else 0
    from_lat, from_lon = float(lat[at]), float(lon[at])
    per_lon = math.cos(math.radians(from_lat))
    east = north = 0.0
    for _ in range(len(lat) - 1):
        at += step
        north = (float(lat[at]) - from_lat) * METRES_PER_DEGREE
        east = (float(lon[at]) - from_lon) * METRES_PER_DEGREE * per_lon
        if math.hypot(east, north) >= _MIN_BEARING_M:
            break
    heading = math.degrees(math.atan2(east, north))
    return heading + 180.0 if last else heading


def turn_word(from_deg: float, to_deg: float) -> str:
    """What a change of compass heading is called."""
    change = (to_deg - from_deg + 180.0) % 360.0 - 180.0
    size = abs(change)
    if size >= BACK_DEG:
        return "back"
    side = "right" if change > 0 else "left"
    if size < STRAIGHT_DEG / 2:
        return "straight"
    if size < STRAIGHT_DEG:
        return f"slight_{side}"
    return f"sharp_{side}" if size >= SHARP_DEG else side
