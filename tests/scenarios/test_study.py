"""Studies from the scenario to the results folder: the same bytes whoever does the work."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from scenarios.errors import InputFaults
from scenarios.loading import check_scenario
from scenarios.schema import Scenario
from scenarios.study import Silent, WorkerLostError, read_tables, run_study
from scenarios.tables import TableWriter, schema_of, to_arrow
from sim.records import ALERT_COLUMNS, EVENT_COLUMNS, Table, incident_columns

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    "alerts.csv", "alerts.parquet", "events.csv", "events.parquet", "incidents.csv",
    "incidents.parquet", "report.html", "summary.json",
)  # fmt: skip


def scenario_on(extract: Path, **tables: Any) -> Scenario:
    region = {"source": str(extract), "timezone": "Europe/London", "population": 60_000}
    run = {"years": 1.0, "replications": 5, "seed": 3}
    compared = {"compare": ["as_today", "nearest_3", "phased_7"]}
    data = {
        "title": "Tiny", "region": region, "responders": {"per_100k": 300.0},
        "policies": compared, "run": run, **tables,
    }  # fmt: skip
    return check_scenario(data, file=str(extract.parent / "scenario.toml"))


@pytest.fixture
def scenario(tiny_extract: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    monkeypatch.setenv("HEARTREACH_CACHE", str(tiny_extract.parent / "cache"))
    return scenario_on(tiny_extract)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_one_worker_two_workers_and_twice_leave_the_same_bytes(
    scenario: Scenario, tmp_path: Path
) -> None:
    found = []
    for name, workers in (("one", 1), ("two", 2), ("again", 2)):
        out = tmp_path / name
        out.mkdir()
        result = run_study(scenario, out, workers=workers, events="all")
        assert result.answer
        found.append(digests(out))
    assert found[0] == found[1] == found[2]
    assert tuple(sorted(found[0])) == FILES


@pytest.fixture(scope="module")
def finished(tiny_extract: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEARTREACH_CACHE", str(tiny_extract.parent / "cache"))
        run_study(scenario_on(tiny_extract), out, replications=4, seed=9, events="sample")
    return out


def test_columns_are_the_stated_ones(finished: Path) -> None:
    names = {
        "incidents": incident_columns(("joint", "waalewijn")),
        "alerts": ALERT_COLUMNS,
        "events": EVENT_COLUMNS,
    }
    for name, columns in names.items():
        table = pq.read_table(finished / f"{name}.parquet")
        assert table.schema == schema_of(columns)
        assert table.schema.metadata is None
        read = pyarrow.csv.read_csv(finished / f"{name}.csv")
        assert read.column_names == table.column_names
        assert len(read) == len(table)


def test_flags_of_the_run_hold(finished: Path) -> None:
    tables = read_tables(finished)
    assert set(tables.incidents["replication"].to_pylist()) == {0, 1, 2, 3}
    assert set(tables.incidents["policy"].to_pylist()) == {"as_today", "nearest_3", "phased_7"}
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["replications"] == 4
    assert summary["seed"] == 9


def test_rows_come_by_replication_then_policy(finished: Path) -> None:
    table = read_tables(finished).incidents
    keys = list(
        zip(
            *(table[name].to_pylist() for name in ("replication", "policy", "incident_id")),
            strict=True,
        )
    )
    order = {"as_today": 0, "nearest_3": 1, "phased_7": 2}
    assert keys == sorted(keys, key=lambda key: (key[0], order[key[1]], key[2]))


def test_missing_is_null_and_empty(finished: Path) -> None:
    table = read_tables(finished).incidents
    row = table.filter(pyarrow.compute.invert(table["true_arrest"])).to_pylist()[0]
    assert row["survival_joint"] is None
    header, *lines = (finished / "incidents.csv").read_text().splitlines()
    column = header.split(",").index('"t_first_alert_s"')
    assert any(line.split(",")[column] == "" for line in lines)


def test_no_events_no_files(scenario: Scenario, tmp_path: Path) -> None:
    run_study(scenario, tmp_path, replications=1, events="none")
    assert not list(tmp_path.glob("events.*"))
    assert read_tables(tmp_path).events is None


def test_wrong_inputs_are_told_before_anything_runs(tiny_extract: Path, tmp_path: Path) -> None:
    for tables, words in (({"policies": {"compare": ["as_today", "neerest_3"]}}, "nearest_3"),):
        with pytest.raises(InputFaults, match=words):
            run_study(scenario_on(tiny_extract, **tables), tmp_path)
    with pytest.raises(InputFaults, match="all, sample, none"):
        run_study(scenario_on(tiny_extract), tmp_path, events="some")
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_to_the_end(scenario: Scenario, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    class Listener(Silent):
        def count(self, done: int, total: int) -> None:
            told.append((done, total))

    run_study(scenario, tmp_path, replications=3, events="none", progress=Listener())
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


STUDY = """
    import sys
    from pathlib import Path
    from scenarios import study
    from scenarios.loading import load_scenario

    class Told(study.Silent):
        def count(self, done, total):
            print(done, flush=True)

    if __name__ == "__main__":
        try:
            study.run_study(
                load_scenario(Path(sys.argv[1])), Path(sys.argv[2]), workers=2,
                replications=100000, events="none", progress=Told(),
            )
        except KeyboardInterrupt:
            raise SystemExit(130)
"""


def test_ctrl_c_ends_all_workers(tiny_extract: Path, tmp_path: Path) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(
        f'title = "x"\n[region]\nsource = "{tiny_extract}"\ntimezone = "UTC"\n'
        'population = 20000\n[policies]\ncompare = ["as_today", "nearest_3"]\n'
    )
    script = tmp_path / "study_script.py"
    script.write_text(textwrap.dedent(STUDY))
    out = tmp_path / "out"
    out.mkdir()
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT),
        "HEARTREACH_CACHE": str(tiny_extract.parent / "cache"),
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, script, file, out], env=environment, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 2:
                break
        workers = children_of(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
    assert len(workers) >= 2
    deadline = time.monotonic() + 10.0
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, workers))


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if not listed.exists():
        pytest.skip("this system does not list the children of a process")
    return [int(child) for child in listed.read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state != "Z"


# --- tables ------------------------------------------------------------------------------------

COLUMNS = (("name", "text"), ("n", "int"), ("t_s", "float"), ("ok", "bool"))


def test_a_table_keeps_its_types_and_nulls(tmp_path: Path) -> None:
    table = Table(COLUMNS, [("a", 1, 0.1, True), ("b", None, None, False)])  # type: ignore[arg-type]
    with TableWriter(tmp_path, "t", table.columns) as writer:
        writer.write(to_arrow(table))
        writer.write(to_arrow(Table(table.columns)))
    assert pq.read_table(tmp_path / "t.parquet").to_pylist() == [
        {"name": "a", "n": 1, "t_s": 0.1, "ok": True},
        {"name": "b", "n": None, "t_s": None, "ok": False},
    ]
    assert (
        tmp_path / "t.csv"
    ).read_text() == '"name","n","t_s","ok"\n"a",1,0.1,true\n"b",,,false\n'


def test_pieces_do_not_show_in_the_files(tmp_path: Path) -> None:
    table = Table(COLUMNS, [(f"row {i}", i, i / 7, i % 2 == 0) for i in range(1000)])  # type: ignore[arg-type]
    for name, step in (("whole", 1000), ("pieces", 37)):
        with TableWriter(tmp_path, name, table.columns) as writer:
            for start in range(0, 1000, step):
                writer.write(to_arrow(Table(table.columns, table.rows[start : start + step])))
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "pieces.csv").read_bytes()
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "pieces.parquet").read_bytes()


def test_a_lost_worker_is_told_in_words() -> None:
    assert issubclass(WorkerLostError, Exception)
