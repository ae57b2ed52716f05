"""Alembic's entry: run the migrations on the connection that `registry.migrate` gives."""

from alembic import context
from sqlalchemy import text

from registry.migrate import LOCK_MILLISECONDS_MAX
from registry.tables import Base

MIGRATION_LOCK = 7_305_201
"""Advisory lock: two releases that migrate at once take turns. Nothing else uses advisory locks."""

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    transaction_per_migration=False,
)
with context.begin_transaction():
    # Waiting for the other release is fine; waiting for a table is not.
    connection.execute(text("SET LOCAL lock_timeout = '60s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS_MAX}"))
    context.run_migrations()
