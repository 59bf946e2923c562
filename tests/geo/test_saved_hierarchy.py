"""The hierarchy of a region: saved with it, checked with it, used in place of a new one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from networks import write_tiny_town

from geo.errors import RegionError
from geo.hierarchy import Hierarchy
from geo.region import Region, build_region
from geo.router import Router
from geo.snap import snap


def test_a_region_routes_with_the_hierarchy_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build_region(write_tiny_town(tmp_path), tmp_path / "region")
    network = built.networks["foot"]
    places = snap(network, [50.0, 50.0019, 50.001], [8.0001, 8.0, 8.0002])
    expected = Router.of(network).times_ds(places, places)
    monkeypatch.setattr(Hierarchy, "of", None)  # opening builds nothing
    opened = Region.open(tmp_path / "region")
    np.testing.assert_array_equal(opened.router().times_ds(places, places), expected)
    assert opened.router() is opened.router("foot")
    route = opened.router().route(places.take([0]), places.take([1]))
    assert route is not None
    assert route.part_ds.sum() == expected[0, 1]


def test_a_flipped_byte_in_the_hierarchy_is_refused(tmp_path: Path) -> None:
    build_region(write_tiny_town(tmp_path), tmp_path / "region")
    file = tmp_path / "region" / "foot" / "hierarchy" / "up_head.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(RegionError, match=r"up_head\.npy: damaged"):
        Region.open(tmp_path / "region")
