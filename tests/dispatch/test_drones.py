"""What the core does with drones, step by step; 0 s is the report."""

from __future__ import annotations

from typing import Any

import pytest
from fake_driver import Watch, crowd
from msgspec.structs import replace

from dispatch import describe, drones, explain
from dispatch.commands import (
    Command,
    EndDrone,
    FindCandidates,
    FindDrones,
    LaunchDrone,
    ReadyDrone,
    RecallDrone,
    SendAlert,
    TakeFromDrone,
    TellControl,
)
from dispatch.config import Drones, LoneRescuer, Policy, content_id, load_policy, parse_policy
from dispatch.errors import PolicyFileError
from dispatch.events import (
    AedAttached,
    AlertAccepted,
    AmbulanceArrived,
    AmbulanceEtaChanged,
    CandidatesFound,
    DroneAedTaken,
    DroneDelivered,
    DroneLaunched,
    DroneLost,
    DroneReady,
    DroneRefused,
    DronesFound,
    Event,
    HoldLifted,
    HoldPlaced,
    IncidentCancelled,
    IncidentClosed,
    IncidentConfirmed,
    IncidentReported,
    LocationChanged,
    ResponderArrived,
    ResponderDropped,
    SceneFacts,
    TimerFired,
)
from dispatch.model import (
    Alert,
    AlertStatus,
    DroneOption,
    DronePassed,
    DroneSide,
    DroneStatus,
    HoldKind,
    Role,
    TimerKind,
)
from dispatch.policies import Situation

BESIDE = load_policy("drones_beside_phased_7")
NEAR, FAR = DroneOption(3, 200.0), DroneOption(8, 400.0)
OF_DRONES = (FindDrones, ReadyDrone, LaunchDrone, RecallDrone, TakeFromDrone, EndDrone)


class Story(Watch):
    """One incident under one policy; keeps what was commanded of drones."""

    def __init__(self, policy: Policy = BESIDE, *options: DroneOption, **report: Any) -> None:
        super().__init__(policy)
        self.options = options or (NEAR, FAR)
        self.passed: tuple[DronePassed, ...] = ()
        self.answers = True
        self.commanded: list[Command] = []
        facts = {"ambulance_due_at_s": 900.0, "hands": 2, **report}
        self.at(0.0, IncidentReported("i", 51.5, 0.0, **facts))

    def at(self, now_s: float, event: Event) -> list[Command]:
        """What was commanded of drones because of this event, searches answered."""
        queue, said = [event], []
        while queue:
            for command in self.step(queue.pop(0), now_s):
                if isinstance(command, FindDrones) and self.answers:
                    options = tuple(
                        o for o in self.options if o.drone_id not in command.query.exclude
                    )
                    queue.append(DronesFound(command.query.query_id, options, self.passed))
                if isinstance(command, FindCandidates):
                    queue.append(CandidatesFound(command.query.query_id, 1, "r", crowd(4)))
                if isinstance(command, OF_DRONES):
                    said.append(command)
        self.commanded += said
        return said

    @property
    def side(self) -> DroneSide:
        assert self.state is not None
        assert self.state.drones is not None
        return self.state.drones

    @property
    def status(self) -> DroneStatus:
        return self.side.tasks[-1].status

    def delivered(self) -> list[Command]:
        self.at(50.0, DroneReady(1))
        self.at(51.0, DroneLaunched(1, 200.0))
        return self.at(200.0, DroneDelivered(1))


def kinds(commands: list[Command]) -> list[str]:
    return [type(command).__name__ for command in commands]


def with_rules(**rules: Any) -> Policy:
    return replace(BESIDE, drones=replace(BESIDE.drones, **rules))


# --- the word to go -----------------------------------------------------------------------------


def test_a_confirmed_arrest_sends_the_soonest_drone_beside_the_people() -> None:
    story = Story()
    assert kinds(story.commanded) == ["FindDrones", "LaunchDrone"]
    assert story.commanded[1] == LaunchDrone(1, NEAR.drone_id)
    assert len(story.sent) == 3


def test_on_suspicion_it_is_made_ready_and_wakes_nobody() -> None:
    story = Story(confirmed=False)
    assert kinds(story.commanded) == ["FindDrones", "ReadyDrone"]
    assert not story.sent
    assert story.at(40.0, DroneReady(1)) == []
    assert story.at(45.0, IncidentConfirmed()) == [LaunchDrone(1, 3)]
    assert story.side.tasks[0].told_to_go_at_s == 45.0


def test_without_that_rule_nothing_is_done_on_suspicion() -> None:
    story = Story(with_rules(ready_on_suspected=False), confirmed=False)
    assert story.commanded == []
    assert kinds(story.at(30.0, IncidentConfirmed())) == ["FindDrones", "LaunchDrone"]


def test_confirmed_after_hundreds_of_seconds_the_ambulance_is_too_near() -> None:
    story = Story(confirmed=False, ambulance_due_at_s=400.0)
    said = story.at(200.0, IncidentConfirmed())
    assert said[0] == LaunchDrone(1, 3)  # still being prepared: 200 s from its beginning
    story = Story(confirmed=False, ambulance_due_at_s=400.0)
    story.at(50.0, DroneReady(1))
    said = story.at(200.0, IncidentConfirmed())
    assert kinds(said) == ["RecallDrone", "EndDrone"]
    assert story.side.note == "no_gain"


def test_a_cancelled_suspicion_gives_the_drone_back() -> None:
    story = Story(confirmed=False)
    said = story.at(30.0, IncidentCancelled("no arrest"))
    assert said == [
        RecallDrone(1, 3, "cancelled"),
        EndDrone(1, 3, DroneStatus.RECALLED, "cancelled"),
    ]


@pytest.mark.parametrize(
    ("facts", "note"),
    [
        ({"age_years": 7.0}, "child"),
        ({"trauma": True}, "trauma"),
        ({"no_delivery": True}, "no_delivery_place"),
        ({"hands": 1}, "lone_rescuer"),
    ],
)
def test_who_is_ruled_out_gets_no_search_and_a_reason(facts: dict[str, Any], note: str) -> None:
    story = Story(**facts)
    assert story.commanded == []
    assert story.side.note == note
    assert note in explain.WORDS


def test_facts_that_come_later_recall_it_or_send_it() -> None:
    story = Story()
    story.at(40.0, DroneReady(1))
    assert kinds(story.at(60.0, SceneFacts(trauma=True))) == ["RecallDrone", "EndDrone"]
    story = Story(hands=1)
    assert kinds(story.at(60.0, SceneFacts(hands=2))) == ["FindDrones", "LaunchDrone"]


def test_no_gain_over_the_ambulance_and_another_look_when_it_is_late() -> None:
    story = Story(ambulance_due_at_s=300.0)
    assert kinds(story.commanded) == ["FindDrones"]
    assert story.side.note == "no_gain"
    assert kinds(story.at(60.0, AmbulanceEtaChanged(700.0))) == ["LaunchDrone"]


def facts_of(*alerts: Alert, due_s: float | None = None) -> Situation:
    return Situation(0.0, due_s, cpr_in_progress=True, alerts=alerts)


def aed_alert(status: AlertStatus, eta_s: float = 100.0) -> Alert:
    return Alert(1, 1, Role.AED, 101, eta_s, 60.0, 0.0, 0, "wave", status, accepted_at_s=0.0)


def test_a_volunteer_with_an_aed_counts_once_they_said_yes() -> None:
    late = DroneOption(1, 146.0)
    asked, going = aed_alert(AlertStatus.ASKED), aed_alert(AlertStatus.ACCEPTED)
    assert drones.choose(BESIDE, facts_of(asked), (late,))[0] is late
    assert drones.choose(BESIDE, facts_of(going), (late,)) == (None, "no_gain")  # 105 + 100 s
    soon = DroneOption(1, 145.0)
    assert drones.choose(BESIDE, facts_of(going), (soon,))[0] is soon


def test_when_that_volunteer_gives_up_the_drone_is_wanted() -> None:
    policy = replace(
        BESIDE, roles=replace(BESIDE.roles, split=load_policy("shares").roles.split, aed_share=1.0)
    )
    story = Story(policy, FAR, confirmed=False)
    story.answers = False
    story.at(1.0, SceneFacts(hands=1))
    story.at(2.0, IncidentConfirmed())
    number = next(i for i, a in story.sent.items() if a.role is Role.AED)
    story.at(10.0, AlertAccepted(number))
    story.answers = True
    story.at(11.0, SceneFacts(hands=2))
    assert story.side.note == "no_gain"
    assert "LaunchDrone" in kinds(story.at(40.0, ResponderDropped(number)))


def test_permission_that_is_unlikely_is_not_asked_for() -> None:
    unlikely, later = DroneOption(1, 100.0, 0.2), DroneOption(2, 150.0, 0.9)
    assert drones.choose(BESIDE, facts_of(), (unlikely,)) == (None, "permission_unlikely")
    assert drones.choose(BESIDE, facts_of(), (unlikely, later))[0] is later


def test_a_benefit_table_weighs_how_much_sooner_it_is() -> None:
    table = load_policy("benefit").benefit
    policy = replace(with_rules(least_gain_s=0.0), benefit=table)
    assert drones.choose(policy, facts_of(due_s=600.0), (NEAR,))[0] is NEAR
    assert drones.choose(policy, facts_of(due_s=250.0), (NEAR,)) == (None, "no_gain")


def test_ties_go_to_the_lower_number() -> None:
    tied = (DroneOption(9, 100.0), DroneOption(4, 100.0))
    assert drones.choose(BESIDE, facts_of(), tied)[0] is tied[1]


def test_why_no_drone_can_go_is_the_reason_of_the_one_that_came_farthest() -> None:
    story = Story(confirmed=False, hands=1)
    story.options = ()
    story.passed = (DronePassed(1, "too_far"), DronePassed(2, "wind"), DronePassed(3, "busy"))
    story.at(3.0, SceneFacts(hands=2))
    assert story.side.note == "wind"
    assert drones.farthest(()) == "no_drone"
    assert set(drones.STOPPED_AT) <= set(explain.WORDS)


def test_no_answer_in_time_is_no_drone_and_control_knows() -> None:
    story = Story(confirmed=False, hands=1)
    story.answers = False
    story.at(1.0, SceneFacts(hands=2))
    story.at(3.0, TimerFired(TimerKind.DRONES, 1))
    assert story.side.note == "no_drone"
    assert TellControl("no_answer_about_drones", "no answer in time") in story.steps[-1].commands


# --- on the way ---------------------------------------------------------------------------------


def test_a_lost_claim_or_drone_is_followed_by_another_one_and_then_none() -> None:
    story = Story()
    said = story.at(0.5, DroneRefused(1, "claimed"))
    assert said[0] == EndDrone(1, 3, DroneStatus.REFUSED, "claimed")
    assert said[1:] == [FindDrones(said[1].query), LaunchDrone(2, FAR.drone_id)]  # type: ignore[union-attr]
    assert kinds(story.at(60.0, DroneLost(2, "start_failed"))) == ["EndDrone"]
    assert TellControl("drone_lost", "start_failed") in story.steps[-1].commands


def test_it_is_recalled_when_the_crew_is_there_and_kept_where_the_policy_says_so() -> None:
    story = Story()
    said = story.at(100.0, AmbulanceArrived())
    assert kinds(said) == ["RecallDrone", "EndDrone"]
    assert said[0].reason == "crew_on_scene"  # type: ignore[union-attr]
    kept = Story(with_rules(recall_on_crew=False))
    assert kept.at(100.0, AmbulanceArrived()) == []
    assert kinds(kept.at(200.0, IncidentClosed())) == ["RecallDrone", "EndDrone"]


def test_another_aed_on_the_patient_recalls_it_and_no_other_goes() -> None:
    story = Story()
    assert kinds(story.at(100.0, AedAttached())) == ["RecallDrone", "EndDrone"]
    assert story.at(120.0, AmbulanceEtaChanged(5000.0)) == []


@pytest.mark.parametrize("kind", list(HoldKind))
def test_a_hold_recalls_it_and_lifting_sends_another(kind: HoldKind) -> None:
    story = Story()
    assert kinds(story.at(20.0, HoldPlaced(kind))) == ["RecallDrone", "EndDrone"]
    assert story.side.note in {"unsafe_scene", "held"}
    assert kinds(story.at(40.0, HoldLifted(kind))) == ["FindDrones", "LaunchDrone"]


def test_a_patient_elsewhere_is_looked_for_anew() -> None:
    story = Story()
    said = story.at(20.0, LocationChanged(51.6, 0.0))
    assert kinds(said) == ["RecallDrone", "EndDrone", "FindDrones", "LaunchDrone"]
    assert said[2].query.lat == 51.6  # type: ignore[union-attr]


# --- hands --------------------------------------------------------------------------------------


def test_with_two_at_the_scene_a_bystander_goes_for_it() -> None:
    story = Story()
    assert story.delivered() == [TakeFromDrone(1, 3, None)]
    story.at(230.0, DroneAedTaken(1))
    assert story.status is DroneStatus.TAKEN
    assert story.at(900.0, IncidentClosed()) == [EndDrone(1, 3, DroneStatus.COMPLETED, "closed")]


@pytest.mark.parametrize("rule", list(LoneRescuer))
def test_somebody_alone_goes_only_where_the_policy_lets_them(rule: LoneRescuer) -> None:
    story = Story(with_rules(lone_rescuer=rule), hands=1)
    assert bool(story.commanded) == (rule is not LoneRescuer.NEVER)
    if story.commanded:
        expected = [TakeFromDrone(1, 3, None)] if rule is LoneRescuer.ALLOWED else []
        assert story.delivered() == expected


def test_a_volunteer_at_the_scene_goes_for_it_before_a_bystander() -> None:
    story = Story()
    first = next(c for c in story.sent.values() if isinstance(c, SendAlert))
    story.at(30.0, AlertAccepted(first.alert_id))
    story.at(150.0, ResponderArrived(first.alert_id))
    assert story.delivered() == [TakeFromDrone(1, 3, first.alert_id)]


def test_with_nobody_there_it_waits_for_the_first_volunteer() -> None:
    story = Story(hands=0)
    story.at(30.0, AlertAccepted(1))
    assert story.delivered() == []
    assert story.at(260.0, ResponderArrived(1)) == [TakeFromDrone(1, 3, 1)]


# --- off, and in words --------------------------------------------------------------------------


def test_without_drones_nothing_is_commanded_or_kept() -> None:
    watch = Watch(load_policy("phased_7"))
    watch.step(IncidentReported("i", 51.5, 0.0, hands=2, trauma=False), 0.0)
    watch.step(SceneFacts(hands=1), 1.0)
    watch.step(AedAttached(), 2.0)
    assert watch.state is not None
    assert watch.state.drones is None
    assert not [c for step in watch.steps for c in step.commands if isinstance(c, OF_DRONES)]
    assert [step.ignored for step in watch.steps] == ["", "drones_not_used", "drones_not_used"]


def test_rules_for_drones_change_the_hash_only_where_a_file_says_something_else() -> None:
    policy = load_policy("phased_7")
    assert content_id(replace(policy, drones=Drones())) == policy.policy_id
    other = replace(policy, drones=Drones(tries=3))
    assert content_id(other) != policy.policy_id


def test_drones_are_not_for_live_use_without_a_signature() -> None:
    text = b'title="x"\ncitation="x"\nlive_use="allowed"\n[drones]\nuse=true\n'
    with pytest.raises(PolicyFileError, match="live_use"):
        parse_policy(text, name="x", file="x.toml")


def test_the_story_of_a_drone_is_told() -> None:
    story = Story(confirmed=False)
    story.at(44.0, DroneReady(1))
    story.at(50.0, IncidentConfirmed())
    story.at(51.0, DroneLaunched(1, 200.0))
    story.at(200.0, DroneDelivered(1))
    story.at(225.0, DroneAedTaken(1))
    told = "\n".join(str(line) for line in explain.story(story.steps))
    for line in (
        "0:00 2 drones could go.",
        "0:00 Drone 3 is being made ready.",
        "0:50 Drone 3 was told to go.",
        "3:20 A bystander was asked to go for the drone's AED.",
        "3:45 Somebody has the drone's AED.",
    ):
        assert line in told


def test_the_rules_are_told_in_words() -> None:
    text = " ".join(describe.describe(BESIDE))
    assert "60 s sooner than any other" in text
    assert "No drone for children under 8, injuries, somebody alone" in text
    assert "drone" not in " ".join(describe.describe(load_policy("phased_7"))).lower()
