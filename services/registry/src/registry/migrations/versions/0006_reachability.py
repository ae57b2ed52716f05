"""Which chats can be written to, as the notifier learns it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Upgrade only: going back is a newer migration."""
    op.create_table(
        "reachability",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("chat_id", sa.Text(), nullable=False),
        sa.Column("blocked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("marketing_stopped", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "platform IN ('telegram', 'whatsapp', 'email')", name=op.f("ck_reachability_platform")
        ),
        sa.PrimaryKeyConstraint("platform", "account", "chat_id", name=op.f("pk_reachability")),
    )
