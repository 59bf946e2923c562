"""The results folder: complete or not there, and never somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scenarios.errors import OutputRefused
from scenarios.output import results_folder


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text("new")


def names(folder: Path) -> set[str]:
    return {item.name for item in folder.iterdir()}


def test_results_take_their_name_only_when_complete(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "results"
    with results_folder(out, force=False) as folder:
        write(folder, "summary.json")
        assert not out.exists()
    assert names(out) == {"summary.json"}
    assert names(out.parent) == {"results"}


def test_nothing_is_left_of_a_study_that_failed(tmp_path: Path) -> None:
    def break_off() -> None:
        with results_folder(tmp_path / "out", force=False) as folder:
            write(folder, "incidents.parquet")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert names(tmp_path) == set()


def test_earlier_results_stay_when_a_new_study_fails(tmp_path: Path) -> None:
    write(tmp_path, "summary.json", "report.html")
    with pytest.raises(RuntimeError), results_folder(tmp_path, force=True):
        raise RuntimeError
    assert names(tmp_path) == {"summary.json", "report.html"}


def test_other_files_are_refused_without_force_and_kept_with_it(tmp_path: Path) -> None:
    write(tmp_path, "thesis.doc")
    with pytest.raises(OutputRefused, match="--force"), results_folder(tmp_path, force=False):
        pass
    with results_folder(tmp_path, force=True) as folder:
        write(folder, "summary.json")
    assert names(tmp_path) == {"thesis.doc", "summary.json"}


def test_force_replaces_all_of_earlier_results(tmp_path: Path) -> None:
    write(tmp_path, "summary.json", "events.parquet", "events.csv", "notes.txt")
    with results_folder(tmp_path, force=True) as folder:
        write(folder, "summary.json", "incidents.parquet")
    assert names(tmp_path) == {"summary.json", "incidents.parquet", "notes.txt"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    write(tmp_path, "out")
    with (
        pytest.raises(OutputRefused, match="a folder expected, found a file"),
        results_folder(tmp_path / "out", force=True),
    ):
        pass
    with (
        pytest.raises(OutputRefused, match="cannot"),
        results_folder(tmp_path / "out" / "below", force=True),
    ):
        pass


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputRefused, match="cannot"), results_folder(tmp_path / "x", force=False):
        pass
