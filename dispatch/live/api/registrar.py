"""Endpoints of registrars: volunteers, training, invitations, AEDs, policies."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from dispatch.live.api import models
from dispatch.live.api.common import OnceDep, ServiceDep, need, problems
from dispatch.live.auth import Principal
from dispatch.live.errors import NotFound
from dispatch.live.service import Service
from dispatch.live.store.engine import Tx

router = APIRouter(tags=["registrar"])

ForPeople = Annotated[Principal, Depends(need("responders:write"))]
ForAeds = Annotated[Principal, Depends(need("aeds:write"))]
ForPolicies = Annotated[Principal, Depends(need("policies:write"))]
ResponderId = Annotated[int, Path(ge=0, le=models.BIG)]
AedId = Annotated[int, Path(ge=0, le=models.BIG)]
PolicyId = Annotated[str, Path(max_length=64)]
CredentialId = Annotated[str, Path(max_length=60)]
After = Annotated[int, Query(ge=0, le=models.BIG)]
Limit = Annotated[int, Query(ge=1, le=500)]


# --- people -----------------------------------------------------------------------------------


@router.post(
    "/v1/responders", status_code=201, response_model=models.ResponderOut, responses=problems()
)
def add_responder(
    person: models.ResponderIn, who: ForPeople, service: ServiceDep, once: OnceDep
) -> Response:
    """Register a volunteer."""
    return once(who, lambda tx: (201, service.people.add(tx, person, who.name)))


@router.post(
    "/v1/responders/import",
    status_code=201,
    response_model=models.PeopleImportOut,
    responses=problems(),
)
def import_responders(
    given: models.PeopleImportIn, who: ForPeople, service: ServiceDep, once: OnceDep
) -> Response:
    """Register a list, whole or not at all; 422 with every fault otherwise."""
    return once(who, lambda tx: (201, service.people.take_list(tx, given, who.name)))


@router.get("/v1/responders", response_model=models.ResponderList, responses=problems())
def responders(
    who: ForPeople,  # noqa: ARG001
    service: ServiceDep,
    after: After = 0,
    limit: Limit = 100,
) -> models.ResponderList:
    """A page of volunteers."""
    return service.store.transact(lambda tx: service.people.listed(tx, after, limit))


@router.get(
    "/v1/responders/{responder_id}", response_model=models.ResponderOut, responses=problems(404)
)
def responder(
    responder_id: ResponderId,
    who: ForPeople,  # noqa: ARG001
    service: ServiceDep,
) -> models.ResponderOut:
    """One volunteer."""
    return service.store.transact(lambda tx: service.people.view(tx, responder_id))


@router.patch(
    "/v1/responders/{responder_id}", response_model=models.ResponderOut, responses=problems(404)
)
def change_responder(
    responder_id: ResponderId,
    change: models.ResponderChange,
    who: ForPeople,
    service: ServiceDep,
) -> models.ResponderOut:
    """Name, contact, places."""
    return service.store.transact(
        lambda tx: service.people.change(tx, responder_id, change, who.name)
    )


@router.delete("/v1/responders/{responder_id}", status_code=204, responses=problems(404))
def remove_responder(responder_id: ResponderId, who: ForPeople, service: ServiceDep) -> None:
    """A volunteer leaves: personal data goes at once."""
    service.store.transact(lambda tx: service.people.leave(tx, responder_id, who.name))


@router.post(
    "/v1/responders/{responder_id}/suspend",
    response_model=models.ResponderOut,
    responses=problems(404, 409),
)
def suspend(
    responder_id: ResponderId,
    given: models.ReasonIn,
    who: ForPeople,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """Ask this person no more, at once."""
    return once(
        who,
        lambda tx: (200, service.people.suspend(tx, responder_id, given.reason, who.name)),
    )


@router.post(
    "/v1/responders/{responder_id}/restore",
    response_model=models.ResponderOut,
    responses=problems(404, 409),
)
def restore(
    responder_id: ResponderId, who: ForPeople, service: ServiceDep, once: OnceDep
) -> Response:
    """End a suspension."""
    return once(who, lambda tx: (200, service.people.restore(tx, responder_id, who.name)))


@router.post(
    "/v1/responders/{responder_id}/credentials",
    status_code=201,
    response_model=models.ResponderOut,
    responses=problems(404),
)
def add_credential(
    responder_id: ResponderId,
    credential: models.CredentialIn,
    who: ForPeople,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """Note evidence of training."""
    return once(
        who,
        lambda tx: (201, service.people.add_credential(tx, responder_id, credential, who.name)),
    )


@router.post(
    "/v1/responders/{responder_id}/credentials/{credential_id}/verify",
    response_model=models.ResponderOut,
    responses=problems(404),
)
def verify_credential(
    responder_id: ResponderId,
    credential_id: CredentialId,
    who: ForPeople,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """The caller has seen the evidence."""
    return once(
        who,
        lambda tx: (
            200,
            service.people.verify_credential(tx, responder_id, credential_id, who.name),
        ),
    )


@router.post(
    "/v1/responders/{responder_id}/credentials/{credential_id}/revoke",
    response_model=models.ResponderOut,
    responses=problems(404),
)
def revoke_credential(
    responder_id: ResponderId,
    credential_id: CredentialId,
    given: models.ReasonIn,
    who: ForPeople,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """The evidence no longer counts."""

    def work(tx: Tx) -> tuple[int, models.ResponderOut]:
        return 200, service.people.revoke_credential(
            tx, responder_id, credential_id, given.reason, who.name
        )

    return once(who, work)


@router.post(
    "/v1/invitations",
    status_code=201,
    response_model=models.InvitationOut,
    responses=problems(404, 409),
)
def invite(
    invitation: models.InvitationIn, who: ForPeople, service: ServiceDep
) -> models.InvitationOut:
    """Make an enrolment link. It is shown once; asked for again, there is a new one."""
    return service.store.transact(lambda tx: service.people.invite(tx, invitation, who.name))


# --- AEDs -------------------------------------------------------------------------------------


@router.get("/v1/aeds", response_model=models.AedList, responses=problems())
def aeds(
    who: ForAeds,  # noqa: ARG001
    service: ServiceDep,
    after: After = 0,
    limit: Limit = 100,
) -> models.AedList:
    """A page of AEDs."""
    return service.store.transact(lambda tx: service.aeds.listed(tx, after, limit))


@router.post(
    "/v1/aeds",
    status_code=201,
    response_model=models.AedOut,
    responses={200: {"model": models.AedOut, "description": "It was known"}, **problems()},
)
def put_aed(aed: models.AedIn, who: ForAeds, service: ServiceDep, once: OnceDep) -> Response:
    """Add an AED; out of service until somebody has checked it."""
    return once(who, lambda tx: service.aeds.put(tx, aed, who.name))


@router.post("/v1/aeds/import", response_model=models.ImportOut, responses=problems())
def import_aeds(
    given: models.ImportIn, who: ForAeds, service: ServiceDep, once: OnceDep
) -> Response:
    """Take over a list, whole or not at all; 422 with every fault otherwise."""
    return once(who, lambda tx: (200, service.aeds.take_list(tx, given, who.name)))


@router.get("/v1/aeds/{aed_id}", response_model=models.AedOut, responses=problems(404))
def aed(
    aed_id: AedId,
    who: ForAeds,  # noqa: ARG001
    service: ServiceDep,
) -> models.AedOut:
    """One AED."""
    return service.store.transact(lambda tx: service.aeds.view(tx, aed_id))


@router.post("/v1/aeds/{aed_id}/check", response_model=models.AedOut, responses=problems(404))
def check_aed(
    aed_id: AedId, check: models.AedCheckIn, who: ForAeds, service: ServiceDep, once: OnceDep
) -> Response:
    """Somebody looked at it."""
    return once(who, lambda tx: (200, service.aeds.check(tx, aed_id, check, who.name)))


# --- policies ---------------------------------------------------------------------------------


@router.get("/v1/policies", response_model=models.PolicyList, responses=problems())
def policies(
    who: ForPolicies,  # noqa: ARG001
    service: ServiceDep,
) -> models.PolicyList:
    """Every policy and where it stands."""
    return service.store.transact(lambda tx: _policies(tx, service))


@router.post("/v1/policies", status_code=201, response_model=models.PolicyOut, responses=problems())
def propose(
    given: models.PolicyIn, who: ForPolicies, service: ServiceDep, once: OnceDep
) -> Response:
    """Hand in a policy file."""

    def work(tx: Tx) -> tuple[int, models.PolicyOut]:
        now_s = service.clock()
        policy_id = service.book.propose(tx, given.content, given.name, who.name, now_s)
        return 201, _policy(tx, service, policy_id)

    return once(who, work)


@router.post("/v1/policies/roll-back", response_model=models.PolicyOut, responses=problems(409))
def roll_back(who: ForPolicies, service: ServiceDep, once: OnceDep) -> Response:
    """Take back what is planned, or return to the policy before, in one step."""

    def work(tx: Tx) -> tuple[int, models.PolicyOut]:
        policy_id = service.book.roll_back(tx, who.name, service.clock())
        return 200, _policy(tx, service, policy_id)

    return once(who, work)


@router.get(
    "/v1/policies/{policy_id}/shadow",
    response_model=models.ShadowReport,
    responses=problems(404),
)
def shadow_report(
    policy_id: PolicyId,
    who: ForPolicies,  # noqa: ARG001
    service: ServiceDep,
) -> models.ShadowReport:
    """What a shadow run has shown so far."""
    return service.store.transact(lambda tx: service.shadows.report(tx, policy_id))


@router.post(
    "/v1/policies/{policy_id}/shadow", response_model=models.PolicyOut, responses=problems(404)
)
def set_shadow(
    policy_id: PolicyId,
    given: models.ShadowIn,
    who: ForPolicies,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """Watch what a policy would do, without asking anybody."""

    def work(tx: Tx) -> tuple[int, models.PolicyOut]:
        service.book.set_shadow(tx, policy_id, who.name, service.clock(), on=given.on)
        return 200, _policy(tx, service, policy_id)

    return once(who, work)


@router.post(
    "/v1/policies/{policy_id}/sign-off", response_model=models.PolicyOut, responses=problems(404)
)
def sign_off(
    policy_id: PolicyId,
    given: models.SignOffIn,
    who: ForPolicies,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """A named clinician signs for a policy that needs it."""

    def work(tx: Tx) -> tuple[int, models.PolicyOut]:
        now_s = service.clock()
        service.book.sign_off(
            tx, policy_id, given.person, given.role, given.statement, who.name, now_s
        )
        return 200, _policy(tx, service, policy_id)

    return once(who, work)


@router.post(
    "/v1/policies/{policy_id}/approve",
    response_model=models.PolicyOut,
    responses=problems(404, 409),
)
def approve(policy_id: PolicyId, who: ForPolicies, service: ServiceDep, once: OnceDep) -> Response:
    """A second person approves."""

    def work(tx: Tx) -> tuple[int, models.PolicyOut]:
        service.book.approve(tx, policy_id, who.name, service.clock())
        return 200, _policy(tx, service, policy_id)

    return once(who, work)


@router.post(
    "/v1/policies/{policy_id}/activate",
    response_model=models.PolicyOut,
    responses=problems(404, 409),
)
def activate(
    policy_id: PolicyId,
    given: models.ActivateIn,
    who: ForPolicies,
    service: ServiceDep,
    once: OnceDep,
) -> Response:
    """In force from a moment on; incidents that have begun end under the policy before."""

    def work(tx: Tx) -> tuple[int, models.PolicyOut]:
        now_s = service.clock()
        starts_at_s = now_s if given.starts_at is None else given.starts_at.timestamp()
        service.book.activate(tx, policy_id, starts_at_s, who.name, now_s)
        return 200, _policy(tx, service, policy_id)

    return once(who, work)


def _policies(tx: Tx, service: Service) -> models.PolicyList:
    rows = service.book.listed(tx, service.clock())
    return models.PolicyList(policies=[_out(row) for row in rows])


def _policy(tx: Tx, service: Service, policy_id: str) -> models.PolicyOut:
    for row in service.book.listed(tx, service.clock()):
        if row["policy_id"] == policy_id:
            return _out(row)
    raise NotFound("no_such_policy", "there is no such policy")


def _out(row: dict[str, Any]) -> models.PolicyOut:
    shadow_s, starts_s = row.pop("shadow_since_s"), row.pop("starts_at_s")
    return models.PolicyOut(
        **row, shadow_since=models.moment(shadow_s), starts_at=models.moment(starts_s)
    )
