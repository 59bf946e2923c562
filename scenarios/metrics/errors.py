"""What can be wrong with the tables that are to be summarised."""

from __future__ import annotations


class MetricsError(ValueError):
    """A table misses a column, or its policies did not meet the same incidents."""
