"""What a volunteer asks of us: when, how often, and to what they do not want to be called."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from dispatch.live import hours
from dispatch.live.errors import Invalid
from dispatch.live.hours import Hours

Degrees = Annotated[float, Meta(ge=-180.0, le=180.0)]


class Spot(Struct, frozen=True, forbid_unknown_fields=True):
    """A place that the person does not want to be called to, e.g. a relative's home."""

    lat: Annotated[float, Meta(ge=-90.0, le=90.0)]
    lon: Degrees
    radius_m: Annotated[float, Meta(ge=10.0, le=500.0)] = 75.0


class Wishes(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything is a wish of the person; the policy's own limits hold beside them.

    ``available``: the hours in which they may be asked; none given means always. ``quiet``: hours
    in which they are not to be woken. ``night_within_s``: at night only if they are likely the
    first and could be there within so many seconds. ``wakes_per_30_days``: alerts at night that
    they accept. ``not_for``: kinds of call that they opted out of (``child``). ``not_at``: places
    that they opted out of. ``work_hours``: when they are likely at work, for the fallback place.
    """

    available: tuple[Hours, ...] = ()
    quiet: tuple[Hours, ...] = ()
    work_hours: tuple[Hours, ...] = ()
    night_within_s: Annotated[float, Meta(ge=60.0, le=3600.0)] | None = None
    alerts_per_30_days: Annotated[int, Meta(ge=0, le=1000)] | None = None
    wakes_per_30_days: Annotated[int, Meta(ge=0, le=1000)] | None = None
    not_for: tuple[str, ...] = ()
    not_at: tuple[Spot, ...] = ()


OPT_OUTS = ("child",)
MAX_SPOTS = 20

_decoder = msgspec.json.Decoder(Wishes)


def decode(data: bytes) -> Wishes:
    """Read stored wishes."""
    return _decoder.decode(data)


def encode(wishes: Wishes) -> bytes:
    """Return wishes as they are stored."""
    return msgspec.json.encode(wishes)


def check(wishes: Wishes) -> None:
    """Raise ``Invalid`` for the first wish that cannot be kept."""
    hours.check(wishes.available, "available")
    hours.check(wishes.quiet, "quiet")
    hours.check(wishes.work_hours, "work_hours")
    for kind in wishes.not_for:
        if kind not in OPT_OUTS:
            raise Invalid("not_for", f"expected some of {', '.join(OPT_OUTS)}")
    if len(wishes.not_at) > MAX_SPOTS:
        raise Invalid("not_at", f"expected at most {MAX_SPOTS} places")
