"""What the system knows when it looks for people: reported positions, claims, hours of AEDs.

One ``Finder`` serves one replication of one policy. It answers ``FindCandidates`` at once and
holds the roster, so that nobody is asked by two incidents and no AED is promised twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dispatch import candidates
from dispatch.config import Policy
from dispatch.eligibility import Reason, Rules
from dispatch.events import CandidatesFound
from dispatch.facts import Alerted
from dispatch.model import Order, Query
from dispatch.roster import Roster
from sim.answers import Answer
from sim.backdrop import Backdrop, Reach

OLD = np.uint8(Reason.POSITION_OLD)


class Finder:
    """The simulated service's view of people and AEDs; person ids and AED ids are indices."""

    def __init__(self, backdrop: Backdrop, policy: Policy) -> None:
        self.backdrop = backdrop
        self.policy = policy
        n = backdrop.people.n
        self.roster = Roster.of(
            Rules.of(policy),
            responder_ids=np.arange(n),
            home_lat=backdrop.people.spots.lat[:n],
            home_lon=backdrop.people.spots.lon[:n],
            aed_ids=np.arange(len(backdrop.setting.aeds)),
        )
        for fact in backdrop.own_limits:
            self.roster.apply(fact)
        self._promised: set[int] = set()  # AEDs claimed now
        self._listed: dict[int, list[int]] = {}  # incident -> people found last

    def find(self, incident: int, query: Query, now_s: float) -> CandidatesFound:
        """The answer to ``FindCandidates`` from reported positions."""
        there = self.backdrop.present(incident)
        closed = self._promised.union(query.exclude_aeds) if query.with_aeds else ()
        reach = self._reach(incident, tuple(sorted(closed)), with_aeds=query.with_aeds)
        may, why = self.roster.mask(
            now_s, night=query.night, exclude=query.exclude, untrained=query.untrained
        )
        near = there.person[reach.near]
        eligible, reasons = may[near], why[near]
        age_s = self.backdrop.position_age_s(incident, reach.near)
        old = age_s > self.roster.rules.position_max_age_s
        if old.any():
            eligible &= ~old
            reasons = np.maximum(reasons, old * OLD)
        times, aeds = reach.times, query.with_aeds
        found = candidates.select(
            query,
            responder_ids=near,
            eligible=eligible,
            reasons=reasons,
            direct_s=times.direct_s,
            via_aed_s=times.via_aed_s if aeds else None,
            aed=times.aed if aeds else None,
            to_aed_s=times.to_aed_s if aeds else None,
            distance_m=self._distance_m(incident, query, reach),
            position_age_s=age_s,
            roster_version=self.roster.version,
            region_id=self.backdrop.setting.region_id,
            straight_line=query.straight_line,
        )
        self._listed[incident] = [person.responder_id for person in found.candidates]
        return found

    def _reach(self, incident: int, closed: tuple[int, ...], *, with_aeds: bool) -> Reach:
        """Travel times at this call; ``closed``: AEDs that do not count."""
        aed = self.policy.aed
        return self.backdrop.reach(
            incident, aed.pickup_s, aed.carry_factor, closed=closed, with_aeds=with_aeds
        )

    def _distance_m(self, incident: int, query: Query, reach: Reach) -> NDArray[np.float64] | None:
        """Straight lines, where the query looks at them."""
        if query.radius_m is None and query.order is not Order.DISTANCE:
            return None
        return self.backdrop.distance_m(incident, reach.near)

    def answer(self, incident: int, person: int) -> Answer:
        """What this person will do if asked."""
        return self.backdrop.answer(incident, person, self._listed.get(incident, []))

    def forget(self, incident: int) -> None:
        """The incident is over."""
        self._listed.pop(incident, None)

    # --- claims -------------------------------------------------------------------------------

    def claim_person(
        self, person: int, incident_id: str, alert_id: int, now_s: float, *, night: bool
    ) -> str:
        """Take a person for one alert: "" or why not. A claim counts as an alert."""
        refused = self.roster.claim_responder(person, incident_id, alert_id)
        if not refused:
            self.roster.apply(Alerted(person, now_s, night))
        return refused

    def claim_aed(self, aed: int, incident_id: str, alert_id: int, now_s: float) -> str:
        """Take an AED for one alert instead of any held before: "" or why not."""
        refused = self.roster.claim_aed(aed, incident_id, alert_id, now_s)
        if not refused:
            self._promised.add(aed)
        return refused

    def release_aed(self, incident_id: str, alert_id: int, aed: int | None) -> None:
        """The person no longer goes for the AED."""
        if aed is not None:
            self.roster.release_aed(incident_id, alert_id)
            self._promised.discard(aed)

    def release(self, incident_id: str, alert_id: int, aed: int | None) -> None:
        """Free the person, and the AED if one was held."""
        self.roster.release(incident_id, alert_id)
        if aed is not None:
            self._promised.discard(aed)
