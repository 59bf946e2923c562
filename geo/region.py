"""A region: the networks, AEDs, people and zones of one place, saved as one folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from geo.aeds import AedTable
from geo.demand import Demand, Places, spread
from geo.errors import ZonesError
from geo.folder import FolderReader, FolderWriter, written_folder
from geo.hierarchy import Hierarchy
from geo.hours import HoursKind, checked_timezone, hours_kind
from geo.network import RoadNetwork, build_network
from geo.osm import AedRecord, Extract, read_extract
from geo.points import EARTH_RADIUS_M, frozen
from geo.router import Router
from geo.saved import (
    load_aeds,
    load_demand,
    load_hierarchy,
    load_network,
    load_zones,
    save_aeds,
    save_demand,
    save_hierarchy,
    save_network,
    save_zones,
)
from geo.snap import FRAGMENT_NODES, MAX_SNAP_M, Positions, snap
from geo.speeds import FOOT, Profile
from geo.zones import ZoneTable, read_zones

CREDIT = "© OpenStreetMap contributors"
LICENCE = "Open Database License (ODbL) 1.0"

Progress = Callable[[str], None]

_LIBRARIES = ("heartreach", "numpy", "opening-hours-py", "osmium", "shapely")


@dataclass(frozen=True, eq=False)
class Region:
    """One place, ready to be asked. Arrays are memory-mapped from the folder and read-only."""

    folder: Path
    region_id: str  # the same for the same input and version of the product
    networks: Mapping[str, RoadNetwork]  # by mode: "foot"
    aeds: AedTable
    demand: Demand
    zones: ZoneTable | None
    timezone: str
    bounds: tuple[float, float, float, float]  # south, west, north, east of the roads
    manifest: Mapping[str, Any]
    hierarchies: Mapping[str, Hierarchy] = field(default_factory=dict)  # by mode
    _routers: dict[str, Router] = field(default_factory=dict, repr=False)

    def router(self, mode: str = "foot") -> Router:
        """Everything about travel in this mode; made at first use, then shared."""
        if mode not in self._routers:
            self._routers[mode] = Router.of(self.networks[mode], self.hierarchies.get(mode))
        return self._routers[mode]

    @classmethod
    def open(cls, folder: Path | str) -> Region:
        """Opens a region folder; sizes and checksums of all files are verified.

        Raises:
            RegionError: not a region folder, of another format, or damaged.
        """
        reader = FolderReader(Path(folder))
        manifest = reader.manifest
        south, west, north, east = manifest["bounds"]
        return cls(
            folder=Path(folder),
            region_id=manifest["region_id"],
            networks={mode: load_network(reader, mode) for mode in manifest["networks"]},
            aeds=load_aeds(reader, manifest["timezone"]),
            demand=load_demand(reader),
            zones=load_zones(reader),
            timezone=manifest["timezone"],
            bounds=(south, west, north, east),
            manifest=manifest,
            hierarchies={
                mode: hierarchy
                for mode in manifest["networks"]
                if (hierarchy := load_hierarchy(reader, mode)) is not None
            },
        )

    def holds(self, lat: float, lon: float, *, margin_m: float = 1000.0) -> bool:
        """Whether a place lies within the bounding box of the roads, or this near to it."""
        south, west, north, east = self.bounds
        margin_lat = float(np.degrees(margin_m / EARTH_RADIUS_M))
        margin_lon = margin_lat / max(0.01, float(np.cos(np.radians(lat))))
        return (
            south - margin_lat <= lat <= north + margin_lat
            and west - margin_lon <= lon <= east + margin_lon
        )


@dataclass(frozen=True, eq=False)
class _Parts:
    """Everything that goes into a region folder."""

    networks: dict[str, RoadNetwork]
    foot: RoadNetwork
    aeds: AedTable
    demand: Demand
    zones: ZoneTable | None
    counts: dict[str, int]
    warnings: list[str]


def build_region(
    source: Path | str,
    out: Path | str,
    *,
    zones: Path | str | None = None,
    zone_columns: Mapping[str, str] | None = None,
    timezone: str = "UTC",
    profiles: Sequence[Profile] = (FOOT,),
    progress: Progress | None = None,
) -> Region:
    """Builds the region folder ``out`` from an OpenStreetMap extract and opens it.

    ``zones``: GeoJSON or GeoParquet of areas with a population, ``zone_columns`` our names to
    theirs. ``profiles`` must include one on foot. A region that is already there is replaced;
    nothing is left half-written. ``progress`` is told in words what happens.

    Raises:
        ExtractError: the extract is missing, damaged or without roads.
        ZonesError: the zones cannot be used, or none belongs to the region.
        RegionError: the time zone does not exist, or ``out`` cannot be written.
    """
    source, out = Path(source), Path(out)
    zones = None if zones is None else Path(zones)
    checked_timezone(timezone)
    say = progress or (lambda _: None)
    extract = read_extract(source, profiles, progress=say)
    parts = _parts(extract, zones, zone_columns, timezone, say)
    say("saving")
    with written_folder(out) as writer:
        for network in parts.networks.values():
            save_network(writer, network)
            save_hierarchy(writer, network.mode, Hierarchy.of(network))
        save_aeds(writer, parts.aeds)
        save_demand(writer, parts.demand)
        if parts.zones is not None:
            save_zones(writer, parts.zones)
        facts = {
            "source": _file_facts(source) | {"data_date": extract.data_date},
            "zones_source": None if zones is None else _file_facts(zones),
            "zone_columns": dict(zone_columns or {}),
            "profiles": {profile.mode: profile.facts() for profile in profiles},
            "timezone": timezone,
            "credit": CREDIT,
            "licence": LICENCE,
            "bounds": list(parts.foot.bounds),
            "networks": {mode: _network_facts(net) for mode, net in parts.networks.items()},
            "counts": parts.counts,
            "warnings": parts.warnings,
        }
        versions = {name: _version(name) for name in _LIBRARIES}
        writer.manifest({"region_id": _region_id(writer, facts), **facts, "versions": versions})
    return Region.open(out)


def _parts(
    extract: Extract,
    zones: Path | None,
    zone_columns: Mapping[str, str] | None,
    timezone: str,
    say: Progress,
) -> _Parts:
    say("building networks")
    networks = {mode: build_network(mode, part) for mode, part in extract.segments.items()}
    foot = networks.get("foot") or next(iter(networks.values()))
    warnings = list(extract.warnings)
    table = None
    if zones is not None:
        say("reading zones")
        found = read_zones(zones, columns=zone_columns, region_bounds=foot.bounds)
        table = found.zones
        warnings += found.warnings
    say("placing people and AEDs")
    buildings = extract.buildings
    places = Places(buildings.lat, buildings.lon, buildings.weight, buildings.home)
    demand, table, remarks = spread(places, foot, table)
    if zones is not None and not (table and len(table)):
        raise ZonesError(f"{zones.name}: no zone holds roads or buildings of the region")
    aeds = _aed_table(extract.aeds, foot, timezone)
    reach, reach_warnings = _reach_facts(foot, aeds, demand)
    counts = extract.counts | reach | _aed_facts(aeds) | {"zones": len(table) if table else 0}
    warnings += [*remarks, *reach_warnings]
    return _Parts(networks, foot, aeds, demand, table, counts, warnings)


def _aed_table(records: Sequence[AedRecord], network: RoadNetwork, timezone: str) -> AedTable:
    positions = Positions.none()
    if records:
        positions = snap(network, [r.lat for r in records], [r.lon for r in records])
    return AedTable(
        ids=frozen(np.arange(len(records)), np.int64),
        osm_id=tuple(record.osm_id for record in records),
        lat=positions.lat,
        lon=positions.lon,
        access=tuple(record.access for record in records),
        indoor=tuple(record.indoor for record in records),
        level=tuple(record.level for record in records),
        opening_hours=tuple(record.opening_hours for record in records),
        hours_kind=tuple(hours_kind(record.opening_hours) for record in records),
        place=tuple(record.place for record in records),
        positions=positions,
        timezone=timezone,
    )


def _aed_facts(aeds: AedTable) -> dict[str, int]:
    counts = {f"aeds_hours_{kind}": aeds.hours_kind.count(kind) for kind in HoursKind}
    return counts | {"aeds_private": len(aeds) - int(np.count_nonzero(aeds.public))}


def _network_facts(network: RoadNetwork) -> dict[str, Any]:
    """Sizes, and how much of the network hangs together."""
    sizes = network.component_sizes()
    return {
        "junctions": network.n_nodes,
        "edges": network.n_edges,
        "length_km": round(float(network.edge_length_m.sum(dtype=np.float64)) / 1000, 1),
        "components": len(sizes),
        "largest_components": sizes[:10].tolist(),
        "share_in_largest": round(float(sizes[0] / sizes.sum()), 4),
    }


def _reach_facts(
    network: RoadNetwork, aeds: AedTable, demand: Demand
) -> tuple[dict[str, int], list[str]]:
    """How many AEDs and places could not be joined to the network, or not to the nearest road."""
    people = snap(network, demand.lat, demand.lon)
    counts = {"demand_places": len(demand)}
    warnings = []
    for name, positions in (("aeds", aeds.positions), ("demand", people)):
        off = len(positions) - positions.n_attached
        moved = int(np.count_nonzero(positions.moved))
        apart = int(np.count_nonzero(_apart(network, positions)))
        counts |= {f"{name}_unattached": off, f"{name}_moved": moved, f"{name}_cut_off": apart}
        what = "AEDs" if name == "aeds" else "places where people are"
        if off:
            warnings.append(f"{what} farther than {MAX_SNAP_M:g} m from any road: {off}")
        if apart:
            warnings.append(f"{what} on roads that the largest part does not reach: {apart}")
        if moved:
            warnings.append(
                f"{what} joined to a farther road, as the nearest one belongs to a fragment of "
                f"fewer than {FRAGMENT_NODES} junctions: {moved}"
            )
    return counts, warnings


def _apart(network: RoadNetwork, positions: Positions) -> Any:
    on = positions.edge[positions.edge >= 0]
    return network.component[network.edge_u[on]] != 0


def _region_id(writer: FolderWriter, facts: Mapping[str, Any]) -> str:
    """From what the folder holds and where it came from, not from when or with which versions."""
    text = json.dumps([writer.files, facts], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _file_facts(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            digest.update(chunk)
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
