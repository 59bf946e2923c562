"""The channels that the configuration describes, in its order of preference."""

from __future__ import annotations

from urllib.parse import urlsplit

from dispatch.live.clock import Clock
from dispatch.live.logs import logger
from dispatch.live.settings import Settings
from notifications.channel import Channel
from notifications.memory import MemoryChannel

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def build(settings: Settings, clock: Clock) -> list[Channel]:
    """Return the channels; in TEST mode only the one that ends in this process.

    Raises:
        notifications.errors.ChannelMisconfigured: a channel cannot work as it is configured.
    """
    if settings.test_mode:
        return [MemoryChannel(clock)]
    return [
        channel
        for name in settings.channels
        if (channel := _build_one(name, settings, clock)) is not None
    ]


def _app_url(own: str | None, settings: Settings) -> str:
    """The page that links in messages open; nobody's phone reaches this machine's own name."""
    if own is not None:
        return own
    if urlsplit(settings.public_url).hostname in _THIS_MACHINE:
        logger().warning("links_in_messages_lead_to_this_machine", set="public_url")
    return settings.open_url


def _build_one(name: str, settings: Settings, clock: Clock) -> Channel | None:
    """Return a channel, or None if it is not configured; providers' libraries load here only."""
    if name == "fcm" and settings.fcm is not None:
        from notifications.fcm import FcmChannel  # noqa: PLC0415

        fcm = settings.fcm
        return FcmChannel(
            clock,
            project_id=fcm.project_id,
            credentials_file=fcm.credentials_file,
            endpoint=fcm.endpoint,
            timeout_s=fcm.timeout_s,
            connections=settings.send_threads,
        )
    if name == "webpush" and settings.webpush is not None:
        from notifications.webpush import KNOWN_HOSTS, WebPushChannel  # noqa: PLC0415

        push = settings.webpush
        return WebPushChannel(
            clock,
            private_key=push.private_key,
            contact=push.contact,
            app_url=_app_url(push.app_url, settings),
            allowed_hosts=KNOWN_HOSTS if push.allowed_hosts is None else push.allowed_hosts,
            local_endpoint=push.local_endpoint,
            timeout_s=push.timeout_s,
        )
    if name == "sms_http" and settings.sms_http is not None:
        from notifications.sms_http import DEFAULT_FIELDS, SmsHttpChannel  # noqa: PLC0415

        sms = settings.sms_http
        return SmsHttpChannel(
            clock,
            url=sms.url,
            key=sms.key,
            sender=sms.sender,
            app_url=_app_url(sms.app_url, settings),
            report_url=sms.report_url if sms.reports else None,
            fields=DEFAULT_FIELDS if sms.fields is None else sms.fields,
            id_field=sms.id_field,
            timeout_s=sms.timeout_s,
        )
    if name == "memory" and settings.memory_channel:
        return MemoryChannel(clock)
    return None
