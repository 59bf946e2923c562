"""Flat records: what a replication leaves behind. Nothing is averaged here.

Three tables, one row per incident and policy, per alert, per event. Names carry units; columns
named ``t_…_s`` and ``…_t_s`` are seconds from the call, but ``incidents.t_s`` which is the moment
of the call (UTC epoch seconds). Missing is ``None``, never a sentinel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "int", "float", "bool"]

INCIDENT_COLUMNS: tuple[tuple[str, Kind], ...] = (
    ("policy", "text"),
    ("replication", "int"),
    ("incident_id", "text"),
    ("t_s", "float"),
    ("lat", "float"),
    ("lon", "float"),
    ("zone", "text"),
    ("place_kind", "text"),  # home | public
    ("true_arrest", "bool"),
    ("witnessed", "bool"),
    ("n_asked", "int"),
    ("n_yes", "int"),
    ("n_arrived_before_ambulance", "int"),
    ("t_recognised_s", "float"),
    ("t_first_alert_s", "float"),
    ("t_cpr_any_s", "float"),
    ("t_trained_hands_s", "float"),  # a volunteer or the crew at the patient
    ("t_aed_attached_s", "float"),  # any defibrillator, the crew's included
    ("t_shock_s", "float"),  # when a first shock could be given
    ("t_ambulance_s", "float"),
    ("first_aed_source", "text"),  # responder | co_responder | public | drone | ambulance | none
)
"""Then ``survival_<model>`` per outcome model, ``invented``, and ``MORE_INCIDENT_COLUMNS``."""

MORE_INCIDENT_COLUMNS: tuple[tuple[str, Kind], ...] = (
    ("local_hour", "int"),
    ("night", "bool"),
    ("t_collapse_s", "float"),  # before the call: not positive
    ("t_bystander_cpr_s", "float"),  # as today, without any volunteer
    ("t_public_aed_s", "float"),  # AED fetched by a bystander, attached
    ("t_first_volunteer_s", "float"),  # first volunteer at the scene
    ("t_crew_at_patient_s", "float"),
    ("first_cpr_by", "text"),  # bystander | telephone | (co_)responder | ambulance | none
    ("shockable", "bool"),  # drawn, at ``t_shock_s``
    ("n_arrived", "int"),  # volunteers at the scene, before the ambulance or after it
    ("n_with_aed", "int"),  # of them with an AED
    ("n_redundant", "int"),  # at the scene after the ambulance or another volunteer
    ("end_reason", "text"),
    ("t_co_responder_s", "float"),  # first co-responder of the fleet at the scene
)

DRONE_FIELDS: tuple[tuple[str, Kind], ...] = (
    ("stage", "text"),
    ("reason", "text"),
    ("base_id", "text"),
    ("drone", "int"),
    ("distance_m", "float"),
    ("asked", "bool"),
    ("granted", "bool"),
    ("readied_s", "float"),
    ("launched_s", "float"),
    ("overhead_s", "float"),
    ("delivered_s", "float"),
    ("taken_s", "float"),
    ("attached_s", "float"),
    ("taken_by", "text"),
    ("hands_off_s", "float"),
    ("recalled_for", "text"),
)
"""Fields of ``drone_funnel.DroneRow`` and what they hold."""

DRONE_COLUMNS: tuple[tuple[str, Kind], ...] = (
    ("drone_stage", "text"),  # the last stage reached: suspected, eligible, in_reach ... shock
    ("drone_reason", "text"),  # what stopped it, a key of drone_funnel.LOST_AT; "" for a shock
    ("drone_base", "text"),
    ("drone_number", "int"),
    ("drone_distance_m", "float"),  # along the route
    ("drone_asked", "bool"),  # permission
    ("drone_granted", "bool"),
    ("t_drone_readied_s", "float"),
    ("t_drone_launched_s", "float"),
    ("t_drone_overhead_s", "float"),
    ("t_drone_delivered_s", "float"),
    ("t_drone_taken_s", "float"),
    ("t_drone_attached_s", "float"),
    ("drone_taken_by", "text"),  # volunteer | bystander | nobody
    ("drone_hands_off_s", "float"),  # compressions stopped to fetch it
    ("drone_recalled_for", "text"),
)
"""Last of all, where the setting has drones; missing under a policy that uses none."""

ALERT_COLUMNS: tuple[tuple[str, Kind], ...] = (
    ("policy", "text"),
    ("replication", "int"),
    ("incident_id", "text"),
    ("alert_id", "int"),
    ("responder_id", "int"),
    ("role", "text"),  # the last one
    ("wave", "int"),
    ("asked_t_s", "float"),
    ("local_hour", "int"),
    ("night", "bool"),
    ("outcome", "text"),
    ("accepted", "bool"),
    ("delivered_t_s", "float"),
    ("seen_t_s", "float"),
    ("answered_t_s", "float"),
    ("moving_t_s", "float"),
    ("aed_t_s", "float"),  # AED in hand
    ("arrived_t_s", "float"),
    ("with_patient_t_s", "float"),
    ("ended_t_s", "float"),
    ("eta_s", "float"),  # expected travel time when asked
    ("aed_id", "int"),
    ("reason", "text"),
    ("end_reason", "text"),
    ("distance_m", "float"),  # straight line from the reported position when the call came
)

EVENT_COLUMNS: tuple[tuple[str, Kind], ...] = (
    ("policy", "text"),
    ("replication", "int"),
    ("incident_id", "text"),
    ("seq", "int"),
    ("t_s", "float"),
    ("actor", "text"),
    ("event", "text"),
    ("detail", "text"),
)


def incident_columns(
    models: tuple[str, ...], *, drones: bool = False
) -> tuple[tuple[str, Kind], ...]:
    """All columns of the incidents table, in order, for these outcome models.

    ``drones``: with those of a study that has drones.
    """
    survival: tuple[tuple[str, Kind], ...] = tuple((f"survival_{name}", "float") for name in models)
    more = (*MORE_INCIDENT_COLUMNS, *(DRONE_COLUMNS if drones else ()))
    return (*INCIDENT_COLUMNS, *survival, ("invented", "bool"), *more)


@dataclass
class Table:
    """Rows under named, typed columns."""

    columns: tuple[tuple[str, Kind], ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> list[Any]:
        """All values of one column."""
        index = [column for column, _ in self.columns].index(name)
        return [row[index] for row in self.rows]


@dataclass(frozen=True)
class Grounded:
    """What the weather of one replication kept from flying at one base, a year.

    ``hours_as_days``: grounded hours as days; ``whole_days``: days without one flyable hour;
    ``by_reason``: share of all hours, the first reason that holds.
    """

    hours_as_days: float
    whole_days: float
    by_reason: dict[str, float]


def other_aircraft(base_id: str, aircraft: str) -> str:
    """Key in ``Records.grounded`` of a base that has another type in a later scene."""
    return f"{base_id} ({aircraft})"


@dataclass
class Records:
    """What one replication of one or more policies leaves behind."""

    incidents: Table
    alerts: Table
    events: Table
    volunteers: int = 0  # people of the replication
    people: dict[str, int] = field(default_factory=dict)  # by policy, where means differ
    grounded: dict[str, Grounded] = field(default_factory=dict)  # by base with a drone

    @classmethod
    def empty(cls, models: tuple[str, ...], *, drones: bool = False) -> Records:
        """Tables without rows."""
        incidents = Table(incident_columns(models, drones=drones))
        return cls(incidents, Table(ALERT_COLUMNS), Table(EVENT_COLUMNS))

    def sort(self) -> None:
        """Every table in order of policy, replication and incident; alerts and events in theirs."""
        self.incidents.rows.sort(key=lambda row: row[:3])
        self.alerts.rows.sort(key=lambda row: row[:4])
        self.events.rows.sort(key=lambda row: row[:4])

    def add(self, other: Records) -> None:
        """Append the rows of another; columns of drones that it lacks stay empty."""
        wider = len(self.incidents.columns) - len(other.incidents.columns)
        nothing = (None,) * wider
        self.incidents.rows += (
            [*((*row, *nothing) for row in other.incidents.rows)] if wider else other.incidents.rows
        )
        self.alerts.rows += other.alerts.rows
        self.events.rows += other.events.rows
