"""A region in a few facts, for people and for programs."""

from __future__ import annotations

from typing import Any

from geo.region import Region
from geo.zones import COLUMNS
from scenarios.errors import Fault, InputFaults

_KEPT = (
    "region_id", "source", "zones_source", "timezone", "bounds", "networks", "counts",
    "demand_source", "warnings", "credit", "licence", "versions",
)  # fmt: skip


def named_columns(pairs: list[str]) -> dict[str, str]:
    """``population=Persons`` and the like as a mapping.

    Raises:
        InputFaults: a pair without ``=``.
    """
    expected = f"OURS=THEIRS, ours one of {', '.join(COLUMNS)}"
    wrong = [pair for pair in pairs if pair.partition("=")[0] not in COLUMNS or "=" not in pair]
    if wrong:
        raise InputFaults(Fault("--zone-column", "", expected, repr(pair)) for pair in wrong)
    return {pair.partition("=")[0]: pair.partition("=")[2] for pair in pairs}


def region_facts(region: Region) -> dict[str, Any]:
    """The manifest's facts without the list of files, and the population."""
    manifest = region.manifest
    facts = {key: manifest[key] for key in _KEPT if key in manifest}
    facts["folder"] = str(region.folder)
    facts["population"] = None if region.zones is None else float(region.zones.population.sum())
    return facts


def region_lines(facts: dict[str, Any]) -> list[str]:
    """The same in plain lines."""
    counts, (south, west, north, east) = facts["counts"], facts["bounds"]
    lines = [
        f"Region {facts['region_id']} in {facts['folder']}",
        f"Made from {facts['source']['name']}, data of {facts['source']['data_date'] or 'no date'}",
        f"Latitude {south:.4f} to {north:.4f}, longitude {west:.4f} to {east:.4f}",
        f"Time zone {facts['timezone']}",
    ]
    for mode, network in facts["networks"].items():
        lines.append(
            f"Roads ({mode}): {network['length_km']:,.0f} km, {network['junctions']:,} junctions, "
            f"{100 * network['share_in_largest']:.1f} % hang together"
        )
    lines.append(
        f"AEDs: {counts['aeds']:,} (hours known {counts['aeds_hours_known']:,}, "
        f"unknown {counts['aeds_hours_unknown']:,}, unreadable {counts['aeds_hours_invalid']:,}; "
        f"private {counts['aeds_private']:,})"
    )
    people = facts["population"]
    kind = facts.get("demand_source", "buildings and junctions")
    spread = f"{counts['demand_places']:,} places ({kind})"
    lines.append(f"People: {people:,.0f} over {spread}" if people else f"People: unknown; {spread}")
    lines += [f"Warning: {warning}" for warning in facts["warnings"]]
    lines.append(f"Map data: {facts['credit']}, {facts['licence']}")
    return lines
