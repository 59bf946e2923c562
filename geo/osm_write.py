"""Writing OpenStreetMap extracts: plain nodes, ways and tags to a real ``.osm.pbf``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import osmium
from numpy.typing import ArrayLike
from osmium.osm import mutable

from geo.errors import ExtractError
from geo.points import checked_places

_GENERATOR = "heartreach"


@dataclass(frozen=True)
class Way:
    """One way: indices of its nodes in order (first = last for an area) and its tags."""

    nodes: Sequence[int]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Extract:
    """A small map in memory: node i lies at ``lat[i], lon[i]`` (degrees) with ``node_tags[i]``."""

    lat: ArrayLike
    lon: ArrayLike
    ways: Sequence[Way]
    node_tags: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


def write_extract(extract: Extract, path: Path) -> None:
    """Write ``.osm.pbf`` (or ``.osm``, by the name): nodes by id, then ways, ids from 1.

    The same extract gives the same bytes: no timestamps, users or versions are written. The file
    appears under its name only when it is complete.

    Raises:
        PlaceError: a latitude or longitude is not one.
        ExtractError: a way names a node that does not exist, or the file cannot be written.
    """
    lat, lon = checked_places(extract.lat, extract.lon, what="node")
    _check_ways(extract.ways, len(lat))
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        _write(extract, lat.tolist(), lon.tolist(), temporary)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        raise ExtractError(f"{path}: cannot be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _check_ways(ways: Iterable[Way], n_nodes: int) -> None:
    for number, way in enumerate(ways):
        refs = np.asarray(way.nodes, dtype=np.int64)
        if len(refs) < 2 or refs.min() < 0 or refs.max() >= n_nodes:
            raise ExtractError(f"way {number}: expected at least 2 nodes of 0..{n_nodes - 1}")


def _write(extract: Extract, lat: list[float], lon: list[float], path: Path) -> None:
    header = osmium.io.Header()
    header.set("generator", _GENERATOR)
    if lat:
        low = osmium.osm.Location(min(lon), min(lat))
        high = osmium.osm.Location(max(lon), max(lat))
        header.add_box(osmium.osm.Box(low, high))
    with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
        tags = extract.node_tags
        for index, place in enumerate(zip(lon, lat, strict=True)):
            writer.add_node(mutable.Node(id=index + 1, location=place, tags=tags.get(index)))
        for number, way in enumerate(extract.ways, 1):
            nodes = [int(index) + 1 for index in way.nodes]
            writer.add_way(mutable.Way(id=number, nodes=nodes, tags=dict(way.tags)))
