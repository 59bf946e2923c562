"""The HTTP application: endpoints, errors as problems, and a log without personal data."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatch.live import fastlane
from dispatch.live.api import control, drones, models, operations, registrar, responder
from dispatch.live.api.common import Limits, TooMany, problem, problem_response
from dispatch.live.auth import NotSignedIn
from dispatch.live.errors import Refused, StoreUnavailable
from dispatch.live.faults import expected
from dispatch.live.logs import logger, where
from dispatch.live.service import Service

API_VERSION = "1"
THREADS = 48
ROUTERS = (
    control.router,
    registrar.router,
    responder.router,
    drones.router,
    operations.router,
)
TEST_SCALE = 100
MAX_BODY_BYTES = 21_000_000
SAFE_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


def create_app(service: Service, *, manage: bool = True) -> FastAPI:
    """Return the application. ``manage``: start and stop the service with it."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        if manage:
            await anyio.to_thread.run_sync(service.start)
        yield
        if manage:
            await anyio.to_thread.run_sync(service.stop)

    app = FastAPI(
        title="Heartreach live service",
        version=API_VERSION,
        description=(
            "Alerts trained neighbours to a cardiac arrest, beside the ambulance response and"
            " never as a part of it."
        ),
        lifespan=life,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    limits = Limits(scale=TEST_SCALE if service.settings.test_mode else 1)
    app.state.limits = limits
    for router in ROUTERS:
        app.include_router(router)
    _handle_errors(app)
    app.add_middleware(_Edge, service=service, limits=limits)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    async def _refused(_: Request, error: Refused) -> Response:
        faults = [{"fault": fault} for fault in getattr(error, "faults", ())] or None
        return problem_response(problem(error.status, error.code, error.detail, faults))

    @app.exception_handler(NotSignedIn)
    async def _not_signed_in(_: Request, error: NotSignedIn) -> Response:
        found = problem(401, "not_signed_in", str(error))
        return problem_response(found, {"WWW-Authenticate": "Bearer"})

    @app.exception_handler(TooMany)
    async def _too_many(_: Request, error: TooMany) -> Response:
        found = problem(429, "too_many_requests", "ask again a little later")
        return problem_response(found, {"Retry-After": str(max(1, round(error.retry_after_s)))})

    @app.exception_handler(StoreUnavailable)
    async def _unavailable(_: Request, __: StoreUnavailable) -> Response:
        found = problem(503, "store_unavailable", "nothing was taken note of: try again")
        return problem_response(found, {"Retry-After": "1"})

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        if any(fault["type"] == "json_invalid" for fault in found):
            return problem_response(problem(400, "not_json", "the body is not JSON"))
        faults = [
            {"field": ".".join(str(part) for part in fault["loc"]), "expected": expected(fault)}
            for fault in found
        ]
        return problem_response(problem(422, "invalid", "a field is wrong", faults))

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # what cannot even be decoded
            return problem_response(problem(400, "not_json", "the body is not JSON"))
        found = problem(error.status_code, f"http_{error.status_code}", str(error.detail))
        return problem_response(found, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def _fault(_: Request, error: Exception) -> Response:
        logger().error("request_failed", kind=type(error).__name__, at=where(error))
        return problem_response(problem(500, "internal", "a fault of the service; it was logged"))


class _Edge:
    """Headers, size limit, and one log line per request: template and status, no ids, no bodies."""

    def __init__(self, app: ASGIApp, service: Service, limits: Limits) -> None:
        self._app = app
        self._service = service
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *_missing(message)]
            await send(message)

        if _too_large(scope):
            found = problem(413, "too_large", "the body is too large")
            await problem_response(found)(scope, receive, send_with_headers)
        elif scope["path"] == fastlane.PATH and scope["method"] == "POST":
            rest = await fastlane.take_position(
                self._service, self._limits, scope, receive, send_with_headers
            )
            if rest is None:
                return  # the plain case is counted, not logged
            await self._app(scope, rest, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)
        took_s = time.perf_counter() - started
        route = getattr(scope.get("route"), "path", "unknown")
        self._service.metrics.requested(scope["method"], route, status, took_s)
        logger().debug(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            took_ms=round(took_s * 1000, 1),
            role=scope.get("state", {}).get("role"),
        )


def _missing(message: Message) -> list[tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in message.get("headers", [])}
    return [header for header in SAFE_HEADERS if header[0] not in present]


def _too_large(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return value.isdigit() and int(value) > MAX_BODY_BYTES
    return False


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = models.Problem.model_json_schema()
        _declare_security(document)
        app.openapi_schema = document
    return app.openapi_schema


def _declare_security(document: dict[str, Any]) -> None:
    """Say which endpoint needs which scope; the header itself is then no parameter."""
    schemes = document["components"].setdefault("securitySchemes", {})
    schemes["bearer"] = {"type": "http", "scheme": "bearer"}
    for route in (route for router in ROUTERS for route in router.routes):
        scope = _scope_of(route)
        for method in getattr(route, "methods", None) or ():
            operation = document["paths"].get(getattr(route, "path", ""), {}).get(method.lower())
            if operation is None:
                continue
            operation["parameters"] = [
                parameter
                for parameter in operation.get("parameters", [])
                if parameter["name"] != "authorization"
            ]
            if scope is not None:
                operation["security"] = [{"bearer": []}]
                operation["x-scope"] = scope


def _scope_of(route: object) -> str | None:
    dependant = getattr(route, "dependant", None)
    for dependency in getattr(dependant, "dependencies", ()):
        scope = getattr(dependency.call, "scope", None)
        if isinstance(scope, str):
            return scope
    return None


Endpoint = Callable[[Request], Awaitable[Response]]
