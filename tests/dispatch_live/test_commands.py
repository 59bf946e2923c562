"""The service's commands: serve, dry-run, verify, keys; started as somebody would start them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from dispatch.live import cli, dryrun
from dispatch.live.errors import SettingsError
from dispatch.live.settings import load_settings
from dispatch.live.store import schema
from dispatch.live.store.engine import open_store
from dispatch.live.triggers import load_table
from dispatch.live.verify import verify

ROOT = Path(__file__).resolve().parents[2]
CALLS = """time,code,flags,lat,lon,ambulance_s
2026-01-05T10:00:00,X01A,,52.0,1.0,400
2026-01-06T03:00:00,X01A,,52.0,1.0,400
2026-01-07T03:00:00,X01A,child,52.0,1.0,400
2026-01-08T12:00:00,X06A,,52.0,1.0,400
2026-01-09T12:00:00,ZZZ,,52.0,1.0,400
2026-01-25T12:00:00,X02A,,53.0,1.0,
"""
HOMES = "lat,lon\n52.0005,1.0\n52.001,1.0\n52.0015,1.0\n52.002,1.0\n"


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(cli.app, list(arguments))


@pytest.fixture
def lists(tmp_path) -> tuple[Path, Path]:
    calls, homes = tmp_path / "calls.csv", tmp_path / "homes.csv"
    calls.write_text(CALLS)
    homes.write_text(HOMES)
    return calls, homes


# --- dry-run ------------------------------------------------------------------------------------


def test_a_dry_run_counts_by_code_and_hour_and_wakes(lists):
    calls, homes = lists
    result = invoke(
        "dry-run", str(calls), "--volunteers", str(homes), "--policy", "nearest_3", "--json"
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["calls"], found["alerted"], found["asked"]) == (6, 3, 6)
    assert found["by_code"]["X01A"] == [3, 2, 6]
    assert found["by_code"]["X06A"] == [1, 0, 0]
    assert found["by_reason"]["none: excluded:child"] == 1
    assert found["by_reason"]["ready: not_listed"] == 1
    assert found["by_hour"][3] == 3
    assert found["by_hour"][10] == 3
    assert found["night_asked"] == 3
    assert found["nobody_near"] == 1
    assert sum(found["night_wakes"].values()) == 4
    assert found["straight_lines"] is True


def test_a_dry_run_can_be_read(lists):
    calls, homes = lists
    result = invoke("dry-run", str(calls), "--volunteers", str(homes))
    assert result.exit_code == 0
    assert "6 calls in 20.08 days" in result.stdout
    assert "wakes at night" in result.stdout


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: expected the columns"),
        ("time,code,lat,lon\nyesterday,X01A,52,1\n", "line 2: time: expected e.g."),
        ("time,code,lat,lon\n2026-01-01,X01A,152,1\n", "line 2: lat, lon: expected degrees"),
        ("time,code,lat,lon\n2026-01-01,X01A,,1\n", "line 2: lat: expected a number"),
        ("time,code,lat,lon,flags\n2026-01-01,X01A,1,1,odd\n", "line 2: flags: expected some"),
        ("time,code,lat,lon\n2126-01-01,X01A,1,1\n", "line 2: time: expected a time since 2000"),
        ("time,code,lat,lon\n2026-01-01,X01A,1,1,7\n", "line 2: expected 4 cells, found more"),
    ],
)
def test_faults_of_a_list_are_named_by_line(lists, text, fault):
    calls, homes = lists
    calls.write_text(text)
    result = invoke("dry-run", str(calls), "--volunteers", str(homes))
    assert result.exit_code == 2
    assert fault in result.output
    assert "Traceback" not in result.output


def test_a_dry_run_says_what_is_odd_about_its_lists(lists):
    calls, homes = lists
    calls.write_text("time,code,lat,lon,remark\n2026-01-05T10:00:00,X01A,1.0,52.0,x\n")
    result = invoke("dry-run", str(calls), "--volunteers", str(homes))
    assert "1 calls are far from every volunteer: are lat and lon swapped?" in result.stdout
    assert "in 30 days, projected from 0 days" in result.stdout
    assert result.stderr == f"{calls}: columns not looked at: remark\n"


def test_a_dry_run_on_a_region_refuses_places_elsewhere(lists):
    class Bounds(NamedTuple):
        bounds: tuple[float, float, float, float] = (51.9, 0.8, 52.1, 1.2)

    calls, homes = lists
    calls.write_text("time,code,lat,lon\n2026-01-05,X01A,52,1\n2026-01-05,X01A,1,52\n")
    with pytest.raises(SettingsError, match="line 3: lat, lon: expected a place in or near"):
        dryrun.read_calls(calls, "UTC", Bounds())
    homes.write_text("lat,lon\n1,52\n")
    with pytest.raises(SettingsError, match="line 2: lat, lon: expected a place in or near"):
        dryrun.read_volunteers(homes, Bounds())


def test_all_faults_are_listed_together(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("code,action,meaning\nA,alert,x\nA,alert,x\nB,perhaps,x\n,alert,x\n")
    with pytest.raises(SettingsError) as caught:
        load_table(file)
    assert [line.split(": ")[1] for line in str(caught.value).split("\n")] == [
        "line 3",
        "line 4",
        "line 5",
    ]


def test_grid_coordinates_in_a_list(tmp_path):
    file = tmp_path / "homes.csv"
    file.write_text("responder_id,easting,northing\n7,530000,180000\n")
    (home,) = dryrun.read_volunteers(file)
    assert home.responder_id == 7
    assert home.lat == pytest.approx(51.504, abs=1e-3)


# --- settings -----------------------------------------------------------------------------------


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path, monkeypatch):
    file = tmp_path / "service.toml"
    file.write_text(
        'port = 1\nhost = "a"\ntimezone = "Europe/London"\n[fcm]\nendpoint = "http://x"\n'
    )
    monkeypatch.setenv("HEARTREACH_PORT", "2")
    monkeypatch.setenv("HEARTREACH_FCM__TIMEOUT_S", "3.5")
    settings = load_settings(file, host="b")
    assert (settings.port, settings.host, settings.timezone) == (2, "b", "Europe/London")
    assert settings.fcm is not None
    assert (settings.fcm.endpoint, settings.fcm.timeout_s) == ("http://x", 3.5)


def test_every_fault_of_the_configuration_is_named(tmp_path):
    file = tmp_path / "service.toml"
    file.write_text('port = 99999\nprot = 1\n[sms_http]\nkey = "x"\n')
    result = invoke("serve", "--config", str(file))
    assert result.exit_code == 2
    for field in ("port", "prot", "sms_http.url"):
        assert field in result.output


def test_a_policy_that_is_for_simulation_only_is_not_served(tmp_path):
    file = tmp_path / "p.toml"
    file.write_text('title = "x"\ncitation = "y"\nlive_use = "simulation_only"\n')
    result = invoke("serve", "--test", "--policy", str(file), "--port", "0")
    assert result.exit_code == 1
    assert "simulation only" in result.output


# --- verify and keys ----------------------------------------------------------------------------


def played(make_bench, database: str) -> str:
    bench = make_bench(database=database)
    people = bench.volunteers(4)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.answer(people[0], "yes")
    bench.answer(people[1], "no")
    bench.wait(100.0)
    bench.post(f"/v1/incidents/{incident}/close", "control")
    bench.settle()
    bench.close()
    bench.close = lambda: None
    return incident


def test_verify_finds_nothing_in_order_that_is_not_there(tmp_path):
    missing = tmp_path / "mistyped.sqlite"
    for url in (f"sqlite:///{missing}", "sqlite://"):
        result = invoke("verify", "--database", url)
        assert (result.exit_code, "there is no such file" in result.stderr) == (2, True)
    assert not missing.exists()


def test_verify_replays_the_log_and_checks_the_chain(make_bench, database):
    played(make_bench, database)
    result = invoke("verify", "--database", database)
    assert result.exit_code == 0, result.output
    assert "1 incidents" in result.stdout
    head = result.stdout.split("head ")[1].split()[0]
    assert invoke("verify", "--database", database, "--head", head).exit_code == 0
    missing = invoke("verify", "--database", database, "--head", "ab" * 32, "--json")
    assert missing.exit_code == 1
    assert "rows are missing" in json.loads(missing.stdout)["faults"][0]


SPOILT = [
    ("event", {"commands": b"[]"}, schema.event.c.seq == 2, "other commands on replay"),
    ("incident", {"phase": "x", "snapshot": None}, sa.true(), "another state on replay"),
    ("audit", {"detail": '{"x":1}'}, schema.audit.c.seq == 3, "does not fit the chain"),
]


@pytest.mark.parametrize(("table", "values", "which", "fault"), SPOILT)
def test_verify_notices(make_bench, database, table, values, which, fault):
    incident = played(make_bench, database)
    store = open_store(database)

    def spoil(tx) -> None:
        if "snapshot" in values:
            row = tx.row(sa.select(schema.incident))
            values["snapshot"] = row["snapshot"].replace(b'"version":', b'"version":1', 1)
        tx.run(sa.update(schema.metadata.tables[table]).where(which).values(**values))

    store.transact(spoil)
    faults = verify(store).faults
    store.close()
    assert any(fault in found for found in faults), faults
    assert incident


def test_keys_are_made_while_the_service_is_stopped(database):
    result = invoke("keys", "add", "--role", "control", "--label", "CAD", "--database", database)
    assert result.exit_code == 0
    assert result.stdout.startswith("hrk_")
    wrong = invoke("keys", "add", "--role", "boss", "--label", "x", "--database", database)
    assert wrong.exit_code == 2


# --- the real command ---------------------------------------------------------------------------


class Served:
    """``heartreach serve`` in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "heartreach", "serve", "--port", "0", "--quiet"]
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read() if self.process.stderr else ""
        told = json.loads(line)
        self.base, self.keys = told["listening"], told["keys"]

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(how)
        code = self.process.wait(20)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code


@pytest.mark.slow
def test_serve_answers_and_stops_in_order(database):
    served = Served("--test", "--policy", "nearest_3", "--database", database)
    headers = {"Authorization": f"Bearer {served.keys['control']}"}
    with httpx.Client(base_url=served.base, headers=headers) as client:
        assert client.get("/livez").json() == {"alive": True}
        assert client.get("/readyz").status_code == 200
        status = client.get("/v1/status").json()
        assert status["test_mode"] is True
        assert "nobody can be alerted" in status["message"]
        body = {"reference": "C", "location": {"lat": 52, "lon": 1}, "code": "X01A"}
        assert client.post("/v1/incidents", json=body).status_code == 201
    assert served.stop() in (0, 130)
    store = open_store(database)
    assert verify(store).faults == ()
    store.close()


@pytest.mark.release
def test_twenty_kills_through_the_real_command(database):
    """SIGKILL in the middle of the work; restarted, it has everything and goes on within 5 s."""
    chance = random.Random(4)
    acknowledged: list[str] = []
    arguments = ("--test", "--policy", "phased_7", "--database", database)
    for number in range(20):
        served = Served(*arguments)
        headers = {"Authorization": f"Bearer {served.keys['control']}"}
        end_s = time.monotonic() + chance.uniform(0.2, 1.2)
        with httpx.Client(base_url=served.base, headers=headers) as client:
            count = 0
            while time.monotonic() < end_s:
                count += 1
                body = {
                    "reference": f"C-{number}-{count}",
                    "location": {"lat": 52, "lon": 1},
                    "code": "X01A",
                }
                acknowledged.append(client.post("/v1/incidents", json=body).json()["incident_id"])
            served.process.kill()
        served.stop(signal.SIGKILL)
    served = Served(*arguments)
    headers = {"Authorization": f"Bearer {served.keys['control']}"}
    time.sleep(5.0)
    with httpx.Client(base_url=served.base, headers=headers) as client:
        for incident_id in acknowledged:
            view = client.get(f"/v1/incidents/{incident_id}").json()
            assert view["phase"] not in ("new", "searching")
    served.stop()
    store = open_store(database)
    assert verify(store).faults == ()
    store.close()
    assert len(acknowledged) > 100
