"""What the local stand-ins for providers share: a small HTTP server that misbehaves on request.

They exist so that the whole way of an alert can be tried, and rehearsed with every fault, without
an account anywhere. They are stand-ins for tests and rehearsals and reach no phone.

Every stub takes ``PUT /stub/behaviour`` with a ``Behaviour`` as JSON, ``GET /stub/messages`` and
``DELETE /stub/messages``.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

MAX_BODY_BYTES = 1_000_000


class Behaviour(Struct, frozen=True, forbid_unknown_fields=True):
    """How a stub answers.

    ``status``: HTTP status; 200 takes the message. ``address``: only for this address (None: for
    all). ``times``: only for the next so many requests (None: until changed). ``delay_s``: wait
    first. ``cut``: break the connection instead of answering. ``garbage``: answer 200 with text
    that is no JSON.
    """

    status: int = 200
    error: str | None = None
    address: str | None = None
    times: int | None = None
    retry_after_s: float | None = None
    delay_s: float = 0.0
    cut: bool = False
    garbage: bool = False


class Received(Struct, frozen=True):
    """One request to send, and how it was answered."""

    at_s: float
    address: str
    status: int
    message: dict[str, Any]
    headers: dict[str, str]


class StubServer:
    """Base of the stubs; runs in threads of its own between ``start`` and ``stop``."""

    handler: ClassVar[type[StubHandler]]

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self._server = _Server((host, port), self.handler)
        self._server.stub = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._lock = threading.Lock()
        self._behaviours: dict[str | None, Behaviour] = {}
        self._received: list[Received] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def received(self) -> list[Received]:
        """Every request to send so far, with what was answered."""
        with self._lock:
            return list(self._received)

    def start(self) -> StubServer:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def behave(self, behaviour: Behaviour) -> None:
        """Answer like this from now on (for its address, or for all)."""
        with self._lock:
            self._behaviours[behaviour.address] = behaviour

    def forget(self) -> None:
        """Forget what was received."""
        with self._lock:
            self._received.clear()

    def behaviour_for(self, address: str) -> Behaviour:
        """Return how to answer this request, counting it off."""
        with self._lock:
            for key in (address, None):
                found = self._behaviours.get(key)
                if found is None:
                    continue
                if found.times is not None:
                    if found.times <= 0:
                        continue
                    self._behaviours[key] = msgspec.structs.replace(found, times=found.times - 1)
                return found
        return Behaviour()

    def record(self, received: Received) -> None:
        """Keep a request to send."""
        with self._lock:
            self._received.append(received)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    stub: StubServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no fault of the stub."""


class StubHandler(BaseHTTPRequestHandler):
    """Reads JSON, answers JSON, applies the behaviour."""

    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60.0
    disable_nagle_algorithm = True

    @property
    def stub(self) -> StubServer:
        """The stub that this connection belongs to."""
        return self.server.stub

    def body(self) -> bytes:
        """Return the request's body, at most ``MAX_BODY_BYTES``."""
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(min(length, MAX_BODY_BYTES))

    def answer(
        self, status: int, value: object = None, headers: dict[str, str] | None = None
    ) -> None:
        """Answer with JSON (None: with nothing)."""
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        if body:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def misbehave(self, behaviour: Behaviour) -> bool:
        """Wait, cut off or answer garbage as asked; True if that was the answer."""
        if behaviour.delay_s:
            time.sleep(behaviour.delay_s)
        if behaviour.cut:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return True
        if behaviour.garbage:
            self.send_response(200)
            self.send_header("Content-Length", "9")
            self.end_headers()
            self.wfile.write(b"<html>...")
            return True
        return False

    def retry_headers(self, behaviour: Behaviour) -> dict[str, str]:
        """Return a ``Retry-After`` header if the behaviour wants one."""
        if behaviour.retry_after_s is None:
            return {}
        return {"Retry-After": f"{behaviour.retry_after_s:g}"}

    def accept(self) -> None:
        """Take a request to send; each stub has its own."""
        raise NotImplementedError

    def do_POST(self) -> None:
        """A request to send."""
        self.accept()

    def do_PUT(self) -> None:
        """``/stub/behaviour``."""
        body = self.body()
        if self.path != "/stub/behaviour":
            self.answer(404)
            return
        try:
            self.stub.behave(msgspec.json.decode(body, type=Behaviour))
        except msgspec.DecodeError as error:
            self.answer(400, {"error": str(error)})
            return
        self.answer(204)

    def do_GET(self) -> None:
        """``/stub/messages``."""
        if self.path == "/stub/messages":
            self.answer(200, msgspec.to_builtins(self.stub.received))
        else:
            self.answer(404)

    def do_DELETE(self) -> None:
        """``/stub/messages``."""
        self.stub.forget()
        self.answer(204)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Addresses stand in the requests, so nothing is logged."""


def run_until_interrupted(stub: StubServer, what: str) -> None:
    """Serve in the foreground until Ctrl-C; say where on standard output."""
    stub.start()
    print(f"{what} on {stub.url} (a stand-in: it reaches no phone)", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        stub.stop()
