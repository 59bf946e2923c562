"""From the scenario's tables to the simulator's parameters."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel

from scenarios.schema import PRESSURE, ModeShares, Scenario
from scenarios.table import Duration
from sim.parameters import (
    AedParameters,
    AmbulanceParameters,
    ArrivalParameters,
    ClockParameters,
    ControlParameters,
    DayNight,
    FleetParameters,
    GroupParameters,
    Hospital,
    Lognormal,
    OutcomeParameters,
    PatientParameters,
    PeopleParameters,
    SceneParameters,
    Station,
    WorldParameters,
)

T = TypeVar("T", bound=msgspec.Struct)


def to_parameters(scenario: Scenario) -> WorldParameters:
    """The parameters that one replication needs; rows of CSV files are added by ``inputs``."""
    people = scenario.responders
    night_from, night_to = people.night_hours
    return WorldParameters(
        clock=ClockParameters(
            start_date=scenario.run.start_date.isoformat(),
            years=scenario.run.years,
            night_from_hour=night_from,
            night_to_hour=night_to,
        ),
        arrivals=_struct(
            ArrivalParameters,
            scenario.incidents,
            population=scenario.region.population,
        ),
        patient=_struct(PatientParameters, scenario.patient),
        people=_struct(
            PeopleParameters,
            people,
            modes=_mode_shares(people.modes),
            **people.presence.model_dump(),
        ),
        aeds=_struct(AedParameters, scenario.aeds),
        ambulance=_struct(AmbulanceParameters, scenario.ambulance),
        fleet=_fleet(scenario) if scenario.ambulance.model == "fleet" else None,
        scene=_struct(SceneParameters, scenario.scene),
        control=_struct(ControlParameters, scenario.control),
        outcome=_struct(OutcomeParameters, scenario.outcome),
    )


def _mode_shares(shares: ModeShares) -> list[tuple[str, float]]:
    stated = (("foot", shares.foot), ("bicycle", shares.bicycle), ("car", shares.car))
    return [(mode, share) for mode, share in stated if share > 0.0]


def _fleet(scenario: Scenario) -> FleetParameters:
    """The fleet with the stations and hospitals that stand in the scenario file itself."""
    table, groups = scenario.ambulance.fleet, scenario.groups
    demand, handover = PRESSURE[table.pressure_level or 1]
    return _struct(
        FleetParameters,
        table,
        stations=[_struct(Station, row) for row in table.stations],
        hospitals=[
            Hospital(row.name, row.lat, row.lon, lognormal(row.handover or table.handover))
            for row in table.hospitals
        ],
        group=GroupParameters(
            on_duty_share=DayNight(groups.on_duty_share.day, groups.on_duty_share.night),
            turnout=lognormal(groups.turnout_day),
            turnout_night=lognormal(groups.turnout_night),
            speed_factor=groups.speed_factor,
            within_s=groups.within_s,
        ),
        demand_pressure=table.demand_pressure * demand,
        handover_pressure=table.handover_pressure * handover,
    )


def lognormal(duration: Duration) -> Lognormal:
    """A duration of the scenario as the simulator has it."""
    return Lognormal(duration.median_s, duration.sigma)


def _struct(kind: type[T], table: BaseModel, **more: Any) -> T:
    """The fields of a table that the struct has as well, and ``more``."""
    known = {field.name for field in msgspec.structs.fields(kind)}
    values = {name: value for name, value in table.model_dump().items() if name in known}
    return msgspec.convert({**values, **more}, kind, from_attributes=True)
