"""The tables. Every time is UTC epoch seconds; every document is JSON as ``msgspec`` writes it.

The same tables serve SQLite and PostgreSQL. Truth is ``incident.snapshot``; ``event`` is evidence.
Columns that hold personal data are named in ``PERSONAL`` and go when retention says so.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

SNAPSHOT_SCHEMA = 1  # of incident.snapshot and event.body; see dispatch.live.upcast

metadata = MetaData()

# SQLite counts rows by INTEGER PRIMARY KEY only; PostgreSQL wants 64 bits.
_Count = BigInteger().with_variant(Integer, "sqlite")

incident = Table(
    "incident",
    metadata,
    Column("incident_id", String(40), primary_key=True),
    Column("source", String(80), nullable=False),
    Column("reference", String(120), nullable=False),
    Column("reference_version", Integer, nullable=False),
    Column("code", String(40), nullable=False),
    Column("rule", String(20), nullable=False),  # why it alerts, or not
    Column("flags", Text, nullable=False),  # JSON list of kinds, e.g. child
    Column("reported_by", String(40), nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("updated_at_s", Float, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("phase", String(20), nullable=False),
    Column("row_version", Integer, nullable=False),
    Column("next_seq", Integer, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("policy_id", String(64), nullable=False),
    Column("core_version", Integer, nullable=False),
    Column("snapshot", LargeBinary, nullable=False),
    Column("lat", Float, nullable=False),  # as in the snapshot, to search by; personal
    Column("lon", Float, nullable=False),
    Column("place", Text, nullable=False),  # JSON: address, access notes; personal
    Column("attention", String(60), nullable=True),  # why a person at control must look
    Column("report_hash", String(64), nullable=True),  # of the last report that was taken over
    UniqueConstraint("source", "reference"),
)
Index("incident_open", incident.c.is_open)

event = Table(
    "event",
    metadata,
    Column("incident_id", String(40), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("now_s", Float, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("actor", String(60), nullable=False),
    Column("outcome", String(60), nullable=False),  # moved, or why it was ignored or refused
    Column("schema_version", Integer, nullable=False),
    Column("policy_id", String(64), nullable=False),
    Column("core_version", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("commands", LargeBinary, nullable=False),
)

timer = Table(
    "timer",
    metadata,
    Column("incident_id", String(40), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("ref", Integer, primary_key=True),
    Column("due_at_s", Float, nullable=False),
    Column("planned", Integer, nullable=False),  # order among those due at the same moment
)
Index("timer_due", timer.c.due_at_s)

search = Table(  # questions to the finder that are not answered yet
    "search",
    metadata,
    Column("incident_id", String(40), primary_key=True),
    Column("query_id", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("asked_at_s", Float, nullable=False),
)

alert = Table(
    "alert",
    metadata,
    Column("alert_key", String(40), primary_key=True),  # opaque: the only name outside
    Column("incident_id", String(40), nullable=False),
    Column("alert_id", Integer, nullable=False),
    Column("responder_id", Integer, nullable=False),
    Column("role", String(10), nullable=False),
    Column("aed_id", Integer, nullable=True),
    Column("eta_s", Float, nullable=False),
    Column("distance_m", Float, nullable=True),
    Column("asked_at_s", Float, nullable=False),
    Column("expires_at_s", Float, nullable=False),
    Column("night", Boolean, nullable=False),
    Column("status", String(20), nullable=False),
    Column("status_at_s", Float, nullable=False),
    Column("accepted_at_s", Float, nullable=True),
    Column("assigned", Boolean, nullable=False),  # may see where: accepted and not ended
    Column("ended_at_s", Float, nullable=True),
    Column("end_reason", String(60), nullable=False),
    UniqueConstraint("incident_id", "alert_id"),
)
Index("alert_of_responder", alert.c.responder_id, alert.c.asked_at_s)

claim = Table(  # exclusive things: a person, an AED, a drone (its task is ``-alert_id``)
    "claim",
    metadata,
    Column("kind", String(12), primary_key=True),
    Column("resource_id", Integer, primary_key=True),
    Column("incident_id", String(40), nullable=False),
    Column("alert_id", Integer, nullable=False),
    Column("at_s", Float, nullable=False),
)

delivery = Table(  # the outbox: messages on their way to people
    "delivery",
    metadata,
    Column("message_id", String(40), primary_key=True),
    Column("responder_id", Integer, nullable=False),
    Column("incident_id", String(40), nullable=True),
    Column("alert_id", Integer, nullable=True),
    Column("alert_key", String(40), nullable=True),
    Column("purpose", String(20), nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("expires_at_s", Float, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("wake_at_s", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),  # notifications.fallback.Delivery
)
Index("delivery_due", delivery.c.is_open, delivery.c.wake_at_s)
Index("delivery_of_alert", delivery.c.incident_id, delivery.c.alert_id)

responder = Table(
    "responder",
    metadata,
    Column("responder_id", Integer, primary_key=True),
    Column("name", Text, nullable=False),  # personal
    Column("initials", String(8), nullable=False),
    Column("contact", Text, nullable=False),  # personal: for people, never for alerts
    Column("organisation", String(80), nullable=False),
    Column("status", String(12), nullable=False),  # invited | active | suspended | left
    Column("suspended_reason", Text, nullable=False),
    Column("language", String(12), nullable=False),
    Column("mode", String(10), nullable=False),  # foot | bicycle | car
    Column("speed_factor", Float, nullable=False),
    Column("home_lat", Float, nullable=True),
    Column("home_lon", Float, nullable=True),
    Column("work_lat", Float, nullable=True),
    Column("work_lon", Float, nullable=True),
    Column("on_duty", Boolean, nullable=False),
    Column("not_before_s", Float, nullable=True),  # "not until 19:00"
    Column("wishes", LargeBinary, nullable=False),  # dispatch.live.wishes.Wishes
    Column("created_at_s", Float, nullable=False),
    Column("updated_at_s", Float, nullable=False),
)

credential = Table(
    "credential",
    metadata,
    Column("credential_id", String(40), primary_key=True),
    Column("responder_id", Integer, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("evidence", Text, nullable=False),  # what was looked at, e.g. a certificate's number
    Column("valid_from_s", Float, nullable=False),
    Column("valid_until_s", Float, nullable=False),
    Column("added_by", String(60), nullable=False),
    Column("added_at_s", Float, nullable=False),
    Column("verified_by", String(60), nullable=True),
    Column("verified_at_s", Float, nullable=True),
    Column("revoked_at_s", Float, nullable=True),
    Column("revoked_reason", Text, nullable=False),
    Column("reminded_at_s", Float, nullable=True),
)
Index("credential_of", credential.c.responder_id)

position = Table(  # the latest only; overwritten
    "position",
    metadata,
    Column("responder_id", Integer, primary_key=True),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("accuracy_m", Float, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("received_at_s", Float, nullable=False),
)

device = Table(
    "device",
    metadata,
    Column("device_id", String(40), primary_key=True),
    Column("responder_id", Integer, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("address", Text, nullable=False),  # personal; cleared when dead
    Column("platform", String(12), nullable=False),
    Column("language", String(12), nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("last_seen_s", Float, nullable=False),
    Column("dead_at_s", Float, nullable=True),
    Column("dead_reason", String(60), nullable=False),
    Column("may_break_silence", Boolean, nullable=True),  # as the phone reports it
    Column("test_message_id", String(40), nullable=True),
    Column("test_sent_at_s", Float, nullable=True),
    Column("test_shown_at_s", Float, nullable=True),
    Column("test_sounded", Boolean, nullable=True),
)
Index("device_of", device.c.responder_id)

invitation = Table(
    "invitation",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("responder_id", Integer, nullable=False),
    Column("created_by", String(60), nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("expires_at_s", Float, nullable=False),
    Column("used_at_s", Float, nullable=True),
)

token = Table(
    "token",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("kind", String(8), nullable=False),  # access | refresh
    Column("family", String(40), nullable=False),
    Column("responder_id", Integer, nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("expires_at_s", Float, nullable=False),
    Column("rotated_at_s", Float, nullable=True),
    Column("revoked_at_s", Float, nullable=True),
)
Index("token_family", token.c.family)
Index("token_of", token.c.responder_id)

api_key = Table(
    "api_key",
    metadata,
    Column("key_id", String(24), primary_key=True),
    Column("secret_hash", String(64), nullable=False),
    Column("role", String(20), nullable=False),
    Column("scopes", Text, nullable=False),  # JSON list; empty: all of the role
    Column("label", String(80), nullable=False),
    Column("created_by", String(60), nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("expires_at_s", Float, nullable=True),
    Column("revoked_at_s", Float, nullable=True),
)

aed = Table(
    "aed",
    metadata,
    Column("aed_id", Integer, primary_key=True),
    Column("source", String(40), nullable=False),
    Column("external_id", String(80), nullable=False),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("place", Text, nullable=False),
    Column("access", String(40), nullable=False),
    Column("indoor", Boolean, nullable=True),
    Column("level", String(20), nullable=False),
    Column("opening_hours", Text, nullable=False),
    Column("cabinet_code", Text, nullable=False),
    Column("status", String(16), nullable=False),  # unchecked | in_service | out_of_service
    Column("status_reason", Text, nullable=False),
    Column("checked_by", String(60), nullable=True),
    Column("checked_at_s", Float, nullable=True),
    Column("updated_at_s", Float, nullable=False),
    UniqueConstraint("source", "external_id"),
)

drone = Table(  # kept by a registrar; whether it may fly is the operator's word
    "drone",
    metadata,
    Column("drone_id", Integer, primary_key=True),
    Column("source", String(40), nullable=False),
    Column("external_id", String(80), nullable=False),
    Column("base", String(80), nullable=False),
    Column("lat", Float, nullable=False),  # of the base
    Column("lon", Float, nullable=False),
    Column("aircraft", String(40), nullable=False),
    Column("status", String(16), nullable=False),  # out_of_service | in_service
    Column("status_reason", Text, nullable=False),
    Column("status_by", String(60), nullable=True),
    Column("status_at_s", Float, nullable=True),
    Column("updated_at_s", Float, nullable=False),
    UniqueConstraint("source", "external_id"),
)

drone_order = Table(  # what the operator of drones is asked and told, in order
    "drone_order",
    metadata,
    Column("order_id", _Count, primary_key=True, autoincrement=True),
    Column("at_s", Float, nullable=False),
    Column("kind", String(10), nullable=False),  # find | ready | launch | recall | take | end
    Column("incident_id", String(40), nullable=False),
    Column("number", Integer, nullable=False),  # of the search (find), else of the task
    Column("drone_id", Integer, nullable=True),
    Column("useful_until_s", Float, nullable=True),  # a search: when it is too late
    Column("body", Text, nullable=False),  # JSON: place, reason; personal
    sqlite_autoincrement=True,  # numbers of purged rows never come again
)
Index("drone_order_of", drone_order.c.incident_id, drone_order.c.number)

brake = Table(  # stop all alerting; drawn no-alert areas
    "brake",
    metadata,
    Column("brake_id", String(40), primary_key=True),
    Column("kind", String(8), nullable=False),  # stop | area
    Column("area", Text, nullable=False),  # JSON: ring of [lat, lon]
    Column("reason", Text, nullable=False),
    Column("person", String(80), nullable=False),
    Column("placed_by", String(60), nullable=False),
    Column("placed_at_s", Float, nullable=False),
    Column("expires_at_s", Float, nullable=False),
    Column("lifted_at_s", Float, nullable=True),
    Column("lifted_by", String(80), nullable=True),
)

policy = Table(
    "policy",
    metadata,
    Column("policy_id", String(64), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("title", Text, nullable=False),
    Column("live_use", String(20), nullable=False),
    Column("content", Text, nullable=False),  # the file as it was handed in
    Column("proposed_by", String(80), nullable=False),
    Column("proposed_at_s", Float, nullable=False),
    Column("sign_off", Text, nullable=False),  # JSON: who signed for it, or empty
    Column("approved_by", String(80), nullable=True),
    Column("approved_at_s", Float, nullable=True),
    Column("shadow_since_s", Float, nullable=True),
)

policy_period = Table(  # which policy is in force from when; the latest begun counts
    "policy_period",
    metadata,
    Column("period_id", _Count, primary_key=True, autoincrement=True),
    Column("policy_id", String(64), nullable=False),
    Column("starts_at_s", Float, nullable=False),
    Column("decided_by", String(80), nullable=False),
    Column("decided_at_s", Float, nullable=False),
    Column("kind", String(12), nullable=False),  # first | activate | rollback
    Column("withdrawn_at_s", Float, nullable=True),
)

shadow = Table(  # what another policy would have done on the same call
    "shadow",
    metadata,
    Column("incident_id", String(40), primary_key=True),
    Column("policy_id", String(64), primary_key=True),
    Column("at_s", Float, nullable=False),
    Column("body", Text, nullable=False),
)

after_care = Table(
    "after_care",
    metadata,
    Column("alert_key", String(40), primary_key=True),
    Column("responder_id", Integer, nullable=False),
    Column("due_at_s", Float, nullable=False),
    Column("sent_at_s", Float, nullable=True),
    Column("answered_at_s", Float, nullable=True),
    Column("impact", String(12), nullable=True),
    Column("wants_call", Boolean, nullable=True),
)

stream = Table(
    "stream",
    metadata,
    Column("stream_id", _Count, primary_key=True, autoincrement=True),
    Column("at_s", Float, nullable=False),
    Column("incident_id", String(40), nullable=True),
    Column("kind", String(40), nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,  # a reader who comes back must never meet an old number again
)

webhook = Table(
    "webhook",
    metadata,
    Column("webhook_id", String(40), primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("kinds", Text, nullable=False),  # JSON list; empty: all
    Column("created_by", String(60), nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("removed_at_s", Float, nullable=True),
    Column("sent_to", BigInteger, nullable=False),  # last stream_id that was taken or given up
    Column("failing_since_s", Float, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("next_at_s", Float, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("principal", String(60), primary_key=True),
    Column("idem_key", String(120), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at_s", Float, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at_s", Float, nullable=False),
    Column("actor", String(60), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

about = Table(  # what the database knows about itself: mode = live | test
    "about",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

PERSONAL = {
    "incident": ("lat", "lon", "place", "snapshot", "report_hash"),
    "event": ("body", "commands"),
    "responder": ("name", "contact", "home_lat", "home_lon", "work_lat", "work_lon"),
    "position": ("lat", "lon"),
    "device": ("address",),
    "drone_order": ("body",),
}
