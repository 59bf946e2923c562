"""Public places of the town, and the AEDs that hang there with their hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely

from scenarios.town.people import Buildings, Zones
from scenarios.town.plan import Floats, Kind, Plan


@dataclass(frozen=True)
class Place:
    """One point of interest in metres, with OSM tags."""

    x_m: float
    y_m: float
    tags: dict[str, str]


class Host(NamedTuple):
    """Where AEDs hang: how many, OSM tags of the place, hours of the AED and where exactly.

    ``hours`` empty: not tagged, so the hours are unknown.
    """

    number: int
    amenity: dict[str, str]
    name: str
    hours: str
    access: str
    indoor: bool
    where: str


SCHOOL_HOURS = "Mo-Fr 08:00-16:30"
HOSTS = (
    Host(38, {"amenity": "school"}, "School", SCHOOL_HOURS, "permissive", True, "Reception"),
    Host(26, {"office": "company"}, "Offices", "Mo-Fr 08:30-17:30", "private", True, "Front desk"),
    Host(24, {"shop": "supermarket"}, "Stores", "Mo-Sa 07:00-22:00; Su 10:00-16:00", "customers",
         True, "Beside the tills"),
    Host(14, {"amenity": "doctors"}, "Surgery", "Mo-Fr 08:00-18:30", "customers", True,
         "Reception"),
    Host(10, {"leisure": "sports_centre"}, "Leisure Centre",
         "Mo-Fr 06:30-22:00; Sa-Su 08:00-18:00", "customers", True, "Pool office"),
    Host(12, {"amenity": "community_centre"}, "Hall", "Mo-Sa 09:00-22:00", "yes", True, "Foyer"),
    Host(34, {"amenity": "pub"}, "Arms", "24/7", "yes", False, "Cabinet on the front wall"),
    Host(20, {"amenity": "telephone"}, "Phone Box", "24/7", "yes", False, "Former telephone box"),
    Host(14, {"amenity": "fuel"}, "Garage", "24/7", "yes", False, "Cabinet beside the air line"),
    Host(9, {"amenity": "library"}, "Library", "Tu-Fr 09:30-18:00; Sa 09:30-13:00", "yes", True,
         "Issue desk"),
    Host(26, {"amenity": "place_of_worship"}, "Church", "", "yes", False, "Porch"),
    Host(1, {"amenity": "social_club"}, "Bowls Club", "weekdays till late", "members", True, "Bar"),
)  # fmt: skip


def public_places(
    plan: Plan, buildings: Buildings, zones: Zones, rng: np.random.Generator
) -> list[Place]:
    """Emergency services, the hosts of AEDs and the AEDs, villages and the aerodrome's name."""
    places = _services()
    for village in plan.villages:
        x, y = village.centre
        places.append(Place(x, y, {"place": "village", "name": village.name}))
        spot = {"amenity": "community_centre", "name": f"{village.name} Village Hall"}
        places.append(Place(x + 40.0, y + 25.0, spot))
        hall = aed_tags("24/7", "yes", indoor=False, where="Outside wall of the village hall")
        places.append(Place(x + 42.0, y + 26.0, hall))
    places += _hosted(buildings, zones, rng)
    return places


def _services() -> list[Place]:
    hospital = {"amenity": "hospital", "emergency": "yes", "name": "Marchbridge General Hospital"}
    places = [Place(-1150.0, 2350.0, hospital)]
    for name, x, y in (
        ("Central", -620.0, -900.0), ("North", 250.0, 2750.0), ("East", 2500.0, 420.0),
    ):  # fmt: skip
        tags = {"emergency": "ambulance_station", "name": f"{name} Ambulance Station"}
        places.append(Place(x, y, tags))
    for name, x, y in (
        ("Marchbridge", 380.0, -560.0), ("Western", -3000.0, 300.0), ("Ashcombe", 4200.0, 4150.0),
    ):  # fmt: skip
        places.append(Place(x, y, {"amenity": "fire_station", "name": f"{name} Fire Station"}))
    rail = {"railway": "station", "name": "Marchbridge"}
    places.append(Place(-200.0, -720.0, rail))
    return places


def _hosted(buildings: Buildings, zones: Zones, rng: np.random.Generator) -> list[Place]:
    """Each host beside a house; deprived zones have fewer, as in England."""
    centres = buildings.centres
    decile = _decile_at(centres, zones)
    likely = buildings.homes * (0.35 + 0.065 * decile)
    centre_of_town = np.exp(-((np.hypot(*centres.T) / 1500.0) ** 2))
    town = np.array([kind != Kind.VILLAGE for kind in buildings.kinds])
    places = []
    for host in HOSTS:
        busy = host.name in ("Offices", "Stores", "Library", "Leisure Centre")
        weight = likely * (0.15 + 3.0 * centre_of_town if busy else 1.0)
        weight = weight * np.where(town, 1.0, 0.4 if busy else 1.2)
        chosen = rng.choice(len(centres), host.number, replace=False, p=weight / weight.sum())
        for number, index in enumerate(chosen.tolist()):
            x, y = (centres[index] + rng.uniform(-4, 4, 2)).tolist()
            label = f"{_LABELS[(number * 7 + len(host.name)) % len(_LABELS)]} {host.name}"
            places.append(Place(x, y, {**host.amenity, "name": label}))
            tags = aed_tags(host.hours, host.access, indoor=host.indoor, where=host.where)
            places.append(Place(x + 3.0, y + 2.0, tags))
    return places


_LABELS = (
    "St Brannoc's", "Priory", "Quayside", "Hillside", "Riverside", "King's", "St Mary's", "Railway",
    "Market", "Woodland", "Parkway", "All Saints'", "Bridge", "Greenfield", "Abbey", "Windmill",
    "Northgate", "Southgate", "Meadow", "Castle", "Foundry", "Harbour", "Orchard", "Beacon",
)  # fmt: skip


def aed_tags(hours: str, access: str, *, indoor: bool, where: str) -> dict[str, str]:
    """OSM tags of an AED; no hours: not tagged, so unknown."""
    tags = {
        "emergency": "defibrillator",
        "access": access,
        "indoor": "yes" if indoor else "no",
        "defibrillator:location": where,
    }
    if indoor:
        tags["level"] = "0"
    else:
        tags["defibrillator:cabinet"] = "yes"
        tags["locked"] = "no" if hours == "24/7" else "yes"
    if hours:
        tags["opening_hours"] = hours
    return tags


def _decile_at(points: Floats, zones: Zones) -> Floats:
    tree = shapely.STRtree(zones.shapes)
    nearest = tree.nearest(shapely.points(points))
    return np.asarray(zones.deprivation_decile[nearest], dtype=float)
