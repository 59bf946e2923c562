"""How the parts of a region lie in its folder: one array or text per column."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np

from geo.aeds import AedTable
from geo.demand import Demand
from geo.folder import FolderReader, FolderWriter
from geo.hierarchy import Hierarchy
from geo.hours import HoursKind
from geo.network import ARRAY_FIELDS, RoadNetwork
from geo.points import frozen
from geo.snap import Positions
from geo.zones import ZoneTable

_POSITION_COLUMNS = tuple(Positions.__dataclass_fields__)
_AED_TEXTS = ("osm_id", "access", "indoor", "level", "opening_hours", "hours_kind", "place")
_DEMAND_COLUMNS = ("lat", "lon", "weight", "zone", "home")
_ZONE_TEXTS = ("ids", "names", "urban_rural")


def save_network(writer: FolderWriter, network: RoadNetwork) -> None:
    """``MODE/ARRAY.npy`` and ``MODE/names.json``."""
    for name in ARRAY_FIELDS:
        writer.array(f"{network.mode}/{name}", getattr(network, name))
    writer.text(f"{network.mode}/names", list(network.names))


def load_network(reader: FolderReader, mode: str) -> RoadNetwork:
    """What ``save_network`` saved."""
    arrays: dict[str, Any] = {name: reader.array(f"{mode}/{name}") for name in ARRAY_FIELDS}
    return RoadNetwork(mode=mode, names=tuple(reader.text(f"{mode}/names")), **arrays)


def save_hierarchy(writer: FolderWriter, mode: str, hierarchy: Hierarchy) -> None:
    """``MODE/hierarchy/ARRAY.npy``."""
    for name, values in hierarchy.arrays().items():
        writer.array(f"{mode}/hierarchy/{name}", values)


def load_hierarchy(reader: FolderReader, mode: str) -> Hierarchy | None:
    """What ``save_hierarchy`` saved; None in a folder without one."""
    if not reader.has(f"{mode}/hierarchy/rank.npy"):
        return None
    names = [field.name for field in fields(Hierarchy)]
    return Hierarchy.from_arrays(
        {name: reader.private_array(f"{mode}/hierarchy/{name}") for name in names}
    )


def save_aeds(writer: FolderWriter, aeds: AedTable) -> None:
    """Positions on the foot network as arrays, what is mapped as texts."""
    for name in _POSITION_COLUMNS:
        writer.array(f"aeds/{name}", getattr(aeds.positions, name))
    writer.text("aeds", {name: list(getattr(aeds, name)) for name in _AED_TEXTS})


def load_aeds(reader: FolderReader, timezone: str) -> AedTable:
    """What ``save_aeds`` saved."""
    texts = {name: tuple(values) for name, values in reader.text("aeds").items()}
    kinds = tuple(HoursKind(kind) for kind in texts.pop("hours_kind"))
    positions = Positions(*(reader.array(f"aeds/{name}") for name in _POSITION_COLUMNS))
    return AedTable(
        ids=frozen(np.arange(len(positions)), np.int64),
        lat=positions.lat,
        lon=positions.lon,
        hours_kind=kinds,
        positions=positions,
        timezone=timezone,
        **texts,
    )


def save_demand(writer: FolderWriter, demand: Demand) -> None:
    """One array per column."""
    for name in _DEMAND_COLUMNS:
        writer.array(f"demand/{name}", getattr(demand, name))
    writer.text("demand", {"source": demand.source})


def load_demand(reader: FolderReader) -> Demand:
    """What ``save_demand`` saved."""
    columns: dict[str, Any] = {name: reader.array(f"demand/{name}") for name in _DEMAND_COLUMNS}
    return Demand(**columns, source=reader.text("demand")["source"])


def save_zones(writer: FolderWriter, zones: ZoneTable) -> None:
    """Numbers and outlines as arrays, the rest as texts."""
    first = np.zeros(len(zones) + 1, dtype=np.int64)
    np.cumsum([len(outline) for outline in zones.wkb], out=first[1:])
    writer.array("zones/population", zones.population)
    writer.array("zones/deprivation_decile", zones.deprivation_decile)
    writer.array("zones/wkb_first", first)
    writer.array("zones/wkb", np.frombuffer(b"".join(zones.wkb), dtype=np.uint8))
    writer.text("zones", {name: list(getattr(zones, name)) for name in _ZONE_TEXTS})


def load_zones(reader: FolderReader) -> ZoneTable | None:
    """What ``save_zones`` saved, or None where the region has no zones."""
    if not reader.has("zones.json"):
        return None
    texts = {name: tuple(values) for name, values in reader.text("zones").items()}
    first = reader.array("zones/wkb_first").tolist()
    outlines = reader.array("zones/wkb").tobytes()
    return ZoneTable(
        population=reader.array("zones/population"),
        deprivation_decile=reader.array("zones/deprivation_decile"),
        wkb=tuple(outlines[a:b] for a, b in pairwise(first)),
        **texts,
    )
