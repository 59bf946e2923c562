"""The few pieces of HTML that the page is made of. Text is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


class Raw(str):
    """Markup that is already safe to put on the page."""

    __slots__ = ()


def text(value: object) -> str:
    """Escaped text; ``Raw`` goes through as it is."""
    return str(value) if isinstance(value, Raw) else escape(str(value), quote=True)


def tag(name: str, *content: object, **attributes: object) -> Raw:
    """``<name attr="…">content</name>``; ``class_`` is class, ``aria_label`` aria-label."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Raw(f"<{name}{shown}>{''.join(text(part) for part in content)}</{name}>")


def join(parts: Iterable[object], separator: str = "") -> Raw:
    """Parts one after the other."""
    return Raw(separator.join(text(part) for part in parts))


def paragraph(*content: object, **attributes: object) -> Raw:
    """One paragraph."""
    return tag("p", *content, **attributes)


def table(
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    caption: str,
    kind: str = "",
    row_kinds: Sequence[str] | None = None,
) -> Raw:
    """A table with a caption; the first cell of each row is its heading."""
    head_row = tag("tr", *(tag("th", cell, scope="col") for cell in head))
    body = []
    for i, row in enumerate(rows):
        first, *rest = row
        cells = [tag("th", first, scope="row"), *(tag("td", cell) for cell in rest)]
        body.append(tag("tr", *cells, class_=(row_kinds[i] or None) if row_kinds else None))
    inner = tag("table", tag("caption", caption), tag("thead", head_row), tag("tbody", *body))
    # A wide table scrolls by itself on a phone; with a label and a tab stop it can be reached.
    return tag(
        "div",
        inner,
        class_=f"table {kind}".strip(),
        role="region",
        aria_label=caption,
        tabindex="0",
    )


def figure(
    title: object, drawing: Raw, *, note: object = "", stamp: str = "", kind: str = ""
) -> Raw:
    """A drawing under a sentence that says what is to be seen."""
    parts: list[object] = [tag("span", title, class_="says")]
    if stamp:
        parts += [" ", tag("span", stamp, class_="stamp")]
    caption = tag("figcaption", *parts)
    below = tag("p", note, class_="note") if note else Raw("")
    return tag("figure", caption, drawing, below, class_=kind or None)


def section(number: int, name: str, title: str, *content: object) -> Raw:
    """A numbered section with an anchor."""
    heading = tag("h2", tag("span", f"{number}", class_="number"), " ", title, id=f"{name}-title")
    return tag("section", heading, *content, id=name, class_=name, aria_labelledby=f"{name}-title")
