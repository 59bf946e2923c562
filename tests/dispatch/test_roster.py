"""The roster: facts in, masks out, and claims that only one can hold."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest
from naive_roster import NaiveRoster

from dispatch import facts
from dispatch.config import load_policy
from dispatch.eligibility import CODES, Rules
from dispatch.errors import RosterError, UnknownEventError, UnknownMemberError
from dispatch.roster import Roster
from dispatch.timetable import Timetable

HOUR_S = 3600.0


def ready(roster: Roster, number: int, *, at_s: float = 0.0) -> None:
    """A person who may be asked."""
    for fact in (
        facts.ResponderRegistered(number),
        facts.TrainingVerified(number, 1e9),
        facts.DeviceSet(number, has_device=True),
        facts.Positioned(number, 51.0, 0.0, at_s),
    ):
        roster.apply(fact)


def reason(roster: Roster, number: int, now_s: float, **how: object) -> str:
    eligible, codes = roster.mask(now_s, **how)  # type: ignore[arg-type]
    row = roster.row_of(number)
    assert eligible[row] == (codes[row] == 0)
    return CODES[codes[row]]


def test_nobody_is_asked_before_training_device_and_position_are_known() -> None:
    roster = Roster()
    found = []
    for fact in (
        facts.ResponderRegistered(7),
        facts.TrainingVerified(7, 1000.0),
        facts.DeviceSet(7, has_device=True),
        facts.Positioned(7, 51.0, 0.0, 10.0),
    ):
        roster.apply(fact)
        found.append(reason(roster, 7, 20.0))
    assert found == ["not_verified", "no_device", "position_old", "none"]


def test_training_counts_until_its_last_moment_and_not_beyond() -> None:
    roster = Roster()
    ready(roster, 1)
    roster.apply(facts.TrainingVerified(1, 100.0))
    assert [reason(roster, 1, t) for t in (99.9, 100.0)] == ["none", "training_lapsed"]
    roster.apply(facts.TrainingWithdrawn(1))
    assert reason(roster, 1, 50.0) == "not_verified"


def test_untrained_people_count_only_where_a_simulation_asks_for_them() -> None:
    roster = Roster()
    ready(roster, 1)
    roster.apply(facts.TrainingWithdrawn(1))
    assert reason(roster, 1, 0.0) == "not_verified"
    assert reason(roster, 1, 0.0, untrained=True) == "none"


def test_not_until() -> None:
    roster = Roster()
    ready(roster, 1)
    roster.apply(facts.OffUntil(1, 19 * HOUR_S))
    roster.apply(facts.Positioned(1, 51.0, 0.0, 18.5 * HOUR_S))
    assert reason(roster, 1, 18.9 * HOUR_S) == "off_duty"
    assert reason(roster, 1, 19 * HOUR_S) == "none"


def test_quiet_hours_and_duty_are_half_open() -> None:
    roster = Roster(Rules(position_max_age_s=1e9))
    ready(roster, 1)
    roster.apply(facts.QuietSet(1, ((100.0, 200.0),)))
    roster.apply(facts.DutySet(1, ((0.0, 250.0), (300.0, 400.0))))
    times = (50.0, 100.0, 199.9, 200.0, 250.0, 299.9, 300.0, 400.0, 150.0)
    assert [reason(roster, 1, t) for t in times] == [
        "none", "quiet_hours", "quiet_hours", "none", "off_duty", "off_duty", "none", "off_duty",
        "quiet_hours",
    ]  # fmt: skip


def test_caps_free_themselves_as_time_passes() -> None:
    roster = Roster(Rules(alerts_per_day=2, position_max_age_s=1e9))
    ready(roster, 1)
    for at_s in (0.0, 3600.0):
        roster.apply(facts.Alerted(1, at_s, night=False))
    assert reason(roster, 1, 4000.0) == "alert_cap"
    assert reason(roster, 1, 86_399.0) == "alert_cap"
    assert reason(roster, 1, 86_400.0) == "none"
    assert roster.recent_alerts(1, 4000.0) == 2


def test_the_night_cap_holds_at_night_alone_and_a_person_may_lower_it() -> None:
    roster = Roster(Rules(night_alerts_per_30_days=4, position_max_age_s=1e9))
    ready(roster, 1)
    roster.apply(facts.CapsSet(1, night_alerts_per_30_days=1))
    roster.apply(facts.Alerted(1, 0.0, night=True))
    assert reason(roster, 1, 10.0, night=True) == "night_cap"
    assert reason(roster, 1, 10.0, night=False) == "none"
    roster.apply(facts.CapsSet(1, alerts_per_30_days=0))
    assert reason(roster, 1, 10.0) == "alert_cap"


def test_a_home_address_stands_in_for_an_old_position() -> None:
    roster = Roster()
    ready(roster, 1)
    roster.apply(facts.ResponderRegistered(2, 51.5, -0.1))
    roster.apply(facts.TrainingVerified(2, 1e9))
    roster.apply(facts.DeviceSet(2, has_device=True))
    assert [reason(roster, i, 1e6) for i in (1, 2)] == ["position_old", "none"]
    lat, lon, age_s, _, at_home = roster.positions(1e6)
    assert np.isnan(lat[0])
    assert (lat[1], lon[1], age_s[1], at_home[1]) == (51.5, -0.1, 0.0, True)


def test_a_home_address_can_be_changed_and_taken_back() -> None:
    roster = Roster()
    ready(roster, 1)
    roster.apply(facts.HomeSet(1, 52.0, 1.0))
    assert reason(roster, 1, 1e6) == "none"
    assert roster.positions(1e6)[0][0] == 52.0
    roster.apply(facts.HomeSet(1, None, None))
    assert reason(roster, 1, 1e6) == "position_old"
    assert np.isnan(roster.positions(1e6)[0][0])


def test_a_late_position_does_not_replace_a_newer_one() -> None:
    roster = Roster()
    ready(roster, 1, at_s=100.0)
    roster.apply(facts.Positioned(1, 40.0, 1.0, 50.0))
    assert roster.positions(100.0)[0][0] == 51.0


def test_coarse_positions_are_passed_over() -> None:
    roster = Roster(Rules(position_max_error_m=500.0))
    ready(roster, 1)
    roster.apply(facts.Positioned(1, 51.0, 0.0, 0.0, accuracy_m=501.0))
    assert reason(roster, 1, 0.0) == "position_coarse"


def test_a_fact_about_a_stranger_changes_nothing() -> None:
    roster = Roster()
    ready(roster, 1)
    before = roster.version
    for fact in (
        facts.TrainingVerified(2, 1.0),
        facts.Alerted(2, 1.0, night=False),
        facts.AedOutOfService(1, 1.0),
        facts.DroneReadySet(1, ready=True),
    ):
        with pytest.raises(UnknownMemberError):
            roster.apply(fact)
    with pytest.raises(RosterError, match="already"):
        roster.apply(facts.ResponderRegistered(1))
    with pytest.raises(RosterError, match="sorted"):
        roster.apply(facts.QuietSet(1, ((5.0, 9.0), (8.0, 10.0))))
    with pytest.raises(UnknownEventError):
        roster.apply("fact")  # type: ignore[arg-type]
    assert roster.version == before
    assert reason(roster, 1, 0.0) == "none"


# --- claims -------------------------------------------------------------------------------------


def test_one_claim_wins_and_its_release_frees_it() -> None:
    roster = Roster()
    ready(roster, 1)
    assert roster.claim_responder(1, "a", 1) == ""
    assert roster.claim_responder(1, "b", 1) == "engaged"
    assert roster.claim_responder(1, "a", 1) == ""  # a repeated command is no second claim
    assert reason(roster, 1, 0.0) == "engaged"
    roster.release("b", 1)  # the loser's end frees nothing of the winner
    assert reason(roster, 1, 0.0) == "engaged"
    roster.release("a", 1)
    roster.release("a", 1)
    assert reason(roster, 1, 0.0) == "none"
    assert roster.claim_responder(1, "b", 1) == ""


def test_an_aed_is_claimed_once_and_can_be_given_back_alone() -> None:
    roster = Roster()
    ready(roster, 1)
    roster.apply(facts.AedRegistered(5))
    roster.claim_responder(1, "a", 1)
    assert roster.claim_aed(5, "a", 1, 0.0) == ""
    assert roster.claim_aed(5, "b", 2, 0.0) == "claimed"
    assert roster.claims() == {("a", 1): (("responder", 1), ("aed", 5))}
    assert not roster.usable_aeds(0.0)[0]
    roster.release_aed("a", 1)
    assert roster.usable_aeds(0.0)[0]
    assert reason(roster, 1, 0.0) == "engaged"


def test_aeds_have_hours_and_may_be_out_of_service() -> None:
    roster = Roster()
    roster.apply(facts.AedRegistered(5, ((100.0, 200.0),)))
    roster.apply(facts.AedRegistered(6))
    assert roster.usable_aeds(50.0).tolist() == [False, True]
    assert roster.usable_aeds(150.0).tolist() == [True, True]
    assert roster.usable_aeds(150.0, exclude=(6,)).tolist() == [True, False]
    roster.apply(facts.AedOutOfService(6, 1000.0))
    assert roster.claim_aed(6, "a", 1, 150.0) == "out_of_service"
    assert roster.usable_aeds(150.0).tolist() == [True, False]
    roster.apply(facts.AedInService(6))
    roster.apply(facts.AedHoursSet(5, None))
    assert roster.usable_aeds(999.0).tolist() == [True, True]


def test_drones_are_ready_or_not_and_claimed_once() -> None:
    roster = Roster()
    roster.apply(facts.DroneRegistered(1))
    assert roster.claim_drone(1, "a", 1) == "not_ready"
    roster.apply(facts.DroneReadySet(1, ready=True))
    assert roster.ready_drones() == (1,)
    assert [roster.claim_drone(1, i, 1) for i in ("a", "b")] == ["", "claimed"]
    assert roster.ready_drones() == ()
    roster.release("a", 1)
    assert roster.ready_drones() == (1,)


# --- against the naive one ----------------------------------------------------------------------


def some_intervals(rng: random.Random, now_s: float) -> tuple[tuple[float, float], ...]:
    cuts = sorted(now_s + rng.choice([-5, -1, 0, 1, 2, 6, 30]) * HOUR_S for _ in range(6))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=True))
    return tuple(pair for pair in pairs if pair[0] < pair[1])


def random_fact(rng: random.Random, known: list[int], now_s: float) -> facts.Fact:
    if not known or rng.random() < 0.05:
        number = 1000 - len(known) * 7
        known.append(number)
        home = rng.random() < 0.3
        return facts.ResponderRegistered(number, *((51.0, 0.0) if home else (None, None)))
    number = rng.choice(known)
    shift_s = rng.choice([-48.0, -2.0, 0.0, 0.5, 24.0]) * HOUR_S
    return rng.choice(
        (
            facts.TrainingVerified(number, now_s + shift_s + 10 * HOUR_S),
            facts.TrainingVerified(number, 1e12),
            facts.TrainingVerified(number, 1e12),
            facts.TrainingWithdrawn(number),
            facts.HomeSet(number, *rng.choice([(None, None), (51.0, 0.0), (51.0, None)])),
            facts.SuspensionSet(number, rng.random() < 0.3),
            facts.SuspensionSet(number, suspended=False),
            facts.HomeSet(number, 51.0, 0.0),
            facts.DeviceSet(number, rng.random() < 0.9),
            facts.DeviceSet(number, has_device=True),
            facts.DutySet(number, rng.choice([None, None, some_intervals(rng, now_s)])),
            facts.QuietSet(number, some_intervals(rng, now_s)),
            facts.QuietSet(number, ()),
            facts.OffUntil(number, now_s + shift_s),
            facts.CapsSet(number, rng.choice([None, 0, 2]), rng.choice([None, 1])),
            facts.CapsSet(number),
            facts.Positioned(number, 51.0, 0.0, now_s + min(0.0, shift_s), rng.choice([5.0, 3e3])),
            facts.Positioned(number, 51.0, 0.0, now_s, 10.0),
            facts.Alerted(number, now_s, rng.random() < 0.5),
        )
    )


@pytest.mark.parametrize("seed", range(25))
def test_equals_the_naive_roster(seed: int) -> None:
    rng = random.Random(seed)
    rules = Rules(untrained=seed % 5 == 0, alerts_per_day=rng.choice([1, 3]))
    fast, slow = Roster(rules), NaiveRoster(rules)
    known: list[int] = []
    now_s, reached = 1e6, set()
    for _ in range(400):
        now_s += rng.choice([0.0, 60.0, 2 * HOUR_S])
        fact = random_fact(rng, known, now_s)
        fast.apply(fact)
        slow.apply(fact)
        if rng.random() < 0.2:
            number, incident, alert = rng.choice(known), rng.choice("ab"), rng.randint(1, 3)
            got = fast.claim_responder(number, incident, alert)
            assert got == slow.claim(number, incident, alert)
        if rng.random() < 0.2:
            incident, alert = rng.choice("ab"), rng.randint(1, 3)
            fast.release(incident, alert)
            slow.release(incident, alert)
        if rng.random() < 0.3:
            night, exclude = rng.random() < 0.5, set(rng.sample(known, min(2, len(known))))
            at_s = now_s - rng.choice([0.0, 0.0, 3 * HOUR_S])  # asked about the past as well
            eligible, codes = fast.mask(at_s, night=night, exclude=exclude)
            if at_s == now_s:
                expected = [slow.reason(i, at_s, night=night, exclude=exclude) for i in known]
                assert codes.tolist() == expected
                assert eligible.tolist() == [code == 0 for code in expected]
                reached |= set(expected)
    assert len(reached) >= 5


def test_the_same_facts_give_the_same_roster_also_from_their_log() -> None:
    rng = random.Random(3)
    known: list[int] = []
    log = [random_fact(rng, known, 1e6 + i) for i in range(300)]
    kept = msgspec.json.decode(msgspec.json.encode(log), type=list[facts.Fact])
    rosters = []
    for told in (log, kept):
        roster = Roster()
        for fact in told:
            roster.apply(fact)
        rosters.append(roster)
    first, second = (roster.mask(1e6 + 300, night=True)[1].tolist() for roster in rosters)
    assert first == second
    assert rosters[0].version == rosters[1].version == 300


def test_many_members_at_once_equal_the_same_one_by_one() -> None:
    rules = Rules.of(load_policy("phased_7"))
    hours = Timetable.of([((0.0, 50.0),), ((-np.inf, np.inf),)])
    ids = np.array([4, 9, 2])
    many = Roster.of(
        rules, responder_ids=ids, trained_until_s=100.0, aed_ids=np.array([3, 8]), aed_hours=hours
    )
    single = Roster(rules)
    for number in ids.tolist():
        ready(single, number)
        single.apply(facts.TrainingVerified(number, 100.0))
    for now_s in (0.0, 100.0):
        assert many.mask(now_s)[1].tolist() == single.mask(now_s)[1].tolist()
    assert many.usable_aeds(60.0).tolist() == [False, True]
    with pytest.raises(RosterError, match="different"):
        Roster.of(rules, responder_ids=np.array([1, 1]))


# --- timetable ----------------------------------------------------------------------------------


def test_a_timetable_answers_the_same_whatever_it_was_asked_before() -> None:
    rng = random.Random(5)
    rows = [some_intervals(rng, 0.0) for _ in range(40)]
    table = Timetable.of(rows)
    for _ in range(300):
        now_s = rng.choice([-5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 6, 29, 31]) * HOUR_S
        expected = [any(a <= now_s < b for a, b in row) for row in rows]
        assert table.open_at(now_s).tolist() == expected
        if rng.random() < 0.5:
            i = rng.randrange(len(rows))
            rows[i] = some_intervals(rng, 0.0)
            table.set(i, rows[i])
            assert table.intervals(i) == rows[i]


def test_a_timetable_stays_small_when_its_rows_change_all_the_time() -> None:
    table = Timetable.of([()] * 5)
    for i in range(5000):
        table.set(i % 5, ((float(i), i + 1.0), (i + 2.0, i + 3.0)))
    assert table.open_at(4999.5).tolist() == [False, False, True, False, True]
    assert len(table._flat_end_s) < 5000


def test_a_timetable_from_flat_arrays() -> None:
    table = Timetable.from_csr(
        np.array([0, 2, 2, 3]), np.array([0.0, 20.0, 5.0]), np.array([10.0, 30.0, 6.0])
    )
    assert [table.open_at(t).tolist() for t in (5.0, 25.0)] == [
        [True, False, True],
        [True, False, False],
    ]


@pytest.mark.parametrize("wrong", [((2.0, 1.0),), ((0.0, 5.0), (4.0, 6.0)), ((1.0, 1.0),)])
def test_intervals_must_be_sorted_and_apart(wrong: tuple[tuple[float, float], ...]) -> None:
    table = Timetable.of([()])
    with pytest.raises(RosterError, match="sorted and apart"):
        table.set(0, wrong)
    with pytest.raises(RosterError):
        table.set(1, wrong)
    assert len(table) == 1
