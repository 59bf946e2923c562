"""SMS through any gateway that takes JSON over HTTP, with delivery reports coming back.

Gateways differ in the names of their fields, so the names are configuration. A repeated SMS rings
twice, so an attempt of unknown outcome is not repeated here: the next channel follows instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import httpx
from msgspec import Struct

from notifications.channel import AddressKind, Clock, Device, Receipt, ReceiptState
from notifications.errors import (
    ChannelMisconfigured,
    DeadlinePassed,
    PermanentFailure,
    TemporaryFailure,
    TokenExpired,
)
from notifications.http_headers import retry_after_s
from notifications.messages import Message, Purpose, link_of

DEFAULT_FIELDS: Mapping[str, str] = {
    "to": "to",
    "text": "text",
    "reference": "reference",
    "sender": "sender",
    "valid_for_s": "valid_for_s",
    "report_url": "report_url",
}


class ReportState(StrEnum):
    """What a gateway reports about an SMS later."""

    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"  # buffered, accepted: nothing final yet


DEFAULT_STATES: Mapping[str, ReportState] = {
    "delivered": ReportState.DELIVERED,
    "delivrd": ReportState.DELIVERED,
    "failed": ReportState.FAILED,
    "undelivered": ReportState.FAILED,
    "undeliv": ReportState.FAILED,
    "rejected": ReportState.FAILED,
    "expired": ReportState.FAILED,
}


class DeliveryReport(Struct, frozen=True):
    """A gateway's report; ``reference`` is the reference that the message was sent with."""

    reference: str
    state: ReportState


class SmsHttpChannel:
    """Posts each message to a gateway.

    Args:
        clock: UTC epoch seconds.
        url: the gateway's address for sending.
        key: sent as ``Authorization: Bearer``; None sends no such header.
        sender: sender name or number; None leaves it to the gateway.
        report_url: where the gateway shall send delivery reports.
        app_url: page of the app that the link in a text opens; None: texts have no link.
        fields: our field name -> the gateway's; a field that is missing here is not sent.
        id_field: the field of the answer that holds the gateway's id.
        timeout_s: for one attempt.
    """

    name = "sms_http"
    kinds = frozenset({AddressKind.SMS})
    safe_to_repeat = False

    def __init__(
        self,
        clock: Clock,
        *,
        url: str,
        key: str | None = None,
        sender: str | None = None,
        report_url: str | None = None,
        app_url: str | None = None,
        fields: Mapping[str, str] = DEFAULT_FIELDS,
        id_field: str = "id",
        timeout_s: float = 5.0,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ChannelMisconfigured("sms_http: sms_http.url must be an http(s) address")
        self._clock = clock
        self._url = url
        self._sender = sender
        self._report_url = report_url
        self._app_url = app_url
        self._fields = dict(fields)
        self._id_field = id_field
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(timeout=timeout_s, headers=headers, follow_redirects=False)

    def send(self, message: Message, device: Device) -> Receipt:
        """Make one attempt of at most ``timeout_s``; see ``Channel.send`` for what it raises."""
        now_s = self._clock()
        if now_s >= message.expires_at_s:
            raise DeadlinePassed("deadline_passed")
        values = {
            "to": device.address,
            "text": text_of(message, self._app_url),
            "reference": message.message_id,
            "sender": self._sender,
            "valid_for_s": max(1, int(message.expires_at_s - now_s)),
            "report_url": self._report_url,
        }
        body = {
            self._fields[name]: value
            for name, value in values.items()
            if value is not None and name in self._fields
        }
        try:
            answer = self._client.post(self._url, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise TemporaryFailure("sms_unreachable") from None
        except httpx.HTTPError:
            return Receipt(self.name, ReceiptState.UNKNOWN)
        return self._receipt(answer, now_s)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _receipt(self, answer: httpx.Response, now_s: float) -> Receipt:
        status = answer.status_code
        if status in (401, 403):
            raise ChannelMisconfigured(f"sms_{status}")
        if status in (404, 410):
            raise TokenExpired(f"sms_{status}")
        if status == 429 or status >= 500:
            wait_s = retry_after_s(answer.headers.get("Retry-After"), now_s)
            raise TemporaryFailure(f"sms_{status}", wait_s)
        if status >= 300:
            raise PermanentFailure(f"sms_{status}")
        try:
            document = answer.json()
            provider_id = document.get(self._id_field) if isinstance(document, dict) else None
        except ValueError:
            provider_id = None
        return Receipt(
            self.name, ReceiptState.HANDED_OVER, None if provider_id is None else str(provider_id)
        )


NOTHING_TO_OPEN = frozenset({Purpose.STAND_DOWN, Purpose.KEEP_AWAY, Purpose.CHECK})


def text_of(message: Message, app_url: str | None = None) -> str:
    """Return the one text of an SMS, with the link that opens it where there is one."""
    title = message.words.title
    stop = "" if title.endswith((".", "?", "!")) else "."
    text = f"Heartreach: {title}{stop} {message.words.body}"
    if app_url is None or message.purpose in NOTHING_TO_OPEN:
        return text
    return f"{text} {link_of(message, app_url)}"


def read_report(
    document: object,
    *,
    reference_field: str = "reference",
    state_field: str = "status",
    states: Mapping[str, ReportState] = DEFAULT_STATES,
) -> DeliveryReport:
    """Read a gateway's delivery report.

    Raises:
        ValueError: not an object, or without the two fields.
    """
    if not isinstance(document, dict):
        raise ValueError("a delivery report is a JSON object")
    fields: dict[str, Any] = document
    reference, state = fields.get(reference_field), fields.get(state_field)
    if not isinstance(reference, str) or not isinstance(state, str):
        raise ValueError(f"a delivery report has the texts {reference_field!r} and {state_field!r}")
    return DeliveryReport(reference, states.get(state.lower(), ReportState.UNKNOWN))
