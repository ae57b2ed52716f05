"""`python -m registry.migrate`: bring the database to the newest schema. Upgrade only.

A release's migrations run before its services start, and old services keep running beside the
new schema: a migration adds, and a later release removes what nobody uses any more.
"""

import asyncio
import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from registry.database import CONNECT_SECONDS_MAX, async_url

LOCK_MILLISECONDS_MAX = 5_000
"""A migration that waits for a lock makes everybody behind it wait too, so it gives up."""
_FOLDER = Path(__file__).parent / "migrations"


def upgrade(url: str) -> None:
    """Run all migrations that this database has not seen; does nothing when there is none.

    Args:
        url: as `DATABASE_URL`.
    """
    asyncio.run(upgrade_within(url))


async def upgrade_within(url: str) -> None:
    """As `upgrade`, for callers that have an event loop."""
    engine = create_async_engine(
        async_url(url),
        poolclass=NullPool,
        connect_args={
            "timeout": CONNECT_SECONDS_MAX,
            "server_settings": {
                "application_name": "turnout-migrate",
                "lock_timeout": str(LOCK_MILLISECONDS_MAX),
            },
        },
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def main() -> None:
    """Read `DATABASE_URL` (or `DATABASE_URL_FILE`) and upgrade."""
    path = os.environ.get("DATABASE_URL_FILE")
    url = Path(path).read_text(encoding="utf-8").strip() if path else os.environ.get("DATABASE_URL")
    if not url:
        raise SystemExit(
            "DATABASE_URL is not set: postgresql://user:password@host:port/name, "
            "or postgresql://user@/name?host=/socket/dir"
        )
    upgrade(url)
    sys.stdout.write("The database has the newest schema.\n")


if __name__ == "__main__":
    main()
