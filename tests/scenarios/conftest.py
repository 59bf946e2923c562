"""A seeded generator of result tables that follow the contract, for the metrics and the report.

Not a simulation: times are drawn so that the options differ plausibly, every null that the contract
allows occurs, and all options meet the same arrests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from scenarios.metrics.facts import (
    OutcomeFacts,
    Parameter,
    PolicyFacts,
    StudyFacts,
    ZoneFacts,
)
from scenarios.metrics.panel import Tables

YEAR_S = 365.25 * 86400
START_S = 1_735_689_600.0  # 2025-01-01T00:00Z
POLICIES = (
    PolicyFacts("as_today", "As today", "", "allowed", "Nobody is asked by an app."),
    PolicyFacts(
        "nearest_3", "Three within 500 m", "GoodSAM New South Wales", "allowed",
        "The three soonest people within 500 m are asked at once.",
    ),
    PolicyFacts(
        "phased_7", "Phased seven", "research policy", "needs_sign_off",
        "Three people are asked, then four more; a no is replaced.",
    ),
)  # fmt: skip
OUTCOMES = (
    OutcomeFacts("joint", "Joint rhythm model", "Waalewijn 2002; Valenzuela 1997", "all arrests"),
    OutcomeFacts(
        "waalewijn", "Waalewijn 2001, model I", "Waalewijn 2001", "witnessed arrests",
        ("AEDs cannot matter in this model",),
    ),
)  # fmt: skip


def make_facts(replications: int = 20, zones: int = 12, **changes: Any) -> StudyFacts:
    base: dict[str, Any] = {
        "title": "Three within 500 m or phased seven?",
        "question": "Whose rule wakes fewer people for the same time to CPR?",
        "policies": POLICIES,
        "outcomes": OUTCOMES,
        "replications": replications,
        "years": 1.0,
        "seed": 1,
        "volunteers": 120.0,
        "population": 160_000.0,
        "place": "Built-in town",
        "timezone": "Europe/London",
        "zones": tuple(
            ZoneFacts(f"Z{i:02d}", f"Ward {i + 1}", 1000.0, i % 10 + 1, ("urban", "rural")[i % 2])
            for i in range(zones)
        ),
        "parameters": (
            Parameter("responders.per_100k", "36", "per 100,000", "SWASFT GoodSAM (derived)"),
            Parameter("responders.accept", "0.30", "share", "assumption"),
            Parameter("ambulance.median_s", "420", "s", "England C1", is_default=False),
        ),
        "invented": ("the whole town", "AEDs", "people"),
        "credit": "© OpenStreetMap contributors",
        "version": "0.1.0",
    }
    return StudyFacts(**{**base, **changes})


def make_tables(
    facts: StudyFacts, seed: int = 7, per_replication: float = 160.0, effect: float = 1.0
) -> Tables:
    """Tables of a made-up study; ``effect`` 0 makes every option the same as the first one."""
    rng = np.random.default_rng(seed)
    incidents: dict[str, list[Any]] = {}
    alerts: dict[str, list[Any]] = {}
    for replication in range(facts.replications):
        for k in range(int(rng.poisson(per_replication))):
            _incident(rng, facts, (replication, k), effect, (incidents, alerts))
    names = [f"survival_{model.name}" for model in facts.outcomes]
    return Tables(_table(incidents, _INCIDENT_TYPES | dict.fromkeys(names, pa.float64())),
                  _table(alerts, _ALERT_TYPES))  # fmt: skip


_TEXT = pa.string()
_INCIDENT_TYPES = {
    "policy": _TEXT, "replication": pa.int32(), "incident_id": _TEXT, "t_s": pa.float64(),
    "lat": pa.float64(), "lon": pa.float64(), "zone": _TEXT, "place_kind": _TEXT,
    "true_arrest": pa.bool_(), "witnessed": pa.bool_(), "n_asked": pa.int32(), "n_yes": pa.int32(),
    "n_arrived_before_ambulance": pa.int32(), "t_recognised_s": pa.float64(),
    "t_first_alert_s": pa.float64(), "t_cpr_any_s": pa.float64(), "t_trained_hands_s": pa.float64(),
    "t_aed_attached_s": pa.float64(), "t_shock_s": pa.float64(), "t_ambulance_s": pa.float64(),
    "first_aed_source": _TEXT, "invented": pa.bool_(),
}  # fmt: skip
_ALERT_TYPES = {
    "policy": _TEXT, "replication": pa.int32(), "incident_id": _TEXT, "alert_id": pa.int32(),
    "responder_id": pa.int32(), "role": _TEXT, "wave": pa.int32(), "asked_t_s": pa.float64(),
    "local_hour": pa.int32(), "outcome": _TEXT, "answered_t_s": pa.float64(),
    "arrived_t_s": pa.float64(),
}  # fmt: skip


def _table(columns: dict[str, list[Any]], types: dict[str, Any]) -> Any:
    return pa.table({name: pa.array(columns.get(name, []), kind) for name, kind in types.items()})


def _add(columns: dict[str, list[Any]], **row: Any) -> None:
    for name, value in row.items():
        columns.setdefault(name, []).append(value)


def _incident(
    rng: np.random.Generator,
    facts: StudyFacts,
    number: tuple[int, int],
    effect: float,
    columns: tuple[dict[str, list[Any]], dict[str, list[Any]]],
) -> None:
    replication, k = number
    incidents, alerts = columns
    zone = int(rng.integers(len(facts.zones))) if facts.zones else -1
    arrest = bool(rng.random() < 0.7)
    t_s = START_S + float(rng.random()) * YEAR_S
    ambulance = float(420 * np.exp(0.5 * rng.normal()))
    bystander = float(rng.lognormal(5.0, 0.5)) if rng.random() < 0.6 else None
    recognised = float(rng.lognormal(4.3, 0.5)) if rng.random() < 0.8 else None
    uniforms = rng.random((7, 4))
    hour = int((t_s // 3600) % 24)
    for policy in facts.policies:
        asked = {"nearest_3": 3, "phased_7": 7}.get(policy.id, 0) if recognised else 0
        asked = asked if effect else 0
        arrived = []
        yes = 0
        for i in range(asked):
            said = uniforms[i, 0] < 0.3
            yes += said
            there = None
            if said and recognised and uniforms[i, 1] < 0.85:
                there = float(recognised + 130 + 420 * uniforms[i, 2] + 20 * zone)
                arrived.append(there)
            _add(alerts, policy=policy.id, replication=replication, incident_id=f"i{k:05d}",
                 alert_id=i + 1, responder_id=int(uniforms[i, 3] * facts.volunteers), role="cpr",
                 wave=1 + i // 3, asked_t_s=recognised, local_hour=hour,
                 outcome="completed" if there else ("dropped" if said else "declined"),
                 answered_t_s=(recognised or 0) + 40.0 if said else None,
                 arrived_t_s=there)  # fmt: skip
        before = [t for t in arrived if t < ambulance]
        hands = min(before, default=None)
        times = [t for t in (bystander, hands, ambulance + 60) if t is not None]
        aed = hands + 60 if hands is not None and uniforms[0, 3] < 0.3 else ambulance + 90
        shock = aed + 30
        cpr = min(times)
        _add(
            incidents, policy=policy.id, replication=replication, incident_id=f"i{k:05d}",
            t_s=t_s, lat=51.0 + 0.1 * rng.random(), lon=-1.0 + 0.15 * rng.random(),
            zone=f"Z{zone:02d}" if zone >= 0 else None, place_kind="home" if k % 5 else "public",
            true_arrest=arrest, witnessed=bool(k % 2), n_asked=asked, n_yes=int(yes),
            n_arrived_before_ambulance=len(before), t_recognised_s=recognised,
            t_first_alert_s=recognised if asked else None,
            t_cpr_any_s=cpr if arrest and k % 29 else None,
            t_trained_hands_s=min(hands or ambulance + 60, ambulance + 60),
            t_aed_attached_s=aed if arrest else None,
            t_shock_s=shock if arrest else None, t_ambulance_s=ambulance,
            first_aed_source="responder" if aed < ambulance else "ambulance", invented=True,
        )  # fmt: skip
        for model, slope in zip(facts.outcomes, (0.0016, 0.002), strict=False):
            chance = 0.3 * np.exp(-slope * (cpr + 0.5 * shock))
            _add(incidents, **{f"survival_{model.name}": float(chance) if arrest else None})


@pytest.fixture(scope="session")
def study() -> tuple[StudyFacts, Tables]:
    """A study of 20 replications and three options."""
    facts = make_facts()
    return facts, make_tables(facts)


@pytest.fixture(scope="session")
def make_study() -> Callable[..., tuple[StudyFacts, Tables]]:
    """``make_study(replications=…, effect=…, seed=…, per_replication=…, **facts)``."""

    def make(
        *, seed: int = 7, effect: float = 1.0, per_replication: float = 160.0, **facts: Any
    ) -> tuple[StudyFacts, Tables]:
        made = make_facts(**facts)
        return made, make_tables(made, seed, per_replication, effect)

    return make
