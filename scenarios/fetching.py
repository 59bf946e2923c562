"""Extracts by the name of a place: an offline index, a download where there is a connection.

The index (Geofabrik's regions, BBBike's cities) comes with pyrosm, which is optional: install
``heartreach[fetch]``. Nothing is asked of the network before the place is known.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from scenarios.errors import Fault, InputFaults, OutputRefused, ScenariosError

Progress = Callable[[str], None]
Download = Callable[[str, str, Path], str]


class Fetched(NamedTuple):
    """An extract that was downloaded."""

    name: str
    url: str
    path: Path


class FetchError(ScenariosError):
    """The extract could not be downloaded here and now; the message says what to do."""


def fetch(
    place: str,
    out: Path | None,
    *,
    force: bool = False,
    progress: Progress | None = None,
    download: Download | None = None,
) -> Fetched:
    """Download the extract of a place, ``download(url, file name, folder)`` doing the work.

    Raises:
        InputFaults: the place is not in the index; near names are told.
        OutputRefused: ``out`` is there already.
        FetchError: pyrosm is missing, or there is no connection.
    """
    name, url = place_url(place)
    target = Path(f"{_plain(name)}.osm.pbf") if out is None else out
    if target.exists() and not force:
        raise OutputRefused(f"--out {target}: a new file expected, found one (--force replaces it)")
    if progress is not None:
        progress(f"downloading {url}")
    folder = target.absolute().parent
    if not folder.is_dir():
        raise OutputRefused(f"--out {target}: a file in a folder that is there expected")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as work:
        try:
            got = (download or _download)(url, target.name, Path(work))
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise FetchError(
                f"{place}: could not be downloaded ({reason}). Where there is a connection, fetch "
                f"{url} with a browser, copy it here as {target}, then: "
                f"heartreach region build {target} --out FOLDER --timezone ZONE"
            ) from error
        os.replace(got, target)  # noqa: PTH105 - atomic on every system
    return Fetched(name, url, target)


def place_url(place: str) -> tuple[str, str]:
    """Name in the index and address of the extract of a place; case and blanks do not matter.

    Raises:
        InputFaults: no such place, or several; the names that may be meant are told.
        FetchError: pyrosm is missing.
    """
    data = _index()
    by_name = {_plain(name): name for name in _names(data.available)}
    wanted = _plain(place.rpartition("/")[2])
    if wanted not in by_name:
        near = (
            get_close_matches(wanted, by_name, 5, 0.6)
            or [name for name in sorted(by_name) if wanted and wanted in name][:5]
        )
        hint = f"did you mean {' or '.join(by_name[name] for name in near)}?" if near else ""
        expected = "a region of Geofabrik or a city of BBBike"
        raise InputFaults([Fault("PLACE", "", expected, repr(place), hint=hint)])
    name = by_name[wanted].lower()
    region = place.rpartition("/")[0].strip().lower().replace(" ", "_")
    try:
        source = data.search_source(f"{region}/{name}" if region else name)
    except ValueError as error:
        raise InputFaults([Fault("PLACE", "", str(error), repr(place))]) from error
    return name, str(source["url"])


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "-", name.strip().lower()).strip("-")


def _names(available: Any) -> Iterator[str]:
    """All names of the index, which is dicts of lists."""
    for key, inner in available.items():
        if key == "test_data":
            continue
        if isinstance(inner, dict):
            yield from _names(inner)
        else:
            yield from (name for name in inner if isinstance(name, str))


def _index() -> Any:
    try:
        from pyrosm import data  # noqa: PLC0415 - optional and heavy
    except ImportError as error:
        raise FetchError(
            "the index of extracts needs the package 'pyrosm': install heartreach[fetch], or "
            "download an extract (.osm.pbf) from Geofabrik or BBBike yourself"
        ) from error
    return data


def _download(url: str, name: str, folder: Path) -> str:
    from pyrosm.utils.download import download  # noqa: PLC0415 - optional and heavy

    return str(download(url, name, update=True, target_dir=folder, progress=False))
