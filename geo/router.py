"""All questions about one mode of travel, asked with positions.

A ``Router`` holds a network, its hierarchy and one set of travel times. ``with_times`` gives
another router for another hour, congestion or blue lights within milliseconds; the network and
the hierarchy are shared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from geo.errors import NetworkError
from geo.fleet import Fleet
from geo.hierarchy import Hierarchy
from geo.matrix import SparseTimes, TargetSet
from geo.metric import Metric, Metrics, Places
from geo.network import RoadNetwork, network_from_edges
from geo.pairs import pair_times_ds
from geo.reach import Isochrone, Nearest, isochrone, nearest_site, node_times_ds
from geo.route import Route, route
from geo.snap import Positions, positions_on_edges

Ints = NDArray[np.int32]


class Router:
    """The public face of hierarchy, metrics and sweeps. Threads may share it."""

    def __init__(
        self, network: RoadNetwork, hierarchy: Hierarchy, metric: Metric, *, own_times: bool
    ) -> None:
        self.network = network
        self.hierarchy = hierarchy
        self.metric = metric
        self.own_times = own_times

    @classmethod
    def of(cls, network: RoadNetwork, hierarchy: Hierarchy | None = None) -> Router:
        """A router with the network's own times; the hierarchy is built where none is given.

        Raises:
            NetworkError: the hierarchy belongs to another network.
        """
        order = Hierarchy.of(network) if hierarchy is None else hierarchy
        return cls(network, order, Metric.of_network(order, network), own_times=True)

    def with_times(self, forward_ds: ArrayLike, backward_ds: ArrayLike) -> Router:
        """The same streets with other times per edge (deciseconds, INF_DS closed).

        A street that is closed to the network's mode may be opened, and the other way round.

        Raises:
            NetworkError: not one time per edge, or a negative one.
        """
        metric = Metric.of(self.hierarchy, forward_ds, backward_ds)
        return Router(self.network, self.hierarchy, metric, own_times=False)

    def with_many_times(self, forward_ds: ArrayLike, backward_ds: ArrayLike) -> list[Router]:
        """One router per row of times [L, E], all filled in one pass: for the hours of a day.

        Raises:
            NetworkError: as ``with_times``.
        """
        metrics = Metrics.of(self.hierarchy, forward_ds, backward_ds)
        return [
            Router(self.network, self.hierarchy, metrics[i], own_times=False)
            for i in range(len(metrics))
        ]

    def places(self, positions: Positions) -> Places:
        """The positions with this router's times; keep them when they are asked about often."""
        if len(positions) and int(positions.edge.max()) >= self.network.n_edges:
            raise NetworkError(f"positions: not on this {self.network.mode} network")
        return Places.of_positions(self.metric, positions, own_times=self.own_times)

    def pair_times_ds(self, sources: Positions, targets: Positions) -> Ints:
        """Time from source i to target i."""
        return pair_times_ds(self.metric, self.places(sources), self.places(targets))

    def target_set(self, targets: Positions) -> TargetSet:
        """Targets that are asked again and again."""
        return TargetSet(self.metric, self.places(targets))

    def times_ds(
        self,
        sources: Positions,
        targets: Positions,
        *,
        dtype: DTypeLike = np.int32,
        out: NDArray[Any] | None = None,
        threads: int = 1,
    ) -> NDArray[Any]:
        """Times from every source to every target; see ``TargetSet.times_ds``."""
        wanted = self.target_set(targets)
        return wanted.times_ds(self.places(sources), dtype=dtype, out=out, threads=threads)

    def times_within(
        self, sources: Positions, targets: Positions, *, cutoff_s: float, threads: int = 1
    ) -> SparseTimes:
        """The times of at most ``cutoff_s`` seconds; see ``TargetSet.times_within``."""
        wanted = self.target_set(targets)
        return wanted.times_within(self.places(sources), cutoff_s=cutoff_s, threads=threads)

    def node_times_ds(self, places: Positions, *, towards: bool = False) -> Ints:
        """Times from the soonest of the places to every junction, or from there to the places."""
        metric, asked = self._facing(self.places(places), towards=towards)
        return node_times_ds(metric, asked)

    def isochrone(self, places: Positions, *, bound_s: float, towards: bool = False) -> Isochrone:
        """All streets within a time of the soonest of the places, or from which it is reached.

        Raises:
            NetworkError: a bound that is negative or not a number.
        """
        metric, asked = self._facing(self.places(places), towards=towards)
        return isochrone(metric, asked, bound_s=bound_s)

    def nearest_site(
        self, sites: Positions, places: Positions | None = None, *, towards: bool = False
    ) -> Nearest:
        """The site that reaches each place (or junction) soonest, or is reached from it."""
        metric, asked = self._facing(self.places(sites), towards=towards)
        wanted = None if places is None else self.places(places)
        if wanted is not None and towards:
            wanted = wanted.turned
        return nearest_site(metric, asked, wanted)

    def fleet(self, places: Positions) -> Fleet:
        """A fleet of units at these positions, to be moved and asked for the nearest."""
        return Fleet(self.metric, self.places(places))

    def route(self, start: Positions, end: Positions) -> Route | None:
        """The fastest way between two positions, or None; see ``geo.route.route``."""
        return route(self.network, self.metric, start, end, own_times=self.own_times)

    def _facing(self, places: Places, *, towards: bool) -> tuple[Metric, Places]:
        return (self.metric.turned, places.turned) if towards else (self.metric, places)


def warmup() -> None:
    """Compiles, or loads from the cache, what the first questions would otherwise wait for."""
    u, v = np.triu_indices(4, k=1)
    network = network_from_edges(
        "foot",
        node_lat=np.array([0.0, 0.0, 0.001, 0.001, 0.002]),
        node_lon=np.array([0.0, 0.001, 0.0, 0.001, 0.0]),
        edge_u=np.append(u, 0),
        edge_v=np.append(v, 4),
        edge_length_m=np.full(7, 100.0),
        edge_forward_ds=np.full(7, 700),
        edge_backward_ds=np.full(7, 700),
    )
    router = Router.of(network)
    places = positions_on_edges(network, np.arange(7), np.full(7, 0.5))
    for kind in (np.int32, np.uint16):
        router.times_ds(places, places, dtype=kind)
    router.times_within(places, places, cutoff_s=60.0)
    router.times_within(places, places, cutoff_s=20_000.0)
    router.pair_times_ds(places, places)
    router.nearest_site(places, places)
    router.isochrone(places.take([0]), bound_s=60.0)
    fleet = router.fleet(places)
    fleet.move([0], router.places(places.take([3])))
    fleet.nearest(router.places(places), 2)
    fleet.times_ds(router.places(places))
    router.route(places.take([0]), places.take([5]))
    router.with_many_times(network.edge_forward_ds[None], network.edge_backward_ds[None])
