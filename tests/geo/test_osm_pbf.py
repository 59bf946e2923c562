"""Our decoder of .osm.pbf beside libosmium: the same extract from the same file."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pytest
from osmium.osm import mutable

import geo.osm
import geo.osm_pbf
from geo.errors import ExtractError
from geo.osm import Extract, read_extract
from geo.osm_pbf import OtherKindError, read_pbf
from geo.speeds import FOOT, WayRule


def by_libosmium(monkeypatch: pytest.MonkeyPatch, path: Path, **options: Any) -> Extract:
    def refuse(*_: Any, **__: Any) -> None:
        raise OtherKindError("asked to stand back")

    with monkeypatch.context() as patch:
        patch.setattr(geo.osm_pbf, "read_pbf", refuse)
        return read_extract(path, [FOOT], **options)


def assert_same(one: Extract, other: Extract) -> None:
    assert one.aeds == other.aeds
    assert one.data_date == other.data_date
    assert one.warnings == other.warnings
    assert one.counts == other.counts
    for name in ("lat", "lon", "weight", "home"):
        np.testing.assert_array_equal(getattr(one.buildings, name), getattr(other.buildings, name))
    a, b = one.segments["foot"], other.segments["foot"]
    for end in ("u", "v"):
        for place in ("lat", "lon"):
            np.testing.assert_array_equal(
                getattr(a, place)[getattr(a, end)], getattr(b, place)[getattr(b, end)]
            )
    for name in ("forward_mps", "backward_mps", "road_class"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    named = [[s.names[i] if i >= 0 else None for i in s.name] for s in (a, b)]
    assert named[0] == named[1]


@pytest.mark.parametrize(
    "name", ["uk-london-westend-2020", "fi-helsinki-centre-2019", "uk-milton-keynes-2026"]
)
@pytest.mark.parametrize("roads_only", [False, True])
def test_real_extracts(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch, name: str, roads_only: bool
) -> None:
    path = shared_data / "osm" / f"{name}.osm.pbf"
    ours = read_extract(path, [FOOT], roads_only=roads_only)
    assert_same(ours, by_libosmium(monkeypatch, path, roads_only=roads_only))
    assert not (roads_only and len(ours.buildings.lat))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["li-liechtenstein-2021", "dk-copenhagen", "pt-porto-region", "mt-malta-2016"]
)
def test_larger_extracts(shared_data: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = shared_data / "osm" / f"{name}.osm.pbf"
    assert_same(read_extract(path, [FOOT]), by_libosmium(monkeypatch, path))


def node(number: int, lat: float, lon: float, tags: Mapping[str, str] | None = None) -> Any:
    return mutable.Node(id=number, location=(lon, lat), tags=dict(tags or {}))


def way(number: int, nodes: list[int], **tags: str) -> Any:
    return mutable.Way(id=number, nodes=nodes, tags=tags)


NODES = [node(i, 50 + i * 1e-3, 8 + (i % 3) * 1e-3) for i in range(1, 9)] + [
    node(9, 50.002, 8.0, {"emergency": "defibrillator", "opening_hours": "24/7"}),
    node(10, 50.003, 8.0, {"emergency": "phone"}),
]
WAYS = [
    way(20, [1, 2, 3], highway="residential", name="Mill Lane", lit="yes"),
    way(21, [3, 4, 99, 5], highway="footway"),
    way(22, [5, 6, 7, 5]),
    way(23, [1, 2, 4, 1], building="house", **{"building:levels": "3"}),
    way(24, [1, 2], highway="motorway"),
]
BLOCK = mutable.Relation(
    id=30,
    members=[("w", 22, "outer"), ("n", 1, "label"), ("w", 23, "inner")],
    tags={"type": "multipolygon", "building": "apartments"},
)


def written(path: Path, things: list[Any]) -> Path:
    with osmium.SimpleWriter(str(path)) as writer:
        for thing in things:
            {
                mutable.Node: writer.add_node,
                mutable.Way: writer.add_way,
                mutable.Relation: writer.add_relation,
            }[type(thing)](thing)
    return path


@pytest.mark.parametrize("order", ["usual", "backwards", "mixed"])
def test_any_order_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    things = {
        "usual": [*NODES, *WAYS, BLOCK],
        "backwards": [BLOCK, *WAYS[::-1], *NODES[::-1]],
        "mixed": [*NODES[:4], BLOCK, *WAYS[:3], *NODES[4:], *WAYS[3:]],
    }[order]
    path = written(tmp_path / "any.osm.pbf", things)
    ours = read_extract(path, [FOOT])
    assert_same(ours, by_libosmium(monkeypatch, path))
    assert ours.counts["foot_segments"] == 3
    assert [aed.osm_id for aed in ours.aeds] == ["node/9"]
    assert len(ours.buildings.lat) == 2


def test_of_what_comes_twice_the_later_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = [
        node(2, 50.0025, 8.0),
        node(9, 50.0021, 8.0, {"emergency": "defibrillator", "access": "private"}),
        way(20, [1, 2], highway="footway", name="Mill Lane"),
    ]
    path = written(tmp_path / "twice.osm.pbf", [*NODES, *WAYS, BLOCK, *later])
    ours = read_extract(path, [FOOT])
    assert_same(ours, by_libosmium(monkeypatch, path))
    assert [aed.access for aed in ours.aeds] == ["private"]
    assert ours.warnings[0].startswith("1 ways come more than once")


class Curious:
    """A profile that looks at one key only where another has a certain value."""

    mode = "curious"

    def rule(self, tags: Mapping[str, str]) -> WayRule | None:
        if tags.get("highway") == "residential" and tags.get("lit") == "yes":
            return WayRule(2.0 if tags["name"] == "Mill Lane" else 1.0, 0.0, 0)
        return None

    def facts(self) -> dict[str, float | int | str]:
        return {}


class Greedy(Curious):
    """A profile that looks through all tags."""

    mode = "greedy"

    def rule(self, tags: Mapping[str, str]) -> WayRule | None:
        return WayRule(1.0, 0.0, 0) if "Mill Lane" in tags.values() else None


@pytest.mark.parametrize("profile", [Curious(), Greedy()])
def test_a_profile_may_look_at_any_tag(tmp_path: Path, profile: Curious) -> None:
    others = [way(40, [1, 3], highway="residential", lit="yes", name="High Street")]
    path = written(tmp_path / "tags.osm.pbf", [*NODES, *WAYS, *others])
    found = read_extract(path, [profile]).segments[profile.mode]
    expected = {"curious": [2.0, 2.0, 1.0], "greedy": [1.0, 1.0]}[profile.mode]
    assert found.forward_mps.tolist() == expected


def test_other_kinds_are_left_to_libosmium(tmp_path: Path) -> None:
    path = tmp_path / "plain.osm.pbf"
    header = osmium.io.Header()
    header.set("pbf_dense_nodes", "false")
    with osmium.SimpleWriter(osmium.io.File(str(path), "pbf,pbf_compression=none")) as writer:
        for thing in NODES:
            writer.add_node(thing)
        for thing in WAYS:
            writer.add_way(thing)
    assert read_extract(path, [FOOT]).counts["foot_segments"] == 3
    history = tmp_path / "history.osm.pbf"
    with osmium.SimpleWriter(osmium.io.File(str(history), "osh.pbf")) as writer:
        writer.add_node(replace_version(NODES[0]))
    with pytest.raises(OtherKindError):
        read_pbf(history, [FOOT], lambda _: None)


def replace_version(thing: Any) -> Any:
    thing.version = 1
    return thing


def test_damage_is_named_wherever_it_lies(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.osm.pbf", [*NODES, *WAYS, BLOCK]).read_bytes()
    path = tmp_path / "bad.osm.pbf"
    expected = read_extract(tmp_path / "whole.osm.pbf", [FOOT])
    refused = 0
    for at in range(0, len(whole), 3):
        content = bytearray(whole)
        content[at] ^= 0x15
        path.write_bytes(content)
        with contextlib.suppress(ExtractError):
            refused += 1
            # zlib's checksum leaves only the frame: nothing of the content may differ
            assert read_extract(path, [FOOT]).counts == expected.counts
            refused -= 1
    assert refused > len(whole) // 6
    for length in range(1, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(ExtractError, match=r"bad\.osm\.pbf"):
            read_extract(path, [FOOT])
