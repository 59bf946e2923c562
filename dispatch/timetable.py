"""When something is open: sorted intervals of epoch seconds for many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch.errors import RosterError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Interval = tuple[float, float]
ALWAYS: tuple[Interval, ...] = ((-np.inf, np.inf),)
NEVER: tuple[Interval, ...] = ()


class Timetable:
    """Rows of half-open intervals ``[start_s, end_s)``; asked mostly forward in time.

    Each row remembers the interval in which, or before which, the last question fell: a question
    a little later costs two comparisons for all rows together. One earlier in time starts again
    from the front. The answer never depends on what was asked before.
    """

    def __init__(self) -> None:
        self._n = 0
        # Row i is flat[first[i] : last[i]] and, behind it, an interval that never comes.
        self._first: Ints = np.zeros(0, dtype=np.int64)
        self._last: Ints = np.zeros(0, dtype=np.int64)
        self._at: Ints = np.zeros(0, dtype=np.int64)  # the row's current interval
        self._start_s: Floats = np.zeros(0)  # of the current interval
        self._end_s: Floats = np.zeros(0)
        self._flat_start_s: Floats = np.zeros(0)
        self._flat_end_s: Floats = np.zeros(0)
        self._used = 0
        self._asked_s = -np.inf

    @classmethod
    def of(cls, rows: Sequence[Sequence[Interval]]) -> Timetable:
        """One row for each sequence of intervals; raises ``RosterError`` as ``set`` does."""
        table = cls()
        for i, intervals in enumerate(rows):
            table.set(i, intervals)
        return table

    @classmethod
    def from_csr(
        cls, first: NDArray[np.integer], start_s: NDArray[np.float64], end_s: NDArray[np.float64]
    ) -> Timetable:
        """From flat arrays: row ``i`` is ``start_s, end_s[first[i] : first[i + 1]]``."""
        pairs = list(zip(start_s.tolist(), end_s.tolist(), strict=True))
        bounds = first.tolist()
        return cls.of([pairs[a:b] for a, b in pairwise(bounds)])

    def __len__(self) -> int:
        return self._n

    def set(self, row: int, intervals: Sequence[Interval]) -> None:
        """Replace the intervals of one row; ``row == len(self)`` adds one.

        Raises ``RosterError`` where the intervals are not sorted and apart.
        """
        _check(intervals)
        if row == self._n:
            self._n += 1
            for name in ("_first", "_last", "_at", "_start_s", "_end_s"):
                setattr(self, name, _room(getattr(self, name), self._n))
        self._append(row, intervals)
        self._at[row] = self._first[row]
        self._start_s[row] = self._flat_start_s[self._first[row]]
        self._end_s[row] = self._flat_end_s[self._first[row]]

    def intervals(self, row: int) -> tuple[Interval, ...]:
        """The intervals of one row."""
        a, b = int(self._first[row]), int(self._last[row])
        starts, ends = self._flat_start_s[a:b].tolist(), self._flat_end_s[a:b].tolist()
        return tuple(zip(starts, ends, strict=True))

    def open_at(self, now_s: float) -> NDArray[np.bool_]:
        """bool[n]: which rows are open at ``now_s``."""
        n = self._n
        if now_s < self._asked_s:
            self._turn_to(np.arange(n), self._first[:n])
        self._asked_s = now_s
        ends = self._end_s[:n]
        late = ends <= now_s
        while late.any():
            rows = np.flatnonzero(late)
            self._turn_to(rows, self._at[rows] + 1)
            late = ends <= now_s
        return self._start_s[:n] <= now_s

    def _turn_to(self, rows: NDArray[np.int64], at: NDArray[np.int64]) -> None:
        self._at[rows] = at
        self._start_s[rows] = self._flat_start_s[at]
        self._end_s[rows] = self._flat_end_s[at]

    def _append(self, row: int, intervals: Sequence[Interval]) -> None:
        """Put a row's intervals behind all others, with the sentinel that is never over."""
        need = self._used + len(intervals) + 1
        self._flat_start_s = _room(self._flat_start_s, need)
        self._flat_end_s = _room(self._flat_end_s, need)
        a = self._used
        self._first[row], self._last[row] = a, need - 1
        if intervals:
            self._flat_start_s[a : need - 1], self._flat_end_s[a : need - 1] = np.transpose(
                np.asarray(intervals, dtype=np.float64)
            )
        self._flat_start_s[need - 1] = self._flat_end_s[need - 1] = np.inf
        self._used = need
        live = int((self._last[: self._n] - self._first[: self._n]).sum()) + self._n
        if self._used > 2 * live + 1024:
            self._compact()

    def _compact(self) -> None:
        rows = [self.intervals(i) for i in range(self._n)]
        self._used = 0
        for i, intervals in enumerate(rows):
            self._append(i, intervals)
        self._asked_s = -np.inf
        self._turn_to(np.arange(self._n), self._first[: self._n])


def _room(array: NDArray[Any], n: int) -> NDArray[Any]:
    """The array with room for at least ``n`` entries, grown by doubling."""
    if len(array) >= n:
        return array
    grown: NDArray[Any] = np.zeros(max(16, n, 2 * len(array)), dtype=array.dtype)
    grown[: len(array)] = array
    return grown


def _check(intervals: Sequence[Interval]) -> None:
    last_s = -np.inf
    for start_s, end_s in intervals:
        if not last_s <= start_s < end_s:
            raise RosterError(f"intervals must be sorted and apart, got [{start_s}, {end_s})")
        last_s = end_s
