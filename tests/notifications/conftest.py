"""Stubs that run for one test, and a message to send."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from notifications.channel import AddressKind, Device
from notifications.messages import Message, Purpose, compose
from notifications.stub_fcm import FcmStub
from notifications.stub_push import PushStub
from notifications.stub_sms import SmsStub

MakeMessage = Callable[..., Message]


@pytest.fixture
def fcm_stub() -> Iterator[FcmStub]:
    stub = FcmStub()
    stub.start()
    yield stub
    stub.stop()


@pytest.fixture
def push_stub() -> Iterator[PushStub]:
    stub = PushStub()
    stub.start()
    yield stub
    stub.stop()


@pytest.fixture
def sms_stub() -> Iterator[SmsStub]:
    stub = SmsStub(report_after_s=0.0, report_key="report-key")
    stub.start()
    yield stub
    stub.stop()


@pytest.fixture
def make_message() -> MakeMessage:
    def make(purpose: Purpose = Purpose.ALERT, *, lasts_s: float = 90.0) -> Message:
        now_s = time.time()
        return compose(
            purpose,
            message_id="m-1",
            collapse_key="c-1",
            created_at_s=now_s,
            expires_at_s=now_s + lasts_s,
        )

    return make


@pytest.fixture
def phone() -> Device:
    return Device("d-1", AddressKind.FCM_FID, "fid-of-a-phone")
