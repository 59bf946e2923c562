"""Which policy is in force, and how another one gets there.

Proposed by one person, watched in a shadow run, approved by a second one, in force from a stated
moment, and taken back in one step. An incident ends under the policy that it began with.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from dispatch.config import LiveUse, Policy, parse_policy
from dispatch.errors import PolicyFileError
from dispatch.lifecycle import Core
from dispatch.live import audit
from dispatch.live.errors import Conflict, Invalid, NotFound
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx

CLOCKS_S = 60.0  # so far may the clocks of two machines be apart
_policy = schema.policy
_period = schema.policy_period


class PolicyBook:
    """Policies and periods. ``test_mode``: nobody can be alerted, so no sign-off is needed."""

    def __init__(self, *, test_mode: bool) -> None:
        self._test_mode = test_mode
        self._cores: dict[str, Core] = {}

    # --- reading ------------------------------------------------------------------------------

    def core(self, tx: Tx, policy_id: str) -> Core:
        """Return the core of a policy; raises ``NotFound``."""
        known = self._cores.get(policy_id)
        if known is None:
            row = self._row(tx, policy_id)
            known = self.remember(_parse(row["content"], row["name"]))
        return known

    def policy_of(self, policy_id: str) -> Policy:
        """Return a policy that was in use since the start; raises ``KeyError``."""
        return self._cores[policy_id].policy

    def remember(self, policy: Policy) -> Core:
        """Keep a policy at hand."""
        return self._cores.setdefault(policy.policy_id, Core(policy))

    def in_force(self, tx: Tx, now_s: float) -> str | None:
        """Return the id of the policy in force at ``now_s``."""
        row = self._current(tx, now_s)
        return None if row is None else str(row["policy_id"])

    def shadows(self, tx: Tx) -> list[str]:
        """Return the ids of the policies that are watched in a shadow run."""
        query = sa.select(_policy.c.policy_id).where(_policy.c.shadow_since_s.is_not(None))
        return [row["policy_id"] for row in tx.rows(query)]

    def listed(self, tx: Tx, now_s: float) -> list[dict[str, Any]]:
        """Return every policy with where it stands."""
        current = self.in_force(tx, now_s)
        coming = {
            row["policy_id"]: row["starts_at_s"]
            for row in tx.rows(
                sa.select(_period).where(
                    (_period.c.starts_at_s > now_s) & _period.c.withdrawn_at_s.is_(None)
                )
            )
        }
        rows = tx.rows(sa.select(_policy).order_by(_policy.c.proposed_at_s))
        return [
            {
                "policy_id": row["policy_id"],
                "name": row["name"],
                "title": row["title"],
                "live_use": row["live_use"],
                "proposed_by": row["proposed_by"],
                "approved_by": row["approved_by"],
                "signed_off": bool(row["sign_off"]),
                "shadow_since_s": row["shadow_since_s"],
                "in_force": row["policy_id"] == current,
                "starts_at_s": coming.get(row["policy_id"]),
            }
            for row in rows
        ]

    # --- changing -----------------------------------------------------------------------------

    def install_first(self, tx: Tx, policy: Policy, content: str, now_s: float) -> bool:
        """Put the operator's policy in force if there is none yet; False if there is one.

        Raises:
            Conflict: its ``live_use`` tag does not let it run here.
        """
        self.remember(policy)
        if self._current(tx, now_s) is not None:
            return False
        self._check_live_use(policy.live_use, signed=False)
        self._keep(tx, policy, content, "operator", now_s)
        self._start(tx, policy.policy_id, now_s, "operator", now_s, "first")
        audit.append(tx, now_s, "operator", "policy.first", policy.policy_id)
        return True

    def propose(self, tx: Tx, content: str, name: str, by: str, now_s: float) -> str:
        """Hand in a policy file; returns its id. Raises ``Invalid`` with every fault."""
        try:
            policy = _parse(content, name)
        except PolicyFileError as error:
            raise Invalid("content", str(error)) from error
        self.remember(policy)
        if tx.value(sa.select(_policy.c.name).where(_policy.c.policy_id == policy.policy_id)):
            return policy.policy_id
        self._keep(tx, policy, content, by, now_s)
        audit.append(tx, now_s, by, "policy.propose", policy.policy_id, {"name": name})
        return policy.policy_id

    def set_shadow(self, tx: Tx, policy_id: str, by: str, now_s: float, *, on: bool) -> None:
        """Begin or end a shadow run."""
        self.core(tx, policy_id)
        since_s = now_s if on else None
        self._update(tx, policy_id, shadow_since_s=since_s)
        action = "policy.shadow" if on else "policy.shadow_end"
        audit.append(tx, now_s, by, action, policy_id)

    def sign_off(
        self, tx: Tx, policy_id: str, person: str, role: str, statement: str, by: str, now_s: float
    ) -> None:
        """Note who signed for a policy that needs it."""
        self._row(tx, policy_id)
        signed = {"person": person, "role": role, "statement": statement, "at_s": now_s}
        self._update(tx, policy_id, sign_off=json.dumps(signed))
        audit.append(tx, now_s, by, "policy.sign_off", policy_id)

    def approve(self, tx: Tx, policy_id: str, by: str, now_s: float) -> None:
        """Approve a policy that somebody else proposed.

        Raises:
            Conflict: the same key proposed it, or its tag keeps it out of live use.
        """
        row = self._row(tx, policy_id)
        if row["proposed_by"] == by:
            raise Conflict("second_person_needed", "whoever proposed a policy cannot approve it")
        self._check_live_use(LiveUse(row["live_use"]), signed=bool(row["sign_off"]))
        self._update(tx, policy_id, approved_by=by, approved_at_s=now_s)
        audit.append(tx, now_s, by, "policy.approve", policy_id)

    def activate(self, tx: Tx, policy_id: str, starts_at_s: float, by: str, now_s: float) -> None:
        """Let an approved policy be in force from ``starts_at_s`` on.

        Raises:
            Conflict: nobody has approved it, or its tag keeps it out of live use.
            Invalid: the start is past.
        """
        if starts_at_s < now_s - CLOCKS_S:
            raise Invalid("starts_at", "expected a moment to come; leave it out for now")
        row = self._row(tx, policy_id)
        if row["approved_by"] is None:
            raise Conflict("not_approved", "a second person must approve the policy first")
        self._check_live_use(LiveUse(row["live_use"]), signed=bool(row["sign_off"]))
        self._start(tx, policy_id, max(starts_at_s, now_s), by, now_s, "activate")
        self._update(tx, policy_id, shadow_since_s=None)
        audit.append(tx, now_s, by, "policy.activate", policy_id, {"starts_at_s": starts_at_s})

    def roll_back(self, tx: Tx, by: str, now_s: float) -> str:
        """Take back what is planned, or else return to the policy before; returns its id.

        Afterwards another policy is in force, or another one that was planned is not: a plan to
        go on with the policy in force is no step of its own.

        Raises:
            Conflict: there is nothing planned and no policy before.
        """
        row = self._current(tx, now_s)
        current = None if row is None else str(row["policy_id"])
        planned = _period.c.withdrawn_at_s.is_(None) & (_period.c.starts_at_s > now_s)
        ahead = {str(period["policy_id"]) for period in tx.rows(sa.select(_period).where(planned))}
        if ahead - {current}:
            self._withdraw(tx, planned, now_s)
        else:
            before = None if row is None else self._before(tx, row)
            if before is None:
                raise Conflict("nothing_before", "no other policy was in force before this one")
            later = _period.c.withdrawn_at_s.is_(None) & _after(before)
            self._withdraw(tx, later, now_s)
            current = str(before["policy_id"])
        audit.append(tx, now_s, by, "policy.roll_back", current or "")
        return current or ""

    # --- inside -------------------------------------------------------------------------------

    def _current(self, tx: Tx, now_s: float) -> sa.RowMapping | None:
        begun = (_period.c.starts_at_s <= now_s) & _period.c.withdrawn_at_s.is_(None)
        order = (_period.c.starts_at_s.desc(), _period.c.period_id.desc())
        return tx.row(sa.select(_period).where(begun).order_by(*order).limit(1))

    def _before(self, tx: Tx, row: sa.RowMapping) -> sa.RowMapping | None:
        """The latest period of another policy that began before."""
        earlier = (
            (_period.c.starts_at_s <= row["starts_at_s"])
            & (_period.c.policy_id != row["policy_id"])
            & _period.c.withdrawn_at_s.is_(None)
        )
        order = (_period.c.starts_at_s.desc(), _period.c.period_id.desc())
        return tx.row(sa.select(_period).where(earlier).order_by(*order).limit(1))

    def _withdraw(self, tx: Tx, which: sa.ColumnElement[bool], now_s: float) -> None:
        tx.run(sa.update(_period).where(which).values(withdrawn_at_s=now_s))

    def _row(self, tx: Tx, policy_id: str) -> sa.RowMapping:
        row = tx.row(sa.select(_policy).where(_policy.c.policy_id == policy_id))
        if row is None:
            raise NotFound("no_such_policy", "there is no such policy")
        return row

    def _update(self, tx: Tx, policy_id: str, **values: Any) -> None:
        tx.run(sa.update(_policy).where(_policy.c.policy_id == policy_id).values(**values))

    def _keep(self, tx: Tx, policy: Policy, content: str, by: str, now_s: float) -> None:
        tx.insert_new(
            _policy,
            policy_id=policy.policy_id,
            name=policy.name,
            title=policy.title,
            live_use=policy.live_use.value,
            content=content,
            proposed_by=by,
            proposed_at_s=now_s,
            sign_off="",
            approved_by=None,
            approved_at_s=None,
            shadow_since_s=None,
        )

    def _start(
        self, tx: Tx, policy_id: str, starts_at_s: float, by: str, now_s: float, kind: str
    ) -> None:
        tx.insert(
            _period,
            policy_id=policy_id,
            starts_at_s=starts_at_s,
            decided_by=by,
            decided_at_s=now_s,
            kind=kind,
            withdrawn_at_s=None,
        )

    def _check_live_use(self, live_use: LiveUse, *, signed: bool) -> None:
        if live_use is LiveUse.SIMULATION_ONLY:
            raise Conflict("simulation_only", "this policy is for simulation only")
        if live_use is LiveUse.NEEDS_SIGN_OFF and not (signed or self._test_mode):
            raise Conflict("needs_sign_off", "a named clinician must sign for this policy first")


def _after(row: sa.RowMapping) -> sa.ColumnElement[bool]:
    """Periods that count before this one: a later start, or the same and decided later."""
    start_s, number = row["starts_at_s"], row["period_id"]
    decided_later = sa.and_(_period.c.starts_at_s == start_s, _period.c.period_id > number)
    return sa.or_(_period.c.starts_at_s > start_s, decided_later)


def _parse(content: str, name: str) -> Policy:
    return parse_policy(content.encode(), name=name, file=f"{name}.toml")
