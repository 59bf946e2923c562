"""``[groups]``, ``[costs]``, ``[[options]]``: what a planner could pay for, and its cost."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from scenarios.table import (
    ASSUMPTION,
    DayNightShare,
    Duration,
    Hour,
    Latitude,
    Longitude,
    Table,
    failed,
    refuse_unknown,
    stated,
)
from sim.parameters import DayNight, GroupParameters, Lognormal

_GROUP = GroupParameters()


def _share(value: DayNight, says: str, source: str) -> Any:
    default = DayNightShare(day=value.day, night=value.night)
    return stated(default, says, unit="share", source=source)


def _duration(value: Lognormal, says: str, source: str) -> Any:
    return stated(
        Duration(median_s=value.median_s, sigma=value.sigma), says, unit="s", source=source
    )


class PostRow(Table):
    """``[[groups.posts]]``: where a group of first responders keeps its AED and sets off."""

    id: str = Field(min_length=1, description="by which options name it")
    lat: Latitude
    lon: Longitude
    shift_hours: tuple[Hour, Hour] = stated(
        (0.0, 24.0), "on call, local hours from and to; may pass midnight", source="choice"
    )


class GroupsTable(Table):
    """``[groups]``: community first responders on call with an AED, beside the ambulance."""

    posts: tuple[PostRow, ...] = stated(
        (), "id, lat, lon and shift_hours of each possible post", source="choice"
    )
    posts_csv: str | None = stated(None, "the same as a file")
    on_call: tuple[str, ...] | None = stated(
        None, "ids of the posts that have a group; all of them when left out", source="choice"
    )
    on_duty_share: DayNightShare = _share(
        _GROUP.on_duty_share,
        "calls for which somebody of the group is on call and can go",
        ASSUMPTION,
    )
    turnout_day: Duration = _duration(
        _GROUP.turnout,
        "asked to moving, by day",
        f"as volunteers, Region of Lifesavers, 4,138 missions: 1:42; spread: {ASSUMPTION}",
    )
    turnout_night: Duration = _duration(
        _GROUP.turnout_night,
        "asked to moving, by night",
        f"as volunteers, Region of Lifesavers, 4,138 missions: 2:22; spread: {ASSUMPTION}",
    )
    speed_factor: float = stated(
        _GROUP.speed_factor,
        "speed over that of other traffic",
        unit="factor",
        source="community first responders drive without blue lights",
        gt=0.1,
        le=2.0,
    )
    within_s: float = stated(
        _GROUP.within_s,
        "nobody is asked to drive for longer",
        unit="s",
        source=ASSUMPTION,
        ge=60.0,
        le=7_200.0,
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.posts and self.posts_csv:
            raise failed("posts_csv", "either posts or posts_csv, not both", "both")
        ids = [row.id for row in self.posts]
        repeated = sorted({name for name in ids if ids.count(name) > 1})
        if repeated:
            raise failed("posts", "each id once", f"{', '.join(repeated)} more than once")
        if self.posts and self.on_call is not None:
            refuse_unknown("on_call", self.on_call, ids)
        return self


EUR_IN_GBP = 0.86
"""Mean rate of 2021 (assumption, rounded): what prices of that year in euro are converted at."""


def _price(default: float | None, says: str, source: str) -> Any:
    return stated(default, says, unit="a year", source=source, ge=0.0, le=1e9)


class CostsTable(Table):
    """``[costs]``: what a year of each means costs. A price that nobody stated is no zero."""

    currency: str = stated("GBP", "of all prices", source="choice", min_length=1, max_length=8)
    price_year: int | None = stated(None, "year of the prices", source="mixed: see each price")
    drone_year: float = _price(
        22_500.0 * EUR_IN_GBP,
        "a drone with its base, staff and upkeep",
        "Bauer 2021: 24.2 million euro a year for 1,074, so EUR 22,500 all in (derived); "
        "EUR 1 = GBP 0.86",
    )
    drone_year_high: float = _price(
        32_200.0 * EUR_IN_GBP,
        "the same, dear",
        "Roeper 2022: EUR 1,451,160 a year for 45, so EUR 32,200 (derived); EUR 1 = GBP 0.86",
    )
    base_year: float = _price(0.0, "a drone base besides", "Bauer 2021: inside drone_year")
    group_year: float = _price(
        3_000.0, "a first-responder group: training, kit, vehicle costs, coordination", ASSUMPTION
    )
    group_year_high: float = _price(6_000.0, "the same, dear", ASSUMPTION)
    aed_year: float = _price(
        400.0,
        "an AED: 1,800 to buy and 1,000 to put up over eight years, pads and battery 50 a year",
        f"{ASSUMPTION} (projects of 1,400 to 2,200 and about 1,000 to install)",
    )
    aed_year_high: float = _price(500.0, "the same, dear", ASSUMPTION)
    crew_year: float | None = _price(None, "an ambulance crew round the clock", "not known here")
    volunteer_year: float | None = _price(
        None, "a registered volunteer", "no published figure known"
    )
    alert: float | None = stated(
        None, "one person asked", unit="each", source="no published figure known", ge=0.0, le=1e4
    )
    more_year: float = _price(0.0, "whatever else an option costs", "choice")
    qaly_per_survivor: float = stated(
        10.0,
        "quality-adjusted years that a survivor gains",
        unit="years",
        source=f"about 8 to 12, discounted (unverified): {ASSUMPTION}",
        gt=0.0,
        le=50.0,
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for key in ("drone_year", "group_year", "aed_year"):
            low, high = getattr(self, key), getattr(self, f"{key}_high")
            if high < low and f"{key}_high" in self.model_fields_set:
                raise failed(f"{key}_high", f"at least {key} ({low:g})", f"{high:g}")
        return self

    def high(self, key: str) -> float:
        """The dear price; never below the usual one."""
        return float(max(getattr(self, key), getattr(self, f"{key}_high")))


PATCHES = ("responders", "groups", "aeds", "drones", "ambulance", "scene", "control", "costs")
Patch = dict[str, Any]


class OptionTable(Table):
    """``[[options]]``: one option; the scenario with these tables laid over its own."""

    name: str = Field(
        min_length=1, max_length=60, description="what tables, sentences and figures call it"
    )
    policy: str | None = stated(
        None, "a shipped policy or a policy file; the first of policies.compare when left out"
    )
    responders: Patch = stated({}, "keys of [responders] that differ")
    groups: Patch = stated({}, "keys of [groups] that differ")
    aeds: Patch = stated({}, "keys of [aeds] that differ")
    drones: Patch = stated({}, "keys of [drones] that differ")
    ambulance: Patch = stated({}, "keys of [ambulance] that differ")
    scene: Patch = stated({}, "keys of [scene] that differ")
    control: Patch = stated({}, "keys of [control] that differ")
    costs: Patch = stated({}, "keys of [costs] that differ")

    @property
    def patches(self) -> dict[str, Patch]:
        """The tables that this option changes."""
        return {name: dict(found) for name in PATCHES if (found := getattr(self, name))}
