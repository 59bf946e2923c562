"""The command line as people and scripts meet it: a process, its exit code and its two streams."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = (
    "demo",
    "run",
    "compare",
    "scenarios",
    "policies",
    "doctor",
    "drone-operator",
    "export-log",
    "region",
    "region build",
    "region show",
    "region fetch",
)
HEAVY = ("numba", "matplotlib", "pyarrow", "osmnx", "simpy", "shapely", "osmium", "scipy", "numpy")
Call = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.xdist_group("cli")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cache = str(tmp_path_factory.mktemp("cache"))
    return {**os.environ, "HEARTREACH_CACHE": cache, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}


@pytest.fixture(scope="module")
def call(environment: dict[str, str]) -> Call:
    def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "heartreach", *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    return run


@pytest.fixture(scope="module")
def tiny_scenario(tiny_extract: Path) -> Path:
    """A scenario of about thirty arrests on 6 x 6 streets."""
    path = tiny_extract.parent / "tiny.toml"
    path.write_text(
        'title = "Tiny"\nquestion = "Does it run?"\n'
        f'[region]\nsource = "{tiny_extract.name}"\ntimezone = "Europe/London"\npopulation = 3000\n'
        "[incidents]\nper_100k_year = 600.0\n[responders]\nper_100k = 2000.0\n"
        '[policies]\ncompare = ["as_today", "nearest_3"]\n'
        "[run]\nyears = 0.25\nreplications = 3\n"
    )
    return path


@pytest.fixture(scope="module")
def results(call: Call, tiny_scenario: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = tiny_scenario.parent / "results"
    return out, call("run", str(tiny_scenario), "--out", str(out), "--events", "all")


def assert_told(done: subprocess.CompletedProcess[str], code: int, words: str) -> None:
    """Wrong input ends in lines for people, never in a traceback or on standard output."""
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert done.stdout == ""


# --- help --------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_nothing_heavy(command: str, environment: dict[str, str]) -> None:
    code = (
        "import sys, heartreach\n"
        "try:\n    heartreach.main(sys.argv[1:])\n"
        "finally:\n"
        f"    print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    started = time.process_time(), os.times().children_user
    done = subprocess.run(
        [sys.executable, "-c", code, *command.split(), "--help"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: heartreach")
    assert done.stderr.strip() == "[]"
    # Half a second is the promise on an idle machine; CPU time is what a busy one lets us see.
    assert os.times().children_user - started[1] < 0.5


def test_a_call_without_a_command_shows_the_commands(call: Call) -> None:
    done = call()
    assert "Commands:" in done.stdout + done.stderr
    assert done.returncode in (0, 2)


def test_every_option_has_a_help_text(call: Call) -> None:
    for command in COMMANDS:
        text = call(*command.split(), "--help").stdout
        for line in re.findall(r"^  (?:-\w, )?--.*$", text, re.MULTILINE):
            assert re.search(r"--\S.*?\s{2,}\S|--\S+( \S+)*$", line), line


def test_version_is_one_line(call: Call) -> None:
    done = call("--version")
    assert done.returncode == 0
    assert re.fullmatch(r"heartreach \S.*\n", done.stdout)


def test_a_foreign_package_of_our_name_is_told(tmp_path: Path) -> None:
    """Another distribution owns the name ``geo`` in public; it must never be used as ours."""
    (tmp_path / "geo").mkdir()
    (tmp_path / "geo" / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "import heartreach; heartreach.main(['--version'])"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert_told(done, 1, "belongs to another distribution")
    assert len(done.stderr.splitlines()) == 1


# --- answers -----------------------------------------------------------------------------------


def test_a_study_leaves_its_results_and_says_its_answer(
    results: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, done = results
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no terminal, no progress
    answer, _, caution, _, report = done.stdout.strip().splitlines()
    assert answer.endswith(".")
    assert caution.startswith("Only ")  # arrests: so small a study is told to be one
    assert report == f"Report: {out / 'report.html'}"
    summary = json.loads((out / "summary.json").read_text())
    assert summary["title"] == "Tiny"
    assert summary["replications"] == 3
    tables = [f"{name}.{kind}" for name in ("incidents", "events", "alerts")
              for kind in ("csv", "parquet")]  # fmt: skip
    for name in ("report.html", "scenario.toml", *tables):
        assert (out / name).stat().st_size > 100, name
    assert [path.name for path in out.parent.iterdir() if path.name.startswith(".")] == []


def test_the_same_study_gives_the_same_bytes_with_other_workers(
    call: Call, tiny_scenario: Path, results: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    out = tiny_scenario.parent / "again"
    done = call("run", str(tiny_scenario), "--out", str(out), "--events", "all", "--workers", "1")
    assert done.returncode == 0, done.stderr
    for name in ("incidents.csv", "events.csv", "alerts.csv", "incidents.parquet"):
        assert (out / name).read_bytes() == (results[0] / name).read_bytes()


def test_json_answers_are_json_alone(call: Call, tiny_scenario: Path) -> None:
    out = tiny_scenario.parent / "as-json"
    done = call(
        "run", str(tiny_scenario), "--out", str(out), "--json", "--replications", "1",
        "--events", "none", "--seed", "5",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["answer"]
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["replications"], summary["seed"]) == (1, 5)
    assert not (out / "events.csv").exists()


def test_a_region_is_built_and_shown(call: Call, tiny_extract: Path, tmp_path: Path) -> None:
    out = tmp_path / "region"
    done = call(
        "region", "build", str(tiny_extract), "--out", str(out), "--timezone", "Europe/London"
    )
    assert done.returncode == 0, done.stderr
    assert "AEDs: 3 (hours known 2, unknown 0, unreadable 1; private 0)" in done.stdout
    shown = call("region", "show", str(out))
    assert shown.stdout == done.stdout
    facts = json.loads(call("region", "show", str(out), "--json").stdout)
    assert facts["timezone"] == "Europe/London"
    assert facts["counts"]["aeds"] == 3
    assert_told(
        call("region", "build", str(tiny_extract), "--out", str(out)), 2, "--force replaces"
    )
    wrong = call(
        "region", "build", "x.osm", "--out", str(tmp_path / "x"), "--zone-column", "people"
    )
    assert_told(wrong, 2, "--zone-column: OURS=THEIRS")


def test_lists_of_policies_and_scenarios(call: Call) -> None:
    policies = json.loads(call("policies", "--json").stdout)
    assert {"as_today", "nearest_3", "phased_7"} <= {row["name"] for row in policies}
    assert "Source: GoodSAM" in call("policies", "nearest_3").stdout
    scenarios = json.loads(call("scenarios", "--json").stdout)
    assert {"town", "copenhagen"} <= {row["name"] for row in scenarios}
    assert_told(call("policies", "nearest3"), 2, "nearest_3")


def test_doctor_finds_this_installation_well(call: Call) -> None:
    done = call("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    wrong = [check for check in checks.values() if not check["ok"]]
    assert done.returncode == (1 if wrong else 0)
    assert checks["numba"]["ok"]
    assert checks["cache folder"]["ok"]


# --- wrong calls and wrong input ---------------------------------------------------------------


def test_wrong_calls_are_told_with_exit_code_2(call: Call, tmp_path: Path) -> None:
    assert_told(call("nonsense"), 2, "nonsense")
    assert_told(call("run", "town"), 2, "--out")
    assert_told(call("run", "town", "--out", "x", "--replications", "0"), 2, "--replications")
    assert_told(call("run", "town", "--out", "x", "--events", "some"), 2, "--events")
    assert_told(call("run", "twon", "--out", "x", cwd=tmp_path), 2, "did you mean town?")
    assert list(tmp_path.iterdir()) == []


def test_shipped_scenarios_ask_for_their_extract(call: Call, tmp_path: Path) -> None:
    done = call("run", "liechtenstein", "--out", str(tmp_path / "out"))
    assert_told(done, 2, "region.source: an extract that is there")
    assert "give --extract FILE" in done.stderr
    done = call("run", "liechtenstein", "--out", "x", "--extract", "none.osm.pbf", cwd=tmp_path)
    assert_told(done, 2, "--extract: a file that is there")
    assert list(tmp_path.iterdir()) == []


def test_each_fault_is_one_line_and_nothing_is_left(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(
        'title = "x"\n[region]\nsource = "town"\n[patient]\nhome_share = nan\nhom_share = 1\n'
    )
    done = call("run", "bad.toml", "--out", "out", cwd=tmp_path)
    assert_told(done, 2, "bad.toml:5: patient.home_share: a finite number, found nan")
    assert len(done.stderr.splitlines()) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["bad.toml"]


def test_an_unknown_policy_is_told_before_anything_is_built(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(
        'title = "x"\n[region]\nsource = "town"\n[policies]\ncompare = ["nearest_4"]\n'
    )
    assert_told(call("run", "bad.toml", "--out", "out", cwd=tmp_path), 2, "policies.compare[0]")


@pytest.mark.parametrize("kind", ["missing", "empty", "truncated", "flipped", "text", "no roads"])
def test_a_bad_extract_is_told(call: Call, tiny_extract: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bad.osm.pbf"
    content = tiny_extract.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
    made = {"empty": b"", "truncated": content[:middle], "flipped": flipped, "text": b"hello"}
    if kind == "no roads":
        path = tmp_path / "bad.osm"
        path.write_text('<osm version="0.6"><node id="1" lat="50" lon="-5"/></osm>')
    elif kind != "missing":
        path.write_bytes(made[kind])
    before = {item.name for item in tmp_path.iterdir()}
    done = call("region", "build", str(path), "--out", str(tmp_path / "out"))
    assert_told(done, 2, path.name)
    assert len(done.stderr.splitlines()) == 1
    assert {item.name for item in tmp_path.iterdir()} == before


def test_a_damaged_region_folder_is_told(call: Call, tiny_extract: Path, tmp_path: Path) -> None:
    out = tmp_path / "region"
    assert call("region", "build", str(tiny_extract), "--out", str(out), "-q").returncode == 0
    victim = max(out.rglob("*.npy"), key=lambda path: path.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    done = call("region", "show", str(out))
    assert_told(done, 2, victim.name)
    assert "region build" in done.stderr
    assert_told(call("region", "show", str(tmp_path)), 2, "not a region folder")


def test_results_are_never_overwritten_without_force(
    call: Call, tiny_scenario: Path, results: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    out, _ = results
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    done = call("run", str(tiny_scenario), "--out", str(out))
    assert_told(done, 2, "--force replaces earlier results")
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_an_output_that_cannot_be_written_is_told(
    call: Call, tiny_scenario: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert_told(call("run", str(tiny_scenario), "--out", str(out)), 2, f"--out {out}")


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_control_c_leaves_finished_replications_and_nothing_else(
    environment: dict[str, str], tiny_scenario: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "heartreach", "run", str(tiny_scenario), "--out", str(out),
         "--replications", "5000", "--workers", "2"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.*/incidents.csv")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr.splitlines()[-1] == "interrupted"
    assert stdout == ""
    parts = list(tmp_path.glob(".out.parts/*.part"))
    if parts:
        kept = f"{len(parts)} finished replications are kept: add --resume to go on"
        assert stderr.splitlines() == [kept, "interrupted"]
    assert [path.name for path in tmp_path.iterdir()] == [".out.parts"] * bool(parts)


# --- documentation -----------------------------------------------------------------------------


def test_the_manual_of_scenario_files_follows_the_schema() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "scenarios.manual"], cwd=ROOT, capture_output=True, check=True
    )
    assert made.stdout == (ROOT / "docs" / "scenario-keys.md").read_bytes()


def test_the_manual_names_every_command_and_option(call: Call) -> None:
    manual = (ROOT / "docs" / "cli.md").read_text()
    for command in COMMANDS:
        assert f"heartreach {command}" in manual
        text = call(*command.split(), "--help").stdout
        section = re.split(r"^## ", manual, flags=re.MULTILINE)
        own = "\n".join(part for part in section if f"heartreach {command}" in part)
        for option in set(re.findall(r"--[a-z][a-z-]+", text)) - {"--help"}:
            assert option in own, f"{command} {option}"
