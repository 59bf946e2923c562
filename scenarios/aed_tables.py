"""AEDs that do not come from the extract: a planner's list, or invented ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geo.aeds import AedTable
from geo.hours import HoursKind, hours_kind
from geo.region import Region
from geo.snap import Positions, snap
from scenarios.errors import Fault, InputFaults
from scenarios.own_data import OwnTable
from scenarios.row_use import rows_inside

_AED_PURPOSE = 0xAED
ALWAYS_OPEN = "24/7"
# Hours of invented AEDs that are not always open: schools, offices, shops, leisure centres, and
# one in ten of unknown hours. The mix is an assumption.
OTHER_HOURS: tuple[tuple[float, str | None], ...] = (
    (0.30, "Mo-Fr 08:00-16:30"),
    (0.30, "Mo-Fr 08:30-17:30"),
    (0.20, "Mo-Sa 08:00-20:00; Su 10:00-16:00"),
    (0.10, "Mo-Fr 06:30-22:00; Sa-Su 08:00-18:00"),
    (0.10, None),
)


def invented_aeds(
    region: Region, *, population: float, per_10k: float, always_open_share: float, seed: int
) -> AedTable:
    """AEDs beside places of demand, chosen by weight; the same seed gives the same AEDs.

    An AED of a seed keeps its place when more are asked for, so densities can be compared.

    Raises:
        InputFaults: the region has no places of demand.
    """
    demand = region.demand
    count = round(population / 10_000 * per_10k)
    if len(demand) == 0:
        raise InputFaults([Fault("region", "demand", "places where people are", "none")])
    rng = np.random.default_rng([seed, _AED_PURPOSE])
    draws = rng.random((min(count, 200_000), 3))
    edges = np.cumsum(demand.weight) / demand.weight.sum()
    chosen = np.minimum(np.searchsorted(edges, draws[:, 0], side="right"), len(demand) - 1)
    hours = [_hours(a, b, always_open_share) for a, b in draws[:, 1:].tolist()]
    return _table(
        region,
        demand.lat[chosen],
        demand.lon[chosen],
        hours,
        names=[f"invented/{number}" for number in range(len(chosen))],
        access=[None] * len(chosen),
        indoor=[None] * len(chosen),
    )


def _hours(first: float, second: float, always_open_share: float) -> str | None:
    if first < always_open_share:
        return ALWAYS_OPEN
    reached = 0.0
    for share, text in OTHER_HOURS:
        reached += share
        if second < reached:
            return text
    return OTHER_HOURS[-1][1]


def listed_aeds(region: Region, table: OwnTable) -> AedTable:
    """The AEDs of a planner's own list that lie in the region; locked ones count as private.

    Raises:
        InputFaults: no row lies in the region.
    """
    table = table.where(rows_inside(region, table))
    lat, lon = table.lat[""], table.lon[""]
    empty = [None] * len(table)
    columns = table.columns
    locked, access = columns.get("locked", empty), columns.get("access", empty)
    return _table(
        region,
        lat,
        lon,
        [_text(hours) for hours in columns.get("opening_hours", empty)],
        names=[f"csv/{name}" for name in columns["aed_id"]],
        access=[_access(shut, who) for shut, who in zip(locked, access, strict=True)],
        indoor=[_yes_no(inside) for inside in columns.get("indoor", empty)],
    )


_HOURS_SHOWN = 5


def aed_notes(table: OwnTable) -> tuple[str, ...]:
    """What a planner must know of their list: hours that nobody can read, AEDs never fetched.

    ``table``: the rows that are used.
    """
    hours = zip(table.lines, table.column("opening_hours"), strict=True)
    wrong = [
        f"line {line}: {str(text)!r}"
        for line, text in hours
        if text is not None and hours_kind(str(text)) is HoursKind.INVALID
    ]
    access = [_access(*row) for row in zip(table.column("locked"), table.column("access"),
                                           strict=True)]  # fmt: skip
    shut = sum(who in {"private", "no"} for who in access)
    notes = []
    if wrong:
        shown = wrong[:_HOURS_SHOWN]
        more = len(wrong) - len(shown)
        if more:
            shown.append(f"and {more} more")
        notes.append(
            f"{len(wrong)} with opening hours that cannot be read, taken as unknown "
            f"({', '.join(shown)}; expected like Mo-Fr 08:00-18:00 or 24/7)"
        )
    if shut:
        notes.append(f"{shut} locked or private: nobody is sent to them")
    return tuple(notes)


def both_lists(first: AedTable, more: AedTable) -> AedTable:
    """The AEDs of two tables; those of the first keep their ids, and so their draws."""
    n = len(first)
    joined = {
        name: getattr(first, name) + getattr(more, name)
        for name in ("osm_id", "access", "indoor", "level", "opening_hours", "hours_kind", "place")
    }
    return AedTable(
        ids=np.arange(n + len(more), dtype=np.int64),
        lat=np.concatenate([first.lat, more.lat]),
        lon=np.concatenate([first.lon, more.lon]),
        positions=Positions.concat([first.positions, more.positions]),
        timezone=first.timezone,
        **joined,
    )


def _access(locked: object, access: object) -> str | None:
    return "private" if locked else _text(access)


def _yes_no(value: object) -> str | None:
    if value is None:
        return None
    return "yes" if value else "no"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _table(
    region: Region,
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    hours: Sequence[str | None],
    *,
    names: Sequence[str],
    access: Sequence[str | None],
    indoor: Sequence[str | None],
) -> AedTable:
    positions = snap(region.networks["foot"], lat, lon)
    return AedTable(
        ids=np.arange(len(lat), dtype=np.int64),
        osm_id=tuple(names),
        lat=np.asarray(lat, dtype=np.float64),
        lon=np.asarray(lon, dtype=np.float64),
        access=tuple(access),
        indoor=tuple(indoor),
        level=(None,) * len(lat),
        opening_hours=tuple(hours),
        hours_kind=tuple(hours_kind(text) for text in hours),
        place=(None,) * len(lat),
        positions=positions,
        timezone=region.timezone,
    )
