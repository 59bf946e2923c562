"""From arrays over the whole roster to the few people that the core looks at.

Both drivers use it, with routed times and with straight lines alike. Eligibility comes before
the choice: the best ``limit`` are the best of those who may be asked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dispatch.eligibility import CODES, Reason
from dispatch.events import CandidatesFound
from dispatch.model import Candidate, Order, PassedOver, Query

Floats = NDArray[np.float64]
PASSED_OVER_LIMIT = 16


def select(
    query: Query,
    *,
    responder_ids: NDArray[np.integer],
    eligible: NDArray[np.bool_],
    reasons: NDArray[np.uint8],
    direct_s: Floats,
    via_aed_s: Floats | None = None,
    aed: NDArray[np.integer] | None = None,
    to_aed_s: Floats | None = None,
    aed_ids: NDArray[np.integer] | None = None,
    distance_m: Floats | None = None,
    position_age_s: Floats | None = None,
    accuracy_m: Floats | None = None,
    trained: NDArray[np.bool_] | None = None,
    recent_alerts: NDArray[np.integer] | None = None,
    roster_version: int = 0,
    region_id: str = "",
    straight_line: bool = False,
    limit: int | None = None,
) -> CandidatesFound:
    """The answer to ``query``: the best people who may be asked, and nearer ones passed over.

    Passed over are people within reach who may not be asked and, where the list was cut, come
    before the last one chosen; at most ``PASSED_OVER_LIMIT`` of them are named.

    All arrays have one entry per row of the roster. ``direct_s``: seconds to the patient, inf
    where not reached. ``via_aed_s``: seconds by way of an AED, inf where there is none; ``aed``:
    row of that AED in ``aed_ids`` (-1 none; without ``aed_ids`` it is the id), ``to_aed_s`` the
    part up to it. ``distance_m``: straight line from the reported position; needed where the
    query has a radius or orders by distance (``ValueError`` otherwise). ``limit`` may lower the
    query's own. Ties go to the lower responder id.
    """
    within = direct_s <= query.bound_s
    if query.radius_m is not None:
        if distance_m is None:
            raise ValueError("a query with a radius needs distance_m")
        within &= distance_m <= query.radius_m
    rank = _rank(query.order, direct_s, via_aed_s, distance_m)
    rows = np.flatnonzero(within & eligible)
    best = _best(rows, rank, responder_ids)
    most = query.limit if limit is None else min(limit, query.limit)
    cut = len(best) > most
    best = best[:most]
    columns = (
        _numbers(responder_ids, best),
        _numbers(direct_s, best),
        _finite(via_aed_s, best),
        _aeds(aed, aed_ids, best),
        _finite(to_aed_s, best),
        _finite(distance_m, best),
        _known(position_age_s, best, 0.0),
        _known(accuracy_m, best, 0.0),
        _known(recent_alerts, best, 0),
        _known(trained, best, True),
    )
    missed = within & (reasons != Reason.NONE) & (reasons != Reason.ASKED_ALREADY)
    if cut:
        missed &= rank[0] <= rank[0][best[-1]]
    return CandidatesFound(
        query_id=query.query_id,
        roster_version=roster_version,
        region_id=region_id,
        candidates=tuple(map(Candidate, *columns)),
        passed_over=_passed_over(missed, rank, reasons, responder_ids, direct_s),
        straight_line=straight_line,
        cut=cut,
    )


def _rank(
    order: Order, direct_s: Floats, via_aed_s: Floats | None, distance_m: Floats | None
) -> tuple[Floats, ...]:
    """What people are ordered by, the weightiest first."""
    if order is Order.DISTANCE:
        if distance_m is None:
            raise ValueError("a query in order of distance needs distance_m")
        return (distance_m, direct_s)
    if order is Order.VIA_AED and via_aed_s is not None:
        return (via_aed_s, direct_s)
    return (direct_s,)


def _best(
    rows: NDArray[np.intp], rank: tuple[Floats, ...], responder_ids: NDArray[np.integer]
) -> NDArray[np.intp]:
    """The rows in order."""
    keys = [responder_ids[rows], *(key[rows] for key in reversed(rank))]
    return rows[np.lexsort(keys)]


def _passed_over(
    missed: NDArray[np.bool_],
    rank: tuple[Floats, ...],
    reasons: NDArray[np.uint8],
    responder_ids: NDArray[np.integer],
    direct_s: Floats,
) -> tuple[PassedOver, ...]:
    """The first few of those who were missed, and why."""
    rows = np.flatnonzero(missed)
    if not len(rows):
        return ()
    rows = _best(rows, rank, responder_ids)[:PASSED_OVER_LIMIT]
    codes = [CODES[code] for code in reasons[rows].tolist()]
    columns = (responder_ids[rows].tolist(), codes, direct_s[rows].tolist())
    return tuple(map(PassedOver, *columns))


def _numbers(array: NDArray[np.generic], rows: NDArray[np.intp]) -> list[float]:
    return array[rows].tolist()  # type: ignore[no-any-return]


def _known(
    array: NDArray[np.generic] | None, rows: NDArray[np.intp], otherwise: float
) -> list[float]:
    return [otherwise] * len(rows) if array is None else _numbers(array, rows)


def _finite(array: Floats | None, rows: NDArray[np.intp]) -> list[float | None]:
    if array is None:
        return [None] * len(rows)
    return [value if value < np.inf else None for value in _numbers(array, rows)]


def _aeds(
    aed: NDArray[np.integer] | None, aed_ids: NDArray[np.integer] | None, rows: NDArray[np.intp]
) -> list[int | None]:
    if aed is None or (aed_ids is not None and not len(aed_ids)):
        return [None] * len(rows)
    chosen = aed[rows]
    named = chosen if aed_ids is None else aed_ids[chosen]
    return [
        aed_id if row >= 0 else None
        for row, aed_id in zip(chosen.tolist(), named.tolist(), strict=True)
    ]
