"""The last section: options in words, parameters with sources, seeds, STRESS-DES, data links."""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.metrics import words
from scenarios.report.html import Raw, join, paragraph, section, table, tag
from scenarios.report.palette import swatch
from scenarios.report.study import Study

LONG_LIST = 8
_LIVE_USE = {
    "allowed": "may run live",
    "needs_sign_off": "live use needs a clinical sign-off",
    "simulation_only": "for simulation only",
}


def method_section(study: Study, number: int, files: Sequence[str]) -> Raw:
    """What an analyst needs to take the page apart."""
    return section(
        number,
        "method",
        "How it was done",
        _options(study),
        _parameters(study),
        tag("h3", "Reporting checklist (STRESS-DES)"),
        _stress(study),
        tag("h3", "Take it apart"),
        _files(files),
    )


def _options(study: Study) -> Raw:
    rows = [
        (
            join([swatch(study.looks[policy.id]), policy.title]),
            policy.words or "–",
            policy.citation or "–",
            _LIVE_USE.get(policy.live_use, policy.live_use or "–"),
        )
        for policy in study.policies
    ]
    head = ("Option", "Rule", "Source", "Use")
    listing = table(head, rows, caption="The options in words", kind="prose")
    gaps = [
        tag("li", tag("strong", f"{option.name}: "), "; ".join(option.gaps))
        for option in study.facts.policies
        if option.gaps
    ]
    if not gaps:
        return listing
    filled = paragraph("Where a published rule is silent, these assumptions fill the gap:")
    return join([listing, filled, tag("ul", *gaps, class_="gaps")])


def _parameters(study: Study) -> Raw:
    rows, kinds = [], []
    for item in study.facts.parameters:
        source = item.source or "assumption"
        rows.append(
            (
                tag("code", item.name),
                f"{_brief(item.value)} {item.unit}".strip(),
                source if item.is_default else tag("strong", source),
            )
        )
        kinds.append("assumption" if source.lower().startswith("assumption") else "")
    if not rows:
        return Raw("")
    caption = "Every parameter, with its source or the word assumption; bold: set by the scenario"
    head = ("Parameter", "Value", "Source")
    return table(head, rows, caption=caption, row_kinds=kinds, kind="prose")


def _brief(value: str) -> str:
    """A long list of numbers as its length and range; the scenario file has them all."""
    parts = value.split(", ")
    if len(parts) < LONG_LIST:
        return value
    numbers = [float(part) for part in parts if part.replace(".", "", 1).isdigit()]
    if len(numbers) < len(parts):
        return value
    return f"{len(parts)} values, {min(numbers):g} to {max(numbers):g}"


def _stress(study: Study) -> Raw:
    facts, summary = study.facts, study.summary
    entities = f"arrests and false alarms; {words.count(facts.volunteers)} volunteers; AEDs"
    experiments = (
        f"{summary.replications} independent repetitions of {_years(summary.years)}, no warm-up: "
        f"volunteers and AEDs start in their normal state; seed {summary.seed}"
    )
    items = (
        ("Purpose", facts.question or facts.title),
        ("Outputs", _OUTPUTS),
        ("Model", _MODEL),
        ("Entities", entities),
        ("Input data", "the table above; map data as credited below"),
        ("Experiments", experiments),
        ("Estimation", _ESTIMATION),
        ("Randomness", _RANDOMNESS),
        ("Software", f"Heartreach {facts.version}" if facts.version else "Heartreach"),
    )
    return tag(
        "dl", *(join([tag("dt", name), tag("dd", said)]) for name, said in items), class_="stress"
    )


_OUTPUTS = (
    "times to CPR, trained hands, AED, shock and ambulance; survival as a probability per arrest; "
    "alerts, wakes and journeys of volunteers"
)
_MODEL = (
    "discrete events in SimPy around the same decision core that runs live; one process per "
    "person asked"
)
_ESTIMATION = (
    "Student's t intervals over repetitions (ratio estimator where a number is per arrest); "
    "options meet the same arrests, people and answers, and differences are paired; Holm's "
    "correction when several options are judged; an arrest that nobody reached stays in every "
    "curve and share"
)
_RANDOMNESS = (
    "one seed; a stream keyed by purpose, repetition, incident and person, so that adding a "
    "volunteer changes nobody else's luck"
)


def _years(years: float) -> str:
    return "one year" if years == 1 else f"{years:g} years"


_FILES = {
    "incidents": "one row per incident and option",
    "events": "what happened when",
    "alerts": "one row per person asked",
    "summary": "every number on this page",
}


def _files(files: Sequence[str]) -> Raw:
    if not files:
        return paragraph("The tables were not kept beside this page.")
    items = []
    for name in files:
        said = _FILES.get(name.split(".")[0], "")
        items.append(tag("li", tag("a", name, href=name), f" – {said}" if said else ""))
    return tag("ul", *items)
