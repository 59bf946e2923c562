"""A folder of memory-mapped arrays and small texts, with sizes and checksums in one manifest."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from geo.errors import RegionError
from geo.points import frozen

MANIFEST = "manifest.json"
FORMAT = 1
REMEDY = "build it again with `heartreach region build EXTRACT --out FOLDER`"

_CHUNK = 1 << 22


class FolderWriter:
    """Writes files into a folder and remembers their sizes and checksums."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, dict[str, int]] = {}

    def array(self, name: str, values: NDArray[Any]) -> None:
        """Saves ``NAME.npy``."""
        path = self._path(f"{name}.npy")
        with path.open("wb") as file:
            np.lib.format.write_array(file, np.ascontiguousarray(values), allow_pickle=False)
        self._note(path)

    def text(self, name: str, value: object) -> None:
        """Saves ``NAME.json``."""
        path = self._path(f"{name}.json")
        path.write_bytes(_json(value))
        self._note(path)

    def manifest(self, facts: Mapping[str, Any]) -> None:
        """Saves the manifest, which closes the folder."""
        body = {"format": FORMAT, **facts, "files": dict(sorted(self.files.items()))}
        sealed = {**body, "manifest_crc32": zlib.crc32(_json(body))}
        (self.folder / MANIFEST).write_text(
            json.dumps(sealed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )

    def _path(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _note(self, path: Path) -> None:
        name = path.relative_to(self.folder).as_posix()
        self.files[name] = {"bytes": path.stat().st_size, "crc32": file_crc32(path)}


class FolderReader:
    """Opens a folder that ``FolderWriter`` made.

    Raises:
        RegionError: not such a folder, another format, or a file that is missing, has another
            size or another checksum; the message names the file and the remedy.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = self._manifest()
        for name, facts in self.manifest["files"].items():
            self._verify(name, facts)

    def array(self, name: str) -> NDArray[Any]:
        """``NAME.npy``, memory-mapped and read-only."""
        return frozen(self.private_array(name, mmap_mode="r"))

    def private_array(self, name: str, *, mmap_mode: Literal["r", "c"] = "c") -> NDArray[Any]:
        """``NAME.npy``, memory-mapped; writing to it ("c") would change this process's copy only.

        Kernels are compiled anew for read-only arrays, so those that also take arrays made in
        memory are given private ones.
        """
        path = self._known(f"{name}.npy")
        try:
            return np.asarray(np.load(path, mmap_mode=mmap_mode, allow_pickle=False))
        except (ValueError, OSError) as error:
            raise RegionError(f"{path}: cannot be read as an array: {REMEDY}") from error

    def text(self, name: str) -> Any:
        """The content of ``NAME.json``."""
        return json.loads(self._known(f"{name}.json").read_text(encoding="utf-8"))

    def has(self, name: str) -> bool:
        """Whether the folder holds this file (with its suffix)."""
        return name in self.manifest["files"]

    def _known(self, name: str) -> Path:
        if not self.has(name):
            raise RegionError(f"{self.folder}: {name} is missing: {REMEDY}")
        return self.folder / name

    def _manifest(self) -> dict[str, Any]:
        path = self.folder / MANIFEST
        if not self.folder.is_dir():
            raise RegionError(f"{self.folder}: no such region folder: {REMEDY}")
        if not path.is_file():
            raise RegionError(f"{self.folder}: not a region folder ({MANIFEST} is missing)")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            found = content["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise RegionError(f"{path}: damaged: {REMEDY}") from error
        if found != FORMAT:
            raise RegionError(f"{path}: format {found}, this version reads {FORMAT}: {REMEDY}")
        body = {key: value for key, value in content.items() if key != "manifest_crc32"}
        if content.get("manifest_crc32") != zlib.crc32(_json(body)):
            raise RegionError(f"{path}: damaged or edited (checksum): {REMEDY}")
        return body

    def _verify(self, name: str, facts: Mapping[str, int]) -> None:
        path = self.folder / name
        if not path.is_file():
            raise RegionError(f"{path}: missing: {REMEDY}")
        size = path.stat().st_size
        if size != facts["bytes"]:
            raise RegionError(f"{path}: {size} bytes, expected {facts['bytes']}: {REMEDY}")
        if file_crc32(path) != facts["crc32"]:
            raise RegionError(f"{path}: damaged (checksum): {REMEDY}")


def file_crc32(path: Path) -> int:
    """CRC-32 of a file: any single flipped bit changes it."""
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            value = zlib.crc32(chunk, value)
    return value


@contextmanager
def written_folder(out: Path) -> Iterator[FolderWriter]:
    """A writer into a folder beside ``out``, which takes its place when all went well.

    Raises:
        RegionError: ``out`` holds something else than a region, or cannot be written.
    """
    if out.exists() and not (out / MANIFEST).is_file() and not _is_empty_folder(out):
        raise RegionError(f"{out}: exists and is not a region folder: choose another place")
    building = out.parent / f".{out.name}.{uuid4().hex[:8]}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        building.mkdir()
    except OSError as error:
        raise RegionError(f"{out}: cannot be written ({error.strerror})") from error
    try:
        yield FolderWriter(building)
        _put_in_place(building, out)
    except OSError as error:
        raise RegionError(f"{out}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _put_in_place(building: Path, out: Path) -> None:
    if not out.exists():
        building.replace(out)
        return
    old = out.parent / f".{out.name}.{uuid4().hex[:8]}.old"
    out.replace(old)
    try:
        building.replace(out)
    except OSError:
        old.replace(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
