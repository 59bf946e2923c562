"""What the alerts ask of people: wakes, false alarms, journeys that came too late."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scenarios.metrics.panel import Alerts, Floats, Panel


class Effort(NamedTuple):
    """Per incident (f64[rows]) or per replication (f64[R]) for one policy."""

    after_ambulance: Floats  # [rows] volunteers who arrived after the ambulance
    redundant: Floats  # [rows] of all who arrived: after the ambulance or another volunteer
    alerts: Floats  # [R] alerts that reached a phone
    night_wakes: Floats  # [R] of these, in the night hours
    false_alarms: Floats  # [R] of these, for what was no arrest
    busiest: Floats  # [R] most alerts of one person
    asked: Floats  # [R] all alerts, whether they reached a phone or not
    outcomes: dict[str, Floats]  # [R] of these, by how they ended


def effort(panel: Panel, policy: str) -> Effort:
    """The load of one policy on its volunteers."""
    alerts = panel.alerts(policy)
    ambulance_s = panel.clock(policy, "ambulance")
    arrived = np.isfinite(alerts.arrived_s)
    late = arrived & (alerts.arrived_s > ambulance_s[alerts.row])
    after = np.bincount(alerts.row[late], minlength=panel.rows).astype(np.float64)
    in_time = np.bincount(alerts.row[arrived & ~late], minlength=panel.rows)
    of = panel.replication[alerts.row]

    def per_replication(which: np.ndarray) -> Floats:
        return np.bincount(of[which], minlength=panel.replications).astype(np.float64)

    return Effort(
        after_ambulance=after,
        redundant=after + np.maximum(in_time - 1.0, 0.0),
        alerts=per_replication(alerts.reached),
        night_wakes=per_replication(alerts.reached & alerts.night),
        false_alarms=per_replication(alerts.reached & ~panel.arrest[alerts.row]),
        busiest=_busiest(alerts, of, panel.replications),
        asked=per_replication(np.ones(len(of), dtype=np.bool_)),
        outcomes={
            str(name): per_replication(alerts.outcome == name) for name in np.unique(alerts.outcome)
        },
    )


def _busiest(alerts: Alerts, replication: np.ndarray, replications: int) -> Floats:
    most = np.zeros(replications)
    if alerts.reached.any():
        people = int(alerts.responder.max()) + 1
        keys, counts = np.unique(
            replication[alerts.reached] * people + alerts.responder[alerts.reached],
            return_counts=True,
        )
        np.maximum.at(most, keys // people, counts)
    return most
