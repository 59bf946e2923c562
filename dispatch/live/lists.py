"""Lists from outside, read strictly: every fault named by its line, nothing guessed."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct
from pydantic import ValidationError

from dispatch.live import places
from dispatch.live.api import models
from dispatch.live.errors import Invalid
from dispatch.live.faults import expected

if TYPE_CHECKING:
    from geo.region import Region

MAX_FAULTS = 100
AED_COLUMNS = ("external_id", "lat", "lon")
AED_FACTS = ("place", "access", "indoor", "level", "opening_hours", "cabinet_code")
_PLACE = ("lat", "lon", "easting", "northing")


class ListedAed(Struct, frozen=True):
    """One AED of a list."""

    external_id: str
    lat: float
    lon: float
    place: str = ""
    access: str = ""
    indoor: bool | None = None
    level: str = ""
    opening_hours: str = ""
    cabinet_code: str = ""


def read_people(
    text: str, organisation: str, region: Region | None = None
) -> tuple[list[tuple[models.ResponderIn, models.CredentialIn | None]], list[str]]:
    """Read a list of volunteers; returns them with their training, and one line per fault.

    ``region``: homes that lie elsewhere are faults.
    """
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    people: list[tuple[models.ResponderIn, models.CredentialIn | None]] = []
    faults: list[str] = []
    try:
        if "name" not in (reader.fieldnames or ()):
            return [], ["line 1: expected the column name"]
        for row in reader:
            facts = {key: (value or "").strip() for key, value in row.items() if key}
            try:
                person, training = _listed(facts, organisation)
                if person.home is not None:
                    places.check(region, "lat, lon", *person.home.at())
                people.append((person, training))
            except Invalid as error:
                faults.append(f"line {reader.line_num}: {error.detail}")
            except ValidationError as error:
                faults += [
                    f"line {reader.line_num}: {fault['loc'][-1] if fault['loc'] else 'row'}:"
                    f" {expected(fault)}"
                    for fault in error.errors(include_url=False)
                ]
    except (csv.Error, AttributeError) as error:
        faults.append(f"line {reader.line_num}: expected CSV ({error})")
    return people, faults[:MAX_FAULTS]


def _listed(
    facts: dict[str, str], organisation: str
) -> tuple[models.ResponderIn, models.CredentialIn | None]:
    place = {name: facts[name] for name in _PLACE if facts.get(name)}
    person = models.ResponderIn.model_validate(
        {
            "name": facts.get("name", ""),
            "contact": facts.get("contact", ""),
            "organisation": facts.get("organisation") or organisation,
            "home": place or None,
        }
    )
    if not facts.get("training"):
        return person, None
    training = models.CredentialIn.model_validate(
        {
            "kind": facts["training"],
            "evidence": facts.get("evidence", ""),
            "valid_from": _with_zone(facts.get("valid_from", "")),
            "valid_until": _with_zone(facts.get("valid_until", "")),
        }
    )
    return person, training


def _with_zone(text: str) -> str:
    """A bare date means its beginning in UTC."""
    return f"{text}T00:00:00Z" if len(text) == len("2026-01-31") else text


def read_aeds_csv(text: str) -> tuple[list[ListedAed], list[str]]:
    """Read a CSV list; returns the AEDs and one line per fault."""
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    try:
        names = rows.fieldnames or []
    except csv.Error as error:
        return [], [f"line 1: expected CSV ({error})"]
    missing = [name for name in AED_COLUMNS if name not in names]
    if missing:
        return [], [
            f"line 1: expected the columns {', '.join(AED_COLUMNS)}: no {', '.join(missing)}"
        ]
    listed: list[ListedAed] = []
    faults: list[str] = []
    try:
        for row in rows:
            facts = {name: row.get(name) or "" for name in (*AED_COLUMNS, *AED_FACTS)}
            _add(listed, faults, f"line {rows.line_num}", facts)
    except csv.Error as error:
        faults.append(f"line {rows.line_num}: expected CSV ({error})")
    return listed, faults + doubles(aed.external_id for aed in listed)


def read_aeds_geojson(text: str) -> tuple[list[ListedAed], list[str]]:
    """Read a GeoJSON FeatureCollection of points; properties as the columns of the CSV."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return [], ["expected JSON"]
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        return [], ["features: expected a list"]
    listed: list[ListedAed] = []
    faults: list[str] = []
    for number, feature in enumerate(features):
        where = f"features[{number}]"
        try:
            lon, lat = feature["geometry"]["coordinates"][:2]
            properties = feature.get("properties") or {}
            named = str(properties.get("external_id") or feature.get("id") or "")
            facts = {name: _text(properties.get(name)) for name in AED_FACTS}
        except (KeyError, TypeError, ValueError, AttributeError):
            faults.append(f"{where}: expected a Point with properties")
            continue
        facts |= {"external_id": named, "lat": str(lat), "lon": str(lon)}
        _add(listed, faults, where, facts)
    return listed, faults + doubles(aed.external_id for aed in listed)


def elsewhere(listed: Iterable[ListedAed], region: Region | None) -> list[str]:
    """Return one line for each AED that lies outside the region and its surroundings."""
    if region is None:
        return []
    return [
        f"{aed.external_id}: lat, lon: {places.bounds_words(region)}"
        for aed in listed
        if places.outside(region, aed.lat, aed.lon, beyond_m=places.REGISTER_M)
    ]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _add(listed: list[ListedAed], faults: list[str], where: str, facts: dict[str, str]) -> None:
    if not facts["external_id"].strip():
        faults.append(f"{where}: external_id: expected an id")
        return
    lat = _degrees(facts["lat"], 90.0)
    lon = _degrees(facts["lon"], 180.0)
    if lat is None or lon is None:
        field = "lat" if lat is None else "lon"
        bound = "-90 to 90" if lat is None else "-180 to 180"
        faults.append(f"{where}: {field}: expected degrees from {bound}")
        return
    indoor = facts["indoor"].strip().lower()
    if indoor not in ("", "yes", "no", "true", "false", "1", "0"):
        faults.append(f"{where}: indoor: expected yes or no")
        return
    too_long = [name for name in (*AED_FACTS, "external_id") if len(facts[name]) > 500]
    if too_long or "\x00" in "".join(facts.values()):
        faults.append(f"{where}: {(too_long or ['text'])[0]}: expected at most 500 characters")
        return
    listed.append(
        ListedAed(
            external_id=facts["external_id"].strip()[:80],
            lat=lat,
            lon=lon,
            place=facts["place"],
            access=facts["access"].strip(),
            indoor=None if not indoor else indoor in ("yes", "true", "1"),
            level=facts["level"][:20],
            opening_hours=facts["opening_hours"].strip(),
            cabinet_code=facts["cabinet_code"],
        )
    )


def _degrees(text: str, bound: float) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= bound else None


def doubles(external_ids: Iterable[str]) -> list[str]:
    """Return one line for each id that has come before."""
    seen: set[str] = set()
    faults = []
    for external_id in external_ids:
        if external_id in seen:
            faults.append(f"external_id: {external_id} stands in the list twice")
        seen.add(external_id)
    return faults
