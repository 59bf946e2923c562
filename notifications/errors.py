"""What can go wrong between the service and a phone.

::

    NotificationError
    ├── ChannelMisconfigured     the channel cannot work as it is configured
    ├── TemporaryFailure         the provider may take the same message later
    └── PermanentFailure         this message will never reach this device
        ├── TokenExpired         ... and neither will any other: forget the address
        └── DeadlinePassed       ... because it is of no use any more

An *unknown* outcome (the connection broke after the message had left) is no failure: it is
``ReceiptState.UNKNOWN``, because the phone may well ring.
"""

from __future__ import annotations


class NotificationError(Exception):
    """Base of everything that a channel raises. ``reason`` is a short code without addresses."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ChannelMisconfigured(NotificationError):  # noqa: N818
    """The channel cannot send to anybody until somebody mends its configuration."""


class TemporaryFailure(NotificationError):  # noqa: N818
    """Nothing was sent; the provider may take it later. ``retry_after_s``: its own wish, if any."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class PermanentFailure(NotificationError):  # noqa: N818
    """This message cannot reach this device."""


class TokenExpired(PermanentFailure):
    """The address is dead: nothing will ever reach it again."""


class DeadlinePassed(PermanentFailure):
    """The message is of no use any more, so it was not sent."""
