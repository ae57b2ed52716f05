"""PostgreSQL: one bounded pool, transactions that are repeated when that is right, and failures
by meaning.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

import asyncpg
import structlog
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
"""SQLSTATE prefixes: connection lost, server going down or starting, no resources, read-only."""
BUSY_STATES = ("40", "55P03", "57014")
"""Deadlock or serialisation, a lock not had in time, a statement not done in time."""
RACED_STATES = ("23505", "0A000")
"""Somebody else wrote the same key first, or a cached plan is outdated: look again."""

log = structlog.get_logger()

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
                    async with self._engine.begin() as connection:
                        return await work(connection)
        except Exception as error:
            if (meant := _meaning(error)) is None:
                raise
            # `from None`: the original text may quote people's data.
            raise meant from None
        raise AssertionError("the last attempt returns or raises")

    async def check(self) -> None:
        """Raises when PostgreSQL does not answer; the caller limits the time."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))


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
    state = _sqlstate(error)
    return state is not None and state not in BUSY_STATES and state.startswith(LOST_STATES)


def _is_busy(error: BaseException) -> bool:
    if isinstance(error, PoolTimeoutError):
        return True
    state = _sqlstate(error)
    return state is not None and state.startswith(BUSY_STATES)


def _is_worth_repeating(error: BaseException) -> bool:
    state = _sqlstate(error)
    raced = isinstance(error, Raced) or (state is not None and state.startswith(RACED_STATES))
    return raced or _is_lost(error) or (_is_busy(error) and not isinstance(error, PoolTimeoutError))


def _meaning(error: Exception) -> Exception | None:
    if _is_lost(error):
        return Unavailable("postgres")
    if _is_busy(error):
        return Retry("the event is busy", BUSY_RETRY_SECONDS)
    if isinstance(error, DBAPIError):
        constraint = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
        return DatabaseFault(_sqlstate(error) or type(error.orig).__name__, constraint)
    return None
