"""A policy: the rules that one file sets, for the simulator and for the service alike.

A file is TOML with units in the key names. ``load_policy`` reads a preset by name or a file by
path, lists every fault at once and never guesses. Every value that a file leaves out has a
default here, each with its source or marked as an assumption.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from dispatch import checking
from dispatch.errors import Fault, PolicyFileError, UnknownPolicyError
from dispatch.model import Order, Role

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=1000)]
AtLeastOne = Annotated[int, Meta(ge=1, le=1000)]
Hour = Annotated[float, Meta(ge=0, lt=24)]

MAX_CANDIDATES = 64
DEFAULT_BOUND_S = 1800.0  # assumption: nobody helps an arrest after walking half an hour


class LiveUse(StrEnum):
    """Whether the service may run the policy on real people."""

    ALLOWED = "allowed"
    NEEDS_SIGN_OFF = "needs_sign_off"  # a named clinician must sign for it
    SIMULATION_ONLY = "simulation_only"


class Split(StrEnum):
    """How "straight to the patient" and "by way of an AED" are shared out."""

    NONE = "none"  # everybody straight to the patient
    SHARES = "shares"  # a fixed share by way of an AED, the least detour first
    DETOUR = "detour"  # by way of an AED where that is at most so much longer
    BENEFIT = "benefit"  # whichever adds more by the benefit table
    ORDER_OF_YES = "order_of_yes"  # by the order in which people say yes
    ORDER_OF_ETA = "order_of_eta"  # by the order of travel time
    TRAINING = "training"  # trained people to the patient, untrained people to the AED


class Wave(Struct, frozen=True, forbid_unknown_fields=True):
    """``ask`` people at ``after_s`` from confirmation, besides those asked before."""

    after_s: NotNegative
    ask: AtLeastOne


class Enough(Struct, frozen=True, forbid_unknown_fields=True):
    """When asking stops: ``yes`` people in all, of them ``cpr`` straight and ``aed`` with an AED.

    At most ``places`` people are on the way at once; ``None``: ``yes`` and one more per ``aed``.
    """

    yes: AtLeastOne = 1
    cpr: Count = 0
    aed: Count = 0
    places: AtLeastOne | None = None
    withdraw_asked: bool = False  # when enough said yes, spare those who have not answered


class Replacement(Struct, frozen=True, forbid_unknown_fields=True):
    """For whom the next person is asked. The waits of users.md (45 and 75 s) are assumptions."""

    on_no: bool = True
    on_silence: bool = True
    on_undelivered: bool = True
    on_drop: bool = True
    on_aed_lost: bool = True
    silence_day_s: Positive = 45.0
    silence_night_s: Positive = 75.0


class Roles(Struct, frozen=True, forbid_unknown_fields=True):
    """Which role a person gets; each split reads its own fields."""

    split: Split = Split.NONE
    aed_share: Share = 2 / 3  # shares: HartslagNu's older aim (P9)
    detour_share: NotNegative = 0.05  # detour: HartslagNu's older rule (P9)
    sequence: tuple[Role, ...] = ()  # order_of_yes, order_of_eta: then the last one repeats
    yes_share: Share = 0.3  # benefit: how likely an asked person says yes (assumption)
    setting_off_s: NotNegative = 105.0  # benefit: alert to moving (RdL 2025, median 1:45)


class Lease(Struct, frozen=True, forbid_unknown_fields=True):
    """A yes holds its place so long without a sign of setting off.

    90th percentile of turnout. Published are medians only, 102 s by day and 142 s by night
    (RdL, Resuscitation 2025, 110772); assumption: lognormal with sigma 0.5, so 1.9 times those.
    """

    day_s: Positive = 194.0
    night_s: Positive = 270.0


class Night(Struct, frozen=True, forbid_unknown_fields=True):
    """Local hours that count as night: SAMBA alerted from 07:00 to 22:59 only."""

    from_hour: Hour = 23.0
    to_hour: Hour = 7.0


class Aed(Struct, frozen=True, forbid_unknown_fields=True):
    """Fetching an AED. ``pickup_s`` and ``ready_s`` are assumptions."""

    pickup_s: NotNegative = 30.0
    carry_factor: Positive = 1.0  # travel time with the AED over travel time without
    ready_s: NotNegative = 60.0  # from arrival to first shock, for the benefit table


class Ambulance(Struct, frozen=True, forbid_unknown_fields=True):
    """How the ambulance's expected time enters."""

    only_if_sooner: bool = False  # ask nobody who cannot be there before it
    margin_s: float = 0.0  # sooner by so much; negative: may be so much later
    stand_down_on_arrival: bool = True


class People(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may be asked at all. Ages and errors of positions and caps are assumptions."""

    untrained: bool = False
    position_max_age_s: Positive = 3600.0  # older: no position (reliability.md 3)
    position_max_error_m: Positive = 2000.0
    alerts_per_day: AtLeastOne = 3
    alerts_per_30_days: AtLeastOne = 30
    night_alerts_per_30_days: Count = 4


class Benefit(Struct, frozen=True, forbid_unknown_fields=True):
    """``value[i][j]``: what CPR from ``t_cpr_s[i]`` and a shock at ``t_shock_s[j]`` are worth.

    Seconds from the call. Derived offline from a survival model that ``derivation`` names; the
    live service only reads the table.
    """

    derivation: str
    t_cpr_s: tuple[NotNegative, ...]
    t_shock_s: tuple[NotNegative, ...]
    value: tuple[tuple[Share, ...], ...]


class LoneRescuer(StrEnum):
    """What a drone means for somebody alone with the patient."""

    NEVER = "never"  # no drone is sent
    CPR_FIRST = "cpr_first"  # it is sent, and whoever is alone is told to stay
    ALLOWED = "allowed"  # whoever is alone may go for the AED


class Drones(Struct, frozen=True, forbid_unknown_fields=True):
    """AED drones: off by default. Age, trauma and the lone rescuer: Sweden's protocol (Schierbeck
    2022, 2023); gain, permission, tries and the wait for an answer are assumptions.
    """

    use: bool = False
    ready_on_suspected: bool = False  # prepare while control only suspects an arrest
    least_age_years: NotNegative = 8.0
    not_for_trauma: bool = True
    lone_rescuer: LoneRescuer = LoneRescuer.NEVER
    least_gain_s: NotNegative = 60.0  # sooner than the best other AED by so much
    least_granted_share: Share = 0.3  # a less likely permission is not asked for
    tries: AtLeastOne = 2  # drones of one incident, the next after one was refused or lost
    recall_on_crew: bool = True
    recall_on_aed: bool = True  # another AED is on the patient
    answer_within_s: Positive = 2.0


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """All the rules of one policy."""

    title: str
    citation: str
    live_use: LiveUse
    waves: tuple[Wave, ...] = ()
    assumptions: tuple[str, ...] = ()
    rule: str = ""  # number of the published rule (P1 to P22) that the file sets down
    radius_m: Positive | None = None
    bound_s: Positive | None = None
    order: Order = Order.SOONEST
    limit: Annotated[int, Meta(ge=1, le=MAX_CANDIDATES)] | None = None
    enough: Enough = Enough()
    replacement: Replacement = Replacement()
    roles: Roles = Roles()
    lease: Lease = Lease()
    night: Night = Night()
    aed: Aed = Aed()
    ambulance: Ambulance = Ambulance()
    people: People = People()
    drones: Drones = Drones()
    benefit: Benefit | None = None
    ask_when_scene_unknown: bool = True
    useful_s: Positive = 600.0  # an unanswered alert is of no use after that (reliability.md 3)
    answer_within_s: Positive = 2.0  # no candidates by then: straight lines (assumption)
    fresh_s: Positive = 90.0  # an older list of candidates is asked for anew (assumption)
    review_s: Positive = 1800.0  # control is reminded of an open incident (assumption)
    expire_s: Positive = 10800.0  # an incident that nobody closed ends then (assumption)
    name: str = ""
    policy_id: str = ""

    @property
    def asks_anybody(self) -> bool:
        """Whether the policy has a wave at all."""
        return bool(self.waves)

    @property
    def places(self) -> int:
        """How many people may be on the way at once."""
        enough = self.enough
        return enough.places if enough.places is not None else enough.yes + enough.aed

    @property
    def with_aeds(self) -> bool:
        """Whether via-AED times are of use to the policy."""
        return self.roles.split is not Split.NONE or self.order is Order.VIA_AED

    @property
    def query_limit(self) -> int:
        """How many candidates one query asks for: twice those asked in all, at least eight."""
        asked = sum(wave.ask for wave in self.waves)
        return self.limit if self.limit is not None else min(MAX_CANDIDATES, max(8, 2 * asked))

    @property
    def search_bound_s(self) -> float:
        """Travel time beyond which nobody is looked for."""
        return DEFAULT_BOUND_S if self.bound_s is None else self.bound_s

    def is_night(self, local_s: float) -> bool:
        """Whether ``local_s`` (epoch seconds plus the offset from UTC) lies in the night hours."""
        hour = local_s % 86400.0 / 3600.0
        start, end = self.night.from_hour, self.night.to_hour
        if start <= end:
            return start <= hour < end
        return hour >= start or hour < end


def preset_names() -> tuple[str, ...]:
    """Names of the shipped policies, sorted."""
    folder = resources.files("dispatch") / "presets"
    names = (item.name for item in folder.iterdir())
    return tuple(sorted(name[:-5] for name in names if name.endswith(".toml")))


def load_policy(source: str | Path) -> Policy:
    """The policy of a preset's name or of a ``.toml`` file's path.

    Raises ``UnknownPolicyError`` where there is neither and ``PolicyFileError`` with every fault of
    the file.
    """
    text = str(source)
    if text in preset_names():
        content = (resources.files("dispatch") / "presets" / f"{text}.toml").read_bytes()
        return parse_policy(content, name=text, file=f"{text}.toml")
    path = Path(source)
    if not path.is_file():
        raise UnknownPolicyError(text, preset_names())
    return parse_policy(path.read_bytes(), name=path.stem, file=text)


def parse_policy(content: bytes, *, name: str, file: str) -> Policy:
    """The policy that ``content`` (TOML, UTF-8) sets; ``file`` is named in faults."""
    table = checking.read_toml(content, file)
    for own in ("name", "policy_id"):
        if own in table:
            raise PolicyFileError(
                (Fault(file, own, "is set by the program, expected no such key"),)
            )
    policy, faults = checking.build(Policy, table, file)
    if policy is not None:
        faults = _contradictions(policy, file)
    if policy is None or faults:
        raise PolicyFileError(tuple(faults))
    return msgspec.structs.replace(policy, name=name, policy_id=content_id(policy))


# Keys that came later count only where a file says something else: older hashes hold.
_SINCE_THE_FIRST_HASHES = {
    key: value
    for key, value in msgspec.to_builtins(Drones()).items()
    if key not in {"use", "ready_on_suspected"}
}


def content_id(policy: Policy) -> str:
    """Hash of everything that the policy says, whatever its name or the order of its keys."""
    plain = msgspec.to_builtins(msgspec.structs.replace(policy, name="", policy_id=""))
    for key, usual in _SINCE_THE_FIRST_HASHES.items():
        if plain["drones"][key] == usual:
            del plain["drones"][key]
    canonical = msgspec.json.encode(plain, order="sorted")
    return hashlib.sha256(canonical).hexdigest()[:16]


def _contradictions(policy: Policy, file: str) -> list[Fault]:
    """Values that are each possible and together are not."""
    found: list[tuple[str, str]] = []
    if policy.waves and policy.radius_m is None and policy.bound_s is None:
        found.append(("radius_m", "expected radius_m or bound_s beside [[waves]]"))
    starts = [wave.after_s for wave in policy.waves]
    if any(later <= earlier for earlier, later in pairwise(starts)):
        found.append(("waves.after_s", "expected rising times"))
    if starts and starts[0] != 0.0:
        found.append(("waves[0].after_s", "expected 0: the first wave is asked at once"))
    if policy.enough.places is not None and policy.enough.places < policy.enough.yes:
        found.append(("enough.places", f"expected at least enough.yes = {policy.enough.yes}"))
    if policy.enough.cpr + policy.enough.aed > policy.places:
        found.append(("enough.cpr", f"expected cpr + aed of at most {policy.places} places"))
    if policy.expire_s <= policy.review_s:
        found.append(("expire_s", f"expected more than review_s = {policy.review_s:g}"))
    found += _wrong_roles(policy)
    if policy.benefit is not None:
        found += _wrong_benefit(policy.benefit)
    if policy.drones.ready_on_suspected and not policy.drones.use:
        found.append(("drones.ready_on_suspected", "expected drones.use = true beside it"))
    if policy.drones.use and policy.live_use is LiveUse.ALLOWED:
        found.append(("live_use", "expected needs_sign_off or simulation_only with drones"))
    return [Fault(file, field, expected) for field, expected in found]


def _wrong_roles(policy: Policy) -> list[tuple[str, str]]:
    split = policy.roles.split
    found: list[tuple[str, str]] = []
    if split in (Split.ORDER_OF_YES, Split.ORDER_OF_ETA) and not policy.roles.sequence:
        found.append(("roles.sequence", f"expected a list of roles for split = {split.value!r}"))
    if split is Split.BENEFIT and policy.benefit is None:
        found.append(("benefit", "expected a [benefit] table for split = 'benefit'"))
    if split is Split.BENEFIT and policy.live_use is LiveUse.ALLOWED:
        found.append(
            ("live_use", "expected needs_sign_off or simulation_only with a benefit table")
        )
    if policy.enough.aed and split is Split.NONE:
        found.append(("enough.aed", "expected 0, or a roles.split that sends people to AEDs"))
    if policy.people.untrained and policy.live_use is not LiveUse.SIMULATION_ONLY:
        found.append(("live_use", "expected simulation_only where untrained people are asked"))
    return found


def _wrong_benefit(benefit: Benefit) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for field in ("t_cpr_s", "t_shock_s"):
        axis: tuple[float, ...] = getattr(benefit, field)
        rising = all(a < b for a, b in pairwise(axis))
        if len(axis) < 2 or not rising:
            found.append((f"benefit.{field}", "expected at least two rising times"))
    rows, columns = len(benefit.t_cpr_s), len(benefit.t_shock_s)
    if len(benefit.value) != rows or any(len(row) != columns for row in benefit.value):
        found.append(("benefit.value", f"expected {rows} rows of {columns} values"))
    return found
