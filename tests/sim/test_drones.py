from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from msgspec.structs import replace

from geo.aircraft import Delivery, Grounded
from geo.airspace import Airspace, Permission, Rule, Volume, circle
from geo.points import LocalProjection
from geo.weather import WeatherSeries
from sim.drone_air import AirWorld
from sim.drone_desk import Desk, News
from sim.drone_funnel import LOST_AT, Stage, farthest, funnel, lost
from sim.drone_parameters import DroneBase, DroneParameters, HandOverParameters, check_drones
from sim.drone_trials import alert_to_release_s, fit, illustrations, lines
from sim.drones import Fleet, RuledOut, Scene, Sortie
from sim.parameters import DayNight, Lognormal
from sim.randomness import Draws

HERE = LocalProjection(57.0, -5.0)
NOW = 1_750_000_000.0
BASE = DroneBase("A", 57.0, -5.0)
STEADY = DroneParameters(
    bases=(BASE,),
    preparation=Lognormal(42.0, 0.0),
    settle=Lognormal(19.0, 0.0),
    start_failed_share=0.0,
)


def place(x: float, y: float) -> tuple[float, float]:
    lat, lon = HERE.to_lat_lon(x, y)
    return float(lat), float(lon)


def weather(hours: int = 48, **changes: float) -> WeatherSeries:
    values = {
        "wind_mps": 0.0,
        "wind_from_deg": 270.0,
        "gust_mps": 0.0,
        "rain_mm_h": 0.0,
        "temperature_c": 15.0,
        "visibility_m": 20_000.0,
        **changes,
    }
    columns = {name: np.full(hours, value) for name, value in values.items()}
    return WeatherSeries(start_s=NOW - 3600.0, lat=57.0, lon=-5.0, source="test", **columns)


def fleet(
    parameters: DroneParameters = STEADY,
    *volumes: Volume,
    seed: int = 1,
    replication: int = 0,
    **sky: float,
) -> Fleet:
    series = [weather(**sky) for _ in parameters.bases]
    air = AirWorld(parameters, Airspace(volumes), series)
    return Fleet(air, Draws(seed, replication))


def zone(name: str, rule: Rule, x: float, y: float, radius_m: float, **more: Any) -> Volume:
    return Volume(name, name, rule, "test", circle(*place(x, y), radius_m), **more)


class Clock:
    """A world of two functions: plan and now."""

    def __init__(self) -> None:
        self.now_s = NOW
        self._due: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def now(self) -> float:
        return self.now_s

    def plan(self, at_s: float, what: Callable[..., None], *arguments: Any) -> None:
        self._count += 1
        heapq.heappush(self._due, (max(at_s, self.now_s), self._count, what, arguments))

    def run(self, until_s: float = float("inf")) -> None:
        while self._due and self._due[0][0] <= until_s:
            self.now_s, _, what, arguments = heapq.heappop(self._due)
            what(*arguments)
        if until_s < float("inf"):
            self.now_s = until_s


class Stand:
    """A desk with its clock and everything that it told."""

    def __init__(self, drones: Fleet) -> None:
        self.clock = Clock()
        self.news: list[tuple[News, float, str]] = []
        self.desk = Desk(drones, self.clock.now, self.clock.plan, self.told)
        self.desk.note_scene(0, Scene(child=False, trauma=False, no_place=False, hands=2))

    def told(
        self, incident: int, task: int, news: News, *, due_s: float = 0.0, reason: str = ""
    ) -> None:
        self.news.append((news, self.clock.now_s - NOW, reason))
        if news is News.DELIVERED:
            self.desk.somebody_takes(incident, task, volunteer=False)

    def send(self, x: float = 2000.0, y: float = 0.0) -> str:
        options, _ = self.desk.find(0, *place(x, y))
        refused = self.desk.ready(0, 1, options[0].drone)
        self.desk.launch(0, 1)
        return refused

    def row(self, crew_s: float = 1e9, other_s: float = 1e9) -> Any:
        return self.desk.row(
            0,
            NOW,
            crew_attached_s=crew_s,
            other_attached_s=other_s,
            true_arrest=True,
            shockable=True,
        )


# --- finding drones -----------------------------------------------------------------------------


def test_a_drone_in_reach_is_an_option_with_its_time_to_the_ground() -> None:
    (option,), passed = fleet().search(*place(2000.0, 0.0), NOW)
    assert passed == ()
    assert option.granted_share == 1.0
    # 42 to prepare, 15 up, 133 + 6 on the way, 12 down, 19 to settle, 42 on the winch
    assert option.eta_s == pytest.approx(42 + 15 + 2000 / 15 + 6 + 12 + 19 + 42, abs=0.5)


@pytest.mark.parametrize(
    ("sky", "reason"),
    [
        ({"gust_mps": 20.0}, "gust"),
        ({"rain_mm_h": 9.0}, "rain"),
        ({"visibility_m": 300.0}, "fog"),
        ({"wind_mps": 14.0}, "wind"),
        ({"temperature_c": -25.0}, "cold"),
    ],
)
def test_weather_grounds_every_drone_of_a_base(sky: dict[str, float], reason: str) -> None:
    options, passed = fleet(STEADY, **sky).search(*place(2000.0, 0.0), NOW)
    assert options == ()
    assert [p.reason for p in passed] == [reason]


def test_a_place_too_far_or_forbidden_or_enclosed_says_so() -> None:
    prison = zone("prison", Rule.FORBID, 2000.0, 0.0, 500.0)
    reasons = [
        fleet(STEADY, prison).search(*place(x, 0.0), NOW)[1][0].reason for x in (9000.0, 2000.0)
    ]
    assert reasons == ["too_far", "no_fly_zone"]
    ring = Volume(
        "ring",
        "ring",
        Rule.FORBID,
        "test",
        shapely.difference(circle(*place(3000, 0), 1500), circle(*place(3000, 0), 1000)),
    )
    assert fleet(STEADY, ring).search(*place(3000.0, 0.0), NOW)[1][0].reason == "enclosed"


def test_wind_changes_the_time_and_the_energy() -> None:
    east = place(4000.0, 0.0)
    calm = fleet().search(*east, NOW)[0][0]
    behind = fleet(STEADY, wind_mps=6.0, wind_from_deg=270.0).search(*east, NOW)[0][0]
    ahead = fleet(STEADY, wind_mps=6.0, wind_from_deg=90.0).search(*east, NOW)[0][0]
    assert behind.way.flight_s < calm.way.flight_s < ahead.way.flight_s
    assert behind.way.home_s > calm.way.home_s
    assert ahead.way.energy_j > calm.way.energy_j


def test_a_mission_without_reserve_is_refused() -> None:
    thirsty = replace(STEADY, reserve_share=0.9)
    assert fleet(thirsty).search(*place(4000.0, 0.0), NOW)[1][0].reason == "energy"


def test_the_soonest_drone_comes_first_and_ties_go_to_the_lower_number() -> None:
    far = DroneBase("B", *place(4000.0, 0.0), drones=2)
    both = replace(STEADY, bases=(BASE, far))
    options, _ = fleet(both).search(*place(3000.0, 0.0), NOW)
    assert [option.drone for option in options] == [1, 2, 0]


# --- permission ---------------------------------------------------------------------------------


def asking(share: float, wait_s: float, **changes: Any) -> tuple[Fleet, tuple[float, float]]:
    tower = zone(
        "tower",
        Rule.PERMISSION,
        3000.0,
        0.0,
        1500.0,
        permission=Permission(share, wait_s, 0.0),
    )
    return fleet(replace(STEADY, **changes), tower), place(3000.0, 0.0)


def test_a_target_in_a_control_zone_waits_for_permission() -> None:
    drones, target = asking(1.0, 120.0)
    (option,), _ = drones.search(*target, NOW)
    assert option.way.asks == ("tower",)
    sortie = drones.sortie(0, option)
    assert (sortie.asked, sortie.granted, sortie.stopped) == (True, True, "")
    assert sortie.ready_s == 120.0


def test_permission_refused_or_too_late_ends_the_mission_with_its_reason() -> None:
    for share, wait_s, reason in (
        (0.0, 60.0, "permission_refused"),
        (1.0, 600.0, "permission_late"),
    ):
        drones, _ = asking(share, wait_s)
        stand = Stand(drones)
        stand.send(3000.0)
        stand.clock.run()
        assert stand.news[-1][0] is News.LOST
        assert stand.news[-1][2] == reason
        assert stand.row().stage is lost(reason)
        assert drones.is_free(0, stand.clock.now_s)


def test_without_permission_the_longer_way_round_is_flown_where_there_is_one() -> None:
    tower = zone(
        "tower", Rule.PERMISSION, 2500.0, 0.0, 1000.0, permission=Permission(0.0, 1.0, 0.0)
    )
    drones = fleet(STEADY, tower)
    (option,), _ = drones.search(*place(5000.0, 0.0), NOW)
    assert option.way.asks == ("tower",)
    sortie = drones.sortie(0, option)
    assert not sortie.granted
    assert sortie.stopped == ""
    assert sortie.way is not None
    assert sortie.way.asks == ()
    assert sortie.way.route.length_m > option.way.route.length_m


def test_a_standing_agreement_needs_no_question() -> None:
    own = replace(STEADY, bases=(replace(BASE, agreed=("tower",)),))
    tower = zone("tower", Rule.PERMISSION, 0.0, 0.0, 1500.0)
    (option,), _ = fleet(own, tower).search(*place(3000.0, 0.0), NOW)
    assert option.way.asks == ()
    assert fleet(STEADY, tower).search(*place(3000.0, 0.0), NOW)[0][0].way.asks == ("tower",)


def test_a_permission_counts_as_often_as_it_says() -> None:
    drones, target = asking(0.7, 60.0)
    (option,), _ = drones.search(*target, NOW)
    granted = [drones.sortie(incident, option).granted for incident in range(2000)]
    assert np.mean(granted) == pytest.approx(0.7, abs=0.04)


# --- a mission ----------------------------------------------------------------------------------


def test_a_mission_goes_from_the_word_to_the_patient() -> None:
    stand = Stand(fleet(seed=2))
    assert stand.send() == ""
    stand.clock.run()
    assert [news for news, _, _ in stand.news] == [
        News.READY,
        News.LAUNCHED,
        News.OVERHEAD,
        News.DELIVERED,
        News.TAKEN,
        News.ATTACHED,
    ]
    times = [at_s for _, at_s, _ in stand.news]
    assert times[0] == times[1] == 42.0
    assert times[2] - times[1] == pytest.approx(15 + 2000 / 15 + 6 + 12 + 19, abs=0.1)
    row = stand.row()
    assert row.stage is Stage.SHOCK
    assert row.launched_s == 42.0
    assert row.taken_by == "bystander"


def test_readied_on_suspicion_it_waits_for_the_word() -> None:
    stand = Stand(fleet(seed=2))
    options, _ = stand.desk.find(0, *place(2000.0, 0.0))
    assert stand.desk.ready(0, 1, options[0].drone) == ""
    stand.clock.run(NOW + 300.0)
    assert [news for news, _, _ in stand.news] == [News.READY]
    stand.desk.launch(0, 1)
    assert stand.news[-1] == (News.LAUNCHED, 300.0, "")


def test_a_claimed_drone_cannot_be_had_twice_and_comes_back_after_turning_round() -> None:
    drones = fleet(seed=2)
    stand = Stand(drones)
    stand.send()
    options, passed = stand.desk.find(1, *place(500.0, 0.0))
    assert options == ()
    assert passed[0].reason == "busy"
    assert stand.desk.ready(1, 1, 0) == "not_found_before"
    stand.clock.run()
    delivered_s = next(at_s for news, at_s, _ in stand.news if news is News.DELIVERED)
    # home, a fresh battery in 240 s, checks in 300 s
    home_s = 60 / 6 + 2000 / 15 + 6 + 60 / 5
    free_s = NOW + delivered_s + home_s + 240 + 300
    assert not drones.is_free(0, free_s - 5.0)
    assert drones.is_free(0, free_s + 5.0)


def test_without_a_spare_battery_it_is_charged_and_paris_keeps_it_for_six_hours() -> None:
    for changes, least_s in (
        ({"bases": (replace(BASE, spare_batteries=0),)}, 3900.0),
        ({"busy_s": 21_600.0}, 21_600.0),
    ):
        drones = fleet(replace(STEADY, **changes), seed=2)
        stand = Stand(drones)
        stand.send()
        stand.clock.run()
        assert not drones.is_free(0, NOW + least_s)
        assert drones.is_free(0, NOW + least_s + 1200.0)


def test_a_second_mission_soon_after_finds_the_spare_battery_used() -> None:
    drones = fleet(seed=2)
    (option,), _ = drones.search(*place(500.0, 0.0), NOW)
    first = drones.comes_back(0, NOW, NOW + 100.0, option.way)
    second = drones.comes_back(0, first, first + 100.0, option.way)
    assert second - first > 1.5 * (first - NOW)


def test_recall_on_the_ground_frees_it_and_in_flight_brings_it_home() -> None:
    drones = fleet(seed=2)
    stand = Stand(drones)
    stand.send()
    stand.clock.run(NOW + 10.0)
    assert stand.desk.recall(0, 1, "crew_on_scene")
    assert drones.is_free(0, NOW + 10.0)
    row = stand.row()
    assert (row.reason, row.recalled_for) == ("recalled_on_ground", "crew_on_scene")

    stand = Stand(fleet(seed=2))
    stand.send()
    stand.clock.run(NOW + 100.0)
    assert stand.desk.recall(0, 1, "crew_on_scene")
    stand.clock.run()
    assert News.OVERHEAD not in [news for news, _, _ in stand.news]
    assert stand.row().reason == "recalled_in_flight"
    flown_s = 100.0 - 42.0
    assert stand.desk.fleet.is_free(0, NOW + 100.0 + 4 * flown_s + 540.0)


def test_recall_over_the_place_is_too_late() -> None:
    stand = Stand(fleet(seed=2))
    stand.send()
    stand.clock.run(NOW + 235.0)
    assert stand.news[-1][0] is News.OVERHEAD
    assert not stand.desk.recall(0, 1, "crew_on_scene")
    stand.clock.run()
    assert stand.row(crew_s=60.0).reason == "crew_first"


def test_a_start_or_a_winch_that_fails_has_its_reason() -> None:
    stand = Stand(fleet(replace(STEADY, start_failed_share=1.0)))
    stand.send()
    stand.clock.run()
    assert stand.row().reason == "start_failed"
    failed = [
        Stand(fleet(seed=seed)).desk.fleet.sortie(0, option).delivers
        for seed in range(600)
        for option in fleet(seed=seed).search(*place(2000.0, 0.0), NOW)[0]
    ]
    assert 1 - np.mean(failed) == pytest.approx(1 / 12, abs=0.03)


def test_draws_depend_on_incident_and_drone_alone() -> None:
    alone = fleet(STEADY, seed=5)
    two = replace(STEADY, bases=(BASE, DroneBase("B", *place(100.0, 0.0))))
    together = fleet(two, seed=5)
    mine = alone.sortie(7, alone.search(*place(2000.0, 0.0), NOW)[0][0])
    options, _ = together.search(*place(2000.0, 0.0), NOW)
    same = next(together.sortie(7, option) for option in options if option.drone == 0)

    def drawn(sortie: Sortie) -> tuple[Any, ...]:
        return sortie.preparation_s, sortie.starts, sortie.lowering_s, sortie.delivers

    assert drawn(mine) == drawn(same)
    assert drawn(mine) == drawn(alone.sortie(7, mine.option))


# --- hands --------------------------------------------------------------------------------------


def test_who_takes_the_aed_and_the_compressions_it_costs() -> None:
    drones = fleet()

    def mean(hands: int, volunteer: bool) -> tuple[float, float]:
        found = [drones.hand_over(k, hands=hands, volunteer=volunteer) for k in range(1500)]
        reached = [h for h in found if np.isfinite(h.attached_s)]
        return (
            float(np.median([h.attached_s for h in reached])),
            float(np.median([h.hands_off_s for h in reached])),
        )

    assert mean(2, True) == pytest.approx((54.0, 0.0), abs=2.0)  # a trained volunteer
    assert mean(2, False) == pytest.approx((203.0, 0.0), rel=0.06)  # the second bystander
    alone = mean(1, False)
    assert alone == pytest.approx((203.0, 109.0), rel=0.06)  # Smith 2024: 109 s, 87 to 130
    assert drones.hand_over(0, hands=0, volunteer=False).by == "nobody"


def test_an_aed_that_nobody_takes_waits_for_a_volunteer() -> None:
    stand = Stand(fleet(seed=2))
    stand.desk.note_scene(0, Scene(child=False, trauma=False, no_place=False, hands=0))
    stand.send()
    stand.clock.run()
    assert stand.row().reason == "nobody_to_take"
    stand.clock.now_s = NOW + 600.0
    stand.desk.somebody_takes(0, 1, volunteer=True)
    stand.clock.run()
    row = stand.row()
    assert (row.taken_by, row.stage) == ("volunteer", Stage.SHOCK)
    assert row.attached_s > 600.0


def test_what_rules_a_drone_out() -> None:
    fit_scene = Scene(child=False, trauma=False, no_place=False, hands=2)
    assert fit_scene.ruled_out(lone_rescuer_allowed=False) is None
    lone = replace(fit_scene, hands=1)
    assert lone.ruled_out(lone_rescuer_allowed=False) is RuledOut.ALONE
    assert lone.ruled_out(lone_rescuer_allowed=True) is None
    assert replace(fit_scene, child=True).ruled_out(lone_rescuer_allowed=True) is RuledOut.CHILD
    drones = fleet(replace(STEADY, no_place_share=DayNight(0.0, 1.0), child_share=0.0))
    night = drones.scene(3, at_home=True, bystander=True, night=True)
    assert night.no_place
    shares = [drones.scene(k, at_home=True, bystander=True, night=False).hands for k in range(2000)]
    assert np.mean([h == 2 for h in shares]) == pytest.approx(0.44, abs=0.04)


# --- funnel -------------------------------------------------------------------------------------


def test_the_funnel_loses_nobody_without_a_reason() -> None:
    rows = [(lost(reason), reason) for reason in LOST_AT] + [(Stage.SHOCK, "")] * 3
    steps = funnel(rows)
    assert steps[0].reached == len(rows)
    assert steps[-1].reached == 3
    for before, after in pairwise(steps):
        assert before.reached == after.reached + sum(after.losses.values())
    flyable = next(step for step in steps if step.stage is Stage.FLYABLE)
    assert flyable.losses["gust"] == 1


def test_of_several_drones_the_one_that_came_farthest_speaks() -> None:
    assert farthest(["too_far", "gust", "busy"]) == "gust"
    assert farthest([]) == "no_drone"


def test_every_reason_that_the_fleet_gives_has_its_place_in_the_funnel() -> None:
    assert {reason.value for reason in Grounded} <= set(LOST_AT)
    assert {reason.value for reason in RuledOut} <= set(LOST_AT)


# --- trials -------------------------------------------------------------------------------------


def test_one_set_fitted_on_s3_and_s5_predicts_s2_and_s4() -> None:
    found = lines()
    assert {line.trial for line in found if line.role == "fitted"} == {"S3", "S5"}
    assert {line.trial for line in found if line.role == "predicted"} == {"S2", "S4"}
    for line in found:
        assert line.holds, (line.trial, line.model_s, line.published_s)


def test_the_shipped_parameters_are_the_fitted_ones() -> None:
    fitted, shipped = fit(), DroneParameters(bases=(BASE,))
    assert shipped.preparation.median_s == pytest.approx(fitted.preparation_s, abs=1.0)
    assert shipped.settle.median_s == pytest.approx(fitted.settle_s, abs=1.0)
    assert fitted.cruise_mps == pytest.approx(13.4, abs=0.05)


def test_the_prediction_can_fail() -> None:
    """With the published speeds swapped the trials would not come out: the test has teeth."""
    slow = alert_to_release_s(fit(), 7700.0, "sparrow", 13.4, Delivery.LANDING)
    assert abs(slow - 486.0) > 30.0


def test_illustrations_come_out_as_published() -> None:
    for share in illustrations():
        assert share.model == pytest.approx(share.published, abs=3.0)
        assert share.trial in {"S6", "S7"}


# --- inputs -------------------------------------------------------------------------------------


def test_faults_of_the_inputs_are_all_named() -> None:
    wrong = replace(
        STEADY,
        bases=(
            BASE,
            replace(BASE, aircraft="kite", drones=0),
            replace(BASE, base_id="C", lat=99.0),
        ),
        start_failed_share=1.5,
        delivery_height_m=500.0,
        payload_kg=2.8,
    )
    fields = [fault.field for fault in check_drones(wrong)]
    assert "drones.bases.A.drones" in fields
    assert "drones.bases.A.aircraft" in fields
    assert "drones.bases.C" in fields
    assert "drones.start_failed_share" in fields
    assert "drones.delivery_height_m" in fields
    assert check_drones(STEADY) == []
    assert HandOverParameters().shock_s == 30.0
