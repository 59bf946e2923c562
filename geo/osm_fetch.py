"""A map by the name of a place, through OSMnx and a connection, written as an extract.

For small areas only: the public servers behind it are slow and limited. Everything after this step
is the same as for an extract from a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geo.errors import PlaceError
from geo.osm_write import Extract, Way, write_extract

if TYPE_CHECKING:
    import networkx as nx

WAY_TAGS = (
    "access", "area", "bicycle", "foot", "highway", "junction", "maxspeed", "maxspeed:backward",
    "maxspeed:forward", "motor_vehicle", "motorcar", "name", "oneway", "oneway:bicycle",
    "oneway:foot", "service", "surface", "tracktype", "vehicle", "cycleway", "cycleway:both",
    "cycleway:left", "cycleway:right", "bicycle_road",
)  # fmt: skip
AED_TAGS = ("access", "emergency", "indoor", "level", "opening_hours")
BUILDING_TAGS = ("building", "building:flats", "building:levels")
AED = "defibrillator"
FEATURES: dict[str, bool | str | list[str]] = {"building": True, "emergency": AED}


def fetch_place(place: str, out: Path) -> None:
    """Ask OpenStreetMap's servers for the roads, buildings and AEDs of a place; write ``out``.

    Raises:
        PlaceError: no such place, no connection, or the servers did not answer.
    """
    try:
        import osmnx  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise PlaceError("place names need the package 'osmnx': heartreach[planner]") from error
    kept = osmnx.settings.use_cache, osmnx.settings.useful_tags_way
    try:
        osmnx.settings.use_cache = False  # it would write into the current folder
        osmnx.settings.useful_tags_way = list(WAY_TAGS)
        graph = osmnx.graph_from_place(place, network_type="all", simplify=False, retain_all=True)
        features = osmnx.features_from_place(place, FEATURES)
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise PlaceError(f"{place}: not found or no connection ({reason})") from error
    finally:
        osmnx.settings.use_cache, osmnx.settings.useful_tags_way = kept
    write_extract(extract_of(graph, features), out)


def extract_of(graph: nx.MultiDiGraph[Any], features: Any) -> Extract:
    """An unsimplified graph of OSMnx and a GeoDataFrame of features as a small map.

    Each two-way street is written once; where a graph edge is one-way, so is its way.
    """
    number = {node: i for i, node in enumerate(graph.nodes)}
    lat = [float(data["y"]) for _, data in graph.nodes(data=True)]
    lon = [float(data["x"]) for _, data in graph.nodes(data=True)]
    ways = [Way([number[u], number[v]], tags) for u, v, tags in _streets(graph)]
    node_tags: dict[int, dict[str, str]] = {}
    for row in features.to_dict("records"):
        shape = row["geometry"]
        if row.get("emergency") == AED:
            middle = shape.representative_point()
            node_tags[len(lat)] = _tags(row, AED_TAGS)
            lat.append(float(middle.y))
            lon.append(float(middle.x))
        elif _is_text(row.get("building")):
            for ring in _rings(shape):
                first = len(lat)
                lon += [float(x) for x, _ in ring]
                lat += [float(y) for _, y in ring]
                nodes = [*range(first, first + len(ring)), first]
                ways.append(Way(nodes, _tags(row, BUILDING_TAGS)))
    return Extract(lat, lon, ways, node_tags)


def _streets(graph: nx.MultiDiGraph[Any]) -> Iterator[tuple[Any, Any, dict[str, str]]]:
    for u, v, data in graph.edges(data=True):
        one_way = data.get("oneway") is True
        if not one_way and data.get("reversed"):
            continue  # the other direction of a street that is open both ways
        tags = _tags(data, WAY_TAGS)
        if one_way:
            tags["oneway"] = "yes"  # OSMnx has turned ways that run against their drawing
        else:
            tags.pop("oneway", None)
        yield u, v, tags


def _tags(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    return {name: str(row[name]) for name in names if _is_text(row.get(name))}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _rings(shape: Any) -> Iterator[list[tuple[float, float]]]:
    """Outlines without the repeated last point; nothing for points and lines."""
    parts = getattr(shape, "geoms", [shape])
    for part in parts:
        if part.geom_type == "Polygon":
            yield list(part.exterior.coords)[:-1]
