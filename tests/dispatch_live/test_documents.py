"""What the manual says is so: its commands run, its hazards' controls have their tests."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = ROOT / "docs" / "operations.md"


def test_every_control_of_the_hazard_log_names_a_test_that_exists():
    text = (ROOT / "docs/safety/hazards.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) >= 15
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        file, _, name = row["test"].partition("::")
        text = (ROOT / file).read_text("utf-8")
        assert re.search(rf"^(async )?def {name}\b", text, re.MULTILINE), row["id"]
        assert all(row.values()), row["id"]


def test_every_setting_is_in_the_manual():
    from dispatch.live.settings import (  # noqa: PLC0415
        FcmSettings,
        Settings,
        SmsSettings,
        WebPushSettings,
    )

    manual = OPERATIONS.read_text("utf-8")
    names = set(Settings.model_fields)
    for table in (FcmSettings, WebPushSettings, SmsSettings):
        names |= set(table.model_fields)
    missing = [name for name in sorted(names) if name not in manual]
    assert missing == []


@pytest.mark.slow
def test_the_first_call_of_the_manual_runs_as_it_stands(tmp_path):
    """As the manual has it, with the built-in town as the region."""
    from scenarios.demo import town_folder  # noqa: PLC0415

    manual = OPERATIONS.read_text("utf-8")
    block = manual.split("<!-- first-call")[1].split("```bash\n")[1].split("```")[0]
    shutil.copytree(town_folder(), tmp_path / "my-region")
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
    assert '{"title":"Urgent call near you","body":"Open now."' in done.stdout
    assert '"text":"Heartreach: Urgent call near you. Open now. http' in done.stdout
    assert '{"status":"accepted","address":"1 High Street"}' in done.stdout
    assert '"ended"' in done.stdout
    assert '{"whole":true' in done.stdout
    assert done.stdout.rstrip().endswith("first call: done")
