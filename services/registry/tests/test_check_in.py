"""At the door: a ticket lets somebody in once, whoever scans it and how often."""

import asyncio
import json
from datetime import timedelta

import pytest
from registry_commands import (
    change,
    check_in,
    enter,
    move,
    new,
    promise,
    prove,
    take_promised,
    undo_check_in,
)
from registry_house import TICKETS, QuietHouse, chat, give_back
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    CancelEvent,
    CancellationRefused,
    CheckIn,
    RegistrationReleased,
    TransferRefused,
)
from contracts.cards import RegistrationCard
from registry.book import Book
from registry.book_store import read_known, write_book
from registry.event_store import lock_event
from registry.organiser_commands import check_in as decide
from registry.results import CheckedIn, RegistrationWritten, WriteRefused
from registry.sweep import sweep

SCANS = 100
FAR = timedelta(days=30)


async def seat(house: QuietHouse, person: int = 1) -> RegistrationCard:
    return await enter(house, await house.event(5, starts_in=FAR), person)


async def refusal(house: QuietHouse, command: CheckIn) -> str:
    result = (await house.carry_out(command)).result
    assert isinstance(result, WriteRefused)
    return result.reason


async def test_two_scanners_at_once_let_one_person_in_once(quiet_house: QuietHouse) -> None:
    event_id = await quiet_house.event(SCANS, starts_in=FAR)
    cards = [await enter(quiet_house, event_id, person) for person in range(SCANS)]
    replicas = [quiet_house.replica(), quiet_house.replica()]
    for card in cards:
        left, right = await asyncio.gather(
            *(
                quiet_house.carry_out(check_in(card, scanner), replica)
                for scanner, replica in zip(("left", "right"), replicas, strict=True)
            )
        )
        assert isinstance(left.result, CheckedIn)
        assert isinstance(right.result, CheckedIn)
        assert {left.result.first, right.result.first} == {True, False}
        first = left.result if left.result.first else right.result
        assert first.by == ("left" if left.result.first else "right")
        # The other one is told who was first, and when.
        assert (left.result.by, left.result.at) == (right.result.by, right.result.at)
    (row,) = await quiet_house.rows("SELECT checked_in FROM events")
    assert row["checked_in"] == SCANS
    assert len(await quiet_house.rows("SELECT 1 FROM audit WHERE action = 'checked-in'")) == SCANS
    assert set((await quiet_house.databases[0].run(sweep)).values()) == {0}


async def test_the_database_decides_who_is_first_whatever_was_read(
    quiet_house: QuietHouse,
) -> None:
    """The lock is one guard; the conditional UPDATE is another."""
    card = await seat(quiet_house)
    scan = check_in(card, "left")
    now = quiet_house.clock.now()

    async def scan_too_late(connection: AsyncConnection) -> None:
        event = await lock_event(connection, card.event.id)
        known = await read_known(connection, event, [scan], now, proof_by_email=False)
        book = Book(event, known, now, TICKETS)
        result = decide(book, scan)
        assert isinstance(result, CheckedIn)
        assert result.first
        # Somebody past our lock, between reading and writing.
        await quiet_house.rows(
            "UPDATE event_registrations SET checked_in_at = now(), checked_in_by = 'right'"
        )
        await write_book(connection, book)

    with pytest.raises(AssertionError, match="somebody else"):
        await quiet_house.databases[0].run(scan_too_late)
    rows = await quiet_house.rows("SELECT checked_in_by FROM event_registrations")
    assert [row["checked_in_by"] for row in rows] == ["right"]


async def test_a_mistake_is_undone_and_noted(quiet_house: QuietHouse) -> None:
    card = await seat(quiet_house)
    assert await undone(quiet_house, card) == WriteRefused(reason="not-checked-in")
    await quiet_house.do(check_in(card, "left"))
    assert await undone(quiet_house, card) == RegistrationWritten(registration_id=card.id)
    again = (await quiet_house.carry_out(check_in(card, "right"))).result
    assert isinstance(again, CheckedIn)
    assert (again.first, again.by) == (True, "right")
    (note,) = await quiet_house.rows("SELECT * FROM audit WHERE action = 'check-in-undone'")
    assert (note["actor"], note["channel"], note["by"]) == ("organiser", "api", "token-7")
    assert note["reason"] == "wrong person"
    assert json.loads(note["before"])["checked_in_by"] == "left"
    assert "checked_in_at" not in json.loads(note["after"])


async def undone(house: QuietHouse, card: RegistrationCard) -> object:
    return (await house.carry_out(undo_check_in(card))).result


async def test_whoever_is_in_stays_in(quiet_house: QuietHouse) -> None:
    card = await seat(quiet_house)
    await prove(quiet_house, 1, "ann@example.org")
    await quiet_house.do(check_in(card))
    for address in (chat(1), None):
        kept = (await quiet_house.carry_out(give_back(card, address))).result
        assert isinstance(kept, CancellationRefused)
        assert kept.reason == "checked-in"
    promised = (await quiet_house.carry_out(promise(card, 1, "ann@example.org"))).result
    assert isinstance(promised, TransferRefused)
    assert promised.reason == "checked-in"
    moved = (await quiet_house.carry_out(move(card, "waiting"))).result
    assert moved == WriteRefused(reason="checked-in")
    # Undone, it is a seat like any other.
    await quiet_house.do(undo_check_in(card))
    freed = (await quiet_house.carry_out(give_back(card, chat(1)))).result
    assert isinstance(freed, RegistrationReleased)


async def test_what_is_no_ticket_for_this_door_lets_nobody_in(quiet_house: QuietHouse) -> None:
    card = await seat(quiet_house)
    other = await seat(quiet_house, 2)
    wrong_door = card.model_copy(update={"event": other.event})
    assert await refusal(quiet_house, check_in(wrong_door)) == "unknown-registration"
    unknown = CheckIn(**new(), event_id=other.id, registration_id=card.id)
    assert await refusal(quiet_house, unknown) == "unknown-event"
    await quiet_house.do(give_back(card, chat(1)))
    assert await refusal(quiet_house, check_in(card)) == "not-confirmed"
    await quiet_house.do(CancelEvent(**new(), event_id=other.event.id))
    assert await refusal(quiet_house, check_in(other)) == "cancelled"


async def test_who_waits_or_has_an_offer_is_not_in_yet(quiet_house: QuietHouse) -> None:
    event_id = await quiet_house.event(1, starts_in=FAR)
    _, waits, behind = [await enter(quiet_house, event_id, person) for person in range(3)]
    assert await refusal(quiet_house, check_in(waits)) == "not-confirmed"
    await quiet_house.do(await change(quiet_house, event_id, max_participants=2))
    assert await refusal(quiet_house, check_in(waits)) == "not-confirmed"
    assert await refusal(quiet_house, check_in(behind)) == "not-confirmed"


async def test_a_ticket_that_was_handed_on_is_dead_for_whoever_kept_a_copy(
    quiet_house: QuietHouse,
) -> None:
    await seat(quiet_house, 2)
    await prove(quiet_house, 2, "ben@example.org")
    card = await seat(quiet_house, 1)
    await quiet_house.do(promise(card, 1, "ben@example.org"))
    await quiet_house.do(take_promised(card, 2))
    assert await refusal(quiet_house, check_in(card)) == "not-confirmed"


async def test_a_scan_without_a_network_counts_from_when_it_was_made(
    quiet_house: QuietHouse,
) -> None:
    card, other = await seat(quiet_house, 1), await seat(quiet_house, 2)
    earlier = quiet_house.clock.now() - timedelta(minutes=20)
    result = (await quiet_house.carry_out(check_in(card, "cellar", earlier))).result
    assert isinstance(result, CheckedIn)
    assert (result.first, result.at, result.by) == (True, earlier, "cellar")
    # A scanner whose clock is wrong: nobody comes in tomorrow.
    tomorrow = quiet_house.clock.now() + timedelta(days=1)
    result = (await quiet_house.carry_out(check_in(other, "cellar", tomorrow))).result
    assert isinstance(result, CheckedIn)
    assert result.at <= quiet_house.clock.now()


async def test_the_same_scan_delivered_twice_is_a_welcome_twice(quiet_house: QuietHouse) -> None:
    """Uploaded again after a lost answer: it is the same scan, and not somebody's copy."""
    card = await seat(quiet_house)
    scan = check_in(card)
    first = await quiet_house.carry_out(scan)
    again = await quiet_house.carry_out(scan)
    assert first == again
    assert isinstance(first.result, CheckedIn)
    assert first.result.first
