"""Memory whose rows begin on cache lines: vectors of 64 bytes then never touch two."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

T = TypeVar("T")

LINE_BYTES = 64
"""A cache line, and a row of lanes."""


def aligned_empty(rows: int, width: int, dtype: DTypeLike) -> NDArray[Any]:
    """An array [rows, width], not filled; contiguous where a row is a whole number of lines."""
    kind = np.dtype(dtype)
    per_line = LINE_BYTES // kind.itemsize
    padded = -(-width // per_line) * per_line
    memory = np.empty(rows * padded + per_line, kind)
    skip = -memory.ctypes.data % LINE_BYTES // kind.itemsize
    return memory[skip : skip + rows * padded].reshape(rows, padded)[:, :width]


class Spares:
    """Workspace that was used and may be used again: fresh memory costs as much as filling it.

    Threads may share one: whoever takes a piece has it alone until it is given back.
    """

    def __init__(self) -> None:
        self._pieces: dict[Hashable, list[Any]] = {}

    def take(self, key: Hashable, make: Callable[[], T]) -> T:
        """A piece that was given back under this key, or a new one."""
        try:
            piece: T = self._pieces[key].pop()
        except (KeyError, IndexError):
            piece = make()
        return piece

    def give(self, key: Hashable, piece: Any) -> None:
        """Lets the next one have it."""
        self._pieces.setdefault(key, []).append(piece)


def flat_rows(table: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The memory of a table from its first to its last entry, and the distance of its rows."""
    width = table.strides[0] // table.itemsize if len(table) > 1 else table.shape[1]
    length = (len(table) - 1) * width + table.shape[1]
    return np.lib.stride_tricks.as_strided(np.asarray(table), (length,), (table.itemsize,)), width


def lead_in(flat: NDArray[Any], width: int) -> int:
    """Entries before the first whole cache line of every row, -1 where rows differ in that."""
    if width * flat.itemsize % LINE_BYTES:
        return -1
    return int(-flat.ctypes.data % LINE_BYTES // flat.itemsize)
