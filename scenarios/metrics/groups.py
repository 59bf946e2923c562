"""Who gains: the same measures by deprivation, urban or rural, area, and day or night."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct

from scenarios.metrics.effort import Effort
from scenarios.metrics.facts import StudyFacts, ZoneFacts
from scenarios.metrics.intervals import (
    Difference,
    Estimate,
    difference,
    judged,
    mean_estimate,
    with_holm,
)
from scenarios.metrics.measures import PerIncident
from scenarios.metrics.panel import Floats, Ints, Panel

MOST_AREAS = 200  # the areas with most arrests are listed; all of them are in the Parquet
FEWEST_ARRESTS = 20  # below this a group is listed and not judged
LOOKED_UP = (
    ("place", "Place"),
    ("care_system", "Care system"),
    ("ambulance_service", "Ambulance service"),
)
FIFTH_WORDS = ("1 most deprived", "2", "3", "4", "5 least deprived")


class Group(Struct, frozen=True):
    """One group of arrests, over all replications."""

    key: str
    label: str
    arrests: int


class Gap(Struct, frozen=True):
    """Worst to best group of one policy (the groups named), as a difference with interval."""

    worst: str
    best: str
    difference: Difference


class GroupMeasure(Struct, frozen=True):
    """One measure over the groups: estimates per policy, differences per option, both by group."""

    estimates: dict[str, tuple[Estimate, ...]]
    differences: dict[str, tuple[Difference, ...]]  # against the comparator
    gaps: dict[str, Gap | None]  # worst against best; allows for having looked at all pairs
    ends: dict[str, Difference]  # first group minus last one: most deprived minus least


class GroupSet(Struct, frozen=True):
    """A split of the arrests. ``measures``: by key of the catalogue."""

    # deprivation_fifth | urban_rural | place | care_system | ambulance_service | area | time_of_day
    kind: str
    title: str
    groups: tuple[Group, ...]
    measures: dict[str, GroupMeasure]


class Split(NamedTuple):
    """A split before the numbers: group of each row (-1: none) and the labels."""

    kind: str
    title: str
    group: Ints
    labels: tuple[str, ...]


def splits(panel: Panel) -> list[Split]:
    """The splits that this study's facts allow."""
    found = []
    zones = panel.facts.zones
    if zones:
        zone = _zone_index(panel, zones)
        found += [
            split
            for split in (
                _deprivation(zone, zones),
                _urban_rural(zone, zones),
                *(_looked_up(zone, zones, kind, title) for kind, title in LOOKED_UP),
                _areas(panel, zone),
            )
            if split is not None
        ]
    night = panel.night.astype(np.int64)
    start, end = panel.facts.night_hours
    labels = (f"day, {end:02d} to {start:02d} h", f"night, {start:02d} to {end:02d} h")
    found.append(Split("time_of_day", "Day and night", night, labels))
    return found


def _zone_index(panel: Panel, zones: tuple[ZoneFacts, ...]) -> Ints:
    names = panel.texts(panel.facts.baseline.id, "zone")
    of = {zone.id: i for i, zone in enumerate(zones)}
    known, inverse = np.unique(names, return_inverse=True)
    return np.asarray([of.get(str(name), -1) for name in known], dtype=np.int64)[inverse]


def _deprivation(zone: Ints, zones: tuple[ZoneFacts, ...]) -> Split | None:
    fifths = [
        -1 if z.deprivation_decile is None else (z.deprivation_decile - 1) // 2 for z in zones
    ]
    if max(fifths) < 0:
        return None
    return Split("deprivation_fifth", "Deprivation fifth", _of_zone(zone, fifths), FIFTH_WORDS)


def _urban_rural(zone: Ints, zones: tuple[ZoneFacts, ...]) -> Split | None:
    labels = sorted({z.urban_rural for z in zones if z.urban_rural})
    if not labels:
        return None
    of = [labels.index(z.urban_rural) if z.urban_rural else -1 for z in zones]
    return Split("urban_rural", "Urban and rural", _of_zone(zone, of), tuple(labels))


def _looked_up(zone: Ints, zones: tuple[ZoneFacts, ...], kind: str, title: str) -> Split | None:
    """A column of the planner's look-up from small areas."""
    labels = sorted({name for z in zones if (name := getattr(z, kind)) is not None})
    if not labels:
        return None
    names = (getattr(z, kind) for z in zones)
    of = [-1 if name is None else labels.index(name) for name in names]
    return Split(kind, title, _of_zone(zone, of), tuple(labels))


def _areas(panel: Panel, zone: Ints) -> Split | None:
    zones = panel.facts.zones
    inside = panel.arrest & (zone >= 0)
    counts = np.bincount(zone[inside], minlength=len(zones))
    largest = sorted(range(len(zones)), key=lambda i: (-int(counts[i]), zones[i].id))[:MOST_AREAS]
    keep = sorted((i for i in largest if counts[i]), key=lambda i: (zones[i].name, zones[i].id))
    if not keep:
        return None
    of = [keep.index(i) if i in keep else -1 for i in range(len(zones))]
    return Split("area", "Area", _of_zone(zone, of), tuple(zones[i].name for i in keep))


def _of_zone(zone: Ints, groups: list[int]) -> Ints:
    lookup = np.asarray([*groups, -1], dtype=np.int64)  # last entry: rows without a zone (-1)
    return lookup[zone]


def group_set(
    panel: Panel, split: Split, measures: list[PerIncident], efforts: dict[str, Effort]
) -> GroupSet:
    """Estimates, paired differences (Holm over groups and options) and gaps of one split."""
    ones = np.ones(panel.rows)
    cases = panel.grouped(ones, split.group, len(split.labels), panel.arrest)
    groups = tuple(
        Group(str(i), label, int(cases[:, i].sum())) for i, label in enumerate(split.labels)
    )
    found = {item.measure.key: _measure(panel, split, item, cases, efforts) for item in measures}
    return GroupSet(split.kind, split.title, groups, found)


def _measure(
    panel: Panel, split: Split, item: PerIncident, cases: Floats, efforts: dict[str, Effort]
) -> GroupMeasure:
    facts = panel.facts
    totals = {
        policy.id: panel.grouped(
            item.of(panel, policy.id, efforts[policy.id]),
            split.group,
            len(split.labels),
            panel.arrest,
        )
        for policy in facts.policies
    }
    estimates = {
        policy: tuple(
            mean_estimate(total[:, i], cases[:, i], share=item.share) for i in range(cases.shape[1])
        )
        for policy, total in totals.items()
    }
    lower = item.measure.better == "lower"
    last = cases.shape[1] - 1
    return GroupMeasure(
        estimates,
        _differences(totals, cases, facts),
        {
            policy: widest_gap(total, cases, split.labels, lower=lower)
            for policy, total in totals.items()
        },
        {policy: _contrast(total, cases, 0, last) for policy, total in totals.items()},
    )


def _differences(
    totals: dict[str, Floats], cases: Floats, facts: StudyFacts
) -> dict[str, tuple[Difference, ...]]:
    options = [policy.id for policy in facts.policies[1:]]
    size = cases.shape[1]
    family = [
        difference(totals[option][:, i], totals[facts.baseline.id][:, i], cases[:, i])
        if cases[:, i].sum() >= FEWEST_ARRESTS
        else Difference(None)
        for option in options
        for i in range(size)
    ]
    together = with_holm(family)
    return {option: tuple(together[k * size : (k + 1) * size]) for k, option in enumerate(options)}


def widest_gap(total: Floats, cases: Floats, labels: tuple[str, ...], *, lower: bool) -> Gap | None:
    """Worst against best group of f64[R, groups] sums and cases; ``lower`` values are better.

    The two were picked for being furthest apart, so interval and verdict allow for all pairs.
    """
    enough = np.flatnonzero(cases.sum(axis=0) >= FEWEST_ARRESTS)
    if len(enough) < 2:
        return None
    values = total[:, enough].sum(axis=0) / cases[:, enough].sum(axis=0)
    order = enough[np.argsort(values, kind="stable")]
    best, worst = (order[0], order[-1]) if lower else (order[-1], order[0])
    pairs = len(enough) * (len(enough) - 1) // 2
    contrast = _contrast(total, cases, int(worst), int(best), pairs)
    return Gap(labels[worst], labels[best], contrast)


def _contrast(total: Floats, cases: Floats, a: int, b: int, tests: int = 1) -> Difference:
    """Group a minus group b of one policy; groups share replications, so residuals are paired."""
    n_a, n_b = cases[:, a].sum(), cases[:, b].sum()
    if min(n_a, n_b) < FEWEST_ARRESTS:
        return Difference(None)
    value_a, value_b = total[:, a].sum() / n_a, total[:, b].sum() / n_b
    residual = (total[:, a] - value_a * cases[:, a]) / n_a - (
        total[:, b] - value_b * cases[:, b]
    ) / n_b
    count = len(residual)
    if count < 2:
        return Difference(float(value_a - value_b))
    error = float(np.sqrt((residual**2).sum() * count / (count - 1)))

    return judged(float(value_a - value_b), error, count - 1, tests)
