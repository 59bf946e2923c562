"""Policies in plain words."""

from __future__ import annotations

import pytest

from dispatch.config import load_policy, parse_policy, preset_names
from scenarios.rules import in_words

AVOIDED = ("nearest", "dispatch", "deploy", "resource", "optimal", "escalat", "_")


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_can_be_told_in_plain_words(name: str) -> None:
    said = in_words(load_policy(name))
    assert said.endswith(".")
    assert 5 <= len(said.split()) <= 120
    assert not [word for word in AVOIDED if word in said.lower()]


def test_nobody_is_asked_as_today() -> None:
    assert in_words(load_policy("as_today")) == "Nobody is asked by an app."


def test_a_rule_names_its_numbers() -> None:
    policy = parse_policy(
        b"""
        title = "Mine"
        citation = "none"
        live_use = "allowed"
        radius_m = 800.0
        bound_s = 600.0
        order = "distance"
        waves = [{after_s = 0.0, ask = 3}, {after_s = 90.0, ask = 4}]
        enough = {yes = 2, places = 3}
        replacement = {silence_day_s = 45.0, silence_night_s = 75.0}
        ambulance = {only_if_sooner = true}
        """,
        name="mine",
        file="mine.toml",
    )
    assert in_words(policy) == (
        "Asks the 3 people who are closest by straight line, within 800 m and at most 10 min of "
        "travel away; 4 more after 90 s. After a no or silence (45 s by day, 75 s by night) the "
        "next person is asked. Asking stops at 2 who said yes; at most 3 are on the way. "
        "Everybody goes straight to the patient. Nobody is asked who cannot be there before the "
        "ambulance."
    )
