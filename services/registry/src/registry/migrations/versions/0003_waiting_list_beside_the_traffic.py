"""Build beside the traffic what 0002 only promised: its constraints and its indexes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Upgrade only: going back is a newer migration."""
    with op.get_context().autocommit_block():
        # Without a lock that keeps writers out; each step may be run again.
        for table, name in (
            ("events", "figures"),
            ("event_registrations", "registered_via"),
            ("event_registrations", "offer_has_an_end"),
            ("event_registrations", "in_line_by_number"),
            ("event_registrations", "transfer_has_an_end"),
        ):
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_{name}")
        for name in (
            "ix_users_email_claimed",
            "ix_events_waited_for",
            "ix_event_registrations_line",
            "ix_event_registrations_offers",
        ):
            # A concurrent build that was cut short leaves an index that nobody can use.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.create_index(
            "ix_users_email_claimed",
            "users",
            ["email_claimed"],
            postgresql_concurrently=True,
        )
        op.create_index(
            "ix_events_waited_for",
            "events",
            ["id"],
            postgresql_where=sa.text("waiting > 0"),
            postgresql_concurrently=True,
        )
        op.create_index(
            "ix_event_registrations_line",
            "event_registrations",
            ["event_id", sa.text("priority DESC"), "queue_number"],
            postgresql_where=sa.text("status = 'waiting'"),
            postgresql_concurrently=True,
        )
        op.create_index(
            "ix_event_registrations_offers",
            "event_registrations",
            ["offer_expires_at", "event_id"],
            postgresql_where=sa.text("status = 'offered'"),
            postgresql_concurrently=True,
        )
