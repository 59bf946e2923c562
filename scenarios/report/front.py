"""Section 1: the answer in one sentence, and at most three figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scenarios.metrics import words
from scenarios.metrics.shape import AnswerFigure, AnswerRow, PolicySummary
from scenarios.report.costs import has_costs
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
    parts += [tag("p", caution, class_="band", role="note") for caution in summary.cautions]
    if said.figures:
        many = len(said.figures[0].rows) > FEW or bool(_more_columns(study))
        parts.append(_side_by_side(study, said.figures) if many else _tiles(study, said.figures))
    parts.append(_rules(study))
    parts.append(paragraph(_standing(study), class_="note"))
    return tag("section", *parts, id="answer", class_="answer", aria_label="The answer")


def _tiles(study: Study, figures: Sequence[AnswerFigure]) -> Raw:
    return tag("div", *(_tile(study, item) for item in figures), class_="tiles")


def _side_by_side(study: Study, figures: Sequence[AnswerFigure]) -> Raw:
    """Many options: one row each, so that an eye goes along a line."""
    lead, *others = [item for item in figures if any(row.text != "0" for row in item.rows)]
    more = _more_columns(study)
    now = f"{study.baseline.name}: "
    today = [
        item.comparator.removeprefix(now).removesuffix(".")
        if item.comparator.startswith(now)
        else "–"
        for item in others
    ]
    notes = [item for item in (lead, *others) if not item.comparator.startswith(now)]
    rows: list[list[object]] = [[study.name(study.baseline.id), "–", *today, *("–" for _ in more)]]
    rows += [
        [
            study.name(row.policy),
            *(_cell(item.rows[i]) for item in (lead, *others)),
            *(cell(row.policy) for _, cell in more),
        ]
        for i, row in enumerate(lead.rows)
    ]
    head = ["", *(item.title for item in (lead, *others)), *(title for title, _ in more)]
    listing = table(head, rows, caption="The options side by side", kind="answers prose")
    said = " ".join(f"{item.title}: {_lower(item.comparator)}" for item in notes)
    return join([listing, tag("p", said, class_="note")])


def _more_columns(study: Study) -> list[tuple[str, Callable[[str], object]]]:
    """Where options have prices: how much sooner a first shock comes."""
    if not has_costs(study):
        return []
    return [("First shock at the median arrest", lambda policy: _sooner(study, policy))]


def _sooner(study: Study, policy: str) -> Raw:
    change = study.difference(policy, "shock_median_s")
    said = words.change(change, "min later", "min sooner", scale=1 / 60, most=1)
    unclear = change.verdict == "cannot_tell" and change.low != change.high
    said = f"cannot tell: {said}" if unclear else said
    return _cell(AnswerRow(policy, said, change.verdict in ("higher", "lower")))


def _lower(said: str) -> str:
    return said[:1].lower() + said[1:]


def _cell(row: AnswerRow) -> Raw:
    return tag("span", row.text, class_="clear" if row.clear else "unclear")


def _tile(study: Study, item: AnswerFigure) -> Raw:
    rows = [
        tag(
            "div",
            tag("dt", study.name(row.policy)),
            tag("dd", *_in_a_tile(row), class_=None if row.clear else "unclear"),
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


def _in_a_tile(row: AnswerRow) -> list[object]:
    """The difference in large type, what stands in brackets small below it."""
    much, bracket, level = row.text.partition(" (")
    if not (row.clear and bracket):
        return [row.text]
    return [much, tag("small", f" ({level}")]


def _rules(study: Study) -> Raw:
    """What the short names stand for."""
    items = [
        tag(
            "li",
            swatch(study.looks[item.id]),
            tag("strong", item.name),
            _stands_for(study, item),
        )
        for item in study.policies
    ]
    return tag("ul", *items, class_="rules")


def _stands_for(study: Study, item: PolicySummary) -> str:
    """What an option has beyond the comparator, else the title of its rule."""
    changes = next((o.changes for o in study.summary.options if o.name == item.id), ())
    if changes:
        return f": {'; '.join(changes)}"
    return f": {item.title}" if item.title.lower() != item.name.lower() else ""


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
