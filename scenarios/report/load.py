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
GROUP = "first-responder group"  # as in ``Means.item``
_GROUPS = (
    ("group_call_outs_per_year", "Call-outs a year"),
    ("group_night_call_outs_per_year", "Of these, at night"),
    ("group_false_alarms_per_year", "Of these, to what was no arrest"),
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
    out = _called_out(study)
    if not shown:
        said = "No option asks a volunteer." if out else "Nobody is asked."
        return section(number, "load", "What it asks of people", paragraph(said), *out)
    rows = [
        [label, *(words.ranged(p.measures[key], scale=scale, most=_most(key)) for p in shown)]
        for key, label, scale in _ROWS
    ]
    quiet = [p.name for p in study.policies if p not in shown]
    nobody = "no volunteer" if out else "nobody"
    silent = f" {words.listed(quiet)} asks {nobody}." if quiet else ""
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
        *out,
    )


def _called_out(study: Study) -> list[Raw]:
    """How often first-responder groups and other co-responders go out; empty where none do."""
    shown = [p for p in study.policies if p.measures[_GROUPS[0][0]].value]
    if not shown:
        return []
    rows = [
        [label, *(words.ranged(p.measures[key], most=1) for p in shown)] for key, label in _GROUPS
    ]
    many = {p.id: _groups_of(study, p.id) for p in shown}
    if any(many.values()):
        key, _ = _GROUPS[0]
        each = [
            words.ranged(p.measures[key], scale=1 / many[p.id], most=1) if many[p.id] else "–"
            for p in shown
        ]
        rows.append(["Call-outs of one group in a year, on average", *each])
    start, end = study.facts.night_hours
    note = paragraph(
        f"At most one goes to a call, to suspected arrests only. At night: calls between "
        f"{start:02d}:00 and {end:02d}:00. Whoever is on call but not called out is not counted.",
        class_="note",
    )
    caption = "Call-outs of first-responder groups and other co-responders"
    return [table(["", *(study.name(p.id) for p in shown)], rows, caption=caption), note]


def _groups_of(study: Study, policy: str) -> float:
    """First-responder groups that an option has; 0: none, or not told."""
    means = next((option.means for option in study.facts.options if option.id == policy), ())
    return sum(item.number for item in means if item.item == GROUP)


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
