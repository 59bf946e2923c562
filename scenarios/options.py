"""The options that a scenario compares: policies by name or file, and what they do in words."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from dispatch.config import Policy, Split, load_policy, preset_names
from dispatch.errors import PolicyFileError, UnknownPolicyError
from scenarios.errors import Fault, InputFaults
from scenarios.metrics.facts import PolicyFacts
from scenarios.schema import Scenario

_SPLITS = {
    Split.NONE: "",
    Split.SHARES: "A fixed share of them goes by way of an AED, the least detour first.",
    Split.DETOUR: "Those for whom the way by an AED is hardly longer fetch it.",
    Split.BENEFIT: "Each goes straight or by way of an AED, whichever adds more by a benefit table.",
    Split.ORDER_OF_YES: "Who goes straight and who fetches an AED follows the order of saying yes.",
    Split.ORDER_OF_ETA: "Who goes straight and who fetches an AED follows the travel time.",
    Split.TRAINING: "Trained people go straight to the patient, untrained people to the AED.",
}


def load_options(scenario: Scenario) -> tuple[Policy, ...]:
    """The policies of ``[policies] compare``, the comparator first.

    Raises:
        InputFaults: a policy is not known, or its file is wrong; all of them at once.
    """
    policies, faults = [], []
    for number, name in enumerate(scenario.policies.compare):
        file = name if name in preset_names() else str(scenario.path(name))
        try:
            policies.append(load_policy(file))
        except UnknownPolicyError:
            faults.append(_unknown(scenario, number, name))
        except PolicyFileError as error:
            faults += [Fault(fault.file, fault.field, fault.expected) for fault in error.faults]
        except (IsADirectoryError, PermissionError) as error:
            faults.append(Fault(file, "", "a policy file", error.strerror or "an error"))
    names = [policy.name for policy in policies]
    for name in sorted({name for name in names if names.count(name) > 1}):
        expected = "options with different file names"
        faults.append(Fault(_file(scenario), "policies.compare", expected, f"two called {name!r}"))
    if faults:
        raise InputFaults(faults)
    return tuple(policies)


def policy_facts(policy: Policy) -> PolicyFacts:
    """What a report says of one option."""
    return PolicyFacts(
        id=policy.name,
        title=policy.title,
        citation=policy.citation,
        live_use=policy.live_use.value,
        words=rule_in_words(policy),
    )


def rule_in_words(policy: Policy) -> str:
    """The rule in a few plain sentences."""
    if not policy.asks_anybody:
        return "Nobody is asked by an app."
    sentences = [_reach(policy)]
    for number, wave in enumerate(policy.waves):
        when = "At once" if wave.after_s == 0 else f"After {wave.after_s:g} s"
        more = " more" if number else ""
        sentences.append(f"{when} {wave.ask}{more} {_people(wave.ask)} asked.")
    replaced = _replaced(policy)
    if replaced:
        sentences.append(replaced)
    yes = policy.enough.yes
    sentences.append(f"Asking stops when {yes} {'person' if yes == 1 else 'people'} said yes.")
    sentences.append(_SPLITS[policy.roles.split])
    if policy.ambulance.only_if_sooner:
        sentences.append("Nobody is asked who cannot be there before the ambulance.")
    return " ".join(sentence for sentence in sentences if sentence)


def _reach(policy: Policy) -> str:
    limits = []
    if policy.radius_m is not None:
        limits.append(f"within {policy.radius_m:g} m")
    if policy.bound_s is not None:
        limits.append(f"within {policy.bound_s / 60:g} min of travel")
    return f"Looks for people {' and '.join(limits)}."


def _replaced(policy: Policy) -> str:
    rule = policy.replacement
    causes = []
    if rule.on_no:
        causes.append("says no")
    if rule.on_silence:
        waits = f"{rule.silence_day_s:g} s by day, {rule.silence_night_s:g} s by night"
        causes.append(f"stays silent ({waits})")
    return f"The next person is asked for whoever {' or '.join(causes)}." if causes else ""


def _people(count: int) -> str:
    return "person is" if count == 1 else "people are"


def _unknown(scenario: Scenario, number: int, name: str) -> Fault:
    near = get_close_matches(name, preset_names(), 1)
    expected = f"a policy file (*.toml) that is there or one of {', '.join(preset_names())}"
    hint = f"did you mean {near[0]}?" if near and not Path(name).suffix else ""
    field = f"policies.compare[{number}]"
    return Fault(_file(scenario), field, expected, repr(name), hint=hint)


def _file(scenario: Scenario) -> str:
    return "scenario" if scenario.file is None else str(scenario.file)
