"""Volunteers on foot, by bicycle and by car: each by their own network, the union in one answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geo.network import RoadNetwork, build_network
from geo.osm import read_extract
from geo.speeds import FOOT
from geo.speeds_bicycle import BICYCLE
from geo.speeds_car import CAR, PARKING_S
from sim.errors import ParameterError, SettingError
from sim.modes import MODES, ModalTravel
from sim.parameters import PeopleParameters, WorldParameters, check
from sim.travel import NetworkTravel

QUESTION = {"bound_s": 900.0, "pickup_s": 30.0}


@pytest.fixture(scope="module")
def networks(shared_data: Path) -> dict[str, RoadNetwork]:
    extract = read_extract(shared_data / "osm" / "dk-copenhagen.osm.pbf", (FOOT, BICYCLE, CAR))
    return {mode: build_network(mode, part) for mode, part in extract.segments.items()}


def test_each_person_has_the_times_of_their_own_network(networks) -> None:
    rng = np.random.default_rng(1)
    foot = networks["foot"]
    lat, lon = (
        rng.uniform(np.quantile(axis, 0.4), np.quantile(axis, 0.6), 301)
        for axis in (foot.node_lat, foot.node_lon)
    )
    travel = ModalTravel(networks, MODES)
    places = travel.spots(lat, lon)
    mode = np.arange(280) % 3
    people = travel.with_mode(places.take(np.arange(280)), mode)
    usable = np.ones(20, bool)
    found = travel.times(
        places.one(300), people, places.take(np.arange(280, 300)), usable, **QUESTION
    )
    for slot, (name, late_s) in enumerate((("foot", 0.0), ("bicycle", 20.0), ("car", PARKING_S))):
        alone = NetworkTravel(networks[name])
        spots = alone.spots(lat, lon)
        rows = np.flatnonzero(mode == slot)
        expected = alone.times(
            spots.one(300),
            spots.take(rows),
            spots.take(np.arange(280, 300)),
            usable,
            bound_s=900.0 - late_s,
            pickup_s=30.0 + late_s,
        )
        assert np.array_equal(found.direct_s[rows], expected.direct_s + late_s), name
        assert np.array_equal(found.via_aed_s[rows], expected.via_aed_s + late_s), name
        assert np.array_equal(found.aed[rows], expected.aed), name
    reached = found.direct_s < np.inf
    assert reached.mean() > 0.5
    assert np.median(found.direct_s[(mode == 2) & reached]) < np.median(
        found.direct_s[(mode == 0) & reached]
    )


def test_a_network_that_is_missing_is_named_with_its_remedy(networks) -> None:
    with pytest.raises(SettingError, match=r"no network for car: build it again .* --modes"):
        ModalTravel({"foot": networks["foot"]}, ("foot", "car"))


@pytest.mark.parametrize(
    "modes", [(), (("foot", 0.5),), (("foot", 0.5), ("boat", 0.5)), (("foot", 1.0), ("foot", 0.0))]
)
def test_shares_of_modes_are_checked(modes) -> None:
    faults = check(WorldParameters(people=PeopleParameters(modes=modes)))
    assert [isinstance(fault, ParameterError) and "people.modes" in str(fault) for fault in faults]
    assert faults
