"""Whatever happens to drones, in whatever order: what must hold of every task.

A random walk sends late, doubled and senseless news; ``fake_driver.Watch`` checks every step.
"""

from __future__ import annotations

import random

import pytest
from fake_driver import Watch, crowd
from msgspec.structs import replace

from dispatch import events
from dispatch.commands import EndDrone, FindCandidates, FindDrones, LaunchDrone, ReadyDrone
from dispatch.config import Benefit, Drones, LoneRescuer, Policy, load_policy
from dispatch.model import DroneOption, DronePassed, DroneStatus, HoldKind, Phase, TimerKind

BENEFIT = Benefit("test", (0.0, 600.0), (0.0, 900.0), ((0.6, 0.1), (0.2, 0.0)))


def random_policy(rng: random.Random) -> Policy:
    base = load_policy(rng.choice(["drones_beside_phased_7", "drones_only"]))
    drones = Drones(
        use=True,
        ready_on_suspected=rng.random() < 0.7,
        not_for_trauma=rng.random() < 0.7,
        lone_rescuer=rng.choice(list(LoneRescuer)),
        least_gain_s=rng.choice([0.0, 60.0]),
        tries=rng.choice([1, 2, 3]),
        recall_on_crew=rng.random() < 0.7,
        recall_on_aed=rng.random() < 0.7,
    )
    return replace(base, drones=drones, benefit=rng.choice([None, BENEFIT]))


class Walk:
    """Draws what happens next to one incident and keeps the drones' claims as a driver does."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.watch = Watch(random_policy(self.rng))
        self.now_s = 1000.0
        self.queries: list[int] = []
        self.held: dict[int, int] = {}  # drone -> task
        self.ends: list[EndDrone] = []

    def feed(self, event: events.Event) -> None:
        for command in self.watch.step(event, self.now_s):
            match command:
                case FindDrones(query):
                    self.queries.append(query.query_id)
                case ReadyDrone(task, drone) | LaunchDrone(task, drone):
                    assert self.held.get(drone, task) == task, "claimed while another task held it"
                    self.held[drone] = task
                case EndDrone(task, drone):
                    assert self.held.pop(drone) == task
                    self.ends.append(command)
                case FindCandidates(query):
                    people = crowd(4)
                    self.feed_later(events.CandidatesFound(query.query_id, 1, "r", people))

    def feed_later(self, event: events.Event) -> None:
        self.later = event

    later: events.Event | None = None

    def step(self) -> None:
        if self.later is not None:
            event, self.later = self.later, None
            self.feed(event)
            return
        rng = self.rng
        choice = rng.random()
        if choice < 0.3 and self.queries:
            self.feed(self.answer())
        elif choice < 0.7:
            self.feed(self.news())
        elif choice < 0.8 and self.watch.timers:
            kind, ref = rng.choice(sorted(self.watch.timers))
            self.feed(events.TimerFired(kind, ref))
        elif choice < 0.9:
            self.feed(self.of_people())
        else:
            self.feed(self.of_control())
        if rng.random() < 0.4:
            self.now_s += rng.choice([1.0, 20.0, 100.0])

    def answer(self) -> events.Event:
        rng, query_id = self.rng, self.rng.choice(self.queries[-2:])
        if rng.random() < 0.1:
            return events.DronesFailed(query_id, "broken")
        options = tuple(
            DroneOption(drone, rng.choice([60.0, 200.0, 900.0]), rng.choice([0.1, 0.8, 1.0]))
            for drone in range(rng.choice([0, 1, 3]))
        )
        return events.DronesFound(
            query_id, options, (DronePassed(7, rng.choice(["wind", "busy"])),)
        )

    def news(self) -> events.Event:
        rng = self.rng
        task = rng.randint(0, len(self.watch.drones) + 1)
        return rng.choice(
            (
                events.DroneRefused(task, "claimed"),
                events.DroneReady(task),
                events.DroneReady(task),
                events.DroneLaunched(task, self.now_s + 100.0),
                events.DroneLaunched(task, self.now_s + 100.0),
                events.DroneEtaChanged(task, self.now_s + 50.0),
                events.DroneDelivered(task),
                events.DroneAedTaken(task, rng.choice([None, 1])),
                events.DroneLost(task, "start_failed"),
            )
        )

    def of_people(self) -> events.Event:
        rng, number = self.rng, self.rng.randint(1, 3)
        return rng.choice(
            (
                events.AlertAccepted(number),
                events.ResponderMoving(number),
                events.AedObtained(number, 101),
                events.ResponderArrived(number),
                events.ResponderArrived(number),
                events.PatientReached(number),
                events.ResponderDropped(number),
                events.AedAttached(),
            )
        )

    def of_control(self) -> events.Event:
        rng = self.rng
        kind = rng.choice(list(HoldKind))
        rare = (events.AmbulanceArrived(), events.IncidentCancelled("x"), events.IncidentClosed())
        likely = (
            events.IncidentConfirmed(),
            events.IncidentReported("x", 51.0, 0.0, hands=2),
            events.LocationChanged(51.0 + rng.random(), 0.0),
            events.SceneFacts(hands=rng.choice([0, 1, 2])),
            events.SceneFacts(trauma=rng.random() < 0.3, age_years=rng.choice([None, 5.0, 60.0])),
            events.SceneFacts(no_delivery=rng.random() < 0.3),
            events.HoldPlaced(kind),
            events.HoldLifted(kind),
            events.HoldLifted(kind),
            events.AmbulanceEtaChanged(rng.choice([None, self.now_s + 900.0])),
        )
        return rng.choice(rare if rng.random() < 0.1 else likely)

    def finish(self) -> None:
        """Nobody does anything any more: timers alone end the incident and every task."""
        while self.watch.timers:
            self.now_s += 400.0
            kind, ref = min(self.watch.timers)
            self.feed(events.TimerFired(kind, ref))
        assert self.watch.state is not None
        assert self.watch.state.phase is Phase.ENDED
        assert self.held == {}, "a claim that nobody gave back"
        assert len(self.ends) == len(self.watch.drones)


def walk(seed: int, steps: int = 60) -> Walk:
    chaos = Walk(seed)
    due_at_s = chaos.rng.choice([None, 1000.0 + 900.0])
    sure = chaos.rng.random() < 0.5
    chaos.feed(events.IncidentReported("x", 51.0, 0.0, confirmed=sure, ambulance_due_at_s=due_at_s))
    for _ in range(steps):
        chaos.step()
    chaos.finish()
    return chaos


@pytest.mark.parametrize("block", range(6))
def test_every_drone_that_is_taken_is_given_back_once(block: int) -> None:
    for seed in range(block * 50, block * 50 + 50):
        try:
            walk(seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.slow
def test_many_walks_of_drones() -> None:
    for seed in range(10_000, 14_000):
        walk(seed, steps=90)


def test_the_walks_see_every_outcome_and_every_status() -> None:
    outcomes, timers = set(), set()
    for seed in range(150):
        chaos = walk(seed)
        outcomes |= {end.outcome for end in chaos.ends}
        timers |= {
            step.event.kind
            for step in chaos.watch.steps
            if isinstance(step.event, events.TimerFired)
        }
    assert outcomes == {
        DroneStatus.REFUSED,
        DroneStatus.RECALLED,
        DroneStatus.LOST,
        DroneStatus.COMPLETED,
    }
    assert TimerKind.DRONES in timers
