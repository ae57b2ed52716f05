"""Organisers' messages to many."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)
_JSON = postgresql.JSONB(none_as_null=True)


def upgrade() -> None:
    """Upgrade only: going back is a newer migration."""
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("stop", _JSON, nullable=True),
        sa.Column("recipients", _JSON, nullable=False),
        sa.Column("handed_over", _JSON, nullable=False),
        sa.Column("cleared", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("judged_from", _TIME, nullable=False),
        sa.Column("muted", sa.Integer(), nullable=False),
        sa.Column("no_address", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "status IN ('running', 'paused', 'cancelled', 'finished')",
            name=op.f("ck_messages_status"),
        ),
        sa.CheckConstraint(
            "audience IN ('confirmed', 'waiting', 'checked_in', 'not_checked_in', 'all')",
            name=op.f("ck_messages_audience"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (status IN ('running', 'paused'))",
            name=op.f("ck_messages_ended_at"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index(
        "ix_messages_running",
        "messages",
        ["id"],
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index("ix_messages_page", "messages", ["event_id", "created_at", "id"])
