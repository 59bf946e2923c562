"""Section 2: the simulated baseline beside published figures and beside the planner's own."""

from __future__ import annotations

from scenarios.metrics import words
from scenarios.metrics.intervals import Estimate
from scenarios.report.anchors import Anchor, anchors_for
from scenarios.report.backcast import has_own_data
from scenarios.report.html import Raw, join, paragraph, section, table, tag
from scenarios.report.study import Study

FITS, MISFIT, UNKNOWN = "fits", "does not fit", "too few to tell"
INVENTED_PLACES = {"the whole town", "the whole district"}


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


def _simulated(study: Study, anchor: Anchor) -> list[tuple[str, Estimate, str]]:
    """Label, simulated value, and what is known of it beforehand."""
    if anchor.key == "survival":
        return [
            (f"{anchor.label} ({model.title})",
             study.estimate(study.baseline.id, f"survival_{model.name}"),
             "calibrated" if "calibrated" in model.domain else "")
            for model in study.facts.outcomes
        ]  # fmt: skip
    mark = "" if _simulated_fleet(study, anchor) else anchor.mark
    return [(anchor.label, study.summary.checks[anchor.key], mark)]


def _anchors(study: Study) -> Raw:
    rows, kinds = [], []
    for anchor in anchors_for(study.facts.timezone):
        for label, item, mark in _simulated(study, anchor):
            fit = judged(item, anchor)
            shown = words.minutes(item) if anchor.unit == "s" else words.of_hundred(item)
            said = f"{fit} ({mark})" if mark else fit
            rows.append((label, shown, _published(anchor), _band(anchor), said))
            kinds.append("off" if fit == MISFIT else "")
    head = ("", f"Simulated, {study.baseline.name}", "Published", "Counts as a fit", "Fit")
    caption = "The simulated baseline beside published figures"
    note = paragraph(
        "Fits: the whole range lies within what counts as a fit; does not fit: none of it does; "
        "else there are too few arrests or repetitions to tell. "
        "Input: the scenario sets it, so that it fits proves nothing. From an input: it follows "
        "from the shares of patients who get CPR or a public AED (patient.*, in the last section). "
        "Calibrated: the model was set so that survival has about the published level; what it "
        "predicts are the changes between options.",
        class_="note",
    )
    return join([table(head, rows, caption=caption, row_kinds=kinds, kind="prose"), note])


def judged(item: Estimate, anchor: Anchor) -> str:
    """Whether the interval lies inside the anchor's band, outside, or over its edge."""
    if item.low is None or item.high is None:
        return UNKNOWN
    if anchor.low <= item.low and item.high <= anchor.high:
        return FITS
    if item.high < anchor.low or anchor.high < item.low:
        return MISFIT
    return UNKNOWN


def _band(anchor: Anchor) -> str:
    """The band as it stands among the anchors, not rounded outwards as an interval is."""
    if anchor.unit == "s":
        return f"{words.number(anchor.low / 60, 1)} to {words.number(anchor.high / 60, 1)} min"
    low, high = (words.number(100 * end, 0) for end in (anchor.low, anchor.high))
    return f"{low} to {high} of 100" if anchor.low else f"up to {high} of 100"


def _simulated_fleet(study: Study, anchor: Anchor) -> bool:
    """Ambulance times come out of the model where a fleet is simulated."""
    return anchor.key == "ambulance_mean_s" and bool(study.facts.sites)


def _published(anchor: Anchor) -> str:
    place = f"{anchor.place}, " if anchor.place else ""
    return f"{anchor.published} ({place}{anchor.source})"


def _invented(study: Study) -> Raw:
    assumed = [p for p in study.facts.parameters if p.source.lower().startswith("assumption")]
    sentence = "Nothing on this page rests on invented people or AEDs."
    if study.facts.invented:
        meant = (
            "The figures show how such a place would behave; they say nothing about any real town."
            if INVENTED_PLACES.intersection(study.facts.invented)
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
    if has_own_data(study):
        link = tag("a", "first page", href="#fit")
        return paragraph("How the model fits your own data stands on the ", link, ".")
    return paragraph(
        "No times of your own service were given, so the model has not been checked against them. "
        "Published figures are all that it can be held against here."
    )
