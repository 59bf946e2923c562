"""House rules that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("dispatch", "geo", "notifications", "scenarios", "sim")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def modules_of_the_core() -> set[str]:
    return {f"dispatch.{p.stem}" for p in (ROOT / "dispatch").glob("*.py") if p.stem != "__init__"}


def test_the_import_contract_names_every_module_of_the_core() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (core,) = (contract for contract in contracts if contract["id"] == "core")
    assert set(core["source_modules"]) == modules_of_the_core()


# Libraries that only files of this name may import (import-linter has no pattern for it).
ONLY_IN = {
    "numba": "*/kernels*.py",
    "llvmlite": "*/kernels*.py",
    "osmium": "geo/osm*.py",
    "osmnx": "geo/osm*.py",
    "networkx": "geo/osm*.py",
}


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize(("library", "pattern"), ONLY_IN.items())
def test_a_library_stays_in_its_files(library: str, pattern: str) -> None:
    allowed = set(ROOT.glob(pattern))
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert [p.relative_to(ROOT) for p in files if p not in allowed and library in imported(p)] == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_says_what_it_is(room: str) -> None:
    silent = [
        path.relative_to(ROOT)
        for path in (ROOT / room).rglob("*.py")
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_no_folder_of_tests_is_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_pins_name_no_host() -> None:
    for pins in (ROOT / "constraints").glob("*.txt"):
        assert "://" not in pins.read_text(), pins.name


def test_the_readme_points_at_files_that_exist() -> None:
    named = re.findall(r"(docs/[\w./-]+?\.(?:md|png))", (ROOT / "README.md").read_text())
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_no_tracked_file_names_a_folder_of_somebodys_machine() -> None:
    listed = subprocess.run(
        ["git", "grep", "-nIE", "(/home/|/root/|/Users/|/work/)[a-z]"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode not in (0, 1):
        pytest.skip("not a git checkout")
    found = [line for line in listed.stdout.splitlines() if not line.startswith("tests/test_house")]
    assert found == []
