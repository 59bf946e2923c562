"""The port that every channel implements: one message for one device, and a receipt."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from notifications.messages import Message


class AddressKind(StrEnum):
    """What sort of address a device has; each channel takes certain kinds."""

    FCM_FID = "fcm_fid"  # Firebase installation id
    FCM_TOKEN = "fcm_token"  # registration token of older apps
    WEBPUSH = "webpush"  # a browser's subscription as JSON
    SMS = "sms"  # telephone number in E.164 form
    MEMORY = "memory"  # held in this process: tests, demonstrations, TEST mode


class Device(Struct, frozen=True):
    """Where a person can be reached. The address never shows in ``repr``, logs or errors."""

    device_id: str
    kind: AddressKind
    address: str
    language: str = "en"

    def __repr__(self) -> str:
        return f"Device({self.device_id!r}, {self.kind.value})"


class ReceiptState(StrEnum):
    """What is known about a message that left without a failure."""

    HANDED_OVER = "handed_over"  # the provider took it; whether a phone rings is not known yet
    UNKNOWN = "unknown"  # it left, and no answer came: it may arrive, it may not


class Receipt(Struct, frozen=True):
    """The provider's word, not the phone's. ``provider_id`` names the message over there."""

    channel: str
    state: ReceiptState
    provider_id: str | None = None


class Channel(Protocol):
    """One way to reach people. ``send`` may be called from several threads at once."""

    @property
    def name(self) -> str:
        """Short name used in configuration, logs and metrics."""

    @property
    def kinds(self) -> frozenset[AddressKind]:
        """The kinds of address that it can reach."""

    @property
    def safe_to_repeat(self) -> bool:
        """Whether a phone shows a message that arrives twice only once."""

    def send(self, message: Message, device: Device) -> Receipt:
        """Make one attempt, bounded in time.

        Raises:
            TemporaryFailure: nothing was sent, a later attempt may succeed.
            PermanentFailure: this message cannot reach this device (``TokenExpired``: no message
                ever will; ``DeadlinePassed``: too late, nothing was sent).
            ChannelMisconfigured: nobody can be reached until the configuration is mended.
        """

    def close(self) -> None:
        """Give back connections and threads."""


Clock = Callable[[], float]
"""Returns UTC epoch seconds."""
