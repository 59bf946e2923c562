"""A local server that speaks FCM HTTP v1: ``python -m notifications.stub_fcm --port 8801``.

It answers ``POST /v1/projects/{project}/messages:send`` in the provider's own shapes, and
``POST /token`` as the sign-in of a service account whose ``token_uri`` points here.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from notifications.stub_server import Received, StubHandler, StubServer, run_until_interrupted

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
FCM_ERRORS = {
    400: "INVALID_ARGUMENT",
    403: "SENDER_ID_MISMATCH",
    404: "UNREGISTERED",
    429: "QUOTA_EXCEEDED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
DETAIL_TYPE = "type.googleapis.com/google.firebase.fcm.v1.FcmError"


def error_body(status: int, error: str | None) -> dict[str, Any]:
    """Return the provider's error document for an HTTP status."""
    code = error or FCM_ERRORS.get(status)
    details = [{"@type": DETAIL_TYPE, "errorCode": code}] if code else []
    name = STATUS_NAMES.get(status, "UNKNOWN")
    return {"error": {"code": status, "message": name, "status": name, "details": details}}


class _Handler(StubHandler):
    def accept(self) -> None:
        raw = self.body()
        if self.path == "/token":
            token = {"access_token": "local", "expires_in": 3600, "token_type": "Bearer"}
            self.answer(200, token)
            return
        if not self.path.endswith("/messages:send"):
            self.answer(404, error_body(404, ""))
            return
        try:
            message = json.loads(raw)["message"]
            address = message.get("fid") or message["token"]
        except (KeyError, TypeError, ValueError, AttributeError):
            self.answer(400, error_body(400, None))
            return
        behaviour = self.stub.behaviour_for(address)
        status = behaviour.status
        if status == 200 and not self.headers.get("Authorization", "").startswith("Bearer "):
            status = 401
        self.stub.record(
            Received(time.time(), address, status, message, dict(self.headers.items()))
        )
        if self.misbehave(behaviour):
            return
        if status == 200:
            number = len(self.stub.received)
            project = self.path.split("/")[3]
            self.answer(200, {"name": f"projects/{project}/messages/{number}"})
        else:
            self.answer(status, error_body(status, behaviour.error), self.retry_headers(behaviour))


class FcmStub(StubServer):
    """FCM HTTP v1, as far as sending goes."""

    handler = _Handler


def main() -> None:
    """Run the stub in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m notifications.stub_fcm", description=__doc__)
    parser.add_argument("--port", type=int, default=8801)
    parser.add_argument("--host", default="127.0.0.1")
    arguments = parser.parse_args()
    run_until_interrupted(FcmStub(arguments.port, arguments.host), "FCM HTTP v1 stub")


if __name__ == "__main__":
    main()
