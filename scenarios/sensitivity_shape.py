"""What would change the answer, in numbers: the part ``sensitivity`` of ``summary.json``."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from scenarios.metrics.intervals import Difference


class SensitivityEnd(Struct, frozen=True):
    """One input set lower or higher, everything else as it was.

    ``survivors``: extra survivors a year of each option against the comparator, under this value;
    ``leader``: the option with most of them; ``lead``: the leader minus the option that leads
    otherwise.
    """

    value: str
    survivors: dict[str, Difference]
    leader: str
    lead: Difference


class SensitivityRow(Struct, frozen=True):
    """One input. ``leads``: whether another option leads at either end."""

    key: str
    label: str
    usual: str
    source: str
    ends: tuple[SensitivityEnd, ...]
    leads: Literal["same", "other", "cannot_tell"]


class Rerun(Struct, frozen=True):
    """The inputs varied one at a time over the first replications of the study."""

    replications: int
    years: float
    leader: str
    survivors: dict[str, Difference]  # as it was, over these replications
    rows: tuple[SensitivityRow, ...]


class ModelLead(Struct, frozen=True):
    """Which option has most survivors expected under an outcome model, and whether that is clear.

    ``lead``: that option minus the one that leads under the first model.
    """

    model: str
    leader: str
    extra: Difference
    lead: Difference


class Worth(Struct, frozen=True):
    """What an option may cost a year at a price for a quality-adjusted year.

    ``low``: its fewest extra survivors at the low price, ``high``: the most at the high one;
    ``times``: how many times as many survivors (usual over expected) its usual cost would need at
    the high price, None where none are expected.
    """

    option: str
    low: float
    high: float
    cost_low: float
    cost_high: float
    verdict: Literal["worth_it", "not_worth_it", "cannot_tell"]
    times: float | None


class Sensitivity(Struct, frozen=True, kw_only=True):
    """All of it. ``sentence``: what changes the answer; ``rerun`` None: nothing was varied."""

    sentence: str
    models: tuple[ModelLead, ...] = ()
    qaly_prices: tuple[float, float] | None = None
    worth: tuple[Worth, ...] = ()
    rerun: Rerun | None = None
