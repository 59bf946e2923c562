"""`heartreach doctor`: what could be wrong with an installation, found before it hurts."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dispatch.live.sqlite_version import sqlite_note
from scenarios.cache import KERNELS_VARIABLE, VARIABLE, cache_folder

_ROOMS = ("geo", "dispatch", "notifications", "scenarios", "sim")
_BASE = ("msgspec", "numba", "numpy", "opening-hours-py", "osmium", "pydantic", "shapely", "typer")
_PLANNER = ("matplotlib", "pyarrow", "scipy", "simpy")
_ENOUGH_DISK_BYTES = 500_000_000


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


def checks() -> list[Check]:
    """Every check, in the order in which a person would look."""
    found = [Check("Python", sys.version_info >= (3, 11), sys.version.split()[0])]
    found += [_package(name) for name in (*_BASE, *_PLANNER)]
    found.append(_owners())
    found.append(_writable("cache folder", cache_folder(), f"set {VARIABLE} to another folder"))
    found.append(_kernel_cache())
    found.append(_disk())
    found.append(_zone())
    found.append(Check("SQLite", True, sqlite_note()))
    found.append(Check("cores", True, str(os.cpu_count() or 1)))
    return found


def _package(name: str) -> Check:
    try:
        return Check(name, True, version(name))
    except PackageNotFoundError:
        extra = "heartreach[planner]" if name in _PLANNER else "heartreach"
        return Check(name, False, f"missing: install {extra}")


def _owners() -> Check:
    """Other distributions may own the names of our packages; installing one overwrites ours."""
    owners = packages_distributions()
    foreign = {
        room: names
        for room in _ROOMS
        if (names := sorted(set(owners.get(room, ())) - {"heartreach"}))
    }
    if not foreign:
        return Check("package names", True, "ours alone")
    told = "; ".join(f"{room} also by {', '.join(names)}" for room, names in foreign.items())
    return Check("package names", False, f"{told}: use an environment of its own")


def _writable(name: str, folder: Path, remedy: str) -> Check:
    def attempt() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass

    return _attempted(name, attempt, str(folder), remedy)


def _kernel_cache() -> Check:
    stated = os.environ.get(KERNELS_VARIABLE)
    folder = Path(stated) if stated else cache_folder() / "kernels"
    remedy = f"set {KERNELS_VARIABLE} to a folder that can be written"
    return _writable("kernel cache", folder, remedy)


def _attempted(name: str, attempt: Callable[[], None], detail: str, remedy: str) -> Check:
    try:
        attempt()
    except OSError as error:
        return Check(name, False, f"{detail}: {error.strerror}: {remedy}")
    return Check(name, True, detail)


def _disk() -> Check:
    folder = next(parent for parent in (cache_folder(), *cache_folder().parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    return Check("free disk", free >= _ENOUGH_DISK_BYTES, f"{free / 1e9:.1f} GB at {folder}")


def _zone() -> Check:
    try:
        ZoneInfo("Europe/London")
    except ZoneInfoNotFoundError:
        return Check("time zones", False, "no data: install tzdata")
    return Check("time zones", True, "Europe/London known")
