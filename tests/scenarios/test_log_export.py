"""The alerts of a study in the columns of a platform's log."""

import csv
from datetime import datetime
from pathlib import Path

import pytest
from pyarrow import parquet

from scenarios.errors import InputFaults, OutputRefused
from scenarios.loading import check_scenario
from scenarios.log_export import COLUMNS, FUZZ_DEG, export_log
from scenarios.study import run_study


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = {
        "title": "Log",
        "region": {"source": "town"},
        "policies": {"compare": ["nearest_3", "phased_7"]},
        "run": {"years": 0.3, "replications": 2},
    }
    out = tmp_path_factory.mktemp("log") / "results"
    out.mkdir()
    run_study(check_scenario(table, file="log.toml"), out, workers=1)
    return out


def test_every_alert_is_a_line_with_its_state_and_times(results: Path, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    n = export_log(results, file)
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    alerts = parquet.read_table(results / "alerts.parquet").to_pylist()
    assert n == len(rows) == len(alerts) > 100
    assert tuple(rows[0]) == COLUMNS
    for row, alert in zip(rows, alerts, strict=True):
        status = row["responderCallStatus"]
        assert (status in ("Accepted", "Accepted But Dropped Later")) == alert["accepted"]
        assert (row["rejectionTime"] != "") == (status == "Rejected")
        assert (row["droppedTime"] != "") == (status == "Accepted But Dropped Later")
        if status == "Not Seen":
            assert alert["seen_t_s"] is None
        if alert["arrived_t_s"] is not None:
            asked, came = (
                datetime.fromisoformat(row[name]) for name in ("notificationTime", "onSceneTime")
            )
            took_s = alert["arrived_t_s"] - alert["asked_t_s"]
            assert (came - asked).total_seconds() == pytest.approx(took_s, abs=1.0)
    found = {row["responderCallStatus"] for row in rows}
    assert {"Accepted", "Rejected", "Not Seen"} <= found


def test_positions_are_no_addresses_and_distances_no_ways(results: Path, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    export_log(results, file, policy="nearest_3")
    incidents = {
        row["incident_id"]: row
        for row in parquet.read_table(results / "incidents.parquet").to_pylist()
    }
    alerts = parquet.read_table(results / "alerts.parquet").to_pylist()
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["policy"] for row in rows} == {"nearest_3"}
    for row in rows:
        incident = incidents[row["incidentId"]]
        for name, true in (
            ("fuzzedLatitude", incident["lat"]),
            ("fuzzedLongitude", incident["lon"]),
        ):
            assert abs(float(row[name]) - true) <= FUZZ_DEG / 2 + 1e-6
    # Nobody walks faster than 2 m/s along a straight line in this study.
    assert all(alert["distance_m"] <= alert["eta_s"] * 2.0 + 50.0 for alert in alerts)


def test_what_cannot_be_read_or_written_is_named(results: Path, tmp_path: Path) -> None:
    with pytest.raises(InputFaults, match="results folder of a study"):
        export_log(tmp_path, tmp_path / "log.csv")
    with pytest.raises(InputFaults, match="--policy: expected one of nearest_3, phased_7"):
        export_log(results, tmp_path / "log.csv", policy="none")
    file = tmp_path / "log.csv"
    file.write_text("mine")
    with pytest.raises(OutputRefused, match="--force"):
        export_log(results, file)
    with pytest.raises(OutputRefused, match="cannot be written"):
        export_log(results, tmp_path / "none" / "log.csv")
    assert file.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]
