"""Build beside the traffic what 0010 only promised."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Upgrade only: going back is a newer migration."""
    with op.get_context().autocommit_block():
        op.execute(
            "ALTER TABLE event_registrations VALIDATE CONSTRAINT "
            "ck_event_registrations_hold_has_an_end"
        )
        # A concurrent build that was cut short leaves an index that nobody can use.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_event_registrations_holds")
        op.create_index(
            "ix_event_registrations_holds",
            "event_registrations",
            ["hold_expires_at", "event_id"],
            postgresql_where=sa.text("status = 'held'"),
            postgresql_concurrently=True,
        )
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_users_email_claimed_lower")
        op.create_index(
            "ix_users_email_claimed_lower",
            "users",
            [sa.text("lower(email_claimed)")],
            postgresql_concurrently=True,
        )
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_event_registrations_promised")
        op.create_index(
            "ix_event_registrations_promised",
            "event_registrations",
            ["transfer_to"],
            postgresql_where=sa.text("transfer_to IS NOT NULL"),
            postgresql_concurrently=True,
        )
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_user_states_user_id")
        op.create_index(
            "ix_user_states_user_id", "user_states", ["user_id"], postgresql_concurrently=True
        )
