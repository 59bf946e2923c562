"""What the records of a study say: estimates with intervals, paired differences, the answer.

The model averages nothing; everything is computed here from the flat tables. ``summarise`` turns
them into a ``Summary`` of plain structs, which is what ``summary.json`` holds and all that the
report knows of the numbers.
"""

from scenarios.metrics.errors import MetricsError
from scenarios.metrics.facts import (
    Observed,
    OutcomeFacts,
    Parameter,
    PolicyFacts,
    StudyFacts,
    ZoneFacts,
)
from scenarios.metrics.panel import Tables
from scenarios.metrics.shape import Summary
from scenarios.metrics.summary import summarise, summary_json

__all__ = [
    "MetricsError",
    "Observed",
    "OutcomeFacts",
    "Parameter",
    "PolicyFacts",
    "StudyFacts",
    "Summary",
    "Tables",
    "ZoneFacts",
    "summarise",
    "summary_json",
]
