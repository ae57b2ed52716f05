"""${message}"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = ${repr(up_revision)}
down_revision: str | None = ${repr(down_revision)}
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Upgrade only: going back is a newer migration."""
    ${upgrades if upgrades else "pass"}


# What takes long on a big table has a migration of its own, outside of a transaction and such
# that running it again is safe. Instead of the above, and without this comment:
#
#     with op.get_context().autocommit_block():
#         # An earlier try that failed leaves an index that is maintained and never used.
#         op.drop_index("ix_t_c", "t", if_exists=True, postgresql_concurrently=True)
#         op.create_index("ix_t_c", "t", ["c"], postgresql_concurrently=True)
