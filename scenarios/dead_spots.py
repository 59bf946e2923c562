"""Places without a mobile network: an alert to a phone there does not arrive."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import Fault, InputFaults
from scenarios.loading import read_text
from scenarios.regions import remote_folder
from scenarios.schema import REMOTE, Scenario

NoSignal = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
POLYGONS = ("Polygon", "MultiPolygon")


def no_signal_of(scenario: Scenario) -> NoSignal | None:
    """Which places (lat, lon in degrees) lie in a dead spot; None where the scenario names none.

    Raises:
        InputFaults: the file is no GeoJSON of polygons in degrees; every feature is told.
    """
    path = dead_spots_file(scenario)
    if path is None:
        return None
    import shapely  # noqa: PLC0415 - heavy

    area = shapely.union_all(_shapes(path))
    shapely.prepare(area)

    def inside(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray(shapely.contains_xy(area, lon, lat), dtype=np.bool_)

    return inside


def dead_spots_file(scenario: Scenario) -> Path | None:
    """The file that ``[responders] dead_spots`` means."""
    named = scenario.responders.dead_spots
    if named is None:
        return None
    if named == REMOTE:
        from scenarios.remote.writing import DEAD_SPOTS_FILE  # noqa: PLC0415 - heavy

        return remote_folder(lambda _: None) / DEAD_SPOTS_FILE
    return scenario.path(named)


def _shapes(path: Path) -> list[Any]:
    import shapely  # noqa: PLC0415 - heavy

    try:
        found = json.loads(read_text(path))
        features = found["features"]
    except (ValueError, KeyError, TypeError):
        expected = "a GeoJSON FeatureCollection of polygons"
        raise InputFaults([Fault(str(path), "", expected, "something else")]) from None
    shapes, faults = [], []
    for number, feature in enumerate(features):
        geometry = feature.get("geometry") if isinstance(feature, dict) else None
        kind = geometry.get("type") if isinstance(geometry, dict) else None
        field = f"features[{number}].geometry"
        if kind not in POLYGONS:
            faults.append(Fault(str(path), field, " or ".join(POLYGONS), repr(kind)))
            continue
        try:
            shape = shapely.from_geojson(json.dumps(geometry))
        except shapely.errors.GEOSException:
            faults.append(Fault(str(path), field, "rings of longitude and latitude", "others"))
            continue
        west, south, east, north = shape.bounds
        if not shape.is_valid:
            faults.append(Fault(str(path), field, "rings that do not cross", "others"))
        elif max(abs(west), abs(east)) > 180.0 or max(abs(south), abs(north)) > 90.0:
            faults.append(Fault(str(path), field, "degrees", f"{west:g}, {south:g} ..."))
        shapes.append(shape)
    if faults:
        raise InputFaults(faults)
    return shapes
