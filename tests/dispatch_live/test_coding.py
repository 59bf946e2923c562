"""What older versions wrote is read for ever; what is written today is read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from dispatch.live import coding
from dispatch.live.store import schema

CORPUS = Path(__file__).parent / "corpus"


def test_everything_of_a_busy_incident_reads_back_as_it_was(make_bench):
    bench = make_bench(policy="phased_7")
    people = bench.volunteers(6)
    incident = bench.call()["incident_id"]
    bench.settle()
    bench.answer(people[0], "yes")
    bench.answer(people[1], "no")
    bench.wait(100.0)
    row = bench.inside(lambda tx: tx.row(sa.select(schema.incident)))
    state = coding.decode_incident(row["snapshot"], row["schema_version"])
    assert coding.encode(state) == row["snapshot"]
    rows = bench.inside(lambda tx: tx.rows(sa.select(schema.event)))
    assert len(rows) >= 10
    for logged in rows:
        event = coding.decode_event(logged["body"], logged["schema_version"])
        assert coding.encode(event) == logged["body"]
        commands = coding.decode_commands(logged["commands"])
        assert coding.encode(commands) == logged["commands"]
    assert state.incident_id == incident


@pytest.mark.parametrize("file", sorted(CORPUS.glob("v*.json")), ids=lambda file: file.stem)
def test_the_kept_corpus_is_still_read(file):
    kept = json.loads(file.read_text())
    for snapshot in kept["snapshots"]:
        data = json.dumps(snapshot).encode()
        state = coding.decode_incident(data, kept["schema"])
        assert state.incident_id == snapshot["incident_id"]
        assert len(state.alerts) == len(snapshot["alerts"])
    for event in kept["events"]:
        read = coding.decode_event(json.dumps(event).encode(), kept["schema"])
        assert type(read).__name__ == event["event"]
    assert len(kept["events"]) > 10


def test_an_older_snapshot_is_lifted_step_by_step(monkeypatch):
    """As it would be if a field had been called otherwise before."""
    (file, *_) = sorted(CORPUS.glob("v*.json"))
    snapshot: dict[str, Any] = json.loads(file.read_text())["snapshots"][0]
    old = {("latitude" if key == "lat" else key): value for key, value in snapshot.items()}
    monkeypatch.setattr(coding, "SNAPSHOT_SCHEMA", 3)

    def first(document: dict[str, Any]) -> dict[str, Any]:
        return {("y" if key == "latitude" else key): v for key, v in document.items()}

    def second(document: dict[str, Any]) -> dict[str, Any]:
        return {("lat" if key == "y" else key): v for key, v in document.items()}

    monkeypatch.setattr(coding, "SNAPSHOT_STEPS", {1: first, 2: second})
    state = coding.decode_incident(msgspec.json.encode(old), 1)
    assert state.lat == snapshot["lat"]


def test_a_version_without_a_step_is_a_fault_and_not_a_guess(monkeypatch):
    monkeypatch.setattr(coding, "SNAPSHOT_SCHEMA", 3)
    with pytest.raises(KeyError):
        coding.decode_incident(b"{}", 1)
