"""Snapshots, events and commands as bytes, with the steps that read older ones.

When a field of the core changes meaning, ``SNAPSHOT_SCHEMA`` rises and a step is added here. The
kept corpus under ``tests/dispatch_live/corpus`` holds examples of the last two versions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from dispatch.commands import Command
from dispatch.events import Event
from dispatch.live.store.schema import SNAPSHOT_SCHEMA
from dispatch.model import Incident, Query
from notifications.fallback import Delivery

Step = Callable[[dict[str, Any]], dict[str, Any]]

SNAPSHOT_STEPS: dict[int, Step] = {}  # from version n to n + 1
EVENT_STEPS: dict[int, Step] = {}

_encoder = msgspec.json.Encoder()
_incident = msgspec.json.Decoder(Incident)
_event: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_delivery = msgspec.json.Decoder(Delivery)
_query = msgspec.json.Decoder(Query)
_commands: msgspec.json.Decoder[tuple[Command, ...]] = msgspec.json.Decoder(tuple[Command, ...])


def encode(value: Any) -> bytes:
    """Return any struct as JSON."""
    return _encoder.encode(value)


def decode_incident(data: bytes, version: int = SNAPSHOT_SCHEMA) -> Incident:
    """Read a snapshot written under schema ``version``."""
    if version == SNAPSHOT_SCHEMA:
        return _incident.decode(data)
    return msgspec.convert(_lift(data, version, SNAPSHOT_STEPS), Incident)


def decode_event(data: bytes, version: int = SNAPSHOT_SCHEMA) -> Event:
    """Read an event written under schema ``version``."""
    if version == SNAPSHOT_SCHEMA:
        return _event.decode(data)
    lifted: Event = msgspec.convert(_lift(data, version, EVENT_STEPS), Event)
    return lifted


def decode_commands(data: bytes) -> tuple[Command, ...]:
    """Read the commands of one event."""
    return _commands.decode(data)


def decode_query(data: bytes) -> Query:
    """Read a question to the finder."""
    return _query.decode(data)


def decode_delivery(data: bytes) -> Delivery:
    """Read a stored delivery."""
    return _delivery.decode(data)


def _lift(data: bytes, version: int, steps: dict[int, Step]) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(data)
    for number in range(version, SNAPSHOT_SCHEMA):
        document = steps[number](document)
    return document
