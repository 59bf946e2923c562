"""What an option has beside its rule, for the summary: means, prices, days on the ground."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from geo.region import Region
from scenarios.means_files import flying, groups_of
from scenarios.means_tables import CostsTable
from scenarios.metrics import words
from scenarios.metrics.facts import Means, OptionFacts, Parameter, Price
from scenarios.options import Option
from scenarios.playing import Played
from scenarios.schema import Scenario
from scenarios.sheet import parameter_sheet
from sim.parameters import WorldParameters
from sim.records import Grounded, other_aircraft

TOLD_APART = ("drones.", "weather.", "groups.on_call", "groups.posts", "costs.", "aeds.more_csv")


class Tally:
    """What is counted while the tables are written, beside them."""

    def __init__(self) -> None:
        self.volunteers = 0  # of the comparator, over all replications
        self.weather: list[Mapping[str, Grounded]] = []  # per replication, by base
        self._people: dict[str, int] = defaultdict(int)
        self._grounded: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def add(self, played: Played) -> None:
        """One replication more."""
        self.volunteers += played.volunteers
        for option, people in played.people.items():
            self._people[option] += people
        self.weather.append(played.grounded)
        for base, found in played.grounded.items():
            self._grounded[base].append((found.hours_as_days, found.whole_days))

    def in_option(self, facts: OptionFacts, replications: int) -> OptionFacts:
        """The facts of an option with what was counted for it."""
        people = self._people.get(facts.id, 0) / replications
        means = tuple(
            msgspec.structs.replace(item, number=people) if item.item == VOLUNTEER else item
            for item in facts.means
        )
        grounded = {}
        for (base, _), aircraft in zip(facts.bases, facts.aircraft, strict=True):
            rows = self._grounded.get(other_aircraft(base, aircraft)) or self._grounded.get(base)
            if rows:
                grounded[base] = tuple(rows)
        return msgspec.structs.replace(facts, volunteers=people, means=means, grounded=grounded)


DRONE, BASE, GROUP, GROUP_AED, AED, CREW, VOLUNTEER = (
    "drone",
    "drone base",
    "first-responder group",
    "AED of a group",
    "AED",
    "ambulance crew",
    "volunteer",
)


def option_facts(option: Option, region: Region, parameters: WorldParameters) -> OptionFacts:
    """Means and prices of one option; ``changes`` are told by ``told_changes``."""
    scenario, costs = option.scenario, option.scenario.costs
    bases, groups = flying(scenario), groups_of(scenario)
    fleet = parameters.fleet
    crews = sum(station.ambulances for station in fleet.stations) if fleet is not None else 0
    numbers = (
        (DRONE, sum(base.drones for base in bases), "drone_year"),
        (BASE, len(bases), "base_year"),
        (GROUP, len(groups), "group_year"),
        (GROUP_AED, len(groups), "aed_year"),
        (AED, int(np.asarray(region.aeds.public).sum()), "aed_year"),
        (CREW, crews, "crew_year"),
        (VOLUNTEER, 0, "volunteer_year"),
    )
    return OptionFacts(
        id=option.name,
        rule=option.rule,
        stated=option.stated,
        means=tuple(Means(item, number, _price(costs, item, key)) for item, number, key in numbers),
        alert_price=_price(costs, "person asked", "alert"),
        more_year=costs.more_year,
        currency=costs.currency,
        price_year=costs.price_year,
        qalys=costs.qaly_per_survivor,
        priced=option.stated or bool(costs.model_fields_set),
        bases=tuple((base.id, base.name or base.id) for base in bases),
        aircraft=tuple(base.aircraft for base in bases),
        night_flying=scenario.drones.night_flying,
    )


def _price(costs: CostsTable, item: str, key: str) -> Price:
    usual = getattr(costs, key)
    field = type(costs).model_fields[key]
    extra = field.json_schema_extra
    stated = usual != field.default
    source = "the scenario" if stated or not isinstance(extra, dict) else str(extra["source"])
    high = costs.high(key) if hasattr(costs, f"{key}_high") else usual
    return Price(item, usual, high, source)


def told_changes(options: Iterable[Option]) -> list[tuple[str, ...]]:
    """For each option what it has that the first one has not, in plain words."""
    all_ = list(options)
    first = all_[0]
    return [_changes(first, option) for option in all_]


def _changes(first: Option, option: Option) -> tuple[str, ...]:
    if option.scenario is first.scenario or not option.stated:
        return ()
    told = [*_drones(first.scenario, option.scenario), *_groups(first.scenario, option.scenario)]
    if option.scenario.aeds.more_csv != first.scenario.aeds.more_csv:
        told.append(f"more AEDs: {option.scenario.aeds.more_csv or 'none'}")
    before = {row.name: row for row in parameter_sheet(first.scenario)}
    for row in parameter_sheet(option.scenario):
        known = before.get(row.name)
        if row.name.startswith(TOLD_APART) or (known is not None and known.value == row.value):
            continue
        told.append(_of_key(row, known))
    return tuple(told)


def _of_key(row: Parameter, known: Parameter | None) -> str:
    unit = f" {row.unit}" if row.unit else ""
    instead = "" if known is None else f" instead of {known.value}"
    return f"{row.name} {row.value}{instead}{unit}"


def _drones(first: Scenario, own: Scenario) -> list[str]:
    now = flying(own)
    if now == flying(first):
        return []
    number = sum(base.drones for base in now)
    if not number:
        return ["no drone"]
    noun = "drone" if number == 1 else "drones"
    types = sorted({base.aircraft for base in now})
    places = words.listed([base.name or base.id for base in now])
    return [f"{words.spelled(number)} {noun} at {places} ({', '.join(types)})"]


def _groups(first: Scenario, own: Scenario) -> list[str]:
    now = groups_of(own)
    if now == groups_of(first):
        return []
    if not now:
        return ["no first-responder group"]
    noun = "first-responder group" if len(now) == 1 else "first-responder groups"
    places = words.listed([group.name for group in now])
    return [f"{words.spelled(len(now))} {noun} with an AED at {places}"]
