"""Endpoints of volunteers' phones."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from dispatch.live.api import models
from dispatch.live.api.common import OnceDep, ServiceDep, need, problems, refusal, service_of
from dispatch.live.auth import NotSignedIn, Principal
from dispatch.live.store.engine import Tx

router = APIRouter(tags=["responder"])

Volunteer = Annotated[Principal, Depends(need("me"))]
AlertKey = Annotated[str, Path(min_length=1, max_length=60)]
DeviceId = Annotated[str, Path(min_length=1, max_length=60)]
MessageId = Annotated[str, Path(min_length=1, max_length=60)]


def _id(who: Principal) -> int:
    assert who.responder_id is not None
    return who.responder_id


# --- signing in -------------------------------------------------------------------------------


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Heartreach</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""


@router.get("/enrol", include_in_schema=False, response_class=HTMLResponse)
def enrol_page() -> str:
    """What a browser shows of an invitation; the code stands behind # and does not come here."""
    text = (
        "This link belongs to the volunteers' app. Open it on the phone that is to ring, with the"
        " app installed. If the app does not open by itself, type the code after the # sign there."
    )
    return _PAGE.format(title="Your invitation", text=text)


@router.get("/open", include_in_schema=False, response_class=HTMLResponse)
def open_page() -> str:
    """What a browser shows of a link in a message; which message, stands behind #."""
    text = "This link belongs to the volunteers' app. Open the app now, and sign in if it asks."
    return _PAGE.format(title="Open the app", text=text)


@router.post("/v1/enrol", status_code=201, response_model=models.TokenOut, responses=problems(404))
def enrol(given: models.EnrolIn, request: Request, service: ServiceDep) -> models.TokenOut:
    """Use an invitation, once; the answer signs this phone in."""
    host = request.client.host if request.client else ""
    request.app.state.limits.check(f"enrol:{host}", service.clock(), rate_per_s=0.5, burst=60)
    pair = service.store.transact(lambda tx: service.people.enrol(tx, given.code))
    return models.TokenOut.model_validate(pair)


@router.post("/v1/token", response_model=models.TokenOut, responses=problems())
def refresh(given: models.RefreshIn, request: Request, service: ServiceDep) -> models.TokenOut:
    """Change a refresh token for a new pair. An old one that comes back ends its family."""
    host = request.client.host if request.client else ""
    request.app.state.limits.check(f"token:{host}", service.clock(), rate_per_s=5.0, burst=300)
    pair = service.store.transact(
        lambda tx: service.doors.rotate(tx, given.refresh_token, service.clock())
    )
    if pair is None:
        raise NotSignedIn("this refresh token is not good any more: enrol again")
    return models.TokenOut.model_validate(pair)


@router.post("/v1/me/sign-out", status_code=204, responses=problems())
def sign_out(who: Volunteer, service: ServiceDep) -> None:
    """Sign this phone out."""
    service.store.transact(lambda tx: service.doors.end_family(tx, who.family, service.clock()))


# --- the person -------------------------------------------------------------------------------


@router.get("/v1/me", response_model=models.Me, responses=problems(404))
def me(who: Volunteer, service: ServiceDep) -> models.Me:
    """What the service knows about the caller."""
    return service.store.transact(lambda tx: service.oneself.me(tx, _id(who)))


@router.get("/v1/me/availability", response_model=models.AvailabilityOut, responses=problems(404))
def availability(who: Volunteer, service: ServiceDep) -> models.AvailabilityOut:
    """The caller's wishes, and whether they may be asked now."""
    return service.store.transact(lambda tx: service.oneself.availability(tx, _id(who)))


@router.put("/v1/me/availability", response_model=models.AvailabilityOut, responses=problems(404))
def set_availability(
    wanted: models.AvailabilityIn, who: Volunteer, service: ServiceDep
) -> models.AvailabilityOut:
    """Replace all wishes."""
    return service.store.transact(lambda tx: service.oneself.set_availability(tx, _id(who), wanted))


@router.post(
    "/v1/me/positions",
    status_code=202,
    response_model=models.PositionTaken,
    response_model_exclude_none=True,
    responses=problems(),
)
async def position(
    fix: models.PositionIn, request: Request, who: Volunteer
) -> models.PositionTaken:
    """Where the phone is. Only the latest is kept, and it is written within half a second."""
    service = service_of(request)
    why_not = service.pings.take(_id(who), fix.lat, fix.lon, fix.accuracy_m, fix.at.timestamp())
    return models.PositionTaken(taken=why_not is None, why_not=why_not)


# --- devices ----------------------------------------------------------------------------------


@router.get("/v1/me/devices", response_model=models.DeviceList, responses=problems())
def devices(who: Volunteer, service: ServiceDep) -> models.DeviceList:
    """The caller's devices with what their last test showed."""
    return service.store.transact(lambda tx: service.phones.overview(tx, _id(who)))


@router.post(
    "/v1/me/devices", status_code=201, response_model=models.DeviceOut, responses=problems()
)
def add_device(
    device: models.DeviceIn, who: Volunteer, service: ServiceDep, once: OnceDep
) -> Response:
    """Enrol a device, or renew one that is known."""
    return once(who, lambda tx: (201, service.phones.add(tx, _id(who), device)))


@router.delete("/v1/me/devices/{device_id}", status_code=204, responses=problems(404))
def remove_device(device_id: DeviceId, who: Volunteer, service: ServiceDep) -> None:
    """Forget a device."""
    service.store.transact(lambda tx: service.phones.remove(tx, _id(who), device_id))


@router.post(
    "/v1/me/devices/{device_id}/test", response_model=models.TestSent, responses=problems(404)
)
def test_device(
    device_id: DeviceId, who: Volunteer, service: ServiceDep, once: OnceDep
) -> Response:
    """Would this phone wake me? A test sounds like an alert."""
    return once(who, lambda tx: (200, service.phones.test(tx, _id(who), device_id)))


@router.post("/v1/me/messages/{message_id}/receipt", status_code=204, responses=problems(404))
def receipt(
    message_id: MessageId,
    who: Volunteer,
    service: ServiceDep,
    given: models.ReceiptIn | None = None,
) -> None:
    """The phone showed a message: no other channel is needed. The body may be left out."""
    shown = given or models.ReceiptIn()
    service.store.transact(lambda tx: service.responding.receipt(tx, _id(who), message_id, shown))


# --- alerts -----------------------------------------------------------------------------------


@router.get("/v1/me/alerts", response_model=models.AlertsForResponder, responses=problems())
def alerts(who: Volunteer, service: ServiceDep) -> models.AlertsForResponder:
    """Open alerts. Place and notes are there only while the caller is going."""
    return service.store.transact(lambda tx: service.responding.alerts(tx, _id(who)))


@router.get(
    "/v1/me/alerts/{alert_id}",
    response_model=models.AlertForResponder,
    responses=problems(404),
)
def alert(alert_id: AlertKey, who: Volunteer, service: ServiceDep) -> models.AlertForResponder:
    """One alert; to look at it is to have seen it."""
    return service.store.transact(lambda tx: service.responding.open_alert(tx, _id(who), alert_id))


@router.post(
    "/v1/me/alerts/{alert_id}/answer",
    response_model=models.AlertForResponder,
    responses=problems(404, 409),
)
def answer(
    alert_id: AlertKey,
    given: models.AnswerIn,
    who: Volunteer,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """ "I can go", "Not this time", "I can't continue". A yes that is too late gets 409 and why."""

    def work(tx: Tx) -> tuple[int, BaseModel]:
        view = service.responding.answer(tx, _id(who), alert_id, given)
        late = service.responding.late(tx, _id(who), alert_id) if given.answer == "yes" else None
        return refusal(late) if late is not None else (200, view)

    return once(who, work)


@router.post(
    "/v1/me/alerts/{alert_id}/status",
    response_model=models.AlertForResponder,
    responses=problems(404, 409),
)
def status(
    alert_id: AlertKey,
    given: models.StatusIn,
    who: Volunteer,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """What the caller is doing."""
    return once(who, lambda tx: (200, service.responding.status(tx, _id(who), alert_id, given)))


@router.post(
    "/v1/me/alerts/{alert_id}/after-care",
    response_model=models.AfterCareOut,
    responses=problems(404),
)
def after_care(
    alert_id: AlertKey,
    given: models.AfterCareIn,
    who: Volunteer,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """How it was, and whether somebody shall ring."""
    return once(who, lambda tx: (200, service.responding.after_care(tx, _id(who), alert_id, given)))
