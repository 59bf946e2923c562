"""Whether a database is live or for tests, and what control last reported of a call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "about",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    with op.batch_alter_table("incident") as table:
        table.add_column(sa.Column("report_hash", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Go back: nobody knows any more which databases are for tests."""
    with op.batch_alter_table("incident") as table:
        table.drop_column("report_hash")
    op.drop_table("about")
