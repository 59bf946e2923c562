"""Endpoints of ambulance control."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from dispatch.live import audit, coverage, stream, views
from dispatch.live.api import models
from dispatch.live.api.common import OnceDep, ServiceDep, need, problems
from dispatch.live.auth import Principal
from dispatch.live.errors import StoreUnavailable
from dispatch.live.service import Service
from dispatch.live.store.engine import Tx
from dispatch.live.webhooks import public

router = APIRouter(tags=["control"])

Writer = Annotated[Principal, Depends(need("incidents:write"))]
Reader = Annotated[Principal, Depends(need("incidents:read"))]
Stopper = Annotated[Principal, Depends(need("alerting:stop"))]
IncidentId = Annotated[str, Path(min_length=1, max_length=60)]

HEARTBEAT_S = 3.0  # what the watch finds within 6 s is on the stream within ten


@router.post(
    "/v1/incidents",
    status_code=201,
    response_model=models.IncidentView,
    responses={
        200: {"model": models.IncidentView, "description": "The call was known already"},
        **problems(409),
    },
)
def report(call: models.ReportIn, who: Writer, service: ServiceDep, once: OnceDep) -> Response:
    """Report a call. The same source and reference again is the same incident.

    Reported again, what it says is taken over and what is left out stays. Refused (409): an older
    version, the same version with other contents, and an incident that has ended.
    """
    return once(who, lambda tx: service.control.report(tx, call, who.name))


@router.get("/v1/incidents", response_model=models.IncidentList, responses=problems())
def incidents(
    who: Reader,  # noqa: ARG001 - the dependency is the check
    service: ServiceDep,
    only_open: Annotated[bool, Query(alias="open")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> models.IncidentList:
    """The latest incidents."""
    return service.store.transact(
        lambda tx: views.incident_list(tx, only_open=only_open, limit=limit)
    )


@router.get(
    "/v1/incidents/{incident_id}", response_model=models.IncidentView, responses=problems(404)
)
def incident(incident_id: IncidentId, who: Reader, service: ServiceDep) -> models.IncidentView:
    """One incident. That it was looked at is noted in the audit."""

    def work(tx: Tx) -> models.IncidentView:
        view = service.control.view(tx, incident_id)
        audit.append(tx, service.clock(), who.name, "incident.view", incident_id)
        return view

    return service.store.transact(work)


@router.patch(
    "/v1/incidents/{incident_id}",
    response_model=models.IncidentView,
    responses=problems(404, 409),
)
def update(
    incident_id: IncidentId, change: models.UpdateIn, who: Writer, service: ServiceDep
) -> models.IncidentView:
    """Something is different: place, code, flags, CPR, confirmed."""
    return service.store.transact(
        lambda tx: service.control.update(tx, incident_id, change, who.name)
    )


@router.post(
    "/v1/incidents/{incident_id}/close",
    response_model=models.IncidentView,
    responses=problems(404, 409),
)
def close(
    incident_id: IncidentId, end: models.EndIn, who: Writer, service: ServiceDep, once: OnceDep
) -> Response:
    """The emergency is over: everybody is thanked and stood down."""
    return once(
        who,
        lambda tx: (
            200,
            service.control.end(tx, incident_id, end.reason, who.name, cancel=False),
        ),
    )


@router.post(
    "/v1/incidents/{incident_id}/cancel",
    response_model=models.IncidentView,
    responses=problems(404, 409),
)
def cancel(
    incident_id: IncidentId, end: models.EndIn, who: Writer, service: ServiceDep, once: OnceDep
) -> Response:
    """Control takes the call back."""
    return once(
        who,
        lambda tx: (200, service.control.end(tx, incident_id, end.reason, who.name, cancel=True)),
    )


@router.post(
    "/v1/incidents/{incident_id}/scene",
    response_model=models.IncidentView,
    responses=problems(404, 409),
)
def scene(
    incident_id: IncidentId, change: models.SceneIn, who: Writer, service: ServiceDep, once: OnceDep
) -> Response:
    """The scene is safe or unsafe; or nobody is to be asked to this patient."""
    return once(who, lambda tx: (200, service.control.scene(tx, incident_id, change, who.name)))


@router.post(
    "/v1/incidents/{incident_id}/ambulance",
    response_model=models.IncidentView,
    responses=problems(404, 409),
)
def ambulance(
    incident_id: IncidentId,
    change: models.AmbulanceIn,
    who: Writer,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """When the ambulance is expected, or that it is there, which cannot be taken back."""
    return once(who, lambda tx: (200, service.control.ambulance(tx, incident_id, change, who.name)))


@router.get(
    "/v1/incidents/{incident_id}/explanation",
    response_model=models.Explanation,
    responses=problems(404),
)
def explanation(
    incident_id: IncidentId,
    who: Reader,
    service: ServiceDep,
    why_not: Annotated[int | None, Query(ge=0, le=models.BIG)] = None,
) -> models.Explanation:
    """Why these people; ``why_not``: why not this one."""
    return service.store.transact(
        lambda tx: service.control.explanation(tx, incident_id, why_not, who.name)
    )


@router.get("/v1/coverage", response_model=models.Coverage, responses=problems())
def coverage_now(
    who: Annotated[Principal, Depends(need("coverage:read"))],  # noqa: ARG001
    service: ServiceDep,
) -> models.Coverage:
    """Who could be asked right now, and where: counts, nobody's position."""
    return service.store.transact(lambda tx: coverage.now(tx, service.parts))


# --- the brake --------------------------------------------------------------------------------


@router.post(
    "/v1/alerting/stop", status_code=201, response_model=models.BrakeOut, responses=problems()
)
def stop(brake: models.StopIn, who: Stopper, service: ServiceDep, once: OnceDep) -> Response:
    """Stop all alerting; drones included."""
    return _braked(service, once(who, lambda tx: (201, service.braking.stop(tx, brake, who.name))))


@router.post(
    "/v1/no-alert-areas", status_code=201, response_model=models.BrakeOut, responses=problems()
)
def area(brake: models.AreaIn, who: Stopper, service: ServiceDep, once: OnceDep) -> Response:
    """Ask nobody to patients within an area."""
    return _braked(service, once(who, lambda tx: (201, service.braking.stop(tx, brake, who.name))))


@router.post("/v1/alerting/resume", response_model=models.BrakeList, responses=problems(404))
def resume(given: models.ResumeIn, who: Stopper, service: ServiceDep, once: OnceDep) -> Response:
    """Take the brake off: the one named, or the only stop."""
    return _braked(
        service, once(who, lambda tx: (200, service.braking.resume(tx, given, who.name)))
    )


@router.get("/v1/alerting", response_model=models.BrakeList, responses=problems())
def brakes_in_force(
    who: Annotated[Principal, Depends(need("status:read"))],  # noqa: ARG001
    service: ServiceDep,
) -> models.BrakeList:
    """Every stop and area in force."""
    return service.store.transact(service.braking.in_force)


def _braked(service: Service, answer: Response) -> Response:
    service.watch()  # the state that must be seen changes at once
    return answer


# --- the stream -------------------------------------------------------------------------------


@router.get(
    "/v1/stream",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **problems(),
    },
)
async def events(
    request: Request,
    who: Annotated[Principal, Depends(need("stream:read"))],  # noqa: ARG001
    service: ServiceDep,
    last_event_id: Annotated[str | None, Header()] = None,
    after: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    until_idle: Annotated[bool, Query(description="End when there is nothing more")] = False,
) -> StreamingResponse:
    """What happens, as server-sent events; ``Last-Event-ID`` or ``after`` resumes."""
    number = after
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
        number = min(int(last_event_id), 2**53)
    if number is None:
        number = await run_in_threadpool(service.store.transact, stream.latest)
    return StreamingResponse(
        _stream(request, service, number, until_idle),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(
    request: Request, service: Service, number: int, until_idle: bool
) -> AsyncIterator[bytes]:
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    forget = service.stream.listen(lambda: loop.call_soon_threadsafe(news.set))
    try:
        yield _status_event(service)
        while not service.leaving and not await request.is_disconnected():
            news.clear()
            reading = asyncio.ensure_future(
                run_in_threadpool(
                    service.store.transact, lambda tx, after=number: stream.after(tx, after)
                )
            )
            while not (await asyncio.wait({reading}, timeout=HEARTBEAT_S))[0]:
                yield _status_event(service)  # the line is seen also while the database hangs
            try:
                items = reading.result()
            except StoreUnavailable:
                yield _status_event(service)
                await asyncio.sleep(1.0)
                continue
            if items:  # in one piece: a line that was dropped is not written to again and again
                number = items[-1].number
                yield b"".join(_event(item) for item in items)
            if until_idle and not items:
                return
            if not items:
                try:
                    await asyncio.wait_for(news.wait(), HEARTBEAT_S)
                except TimeoutError:
                    yield _status_event(service)
    finally:
        forget()


def _event(item: stream.Item) -> bytes:
    data = json.dumps(public(item), separators=(",", ":"))
    return f"id: {item.number}\nevent: {item.kind}\ndata: {data}\n\n".encode()


def _status_event(service: Service) -> bytes:
    """The state that must be seen, at the start and whenever it is quiet."""
    told = {
        "alerting": service.alerting,
        "message": service.line() or "alerting",
        "causes": [cause.words for cause in service.health.causes if cause.blocking],
    }
    data = json.dumps(told)
    return f"event: status\ndata: {data}\n\n".encode()


@router.post(
    "/v1/webhooks", status_code=201, response_model=models.WebhookOut, responses=problems(409)
)
def add_webhook(
    hook: models.WebhookIn,
    who: Annotated[Principal, Depends(need("webhooks:write"))],
    service: ServiceDep,
) -> models.WebhookOut:
    """Be told of everything, signed. The secret is shown once.

    Answer 2xx within 5 s; otherwise the same event comes again, after 1 s, 2 s, 4 s ... 300 s, for
    a day. An address that is told already is refused (409): remove it first.
    """
    return service.store.transact(lambda tx: service.webhooks.add(tx, hook, who.name))


@router.get("/v1/webhooks", response_model=models.WebhookList, responses=problems())
def webhooks(
    who: Annotated[Principal, Depends(need("webhooks:write"))],  # noqa: ARG001
    service: ServiceDep,
) -> models.WebhookList:
    """Who is told, and how that goes; no secrets."""
    return service.store.transact(service.webhooks.listed)


@router.delete("/v1/webhooks/{webhook_id}", status_code=204, responses=problems(404))
def remove_webhook(
    webhook_id: Annotated[str, Path(max_length=60)],
    who: Annotated[Principal, Depends(need("webhooks:write"))],
    service: ServiceDep,
) -> None:
    """Be told no more."""
    service.store.transact(lambda tx: service.webhooks.remove(tx, webhook_id, who.name))
