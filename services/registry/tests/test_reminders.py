"""Reminders and notices: planned with their cause, handed over once, never too late."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from registry_house import House, chat, give_back, tick

from contracts import (
    CancelEvent,
    ChangeEvent,
    EventDetails,
    FindNotice,
    NoticeDue,
    derived_id,
)
from registry.queries import Queries
from registry.tick_commands import NOTICES_PER_TICK_MAX

HOUR = timedelta(hours=1)


async def change(house: House, event_id: UUID, **values: object) -> None:
    """As an organiser's PATCH does it."""
    row = (await house.rows("SELECT * FROM events WHERE id = $1", event_id))[0]
    details = {name: row[name] for name in EventDetails.model_fields if name != "starts_at"}
    details = {**details, "starts_at": row["date_time"], **values}
    await house.do(
        ChangeEvent(
            id=uuid4(),
            occurred_at=house.clock.now(),
            correlation_id=uuid4(),
            event_id=event_id,
            expected_version=row["version"],
            details=EventDetails.model_validate(details),
        )
    )


async def call_off(house: House, event_id: UUID) -> None:
    await house.do(
        CancelEvent(
            id=uuid4(), occurred_at=house.clock.now(), correlation_id=uuid4(), event_id=event_id
        )
    )


async def kinds(house: House) -> list[str]:
    return [notice.kind for notice in await house.notices()]


async def is_told(house: House, notice: NoticeDue) -> bool:
    query = FindNotice(
        kind=notice.kind,
        registration_id=notice.registration_id,
        event_version=notice.event_version,
    )
    answer = await Queries(database=house.databases[0], clock=house.clock).find_notice(query)
    return answer.address is not None


async def test_both_reminders_come_when_their_time_has_come(house: House) -> None:
    seat = await house.seat(await house.event(starts_in=48 * HOUR))
    await house.do(tick(house.clock.now()))
    assert await kinds(house) == []
    house.clock.advance(24 * HOUR)
    await house.do(tick(house.clock.now()))
    assert await kinds(house) == ["reminder-24h"]
    house.clock.advance(23 * HOUR)
    await house.do(tick(house.clock.now()))
    notices = await house.notices()
    assert [notice.kind for notice in notices] == ["reminder-24h", "reminder-1h"]
    assert notices[1].id == derived_id(seat.id, "reminder-1h:1")
    assert notices[1].expires_at == seat.event.starts_at


async def test_two_workers_at_once_hand_each_reminder_over_once(house: House) -> None:
    event_id = await house.event(30, starts_in=25 * HOUR)
    for person in range(30):
        await house.seat(event_id, person)
    house.clock.advance(HOUR + timedelta(minutes=1))
    replicas = [house.replica(), house.replica()]
    now = house.clock.now()
    same = tick(now)
    await asyncio.gather(
        *(replica.handle(same) for replica in replicas),
        *(replicas[n % 2].handle(tick(now)) for n in range(4)),
    )
    rows = await house.rows(
        "SELECT outcome->'messages' AS said FROM handled_commands "
        "WHERE command = 'send-due-reminders'"
    )
    assert sum(row["said"].count("reminder-24h") for row in rows) == 30
    assert len({notice.registration_id for notice in await house.notices()}) == 30


async def test_a_tick_that_died_before_it_spoke_is_said_again(house: House) -> None:
    await house.seat(await house.event(starts_in=25 * HOUR))
    house.clock.advance(2 * HOUR - timedelta(minutes=45))
    command = tick(house.clock.now())
    await house.do(command)
    before = await house.notices()
    await house.broker.jetstream.purge_stream("EVENTS")
    stored = await house.rows(
        "SELECT outcome->'messages'->0->>'id' AS id FROM handled_commands WHERE command_id = $1",
        command.id,
    )
    assert [notice.id for notice in before] == [UUID(stored[0]["id"])]
    # Nothing is taken twice: another tick has nothing to say.
    await house.do(tick(house.clock.now()))
    assert await house.notices() == []


async def test_whoever_registers_after_the_due_time_is_not_reminded(house: House) -> None:
    await house.seat(await house.event(starts_in=2 * HOUR))
    planned = await house.rows("SELECT kind FROM notices")
    assert [row["kind"] for row in planned] == ["reminder-1h"]


async def test_whoever_gave_the_seat_back_is_not_reminded(house: House) -> None:
    event_id = await house.event(starts_in=25 * HOUR)
    await house.do(give_back(await house.seat(event_id, 1), chat(1)))
    stays = await house.seat(event_id, 2)
    house.clock.advance(HOUR + timedelta(minutes=1))
    await house.do(tick(house.clock.now()))
    assert [notice.registration_id for notice in await house.notices()] == [stays.id]


@pytest.mark.parametrize(
    ("late", "sent"),
    [
        (timedelta(minutes=29), ["reminder-24h"]),
        (timedelta(minutes=31), []),
        (23 * HOUR + timedelta(minutes=59), ["reminder-1h"]),
        (24 * HOUR + timedelta(seconds=1), []),
    ],
)
async def test_a_reminder_that_is_worth_nothing_any_more_is_dropped(
    house: House, late: timedelta, sent: list[str]
) -> None:
    await house.seat(await house.event(starts_in=25 * HOUR))
    house.clock.advance(HOUR + late)
    await house.do(tick(house.clock.now()))
    assert await kinds(house) == sent
    dropped = await house.rows("SELECT kind FROM notices WHERE dropped_at IS NOT NULL")
    waiting = await house.rows(
        "SELECT kind FROM notices WHERE dropped_at IS NULL AND sent_at IS NULL"
    )
    assert len(sent) + len(dropped) + len(waiting) == 2


async def test_a_moved_start_is_reminded_of_anew(house: House) -> None:
    event_id = await house.event(starts_in=25 * HOUR)
    await house.seat(event_id)
    house.clock.advance(HOUR + timedelta(minutes=1))
    await house.do(tick(house.clock.now()))
    starts_at = house.clock.now() + 50 * HOUR
    await change(house, event_id, starts_at=starts_at)
    old = (await house.notices())[0]
    assert not await is_told(house, old)
    house.clock.advance(26 * HOUR + timedelta(minutes=1))
    await house.do(tick(house.clock.now()))
    notices = await house.notices()
    assert [(one.kind, one.event_version) for one in notices] == [
        ("reminder-24h", 1),
        ("reminder-24h", 2),
    ]
    assert await is_told(house, notices[1])


async def test_a_corrected_typo_loses_no_reminder_that_is_on_its_way(house: House) -> None:
    event_id = await house.event(starts_in=25 * HOUR)
    await house.seat(event_id)
    house.clock.advance(HOUR + timedelta(minutes=1))
    await house.do(tick(house.clock.now()))
    await change(house, event_id, title="PyCon!")
    assert await is_told(house, (await house.notices())[0])


async def test_everybody_with_a_seat_is_told_that_the_event_is_off(house: House) -> None:
    event_id = await house.event(5, starts_in=25 * HOUR)
    seats = [await house.seat(event_id, person) for person in range(3)]
    await house.do(give_back(seats[2], chat(2)))
    await call_off(house, event_id)
    await call_off(house, event_id)
    await house.do(tick(house.clock.now()))
    house.clock.advance(HOUR + timedelta(minutes=1))
    await house.do(tick(house.clock.now()))
    notices = await house.notices()
    assert {one.registration_id for one in notices} == {seats[0].id, seats[1].id}
    assert {one.kind for one in notices} == {"event-cancelled"}
    assert len(notices) == 2
    assert all([await is_told(house, one) for one in notices])


async def test_a_big_event_is_told_in_pages(house: House) -> None:
    event_id = await house.event(1000)
    count = NOTICES_PER_TICK_MAX + 20
    await house.many_seats(event_id, count)
    await call_off(house, event_id)
    await house.do(tick(house.clock.now()))
    assert len(await house.notices()) == NOTICES_PER_TICK_MAX
    await house.do(tick(house.clock.now()))
    assert len({one.id for one in await house.notices()}) == count
    sizes = await house.rows(
        "SELECT max(pg_column_size(outcome::text)) AS bytes FROM handled_commands"
    )
    assert sizes[0]["bytes"] < 512 * 1024
