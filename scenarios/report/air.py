"""The drones' chapter, only where an option flies: funnel, weather, map, what it rests on."""

from __future__ import annotations

from scenarios.air_summary import AirSummary, DroneOption, TrialLine
from scenarios.metrics import words
from scenarios.metrics.intervals import Estimate
from scenarios.report.air_funnel import funnel_panel, funnel_table, leading, line_of
from scenarios.report.air_map import air_map, volume_table
from scenarios.report.air_weather import weather_panel, weather_table
from scenarios.report.html import Raw, join, paragraph, section, table, tag
from scenarios.report.study import Study

NO_KEY = (
    "time on the winch (42 s)", "deliveries that fail by landing (1 of 12)",
    "checks after each flight (5 min)", "figures of the aircraft that its maker does not publish",
)  # fmt: skip
"""Assumed in ``sim.drone_parameters`` and ``geo/aircraft.toml``; no key of a scenario sets them."""


def air_section(study: Study, number: int) -> Raw:
    """The chapter; ``study.summary.air`` must be there."""
    air = study.summary.air
    assert air is not None
    return section(
        number,
        "air",
        "Drones: from suspicion to shock",
        paragraph(tag("strong", _lead(study, leading(air)))),
        tag(
            "div",
            funnel_panel(study, air),
            tag("div", *_beside(study, air)),
            class_="panels",
        ),
        weather_table(air),
        funnel_table(study, air),
        volume_table(air.volumes),
        _standing(study, air),
        _trials(study, air),
    )


def _beside(study: Study, air: AirSummary) -> list[Raw]:
    drawn = [air_map(study, study.air)] if study.air and study.region is not None else []
    return [weather_panel(study, air), *drawn]


def _lead(study: Study, option: DroneOption) -> str:
    name = study.summary.policy(option.policy).name
    flown, delivered = (line_of(option, stage) for stage in ("launched", "delivered"))
    first = line_of(option, "attached_first")
    lead = "Most see no drone: with" if 2 * flown.reached < option.suspected else "With"
    return (
        f"{lead} {name}, of {words.count(option.suspected)} suspected arrests a drone takes off "
        f"for {words.count(flown.reached)}, brings its AED to the ground at "
        f"{words.count(delivered.reached)}, and at {words.count(first.reached)} this AED is the "
        "first on the patient."
    )


_TIMES = {
    "launched": "Call to take-off",
    "overhead": "Call to over the place",
    "delivered": "Call to AED on the ground",
    "attached": "Call to its pads on the patient",
}


def _times(study: Study, air: AirSummary) -> Raw:
    rows: list[list[object]] = [
        [label, *(_minutes(option.times_s[key]) for option in air.options)]
        for key, label in _TIMES.items()
    ]
    rows.append(
        [
            "Compressions stopped by somebody alone to fetch it",
            *(_minutes(option.hands_off_s) for option in air.options),
        ]
    )
    head = ["", *(study.name(option.policy) for option in air.options)]
    caption = "Mean times, over the arrests that got so far"
    return table(head, rows, caption=caption, kind="prose")


def _minutes(item: Estimate) -> str:
    return "never" if item.value is None else words.minutes(item)


# --- inputs, outputs, assumptions ----------------------------------------------------------------


def _standing(study: Study, air: AirSummary) -> Raw:
    """Which numbers went in, which came out, and which nobody knows."""
    listed = [p for p in study.facts.parameters if p.name.startswith("drones.")]
    sources = {p.name: (p.source or "assumption").lower() for p in listed}
    fitted = [name for name, source in sources.items() if source.startswith("fitted")]
    assumed = [name for name, source in sources.items() if source.startswith("assumption")]
    rest = [name for name in sources if name not in (*fitted, *assumed)]
    bases = words.listed([f"{base.base} ({base.aircraft})" for base in air.bases])
    rows = (
        (
            "Input",
            f"bases and aircraft: {bases}; airspace: {_volumes(len(air.volumes))} within reach; ",
            f"weather: {air.weather_source}; published or chosen: ",
            _names(rest),
        ),
        ("Fitted", "on published trials, see below: ", _names(fitted)),
        (
            "Output",
            "how many suspected arrests see a drone and why the others do not; ",
            "days on the ground; all times from the call; whose AED is first; survivors expected",
        ),
        (
            "Assumed",
            _names(assumed),
            f"; {'; '.join(NO_KEY)}. ",
            "No distribution of air traffic control's answers is published. ",
            "All values and sources are in the last section.",
        ),
    )
    listing = [join([tag("dt", name), tag("dd", *said)]) for name, *said in rows]
    title = tag("h3", "What was told to the model, what it found, what is assumed")
    return join([title, tag("dl", *listing, class_="stress")])


def _volumes(count: int) -> str:
    return "no volume" if not count else f"{words.spelled(count)} volume{'s' if count > 1 else ''}"


def _names(names: list[str]) -> Raw:
    """Keys of ``[drones]``, without the table's name."""
    if not names:
        return Raw("nothing else")
    return join([tag("code", name.removeprefix("drones.")) for name in names], ", ")


# --- published trials ----------------------------------------------------------------------------


def _trials(study: Study, air: AirSummary) -> Raw:
    rows = [
        (
            f"{line.trial}: {line.what}",
            line.role,
            f"{words.number(line.published_s, 0)} ± {words.number(line.tolerance_s, 0)}",
            f"{words.number(line.model_s, 0)}",
            _held(line),
            line.inputs,
        )
        for line in air.trials
    ]
    head = ("", "Role", "Published, s", "Model, s", "Within", "Told to the model")
    caption = "Times of published trials: three numbers fitted on S3 and S5, S2 and S4 predicted"
    shown = [
        (f"{item.trial}: {item.what}", words.number(item.published, 1), words.number(item.model, 1))
        for item in air.illustrations
    ]
    return join(
        [
            tag("h3", "Times, and why to believe them"),
            _times(study, air),
            table(head, rows, caption=caption, kind="prose"),
            paragraph(
                tag("strong", "S4 is no firm proof. "),
                "Its prediction rests on a cruising speed of 80 km/h that was read at second hand; "
                "the trial's abstract gives none, and at 20 m/s the model would be 64 s late and "
                "fail. S3 and S5 fix the sum of preparation and settling, not their split.",
            ),
            table(
                ("", "Published", "Model"),
                shown,
                caption="Illustrations, no tests: the chances were taken from these very counts",
                kind="prose",
            ),
        ]
    )


def _held(line: TrialLine) -> str:
    return "yes" if line.holds else "no"
