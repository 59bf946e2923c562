"""The facts of a study from its scenario, region and policies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from dispatch.config import load_policy, preset_names
from scenarios.area_lookup import AreaNames, area_names
from scenarios.metrics.aeds import aed_facts
from scenarios.metrics.facts import (
    Observed,
    OptionFacts,
    OutcomeFacts,
    PolicyFacts,
    Site,
    StudyFacts,
    ZoneFacts,
)
from scenarios.metrics.names import short_name, told_apart
from scenarios.regions import invented_parts
from scenarios.rules import in_words
from scenarios.schema import REMOTE, TOWN, Scenario
from scenarios.sheet import parameter_sheet
from sim.outcomes import OutcomeModel, model

if TYPE_CHECKING:
    from dispatch.config import Policy
    from geo.region import Region
    from geo.zones import ZoneTable
    from sim.parameters import FleetParameters


def study_facts(
    scenario: Scenario,
    region: Region,
    policies: Sequence[Policy],
    *,
    volunteers: float,
    observed: Observed | None = None,
    fleet: FleetParameters | None = None,
    options: Sequence[OptionFacts] = (),
) -> StudyFacts:
    """All that the metrics and the report need besides the tables.

    ``policies`` in the order of the comparison, ids as in the tables (``Policy.name``);
    ``volunteers``: registered people, mean over replications; ``fleet``: with the stations and
    hospitals of the planner's files; ``options``: what each has beside its rule.
    """
    people = scenario.responders
    return StudyFacts(
        title=scenario.title,
        question=scenario.question,
        policies=_policies(policies, options),
        outcomes=tuple(_outcome(model(name)) for name in scenario.outcome.models),
        replications=scenario.run.replications,
        years=scenario.run.years,
        seed=scenario.run.seed,
        volunteers=volunteers,
        population=_population(scenario, region),
        place=scenario.region.name or Path(scenario.region.source).name.split(".")[0],
        timezone=region.timezone,
        night_hours=people.night_hours,
        zones=_zones(region.zones, area_names(scenario, region)[0]),
        parameters=parameter_sheet(scenario),
        invented=invented_parts(scenario),
        credit=""
        if scenario.region.source in (TOWN, REMOTE)
        else str(region.manifest.get("credit", "")),
        version=_version(),
        observed=observed,
        aeds=aed_facts(region.aeds, _start_s(scenario, region), region.timezone),
        answer=scenario.answer,
        sites=_sites(fleet),
        options=tuple(options),
    )


def _start_s(scenario: Scenario, region: Region) -> float:
    midnight = datetime.combine(scenario.run.start_date, time(), ZoneInfo(region.timezone))
    return midnight.timestamp()


def _policies(
    policies: Sequence[Policy], options: Sequence[OptionFacts]
) -> tuple[PolicyFacts, ...]:
    keys = [policy.name for policy in policies]
    if any(option.stated for option in options):
        return tuple(
            _stated_policy(policy, option) for policy, option in zip(policies, options, strict=True)
        )
    names = told_apart([_short(policy) for policy in policies], keys)
    return tuple(_policy(policy, name) for policy, name in zip(policies, names, strict=True))


def _stated_policy(policy: Policy, option: OptionFacts) -> PolicyFacts:
    """An option of the scenario's own: called as there, with its means before its rule."""
    name = policy.name
    own = "".join(f"{change[:1].upper()}{change[1:]}. " for change in option.changes)
    plain = _policy(policy, f"{name[:1].upper()}{name[1:]}")
    return msgspec.structs.replace(plain, title=name, words=f"{own}{plain.words}")


def _short(policy: Policy) -> str:
    """A planner's own file may have the name of a shipped rule: its title then tells them apart."""
    shipped = policy.name in preset_names() and load_policy(policy.name).title == policy.title
    return short_name(policy.name if shipped else "", policy.title)


def _sites(fleet: FleetParameters | None) -> tuple[Site, ...]:
    """Stations with an ambulance, those with co-responders alone, and hospitals."""
    if fleet is None:
        return ()
    stations = [
        Site("station" if item.ambulances else "co_responder", item.name, item.lat, item.lon)
        for item in fleet.stations
        if item.ambulances or item.co_responders
    ]
    return (
        *stations,
        *(Site("hospital", item.name, item.lat, item.lon) for item in fleet.hospitals),
    )


def _policy(policy: Policy, short: str) -> PolicyFacts:
    return PolicyFacts(
        id=policy.name,
        title=policy.title,
        citation=policy.citation,
        live_use=policy.live_use.value,
        words=in_words(policy),
        gaps=policy.assumptions,
        asks=policy.asks_anybody,
        sends_for_aed=policy.asks_anybody and policy.with_aeds,
        short=short,
    )


def _outcome(item: OutcomeModel) -> OutcomeFacts:
    return OutcomeFacts(
        item.name, item.title, item.source, item.domain, (item.note,) * bool(item.note)
    )


def _zones(zones: ZoneTable | None, names: dict[str, AreaNames]) -> tuple[ZoneFacts, ...]:
    if zones is None:
        return ()
    rows = zip(
        zones.ids,
        zones.names,
        zones.population.tolist(),
        zones.deprivation_decile.tolist(),
        zones.urban_rural,
        strict=True,
    )
    return tuple(
        _zone(names.get(key, AreaNames()), key, name, people, decile, urban_rural)
        for key, name, people, decile, urban_rural in rows
    )


def _zone(
    known: AreaNames, key: str, name: str, people: float, decile: int, urban_rural: str | None
) -> ZoneFacts:
    return ZoneFacts(
        key,
        known.name or name,
        people,
        decile if decile > 0 else None,
        urban_rural,
        place=known.place,
        care_system=known.care_system,
        ambulance_service=known.ambulance_service,
    )


def _population(scenario: Scenario, region: Region) -> float | None:
    if scenario.region.population is not None:
        return float(scenario.region.population)
    return None if region.zones is None else float(region.zones.population.sum())


def _version() -> str:
    try:
        return version("heartreach")
    except PackageNotFoundError:
        return ""
