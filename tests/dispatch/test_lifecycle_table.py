"""The table of phases and events, row by row."""

from __future__ import annotations

import msgspec
import pytest

from dispatch import explain
from dispatch.commands import COMMAND_TYPES
from dispatch.config import load_policy
from dispatch.errors import UnknownEventError
from dispatch.events import EVENT_TYPES, IncidentReported, TimerFired
from dispatch.lifecycle import BLANK, TABLE, Core, Ignore, Move, Refuse, disposition
from dispatch.model import Phase, TimerKind


def test_there_is_a_row_for_every_phase_and_every_type_of_event() -> None:
    assert set(TABLE) == {(phase, kind) for phase in Phase for kind in EVENT_TYPES}
    assert all(isinstance(row, Move | Ignore | Refuse) for row in TABLE.values())


def test_every_reason_of_the_table_has_its_words() -> None:
    reasons = {row.reason for row in TABLE.values() if not isinstance(row, Move)}
    assert reasons <= set(explain.WORDS)


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_nothing_moves_before_the_report_or_after_the_end(kind: type) -> None:
    moves_at_first = isinstance(TABLE[Phase.NEW, kind], Move)
    assert moves_at_first == (kind is IncidentReported)
    assert TABLE[Phase.ENDED, kind] == Ignore("ended")


def test_what_belongs_to_alerts_is_refused_before_anybody_can_have_been_asked() -> None:
    refused = {
        kind.__name__
        for (phase, kind), row in TABLE.items()
        if phase is Phase.SUSPECTED and isinstance(row, Refuse)
    }
    assert refused == {
        "AedObtained", "AedUnavailable", "AlertAccepted", "AlertDeclined", "AlertDelivered",
        "AlertSeen", "AlertUndelivered", "ClaimRefused", "PatientReached", "ResponderArrived",
        "ResponderDropped", "ResponderMoving",
    }  # fmt: skip


def example(kind: type) -> object:
    """Some event of this type, with the smallest value for every field."""
    small = {int: 1, float: 1.0, str: "x", bool: False, tuple: ()}
    values = {}
    for field in msgspec.structs.fields(kind):
        if not field.required:
            continue
        plain = getattr(field.type, "__origin__", field.type)
        values[field.name] = (
            next(iter(plain)) if hasattr(plain, "__members__") else small.get(plain)
        )
    return kind(**values)


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_a_step_never_raises_whatever_the_phase(phase: Phase, kind: type) -> None:
    core = Core(load_policy("phased_7"))
    state = msgspec.structs.replace(BLANK, phase=phase, timers=((TimerKind.REVIEW, 0),))
    event = example(kind)
    after, commands = core.step(state, event, 10.0)
    if isinstance(disposition(state, event), Move):
        assert after.version == state.version + 1
    else:
        assert after is state
        assert commands == ()


@pytest.mark.parametrize("value", [None, "AlertSeen", object(), COMMAND_TYPES[0]])
def test_only_what_is_no_event_raises(value: object) -> None:
    core = Core(load_policy("as_today"))
    with pytest.raises(UnknownEventError, match="is no event"):
        core.step(None, value, 0.0)  # type: ignore[arg-type]
    with pytest.raises(UnknownEventError):
        disposition(None, value)  # type: ignore[arg-type]


def test_an_event_about_an_incident_that_was_never_reported_leaves_a_blank_one() -> None:
    core = Core(load_policy("nearest_3"))
    event = TimerFired(TimerKind.REVIEW, 0)
    after, commands = core.step(None, event, 0.0)
    assert (after, commands) == (BLANK, ())
    assert disposition(None, event) == Refuse("unknown_incident")
