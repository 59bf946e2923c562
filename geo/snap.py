"""Places become positions on edges, never new junctions: people and AEDs come and go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import PlaceError
from geo.network import INF_DS, RoadNetwork
from geo.points import checked_places, frozen
from geo.speeds import WALKING_MPS

MAX_SNAP_M = 300.0
"""Farther than this from any road a place is not attached (assumption)."""

FRAGMENT_NODES = 50
"""A connected part with fewer junctions is a fragment: places prefer a larger part (assumption).
The largest part is never a fragment."""

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Positions:
    """N places on the edges of one network; arrays of length N, read-only.

    Offsets are deciseconds and include the walk between the place and the road (``access_ds``,
    at walking speed), or INF_DS where the edge is closed in that direction or there is none. A
    place at the very end of its edge is at that junction: it is reached and left there at once,
    whichever way the edge is open.
    """

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    edge: Ints  # -1: nothing within the maximum
    fraction: NDArray[np.float32]  # of the edge's length, from its u
    to_u_ds: Ints  # leaving the place for the edge's u
    to_v_ds: Ints
    from_u_ds: Ints  # reaching the place from the edge's u
    from_v_ds: Ints
    access_ds: Ints
    snap_m: NDArray[np.float32]  # between the place and the road; inf where not attached
    moved: NDArray[np.bool_]  # a road of a small fragment was nearer

    def __len__(self) -> int:
        return len(self.edge)

    @property
    def n_attached(self) -> int:
        """How many places are on the network."""
        return int(np.count_nonzero(self.edge >= 0))

    def packed(self, network: RoadNetwork) -> Ints:
        """What a search reads, int32[N, 8]: edge, its u and v, the four offsets and access.

        ``network`` is the one that the places are on; the table is made once and read-only.
        """
        table: Ints | None = self.__dict__.get("_packed")
        if table is None:
            safe = np.maximum(self.edge, 0)
            ends = (network.edge_u[safe], network.edge_v[safe])
            offsets = (self.to_u_ds, self.to_v_ds, self.from_u_ds, self.from_v_ds)
            table = frozen(np.stack([self.edge, *ends, *offsets, self.access_ds], axis=1), np.int32)
            self.__dict__["_packed"] = table
        return table

    def take(self, index: ArrayLike) -> Positions:
        """The places at these indices (integers or a mask), in this order."""
        chosen = np.atleast_1d(np.asarray(index))
        if chosen.dtype != np.bool_:
            chosen = chosen.astype(np.int64)  # an empty list is of floats
        return Positions(*(frozen(getattr(self, name)[chosen]) for name in _COLUMNS))

    @classmethod
    def concat(cls, parts: Sequence[Positions]) -> Positions:
        """All places of all parts, one after the other."""
        if not parts:
            return cls.none()
        return cls(
            *(frozen(np.concatenate([getattr(part, name) for part in parts])) for name in _COLUMNS)
        )

    @classmethod
    def none(cls) -> Positions:
        """No places."""
        return cls(*(frozen(np.zeros(0), dtype) for dtype in _DTYPES))


_COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Positions))
_DTYPES: tuple[Any, ...] = (
    np.float64,
    np.float64,
    np.int32,
    np.float32,
    *(np.int32,) * 5,
    np.float32,
    np.bool_,
)


def snap(
    network: RoadNetwork,
    lat: ArrayLike,
    lon: ArrayLike,
    *,
    max_snap_m: float = MAX_SNAP_M,
    walking_mps: float = WALKING_MPS,
    fragment_nodes: int = FRAGMENT_NODES,
) -> Positions:
    """Attaches each place to the nearest edge within ``max_snap_m``.

    A place whose nearest edge lies in a fragment of fewer than ``fragment_nodes`` junctions goes
    to the nearest edge of a larger part, if there is one within the maximum (``moved``).

    Raises:
        PlaceError: a latitude or longitude is not one, or the maximum or the speed is not above 0.
    """
    lats, lons = checked_places(lat, lon)
    if not (max_snap_m > 0 and walking_mps > 0):
        raise PlaceError("max_snap_m and walking_mps: expected numbers above 0")
    from geo.kernels_snap import nearest_pieces  # noqa: PLC0415 - numba loads only when needed

    n = len(lats)
    edge = np.empty(n, np.int32)
    fraction, distance_m = np.empty(n), np.empty(n)
    moved = np.empty(n, np.bool_)
    lats, lons = frozen(lats), frozen(lons)
    nearest_pieces(
        lats,
        lons,
        float(max_snap_m),
        _in_large_part(network, fragment_nodes),
        network.geom_first,
        network.geom_lat,
        network.geom_lon,
        network.grid_frame,
        network.grid_key,
        network.grid_first,
        network.grid_item,
        edge,
        fraction,
        distance_m,
        moved,
    )
    return positions_on_edges(
        network,
        edge,
        fraction,
        access_ds=np.rint(10.0 * np.where(edge >= 0, distance_m, 0.0) / walking_mps),
        lat=lats,
        lon=lons,
        snap_m=distance_m,
        moved=moved,
    )


def positions_on_edges(
    network: RoadNetwork,
    edge: ArrayLike,
    fraction: ArrayLike,
    *,
    access_ds: ArrayLike = 0,
    lat: ArrayLike | None = None,
    lon: ArrayLike | None = None,
    snap_m: ArrayLike | None = None,
    moved: ArrayLike | None = None,
) -> Positions:
    """Positions at a share of each edge's length (0 at its u, 1 at its v); edge -1 for nowhere.

    Latitude and longitude are those of the edge's u where they are left out.
    """
    on = np.asarray(edge, np.int32)
    share = np.asarray(fraction, np.float64)
    attached = on >= 0
    at_u, at_v = attached & (share == 0.0), attached & (share == 1.0)
    safe = np.where(attached, on, 0)
    forward_ds = np.where(attached, network.edge_forward_ds[safe], INF_DS)
    backward_ds = np.where(attached, network.edge_backward_ds[safe], INF_DS)
    ahead, back = forward_ds < INF_DS, backward_ds < INF_DS
    access = np.broadcast_to(np.asarray(access_ds, np.int32), on.shape)
    done_ds = np.rint(share * forward_ds).astype(np.int64)
    left_ds = np.rint(share * backward_ds).astype(np.int64)
    near_u = network.edge_u[safe]
    nothing = np.where(attached, 0.0, np.inf)
    return Positions(
        lat=frozen(network.node_lat[near_u] if lat is None else lat, np.float64),
        lon=frozen(network.node_lon[near_u] if lon is None else lon, np.float64),
        edge=frozen(on),
        fraction=frozen(share, np.float32),
        to_u_ds=frozen(np.where(back | at_u, access + left_ds, INF_DS), np.int32),
        to_v_ds=frozen(np.where(ahead | at_v, access + forward_ds - done_ds, INF_DS), np.int32),
        from_u_ds=frozen(np.where(ahead | at_u, access + done_ds, INF_DS), np.int32),
        from_v_ds=frozen(np.where(back | at_v, access + backward_ds - left_ds, INF_DS), np.int32),
        access_ds=frozen(access, np.int32),
        snap_m=frozen(nothing if snap_m is None else snap_m, np.float32),
        moved=frozen(np.zeros(len(on)) if moved is None else moved, np.bool_),
    )


def _in_large_part(network: RoadNetwork, fragment_nodes: int) -> NDArray[np.bool_]:
    key = ("in_large_part", fragment_nodes)
    cache: dict[Any, Any] = network.__dict__.setdefault("_derived", {})
    if key not in cache:
        large = network.component_sizes() >= fragment_nodes
        large[0] = True
        node_large = large[network.component]
        cache[key] = frozen(node_large[network.edge_u] & node_large[network.edge_v])
    answer: NDArray[np.bool_] = cache[key]
    return answer
