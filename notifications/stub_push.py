"""A local Web Push service with browsers: ``python -m notifications.stub_push --port 8802``.

``POST /subscriptions`` makes a browser and answers its subscription; what is then pushed to it is
decrypted with that browser's key and kept.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import threading
import time
from typing import Any

import http_ece  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notifications.stub_server import Received, StubHandler, StubServer, run_until_interrupted


class _Browser:
    def __init__(self) -> None:
        self.private_key = ec.generate_private_key(ec.SECP256R1())
        self.secret = os.urandom(16)

    def keys(self) -> dict[str, str]:
        point = self.private_key.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        return {"p256dh": _base64url(point), "auth": _base64url(self.secret)}

    def decrypt(self, body: bytes) -> dict[str, Any]:
        plain = http_ece.decrypt(
            body, private_key=self.private_key, auth_secret=self.secret, version="aes128gcm"
        )
        document = json.loads(plain)
        assert isinstance(document, dict)
        return document


class _Handler(StubHandler):
    def accept(self) -> None:
        assert isinstance(self.stub, PushStub)
        body = self.body()
        if self.path == "/subscriptions":
            self.answer(201, self.stub.subscribe())
            return
        address = self.path.rpartition("/")[2]
        browser = self.stub.browser(address)
        if browser is None:
            self.answer(404)
            return
        behaviour = self.stub.behaviour_for(address)
        message = browser.decrypt(body)
        status = 201 if behaviour.status == 200 else behaviour.status
        self.stub.record(
            Received(time.time(), address, status, message, dict(self.headers.items()))
        )
        if not self.misbehave(behaviour):
            self.answer(status, None, self.retry_headers(behaviour))


class PushStub(StubServer):
    """A push service and its browsers."""

    handler = _Handler

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        super().__init__(port, host)
        self._browsers: dict[str, _Browser] = {}
        self._browsers_lock = threading.Lock()

    def subscribe(self) -> dict[str, Any]:
        """Make a browser and return its subscription."""
        browser = _Browser()
        address = _base64url(os.urandom(16))
        with self._browsers_lock:
            self._browsers[address] = browser
        return {"endpoint": f"{self.url}/push/{address}", "keys": browser.keys()}

    def browser(self, address: str) -> _Browser | None:
        """Return the browser of an address, if there is one."""
        with self._browsers_lock:
            return self._browsers.get(address)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def main() -> None:
    """Run the stub in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m notifications.stub_push", description=__doc__)
    parser.add_argument("--port", type=int, default=8802)
    parser.add_argument("--host", default="127.0.0.1")
    arguments = parser.parse_args()
    run_until_interrupted(PushStub(arguments.port, arguments.host), "Web Push stub")


if __name__ == "__main__":
    main()
