"""The page as a whole: sections in the order of a reader's doubts, one file, no outside request."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.metrics.facts import StudyFacts
from scenarios.metrics.panel import Tables
from scenarios.metrics.shape import Summary
from scenarios.report.air import air_section
from scenarios.report.backcast import backcast_section, has_own_data
from scenarios.report.belief import belief_section
from scenarios.report.change import change_section
from scenarios.report.costs import costs_section, has_costs
from scenarios.report.front import answer_section
from scenarios.report.gains import gains_section
from scenarios.report.html import Raw, join, tag, text
from scenarios.report.load import load_section
from scenarios.report.mapping import map_section
from scenarios.report.method import method_section
from scenarios.report.race import race_section
from scenarios.report.study import Study

if TYPE_CHECKING:
    from scenarios.air_study import AirStudy

FILES = (
    "incidents.parquet", "incidents.csv", "alerts.parquet", "alerts.csv", "events.parquet",
    "events.csv", "summary.json",
)  # fmt: skip


def write_report(
    path: Path,
    facts: StudyFacts,
    summary: Summary,
    tables: Tables,
    region: Any = None,
    air: AirStudy | None = None,
) -> None:
    """Write the page to ``path``, whole or not at all; links the result files beside it.

    ``region``: a ``geo.region.Region`` for the map, or None for a page without one; ``air``: shapes
    for the map of the air, where an option flies.
    """
    files = [name for name in FILES if (path.parent / name).exists()]
    page = render(facts, summary, tables, region, files, air)
    partial = path.with_name(path.name + ".part")
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)


def render(
    facts: StudyFacts,
    summary: Summary,
    tables: Tables,
    region: Any = None,
    files: list[str] | None = None,
    air: AirStudy | None = None,
) -> str:
    """The text of the page; the same numbers give the same bytes."""
    study = Study(facts, summary, tables, region, air)
    makers = [belief_section, *([map_section] if region is not None else []), race_section]
    makers += [gains_section, load_section]
    makers += [air_section] if summary.air is not None else []
    makers += [costs_section] if has_costs(study) else []
    makers += [change_section] if summary.sensitivity is not None else []
    sections = [maker(study, number) for number, maker in enumerate(makers, start=2)]
    sections.append(method_section(study, len(sections) + 2, files or []))
    style = resources.files("scenarios.report").joinpath("style.css").read_text(encoding="utf-8")
    head = join(
        [
            tag("title", f"{facts.title} – Heartreach"),
            Raw('<meta charset="utf-8">'),
            Raw('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            tag("style", Raw(style)),
        ]
    )
    before = [backcast_section(study)] if has_own_data(study) else []
    heading = tag("h1", facts.title)
    body = tag("main", heading, *before, answer_section(study), *sections, _footer(study))
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{text(body)}</body></html>\n'
    )


def _footer(study: Study) -> Raw:
    credit = f"Map data {study.facts.credit}. " if study.facts.credit else ""
    return tag(
        "footer",
        credit,
        "Evidence for your clinical safety officer; not a substitute for 999.",
    )
