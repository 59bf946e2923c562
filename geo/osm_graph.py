"""Networks to and from the graphs of OSMnx, so that the tools of that world work on them.

A graph has what OSMnx's functions read: nodes with ``x, y, street_count``; edges with ``osmid,
length`` (metres), ``highway, name, oneway, reversed, geometry`` (where bent), ``travel_time``
(seconds) and ``speed_kph``; ``graph["crs"]``. Directions that are closed to the mode are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import NetworkError
from geo.network import INF_DS, RoadNetwork, network_from_edges
from geo.points import haversine_m, hilbert_keys
from geo.speeds import ROAD_CLASSES, road_class

if TYPE_CHECKING:
    import networkx as nx

CRS = "epsg:4326"
KMH_OF_MPS = 3.6
DS_PER_S = 10.0

Point = tuple[float, float]  # lat, lon


def to_osmnx(network: RoadNetwork) -> nx.MultiDiGraph[int]:
    """The network as a graph of OSMnx: node i is junction i, ``osmid`` of an edge its number.

    One graph edge per open direction; parallel streets have keys 0, 1, 2, …
    """
    import networkx as nx  # noqa: PLC0415 - heavy

    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(
        crs=CRS, simplified=True, created_with="heartreach", network_type=network.mode
    )
    streets = np.bincount(
        np.concatenate([network.edge_u, network.edge_v]), minlength=network.n_nodes
    )
    places = zip(
        network.node_lat.tolist(), network.node_lon.tolist(), streets.tolist(), strict=True
    )
    graph.add_nodes_from(
        (i, {"x": lon, "y": lat, "street_count": count})
        for i, (lat, lon, count) in enumerate(places)
    )
    graph.add_edges_from(_directions(network))
    return graph


def _directions(network: RoadNetwork) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Every open direction of every edge, with its attributes."""
    ends = zip(network.edge_u.tolist(), network.edge_v.tolist(), strict=True)
    times = zip(network.edge_forward_ds.tolist(), network.edge_backward_ds.tolist(), strict=True)
    for edge, ((u, v), (forward_ds, backward_ds)) in enumerate(zip(ends, times, strict=True)):
        both = forward_ds < INF_DS and backward_ds < INF_DS
        if forward_ds < INF_DS:
            yield u, v, _attributes(network, edge, forward_ds, both=both, backwards=False)
        if backward_ds < INF_DS:
            yield v, u, _attributes(network, edge, backward_ds, both=both, backwards=True)


def _attributes(
    network: RoadNetwork, edge: int, time_ds: int, *, both: bool, backwards: bool
) -> dict[str, Any]:
    from shapely import LineString  # noqa: PLC0415 - heavy

    length_m, travel_s = float(network.edge_length_m[edge]), time_ds / DS_PER_S
    found: dict[str, Any] = {
        "osmid": edge,
        "length": length_m,
        "highway": ROAD_CLASSES[int(network.edge_class[edge])],
        "oneway": not both,
        "reversed": backwards,
        "travel_time": travel_s,
    }
    if travel_s > 0:
        found["speed_kph"] = length_m / travel_s * KMH_OF_MPS
    name = network.street(edge)
    if name is not None:
        found["name"] = name
    first, last = network.geom_first[edge : edge + 2].tolist()
    if last - first > 2 or network.edge_u[edge] == network.edge_v[edge]:
        points = list(
            zip(network.geom_lon[first:last].tolist(), network.geom_lat[first:last].tolist(),
                strict=True)
        )  # fmt: skip
        found["geometry"] = LineString(points[::-1] if backwards else points)
    return found


@dataclass
class _Street:
    """One street between two junctions, seen from ``u``; closed until a direction is added."""

    u: int
    v: int
    points: tuple[Point, ...]
    length_m: float
    highway: str
    name: str | None
    forward_ds: int = INF_DS
    backward_ds: int = INF_DS


@dataclass
class _Streets:
    rows: list[_Street] = field(default_factory=list)
    known: dict[tuple[Point, ...], list[_Street]] = field(default_factory=dict)

    def add(self, street: _Street, time_ds: int) -> None:
        """One direction; the other one of the same street is joined to it."""
        for other in self.known.get(street.points[::-1], ()):
            if (other.u, other.v) == (street.v, street.u) and other.backward_ds == INF_DS:
                other.backward_ds = time_ds
                return
        street.forward_ds = time_ds
        self.rows.append(street)
        self.known.setdefault(street.points, []).append(street)


def from_osmnx(graph: nx.MultiDiGraph[Any], mode: str) -> RoadNetwork:
    """A network of one mode from a graph of OSMnx in latitude and longitude.

    Times come from ``travel_time`` (seconds), or from ``length`` and ``speed_kph``
    (``osmnx.add_edge_speeds``); two directions over the same points become one edge. Junctions are
    put in Hilbert order, edges in the order of theirs.

    Raises:
        NetworkError: another reference system, or an edge without what is needed.
    """
    if not _is_geographic(graph.graph.get("crs")):
        raise NetworkError(
            f"graph: crs {CRS} expected (latitude and longitude), found {graph.graph.get('crs')}"
        )
    labels = list(graph.nodes)
    lat, lon = (
        np.array([_number(graph.nodes[label], axis, f"node {label}") for label in labels])
        for axis in ("y", "x")
    )
    order = np.argsort(hilbert_keys(lat, lon), kind="stable") if labels else np.zeros(0, np.int64)
    number = {labels[old]: new for new, old in enumerate(order.tolist())}
    lat, lon = lat[order], lon[order]
    streets = _Streets()
    for start, end, data in graph.edges(data=True):
        u, v = number[start], number[end]
        street = _street(u, v, data, (lat, lon), f"edge {start} to {end}")
        streets.add(street, _time_ds(data, street.length_m, f"edge {start} to {end}"))
    rows = sorted(streets.rows, key=lambda street: street.u)
    names = tuple(dict.fromkeys(row.name for row in rows if row.name is not None))
    index = {name: i for i, name in enumerate(names)}
    points = [point for row in rows for point in row.points]
    return network_from_edges(
        mode,
        node_lat=lat,
        node_lon=lon,
        edge_u=np.array([row.u for row in rows]),
        edge_v=np.array([row.v for row in rows]),
        edge_length_m=np.array([row.length_m for row in rows]),
        edge_forward_ds=np.array([row.forward_ds for row in rows], np.int64),
        edge_backward_ds=np.array([row.backward_ds for row in rows], np.int64),
        edge_name=np.array([-1 if row.name is None else index[row.name] for row in rows]),
        edge_class=np.array([road_class(row.highway) for row in rows]),
        names=names,
        shape=(
            np.cumsum([0, *(len(row.points) for row in rows)]),
            np.array([point[0] for point in points]),
            np.array([point[1] for point in points]),
        ),
    )


def _is_geographic(crs: Any) -> bool:
    text = str(crs).lower()
    return text in {CRS, "wgs84", "wgs 84", "ogc:crs84"}


def _street(
    u: int, v: int, data: Mapping[str, Any], places: tuple[Any, Any], where: str
) -> _Street:
    lat, lon = places
    geometry = data.get("geometry")
    if geometry is None:
        points = tuple((float(lat[node]), float(lon[node])) for node in (u, v))
    else:
        points = tuple((float(y), float(x)) for x, y in geometry.coords)
    if "length" in data:
        length_m = _number(data, "length", where)
    else:
        at = np.array(points)
        length_m = float(haversine_m(at[:-1, 0], at[:-1, 1], at[1:, 0], at[1:, 1]).sum())
    name = _first(data.get("name"))
    return _Street(u, v, points, length_m, _first(data.get("highway")) or "other", name)


def _time_ds(data: Mapping[str, Any], length_m: float, where: str) -> int:
    if "travel_time" in data:
        seconds = _number(data, "travel_time", where)
    elif "speed_kph" in data:
        kmh = _number(data, "speed_kph", where)
        seconds = length_m / (kmh / KMH_OF_MPS) if kmh > 0 else np.inf
    else:
        raise NetworkError(f"graph: {where}: travel_time or speed_kph expected, found neither")
    return int(min(INF_DS, round(seconds * DS_PER_S))) if np.isfinite(seconds) else INF_DS


def _number(data: Mapping[str, Any], key: str, where: str) -> float:
    try:
        value = float(data[key])
    except (KeyError, TypeError, ValueError):
        raise NetworkError(f"graph: {where}: a number {key!r} expected") from None
    if not np.isfinite(value):
        raise NetworkError(f"graph: {where}: a finite {key!r} expected, found {value}")
    return value


def _first(value: Any) -> str | None:
    """OSMnx joins the values of merged streets to a list; the first one stands for them."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    return None if value is None else str(value)
