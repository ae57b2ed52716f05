"""WhatsApp knows somebody by another id: what they have goes along, and nobody else's does."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from registry_commands import new
from registry_house import QuietHouse, claim_seat

from contracts import (
    Address,
    ChangePreferences,
    ClaimSeat,
    FindNotice,
    ListRegistrations,
    MoveIdentity,
    NoteReachability,
)
from registry.queries import Queries

TOLD = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
BEFORE = TOLD - timedelta(hours=1)
LATER = TOLD + timedelta(hours=1)
MONTHS = timedelta(days=90)
NUMBER, NEW_NUMBER, THIRD_NUMBER = "16505551234", "16505559999", "16505557777"
SCOPED, NEW_SCOPED = "US.77", "US.88"


def at(chat_id: str) -> Address:
    return Address(platform="whatsapp", account="106540352242922", chat_id=chat_id)


def move(
    previous: str,
    to: str,
    when: datetime = TOLD,
    *,
    phone: str | None = None,
    number_changed: bool = True,
) -> MoveIdentity:
    if phone is None and to.isdecimal():
        phone = to
    return MoveIdentity(
        **new() | {"occurred_at": when},
        chat=at(to),
        previous=previous,
        at=when,
        number_changed=number_changed,
        phone=phone,
    )


def claim(
    event_id: UUID, chat_id: str, said_at: datetime = BEFORE, phone: str | None = None
) -> ClaimSeat:
    made = claim_seat(event_id, platform="whatsapp", phone=phone)
    return made.model_copy(update={"address": at(chat_id), "occurred_at": said_at})


class Desk:
    """What everybody has, and by which ids they are known."""

    def __init__(self, house: QuietHouse) -> None:
        self.house = house
        self._queries = Queries(database=house.databases[0], clock=house.clock)

    async def event(self) -> UUID:
        """One that is still to come when somebody else has the number."""
        return await self.house.event(starts_in=2 * MONTHS)

    async def does(self, command: Any) -> str:
        """What became of it, in a word or two."""
        result: Any = (await self.house.carry_out(command)).result
        return f"{result.kind} {getattr(result, 'reason', '')}".strip()

    async def seats(self, chat_id: str) -> list[UUID]:
        """The events that the chat finds under "my registrations"."""
        found = await self._queries.list_registrations(ListRegistrations(address=at(chat_id)))
        return [card.event.id for card in found.registrations]

    async def known(self) -> dict[str, UUID]:
        """The person behind each id."""
        rows = await self.house.rows("SELECT chat_id, user_id FROM identities")
        return {row["chat_id"]: row["user_id"] for row in rows}

    async def phones(self) -> list[str | None]:
        """The numbers of all people, in the order in which they came."""
        rows = await self.house.rows("SELECT whatsapp_phone FROM users ORDER BY created_at")
        return [row["whatsapp_phone"] for row in rows]


async def until_waiting(connection: asyncpg.Connection, transactions: int) -> None:
    """Until so many transactions wait for a lock."""
    async with asyncio.timeout(20):
        while (
            await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
            < transactions
        ):
            await asyncio.sleep(0.01)


@pytest.fixture
def desk(quiet_house: QuietHouse) -> Desk:
    """The registry, in business time shortly after the move was told."""
    quiet_house.clock.advance(TOLD + timedelta(minutes=1) - quiet_house.clock.now())
    return Desk(quiet_house)


async def test_the_seats_are_found_under_the_new_number_and_only_there(desk: Desk) -> None:
    event = await desk.event()
    await desk.does(claim(event, NUMBER))
    assert await desk.does(move(NUMBER, NEW_NUMBER)) == "identity-moved"
    assert await desk.seats(NEW_NUMBER) == [event]
    assert list(await desk.known()) == [NEW_NUMBER]
    assert await desk.phones() == [f"+{NEW_NUMBER}"]
    desk.house.clock.advance(timedelta(days=2))
    assert await desk.seats(NUMBER) == []


async def test_a_reminder_is_for_the_new_number(desk: Desk) -> None:
    event = await desk.house.event(starts_in=timedelta(hours=30))
    await desk.does(claim(event, NUMBER))
    await desk.does(move(NUMBER, NEW_NUMBER))
    (row,) = await desk.house.rows("SELECT id FROM event_registrations")
    queries = Queries(database=desk.house.databases[0], clock=desk.house.clock)
    told = await queries.find_notice(
        FindNotice(kind="reminder-24h", registration_id=row["id"], event_version=1)
    )
    assert told.address == at(NEW_NUMBER)


async def test_a_chat_that_began_under_the_number_goes_on_under_the_scoped_id(desk: Desk) -> None:
    event = await desk.event()
    await desk.does(claim(event, NUMBER))
    alias = move(NUMBER, SCOPED, phone=NUMBER, number_changed=False)
    assert await desk.does(alias) == "identity-moved"
    # The number is still theirs: what comes for it, whenever, is theirs too.
    desk.house.clock.advance(timedelta(days=2))
    assert await desk.seats(SCOPED) == await desk.seats(NUMBER) == [event]
    second = await desk.event()
    await desk.does(claim(second, NUMBER, TOLD + MONTHS))
    assert await desk.seats(SCOPED) == [event, second]
    assert list(await desk.known()) == [SCOPED]
    assert await desk.phones() == [f"+{NUMBER}"]


async def test_it_is_told_again_and_in_two_ways_and_nothing_more_happens(desk: Desk) -> None:
    event = await desk.event()
    await desk.does(claim(event, SCOPED, phone=NUMBER))
    for _ in range(2):
        await desk.does(move(NUMBER, NEW_NUMBER))
        await desk.does(move(SCOPED, NEW_SCOPED, phone=NEW_NUMBER))
    assert await desk.seats(NEW_SCOPED) == [event]
    assert list(await desk.known()) == [NEW_SCOPED]
    assert await desk.phones() == [f"+{NEW_NUMBER}"]


@pytest.mark.parametrize("number_first", [True, False])
async def test_a_new_number_is_one_more_name_for_who_has_a_scoped_id(
    desk: Desk, *, number_first: bool
) -> None:
    event = await desk.event()
    await desk.does(claim(event, NUMBER))
    await desk.does(move(NUMBER, SCOPED, BEFORE, phone=NUMBER, number_changed=False))
    told = [move(NUMBER, NEW_NUMBER), move(SCOPED, NEW_SCOPED, phone=NEW_NUMBER)]
    for command in told if number_first else reversed(told):
        await desk.does(command)
    assert list(await desk.known()) == [NEW_SCOPED]
    desk.house.clock.advance(timedelta(days=2))
    assert await desk.seats(NEW_SCOPED) == await desk.seats(NEW_NUMBER) == [event]
    assert await desk.seats(NUMBER) == []


async def test_two_moves_may_arrive_in_any_order(desk: Desk) -> None:
    event = await desk.event()
    await desk.does(claim(event, NUMBER))
    assert await desk.does(move(NEW_NUMBER, THIRD_NUMBER, LATER)) == "identity-stayed nobody-known"
    assert await desk.does(move(NUMBER, NEW_NUMBER)) == "identity-moved"
    assert await desk.seats(THIRD_NUMBER) == [event]
    assert list(await desk.known()) == [THIRD_NUMBER]
    assert await desk.phones() == [f"+{THIRD_NUMBER}"]


@pytest.mark.parametrize("back_after", [timedelta(hours=1), timedelta(days=30)])
async def test_who_takes_the_old_number_back_is_known_there(
    desk: Desk, back_after: timedelta
) -> None:
    event = await desk.event()
    await desk.does(claim(event, NUMBER))
    await desk.does(move(NUMBER, NEW_NUMBER))
    assert await desk.does(move(NEW_NUMBER, NUMBER, TOLD + back_after)) == "identity-moved"
    assert list(await desk.known()) == [NUMBER]
    # The first move comes once more, under another id: it is over.
    assert await desk.does(move(NUMBER, NEW_NUMBER)) == "identity-stayed there-already"
    desk.house.clock.advance(back_after + timedelta(minutes=1))
    assert list(await desk.known()) == [NUMBER]
    assert await desk.seats(NUMBER) == [event]
    assert await desk.phones() == [f"+{NUMBER}"]


async def test_an_older_move_changes_nothing_after_a_newer_one(desk: Desk) -> None:
    event = await desk.event()
    await desk.does(claim(event, NEW_NUMBER))
    await desk.does(move(NEW_NUMBER, NUMBER, LATER))
    stale = await desk.does(move(NUMBER, THIRD_NUMBER))
    assert stale == "identity-stayed newer-known"
    assert list(await desk.known()) == [NUMBER]
    assert await desk.phones() == [f"+{NUMBER}"]
    desk.house.clock.advance(timedelta(hours=2))
    assert await desk.seats(NUMBER) == [event]


async def test_two_persons_stay_two_and_the_number_leads_to_neither(desk: Desk) -> None:
    """Whether they are one is for linking with proof to say."""
    first, second = await desk.event(), await desk.event()
    await desk.does(claim(first, NUMBER))
    await desk.does(claim(second, NEW_NUMBER))
    before = await desk.known()
    assert await desk.does(move(NUMBER, NEW_NUMBER)) == "identities-kept-apart"
    assert await desk.seats(NEW_NUMBER) == [second]
    assert await desk.known() == {NEW_NUMBER: before[NEW_NUMBER]}
    desk.house.clock.advance(timedelta(days=2))
    assert await desk.seats(NUMBER) == []
    # Nothing of either is lost: both have their seats.
    rows = await desk.house.rows("SELECT user_id FROM event_registrations")
    assert {row["user_id"] for row in rows} == set(before.values())


async def test_two_persons_at_scoped_ids_stay_as_they_are(desk: Desk) -> None:
    first, second = await desk.event(), await desk.event()
    await desk.does(claim(first, SCOPED))
    await desk.does(claim(second, NEW_SCOPED))
    before = await desk.known()
    assert await desk.does(move(SCOPED, NEW_SCOPED)) == "identities-kept-apart"
    assert await desk.known() == before


async def test_a_stranger_who_gets_the_number_later_is_a_person_of_their_own(desk: Desk) -> None:
    first, second = await desk.event(), await desk.event()
    await desk.does(claim(first, NUMBER))
    await desk.does(move(NUMBER, NEW_NUMBER))
    desk.house.clock.advance(MONTHS)
    await desk.does(claim(second, NUMBER, TOLD + MONTHS))
    known = await desk.known()
    assert known[NUMBER] != known[NEW_NUMBER]
    # The move comes once more, months late: the number is another's now.
    assert await desk.does(move(NUMBER, NEW_NUMBER)) == "identity-stayed there-already"
    assert await desk.known() == known


async def test_a_move_that_comes_months_late_takes_no_stranger_along(desk: Desk) -> None:
    event = await desk.event()
    await desk.does(claim(event, NUMBER, TOLD + MONTHS))
    assert await desk.does(move(NUMBER, NEW_NUMBER)) == "identity-stayed anothers-now"
    assert list(await desk.known()) == [NUMBER]


@pytest.mark.parametrize("began_under_the_number", [True, False])
async def test_a_hidden_number_is_given_up_with_the_scoped_id(
    desk: Desk, *, began_under_the_number: bool
) -> None:
    """People with a username have no number in the news; their old one is somebody's one day."""
    event = await desk.event()
    if began_under_the_number:
        await desk.does(claim(event, NUMBER))
        await desk.does(move(NUMBER, SCOPED, BEFORE, phone=NUMBER, number_changed=False))
    else:
        await desk.does(claim(event, SCOPED, phone=NUMBER))
    await desk.does(move(SCOPED, NEW_SCOPED))
    assert await desk.phones() == [None]
    desk.house.clock.advance(timedelta(days=2))
    assert await desk.seats(NEW_SCOPED) == [event]
    assert await desk.seats(NUMBER) == []
    await desk.does(claim(event, NUMBER, TOLD + MONTHS))
    assert len(set((await desk.known()).values())) == 2


async def test_a_claim_that_was_on_its_way_finds_the_person_at_the_new_number(desk: Desk) -> None:
    first, second = await desk.event(), await desk.event()
    await desk.does(claim(first, NUMBER))
    await desk.does(move(NUMBER, NEW_NUMBER))
    await desk.does(claim(second, NUMBER))
    assert set(await desk.seats(NEW_NUMBER)) == {first, second}
    assert list(await desk.known()) == [NEW_NUMBER]


async def test_a_first_claim_that_the_move_has_overtaken_is_the_new_number_s(desk: Desk) -> None:
    event = await desk.event()
    assert await desk.does(move(NUMBER, NEW_NUMBER)) == "identity-stayed nobody-known"
    await desk.does(claim(event, NUMBER))
    assert await desk.seats(NEW_NUMBER) == [event]
    assert list(await desk.known()) == [NEW_NUMBER]


@pytest.mark.parametrize("claim_first", [True, False])
@pytest.mark.parametrize("is_known", [True, False])
async def test_a_claim_and_a_move_at_once_make_one_person(
    desk: Desk, *, is_known: bool, claim_first: bool
) -> None:
    """Each of the two waits for the other, or looks again."""
    first = await desk.event()
    if is_known:
        await desk.does(claim(first, NUMBER))
    second = await desk.event()
    commands = [claim(second, NUMBER), move(NUMBER, NEW_NUMBER)]
    holder = await asyncpg.connect(desk.house.database_url)
    try:
        # Both have looked, and neither has written, when this ends; who came first writes first.
        async with holder.transaction():
            await holder.execute("LOCK TABLE identities IN SHARE MODE")
            tasks = []
            for command in commands if claim_first else reversed(commands):
                tasks.append(asyncio.create_task(desk.does(command)))
                await until_waiting(holder, len(tasks))
        await asyncio.gather(*tasks)
    finally:
        await holder.close()
    assert set(await desk.seats(NEW_NUMBER)) == ({first, second} if is_known else {second})
    assert list(await desk.known()) == [NEW_NUMBER]
    assert len(await desk.phones()) == 1


async def test_a_wish_for_no_marketing_and_the_dialogue_go_along(desk: Desk) -> None:
    await desk.does(claim(await desk.event(), NUMBER))
    person = (await desk.known())[NUMBER]
    for blocked, stopped, chat_id in ((True, True, NUMBER), (False, False, THIRD_NUMBER)):
        await desk.does(
            NoteReachability(
                **new(), chat=at(chat_id), blocked=blocked, marketing_stopped=stopped, at=BEFORE
            )
        )
    await desk.house.rows(
        "INSERT INTO user_states (platform, account, chat, user_id, current_state, state_data, "
        "epoch, n, updated_at) SELECT 'whatsapp', '106540352242922', chat, owner, 'start', '{}', "
        "1, 1, now() FROM (VALUES ($1, $2::uuid), ($3, NULL)) AS v(chat, owner)",
        *(NUMBER, person, NEW_NUMBER),
    )
    await desk.does(move(NUMBER, NEW_NUMBER))
    (noted,) = await desk.house.rows(
        "SELECT blocked, marketing_stopped FROM reachability WHERE chat_id = $1", NEW_NUMBER
    )
    assert (noted["blocked"], noted["marketing_stopped"]) == (False, True)
    states = await desk.house.rows("SELECT chat, user_id FROM user_states")
    assert {row["chat"]: row["user_id"] for row in states} == {NUMBER: None, NEW_NUMBER: person}


async def test_a_stop_that_was_on_its_way_is_the_person_s(desk: Desk) -> None:
    await desk.does(claim(await desk.event(), NUMBER))
    await desk.does(move(NUMBER, NEW_NUMBER))
    stop = ChangePreferences(**new() | {"occurred_at": BEFORE}, chat=at(NUMBER), muted=True)
    await desk.does(stop)
    assert [row["muted"] for row in await desk.house.rows("SELECT muted FROM users")] == [True]


async def test_a_move_that_is_delivered_twice_is_carried_out_once(desk: Desk) -> None:
    event = await desk.event()
    await desk.does(claim(event, NUMBER))
    told = move(NUMBER, NEW_NUMBER)
    assert await desk.does(told) == await desk.does(told) == "identity-moved"
    assert await desk.seats(NEW_NUMBER) == [event]
