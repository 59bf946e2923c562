"""Endpoints about drones: the registry, and what their operator fetches and reports."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from dispatch.live.api import models
from dispatch.live.api.common import OnceDep, ServiceDep, need, problems
from dispatch.live.auth import Principal

router = APIRouter(tags=["drones"])

Reader = Annotated[Principal, Depends(need("drones:read"))]
Registrar = Annotated[Principal, Depends(need("drones:write"))]
Operator = Annotated[Principal, Depends(need("drones:operate"))]
DroneId = Annotated[int, Path(ge=0, le=models.BIG)]
IncidentId = Annotated[str, Path(min_length=1, max_length=60)]
Number = Annotated[int, Path(ge=0, le=models.BIG)]

LONGEST_WAIT_S = 30.0


# --- the registry -----------------------------------------------------------------------------


@router.get("/v1/drones", response_model=models.DroneList, responses=problems())
def drones(
    who: Reader,  # noqa: ARG001 - the dependency is the check
    service: ServiceDep,
    after: Annotated[int, Query(ge=0, le=models.BIG)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> models.DroneList:
    """A page of drones."""
    return service.store.transact(lambda tx: service.drones.listed(tx, after, limit))


@router.post(
    "/v1/drones",
    status_code=201,
    response_model=models.DroneOut,
    responses={200: {"model": models.DroneOut, "description": "It was known"}, **problems()},
)
def put_drone(
    drone: models.DroneIn, who: Registrar, service: ServiceDep, once: OnceDep
) -> Response:
    """Add a drone; out of service until its operator says that it may fly."""
    return once(who, lambda tx: service.drones.put(tx, drone, who.name))


@router.post("/v1/drones/import", response_model=models.ImportOut, responses=problems())
def import_drones(
    given: models.ImportIn, who: Registrar, service: ServiceDep, once: OnceDep
) -> Response:
    """Take over a list (CSV or GeoJSON), whole or not at all; 422 with every fault otherwise."""
    return once(who, lambda tx: (200, service.drones.take_list(tx, given, who.name)))


@router.get("/v1/drones/{drone_id}", response_model=models.DroneOut, responses=problems(404))
def drone(
    drone_id: DroneId,
    who: Reader,  # noqa: ARG001
    service: ServiceDep,
) -> models.DroneOut:
    """One drone."""
    return service.store.transact(lambda tx: service.drones.view(tx, drone_id))


@router.delete("/v1/drones/{drone_id}", status_code=204, responses=problems(404, 409))
def remove_drone(drone_id: DroneId, who: Registrar, service: ServiceDep) -> None:
    """Take a drone out of the registry."""
    service.store.transact(lambda tx: service.drones.remove(tx, drone_id, who.name))


@router.post(
    "/v1/drones/{drone_id}/service", response_model=models.DroneOut, responses=problems(404)
)
def set_service(
    drone_id: DroneId,
    given: models.DroneServiceIn,
    who: Operator,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """The operator says that a drone may fly, or may not."""
    return once(who, lambda tx: (200, service.drones.set_service(tx, drone_id, given, who.name)))


# --- the operator -----------------------------------------------------------------------------


@router.get("/v1/drone-operator/tasks", response_model=models.DroneTasks, responses=problems())
def open_tasks(
    who: Operator,  # noqa: ARG001
    service: ServiceDep,
) -> models.DroneTasks:
    """Every open task, and from where to ask for orders: how an operator begins."""
    return service.store.transact(service.drone_desk.tasks)


@router.get("/v1/drone-operator/orders", response_model=models.DroneOrders, responses=problems())
async def orders(
    request: Request,
    who: Operator,  # noqa: ARG001
    service: ServiceDep,
    after: Annotated[int, Query(ge=0, le=2**53)],
    wait_s: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, allow_inf_nan=False)] = 0.0,
) -> models.DroneOrders:
    """What is asked and told after an order's number; waits up to ``wait_s`` for the next one."""
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    end_s = loop.time() + wait_s
    forget = service.stream.listen(lambda: loop.call_soon_threadsafe(news.set))
    try:
        while True:
            news.clear()
            found: models.DroneOrders = await run_in_threadpool(
                service.store.transact,
                lambda tx, number=after: service.drone_desk.orders(tx, number),
            )
            after, left_s = found.next_after, end_s - loop.time()
            if found.orders or left_s <= 0.0 or service.leaving or await request.is_disconnected():
                return found
            try:
                await asyncio.wait_for(news.wait(), left_s)
            except TimeoutError:
                return found
    finally:
        forget()


@router.post(
    "/v1/drone-operator/searches/{incident_id}/{search_id}",
    response_model=models.DroneTaken,
    responses=problems(404),
)
def answer_search(
    incident_id: IncidentId,
    search_id: Number,
    given: models.DronesFoundIn,
    who: Operator,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """The answer to ``find``: drones that could go, and why the others cannot."""
    return once(
        who,
        lambda tx: (200, service.drone_desk.answer(tx, incident_id, search_id, given, who.name)),
    )


@router.post(
    "/v1/drone-operator/tasks/{incident_id}/{task_id}",
    response_model=models.DroneTaken,
    responses=problems(404),
)
def report_news(
    incident_id: IncidentId,
    task_id: Number,
    given: models.DroneNewsIn,
    who: Operator,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """What became of a task. Late, doubled or out of order: it changes nothing and is no fault."""
    return once(
        who,
        lambda tx: (200, service.drone_desk.news(tx, incident_id, task_id, given, who.name)),
    )
