"""A replication as a whole: the same twice, fair between policies, nothing lost or coupled."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from worlds import as_dicts, ask, plain, sure_parameters, sure_people

from dispatch.commands import Assign, CancelTimer, EndAlert, SendAlert, StartTimer
from dispatch.config import Roles, Split, load_policy
from dispatch.events import TimerFired
from dispatch.lifecycle import BLANK, Core
from dispatch.model import Phase
from geo.network import RoadNetwork, network_from_edges
from sim.parameters import ClockParameters, PeopleParameters, TracedIncident, WorldParameters
from sim.records import Records
from sim.replication import run_replication
from sim.setting import Aeds, Setting
from sim.travel import NetworkTravel

AED_AT = tuple((x, y) for x in range(-2000, 2001, 500) for y in range(-2000, 2001, 500))
SETTING = plain(5000.0, points=2000, population=120_000.0, aeds=AED_AT)
DENSE = WorldParameters(clock=ClockParameters(years=1.0), people=PeopleParameters(per_100k=400.0))
BY_AED = msgspec.structs.replace(
    load_policy("phased_7"), name="by_aed", roles=Roles(split=Split.DETOUR, detour_share=0.5)
)
POLICIES = [load_policy("as_today"), load_policy("nearest_3"), BY_AED]


def run(
    setting: Setting = SETTING, parameters: WorldParameters = DENSE, policies: Any = POLICIES,
    **more: Any,
) -> Records:  # fmt: skip
    return run_replication(setting, parameters, policies, **{"seed": 4, "replication": 2} | more)


@pytest.fixture(scope="module")
def records() -> Records:
    return run(events="all")


def rows_of(records: Records, policy: str) -> list[tuple[Any, ...]]:
    """The incidents of one policy without its name."""
    return [row[1:] for row in records.incidents.rows if row[0] == policy]


def test_the_same_twice(records: Records) -> None:
    again = run(events="all")
    assert again.incidents.rows == records.incidents.rows
    assert again.alerts.rows == records.alerts.rows
    assert again.events.rows == records.events.rows
    assert len(records.events) > 5000


def test_a_policy_fares_the_same_in_any_company(records: Records) -> None:
    for policy in POLICIES:
        alone = run(policies=[policy])
        assert rows_of(alone, policy.name) == rows_of(records, policy.name)


def test_another_seed_and_another_replication_are_other_worlds(records: Records) -> None:
    first = rows_of(records, "as_today")
    assert rows_of(run(seed=5), "as_today") != first
    assert rows_of(run(replication=3), "as_today") != first


def test_policies_meet_the_same_world(records: Records) -> None:
    today = [name for name, _ in records.incidents.columns]
    same = (
        "incident_id", "t_s", "lat", "lon", "true_arrest", "witnessed", "place_kind",
        "t_recognised_s", "t_ambulance_s", "t_bystander_cpr_s", "t_collapse_s",
    )  # fmt: skip
    index = [today.index(name) - 1 for name in same]
    worlds = [
        [tuple(row[i] for i in index) for row in rows_of(records, policy.name)]
        for policy in POLICIES
    ]
    assert worlds[0] == worlds[1] == worlds[2]


def test_zero_volunteers_is_as_today_row_for_row() -> None:
    nobody = msgspec.structs.replace(DENSE, people=PeopleParameters(per_100k=0.0))
    records = run(parameters=nobody)
    assert records.volunteers == 0
    assert len(records.alerts) == 0
    today = rows_of(records, "as_today")
    assert len(today) > 50
    assert rows_of(records, "nearest_3") == today
    assert rows_of(records, "by_aed") == today
    # And as today does not depend on volunteers at all.
    assert rows_of(run(policies=POLICIES[:1]), "as_today") == today


def test_every_alert_has_one_end_and_every_call_a_row(records: Records) -> None:
    incidents, alerts = as_dicts(records.incidents), as_dicts(records.alerts)
    calls = {row["incident_id"] for row in incidents}
    assert len(incidents) == 3 * len(calls)
    ends = {
        "declined", "undelivered", "refused", "withdrawn", "expired", "stood_down", "dropped",
        "lapsed", "completed",
    }  # fmt: skip
    assert {alert["outcome"] for alert in alerts} <= ends
    asked = Counter((a["policy"], a["incident_id"]) for a in alerts if a["outcome"] != "refused")
    yes = Counter((a["policy"], a["incident_id"]) for a in alerts if a["accepted"])
    for row in incidents:
        key = (row["policy"], row["incident_id"])
        assert row["n_asked"] == asked[key]
        assert row["n_yes"] == yes[key]
        assert row["n_arrived"] >= row["n_arrived_before_ambulance"]


def test_times_are_in_order(records: Records) -> None:
    for row in as_dicts(records.incidents):
        if row["true_arrest"]:
            assert row["t_cpr_any_s"] <= row["t_trained_hands_s"] <= row["t_crew_at_patient_s"]
            assert row["t_aed_attached_s"] < row["t_shock_s"]
            assert 0.0 < row["survival_joint"] < 1.0
    for alert in as_dicts(records.alerts):
        steps = (
            "asked",
            "delivered",
            "seen",
            "answered",
            "moving",
            "aed",
            "arrived",
            "with_patient",
        )
        moments = [alert[f"{step}_t_s"] for step in steps]
        known = [moment for moment in moments if moment is not None]
        assert known == sorted(known)
        assert alert["ended_t_s"] >= known[-1]


def test_nobody_serves_two_incidents_at_once(records: Records) -> None:
    called_at = {row["incident_id"]: row["t_s"] for row in as_dicts(records.incidents)}
    spans: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for alert in as_dicts(records.alerts):
        start = called_at[alert["incident_id"]]
        span = (start + alert["asked_t_s"], start + alert["ended_t_s"])
        spans.setdefault((alert["policy"], alert["responder_id"]), []).append(span)
    for own in spans.values():
        own.sort()
        assert all(a[1] <= b[0] + 1e-3 for a, b in itertools.pairwise(own))


def test_the_log_tells_the_same_as_the_tables(records: Records) -> None:
    counted = Counter((row["policy"], row["event"]) for row in as_dicts(records.events))
    alerts = Counter(row["policy"] for row in as_dicts(records.alerts))
    for policy in ("nearest_3", "by_aed"):
        assert counted[policy, "SendAlert"] == counted[policy, "EndAlert"] == alerts[policy]
    sampled = as_dicts(run(events="sample").events)
    assert {int(row["incident_id"][-6:]) % 50 for row in sampled} == {0}
    for policy in ("nearest_3", "by_aed"):
        seqs = [
            row["seq"]
            for row in sampled
            if row["incident_id"].endswith("000050") and row["policy"] == policy
        ]
        assert seqs == list(range(len(seqs)))


def test_recorded_steps_replay_through_a_fresh_core() -> None:
    """Timers come back exactly when they are due, cancelled ones never."""
    steps: list[Any] = []
    run(policies=[BY_AED], recorder=lambda *step: steps.append(step))
    core, states = Core(BY_AED), {}
    running: dict[tuple[Any, ...], float] = {}
    for incident, now_s, event, commands in steps:
        if isinstance(event, TimerFired):
            assert running.pop((incident, event.kind, event.ref)) == now_s
        states[incident], again = core.step(states.get(incident, BLANK), event, now_s)
        assert again == commands
        for command in commands:
            if isinstance(command, StartTimer):
                running[incident, command.kind, command.ref] = command.due_at_s
            elif isinstance(command, CancelTimer):
                del running[incident, command.kind, command.ref]
    assert running == {}
    assert {state.phase for state in states.values()} == {Phase.ENDED}
    kinds = Counter(type(c) for _, __, ___, commands in steps for c in commands)
    assert kinds[SendAlert] == kinds[EndAlert] > 500
    assert kinds[Assign] > 100


# --- more never hurts, where nothing couples ---------------------------------------------------


STOP_FREE = ask(64, bound_s=900.0)


def first_volunteers(setting: Setting, people: PeopleParameters) -> list[float]:
    parameters = sure_parameters(people=people, ambulance_s=1500.0)
    rows = as_dicts(run(setting, parameters, [STOP_FREE]).incidents)
    return [
        np.inf if row["t_first_volunteer_s"] is None else row["t_first_volunteer_s"] for row in rows
    ]


def test_a_volunteer_more_never_makes_anyone_later_and_moves_no_call() -> None:
    setting = plain(6000.0, points=2000, population=100_000.0)
    people = PeopleParameters(per_100k=60.0, position_error_m=0.0)
    before = first_volunteers(setting, people)
    one_more = msgspec.structs.replace(people, per_100k=61.0)
    after = first_volunteers(setting, one_more)
    many = first_volunteers(setting, msgspec.structs.replace(people, per_100k=120.0))
    assert len(before) == len(after) == len(many)
    assert all(b >= a >= m for b, a, m in zip(before, after, many, strict=True))
    assert before != many
    calls = [
        [
            row["t_s"]
            for row in as_dicts(run(setting, sure_parameters(people=p), [ask(1)]).incidents)
        ]
        for p in (people, one_more)
    ]
    assert calls[0] == calls[1]


def test_faster_people_are_never_later() -> None:
    setting = plain(6000.0, points=2000, population=100_000.0)
    people = PeopleParameters(per_100k=100.0)
    slow = first_volunteers(setting, people)
    fast = first_volunteers(setting, msgspec.structs.replace(people, speed_mps=3.0))
    assert all(s >= f for s, f in zip(slow, fast, strict=True))
    assert sum(np.isfinite(fast)) >= sum(np.isfinite(slow)) > 20


# --- on a network ------------------------------------------------------------------------------


def grid_network(n: int = 25, step_deg: float = 0.001) -> RoadNetwork:
    """Streets in a square grid at the equator, 111 m apart, walked at 1.8 m/s."""
    node = np.arange(n * n).reshape(n, n)
    u = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    v = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    length_m = step_deg * 111_195.08
    ds = np.full(len(u), round(10 * length_m / 1.8))
    return network_from_edges(
        "foot",
        node_lat=np.repeat(np.arange(n), n) * step_deg,
        node_lon=np.tile(np.arange(n), n) * step_deg,
        edge_u=u,
        edge_v=v,
        edge_length_m=np.full(len(u), length_m),
        edge_forward_ds=ds,
        edge_backward_ds=ds,
    )


def on_grid() -> Setting:
    network = grid_network()
    travel = NetworkTravel(network)
    lat, lon = network.node_lat.copy(), network.node_lon.copy()
    empty = Aeds(
        np.arange(2), travel.spots([0.004, 0.02], [0.004, 0.02]), np.array([True, False]),
        lambda start, end: (np.array([0, 2, 2]), np.array([start, end])),
    )  # fmt: skip
    return replace(
        plain(1000.0, points=10), travel=travel, demand=travel.spots(lat, lon),
        demand_weight=np.ones(len(lat)), demand_zone=np.full(len(lat), -1), aeds=empty,
    )  # fmt: skip


def test_people_follow_the_streets() -> None:
    """Five blocks east and five north: ten blocks to walk, not seven."""
    block_s = round(10 * 0.001 * 111_195.08 / 1.8) / 10
    arrest = TracedIncident(36_000.0, 0.01, 0.01)
    people = sure_people(home_lat=(0.015,), home_lon=(0.015,))
    row = as_dicts(run(on_grid(), sure_parameters((arrest,), people=people), [ask(3)]).incidents)[0]
    assert row["t_first_volunteer_s"] == pytest.approx(90.0 + 10 * block_s, abs=0.3)


def test_aeds_of_unknown_hours_do_not_count_by_night() -> None:
    """The first AED is known to be open, the other one is of unknown hours."""
    policy = ask(3, roles=Roles(split=Split.DETOUR, detour_share=10.0))
    fetched = {}
    for place in ((0.004, 0.005), (0.02, 0.021)):
        for t_s in (36_000.0, 7200.0):
            arrest = TracedIncident(t_s, *place)
            people = sure_people(home_lat=(place[0],), home_lon=(place[1] + 0.001,))
            records = run(on_grid(), sure_parameters((arrest,), people=people), [policy])
            fetched[place[0], t_s] = as_dicts(records.alerts)[0]["aed_id"]
    assert fetched == {
        (0.004, 36_000.0): 0, (0.004, 7200.0): 0, (0.02, 36_000.0): 1, (0.02, 7200.0): None
    }  # fmt: skip
