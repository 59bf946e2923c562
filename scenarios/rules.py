"""A policy in plain words, for the report and for the list of policies."""

from __future__ import annotations

from dispatch.config import Policy, Replacement, Split
from dispatch.model import Order, Role

_ORDERS = {
    Order.SOONEST: "who would be there soonest",
    Order.DISTANCE: "who are closest by straight line",
    Order.VIA_AED: "who would be there soonest with an AED",
}
_ROLE_WORDS = {Role.CPR: "to the patient", Role.AED: "by way of an AED"}


def in_words(policy: Policy) -> str:
    """The rule of a policy in a few short sentences."""
    if not policy.asks_anybody:
        return "Nobody is asked by an app."
    parts = [_waves(policy), _replacement(policy.replacement), _enough(policy), _roles(policy)]
    if policy.ambulance.only_if_sooner:
        parts.append("Nobody is asked who cannot be there before the ambulance.")
    return " ".join(part for part in parts if part)


def _waves(policy: Policy) -> str:
    first, *later = policy.waves
    more = "".join(f"; {wave.ask} more after {_duration(wave.after_s)}" for wave in later)
    return f"Asks the {first.ask} people {_ORDERS[policy.order]}{_within(policy)}{more}."


def _within(policy: Policy) -> str:
    limits = []
    if policy.radius_m is not None:
        limits.append(f"within {policy.radius_m:g} m")
    if policy.bound_s is not None:
        limits.append(f"at most {_duration(policy.bound_s)} of travel away")
    return f", {' and '.join(limits)}" if limits else ""


def _replacement(rule: Replacement) -> str:
    causes = []
    if rule.on_no:
        causes.append("a no")
    if rule.on_silence:
        causes.append(
            f"silence ({rule.silence_day_s:g} s by day, {rule.silence_night_s:g} s by night)"
        )
    if not causes:
        return "Nobody is asked in place of those who say no."
    return f"After {' or '.join(causes)} the next person is asked."


def _enough(policy: Policy) -> str:
    enough = policy.enough
    text = f"Asking stops at {enough.yes} who said yes"
    if policy.places != enough.yes:
        text += f"; at most {policy.places} are on the way"
    return f"{text}."


def _roles(policy: Policy) -> str:
    roles = policy.roles
    match roles.split:
        case Split.NONE:
            return "Everybody goes straight to the patient."
        case Split.SHARES:
            return f"{100 * roles.aed_share:.0f} of 100 go by way of an AED, the shortest detours."
        case Split.DETOUR:
            return (
                f"Those go by way of an AED whose detour is at most {100 * roles.detour_share:g} %."
            )
        case Split.BENEFIT:
            return "Each goes where the benefit table expects more: to the patient or to an AED."
        case Split.TRAINING:
            return "Trained people go to the patient, untrained people to an AED."
        case Split.ORDER_OF_YES | Split.ORDER_OF_ETA:
            order = "saying yes" if roles.split is Split.ORDER_OF_YES else "arrival"
            steps = ", ".join(_ROLE_WORDS[role] for role in roles.sequence)
            return f"In the order of {order}: {steps} (the last repeats)."


def _duration(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:g} min"
