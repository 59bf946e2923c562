"""TEST mode and live mode: nobody takes one for the other, and no database serves both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dispatch.config import load_policy
from dispatch.live import cli, modes
from dispatch.live.errors import SettingsError
from dispatch.live.service import Service
from dispatch.live.settings import Settings
from dispatch.live.store import schema
from dispatch.live.store.engine import opened

LIVE = {"test": False, "region": Path("elsewhere"), "policy": "nearest_3"}


def test_in_test_mode_nothing_says_that_volunteers_are_being_alerted(bench):
    bench.volunteers(1)
    incident = bench.call()
    bench.service.watch()
    status = bench.get("/v1/status", "control")
    assert (status["alerting"], status["test_mode"]) == (False, True)
    assert status["message"] == modes.TEST_LINE
    assert "heartreach_alerting 0.0" in bench.ask("GET", "/metrics", None).text
    assert (incident["alerting"], incident["warning"]) == (False, modes.TEST_LINE)
    assert incident["why_not_alerting"] == modes.TEST_LINE
    text = bench.ask("GET", "/v1/stream?until_idle=true", "control").text
    told = json.loads(next(line[6:] for line in text.splitlines() if line.startswith("data: ")))
    assert told == {"alerting": False, "message": modes.TEST_LINE, "causes": []}

    bench.post("/v1/alerting/stop", "control", stop(bench))
    message = bench.get("/v1/status", "control")["message"]
    assert message.startswith(modes.TEST_LINE + " VOLUNTEERS ARE NOT BEING ALERTED")


def stop(bench):
    return {"reason": "drill", "person": "Duty officer", "expires_at": bench.iso(600)}


def test_live_the_same_places_say_that_they_are(make_bench):
    bench = make_bench(settings={**LIVE, "memory_channel": True})
    bench.volunteers(1)
    incident = bench.call()
    bench.service.watch()
    assert bench.get("/v1/status", "control")["alerting"] is True
    assert "heartreach_alerting 1.0" in bench.ask("GET", "/metrics", None).text
    assert (incident["alerting"], incident["warning"]) == (True, None)


def service(database: str, **values) -> Service:
    settings = Settings(database=database, **values)
    policy = None if settings.test_mode else load_policy("nearest_3")
    return Service(settings, policy=policy, threads=False)


@pytest.mark.parametrize(("first", "second"), [(LIVE, {}), ({}, LIVE), (LIVE, {"test": True})])
def test_a_database_of_one_mode_is_refused_in_the_other(database, first, second):
    service(database, **first).store.close()
    with pytest.raises(SettingsError, match="Nothing was changed"):
        service(database, **second)
    service(database, **first).store.close()  # let go of, and as it was


@pytest.mark.parametrize(("label", "expected"), [("TEST mode", "test"), ("control room", "live")])
def test_a_database_of_before_modes_were_noted_is_known_by_what_is_in_it(
    make_bench, label, expected
):
    """As an earlier version left it: people, a key, and no note of the mode."""
    bench = make_bench()
    bench.person()

    def work(tx):
        tx.run(schema.about.delete())
        tx.run(schema.api_key.update().values(label=label))
        with pytest.raises(SettingsError):
            modes.keep_to(tx, test_mode=expected == "live")
        modes.keep_to(tx, test_mode=expected == "test")

    bench.inside(work)


@pytest.mark.parametrize("flags", [(), ("--test",), ("--demo",)])
def test_serving_a_live_database_in_test_mode_exits_with_words_and_changes_nothing(
    sqlite_only, tmp_path, monkeypatch, flags
):
    url = f"sqlite:///{tmp_path / 'live.sqlite'}"
    service(url, **LIVE).store.close()
    monkeypatch.setattr(cli, "town", None)
    monkeypatch.setattr(cli, "_listen", lambda *_: pytest.fail("it serves"))
    got = CliRunner().invoke(cli.app, ["serve", "--database", url, "--quiet", *flags])
    assert got.exit_code == 2
    assert "belongs to the live service" in got.stderr
    with opened(url) as store:
        assert store.transact(lambda tx: tx.rows(schema.api_key.select())) == []


def test_the_environment_names_a_live_database_in_vain(sqlite_only, tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'live.sqlite'}"
    service(url, **LIVE).store.close()
    monkeypatch.setattr(cli, "town", None)
    monkeypatch.setenv("HEARTREACH_DATABASE", url)
    got = CliRunner().invoke(cli.app, ["serve", "--demo", "--quiet"])
    assert (got.exit_code, "belongs to the live service" in got.stderr) == (2, True)
