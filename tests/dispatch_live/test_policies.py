"""A policy changes by a shadow run, a second person, a start time; and goes back in one step."""

from __future__ import annotations

import pytest

SEVEN = """
title = "Five at once"
citation = "test"
live_use = "{live_use}"
radius_m = 2000.0
bound_s = 2000.0

[[waves]]
after_s = 0.0
ask = 5

[enough]
yes = 2

[replacement]
on_silence = false
"""


@pytest.fixture
def second(bench):
    """Another registrar."""
    made = bench.post("/v1/keys", "operations", {"role": "auditor", "label": "not this one"})
    from dispatch.live.auth import Role  # noqa: PLC0415

    key = bench.inside(
        lambda tx: bench.service.doors.create_key(
            tx, Role.REGISTRAR, "second", by="bench", now_s=bench.clock()
        )
    )
    assert made["key"] != key
    return {"Authorization": f"Bearer {key}"}


def propose(bench, live_use: str = "allowed") -> str:
    body = {"name": "five", "content": SEVEN.format(live_use=live_use)}
    policy = bench.post("/v1/policies", "registrar", body)
    assert policy["in_force"] is False
    return policy["policy_id"]


def in_force(bench) -> str:
    (policy,) = [p for p in bench.get("/v1/policies", "registrar")["policies"] if p["in_force"]]
    return policy["policy_id"]


def code(answer) -> str:
    return answer.json().get("code", "")


def test_the_whole_way_and_back(bench, second):
    bench.volunteers(6)
    before = in_force(bench)
    policy_id = propose(bench)
    path = f"/v1/policies/{policy_id}"
    refused = bench.ask("POST", f"{path}/activate", "registrar", {})
    assert code(refused) == "not_approved"
    assert code(bench.ask("POST", f"{path}/approve", "registrar", {})) == "second_person_needed"
    approved = bench.client.post(f"{path}/approve", headers=second)
    assert approved.status_code == 200

    running = bench.call("C-1")["incident_id"]
    bench.settle()
    start = {"starts_at": bench.iso(600.0)}
    assert bench.post(f"{path}/activate", "registrar", start)["in_force"] is False
    assert in_force(bench) == before
    bench.wait(601.0)
    assert in_force(bench) == policy_id
    assert bench.incident(running)["policy_id"] == before  # it ends as it began
    bench.post(f"/v1/incidents/{running}/close", "control")
    bench.settle()
    later = bench.call("C-2")["incident_id"]
    bench.settle()
    assert len(bench.statuses(later)) == 5

    assert bench.post("/v1/policies/roll-back", "registrar")["policy_id"] == before
    assert in_force(bench) == before
    assert code(bench.ask("POST", "/v1/policies/roll-back", "registrar", {})) == "nothing_before"


def test_what_is_planned_is_taken_back_first(bench, second):
    before = in_force(bench)
    path = f"/v1/policies/{propose(bench)}"
    bench.client.post(f"{path}/approve", headers=second)
    bench.post(f"{path}/activate", "registrar", {"starts_at": bench.iso(600.0)})
    assert bench.post("/v1/policies/roll-back", "registrar")["policy_id"] == before
    bench.wait(700.0)
    assert in_force(bench) == before


@pytest.mark.parametrize("wait_s", [0.0, 5.0])
def test_a_second_start_of_the_same_policy_does_not_stop_the_way_back(bench, second, wait_s):
    before = in_force(bench)
    policy_id = propose(bench)
    path = f"/v1/policies/{policy_id}"
    bench.client.post(f"{path}/approve", headers=second)
    bench.post(f"{path}/activate", "registrar", {})
    bench.post(f"{path}/activate", "registrar", {"starts_at": bench.iso(3.0)})
    bench.wait(wait_s)
    assert in_force(bench) == policy_id
    assert bench.post("/v1/policies/roll-back", "registrar")["policy_id"] == before
    bench.wait(10.0)
    assert in_force(bench) == before


def test_a_start_that_is_past_is_refused(bench, second):
    path = f"/v1/policies/{propose(bench)}"
    bench.client.post(f"{path}/approve", headers=second)
    answer = bench.ask("POST", f"{path}/activate", "registrar", {"starts_at": bench.iso(-3600.0)})
    assert (answer.status_code, "to come" in answer.json()["detail"]) == (422, True)
    late = {"starts_at": bench.iso(-10.0)}  # the clocks of two machines
    assert bench.post(f"{path}/activate", "registrar", late)["in_force"] is True


def test_a_policy_for_simulation_only_is_never_approved(bench, second):
    path = f"/v1/policies/{propose(bench, 'simulation_only')}"
    assert code(bench.client.post(f"{path}/approve", headers=second)) == "simulation_only"


def test_a_policy_that_needs_it_is_signed_for_by_a_named_clinician(make_bench):
    from pathlib import Path  # noqa: PLC0415

    from dispatch.live.auth import Role  # noqa: PLC0415

    real = {"test": False, "region": Path("x"), "policy": "nearest_3"}
    bench = make_bench(settings=real, channels_given=[])
    key = bench.inside(
        lambda tx: bench.service.doors.create_key(
            tx, Role.REGISTRAR, "second", by="bench", now_s=bench.clock()
        )
    )
    second = {"Authorization": f"Bearer {key}"}
    path = f"/v1/policies/{propose(bench, 'needs_sign_off')}"
    assert code(bench.client.post(f"{path}/approve", headers=second)) == "needs_sign_off"
    signed = {"person": "Dr Sam Example", "role": "medical director", "statement": "reviewed"}
    assert bench.post(f"{path}/sign-off", "registrar", signed)["signed_off"] is True
    assert bench.client.post(f"{path}/approve", headers=second).status_code == 200


def test_a_file_with_faults_is_refused_with_all_of_them(bench):
    content = 'title = "x"\ncitation = "y"\nlive_use = "maybe"\nradius = 3\n'
    answer = bench.ask("POST", "/v1/policies", "registrar", {"name": "bad", "content": content})
    assert answer.status_code == 422
    assert "live_use" in answer.text
    assert "radius" in answer.text


def test_a_shadow_run_shows_what_would_have_been_and_asks_nobody(bench):
    people = bench.volunteers(6)
    policy_id = propose(bench)
    path = f"/v1/policies/{policy_id}/shadow"
    assert bench.post(path, "registrar", {"on": True})["shadow_since"] is not None
    incident = bench.call()["incident_id"]
    bench.settle()
    assert len(bench.messages()) == 3  # the policy in force asks three
    bench.clock.advance(20.0)
    bench.answer(people[1], "yes")
    bench.clock.advance(30.0)
    moving = {"status": "moving"}
    bench.post(f"/v1/me/alerts/{bench.alert_of(people[1])}/status", people[1], moving)
    bench.clock.advance(300.0)
    bench.post(f"/v1/incidents/{incident}/close", "control")
    bench.settle()

    report = bench.get(path, "registrar")
    (row,) = report["rows"]
    assert (row["asked"], row["asked_in_force"], row["same_first"]) == (5, 3, 3)
    assert row["would_have_said_yes"] == 1
    assert row["soonest_yes_eta_s"] == row["soonest_yes_eta_in_force_s"]
    assert report["incidents"] == 1
    bench.post(path, "registrar", {"on": False})
    bench.post(f"/v1/incidents/{bench.call('C-2')['incident_id']}/close", "control")
    assert bench.get(path, "registrar")["incidents"] == 1


def test_the_first_policy_stays_when_the_service_starts_again_with_another(make_bench, database):
    first = make_bench(database=database)
    policy_id = in_force(first)
    first.close()
    first.close = lambda: None
    again = make_bench(database=database, policy="phased_7")
    assert in_force(again) == policy_id
