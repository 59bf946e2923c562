"""From a planner's arrests to the simulator's rates: which places, which hours, how many."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from geo.region import Region
from scenarios.demand_fit import (
    FEWEST_ROWS,
    DemandFit,
    FitTest,
    Observed,
    People,
    Space,
    hours_test,
    kernel_weights,
    places_test,
    rescaled_gaps,
    smoothed_hours,
    zone_weights,
)
from scenarios.errors import Fault, InputFaults
from scenarios.own_data import OwnTable
from scenarios.schema import Scenario
from sim.parameters import ArrivalParameters

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TEST_CELLS = 6  # places without zones are tested on a grid of this many cells a side


def fitted_demand(
    scenario: Scenario, region: Region, plain: ArrivalParameters, table: OwnTable, at_s: Floats
) -> tuple[ArrivalParameters, DemandFit]:
    """Parameters whose hours, places and (with ``observed_years``) rate follow the arrests.

    Raises:
        InputFaults: too few arrests, no places where people are, or zones that are not there.
    """
    if len(table) < FEWEST_ROWS:
        expected = f"at least {FEWEST_ROWS} arrests in the region to fit anything"
        raise InputFaults([Fault(str(table.path), "", expected, str(len(table)))])
    order = np.argsort(at_s, kind="stable")
    seen = _observed(table, at_s, order, region.timezone)
    people = _people(region, table)
    space = _space(scenario, region, table)
    shares = smoothed_hours(seen.hour)
    risk, places = _places(scenario, region, people, seen, space)
    rate = _rate(scenario, region, len(table))
    hours = hours_test(seen.hour, np.asarray(plain.hour_shares))
    distance, p = rescaled_gaps(seen, shares)
    fit = DemandFit(
        source=table.path.name,
        arrests=len(table),
        held_back=len(table) // 2,
        space=space,
        bandwidth_m=scenario.incidents.bandwidth_m if space == "kde" else None,
        per_100k_year=rate,
        hours=hours,
        places=places,
        gaps_ks_distance=distance,
        gaps_ks_p=p,
        sentence=_sentence(hours, places, len(table)),
    )
    changes = {
        "hour_shares": tuple(shares.tolist()),
        "place_risk": None if risk is None else tuple(risk.tolist()),
        "per_100k_year": plain.per_100k_year if rate is None else rate,
    }
    return msgspec.structs.replace(plain, **changes), fit


def _observed(table: OwnTable, at_s: Floats, order: Ints, timezone: str) -> Observed:
    zone = ZoneInfo(timezone)
    hour = [datetime.fromtimestamp(t, UTC).astimezone(zone).hour for t in at_s[order].tolist()]
    return Observed(
        at_s[order], np.array(hour, np.int64), table.lat[""][order], table.lon[""][order]
    )


def _people(region: Region, table: OwnTable) -> People:
    demand = region.demand
    if len(demand) == 0:
        expected = "a region with buildings or zones, to place arrests in"
        raise InputFaults([Fault(str(table.path), "", expected, "none")])
    return People(
        np.asarray(demand.lat, np.float64),
        np.asarray(demand.lon, np.float64),
        np.asarray(demand.weight, np.float64),
        np.asarray(demand.zone, np.int64),
        0 if region.zones is None else len(region.zones),
    )


def _space(scenario: Scenario, region: Region, table: OwnTable) -> Space:
    asked = scenario.incidents.fit_space
    if asked == "zones" and region.zones is None:
        fault = Fault(str(table.path), "fit_space", "a region with zones", "none")
        raise InputFaults([fault])
    return asked or ("zones" if region.zones is not None else "kde")


def _places(
    scenario: Scenario, region: Region, people: People, seen: Observed, space: Space
) -> tuple[Floats | None, FitTest | None]:
    """Relative risk of each demand point, and how a fit to every other arrest does on the rest."""
    if space == "none":
        return None, None
    zone = _zone_of(region, seen.lat, seen.lon)

    def fitted(rows: slice) -> Floats:
        if space == "zones":
            return zone_weights(people, zone[rows])
        bandwidth_m = scenario.incidents.bandwidth_m
        return kernel_weights(people, seen.lat[rows], seen.lon[rows], bandwidth_m)

    group, of_arrests = _groups(people, zone, seen)
    test = places_test(fitted(slice(0, None, 2)), people.weight, group, of_arrests[1::2])
    risk = np.divide(
        fitted(slice(None)), people.weight, out=np.ones_like(people.weight),
        where=people.weight > 0,
    )  # fmt: skip
    return risk, test


def _zone_of(region: Region, lat: Floats, lon: Floats) -> Ints:
    if region.zones is None:
        return np.full(len(lat), -1, np.int64)
    return np.asarray(region.zones.zone_of(lat, lon), np.int64)


def _groups(people: People, zone: Ints, seen: Observed) -> tuple[Ints, Ints]:
    """Classes of the test: zones, or cells of a coarse grid over the demand."""
    if people.zones:
        return people.zone + 1, zone + 1
    edges = [
        np.quantile(axis, np.linspace(0, 1, TEST_CELLS + 1)[1:-1])
        for axis in (people.lat, people.lon)
    ]

    def cells(lat: Floats, lon: Floats) -> Ints:
        row, column = np.searchsorted(edges[0], lat), np.searchsorted(edges[1], lon)
        return np.asarray(row * TEST_CELLS + column, np.int64)

    return cells(people.lat, people.lon), cells(seen.lat, seen.lon)


def _rate(scenario: Scenario, region: Region, arrests: int) -> float | None:
    years = scenario.incidents.observed_years
    population = scenario.region.population
    if years is None:
        return None
    if population is None and region.zones is not None:
        population = int(region.zones.population.sum())
    return None if not population else arrests / years / population * 1e5


def _sentence(hours: FitTest, places: FitTest | None, arrests: int) -> str:
    parts = [f"Hours {_judged(hours)}"]
    if places is not None:
        parts.append(f"places {_judged(places)}")
    return f"{'; '.join(parts)}, judged by every other one of {arrests} arrests."


def _judged(test: FitTest) -> str:
    if test.fitted.p is None:
        return "cannot be judged"
    fits = "fit" if test.fitted.p >= 0.05 else "do not fit"
    return f"{fits} (p = {test.fitted.p:.2g})"
