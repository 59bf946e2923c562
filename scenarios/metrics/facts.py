"""What the metrics and the report must know besides the tables: the study in plain values.

Nothing here reads a scenario file or a region; ``scenarios.study`` fills these structs, so that
the numbers and the page can be checked without either.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

# Names that are spelled otherwise than an identifier can be.
_SPELLED = {
    "aed": "AED",
    "dae": "DAE",
    "denmark": "Denmark",
    "firstaed": "FirstAED",
    "goodsam": "GoodSAM",
    "hartslagnu": "HartslagNu",
    "heartrunner": "Heartrunner",
    "katretter": "KATRETTER",
    "langeland": "Langeland",
    "lebensretter": "Lebensretter",
    "nsw": "NSW",
    "nz": "NZ",
    "oesterreich": "Österreich",
    "pulsepoint": "PulsePoint",
    "sauv": "SAUV",
    "sweden": "Sweden",
}


class PolicyFacts(Struct, frozen=True):
    """One option. The first one of a study is the comparator."""

    id: str
    title: str
    citation: str = ""
    live_use: str = ""  # allowed | needs_sign_off | simulation_only
    words: str = ""  # the rule in plain words, one or two sentences
    gaps: tuple[str, ...] = ()  # where the published rule was silent: assumptions
    asks: bool = True  # whether the rule asks anybody at all
    sends_for_aed: bool = True  # whether it sends anybody by way of an AED
    short: str = ""  # what sentences and legends call it; the id in words when empty

    @property
    def name(self) -> str:
        """Fit for a sentence: ``phased_7`` is "Phased 7" unless it has a short name."""
        if self.short:
            return self.short
        parts = [_SPELLED.get(part, part) for part in self.id.split("_") if part]
        text = " ".join(parts)
        return text[:1].upper() + text[1:]


class OutcomeFacts(Struct, frozen=True):
    """One outcome model; ``name`` as in the column ``survival_<name>``."""

    name: str
    title: str
    source: str = ""
    domain: str = ""  # for which arrests it was fitted
    marks: tuple[str, ...] = ()  # what a reader must know, such as "AEDs cannot matter in it"


class ZoneFacts(Struct, frozen=True):
    """One small area. ``deprivation_decile``: 1 is the most deprived tenth."""

    id: str
    name: str
    population: float | None = None
    deprivation_decile: int | None = None
    urban_rural: str | None = None
    place: str | None = None  # of the planner's look-up, as the two below
    care_system: str | None = None
    ambulance_service: str | None = None


class Parameter(Struct, frozen=True):
    """One row of the list of assumptions."""

    name: str
    value: str
    unit: str = ""
    source: str = ""
    is_default: bool = True


class AedFacts(Struct, frozen=True):
    """Public AEDs, and how many can be counted on at a day and a night moment."""

    public: int
    by_day: int  # open by their hours, or of unknown hours
    by_night: int  # open by their hours
    hours_unknown: int
    day_s: float  # the moments, UTC epoch seconds
    night_s: float


class Observed(Struct, frozen=True):
    """Times that the planner's own service measured, for the back-cast."""

    ambulance_s: tuple[float, ...]  # call to arrival at the scene
    source: str
    replayed: bool = False  # the simulated times are these same ones
    local_hour: tuple[int, ...] = ()  # 0..23, one per time; empty: not known


class Site(Struct, frozen=True):
    """A place of the ambulance service for the map."""

    kind: Literal["station", "co_responder", "hospital"]
    name: str
    lat: float
    lon: float


class Price(Struct, frozen=True):
    """What one of a means costs a year; ``None``: nobody stated it. ``high``: the same, dear."""

    item: str
    usual: float | None
    high: float | None
    source: str


class Means(Struct, frozen=True):
    """How many of a means an option has, and what each costs. ``volunteers`` in people."""

    item: str  # as in ``Price``
    number: float
    price: Price


class OptionFacts(Struct, frozen=True, kw_only=True):
    """What an option has beside its rule. ``id`` as in the tables.

    ``grounded``: by base with a drone, for each replication (grounded hours as days a year, whole
    days a year). ``qalys``: a survivor's quality-adjusted years.
    """

    id: str
    rule: str
    stated: bool = False  # in [[options]]
    changes: tuple[str, ...] = ()  # against the comparator, in plain words
    means: tuple[Means, ...] = ()
    alert_price: Price | None = None
    more_year: float = 0.0
    currency: str = "GBP"
    price_year: int | None = None
    qalys: float = 10.0
    priced: bool = False  # the scenario says something of costs, or has options of its own
    volunteers: float | None = None
    bases: tuple[tuple[str, str], ...] = ()  # id and name of each base with a drone
    aircraft: tuple[str, ...] = ()  # of each base
    grounded: dict[str, tuple[tuple[float, float], ...]] = {}
    night_flying: bool = True  # else darkness keeps its drones on the ground as well


class StudyFacts(Struct, frozen=True, kw_only=True):
    """The study: what was asked, what was compared, how much was simulated."""

    title: str
    question: str = ""
    policies: tuple[PolicyFacts, ...]
    outcomes: tuple[OutcomeFacts, ...]  # the first one leads
    replications: int
    years: float  # length of one replication
    seed: int
    volunteers: float  # registered people, mean over replications
    population: float | None = None
    place: str = ""  # name of the region for people
    timezone: str = "UTC"  # IANA
    night_hours: tuple[int, int] = (23, 7)  # local hours, from and until
    zones: tuple[ZoneFacts, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    invented: tuple[str, ...] = ()  # "people", "AEDs", "the whole town"
    credit: str = ""  # map credit, for example "© OpenStreetMap contributors"
    version: str = ""
    observed: Observed | None = None
    aeds: AedFacts | None = None
    sites: tuple[Site, ...] = ()  # stations and hospitals, where the fleet is simulated
    answer: Literal["survivors", "aeds"] = "survivors"  # what the first sentence is about
    options: tuple[OptionFacts, ...] = ()  # as ``policies``, one each; empty: not told

    def volunteers_of(self, policy: str) -> float:
        """Registered people of an option, which may have more than the comparator."""
        own = [item.volunteers for item in self.options if item.id == policy]
        return own[0] if own and own[0] is not None else self.volunteers

    @property
    def differ_in_means(self) -> bool:
        """Whether the options are more than rules."""
        return any(item.stated for item in self.options)

    @property
    def baseline(self) -> PolicyFacts:
        """The comparator."""
        return self.policies[0]
