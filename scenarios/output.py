"""The results folder: never overwrites what it did not make, never left half-written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from uuid import uuid4

from scenarios.errors import OutputRefused

# What a study leaves behind; only these are ever removed from a folder that is reused.
RESULTS = ("report.html", "summary.json", "scenario.toml", "*.parquet", "*.csv", "policies")

UNFINISHED = ".partial"


def check_output(out: Path, *, force: bool) -> None:
    """Raises ``OutputRefused`` unless the folder can be made, is empty, or ``force`` is given."""
    try:
        out.exists()
    except OSError as error:
        raise OutputRefused(
            f"--out {str(out)[:60]}…: a folder that can be made expected: {error.strerror}"
        ) from None
    if out.exists() and not out.is_dir():
        raise OutputRefused(f"--out {out}: a folder expected, found a file")
    parent = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise OutputRefused(f"--out {out}: a folder that can be written expected, {parent} cannot")
    if out.is_dir() and any(out.iterdir()) and not force:
        expected = "a new or empty folder expected, found other files"
        raise OutputRefused(f"--out {out}: {expected} (--force replaces earlier results)")


@contextmanager
def results_folder(out: Path, *, force: bool) -> Iterator[Path]:
    """A folder beside ``out`` to write into; its content moves to ``out`` when all went well.

    With ``force`` earlier results in ``out`` are replaced; anything else there stays.

    Raises:
        OutputRefused: see ``check_output``.
    """
    check_output(out, force=force)
    out = out.absolute()
    temporary = out.with_name(f".{out.name}.{uuid4().hex[:8]}{UNFINISHED}")
    try:
        temporary.mkdir(parents=True)
    except OSError as error:
        raise OutputRefused(f"--out {out}: cannot be written: {error.strerror}") from error
    try:
        yield temporary
        _move(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def parts_folder(out: Path) -> Path:
    """Where the finished replications of a study into ``out`` are kept while it runs."""
    out = out.absolute()
    return out.with_name(f".{out.name}.parts")


def drop_unfinished(out: Path) -> None:
    """Remove what a killed study left of its results folder; its finished parts stay."""
    out = out.absolute()
    for folder in out.parent.glob(f".{escape(out.name)}.*{UNFINISHED}"):
        shutil.rmtree(folder, ignore_errors=True)


def _move(source: Path, out: Path) -> None:
    if not out.exists():
        source.rename(out)
        return
    for pattern in RESULTS if (out / "summary.json").is_file() else ():
        for old in list(out.glob(pattern)):
            _remove(old)
    for item in sorted(source.iterdir()):
        _remove(out / item.name)
        item.rename(out / item.name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
