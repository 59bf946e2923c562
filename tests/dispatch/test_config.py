"""Policy files: what they set, what is wrong with them, and the shipped ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dispatch.config import LiveUse, load_policy, parse_policy, preset_names
from dispatch.describe import describe
from dispatch.errors import PolicyFileError, UnknownPolicyError
from dispatch.model import Order

GOOD = """
title = "Two"
citation = "test"
live_use = "allowed"
radius_m = 500
[[waves]]
after_s = 0
ask = 2
"""


def parse(text: str):
    return parse_policy(text.encode(), name="two", file="two.toml")


def faults(text: str) -> dict[str, str]:
    with pytest.raises(PolicyFileError) as caught:
        parse(text)
    assert all(str(fault).startswith("two.toml: ") for fault in caught.value.faults)
    assert str(caught.value).count("\n") == len(caught.value.faults) - 1
    return {fault.field: fault.expected for fault in caught.value.faults}


def test_whole_numbers_may_stand_for_seconds_and_metres() -> None:
    policy = parse(GOOD)
    assert (policy.radius_m, policy.waves[0].ask, policy.order) == (500.0, 2, Order.SOONEST)
    assert policy.name == "two"


def test_every_fault_is_listed_at_once() -> None:
    text = """
    titel = "x"
    live_use = "sometimes"
    radius_km = 3
    bound_s = nan
    order = "fastest"
    [[waves]]
    after_s = -1
    [enough]
    yes = 0
    quick = true
    [replacement]
    on_no = "yes"
    [benefit]
    value = [[2.0]]
    """
    found = faults(text)
    assert found == {
        "titel": "no such key, did you mean title?",
        "title": "is missing",
        "citation": "is missing",
        "live_use": "expected one of allowed, needs_sign_off, simulation_only, found 'sometimes'",
        "radius_km": "no such key, did you mean radius_m?",
        "bound_s": "expected finite numbers",
        "order": "expected one of soonest, via_aed, distance, found 'fastest'",
        "waves[0].after_s": "expected a number of at least 0, found -1",
        "waves[0].ask": "is missing",
        "enough.yes": "expected a whole number from 1 to 1000, found 0",
        "enough.quick": "no such key",
        "replacement.on_no": "expected true or false, found 'yes'",
        "benefit.derivation": "is missing",
        "benefit.t_cpr_s": "is missing",
        "benefit.t_shock_s": "is missing",
        "benefit.value": (
            "expected a list [...], each a list [...], each a number from 0 to 1, found [[2.0]]"
        ),
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("radius_m = 500", ""), "radius_m"),
        (("after_s = 0", "after_s = 5"), "waves[0].after_s"),
        (("ask = 2", "ask = 2\n[[waves]]\nafter_s = 0\nask = 1"), "waves.after_s"),
        (("ask = 2", "ask = 2\n[enough]\nyes = 2\nplaces = 1"), "enough.places"),
        (("ask = 2", "ask = 2\n[enough]\naed = 1"), "enough.aed"),
        (("ask = 2", "ask = 2\n[enough]\ncpr = 2"), "enough.cpr"),
        (("ask = 2", 'ask = 2\n[roles]\nsplit = "order_of_yes"'), "roles.sequence"),
        (("ask = 2", 'ask = 2\n[roles]\nsplit = "benefit"'), "benefit"),
        (("ask = 2", "ask = 2\n[people]\nuntrained = true"), "live_use"),
        (("ask = 2", "ask = 2\n[drones]\nready_on_suspected = true"), "drones.ready_on_suspected"),
        (("radius_m", "expire_s = 60\nradius_m"), "expire_s"),
        (("radius_m", 'policy_id = "x"\nradius_m'), "policy_id"),
        (("radius_m", "waves = 3\nradius_m"), "text"),
        (('title = "Two"', "title = "), "text"),
        (("radius_m = 500", "radius_m = inf"), "radius_m"),
        (("radius_m = 500", "radius_m = true"), "radius_m"),
        (("ask = 2", "ask = 2.5"), "waves[0].ask"),
        (("[[waves]]\nafter_s = 0\nask = 2", "waves = 3"), "waves"),
        (("ask = 2", "ask = 2\n[[enough]]\nyes = 1"), "enough"),
    ],
)
def test_values_that_do_not_go_together_are_named(change: tuple[str, str], field: str) -> None:
    assert field in faults(GOOD.replace(*change))


BENEFIT = """
[benefit]
derivation = "test"
t_cpr_s = [0, 60]
t_shock_s = [0, 60, 120]
value = [[0.3, 0.2, 0.1], [0.2, 0.1, 0.0]]
[roles]
split = "benefit"
"""


def test_a_benefit_table_needs_a_signature_before_live_use() -> None:
    text = GOOD.replace("allowed", "needs_sign_off") + BENEFIT
    assert parse(text).live_use is LiveUse.NEEDS_SIGN_OFF
    assert "live_use" in faults(GOOD + BENEFIT)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("t_cpr_s = [0, 60]", "t_cpr_s = [60, 0]"), "benefit.t_cpr_s"),
        (("t_cpr_s = [0, 60]", "t_cpr_s = [0]"), "benefit.t_cpr_s"),
        (("[0.2, 0.1, 0.0]]", "[0.2, 0.1]]"), "benefit.value"),
    ],
)
def test_a_benefit_table_must_fit_its_axes(change: tuple[str, str], field: str) -> None:
    text = GOOD.replace("allowed", "needs_sign_off") + BENEFIT
    assert field in faults(text.replace(*change))


def test_what_is_no_text_is_a_fault_of_the_file() -> None:
    with pytest.raises(PolicyFileError, match="expected UTF-8"):
        parse_policy(b"\xff\xfe", name="x", file="x.toml")


def test_a_policy_that_is_neither_preset_nor_file_names_the_presets() -> None:
    with pytest.raises(UnknownPolicyError, match=r"expected a \.toml file or one of as_today"):
        load_policy("nearest_4")


def test_a_file_and_the_preset_it_was_copied_from_are_the_same_policy(tmp_path: Path) -> None:
    preset = load_policy("phased_7")
    source = Path(__file__).resolve().parents[2] / "dispatch" / "presets" / "phased_7.toml"
    copy = tmp_path / "ours.toml"
    shutil.copy(source, copy)
    ours = load_policy(copy)
    assert ours.policy_id == preset.policy_id
    assert (preset.name, ours.name) == ("phased_7", "ours")


def test_the_id_follows_the_content_and_not_the_order_of_the_keys() -> None:
    head, waves = GOOD.split("radius_m = 500")
    assert parse("radius_m = 500.0" + head + waves).policy_id == parse(GOOD).policy_id
    assert parse(GOOD.replace("ask = 2", "ask = 3")).policy_id != parse(GOOD).policy_id


@pytest.mark.parametrize(
    ("local_hour", "night"), [(22.9, False), (23.0, True), (0.0, True), (6.9, True), (7.0, False)]
)
def test_night_is_local(local_hour: float, night: bool) -> None:
    assert parse(GOOD).is_night(1_700_006_400.0 + local_hour * 3600.0) is night  # a midnight


def test_night_hours_may_lie_within_one_day() -> None:
    policy = parse(GOOD + "[night]\nfrom_hour = 1\nto_hour = 5")
    assert [policy.is_night(h * 3600.0) for h in (0, 1, 4, 5)] == [False, True, True, False]


# --- the shipped files --------------------------------------------------------------------------


@pytest.mark.parametrize("name", preset_names())
def test_each_preset_loads_says_where_it_comes_from_and_can_be_described(name: str) -> None:
    policy = load_policy(name)
    assert policy.title
    assert policy.citation
    assert describe(policy)
    assert policy.assumptions or name == "as_today"
    assert all(":" in gap or ";" in gap or "," in gap or " " in gap for gap in policy.assumptions)


def test_every_published_rule_is_there_once() -> None:
    rules = [rule for name in preset_names() if (rule := load_policy(name).rule)]
    assert sorted(rules, key=lambda rule: int(rule[1:])) == [f"P{i}" for i in range(1, 23)]


def test_no_two_presets_are_the_same_policy() -> None:
    ids = [load_policy(name).policy_id for name in preset_names()]
    assert len(set(ids)) == len(ids)


def test_whoever_alerts_untrained_people_is_for_simulation_only() -> None:
    untrained = {n for n in preset_names() if load_policy(n).people.untrained}
    assert untrained == {
        "heartrunner_denmark", "katretter", "pulsepoint", "sauv_life", "staying_alive",
    }  # fmt: skip
    assert all(load_policy(n).live_use is LiveUse.SIMULATION_ONLY for n in untrained)
    assert load_policy("benefit").live_use is LiveUse.NEEDS_SIGN_OFF


def test_the_splits_differ_from_phased_7_in_roles_alone() -> None:
    base = load_policy("phased_7")
    for name in ("shares", "detour", "benefit"):
        policy = load_policy(name)
        for field in ("waves", "enough", "replacement", "bound_s", "radius_m", "order", "lease"):
            assert getattr(policy, field) == getattr(base, field), (name, field)


def test_the_shipped_benefit_table_is_what_the_model_gives_today() -> None:
    from scenarios.benefit import CPR_AXIS_S, SHOCK_AXIS_S  # noqa: PLC0415
    from sim.outcomes import benefit_table  # noqa: PLC0415

    table = load_policy("benefit").benefit
    assert table is not None
    fresh = benefit_table(CPR_AXIS_S, SHOCK_AXIS_S)
    assert table.value == fresh, "run: python -m scenarios.benefit dispatch/presets/benefit.toml"


def test_a_policy_in_plain_words() -> None:
    assert describe(load_policy("nearest_5_800m")) == (
        "Asks the 5 nearest within 800 m and 15 min of travel.",
        "The next person is asked for whoever says no, cannot be reached or gives up on the way.",
        "Everybody who says yes may go.",
        "Everybody goes straight to the patient.",
        "Nobody is asked more than 3 times a day, 30 times in 30 days, 4 of them at night.",
        "May be used live.",
    )
    assert describe(load_policy("as_today")) == ("Asks nobody.", "May be used live.")
    roles, ambulance = describe(load_policy("lebensretter_3"))[3:5]
    assert roles == (
        "In order of arrival time: 1 to 2 to the patient, 3 by way of an AED, from 4 on to the "
        "patient."
    )
    assert ambulance == "Asks nobody who cannot be there before the ambulance."
