"""Chats that have another id now, and since when each chat speaks for its person."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Upgrade only: going back is a newer migration."""
    op.add_column("identities", sa.Column("since", _TIME, nullable=True))
    op.create_table(
        "chat_moves",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("chat_id", sa.Text(), nullable=False),
        sa.Column("moved_to", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("left_at", _TIME, nullable=True),
        sa.CheckConstraint("chat_id <> moved_to", name=op.f("ck_chat_moves_elsewhere")),
        sa.CheckConstraint(
            "platform IN ('telegram', 'whatsapp')", name=op.f("ck_chat_moves_platform")
        ),
        sa.PrimaryKeyConstraint("platform", "account", "chat_id", name=op.f("pk_chat_moves")),
    )
    op.create_index("ix_chat_moves_moved_to", "chat_moves", ["moved_to"])
