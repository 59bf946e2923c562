"""The fleet against queueing theory, and its rules one by one."""

from __future__ import annotations

import numpy as np
import pytest

from sim.fleet import Fleet, FleetCalls, FleetResult, Unit

NOWHERE = np.zeros((1, 1))


def calls(at_s, service_s, *, site=None, arrest=None, hospital=None, turnout_s=0.0, handover_s=0.0):
    n = len(at_s)
    return FleetCalls(
        at_s=np.asarray(at_s, float),
        site=np.zeros(n, np.int32) if site is None else np.asarray(site, np.int32),
        arrest=np.zeros(n, bool) if arrest is None else np.asarray(arrest, bool),
        turnout_s=np.full(n, float(turnout_s)),
        scene_s=np.broadcast_to(np.asarray(service_s, float), (n,)).copy(),
        hospital=np.full(n, -1, np.int32) if hospital is None else np.asarray(hospital, np.int32),
        handover_s=np.full(n, float(handover_s)),
    )


def poisson(rng: np.random.Generator, rate: float, n: int) -> np.ndarray:
    return np.cumsum(rng.exponential(1.0 / rate, n))


def erlang_b(servers: int, load: float) -> float:
    """Recursion B_k = a B_{k-1} / (k + a B_{k-1})."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    blocked = erlang_b(servers, load)
    return blocked / (1.0 - load / servers * (1.0 - blocked))


@pytest.mark.parametrize(("servers", "load", "expected"), [(2, 1.0, 0.2), (5, 4.0, 0.199067)])
@pytest.mark.parametrize("law", ["exponential", "constant", "lognormal"])
def test_loss_follows_erlang_b_for_every_law_of_service(servers, load, expected, law) -> None:
    rng = np.random.default_rng(7)
    n = 60_000
    service = {
        "exponential": rng.exponential(1.0, n),
        "constant": np.ones(n),
        "lognormal": rng.lognormal(-0.5, 1.0, n),
    }[law]
    at = poisson(rng, load, n)
    fleet = Fleet(tuple(Unit(str(i), 0) for i in range(servers)), NOWHERE, queue=False)
    lost = fleet.run(calls(at, service), at[-1] + 1e6).lost.mean()
    assert erlang_b(servers, load) == pytest.approx(expected, abs=1e-6)
    assert lost == pytest.approx(expected, abs=0.008)


@pytest.mark.parametrize(("servers", "load", "wait_share"), [(2, 1.0, 1 / 3), (5, 4.0, 0.554113)])
def test_waiting_follows_erlang_c(servers, load, wait_share) -> None:
    rng = np.random.default_rng(8)
    n = 120_000
    at = poisson(rng, load, n)
    fleet = Fleet(tuple(Unit(str(i), 0) for i in range(servers)), NOWHERE)
    result = fleet.run(calls(at, rng.exponential(1.0, n)), at[-1] + 1e6)
    wait = result.assigned_s - at
    mean = erlang_c(servers, load) / (servers - load)
    assert erlang_c(servers, load) == pytest.approx(wait_share, abs=1e-6)
    assert (wait > 1e-9).mean() == pytest.approx(wait_share, abs=0.02)
    assert wait.mean() == pytest.approx(mean, rel=0.06)


def hypercube_shares(result: FleetResult, zone: np.ndarray) -> np.ndarray:
    """[unit, zone] share of all calls."""
    return np.array([[np.mean((result.unit == u) & (zone == z)) for z in (0, 1)] for u in (0, 1)])


def test_two_units_share_the_work_as_the_hypercube_says() -> None:
    """Larson's two-unit hypercube: rates .6 and .4, service rate 1, each zone with its own unit."""
    rng = np.random.default_rng(9)
    n = 120_000
    at = poisson(rng, 1.0, n)
    zone = (rng.random(n) < 0.4).astype(np.int32)
    tiny = 1e-9  # preference without travel
    travel = np.array([[0.0, tiny], [tiny, 0.0]])
    fleet = Fleet((Unit("a", 0), Unit("b", 1)), travel, queue=False)
    result = fleet.run(calls(at, rng.exponential(1.0, n), site=zone), at[-1] + 1e6)
    expected = np.array([[0.348, 0.072], [0.132, 0.248]])
    assert hypercube_shares(result, zone) == pytest.approx(expected, abs=0.006)
    assert result.lost.mean() == pytest.approx(0.2, abs=0.006)
    assert result.busy_s / at[-1] == pytest.approx([0.42, 0.38], abs=0.008)


def test_two_units_with_a_queue_follow_the_hypercube_too() -> None:
    """The same units when calls wait: both free .3333, only the first busy .1833, the other .15."""
    rng = np.random.default_rng(12)
    n = 120_000
    at = poisson(rng, 1.0, n)
    zone = (rng.random(n) < 0.4).astype(np.int32)
    tiny = 1e-9
    fleet = Fleet((Unit("a", 0), Unit("b", 1)), np.array([[0.0, tiny], [tiny, 0.0]]))
    result = fleet.run(calls(at, rng.exponential(1.0, n), site=zone), at[-1] + 1e6)
    waited = result.assigned_s - at > 1e-6
    assert waited.mean() == pytest.approx(1 / 3, abs=0.01)
    assert result.busy_s / at[-1] == pytest.approx([0.516667, 0.483333], abs=0.008)
    # Calls see time averages: the share that meets an idle own unit, and then the other one.
    own = ~waited & (result.unit == zone)
    assert own[zone == 0].mean() == pytest.approx(0.333333 + 0.15, abs=0.01)
    assert own[zone == 1].mean() == pytest.approx(0.333333 + 0.183333, abs=0.01)


def test_nothing_is_lost_and_littles_law_holds() -> None:
    rng = np.random.default_rng(10)
    n = 20_000
    at = poisson(rng, 1.6, n)
    end = float(at[-1])
    fleet = Fleet((Unit("a", 0), Unit("b", 0)), NOWHERE)
    result = fleet.run(calls(at, rng.exponential(1.0, n)), end)
    finished = ~np.isnan(result.free_s)
    working = ~np.isnan(result.assigned_s) & ~finished
    waiting = np.isnan(result.assigned_s)
    assert finished.sum() + working.sum() + waiting.sum() == n
    assert working.sum() <= 2
    in_system_s = np.where(finished, result.free_s, end) - at
    moments = np.concatenate([at, result.free_s[finished], [end]])
    steps = np.concatenate([np.ones(n), -np.ones(finished.sum()), [0]])
    order = np.argsort(moments, kind="stable")
    area = np.sum(np.cumsum(steps[order])[:-1] * np.diff(moments[order]))
    assert area == pytest.approx(in_system_s.sum(), rel=1e-9)  # L T = sum of times = lambda W T


LINE = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0))) * 100.0  # sites 100 s apart


def test_soonest_unit_goes_and_turnout_counts_only_at_the_station() -> None:
    fleet = Fleet((Unit("a", 0), Unit("b", 4)), LINE)
    # Call 0 at site 1: unit a, 30 s turnout + 100 s. It is free at 130 + 60 = 190 at site 1.
    # Call 1 at t=190 at site 1: unit a is there: no turnout.
    result = fleet.run(calls([0.0, 190.0], 60.0, site=[1, 1], turnout_s=30.0), 1e5)
    assert result.unit.tolist() == [0, 0]
    assert result.arrived_s.tolist() == [130.0, 190.0]


def test_a_unit_on_its_way_home_is_met_between() -> None:
    fleet = Fleet((Unit("a", 0),), LINE)
    # Free at 400 + 10 = 410 at site 4; at 610 it is half way home; site 4 is 200 s away then.
    result = fleet.run(calls([0.0, 610.0], 10.0, site=[4, 4], turnout_s=0.0), 1e5)
    assert result.arrived_s[1] == pytest.approx(610.0 + 200.0)


def test_an_arrest_diverts_a_unit_and_the_other_call_waits_in_its_place() -> None:
    units = (Unit("a", 0),)
    arguments = {"site": [4, 1, 0], "arrest": [False, True, False]}
    result = Fleet(units, LINE).run(calls([0.0, 50.0, 60.0], 10.0, **arguments), 1e5)
    assert result.diverted.tolist() == [1, 0, 0]
    assert result.arrived_s[1] == pytest.approx(50.0 + (350 * 100 + 50 * 300) / 400)
    assert result.assigned_s[0] < result.assigned_s[2]
    stubborn = Fleet(units, LINE, divert=False).run(
        calls([0.0, 50.0, 60.0], 10.0, **arguments), 1e5
    )
    assert stubborn.arrived_s[1] == pytest.approx(410.0 + 300.0)
    assert stubborn.assigned_s[1] < stubborn.assigned_s[2]  # arrests first


def test_conveyance_and_handover_hold_the_crew() -> None:
    fleet = Fleet((Unit("a", 0),), LINE)
    job = calls([0.0], 60.0, site=[1], hospital=[3], handover_s=1_000.0)
    result = fleet.run(job, 1e5)
    assert result.free_s[0] == pytest.approx(100.0 + 60.0 + 200.0 + 1_000.0)


def test_a_call_waits_for_the_shift_to_begin() -> None:
    fleet = Fleet((Unit("a", 0, shifts=(500.0, 900.0)),), LINE)
    result = fleet.run(calls([100.0, 950.0], 10.0, site=[1, 1]), 1e5)
    assert result.assigned_s[0] == 500.0
    assert np.isnan(result.assigned_s[1])


def test_a_co_responder_goes_to_arrests_beside_the_ambulance() -> None:
    fleet = Fleet((Unit("a", 0), Unit("c", 2, co_responder=True)), LINE)
    result = fleet.run(calls([0.0, 1_000.0], 10.0, site=[2, 2], arrest=[True, False]), 1e5)
    assert result.co_arrived_s[0] == 0.0
    assert result.arrived_s[0] == 200.0
    assert np.isnan(result.co_arrived_s[1])
    assert result.co_unit.tolist() == [1, -1]


def test_times_must_ascend() -> None:
    with pytest.raises(ValueError, match="ascending"):
        calls([2.0, 1.0], 1.0)
