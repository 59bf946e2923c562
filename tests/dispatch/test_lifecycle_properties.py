"""Whatever happens, in whatever order: what must hold of every incident.

A random walk sends late, doubled, reordered and senseless events to the core under random
policies; ``fake_driver.Watch`` checks every step.
"""

from __future__ import annotations

import random

import pytest
from fake_driver import Watch, crowd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from dispatch import events
from dispatch.commands import EndAlert, FindCandidates, StartTimer
from dispatch.config import (
    Ambulance,
    Benefit,
    Enough,
    LiveUse,
    Policy,
    Replacement,
    Roles,
    Split,
    Wave,
)
from dispatch.model import HoldKind, Order, Phase, Query, Resource, Role, Scene, TimerKind

BENEFIT = Benefit("test", (0.0, 600.0), (0.0, 900.0), ((0.6, 0.1), (0.2, 0.0)))


def random_policy(rng: random.Random) -> Policy:
    yes = rng.randint(1, 3)
    split = rng.choice(list(Split))
    starts = sorted(rng.sample([20.0, 40.0, 90.0, 200.0], rng.randint(0, 2)))
    return Policy(
        title="random",
        citation="test",
        live_use=LiveUse.SIMULATION_ONLY,
        waves=tuple(Wave(at_s, rng.randint(1, 5)) for at_s in (0.0, *starts)),
        bound_s=rng.choice([300.0, 900.0]),
        order=rng.choice(list(Order)),
        limit=rng.choice([None, 1, 4]),
        enough=Enough(
            yes=yes,
            cpr=rng.choice([0, 1]),
            aed=0 if split is Split.NONE else rng.choice([0, 1]),
            places=rng.choice([None, yes, yes + 2]),
            withdraw_asked=rng.random() < 0.5,
        ),
        replacement=Replacement(*(rng.random() < 0.7 for _ in range(5))),
        roles=Roles(split=split, sequence=(Role.AED, Role.CPR)),
        ambulance=Ambulance(rng.random() < 0.3, rng.choice([-60.0, 0.0, 60.0]), rng.random() < 0.7),
        benefit=BENEFIT,
        ask_when_scene_unknown=rng.random() < 0.8,
        policy_id="random",
    )


class Chaos:
    """Draws what happens next to one incident; also what never should."""

    def __init__(self, rng: random.Random, policy: Policy) -> None:
        self.rng = rng
        self.watch = Watch(policy)
        self.now_s = 1000.0
        self.queries: list[Query] = []
        self.due: list[tuple[float, TimerKind, int]] = []
        self.people = crowd(rng.choice([0, 2, 6, 30]))

    def feed(self, event: events.Event) -> None:
        for command in self.watch.step(event, self.now_s):
            if isinstance(command, FindCandidates):
                self.queries.append(command.query)
            elif isinstance(command, StartTimer):
                self.due.append((command.due_at_s, command.kind, command.ref))

    def begin(self) -> None:
        rng = self.rng
        self.feed(
            events.IncidentReported(
                "x",
                51.0,
                0.0,
                confirmed=rng.random() < 0.8,
                scene=rng.choice([Scene.SAFE, Scene.SAFE, Scene.UNKNOWN, Scene.UNSAFE]),
                ambulance_due_at_s=rng.choice([None, self.now_s + 400.0]),
                utc_offset_s=rng.choice([0.0, 3600.0 * 12]),
            )
        )

    def anything(self) -> None:
        rng = self.rng
        choice = rng.random()
        if choice < 0.25 and self.queries:
            self.feed(self.found(rng.choice(self.queries[-2:])))
        elif choice < 0.45 and self.due:
            self.fire()
        elif choice < 0.85:
            self.feed(self.of_an_alert(rng.randint(0, len(self.watch.sent) + 1)))
        else:
            self.feed(self.of_control())
        if rng.random() < 0.3:
            self.now_s += rng.choice([0.0, 1.0, 15.0, 60.0])

    def fire(self) -> None:
        """The timer that is due next, or any that ever was: a stale one is data."""
        stale = self.rng.random() < 0.2
        at_s, kind, ref = self.rng.choice(self.due) if stale else min(self.due)
        if not stale:
            self.due.remove((at_s, kind, ref))
            self.now_s = max(self.now_s, at_s)
        self.feed(events.TimerFired(kind, ref))

    def found(self, query: Query) -> events.Event:
        rng = self.rng
        if rng.random() < 0.15:
            return events.CandidatesFailed(query.query_id, "broken")
        people = [p for p in self.people if (p.direct_s or 0.0) <= query.bound_s]
        if rng.random() < 0.9:  # otherwise a driver that forgot whom not to list
            people = [p for p in people if p.responder_id not in query.exclude]
        rng.shuffle(people)
        return events.CandidatesFound(
            query.query_id,
            1,
            "r",
            tuple(people[: query.limit]),
            straight_line=query.straight_line,
            cut=len(people) > query.limit,
        )

    def of_an_alert(self, number: int) -> events.Event:
        rng = self.rng
        alert = self.watch.sent.get(number)
        aed_id = (alert.aed_id if alert else None) or 101
        person = alert.responder_id if alert else 1
        likely: tuple[events.Event, ...] = (
            events.AlertDelivered(number),
            events.AlertAccepted(number),
            events.AlertAccepted(number),
            events.ResponderMoving(number),
            events.ResponderArrived(number),
            events.PatientReached(number),
        )
        if rng.random() < 0.6:
            return rng.choice(likely)
        return rng.choice(
            (
                events.AlertSeen(number),
                events.AlertDeclined(number),
                events.AlertUndelivered(number, "gone"),
                events.AedObtained(number, aed_id),
                events.AedUnavailable(number, aed_id, "locked"),
                events.ResponderDropped(number),
                events.ClaimRefused(number, Resource.RESPONDER, person, "engaged"),
                events.ClaimRefused(number, Resource.AED, aed_id, "claimed"),
                events.ClaimRefused(number, Resource.DRONE, 1, "gone"),
            )
        )

    def of_control(self) -> events.Event:
        rng = self.rng
        kind = rng.choice(list(HoldKind))
        due_at_s = rng.choice([None, self.now_s - 5.0, self.now_s + 200.0, self.now_s + 900.0])
        options: list[events.Event] = [
            events.IncidentConfirmed(),
            events.IncidentReported("x", 51.0, 0.0),
            events.LocationChanged(51.0 + rng.random(), 0.0),
            events.CprStatusChanged(rng.random() < 0.5),
            events.HoldPlaced(kind, "why", "who"),
            events.HoldLifted(kind, "who"),
            events.HoldLifted(kind, "who"),
            events.AmbulanceEtaChanged(due_at_s),
        ]
        rare: list[events.Event] = [
            events.AmbulanceArrived(),
            events.IncidentCancelled("error"),
            events.IncidentClosed(),
        ]
        return rng.choice(rare if rng.random() < 0.15 else options)

    def finish(self) -> None:
        """Nobody does anything any more: timers alone must end the incident."""
        while self.due:
            self.now_s = max(self.now_s, min(self.due)[0])
            due, self.due = min(self.due), sorted(self.due)[1:]
            self.feed(events.TimerFired(due[1], due[2]))
        state = self.watch.state
        assert state is not None
        assert state.phase in {Phase.ENDED, Phase.NEW}
        assert self.watch.sent.keys() == self.watch.ended.keys()


def walk(seed: int, steps: int) -> Chaos:
    rng = random.Random(seed)
    chaos = Chaos(rng, random_policy(rng))
    if rng.random() < 0.05:
        chaos.anything()  # something before the report
    chaos.begin()
    for _ in range(steps):
        chaos.anything()
    chaos.finish()
    return chaos


@pytest.mark.parametrize("block", range(10))
def test_random_walks_keep_every_promise(block: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        try:
            walk(seed, steps=60)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.slow
def test_many_random_walks_keep_every_promise() -> None:
    for seed in range(1000, 6000):
        walk(seed, steps=90)


def test_the_walks_reach_every_outcome() -> None:
    outcomes = set()
    for seed in range(150):
        chaos = walk(seed, steps=60)
        outcomes |= {end.outcome.value for end in chaos.watch.ended.values()}
    assert outcomes == {
        "declined", "undelivered", "refused", "withdrawn", "expired", "stood_down", "dropped",
        "lapsed", "completed",
    }  # fmt: skip


class IncidentMachine(RuleBasedStateMachine):
    """The same chaos, chosen by Hypothesis, so that a broken promise shrinks to a short story."""

    def __init__(self) -> None:
        super().__init__()
        self.chaos = Chaos(random.Random(0), random_policy(random.Random(0)))

    @initialize(seed=st.integers(0, 2000))
    def report(self, seed: int) -> None:
        self.chaos = Chaos(random.Random(seed), random_policy(random.Random(seed)))
        self.chaos.begin()

    @precondition(lambda self: self.chaos.queries)
    @rule(late=st.booleans())
    def answer(self, late: bool) -> None:
        queries = self.chaos.queries
        self.chaos.feed(self.chaos.found(queries[-2] if late and len(queries) > 1 else queries[-1]))

    @precondition(lambda self: self.chaos.due)
    @rule()
    def fire(self) -> None:
        self.chaos.fire()

    @rule(number=st.integers(0, 12))
    def person(self, number: int) -> None:
        self.chaos.feed(self.chaos.of_an_alert(number))

    @rule()
    def control(self) -> None:
        self.chaos.feed(self.chaos.of_control())

    @rule(seconds=st.sampled_from([0.0, 5.0, 60.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.chaos.now_s += seconds

    def teardown(self) -> None:
        if self.chaos.watch.state is not None:
            self.chaos.finish()


TestIncidentMachine = IncidentMachine.TestCase
TestIncidentMachine.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_every_alert_has_one_end_that_the_state_remembers() -> None:
    for seed in range(60):
        watch = walk(seed, steps=60).watch
        assert watch.state is not None
        for alert in watch.state.alerts:
            end: EndAlert = watch.ended[alert.alert_id]
            assert (alert.status, alert.end_reason) == (end.outcome, end.reason)
            assert alert.ended_at_s is not None
