"""Firebase Cloud Messaging through the official ``firebase-admin`` client.

One HTTP request per message. The client's own retries are switched off: it would repeat a 503 for
as long as the provider asks, and an alert that rings late is worse than the next channel now.
Retries belong to ``notifications.fallback``, which knows the alert's deadline.

Google's documentation says that FCM is not designed for emergency alerts and forbids life-critical
use by its terms. Push is an aid to the emergency call and never a part of it; whoever runs the
service needs their own legal view (``docs/operations.md``).
"""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import firebase_admin
import google.auth.credentials
import google.auth.exceptions
import requests
from firebase_admin import credentials, exceptions, messaging
from urllib3.exceptions import NewConnectionError

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
from notifications.messages import Message

MAX_COLLAPSE_BYTES = 64  # Apple's limit for apns-collapse-id
CRITICAL_SOUND = "alarm.caf"
PATH = "/v1/projects/{project}/messages:send"

_app_numbers = itertools.count(1)


class _FixedCredential(credentials.Base):  # type: ignore[misc]
    """A credential for a local endpoint: a constant token, no call to Google."""

    class _Token(google.auth.credentials.Credentials):
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.token = "local"

        def refresh(self, request: object) -> None:  # noqa: ARG002 - its name is theirs
            self.token = "local"

    def get_credential(self) -> google.auth.credentials.Credentials:
        return self._Token()


class FcmChannel:
    """Sends through FCM.

    Args:
        clock: UTC epoch seconds.
        project_id: the Firebase project; taken from the credentials file if None.
        credentials_file: a service account's JSON file.
        endpoint: base URL (or full URL with ``{project}``) of another server that speaks FCM HTTP
            v1, for tests and rehearsals. Without a credentials file a constant token is sent there.
        timeout_s: for one attempt.
        connections: how many attempts may be under way at once.

    Raises:
        ChannelMisconfigured: nothing to identify the project with, or an unreadable file.
    """

    name = "fcm"
    kinds = frozenset({AddressKind.FCM_FID, AddressKind.FCM_TOKEN})
    safe_to_repeat = True

    def __init__(
        self,
        clock: Clock,
        *,
        project_id: str | None = None,
        credentials_file: Path | None = None,
        endpoint: str | None = None,
        timeout_s: float = 4.0,
        connections: int = 16,
    ) -> None:
        self._clock = clock
        if credentials_file is None and endpoint is None:
            raise ChannelMisconfigured("fcm: a credentials file is needed (fcm.credentials_file)")
        options: dict[str, Any] = {"httpTimeout": timeout_s}
        if project_id:
            options["projectId"] = project_id
        elif credentials_file is None:
            options["projectId"] = "local"
        try:
            credential = (
                credentials.Certificate(str(credentials_file))
                if credentials_file
                else _FixedCredential()
            )
            self._app = firebase_admin.initialize_app(
                credential, options, name=f"heartreach-{next(_app_numbers)}"
            )
            _direct(self._app, endpoint, connections)
        except (OSError, ValueError) as error:
            raise ChannelMisconfigured(f"fcm: {error}") from error

    def send(self, message: Message, device: Device) -> Receipt:
        """Make one attempt of at most ``timeout_s``; see ``Channel.send`` for what it raises."""
        now_s = self._clock()
        if now_s >= message.expires_at_s:
            raise DeadlinePassed("deadline_passed")
        try:
            name = messaging.send(fcm_message(message, device, now_s), app=self._app)
        except exceptions.FirebaseError as error:
            return _outcome_of(error, now_s)
        except google.auth.exceptions.TransportError as error:
            raise TemporaryFailure("fcm_sign_in_unreachable") from error
        except google.auth.exceptions.GoogleAuthError as error:
            raise ChannelMisconfigured("fcm_sign_in_refused") from error
        except (KeyError, ValueError):
            return Receipt(self.name, ReceiptState.UNKNOWN)
        return Receipt(self.name, ReceiptState.HANDED_OVER, str(name))

    def close(self) -> None:
        """Close the client."""
        firebase_admin.delete_app(self._app)


def fcm_message(message: Message, device: Device, now_s: float) -> messaging.Message:
    """Return the FCM form: data only on Android, so that the app builds its own alarm.

    The device's address goes into the field of its kind, never into both. Time to live is the time
    for which the message is still of use.
    """
    left_s = max(0.0, message.expires_at_s - now_s)
    data = {
        "id": message.message_id,
        "alert": message.collapse_key,
        "kind": message.purpose.value,
        "expires_at": str(int(message.expires_at_s)),
        "title": message.words.title,
        "body": message.words.body,
    }
    fcm = messaging.Message(
        data=data,
        android=messaging.AndroidConfig(
            collapse_key=message.collapse_key,
            priority="high" if message.prompt else "normal",
            ttl=dt.timedelta(seconds=int(left_s)),
            direct_boot_ok=message.urgent,
        ),
        apns=_apns(message),
        fid=device.address,
    )
    if device.kind is AddressKind.FCM_TOKEN:
        # Set here and not in the constructor, which warns that registration tokens will go.
        fcm.fid, fcm.token = None, device.address
    return fcm


def _apns(message: Message) -> messaging.APNSConfig:
    headers = {
        "apns-priority": "10" if message.prompt else "5",
        "apns-push-type": "alert",
        "apns-expiration": str(int(message.expires_at_s)),
        "apns-collapse-id": message.collapse_key[:MAX_COLLAPSE_BYTES],
    }
    alert = messaging.ApsAlert(title=message.words.title, body=message.words.body)
    if message.urgent:
        aps = messaging.Aps(
            alert=alert,
            sound=messaging.CriticalSound(CRITICAL_SOUND, critical=True, volume=1.0),
            mutable_content=True,
            custom_data={"interruption-level": "critical"},
        )
    else:
        aps = messaging.Aps(alert=alert, custom_data={"interruption-level": "passive"})
    return messaging.APNSConfig(headers=headers, payload=messaging.APNSPayload(aps))


def _direct(app: firebase_admin.App, endpoint: str | None, connections: int) -> None:
    """Switch the client's retries off and point it at ``endpoint``.

    The client offers neither in public, so this touches two of its private names; a test runs the
    real client and fails if they move.
    """
    service = messaging._get_messaging_service(app)
    session = service._client.session
    adapter = requests.adapters.HTTPAdapter(
        pool_connections=4, pool_maxsize=connections, max_retries=0
    )
    for prefix in list(session.adapters):
        session.mount(prefix, adapter)
    if endpoint is not None:
        url = endpoint.rstrip("/")
        if not url.endswith("messages:send"):
            url += PATH
        service._fcm_url = url.replace("{project}", app.project_id)


def _outcome_of(error: exceptions.FirebaseError, now_s: float) -> Receipt:
    """Return a receipt of unknown outcome, or raise what the client's error means here."""
    failure = _failure_of(error, now_s)
    if failure is None:
        return Receipt(FcmChannel.name, ReceiptState.UNKNOWN)
    raise failure from None  # the client's own text may hold the device's address


def _failure_of(error: exceptions.FirebaseError, now_s: float) -> NotificationError | None:
    response = error.http_response
    if response is None:
        return TemporaryFailure("fcm_unreachable") if _never_left(error.cause) else None
    status = int(response.status_code)
    if isinstance(error, messaging.UnregisteredError):
        return TokenExpired("fcm_unregistered")
    if status in (401, 403):
        return ChannelMisconfigured(f"fcm_{error.code.lower()}")
    if status == 429 or status >= 500:
        wait_s = retry_after_s(response.headers.get("Retry-After"), now_s)
        return TemporaryFailure(f"fcm_{status}", wait_s)
    return PermanentFailure(f"fcm_{status}")


def _never_left(cause: BaseException | None) -> bool:
    """Whether the request certainly never reached the provider."""
    if isinstance(cause, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError):
        return True
    inner = cause.args[0] if cause is not None and cause.args else None
    return isinstance(getattr(inner, "reason", inner), NewConnectionError)
