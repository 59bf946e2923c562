"""Extracts by the name of a place, without any connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.errors import InputFaults, OutputRefused
from scenarios.fetching import FetchError, fetch, place_url

pytest.importorskip("pyrosm")


def test_places_are_found_in_the_index_without_a_connection() -> None:
    name, url = place_url("Isle of Wight")
    assert name == "isle_of_wight"
    assert url.endswith("/europe/united-kingdom/england/isle-of-wight-latest.osm.pbf")
    assert place_url("copenhagen")[1].endswith("Copenhagen.osm.pbf")
    assert "north-america" in place_url("usa/georgia")[1]


@pytest.mark.parametrize(
    ("place", "words"), [("Corwall", "did you mean cornwall"), ("georgia", "europe/georgia")]
)
def test_a_place_that_is_not_clear_is_told_with_near_names(place: str, words: str) -> None:
    with pytest.raises(InputFaults, match=words):
        place_url(place)


def test_a_download_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "iow.osm.pbf"

    def download(url: str, name: str, folder: Path) -> str:
        path = folder / name
        path.write_bytes(url.encode())
        return str(path)

    found = fetch("Isle of Wight", out, download=download)
    assert found.path.read_text() == found.url
    with pytest.raises(OutputRefused, match="--force"):
        fetch("Isle of Wight", out, download=download)
    assert [path.name for path in tmp_path.iterdir()] == ["iow.osm.pbf"]


def test_without_a_connection_it_says_what_to_do(tmp_path: Path) -> None:
    def download(url: str, name: str, folder: Path) -> str:
        (folder / name).write_bytes(b"half")
        raise OSError("no route to host")

    with pytest.raises(FetchError) as caught:
        fetch("Isle of Wight", tmp_path / "iow.osm.pbf", download=download)
    told = str(caught.value)
    assert "no route to host" in told
    assert "isle-of-wight-latest.osm.pbf" in told
    assert "heartreach region build" in told
    assert list(tmp_path.iterdir()) == []
