"""Web Push to a browser, encrypted for that browser alone.

It cannot break through a muted phone, so it is a fallback and not the alarm. The endpoint comes
from the browser, that is from outside: only https, only public addresses, only known push services
unless the configuration says otherwise, and no redirects.
"""

from __future__ import annotations

import argparse
import base64
import ipaddress
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import pywebpush
import requests
import urllib3
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException

from notifications.channel import AddressKind, Clock, Device, Receipt, ReceiptState
from notifications.errors import (
    ChannelMisconfigured,
    DeadlinePassed,
    NotificationError,
    PermanentFailure,
    TemporaryFailure,
    TokenExpired,
)
from notifications.http_headers import retry_after_s
from notifications.messages import Message, link_of

MAX_PAYLOAD_BYTES = 3072
DECLARATIVE = 8030  # marks the declarative form that Safari shows without a service worker
KNOWN_HOSTS = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)


class WebPushChannel:
    """Sends through the push service of each subscription.

    Args:
        clock: UTC epoch seconds.
        private_key: the server's VAPID key, base64url or PEM text.
        contact: ``mailto:`` or ``https:`` of whoever runs the service.
        app_url: page of the app that a tap opens; see ``notifications.messages.link_of``.
        allowed_hosts: push services (or domains above them); empty: any public host.
        local_endpoint: a base URL that is let through although it is http or private; rehearsals.
        timeout_s: for one attempt.

    Raises:
        ChannelMisconfigured: the key cannot be read.
    """

    name = "webpush"
    kinds = frozenset({AddressKind.WEBPUSH})
    safe_to_repeat = True

    def __init__(
        self,
        clock: Clock,
        *,
        private_key: str,
        contact: str,
        app_url: str,
        allowed_hosts: Sequence[str] = KNOWN_HOSTS,
        local_endpoint: str | None = None,
        timeout_s: float = 4.0,
        connections: int = 8,
    ) -> None:
        self._clock = clock
        self._contact = contact
        self._app_url = app_url
        self._allowed_hosts = tuple(allowed_hosts)
        self._local_endpoint = local_endpoint
        self._timeout_s = timeout_s
        try:
            self._vapid = _read_key(private_key)
        except (ValueError, VapidException) as error:
            raise ChannelMisconfigured("webpush: webpush.private_key is no VAPID key") from error
        self._session = _session(connections, local_endpoint)

    @property
    def public_key(self) -> str:
        """The application server key that a browser subscribes with, base64url."""
        return public_key_of(self._vapid)

    def check(self, subscription: str) -> None:
        """Raise ``PermanentFailure`` if the subscription (JSON text) will not be sent to."""
        self._endpoint_of(subscription)

    def send(self, message: Message, device: Device) -> Receipt:
        """Make one attempt of at most ``timeout_s``; see ``Channel.send`` for what it raises."""
        now_s = self._clock()
        if now_s >= message.expires_at_s:
            raise DeadlinePassed("deadline_passed")
        subscription = self._endpoint_of(device.address)
        payload = payload_of(message, self._app_url)
        if len(payload.encode()) > MAX_PAYLOAD_BYTES:
            raise PermanentFailure("webpush_payload_too_large")
        try:
            pywebpush.webpush(
                subscription,
                payload,
                vapid_private_key=self._vapid,
                vapid_claims={"sub": self._contact},
                ttl=max(1, int(message.expires_at_s - now_s)),
                headers={
                    "Urgency": "high" if message.prompt else "normal",
                    "Topic": message.collapse_key[:32],
                },
                timeout=self._timeout_s,
                requests_session=self._session,
            )
        except pywebpush.WebPushException as error:
            raise _failure_of(error, now_s) from None  # its text holds the subscription's endpoint
        except requests.exceptions.TooManyRedirects:
            raise PermanentFailure("webpush_redirected") from None
        except (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError):
            raise TemporaryFailure("webpush_unreachable") from None
        except requests.exceptions.ConnectionError as error:
            reason = _connection_reason(error)
            if reason is _PrivateAddress:
                raise PermanentFailure("webpush_private_address") from None
            if reason is not None:
                raise TemporaryFailure("webpush_unreachable") from None
            return Receipt(self.name, ReceiptState.UNKNOWN)
        except requests.exceptions.RequestException:
            return Receipt(self.name, ReceiptState.UNKNOWN)
        return Receipt(self.name, ReceiptState.HANDED_OVER)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _endpoint_of(self, address: str) -> dict[str, Any]:
        try:
            subscription = json.loads(address)
            endpoint = subscription["endpoint"]
            keys = subscription["keys"]
            _ = keys["p256dh"], keys["auth"]
            parts = urlsplit(endpoint)
        except (KeyError, TypeError, ValueError) as error:
            raise PermanentFailure("webpush_bad_subscription") from error
        if self._local_endpoint and endpoint.startswith(self._local_endpoint.rstrip("/") + "/"):
            return {"endpoint": endpoint, "keys": keys}
        host = (parts.hostname or "").lower()
        if parts.scheme != "https" or not host or parts.username:
            raise PermanentFailure("webpush_not_https")
        if _is_private_literal(host):
            raise PermanentFailure("webpush_private_address")
        if self._allowed_hosts and not any(
            host == known or host.endswith("." + known) for known in self._allowed_hosts
        ):
            raise PermanentFailure("webpush_unknown_host")
        return {"endpoint": endpoint, "keys": keys}


def payload_of(message: Message, app_url: str) -> str:
    """Return the JSON that the browser decrypts: declarative, and plain data for other browsers."""
    return json.dumps(
        {
            "web_push": DECLARATIVE,
            "notification": {
                "title": message.words.title,
                "body": message.words.body,
                "navigate": link_of(message, app_url),
                "tag": message.collapse_key,
                "requireInteraction": message.urgent,
            },
            "data": {
                "id": message.message_id,
                "alert": message.collapse_key,
                "kind": message.purpose.value,
                "expires_at": int(message.expires_at_s),
            },
        },
        separators=(",", ":"),
    )


def new_key() -> tuple[str, str]:
    """Return a new VAPID key pair: (private, public), both base64url."""
    vapid = Vapid02()
    vapid.generate_keys()
    number = vapid.private_key.private_numbers().private_value
    return _base64url(number.to_bytes(32, "big")), public_key_of(vapid)


def public_key_of(vapid: Vapid02) -> str:
    """Return the public half, uncompressed, base64url."""
    point = vapid.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return _base64url(point)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read_key(text: str) -> Vapid02:
    if "BEGIN" in text:
        return Vapid02.from_pem(text.encode())
    return Vapid02.from_string(text.strip())


def _failure_of(error: pywebpush.WebPushException, now_s: float) -> NotificationError:
    status = error.response.status_code if error.response is not None else 0
    if status in (404, 410):
        return TokenExpired("webpush_gone")
    if status in (401, 403):
        return ChannelMisconfigured(f"webpush_{status}")
    if status == 429 or status >= 500:
        header = error.response.headers.get("Retry-After")
        return TemporaryFailure(f"webpush_{status}", retry_after_s(header, now_s))
    return PermanentFailure(f"webpush_{status or 'bad_subscription'}")


def _is_private_literal(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


# --- connections to public addresses only ------------------------------------------------------


class _PrivateAddress(urllib3.exceptions.NewConnectionError):
    """The name led to an address inside somebody's network."""


class _PublicConnection(urllib3.connection.HTTPSConnection):
    def _new_conn(self) -> Any:
        # Checked on the connected socket: a name can resolve differently a moment later.
        connected = super()._new_conn()
        address = str(connected.getpeername()[0]).split("%", 1)[0]
        if self.proxy is None and not ipaddress.ip_address(address).is_global:
            connected.close()
            raise _PrivateAddress(self, "private address refused")
        return connected


class _PublicPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicAdapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _PublicPool}


def _session(connections: int, local_endpoint: str | None) -> requests.Session:
    session = requests.Session()
    session.max_redirects = 0
    session.adapters.clear()
    session.mount("https://", _PublicAdapter(pool_maxsize=connections, max_retries=0))
    if local_endpoint:
        plain = requests.adapters.HTTPAdapter(pool_maxsize=connections, max_retries=0)
        session.mount(local_endpoint.rstrip("/") + "/", plain)
    return session


def _connection_reason(error: BaseException) -> type[BaseException] | None:
    """Return the kind of a connection that was never made, or None if it broke later."""
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    if isinstance(reason, urllib3.exceptions.NewConnectionError):
        return type(reason)
    return None


def main() -> None:
    """Print a new VAPID key pair: ``python -m notifications.webpush --new-key``."""
    parser = argparse.ArgumentParser(prog="python -m notifications.webpush")
    parser.add_argument("--new-key", action="store_true", required=True)
    parser.parse_args()
    private, public = new_key()
    print(f'private_key = "{private}"\npublic_key = "{public}"')


if __name__ == "__main__":
    main()
