"""Volunteers: where they are and seem to be, what they answer, and that each is their own."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import naive_people
import numpy as np
import pytest
from worlds import people_at, plain

from geo.points import haversine_m
from sim.answers import answers, habits
from sim.behaviour import People, draw_people
from sim.errors import SettingError
from sim.parameters import DayNight, Lognormal, PeopleParameters
from sim.presence import Around, Presence, When, position_age_s, presence
from sim.randomness import Draws

SETTING = plain(8000.0, points=3000, population=1_000_000.0)
INPUTS = PeopleParameters(per_100k=200.0)
PEOPLE = draw_people(SETTING, INPUTS, Draws(1, 0))
EVERYWHERE = Around(0.0, 0.0, 1e6)


def test_as_many_as_the_population_says() -> None:
    assert PEOPLE.n == 2000
    assert len(PEOPLE.spots) == 2000 * 10


def around(
    incident: int = 7, hour: int = 3, *, weekend: bool = False, night: bool = False,
    people: People = PEOPLE, inputs: PeopleParameters = INPUTS, where: Around = EVERYWHERE,
) -> Presence:  # fmt: skip
    return presence(people, inputs, Draws(1, 0), incident, where, When(hour, weekend, night))


def test_presence_is_that_of_the_oracle() -> None:
    duty = msgspec.structs.replace(INPUTS, on_duty_share=DayNight(0.7, 0.4))
    for inputs in (INPUTS, duty):
        for when in (When(3, False, True), When(10, False, False), When(14, True, False)):
            expected = naive_people.everybody(PEOPLE, inputs, Draws(1, 0), 7, when)
            found = around(hour=when.hour, weekend=when.weekend, night=when.night, inputs=inputs)
            for one, other in zip(found, expected, strict=True):
                assert (one == other).all()


def test_answers_and_ages_are_those_of_the_oracle() -> None:
    key = np.arange(3000, dtype=np.uint64)
    for inputs in (INPUTS, msgspec.structs.replace(INPUTS, speed_includes_turnout=True)):
        for night in (True, False):
            found = answers(habits(inputs, night=night), Draws(3, 1), 5, key)
            expected = naive_people.answers(inputs, Draws(3, 1), 5, key, night=night)
            assert np.allclose(np.array(found), np.array(expected), rtol=0, atol=2e-3)
            assert (np.array(found)[:, [0, 2, 5, 7]] == np.array(expected)[:, [0, 2, 5, 7]]).all()
    ages = position_age_s(INPUTS, key), naive_people.ages_s(INPUTS, key)
    assert np.allclose(*ages, rtol=0, atol=2e-3)


@pytest.mark.parametrize(
    ("hour", "weekend", "home", "work"),
    [(3, False, 0.96, 0.02), (10, False, 0.38, 0.44), (14, True, 0.60, 0.10)],
)
def test_presence_follows_the_profile(hour: int, weekend: bool, home: float, work: float) -> None:
    at_home = at_work = 0
    for incident in range(20):
        there = around(incident, hour, weekend=weekend)
        assert (np.diff(there.person) > 0).all()
        at_work += int((there.true_spot >= PEOPLE.n).sum())
        at_home += int((there.true_spot < PEOPLE.n).sum())
    total = 20 * PEOPLE.n
    assert at_home / total == pytest.approx(home, abs=4 * 0.5 / np.sqrt(total))
    assert at_work / total == pytest.approx(work, abs=4 * 0.5 / np.sqrt(total))


def test_reported_positions_are_off_by_the_stated_error() -> None:
    there = around(hour=10)
    true, seeming = PEOPLE.spots.take(there.true_spot), PEOPLE.spots.take(there.reported_spot)
    error_m = haversine_m(true.lat, true.lon, seeming.lat, seeming.lon)
    assert np.sqrt((error_m**2).mean()) == pytest.approx(INPUTS.position_error_m, rel=0.05)
    # Rayleigh: the median is 0.833 of the root mean square.
    assert np.median(error_m) == pytest.approx(0.8326 * INPUTS.position_error_m, rel=0.06)


def test_nobody_around_is_left_out() -> None:
    where = Around(0.01, -0.005, 900.0)
    everybody, some = around(hour=10), around(hour=10, where=where)
    true, seeming = (
        haversine_m(PEOPLE.spots.lat[spot], PEOPLE.spots.lon[spot], where.lat, where.lon)
        for spot in (everybody.true_spot, everybody.reported_spot)
    )
    inside = everybody.person[(true <= where.radius_m) | (seeming <= where.radius_m)]
    assert 20 < len(inside) <= len(some.person) < 0.6 * len(everybody.person)
    assert np.isin(inside, some.person).all()
    same = np.isin(everybody.person, some.person)
    for one, other in zip(everybody, some, strict=True):
        assert (one[same] == other).all()


def test_another_incident_sees_other_reports_of_the_same_person() -> None:
    first, second = around(1, night=True), around(2, night=True)
    both = np.intersect1d(first.person, second.person)
    a = first.reported_spot[np.searchsorted(first.person, both)]
    b = second.reported_spot[np.searchsorted(second.person, both)]
    assert 0.6 < (a != b).mean() < 0.85  # three of four, roughly


def test_people_work_near_their_homes() -> None:
    n = PEOPLE.n
    lat, lon = PEOPLE.spots.lat, PEOPLE.spots.lon
    way_m = haversine_m(lat[:n], lon[:n], lat[n : 2 * n], lon[n : 2 * n])
    closer = msgspec.structs.replace(INPUTS, commute_m=500.0)
    near = draw_people(SETTING, closer, Draws(1, 0)).spots
    near_m = haversine_m(near.lat[:n], near.lon[:n], near.lat[n : 2 * n], near.lon[n : 2 * n])
    assert near_m.mean() < 0.5 * way_m.mean()


def test_a_volunteer_more_changes_nobody_else() -> None:
    more = draw_people(replace(SETTING, population=1_000_500.0), INPUTS, Draws(1, 0))
    assert more.n == PEOPLE.n + 1
    for block in range(10):
        one = PEOPLE.spots.lat[block * PEOPLE.n : (block + 1) * PEOPLE.n]
        other = more.spots.lat[block * more.n : (block + 1) * more.n - 1]
        assert (one == other).all()
    assert (more.pace[:-1] == PEOPLE.pace).all()
    first, second = (around(hour=12, people=people) for people in (PEOPLE, more))
    assert (second.person[second.person < PEOPLE.n] == first.person).all()
    by_day = habits(INPUTS, night=False)
    drawn = answers(by_day, Draws(1, 0), 3, np.array([4, 5], np.uint64))
    assert answers(by_day, Draws(1, 0), 3, np.array([9, 5, 4], np.uint64))[2] == drawn[0]


def test_shares_and_medians_of_answers() -> None:
    inputs = msgspec.structs.replace(
        INPUTS, accept_given_seen=DayNight(0.4, 0.1), turnout_night=Lognormal(142.0, 0.4)
    )
    key = np.arange(20_000, dtype=np.uint64)
    day = answers(habits(inputs, night=False), Draws(2, 0), 0, key)
    night = answers(habits(inputs, night=True), Draws(2, 0), 0, key)
    bound = 4 * 0.5 / np.sqrt(len(key))
    assert np.mean([a.delivered for a in day]) == pytest.approx(0.97, abs=bound)
    assert np.mean([a.seen for a in day]) == pytest.approx(0.75, abs=bound)
    assert np.mean([a.accepts for a in day]) == pytest.approx(0.4, abs=bound)
    assert np.mean([a.accepts for a in night]) == pytest.approx(0.1, abs=bound)
    assert np.mean([a.continues for a in day]) == pytest.approx(0.9, abs=bound)
    assert np.median([a.reply_s - a.delivery_s for a in day]) == pytest.approx(40.0, rel=0.03)
    assert np.median([a.turnout_s for a in day]) == pytest.approx(102.0, rel=0.03)
    assert np.median([a.turnout_s for a in night]) == pytest.approx(142.0, rel=0.03)
    assert all(0.0 < a.delivery_s <= a.seen_s <= a.reply_s for a in day)
    # Who says yes by night says yes by day as well: one draw, two thresholds.
    assert all(d.accepts for d, n in zip(day, night, strict=True) if n.accepts)


def test_a_speed_with_turnout_inside_is_given_no_turnout_again() -> None:
    inputs = msgspec.structs.replace(INPUTS, speed_includes_turnout=True)
    key = np.arange(50, dtype=np.uint64)
    found = answers(habits(inputs, night=True), Draws(2, 0), 0, key)
    assert {answer.turnout_s for answer in found} == {0.0}


def test_ages_of_positions() -> None:
    assert np.median(position_age_s(INPUTS, around().key)) == pytest.approx(600.0, rel=0.15)


def test_people_by_zone_keep_their_draws_when_another_zone_grows() -> None:
    zone = np.repeat(np.arange(3), 1000)
    setting = replace(SETTING, demand_zone=zone, zone_ids=("a", "b", "c"))
    counts = (("a", 10.0), ("c", 5.5))
    found = [
        draw_people(setting, msgspec.structs.replace(INPUTS, per_zone=counts), Draws(1, r))
        for r in range(40)
    ]
    sizes = [people.n for people in found]
    assert set(sizes) == {15, 16}
    assert 0.25 < sizes.count(16) / 40 < 0.75
    assert (found[0].home_zone[:10] == 0).all()
    assert (found[0].home_zone[10:] == 2).all()
    grown = msgspec.structs.replace(INPUTS, per_zone=(("a", 11.0), ("c", 5.5)))
    more = draw_people(setting, grown, Draws(1, 0))
    assert (more.spots.lat[11 : more.n] == found[0].spots.lat[10 : found[0].n]).all()
    with pytest.raises(SettingError, match="no zone 'x'"):
        draw_people(setting, msgspec.structs.replace(INPUTS, per_zone=(("x", 1.0),)), Draws(1, 0))


def test_a_list_of_people_is_taken_as_it_is() -> None:
    listed = people_at((100.0, 0.0), (0.0, 50.0), work_lat=(0.01, None), work_lon=(0.02, None))
    people = draw_people(SETTING, listed, Draws(1, 0))
    assert people.spots.lon[0] == listed.home_lon[0]  # type: ignore[index]
    assert people.spots.lat[2] == 0.01  # the first one's work place
    assert people.spots.lat[3] in SETTING.demand_lat  # the second one's is drawn


def test_warming_up_compiles_what_a_replication_calls() -> None:
    from sim import kernels_people  # noqa: PLC0415
    from sim.replication import warmup  # noqa: PLC0415

    kernels = (
        kernels_people.present_people, kernels_people.lognormals_of, kernels_people.answers_of
    )  # fmt: skip
    warmup()
    compiled = [len(kernel.signatures) for kernel in kernels]
    position_age_s(INPUTS, around().key)
    answers(habits(INPUTS, night=False), Draws(1, 0), 3, PEOPLE.key[[1, 2]])
    assert [len(kernel.signatures) for kernel in kernels] == compiled
