"""Whatever is sent: no fault of the service, and every answer as its OpenAPI document says."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from dispatch.live.auth import SCOPES, Role

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SKIPPED = {"/v1/stream"}  # endless by design; tested in test_control.py

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::starlette.exceptions.StarletteDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning"),
]


@pytest.fixture(scope="module")
def world(module_bench):
    """A busy service: people, an incident, an AED, a policy in shadow."""
    bench = module_bench
    bench.mine, bench.other = bench.volunteers(2)
    bench.incident_id = bench.call()["incident_id"]
    bench.settle()
    bench.key = bench.alert_of(bench.mine)
    aed = {"external_id": "a", "location": {"lat": 52.0, "lon": 1.0}}
    bench.aed_id = bench.post("/v1/aeds", "registrar", aed)["aed_id"]
    bench.device_id = bench.get("/v1/me/devices", bench.mine)["devices"][0]["device_id"]
    bench.message_id = bench.memory.after(0)[0].message.message_id
    bench.policy_id = bench.get("/v1/policies", "registrar")["policies"][0]["policy_id"]
    return bench


@pytest.fixture(scope="module")
def api(world):
    return schemathesis.openapi.from_asgi("/openapi.json", world.app)


def real_ids(world) -> dict[str, object]:
    return {
        "incident_id": world.incident_id,
        "responder_id": world.mine,
        "alert_id": world.key,
        "aed_id": world.aed_id,
        "device_id": world.device_id,
        "message_id": world.message_id,
        "policy_id": world.policy_id,
    }


def fuzz(world, api, examples: int) -> int:
    done = 0
    for found in api.get_all_operations():
        operation = found.ok()
        if operation.path in SKIPPED:
            continue
        _fuzz_one(world, operation, examples)
        done += 1
    return done


def _fuzz_one(world, operation, examples: int) -> None:
    scope = operation.definition.raw.get("x-scope")
    role = next((role for role in Role if scope in SCOPES[role]), None)
    headers = world.bearer(world.mine if role is Role.RESPONDER else role)
    count = [0]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),  # the first failure says enough; shrinking takes minutes
        suppress_health_check=list(HealthCheck),
    )
    def run(case):
        count[0] += 1
        if count[0] % 3:
            known = {k: v for k, v in real_ids(world).items() if k in case.path_parameters}
            case.path_parameters = {**case.path_parameters, **known}
        if isinstance(case.query.get("wait_s"), int | float):
            case.query["wait_s"] = min(case.query["wait_s"], 0.01)  # long polls, cut short
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=CHECKS)
        world.clock.advance(1.0)

    given(case=operation.as_strategy())(run)()


def test_no_fault_and_no_answer_beside_the_document(world, api):
    assert fuzz(world, api, 4) > 50


@pytest.mark.slow
def test_no_fault_in_many_tries(world, api):
    assert fuzz(world, api, 200) > 50


AWKWARD = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b'{"reference": "\\ud800", "location": {"lat": 1, "lon": 1}}',
    b'{"reference": "\\u0000", "location": {"lat": 1, "lon": 1}}',
    b'{"reference": "x", "location": {"lat": 1e999, "lon": 1}}',
    b'{"reference": "x", "location": {"lat": NaN, "lon": 1}}',
    b'{"reference": "x", "location": {"lat": 91, "lon": 1}}',
    b'{"reference": "x", "location": {"lat": 1}}',
    b'{"reference": "x", "location": {"lat": 1, "lon": 1, "easting": 2, "northing": 3}}',
    b'{"reference": "x", "location": {"lat": 1, "lon": 1}, "version": 99999999999999999999}',
    b'{"reference": "x", "location": {"lat": 1, "lon": 1}, "surprise": 1}',
    b'{"reference": "x", "location": {"lat": 1, "lon": 1}, "ambulance_due_at": "2026-01-01"}',
    b'{"reference": "x", "location": {"lat": 1, "lon": 1}, "flags": ["made up"]}',
    b"\xff\xfe",
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", AWKWARD)
def test_awkward_bodies_are_refused_with_a_problem(bench, body):
    headers = {**bench.bearer("control"), "Content-Type": "application/json"}
    answer = bench.client.post("/v1/incidents", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"]


def test_a_body_that_is_too_large_is_refused(bench):
    headers = {**bench.bearer("control"), "Content-Length": "99999999999"}
    answer = bench.client.post("/v1/incidents", content=b"{}", headers=headers)
    assert answer.status_code == 413
