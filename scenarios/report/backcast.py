"""The model against the planner's own data, before any option is shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenarios.back_cast import BackCast
from scenarios.demand_fit import ChiSquare, DemandFit
from scenarios.metrics import words
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure, join, paragraph, table, tag
from scenarios.report.palette import AMBULANCE, BASELINE
from scenarios.report.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_IN_BAND = 20  # observed and simulated times, each: below this a band is not judged
BANDS = (("night", 23, 7), ("morning", 7, 12), ("afternoon", 12, 18), ("evening", 18, 23))
UNLIKELY = 0.05
_TIMES = (
    ("mean_s", "Mean"),
    ("median_s", "Median"),
    ("p90_s", "Not passed in nine of ten"),
)
_WITHIN = ((420, "7"), (480, "8"), (900, "15"))


def has_own_data(study: Study) -> bool:
    """Whether the planner brought anything that the model can be held against."""
    return study.back_cast is not None or study.summary.demand_fit is not None


def backcast_section(study: Study) -> Raw:
    """Observed beside simulated, the misfit in numbers, a band where it is large."""
    parts: list[object] = [tag("h2", "First: does the model fit your own data?", id="fit-title")]
    found = study.back_cast
    if found is not None:
        parts += _times(study, found)
    else:
        parts.append(
            paragraph(
                "Your arrests came without response times, so the ambulance of the model has not "
                "been checked against yours."
            )
        )
    if study.summary.demand_fit is not None:
        parts += _demand(study.summary.demand_fit)
    parts += [paragraph(use.words, class_="note") for use in study.summary.own_data]
    onward = tag("a", "Go to the answer", href="#answer")
    parts.append(tag("nav", onward, aria_label="Onward"))
    return tag("section", *parts, id="fit", class_="fit", aria_labelledby="fit-title")


# --- response times ------------------------------------------------------------------------------


def _times(study: Study, found: BackCast) -> list[Raw]:
    parts = [_verdict(found)]
    observed = study.facts.observed
    if observed is None:
        return [*parts, _table(found)]
    own = np.asarray(observed.ambulance_s, dtype=np.float64)
    times = study.panel.clock(study.baseline.id, "ambulance")
    known = study.panel.arrest & np.isfinite(times)
    drawn = _figure(np.sort(own), np.sort(times[known]), found, study.stamp)
    by_hour: list[Raw] = []
    if len(observed.local_hour) == len(own):
        hours = np.asarray(observed.local_hour, dtype=np.int64)
        by_hour = _bands((own, hours), (times[known], study.panel.hour[known]))
    left = tag("div", drawn, *by_hour)
    parts.append(tag("div", left, tag("div", _table(found)), class_="panels"))
    return parts


def _verdict(found: BackCast) -> Raw:
    said = found.sentence.replace(" -", f" {words.MINUS}")
    if found.verdict == "fits":
        return paragraph(tag("strong", said))
    leads = {
        "does_not_fit": "The model does not fit your service. ",
        "too_few": "Too few times to judge the model by. ",
        "not_tested": "The model has not been tested. ",
    }
    advice = (
        f" England's services are judged by these two; more than {100 * found.threshold:.0f} % off "
        "is a large misfit. Do not rely on the options below before the ambulance's times are "
        "set to yours."
        if found.verdict == "does_not_fit"
        else ""
    )
    return tag(
        "p",
        tag("strong", leads[found.verdict]),
        said,
        advice,
        class_="band",
        role="note",
    )


def _table(found: BackCast) -> Raw:
    rows = [
        (name, _minutes(getattr(found.observed, key)), _minutes(getattr(found.simulated, key)),
         _percent(found.misfit[key]))
        for key, name in _TIMES
    ]  # fmt: skip
    rows += [
        (f"Of 100, within {limit} min", _hundred(found.observed.within[str(seconds)]),
         _hundred(found.simulated.within[str(seconds)]),
         _points(found.misfit[f"within_{seconds}"]))
        for seconds, limit in _WITHIN
    ]  # fmt: skip
    rows.append(
        ("Calls", words.count(found.observed.n), words.count(found.simulated.n), "")
    )  # fmt: skip
    head = ("Call to ambulance", "Observed", "Simulated", "Misfit")
    listing = table(head, rows, caption=f"Your own times ({found.source}) beside the simulated")
    return join([listing, _doubt(found)])


def _doubt(found: BackCast) -> Raw:
    said = []
    if found.observed_mean_half_width is not None:
        said.append(
            f"{words.count(found.observed.n)} observed times leave the mean itself open by "
            f"{100 * found.observed_mean_half_width:.0f} % either way."
        )
    if found.ks_distance is not None:
        said.append(
            f"The two curves are at most {100 * found.ks_distance:.0f} of 100 calls apart "
            "(Kolmogorov-Smirnov)."
        )
    return paragraph(" ".join(said), class_="note") if said else Raw("")


def _bands(own: tuple[Floats, Ints], simulated: tuple[Floats, Ints]) -> list[Raw]:
    """Means by time of day, where both have enough."""
    rows = []
    for name, start, end in BANDS:
        seen, made = (times[_within(hours, start, end)] for times, hours in (own, simulated))
        if min(len(seen), len(made)) >= FEWEST_IN_BAND:
            off = float(made.mean() / seen.mean() - 1.0) if seen.mean() else None
            label = f"{name}, {start:02d} to {end:02d}"
            rows.append(
                (label, _minutes(float(seen.mean())), _minutes(float(made.mean())), _percent(off))
            )
    if not rows:
        return []
    head = ("Mean", "Observed", "Simulated", "Misfit")
    return [table(head, rows, caption="The same by time of day")]


def _within(hours: Ints, start: int, end: int) -> NDArray[np.bool_]:
    if start < end:
        return np.asarray((hours >= start) & (hours < end))
    return np.asarray((hours >= start) | (hours < end))


def _figure(own: Floats, simulated: Floats, found: BackCast, stamp: str) -> Raw:
    name = "backcast"
    title = {
        "fits": "Simulated ambulance times follow your own",
        "does_not_fit": "Simulated ambulance times part from your own",
    }.get(found.verdict, "Ambulance times, your own and simulated")
    alt = f"{title}: two cumulative curves, share of calls reached by minutes from the call."
    with canvas(name, 2.6) as (drawn, axes):
        for times, colour, style, label in (
            (own, AMBULANCE, "-", "observed"), (simulated, BASELINE, "--", "simulated"),
        ):  # fmt: skip
            if not len(times):
                continue
            share = 100 * np.arange(1, len(times) + 1) / len(times)
            at = np.linspace(0, len(times) - 1, min(len(times), 200)).astype(int)
            axes.step(times[at] / 60, share[at], colour, linestyle=style, where="post", label=label)
        axes.set(xlabel="minutes from the call", ylabel="of 100 calls", ylim=(0, 100))
        axes.set_xlim(0, max(float(np.quantile(np.concatenate([own, simulated]), 0.98)) / 60, 1))
        axes.legend(frameon=False)
        drawing = svg(drawn, name, alt)
    return figure(f"{title}.", drawing, stamp=stamp)


# --- demand --------------------------------------------------------------------------------------


def _demand(fit: DemandFit) -> list[Raw]:
    rows: list[Sequence[object]] = [
        ("Hours of the day", _test(fit.hours.fitted), _test(fit.hours.unfitted))
    ]
    if fit.places is not None:
        rows.append(("Places", _test(fit.places.fitted), _test(fit.places.unfitted)))
    tests = [fit.hours.fitted, *([fit.places.fitted] if fit.places else [])]
    bad = [test for test in tests if test.p is not None and test.p < UNLIKELY]
    said = paragraph(fit.sentence)
    if bad:
        lead = tag("strong", "Where or when arrests happen does not fit yours. ")
        said = tag("p", lead, fit.sentence, class_="band", role="note")
    head = ("", "Fitted to your arrests", "Before fitting")
    caption = (
        f"Demand: {words.count(fit.held_back)} of your {words.count(fit.arrests)} arrests were "
        "held back and tested (chi-square)"
    )
    gaps = (
        f"Gaps between arrests against chance alone: Kolmogorov-Smirnov distance "
        f"{fit.gaps_ks_distance:.2f}, p {_p(fit.gaps_ks_p)}."
        if fit.gaps_ks_distance is not None and fit.gaps_ks_p is not None
        else ""
    )
    found = [tag("h3", "When and where arrests happen"), said, table(head, rows, caption=caption)]
    return [*found, paragraph(gaps, class_="note")] if gaps else found


def _test(found: ChiSquare) -> str:
    if found.statistic is None or found.p is None:
        return "too few to test"
    judged = "does not fit" if found.p < UNLIKELY else "no misfit seen"
    return f"{judged}, p {_p(found.p)} ({found.statistic:.1f} on {found.degrees})"


# --- words ---------------------------------------------------------------------------------------


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def _minutes(seconds: float | None) -> str:
    return "–" if seconds is None else f"{words.number(seconds / 60, 1)} min"


def _hundred(share: float | None) -> str:
    return "–" if share is None else words.number(100 * share, 0)


def _percent(off: float | None) -> str:
    return "–" if off is None else f"{'+' if off > 0 else ''}{words.number(100 * off, 1)} %"


def _points(off: float | None) -> str:
    return "–" if off is None else f"{'+' if off > 0 else ''}{words.number(100 * off, 0)}"
