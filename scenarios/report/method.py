"""The last section: options in words, parameters with sources, seeds, STRESS-DES, data links."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from scenarios.metrics import words
from scenarios.metrics.facts import Parameter
from scenarios.metrics.shape import PolicySummary
from scenarios.report.html import Raw, join, paragraph, section, tag
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
    gaps = {option.id: option.gaps for option in study.facts.policies}
    items = [_option(study, policy, gaps.get(policy.id, ())) for policy in study.policies]
    return join([tag("h3", "The options in words"), tag("ul", *items, class_="options")])


def _option(study: Study, policy: PolicySummary, gaps: Sequence[str]) -> Raw:
    title = "" if policy.title.lower() == policy.name.lower() else f"{policy.title}. "
    text = f"{title}{policy.words}".strip()
    again = text.startswith(policy.name)  # "One drone at Carnbridge" says the name already
    said = [text.removeprefix(policy.name) if again else text]
    if policy.citation:
        said.append(f"Source: {policy.citation.rstrip('.')}.")
    if gaps:
        said.append(f"Assumed where it is silent: {'; '.join(gaps)}.")
    if policy.live_use:
        use = _LIVE_USE.get(policy.live_use, policy.live_use)
        said.append(f"{use[:1].upper()}{use[1:]}.")
    name = tag("strong", policy.name if again else f"{policy.name}. ")
    return tag("li", swatch(study.looks[policy.id]), name, " ".join(said))


def _parameters(study: Study) -> Raw:
    """A dense list: name and value, then where it comes from."""
    rows = []
    for item in study.facts.parameters:
        source = item.source or "assumption"
        assumed = source.lower().startswith("assumption")
        rows += [
            tag("dt", tag("code", item.name), " ", f"{_shown(item)} {item.unit}".strip()),
            tag(
                "dd",
                source if item.is_default else tag("strong", source),
                class_="assumption" if assumed else None,
            ),
        ]
    if not rows:
        return Raw("")
    said = paragraph(
        "Each with its source, or the word assumption; bold: set by the scenario.", class_="note"
    )
    return join([tag("h3", "Every parameter"), said, tag("dl", *rows, class_="parameters")])


def _shown(item: Parameter) -> str:
    """The value; of a file its name alone, as the folders of a planner are nobody else's matter."""
    return PurePath(item.value).name if item.name == "region.source" else _brief(item.value)


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
        ("Input data", "the parameters above; map data as credited below"),
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
