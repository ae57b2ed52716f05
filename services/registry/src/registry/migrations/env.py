"""Alembic's entry: run the migrations on the connection that `registry.migrate` gives."""

from alembic import context

import registry.access_tables  # so that the models are whole
import registry.delivery_tables
import registry.messages.tables
import registry.move_tables
import registry.person_tables  # noqa: F401 - the same

given = context.config.attributes
context.configure(
    connection=given["connection"],
    target_metadata=given["models"],
    compare_server_default=True,
    # Each migration commits by itself: one that works outside of a transaction (an index built
    # beside the traffic) must neither end nor wait for another's.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
