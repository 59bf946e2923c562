"""Lists of drones from outside, read strictly: every fault named by its line, nothing guessed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from dispatch.live.api import models
from dispatch.live.lists import MAX_FAULTS, doubles

COLUMNS = ("external_id", "base", "lat", "lon")
_PLACE = ("lat", "lon")

Listed = tuple[list[models.DroneIn], list[str]]


def read_drones(text: str, form: str, source: str) -> Listed:
    """Read ``form`` (csv or geojson); returns the drones and one line per fault.

    CSV: ``external_id, base, lat, lon`` and optionally ``aircraft``; GeoJSON: points with the same
    names as properties.
    """
    rows = _csv_rows(text) if form == "csv" else _geojson_rows(text)
    listed: list[models.DroneIn] = []
    faults: list[str] = []
    for where, facts in rows:
        if isinstance(facts, str):
            faults.append(f"{where}: {facts}")
            continue
        try:
            listed.append(_drone(facts, source))
        except ValidationError as error:
            faults += [
                f"{where}: {fault['loc'][-1] if fault['loc'] else 'row'}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            ]
    twice = doubles(drone.external_id for drone in listed)
    return listed, (faults + twice)[:MAX_FAULTS]


def _csv_rows(text: str) -> Iterator[tuple[str, dict[str, Any] | str]]:
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    try:
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            expected = f"expected the columns {', '.join(COLUMNS)}: no {', '.join(missing)}"
            yield "line 1", expected
            return
        for row in reader:
            facts = {name: (value or "").strip() for name, value in row.items() if name}
            yield f"line {reader.line_num}", facts
    except (csv.Error, AttributeError) as error:
        yield f"line {reader.line_num}", f"expected CSV ({error})"


def _geojson_rows(text: str) -> Iterator[tuple[str, dict[str, Any] | str]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        yield "features", "expected a FeatureCollection of points"
        return
    for number, feature in enumerate(features):
        where = f"features[{number}]"
        try:
            lon, lat = feature["geometry"]["coordinates"][:2]
            properties = dict(feature.get("properties") or {})
        except (KeyError, TypeError, ValueError, AttributeError):
            yield where, "expected a Point with properties"
            continue
        named = properties.get("external_id") or feature.get("id") or ""
        yield where, {**properties, "external_id": str(named), "lat": lat, "lon": lon}


def _drone(facts: dict[str, Any], source: str) -> models.DroneIn:
    return models.DroneIn.model_validate(
        {
            "external_id": facts["external_id"],
            "base": facts.get("base") or "",
            "location": {name: facts[name] for name in _PLACE},
            "aircraft": facts.get("aircraft") or "",
            "source": source,
        }
    )
