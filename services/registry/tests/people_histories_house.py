"""One connection to a real PostgreSQL on which histories are lived one after the other, each in a
transaction that is never committed.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from registry_house import TICKETS
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Address, Command
from registry.carrying_out import Done, carry_out
from registry.database import make_engine
from registry.proof_codes import ProofCodes
from registry.work import Work

Row = Mapping[str, Any]

CODES = ProofCodes("a key for tests")
TABLES = {
    "users": "SELECT * FROM users",
    "events": "SELECT *, date_time AS starts_at FROM events",
    "registrations": "SELECT * FROM event_registrations",
    "links": "SELECT * FROM links",
    "proofs": "SELECT * FROM email_proofs",
}


def address_of(row: Row) -> Address:
    """The chat that a row is about."""
    return Address(platform=row["platform"], account=row["account"], chat_id=row["chat_id"])


@dataclass(frozen=True)
class Rows:
    """The tables as they are after a command."""

    users: Mapping[UUID, Row] = field(default_factory=dict)
    events: Mapping[UUID, Row] = field(default_factory=dict)
    registrations: Mapping[UUID, Row] = field(default_factory=dict)
    links: Mapping[UUID, Row] = field(default_factory=dict)
    proofs: Mapping[UUID, Row] = field(default_factory=dict)
    identities: Mapping[Address, UUID] = field(default_factory=dict)
    moves: Mapping[Address, Row] = field(default_factory=dict)


class PeopleHouse:
    """A world in which one history happens."""

    def __init__(
        self,
        connection: AsyncConnection,
        driver: asyncpg.Connection,
        now: datetime,
        *,
        proof_by_email: bool,
    ) -> None:
        self.connection = connection
        self.driver = driver
        self.now = now
        self.proof_by_email = proof_by_email
        self.rows = Rows()

    def wait(self, minutes: int) -> None:
        """Let business time pass."""
        self.now += timedelta(minutes=minutes)

    async def carry_out(self, command: Command) -> Done:
        """Carry a command out, as far as its COMMIT would be refused for what is wrong."""
        work = Work(
            connection=self.connection,
            now=self.now,
            tickets=TICKETS,
            codes=CODES,
            proof_by_email=self.proof_by_email,
        )
        (done,) = await carry_out([command], work)
        await self.driver.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        return done

    async def _rows(self, query: str) -> list[Row]:
        return [dict(row) for row in await self.driver.fetch(query)]

    async def look(self) -> Rows:
        """Read everything that a check may ask for."""
        found = {
            name: {row["id"]: row for row in await self._rows(query)}
            for name, query in TABLES.items()
        }
        chats = await self._rows("SELECT * FROM identities")
        moves = await self._rows("SELECT * FROM chat_moves")
        self.rows = Rows(
            **found,
            identities={address_of(row): row["user_id"] for row in chats},
            moves={address_of(row): row for row in moves},
        )
        return self.rows


class Houses:
    """Gives every history a world of its own, on one connection."""

    def __init__(self, database_url: str) -> None:
        self._engine = make_engine(database_url)
        self._connection: AsyncConnection | None = None

    @asynccontextmanager
    async def house(self, now: datetime, *, proof_by_email: bool) -> AsyncIterator[PeopleHouse]:
        """A world without anybody, of which nothing stays."""
        if self._connection is None:
            self._connection = await self._engine.connect()
            # A shrunk example is looked at for longer than a command takes.
            await self._connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
            await self._connection.commit()
        await self._connection.begin()
        try:
            driver = (await self._connection.get_raw_connection()).driver_connection
            assert driver is not None
            yield PeopleHouse(self._connection, driver, now, proof_by_email=proof_by_email)
        finally:
            await self._connection.rollback()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        await self._engine.dispose()
