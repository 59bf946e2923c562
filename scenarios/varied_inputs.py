"""Inputs that a study may be sensitive to, and the two ends that each is set to.

Halves, doubles and other ends are choices: they ask how far an answer stands, not how likely each
value is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from scenarios.means_files import flying, groups_of
from scenarios.metrics import words
from scenarios.options import options_of
from scenarios.schema import Scenario

Patch = Mapping[str, Mapping[str, Any]]
End = Patch | Callable[[Scenario], Patch]


class Input(NamedTuple):
    """One input. ``ends``: tables laid over the scenario; ``said``: its value in words."""

    key: str
    label: str
    applies: Callable[[Scenario], bool]
    ends: tuple[End, ...]
    said: Callable[[Scenario], str]


def patch_of(end: End, scenario: Scenario) -> Patch:
    """The tables of an end."""
    return end(scenario) if callable(end) else end


# --- what a scenario has -------------------------------------------------------------------------


def _always(_: Scenario) -> bool:
    return True


def _asks(scenario: Scenario) -> bool:
    return any(option.policy.waves for option in options_of(scenario))


def _registers(scenario: Scenario) -> bool:
    people = scenario.responders
    return _asks(scenario) and not (people.csv or people.per_zone_csv or people.zone_column)


def _has_groups(scenario: Scenario) -> bool:
    return any(groups_of(option.scenario) for option in options_of(scenario))


def _flies(scenario: Scenario) -> bool:
    return any(flying(option.scenario) for option in options_of(scenario))


# --- values in words -----------------------------------------------------------------------------


def _percent(share: float) -> str:
    return f"{words.number(100 * share, 0)} of 100"


def _day_night(found: Any) -> str:
    return f"{_percent(found.day)} by day, {_percent(found.night)} at night"


def _calls_said(scenario: Scenario) -> str:
    calls = scenario.ambulance.fleet.calls_per_1000_year
    return f"{words.number(calls, 0)} a year for 1,000 people"


# --- ends ----------------------------------------------------------------------------------------


def _accepting(factor: float) -> End:
    return lambda s: {
        "responders": {"accept_given_seen": _scaled(s.responders.accept_given_seen, factor)}
    }


def _registered(factor: float) -> End:
    return lambda s: {"responders": {"per_100k": s.responders.per_100k * factor}}


def _on_duty(factor: float) -> End:
    return lambda s: {"groups": {"on_duty_share": _scaled(s.groups.on_duty_share, factor)}}


def _scaled(found: Any, factor: float) -> dict[str, float]:
    return {"day": min(found.day * factor, 1.0), "night": min(found.night * factor, 1.0)}


def _later(factor: float) -> End:
    return lambda s: {
        "ambulance": {
            "median_s": s.ambulance.median_s * factor,
            "p90_s": s.ambulance.p90_s * factor,
        }
    }


def _busier(factor: float) -> End:
    return lambda s: {
        "ambulance": {
            "fleet": {"calls_per_1000_year": s.ambulance.fleet.calls_per_1000_year * factor}
        }
    }


def _windier(factor: float) -> End:
    return lambda s: {"weather": {"wind_scale_mps": s.weather.wind_scale_mps * factor}}


def _bystanders(change: float) -> End:
    """Telephone CPR is held to what control recognises, as the schema asks."""

    def patch(scenario: Scenario) -> Patch:
        usual = scenario.patient
        share = min(max(usual.bystander_cpr_share + change, 0.0), 1.0)
        most = usual.recognised_share / share if share else 1.0
        telephone = min(usual.telephone_cpr_share, most)
        return {"patient": {"bystander_cpr_share": share, "telephone_cpr_share": telephone}}

    return patch


INPUTS = (
    Input(
        "responders.accept_given_seen",
        "people who say yes, of the alerts seen",
        _asks,
        (_accepting(0.5), _accepting(1.5)),
        lambda s: _day_night(s.responders.accept_given_seen),
    ),
    Input(
        "responders.per_100k",
        "volunteers per 100,000 people",
        _registers,
        (_registered(0.5), _registered(2.0)),
        lambda s: words.number(s.responders.per_100k, 0),
    ),
    Input(
        "groups.on_duty_share",
        "calls for which a group can go",
        _has_groups,
        (_on_duty(0.5), _on_duty(1.3)),
        lambda s: _day_night(s.groups.on_duty_share),
    ),
    Input(
        "patient.bystander_cpr_share",
        "CPR by bystanders before help comes",
        _always,
        (_bystanders(-0.15), _bystanders(0.15)),
        lambda s: _percent(s.patient.bystander_cpr_share),
    ),
    Input(
        "aeds.usable_share",
        "AEDs that are there and work when open",
        _always,
        ({"aeds": {"usable_share": 0.7}}, {"aeds": {"usable_share": 1.0}}),
        lambda s: _percent(s.aeds.usable_share),
    ),
    Input(
        "ambulance.median_s",
        "call to ambulance, median",
        lambda s: s.ambulance.model == "distribution",
        (_later(0.8), _later(1.25)),
        lambda s: f"{words.number(s.ambulance.median_s / 60, 1)} min",
    ),
    Input(
        "ambulance.fleet.calls_per_1000_year",
        "other calls for the ambulances",
        lambda s: s.ambulance.model == "fleet",
        (_busier(0.8), _busier(1.25)),
        _calls_said,
    ),
    Input(
        "drones.suspected_share",
        "calls in which a machine suspects the arrest early",
        _flies,
        ({"drones": {"suspected_share": 0.0}}, {"drones": {"suspected_share": 1.0}}),
        lambda s: _percent(s.drones.suspected_share),
    ),
    Input(
        "drones.permission.granted_share",
        "permission given, where a volume says nothing else",
        _flies,
        (
            {"drones": {"permission": {"granted_share": 0.5}}},
            {"drones": {"permission": {"granted_share": 1.0}}},
        ),
        lambda s: _percent(s.drones.permission.granted_share),
    ),
    Input(
        "drones.hand_over.second_person_home_share",
        "arrests at home with a second person who can fetch the AED",
        _flies,
        (
            {"drones": {"hand_over": {"second_person_home_share": 0.2}}},
            {"drones": {"hand_over": {"second_person_home_share": 0.7}}},
        ),
        lambda s: _percent(s.drones.hand_over.second_person_home_share),
    ),
    Input(
        "drones.no_place_share",
        "alerts with no place to put the AED down",
        _flies,
        (
            {"drones": {"no_place_share": {"day": 0.0, "night": 0.0}}},
            {"drones": {"no_place_share": {"day": 0.2, "night": 0.2}}},
        ),
        lambda s: _day_night(s.drones.no_place_share),
    ),
    Input(
        "weather.wind_scale_mps",
        "wind, as the scale of its Weibull law",
        lambda s: _flies(s) and s.weather.model == "seeded",
        (_windier(0.8), _windier(1.3)),
        lambda s: f"{words.number(s.weather.wind_scale_mps, 1)} m/s",
    ),
    Input(
        "drones.night_flying",
        "flights by night",
        lambda s: _flies(s) and s.drones.night_flying,
        ({"drones": {"night_flying": False}},),
        lambda s: "yes" if s.drones.night_flying else "no",
    ),
)
