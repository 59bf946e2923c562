"""The public defibrillators of a region, as mapped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.hours import HoursKind, open_edges
from geo.snap import Positions

_NOT_PUBLIC = frozenset({"no", "private"})


@dataclass(frozen=True, eq=False)
class AedTable:
    """n AEDs; row i has id i. Texts are exactly as mapped, None where nothing is mapped."""

    ids: NDArray[np.int64]  # [n] 0..n-1
    osm_id: tuple[str, ...]  # "node/123"
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    access: tuple[str | None, ...]
    indoor: tuple[str | None, ...]
    level: tuple[str | None, ...]
    opening_hours: tuple[str | None, ...]
    hours_kind: tuple[HoursKind, ...]
    place: tuple[str | None, ...]
    positions: Positions  # on the foot network
    timezone: str

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def public(self) -> NDArray[np.bool_]:
        """Not mapped as private; access that is not mapped counts as public (assumption)."""
        return np.array([access not in _NOT_PUBLIC for access in self.access], dtype=np.bool_)

    @property
    def hours_known(self) -> NDArray[np.bool_]:
        """Opening hours are mapped and can be read."""
        return np.array([kind is HoursKind.KNOWN for kind in self.hours_kind], dtype=np.bool_)

    def open_intervals(
        self, start_s: float, end_s: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Open intervals of every AED within the span, by its opening hours alone.

        Returns ``first`` int64[n + 1] and the flat ``edges`` float64 in epoch seconds: AED i is
        open from ``edges[k]`` to ``edges[k + 1]`` for ``k = first[i], first[i] + 2, …`` below
        ``first[i + 1]``. AEDs with unknown or invalid hours have none.
        """
        parts = [
            open_edges(text, timezone=self.timezone, lat=lat, lon=lon, start_s=start_s, end_s=end_s)
            for text, lat, lon in zip(
                self.opening_hours, self.lat.tolist(), self.lon.tolist(), strict=True
            )
        ]
        first = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in parts], out=first[1:])
        return first, np.concatenate([np.zeros(0), *parts])
