"""Who could be asked right now, and where: counts by squares of about a kilometre."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from dispatch import explain
from dispatch.eligibility import CODES, Reason, Rules
from dispatch.live.api import models
from dispatch.live.parts import Parts
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from geo.points import haversine_m

CELL_DEG = 0.01  # about 1.1 km north to south
SMALLEST_SHOWN = 3  # fewer people are shown as so many: nobody can be picked out of a map
WITHIN_M = 500  # the reach of the commonest published rules (field reference, 1a)
MAX_DEMAND_POINTS = 20_000
_NOT_ACTIVE = {"invited": "invited, has not enrolled yet", "left": "has left"}


def now(tx: Tx, parts: Parts) -> models.Coverage:
    """Return the coverage at this moment; inside a transaction."""
    now_s = parts.clock()
    policy_id = parts.book.in_force(tx, now_s)
    rules = Rules() if policy_id is None else Rules.of(parts.book.core(tx, policy_id).policy)
    roster = parts.finder.roster(tx, rules, now_s)
    night = False
    if policy_id is not None:
        local_s = now_s + parts.finder.utc_offset_s(now_s)
        night = parts.book.core(tx, policy_id).policy.is_night(local_s)
    eligible, reasons = roster.mask(now_s, night=night)
    lat, lon, *_ = roster.positions(now_s)
    people_at = np.column_stack([lat[eligible], lon[eligible]])
    aeds_at = parts.finder.aed_points(roster, now_s)
    why_not = Counter(_reasons(tx, roster.responder_ids[~eligible], reasons[~eligible]))
    return models.Coverage(
        at=models.a_moment(now_s),
        responders_registered=len(eligible),
        responders_available=int(eligible.sum()),
        unavailable_by_reason=dict(why_not.most_common()),
        aeds_registered=len(roster.aed_ids),
        aeds_usable=len(aeds_at),
        covered_share=_covered_share(parts, people_at),
        covered_within_m=WITHIN_M,
        cells=_cells(people_at, aeds_at),
    )


def _reasons(tx: Tx, ids: NDArray[np.int64], reasons: NDArray[np.uint8]) -> Iterator[str]:
    """In words; the roster knows whoever is not active as suspended, the register knows why."""
    person = schema.responder
    not_active = sa.select(person.c.responder_id, person.c.status).where(
        person.c.status.in_(list(_NOT_ACTIVE))
    )
    status = {row["responder_id"]: row["status"] for row in tx.rows(not_active)}
    for responder_id, code in zip(ids.tolist(), reasons.tolist(), strict=True):
        words = explain.words(CODES[code])
        if code == Reason.SUSPENDED:
            words = _NOT_ACTIVE.get(status.get(responder_id, ""), words)
        yield words


def _cells(people: NDArray[np.float64], aeds: NDArray[np.float64]) -> list[models.CoverageCell]:
    counts: dict[tuple[int, int], list[int]] = {}
    for column, places in enumerate((people, aeds)):
        squares, how_many = np.unique(
            np.floor(places / CELL_DEG).astype(np.int64), axis=0, return_counts=True
        )
        for (row, col), count in zip(squares.tolist(), how_many.tolist(), strict=True):
            counts.setdefault((row, col), [0, 0])[column] = count
    return [
        models.CoverageCell(
            lat=round((row + 0.5) * CELL_DEG, 4),
            lon=round((col + 0.5) * CELL_DEG, 4),
            responders=people_here and max(SMALLEST_SHOWN, people_here),
            aeds=aeds_here,
        )
        for (row, col), (people_here, aeds_here) in sorted(counts.items())
    ]


def _covered_share(parts: Parts, people: NDArray[np.float64]) -> float | None:
    """Share of the region's demand with somebody within ``WITHIN_M`` as the crow flies."""
    region = parts.finder.region
    if region is None or not len(region.demand.lat):
        return None
    if not len(people):
        return 0.0
    demand = region.demand
    step = max(1, len(demand.lat) // MAX_DEMAND_POINTS)
    lat, lon, weight = demand.lat[::step], demand.lon[::step], demand.weight[::step]
    covered = np.zeros(len(lat), np.bool_)
    margin_lat = WITHIN_M / 111_000.0
    margin_lon = margin_lat / max(0.01, float(np.cos(np.radians(lat.mean()))))
    order = np.argsort(lat, kind="stable")
    sorted_lat = lat[order]
    for person_lat, person_lon in people.tolist():
        first, last = np.searchsorted(
            sorted_lat, [person_lat - margin_lat, person_lat + margin_lat]
        )
        rows = order[first:last]
        rows = rows[np.abs(lon[rows] - person_lon) <= margin_lon]
        rows = rows[~covered[rows]]
        near = haversine_m(lat[rows], lon[rows], person_lat, person_lon) <= WITHIN_M
        covered[rows[near]] = True
    return round(float(weight[covered].sum() / weight.sum()), 4)
