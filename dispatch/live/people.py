"""The registry of volunteers: who they are, what they can, and how to reach them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from dispatch.events import ResponderDropped
from dispatch.live import audit, places, telling, wishes
from dispatch.live.api import models
from dispatch.live.errors import Conflict, Faulty, Invalid, NotFound
from dispatch.live.ids import hashed, random_secret
from dispatch.live.lists import read_people
from dispatch.live.parts import Parts
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx
from dispatch.live.telling import TAKEN_OFF
from dispatch.live.wishes import Wishes
from notifications.messages import Purpose

INVITATION_S = 14 * 86400.0
AGAIN_S = 120.0  # as long as for a refresh token
FAMILY_LETTERS = 40
_person = schema.responder
_credential = schema.credential
_device = schema.device
_invitation = schema.invitation


class People:
    """The use cases of a registrar about people. Every method runs inside a transaction."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def add(self, tx: Tx, person: models.ResponderIn, actor: str) -> models.ResponderOut:
        """Register somebody; they are asked once training is verified and a phone enrolled."""
        now_s = self._parts.clock()
        home, work = self._spot("home", person.home), self._spot("work", person.work)
        last = tx.value(sa.select(sa.func.max(_person.c.responder_id))) or 0
        responder_id = int(last) + 1
        tx.insert(
            _person,
            responder_id=responder_id,
            name=person.name,
            initials=initials(person.name),
            contact=person.contact,
            organisation=person.organisation,
            status="invited",
            suspended_reason="",
            language=person.language or "en",
            mode="foot",
            speed_factor=1.0,
            home_lat=home[0],
            home_lon=home[1],
            work_lat=work[0],
            work_lon=work[1],
            on_duty=True,
            not_before_s=None,
            wishes=wishes.encode(Wishes()),
            created_at_s=now_s,
            updated_at_s=now_s,
        )
        audit.append(tx, now_s, actor, "responder.add", f"responder:{responder_id}")
        self._changed(tx, responder_id)
        return self.view(tx, responder_id)

    def take_list(self, tx: Tx, given: models.PeopleImportIn, actor: str) -> models.PeopleImportOut:
        """Register everybody of a list, or nobody; raises ``Faulty`` with every fault."""
        rows, faults = read_people(given.content, given.organisation, self._parts.finder.region)
        if faults:
            raise Faulty(tuple(faults))
        ids = []
        for person, training in rows:
            responder_id = self.add(tx, person, actor).responder_id
            if training is not None:
                self.add_credential(tx, responder_id, training, actor)
            ids.append(responder_id)
        return models.PeopleImportOut(responder_ids=ids)

    def change(
        self, tx: Tx, responder_id: int, change: models.ResponderChange, actor: str
    ) -> models.ResponderOut:
        """Change what is given."""
        self._row(tx, responder_id)
        values: dict[str, Any] = {}
        if change.name is not None:
            values |= {"name": change.name, "initials": initials(change.name)}
        if change.contact is not None:
            values["contact"] = change.contact
        if change.organisation is not None:
            values["organisation"] = change.organisation
        if change.home is not None:
            values["home_lat"], values["home_lon"] = self._spot("home", change.home)
        if change.work is not None:
            values["work_lat"], values["work_lon"] = self._spot("work", change.work)
        self._set(tx, responder_id, **values)
        self._note(tx, actor, "responder.change", responder_id)
        return self.view(tx, responder_id)

    def suspend(self, tx: Tx, responder_id: int, reason: str, actor: str) -> models.ResponderOut:
        """Ask this person no more, and send them nowhere, at once; the reason is kept."""
        row = self._row(tx, responder_id)
        if row["status"] == "left":
            raise Conflict("left", "this person has left")
        self._set(tx, responder_id, status="suspended", suspended_reason=reason)
        self._note(tx, actor, "responder.suspend", responder_id)
        self._take_off(tx, responder_id, "suspended", actor)
        return self.view(tx, responder_id)

    def restore(self, tx: Tx, responder_id: int, actor: str) -> models.ResponderOut:
        """End a suspension."""
        row = self._row(tx, responder_id)
        if row["status"] != "suspended":
            raise Conflict("not_suspended", "this person is not suspended")
        enrolled = tx.value(
            sa.select(sa.func.count())
            .select_from(_invitation)
            .where(
                (_invitation.c.responder_id == responder_id) & _invitation.c.used_at_s.is_not(None)
            )
        )
        status = "active" if enrolled else "invited"
        self._set(tx, responder_id, status=status, suspended_reason="")
        self._note(tx, actor, "responder.restore", responder_id)
        return self.view(tx, responder_id)

    def leave(self, tx: Tx, responder_id: int, actor: str) -> None:
        """Somebody leaves: open alerts, name, contact, places, devices and tokens go at once."""
        self._row(tx, responder_id)
        now_s = self._parts.clock()
        self._set(
            tx,
            responder_id,
            status="left",
            name="",
            initials="",
            contact="",
            home_lat=None,
            home_lon=None,
            work_lat=None,
            work_lon=None,
            on_duty=False,
            wishes=wishes.encode(Wishes()),
        )
        self._changed(tx, responder_id)
        self._take_off(tx, responder_id, "left", actor)
        tx.run(sa.delete(_device).where(_device.c.responder_id == responder_id))
        tx.run(sa.delete(schema.position).where(schema.position.c.responder_id == responder_id))
        self._parts.doors.end_person(tx, responder_id, now_s)
        self._note(tx, actor, "responder.leave", responder_id)

    def _take_off(self, tx: Tx, responder_id: int, reason: str, actor: str) -> None:
        """End the person's alerts: others are asked, the phone is told, and so is control."""
        alert = schema.alert
        mine = (alert.c.responder_id == responder_id) & alert.c.ended_at_s.is_(None)
        now_s = self._parts.clock()
        for row in tx.rows(sa.select(alert).where(mine)):
            incident_id, number = row["incident_id"], row["alert_id"]
            self._parts.runtime.apply(tx, incident_id, ResponderDropped(number, reason), actor)
            self._parts.outbox.follow_up(
                tx,
                responder_id,
                Purpose.STAND_DOWN,
                now_s=now_s,
                alert=(incident_id, number, row["alert_key"]),
                every_channel=row["assigned"],
            )
            if row["assigned"]:
                who = f"responder {responder_id}"
                stream = self._parts.stream
                telling.raise_attention(tx, stream, incident_id, TAKEN_OFF, who, now_s)

    # --- training -----------------------------------------------------------------------------

    def add_credential(
        self, tx: Tx, responder_id: int, credential: models.CredentialIn, actor: str
    ) -> models.ResponderOut:
        """Note evidence of training; it counts once somebody has verified it."""
        self._row(tx, responder_id)
        if credential.valid_until <= credential.valid_from:
            raise Invalid("valid_until", "expected a moment after valid_from")
        tx.insert(
            _credential,
            credential_id=self._parts.new_id(),
            responder_id=responder_id,
            kind=credential.kind,
            evidence=credential.evidence,
            valid_from_s=credential.valid_from.timestamp(),
            valid_until_s=credential.valid_until.timestamp(),
            added_by=actor,
            added_at_s=self._parts.clock(),
            verified_by=None,
            verified_at_s=None,
            revoked_at_s=None,
            revoked_reason="",
            reminded_at_s=None,
        )
        self._note(tx, actor, "credential.add", responder_id)
        return self.view(tx, responder_id)

    def verify_credential(
        self, tx: Tx, responder_id: int, credential_id: str, actor: str
    ) -> models.ResponderOut:
        """Somebody saw the evidence; who and when is kept."""
        self._credential(tx, responder_id, credential_id)
        now_s = self._parts.clock()
        self._set_credential(tx, credential_id, verified_by=actor, verified_at_s=now_s)
        self._note(tx, actor, "credential.verify", responder_id, credential_id)
        return self.view(tx, responder_id)

    def revoke_credential(
        self, tx: Tx, responder_id: int, credential_id: str, reason: str, actor: str
    ) -> models.ResponderOut:
        """The evidence no longer counts."""
        self._credential(tx, responder_id, credential_id)
        now_s = self._parts.clock()
        self._set_credential(tx, credential_id, revoked_at_s=now_s, revoked_reason=reason)
        self._note(tx, actor, "credential.revoke", responder_id, credential_id)
        return self.view(tx, responder_id)

    # --- enrolment ----------------------------------------------------------------------------

    def invite(self, tx: Tx, invitation: models.InvitationIn, actor: str) -> models.InvitationOut:
        """Make a link with which a registered person enrols a phone."""
        row = self._row(tx, invitation.responder_id)
        if row["status"] == "left":
            raise Conflict("left", "this person has left")
        now_s = self._parts.clock()
        expires_at_s = now_s + INVITATION_S
        if invitation.expires_at is not None:
            expires_at_s = invitation.expires_at.timestamp()
            if expires_at_s <= now_s:
                raise Invalid("expires_at", "expected a moment to come")
        code = random_secret()
        tx.insert(
            _invitation,
            code_hash=hashed(code),
            responder_id=invitation.responder_id,
            created_by=actor,
            created_at_s=now_s,
            expires_at_s=expires_at_s,
            used_at_s=None,
        )
        subject = f"responder:{invitation.responder_id}"
        audit.append(tx, now_s, actor, "responder.invite", subject)
        return models.InvitationOut(
            link=f"{self._parts.settings.public_url.rstrip('/')}/enrol#{code}",
            code=code,
            expires_at=models.a_moment(expires_at_s),
        )

    def enrol(self, tx: Tx, code: str) -> dict[str, object]:
        """Use an invitation, once; returns the phone's tokens.

        An answer may be lost: the same code is taken again for ``AGAIN_S``, and then what the
        first answer held is worth nothing any more.
        """
        now_s = self._parts.clock()
        row = tx.row(sa.select(_invitation).where(_invitation.c.code_hash == hashed(code)))
        if row is None or not _may_enrol(row, now_s):
            raise NotFound("no_such_invitation", "this invitation is used, out of date or wrong")
        same = _invitation.c.code_hash == row["code_hash"]
        tx.run(
            sa.update(_invitation)
            .where(same & _invitation.c.used_at_s.is_(None))
            .values(used_at_s=now_s)
        )
        family = row["code_hash"][:FAMILY_LETTERS]
        self._parts.doors.end_family(tx, family, now_s)
        responder_id = row["responder_id"]
        person = self._row(tx, responder_id)
        if person["status"] == "left":
            raise NotFound("no_such_invitation", "this invitation is used, out of date or wrong")
        if person["status"] == "invited":
            self._set(tx, responder_id, status="active")
        subject = f"responder:{responder_id}"
        audit.append(tx, now_s, subject, "responder.enrol", subject)
        self._changed(tx, responder_id)
        return self._parts.doors.issue(tx, responder_id, now_s, family)

    # --- views --------------------------------------------------------------------------------

    def view(self, tx: Tx, responder_id: int) -> models.ResponderOut:
        """Return a person as the registrar sees them."""
        row = self._row(tx, responder_id)
        held = tx.rows(
            sa.select(_credential)
            .where(_credential.c.responder_id == responder_id)
            .order_by(_credential.c.added_at_s)
        )
        living = tx.value(
            sa.select(sa.func.count())
            .select_from(_device)
            .where((_device.c.responder_id == responder_id) & _device.c.dead_at_s.is_(None))
        )
        return models.ResponderOut(
            responder_id=responder_id,
            name=row["name"],
            initials=row["initials"],
            contact=row["contact"],
            organisation=row["organisation"],
            status=row["status"],
            suspended_reason=row["suspended_reason"],
            training_valid_until=models.moment(valid_until_s(held)),
            devices=int(living or 0),
            credentials=[_credential_out(credential) for credential in held],
        )

    def listed(self, tx: Tx, after: int, limit: int) -> models.ResponderList:
        """Return a page of people by id."""
        ids = [
            row["responder_id"]
            for row in tx.rows(
                sa.select(_person.c.responder_id)
                .where(_person.c.responder_id > after)
                .order_by(_person.c.responder_id)
                .limit(limit)
            )
        ]
        return models.ResponderList(
            responders=[self.view(tx, responder_id) for responder_id in ids],
            next_after=ids[-1] if len(ids) == limit else None,
        )

    # --- inside -------------------------------------------------------------------------------

    def _spot(
        self, field: str, location: models.Location | None
    ) -> tuple[float | None, float | None]:
        if location is None:
            return None, None
        lat, lon = location.at()
        places.check(self._parts.finder.region, field, lat, lon)
        return lat, lon

    def _row(self, tx: Tx, responder_id: int) -> sa.RowMapping:
        row = tx.row(sa.select(_person).where(_person.c.responder_id == responder_id))
        if row is None:
            raise NotFound("no_such_responder", "there is no such responder")
        return row

    def _set(self, tx: Tx, responder_id: int, **values: Any) -> None:
        values["updated_at_s"] = self._parts.clock()
        tx.run(sa.update(_person).where(_person.c.responder_id == responder_id).values(**values))

    def _credential(self, tx: Tx, responder_id: int, credential_id: str) -> None:
        mine = (_credential.c.credential_id == credential_id) & (
            _credential.c.responder_id == responder_id
        )
        if tx.row(sa.select(_credential.c.credential_id).where(mine)) is None:
            raise NotFound("no_such_credential", "there is no such credential")

    def _set_credential(self, tx: Tx, credential_id: str, **values: Any) -> None:
        mine = _credential.c.credential_id == credential_id
        tx.run(sa.update(_credential).where(mine).values(**values))

    def _note(self, tx: Tx, actor: str, action: str, responder_id: int, detail: str = "") -> None:
        found = {"id": detail} if detail else None
        audit.append(tx, self._parts.clock(), actor, action, f"responder:{responder_id}", found)
        self._changed(tx, responder_id)

    def _changed(self, tx: Tx, responder_id: int) -> None:
        self._parts.finder.person_changed(tx, responder_id, self._parts.clock())


def _may_enrol(row: sa.RowMapping, now_s: float) -> bool:
    """Whether an invitation is good: not used, or used a moment ago."""
    if row["used_at_s"] is not None:
        return bool(now_s <= row["used_at_s"] + AGAIN_S)
    return bool(row["expires_at_s"] > now_s)


def initials(name: str) -> str:
    """Return up to four initials."""
    return "".join(word[0].upper() for word in name.split()[:4])


def valid_until_s(held: list[sa.RowMapping]) -> float | None:
    """Until when verified training holds; None if there is none."""
    counted = [
        row["valid_until_s"]
        for row in held
        if row["verified_at_s"] is not None and row["revoked_at_s"] is None
    ]
    return max(counted) if counted else None


def _credential_out(row: sa.RowMapping) -> models.CredentialOut:
    return models.CredentialOut(
        credential_id=row["credential_id"],
        kind=row["kind"],
        evidence=row["evidence"],
        valid_from=models.a_moment(row["valid_from_s"]),
        valid_until=models.a_moment(row["valid_until_s"]),
        verified_by=row["verified_by"],
        verified_at=models.moment(row["verified_at_s"]),
        revoked_at=models.moment(row["revoked_at_s"]),
    )
