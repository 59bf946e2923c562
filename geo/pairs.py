"""Travel times of single pairs, many at a time, by hub labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.errors import NetworkError
from geo.metric import Metric, Places
from geo.network import INF_DS


def pair_times_ds(metric: Metric, sources: Places, targets: Places) -> NDArray[np.int32]:
    """Time from source i to target i, deciseconds; INF_DS where there is no way.

    Raises:
        NetworkError: the numbers of sources and targets differ.
    """
    from geo import kernels_hierarchy as kernels  # noqa: PLC0415 - numba loads when needed

    if len(sources) != len(targets):
        raise NetworkError(f"pairs: {len(sources)} sources and {len(targets)} targets")
    own = metric.hierarchy
    out = np.full(len(sources), INF_DS, np.int32)
    start, end = metric.leaving(sources), metric.reaching(targets)
    leave_label, reach_label = metric.labels
    kernels.label_times(
        own.depth_minima,
        own.label_first,
        leave_label,
        reach_label,
        start.at,
        start.at_ds,
        end.at,
        end.at_ds,
        out,
    )
    fore = np.full(own.n_fringe, INF_DS, np.int32)
    kernels.piece_times(
        own.rank,
        own.up_first,
        own.up_head,
        metric.up_ds,
        metric.down_ds,
        own.piece_first,
        sources.ends,
        sources.leave_ds,
        start.piece,
        targets.ends,
        targets.reach_ds,
        end.piece,
        fore,
        fore.copy(),
        fore.copy(),
        out,
    )
    kernels.edge_times(
        metric.forward_ds,
        metric.backward_ds,
        sources.edge,
        targets.edge,
        sources.access_ds,
        targets.access_ds,
        sources.along_ds,
        targets.along_ds,
        out,
    )
    return out
