"""AED drones in the simulated world: what happens to one from the word to the patient.

Flight is the small part. Preparation, permission, delivery and hand-over are drawn, each from its
own key of incident and drone, so that policies meet the same luck and a drone more changes
nothing for the others. ``Fleet`` is one policy's drones: which are free, charged and in reach.

Times of a ``Sortie`` are durations; the world turns them into moments and events. Whatever stops a
mission has a reason: ``sim.drone_funnel`` counts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from sim.drone_air import AirWorld, Outlook, Way, base_of_drones
from sim.drone_parameters import LOWERING
from sim.parameters import Lognormal
from sim.randomness import Draws, Purpose, lognormal_s, uniform

BUSY = "busy"


class RuledOut(StrEnum):
    """Why control would not want a drone, whatever the air is like."""

    CHILD = "child"
    TRAUMA = "trauma"
    NO_PLACE = "no_delivery_place"
    ALONE = "lone_rescuer"
    NOBODY = "nobody_at_scene"


class Scene(Struct, frozen=True):
    """What control is told that bears on a drone. ``hands``: people at the scene who could help."""

    child: bool
    trauma: bool
    no_place: bool
    hands: int

    def ruled_out(self, *, lone_rescuer_allowed: bool) -> RuledOut | None:
        """The first reason against a drone; None: eligible."""
        if self.child:
            return RuledOut.CHILD
        if self.trauma:
            return RuledOut.TRAUMA
        if self.no_place:
            return RuledOut.NO_PLACE
        if self.hands == 1 and not lone_rescuer_allowed:
            return RuledOut.ALONE
        return None


class Option(Struct, frozen=True):
    """One drone that could go, as the system sees it: the answer to a search for drones.

    ``eta_s``: from the word to the AED on the ground, by the medians, with the expected wait for
    permission. ``granted_share``: how likely permission is; 1 where none is needed.
    """

    drone: int
    base: int
    eta_s: float
    way: Way
    granted_share: float
    outlook: Outlook
    waits_s: float = 0.0  # until the drone is free


class Passed(Struct, frozen=True):
    """A drone that cannot go, and why."""

    drone: int
    reason: str


class Sortie(Struct, frozen=True):
    """What one mission would be: durations in seconds and outcomes, all drawn beforehand.

    ``way`` is the way flown: the unasked one where permission is refused or too slow, None where
    there is none then (``stopped`` says why). Permission is asked at the word, while the drone is
    prepared; ``ready_s`` is when both are done.
    """

    option: Option
    way: Way | None
    asked: bool
    granted: bool
    preparation_s: float
    permission_s: float
    starts: bool
    flight_s: float  # take-off to being over the place, settling included
    lowering_s: float
    delivers: bool
    stopped: str = ""

    @property
    def ready_s(self) -> float:
        """From the word to ready for take-off."""
        return self.option.waits_s + max(self.preparation_s, self.permission_s)


class HandOver(Struct, frozen=True):
    """The AED from the ground to the patient, seconds after it lies there.

    ``by``: volunteer, bystander or nobody. ``hands_off_s``: compressions stopped for so long.
    """

    by: str
    taken_s: float
    attached_s: float
    hands_off_s: float


class Fleet:
    """The drones of one policy in one replication."""

    def __init__(self, air: AirWorld, draws: Draws) -> None:
        self.air = air
        self.parameters = air.parameters
        self.draws = draws
        self.base_of = base_of_drones(air.parameters.bases)
        self._standing = [
            [d for d, of in enumerate(self.base_of) if of == k][: base.drones]
            for k, base in enumerate(air.parameters.bases)
        ]
        self._free_at_s = [float("-inf")] * len(self.base_of)
        # Full sets of batteries at each base come in order of these moments.
        self._sets: list[list[float]] = [
            [float("-inf")] * base.spare_batteries for base in air.parameters.bases
        ]

    def search(
        self, lat: float, lon: float, now_s: float, *, exclude: Sequence[int] = ()
    ) -> tuple[tuple[Option, ...], tuple[Passed, ...]]:
        """Drones that could go, soonest first (ties by number), and the others with a reason."""
        options: list[Option] = []
        passed: list[Passed] = []
        for base in range(len(self.parameters.bases)):
            drones = [d for d in self._standing[base] if d not in exclude]
            if not drones:
                continue
            outlook = self.air.outlook(base, lat, lon, now_s)
            for drone in drones:
                waits_s = max(self._free_at_s[drone] - now_s, 0.0)
                if outlook.reason:
                    passed.append(Passed(drone, outlook.reason))
                elif waits_s > self.parameters.queue_s:
                    passed.append(Passed(drone, BUSY))
                else:
                    options.append(self._option(drone, base, outlook, waits_s))
        options.sort(key=lambda option: (option.eta_s, option.drone))
        return tuple(options), tuple(passed)

    def _option(self, drone: int, base: int, outlook: Outlook, waits_s: float) -> Option:
        inputs = self.parameters
        lowering_s = LOWERING[outlook.delivery].time.median_s
        prepared_s = inputs.preparation.median_s
        after_s = inputs.settle.median_s + lowering_s + waits_s
        best: Option | None = None
        if outlook.unasked is not None:
            eta_s = prepared_s + outlook.unasked.flight_s + after_s
            best = Option(drone, base, eta_s, outlook.unasked, 1.0, outlook, waits_s)
        if outlook.asked is not None and outlook.permission is not None:
            permission = outlook.permission
            wait_s = max(prepared_s, permission.wait_median_s)
            eta_s = wait_s + outlook.asked.flight_s + after_s
            if best is None or eta_s < best.eta_s:
                share = permission.granted_share if best is None else 1.0
                best = Option(drone, base, eta_s, outlook.asked, share, outlook, waits_s)
        assert best is not None
        return best

    def sortie(self, incident: int, option: Option) -> Sortie:
        """What this mission would be, drawn from the keys of incident and drone."""
        inputs, outlook, drone = self.parameters, option.outlook, option.drone

        def chance(purpose: Purpose) -> float:
            return uniform(self.draws.key(purpose, incident, drone))

        def lasts(purpose: Purpose, law: Lognormal) -> float:
            return lognormal_s(self.draws.key(purpose, incident, drone), law.median_s, law.sigma)

        way: Way | None = option.way
        asked = bool(option.way.asks)
        granted, permission_s, stopped = False, 0.0, ""
        if asked and outlook.permission is not None:
            permission = outlook.permission
            granted = chance(Purpose.DRONE_PERMISSION) < permission.granted_share
            law = Lognormal(permission.wait_median_s, permission.wait_sigma)
            permission_s = lasts(Purpose.DRONE_PERMISSION_WAIT, law)
            if permission_s > inputs.longest_wait_s:
                granted, permission_s, stopped = False, inputs.longest_wait_s, "permission_late"
            elif not granted:
                stopped = "permission_refused"
            if not granted:
                way = outlook.unasked
                stopped = "" if way is not None else stopped
        lowering = LOWERING[outlook.delivery]
        settle_s = lasts(Purpose.DRONE_SETTLE, inputs.settle)
        return Sortie(
            option=option,
            way=way,
            asked=asked,
            granted=granted,
            preparation_s=lasts(Purpose.DRONE_PREPARATION, inputs.preparation),
            permission_s=permission_s,
            starts=chance(Purpose.DRONE_START_FAILS) >= inputs.start_failed_share,
            flight_s=0.0 if way is None else round(way.flight_s + settle_s, 3),
            lowering_s=lasts(Purpose.DRONE_LOWERING, lowering.time),
            delivers=chance(Purpose.DRONE_DELIVERY_FAILS) >= lowering.failed_share,
            stopped=stopped,
        )

    # --- what a mission leaves behind ---------------------------------------------------------

    def is_free(self, drone: int, now_s: float) -> bool:
        """Whether the drone stands on its base, charged."""
        return self._free_at_s[drone] <= now_s

    def take(self, drone: int) -> None:
        """The drone is claimed; it is free again when ``comes_back`` or ``stands_down`` says so."""
        self._free_at_s[drone] = float("inf")

    def stands_down(self, drone: int, now_s: float) -> None:
        """It never took off: free at once."""
        self._free_at_s[drone] = now_s

    def comes_back(
        self, drone: int, took_off_s: float, turned_s: float, way: Way, way_share: float = 1.0
    ) -> float:
        """After a flight: home, a fresh battery, checks. Returns when it is free again.

        ``turned_s``: when it left for home; ``way_share``: how much of the way out it had flown.
        """
        inputs = self.parameters
        if inputs.busy_s is not None:
            free_s = took_off_s + inputs.busy_s
        else:
            landed_s = turned_s + way.home_s * way_share
            free_s = self._fresh_battery(drone, landed_s) + inputs.checks_s
        self._free_at_s[drone] = free_s
        return free_s

    def _fresh_battery(self, drone: int, landed_s: float) -> float:
        """When a full set is in: swapped if a spare is full in time, else the empty one charged."""
        base = self.base_of[drone]
        kind = self.parameters.aircraft_of(self.parameters.bases[base])
        charged_s = landed_s + kind.charge_s
        sets = self._sets[base]
        if not sets:
            return charged_s
        sets.sort()
        swapped_s = max(landed_s, sets[0]) + kind.swap_s
        if swapped_s >= charged_s:
            return charged_s
        sets[0] = landed_s + kind.swap_s + kind.charge_s
        return swapped_s

    # --- people -------------------------------------------------------------------------------

    def scene(self, incident: int, *, at_home: bool, bystander: bool, night: bool) -> Scene:
        """What control learns about the scene that bears on a drone."""
        inputs = self.parameters

        def chance(word: int) -> float:
            return uniform(self.draws.key(Purpose.DRONE_RULED_OUT, incident, word))

        hands = 0
        if bystander:
            people = inputs.hand_over
            share = (
                people.second_person_home_share if at_home else people.second_person_public_share
            )
            u = uniform(self.draws.key(Purpose.DRONE_HELPERS, incident))
            hands = 2 if u < share else 1
        no_place = inputs.no_place_share.night if night else inputs.no_place_share.day
        return Scene(
            child=chance(0) < inputs.child_share,
            trauma=chance(1) < inputs.trauma_share,
            no_place=chance(2) < no_place,
            hands=hands,
        )

    def hand_over(self, incident: int, *, hands: int, volunteer: bool) -> HandOver:
        """Who takes the AED that lies on the ground now, and when it is on the patient.

        A volunteer at the scene goes for it while others keep up compressions; else a bystander
        does: the second one, or the only one, who stops compressions. With nobody there it lies.
        """
        inputs = self.parameters.hand_over

        def lasts(word: int, law: Lognormal) -> float:
            key = self.draws.key(Purpose.DRONE_HANDOVER, incident, word)
            return lognormal_s(key, law.median_s, law.sigma)

        fetch_s = lasts(0, inputs.fetch)
        alone = hands + volunteer == 1
        hands_off_s = lasts(3, inputs.alone_hands_off) if alone else 0.0
        if volunteer:
            return HandOver(
                "volunteer", fetch_s, fetch_s + lasts(1, inputs.trained_attach), hands_off_s
            )
        refuses = uniform(self.draws.key(Purpose.DRONE_HANDOVER, incident, 4))
        if hands == 0 or refuses < inputs.refuses_share:
            return HandOver("nobody", float("inf"), float("inf"), 0.0)
        attached_s = max(lasts(2, inputs.lay_attach), fetch_s)
        return HandOver("bystander", fetch_s, attached_s, hands_off_s)
