"""The catalogue of measures: a key, plain words, a unit, and how each is computed per incident.

A measure is a value per incident over a scope (the arrests, or all calls), so that its estimate,
its paired difference and its split by group are one and the same computation; or a total per
replication over a constant (survivors a year, wakes per volunteer-month).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct

from scenarios.metrics.effort import Effort
from scenarios.metrics.panel import AED_SOURCES, CLOCKS, Bools, Floats, Panel

WITHIN_S = (180, 300, 480, 600)
CAP_S = 1200.0  # mean times count anything later, or never, as 20 minutes

CLOCK_WORDS = {
    "cpr_any": "CPR by anyone",
    "trained_hands": "trained hands",
    "aed_attached": "an AED or monitor attached",
    "shock": "a first shock",
    "ambulance": "the ambulance",
}
FIRST_HELP = ("volunteer_with_aed", "volunteer", "co_responder", "ambulance", "nobody")
OTHER = "other"  # an AED of a source that this version does not know: shares still add up
Better = Literal["lower", "higher", "neither"]
Unit = Literal["s", "share", "count", "per_year", "per_month"]


class Measure(Struct, frozen=True):
    """What a number is called, its unit, and which direction is the good one."""

    key: str
    label: str
    unit: Unit
    better: Better


class PerIncident(NamedTuple):
    """A measure that is a mean over incidents."""

    measure: Measure
    of: Callable[[Panel, str, Effort], Floats]  # panel, policy, effort -> f64[rows]
    arrests_only: bool = True

    @property
    def share(self) -> bool:
        """Whether every value is 0 or 1."""
        return self.measure.unit == "share" and not self.measure.key.startswith("survival_")


class PerReplication(NamedTuple):
    """A measure that is a total of a replication over a constant."""

    measure: Measure
    of: Callable[[Panel, str, Effort], Floats]  # -> f64[R], already divided


def volunteer_first(panel: Panel, policy: str) -> Bools:
    """Arrests at which a volunteer was there before the ambulance."""
    return panel.floats(policy, "n_arrived_before_ambulance") > 0


def aed_before_ambulance(panel: Panel, policy: str) -> Bools:
    """An AED that did not come with the ambulance was attached before the ambulance was there."""
    source = panel.texts(policy, "first_aed_source")
    brought = ~np.isin(source, ("ambulance", "none", ""))
    return brought & (panel.clock(policy, "aed_attached") <= panel.clock(policy, "ambulance"))


def first_help(panel: Panel, policy: str) -> dict[str, Floats]:
    """Who of the trained came first, one share per category of ``FIRST_HELP``, f64[rows]."""
    co_responder = _co_responder_first(panel, policy)
    volunteer = volunteer_first(panel, policy) & ~co_responder
    own_aed = panel.texts(policy, "first_aed_source") == "responder"
    with_aed = volunteer & own_aed & aed_before_ambulance(panel, policy)
    ambulance = ~volunteer & ~co_responder & np.isfinite(panel.clock(policy, "ambulance"))
    parts = {
        "volunteer_with_aed": with_aed,
        "volunteer": volunteer & ~with_aed,
        "co_responder": co_responder,
        "ambulance": ambulance,
        "nobody": ~volunteer & ~co_responder & ~ambulance,
    }
    return {name: part.astype(np.float64) for name, part in parts.items()}


def _co_responder_first(panel: Panel, policy: str) -> Bools:
    """A co-responder of the fleet was there before the ambulance and before any volunteer."""
    if not panel.has("t_co_responder_s"):
        return np.zeros(panel.rows, dtype=np.bool_)
    there = panel.clock(policy, "co_responder")
    volunteer = (
        panel.clock(policy, "first_volunteer")
        if panel.has("t_first_volunteer_s")
        else np.where(volunteer_first(panel, policy), 0.0, np.inf)
    )
    return np.asarray((there < panel.clock(policy, "ambulance")) & (there < volunteer))


def co_responder_there(panel: Panel, policy: str) -> Bools:
    """Calls at which a co-responder of the fleet, or a first-responder group, came to the scene."""
    if not panel.has("t_co_responder_s"):
        return np.zeros(panel.rows, dtype=np.bool_)
    return np.asarray(np.isfinite(panel.clock(policy, "co_responder")))


def _within(clock: str, limit_s: float) -> Callable[[Panel, str, Effort], Floats]:
    return lambda panel, policy, _: (panel.clock(policy, clock) <= limit_s).astype(np.float64)


def _capped(clock: str) -> Callable[[Panel, str, Effort], Floats]:
    return lambda panel, policy, _: np.minimum(panel.clock(policy, clock), CAP_S)


def _column(name: str) -> Callable[[Panel, str, Effort], Floats]:
    return lambda panel, policy, _: np.nan_to_num(panel.floats(policy, name))


def _source(name: str) -> Callable[[Panel, str, Effort], Floats]:
    return lambda panel, policy, _: _comes_from(panel, policy, name).astype(float)


def _comes_from(panel: Panel, policy: str, name: str) -> Bools:
    source = panel.texts(policy, "first_aed_source")
    if name == OTHER:
        return ~np.isin(source, (*AED_SOURCES, ""))
    return np.asarray((source == name) | ((name == "none") & (source == "")))


def _help(name: str) -> Callable[[Panel, str, Effort], Floats]:
    return lambda panel, policy, _: first_help(panel, policy)[name]


def _times() -> list[PerIncident]:
    found = []
    for clock in CLOCKS:
        words = CLOCK_WORDS[clock]
        for limit in WITHIN_S:
            label = f"arrests with {words} within {limit // 60} min"
            measure = Measure(f"{clock}_within_{limit}_s", label, "share", "higher")
            found.append(PerIncident(measure, _within(clock, limit)))
        label = f"mean time to {words}, later or never counted as {CAP_S / 60:.0f} min"
        found.append(
            PerIncident(Measure(f"{clock}_capped_mean_s", label, "s", "lower"), _capped(clock))
        )
    return found


def _reach() -> list[PerIncident]:
    volunteer = Measure(
        "volunteer_before_ambulance", "arrests with a volunteer before the ambulance", "share",
        "higher",
    )  # fmt: skip
    aed = Measure(
        "aed_before_ambulance", "arrests with an AED attached before the ambulance", "share",
        "higher",
    )  # fmt: skip
    found = [
        PerIncident(volunteer, lambda p, policy, _: volunteer_first(p, policy).astype(float)),
        PerIncident(aed, lambda p, policy, _: aed_before_ambulance(p, policy).astype(float)),
    ]
    for name in (*AED_SOURCES, OTHER):
        label = f"arrests whose first AED came from: {name}"
        found.append(
            PerIncident(Measure(f"aed_source_{name}", label, "share", "neither"), _source(name))
        )
    for name in FIRST_HELP:
        label = f"first trained help: {name.replace('_', ' ')}"
        found.append(
            PerIncident(Measure(f"first_help_{name}", label, "share", "neither"), _help(name))
        )
    return found


def _asked() -> list[PerIncident]:
    def measure(key: str, label: str, better: Better = "lower") -> Measure:
        return Measure(key, label, "count", better)

    return [
        PerIncident(measure("asked_per_arrest", "people asked per arrest"), _column("n_asked")),
        PerIncident(
            measure("yes_per_arrest", "people who said yes per arrest", "higher"),
            _column("n_yes"),
        ),
        PerIncident(
            Measure("any_yes", "arrests at which somebody said yes", "share", "higher"),
            lambda panel, policy, _: (panel.floats(policy, "n_yes") > 0).astype(float),
        ),
        PerIncident(
            measure("asked_per_call", "people asked per call, false alarms included"),
            _column("n_asked"),
            arrests_only=False,
        ),
        PerIncident(
            measure("redundant_per_arrest", "arrivals after another volunteer or the ambulance"),
            lambda _panel, _policy, effort: effort.redundant,
        ),
        PerIncident(
            measure("after_ambulance_per_arrest", "journeys that ended after the ambulance came"),
            lambda _panel, _policy, effort: effort.after_ambulance,
        ),
    ]


def _per_replication() -> list[PerReplication]:
    def measure(key: str, label: str, unit: Unit, better: Better = "lower") -> Measure:
        return Measure(key, label, unit, better)

    return [
        PerReplication(
            measure("night_wakes_per_volunteer_month", "night wakes per volunteer-month",
                    "per_month"),
            lambda panel, policy, effort: (
                effort.night_wakes / _volunteer_years(panel, policy) / 12.0
            ),
        ),
        PerReplication(
            measure("alerts_per_volunteer_year", "alerts per volunteer and year", "per_year"),
            lambda panel, policy, effort: effort.alerts / _volunteer_years(panel, policy),
        ),
        PerReplication(
            measure("false_alarms_per_volunteer_year",
                    "alerts to what was no arrest, per volunteer and year", "per_year"),
            lambda panel, policy, effort: effort.false_alarms / _volunteer_years(panel, policy),
        ),
        PerReplication(
            measure("busiest_volunteer_alerts_per_year", "alerts a year of the busiest volunteer",
                    "per_year"),
            lambda panel, _, effort: effort.busiest / panel.facts.years,
        ),
        *_called_out(),
    ]  # fmt: skip


def _called_out() -> list[PerReplication]:
    """Call-outs of co-responders; first-responder groups are such."""

    def counted(key: str, label: str, where: Callable[[Panel], Bools | None]) -> PerReplication:
        return PerReplication(
            Measure(f"{key}_per_year", label, "per_year", "lower"),
            lambda panel, policy, _: (
                panel.sums(co_responder_there(panel, policy), where(panel)) / panel.facts.years
            ),
        )

    who = "call-outs of first-responder groups and other co-responders a year"
    return [
        counted("group_call_outs", who, lambda _: None),
        counted("group_night_call_outs", f"{who}, at night", lambda panel: panel.night),
        counted("group_false_alarms", f"{who}, to what was no arrest", lambda panel: ~panel.arrest),
    ]


def _volunteer_years(panel: Panel, policy: str) -> float:
    # Nobody registered means nobody asked: the totals are then zero and stay zero.
    return max(panel.facts.volunteers_of(policy), 1.0) * panel.facts.years


def _survival(panel: Panel) -> tuple[list[PerIncident], list[PerReplication]]:
    means, totals = [], []
    for model in panel.facts.outcomes:
        column = f"survival_{model.name}"
        means.append(
            PerIncident(
                Measure(column, f"chance of survival ({model.title})", "share", "higher"),
                _column(column),
            )
        )
        totals.append(
            PerReplication(
                Measure(
                    f"survivors_per_year_{model.name}",
                    f"survivors expected a year ({model.title})", "per_year", "higher",
                ),
                lambda p, policy, _, column=column: (  # type: ignore[misc]
                    p.sums(p.floats(policy, column), p.arrest) / p.facts.years
                ),
            )
        )  # fmt: skip
    return means, totals


def catalogue(panel: Panel) -> tuple[list[PerIncident], list[PerReplication]]:
    """Every measure of this study; survival measures follow the outcome models of its facts."""
    means, totals = _survival(panel)
    return [*_times(), *_reach(), *_asked(), *means], [*totals, *_per_replication()]


def measure_keys(models: Sequence[str]) -> list[str]:
    """Keys of the catalogue of every study with these outcome models, known beforehand."""
    survival = [f"{what}_{name}" for name in models for what in ("survival", "survivors_per_year")]
    means = [item.measure.key for item in (*_times(), *_reach(), *_asked())]
    return [*survival, *means, *(item.measure.key for item in _per_replication())]
