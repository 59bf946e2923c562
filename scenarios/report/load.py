"""Section 6: what it asks of people."""

from __future__ import annotations

from scenarios.metrics import words
from scenarios.metrics.intervals import Estimate
from scenarios.report.html import Raw, paragraph, section, table
from scenarios.report.study import Study

_ROWS = (
    ("asked_per_arrest", "People asked, per arrest", 1.0),
    ("asked_per_call", "People asked, per call (false alarms included)", 1.0),
    ("any_yes", "Arrests at which somebody said yes, of 100", 100.0),
    ("yes_per_arrest", "People who said yes, per arrest", 1.0),
    ("alerts_per_volunteer_year", "Alerts to one volunteer in a year", 1.0),
    ("night_wakes_per_volunteer_month", "Night wakes of one volunteer in a month", 1.0),
    ("busiest_volunteer_alerts_per_year", "Alerts to the busiest volunteer in a year", 1.0),
    (
        "false_alarms_per_volunteer_year",
        "Alerts to what was no arrest, per volunteer and year",
        1.0,
    ),
    ("redundant_per_arrest", "Redundant arrivals, per 100 arrests", 100.0),
    ("after_ambulance_per_arrest", "Of these, after the ambulance", 100.0),
)
_OUTCOMES = {
    "completed": "reached the scene",
    "declined": "said no",
    "expired": "gave no answer in time",
    "withdrawn": "no longer needed before they answered",
    "stood_down": "said yes, then thanked and stood down",
    "dropped": "said yes, could not continue",
    "lapsed": "said yes, did not set off",
    "undelivered": "phone not reached",
    "refused": "busy with another call",
}


def load_section(study: Study, number: int) -> Raw:
    """Alerts, wakes, journeys that came too late, false alarms, per option."""
    shown = [p for p in study.policies if p.measures["asked_per_call"].value]
    if not shown:
        return section(number, "load", "What it asks of people", paragraph("Nobody is asked."))
    rows = [
        [label, *(words.ranged(p.measures[key], scale=scale, most=_most(key)) for p in shown)]
        for key, label, scale in _ROWS
    ]
    quiet = [p.name for p in study.policies if p not in shown]
    silent = f" {words.listed(quiet)} asks nobody." if quiet else ""
    start, end = study.facts.night_hours
    return section(
        number,
        "load",
        "What it asks of people",
        table(["", *(study.name(p.id) for p in shown)], rows, caption="The load on volunteers"),
        _ends(study),
        paragraph(
            f"A night wake is an alert that reached a phone between {start:02d}:00 and "
            f"{end:02d}:00. Redundant: whoever came after another volunteer or the ambulance; the "
            f"second one may still have relieved the first.{silent}",
            class_="note",
        ),
    )


def _most(key: str) -> int:
    """Decimals as in the answer's own figures."""
    return 2 if "volunteer" in key else 1


def _ends(study: Study) -> Raw:
    shown = [p for p in study.policies if p.alert_outcomes]
    known = {kind for policy in shown for kind in policy.alert_outcomes}
    kinds = [kind for kind in _OUTCOMES if kind in known] + sorted(known - set(_OUTCOMES))
    rows = [
        [
            _OUTCOMES.get(kind, kind),
            *(words.ranged(p.alert_outcomes.get(kind, Estimate(0.0, 0.0, 0.0)), scale=100, most=1)
              for p in shown),
        ]
        for kind in kinds
    ]  # fmt: skip
    caption = "Of 100 people asked: how it ended"
    return table(["", *(study.name(p.id) for p in shown)], rows, caption=caption)
