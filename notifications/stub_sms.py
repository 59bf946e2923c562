"""A local SMS gateway with delivery reports: ``python -m notifications.stub_sms --port 8803``.

``POST /send`` takes the fields of ``notifications.sms_http``. If the message names a
``report_url``, a report follows after ``--report-after-s``, with ``--report-key`` as bearer key.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
import urllib.request

from notifications.stub_server import Received, StubHandler, StubServer, run_until_interrupted


class _Handler(StubHandler):
    def accept(self) -> None:
        raw = self.body()
        try:
            message = json.loads(raw)
            address = message["to"]
        except (KeyError, TypeError, ValueError):
            self.answer(400, {"error": "a JSON object with 'to' is expected"})
            return
        behaviour = self.stub.behaviour_for(address)
        self.stub.record(
            Received(time.time(), address, behaviour.status, message, dict(self.headers.items()))
        )
        if self.misbehave(behaviour):
            return
        if behaviour.status != 200:
            self.answer(behaviour.status, {"error": "no"}, self.retry_headers(behaviour))
            return
        self.answer(202, {"id": f"sms-{len(self.stub.received)}"})
        assert isinstance(self.stub, SmsStub)
        self.stub.report_later(message, behaviour.error or "delivered")


class SmsStub(StubServer):
    """A gateway. ``report_after_s`` None: it never reports."""

    handler = _Handler

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        report_after_s: float | None = 0.1,
        report_key: str = "",
    ) -> None:
        super().__init__(port, host)
        self._report_after_s = report_after_s
        self._report_key = report_key

    def report_later(self, message: dict[str, object], state: str) -> None:
        """Post the delivery report after a while, if the message asks for one."""
        url = message.get("report_url")
        if self._report_after_s is None or not isinstance(url, str):
            return
        body = json.dumps({"reference": message.get("reference"), "status": state}).encode()
        timer = threading.Timer(self._report_after_s, self._report, (url, body))
        timer.daemon = True
        timer.start()

    def _report(self, url: str, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        if self._report_key:
            headers["Authorization"] = f"Bearer {self._report_key}"
        request = urllib.request.Request(url, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=5.0):
                pass
        except OSError:
            pass  # the service is gone: a real gateway's report would be lost as well


def main() -> None:
    """Run the stub in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m notifications.stub_sms", description=__doc__)
    parser.add_argument("--port", type=int, default=8803)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--report-after-s", type=float, default=0.5)
    parser.add_argument("--report-key", default="")
    arguments = parser.parse_args()
    stub = SmsStub(
        arguments.port,
        arguments.host,
        report_after_s=arguments.report_after_s,
        report_key=arguments.report_key,
    )
    run_until_interrupted(stub, "SMS gateway stub")


if __name__ == "__main__":
    main()
