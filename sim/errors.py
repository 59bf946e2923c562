"""What can go wrong in a simulation.

SimError
├── ParameterError(ValueError)   an input is missing, out of range or contradicts another
└── SettingError(ValueError)     the region cannot carry the study (no demand, no population …)
"""

from __future__ import annotations


class SimError(Exception):
    """Any error of the simulator."""


class ParameterError(SimError, ValueError):
    """An input is missing, out of range or contradicts another; names the field."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: {expected}")
        self.field = field
        self.expected = expected


class SettingError(SimError, ValueError):
    """The region cannot carry the study."""
