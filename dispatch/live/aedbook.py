"""The registry of defibrillators. One counts only after somebody has checked it.

Lists come in as CSV or GeoJSON; a list with a fault is refused whole, with every fault named.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch.live import audit, places
from dispatch.live.api import models
from dispatch.live.errors import Faulty, NotFound
from dispatch.live.lists import (
    AED_FACTS,
    MAX_FAULTS,
    ListedAed,
    elsewhere,
    read_aeds_csv,
    read_aeds_geojson,
)
from dispatch.live.parts import Parts
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from geo.hours import hours_kind
from geo.region import Region

_aed = schema.aed


class AedBook:
    """The use cases of a registrar about AEDs. Every method runs inside a transaction."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def put(self, tx: Tx, aed: models.AedIn, actor: str) -> tuple[int, models.AedOut]:
        """Add an AED, or change the one with that source and id; (HTTP status, view)."""
        lat, lon = aed.location.at()
        places.check(self._parts.finder.region, "location", lat, lon)
        listed = ListedAed(
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

    def note_problem(self, tx: Tx, aed_id: int, problem: str, actor: str) -> None:
        """Somebody stood in front of it in vain: the register says so until somebody has looked.

        It goes on counting: one report may be a mistake, and taking it out is a person's decision.
        """
        now_s = self._parts.clock()
        what = "locked" if problem == "locked" else "not there"
        day = dt.datetime.fromtimestamp(now_s, ZoneInfo(self._parts.finder.timezone))
        reason = f"reported {what} on {day:%Y-%m-%d} at {day:%H:%M}: somebody must look"
        values = {"status_reason": reason, "updated_at_s": now_s}
        tx.run(sa.update(_aed).where(_aed.c.aed_id == aed_id).values(values))
        audit.append(tx, now_s, actor, "aed.reported", f"aed:{aed_id}", {"problem": problem})
        told = {"aed_id": aed_id, "problem": problem}
        self._parts.stream.append(tx, now_s, "aed.reported", told)

    def take_list(self, tx: Tx, given: models.ImportIn, actor: str) -> models.ImportOut:
        """Take over a list, whole or not at all; raises ``Faulty`` with every fault."""
        read = read_aeds_csv if given.format == "csv" else read_aeds_geojson
        listed, faults = read(given.content)
        faults += elsewhere(listed, self._parts.finder.region)
        if faults:
            raise Faulty(tuple(faults[:MAX_FAULTS]))
        counts = self.keep_all(tx, listed, given.source)
        now_s = self._parts.clock()
        audit.append(tx, now_s, actor, "aed.import", given.source, dict(counts))
        return models.ImportOut(**counts)

    def keep_all(self, tx: Tx, listed: Iterable[ListedAed], source: str) -> dict[str, int]:
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
                ListedAed(
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

    def _keep(self, tx: Tx, aed: ListedAed, source: str) -> tuple[int, str]:
        """Add or update one row; an AED that moved has to be checked again."""
        now_s = self._parts.clock()
        same = (_aed.c.source == source) & (_aed.c.external_id == aed.external_id)
        row = tx.row(sa.select(_aed).where(same))
        facts = {name: getattr(aed, name) for name in ("lat", "lon", *AED_FACTS)}
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
