"""Section 4: cumulative curves, the share reached by a few marks, who came first, survival."""

from __future__ import annotations

import numpy as np

from scenarios.metrics import words
from scenarios.metrics.measures import FIRST_HELP, WITHIN_S
from scenarios.metrics.shape import PolicySummary
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure, join, paragraph, section, table, tag
from scenarios.report.palette import AMBULANCE, shade
from scenarios.report.study import Study

RACES = (
    ("cpr_any", "CPR by anyone", "cpr_any_within_300_s", "5 min"),
    ("trained_hands", "trained hands", "trained_hands_within_480_s", "8 min"),
    ("shock", "a first shock", "shock_within_600_s", "10 min"),
)
HELP_WORDS = {
    "volunteer_with_aed": "a volunteer, with an AED attached before the ambulance",
    "volunteer": "a volunteer, no AED before the ambulance",
    "ambulance": "the ambulance",
    "nobody": "nobody",
}
_HELP_SHADE = {"volunteer_with_aed": 1.0, "volunteer": 0.55, "ambulance": 0.08, "nobody": 0.0}
LATEST_MIN = 30
LINE_END_SHARE = 0.95


def race_section(study: Study, number: int) -> Raw:
    """Time to CPR, trained hands and shock; who came first; what the minutes are worth."""
    panels = [_panel(study, *race) for race in RACES]
    return section(
        number,
        "race",
        "The race against the ambulance",
        study.legend(ambulance=True),
        tag("div", *panels, class_="panels"),
        paragraph(
            "Share of all arrests, whether anybody came or not. The pale band is the 95 % "
            "interval. A first shock counts from the moment at which one could be given.",
            class_="note",
        ),
        *(_reached(study, clock, name) for clock, name, _, _ in RACES),
        _first_help(study),
        _worth(study),
    )


def _panel(study: Study, clock: str, name: str, measure: str, mark: str) -> Raw:
    title = _race_title(study, name, measure, mark)
    drawn_name = f"race-{clock.replace('_', '-')}"
    end = _end_min(study)
    with canvas(drawn_name, 2.7) as (drawn, axes):
        for policy in study.policies:
            _curve(study, axes, policy, clock)
        ambulance = study.baseline.curves["ambulance"]
        t = np.asarray(study.summary.curve_t_s) / 60
        axes.plot(t, 100 * np.asarray(ambulance.value), color=AMBULANCE, linestyle=(0, (5, 3)),
                  linewidth=1.3)  # fmt: skip
        axes.set(xlim=(0, end), ylim=(0, 100), xlabel="minutes from the call")
        axes.set_ylabel("of 100 arrests")
        axes.set_xticks(_ticks(end))
        drawing = svg(drawn, drawn_name, f"{title} {_alt(study, clock)}")
    return figure(title, drawing, stamp=study.stamp)


def _curve(study: Study, axes: object, policy: PolicySummary, clock: str) -> None:
    look = study.looks[policy.id]
    curve = policy.curves[clock]
    t = np.asarray(study.summary.curve_t_s) / 60
    low, high = (
        np.asarray([np.nan if v is None else v for v in band], dtype=np.float64)
        for band in (curve.low, curve.high)
    )
    if np.isfinite(low).any():
        axes.fill_between(t, 100 * low, 100 * high, color=look.colour, alpha=0.18, linewidth=0)  # type: ignore[attr-defined]
    offset = 4 + 3 * list(study.looks).index(policy.id)
    axes.plot(t, 100 * np.asarray(curve.value), color=look.colour, linewidth=1.8, marker=look.mark,  # type: ignore[attr-defined]
              markersize=5, markevery=(offset, 12))  # fmt: skip


def _end_min(study: Study) -> int:
    values = np.asarray(study.baseline.curves["ambulance"].value)
    t = np.asarray(study.summary.curve_t_s) / 60
    reached = np.flatnonzero(values >= LINE_END_SHARE * max(float(values[-1]), 1e-9))
    last = float(t[reached[0]]) if len(reached) else LATEST_MIN
    return int(min(max(5 * np.ceil(last / 5), 10), LATEST_MIN))


def _ticks(end: int) -> list[int]:
    marks = [0, 3, 5, 8, 10, 15, 20, 25, 30]
    return [m for m in marks if m <= end and (end <= 15 or m not in (3, 8))]


def _race_title(study: Study, name: str, measure: str, mark: str) -> str:
    if not study.options:
        share = study.estimate(study.baseline.id, measure)
        return f"By {mark}, {words.of_hundred(share)} arrests have {name}."
    parts = []
    for option in study.options[:3]:
        change = study.difference(option.id, measure)
        if change.verdict == "same":
            parts.append(f"as many with {option.title}")
        elif change.verdict == "cannot_tell":
            parts.append(f"we cannot tell for {option.title}")
        else:
            text = words.change(change, "more", "fewer", scale=100, most=1)
            parts.append(f"{text} with {option.title}")
    return (
        f"By {mark}, of 100 arrests these have {name} beyond {study.baseline.title}: "
        f"{'; '.join(parts)}."
    )


def _alt(study: Study, clock: str) -> str:
    parts = [
        f"{policy.title}: half by {words.minutes(policy.measures[f'{clock}_median_s'])}"
        for policy in study.policies
    ]
    return (
        "Cumulative curves of the share of arrests by minutes from the call. " + "; ".join(parts)
    ) + "."


def _reached(study: Study, clock: str, name: str) -> Raw:
    head = ["", *(f"by {limit // 60} min" for limit in WITHIN_S), "half by", "nine in ten by"]
    rows = []
    for policy in study.policies:
        cells: list[object] = [study.name(policy.id)]
        cells += [
            words.ranged(policy.measures[f"{clock}_within_{limit}_s"], scale=100, most=1)
            for limit in WITHIN_S
        ]
        cells += [
            words.minutes(policy.measures[f"{clock}_{name_}_s"]) for name_ in ("median", "p90")
        ]
        rows.append(cells)
    return table(head, rows, caption=f"Of 100 arrests, how many have {name}", kind="reached")


def _first_help(study: Study) -> Raw:
    parts = [
        f"{words.of_hundred(study.estimate(p.id, 'volunteer_before_ambulance'))} with {p.title}"
        for p in study.shown[:3]
    ]
    title = f"A volunteer is there before the ambulance at {words.listed(parts)} arrests."
    name = "first-help"
    with canvas(name, 0.75 + 0.5 * len(study.policies)) as (drawn, axes):
        for row, policy in enumerate(study.policies):
            _stack(study, axes, policy, row)
        axes.set(xlim=(0, 100), xlabel="of 100 arrests")
        axes.set_yticks(range(len(study.policies)), [_short(p.title) for p in study.policies])
        axes.invert_yaxis()
        axes.grid(visible=False)
        drawing = svg(drawn, name, title)
    rows = [
        [study.name(p.id), *(
            words.ranged(p.measures[f"first_help_{kind}"], scale=100, most=1)
            for kind in FIRST_HELP
        )]
        for p in study.policies
    ]  # fmt: skip
    note = (
        "Dark: a volunteer, with an AED attached before the ambulance. Half-dark: a volunteer, no "
        "AED. Pale: the ambulance first. Hatched: nobody."
    )
    return join(
        [
            tag("h3", "Who of the trained came first"),
            figure(title, drawing, note=note, stamp=study.stamp),
            table(
                ["", *HELP_WORDS.values()], rows, caption="Of 100 arrests, who came first"
            ),
            _aed_sources(study),
        ]
    )  # fmt: skip


def _stack(study: Study, axes: object, policy: PolicySummary, row: int) -> None:
    left = 0.0
    colour = study.looks[policy.id].colour
    for kind in FIRST_HELP:
        width = 100 * (policy.measures[f"first_help_{kind}"].value or 0.0)
        if width <= 0:
            continue
        axes.barh(  # type: ignore[attr-defined]
            row, width, left=left, height=0.7, color=shade(colour, _HELP_SHADE[kind]),
            edgecolor=colour, linewidth=0.8, hatch="////" if kind == "nobody" else None,
        )  # fmt: skip
        if width >= 9:
            axes.text(  # type: ignore[attr-defined]
                left + width / 2, row, f"{width:.0f}", ha="center", va="center",
                color="white" if kind == "volunteer_with_aed" else "#1c1c1c",
            )  # fmt: skip
        left += width


def _short(title: str, most: int = 18) -> str:
    if len(title) <= most:
        return title
    cut = title[:most].rsplit(" ", 1)[0]
    return f"{cut} …"


def _aed_sources(study: Study) -> Raw:
    names = {
        "responder": "a volunteer", "public": "a bystander", "drone": "a drone",
        "ambulance": "the ambulance", "none": "none came",
    }  # fmt: skip
    used = {
        key: label
        for key, label in names.items()
        if any(p.measures[f"aed_source_{key}"].value for p in study.policies)
    }
    rows = [
        [study.name(p.id), *(
            words.ranged(p.measures[f"aed_source_{key}"], scale=100, most=1) for key in used
        )]
        for p in study.policies
    ]  # fmt: skip
    caption = "Of 100 arrests, who brought the first AED or monitor"
    return table(["", *used.values()], rows, caption=caption)


def _worth(study: Study) -> Raw:
    model_rows = [
        (
            tag("strong", model.title),
            model.domain or "–",
            model.source or "–",
            " ".join(model.marks) or "–",
        )
        for model in study.facts.outcomes
    ]
    return join(
        [
            tag("h3", "What the minutes are worth"),
            _survival_table(study),
            table(
                ("Model", "Made for", "Source", "What to know"),
                model_rows,
                caption="The outcome models: they differ by up to a factor of two in level",
            ),
        ]
    )


def _survival_table(study: Study) -> Raw:
    largest = max(
        (
            abs(study.difference(p.id, f"survivors_per_year_{m.name}").high or 0.0)
            for p in study.options
            for m in study.facts.outcomes
        ),
        default=0.0,
    )
    when = words.period(largest)
    rows = []
    for policy in study.policies:
        for model in study.facts.outcomes:
            extra = study.difference(policy.id, f"survivors_per_year_{model.name}")
            cell = words.ranged(extra, scale=when.years) if extra.value is not None else "–"
            if extra.verdict == "same":
                cell = "no difference"
            elif extra.value is not None and extra.verdict == "cannot_tell":
                cell = f"cannot tell ({cell})"
            rows.append(
                (
                    study.name(policy.id),
                    model.title,
                    words.of_hundred(policy.measures[f"survival_{model.name}"]),
                    words.ranged(policy.measures[f"survivors_per_year_{model.name}"]),
                    cell,
                )
            )
    head = (
        "", "Outcome model", "Chance of survival", "Survivors expected a year",
        f"Extra {when.words}, against {study.baseline.title}",
    )  # fmt: skip
    return table(head, rows, caption="Survivors expected, under each outcome model")
