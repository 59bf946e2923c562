"""Invented places as files: streets, houses and land as an extract, areas as GeoJSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geo.osm_write import Extract, Way
from geo.points import LocalProjection
from scenarios.town.joining import StreetMap
from scenarios.town.people import BLOCKS, Buildings, Zones
from scenarios.town.places import Place
from scenarios.town.plan import Floats, Geometry, Kind

Shape = tuple[Floats, dict[str, str]]
"""A line or a closed ring (n, 2) in metres, and its OSM tags."""


def map_extract(
    centre: LocalProjection,
    streets: StreetMap,
    houses: Buildings,
    land: Iterable[Shape],
    places: Iterable[Place],
) -> Extract:
    """All nodes in one list: streets first, then outlines, then single places."""
    points: list[Floats] = [streets.points]
    ways = [Way(way.nodes.tolist(), way.tags) for way in streets.ways]
    count = len(streets.points)

    def add(ring: Floats, tags: dict[str, str]) -> None:
        nonlocal count
        closed = bool(np.allclose(ring[0], ring[-1])) and len(ring) > 3
        own = ring[:-1] if closed else ring
        points.append(own)
        nodes = list(range(count, count + len(own)))
        ways.append(Way([*nodes, nodes[0]] if closed else nodes, tags))
        count += len(own)

    for outline, kind in zip(houses.outlines, houses.kinds, strict=True):
        add(outline, _building_tags(kind))
    for ring, tags in land:
        add(ring, tags)
    node_tags = {}
    for place in places:
        node_tags[count] = place.tags
        points.append(np.array([[place.x_m, place.y_m]]))
        count += 1
    lat, lon = centre.to_lat_lon(*np.concatenate(points).T)
    return Extract(np.round(lat, 7), np.round(lon, 7), ways, node_tags)


def outer_ring(shape: Geometry) -> Floats:
    """The border of a polygon, to a metre."""
    return np.asarray(shapely.get_coordinates(shapely.simplify(shape, 1.0).exterior))


def write_zones(
    path: Path,
    zones: Zones,
    centre: LocalProjection,
    ids: Sequence[str],
    names: Sequence[str],
    *,
    title: str,
    note: str,
) -> None:
    """The zones with all that ``geo.zones`` reads."""
    features = [
        feature(
            zones.shapes[index],
            centre,
            {
                "id": ids[index],
                "name": names[index],
                "population": int(zones.population[index]),
                "deprivation_decile": int(zones.deprivation_decile[index]),
                "urban_rural": "urban" if zones.urban[index] else "rural",
            },
        )
        for index in range(len(zones.shapes))
    ]
    write_collection(path, features, title=title, note=note)


def feature(shape: Geometry, centre: LocalProjection, properties: dict[str, Any]) -> dict[str, Any]:
    """A GeoJSON feature of a polygon or multipolygon in metres."""
    parts = [_rings(part, centre) for part in shapely.get_parts(shape)]
    single = len(parts) == 1
    geometry = {
        "type": "Polygon" if single else "MultiPolygon",
        "coordinates": parts[0] if single else parts,
    }
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def write_collection(
    path: Path, features: Sequence[dict[str, Any]], *, title: str, note: str
) -> None:
    """A GeoJSON file; it appears under its name only when it is complete."""
    collection = {
        "type": "FeatureCollection",
        "name": title,
        "attribution": note,
        "features": features,
    }
    text = json.dumps(collection, separators=(",", ":")) + "\n"
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _rings(polygon: Geometry, centre: LocalProjection) -> list[list[list[float]]]:
    """The outer ring, then the holes, as longitude and latitude."""
    rings = []
    for ring in (shapely.get_exterior_ring(polygon), *polygon.interiors):
        lat, lon = centre.to_lat_lon(*shapely.get_coordinates(ring).T)
        pairs = zip(lon.tolist(), lat.tolist(), strict=True)
        rings.append([[round(x, 6), round(y, 6)] for x, y in pairs])
    return rings


def _building_tags(kind: Kind) -> dict[str, str]:
    block = BLOCKS[kind]
    return {"building": block.tag, "building:levels": str(block.levels)}
