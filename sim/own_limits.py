"""What a responders file says of each person, as facts for the roster: duty, training, own caps."""

from __future__ import annotations

from collections.abc import Iterator

from dispatch.facts import CapsSet, DutySet, TrainingVerified
from geo.hours import open_edges
from sim.parameters import PeopleParameters

Fact = CapsSet | DutySet | TrainingVerified


def own_limits(
    parameters: PeopleParameters,
    lat: list[float],
    lon: list[float],
    *,
    timezone: str,
    start_s: float,
    end_s: float,
) -> Iterator[Fact]:
    """The facts of all people; ``lat, lon``: their homes (sunrise). Span in epoch seconds.

    The same roster rules then hold in the simulator as in the service.
    """
    for person, text in enumerate(parameters.on_duty_hours or ()):
        if text is not None:
            edges = open_edges(
                text,
                timezone=timezone,
                lat=lat[person],
                lon=lon[person],
                start_s=start_s,
                end_s=end_s,
            ).tolist()
            yield DutySet(person, tuple(zip(edges[::2], edges[1::2], strict=True)))
    for person, until_s in enumerate(parameters.verified_until_s or ()):
        if until_s is not None:
            yield TrainingVerified(person, until_s)
    for person, cap in enumerate(parameters.alerts_per_30_days or ()):
        if cap is not None:
            yield CapsSet(person, alerts_per_30_days=cap)
