"""Where built regions are kept between runs, and under which names.

``HEARTREACH_CACHE`` names another folder. Names are fingerprints of everything that went in, so
nothing is ever out of date; a folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

VARIABLE = "HEARTREACH_CACHE"
KERNELS_VARIABLE = "NUMBA_CACHE_DIR"
_CHUNK_BYTES = 1 << 20
_NAME_LENGTH = 16


def cache_folder() -> Path:
    """The user's cache folder of Heartreach; it need not exist yet."""
    stated = os.environ.get(VARIABLE)
    if stated:
        return Path(stated).expanduser()
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "heartreach"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "heartreach"
    return Path(os.environ.get("XDG_CACHE_HOME", home / ".cache")) / "heartreach"


def fingerprint(files: Iterable[Path], *facts: object) -> str:
    """A short name for the content of the files together with some facts."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
        digest.update(b"\0")
    digest.update(repr((_own_version(), *facts)).encode())
    return digest.hexdigest()[:_NAME_LENGTH]


@lru_cache
def code_mark(*packages: str) -> str:
    """Fingerprint of the source of some of our packages: what they made belongs to this code."""
    root = Path(__file__).resolve().parents[1]
    files = [path for package in packages for path in sorted((root / package).glob("*.py"))]
    return fingerprint(files)


def keep_kernels() -> None:
    """Keep compiled kernels in the cache folder, unless ``NUMBA_CACHE_DIR`` says otherwise.

    Beside the code they could not be kept where the installation is read-only.
    """
    if KERNELS_VARIABLE in os.environ:
        return
    folder = cache_folder() / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # numba then looks for a place itself
    os.environ[KERNELS_VARIABLE] = str(folder)


def _own_version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow to load

    try:
        return version("heartreach")
    except PackageNotFoundError:
        return "source"
