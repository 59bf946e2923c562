"""The built-in town: the same from the same seed, and fit to be studied."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely

from geo.region import Region, build_region
from scenarios.town.plan import make_plan
from scenarios.town.writing import CENTRE, write_town

pytestmark = pytest.mark.xdist_group("town")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_town(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="module")
def region(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Region:
    extract, zones = files
    out = tmp_path_factory.mktemp("built") / "region"
    return build_region(extract, out, zones=zones, timezone="Europe/London")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    again = write_town(tmp_path / "again")
    other = write_town(tmp_path / "other", seed=2)
    for first, second, third in zip(files, again, other, strict=True):
        assert first.read_bytes() == second.read_bytes()
        assert first.read_bytes() != third.read_bytes()


def test_it_is_one_town_of_the_promised_size(region: Region) -> None:
    network = region.networks["foot"]
    assert 20_000 <= network.n_nodes <= 40_000
    assert np.mean(network.component == 0) > 0.995
    south, west, north, east = region.bounds
    assert 10_000 < (north - south) * CENTRE.metres_per_degree_lat < 12_500
    assert 10_000 < (east - west) * CENTRE.metres_per_degree_lon < 12_500
    assert len(region.demand) < 15_000


def test_people_live_in_zones_with_a_gradient(region: Region) -> None:
    zones = region.zones
    assert zones is not None
    assert 220_000 <= zones.population.sum() <= 250_000
    assert set(zones.deprivation_decile.tolist()) == set(range(1, 11))
    kinds = Counter(zones.urban_rural)
    assert set(kinds) == {"urban", "rural"}
    assert kinds["urban"] > 3 * kinds["rural"] > 0
    assert np.mean(region.demand.zone >= 0) > 0.99
    assert not any("outside the region" in text for text in region.manifest["warnings"])


def test_aeds_have_every_kind_of_hours(region: Region) -> None:
    kinds = Counter(str(kind) for kind in region.aeds.hours_kind)
    assert kinds["invalid"] == 1
    assert kinds["unknown"] > 10
    assert kinds["known"] > 150
    hours = Counter(region.aeds.opening_hours)
    assert 0.25 < hours["24/7"] / len(region.aeds) < 0.45
    assert hours["Mo-Fr 08:00-16:30"] > 20
    assert (region.aeds.positions.edge >= 0).all()


def test_the_river_is_crossed_by_few_bridges(region: Region) -> None:
    """Roads and their sidewalks cross the middle of the river at a handful of places."""
    plan, _ = make_plan(np.random.default_rng(np.random.SeedSequence(1).spawn(6)[0]))
    river = shapely.linestrings(plan.river)
    network = region.networks["foot"]
    x, y = CENTRE.to_xy_m(network.geom_lat, network.geom_lon)
    edge = np.repeat(np.arange(network.n_edges), np.diff(network.geom_first))
    lines = shapely.linestrings(np.column_stack([x, y]), indices=edge)
    crossings = shapely.get_coordinates(shapely.intersection(lines, river))
    bridges = shapely.union_all(shapely.buffer(shapely.points(crossings), 40.0))
    assert len(shapely.get_parts(bridges)) == 5


def test_it_says_that_it_is_invented(files: tuple[Path, Path]) -> None:
    zones = json.loads(files[1].read_text())
    assert "not a real place" in zones["attribution"]
