"""Section 1: the answer in one sentence, and at most three figures."""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.metrics import words
from scenarios.metrics.shape import AnswerFigure, AnswerRow
from scenarios.report.html import Raw, join, paragraph, table, tag
from scenarios.report.palette import swatch
from scenarios.report.study import FEW, Study


def answer_section(study: Study) -> Raw:
    """Question, the sentence in large type, the tiles."""
    summary = study.summary
    said = summary.answer
    parts: list[object] = []
    if summary.question:
        parts.append(paragraph(summary.question, class_="question"))
    parts.append(paragraph(said.sentence, class_="sentence"))
    if said.load:
        parts.append(paragraph(said.load, class_="asks"))
    if study.stamp:
        parts.append(tag("span", study.stamp, class_="stamp"))
    if said.figures:
        many = len(said.figures[0].rows) > FEW
        parts.append(_side_by_side(study, said.figures) if many else _tiles(study, said.figures))
    parts.append(_rules(study))
    parts.append(paragraph(_standing(study), class_="note"))
    return tag("section", *parts, id="answer", class_="answer", aria_label="The answer")


def _tiles(study: Study, figures: Sequence[AnswerFigure]) -> Raw:
    return tag("div", *(_tile(study, item) for item in figures), class_="tiles")


def _side_by_side(study: Study, figures: Sequence[AnswerFigure]) -> Raw:
    """Many options: one row each, so that an eye goes along a line."""
    lead, *others = figures
    now = f"{study.baseline.name}: "
    today = [item.comparator.removeprefix(now).removesuffix(".") for item in others]
    rows = [[study.name(study.baseline.id), "–", *today]]
    rows += [
        [study.name(row.policy), *(_cell(item.rows[i]) for item in figures)]
        for i, row in enumerate(lead.rows)
    ]
    head = ["", *(item.title for item in figures)]
    listing = table(head, rows, caption="The options side by side", kind="answers prose")
    return join([listing, tag("p", f"{lead.title}: {_lower(lead.comparator)}", class_="note")])


def _lower(said: str) -> str:
    return said[:1].lower() + said[1:]


def _cell(row: AnswerRow) -> Raw:
    return tag("span", row.text, class_="clear" if row.clear else "unclear")


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
        tag(
            "li",
            swatch(study.looks[item.id]),
            tag("strong", item.name),
            f": {item.title}" if item.title != item.name else "",
        )
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
