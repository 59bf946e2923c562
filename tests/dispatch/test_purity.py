"""The core calls nothing that could give another answer tomorrow."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dispatch

CORE = sorted(Path(dispatch.__file__).parent.glob("*.py"))
FORBIDDEN = {
    "asyncio", "concurrent", "datetime", "os", "random", "secrets", "simpy", "socket", "sqlite3",
    "sqlalchemy", "fastapi", "firebase_admin", "subprocess", "threading", "time", "uuid",
}  # fmt: skip
FORBIDDEN_CALLS = {"open", "print", "input", "id", "hash", "eval", "exec", "globals"}
MAY_READ_FILES = {"config.py"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_no_module_of_the_core_imports_a_clock_chance_or_the_world(path: Path) -> None:
    imported = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
            imported |= {f"numpy.{alias.name}" for alias in node.names if node.module == "numpy"}
    assert not imported & FORBIDDEN
    assert "numpy.random" not in imported
    if path.name not in MAY_READ_FILES:
        assert not imported & {"pathlib", "importlib", "io"}


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_no_module_of_the_core_calls_what_is_not_a_function_of_its_arguments(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = node.func
            assert not (isinstance(called, ast.Name) and called.id in FORBIDDEN_CALLS), called
            text = ast.unparse(called)
            assert ".random." not in text
            assert not text.endswith((".now", ".today", ".urandom"))


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_no_module_of_the_core_goes_through_a_set_in_its_own_order(path: Path) -> None:
    """A set may be asked whether it holds something, and its order may never be used."""
    for node in ast.walk(tree(path)):
        loops = [node.iter] if isinstance(node, ast.For | ast.comprehension) else []
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"tuple", "list", "enumerate"}:
            loops += node.args
        for loop in loops:
            is_set = isinstance(loop, ast.Set | ast.SetComp) or (
                isinstance(loop, ast.Call) and ast.unparse(loop.func) in {"set", "frozenset"}
            )
            assert not is_set, f"{path.name}:{loop.lineno}"


STORY = """
import sys; sys.path[:0] = [{root!r}, {tests!r}]
import random, hashlib, msgspec
from test_lifecycle_properties import walk
out = hashlib.sha256()
for seed in range(25):
    for step in walk(seed, steps=50).watch.steps:
        out.update(msgspec.json.encode(step.commands))
print(out.hexdigest())
"""


def test_the_same_walks_give_the_same_commands_whatever_the_hash_seed() -> None:
    here = Path(__file__).resolve().parent
    root = here.parents[1]
    script = STORY.format(root=str(root), tests=str(here)).replace(
        "import random", f"sys.path.insert(0, {str(here.parent)!r}); import random"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1
