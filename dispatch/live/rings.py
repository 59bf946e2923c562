"""Drawn areas: corners that enclose something, and where they lie. (lat, lon) throughout."""

from __future__ import annotations

from collections.abc import Sequence

from dispatch.live.errors import Invalid

Corner = tuple[float, float]
NOTHING = 1e-10  # square degrees: about a square metre


def corners(ring: Sequence[Corner]) -> list[Corner]:
    """Return the corners of a ring once each, in order; the last may repeat the first.

    Raises:
        Invalid: they enclose nothing, or an edge crosses another.
    """
    found = [corner for i, corner in enumerate(ring) if i == 0 or corner != ring[i - 1]]
    if len(found) > 1 and found[0] == found[-1]:
        found.pop()
    if _crosses_itself(found):
        raise Invalid("area", "the line crosses itself: expected the corners in order")
    if len(found) < 3 or _area(found) < NOTHING:
        raise Invalid("area", "expected at least 3 corners that enclose an area")
    return found


def is_beyond(ring: Sequence[Corner], bounds: tuple[float, float, float, float]) -> bool:
    """Whether a ring lies wholly outside bounds (south, west, north, east)."""
    south, west, north, east = bounds
    lats, lons = [lat for lat, _ in ring], [lon for _, lon in ring]
    return max(lats) < south or min(lats) > north or max(lons) < west or min(lons) > east


def _area(ring: Sequence[Corner]) -> float:
    """Twice the area in square degrees: only whether it is 0 counts."""
    after = [*ring[1:], ring[0]]
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, after, strict=True)))


def _crosses_itself(ring: Sequence[Corner]) -> bool:
    edges = list(zip(ring, [*ring[1:], ring[0]], strict=True))
    for i, (a, b) in enumerate(edges):
        low, high = min(a[0], b[0]), max(a[0], b[0])
        for j in range(i + 2, len(edges) - (i == 0)):  # neighbours share a corner
            c, d = edges[j]
            if max(c[0], d[0]) < low or min(c[0], d[0]) > high:
                continue
            if _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0:
                return True
    return False


def _side(a: Corner, b: Corner, point: Corner) -> float:
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
