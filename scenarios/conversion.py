"""From the scenario's tables to the simulator's parameters."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel

from scenarios.schema import Scenario
from sim.parameters import (
    AedParameters,
    AmbulanceParameters,
    ArrivalParameters,
    ClockParameters,
    OutcomeParameters,
    PatientParameters,
    PeopleParameters,
    SceneParameters,
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
        people=_struct(PeopleParameters, people, **people.presence.model_dump()),
        aeds=_struct(AedParameters, scenario.aeds),
        ambulance=_struct(AmbulanceParameters, scenario.ambulance),
        scene=_struct(SceneParameters, scenario.scene),
        outcome=_struct(OutcomeParameters, scenario.outcome),
    )


def _struct(kind: type[T], table: BaseModel, **more: Any) -> T:
    """The fields of a table that the struct has as well, and ``more``."""
    known = {field.name for field in msgspec.structs.fields(kind)}
    values = {name: value for name, value in table.model_dump().items() if name in known}
    return msgspec.convert({**values, **more}, kind)
