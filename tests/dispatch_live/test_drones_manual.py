"""The manual's emergency with a drone runs as it stands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_drone_of_the_manual_flies_as_it_stands(tmp_path):
    manual = (ROOT / "docs" / "operations.md").read_text("utf-8")
    block = manual.split("<!-- drones-call")[1].split("```bash\n")[1].split("```")[0]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for tool in ("bash", "curl", "jq"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    done = subprocess.run(
        ["bash", "-c", block],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert '{"base":"Harbour","status":"in_service"}' in lines
    launch = '{"kind":"launch","task_id":1,"external_id":"D-1"'
    assert any(line.startswith(launch) for line in lines)
    assert "tell_the_caller_to_fetch_the_aed" in lines
    assert "completed" in lines
    assert "Somebody has the drone's AED." in lines
    assert lines[-1] == "drones call: done"
