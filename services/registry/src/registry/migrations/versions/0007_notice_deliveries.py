"""What became of everything that people were told without having asked."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)
_TABLE = "notice_deliveries"


def upgrade() -> None:
    """Upgrade only: going back is a newer migration."""
    op.create_table(
        _TABLE,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("platform", sa.Text(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("planned_at", _TIME, nullable=False),
        sa.Column("emitted_at", _TIME, nullable=True),
        sa.Column("notice_id", sa.Uuid(), nullable=True),
        sa.Column("outbound_id", sa.Uuid(), nullable=True),
        sa.Column("second_outbound_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("standing", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reached_by", sa.Text(), nullable=True),
        sa.Column("passed_on_because", sa.Text(), nullable=True),
        sa.Column("repeated", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("status_at", _TIME, nullable=True),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "platform IN ('telegram', 'whatsapp', 'email')"
            " AND reached_by IN ('telegram', 'whatsapp', 'email')",
            name=op.f("ck_notice_deliveries_platform"),
        ),
        sa.CheckConstraint(
            "(emitted_at IS NULL) = (notice_id IS NULL)"
            " AND (notice_id IS NULL) = (outbound_id IS NULL)"
            " AND (notice_id IS NULL) = (second_outbound_id IS NULL)",
            name=op.f("ck_notice_deliveries_emitted_under_its_ids"),
        ),
        sa.CheckConstraint(
            "emitted_at IS NOT NULL OR message_id IS NOT NULL",
            name=op.f("ck_notice_deliveries_known_why"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_deliveries")),
    )
    op.create_index("uq_notice_deliveries_notice_id", _TABLE, ["notice_id"], unique=True)
    op.create_index("ix_notice_deliveries_outbound_id", _TABLE, ["outbound_id"])
    op.create_index("ix_notice_deliveries_second_outbound_id", _TABLE, ["second_outbound_id"])
    op.create_index("ix_notice_deliveries_page", _TABLE, ["event_id", "id"])
    op.create_index(
        "ix_notice_deliveries_recipients",
        _TABLE,
        ["message_id", "platform", "place"],
        postgresql_where=sa.text("message_id IS NOT NULL"),
    )
    op.create_index(
        "ix_notice_deliveries_settled",
        _TABLE,
        ["message_id", "settled_at"],
        postgresql_where=sa.text("message_id IS NOT NULL AND settled_at IS NOT NULL"),
    )
    op.create_index(
        "ix_notice_deliveries_outstanding",
        _TABLE,
        ["message_id", "platform", "emitted_at"],
        postgresql_where=sa.text(
            "message_id IS NOT NULL AND emitted_at IS NOT NULL AND status IS NULL"
        ),
    )
