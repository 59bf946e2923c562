"""Why channels fail, in plain words for those who run the service; codes stay in the evidence."""

from __future__ import annotations

import re

CHANNELS = {
    "fcm": "push messages (FCM)",
    "webpush": "browser messages (Web Push)",
    "sms_http": "text messages (SMS)",
    "memory": "the simulated phones",
}

_ADDRESSES = {
    "webpush_bad_subscription": "expected a browser's subscription as JSON: endpoint and keys",
    "webpush_not_https": "expected an endpoint that begins with https://",
    "webpush_private_address": "expected an endpoint on the internet, not in somebody's network",
    "webpush_unknown_host": "expected an endpoint of a known push service",
}

_REASONS = {
    "unknown_outcome": "the provider takes requests and does not answer",
    "unreachable": "the provider cannot be reached",
    "sign_in_unreachable": "the provider's sign-in cannot be reached",
    "sign_in_refused": "the provider refuses our credentials",
    "permission_denied": "the provider refuses our credentials",
    "unauthenticated": "the provider refuses our credentials",
    "401": "the provider refuses our key (401)",
    "403": "the provider refuses our key (403)",
    "429": "the provider says that we send too much (429)",
}


def channel(name: str) -> str:
    """Return what a channel carries."""
    return CHANNELS.get(name, name)


def of_failure(code: str) -> str:
    """Return the words of a failure's code such as ``fcm_503``."""
    _, _, tail = code.partition("_")
    known = _REASONS.get(code) or _REASONS.get(tail)
    if known:
        return known
    if re.fullmatch(r"5\d\d", tail):
        return f"the provider is out of order ({tail})"
    return f"the provider does not take our messages ({code})"


def of_address(code: str) -> str:
    """Return the words for an address that will not be sent to."""
    return _ADDRESSES.get(code, "expected an address that can be sent to")
