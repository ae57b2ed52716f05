"""The registry's way of writing claims down, beside inserts that promise nothing."""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.claims import claims
from benchmarks.registry_tables import add_events
from benchmarks.results import Comparison
from contracts import Command
from contracts.topology import COMMANDS_FETCHED_MAX
from registry.carrying_out import carry_out
from registry.database import Database
from registry.proof_codes import ProofCodes
from registry.tickets import Tickets
from registry.work import Work

TICKETS, CODES = Tickets("a key for benchmarks"), ProofCodes("a key for benchmarks")
CLAIMS = 2_560
ROWS_ONE_BY_ONE = 500
ROWS_TOGETHER = 25_600
"""Per round; each takes about a second."""
TOGETHER = COMMANDS_FETCHED_MAX

T = TypeVar("T")
Row = tuple[UUID, UUID, UUID]

_TABLE = """
    CREATE TABLE raw_registrations (
        id uuid PRIMARY KEY, event_id uuid NOT NULL, user_id uuid NOT NULL,
        UNIQUE (event_id, user_id))"""
_INSERT = "INSERT INTO raw_registrations (id, event_id, user_id) VALUES ($1, $2, $3)"

_REGISTERED = "(SELECT user_id FROM event_registrations WHERE event_id = $1)"
WRITTEN = {
    "users": f"id IN {_REGISTERED}",
    "identities": f"user_id IN {_REGISTERED}",
    "event_registrations": "event_id = $1",
    "notices": "event_id = $1",
    "audit": "event_id = $1",
    "handled_commands": "command_id IN (SELECT command_id FROM audit WHERE event_id = $1)",
}
"""Per table, which rows the claims of one event have led to."""


async def compare(database_url: str, rounds: Iterable[int]) -> list[Comparison]:
    """Claims of one event in batches; raw inserts alone, in batches, and of all the same rows."""
    what = f"registry: claims of one event written down, {TOGETHER} per transaction"
    unit = "registrations/s"
    alone = Comparison(what, unit, "raw inserts of one narrow row, one per transaction", aim=1.0)
    narrow = Comparison(
        what, unit, f"raw inserts of one narrow row, {TOGETHER} per transaction", aim=0.2
    )
    same = Comparison(what, unit, f"raw inserts of all the same rows, {TOGETHER} per transaction")
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(_TABLE)
        for table in WRITTEN:
            await connection.execute(f"CREATE TABLE raw_{table} (LIKE {table} INCLUDING ALL)")
        async with Database(database_url) as database:
            await _registry(database, await _new_event(database_url))
            for _ in rounds:
                event_id = await _new_event(database_url)
                ours = await _registry(database, event_id)
                for comparison, yardstick in (
                    (alone, await _one_by_one(connection)),
                    (narrow, await _together(connection)),
                    (same, await _same_rows(connection, event_id)),
                ):
                    comparison.ours.append(ours)
                    comparison.yardstick.append(yardstick)
    finally:
        await connection.close()
    return [alone, narrow, same]


async def _new_event(database_url: str) -> UUID:
    return (await add_events(database_url, 1))[0]


async def _registry(database: Database, event_id: UUID) -> float:
    """The registry's own code, without the broker around it."""
    wanted = claims([event_id], CLAIMS)
    started = time.perf_counter()
    for batch in _batches(wanted):
        await database.run(partial(_carry_out, batch))
    return CLAIMS / (time.perf_counter() - started)


async def _carry_out(batch: Sequence[Command], connection: AsyncConnection) -> None:
    work = Work(
        connection=connection,
        now=datetime.now(UTC),
        tickets=TICKETS,
        codes=CODES,
        proof_by_email=False,
    )
    await carry_out(batch, work)


async def _one_by_one(connection: asyncpg.Connection) -> float:
    rows = _rows(ROWS_ONE_BY_ONE)
    started = time.perf_counter()
    for row in rows:
        await connection.execute(_INSERT, *row)
    return len(rows) / (time.perf_counter() - started)


async def _together(connection: asyncpg.Connection) -> float:
    rows = _rows(ROWS_TOGETHER)
    started = time.perf_counter()
    for batch in _batches(rows):
        await connection.executemany(_INSERT, batch)
    return len(rows) / (time.perf_counter() - started)


async def _same_rows(connection: asyncpg.Connection, event_id: UUID) -> float:
    """Everything that the registry has written for an event, by somebody who need not decide."""
    inserts: list[tuple[str, Iterator[list[Any]]]] = []
    for table, condition in WRITTEN.items():
        # Names and conditions are our own.
        rows = await connection.fetch(f"SELECT * FROM {table} WHERE {condition}", event_id)  # noqa: S608
        assert len(rows) >= CLAIMS, f"{table} has {len(rows)} rows of {CLAIMS} claims"
        places = ", ".join(f"${place}" for place in range(1, len(rows[0]) + 1))
        insert = f"INSERT INTO raw_{table} OVERRIDING SYSTEM VALUE VALUES ({places})"  # noqa: S608
        inserts.append((insert, _batches(rows, TOGETHER * len(rows) // CLAIMS)))
    started = time.perf_counter()
    for _ in range(CLAIMS // TOGETHER):
        async with connection.transaction():
            for insert, batches in inserts:
                await connection.executemany(insert, next(batches))
    seconds = time.perf_counter() - started
    await connection.execute(f"TRUNCATE {', '.join(f'raw_{table}' for table in WRITTEN)}")
    return CLAIMS / seconds


def _rows(count: int) -> list[Row]:
    event_id = uuid4()
    return [(uuid4(), event_id, uuid4()) for _ in range(count)]


def _batches(entries: Sequence[T], size: int = TOGETHER) -> Iterator[list[T]]:
    remaining = iter(entries)
    while batch := list(islice(remaining, size)):
        yield batch
