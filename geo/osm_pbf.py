"""Reads ways, nodes and AEDs out of an .osm.pbf file, block by block.

The blocks are read from the last to the first: relations, ways, nodes is the order in which one
knows what is still wanted, and it is the reverse of the usual order of a file. A file in another
order is read as well, some blocks of it twice. Strings become numbers once; tags become
dictionaries only once for every set of tags that differs in what anybody looks at.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo import buildings as building_rule
from geo import kernels_pbf as kernels
from geo.osm import KEYS_OF_USE, AedRecord, NodeTable, Progress, WayTable, aed_record, last_of_each
from geo.speeds import Profile

Longs = NDArray[np.int64]
Tags = Mapping[str, str]

MAX_HEADER_BYTES = 64 * 1024
MAX_BLOB_BYTES = 32 * 1024 * 1024
"""Limits of the format; anything larger is damage."""

_FEATURES = frozenset({"OsmSchema-V0.6", "DenseNodes"})


class OtherKindError(Exception):
    """A file that the format allows, but not one that this reader reads."""


@dataclass(frozen=True)
class _Blob:
    """Where a compressed block lies in the file."""

    start: int
    size: int


def read_pbf(
    path: Path, profiles: Sequence[Profile], say: Progress, *, roads_only: bool = False
) -> tuple[WayTable, NodeTable, list[AedRecord]]:
    """Ways of use, the nodes that they need, and AEDs mapped as nodes.

    Raises:
        OtherKindError: a history file, or blocks compressed otherwise than with zlib.
        ValueError: the file is damaged.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        keys = ("highway",) if roads_only else KEYS_OF_USE
        reader = _Reader(file, profiles, tuple(key.encode() for key in keys))
        say("reading roads")
        reader.read_all()
        return reader.ways(), reader.nodes(), reader.aed_nodes()


@dataclass
class _WayPart:
    """Ways of one block; tags hold numbers of strings of the whole file."""

    ids: Longs
    counts: Longs
    refs: Longs
    tag_counts: Longs
    keys: NDArray[np.int32]
    values: NDArray[np.int32]


@dataclass
class _Reader:
    """Everything found so far."""

    file: Any
    profiles: Sequence[Profile]
    keys_of_use: tuple[bytes, ...]
    number_of: dict[bytes, int] = field(default_factory=dict)
    texts: list[bytes] = field(default_factory=list)
    rings: dict[int, Tags] = field(default_factory=dict)  # way -> tags of its relation
    way_parts: dict[tuple[int, int], _WayPart] = field(default_factory=dict)
    node_parts: dict[tuple[int, int], tuple[Any, ...]] = field(default_factory=dict)
    aeds: dict[int, tuple[tuple[int, int], AedRecord]] = field(default_factory=dict)
    n_nodes: int = 0
    wanted: Longs = field(default_factory=lambda: np.zeros(0, np.int64))
    wanted_of: int = 0  # parts of ways that ``wanted`` was made from
    memory: tuple[Longs, NDArray[np.int32], NDArray[np.int32]] = field(
        default_factory=lambda: (np.empty(0, np.int64), *np.empty((2, 0), np.int32))
    )
    spots: dict[int, list[tuple[int, int]]] = field(
        default_factory=lambda: {
            kernels.GROUP_RELATION: [],
            kernels.GROUP_WAY: [],
            kernels.GROUP_NODE: [],
        }
    )  # kind -> blocks and groups that hold it, last first

    def read_all(self) -> None:
        """All blocks, last first; again what was read before it was known what is wanted."""
        blobs = list(_blobs(self.file))
        for number in range(len(blobs) - 1, -1, -1):
            self._block(number, blobs[number], None)
        ways = self.spots[kernels.GROUP_WAY]
        early = _precedes(self.spots[kernels.GROUP_RELATION], ways)
        if early or _precedes(ways, self.spots[kernels.GROUP_NODE]):
            self.n_nodes = 0
            self.way_parts.clear()
            self.node_parts.clear()
            self.wanted_of = -1
            for kind in (kernels.GROUP_WAY, kernels.GROUP_NODE):
                for number in sorted({spot[0] for spot in self.spots[kind]}):
                    self._block(number, blobs[number], kind)

    def _block(self, number: int, blob: _Blob, only: int | None) -> None:
        """Reads one block, or the groups of one kind in it."""
        raw = _content(self.file, blob)
        data = np.frombuffer(raw, np.uint8)
        ok, starts, stops, group_starts, group_stops, scale = kernels.read_block(data)
        if not ok:
            raise ValueError(f"block {number} is damaged")
        block = _Block(number, raw, data, starts, stops)
        for group in range(len(group_starts) - 1, -1, -1):
            span = int(group_starts[group]), int(group_stops[group])
            counts = kernels.kinds_in(data, *span)
            if counts[0]:
                raise ValueError(f"block {number} is damaged")
            counts[kernels.GROUP_NODE] += counts[kernels.GROUP_DENSE]
            for kind in self.spots:
                if not counts[kind] or only not in (None, kind):
                    continue
                if only is None:
                    self.spots[kind].append((number, group))
                if kind == kernels.GROUP_RELATION:
                    self._relations(block, span)
                elif kind == kernels.GROUP_WAY:
                    self._ways(block, group, span)
                else:
                    self._nodes(block, group, span, scale)

    def _relations(self, block: _Block, span: tuple[int, int]) -> None:
        """Buildings drawn as relations: the ways that form their outer rings."""
        building = block.string(b"building") if b"building" in self.keys_of_use else -1
        if building < 0:
            return
        read, tag_first, keys, values, member_first, members, roles = kernels.read_relations(
            block.data, *span, building
        )
        if read < 0:
            raise ValueError(f"relations of block {block.number} are damaged")
        for i in reversed(range(len(tag_first) - 1)):
            tags = block.tags(keys, values, int(tag_first[i]), int(tag_first[i + 1]))
            if tags.get("type") != "multipolygon" or not building_rule.factor(tags["building"]):
                continue
            for k in range(int(member_first[i]), int(member_first[i + 1])):
                if block.text(int(roles[k])) in ("outer", ""):
                    # Last relation first, so the first one met is the one that counts.
                    self.rings.setdefault(int(members[k]), tags)

    def _ways(self, block: _Block, group: int, span: tuple[int, int]) -> None:
        of_use = np.zeros(len(block.starts), np.bool_)
        for key in self.keys_of_use:
            if (string := block.string(key)) >= 0:
                of_use[string] = True
        rings = np.sort(np.fromiter(self.rings, np.int64, len(self.rings)))
        read, ids, ref_first, refs, tag_first, keys, values = kernels.read_ways(
            block.data, *span, of_use, rings, *self._scratch(span[1] - span[0])
        )
        if read < 0:
            raise ValueError(f"ways of block {block.number} are damaged")
        numbers = self._numbers(block, np.concatenate([keys, values]))
        self.way_parts[block.number, group] = _WayPart(
            ids=ids,
            counts=np.diff(ref_first),
            refs=refs,
            tag_counts=np.diff(tag_first),
            keys=numbers[: len(keys)],
            values=numbers[len(keys) :],
        )

    def _scratch(self, size: int) -> tuple[Longs, NDArray[np.int32], NDArray[np.int32]]:
        """Memory for the references and tags of one group, used again and again."""
        if len(self.memory[0]) < size:
            self.memory = (
                np.empty(size, np.int64),
                np.empty(size, np.int32),
                np.empty(size, np.int32),
            )
        return self.memory

    def _numbers(self, block: _Block, strings: NDArray[np.int32]) -> NDArray[np.int32]:
        """Strings of a block as numbers that hold for the whole file."""
        used = np.flatnonzero(np.bincount(strings, minlength=1)) if len(strings) else strings
        if len(used) and (used[0] < 0 or used[-1] >= len(block.starts)):
            raise ValueError(f"block {block.number} names a string that it does not have")
        table = np.zeros(len(block.starts), np.int32)
        raw = block.raw
        starts, stops = block.starts[used].tolist(), block.stops[used].tolist()
        for string, start, stop in zip(used.tolist(), starts, stops, strict=True):
            text = raw[start:stop]
            found = self.number_of.get(text)
            if found is None:
                found = self.number_of[text] = len(self.texts)
                self.texts.append(text)
            table[string] = found
        return table[strings]

    def _nodes(self, block: _Block, group: int, span: tuple[int, int], scale: Longs) -> None:
        key = value = -1
        if b"emergency" in self.keys_of_use and b"defibrillator" in block.raw:
            key, value = block.string(b"emergency"), block.string(b"defibrillator")
        wanted = self._wanted()
        read, ids, y, x, tagged, tag_first, keys, values = kernels.read_nodes(
            block.data, *span, scale, wanted, key if value >= 0 else -1, value
        )
        if read < 0:
            raise ValueError(f"nodes of block {block.number} are damaged")
        self.n_nodes += read
        self.node_parts[block.number, group] = ids, y, x
        for i, row in enumerate(tagged.tolist()):
            tags = block.tags(keys, values, int(tag_first[i]), int(tag_first[i + 1]))
            known = self.aeds.get(int(ids[row]))
            if _is_place(y[row], x[row]) and (known is None or known[0] <= (block.number, group)):
                lat, lon = float(y[row]) / 1e7, float(x[row]) / 1e7
                record = aed_record(f"node/{ids[row]}", lat, lon, tags)
                self.aeds[int(ids[row])] = (block.number, group), record

    def _wanted(self) -> Longs:
        """Ids of all nodes of the ways found so far, ascending."""
        if self.wanted_of != len(self.way_parts):
            refs = [part.refs for part in self.way_parts.values()]
            self.wanted = _each_once(np.concatenate(refs)) if refs else np.zeros(0, np.int64)
            self.wanted_of = len(self.way_parts)
        return self.wanted

    def nodes(self) -> NodeTable:
        """The nodes by ascending id; of a node that comes twice the later one."""
        parts = [self.node_parts.pop(key) for key in sorted(self.node_parts)]
        if not parts:
            return NodeTable(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), self.n_nodes)
        ids, y, x = (np.concatenate([part[i] for part in parts]) for i in range(3))
        del parts
        if not (np.diff(ids) > 0).all():
            last = last_of_each(ids)
            ids, y, x = ids[last], y[last], x[last]
        there = (np.abs(y.astype(np.int64)) <= 90 * 10**7) & (
            np.abs(x.astype(np.int64)) <= 18 * 10**8
        )
        if not there.all():
            ids, y, x = ids[there], y[there], x[there]
        return NodeTable(ids, y / 1e7, x / 1e7, self.n_nodes)

    def aed_nodes(self) -> list[AedRecord]:
        """AEDs mapped as nodes."""
        return [record for _, record in self.aeds.values()]

    def ways(self) -> WayTable:
        """The ways by ascending id; of a way that comes twice the later one."""
        parts = [self.way_parts.pop(key) for key in sorted(self.way_parts)]
        if not parts:
            empty: Any = np.zeros(0, np.int64)
            parts = [_WayPart(empty, empty, empty, empty, empty, empty)]
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("ids", "counts", "refs", "tag_counts", "keys", "values")
        }
        del parts
        return _way_table(self, columns)


@dataclass(frozen=True)
class _Block:
    """The bytes of one block and where its strings lie."""

    number: int
    raw: bytes
    data: NDArray[np.uint8]  # the same memory
    starts: Longs
    stops: Longs

    def string(self, wanted: bytes) -> int:
        """Number of a string in this block, -1 if it has none such."""
        bytes_ = np.frombuffer(wanted, np.uint8)
        return int(kernels.find_string(self.data, self.starts, self.stops, bytes_))

    def text(self, string: int) -> str:
        """A string by its number."""
        if not 0 <= string < len(self.starts):
            raise ValueError(f"block {self.number} names a string that it does not have")
        return self.raw[self.starts[string] : self.stops[string]].decode("utf-8")

    def tags(self, keys: Any, values: Any, begin: int, end: int) -> dict[str, str]:
        """Tags as a dictionary."""
        return {self.text(int(keys[i])): self.text(int(values[i])) for i in range(begin, end)}


def _each_once(values: Longs) -> Longs:
    """Ascending, without repeats; sorting beats the hash table of ``numpy.unique`` here."""
    ordered = np.sort(values)
    keep = np.ones(len(ordered), np.bool_)
    keep[1:] = ordered[1:] != ordered[:-1]
    return np.asarray(ordered[keep])


def _precedes(these: list[tuple[int, int]], those: list[tuple[int, int]]) -> bool:
    """Whether any of these comes before the last of those; both are listed last first."""
    return bool(these and those and these[-1] < those[0])


def _is_place(y: int, x: int) -> bool:
    return abs(int(y)) <= 90 * 10**7 and abs(int(x)) <= 18 * 10**8


def _blobs(file: Any) -> Iterator[_Blob]:
    """All data blocks in the order of the file; checks the header.

    Raises:
        OtherKindError: the header asks for a feature that is not known here.
        ValueError: the file is damaged or of another format.
    """
    file.seek(0, 2)
    size = file.tell()
    at = 0
    while at < size:
        file.seek(at)
        prefix = file.read(4)
        if len(prefix) < 4:
            raise ValueError("the file ends within a block")
        (length,) = struct.unpack(">I", prefix)
        if length > MAX_HEADER_BYTES or at + 4 + length > size:
            raise ValueError("not the beginning of a block")
        kind, blob_size = b"", -1
        for number, value in _message(file.read(length)):
            if number == 1 and isinstance(value, bytes):
                kind = value
            elif number == 3 and isinstance(value, int):
                blob_size = value
        start = at + 4 + length
        if not 0 <= blob_size <= MAX_BLOB_BYTES or start + blob_size > size:
            raise ValueError("the file ends within a block")
        if kind == b"OSMHeader":
            _check_features(_content(file, _Blob(start, blob_size)))
        elif at == 0:
            raise ValueError("the file has no header")
        elif kind == b"OSMData":
            yield _Blob(start, blob_size)
        else:
            raise ValueError("a block of unknown kind")
        at = start + blob_size


def _check_features(header: bytes) -> None:
    for number, value in _message(header):
        if number == 4 and isinstance(value, bytes) and value.decode() not in _FEATURES:
            raise OtherKindError(value.decode())


def _content(file: Any, blob: _Blob) -> bytes:
    """The bytes of a block, unpacked."""
    file.seek(blob.start)
    packed: bytes | None = None
    raw: bytes | None = None
    size = -1
    other = False
    for number, value in _message(file.read(blob.size)):
        if number == 1 and isinstance(value, bytes):
            raw = value
        elif number == 2 and isinstance(value, int):
            size = value
        elif number == 3 and isinstance(value, bytes):
            packed = value
        elif number in (4, 5, 6, 7):
            other = True
    if raw is None and packed is None:
        if other:
            raise OtherKindError("compression")
        raise ValueError("a block without content")
    if raw is None and packed is not None:
        if not 0 <= size <= MAX_BLOB_BYTES:
            raise ValueError("a block of impossible size")
        unpacker = zlib.decompressobj()
        try:
            raw = unpacker.decompress(packed, MAX_BLOB_BYTES)
        except zlib.error as error:
            raise ValueError(str(error)) from error
        if len(raw) != size or not unpacker.eof:
            raise ValueError("a block of another size than it says")
    return raw or b""


def _message(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Fields of a small message; numbers and byte strings only."""
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        if key & 7 == 0:
            value, at = _number(data, at)
            yield key >> 3, value
        elif key & 7 == 2:
            length, at = _number(data, at)
            if at + length > len(data):
                raise ValueError("a message ends too soon")
            yield key >> 3, data[at : at + length]
            at += length
        else:
            raise ValueError("a message of another format")


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("a message ends too soon")


def _way_table(reader: _Reader, columns: dict[str, Any]) -> WayTable:
    """Ways in order of their ids, with the rules of every profile."""
    ids = columns["ids"]
    last = last_of_each(ids)
    n_twice = len(ids) - len(last)
    refs, first = _gathered(columns["refs"], columns["counts"], last)
    keys, tag_first = _gathered(columns["keys"], columns["tag_counts"], last)
    values, _ = _gathered(columns["values"], columns["tag_counts"], last)
    texts = [text.decode("utf-8") for text in reader.texts]
    of_use = reader.keys_of_use
    sets = _TagSets.of(keys, values, tag_first, texts, _readers(reader.profiles, of_use))
    rules = _rules(sets, reader.profiles)
    name, names = _names(keys, values, tag_first, texts, np.asarray(rules.usable.any(axis=0)))
    buildings: dict[int, Tags] = {
        int(row): sets.tags[sets.of_row[row]]
        for row in (sets.rows_where(_is_building) if b"building" in of_use else ())
    }
    row_of = {int(way): row for row, way in enumerate(ids[last].tolist())} if reader.rings else {}
    for way, tags in reader.rings.items():
        if way in row_of:
            buildings.setdefault(row_of[way], tags)
    aeds: dict[int, Tags] = {
        int(row): {
            texts[keys[i]]: texts[values[i]] for i in range(tag_first[row], tag_first[row + 1])
        }
        for row in (sets.rows_where(_is_aed) if b"emergency" in of_use else ())
    }
    keep = np.asarray(rules.usable.any(axis=0))
    keep[list(buildings)] = True
    keep[list(aeds)] = True
    return _kept(
        keep,
        ids[last],
        (refs, first),
        rules,
        (name, names),
        buildings,
        aeds,
        [f"{n_twice} ways come more than once: the last counts"] if n_twice else [],
    )


@dataclass(frozen=True)
class _Rules:
    """Speeds [profiles, ways], class and whether a profile may use the way at all."""

    forward_mps: NDArray[np.float64]
    backward_mps: NDArray[np.float64]
    road_class: NDArray[np.uint8]
    usable: NDArray[np.bool_]


class _Recorder(dict[str, str]):
    """Tags that note which keys are asked for."""

    def __init__(self, tags: Tags, asked: set[str]) -> None:
        super().__init__(tags)
        self.asked = asked
        self.all_asked = False

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        self.all_asked = True
        return super().__iter__()

    def keys(self) -> Any:
        self.all_asked = True
        return super().keys()

    def values(self) -> Any:
        self.all_asked = True
        return super().values()

    def items(self) -> Any:
        self.all_asked = True
        return super().items()

    def __len__(self) -> int:
        self.all_asked = True
        return super().__len__()


def _readers(profiles: Sequence[Profile], of_use: tuple[bytes, ...]) -> list[Callable[[Any], Any]]:
    """Everything that will look at the tags of a way."""
    readers: list[Callable[[Any], Any]] = [profile.rule for profile in profiles]
    if b"building" in of_use:
        readers += [_is_building, building_rule.levels]
    return readers + ([_is_aed] if b"emergency" in of_use else [])


@dataclass(frozen=True)
class _TagSets:
    """Every set of tags once, of those keys alone that anybody looks at.

    Which keys these are is found out by watching: what a reader answers depends on the keys that
    it asked for, so when no reader asks for a key beyond the chosen ones, none needs more.
    """

    of_row: Longs
    tags: list[dict[str, str]]

    @classmethod
    def of(
        cls,
        keys: Any,
        values: Any,
        first: Longs,
        texts: list[str],
        readers: Sequence[Callable[[Any], Any]],
    ) -> _TagSets:
        asked = {"highway", "building", "emergency"}
        while True:
            known = frozenset(asked)
            chosen = np.array([text in known for text in texts] or [False], np.bool_)
            found = cls._projected(keys, values, first, texts, chosen)
            greedy = False
            for tags in found.tags:
                for reader in readers:
                    watched = _Recorder(tags, asked)
                    try:
                        reader(watched)
                    except KeyError:
                        if asked == known:  # not for want of a key that was left out
                            raise
                    greedy = greedy or watched.all_asked
            if greedy:
                everything = np.ones(max(1, len(texts)), np.bool_)
                return cls._projected(keys, values, first, texts, everything)
            if asked == known:
                return found

    @classmethod
    def _projected(
        cls, keys: Any, values: Any, first: Longs, texts: list[str], chosen: NDArray[np.bool_]
    ) -> _TagSets:
        """Every set of tags once, with the chosen keys (by number) only."""
        stays = chosen[keys]
        kept = np.flatnonzero(stays)
        ends = np.concatenate([[0], np.cumsum(stays)])[first[1:]] * 8
        data = np.stack([keys[kept], values[kept]], axis=1).astype(np.int32).tobytes()
        of_row = np.empty(len(ends), np.int64)
        number: dict[bytes, int] = {}
        begin = 0
        for row, end in enumerate(ends.tolist()):
            of_row[row] = number.setdefault(data[begin:end], len(number))
            begin = end
        tags = []
        for packed in number:
            pairs = np.frombuffer(packed, np.int32).reshape(-1, 2).tolist()
            tags.append({texts[key]: texts[value] for key, value in pairs})
        return cls(of_row, tags)

    def rows_where(self, holds: Any) -> Longs:
        """Ways whose tags satisfy a condition."""
        fits = np.array([holds(tags) for tags in self.tags] or [False], np.bool_)
        return np.flatnonzero(fits[self.of_row]) if len(self.of_row) else np.zeros(0, np.int64)


def _is_building(tags: Tags) -> bool:
    return building_rule.factor(tags.get("building", "no")) > 0.0


def _is_aed(tags: Tags) -> bool:
    return tags.get("emergency") == "defibrillator"


def _gathered(values: Any, counts: Longs, chosen: Longs) -> tuple[Any, Longs]:
    """Runs of values for the chosen rows, and where each begins."""
    starts = np.cumsum(counts) - counts
    sizes = counts[chosen]
    first = np.zeros(len(chosen) + 1, np.int64)
    np.cumsum(sizes, out=first[1:])
    if len(chosen) == len(counts) and (np.diff(chosen) == 1).all():
        return values, first
    return values[np.repeat(starts[chosen] - first[:-1], sizes) + np.arange(first[-1])], first


def _rules(sets: _TagSets, profiles: Sequence[Profile]) -> _Rules:
    """Asks every profile once per set of tags."""
    shape = (len(profiles), len(sets.tags))
    forward, backward = np.zeros(shape), np.zeros(shape)
    road_class = np.zeros(shape[1], np.uint8)
    for column, tags in enumerate(sets.tags):
        if "highway" not in tags:
            continue
        for slot, profile in enumerate(profiles):
            rule = profile.rule(tags)
            if rule is not None:
                forward[slot, column] = rule.forward_mps
                backward[slot, column] = rule.backward_mps
                road_class[column] = rule.road_class
    rows = sets.of_row
    usable = (forward > 0) | (backward > 0)
    return _Rules(forward[:, rows], backward[:, rows], road_class[rows], usable[:, rows])


def _names(
    keys: Any, values: Any, first: Longs, texts: list[str], road: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], list[str]]:
    """Number of each road's name, and the names in the order in which they come."""
    name = np.full(len(road), -1, np.int32)
    spots = np.flatnonzero(keys == texts.index("name")) if "name" in texts else np.zeros(0, int)
    rows = np.searchsorted(first, spots, side="right") - 1
    spots, rows = spots[road[rows]], rows[road[rows]]
    known: dict[int, int] = {}
    for row, value in zip(rows.tolist(), values[spots].tolist(), strict=True):
        name[row] = known.setdefault(value, len(known))
    return name, [texts[value] for value in known]


def _kept(
    keep: NDArray[np.bool_],
    ids: Longs,
    runs: tuple[Longs, Longs],
    rules: _Rules,
    name: tuple[NDArray[np.int32], list[str]],
    buildings: dict[int, Tags],
    aeds: dict[int, Tags],
    warnings: list[str],
) -> WayTable:
    """The rows that are a road, a building or an AED."""
    rows = np.flatnonzero(keep)
    new = np.cumsum(keep) - 1
    refs, first = _gathered(runs[0], np.diff(runs[1]), rows)
    return WayTable(
        ids=ids[rows],
        first=first,
        refs=refs,
        forward_mps=rules.forward_mps[:, rows],
        backward_mps=rules.backward_mps[:, rows],
        road_class=rules.road_class[rows],
        usable=rules.usable[:, rows],
        name=name[0][rows],
        names=tuple(name[1]),
        building={int(new[row]): tags for row, tags in buildings.items()},
        aed={int(new[row]): tags for row, tags in aeds.items()},
        warnings=warnings,
    )


def warmup() -> None:
    """Loads the kernels from their cache, or compiles them."""
    data, none = np.frombuffer(b"", np.uint8), np.zeros(0, np.int64)
    no_flags, few = np.zeros(0, np.bool_), np.zeros(0, np.int32)
    _, starts, stops, _, _, scale = kernels.read_block(data)
    kernels.kinds_in(data, 0, 0)
    kernels.find_string(data, starts, stops, data)
    kernels.read_nodes(data, 0, 0, scale, none, -1, -1)
    kernels.read_ways(data, 0, 0, no_flags, none, none, few, few)
    kernels.read_relations(data, 0, 0, -1)
    kernels.places_of(none, none)
