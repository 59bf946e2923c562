"""The air over a study: which way each drone can go, at what hour, and why not.

Charts are kept for each set of volumes that apply, and ways from a base for each of them and each
wind in steps of 1 m/s and 10 degrees: finer than any forecast, and a question asked again costs
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct

from geo.air_chart import AirChart, AirRoute, BaseFlights
from geo.air_routes import Reach
from geo.aircraft import Aircraft, Delivery
from geo.airspace import Airspace, Band, Permission, Volume
from geo.flight import flight_times, mission, wind_at_height_mps, wind_vector_mps
from geo.points import LocalProjection, haversine_m
from geo.weather import Conditions, WeatherSeries
from sim.drone_parameters import DroneBase, DroneParameters

_WIND_STEP_MPS = 1.0
_WIND_STEP_DEG = 10.0
_REACH_M = 60_000.0
_KEPT = 512


class Way(Struct, frozen=True):
    """One way out: its times in seconds and its ways through the air in metres.

    ``asks``: volumes that must be asked for. ``route``: its geometry, for the map.
    """

    route: AirRoute
    flight_s: float  # take-off to being over the place, settling apart
    home_s: float
    energy_j: float
    asks: tuple[str, ...] = ()


class Outlook(Struct, frozen=True):
    """What a base can do for one place at one moment.

    ``unasked``: the best way without asking anybody; ``asked``: a shorter one, or the only one, if
    permission is given. Both None: ``reason`` says why there is no flight.
    """

    unasked: Way | None
    asked: Way | None
    permission: Permission | None
    delivery: Delivery
    reason: str = ""


class AirWorld:
    """Bases, airspace and weather of one replication."""

    def __init__(
        self,
        parameters: DroneParameters,
        airspace: Airspace,
        weather: Sequence[WeatherSeries],
    ) -> None:
        """``weather``: one series for each base, in their order."""
        self.parameters = parameters
        self.airspace = airspace.with_buffer(parameters.navigation_error_m)
        self.weather = weather
        first = parameters.bases[0]
        self.projection = LocalProjection(first.lat, first.lon)
        self.band = Band(
            0.0, parameters.cruise_height_m, parameters.ground_low_m, parameters.ground_high_m
        )
        self._chart = lru_cache(maxsize=64)(self._build_chart)
        self._flights = lru_cache(maxsize=_KEPT)(self._build_flights)
        self._by_id = {volume.volume_id: volume for volume in airspace.volumes}

    def outlook(self, base: int, lat: float, lon: float, at_s: float) -> Outlook:
        """What a drone of the base could do for a place, its own readiness apart."""
        stand, kind = self.parameters.bases[base], self._aircraft(base)
        delivery = kind.delivery[0]
        if float(haversine_m(stand.lat, stand.lon, lat, lon)) > kind.radius_m:
            return Outlook(None, None, None, delivery, "too_far")
        now = self.weather[base].at(at_s)
        grounded = kind.grounded(
            now,
            night_flying=self.parameters.night_flying,
            least_visibility_m=self.parameters.least_visibility_m,
        )
        if grounded is not None:
            return Outlook(None, None, None, delivery, grounded.value)
        wind = self._wind(now)
        if wind[0] >= kind.cruise_mps:
            return Outlook(None, None, None, delivery, "wind")
        flights = self._flights(base, wind, self._applying(at_s))
        unasked, why_not = self._way(base, flights.route(lat, lon), now, delivery)
        allowed, why_not_allowed = self._way(
            base, flights.route_if_allowed(lat, lon), now, delivery
        )
        asked = allowed if allowed is not None and allowed.asks else None
        if unasked is not None and asked is not None and asked.flight_s >= unasked.flight_s:
            asked = None
        if unasked is None and asked is None:
            reason = why_not_allowed if allowed is None else why_not
            return Outlook(None, None, None, delivery, reason)
        permission = None if asked is None else self._permission(asked.asks)
        return Outlook(unasked, asked, permission, delivery)

    def _aircraft(self, base: int) -> Aircraft:
        return self.parameters.aircraft_of(self.parameters.bases[base])

    def _wind(self, now: Conditions) -> tuple[float, float]:
        """Speed at the cruising height and the direction that it comes from, in steps."""
        speed = wind_at_height_mps(now.wind_mps, self.parameters.cruise_height_m)
        steps = round(now.wind_from_deg / _WIND_STEP_DEG) * _WIND_STEP_DEG
        return round(speed / _WIND_STEP_MPS) * _WIND_STEP_MPS, steps % 360.0

    def _applying(self, at_s: float) -> tuple[int, ...]:
        kept = {id(volume) for volume in self.airspace.constraining(at_s, self.band)}
        return tuple(k for k, v in enumerate(self.airspace.volumes) if id(v) in kept)

    def _build_chart(self, agreed: tuple[str, ...], applying: tuple[int, ...]) -> AirChart:
        volumes: list[Volume] = [self.airspace.volumes[k] for k in applying]
        return AirChart.build(volumes, self.projection, agreed=agreed, reach_m=_REACH_M)

    def _build_flights(
        self, base: int, wind: tuple[float, float], applying: tuple[int, ...]
    ) -> BaseFlights:
        stand, kind = self.parameters.bases[base], self._aircraft(base)
        east, north = wind_vector_mps(*wind)
        chart = self._chart(tuple(sorted(stand.agreed)), applying)
        over = (east / kind.cruise_mps, north / kind.cruise_mps)
        return chart.from_base(stand.lat, stand.lon, wind_over_airspeed=over)

    def _way(
        self, base: int, route: AirRoute, now: Conditions, delivery: Delivery
    ) -> tuple[Way | None, str]:
        """The route as a way that may be flown, or why not."""
        inputs, kind = self.parameters, self._aircraft(base)
        if not route.is_open:
            return None, {
                Reach.BASE_INSIDE: "base_in_volume",
                Reach.TARGET_INSIDE: "no_fly_zone",
                Reach.ENCLOSED: "enclosed",
            }[route.reach]
        if route.length_m > kind.radius_m:
            return None, "too_far"
        bottom = 0.0 if delivery is Delivery.LANDING else inputs.delivery_height_m
        out = flight_times(
            kind,
            route.air_m,
            cruise_height_m=inputs.cruise_height_m,
            delivery_height_m=inputs.delivery_height_m,
        )
        home = flight_times(kind, route.back_air_m, cruise_height_m=inputs.cruise_height_m - bottom)
        flown = mission(
            kind,
            out_air_m=route.air_m,
            back_air_m=route.back_air_m,
            payload_kg=inputs.payload_kg,
            cruise_height_m=inputs.cruise_height_m,
            delivery=delivery,
            delivery_height_m=inputs.delivery_height_m,
            reserve_share=inputs.reserve_share,
            temperature_c=now.temperature_c,
        )
        if flown.refusal:
            return None, "energy"
        return Way(route, out.total_s, home.total_s, flown.energy_j, route.asks), ""

    def _permission(self, asks: tuple[str, ...]) -> Permission:
        """Of several, the least likely and the slowest: one controller speaks for all."""
        general = self.parameters.general_permission
        answers = [self._by_id[name].permission or general for name in asks]
        slowest = max(answers, key=lambda answer: answer.wait_median_s)
        return Permission(
            min(answer.granted_share for answer in answers),
            slowest.wait_median_s,
            slowest.wait_sigma,
            slowest.source,
        )


def base_of_drones(bases: Sequence[DroneBase]) -> tuple[int, ...]:
    """Index of the base of drone 0, 1, 2 ...: drones are numbered base by base.

    Numbers kept for drones that are not there count as well.
    """
    return tuple(k for k, base in enumerate(bases) for _ in range(max(base.drones, base.slots)))
