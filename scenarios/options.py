"""The options that a scenario compares: rules by name or file, or rules with means of their own."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import msgspec

from dispatch.config import Policy, load_policy, preset_names
from dispatch.errors import PolicyFileError, UnknownPolicyError
from scenarios.errors import Fault, InputFaults
from scenarios.loading import line_in
from scenarios.schema import Scenario
from scenarios.variants import with_option


class Option(NamedTuple):
    """One option. ``policy.name`` is the option's name, as in the tables.

    ``scenario``: with the option's own tables in it. ``rule``: name of the policy as it is shipped
    or filed. ``stated``: it comes from ``[[options]]``.
    """

    policy: Policy
    scenario: Scenario
    rule: str
    stated: bool = False

    @property
    def name(self) -> str:
        """What the tables call it in their column ``policy``."""
        return self.policy.name


def load_options(scenario: Scenario) -> tuple[Policy, ...]:
    """The policies of the options, the comparator first, each by the option's name.

    Raises:
        InputFaults: a policy is not known, or its file is wrong; all of them at once.
    """
    return tuple(option.policy for option in options_of(scenario))


def options_of(scenario: Scenario) -> tuple[Option, ...]:
    """The options of ``[[options]]``, or the policies of ``[policies] compare`` as options.

    Raises:
        InputFaults: as ``load_options``; or means do not fit together.
    """
    faults: list[Fault] = []
    found = _stated(scenario, faults) if scenario.options else _policies(scenario, faults)
    if faults:
        raise InputFaults(faults)
    return tuple(found)


def _policies(scenario: Scenario, faults: list[Fault]) -> list[Option]:
    options = []
    for number, name in enumerate(scenario.policies.compare):
        policy = _load(scenario, name, f"policies.compare[{number}]", faults)
        if policy is not None:
            options.append(Option(policy, scenario, policy.name))
    names = [option.name for option in options]
    for name in sorted({name for name in names if names.count(name) > 1}):
        expected = "options with different file names"
        faults.append(Fault(_file(scenario), "policies.compare", expected, f"two called {name!r}"))
    faults += _misfits(scenario, "")
    return options


def _stated(scenario: Scenario, faults: list[Fault]) -> list[Option]:
    options = []
    for number, stated in enumerate(scenario.options):
        name, field = stated.policy, f"options[{number}].policy"
        if name is None:
            name, field = scenario.policies.compare[0], "policies.compare[0]"
        policy = _load(scenario, name, field, faults)
        own = with_option(scenario, stated)
        faults += _misfits(own, f"options[{number}].")
        if policy is not None:
            named = msgspec.structs.replace(policy, name=stated.name)
            options.append(Option(named, own, policy.name, stated=True))
    return options


def _load(scenario: Scenario, name: str, field: str, faults: list[Fault]) -> Policy | None:
    file = name if name in preset_names() else str(scenario.path(name))
    try:
        return load_policy(file)
    except UnknownPolicyError:
        faults.append(_unknown(scenario, field, name))
    except PolicyFileError as error:
        faults += [Fault(fault.file, fault.field, fault.expected) for fault in error.faults]
    except (IsADirectoryError, PermissionError) as error:
        faults.append(Fault(file, "", "a policy file", error.strerror or "an error"))
    return None


def _misfits(scenario: Scenario, prefix: str) -> list[Fault]:
    """Means that need something else of the scenario."""
    groups = scenario.groups
    has_groups = (groups.posts or groups.posts_csv) and groups.on_call != ()
    if has_groups and scenario.ambulance.model != "fleet":
        expected = "ambulance.model = 'fleet', because groups drive beside the ambulances"
        field = f"{prefix}groups.posts"
        return [Fault(_file(scenario), field, expected, repr(scenario.ambulance.model))]
    return []


def _unknown(scenario: Scenario, field: str, name: str) -> Fault:
    near = get_close_matches(name, preset_names(), 1)
    expected = "a policy file (*.toml) that is there or the name of a shipped policy"
    hint = "heartreach policies lists them"
    if near and not Path(name).suffix:
        hint = f"did you mean {near[0]}? {hint}"
    line = None if scenario.file is None else line_in(scenario.file, field, name)
    return Fault(_file(scenario), field, expected, repr(name), line, hint)


def _file(scenario: Scenario) -> str:
    return "scenario" if scenario.file is None else str(scenario.file)
