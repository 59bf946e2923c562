"""Drones: their registry, what their operator is told, and a role with a longer name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "drone",
        sa.Column("drone_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=80), nullable=False),
        sa.Column("base", sa.String(length=80), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("aircraft", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("status_by", sa.String(length=60), nullable=True),
        sa.Column("status_at_s", sa.Float(), nullable=True),
        sa.Column("updated_at_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("drone_id"),
        sa.UniqueConstraint("source", "external_id"),
    )
    op.create_table(
        "drone_order",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("incident_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("drone_id", sa.Integer(), nullable=True),
        sa.Column("useful_until_s", sa.Float(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("drone_order_of", "drone_order", ["incident_id", "number"], unique=False)
    with op.batch_alter_table("api_key") as table:
        table.alter_column("role", existing_type=sa.String(length=12), type_=sa.String(length=20))


def downgrade() -> None:
    """Go back to the tables without drones; keys of drone operators go with them."""
    op.execute("DELETE FROM api_key WHERE role = 'drone_operator'")
    with op.batch_alter_table("api_key") as table:
        table.alter_column("role", existing_type=sa.String(length=20), type_=sa.String(length=12))
    op.drop_index("drone_order_of", table_name="drone_order")
    op.drop_table("drone_order")
    op.drop_table("drone")
