"""Errors of the dispatch core.

::

    DispatchError
    ├── UnknownEventError(TypeError)     something that is no event was given to the core
    ├── UnknownPolicyError(LookupError)  no preset and no file of that name
    ├── PolicyFileError(ValueError)      a policy file with faults; all of them are listed
    └── RosterError(ValueError)
        └── UnknownMemberError(LookupError)  a fact about somebody nobody has registered

Nobody to ask is no error: it is a decision that control sees.
"""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """One wrong field of one file."""

    file: str
    field: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}: {self.field}: {self.expected}"


class DispatchError(Exception):
    """Base of everything that the dispatch core raises."""


class UnknownEventError(DispatchError, TypeError):
    """The value is none of the types of ``dispatch.events``."""

    def __init__(self, value: object) -> None:
        super().__init__(f"{type(value).__name__} is no event of dispatch.events")


class UnknownPolicyError(DispatchError, LookupError):
    """There is no preset and no file of that name."""

    def __init__(self, name: str, presets: tuple[str, ...]) -> None:
        super().__init__(f"policy {name!r}: expected a .toml file or one of {', '.join(presets)}")
        self.name = name


class PolicyFileError(DispatchError, ValueError):
    """A policy file has faults; ``str`` gives one line for each."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class RosterError(DispatchError, ValueError):
    """A fact or an array that the roster cannot hold."""


class UnknownMemberError(RosterError, LookupError):
    """A fact about somebody (something) that was never registered."""

    def __init__(self, kind: str, member_id: int) -> None:
        super().__init__(f"{kind} {member_id} is not in the roster")
        self.kind = kind
        self.member_id = member_id
