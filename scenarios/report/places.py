"""Marks of the ambulance service and areas that no road reaches, on every map."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.metrics.facts import Site
from scenarios.report.html import Raw, tag
from scenarios.report.palette import INK, SOFT

Floats = NDArray[np.float64]

CUT_OFF_SHARE = 0.5  # of an area's people, from here on it counts as one that no road reaches


class _Mark(NamedTuple):
    marker: str
    filled: bool
    shape: str
    label: str


_MARKS = {
    "station": _Mark("s", True, '<rect x="2.5" y="2.5" width="9" height="9"', "ambulance station"),
    "co_responder": _Mark(
        "D", False, '<path d="M7 1l6 6-6 6-6-6z"', "co-responders' station"
    ),
    "hospital": _Mark(
        "P", False, '<path d="M5 1h4v4h4v4h-4v4h-4v-4h-4v-4h4z"', "hospital"
    ),
}  # fmt: skip


def draw_sites(axes: Any, frame: Any, sites: tuple[Site, ...]) -> None:
    """Stations and hospitals above everything else."""
    for kind, mark in _MARKS.items():
        found = [site for site in sites if site.kind == kind]
        if not found:
            continue
        x, y = frame.xy(np.array([s.lat for s in found]), np.array([s.lon for s in found]))
        axes.plot(
            x,
            y,
            mark.marker,
            color=INK,
            markerfacecolor=INK if mark.filled else "white",
            markeredgecolor="white" if mark.filled else INK,
            markersize=8,
            zorder=8,
        )


def site_items(sites: tuple[Site, ...]) -> list[tuple[str, str]]:
    """Shape and label of each kind that there is, for the legend."""
    kinds = {site.kind for site in sites}
    return [
        (f'{mark.shape} fill="{INK if mark.filled else "#fff"}" stroke="{INK}"/>', mark.label)
        for kind, mark in _MARKS.items()
        if kind in kinds
    ]


def cut_off(region: Any) -> tuple[int, ...]:
    """Indices of zones most of whose people no road of the network's largest part reaches."""
    zones, demand = getattr(region, "zones", None), getattr(region, "demand", None)
    if zones is None or demand is None or not len(demand):
        return ()
    from geo.snap import snap  # noqa: PLC0415 - compiled code, only where there are zones

    network = region.networks.get("foot") or next(iter(region.networks.values()))
    positions = snap(network, demand.lat, demand.lon)
    edge = np.asarray(positions.edge)
    joined = edge >= 0
    joined[joined] = network.component[network.edge_u[edge[joined]]] == 0
    inside = np.asarray(demand.zone) >= 0
    zone, weight = np.asarray(demand.zone)[inside], np.asarray(demand.weight)[inside]
    total = np.bincount(zone, weight, len(zones))
    lost = np.bincount(zone, weight * ~joined[inside], len(zones))
    return tuple(int(i) for i in np.flatnonzero((total > 0) & (lost > CUT_OFF_SHARE * total)))


def draw_cut_off(axes: Any, frame: Any, region: Any, indices: tuple[int, ...]) -> None:
    """These zones hatched."""
    for index in indices:
        shape = region.zones.polygons[index]
        for part in getattr(shape, "geoms", [shape]):
            lon, lat = np.asarray(part.exterior.coords)[:, :2].T
            x, y = frame.xy(lat, lon)
            axes.fill(x, y, facecolor="none", edgecolor=SOFT, hatch="////", linewidth=0.8, zorder=3)


def legend(items: list[tuple[str, str]]) -> Raw:
    """Small drawings with labels."""
    return tag(
        "ul",
        *(
            tag(
                "li",
                tag("svg", Raw(shape), viewBox="0 0 14 14", width="14", height="14",
                    aria_hidden="true", class_="swatch"),
                label,
            )
            for shape, label in items
        ),
        class_="legend",
    )  # fmt: skip


CUT_OFF_ITEM = (
    (
        f'<rect x="1" y="1" width="12" height="12" fill="none" stroke="{SOFT}"/>'
        f'<path d="M1 9l8-8M5 13l8-8" stroke="{SOFT}"/>'
    ),
    "no road of the main network reaches it",
)
