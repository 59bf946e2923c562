"""How far one gets: from one place to everywhere, isochrones, and the nearest of many sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.errors import NetworkError
from geo.matrix import by_key
from geo.metric import Metric, Places
from geo.network import INF_DS

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Isochrone:
    """What can be reached within a time: nodes, and stretches of edges that do not overlap.

    Stretch i covers the shares ``start[i]`` to ``end[i]`` of the length of ``edge[i]``, counted
    from the edge's u; an edge that is entered from both ends may have two.
    """

    bound_s: float
    node_ds: Ints  # [n] time to every node, INF_DS beyond the bound
    edge: Ints  # ascending
    start: NDArray[np.float64]
    end: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Nearest:
    """The soonest site of each of P places; ties go to the lowest site."""

    ds: Ints  # [P] deciseconds, INF_DS where no site is in reach
    site: Ints  # [P] index of the site, -1


def node_times_ds(metric: Metric, sources: Places) -> Ints:
    """Times to every node from the soonest of the sources; i32[n], INF_DS where there is no way.

    For times *from* every node to a place use ``metric.turned`` and ``sources.turned``.
    """
    from geo.kernels_sweep import sweep_one  # noqa: PLC0415 - numba loads when needed

    own = metric.hierarchy
    out = np.empty(own.n_nodes, np.int32)
    scratch = own.spares.take("ds", lambda: np.empty(own.n_nodes + 1, np.int32))
    sweep_one(
        own.rank,
        own.up_first,
        own.up_head,
        metric.up_ds,
        metric.down_ds,
        own.piece_first,
        own.piece_of,
        own.gate_of,
        metric.gate_ds[1],
        sources.ends,
        sources.leave_ds,
        scratch,
        out,
    )
    own.spares.give("ds", scratch)
    return out


def isochrone(metric: Metric, sources: Places, *, bound_s: float) -> Isochrone:
    """All streets within ``bound_s`` seconds of the soonest of the sources.

    Raises:
        NetworkError: a bound that is negative or not a number.
    """
    if not bound_s >= 0:
        raise NetworkError(f"isochrone: expected a bound of 0 s or more, not {bound_s:g}")
    bound_ds = int(min(np.floor(bound_s * 10.0 + 1e-6), INF_DS - 1))
    own = metric.hierarchy
    times = node_times_ds(metric, sources)
    node_ds = np.where(times <= bound_ds, times, INF_DS).astype(np.int32)
    from_u = _share(node_ds[own.edge_u], metric.forward_ds, bound_ds)
    from_v = _share(node_ds[own.edge_v], metric.backward_ds, bound_ds)
    whole = from_u + from_v >= 1.0
    from_u[whole], from_v[whole] = 1.0, 0.0
    near_u, near_v = np.flatnonzero(from_u > 0), np.flatnonzero(from_v > 0)
    middle = _source_stretches(metric, sources, bound_ds)
    edge = np.concatenate([near_u, near_v, middle[0].astype(np.int64)])
    start = np.concatenate([np.zeros(len(near_u)), 1.0 - from_v[near_v], middle[1]])
    end = np.concatenate([from_u[near_u], np.ones(len(near_v)), middle[2]])
    return Isochrone(bound_s, node_ds, *_merged(edge, start, end))


def nearest_site(metric: Metric, sites: Places, places: Places | None = None) -> Nearest:
    """The site from which each place is reached soonest; every node where no places are given.

    For the site that each place *reaches* soonest use the ``turned`` metric, sites and places.
    """
    from geo import kernels_sweep as kernels  # noqa: PLC0415 - numba loads when needed

    own = metric.hierarchy
    node_ds = np.empty(own.n_nodes, np.int32)
    node_site = np.empty(own.n_nodes, np.int32)
    scratch = own.spares.take("key", lambda: np.empty(own.n_nodes + 1, np.int64))
    kernels.sweep_nearest(
        own.rank,
        own.up_first,
        own.up_head,
        metric.up_ds,
        metric.down_ds,
        own.piece_first,
        own.piece_of,
        own.gate_of,
        metric.gate_ds[1],
        sites.ends,
        sites.leave_ds,
        scratch,
        node_ds,
        node_site,
    )
    own.spares.give("key", scratch)
    if places is None:
        return Nearest(node_ds, node_site)
    out_ds = np.empty(len(places), np.int32)
    out_site = np.empty(len(places), np.int32)
    kernels.nearest_at(
        node_ds,
        node_site,
        places.ends,
        places.reach_ds,
        places.edge,
        places.access_ds,
        places.along_ds,
        *by_key(sites.edge),
        sites.access_ds,
        sites.along_ds,
        metric.forward_ds,
        metric.backward_ds,
        out_ds,
        out_site,
    )
    return Nearest(out_ds, out_site)


def _share(end_ds: Ints, edge_ds: Ints, bound_ds: int) -> NDArray[np.float64]:
    """Share of each edge that is reached from an end with the time left there."""
    left = np.where((end_ds <= bound_ds) & (edge_ds < INF_DS), bound_ds - end_ds, 0)
    whole = (end_ds <= bound_ds) & (edge_ds <= left)
    part = left / np.maximum(edge_ds, 1)
    return np.where(whole, 1.0, np.minimum(part, 1.0))


def _source_stretches(
    metric: Metric, sources: Places, bound_ds: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Edge, start and end of what is reached along the sources' own edges without leaving them."""
    own = np.flatnonzero((sources.edge >= 0) & (sources.access_ds <= bound_ds))
    edge = sources.edge[own]
    left = (bound_ds - sources.access_ds[own]).astype(np.float64)
    forward, backward = metric.forward_ds[edge], metric.backward_ds[edge]
    ahead, back = forward < INF_DS, backward < INF_DS
    from_u = sources.along_ds[own, 0] / np.maximum(forward, 1)
    from_v = 1.0 - sources.along_ds[own, 1] / np.maximum(backward, 1)
    at = np.where(ahead, from_u, from_v)
    start = np.where(back, np.maximum(at - left / np.maximum(backward, 1), 0.0), at)
    end = np.where(ahead, np.minimum(at + left / np.maximum(forward, 1), 1.0), at)
    return edge.astype(np.float64), start, end


def _merged(
    edge: NDArray[np.int64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> tuple[Ints, NDArray[np.float64], NDArray[np.float64]]:
    """Stretches in order of edge and start, those that touch joined into one."""
    order = np.lexsort((start, edge))
    edge, low, high = edge[order], edge[order] * 2.0 + start[order], edge[order] * 2.0 + end[order]
    if len(edge) == 0:
        return edge.astype(np.int32), low, high
    far = np.maximum.accumulate(high)
    opens = np.ones(len(edge), np.bool_)
    opens[1:] = low[1:] > far[:-1]
    first = np.flatnonzero(opens)
    last = np.append(first[1:], len(edge)) - 1
    kept = edge[first]
    return kept.astype(np.int32), low[first] - kept * 2.0, far[last] - kept * 2.0
