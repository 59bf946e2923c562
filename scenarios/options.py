"""The options that a scenario compares: policies by name or file."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from dispatch.config import Policy, load_policy, preset_names
from dispatch.errors import PolicyFileError, UnknownPolicyError
from scenarios.errors import Fault, InputFaults
from scenarios.schema import Scenario


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


def _unknown(scenario: Scenario, number: int, name: str) -> Fault:
    near = get_close_matches(name, preset_names(), 1)
    expected = f"a policy file (*.toml) that is there or one of {', '.join(preset_names())}"
    hint = f"did you mean {near[0]}?" if near and not Path(name).suffix else ""
    field = f"policies.compare[{number}]"
    return Fault(_file(scenario), field, expected, repr(name), hint=hint)


def _file(scenario: Scenario) -> str:
    return "scenario" if scenario.file is None else str(scenario.file)
