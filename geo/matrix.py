"""Travel times from many places to many places: dense, cut off, or into a file.

Everything is int32 deciseconds with ``INF_DS`` for "no way", or uint16 deciseconds with 65,535
for "109 minutes or more, or no way" (``UINT16_CLOSED_DS``).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from geo.aligned import LINE_BYTES, Spares, aligned_empty, flat_rows, lead_in
from geo.errors import NetworkError
from geo.metric import Anchors, Metric, Places
from geo.network import INF_DS

UINT16_CLOSED_DS = 65_535
"""What a uint16 table holds where the way takes that long or there is none."""

TRIAL_SOURCES = 256
"""So many sources are swept before the rows are found too narrow, and workspace is made anew."""

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class SparseTimes:
    """Times up to a cut-off, row by row: row i holds entries first[i] .. first[i + 1]."""

    first: NDArray[np.int64]  # [sources + 1]
    target: Ints  # ascending within a row
    ds: Ints


@dataclass(frozen=True, eq=False)
class _Selection:
    """The part of the core that the targets need, for rows of one type."""

    node: Ints
    first: Ints
    head: Ints
    ds: NDArray[Any]
    at: Ints  # [t, 2] local numbers, len(node) where there is none
    at_ds: NDArray[Any]  # [t, 2]


class TargetSet:
    """Places to which times are asked again and again, with what the sweeps need of the core.

    Share one between threads; it is not changed by a query.
    """

    def __init__(self, metric: Metric, targets: Places) -> None:
        self.metric = metric
        self.targets = targets
        self._anchors = metric.reaching(targets)
        self.spares = Spares()

    def __len__(self) -> int:
        return len(self.targets)

    @cached_property
    def wide(self) -> _Selection:
        """For rows of int32."""
        return _selected(self.metric, self._anchors, np.int32, INF_DS)

    @cached_property
    def narrow(self) -> _Selection:
        """For rows of uint16."""
        return _selected(self.metric, self._anchors, np.uint16, UINT16_CLOSED_DS)

    @cached_property
    def by_piece(self) -> tuple[Ints, Ints]:
        """Pieces of the targets in ascending order, and the targets in that order."""
        return by_key(self._anchors.piece)

    @cached_property
    def by_edge(self) -> tuple[Ints, Ints]:
        """Edges of the targets in ascending order, and the targets in that order."""
        return by_key(self.targets.edge)

    def times_ds(
        self,
        sources: Places,
        *,
        dtype: DTypeLike = np.int32,
        out: NDArray[Any] | None = None,
        threads: int = 1,
    ) -> NDArray[Any]:
        """All times, [sources, targets]; the same whatever the number of threads.

        Args:
            sources: where the ways begin.
            dtype: int32, or uint16 for times below 109 minutes.
            out: an array of that shape and type to fill, for example a ``numpy.memmap``.
            threads: sweeps that run side by side; the kernels release the interpreter lock.

        Raises:
            NetworkError: another type, or ``out`` of another shape or type.
        """
        kind = np.dtype(dtype)
        if kind not in (np.dtype(np.int32), np.dtype(np.uint16)):
            raise NetworkError(f"times: expected int32 or uint16, not {kind}")
        shape = (len(sources), len(self))
        table = aligned_empty(*shape, kind) if out is None else out
        if table.shape != shape or table.dtype != kind or table.strides[1] != kind.itemsize:
            raise NetworkError(f"times: expected out to be a C array of {kind} of shape {shape}")
        if 0 in shape:
            return table
        work = _Work(self, sources)
        narrow = kind == np.dtype(np.uint16)
        _in_threads(
            lambda begin, end: work.fill(table, begin, end, narrow=narrow), len(sources), threads
        )
        return table

    def times_within(self, sources: Places, *, cutoff_s: float, threads: int = 1) -> SparseTimes:
        """The times of at most ``cutoff_s`` seconds, as sparse rows.

        Raises:
            NetworkError: a cut-off that is negative or not a number.
        """
        from geo.kernels_sweep import keep_within  # noqa: PLC0415 - numba loads when needed

        if not cutoff_s >= 0:
            raise NetworkError(f"times: expected a cut-off of 0 s or more, not {cutoff_s:g}")
        cutoff_ds = int(min(np.floor(cutoff_s * 10.0 + 1e-6), INF_DS - 1))
        narrow = cutoff_ds < UINT16_CLOSED_DS
        kind = np.uint16 if narrow else np.int32
        work = _Work(self, sources)

        def part(begin: int, end: int) -> tuple[Any, ...]:
            lanes = LINE_BYTES // np.dtype(kind).itemsize
            block = aligned_empty(lanes, len(self), kind)
            flat, width = flat_rows(block)
            first = np.zeros(end - begin + 1, np.int64)
            target, ds, filled = np.empty(1024, np.int32), np.empty(1024, np.int32), 0
            for base in range(begin, end, lanes):
                stop = min(base + lanes, end)
                count = stop - base
                work.fill(block[:count], base, stop, narrow=narrow, out_row=np.arange(count))
                counts = first[base - begin : stop - begin + 1]
                target, ds, filled = keep_within(
                    flat, width, count, len(self), cutoff_ds, counts, target, ds, filled
                )
            return first, target[:filled], ds[:filled]

        parts = _in_threads(part, len(sources), threads) if len(sources) and len(self) else []
        return _joined(parts, work.order if parts else np.zeros(0, np.int64), len(sources))


def times_ds(
    metric: Metric,
    sources: Places,
    targets: Places,
    *,
    dtype: DTypeLike = np.int32,
    out: NDArray[Any] | None = None,
    threads: int = 1,
) -> NDArray[Any]:
    """``TargetSet(metric, targets).times_ds(...)``, for targets that are asked once."""
    return TargetSet(metric, targets).times_ds(sources, dtype=dtype, out=out, threads=threads)


class _Work:
    """One question to a target set: its sources, tied to the core and put in a good order."""

    def __init__(self, targets: TargetSet, sources: Places) -> None:
        self.targets = targets
        self.sources = sources
        self.anchors = targets.metric.leaving(sources)
        # Sources that lie near each other share most of their upward search.
        self.order = np.argsort(self.anchors.at[:, 0], kind="stable")

    def fill(
        self,
        table: NDArray[Any],
        begin: int,
        end: int,
        *,
        narrow: bool,
        out_row: NDArray[np.int64] | None = None,
    ) -> None:
        """Rows of the sources ``order[begin:end]``: into their own rows, or into ``out_row``.

        An int32 table is swept in uint16 too, twice as fast, until a time turns up that may be
        longer than that holds; then in int32.
        """
        rows_of = self.order[begin:end] if out_row is None else out_row
        exact = not narrow and table.dtype == np.int32
        light = True
        for first in range(begin, end, TRIAL_SOURCES):
            last = min(first + TRIAL_SOURCES, end)
            rows = rows_of[first - begin : last - begin]
            if exact and light:
                light = not self._sweep(table, first, last, rows, narrow=True)
            if exact and not light:
                self._sweep(table, first, last, rows, narrow=False)
            elif not exact:
                self._sweep(table, first, last, rows, narrow=narrow)
            self._lower(table, first, last, rows, UINT16_CLOSED_DS if narrow else INF_DS)

    def _sweep(
        self,
        table: NDArray[Any],
        begin: int,
        end: int,
        rows_of: Any,
        *,
        narrow: bool,
    ) -> bool:
        """Times through the core; returns whether any of them is closed."""
        from geo import kernels_sweep as kernels  # noqa: PLC0415 - numba loads when needed

        targets = self.targets
        flat, width = flat_rows(table)
        metric = targets.metric
        own = metric.hierarchy
        chosen = targets.narrow if narrow else targets.wide
        kind = np.uint16 if narrow else np.int32
        closed = UINT16_CLOSED_DS if narrow else INF_DS
        space = targets.spares.take(
            narrow, lambda: _space(own.n_core, len(chosen.node), kind, closed)
        )
        marked, seeds, rows = space
        order = self.order[begin:end]
        any_closed = bool(
            kernels.sweep_many(
                own.core_first,
                own.core_head,
                metric.core_up_ds,
                chosen.node,
                chosen.first,
                chosen.head,
                chosen.ds,
                self.anchors.at,
                self.anchors.at_ds,
                order,
                0,
                len(order),
                chosen.at,
                chosen.at_ds,
                closed,
                marked,
                seeds,
                rows,
                flat,
                width,
                lead_in(flat, width),
                rows_of,
            )
        )
        targets.spares.give(narrow, space)
        return any_closed

    def _lower(self, table: NDArray[Any], begin: int, end: int, rows_of: Any, closed: int) -> None:
        """Ways that do not pass the core."""
        from geo import kernels_sweep as kernels  # noqa: PLC0415 - numba loads when needed

        targets, sources = self.targets, self.sources
        metric = targets.metric
        own = metric.hierarchy
        flat, width = flat_rows(table)
        order = self.order[begin:end]
        kernels.lower_in_pieces(
            own.rank,
            own.up_first,
            own.up_head,
            metric.up_ds,
            metric.down_ds,
            own.piece_first,
            sources.ends,
            sources.leave_ds,
            self.anchors.piece,
            order,
            0,
            len(order),
            targets.targets.ends,
            targets.targets.reach_ds,
            *targets.by_piece,
            closed,
            np.empty(own.n_fringe, np.int32),
            flat,
            width,
            rows_of,
        )
        kernels.lower_on_edges(
            metric.forward_ds,
            metric.backward_ds,
            sources.edge,
            sources.access_ds,
            sources.along_ds,
            order,
            0,
            len(order),
            *targets.by_edge,
            targets.targets.access_ds,
            targets.targets.along_ds,
            closed,
            flat,
            width,
            rows_of,
        )


def _space(
    n_core: int, n_chosen: int, kind: DTypeLike, closed: int
) -> tuple[NDArray[np.uint64], NDArray[Any], NDArray[Any]]:
    """Marks, seeds and rows of one thread; the last rows are closed for good."""
    lanes = LINE_BYTES // np.dtype(kind).itemsize
    seeds = aligned_empty(n_core + 1, lanes, kind)
    rows = aligned_empty(n_chosen + 1, lanes, kind)
    seeds[-1] = rows[-1] = closed
    return np.zeros(n_core // 64 + 1, np.uint64), seeds, rows


def _selected(metric: Metric, anchors: Anchors, kind: DTypeLike, closed: int) -> _Selection:
    from geo.kernels_sweep import select  # noqa: PLC0415 - numba loads when needed

    own = metric.hierarchy
    local, node, first, head, ds = select(
        own.core_first, own.core_head, metric.core_down_ds, anchors.at.reshape(-1), closed
    )
    there = anchors.at >= 0
    at = np.full(anchors.at.shape, len(node), np.int32)
    at[there] = local[anchors.at[there]]
    return _Selection(
        node=node,
        first=first,
        head=head,
        ds=ds.astype(kind),
        at=at,
        at_ds=np.minimum(anchors.at_ds, closed).astype(kind),
    )


def by_key(keys: Ints) -> tuple[Ints, Ints]:
    """Keys of 0 or more in ascending order, and where each stood."""
    stood = np.flatnonzero(keys >= 0)
    both = keys[stood].astype(np.int64) << 32 | stood
    both.sort()
    return (both >> 32).astype(np.int32), (both & 0xFFFFFFFF).astype(np.int32)


def _in_threads(part: Any, count: int, threads: int) -> list[Any]:
    """``part(begin, end)`` over equal shares of 0..count, in order."""
    sweeps = -(-count // 32)
    shares = max(1, min(threads, sweeps))
    bounds = [sweeps * i // shares * 32 for i in range(shares)] + [count]
    spans = list(pairwise(bounds))
    if len(spans) == 1:
        return [part(*spans[0])]
    with ThreadPoolExecutor(len(spans)) as pool:
        return list(pool.map(lambda span: part(*span), spans))


def _joined(parts: list[Any], order: NDArray[np.int64], count: int) -> SparseTimes:
    """Sparse rows of the parts, brought back from the order of the sweeps to that asked for."""
    first = np.zeros(count + 1, np.int64)
    if not parts:
        return SparseTimes(first, np.zeros(0, np.int32), np.zeros(0, np.int32))
    from geo.kernels_sweep import put_rows  # noqa: PLC0415 - numba loads when needed

    sizes = np.empty(count, np.int64)
    sizes[order] = np.concatenate([np.diff(begins) for begins, _, _ in parts])
    np.cumsum(sizes, out=first[1:])
    target, ds = np.empty((2, int(first[-1])), np.int32)
    done = 0
    for begins, part_target, part_ds in parts:
        rows = order[done : done + len(begins) - 1]
        put_rows(rows, begins, part_target, part_ds, first, target, ds)
        done += len(rows)
    return SparseTimes(first, target, ds)
