"""What a policy does, told as a story: these tests are meant to be read.

Person ``i`` is about ``40 + 20 i`` seconds away and 60 i metres; every third has no AED on the
way. Whoever is not named in ``people`` never answers. All at noon, unless said otherwise.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from fake_driver import FakeDriver, crowd
from msgspec.structs import replace

from dispatch.commands import EndAlert, FindCandidates, StartTimer
from dispatch.config import Enough, Policy, load_policy, preset_names
from dispatch.events import (
    AedObtained,
    AedUnavailable,
    AlertAccepted,
    AlertDeclined,
    AlertDelivered,
    AlertUndelivered,
    AmbulanceArrived,
    AmbulanceEtaChanged,
    CandidatesFailed,
    CandidatesFound,
    Event,
    HoldLifted,
    HoldPlaced,
    IncidentCancelled,
    IncidentClosed,
    IncidentConfirmed,
    IncidentReported,
    LocationChanged,
    PatientReached,
    ResponderArrived,
    ResponderDropped,
    ResponderMoving,
)
from dispatch.explain import story, why_not
from dispatch.lifecycle import Core
from dispatch.model import HoldKind, Phase, Query, Scene, TimerKind

NOON_S = 12 * 3600.0
Said = tuple[tuple[float, Callable[[int], Event]], ...]


def no(after_s: float) -> Said:
    return ((after_s, AlertDeclined),)


def yes(after_s: float, *then: tuple[float, Callable[[int], Event]]) -> Said:
    return ((after_s, AlertAccepted), *then)


def goes(after_s: float) -> Said:
    """Yes, off a minute later, there after three more minutes."""
    return yes(
        after_s,
        (after_s + 60.0, ResponderMoving),
        (after_s + 240.0, ResponderArrived),
        (after_s + 250.0, PatientReached),
    )


def play(
    policy: str | Policy,
    people: dict[int, Said],
    *outside: tuple[float, Event],
    crowd_of: int = 12,
    until_s: float = 1e9,
    **facts: Any,
) -> FakeDriver:
    rules = load_policy(policy) if isinstance(policy, str) else policy
    driver = FakeDriver(
        rules,
        crowd(crowd_of),
        lambda sent: [
            (after_s, what(sent.alert_id)) for after_s, what in people.get(sent.responder_id, ())
        ],
    )
    driver.report(NOON_S, **facts)
    for after_s, event in outside:
        driver.plan(NOON_S + after_s, event)
    driver.run(NOON_S + until_s)
    return driver


def told(driver: FakeDriver) -> str:
    return "\n".join(str(line) for line in story(driver.steps))


def is_told(driver: FakeDriver, text: str) -> bool:
    expected = textwrap.dedent(text).strip()
    assert told(driver) == expected
    return True


def asked(driver: FakeDriver) -> list[tuple[float, int, str]]:
    return [(at_s - NOON_S, person, role) for at_s, person, role in driver.asked()]


CREW = (420.0, AmbulanceArrived())
END = (900.0, IncidentClosed())


def test_as_today_asks_nobody() -> None:
    assert is_told(
        play("as_today", {1: goes(20)}, CREW, END),
        """
        0:00 Reported: confirmed; scene unknown.
        7:00 The ambulance is there.
        15:00 Closed.
        """,
    )


def test_nearest_3_replaces_a_no_but_not_a_silence() -> None:
    assert is_told(
        play("nearest_3", {1: no(25), 2: goes(30)}, CREW, END),
        """
        0:00 Reported: confirmed; scene unknown.
        0:00 Looked for people within 500 m and about 15 min of travel.
        0:00 8 may be asked.
        0:00 Asked 1: next of those who may be asked; about 1 min, straight to the patient.
        0:00 Asked 2: next of those who may be asked; about 1 min, straight to the patient.
        0:00 Asked 3: next of those who may be asked; about 2 min, straight to the patient.
        0:25 1 said not this time.
        0:25 Asked 4: next after somebody who cannot or does not answer; about 2 min, straight to the patient.
        0:30 2 said yes.
        0:30 Sent 2 straight to the patient: said yes.
        0:45 3 has not answered yet.
        1:10 4 has not answered yet.
        1:10 Control was told: Nobody more will be asked (1 going).
        1:30 2 has set off.
        4:30 2 is at the scene.
        4:40 2 is with the patient.
        7:00 The ambulance is there.
        7:00 3 is not needed any more: the ambulance is there.
        7:00 4 is not needed any more: the ambulance is there.
        15:00 Closed.
        15:00 2 has finished: the emergency is over.
        """,  # noqa: E501
    )


def test_phased_7_asks_three_then_seven_more_and_spares_the_rest_after_two_yes() -> None:
    driver = play("phased_7", {1: no(25), 4: goes(40), 6: goes(35)}, CREW, END, crowd_of=20)
    first = [(0.0, 1), (0.0, 2), (0.0, 3)]
    instead = [(25.0, 4), (45.0, 5), (45.0, 6)]  # of 1, who said no, and of 2 and 3, who are silent
    wave = [(60.0, i) for i in range(7, 14)]
    assert [(at_s, person) for at_s, person, _ in asked(driver)] == first + instead + wave
    ends = {end.responder_id: (end.outcome.value, end.reason) for end in driver.ended.values()}
    assert ends[1] == ("declined", "said_no")
    assert ends[4] == ends[6] == ("completed", "closed")
    spared = [person for person, end in ends.items() if end == ("withdrawn", "enough_coming")]
    assert spared == [2, 3, 5, *range(7, 14)]


def test_phased_7_waits_longer_for_an_answer_at_night() -> None:
    driver = play("phased_7", {}, crowd_of=4, until_s=100, utc_offset_s=-12 * 3600.0)
    assert asked(driver) == [(0.0, 1, "cpr"), (0.0, 2, "cpr"), (0.0, 3, "cpr"), (60.0, 4, "cpr")]
    assert driver.state is not None
    assert [alert.replaced for alert in driver.state.alerts] == [True, True, True, False]


def test_after_enough_a_drop_out_is_replaced_by_one_person() -> None:
    drops = yes(10, (100, ResponderDropped))
    driver = play("phased_7", {1: goes(5), 2: drops}, (30, AmbulanceEtaChanged(None)), until_s=120)
    assert [person for _, person, __ in asked(driver)][:3] == [1, 2, 3]
    assert driver.ended[3].reason == "enough_coming"
    # 3, spared before answering, is the soonest; and the second wave is due by now
    assert asked(driver)[3][:2] == (100.0, 3)


def test_a_yes_without_setting_off_lapses_after_the_lease() -> None:
    lease_s = load_policy("nearest_3").lease.day_s
    driver = play("nearest_3", {1: yes(10), 2: no(5), 3: no(5)}, until_s=400, crowd_of=4)
    ends = [(end.responder_id, end.outcome.value, end.tell) for end in driver.ended.values()]
    assert (1, "lapsed", True) in ends
    assert driver.steps[-1].now_s == NOON_S + 10 + lease_s


def test_the_lease_is_longer_at_night() -> None:
    lease = load_policy("nearest_3").lease
    driver = play("nearest_3", {1: yes(10)}, until_s=10, utc_offset_s=-12 * 3600.0)
    due = [
        command.due_at_s
        for step in driver.steps
        for command in step.commands
        if isinstance(command, StartTimer) and command.kind is TimerKind.LEASE
    ]
    assert due == [NOON_S + 10 + lease.night_s]
    assert lease.night_s > lease.day_s


def test_shares_send_two_of_three_by_way_of_an_aed() -> None:
    driver = play("shares", {}, until_s=1)
    assert [(person, role) for _, person, role in asked(driver)] == [
        (1, "aed"),
        (2, "aed"),
        (3, "cpr"),
    ]


def test_detour_sends_by_way_of_an_aed_only_where_it_is_hardly_longer() -> None:
    # person i: 40 + 20 i straight; by way of an AED 70 + 24 i, of it 30 at the AED: 40 + 24 i
    roles = {person: role for _, person, role in asked(play("detour", {}, until_s=61))}
    assert roles[1] == "cpr"  # 64 against 60 s: 6.7 % longer
    assert set(roles.values()) == {"cpr"}
    nearer = load_policy("detour")
    wide = play(_with_detour(nearer, 0.07), {}, until_s=1)
    assert [role for _, __, role in asked(wide)] == ["aed", "cpr", "cpr"]


def _with_detour(policy: Policy, share: float) -> Policy:
    return replace(policy, roles=replace(policy.roles, detour_share=share))


def test_benefit_sends_the_next_to_an_aed_once_somebody_gives_cpr() -> None:
    without = asked(play("benefit", {}, until_s=1, ambulance_due_at_s=NOON_S + 600))
    with_cpr = asked(
        play("benefit", {}, until_s=1, ambulance_due_at_s=NOON_S + 600, cpr_in_progress=True)
    )
    assert [role for _, __, role in with_cpr] == ["aed", "aed", "cpr"]  # 3 has no AED on the way
    assert [role for _, __, role in without].count("aed") <= 2


def test_heartrunner_sends_the_first_four_who_say_yes_to_aeds() -> None:
    driver = play(
        "heartrunner_denmark", {i: yes(10 + i) for i in range(1, 12)}, until_s=60, crowd_of=11
    )
    sent = [
        (command.responder_id, command.role.value)
        for step in driver.steps
        for command in step.commands
        if type(command).__name__ == "Assign"
    ]
    # 3 has no AED on the way; the AEDs of 4 and 5 are being fetched by 1 and 2
    assert sent[:5] == [(1, "aed"), (2, "aed"), (3, "cpr"), (4, "cpr"), (5, "cpr")]


def test_lebensretter_asks_nobody_who_comes_after_the_ambulance() -> None:
    driver = play("lebensretter_3", {}, until_s=1, ambulance_due_at_s=NOON_S + 130)
    assert [person for _, person, __ in asked(driver)] == [1, 2, 3, 4]
    late = play("lebensretter_3", {}, until_s=1, ambulance_due_at_s=NOON_S + 30)
    assert asked(late) == []
    assert late.told() == ["nobody_coming"]


def test_a_later_ambulance_lets_lebensretter_ask_again() -> None:
    driver = play(
        "lebensretter_3",
        {},
        (10, AmbulanceEtaChanged(NOON_S + 110)),
        until_s=11,
        ambulance_due_at_s=NOON_S + 30,
    )
    assert [(at_s, person) for at_s, person, _ in asked(driver)] == [
        (10.0, 1),
        (10.0, 2),
        (10.0, 3),
    ]


ASKING = [name for name in preset_names() if load_policy(name).waves]


@pytest.mark.parametrize("name", ASKING)
def test_where_everybody_is_willing_every_policy_gets_its_people(name: str) -> None:
    driver = play(name, {i: goes(15) for i in range(1, 31)}, crowd_of=30, until_s=200)
    state, policy = driver.state, load_policy(name)
    assert state is not None
    said_yes = sum(alert.accepted_at_s is not None for alert in state.alerts)
    spared = policy.enough.withdraw_asked  # the others, once enough have said yes
    wanted = policy.enough.yes if spared else policy.places
    assert said_yes == min(wanted, len(state.alerts))
    assert state.phase is (Phase.COVERED if said_yes >= policy.enough.yes else Phase.EXHAUSTED)


@pytest.mark.parametrize("name", ASKING)
def test_where_nobody_answers_every_policy_comes_to_its_end_and_says_so(name: str) -> None:
    driver = play(name, {}, crowd_of=30, until_s=1700)
    assert driver.state is not None
    assert driver.state.phase is Phase.EXHAUSTED
    assert driver.told() == ["nobody_coming"]
    people = [person for _, person, __ in driver.asked()]
    assert len(people) == len(set(people))
    assert {end.outcome.value for end in driver.ended.values()} == {"expired"}


# --- what can go wrong --------------------------------------------------------------------------


def test_a_suspected_arrest_wakes_nobody_until_control_confirms() -> None:
    driver = play("nearest_3", {}, (90, IncidentConfirmed()), confirmed=False, until_s=91)
    assert [at_s for at_s, _, __ in asked(driver)] == [90.0] * 3


def test_a_suspected_arrest_sent_again_as_confirmed_counts_with_its_newer_facts() -> None:
    again = IncidentReported("i", 51.6, -0.2, cpr_in_progress=True)
    driver = play("nearest_3", {}, (60, again), confirmed=False, until_s=61)
    assert driver.state is not None
    assert (driver.state.lat, driver.state.cpr_in_progress) == (51.6, True)
    assert [at_s for at_s, _, __ in asked(driver)] == [60.0] * 3
    unsafe = IncidentReported("i", 51.6, -0.2, scene=Scene.UNSAFE)
    held = play("nearest_3", {}, (60, unsafe), confirmed=False, until_s=61)
    assert asked(held) == []
    assert held.state is not None
    assert held.state.phase is Phase.HELD


def test_with_an_unknown_scene_nobody_is_asked_where_the_policy_says_so() -> None:
    careful = replace(load_policy("nearest_3"), ask_when_scene_unknown=False)
    lifted = (30, HoldLifted(HoldKind.UNSAFE_SCENE))
    driver = play(careful, {}, lifted, until_s=31, scene=Scene.UNKNOWN)
    assert [at_s for at_s, _, __ in asked(driver)] == [30.0] * 3
    assert len(asked(play(careful, {}, until_s=1, scene=Scene.SAFE))) == 3


def test_an_unsafe_scene_holds_everybody_and_lifting_it_asks_afresh() -> None:
    driver = play(
        "phased_7",
        {1: goes(10), 2: goes(15)},
        (20, HoldPlaced(HoldKind.UNSAFE_SCENE)),
        (80, HoldLifted(HoldKind.UNSAFE_SCENE)),
        until_s=81,
    )
    ends = [(e.responder_id, e.outcome.value, e.reason) for e in driver.ended.values()][:3]
    assert ends == [
        (3, "withdrawn", "enough_coming"),
        (1, "stood_down", "hold:unsafe_scene"),
        (2, "stood_down", "hold:unsafe_scene"),
    ]
    assert asked(driver)[3:] == [(80.0, 1, "cpr"), (80.0, 2, "cpr"), (80.0, 3, "cpr")]


def test_stopping_all_alerting_lets_those_on_the_way_go_on() -> None:
    stop = HoldPlaced(HoldKind.ALERTING_STOPPED, "major incident", "duty manager")
    driver = play("nearest_3", {1: goes(10)}, (20, stop), until_s=300)
    assert driver.state is not None
    assert driver.state.phase is Phase.HELD
    assert {a.responder_id: a.status.value for a in driver.state.alerts} == {
        1: "with_patient",
        2: "withdrawn",
        3: "withdrawn",
    }


def test_a_scene_reported_unsafe_is_held_from_the_start() -> None:
    driver = play("nearest_3", {}, until_s=10, scene=Scene.UNSAFE)
    assert asked(driver) == []
    assert driver.told() == ["held"]


def test_an_aed_that_is_not_there_means_straight_on_and_another_person_for_another_aed() -> None:
    problem = yes(10, (30, ResponderMoving), (40, lambda n: AedUnavailable(n, 101, "locked")))
    driver = play("shares", {1: problem, 2: no(5), 3: goes(12)}, until_s=41)
    assert driver.state is not None
    one = driver.state.alerts[0]
    assert (one.role.value, one.aed_id, one.status.value) == ("cpr", None, "moving")
    assert driver.state.lost_aeds == (101,)
    assert asked(driver)[3:] == [(5.0, 4, "aed"), (40.0, 5, "aed")]  # to 4, AED 101 is the next
    assert driver.state.alerts[4].reason == "other_aed"


def test_whoever_is_asked_to_fetch_the_lost_aed_does_not_count_as_bringing_one() -> None:
    problem = yes(10, (30, lambda n: AedUnavailable(n, 101, "locked")))
    driver = play("shares", {1: problem, 2: no(5)}, until_s=31)
    assert asked(driver)[3:] == [(5.0, 4, "aed"), (30.0, 5, "aed")]  # on 4's way, too, lies AED 101


def test_with_every_place_taken_no_other_aed_is_looked_for() -> None:
    policy = replace(load_policy("shares"), enough=Enough(yes=2, aed=1, places=2))
    problem = yes(10, (30, lambda n: AedUnavailable(n, 101, "locked")))
    driver = play(policy, {1: problem, 3: yes(12)}, until_s=200)
    assert driver.state is not None
    assert driver.state.phase is Phase.COVERED
    assert {a.responder_id: a.role.value for a in driver.state.alerts if a.accepted_at_s} == {
        1: "cpr",
        3: "cpr",
    }
    assert len(asked(driver)) == 3


def test_a_yes_beyond_the_places_is_stood_down_whatever_the_snapshot_says() -> None:
    driver = play("nearest_3", {1: yes(5), 2: yes(6)}, until_s=10)
    assert driver.state is not None
    smaller = replace(load_policy("nearest_3"), enough=Enough(yes=1, places=2))
    after, commands = Core(smaller).step(driver.state, AlertAccepted(3), NOON_S + 11)
    assert [(c.outcome.value, c.reason) for c in commands if isinstance(c, EndAlert)] == [
        ("stood_down", "places_taken")
    ]
    assert after.alerts[2].accepted_at_s is None


def test_a_second_search_leaves_out_whoever_is_not_to_be_asked_again() -> None:
    driver = play("phased_7", {1: no(5), 2: yes(6)}, until_s=61)
    queries = [
        command.query
        for step in driver.steps
        for command in step.commands
        if isinstance(command, FindCandidates)
    ]
    assert [query.exclude for query in queries] == [(), (1, 2, 3, 4, 5, 6)]
    assert [query.query_id for query in queries] == [1, 2]


def test_an_aed_claimed_elsewhere_means_straight_on() -> None:
    driver = FakeDriver(
        load_policy("shares"), crowd(3), lambda s: [(5.0, AlertAccepted(s.alert_id))]
    )
    driver.claimed_aeds = {101}
    driver.report(NOON_S)
    driver.run(NOON_S + 6)
    sent = [
        (c.responder_id, c.role.value, c.reason)
        for step in driver.steps
        for c in step.commands
        if type(c).__name__ == "Assign"
    ]
    assert sent[0] == (1, "aed", "said_yes")
    assert (1, "cpr", "aed_claimed") in sent


def test_a_person_claimed_elsewhere_is_replaced_at_once() -> None:
    driver = FakeDriver(load_policy("nearest_3"), crowd(6), lambda _: [])
    driver.claimed_people = {2}
    driver.report(NOON_S)
    driver.run(NOON_S)
    assert [person for _, person, __ in driver.asked()] == [1, 2, 3, 4]
    assert driver.ended[2].outcome.value == "refused"


def test_whom_no_channel_reaches_is_replaced() -> None:
    unreachable = ((8.0, lambda n: AlertUndelivered(n, "no receipt")),)
    driver = play("nearest_3", {1: unreachable}, until_s=9)
    assert asked(driver)[-1] == (8.0, 4, "cpr")
    assert driver.ended[1].reason == "no receipt"


def test_a_search_without_an_answer_falls_back_on_straight_lines() -> None:
    driver = FakeDriver(load_policy("nearest_3"), crowd(4), lambda _: [])
    driver.silent_search = True
    driver.report(NOON_S)
    driver.run(NOON_S + 3)
    assert [at_s - NOON_S for at_s, _, __ in driver.asked()] == [2.0] * 3
    assert driver.told() == ["straight_line_times"]
    assert driver.state is not None
    assert driver.state.straight_line


def test_when_both_searches_fail_control_is_told() -> None:
    class Broken(FakeDriver):
        def find(self, query: Query) -> Event:
            return CandidatesFailed(query.query_id, "no region")

    driver = Broken(load_policy("nearest_3"), crowd(3), lambda _: [])
    driver.report(NOON_S)
    driver.run(NOON_S)
    assert driver.told() == ["no_candidates", "nobody_coming"]


def test_a_driver_that_lists_the_same_people_again_and_again_is_not_asked_for_ever() -> None:
    class Forgetful(FakeDriver):
        def find(self, query: Query) -> Event:
            assert query.query_id < 10
            return CandidatesFound(query.query_id, 1, "r", crowd(2), cut=True)

    driver = Forgetful(load_policy("nearest_3"), (), lambda _: [])
    driver.report(NOON_S)
    driver.run(NOON_S)
    assert [person for _, person, __ in driver.asked()] == [1, 2]


def searches(driver: FakeDriver) -> list[float]:
    return [
        step.now_s - NOON_S
        for step in driver.steps
        for command in step.commands
        if isinstance(command, FindCandidates)
    ]


def test_an_old_list_is_asked_for_anew_before_anybody_is_asked_from_it() -> None:
    fresh_s = load_policy("nearest_3").fresh_s
    assert searches(play("nearest_3", {1: no(fresh_s - 1)}, until_s=200)) == [0.0]
    late = play("nearest_3", {1: no(fresh_s + 1)}, until_s=200)
    assert searches(late) == [0.0, fresh_s + 1]
    assert asked(late)[3] == (fresh_s + 1, 4, "cpr")


def test_nobody_is_looked_for_where_nobody_could_be_sooner_than_the_ambulance() -> None:
    driver = play("lebensretter_3", {}, until_s=1, ambulance_due_at_s=NOON_S)
    assert searches(driver) == []
    assert driver.told() == ["nobody_coming"]


def test_an_overdue_ambulance_is_one_of_which_nobody_knows_when_it_comes() -> None:
    driver = play("lebensretter_3", {}, until_s=1, ambulance_due_at_s=NOON_S - 5)
    assert searches(driver) == [0.0]
    assert asked(driver)
    soon = play("benefit", {}, until_s=1, ambulance_due_at_s=NOON_S + 60)
    overdue = play("benefit", {}, until_s=1, ambulance_due_at_s=NOON_S - 60)
    unknown = play("benefit", {}, until_s=1)
    assert asked(overdue) == asked(unknown) != asked(soon)


def test_who_is_reached_without_a_receipt_is_replaced_and_may_still_say_yes() -> None:
    lost = (8, lambda n: AlertUndelivered(n, "no_receipt"))
    driver = play("nearest_3", {1: [lost, (48, AlertAccepted), (60, ResponderMoving)]}, until_s=90)
    assert [person for _, person, __ in asked(driver)] == [1, 2, 3, 4]
    assert driver.state is not None
    assert driver.state.alerts[0].status.value == "moving"
    assert not driver.ended
    late = play("nearest_3", {1: [lost, (20, AlertDelivered)]}, until_s=90)
    assert late.state is not None
    assert late.state.alerts[0].status.value == "delivered"
    broken = (8, lambda n: AlertUndelivered(n, "no_device"))
    driver = play("nearest_3", {1: [broken, (48, AlertAccepted)]}, until_s=90)
    assert [end.outcome.value for end in driver.ended.values()] == ["undelivered"]


def test_a_late_drop_out_is_worth_another_look_even_where_nobody_was_left() -> None:
    drops = yes(5, (150, ResponderDropped))
    driver = play("nearest_3", {1: drops, 2: no(6), 3: no(7)}, crowd_of=3, until_s=151)
    assert searches(driver) == [0.0, 150.0]
    assert driver.told() == ["nobody_left", "nobody_coming"]


def test_a_list_that_was_cut_is_asked_for_again_without_those_asked() -> None:
    driver = play("hartslagnu", {}, until_s=1, crowd_of=70)
    radius_m = load_policy("hartslagnu").radius_m
    assert radius_m is not None
    reachable = int(radius_m // 60)
    assert len(asked(driver)) == reachable
    small = replace(load_policy("nearest_3"), limit=3, radius_m=None)
    driver = play(small, {i: no(1 + i) for i in range(1, 9)}, until_s=40, crowd_of=70)
    assert [person for _, person, __ in asked(driver)] == list(range(1, 12))


def test_a_yes_too_many_is_thanked_and_stood_down() -> None:
    policy = load_policy("goodsam_nz")  # three places, one yes is enough
    people = {i: yes(70 + i) for i in range(1, 7)}
    driver = play(policy, people, until_s=90)
    ends = {end.responder_id: end.reason for end in driver.ended.values()}
    assert len(driver.asked()) == 9
    assert driver.state is not None
    assert driver.state.phase is Phase.COVERED
    going = [a.responder_id for a in driver.state.alerts if a.accepted_at_s is not None]
    assert going == [1, 2, 3]
    assert ends[4] == "enough_coming"


def test_the_patient_is_elsewhere() -> None:
    driver = play("nearest_3", {1: goes(5)}, (20, LocationChanged(51.6, -0.2)), until_s=21)
    commands = [c for step in driver.steps if step.now_s == NOON_S + 20 for c in step.commands]
    names = [type(c).__name__ for c in commands]
    assert names == ["Assign"]
    assert driver.state is not None
    assert (driver.state.lat, driver.state.lon) == (51.6, -0.2)


def test_a_person_who_brings_an_aed_unasked_counts_as_bringing_one() -> None:
    picks_up = yes(5, (40, ResponderMoving), (70, lambda n: AedObtained(n, 999)))
    driver = play("nearest_3", {1: picks_up}, until_s=80)
    assert driver.state is not None
    one = driver.state.alerts[0]
    assert (one.role.value, one.aed_id, one.status.value) == ("aed", 999, "has_aed")


def test_the_crew_stands_down_those_on_the_way_and_keeps_those_who_are_there() -> None:
    driver = play("nearest_3", {1: goes(10), 2: yes(200)}, (300, AmbulanceArrived()), END)
    ends = {end.responder_id: end.outcome.value for end in driver.ended.values()}
    assert ends == {1: "completed", 2: "stood_down", 3: "withdrawn"}


def test_a_cancelled_call_ends_everything() -> None:
    driver = play("nearest_3", {1: yes(10)}, (30, IncidentCancelled("fainted, now talking")))
    assert driver.state is not None
    assert driver.state.phase is Phase.ENDED
    assert driver.state.end_reason == "cancelled: fainted, now talking"
    assert {end.outcome.value for end in driver.ended.values()} == {"stood_down", "withdrawn"}


def test_an_incident_that_nobody_closes_expires_and_control_was_reminded() -> None:
    driver = play("nearest_3", {1: goes(10)})
    policy = load_policy("nearest_3")
    assert driver.state is not None
    assert driver.state.end_reason == "expired"
    reminders = int(policy.expire_s // policy.review_s) - 1
    assert driver.told() == ["nobody_left"] + ["still_open"] * reminders + ["expired"]
    assert driver.now_s == NOON_S + policy.expire_s


@pytest.mark.parametrize(
    ("person", "answer"),
    [
        (1, "1 was asked: next of those who may be asked"),
        (8, "8 could have gone and others were sooner"),
        (11, "11 was not within reach, or further than those listed"),
    ],
)
def test_why_not_this_person(person: int, answer: str) -> None:
    driver = play("nearest_3", {}, until_s=5)
    assert why_not(person, driver.steps) == answer
