"""Section 3: the map. Roads and AEDs by day and by night; where volunteers beat the ambulance."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.metrics import words
from scenarios.metrics.aeds import DAY_HOUR, NIGHT_HOUR, AedHours, aed_hours, moments
from scenarios.metrics.measures import volunteer_first
from scenarios.metrics.shape import PolicySummary
from scenarios.report.drawing import WIDTH_IN, canvas, svg
from scenarios.report.html import Raw, figure, join, paragraph, section, tag
from scenarios.report.palette import DEMAND, INK, ROAD, SOFT, shade
from scenarios.report.places import (
    CUT_OFF_ITEM,
    draw_cut_off,
    draw_sites,
    legend,
    site_items,
)
from scenarios.report.study import FEW, Study

Floats = NDArray[np.float64]

KM_PER_DEGREE = 111.195
FEWEST_IN_CELL = 5
MOST_OPTION_MAPS = 4  # one sheet of paper
MANY_HEIGHT_IN = 1.8
FINEST_GRID, COARSEST_GRID = 36, 8
WELL_FILLED = 0.85
EDGE = 0.02  # beyond the frame, so that a mark on its edge is whole
ROADS_AS_LINES = 1500  # more than this many edges become a picture inside the drawing


class Frame(NamedTuple):
    """The map's plane: kilometres east and north of the south-west corner."""

    south: float
    west: float
    east_per_degree: float
    width_km: float
    height_km: float

    def xy(self, lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
        """Kilometres of places given in degrees."""
        return (lon - self.west) * self.east_per_degree, (lat - self.south) * KM_PER_DEGREE

    @property
    def height_in(self) -> float:
        """Height of a panel that shows the whole frame."""
        return float(np.clip(WIDTH_IN * self.height_km / self.width_km + 0.25, 2.0, 3.0))


class Arrests(NamedTuple):
    """Places of all simulated arrests on the frame, and hexagons that hold enough of them."""

    x: Floats
    y: Floats
    grid: tuple[int, int]


def map_section(study: Study, number: int) -> Raw:
    """The AED pair, then one map per option."""
    frame = frame_of(study.region)
    arrests = _arrests(study, frame)
    return section(
        number,
        "map",
        "The map",
        _aed_pair(study, frame, arrests),
        _option_maps(study, frame, arrests),
        paragraph(_note(study), class_="note"),
    )


def _note(study: Study) -> str:
    credit = f"Map data {study.facts.credit}." if study.facts.credit else "The map is invented."
    return (
        f"Pale to dark brown: few to many arrests. In an option's own hue: the darker, the more "
        f"often; places with fewer than {FEWEST_IN_CELL} arrests stay white. {credit}"
    )


def frame_of(region: Any) -> Frame:
    """The plane that shows a whole region."""
    south, west, north, east = region.bounds
    east_per_degree = KM_PER_DEGREE * float(np.cos(np.radians((south + north) / 2)))
    return Frame(
        south, west, east_per_degree,
        max((east - west) * east_per_degree, 0.1), max((north - south) * KM_PER_DEGREE, 0.1),
    )  # fmt: skip


def _arrests(study: Study, frame: Frame) -> Arrests:
    panel, baseline = study.panel, study.baseline.id
    inside = panel.arrest
    x, y = frame.xy(panel.floats(baseline, "lat")[inside], panel.floats(baseline, "lon")[inside])
    return Arrests(x, y, _grid(x, y, frame))


def _grid(x: Floats, y: Floats, frame: Frame) -> tuple[int, int]:
    """Hexagons as fine as leaves most arrests in cells that hold enough of them."""
    longest = max(frame.width_km, frame.height_km)
    for across in range(FINEST_GRID, COARSEST_GRID, -2):
        wide = max(round(across * frame.width_km / longest), 2)
        tall = max(round(across * frame.height_km / longest), 2)
        counts, _, _ = np.histogram2d(
            x, y, (wide, tall), ((0, frame.width_km), (0, frame.height_km))
        )
        if counts[counts >= 2 * FEWEST_IN_CELL].sum() >= WELL_FILLED * max(len(x), 1):
            break
    return wide, max(round(tall / np.sqrt(3)), 2)


# --- what is drawn on every map ------------------------------------------------------------------


def _base(axes: Any, study: Study, frame: Frame) -> None:
    draw_roads(axes, study.region, frame)
    draw_cut_off(axes, frame, study.region, study.cut_off)
    draw_sites(axes, frame, study.facts.sites)
    scale_bar(axes, frame)


def draw_roads(axes: Any, region: Any, frame: Frame) -> None:
    """The roads in light grey, and the axes as a map without a frame."""
    network = region.networks.get("foot") or next(iter(region.networks.values()))
    x, y = _road_lines(network, frame)
    many = len(network.edge_u) > ROADS_AS_LINES
    axes.plot(x, y, color=ROAD, linewidth=0.35 if many else 0.6, zorder=2, rasterized=many)
    edge = EDGE * max(frame.width_km, frame.height_km)
    axes.set(
        xlim=(-edge, frame.width_km + edge), ylim=(-edge, frame.height_km + edge), aspect="equal"
    )
    axes.set_axis_off()


def _road_lines(network: Any, frame: Frame) -> tuple[Floats, Floats]:
    """All edges as one line with gaps: one path is drawn far sooner than many."""
    x, y = frame.xy(np.asarray(network.geom_lat), np.asarray(network.geom_lon))
    breaks = np.asarray(network.geom_first)[1:-1]
    return np.insert(x, breaks, np.nan), np.insert(y, breaks, np.nan)


def scale_bar(axes: Any, frame: Frame) -> None:
    """Kilometres and north, below the map."""
    length = max(
        (k for k in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if k <= frame.width_km / 3.5), default=0.1
    )
    below = -0.02 * frame.height_km - EDGE * max(frame.width_km, frame.height_km)
    said = f"{length:g} km" if length >= 1 else f"{1000 * length:g} m"
    axes.plot([0, length], [below, below], color=INK, linewidth=2.5, clip_on=False,
              solid_capstyle="butt")  # fmt: skip
    axes.annotate(said, (length, below), xytext=(4, 0), textcoords="offset points", va="center",
                  annotation_clip=False)  # fmt: skip
    axes.annotate(
        "N", xy=(0.97, 0.05), xytext=(0.97, -0.05), xycoords="axes fraction", ha="center",
        va="center", annotation_clip=False, fontweight="bold",
        arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.2},
    )  # fmt: skip


def _demand(axes: Any, arrests: Arrests, frame: Frame) -> None:
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415

    if len(arrests.x):
        axes.hexbin(
            arrests.x, arrests.y, gridsize=arrests.grid, mincnt=1, linewidths=0.2, zorder=1,
            extent=(0, frame.width_km, 0, frame.height_km),
            cmap=LinearSegmentedColormap.from_list("demand", DEMAND),
        )  # fmt: skip


# --- AEDs by day and by night --------------------------------------------------------------------


def _moments(study: Study) -> tuple[float, float]:
    if study.facts.aeds is not None:
        return study.facts.aeds.day_s, study.facts.aeds.night_s
    times = study.panel.floats(study.baseline.id, "t_s")
    return moments(float(times.min()) if len(times) else 0.0, study.facts.timezone)


def _aed_pair(study: Study, frame: Frame, arrests: Arrests) -> Raw:
    aeds = study.region.aeds
    if not len(aeds):
        none = paragraph("No public AED is known in this region.")
        items = _place_items(study)
        return join([none, legend(items)]) if items else none
    moments = zip(("day", "night"), _moments(study), strict=True)
    state = {name: aed_hours(aeds, at_s) for name, at_s in moments}
    by_day, by_night = state["day"].usable(night=False), state["night"].usable(night=True)
    total = int(np.asarray(aeds.public).sum())
    lead = (
        f"Of {words.count(total)} public AEDs on the map, {words.count(by_day)} can be counted on "
        f"by day and {words.count(by_night)} at night."
    )
    panels = [
        _aed_map(study, frame, arrests, state[name], night=name == "night")
        for name in ("day", "night")
    ]
    return join(
        [
            paragraph(tag("strong", lead)),
            _aed_legend(study),
            tag("div", *panels, class_="panels"),
        ]
    )


def _aed_legend(study: Study) -> Raw:
    items = [
        (f'<circle cx="7" cy="7" r="5" fill="{INK}"/>', "AED open by its hours"),
        (
            f'<circle cx="7" cy="7" r="4.5" fill="#fff" stroke="{INK}" stroke-width="1.5"/>',
            "hours unknown: counted by day only",
        ),
        (f'<path d="M3 3l8 8M11 3l-8 8" stroke="{SOFT}" stroke-width="1.5"/>', "closed or unknown"),
    ]
    return legend([*items, *_place_items(study)])


def _place_items(study: Study) -> list[tuple[str, str]]:
    items = site_items(study.facts.sites)
    return [*items, CUT_OFF_ITEM] if study.cut_off else items


def _aed_map(study: Study, frame: Frame, arrests: Arrests, state: AedHours, *, night: bool) -> Raw:
    aeds = study.region.aeds
    when = f"Wednesday {NIGHT_HOUR if night else DAY_HOUR:02d}:00"
    public = np.asarray(aeds.public)
    unknown = state.unknown & ~state.open_
    shut = public & ~state.open_ & (~state.unknown | night)
    hollow = unknown & (not night)
    title = f"{when}: {words.count(int(state.open_.sum()))} AEDs are open by their hours"
    if hollow.any():
        title += f", {words.count(int(hollow.sum()))} do not say"
    title += "."
    alt = (
        f"{title} Map of roads and arrests: {int(state.open_.sum())} AEDs open by their hours, "
        f"{int(unknown.sum())} with unknown hours, {int((shut & ~unknown).sum())} closed."
    )
    x, y = frame.xy(np.asarray(aeds.lat), np.asarray(aeds.lon))
    name = f"aeds-{'night' if night else 'day'}"
    with canvas(name, _height(study, frame)) as (drawn, axes):
        _demand(axes, arrests, frame)
        _base(axes, study, frame)
        size = _mark_size(len(aeds))
        axes.plot(x[shut], y[shut], "x", color=SOFT, markersize=size, zorder=4)
        axes.plot(x[hollow], y[hollow], "o", color=INK, markerfacecolor="white", markersize=size,
                  zorder=5)  # fmt: skip
        axes.plot(x[state.open_], y[state.open_], "o", color=INK, markeredgecolor="white",
                  markeredgewidth=0.5, markersize=size + 0.8, zorder=6)  # fmt: skip
        drawing = svg(drawn, name, alt)
    return figure(title, drawing, stamp=study.stamp)


def _height(study: Study, frame: Frame) -> float:
    """Three rows of maps fit on one sheet where there are many options."""
    return min(frame.height_in, MANY_HEIGHT_IN) if len(study.policies) > FEW else frame.height_in


def _mark_size(aeds: int) -> float:
    """Smaller marks where there are many, in points."""
    return next((size for most, size in ((80, 4.6), (200, 3.8), (600, 3.0)) if aeds <= most), 2.2)


# --- where volunteers beat the ambulance ---------------------------------------------------------


def _option_maps(study: Study, frame: Frame, arrests: Arrests) -> Raw:
    first = sorted(study.policies, key=lambda policy: policy is not study.lead)
    able = [p for p in first if p.measures["volunteer_before_ambulance"].value]
    drawn = able[:MOST_OPTION_MAPS]
    shown = [policy for policy in study.policies if policy in drawn]
    left_out = words.listed([p.name for p in able[MOST_OPTION_MAPS:]])
    if not shown or not len(arrests.x):
        return Raw("")
    top = max(_top(policy) for policy in shown)
    return join(
        [
            tag("h3", "Where a volunteer is there before the ambulance"),
            tag(
                "div",
                *(_option_map(study, frame, arrests, policy, top) for policy in shown),
                class_="panels",
            ),
            paragraph(f"Not drawn: {left_out}.", class_="note") if left_out else "",
        ]
    )


def _top(policy: PolicySummary) -> int:
    """Upper end of the shared scale, in steps of ten of a hundred."""
    value = policy.measures["volunteer_before_ambulance"].value or 0.0
    return int(np.clip(10 * np.ceil(20 * value), 10, 100))


def _option_map(
    study: Study, frame: Frame, arrests: Arrests, policy: PolicySummary, top: int
) -> Raw:
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415

    colour = study.looks[policy.id].colour
    share = policy.measures["volunteer_before_ambulance"]
    title = (
        f"{policy.name}: a volunteer is first at {words.ranged(share, scale=100, most=1)} of 100 "
        "arrests."
    )
    first = 100.0 * volunteer_first(study.panel, policy.id)[study.panel.arrest]
    name = f"first-{list(study.looks).index(policy.id)}"  # an option may have any name
    shades = [shade(colour, part) for part in (0.06, 0.5, 1.0)]
    with canvas(name, _height(study, frame) + 0.45) as (drawn, axes):
        cells = axes.hexbin(
            arrests.x, arrests.y, C=first, reduce_C_function=np.mean, gridsize=arrests.grid,
            mincnt=FEWEST_IN_CELL, vmin=0, vmax=top, linewidths=0.2, zorder=1,
            extent=(0, frame.width_km, 0, frame.height_km),
            cmap=LinearSegmentedColormap.from_list(name, shades),
        )  # fmt: skip
        _base(axes, study, frame)
        bar = drawn.colorbar(cells, ax=axes, orientation="horizontal", shrink=0.6, aspect=25,
                             pad=0.02)  # fmt: skip
        bar.set_label("of 100 arrests there")
        bar.set_ticks([0, top / 2, top], labels=["0", f"{top / 2:g}", f"{top}+"])
        alt = f"{title} Map of roads with shaded cells from 0 to {top} or more of 100 arrests."
        drawing = svg(drawn, name, alt)
    return figure(title, drawing, stamp=study.stamp)
