"""From moments to a row: what an incident came to, and its probability of survival."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from sim import outcomes
from sim.backdrop import Backdrop
from sim.drone_funnel import DroneRow, Stage, lost
from sim.outcomes import OutcomeTimes
from sim.randomness import Purpose
from sim.records import DRONE_FIELDS

Floats = NDArray[np.float64]
NEVER = float("inf")


class Summary(NamedTuple):
    """What one policy changed in one incident; seconds from the call, ``None``: never.

    ``hands_s``: first volunteer with hands on the patient. ``aed_s``, ``aed_source``: first AED
    attached by anybody but the crew.
    """

    n_asked: int = 0
    n_yes: int = 0
    n_arrived: int = 0
    n_arrived_before_ambulance: int = 0
    n_with_aed: int = 0
    n_redundant: int = 0
    first_alert_s: float | None = None
    first_volunteer_s: float | None = None
    hands_s: float | None = None
    responder_aed_s: float | None = None
    public_aed_s: float | None = None
    end_reason: str = ""
    drone: DroneRow | None = None  # None: the policy uses no drones


def rows(
    backdrop: Backdrop, policy: str, replication: int, summaries: list[Summary]
) -> list[tuple[Any, ...]]:
    """The rows of the incidents table for one policy, in order of arrival."""
    times = _times(backdrop, summaries)
    arrest = backdrop.arrivals.true_arrest
    columns: list[list[Any]] = [
        [policy] * len(summaries),
        [replication] * len(summaries),
        [incident_id(replication, i) for i in range(len(summaries))],
        _rounded(backdrop.at_s),
        _rounded(backdrop.arrivals.lat, 6),
        _rounded(backdrop.arrivals.lon, 6),
        _zones(backdrop),
        ["home" if home else "public" for home in backdrop.patients.at_home.tolist()],
        arrest.tolist(),
        backdrop.patients.witnessed.tolist(),
        [s.n_asked for s in summaries],
        [s.n_yes for s in summaries],
        [s.n_arrived_before_ambulance for s in summaries],
        _rounded(backdrop.patients.recognised_s),
        [s.first_alert_s for s in summaries],
        _rounded(times.cpr_s),
        _rounded(times.hands_s),
        _rounded(times.attached_s),
        _rounded(times.shock_s),
        _rounded(times.ambulance_s),
        times.source,
    ]
    scored, shockable = _survival(backdrop, times)
    columns += [_rounded(np.where(arrest, values, np.nan), 6) for values in scored]
    columns += [
        [backdrop.setting.invented] * len(summaries),
        backdrop.arrivals.hour.tolist(),
        backdrop.arrivals.night.tolist(),
        _rounded(-backdrop.patients.collapse_to_call_s),
        _rounded(backdrop.patients.cpr_s),
        [s.public_aed_s for s in summaries],
        [s.first_volunteer_s for s in summaries],
        _rounded(times.crew_s),
        times.cpr_by,
        [bool(s) if true else None for s, true in zip(shockable, arrest, strict=True)],
        [s.n_arrived for s in summaries],
        [s.n_with_aed for s in summaries],
        [s.n_redundant for s in summaries],
        [s.end_reason for s in summaries],
        _rounded(backdrop.ambulances.co_arrival_s),
    ]
    if backdrop.setting.sky is not None:
        columns += _drone_columns(summaries, shockable.tolist())
    return list(zip(*columns, strict=True))


def _drone_columns(summaries: list[Summary], shockable: list[bool]) -> list[list[Any]]:
    """The columns ``records.DRONE_COLUMNS``; None where the policy uses no drones."""
    found = [
        None if s.drone is None else _once_scored(s.drone, shockable=is_shockable)
        for s, is_shockable in zip(summaries, shockable, strict=True)
    ]
    stages = [None if row is None else row.stage.name.lower() for row in found]
    names = [name for name, _ in DRONE_FIELDS[1:]]
    return [stages, *([None if r is None else getattr(r, n) for r in found] for n in names)]


def _once_scored(row: DroneRow, *, shockable: bool) -> DroneRow:
    """The row once the rhythm is drawn: the desk took every rhythm for a shockable one."""
    if row.stage is not Stage.SHOCK or shockable:
        return row
    return replace(row, stage=lost("not_shockable"), reason="not_shockable")


def _drone_attached_s(summary: Summary) -> float:
    row = summary.drone
    return NEVER if row is None or row.attached_s is None else row.attached_s


def _hands_off_s(summary: Summary) -> float:
    row = summary.drone
    return 0.0 if row is None or row.hands_off_s is None else row.hands_off_s


class _Times(NamedTuple):
    """Seconds from the call, one element per incident, ``inf`` where never.

    ``scored_cpr_s``: later than ``cpr_s`` where whoever was alone stopped to fetch a drone's AED.
    """

    cpr_s: Floats
    scored_cpr_s: Floats
    cpr_by: list[str]
    hands_s: Floats
    attached_s: Floats
    shock_s: Floats
    source: list[str]
    ambulance_s: Floats
    crew_s: Floats
    response_s: Floats


CPR_BY = np.array(["ambulance", "co_responder", "responder", "telephone", "bystander", "none"])
SOURCES = np.array(["ambulance", "responder", "public", "co_responder", "drone", "none"])


def _times(backdrop: Backdrop, summaries: list[Summary]) -> _Times:
    scene, ambulance = backdrop.parameters.scene, backdrop.parameters.ambulance
    arrest = backdrop.arrivals.true_arrest
    ambulance_s = backdrop.ambulances.arrival_s
    crew_s = ambulance_s + ambulance.to_patient_s
    hands_s = _column(summaries, "hands_s")
    bystander_s = np.where(np.isnan(backdrop.patients.cpr_s), NEVER, backdrop.patients.cpr_s)

    co_s = backdrop.ambulances.co_arrival_s + scene.to_patient_s
    compressing = np.stack([bystander_s, hands_s, co_s, crew_s])
    cpr_s = compressing.min(axis=0)
    by = 3 - compressing[::-1].argmin(axis=0)  # ties: the crew, then the volunteer
    telephone = backdrop.patients.cpr_by_telephone
    who = np.select([~arrest, by == 3, by == 2, by == 1, telephone], [5, 0, 1, 2, 3], 4)

    crew_attach_s = crew_s + max(ambulance.shock_s - scene.aed_shock_s, 0.0)
    attaching = np.stack(
        [
            crew_attach_s,
            _column(summaries, "responder_aed_s"),
            _column(summaries, "public_aed_s"),
            co_s + scene.aed_attach_s,
            np.array([_drone_attached_s(s) for s in summaries], dtype=np.float64),
        ]
    )
    source = attaching.argmin(axis=0)
    shocks = attaching + scene.aed_shock_s
    shocks[0] = crew_s + ambulance.shock_s
    paused_s = cpr_s + np.array([_hands_off_s(s) for s in summaries], dtype=np.float64)
    scored_cpr_s = np.minimum(paused_s, np.sort(compressing, axis=0)[1])
    return _Times(
        cpr_s=np.where(arrest, cpr_s, NEVER),
        scored_cpr_s=np.where(arrest, scored_cpr_s, NEVER),
        cpr_by=CPR_BY[who].tolist(),
        hands_s=np.where(arrest, np.minimum(np.minimum(hands_s, co_s), crew_s), NEVER),
        attached_s=np.where(arrest, attaching.min(axis=0), NEVER),
        shock_s=np.where(arrest, shocks.min(axis=0), NEVER),
        source=SOURCES[np.where(arrest, source, 5)].tolist(),
        ambulance_s=ambulance_s,
        crew_s=crew_s,
        response_s=np.minimum(
            np.minimum(_column(summaries, "first_volunteer_s"), ambulance_s),
            backdrop.ambulances.co_arrival_s,
        ),
    )


def _survival(backdrop: Backdrop, times: _Times) -> tuple[list[Floats], NDArray[np.bool_]]:
    """Probability per model, and whether the rhythm is shockable (drawn) at the first shock."""
    inputs = backdrop.parameters.outcome
    before_s = np.nan_to_num(backdrop.patients.collapse_to_call_s)
    arrest = backdrop.arrivals.true_arrest

    def since_collapse(moment_s: Floats) -> Floats:
        return np.where(arrest, moment_s, 0.0) + before_s

    since = OutcomeTimes(
        cpr_s=since_collapse(times.scored_cpr_s),
        shock_s=since_collapse(times.shock_s),
        crew_s=since_collapse(times.crew_s),
        response_s=times.response_s,
    )
    scored = [outcomes.model(name).survival(since, inputs) for name in inputs.models]
    u = backdrop.draws.uniforms(Purpose.SHOCKABLE, np.arange(len(arrest)))
    return scored, np.asarray(u < outcomes.shockable(since, inputs))


def incident_id(replication: int, incident: int) -> str:
    """Name of an incident; the same for every policy."""
    return f"{replication:04d}-{incident:06d}"


def _column(summaries: list[Summary], name: str) -> Floats:
    values = [getattr(summary, name) for summary in summaries]
    return np.array([NEVER if v is None else v for v in values], dtype=np.float64)


def _rounded(values: Floats, digits: int = 3) -> list[float | None]:
    finite = np.isfinite(values).tolist()
    numbers = np.round(np.where(finite, values, 0.0), digits).tolist()
    return [number if known else None for number, known in zip(numbers, finite, strict=True)]


def _zones(backdrop: Backdrop) -> list[str | None]:
    names = backdrop.setting.zone_ids
    return [names[zone] if zone >= 0 else None for zone in backdrop.arrivals.zone.tolist()]
