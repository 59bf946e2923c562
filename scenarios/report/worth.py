"""What the minutes are worth: survival under each outcome model, and four figures side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scenarios.metrics import words
from scenarios.metrics.facts import OutcomeFacts
from scenarios.metrics.shape import PolicySummary
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure, join, table, tag
from scenarios.report.palette import INK, marks
from scenarios.report.study import FEW, Study


def worth(study: Study) -> Raw:
    """Survival under every outcome model, the models themselves, the four headline metrics."""
    drawn = [_extra_figure(study)] if study.options and study.facts.outcomes else []
    return join(
        [
            tag("h3", "What the minutes are worth"),
            tag("div", *drawn, *([_four(study)] if _asks(study) else []), class_="panels"),
            _survival_table(study),
            _models(study),
        ]
    )


def _asks(study: Study) -> bool:
    """Whether volunteers take part in any option."""
    return any(policy.measures["asked_per_call"].value for policy in study.policies)


def _period(study: Study) -> words.Period:
    """The period of the answer, so that one page speaks in one unit."""
    ends = [
        abs(end)
        for option in study.options
        for model in study.facts.outcomes[:1]
        for end in (_extra(study, option, model).low, _extra(study, option, model).high)
        if end is not None
    ]
    return words.period(max(ends, default=0.0))


def _extra(study: Study, option: PolicySummary, model: OutcomeFacts) -> Any:
    return study.difference(option.id, f"survivors_per_year_{model.name}")


def _extra_words(study: Study, option: PolicySummary, model: OutcomeFacts) -> str:
    extra = _extra(study, option, model)
    text = words.ranged(extra, scale=_period(study).years)
    if extra.verdict == "same":
        return "no difference"
    return f"cannot tell ({text})" if extra.verdict == "cannot_tell" else text


def _extra_figure(study: Study) -> Raw:
    when = _period(study)
    first = study.facts.outcomes[0]
    said = _who_adds(study, first)
    agree = (
        "; the models agree on the direction"
        if len(study.facts.outcomes) > 1 and _agree(study)
        else "; not every model tells the same"
        if len(study.facts.outcomes) > 1
        else ""
    )
    title = f"{said} against {study.baseline.name}{agree}."
    rows = len(study.facts.outcomes)
    name = "extra"
    with canvas(name, 0.8 + 0.3 * rows + 0.16 * rows * len(study.options)) as (drawn, axes):
        for k, option in enumerate(study.options):
            offset = (k - (len(study.options) - 1) / 2) * 0.6 / max(len(study.options), 2)
            for row, model in enumerate(study.facts.outcomes):
                _dot(axes, study, option, model, row + offset, when.years)
        axes.axvline(0, color=INK, linewidth=0.9)
        axes.set_yticks(range(rows), [_wrapped(m.title) for m in study.facts.outcomes])
        axes.set_ylim(rows - 0.5, -0.5)
        axes.set_xlabel(f"extra survivors {when.words}")
        alt = "; ".join(
            f"{option.name}, {model.title}: {_extra_words(study, option, model)}"
            for option in study.options
            for model in study.facts.outcomes
        )
        drawing = svg(drawn, name, f"{title} {alt}.")
    return figure(title, drawing, stamp=study.stamp)


def _who_adds(study: Study, model: OutcomeFacts) -> str:
    clear = [p.name for p in study.options if _extra(study, p, model).verdict == "higher"]
    if not clear:
        return "No option can be told from none"
    if len(clear) == 1:
        return f"{clear[0]} adds survivors"
    if len(clear) <= FEW:
        return f"{words.listed(clear)} add survivors"
    every = "All" if len(clear) == len(study.options) else f"{len(clear)} of"
    return f"{every} {len(study.options)} options add survivors"


def _dot(
    axes: Any, study: Study, option: PolicySummary, model: OutcomeFacts, y: float, scale: float
) -> None:
    extra = _extra(study, option, model)
    look = study.looks[option.id]
    if extra.low is not None and extra.high is not None:
        axes.plot([scale * extra.low, scale * extra.high], [y, y], color=look.colour, linewidth=1.6)
    if extra.value is not None:
        axes.plot([scale * extra.value], [y], markersize=5.5, **marks(look))


def _agree(study: Study) -> bool:
    return all(
        len({_extra(study, option, model).verdict for model in study.facts.outcomes}) == 1
        for option in study.options
    )


def _wrapped(title: str) -> str:
    head, comma, tail = title.partition(", ")
    if comma:
        return f"{head},\n{tail}"
    words_ = title.split()
    half = (len(words_) + 1) // 2
    return " ".join(words_[:half]) + "\n" + " ".join(words_[half:]) if len(title) > 14 else title


def _survival_table(study: Study) -> Raw:
    models = study.facts.outcomes
    rows = [
        [
            study.name(policy.id),
            *(cell for model in models for cell in _cells(study, policy, model)),
        ]
        for policy in study.policies
    ]
    head = [""]
    for model in models:
        head += [f"{model.title}: survivors of 100", f"extra {_period(study).words}"]
    caption = f"Survivors expected under each outcome model; extra against {study.baseline.name}"
    return table(head, rows, caption=caption, kind="prose")


def _cells(study: Study, policy: PolicySummary, model: OutcomeFacts) -> tuple[str, str]:
    share = words.ranged(policy.measures[f"survival_{model.name}"], scale=100, most=2)
    compared = policy.id != study.baseline.id
    return share, _extra_words(study, policy, model) if compared else "–"


def _models(study: Study) -> Raw:
    rows = [
        (model.title, model.domain or "–", model.source or "–", " ".join(model.marks) or "–")
        for model in study.facts.outcomes
    ]
    caption = (
        "The outcome models; their levels differ by up to a factor of two, so trust directions"
    )
    return table(
        ("Model", "Made for", "Source", "What to know"), rows, caption=caption, kind="prose"
    )


def _four(study: Study) -> Raw:
    """The four metrics of the published phased-alert comparison, side by side."""
    lines = [
        ("Volunteer first, of 100 arrests", _dash("volunteer_before_ambulance", 100.0, 1)),
        ("People asked, per call", _dash("asked_per_call", 1.0, 1)),
        ("Redundant arrivals, per 100 arrests", _dash("redundant_per_arrest", 100.0, 1)),
    ]
    if study.facts.outcomes:
        key = f"survival_{study.facts.outcomes[0].name}"
        lines.insert(0, ("Survivors, of 100 arrests", _dash(key, 100.0, 2)))
    return study.side_by_side("The four figures that published comparisons use", lines)


def _dash(measure: str, scale: float, most: int) -> Callable[[PolicySummary], str]:
    return lambda policy: words.dash(policy.measures[measure], scale=scale, most=most)
