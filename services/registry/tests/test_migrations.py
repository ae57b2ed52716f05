"""The schema that the migrations make is the schema that the code means, and making it neither
needs quiet nor a second chance by hand.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Column, MetaData, Text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from registry.database import async_url
from registry.migrate import FOLDER, TURN_LOCK, Differs, check_within, main, upgrade_within
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
TURNS = """SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
           WHERE locktype = 'advisory' AND datname = current_database()"""
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('uq_people_name')"
WAITING_SECONDS_MAX = 20.0


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def catalogue(url: str) -> list[list[tuple[object, ...]]]:
    """Every column, constraint and index, as PostgreSQL itself describes them.

    Alembic's own comparison does not look into CHECKs and the conditions of indexes.
    """
    async with connected(url) as connection:
        return [[tuple(row) for row in await connection.fetch(query)] for query in CATALOGUE]


async def until(connection: asyncpg.Connection, query: str, wanted: object) -> None:
    async with asyncio.timeout(WAITING_SECONDS_MAX):
        while await connection.fetchval(query) != wanted:
            await asyncio.sleep(0.02)


def models_with(*columns: Column[str]) -> MetaData:
    """A copy of the models in which people have more columns."""
    models = MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.tables.values():
        table.to_metadata(models)
    for column in columns:
        models.tables["users"].append_column(column)
    return models


def migration(revision: str, before: str | None, *lines: str) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return (
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision = {revision!r}\ndown_revision = {before!r}\n\n\ndef upgrade():\n{body}\n"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Migrations as ours are run: a table, and then an index on it beside the traffic."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    shutil.copy(FOLDER / "env.py", folder)
    (folder / "versions" / "1.py").write_text(
        migration("1", None, 'op.create_table("people", sa.Column("name", sa.Text()))')
    )
    (folder / "versions" / "2.py").write_text(
        migration(
            "2",
            "1",
            "with op.get_context().autocommit_block():",
            '    op.drop_index("uq_people_name", if_exists=True, postgresql_concurrently=True)',
            '    op.create_index("uq_people_name", "people", ["name"], unique=True,',
            "        postgresql_concurrently=True)",
        )
    )
    return folder


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
    config.set_main_option("script_location", str(FOLDER))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_VERSION


async def test_upgrading_twice_changes_nothing(empty_database_url: str) -> None:
    await upgrade_within(empty_database_url)
    first = await catalogue(empty_database_url)
    await upgrade_within(empty_database_url)
    assert first == await catalogue(empty_database_url)
    assert any("event_registrations" in str(row) for row in first[0])


async def test_alembic_finds_nothing_that_the_models_say_and_no_migration_does(
    database_url: str,
) -> None:
    await check_within(database_url)
    await check_within(database_url, models_with())


async def test_alembic_finds_a_column_that_no_migration_makes(database_url: str) -> None:
    with pytest.raises(Differs, match=r"add_column.*users.*nickname"):
        await check_within(database_url, models_with(Column("nickname", Text())))


async def test_alembic_finds_a_default_that_no_migration_gives(database_url: str) -> None:
    models = models_with()
    models.tables["events"].c.taken.server_default = None
    with pytest.raises(Differs, match=r"modify_default.*events.*taken"):
        await check_within(database_url, models)


def test_the_check_tells_people_and_changes_nothing(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    with pytest.raises(SystemExit, match=r"not up to date.*`python -m"):
        main(["--check"])
    assert asyncio.run(tables(empty_database_url)) == []
    main([])
    main(["--check"])
    assert capsys.readouterr().out.splitlines() == [
        "The database has the newest schema.",
        "The database, the migrations and the models agree.",
    ]


async def tables(url: str) -> list[str]:
    async with connected(url) as connection:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return [row["tablename"] for row in rows]


async def test_two_releases_that_migrate_at_once_take_turns(
    empty_database_url: str, folder: Path
) -> None:
    """Also while the first builds an index beside the traffic, which waits for whoever waits."""
    await asyncio.gather(*(upgrade_within(empty_database_url, folder) for _ in range(4)))
    async with connected(empty_database_url) as connection:
        assert await connection.fetchval(VALID) is True


async def test_a_release_does_nothing_while_another_has_its_turn(
    empty_database_url: str, folder: Path
) -> None:
    async with connected(empty_database_url) as other:
        await other.execute(f"SELECT pg_advisory_lock({TURN_LOCK})")
        upgrade = asyncio.create_task(upgrade_within(empty_database_url, folder))
        await until(
            other,
            "SELECT query LIKE '%pg_try_advisory_lock%' OR query = 'COMMIT;' FROM pg_stat_activity"
            " WHERE application_name = 'turnout-migrate'",
            wanted=True,
        )
        assert await tables(empty_database_url) == []
        assert not upgrade.done()
    await upgrade
    assert sorted(await tables(empty_database_url)) == ["alembic_version", "people"]


async def test_an_index_that_failed_half_way_is_built_by_running_again(
    empty_database_url: str, folder: Path
) -> None:
    """What came before it is kept, and the turn is given back."""
    later = folder / "versions" / "2.py"
    held_back = later.rename(folder / "2.py")
    await upgrade_within(empty_database_url, folder)
    held_back.rename(later)
    async with connected(empty_database_url) as connection:
        await connection.execute("INSERT INTO people VALUES ('Ann'), ('Ann')")
        with pytest.raises(DBAPIError, match="could not create unique index"):
            await upgrade_within(empty_database_url, folder)
        assert await connection.fetchval(VALID) is False
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == "1"
        await until(connection, TURNS, 0)
        await connection.execute("DELETE FROM people")
        await upgrade_within(empty_database_url, folder)
        assert await connection.fetchval(VALID) is True
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == "2"


async def test_a_migration_that_cannot_have_a_table_gives_up_and_keeps_the_ones_before(
    empty_database_url: str, folder: Path
) -> None:
    await upgrade_within(empty_database_url, folder)
    (folder / "versions" / "3.py").write_text(
        migration("3", "2", 'op.add_column("people", sa.Column("age", sa.Integer()))')
    )
    async with connected(empty_database_url) as other, other.transaction():
        await other.execute("LOCK TABLE people")
        with pytest.raises(DBAPIError, match="lock timeout"):
            await upgrade_within(empty_database_url, folder)
        assert await other.fetchval("SELECT version_num FROM alembic_version") == "2"
    await upgrade_within(empty_database_url, folder)
