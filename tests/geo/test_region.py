"""A region folder: what is in it, that it is always the same, and that damage is refused."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from networks import TINY_TOWN, write_tiny_town

from geo.errors import ExtractError, GeoError, RegionError, ZonesError
from geo.folder import MANIFEST
from geo.hours import HoursKind
from geo.network import ARRAY_FIELDS
from geo.region import CREDIT, Region, build_region
from geo.routing import PatientSearch
from geo.snap import snap


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Region:
    folder = tmp_path_factory.mktemp("tiny")
    source = write_tiny_town(folder)
    return build_region(source, folder / "region", timezone="Europe/Vaduz")


@pytest.fixture
def copy(tiny: Region, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(tiny.folder, folder)
    return folder


def test_a_region_says_what_it_holds_and_where_it_comes_from(tiny: Region) -> None:
    assert tiny.manifest["credit"] == CREDIT
    assert tiny.manifest["source"]["name"] == "tiny.osm"
    assert len(tiny.manifest["source"]["sha256"]) == 64
    assert tiny.manifest["source"]["data_date"] is None
    assert set(tiny.manifest["versions"]) >= {"numpy", "osmium", "opening-hours-py"}
    assert tiny.manifest["networks"]["foot"]["share_in_largest"] == 1.0
    assert tiny.manifest["profiles"]["foot"]["walking_mps"] == 1.8
    assert tiny.manifest["counts"]["aeds"] == 3
    assert tiny.manifest["counts"]["aeds_hours_invalid"] == 1
    assert tiny.timezone == "Europe/Vaduz"
    south, west, north, east = tiny.bounds
    assert (south, north) == (50.0, 50.002)
    assert (west, east) == (8.0, 8.002)
    text = (tiny.folder / MANIFEST).read_text()
    assert str(tiny.folder.parent) not in text


def test_what_was_saved_is_what_was_built(tiny: Region) -> None:
    again = Region.open(tiny.folder)
    for name in ARRAY_FIELDS:
        saved = getattr(again.networks["foot"], name)
        np.testing.assert_array_equal(saved, getattr(tiny.networks["foot"], name))
        assert not saved.flags.writeable
    assert again.region_id == tiny.region_id
    assert again.aeds.opening_hours == ("Mo-Fr 08:00-18:00", "weekdays 8 to 6", None)
    assert again.aeds.hours_kind == (HoursKind.KNOWN, HoursKind.INVALID, HoursKind.UNKNOWN)
    assert again.aeds.ids.tolist() == [0, 1, 2]
    assert again.aeds.public.tolist() == [True, True, False]
    assert again.aeds.positions.n_attached == 3
    assert again.zones is None


def test_an_opened_region_answers(tiny: Region) -> None:
    network = tiny.networks["foot"]
    search = PatientSearch(network)
    patient, person = snap(network, 50.002, 8.001), snap(network, 50.0005, 8.0)
    times = search.times(
        patient, person, tiny.aeds.positions, np.ones(3, np.bool_), bound_s=900, pickup_s=30
    )
    assert times.direct_s[0] == pytest.approx((167 + 71.5) / 1.8, rel=0.02)
    assert times.via_aed_s[0] > times.direct_s[0] + 30


def test_open_intervals_come_as_one_flat_list(tiny: Region) -> None:
    monday_s = 1_772_406_000.0  # 2026-03-02 00:00 in Vaduz
    first, edges = tiny.aeds.open_intervals(monday_s, monday_s + 2 * 86_400)
    assert first.tolist() == [0, 4, 4, 4]
    assert ((edges - monday_s) / 3600).tolist() == [8, 18, 32, 42]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    source = write_tiny_town(tmp_path)
    a = build_region(source, tmp_path / "a")
    b = build_region(source, tmp_path / "b")
    assert a.region_id == b.region_id
    files = sorted(path.relative_to(a.folder) for path in a.folder.rglob("*") if path.is_file())
    for name in files:
        assert (a.folder / name).read_bytes() == (b.folder / name).read_bytes(), name


def test_another_input_gives_another_id(tmp_path: Path) -> None:
    a = build_region(write_tiny_town(tmp_path), tmp_path / "a")
    changed = write_tiny_town(tmp_path, TINY_TOWN.replace("50.002", "50.003"), "other.osm")
    assert build_region(changed, tmp_path / "b").region_id != a.region_id
    elsewhere = build_region(tmp_path / "tiny.osm", tmp_path / "c", timezone="Europe/London")
    assert elsewhere.region_id != a.region_id


def test_every_flipped_byte_is_noticed(copy: Path) -> None:
    rng = np.random.default_rng(1)
    for path in sorted(copy.rglob("*")):
        if not path.is_file() or path.stat().st_size == 0:
            continue
        whole = path.read_bytes()
        for at in {0, len(whole) // 2, len(whole) - 2, int(rng.integers(len(whole)))}:
            flipped = bytearray(whole)
            flipped[at] ^= 1 << int(rng.integers(8))
            path.write_bytes(flipped)
            with pytest.raises(RegionError, match="heartreach region build") as caught:
                Region.open(copy)
            assert path.name in str(caught.value)
            assert "\n" not in str(caught.value)
        path.write_bytes(whole)
    Region.open(copy)


def test_a_missing_or_shortened_file_is_named(copy: Path) -> None:
    path = copy / "foot" / "head.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    with pytest.raises(RegionError, match=r"head\.npy.*bytes, expected"):
        Region.open(copy)
    path.unlink()
    with pytest.raises(RegionError, match=r"head\.npy: missing"):
        Region.open(copy)


def test_an_older_format_names_the_remedy(copy: Path) -> None:
    content = json.loads((copy / MANIFEST).read_text())
    content["format"] = 0
    (copy / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(RegionError, match=r"format 0, this version reads .*region build"):
        Region.open(copy)


def test_a_folder_that_is_no_region_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegionError, match="not a region folder"):
        Region.open(tmp_path)
    with pytest.raises(RegionError, match="no such region folder"):
        Region.open(tmp_path / "nowhere")


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_left_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_tiny_town(tmp_path)
    before = build_region(source, tmp_path / "region").region_id
    with pytest.raises(ExtractError):
        build_region(tmp_path / "absent.osm.pbf", tmp_path / "region")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("geo.region.save_demand", fail)
    with pytest.raises(RegionError, match="No space left"):
        build_region(source, tmp_path / "region", timezone="Europe/London")
    assert leftovers(tmp_path) == ["region", "tiny.osm"]
    assert Region.open(tmp_path / "region").region_id == before


def test_a_region_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    source = write_tiny_town(tmp_path)
    first = build_region(source, tmp_path / "region").region_id
    second = build_region(source, tmp_path / "region", timezone="Europe/London").region_id
    assert first != second
    assert leftovers(tmp_path) == ["region", "tiny.osm"]
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(RegionError, match="not a region folder"):
        build_region(source, tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    source = write_tiny_town(tmp_path)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(RegionError, match="cannot be written"):
        build_region(source, locked / "region")


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    source = write_tiny_town(tmp_path)
    with pytest.raises(RegionError, match="cannot be written"):
        build_region(source, source / "region")


def test_an_unknown_time_zone_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegionError, match="Europe/Atlantis"):
        build_region(write_tiny_town(tmp_path), tmp_path / "r", timezone="Europe/Atlantis")


def test_places_outside_the_region_are_seen(tiny: Region) -> None:
    assert tiny.holds(50.001, 8.001)
    assert tiny.holds(50.010, 8.001)
    assert not tiny.holds(8.001, 50.001)
    assert not tiny.holds(50.1, 8.001)


def test_every_error_is_one_of_the_room(tmp_path: Path) -> None:
    for error in (ExtractError, RegionError, ZonesError):
        assert issubclass(error, GeoError)
    with pytest.raises(GeoError):
        build_region(tmp_path / "no.osm.pbf", tmp_path / "out")
    assert leftovers(tmp_path) == []
