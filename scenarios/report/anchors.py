"""Published figures that a simulated *as today* is held against, with their sources.

``low``/``high`` bound what is called a fit. They are leads for a reader, not a test of the model:
where a figure is an input of the scenario, or follows from one, a fit proves nothing, and the page
says so.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

ENGLAND = "England"
EUROPE = "Europe"


class Anchor(NamedTuple):
    """One published figure. ``key``: of ``Summary.checks``, or ``survival``."""

    key: str
    label: str
    unit: Literal["share", "s"]
    low: float
    high: float
    published: str
    place: str
    source: str
    mark: Literal["", "input", "from an input", "calibrated"]


_UK = (
    Anchor("ambulance_mean_s", "Call to ambulance, mean", "s", 401, 840, "7:56 min; districts "
           "from 6:41 to over 14", ENGLAND, "Category 1, mid-2025", "input"),
    Anchor("home", "Arrests at home", "share", 0.77, 0.85, "about 80 of 100", ENGLAND,
           "OHCAO; Resuscitation 2017;110:133", "input"),
    Anchor("witnessed", "Somebody saw or heard it", "share", 0.48, 0.58, "53 of 100", ENGLAND,
           "Resuscitation 2017;110:133", "input"),
    Anchor("bystander_cpr", "CPR before trained hands came", "share", 0.62, 0.76,
           "about 70 of 100", ENGLAND, "OHCAO", "from an input"),
    Anchor("public_aed_used", "Public AED first at the patient", "share", 0.0, 0.10,
           "under 10 of 100", ENGLAND, "OHCAO", "from an input"),
    Anchor("survival", "Survival to 30 days", "share", 0.07, 0.10, "7 to 10 of 100", ENGLAND,
           "OHCAO 7.8; London 9.6, East Midlands 7.2 (Smith 2022)", ""),
)  # fmt: skip
_EUROPE = (
    Anchor("home", "Arrests at home", "share", 0.65, 0.90, "88 of 100 in Milan, 80 in England",
           "", "Gianquintieri 2020; OHCAO", "input"),
    Anchor("bystander_cpr", "CPR before trained hands came", "share", 0.13, 0.82,
           "58 of 100; countries 13 to 82", EUROPE, "EuReCa TWO", "from an input"),
    Anchor("survival", "Survival to discharge", "share", 0.04, 0.18, "8 of 100 over all countries",
           EUROPE, "EuReCa TWO", ""),
)  # fmt: skip


def anchors_for(timezone: str) -> tuple[Anchor, ...]:
    """The figures that fit the place: England's in the United Kingdom, Europe's elsewhere."""
    return _UK if timezone in ("Europe/London", "Europe/Belfast") else _EUROPE
