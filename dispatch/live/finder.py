"""The port to whoever knows where people are: the runtime asks it, and tells it what changes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from dispatch.events import CandidatesFailed, CandidatesFound
from dispatch.live.store.engine import Tx
from dispatch.model import Query


class Finder(Protocol):
    """Candidates for a query, and the facts that eligibility rests on.

    Its arrays mirror rows of the database; every method is called under the store's lock.
    """

    def find(
        self, tx: Tx, query: Query, now_s: float, policy_id: str, flags: Collection[str]
    ) -> CandidatesFound | CandidatesFailed:
        """Answer a query. ``flags``: kinds of call, e.g. ``child``, that people may opt out of."""

    def utc_offset_s(self, now_s: float) -> float:
        """Local time minus UTC in the region, s."""

    def person_changed(self, tx: Tx, responder_id: int, now_s: float) -> None:
        """Read one person's rows again."""

    def aed_changed(self, tx: Tx, aed_id: int, now_s: float) -> None:
        """Read one AED's row again."""

    def asked(
        self, responder_id: int, incident_id: str, alert_id: int, at_s: float, *, night: bool
    ) -> None:
        """A person was claimed and is being asked."""

    def aed_claimed(self, aed_id: int, incident_id: str, alert_id: int, now_s: float) -> None:
        """An AED was claimed."""

    def aed_released(self, incident_id: str, alert_id: int) -> None:
        """The AED of this alert was given back."""

    def released(self, incident_id: str, alert_id: int) -> None:
        """Whatever this alert held was given back."""

    def reload(self, tx: Tx, now_s: float) -> None:
        """Read everything again: at the start, and when a commit was lost."""
