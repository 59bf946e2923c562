"""Dead spots from a file: which places lie in them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenarios.dead_spots import no_signal_of
from scenarios.errors import InputFaults
from scenarios.loading import check_scenario
from scenarios.schema import Scenario

SQUARE = [[[-5.0, 50.0], [-4.9, 50.0], [-4.9, 50.1], [-5.0, 50.1], [-5.0, 50.0]]]


def scenario(folder: Path, *geometries: Any, text: str = "") -> Scenario:
    features = [{"type": "Feature", "geometry": geometry} for geometry in geometries]
    content = text or json.dumps({"type": "FeatureCollection", "features": features})
    (folder / "gaps.geojson").write_text(content)
    data = {
        "title": "x",
        "region": {"source": "town"},
        "responders": {"dead_spots": "gaps.geojson"},
    }
    return check_scenario(data, file=str(folder / "scenario.toml"))


def test_places_inside_have_no_signal(tmp_path: Path) -> None:
    found = no_signal_of(scenario(tmp_path, {"type": "Polygon", "coordinates": SQUARE}))
    assert found is not None
    lat, lon = np.array([50.05, 50.05, 50.2]), np.array([-4.95, -4.8, -4.95])
    assert found(lat, lon).tolist() == [True, False, False]


def test_without_a_file_the_network_is_everywhere() -> None:
    assert (
        no_signal_of(check_scenario({"title": "x", "region": {"source": "town"}}, file="x")) is None
    )


@pytest.mark.parametrize(
    ("geometry", "says"),
    [
        ({"type": "Point", "coordinates": [0.0, 0.0]}, "features[0].geometry: Polygon or"),
        (None, "features[0].geometry: Polygon or MultiPolygon"),
        ({"type": "Polygon", "coordinates": "x"}, "rings of longitude and latitude"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}, "cross"),
        ({"type": "Polygon", "coordinates": [[[4e5, 1e5], [4.1e5, 1e5], [4e5, 2e5], [4e5, 1e5]]]},
         "degrees"),
    ],
)  # fmt: skip
def test_other_shapes_are_refused_with_their_feature(
    geometry: Any, says: str, tmp_path: Path
) -> None:
    with pytest.raises(InputFaults, match=r"gaps\.geojson") as caught:
        no_signal_of(scenario(tmp_path, geometry))
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["no json", "[]", "{}"])
def test_what_is_no_collection_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputFaults, match="FeatureCollection"):
        no_signal_of(scenario(tmp_path, text=text))
