"""The parts of a running service, handed to whatever needs several of them."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.live.auth import Doorkeeper
from dispatch.live.clock import Clock
from dispatch.live.ids import NewId
from dispatch.live.outbox import Outbox
from dispatch.live.policybook import PolicyBook
from dispatch.live.rosters import RosterFinder
from dispatch.live.runtime import Runtime
from dispatch.live.settings import Settings
from dispatch.live.store.engine import Store
from dispatch.live.stream import Stream
from dispatch.live.triggers import TriggerTable
from notifications.memory import MemoryChannel
from notifications.webpush import WebPushChannel


@dataclass(frozen=True)
class Parts:
    """Everything that a request may need."""

    settings: Settings
    clock: Clock
    new_id: NewId
    store: Store
    stream: Stream
    finder: RosterFinder
    outbox: Outbox
    runtime: Runtime
    book: PolicyBook
    doors: Doorkeeper
    triggers: TriggerTable
    memory: MemoryChannel | None = None
    webpush: WebPushChannel | None = None
