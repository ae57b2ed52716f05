"""PostgreSQL: one bounded pool, transactions that are repeated when that is right, and failures
by meaning.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from registry.tables import SCHEMA_VERSION
from runtime.failures import Retry, Unavailable

LOCK_MILLISECONDS_MAX = 3_000
STATEMENT_MILLISECONDS_MAX = 5_000
IDLE_IN_TRANSACTION_MILLISECONDS_MAX = 5_000
CONNECT_SECONDS_MAX = 3.0
COMMAND_SECONDS_MAX = 8.0
"""Above PostgreSQL's own limits: this one is for a server that no longer answers at all."""
POOL_CONNECTIONS = 10
POOL_CONNECTIONS_EXTRA = 5
"""More connections make a hot row slower, not faster (field.md B2)."""
POOL_WAIT_SECONDS_MAX = 3.0
ATTEMPTS_MAX = 3
BUSY_RETRY_SECONDS = 1.0

LOST_STATES = ("08", "57P", "53", "25006")
"""SQLSTATE prefixes: connection lost, server going down, no resources, read-only."""
UNMIGRATED_STATES = ("42P01", "42703")
"""No such table or column: this release's migrations have not run yet."""
BUSY_STATES = ("40", "55P03", "57014")
"""Deadlock or serialisation, a lock not had in time, a statement not done in time."""
REPEATED_STATES = ("40", "23503", "23505", "0A000")
"""What ends well when done again at once: a deadlock's victim, a person who has just become a part
of another one, a key that somebody else wrote first, a cached plan that is outdated. Not a lock
that was not had in time: its worker has waited long enough, and others have work for it."""

T = TypeVar("T")


class Raced(Exception):
    """Somebody did the same at the same moment; whoever looks again finds it done."""


class DatabaseFault(Exception):
    """PostgreSQL refused a statement of ours: a bug.

    It carries the code and the constraint only. PostgreSQL's own text quotes the row, and with
    it people's names.
    """

    def __init__(self, sqlstate: str, constraint: str | None) -> None:
        super().__init__(f"SQLSTATE {sqlstate}, constraint {constraint or 'none'}")


def async_url(url: str) -> URL:
    """`DATABASE_URL` for our driver.

    Accepts `postgresql://user:password@host:port/name` and, for a Unix socket,
    `postgresql://user@/name?host=/socket/dir`.

    Raises:
        ValueError: this is no URL of a PostgreSQL database.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ValueError("DATABASE_URL has the form postgresql://user:password@host:port/name")
    return parsed.set(drivername="postgresql+asyncpg")


def make_engine(url: str) -> AsyncEngine:
    """An engine whose sessions give up instead of waiting for ever."""
    return create_async_engine(
        async_url(url),
        isolation_level="READ COMMITTED",
        pool_size=POOL_CONNECTIONS,
        max_overflow=POOL_CONNECTIONS_EXTRA,
        pool_timeout=POOL_WAIT_SECONDS_MAX,
        # An error must not carry what was written: those are people's names and addresses.
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_SECONDS_MAX,
            "command_timeout": COMMAND_SECONDS_MAX,
            "server_settings": {
                "application_name": "turnout-registry",
                "lock_timeout": str(LOCK_MILLISECONDS_MAX),
                "statement_timeout": str(STATEMENT_MILLISECONDS_MAX),
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MILLISECONDS_MAX),
            },
        },
    )


class Database:
    """The only way to PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._engine.dispose()

    async def run(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do `work` in one transaction and commit it; `work` may be called several times.

        Raises:
            Unavailable: PostgreSQL cannot be reached. The transaction may have been committed
                all the same, so `work` must recognise its own effect.
            Retry: others hold what is needed; nothing was changed.
            DatabaseFault: a statement was refused.
        """
        attempts = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS_MAX),
            wait=wait_random_exponential(multiplier=0.02, max=0.2),
            retry=retry_if_exception(_is_worth_repeating),
            reraise=True,
        )
        try:
            async for attempt in attempts:
                with attempt:
                    return await self._once(work)
        except Exception as error:
            if (meant := _meaning(error)) is None:
                raise
            # `from None`: the original text may quote people's data.
            raise meant from None
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        connected = False
        try:
            async with self._engine.begin() as connection:
                connected = True
                return await work(connection)
        except (asyncpg.PostgresError, DBAPIError):
            if connected:
                raise
            # Whatever keeps us out (a wrong password, too many guests, a restart), it is nothing
            # that is wrong with the work.
            raise Unavailable("postgres") from None

    async def check(self) -> None:
        """See whether PostgreSQL answers and has our schema, or a newer one.

        Raises:
            Unavailable: it does not, or the migrations of this release have not run.
            Retry: every connection is in use.
        """
        version = await self.run(_schema_version)
        if version is None or version < SCHEMA_VERSION:
            raise Unavailable(f"schema {SCHEMA_VERSION} (run registry.migrate)")


async def _schema_version(connection: AsyncConnection) -> str | None:
    version: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _sqlstate(error: BaseException) -> str | None:
    if isinstance(error, DBAPIError):
        return getattr(error.orig, "sqlstate", None)
    if isinstance(error, asyncpg.PostgresError):
        return error.sqlstate
    return None


def _is_lost(error: BaseException) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    # While connecting, the driver's errors arrive bare.
    if isinstance(error, OSError | asyncio.TimeoutError | asyncpg.InterfaceError):
        return True
    return _is_one_of(error, LOST_STATES)


def _is_one_of(error: BaseException, states: tuple[str, ...]) -> bool:
    state = _sqlstate(error)
    return state is not None and state.startswith(states)


def _is_worth_repeating(error: BaseException) -> bool:
    return isinstance(error, Raced) or _is_one_of(error, REPEATED_STATES) or _is_lost(error)


def _meaning(error: Exception) -> Exception | None:
    if _is_lost(error):
        return Unavailable("postgres")
    if _is_one_of(error, UNMIGRATED_STATES):
        return Unavailable("postgres schema (run registry.migrate)")
    if isinstance(error, PoolTimeoutError | Raced) or _is_one_of(error, BUSY_STATES):
        return Retry("the database is busy", BUSY_RETRY_SECONDS)
    if isinstance(error, DBAPIError):
        constraint = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
        return DatabaseFault(_sqlstate(error) or type(error.orig).__name__, constraint)
    return None
