"""To be forgotten: everything goes, seats are free again, and no half person is left."""

from datetime import timedelta
from typing import Any

from registry_commands import enter, new
from registry_house import QuietHouse, chat

from contracts import (
    Address,
    ChatForgotten,
    ForgetPerson,
    PeerChanged,
    PersonForgotten,
    TendPeople,
)
from registry.results import Stored
from registry.sweep import INVARIANTS


def forget(person: int = 1, address: Address | None = None, **said: Any) -> ForgetPerson:
    return ForgetPerson(**new() | said, address=address or chat(person))


async def tend(house: QuietHouse, *, at_the_hour: bool = False) -> Stored:
    now = house.clock.now()
    due_at = now.replace(minute=0 if at_the_hour else 30, second=0, microsecond=0)
    return await house.carry_out(TendPeople(**new() | {"occurred_at": now}, due_at=due_at))


def purged(stored: Stored) -> list[ChatForgotten]:
    return [
        ChatForgotten.model_validate_json(said.body)
        for said in stored.messages
        if said.subject.startswith("in.")
    ]


def peers(stored: Stored) -> list[PeerChanged]:
    return [
        PeerChanged.model_validate_json(said.body)
        for said in stored.messages
        if said.subject.startswith("reach.")
    ]


async def forgotten(house: QuietHouse, command: ForgetPerson) -> PersonForgotten:
    result = (await house.carry_out(command)).result
    assert isinstance(result, PersonForgotten)
    return result


async def count(house: QuietHouse, table: str) -> int:
    (row,) = await house.rows(f"SELECT count(*) FROM {table}")
    return int(row["count"])


async def drift(house: QuietHouse) -> dict[str, int]:
    return {
        name: found
        for name, query in INVARIANTS.items()
        if (found := (await house.rows(query))[0]["count"])
    }


async def test_everything_of_a_person_goes_and_their_seats_go_to_the_line(
    quiet_house: QuietHouse,
) -> None:
    house = quiet_house
    event_id = await house.event(seats=1)
    mine = await enter(house, event_id, 1)
    waits = await enter(house, event_id, 2)
    over = await house.event(starts_in=timedelta(hours=1))
    came = await enter(house, over, 1)
    house.clock.advance(timedelta(hours=2))

    command = forget(1)
    assert await forgotten(house, command) == PersonForgotten(known=True, freed=1)

    (ended,) = await house.rows("SELECT * FROM event_registrations WHERE id = $1", mine.id)
    assert (ended["status"], ended["end_reason"]) == ("cancelled", "forgotten")
    (offered,) = await house.rows("SELECT status FROM event_registrations WHERE id = $1", waits.id)
    assert offered["status"] == "offered"
    (kept,) = await house.rows("SELECT * FROM event_registrations WHERE id = $1", came.id)
    assert (kept["status"], kept["name"], kept["ticket"]) == ("confirmed", "", None)
    (person,) = await house.rows("SELECT * FROM users WHERE id = $1", ended["user_id"])
    assert person["name"] == ""
    assert person["email_claimed"] is None
    assert person["telegram_id"] is None
    assert person["forgotten_at"] is not None
    assert await count(house, "identities") == 1
    assert await drift(house) == {}


async def test_whoever_is_forgotten_twice_is_unknown_the_second_time(
    quiet_house: QuietHouse,
) -> None:
    await enter(quiet_house, await quiet_house.event(), 1)
    assert (await forgotten(quiet_house, forget(1))).known
    assert not (await forgotten(quiet_house, forget(1))).known
    # And the same command is answered as it was.
    command = forget(1)
    first = await quiet_house.carry_out(command)
    assert await quiet_house.carry_out(command) == first


async def test_a_chat_that_nobody_is_known_behind_is_purged_all_the_same(
    quiet_house: QuietHouse,
) -> None:
    assert await forgotten(quiet_house, forget(1)) == PersonForgotten(known=False)
    stored = await tend(quiet_house)
    assert [said.address for said in purged(stored)] == [chat(1)]
    assert chat(1) in [said.address for said in peers(stored)]


async def test_chats_are_purged_at_once_after_an_hour_and_after_a_day_at_most(
    quiet_house: QuietHouse,
) -> None:
    house = quiet_house
    await enter(house, await house.event(), 1)
    await house.do(forget(1))
    found = []
    for _ in range(26):
        found.append(len(purged(await tend(house))))
        house.clock.advance(timedelta(hours=1))
    assert [hour for hour, chats in enumerate(found) if chats] == [0, 1, 20]
    assert await count(house, "forgettings") == 0


async def test_a_dialogue_s_state_is_dropped_by_the_conversation_and_at_last_by_us(
    quiet_house: QuietHouse,
) -> None:
    """It answers from it once more: in whose language, and that it was wished elsewhere."""
    house = quiet_house
    for person in (1, 2):
        await enter(house, await house.event(), person)
        await house.rows(
            "INSERT INTO user_states (platform, account, chat, user_id, current_state, "
            "state_data, epoch, n, updated_at) "
            "SELECT platform, account, chat_id, user_id, 'START', '{}', 1, 1, $2 "
            "FROM identities WHERE chat_id = $1",
            *(chat(person).chat_id, house.clock.now()),
        )
    states = "SELECT chat, user_id FROM user_states ORDER BY chat"
    before = await house.rows(states)
    house.clock.advance(timedelta(seconds=1))
    for person in (1, 2):
        await house.do(forget(person))
    await tend(house)
    after = await house.rows(states)
    assert [row["chat"] for row in after] == [row["chat"] for row in before]
    assert all(row["user_id"] is None for row in after)
    house.clock.advance(timedelta(hours=1))
    await house.rows(
        "UPDATE user_states SET updated_at = $1 WHERE chat = $2",
        *(house.clock.now(), chat(2).chat_id),
    )
    await tend(house)
    left = await house.rows(states)
    assert [row["chat"] for row in left] == [chat(2).chat_id], "who is back keeps what is new"


async def test_what_a_tick_says_of_chats_is_said_again_and_not_kept(
    quiet_house: QuietHouse,
) -> None:
    house = quiet_house
    await enter(house, await house.event(), 1)
    await house.do(forget(1))
    now = house.clock.now()
    command = TendPeople(**new(), due_at=now.replace(minute=30))
    # It was committed, and the process died before anything of it was published.
    lost = await house.carry_out(command)
    assert purged(lost)
    house.clock.advance(timedelta(minutes=1))
    again = await house.carry_out(command)
    assert again == lost
    (row,) = await house.rows(
        "SELECT CAST(outcome AS text) FROM handled_commands WHERE command_id = $1", command.id
    )
    assert chat(1).chat_id not in row["outcome"]
    # The next tick has nothing to add.
    assert not purged(await tend(house))
