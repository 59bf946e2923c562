"""One hue per option throughout; each also has its own mark and its own grey.

Hues after Okabe and Ito (2008) and Tol's *muted* set, ordered so that neighbours differ in
lightness as well: they stay apart in grey print and for colour-blind readers.
"""

from __future__ import annotations

from typing import NamedTuple

from scenarios.report.html import Raw, tag

BASELINE = "#7d7d7d"
AMBULANCE = "#111111"
ROAD = "#bcbcbc"
INK = "#1c1c1c"
SOFT = "#6b6b6b"
DEMAND = ("#fbf3e2", "#e9cf9a", "#c99b4f")  # from few to many arrests
_HUES = ("#00609f", "#d98200", "#882255", "#2f9e84", "#cc6677", "#332288", "#8a7a00", "#56b4e9")
_MARKS = ("s", "^", "D", "v", "P", "X", "p", "h")


class Look(NamedTuple):
    """How one option is drawn. ``mark`` is a matplotlib marker."""

    colour: str
    mark: str
    hollow: bool = False  # the comparator's marks are hollow, so that grey print tells it


def looks(policies: list[str]) -> dict[str, Look]:
    """The look of each option; the first one is the comparator, in grey with a round mark."""
    found = {policies[0]: Look(BASELINE, "o", hollow=True)}
    for i, policy in enumerate(policies[1:]):
        found[policy] = Look(_HUES[i % len(_HUES)], _MARKS[i % len(_MARKS)])
    return found


_SHAPES = {
    "o": '<circle cx="15" cy="7" r="4.5"/>',
    "s": '<rect x="11" y="3" width="8" height="8"/>',
    "^": '<path d="M15 2l5 9h-10z"/>',
    "v": '<path d="M15 12l5-9h-10z"/>',
    "D": '<path d="M15 1.5l5.5 5.5-5.5 5.5-5.5-5.5z"/>',
    "P": '<path d="M13 2h4v3h3v4h-3v3h-4v-3h-3v-4h3z"/>',
    "X": '<path d="M10 4l2-2 3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3z"/>',
    "p": '<path d="M15 2l5 3.7-1.9 6h-6.2l-1.9-6z"/>',
    "h": '<path d="M15 1.5l5 2.8v5.4l-5 2.8-5-2.8v-5.4z"/>',
}


def swatch(look: Look) -> Raw:
    """The option's line and mark, for legends and table rows; hidden from screen readers."""
    line = f'<path d="M1 7h28" stroke="{look.colour}" stroke-width="2.5" fill="none"/>'
    return tag(
        "svg",
        Raw(line + f'<g {_paint(look)}>{_SHAPES[look.mark]}</g>'),
        viewBox="0 0 30 14", width="30", height="14", aria_hidden="true", class_="swatch",
    )  # fmt: skip


def _paint(look: Look) -> str:
    if look.hollow:
        return f'fill="#fff" stroke="{look.colour}" stroke-width="1.8"'
    return f'fill="{look.colour}"'


def marks(look: Look) -> dict[str, object]:
    """The option's marks for matplotlib."""
    face = "white" if look.hollow else look.colour
    return {"marker": look.mark, "markerfacecolor": face, "markeredgecolor": look.colour}


def ambulance_swatch() -> Raw:
    """The dashed line of the ambulance."""
    line = f'<path d="M1 7h28" stroke="{AMBULANCE}" stroke-width="2" stroke-dasharray="5 3"/>'
    return tag(
        "svg", Raw(line), viewBox="0 0 30 14", width="30", height="14", aria_hidden="true",
        class_="swatch",
    )  # fmt: skip


def shade(colour: str, part: float) -> str:
    """The colour mixed with white; ``part`` 1 is the colour itself, 0 is white."""
    mixed = (round(255 + (int(colour[i : i + 2], 16) - 255) * part) for i in (1, 3, 5))
    return "#" + "".join(f"{value:02x}" for value in mixed)
