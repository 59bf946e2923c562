"""Tells control's own systems what happens: signed, in order, repeated until it is taken.

``Heartreach-Signature: t=SECONDS,v1=HEX``: HMAC-SHA256 of ``t.body`` under the webhook's secret.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import threading
from collections.abc import Callable

import httpx
import sqlalchemy as sa

from dispatch.live import audit, stream
from dispatch.live.api import models
from dispatch.live.clock import Clock
from dispatch.live.errors import Conflict, Invalid, NotFound
from dispatch.live.ids import NewId, random_secret
from dispatch.live.store import schema
from dispatch.live.store.engine import Store, Tx
from dispatch.model import AlertStatus, DroneStatus

FIRST_RETRY_S = 1.0
LAST_RETRY_S = 300.0
GIVE_UP_S = 86400.0
TIMEOUT_S = 5.0
AT_ONCE = 50
KINDS = (
    frozenset({"incident.reported", "incident.phase", "control.told", "responder.wants_call"})
    | frozenset({"aed.reported", "alerting.stopped", "alerting.area", "alerting.resumed"})
    | frozenset({"alerting.status", "drone.to_be_taken", "drone.eta_changed"})
    | frozenset(f"alert.{status.value}" for status in AlertStatus)
    | frozenset(f"drone.{status.value}" for status in DroneStatus)
)
"""Everything that is ever told; the manual says what each holds."""

_webhook = schema.webhook


class Webhooks:
    """Registers addresses and keeps them told, from a thread of its own."""

    def __init__(self, store: Store, clock: Clock, new_id: NewId) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._client = httpx.Client(timeout=TIMEOUT_S, follow_redirects=False)
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.delivered = 0

    def add(self, tx: Tx, hook: models.WebhookIn, actor: str) -> models.WebhookOut:
        """Register an address; it is told of everything from now on.

        Raises:
            Invalid: nothing of that kind is ever told, or the address leads nowhere it may.
            Conflict: it is told already.
        """
        _check(hook)
        now_s = self._clock()
        same = (_webhook.c.url == hook.url) & _webhook.c.removed_at_s.is_(None)
        if tx.row(sa.select(_webhook.c.webhook_id).where(same)) is not None:
            raise Conflict("webhook_exists", "this address is told already: remove it first")
        webhook_id, secret = self._new_id(), random_secret()
        tx.insert(
            _webhook,
            webhook_id=webhook_id,
            url=hook.url,
            secret=secret,
            kinds=json.dumps(hook.kinds),
            created_by=actor,
            created_at_s=now_s,
            removed_at_s=None,
            sent_to=stream.latest(tx),
            failing_since_s=None,
            attempts=0,
            next_at_s=now_s,
        )
        audit.append(tx, now_s, actor, "webhook.add", webhook_id)
        return models.WebhookOut(webhook_id=webhook_id, secret=secret)

    def listed(self, tx: Tx) -> models.WebhookList:
        """Return who is told, the oldest first; no secrets."""
        query = sa.select(_webhook).where(_webhook.c.removed_at_s.is_(None))
        return models.WebhookList(
            webhooks=[
                models.WebhookRow(
                    webhook_id=row["webhook_id"],
                    url=row["url"],
                    kinds=json.loads(row["kinds"]),
                    created_at=models.a_moment(row["created_at_s"]),
                    told_up_to=row["sent_to"],
                    failing_since=models.moment(row["failing_since_s"]),
                )
                for row in tx.rows(query.order_by(_webhook.c.created_at_s))
            ]
        )

    def remove(self, tx: Tx, webhook_id: str, actor: str) -> None:
        """Tell an address no more."""
        now_s = self._clock()
        same = (_webhook.c.webhook_id == webhook_id) & _webhook.c.removed_at_s.is_(None)
        if tx.run(sa.update(_webhook).where(same).values(removed_at_s=now_s)).rowcount == 0:
            raise NotFound("no_such_webhook", "there is no such webhook")
        audit.append(tx, now_s, actor, "webhook.remove", webhook_id)

    def start(self, listen: Callable[[Callable[[], None]], object]) -> None:
        """Begin to deliver; ``listen`` registers whom to wake when there is news."""
        listen(self._wake.set)
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop delivering."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(TIMEOUT_S + 1.0)
        self._client.close()

    def turn(self) -> int:
        """Deliver what is due; returns how many deliveries were tried."""
        now_s = self._clock()
        due = _webhook.c.removed_at_s.is_(None) & (_webhook.c.next_at_s <= now_s)
        rows = self._store.transact(lambda tx: tx.rows(sa.select(_webhook).where(due)))
        return sum(self._deliver(row) for row in rows)

    def _run(self) -> None:
        while not self._stopping:
            try:
                busy = self.turn()
            except Exception:  # noqa: BLE001 - the next turn tries again
                busy = 0
            if not busy:
                self._wake.wait(1.0)
                self._wake.clear()

    def _deliver(self, row: sa.RowMapping) -> int:
        items = self._store.transact(lambda tx: stream.after(tx, row["sent_to"], AT_ONCE))
        kinds = set(json.loads(row["kinds"]))
        for item in items:
            if kinds and item.kind not in kinds:
                self._note(row["webhook_id"], sent_to=item.number)
                continue
            if not self._post(row, item):
                self._note_failure(row, item.number)
                return 1
            self.delivered += 1
            self._note(row["webhook_id"], sent_to=item.number, attempts=0, failing_since_s=None)
        return len(items)

    def _post(self, row: sa.RowMapping, item: stream.Item) -> bool:
        body = json.dumps(public(item), separators=(",", ":")).encode()
        now_s = self._clock()
        headers = {
            "Content-Type": "application/json",
            "Heartreach-Signature": signature(row["secret"], body, now_s),
            "Heartreach-Event": str(item.number),
        }
        try:
            answer = self._client.post(row["url"], content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        return answer.is_success

    def _note_failure(self, row: sa.RowMapping, number: int) -> None:
        now_s = self._clock()
        since_s = row["failing_since_s"] or now_s
        if now_s - since_s > GIVE_UP_S:
            self._note(row["webhook_id"], sent_to=number, attempts=0, failing_since_s=None)
            return
        wait_s = min(LAST_RETRY_S, FIRST_RETRY_S * 2.0 ** row["attempts"])
        attempts = min(20, row["attempts"] + 1)
        self._note(
            row["webhook_id"],
            attempts=attempts,
            failing_since_s=since_s,
            next_at_s=now_s + wait_s,
        )

    def _note(self, webhook_id: str, **values: object) -> None:
        same = _webhook.c.webhook_id == webhook_id
        self._store.transact(lambda tx: tx.run(sa.update(_webhook).where(same).values(**values)))


def _check(hook: models.WebhookIn) -> None:
    unknown = sorted(set(hook.kinds) - KINDS)
    if unknown:
        raise Invalid("kinds", f"expected some of {', '.join(sorted(KINDS))}")
    try:
        host = httpx.URL(hook.url).host
    except httpx.InvalidURL:
        host = ""
    if not host:
        raise Invalid("url", "expected an address with a host")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return  # a name: control's own systems are inside its own network
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise Invalid("url", "expected the address of a server, and none of its own link")


def public(item: stream.Item) -> dict[str, object]:
    """Return a row of the stream as outsiders get it."""
    return {
        "id": item.number,
        "at": models.a_moment(item.at_s).isoformat().replace("+00:00", "Z"),
        "kind": item.kind,
        "incident_id": item.incident_id,
        "data": item.body,
    }


def signature(secret: str, body: bytes, now_s: float) -> str:
    """Return the value of the signature header."""
    stamp = str(int(now_s))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"
