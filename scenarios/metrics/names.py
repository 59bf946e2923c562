"""What an option is called on the page: short enough for a sentence, a legend and an axis."""

from __future__ import annotations

from collections.abc import Sequence

SHORT_ENOUGH = 28  # characters

# The shipped rules, as a reader would say them; a published one keeps its own name.
SHIPPED = {
    "as_today": "As today",
    "benefit": "Phased by expected benefit",
    "dae_responder": "DAE RespondER (within 5 km)",
    "detour": "Phased with AED on the way",
    "drones_beside_phased_7": "Phased beside drones",
    "drones_only": "Drones alone",
    "drones_trial": "Phased beside drones (trial)",
    "firstaed_langeland": "FirstAED (three of nine)",
    "goodsam_nsw": "GoodSAM NSW (within 500 m)",
    "goodsam_nz": "GoodSAM NZ (within 1 km)",
    "goodsam_south_australia": "GoodSAM South Australia",
    "goodsam_south_central": "GoodSAM South Central",
    "hartslagnu": "HartslagNu (up to 100)",
    "hartslagnu_older": "HartslagNu (up to 30)",
    "heartrunner_denmark": "Heartrunner Denmark",
    "heartrunner_sweden": "Heartrunner Sweden",
    "katretter": "KATRETTER (three, 30 s)",
    "lebensretter_2": "Lifesavers 2.0",
    "lebensretter_3": "Lifesavers 3.0 (two and one)",
    "mobile_retter": "Mobile Retter (two)",
    "momentum": "Momentum",
    "nearest_3": "Nearest three",
    "nearest_5_800m": "Nearest five in 800 m",
    "phased_7": "Phased three then seven",
    "pulsepoint": "PulsePoint (within 400 m)",
    "sauv_life": "SAUV Life (five)",
    "shares": "Phased two thirds by AED",
    "staying_alive": "Staying Alive",
    "team_oesterreich": "Team Österreich",
}


def short_name(key: str, title: str) -> str:
    """A shipped rule's short name, or a short title as it is; empty: say the id in words."""
    if key in SHIPPED:
        return SHIPPED[key]
    return title if title != key and len(title) <= SHORT_ENOUGH else ""


def told_apart(names: Sequence[str], keys: Sequence[str]) -> tuple[str, ...]:
    """The names; where one occurs twice each says its id too."""
    return tuple(
        f"{name} ({key})" if name and names.count(name) > 1 else name
        for name, key in zip(names, keys, strict=True)
    )
