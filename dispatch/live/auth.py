"""Who is calling: keys of systems and people, tokens of volunteers' phones.

Secrets are random and kept as hashes. A key has a role, and scopes if it is to reach less far
than its role. A phone's refresh token is used once; if an old one comes back, its whole family is
ended, because somebody else has it.
"""

from __future__ import annotations

import hmac
import json
import secrets
from enum import StrEnum

import sqlalchemy as sa
from msgspec import Struct

from dispatch.live import audit
from dispatch.live.errors import Invalid, LiveError, NotFound
from dispatch.live.ids import hashed, random_id, random_secret
from dispatch.live.store import schema
from dispatch.live.store.engine import Store, Tx

_key = schema.api_key
_token = schema.token

ACCESS_S = 24 * 3600.0
REFRESH_S = 90 * 86400.0
REPEAT_S = 120.0  # an answer lost on the way: the same refresh token may be shown once more


class Role(StrEnum):
    """What a caller is."""

    CONTROL = "control"
    REGISTRAR = "registrar"
    AUDITOR = "auditor"
    OPERATIONS = "operations"
    DRONE_OPERATOR = "drone_operator"
    RESPONDER = "responder"


SCOPES: dict[Role, frozenset[str]] = {
    Role.CONTROL: frozenset(
        {
            "incidents:write",
            "incidents:read",
            "alerting:stop",
            "coverage:read",
            "stream:read",
            "webhooks:write",
            "status:read",
            "drones:read",
        }
    ),
    Role.REGISTRAR: frozenset(
        {
            "responders:write",
            "aeds:write",
            "drones:write",
            "drones:read",
            "policies:write",
            "coverage:read",
            "status:read",
        }
    ),
    Role.AUDITOR: frozenset({"audit:read", "status:read"}),
    Role.OPERATIONS: frozenset({"keys:write", "metrics:read", "status:read"}),
    Role.DRONE_OPERATOR: frozenset({"drones:operate", "drones:read"}),
    Role.RESPONDER: frozenset({"me"}),
}


class Principal(Struct, frozen=True):
    """A caller. ``name`` is what the audit shows: ``key:ID`` or ``responder:ID``."""

    name: str
    role: Role
    scopes: frozenset[str]
    responder_id: int | None = None
    family: str = ""


class NotSignedIn(LiveError):  # noqa: N818
    """No key or token, or one that is wrong, expired or revoked."""


class _Known(Struct, frozen=True):
    principal: Principal
    secret_hash: str
    expires_at_s: float | None


class Doorkeeper:
    """Checks keys and tokens, and hands them out. What it knows mirrors the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[str, _Known] = {}
        self._tokens: dict[str, _Known] = {}

    def forget(self) -> None:
        """Drop what is remembered; it is read again when it is needed."""
        self._keys.clear()
        self._tokens.clear()

    def forget_expired(self, now_s: float) -> None:
        """Drop what is out of date from memory."""
        for known in (self._keys, self._tokens):
            for name, found in list(known.items()):
                if found.expires_at_s is not None and found.expires_at_s <= now_s:
                    known.pop(name, None)

    def remember_all(self, tx: Tx, now_s: float) -> None:
        """Read every token in date, so that a restart does not make each phone wait."""
        in_date = (
            (_token.c.kind == "access")
            & _token.c.revoked_at_s.is_(None)
            & (_token.c.expires_at_s > now_s)
        )
        for row in tx.rows(sa.select(_token).where(in_date)):
            self._tokens[row["token_hash"]] = _known_token(row)

    # --- checking -----------------------------------------------------------------------------

    def known(self, secret: str, now_s: float) -> Principal | None:
        """Return the caller if it is remembered and in date; never reads the database."""
        found = self._remembered(secret)
        if found is None or (found.expires_at_s is not None and found.expires_at_s <= now_s):
            return None
        return found.principal

    def check(self, secret: str, now_s: float) -> Principal:
        """Return the caller; raises ``NotSignedIn``."""
        principal = self.known(secret, now_s)
        if principal is None:
            self._store.transact(lambda tx: self._look_up(tx, secret))
            principal = self.known(secret, now_s)
        if principal is None:
            raise NotSignedIn("sign in with a valid key or token")
        return principal

    def _remembered(self, secret: str) -> _Known | None:
        if secret.startswith("hrk_"):
            found = self._keys.get(_key_id(secret))
            same = found is not None and hmac.compare_digest(found.secret_hash, hashed(secret))
            return found if same else None
        return self._tokens.get(hashed(secret))

    def _look_up(self, tx: Tx, secret: str) -> None:
        if secret.startswith("hrk_"):
            row = tx.row(
                sa.select(_key).where(
                    (_key.c.key_id == _key_id(secret)) & _key.c.revoked_at_s.is_(None)
                )
            )
            if row is not None:
                self._keys[row["key_id"]] = _known_key(row)
            return
        row = tx.row(
            sa.select(_token).where(
                (_token.c.token_hash == hashed(secret))
                & (_token.c.kind == "access")
                & _token.c.revoked_at_s.is_(None)
            )
        )
        if row is not None:
            self._tokens[row["token_hash"]] = _known_token(row)

    # --- keys ---------------------------------------------------------------------------------

    def create_key(
        self,
        tx: Tx,
        role: Role,
        label: str,
        *,
        by: str,
        now_s: float,
        scopes: tuple[str, ...] = (),
        expires_at_s: float | None = None,
    ) -> str:
        """Make a key and return it; it is never shown again.

        Raises:
            Invalid: a scope that the role does not have, or the role of phones.
        """
        if role is Role.RESPONDER:
            raise Invalid("role", "volunteers enrol by invitation; they have no keys")
        unknown = sorted(set(scopes) - SCOPES[role])
        if unknown:
            expected = ", ".join(sorted(SCOPES[role]))
            raise Invalid("scopes", f"{', '.join(unknown)}: expected some of {expected}")
        key_id = secrets.token_hex(6)
        key = f"hrk_{key_id}_{random_secret()}"
        tx.insert(
            _key,
            key_id=key_id,
            secret_hash=hashed(key),
            role=role.value,
            scopes=json.dumps(sorted(scopes)),
            label=label,
            created_by=by,
            created_at_s=now_s,
            expires_at_s=expires_at_s,
            revoked_at_s=None,
        )
        audit.append(tx, now_s, by, "key.create", f"key:{key_id}", {"role": role.value})
        return key

    def revoke_key(self, tx: Tx, key_id: str, *, by: str, now_s: float) -> None:
        """End a key at once; raises ``NotFound``."""
        ended = tx.run(
            sa.update(_key)
            .where((_key.c.key_id == key_id) & _key.c.revoked_at_s.is_(None))
            .values(revoked_at_s=now_s)
        )
        if ended.rowcount == 0:
            raise NotFound("no_such_key", "there is no such key")
        self._keys.pop(key_id, None)
        audit.append(tx, now_s, by, "key.revoke", f"key:{key_id}")

    # --- tokens -------------------------------------------------------------------------------

    def issue(
        self, tx: Tx, responder_id: int, now_s: float, family: str | None = None
    ) -> dict[str, object]:
        """Make an access and a refresh token."""
        family = family or random_id()
        pair = {"access_token": random_secret(), "refresh_token": random_secret()}
        for kind, lasts_s in (("access", ACCESS_S), ("refresh", REFRESH_S)):
            tx.insert(
                _token,
                token_hash=hashed(pair[f"{kind}_token"]),
                kind=kind,
                family=family,
                responder_id=responder_id,
                created_at_s=now_s,
                expires_at_s=now_s + lasts_s,
                rotated_at_s=None,
                revoked_at_s=None,
            )
        return {**pair, "token_type": "Bearer", "expires_in": int(ACCESS_S)}

    def rotate(self, tx: Tx, refresh_token: str, now_s: float) -> dict[str, object] | None:
        """Return a new pair for a refresh token; None if it is not good (any more).

        A token that was used before ends its family, unless that was a moment ago.
        """
        row = tx.row(
            sa.select(_token).where(
                (_token.c.token_hash == hashed(refresh_token)) & (_token.c.kind == "refresh")
            )
        )
        if row is None or row["revoked_at_s"] is not None or row["expires_at_s"] <= now_s:
            return None
        if row["rotated_at_s"] is not None and now_s > row["rotated_at_s"] + REPEAT_S:
            self._end(tx, _token.c.family == row["family"], now_s)
            subject = f"responder:{row['responder_id']}"
            audit.append(tx, now_s, subject, "token.reused", subject)
            return None
        if row["rotated_at_s"] is None:
            tx.run(
                sa.update(_token)
                .where(_token.c.token_hash == row["token_hash"])
                .values(rotated_at_s=now_s)
            )
        return self.issue(tx, row["responder_id"], now_s, row["family"])

    def end_family(self, tx: Tx, family: str, now_s: float) -> None:
        """Sign one phone out."""
        self._end(tx, _token.c.family == family, now_s)

    def end_person(self, tx: Tx, responder_id: int, now_s: float) -> None:
        """Sign every phone of a person out."""
        self._end(tx, _token.c.responder_id == responder_id, now_s)

    def _end(self, tx: Tx, which: sa.ColumnElement[bool], now_s: float) -> None:
        for row in tx.rows(sa.select(_token.c.token_hash).where(which)):
            self._tokens.pop(row["token_hash"], None)
        ended = which & _token.c.revoked_at_s.is_(None)
        tx.run(sa.update(_token).where(ended).values(revoked_at_s=now_s))


def _key_id(key: str) -> str:
    return key.split("_", 2)[1] if key.count("_") >= 2 else ""


def _known_key(row: sa.RowMapping) -> _Known:
    role = Role(row["role"])
    scopes = frozenset(json.loads(row["scopes"])) or SCOPES[role]
    principal = Principal(f"key:{row['key_id']}", role, scopes)
    return _Known(principal, row["secret_hash"], row["expires_at_s"])


def _known_token(row: sa.RowMapping) -> _Known:
    principal = Principal(
        f"responder:{row['responder_id']}",
        Role.RESPONDER,
        SCOPES[Role.RESPONDER],
        row["responder_id"],
        row["family"],
    )
    return _Known(principal, row["token_hash"], row["expires_at_s"])
