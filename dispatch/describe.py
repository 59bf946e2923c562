"""A policy in plain words, a sentence for each rule that it sets."""

from __future__ import annotations

from collections.abc import Callable

from dispatch.config import LiveUse, LoneRescuer, Policy, Split
from dispatch.model import Order, Role

_ORDER = {
    Order.SOONEST: "soonest",
    Order.VIA_AED: "soonest by way of an AED",
    Order.DISTANCE: "nearest",
}
_LIVE = {
    LiveUse.ALLOWED: "May be used live.",
    LiveUse.NEEDS_SIGN_OFF: "May be used live once a named clinician has signed for it.",
    LiveUse.SIMULATION_ONLY: "For simulation only.",
}
_EVERYBODY = 1000  # as many as a file may ask at once


def describe(policy: Policy) -> tuple[str, ...]:
    """The rules of a policy, the weightiest first."""
    if not policy.asks_anybody:
        return ("Asks nobody.", *_drones(policy), _LIVE[policy.live_use])
    return (
        _waves(policy),
        _replacement(policy),
        _enough(policy),
        _ROLES[policy.roles.split](policy),
        *_ambulance(policy),
        *_people(policy),
        *_drones(policy),
        _LIVE[policy.live_use],
    )


def _waves(policy: Policy) -> str:
    first, *later = policy.waves
    who = "everybody" if first.ask >= _EVERYBODY else f"the {first.ask} {_ORDER[policy.order]}"
    text = f"Asks {who} {_reach(policy)}"
    text += "".join(f", {wave.ask} more after {_time(wave.after_s)}" for wave in later)
    return f"{text}."


def _reach(policy: Policy) -> str:
    bound = f"{_time(policy.search_bound_s)} of travel"
    return (
        f"within {bound}"
        if policy.radius_m is None
        else f"within {policy.radius_m:g} m and {bound}"
    )


def _replacement(policy: Policy) -> str:
    rule = policy.replacement
    day, night = _time(rule.silence_day_s), _time(rule.silence_night_s)
    waits = day if day == night else f"{day} ({night} at night)"
    cases = (
        (rule.on_no, "says no"),
        (rule.on_silence, f"has not answered after {waits}"),
        (rule.on_undelivered, "cannot be reached"),
        (rule.on_drop, "gives up on the way"),
    )
    replaced = [words for holds, words in cases if holds]
    if not replaced:
        return "Nobody is replaced."
    return f"The next person is asked for whoever {_listed(replaced, 'or')}."


def _enough(policy: Policy) -> str:
    enough = policy.enough
    if enough.yes >= sum(wave.ask for wave in policy.waves) and policy.places >= enough.yes:
        return "Everybody who says yes may go."
    needs = [f"{enough.yes} said yes"]
    needs += [f"{enough.cpr} of them straight to the patient"] if enough.cpr else []
    needs += [f"{enough.aed} of them with an AED"] if enough.aed else []
    spared = "; those who have not answered are spared" if enough.withdraw_asked else ""
    return f"Stops when {_listed(needs, 'and')}; at most {policy.places} go{spared}."


def _no_split(_: Policy) -> str:
    return "Everybody goes straight to the patient."


def _shares(policy: Policy) -> str:
    share = policy.roles.aed_share
    if share >= 1.0:
        return "Everybody goes by way of an AED where there is one."
    return f"{share:.0%} go by way of an AED, those with the least detour; the others go straight."


def _detour(policy: Policy) -> str:
    share = policy.roles.detour_share
    return f"By way of an AED where that is at most {share:.0%} longer, else straight."


def _benefit(_: Policy) -> str:
    return "Each in the role that adds more expected benefit, by the table of the policy file."


def _training(_: Policy) -> str:
    return "Trained people go straight to the patient, untrained people to an AED."


def _sequence(policy: Policy) -> str:
    names = {Role.CPR: "to the patient", Role.AED: "by way of an AED"}
    by_eta = policy.roles.split is Split.ORDER_OF_ETA
    order = "In order of arrival time" if by_eta else "In the order in which they say yes"
    runs: list[tuple[int, Role]] = []  # where a run of one role starts
    for number, role in enumerate(policy.roles.sequence, start=1):
        if not runs or runs[-1][1] is not role:
            runs.append((number, role))
    ends = [start - 1 for start, _ in runs[1:]]
    steps = [f"{_numbers(a, b)} {names[role]}" for (a, role), b in zip(runs, ends, strict=False)]
    last, role = runs[-1]
    steps.append(f"from {last} on {names[role]}" if last > 1 else names[role])
    return f"{order}: {', '.join(steps)}."


_ROLES: dict[Split, Callable[[Policy], str]] = {
    Split.NONE: _no_split,
    Split.SHARES: _shares,
    Split.DETOUR: _detour,
    Split.BENEFIT: _benefit,
    Split.TRAINING: _training,
    Split.ORDER_OF_YES: _sequence,
    Split.ORDER_OF_ETA: _sequence,
}


def _ambulance(policy: Policy) -> tuple[str, ...]:
    if not policy.ambulance.only_if_sooner:
        return ()
    margin_s = policy.ambulance.margin_s
    if margin_s == 0.0:
        return ("Asks nobody who cannot be there before the ambulance.",)
    side = "before" if margin_s > 0 else "after"
    return (
        f"Asks nobody who would be there later than {_time(abs(margin_s))} {side} the ambulance.",
    )


def _people(policy: Policy) -> tuple[str, ...]:
    people = policy.people
    trained = ("People without verified training are asked as well.",) if people.untrained else ()
    caps = (
        f"Nobody is asked more than {_times(people.alerts_per_day)} a day, "
        f"{_times(people.alerts_per_30_days)} in 30 days, "
        f"{people.night_alerts_per_30_days} of them at night."
    )
    return (*trained, caps)


def _drones(policy: Policy) -> tuple[str, ...]:
    rules = policy.drones
    if not rules.use:
        return ()
    when = "made ready on suspicion and sent" if rules.ready_on_suspected else "sent"
    margin = _time(rules.least_gain_s)
    gain = (
        f"its AED, were it {margin} later, adds expected benefit"
        if policy.benefit is not None
        else f"its AED is {margin} sooner than any other"
    )
    spared = [f"children under {rules.least_age_years:g}"] if rules.least_age_years else []
    spared += ["injuries"] if rules.not_for_trauma else []
    spared += ["somebody alone with the patient"] if rules.lone_rescuer is LoneRescuer.NEVER else []
    spared += ["places where no AED can be put down"]
    again = f" At most {rules.tries}, one after the other." if rules.tries > 1 else ""
    return (
        f"A drone is {when} once an arrest is confirmed, where {gain}.{again}",
        f"No drone for {_listed(spared, 'or')}.",
    )


def _numbers(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _time(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:g} min"


def _listed(words: list[str], last: str) -> str:
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
