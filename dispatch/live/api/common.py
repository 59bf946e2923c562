"""What every endpoint shares: who is calling, answering once, and problems."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from dispatch.live.api.models import Problem
from dispatch.live.auth import NotSignedIn, Principal
from dispatch.live.errors import Conflict, Forbidden, LiveError, Refused
from dispatch.live.service import Service
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx

PROBLEM = "application/problem+json"
TITLES = {
    400: "The request cannot be read",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Not possible now",
    413: "Too large",
    422: "A field is wrong",
    429: "Too many requests",
    500: "A fault of the service",
    503: "The service cannot do this now",
}
Work = Callable[[Tx], tuple[int, BaseModel | None]]


class TooMany(LiveError):  # noqa: N818
    """The caller asks too often."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many requests")
        self.retry_after_s = retry_after_s


def problem(
    status: int, code: str, detail: str, errors: list[dict[str, Any]] | None = None
) -> Problem:
    """Return a problem document."""
    title = TITLES.get(status, "The request failed")
    return Problem(
        type=f"urn:heartreach:problem:{code}",
        title=title,
        status=status,
        code=code,
        detail=detail,
        errors=errors,
    )


def problem_response(found: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem as an answer."""
    return JSONResponse(
        found.model_dump(exclude_none=True),
        status_code=found.status,
        headers=headers,
        media_type=PROBLEM,
    )


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI entries for the problems that an endpoint may answer with."""
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": TITLES[status], "content": content}
        for status in sorted({400, 401, 403, 409, 413, 422, 429, 503, *statuses})
    }


# --- who is calling ---------------------------------------------------------------------------


def service_of(request: Request) -> Service:
    """Return the service that this application serves."""
    service: Service = request.app.state.service
    return service


async def caller(
    request: Request, authorization: Annotated[str | None, Header()] = None
) -> Principal:
    """Return who is calling; raises ``NotSignedIn``, or ``TooMany`` for one that asks too often."""
    service = service_of(request)
    kind, _, secret = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise NotSignedIn("send Authorization: Bearer with a key or token")
    secret = secret.strip()
    principal = service.doors.known(secret, service.clock())
    if principal is None:
        principal = await run_in_threadpool(_look_up, request, secret)
    _limits(request).check(
        principal.name,
        service.clock(),
        rate_per_s=service.settings.rate_per_s,
        burst=service.settings.rate_burst,
    )
    request.state.role = principal.role.value
    return principal


def _look_up(request: Request, secret: str) -> Principal:
    """Read the caller from the database; whoever guesses wrong too often has to wait."""
    service = service_of(request)
    try:
        return service.doors.check(secret, service.clock())
    except NotSignedIn:
        host = request.client.host if request.client else ""
        _limits(request).check(f"guess:{host}", service.clock(), rate_per_s=1.0, burst=60)
        raise


def need(scope: str) -> Callable[..., Awaitable[Principal]]:
    """Return a dependency: the caller, if it has ``scope``."""

    async def check(principal: Annotated[Principal, Depends(caller)]) -> Principal:
        if scope not in principal.scopes:
            raise Forbidden("missing_scope", f"this needs the scope {scope}")
        return principal

    check.scope = scope  # type: ignore[attr-defined]
    return check


class Limits:
    """Token buckets by caller. ``scale`` widens them all: TEST mode plays many phones at once."""

    def __init__(self, most: int = 100_000, scale: int = 1) -> None:
        self._scale = scale
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}
        self._most = most

    def check(self, name: str, now_s: float, *, rate_per_s: float, burst: int) -> None:
        """Take one token; raises ``TooMany`` if there is none left."""
        rate_per_s, burst = rate_per_s * self._scale, burst * self._scale
        with self._lock:
            if len(self._buckets) > self._most:
                self._buckets.clear()
            left, at_s = self._buckets.get(name, (float(burst), now_s))
            left = min(float(burst), left + max(0.0, now_s - at_s) * rate_per_s)
            if left < 1.0:
                raise TooMany((1.0 - left) / rate_per_s)
            self._buckets[name] = (left - 1.0, now_s)


def _limits(request: Request) -> Limits:
    limits: Limits = request.app.state.limits
    return limits


# --- answering once ---------------------------------------------------------------------------

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=120,
        description="The same key with the same body gets the same answer for two days",
    ),
]


class Once:
    """Does the work of a POST once per key: the answer is kept in the work's own transaction."""

    def __init__(self, service: Service, request: Request, key: str | None, body: bytes) -> None:
        self._service = service
        self._key = key
        material = f"{request.method} {request.url.path}\n".encode() + body
        self._fingerprint = hashlib.sha256(material).hexdigest()

    def __call__(self, principal: Principal, work: Work) -> Response:
        """Return the answer: fresh, or the one given before under the same key.

        Raises:
            Conflict: the key was used for another request.
        """
        kept = self._service.store.transact(lambda tx: self._do(tx, principal, work))
        status, body, again = kept
        media = PROBLEM if status >= 400 else "application/json"
        headers = {"Idempotent-Replayed": "true"} if again else None
        return Response(body, status_code=status, headers=headers, media_type=media)

    def _do(self, tx: Tx, principal: Principal, work: Work) -> tuple[int, bytes, bool]:
        table = schema.idempotency
        if self._key:
            same = (table.c.principal == principal.name) & (table.c.idem_key == self._key)
            row = tx.row(sa.select(table).where(same))
            if row is not None:
                if row["fingerprint"] != self._fingerprint:
                    raise Conflict(
                        "idempotency_key_reused", "this key was used for another request"
                    )
                return row["status"], row["body"], True
        status, model = work(tx)
        body = b"" if model is None else _encode(model)
        if self._key:
            tx.insert(
                table,
                principal=principal.name,
                idem_key=self._key,
                fingerprint=self._fingerprint,
                status=status,
                body=body,
                at_s=self._service.clock(),
            )
        return status, body, False


def _encode(model: BaseModel) -> bytes:
    return model.model_dump_json(exclude_none=isinstance(model, Problem)).encode()


async def once(
    request: Request,
    idempotency_key: IdempotencyKey = None,
) -> Once:
    """Dependency: does the work of this POST once."""
    return Once(service_of(request), request, idempotency_key, await request.body())


def refusal(error: Refused) -> tuple[int, Problem]:
    """Return a refusal as an answer that is kept like any other."""
    return error.status, problem(error.status, error.code, error.detail)


ServiceDep = Annotated[Service, Depends(service_of)]
OnceDep = Annotated[Once, Depends(once)]
