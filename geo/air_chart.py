"""Flights on the map: which way, what it must ask for, or why there is none.

Two obstacle maps stand behind a chart: one with everything that forbids or asks, one with what
forbids only. A target that the first one reaches needs nobody's word; one that only the second
reaches needs permission for every volume that the route crosses.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.air_routes import BaseRoutes, ObstacleMap, PlaneRoute, Reach
from geo.airspace import Rule, Volume, in_plane
from geo.points import LocalProjection

_INWARD_M = 0.01


@dataclass(frozen=True)
class AirRoute:
    """One route on the map. ``lat, lon``: float64[k], base, turns, target; empty without a way.

    ``asks``: ids of the volumes that need permission, in no order. ``air_m``: way through the air;
    divided by the airspeed it is the time of flight. ``back_air_m``: the
    same for flying it backwards.
    """

    reach: Reach
    length_m: float
    air_m: float
    back_air_m: float
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    asks: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether there is a way."""
        return self.reach is Reach.OPEN


@dataclass(frozen=True)
class AirChart:
    """No-fly volumes of one time and one band of heights, ready for routes; ``build`` makes it."""

    projection: LocalProjection
    unasked: ObstacleMap
    asked: ObstacleMap
    asking: tuple[Volume, ...]
    asking_shapes: tuple[shapely.Geometry, ...]

    @classmethod
    def build(
        cls,
        volumes: Sequence[Volume],
        projection: LocalProjection,
        *,
        agreed: Collection[str] = (),
        reach_m: float = 30_000.0,
    ) -> AirChart:
        """A chart of ``volumes``, as ``Airspace.constraining`` gives them.

        ``agreed``: ids of volumes with a standing agreement, as the aerodrome that a base stands
        on: open without asking. ``reach_m``: how far beyond the volumes bases and targets may lie.

        Raises:
            AirRouteError: an outline that is not a valid polygon, or volumes too far apart.
        """
        counted = [v for v in volumes if v.volume_id not in agreed]
        forbidden = [in_plane(v, projection) for v in counted if v.rule is Rule.FORBID]
        asking = tuple(v for v in counted if v.rule is Rule.PERMISSION)
        shapes = tuple(in_plane(v, projection) for v in asking)
        asked = ObstacleMap.build(forbidden, reach_m=reach_m)
        unasked = ObstacleMap.build([*forbidden, *shapes], reach_m=reach_m) if asking else asked
        return cls(projection, unasked, asked, asking, shapes)

    def from_base(
        self, lat: float, lon: float, *, wind_over_airspeed: tuple[float, float] = (0.0, 0.0)
    ) -> BaseFlights:
        """All routes from one base in one wind (see ``ObstacleMap.from_base``).

        Raises:
            AirRouteError: the wind is not slower than the aircraft, or the base is off the map.
        """
        x, y = (float(v) for v in self.projection.to_xy_m(lat, lon))
        unasked = self.unasked.from_base(x, y, wind_over_airspeed=wind_over_airspeed)
        asked = (
            unasked
            if self.asked is self.unasked
            else self.asked.from_base(x, y, wind_over_airspeed=wind_over_airspeed)
        )
        return BaseFlights(self, unasked, asked)

    def volumes_at(self, lat: float, lon: float) -> tuple[str, ...]:
        """Ids of the volumes asking for permission in which a place lies."""
        x, y = self.projection.to_xy_m(lat, lon)
        place = shapely.Point(float(x), float(y))
        return tuple(
            volume.volume_id
            for volume, shape in zip(self.asking, self.asking_shapes, strict=True)
            if shapely.contains_properly(shape, place)
        )

    def _crossed(self, route: PlaneRoute) -> tuple[str, ...]:
        if len(route.x_m) == 0 or not self.asking:
            return ()
        places = np.column_stack((route.x_m, route.y_m))
        line = shapely.LineString(places) if len(places) > 1 else shapely.Point(places[0])
        return tuple(
            volume.volume_id
            for volume, shape in zip(self.asking, self.asking_shapes, strict=True)
            if shapely.intersects(shape, line)
            and shapely.intersects(shapely.buffer(shape, -_INWARD_M), line)
        )


@dataclass(frozen=True)
class BaseFlights:
    """All routes from one base in one wind: what ``AirChart.from_base`` returns."""

    chart: AirChart
    unasked: BaseRoutes
    asked: BaseRoutes

    def route(self, lat: float, lon: float) -> AirRoute:
        """The best route that needs nobody's permission, or why there is none."""
        return self._route(self.unasked, lat, lon)

    def route_if_allowed(self, lat: float, lon: float) -> AirRoute:
        """The best route if every permission were given; ``asks`` names those that it needs."""
        return self._route(self.asked, lat, lon)

    def air_m(self, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
        """Way through the air to many places without permission: float64[k], inf where none."""
        return self.unasked.air_m_to_many(*self.chart.projection.to_xy_m(lat, lon))

    def air_m_if_allowed(
        self, lat: NDArray[np.float64], lon: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """``air_m`` if every permission were given."""
        return self.asked.air_m_to_many(*self.chart.projection.to_xy_m(lat, lon))

    def _route(self, routes: BaseRoutes, lat: float, lon: float) -> AirRoute:
        x, y = (float(v) for v in self.chart.projection.to_xy_m(lat, lon))
        plane = routes.route(x, y)
        lats, lons = self.chart.projection.to_lat_lon(plane.x_m, plane.y_m)
        asks = () if routes is self.unasked else self.chart._crossed(plane)
        return AirRoute(
            plane.reach, plane.length_m, plane.air_m, plane.back_air_m, lats, lons, asks
        )
