"""Section 1: the answer in one sentence, and at most three figures."""

from __future__ import annotations

from scenarios.metrics import words
from scenarios.metrics.shape import AnswerFigure
from scenarios.report.html import Raw, join, paragraph, tag
from scenarios.report.palette import swatch
from scenarios.report.study import Study


def answer_section(study: Study) -> Raw:
    """Title, question, the sentence in large type, the tiles."""
    summary = study.summary
    said = summary.answer
    parts: list[object] = [tag("h1", summary.title)]
    if summary.question:
        parts.append(paragraph(summary.question, class_="question"))
    parts.append(paragraph(said.sentence, class_="sentence"))
    if said.load:
        parts.append(paragraph(said.load, class_="asks"))
    if study.stamp:
        parts.append(tag("span", study.stamp, class_="stamp"))
    if said.figures:
        parts.append(tag("div", *(_tile(study, item) for item in said.figures), class_="tiles"))
    parts.append(_rules(study))
    parts.append(paragraph(_standing(study), class_="note"))
    return tag("section", *parts, id="answer", class_="answer", aria_label="The answer")


def _tile(study: Study, item: AnswerFigure) -> Raw:
    rows = [
        tag(
            "div",
            tag("dt", study.name(row.policy)),
            tag("dd", row.text, class_=None if row.clear else "unclear"),
        )
        for row in item.rows
    ]
    return tag(
        "div",
        tag("h3", item.title),
        tag("dl", join(rows)),
        tag("p", item.comparator, class_="comparator"),
        class_="tile",
    )


def _rules(study: Study) -> Raw:
    """What the short names stand for."""
    items = [
        tag("li", swatch(study.looks[item.id]), tag("strong", item.name), f": {item.title}")
        for item in study.policies
    ]
    return tag("ul", *items, class_="rules")


def _standing(study: Study) -> str:
    summary = study.summary
    years = summary.years * summary.replications
    interval = (
        "Ranges are 95 % intervals over the repetitions"
        if summary.replications > 1
        else "One repetition only: no range can be given, and nothing can be told apart"
    )
    return (
        f"{interval}. {_people(study)}Every option met the same {words.count(summary.arrests)} "
        f"simulated arrests of {words.count(years)} years. The ranges hold the chance of the draw, "
        "not the doubt about the assumptions below."
    )


def _people(study: Study) -> str:
    people = study.summary.population
    if people is None:
        return ""
    return f"The place has about {words.count(float(f'{people:.3g}'))} people. "
