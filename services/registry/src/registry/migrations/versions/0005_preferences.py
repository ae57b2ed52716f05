"""People may say that they want no reminders and no news, and what language they read."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Upgrade only: going back is a newer migration."""
    op.add_column(
        "users", sa.Column("muted", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("users", sa.Column("muted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("language_at", sa.DateTime(timezone=True), nullable=True))
