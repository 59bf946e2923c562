"""The facts of a study from its scenario, region and policies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from scenarios.metrics.aeds import aed_facts
from scenarios.metrics.facts import (
    Observed,
    OutcomeFacts,
    PolicyFacts,
    StudyFacts,
    ZoneFacts,
)
from scenarios.regions import invented_parts
from scenarios.rules import in_words
from scenarios.schema import REMOTE, TOWN, Scenario
from scenarios.sheet import parameter_sheet
from sim.outcomes import OutcomeModel, model

if TYPE_CHECKING:
    from dispatch.config import Policy
    from geo.region import Region
    from geo.zones import ZoneTable


def study_facts(
    scenario: Scenario,
    region: Region,
    policies: Sequence[Policy],
    *,
    volunteers: float,
    observed: Observed | None = None,
) -> StudyFacts:
    """All that the metrics and the report need besides the tables.

    ``policies`` in the order of the comparison, ids as in the tables (``Policy.name``);
    ``volunteers``: registered people, mean over replications.
    """
    people = scenario.responders
    return StudyFacts(
        title=scenario.title,
        question=scenario.question,
        policies=tuple(_policy(policy) for policy in policies),
        outcomes=tuple(_outcome(model(name)) for name in scenario.outcome.models),
        replications=scenario.run.replications,
        years=scenario.run.years,
        seed=scenario.run.seed,
        volunteers=volunteers,
        population=_population(scenario, region),
        place=scenario.region.name or Path(scenario.region.source).name.split(".")[0],
        timezone=region.timezone,
        night_hours=people.night_hours,
        zones=_zones(region.zones),
        parameters=parameter_sheet(scenario),
        invented=invented_parts(scenario),
        credit=""
        if scenario.region.source in (TOWN, REMOTE)
        else str(region.manifest.get("credit", "")),
        version=_version(),
        observed=observed,
        aeds=aed_facts(region.aeds, _start_s(scenario, region), region.timezone),
        answer=scenario.answer,
    )


def _start_s(scenario: Scenario, region: Region) -> float:
    midnight = datetime.combine(scenario.run.start_date, time(), ZoneInfo(region.timezone))
    return midnight.timestamp()


def _policy(policy: Policy) -> PolicyFacts:
    return PolicyFacts(
        id=policy.name,
        title=policy.title,
        citation=policy.citation,
        live_use=policy.live_use.value,
        words=in_words(policy),
        gaps=policy.assumptions,
    )


def _outcome(item: OutcomeModel) -> OutcomeFacts:
    return OutcomeFacts(
        item.name, item.title, item.source, item.domain, (item.note,) * bool(item.note)
    )


def _zones(zones: ZoneTable | None) -> tuple[ZoneFacts, ...]:
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
        ZoneFacts(key, name, people, decile if decile > 0 else None, urban_rural)
        for key, name, people, decile, urban_rural in rows
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
