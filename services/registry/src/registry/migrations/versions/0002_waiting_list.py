"""Waiting list, offers, transfers, check-in, registration windows, and counters for all of them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_CHECKS = {
    "events": {
        "figures": (
            "held >= 0 AND offered >= 0 AND held + offered <= taken "
            "AND waiting >= 0 AND checked_in >= 0"
        ),
    },
    "event_registrations": {
        "registered_via": "registered_via IN ('telegram', 'whatsapp', 'organiser')",
        "offer_has_an_end": "(status = 'offered') = (offer_expires_at IS NOT NULL)",
        "in_line_by_number": "status NOT IN ('waiting', 'offered') OR queue_number IS NOT NULL",
        "transfer_has_an_end": "(transfer_to IS NULL) = (transfer_expires_at IS NULL)",
    },
}


def upgrade() -> None:
    """Upgrade only: going back is a newer migration."""
    for name, kind in (
        ("held", sa.Integer()),
        ("offered", sa.Integer()),
        ("waiting", sa.Integer()),
        ("checked_in", sa.Integer()),
        ("queue_last", sa.BigInteger()),
    ):
        op.add_column("events", sa.Column(name, kind, server_default=sa.text("0"), nullable=False))
    for name in ("registration_opens_at", "registration_closes_at"):
        op.add_column("events", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for column in (
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("queue_number", sa.BigInteger(), nullable=True),
        sa.Column("offer_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("transfer_to", sa.Uuid(), nullable=True),
        sa.Column("transfer_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_in_by", sa.Text(), nullable=True),
    ):
        op.add_column("event_registrations", column)
    op.add_column("audit", sa.Column("by", sa.Text(), nullable=True))
    op.create_table(
        "sweeps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drift", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_sweeps_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweeps")),
    )
    op.drop_constraint(op.f("ck_event_registrations_registered_via"), "event_registrations")
    # Which event a notice is about follows from its registration, which is still checked.
    op.drop_constraint(op.f("fk_notices_event_id"), "notices")
    for table, checks in _CHECKS.items():
        for name, condition in checks.items():
            op.create_check_constraint(
                op.f(f"ck_{table}_{name}"), table, condition, postgresql_not_valid=True
            )
