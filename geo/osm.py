"""Reads an OpenStreetMap extract (.osm.pbf or .osm) into roads, AEDs and buildings.

Nothing is expected of the file beyond the format: objects may come in any order, without versions
or timestamps, twice, or with nodes missing. Of objects that come twice the later one counts.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo import buildings as building_rule
from geo.errors import ExtractError
from geo.network import Segments
from geo.points import EARTH_RADIUS_M
from geo.speeds import Profile

Progress = Callable[[str], None]

_SUFFIXES = (".osm.pbf", ".pbf", ".osm", ".osm.xml", ".osm.gz", ".osm.bz2")
KEYS_OF_USE = ("highway", "building", "emergency")
_COORDINATE = 1e7
_NO_COORDINATE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class AedRecord:
    """One mapped defibrillator; texts exactly as mapped, None where there are none."""

    osm_id: str  # "node/123" or "way/123"
    lat: float
    lon: float
    access: str | None
    indoor: str | None
    level: str | None
    opening_hours: str | None
    place: str | None  # defibrillator:location


@dataclass(frozen=True, eq=False)
class Buildings:
    """Buildings in which people may be; arrays of one length."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    weight: NDArray[np.float64]  # see geo.buildings
    home: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Extract:
    """What an extract holds for us. ``segments`` has one entry per profile that may use any way."""

    data_date: str | None  # RFC 3339, from the header of the file
    segments: dict[str, Segments]
    aeds: tuple[AedRecord, ...]
    buildings: Buildings
    counts: dict[str, int]
    warnings: tuple[str, ...]


def read_extract(
    path: Path,
    profiles: Sequence[Profile],
    *,
    roads_only: bool = False,
    progress: Progress | None = None,
) -> Extract:
    """Reads the extract for these modes of travel; ``roads_only`` leaves AEDs and buildings out.

    Raises:
        ExtractError: the file is missing, empty, damaged, of another kind, or holds no way that
            any of the profiles may use.
    """
    _check_file(path)
    say = progress or (lambda _: None)
    with _one_line_errors(path):
        header_date = _data_date(path)
        ways, nodes, aed_nodes = _read_tables(path, profiles, say, roads_only=roads_only)
    say("joining roads")
    located = _Located.of(nodes, ways)
    segments: dict[str, Segments] = {}
    counts = {"osm_nodes": nodes.n_read, "osm_ways_used": len(ways.ids)}
    for slot, profile in enumerate(profiles):
        found, mode_counts = _segments(located, ways, slot)
        if len(found.u):
            segments[profile.mode] = found
        counts.update({f"{profile.mode}_{key}": value for key, value in mode_counts.items()})
    if not segments:
        modes = ", ".join(profile.mode for profile in profiles)
        raise ExtractError(
            f"{path.name}: no roads or paths for {modes}: expected ways tagged highway=* with "
            "their nodes; choose an extract that is not filtered"
        )
    aeds = tuple(sorted(aed_nodes + _aed_ways(located, ways), key=_aed_order))
    buildings = _buildings(located, ways)
    counts.update(aeds=len(aeds), buildings=len(buildings.lat))
    warnings = list(ways.warnings)
    if located.n_missing:
        warnings.append(f"{located.n_missing} nodes of ways are not in the file")
        counts["missing_nodes"] = located.n_missing
    return Extract(header_date, segments, aeds, buildings, counts, tuple(warnings))


def _read_tables(
    path: Path, profiles: Sequence[Profile], say: Progress, *, roads_only: bool
) -> tuple[WayTable, NodeTable, list[AedRecord]]:
    """Our own decoder reads the common kind of .pbf; libosmium reads everything else."""
    if path.name.endswith(".pbf"):
        from geo.osm_pbf import OtherKindError, read_pbf  # noqa: PLC0415 - numba loads when needed

        try:
            return read_pbf(path, profiles, say, roads_only=roads_only)
        except OtherKindError:
            pass
    say("reading outlines")
    outlines = _Outlines() if roads_only else _building_relations(path)
    say("reading ways")
    ways = _read_ways(path, profiles, outlines, roads_only=roads_only)
    say("reading nodes")
    return ways, _read_nodes(path), [] if roads_only else _read_aed_nodes(path)


def _check_file(path: Path) -> None:
    if not path.exists():
        raise ExtractError(f"{path}: no such file: expected an OpenStreetMap extract (.osm.pbf)")
    if not path.is_file():
        raise ExtractError(f"{path}: not a file: expected an OpenStreetMap extract (.osm.pbf)")
    if not path.name.endswith(_SUFFIXES):
        raise ExtractError(f"{path.name}: expected a name that ends in {' or '.join(_SUFFIXES)}")
    if path.stat().st_size == 0:
        raise ExtractError(f"{path.name}: the file is empty: fetch it again")


@contextmanager
def _one_line_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError, OverflowError, MemoryError, OSError, KeyError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ExtractError(
            f"{path.name}: damaged or not an OpenStreetMap file ({reason}): fetch it again"
        ) from error


def _objects(path: Path, kind: Any, *filters: Any) -> Iterator[Any]:
    """Nodes, ways or relations that pass all filters; they are only good for one turn."""
    import osmium  # noqa: PLC0415

    processor = osmium.FileProcessor(str(path), kind)
    for condition in filters:
        processor = processor.with_filter(condition)
    return iter(processor)


def _data_date(path: Path) -> str | None:
    import osmium  # noqa: PLC0415

    reader = osmium.io.Reader(str(path), osmium.osm.NOTHING)
    try:
        header = reader.header()
        text = header.get("osmosis_replication_timestamp", "") or header.get("timestamp", "")
    finally:
        reader.close()
    return str(text) or None


@dataclass
class _Outlines:
    """Buildings drawn as relations: the ways that form their outer rings."""

    tags_of_way: dict[int, dict[str, str]] = field(default_factory=dict)


def _building_relations(path: Path) -> _Outlines:
    import osmium  # noqa: PLC0415

    found = _Outlines()
    buildings = osmium.filter.KeyFilter("building")
    for relation in _objects(path, osmium.osm.RELATION, buildings):
        tags = dict(relation.tags)
        if tags.get("type") != "multipolygon" or building_rule.factor(tags["building"]) == 0.0:
            continue
        for member in relation.members:
            if member.type == "w" and member.role in {"outer", ""}:
                found.tags_of_way[member.ref] = tags
    return found


@dataclass
class WayTable:
    """All ways of use, one row each; ``refs[first[i]:first[i + 1]]`` are the nodes of way i."""

    ids: NDArray[np.int64]
    first: NDArray[np.int64]
    refs: NDArray[np.int64]
    forward_mps: NDArray[np.float64]  # [profiles, ways]
    backward_mps: NDArray[np.float64]
    road_class: NDArray[np.uint8]
    usable: NDArray[np.bool_]  # [profiles, ways]
    name: NDArray[np.int32]
    names: tuple[str, ...]
    building: dict[int, Mapping[str, str]]  # row -> tags
    aed: dict[int, Mapping[str, str]]  # row -> tags
    warnings: list[str]


def _read_ways(
    path: Path, profiles: Sequence[Profile], outlines: _Outlines, *, roads_only: bool
) -> WayTable:
    """Every way that is a road for one of the profiles, a building or an AED."""
    import osmium  # noqa: PLC0415

    reader = _WayReader(profiles)
    of_use = osmium.filter.KeyFilter(*(("highway",) if roads_only else KEYS_OF_USE))
    for way in _objects(path, osmium.osm.WAY, of_use):
        tags = dict(way.tags)
        if roads_only:
            tags = {key: tags[key] for key in tags.keys() - {"building", "emergency"}}
        reader.add(way.id, tags, way.nodes)
    if outlines.tags_of_way:
        rings = osmium.filter.IdFilter(outlines.tags_of_way)
        for way in _objects(path, osmium.osm.WAY, rings):
            reader.add_ring(way.id, outlines.tags_of_way[way.id], way.nodes)
    return reader.table()


class _WayReader:
    """Collects ways as they come."""

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self.profiles = profiles
        self.row_of: dict[int, int] = {}
        self.refs = array("q")
        self.span: list[tuple[int, int]] = []
        self.rules: list[tuple[Any, ...]] = []
        self.name: list[int] = []
        self.number_of_name: dict[str, int] = {}
        self.building: dict[int, Mapping[str, str]] = {}
        self.aed: dict[int, Mapping[str, str]] = {}
        self.n_twice = 0

    def add(self, way_id: int, tags: dict[str, str], nodes: Any) -> None:
        """A road, building or AED; anything else is left out."""
        rules: tuple[Any, ...] = ()
        if "highway" in tags:
            rules = tuple(profile.rule(tags) for profile in self.profiles)
        is_road = any(rule is not None for rule in rules)
        is_building = building_rule.factor(tags.get("building", "no")) > 0.0
        is_aed = tags.get("emergency") == "defibrillator"
        if not (is_road or is_building or is_aed):
            return
        row = self._row(way_id, nodes)
        self.rules[row] = rules if is_road else ()
        text = tags.get("name") if is_road else None
        self.name[row] = -1
        if text is not None:
            self.name[row] = self.number_of_name.setdefault(text, len(self.number_of_name))
        if is_building:
            self.building[row] = tags
        if is_aed:
            self.aed[row] = tags

    def add_ring(self, way_id: int, tags: Mapping[str, str], nodes: Any) -> None:
        """An outer ring of a building that is drawn as a relation."""
        row = self.row_of.get(way_id)
        if row is None:
            row = self._row(way_id, nodes)
        self.building.setdefault(row, tags)

    def _row(self, way_id: int, nodes: Any) -> int:
        row = self.row_of.get(way_id)
        if row is None:
            row = len(self.span)
            self.row_of[way_id] = row
            self.span.append((0, 0))
            self.rules.append(())
            self.name.append(-1)
        else:
            self.n_twice += 1
            self.building.pop(row, None)
            self.aed.pop(row, None)
        start = len(self.refs)
        self.refs.extend([node.ref for node in nodes])
        self.span[row] = (start, len(self.refs))
        return row

    def table(self) -> WayTable:
        """All ways in the order of their ids, so that the order of the file does not matter."""
        ids = np.fromiter(self.row_of, dtype=np.int64, count=len(self.row_of))
        order = np.argsort(ids, kind="stable")
        new_row = np.empty(len(order), dtype=np.int64)
        new_row[order] = np.arange(len(order))
        span = np.array(self.span, dtype=np.int64).reshape(-1, 2)[order]
        counts = span[:, 1] - span[:, 0]
        first = np.concatenate([[0], np.cumsum(counts)])
        picks = np.repeat(span[:, 0] - first[:-1], counts) + np.arange(first[-1])
        refs = np.frombuffer(self.refs, dtype=np.int64) if len(self.refs) else np.zeros(0, np.int64)
        forward, backward, road_class, usable = self._rule_columns(order)
        warnings = [f"{self.n_twice} ways come more than once: the last counts"]
        return WayTable(
            ids=ids[order],
            first=first,
            refs=refs[picks],
            forward_mps=forward,
            backward_mps=backward,
            road_class=road_class,
            usable=usable,
            name=np.array(self.name, dtype=np.int32)[order],
            names=tuple(self.number_of_name),
            building={int(new_row[row]): tags for row, tags in self.building.items()},
            aed={int(new_row[row]): tags for row, tags in self.aed.items()},
            warnings=warnings if self.n_twice else [],
        )

    def _rule_columns(self, order: NDArray[np.int64]) -> tuple[Any, Any, Any, Any]:
        shape = (len(self.profiles), len(order))
        forward, backward = np.zeros(shape), np.zeros(shape)
        road_class = np.zeros(shape[1], dtype=np.uint8)
        for column, row in enumerate(order):
            for slot, rule in enumerate(self.rules[row]):
                if rule is not None:
                    forward[slot, column] = rule.forward_mps
                    backward[slot, column] = rule.backward_mps
                    road_class[column] = rule.road_class
        return forward, backward, road_class, (forward > 0) | (backward > 0)


@dataclass
class NodeTable:
    """Places by ascending id."""

    ids: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    n_read: int


def _read_nodes(path: Path) -> NodeTable:
    import osmium  # noqa: PLC0415

    ids, xs, ys = array("q"), array("i"), array("i")
    add_id, add_x, add_y = ids.append, xs.append, ys.append
    for node in _objects(path, osmium.osm.NODE):
        location = node.location
        add_id(node.id)
        add_x(location.x)
        add_y(location.y)
    if not len(ids):
        return NodeTable(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), 0)
    all_ids = np.frombuffer(ids, dtype=np.int64)
    x, y = np.frombuffer(xs, dtype=np.int32), np.frombuffer(ys, dtype=np.int32)
    last = last_of_each(all_ids)
    last = last[(x[last] != _NO_COORDINATE) & (y[last] != _NO_COORDINATE)]
    last = last[(np.abs(y[last]) <= 90 * _COORDINATE) & (np.abs(x[last]) <= 180 * _COORDINATE)]
    return NodeTable(all_ids[last], y[last] / _COORDINATE, x[last] / _COORDINATE, len(all_ids))


def last_of_each(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the last occurrence of each id, ids ascending."""
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    keep = np.ones(len(ids), dtype=np.bool_)
    keep[:-1] = ordered[1:] != ordered[:-1]
    return np.asarray(order[keep])


def _read_aed_nodes(path: Path) -> list[AedRecord]:
    import osmium  # noqa: PLC0415

    found: dict[int, AedRecord] = {}
    mapped = osmium.filter.TagFilter(("emergency", "defibrillator"))
    for node in _objects(path, osmium.osm.NODE, mapped):
        if node.location.valid():
            found[node.id] = aed_record(
                f"node/{node.id}", node.location.lat, node.location.lon, dict(node.tags)
            )
    return list(found.values())


def aed_record(osm_id: str, lat: float, lon: float, tags: Mapping[str, str]) -> AedRecord:
    """What is kept of an AED's tags."""
    return AedRecord(
        osm_id=osm_id,
        lat=lat,
        lon=lon,
        access=tags.get("access"),
        indoor=tags.get("indoor"),
        level=tags.get("level"),
        opening_hours=tags.get("opening_hours"),
        place=tags.get("defibrillator:location"),
    )


def _aed_order(aed: AedRecord) -> tuple[str, int]:
    kind, _, number = aed.osm_id.partition("/")
    return kind, int(number)


@dataclass
class _Located:
    """Ways whose nodes have become indices into the nodes of the file, -1 where missing."""

    nodes: NodeTable
    refs: NDArray[np.int32]
    n_missing: int

    @classmethod
    def of(cls, nodes: NodeTable, ways: WayTable) -> _Located:
        if not len(nodes.ids):
            nowhere = np.full(len(ways.refs), -1, np.int32)
            return cls(nodes, nowhere, len(np.unique(ways.refs)))
        from geo.kernels_pbf import places_of  # noqa: PLC0415 - numba loads when needed

        at = places_of(nodes.ids, ways.refs)
        return cls(nodes, at, len(np.unique(ways.refs[at < 0])))


def _segments(located: _Located, ways: WayTable, slot: int) -> tuple[Segments, dict[str, int]]:
    """Straight pieces for one profile; pieces that touch a missing node are left out."""
    counts = np.diff(ways.first)
    way_of_ref = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    last_of_way = np.zeros(len(ways.refs), dtype=np.bool_)
    last_of_way[ways.first[1:][counts > 0] - 1] = True
    usable = ways.usable[slot][way_of_ref]
    pieces = _way_pieces(located, ways, usable, last_of_way)
    start = np.flatnonzero(usable & ~last_of_way)
    u, v = located.refs[start], located.refs[start + 1]
    whole = (u >= 0) & (v >= 0) & (u != v)
    if not whole.all():
        start, u, v = start[whole], u[whole], v[whole]
    way = way_of_ref[start]
    del start, whole, way_of_ref, usable, last_of_way  # here a reader needs the most memory
    segments = Segments(
        lat=located.nodes.lat,
        lon=located.nodes.lon,
        u=u,
        v=v,
        forward_mps=ways.forward_mps[slot][way],
        backward_mps=ways.backward_mps[slot][way],
        road_class=ways.road_class[way],
        name=ways.name[way],
        names=ways.names,
    )
    return segments, {
        "ways": int(ways.usable[slot].sum()),
        "segments": len(u),
        **pieces,
    }


def _way_pieces(
    located: _Located, ways: WayTable, usable: NDArray[np.bool_], last_of_way: NDArray[np.bool_]
) -> dict[str, int]:
    """The usual count of a road map: way ends and shared nodes, and the pieces between them."""
    refs = located.refs
    first_of_way = np.zeros(len(refs), dtype=np.bool_)
    first_of_way[ways.first[:-1][np.diff(ways.first) > 0]] = True
    present = usable & (refs >= 0)
    times = np.bincount(refs[present], minlength=max(1, len(located.nodes.ids)))
    at_an_end = np.zeros(len(times), dtype=np.bool_)
    at_an_end[refs[present & (first_of_way | last_of_way)]] = True
    times += 2 * at_an_end
    several = times > 1
    stops = present & several[np.maximum(refs, 0)]
    return {
        "way_nodes": int(np.count_nonzero(several)),
        "way_pieces": int(np.count_nonzero(stops & ~first_of_way)),
    }


def _ring_measures(
    located: _Located, ways: WayTable, rows: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean latitude, mean longitude and area in square metres of each way.

    NaN where a way has no nodes; the area also where it is not closed.
    """
    lat, lon, area_m2 = np.full((3, len(rows)), np.nan)
    chosen = np.asarray(rows, dtype=np.int64)
    counts = (ways.first[chosen + 1] - ways.first[chosen]) if len(rows) else chosen
    start = np.cumsum(counts) - counts
    spots = np.repeat(ways.first[chosen] - start, counts) + np.arange(counts.sum())
    ring = np.repeat(np.arange(len(rows)), counts)
    at = located.refs[spots]
    at, ring = at[at >= 0], ring[at >= 0]
    if len(at) == 0:
        return lat, lon, area_m2
    first = np.flatnonzero(np.append(True, ring[1:] != ring[:-1]))
    found = ring[first]
    last = np.append(first[1:], len(ring)) - 1
    closed = (at[first] == at[last]) & (last > first)
    corner = np.ones(len(at), dtype=np.bool_)
    corner[last[closed]] = False
    sizes = last - first + 1 - closed
    corner_lat = np.where(corner, located.nodes.lat[at], 0.0)
    corner_lon = np.where(corner, located.nodes.lon[at], 0.0)
    lat[found] = np.add.reduceat(corner_lat, first) / sizes
    lon[found] = np.add.reduceat(corner_lon, first) / sizes
    per_degree = np.radians(EARTH_RADIUS_M)
    y = (located.nodes.lat[at] - lat[ring]) * per_degree
    x = (located.nodes.lon[at] - lon[ring]) * per_degree * np.cos(np.radians(lat[ring]))
    cross = np.zeros(len(at))
    cross[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
    cross[last] = 0.0  # a closed ring ends in its first corner
    area_m2[found[closed]] = np.abs(np.add.reduceat(cross, first)[closed]) / 2
    return lat, lon, area_m2


def _aed_ways(located: _Located, ways: WayTable) -> list[AedRecord]:
    rows = sorted(ways.aed)
    lat, lon, _ = _ring_measures(located, ways, rows)
    return [
        aed_record(f"way/{ways.ids[row]}", float(lat[i]), float(lon[i]), ways.aed[row])
        for i, row in enumerate(rows)
        if np.isfinite(lat[i])
    ]


def _buildings(located: _Located, ways: WayTable) -> Buildings:
    rows = sorted(ways.building)
    lat, lon, area_m2 = _ring_measures(located, ways, rows)
    kinds = [ways.building[row].get("building", "yes") for row in rows]
    weight = np.array(
        [
            building_rule.factor(kind) * building_rule.levels(ways.building[row])
            for kind, row in zip(kinds, rows, strict=True)
        ]
    )
    weight = weight.reshape(-1) * np.nan_to_num(area_m2)
    keep = (area_m2 >= building_rule.SMALLEST_M2) & (weight > 0)
    home = np.array([building_rule.is_home(kind) for kind in kinds], dtype=np.bool_)
    return Buildings(lat[keep], lon[keep], weight[keep], home[keep])
