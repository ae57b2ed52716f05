"""Whoever is forgotten while something else happens is wholly gone, or wholly there anew."""

import asyncio
from datetime import timedelta

import pytest
from asyncpg import connect
from registry_commands import enter, new, promise, prove, take_promised
from registry_house import QuietHouse, chat, claim_seat, give_back
from test_forgetting import count, drift, forget, forgotten

from contracts import (
    Command,
    ForgetPerson,
    MoveIdentity,
    PersonForgotten,
)
from runtime.testing import FACT_POLL_SECONDS, FACT_SECONDS_MAX

ROUNDS = 12


async def half_people(house: QuietHouse) -> dict[str, int]:
    """What is left of the forgotten, and what points at nobody."""
    (row,) = await house.rows(
        """SELECT count(*) FROM event_registrations AS r JOIN users AS u ON u.id = r.user_id
           WHERE u.forgotten_at IS NOT NULL AND (r.name <> '' OR r.status <> 'cancelled')"""
    )
    found = await drift(house)
    return found | ({"seats-of-nobody": row["count"]} if row["count"] else {})


async def both(house: QuietHouse, *commands: Command) -> None:
    """At once, on a replica each."""
    await asyncio.gather(*(house.do(command, house.replica()) for command in commands))


async def test_a_claim_that_races_it_leaves_no_half_person(quiet_house: QuietHouse) -> None:
    house = quiet_house
    kept = 0
    for person in range(ROUNDS):
        await enter(house, await house.event(), person)
        other = await house.event()
        claim, wish = claim_seat(other, person), forget(person)
        await both(house, *((claim, wish) if person % 2 else (wish, claim)))
        assert await half_people(house) == {}
        (row,) = await house.rows(
            "SELECT count(*) FROM identities WHERE chat_id = $1", chat(person).chat_id
        )
        kept += row["count"]
    # Whoever claimed after it is somebody new; before it, nobody.
    assert 0 <= kept <= ROUNDS


async def _until_waiting(house: QuietHouse, transactions: int) -> None:
    async with asyncio.timeout(FACT_SECONDS_MAX):
        while True:
            (row,) = await house.rows(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if row["count"] >= transactions:
                return
            await asyncio.sleep(FACT_POLL_SECONDS)


@pytest.mark.parametrize("first", ["claim", "forget"])
async def test_in_either_order_the_later_one_waits_and_sees_the_other(
    quiet_house: QuietHouse, first: str
) -> None:
    """The event that is claimed is held by somebody else until both are under way."""
    house = quiet_house
    seat = await enter(house, await house.event(), 1)
    other = await house.event()
    connection = await connect(house.database_url)
    try:
        hold = connection.transaction()
        await hold.start()
        # Both need one of these: the claim its event, the wish the person.
        held = (
            ("SELECT 1 FROM users FOR UPDATE",)
            if first == "forget"
            else ("SELECT 1 FROM events WHERE id = $1 FOR NO KEY UPDATE", other)
        )
        await connection.execute(*held)
        tasks = [
            asyncio.create_task(house.do(command, house.replica()))
            for command in (forget(1), claim_seat(other, 1))
        ]
        await _until_waiting(house, 2 if first == "forget" else 1)
        await hold.rollback()
        await asyncio.gather(*tasks)
    finally:
        await connection.close()
    assert await half_people(house) == {}
    (old,) = await house.rows(
        "SELECT u.* FROM users AS u JOIN event_registrations AS r ON r.user_id = u.id "
        "WHERE r.id = $1",
        seat.id,
    )
    assert old["forgotten_at"] is not None


async def test_a_promised_seat_that_is_taken_meanwhile_is_no_seat_of_nobody(
    quiet_house: QuietHouse,
) -> None:
    house = quiet_house
    for round_ in range(ROUNDS // 2):
        giver, taker = 100 + 2 * round_, 101 + 2 * round_
        email = f"taker{round_}@example.org"
        event_id = await house.event()
        await enter(house, await house.event(), taker)
        await prove(house, taker, email)
        seat = await enter(house, event_id, giver)
        await house.do(promise(seat, giver, email))
        await both(house, forget(taker), take_promised(seat, taker))
        assert await half_people(house) == {}
        (row,) = await house.rows(
            "SELECT count(*) FROM event_registrations AS r JOIN users AS u ON u.id = r.transfer_to "
            "WHERE u.forgotten_at IS NOT NULL"
        )
        assert row["count"] == 0


async def test_two_wishes_at_once_are_one(quiet_house: QuietHouse) -> None:
    house = quiet_house
    await enter(house, await house.event(), 1)
    results = [
        (await house.carry_out(command, replica)).result
        for command, replica in [(forget(1), house.replica())]
    ]
    again = await asyncio.gather(*(house.carry_out(forget(1), house.replica()) for _ in range(4)))
    known = [
        result.known
        for result in (*results, *(stored.result for stored in again))
        if isinstance(result, PersonForgotten)
    ]
    assert known == [True, False, False, False, False]
    assert await half_people(house) == {}


async def test_a_chat_that_moves_meanwhile_is_forgotten_under_both_ids(
    quiet_house: QuietHouse,
) -> None:
    house = quiet_house
    for person in range(200, 200 + ROUNDS // 2):
        before = chat(person, "whatsapp")
        after = before.model_copy(update={"chat_id": f"US.{9_000_000 + person}"})
        await house.do(claim_seat(await house.event(), person, platform="whatsapp"))
        now = house.clock.now()
        move = MoveIdentity(
            **new() | {"occurred_at": now},
            chat=after,
            previous=before.chat_id,
            at=now,
            number_changed=False,
        )
        wish = ForgetPerson(**new() | {"occurred_at": now}, address=before)
        await both(house, move, wish)
        assert await half_people(house) == {}
        assert await count(house, "identities") == 0


async def test_a_wish_that_an_operator_sends_again_spares_who_has_come_back(
    quiet_house: QuietHouse,
) -> None:
    house = quiet_house
    await enter(house, await house.event(), 1)
    late = forget(1)
    await house.do(forget(1))
    house.clock.advance(timedelta(days=2))
    said_later = {"occurred_at": house.clock.now()}
    claim = claim_seat(await house.event(), 1).model_copy(update=said_later)
    await house.do(claim)
    assert await forgotten(house, late) == PersonForgotten(known=False)
    (row,) = await house.rows("SELECT name FROM users WHERE forgotten_at IS NULL")
    assert row["name"] == "Ann Lee"


async def test_a_change_by_an_organiser_brings_no_name_back(quiet_house: QuietHouse) -> None:
    """Also at an event that is under way: its rows are written by others."""
    house = quiet_house
    for person in range(300, 300 + ROUNDS // 2):
        event_id = await house.event(starts_in=timedelta(seconds=30))
        seat = await enter(house, event_id, person)
        house.clock.advance(timedelta(minutes=5))
        await both(house, forget(person), give_back(seat, None))
        assert await drift(house) == {}
        rows = await house.rows("SELECT name, ticket FROM event_registrations")
        assert [row for row in rows if row["name"] or row["ticket"]] == []
