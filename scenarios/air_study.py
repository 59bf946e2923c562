"""What drones came to in a study: its numbers for the summary, and what the map shows of it.

Importing this loads the air router: only where a study has drones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.air_chart import AirChart, AirRoute, BaseFlights
from geo.airspace import Band, Height, Reference, Volume
from geo.points import LocalProjection
from scenarios.air_summary import (
    AirSummary,
    BaseWeather,
    DroneOption,
    FunnelLine,
    IllustrationLine,
    TrialLine,
    VolumeLine,
)
from scenarios.metrics.intervals import Estimate, mean_estimate
from scenarios.metrics.panel import Panel
from sim.drone_funnel import LOST_AT, Stage, funnel
from sim.drone_parameters import DroneBase
from sim.drone_trials import illustrations, lines
from sim.sky import Sky

if TYPE_CHECKING:
    from sim.records import Grounded

REACH_M = 60_000.0
ROUTES_PER_BASE = 6
LOOKED_AT = 100  # flights per base from which those of the map are picked
TIMES = ("launched", "overhead", "delivered", "attached")
_REASON_KEYS = frozenset(LOST_AT)


class Flight(NamedTuple):
    """One way flown, for the map. ``lat, lon``: float64[k] from base to patient."""

    base: str
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    asked: bool


class AirStudy(NamedTuple):
    """Numbers, and shapes for the map. ``radius_m``: by base, how far its drones may fly."""

    summary: AirSummary
    bases: tuple[DroneBase, ...]
    radius_m: dict[str, float]
    volumes: tuple[Volume, ...]
    flights: tuple[Flight, ...]


def air_study(
    panel: Panel, skies: Mapping[str, Sky], grounded: Sequence[Mapping[str, Grounded]]
) -> AirStudy | None:
    """The drones of a study; None where no option flies.

    ``skies``: by option, its drones and their air; ``grounded``: per replication and base, what
    the weather kept from flying (``Records.grounded``).
    """
    flying = {
        option: sky for option, sky in skies.items() if _stages(panel, option)[0].any()
    }  # fmt: skip
    if not flying:
        return None
    bases = _bases(list(flying.values()))
    first = next(iter(flying.values()))
    volumes = _near(first, bases)
    names = dict(pair for option in panel.facts.options for pair in option.bases)
    summary = AirSummary(
        options=tuple(_option(panel, option) for option in flying),
        bases=tuple(_weather(first, base, grounded, names.get(base.base_id)) for base in bases),
        weather_source=first.hours[0].source if first.hours else first.weather.source,
        night_flying=first.drones.night_flying,
        volumes=tuple(_volume(first, item) for item in volumes),
        trials=tuple(
            TrialLine(
                line.trial, line.what, line.role, line.inputs, line.published_s, line.model_s,
                line.tolerance_s, line.holds,
            )
            for line in lines()
        ),
        illustrations=tuple(
            IllustrationLine(item.trial, item.what, item.published, item.model)
            for item in illustrations()
        ),
    )  # fmt: skip
    radius_m = {base.base_id: first.drones.aircraft_of(base).radius_m for base in bases}
    return AirStudy(summary, bases, radius_m, volumes, _flights(panel, flying, volumes))


def _bases(skies: Sequence[Sky]) -> tuple[DroneBase, ...]:
    """Every base that has a drone under some option, with the most that it has."""
    found: dict[str, DroneBase] = {}
    for sky in skies:
        for base in sky.drones.bases:
            known = found.get(base.base_id)
            if base.drones and (known is None or known.drones < base.drones):
                found[base.base_id] = base
    return tuple(found.values())


# --- the funnel ----------------------------------------------------------------------------------


def _stages(panel: Panel, option: str) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
    """Incidents in which drones were thought of, and the last stage that each reached."""
    if not panel.has("drone_stage"):
        return np.zeros(panel.rows, dtype=bool), np.full(panel.rows, "")
    stages = panel.texts(option, "drone_stage")
    return stages != "", stages


def _option(panel: Panel, option: str) -> DroneOption:
    seen, names = _stages(panel, option)
    reasons = panel.texts(option, "drone_reason")
    level = np.array([Stage[name.upper()] if name else -1 for name in names.tolist()])
    steps = funnel(
        (Stage(stage), reason)
        for stage, reason in zip(level[seen].tolist(), reasons[seen].tolist(), strict=True)
    )
    suspected = panel.sums(seen)
    found = [
        FunnelLine(
            step.stage.name.lower(),
            step.reached,
            mean_estimate(panel.sums(level >= step.stage), suspected, share=True),
            step.losses,
        )
        for step in steps
    ]
    times = {name: _mean(panel, option, f"t_drone_{name}_s") for name in TIMES}
    hands_off = _mean(panel, option, "drone_hands_off_s", above_zero=True)
    return DroneOption(option, int(seen.sum()), tuple(found), times, hands_off)


def _mean(panel: Panel, option: str, column: str, *, above_zero: bool = False) -> Estimate:
    """Mean over the incidents that have the number."""
    values = panel.floats(option, column)
    known = np.isfinite(values) & ((values > 0) | (not above_zero))
    return mean_estimate(panel.sums(np.where(known, values, 0.0)), panel.sums(known))


# --- weather -------------------------------------------------------------------------------------


def _weather(
    sky: Sky, base: DroneBase, grounded: Sequence[Mapping[str, Grounded]], name: str | None
) -> BaseWeather:
    years = [item[base.base_id] for item in grounded if base.base_id in item]
    reasons = sorted({name for year in years for name in year.by_reason})

    def mean(values: Sequence[float]) -> Estimate:
        if not values:
            return Estimate(None)
        return mean_estimate(np.array(values), np.ones(len(values)))

    return BaseWeather(
        base=name or base.base_id,
        lat=base.lat,
        lon=base.lon,
        aircraft=sky.drones.aircraft_of(base).name,
        drones=base.drones,
        flyable_share=mean([1.0 - sum(year.by_reason.values()) for year in years]),
        days_grounded=mean([year.hours_as_days for year in years]),
        whole_days=mean([year.whole_days for year in years]),
        by_reason={
            name: mean([365.25 * year.by_reason.get(name, 0.0) for year in years])
            for name in reasons
        },
    )


# --- airspace ------------------------------------------------------------------------------------


def _near(sky: Sky, bases: Sequence[DroneBase]) -> tuple[Volume, ...]:
    """Volumes within reach of a base that its flights' heights meet."""
    band = _band(sky)
    reach_m = max(sky.drones.aircraft_of(base).radius_m for base in bases)
    degrees = reach_m / 111_000.0
    lats, lons = [base.lat for base in bases], [base.lon for base in bases]
    wide = degrees / max(float(np.cos(np.radians(max(map(abs, lats)) + degrees))), 0.1)
    near = sky.airspace.within(
        min(lats) - degrees, min(lons) - wide, max(lats) + degrees, max(lons) + wide
    )
    return tuple(volume for volume in near.volumes if volume.meets(band))


def _band(sky: Sky) -> Band:
    inputs = sky.drones
    return Band(0.0, inputs.cruise_height_m, inputs.ground_low_m, inputs.ground_high_m)


_REFERENCES = {
    Reference.AGL: "above ground",
    Reference.AMSL: "above sea level",
    Reference.WGS84: "above the ellipsoid",
    Reference.LEVEL: "by pressure",
}


def _height(height: Height | None) -> str:
    if height is None:
        return "no upper limit"
    if height.metres <= 0.0:
        return "ground"
    return f"{height.metres:.0f} m {_REFERENCES[height.reference]}"


def _volume(sky: Sky, volume: Volume) -> VolumeLine:
    asks = volume.rule.value == "permission"
    answer = volume.permission or sky.drones.general_permission
    return VolumeLine(
        id=volume.volume_id,
        name=volume.name,
        kind=volume.kind,
        rule=volume.rule.value,
        floor=_height(volume.floor),
        ceiling=_height(volume.ceiling),
        part_time=bool(volume.periods),
        granted_share=answer.granted_share if asks else None,
        wait_median_s=answer.wait_median_s if asks else None,
        source=volume.source,
    )


# --- flights for the map -------------------------------------------------------------------------


def _flights(
    panel: Panel, flying: Mapping[str, Sky], volumes: Sequence[Volume]
) -> tuple[Flight, ...]:
    """Some of the flights of the option that flew most: the crooked ones and the asked ones first.

    Drawn in still air; the simulation also counts the wind of the hour.
    """
    option = max(flying, key=lambda item: int(np.isfinite(_launched(panel, item)).sum()))
    sky = flying[option]
    base_of = panel.texts(option, "drone_base")
    launched = np.flatnonzero(np.isfinite(_launched(panel, option)))
    lat, lon = panel.floats(option, "lat"), panel.floats(option, "lon")
    at_s = panel.floats(option, "t_s")
    asked = panel.bools(option, "drone_asked") & panel.bools(option, "drone_granted")
    ways = _Ways(sky, volumes)
    found: list[Flight] = []
    for base in sky.drones.bases:
        rows = [int(row) for row in launched if base_of[row] == base.base_id][:LOOKED_AT]
        routes = [
            (row, ways.route(base, float(lat[row]), float(lon[row]), float(at_s[row]), asked[row]))
            for row in rows
        ]
        drawn = [(row, route) for row, route in routes if route.is_open]
        drawn.sort(key=lambda item: (-len(item[1].lat), not item[1].asks, item[0]))
        found += [
            Flight(base.base_id, route.lat, route.lon, bool(route.asks))
            for _, route in drawn[:ROUTES_PER_BASE]
        ]
    return tuple(found)


def _launched(panel: Panel, option: str) -> NDArray[np.float64]:
    return panel.floats(option, "t_drone_launched_s")


class _Ways:
    """Routes in still air, one chart for each base and set of volumes that apply."""

    def __init__(self, sky: Sky, volumes: Sequence[Volume]) -> None:
        first = sky.drones.bases[0]
        self.projection = LocalProjection(first.lat, first.lon)
        self.airspace = sky.airspace.with_buffer(sky.drones.navigation_error_m)
        self.near = {volume.volume_id for volume in volumes}
        self.band = _band(sky)
        self._flights: dict[tuple[str, tuple[str, ...]], BaseFlights] = {}

    def route(self, base: DroneBase, lat: float, lon: float, at_s: float, asked: bool) -> AirRoute:
        """The way of one flight."""
        applying = [
            volume
            for volume in self.airspace.constraining(at_s, self.band)
            if volume.volume_id in self.near
        ]
        key = (base.base_id, tuple(v.volume_id for v in applying))
        if key not in self._flights:
            chart = AirChart.build(applying, self.projection, agreed=base.agreed, reach_m=REACH_M)
            self._flights[key] = chart.from_base(base.lat, base.lon)
        flights = self._flights[key]
        return flights.route_if_allowed(lat, lon) if asked else flights.route(lat, lon)
