"""The registry of defibrillators. One counts only after somebody has checked it.

Lists come in as CSV or GeoJSON; a list with a fault is refused whole, with every fault named.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from dispatch.live import audit
from dispatch.live.api import models
from dispatch.live.control import located
from dispatch.live.errors import Faulty, NotFound
from dispatch.live.parts import Parts
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from geo.hours import hours_kind
from geo.region import Region

MAX_FAULTS = 100
COLUMNS = ("external_id", "lat", "lon")
OPTIONAL = ("place", "access", "indoor", "level", "opening_hours", "cabinet_code")
_aed = schema.aed


class Listed(Struct, frozen=True):
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


class AedBook:
    """The use cases of a registrar about AEDs. Every method runs inside a transaction."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def put(self, tx: Tx, aed: models.AedIn, actor: str) -> tuple[int, models.AedOut]:
        """Add an AED, or change the one with that source and id; (HTTP status, view)."""
        lat, lon = located(aed.location)
        listed = Listed(
            aed.external_id,
            lat,
            lon,
            aed.place,
            aed.access,
            aed.indoor,
            aed.level,
            aed.opening_hours,
            aed.cabinet_code,
        )
        aed_id, what = self._keep(tx, listed, aed.source)
        now_s = self._parts.clock()
        audit.append(tx, now_s, actor, f"aed.{what}", f"aed:{aed_id}")
        self._parts.finder.aed_changed(tx, aed_id, now_s)
        return (201 if what == "added" else 200), self.view(tx, aed_id)

    def check(self, tx: Tx, aed_id: int, check: models.AedCheckIn, actor: str) -> models.AedOut:
        """Somebody looked at it: it counts from now on, or not any more."""
        self._row(tx, aed_id)
        now_s = self._parts.clock()
        tx.run(
            sa.update(_aed)
            .where(_aed.c.aed_id == aed_id)
            .values(
                status="in_service" if check.in_service else "out_of_service",
                status_reason=check.reason,
                checked_by=actor,
                checked_at_s=now_s,
                updated_at_s=now_s,
            )
        )
        action = "aed.in_service" if check.in_service else "aed.out_of_service"
        audit.append(tx, now_s, actor, action, f"aed:{aed_id}")
        self._parts.finder.aed_changed(tx, aed_id, now_s)
        return self.view(tx, aed_id)

    def take_list(self, tx: Tx, given: models.ImportIn, actor: str) -> models.ImportOut:
        """Take over a list, whole or not at all; raises ``Faulty`` with every fault."""
        read = read_csv if given.format == "csv" else read_geojson
        listed, faults = read(given.content)
        if faults:
            raise Faulty(tuple(faults[:MAX_FAULTS]))
        counts = self.keep_all(tx, listed, given.source)
        now_s = self._parts.clock()
        audit.append(tx, now_s, actor, "aed.import", given.source, dict(counts))
        return models.ImportOut(**counts)

    def keep_all(self, tx: Tx, listed: Iterable[Listed], source: str) -> dict[str, int]:
        """Keep every AED of a list; returns how many were added, updated and unchanged."""
        counts = {"added": 0, "updated": 0, "unchanged": 0}
        now_s = self._parts.clock()
        for aed in listed:
            aed_id, what = self._keep(tx, aed, source)
            counts[what] += 1
            if what != "unchanged":
                self._parts.finder.aed_changed(tx, aed_id, now_s)
        return counts

    def take_region(self, tx: Tx, region: Region) -> int:
        """Take over the AEDs that a region has mapped; returns how many are new.

        They count only where the settings trust mapped AEDs or in TEST mode.
        """
        table = region.aeds
        counts = self.keep_all(
            tx,
            (
                Listed(
                    table.osm_id[i],
                    float(table.lat[i]),
                    float(table.lon[i]),
                    table.place[i] or "",
                    table.access[i] or "",
                    None if table.indoor[i] is None else table.indoor[i] == "yes",
                    table.level[i] or "",
                    table.opening_hours[i] or "",
                )
                for i in range(len(table))
            ),
            "osm",
        )
        settings = self._parts.settings
        if settings.trust_mapped_aeds or settings.test_mode:
            now_s = self._parts.clock()
            unchecked = (_aed.c.source == "osm") & (_aed.c.status == "unchecked")
            rows = tx.rows(sa.select(_aed.c.aed_id).where(unchecked))
            tx.run(sa.update(_aed).where(unchecked).values(status="in_service"))
            for row in rows:
                self._parts.finder.aed_changed(tx, row["aed_id"], now_s)
        return counts["added"]

    def view(self, tx: Tx, aed_id: int) -> models.AedOut:
        """Return an AED as it stands."""
        return _out(self._row(tx, aed_id))

    def listed(self, tx: Tx, after: int, limit: int) -> models.AedList:
        """Return a page of AEDs by id."""
        query = sa.select(_aed).where(_aed.c.aed_id > after).order_by(_aed.c.aed_id).limit(limit)
        rows = tx.rows(query)
        following = rows[-1]["aed_id"] if len(rows) == limit else None
        return models.AedList(aeds=[_out(row) for row in rows], next_after=following)

    def _row(self, tx: Tx, aed_id: int) -> sa.RowMapping:
        row = tx.row(sa.select(_aed).where(_aed.c.aed_id == aed_id))
        if row is None:
            raise NotFound("no_such_aed", "there is no such AED")
        return row

    def _keep(self, tx: Tx, aed: Listed, source: str) -> tuple[int, str]:
        """Add or update one row; an AED that moved has to be checked again."""
        now_s = self._parts.clock()
        same = (_aed.c.source == source) & (_aed.c.external_id == aed.external_id)
        row = tx.row(sa.select(_aed).where(same))
        facts = {name: getattr(aed, name) for name in ("lat", "lon", *OPTIONAL)}
        if row is None:
            aed_id = int(tx.value(sa.select(sa.func.max(_aed.c.aed_id))) or 0) + 1
            tx.insert(
                _aed,
                aed_id=aed_id,
                source=source,
                external_id=aed.external_id,
                status="unchecked",
                status_reason="",
                checked_by=None,
                checked_at_s=None,
                updated_at_s=now_s,
                **facts,
            )
            return aed_id, "added"
        if all(row[name] == value for name, value in facts.items()):
            return row["aed_id"], "unchanged"
        moved = (row["lat"], row["lon"]) != (aed.lat, aed.lon)
        changed: dict[str, Any] = {**facts, "updated_at_s": now_s}
        if moved:
            changed |= {"status": "unchecked", "status_reason": "moved"}
        tx.run(sa.update(_aed).where(same).values(changed))
        return row["aed_id"], "updated"


def read_csv(text: str) -> tuple[list[Listed], list[str]]:
    """Read a CSV list; returns the AEDs and one line per fault."""
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    try:
        names = rows.fieldnames or []
    except csv.Error as error:
        return [], [f"line 1: expected CSV ({error})"]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        return [], [f"line 1: expected the columns {', '.join(COLUMNS)}: no {', '.join(missing)}"]
    listed: list[Listed] = []
    faults: list[str] = []
    try:
        for row in rows:
            facts = {name: row.get(name) or "" for name in (*COLUMNS, *OPTIONAL)}
            _add(listed, faults, f"line {rows.line_num}", facts)
    except csv.Error as error:
        faults.append(f"line {rows.line_num}: expected CSV ({error})")
    return listed, faults + _doubles(listed)


def read_geojson(text: str) -> tuple[list[Listed], list[str]]:
    """Read a GeoJSON FeatureCollection of points; properties as the columns of the CSV."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return [], ["expected JSON"]
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        return [], ["features: expected a list"]
    listed: list[Listed] = []
    faults: list[str] = []
    for number, feature in enumerate(features):
        where = f"features[{number}]"
        try:
            lon, lat = feature["geometry"]["coordinates"][:2]
            properties = feature.get("properties") or {}
            named = str(properties.get("external_id") or feature.get("id") or "")
            facts = {name: _text(properties.get(name)) for name in OPTIONAL}
        except (KeyError, TypeError, ValueError, AttributeError):
            faults.append(f"{where}: expected a Point with properties")
            continue
        facts |= {"external_id": named, "lat": str(lat), "lon": str(lon)}
        _add(listed, faults, where, facts)
    return listed, faults + _doubles(listed)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _add(listed: list[Listed], faults: list[str], where: str, facts: dict[str, str]) -> None:
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
    too_long = [name for name in (*OPTIONAL, "external_id") if len(facts[name]) > 500]
    if too_long or "\x00" in "".join(facts.values()):
        faults.append(f"{where}: {(too_long or ['text'])[0]}: expected at most 500 characters")
        return
    listed.append(
        Listed(
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


def _doubles(listed: list[Listed]) -> list[str]:
    seen: set[str] = set()
    faults = []
    for aed in listed:
        if aed.external_id in seen:
            faults.append(f"external_id: {aed.external_id} stands in the list twice")
        seen.add(aed.external_id)
    return faults


def _out(row: sa.RowMapping) -> models.AedOut:
    return models.AedOut(
        aed_id=row["aed_id"],
        source=row["source"],
        external_id=row["external_id"],
        location=models.Place(lat=row["lat"], lon=row["lon"]),
        place=row["place"],
        access=row["access"],
        opening_hours=row["opening_hours"],
        hours=hours_kind(row["opening_hours"] or None).value,
        status=row["status"],
        status_reason=row["status_reason"],
        checked_by=row["checked_by"],
        checked_at=models.moment(row["checked_at_s"]),
    )
