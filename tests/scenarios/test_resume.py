"""A study that was killed or interrupted goes on where it was and leaves the same bytes."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scenarios import playing
from scenarios.errors import InputFaults, OutputRefused
from scenarios.loading import check_scenario
from scenarios.schema import Scenario
from scenarios.stopping import StoppingRule
from scenarios.study import Silent, run_study

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def scenario(tiny_extract: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    monkeypatch.setenv("HEARTREACH_CACHE", str(tiny_extract.parent / "cache"))
    data = {
        "title": "Tiny",
        "region": {
            "source": str(tiny_extract), "timezone": "Europe/London", "population": 60_000,
        },
        "responders": {"per_100k": 300.0},
        "policies": {"compare": ["as_today", "nearest_3"]},
        "run": {"years": 0.5, "replications": 6, "seed": 3},
    }  # fmt: skip
    return check_scenario(data, file=str(tiny_extract.parent / "scenario.toml"))


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


class BreaksOff(Silent):
    """Somebody presses Ctrl-C after a few replications."""

    def __init__(self, after: int) -> None:
        self.after = after

    def count(self, done: int, total: int) -> None:
        if done == self.after:
            raise KeyboardInterrupt


def made(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_an_interrupted_study_goes_on_to_the_same_bytes(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, half, out = (made(tmp_path, name) for name in ("whole", "half", "out"))
    run_study(scenario, whole)
    parts = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        run_study(scenario, half, parts=parts, progress=BreaksOff(4))
    kept = sorted(path.name for path in parts.glob("*.part"))
    assert kept == [f"{number:06d}.part" for number in range(4)]
    (parts / kept[1]).write_bytes(b"torn by a power cut")

    played: list[int] = []
    original = playing.run_scenes

    def counted(*args: Any, **kwargs: Any) -> Any:
        played.append(kwargs["replication"])
        return original(*args, **kwargs)

    monkeypatch.setattr(playing, "run_scenes", counted)
    run_study(scenario, out, parts=parts, resume=True)
    assert played == [1, 4, 5]
    assert digests(out) == digests(whole)
    assert not parts.exists()


def test_parts_of_another_study_are_refused_and_without_resume_dropped(
    scenario: Scenario, tmp_path: Path
) -> None:
    parts = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        run_study(scenario, made(tmp_path, "a"), parts=parts, progress=BreaksOff(1))
    with pytest.raises(OutputRefused, match="another scenario"):
        run_study(scenario, made(tmp_path, "b"), seed=4, parts=parts, resume=True)
    assert len(list(parts.glob("*.part"))) == 1
    with pytest.raises(KeyboardInterrupt):
        run_study(scenario, made(tmp_path, "c"), seed=4, parts=parts, progress=BreaksOff(0))
    assert not list(parts.glob("*.part"))


def test_rounds_stop_when_the_interval_is_narrow_or_at_the_most(
    scenario: Scenario, tmp_path: Path
) -> None:
    wide = StoppingRule("survival_joint", 1.0, first=3, most=50)
    first = run_study(scenario, made(tmp_path, "wide"), rule=wide, events="none").summary
    assert first.stopping is not None
    assert (first.replications, first.stopping.reason) == (3, "narrow_enough")
    narrow = StoppingRule("survival_joint", 1e-9, first=3, most=5)
    second = run_study(scenario, made(tmp_path, "narrow"), rule=narrow, events="none").summary
    assert second.stopping is not None
    assert second.stopping.reason == "most_replications"
    assert second.stopping.rounds == (3, 5)
    found = second.comparisons[0].differences["survival_joint"]
    half = second.stopping.half_widths["nearest_3"]
    assert found.low is not None
    assert found.high is not None
    assert half == pytest.approx((found.high - found.low) / 2)
    with pytest.raises(InputFaults, match="did you mean survival_joint"):
        run_study(scenario, tmp_path, rule=StoppingRule("survival_joynt", 0.1))


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_run_resumes_to_the_same_bytes(tiny_extract: Path, tmp_path: Path) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(
        f'title = "x"\n[region]\nsource = "{tiny_extract}"\ntimezone = "UTC"\npopulation = 60000\n'
        '[policies]\ncompare = ["as_today", "nearest_3"]\n[run]\nyears = 0.5\n'
    )
    environment = {**os.environ, "HEARTREACH_CACHE": str(tiny_extract.parent / "cache")}
    command = [sys.executable, "-m", "heartreach", "run", str(file), "--workers", "1"]
    parts = tmp_path / ".out.parts"
    with subprocess.Popen(
        [*command, "--out", str(tmp_path / "out"), "--replications", "90000"],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 120
        while len(list(parts.glob("*.part"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert len(list(parts.glob("*.part"))) >= 3
    for name, flags in (("out", ["--resume"]), ("fresh", [])):
        subprocess.run(
            [*command, "--out", str(tmp_path / name), "--replications", "5", *flags],
            cwd=ROOT, env=environment, check=True, capture_output=True,
        )  # fmt: skip
    assert digests(tmp_path / "out") == digests(tmp_path / "fresh")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fresh", "out", "scenario.toml"]
