"""Endpoints of auditors and of whoever runs the service."""

from __future__ import annotations

import hmac
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from dispatch.live import audit, stream
from dispatch.live.api import models
from dispatch.live.api.common import ServiceDep, need, problems
from dispatch.live.auth import NotSignedIn, Principal, Role
from dispatch.live.errors import Invalid, NotAlerting, NotFound, StoreUnavailable
from dispatch.live.service import Service
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from notifications.sms_http import read_report

router = APIRouter(tags=["operations"])

Auditor = Annotated[Principal, Depends(need("audit:read"))]
Operator = Annotated[Principal, Depends(need("keys:write"))]
Anybody = Annotated[Principal, Depends(need("status:read"))]


@router.get("/livez", response_model=models.Alive)
async def livez() -> models.Alive:
    """The process answers."""
    return models.Alive(alive=True)


@router.get(
    "/readyz",
    response_model=models.Ready,
    responses={503: {"model": models.Ready, "description": "Not ready"}},
)
async def readyz(service: ServiceDep) -> Response:
    """Whether calls can be taken: the database can be written and the service moves."""
    causes = [cause.code for cause in service.health.causes if cause.code in _NOT_READY]
    if not causes:  # otherwise the question might hang where everything hangs
        try:
            await run_in_threadpool(service.store.transact, stream.latest)
        except StoreUnavailable:
            causes = ["store"]
    ready = models.Ready(ready=not causes, causes=causes)
    return JSONResponse(ready.model_dump(), status_code=200 if ready.ready else 503)


_NOT_READY = frozenset({"store", "stuck", "pump", "watch", "watch_failed"})
_HANGS = frozenset({"stuck", "watch"})


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(service: ServiceDep) -> Response:
    """Counts and times for Prometheus."""
    return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")


@router.get("/v1/status", response_model=models.Status, responses=problems())
async def status(who: Anybody, service: ServiceDep) -> models.Status:  # noqa: ARG001
    """The line that must be seen: are volunteers being alerted; if not, since when and why.

    While the database does not answer, the line comes as a problem (503) without the counts.
    """
    if any(cause.code in _HANGS for cause in service.health.causes):
        raise NotAlerting(service.line() or "")
    try:
        return await run_in_threadpool(service.store.transact, lambda tx: _status(tx, service))
    except StoreUnavailable as error:
        raise NotAlerting(service.line() or "") from error


def _status(tx: Tx, service: Service) -> models.Status:
    causes = service.health.causes
    incident = schema.incident
    open_ = sa.select(sa.func.count()).select_from(incident).where(incident.c.is_open)
    return models.Status(
        alerting=service.alerting,
        message=service.line() or "Volunteers are being alerted.",
        since=models.moment(service.health.since_s),
        causes=[cause.words for cause in causes if cause.blocking],
        notes=[cause.words for cause in causes if not cause.blocking],
        test_mode=service.settings.test_mode,
        policy_id=service.book.in_force(tx, service.clock()),
        channels=[
            models.ChannelState(
                channel=state.channel,
                failing_since=models.moment(state.failing_since_s),
                reason=state.reason if state.failing_since_s is not None else "",
                waiting=state.waiting,
            )
            for state in service.outbox.sender.health()
        ],
        open_incidents=int(tx.value(open_) or 0),
        need_attention=int(tx.value(open_.where(incident.c.attention.is_not(None))) or 0),
    )


# --- audit ------------------------------------------------------------------------------------


@router.get("/v1/audit", response_model=models.AuditPage, responses=problems())
def audit_page(
    who: Auditor,  # noqa: ARG001
    service: ServiceDep,
    after: Annotated[int, Query(ge=0, le=models.BIG)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    subject: Annotated[str | None, Query(max_length=80)] = None,
) -> models.AuditPage:
    """A page of the chain: who did and who saw what."""
    return service.store.transact(lambda tx: _audit_page(tx, after, limit, subject))


def _audit_page(tx: Tx, after: int, limit: int, subject: str | None) -> models.AuditPage:
    rows = audit.page(tx, after, limit, subject)
    head = tx.value(sa.select(schema.audit.c.hash).order_by(schema.audit.c.seq.desc()).limit(1))
    return models.AuditPage(
        rows=[_audit_row(row) for row in rows],
        next_after=rows[-1]["seq"] if len(rows) == limit else None,
        head=head or audit.START,
    )


def _audit_row(row: dict[str, Any]) -> models.AuditRow:
    at_s = row.pop("at_s")
    return models.AuditRow(**row, at=models.a_moment(at_s))


@router.get("/v1/audit/check", response_model=models.AuditCheck, responses=problems())
def audit_check(who: Auditor, service: ServiceDep) -> models.AuditCheck:  # noqa: ARG001
    """Walk the whole chain."""
    report = service.store.transact(audit.check)
    return models.AuditCheck(
        whole=report.broken_at is None,
        rows=report.rows,
        head=report.head,
        broken_at=report.broken_at,
    )


# --- keys -------------------------------------------------------------------------------------


@router.post("/v1/keys", status_code=201, response_model=models.KeyOut, responses=problems())
def create_key(given: models.KeyIn, who: Operator, service: ServiceDep) -> models.KeyOut:
    """Make a key; it is shown once."""

    def work(tx: Tx) -> str:
        return service.doors.create_key(
            tx,
            Role(given.role),
            given.label,
            by=who.name,
            now_s=service.clock(),
            scopes=tuple(given.scopes),
            expires_at_s=None if given.expires_at is None else given.expires_at.timestamp(),
        )

    key = service.store.transact(work)
    return models.KeyOut(key=key, key_id=key.split("_")[1])


@router.delete("/v1/keys/{key_id}", status_code=204, responses=problems(404))
def revoke_key(
    key_id: Annotated[str, Path(max_length=24)], who: Operator, service: ServiceDep
) -> None:
    """End a key at once."""
    service.store.transact(
        lambda tx: service.doors.revoke_key(tx, key_id, by=who.name, now_s=service.clock())
    )


# --- gateways and TEST mode -------------------------------------------------------------------


@router.post(
    "/v1/channels/sms/reports",
    response_model=models.DeliveryReportTaken,
    responses=problems(404),
)
def sms_report(
    document: dict[str, Any],
    service: ServiceDep,
    authorization: Annotated[str | None, Header()] = None,
) -> models.DeliveryReportTaken:
    """A delivery report of the SMS gateway, with its own key."""
    sms = service.settings.sms_http
    if sms is None or not sms.report_key:
        raise NotFound("no_reports", "delivery reports are not set up here")
    given = (authorization or "").removeprefix("Bearer ").strip()
    if not hmac.compare_digest(given.encode(), sms.report_key.encode()):
        raise NotSignedIn("send Authorization: Bearer with the report key")
    try:
        report = read_report(
            document, reference_field=sms.reference_field, state_field=sms.state_field
        )
    except ValueError as error:
        raise Invalid("body", str(error)) from error
    known = service.store.transact(
        lambda tx: service.responding.reported(tx, report.reference, report.state)
    )
    return models.DeliveryReportTaken(known=known)


@router.get("/v1/test/messages", response_model=models.TestMessages, responses=problems(404))
def simulated_phones(
    request: Request,  # noqa: ARG001
    who: Anybody,  # noqa: ARG001
    service: ServiceDep,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    wait_s: Annotated[float, Query(ge=0, le=10, allow_inf_nan=False)] = 0.0,
) -> models.TestMessages:
    """What simulated phones got (TEST mode): waits up to ``wait_s`` for the next one."""
    if service.parts.memory is None:
        raise NotFound("not_in_test_mode", "there are no simulated phones here")
    kept = service.parts.memory.after(after, wait_s=wait_s)
    return models.TestMessages(
        messages=[
            models.TestMessage(
                number=one.number,
                at=models.a_moment(one.at_s),
                address=one.device.address,
                message_id=one.message.message_id,
                alert_id=one.message.collapse_key,
                kind=one.message.purpose.value,
                title=one.message.words.title,
                body=one.message.words.body,
                expires_at=models.a_moment(one.message.expires_at_s),
            )
            for one in kept
        ]
    )
