"""Canary words of a patient and a volunteer are in no log, push, address, stream or metric."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
import warnings
from collections import Counter

import pytest
import sqlalchemy as sa

from dispatch.live import retention
from dispatch.live.auth import SCOPES, Role
from dispatch.live.errors import StoreUnavailable
from dispatch.live.logs import set_up
from dispatch.live.settings import RetentionSettings
from dispatch.live.store import schema

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

PATIENT = ["Canarystreet", "keycanary", "52.12345"]
VOLUNTEER = ["Wilhelmina", "Canaryson", "canary@home", "52.12398", "canary-address", "certcanary"]


@pytest.fixture
def logs():
    text = io.StringIO()
    set_up("debug", text)
    yield text
    set_up("error", io.StringIO())


def live_through_it(bench) -> dict[str, str]:
    """A whole emergency with errors on the way; returns everything that left, by kind."""
    home = {"lat": 52.12398, "lon": 1.0}
    person = {"name": "Wilhelmina Canaryson", "contact": "canary@home", "home": home}
    responder_id = bench.post("/v1/responders", "registrar", person)["responder_id"]
    path = f"/v1/responders/{responder_id}/credentials"
    training = {
        "kind": "BLS",
        "evidence": "certcanary",
        "valid_from": bench.iso(-60.0),
        "valid_until": bench.iso(1e7),
    }
    held = bench.post(path, "registrar", training)["credentials"][0]["credential_id"]
    bench.post(f"{path}/{held}/verify", "registrar")
    bench.enrol(responder_id)
    bench.phone(responder_id, address="canary-address")
    call = {
        "location": {"lat": 52.12345, "lon": 1.0},
        "address": "1 Canarystreet",
        "access_notes": "keycanary under the pot",
    }
    incident = bench.call(**call)["incident_id"]
    bench.settle()
    fix = {"lat": 52.12398, "lon": 1.0, "accuracy_m": 5.0, "at": bench.iso()}
    bench.post("/v1/me/positions", responder_id, fix)
    bench.answer(responder_id, "yes")
    bench.ask("POST", "/v1/incidents", "control", {"address": "1 Canarystreet"})
    bench.ask("POST", "/v1/incidents", "control", {**call, "reference": "x", "location": {}})
    bench.ask("GET", "/v1/incidents/Canarystreet", "control")
    bench.service.finder.find = broken  # a fault whose text holds the patient's place
    bench.call("C-2", **call)
    bench.settle()
    bench.post(f"/v1/incidents/{incident}/close", "control")
    bench.settle()
    audit = bench.get("/v1/audit?limit=1000", "auditor")
    return {
        "push": json.dumps([str(kept.message) for kept in bench.memory.after(0)]),
        "stream": bench.ask("GET", "/v1/stream?after=0&until_idle=true", "control").text,
        "metrics": bench.ask("GET", "/metrics", None).text,
        "audit": json.dumps(audit),
    }


def broken(*_: object) -> None:
    raise ValueError("no route to 1 Canarystreet at 52.12345")


def test_no_canary_leaves(bench, logs, monkeypatch):
    monkeypatch.setattr(bench.service, "_searchers", _Threaded(bench.service))
    logging.getLogger("urllib3.connectionpool").warning("retry of https://x/Canarystreet")
    logging.getLogger("some.library").warning("failed for %s", "Wilhelmina Canaryson")
    left = live_through_it(bench)
    left["log"] = logs.getvalue()
    assert '"event": "request"' in left["log"]
    assert '"event": "search_failed"' in left["log"]
    for kind, text in left.items():
        assert text
        for canary in PATIENT + VOLUNTEER:
            assert canary not in text, f"{canary} in {kind}"


class _Threaded:
    """Searches at once, with the service's own handling of faults."""

    def __init__(self, service) -> None:
        self._service = service

    def submit(self, work, *args) -> None:
        self._service._answer(*args)


CANARY = "Canarysecret"


def bodies(document: dict, operation: dict) -> list[object]:
    """What an endpoint may be sent by mistake: a canary in each field, in each kind of place."""
    content = operation.get("requestBody", {}).get("content", {})
    schema_ = next(iter(content.values()), {}).get("schema", {})
    name = schema_.get("$ref", "").rpartition("/")[2]
    properties = document["components"]["schemas"].get(name, {}).get("properties", {})
    return [
        dict.fromkeys(properties, CANARY),
        {key: [CANARY] for key in properties},
        {key: {"lat": CANARY, "lon": 1.0} for key in properties},
        CANARY,
        [CANARY],
        {"reference": CANARY, "location": {"lat": 52.0, "lon": 1.0}, "flags": [CANARY]},
    ]


def every_request(bench):
    """(method, path, query, role, body) of every endpoint, with canaries wherever they fit."""
    document = bench.ask("GET", "/openapi.json", None).json()
    for path, methods in document["paths"].items():
        if path == "/v1/stream":
            continue
        for method, operation in methods.items():
            scope = operation.get("x-scope")
            role = next((role for role in Role if scope in SCOPES[role]), None)
            who = bench.one if role is Role.RESPONDER else role
            query = {
                parameter["name"]: CANARY
                for parameter in operation.get("parameters", [])
                if parameter["in"] == "query"
            }
            url = re.sub(r"{\w+}", CANARY, path)
            for body in bodies(document, operation):
                yield method.upper(), url, {}, who, body
            yield method.upper(), url, query, who, None
            yield method.upper(), url, query, None, {"address": CANARY}


def test_no_endpoint_tells_its_errors_or_its_log_what_it_was_sent(bench, logs):
    """Everything wrong that can be sent to every endpoint, and what comes back."""
    bench.one = bench.volunteer()
    refused = 0
    for method, url, query, who, body in every_request(bench):
        answer = bench.client.request(
            method, url, params=query, json=body, headers=bench.bearer(who)
        )
        assert answer.status_code < 500, f"{method} {url}: {answer.text}"
        bench.clock.advance(0.2)
        if answer.status_code >= 400:
            refused += 1
            if (method, url) == ("POST", "/v1/policies"):
                continue  # a registrar's own file, whose faults are told by its name
            assert CANARY not in answer.text, f"{method} {url} {body}"
    assert refused > 250
    assert '"event": "request"' in logs.getvalue()
    assert CANARY not in logs.getvalue()
    assert CANARY not in bench.ask("GET", "/metrics", None).text


FAULTS = [
    (ValueError(f"no way to 1 {CANARY}"), 500),
    (StoreUnavailable(f"INSERT INTO incident VALUES ('{CANARY}')"), 503),
    (sa.exc.DataError(f"SELECT '{CANARY}'", {"name": CANARY}, Exception(CANARY)), 500),
]


def test_a_fault_within_tells_neither_caller_nor_log_what_it_was_about(bench, logs, monkeypatch):
    """What an exception says may hold anything; it is logged by kind and line."""
    person = bench.volunteer()
    document = bench.ask("GET", "/openapi.json", None).json()
    client = TestClient(bench.app, raise_server_exceptions=False)
    for role in (*bench.keys, person):  # known from now on, so that no key is looked up below
        bench.ask("GET", "/v1/status", role)
    seen: Counter[int] = Counter()
    for number, (path, methods) in enumerate(document["paths"].items()):
        fault, status = FAULTS[number % len(FAULTS)]

        def fails(work, fault=fault):
            raise fault

        monkeypatch.setattr(bench.service.store, "transact", fails)
        for method, operation in methods.items():
            scope = operation.get("x-scope")
            role = next((role for role in Role if scope in SCOPES[role]), None)
            who = person if role is Role.RESPONDER else role
            url = re.sub(r"{\w+}", "1", path)
            answer = client.request(method.upper(), url, headers=bench.bearer(who), json={})
            assert CANARY not in answer.text
            seen[answer.status_code] += answer.status_code == status
            bench.clock.advance(0.2)
    assert seen[500] > 10
    assert seen[503] > 5
    assert CANARY not in logs.getvalue()
    assert "request_failed" in logs.getvalue()


def test_a_library_or_a_thread_that_fails_tells_only_where(logs, capfd):
    try:
        raise ValueError(f"no way to 1 {CANARY}")
    except ValueError:
        for name in ("uvicorn.error", "asyncio", "firebase_admin", "sqlalchemy.pool"):
            logging.getLogger(name).exception("failed for %s", CANARY)

    def fails() -> None:
        raise ValueError(f"no way to 1 {CANARY}")

    thread = threading.Thread(target=fails, name="worker")
    thread.start()
    thread.join()
    assert '"event": "thread_failed"' in logs.getvalue()
    printed = capfd.readouterr()
    for text in (logs.getvalue(), printed.out, printed.err):
        assert CANARY not in text


def test_errors_say_which_field_and_not_what_it_held(bench):
    body = {"reference": "x", "location": {"lat": "Canarystreet", "lon": 1.0}, "code": "X01A"}
    answer = bench.ask("POST", "/v1/incidents", "control", body)
    assert answer.status_code == 422
    assert "Canarystreet" not in answer.text
    assert answer.json()["errors"][0]["field"] == "body.location.lat"


def test_what_is_past_its_time_is_gone_from_the_file(make_bench, tmp_path, sqlite_only):
    file = tmp_path / "service.sqlite"
    bench = make_bench(database=f"sqlite:///{file}")
    person = bench.volunteer(name="Wilhelmina Canaryson")
    fix = {"lat": 52.12398, "lon": 1.0, "accuracy_m": 5.0, "at": bench.iso()}
    bench.post("/v1/me/positions", person, fix)
    bench.wait(1.0)
    incident = bench.call(address="1 Canarystreet")["incident_id"]
    bench.settle()
    bench.post(f"/v1/incidents/{incident}/close", "control")
    assert bench.inside(lambda tx: tx.value(sa.select(schema.position.c.lat))) == 52.12398

    bench.wait(2 * 86400.0)
    assert bench.inside(lambda tx: tx.rows(sa.select(schema.position))) == []
    bench.wait(40 * 86400.0)
    view = bench.incident(incident)
    assert (view["address"], view["phase"]) == ("", "ended")
    bench.ask("DELETE", f"/v1/responders/{person}", "registrar")
    bench.inside(lambda tx: retention.purge(tx, bench.clock() + 1e9, RetentionSettings()))
    assert bench.inside(lambda tx: tx.rows(sa.select(schema.incident))) == []
    bench.close()
    bench.close = lambda: None
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for canary in (b"Canarystreet", b"Wilhelmina", b"Canaryson"):
        assert canary not in left
