"""matplotlib at the edge: a figure becomes a clean piece of inline SVG with an alt text.

Text stays text (it can be read aloud, searched and copied) at 10 pt or more; every panel is 3.5
inches wide, so that it needs no shrinking on a phone and two stand side by side on A4. Ids are
prefixed by figure, salts are fixed and dates left out: same numbers, same bytes.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scenarios.report.html import Raw, text
from scenarios.report.palette import INK, SOFT

WIDTH_IN = 3.5
FONT_PT = 10.0
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": SOFT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.labelsize": FONT_PT,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",
    "font.size": FONT_PT,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "legend.fontsize": FONT_PT,
    "path.simplify": True,
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "text.color": INK,
    "xaxis.labellocation": "right",
    "xtick.color": INK,
    "xtick.labelsize": FONT_PT,
    "ytick.color": INK,
    "ytick.labelsize": FONT_PT,
}


@contextmanager
def canvas(name: str, height_in: float, **axes: Any) -> Iterator[tuple[Any, Any]]:
    """A figure and its axes, panel wide; ``name`` salts the ids."""
    import matplotlib as mpl  # noqa: PLC0415 (heavy: only when a page is drawn)
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415

    with mpl.rc_context({**_STYLE, "svg.hashsalt": f"heartreach-{name}"}):
        layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02)
        figure = Figure(figsize=(WIDTH_IN, height_in), layout=layout)
        yield figure, figure.subplots(**axes)


def svg(figure: Any, name: str, alt: str) -> Raw:
    """The figure as inline SVG; call it inside ``canvas``."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _inline(buffer.getvalue(), name, alt)


def _inline(source: str, name: str, alt: str) -> Raw:
    body = source[source.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = body.replace("xlink:href=", "href=")
    body = re.sub(r'data:image/png;base64,([^"]+)', _smaller, body)
    body = re.sub(r"font: ([0-9.]+)px 'DejaVu Sans'", r"font-size: \1px", body)
    box = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', body)
    size = f'viewBox="0 0 {box.group(1)} {box.group(2)}"' if box else ""
    opening = f'<svg {size} role="img" aria-label="{text(alt)}" class="drawing">'
    return Raw(re.sub(r"<svg[^>]*>", lambda _: opening, body, count=1).strip())


def _smaller(found: re.Match[str]) -> str:
    """The embedded picture of the roads with few colours: a third of the bytes, the same lines."""
    from PIL import Image  # noqa: PLC0415 (comes with matplotlib)

    picture = Image.open(io.BytesIO(base64.b64decode(found.group(1))))
    few = picture.quantize(16, method=Image.Quantize.FASTOCTREE)
    buffer = io.BytesIO()
    few.save(buffer, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
