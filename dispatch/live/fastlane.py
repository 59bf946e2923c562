"""Positions come five hundred times a second; this answers the plain case without the framework.

It takes exactly what ``POST /v1/me/positions`` takes and answers exactly what that answers.
Whatever is not plain (a token not met before, a body that does not fit, a caller that asks too
often) goes on to the endpoint, body and all. A test holds the two against each other.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.types import Message, Receive, Scope, Send

from dispatch.live.api.common import Limits, TooMany
from dispatch.live.api.models import FIRST_MOMENT, LAST_MOMENT, PositionTaken
from dispatch.live.service import Service

PATH = "/v1/me/positions"
MAX_BYTES = 4096


class _Fix(Struct, forbid_unknown_fields=True):
    lat: Annotated[float, Meta(ge=-90.0, le=90.0)]
    lon: Annotated[float, Meta(ge=-180.0, le=180.0)]
    accuracy_m: Annotated[float, Meta(ge=0.0, le=100_000.0)]
    at: Annotated[dt.datetime, Meta(tz=True)]


_decoder = msgspec.json.Decoder(_Fix)
_TAKEN = PositionTaken(taken=True).model_dump_json(exclude_none=True).encode()


async def take_position(
    service: Service, limits: Limits, scope: Scope, receive: Receive, send: Send
) -> Receive | None:
    """Answer a position; or return a ``receive`` with which the endpoint can go on."""
    messages: list[Message] = []
    body = b""
    while True:
        message = await receive()
        messages.append(message)
        body += message.get("body", b"")
        if len(body) > MAX_BYTES or not message.get("more_body", False):
            break
    if len(body) > MAX_BYTES or not _take(service, limits, scope, body):
        return _again(messages, receive)
    answer = _TAKEN
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
    return None


def _take(service: Service, limits: Limits, scope: Scope, body: bytes) -> bool:
    """Take a plain position; False if it is not plain, or is not taken: the endpoint says why."""
    now_s = service.clock()
    principal = service.doors.known(_secret(scope), now_s)
    if principal is None or principal.responder_id is None or "me" not in principal.scopes:
        return False
    try:
        fix = _decoder.decode(body)
        if not FIRST_MOMENT <= fix.at <= LAST_MOMENT:
            return False
        settings = service.settings
        rate_per_s, burst = settings.rate_per_s, settings.rate_burst
        limits.check(principal.name, now_s, rate_per_s=rate_per_s, burst=burst)
    except (msgspec.DecodeError, OverflowError, TooMany):
        return False
    at_s = fix.at.timestamp()
    why_not = service.pings.take(principal.responder_id, fix.lat, fix.lon, fix.accuracy_m, at_s)
    return why_not is None


def _secret(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, secret = value.decode("latin-1").partition(" ")
            return secret.strip() if kind.lower() == "bearer" else ""
    return ""


def _again(messages: list[Message], receive: Receive) -> Receive:
    """Return a ``receive`` that begins with what was read already."""
    waiting = iter(messages)

    async def replay() -> Message:
        return next(waiting, None) or await receive()

    return replay
