"""The town as files: a real extract (``town.osm.pbf``) and its zones (``zones.geojson``)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geo.osm_write import Extract, Way, write_extract
from geo.points import LocalProjection
from scenarios.town.joining import StreetMap, join
from scenarios.town.people import BLOCKS, Buildings, Zones, build_houses, drives, make_zones
from scenarios.town.places import Place, public_places
from scenarios.town.plan import Floats, Kind, Plan, make_plan
from scenarios.town.streets import airfield, draw_streets, river_water

NAME = "Marchbridge"
TIMEZONE = "Europe/London"
# Open sea off the north coast of Cornwall: no real street can be mistaken for one of ours.
CENTRE = LocalProjection(lat=50.40, lon=-5.45)
EXTRACT_FILE = "town.osm.pbf"
ZONES_FILE = "zones.geojson"
ATTRIBUTION = "Invented by Heartreach; not a real place."
_LANDUSE = {
    Kind.PARK: {"leisure": "park"},
    Kind.INDUSTRY: {"landuse": "industrial"},
}


def write_town(folder: Path, *, seed: int = 1) -> tuple[Path, Path]:
    """Draw the town of this seed into a folder; returns the extract and the zones.

    The same seed gives the same bytes. About 236,000 people on 12 x 12 km.
    """
    plan_rng, street_rng, drop_rng, house_rng, zone_rng, place_rng = (
        np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(6)
    )
    plan, _ = make_plan(plan_rng)
    lines = draw_streets(plan, street_rng)
    streets = join([*lines, *drives(lines, street_rng)], drop_rng)
    houses = build_houses(streets, plan, house_rng)
    zones = make_zones(houses, streets, zone_rng)
    places = public_places(plan, houses, zones, place_rng)

    folder.mkdir(parents=True, exist_ok=True)
    extract, areas = folder / EXTRACT_FILE, folder / ZONES_FILE
    write_extract(_extract(plan, streets, houses, places), extract)
    _write_zones(zones, areas)
    return extract, areas


def _extract(plan: Plan, streets: StreetMap, houses: Buildings, places: Iterable[Place]) -> Extract:
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
    for ring, tags in _land(plan):
        add(ring, tags)
    node_tags = {}
    for place in places:
        node_tags[count] = place.tags
        points.append(np.array([[place.x_m, place.y_m]]))
        count += 1
    lat, lon = CENTRE.to_lat_lon(*np.concatenate(points).T)
    return Extract(np.round(lat, 7), np.round(lon, 7), ways, node_tags)


def _building_tags(kind: Kind) -> dict[str, str]:
    block = BLOCKS[kind]
    return {"building": block.tag, "building:levels": str(block.levels)}


def _land(plan: Plan) -> list[tuple[Floats, dict[str, str]]]:
    """Water, railway, parks and works, and the aerodrome."""
    water = {"natural": "water", "water": "river", "name": "River March"}
    land = [
        (_ring(river_water(plan)), water),
        (plan.river, {"waterway": "river", "name": "River March"}),
        (plan.railway, {"railway": "rail"}),
        (_ring(airfield(plan)), {"aeroway": "aerodrome", "name": f"{NAME} Aerodrome"}),
        (plan.runway, {"aeroway": "runway", "surface": "asphalt"}),
    ]
    for district in plan.districts:
        tags = _LANDUSE.get(district.kind, {"landuse": "residential"})
        suffix = " Park" if district.kind == Kind.PARK else ""
        land.append((_ring(district.shape), {**tags, "name": district.name + suffix}))
    return land


def _ring(shape: Any) -> Floats:
    return np.asarray(shapely.get_coordinates(shapely.simplify(shape, 1.0).exterior))


def _write_zones(zones: Zones, path: Path) -> None:
    features = [_zone_feature(zones, index) for index in range(len(zones.shapes))]
    collection = {
        "type": "FeatureCollection",
        "name": f"Zones of {NAME}",
        "attribution": ATTRIBUTION,
        "features": features,
    }
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    temporary.write_text(json.dumps(collection, separators=(",", ":")) + "\n", encoding="utf-8")
    temporary.replace(path)


def _zone_feature(zones: Zones, index: int) -> dict[str, Any]:
    ring = shapely.get_coordinates(zones.shapes[index].exterior)
    lat, lon = CENTRE.to_lat_lon(*ring.T)
    places = [[round(x, 6), round(y, 6)] for x, y in zip(lon.tolist(), lat.tolist(), strict=True)]
    return {
        "type": "Feature",
        "properties": {
            "id": f"M{index + 1:03d}",
            "name": f"{NAME} {index + 1:03d}",
            "population": int(zones.population[index]),
            "deprivation_decile": int(zones.deprivation_decile[index]),
            "urban_rural": "urban" if zones.urban[index] else "rural",
        },
        "geometry": {"type": "Polygon", "coordinates": [places]},
    }
