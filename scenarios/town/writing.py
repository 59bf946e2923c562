"""The town as files: a real extract (``town.osm.pbf``) and its zones (``zones.geojson``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geo.osm_write import write_extract
from geo.points import LocalProjection
from scenarios.town.files import Shape, map_extract, outer_ring, write_zones
from scenarios.town.joining import join
from scenarios.town.people import build_houses, drives, make_zones
from scenarios.town.places import public_places
from scenarios.town.plan import Kind, Plan, make_plan
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
    write_extract(map_extract(CENTRE, streets, houses, _land(plan), places), extract)
    ids = [f"M{number + 1:03d}" for number in range(len(zones.shapes))]
    names = [f"{NAME} {number + 1:03d}" for number in range(len(zones.shapes))]
    write_zones(areas, zones, CENTRE, ids, names, title=f"Zones of {NAME}", note=ATTRIBUTION)
    return extract, areas


def _land(plan: Plan) -> list[Shape]:
    """Water, railway, parks and works, and the aerodrome."""
    water = {"natural": "water", "water": "river", "name": "River March"}
    land = [
        (outer_ring(river_water(plan)), water),
        (plan.river, {"waterway": "river", "name": "River March"}),
        (plan.railway, {"railway": "rail"}),
        (outer_ring(airfield(plan)), {"aeroway": "aerodrome", "name": f"{NAME} Aerodrome"}),
        (plan.runway, {"aeroway": "runway", "surface": "asphalt"}),
    ]
    for district in plan.districts:
        tags = _LANDUSE.get(district.kind, {"landuse": "residential"})
        suffix = " Park" if district.kind == Kind.PARK else ""
        land.append((outer_ring(district.shape), {**tags, "name": district.name + suffix}))
    return land
