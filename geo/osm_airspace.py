"""What an OpenStreetMap extract holds that has a no-fly zone: aerodromes, prisons and the like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import shapely

from geo.airspace_osm import AirFeature, is_wanted
from geo.errors import ExtractError

_KEYS = ("aeroway", "amenity", "landuse", "military", "power")


def read_air_features(path: Path) -> list[AirFeature]:
    """All nodes, open ways and areas of the extract that ``airspace_osm.derive`` has a use for.

    An area that cannot be put together from its pieces is left out.

    Raises:
        ExtractError: the file is missing or cannot be read.
    """
    import osmium  # noqa: PLC0415

    if not path.is_file():
        raise ExtractError(f"{path.name}: no such file")
    processor = (
        osmium.FileProcessor(str(path))
        .with_areas(osmium.filter.KeyFilter(*_KEYS))
        .with_filter(osmium.filter.KeyFilter(*_KEYS))
    )
    features: list[AirFeature] = []
    try:
        for thing in processor:
            tags = dict(thing.tags)
            if is_wanted(tags):
                shape = _shape(thing)
                if shape is not None:
                    features.append(AirFeature(_osm_id(thing), tags, shape))
    except RuntimeError as error:
        raise ExtractError(f"{path.name}: not a readable OpenStreetMap file: {error}") from error
    return features


def _osm_id(thing: Any) -> str:
    if thing.is_area():
        return f"{'way' if thing.from_way() else 'relation'}/{thing.orig_id()}"
    return f"{'node' if thing.is_node() else 'way'}/{thing.id}"


def _shape(thing: Any) -> Any:
    if thing.is_node():
        return shapely.Point(thing.location.lon, thing.location.lat)
    if thing.is_way():
        if thing.is_closed():
            return None  # comes again as an area
        places = [(n.location.lon, n.location.lat) for n in thing.nodes if n.location.valid()]
        return shapely.LineString(places) if len(places) > 1 else None
    if not thing.is_area():
        return None
    polygons = []
    for outer in thing.outer_rings():
        holes = [_ring(inner) for inner in thing.inner_rings(outer)]
        polygons.append(shapely.Polygon(_ring(outer), holes))
    shape = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
    return shape if shape.is_valid and not shape.is_empty else None


def _ring(ring: Any) -> list[tuple[float, float]]:
    return [(node.lon, node.lat) for node in ring]
