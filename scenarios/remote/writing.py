"""The remote district as files: extract and zones, sites, dead spots and airspace."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import shapely

from geo.osm_write import write_extract
from geo.points import LocalProjection
from scenarios.remote import places as sites
from scenarios.remote.air import airspace_features, dead_spot_features
from scenarios.remote.people import settle
from scenarios.remote.plan import KM, Plan, make_plan
from scenarios.remote.streets import draw_nets, together
from scenarios.town.files import Shape, map_extract, outer_ring, write_collection, write_zones
from scenarios.town.plan import Kind

NAME = "Skerrow and the Valleys"
TIMEZONE = "Europe/London"
# Open North Sea, more than 200 km from any shore: no real place can be mistaken for one of ours.
CENTRE = LocalProjection(lat=56.40, lon=1.60)
EXTRACT_FILE = "remote.osm.pbf"
ZONES_FILE = "zones.geojson"
STATIONS_FILE = "stations.csv"
POSTS_FILE = "responder_posts.csv"
HOSPITALS_FILE = "hospitals.csv"
BASES_FILE = "bases.csv"
DEAD_SPOTS_FILE = "dead_spots.geojson"
AIRSPACE_FILE = "airspace.geojson"
ATTRIBUTION = "Invented by Heartreach; not a real place."


def write_remote(folder: Path, *, seed: int = 1) -> tuple[Path, Path]:
    """Draw the district of this seed into a folder; returns the extract and the zones.

    Beside them: ``stations.csv`` (one), ``responder_posts.csv`` (candidate sites of community
    first responders), ``hospitals.csv``, ``bases.csv`` (candidate drone bases),
    ``dead_spots.geojson`` and ``airspace.geojson``. The same seed gives the same bytes. About
    25,000 people on 57 x 40 km.
    """
    plan_rng, street_rng, drop_rng, people_rng = (
        np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(4)
    )
    plan = make_plan(plan_rng)
    nets = draw_nets(plan, street_rng, drop_rng)
    people = settle(plan, *nets, people_rng)

    folder.mkdir(parents=True, exist_ok=True)
    extract, areas = folder / EXTRACT_FILE, folder / ZONES_FILE
    public = sites.public_places()
    write_extract(map_extract(CENTRE, together(nets), people.houses, _land(plan), public), extract)
    ids = [f"S{number + 1:03d}" for number in range(len(people.zone_names))]
    title = f"Zones of {NAME}"
    write_zones(areas, people.zones, CENTRE, ids, people.zone_names, title=title, note=ATTRIBUTION)
    _write_sites(folder)
    gaps = dead_spot_features(plan, CENTRE)
    write_collection(folder / DEAD_SPOTS_FILE, gaps, title="No mobile network", note=ATTRIBUTION)
    air = airspace_features(CENTRE)
    write_collection(folder / AIRSPACE_FILE, air, title=f"Airspace of {NAME}", note=ATTRIBUTION)
    return extract, areas


def place_of(site: sites.Site) -> tuple[float, float]:
    """Latitude and longitude of a site, in degrees."""
    lat, lon = CENTRE.to_lat_lon(site.x_km * KM, site.y_km * KM)
    return round(float(lat), 6), round(float(lon), 6)


def _write_sites(folder: Path) -> None:
    head = ("name", "lat", "lon", "ambulances", "co_responders")
    station = sites.STATION
    _write_csv(
        folder / STATIONS_FILE, head, [(station.name, *place_of(station), sites.AMBULANCES, 0)]
    )
    posts = [(site.name, *place_of(site)) for site in sites.RESPONDER_POSTS]
    _write_csv(folder / POSTS_FILE, ("name", "lat", "lon"), posts)
    # The community hospital takes no emergencies by ambulance: all go to the edge of the district.
    infirmary = sites.INFIRMARY
    hospitals = [(infirmary.name, *place_of(infirmary))]
    _write_csv(folder / HOSPITALS_FILE, ("name", "lat", "lon"), hospitals)
    bases = [(site.name.lower(), site.name, *place_of(site), 1) for site in sites.DRONE_BASES]
    _write_csv(folder / BASES_FILE, ("base_id", "name", "lat", "lon", "drones"), bases)


def _write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    temporary.write_text(text.getvalue(), encoding="utf-8")
    temporary.replace(path)


def _land(plan: Plan) -> list[Shape]:
    """Coastlines (land on their left), rivers, the ferry, the aerodrome, built-up land."""
    island = outer_ring(shapely.orient_polygons(plan.island))
    land: list[Shape] = [
        (plan.coast, {"natural": "coastline"}),
        (island, {"natural": "coastline", "name": "Oskerry"}),
        (np.array(sites.FERRY_KM) * KM,
         {"route": "ferry", "name": "Skerrow - Oskerry", "foot": "yes", "duration": "00:50"}),
    ]  # fmt: skip
    land += [(line, {"waterway": "river", "name": name}) for name, line in plan.rivers]
    runway = np.array(sites.RUNWAY_KM) * KM
    field = shapely.buffer(shapely.linestrings(runway), 220.0, quad_segs=2)
    land.append((outer_ring(field), {"aeroway": "aerodrome", "name": "Farholt Aerodrome"}))
    land.append((runway, {"aeroway": "runway", "surface": "asphalt"}))
    for district in (*plan.districts, plan.island_district):
        use = "industrial" if district.kind == Kind.INDUSTRY else "residential"
        for part in shapely.get_parts(shapely.intersection(district.shape, plan.shore)):
            land.append((outer_ring(part), {"landuse": use, "name": district.name}))
    return land
