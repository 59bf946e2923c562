"""Section 2: the simulated baseline beside published figures and beside the planner's own."""

from __future__ import annotations

import numpy as np

from scenarios.metrics import words
from scenarios.metrics.facts import Observed
from scenarios.metrics.intervals import Estimate
from scenarios.report.anchors import Anchor, anchors_for
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure, join, paragraph, section, table, tag
from scenarios.report.palette import AMBULANCE, BASELINE
from scenarios.report.study import Study

THE_TOWN = "the whole town"
MISFIT = 0.05  # England's services judge the mean and the 90th percentile; above this, a warning


def belief_section(study: Study, number: int) -> Raw:
    """What stands behind the numbers, and where they do not fit."""
    return section(
        number,
        "belief",
        "Can you believe it?",
        _backcast(study),
        _anchors(study),
        _invented(study),
        _weight(study),
    )


def _simulated(study: Study, anchor: Anchor) -> list[tuple[str, Estimate]]:
    if anchor.key == "survival":
        return [
            (f"{anchor.label} ({model.title})",
             study.estimate(study.baseline.id, f"survival_{model.name}"))
            for model in study.facts.outcomes
        ]  # fmt: skip
    return [(anchor.label, study.summary.checks[anchor.key])]


def _anchors(study: Study) -> Raw:
    rows, kinds = [], []
    for anchor in anchors_for(study.facts.timezone):
        for label, item in _simulated(study, anchor):
            fits = item.value is not None and anchor.low <= item.value <= anchor.high
            judged = "fits" if fits else "does not fit"
            if anchor.is_input:
                judged += " (input)"
            shown = words.minutes(item) if anchor.unit == "s" else words.of_hundred(item)
            rows.append((label, shown, _published(anchor), judged))
            kinds.append("" if fits else "off")
    head = ("", f"Simulated, {study.baseline.name}", "Published", "Fit")
    caption = "The simulated baseline beside published figures"
    note = paragraph("Input: the scenario sets it, so that it fits proves nothing.", class_="note")
    return join([table(head, rows, caption=caption, row_kinds=kinds, kind="prose"), note])


def _published(anchor: Anchor) -> str:
    place = f"{anchor.place}, " if anchor.place else ""
    return f"{anchor.published} ({place}{anchor.source})"


def _invented(study: Study) -> Raw:
    assumed = [p for p in study.facts.parameters if p.source.lower().startswith("assumption")]
    sentence = "Nothing on this page rests on invented people or AEDs."
    if study.facts.invented:
        meant = (
            "The figures show how such a place would behave; they say nothing about any real town."
            if THE_TOWN in study.facts.invented
            else "The figures hold for this place only as far as its own are like them."
        )
        sentence = f"Invented, from a seed: {words.listed(list(study.facts.invented))}. {meant}"
    if assumed:
        sentence += (
            f" {len(assumed)} of {len(study.facts.parameters)} parameters are assumptions "
            "without a published source; the list is in the last section."
        )
    return paragraph(sentence)


def _weight(study: Study) -> Raw:
    summary = study.summary
    false_alarms = summary.calls - summary.arrests
    return paragraph(
        f"{words.count(summary.arrests)} arrests and {words.count(false_alarms)} false alarms "
        f"stand behind each option: {summary.replications} repetitions of {summary.years:g} "
        f"{'year' if summary.years == 1 else 'years'}, "
        f"{words.ranged(summary.arrests_per_year)} arrests a year, "
        f"{words.count(summary.volunteers)} volunteers."
    )


def _backcast(study: Study) -> Raw:
    observed = study.facts.observed
    if observed is None or not observed.ambulance_s:
        return paragraph(
            "No times of your own service were given, so the model has not been checked against "
            "them. Published figures are all that it can be held against here."
        )
    times = study.panel.clock(study.baseline.id, "ambulance")[study.panel.arrest]
    return _misfit(observed, times[np.isfinite(times)])


def _misfit(observed: Observed, simulated: np.ndarray) -> Raw:
    own = np.sort(np.asarray(observed.ambulance_s, dtype=np.float64))
    pairs = [
        ("mean", float(own.mean()), float(simulated.mean())),
        ("median", float(np.median(own)), float(np.median(simulated))),
        ("not passed in nine of ten", float(np.quantile(own, 0.9)),
         float(np.quantile(simulated, 0.9))),
    ]  # fmt: skip
    rows = [
        (f"Call to ambulance, {name}", f"{a / 60:.1f} min", f"{b / 60:.1f} min",
         f"{words.number(100 * (b / a - 1), 1)} %")
        for name, a, b in pairs
    ]  # fmt: skip
    largest = max(abs(b / a - 1) for _, a, b in pairs)
    parts: list[object] = []
    if largest > MISFIT:
        parts.append(
            tag(
                "p",
                tag("strong", "The model does not fit your service. "),
                f"Simulated ambulance times are off by up to {100 * largest:.0f} %; judge the "
                "options with that in mind.",
                class_="band",
                role="note",
            )
        )
    caption = f"Your own times beside the simulated ones ({observed.source})"
    parts.append(table(("", "Observed", "Simulated", "Misfit"), rows, caption=caption))
    parts.append(_backcast_figure(own, np.sort(simulated), largest))
    return Raw("".join(str(part) for part in parts))


def _backcast_figure(own: np.ndarray, simulated: np.ndarray, largest: float) -> Raw:
    name = "backcast"
    title = (
        "Simulated ambulance times follow your own"
        if largest <= MISFIT
        else "Simulated ambulance times part from your own"
    )
    alt = f"{title}: two cumulative curves, share of calls reached by minutes from the call."
    with canvas(name, 2.4) as (drawn, axes):
        for times, colour, style, label in (
            (own, AMBULANCE, "-", "observed"), (simulated, BASELINE, "--", "simulated"),
        ):  # fmt: skip
            share = 100 * np.arange(1, len(times) + 1) / len(times)
            at = np.linspace(0, len(times) - 1, min(len(times), 200)).astype(int)
            axes.step(times[at] / 60, share[at], colour, linestyle=style, where="post", label=label)
        axes.set(xlabel="minutes from the call", ylabel="of 100 calls", ylim=(0, 100))
        axes.set_xlim(0, float(np.quantile(np.concatenate([own, simulated]), 0.98)) / 60)
        axes.legend(frameon=False)
        drawing = svg(drawn, name, alt)
    return figure(f"{title}.", drawing)
