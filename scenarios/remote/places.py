"""Public places of the remote district, its few AEDs, and the candidate sites of a planner."""

from __future__ import annotations

from typing import NamedTuple

from scenarios.remote.plan import ISLAND, KM, TOWN, VILLAGES
from scenarios.town.places import SCHOOL_HOURS, Place, aed_tags

PUB_HOURS = "Mo-Th 16:00-23:00; Fr-Su 12:00-23:30"
SURGERY_HOURS = "Mo-Fr 08:30-13:00,14:00-18:00"
SHOP_HOURS = "Mo-Sa 08:00-20:00; Su 09:00-16:00"
HALLS_WITH_AED = (
    "Dunmarrow", "Carnbridge", "Garrowhead", "Lunnick", "Northquay", "Tollavane", "Marrick Cove",
    "Innerskell", "Corvane", "Brennock", "Fenwater", "Stellarig", "Oskerry",
)  # fmt: skip
HALLS_WITH_UNKNOWN_HOURS = ("Quillan", "Upper Brenn")
SURGERIES = ("Carnbridge", "Dunmarrow", "Northquay", "Farholt")
SCHOOLS = ("Carnbridge", "Garrowhead", "Dunmarrow", "Lunnick", "Farholt", "Oskerry")
PUBS = (
    ("Garrowhead", PUB_HOURS), ("Hallowmere", PUB_HOURS), ("Marrick Cove", ""),
    ("Lantern Point", ""), ("Tollavane", ""),
)  # fmt: skip


class Site(NamedTuple):
    """A named place in kilometres, as in the tables of the plan."""

    name: str
    x_km: float
    y_km: float


STATION = Site("Skerrow Ambulance Station", -0.55, 0.62)
AMBULANCES = 3
COMMUNITY_HOSPITAL = Site("Skerrow Community Hospital", -0.72, 0.42)
INFIRMARY = Site("Farholt Infirmary", 32.25, 3.75)
RESPONDER_POSTS = (  # candidates: nobody is there before a planner says so
    Site("Northquay", -20.66, 22.44),
    Site("Garrowhead", -20.36, 8.24),
    Site("Brennock", -12.16, 12.34),
    Site("Stellarig", 5.03, 21.62),
    Site("Marrowhead", 20.43, 20.42),
    Site("Lantern Point", 25.63, -8.37),
)
DRONE_BASES = (
    Site("Skerrow", -0.50, 0.66),
    Site("Carnbridge", -11.45, 7.52),
    Site("Dunmarrow", 18.52, 0.92),
)
FERRY_KM = ((0.40, -0.84), (0.2, -3.0), (-3.6, -7.6), (-7.2, -9.4), (-8.4, -10.07))
RUNWAY_KM = ((28.6, 8.3), (30.4, 9.3))


def public_places() -> list[Place]:
    """Services, halls, surgeries, schools and pubs, and the AEDs that hang there."""
    places = _services()
    for village in (*VILLAGES, ISLAND):
        x, y = village.x_km * KM, village.y_km * KM
        kind = "village" if village.people >= 300 else "hamlet"
        places.append(Place(x, y, {"place": kind, "name": village.name}))
        hall = {"amenity": "community_centre", "name": f"{village.name} Village Hall"}
        places.append(Place(x + 38.0, y + 24.0, hall))
        if village.name in HALLS_WITH_AED + HALLS_WITH_UNKNOWN_HOURS:
            hours = "24/7" if village.name in HALLS_WITH_AED else ""
            where = "Outside wall of the village hall"
            tags = aed_tags(hours, "yes", indoor=False, where=where)
            places.append(Place(x + 41.0, y + 26.0, tags))
    for name in SURGERIES:
        spot = _beside(name, -70.0, 45.0)
        places += _with_aed(spot, {"amenity": "doctors"}, f"{name} Surgery", SURGERY_HOURS)
    for name in SCHOOLS:
        school = {"amenity": "school", "name": f"{name} School"}
        places.append(Place(*_beside(name, 95.0, -80.0), school))
    for name, hours in PUBS:
        pub = {"amenity": "pub", "name": f"{name} Inn"}
        if hours:
            pub["opening_hours"] = hours
        x, y = _beside(name, -35.0, -50.0)
        places.append(Place(x, y, pub))
        porch = aed_tags(hours, "customers", indoor=True, where="Behind the bar")
        places.append(Place(x + 3.0, y + 2.0, porch))
    return places + _town_places()


def _services() -> list[Place]:
    hospital = {"amenity": "hospital", "emergency": "yes"}
    places = [
        _at(STATION, {"emergency": "ambulance_station"}),
        _at(COMMUNITY_HOSPITAL, {"amenity": "hospital", "emergency": "no"}),
        _at(INFIRMARY, hospital),
        _at(Site("Skerrow Lifeboat Station", 0.30, -0.62), {"emergency": "lifeboat_station"}),
    ]
    for name in ("Skerrow", "Carnbridge", "Dunmarrow", "Farholt"):
        tags = {"amenity": "fire_station", "name": f"{name} Fire Station"}
        places.append(Place(*_beside(name, 210.0, 160.0), tags))
    for name, (x, y) in (("Skerrow", FERRY_KM[0]), ("Oskerry", FERRY_KM[-1])):
        tags = {"amenity": "ferry_terminal", "name": f"{name} Ferry"}
        places.append(Place(x * KM, y * KM, tags))
    return places


def _town_places() -> list[Place]:
    """The town has eight: two in the open, the others behind doors."""
    places = [
        Place(0.0, 0.0, {"place": "town", "name": TOWN.name}),
        Place(-60.0, -35.0, aed_tags("24/7", "yes", indoor=False, where="Market House wall")),
        Place(330.0, -560.0, aed_tags("24/7", "yes", indoor=False, where="Harbour office wall")),
    ]
    for (x, y), amenity, name, hours in (
        ((-520.0, 250.0), {"amenity": "doctors"}, "Moorside Surgery", SURGERY_HOURS),
        ((180.0, 520.0), {"amenity": "school"}, "Skerrow Academy", SCHOOL_HOURS),
        ((150.0, 120.0), {"shop": "supermarket"}, "Skerrow Stores", SHOP_HOURS),
        ((-90.0, 140.0), {"amenity": "pub"}, "The Mariners", PUB_HOURS),
        ((-250.0, -420.0), {"leisure": "sports_centre"}, "Skerrow Pool",
         "Mo-Fr 07:00-21:00; Sa-Su 09:00-17:00"),
        ((90.0, -310.0), {"amenity": "place_of_worship"}, "Fishermen's Chapel", ""),
    ):  # fmt: skip
        places += _with_aed((x, y), amenity, name, hours)
    return places


def _with_aed(
    spot: tuple[float, float], amenity: dict[str, str], name: str, hours: str
) -> list[Place]:
    x, y = spot
    tags = {**amenity, "name": name}
    if hours:
        tags["opening_hours"] = hours
    aed = aed_tags(hours, "customers", indoor=True, where="Reception")
    return [Place(x, y, tags), Place(x + 3.0, y + 2.0, aed)]


def _beside(name: str, east_m: float, north_m: float) -> tuple[float, float]:
    found = next(place for place in (TOWN, *VILLAGES, ISLAND) if place.name == name)
    return found.x_km * KM + east_m, found.y_km * KM + north_m


def _at(site: Site, tags: dict[str, str]) -> Place:
    return Place(site.x_km * KM, site.y_km * KM, {**tags, "name": site.name})
