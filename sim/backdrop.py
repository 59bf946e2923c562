"""What is true in one replication whatever the policy: shared by all policies compared.

Calls, patients, ambulances, people and AEDs are drawn once. Travel times to a patient are searched
once per incident, for everybody's reported and true position in one search, and kept for the next
policy; so policies meet the same world and the second one is cheaper.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.points import haversine_m
from geo.routing import PatientTimes
from sim.ambulance import Ambulances, draw_ambulances
from sim.answers import Answer, answers, habits
from sim.arrivals import Arrivals, draw_arrivals
from sim.behaviour import draw_people
from sim.clock import Calendar, calendar
from sim.control import draw_notices
from sim.own_limits import own_limits
from sim.parameters import WorldParameters
from sim.patient import Patients, draw_patients
from sim.presence import Around, Presence, When, position_age_s, presence
from sim.randomness import Draws, Purpose, fold, lognormals_s, uniform
from sim.setting import Setting, open_at
from sim.travel import Spots, rough_s

if TYPE_CHECKING:
    from sim.drone_air import AirWorld

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PROBLEMS = ("locked", "gone", "broken")
# Cumulated: locked or no code 60 %, gone 30 %, broken 10 % (assumption).
PROBLEM_SHARES = (0.6, 0.9)
LEAST_BOUND_S = 300.0
FARTHER = 1.6  # times the bound: looked at next for somebody who is truly farther than they seem
FARTHEST_S = 7200.0  # and last; whoever is farther still is given the straight line with a detour
TO_AED_S = 1800.0  # first look for the way to an AED


class Reach(NamedTuple):
    """Travel times at base speed at one call, ``inf`` beyond the search's bound.

    ``times`` are what the system would compute, from the reported positions of the people who
    seem to be within the bound: rows ``near`` of the people present. ``true_direct_s`` is from
    where people truly are, one element for everybody present.
    """

    near: Ints
    times: PatientTimes
    true_direct_s: Floats


_Question = tuple[float, float, tuple[int, ...], bool]


class Fetched(NamedTuple):
    """An AED brought by a bystander as today: moments in seconds from the call."""

    aed: int
    taken_s: float
    attached_s: float


class Backdrop:
    """One replication before any policy acts.

    ``bound_s``: the longest travel time that any policy compared asks for. ``like``: the same
    replication with other means; what follows from equal inputs is taken from it, not drawn again.
    """

    def __init__(
        self,
        setting: Setting,
        parameters: WorldParameters,
        draws: Draws,
        *,
        bound_s: float,
        like: Backdrop | None = None,
    ) -> None:
        self.setting = setting
        self.parameters = parameters
        self.draws = draws
        self.bound_s = max(bound_s, LEAST_BOUND_S)
        self.calendar: Calendar = calendar(parameters.clock, setting.timezone)
        shared = like if like is not None and _same_calls(like, self) else None
        self.arrivals: Arrivals = (
            draw_arrivals(setting, self.calendar, parameters.arrivals, parameters.patient, draws)
            if shared is None
            else shared.arrivals
        )
        self.patients: Patients = (
            draw_patients(self.arrivals, parameters.patient, parameters.scene, draws)
            if shared is None
            else shared.patients
        )
        self.ambulances: Ambulances = (
            draw_ambulances(setting, self.calendar, self.arrivals, parameters, draws)
            if shared is None or not _same_fleet(shared, self)
            else shared.ambulances
        )
        self.notices = draw_notices(self.patients, self.ambulances, parameters.control, draws)
        self.people = draw_people(setting, parameters.people, draws)
        self.at_s = self.calendar.start_s + self.arrivals.t_s
        self.own_limits = tuple(
            own_limits(
                parameters.people,
                self.people.spots.lat[: self.people.n].tolist(),
                self.people.spots.lon[: self.people.n].tolist(),
                timezone=setting.timezone,
                start_s=self.calendar.start_s,
                end_s=self.calendar.start_s + self.calendar.horizon_s + 86400.0,
            )
        )
        traced = self.arrivals.point < 0
        self._where = (
            setting.travel.spots(self.arrivals.lat, self.arrivals.lon)
            if traced.any()
            else setting.demand.take(self.arrivals.point)
        )
        start = self.calendar.start_s
        self.aed_open = open_at(
            setting.aeds.intervals(start, start + self.calendar.horizon_s + 86400.0),
            setting.aeds.hours_known,
            self.at_s,
            ~self.arrivals.night,
        )
        true = slice(0, 2 * self.people.n)
        self._out_of_signal = (
            None
            if setting.no_signal is None
            else setting.no_signal(self.people.spots.lat[true], self.people.spots.lon[true])
        )
        self._habits = [habits(parameters.people, night=night) for night in (False, True)]
        self._present: dict[int, Presence] = {}
        self._reach: dict[int, dict[_Question, Reach]] = {}
        self._answers: dict[int, dict[int, Answer]] = {}
        self._from_aed: dict[int, Floats] = {}
        self._no_aed = np.zeros(len(setting.aeds), dtype=np.bool_)
        self._nobody = self._no_aeds = setting.demand.take(np.zeros(0, dtype=np.int64))
        self._nothing = np.zeros(0, dtype=np.bool_)

    def __len__(self) -> int:
        return len(self.arrivals)

    def forget(self, incident: int) -> None:
        """Drop what was kept for an incident that no policy will meet again."""
        self._present.pop(incident, None)
        self._reach.pop(incident, None)
        self._answers.pop(incident, None)

    # --- people -------------------------------------------------------------------------------

    def present(self, incident: int) -> Presence:
        """Who of the people around is in the region and on duty at this call."""
        found = self._present.get(incident)
        if found is None:
            where = Around(
                float(self._where.lat[incident]),
                float(self._where.lon[incident]),
                self.bound_s * self.setting.travel.fastest_mps,
            )
            when = When(
                int(self.arrivals.hour[incident]),
                bool(self.arrivals.weekend[incident]),
                bool(self.arrivals.night[incident]),
            )
            inputs = self.parameters.people
            found = presence(self.people, inputs, self.draws, incident, where, when)
            self._present[incident] = found
        return found

    def reach(
        self,
        incident: int,
        pickup_s: float,
        carry_factor: float,
        *,
        closed: tuple[int, ...] = (),
        with_aeds: bool = True,
    ) -> Reach:
        """Travel times of everybody present, from reported and from true positions.

        ``closed``: AEDs that do not count now. Without AEDs the way by them stays unknown, unless
        it is known already.
        """
        known = self._reach.setdefault(incident, {})
        found = known.get((pickup_s, carry_factor, closed, True))
        if found is None and not with_aeds:
            found = known.get((pickup_s, carry_factor, closed, False))
        if found is None:
            usable = self.aed_open[incident] if with_aeds else self._no_aed
            if closed and with_aeds:
                usable = usable.copy()
                usable[list(closed)] = False
            found = self._search(incident, pickup_s, carry_factor, usable)
            known[pickup_s, carry_factor, closed, with_aeds] = found
        return found

    def known_reach(self, incident: int) -> Reach:
        """Travel times that were searched before, whatever for; true positions are in all."""
        return next(iter(self._reach[incident].values()))

    def _search(
        self, incident: int, pickup_s: float, carry_factor: float, usable: NDArray[np.bool_]
    ) -> Reach:
        there = self.present(incident)
        n = len(there.person)
        spots = self.people.spots.take(np.concatenate([there.reported_spot, there.true_spot]))
        times = self.setting.travel.times(
            self._where.one(incident),
            spots,
            self.setting.aeds.spots,
            usable,
            bound_s=self.bound_s,
            pickup_s=pickup_s,
            carry_factor=carry_factor,
        )
        near = np.flatnonzero(times.direct_s[:n] < np.inf)
        seeming = PatientTimes(
            times.direct_s[near],
            times.via_aed_s[near],
            times.aed[near],
            times.to_aed_s[near],
            times.aed_to_patient_s,
        )
        return Reach(near, seeming, times.direct_s[n:])

    def distance_m(self, incident: int, near: Ints) -> Floats:
        """Straight lines from the reported positions of these rows of the people present."""
        spots, reported = self.people.spots, self.present(incident).reported_spot[near]
        where = self._where
        return haversine_m(
            spots.lat[reported], spots.lon[reported], where.lat[incident], where.lon[incident]
        )

    def asked_distance_m(self, incident: int, persons: list[int]) -> list[float]:
        """Straight lines from the reported positions of these people, metres."""
        rows = np.searchsorted(self.present(incident).person, persons)
        found: list[float] = self.distance_m(incident, rows).round(1).tolist()
        return found

    def position_age_s(self, incident: int, near: Ints) -> Floats:
        """How old the reported positions of these rows of the people present are."""
        return position_age_s(self.parameters.people, self.present(incident).key[near])

    def answer(self, incident: int, person: int, others: list[int]) -> Answer:
        """What this person would do; ``others`` likely to be asked as well are drawn with them."""
        known = self._answers.setdefault(incident, {})
        if person not in known:
            wanted = [other for other in others if other not in known]
            if person not in wanted:
                wanted.append(person)
            own = self._habits[bool(self.arrivals.night[incident])]
            drawn = answers(own, self.draws, incident, self.people.key[wanted])
            known.update(zip(wanted, drawn, strict=True))
            if self._out_of_signal is not None:
                spots = self.present(incident).true_spot
                for other in wanted:
                    if self._out_of_signal[spots[self._row(incident, other)]]:
                        known[other] = known[other]._replace(delivered=0.0)
        return known[person]

    # --- ways ---------------------------------------------------------------------------------

    def true_direct_s(self, incident: int, person: int) -> float:
        """Travel time at base speed from where the person truly is to the patient."""
        reach = self.known_reach(incident)
        row = self._row(incident, person)
        if not reach.true_direct_s[row] < np.inf:
            spots = self.people.spots.one(int(self.present(incident).true_spot[row]))
            reach.true_direct_s[row] = self._far_s(spots, self._where.one(incident))
        return float(reach.true_direct_s[row])

    def to_aed_s(self, incident: int, person: int, aed: int) -> float:
        """Travel time at base speed from where the person truly is to one AED."""
        row = self._row(incident, person)
        return self._to_aed(aed, int(self.present(incident).true_spot[row]))

    def between_aeds_s(self, aed: int, other: int) -> float:
        """Travel time at base speed from one AED to another."""
        return self._to_aed(other, 2 * self.people.n + aed)

    def aed_to_patient_s(self, incident: int, aed: int, person: int) -> float:
        """Travel time from an AED to the patient, as this person travels, nothing carried."""
        start = self.setting.aeds.spots.one(aed)
        mode = int(self.people.mode[person])
        if mode:
            start = self.setting.travel.with_mode(start, np.array([mode]))
            return self._far_s(start, self._where.one(incident))
        for (_, carry_factor, _, _), reach in self._reach[incident].items():
            found = float(reach.times.aed_to_patient_s[aed])
            if carry_factor == 1.0 and found < np.inf:
                return found
        return self._far_s(start, self._where.one(incident))

    def _row(self, incident: int, person: int) -> int:
        return int(np.searchsorted(self.present(incident).person, person))

    def _to_aed(self, aed: int, row: int) -> float:
        """From a row of (true homes, true work places, AEDs) to one AED; searched once per AED."""
        times = self._from_aed.get(aed)
        goal = self.setting.aeds.spots.one(aed)
        if times is None:
            times = self._from_aed[aed] = self._directly(self._sources, goal, TO_AED_S)
        if not times[row] < np.inf:
            times[row] = self._far_s(self._sources.one(row), goal)
        return float(times[row])

    def _far_s(self, start: Spots, goal: Spots) -> float:
        """From one place to another, farther apart than the policies look.

        The answer does not depend on how far they look: a policy fares the same in any company.
        """
        for bound_s in (FARTHER * self.bound_s, FARTHEST_S):
            found = float(self._directly(start, goal, bound_s)[0])
            if found < np.inf:
                return found
        travel = self.setting.travel
        return rough_s(travel, start.lat[0], start.lon[0], goal.lat[0], goal.lon[0])

    def _directly(self, starts: Spots, goal: Spots, bound_s: float) -> Floats:
        """Travel times from places to one place, without any AED."""
        return self.setting.travel.times(
            goal, starts, self._no_aeds, self._nothing, bound_s=bound_s, pickup_s=0.0
        ).direct_s

    @cached_property
    def _sources(self) -> Spots:
        true = self.people.spots.take(np.arange(2 * self.people.n))
        return Spots.join(true, self.setting.aeds.spots)

    # --- drones -------------------------------------------------------------------------------

    @cached_property
    def air(self) -> AirWorld | None:
        """The air of this replication; None: no drones."""
        sky = self.setting.sky
        return None if sky is None else sky.air(self.calendar, self.draws)

    @cached_property
    def suspected_s(self) -> Floats:
        """When an arrest is suspected, seconds from the call; NaN: not before it is recognised."""
        sky = self.setting.sky
        if sky is None:
            return np.full(len(self), np.nan)
        law, index = sky.drones.suspicion, np.arange(len(self))
        at_s = lognormals_s(
            self.draws.keys(Purpose.SUSPICION, index), law.after.median_s, law.after.sigma
        )
        happens = self.draws.uniforms(Purpose.SUSPECTED, index) < law.share
        return np.where(happens & (at_s < self.patients.recognised_s), at_s, np.nan)

    # --- AEDs ---------------------------------------------------------------------------------

    def aed_problem(self, incident: int, aed: int) -> str | None:
        """Why an AED that should be usable is not, for whoever stands before it; None: it is."""
        key = fold(self.draws.key(Purpose.AED_USABLE, incident), aed)
        inputs = self.parameters.aeds
        share = inputs.usable_share
        if not self.setting.aeds.hours_known[aed]:
            night = bool(self.arrivals.night[incident])
            share *= inputs.unknown_open_share.night if night else inputs.unknown_open_share.day
        if uniform(key) < share:
            return None
        u = uniform(fold(self.draws.key(Purpose.AED_PROBLEM, incident), aed))
        return PROBLEMS[sum(u >= edge for edge in PROBLEM_SHARES)]

    def fetched(self, incident: int) -> Fetched | None:
        """The AED that a bystander brings as today, if there is one within reach and usable."""
        if not self.patients.fetches_aed[incident] or len(self.setting.aeds) == 0:
            return None
        inputs, base_mps = self.parameters, self.setting.travel.base_mps
        times = self.setting.travel.times(
            self._where.one(incident),
            self._nobody,
            self.setting.aeds.spots,
            self._no_aed,
            bound_s=inputs.patient.public_aed_m / base_mps,
            pickup_s=0.0,
        )
        way_s = np.where(self.aed_open[incident], times.aed_to_patient_s, np.inf)
        aed = int(np.argmin(way_s))
        if not way_s[aed] < np.inf or self.aed_problem(incident, aed) is not None:
            return None
        left_s = float(self.patients.recognised_s[incident])
        taken_s = left_s + float(way_s[aed]) + inputs.aeds.pickup_s
        back_s = taken_s + float(way_s[aed])
        return Fetched(
            aed, round(taken_s, 3), round(back_s + inputs.scene.bystander_aed_attach_s, 3)
        )


def _same_calls(one: Backdrop, other: Backdrop) -> bool:
    """Whether two worlds of one replication have the same calls and patients."""
    a, b = one.parameters, other.parameters
    return (
        one.draws == other.draws
        and one.setting.demand is other.setting.demand
        and one.setting.population == other.setting.population
        and (a.clock, a.arrivals, a.patient, a.scene) == (b.clock, b.arrivals, b.patient, b.scene)
    )


def _same_fleet(one: Backdrop, other: Backdrop) -> bool:
    """Whether two worlds with the same calls have the same ambulances."""
    a, b = one.parameters, other.parameters
    return one.setting.drive is other.setting.drive and (a.ambulance, a.fleet) == (
        b.ambulance,
        b.fleet,
    )
