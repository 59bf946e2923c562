"""Every code has words, and a story tells what happened."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from fake_driver import FakeDriver, crowd

import dispatch
from dispatch import events, explain, facts
from dispatch.commands import COMMAND_TYPES
from dispatch.config import load_policy
from dispatch.eligibility import CODES
from dispatch.events import AlertAccepted
from dispatch.model import OPEN_STATUSES, AlertStatus, HoldKind

CORE = Path(dispatch.__file__).parent


def literals_passed_as(names: set[str]) -> set[str]:
    """Words that look like codes and are handed to functions of these names in the core."""
    found = set()
    for path in CORE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in names:
                found |= {
                    argument.value
                    for argument in node.args
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                }
    return found


def test_every_code_that_the_core_gives_has_words() -> None:
    given = literals_passed_as(
        {"tell_control", "end", "_assign", "_give_up", "_lose_aed", "_send_one", "withdraw_asked"}
        | {"_alert_in", "_drone_in", "Ignore", "Refuse", "recall", "look_anew", "_end"}
    )
    assert {"nobody_left", "nobody_coming", "no_aed_to_come"} <= set(explain.WORDS)
    assert "said_no" in given
    assert {code for code in given if code and " " not in code} <= set(explain.WORDS)


@pytest.mark.parametrize("code", CODES)
def test_every_reason_of_the_mask_has_words(code: str) -> None:
    assert code in explain.WORDS


@pytest.mark.parametrize("kind", list(HoldKind))
def test_every_hold_has_words(kind: HoldKind) -> None:
    assert f"hold:{kind.value}" in explain.WORDS


def test_words_typed_by_somebody_stay_as_they_are() -> None:
    assert explain.words("fainted, now talking") == "fainted, now talking"
    assert explain.words("") == "no reason given"


def test_the_words_name_nobody_a_hero_or_a_victim() -> None:
    text = " ".join(explain.WORDS.values()) + inspect.getsource(explain)
    for word in ("hero", "victim", "deploy", "dispatched", "en route", "lives saved", "nearest"):
        assert word not in text.lower().replace("dispatch.", "")


def test_an_event_that_changed_nothing_is_told_with_the_reason() -> None:
    driver = FakeDriver(
        load_policy("nearest_3"), crowd(3), lambda s: [(5.0, AlertAccepted(s.alert_id))]
    )
    driver.report()
    driver.plan(9.0, AlertAccepted(1))
    driver.run(9.0)
    last = explain.story(driver.steps)[-1]
    assert str(last) == "0:09 1 said yes; it changed nothing: answered already."


def test_no_story_without_steps() -> None:
    assert explain.story([]) == ()


def test_the_unions_hold_every_type_of_their_module() -> None:
    for module, union, base in (
        (events, set(events.EVENT_TYPES), events._Event),
        (facts, set(facts.FACT_TYPES), facts._Fact),
    ):
        defined = {
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, base) and value is not base
        }
        assert union == defined
    assert len(COMMAND_TYPES) == 13


def test_every_end_is_told_either_by_its_event_or_in_words() -> None:
    by_event = {
        AlertStatus.DECLINED,
        AlertStatus.UNDELIVERED,
        AlertStatus.REFUSED,
        AlertStatus.DROPPED,
    }
    assert set(explain._OUTCOME) | by_event == set(AlertStatus) - OPEN_STATUSES
    assert not set(explain._OUTCOME) & by_event
