"""The benchmarks that need no peers' environment run, compare answers and write rows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("core", ("--incidents", "20", "--rounds", "1")),
        ("dispatch_query", ()),
        ("simulation", ("--years", "2", "--rounds", "1")),
        ("airspace", ("--no-peers", "--sizes", "50")),
    ],
)
def test_writes_rows(name: str, options: tuple[str, ...], tmp_path: Path) -> None:
    rows_file = tmp_path / "rows.json"
    command = [sys.executable, "-m", f"benchmarks.{name}", *options, "--json", str(rows_file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(rows_file.read_text())
    assert any("machine" in row for row in rows)
    for row in rows:
        if "bar" in row:
            assert row["ours_s"] > 0
            assert set(row) >= {"peer", "peer_s", "ratio"}
