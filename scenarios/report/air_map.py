"""The map of the air: bases and how far they reach, volumes by what they ask, some flights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from scenarios.air_summary import VolumeLine
from scenarios.metrics import words
from scenarios.report import air_words
from scenarios.report.drawing import canvas, svg
from scenarios.report.html import Raw, figure, join, paragraph, table
from scenarios.report.mapping import Frame, draw_roads, frame_of, scale_bar
from scenarios.report.palette import INK, SOFT
from scenarios.report.places import draw_sites, legend, site_items
from scenarios.report.study import Study

if TYPE_CHECKING:
    from scenarios.air_study import AirStudy

LISTED_VOLUMES = 12
FLIGHT, ASKED = "#00609f", "#b35c00"


class _Fill(NamedTuple):
    face: str
    edge: str
    hatch: str
    line: str


_FILLS = {
    "forbid": _Fill("#8a8a8a66", INK, "xxx", "-"),
    "permission": _Fill("#e9cf9a80", "#8a5a00", "", "--"),
    "free": _Fill("none", SOFT, "", ":"),
}


def air_map(study: Study, air: AirStudy) -> Raw:
    """The map with its legend, and the volumes in a table."""
    rules = [item.rule.value for item in air.volumes]
    title = _title(len(air.bases), rules)
    frame = frame_of(study.region)
    alt = (
        f"{title} Map of roads, bases with the circle that their drones can reach, volumes of "
        f"airspace and {len(air.flights)} flights."
    )
    with canvas("drone-map", frame.height_in + 0.2) as (drawn, axes):
        draw_roads(axes, study.region, frame)
        for number, volume in enumerate(air.volumes, start=1):
            _volume(axes, frame, volume, number if number <= LISTED_VOLUMES else None)
        for flight in air.flights:
            x, y = frame.xy(flight.lat, flight.lon)
            colour, style = (ASKED, (0, (4, 2))) if flight.asked else (FLIGHT, "-")
            axes.plot(x, y, color=colour, linestyle=style, linewidth=1.1, zorder=6)
        draw_sites(axes, frame, study.facts.sites)
        for base in air.bases:
            _base(axes, frame, base, air.radius_m[base.base_id] / 1000.0)
        scale_bar(axes, frame)
        drawing = svg(drawn, "drone-map", alt)
    return join([figure(title, drawing, note=_note(study, air), stamp=study.stamp),
                 _legend(study, set(rules), air)])  # fmt: skip


def _title(bases: int, rules: list[str]) -> str:
    """How many bases, and what the airspace within their reach asks."""
    lead = f"{words.spelled(bases).capitalize()} drone base{'s' if bases != 1 else ''}"
    counted = [
        f"{words.spelled(rules.count(rule))} {one if rules.count(rule) == 1 else more}"
        for rule, one, more in (
            ("forbid", "is forbidden", "are forbidden"),
            ("permission", "needs permission", "need permission"),
            ("free", "is free", "are free"),
        )
        if rule in rules
    ]
    if not counted:
        return f"{lead}, and no volume of airspace within reach."
    return f"{lead}; of the volumes of airspace within reach, {words.listed(counted)}."


def _note(study: Study, air: AirStudy) -> str:
    drawn = (
        "Flights: some of those simulated, crooked ways first, drawn as in still air. "
        if air.flights
        else ""
    )
    credit = f" Map data {study.facts.credit}." if study.facts.credit else ""
    return f"{drawn}Numbers: see the table of volumes. Not for navigation.{credit}"


def _volume(axes: Any, frame: Frame, volume: Any, number: int | None) -> None:
    fill = _FILLS[volume.rule.value]
    window = shapely.box(0, 0, frame.width_km, frame.height_km)
    for part in getattr(volume.outline, "geoms", [volume.outline]):
        lon, lat = np.asarray(part.exterior.coords)[:, :2].T
        x, y = frame.xy(lat, lon)
        axes.fill(x, y, facecolor=fill.face, edgecolor=fill.edge, hatch=fill.hatch,
                  linestyle=fill.line, linewidth=1.1, zorder=3)  # fmt: skip
        seen = shapely.intersection(shapely.make_valid(shapely.Polygon(np.column_stack((x, y)))),
                                    window)  # fmt: skip
        if number is None or seen.is_empty:
            continue
        spot = shapely.maximum_inscribed_circle(seen)
        at = shapely.get_coordinates(spot)[0]
        disc = {"boxstyle": "circle,pad=0.15", "fc": "white", "ec": fill.edge, "lw": 0.8}
        axes.text(at[0], at[1], str(number), ha="center", va="center", zorder=9,
                  fontweight="bold", bbox=disc)  # fmt: skip
        number = None


def _base(axes: Any, frame: Frame, base: Any, reach_km: float) -> None:
    x, y = (
        float(v) for v in frame.xy(np.array(base.lat, dtype=float), np.array(base.lon, dtype=float))
    )  # fmt: skip
    angles = np.linspace(0.0, 2 * np.pi, 97)
    axes.plot(x + reach_km * np.cos(angles), y + reach_km * np.sin(angles), color=INK,
              linewidth=0.9, linestyle=":", zorder=5)  # fmt: skip
    axes.plot([x], [y], "^", color=INK, markeredgecolor="white", markersize=10, zorder=8)


_BASE_ITEM = f'<path d="M7 1.5l5.5 10.5h-11z" fill="{INK}"/>'
_REACH_ITEM = f'<circle cx="7" cy="7" r="5.5" fill="none" stroke="{INK}" stroke-dasharray="1.5 2"/>'
_LEGEND_RULES = {
    "forbid": (
        f'<rect x="1" y="1" width="12" height="12" fill="#8a8a8a66" stroke="{INK}"/>'
        f'<path d="M1 1l12 12M13 1L1 13" stroke="{INK}"/>'
    ),
    "permission": (
        '<rect x="1" y="1" width="12" height="12" fill="#e9cf9a80" stroke="#8a5a00" '
        'stroke-dasharray="3 2"/>'
    ),
    "free": (
        f'<rect x="1" y="1" width="12" height="12" fill="none" stroke="{SOFT}" '
        'stroke-dasharray="1 2"/>'
    ),
}


def _legend(study: Study, rules: set[str], air: AirStudy) -> Raw:
    items = [(_BASE_ITEM, "drone base"), (_REACH_ITEM, "how far its drones fly")]
    items += [(shape, air_words.RULES[rule]) for rule, shape in _LEGEND_RULES.items()
              if rule in rules]  # fmt: skip
    kinds = {flight.asked for flight in air.flights}
    if False in kinds:
        items.append((f'<path d="M0 7h14" stroke="{FLIGHT}" stroke-width="2"/>', "flight"))
    if True in kinds:
        line = f'<path d="M0 7h14" stroke="{ASKED}" stroke-width="2" stroke-dasharray="4 2"/>'
        items.append((line, "flight with permission"))
    return legend([*items, *site_items(study.facts.sites)])


def volume_table(volumes: tuple[VolumeLine, ...]) -> Raw:
    """What each volume asks, up to where, and when."""
    if not volumes:
        return paragraph("No volume of airspace bears on these flights.")
    rows = [
        (
            f"{number} {item.name}",
            item.kind,
            air_words.RULES.get(item.rule, item.rule),
            f"{item.floor} to {item.ceiling}",
            "at times" if item.part_time else "always",
            _answer(item),
        )
        for number, item in enumerate(volumes[:LISTED_VOLUMES], start=1)
    ]
    head = ("", "What", "Flights", "From where to where", "When", "Permission (assumed)")
    listing = table(head, rows, caption="The volumes of airspace within reach", kind="prose")
    hidden = len(volumes) - len(rows)
    if not hidden:
        return listing
    return join([listing, paragraph(f"{words.count(hidden)} more are in summary.json.",
                                    class_="note")])  # fmt: skip


def _answer(item: VolumeLine) -> str:
    if item.granted_share is None or item.wait_median_s is None:
        return "–"
    return (
        f"given {100 * item.granted_share:.0f} times of 100, "
        f"after about {words.number(item.wait_median_s / 60, 1)} min"
    )
