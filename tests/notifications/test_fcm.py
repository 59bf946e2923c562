"""The real firebase-admin client against a local server that speaks FCM HTTP v1."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from notifications.channel import AddressKind, Device, Receipt, ReceiptState
from notifications.errors import (
    ChannelMisconfigured,
    DeadlinePassed,
    NotificationError,
    PermanentFailure,
    TemporaryFailure,
    TokenExpired,
)
from notifications.fcm import FcmChannel
from notifications.messages import Purpose
from notifications.stub_fcm import FcmStub
from notifications.stub_server import Behaviour


@pytest.fixture
def channel(fcm_stub: FcmStub):
    channel = FcmChannel(time.time, endpoint=fcm_stub.url, project_id="trial", timeout_s=0.5)
    yield channel
    channel.close()


def test_an_alert_is_urgent_and_lives_as_long_as_it_is_useful(
    channel, fcm_stub, make_message, phone
):
    receipt = channel.send(make_message(lasts_s=90.4), phone)

    assert receipt == Receipt("fcm", ReceiptState.HANDED_OVER, "projects/trial/messages/1")
    (sent,) = fcm_stub.received
    assert sent.message["fid"] == "fid-of-a-phone"
    assert "token" not in sent.message
    android = sent.message["android"]
    assert android["priority"] == "high"
    assert android["collapse_key"] == "c-1"
    assert 88.0 <= float(android["ttl"].rstrip("s")) <= 90.0
    assert "notification" not in sent.message  # data only: the app builds the alarm
    apns = sent.message["apns"]
    assert apns["headers"]["apns-priority"] == "10"
    assert apns["headers"]["apns-push-type"] == "alert"
    assert int(apns["headers"]["apns-expiration"]) >= time.time() + 80
    aps = apns["payload"]["aps"]
    assert aps["sound"] == {"critical": 1, "name": "alarm.caf", "volume": 1.0}
    assert aps["interruption-level"] == "critical"


def test_only_an_opaque_id_and_generic_words_leave(channel, fcm_stub, make_message, phone):
    channel.send(make_message(), phone)

    data = fcm_stub.received[0].message["data"]
    assert set(data) == {"id", "alert", "kind", "expires_at", "title", "body"}
    assert data["id"] == "m-1"
    assert data["title"] == "Urgent call near you"
    assert all(isinstance(value, str) for value in data.values())


def test_a_registration_token_goes_into_its_own_field(channel, fcm_stub, make_message):
    channel.send(make_message(), Device("d", AddressKind.FCM_TOKEN, "a-token"))

    message = fcm_stub.received[0].message
    assert message["token"] == "a-token"
    assert "fid" not in message


def test_a_polite_message_does_not_break_through_silence(channel, fcm_stub, make_message, phone):
    channel.send(make_message(Purpose.AFTER_CARE), phone)

    message = fcm_stub.received[0].message
    assert message["android"]["priority"] == "normal"
    assert message["apns"]["payload"]["aps"]["interruption-level"] == "passive"


@pytest.mark.parametrize(
    ("behaviour", "failure", "reason"),
    [
        (Behaviour(status=400), PermanentFailure, "fcm_400"),
        (Behaviour(status=401), ChannelMisconfigured, "fcm_unauthenticated"),
        (Behaviour(status=403), ChannelMisconfigured, "fcm_permission_denied"),
        (Behaviour(status=404), TokenExpired, "fcm_unregistered"),
        (Behaviour(status=404, error="NONE"), PermanentFailure, "fcm_404"),
        (Behaviour(status=429, retry_after_s=7), TemporaryFailure, "fcm_429"),
        (Behaviour(status=500), TemporaryFailure, "fcm_500"),
        (Behaviour(status=503, retry_after_s=60), TemporaryFailure, "fcm_503"),
    ],
)
def test_each_refusal_has_its_meaning_and_one_attempt(
    channel, fcm_stub, make_message, phone, behaviour, failure, reason
):
    fcm_stub.behave(behaviour)
    started_s = time.monotonic()

    with pytest.raises(NotificationError) as caught:
        channel.send(make_message(), phone)

    assert type(caught.value) is failure
    assert caught.value.reason == reason
    if isinstance(caught.value, TemporaryFailure):
        assert caught.value.retry_after_s == behaviour.retry_after_s
    assert time.monotonic() - started_s < 2.0  # not the client's own retries of 4 to 300 s
    if behaviour.status != 401:  # the client signs in again on 401, then gives up
        assert len(fcm_stub.received) == 1
    assert phone.address not in repr(caught.value)


@pytest.mark.parametrize(
    "behaviour", [Behaviour(cut=True), Behaviour(delay_s=1.0), Behaviour(garbage=True)]
)
def test_when_the_answer_is_lost_the_outcome_is_unknown(
    channel, fcm_stub, make_message, phone, behaviour
):
    fcm_stub.behave(behaviour)

    receipt = channel.send(make_message(), phone)

    assert receipt.state is ReceiptState.UNKNOWN
    assert len(fcm_stub.received) == 1


def test_a_server_that_is_not_there_is_a_temporary_failure(make_message, phone):
    channel = FcmChannel(time.time, endpoint="http://127.0.0.1:9", timeout_s=0.5)
    with pytest.raises(TemporaryFailure, match="fcm_unreachable"):
        channel.send(make_message(), phone)
    channel.close()


def test_nothing_is_sent_past_the_deadline(channel, fcm_stub, make_message, phone):
    with pytest.raises(DeadlinePassed):
        channel.send(make_message(lasts_s=0.0), phone)
    assert fcm_stub.received == []


def test_a_service_account_signs_in_where_its_file_says(
    fcm_stub, make_message, phone, tmp_path: Path
):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path / "account.json"
    account = {
        "type": "service_account",
        "project_id": "from-file",
        "private_key": key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode(),
        "client_email": "sender@from-file.example",
        "token_uri": f"{fcm_stub.url}/token",
    }
    file.write_text(json.dumps(account))
    channel = FcmChannel(time.time, endpoint=fcm_stub.url, credentials_file=file)

    receipt = channel.send(make_message(), phone)

    assert receipt.provider_id == "projects/from-file/messages/1"
    assert fcm_stub.received[0].headers["authorization"] == "Bearer local"
    channel.close()


def test_without_an_account_or_an_endpoint_it_says_what_is_missing():
    with pytest.raises(ChannelMisconfigured, match=r"fcm\.credentials_file"):
        FcmChannel(time.time)
