"""When PostgreSQL or a process is away: nothing is lost, nothing is told wrongly."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest
from registry_house import House, claim_seat
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import SeatClaimed, WaitingListed
from contracts.topology import REGISTRY_COMMANDS
from registry.database import Database, DatabaseFault, async_url
from runtime.failures import Retry, Unavailable
from runtime.testing import free_port

FACT_SECONDS_MAX = 30.0


async def eventually_async(fact: Callable[[], object]) -> None:
    async with asyncio.timeout(FACT_SECONDS_MAX):
        while not await fact():  # type: ignore[misc]
            await asyncio.sleep(0.05)


async def test_a_long_wait_for_the_row_is_a_retry_and_never_a_full(house: House) -> None:
    event_id = await house.event()
    holder = await asyncpg.connect(house.database_url)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("SELECT 1 FROM events FOR NO KEY UPDATE")
    command = claim_seat(event_id)
    with pytest.raises(Retry):
        await house.handlers.handle(command)
    assert await house.answers() == []
    await transaction.rollback()
    await holder.close()
    await house.do(command)
    assert isinstance((await house.answer(command)).outcome, SeatClaimed)


async def test_a_deadlock_s_victim_is_repeated(database_url: str) -> None:
    database = Database(database_url)
    attempts: list[str] = []
    both_hold = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        async def work(connection: AsyncConnection) -> None:
            attempts.append("once")
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": first})
            if len(attempts) <= 2:
                await both_hold.wait()
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": second})

        await database.run(work)

    async with database:
        await asyncio.gather(lock(1, 2), lock(2, 1))
    assert len(attempts) == 3


async def test_lost_connections_are_replaced(house: House) -> None:
    event_id = await house.event(5)
    for person in range(3):
        await house.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await house.seat(event_id, person)


async def test_a_database_that_is_away_is_unavailable() -> None:
    async with Database("postgresql://postgres@/none?host=/nowhere") as database:
        with pytest.raises(Unavailable, match="postgres"):
            await database.check()


async def test_a_database_without_our_schema_says_what_to_do(empty_database_url: str) -> None:
    async with Database(empty_database_url) as database:
        with pytest.raises(Unavailable, match=r"registry\.migrate"):
            await database.check()


async def test_a_refused_statement_tells_nothing_about_people(house: House) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(
            text(
                "INSERT INTO users (id, name, language, created_at, updated_at) "
                "VALUES (gen_random_uuid(), :name, 'xx', now(), now())"
            ),
            {"name": "Ann Secret"},
        )

    with pytest.raises(DatabaseFault) as caught:
        await house.databases[0].run(work)
    assert str(caught.value) == "SQLSTATE 23514, constraint ck_users_language"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:p%40ss@db.example:5433/turnout",
        "postgresql://postgres@/turnout?host=/var/run/postgresql",
        "postgresql+asyncpg://ann@db.example/turnout",
    ],
)
def test_both_forms_of_the_address_are_taken(url: str) -> None:
    assert async_url(url).drivername == "postgresql+asyncpg"
    assert async_url(url).database == "turnout"


@asynccontextmanager
async def process(
    house: House, nats_url: str, log: Path, **environment: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`python -m registry`, and where it listens."""
    port = free_port()
    with log.open("ab") as output:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "registry",
            env={
                **os.environ,
                "NATS_URL": nats_url,
                "DATABASE_URL": house.database_url,
                "ADMIN_TOKEN": "token",
                "TICKET_KEY": "a key for tests",
                "HTTP_PORT": str(port),
                "TURNOUT_TEST": "1",
                **environment,
            },
            stdout=output,
            stderr=output,
        )
    try:
        yield child, f"http://127.0.0.1:{port}"
    finally:
        if child.returncode is None:
            child.terminate()
        await asyncio.wait_for(child.wait(), FACT_SECONDS_MAX)


async def handled(house: House) -> int:
    rows = await house.rows("SELECT 1 FROM handled_commands WHERE command = 'claim-seat'")
    return len(rows)


@pytest.mark.parametrize(
    "point", ["registry.before-commit", "registry.after-commit", "registry.after-outcome"]
)
async def test_a_process_that_dies_in_the_middle_is_made_good_by_the_next(
    house: House, provisioned: str, tmp_path: Path, point: str
) -> None:
    await hand_over_sooner(house)
    event_id = await house.event(1)
    command = claim_seat(event_id)
    await house.broker.publish(command)
    log = tmp_path / "log"
    async with process(house, provisioned, log, TURNOUT_CRASH_AT=f"{point}:1") as (child, _):
        await asyncio.wait_for(child.wait(), FACT_SECONDS_MAX)
        assert child.returncode == -9, log.read_text()
    async with process(house, provisioned, log):
        await eventually_async(lambda: is_worked_off(house))
    assert isinstance((await house.answer(command)).outcome, SeatClaimed)
    facts = [subject for subject, _ in await house.facts()]
    assert facts.count("registration.confirmed") == 1
    assert (await house.rows("SELECT taken FROM events"))[0]["taken"] == 1


async def hand_over_sooner(house: House) -> None:
    """Let the broker give a dead process's message to the next one after 1 s instead of 10."""
    for lane in REGISTRY_COMMANDS:
        info = await house.broker.jetstream.consumer_info("COMMANDS", lane.name)
        assert info.config is not None
        info.config.ack_wait = 1.0
        await house.broker.jetstream.add_consumer("COMMANDS", info.config)


async def is_worked_off(house: House) -> bool:
    info = await house.broker.jetstream.stream_info("COMMANDS")
    return info.state.messages == 0


async def test_a_rush_through_the_stream_over_three_processes_is_exact(
    house: House, provisioned: str, tmp_path: Path
) -> None:
    event_id: UUID = await house.event(25)
    commands = [claim_seat(event_id, person) for person in range(150)]
    await asyncio.gather(*(house.broker.publish(command) for command in commands))
    log = tmp_path / "log"
    async with (
        process(house, provisioned, log),
        process(house, provisioned, log),
        process(house, provisioned, log),
    ):
        await eventually_async(lambda: is_worked_off(house))
    outcomes = [answer.outcome for answer in await house.answers()]
    assert len(outcomes) == 150
    assert sum(isinstance(outcome, SeatClaimed) for outcome in outcomes) == 25
    places = [
        outcome.registration.position for outcome in outcomes if isinstance(outcome, WaitingListed)
    ]
    assert sorted(place or 0 for place in places) == list(range(1, 126))
    seats = await house.rows("SELECT 1 FROM event_registrations WHERE status = 'confirmed'")
    assert len(seats) == 25


async def test_it_does_not_start_without_its_secrets() -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("ADMIN_TOKEN", "TICKET_KEY", "DATABASE_URL")
    }
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "registry"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 1
    assert "ADMIN_TOKEN is the secret of the organiser API" in ended.stderr


async def test_a_process_that_lost_its_database_says_so_and_recovers(
    house: House, provisioned: str, tmp_path: Path
) -> None:
    event_id = await house.event(5)
    away = house.database_url.partition("?")[0].rpartition("/")[2]
    async with (
        process(house, provisioned, tmp_path / "log") as (_, url),
        httpx.AsyncClient(base_url=url) as client,
    ):

        async def is_ready() -> bool:
            try:
                return (await client.get("/health/ready")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually_async(is_ready)
        await admin(house, f"ALTER DATABASE {away} ALLOW_CONNECTIONS false", away)
        command = claim_seat(event_id)
        await house.broker.publish(command)

        async def is_held() -> bool:
            answer = await client.get("/health/ready")
            return answer.status_code == 503 and "postgres" in answer.json()["failing"]

        await eventually_async(is_held)
        refused = await client.get("/api/events", headers={"Authorization": "Bearer token"})
        assert refused.status_code == 503
        assert "postgres does not answer" in refused.json()["detail"]
        await admin(house, f"ALTER DATABASE {away} ALLOW_CONNECTIONS true", None)
        await eventually_async(lambda: is_worked_off(house))
        await eventually_async(is_ready)
    assert isinstance((await house.answer(command)).outcome, SeatClaimed)


async def admin(house: House, statement: str, to_disconnect: str | None) -> None:
    """Say something to the server itself, as an operator would."""
    url = house.database_url
    name = url.partition("?")[0].rpartition("/")[2]
    connection = await asyncpg.connect(url.replace(f"/{name}?", "/postgres?"))
    try:
        await connection.execute(statement)
        if to_disconnect:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
                to_disconnect,
            )
    finally:
        await connection.close()
