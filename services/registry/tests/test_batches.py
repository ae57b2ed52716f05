"""What waits together is one transaction, and nobody in it pays for anybody else."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from registry_commands import new, pass_on
from registry_house import CODES, TICKETS, House, QuietHouse, chat, claim_seat
from sqlalchemy.exc import DBAPIError

from contracts import Command, RequestCode, TendEvents
from registry.batches import EVENTS_AT_ONCE_MAX, Batches
from registry.carrying_out import Done, carry_out
from registry.database import DatabaseFault, make_engine
from registry.handlers import Handlers
from registry.results import SeatsPassedOn, Stored
from registry.work import Work
from runtime.broker import Broker
from runtime.failures import Retry, Unavailable
from runtime.settings import ServiceSettings
from runtime.testing import NatsServer

PEOPLE = 20
SERIALIZATION_FAILURE = "40001"


async def submit(
    house: House, commands: Sequence[Command], *, per_batch_max: int = 64
) -> list[Done | BaseException]:
    """What becomes of commands that come in one moment."""
    batches = Batches(house.handlers.carry_out, commands_per_batch_max=per_batch_max)
    return await asyncio.gather(
        *(batches.submit(command) for command in commands), return_exceptions=True
    )


async def transactions(house: House) -> int:
    """How many transactions have written the registrations that there are."""
    rows = await house.rows("SELECT DISTINCT xmin::text FROM event_registrations")
    return len(rows)


def kinds(done: Sequence[Done | BaseException]) -> list[str]:
    return [one.stored.result.kind if isinstance(one, Done) else repr(one) for one in done]


@pytest.mark.parametrize(("per_batch_max", "expected"), [(64, 1), (7, 3), (1, PEOPLE)])
async def test_what_waits_together_is_one_transaction(
    quiet_house: QuietHouse, per_batch_max: int, expected: int
) -> None:
    event_id = await quiet_house.event(12)
    claims = [claim_seat(event_id, person) for person in range(PEOPLE)]
    done = await submit(quiet_house, claims, per_batch_max=per_batch_max)
    assert kinds(done) == ["seat-claimed"] * 12 + ["waiting-listed"] * 8
    assert await transactions(quiet_house) == expected


async def test_a_poisonous_command_is_set_apart_and_the_others_succeed(
    quiet_house: QuietHouse,
) -> None:
    event_id = await quiet_house.event(12)
    claims = [claim_seat(event_id, person) for person in range(PEOPLE)]
    # The one sign that PostgreSQL cannot keep; on the wire `decode` takes it out.
    claims[7] = claims[7].model_copy(update={"name": "An\0n"})
    done = await submit(quiet_house, claims)
    assert isinstance(done[7], DatabaseFault)
    assert kinds(done[:7] + done[8:]) == ["seat-claimed"] * 12 + ["waiting-listed"] * 7
    assert await transactions(quiet_house) == PEOPLE - 1
    assert (
        await quiet_house.rows("SELECT 1 FROM handled_commands WHERE command_id = $1", claims[7].id)
        == []
    )


async def test_the_same_command_twice_in_one_batch_is_carried_out_once(
    quiet_house: QuietHouse,
) -> None:
    event_id = await quiet_house.event(12)
    command, other = claim_seat(event_id, 1), claim_seat(event_id, 2)
    one, between, again = await submit(quiet_house, [command, other, command])
    assert isinstance(one, Done)
    assert isinstance(again, Done)
    assert isinstance(between, Done)
    assert (one.is_new, between.is_new, again.is_new) == (True, True, False)
    assert one.stored == again.stored
    assert await transactions(quiet_house) == 1
    assert len(await quiet_house.rows("SELECT 1 FROM event_registrations")) == 2


async def test_a_busy_event_is_a_retry_for_all_of_a_batch_and_never_a_full(
    quiet_house: QuietHouse,
) -> None:
    busy, calm = await quiet_house.event(12), await quiet_house.event(12)
    holder = await asyncpg.connect(quiet_house.database_url)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM events WHERE id = $1 FOR NO KEY UPDATE", busy)
        claims: list[Command] = [claim_seat(busy, person) for person in range(5)]
        waiting = asyncio.create_task(submit(quiet_house, claims))
        # Different events side by side: nobody there waits for this one.
        elsewhere = await submit(quiet_house, [claim_seat(calm, person) for person in range(5)])
        assert kinds(elsewhere) == ["seat-claimed"] * 5
        assert not waiting.done()
        done = await waiting
        assert all(isinstance(one, Retry) for one in done), done
    await holder.close()
    seats = "SELECT 1 FROM event_registrations WHERE event_id = $1"
    assert await quiet_house.rows(seats, busy) == []
    assert kinds(await submit(quiet_house, claims)) == ["seat-claimed"] * 5


async def rush(house: House, isolation: str) -> list[str]:
    """Ten at once for one event, each in a transaction of its own: the SQLSTATEs of those that
    fail.
    """
    event_id = await house.event(12)
    engine = make_engine(house.database_url).execution_options(isolation_level=isolation)
    all_have_begun = asyncio.Barrier(10)

    async def claim(person: int) -> str | None:
        command, now = claim_seat(event_id, person), house.clock.now()
        try:
            async with engine.begin() as connection:
                # The first statement takes the snapshot, as the lock itself would.
                await connection.exec_driver_sql("SELECT 1 FROM events")
                await all_have_begun.wait()
                work = Work(
                    connection=connection,
                    now=now,
                    tickets=TICKETS,
                    codes=CODES,
                    proof_by_email=False,
                )
                await carry_out([command], work)
        except DBAPIError as error:
            return str(getattr(error.orig, "sqlstate", None))
        return None

    try:
        states = await asyncio.gather(*(claim(person) for person in range(10)))
    finally:
        await engine.dispose()
    return [state for state in states if state is not None]


async def test_the_rush_needs_read_committed(quiet_house: QuietHouse) -> None:
    assert await rush(quiet_house, "READ COMMITTED") == []


async def test_repeatable_read_would_break_the_rush(quiet_house: QuietHouse) -> None:
    """The negative control: whoever waited for the lock sees the event of before the wait."""
    failed = await rush(quiet_house, "REPEATABLE READ")
    assert failed == [SERIALIZATION_FAILURE] * 9


async def test_nothing_but_sql_happens_under_the_lock(
    quiet_house: QuietHouse, tmp_path: Path
) -> None:
    """With no broker to speak to, the batch is committed and the event free all the same."""
    server = NatsServer(tmp_path)
    server.start()
    broker = Broker("registry", ServiceSettings(nats_url=server.url))
    try:
        await broker.frame.connect()
        handlers = Handlers(
            database=quiet_house.databases[0],
            broker=broker,
            clock=quiet_house.clock,
            tickets=TICKETS,
            codes=CODES,
            proof_by_email=False,
            commands_per_batch_max=64,
        )
        event_id = await quiet_house.event(12)
        server.kill()
        speaking = [
            asyncio.create_task(handlers.handle(claim_seat(event_id, person)))
            for person in range(5)
        ]
        found: list[asyncpg.Record] = []
        async with asyncio.timeout(10):
            while len(found) < 5:
                found = await quiet_house.rows("SELECT xmin::text FROM event_registrations")
        # While the five still try to speak, whoever comes next has the row at once.
        assert not any(task.done() for task in speaking)
        await quiet_house.rows("SELECT 1 FROM events FOR UPDATE NOWAIT")
        assert len({row["xmin"] for row in found}) == 1
        for result in await asyncio.gather(*speaking, return_exceptions=True):
            assert isinstance(result, Unavailable)
    finally:
        server.kill()
        with suppress(OSError):
            # Not stopped: a connection cannot be drained while its server is away.
            await broker.nats.close()


class Room:
    """Where batches are carried out, and who is in it."""

    def __init__(self) -> None:
        self.batches: list[list[UUID]] = []
        self.inside = self.inside_max = 0

    async def carry_out(self, commands: Sequence[Command]) -> list[Done]:
        self.batches.append([command.id for command in commands])
        self.inside += 1
        self.inside_max = max(self.inside_max, self.inside)
        await asyncio.sleep(0.001)
        self.inside -= 1
        return [Done(Stored(result=SeatsPassedOn()), is_new=True) for _ in commands]


async def test_events_are_worked_off_side_by_side_but_not_all_at_once() -> None:
    room = Room()
    batches = Batches(room.carry_out, commands_per_batch_max=3)
    commands = [pass_on(UUID(int=event)) for _ in range(7) for event in range(30)]
    await asyncio.gather(*map(batches.submit, commands))
    assert room.inside_max == EVENTS_AT_ONCE_MAX
    assert {len(batch) for batch in room.batches} == {1, 3}
    for event in range(30):
        ids = [command.id for command in commands if command.event_id == UUID(int=event)]
        carried = [one for batch in room.batches for one in batch if one in set(ids)]
        assert carried == ids, "the order in which they came"


async def test_what_is_about_no_event_goes_alone() -> None:
    room = Room()
    batches = Batches(room.carry_out, commands_per_batch_max=64)
    now = claim_seat(uuid4()).occurred_at
    await asyncio.gather(*(batches.submit(TendEvents(**new(), due_at=now)) for _ in range(4)))
    assert [len(batch) for batch in room.batches] == [1, 1, 1, 1]
    assert room.inside_max == 1


async def test_chats_do_not_wait_for_each_other_and_each_is_taken_in_order() -> None:
    room = Room()
    batches = Batches(room.carry_out, commands_per_batch_max=64)
    wishes = [
        RequestCode(**new(), chat=chat(person), email="a@b.example", language="en")
        for _ in range(3)
        for person in range(4)
    ]
    await asyncio.gather(*map(batches.submit, wishes))
    assert room.inside_max == 4
    for person in range(4):
        said = [wish.id for wish in wishes if wish.chat == chat(person)]
        taken = [one for batch in room.batches for one in batch if one in said]
        assert taken == said


async def test_whoever_stops_waiting_takes_nobody_along() -> None:
    """A handler that ran out of time: its command may be carried out, the others are."""
    room = Room()
    batches = Batches(room.carry_out, commands_per_batch_max=64)
    tasks = [asyncio.create_task(batches.submit(pass_on(UUID(int=1)))) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in done] == [Done, asyncio.CancelledError, Done]


async def test_a_worker_that_is_torn_away_leaves_nobody_waiting(quiet_house: QuietHouse) -> None:
    event_id = await quiet_house.event(PEOPLE)
    torn = True

    async def carry_out_or_break_off(commands: Sequence[Command]) -> list[Done]:
        if torn:
            raise asyncio.CancelledError
        return await quiet_house.handlers.carry_out(commands)

    batches = Batches(carry_out_or_break_off, commands_per_batch_max=2)
    commands = [claim_seat(event_id, person) for person in range(5)]
    async with asyncio.timeout(10):
        found = await asyncio.gather(
            *(batches.submit(command) for command in commands), return_exceptions=True
        )
        assert all(isinstance(one, Retry) for one in found), found
        torn = False
        again = await asyncio.gather(*(batches.submit(command) for command in commands))
    assert all(done.is_new for done in again)
