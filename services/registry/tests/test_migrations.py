"""The schema that the migrations make is the schema that the code means."""

from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from registry import migrations
from registry.database import async_url
from registry.migrate import upgrade_within
from registry.tables import SCHEMA_VERSION, Base

CATALOGUE = (
    """SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity
       FROM information_schema.columns
       WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2""",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
       WHERE connamespace = 'public'::regnamespace
       AND conrelid::regclass::text <> 'alembic_version' ORDER BY 1, 2""",
    """SELECT tablename, indexname, indexdef FROM pg_indexes
       WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1, 2""",
)


async def catalogue(url: str) -> list[list[tuple[object, ...]]]:
    """Every column, constraint and index, as PostgreSQL itself describes them.

    Alembic's own comparison does not look into CHECKs and the conditions of indexes.
    """
    connection = await asyncpg.connect(url)
    try:
        return [[tuple(row) for row in await connection.fetch(query)] for query in CATALOGUE]
    finally:
        await connection.close()


async def test_an_empty_database_is_brought_to_the_schema_of_the_models(
    empty_database_url: str, database_url: str
) -> None:
    engine = create_async_engine(async_url(empty_database_url))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()
    assert await catalogue(database_url) == await catalogue(empty_database_url)


def test_the_code_asks_for_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_VERSION


async def test_upgrading_twice_changes_nothing(empty_database_url: str) -> None:
    await upgrade_within(empty_database_url)
    first = await catalogue(empty_database_url)
    await upgrade_within(empty_database_url)
    assert first == await catalogue(empty_database_url)
    assert any("event_registrations" in str(row) for row in first[0])
