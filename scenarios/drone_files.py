"""From ``[drones]`` and ``[weather]`` to the sky over a study, with the files that they name.

Importing this loads the air router: only inside commands, and only where a scenario has a base.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from geo.airspace import Airspace, Permission
from geo.airspace_files import read_airspace
from geo.airspace_osm import derive
from geo.errors import FaultyFileError
from geo.weather import WeatherSeries, read_weather_csv
from scenarios.conversion import lognormal
from scenarios.drone_tables import (
    OSM,
    REMOTE,
    DroneBaseRow,
    DronesTable,
    HandOverTable,
    WeatherTable,
)
from scenarios.errors import Fault, InputFaults
from scenarios.means_files import bases_of, flying
from scenarios.schema import Scenario
from sim.drone_parameters import DroneBase, DroneParameters, HandOverParameters, Suspicion
from sim.parameters import DayNight
from sim.sky import WIDER_DEG, Sky, check_sky
from sim.weather import WeatherParameters

Bounds = tuple[float, float, float, float]


def sky_of(scenario: Scenario) -> Sky | None:
    """The drones, airspace and weather that a scenario asks for; None without a base.

    Raises:
        InputFaults: a value or a file is wrong; every fault of a file is listed.
    """
    bases = bases_of(scenario)
    with_drones = {row.id for row in flying(scenario)}
    if not with_drones:
        return None
    drones = _drones(scenario.drones, bases, with_drones)
    sky = Sky(
        drones,
        _airspace(scenario, bases),
        weather=_climate(scenario.weather),
        hours=_hours(scenario, bases),
    )
    faults = check_sky(sky)
    if faults:
        file = "scenario" if scenario.file is None else str(scenario.file)
        raise InputFaults([Fault(file, fault.field, fault.expected) for fault in faults])
    return sky


def _drones(
    table: DronesTable, bases: Sequence[DroneBaseRow], with_drones: Container[str]
) -> DroneParameters:
    """A base without drones keeps its place, so that draws of the others stay what they are."""
    low_m, high_m = table.ground_elevation_m
    answer = table.permission
    usual, by_time = Suspicion(), table.no_place_share
    return DroneParameters(
        bases=tuple(
            DroneBase(
                row.id,
                row.lat,
                row.lon,
                row.drones if row.id in with_drones else 0,
                row.aircraft,
                row.spare_batteries,
                row.agreed,
                slots=row.drones,
            )
            for row in bases
        ),
        cruise_height_m=table.cruise_height_m,
        delivery_height_m=min(DroneParameters(()).delivery_height_m, table.cruise_height_m),
        night_flying=table.night_flying,
        ground_low_m=low_m,
        ground_high_m=high_m,
        general_permission=Permission(
            answer.granted_share, answer.wait_median_s, answer.wait_sigma
        ),
        start_failed_share=table.start_failed_share,
        queue_s=table.queue_s,
        suspicion=Suspicion(table.suspected_share, usual.after),
        preparation=lognormal(table.preparation),
        busy_s=table.busy_s,
        child_share=table.child_share,
        trauma_share=table.trauma_share,
        no_place_share=DayNight(by_time.day, by_time.night),
        hand_over=_hand_over(table.hand_over),
    )


def _hand_over(table: HandOverTable) -> HandOverParameters:
    return HandOverParameters(
        fetch=lognormal(table.fetch),
        trained_attach=lognormal(table.trained_attach),
        lay_attach=lognormal(table.lay_attach),
        alone_hands_off=lognormal(table.alone_hands_off),
        second_person_home_share=table.second_person_home_share,
        second_person_public_share=table.second_person_public_share,
        refuses_share=table.refuses_share,
    )


def _climate(table: WeatherTable) -> WeatherParameters:
    """The seeded weather, as the scenario has it."""
    known = {field.name for field in msgspec.structs.fields(WeatherParameters)}
    stated = {key: value for key, value in table if key in known}
    return msgspec.structs.replace(WeatherParameters(), **stated)


# --- airspace ----------------------------------------------------------------------------------


def _airspace(scenario: Scenario, bases: Sequence[DroneBaseRow]) -> Airspace:
    """All that the scenario names, added up."""
    bounds = _bounds(bases)
    found, faults = Airspace(()), list[Fault]()
    for name in scenario.drones.airspace:
        try:
            found = found + _READERS.get(name, _from_file)(scenario, name, bounds)
        except FaultyFileError as error:
            faults += [Fault(name, "", line) for line in error.faults]
    if faults:
        raise InputFaults(faults)
    return found


def _bounds(bases: Sequence[DroneBaseRow]) -> Bounds:
    """South, west, north, east: the bases, and as far around as any drone flies."""
    lats, lons = [row.lat for row in bases], [row.lon for row in bases]
    return (
        min(lats) - WIDER_DEG,
        min(lons) - WIDER_DEG,
        max(lats) + WIDER_DEG,
        max(lons) + WIDER_DEG,
    )


def _from_file(scenario: Scenario, name: str, bounds: Bounds) -> Airspace:
    return read_airspace(scenario.path(name), region_bounds=bounds)


def _from_extract(scenario: Scenario, _: str, bounds: Bounds) -> Airspace:
    from geo.osm_airspace import read_air_features  # noqa: PLC0415 - osmium

    extract = scenario.path(scenario.region.source)
    if not extract.is_file():
        expected = "an extract as [region] source, to derive zones from"
        raise InputFaults([Fault(_file(scenario), "drones.airspace", expected, str(extract))])
    return derive(read_air_features(extract)).within(*bounds)


def _of_the_district(_: Scenario, __: str, bounds: Bounds) -> Airspace:
    from scenarios.remote.air import airspace_features  # noqa: PLC0415
    from scenarios.remote.writing import CENTRE  # noqa: PLC0415
    from scenarios.town.files import write_collection  # noqa: PLC0415

    with TemporaryDirectory() as folder:
        file = Path(folder) / "remote.geojson"
        write_collection(file, airspace_features(CENTRE), title="Remote district", note="invented")
        return read_airspace(file, region_bounds=bounds)


_READERS: dict[str, Callable[[Scenario, str, Bounds], Airspace]] = {
    OSM: _from_extract,
    REMOTE: _of_the_district,
}


# --- weather -----------------------------------------------------------------------------------


def _hours(scenario: Scenario, bases: Sequence[DroneBaseRow]) -> tuple[WeatherSeries, ...]:
    """Observed hours, the same file at each base; none where they are drawn."""
    named = scenario.weather.csv
    if named is None:
        return ()
    try:
        return tuple(
            read_weather_csv(scenario.path(named), lat=row.lat, lon=row.lon) for row in bases
        )
    except FaultyFileError as error:
        raise InputFaults([Fault(named, "", line) for line in error.faults]) from None


def _file(scenario: Scenario) -> str:
    return "scenario" if scenario.file is None else str(scenario.file)
