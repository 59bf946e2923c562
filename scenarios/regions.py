"""From ``[region] source`` to a region: an invented one, an extract, or a region folder.

``prepare_region`` does the slow part once and leaves a folder in the cache; ``open_region`` opens
that folder with the scenario's own AEDs and is what every worker calls.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from geo.errors import GeoError, PlaceError
from geo.region import Region, build_region
from scenarios.aed_tables import both_lists, invented_aeds, listed_aeds
from scenarios.cache import cache_folder, code_mark, fingerprint
from scenarios.errors import Fault, InputFaults, RegionUnavailable
from scenarios.loading import read_text
from scenarios.networks import MODES, profiles_of
from scenarios.own_data import AEDS
from scenarios.own_files import own_table
from scenarios.schema import REMOTE, TOWN, Scenario
from scenarios.variants import variants

TOWN_SEED = 1
Progress = Callable[[str], None]
_EXTRACT_ENDINGS = (".osm.pbf", ".pbf", ".osm", ".osm.xml", ".osm.gz", ".osm.bz2")


def prepare_region(scenario: Scenario, *, progress: Progress | None = None) -> Path:
    """The folder of the scenario's region, built first if the cache does not hold it.

    Raises:
        InputFaults: the scenario names something that is not there or does not fit.
        RegionUnavailable: a place name, and no connection to look it up.
        geo.errors.GeoError: the extract or the zones cannot be used.
    """
    say = progress or (lambda _: None)
    source = scenario.region.source
    if source == TOWN:
        return _town(scenario, say)
    if source == REMOTE:
        return _remote(scenario, say)
    path = scenario.path(source)
    if path.is_dir():
        return _folder(scenario, path)
    if source.endswith(_EXTRACT_ENDINGS):
        return _from_extract(scenario, path, say)
    if _is_place_name(source):
        return _from_extract(scenario, _fetched(source, say), say)
    raise InputFaults([_fault(scenario, "source", _SOURCES, repr(source))])


_SOURCES = "town, remote, an extract (FILE.osm.pbf or FILE.osm) or a region folder"


def open_region(scenario: Scenario, folder: Path) -> Region:
    """The region of ``prepare_region`` with the AEDs that the scenario asks for.

    ``region_id`` tells apart the same roads with other AEDs.

    Raises:
        InputFaults: the list of AEDs is wrong, or the number of people is not known.
        geo.errors.RegionError: the folder is damaged.
    """
    region = _with_source(scenario, Region.open(folder))
    named, crs = scenario.aeds.more_csv, scenario.aeds.crs
    if named is None:
        return region
    more = listed_aeds(region, own_table(scenario, named, AEDS, crs))
    facts = scenario.path(named).read_bytes() + repr((crs, scenario.data.crs)).encode()
    mark = hashlib.sha256(facts).hexdigest()[:8]
    aeds = both_lists(region.aeds, more)
    return dataclasses.replace(region, aeds=aeds, region_id=f"{region.region_id}-{mark}")


def _with_source(scenario: Scenario, region: Region) -> Region:
    """The region with the AEDs of ``[aeds] source``."""
    if scenario.incidents.model == "rates":
        _population(scenario, region)
    asked = scenario.aeds
    if asked.source == "osm":
        return region
    if asked.source == "csv":
        path = scenario.path(asked.csv or "")
        aeds = listed_aeds(region, own_table(scenario, asked.csv or "", AEDS, asked.crs))
        facts = path.read_bytes() + repr((asked.crs, scenario.data.crs)).encode()
    else:
        aeds = invented_aeds(
            region,
            population=_population(scenario, region),
            per_10k=asked.per_10k,
            always_open_share=asked.always_open_share,
            seed=scenario.run.seed,
        )
        facts = repr((asked.per_10k, asked.always_open_share, scenario.run.seed)).encode()
    mark = hashlib.sha256(facts).hexdigest()[:8]
    return dataclasses.replace(region, aeds=aeds, region_id=f"{region.region_id}-{mark}")


def invented_parts(scenario: Scenario) -> tuple[str, ...]:
    """What of this scenario is invented, in words: the whole town or district, AEDs, people."""
    parts = []
    if scenario.region.source in (TOWN, REMOTE):
        parts.append("the whole town" if scenario.region.source == TOWN else "the whole district")
    if scenario.aeds.source == "synthetic" or (parts and scenario.aeds.source == "osm"):
        parts.append("AEDs")
    people = scenario.responders
    if people.csv is None and people.per_zone_csv is None and people.zone_column is None:
        parts.append("people")
    return tuple(parts)


def _population(scenario: Scenario, region: Region) -> float:
    if scenario.region.population is not None:
        return float(scenario.region.population)
    if region.zones is not None:
        return float(region.zones.population.sum())
    expected = "the number of people, because the region has no zones"
    raise InputFaults([_fault(scenario, "population", expected, "nothing")])


# --- the kinds of source ---------------------------------------------------------------------


def _town(scenario: Scenario, say: Progress) -> Path:
    from scenarios.town.writing import EXTRACT_FILE, TIMEZONE, ZONES_FILE, write_town  # noqa: PLC0415

    mark = code_mark("scenarios/town", "geo")
    drawn = _drawn("towns", fingerprint([], mark, TOWN_SEED), write_town, say)
    return _invented(scenario, drawn / EXTRACT_FILE, drawn / ZONES_FILE, TIMEZONE, say)


def _remote(scenario: Scenario, say: Progress) -> Path:
    from scenarios.remote.writing import EXTRACT_FILE, TIMEZONE, ZONES_FILE  # noqa: PLC0415

    drawn = remote_folder(say)
    return _invented(scenario, drawn / EXTRACT_FILE, drawn / ZONES_FILE, TIMEZONE, say)


def remote_folder(say: Progress) -> Path:
    """The folder of the invented district's files, drawn first if the cache does not hold it."""
    from scenarios.remote.writing import write_remote  # noqa: PLC0415 - heavy

    mark = code_mark("scenarios/town", "scenarios/remote", "geo")
    return _drawn("remotes", fingerprint([], mark, TOWN_SEED), write_remote, say)


def _drawn(kind: str, name: str, write: Callable[..., object], say: Progress) -> Path:
    """The folder of an invented place's files, drawn first if the cache does not hold it."""
    drawn = cache_folder() / kind / name
    if not drawn.is_dir():
        say("drawing the town" if kind == "towns" else "drawing the coast")
        temporary = drawn.with_name(f".{name}.{uuid4().hex}")
        write(temporary, seed=TOWN_SEED)
        try:
            temporary.rename(drawn)
        except OSError:  # somebody else was quicker
            shutil.rmtree(temporary, ignore_errors=True)
    return drawn


def _invented(scenario: Scenario, extract: Path, zones: Path, timezone: str, say: Progress) -> Path:
    stated = scenario.region.zones
    zones = zones if stated is None else scenario.path(stated)
    return _built(scenario, extract, zones, scenario.region.timezone or timezone, say)


def _from_extract(scenario: Scenario, path: Path, say: Progress) -> Path:
    region = scenario.region
    faults = []
    if not path.is_file():
        hint = "set it, or give --extract FILE"
        faults.append(_fault(scenario, "source", "an extract that is there", str(path), hint))
    zones = None if region.zones is None else scenario.path(region.zones)
    if zones is not None and not zones.is_file():
        hint = "set it, or give --zones FILE"
        faults.append(_fault(scenario, "zones", "a file of zones that is there", str(zones), hint))
    if region.timezone is None:
        expected = "an IANA name such as Europe/London, because day and night depend on it"
        faults.append(_fault(scenario, "timezone", expected, "nothing"))
    if zones is None and region.population is None and scenario.incidents.model == "rates":
        expected = "the number of people, or zones that have it"
        faults.append(_fault(scenario, "population", expected, "neither"))
    if faults:
        raise InputFaults(faults)
    return _built(scenario, path, zones, region.timezone or "UTC", say)


def _folder(scenario: Scenario, path: Path) -> Path:
    region = scenario.region
    if region.zones is not None or region.timezone is not None:
        field = "zones" if region.zones is not None else "timezone"
        hint = "a region folder holds both: `heartreach region build` takes them"
        raise InputFaults([_fault(scenario, field, "no such key here", "one", hint)])
    return path


def _built(
    scenario: Scenario, extract: Path, zones: Path | None, timezone: str, say: Progress
) -> Path:
    columns = _zone_columns(scenario)
    profiles = profiles_of(_modes(scenario))
    files = [extract, *([] if zones is None else [zones])]
    name = fingerprint(files, code_mark("geo"), timezone, sorted(columns.items()), profiles)
    folder = cache_folder() / "regions" / name
    if folder.is_dir() and _opens(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    build_region(
        extract,
        folder,
        zones=zones,
        zone_columns=columns,
        timezone=timezone,
        profiles=profiles,
        progress=say,
    )
    return folder


def _modes(scenario: Scenario) -> tuple[str, ...]:
    """The networks that people and ambulances of any option move on, on foot first."""
    used = set[str]()
    for own in variants(scenario):
        people = own.responders
        used |= {mode for mode, share in people.modes if share > 0.0}
        if own.ambulance.model == "fleet":
            used.add("car")
        if people.csv is not None:
            header = read_text(own.path(people.csv)).split("\n", 1)[0].lower()
            if "mode" in [cell.strip().strip('"') for cell in header.replace(";", ",").split(",")]:
                used |= set(MODES)
    return tuple(mode for mode in MODES if mode in used | {"foot"})


def _opens(folder: Path) -> bool:
    try:
        Region.open(folder)
    except GeoError:
        return False
    return True


def _zone_columns(scenario: Scenario) -> dict[str, str]:
    columns = scenario.region.zone_columns.model_dump()
    return {name: column for name, column in columns.items() if column is not None}


def _is_place_name(source: str) -> bool:
    return not any(mark in source for mark in "./\\")


def _fetched(place: str, say: Progress) -> Path:
    """An extract of a place by its name; asked for once and then kept in the cache folder."""
    from geo.osm_fetch import fetch_place  # noqa: PLC0415 - needs a connection, and is heavy

    name = hashlib.sha256(place.strip().lower().encode()).hexdigest()[:16]
    extract = cache_folder() / "places" / f"{name}.osm.pbf"
    if not extract.is_file():
        say(f"asking OpenStreetMap for {place}")
        extract.parent.mkdir(parents=True, exist_ok=True)
        try:
            fetch_place(place, extract)
        except PlaceError as error:
            raise RegionUnavailable(
                f"region.source: {error}. Give the path of an extract instead; `heartreach region "
                f'fetch "{place}"` says where to get one'
            ) from error
    return extract


def _fault(scenario: Scenario, key: str, expected: str, found: str, hint: str = "") -> Fault:
    file = "scenario" if scenario.file is None else str(scenario.file)
    return Fault(file, f"region.{key}", expected, found, hint=hint)
