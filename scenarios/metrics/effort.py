"""What the alerts ask of people: wakes, false alarms, journeys that came too late."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scenarios.metrics.panel import Alerts, Floats, Panel

ENOUGH_HANDS = 2  # one compresses, one relieves or fetches; a third is redundant (assumption)


class Effort(NamedTuple):
    """Per incident (f64[rows]) or per replication (f64[R]) for one policy."""

    third_or_later: Floats  # [rows] arrivals before the ambulance beyond the second volunteer
    after_ambulance: Floats  # [rows] arrivals after the ambulance
    alerts: Floats  # [R] alerts that reached a phone
    night_wakes: Floats  # [R] of these, in the night hours
    false_alarms: Floats  # [R] of these, for what was no arrest
    busiest: Floats  # [R] most alerts of one person
    outcomes: dict[str, float]  # how the alerts ended, counts


def effort(panel: Panel, policy: str) -> Effort:
    """The load of one policy on its volunteers."""
    alerts = panel.alerts(policy)
    ambulance_s = panel.clock(policy, "ambulance")
    arrived = np.isfinite(alerts.arrived_s)
    late = arrived & (alerts.arrived_s > ambulance_s[alerts.row])
    in_time = np.bincount(alerts.row[arrived & ~late], minlength=panel.rows).astype(np.float64)
    of = panel.replication[alerts.row]

    def per_replication(which: np.ndarray) -> Floats:
        return np.bincount(of[which], minlength=panel.replications).astype(np.float64)

    names, counts = np.unique(alerts.outcome, return_counts=True)
    return Effort(
        third_or_later=np.maximum(in_time - ENOUGH_HANDS, 0.0),
        after_ambulance=np.bincount(alerts.row[late], minlength=panel.rows).astype(np.float64),
        alerts=per_replication(alerts.reached),
        night_wakes=per_replication(alerts.reached & alerts.night),
        false_alarms=per_replication(alerts.reached & ~panel.arrest[alerts.row]),
        busiest=_busiest(alerts, of, panel.replications),
        outcomes={str(n): float(c) for n, c in zip(names, counts, strict=True)},
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
